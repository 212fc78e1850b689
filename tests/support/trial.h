/* A graph with numbers for its leaves, which three machines can run: the library's evaluator, the
 * compiled program and the reference of tests/ref. Numbers are doubles whatever the dtype. */
#ifndef EDDY_TESTS_SUPPORT_TRIAL_H
#define EDDY_TESTS_SUPPORT_TRIAL_H

#include "graph/graph.h"

typedef struct trial_leaf {
    op_node *node;
    double *values;    /* axes in canonical order, then features, row-major */
    double *direction; /* to differentiate along; NULL: 0 */
} trial_leaf;

typedef struct trial {
    graph g;
    arena memory;
    jmp_buf escape; /* never set: a test that runs out of memory crashes */
    error problem;
    int64_t extents[LIMIT_AXES];
    VEC(trial_leaf) leaves;
    char message[4 * LIMIT_MESSAGE]; /* why the last function that returned false did so */
} trial;

/* An empty graph. */
void trial_open(trial *t);
void trial_close(trial *t);
/* Records why. Always false. */
bool trial_fail(trial *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An axis with this many steps; fixed: the graph knows it, else it is a run-time number. */
int trial_axis(trial *t, const char *name, bool batch, int64_t steps, bool fixed);
/* An input or param; values is copied. */
op_node *trial_leaf_add(trial *t, op_id op, const char *name, dtype type, uint32_t domain,
                        const op_shape *shape, const double *values);
/* NULL if there is none. */
trial_leaf *trial_leaf_find(trial *t, const op_node *node);

/* Elements of a value at the trial's extents. */
size_t trial_elements(const trial *t, const op_node *n);
/* Which elements exist: false past the end of a sample. In the trial's memory. */
const bool *trial_existing(trial *t, const op_node *n);
/* The sum of all features of x: shape []. */
op_node *trial_sum(op_builder *b, op_node *x);

/* Values of nodes; out[i] has room for trial_elements(nodes[i]). What does not exist is 0. false
 * with a message. */
bool trial_evaluate(trial *t, op_node *const *nodes, size_t count, double **out);
/* The same by tests/ref, from the printed graph, with the derivatives along the leaves' directions
 * in slopes[i] (slopes may be NULL). */
bool trial_reference(trial *t, op_node *const *nodes, size_t count, double **out, double **slopes);
/* The graph's outputs, in order, by the compiled program; false if blocks of steps change a bit. */
bool trial_compiled(trial *t, double **out);
/* Doubles as elements of a dtype, in memory; and back. */
void *trial_encode(arena *memory, dtype type, const double *values, size_t count);
double trial_decode(dtype type, const void *data, size_t i);
/* Room for the values of nodes, in the trial's memory. */
double **trial_room(trial *t, op_node *const *nodes, size_t count);

#endif
