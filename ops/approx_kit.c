/* What the elementary functions share.
 *
 * A function is written once for f32 and f64. What differs is the layout of the bits, which stands
 * in the table here, and the coefficients, which stand next to the function. */
#include "ops/approx_kit.h"

#include <assert.h>

static const approx_format formats[] = {
    {.type = BODY_F32,
     .bits = BODY_I32,
     .fraction = 23,
     .bias = 127,
     .magic = 0x1.8p23,
     .one = 0x3f800000,
     .root_half = 0x3f3504f3,
     .integers = 0x4b000000,
     .exponent_mask = 0x7f800000,
     .sign_mask = INT32_MIN},
    {.type = BODY_F64,
     .bits = BODY_I64,
     .fraction = 52,
     .bias = 1023,
     .magic = 0x1.8p52,
     .one = 0x3ff0000000000000,
     .root_half = 0x3fe6a09e667f3bcd,
     .integers = 0x4330000000000000,
     .exponent_mask = 0x7ff0000000000000,
     .sign_mask = INT64_MIN},
};

const approx_format *approx_format_of(const body *b, body_ref x) {
    body_type type = body_type_of(b, x);
    assert(type == BODY_F32 || type == BODY_F64);
    return &formats[type == BODY_F64];
}

body_ref approx_pick(body *b, body_ref x, double f32, double f64) {
    body_type type = body_type_of(b, x);
    return body_constant(b, type, type == BODY_F32 ? f32 : f64);
}

body_ref approx_polynomial(body *b, body_ref x, const double *coefficients, int count) {
    body_type type = body_type_of(b, x);
    body_ref sum = body_constant(b, type, coefficients[count - 1]);
    for (int i = count - 1; i-- > 0;)
        sum = body_fma(b, sum, x, body_constant(b, type, coefficients[i]));
    return sum;
}

body_ref approx_minimum(body *b, body_ref x, body_ref high) {
    return body_select(b, body_lt(b, high, x), high, x);
}

body_ref approx_clamp(body *b, body_ref x, body_ref low, body_ref high) {
    x = approx_minimum(b, x, high);
    return body_select(b, body_lt(b, x, low), low, x);
}

body_ref approx_with_sign(body *b, body_ref y, body_ref x) {
    const approx_format *f = approx_format_of(b, x);
    body_ref mask = body_constant_integer(b, f->bits, f->sign_mask);
    body_ref sign = body_and(b, body_bits(b, x, f->bits), mask);
    return body_bits(b, body_or(b, body_bits(b, y, f->bits), sign), f->type);
}

body_ref approx_power(body *b, body_ref x, body_ref biased) {
    const approx_format *f = approx_format_of(b, x);
    body_ref width = body_constant_integer(b, f->bits, f->fraction);
    return body_bits(b, body_shl(b, biased, width), f->type);
}
