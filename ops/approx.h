/* Elementary functions as bodies: our own polynomials, emitted inline wherever they are used, so
 * that the evaluator and the machine code compute the same bits on every machine and thread. f32
 * within 2.5 ulp, f64 within 2 ulp of the true value over the whole range (each function's bound,
 * as measured, stands in approx.c). x has type f32 or f64; so has the result. NaN in, NaN out. */
#ifndef EDDY_OPS_APPROX_H
#define EDDY_OPS_APPROX_H

#include "ops/body.h"

/* Overflows to inf, underflows gradually to 0. */
body_ref approx_exp(body *b, body_ref x);
/* e^x - 1; -1 at -inf; the sign of zero is kept, here and where a function is odd. */
body_ref approx_expm1(body *b, body_ref x);
/* -inf at 0, NaN below; denormals are right. */
body_ref approx_log(body *b, body_ref x);
/* log(1 + x): -inf at -1, NaN below. */
body_ref approx_log1p(body *b, body_ref x);
/* Odd, bounded by 1. */
body_ref approx_tanh(body *b, body_ref x);
/* 1 / (1 + e^-x), in [0, 1]; denormal results are right. */
body_ref approx_sigmoid(body *b, body_ref x);
/* The bound holds for |x| up to 1e5 (f32) and 1e9 (f64); NaN beyond 2^22 (f32) and 2^50 (f64). */
body_ref approx_sin(body *b, body_ref x);
body_ref approx_cos(body *b, body_ref x);

#endif
