/* The whole of a program in Python.
 *
 * What is written is the graph behind the compiler's rewrites: the gates of a cell are one product,
 * as an expert would have it, and what does not step through time stands in front of the loop. So a
 * comparison with it is a fair one, and it is what `eddy bench` compares with.
 *
 * Statements are written first: only then is known which weights and extents they use. */
#include <string.h>

#include "frontends/cli/python.h"
#include "jit/program.h"

const char *python_name(python_way way) {
    static const char *const names[PYTHON_WAYS] = {"PyTorch", "JAX"};
    return names[way];
}

const char *python_module(python_way way) {
    static const char *const modules[PYTHON_WAYS] = {"torch", "jax"};
    return modules[way];
}

/* The rewritten graph and what of it results need, in order; false with the problem. */
static bool python_read(python_writer *p, schedule_list *items) {
    node_list roots = {0};
    p->g = pipeline_rewrite(&p->of->model->graph, p->memory, &p->fault);
    for (size_t i = 0; p->g && i < p->g->outputs.count; i++)
        vec_push(p->memory, &roots, p->g->outputs.at[i].node);
    if (!p->g || !schedule_graph(p->g, p->memory, roots.at, roots.count, -1, items)) {
        p->problem = p->fault.message;
        return false;
    }
    p->nodes = arena_array(p->memory, python_node, p->g->nodes.count);
    python_place(p, items);
    return true;
}

/* The input of this name, if anything needs it. */
static op_node *python_input(const python_writer *p, const char *name) {
    for (size_t i = 0; i < p->g->nodes.count; i++) {
        op_node *n = p->g->nodes.at[i];
        if (n->op == OP_INPUT && p->nodes[i].place >= 0 && strcmp(n->attributes.text, name) == 0)
            return n;
    }
    return NULL;
}

static void python_inputs(python_writer *p, node_list *out) {
    const graph *from = &p->of->model->graph;
    for (size_t i = 0; i < from->nodes.count; i++) {
        const op_node *n = from->nodes.at[i];
        op_node *x = n->op == OP_INPUT ? python_input(p, n->attributes.text) : NULL;
        if (!x)
            continue;
        const char *name = python_unique(p, &p->taken, n->attributes.text);
        p->nodes[x->id].value = (python_value){name, PYTHON_TIGHT, x->domain, false};
        vec_push(p->memory, out, x);
    }
}

/* "a, b": results, as arrays of all their axes. */
static const char *python_results(python_writer *p) {
    text words;
    text_init(&words, p->memory);
    for (size_t i = 0; i < p->g->outputs.count; i++) {
        const op_node *n = p->g->outputs.at[i].node;
        text_add(&words, "%s%s", i ? ", " : "", python_fit(p, n, n->domain, &n->shape));
    }
    return words.at;
}

/* "steps = x.shape[0]" for each extent that is asked for. */
static void python_extents(python_writer *p, const node_list *inputs, text *out) {
    for (int axis = 0; axis < p->g->axis_count; axis++) {
        size_t i = 0;
        if (!p->extents[axis])
            continue;
        while (i < inputs->count && !(inputs->at[i]->domain >> axis & 1))
            i++;
        if (i == inputs->count) {
            p->problem = arena_print(p->memory, "no input shows how many steps of `%s` there are",
                                     p->g->axes[axis].name);
            return;
        }
        const op_node *x = inputs->at[i];
        text_add(out, "%*s%s = %s.shape[%d]\n", 4 * p->depth, "", p->extents[axis],
                 p->nodes[x->id].value.words, python_before(p, x->domain, axis));
    }
}

/* ---- what stands around the statements */

/* "x: [t, b, 4]" */
static void python_shape(const python_writer *p, const char *name, const op_node *n, text *out) {
    int order[LIMIT_AXES], count = graph_axis_order(p->g, n->domain, order);
    text_add(out, "%s: [", name);
    for (int i = 0; i < count + n->shape.rank; i++) {
        int64_t size = i < count ? OP_EXTENT_OF(order[i]) : n->shape.dimension[i - count];
        text_add(out, "%s", i ? ", " : "");
        if (size < 0)
            text_add(out, "%s", p->g->axes[-1 - size].name);
        else
            text_add(out, "%lld", (long long)size);
    }
    text_add(out, "]");
}

static void python_about(const python_writer *p, const node_list *inputs, text *out) {
    text_add(out, "\"\"\"The cell %s, as `eddy show --as %s` writes it.\n\n", p->of->title,
             python_module(p->way));
    for (size_t i = 0; p->way == PYTHON_JAX && i < p->weights.count; i++) {
        text_add(out, "%s    ", i ? "" : "params:\n");
        python_shape(p, p->weights.at[i].node->attributes.text, p->weights.at[i].node, out);
        text_add(out, "\n");
    }
    for (size_t i = 0; i < inputs->count; i++) {
        python_shape(p, p->nodes[inputs->at[i]->id].value.words, inputs->at[i], out);
        text_add(out, "\n");
    }
    text_add(out, "Result");
    for (size_t i = 0; i < p->g->outputs.count; i++) {
        text_add(out, "%s", i ? ", " : " ");
        python_shape(p, p->g->outputs.at[i].name, p->g->outputs.at[i].node, out);
    }
    text_add(out, "\n\"\"\"\n\n");
}

static bool python_trained(const python_writer *p, const op_node *weight) {
    const eddy_model *m = p->of->model;
    for (size_t i = 0; i < m->variables.count; i++)
        if (strcmp(m->variables.at[i].node->attributes.text, weight->attributes.text) == 0)
            return m->variables.at[i].trainable;
    return false;
}

static void python_weights(python_writer *p, text *out) {
    if (!p->weights.count)
        return;
    text_add(out, "    # What the weights are called by eddy, and here.\n    names = {\n");
    for (size_t i = 0; i < p->weights.count; i++)
        text_add(out, "        \"%s\": \"%s\",\n", p->weights.at[i].node->attributes.text,
                 p->weights.at[i].name);
    text_add(out, "    }\n\n    def __init__(self):\n        super().__init__()\n");
    for (size_t i = 0; i < p->weights.count; i++) {
        const op_node *n = p->weights.at[i].node;
        const char *name = p->weights.at[i].name, *sizes = python_sizes(p, 0, &n->shape, -1, 0);
        const char *zeros = python_full(p, "0.0", sizes, (dtype)n->dtype);
        if (python_trained(p, n))
            text_add(out, "        self.%s = nn.Parameter(%s)\n", name, zeros);
        else
            text_add(out, "        self.register_buffer(\"%s\", %s)\n", name, zeros);
    }
    text_add(
        out, "%s",
        "\n    def load(self, tensors, prefix=\"\"):\n"
        "        \"\"\"Takes weights, which are zeros before, as numpy.load or\n"
        "        safetensors.torch.load_file give them. In a run of eddy's their names begin with"
        " that of\n        the layer: \"layer1.\".\"\"\"\n"
        "        with torch.no_grad():\n"
        "            for theirs, name in self.names.items():\n"
        "                own, given = getattr(self, name), torch.as_tensor(tensors[prefix + "
        "theirs])\n"
        "                if own.shape != given.shape:\n"
        "                    raise ValueError(f\"{theirs} is {tuple(given.shape)}, not "
        "{tuple(own.shape)}\")\n"
        "                own.copy_(given)\n\n");
}

static void python_torch(python_writer *p, const char *arguments, const char *statements,
                         text *out) {
    text_add(out, "import torch\nfrom torch import nn\n%s",
             strstr(statements, "functional.") ? "from torch.nn import functional\n" : "");
    python_functions(p, out);
    text_add(out, "\n\nclass Cell(nn.Module):\n");
    python_weights(p, out);
    text_add(out, "    def forward(self%s):\n", arguments);
}

static void python_jax(const python_writer *p, const char *arguments, const char *statements,
                       text *out) {
    text_add(out, "%sfrom jax import numpy as jnp\n",
             strstr(statements, "jax.") ? "import jax\n" : "");
    python_functions(p, out);
    text_add(out, "\n\ndef cell(params%s):\n", arguments);
}

const char *python_write(const python_source *of, python_way way, text *out, python_names *names) {
    python_writer p = {
        .way = way, .of = of, .memory = out->memory, .depth = way == PYTHON_TORCH ? 2 : 1};
    schedule_list items = {0};
    node_list inputs = {0};
    text statements, extents, arguments;
    text_init(&statements, p.memory);
    text_init(&extents, p.memory);
    text_init(&arguments, p.memory);
    if (!python_read(&p, &items))
        return arena_copy_text(p.memory, p.problem);
    python_inputs(&p, &inputs);
    p.out = &statements;
    python_statements(&p, &items, 0);
    const char *results = p.problem ? "" : python_results(&p);
    if (!p.problem)
        python_extents(&p, &inputs, &extents);
    if (p.problem)
        return p.problem;
    for (size_t i = 0; i < inputs.count; i++) {
        text_add(&arguments, ", %s", p.nodes[inputs.at[i]->id].value.words);
        if (names)
            vec_push(p.memory, names, arena_copy_text(p.memory, inputs.at[i]->attributes.text));
    }
    text_add(&statements, "%*sreturn %s\n", 4 * p.depth, "", results);
    python_about(&p, &inputs, out);
    if (way == PYTHON_TORCH)
        python_torch(&p, arguments.at, statements.at, out);
    else
        python_jax(&p, arguments.at, statements.at, out);
    text_add(out, "%s%s", extents.at, statements.at);
    return NULL;
}
