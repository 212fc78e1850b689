/* Several threads as users see them: any number gives the same bits, in any process they either
 * work or say why not, and more threads than cores end too. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frontends/eddy_nn.h"

enum { D = 5, H = 40, STEPS = 12, SAMPLES = 7 };

static eddy_program *compile_training(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_value x = eddy_dropout(eddy_input(m, "x", EDDY_F32, t | b, D), 0.1, t | b);
    eddy_value h = eddy_lstm(m, "cell", t, H, x, NULL);
    eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
    eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
    eddy_output(m, "loss", loss);
    eddy_output(m, "h", h);
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static eddy_run *start(const eddy_program *p, eddy_params *s) {
    static float x[STEPS * SAMPLES * D];
    static const int32_t lengths[SAMPLES] = {12, 0, 1, 11, 7, 12, 3};
    for (int i = 0; i < STEPS * SAMPLES * D; i++)
        x[i] = (float)(i % 11) / 4 - 1;
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    eddy_run_resize(r, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}}, 2);
    eddy_run_input(r, "x", x, STEPS * SAMPLES * D);
    eddy_run_input(r, "lengths", lengths, SAMPLES);
    eddy_run_scalar(r, "learning_rate", 0.01);
    eddy_run_scalar(r, "seed", 1);
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    return r;
}

/* Some steps of training: h, then the loss of the last one. */
static void train(const eddy_program *p, int threads, float *out) {
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r = start(p, s);
    eddy_run_threads(r, threads);
    for (int i = 0; i < 3; i++)
        eddy_run_call(r);
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    memcpy(out, eddy_run_read(r, "h"), sizeof *out * STEPS * SAMPLES * H);
    out[STEPS * SAMPLES * H] = (float)eddy_run_number(r, "loss");
    eddy_run_free(r);
    eddy_params_free(s);
}

/* 24 threads share two cores, or eight: nobody holds a core that another one needs. */
Test(api_threads, any_number_gives_the_same_bits, .timeout = 120) {
    static const int counts[] = {2, 3, 4, 24, 0};
    static float alone[STEPS * SAMPLES * H + 1], found[STEPS * SAMPLES * H + 1];
    eddy_program *p = compile_training();
    train(p, 1, alone);
    cr_assert_gt(alone[STEPS * SAMPLES * H], 0);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        train(p, counts[i], found);
        cr_expect_eq(memcmp(found, alone, sizeof alone), 0, "%d threads", counts[i]);
    }
    eddy_program_free(p);
}

Test(api_threads, a_number_is_obeyed_and_the_environment_asked) {
    eddy_program *p = compile_training();
    eddy_params *s = eddy_params_new(NULL, 1);
    setenv("EDDY_THREADS", "3", 1);
    eddy_run *r = start(p, s);
    cr_expect_eq(eddy_run_thread_count(r), 3);
    cr_expect_eq(eddy_run_threads(r, 6), EDDY_OK);
    cr_expect_eq(eddy_run_thread_count(r), 6);
    eddy_run_resize(r, (eddy_extent[]){{"b", 1}}, 1);
    cr_expect_eq(eddy_run_thread_count(r), 6, "at any extents");
    cr_expect_eq(eddy_run_threads(r, 257), EDDY_BAD_ARGUMENT);
    cr_expect(strstr(eddy_run_message(r), "257 is not between"), "%s", eddy_run_message(r));
    eddy_run_clear(r);
    cr_expect_eq(eddy_run_threads(r, -1), EDDY_BAD_ARGUMENT);
    eddy_run_clear(r);
    cr_expect_eq(eddy_run_thread_count(r), 6, "a mistake changes nothing");
    cr_expect_eq(eddy_run_threads(NULL, 1), EDDY_OUT_OF_MEMORY);
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
    unsetenv("EDDY_THREADS");
}

Test(api_threads, a_short_call_has_one_thread) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_value x = eddy_input(m, "x", EDDY_F32, 0, 64);
    eddy_output(m, "y", eddy_add(x, x));
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK);
    cr_expect_eq(eddy_run_thread_count(r), 1);
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
}

static int call_in_child(eddy_run *r, int threads) {
    pid_t child = fork();
    if (child == 0) {
        eddy_run_threads(r, threads);
        _exit((int)eddy_run_call(r));
    }
    int state;
    waitpid(child, &state, 0);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

Test(api_threads, a_child_is_told_that_threads_are_gone, .timeout = 60) {
    eddy_program *p = compile_training();
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r = start(p, s);
    eddy_run_threads(r, 2);
    cr_expect_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
    cr_expect_eq(call_in_child(r, 2), EDDY_UNSUPPORTED);
    cr_expect_eq(call_in_child(r, 1), EDDY_OK);
    cr_expect_eq(call_in_child(r, 0), EDDY_OK);
    cr_expect_eq(eddy_run_call(r), EDDY_OK, "the parent has them still");
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
}
