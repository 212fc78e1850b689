/* Inside the reference: the graph that was read, and one element being computed. */
#ifndef EDDY_TESTS_REF_DUAL_GRAPH_H
#define EDDY_TESTS_REF_DUAL_GRAPH_H

#include <stdint.h>

#include "tests/ref/dual.h"

enum { REF_AXES = 32, REF_RANK = 8, REF_WORD = 64 };

/* A number and its derivative. padding: not 0 if it was made from a step that does not exist; then
 * 1 + the number of the node where that happened. */
typedef struct ref_dual {
    double value, slope;
    int padding;
} ref_dual;

typedef enum ref_type { REF_F32, REF_F64, REF_I32, REF_BOOL } ref_type;
typedef enum ref_kind { REF_SUM, REF_MAX, REF_LSE, REF_ARGMAX } ref_kind;

typedef struct ref_shape {
    int rank;
    long dimension[REF_RANK]; /* below 0: the extent of axis -1 - dimension */
} ref_shape;

/* One element of one value: the step on each axis of its domain and the indices of its features. */
typedef struct ref_place {
    int node;
    long step[REF_AXES];
    long element[REF_RANK];
} ref_place;

/* Computes the element at *p; false: it must wait for elements that were asked for, or a mistake
 * was recorded. */
typedef bool (*ref_rule)(ref_graph *g, const ref_place *p, ref_dual *out);

/* An element-wise op on numbers: x holds the arguments, from is the type of the first. */
typedef struct ref_node ref_node;
typedef ref_dual (*ref_scalar)(const ref_node *n, ref_type from, const ref_dual *x);

struct ref_node {
    ref_rule rule;
    ref_scalar scalar;
    ref_type type;
    int count, *arguments; /* -1: never bound */
    uint32_t domain;
    int axes[REF_AXES], axis_count; /* the domain as it was printed, outermost first */
    ref_shape shape;
    /* attributes */
    char *label;
    double *data;
    size_t data_count;
    int axis, distance, dimension, kind, xs, permutation[REF_RANK];
    uint32_t over;
    long low, size;
    uint64_t stream;
    /* what is bound, and what was computed */
    double *values, *slopes;
    ref_dual *memo;
    unsigned char *state;
};

typedef struct ref_axis {
    char name[REF_WORD];
    long extent; /* -1: not set yet */
    int lengths; /* node, -1: none */
} ref_axis;

typedef struct ref_link { /* output: name and node; update: name of the param and node */
    char *name;
    int node;
} ref_link;

struct ref_graph {
    ref_axis axes[REF_AXES];
    int axis_count;
    ref_node *nodes;
    int node_count;
    ref_link *outputs, *updates;
    int output_count, update_count;
    /* elements that wait, the last one is computed first */
    struct ref_waiting {
        int node;
        size_t at;
    } *waiting;
    size_t waiting_count, waiting_room;
    char message[REF_MESSAGE];
};

/* ---- dual.c: one element from another */
/* The element of `node` at these steps and indices, or NULL: it was put before the one that asks.
 */
const ref_dual *ref_need(ref_graph *g, int node, const long *step, const long *element);
/* The end of an axis for a value of this domain at these steps: its lengths if their domain lies
 * inside, else its extent. -1: wait. */
long ref_end(ref_graph *g, int axis, uint32_t domain, const long *step);
/* The number of steps of an axis; of elements in a dimension. */
long ref_steps(const ref_graph *g, int axis);
long ref_dimension(const ref_graph *g, const ref_shape *shape, int i);
/* Row-major number of an element. */
size_t ref_number(const ref_graph *g, const ref_shape *shape, const long *element);
/* Records a mistake at node. Always false. */
bool ref_fail(ref_graph *g, int node, const char *what);

/* ---- counting through steps and elements */
/* Goes through all steps of the axes in `over` with the others fixed; false after the last one.
 * Begin by setting those steps to 0, if none of the axes is empty (ref_loop_begin). */
bool ref_loop_begin(const ref_graph *g, uint32_t over, long *step);
bool ref_loop_next(const ref_graph *g, uint32_t over, long *step);

/* ---- dual_rules.c, dual_pointwise.c, dual_random.c */
/* The rule of an op by its name, and its function if it is element-wise; NULL: there is none. */
ref_rule ref_rule_of(const char *op);
ref_scalar ref_scalar_of(const char *op);
/* Uniform in [0, 1): 24 bits for f32, 53 else. words: element number, then the indices. */
double ref_random(ref_type type, uint32_t seed, uint64_t stream, const uint32_t *words, int count);

#endif
