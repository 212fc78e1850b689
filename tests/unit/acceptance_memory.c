/* Memory of training, through the public interface: what a run holds beyond inputs, outputs and
 * parameters, in floats for each step, sample and unit. H = 256, B = 8.
 *
 * An LSTM needs 4 for its gates, which their gradients take over, and a few for what both
 * directions look at: it may not need more than 8. The other numbers are no gates; they stand here
 * so that a change of memory is seen, and is meant. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "frontends/eddy_nn.h"

enum { UNITS = 256, SAMPLES = 8, STEPS = 32, ALL = 2 * STEPS /* in a block */ };

typedef eddy_value cell(eddy_model *m, eddy_axes t, eddy_value x);

/* W x + U h + b */
static eddy_value gate(eddy_model *m, const char *name, eddy_value x, eddy_value h) {
    eddy_scope_push(m, name);
    eddy_value in = eddy_linear(m, "W", UNITS, x), past = eddy_linear(m, "U", UNITS, h);
    eddy_value sum = eddy_sum(in, past, eddy_bias(m, "b", UNITS));
    eddy_scope_pop(m);
    return sum;
}

static eddy_value see(eddy_model *m, const char *name, eddy_value sum, eddy_value c) {
    return eddy_add(sum, eddy_mul(eddy_param(m, name, eddy_init_normal(0, 0.1), UNITS), c));
}

static eddy_value lstm_of(eddy_model *m, eddy_axes t, eddy_value x, bool peepholes) {
    eddy_value h = eddy_state(m, "h", t, UNITS), c = eddy_state(m, "c", t, UNITS);
    eddy_value i = gate(m, "i", x, h), f = gate(m, "f", x, h);
    i = eddy_sigmoid(peepholes ? see(m, "pi", i, c) : i);
    f = eddy_sigmoid(peepholes ? see(m, "pf", f, c) : f);
    eddy_value g = eddy_tanh(gate(m, "g", x, h)), o = gate(m, "o", x, h);
    eddy_value kept = eddy_mul(f, c), c_next = eddy_add(kept, eddy_mul(i, g));
    o = eddy_sigmoid(peepholes ? see(m, "po", o, c_next) : o);
    eddy_value h_next = eddy_mul(o, eddy_tanh(c_next));
    eddy_next(c, c_next);
    eddy_next(h, h_next);
    return h_next;
}

static eddy_value lstm(eddy_model *m, eddy_axes t, eddy_value x) {
    return lstm_of(m, t, x, false);
}

static eddy_value peephole_lstm(eddy_model *m, eddy_axes t, eddy_value x) {
    return lstm_of(m, t, x, true);
}

static eddy_value library_lstm(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_lstm(m, "cell", t, UNITS, x, NULL);
}

static eddy_value two_lstms(eddy_model *m, eddy_axes t, eddy_value x) {
    return eddy_lstm(m, "upper", t, UNITS, eddy_lstm(m, "lower", t, UNITS, x, NULL), NULL);
}

/* The reset gate acts after the product with the state. */
static eddy_value gru(eddy_model *m, eddy_axes t, eddy_value x) {
    eddy_value h = eddy_state(m, "h", t, UNITS);
    eddy_value r = eddy_sigmoid(gate(m, "r", x, h)), z = eddy_sigmoid(gate(m, "z", x, h));
    eddy_value past = eddy_add(eddy_linear(m, "n.U", UNITS, h), eddy_bias(m, "n.v", UNITS));
    eddy_value in = eddy_linear(m, "n.W", UNITS, x);
    eddy_value n = eddy_tanh(eddy_add(in, eddy_mul(r, past)));
    eddy_value h_next = eddy_add(n, eddy_mul(z, eddy_sub(h, n)));
    eddy_next(h, h_next);
    return h_next;
}

static eddy_value gru_reset_before(eddy_model *m, eddy_axes t, eddy_value x) {
    eddy_value h = eddy_state(m, "h", t, UNITS);
    eddy_value r = eddy_sigmoid(gate(m, "r", x, h)), z = eddy_sigmoid(gate(m, "z", x, h));
    eddy_value n = eddy_tanh(gate(m, "n", x, eddy_mul(r, h)));
    eddy_value h_next = eddy_add(n, eddy_mul(z, eddy_sub(h, n)));
    eddy_next(h, h_next);
    return h_next;
}

/* Given the gradient of h: h, the gradient of x, and those of all parameters. */
static eddy_program *compile(cell *make, bool training, bool ragged, eddy_memory what) {
    enum { ASKED = 32 };
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b");
    eddy_axes t = ragged ? eddy_time_ragged(m, "t", b, "lengths") : eddy_time(m, "t");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, UNITS), h = make(m, t, x);
    eddy_value asked[ASKED] = {x}, found[ASKED];
    int count = training ? 1 + eddy_trainable_count(m) : 0;
    for (int i = 1; i < count; i++)
        asked[i] = eddy_trainable(m, i - 1);
    if (training)
        eddy_grad(eddy_matmul(h, eddy_input(m, "dh", EDDY_F32, t | b, UNITS)), asked, count, found);
    eddy_output(m, "h", h);
    for (int i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "d%d", i);
        eddy_output(m, name, found[i]);
    }
    eddy_remember(m, what);
    eddy_program *p = NULL;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static double held(const eddy_program *p, eddy_run *r, int64_t steps) {
    const eddy_extent extents[] = {{"t", steps}, {"b", SAMPLES}};
    cr_assert_eq(eddy_run_resize(r, extents, 2), EDDY_OK, "%s", eddy_run_message(r));
    size_t bytes = eddy_run_bytes(r);
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(p, EDDY_OUTPUT, i, &slot); i++)
        bytes -= eddy_run_elements(r, slot.name) * sizeof(float);
    return (double)bytes;
}

/* Floats that a step adds, for each sample and unit, when so many are computed at a time. */
static double growth(cell *make, bool training, bool ragged, int64_t block, eddy_memory what) {
    eddy_program *p = compile(make, training, ragged, what);
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    eddy_run_block(r, block);
    double more = held(p, r, 2 * STEPS) - held(p, r, STEPS);
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
    return more / (sizeof(float) * (double)STEPS * SAMPLES * UNITS);
}

Test(acceptance_memory, training_an_lstm_needs_no_more_than_8_floats_a_step_and_unit) {
    cr_assert_leq(growth(lstm, true, false, ALL, EDDY_REMEMBER_ALL), 8);
    cr_assert_leq(growth(library_lstm, true, false, ALL, EDDY_REMEMBER_ALL), 8);
    /* and for each step, how many samples live */
    cr_assert_leq(growth(lstm, true, true, ALL, EDDY_REMEMBER_ALL), 8 + 1.0 / (SAMPLES * UNITS),
                  "with samples of different lengths");
}

Test(acceptance_memory, a_change_of_memory_is_seen) {
    static const struct {
        const char *name;
        cell *make;
        bool training, ragged;
        double floats, in_blocks; /* all steps at once; one at a time */
        double states;            /* ... and only states are remembered, but for h, a result */
    } rows[] = {
        {"lstm", lstm, true, false, 7, 7, 1},
        {"lstm of the library", library_lstm, true, false, 7, 7, 1},
        {"lstm with lengths", lstm, true, true, 8, 8, 2},
        {"two lstms", two_lstms, true, false, 16, 15, 3},
        {"lstm with peepholes", peephole_lstm, true, false, 8, 7, 1},
        {"gru", gru, true, false, 8, 5, 0},
        {"gru with lengths", gru, true, true, 9, 6, 1},
        {"gru, reset before", gru_reset_before, true, false, 10, 5, 0},
        {"lstm, forward", lstm, false, false, 4, 0, 0},
        {"gru, forward", gru, false, false, 3, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cell *make = rows[i].make;
        bool training = rows[i].training, ragged = rows[i].ragged;
        double all = growth(make, training, ragged, ALL, EDDY_REMEMBER_ALL);
        double one = growth(make, training, ragged, 1, EDDY_REMEMBER_ALL);
        double states = growth(make, training, ragged, 1, EDDY_REMEMBER_STATES);
        printf("%-20s %g, in blocks %g, of states %g\n", rows[i].name, all, one, states);
        cr_expect(fabs(all - rows[i].floats) < 0.05, "%s: %.2f floats, not %.2f", rows[i].name, all,
                  rows[i].floats);
        cr_expect(fabs(one - rows[i].in_blocks) < 0.05, "%s: %.2f floats in blocks, not %.2f",
                  rows[i].name, one, rows[i].in_blocks);
        cr_expect(fabs(states - rows[i].states) < 0.05, "%s: %.2f floats of states, not %.2f",
                  rows[i].name, states, rows[i].states);
    }
}
