/* Elementary functions as bodies: our own polynomials, emitted inline wherever they are used, so
 * that the evaluator and the machine code compute the same bits on every machine and thread. f32
 * within 2.5 ulp, f64 within 2 ulp of the true value over the whole range (each function's bound,
 * as measured, stands in approx.c). x has type f32 or f64; so has the result. NaN in, NaN out. */
#ifndef EDDY_OPS_APPROX_H
#define EDDY_OPS_APPROX_H

#include "ops/body.h"

body_ref approx_exp(body *b,
                    body_ref x); /* overflows to inf, underflows gradually to 0; exp(-inf) = 0 */
body_ref approx_expm1(body *b, body_ref x);
body_ref approx_log(body *b, body_ref x); /* log(0) = -inf, log(x < 0) = NaN, denormals are right */
body_ref approx_log1p(body *b, body_ref x);
body_ref approx_tanh(body *b, body_ref x);    /* odd, bounded by 1 */
body_ref approx_sigmoid(body *b, body_ref x); /* in [0, 1] */
body_ref approx_sin(
    body *b,
    body_ref x); /* the stated bound holds for |x| up to 1e5 (f32) and 1e9 (f64); inf gives NaN */
body_ref approx_cos(body *b, body_ref x);

#endif
