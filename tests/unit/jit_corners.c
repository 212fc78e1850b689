/* Odd programs: where lowering has a rule of its own, and where two rules meet. Compiled code must
 * equal the evaluator bit for bit, with fences around every buffer, empty extents included. */
#include <criterion/criterion.h>

#include "tests/support/compare.h"
#include "tests/support/suite.h"

enum { AXIS_T, AXIS_B, AXIS_S, AXIS_D, AXIS_ONE, AXIS_NONE };
enum { T = 1, B = 2, S = 4, D = 8, ONE = 16, NONE = 32 };

/* Extents: t, b and s of the run; d is 3, one is 1, none is 0. */
static void add_axes(graph *to) {
    graph_axis_add(to, "t", false, -1);
    graph_axis_add(to, "b", true, -1);
    graph_axis_add(to, "s", false, -1);
    graph_axis_add(to, "d", false, 3);
    graph_axis_add(to, "one", false, 1);
    graph_axis_add(to, "none", false, 0);
}

SUITE_WITH_GRAPH(jit_corners, add_axes);

static void check(void) {
    static const int64_t sizes[][3] = {{0, 2, 3}, {1, 1, 1}, {5, 3, 2}, {2, 1, 0},
                                       {3, 0, 2}, {2, 3, 5}, {9, 17, 4}};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    int64_t extents[COUNT][LIMIT_AXES] = {{0}};
    for (int i = 0; i < COUNT; i++)
        memcpy(extents[i], sizes[i], sizeof sizes[i]);
    text report;
    text_init(&report, &memory);
    cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
    compare_verdict verdict =
        compare_program(&g, (const int64_t(*)[LIMIT_AXES])extents, COUNT, 5, &report);
    cr_assert_eq(verdict, COMPARE_EQUAL, "%s", report.at);
}

static op_shape shape(int rank, int64_t first, int64_t second) {
    return op_shape_make(rank, (const int64_t[]){first, second});
}

static op_node *input(const char *name, dtype t, uint32_t domain, int rank, int64_t first,
                      int64_t second) {
    op_shape s = shape(rank, first, second);
    return make_input(b, name, t, domain, &s);
}

static op_node *param(const char *name, dtype t, int rank, int64_t first, int64_t second) {
    op_shape s = shape(rank, first, second);
    return make_param(b, name, t, 0, &s);
}

static op_node *number(double value) {
    return make_number(b, DTYPE_F32, value);
}

static op_node *state(int axis, int distance, op_node *init, uint32_t domain, int rank,
                      int64_t first, int64_t second) {
    op_shape s = shape(rank, first, second);
    return make_open_delay(b, axis, distance, init, (dtype)init->dtype, domain, &s);
}

static void output(const char *name, op_node *n) {
    graph_output_add(&g, name, n);
}

static op_node *matrix(const char *name, int64_t rows, int64_t columns, op_node *x) {
    return make_contract(b, "mn,n->m", param(name, DTYPE_F32, 2, rows, columns), x, 0);
}

/* Adds the gradients of the sum of squares of y with respect to every param and float input. */
static void differentiate(op_node *y) {
    node_list wrt = {0};
    op_node *square = make_mul(b, y, y);
    while (square && square->shape.rank > 0) {
        op_shape rest = op_shape_make(square->shape.rank - 1, square->shape.dimension + 1);
        square = make_reshape(b, make_reduce(b, square, 0, OP_KIND_SUM), &rest);
    }
    cr_assert(square, "%s", problem.message);
    op_node *loss = make_total(b, square, square->domain, OP_KIND_SUM);
    output("loss", loss);
    for (size_t i = 0; i < g.nodes.count; i++)
        if ((g.nodes.at[i]->op == OP_PARAM || g.nodes.at[i]->op == OP_INPUT) &&
            dtype_is_float((dtype)g.nodes.at[i]->dtype))
            vec_push(&memory, &wrt, g.nodes.at[i]);
    op_node **gradients = arena_array(&memory, op_node *, wrt.count);
    cr_assert(grad_program(&g, loss, wrt.at, wrt.count, gradients), "%s", problem.message);
    for (size_t i = 0; i < wrt.count; i++)
        output(arena_print(&memory, "d_%s", wrt.at[i]->name), gradients[i]);
}

/* ---- dimensions and axes of one element and of none */

Test(jit_corners, folds_of_one_element) {
    op_node *x = input("x", DTYPE_F32, T | B, 2, 1, 4);
    static const op_kind kinds[] = {OP_KIND_SUM, OP_KIND_MAX, OP_KIND_LSE, OP_KIND_ARGMAX};
    for (int i = 0; i < 4; i++)
        output(arena_print(&memory, "fold%d", i), make_reduce(b, x, 0, kinds[i]));
    for (int i = 0; i < 3; i++)
        output(arena_print(&memory, "total%d", i),
               make_total(b, make_expand(b, x, ONE), ONE, kinds[i]));
    differentiate(make_reduce(b, make_reduce(b, x, 0, OP_KIND_LSE), 1, OP_KIND_MAX));
    check();
}

Test(jit_corners, products_of_one_element) {
    op_node *row = input("row", DTYPE_F32, T | B, 2, 1, 5), *one = param("one", DTYPE_F32, 2, 1, 1);
    op_node *column = param("column", DTYPE_F32, 2, 5, 1);
    output("scaled", make_contract(b, "km,kn->mn", one, row, 0));
    output("dot", make_contract(b, "mk,kn->mn", row, column, 0));
    output("over", make_contract(b, "mk,kn->mn", row, column, T | B));
    differentiate(
        make_contract(b, "mk,kn->mn", make_contract(b, "mk,kn->mn", row, column, 0), one, 0));
    check();
}

Test(jit_corners, axes_of_fixed_extents_one_and_none) {
    op_node *x = input("x", DTYPE_F32, ONE | B, 1, 3, 0),
            *e = input("e", DTYPE_F32, NONE | B, 1, 3, 0);
    op_node *h = state(AXIS_ONE, 1, number(0.5), ONE | B, 1, 3, 0);
    op_node *next = make_unary(b, OP_TANH, make_add(b, h, x));
    graph_bind(&g, h, next);
    output("next", next);
    output("none", make_unary(b, OP_EXP, e));
    output("sum_of_none", make_total(b, e, NONE, OP_KIND_SUM));
    output("max_of_none", make_total(b, e, NONE, OP_KIND_MAX));
    output("last_of_none", make_last(b, e, AXIS_NONE, number(7)));
    output("put_in_one", make_put(b, x, AXIS_ONE, input("i", DTYPE_I32, B, 0, 0, 0), ONE));
    op_node *k = state(AXIS_NONE, 1, number(0.5), NONE | B, 1, 3, 0);
    graph_bind(&g, k, make_unary(b, OP_SIN, make_add(b, k, e)));
    output("k", k);
    check();
}

/* ---- loops in loops */

/* h[t][s] reads (t-1, s+1), (t-1, s-1) and, at its own t, nothing: s stays parallel. */
Test(jit_corners, an_axis_that_both_signs_delay_is_not_looped) {
    op_node *x = input("x", DTYPE_F32, T | B | S, 1, 2, 0);
    op_node *h = state(AXIS_T, 1, number(0.25), T | B | S, 1, 2, 0);
    op_node *left = make_delay(b, h, AXIS_S, 1, number(1)),
            *right = make_delay(b, h, AXIS_S, -1, x);
    op_node *next = make_unary(b, OP_TANH, make_add(b, make_mul(b, left, right), x));
    graph_bind(&g, h, next);
    output("next", next);
    differentiate(next);
    check();
}

/* Inside the loop over t a value is delayed over s after it was computed at this t. */
Test(jit_corners, a_delay_along_another_axis_inside_a_loop) {
    op_node *x = input("x", DTYPE_F32, T | B | S, 1, 2, 0);
    op_node *h = state(AXIS_T, 2, number(0.25), T | B | S, 1, 2, 0);
    op_node *now = make_unary(b, OP_SIGMOID, make_add(b, h, x));
    op_node *shifted = make_delay(b, now, AXIS_S, 1, make_unary(b, OP_COS, x));
    op_node *next = make_mul(b, make_add(b, shifted, now), make_delay(b, shifted, AXIS_S, -2, h));
    graph_bind(&g, h, next);
    output("now", now);
    output("next", next);
    differentiate(next);
    check();
}

/* A recurrence over s inside each step of t whose result starts the next step of t. */
Test(jit_corners, a_loop_inside_a_loop_carries_out_through_last) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 2, 0), *w = param("w", DTYPE_F32, 2, 2, 2);
    op_node *h = state(AXIS_T, 1, number(0.25), T | B, 1, 2, 0);
    op_node *start = make_add(b, h, x);
    op_node *inner = state(AXIS_D, 1, start, T | B | D, 1, 2, 0);
    op_node *deeper = make_unary(b, OP_TANH, make_contract(b, "mn,n->m", w, inner, 0));
    graph_bind(&g, inner, deeper);
    op_node *next = make_last(b, deeper, AXIS_D, start);
    graph_bind(&g, h, next);
    output("next", next);
    differentiate(next);
    check();
}

Test(jit_corners, three_loops) {
    op_node *x = input("x", DTYPE_F64, T | S | D | B, 0, 0, 0),
            *zero = make_number(b, DTYPE_F64, 0);
    op_node *one = state(AXIS_T, 1, zero, T | S | D | B, 0, 0, 0);
    op_node *two = state(AXIS_S, -1, x, T | S | D | B, 0, 0, 0);
    op_node *three = state(AXIS_D, 1, make_number(b, DTYPE_F64, 2), T | S | D | B, 0, 0, 0);
    op_node *h = make_unary(b, OP_SIN, make_add(b, make_add(b, one, two), make_mul(b, three, x)));
    graph_bind(&g, one, h);
    graph_bind(&g, two, h);
    graph_bind(&g, three, h);
    output("h", h);
    differentiate(h);
    check();
}

/* (t:+1, s:+1) with (t:+1, s:-1): t carries both. */
Test(jit_corners, diagonals) {
    op_node *x = input("x", DTYPE_F32, T | S, 1, 3, 0);
    op_node *h = state(AXIS_T, 1, number(0), T | S, 1, 3, 0);
    op_node *a = make_delay(b, h, AXIS_S, 1, number(0)),
            *c = make_delay(b, h, AXIS_S, -1, number(0));
    op_node *next = make_unary(b, OP_TANH, make_add(b, matrix("U", 3, 3, make_add(b, a, c)), x));
    graph_bind(&g, h, next);
    output("h", h);
    differentiate(next);
    check();
}

/* ---- whole-axis ops inside a loop over another axis */

Test(jit_corners, sums_of_all_kinds_inside_a_loop) {
    graph_axis_lengths(&g, AXIS_S, input("keys", DTYPE_I32, B, 0, 0, 0));
    op_node *k = input("k", DTYPE_F32, S | B, 1, 3, 0),
            *h = state(AXIS_T, 1, number(0.1), T | B, 1, 3, 0);
    op_node *score = make_contract(b, "n,n->", h, k, 0);
    op_node *weight =
        make_unary(b, OP_EXP, make_sub(b, score, make_total(b, score, S, OP_KIND_LSE)));
    op_node *read = make_contract(b, ",n->n", weight, k, S);
    op_node *peak = make_total(b, make_mul(b, k, h), S, OP_KIND_MAX);
    op_node *next =
        make_unary(b, OP_TANH,
                   make_add(b, matrix("U", 3, 3, read),
                            make_select(b, make_binary(b, OP_LT, peak, make_like(b, peak, 0)),
                                        number(0), peak)));
    graph_bind(&g, h, next);
    output("weight", weight);
    output("h", next);
    differentiate(next);
    check();
}

Test(jit_corners, at_and_put_along_another_axis_inside_a_loop) {
    op_node *i = input("i", DTYPE_I32, T | B | S, 0, 0, 0),
            *x = input("x", DTYPE_F32, T | B | S, 1, 2, 0);
    op_node *h = state(AXIS_T, 1, number(0.5), T | B | S, 1, 2, 0);
    op_node *moved = make_put(b, make_mul(b, h, x), AXIS_S, i, T | B | S);
    op_node *read = make_at(b, moved, AXIS_S, make_step(b, AXIS_T), number(1));
    op_node *next = make_unary(b, OP_TANH, make_add(b, make_add(b, moved, read), h));
    graph_bind(&g, h, next);
    output("next", next);
    differentiate(next);
    check();
}

Test(jit_corners, rows_read_and_added_inside_a_loop) {
    op_node *i = input("i", DTYPE_I32, T | B, 0, 0, 0), *x = input("x", DTYPE_F32, T | B, 1, 2, 0);
    op_node *table = state(AXIS_T, 1, number(0.5), T | B, 2, 4, 2);
    op_node *row = make_gather(b, table, i);
    op_node *written = make_scatter(b, make_unary(b, OP_SIN, make_add(b, row, x)), i, 4, 0);
    op_node *next = make_add(b, table, written);
    graph_bind(&g, table, next);
    output("row", row);
    output("table", next);
    differentiate(next);
    check();
}

/* A state that is stacked along another axis, multiplied as a matrix, and spread again. */
Test(jit_corners, stack_and_spread_inside_a_loop) {
    op_node *x = input("x", DTYPE_F32, T | S, 1, 2, 0),
            *h = state(AXIS_T, 1, number(0.5), T | S, 1, 2, 0);
    op_node *all = make_stack(b, make_mul(b, h, x), AXIS_S);
    op_node *gram = make_contract(b, "ik,jk->ij", all, all, 0);
    op_node *mixed = make_contract(b, "ij,jk->ik", gram, all, 0);
    op_node *next = make_unary(b, OP_TANH, make_spread(b, mixed, AXIS_S));
    graph_bind(&g, h, next);
    output("gram", gram);
    output("next", next);
    differentiate(next);
    check();
}

/* ---- states of other kinds */

Test(jit_corners, integer_and_bool_states) {
    op_node *x = input("x", DTYPE_F32, T | B, 0, 0, 0), *no = make_number(b, DTYPE_BOOL, 0);
    op_node *count = state(AXIS_T, 1, make_number(b, DTYPE_I32, 7), T | B, 0, 0, 0);
    op_node *seen = state(AXIS_T, 1, no, T | B, 0, 0, 0),
            *ahead = state(AXIS_T, -1, no, T | B, 0, 0, 0);
    op_node *here = make_binary(b, OP_LT, x, number(0));
    op_node *more = make_add(b, count, make_cast(b, here, DTYPE_I32));
    graph_bind(&g, count, more);
    graph_bind(&g, seen, make_binary(b, OP_OR, seen, here));
    graph_bind(&g, ahead, make_binary(b, OP_AND, make_unary(b, OP_NOT, ahead), here));
    output("count", more);
    output("seen", seen);
    output("ahead", ahead);
    output("odd", make_binary(b, OP_MOD, more, make_number(b, DTYPE_I32, -3)));
    check();
}

/* A state that does not read itself is no loop; one that gains its axis by the delay is constant.
 */
Test(jit_corners, states_that_do_not_step) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0), *p = param("p", DTYPE_F32, 1, 3, 0);
    op_node *late = state(AXIS_T, 3, x, T | B, 1, 3, 0),
            *fixed = state(AXIS_T, -1, number(2), T, 1, 3, 0);
    graph_bind(&g, late, make_unary(b, OP_SIN, x));
    graph_bind(&g, fixed, make_unary(b, OP_EXP, p));
    output("late", late);
    output("fixed", fixed);
    output("delayed", make_delay(b, p, AXIS_S, 2, x));
    differentiate(make_mul(b, late, fixed));
    check();
}

/* The first value of a state is computed by another loop, at the reading step. */
Test(jit_corners, initial_values_from_other_loops) {
    graph_axis_lengths(&g, AXIS_T, input("lengths", DTYPE_I32, B, 0, 0, 0));
    op_node *x = input("x", DTYPE_F32, T | B, 1, 2, 0);
    op_node *back = state(AXIS_T, -2, number(0.5), T | B, 1, 2, 0);
    op_node *backward = make_unary(b, OP_TANH, make_add(b, back, x));
    graph_bind(&g, back, backward);
    op_node *h = state(AXIS_T, 3, backward, T | B, 1, 2, 0);
    op_node *forward =
        make_unary(b, OP_TANH, make_mul(b, h, make_delay(b, backward, AXIS_T, 1, x)));
    graph_bind(&g, h, forward);
    output("forward", forward);
    output("end", make_last(b, forward, AXIS_T, make_last(b, backward, AXIS_T, number(9))));
    differentiate(forward);
    check();
}

/* Values that only one iteration sees, read again by a second loop over the same axis. */
Test(jit_corners, scratch_of_a_loop_that_another_loop_reads) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 4, 0),
            *h = state(AXIS_T, 1, number(0), T | B, 1, 4, 0);
    op_node *mixed = matrix("U", 4, 4, h), *own = make_unary(b, OP_TANH, make_add(b, mixed, x));
    graph_bind(&g, h, own);
    op_node *k = state(AXIS_T, 1, number(0), T | B, 1, 4, 0);
    op_node *other = matrix("V", 4, 4, make_add(b, k, mixed));
    graph_bind(&g, k,
               make_unary(b, OP_SIN, make_add(b, other, make_delay(b, mixed, AXIS_T, 1, x))));
    output("k", k);
    differentiate(k);
    check();
}

/* ---- views inside loops */

Test(jit_corners, a_state_seen_through_views) {
    op_shape square = shape(2, 2, 3), six = shape(1, 6, 0), tall = shape(2, 3, 2);
    static const int8_t swap[] = {1, 0};
    op_node *x = input("x", DTYPE_F32, T | B, 2, 2, 3),
            *h = state(AXIS_T, 1, number(0.5), T | B, 2, 2, 3);
    op_node *flat = make_reshape(b, h, &six), *turned = make_transpose(b, h, swap);
    op_node *again = make_reshape(b, make_reshape(b, turned, &six), &square);
    op_node *parts[3] = {make_slice(b, flat, 0, 4, 2), make_slice(b, flat, 0, 0, 1),
                         make_slice(b, flat, 0, 1, 3)};
    op_node *rolled = make_reshape(b, make_concat(b, parts, 3, 0), &tall);
    op_node *next = make_unary(
        b, OP_TANH,
        make_add(b, make_add(b, again, x),
                 make_contract(b, "mk,kn->mn", make_contract(b, "mk,kn->mn", x, rolled, 0), h, 0)));
    graph_bind(&g, h, next);
    output("flat", flat);
    output("rolled", rolled);
    differentiate(next);
    check();
}

/* Far more views in a row than a reader may compute again. */
Test(jit_corners, a_long_chain_of_views) {
    op_node *h = state(AXIS_T, 1, number(0.5), T | B, 1, 5, 0), *y = h;
    for (int i = 0; i < 90; i++) {
        op_node *parts[2] = {make_slice(b, y, 0, 2, 3), make_slice(b, y, 0, 0, 2)};
        y = make_concat(b, parts, 2, 0);
    }
    op_node *next = make_unary(b, OP_COS, make_add(b, y, input("x", DTYPE_F32, T | B, 1, 5, 0)));
    graph_bind(&g, h, next);
    output("h", next);
    check();
}

/* Selections, masks and casts of masks, nested deeply, feed a fold. */
Test(jit_corners, free_values_feed_folds) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 4, 0), *y = x;
    for (int i = 1; i < 6; i++)
        y = make_select(b, make_binary(b, OP_LT, y, make_delay(b, y, AXIS_T, i, x)), y,
                        make_delay(b, y, AXIS_T, -i, number(i)));
    output("sum", make_reduce(b, y, 0, OP_KIND_SUM));
    output("product", matrix("W", 3, 4, y));
    output("total", make_contract(b, "m,n->mn", y, make_delay(b, y, AXIS_T, 1, number(0)), T | B));
    check();
}

/* ---- results */

Test(jit_corners, results_of_one_value_and_results_that_others_read) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0), *h = state(AXIS_T, 1, x, T | B, 1, 3, 0);
    op_node *next = make_unary(b, OP_TANH, make_add(b, matrix("U", 3, 3, h), x));
    graph_bind(&g, h, next);
    output("next", next);
    output("next_again", next);
    output("state", h);
    output("state_again", h);
    output("before", make_delay(b, next, AXIS_T, 1, number(0)));
    output("input", x);
    output("input_again", x);
    output("turned", make_stack(b, next, AXIS_T));
    output("stopped", make_stop(b, next));
    output("nothing", make_number(b, DTYPE_BOOL, 1));
    output("extent", make_extent(b, AXIS_T));
    check();
}

Test(jit_corners, updates_that_read_what_others_write) {
    static const int8_t swap[] = {1, 0};
    op_shape flat = shape(1, 9, 0);
    op_node *p = param("p", DTYPE_F32, 2, 3, 3), *q = param("q", DTYPE_F32, 2, 3, 3);
    op_node *r = param("r", DTYPE_F32, 1, 9, 0), *v = param("v", DTYPE_F32, 0, 0, 0);
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0);
    op_node *y = make_contract(b, "mn,n->m", p, x, 0);
    graph_update_add(&g, p, make_transpose(b, q, swap));
    graph_update_add(&g, q, make_contract(b, "mk,kn->mn", p, q, 0));
    graph_update_add(&g, r, make_reshape(b, p, &flat));
    graph_update_add(&g, v, number(0.125));
    output("y", y);
    output("q", q);
    output("q_turned", make_transpose(b, q, swap));
    output("flat", make_reshape(b, q, &flat));
    output("v", v);
    check();
}

/* Rows of params that hold an axis: each step of the axis has its own. */
Test(jit_corners, params_and_updates_with_an_axis) {
    op_shape three = shape(1, 3, 0);
    op_node *w = make_param(b, "w", DTYPE_F32, D, &three),
            *u = make_param(b, "u", DTYPE_F32, D, &three);
    op_node *x = input("x", DTYPE_F32, B | D, 1, 3, 0),
            *h = state(AXIS_D, 1, number(0), B | D, 1, 3, 0);
    op_node *next = make_unary(b, OP_TANH, make_add(b, make_mul(b, w, h), x));
    graph_bind(&g, h, next);
    output("next", next);
    graph_update_add(&g, w, make_delay(b, u, AXIS_D, 1, number(3)));
    graph_update_add(&g, u, make_total(b, make_mul(b, next, w), B, OP_KIND_SUM));
    differentiate(next);
    check();
}

/* One result is an input of the loop that makes another, and an update reads both. */
Test(jit_corners, an_update_from_results_of_a_loop) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0), *p = param("p", DTYPE_F32, 1, 3, 0);
    op_node *h = state(AXIS_T, 1, p, T | B, 1, 3, 0),
            *next = make_mul(b, h, make_unary(b, OP_SIGMOID, x));
    graph_bind(&g, h, next);
    op_node *end = make_total(b, make_last(b, next, AXIS_T, p), B, OP_KIND_SUM);
    graph_update_add(&g, p, end);
    output("end", end);
    output("p", p);
    check();
}

/* ---- contractions */

/* One matrix is read along and across, by loops and by nests before and behind them; another one is
 * computed from it. */
Test(jit_corners, a_matrix_read_along_and_across) {
    static const int8_t swap[] = {1, 0};
    op_node *w = param("w", DTYPE_F32, 2, 20, 20), *x = input("x", DTYPE_F32, T | B, 1, 20, 0);
    op_node *normal = make_div(b, w, make_reduce(b, make_mul(b, w, w), 1, OP_KIND_SUM));
    op_node *before = make_contract(b, "nm,n->m", w, x, 0),
            *h = state(AXIS_T, 1, number(0), T | B, 1, 20, 0);
    op_node *mixed = make_add(b, make_contract(b, "mn,n->m", w, h, 0),
                              make_contract(b, "nm,n->m", normal, h, 0));
    op_node *next = make_unary(b, OP_TANH, make_add(b, mixed, before));
    graph_bind(&g, h, next);
    output("behind", make_contract(b, "mn,n->m", make_transpose(b, normal, swap), next, 0));
    graph_update_add(&g, w, make_contract(b, "m,n->mn", next, x, T | B));
    differentiate(next);
    check();
}

/* Weights of n columns, read along and across, whole and in part, in both directions of time. */
static void check_panels(int64_t n) {
    const int64_t cube[] = {n, 3, 5};
    op_shape flat = shape(1, n, 0), solid = op_shape_make(3, cube);
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0),
            *h = state(AXIS_T, 1, number(0.25), T | B, 1, n, 0);
    op_node *part = make_slice(b, param("wide", DTYPE_F32, 2, 3, n + 16), 1, 8, n);
    op_node *planes =
        make_contract(b, "mij,i->jm", make_param(b, "cube", DTYPE_F32, 0, &solid), x, 0);
    op_node *own = make_add(b, make_contract(b, "nm,n->m", part, x, 0),
                            make_reshape(b, make_reduce(b, planes, 0, OP_KIND_SUM), &flat));
    op_node *along = make_contract(b, "nm,n->m", param("along", DTYPE_F32, 2, n, n), h, 0);
    op_node *next = make_add(b, make_add(b, matrix("across", n, n, h), along), own);
    next = make_unary(b, OP_TANH, make_mul(b, next, number(0.05)));
    graph_bind(&g, h, next);
    output("h", next);
    differentiate(next);
    check();
}

Test(jit_corners, panels_as_wide_as_tiles) {
    check_panels(128);
}

Test(jit_corners, panels_narrower_than_tiles) {
    check_panels(96);
}

Test(jit_corners, a_last_panel_of_half_a_vector) {
    check_panels(72);
}

Test(jit_corners, a_last_panel_of_several_vectors_and_some_columns) {
    check_panels(109);
}

Test(jit_corners, long_folds_over_panels_of_which_the_last_is_narrower) {
    check_panels(264);
}

/* Weights that merge, gates above gates and states beside states, forward only: they are packed
 * from where they are, if panels do not cross them. A part of one is a weight of its own. */
static void check_parts(int64_t n) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0),
            *h = state(AXIS_T, 1, number(0.25), T | B, 1, n, 0),
            *s = state(AXIS_T, 1, number(0.5), T | B, 1, 7, 0);
    op_node *part = make_slice(b, param("wide", DTYPE_F32, 2, 3, n + 16), 1, 8, n);
    op_node *turned = make_transpose(b, part, (int8_t[LIMIT_RANK]){1, 0});
    op_node *given =
        make_add(b, matrix("given", n, 3, x), make_contract(b, "mk,k->m", turned, x, 0));
    op_node *uh = matrix("U", n, n, h), *us = matrix("Us", n, 7, s), *vh = matrix("V", 7, n, h);
    op_node *next = make_add(b, make_add(b, uh, us), given);
    next = make_unary(b, OP_TANH, make_mul(b, next, number(0.05)));
    graph_bind(&g, h, next);
    graph_bind(&g, s, make_unary(b, OP_TANH, make_add(b, vh, matrix("Vs", 7, 7, s))));
    output("h", next);
    check();
}

Test(jit_corners, panels_of_parts) {
    check_parts(128);
}

Test(jit_corners, panels_that_cross_parts) {
    check_parts(96);
}

/* Two weights of one input are one product, packed from where they are; one takes a new value,
 * which is known before that. */
Test(jit_corners, a_weight_is_packed_before_it_is_updated) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0);
    op_node *W = param("W", DTYPE_F32, 2, 4, 3), *V = param("V", DTYPE_F32, 2, 4, 3);
    output("y", make_contract(b, "mk,k->m", W, x, 0));
    output("z", make_contract(b, "mk,k->m", V, x, 0));
    graph_update_add(&g, V, make_unary(b, OP_TANH, param("U", DTYPE_F32, 2, 4, 3)));
    check();
}

Test(jit_corners, a_value_times_itself) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 4, 0),
            *h = state(AXIS_T, 1, number(0.5), T | B, 2, 4, 4);
    op_node *next =
        make_add(b, make_contract(b, "mk,kn->mn", h, h, 0), make_contract(b, "m,n->mn", x, x, 0));
    graph_bind(&g, h, make_unary(b, OP_TANH, next));
    output("norm", make_contract(b, "n,n->", x, x, T | B));
    output("gram", make_contract(b, "mk,nk->mn", h, h, T));
    differentiate(h);
    check();
}

/* Sums over a batch inside a loop over time: samples that ended are skipped. */
Test(jit_corners, a_sum_over_the_batch_inside_a_loop) {
    graph_axis_lengths(&g, AXIS_T, input("lengths", DTYPE_I32, B, 0, 0, 0));
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0),
            *h = state(AXIS_T, 1, number(0.5), T | B, 1, 3, 0);
    op_node *sum = make_total(b, make_mul(b, h, x), B, OP_KIND_SUM);
    op_node *outer = make_contract(b, "m,n->mn", h, x, B);
    op_node *next =
        make_unary(b, OP_TANH, make_add(b, sum, make_contract(b, "mn,n->m", outer, x, 0)));
    graph_bind(&g, h, next);
    output("h", next);
    output("sum", sum);
    differentiate(next);
    check();
}

/* Lengths that are computed, and leave the extent on both sides. */
Test(jit_corners, computed_lengths) {
    op_node *from = input("from", DTYPE_F32, B, 0, 0, 0);
    graph_axis_lengths(&g, AXIS_T, make_cast(b, make_mul(b, from, number(4)), DTYPE_I32));
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0),
            *h = state(AXIS_T, -1, number(0.5), T | B, 1, 3, 0);
    op_node *next = make_unary(b, OP_TANH, make_add(b, h, x));
    graph_bind(&g, h, next);
    output("next", next);
    output("last", make_last(b, next, AXIS_T, number(3)));
    output("stack", make_reduce(b, make_stack(b, next, AXIS_T), 0, OP_KIND_SUM));
    output("at", make_at(b, x, AXIS_T, input("i", DTYPE_I32, B, 0, 0, 0), number(3)));
    differentiate(next);
    check();
}
