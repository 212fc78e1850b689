/* A picture of a graph, for Graphviz: values are boxes, loops of the schedule are frames, and the
 * edge that closes a recurrence is dashed and drawn backwards, so that time runs along the frames
 * and not along the page.
 *
 * A graph that has no schedule (a state still open, an illegal cycle) is drawn without frames: that
 * is when a picture is wanted most. */
#include "graph/graph.h"

static void dot_escape(text *out, const char *words) {
    for (const char *at = words; *at; at++) {
        if (*at == '"' || *at == '\\')
            text_add(out, "\\");
        if ((unsigned char)*at < 0x20)
            text_add(out, " ");
        else
            text_add_bytes(out, at, 1);
    }
}

static void dot_node(const graph *g, text *out, const op_node *n) {
    bool recurrent = n->op == OP_DELAY;
    text_add(out, "  v%u [label=\"", n->id);
    if (n->name) {
        dot_escape(out, n->name);
        text_add(out, "\\n");
    }
    text_add(out, "%%%u %s", n->id, op_get((op_id)n->op)->name);
    if (n->op == OP_CONTRACT) {
        text_add(out, " ");
        dot_escape(out, n->attributes.text);
    }
    if (recurrent)
        text_add(out, " %s %+d", g->axes[n->attributes.axis].name, -n->attributes.distance);
    if (n->attributes.over) {
        text_add(out, " over ");
        print_domain(g, n->attributes.over, out);
    }
    text_add(out, "\\n");
    print_type(g, n, out);
    bool leaf = op_get((op_id)n->op)->family == OP_FAMILY_LEAF;
    text_add(out, "\"%s];\n", leaf ? ", style=rounded" : recurrent ? ", style=bold" : "");
}

static void dot_edges(text *out, const op_node *n) {
    for (int i = 0; i < op_live_count(n); i++) {
        const op_node *argument = n->arguments[i];
        if (argument && n->op == OP_DELAY && i == 0)
            text_add(out, "  v%u -> v%u [dir=back, style=dashed, constraint=%s];\n", n->id,
                     argument->id, argument->id > n->id ? "false" : "true");
        else if (argument)
            text_add(out, "  v%u -> v%u;\n", argument->id, n->id);
    }
}

/* The schedule's loops as nested frames around node names. */
static void dot_frames(const graph *g, text *out, const schedule_list *items) {
    struct {
        const schedule_list *items;
        size_t next;
    } stack[LIMIT_AXES + 1]; /* a loop inside a loop is over another axis */
    int depth = 0, frames = 0;
    stack[0].items = items;
    stack[0].next = 0;
    while (depth >= 0) {
        if (stack[depth].next == stack[depth].items->count) {
            if (depth > 0)
                text_add(out, "  }\n");
            depth--;
            continue;
        }
        const schedule_item *item = &stack[depth].items->at[stack[depth].next++];
        if (item->node) {
            if (depth > 0)
                text_add(out, "  v%u;\n", item->node->id);
            continue;
        }
        text_add(out, "  subgraph cluster_%d {\n  label=\"%s%s\";\n", frames++,
                 g->axes[item->axis].name, item->sign < 0 ? " downwards" : "");
        depth++;
        stack[depth].items = &item->items;
        stack[depth].next = 0;
    }
}

/* The schedule, or nothing; mistakes in the program stay unsaid. */
static void dot_schedule(const graph *g, arena *memory, const node_list *nodes,
                         const node_list *roots, schedule_list *out) {
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->at[i]->op == OP_DELAY && !nodes->at[i]->arguments[0])
            return;
    error unsaid = {0};
    graph quiet = *g;
    quiet.problem = quiet.builder.problem = &unsaid;
    if (!schedule_graph(&quiet, memory, roots->at, roots->count, -1, out))
        out->count = 0;
}

void dot_graph(const graph *g, text *out) {
    node_list roots = {0}, nodes = {0};
    schedule_list items = {0};
    graph_roots(g, out->memory, &roots);
    for (size_t i = 0; i < g->updates.count; i++)
        vec_push(out->memory, &roots, g->updates.at[i].variable);
    graph_postorder(out->memory, roots.at, roots.count, false, &nodes);
    dot_schedule(g, out->memory, &nodes, &roots, &items);
    text_add(out, "digraph eddy {\n  node [shape=box, fontname=\"monospace\"];\n");
    for (size_t i = 0; i < nodes.count; i++)
        dot_node(g, out, nodes.at[i]);
    for (size_t i = 0; i < nodes.count; i++)
        dot_edges(out, nodes.at[i]);
    dot_frames(g, out, &items);
    for (size_t i = 0; i < g->outputs.count; i++) {
        text_add(out, "  out%zu [label=\"", i);
        dot_escape(out, g->outputs.at[i].name);
        text_add(out, "\", shape=plaintext];\n  v%u -> out%zu;\n", g->outputs.at[i].node->id, i);
    }
    for (size_t i = 0; i < g->updates.count; i++)
        text_add(out, "  v%u -> v%u [style=dashed, label=\"update\", constraint=false];\n",
                 g->updates.at[i].node->id, g->updates.at[i].variable->id);
    text_add(out, "}\n");
}
