/* Recipes of the ops that are not element-wise, one function a graph. Each tries a place where its
 * op is easily wrong: broadcasts, size 1, axes that an argument lacks, places out of range and
 * duplicate ones, delays longer than the sequence. */
#include "tests/support/recipe.h"

enum { axis_t, axis_s };
enum { T = RECIPE_T, S = RECIPE_S, B = RECIPE_B };

#define RECIPE(name) static op_node *name(recipe *r, op_builder *b)

static op_shape shape2(int64_t first, int64_t second) {
    int64_t dimensions[2] = {first, second};
    return op_shape_make(2, dimensions);
}

static op_node *square(op_builder *b, op_node *x) {
    return make_mul(b, x, x);
}

/* ---- cast, select, custom */

RECIPE(through_f32) {
    return make_cast(b, make_cast(b, recipe_leaf(r, T | B, 1, 2), DTYPE_F32), DTYPE_F64);
}

static op_node *positive(op_builder *b, op_node *x) {
    return make_binary(b, OP_LT, make_like(b, x, 0), x);
}

RECIPE(choose_elements) {
    op_node *condition = positive(b, recipe_leaf(r, T | B, 1, 3));
    return make_select(b, condition, recipe_leaf(r, T, 0), recipe_leaf(r, B, 2, 2, 1));
}

RECIPE(choose_by_itself) {
    op_node *x = recipe_leaf(r, T | B, 1, 3);
    return make_select(b, positive(b, x), square(b, x), x);
}

RECIPE(choose_by_scalar) {
    op_node *condition = positive(b, recipe_leaf(r, 0, 0));
    return make_select(b, condition, recipe_leaf(r, T | B, 1, 2), recipe_leaf(r, T | B, 1, 2));
}

RECIPE(custom_product) {
    op_node *x = recipe_leaf(r, T | B, 1, 3), *p = recipe_leaf(r, 0, 1, 3);
    op_node *y = make_mul(b, square(b, x), p), *g = make_cotangent(b, y);
    op_node *xs[2] = {x, p};
    op_node *gxs[2] = {make_mul(b, make_mul(b, make_like(b, x, 2), g), make_mul(b, x, p)),
                       make_mul(b, g, square(b, x))};
    return make_custom(b, "product", y, xs, gxs, 2, g);
}

/* The spike of a recurrence with its true derivative: the custom value is on the cycle. */
RECIPE(custom_in_a_cycle) {
    op_node *x = recipe_leaf(r, T | B, 1, 2);
    op_node *state =
        make_open_delay(b, axis_t, 1, make_like(b, x, 0), DTYPE_F64, x->domain, &x->shape);
    op_node *a = make_unary(b, OP_SIN, make_add(b, x, state)), *y = square(b, a);
    op_node *g = make_cotangent(b, y), *gx = make_mul(b, make_mul(b, g, a), make_like(b, a, 2));
    op_node *z = make_custom(b, "square", y, &a, &gx, 1, g);
    graph_bind(&r->t->g, state, z);
    return z;
}

/* ---- views */

RECIPE(slice_middle) {
    return make_slice(b, recipe_leaf(r, T | B, 2, 2, 5), 1, 1, 3);
}

RECIPE(slice_one) {
    return make_slice(b, recipe_leaf(r, 0, 2, 3, 2), 0, 2, 1);
}

RECIPE(pad_both_sides) {
    return make_pad(b, recipe_leaf(r, T | B, 2, 2, 3), 0, 1, 5);
}

RECIPE(pad_end) {
    return make_pad(b, recipe_leaf(r, B, 1, 1), 0, 0, 3);
}

RECIPE(concat_unequal) {
    op_node *parts[3] = {recipe_leaf(r, T | B, 2, 2, 3), recipe_leaf(r, T, 2, 2, 1),
                         recipe_leaf(r, 0, 2, 2, 2)};
    return make_concat(b, parts, 3, 1);
}

RECIPE(concat_twice_the_same) {
    op_node *x = recipe_leaf(r, T | B, 1, 2), *parts[3] = {x, square(b, x), x};
    return make_concat(b, parts, 3, 0);
}

RECIPE(reshape_rows) {
    op_shape to = shape2(3, 4);
    return make_reshape(b, recipe_leaf(r, T | B, 3, 2, 3, 2), &to);
}

RECIPE(reshape_scalar) {
    op_shape to = shape2(1, 1);
    return make_reshape(b, recipe_leaf(r, T, 0), &to);
}

RECIPE(transpose_cycle) {
    static const int8_t permutation[3] = {1, 2, 0};
    return make_transpose(b, recipe_leaf(r, T | B, 3, 2, 3, 1), permutation);
}

RECIPE(broadcast_inner) {
    op_shape to = shape2(2, 3);
    return make_broadcast(b, recipe_leaf(r, T | B, 2, 2, 1), &to);
}

RECIPE(broadcast_scalar) {
    op_shape to = shape2(2, 3);
    return make_broadcast(b, recipe_leaf(r, B, 0), &to);
}

RECIPE(expand_time) {
    return make_expand(b, recipe_leaf(r, B, 1, 2), T | S);
}

RECIPE(expand_samples) {
    return make_expand(b, recipe_leaf(r, T, 1, 2), B);
}

RECIPE(stack_time) {
    return make_stack(b, recipe_leaf(r, T | B, 1, 2), axis_t);
}

RECIPE(stack_what_lacks_it) {
    return make_stack(b, recipe_leaf(r, B, 0), axis_s);
}

RECIPE(spread_rows) {
    op_node *rows = make_stack(b, recipe_leaf(r, T | B, 1, 2), axis_t);
    return make_spread(b, square(b, rows), axis_t);
}

/* ---- sums. What folds no step at all is -inf, which no loss can use. */

static op_node *finite(op_builder *b, op_node *x) {
    return make_select(b, make_binary(b, OP_LT, make_like(b, x, -1e30), x), x, make_like(b, x, 0));
}

#define REDUCE(name, kind)                                                                         \
    RECIPE(name) {                                                                                 \
        op_node *x = recipe_leaf(r, T | B, 3, 2, 3, 2);                                            \
        return make_add(b, make_reduce(b, x, 1, kind), make_reduce(b, x, 2, kind));                \
    }
REDUCE(reduce_sum, OP_KIND_SUM)
REDUCE(reduce_max, OP_KIND_MAX)
REDUCE(reduce_lse, OP_KIND_LSE)

RECIPE(reduce_one_element) {
    return make_reduce(b, recipe_leaf(r, B, 1, 1), 0, OP_KIND_LSE);
}

#define TOTAL(name, kind)                                                                          \
    RECIPE(name##_over_time) {                                                                     \
        return finite(b, make_total(b, recipe_leaf(r, T | B, 1, 2), T, kind));                     \
    }                                                                                              \
    RECIPE(name##_over_samples) {                                                                  \
        return finite(b, make_total(b, recipe_leaf(r, T | B, 1, 2), B, kind));                     \
    }                                                                                              \
    RECIPE(name##_over_all) {                                                                      \
        return finite(b, make_total(b, recipe_leaf(r, T | S | B, 0), T | S | B, kind));            \
    }                                                                                              \
    RECIPE(name##_over_what_lacks_it) {                                                            \
        return finite(b, make_total(b, recipe_leaf(r, B, 1, 2), T | B, kind));                     \
    }
TOTAL(total_sum, OP_KIND_SUM)
TOTAL(total_max, OP_KIND_MAX)
TOTAL(total_lse, OP_KIND_LSE)

/* ---- contract */

RECIPE(contract_matrix) {
    return make_contract(b, "mn,n->m", recipe_leaf(r, 0, 2, 3, 2), recipe_leaf(r, T | B, 1, 2), 0);
}

RECIPE(contract_outer_over_all) {
    return make_contract(b, "m,n->mn", recipe_leaf(r, T | B, 1, 2), recipe_leaf(r, T | B, 1, 3),
                         T | B);
}

RECIPE(contract_attention) {
    op_node *weight = recipe_leaf(r, T | S | B, 0), *memory = recipe_leaf(r, S | B, 1, 2);
    return make_contract(b, ",m->m", weight, memory, S);
}

RECIPE(contract_state) {
    return make_contract(b, "k,km->m", recipe_leaf(r, T | B, 1, 2), recipe_leaf(r, T | B, 2, 2, 3),
                         0);
}

RECIPE(contract_batch_index) {
    return make_contract(b, "abc,adc->dab", recipe_leaf(r, T | B, 3, 2, 3, 2),
                         recipe_leaf(r, T, 3, 2, 1, 2), 0);
}

RECIPE(contract_over_samples) {
    return make_contract(b, "m,m->", recipe_leaf(r, T | B, 1, 2), recipe_leaf(r, B, 1, 2), B);
}

RECIPE(contract_over_what_both_lack) {
    return make_contract(b, "m,m->m", recipe_leaf(r, B, 1, 2), recipe_leaf(r, 0, 1, 2), T | B);
}

RECIPE(contract_with_itself) {
    op_node *x = recipe_leaf(r, T | B, 1, 2);
    return make_contract(b, "m,n->mn", x, x, T);
}

/* ---- computed places */

RECIPE(gather_rows) {
    return make_gather(b, recipe_leaf(r, 0, 2, 4, 2), recipe_places(r, -1, 4, T | B, 0));
}

RECIPE(gather_matrix_of_places) {
    return make_gather(b, recipe_leaf(r, B, 1, 4), recipe_places(r, 0, 3, T, 2, 2, 2));
}

RECIPE(gather_own_sample) {
    return make_gather(b, recipe_leaf(r, T | B, 1, 3), recipe_places(r, 0, 2, T | B, 0));
}

RECIPE(scatter_over_all) {
    return make_scatter(b, recipe_leaf(r, T | B, 1, 2), recipe_places(r, -1, 3, T | B, 0), 3,
                        T | B);
}

RECIPE(scatter_inside) {
    return make_scatter(b, recipe_leaf(r, T | B, 2, 4, 2), recipe_places(r, 0, 2, B, 1, 4), 3, 0);
}

RECIPE(at_place_of_sample) {
    return make_at(b, recipe_leaf(r, T | B, 1, 2), axis_t, recipe_places(r, -1, 5, B, 0),
                   recipe_leaf(r, B, 0));
}

RECIPE(at_place_of_step) {
    return make_at(b, recipe_leaf(r, T | B, 1, 2), axis_t, recipe_places(r, 0, 3, T | B, 0),
                   recipe_leaf(r, T | B, 1, 2));
}

RECIPE(at_renamed) {
    return make_at(b, recipe_leaf(r, T | B, 0), axis_t, make_step(b, axis_s), recipe_leaf(r, S, 0));
}

RECIPE(at_reverse) {
    op_node *x = recipe_leaf(r, T | B, 1, 2);
    op_node *back = make_sub(b, make_end(b, axis_t, x->domain), make_step(b, axis_t));
    op_node *place = make_sub(b, back, make_number(b, DTYPE_I32, 1));
    return make_at(b, x, axis_t, place, make_like(b, x, 0));
}

RECIPE(at_last) {
    return make_last(b, recipe_leaf(r, T | B, 1, 2), axis_t, recipe_leaf(r, 0, 1, 2));
}

RECIPE(at_shared_memory) {
    return make_at(b, recipe_leaf(r, S, 1, 2), axis_s, recipe_places(r, -1, 3, T | B, 0),
                   recipe_leaf(r, 0, 0));
}

RECIPE(put_into_steps) {
    return make_put(b, recipe_leaf(r, S | B, 1, 2), axis_t, recipe_places(r, -1, 4, S | B, 0),
                    T | B);
}

RECIPE(put_reverse) {
    op_node *g = recipe_leaf(r, T | B, 0);
    op_node *place = make_sub(b, make_number(b, DTYPE_I32, 3), make_step(b, axis_t));
    return make_put(b, g, axis_t, place, T | B);
}

RECIPE(put_shared) {
    return make_put(b, recipe_leaf(r, T | B, 1, 2), axis_s, recipe_places(r, 0, 2, T | B, 0), S);
}

/* ---- delay */

#define DELAY(name, distance)                                                                      \
    RECIPE(name) {                                                                                 \
        return make_delay(b, recipe_leaf(r, T | B, 1, 2), axis_t, distance, recipe_leaf(r, T, 0)); \
    }
DELAY(delay_back, 1)
DELAY(delay_ahead, -1)
DELAY(delay_back_two, 2)
DELAY(delay_ahead_three, -3)
DELAY(delay_beyond, 5)

RECIPE(delay_what_lacks_it) {
    return make_delay(b, recipe_leaf(r, B, 1, 2), axis_t, 2, recipe_leaf(r, B, 1, 2));
}

/* y = sin(x + w * state) */
static op_node *recurrence(recipe *r, op_builder *b, int axis, int distance, uint32_t domain) {
    op_node *x = recipe_leaf(r, domain, 1, 2), *w = recipe_leaf(r, 0, 1, 2);
    op_node *state =
        make_open_delay(b, axis, distance, recipe_leaf(r, B, 0), DTYPE_F64, domain, &x->shape);
    op_node *y = make_unary(b, OP_SIN, make_add(b, x, make_mul(b, w, state)));
    graph_bind(&r->t->g, state, y);
    return y;
}

RECIPE(delay_recurrence) {
    return recurrence(r, b, axis_t, 1, T | B);
}

RECIPE(delay_recurrence_ahead) {
    return recurrence(r, b, axis_t, -2, T | B);
}

RECIPE(delay_recurrence_nested) {
    return recurrence(r, b, axis_s, 1, T | S | B);
}

#define ROW(op, name) {OP_##op, #name, name}

const recipe_row recipe_rows[] = {ROW(CAST, through_f32),
                                  ROW(SELECT, choose_elements),
                                  ROW(SELECT, choose_by_itself),
                                  ROW(SELECT, choose_by_scalar),
                                  ROW(CUSTOM, custom_product),
                                  ROW(CUSTOM, custom_in_a_cycle),
                                  ROW(SLICE, slice_middle),
                                  ROW(SLICE, slice_one),
                                  ROW(PAD, pad_both_sides),
                                  ROW(PAD, pad_end),
                                  ROW(CONCAT, concat_unequal),
                                  ROW(CONCAT, concat_twice_the_same),
                                  ROW(RESHAPE, reshape_rows),
                                  ROW(RESHAPE, reshape_scalar),
                                  ROW(TRANSPOSE, transpose_cycle),
                                  ROW(BROADCAST, broadcast_inner),
                                  ROW(BROADCAST, broadcast_scalar),
                                  ROW(EXPAND, expand_time),
                                  ROW(EXPAND, expand_samples),
                                  ROW(STACK, stack_time),
                                  ROW(STACK, stack_what_lacks_it),
                                  ROW(SPREAD, spread_rows),
                                  ROW(REDUCE, reduce_sum),
                                  ROW(REDUCE, reduce_max),
                                  ROW(REDUCE, reduce_lse),
                                  ROW(REDUCE, reduce_one_element),
                                  ROW(TOTAL, total_sum_over_time),
                                  ROW(TOTAL, total_sum_over_samples),
                                  ROW(TOTAL, total_sum_over_all),
                                  ROW(TOTAL, total_sum_over_what_lacks_it),
                                  ROW(TOTAL, total_max_over_time),
                                  ROW(TOTAL, total_max_over_samples),
                                  ROW(TOTAL, total_max_over_all),
                                  ROW(TOTAL, total_max_over_what_lacks_it),
                                  ROW(TOTAL, total_lse_over_time),
                                  ROW(TOTAL, total_lse_over_samples),
                                  ROW(TOTAL, total_lse_over_all),
                                  ROW(TOTAL, total_lse_over_what_lacks_it),
                                  ROW(CONTRACT, contract_matrix),
                                  ROW(CONTRACT, contract_outer_over_all),
                                  ROW(CONTRACT, contract_attention),
                                  ROW(CONTRACT, contract_state),
                                  ROW(CONTRACT, contract_batch_index),
                                  ROW(CONTRACT, contract_over_samples),
                                  ROW(CONTRACT, contract_over_what_both_lack),
                                  ROW(CONTRACT, contract_with_itself),
                                  ROW(GATHER, gather_rows),
                                  ROW(GATHER, gather_matrix_of_places),
                                  ROW(GATHER, gather_own_sample),
                                  ROW(SCATTER, scatter_over_all),
                                  ROW(SCATTER, scatter_inside),
                                  ROW(AT, at_place_of_sample),
                                  ROW(AT, at_place_of_step),
                                  ROW(AT, at_renamed),
                                  ROW(AT, at_reverse),
                                  ROW(AT, at_last),
                                  ROW(AT, at_shared_memory),
                                  ROW(PUT, put_into_steps),
                                  ROW(PUT, put_reverse),
                                  ROW(PUT, put_shared),
                                  ROW(DELAY, delay_back),
                                  ROW(DELAY, delay_ahead),
                                  ROW(DELAY, delay_back_two),
                                  ROW(DELAY, delay_ahead_three),
                                  ROW(DELAY, delay_beyond),
                                  ROW(DELAY, delay_what_lacks_it),
                                  ROW(DELAY, delay_recurrence),
                                  ROW(DELAY, delay_recurrence_ahead),
                                  ROW(DELAY, delay_recurrence_nested),
                                  {.make = NULL}};
