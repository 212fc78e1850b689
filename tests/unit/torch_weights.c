/* PyTorch's weights through the map: two layers both ways with lengths, in f32 and in f64, give
 * PyTorch's outputs and all of its gradients (tests/ref/torch_weights.py); and a map that leaves
 * anything over is refused in exact words. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"

enum { D = 3, H = 4, K = 2, STEPS = 6, SAMPLES = 3, PARTS = 5 };
static const int32_t lengths[SAMPLES] = {6, 3, 1};

static char path[512];

static const char *file(const char *name) {
    snprintf(path, sizeof path, "%s/tests/ref/torch/%s.npz", EDDY_SOURCE_DIR, name);
    return path;
}

static void map_of(const char *kind, eddy_torch parts[PARTS]) {
    const eddy_torch map[PARTS] = {{kind, "body.*_l0", "layer1.forward"},
                                   {kind, "body.*_l0_reverse", "layer1.backward"},
                                   {kind, "body.*_l1", "layer2.forward"},
                                   {kind, "body.*_l1_reverse", "layer2.backward"},
                                   {"linear", "head.*", "head"}};
    memcpy(parts, map, sizeof map);
}

static eddy_tensor tensor(const eddy_params *s, const char *name) {
    eddy_tensor t = {0};
    int i = 0;
    while (eddy_params_at(s, i, &t) && strcmp(t.name, name) != 0)
        i++;
    cr_assert(eddy_params_at(s, i, &t), "there is no %s", name);
    return t;
}

/* Numbers of the file as the model has them. */
static void *numbers(const eddy_params *from, const char *name, eddy_dtype type) {
    eddy_tensor t = tensor(from, name);
    void *to = malloc(t.elements * 8);
    cr_assert(to);
    for (size_t i = 0; i < t.elements; i++) {
        double number = ((const double *)t.data)[i];
        if (type == EDDY_F64)
            ((double *)to)[i] = number;
        else
            ((float *)to)[i] = (float)number;
    }
    return to;
}

/* The largest distance is at most so much of the largest number. */
static void expect(eddy_run *r, const char *output, const eddy_params *from, const char *name,
                   eddy_dtype type) {
    eddy_tensor t = tensor(from, name);
    const void *found = eddy_run_read(r, output);
    cr_assert(found, "%s", eddy_run_message(r));
    cr_assert_eq(eddy_run_elements(r, output), t.elements, "%s", output);
    double away = 0, largest = 0;
    for (size_t i = 0; i < t.elements; i++) {
        double wanted = ((const double *)t.data)[i];
        double number =
            type == EDDY_F64 ? ((const double *)found)[i] : (double)((const float *)found)[i];
        away = fmax(away, fabs(number - wanted));
        largest = fmax(largest, fabs(wanted));
        cr_assert(isfinite(number));
    }
    cr_expect(away <= (type == EDDY_F64 ? 1e-12 : 1e-5) * largest,
              "%s is %g away from PyTorch's, whose largest is %g", output, away, largest);
}

/* Outputs y and, for the input and every parameter, "d name". */
static eddy_program *compile(eddy_cell *cell, eddy_dtype type) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = type});
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "len");
    eddy_value x = eddy_input(m, "x", type, t | b, D), grads[64];
    eddy_value weight = eddy_input(m, "weight", type, t | b, K);
    eddy_value h = eddy_bidirectional(cell, m, "layer1", t, H, x, NULL);
    h = eddy_bidirectional(cell, m, "layer2", t, H, h, NULL);
    eddy_value y = eddy_dense(m, "head", K, h);
    eddy_value loss = eddy_total(eddy_reduce_all(eddy_mul(y, weight), EDDY_SUM), t | b);
    eddy_output(m, "y", y);
    eddy_output(m, "d x", eddy_gradient(loss, x));
    int count = eddy_trainable_count(m);
    eddy_value params[64];
    cr_assert_leq(count, 64);
    for (int i = 0; i < count; i++)
        params[i] = eddy_trainable(m, i);
    eddy_grad(loss, params, count, grads);
    for (int i = 0; i < count; i++) {
        char name[80];
        snprintf(name, sizeof name, "d %s", eddy_value_name(params[i]));
        eddy_output(m, name, grads[i]);
    }
    eddy_program *p = NULL;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static void compare(const char *kind, eddy_cell *cell, eddy_dtype type) {
    char name[80];
    eddy_torch map[PARTS];
    eddy_run *r = NULL;
    eddy_program *p = compile(cell, type);
    eddy_params *s = eddy_params_new(NULL, 0), *wanted = eddy_params_new(NULL, 0);
    map_of(kind, map);
    snprintf(name, sizeof name, "%s_numbers", kind);
    cr_assert_eq(eddy_params_load(wanted, file(name)), EDDY_OK, "%s", eddy_params_message(wanted));
    snprintf(name, sizeof name, "%s_%s", kind, type == EDDY_F64 ? "f64" : "f32");
    cr_assert_eq(eddy_params_load_torch(s, file(name), map, PARTS), EDDY_OK, "%s",
                 eddy_params_message(s));
    int count = eddy_params_count(s);
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    cr_assert_eq(eddy_params_count(s), count, "the set is closed");
    void *x = numbers(wanted, "x", type), *weight = numbers(wanted, "weight", type);
    eddy_run_resize(r, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}}, 2);
    eddy_run_input(r, "x", x, STEPS * SAMPLES * D);
    eddy_run_input(r, "weight", weight, STEPS * SAMPLES * K);
    eddy_run_input(r, "len", lengths, SAMPLES);
    cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
    expect(r, "y", wanted, "y", type);
    expect(r, "d x", wanted, "d x", type);
    eddy_tensor t;
    for (int i = 0; eddy_params_at(s, i, &t); i++) {
        snprintf(name, sizeof name, "d %s", t.name);
        expect(r, name, wanted, name, type);
    }
    cr_expect_eq(eddy_params_count(wanted), count + 4, "every gradient is looked at");
    free(x);
    free(weight);
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_params_free(wanted);
    eddy_program_free(p);
}

Test(torch_weights, lstm) {
    compare("lstm", eddy_lstm, EDDY_F64);
    compare("lstm", eddy_lstm, EDDY_F32);
}

Test(torch_weights, gru) {
    compare("gru", eddy_gru, EDDY_F64);
    compare("gru", eddy_gru, EDDY_F32);
}

Test(torch_weights, rnn) {
    compare("rnn", eddy_elman, EDDY_F64);
    compare("rnn", eddy_elman, EDDY_F32);
}

/* Into a set that has tensors: exactly those. */
Test(torch_weights, a_set_takes_what_it_has) {
    eddy_torch map[PARTS];
    char wanted[2200];
    map_of("rnn", map);
    eddy_params *s = eddy_params_new(NULL, 0), *other = eddy_params_new(NULL, 0);
    cr_assert_eq(eddy_params_load_torch(s, file("rnn_f32"), map, PARTS), EDDY_OK);
    cr_assert_eq(eddy_params_load_torch(s, path, map, PARTS), EDDY_OK, "%s",
                 eddy_params_message(s));
    cr_assert_eq(eddy_params_load_torch(s, file("rnn_f64"), map, PARTS), EDDY_SHAPE_MISMATCH);
    snprintf(wanted, sizeof wanted,
             "cannot load %s: layer1.forward.W is f64 [4, 3] in the file, but f32 [4, 3] in the "
             "params",
             path);
    cr_expect_str_eq(eddy_params_message(s), wanted);
    /* The map of another set, which has more. */
    cr_assert_eq(eddy_params_load(other, file("rnn_numbers")), EDDY_OK);
    cr_assert_eq(eddy_params_load_torch(other, file("rnn_f64"), map, PARTS), EDDY_MISSING);
    snprintf(wanted, sizeof wanted, "cannot load %s: the params have no layer1.forward.W", path);
    cr_expect_str_eq(eddy_params_message(other), wanted);
    eddy_params_free(s);
    eddy_params_free(other);
}

static void refuse(const char *name, const eddy_torch *map, int count, eddy_status code,
                   const char *words) {
    char wanted[2200];
    eddy_params *s = eddy_params_new(NULL, 0);
    cr_expect_eq(eddy_params_load_torch(s, file(name), map, count), code, "%s", words);
    bool loading = code != EDDY_BAD_ARGUMENT || strstr(words, " twice");
    if (loading)
        snprintf(wanted, sizeof wanted, "cannot load %s: %s", path, words);
    else
        snprintf(wanted, sizeof wanted, "%s", words);
    cr_expect_str_eq(eddy_params_message(s), wanted);
    cr_expect_eq(eddy_params_count(s), 0);
    eddy_params_free(s);
}

Test(torch_weights, what_is_left_over_is_named) {
    eddy_torch map[PARTS];
    map_of("gru", map);
    refuse("gru_f32", map, PARTS - 1, EDDY_MISSING, "no part of the map uses head.weight");
    refuse("gru_f32", map + 1, PARTS - 1, EDDY_MISSING,
           "no part of the map uses body.weight_ih_l0");
    map[2].from = "body.*_l2";
    refuse("gru_f32", map, PARTS, EDDY_MISSING,
           "there is no body.weight_ih_l2, which 'gru body.*_l2 layer2.forward' needs");
    map_of("gru", map);
    map[4].kind = "tensor";
    map[4].from = map[4].to = "head.weights";
    refuse("gru_f32", map, PARTS, EDDY_MISSING,
           "there is no head.weights, which 'tensor head.weights head.weights' needs");
    map_of("gru", map);
    map[1].to = "layer1.forward";
    refuse("gru_f32", map, PARTS, EDDY_BAD_ARGUMENT, "the map gives layer1.forward.Wr twice");
}

Test(torch_weights, layers_of_another_kind_are_refused) {
    eddy_torch map[PARTS];
    map_of("lstm", map);
    refuse("gru_f32", map, PARTS, EDDY_SHAPE_MISMATCH,
           "body.weight_hh_l0 is f32 [12, 4], and as 'lstm body.*_l0 layer1.forward' it is f32 "
           "[16, 4]");
    map_of("gru", map);
    refuse("lstm_f64", map, PARTS, EDDY_SHAPE_MISMATCH,
           "body.weight_hh_l0 is f64 [16, 4], and as 'gru body.*_l0 layer1.forward' it is f64 "
           "[12, 4]");
}

Test(torch_weights, maps_are_checked) {
#define KINDS "; there are lstm, gru, rnn, linear, tensor"
    const struct {
        eddy_torch part;
        const char *words;
    } wrong[] = {
        {{"LSTM", "*_l0", "a"}, "part 1 of the map of PyTorch's weights is of kind 'LSTM'" KINDS},
        {{"lstm", "l0", "a"},
         "part 1 of the map of PyTorch's weights: 'l0' needs one star, where PyTorch's names have "
         "weight_ih, weight_hh, bias_ih and bias_hh"},
        {{"linear", "head", "a"},
         "part 1 of the map of PyTorch's weights: 'head' needs one star, where PyTorch's names "
         "have weight and bias"},
        {{"rnn", "*.*", "a"},
         "part 1 of the map of PyTorch's weights: '*.*' needs one star, where PyTorch's names have "
         "weight_ih, weight_hh, bias_ih and bias_hh"},
        {{"tensor", "*", "a"},
         "part 1 of the map of PyTorch's weights: '*' is the name of one tensor, and has no star"},
        {{NULL, "*", "a"}, "part 1 of the map of PyTorch's weights has a NULL"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse("rnn_f32", &wrong[i].part, 1, EDDY_BAD_ARGUMENT, wrong[i].words);
}
