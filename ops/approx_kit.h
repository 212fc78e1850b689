/* What the elementary functions share: facts about the two float formats, small pieces of code. */
#ifndef EDDY_OPS_APPROX_KIT_H
#define EDDY_OPS_APPROX_KIT_H

#include "ops/body.h"

typedef struct approx_format {
    body_type type, bits; /* the float type, and the integer type of its bit pattern */
    int fraction, bias;   /* stored bits of the mantissa; the stored exponent of 1.0 */
    double magic; /* 1.5 * 2^fraction: adding it rounds to an integer, left in the low bits */
    int64_t one, root_half, integers; /* bit patterns of 1, of about sqrt(1/2), of 2^fraction */
    int64_t exponent_mask, sign_mask;
} approx_format;

/* x has type f32 or f64 (else a bug). */
const approx_format *approx_format_of(const body *b, body_ref x);
/* The constant of x's type, given for both. */
body_ref approx_pick(body *b, body_ref x, double f32, double f64);
/* coefficients[0] + coefficients[1] x + ... by Horner's rule with fma; count >= 1. */
body_ref approx_polynomial(body *b, body_ref x, const double *coefficients, int count);
/* The smaller of x and high; NaN where x is. */
body_ref approx_minimum(body *b, body_ref x, body_ref high);
/* x brought into [low, high]; NaN where x is. */
body_ref approx_clamp(body *b, body_ref x, body_ref low, body_ref high);
/* y with x's sign bit. y has it already or is not negative. */
body_ref approx_with_sign(body *b, body_ref y, body_ref x);
/* 2^(biased - bias) in x's type: the low bits of the integer become the exponent. */
body_ref approx_power(body *b, body_ref x, body_ref biased);

#endif
