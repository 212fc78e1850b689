/* Whatever is remembered between passes over time, training is the same, bit for bit; and a long
 * sequence needs a small part of the memory. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy_nn.h"

enum { D = 3, UNITS = 8, SAMPLES = 2, STEPS = 24, CHUNKS = 4 };

/* No call at all. */
static const eddy_memory AS_BEGUN = (eddy_memory)-1;

typedef struct training {
    eddy_program *program;
    eddy_params *params;
    eddy_run *run;
} training;

static void extents(const training *f, int64_t chunks, int64_t steps) {
    const eddy_extent all[] = {{"t", steps}, {"b", SAMPLES}, {"chunk", chunks}};
    cr_assert_eq(eddy_run_resize(f->run, all, chunks > 0 ? 3 : 2), EDDY_OK, "%s",
                 eddy_run_message(f->run));
}

/* An LSTM with dropout learns to repeat its input; chunks: over an axis of chunks, too. */
static training open_training(eddy_memory what, bool chunks) {
    training f = {.params = eddy_params_new(NULL, 5)};
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes chunk = chunks ? eddy_time(m, "chunk") : 0;
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_F32, chunk | t | b, D);
    eddy_cell_options options = {0};
    if (chunks) {
        options.h0 = eddy_state(m, "h0", chunk, UNITS);
        options.c0 = eddy_state(m, "c0", chunk, UNITS);
    }
    eddy_value h = eddy_lstm(m, "cell", t, UNITS, x, &options);
    if (chunks) {
        eddy_next(options.h0, eddy_last(h, t));
        eddy_next(options.c0, eddy_last(options.c, t));
    }
    h = eddy_dropout(h, 0.3, chunk | t | b);
    eddy_value error = eddy_mean_squared_error(eddy_dense(m, "out", D, h), x);
    eddy_value loss = eddy_total(error, chunk | t | b);
    eddy_minimise(loss, eddy_adam());
    eddy_output(m, "loss", loss);
    if (what != AS_BEGUN)
        eddy_remember(m, what);
    cr_assert_eq(eddy_compile(m, &f.program), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    cr_assert_eq(eddy_run_new(f.program, f.params, &f.run), EDDY_OK, "%s", eddy_run_message(f.run));
    return f;
}

static void close_training(training *f) {
    eddy_run_free(f->run);
    eddy_params_free(f->params);
    eddy_program_free(f->program);
}

static void train(training *f) {
    static float x[STEPS * SAMPLES * D];
    for (int i = 0; i < STEPS * SAMPLES * D; i++)
        x[i] = (float)sin(0.7 * i);
    for (int turn = 0; turn < 3; turn++) {
        eddy_run_scalar(f->run, "seed", turn);
        eddy_run_scalar(f->run, "learning_rate", 0.01);
        eddy_run_input(f->run, "x", x, STEPS * SAMPLES * D);
        cr_assert_eq(eddy_run_call(f->run), EDDY_OK, "%s", eddy_run_message(f->run));
    }
}

static void same_params(const training *left, const training *right) {
    eddy_tensor l, r;
    cr_assert_gt(eddy_params_count(left->params), 0);
    for (int i = 0; eddy_params_at(left->params, i, &l); i++) {
        cr_assert(eddy_params_at(right->params, i, &r));
        cr_expect_eq(memcmp(l.data, r.data, l.elements * sizeof(float)), 0, "%s", l.name);
    }
}

static void same_training(eddy_memory what, bool chunks) {
    for (int64_t block = 0; block < 6; block += 1 + block / 3) {
        training all = open_training(EDDY_REMEMBER_ALL, chunks);
        training less = open_training(what, chunks);
        eddy_run_block(less.run, block);
        extents(&all, chunks ? CHUNKS : 0, chunks ? STEPS / CHUNKS : STEPS);
        extents(&less, chunks ? CHUNKS : 0, chunks ? STEPS / CHUNKS : STEPS);
        train(&all);
        train(&less);
        same_params(&all, &less);
        close_training(&all);
        close_training(&less);
    }
}

Test(remember, training_does_not_depend_on_it) {
    same_training(EDDY_REMEMBER_STATES, false);
    same_training(EDDY_REMEMBER_BLOCKS, false);
}

Test(remember, training_in_chunks_does_not_depend_on_it) {
    same_training(EDDY_REMEMBER_STATES, true);
    same_training(EDDY_REMEMBER_BLOCKS, true);
}

/* Floats for each step, sample and unit. */
static double floats(eddy_memory what, int64_t chunks, int64_t steps, int64_t block) {
    training f = open_training(what, chunks > 0);
    eddy_run_block(f.run, block);
    extents(&f, chunks, steps);
    double bytes = (double)eddy_run_bytes(f.run);
    close_training(&f);
    int64_t all = (chunks > 0 ? chunks : 1) * steps;
    return bytes / (sizeof(float) * (double)all * SAMPLES * UNITS);
}

Test(remember, a_long_sequence_needs_a_small_part_of_the_memory) {
    double all = floats(EDDY_REMEMBER_ALL, 0, 16384, 8);
    double states = floats(EDDY_REMEMBER_STATES, 0, 16384, 8);
    double chunks = floats(EDDY_REMEMBER_STATES, 128, 128, 1);
    double blocks = floats(EDDY_REMEMBER_BLOCKS, 0, 16384, 0);
    printf("floats a step, sample and unit: all %.2f, states %.2f, blocks %.2f, chunks %.2f\n", all,
           states, blocks, chunks);
    cr_expect_leq(states, 2.6);
    cr_expect_leq(states, all / 3);
    cr_expect_leq(blocks, all / 40);
    cr_expect_leq(chunks, all / 40, "written as chunks of steps, a sequence has checkpoints, too");
}

Test(remember, the_environment_says_how_models_begin) {
    double all = floats(AS_BEGUN, 0, 256, 1), states = floats(EDDY_REMEMBER_STATES, 0, 256, 1);
    cr_expect_lt(states, all);
    setenv("EDDY_REMEMBER", "states", 1);
    cr_expect_eq(floats(AS_BEGUN, 0, 256, 1), states);
    cr_expect_eq(floats(EDDY_REMEMBER_ALL, 0, 256, 1), all, "a call says otherwise");
    setenv("EDDY_REMEMBER", "nothing", 1);
    eddy_model *m = eddy_model_new(NULL);
    cr_expect_eq(eddy_model_status(m), EDDY_BAD_ARGUMENT);
    cr_expect_str_eq(eddy_model_message(m), "EDDY_REMEMBER=nothing is not all, states or blocks");
    eddy_model_free(m);
    unsetenv("EDDY_REMEMBER");
}

Test(remember, what_is_no_memory_is_refused) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_remember(m, (eddy_memory)7);
    cr_expect_eq(eddy_model_status(m), EDDY_BAD_ARGUMENT);
    cr_expect_str_eq(eddy_model_message(m), "remember: 7 is no eddy_memory");
    eddy_model_free(m);
    eddy_remember(NULL, EDDY_REMEMBER_STATES);
}
