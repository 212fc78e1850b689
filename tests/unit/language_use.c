/* Cells of the cell language against the same cells in C: not near, but the same machine code. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/program.h"

enum { D = 3, H = 5 };

static const char library[] =
    "cell elman(x[D]) -> h {\n"
    "    state h[H]\n"
    "    param W[H, D], U[H, H] = orthogonal, b[H]\n"
    "    h' = tanh(W@x + U@h + b)\n"
    "}\n"
    "cell lstm(x[D]) -> h, c {\n"
    "    state h, c [H]\n"
    "    param W{i, f, g, o}[H, D], U{i, f, g, o}[H, H] = orthogonal, b{i, f, g, o}[H]\n"
    "    i, f, o = sigmoid(W@x + U@h + b)\n"
    "    g = tanh(W@x + U@h + b)\n"
    "    c' = f*c + i*g\n"
    "    h' = o * tanh(c')\n"
    "}\n"
    "cell peephole(x[D]) -> h {\n"
    "    state h, c [H]\n"
    "    param W{i, f, g, o}[H, D], U{i, f, g, o}[H, H] = orthogonal\n"
    "    param b{i, g, o}[H], bf[H] = 1, p{i, f, o}[H]\n"
    "    i, f = sigmoid(W@x + U@h + b + p*c)\n"
    "    g = tanh(W@x + U@h + b)\n"
    "    c' = f*c + i*g\n"
    "    o = sigmoid(W@x + U@h + b + p*c')\n"
    "    h' = o * tanh(c')\n"
    "}\n"
    "cell gru(x[D]) -> h {\n"
    "    state h[H]\n"
    "    param W{r, z, n}[H, D], U{r, z, n}[H, H] = orthogonal, b{r, z, n}[H], vn[H]\n"
    "    r, z = sigmoid(W@x + U@h + b)\n"
    "    n = tanh(W@x + b + r*(U@h + vn))\n"
    "    h' = z*h + (1 - z)*n\n"
    "}\n"
    "cell gru_before(x[D]) -> h {\n"
    "    state h[H]\n"
    "    param W{r, z, n}[H, D], U{r, z, n}[H, H] = orthogonal, b{r, z, n}[H]\n"
    "    r, z = sigmoid(W@x + U@h + b)\n"
    "    n = tanh(W@x + U@(r*h) + b)\n"
    "    h' = z*h + (1 - z)*n\n"
    "}\n"
    "cell both(x[D], H : size) -> y {\n"
    "    part = bidirectional(lstm)(x, H = H + D)\n"
    "    y = part\n"
    "}\n";

static eddy_cells *read_text(const char *from) {
    eddy_cells *c = NULL;
    eddy_cells_read(NULL, "cells", from, strlen(from), &c);
    cr_assert_str_eq(eddy_cells_report(c), "");
    return c;
}

/* A cell of the library, or the function in C; what it is trained to be is 0.1. */
typedef struct twin {
    eddy_cell *function;
    eddy_cell_options how;
    const char *cell;
} twin;

static eddy_program *compile(const twin *of, const eddy_cells *cells, eddy_dtype type,
                             bool training) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = type});
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_value x = eddy_input(m, "x", type, t | b, D);
    eddy_cell_options how = of->how;
    eddy_value h =
        cells ? eddy_use(m, cells, of->cell, "cell", t, NULL, EDDY_WITH("x", x), EDDY_SIZE("H", H))
              : of->function(m, "cell", t, H, x, &how, (eddy_site){__FILE__, __LINE__});
    eddy_output(m, "h", h);
    if (training) {
        eddy_value wrong = eddy_reduce_all(eddy_square(eddy_shift(h, -0.1)), EDDY_SUM);
        eddy_value loss = eddy_mean_over(wrong, t | b);
        eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
        eddy_output(m, "loss", loss);
        eddy_output(m, "dx", eddy_gradient(loss, x));
    }
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static void check_twin(twin of) {
    eddy_cells *cells = read_text(library);
    for (int i = 0; i < 4; i++) {
        eddy_dtype type = i < 2 ? EDDY_F32 : EDDY_F64;
        eddy_program *one = compile(&of, NULL, type, i % 2);
        eddy_program *two = compile(&of, cells, type, i % 2);
        const emit_object *a = program_object(one->code), *b = program_object(two->code);
        cr_assert_gt(a->count, 0);
        cr_expect_eq(a->count, b->count);
        cr_expect(a->count == b->count && memcmp(a->bytes, b->bytes, a->count) == 0,
                  "%s: the machine code differs", of.cell);
        eddy_program_free(one);
        eddy_program_free(two);
    }
    eddy_cells_free(cells);
}

Test(language_use, elman) {
    check_twin((twin){.function = eddy_elman, .cell = "elman"});
}

Test(language_use, lstm) {
    check_twin((twin){.function = eddy_lstm, .cell = "lstm"});
}

Test(language_use, lstm_with_peepholes) {
    check_twin((twin){eddy_lstm, {.peephole = true, .forget_bias = 1}, "peephole"});
}

Test(language_use, gru) {
    check_twin((twin){.function = eddy_gru, .cell = "gru"});
}

Test(language_use, gru_with_the_reset_before) {
    check_twin((twin){eddy_gru, {.reset_before = true}, "gru_before"});
}

/* ---- arguments */

static eddy_model *open_model(eddy_axes *t, eddy_axes *b, eddy_value *x) {
    eddy_model *m = eddy_model_new(NULL);
    *t = eddy_time(m, "t");
    *b = eddy_batch(m, "b");
    *x = eddy_input(m, "x", EDDY_F32, *t | *b, D);
    return m;
}

Test(language_use, results_scopes_and_initial_values) {
    eddy_axes t, b;
    eddy_value x, results[2] = {NULL};
    eddy_cells *cells = read_text(library);
    eddy_model *m = open_model(&t, &b, &x);
    eddy_value start = eddy_param(m, "start", eddy_init_zeros(), 4);
    eddy_value h = eddy_use(m, cells, "lstm", "one", t, results, EDDY_WITH("x", x),
                            EDDY_WITH("h", start), EDDY_SIZE("H", 4));
    cr_assert_eq(eddy_model_status(m), EDDY_OK, "%s", eddy_model_message(m));
    cr_assert_eq(h, results[0]);
    cr_assert_eq(eddy_value_dimension(results[1], 0), 4);
    cr_assert_str_eq(eddy_value_name(results[1]), "one.c");
    cr_assert_eq(eddy_trainable_count(m), 13);
    cr_assert_str_eq(eddy_value_name(eddy_trainable(m, 1)), "one.Wi");
    cr_assert_str_eq(eddy_value_name(eddy_trainable(m, 12)), "one.bo");
    eddy_model_free(m);
    m = open_model(&t, &b, &x);
    h = eddy_use(m, cells, "both", "two", t, NULL, EDDY_WITH("x", x), EDDY_SIZE("H", 4));
    cr_assert_eq(eddy_value_dimension(h, 0), 2 * (4 + D), "%s", eddy_model_message(m));
    cr_assert_str_eq(eddy_value_name(eddy_trainable(m, 12)), "two.part.backward.Wi");
    eddy_model_free(m);
    eddy_cells_free(cells);
}

Test(language_use, alone) {
    eddy_cells *cells = read_text(library);
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value h = eddy_use_alone(m, cells, "lstm", t, b, EDDY_SIZE("D", 2), EDDY_SIZE("H", 4));
    cr_assert_eq(eddy_value_axes(h), t | b, "%s", eddy_model_message(m));
    eddy_program *p;
    eddy_slot slot;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    cr_assert(eddy_program_slot(p, EDDY_INPUT, 0, &slot));
    cr_assert_str_eq(slot.name, "x");
    cr_assert(eddy_program_slot(p, EDDY_OUTPUT, 1, &slot));
    cr_assert_str_eq(slot.name, "c");
    eddy_program_free(p);
    eddy_model_free(m);
    eddy_cells_free(cells);
}

/* ---- draws */

enum { STEPS = 500, SAMPLES = 2, DRAWS = STEPS * SAMPLES * D };

/* What a cell draws with this seed, [step][sample][element]: random, of a sequence, normal. */
static void draw(int seed, float out[3][DRAWS]) {
    static const char text_of[] =
        "cell draws(x[D]) -> u, q, n {\n"
        "    u = random(D) + 0*x\n"
        "    q = random_sequence(D) + 0*x\n"
        "    n = random_normal(D) + 0*x\n"
        "}\n";
    static const char *const names[] = {"u", "q", "n"};
    static float x[DRAWS];
    eddy_axes t, b;
    eddy_value at, results[3];
    eddy_cells *cells = read_text(text_of);
    eddy_model *m = open_model(&t, &b, &at);
    eddy_use(m, cells, "draws", "n", t, results, EDDY_WITH("x", at));
    for (int i = 0; i < 3; i++)
        eddy_output(m, names[i], results[i]);
    eddy_program *p;
    eddy_run *run;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_params *params = eddy_params_new(NULL, 1);
    eddy_run_new(p, params, &run);
    eddy_run_resize(run, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}}, 2);
    eddy_run_input(run, "x", x, DRAWS);
    eddy_run_scalar(run, "seed", seed);
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s", eddy_run_message(run));
    for (int i = 0; i < 3; i++)
        memcpy(out[i], eddy_run_read(run, names[i]), sizeof out[i]);
    eddy_run_free(run);
    eddy_params_free(params);
    eddy_program_free(p);
    eddy_model_free(m);
    eddy_cells_free(cells);
}

/* The mean of the numbers' powers. */
static double moment(const float *of, int power) {
    double sum = 0;
    for (int i = 0; i < DRAWS; i++)
        sum += pow((double)of[i], power);
    return sum / (double)DRAWS;
}

Test(language_use, draws_are_what_they_are_called) {
    static float one[3][DRAWS], same[3][DRAWS], other[3][DRAWS];
    const float *u = one[0], *q = one[1], *n = one[2];
    draw(1, one);
    draw(1, same);
    draw(2, other);
    cr_expect_arr_eq(one, same, sizeof one, "a seed draws the same again");
    for (int i = 0; i < 3; i++)
        cr_expect_neq(memcmp(one[i], other[i], sizeof one[i]), 0, "another seed draws others");
    for (int i = 0; i < DRAWS; i++) {
        cr_expect(u[i] >= 0 && u[i] < 1 && q[i] >= 0 && q[i] < 1 && isfinite(n[i]));
        cr_expect(i < D || u[i] != u[i - D], "two samples, or steps, draw the same");
        cr_expect_eq(q[i], q[i % (SAMPLES * D)], "a sequence draws once");
    }
    for (int i = 1; i < SAMPLES * D; i++)
        cr_expect_neq(q[i], q[i - 1]);
    /* Means of 3000 draws are within five deviations. */
    cr_expect_float_eq(moment(u, 1), 0.5, 0.027);
    cr_expect_float_eq(moment(u, 2), 1.0 / 3, 0.027);
    cr_expect_float_eq(moment(n, 1), 0, 0.092);
    cr_expect_float_eq(moment(n, 2), 1, 0.13);
    cr_expect_float_eq(moment(n, 4), 3, 0.9);
}

/* ---- mistakes of the caller */

#define MISTAKE(words, ...)                                                                        \
    do {                                                                                           \
        eddy_axes t, b;                                                                            \
        eddy_value x;                                                                              \
        eddy_model *m = open_model(&t, &b, &x);                                                    \
        (void)b;                                                                                   \
        cr_expect_null(eddy_use(m, __VA_ARGS__));                                                  \
        const char *message = strstr(eddy_model_message(m), ": use");                              \
        cr_assert(message, "%s", eddy_model_message(m));                                           \
        cr_expect_str_eq(message + 2, words);                                                      \
        eddy_model_free(m);                                                                        \
    } while (0)

Test(language_use, mistakes_of_the_caller) {
    eddy_cells *cells = read_text(library);
    MISTAKE("use: there is no cell \"lstmm\" in cells; did you mean \"lstm\"?", cells, "lstmm", "n",
            t, NULL, EDDY_WITH("x", x));
    MISTAKE("use: there is no cell \"lsmt\" in the library; did you mean \"lstm\"?", NULL, "lsmt",
            "n", t, NULL, EDDY_WITH("x", x));
    MISTAKE("use: there is no cell \"quite_other\" in cells", cells, "quite_other", "n", t, NULL,
            EDDY_WITH("x", x));
    MISTAKE(
        "use of the cell \"elman\":\n"
        "cells:2:13: error: the dimension `H` of the cell `elman` is not given [E0502]\n"
        "    2 |     state h[H]\n"
        "      |             ^\n"
        "  help: no input has it: add EDDY_SIZE(\"H\", n)\n",
        cells, "elman", "n", t, NULL, EDDY_WITH("x", x));
    MISTAKE(
        "use of the cell \"elman\":\n"
        "cells:1:12: error: the input `x` of the cell `elman` is not given [E0502]\n"
        "    1 | cell elman(x[D]) -> h {\n"
        "      |            ^\n",
        cells, "elman", "n", t, NULL, EDDY_SIZE("D", 3), EDDY_SIZE("H", 4));
    MISTAKE(
        "use of the cell \"elman\":\n"
        "cells:1:12: error: the input `x` of the cell `elman` is [4], and this is [3] "
        "[E0503]\n"
        "    1 | cell elman(x[D]) -> h {\n"
        "      |            ^\n",
        cells, "elman", "n", t, NULL, EDDY_WITH("x", x), EDDY_SIZE("D", 4), EDDY_SIZE("H", 4));
    MISTAKE(
        "use of the cell \"elman\":\n"
        "cells:1:6: error: the cell `elman` has no input, number, state or dimension `z` "
        "[E0501]\n"
        "    1 | cell elman(x[D]) -> h {\n"
        "      |      ^~~~~\n"
        "  help: it has x, D, H, h\n",
        cells, "elman", "n", t, NULL, EDDY_WITH("x", x), EDDY_SIZE("H", 4), EDDY_SIZE("z", 4));
    /* not that H is missing, or x */
    MISTAKE(
        "use of the cell \"elman\":\n"
        "cells:1:6: error: the cell `elman` has no input, number, state or dimension `y` "
        "[E0501]\n"
        "    1 | cell elman(x[D]) -> h {\n"
        "      |      ^~~~~\n"
        "  help: it has x, D, H, h\n",
        cells, "elman", "n", t, NULL, EDDY_WITH("y", x));
    MISTAKE(
        "use of the cell \"elman\":\n"
        "cells:1:6: error: the cell `elman` is given `H` twice [E0501]\n"
        "    1 | cell elman(x[D]) -> h {\n"
        "      |      ^~~~~\n",
        cells, "elman", "n", t, NULL, EDDY_WITH("x", x), EDDY_SIZE("H", 4), EDDY_SIZE("H", 5));
    eddy_cells *wrong = NULL;
    static const char text_of[] = "cell wrong(x[D]) -> y {\n    y = z\n}\n";
    cr_expect_eq(eddy_cells_read(NULL, NULL, text_of, sizeof text_of - 1, &wrong), EDDY_BAD_FORMAT);
    MISTAKE("use: the cell \"wrong\" has mistakes; eddy_cells_report lists them", wrong, "wrong",
            "n", t, NULL, EDDY_WITH("x", x));
    eddy_cells_free(wrong);
    MISTAKE("use: expected one axis of the model, not {t,b}", cells, "elman", "n", t | b, NULL,
            EDDY_WITH("x", x), EDDY_SIZE("H", 4));
    eddy_cells_free(cells);
}

/* What the graph refuses inside of a cell has two places: the caller's, then the cell's. */
Test(language_use, two_uses_of_one_name) {
    eddy_axes t, b;
    eddy_value x;
    eddy_cells *cells = read_text(library);
    eddy_model *m = open_model(&t, &b, &x);
    eddy_use(m, cells, "elman", "n", t, NULL, EDDY_WITH("x", x), EDDY_SIZE("H", 4));
    cr_assert_eq(eddy_model_status(m), EDDY_OK, "%s", eddy_model_message(m));
    int line = __LINE__ + 1;
    cr_expect_null(eddy_use(m, cells, "elman", "n", t, NULL, EDDY_WITH("x", x), EDDY_SIZE("H", 4)));
    char expected[400];
    snprintf(expected, sizeof expected,
             "%s:%d: use of the cell \"elman\": cells:3: param: the name \"n.W\" belongs to the "
             "param made at cells:3; give each input and param a name of its own",
             __FILE__, line);
    cr_expect_str_eq(eddy_model_message(m), expected);
    eddy_model_free(m);
    eddy_cells_free(cells);
}
