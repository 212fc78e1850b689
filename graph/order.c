/* Pass: the order of additions (rule 35).
 *
 * A sum over the axis that a program is blocked over must come out the same whether it runs in one
 * piece or block by block. So the blocked axis is the outermost loop of every reduction over it, in
 * the direction of the sweep that adds it up: weight gradients sum over descending steps. The order
 * is part of the node, and every reader of the program obeys it. */
#include "graph/graph.h"

static op_node *order_rule(rewrite *r, const op_node *n) {
    const sweep_plan *plan = (const sweep_plan *)r->user;
    bool sums = n->op == OP_TOTAL || n->op == OP_CONTRACT || n->op == OP_PUT || n->op == OP_SCATTER;
    if (!sums || !(n->attributes.over >> plan->axis & 1))
        return NULL;
    op_attributes attributes = n->attributes;
    attributes.outermost = plan->axis;
    attributes.reverse = plan->of[n->id].sign < 0;
    op_node *arguments[LIMIT_ARGUMENTS];
    for (int i = 0; i < n->count; i++)
        arguments[i] = r->map[n->arguments[i]->id];
    return r->to->builder.make(&r->to->builder, (op_id)n->op, arguments, n->count, &attributes);
}

void order_graph(const graph *from, graph *to) {
    /* The analyses neither add nodes nor keep anything; mistakes and scratch memory are those of
     * the new graph. */
    graph source = *from;
    source.memory = source.builder.memory = to->memory;
    source.problem = source.builder.problem = to->problem;
    sweep_plan plan = {.axis = sweeps_axis(&source, to->memory)};
    if (plan.axis < 0) {
        rewrite_graph(from, to, NULL, NULL);
        return;
    }
    node_list roots = {0};
    schedule_list items = {0};
    graph_roots(from, to->memory, &roots);
    if (schedule_graph(&source, to->memory, roots.at, roots.count, plan.axis, &items) &&
        sweeps_place(&source, to->memory, &items, plan.axis, &plan))
        rewrite_graph(from, to, order_rule, &plan);
}
