/* Is this a program that can run?
 *
 * A mistake of the user is told in the user's words: a state that was opened and never given its
 * next value, a cycle that no loop order computes (schedule.c finds it, cycle.c words it). A node
 * that disagrees with its own op is a bug of a pass; it is reported the same way, because the check
 * exists to name the pass that broke it. */
#include <assert.h>

#include "graph/graph.h"

/* Every state that something needs has a next value. */
static bool verify_states(graph *g, const node_list *nodes) {
    for (size_t i = 0; i < nodes->count; i++) {
        const op_node *n = nodes->at[i];
        if (n->op != OP_DELAY || n->arguments[0])
            continue;
        error_set(g->problem, STATUS_ILLEGAL, n->where,
                  "the state %s, %s, is never given its next value; "
                  "bind it to the value that it has after a step",
                  print_name(g->memory, n), op_describe(&g->builder, n));
        return false;
    }
    return true;
}

static bool verify_bug(graph *g, const op_node *n, const char *what) {
    error_set(g->problem, STATUS_ILLEGAL, n->where, "a pass made a wrong graph: %s, a %s, %s",
              print_name(g->memory, n),
              n->op < OP_COUNT ? op_get((op_id)n->op)->name : "node of no op", what);
    return false;
}

/* n is what its op says that it is, and stands behind its arguments. */
static bool verify_node(graph *g, const op_node *n) {
    if (n->op >= OP_COUNT)
        return verify_bug(g, n, "cannot be computed");
    const op_info *info = op_get((op_id)n->op);
    if (n->count < info->least || n->count > info->most)
        return verify_bug(g, n, "has a wrong number of arguments");
    for (int i = 0; i < n->count; i++) {
        const op_node *argument = n->arguments[i];
        bool later = n->op == OP_DELAY && i == 0;
        if (!argument)
            return verify_bug(g, n, "lacks an argument");
        if (argument->id >= g->nodes.count || g->nodes.at[argument->id] != argument)
            return verify_bug(g, n, "has an argument from another graph");
        if (!later && argument->id >= n->id)
            return verify_bug(g, n, "stands before its argument");
    }
    op_node again = *n;
    g->builder.where = n->where;
    if (!info->infer(&g->builder, &again))
        return false;
    if (again.dtype != n->dtype || again.domain != n->domain ||
        !op_shape_equal(&again.shape, &n->shape))
        return verify_bug(g, n,
                          arena_print(g->memory, "is noted as %s but is %s",
                                      op_describe(&g->builder, n),
                                      op_describe(&g->builder, &again)));
    return true;
}

bool verify_graph(graph *g) {
    if (g->problem->code != STATUS_OK)
        return false;
    node_list roots = {0}, nodes = {0};
    schedule_list items = {0};
    site where = g->builder.where;
    graph_roots(g, g->memory, &roots);
    graph_postorder(g->memory, roots.at, roots.count, false, &nodes);
    bool good = verify_states(g, &nodes);
    for (size_t i = 0; i < nodes.count && good; i++)
        good = verify_node(g, nodes.at[i]);
    g->builder.where = where;
    return good && schedule_graph(g, g->memory, roots.at, roots.count, -1, &items);
}
