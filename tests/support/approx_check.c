/* Measuring the elementary functions.
 *
 * The witnesses are the C library's functions one size up: double for f32, long double for f64 (64
 * bits of mantissa on x86, enough to see 2 ulp to a thousandth).
 *
 * All floats are only 2^32, so for f32 they can all be tried - if one evaluation costs nanoseconds.
 * body_run takes about a hundred; approx_run_block runs each instruction over a block, which the
 * compiler turns into vector code. The two wrappers exist because fma without its instruction is a
 * call. */
#include "tests/support/approx_check.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static long double sigmoid_widest(long double x) {
    return 1 / (1 + expl(-x));
}

const approx_case approx_cases[APPROX_CASES] = {
    {"exp", approx_exp, exp, expl, INFINITY, INFINITY, 1.05, 0.9, true},
    {"expm1", approx_expm1, expm1, expm1l, INFINITY, INFINITY, 1.59, 1.4, true},
    {"log", approx_log, log, logl, INFINITY, INFINITY, 0.83, 0.85, true},
    {"log1p", approx_log1p, log1p, log1pl, INFINITY, INFINITY, 1.4, 1.45, true},
    {"tanh", approx_tanh, tanh, tanhl, INFINITY, INFINITY, 2.46, 1.9, true},
    {"sigmoid", approx_sigmoid, sigmoid, sigmoid_widest, INFINITY, INFINITY, 2, 2, true},
    {"sin", approx_sin, sin, sinl, 1e5, 1e9, 0.88, 0.9, false},
    {"cos", approx_cos, cos, cosl, 1e5, 1e9, 0.87, 0.9, false}};

double approx_ulp_f32(float got, double expected) {
    if (isnan(got) || isnan(expected))
        return isnan(got) && isnan(expected) ? 0 : INFINITY;
    double value = isinf(got) ? copysign(0x1p128, (double)got) : (double)got;
    if (fabs(expected) > 0x1p128)
        expected = copysign(0x1p128, expected);
    /* 2^exponent of the expected value, by clearing its mantissa. */
    int64_t bits;
    memcpy(&bits, &expected, sizeof bits);
    bits &= 0x7ff0000000000000;
    double power;
    memcpy(&power, &bits, sizeof power);
    if (power < 0x1p-126)
        power = 0x1p-126;
    if (power > 0x1p127)
        power = 0x1p127;
    return fabs(value - expected) / (power * 0x1p-23);
}

double approx_ulp_f64(double got, long double expected) {
    if (isnan(got) || isnan(expected))
        return isnan(got) && isnan(expected) ? 0 : INFINITY;
    const long double top = ldexpl(1, 1024);
    long double value = isinf(got) ? copysignl(top, (long double)got) : (long double)got;
    if (fabsl(expected) > top)
        expected = copysignl(top, expected);
    int exponent;
    frexpl(expected, &exponent); /* the value is below 2^exponent */
    if (expected == 0 || exponent < -1021)
        exponent = -1021;
    if (exponent > 1024)
        exponent = 1024;
    return (double)(fabsl(value - expected) / ldexpl(1, exponent - 53));
}

/* ---- blocks */

typedef union word {
    float f;
    int32_t i;
} word;

/* One instruction over the block. */
#define FLOAT(expression)                                                                          \
    do {                                                                                           \
        for (int n = 0; n < APPROX_BLOCK; n++)                                                     \
            r[n].f = (expression);                                                                 \
    } while (0)
#define INTEGER(expression)                                                                        \
    do {                                                                                           \
        for (int n = 0; n < APPROX_BLOCK; n++)                                                     \
            r[n].i = (int32_t)(expression);                                                        \
    } while (0)

static inline __attribute__((always_inline)) void run_block(const body *b, const float *x, float *y,
                                                            word *registers) {
    for (size_t i = 0; i < b->code.count; i++) {
        const body_instruction *in = &b->code.at[i];
        word *restrict r = registers + i * APPROX_BLOCK;
        const word *p = registers + (in->a < 0 ? 0 : in->a) * APPROX_BLOCK;
        const word *q = registers + (in->b < 0 ? 0 : in->b) * APPROX_BLOCK;
        const word *s = registers + (in->c < 0 ? 0 : in->c) * APPROX_BLOCK;
        bool floats = b->code.at[in->a < 0 ? 0 : in->a].type == BODY_F32;
        switch ((body_op)in->op) {
        case BODY_INPUT:
            FLOAT(x[n]);
            break;
        case BODY_CONSTANT:
            if (in->type == BODY_F32)
                FLOAT((float)in->immediate.f);
            else
                INTEGER(in->immediate.i);
            break;
        case BODY_ADD:
            if (floats)
                FLOAT(p[n].f + q[n].f);
            else
                INTEGER((uint32_t)p[n].i + (uint32_t)q[n].i);
            break;
        case BODY_SUB:
            if (floats)
                FLOAT(p[n].f - q[n].f);
            else
                INTEGER((uint32_t)p[n].i - (uint32_t)q[n].i);
            break;
        case BODY_MUL:
            FLOAT(p[n].f * q[n].f);
            break;
        case BODY_DIV:
            FLOAT(p[n].f / q[n].f);
            break;
        case BODY_FMA:
            FLOAT(__builtin_fmaf(p[n].f, q[n].f, s[n].f));
            break;
        case BODY_NEG:
            INTEGER((uint32_t)p[n].i ^ 0x80000000u);
            break;
        case BODY_ABS:
            INTEGER(p[n].i & 0x7fffffff);
            break;
        case BODY_LT:
            INTEGER(p[n].f < q[n].f);
            break;
        case BODY_LE:
            INTEGER(p[n].f <= q[n].f);
            break;
        case BODY_EQ:
            if (floats)
                INTEGER(p[n].f == q[n].f);
            else
                INTEGER(p[n].i == q[n].i);
            break;
        case BODY_AND:
            INTEGER(p[n].i & q[n].i);
            break;
        case BODY_OR:
            INTEGER(p[n].i | q[n].i);
            break;
        case BODY_XOR:
            INTEGER(p[n].i ^ q[n].i);
            break;
        case BODY_SHL:
            INTEGER((uint32_t)p[n].i << (q[n].i & 31));
            break;
        case BODY_SHR:
            INTEGER((uint32_t)p[n].i >> (q[n].i & 31));
            break;
        case BODY_SELECT:
            INTEGER(p[n].i ? q[n].i : s[n].i);
            break;
        case BODY_BITS:
            INTEGER(p[n].i);
            break;
        default:
            assert(false && "no elementary function uses this");
        }
    }
    const word *last = registers + (b->code.count - 1) * APPROX_BLOCK;
    for (int n = 0; n < APPROX_BLOCK; n++)
        y[n] = last[n].f;
}

static void run_block_plain(const body *b, const float *x, float *y, word *registers) {
    run_block(b, x, y, registers);
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) static void run_block_fma(const body *b, const float *x,
                                                              float *y, word *registers) {
    run_block(b, x, y, registers);
}
#endif

void approx_run_block(const body *b, const float x[APPROX_BLOCK], float y[APPROX_BLOCK],
                      int32_t *registers) {
    assert(b->code.count <= APPROX_REGISTERS);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        run_block_fma(b, x, y, (word *)registers);
        return;
    }
#endif
    run_block_plain(b, x, y, (word *)registers);
}
