/* What loops, over which axes, in which direction, and what stays outside. */
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

TestSuite(schedule_legal, .init = start, .fini = finish);

static schedule_list schedule_of(op_node *const *roots, size_t count, int first) {
    schedule_list items = {0};
    cr_assert(schedule_graph(r.g, r.g->memory, roots, count, first, &items), "%s",
              r.p.problem.message);
    return items;
}

/* The nest of loops alone: "t+(s-) t-". */
static void add_loops(const schedule_list *items, text *out) {
    for (size_t i = 0; i < items->count; i++) {
        const schedule_item *item = &items->at[i];
        if (item->node)
            continue;
        text_add(out, "%s%s%c", out->count && out->at[out->count - 1] != '(' ? " " : "",
                 r.g->axes[item->axis].name, item->sign > 0 ? '+' : '-');
        text inner;
        text_init(&inner, r.g->memory);
        add_loops(&item->items, &inner);
        if (inner.count)
            text_add(out, "(%s)", inner.at);
    }
}

static const char *loops_of(op_node *const *roots, size_t count, int first) {
    schedule_list items = schedule_of(roots, count, first);
    text out;
    text_init(&out, r.g->memory);
    text_add(&out, "%s", "");
    add_loops(&items, &out);
    return out.at;
}

Test(schedule_legal, an_lstm_loops_over_its_cycle_and_nothing_else) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    op_node *h = recurrent_lstm(&r, "", x, 3, 2, 1);
    op_node *w = recurrent_weight(&r, "out", 0, 2, 1, 2);
    op_node *y = graph_name(r.g, recurrent_product(&r, w, h), "y");
    schedule_list items = schedule_of(&y, 1, -1);
    text out;
    text_init(&out, r.g->memory);
    schedule_print(r.g, &items, &out);
    cr_expect_str_eq(out.at,
                     "%0 x input\n"
                     "%1 constant\n"
                     "%4 Wi param\n"
                     "%5 contract\n"
                     "%6 Ui param\n"
                     "%8 bi param\n"
                     "%12 Wf param\n"
                     "%13 contract\n"
                     "%14 Uf param\n"
                     "%16 bf param\n"
                     "%20 Wg param\n"
                     "%21 contract\n"
                     "%22 Ug param\n"
                     "%24 bg param\n"
                     "%28 Wo param\n"
                     "%29 contract\n"
                     "%30 Uo param\n"
                     "%32 bo param\n"
                     "loop t+\n"
                     "  %2 h0 delay\n"
                     "  %3 c0 delay\n"
                     "  %7 contract\n"
                     "  %9 add\n"
                     "  %10 add\n"
                     "  %11 sigmoid\n"
                     "  %15 contract\n"
                     "  %17 add\n"
                     "  %18 add\n"
                     "  %19 sigmoid\n"
                     "  %23 contract\n"
                     "  %25 add\n"
                     "  %26 add\n"
                     "  %27 tanh\n"
                     "  %31 contract\n"
                     "  %33 add\n"
                     "  %34 add\n"
                     "  %35 sigmoid\n"
                     "  %36 mul\n"
                     "  %37 mul\n"
                     "  %38 c add\n"
                     "  %39 tanh\n"
                     "  %40 h mul\n"
                     "%41 out param\n"
                     "%42 y contract\n");
}

Test(schedule_legal, every_value_comes_after_what_it_reads) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    op_node *h = recurrent_lstm(&r, "f", x, 3, 2, 1), *k = recurrent_lstm(&r, "b", h, 2, 2, -1);
    op_node *loss = recurrent_energy(&r, k), *gradient;
    cr_assert(grad_program(r.g, loss, r.weights.at, 1, &gradient));
    op_node *roots[] = {loss, gradient};
    schedule_list items = schedule_of(roots, 2, -1);
    bool *done = arena_array(r.g->memory, bool, r.g->nodes.count);
    size_t loops = 0;
    for (size_t q = 0; q < items.count; q++) {
        const schedule_item *item = &items.at[q];
        const schedule_list one = {.at = items.at + q, .count = 1};
        const schedule_list *values = item->node ? &one : &item->items;
        loops += !item->node;
        for (size_t i = 0; i < values->count; i++) {
            const op_node *n = values->at[i].node;
            cr_assert_not_null(n);
            for (int a = 0; a < n->count; a++) {
                bool carried = !item->node && n->op == OP_DELAY && a == 0;
                cr_assert(carried || done[n->arguments[a]->id]);
            }
            cr_assert(!done[n->id]);
            done[n->id] = true;
        }
    }
    cr_expect_eq(loops, 4);
}

Test(schedule_legal, independent_values_come_in_node_order) {
    op_node *one = recurrent_input(&r, "one", T, 0), *two = recurrent_input(&r, "two", T, 0);
    op_node *three = make_neg(r.b, two), *four = make_neg(r.b, one);
    op_node *sum = make_add(r.b, four, three);
    schedule_list items = schedule_of(&sum, 1, -1);
    op_node *expected[] = {one, two, three, four, sum};
    cr_assert_eq(items.count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(items.at[i].node, expected[i]);
}

Test(schedule_legal, directions_of_a_bidirectional_layer_and_its_gradient) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    op_node *both[] = {recurrent_lstm(&r, "f", x, 3, 2, 1), recurrent_lstm(&r, "b", x, 3, 2, -1)};
    cr_expect_str_eq(loops_of(both, 2, -1), "t+ t-");
    op_node *loss = recurrent_energy(&r, make_concat(r.b, both, 2, 0));
    op_node **gradients = arena_array(r.g->memory, op_node *, r.weights.count);
    cr_assert(grad_program(r.g, loss, r.weights.at, r.weights.count, gradients));
    cr_expect_str_eq(loops_of(gradients, r.weights.count, -1), "t+ t- t+ t-");
}

/* A depth axis s inside each step of t (recurrent highway), bound to the last depth of the step
 * before. */
static op_node *highway(void) {
    op_node *zero = recurrent_number(&r, 0), *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *top = recurrent_state(&r, "top", T | B, 2, AXIS_T, 1, zero, 1);
    op_node *below = recurrent_state(&r, "below", T | S | B, 2, AXIS_S, 1, top, 2);
    op_node *weight = recurrent_weight(&r, "U", S, 2, 2, 2);
    op_node *next =
        make_unary(r.b, OP_TANH, make_add(r.b, x, recurrent_product(&r, weight, below)));
    op_node *last = make_last(r.b, next, AXIS_S, zero);
    graph_bind(r.g, below, next);
    graph_bind(r.g, top, last);
    return last;
}

Test(schedule_legal, a_depth_loop_nests_in_the_time_loop) {
    op_node *last = highway();
    cr_expect_str_eq(loops_of(&last, 1, -1), "t+(s+)");
    cr_expect_str_eq(loops_of(&last, 1, AXIS_S), "t+(s+)", "s collapses on the cycle over t");
}

Test(schedule_legal, slants_of_both_signs_are_carried_by_the_outer_axis) {
    op_node *zero = recurrent_number(&r, 0), *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *p = recurrent_state(&r, "p", T | S | B, 2, AXIS_T, 1, zero, 1);
    op_node *q = recurrent_state(&r, "q", T | S | B, 2, AXIS_T, 1, zero, 2);
    op_node *sum =
        make_add(r.b, make_delay(r.b, p, AXIS_S, 1, zero), make_delay(r.b, q, AXIS_S, -1, zero));
    op_node *u = make_unary(r.b, OP_TANH, make_add(r.b, sum, x));
    graph_bind(r.g, p, u);
    graph_bind(r.g, q, u);
    cr_expect_str_eq(loops_of(&u, 1, -1), "t+");
    cr_expect_str_eq(loops_of(&u, 1, AXIS_S), "t+");
}

Test(schedule_legal, a_grid_nests_either_way) {
    op_node *zero = recurrent_number(&r, 0), *x = recurrent_input(&r, "x", T | S | B, 1, 2);
    op_node *up = recurrent_state(&r, "up", T | S | B, 2, AXIS_T, 1, zero, 1);
    op_node *left = recurrent_state(&r, "left", T | S | B, 2, AXIS_S, 1, zero, 2);
    op_node *u = make_unary(r.b, OP_TANH, make_add(r.b, make_add(r.b, up, left), x));
    graph_bind(r.g, up, u);
    graph_bind(r.g, left, u);
    cr_expect_str_eq(loops_of(&u, 1, -1), "t+(s+)");
    cr_expect_str_eq(loops_of(&u, 1, AXIS_S), "s+(t+)");
}

Test(schedule_legal, a_state_that_is_its_own_next_value_is_a_loop) {
    op_node *init = recurrent_input(&r, "init", T | B, 1, 2);
    op_node *state = recurrent_state(&r, "state", T | B, 2, AXIS_T, 1, init, 1);
    graph_bind(r.g, state, state);
    cr_expect_str_eq(loops_of(&state, 1, -1), "t+");
}

Test(schedule_legal, delays_off_the_cycle_are_no_loops) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 2), *zero = recurrent_number(&r, 0);
    op_node *y =
        make_add(r.b, make_delay(r.b, x, AXIS_T, 2, zero), make_delay(r.b, x, AXIS_T, -1, zero));
    cr_expect_str_eq(loops_of(&y, 1, -1), "");
}

Test(schedule_legal, long_chains_do_not_recurse) {
    enum { LENGTH = 200000 };
    op_node *x = recurrent_input(&r, "x", T, 0), *zero = recurrent_number(&r, 0);
    op_node *state = make_open_delay(r.b, AXIS_T, 1, zero, DTYPE_F64, T, &x->shape), *y = state;
    for (int i = 0; i < LENGTH; i++)
        y = make_add(r.b, y, x);
    graph_bind(r.g, state, y);
    schedule_list items = schedule_of(&y, 1, -1);
    cr_assert_eq(items.count, 3);
    cr_expect_eq(items.at[2].items.count, LENGTH + 1);
}
