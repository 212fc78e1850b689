/* Why a set of values that depend on each other has no loop: the message behind a refused program.
 */
#ifndef EDDY_GRAPH_CYCLE_H
#define EDDY_GRAPH_CYCLE_H

#include "graph/graph.h"

/* The argument i of n as an edge of the dependence graph: NULL when it is not there (an unbound
 * state) or is the delayed argument of a delay along an axis in `carried`, which a surrounding loop
 * provides. */
op_node *cycle_edge(const op_node *n, int i, uint32_t carried);

/* members: a strongly connected component under cycle_edge(carried) for which no axis is legal, in
 * order of node numbers. Sets g->problem to STATUS_ILLEGAL: the cycle by name, op and site, why
 * each candidate axis fails, what to do. */
void cycle_explain(graph *g, arena *memory, op_node *const *members, size_t count,
                   uint32_t carried);

#endif
