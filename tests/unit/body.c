/* Bodies: every instruction on the values where C, LLVM and IEEE 754 could differ, value numbering,
 * and the printed form. Expected values are written out by hand, not computed the same way. */
#include "ops/body.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static arena memory;
static jmp_buf escape;
static body b;

static void start(void) {
    arena_init(&memory, allocator_default(), &escape);
    body_init(&b, &memory);
}

static void finish(void) {
    arena_free(&memory);
}

TestSuite(body, .init = start, .fini = finish);

static body_value run(body_ref r, body_value x, body_value y, body_value z) {
    body_value inputs[3] = {x, y, z}, registers[256];
    cr_assert(b.code.count <= 256);
    body_run(&b, inputs, registers);
    return registers[r];
}

static body_value of_f32(float x) {
    return (body_value){.f32 = x};
}
static body_value of_f64(double x) {
    return (body_value){.f64 = x};
}
static body_value of_i32(int32_t x) {
    return (body_value){.i32 = x};
}
static body_value of_i64(int64_t x) {
    return (body_value){.i64 = x};
}
static body_value of_bool(bool x) {
    return (body_value){.boolean = x};
}

static bool same_f32(float x, float y) {
    return (isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0;
}
static bool same_f64(double x, double y) {
    return (isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0;
}

typedef body_ref two(body *, body_ref, body_ref);
typedef body_ref one(body *, body_ref);

static body_value run_two(two *record, body_type t, body_value x, body_value y) {
    body_ref p = body_input(&b, 0, t), q = body_input(&b, 1, t);
    return run(record(&b, p, q), x, y, y);
}

static body_value run_one(one *record, body_type t, body_value x) {
    return run(record(&b, body_input(&b, 0, t)), x, x, x);
}

static void check_f32(two *record, float x, float y, float expected) {
    float got = run_two(record, BODY_F32, of_f32(x), of_f32(y)).f32;
    cr_assert(same_f32(got, expected), "(%a, %a): %a, not %a", x, y, got, expected);
}

static void check_f64(two *record, double x, double y, double expected) {
    double got = run_two(record, BODY_F64, of_f64(x), of_f64(y)).f64;
    cr_assert(same_f64(got, expected), "(%a, %a): %a, not %a", x, y, got, expected);
}

static void check_i32(two *record, int32_t x, int32_t y, int32_t expected) {
    int32_t got = run_two(record, BODY_I32, of_i32(x), of_i32(y)).i32;
    cr_assert_eq(got, expected, "(%d, %d): %d, not %d", x, y, got, expected);
}

static void check_i64(two *record, int64_t x, int64_t y, int64_t expected) {
    int64_t got = run_two(record, BODY_I64, of_i64(x), of_i64(y)).i64;
    cr_assert_eq(got, expected, "(%lld, %lld): %lld, not %lld", (long long)x, (long long)y,
                 (long long)got, (long long)expected);
}

Test(body, arithmetic_of_floats) {
    check_f32(body_add, 0x1p24f, 1, 0x1p24f); /* ties to even */
    check_f32(body_add, 0x1p24f, 3, 0x1p24f + 4);
    check_f32(body_add, -0.0f, -0.0f, -0.0f);
    check_f32(body_add, -0.0f, 0.0f, 0.0f);
    check_f32(body_add, INFINITY, -INFINITY, NAN);
    check_f32(body_sub, 1, 1, 0.0f);
    check_f32(body_sub, 0x1p-149f, 0x1p-126f, -0x1.fffffcp-127f);
    check_f32(body_mul, 0x1p-100f, 0x1p-49f, 0x1p-149f); /* denormals are kept */
    check_f32(body_mul, -0x1p-100f, 0x1p-51f, -0.0f);
    check_f32(body_mul, 0x1p127f, 2, INFINITY);
    check_f32(body_mul, 0, INFINITY, NAN);
    check_f32(body_div, 1, -0.0f, -INFINITY);
    check_f32(body_div, 1, 3, 0x1.555556p-2f);
    check_f32(body_div, 0, 0, NAN);
    check_f64(body_add, 0x1p53, 1, 0x1p53);
    check_f64(body_sub, NAN, 1, NAN);
    check_f64(body_mul, 0x1p-1000, 0x1p-74, 0x1p-1074);
    check_f64(body_div, 1, 3, 0x1.5555555555555p-2);
}

Test(body, arithmetic_of_integers_wraps) {
    check_i32(body_add, INT32_MAX, 1, INT32_MIN);
    check_i32(body_sub, INT32_MIN, 1, INT32_MAX);
    check_i32(body_mul, 0x10001, 0x10001, 0x20001);
    check_i32(body_mul, INT32_MIN, -1, INT32_MIN);
    check_i64(body_add, INT64_MAX, 1, INT64_MIN);
    check_i64(body_sub, 0, INT64_MIN, INT64_MIN);
    check_i64(body_mul, 0x100000001LL, 0x100000001LL, 0x200000001LL);
    cr_assert_eq(run_one(body_neg, BODY_I32, of_i32(INT32_MIN)).i32, INT32_MIN);
    cr_assert_eq(run_one(body_neg, BODY_I64, of_i64(7)).i64, -7);
    check_i32(body_mulhi, -1, -1, -2); /* (2^32 - 1)^2 = 2^64 - 2^33 + 1 */
    check_i32(body_mulhi, INT32_MIN, 2, 1);
    check_i32(body_mulhi, 0xffff, 0xffff, 0);
}

Test(body, fma_rounds_once) {
    body_ref x = body_input(&b, 0, BODY_F32), y = body_input(&b, 1, BODY_F32);
    body_ref fused = body_fma(&b, x, y, body_input(&b, 2, BODY_F32));
    float near = 1 + 0x1p-12f;
    float got = run(fused, of_f32(near), of_f32(near), of_f32(-1 - 0x1p-11f)).f32;
    cr_assert(same_f32(got, 0x1p-24f));
    /* Rounding to double and then to float would give 1. */
    got = run(fused, of_f32(1 + 0x1p-23f), of_f32(0x1p-24f), of_f32(1)).f32;
    cr_assert(same_f32(got, 1 + 0x1p-23f));
    cr_assert(same_f32(run(fused, of_f32(0), of_f32(INFINITY), of_f32(1)).f32, NAN));
    body_ref p = body_input(&b, 0, BODY_F64), q = body_input(&b, 1, BODY_F64);
    body_ref wide = body_fma(&b, p, q, body_input(&b, 2, BODY_F64));
    double close = 1 + 0x1p-30;
    double rest = run(wide, of_f64(close), of_f64(close), of_f64(-1 - 0x1p-29)).f64;
    cr_assert(same_f64(rest, 0x1p-60));
}

Test(body, unary_of_floats) {
    cr_assert(same_f32(run_one(body_neg, BODY_F32, of_f32(0)).f32, -0.0f));
    cr_assert(same_f64(run_one(body_neg, BODY_F64, of_f64(-0.0)).f64, 0.0));
    cr_assert(same_f32(run_one(body_abs, BODY_F32, of_f32(-0.0f)).f32, 0.0f));
    cr_assert(same_f64(run_one(body_abs, BODY_F64, of_f64(-INFINITY)).f64, INFINITY));
    cr_assert(same_f32(run_one(body_sqrt, BODY_F32, of_f32(2)).f32, 0x1.6a09e6p+0f));
    cr_assert(same_f32(run_one(body_sqrt, BODY_F32, of_f32(-0.0f)).f32, -0.0f));
    cr_assert(same_f64(run_one(body_sqrt, BODY_F64, of_f64(-1)).f64, NAN));
    cr_assert(same_f64(run_one(body_sqrt, BODY_F64, of_f64(2)).f64, 0x1.6a09e667f3bcdp+0));
    cr_assert(same_f32(run_one(body_floor, BODY_F32, of_f32(-0.5f)).f32, -1.0f));
    cr_assert(same_f32(run_one(body_floor, BODY_F32, of_f32(-0.0f)).f32, -0.0f));
    cr_assert(same_f64(run_one(body_floor, BODY_F64, of_f64(0x1p60)).f64, 0x1p60));
    cr_assert(same_f64(run_one(body_floor, BODY_F64, of_f64(-INFINITY)).f64, -INFINITY));
}

/* The four comparisons as bits 3..0: <, <=, ==, !=. */
static int order(body_type t, body_value x, body_value y) {
    return run_two(body_lt, t, x, y).boolean << 3 | run_two(body_le, t, x, y).boolean << 2 |
           run_two(body_eq, t, x, y).boolean << 1 | run_two(body_ne, t, x, y).boolean;
}

Test(body, comparisons) {
    enum { LESS = 13, EQUAL = 6, GREATER = 1, UNORDERED = 1 };
    cr_assert_eq(order(BODY_F32, of_f32(-0.0f), of_f32(0)), EQUAL);
    cr_assert_eq(order(BODY_F32, of_f32(0), of_f32(0x1p-149f)), LESS);
    cr_assert_eq(order(BODY_F32, of_f32(NAN), of_f32(NAN)), UNORDERED);
    cr_assert_eq(order(BODY_F64, of_f64(1), of_f64(NAN)), UNORDERED);
    cr_assert_eq(order(BODY_F64, of_f64(INFINITY), of_f64(INFINITY)), EQUAL);
    cr_assert_eq(order(BODY_F64, of_f64(2), of_f64(-INFINITY)), GREATER);
    cr_assert_eq(order(BODY_I32, of_i32(-1), of_i32(0)), LESS); /* signed */
    cr_assert_eq(order(BODY_I64, of_i64(INT64_MIN), of_i64(INT64_MAX)), LESS);
    cr_assert(run_two(body_eq, BODY_BOOL, of_bool(true), of_bool(true)).boolean);
    cr_assert(run_two(body_ne, BODY_BOOL, of_bool(true), of_bool(false)).boolean);
}

Test(body, logic_and_shifts) {
    for (int p = 0; p < 2; p++)
        for (int q = 0; q < 2; q++) {
            body_value x = of_bool(p), y = of_bool(q);
            cr_assert_eq(run_two(body_and, BODY_BOOL, x, y).boolean, p && q);
            cr_assert_eq(run_two(body_or, BODY_BOOL, x, y).boolean, p || q);
            cr_assert_eq(run_two(body_xor, BODY_BOOL, x, y).boolean, p != q);
            cr_assert_eq(run_one(body_not, BODY_BOOL, x).boolean, !p);
        }
    check_i32(body_and, 0x0ff0, 0x3c3c, 0x0c30);
    check_i32(body_or, 0x0ff0, 0x3c3c, 0x3ffc);
    check_i32(body_xor, -1, 0x3c3c, ~0x3c3c);
    check_i64(body_and, -1, 1LL << 40, 1LL << 40);
    check_i64(body_or, 1LL << 40, 1, (1LL << 40) + 1);
    check_i64(body_xor, -1, -1, 0);
    check_i32(body_shl, 3, 31, INT32_MIN);
    check_i32(body_shr, -1, 31, 1); /* logical */
    check_i32(body_shr, -1, 0, -1);
    check_i64(body_shl, 3, 63, INT64_MIN);
    check_i64(body_shr, INT64_MIN, 63, 1);
}

Test(body, select_takes_either_side_whole) {
    body_ref c = body_input(&b, 0, BODY_BOOL), x = body_input(&b, 1, BODY_F32);
    body_ref chosen = body_select(&b, c, x, body_div(&b, x, body_constant(&b, BODY_F32, 0)));
    cr_assert(same_f32(run(chosen, of_bool(true), of_f32(-0.0f), of_f32(0)).f32, -0.0f));
    cr_assert(same_f32(run(chosen, of_bool(false), of_f32(-2), of_f32(0)).f32, -INFINITY));
}

static body_value run_cast(body_type from, body_type to, body_value x) {
    return run(body_cast(&b, body_input(&b, 0, from), to), x, x, x);
}

Test(body, casts_from_floats_truncate_and_saturate) {
    static const struct {
        double from;
        int32_t to_i32;
        int64_t to_i64;
        bool to_bool;
    } cases[] = {{0.9, 0, 0, true},
                 {-0.0, 0, 0, false},
                 {-1.9, -1, -1, true},
                 {NAN, 0, 0, true},
                 {0x1p31, INT32_MAX, 1LL << 31, true},
                 {-0x1p31, INT32_MIN, -(1LL << 31), true},
                 {0x1p63, INT32_MAX, INT64_MAX, true},
                 {-0x1p70, INT32_MIN, INT64_MIN, true},
                 {INFINITY, INT32_MAX, INT64_MAX, true},
                 {-INFINITY, INT32_MIN, INT64_MIN, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double x = cases[i].from;
        cr_assert_eq(run_cast(BODY_F64, BODY_I32, of_f64(x)).i32, cases[i].to_i32, "%g", x);
        cr_assert_eq(run_cast(BODY_F32, BODY_I32, of_f32((float)x)).i32, cases[i].to_i32, "%g", x);
        cr_assert_eq(run_cast(BODY_F64, BODY_I64, of_f64(x)).i64, cases[i].to_i64, "%g", x);
        cr_assert_eq(run_cast(BODY_F32, BODY_I64, of_f32((float)x)).i64, cases[i].to_i64, "%g", x);
        cr_assert_eq(run_cast(BODY_F64, BODY_BOOL, of_f64(x)).boolean, cases[i].to_bool, "%g", x);
    }
    cr_assert_eq(run_cast(BODY_F64, BODY_I32, of_f64(2147483647.9)).i32, INT32_MAX);
    cr_assert_eq(run_cast(BODY_F64, BODY_I32, of_f64(-2147483648.9)).i32, INT32_MIN);
    cr_assert(same_f32(run_cast(BODY_F64, BODY_F32, of_f64(0x1.0000010000001p0)).f32,
                       1 + 0x1p-23f)); /* just above the tie */
    cr_assert(same_f32(run_cast(BODY_F64, BODY_F32, of_f64(0x1p-150)).f32, 0));
    cr_assert(same_f64(run_cast(BODY_F32, BODY_F64, of_f32(-0x1p-149f)).f64, -0x1p-149));
}

Test(body, casts_from_integers) {
    cr_assert(same_f32(run_cast(BODY_I32, BODY_F32, of_i32(0x1000001)).f32, 0x1p24f));
    cr_assert(same_f64(run_cast(BODY_I32, BODY_F64, of_i32(INT32_MIN)).f64, -0x1p31));
    cr_assert(same_f64(run_cast(BODY_I64, BODY_F64, of_i64(INT64_MAX)).f64, 0x1p63));
    /* Rounding to double first would lose the last bit and then tie down. */
    cr_assert(same_f32(run_cast(BODY_I64, BODY_F32, of_i64((1LL << 60) + (1LL << 36) + 1)).f32,
                       0x1.000002p60f));
    cr_assert_eq(run_cast(BODY_I32, BODY_I64, of_i32(-5)).i64, -5);
    cr_assert_eq(run_cast(BODY_I64, BODY_I32, of_i64(0x180000001LL)).i32, INT32_MIN + 1);
    cr_assert(run_cast(BODY_I64, BODY_BOOL, of_i64(1LL << 40)).boolean);
    cr_assert(!run_cast(BODY_I32, BODY_BOOL, of_i32(0)).boolean);
    cr_assert(same_f32(run_cast(BODY_BOOL, BODY_F32, of_bool(true)).f32, 1));
    cr_assert_eq(run_cast(BODY_BOOL, BODY_I32, of_bool(true)).i32, 1);
    body_ref x = body_input(&b, 0, BODY_BOOL);
    cr_assert_eq(body_cast(&b, x, BODY_BOOL), x);
}

Test(body, bits) {
    body_ref narrow = body_bits(&b, body_input(&b, 0, BODY_F32), BODY_I32);
    cr_assert_eq(run(narrow, of_f32(-2), of_f32(0), of_f32(0)).i32, (int32_t)0xc0000000u);
    body_ref back = body_bits(&b, narrow, BODY_F32);
    cr_assert(same_f32(run(back, of_f32(-0.0f), of_f32(0), of_f32(0)).f32, -0.0f));
    body_ref wide = body_bits(&b, body_input(&b, 0, BODY_F64), BODY_I64);
    cr_assert_eq(run(wide, of_f64(1), of_f64(0), of_f64(0)).i64, 0x3ff0000000000000LL);
    body_ref again = body_bits(&b, wide, BODY_F64);
    cr_assert(same_f64(run(again, of_f64(-1.5), of_f64(0), of_f64(0)).f64, -1.5));
}

Test(body, constants) {
    body_value none = {.i64 = 0};
    body_ref tenth = body_constant(&b, BODY_F32, 0.1);
    cr_assert(same_f32(run(tenth, none, none, none).f32, 0.1f));
    cr_assert_eq(body_constant(&b, BODY_F32, 0.1f), tenth); /* rounded before it is compared */
    cr_assert_neq(body_constant(&b, BODY_F64, 0.1), tenth);
    cr_assert_eq(run(body_constant(&b, BODY_I32, -2.9), none, none, none).i32, -2);
    cr_assert_eq(run(body_constant(&b, BODY_BOOL, 0.5), none, none, none).boolean, 1);
    body_ref mask = body_constant_integer(&b, BODY_I32, 0x80000000);
    cr_assert_eq(run(mask, none, none, none).i32, INT32_MIN);
    cr_assert_eq(body_constant_integer(&b, BODY_I32, INT32_MIN), mask);
    cr_assert_neq(body_constant(&b, BODY_F64, 0.0), body_constant(&b, BODY_F64, -0.0));
    cr_assert_eq(body_constant(&b, BODY_F64, NAN), body_constant(&b, BODY_F64, NAN));
    cr_assert(same_f64(run(body_constant_integer(&b, BODY_F64, 3), none, none, none).f64, 3));
}

Test(body, equal_instructions_are_recorded_once) {
    body_ref x = body_input(&b, 0, BODY_F32), y = body_input(&b, 1, BODY_F32);
    body_ref sum = body_add(&b, x, y);
    size_t count = b.code.count;
    cr_assert_eq(body_input(&b, 0, BODY_F32), x);
    cr_assert_eq(body_add(&b, x, y), sum);
    cr_assert_eq(b.code.count, count);
    cr_assert_neq(body_add(&b, y, x), sum);
    cr_assert_neq(body_sub(&b, x, y), sum);
    cr_assert_neq(body_cast(&b, x, BODY_F64), body_cast(&b, x, BODY_I32));
    /* What stands in unused fields does not matter. */
    body_ref negative = body_neg(&b, x);
    body_instruction dirty = {.op = BODY_NEG, .type = BODY_F32, .a = x, .b = 7, .c = 9};
    dirty.immediate.i = 11;
    cr_assert_eq(body_record(&b, dirty), negative);
}

Test(body, many_instructions) {
    body_ref x = body_input(&b, 0, BODY_I32), sum = x;
    for (int i = 1; i <= 100; i++)
        sum = body_add(&b, sum, body_constant_integer(&b, BODY_I32, i));
    cr_assert_eq(b.code.count, 201);
    cr_assert_eq(run(sum, of_i32(1), of_i32(0), of_i32(0)).i32, 5051);
}

Test(body, printing) {
    body_ref x = body_input(&b, 0, BODY_F32), k = body_constant(&b, BODY_F32, -1.5);
    body_ref r = body_fma(&b, x, k, x);
    body_select(&b, body_lt(&b, r, x), x, r);
    body_bits(&b, r, BODY_I32);
    body_constant_integer(&b, BODY_I32, -7);
    static const double floats[] = {0.0,      -0.0,      1.0,       0x1.999999999999ap-4,   NAN,
                                    INFINITY, -INFINITY, 0x1p-1074, 0x1.fffffffffffffp+1023};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        body_constant(&b, BODY_F64, floats[i]);
    text out;
    text_init(&out, &memory);
    body_print(&b, &out);
    static const char *const expected =
        "r0 f32 = input 0\n"
        "r1 f32 = constant -0x1.8p+0\n"
        "r2 f32 = fma r0 r1 r0\n"
        "r3 bool = lt r2 r0\n"
        "r4 f32 = select r3 r0 r2\n"
        "r5 i32 = bits r2\n"
        "r6 i32 = constant -7\n"
        "r7 f64 = constant 0x0p+0\n"
        "r8 f64 = constant -0x0p+0\n"
        "r9 f64 = constant 0x1p+0\n"
        "r10 f64 = constant 0x1.999999999999ap-4\n"
        "r11 f64 = constant nan\n"
        "r12 f64 = constant inf\n"
        "r13 f64 = constant -inf\n"
        "r14 f64 = constant 0x0.0000000000001p-1022\n"
        "r15 f64 = constant 0x1.fffffffffffffp+1023\n";
    cr_assert_str_eq(out.at, expected);
}

Test(body, operations_know_their_operands) {
    cr_assert_eq(body_operands(BODY_CONSTANT), 0);
    cr_assert_eq(body_operands(BODY_CAST), 1);
    cr_assert_eq(body_operands(BODY_MULHI), 2);
    cr_assert_eq(body_operands(BODY_SELECT), 3);
    cr_assert_eq(body_type_size(BODY_BOOL), 1);
    cr_assert_eq(body_type_size(BODY_F32), 4);
    cr_assert_eq(body_type_size(BODY_I64), 8);
    for (int op = BODY_INPUT; op <= BODY_BITS; op++)
        cr_assert(strlen(body_op_name((body_op)op)) >= 2);
}
