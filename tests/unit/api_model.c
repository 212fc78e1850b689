/* A small model from its equations to numbers: what a user does first. The numbers are computed
 * again here in plain C. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "frontends/eddy.h"

enum { D = 3, H = 4, T = 5, B = 2 };

/* h = tanh(W x + U h0 + b), loss = sum h^2. */
static eddy_model *elman(eddy_dtype type) {
    const eddy_options options = {.dtype = type};
    eddy_model *m = eddy_model_new(&options);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", type, t | b, D);
    eddy_value h0 = eddy_state(m, "h", t, H);
    eddy_value h = eddy_tanh(
        eddy_sum(eddy_linear(m, "W", H, x), eddy_linear(m, "U", H, h0), eddy_bias(m, "b", H)));
    eddy_next(h0, h);
    eddy_value loss = eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
    eddy_output(m, "h", h);
    eddy_output(m, "loss", loss);
    eddy_value rate = eddy_input(m, "learning_rate", type, 0, EDDY_SCALAR);
    for (int i = 0; i < eddy_trainable_count(m); i++) {
        eddy_value w = eddy_trainable(m, i);
        eddy_update(w, eddy_sub(w, eddy_mul(rate, eddy_gradient(loss, w))));
    }
    return m;
}

static eddy_program *compile(eddy_model *m) {
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static eddy_run *run_of(const eddy_program *p, eddy_params *s) {
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    return r;
}

static double elman_loss(const double *x, double W[H][D], double U[H][H], const double *bias,
                         double *hs) {
    double loss = 0;
    for (int sample = 0; sample < B; sample++) {
        double h[H] = {0};
        for (int step = 0; step < T; step++) {
            double next[H];
            for (int i = 0; i < H; i++) {
                next[i] = bias[i];
                for (int k = 0; k < D; k++)
                    next[i] += W[i][k] * x[(step * B + sample) * D + k];
                for (int k = 0; k < H; k++)
                    next[i] += U[i][k] * h[k];
                next[i] = tanh(next[i]);
                loss += next[i] * next[i];
            }
            memcpy(h, next, sizeof h);
            memcpy(hs + (step * B + sample) * H, h, sizeof h);
        }
    }
    return loss;
}

Test(api_model, an_elman_cell_is_computed_and_trained) {
    double x[T * B * D], W[H][D], U[H][H], bias[H], hs[T * B * H], got[T * B * H];
    for (int i = 0; i < T * B * D; i++)
        x[i] = sin(i + 1.0);
    eddy_program *p = compile(elman(EDDY_F64));
    eddy_params *s = eddy_params_new(NULL, 7);
    eddy_run *r = run_of(p, s);
    cr_assert_eq(eddy_params_count(s), 3);
    eddy_params_read(s, "W", W, H * D);
    eddy_params_read(s, "U", U, H * H);
    cr_assert_eq(eddy_params_read(s, "b", bias, H), EDDY_OK, "%s", eddy_params_message(s));
    double expected = elman_loss(x, W, U, bias, hs);

    eddy_run_resize(r, (eddy_extent[]){{"t", T}, {"b", B}}, 2);
    eddy_run_input(r, "x", x, T * B * D);
    eddy_run_output(r, "h", got, T * B * H);
    eddy_run_scalar(r, "learning_rate", 0.001);
    cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
    cr_assert_float_eq(eddy_run_number(r, "loss"), expected, 1e-12);
    for (int i = 0; i < T * B * H; i++)
        cr_assert_float_eq(got[i], hs[i], 1e-12);

    /* The update went against the gradient: by finite differences on one weight of each kind. */
    const double step = 1e-6;
    double hidden[T * B * H], U1[H][H], bias1[H];
    U[1][2] += step;
    double high = elman_loss(x, W, U, bias, hidden);
    U[1][2] -= 2 * step;
    double low = elman_loss(x, W, U, bias, hidden);
    U[1][2] += step;
    eddy_params_read(s, "U", U1, H * H);
    cr_assert_float_eq((U[1][2] - U1[1][2]) / 0.001, (high - low) / (2 * step), 1e-7);
    bias[3] += step;
    high = elman_loss(x, W, U, bias, hidden);
    bias[3] -= 2 * step;
    low = elman_loss(x, W, U, bias, hidden);
    bias[3] += step;
    eddy_params_read(s, "b", bias1, H);
    cr_assert_float_eq((bias[3] - bias1[3]) / 0.001, (high - low) / (2 * step), 1e-7);

    double before = expected;
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(eddy_run_call(r), EDDY_OK);
        cr_assert_lt(eddy_run_number(r, "loss"), before);
        before = eddy_run_number(r, "loss");
    }
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
}
