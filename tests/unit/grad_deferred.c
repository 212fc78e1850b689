/* Gradients as nodes: expanding them gives what differentiating at once gives, in one sweep. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/recurrent.h"

static recurrent r;
static op_builder *b;
static graph made;

static void start(void) {
    recurrent_init(&r);
    b = r.b;
    graph_init(&made, r.g->memory, r.g->problem);
}

static void finish(void) {
    recurrent_free(&r);
}

TestSuite(grad_deferred, .init = start, .fini = finish);

static const char *text_of(const graph *g) {
    text out;
    text_init(&out, r.g->memory);
    print_graph(g, &out);
    return out.at;
}

static const char *expanded(void) {
    grad_graph(r.g, &made);
    cr_assert_eq(r.p.problem.code, STATUS_OK, "%s", r.p.problem.message);
    for (size_t i = 0; i < made.nodes.count; i++)
        cr_assert_neq(made.nodes.at[i]->op, OP_GRADIENT);
    return text_of(&made);
}

static op_node *lstm_energy(void) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    return recurrent_energy(&r, recurrent_lstm(&r, "", x, 3, 2, 1));
}

Test(grad_deferred, gradients_of_one_loss_share_one_sweep) {
    op_node *loss = lstm_energy();
    size_t count = r.weights.count;
    op_node **at_once = arena_array(r.g->memory, op_node *, count);
    graph tidy, plain;
    graph_init(&tidy, r.g->memory, r.g->problem);
    graph_init(&plain, r.g->memory, r.g->problem);
    for (size_t i = 0; i < count; i++)
        graph_output_add(r.g, r.weights.at[i]->name, make_gradient(b, loss, r.weights.at[i]));
    expanded();
    rewrite_graph(&made, &tidy, NULL, NULL);
    size_t outputs = r.g->outputs.count;
    r.g->outputs.count = 0;
    cr_assert(grad_program(r.g, loss, r.weights.at, count, at_once));
    for (size_t i = 0; i < count; i++)
        graph_output_add(r.g, r.weights.at[i]->name, at_once[i]);
    cr_assert_eq(outputs, r.g->outputs.count);
    rewrite_graph(r.g, &plain, NULL, NULL);
    cr_assert_str_eq(text_of(&tidy), text_of(&plain));
}

Test(grad_deferred, a_loss_of_gradients_waits_for_them) {
    op_node *w = recurrent_weight(&r, "w", 0, 0);
    op_node *cube = make_mul(b, w, make_mul(b, w, w));
    op_node *slope = make_gradient(b, cube, w);
    graph_output_add(r.g, "curve", make_gradient(b, make_mul(b, slope, slope), w));
    expanded();
    double two = 2;
    feeding t = feeding_init(&(recurrent){.p = r.p, .g = &made, .b = &made.builder}, 1, 1, 1, 1);
    for (size_t i = 0; i < made.nodes.count; i++)
        if (made.nodes.at[i]->op == OP_PARAM)
            feeding_feed(&t, made.nodes.at[i], &two, 1);
    op_node *curve = made.outputs.at[0].node;
    cr_expect_eq(feeding_number(feeding_run(&t, &curve, 1), curve, 0), 288); /* (9 w^4)' = 36 w^3 */
}

Test(grad_deferred, what_the_loss_does_not_need_has_gradient_zero) {
    op_node *w = recurrent_weight(&r, "w", 0, 0), *loss = make_mul(b, w, w);
    op_node *slope = make_gradient(b, loss, w), *after = make_mul(b, slope, w);
    graph_output_add(r.g, "g", make_gradient(b, loss, after));
    expanded();
    cr_expect_eq(made.outputs.at[0].node->op, OP_CONSTANT);
}

Test(grad_deferred, a_state_may_be_bound_after_its_gradient_was_asked_for) {
    op_node *w = recurrent_weight(&r, "w", 0, 0), *zero = recurrent_number(&r, 0);
    op_node *state = recurrent_state(&r, "h", T, 2, AXIS_T, 1, zero, 3);
    op_node *next = make_add(b, make_mul(b, w, state), make_like(b, w, 1));
    graph_output_add(r.g, "g", make_gradient(b, recurrent_energy(&r, next), w));
    graph_bind(r.g, state, next);
    expanded();
    cr_expect(verify_graph(&made), "%s", r.p.problem.message);
}

Test(grad_deferred, a_loss_may_not_depend_on_its_own_gradient) {
    op_node *w = recurrent_weight(&r, "w", 0, 0), *zero = recurrent_number(&r, 0);
    op_node *state = recurrent_state(&r, "h", T, 2, AXIS_T, 1, zero, 3);
    op_node *loss = make_mul(b, w, state);
    b->where = (site){"rule.c", 8};
    graph_bind(r.g, state, make_gradient(b, loss, state));
    graph_output_add(r.g, "loss", loss);
    grad_graph(r.g, &made);
    cr_expect_eq(r.p.problem.code, STATUS_ILLEGAL);
    cr_expect(strstr(r.p.problem.message, "rule.c:8: grad: the loss"), "%s", r.p.problem.message);
    cr_expect(strstr(r.p.problem.message, "depends on its own gradient"));
}

Test(grad_deferred, an_adjoint_of_the_users_own_may_hold_a_gradient) {
    op_node *w = recurrent_weight(&r, "w", 0, 0), *y = make_unary(b, OP_FLOOR, w);
    op_node *dy = make_cotangent(b, y);
    op_node *stand_in = make_mul(b, make_mul(b, w, w), dy);
    op_node *own = make_gradient(b, stand_in, w);
    op_node *custom = make_custom(b, "square", y, &w, &own, 1, dy);
    graph_output_add(r.g, "g", make_gradient(b, make_mul(b, custom, recurrent_number(&r, 3)), w));
    expanded();
    double half = 0.5;
    feeding t = feeding_init(&(recurrent){.p = r.p, .g = &made, .b = &made.builder}, 1, 1, 1, 1);
    for (size_t i = 0; i < made.nodes.count; i++)
        if (made.nodes.at[i]->op == OP_PARAM)
            feeding_feed(&t, made.nodes.at[i], &half, 1);
    op_node *g = made.outputs.at[0].node;
    cr_expect_eq(feeding_number(feeding_run(&t, &g, 1), g, 0), 3);
}

Test(grad_deferred, nothing_inside_a_step_is_differentiated_through_one) {
    op_node *w = recurrent_weight(&r, "w", 0, 0), *slope = make_gradient(b, make_mul(b, w, w), w);
    op_node *loss = make_mul(b, slope, w), *out;
    cr_expect(!grad_step(r.g, loss, &w, 1, &out));
    cr_expect(strstr(r.p.problem.message, "inside a step"), "%s", r.p.problem.message);
}

Test(grad_deferred, the_evaluator_refuses_it) {
    op_node *w = recurrent_weight(&r, "w", 0, 0), *slope = make_gradient(b, make_mul(b, w, w), w);
    int64_t extents[LIMIT_AXES] = {0};
    double one = 1;
    eval_feed feed = {w, &one};
    cr_expect_null(eval_graph(r.g, r.g->memory, &slope, 1, extents, &feed, 1));
    cr_expect(strstr(r.p.problem.message, "was not expanded"), "%s", r.p.problem.message);
}
