/* Measuring the elementary functions: what is measured, against what, and how fast enough. */
#ifndef EDDY_TESTS_SUPPORT_APPROX_CHECK_H
#define EDDY_TESTS_SUPPORT_APPROX_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "ops/approx.h"

enum { APPROX_BLOCK = 256, APPROX_REGISTERS = 128 };

/* One function with its witnesses from the C library (our own formula for sigmoid). */
typedef struct approx_case {
    const char *name;
    body_ref (*record)(body *b, body_ref x);
    double (*wide)(double x);             /* witness for f32 */
    long double (*widest)(long double x); /* witness for f64 */
    double limit_f32, limit_f64;          /* the bound is promised for |x| up to here */
    double ulp_f32, ulp_f64;              /* the bound that was measured, rounded up */
    bool rises;                           /* never falls as x rises */
} approx_case;

enum { APPROX_CASES = 8 };
extern const approx_case approx_cases[APPROX_CASES];

/* Error of `got` in units in the last place of the result type at `expected`. Infinite results
 * count as 2^128 or 2^1024. A NaN on one side only is an infinite error; on both it is none. */
double approx_ulp_f32(float got, double expected);
double approx_ulp_f64(double got, long double expected);

/* Runs a body of one f32 input over a block of arguments, instruction by instruction: the same bits
 * as body_run, which the tests check, several times as fast. registers: APPROX_REGISTERS *
 * APPROX_BLOCK words of scratch. */
void approx_run_block(const body *b, const float x[APPROX_BLOCK], float y[APPROX_BLOCK],
                      int32_t *registers);

#endif
