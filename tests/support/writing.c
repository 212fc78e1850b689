/* Cells gate by gate, in another order, on joined values, through the library: what the compiler is
 * to make one program of. */
#include "tests/support/writing.h"

#include <criterion/criterion.h>
#include <string.h>

enum { INPUTS = 3, UNITS = 2 };

static writing writing_begin(int with) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    writing w = {.m = m, .b = eddy_batch(m, "b")};
    w.t = with & WRITING_LENGTHS ? eddy_time_ragged(m, "t", w.b, "lengths") : eddy_time(m, "t");
    w.x = eddy_input(m, "x", EDDY_F64, w.t | w.b, INPUTS);
    return w;
}

/* ---- the cells */

/* One matrix for x and one for h, or one for [x, h]. */
static eddy_value writing_gate(const writing *w, char letter, eddy_value h, bool joined) {
    char input[] = {'W', letter, 0}, past[] = {'U', letter, 0}, bias[] = {'b', letter, 0};
    eddy_init random = eddy_init_glorot();
    eddy_value b = eddy_param(w->m, bias, eddy_init_zeros(), UNITS);
    if (joined) {
        eddy_value xh = eddy_concat(0, w->x, h);
        eddy_value both = eddy_param(w->m, input, random, UNITS, INPUTS + UNITS);
        return eddy_add(eddy_matmul(both, xh), b);
    }
    eddy_value wx = eddy_matmul(eddy_param(w->m, input, random, UNITS, INPUTS), w->x);
    eddy_value uh = eddy_matmul(eddy_param(w->m, past, random, UNITS, UNITS), h);
    return eddy_add(eddy_add(wx, uh), b);
}

/* order: in which the gates are written. */
static eddy_value writing_lstm(const writing *w, const char *order, bool joined) {
    eddy_value h = eddy_state(w->m, "h", w->t, UNITS), c = eddy_state(w->m, "c", w->t, UNITS);
    eddy_value gates[128];
    for (const char *letter = order; *letter; letter++)
        gates[(int)*letter] = writing_gate(w, *letter, h, joined);
    eddy_value kept = eddy_mul(eddy_sigmoid(gates['f']), c);
    eddy_value added = eddy_mul(eddy_sigmoid(gates['i']), eddy_tanh(gates['g']));
    eddy_value now = eddy_add(kept, added);
    eddy_value out = eddy_mul(eddy_sigmoid(gates['o']), eddy_tanh(now));
    eddy_next(c, now);
    eddy_next(h, out);
    return out;
}

eddy_value writing_lstm_gates(const writing *w) {
    return writing_lstm(w, "ifgo", false);
}

eddy_value writing_lstm_other_order(const writing *w) {
    return writing_lstm(w, "gofi", false);
}

eddy_value writing_lstm_joined(const writing *w) {
    return writing_lstm(w, "ifgo", true);
}

eddy_value writing_lstm_library(const writing *w) {
    eddy_cell_options options = {0};
    return eddy_lstm(w->m, "cell", w->t, UNITS, w->x, &options);
}

/* Every gate sees both states, each through a matrix of its own. */
eddy_value writing_lstm_states(const writing *w) {
    eddy_value h = eddy_state(w->m, "h", w->t, UNITS), c = eddy_state(w->m, "c", w->t, UNITS);
    eddy_value gates[4];
    static const char *const inputs[] = {"Wi", "Wf", "Wg", "Wo"},
                             *pasts[] = {"Ui", "Uf", "Ug", "Uo"},
                             *memories[] = {"Vi", "Vf", "Vg", "Vo"};
    for (int i = 0; i < 4; i++) {
        eddy_value x = eddy_linear(w->m, inputs[i], UNITS, w->x);
        eddy_value past = eddy_linear(w->m, pasts[i], UNITS, h);
        eddy_value inner = eddy_linear(w->m, memories[i], UNITS, c);
        gates[i] = eddy_sum(inner, x, past);
    }
    eddy_value kept = eddy_mul(eddy_sigmoid(gates[1]), c);
    eddy_value added = eddy_mul(eddy_sigmoid(gates[0]), eddy_tanh(gates[2]));
    eddy_value now = eddy_add(kept, added);
    eddy_value out = eddy_mul(eddy_sigmoid(gates[3]), eddy_tanh(now));
    eddy_next(c, now);
    eddy_next(h, out);
    return out;
}

eddy_value writing_gru_after(const writing *w) {
    eddy_cell_options options = {0};
    return eddy_gru(w->m, "cell", w->t, UNITS, w->x, &options);
}

eddy_value writing_gru_before(const writing *w) {
    eddy_cell_options options = {.reset_before = true};
    return eddy_gru(w->m, "cell", w->t, UNITS, w->x, &options);
}

/* A fast and a slow state, and a sum of what is read out of both. */
eddy_value writing_two_speeds(const writing *w) {
    eddy_value h = eddy_state(w->m, "h", w->t, UNITS), s = eddy_state(w->m, "s", w->t, UNITS);
    eddy_value z = eddy_sigmoid(eddy_linear(w->m, "Uz", UNITS, h));
    eddy_value r = eddy_sigmoid(eddy_linear(w->m, "Ur", UNITS, s));
    eddy_value past = eddy_mul(r, eddy_linear(w->m, "Un", UNITS, h));
    eddy_value n = eddy_tanh(eddy_add(eddy_linear(w->m, "Wn", UNITS, w->x), past));
    eddy_value now = eddy_add(n, eddy_mul(z, eddy_sub(h, n)));
    eddy_value slow = eddy_add(now, eddy_scale(eddy_sub(s, now), 0.9));
    eddy_next(h, now);
    eddy_next(s, slow);
    eddy_value out = eddy_linear(w->m, "Vh", UNITS, now);
    return eddy_add(out, eddy_linear(w->m, "Vs", UNITS, slow));
}

/* "Wi" of "cell.Wi". */
static const char *writing_last_word(eddy_value weight) {
    const char *name = eddy_value_name(weight), *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* A model whose results stand in the same order however the cell is written: that of the names of
 * its weights. */
eddy_model *writing_model(writing_cell *write, int with) {
    enum { MOST = 16 };
    eddy_value weights[MOST];
    writing w = writing_begin(with);
    eddy_value h = write(&w);
    eddy_value loss = eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), w.t | w.b);
    eddy_output(w.m, "loss", loss);
    int count = with & WRITING_GRADIENTS ? eddy_trainable_count(w.m) : 0;
    cr_assert_leq(count, MOST);
    for (int i = 0; i < count; i++) {
        eddy_value weight = eddy_trainable(w.m, i);
        int at = i;
        for (; at > 0 && strcmp(writing_last_word(weights[at - 1]), writing_last_word(weight)) > 0;
             at--)
            weights[at] = weights[at - 1];
        weights[at] = weight;
    }
    for (int i = 0; i < count; i++)
        eddy_output(w.m, writing_last_word(weights[i]), eddy_gradient(loss, weights[i]));
    if (with & WRITING_GRADIENTS)
        eddy_output(w.m, "dx", eddy_gradient(loss, w.x));
    if (with & WRITING_TRAINING)
        eddy_minimise(loss, eddy_adam());
    cr_assert_eq(eddy_model_status(w.m), EDDY_OK, "%s", eddy_model_message(w.m));
    return w.m;
}
