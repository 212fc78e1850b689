/* What verify says about programs that cannot run. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/program.h"

static program p;
static op_builder *b;
static op_shape none;

static void start(void) {
    program_init(&p);
    graph_axis_add(&p.g, "t", false, -1);
    graph_axis_add(&p.g, "b", true, -1);
    b = &p.g.builder;
    b->where = (site){"cell.c", 11};
}

static void stop(void) {
    program_close(&p);
}

TestSuite(graph_verify, .init = start, .fini = stop);

static op_node *state(void) {
    return make_open_delay(b, PROGRAM_T, 1, make_number(b, DTYPE_F32, 0), DTYPE_F32,
                           PROGRAM_BIT(PROGRAM_B), &none);
}

Test(graph_verify, a_state_without_a_next_value) {
    op_node *h = graph_name(&p.g, state(), "h");
    b->where = (site){"cell.c", 12};
    graph_output_add(&p.g, "y", make_unary(b, OP_TANH, h));
    cr_assert_not(verify_graph(&p.g));
    cr_assert_eq(p.problem.code, STATUS_ILLEGAL);
    cr_assert_str_eq(p.problem.message,
                     "cell.c:11: the state %1 h, f32 {t,b} [], is never given its next value; "
                     "bind it to the value that it has after a step");
    cr_assert_str_eq(p.problem.where.file, "cell.c");
    cr_assert_eq(p.problem.where.line, 11);
}

Test(graph_verify, an_open_state_that_nothing_needs_is_no_mistake) {
    state();
    graph_output_add(&p.g, "y", make_step(b, PROGRAM_T));
    cr_assert(verify_graph(&p.g), "%s", p.problem.message);
}

Test(graph_verify, a_legal_recurrence) {
    op_node *h = state();
    graph_bind(&p.g, h, make_unary(b, OP_TANH, h));
    graph_output_add(&p.g, "y", h);
    cr_assert(verify_graph(&p.g), "%s", p.problem.message);
    cr_assert_str_eq(b->where.file, "cell.c", "the user's line is left as it was");
    cr_assert_eq(b->where.line, 11);
}

Test(graph_verify, a_cycle_that_no_loop_computes) {
    op_node *h = graph_name(&p.g, state(), "h");
    op_node *all = make_expand(b, make_total(b, h, PROGRAM_BIT(PROGRAM_T), OP_KIND_SUM),
                               PROGRAM_BIT(PROGRAM_T));
    graph_bind(&p.g, h, all);
    graph_output_add(&p.g, "y", h);
    cr_assert_not(verify_graph(&p.g));
    cr_assert_eq(p.problem.code, STATUS_ILLEGAL);
    cr_assert_not_null(strstr(p.problem.message, "%1 h"), "%s", p.problem.message);
}

Test(graph_verify, a_node_that_a_pass_has_broken) {
    op_node *y =
        make_unary(b, OP_TANH, make_input(b, "x", DTYPE_F32, PROGRAM_BIT(PROGRAM_T), &none));
    graph_output_add(&p.g, "y", y);
    cr_assert(verify_graph(&p.g));
    y->domain = 0;
    cr_assert_not(verify_graph(&p.g));
    cr_assert_str_eq(p.problem.message,
                     "cell.c:11: a pass made a wrong graph: %1, a tanh, "
                     "is noted as f32 {} [] but is f32 {t} []");
    error_clear(&p.problem);
    y->domain = PROGRAM_BIT(PROGRAM_T);
    y->arguments[0] = y;
    cr_assert_not(verify_graph(&p.g));
    cr_assert_str_eq(
        p.problem.message,
        "cell.c:11: a pass made a wrong graph: %1, a tanh, stands before its argument");
}

Test(graph_verify, a_dtype_that_the_op_refuses) {
    op_node *x = make_input(b, "x", DTYPE_F32, 0, &none), *y = make_unary(b, OP_TANH, x);
    graph_output_add(&p.g, "y", y);
    y->arguments[0] = make_number(b, DTYPE_BOOL, 1);
    y->arguments[0]->id = 0;
    p.g.nodes.at[0] = y->arguments[0];
    cr_assert_not(verify_graph(&p.g));
    cr_assert_eq(strncmp(p.problem.message, "cell.c:11: tanh: ", 17), 0, "%s", p.problem.message);
}

Test(graph_verify, an_earlier_mistake_stays) {
    error_set(&p.problem, STATUS_SIZE, (site){0}, "before");
    cr_assert_not(verify_graph(&p.g));
    cr_assert_str_eq(p.problem.message, "before");
}
