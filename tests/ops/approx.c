/* The elementary functions against the C library one size up, f32 on four million floats each (all
 * of them: tests/long/approx_all.c), f64 on a few hundred thousand, and the values that no sample
 * hits: zeros, denormals, infinities, NaN, and the neighbours of every place where the code changes
 * its way. */
#include "ops/approx.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/approx_check.h"

static arena memory;
static jmp_buf escape;
static body narrow[APPROX_CASES], wide[APPROX_CASES];

static void start(void) {
    arena_init(&memory, allocator_default(), &escape);
    for (int i = 0; i < APPROX_CASES; i++) {
        body_init(&narrow[i], &memory);
        approx_cases[i].record(&narrow[i], body_input(&narrow[i], 0, BODY_F32));
        body_init(&wide[i], &memory);
        approx_cases[i].record(&wide[i], body_input(&wide[i], 0, BODY_F64));
    }
}

static void finish(void) {
    arena_free(&memory);
}

TestSuite(approx, .init = start, .fini = finish);

static float run_f32(int function, float x) {
    body_value input = {.f32 = x}, registers[APPROX_REGISTERS];
    cr_assert(narrow[function].code.count <= APPROX_REGISTERS);
    body_run(&narrow[function], &input, registers);
    return registers[narrow[function].code.count - 1].f32;
}

static double run_f64(int function, double x) {
    body_value input = {.f64 = x}, registers[APPROX_REGISTERS];
    cr_assert(wide[function].code.count <= APPROX_REGISTERS);
    body_run(&wide[function], &input, registers);
    return registers[wide[function].code.count - 1].f64;
}

static int find(const char *name) {
    for (int i = 0; i < APPROX_CASES; i++)
        if (strcmp(approx_cases[i].name, name) == 0)
            return i;
    cr_assert_fail("no function %s", name);
    return -1;
}

static void check_f32(int function, float x, float y) {
    const approx_case *c = &approx_cases[function];
    if (fabs((double)x) > c->limit_f32)
        return;
    double ulp = approx_ulp_f32(y, c->wide((double)x));
    if (!(ulp <= c->ulp_f32)) /* cr_assert formats its arguments each time */
        cr_assert_fail("%s(%a) = %a is off by %g ulp", c->name, (double)x, (double)y, ulp);
}

static void check_f64(int function, double x) {
    const approx_case *c = &approx_cases[function];
    if (fabs(x) > c->limit_f64)
        return;
    double y = run_f64(function, x);
    double ulp = approx_ulp_f64(y, c->widest((long double)x));
    if (!(ulp <= c->ulp_f64))
        cr_assert_fail("%s(%a) = %a is off by %g ulp", c->name, x, y, ulp);
}

/* ---- many arguments */

Test(approx, f32_within_bounds) {
    enum { BLOCKS = 1 << 14, STRIDE = 1021 };
    static int32_t registers[APPROX_REGISTERS * APPROX_BLOCK];
    for (int i = 0; i < APPROX_CASES; i++) {
        uint32_t bits = (uint32_t)i;
        for (int block = 0; block < BLOCKS; block++) {
            float x[APPROX_BLOCK], y[APPROX_BLOCK];
            for (int n = 0; n < APPROX_BLOCK; n++, bits += STRIDE)
                memcpy(&x[n], &bits, sizeof bits);
            approx_run_block(&narrow[i], x, y, registers);
            for (int n = 0; n < APPROX_BLOCK; n++)
                check_f32(i, x[n], y[n]);
        }
    }
}

Test(approx, blocks_run_as_the_evaluator_does) {
    static int32_t registers[APPROX_REGISTERS * APPROX_BLOCK];
    for (int i = 0; i < APPROX_CASES; i++) {
        uint32_t bits = 0;
        for (int block = 0; block < 256; block++) {
            float x[APPROX_BLOCK], y[APPROX_BLOCK];
            for (int n = 0; n < APPROX_BLOCK; n++, bits += 65519)
                memcpy(&x[n], &bits, sizeof bits);
            approx_run_block(&narrow[i], x, y, registers);
            for (int n = 0; n < APPROX_BLOCK; n++) {
                float one = run_f32(i, x[n]);
                if (isnan(one) && isnan(y[n]))
                    continue;
                cr_assert(memcmp(&one, &y[n], sizeof one) == 0, "%s(%a)", approx_cases[i].name,
                          (double)x[n]);
            }
        }
    }
}

/* xorshift64*: the test's own numbers. */
static uint64_t random_bits(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL;
}

static void need_a_wider_float(void) {
    if (LDBL_MANT_DIG < 64)
        cr_skip_test("long double is no wider than double here");
}

Test(approx, f64_within_bounds) {
    need_a_wider_float();
    uint64_t state = 88172645463325252ULL;
    for (int i = 0; i < APPROX_CASES; i++) {
        for (int n = 0; n < 100000; n++) { /* any pattern */
            uint64_t bits = random_bits(&state);
            double x;
            memcpy(&x, &bits, sizeof x);
            check_f64(i, x);
        }
        for (int n = 0; n < 400000; n++) { /* exponents where the functions live, both signs */
            uint64_t bits = random_bits(&state);
            double mantissa = 1 + (double)(bits >> 12) * 0x1p-52;
            double x = ldexp(mantissa, (int)(bits & 31) - 20);
            check_f64(i, bits & 32 ? x : -x);
        }
        for (int n = 0; n < 100000; n++) { /* around 1, where log has its zero */
            double x = (double)(random_bits(&state) >> 11) * 0x1p-52;
            check_f64(i, x);
        }
    }
}

Test(approx, f64_angles_within_bounds) {
    need_a_wider_float();
    int functions[2] = {find("sin"), find("cos")};
    uint64_t state = 1;
    for (int n = 0; n < 200000; n++) { /* next to multiples of pi/2, where digits cancel */
        double turns = (double)(random_bits(&state) % 600000000);
        double x = (double)(turns * 1.57079632679489661923L);
        for (int k = 0; k < 2; k++) {
            check_f64(functions[k], x);
            check_f64(functions[k], nextafter(x, 0));
        }
    }
}

/* ---- particular arguments */

/* Where the code changes its way, or the result its kind. */
static const double places[] = {
    0x1p-1074,   0x1p-1022,  0x1p-149,  0x1p-126,  0x1p-55,   0x1p-26, 0x1p-12,   0.34657359,
    0.70710678,  1.41421356, 0.7853981, 1.0397208, 2,         8.66433, 9.01,      10,
    16.6355,     17.3287,    18.71497,  20,        36.73680,  37.4299, 40,        60,
    87.33654,    88.72283,   89,        100,       103.97208, 105,     708.39641, 709.78271,
    745.1332191, 747,        99999.99,  999999999, 0x1p22,    0x1p24,  0x1p53,    0x1p126,
    0x1p127,     0x1p128,    0x1p1000,  0x1p1023,  FLT_MAX,   DBL_MAX};

Test(approx, neighbours_of_turning_points) {
    for (size_t p = 0; p < sizeof places / sizeof *places; p++)
        for (int sign = -1; sign <= 1; sign += 2)
            for (int i = 0; i < APPROX_CASES; i++) {
                float x = (float)(sign * places[p]);
                for (int n = 0; n < 200; n++)
                    x = nextafterf(x, -INFINITY);
                for (int n = 0; n < 400; n++, x = nextafterf(x, INFINITY))
                    check_f32(i, x, run_f32(i, x));
            }
}

Test(approx, f64_neighbours_of_turning_points) {
    need_a_wider_float();
    for (size_t p = 0; p < sizeof places / sizeof *places; p++)
        for (int sign = -1; sign <= 1; sign += 2)
            for (int i = 0; i < APPROX_CASES; i++) {
                double x = sign * places[p];
                for (int n = 0; n < 100; n++)
                    x = nextafter(x, -INFINITY);
                for (int n = 0; n < 200; n++, x = nextafter(x, INFINITY))
                    check_f64(i, x);
                for (int n = 0; n < 100; n++)
                    check_f64(i, sign * places[p] * (1 + (n - 50) * 0x1p-30));
            }
}

/* A value and its exact image; checked with the sign of zero. */
typedef struct exact_case {
    const char *function;
    double x, y;
} exact_case;

static const exact_case exact_cases[] = {{"exp", 0, 1},
                                         {"exp", -0.0, 1},
                                         {"exp", INFINITY, INFINITY},
                                         {"exp", -INFINITY, 0},
                                         {"exp", 1000, INFINITY},
                                         {"exp", -1000, 0},
                                         {"expm1", 0, 0},
                                         {"expm1", -0.0, -0.0},
                                         {"expm1", INFINITY, INFINITY},
                                         {"expm1", -INFINITY, -1},
                                         {"expm1", -1000, -1},
                                         {"log", 1, 0},
                                         {"log", 0, -INFINITY},
                                         {"log", -0.0, -INFINITY},
                                         {"log", INFINITY, INFINITY},
                                         {"log", -1, NAN},
                                         {"log", -0x1p-1074, NAN},
                                         {"log", -INFINITY, NAN},
                                         {"log1p", 0, 0},
                                         {"log1p", -0.0, -0.0},
                                         {"log1p", -1, -INFINITY},
                                         {"log1p", -1.5, NAN},
                                         {"log1p", INFINITY, INFINITY},
                                         {"log1p", -INFINITY, NAN},
                                         {"tanh", 0, 0},
                                         {"tanh", -0.0, -0.0},
                                         {"tanh", 50, 1},
                                         {"tanh", -50, -1},
                                         {"tanh", INFINITY, 1},
                                         {"tanh", -INFINITY, -1},
                                         {"sigmoid", 0, 0.5},
                                         {"sigmoid", -0.0, 0.5},
                                         {"sigmoid", 50, 1},
                                         {"sigmoid", INFINITY, 1},
                                         {"sigmoid", -INFINITY, 0},
                                         {"sigmoid", -1000, 0},
                                         {"sin", 0, 0},
                                         {"sin", -0.0, -0.0},
                                         {"sin", INFINITY, NAN},
                                         {"sin", 1e30, NAN},
                                         {"cos", 0, 1},
                                         {"cos", -0.0, 1},
                                         {"cos", -INFINITY, NAN},
                                         {"cos", -1e30, NAN}};

static bool same(double x, double y) {
    return (isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y));
}

Test(approx, exact_values) {
    for (size_t k = 0; k < sizeof exact_cases / sizeof *exact_cases; k++) {
        const exact_case *e = &exact_cases[k];
        int i = find(e->function);
        double y = run_f64(i, e->x);
        cr_assert(same(y, e->y), "f64 %s(%a) = %a", e->function, e->x, y);
        float x = (float)e->x;
        if (x == 0 && e->x != 0)
            x = -0x1p-149f; /* the least negative number of each type */
        y = (double)run_f32(i, x);
        cr_assert(same(y, e->y), "f32 %s(%a) = %a", e->function, (double)x, y);
    }
    for (int i = 0; i < APPROX_CASES; i++) {
        cr_assert(isnan(run_f32(i, NAN)) && isnan(run_f32(i, -NAN)), "%s", approx_cases[i].name);
        cr_assert(isnan(run_f64(i, NAN)) && isnan(run_f64(i, -NAN)), "%s", approx_cases[i].name);
    }
}

Test(approx, tiny_arguments_are_kept) {
    static const char *const functions[] = {"expm1", "log1p", "tanh", "sin"};
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        int i = find(functions[k]);
        for (int exponent = -1074; exponent <= -56; exponent++)
            for (int sign = -1; sign <= 1; sign += 2) {
                double x = sign * ldexp(1.25, exponent);
                cr_assert(same(run_f64(i, x), x), "f64 %s(%a)", functions[k], x);
                float y = (float)x;
                if (exponent >= -149)
                    cr_assert(same((double)run_f32(i, y), (double)y), "f32 %s(%a)", functions[k],
                              x);
            }
    }
}

/* ---- shapes */

Test(approx, odd_functions_are_odd) {
    static const char *const functions[] = {"tanh", "sin"};
    uint64_t state = 7;
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        int i = find(functions[k]);
        for (int n = 0; n < 100000; n++) {
            double x = ldexp((double)(random_bits(&state) >> 11), -53 - (n % 16) + 10);
            float y = (float)x;
            cr_assert(same(run_f64(i, -x), -run_f64(i, x)), "f64 %s(%a)", functions[k], x);
            cr_assert(same((double)run_f32(i, -y), (double)-run_f32(i, y)), "f32 %s(%a)",
                      functions[k], x);
        }
    }
}

/* From `from` on, `count` floats one after the other (`skip` apart) never fall and stay in bounds.
 */
static void check_rises_f32(const char *function, float from, float skip, int count) {
    int i = find(function);
    float before = -INFINITY;
    for (int n = 0; n < count; n++) {
        float y = run_f32(i, from);
        cr_assert(y >= before && y <= 1, "%s(%a)", function, (double)from);
        before = y;
        from = skip > 0 ? from + skip : nextafterf(from, INFINITY);
    }
}

static void check_rises_f64(const char *function, double from, double skip, int count) {
    int i = find(function);
    double before = -INFINITY;
    for (int n = 0; n < count; n++) {
        double y = run_f64(i, from);
        cr_assert(y >= before && y <= 1, "%s(%a)", function, from);
        before = y;
        from = skip > 0 ? from + skip : nextafter(from, INFINITY);
    }
}

Test(approx, saturation_is_monotone_and_bounded) {
    check_rises_f32("tanh", 8, 0, 1500000); /* every float up to 9.4 */
    check_rises_f32("tanh", -10, 0x1p-16f, 200000);
    check_rises_f32("sigmoid", -104.5f, 0, 200000);
    check_rises_f32("sigmoid", 16, 0, 200000);
    check_rises_f64("tanh", 18.714973875118, 0, 100000);
    check_rises_f64("tanh", 17, 0x1p-14, 50000);
    check_rises_f64("tanh", -20, 0x1p-14, 50000);
    check_rises_f64("sigmoid", -746, 0x1p-8, 50000);
    check_rises_f64("sigmoid", 36, 0x1p-14, 20000);
    cr_assert_eq(run_f32(find("tanh"), 8.6f), 1 - 0x1p-24f);
    cr_assert_eq(run_f64(find("tanh"), 18.7), 1 - 0x1p-53);
}
