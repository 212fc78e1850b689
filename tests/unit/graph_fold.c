/* Folding: what goes, what must stay, and that dtype, domain and shape survive. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/program.h"

static program p;
static op_builder *b;
static op_node *x; /* f32 {t} [4] */
static const op_node *scalar_of(const op_node *n) {
    while (n->op == OP_EXPAND || n->op == OP_BROADCAST)
        n = n->arguments[0];
    return n;
}

static void start(void) {
    program_init(&p);
    graph_axis_add(&p.g, "t", false, -1);
    graph_axis_add(&p.g, "b", true, -1);
    b = &p.g.builder;
    b->settled = true; /* every fold at once; graph_share has what a user's graph keeps */
    op_shape shape = program_shape(1, 4);
    x = make_input(b, "x", DTYPE_F32, PROGRAM_BIT(PROGRAM_T), &shape);
}

static void stop(void) {
    cr_assert_eq(p.problem.code, STATUS_OK, "%s", p.problem.message);
    program_close(&p);
}

TestSuite(graph_fold, .init = start, .fini = stop);

static op_node *number(double value) {
    return make_like(b, x, value);
}

Test(graph_fold, exact_identities) {
    cr_assert_eq(make_mul(b, x, number(1)), x);
    cr_assert_eq(make_mul(b, number(1), x), x);
    cr_assert_eq(make_div(b, x, number(1)), x);
    cr_assert_eq(make_sub(b, x, number(0.0)), x);
    cr_assert_eq(make_add(b, x, number(-0.0)), x);
    cr_assert_eq(make_neg(b, make_neg(b, x)), x);
    cr_assert_eq(make_cast(b, x, DTYPE_F32), x);
    op_node *i = make_step(b, PROGRAM_T), *zero = make_number(b, DTYPE_I32, 0);
    cr_assert_eq(make_add(b, i, zero), i);
    op_node *low = make_binary(b, OP_LT, i, make_extent(b, PROGRAM_T));
    cr_assert_eq(make_unary(b, OP_NOT, make_unary(b, OP_NOT, low)), low);
    cr_assert_eq(make_binary(b, OP_AND, low, low), low);
    cr_assert_eq(make_binary(b, OP_AND, low, make_number(b, DTYPE_BOOL, 1)), low);
    cr_assert_eq(make_binary(b, OP_OR, make_number(b, DTYPE_BOOL, 0), low), low);
}

Test(graph_fold, what_changes_bits_stays) {
    cr_assert_eq(make_add(b, x, number(0.0))->op, OP_ADD, "-0 + 0 is +0");
    cr_assert_eq(make_sub(b, x, number(-0.0))->op, OP_SUB, "-0 - -0 is +0");
    cr_assert_eq(make_mul(b, x, number(0.0))->op, OP_MUL, "0 * inf is nan");
    cr_assert_eq(make_sub(b, x, x)->op, OP_SUB, "inf - inf is nan");
    cr_assert_eq(make_div(b, x, x)->op, OP_DIV);
    cr_assert_eq(make_keep(b, number(1))->op, OP_KEEP);
    cr_assert_eq(make_cast(b, make_cast(b, x, DTYPE_F64), DTYPE_F32)->op, OP_CAST);
    cr_assert_eq(make_stop(b, number(1))->op, OP_CUSTOM);
}

Test(graph_fold, domain_and_shape_are_kept) {
    op_shape wide = program_shape(2, 3, 4), none = program_shape(0);
    op_node *one = make_expand(b, make_broadcast(b, number(1), &wide), PROGRAM_BIT(PROGRAM_B));
    op_node *same = make_mul(b, x, one);
    cr_assert_eq(same->domain, PROGRAM_BIT(PROGRAM_T) | PROGRAM_BIT(PROGRAM_B));
    cr_assert(op_shape_equal(&same->shape, &wide));
    cr_assert_eq(scalar_of(same), x);
    op_node *w = make_param(b, "w", DTYPE_F32, 0, &none);
    op_node *chosen = make_select(b, make_number(b, DTYPE_BOOL, 1), w, x);
    cr_assert_eq(chosen->domain, x->domain);
    cr_assert(op_shape_equal(&chosen->shape, &x->shape));
    cr_assert_eq(scalar_of(chosen), w);
    op_node *step = make_step(b, PROGRAM_T);
    op_node *early = make_binary(b, OP_LT, step, make_number(b, DTYPE_I32, 3));
    op_node *either = make_select(b, early, w, w);
    cr_assert_eq(either->op, OP_EXPAND);
    cr_assert_eq(either->domain, PROGRAM_BIT(PROGRAM_T));
}

Test(graph_fold, a_mask_is_put_on_once) {
    op_node *valid = make_valid(b, PROGRAM_T, x->domain), *zero = number(0);
    op_node *once = make_select(b, valid, x, zero);
    cr_assert_eq(make_select(b, valid, once, zero), once);
    cr_assert_eq(make_select(b, valid, x, make_select(b, valid, number(7), zero)), once);
    cr_assert_eq(make_select(b, valid, once, number(1))->arguments[1], x);
}

Test(graph_fold, numbers_are_computed_by_the_op_itself) {
    op_node *sum = make_add(b, make_number(b, DTYPE_F64, 0.1), make_number(b, DTYPE_F64, 0.2));
    double value;
    cr_assert_eq(sum->op, OP_CONSTANT);
    memcpy(&value, sum->attributes.data, sizeof value);
    cr_assert_eq(value, 0.1 + 0.2);
    cr_assert_eq(make_binary(b, OP_LT, make_number(b, DTYPE_I32, 2), make_number(b, DTYPE_I32, 3)),
                 make_number(b, DTYPE_BOOL, 1));
    cr_assert_eq(make_neg(b, make_number(b, DTYPE_F32, 0)), make_number(b, DTYPE_F32, -0.0));
    op_shape wide = program_shape(1, 4);
    op_node *spread = make_expand(b, make_broadcast(b, number(2), &wide), PROGRAM_BIT(PROGRAM_T));
    op_node *product = make_mul(b, spread, number(3));
    cr_assert_eq(scalar_of(product), number(6));
    cr_assert_eq(product->domain, x->domain);
    cr_assert(op_shape_equal(&product->shape, &wide));
    static const float several[] = {1, 2, 3, 4};
    op_node *tensor = make_constant(b, DTYPE_F32, &wide, several);
    cr_assert_eq(make_add(b, tensor, number(1))->op, OP_ADD, "only numbers fold");
}

Test(graph_fold, views_of_views) {
    op_shape matrix = program_shape(2, 2, 2), rows = program_shape(2, 4, 1),
             tall = program_shape(3, 5, 2, 4);
    op_shape two = program_shape(2, 2, 4);
    op_node *y = make_reshape(b, x, &matrix);
    cr_assert_eq(make_reshape(b, y, &x->shape), x);
    cr_assert_eq(make_reshape(b, y, &rows)->arguments[0], x);
    cr_assert_eq(make_broadcast(b, make_broadcast(b, x, &two), &tall)->arguments[0], x);
    static const int8_t swap[] = {1, 0}, same[] = {0, 1};
    cr_assert_eq(make_transpose(b, make_transpose(b, y, swap), swap), y);
    cr_assert_eq(make_transpose(b, y, same), y);
    op_node *twice = make_expand(b, make_expand(b, make_param(b, "w", DTYPE_F32, 0, &two), 1), 2);
    cr_assert_eq(twice->arguments[0]->op, OP_PARAM);
    cr_assert_eq(twice->attributes.over, 3);
    cr_assert_eq(make_slice(b, x, 0, 0, 4), x);
    cr_assert_eq(make_slice(b, make_slice(b, x, 0, 1, 3), 0, 1, 2), make_slice(b, x, 0, 2, 2));
    op_node *padded = make_pad(b, x, 0, 2, 9);
    cr_assert_eq(make_slice(b, padded, 0, 2, 4), x);
    cr_assert_eq(make_slice(b, padded, 0, 3, 2), make_slice(b, x, 0, 1, 2));
    cr_assert_eq(make_slice(b, padded, 0, 1, 2)->arguments[0], padded, "holds padding");
    op_node *parts[] = {x, padded};
    op_node *joined = make_concat(b, parts, 2, 0);
    cr_assert_eq(make_slice(b, joined, 0, 0, 4), x);
    cr_assert_eq(make_slice(b, joined, 0, 6, 4), x, "through concat and pad");
    cr_assert_eq(make_slice(b, joined, 0, 3, 2)->arguments[0], joined, "crosses parts");
    cr_assert_eq(make_concat(b, parts, 1, 0), x);
    cr_assert_eq(make_pad(b, x, 0, 0, 4), x);
}

Test(graph_fold, stretched_numbers_have_one_form) {
    op_shape four = program_shape(1, 4), two = program_shape(1, 2);
    op_node *first = make_broadcast(b, make_expand(b, number(3), PROGRAM_BIT(PROGRAM_T)), &four);
    op_node *second = make_expand(b, make_broadcast(b, number(3), &four), PROGRAM_BIT(PROGRAM_T));
    cr_assert_eq(first, second);
    cr_assert_eq(make_slice(b, make_broadcast(b, number(3), &four), 0, 1, 2),
                 make_broadcast(b, number(3), &two));
}
