/* Passes over time: how many, which way, what cannot be cut, and the order of additions that
 * follows. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "jit/check.h"
#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(sweeps);

static op_node *const *with_gradients(op_node *loss, node_list *roots) {
    op_node **gradients = arena_array(r.g->memory, op_node *, r.weights.count);
    cr_assert(grad_program(r.g, loss, r.weights.at, r.weights.count, gradients));
    vec_push(r.g->memory, roots, loss);
    for (size_t i = 0; i < r.weights.count; i++)
        vec_push(r.g->memory, roots, gradients[i]);
    return gradients;
}

static sweep_plan plan_of(const node_list *roots, int axis) {
    schedule_list items = {0};
    sweep_plan plan;
    cr_assert(schedule_graph(r.g, r.g->memory, roots->at, roots->count, axis, &items), "%s",
              r.p.problem.message);
    cr_assert(sweeps_place(r.g, r.g->memory, &items, axis, &plan), "%s", r.p.problem.message);
    return plan;
}

/* "+0 -1" */
static const char *sweeps_of(const node_list *roots, int axis) {
    sweep_plan plan = plan_of(roots, axis);
    text out;
    text_init(&out, r.g->memory);
    for (size_t i = 0; i < plan.order.count; i++)
        text_add(&out, "%s%c%d", i ? " " : "", plan.order.at[i].sign > 0 ? '+' : '-',
                 plan.order.at[i].level);
    return out.at;
}

static const char *sweeps_trained(op_node *loss, int axis) {
    node_list roots = {0};
    with_gradients(loss, &roots);
    return sweeps_of(&roots, axis);
}

static node_list only(op_node *n) {
    node_list roots = {0};
    vec_push(r.g->memory, &roots, n);
    return roots;
}

static op_node *input(void) {
    return recurrent_input(&r, "x", T | B, 1, 3);
}

/* Two layers over one input that run against each other. */
static void opposite(op_node *out[2]) {
    op_node *x = input();
    out[0] = recurrent_lstm(&r, "f", x, 3, 2, 1);
    out[1] = recurrent_lstm(&r, "b", x, 3, 2, -1);
}

Test(sweeps, an_lstm_is_one_sweep_and_trains_in_two) {
    op_node *loss = recurrent_energy(&r, recurrent_lstm(&r, "", input(), 3, 2, 1));
    node_list roots = only(loss);
    cr_expect_str_eq(sweeps_of(&roots, AXIS_T), "+0");
    cr_expect_str_eq(sweeps_trained(loss, AXIS_T), "+0 -1");
}

Test(sweeps, a_stack_of_lstms_trains_in_two) {
    op_node *below = recurrent_lstm(&r, "a", input(), 3, 2, 1);
    op_node *loss = recurrent_energy(&r, recurrent_lstm(&r, "b", below, 2, 2, 1));
    cr_expect_str_eq(sweeps_trained(loss, AXIS_T), "+0 -1");
}

Test(sweeps, both_directions_are_on_one_level) {
    op_node *both[2];
    opposite(both);
    node_list roots = only(both[0]);
    vec_push(r.g->memory, &roots, both[1]);
    cr_expect_str_eq(sweeps_of(&roots, AXIS_T), "+0 -0");
}

Test(sweeps, a_layer_above_both_directions) {
    op_node *both[2];
    opposite(both);
    op_node *y = recurrent_lstm(&r, "top", make_concat(b, both, 2, 0), 4, 2, 1);
    node_list roots = only(y);
    cr_expect_str_eq(sweeps_of(&roots, AXIS_T), "+0 -0 +1");
    cr_expect_str_eq(sweeps_trained(recurrent_energy(&r, y), AXIS_T), "+0 -0 +1 -2 +3");
}

Test(sweeps, batch_norm_over_steps_ends_a_sweep_with_each_statistic) {
    op_node *x = input(), *u = recurrent_product(&r, recurrent_weight(&r, "W", 0, 2, 2, 3), x);
    op_node *one = make_cast(b, make_valid(b, AXIS_T, T | B), DTYPE_F64);
    op_node *count = make_total(b, one, T | B, OP_KIND_SUM);
    op_node *off = make_sub(b, u, make_div(b, make_total(b, u, T | B, OP_KIND_SUM), count));
    op_node *variance =
        make_div(b, make_total(b, make_mul(b, off, off), T | B, OP_KIND_SUM), count);
    op_node *scale = make_unary(b, OP_SQRT, make_add(b, variance, recurrent_number(&r, 1e-5)));
    op_node *before =
        recurrent_state(&r, "before", T | B, 2, AXIS_T, 1, recurrent_number(&r, 0), 1);
    op_node *own = recurrent_product(&r, recurrent_weight(&r, "U", 0, 2, 2, 2), before);
    op_node *h = make_unary(b, OP_TANH, make_add(b, make_div(b, off, scale), own));
    graph_bind(r.g, before, h);
    op_node *loss = recurrent_energy(&r, h);
    node_list roots = only(loss);
    cr_expect_str_eq(sweeps_of(&roots, AXIS_T), "+0 +1 +2");
    cr_expect_str_eq(sweeps_trained(loss, AXIS_T), "+0 +1 +2 -3 +4 +5");
}

Test(sweeps, looking_ahead_at_a_computed_value_waits_for_the_next_level) {
    op_node *h = recurrent_lstm(&r, "", input(), 3, 2, 1);
    op_node *ahead = make_add(b, h, make_delay(b, h, AXIS_T, -2, recurrent_number(&r, 0)));
    node_list roots = only(recurrent_energy(&r, ahead));
    cr_expect_str_eq(sweeps_of(&roots, AXIS_T), "+0 +1");
}

Test(sweeps, looking_ahead_at_an_input_does_not) {
    op_node *x = input(), *zero = recurrent_number(&r, 0);
    op_node *near = make_add(b, x, make_delay(b, x, AXIS_T, -2, zero));
    node_list roots = only(recurrent_energy(&r, recurrent_lstm(&r, "", near, 3, 2, 1)));
    cr_expect_str_eq(sweeps_of(&roots, AXIS_T), "+0");
}

static op_node *highway(void) {
    op_node *zero = recurrent_number(&r, 0), *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *top = recurrent_state(&r, "top", T | B, 2, AXIS_T, 1, zero, 1);
    op_node *below = recurrent_state(&r, "below", T | S | B, 2, AXIS_S, 1, top, 2);
    op_node *weight = recurrent_weight(&r, "U", S, 2, 2, 2);
    op_node *sum = make_add(b, x, recurrent_product(&r, weight, below));
    op_node *next = make_unary(b, OP_TANH, sum), *last = make_last(b, next, AXIS_S, zero);
    graph_bind(r.g, below, next);
    graph_bind(r.g, top, last);
    return last;
}

Test(sweeps, an_inner_loop_is_no_obstacle_but_cannot_be_the_axis) {
    op_node *last = highway(), *loss = recurrent_energy(&r, last);
    cr_expect_str_eq(sweeps_trained(loss, AXIS_T), "+0 -1");
    schedule_list items = {0};
    sweep_plan plan;
    cr_assert(schedule_graph(r.g, r.g->memory, &last, 1, AXIS_S, &items));
    cr_expect(!sweeps_place(r.g, r.g->memory, &items, AXIS_S, &plan));
    cr_expect_eq(r.p.problem.code, STATUS_ILLEGAL);
    cr_expect(strstr(r.p.problem.message, "no blocks along s: the loop along t that computes %"));
}

Test(sweeps, a_grid_is_cut_along_either_axis) {
    op_node *zero = recurrent_number(&r, 0), *x = recurrent_input(&r, "x", T | S | B, 1, 2);
    op_node *up = recurrent_state(&r, "up", T | S | B, 2, AXIS_T, 1, zero, 1);
    op_node *left = recurrent_state(&r, "left", T | S | B, 2, AXIS_S, 1, zero, 2);
    op_node *own =
        recurrent_product(&r, recurrent_weight(&r, "U", 0, 2, 2, 2), make_add(b, up, left));
    op_node *h = make_unary(b, OP_TANH, make_add(b, x, own));
    graph_bind(r.g, up, h);
    graph_bind(r.g, left, h);
    op_node *loss = recurrent_energy(&r, h);
    cr_expect_str_eq(sweeps_trained(loss, AXIS_T), "+0 -1");
    cr_expect_str_eq(sweeps_trained(loss, AXIS_S), "+0 -1");
}

Test(sweeps, places_of_single_values) {
    op_node *x = input(), *w = recurrent_weight(&r, "W", 0, 2, 2, 3);
    op_node *scaled = make_mul(b, w, recurrent_number(&r, 2)),
            *in = recurrent_product(&r, scaled, x);
    op_node *h = recurrent_lstm(&r, "", in, 2, 2, -1), *sum = make_total(b, h, T, OP_KIND_SUM);
    op_node *after = make_neg(b, sum), *again = make_add(b, h, after);
    node_list roots = only(again);
    sweep_plan plan = plan_of(&roots, AXIS_T);
    cr_expect_eq(plan.of[scaled->id].sign, 0, "static");
    cr_expect(plan.of[in->id].sign == -1 && plan.of[in->id].level == 0, "floats to its reader");
    cr_expect(plan.of[sum->id].sign == -1 && plan.of[sum->id].level == 0);
    cr_expect(plan.of[after->id].sign == 0 && plan.of[after->id].level == 1);
    cr_expect_eq(plan.of[again->id].level, 1);
}

/* ---- the axis and the order */

Test(sweeps, the_axis_is_the_first_that_every_loop_can_have_outermost) {
    graph_output_add(r.g, "y", highway());
    cr_expect_eq(sweeps_axis(r.g, r.g->memory), AXIS_T);
}

Test(sweeps, an_axis_that_must_stay_inside_is_passed_over) {
    op_node *zero = recurrent_number(&r, 0), *x = recurrent_input(&r, "x", S | B, 1, 2);
    op_node *top = recurrent_state(&r, "top", S | B, 2, AXIS_S, 1, zero, 1);
    op_node *below = recurrent_state(&r, "below", T | S | B, 2, AXIS_T, 1, top, 2);
    op_node *next = make_unary(b, OP_TANH, make_add(b, x, below)),
            *last = make_last(b, next, AXIS_T, zero);
    graph_bind(r.g, below, next);
    graph_bind(r.g, top, last);
    graph_output_add(r.g, "y", last);
    cr_expect_eq(sweeps_axis(r.g, r.g->memory), AXIS_S);
}

Test(sweeps, without_time_there_is_no_axis) {
    graph_output_add(r.g, "y", recurrent_energy(&r, recurrent_input(&r, "x", B, 1, 2)));
    cr_expect_eq(sweeps_axis(r.g, r.g->memory), -1);
}

static const op_node *output_of(const graph *g, const char *name) {
    const op_node *found = NULL;
    for (size_t i = 0; i < g->outputs.count; i++)
        if (strcmp(g->outputs.at[i].name, name) == 0)
            found = g->outputs.at[i].node;
    cr_assert_not_null(found);
    return found;
}

Test(sweeps, weight_gradients_add_over_descending_steps) {
    op_node *x = input(), *h = recurrent_lstm(&r, "", x, 3, 2, 1), *loss = recurrent_energy(&r, h);
    node_list roots = {0};
    op_node *const *gradients = with_gradients(loss, &roots);
    graph_output_add(r.g, "loss", loss);
    graph_output_add(r.g, "gradient", gradients[1]);
    program ordered;
    program_init(&ordered);
    order_graph(r.g, &ordered.g);
    cr_assert_eq(ordered.problem.code, STATUS_OK, "%s", ordered.problem.message);
    const op_node *sum = output_of(&ordered.g, "loss"), *slope = output_of(&ordered.g, "gradient");
    cr_assert(sum->op == OP_CONTRACT && slope->op == OP_CONTRACT);
    cr_expect(sum->attributes.outermost == AXIS_T && sum->attributes.reverse == 0);
    cr_expect(slope->attributes.outermost == AXIS_T && slope->attributes.reverse == 1);
    cr_expect_eq(gradients[1]->attributes.outermost, -1, "the old graph is as it was");
    program_close(&ordered);
}

/* The only output, on drawn numbers. */
static const double *evaluated(graph *g, size_t *elements) {
    const int64_t extents[LIMIT_AXES] = {[AXIS_T] = 40, [AXIS_B] = 3};
    op_node *root = g->outputs.at[0].node;
    check_sample sample;
    eval_feed *feeds;
    check_draw(g, r.g->memory, extents, 1, &sample);
    size_t count = check_feeds(g, r.g->memory, &sample, &feeds);
    return eval_value(eval_graph(g, r.g->memory, &root, 1, extents, feeds, count), root, elements);
}

/* The order has to be stated, as it can be told from the bits. */
Test(sweeps, an_ascending_sum_rounds_otherwise) {
    op_node *loss = recurrent_energy(&r, recurrent_lstm(&r, "", input(), 3, 2, 1));
    node_list roots = {0};
    op_node *gradient = with_gradients(loss, &roots)[1];
    graph_output_add(r.g, "gradient", gradient);
    program ordered;
    program_init(&ordered);
    order_graph(r.g, &ordered.g);
    size_t elements, differ = 0;
    const double *up = evaluated(r.g, &elements), *down = evaluated(&ordered.g, &elements);
    cr_assert_gt(elements, 0);
    for (size_t i = 0; i < elements; i++) {
        differ += memcmp(&up[i], &down[i], sizeof *up) != 0;
        cr_expect(fabs(up[i] - down[i]) <= 1e-12 * fabs(up[i]));
    }
    cr_expect_gt(differ, 0);
    program_close(&ordered);
}

Test(sweeps, without_an_axis_the_order_stays) {
    graph_output_add(r.g, "y", recurrent_energy(&r, recurrent_input(&r, "x", B, 1, 2)));
    program ordered;
    program_init(&ordered);
    order_graph(r.g, &ordered.g);
    cr_expect_eq(output_of(&ordered.g, "y")->attributes.outermost, -1);
    program_close(&ordered);
}
