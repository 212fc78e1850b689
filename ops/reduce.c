/* Folds: reduce runs over one feature dimension (which stays, with size 1), total over loop axes.
 *
 * A fold keeps one or two running values and takes its elements in a fixed order, so that the
 * evaluator and every compiled loop round alike. log-sum-exp is the online form, because a block of
 * steps must be able to go on from the last one: the running maximum m and the sum s of exp(x - m),
 * rescaled when a new maximum comes. The trap is infinity: x - m is NaN when both are the same
 * infinity, so an equal x is at distance 0 by selection. */
#include <assert.h>
#include <math.h>

#include "ops/approx.h"
#include "ops/elementwise.h"
#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"

/* The least value of dtype t. */
static body_value least(dtype t) {
    body_value v = {.i64 = 0};
    if (t == DTYPE_F32)
        v.f32 = -INFINITY;
    else if (t == DTYPE_F64)
        v.f64 = -INFINITY;
    else
        v.i32 = INT32_MIN;
    return v;
}

op_fold op_fold_of(op_kind kind, dtype t) {
    op_fold fold = {.states = 1, .types = {(body_type)t, (body_type)t}};
    assert(t != DTYPE_BOOL);
    switch (kind) {
    case OP_KIND_SUM:
        break;
    case OP_KIND_MAX:
        fold.identity[0] = least(t);
        break;
    case OP_KIND_LSE:
        fold.states = 2;
        fold.identity[0] = least(t);
        break;
    case OP_KIND_ARGMAX:
        fold.states = 2;
        fold.types[1] = BODY_I32;
        fold.identity[0] = least(t);
        break;
    case OP_KIND_COUNT:
        assert(false);
    }
    return fold;
}

void op_fold_step(body *b, op_kind kind, body_ref *state, body_ref x, body_ref index) {
    body_type t = body_type_of(b, x);
    if (kind == OP_KIND_SUM) {
        state[0] = body_add(b, state[0], x);
    } else if (kind == OP_KIND_MAX) {
        state[0] = elementwise_max(b, state[0], x);
    } else if (kind == OP_KIND_LSE) {
        body_ref m = state[0], s = state[1], one = body_constant(b, t, 1);
        body_ref distance = body_select(b, body_eq(b, x, m), body_constant(b, t, 0),
                                        body_abs(b, body_sub(b, x, m)));
        body_ref e = approx_exp(b, body_neg(b, distance));
        state[1] = body_select(b, body_lt(b, m, x), body_fma(b, s, e, one), body_add(b, s, e));
        state[0] = elementwise_max(b, m, x);
    } else {
        assert(kind == OP_KIND_ARGMAX);
        body_ref better = body_lt(b, state[0], x);
        state[0] = body_select(b, better, x, state[0]);
        state[1] = body_select(b, better, index, state[1]);
    }
}

body_ref op_fold_finish(body *b, op_kind kind, const body_ref *state) {
    if (kind == OP_KIND_LSE)
        return body_add(b, state[0], approx_log(b, state[1]));
    return kind == OP_KIND_ARGMAX ? state[1] : state[0];
}

/* Which kinds take which dtypes. */
static bool infer_kind(op_builder *b, op_node *n, int last) {
    int kind = n->attributes.kind;
    if (kind < 0 || kind > last)
        return op_fail(b, STATUS_ARGUMENT, "%s: kind %d is not one of its kinds", infer_name(n),
                       kind);
    if (kind == OP_KIND_LSE ? !infer_is_float(b, n, 0) : !infer_is_number(b, n, 0))
        return false;
    n->dtype = kind == OP_KIND_ARGMAX ? (uint8_t)DTYPE_I32 : n->arguments[0]->dtype;
    return true;
}

static bool reduce_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0];
    int dimension = n->attributes.dimension;
    if (!infer_kind(b, n, OP_KIND_ARGMAX) || !infer_dimension(b, n, x, dimension))
        return false;
    n->domain = x->domain;
    n->shape = x->shape;
    n->shape.dimension[dimension] = 1;
    return true;
}

static void reduce_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *x = n->arguments[0];
    switch (n->attributes.kind) {
    case OP_KIND_SUM:
        out[0] = gy; /* fitting stretches it */
        break;
    case OP_KIND_LSE:
        out[0] = make_mul(b, gy, elementwise_weight(b, x, n));
        break;
    case OP_KIND_MAX: {
        op_node *best = make_binary(b, OP_EQ, x, n);
        op_node *count = make_reduce(b, make_cast(b, best, (dtype)n->dtype),
                                     n->attributes.dimension, OP_KIND_SUM);
        op_node *share = make_div(b, gy, count);
        out[0] = make_select(b, best, share, make_like(b, gy, 0));
        break;
    }
    default:
        break;
    }
}

const op_info op_record_REDUCE = {
    OP_RECORD(REDUCE),
    .infer = reduce_infer,
    .adjoint = reduce_adjoint,
    .formula = "y = fold of x along a dimension: sum, max, lse (log of the sum of exp), argmax",
    .adjoint_formula =
        "sum: dx = dy; lse: dx = dy * exp(x - (y == -inf ? 0 : y)); "
        "max: dx = x == y ? dy / count(x == y) : 0",
    .about =
        "Folds a feature dimension, which stays with size 1. Ties of max share the gradient "
        "equally; argmax gives the first of equals as i32, never a NaN's place.",
    .sample = {.low = -2, .high = 2}};

static bool total_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0];
    if (!infer_kind(b, n, OP_KIND_LSE) || !infer_over(b, n, x->domain))
        return false;
    if (!n->attributes.over)
        return op_fail(b, STATUS_ARGUMENT, "total: names no axis to fold %s over",
                       op_describe(b, x));
    n->domain = x->domain & ~n->attributes.over;
    n->shape = x->shape;
    return true;
}

static void total_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *x = n->arguments[0], *g = make_expand(b, gy, x->domain);
    switch (n->attributes.kind) {
    case OP_KIND_SUM:
        out[0] = g;
        break;
    case OP_KIND_LSE:
        out[0] = make_mul(b, g, elementwise_weight(b, x, n));
        break;
    default: {
        /* Steps of padding hold -inf, which is the maximum of a sample without any other: the count
         * skips them. */
        op_node *best = make_binary(b, OP_EQ, x, n);
        op_node *count =
            make_total(b, make_cast(b, best, (dtype)n->dtype), n->attributes.over, OP_KIND_SUM);
        op_node *share = make_div(b, g, count);
        out[0] = make_select(b, best, share, make_like(b, g, 0));
        break;
    }
    }
}

const op_info op_record_TOTAL = {
    OP_RECORD(TOTAL),
    .infer = total_infer,
    .adjoint = total_adjoint,
    .formula = "y = fold of x over loop axes: sum, max, lse (log of the sum of exp)",
    .adjoint_formula =
        "sum: dx = dy; lse: dx = dy * exp(x - (y == -inf ? 0 : y)); "
        "max: dx = x == y ? dy / count(x == y) : 0",
    .about =
        "Folds loop axes away. Padding is skipped by selection; no step at all gives 0 for a "
        "sum and -inf for max and lse.",
    .sample = {.low = -2, .high = 2}};
