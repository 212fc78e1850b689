/* A builder without a graph: every node is inferred and kept, nothing is folded or shared. With it
 * the ops are tested alone, and what a composition consists of can be seen. */
#ifndef EDDY_TESTS_SUPPORT_BARE_H
#define EDDY_TESTS_SUPPORT_BARE_H

#include "core/intern.h"
#include "ops/make.h"

enum { BARE_AXES = 4 };

typedef struct bare_axis {
    const char *name;
    bool batch;
    int64_t extent;
    op_node *lengths;
} bare_axis;

typedef struct bare {
    op_builder builder; /* first */
    arena memory;
    jmp_buf escape;
    error problem;
    intern names;
    bare_axis axes[BARE_AXES]; /* without a name: no such axis */
    VEC(op_node *) nodes;
    uint64_t streams;
} bare;

/* Axes: 0 is t, 1 is s, 2 is the batch axis b; 3 is free. No lengths, no fixed extents. */
void bare_init(bare *g);
void bare_free(bare *g);

#endif
