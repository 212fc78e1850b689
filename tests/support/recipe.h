/* Small f64 graphs around each op: what its gradient is tested on. */
#ifndef EDDY_TESTS_SUPPORT_RECIPE_H
#define EDDY_TESTS_SUPPORT_RECIPE_H

#include "tests/support/trial.h"

/* The axes t and s (time) and b (samples) of a recipe's graph. */
typedef enum recipe_axes {
    RECIPE_PLAIN,  /* every sample has all steps */
    RECIPE_RAGGED, /* t and s have lengths, 0 among them */
    RECIPE_FIXED,  /* plain, and the graph knows the extents */
    RECIPE_EMPTY,  /* no step of t at all */
    RECIPE_AXES_COUNT
} recipe_axes;

enum { RECIPE_T = 1, RECIPE_S = 2, RECIPE_B = 4 }; /* domains: sets of axes */

typedef struct recipe {
    trial *t;
    op_id op;
    uint64_t seed, drawn;
    node_list variables; /* the f64 leaves */
} recipe;

/* Opens the trial and its axes. */
void recipe_open(recipe *r, trial *t, op_id op, recipe_axes axes, uint64_t seed);
/* Number of graphs for an op; 0: there is none. */
int recipe_count(op_id op);
/* The value of graph number `variant`, for messages also its name; NULL after a mistake. Its
 * elements are finite. */
op_node *recipe_build(recipe *r, int variant, const char **name);

/* ---- for the recipes themselves */
/* An f64 leaf whose elements lie in the op's sampling domain, NaN in padding. */
op_node *recipe_leaf(recipe *r, uint32_t domain, int rank, ...);
/* The same in [low, high]. */
op_node *recipe_leaf_in(recipe *r, double low, double high, uint32_t domain, const op_shape *shape);
/* An i32 leaf in [low, high], 99 in padding. */
op_node *recipe_places(recipe *r, int low, int high, uint32_t domain, int rank, ...);
/* Graphs around one op that is not element-wise. */
typedef op_node *(*recipe_make)(recipe *r, op_builder *b);
typedef struct recipe_row {
    op_id op;
    const char *name;
    recipe_make make;
} recipe_row;
extern const recipe_row recipe_rows[]; /* recipe_rows.c; ends with a row without make */

#endif
