/* Pass: values are numbered by what needs them, not by when they were written.
 *
 * Numbers decide what no rounding of a single value shows: the order in which contributions to a
 * gradient add, which rows of a merged matrix come first, which of two independent nests runs
 * first. A user who writes the gates of a cell in another order, or whose C compiler evaluates the
 * arguments of a call from the right, means the same program; so he shall get the same machine
 * code. The walk starts from the outputs and goes from each value to its arguments, in their order.
 * What it leaves behind is numbered: arguments before their readers, and nothing that no result
 * needs.
 *
 * What stands behind a value that it is bound to comes later, in the order in which those values
 * are met: the next value of a state, the new value of a param. Outputs keep the order in which
 * they were asked for, which callers can see; updates, which all happen at the end, follow their
 * params. All arguments of a custom count, also those that no value reads: they are its adjoint. */
#include "graph/graph.h"

typedef struct clean_step {
    const op_node *node;
    int next; /* argument to visit */
} clean_step;

typedef struct clean_work {
    const graph *from;
    arena *memory;
    VEC(clean_step) path;
    bool *seen;       /* by number */
    uint32_t *update; /* by number of a param: its update, from 1; 0: none */
    node_list order;
} clean_work;

static void clean_enter(clean_work *w, const op_node *n) {
    if (w->seen[n->id])
        return;
    w->seen[n->id] = true;
    vec_push(w->memory, &w->path, (clean_step){n, rewrite_is_state(n) ? 1 : 0});
}

static void clean_visit(clean_work *w, const op_node *root) {
    clean_enter(w, root);
    while (w->path.count > 0) {
        clean_step *top = &vec_last(&w->path);
        if (top->next < top->node->count) {
            clean_enter(w, top->node->arguments[top->next++]);
        } else {
            vec_push(w->memory, &w->order, w->from->nodes.at[top->node->id]);
            w->path.count--;
        }
    }
}

/* What stands behind the values in order, from number `next` on. Returns how many there are. */
static size_t clean_follow(clean_work *w, size_t next) {
    for (; next < w->order.count; next++) {
        const op_node *n = w->order.at[next];
        if (rewrite_is_state(n) && n->arguments[0])
            clean_visit(w, n->arguments[0]);
        if (w->update[n->id] > 0)
            clean_visit(w, w->from->updates.at[w->update[n->id] - 1].node);
    }
    return next;
}

static void clean_all(clean_work *w) {
    const graph *from = w->from;
    for (int a = 0; a < from->axis_count; a++)
        if (from->axes[a].lengths)
            clean_visit(w, from->axes[a].lengths);
    for (size_t i = 0; i < from->outputs.count; i++)
        clean_visit(w, from->outputs.at[i].node);
    size_t done = clean_follow(w, 0);
    for (size_t i = 0; i < from->updates.count; i++) {
        clean_visit(w, from->updates.at[i].variable);
        done = clean_follow(w, done);
    }
}

/* The updates of the new graph in the order of their params. */
static void clean_updates(clean_work *w, graph *to) {
    size_t *of = arena_array(w->memory, size_t, to->nodes.count), kept = 0; /* from 1 */
    graph_update *old = arena_array(w->memory, graph_update, to->updates.count);
    for (size_t i = 0; i < to->updates.count; i++) {
        old[i] = to->updates.at[i];
        of[old[i].variable->id] = i + 1;
    }
    for (size_t i = 0; i < to->nodes.count; i++)
        if (of[i] > 0)
            to->updates.at[kept++] = old[of[i] - 1];
}

void clean_graph(const graph *from, graph *to) {
    arena *memory = to->memory;
    clean_work w = {.from = from,
                    .memory = memory,
                    .seen = arena_array(memory, bool, from->nodes.count),
                    .update = arena_array(memory, uint32_t, from->nodes.count)};
    for (size_t i = 0; i < from->updates.count; i++)
        w.update[from->updates.at[i].variable->id] = (uint32_t)i + 1;
    clean_all(&w);
    rewrite r;
    rewrite_begin(&r, from, to, NULL, NULL);
    rewrite_these(&r, w.order.at, w.order.count);
    rewrite_end(&r);
    if (to->problem->code == STATUS_OK)
        clean_updates(&w, to);
}
