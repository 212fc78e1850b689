/* Every op of the header computes what its name says: one program with an output for each, compared
 * with the C library and with plain loops. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "frontends/eddy.h"

static eddy_model *m;
static eddy_run *run;
static eddy_program *program;
static eddy_params *params;

static void open_model(void) {
    m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    params = eddy_params_new(NULL, 4);
}

static void close_model(void) {
    eddy_run_free(run);
    eddy_program_free(program);
    eddy_params_free(params);
    eddy_model_free(m);
}

TestSuite(api_ops, .init = open_model, .fini = close_model);

static void go(const eddy_extent *extents, int count) {
    cr_assert_eq(eddy_compile(m, &program), EDDY_OK, "%s", eddy_model_message(m));
    cr_assert_eq(eddy_run_new(program, params, &run), EDDY_OK, "%s", eddy_run_message(run));
    cr_assert_eq(eddy_run_resize(run, extents, count), EDDY_OK, "%s", eddy_run_message(run));
}

static void call(void) {
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s", eddy_run_message(run));
}

static void near(const char *name, const double *expected, size_t count) {
    const double *got = eddy_run_read(run, name);
    cr_assert_eq(eddy_run_elements(run, name), count, "%s", name);
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq(got[i], expected[i], 1e-13 * (1 + fabs(expected[i])), "%s[%zu]: %g, %g",
                           name, i, got[i], expected[i]);
}

static void same(const char *name, const void *expected, size_t bytes) {
    cr_assert_arr_eq(eddy_run_read(run, name), expected, bytes, "%s", name);
}

enum { N = 5 };
static const double xs[N] = {0.3, -1.7, 2.5, 0.9, -0.2}, ys[N] = {1.5, 0.4, -2.1, 0.9, 3.3};

static double x_neg(double x) {
    return -x;
}
static double x_sign(double x) {
    return (x > 0) - (x < 0);
}
static double x_square(double x) {
    return x * x;
}
static double x_sqrt(double x) {
    return sqrt(fabs(x));
}
static double x_log(double x) {
    return log(fabs(x));
}
static double x_log1p(double x) {
    return log1p(fabs(x));
}
static double x_sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double x_relu(double x) {
    return x > 0 ? x : 0;
}
static double x_one_minus(double x) {
    return 1 - x;
}
static double x_self(double x) {
    return x;
}
static double x_scale(double x) {
    return 3 * x;
}
static double x_shift(double x) {
    return x - 2;
}

Test(api_ops, one_argument) {
    eddy_value x = eddy_input(m, "x", EDDY_F64, 0, N), size = eddy_abs(x);
    const struct {
        const char *name;
        eddy_value made;
        double (*is)(double);
    } rows[] = {
        {"neg", eddy_neg(x), x_neg},
        {"abs", eddy_abs(x), fabs},
        {"sign", eddy_sign(x), x_sign},
        {"floor", eddy_floor(x), floor},
        {"sqrt", eddy_sqrt(size), x_sqrt},
        {"square", eddy_square(x), x_square},
        {"exp", eddy_exp(x), exp},
        {"expm1", eddy_expm1(x), expm1},
        {"log", eddy_log(size), x_log},
        {"log1p", eddy_log1p(size), x_log1p},
        {"tanh", eddy_tanh(x), tanh},
        {"sigmoid", eddy_sigmoid(x), x_sigmoid},
        {"relu", eddy_relu(x), x_relu},
        {"sin", eddy_sin(x), sin},
        {"cos", eddy_cos(x), cos},
        {"one_minus", eddy_one_minus(x), x_one_minus},
        {"keep", eddy_keep(x), x_self},
        {"stop", eddy_stop(x), x_self},
        {"scale", eddy_scale(x, 3), x_scale},
        {"shift", eddy_shift(x, -2), x_shift},
    };
    size_t count = sizeof rows / sizeof rows[0];
    for (size_t i = 0; i < count; i++)
        eddy_output(m, rows[i].name, rows[i].made);
    eddy_output(m, "int", eddy_cast(x, EDDY_I32));
    eddy_output(m, "not", eddy_not(eddy_lt(x, eddy_number(m, 0))));
    go(NULL, 0);
    eddy_run_input(run, "x", xs, N);
    call();
    for (size_t i = 0; i < count; i++) {
        double expected[N];
        for (int k = 0; k < N; k++)
            expected[k] = rows[i].is(xs[k]);
        near(rows[i].name, expected, N);
    }
    same("int", (const int32_t[]){0, -1, 2, 0, 0}, N * sizeof(int32_t));
    same("not", (const uint8_t[]){1, 0, 1, 1, 0}, N);
}

static double xy_add(double x, double y) {
    return x + y;
}
static double xy_sub(double x, double y) {
    return x - y;
}
static double xy_mul(double x, double y) {
    return x * y;
}
static double xy_div(double x, double y) {
    return x / y;
}
static double xy_mod(double x, double y) {
    return x - floor(x / y) * y;
}
static double xy_logaddexp(double x, double y) {
    return log(exp(x) + exp(y));
}
static double xy_select(double x, double y) {
    return x < y ? x : 2 * y;
}

Test(api_ops, two_arguments) {
    eddy_value x = eddy_input(m, "x", EDDY_F64, 0, N), y = eddy_input(m, "y", EDDY_F64, 0, N);
    const struct {
        const char *name;
        eddy_value made;
        double (*is)(double, double);
    } rows[] = {
        {"add", eddy_add(x, y), xy_add},
        {"sub", eddy_sub(x, y), xy_sub},
        {"mul", eddy_mul(x, y), xy_mul},
        {"div", eddy_div(x, y), xy_div},
        {"max", eddy_max(x, y), fmax},
        {"min", eddy_min(x, y), fmin},
        {"mod", eddy_mod(x, y), xy_mod},
        {"logaddexp", eddy_logaddexp(x, y), xy_logaddexp},
        {"select", eddy_select(eddy_lt(x, y), x, eddy_scale(y, 2)), xy_select},
    };
    size_t count = sizeof rows / sizeof rows[0];
    for (size_t i = 0; i < count; i++)
        eddy_output(m, rows[i].name, rows[i].made);
    eddy_value lt = eddy_lt(x, y), le = eddy_le(x, y);
    eddy_output(m, "lt", lt);
    eddy_output(m, "le", le);
    eddy_output(m, "eq", eddy_eq(x, y));
    eddy_output(m, "ne", eddy_ne(x, y));
    eddy_output(m, "and", eddy_and(eddy_not(lt), le));
    eddy_output(m, "or", eddy_or(lt, eddy_not(le)));
    eddy_output(m, "sum", eddy_sum(x, y, x));
    go(NULL, 0);
    eddy_run_input(run, "x", xs, N);
    eddy_run_input(run, "y", ys, N);
    call();
    for (size_t i = 0; i < count; i++) {
        double expected[N];
        for (int k = 0; k < N; k++)
            expected[k] = rows[i].is(xs[k], ys[k]);
        near(rows[i].name, expected, N);
    }
    double sum[N];
    for (int k = 0; k < N; k++)
        sum[k] = xs[k] + ys[k] + xs[k];
    near("sum", sum, N);
    same("lt", (const uint8_t[]){1, 1, 0, 0, 1}, N);
    same("le", (const uint8_t[]){1, 1, 0, 1, 1}, N);
    same("eq", (const uint8_t[]){0, 0, 0, 1, 0}, N);
    same("ne", (const uint8_t[]){1, 1, 1, 0, 1}, N);
    same("and", (const uint8_t[]){0, 0, 0, 1, 0}, N);
    same("or", (const uint8_t[]){1, 1, 1, 0, 1}, N);
}

Test(api_ops, dimensions) {
    const double at[6] = {1, 2, 3, 4, 5, 6};
    eddy_value a = eddy_constant(m, EDDY_F64, at, 2, 3);
    eddy_value v = eddy_slice(eddy_reshape(a, 6), 0, 3, 3); /* 4 5 6 */
    eddy_output(m, "v", v);
    eddy_output(m, "pad", eddy_pad(v, -1, 1, 5));
    eddy_output(m, "concat", eddy_concat(-2, a, eddy_reshape(v, 1, 3)));
    eddy_output(m, "broadcast", eddy_broadcast(v, 2, 3));
    eddy_output(m, "permute", eddy_permute(a, 1, 0));
    eddy_output(m, "permute2", eddy_permute(eddy_reshape(a, 1, 2, 3), -1, 0, 1));
    eddy_output(m, "transpose", eddy_transpose(a));
    eddy_output(m, "matvec", eddy_matmul(a, v));
    eddy_output(m, "matmat", eddy_matmul(a, eddy_transpose(a)));
    eddy_output(m, "vecmat", eddy_matmul(v, eddy_transpose(a)));
    eddy_output(m, "dot", eddy_matmul(v, v));
    eddy_output(m, "outer", eddy_contract("m,n->mn", eddy_slice(v, 0, 0, 2), v, 0));
    eddy_output(m, "sum0", eddy_reduce(a, 0, EDDY_SUM));
    eddy_output(m, "max1", eddy_reduce(a, -1, EDDY_MAX));
    eddy_output(m, "all", eddy_reduce_all(a, EDDY_SUM));
    eddy_output(m, "lse", eddy_reduce_all(a, EDDY_LSE));
    eddy_output(m, "argmax", eddy_reduce_all(eddy_neg(a), EDDY_ARGMAX));
    eddy_output(m, "softmax", eddy_softmax(a, 1));
    eddy_output(m, "log_softmax", eddy_log_softmax(v, -1));
    eddy_value i = eddy_constant(m, EDDY_I32, ((const int32_t[]){1, -1, 0, 1}), 4);
    eddy_output(m, "gather", eddy_gather(a, i));
    eddy_output(m, "scatter", eddy_scatter(eddy_gather(a, i), i, 3, 0));
    eddy_output(m, "onehot", eddy_onehot(eddy_integer(m, 2), 4));
    go(NULL, 0);
    call();
    double soft[6], lse = 0, lse3 = 0;
    for (int k = 0; k < 6; k++)
        lse += exp(at[k] - 6);
    for (int k = 0; k < 3; k++)
        lse3 += exp(k - 2.0);
    for (int k = 0; k < 6; k++)
        soft[k] = exp(k % 3 - 2.0) / lse3;
    lse = 6 + log(lse);
    near("v", (double[]){4, 5, 6}, 3);
    near("pad", (double[]){0, 4, 5, 6, 0}, 5);
    near("concat", (double[]){1, 2, 3, 4, 5, 6, 4, 5, 6}, 9);
    near("broadcast", (double[]){4, 5, 6, 4, 5, 6}, 6);
    near("permute", (double[]){1, 4, 2, 5, 3, 6}, 6);
    near("permute2", (double[]){1, 4, 2, 5, 3, 6}, 6);
    near("transpose", (double[]){1, 4, 2, 5, 3, 6}, 6);
    near("matvec", (double[]){32, 77}, 2);
    near("matmat", (double[]){14, 32, 32, 77}, 4);
    near("vecmat", (double[]){32, 77}, 2);
    near("dot", (double[]){77}, 1);
    near("outer", (double[]){16, 20, 24, 20, 25, 30}, 6);
    near("sum0", (double[]){5, 7, 9}, 3);
    near("max1", (double[]){3, 6}, 2);
    near("all", (double[]){21}, 1);
    near("lse", &lse, 1);
    same("argmax", &(int32_t){0}, 4);
    near("softmax", soft, 6);
    near("log_softmax", (double[]){log(soft[0]), log(soft[1]), log(soft[2])}, 3);
    near("gather", (double[]){4, 5, 6, 0, 0, 0, 1, 2, 3, 4, 5, 6}, 12);
    near("scatter", (double[]){1, 2, 3, 8, 10, 12, 0, 0, 0}, 9);
    near("onehot", (double[]){0, 0, 1, 0}, 4);
    cr_assert_eq(eddy_run_number(run, "argmax"), 0);
    cr_assert_eq(eddy_run_number(run, "all"), 21);
}

Test(api_ops, axes) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_axes d = eddy_axis_fixed(m, "d", 2);
    eddy_value x = eddy_input(m, "x", EDDY_F64, t | b, EDDY_SCALAR);
    eddy_value zero = eddy_number(m, 0), nine = eddy_number(m, 9);
    eddy_value step = eddy_step(m, t), end = eddy_end(m, t);
    eddy_output(m, "delay", eddy_delay(x, t, 1));
    eddy_output(m, "ahead", eddy_delay_from(x, t, -2, nine));
    eddy_output(m, "last", eddy_last(x, t));
    eddy_output(m, "last9", eddy_last_from(x, t, nine));
    eddy_output(m, "flip", eddy_at(x, t, eddy_sub(eddy_shift(end, -1), step)));
    eddy_output(m, "third", eddy_at_from(x, t, eddy_integer(m, 2), nine));
    eddy_output(m, "total", eddy_total(x, t));
    eddy_output(m, "most", eddy_total_of(x, t | b, EDDY_MAX));
    eddy_output(m, "count", eddy_total(eddy_expand(eddy_number(m, 1), t | b), t | b));
    eddy_output(m, "valid", eddy_total(eddy_cast(eddy_valid(m, t), EDDY_F64), t | b));
    eddy_output(m, "index", eddy_add(eddy_cast(eddy_index(m, t), EDDY_F64), eddy_expand(zero, b)));
    eddy_output(m, "stack", eddy_reduce(eddy_stack(x, t), 0, EDDY_SUM));
    const double rows[6] = {1, 2, 3, 4, 5, 6};
    eddy_value deep = eddy_spread(eddy_constant(m, EDDY_F64, rows, 2, 3), d);
    eddy_output(m, "spread", eddy_last(deep, d));
    eddy_output(m, "over", eddy_contract("k,k->", deep, deep, d));
    go((eddy_extent[]){{"t", 3}, {"b", 2}}, 2);
    const double at[6] = {1, 2, 3, NAN, 5, NAN}; /* [t][b]; the second sample has one step */
    eddy_run_input(run, "x", at, 6);
    eddy_run_input(run, "lengths", (const int32_t[]){3, 1}, 2);
    call();
    near("delay", (double[]){0, 0, 1, 0, 3, 0}, 6);
    near("ahead", (double[]){5, 9, 9, 0, 9, 0}, 6);
    near("last", (double[]){5, 2}, 2);
    near("last9", (double[]){5, 2}, 2);
    near("flip", (double[]){5, 2, 3, 0, 1, 0}, 6);
    near("third", (double[]){5, 9}, 2);
    near("total", (double[]){9, 2}, 2);
    near("most", (double[]){5}, 1);
    near("count", (double[]){4}, 1);
    near("valid", (double[]){4}, 1);
    near("index", (double[]){0, 0, 1, 0, 2, 0}, 6);
    near("stack", (double[]){9, 2}, 2);
    near("spread", (double[]){4, 5, 6}, 3);
    near("over", (double[]){91}, 1);
}

static void cube(void *user, eddy_value y, eddy_value gy, const eddy_value *ws, int count,
                 eddy_value *gws) {
    (void)y, (void)count;
    gws[0] = eddy_mul(eddy_scale(gy, *(const double *)user), ws[0]);
}

Test(api_ops, gradients) {
    eddy_value x = eddy_input(m, "x", EDDY_F64, 0, N), y = eddy_input(m, "y", EDDY_F64, 0, N);
    eddy_value product = eddy_mul(x, y), loss = eddy_reduce_all(eddy_square(product), EDDY_SUM);
    const eddy_value wrt[] = {x, product};
    eddy_value g[2];
    eddy_grad(loss, wrt, 2, g);
    eddy_output(m, "gx", g[0]);
    eddy_output(m, "gproduct", g[1]);
    eddy_output(m, "gstop", eddy_gradient(eddy_reduce_all(eddy_mul(eddy_stop(x), y), EDDY_SUM), x));
    double factor = 7;
    const eddy_value given[] = {x, y};
    eddy_value made = eddy_custom("cube", product, given, 2, cube, &factor);
    eddy_grad(eddy_reduce_all(made, EDDY_SUM), given, 2, g);
    eddy_output(m, "custom", made);
    eddy_output(m, "cx", g[0]);
    eddy_output(m, "cy", g[1]);
    eddy_axes t = eddy_time(m, "t");
    eddy_value h0 = eddy_state(m, "h", t, N), h = eddy_add(eddy_mul(h0, y), x), inner;
    eddy_grad_step(h, &h0, 1, &inner);
    eddy_next(h0, h);
    eddy_output(m, "inner", eddy_last(inner, t));
    go((eddy_extent[]){{"t", 3}}, 1);
    eddy_run_input(run, "x", xs, N);
    eddy_run_input(run, "y", ys, N);
    call();
    double gx[N], gproduct[N], xy[N], cx[N];
    for (int i = 0; i < N; i++) {
        gx[i] = 2 * xs[i] * ys[i] * ys[i];
        gproduct[i] = 2 * xs[i] * ys[i];
        xy[i] = xs[i] * ys[i];
        cx[i] = 7 * xs[i];
    }
    near("gx", gx, N);
    near("gproduct", gproduct, N);
    near("gstop", (double[N]){0}, N);
    near("custom", xy, N);
    near("cx", cx, N);
    near("cy", (double[N]){0}, N);
    near("inner", ys, N);
}

Test(api_ops, chance_is_a_function_of_the_seed) {
    eddy_axes t = eddy_time(m, "t");
    eddy_output(m, "a", eddy_random(m, t, 3));
    eddy_output(m, "b", eddy_random(m, t, 3));
    go((eddy_extent[]){{"t", 50}}, 1);
    double first[150], mean = 0;
    eddy_run_scalar(run, "seed", 1);
    call();
    memcpy(first, eddy_run_read(run, "a"), sizeof first);
    for (int i = 0; i < 150; i++) {
        cr_assert(first[i] >= 0 && first[i] < 1);
        mean += first[i] / 150;
    }
    cr_assert_float_eq(mean, 0.5, 0.1);
    cr_assert_neq(memcmp(first, eddy_run_read(run, "b"), sizeof first), 0, "two streams");
    eddy_run_scalar(run, "seed", 2);
    call();
    cr_assert_neq(memcmp(first, eddy_run_read(run, "a"), sizeof first), 0, "another seed");
    eddy_run_scalar(run, "seed", 1);
    call();
    cr_assert_arr_eq(first, eddy_run_read(run, "a"), sizeof first);
}

Test(api_ops, a_value_tells_what_it_is) {
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_I32, t | b, 3, 4);
    cr_assert_eq(eddy_value_model(x), m);
    cr_assert_eq(eddy_value_dtype(x), EDDY_I32);
    cr_assert_eq(eddy_value_axes(x), t | b);
    cr_assert_eq(eddy_value_rank(x), 2);
    cr_assert_eq(eddy_value_dimension(x, 0), 3);
    cr_assert_eq(eddy_value_dimension(x, -1), 4);
    cr_assert_eq(eddy_value_dimension(x, 2), -1);
    cr_assert_eq(eddy_value_dimension(eddy_stack(x, t), 0), -1);
    cr_assert_str_eq(eddy_value_name(x), "x");
    eddy_scope_push(m, "outer");
    eddy_scope_push(m, "inner");
    eddy_value y = eddy_name(eddy_neg(x), "gate");
    eddy_scope_pop(m);
    eddy_value w = eddy_param(m, "w", eddy_init_zeros(), EDDY_SCALAR);
    eddy_scope_pop(m);
    cr_assert_str_eq(eddy_value_name(y), "outer.inner.gate");
    cr_assert_str_eq(eddy_value_name(w), "outer.w");
    cr_assert_eq(eddy_neg(x), y, "equal values are one value");
    cr_assert_eq(eddy_trainable_count(m), 1);
    cr_assert_eq(eddy_trainable(m, 0), w);
    cr_assert_null(eddy_trainable(m, 1));
    cr_assert_not_null(strstr(eddy_model_text(m), "param \"outer.w\""));
    cr_assert_not_null(strstr(eddy_model_dot(m), "digraph"));
}
