/* Element-wise values, views and computed places, against loops that are written out here. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(eval_values);

static op_node *integers(const char *name, uint32_t domain) {
    op_shape none = op_shape_make(0, NULL);
    return make_input(b, name, DTYPE_I32, domain, &none);
}

/* Runs one root and compares all its elements. */
static void gives(feeding *w, op_node *n, const double *expected, size_t count) {
    cr_assert_not_null(n, "%s", r.p.problem.message);
    eval *e = feeding_run(w, &n, 1);
    size_t elements;
    cr_assert_not_null(eval_value(e, n, &elements));
    cr_assert_eq(elements, count, "%zu elements", elements);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(feeding_number(e, n, i), expected[i], "element %zu is %g, not %g", i,
                     feeding_number(e, n, i), expected[i]);
}

#define GIVES(w, n, ...)                                                                           \
    gives(w, n, (const double[]){__VA_ARGS__}, sizeof(const double[]){__VA_ARGS__} / sizeof(double))

Test(eval_values, axes_join_and_features_broadcast) {
    op_node *x = recurrent_input(&r, "x", T, 1, 2), *y = recurrent_input(&r, "y", B, 2, 2, 1);
    feeding w = feeding_init(&r, 2, 1, 1, 2);
    feeding_feed(&w, x, (double[]){1, 2, 3, 4}, 4);
    feeding_feed(&w, y, (double[]){10, 20, 30, 40}, 4);
    GIVES(&w, make_add(b, x, y), 11, 12, 21, 22, 31, 32, 41, 42, 13, 14, 23, 24, 33, 34, 43, 44);
}

Test(eval_values, time_axes_lie_outside_batch_axes) {
    op_node *step = make_step(b, AXIS_U), *sample = make_step(b, AXIS_B);
    op_node *ten = make_number(b, DTYPE_I32, 10);
    feeding w = feeding_init(&r, 1, 1, 2, 3);
    GIVES(&w, make_add(b, make_mul(b, sample, ten), step), 0, 10, 20, 1, 11, 21);
}

Test(eval_values, constants_of_one_element_fill_their_shape) {
    op_shape shape = op_shape_make(2, (int64_t[]){2, 2});
    op_attributes attributes;
    double seven = 7;
    op_attributes_init(&attributes);
    attributes.shape = shape;
    attributes.dtype = DTYPE_F64;
    attributes.data = &seven;
    attributes.bytes = sizeof seven;
    feeding w = feeding_init(&r, 1, 1, 1, 1);
    GIVES(&w, b->make(b, OP_CONSTANT, NULL, 0, &attributes), 7, 7, 7, 7);
    GIVES(&w, make_constant(b, DTYPE_F64, &shape, (double[]){1, 2, 3, 4}), 1, 2, 3, 4);
    GIVES(&w, make_extent(b, AXIS_S), 1);
}

Test(eval_values, views_move_elements) {
    op_node *x = recurrent_input(&r, "x", 0, 2, 2, 3), *y = recurrent_input(&r, "y", T, 2, 2, 1);
    feeding w = feeding_init(&r, 2, 1, 1, 1);
    feeding_feed(&w, x, (double[]){1, 2, 3, 4, 5, 6}, 6);
    feeding_feed(&w, y, (double[]){7, 8, 9, 10}, 4);
    op_shape flat = op_shape_make(1, (int64_t[]){6});
    GIVES(&w, make_slice(b, x, 1, 1, 2), 2, 3, 5, 6);
    GIVES(&w, make_pad(b, x, 1, 1, 5), 0, 1, 2, 3, 0, 0, 4, 5, 6, 0);
    GIVES(&w, make_transpose(b, x, (int8_t[]){1, 0}), 1, 4, 2, 5, 3, 6);
    GIVES(&w, make_reshape(b, x, &flat), 1, 2, 3, 4, 5, 6);
    GIVES(&w, make_concat(b, (op_node *[]){x, y}, 2, 1), 1, 2, 3, 7, 4, 5, 6, 8, 1, 2, 3, 9, 4, 5,
          6, 10);
    GIVES(&w, make_stack(b, y, AXIS_T), 7, 8, 9, 10);
    op_shape wide = op_shape_make(2, (int64_t[]){2, 2});
    GIVES(&w, make_broadcast(b, y, &wide), 7, 7, 8, 8, 9, 9, 10, 10);
    GIVES(&w, make_expand(b, make_number(b, DTYPE_F64, 3), T), 3, 3);
}

Test(eval_values, a_stack_spreads_back) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 2);
    op_node *stacked = make_stack(b, x, AXIS_T), *back = make_spread(b, stacked, AXIS_T);
    feeding w = feeding_init(&r, 3, 1, 1, 2);
    feeding_draw(&w, &x, 1);
    op_node *roots[] = {stacked, back};
    eval *e = feeding_run(&w, roots, 2);
    const double *in = feeding_fed(&w, x);
    for (size_t t = 0; t < 3; t++)
        for (size_t sample = 0; sample < 2; sample++)
            for (size_t i = 0; i < 2; i++) {
                size_t from = (t * 2 + sample) * 2 + i;
                cr_expect_eq(feeding_number(e, stacked, (sample * 3 + t) * 2 + i), in[from]);
                cr_expect_eq(feeding_number(e, back, from), in[from]);
            }
}

Test(eval_values, delays_read_init_outside) {
    op_node *x = recurrent_input(&r, "x", T, 0), *init = recurrent_input(&r, "init", T, 0);
    feeding w = feeding_init(&r, 4, 1, 1, 1);
    feeding_feed(&w, x, (double[]){1, 2, 3, 4}, 4);
    feeding_feed(&w, init, (double[]){-1, -2, -3, -4}, 4);
    GIVES(&w, make_delay(b, x, AXIS_T, 1, init), -1, 1, 2, 3);
    GIVES(&w, make_delay(b, x, AXIS_T, -3, init), 4, -2, -3, -4);
    GIVES(&w, make_delay(b, x, AXIS_T, 100, init), -1, -2, -3, -4);
    GIVES(&w, make_delay(b, recurrent_number(&r, 9), AXIS_T, 2, init), -1, -2, 9, 9);
}

Test(eval_values, lengths_end_what_is_read) {
    op_node *lengths = integers("lengths", B);
    graph_axis_lengths(r.g, AXIS_T, lengths);
    op_node *x = recurrent_input(&r, "x", T | B, 0), *zero = recurrent_number(&r, 0);
    feeding w = feeding_init(&r, 3, 1, 1, 3);
    feeding_feed(&w, lengths, (double[]){3, 1, 0}, 3);
    feeding_feed(&w, x, (double[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, 9);
    GIVES(&w, make_last(b, x, AXIS_T, recurrent_number(&r, -1)), 7, 2, -1);
    op_node *ahead = make_delay(b, x, AXIS_T, -1, zero);
    eval *e = feeding_run(&w, &ahead, 1);
    cr_expect_eq(feeding_number(e, ahead, 0), 4);
    cr_expect_eq(feeding_number(e, ahead, 1), 0, "sample 1 has no second step");
    op_node *end = make_end(b, AXIS_T, T | B), *one = make_number(b, DTYPE_I32, 1);
    op_node *mirror = make_sub(b, make_sub(b, end, one), make_step(b, AXIS_T));
    op_node *flip = make_at(b, x, AXIS_T, mirror, zero);
    e = feeding_run(&w, &flip, 1);
    cr_expect_eq(feeding_number(e, flip, 0), 7);
    cr_expect_eq(feeding_number(e, flip, 1), 2);
    cr_expect_eq(feeding_number(e, flip, 6), 1);
}

Test(eval_values, wild_lengths_and_places_do_not_fault) {
    op_node *lengths = integers("lengths", B), *place = integers("place", T | B);
    graph_axis_lengths(r.g, AXIS_T, lengths);
    op_node *x = recurrent_input(&r, "x", T | B, 0), *init = recurrent_number(&r, -1);
    feeding w = feeding_init(&r, 2, 1, 1, 2);
    feeding_feed(&w, lengths, (double[]){2000000000, -5}, 2);
    feeding_feed(&w, place, (double[]){INT32_MAX, 0, INT32_MIN, -1}, 4);
    feeding_feed(&w, x, (double[]){1, 2, 3, 4}, 4);
    GIVES(&w, make_at(b, x, AXIS_T, place, init), -1, -1, -1, -1);
    op_node *table = recurrent_input(&r, "table", 0, 1, 2);
    feeding_feed(&w, table, (double[]){5, 6}, 2);
    GIVES(&w, make_gather(b, table, place), 0, 5, 0, 0);
}

Test(eval_values, gather_reads_rows) {
    op_shape pair = op_shape_make(1, (int64_t[]){2});
    op_node *x = recurrent_input(&r, "x", B, 2, 3, 2);
    op_node *i = make_input(b, "i", DTYPE_I32, T, &pair);
    feeding w = feeding_init(&r, 1, 1, 1, 2);
    feeding_feed(&w, x, (double[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 12);
    feeding_feed(&w, i, (double[]){2, 3}, 2);
    GIVES(&w, make_gather(b, x, i), 5, 6, 0, 0, 11, 12, 0, 0);
}

Test(eval_values, random_numbers_depend_on_where_they_stand_alone) {
    op_shape two = op_shape_make(1, (int64_t[]){2});
    op_node *seed = make_number(b, DTYPE_I32, 3);
    op_node *indices[] = {make_step(b, AXIS_T), make_step(b, AXIS_B)};
    op_node *draw = make_random(b, DTYPE_F64, &two, seed, indices, 2, 11);
    feeding large = feeding_init(&r, 3, 1, 1, 4), small = feeding_init(&r, 2, 1, 1, 1);
    eval *all = feeding_run(&large, &draw, 1), *one = feeding_run(&small, &draw, 1);
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < 2; i++)
            cr_expect_eq(feeding_number(one, draw, t * 2 + i),
                         feeding_number(all, draw, t * 4 * 2 + i));
    cr_expect_neq(feeding_number(all, draw, 0), feeding_number(all, draw, 1));
}

/* ---- loops */

/* y(t) = a y(t - 1) + x(t), by hand. */
static void try_recurrence(int distance, int steps) {
    op_node *x = recurrent_input(&r, "x", T | B, 0), *a = recurrent_weight(&r, "a", 0, 0);
    op_node *start_value = recurrent_input(&r, "start", B, 0);
    op_node *before =
        make_open_delay(b, AXIS_T, distance, start_value, DTYPE_F64, T | B, &x->shape);
    op_node *y = make_add(b, make_mul(b, a, before), x);
    graph_bind(r.g, before, y);
    feeding w = feeding_init(&r, steps, 1, 1, 2);
    feeding_draw(&w, &y, 1);
    eval *e = feeding_run(&w, &y, 1);
    const double *in = feeding_fed(&w, x), *first = feeding_fed(&w, start_value),
                 *by = feeding_fed(&w, a);
    double *expected = arena_array(r.g->memory, double, steps * 2);
    for (int k = 0; k < steps; k++)
        for (int sample = 0; sample < 2; sample++) {
            int t = distance > 0 ? k : steps - 1 - k, from = t - distance;
            bool inside = from >= 0 && from < steps;
            double was = inside ? expected[from * 2 + sample] : first[sample];
            expected[t * 2 + sample] = *by * was + in[t * 2 + sample];
        }
    for (int i = 0; i < steps * 2; i++)
        cr_expect_eq(feeding_number(e, y, (size_t)i), expected[i]);
}

Test(eval_values, a_loop_upwards) {
    try_recurrence(1, 6);
}
Test(eval_values, a_loop_downwards_by_two) {
    try_recurrence(-2, 6);
}
Test(eval_values, a_delay_longer_than_the_sequence) {
    try_recurrence(9, 4);
}
Test(eval_values, a_loop_of_no_steps) {
    try_recurrence(1, 0);
}

Test(eval_values, a_loop_inside_a_loop) {
    /* y(t, s) = y(t - 1, s) + y(t, s - 1), from 1: Pascal's triangle. */
    op_node *one = recurrent_number(&r, 1);
    op_shape none = op_shape_make(0, NULL);
    op_node *up = make_open_delay(b, AXIS_T, 1, one, DTYPE_F64, T | S, &none);
    op_node *left = make_open_delay(b, AXIS_S, 1, one, DTYPE_F64, T | S, &none);
    op_node *y = make_add(b, up, left);
    graph_bind(r.g, up, y);
    graph_bind(r.g, left, y);
    feeding w = feeding_init(&r, 3, 3, 1, 1);
    GIVES(&w, y, 2, 3, 4, 3, 6, 10, 4, 10, 20);
}

/* ---- mistakes */

static void refuses(const feeding *w, op_node *n, status code, const char *message) {
    cr_expect_null(eval_graph(r.g, r.g->memory, &n, 1, w->extents, w->feeds.at, w->feeds.count));
    cr_expect_eq(r.p.problem.code, code);
    cr_expect_str_eq(r.p.problem.message, message);
}

Test(eval_values, missing_data_is_named) {
    feeding w = feeding_init(&r, 2, 1, 1, 1);
    refuses(&w, make_neg(b, recurrent_input(&r, "speech", T, 1, 2)), STATUS_MISSING,
            "eval: no data for input %0 speech (f64 {t} [2])");
}

Test(eval_values, a_negative_extent_is_refused) {
    feeding w = feeding_init(&r, -1, 1, 1, 1);
    refuses(&w, make_neg(b, recurrent_input(&r, "speech", T, 1, 2)), STATUS_SIZE,
            "eval: the extent of axis t is -1; it must be in 0 to 2147483647");
}

Test(eval_values, a_size_that_overflows_is_refused) {
    feeding w = feeding_init(&r, INT32_MAX, INT32_MAX, INT32_MAX, 1);
    refuses(&w, recurrent_input(&r, "x", T | S | U, 1, 9), STATUS_SIZE,
            "eval: %0 x (f64 {t,s,u} [9]) has more elements than memory can hold at these extents");
}

Test(eval_values, values_that_nobody_needed_have_none) {
    op_node *x = recurrent_input(&r, "x", T, 0), *y = make_neg(b, x),
            *other = make_unary(b, OP_EXP, x);
    feeding w = feeding_init(&r, 2, 1, 1, 1);
    feeding_draw(&w, &x, 1);
    eval *e = feeding_run(&w, &y, 1);
    size_t elements;
    cr_expect_null(eval_value(e, other, &elements));
    cr_expect_not_null(eval_value(e, x, &elements));
}

Test(eval_values, the_adjoint_of_a_custom_value_is_not_computed) {
    op_node *x = recurrent_input(&r, "x", T, 0), *y = make_neg(b, x), *dy = make_cotangent(b, y);
    op_node *slope = make_mul(b, dy, recurrent_input(&r, "unfed", T, 0));
    feeding w = feeding_init(&r, 2, 1, 1, 1);
    feeding_feed(&w, x, (double[]){1, 2}, 2);
    GIVES(&w, make_custom(b, "own", y, &x, &slope, 1, dy), -1, -2);
}
