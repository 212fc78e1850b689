/* Gradients through time against finite differences, in f64: recurrences of every kind that the
 * graph can hold. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(grad_cells);

static op_node *tanh_of(op_node *x) {
    return make_unary(b, OP_TANH, x);
}

/* Lengths of t over the samples; 5 steps and 3 samples of 5, 2 and 0 steps. */
static void ragged(feeding *w, const op_node *lengths) {
    *w = feeding_init(&r, 5, 3, 3, 3);
    if (lengths)
        feeding_feed(w, lengths, (double[]){5, 2, 0}, 3);
}

static op_node *lengths_of(int axis, const char *name) {
    op_shape none = op_shape_make(0, NULL);
    op_node *lengths = make_input(b, name, DTYPE_I32, B, &none);
    cr_assert(graph_axis_lengths(r.g, axis, lengths));
    return lengths;
}

/* Padding is arbitrary in a gradient as in any value; leaving the program it is 0. */
static op_node *without_padding(op_node *x) {
    for (int axis = 0; axis < r.g->axis_count; axis++) {
        const op_node *lengths = r.g->axes[axis].lengths;
        if ((x->domain >> axis & 1) && lengths && !(lengths->domain & ~x->domain))
            x = make_select(b, make_valid(b, axis, x->domain), x, make_like(b, x, 0));
    }
    return x;
}

/* Gradients of loss with respect to every variable agree with slopes. */
static void agrees(feeding *w, op_node *loss, op_node *const *variables, size_t count) {
    op_node *gradients[32];
    cr_assert_leq(count, 32);
    cr_assert(grad_program(r.g, loss, variables, count, gradients), "%s", r.p.problem.message);
    feeding_draw(w, &loss, 1);
    feeding_draw(w, gradients, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(gradients[i]->domain, variables[i]->domain);
        cr_assert(op_shape_equal(&gradients[i]->shape, &variables[i]->shape));
        double off = feeding_slope_error(w, loss, variables[i], without_padding(gradients[i]));
        cr_expect_lt(off, 1e-7, "%s: off by %g", variables[i]->name, off);
    }
}

/* NaN in the padding of x must reach nothing. x is {t,b} [units]. */
static void poison(feeding *w, const op_node *x, int units) {
    static const int length[] = {5, 2, 0};
    double *data = feeding_fed(w, x);
    for (int t = 0; t < 5; t++)
        for (int sample = 0; sample < 3; sample++)
            for (int i = 0; i < units && t >= length[sample]; i++)
                data[(t * 3 + sample) * units + i] = NAN;
}

Test(grad_cells, lstm_with_lengths_and_poisoned_padding) {
    op_node *lengths = lengths_of(AXIS_T, "lengths"), *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *h = recurrent_lstm(&r, "", x, 2, 2, 1), *loss = recurrent_energy(&r, h);
    feeding w;
    ragged(&w, lengths);
    feeding_draw(&w, &loss, 1);
    poison(&w, x, 2);
    agrees(&w, loss, r.weights.at, r.weights.count);
}

Test(grad_cells, the_input_gradient_is_zero_past_the_end) {
    op_node *lengths = lengths_of(AXIS_T, "lengths"), *x = recurrent_input(&r, "x", T | B, 1, 1);
    op_node *loss = recurrent_energy(&r, recurrent_lstm(&r, "", x, 1, 2, -1)), *gradient;
    cr_assert(grad_program(r.g, loss, &x, 1, &gradient));
    op_node *masked = without_padding(gradient);
    feeding w;
    ragged(&w, lengths);
    feeding_draw(&w, &loss, 1);
    poison(&w, x, 1);
    eval *e = feeding_run(&w, &masked, 1);
    static const int length[] = {5, 2, 0};
    for (int t = 0; t < 5; t++)
        for (int sample = 0; sample < 3; sample++) {
            double g = feeding_number(e, masked, (size_t)(t * 3 + sample));
            cr_expect(t < length[sample] ? g != 0 && isfinite(g) : g == 0);
        }
}

/* h(t) = tanh(x + U h(t - k)), starting from a value computed for every step. */
static void try_distance(int distance) {
    op_node *lengths = lengths_of(AXIS_T, "lengths"), *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *context = recurrent_input(&r, "context", B, 1, 2);
    op_node *first = recurrent_weight(&r, "A", 0, 2, 2, 2),
            *own = recurrent_weight(&r, "U", 0, 2, 2, 2);
    op_node *step = make_cast(b, make_step(b, AXIS_T), DTYPE_F64);
    op_node *init = make_add(b, tanh_of(recurrent_product(&r, first, context)),
                             make_mul(b, step, recurrent_number(&r, 0.1)));
    op_node *before = recurrent_state(&r, "before", T | B, 2, AXIS_T, distance, init, 1);
    op_node *h = tanh_of(make_add(b, x, recurrent_product(&r, own, before)));
    graph_bind(r.g, before, h);
    op_node *end = make_last(b, h, AXIS_T, recurrent_product(&r, first, context));
    op_node *loss = make_add(b, recurrent_energy(&r, h), recurrent_energy(&r, end));
    feeding w;
    ragged(&w, lengths);
    op_node *variables[] = {first, own, context, x};
    agrees(&w, loss, variables, 4);
}

Test(grad_cells, delay_by_1) {
    try_distance(1);
}
Test(grad_cells, delay_by_3) {
    try_distance(3);
}
Test(grad_cells, look_ahead_by_2) {
    try_distance(-2);
}

Test(grad_cells, a_bidirectional_stack) {
    op_node *lengths = lengths_of(AXIS_T, "lengths"), *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *both[] = {recurrent_lstm(&r, "f", x, 2, 1, 1), recurrent_lstm(&r, "b", x, 2, 1, -1)};
    op_node *y = recurrent_lstm(&r, "top", make_concat(b, both, 2, 0), 2, 1, 1);
    op_node *loss = recurrent_energy(&r, make_last(b, y, AXIS_T, recurrent_number(&r, 0)));
    feeding w;
    ragged(&w, lengths);
    agrees(&w, loss, r.weights.at, r.weights.count - 4);
}

Test(grad_cells, a_depth_axis_inside_each_step) {
    op_node *zero = recurrent_number(&r, 0), *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *top = recurrent_state(&r, "top", T | B, 2, AXIS_T, 1, zero, 1);
    op_node *below = recurrent_state(&r, "below", T | S | B, 2, AXIS_S, 1, top, 2);
    op_node *weight = recurrent_weight(&r, "U", S, 2, 2, 2);
    op_node *next = tanh_of(make_add(b, x, recurrent_product(&r, weight, below)));
    op_node *last = make_last(b, next, AXIS_S, zero);
    graph_bind(r.g, below, next);
    graph_bind(r.g, top, last);
    feeding w;
    ragged(&w, NULL);
    op_node *variables[] = {weight, x};
    agrees(&w, recurrent_energy(&r, last), variables, 2);
}

Test(grad_cells, a_grid_of_two_time_axes) {
    op_node *zero = recurrent_number(&r, 0), *x = recurrent_input(&r, "x", T | S | B, 1, 2);
    op_node *up = recurrent_state(&r, "up", T | S | B, 2, AXIS_T, 1, zero, 1);
    op_node *left = recurrent_state(&r, "left", T | S | B, 2, AXIS_S, 1, zero, 2);
    op_node *u = recurrent_weight(&r, "U", 0, 2, 2, 2), *v = recurrent_weight(&r, "V", 0, 2, 2, 2);
    op_node *sum = make_add(b, recurrent_product(&r, u, up), recurrent_product(&r, v, left));
    op_node *h = tanh_of(make_add(b, x, sum));
    graph_bind(r.g, up, h);
    graph_bind(r.g, left, h);
    feeding w;
    ragged(&w, NULL);
    op_node *variables[] = {u, v, x};
    agrees(&w, recurrent_energy(&r, h), variables, 3);
}

Test(grad_cells, attention_over_an_encoder_with_both_lengths) {
    op_node *source = lengths_of(AXIS_S, "source"), *target = lengths_of(AXIS_T, "target");
    op_node *xs = recurrent_input(&r, "xs", S | B, 1, 2),
            *xt = recurrent_input(&r, "xt", T | B, 1, 2);
    op_node *zero = recurrent_number(&r, 0), *we = recurrent_weight(&r, "We", 0, 2, 2, 2);
    op_node *m0 = recurrent_state(&r, "m0", S | B, 2, AXIS_S, 1, zero, 1);
    op_node *m = tanh_of(make_add(b, xs, recurrent_product(&r, we, m0)));
    graph_bind(r.g, m0, m);
    op_node *wd = recurrent_weight(&r, "Wd", 0, 2, 2, 2);
    op_node *h0 = recurrent_state(&r, "h0", T | B, 2, AXIS_T, 1, make_last(b, m, AXIS_S, zero), 2);
    op_node *score = make_contract(b, "m,m->", m, recurrent_product(&r, wd, h0), 0);
    op_node *share =
        make_unary(b, OP_EXP, make_sub(b, score, make_total(b, score, S, OP_KIND_LSE)));
    op_node *context = make_contract(b, ",m->m", share, m, S);
    op_node *h = tanh_of(make_add(b, make_add(b, xt, context), recurrent_product(&r, wd, h0)));
    graph_bind(r.g, h0, h);
    op_node *loss = recurrent_energy(&r, h);
    feeding w = feeding_init(&r, 5, 4, 1, 3);
    feeding_feed(&w, target, (double[]){5, 2, 0}, 3);
    feeding_feed(&w, source, (double[]){3, 4, 1}, 3);
    feeding_draw(&w, &loss, 1);
    poison(&w, xt, 2);
    op_node *variables[] = {we, wd, xs};
    agrees(&w, loss, variables, 3);
}

Test(grad_cells, a_recurrence_of_logarithms_with_infinite_states) {
    op_node *lengths = lengths_of(AXIS_T, "lengths");
    op_node *logits = recurrent_input(&r, "logits", T | B, 0),
            *impossible = recurrent_number(&r, -INFINITY);
    op_node *at_zero = make_binary(b, OP_EQ, make_step(b, AXIS_S), make_number(b, DTYPE_I32, 0));
    op_node *init = make_select(b, at_zero, recurrent_number(&r, 0), impossible);
    op_shape none = op_shape_make(0, NULL);
    op_node *before = make_open_delay(b, AXIS_T, 1, init, DTYPE_F64, T | S | B, &none);
    op_node *weight = recurrent_weight(&r, "skip", S, 0);
    op_node *diagonal = make_add(b, make_delay(b, before, AXIS_S, 1, impossible), weight);
    op_node *path = make_add(b, logits, make_binary(b, OP_LOGADDEXP, before, diagonal));
    graph_bind(r.g, before, path);
    op_node *end = make_last(b, make_last(b, path, AXIS_T, init), AXIS_S, impossible);
    /* Sample 2 has no step: its end is impossible and must not reach the loss. */
    op_node *possible = make_binary(b, OP_LT, make_number(b, DTYPE_I32, 1), lengths);
    op_node *loss =
        make_total(b, make_select(b, possible, end, recurrent_number(&r, 0)), B, OP_KIND_SUM);
    feeding w = feeding_init(&r, 5, 3, 1, 3);
    feeding_feed(&w, lengths, (double[]){5, 3, 0}, 3);
    op_node *variables[] = {weight, logits};
    agrees(&w, loss, variables, 2);
}

Test(grad_cells, gradients_of_gradients) {
    op_node *lengths = lengths_of(AXIS_T, "lengths"), *x = recurrent_input(&r, "x", T | B, 1, 1);
    op_node *h = recurrent_lstm(&r, "", x, 1, 2, 1), *loss = recurrent_energy(&r, h), *first[12];
    cr_assert_eq(r.weights.count, 12);
    cr_assert(grad_program(r.g, loss, r.weights.at, 12, first));
    op_node *norm = recurrent_energy(&r, first[0]);
    for (int i = 1; i < 12; i++)
        norm = make_add(b, norm, recurrent_energy(&r, first[i]));
    feeding w;
    ragged(&w, lengths);
    agrees(&w, norm, r.weights.at, 12);
}

Test(grad_cells, a_learning_rule_inside_the_step) {
    /* The state is a matrix that takes a gradient step on its own error: the delta rule. */
    op_node *k = recurrent_input(&r, "k", T | B, 1, 2), *v = recurrent_input(&r, "v", T | B, 1, 2);
    op_node *rate = recurrent_weight(&r, "rate", 0, 0), *q = recurrent_input(&r, "q", T | B, 1, 2);
    op_shape square = op_shape_make(2, (int64_t[]){2, 2});
    op_node *before =
        make_open_delay(b, AXIS_T, 1, recurrent_number(&r, 0), DTYPE_F64, T | B, &square);
    op_node *off = make_sub(b, recurrent_product(&r, before, k), v), *slope;
    op_node *half = make_mul(b, make_contract(b, "m,m->", off, off, 0), recurrent_number(&r, 0.5));
    cr_assert(grad_step(r.g, half, &before, 1, &slope));
    op_node *by_hand = make_contract(b, "m,n->mn", off, k, 0);
    op_node *next = make_sub(b, before, make_mul(b, rate, slope));
    graph_bind(r.g, before, next);
    op_node *difference = recurrent_energy(&r, make_sub(b, slope, by_hand));
    op_node *loss = recurrent_energy(&r, recurrent_product(&r, next, q));
    feeding w;
    ragged(&w, NULL);
    op_node *variables[] = {rate, k, v, q};
    agrees(&w, loss, variables, 4);
    feeding_draw(&w, &difference, 1);
    cr_expect_lt(feeding_number(feeding_run(&w, &difference, 1), difference, 0), 1e-28);
}
