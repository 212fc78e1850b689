/* From a scheduled graph to a plan of loop nests (lower*.c). */
#ifndef EDDY_JIT_LOWER_H
#define EDDY_JIT_LOWER_H

#include "jit/emit.h"
#include "jit/nest.h"

/* Lowers all outputs and updates of a verified, ordered graph. Everything lives in `memory`.
 * target: decides the width of panels; NULL: there are none. NULL with *g->problem set after a
 * mistake (a value too large to address). The plan's buffers of storage INPUT, PARAM, OUTPUT appear
 * once per name. */
nest_plan *lower_graph(graph *g, const machine *target, arena *memory);

#endif
