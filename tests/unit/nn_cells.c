/* The library's cells against PyTorch: values and all gradients, ragged, with learned initial
 * states. The oracle's cases hold the parameters under names of their own: "Wi", "Wi_f0". */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/net.h"

typedef struct oracle {
    json_t *file;
    double *numbers[128]; /* what was read, to be freed */
    int count;
    int32_t lengths[3];
    net n;
    eddy_value x;
} oracle;

/* Steps and samples of every cell's case. */
enum { STEPS = 6, SAMPLES = 3 };

/* A table of the file as doubles; *count of them. */
static const double *oracle_read(oracle *o, const char *group, const char *name, size_t *count) {
    const json_t *table = json_object_get(json_object_get(o->file, group), name);
    const json_t *data = json_object_get(table, "data");
    cr_assert(data, "the case has no %s %s", group, name);
    *count = json_array_size(data);
    double *numbers = malloc((*count + 1) * sizeof *numbers);
    cr_assert(numbers && o->count < 128);
    o->numbers[o->count++] = numbers;
    for (size_t i = 0; i < *count; i++) {
        const json_t *one = json_array_get(data, i);
        numbers[i] = json_is_string(one) ? NAN : json_number_value(one);
    }
    return numbers;
}

/* Opens a case: a net with its input x. */
static oracle oracle_open(const char *name) {
    char path[512];
    json_error_t error;
    size_t count;
    snprintf(path, sizeof path, "%s/tests/ref/cases/%s.json", EDDY_SOURCE_DIR, name);
    oracle o = {.file = json_load_file(path, 0, &error), .n = net_begin()};
    cr_assert(o.file, "%s: %s", path, error.text);
    oracle_read(&o, "inputs", "x", &count);
    o.x = eddy_input(o.n.m, "x", EDDY_F64, o.n.tb, (int64_t)count / (STEPS * SAMPLES));
    return o;
}

/* "cell.Wi" is "Wi", "f0.Wi" is "Wi_f0", the Elman net's "cell.b" is "bh". */
static void oracle_name(const char *param, char out[64]) {
    const char *dot = strchr(param, '.');
    if (!dot)
        snprintf(out, 64, "%s", param);
    else if (strcmp(param, "cell.b") == 0)
        snprintf(out, 64, "bh");
    else if (strncmp(param, "cell.", 5) == 0)
        snprintf(out, 64, "%s", dot + 1);
    else
        snprintf(out, 64, "%s_%.*s", dot + 1, (int)(dot - param), param);
}

static void oracle_expect(oracle *o, const char *group, const char *name, const char *output) {
    size_t count;
    const double *expected = oracle_read(o, group, name, &count);
    const double *found = net_read(&o->n, output);
    cr_expect_eq(count, eddy_run_elements(o->n.run, output), "%s has another size", output);
    for (size_t i = 0; i < count; i++)
        cr_expect(net_near(found[i], expected[i]), "%s[%zu]: %.17g is not %.17g", output, i,
                  found[i], expected[i]);
}

/* The net's result is y, named `result` in the file: adds the loss of all cases, runs, compares
 * values and gradients, closes. */
static void oracle_check(oracle *o, eddy_value y, const char *result) {
    net *n = &o->n;
    size_t count;
    char name[64], output[80];
    eddy_value target = eddy_input(n->m, "target", EDDY_F64, n->tb, eddy_value_dimension(y, 0));
    eddy_value loss =
        eddy_total(eddy_reduce_all(eddy_square(eddy_sub(y, target)), EDDY_SUM), n->tb);
    eddy_output(n->m, "y", y);
    eddy_output(n->m, "loss", loss);
    eddy_output(n->m, "d x", eddy_gradient(loss, o->x));
    net_gradients(n, loss);
    net_compile(n, STEPS, SAMPLES);
    const double *lengths = oracle_read(o, "inputs", "len", &count);
    for (int i = 0; i < SAMPLES; i++)
        o->lengths[i] = (int32_t)lengths[i];
    net_input(n, "len", o->lengths);
    net_input(n, "x", oracle_read(o, "inputs", "x", &count));
    net_input(n, "target", oracle_read(o, "inputs", "target", &count));
    for (int i = 0; i < eddy_trainable_count(n->m); i++) {
        const char *param = eddy_value_name(eddy_trainable(n->m, i));
        oracle_name(param, name);
        const double *values = oracle_read(o, "params", name, &count);
        net_set(n, param, values, count);
    }
    net_call(n);
    oracle_expect(o, "outputs", "loss", "loss");
    oracle_expect(o, "outputs", result, "y");
    oracle_expect(o, "grads", "x", "d x");
    size_t params = json_object_size(json_object_get(o->file, "params"));
    cr_expect_eq((size_t)eddy_trainable_count(n->m), params);
    for (int i = 0; i < eddy_trainable_count(n->m); i++) {
        const char *param = eddy_value_name(eddy_trainable(n->m, i));
        oracle_name(param, name);
        snprintf(output, sizeof output, "d %s", param);
        oracle_expect(o, "grads", name, output);
    }
    net_end(n);
    for (int i = 0; i < o->count; i++)
        free(o->numbers[i]);
    json_decref(o->file);
}

static eddy_value learned(net *n, const char *name, int64_t size) {
    return eddy_param(n->m, name, eddy_init_zeros(), size);
}

static void elman(const char *name, bool relu) {
    oracle o = oracle_open(name);
    net *n = &o.n;
    eddy_cell_options how = {.relu = relu, .h0 = learned(n, "h_init", 4)};
    eddy_value h = eddy_elman(n->m, "cell", n->t, 4, o.x, &how);
    eddy_value y = eddy_add(eddy_linear(n->m, "Wo", 2, h), eddy_bias(n->m, "bo", 2));
    oracle_check(&o, y, "y");
}

Test(nn_cells, elman_tanh) {
    elman("cell_elman_tanh", false);
}

Test(nn_cells, elman_relu) {
    elman("cell_elman_relu", true);
}

static void lstm(const char *name, bool peephole) {
    oracle o = oracle_open(name);
    net *n = &o.n;
    eddy_cell_options how = {
        .peephole = peephole, .h0 = learned(n, "h_init", 4), .c0 = learned(n, "c_init", 4)};
    oracle_check(&o, eddy_lstm(n->m, "cell", n->t, 4, o.x, &how), "h");
}

Test(nn_cells, lstm) {
    lstm("cell_lstm", false);
}

Test(nn_cells, lstm_with_peepholes) {
    lstm("cell_lstm_peephole", true);
}

static void gru(const char *name, bool reset_before) {
    oracle o = oracle_open(name);
    net *n = &o.n;
    eddy_cell_options how = {.reset_before = reset_before, .h0 = learned(n, "h_init", 4)};
    oracle_check(&o, eddy_gru(n->m, "cell", n->t, 4, o.x, &how), "h");
}

Test(nn_cells, gru_reset_after) {
    gru("cell_gru_after", false);
}

Test(nn_cells, gru_reset_before) {
    gru("cell_gru_before", true);
}

Test(nn_cells, two_layers_of_lstm_both_ways) {
    oracle o = oracle_open("cell_bilstm");
    net *n = &o.n;
    eddy_value y = o.x;
    for (int layer = 0; layer < 2; layer++) {
        eddy_value h[2];
        for (int back = 0; back < 2; back++) {
            char name[16], h_init[32], c_init[32];
            snprintf(name, sizeof name, "%c%d", back ? 'b' : 'f', layer);
            snprintf(h_init, sizeof h_init, "h_init_%s", name);
            snprintf(c_init, sizeof c_init, "c_init_%s", name);
            eddy_cell_options how = {.distance = back ? -1 : 1,
                                     .h0 = learned(n, h_init, 3),
                                     .c0 = learned(n, c_init, 3)};
            h[back] = eddy_lstm(n->m, name, n->t, 3, y, &how);
        }
        y = eddy_concat(0, h[0], h[1]);
    }
    oracle_check(&o, y, "y");
}

/* The short-hand is the same net: equal params, equal bits. */
Test(nn_cells, bidirectional_is_the_cell_both_ways) {
    enum { T = 5, B = 2, D = 3, H = 4 };
    double x[T * B * D];
    const int32_t lengths[B] = {5, 2};
    net_draw(x, T * B * D, 1);
    net n = net_begin();
    eddy_value input = eddy_input(n.m, "x", EDDY_F64, n.tb, D);
    eddy_cell_options both = {0}, ahead = {0}, back = {.distance = -1};
    eddy_output(n.m, "both", eddy_bidirectional(eddy_lstm, n.m, "bi", n.t, H, input, &both));
    eddy_output(n.m, "cells", both.c);
    eddy_value h[] = {eddy_lstm(n.m, "ahead", n.t, H, input, &ahead),
                      eddy_lstm(n.m, "back", n.t, H, input, &back)};
    eddy_output(n.m, "apart", eddy_concat(0, h[0], h[1]));
    eddy_output(n.m, "cells apart", eddy_concat(0, ahead.c, back.c));
    net_compile(&n, T, B);
    net_input(&n, "x", x);
    net_input(&n, "len", lengths);
    static const char *const names[] = {"Wi", "Ui", "bi", "Wf", "Uf", "bf",
                                        "Wg", "Ug", "bg", "Wo", "Uo", "bo"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double weights[H * H];
        const size_t count = names[i][0] == 'W' ? H * D : names[i][0] == 'U' ? H * H : H;
        char from[32], to[32];
        snprintf(from, sizeof from, "bi.forward.%s", names[i]);
        snprintf(to, sizeof to, "ahead.%s", names[i]);
        net_get(&n, from, weights, count);
        net_set(&n, to, weights, count);
        snprintf(from, sizeof from, "bi.backward.%s", names[i]);
        snprintf(to, sizeof to, "back.%s", names[i]);
        net_get(&n, from, weights, count);
        net_set(&n, to, weights, count);
    }
    net_call(&n);
    const size_t bytes = sizeof(double) * T * B * 2 * H;
    cr_expect_eq(memcmp(net_read(&n, "both"), net_read(&n, "apart"), bytes), 0);
    cr_expect_eq(memcmp(net_read(&n, "cells"), net_read(&n, "cells apart"), bytes), 0);
    cr_expect_neq(net_read(&n, "both")[0], 0);
    net_end(&n);
}

/* The forget gate may start open; U starts orthogonal. */
Test(nn_cells, first_values) {
    enum { H = 4 };
    double x[3] = {0}, b[H], u[H * H];
    net n = net_begin();
    eddy_value input = eddy_input(n.m, "x", EDDY_F64, n.tb, 3);
    eddy_cell_options how = {.forget_bias = 1};
    eddy_output(n.m, "h", eddy_lstm(n.m, "cell", n.t, H, input, &how));
    net_compile(&n, 1, 1);
    net_input(&n, "x", x);
    net_call(&n);
    for (int i = 0; i < H; i++)
        net_expect_near(net_read(&n, "h")[i], 0);
    net_get(&n, "cell.bf", b, H);
    for (int i = 0; i < H; i++)
        cr_expect_eq(b[i], 1);
    net_get(&n, "cell.bi", b, H);
    for (int i = 0; i < H; i++)
        cr_expect_eq(b[i], 0);
    net_get(&n, "cell.Uo", u, (size_t)H * H);
    for (int i = 0; i < H; i++)
        for (int j = 0; j < H; j++) {
            double sum = 0;
            for (int k = 0; k < H; k++)
                sum += u[i * H + k] * u[j * H + k];
            net_expect_near(sum, i == j);
        }
    net_end(&n);
}

/* Initial values per sample: the state holds their axes, though x does not. */
Test(nn_cells, a_start_for_each_sample) {
    enum { T = 3, B = 2 };
    const double x[T] = {0.5, -1, 0.25}, start[B] = {0.1, -0.7};
    net n = net_begin();
    eddy_value input = eddy_input(n.m, "x", EDDY_F64, n.t, 1);
    eddy_cell_options how = {.h0 = eddy_input(n.m, "start", EDDY_F64, n.b, 1)};
    eddy_output(n.m, "h", eddy_elman(n.m, "cell", n.t, 1, input, &how));
    net_compile(&n, T, B);
    net_input(&n, "x", x);
    net_input(&n, "start", start);
    net_call(&n);
    double w, u;
    net_get(&n, "cell.W", &w, 1);
    net_get(&n, "cell.U", &u, 1);
    for (int i = 0; i < B; i++) {
        double h = start[i];
        for (int t = 0; t < T; t++) {
            h = tanh(w * x[t] + u * h);
            net_expect_near(net_read(&n, "h")[t * B + i], h);
        }
    }
    net_end(&n);
}

/* Carried along time, a sequence that is cut gives the same bits. */
Test(nn_cells, a_sequence_that_is_cut) {
    enum { T = 9, B = 2, D = 3, H = 4 };
    static const int steps[] = {2, 1, 6};
    double x[T * B * D], whole[T * B * H];
    net_draw(x, T * B * D, 8);
    net n = net_begin();
    for (int cut = 0; cut < 2; cut++) {
        net one = cut ? net_begin_with(&n) : n;
        eddy_carry(one.m, one.t, one.b);
        eddy_value v = eddy_input(one.m, "x", EDDY_F64, one.tb, D);
        eddy_cell_options how = {.peephole = true};
        eddy_value h = eddy_lstm(one.m, "first", one.t, H, v, &how);
        eddy_output(one.m, "h", eddy_gru(one.m, "second", one.t, H, h, NULL));
        net_compile(&one, T, B);
        for (int part = 0, t = 0; part < (cut ? 3 : 1); t += steps[part++]) {
            const int count = cut ? steps[part] : T;
            net_resize(&one, count, B);
            net_input(&one, "x", x + t * B * D);
            net_call(&one);
            const size_t bytes = sizeof(double) * (size_t)(count * B * H);
            if (cut)
                cr_expect_eq(memcmp(net_read(&one, "h"), whole + t * B * H, bytes), 0);
            else
                memcpy(whole, net_read(&one, "h"), bytes);
        }
        if (cut)
            net_end(&one);
        else
            n = one;
    }
    net_end(&n);
}

/* The message names the line of the user's call, not one inside the library. */
Test(nn_cells, a_mistake_has_the_callers_line) {
    char place[64];
    net n = net_begin();
    eddy_value matrix = eddy_input(n.m, "x", EDDY_F64, n.tb, 2, 3);
    snprintf(place, sizeof place, "nn_cells.c:%d: ", __LINE__ + 1);
    eddy_value h = eddy_gru(n.m, "cell", n.t, 4, matrix, NULL);
    cr_expect_null(h);
    cr_expect_eq(eddy_model_status(n.m), EDDY_SHAPE_MISMATCH);
    cr_expect(strstr(eddy_model_message(n.m), place), "%s", eddy_model_message(n.m));
    cr_expect(strstr(eddy_model_message(n.m), "linear"), "%s", eddy_model_message(n.m));
    net_end(&n);
}
