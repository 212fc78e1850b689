/* Passes change how a program is computed and nothing that it means: on every cell of the library,
 * and on cells that more is done to, each pass keeps what it promises to keep; and a program that
 * trains computes forward, bit for bit, what the program that is used computes, whole or step by
 * step. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/capi.h"
#include "jit/check.h"
#include "jit/program.h"

enum { D = 3, H = 4, STEPS = 7, SAMPLES = 3, ELEMENTS = STEPS * SAMPLES };

typedef eddy_value writer(eddy_model *m, eddy_axes t, eddy_value x);

static eddy_value elman(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_elman(m, "cell", t, H, x, NULL);
}

static eddy_value elman_relu(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_elman(m, "cell", t, H, x, (&(eddy_cell_options){.relu = true}));
}

static eddy_value lstm(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_lstm(m, "cell", t, H, x, NULL);
}

static eddy_value lstm_peephole(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_lstm(m, "cell", t, H, x, (&(eddy_cell_options){.peephole = true}));
}

static eddy_value lstm_stacked(eddy_model *m, eddy_axes t, eddy_value x) {
    eddy_value low = eddy_lstm(m, "low", t, H, x, NULL);
    return eddy_lstm(m, "high", t, H, eddy_concat(0, low, x), NULL);
}

static eddy_value gru_after(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_gru(m, "cell", t, H, x, NULL);
}

static eddy_value gru_before(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_gru(m, "cell", t, H, x, (&(eddy_cell_options){.reset_before = true}));
}

static eddy_value far_back(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_gru(m, "cell", t, H, x, (&(eddy_cell_options){.distance = 2}));
}

/* One matrix on [x, h]: split, where x is known before the loop. */
static eddy_value joined(eddy_model *m, eddy_axes t, eddy_value x) {
    eddy_value h = eddy_state(m, "h", t, H);
    eddy_value next = eddy_tanh(eddy_linear(m, "W", H, eddy_concat(0, x, h)));
    eddy_next(h, next);
    return next;
}

/* Two states through matrices of their own in each of two sums: joined along their terms. */
static eddy_value summed(eddy_model *m, eddy_axes t, eddy_value x) {
    eddy_value h = eddy_state(m, "h", t, H), s = eddy_state(m, "s", t, H);
    eddy_value uh = eddy_linear(m, "U", H, h), us = eddy_linear(m, "Us", H, s);
    eddy_value vh = eddy_linear(m, "V", H, h), vs = eddy_linear(m, "Vs", H, s);
    eddy_value next_h = eddy_tanh(eddy_sum(uh, eddy_linear(m, "W", H, x), us));
    eddy_next(h, next_h);
    eddy_next(s, eddy_sigmoid(eddy_sum(vs, vh)));
    return next_h;
}

static eddy_value both_ways(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_bidirectional(eddy_lstm, m, "cell", t, H, x, NULL);
}

static const struct {
    const char *name;
    writer *write;
    bool steps; /* may be called for a step at a time */
} cells[] = {{"elman", elman, true},
             {"elman, relu", elman_relu, true},
             {"lstm", lstm, true},
             {"lstm, peepholes", lstm_peephole, true},
             {"lstm on lstm", lstm_stacked, true},
             {"gru, reset after", gru_after, true},
             {"gru, reset before", gru_before, true},
             {"gru, two steps back", far_back, true},
             {"on [x, h]", joined, true},
             {"two states", summed, true},
             {"both ways", both_ways, false}};
enum { CELLS = sizeof cells / sizeof cells[0] };

/* ---- each pass */

/* With lengths, or without. */
static eddy_model *gradients_of(writer *write, bool ragged) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    eddy_axes b = eddy_batch(m, "b");
    eddy_axes t = ragged ? eddy_time_ragged(m, "t", b, "lengths") : eddy_time(m, "t");
    eddy_value x = eddy_input(m, "x", EDDY_F64, t | b, D), h = write(m, t, x);
    eddy_value loss = eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
    eddy_output(m, "h", h);
    eddy_output(m, "dx", eddy_gradient(loss, x));
    for (int i = 0; i < eddy_trainable_count(m); i++) {
        eddy_value weight = eddy_trainable(m, i);
        eddy_output(m, eddy_value_name(weight), eddy_gradient(loss, weight));
    }
    cr_assert_eq(eddy_model_status(m), EDDY_OK, "%s", eddy_model_message(m));
    return m;
}

static void check_passes(const char *name, eddy_model *m, arena *memory) {
    error problem = {.code = STATUS_OK};
    const graph *at = &m->graph;
    for (int i = 0; i < pipeline_pass_count; i++) {
        const pipeline_pass *row = &pipeline_passes[i];
        if (!row->run)
            continue;
        graph *next = arena_new(memory, graph);
        graph_init(next, memory, &problem);
        row->run(at, next);
        cr_assert(verify_graph(next), "%s, %s: %s", name, row->name, problem.message);
        cr_assert(check_pass(at, next, row->exact, memory, &problem), "%s, %s: %s", name, row->name,
                  problem.message);
        at = next;
    }
    cr_assert(check_pass(&m->graph, at, false, memory, &problem), "%s: %s", name, problem.message);
}

static void check_cell(writer *write, const char *name, bool ragged) {
    arena memory;
    jmp_buf escape;
    cr_assert(setjmp(escape) == 0, "out of memory");
    arena_init(&memory, allocator_default(), &escape);
    eddy_model *m = gradients_of(write, ragged);
    check_passes(name, m, &memory);
    eddy_model_free(m);
    arena_free(&memory);
}

Test(acceptance_rewrites, every_pass_keeps_what_it_promises) {
    for (int c = 0; c < CELLS; c++) {
        check_cell(cells[c].write, cells[c].name, false);
        check_cell(cells[c].write, cells[c].name, true);
    }
}

/* ---- training and use */

typedef enum purpose { USE, TRAINING, STEPPING } purpose;

static eddy_program *compiled(writer *write, purpose of) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    if (of == STEPPING)
        eddy_carry(m, t, 0);
    eddy_value h = write(m, t, eddy_input(m, "x", EDDY_F32, t | b, D));
    eddy_output(m, "h", h);
    if (of == TRAINING) {
        eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
        eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
    }
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

/* Calls for `steps` steps from step `from` on; h goes to out. Returns its bytes. */
static size_t called(eddy_run *r, int from, int steps, float *out) {
    float x[ELEMENTS * D];
    for (int i = 0; i < steps * SAMPLES * D; i++)
        x[i] = (float)sin(0.7 * (from * SAMPLES * D + i) + 0.1);
    eddy_run_resize(r, (eddy_extent[]){{"t", steps}, {"b", SAMPLES}}, 2);
    eddy_run_input(r, "x", x, (size_t)(steps * SAMPLES * D));
    eddy_run_call(r);
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    size_t bytes = eddy_run_elements(r, "h") * sizeof *out;
    memcpy(out, eddy_run_read(r, "h"), bytes);
    return bytes;
}

/* h of all steps, in calls of `piece` steps. Returns its bytes. */
static size_t ran(writer *write, purpose of, int piece, float *out) {
    eddy_program *p = compiled(write, of);
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    if (of == TRAINING)
        eddy_run_scalar(r, "learning_rate", 0.1);
    size_t bytes = 0;
    for (int t = 0; t < STEPS; t += piece)
        bytes += called(r, t, piece, out + bytes / sizeof *out);
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
    return bytes;
}

Test(acceptance_rewrites, training_and_steps_give_the_bits_of_use) {
    for (int c = 0; c < CELLS; c++) {
        float used[ELEMENTS * 2 * H], other[ELEMENTS * 2 * H];
        size_t bytes = ran(cells[c].write, USE, STEPS, used);
        cr_assert_geq(bytes, ELEMENTS * H * sizeof *used);
        cr_assert_eq(ran(cells[c].write, TRAINING, STEPS, other), bytes);
        cr_expect_eq(memcmp(used, other, bytes), 0, "%s in training", cells[c].name);
        if (!cells[c].steps)
            continue;
        cr_assert_eq(ran(cells[c].write, STEPPING, 1, other), bytes);
        cr_expect_eq(memcmp(used, other, bytes), 0, "%s step by step", cells[c].name);
    }
}
