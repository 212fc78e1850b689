/* Element-wise ops of one argument: the scalar code, the adjoint and the record of each.
 *
 * Adjoints are written in terms of the result wherever that is possible (tanh, sigmoid, exp, sqrt):
 * then the argument need not outlive the forward sweep. Functions with a kink take the value 0 of
 * the subdifferential at the kink. */
#include "ops/elementwise.h"
#include "ops/approx.h"
#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"

static bool infer_same(op_builder *b, op_node *n) {
    n->dtype = n->arguments[0]->dtype;
    return infer_broadcast(b, n, 0);
}

static bool infer_float(op_builder *b, op_node *n) {
    return infer_is_float(b, n, 0) && infer_same(b, n);
}

static bool infer_number(op_builder *b, op_node *n) {
    return infer_is_number(b, n, 0) && infer_same(b, n);
}

static bool infer_bool(op_builder *b, op_node *n) {
    return infer_is_bool(b, n, 0) && infer_same(b, n);
}

static body_ref number(body *b, body_ref like, double value) {
    return body_constant(b, body_type_of(b, like), value);
}

/* ---- neg */

static body_ref neg_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_neg(b, x[0]);
}

static void neg_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    (void)n;
    out[0] = make_neg(b, gy);
}

const op_info op_record_NEG = {OP_RECORD(NEG),
                               .infer = infer_number,
                               .body = neg_body,
                               .adjoint = neg_adjoint,
                               .formula = "y = -x",
                               .adjoint_formula = "dx = -dy",
                               .about = "Negation; i32 wraps.",
                               .sample = {.low = -2, .high = 2}};

/* ---- abs, sign */

static body_ref abs_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)element;
    if (dtype_is_float((dtype)n->dtype))
        return body_abs(b, x[0]);
    return body_select(b, body_lt(b, x[0], number(b, x[0], 0)), body_neg(b, x[0]), x[0]);
}

static void abs_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_mul(b, gy, make_unary(b, OP_SIGN, n->arguments[0]));
}

const op_info op_record_ABS = {
    OP_RECORD(ABS),
    .infer = infer_number,
    .body = abs_body,
    .adjoint = abs_adjoint,
    .formula = "y = |x|",
    .adjoint_formula = "dx = dy * sign(x)",
    .about = "Absolute value; its derivative at 0 is 0. The smallest i32 stays itself.",
    .sample = {.low = -2, .high = 2, .kinks = {0}, .kink_count = 1, .clear = 0.05}};

static body_ref sign_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    body_ref zero = number(b, x[0], 0);
    body_ref below = body_select(b, body_lt(b, x[0], zero), number(b, x[0], -1), x[0]);
    return body_select(b, body_lt(b, zero, x[0]), number(b, x[0], 1), below);
}

const op_info op_record_SIGN = {
    OP_RECORD(SIGN),
    .infer = infer_number,
    .body = sign_body,
    .formula = "y = x > 0 ? 1 : x < 0 ? -1 : x",
    .adjoint_formula = "",
    .about = "The sign as -1, 0 or 1; zeros keep their sign and NaN stays NaN. No gradient passes.",
    .sample = {.low = -2, .high = 2, .kinks = {0}, .kink_count = 1, .clear = 0.05}};

/* ---- floor, sqrt */

static body_ref floor_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_floor(b, x[0]);
}

const op_info op_record_FLOOR = {
    OP_RECORD(FLOOR),
    .infer = infer_float,
    .body = floor_body,
    .formula = "y = floor(x)",
    .adjoint_formula = "",
    .about = "The largest whole number that is not above x. No gradient passes.",
    .sample = {.low = -0.9, .high = 1.9, .kinks = {0, 1}, .kink_count = 2, .clear = 0.05}};

static body_ref sqrt_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_sqrt(b, x[0]);
}

static void sqrt_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_div(b, make_mul(b, gy, make_like(b, gy, 0.5)), n);
}

const op_info op_record_SQRT = {OP_RECORD(SQRT),
                                .infer = infer_float,
                                .body = sqrt_body,
                                .adjoint = sqrt_adjoint,
                                .formula = "y = sqrt(x)",
                                .adjoint_formula = "dx = dy * 0.5 / y",
                                .about = "Square root, correctly rounded; NaN below 0.",
                                .sample = {.low = 0.2, .high = 3}};

/* ---- exponentials and logarithms */

static body_ref exp_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return approx_exp(b, x[0]);
}

static void exp_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_mul(b, gy, n);
}

const op_info op_record_EXP = {OP_RECORD(EXP),          .infer = infer_float,
                               .body = exp_body,        .adjoint = exp_adjoint,
                               .formula = "y = exp(x)", .adjoint_formula = "dx = dy * y",
                               .about = "Exponential.", .sample = {.low = -2, .high = 2}};

static body_ref expm1_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return approx_expm1(b, x[0]);
}

static void expm1_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_mul(b, gy, make_add(b, n, make_like(b, n, 1)));
}

const op_info op_record_EXPM1 = {OP_RECORD(EXPM1),
                                 .infer = infer_float,
                                 .body = expm1_body,
                                 .adjoint = expm1_adjoint,
                                 .formula = "y = exp(x) - 1",
                                 .adjoint_formula = "dx = dy * (y + 1)",
                                 .about = "Exponential minus 1 without cancellation near 0.",
                                 .sample = {.low = -2, .high = 2}};

static body_ref log_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return approx_log(b, x[0]);
}

static void log_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_div(b, gy, n->arguments[0]);
}

const op_info op_record_LOG = {OP_RECORD(LOG),
                               .infer = infer_float,
                               .body = log_body,
                               .adjoint = log_adjoint,
                               .formula = "y = log(x)",
                               .adjoint_formula = "dx = dy / x",
                               .about = "Natural logarithm; -inf at 0, NaN below.",
                               .sample = {.low = 0.2, .high = 3}};

static body_ref log1p_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return approx_log1p(b, x[0]);
}

static void log1p_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *x = n->arguments[0];
    out[0] = make_div(b, gy, make_add(b, x, make_like(b, x, 1)));
}

const op_info op_record_LOG1P = {OP_RECORD(LOG1P),
                                 .infer = infer_float,
                                 .body = log1p_body,
                                 .adjoint = log1p_adjoint,
                                 .formula = "y = log(1 + x)",
                                 .adjoint_formula = "dx = dy / (x + 1)",
                                 .about = "Logarithm of 1 + x without cancellation near 0.",
                                 .sample = {.low = -0.7, .high = 3}};

/* ---- squashing and waves */

static body_ref tanh_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return approx_tanh(b, x[0]);
}

static void tanh_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *one = make_like(b, n, 1);
    out[0] = make_mul(b, gy, make_sub(b, one, make_mul(b, n, n)));
}

const op_info op_record_TANH = {OP_RECORD(TANH),
                                .infer = infer_float,
                                .body = tanh_body,
                                .adjoint = tanh_adjoint,
                                .formula = "y = tanh(x)",
                                .adjoint_formula = "dx = dy * (1 - y * y)",
                                .about = "Hyperbolic tangent.",
                                .sample = {.low = -2, .high = 2}};

static body_ref sigmoid_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return approx_sigmoid(b, x[0]);
}

static void sigmoid_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *rising = make_mul(b, gy, n);
    out[0] = make_mul(b, rising, make_sub(b, make_like(b, n, 1), n));
}

const op_info op_record_SIGMOID = {OP_RECORD(SIGMOID),
                                   .infer = infer_float,
                                   .body = sigmoid_body,
                                   .adjoint = sigmoid_adjoint,
                                   .formula = "y = 1 / (1 + exp(-x))",
                                   .adjoint_formula = "dx = dy * y * (1 - y)",
                                   .about = "The logistic function.",
                                   .sample = {.low = -3, .high = 3}};

static body_ref sin_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return approx_sin(b, x[0]);
}

static void sin_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_mul(b, gy, make_unary(b, OP_COS, n->arguments[0]));
}

const op_info op_record_SIN = {OP_RECORD(SIN),
                               .infer = infer_float,
                               .body = sin_body,
                               .adjoint = sin_adjoint,
                               .formula = "y = sin(x)",
                               .adjoint_formula = "dx = dy * cos(x)",
                               .about = "Sine of x in radians.",
                               .sample = {.low = -3, .high = 3}};

static body_ref cos_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return approx_cos(b, x[0]);
}

static void cos_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_neg(b, make_mul(b, gy, make_unary(b, OP_SIN, n->arguments[0])));
}

const op_info op_record_COS = {OP_RECORD(COS),
                               .infer = infer_float,
                               .body = cos_body,
                               .adjoint = cos_adjoint,
                               .formula = "y = cos(x)",
                               .adjoint_formula = "dx = -(dy * sin(x))",
                               .about = "Cosine of x in radians.",
                               .sample = {.low = -3, .high = 3}};

/* ---- not, cast, keep */

static body_ref not_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)n, (void)element;
    return body_not(b, x[0]);
}

const op_info op_record_NOT = {OP_RECORD(NOT),
                               .infer = infer_bool,
                               .body = not_body,
                               .formula = "y = !x",
                               .adjoint_formula = "",
                               .about = "Negation of a bool.",
                               .sample = {.low = 0, .high = 1}};

static bool cast_infer(op_builder *b, op_node *n) {
    int to = n->attributes.kind;
    if (to < 0 || to >= DTYPE_COUNT)
        return op_fail(b, STATUS_ARGUMENT, "cast: there is no dtype number %d", to);
    if (!infer_broadcast(b, n, 0))
        return false;
    n->dtype = (uint8_t)to;
    return true;
}

static body_ref cast_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)element;
    if (n->arguments[0]->dtype == n->dtype)
        return x[0];
    return body_cast(b, x[0], (body_type)n->dtype);
}

static void cast_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    dtype from = (dtype)n->arguments[0]->dtype;
    if (dtype_is_float(from) && dtype_is_float((dtype)n->dtype))
        out[0] = make_cast(b, gy, from);
}

const op_info op_record_CAST = {
    OP_RECORD(CAST),
    .infer = cast_infer,
    .body = cast_body,
    .adjoint = cast_adjoint,
    .formula = "y = (dtype)x",
    .adjoint_formula = "dx = (dtype of x)dy",
    .about =
        "Another dtype. A float becomes an i32 by dropping its fraction, saturates outside the "
        "range, and NaN becomes 0; anything becomes a bool by comparing it with 0. A gradient "
        "passes between f32 and f64 only.",
    .sample = {.low = -2, .high = 2}};

static body_ref keep_body(body *b, const op_node *n, const body_ref *x, body_ref element) {
    (void)b, (void)n, (void)element;
    return x[0];
}

static void keep_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    (void)b, (void)n;
    out[0] = gy;
}

const op_info op_record_KEEP = {
    OP_RECORD(KEEP),
    .infer = infer_same,
    .body = keep_body,
    .adjoint = keep_adjoint,
    .formula = "y = x",
    .adjoint_formula = "dx = dy",
    .about =
        "An identity that folding and sharing respect: what is computed again from a kept "
        "value is not merged with what it was computed from first.",
    .sample = {.low = -2, .high = 2}};
