/* Bodies of element-wise ops against the C library, on ordinary and on awkward numbers; folds; and
 * the random op against the Philox of core. */
#include "core/rng.h"
#include "tests/support/bare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static bare g;

static void start(void) {
    bare_init(&g);
}

static void finish(void) {
    bare_free(&g);
}

TestSuite(ops_body, .init = start, .fini = finish);

static const op_shape scalar;

/* The op applied to inputs of dtypes from[]; x: their values. */
static body_value run(op_id op, int count, const dtype *from, const body_value *x, dtype to) {
    op_builder *b = &g.builder;
    op_attributes a;
    op_node *arguments[3];
    body_ref inputs[3];
    body code;
    op_attributes_init(&a);
    if (op == OP_CAST)
        a.kind = (int32_t)to;
    body_init(&code, &g.memory);
    for (int i = 0; i < count; i++) {
        static const char *const names[3] = {"x", "y", "z"};
        arguments[i] = make_input(b, names[i], from[i], 0, &scalar);
        inputs[i] = body_input(&code, i, (body_type)from[i]);
    }
    op_node *n = b->make(b, op, arguments, count, &a);
    cr_assert(n, "%s", g.problem.message);
    cr_assert_eq(n->dtype, to);
    body_ref element = body_constant_integer(&code, BODY_I32, 0);
    body_ref result = op_get(op)->body(&code, n, inputs, element);
    cr_assert_eq(body_type_of(&code, result), (body_type)to);
    body_value *registers = arena_array(&g.memory, body_value, code.code.count);
    body_run(&code, x, registers);
    return registers[result];
}

static float run_f32(op_id op, float x, float y) {
    dtype from[2] = {DTYPE_F32, DTYPE_F32};
    body_value values[2] = {{.f32 = x}, {.f32 = y}};
    return run(op, op_get(op)->least, from, values, DTYPE_F32).f32;
}

static double run_f64(op_id op, double x, double y) {
    dtype from[2] = {DTYPE_F64, DTYPE_F64};
    body_value values[2] = {{.f64 = x}, {.f64 = y}};
    return run(op, op_get(op)->least, from, values, DTYPE_F64).f64;
}

static int32_t run_i32(op_id op, int32_t x, int32_t y) {
    dtype from[2] = {DTYPE_I32, DTYPE_I32};
    body_value values[2] = {{.i32 = x}, {.i32 = y}};
    return run(op, op_get(op)->least, from, values, DTYPE_I32).i32;
}

static bool run_compare(op_id op, double x, double y) {
    dtype from[2] = {DTYPE_F64, DTYPE_F64};
    body_value values[2] = {{.f64 = x}, {.f64 = y}};
    return run(op, 2, from, values, DTYPE_BOOL).boolean;
}

static bool run_logic(op_id op, bool x, bool y) {
    dtype from[2] = {DTYPE_BOOL, DTYPE_BOOL};
    body_value values[2] = {{.boolean = x}, {.boolean = y}};
    return run(op, op_get(op)->least, from, values, DTYPE_BOOL).boolean;
}

/* Equal, both NaN, or within `relative`. */
static bool near(double got, double expected, double relative) {
    if (isnan(got) || isnan(expected) || isinf(got) || isinf(expected))
        return (isnan(got) && isnan(expected)) || got == expected;
    return fabs(got - expected) <= relative * fabs(expected);
}

static const double points[] = {-INFINITY, -20, -3.25, -1,  -0.5, -1e-3, -0.0, 0.0,      1e-3,
                                0.25,      0.5, 1,     1.5, 2,    7.75,  30,   INFINITY, NAN};
enum { POINTS = sizeof points / sizeof *points };

static double negate(double x) {
    return -x;
}
static double sign_of(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : x;
}
static double logistic(double x) {
    return 1 / (1 + exp(-x));
}
static double same(double x) {
    return x;
}

Test(ops_body, functions_of_one_argument) {
    static const struct {
        op_id op;
        double (*reference)(double);
    } cases[] = {{OP_NEG, negate},  {OP_ABS, fabs},  {OP_SIGN, sign_of},     {OP_FLOOR, floor},
                 {OP_SQRT, sqrt},   {OP_EXP, exp},   {OP_EXPM1, expm1},      {OP_LOG, log},
                 {OP_LOG1P, log1p}, {OP_TANH, tanh}, {OP_SIGMOID, logistic}, {OP_SIN, sin},
                 {OP_COS, cos},     {OP_KEEP, same}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int p = 0; p < POINTS; p++) {
            const char *name = op_get(cases[i].op)->name;
            float narrow = (float)points[p];
            double y = run_f64(cases[i].op, points[p], 0), y32 = run_f32(cases[i].op, narrow, 0);
            cr_expect(near(y, cases[i].reference(points[p]), 1e-15), "%s(%g) = %.17g", name,
                      points[p], y);
            cr_expect(near(y32, (float)cases[i].reference(narrow), 4e-7), "%s(%g) = %.9g", name,
                      points[p], y32);
        }
}

static double sum(double x, double y) {
    return x + y;
}
static double difference(double x, double y) {
    return x - y;
}
static double product(double x, double y) {
    return x * y;
}
static double quotient(double x, double y) {
    return x / y;
}
static double larger(double x, double y) {
    return isnan(x) || isnan(y) ? NAN : x > y ? x : y;
}
static double smaller(double x, double y) {
    return isnan(x) || isnan(y) ? NAN : x < y ? x : y;
}
static double floor_mod(double x, double y) {
    return x - floor(x / y) * y;
}
static double add_logs(double x, double y) {
    if (x == y)
        return x + log(2);
    return larger(x, y) + log1p(exp(-fabs(x - y)));
}

Test(ops_body, functions_of_two_arguments) {
    static const struct {
        op_id op;
        double (*reference)(double, double);
        double tolerance, tolerance32;
    } cases[] = {{OP_ADD, sum, 0, 0},
                 {OP_SUB, difference, 0, 0},
                 {OP_MUL, product, 0, 6e-8},
                 {OP_DIV, quotient, 0, 6e-8},
                 {OP_MAX, larger, 0, 0},
                 {OP_MIN, smaller, 0, 0},
                 {OP_MOD, floor_mod, 0, 1e-2}, /* x - floor * y cancels */
                 {OP_LOGADDEXP, add_logs, 1e-15, 1e-6}};
    /* Halves and quarters only: sums are exact in both types. */
    static const double exact[] = {-INFINITY, -20, -3.25, -1,   -0.5, -0.0,     0.0,
                                   0.25,      1.5, 2,     7.75, 30,   INFINITY, NAN};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t p = 0; p < sizeof exact / sizeof *exact; p++)
            for (size_t q = 0; q < sizeof exact / sizeof *exact; q++) {
                const char *name = op_get(cases[i].op)->name;
                double expected = cases[i].reference(exact[p], exact[q]);
                double y = run_f64(cases[i].op, exact[p], exact[q]);
                double y32 = run_f32(cases[i].op, (float)exact[p], (float)exact[q]);
                cr_expect(near(y, expected, cases[i].tolerance), "%s(%g, %g) = %.17g", name,
                          exact[p], exact[q], y);
                cr_expect(near(y32, expected, cases[i].tolerance32), "%s(%g, %g) = %.9g", name,
                          exact[p], exact[q], y32);
            }
}

Test(ops_body, integers_wrap_and_round_down) {
    static const int32_t x[] = {INT32_MIN, INT32_MIN + 1, -1000003, -7, -3, -2, -1, 0, 1, 2, 3,
                                7,         1000003,       INT32_MAX};
    enum { COUNT = sizeof x / sizeof *x };
    for (int i = 0; i < COUNT; i++) {
        cr_expect_eq(run_i32(OP_NEG, x[i], 0), (int32_t)(0u - (uint32_t)x[i]));
        cr_expect_eq(run_i32(OP_ABS, x[i], 0),
                     (int32_t)(x[i] < 0 ? 0u - (uint32_t)x[i] : (uint32_t)x[i]));
        cr_expect_eq(run_i32(OP_SIGN, x[i], 0), (x[i] > 0) - (x[i] < 0));
        for (int j = 0; j < COUNT; j++) {
            int64_t a = x[i], b = x[j];
            int64_t rest = b == 0 ? 0 : a % b;
            if (rest && (rest < 0) != (b < 0))
                rest += b;
            cr_expect_eq(run_i32(OP_MOD, x[i], x[j]), rest, "%d mod %d", x[i], x[j]);
            cr_expect_eq(run_i32(OP_ADD, x[i], x[j]), (int32_t)((uint32_t)x[i] + (uint32_t)x[j]));
            cr_expect_eq(run_i32(OP_SUB, x[i], x[j]), (int32_t)((uint32_t)x[i] - (uint32_t)x[j]));
            cr_expect_eq(run_i32(OP_MUL, x[i], x[j]), (int32_t)((uint32_t)x[i] * (uint32_t)x[j]));
            cr_expect_eq(run_i32(OP_MAX, x[i], x[j]), a > b ? a : b);
            cr_expect_eq(run_i32(OP_MIN, x[i], x[j]), a < b ? a : b);
        }
    }
}

Test(ops_body, comparisons_and_logic) {
    for (int p = 0; p < POINTS; p++)
        for (int q = 0; q < POINTS; q++) {
            double x = points[p], y = points[q];
            cr_expect_eq(run_compare(OP_LT, x, y), x < y, "%g %g", x, y);
            cr_expect_eq(run_compare(OP_LE, x, y), x <= y, "%g %g", x, y);
            cr_expect_eq(run_compare(OP_EQ, x, y), x == y, "%g %g", x, y);
            cr_expect_eq(run_compare(OP_NE, x, y), x != y, "%g %g", x, y);
        }
    for (int x = 0; x < 2; x++) {
        cr_expect_eq(run_logic(OP_NOT, x, false), !x);
        for (int y = 0; y < 2; y++) {
            cr_expect_eq(run_logic(OP_AND, x, y), x && y);
            cr_expect_eq(run_logic(OP_OR, x, y), x || y);
            cr_expect_eq(run_logic(OP_EQ, x, y), x == y);
            cr_expect_eq(run_logic(OP_NE, x, y), x != y);
        }
    }
}

Test(ops_body, select_leaves_no_trace_of_the_other_side) {
    dtype from[3] = {DTYPE_BOOL, DTYPE_F32, DTYPE_F32};
    body_value x[3] = {{.boolean = 1}, {.f32 = 2}, {.f32 = NAN}};
    cr_expect_eq(run(OP_SELECT, 3, from, x, DTYPE_F32).f32, 2);
    x[0].boolean = 0;
    cr_expect(isnan(run(OP_SELECT, 3, from, x, DTYPE_F32).f32));
}

Test(ops_body, casts) {
    dtype f32 = DTYPE_F32, f64 = DTYPE_F64, i32 = DTYPE_I32, boolean = DTYPE_BOOL;
    body_value x = {.f32 = -2.75f};
    cr_expect_eq(run(OP_CAST, 1, &f32, &x, DTYPE_I32).i32, -2);
    cr_expect_eq(run(OP_CAST, 1, &f32, &x, DTYPE_F64).f64, -2.75);
    cr_expect_eq(run(OP_CAST, 1, &f32, &x, DTYPE_F32).f32, -2.75f);
    cr_expect_eq(run(OP_CAST, 1, &f32, &x, DTYPE_BOOL).boolean, 1);
    x.f64 = 1e300;
    cr_expect_eq(run(OP_CAST, 1, &f64, &x, DTYPE_I32).i32, INT32_MAX);
    cr_expect_eq(run(OP_CAST, 1, &f64, &x, DTYPE_F32).f32, INFINITY);
    x.f64 = NAN;
    cr_expect_eq(run(OP_CAST, 1, &f64, &x, DTYPE_I32).i32, 0);
    x.i32 = -5;
    cr_expect_eq(run(OP_CAST, 1, &i32, &x, DTYPE_F32).f32, -5);
    x.boolean = 1;
    cr_expect_eq(run(OP_CAST, 1, &boolean, &x, DTYPE_F64).f64, 1);
    cr_expect_eq(run(OP_CAST, 1, &boolean, &x, DTYPE_I32).i32, 1);
}

/* ---- folds */

/* The fold of count elements of f64 (or f32 when narrow). */
static body_value fold_of(op_kind kind, bool narrow, const double *x, int count) {
    dtype t = narrow ? DTYPE_F32 : DTYPE_F64;
    op_fold fold = op_fold_of(kind, t);
    body step, end;
    body_ref state[2], last[2];
    body_value values[4] = {fold.identity[0], fold.identity[1]}, registers[256];
    body_init(&step, &g.memory);
    body_init(&end, &g.memory);
    for (int i = 0; i < fold.states; i++) {
        state[i] = body_input(&step, i, fold.types[i]);
        last[i] = body_input(&end, i, fold.types[i]);
    }
    body_ref element = body_input(&step, 2, (body_type)t), place = body_input(&step, 3, BODY_I32);
    op_fold_step(&step, kind, state, element, place);
    body_ref result = op_fold_finish(&end, kind, last);
    cr_assert(step.code.count <= 256 && end.code.count <= 256);
    for (int i = 0; i < count; i++) {
        if (narrow)
            values[2].f32 = (float)x[i];
        else
            values[2].f64 = x[i];
        values[3].i32 = i;
        body_run(&step, values, registers);
        for (int s = 0; s < fold.states; s++)
            values[s] = registers[state[s]];
    }
    body_run(&end, values, registers);
    return registers[result];
}

static double fold_f64(op_kind kind, const double *x, int count) {
    return fold_of(kind, false, x, count).f64;
}

Test(ops_body, folds_of_ordinary_numbers) {
    static const double x[] = {0.5, -2, 3, 3, 1.25};
    double powers = 0;
    for (int i = 0; i < 5; i++)
        powers += exp(x[i]);
    cr_expect_eq(fold_f64(OP_KIND_SUM, x, 5), 5.75);
    cr_expect_eq(fold_f64(OP_KIND_MAX, x, 5), 3);
    cr_expect(near(fold_f64(OP_KIND_LSE, x, 5), log(powers), 1e-15));
    cr_expect_eq(fold_of(OP_KIND_ARGMAX, false, x, 5).i32, 2, "the first of equals");
    cr_expect_eq(fold_of(OP_KIND_SUM, true, x, 5).f32, 5.75f);
    cr_expect(near(fold_of(OP_KIND_LSE, true, x, 5).f32, log(powers), 1e-6));
}

Test(ops_body, folds_of_nothing_and_of_infinities) {
    static const double low[] = {-INFINITY, -INFINITY}, mixed[] = {-INFINITY, 2, -INFINITY},
                        high[] = {1, INFINITY, INFINITY, 2}, bad[] = {1, NAN, 5},
                        large[] = {1000, 1000};
    cr_expect_eq(fold_f64(OP_KIND_SUM, NULL, 0), 0);
    cr_expect_eq(fold_f64(OP_KIND_MAX, NULL, 0), -INFINITY);
    cr_expect_eq(fold_f64(OP_KIND_LSE, NULL, 0), -INFINITY);
    cr_expect_eq(fold_of(OP_KIND_ARGMAX, false, NULL, 0).i32, 0);
    cr_expect_eq(fold_f64(OP_KIND_LSE, low, 2), -INFINITY);
    cr_expect_eq(fold_of(OP_KIND_LSE, true, low, 2).f32, -INFINITY);
    cr_expect_eq(fold_f64(OP_KIND_LSE, mixed, 3), 2);
    cr_expect_eq(fold_f64(OP_KIND_LSE, high, 4), INFINITY);
    cr_expect(near(fold_f64(OP_KIND_LSE, large, 2), 1000 + log(2), 1e-15));
    cr_expect(isnan(fold_f64(OP_KIND_LSE, bad, 3)));
    cr_expect(isnan(fold_f64(OP_KIND_MAX, bad, 3)));
    cr_expect(isnan(fold_f64(OP_KIND_SUM, bad, 3)));
    cr_expect_eq(fold_of(OP_KIND_ARGMAX, false, bad, 3).i32, 2, "NaN never wins");
    cr_expect_eq(op_fold_of(OP_KIND_MAX, DTYPE_I32).identity[0].i32, INT32_MIN);
}

/* ---- random */

/* The random op at this element and these indices. */
static body_value random_at(dtype t, uint32_t seed, uint64_t stream, uint32_t element,
                            const uint32_t *index, int axes) {
    op_builder *b = &g.builder;
    op_node *indices[8], *key = make_input(b, "seed", DTYPE_I32, 0, &scalar);
    body code;
    body_ref inputs[9];
    body_value values[10], *registers;
    body_init(&code, &g.memory);
    values[0].i32 = (int32_t)seed;
    inputs[0] = body_input(&code, 0, BODY_I32);
    for (int i = 0; i < axes; i++) {
        indices[i] = make_step(b, 0);
        inputs[1 + i] = body_input(&code, 1 + i, BODY_I32);
        values[1 + i].i32 = (int32_t)index[i];
    }
    values[1 + axes].i32 = (int32_t)element;
    op_node *n = make_random(b, t, &scalar, key, indices, axes, stream);
    cr_assert(n, "%s", g.problem.message);
    body_ref place = body_input(&code, 1 + axes, BODY_I32);
    body_ref result = op_get(OP_RANDOM)->body(&code, n, inputs, place);
    registers = arena_array(&g.memory, body_value, code.code.count);
    body_run(&code, values, registers);
    return registers[result];
}

static void expect_random(uint32_t seed, uint64_t stream, uint32_t element, const uint32_t *index,
                          int axes, const uint32_t word[4]) {
    cr_expect_eq(random_at(DTYPE_F32, seed, stream, element, index, axes).f32,
                 (float)(word[0] >> 8) * 0x1p-24f);
    cr_expect_eq(random_at(DTYPE_F64, seed, stream, element, index, axes).f64,
                 ((double)(word[0] >> 5) * 0x1p26 + (word[1] >> 6)) * 0x1p-53);
}

Test(ops_body, random_is_philox) {
    static const uint32_t index[3] = {0xFFFFFFFF, 12345, 0x80000001};
    for (uint32_t element = 0; element < 50; element++)
        for (int axes = 0; axes <= 3; axes++) {
            uint32_t key[2] = {0xDEADBEEF, 7}, counter[4] = {element, 0, 0, 0}, word[4];
            memcpy(counter + 1, index, (size_t)axes * sizeof *index);
            rng_philox(key, counter, word);
            expect_random(0xDEADBEEF, 7, element, index, axes, word);
        }
}

Test(ops_body, random_with_many_axes_is_a_chain) {
    static const uint32_t index[5] = {1, 2, 3, 4, 5};
    uint32_t key[2] = {9, 7}, counter[4] = {6, 1, 2, 3}, word[4], next[4];
    rng_philox(key, counter, word);
    uint32_t second[4] = {word[2], 4, 5, 0};
    rng_philox(word, second, next);
    expect_random(9, 7, 6, index, 5, next);
    /* The stream's high half is one more word at the end. */
    uint32_t third[4] = {word[2], 4, 5, 0xABC};
    rng_philox(word, third, next);
    expect_random(9, (uint64_t)0xABC << 32 | 7, 6, index, 5, next);
}
