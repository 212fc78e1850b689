/* Losses against loops in plain C; sampling against the distribution itself. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/net.h"

enum { T = 4, B = 3, V = 5 };
static const int32_t lengths[B] = {4, 0, 2};
static double z[T * B * V];

static void draw(void) {
    net_draw(z, T * B * V, 3);
    for (int i = 0; i < T * B * V; i++)
        z[i] = i / V / B >= lengths[i / V % B] ? NAN : 4 * z[i];
}

TestSuite(nn_losses, .init = draw);

static eddy_value logits(net *n) {
    return eddy_input(n->m, "z", EDDY_F64, n->tb, V);
}

static void call(net *n) {
    net_compile(n, T, B);
    net_input(n, "z", z);
    net_input(n, "len", lengths);
}

Test(nn_losses, cross_entropy) {
    const int32_t target[T * B] = {0, 99, 4, 2, 99, 3, 7, 99, 99, -1, 99, 99};
    net n = net_begin();
    eddy_value v = logits(&n);
    eddy_value id = eddy_input(n.m, "target", EDDY_I32, n.tb, EDDY_SCALAR);
    eddy_value loss = eddy_cross_entropy(v, id);
    eddy_output(n.m, "loss", loss);
    eddy_output(n.m, "d z", eddy_gradient(loss, v));
    call(&n);
    net_input(&n, "target", target);
    net_call(&n);
    const double *found = net_read(&n, "loss"), *gradient = net_read(&n, "d z");
    for (int row = 0; row < T * B; row++) {
        const int32_t right = target[row];
        const bool counts = row / B < lengths[row % B] && right >= 0 && right < V;
        double sum = 0;
        for (int i = 0; i < V; i++)
            sum += exp(z[row * V + i]);
        net_expect_near(found[row], counts ? log(sum) - z[row * V + right] : 0);
        for (int i = 0; i < V; i++)
            net_expect_near(gradient[row * V + i],
                            counts ? exp(z[row * V + i]) / sum - (i == right) : 0);
    }
    net_end(&n);
}

Test(nn_losses, cross_entropy_of_a_matrix) {
    net n = net_begin();
    eddy_value matrix = eddy_input(n.m, "z", EDDY_F64, n.tb, 2, V);
    cr_expect_null(eddy_cross_entropy(matrix, eddy_integer(n.m, 1)));
    cr_expect(strstr(eddy_model_message(n.m), "cross_entropy: logits of 2 and a target of 0"), "%s",
              eddy_model_message(n.m));
    net_end(&n);
}

Test(nn_losses, mean_squared_error) {
    net n = net_begin();
    eddy_value v = logits(&n), loss = eddy_mean_squared_error(v, eddy_number(n.m, 0.5));
    eddy_output(n.m, "loss", loss);
    eddy_output(n.m, "d z", eddy_gradient(loss, v));
    call(&n);
    net_call(&n);
    for (int row = 0; row < T * B; row++) {
        const bool counts = row / B < lengths[row % B];
        double sum = 0;
        for (int i = 0; i < V; i++) {
            sum += (z[row * V + i] - 0.5) * (z[row * V + i] - 0.5) / (double)V;
            net_expect_near(net_read(&n, "d z")[row * V + i],
                            counts ? 2 * (z[row * V + i] - 0.5) / (double)V : 0);
        }
        net_expect_near(net_read(&n, "loss")[row], counts ? sum : 0);
    }
    net_end(&n);
}

/* Against -y log p - (1 - y) log(1 - p) where that works; far out, where it does not, against its
 * limits. */
Test(nn_losses, binary_cross_entropy) {
    static const double far[] = {800, -800, 0, 40}, targets[] = {1, 1, 0.25, 0};
    static const double limits[] = {0, 800, 0.69314718055994531, 40};
    static const double slopes[] = {0, -1, 0.25, 1};
    net n = net_begin();
    eddy_value v = logits(&n);
    eddy_value target = eddy_scale(eddy_cast(eddy_step(n.m, n.t), EDDY_F64), 0.25);
    eddy_output(n.m, "loss", eddy_binary_cross_entropy(v, target));
    eddy_value w = eddy_constant(n.m, EDDY_F64, far, 4);
    eddy_value y = eddy_constant(n.m, EDDY_F64, targets, 4);
    eddy_value one = eddy_binary_cross_entropy(w, y);
    eddy_output(n.m, "far", one);
    eddy_output(n.m, "d far", eddy_gradient(one, w));
    call(&n);
    net_call(&n);
    for (int row = 0; row < T * B; row++) {
        const double right = 0.25 * (row / B);
        double sum = 0;
        for (int i = 0; i < V; i++) {
            double p = 1 / (1 + exp(-z[row * V + i]));
            sum -= (right * log(p) + (1 - right) * log(1 - p)) / (double)V;
        }
        net_expect_near(net_read(&n, "loss")[row], row / B < lengths[row % B] ? sum : 0);
    }
    net_expect_near(net_number(&n, "far"), (limits[0] + limits[1] + limits[2] + limits[3]) / 4);
    for (int i = 0; i < 4; i++)
        net_expect_near(net_read(&n, "d far")[i], slopes[i] / 4);
    net_end(&n);
}

/* Steps that do not count: not in the loss, though it is a NaN there, and not in a gradient. */
Test(nn_losses, masked) {
    double x[T * B], y[T * B], sum = 0;
    bool counts[T * B];
    net_draw(x, T * B, 2);
    for (int i = 0; i < T * B; i++) {
        counts[i] = i % 5 != 1;
        y[i] = counts[i] ? 1 : NAN;
        sum += i / B < lengths[i % B] && counts[i] ? x[i] * x[i] : 0;
    }
    net n = net_begin();
    eddy_value v = eddy_input(n.m, "x", EDDY_F64, n.tb, EDDY_SCALAR);
    eddy_value mask = eddy_input(n.m, "mask", EDDY_BOOL, n.tb, EDDY_SCALAR);
    eddy_value w = eddy_param(n.m, "w", eddy_init_constant(2), EDDY_SCALAR);
    eddy_value loss = eddy_square(eddy_mul(w, v));
    eddy_value total = eddy_total(eddy_masked(loss, mask), n.tb);
    eddy_value wrong = eddy_mul(loss, eddy_input(n.m, "y", EDDY_F64, n.tb, EDDY_SCALAR));
    eddy_output(n.m, "loss", eddy_total(eddy_masked(wrong, mask), n.tb));
    eddy_output(n.m, "d w", eddy_gradient(total, w));
    net_compile(&n, T, B);
    net_input(&n, "x", x);
    net_input(&n, "y", y);
    net_input(&n, "mask", counts);
    net_input(&n, "len", lengths);
    net_call(&n);
    net_expect_near(net_number(&n, "loss"), 4 * sum);
    net_expect_near(net_number(&n, "d w"), 4 * sum);
    net_end(&n);
}

/* Over time and batch, over time alone, of a value that does not hold the lengths, of nothing. */
Test(nn_losses, mean_over) {
    net n = net_begin();
    eddy_value first = eddy_reshape(eddy_slice(logits(&n), 0, 0, 1), EDDY_SCALAR);
    eddy_output(n.m, "all", eddy_mean_over(first, n.tb));
    eddy_output(n.m, "each", eddy_mean_over(first, n.t));
    eddy_value step = eddy_cast(eddy_step(n.m, n.t), EDDY_F64);
    eddy_output(n.m, "step", eddy_mean_over(step, n.t));
    eddy_output(n.m, "step of all", eddy_mean_over(step, n.tb));
    call(&n);
    net_call(&n);
    double sum[B] = {0};
    for (int row = 0; row < T * B; row++)
        if (row / B < lengths[row % B])
            sum[row % B] += z[row * V];
    net_expect_near(net_number(&n, "all"), (sum[0] + sum[2]) / 6);
    net_expect_near(net_read(&n, "each")[0], sum[0] / 4);
    net_expect_near(net_read(&n, "each")[1], 0);
    net_expect_near(net_read(&n, "each")[2], sum[2] / 2);
    net_expect_near(net_number(&n, "step"), 1.5);
    net_expect_near(net_number(&n, "step of all"), (0 + 1 + 2 + 3 + 0 + 1) / 6.0);
    net_resize(&n, 0, B);
    net_input(&n, "z", z);
    net_call(&n);
    cr_expect_eq(net_number(&n, "all"), 0);
    net_end(&n);
}

/* A grid of uniforms: each id is drawn in proportion; one of probability 0 never, whatever the
 * rounding; the result stays in range. */
Test(nn_losses, categorical) {
    enum { N = 1000, WORDS = 7 };
    static const double weights[WORDS] = {0, 3, 1, 0, 4, 2, 0};
    static double scores[WORDS], uniform[N + 2];
    int drawn[WORDS] = {0};
    for (int i = 0; i < WORDS; i++)
        scores[i] = log(weights[i]) + 50;
    for (int i = 0; i < N; i++)
        uniform[i] = (i + 0.5) / (double)N;
    uniform[N] = 0;
    uniform[N + 1] = 1 - 0x1p-53;
    net n = net_begin();
    eddy_value v = eddy_input(n.m, "scores", EDDY_F64, 0, WORDS);
    eddy_value u = eddy_input(n.m, "uniform", EDDY_F64, n.t, EDDY_SCALAR);
    eddy_output(n.m, "id", eddy_categorical("word", v, u));
    eddy_output(n.m, "largest", eddy_argmax(v));
    eddy_output(n.m, "beyond", eddy_categorical("beyond", v, eddy_number(n.m, 1)));
    net_compile(&n, N + 2, 1);
    net_input(&n, "scores", scores);
    net_input(&n, "uniform", uniform);
    net_call(&n);
    const int32_t *id = eddy_run_read(n.run, "id");
    for (int i = 0; i < N; i++) {
        cr_assert(id[i] >= 0 && id[i] < WORDS);
        cr_expect(i == 0 || id[i] >= id[i - 1]);
        drawn[id[i]]++;
    }
    for (int i = 0; i < WORDS; i++)
        cr_expect_eq(drawn[i], (int)(weights[i] * (double)N / 10), "%d: %d times", i, drawn[i]);
    cr_expect_eq(id[N], 1);
    cr_expect_eq(id[N + 1], 5);
    cr_expect_eq(net_number(&n, "largest"), 4);
    cr_expect_eq(net_number(&n, "beyond"), WORDS - 1);
    net_end(&n);
}

/* A Markov chain that samples from its own last id: the axis of the running sum nests inside time,
 * on the cycle. */
Test(nn_losses, categorical_that_feeds_itself) {
    enum { N = 60, SAMPLES = 2, WORDS = 4 };
    static double uniform[N * SAMPLES], table[WORDS * WORDS];
    net_draw(table, WORDS * WORDS, 4);
    net_draw(uniform, N * SAMPLES, 5);
    for (int i = 0; i < N * SAMPLES; i++)
        uniform[i] = (uniform[i] + 1) / 2;
    net n = net_begin();
    eddy_value id = eddy_state_over("id", n.t, 1, n.b, eddy_integer(n.m, 0));
    eddy_value scores = eddy_gather(eddy_constant(n.m, EDDY_F64, table, WORDS, WORDS), id);
    eddy_value u = eddy_input(n.m, "u", EDDY_F64, n.tb, EDDY_SCALAR);
    eddy_value next = eddy_categorical("word", scores, u);
    eddy_next(id, next);
    eddy_output(n.m, "id", next);
    net_compile(&n, N, SAMPLES);
    net_input(&n, "u", uniform);
    net_call(&n);
    const int32_t *found = eddy_run_read(n.run, "id");
    for (int b = 0; b < SAMPLES; b++) {
        int last = 0;
        for (int t = 0; t < N; t++) {
            double all = 0, sum = 0;
            for (int i = 0; i < WORDS; i++)
                all += exp(table[last * WORDS + i]);
            int place = 0;
            for (; place < WORDS - 1; place++) {
                sum += exp(table[last * WORDS + place]);
                if (sum > uniform[t * SAMPLES + b] * all)
                    break;
            }
            last = place;
            cr_expect_eq(found[t * SAMPLES + b], last, "step %d", t);
        }
    }
    net_end(&n);
}
