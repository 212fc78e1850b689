/* Which iterations of a nest belong to which thread.
 *
 * Samples come first: what happens to one sample needs no other, so threads that share a batch step
 * through a recurrence without waiting for each other. All nests must agree on whose a sample is,
 * so there is one batch axis for the whole plan, and its first range in a nest is the one that is
 * cut. (The other range that a thread's part is cut from depends on the tile: emit_split.c.) */
#include "jit/split.h"

/* The first batch axis; -1: none. */
static int split_sample_axis(const graph *g) {
    for (int a = 0; a < g->axis_count; a++)
        if (g->axes[a].batch)
            return a;
    return -1;
}

static int split_samples(const nest *n, int axis) {
    int parallel = nest_parallel_count(n);
    for (int r = 0; r < parallel; r++)
        if (n->ranges.at[r].count == OP_EXTENT_OF(axis))
            return r;
    return -1;
}

void split_plan(nest_plan *plan) {
    int axis = split_sample_axis(plan->source);
    for (size_t k = 0; k < plan->kernels.count && axis >= 0; k++)
        plan->kernels.at[k]->samples = 1 + split_samples(plan->kernels.at[k], axis);
}
