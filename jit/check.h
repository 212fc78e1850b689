/* Two graphs on the same random inputs: behind EDDY_CHECK=2, and what tests compare with. */
#ifndef EDDY_JIT_CHECK_H
#define EDDY_JIT_CHECK_H

#include "graph/graph.h"

/* The elements of one input or param: axes in canonical order, then features, row-major. */
typedef struct check_leaf {
    const char *name;
    dtype type;
    void *data;
    size_t elements;
} check_leaf;

/* Everything that a run of a program reads. */
typedef struct check_sample {
    int64_t extents[LIMIT_AXES];
    VEC(check_leaf) leaves;
} check_sample;

/* Draws every input and param of g: floats from a normal distribution, i32 between -2 and 6 (or
 * between 0 and the extent for an axis's lengths), bool even. A function of seed, extents and names
 * alone, so graphs that read the same names read the same numbers. extents: by axis number; those
 * of axes that have a fixed extent are ignored. */
void check_draw(const graph *g, arena *memory, const int64_t *extents, uint64_t seed,
                check_sample *out);
/* What g's inputs and params are in this sample (all names must be there); returns their number. */
size_t check_feeds(const graph *g, arena *memory, const check_sample *sample, eval_feed **out);
/* The first element at which two arrays differ, or -1. Bit for bit; a NaN equals a NaN. */
int64_t check_difference(dtype type, const void *left, const void *right, size_t elements);
/* Do both graphs have the same results (outputs without their padding, and updates)? Not exact:
 * up to the rounding of reordered sums. false with *problem set, which names the result. */
bool check_pass(const graph *before, const graph *after, bool exact, arena *memory, error *problem);
/* What a pass that is not exact does to the same program in f64, where rounding cannot hide a wrong
 * value: up to 1e-13. */
typedef void check_run(const graph *from, graph *to);
bool check_wide(const graph *before, check_run *run, arena *memory, error *problem);

#endif
