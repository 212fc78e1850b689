/* exp, expm1, log, log1p, tanh and sigmoid as bodies.
 *
 * The C library's functions differ from machine to machine and do not vectorise, so these are our
 * own: straight lines of instructions, the same bits everywhere, f32 cheap because gates run them.
 *
 * exp and its kin: n = round(x / ln 2) by adding 1.5 * 2^fraction (n then stands in the low bits of
 * the sum, ready to be shifted into an exponent), r = x - n ln 2 with ln 2 in two parts of which
 * the first times n is exact (Cody and Waite), q = e^r - 1 = r + r^2 P(r). Then
 *     exp     = 2^n q + 2^n           2^n is two factors, so that the last product rounds once when
 *                                     the result is denormal and reaches inf by itself
 *     expm1   = 2^n q + (2^n - 1)     at half the scale, since 2^128 is no f32
 *     tanh    = m / (m + 2), m = expm1(2|x|), and x's sign
 *     sigmoid = c / (2^n c q + c + 2^n c) with e^-x = 2^n (1 + q); c = 2^-room keeps both the
 *               power and the sum away from inf, so that the result may be denormal
 * log: x = 2^k m with m in [sqrt(1/2), sqrt(2)) by integer arithmetic on the bits, g = m - 1,
 * s = g / (2 + g), log m = g - (g^2/2 - s (g^2/2 + s^2 Q(s^2))) (as fdlibm does it). log1p splits
 * 1 + x and adds what that sum lost in rounding to g, scaled.
 *
 * P and Q are minimax polynomials of the relative error of the whole function on the reduced
 * interval (widened by 1/2000): Remez exchange in 60 digits, coefficients rounded to the type, then
 * coordinate descent by units in the last place. P for f32 weighs small r twice as much, because
 * the quotient of tanh has nothing to spare there. Remaining error in 2^-24 (f32): P 0.3, Q 0.014;
 * in 2^-53 (f64): P 0.004, Q 0.012. The rest of the bounds is rounding.
 *
 * Measured in units in the last place; f32 is every float there is, f64 some millions of samples:
 *              exp    expm1  log    log1p  tanh   sigmoid
 *       f32    1.05   1.59   0.83   1.40   2.46   2.00
 *       f64    0.83   1.30   0.80   1.36   1.81   2.00
 * For f32 exp, expm1, log and log1p never fall as x rises; sigmoid does so three times, by 2 units.
 * tanh falls by one unit now and then below 8, because m + 2 moves in larger steps than m; from 8
 * on it rises to exactly 1.
 *
 * Traps. -0 + 0 is +0: functions that keep the sign of zero put it back from x's bits or select x.
 * Clamps are written so that NaN falls through them. The f64 bound is tighter than what the f32
 * formulas give: `low`, the rounding error of r, is carried along, and tanh's quotient is refined.
 */
#include "ops/approx.h"

#include <math.h>

#include "ops/approx_kit.h"

/* ---- exp and what is made of it */

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

/* e^x = 2^n e^(r + low); tail is P(r). low is -1 for f32, which does without. The low bits of
 * `power` are those of n + offset, above them zeros as far as exponents reach. */
typedef struct exp_parts {
    body_ref r, low, square, tail, power;
} exp_parts;

static exp_parts exp_reduce(body *b, body_ref x, int offset) {
    const approx_format *f = approx_format_of(b, x);
    body_ref magic = body_constant(b, f->type, f->magic + offset);
    body_ref shifted = body_fma(b, x, body_constant(b, f->type, 0x1.71547652b82fep+0), magic);
    body_ref n = body_sub(b, shifted, magic);
    body_ref high_part = approx_pick(b, x, -0x1.62e4p-1, -0x1.62e42fefa38p-1);
    body_ref low_part = approx_pick(b, x, -0x1.7f7d1cp-20, -0x1.ef35793c7673p-45);
    body_ref exact = body_fma(b, n, high_part, x), r = body_fma(b, n, low_part, exact);
    exp_parts e = {.r = r, .low = -1, .power = body_bits(b, shifted, f->bits)};
    e.square = body_mul(b, r, r);
    if (f->type == BODY_F32) {
        e.tail = approx_polynomial(b, r, exp_f32, 5);
    } else {
        e.tail = approx_polynomial(b, r, exp_f64, 11);
        e.low = body_fma(b, n, low_part, body_sub(b, exact, r));
    }
    return e;
}

/* f64: what follows r in e^(r + low) - 1. */
static body_ref exp_rest(body *b, exp_parts e) {
    return body_fma(b, e.square, e.tail, e.low);
}

/* q = e^r - 1. */
static body_ref exp_fraction(body *b, exp_parts e) {
    return e.low < 0 ? body_fma(b, e.square, e.tail, e.r) : body_add(b, e.r, exp_rest(b, e));
}

/* scale e^r - c, accurate where the difference is small. */
static body_ref exp_minus(body *b, exp_parts e, body_ref scale, double c) {
    body_ref start = body_sub(b, scale, body_constant(b, body_type_of(b, scale), c));
    if (e.low < 0)
        return body_fma(b, scale, exp_fraction(b, e), start);
    return body_fma(b, scale, exp_rest(b, e), body_fma(b, scale, e.r, start));
}

body_ref approx_exp(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    x = approx_clamp(b, x, approx_pick(b, x, -105, -747), approx_pick(b, x, 89, 710));
    /* With m = n + 2 bias the factors have the stored exponents m / 2 and m - m / 2. */
    exp_parts e = exp_reduce(b, x, 2 * f->bias);
    body_ref both = body_shl(b, e.power, body_constant_integer(b, f->bits, f->fraction));
    body_ref half = body_shl(b, e.power, body_constant_integer(b, f->bits, f->fraction - 1));
    half = body_and(b, half, body_constant_integer(b, f->bits, f->exponent_mask));
    body_ref first = body_bits(b, half, f->type);
    body_ref second = body_bits(b, body_sub(b, both, half), f->type);
    return body_mul(b, body_fma(b, first, exp_fraction(b, e), first), second);
}

body_ref approx_expm1(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    body_ref inside = approx_clamp(b, x, approx_pick(b, x, -20, -40), approx_pick(b, x, 89, 710));
    exp_parts e = exp_reduce(b, inside, f->bias - 1);
    body_ref half = exp_minus(b, e, approx_power(b, x, e.power), 0.5);
    body_ref least = approx_pick(b, x, 0x1p-26, 0x1p-55);
    body_ref tiny = body_lt(b, body_abs(b, x), least);
    return body_select(b, tiny, x, body_add(b, half, half));
}

/* m / (m + 2) where the plain quotient is not good enough: what m + 2 lost in rounding and the
 * remainder of the division are put back, with 1 / (m + 2) = (1 - y) / 2. At 2^54 y is 1 and stays
 * so; above, m + 2 would be a tie that goes up and down by turns. */
static body_ref tanh_quotient_f64(body *b, body_ref m) {
    body_ref two = body_constant(b, BODY_F64, 2), half = body_constant(b, BODY_F64, 0.5);
    m = approx_minimum(b, m, body_constant(b, BODY_F64, 0x1p54));
    body_ref divisor = body_add(b, m, two), y = body_div(b, m, divisor), minus = body_neg(b, y);
    body_ref lost = body_sub(b, m, body_sub(b, divisor, two));
    body_ref remainder = body_fma(b, minus, lost, body_fma(b, minus, divisor, m));
    return body_fma(b, remainder, body_fma(b, minus, half, half), y);
}

body_ref approx_tanh(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    /* The f32 limit is the least x whose m reaches 2^25, where ties like those above would begin:
     * found by search, m there is 2^25 + 16 and m + 2 rounds to m. */
    body_ref most = approx_pick(b, x, 0x1.154246p+3, 20);
    body_ref a = approx_minimum(b, body_abs(b, x), most);
    exp_parts e = exp_reduce(b, body_add(b, a, a), f->bias);
    body_ref m = exp_minus(b, e, approx_power(b, x, e.power), 1);
    body_ref y = f->type == BODY_F64 ? tanh_quotient_f64(b, m)
                                     : body_div(b, m, body_add(b, m, body_constant(b, f->type, 2)));
    return approx_with_sign(b, y, x);
}

body_ref approx_sigmoid(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    int room = f->type == BODY_F32 ? 32 : 64;
    body_ref low = approx_pick(b, x, -60, -100), high = approx_pick(b, x, 105, 747);
    exp_parts e = exp_reduce(b, approx_clamp(b, body_neg(b, x), low, high), f->bias - room);
    body_ref one = body_constant(b, f->type, ldexp(1, -room));
    body_ref scale = approx_power(b, x, e.power);
    /* Not scale q + (scale + one): the inner sum would be a tie when n is the width of a mantissa,
     * and half a unit there is a whole one in the quotient. */
    return body_div(b, one, body_add(b, scale, body_fma(b, scale, exp_fraction(b, e), one)));
}

/* ---- log and log1p */

static const double log_f32[] = {0x1.55557ap-1, 0x1.995ecp-2, 0x1.31e46ep-2};
static const double log_f64[] = {0x1.5555555555593p-1, 0x1.999999997fc43p-2, 0x1.24924942071a7p-2,
                                 0x1.c71c51f4fa3dcp-3, 0x1.74664394fe129p-3, 0x1.39a1360ee67e2p-3,
                                 0x1.2f0b102a2134ep-3};

/* u = 2^k * mantissa, mantissa in [sqrt(1/2), sqrt(2)); biased = k + bias, an integer. */
typedef struct log_parts {
    body_ref mantissa, biased;
} log_parts;

/* u is positive, normal and finite; otherwise what comes out is some number or NaN. */
static log_parts log_split(body *b, body_ref u) {
    const approx_format *f = approx_format_of(b, u);
    body_ref root = body_constant_integer(b, f->bits, f->root_half);
    body_ref lift = body_constant_integer(b, f->bits, f->one - f->root_half);
    body_ref lifted = body_add(b, body_bits(b, u, f->bits), lift);
    body_ref mask = body_constant_integer(b, f->bits, (INT64_C(1) << f->fraction) - 1);
    body_ref mantissa = body_add(b, body_and(b, lifted, mask), root);
    body_ref width = body_constant_integer(b, f->bits, f->fraction);
    return (log_parts){body_bits(b, mantissa, f->type), body_shr(b, lifted, width)};
}

/* log(1 + g) + k log 2. Where `biased` is or-ed into the bits of 2^fraction, the float is
 * 2^fraction + biased; `offset` is what to subtract from it to get k. */
static body_ref log_join(body *b, body_ref g, body_ref biased, body_ref offset) {
    const approx_format *f = approx_format_of(b, g);
    body_ref integers = body_constant_integer(b, f->bits, f->integers);
    body_ref k = body_sub(b, body_bits(b, body_or(b, biased, integers), f->type), offset);
    body_ref s = body_div(b, g, body_add(b, g, body_constant(b, f->type, 2)));
    body_ref z = body_mul(b, s, s);
    body_ref half = body_mul(b, body_mul(b, g, body_constant(b, f->type, 0.5)), g);
    body_ref tail = f->type == BODY_F32 ? approx_polynomial(b, z, log_f32, 3)
                                        : approx_polynomial(b, z, log_f64, 7);
    body_ref low = body_mul(b, k, approx_pick(b, g, 0x1.7f7d1cp-20, 0x1.ef35793c7673p-45));
    body_ref small = body_fma(b, s, body_fma(b, z, tail, half), low);
    body_ref near_one = body_sub(b, g, body_sub(b, half, small));
    return body_fma(b, k, approx_pick(b, g, 0x1.62e4p-1, 0x1.62e42fefa38p-1), near_one);
}

/* y where u > 0, -inf where u = 0, NaN where u < 0; x where x is inf or NaN. */
static body_ref log_edges(body *b, body_ref u, body_ref x, body_ref y) {
    body_type type = body_type_of(b, u);
    body_ref zero = body_constant(b, type, 0);
    body_ref infinite = body_constant(b, type, INFINITY);
    body_ref edge = body_select(b, body_eq(b, u, zero), body_constant(b, type, -INFINITY),
                                body_constant(b, type, NAN));
    body_ref inner = body_select(b, body_lt(b, x, infinite), y, x);
    return body_select(b, body_lt(b, zero, u), inner, edge);
}

body_ref approx_log(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    double offset = ldexp(1, f->fraction) + f->bias;
    body_ref denormal = body_lt(b, x, body_constant(b, f->type, ldexp(1, 1 - f->bias)));
    body_ref scaled = body_mul(b, x, body_constant(b, f->type, ldexp(1, f->fraction)));
    log_parts u = log_split(b, body_select(b, denormal, scaled, x));
    body_ref g = body_sub(b, u.mantissa, body_constant(b, f->type, 1));
    body_ref shift = body_select(b, denormal, body_constant(b, f->type, offset + f->fraction),
                                 body_constant(b, f->type, offset));
    return log_edges(b, x, x, log_join(b, g, u.biased, shift));
}

body_ref approx_log1p(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    body_ref one = body_constant(b, f->type, 1), sum = body_add(b, x, one);
    /* Knuth's exact error of a sum, whichever term is larger. */
    body_ref back = body_sub(b, sum, one);
    body_ref lost = body_add(b, body_sub(b, one, body_sub(b, sum, back)), body_sub(b, x, back));
    log_parts u = log_split(b, sum);
    /* A division by 2^k, for 2^-128 is no f32; 2^128 is inf here, which does as well. */
    body_ref part = body_div(b, lost, approx_power(b, x, u.biased));
    body_ref g = body_add(b, body_sub(b, u.mantissa, one), part);
    body_ref offset = body_constant(b, f->type, ldexp(1, f->fraction) + f->bias);
    return log_edges(b, sum, x, approx_with_sign(b, log_join(b, g, u.biased, offset), x));
}
