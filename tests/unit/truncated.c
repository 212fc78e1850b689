/* Backpropagation that is truncated: a sequence is an axis of chunks over an axis of steps, and a
 * gradient stops where one chunk takes the state of the one before. Then nothing of a chunk is
 * needed behind it, and memory does not grow with their number. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"

enum { D = 3, H = 4, T = 5, N = 6, B = 2, WEIGHTS = 12, LARGEST = H * H };

typedef enum cut { WHOLE, FULL, TRUNCATED, ONE_CHUNK } cut;

typedef struct fixture {
    eddy_program *program;
    eddy_params *params;
    eddy_run *run;
    int weights;
    char names[WEIGHTS][64];
} fixture;

/* An LSTM over steps, or over steps of chunks; its loss and gradients. */
static eddy_model *model_of(cut how) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    eddy_axes chunk = how == FULL || how == TRUNCATED ? eddy_time(m, "chunk") : 0;
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_F64, chunk | t | b, D);
    eddy_cell_options options = {0};
    eddy_value h0 = NULL, c0 = NULL;
    if (chunk) {
        h0 = eddy_state(m, "h before", chunk, H);
        c0 = eddy_state(m, "c before", chunk, H);
    } else if (how == ONE_CHUNK) {
        h0 = eddy_input(m, "h before", EDDY_F64, b, H);
        c0 = eddy_input(m, "c before", EDDY_F64, b, H);
    }
    options.h0 = how == TRUNCATED ? eddy_stop(h0) : h0;
    options.c0 = how == TRUNCATED ? eddy_stop(c0) : c0;
    eddy_value h = eddy_lstm(m, "cell", t, H, x, &options);
    if (chunk) {
        eddy_next(h0, eddy_last(h, t));
        eddy_next(c0, eddy_last(options.c, t));
    } else {
        eddy_output(m, "h after", eddy_last(h, t));
        eddy_output(m, "c after", eddy_last(options.c, t));
    }
    eddy_value loss = eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), chunk | t | b);
    eddy_output(m, "loss", loss);
    for (int i = 0; i < eddy_trainable_count(m); i++) {
        eddy_value weight = eddy_trainable(m, i);
        eddy_output(m, eddy_value_name(weight), eddy_gradient(loss, weight));
    }
    return m;
}

static fixture open_fixture(cut how) {
    fixture f = {.params = eddy_params_new(NULL, 3)};
    eddy_model *m = model_of(how);
    cr_assert_eq(eddy_compile(m, &f.program), EDDY_OK, "%s", eddy_model_message(m));
    f.weights = eddy_trainable_count(m);
    cr_assert_leq(f.weights, WEIGHTS);
    for (int i = 0; i < f.weights; i++)
        strcpy(f.names[i], eddy_value_name(eddy_trainable(m, i)));
    eddy_model_free(m);
    cr_assert_eq(eddy_run_new(f.program, f.params, &f.run), EDDY_OK, "%s", eddy_run_message(f.run));
    return f;
}

static void close_fixture(fixture *f) {
    eddy_run_free(f->run);
    eddy_params_free(f->params);
    eddy_program_free(f->program);
}

static void size(fixture *f, int64_t chunks, int64_t steps, int64_t block) {
    eddy_extent extents[] = {{"t", steps}, {"b", B}, {"chunk", chunks}};
    eddy_run_block(f->run, block);
    cr_assert_eq(eddy_run_resize(f->run, extents, chunks > 0 ? 3 : 2), EDDY_OK, "%s",
                 eddy_run_message(f->run));
}

static const double *data(void) {
    static double x[N * T * B * D];
    for (int i = 0; i < N * T * B * D; i++)
        x[i] = sin(1.7 * i) * 0.8;
    return x;
}

static void call(fixture *f, const double *x, size_t elements) {
    eddy_run_input(f->run, "x", x, elements);
    cr_assert_eq(eddy_run_call(f->run), EDDY_OK, "%s", eddy_run_message(f->run));
}

/* ---- the same gradients as chunk by chunk, by hand */

typedef struct gradients {
    double loss, of[WEIGHTS][LARGEST];
} gradients;

static void add(fixture *f, gradients *sum) {
    sum->loss += eddy_run_number(f->run, "loss");
    for (int w = 0; w < f->weights; w++) {
        const double *g = eddy_run_read(f->run, f->names[w]);
        size_t elements = eddy_run_elements(f->run, f->names[w]);
        cr_assert(g && elements <= LARGEST);
        for (size_t i = 0; i < elements; i++)
            sum->of[w][i] += g[i];
    }
}

static gradients in_chunks(cut how, int64_t block) {
    fixture f = open_fixture(how);
    gradients g = {0};
    size(&f, how == WHOLE ? 0 : N, how == WHOLE ? N * T : T, block);
    call(&f, data(), N * T * B * D);
    add(&f, &g);
    close_fixture(&f);
    return g;
}

static gradients by_hand(void) {
    fixture f = open_fixture(ONE_CHUNK);
    gradients g = {0};
    double h[B * H] = {0}, c[B * H] = {0};
    size(&f, 0, T, 0);
    for (int chunk = 0; chunk < N; chunk++) {
        eddy_run_input(f.run, "h before", h, B * H);
        eddy_run_input(f.run, "c before", c, B * H);
        call(&f, data() + (size_t)chunk * T * B * D, T * B * D);
        add(&f, &g);
        memcpy(h, eddy_run_read(f.run, "h after"), sizeof h);
        memcpy(c, eddy_run_read(f.run, "c after"), sizeof c);
    }
    close_fixture(&f);
    return g;
}

static double difference(const gradients *l, const gradients *r) {
    double most = fabs(l->loss - r->loss);
    for (int w = 0; w < WEIGHTS; w++)
        for (int i = 0; i < LARGEST; i++)
            most = fmax(most, fabs(l->of[w][i] - r->of[w][i]));
    return most;
}

Test(truncated, gradients_stop_between_chunks) {
    gradients hand = by_hand(), graph = in_chunks(TRUNCATED, 0);
    cr_expect_lt(difference(&hand, &graph), 1e-12);
}

Test(truncated, without_the_stop_chunks_are_one_sequence) {
    gradients whole = in_chunks(WHOLE, 0), full = in_chunks(FULL, 0),
              truncated = in_chunks(TRUNCATED, 0);
    cr_expect_lt(difference(&whole, &full), 1e-12);
    cr_expect_gt(difference(&full, &truncated), 1e-3);
}

Test(truncated, no_bit_depends_on_how_many_chunks_are_computed_at_a_time) {
    for (cut how = FULL; how <= TRUNCATED; how++) {
        gradients all = in_chunks(how, N);
        for (int64_t block = 1; block < N; block++) {
            gradients some = in_chunks(how, block);
            cr_expect_eq(memcmp(&all, &some, sizeof all), 0, "in blocks of %d", (int)block);
        }
    }
}

/* ---- memory */

static size_t bytes_of(fixture *f, int64_t chunks, int64_t block) {
    size(f, chunks, T, block);
    return eddy_run_bytes(f->run);
}

Test(truncated, memory_does_not_grow_with_the_number_of_chunks) {
    fixture f = open_fixture(TRUNCATED);
    size_t four = bytes_of(&f, 4, 1), many = bytes_of(&f, 400, 1);
    cr_expect_eq(four, many, "%zu bytes for 4 chunks, %zu for 400", four, many);
    cr_expect_lt(4 * many, bytes_of(&f, 400, 400), "the chunks at once need more");
    close_fixture(&f);
}

Test(truncated, memory_grows_with_them_when_gradients_do_not_stop) {
    fixture f = open_fixture(FULL);
    cr_expect_lt(8 * bytes_of(&f, 4, 1), bytes_of(&f, 400, 1));
    close_fixture(&f);
}

Test(truncated, a_run_needs_no_telling) {
    fixture f = open_fixture(TRUNCATED);
    cr_expect_lt(bytes_of(&f, 1000000, 0), (size_t)64 << 20, "a million chunks");
    close_fixture(&f);
}

Test(truncated, a_block_has_no_negative_length) {
    fixture f = open_fixture(TRUNCATED);
    cr_expect_eq(eddy_run_block(f.run, -1), EDDY_BAD_ARGUMENT);
    cr_expect(strstr(eddy_run_message(f.run), "-1 steps"));
    close_fixture(&f);
}
