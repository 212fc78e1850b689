/* What an operation is: the record of one op, the node it makes, and the builder that its adjoint
 * writes with.
 *
 * A value has a dtype, a domain (the set of loop axes it varies over) and a shape (its feature
 * dimensions). Ops know nothing of how graphs are stored: adjoints build through op_builder, which
 * graph/ implements. An op is declared once - a row in ops.def and a record in its family's file -
 * and parser, printer, evaluator, code generator, gradient tests and the docs page follow from it.
 */
#ifndef EDDY_OPS_OP_H
#define EDDY_OPS_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dtype.h"
#include "core/limits.h"
#include "core/status.h"
#include "ops/body.h"

typedef enum op_id {
#define OP(identifier, mnemonic, least, most, family) OP_##identifier,
#include "ops/ops.def"
#undef OP
    OP_COUNT
} op_id;

/* How evaluator and code generator treat an op. */
typedef enum op_family {
    OP_FAMILY_LEAF,        /* input param constant step extent cotangent gradient: no computation */
    OP_FAMILY_ELEMENTWISE, /* body() of the broadcast arguments */
    OP_FAMILY_VIEW,   /* every element is one element of one argument, or 0: op_view says which */
    OP_FAMILY_REDUCE, /* reduce, total: fold over dimensions or axes */
    OP_FAMILY_CONTRACT,
    OP_FAMILY_INDEXED, /* gather, at: an element at a computed place */
    OP_FAMILY_SCATTER, /* scatter, put: a sum into computed places, in step order */
    OP_FAMILY_DELAY
} op_family;

typedef enum op_kind { /* of reduce and total; ARGMAX: reduce only */
                       OP_KIND_SUM,
                       OP_KIND_MAX,
                       OP_KIND_LSE,
                       OP_KIND_ARGMAX,
                       OP_KIND_COUNT
} op_kind;

/* Feature dimensions. dimension[i] >= 0 is a number; < 0 is the run-time extent of axis -1 -
 * dimension[i] (after stack). */
typedef struct op_shape {
    int32_t rank;
    int64_t dimension[LIMIT_RANK];
} op_shape;

#define OP_EXTENT_OF(axis) (-1 - (int64_t)(axis))

/* Everything about a node that is not an argument. Unused fields are zero, but the axis fields,
 * which are -1: two nodes are the same value if op, arguments, attributes and dtype are the same
 * bytes (attributes_init makes an empty record). */
typedef struct op_attributes {
    int32_t axis;      /* step extent delay at put stack spread keep: the loop axis */
    int32_t distance;  /* delay: k, not 0; a keep along an axis: as far back as delays look */
    int32_t dimension; /* reduce slice pad concat spread(0) : feature dimension */
    int32_t kind;      /* reduce total: op_kind; cast: target dtype */
    uint32_t over; /* total contract put scatter expand: set of axes (expand: the axes it adds) */
    int32_t outermost; /* reductions over axes: this axis is the outermost loop (-1: canonical
                          order) ... */
    int32_t reverse;   /* ... and it runs downwards */
    int32_t resumes;   /* delay: what another block of steps computed is what init gives */
    int32_t xs;        /* custom: number of differentiable arguments */
    int64_t low;       /* slice: first index; pad: index of the argument's first element */
    int64_t size;      /* slice pad: size of the result's dimension; scatter: number of rows */
    uint64_t stream;   /* random, cotangent: stream number / identity */
    op_shape shape;    /* broadcast reshape: result; input param constant random cotangent: shape of
                          the value */
    uint32_t domain;   /* input param cotangent, delay (states): declared domain */
    int32_t dtype; /* input param constant cotangent random: declared dtype, delay: of the state */
    int8_t permutation[LIMIT_RANK]; /* transpose: result dimension i is argument dimension
                                       permutation[i] */
    const char *text;               /* interned: contract's spec; name of input, param, custom */
    const void *data;               /* interned: payload of a constant, row-major, dtype elements */
    int64_t bytes; /* its size; a constant of one element stands for every element of its shape */
} op_attributes;

typedef struct op_node op_node;
struct op_node {
    uint32_t id;     /* position in its graph; arguments of anything but a delay have smaller ids */
    uint8_t op;      /* op_id */
    uint8_t dtype;   /* dtype */
    uint16_t count;  /* number of arguments */
    uint32_t domain; /* set of axes: bit a is axis number a */
    op_shape shape;
    op_node **arguments; /* a delay's argument 0 is NULL until it is bound */
    op_attributes attributes;
    const char
        *name;  /* the user's name for this value, interned, or NULL; not part of its identity */
    site where; /* where the user made it */
};

/* What adjoints and compositions build with. graph/ implements it; the first member of a graph. */
typedef struct op_builder op_builder;
struct op_builder {
    /* The node with these arguments and attributes: inferred, folded, shared. NULL after a mistake
     * (which is recorded once and sticks); any NULL argument gives NULL silently, so calls chain. n
     * may be 0. where: attribution of the node. */
    op_node *(*make)(op_builder *, op_id op, op_node *const *arguments, int n,
                     const op_attributes *attributes);
    /* The i32 value of an axis's lengths, or NULL when all samples have the full extent. */
    op_node *(*lengths)(op_builder *, int axis);
    const char *(*axis_name)(op_builder *, int axis);
    bool (*axis_is_batch)(op_builder *, int axis);
    /* Constant extent of an axis that was declared with one, else -1. */
    int64_t (*axis_extent)(op_builder *, int axis);
    /* A copy of `root` in which `from` is replaced by `to` (custom adjoints); parts that do not
     * depend on `from` are shared. */
    op_node *(*substitute)(op_builder *, op_node *root, op_node *from, op_node *to);
    const char *(*intern_text)(op_builder *, const char *);
    const void *(*intern_bytes)(op_builder *, const void *, size_t);
    uint64_t (*new_stream)(op_builder *);
    arena *memory;
    error *problem; /* sticky */
    site where;     /* the user's current line */
    /* Gradients by inner values have all been taken: a fold may lead readers past the value that
     * they name. Before, d/dx of what reads a view of x would silently be 0. */
    bool settled;
};

/* Where an element of a view comes from. Terms describe, for each axis and dimension of the
 * *argument*, its index as scale * (index of a dimension or axis of the result) + offset. */
typedef struct op_term {
    enum { OP_TERM_NONE, OP_TERM_DIMENSION, OP_TERM_AXIS } from; /* NONE: index 0 * ... + offset */
    int32_t which;
    int64_t offset;
} op_term;
typedef struct op_view {
    int32_t argument;              /* which argument is read ... */
    op_term dimension[LIMIT_RANK]; /* ... at these feature indices */
    int32_t
        axis; /* one axis of the argument whose index is not the result's own (stack), else -1 */
    op_term axis_term;
    int32_t
        guard; /* result dimension that must lie in [low, high) for this view to apply, else -1 */
    int64_t low, high;
    bool linear; /* reshape: same row-major element number (terms unused) */
} op_view;

/* Sampling for tests: arguments are drawn from [low, high], at least `clear` away from each kink.
 */
typedef struct op_sample {
    double low, high;
    double kinks[4];
    int kink_count;
    double clear;
} op_sample;

typedef struct op_info {
    const char *name;
    op_family family;
    int least, most; /* number of arguments */
    /* Sets dtype, domain and shape of n from its arguments and attributes; false after op_fail.
     * Arguments are not NULL, except argument 0 of an open delay. */
    bool (*infer)(op_builder *, op_node *n);
    /* Elementwise ops: records the scalar code. arguments[i] is the i-th argument's element;
     * `element` (i32) is the row-major number of the element in n's shape (random). */
    body_ref (*body)(body *, const op_node *n, const body_ref *arguments, body_ref element);
    /* out[i]: contribution to the adjoint of argument i, or NULL (out is zeroed). May have fewer
     * axes or more (broadcast) dimensions than the argument: grad fits it. NULL: no argument has an
     * adjoint. */
    void (*adjoint)(op_builder *, op_node *n, op_node *gy, op_node **out);
    /* Views: fills views[] (one per argument that can be read), returns their number. */
    int (*views)(const op_node *n, op_view *views);
    const char *formula;         /* "y = tanh(x)" */
    const char *adjoint_formula; /* "dx = dy * (1 - y * y)"; "" when none */
    const char *about;           /* a sentence or two for the docs page */
    op_sample sample;
} op_info;

/* The record of an op; table.c collects them from the families' files. */
const op_info *op_get(op_id op);
/* OP_COUNT when there is no such op. */
op_id op_from_name(const char *name);
const char *op_kind_name(op_kind kind);

void op_attributes_init(op_attributes *a);
/* Records a mistake at builder->where: "op: message" plus the shapes that it names. Always returns
 * false. */
bool op_fail(op_builder *b, status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "f32 {t,b} [4, 3]" of a value, in the builder's memory. */
const char *op_describe(op_builder *b, const op_node *n);
const char *op_describe_shape(op_builder *b, const op_shape *s);
const char *op_describe_domain(op_builder *b, uint32_t domain);

bool op_shape_equal(const op_shape *a, const op_shape *b);
/* NumPy's rule: aligned at the end, 1 stretches; extents of axes only match themselves or 1. false
 * if they do not agree. */
bool op_shape_broadcast(const op_shape *a, const op_shape *b, op_shape *out);
op_shape op_shape_make(int rank, const int64_t *dimensions);
/* Product of constant dimensions, -1 if one is an extent or the product overflows. */
int64_t op_shape_elements(const op_shape *s);

/* Number of arguments that take part in computing the value (custom: 1, y; all others: all). */
int op_live_count(const op_node *n);
/* Does reading argument i of n need axis a of it as a whole, not step by step? (rule 21 of the
 * semantics: total, contract, put, scatter over a; at, stack along a for argument 0; a gradient,
 * which sums over everything) */
bool op_collapses(const op_node *n, int i, int axis);
/* Contract with a reduced index or axis (an outer product is not heavy). */
bool op_is_heavy(const op_node *n);

/* ---- contract specs: "mn,n->m". Up to LIMIT_RANK letters an operand. */
typedef struct op_contract {
    int rank_a, rank_b, rank_out, count; /* count: distinct letters */
    char letters[2 * LIMIT_RANK];        /* distinct, in order of first appearance in a, then b */
    int8_t a[LIMIT_RANK], b[LIMIT_RANK], out[LIMIT_RANK]; /* dimension -> position in letters */
    int8_t reduced[2 * LIMIT_RANK]; /* positions of letters that are summed, in order of appearance:
                                       the order of k */
    int reduced_count;
} op_contract;
/* false if the text is not a legal spec (rule 20); *why then says so in words. */
bool op_contract_parse(const char *spec, op_contract *out, const char **why);

/* ---- folds of reduce and total: up to two running values, in a fixed order of elements. */
typedef struct op_fold {
    int states; /* 1 or 2 */
    body_type types[2];
    body_value
        identity[2]; /* before the first element; an empty fold finishes from it: 0, -inf, -inf */
} op_fold;
/* kind over elements of dtype t. LSE is the online form: running maximum m and sum s of exp(x - m).
 * ARGMAX: (best, its index), the first of equals wins, result i32; NaN never wins; MAX propagates
 * NaN. For i32, MAX's identity is INT32_MIN. */
op_fold op_fold_of(op_kind kind, dtype t);
/* Records one step: state (in place) takes element x; index (i32) is its position along the folded
 * dimension (ARGMAX). */
void op_fold_step(body *b, op_kind kind, body_ref *state, body_ref x, body_ref index);
body_ref op_fold_finish(body *b, op_kind kind, const body_ref *state);

#endif
