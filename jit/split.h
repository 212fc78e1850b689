/* How the nests of a plan are shared among threads, and where threads wait for each other. */
#ifndef EDDY_JIT_SPLIT_H
#define EDDY_JIT_SPLIT_H

#include "jit/plan.h"

/* Names the range of each nest that is cut by samples, and the items before which threads must
 * meet. buffers: who shares memory, from plan_make; NULL: nobody. Takes scratch from `memory`. */
void split_plan(nest_plan *plan, const plan_buffer *buffers, arena *memory);
/* Must thread 0 run this nest alone, whatever its tile? */
bool split_is_alone(const nest *n);
/* Do threads that share samples meet in one of these loops? split_plan has been there. */
bool split_keeps_samples(const nest_list *items);
/* The axis that samples are counted along: the first batch axis; -1: none. g may be NULL. */
int split_sample_axis(const graph *g);
/* Nests and meetings, in program order. */
void split_print(const nest_plan *plan, text *out);

#endif
