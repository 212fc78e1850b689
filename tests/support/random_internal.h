/* What random_graph.c (the frame) and random_values.c (one value after the other) share. */
#ifndef EDDY_TESTS_SUPPORT_RANDOM_INTERNAL_H
#define EDDY_TESTS_SUPPORT_RANDOM_INTERNAL_H

#include "tests/support/random_graph.h"

enum { RANDOM_SIZES = 3 };

typedef struct random_work {
    graph *g;
    op_builder *b;
    const random_options *options;
    uint64_t seed, drawn;
    dtype type;                  /* of most floats */
    int64_t sizes[RANDOM_SIZES]; /* of feature dimensions */
    int sign[LIMIT_AXES];        /* the direction of most delays along an axis */
    node_list pool;              /* all values so far */
    node_list states;            /* open delays, bound at the end */
    int names;
} random_work;

/* A number in [0, count), count > 0; true once in `of` times. */
int random_below(random_work *r, int count);
bool random_once(random_work *r, int of);
/* A set of axes, possibly empty; one axis. */
uint32_t random_domain(random_work *r);
int random_axis(random_work *r);
/* An axis to move along. Never one that samples of different lengths lie along: what a step reads
 * there, or its adjoint, may be another sample's padding, whose content is arbitrary. */
int random_way_axis(random_work *r);
op_shape random_shape(random_work *r);
/* One more value of the pool, unless it is NULL. */
void random_keep(random_work *r, op_node *n);
/* A new name: "x3". */
const char *random_name(random_work *r, const char *stem);
/* A value of the pool, the newer the likelier: any float, one of this dtype, one of these axes at
 * most. NULL: there is none. */
op_node *random_float(random_work *r);
op_node *random_pick(random_work *r, dtype t, uint32_t within);

/* ---- random_values.c */
/* One more value made of values of the pool, or NULL when the choice did not fit. Mistakes are
 * cleared: a value that does not exist is as good as none. */
op_node *random_value(random_work *r);

#endif
