/* Programs that no loop can compute are refused, and the message says which values, why, and what
 * to do. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/recurrent.h"

static recurrent r;

static void start(void) {
    recurrent_init(&r);
}

static void finish(void) {
    recurrent_free(&r);
}

TestSuite(schedule_illegal, .init = start, .fini = finish);

enum { UNITS = 2 };

/* Two states along t that are not bound yet, and u = tanh(a + x), v = tanh(b + u). */
static op_node *x, *a, *b, *u, *v;

static op_node *tanh_of(op_node *value, const char *name, int line) {
    site where = r.b->where;
    r.b->where = (site){"cell.c", line};
    op_node *made = make_unary(r.b, OP_TANH, value);
    r.b->where = where;
    return graph_name(r.g, made, name);
}

static void build(int distance_a, int distance_b) {
    op_node *zero = recurrent_number(&r, 0);
    x = recurrent_input(&r, "x", T | B, 1, UNITS);
    a = recurrent_state(&r, "a", T | B, UNITS, AXIS_T, distance_a, zero, 1);
    b = recurrent_state(&r, "b", T | B, UNITS, AXIS_T, distance_b, zero, 2);
    u = tanh_of(make_add(r.b, a, x), "u", 3);
    v = tanh_of(make_add(r.b, b, u), "v", 4);
}

static void refuses(op_node *root, const char *message) {
    schedule_list items = {0};
    cr_assert_not_null(root);
    cr_expect(!schedule_graph(r.g, r.g->memory, &root, 1, -1, &items));
    cr_expect_eq(r.p.problem.code, STATUS_ILLEGAL);
    cr_expect_str_eq(r.p.problem.message, message);
}

Test(schedule_illegal, a_value_that_needs_its_past_and_its_future) {
    build(1, -1);
    graph_bind(r.g, a, v);
    graph_bind(r.g, b, v);
    refuses(v,
            "cell.c:1: no loop can compute the cycle through %2 a\n"
            "  along t: not computable, for the cycle %2 a (delay by 1 along t, cell.c:1) "
            "-> %4 (add) -> %5 u (tanh, cell.c:3) -> %6 (add) -> %7 v (tanh, cell.c:4) -> %2 "
            "a goes 1 step back, and %3 b (delay by -1 along t, cell.c:2) -> %6 (add) -> %7 "
            "v (tanh, cell.c:4) -> %3 b goes 1 step ahead: a value would need its own past "
            "and its own future");
}

Test(schedule_illegal, delays_that_cancel) {
    build(1, -1);
    op_node *ahead = make_delay(r.b, u, AXIS_T, -1, recurrent_number(&r, 0));
    graph_bind(r.g, a, tanh_of(ahead, "w", 5));
    graph_bind(r.g, b, x);
    refuses(u,
            "cell.c:1: no loop can compute the cycle through %2 a\n"
            "  along t: not computable, for the cycle %2 a (delay by 1 along t, cell.c:1) "
            "-> %4 (add) -> %5 u (tanh, cell.c:3) -> %8 (delay by -1 along t) -> %9 w (tanh, "
            "cell.c:5) -> %2 a ends at the step where it began (its delays cancel): a value "
            "would need itself");
}

Test(schedule_illegal, a_cycle_that_only_needs_a_shift) {
    build(2, 1);
    op_node *ahead = make_delay(r.b, u, AXIS_T, -1, recurrent_number(&r, 0));
    graph_bind(r.g, a, tanh_of(ahead, "w", 5));
    graph_bind(r.g, b, x);
    refuses(u,
            "cell.c:1: no loop can compute the cycle through %2 a\n"
            "  along t: the delays of the cycle %2 a (delay by 2 along t, cell.c:1) -> %4 "
            "(add) -> %5 u (tanh, cell.c:3) -> %8 (delay by -1 along t) -> %9 w (tanh, "
            "cell.c:5) -> %2 a look both ways, though every round goes back. Shift %8 by 1 "
            "step, %9 w by 1 step (compute them later); %2 a then reads %9 w at distance 1 "
            "instead of 2; %8 then reads %5 u at distance 0 instead of -1");
}

Test(schedule_illegal, the_last_step_read_by_all_steps) {
    build(1, 1);
    graph_bind(r.g, a, make_add(r.b, u, make_last(r.b, u, AXIS_T, recurrent_number(&r, 0))));
    graph_bind(r.g, b, x);
    refuses(u,
            "cell.c:1: no loop can compute the cycle through %2 a\n"
            "  along t: last(%5 u, t) needs all of t, but the cycle %2 a (delay by 1 along "
            "t, cell.c:1) -> %4 (add) -> %5 u (tanh, cell.c:3) -> %11 (at) -> %12 (add) -> "
            "%2 a makes it step by step. Read a running value through a delay instead, or "
            "take %11 out of the cycle");
}

Test(schedule_illegal, the_sum_over_steps_read_by_all_steps) {
    build(1, 1);
    graph_bind(r.g, a, make_add(r.b, u, make_total(r.b, u, T, OP_KIND_SUM)));
    graph_bind(r.g, b, x);
    refuses(u,
            "cell.c:1: no loop can compute the cycle through %2 a\n"
            "  along t: total(%5 u) over t needs all of t, but the cycle %2 a (delay by 1 "
            "along t, cell.c:1) -> %4 (add) -> %5 u (tanh, cell.c:3) -> %8 (total) -> %9 "
            "(add) -> %2 a makes it step by step. Read a running value through a delay "
            "instead, or take %8 out of the cycle");
}

Test(schedule_illegal, a_slanted_order_over_two_axes) {
    op_node *zero = recurrent_number(&r, 0);
    x = recurrent_input(&r, "x", T | B, 1, UNITS);
    op_node *p = recurrent_state(&r, "p", T | S | B, UNITS, AXIS_T, 1, zero, 1);
    op_node *q = recurrent_state(&r, "q", T | S | B, UNITS, AXIS_T, -1, zero, 2);
    op_node *left = make_delay(r.b, p, AXIS_S, -1, zero),
            *right = make_delay(r.b, q, AXIS_S, 2, zero);
    u = tanh_of(make_add(r.b, make_add(r.b, left, right), x), "u", 3);
    graph_bind(r.g, p, u);
    graph_bind(r.g, q, u);
    refuses(u,
            "cell.c:1: no loop can compute the cycle through %2 p\n"
            "  along t: not computable, for the cycle %2 p (delay by 1 along t, cell.c:1) "
            "-> %4 (delay by -1 along s) -> %6 (add) -> %7 (add) -> %8 u (tanh, cell.c:3) -> "
            "%2 p goes 1 step back, and %3 q (delay by -1 along t, cell.c:2) -> %5 (delay by "
            "2 along s) -> %6 (add) -> %7 (add) -> %8 u (tanh, cell.c:3) -> %3 q goes 1 step "
            "ahead: a value would need its own past and its own future\n"
            "  along s: not computable, for the cycle %3 q (delay by -1 along t, cell.c:2) "
            "-> %5 (delay by 2 along s) -> %6 (add) -> %7 (add) -> %8 u (tanh, cell.c:3) -> "
            "%3 q goes 2 steps back, and %2 p (delay by 1 along t, cell.c:1) -> %4 (delay by "
            "-1 along s) -> %6 (add) -> %7 (add) -> %8 u (tanh, cell.c:3) -> %2 p goes 1 "
            "step ahead: a value would need its own past and its own future\n"
            "  a loop runs along one axis at a time, never along a slanted line through "
            "several");
}
