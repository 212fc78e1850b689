/* What rewrites of the forward program ask about its values. */
#ifndef EDDY_GRAPH_STAGE_H
#define EDDY_GRAPH_STAGE_H

#include "graph/graph.h"

/* By node number: which loop steps through the value, from 1; 0: none, or no result needs it.
 * Nested loops have numbers of their own. NULL with *problem set when the program is illegal. */
const uint32_t *stage_all(const graph *from, arena *memory, error *problem);
/* By node number, of values outside of loops: which way run the loops that read them, perhaps
 * through others outside? Bit 0: up, bit 1: down. stages: from stage_all. */
const uint8_t *stage_readers(const graph *from, const uint32_t *stages, arena *memory);
/* By node number: computed values that a gradient is taken by. Their readers must go on reading
 * them, or the gradient would lose what came through those readers. */
const bool *stage_pinned(const graph *from, arena *memory);
/* By node number: values made of nothing that varies over an axis. */
const bool *stage_constant(const graph *from, arena *memory);

#endif
