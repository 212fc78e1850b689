/* exp, expm1, log, log1p, tanh and sigmoid as bodies.
 */
#include "ops/approx.h"

#include <math.h>

#include "ops/approx_kit.h"

/* ---- exp and what is made of it */

/* e^x = 2^n (1 + q) with q = expm1(r), |r| <= ln 2 / 2. `power` holds n + offset in its low bits.
 */
typedef struct approx_reduced {
    body_ref r, low, square, tail, power;
} approx_reduced;

static const double exp_f32[] = {0x1p-1, 0x1.5554d2p-3, 0x1.555608p-5, 0x1.1212e4p-7,
                                 0x1.6bde5cp-10};
static const double exp_f64[] = {0x1p-1,
                                 0x1.5555555555559p-3,
                                 0x1.555555555554p-5,
                                 0x1.111111110f6b7p-7,
                                 0x1.6c16c16c1f0f5p-10,
                                 0x1.a01a01afdd8ebp-13,
                                 0x1.a01a017baf16fp-16,
                                 0x1.71ddf863b299ap-19,
                                 0x1.27e536461d32dp-22,
                                 0x1.af5ea860f0eb3p-26,
                                 0x1.1ee8847cf6e8ep-29};

static approx_reduced reduce_exp(body *b, body_ref x, int offset) {
    const approx_format *f = approx_format_of(b, x);
    double magic = f->magic + offset;
    body_ref shift = body_constant(b, f->type, magic);
    body_ref shifted = body_fma(b, x, body_constant(b, f->type, 0x1.71547652b82fep+0), shift);
    body_ref n = body_sub(b, shifted, shift);
    body_ref high = approx_pick(b, x, -0x1.62e4p-1, -0x1.62e42fefa38p-1);
    body_ref low = approx_pick(b, x, -0x1.7f7d1cp-20, -0x1.ef35793c7673p-45);
    body_ref near = body_fma(b, n, high, x), r = body_fma(b, n, low, near);
    approx_reduced e = {.r = r, .low = -1, .power = body_bits(b, shifted, f->bits)};
    e.square = body_mul(b, r, r);
    if (f->type == BODY_F32) {
        e.tail = approx_polynomial(b, r, exp_f32, 5);
    } else {
        e.tail = approx_polynomial(b, r, exp_f64, 11);
        e.low = body_fma(b, n, low, body_sub(b, near, r));
    }
    return e;
}

/* What follows r in e^r - 1. */
static body_ref exp_rest(body *b, approx_reduced e) {
    return body_fma(b, e.square, e.tail, e.low);
}

/* e^r - 1 as one number. */
static body_ref exp_fraction(body *b, approx_reduced e) {
    return e.low < 0 ? body_fma(b, e.square, e.tail, e.r) : body_add(b, e.r, exp_rest(b, e));
}

/* scale e^r - c, accurate where the difference is small. */
static body_ref exp_minus(body *b, approx_reduced e, body_ref scale, double c) {
    body_ref rest = body_sub(b, scale, body_constant(b, body_type_of(b, scale), c));
    if (e.low < 0) return body_fma(b, scale, exp_fraction(b, e), rest);
    return body_fma(b, scale, exp_rest(b, e), body_fma(b, scale, e.r, rest));
}

/* 2^(n + offset - bias). */
static body_ref power_of_two(body *b, body_ref x, body_ref power) {
    const approx_format *f = approx_format_of(b, x);
    body_ref width = body_constant_integer(b, f->bits, f->fraction);
    return body_bits(b, body_shl(b, power, width), f->type);
}

body_ref approx_exp(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    x = approx_clamp(b, x, approx_pick(b, x, -105, -747), approx_pick(b, x, 89, 710));
    approx_reduced e = reduce_exp(b, x, 2 * f->bias);
    body_ref half = body_shl(b, e.power, body_constant_integer(b, f->bits, f->fraction - 1));
    body_ref mask = body_constant_integer(b, f->bits, f->exponent_mask);
    body_ref first = body_and(b, half, mask);
    body_ref both = body_shl(b, e.power, body_constant_integer(b, f->bits, f->fraction));
    body_ref second = body_bits(b, body_sub(b, both, first), f->type);
    first = body_bits(b, first, f->type);
    return body_mul(b, body_fma(b, first, exp_fraction(b, e), first), second);
}

body_ref approx_expm1(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    body_ref inside = approx_clamp(b, x, approx_pick(b, x, -20, -40), approx_pick(b, x, 89, 710));
    approx_reduced e = reduce_exp(b, inside, f->bias - 1);
    body_ref scale = power_of_two(b, x, e.power);
    body_ref half = exp_minus(b, e, scale, 0.5);
    body_ref y = body_add(b, half, half);
    body_ref tiny = body_lt(b, body_abs(b, x), approx_pick(b, x, 0x1p-26, 0x1p-55));
    return body_select(b, tiny, x, y);
}

body_ref approx_tanh(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    body_ref a = body_abs(b, x);
    a = approx_minimum(b, a, approx_pick(b, x, 10, 20));
    approx_reduced e = reduce_exp(b, body_add(b, a, a), f->bias);
    body_ref scale = power_of_two(b, x, e.power);
    body_ref m = exp_minus(b, e, scale, 1);
    body_ref two = body_constant(b, f->type, 2), below = body_add(b, m, two);
    body_ref y = body_div(b, m, below);
    if (f->type == BODY_F64) {
        body_ref lost = body_sub(b, m, body_sub(b, below, two));
        body_ref minus = body_neg(b, y);
        body_ref rest = body_fma(b, minus, lost, body_fma(b, minus, below, m));
        body_ref half = body_constant(b, f->type, 0.5);
        y = body_fma(b, rest, body_fma(b, minus, half, half), y);
    }
    return approx_with_sign(b, y, x);
}

body_ref approx_sigmoid(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    int room = f->type == BODY_F32 ? 32 : 64;
    body_ref y =
        approx_clamp(b, body_neg(b, x), approx_pick(b, x, -60, -100), approx_pick(b, x, 105, 747));
    approx_reduced e = reduce_exp(b, y, f->bias - room);
    body_ref one = body_constant(b, f->type, ldexp(1, -room));
    body_ref scale = power_of_two(b, x, e.power);
    return body_div(b, one, body_add(b, scale, body_fma(b, scale, exp_fraction(b, e), one)));
}

/* ---- log and log1p */

/* u = 2^k * mantissa, mantissa in [sqrt(1/2), sqrt(2)]; biased = k + bias as an integer. */
typedef struct approx_split {
    body_ref mantissa, biased;
} approx_split;

static approx_split split(body *b, body_ref u) {
    const approx_format *f = approx_format_of(b, u);
    body_ref root = body_constant_integer(b, f->bits, f->root_half);
    body_ref lift = body_constant_integer(b, f->bits, f->one - f->root_half);
    body_ref moved = body_add(b, body_bits(b, u, f->bits), lift);
    body_ref fraction =
        body_and(b, moved, body_constant_integer(b, f->bits, (INT64_C(1) << f->fraction) - 1));
    return (approx_split){body_bits(b, body_add(b, fraction, root), f->type),
                          body_shr(b, moved, body_constant_integer(b, f->bits, f->fraction))};
}

static const double log_f32[] = {0x1.55557ap-1, 0x1.995ecp-2, 0x1.31e46ep-2};
static const double log_f64[] = {0x1.5555555555593p-1, 0x1.999999997fc43p-2, 0x1.24924942071a7p-2,
                                 0x1.c71c51f4fa3dcp-3, 0x1.74664394fe129p-3, 0x1.39a1360ee67e2p-3,
                                 0x1.2f0b102a2134ep-3};

/* log(1 + g) + k log 2, where biased = k + bias and `bias` is a float. */
static body_ref log_of_parts(body *b, body_ref g, body_ref biased, body_ref bias) {
    const approx_format *f = approx_format_of(b, g);
    body_ref integer = body_constant_integer(b, f->bits, f->integers);
    body_ref k = body_sub(b, body_bits(b, body_or(b, biased, integer), f->type), bias);
    body_ref s = body_div(b, g, body_add(b, g, body_constant(b, f->type, 2)));
    body_ref z = body_mul(b, s, s);
    body_ref half = body_mul(b, body_mul(b, body_constant(b, f->type, 0.5), g), g);
    body_ref tail = f->type == BODY_F32 ? approx_polynomial(b, z, log_f32, 3)
                                        : approx_polynomial(b, z, log_f64, 7);
    body_ref low = body_mul(b, k, approx_pick(b, g, 0x1.7f7d1cp-20, 0x1.ef35793c7673p-45));
    body_ref inner = body_fma(b, s, body_fma(b, z, tail, half), low);
    body_ref small = body_sub(b, g, body_sub(b, half, inner));
    return body_fma(b, k, approx_pick(b, g, 0x1.62e4p-1, 0x1.62e42fefa38p-1), small);
}

/* y where u > 0; -inf where u = 0, NaN where u < 0; x where x is inf or NaN. */
static body_ref log_edges(body *b, body_ref u, body_ref x, body_ref y) {
    body_type type = body_type_of(b, u);
    body_ref zero = body_constant(b, type, 0);
    body_ref finite = body_lt(b, x, body_constant(b, type, INFINITY));
    body_ref edge = body_select(b, body_eq(b, u, zero), body_constant(b, type, -INFINITY),
                                body_constant(b, type, NAN));
    return body_select(b, body_lt(b, zero, u), body_select(b, finite, y, x), edge);
}

body_ref approx_log(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    double bias = ldexp(1, f->fraction) + f->bias;
    body_ref denormal = body_lt(b, x, body_constant(b, f->type, ldexp(1, 1 - f->bias)));
    body_ref lifted = body_mul(b, x, body_constant(b, f->type, ldexp(1, f->fraction)));
    approx_split u = split(b, body_select(b, denormal, lifted, x));
    body_ref offset = body_select(b, denormal, body_constant(b, f->type, bias + f->fraction),
                                  body_constant(b, f->type, bias));
    body_ref g = body_sub(b, u.mantissa, body_constant(b, f->type, 1));
    return log_edges(b, x, x, log_of_parts(b, g, u.biased, offset));
}

body_ref approx_log1p(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    body_ref one = body_constant(b, f->type, 1);
    body_ref sum = body_add(b, x, one);
    body_ref back = body_sub(b, sum, one);
    body_ref lost = body_add(b, body_sub(b, one, body_sub(b, sum, back)), body_sub(b, x, back));
    approx_split u = split(b, sum);
    body_ref inverse =
        power_of_two(b, x, body_sub(b, body_constant_integer(b, f->bits, 2 * f->bias), u.biased));
    body_ref g = body_fma(b, lost, inverse, body_sub(b, u.mantissa, one));
    body_ref bias = body_constant(b, f->type, ldexp(1, f->fraction) + f->bias);
    body_ref y = log_of_parts(b, g, u.biased, bias);
    return log_edges(b, sum, x, approx_with_sign(b, y, x));
}
