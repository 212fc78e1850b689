/* Blocks of steps, where what no step of a block computes is NaN. */
#ifndef EDDY_TESTS_SUPPORT_FORGET_H
#define EDDY_TESTS_SUPPORT_FORGET_H

#include "graph/graph.h"

/* Lowers and plans g, and interprets its nests in blocks of 1, 2, 3 and all steps on inputs drawn
 * from seed. Memory of one block is NaN when a block begins. Results are compared with eval_graph
 * of the rewritten graph, bit for bit. NULL, or what differs, in g's memory. *kept: how many values
 * one block is kept of. */
const char *forget_check(const graph *g, const int64_t *extents, uint64_t seed, size_t *kept);

#endif
