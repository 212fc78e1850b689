/* Element-wise ops of two and three arguments.
 *
 * Traps. Masks must be selections and never products (0 * NaN is NaN), so max, min and select cut
 * their adjoints with select. max and min let NaN through from either side, which two compares are
 * needed for. Bodies have no integer division, so mod of i32 goes through f64, where it is exact
 * (see mod_body). */
#include <math.h>

#include "ops/approx.h"
#include "ops/elementwise.h"
#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"

static bool infer_same(op_builder *b, op_node *n) {
    n->dtype = n->arguments[0]->dtype;
    return infer_one_dtype(b, n, 0) && infer_broadcast(b, n, 0);
}

static bool infer_number(op_builder *b, op_node *n) {
    return infer_is_number(b, n, 0) && infer_is_number(b, n, 1) && infer_same(b, n);
}

static bool infer_float(op_builder *b, op_node *n) {
    return infer_is_float(b, n, 0) && infer_is_float(b, n, 1) && infer_same(b, n);
}

static bool infer_bool(op_builder *b, op_node *n) {
    return infer_is_bool(b, n, 0) && infer_is_bool(b, n, 1) && infer_same(b, n);
}

static bool infer_order(op_builder *b, op_node *n) {
    if (!infer_number(b, n))
        return false;
    n->dtype = DTYPE_BOOL;
    return true;
}

static bool infer_equality(op_builder *b, op_node *n) {
    if (!infer_same(b, n))
        return false;
    n->dtype = DTYPE_BOOL;
    return true;
}

/* ---- arithmetic */

static body_ref add_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_add(b, x[0], x[1]);
}

static void add_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    (void)b, (void)n;
    out[0] = out[1] = gy;
}

const op_info op_record_ADD = {OP_RECORD(ADD),
                               .infer = infer_number,
                               .body = add_body,
                               .adjoint = add_adjoint,
                               .formula = "y = a + b",
                               .adjoint_formula = "da = dy; db = dy",
                               .about = "Sum; i32 wraps.",
                               .sample = {.low = -2, .high = 2}};

static body_ref sub_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_sub(b, x[0], x[1]);
}

static void sub_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    (void)n;
    out[0] = gy;
    out[1] = make_neg(b, gy);
}

const op_info op_record_SUB = {OP_RECORD(SUB),
                               .infer = infer_number,
                               .body = sub_body,
                               .adjoint = sub_adjoint,
                               .formula = "y = a - b",
                               .adjoint_formula = "da = dy; db = -dy",
                               .about = "Difference; i32 wraps.",
                               .sample = {.low = -2, .high = 2}};

static body_ref mul_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_mul(b, x[0], x[1]);
}

static void mul_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_mul(b, gy, n->arguments[1]);
    out[1] = make_mul(b, gy, n->arguments[0]);
}

const op_info op_record_MUL = {OP_RECORD(MUL),
                               .infer = infer_number,
                               .body = mul_body,
                               .adjoint = mul_adjoint,
                               .formula = "y = a * b",
                               .adjoint_formula = "da = dy * b; db = dy * a",
                               .about = "Product; i32 wraps.",
                               .sample = {.low = -2, .high = 2}};

static body_ref div_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_div(b, x[0], x[1]);
}

static void div_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *divisor = n->arguments[1];
    out[0] = make_div(b, gy, divisor);
    out[1] = make_neg(b, make_div(b, make_mul(b, gy, n), divisor));
}

const op_info op_record_DIV = {
    OP_RECORD(DIV),
    .infer = infer_float,
    .body = div_body,
    .adjoint = div_adjoint,
    .formula = "y = a / b",
    .adjoint_formula = "da = dy / b; db = -(dy * y / b)",
    .about =
        "Quotient of floats, correctly rounded. Integers are cast first, so that how to round "
        "is written by the user.",
    .sample = {.low = 0.4, .high = 2}};

static body_ref mod_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)element;
    if (dtype_is_float((dtype)n->dtype)) {
        body_ref whole = body_floor(b, body_div(b, x[0], x[1]));
        return body_sub(b, x[0], body_mul(b, whole, x[1]));
    }
    /* Exact: an f64 quotient of two i32 that is not whole lies at least 1 / |b| from the next whole
     * number, and its rounding error is below 2^-53 |a| / |b|, which is less; floor * b and the
     * difference fit in 53 bits. A divisor 0 is replaced by 1, which gives the remainder 0. */
    body_ref zero = body_constant_integer(b, BODY_I32, 0),
             one = body_constant_integer(b, BODY_I32, 1);
    body_ref divisor = body_select(b, body_eq(b, x[1], zero), one, x[1]);
    body_ref top = body_cast(b, x[0], BODY_F64), bottom = body_cast(b, divisor, BODY_F64);
    body_ref whole = body_floor(b, body_div(b, top, bottom));
    return body_cast(b, body_sub(b, top, body_mul(b, whole, bottom)), BODY_I32);
}

static void mod_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *quotient = make_div(b, n->arguments[0], n->arguments[1]);
    out[0] = gy;
    out[1] = make_neg(b, make_mul(b, gy, make_unary(b, OP_FLOOR, quotient)));
}

const op_info op_record_MOD = {
    OP_RECORD(MOD),
    .infer = infer_number,
    .body = mod_body,
    .adjoint = mod_adjoint,
    .formula = "y = a - floor(a / b) * b",
    .adjoint_formula = "da = dy; db = -(dy * floor(a / b))",
    .about =
        "Remainder of the division that rounds down, so it has the sign of the divisor. For "
        "i32 it is exact and a mod 0 is 0; for floats every operation of the formula rounds.",
    .sample = {.low = 0.4, .high = 2}};

/* ---- max, min, logaddexp */

/* x where it wins over y or is NaN, else y (which then may be NaN itself). */
static body_ref pick(body *b, body_ref wins, body_ref x, body_ref y) {
    body_type t = body_type_of(b, x);
    if (t == BODY_F32 || t == BODY_F64)
        wins = body_or(b, wins, body_ne(b, x, x));
    return body_select(b, wins, x, y);
}

body_ref elementwise_max(body *b, body_ref x, body_ref y) {
    return pick(b, body_lt(b, y, x), x, y);
}

static body_ref max_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return elementwise_max(b, x[0], x[1]);
}

/* gy where `winner` lies strictly above `loser`, half of it where they are equal. */
static op_node *share(op_builder *b, op_node *gy, op_node *loser, op_node *winner) {
    op_node *tie = make_select(b, make_binary(b, OP_EQ, loser, winner),
                               make_mul(b, gy, make_like(b, gy, 0.5)), make_like(b, gy, 0));
    return make_select(b, make_binary(b, OP_LT, loser, winner), gy, tie);
}

static void max_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = share(b, gy, n->arguments[1], n->arguments[0]);
    out[1] = share(b, gy, n->arguments[0], n->arguments[1]);
}

const op_info op_record_MAX = {
    OP_RECORD(MAX),
    .infer = infer_number,
    .body = max_body,
    .adjoint = max_adjoint,
    .formula = "y = max(a, b)",
    .adjoint_formula =
        "da = dy * (a > b ? 1 : a == b ? 0.5 : 0); "
        "db = dy * (b > a ? 1 : a == b ? 0.5 : 0)",
    .about = "The larger of two; NaN if either is. Equal arguments share the gradient equally.",
    .sample = {.low = -2, .high = 2}};

static body_ref min_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return pick(b, body_lt(b, x[0], x[1]), x[0], x[1]);
}

static void min_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = share(b, gy, n->arguments[0], n->arguments[1]);
    out[1] = share(b, gy, n->arguments[1], n->arguments[0]);
}

const op_info op_record_MIN = {
    OP_RECORD(MIN),
    .infer = infer_number,
    .body = min_body,
    .adjoint = min_adjoint,
    .formula = "y = min(a, b)",
    .adjoint_formula =
        "da = dy * (a < b ? 1 : a == b ? 0.5 : 0); "
        "db = dy * (b < a ? 1 : a == b ? 0.5 : 0)",
    .about = "The smaller of two; NaN if either is. Equal arguments share the gradient equally.",
    .sample = {.low = -2, .high = 2}};

static body_ref logaddexp_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)element;
    /* Equal arguments are at distance 0 even if both are infinite, where a - b would be NaN. */
    body_ref zero = body_constant(b, (body_type)n->dtype, 0);
    body_ref distance =
        body_select(b, body_eq(b, x[0], x[1]), zero, body_abs(b, body_sub(b, x[0], x[1])));
    body_ref rest = approx_log1p(b, approx_exp(b, body_neg(b, distance)));
    return body_add(b, elementwise_max(b, x[0], x[1]), rest);
}

op_node *elementwise_weight(op_builder *b, op_node *x, op_node *y) {
    op_node *empty = make_binary(b, OP_EQ, y, make_like(b, y, -INFINITY));
    return make_unary(b, OP_EXP, make_sub(b, x, make_select(b, empty, make_like(b, y, 0), y)));
}

static void logaddexp_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_mul(b, gy, elementwise_weight(b, n->arguments[0], n));
    out[1] = make_mul(b, gy, elementwise_weight(b, n->arguments[1], n));
}

const op_info op_record_LOGADDEXP = {
    OP_RECORD(LOGADDEXP),
    .infer = infer_float,
    .body = logaddexp_body,
    .adjoint = logaddexp_adjoint,
    .formula = "y = log(exp(a) + exp(b))",
    .adjoint_formula =
        "da = dy * exp(a - (y == -inf ? 0 : y)); "
        "db = dy * exp(b - (y == -inf ? 0 : y))",
    .about =
        "The sum of two numbers that are given by their logarithms; never overflows, and -inf "
        "stands for 0.",
    .sample = {.low = -3, .high = 3}};

/* ---- comparison */

static body_ref lt_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_lt(b, x[0], x[1]);
}

const op_info op_record_LT = {OP_RECORD(LT),
                              .infer = infer_order,
                              .body = lt_body,
                              .formula = "y = a < b",
                              .adjoint_formula = "",
                              .about = "Less than; false if either is NaN.",
                              .sample = {.low = -2, .high = 2}};

static body_ref le_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_le(b, x[0], x[1]);
}

const op_info op_record_LE = {OP_RECORD(LE),
                              .infer = infer_order,
                              .body = le_body,
                              .formula = "y = a <= b",
                              .adjoint_formula = "",
                              .about = "Less than or equal; false if either is NaN.",
                              .sample = {.low = -2, .high = 2}};

static body_ref ne_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)element;
    if (n->arguments[0]->dtype == DTYPE_BOOL)
        return body_xor(b, x[0], x[1]);
    return body_ne(b, x[0], x[1]);
}

static body_ref eq_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    if (n->arguments[0]->dtype == DTYPE_BOOL)
        return body_not(b, ne_body(b, n, x, element));
    return body_eq(b, x[0], x[1]);
}

const op_info op_record_EQ = {OP_RECORD(EQ),
                              .infer = infer_equality,
                              .body = eq_body,
                              .formula = "y = a == b",
                              .adjoint_formula = "",
                              .about = "Equal; false if either is NaN.",
                              .sample = {.low = -2, .high = 2}};

const op_info op_record_NE = {OP_RECORD(NE),
                              .infer = infer_equality,
                              .body = ne_body,
                              .formula = "y = a != b",
                              .adjoint_formula = "",
                              .about = "Not equal; true if either is NaN.",
                              .sample = {.low = -2, .high = 2}};

/* ---- logic */

static body_ref and_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_and(b, x[0], x[1]);
}

const op_info op_record_AND = {OP_RECORD(AND),
                               .infer = infer_bool,
                               .body = and_body,
                               .formula = "y = a && b",
                               .adjoint_formula = "",
                               .about = "Both of two bools.",
                               .sample = {.low = 0, .high = 1}};

static body_ref or_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_or(b, x[0], x[1]);
}

const op_info op_record_OR = {OP_RECORD(OR),
                              .infer = infer_bool,
                              .body = or_body,
                              .formula = "y = a || b",
                              .adjoint_formula = "",
                              .about = "At least one of two bools.",
                              .sample = {.low = 0, .high = 1}};

static bool select_infer(op_builder *b, op_node *n) {
    if (!infer_is_bool(b, n, 0) || !infer_one_dtype(b, n, 1))
        return false;
    n->dtype = n->arguments[1]->dtype;
    return infer_broadcast(b, n, 0);
}

static body_ref select_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_select(b, x[0], x[1], x[2]);
}

static void select_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *zero = make_like(b, gy, 0);
    out[1] = make_select(b, n->arguments[0], gy, zero);
    out[2] = make_select(b, n->arguments[0], zero, gy);
}

const op_info op_record_SELECT = {
    OP_RECORD(SELECT),
    .infer = select_infer,
    .body = select_body,
    .adjoint = select_adjoint,
    .formula = "y = c ? a : b",
    .adjoint_formula = "da = c ? dy : 0; db = c ? 0 : dy",
    .about = "One of two by a bool; NaN on the side that is not taken leaves no trace.",
    .sample = {.low = -2, .high = 2}};
