/* The two float formats as tables, and pieces that every elementary function uses. A function is
 * written once for both types; what differs are the numbers here and the coefficients. */
#include "ops/approx_kit.h"

#include <assert.h>

static const approx_format formats[] = {{BODY_F32, BODY_I32, 23, 127, 0x1.8p23, 0x3f800000,
                                         0x3f3504f3, 0x4b000000, 0x7f800000, 0x80000000},
                                        {BODY_F64, BODY_I64, 52, 1023, 0x1.8p52, 0x3ff0000000000000,
                                         0x3fe6a09e667f3bcd, 0x4330000000000000, 0x7ff0000000000000,
                                         INT64_MIN}};

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
