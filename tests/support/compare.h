/* The slow twin of compiled code: a program runs in the evaluator and compiled, and every bit of
 * every result must agree. */
#ifndef EDDY_TESTS_SUPPORT_COMPARE_H
#define EDDY_TESTS_SUPPORT_COMPARE_H

#include "graph/graph.h"

typedef enum compare_verdict {
    COMPARE_EQUAL,
    COMPARE_REFUSED,  /* not a legal program, or extents that it cannot have; the report says why */
    COMPARE_DIFFERENT /* the report says where, and prints the graph */
} compare_verdict;

/* Compiles g once and runs it at `count` tables of extents (by axis number; fixed ones are ignored)
 * on inputs, params and lengths drawn from seed: on one thread, in three ways on several (up to
 * four, which share samples, units or both), in blocks of 1, 2 and 3 steps and small portions of
 * samples, with one sample of the batch alone, and remembering less than all. Outputs and updated
 * params are compared with eval_graph of the rewritten graph, bit for bit (a NaN equals a NaN). */
compare_verdict compare_program(const graph *g, const int64_t (*extents)[LIMIT_AXES], size_t count,
                                uint64_t seed, text *report);

/* Results that this process has compared for one sample alone. */
extern int compare_samples_alone;

#endif
