/* Small nets have code for a step, in the entry and without calls; others do not. The entry leaves
 * a trace where it calls kernels: what it tells them of blocks and steps. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy_nn.h"
#include "frontends/program.h"
#include "jit/program_internal.h"

enum { UNTOUCHED = -7 };

typedef struct net {
    int units;
    bool trained, dense;
} net;

static eddy_program *compiled(net of) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 1);
    eddy_value h = eddy_lstm(m, "cell", t, of.units, x, NULL);
    eddy_value y = of.dense ? eddy_dense(m, "dense", 1, h) : h;
    eddy_output(m, "y", y);
    if (of.trained) {
        eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_mul(y, y), EDDY_SUM), t | b);
        eddy_output(m, "loss", loss);
        eddy_minimise(loss, eddy_sgd());
    }
    eddy_program *p = NULL;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

enum { BLOCKS = 1, LOOPS = 2 };

/* Calls the code itself, for so many threads, of which this is the first. What does it tell kernels
 * of: blocks of steps, steps? */
static int trace(const eddy_program *of, int64_t steps, int64_t samples, int64_t threads) {
    const program *p = of->code;
    int64_t extents[PLAN_EXTENTS] = {steps, samples}, context[EMIT_CONTEXT];
    extents[NEST_BLOCK] = steps;
    extents[NEST_CHECKPOINTS] = 2;
    void **table = calloc(p->buffer_count, sizeof *table);
    for (size_t i = 0; i < p->buffer_count; i++) {
        size_t elements;
        cr_assert(plan_elements(&p->buffers[i], extents, 0, &elements));
        table[i] = calloc(elements + 64, sizeof(double));
    }
    emit_context(context, 0, 1, 1, NULL, NULL);
    context[EMIT_THREADS] = threads;
    context[EMIT_STEPS] = steps;
    context[0] = context[EMIT_BLOCK_END] = UNTOUCHED;
    p->entry(table, extents, context);
    for (size_t i = 0; i < p->buffer_count; i++)
        free(table[i]);
    free(table);
    return (context[EMIT_BLOCK_END] != UNTOUCHED ? BLOCKS : 0) |
           (context[0] != UNTOUCHED ? LOOPS : 0);
}

Test(emit_step, a_small_net_runs_in_place) {
    eddy_program *p = compiled((net){.units = 16, .dense = true});
    cr_expect_eq(trace(p, 1, 1, 1), 0);
    cr_expect_eq(trace(p, 2, 1, 1), BLOCKS, "of two steps the recurrence alone");
    cr_expect_eq(trace(p, 1, 2, 1), BLOCKS | LOOPS, "two samples");
    cr_expect_eq(trace(p, 1, 1, 2), BLOCKS | LOOPS, "two threads");
    eddy_program_free(p);
}

Test(emit_step, a_large_one_does_not) {
    eddy_program *p = compiled((net){.units = 256});
    cr_expect_eq(trace(p, 1, 1, 1), BLOCKS | LOOPS);
    eddy_program_free(p);
}

Test(emit_step, of_one_that_is_trained_the_recurrences_do) {
    eddy_program *p = compiled((net){.units = 16, .trained = true});
    cr_expect_eq(trace(p, 1, 1, 1), BLOCKS);
    eddy_program_free(p);
}

Test(emit_step, unless_asked_for) {
    setenv("EDDY_STEP", "1", 1);
    eddy_program *p = compiled((net){.units = 256, .trained = true});
    cr_expect_eq(trace(p, 1, 1, 1), 0);
    cr_expect_eq(trace(p, 2, 1, 1), BLOCKS);
    eddy_program_free(p);
    setenv("EDDY_STEP", "0", 1);
    p = compiled((net){.units = 16});
    cr_expect_eq(trace(p, 1, 1, 1), BLOCKS | LOOPS);
    eddy_program_free(p);
}

/* A stream of single steps has the bits of the sequence, in place or by kernels. */
static void check_bits(const char *asked) {
    enum { STEPS = 9 };
    float x[STEPS], whole[STEPS], one[STEPS];
    static float expected[STEPS];
    setenv("EDDY_STEP", asked, 1);
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_carry(m, t, 0);
    eddy_value h = eddy_gru(m, "cell", t, 20, eddy_input(m, "x", EDDY_F32, t | b, 1), NULL);
    eddy_output(m, "y", eddy_dense(m, "dense", 1, h));
    eddy_program *p = NULL;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_params *params = eddy_params_new(NULL, 1);
    for (int k = 0; k < STEPS; k++)
        x[k] = (float)k / 4 - 1;
    for (int cut = 0; cut < 2; cut++) {
        int steps = cut ? 1 : STEPS;
        eddy_run *r;
        cr_assert_eq(eddy_run_new(p, params, &r), EDDY_OK);
        eddy_run_threads(r, 1);
        eddy_run_resize(r, (const eddy_extent[]){{"t", steps}, {"b", 1}}, 2);
        for (int k = 0; k < STEPS; k += steps) {
            eddy_run_input(r, "x", x + k, (size_t)steps);
            eddy_run_output(r, "y", (cut ? one : whole) + k, (size_t)steps);
            cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
        }
        eddy_run_free(r);
    }
    cr_expect_eq(memcmp(whole, one, sizeof whole), 0);
    cr_expect_neq(one[STEPS - 1], 0);
    if (expected[STEPS - 1] == 0)
        memcpy(expected, one, sizeof one);
    cr_expect_eq(memcmp(expected, one, sizeof one), 0);
    eddy_params_free(params);
    eddy_program_free(p);
    eddy_model_free(m);
}

Test(emit_step, gives_the_bits_of_a_sequence) {
    check_bits("0");
    check_bits("1");
}

/* Memory that is cleared and then scattered to holds what was scattered. */
Test(emit_step, a_second_store_is_seen) {
    enum { N = 16, FOUND = 5 };
    setenv("EDDY_STEP", "1", 1);
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_F32, b, N), i = eddy_input(m, "i", EDDY_I32, b, 1);
    eddy_value g = eddy_gradient(eddy_reduce_all(eddy_gather(x, i), EDDY_SUM), x);
    eddy_output(m, "g", eddy_add(g, g));
    eddy_program *p = NULL;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_params *params = eddy_params_new(NULL, 1);
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, params, &r), EDDY_OK);
    eddy_run_threads(r, 1);
    eddy_run_resize(r, (const eddy_extent[]){{"b", 1}}, 1);
    const int32_t at = FOUND;
    float out[N];
    eddy_run_input(r, "i", &at, 1);
    eddy_run_output(r, "g", out, N);
    cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
    for (int k = 0; k < N; k++)
        cr_expect_eq(out[k], k == FOUND ? 2 : 0);
    eddy_run_free(r);
    eddy_params_free(params);
    eddy_program_free(p);
    eddy_model_free(m);
}
