/* Layers against loops in plain C, over ragged sequences. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/net.h"

enum { T = 5, B = 3, D = 3, H = 2 };
static const int32_t lengths[B] = {5, 0, 3};
static double x[T * B * D]; /* NaN in the padding */

static void draw(void) {
    net_draw(x, T * B * D, 7);
    for (int t = 0; t < T; t++)
        for (int b = 0; b < B; b++)
            for (int i = 0; i < D; i++)
                if (t >= lengths[b])
                    x[(t * B + b) * D + i] = NAN;
}

TestSuite(nn_layers, .init = draw);

static eddy_value input(net *n) {
    return eddy_input(n->m, "x", EDDY_F64, n->tb, D);
}

static void call(net *n) {
    net_compile(n, T, B);
    net_input(n, "x", x);
    net_input(n, "len", lengths);
    net_call(n);
}

/* What the output y [size] must be at (t, b, i): `value` at a step that exists, else 0. */
#define expect_steps(n, output, size, value)                                                       \
    do {                                                                                           \
        const double *y_ = net_read((n), (output));                                                \
        for (int t = 0; t < T; t++)                                                                \
            for (int b = 0; b < B; b++)                                                            \
                for (int i = 0; i < (size); i++)                                                   \
                    net_expect_near(y_[(t * B + b) * (size) + i], t < lengths[b] ? (value) : 0.0); \
    } while (0)

static double product(const double *w, const double *v, int count) {
    double sum = 0;
    for (int k = 0; k < count; k++)
        sum += w[k] * v[k];
    return sum;
}

Test(nn_layers, dense) {
    double w[H * D];
    const double bias[H] = {0.5, -2};
    net n = net_begin();
    eddy_output(n.m, "y", eddy_dense(n.m, "out", H, input(&n)));
    net_compile(&n, T, B);
    net_set(&n, "out.b", bias, H);
    net_get(&n, "out.W", w, (size_t)H * D);
    net_input(&n, "x", x);
    net_input(&n, "len", lengths);
    net_call(&n);
    expect_steps(&n, "y", H, product(w + i * D, x + (t * B + b) * D, D) + bias[i]);
    net_end(&n);
}

Test(nn_layers, embedding) {
    enum { V = 4 };
    int32_t ids[T * B];
    double table[V * H];
    for (int i = 0; i < T * B; i++)
        ids[i] = i % 6 - 1;
    net n = net_begin();
    eddy_value id = eddy_input(n.m, "id", EDDY_I32, n.tb, EDDY_SCALAR);
    eddy_output(n.m, "y", eddy_embedding(n.m, "words", V, H, id));
    net_compile(&n, T, B);
    net_input(&n, "id", ids);
    net_input(&n, "len", lengths);
    net_call(&n);
    net_get(&n, "words", table, (size_t)V * H);
    expect_steps(&n, "y", H,
                 ids[t * B + b] >= 0 && ids[t * B + b] < V ? table[ids[t * B + b] * H + i] : 0);
    net_end(&n);
}

Test(nn_layers, conv1d) {
    enum { TAPS = 3 };
    double w[H * TAPS * D], expected[T * B * H];
    const double bias[H] = {1, 2};
    net n = net_begin();
    eddy_output(n.m, "y", eddy_conv1d(n.m, "conv", H, input(&n), n.t, TAPS));
    net_compile(&n, T, B);
    net_set(&n, "conv.b", bias, H);
    net_get(&n, "conv.W", w, (size_t)H * TAPS * D);
    for (int t = 0; t < T; t++)
        for (int b = 0; b < B; b++)
            for (int i = 0; i < H; i++) {
                double sum = bias[i];
                for (int k = 0; k < TAPS && k <= t; k++)
                    sum += product(w + (i * TAPS + k) * D, x + ((t - k) * B + b) * D, D);
                expected[(t * B + b) * H + i] = sum;
            }
    net_input(&n, "x", x);
    net_input(&n, "len", lengths);
    net_call(&n);
    expect_steps(&n, "y", H, expected[(t * B + b) * H + i]);
    net_end(&n);
}

Test(nn_layers, layer_norm) {
    const double gain[D] = {1, 2, -3}, bias[D] = {0, 1, 0.5};
    double standard[T * B * D];
    for (int row = 0; row < T * B; row++) {
        const double *v = x + row * D;
        double mean = 0, variance = 0;
        for (int i = 0; i < D; i++)
            mean += v[i] / (double)D;
        for (int i = 0; i < D; i++)
            variance += (v[i] - mean) * (v[i] - mean) / (double)D;
        for (int i = 0; i < D; i++)
            standard[row * D + i] = (v[i] - mean) / sqrt(variance + 1e-5);
    }
    net n = net_begin();
    eddy_output(n.m, "y", eddy_layer_norm(n.m, "norm", input(&n)));
    net_compile(&n, T, B);
    net_input(&n, "x", x);
    net_input(&n, "len", lengths);
    net_call(&n);
    expect_steps(&n, "y", D, standard[(t * B + b) * D + i]);
    net_set(&n, "norm.gain", gain, D);
    net_set(&n, "norm.bias", bias, D);
    net_call(&n);
    expect_steps(&n, "y", D, gain[i] * standard[(t * B + b) * D + i] + bias[i]);
    net_end(&n);
}

/* Mean and variance over all steps that exist. Returns their number. */
static int statistics(double mean[D], double variance[D]) {
    int count = 0;
    for (int b = 0; b < B; b++)
        count += lengths[b];
    for (int i = 0; i < D; i++) {
        mean[i] = variance[i] = 0;
        for (int t = 0; t < T; t++)
            for (int b = 0; b < B; b++)
                if (t < lengths[b])
                    mean[i] += x[(t * B + b) * D + i] / count;
        for (int t = 0; t < T; t++)
            for (int b = 0; b < B; b++)
                if (t < lengths[b])
                    variance[i] += pow(x[(t * B + b) * D + i] - mean[i], 2) / count;
    }
    return count;
}

Test(nn_layers, batch_norm_trains_and_then_uses_what_it_kept) {
    double mean[D], variance[D], kept_mean[D], kept_variance[D];
    const int count = statistics(mean, variance);
    net n = net_begin();
    eddy_output(n.m, "y", eddy_batch_norm(n.m, "norm", input(&n), n.tb, true));
    call(&n);
    expect_steps(&n, "y", D, (x[(t * B + b) * D + i] - mean[i]) / sqrt(variance[i] + 1e-5));
    net_call(&n);
    /* Two calls: 0 and 1 at first, then a tenth of the way, twice. */
    net_get(&n, "norm.mean", kept_mean, D);
    net_get(&n, "norm.variance", kept_variance, D);
    for (int i = 0; i < D; i++) {
        double moved = variance[i] * count / (count - 1);
        net_expect_near(kept_mean[i], 0.9 * 0.1 * mean[i] + 0.1 * mean[i]);
        net_expect_near(kept_variance[i], 0.9 * (0.9 + 0.1 * moved) + 0.1 * moved);
    }
    cr_expect_eq(eddy_trainable_count(n.m), 2);

    net use = net_begin_with(&n);
    eddy_output(use.m, "y", eddy_batch_norm(use.m, "norm", input(&use), use.tb, false));
    call(&use);
    expect_steps(&use, "y", D,
                 (x[(t * B + b) * D + i] - kept_mean[i]) / sqrt(kept_variance[i] + 1e-5));
    net_end(&use);

    /* A call without a step leaves everything as it was. */
    net_resize(&n, 0, B);
    net_input(&n, "x", x);
    net_call(&n);
    double after[D];
    net_get(&n, "norm.mean", after, D);
    cr_expect_eq(memcmp(after, kept_mean, sizeof after), 0);
    net_get(&n, "norm.variance", after, D);
    cr_expect_eq(memcmp(after, kept_variance, sizeof after), 0);
    net_end(&n);
}

/* The gradient passes through mean and variance: by central differences. */
Test(nn_layers, batch_norm_gradient) {
    double weights[D] = {0.3, -1, 2}, values[2];
    net n = net_begin();
    eddy_value v = input(&n);
    eddy_value y = eddy_batch_norm(n.m, "norm", v, n.tb, true);
    eddy_value w = eddy_constant(n.m, EDDY_F64, weights, D);
    eddy_value loss = eddy_total(eddy_reduce_all(eddy_mul(w, eddy_exp(y)), EDDY_SUM), n.tb);
    eddy_output(n.m, "loss", loss);
    eddy_output(n.m, "d x", eddy_gradient(loss, v));
    call(&n);
    double gradient[T * B * D];
    memcpy(gradient, net_read(&n, "d x"), sizeof gradient);
    for (int i = 0; i < T * B * D; i++) {
        if (isnan(x[i])) {
            cr_expect_eq(gradient[i], 0);
            continue;
        }
        const double at = x[i];
        for (int side = 0; side < 2; side++) {
            x[i] = at + (side ? -1e-6 : 1e-6);
            net_call(&n);
            values[side] = net_number(&n, "loss");
        }
        x[i] = at;
        cr_expect_lt(fabs((values[0] - values[1]) / 2e-6 - gradient[i]), 1e-7);
    }
    net_end(&n);
}

enum { LONG = 40, WIDE = 25 };

/* A dropout net over x of ones: y, and the gradient of its sum. */
static net dropping(double rate, bool each_step, bool carried) {
    net n = net_begin();
    if (carried)
        eddy_carry(n.m, n.t, n.b);
    eddy_value one = eddy_input(n.m, "one", EDDY_F64, n.tb, WIDE);
    eddy_value y = eddy_dropout(one, rate, each_step ? n.tb : n.b);
    eddy_output(n.m, "y", eddy_expand(y, n.tb));
    eddy_output(n.m, "d one", eddy_gradient(eddy_total(eddy_reduce_all(y, EDDY_SUM), n.tb), one));
    return n;
}

static double ones[LONG * 2 * WIDE];

static void fill(void) {
    for (int i = 0; i < LONG * 2 * WIDE; i++)
        ones[i] = 1;
}

Test(nn_layers, dropout, .init = fill) {
    net n = dropping(0.25, true, false);
    net_compile(&n, LONG, 2);
    net_input(&n, "one", ones);
    eddy_run_scalar(n.run, "seed", 5);
    net_call(&n);
    const double *y = net_read(&n, "y"), *gradient = net_read(&n, "d one");
    int kept = 0, same = 0;
    for (int i = 0; i < LONG * 2 * WIDE; i++) {
        cr_expect(y[i] == 0 || net_near(y[i], 1 / 0.75), "%g", y[i]);
        cr_expect_eq(gradient[i], y[i]);
        kept += y[i] != 0;
        same += i >= 2 * WIDE && (y[i] != 0) == (y[i - 2 * WIDE] != 0);
    }
    /* Within five standard deviations: of 2000 kept with 3/4; of 1950 pairs equal with 5/8. */
    cr_expect_lt(abs(kept - 1500), 97);
    cr_expect_lt(abs(same - 1219), 107);
    net_end(&n);
}

Test(nn_layers, dropout_of_a_whole_sequence, .init = fill) {
    net n = dropping(0.5, false, false);
    net_compile(&n, LONG, 2);
    net_input(&n, "one", ones);
    eddy_run_scalar(n.run, "seed", 5);
    net_call(&n);
    const double *y = net_read(&n, "y");
    int kept = 0;
    for (int i = 0; i < LONG * 2 * WIDE; i++) {
        cr_expect_eq(y[i], y[i % (2 * WIDE)]);
        kept += i < 2 * WIDE && y[i] != 0;
    }
    cr_expect(kept > 5 && kept < 45, "%d", kept);
    net_end(&n);
}

Test(nn_layers, dropout_of_a_sequence_that_is_cut, .init = fill) {
    double whole[LONG * 2 * WIDE];
    net n = dropping(0.5, true, false);
    net_compile(&n, LONG, 2);
    net_input(&n, "one", ones);
    eddy_run_scalar(n.run, "seed", 9);
    net_call(&n);
    memcpy(whole, net_read(&n, "y"), sizeof whole);
    net_end(&n);

    net cut = dropping(0.5, true, true);
    net_compile(&cut, 1, 2);
    const int steps[] = {7, 1, 20, 12};
    for (int part = 0, t = 0; part < 4; t += steps[part++]) {
        net_resize(&cut, steps[part], 2);
        net_input(&cut, "one", ones);
        eddy_run_scalar(cut.run, "seed", 9);
        net_call(&cut);
        const size_t bytes = sizeof(double) * (size_t)steps[part] * 2 * WIDE;
        cr_expect_eq(memcmp(net_read(&cut, "y"), whole + t * 2 * WIDE, bytes), 0, "part %d", part);
    }
    net_end(&cut);
}

Test(nn_layers, dropout_at_its_borders) {
    net n = net_begin();
    eddy_value v = input(&n);
    cr_expect_eq(eddy_dropout(v, 0, n.tb), v);
    cr_expect_null(eddy_dropout(v, 1, n.tb));
    const char *message = eddy_model_message(n.m);
    cr_expect(strstr(message, "dropout: the rate 1 is not in [0, 1)"), "%s", message);
    cr_expect(strstr(message, "nn_layers.c:"), "%s", message);
    cr_expect_eq(eddy_model_status(n.m), EDDY_BAD_ARGUMENT);
    net_end(&n);
}

Test(nn_layers, a_convolution_without_taps) {
    net n = net_begin();
    cr_expect_null(eddy_conv1d(n.m, "conv", H, input(&n), n.t, 0));
    cr_expect(strstr(eddy_model_message(n.m), "conv1d: conv has 0 taps; at least 1 is needed"),
              "%s", eddy_model_message(n.m));
    net_end(&n);
}
