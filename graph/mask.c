/* Results end where their samples end (rule 4d).
 *
 * Inside a program nothing looks at padding but the four places that the semantics name; one of
 * them is the way out: a result is 0 past the end of its sample. That is a selection like any
 * other, so the pass writes it into the graph, and neither evaluator nor compiler knows of it.
 * Only results change: the values behind them are read unmasked as before.
 *
 * A result that is an input, a param or a constant is read from where it is by everybody; through
 * `keep` it becomes a value that is computed, and so can be stored. */
#include "graph/graph.h"

static op_node *mask_value(graph *g, op_node *n) {
    op_builder *b = &g->builder;
    b->where = n->where;
    op_node *valid = NULL;
    for (int a = 0; a < g->axis_count; a++) {
        const op_node *lengths = g->axes[a].lengths;
        if (!(n->domain >> a & 1) || !lengths || (lengths->domain & ~n->domain))
            continue;
        op_node *here = make_valid(b, a, n->domain);
        valid = valid ? make_binary(b, OP_AND, valid, here) : here;
    }
    if (valid)
        n = make_select(b, valid, n, make_zero(b, n));
    return n;
}

static op_node *mask_leaf(graph *g, op_node *n) {
    if (!n || op_get((op_id)n->op)->family != OP_FAMILY_LEAF)
        return n;
    g->builder.where = n->where;
    return make_keep(&g->builder, n);
}

void mask_graph(const graph *from, graph *to) {
    rewrite_graph(from, to, NULL, NULL);
    site where = to->builder.where;
    for (size_t i = 0; i < to->outputs.count; i++)
        to->outputs.at[i].node = mask_leaf(to, mask_value(to, to->outputs.at[i].node));
    for (size_t i = 0; i < to->updates.count; i++)
        to->updates.at[i].node = mask_leaf(to, to->updates.at[i].node);
    to->builder.where = where;
}
