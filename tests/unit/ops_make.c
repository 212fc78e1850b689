/* The compositions that the semantics asks for - ends, masks, fitting - and every adjoint: it
 * belongs to its argument after fitting. Lengths of axis t vary over the samples b throughout. */
#include "tests/support/bare.h"

#include <criterion/criterion.h>
#include <string.h>

enum { T = 1u << 0, S = 1u << 1, B = 1u << 2 };

static bare g;
static op_builder *b;

static void start(void) {
    op_shape scalar = op_shape_make(0, NULL);
    bare_init(&g);
    b = &g.builder;
    g.axes[0].lengths = make_input(b, "lengths", DTYPE_I32, B, &scalar);
}

static void finish(void) {
    bare_free(&g);
}

TestSuite(ops_make, .init = start, .fini = finish);

static op_node *value(uint32_t domain, int rank, int64_t first, int64_t second) {
    op_shape s = op_shape_make(rank, (int64_t[]){first, second});
    return make_input(b, "x", DTYPE_F64, domain, &s);
}

static bool is_mask_of(const op_node *n, const op_node *x) {
    return n->op == OP_SELECT && n->arguments[1] == x && n->arguments[0]->op == OP_LT &&
           n->arguments[0]->arguments[0]->op == OP_STEP &&
           n->arguments[0]->arguments[1] == g.axes[0].lengths;
}

static double number(const op_node *n) {
    double v;
    cr_assert(n->op == OP_CONSTANT && n->dtype == DTYPE_F64);
    memcpy(&v, n->attributes.data, sizeof v);
    return v;
}

/* ---- ends and masks */

Test(ops_make, a_value_ends_at_lengths_if_it_has_samples) {
    cr_expect_eq(make_end(b, 0, T | B), g.axes[0].lengths);
    cr_expect_eq(make_end(b, 0, T)->op, OP_EXTENT);
    cr_expect_eq(make_end(b, 1, S | B)->op, OP_EXTENT);
}

Test(ops_make, totals_skip_padding_by_selection) {
    op_node *x = value(T | B, 1, 3, 0), *even = value(T, 1, 3, 0);
    op_node *sum = make_total(b, x, T, OP_KIND_SUM), *best = make_total(b, x, T, OP_KIND_MAX);
    cr_expect(is_mask_of(sum->arguments[0], x));
    cr_expect_eq(number(sum->arguments[0]->arguments[2]), 0);
    cr_expect(is_mask_of(best->arguments[0], x));
    cr_expect_eq(number(best->arguments[0]->arguments[2]), -__builtin_inf());
    cr_expect(is_mask_of(make_total(b, x, B, OP_KIND_SUM)->arguments[0], x),
              "samples that have ended by t do not count");
    cr_expect_eq(make_total(b, even, T, OP_KIND_SUM)->arguments[0], even,
                 "without samples the extent is the end");
    op_node *grown = make_total(b, value(B, 1, 3, 0), T, OP_KIND_SUM);
    cr_expect(is_mask_of(grown->arguments[0], grown->arguments[0]->arguments[1]));
    cr_expect_eq(grown->arguments[0]->arguments[1]->op, OP_EXPAND);
}

Test(ops_make, contractions_mask_both_operands) {
    op_node *x = value(T | B, 1, 3, 0), *y = value(T, 1, 3, 0), *w = value(B, 1, 3, 0);
    op_node *plain = make_contract(b, "m,m->", x, y, 0);
    cr_expect(plain->arguments[0] == x && plain->arguments[1] == y);
    op_node *sum = make_contract(b, "m,n->mn", x, y, T);
    cr_expect(is_mask_of(sum->arguments[0], x));
    cr_expect(is_mask_of(sum->arguments[1], y));
    cr_expect_eq(sum->domain, B);
    op_node *over_samples = make_contract(b, "m,n->mn", x, w, B);
    cr_expect(is_mask_of(over_samples->arguments[0], x));
    cr_expect_eq(over_samples->arguments[1], w, "w has no step to be padding");
    op_node *grown = make_contract(b, "m,n->mn", w, w, T);
    cr_expect_eq(grown->arguments[0]->op, OP_SELECT, "steps that do not exist are not counted");
    cr_expect_eq(grown->domain, B);
}

Test(ops_make, sums_into_places_skip_padding) {
    op_shape none = op_shape_make(0, NULL);
    op_node *x = value(T | B, 1, 3, 0), *i = make_input(b, "i", DTYPE_I32, T | B, &none);
    op_node *rows = make_scatter(b, x, i, 9, T | B);
    cr_expect(is_mask_of(rows->arguments[0], x));
    cr_expect_eq(rows->domain, 0);
    op_node *put = make_put(b, x, 0, i, T | B);
    cr_expect(is_mask_of(put->arguments[0], x));
    cr_expect_eq(put->attributes.over, T);
    cr_expect_eq(put->domain, T | B);
    op_node *stacked = make_stack(b, x, 0);
    cr_expect(is_mask_of(stacked->arguments[0], x));
}

Test(ops_make, delays_and_at_carry_their_lengths) {
    op_node *x = value(T | B, 1, 3, 0), *even = value(T, 1, 3, 0), *zero = make_like(b, x, 0);
    op_shape v = x->shape;
    cr_expect_eq(make_delay(b, x, 0, 1, zero)->count, 3);
    cr_expect_eq(make_delay(b, even, 0, 1, zero)->count, 2);
    cr_expect_eq(make_delay(b, even, 0, 1, value(B, 1, 3, 0))->count, 3, "init brings the samples");
    cr_expect_eq(make_delay(b, x, 1, 1, zero)->count, 2);
    op_node *state = make_open_delay(b, 0, 1, zero, DTYPE_F64, B, &v);
    cr_expect_null(state->arguments[0]);
    cr_expect_eq(state->arguments[2], g.axes[0].lengths);
    cr_expect_eq(state->domain, T | B);
    op_node *last = make_last(b, x, 0, zero);
    cr_expect_eq(last->count, 4);
    cr_expect_eq(last->arguments[1]->arguments[0], g.axes[0].lengths);
    cr_expect_eq(make_at(b, even, 0, make_step(b, 1), zero)->count, 3);
    cr_expect_eq(make_at(b, value(B, 0, 0, 0), 0, make_step(b, 1), zero)->op, OP_SELECT);
}

/* ---- fitting */

static void expect_fits(op_node *gy, const op_node *n) {
    op_node *fitted = make_fit(b, gy, n);
    cr_assert(fitted, "%s", g.problem.message);
    cr_expect_str_eq(op_describe(b, fitted), op_describe(b, n));
}

Test(ops_make, contributions_are_fitted) {
    op_node *x = value(T | B, 2, 3, 4);
    cr_expect_eq(make_fit(b, x, x), x);
    expect_fits(x, value(T | B, 2, 1, 4));
    expect_fits(x, value(T | B, 1, 4, 0));
    expect_fits(x, value(T | B, 0, 0, 0));
    expect_fits(x, value(0, 1, 1, 0));
    expect_fits(x, value(S | B, 2, 3, 4));
    expect_fits(value(0, 0, 0, 0), x);
    expect_fits(value(B, 2, 3, 1), x);
    expect_fits(value(0, 2, OP_EXTENT_OF(0), 4), value(0, 1, 4, 0));
    cr_expect_null(make_fit(b, make_cast(b, x, DTYPE_F32), x));
    cr_expect(strstr(g.problem.message, "f32 {t,b} [3, 4]"), "%s", g.problem.message);
    error_clear(&g.problem);
    cr_expect_null(make_fit(b, value(0, 1, 5, 0), x));
}

/* ---- adjoints */

/* All contributions of n fit to their arguments; which[i]: there is one for argument i. */
static void expect_adjoint(op_node *n, const char *which) {
    op_node *out[LIMIT_ARGUMENTS] = {NULL};
    cr_assert(n, "%s", g.problem.message);
    const op_info *info = op_get((op_id)n->op);
    op_node *gy = make_input(b, "dy", (dtype)n->dtype, n->domain, &n->shape);
    info->adjoint(b, n, gy, out);
    cr_assert_eq(g.problem.code, STATUS_OK, "%s: %s", info->name, g.problem.message);
    for (int i = 0; i < n->count; i++) {
        cr_expect_eq(out[i] != NULL, which[i] == 'y', "%s, argument %d", info->name, i);
        if (out[i])
            expect_fits(out[i], n->arguments[i]);
    }
}

Test(ops_make, adjoints_of_element_wise_ops_fit) {
    op_node *x = value(T | B, 2, 3, 1), *y = value(S, 1, 4, 0);
    op_node *c = make_binary(b, OP_LT, value(B, 0, 0, 0), y);
    int seen = 0;
    for (int op = 0; op < OP_COUNT; op++) {
        const op_info *info = op_get((op_id)op);
        if (info->family != OP_FAMILY_ELEMENTWISE || !info->adjoint || op == OP_CUSTOM ||
            op == OP_CAST || op == OP_SELECT)
            continue;
        if (info->most == 1)
            expect_adjoint(make_unary(b, (op_id)op, x), "y");
        else
            expect_adjoint(make_binary(b, (op_id)op, x, y), "yy");
        seen++;
    }
    cr_expect_geq(seen, 19);
    expect_adjoint(make_select(b, c, x, y), "nyy");
    expect_adjoint(make_cast(b, x, DTYPE_F32), "y");
    expect_adjoint(make_cast(b, make_step(b, 0), DTYPE_F64), "n");
}

Test(ops_make, adjoints_of_views_and_folds_fit) {
    op_node *x = value(T | B, 2, 3, 4), *y = value(S, 2, 3, 2), *both[2] = {x, y};
    op_shape flat = op_shape_make(1, (int64_t[]){12});
    op_shape high = op_shape_make(3, (int64_t[]){2, 3, 4});
    expect_adjoint(make_slice(b, x, 1, 1, 2), "y");
    expect_adjoint(make_pad(b, x, 1, 1, 9), "y");
    expect_adjoint(make_concat(b, both, 2, 1), "yy");
    expect_adjoint(make_reshape(b, x, &flat), "y");
    expect_adjoint(make_transpose(b, x, (int8_t[]){1, 0}), "y");
    expect_adjoint(make_broadcast(b, x, &high), "y");
    expect_adjoint(make_expand(b, x, S), "y");
    expect_adjoint(make_stack(b, x, 0), "y");
    expect_adjoint(make_spread(b, make_stack(b, x, 0), 0), "y");
    for (int kind = OP_KIND_SUM; kind <= OP_KIND_LSE; kind++) {
        expect_adjoint(make_reduce(b, x, 1, (op_kind)kind), "y");
        expect_adjoint(make_total(b, x, T, (op_kind)kind), "y");
    }
    expect_adjoint(make_reduce(b, x, 1, OP_KIND_ARGMAX), "n");
}

Test(ops_make, adjoints_of_contractions_are_contractions) {
    op_node *w = value(0, 2, 3, 4), *x = value(T | B, 1, 4, 0), *out[2] = {NULL};
    op_node *y = make_contract(b, "mn,n->m", w, x, 0), *gy = value(T | B, 1, 3, 0);
    op_get(OP_CONTRACT)->adjoint(b, y, gy, out);
    cr_assert(out[0] && out[1], "%s", g.problem.message);
    cr_expect_str_eq(out[0]->attributes.text, "m,n->mn");
    cr_expect_eq(out[0]->attributes.over, T | B);
    cr_expect_str_eq(out[1]->attributes.text, "mn,m->n");
    cr_expect_eq(out[1]->attributes.over, 0);
    expect_adjoint(y, "yy");
    expect_adjoint(make_contract(b, "m,n->nm", x, x, T), "yy");
    expect_adjoint(make_contract(b, "n,n->", x, value(S, 1, 4, 0), B | S), "yy");
}

Test(ops_make, adjoints_of_places_and_time_fit) {
    op_shape none = op_shape_make(0, NULL), four = op_shape_make(1, (int64_t[]){4});
    op_node *x = value(T | B, 1, 3, 0), *zero = value(S, 0, 0, 0), *table = value(0, 2, 9, 3);
    op_node *i = make_input(b, "i", DTYPE_I32, S | B, &none);
    op_node *many = make_input(b, "j", DTYPE_I32, T | B, &four);
    expect_adjoint(make_gather(b, table, i), "yn");
    expect_adjoint(make_gather(b, table, many), "yn");
    expect_adjoint(make_gather(b, make_stack(b, x, 0), i), "yn");
    expect_adjoint(make_scatter(b, value(T | B, 2, 4, 3), many, 9, T), "yn");
    expect_adjoint(make_at(b, x, 0, i, zero), "ynyn");
    expect_adjoint(make_at(b, x, 0, make_step(b, 0), zero), "ynyn");
    expect_adjoint(make_last(b, x, 0, zero), "ynyn");
    expect_adjoint(make_put(b, x, 0, i, T | B), "yn");
    expect_adjoint(make_delay(b, x, 0, 2, zero), "nyn");
    expect_adjoint(make_delay(b, x, 1, -1, zero), "ny");
}

Test(ops_make, custom_adjoints_take_the_gradient_in) {
    op_node *x = value(T | B, 1, 3, 0), *y = make_unary(b, OP_SIGN, x), *out[4] = {NULL};
    op_node *dy = make_cotangent(b, y), *gx = make_mul(b, dy, make_like(b, x, 3));
    op_node *n = make_custom(b, "straight", y, &x, &gx, 1, dy), *gy = value(T | B, 1, 3, 0);
    op_get(OP_CUSTOM)->adjoint(b, n, gy, out);
    cr_assert(out[1], "%s", g.problem.message);
    cr_expect_eq(out[1]->op, OP_MUL);
    cr_expect_eq(out[1]->arguments[0], gy);
    cr_expect_eq(out[1]->arguments[1], gx->arguments[1], "parts without dy are shared");
    cr_expect(!out[0] && !out[2] && !out[3]);
    expect_adjoint(make_stop(b, y), "n");
}

/* ---- views */

Test(ops_make, views_say_where_elements_come_from) {
    op_node *x = value(T | B, 2, 3, 4), *y = value(S, 2, 3, 2), *both[2] = {x, y};
    op_view v[LIMIT_ARGUMENTS];
    op_node *n = make_slice(b, x, 1, 1, 2);
    cr_assert_eq(op_get(OP_SLICE)->views(n, v), 1);
    cr_expect(v[0].dimension[0].which == 0 && v[0].dimension[0].offset == 0);
    cr_expect(v[0].dimension[1].which == 1 && v[0].dimension[1].offset == 1);
    cr_expect(v[0].guard == -1 && v[0].axis == -1 && !v[0].linear);
    n = make_pad(b, x, 1, 2, 9);
    cr_assert_eq(op_get(OP_PAD)->views(n, v), 1);
    cr_expect(v[0].guard == 1 && v[0].low == 2 && v[0].high == 6);
    cr_expect_eq(v[0].dimension[1].offset, -2);
    n = make_concat(b, both, 2, 1);
    cr_assert_eq(op_get(OP_CONCAT)->views(n, v), 2);
    cr_expect(v[0].argument == 0 && v[0].low == 0 && v[0].high == 4);
    cr_expect(v[1].argument == 1 && v[1].low == 4 && v[1].high == 6);
    cr_expect_eq(v[1].dimension[1].offset, -4);
    n = make_transpose(b, value(0, 2, 3, 4), (int8_t[]){1, 0});
    cr_assert_eq(op_get(OP_TRANSPOSE)->views(n, v), 1);
    cr_expect(v[0].dimension[0].which == 1 && v[0].dimension[1].which == 0);
    op_shape high = op_shape_make(3, (int64_t[]){2, 3, 4});
    n = make_broadcast(b, value(0, 2, 3, 1), &high);
    cr_assert_eq(op_get(OP_BROADCAST)->views(n, v), 1);
    cr_expect(v[0].dimension[0].from == OP_TERM_DIMENSION && v[0].dimension[0].which == 1);
    cr_expect_eq(v[0].dimension[1].from, OP_TERM_NONE);
    n = make_stack(b, x, 0);
    cr_assert_eq(op_get(OP_STACK)->views(n, v), 1);
    cr_expect(v[0].axis == 0 && v[0].axis_term.from == OP_TERM_DIMENSION);
    cr_expect(v[0].axis_term.which == 0 && v[0].dimension[1].which == 2);
    n = make_spread(b, n, 0);
    cr_assert_eq(op_get(OP_SPREAD)->views(n, v), 1);
    cr_expect(v[0].dimension[0].from == OP_TERM_AXIS && v[0].dimension[0].which == 0);
    cr_expect(v[0].dimension[1].from == OP_TERM_DIMENSION && v[0].dimension[1].which == 0);
    n = make_reshape(b, x, &(op_shape){.rank = 1, .dimension = {12}});
    cr_assert_eq(op_get(OP_RESHAPE)->views(n, v), 1);
    cr_expect(v[0].linear);
}
