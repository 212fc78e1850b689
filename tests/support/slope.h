/* Gradients of random programs against the witnesses. */
#ifndef EDDY_TESTS_SUPPORT_SLOPE_H
#define EDDY_TESTS_SUPPORT_SLOPE_H

#include "graph/graph.h"

typedef enum slope_verdict {
    SLOPE_RIGHT,
    SLOPE_REFUSED, /* not a legal program, or one without params or a finite slope */
    SLOPE_PADDED,  /* the loss depends on leaves past the end of a sample */
    SLOPE_WRONG
} slope_verdict;

/* Is grad_program right about output "loss" of g with respect to all of its f64 params, at these
 * extents and leaves drawn from seed? report says which witness disagrees. */
slope_verdict slope_check(const graph *g, const int64_t extents[LIMIT_AXES], uint64_t seed,
                          text *report);

#endif
