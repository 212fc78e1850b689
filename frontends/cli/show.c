/* `eddy show`: what the compiler makes of a cell.
 *
 * Stages come from the schedule of the rewritten graph: what it computes inside the loop over time
 * is the recurrence; what depends on neither time nor sample is made of parameters once; of the
 * rest, what the loop needs stands before it, and what needs the loop behind it. A line of the file
 * may have parts in several stages: that W@x of a gate is out of the loop is the point. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontends/capi.h"
#include "frontends/cli/cell.h"
#include "frontends/cli/options.h"
#include "frontends/cli/picture.h"
#include "frontends/cli/python.h"
#include "frontends/cli/session.h"
#include "frontends/lang/readback.h"
#include "frontends/program.h"
#include "graph/recurrence.h"
#include "jit/program.h"

typedef enum show_stage { SHOW_ONCE, SHOW_BEFORE, SHOW_LOOP, SHOW_AFTER, SHOW_STAGES } show_stage;

static const char *const show_names[SHOW_STAGES] = {"once", "before", "loop", "after"};

typedef struct show_line {
    int line;
    show_stage stage;
    double flops, weights; /* of one step of one sample; bytes of weights that they read */
    const char *values;    /* names of values, joined */
} show_line;

typedef struct show {
    arena *memory;
    cell_source cell;
    int axis;             /* of time */
    graph *g;             /* rewritten */
    bool *looped, *after; /* by node number */
    VEC(show_line) lines;
} show;

static eddy_model *show_model(const show *s, bool training) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    cell_alone(&s->cell, m, t, b, training);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    return m;
}

/* ---- stages */

static void show_mark(show *s, const schedule_list *items, bool inside) {
    for (size_t i = 0; i < items->count; i++) {
        const schedule_item *item = &items->at[i];
        if (item->node)
            s->looped[item->node->id] = inside;
        else
            show_mark(s, &item->items, inside || (item->axis == s->axis && !item->block));
    }
}

static show_stage show_stage_of(const show *s, const op_node *n) {
    if (s->looped[n->id])
        return SHOW_LOOP;
    if (n->domain == 0)
        return SHOW_ONCE;
    return s->after[n->id] ? SHOW_AFTER : SHOW_BEFORE;
}

static double show_elements(const op_shape *shape) {
    double elements = 1;
    for (int i = 0; i < shape->rank; i++)
        elements *= shape->dimension[i] > 0 ? (double)shape->dimension[i] : 1;
    return elements;
}

/* A multiplication and an addition for each combination of letters. */
static double show_contract(const op_node *n) {
    double product = 2;
    bool seen[128] = {false};
    const char *spec = n->attributes.text;
    for (int argument = 0, at = 0; *spec && *spec != '-'; spec++) {
        if (*spec == ',') {
            argument++;
            at = 0;
            continue;
        }
        int64_t size = n->arguments[argument]->shape.dimension[at++];
        if (!seen[(unsigned char)*spec & 127] && size > 0)
            product *= (double)size;
        seen[(unsigned char)*spec & 127] = true;
    }
    return product;
}

static double show_flops(const op_node *n) {
    const op_info *op = op_get((op_id)n->op);
    if (op->family == OP_FAMILY_CONTRACT)
        return show_contract(n);
    if (op->family == OP_FAMILY_REDUCE)
        return show_elements(&n->arguments[0]->shape);
    bool computes = op->family == OP_FAMILY_ELEMENTWISE && n->op != OP_KEEP && n->op != OP_CAST;
    return computes ? show_elements(&n->shape) : 0;
}

static double show_weights(const op_node *n) {
    double bytes = 0;
    for (int i = 0; i < n->count; i++)
        if (n->arguments[i] && n->arguments[i]->domain == 0)
            bytes += show_elements(&n->arguments[i]->shape) *
                     (double)dtype_size((dtype)n->arguments[i]->dtype);
    return bytes;
}

static void show_add(show *s, const op_node *n) {
    show_stage stage = show_stage_of(s, n);
    double flops = show_flops(n);
    size_t i = 0;
    if (flops == 0)
        return;
    while (i < s->lines.count &&
           (s->lines.at[i].line != n->where.line || s->lines.at[i].stage != stage))
        i++;
    if (i == s->lines.count)
        vec_push(s->memory, &s->lines, (show_line){n->where.line, stage, 0, 0, ""});
    show_line *line = &s->lines.at[i];
    line->flops += flops;
    line->weights += n->op == OP_CONTRACT ? show_weights(n) : 0;
    if (n->name)
        line->values =
            arena_print(s->memory, "%s%s%s", line->values, line->values[0] ? ", " : "", n->name);
}

static int show_order(const void *a, const void *b) {
    const show_line *x = a, *y = b;
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                              : (int)x->stage - (int)y->stage;
}

static void show_schedule(show *s) {
    error problem = {0};
    schedule_list items = {0};
    node_list roots = {0};
    eddy_model *m = show_model(s, false);
    s->axis = graph_axis_find(&m->graph, "t");
    s->g = pipeline_rewrite(&m->graph, s->memory, &problem);
    if (s->g)
        graph_roots(s->g, s->memory, &roots);
    if (!s->g || !schedule_graph(s->g, s->memory, roots.at, roots.count, -1, &items))
        cli_fail(CLI_FAILED, "%s", problem.message);
    s->looped = arena_array(s->memory, bool, s->g->nodes.count + 1);
    s->after = arena_array(s->memory, bool, s->g->nodes.count + 1);
    show_mark(s, &items, false);
    for (size_t i = 0; i < s->g->nodes.count; i++) {
        const op_node *n = s->g->nodes.at[i];
        for (int k = 0; k < n->count; k++) {
            const op_node *x = n->arguments[k];
            s->after[i] |= x && x->id < n->id && (s->looped[x->id] || s->after[x->id]);
        }
        show_add(s, n);
    }
    if (s->lines.count)
        qsort(s->lines.at, s->lines.count, sizeof *s->lines.at, show_order);
    printf("recurrence: %s\n\n", recurrence_words(s->g, s->axis, s->memory));
    eddy_model_free(m);
}

/* ---- the answer */

static void show_source(const show *s, int wanted) {
    size_t bytes;
    const char *at = s->cell.path ? cli_read_file(s->memory, s->cell.path, &bytes) : "";
    for (int line = 1; *at && line < wanted; line++)
        at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n');
    at += strspn(at, " ");
    printf("  %.*s", (int)strcspn(at, "\n"), at);
}

static void show_stages(const show *s) {
    double flops[SHOW_STAGES] = {0}, weights[SHOW_STAGES] = {0}, all = 0;
    int last = 0;
    printf("%5s  %-7s %10s %10s\n", "line", "stage", "flops", "weights");
    for (size_t i = 0; i < s->lines.count; i++) {
        const show_line *line = &s->lines.at[i];
        flops[line->stage] += line->flops;
        weights[line->stage] += line->weights;
        all += line->flops;
        if (s->cell.path)
            printf("%5d", line->line);
        else
            printf("%5s", "");
        printf("  %-7s %10.0f %10.0f", show_names[line->stage], line->flops, line->weights);
        if (s->cell.path && line->line != last)
            show_source(s, line->line);
        else if (!s->cell.path)
            printf("  %s", line->values);
        last = line->line;
        printf("\n");
    }
    printf(
        "\nOf a step of a sample: %.0f flops, %.0f of them inside the loop (%.0f%%), which read "
        "%.0f bytes of weights.\n",
        all, flops[SHOW_LOOP], all > 0 ? 100 * flops[SHOW_LOOP] / all : 0, weights[SHOW_LOOP]);
}

/* Memory of a run for one sample of so many steps; other axes have 8. */
static size_t show_bytes(const eddy_program *made, eddy_params *params, int64_t steps) {
    eddy_extent extents[LIMIT_AXES];
    int count = 0;
    for (int i = 0; i < program_axis_count(made->code); i++) {
        const char *name = program_axis_name(made->code, i);
        if (program_axis_extent(made->code, i) < 0)
            extents[count++] = (eddy_extent){name, strcmp(name, "t") == 0   ? steps
                                                   : strcmp(name, "b") == 0 ? 1
                                                                            : 8};
    }
    eddy_run *run = session_run(made, params);
    cli_check(eddy_run_resize(run, extents, count), eddy_run_message(run));
    size_t bytes = eddy_run_bytes(run);
    eddy_run_free(run);
    return bytes;
}

/* A step of training: the gradient of the sum of all squares of results. */
static void show_memory(const show *s) {
    eddy_model *m = show_model(s, true);
    eddy_value loss = cell_squares(m);
    if (!loss || !eddy_trainable_count(m)) {
        eddy_model_free(m);
        return;
    }
    eddy_minimise(loss, eddy_sgd());
    eddy_program *made;
    eddy_params *params = eddy_params_new(NULL, 1);
    cli_check(eddy_compile(m, &made), eddy_model_message(m));
    size_t few = show_bytes(made, params, 64), many = show_bytes(made, params, 128);
    printf("Training remembers %.0f bytes a step of a sample.\n", (double)(many - few) / 64);
    eddy_program_free(made);
    eddy_params_free(params);
    eddy_model_free(m);
}

/* Prints what passes make, by the switch that the library has for it. */
static void show_passes(const show *s, const char *letters) {
    eddy_program *made = NULL;
    setenv("EDDY_DUMP", letters, 1);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    eddy_model *m = show_model(s, false);
    cli_check(eddy_compile(m, &made), eddy_model_message(m));
    eddy_program_free(made);
    eddy_model_free(m);
}

static void show_text(const show *s, bool as_dot) {
    eddy_model *m = show_model(s, false);
    const char *words = as_dot ? eddy_model_dot(m) : eddy_model_text(m);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    fputs(words, stdout);
    eddy_model_free(m);
}

static void show_picture(const show *s) {
    eddy_model *m = show_model(s, false);
    picture p;
    text out;
    text_init(&out, s->memory);
    picture_of(&m->graph, s->memory, &p);
    if (p.nodes.count > PICTURE_NODES)
        cli_fail(CLI_FAILED,
                 "the cell %s has %zu values with names, too many for a picture; --as "
                 "dot has the whole graph",
                 s->cell.name, p.nodes.count);
    picture_svg(&p, s->cell.name, &out);
    fputs(out.at, stdout);
    eddy_model_free(m);
}

static void show_python(const show *s, python_way way) {
    eddy_model *m = show_model(s, false);
    text out;
    text_init(&out, s->memory);
    const python_source of = {.title = cell_title(&s->cell, s->memory), .model = m};
    const char *problem = python_write(&of, way, &out, NULL);
    if (problem)
        cli_fail(CLI_FAILED, "the cell %s cannot be written for %s: %s", s->cell.name,
                 python_name(way), problem);
    fputs(out.at, stdout);
    eddy_model_free(m);
}

/* Cells of the library that are written in C stand there in the language too. */
static void show_equations(const show *s, bool as_tex) {
    eddy_cells *library = NULL;
    eddy_cell_about about;
    text out;
    int number = s->cell.number;
    text_init(&out, s->memory);
    if (!s->cell.cells) {
        if (eddy_cells_library(NULL, &library) != EDDY_OK)
            cli_fail(CLI_FAILED, "%s", eddy_cells_report(library));
        for (number = 0; eddy_cells_at(library, number, &about); number++)
            if (strcmp(about.name, s->cell.name) == 0)
                break;
    }
    const syntax_cell *cell = language_cell(library ? library : s->cell.cells, number);
    if (as_tex)
        readback_tex(cell, &out);
    else
        readback_plain(cell, &out);
    fputs(out.at, stdout);
    eddy_cells_free(library);
}

static void show_report(show *s) {
    printf("%s\n", cell_title(&s->cell, s->memory));
    show_schedule(s);
    show_stages(s);
    show_memory(s);
}

int show_run(arena *memory, const options *o) {
    const char *path = o->operand_count ? o->operands[0] : NULL, *name = options_text(o, "cell");
    if (!path && !name)
        cli_fail(CLI_USAGE,
                 "nothing to show: a FILE, or --cell NAME of the library\nTry 'eddy "
                 "show --help'.");
    show s = {.memory = memory};
    s.cell = cell_open(memory, path, name, options_text(o, "set"));
    const char *as = options_text(o, "as");
    if (options_given(o, "pass"))
        show_passes(&s, options_text(o, "pass"));
    else if (strcmp(as, "equations") == 0 || strcmp(as, "tex") == 0)
        show_equations(&s, strcmp(as, "tex") == 0);
    else if (strcmp(as, "svg") == 0)
        show_picture(&s);
    else if (strcmp(as, "torch") == 0 || strcmp(as, "jax") == 0)
        show_python(&s, strcmp(as, "jax") == 0 ? PYTHON_JAX : PYTHON_TORCH);
    else if (strcmp(as, "report") != 0)
        show_text(&s, strcmp(as, "dot") == 0);
    else
        show_report(&s);
    cell_free(&s.cell);
    return CLI_DONE;
}
