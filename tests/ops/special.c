/* Every element-wise op on the numbers where code goes wrong - zeros of both signs, denormals, the
 * largest numbers, infinities, NaN, the ends of the integers - alone and in all pairs, evaluated
 * and compiled, against libm. NaN must be NaN, an infinity and a zero must have their sign, the
 * rest must be as near as the op promises. A new element-wise op without a row fails here. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "tests/support/trial.h"

enum { most = 24 };

/* The op on numbers of type t, in f64; what is inexact there is rounded to t afterwards. */
typedef double (*expected)(double x, double y, dtype t);

#define OF(name, value)                                                                            \
    static double name(double x, __attribute__((unused)) double y,                                 \
                       __attribute__((unused)) dtype t) {                                          \
        return value;                                                                              \
    }

OF(negative, -x)
OF(absolute, fabs(x))
OF(sign, x > 0 ? 1 : x < 0 ? -1 : x)
OF(whole, floor(x))
OF(root, sqrt(x))
OF(exponential, exp(x))
OF(exponential_minus_one, expm1(x))
OF(logarithm, log(x))
OF(logarithm_of_more, log1p(x))
OF(hyperbolic, tanh(x))
OF(logistic, x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)))
OF(same, x)
OF(sum, x + y)
OF(difference, x - y)
OF(product, x *y)
OF(quotient, x / y)
OF(larger, isnan(x) || isnan(y) ? NAN : x > y ? x : y)
OF(smaller, isnan(x) || isnan(y) ? NAN : x < y ? x : y)
OF(less, x < y)
OF(less_or_equal, x <= y)
OF(equal, x == y)
OF(unequal, x != y)

/* Beyond these the angle is lost, and the result is NaN (ops/approx.h). */
static double limit(dtype t) {
    return t == DTYPE_F32 ? 0x1p22 : 0x1p50;
}

OF(sine, fabs(x) > limit(t) ? NAN : sin(x))
OF(cosine, fabs(x) > limit(t) ? NAN : cos(x))

/* The documented formula, every operation rounded. */
static double modulo(double x, double y, dtype t) {
    if (t == DTYPE_F64)
        return x - floor(x / y) * y;
    float quotient_f32 = (float)x / (float)y, times = floorf(quotient_f32);
    float back = times * (float)y;
    return (double)((float)x - back);
}

static double log_sum(double x, double y, dtype t) {
    (void)t;
    double top = x > y ? x : y;
    if (isnan(x) || isnan(y))
        return NAN;
    return isinf(top) ? top : top + log1p(exp(-fabs(x - y)));
}

typedef struct row {
    op_id op;
    expected value;
    double ulps;      /* how near f32 and f64 must be */
    bool signs_count; /* of zeros */
} row;

static const row rows[] = {{OP_NEG, negative, 0, true},
                           {OP_ABS, absolute, 0, true},
                           {OP_SIGN, sign, 0, true},
                           {OP_FLOOR, whole, 0, true},
                           {OP_SQRT, root, 0, true},
                           {OP_EXP, exponential, 3, true},
                           {OP_EXPM1, exponential_minus_one, 3, true},
                           {OP_LOG, logarithm, 3, true},
                           {OP_LOG1P, logarithm_of_more, 3, true},
                           {OP_TANH, hyperbolic, 3, true},
                           {OP_SIGMOID, logistic, 3, true},
                           {OP_SIN, sine, 3, true},
                           {OP_COS, cosine, 3, true},
                           {OP_KEEP, same, 0, true},
                           {OP_ADD, sum, 0, true},
                           {OP_SUB, difference, 0, true},
                           {OP_MUL, product, 0, true},
                           {OP_DIV, quotient, 0, true},
                           {OP_MAX, larger, 0, false},
                           {OP_MIN, smaller, 0, false},
                           {OP_MOD, modulo, 0, false},
                           {OP_LOGADDEXP, log_sum, 4, false},
                           {OP_LT, less, 0, true},
                           {OP_LE, less_or_equal, 0, true},
                           {OP_EQ, equal, 0, true},
                           {OP_NE, unequal, 0, true}};
enum { row_count = sizeof rows / sizeof *rows };

/* The distance of neighbouring numbers of type t at x. */
static double unit(double x, dtype t) {
    int exponent, digits = t == DTYPE_F32 ? FLT_MANT_DIG : DBL_MANT_DIG;
    int least = t == DTYPE_F32 ? FLT_MIN_EXP : DBL_MIN_EXP;
    frexp(x, &exponent);
    return ldexp(1, (exponent > least ? exponent : least) - digits);
}

static bool agrees(const row *r, dtype t, double got, double want) {
    if (isnan(want))
        return isnan(got);
    if (isinf(want))
        return got == want;
    if (want == 0 && r->ulps == 0)
        return got == 0 && (!r->signs_count || signbit(got) == signbit(want));
    if (want == 0 && got == 0)
        return !r->signs_count || signbit(got) == signbit(want);
    return fabs(got - want) <= r->ulps * unit(want, t);
}

/* ---- floats */

static int float_values(dtype t, double out[most]) {
    double largest = t == DTYPE_F32 ? (double)FLT_MAX : DBL_MAX;
    double least = t == DTYPE_F32 ? (double)FLT_TRUE_MIN : DBL_TRUE_MIN;
    double normal = t == DTYPE_F32 ? (double)FLT_MIN : DBL_MIN;
    const double values[] = {
        0,   -0.0, least, -least, normal,     -normal, 1,       -1,       0.5,      -1.5,      3.75,
        100, -100, 1000,  -1e6,   normal / 2, 1e-10,   largest, -largest, HUGE_VAL, -HUGE_VAL, NAN};
    int count = sizeof values / sizeof *values;
    for (int i = 0; i < count; i++)
        out[i] = t == DTYPE_F32 ? (double)(float)values[i] : values[i];
    return count;
}

typedef struct floats {
    trial t;
    dtype type;
    int count;
    double values[most];
    op_node *x, *y; /* [count, 1], [1, count] */
} floats;

static void open_floats(floats *f, dtype type) {
    trial_open(&f->t);
    f->type = type;
    f->count = float_values(type, f->values);
    int64_t column[2] = {f->count, 1}, line[2] = {1, f->count};
    op_shape shapes[2] = {op_shape_make(2, column), op_shape_make(2, line)};
    f->x = trial_leaf_add(&f->t, OP_INPUT, "x", type, 0, &shapes[0], f->values);
    f->y = trial_leaf_add(&f->t, OP_INPUT, "y", type, 0, &shapes[1], f->values);
}

static bool binary(op_id op) {
    return op_get(op)->least == 2;
}

typedef bool (*machine)(trial *t, double **out);

static bool evaluated(trial *t, double **out) {
    node_list roots = {0};
    graph_roots(&t->g, &t->memory, &roots);
    return trial_evaluate(t, roots.at, roots.count, out);
}

static void check(floats *f, const row *r, const double *got, const char *by) {
    int second = binary(r->op) ? f->count : 1;
    for (int i = 0; i < f->count; i++)
        for (int k = 0; k < second; k++) {
            double x = f->values[i], y = f->values[k], want = r->value(x, y, f->type);
            if (f->type == DTYPE_F32 && r->value != modulo)
                want = (double)(float)want;
            double out = got[i * second + k];
            cr_expect(agrees(r, f->type, out, want), "%s of %s %a, %a %s: %a instead of %a",
                      op_get(r->op)->name, dtype_name(f->type), x, y, by, out, want);
        }
}

static void run_floats(dtype type, machine run, const char *by) {
    floats f;
    open_floats(&f, type);
    for (int i = 0; i < row_count; i++) {
        op_node *y = binary(rows[i].op) ? make_binary(&f.t.g.builder, rows[i].op, f.x, f.y)
                                        : make_unary(&f.t.g.builder, rows[i].op, f.x);
        graph_output_add(&f.t.g, op_get(rows[i].op)->name, y);
    }
    node_list roots = {0};
    graph_roots(&f.t.g, &f.t.memory, &roots);
    cr_assert_eq(roots.count, row_count, "%s", f.t.problem.message);
    double **out = trial_room(&f.t, roots.at, roots.count);
    cr_assert(run(&f.t, out), "%s", f.t.message);
    for (int i = 0; i < row_count; i++)
        check(&f, &rows[i], out[i], by);
    trial_close(&f.t);
}

Test(special, f32_evaluated) {
    run_floats(DTYPE_F32, evaluated, "evaluated");
}

Test(special, f64_evaluated) {
    run_floats(DTYPE_F64, evaluated, "evaluated");
}

Test(special, f32_compiled) {
    run_floats(DTYPE_F32, trial_compiled, "compiled");
}

Test(special, f64_compiled) {
    run_floats(DTYPE_F64, trial_compiled, "compiled");
}

/* ---- select and cast */

static double saturated(double x) {
    return isnan(x) ? 0 : fmin(fmax(trunc(x), INT32_MIN), INT32_MAX);
}

static void run_casts(dtype type, machine run) {
    floats f;
    open_floats(&f, type);
    op_builder *b = &f.t.g.builder;
    op_node *smaller_x = make_binary(b, OP_LT, f.x, f.y);
    op_node *nodes[] = {make_cast(b, f.x, DTYPE_F32),        make_cast(b, f.x, DTYPE_F64),
                        make_cast(b, f.x, DTYPE_I32),        make_cast(b, f.x, DTYPE_BOOL),
                        make_select(b, smaller_x, f.x, f.y), make_unary(b, OP_NOT, smaller_x)};
    enum { count = sizeof nodes / sizeof *nodes };
    for (int i = 0; i < count; i++)
        graph_output_add(&f.t.g, (char[]){(char)('a' + i), 0}, nodes[i]);
    double **out = trial_room(&f.t, nodes, count);
    cr_assert(run(&f.t, out), "%s", f.t.message);
    static const row exact = {.ulps = 0, .signs_count = true};
    for (int i = 0; i < f.count; i++) {
        double x = f.values[i];
        cr_expect(agrees(&exact, DTYPE_F32, out[0][i], (double)(float)x), "f32 of %a", x);
        cr_expect(agrees(&exact, DTYPE_F64, out[1][i], x), "f64 of %a", x);
        cr_expect_eq(out[2][i], saturated(x), "i32 of %a is %g", x, out[2][i]);
        cr_expect_eq(out[3][i], x != 0, "bool of %a is %g", x, out[3][i]);
        for (int k = 0; k < f.count; k++) {
            double y = f.values[k], chosen = x < y ? x : y;
            cr_expect(agrees(&exact, type, out[4][i * f.count + k], chosen), "select %a %a", x, y);
            cr_expect_eq(out[5][i * f.count + k], !(x < y), "not of %a < %a", x, y);
        }
    }
    trial_close(&f.t);
}

Test(special, casts_evaluated) {
    run_casts(DTYPE_F32, evaluated);
    run_casts(DTYPE_F64, evaluated);
}

Test(special, casts_compiled) {
    run_casts(DTYPE_F32, trial_compiled);
    run_casts(DTYPE_F64, trial_compiled);
}

/* ---- integers and bools: exact, in 32 bits that wrap */

static double wrapped(int64_t x) {
    return (double)(int32_t)(uint32_t)x;
}

static int64_t remainder_of(int64_t x, int64_t y) {
    int64_t rest = y == 0 ? 0 : x % y;
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

static double integer_value(op_id op, int64_t x, int64_t y) {
    switch (op) {
    case OP_NEG:
        return wrapped(-x);
    case OP_ABS:
        return wrapped(x < 0 ? -x : x);
    case OP_SIGN:
        return (double)((x > 0) - (x < 0));
    case OP_KEEP:
        return (double)x;
    case OP_ADD:
        return wrapped(x + y);
    case OP_SUB:
        return wrapped(x - y);
    case OP_MUL:
        return wrapped(x * y);
    case OP_MAX:
        return (double)(x > y ? x : y);
    case OP_MIN:
        return (double)(x < y ? x : y);
    case OP_MOD:
        return (double)remainder_of(x, y);
    case OP_LT:
        return x < y;
    case OP_LE:
        return x <= y;
    case OP_EQ:
        return x == y;
    case OP_NE:
        return x != y;
    default:
        return NAN; /* no i32 */
    }
}

static void run_integers(machine run, const char *by) {
    static const double values[] = {INT32_MIN, INT32_MIN + 1.0, -65537,   -7, -3, -2, -1, 0, 1, 2,
                                    3,         46341,           INT32_MAX};
    enum { count = sizeof values / sizeof *values };
    const int64_t column[2] = {count, 1}, line[2] = {1, count};
    op_shape shapes[2] = {op_shape_make(2, column), op_shape_make(2, line)};
    trial t;
    trial_open(&t);
    op_node *x = trial_leaf_add(&t, OP_INPUT, "x", DTYPE_I32, 0, &shapes[0], values);
    op_node *y = trial_leaf_add(&t, OP_INPUT, "y", DTYPE_I32, 0, &shapes[1], values);
    op_id ops[row_count];
    int tested = 0;
    for (int i = 0; i < row_count; i++) {
        op_id op = rows[i].op;
        if (isnan(integer_value(op, 1, 1)))
            continue;
        graph_output_add(&t.g, op_get(op)->name,
                         binary(op) ? make_binary(&t.g.builder, op, x, y)
                                    : make_unary(&t.g.builder, op, x));
        ops[tested++] = op;
    }
    node_list roots = {0};
    graph_roots(&t.g, &t.memory, &roots);
    cr_assert_eq(roots.count, (size_t)tested, "%s", t.problem.message);
    double **out = trial_room(&t, roots.at, roots.count);
    cr_assert(run(&t, out), "%s", t.message);
    for (int n = 0; n < tested; n++)
        for (int i = 0; i < count; i++)
            for (int k = 0; k < (binary(ops[n]) ? count : 1); k++) {
                double want = integer_value(ops[n], (int64_t)values[i], (int64_t)values[k]);
                double got = out[n][binary(ops[n]) ? i * count + k : i];
                cr_expect_eq(got, want, "%s of %g, %g %s: %g instead of %g", op_get(ops[n])->name,
                             values[i], values[k], by, got, want);
            }
    trial_close(&t);
}

Test(special, i32) {
    run_integers(evaluated, "evaluated");
    run_integers(trial_compiled, "compiled");
}

static void run_bools(machine run) {
    static const double values[] = {0, 0, 1, 1}, others[] = {0, 1, 0, 1};
    static const op_id ops[] = {OP_AND, OP_OR, OP_EQ, OP_NE};
    static const double table[4][4] = {{0, 0, 0, 1}, {0, 1, 1, 1}, {1, 0, 0, 1}, {0, 1, 1, 0}};
    int64_t four = 4;
    op_shape shape = op_shape_make(1, &four);
    trial t;
    trial_open(&t);
    op_node *x = trial_leaf_add(&t, OP_INPUT, "x", DTYPE_BOOL, 0, &shape, values);
    op_node *y = trial_leaf_add(&t, OP_INPUT, "y", DTYPE_BOOL, 0, &shape, others), *nodes[4];
    for (int i = 0; i < 4; i++) {
        nodes[i] = make_binary(&t.g.builder, ops[i], x, y);
        graph_output_add(&t.g, op_get(ops[i])->name, nodes[i]);
    }
    double **out = trial_room(&t, nodes, 4);
    cr_assert(run(&t, out), "%s", t.message);
    for (int i = 0; i < 4; i++)
        cr_expect_arr_eq(out[i], table[i], sizeof table[i], "%s", op_get(ops[i])->name);
    trial_close(&t);
}

Test(special, bools) {
    run_bools(evaluated);
    run_bools(trial_compiled);
}

/* ---- nothing is left out */

Test(special, every_elementwise_op) {
    static const op_id elsewhere[] = {OP_NOT,    OP_CAST,   OP_AND,   OP_OR,
                                      OP_SELECT, OP_RANDOM, OP_CUSTOM};
    for (int op = 0; op < OP_COUNT; op++) {
        bool found = op_get((op_id)op)->family != OP_FAMILY_ELEMENTWISE;
        for (int i = 0; i < row_count; i++)
            found = found || (int)rows[i].op == op;
        for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
            found = found || (int)elsewhere[i] == op;
        cr_expect(found, "%s has no row", op_get((op_id)op)->name);
    }
}
