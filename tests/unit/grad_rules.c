/* Gradients whose graph or value can be written down by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(grad_rules);

static op_node *grad_of(op_node *loss, op_node *variable) {
    op_node *gradient;
    cr_assert(grad_program(r.g, loss, &variable, 1, &gradient), "%s", r.p.problem.message);
    return gradient;
}

static double value_of(op_node *n, size_t i) {
    feeding w = feeding_init(&r, 3, 4, 5, 2);
    feeding_draw(&w, &n, 1);
    return feeding_number(feeding_run(&w, &n, 1), n, i);
}

Test(grad_rules, the_adjoint_of_a_sum_is_expanded_and_of_a_broadcast_summed) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *p = recurrent_weight(&r, "p", 0, 0);
    op_node *loss = make_total(b, make_add(b, x, p), T | B, OP_KIND_SUM);
    op_node *to_weight = grad_of(loss, p), *to_input = grad_of(loss, x);
    cr_expect_eq(to_input->domain, T | B);
    cr_expect_eq(value_of(to_weight, 0), 3 * 2 * 3);
    cr_expect_eq(value_of(to_input, 0), 1);
}

Test(grad_rules, what_the_loss_does_not_need_has_gradient_zero) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3),
            *other = recurrent_weight(&r, "other", U, 1, 2);
    op_node *gradient = grad_of(recurrent_energy(&r, x), other);
    cr_expect_eq(gradient->domain, U);
    cr_expect(op_shape_equal(&gradient->shape, &other->shape));
    cr_expect_eq(value_of(gradient, 0), 0);
}

Test(grad_rules, the_adjoint_of_a_delay_is_the_opposite_delay) {
    op_node *x = recurrent_input(&r, "x", T, 0), *init = recurrent_weight(&r, "init", 0, 0);
    op_node *y = make_delay(b, x, AXIS_T, 2, init);
    op_node *loss = make_total(b, make_mul(b, y, make_cast(b, make_step(b, AXIS_T), DTYPE_F64)), T,
                               OP_KIND_SUM);
    op_node *to_x = grad_of(loss, x), *to_init = grad_of(loss, init);
    cr_assert_eq(to_x->op, OP_DELAY);
    cr_expect_eq(to_x->attributes.distance, -2);
    feeding w = feeding_init(&r, 5, 1, 1, 1);
    op_node *roots[] = {to_x, to_init};
    feeding_draw(&w, roots, 2);
    eval *e = feeding_run(&w, roots, 2);
    static const double expected[] = {2, 3, 4, 0, 0};
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(feeding_number(e, to_x, i), expected[i]);
    cr_expect_eq(feeding_number(e, to_init, 0), 0 + 1);
}

Test(grad_rules, contributions_add_in_the_order_of_their_readers) {
    op_node *x = recurrent_weight(&r, "x", 0, 0);
    op_node *first = make_unary(b, OP_EXP, x), *second = make_unary(b, OP_SIN, x);
    op_node *loss = make_add(b, second, first), *gradient = grad_of(loss, x);
    cr_assert_eq(gradient->op, OP_ADD);
    /* exp's contribution is exp(x) itself times the seed of 1. */
    cr_expect_eq(gradient->arguments[0], first);
    cr_expect_eq(gradient->arguments[1]->op, OP_COS);
}

Test(grad_rules, ties_of_a_maximum_share) {
    op_node *x = recurrent_weight(&r, "x", 0, 1, 3);
    op_node *loss = make_reduce(b, x, 0, OP_KIND_MAX), *gradient = grad_of(loss, x);
    feeding w = feeding_init(&r, 1, 1, 1, 1);
    feeding_feed(&w, x, (double[]){2, 1, 2}, 3);
    eval *e = feeding_run(&w, &gradient, 1);
    cr_expect_eq(feeding_number(e, gradient, 0), 0.5);
    cr_expect_eq(feeding_number(e, gradient, 1), 0);
    cr_expect_eq(feeding_number(e, gradient, 2), 0.5);
}

Test(grad_rules, a_custom_adjoint_replaces_what_is_behind_it) {
    op_node *x = recurrent_weight(&r, "x", 0, 0);
    op_node *hard = make_cast(b, make_binary(b, OP_LT, recurrent_number(&r, 0), x), DTYPE_F64);
    op_node *dy = make_cotangent(b, hard), *three = make_mul(b, dy, recurrent_number(&r, 3));
    op_node *spike = make_custom(b, "spike", hard, &x, &three, 1, dy);
    op_node *loss = make_add(b, make_mul(b, spike, recurrent_number(&r, 2)), make_stop(b, x));
    cr_expect_eq(value_of(grad_of(loss, x), 0), 6);
}

Test(grad_rules, inside_a_step_delays_are_leaves) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *state = recurrent_state(&r, "state", T | B, 2, AXIS_T, 1, recurrent_number(&r, 0), 1);
    op_node *later = make_delay(b, x, AXIS_T, 1, recurrent_number(&r, 0));
    op_node *y = make_mul(b, make_mul(b, x, state), later), *variables[] = {state, x}, *slopes[2];
    cr_assert(grad_step(r.g, y, variables, 2, slopes), "an open state is no mistake here");
    cr_expect_eq(slopes[0]->domain, state->domain);
    for (size_t i = 0; i < r.g->nodes.count; i++)
        cr_expect(r.g->nodes.at[i]->op != OP_DELAY || r.g->nodes.at[i]->attributes.distance == 1);
    graph_bind(r.g, state, x);
    op_node *expected[] = {make_mul(b, x, later), make_mul(b, state, later)};
    for (int i = 0; i < 2; i++)
        cr_expect_eq(value_of(recurrent_energy(&r, make_sub(b, slopes[i], expected[i])), 0), 0);
}

Test(grad_rules, an_open_state_is_a_mistake) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 2), *gradient;
    op_node *state = recurrent_state(&r, "state", T | B, 2, AXIS_T, 1, recurrent_number(&r, 0), 7);
    cr_expect(!grad_program(r.g, recurrent_energy(&r, make_add(b, x, state)), &x, 1, &gradient));
    cr_expect_eq(r.p.problem.code, STATUS_ILLEGAL);
    cr_expect_str_eq(r.p.problem.message,
                     "cell.c:7: grad: the state %2 state has no next value yet; bind it first");
}

Test(grad_rules, integers_have_no_derivative) {
    op_node *x = recurrent_input(&r, "x", T, 0), *step = make_step(b, AXIS_T), *gradient;
    cr_expect(!grad_program(r.g, make_total(b, step, T, OP_KIND_SUM), &x, 1, &gradient));
    cr_expect_eq(r.p.problem.code, STATUS_SHAPE);
    cr_expect(strstr(r.p.problem.message, "only f32 and f64 have derivatives"));
}

Test(grad_rules, long_chains_do_not_recurse) {
    op_node *x = recurrent_weight(&r, "x", 0, 0), *y = x;
    for (int i = 0; i < 50000; i++)
        y = make_unary(b, OP_SIN, y);
    cr_expect_not_null(grad_of(y, x));
}

Test(grad_rules, a_value_that_is_only_read_through_views_has_its_gradient) {
    op_node *p = recurrent_weight(&r, "p", 0, 1, 3), *q = recurrent_weight(&r, "q", 0, 1, 3);
    op_node *both = make_concat(b, (op_node *[]){p, q}, 2, 0);
    op_node *negative = make_neg(b, make_slice(b, both, 0, 3, 3));
    op_node *loss = make_reduce(b, make_neg(b, negative), 0, OP_KIND_SUM);
    op_node *to_both = grad_of(loss, both), *to_negative = grad_of(loss, negative);
    for (size_t i = 0; i < 6; i++)
        cr_expect_eq(value_of(to_both, i), i < 3 ? 0 : 1);
    cr_expect_eq(value_of(to_negative, 0), -1);
}
