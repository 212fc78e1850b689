/* sin and cos as bodies.
 *
 * x = n pi/2 + r, n rounded by adding 1.5 * 2^fraction, whose low bits then tell the quadrant. pi/2
 * stands in three parts, the first cut short of it so that the second is positive. n times the
 * first is subtracted exactly by one fma: the difference is below 2 and a multiple of the part's
 * last bit. n times the second is split into product and error, the third only matters where x is
 * next to a multiple of pi/2; so r + low is x's angle to about twice the precision of the type, and
 * one rounding of r is all the result sees. Then sin r = r + r^3 S(r^2) and cos r = 1 - r^2/2 +
 * r^4 C(r^2), both computed and one selected.
 *
 * S and C are minimax polynomials of the relative error on |r| <= 1.001 pi/4, found as those in
 * approx.c; remaining error in 2^-24 (f32): S 0.07, C 0.002; in 2^-53 (f64): S 0.04, C 0.002.
 *
 * Measured in units in the last place:     sin    cos
 *     f32, every float up to 1e5           0.88   0.87
 *     f64, samples up to 1e9               0.85   0.83
 *
 * Beyond that the error grows slowly, from the precision of pi/2. Beyond 2^22 (f32) and 2^50 (f64),
 * where neighbouring numbers lie a quarter of a radian and more apart and n soon no longer fits,
 * the result is NaN rather than a wrong number. Trap: the parts must be subtracted in this order
 * and with n = 0 leave -0 alone; tiny x, -0 among them, is selected at the end all the same, since
 * low is +0. */
#include "ops/approx.h"

#include <math.h>

#include "ops/approx_kit.h"

static const double sin_f32[] = {-0x1.555544p-3, 0x1.110714p-7, -0x1.99407cp-13};
static const double sin_f64[] = {-0x1.5555555555548p-3,  0x1.111111110f788p-7,
                                 -0x1.a01a019bf57d5p-13, 0x1.71de35603c68ep-19,
                                 -0x1.ae5e546fbbc5dp-26, 0x1.5d8dfd583f91p-33};
static const double cos_f32[] = {0x1.55554ap-5, -0x1.6c0c28p-10, 0x1.99e80cp-16};
static const double cos_f64[] = {0x1.555555555554bp-5,  -0x1.6c16c16c14f5fp-10,
                                 0x1.a01a019c7cd83p-16, -0x1.27e4f7e53de72p-22,
                                 0x1.1ee9d3dc51b4ep-29, -0x1.8fa290ceeb91ap-37};

/* x = n pi/2 + r + low; the low bits of `quadrant` are those of n. */
typedef struct approx_angle {
    body_ref r, low, quadrant;
} approx_angle;

static approx_angle reduce_angle(body *b, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    body_ref magic = body_constant(b, f->type, f->magic);
    body_ref turns = body_fma(b, x, body_constant(b, f->type, 0x1.45f306dc9c883p-1), magic);
    body_ref n = body_sub(b, turns, magic);
    body_ref first = approx_pick(b, x, -0x1.921fb4p+0, -0x1.921fb54442d18p+0);
    body_ref second = approx_pick(b, x, 0x1.4442d2p-24, 0x1.1a62633145c07p-54);
    body_ref third = approx_pick(b, x, 0x1.ee59dap-50, 0x1.f1976b7ed8fbcp-110);
    body_ref exact = body_fma(b, n, first, x);
    body_ref product = body_mul(b, n, second);
    body_ref r = body_sub(b, exact, product);
    body_ref product_low = body_fma(b, n, second, body_neg(b, product));
    body_ref lost = body_sub(b, body_sub(b, exact, r), product);
    body_ref low = body_fma(b, n, third, body_sub(b, lost, product_low));
    return (approx_angle){r, low, body_bits(b, turns, f->bits)};
}

static body_ref sin_near_zero(body *b, approx_angle a) {
    body_ref z = body_mul(b, a.r, a.r);
    body_ref tail = body_type_of(b, a.r) == BODY_F32 ? approx_polynomial(b, z, sin_f32, 3)
                                                     : approx_polynomial(b, z, sin_f64, 6);
    return body_add(b, a.r, body_fma(b, body_mul(b, a.r, z), tail, a.low));
}

static body_ref cos_near_zero(body *b, approx_angle a) {
    body_type type = body_type_of(b, a.r);
    body_ref z = body_mul(b, a.r, a.r), one = body_constant(b, type, 1);
    body_ref tail = type == BODY_F32 ? approx_polynomial(b, z, cos_f32, 3)
                                     : approx_polynomial(b, z, cos_f64, 6);
    body_ref half = body_mul(b, z, body_constant(b, type, 0.5));
    body_ref w = body_sub(b, one, half);
    body_ref lost = body_sub(b, body_sub(b, one, w), half);
    body_ref rest = body_fma(b, body_mul(b, z, z), tail, body_neg(b, body_mul(b, a.r, a.low)));
    return body_add(b, w, body_add(b, lost, rest));
}

/* sin(x + quarters * pi/2). */
static body_ref sin_after_quarters(body *b, body_ref x, int quarters) {
    const approx_format *f = approx_format_of(b, x);
    approx_angle a = reduce_angle(b, x);
    body_ref one = body_constant_integer(b, f->bits, 1);
    body_ref two = body_constant_integer(b, f->bits, 2);
    body_ref quadrant = a.quadrant;
    if (quarters)
        quadrant = body_add(b, quadrant, body_constant_integer(b, f->bits, quarters));
    body_ref even = body_eq(b, body_and(b, quadrant, one), body_constant_integer(b, f->bits, 0));
    body_ref y = body_select(b, even, sin_near_zero(b, a), cos_near_zero(b, a));
    int top = f->type == BODY_F32 ? 30 : 62;
    body_ref sign = body_shl(b, body_and(b, quadrant, two), body_constant_integer(b, f->bits, top));
    y = body_bits(b, body_xor(b, body_bits(b, y, f->bits), sign), f->type);
    body_ref furthest = approx_pick(b, x, 0x1p22, 0x1p50);
    body_ref inside = body_le(b, body_abs(b, x), furthest);
    return body_select(b, inside, y, body_constant(b, f->type, NAN));
}

body_ref approx_sin(body *b, body_ref x) {
    body_ref least = approx_pick(b, x, 0x1p-12, 0x1p-26);
    body_ref tiny = body_lt(b, body_abs(b, x), least);
    return body_select(b, tiny, x, sin_after_quarters(b, x, 0));
}

body_ref approx_cos(body *b, body_ref x) {
    return sin_after_quarters(b, x, 1);
}
