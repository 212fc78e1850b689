/* Inside the evaluator: where values live, and how one node is computed. */
#ifndef EDDY_GRAPH_EVAL_NODE_H
#define EDDY_GRAPH_EVAL_NODE_H

#include "graph/eval_walk.h"
#include "graph/graph.h"

/* A whole value: its axes in canonical order, then its feature dimensions, row-major. */
typedef struct eval_slot {
    const op_node *node;
    dtype type;
    const void *data; /* `own`, or what the caller feeds */
    void *own;        /* NULL for what is fed */
    size_t elements;
    int64_t axis_stride[LIMIT_AXES]; /* in elements; 0 for axes that it does not hold */
    int rank;
    int64_t dimension[LIMIT_RANK];
    int64_t stride[LIMIT_RANK]; /* 0 where the dimension is 1, so that reading it broadcasts */
    int64_t features;           /* the product of the dimensions */
    void *plan; /* of the node's family, made when it is computed for the first time */
} eval_slot;

struct eval {
    graph *g;
    arena *memory;
    int64_t extent[LIMIT_AXES];
    eval_slot **slots; /* by node number */
    size_t count;
    uint32_t fixed;               /* the axes of the loops around the current node ... */
    int64_t position[LIMIT_AXES]; /* ... and their current steps */
};

/* One operand of a node: a slot and how its place follows the node's own position. */
typedef struct eval_operand {
    const eval_slot *slot;
    int64_t axis_stride[LIMIT_AXES]; /* by axis of the node */
    int64_t offset;                  /* where step 0, feature 0 is read */
} eval_operand;

/* The loops that compute a node for all of its domain that no enclosing loop fixes. */
typedef struct eval_frame {
    eval_operand *operands;
    eval_walk walk;
    int64_t *offset; /* of each operand, at the beginning of a row ... */
    int64_t *at;     /* ... and at the current element */
} eval_frame;

/* Computes one element of s, or what one element adds to it; at: where each operand stands. */
typedef void eval_visit(eval_slot *s, const eval_frame *f, const int64_t *at);

/* ---- eval_frame.c */
void eval_frame_init(eval *e, eval_frame *f, int operands);
/* Operand i is this slot, read at the node's own position along these axes. */
void eval_frame_operand(eval_frame *f, int i, const eval_slot *slot, uint32_t axes);
/* Adds a loop for each of these axes that is not fixed, in canonical order. */
void eval_frame_axes(const eval *e, eval_frame *f, uint32_t axes);
/* Adds a loop over one axis, if it is not fixed. */
void eval_frame_axis(const eval *e, eval_frame *f, int axis);
/* Adds a loop for each feature dimension of a result; operands are aligned at the end and stretch.
 */
void eval_frame_features(const eval *e, eval_frame *f, const eval_slot *result);
/* Visits every element at the current position of the enclosing loops, in order. */
void eval_frame_each(const eval *e, eval_frame *f, eval_slot *s, eval_visit *visit);
/* Writes 0 to all of them. */
void eval_frame_clear(const eval *e, eval_frame *f, eval_slot *s);
/* Adds the loops of a sum over n's axes in the order of its additions: `outermost` first, downwards
 * if it is to be reversed, then the others in canonical order. They must not be fixed. */
void eval_frame_over(const eval *e, eval_frame *f, const op_node *n);

static inline const eval_slot *eval_argument(const eval *e, const op_node *n, int i) {
    return e->slots[n->arguments[i]->id];
}

/* ---- one function per family; each computes the node of a slot at the current position */
void eval_elementwise(eval *e, eval_slot *s); /* eval_values.c */
void eval_view(eval *e, eval_slot *s);
void eval_fold(eval *e, eval_slot *s); /* eval_sums.c */
void eval_contract(eval *e, eval_slot *s);
void eval_scatter(eval *e, eval_slot *s); /* eval_places.c */
void eval_indexed(eval *e, eval_slot *s);

/* ---- elements */
static inline body_value eval_load(const void *data, dtype t, int64_t i) {
    switch (t) {
    case DTYPE_F32:
        return (body_value){.f32 = ((const float *)data)[i]};
    case DTYPE_F64:
        return (body_value){.f64 = ((const double *)data)[i]};
    case DTYPE_I32:
        return (body_value){.i32 = ((const int32_t *)data)[i]};
    default:
        return (body_value){.boolean = ((const uint8_t *)data)[i]};
    }
}

static inline void eval_store(void *data, dtype t, int64_t i, body_value v) {
    switch (t) {
    case DTYPE_F32:
        ((float *)data)[i] = v.f32;
        break;
    case DTYPE_F64:
        ((double *)data)[i] = v.f64;
        break;
    case DTYPE_I32:
        ((int32_t *)data)[i] = v.i32;
        break;
    default:
        ((uint8_t *)data)[i] = v.boolean;
    }
}

#endif
