/* What the elementary functions share: facts about the two float formats and small pieces of code. */
#ifndef EDDY_OPS_APPROX_KIT_H
#define EDDY_OPS_APPROX_KIT_H

#include "ops/body.h"

typedef struct approx_format {
    body_type type, bits; /* the float type and the integer type of its bit pattern */
    int fraction, bias;   /* stored bits of the mantissa; exponent of 1.0 as it is stored */
    double magic;         /* 1.5 * 2^fraction: adding it rounds to an integer, kept in the low bits */
    int64_t one, root_half, integers; /* bit patterns of 1, about sqrt(1/2), 2^fraction */
    int64_t exponent_mask, sign_mask;
} approx_format;

const approx_format *approx_format_of(const body *b, body_ref x);
/* The constant of x's type that was made for that type. */
body_ref approx_pick(body *b, body_ref x, double f32, double f64);
/* coefficients[0] + coefficients[1] x + ..., Horner with fma. count >= 1. */
body_ref approx_polynomial(body *b, body_ref x, const double *coefficients, int count);
/* NaN in x stays NaN in these. */
body_ref approx_minimum(body *b, body_ref x, body_ref high);
body_ref approx_clamp(body *b, body_ref x, body_ref low, body_ref high);
/* y, which is >= 0 or has x's sign already, with x's sign bit set. */
body_ref approx_with_sign(body *b, body_ref y, body_ref x);

#endif
