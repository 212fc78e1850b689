/* The models of the benchmark, through the public interface alone and gate by gate: no merged
 * matrices, no hand-written gradients. What an expert would rearrange is for the compiler to find.
 *
 * A layer's training step is given the gradient of its output and returns the output, the gradient
 * of its input and those of all its parameters: what a layer does inside a larger model. The
 * products that are counted are those of the textbook: forward, and twice as many backward (by the
 * input and the state, and by the weights). Recomputation would be extra work, not extra speed. */
#include "tests/support/bench_row.h"

#include <stdio.h>

/* ---- cells */

/* W x + U h + b */
static eddy_value bench_gate(eddy_model *m, const char *name, eddy_value x, eddy_value h) {
    int64_t units = eddy_value_dimension(h, 0);
    eddy_scope_push(m, name);
    eddy_value in = eddy_linear(m, "W", units, x), past = eddy_linear(m, "U", units, h);
    eddy_value sum = eddy_sum(in, past, eddy_bias(m, "b", units));
    eddy_scope_pop(m);
    return sum;
}

static eddy_value bench_lstm(eddy_model *m, eddy_axes t, int64_t units, eddy_value x) {
    eddy_value h = eddy_state(m, "h", t, units), c = eddy_state(m, "c", t, units);
    eddy_value i = eddy_sigmoid(bench_gate(m, "i", x, h));
    eddy_value f = eddy_sigmoid(bench_gate(m, "f", x, h));
    eddy_value g = eddy_tanh(bench_gate(m, "g", x, h));
    eddy_value o = eddy_sigmoid(bench_gate(m, "o", x, h));
    eddy_value c_next = eddy_add(eddy_mul(f, c), eddy_mul(i, g));
    eddy_value h_next = eddy_mul(o, eddy_tanh(c_next));
    eddy_next(c, c_next);
    eddy_next(h, h_next);
    return h_next;
}

/* The reset gate acts after the product, as in cuDNN and PyTorch. */
static eddy_value bench_gru(eddy_model *m, eddy_axes t, int64_t units, eddy_value x) {
    eddy_value h = eddy_state(m, "h", t, units);
    eddy_value r = eddy_sigmoid(bench_gate(m, "r", x, h));
    eddy_value z = eddy_sigmoid(bench_gate(m, "z", x, h));
    eddy_value past = eddy_add(eddy_linear(m, "n.U", units, h), eddy_bias(m, "n.v", units));
    eddy_value in = eddy_add(eddy_linear(m, "n.W", units, x), eddy_bias(m, "n.b", units));
    eddy_value n = eddy_tanh(eddy_add(in, eddy_mul(r, past)));
    eddy_value h_next = eddy_add(n, eddy_mul(z, eddy_sub(h, n)));
    eddy_next(h, h_next);
    return h_next;
}

/* A row of a table for each symbol. */
static eddy_value bench_symbol(eddy_model *m, const char *name, int64_t units, eddy_value x) {
    eddy_value table = eddy_param(m, name, eddy_init_normal(0, 0.1), BENCH_SYMBOLS, units);
    return eddy_gather(table, x);
}

/* The cell of docs/examples/charlm: logits of the next symbol. */
static eddy_value bench_undertow(eddy_model *m, eddy_axes t, int64_t units, eddy_value x) {
    eddy_value h = eddy_state(m, "h", t, units), s = eddy_state(m, "s", t, units);
    eddy_value Wz = bench_symbol(m, "Wz", units, x), Wr = bench_symbol(m, "Wr", units, x);
    eddy_value Wn = bench_symbol(m, "Wn", units, x);
    eddy_value z = eddy_sigmoid(eddy_add(Wz, eddy_linear(m, "Uz", units, h)));
    eddy_value r = eddy_sigmoid(eddy_add(Wr, eddy_linear(m, "Ur", units, s)));
    eddy_value n = eddy_tanh(eddy_add(Wn, eddy_mul(r, eddy_linear(m, "Un", units, h))));
    eddy_value a = eddy_sigmoid(eddy_param(m, "alpha", eddy_init_uniform(0, 4), units));
    eddy_value h_next = eddy_add(n, eddy_mul(z, eddy_sub(h, n)));
    eddy_value s_next = eddy_add(h_next, eddy_mul(a, eddy_sub(s, h_next)));
    eddy_next(h, h_next);
    eddy_next(s, s_next);
    eddy_value now = eddy_dense(m, "V", BENCH_SYMBOLS, h_next);
    return eddy_add(now, eddy_linear(m, "Vs", BENCH_SYMBOLS, s_next));
}

/* ---- what is done with them */

typedef eddy_value bench_cell(eddy_model *m, eddy_axes t, int64_t units, eddy_value x);

static void bench_inference(eddy_model *m, const bench_row *row, bench_cell *cell) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, row->units);
    eddy_output(m, "h", cell(m, t, row->units, x));
}

static void bench_training(eddy_model *m, const bench_row *row, bench_cell *cell) {
    enum { ASKED = 16 };
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, row->units);
    eddy_value dh = eddy_input(m, "dh", EDDY_F32, t | b, row->units);
    eddy_value h = cell(m, t, row->units, x), asked[ASKED] = {x}, found[ASKED];
    int count = 1 + eddy_trainable_count(m);
    for (int i = 1; i < count; i++)
        asked[i] = eddy_trainable(m, i - 1);
    eddy_grad(eddy_matmul(h, dh), asked, count, found);
    eddy_output(m, "h", h);
    for (int i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "d %s", eddy_value_name(asked[i]));
        eddy_output(m, name, found[i]);
    }
}

static void lstm_inference(eddy_model *m, const bench_row *row) {
    bench_inference(m, row, bench_lstm);
}

static void lstm_training(eddy_model *m, const bench_row *row) {
    bench_training(m, row, bench_lstm);
}

static void gru_training(eddy_model *m, const bench_row *row) {
    bench_training(m, row, bench_gru);
}

/* The demo's training program: carried states, cross entropy, clipping, Adam. */
static void demo_training(eddy_model *m, const bench_row *row) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value input = eddy_input(m, "input", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value target = eddy_input(m, "target", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value logits = bench_undertow(m, t, row->units, input);
    eddy_value loss = eddy_mean_over(eddy_cross_entropy(logits, target), t | b);
    eddy_optimiser adam = eddy_adam();
    adam.clip_norm = 1;
    eddy_output(m, "loss", loss);
    eddy_output(m, "norm", eddy_minimise(loss, adam));
}

/* A language model out of the library's layers: embedding, LSTM, softmax, clipping, Adam. */
static void model_training(eddy_model *m, const bench_row *row) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value input = eddy_input(m, "input", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value target = eddy_input(m, "target", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value x = eddy_embedding(m, "symbol", BENCH_SYMBOLS, row->units, input);
    eddy_value h = eddy_lstm(m, "lstm", t, row->units, x, NULL);
    eddy_value logits = eddy_dense(m, "next", BENCH_SYMBOLS, h);
    eddy_value loss = eddy_mean_over(eddy_cross_entropy(logits, target), t | b);
    eddy_optimiser adam = eddy_adam();
    adam.clip_norm = 1;
    eddy_output(m, "loss", loss);
    eddy_output(m, "norm", eddy_minimise(loss, adam));
}

/* ---- the rows */

/* Products with `matrices` of [H,H], forward, or forward and backward. */
#define FORWARD(matrices, H)  (1.0 * (matrices) * (H) * (H))
#define TRAINING(matrices, H) (3 * FORWARD(matrices, H))

const bench_row bench_rows[] = {
    {"lstm-train-64x512", lstm_training, 64, 512, 50, 10, 4, 2, TRAINING(8, 512)},
    {"lstm-train-16x256", lstm_training, 16, 256, 100, 50, 4, 2, TRAINING(8, 256)},
    {"lstm-train-8x256", lstm_training, 8, 256, 100, 50, 4, 2, TRAINING(8, 256)},
    {"lstm-train-1x256", lstm_training, 1, 256, 100, 50, 4, 2, TRAINING(8, 256)},
    {"lstm-infer-1x256", lstm_inference, 1, 256, 100, 50, 4, 1, FORWARD(8, 256)},
    {"lstm-infer-16x256", lstm_inference, 16, 256, 100, 50, 4, 1, FORWARD(8, 256)},
    {"lstm-infer-64x512", lstm_inference, 64, 512, 50, 10, 4, 1, FORWARD(8, 512)},
    {"gru-train-16x256", gru_training, 16, 256, 100, 50, 3, 2, TRAINING(6, 256)},
    {"demo-train-32x192", demo_training, 32, 192, 32, 32, 3, 2,
     TRAINING(3, 192) + 6 * 192.0 * (int)BENCH_SYMBOLS},
    {"model-train-32x256", model_training, 32, 256, 32, 32, 4, 2,
     TRAINING(8, 256) + 3 * 256.0 * (int)BENCH_SYMBOLS},
};
const int bench_row_count = sizeof bench_rows / sizeof bench_rows[0];

double bench_row_flops(const bench_row *row, int64_t steps) {
    return 2 * row->factors * (double)row->samples * (double)steps;
}

double bench_row_bytes(const bench_row *row) {
    return (double)row->blocks * (double)row->units * (double)row->units * sizeof(float);
}

double bench_row_roof(const bench_row *row, int64_t steps, double flops, double bytes) {
    double matrices = (double)row->blocks * (double)row->units * (double)row->units;
    double multiplied = 2 * matrices * (double)row->samples * (double)steps / flops;
    double streamed = bench_row_bytes(row) * (double)steps / bytes;
    double loop = multiplied > streamed ? multiplied : streamed;
    return bench_row_flops(row, steps) / flops + row->sweeps * (loop - multiplied);
}
