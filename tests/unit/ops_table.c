/* The table of ops is whole: every row of ops.def has a record that says all that its family must
 * say; and the questions about shapes, specs and nodes that need no graph. */
#include "tests/support/bare.h"

#include <criterion/criterion.h>
#include <string.h>

static bare g;

static void start(void) {
    bare_init(&g);
}

static void finish(void) {
    bare_free(&g);
}

TestSuite(ops_table, .init = start, .fini = finish);

Test(ops_table, every_row_has_its_record) {
    static const struct {
        op_id op;
        const char *name;
        int least, most;
        op_family family;
    } rows[] = {
#define OP(identifier, mnemonic, least, most, family)                                              \
    {OP_##identifier, mnemonic, least, most, OP_FAMILY_##family},
#include "ops/ops.def"
#undef OP
    };
    cr_assert_eq(sizeof rows / sizeof *rows, OP_COUNT);
    for (int i = 0; i < OP_COUNT; i++) {
        const op_info *info = op_get(rows[i].op);
        cr_expect_str_eq(info->name, rows[i].name);
        cr_expect_eq(op_from_name(rows[i].name), rows[i].op, "%s", rows[i].name);
        cr_expect_eq(info->least, rows[i].least, "%s", rows[i].name);
        cr_expect_eq(info->most, rows[i].most, "%s", rows[i].name);
        cr_expect_eq(info->family, rows[i].family, "%s", rows[i].name);
    }
    cr_expect_eq(op_from_name("relu"), OP_COUNT);
    cr_expect_eq(op_from_name(""), OP_COUNT);
}

Test(ops_table, every_record_says_what_its_family_needs) {
    for (int op = 0; op < OP_COUNT; op++) {
        const op_info *info = op_get((op_id)op);
        cr_expect(info->infer != NULL, "%s", info->name);
        cr_expect_eq(info->body != NULL, info->family == OP_FAMILY_ELEMENTWISE, "%s", info->name);
        cr_expect_eq(info->views != NULL, info->family == OP_FAMILY_VIEW, "%s", info->name);
        cr_expect(info->formula && strncmp(info->formula, "y", 1) == 0 &&
                      strchr(info->formula, '='),
                  "%s", info->name);
        cr_expect(info->about && info->about[strlen(info->about) - 1] == '.', "%s", info->name);
        cr_expect(info->adjoint_formula != NULL, "%s", info->name);
        if (info->adjoint_formula)
            cr_expect_eq(info->adjoint != NULL, info->adjoint_formula[0] != 0, "%s", info->name);
        cr_expect(info->sample.low < info->sample.high, "%s", info->name);
        cr_expect(info->sample.kink_count == 0 || info->sample.clear > 0, "%s", info->name);
    }
}

/* ---- shapes */

static op_shape shape(int rank, int64_t a, int64_t b, int64_t c) {
    return op_shape_make(rank, (int64_t[]){a, b, c});
}

Test(ops_table, shapes_broadcast_from_the_end) {
    op_shape out, extent = shape(2, OP_EXTENT_OF(0), 3, 0), other = shape(2, OP_EXTENT_OF(1), 3, 0);
    op_shape s4 = shape(1, 4, 0, 0), s34 = shape(2, 3, 4, 0), s31 = shape(2, 3, 1, 0),
             s21 = shape(2, 2, 1, 0), s3 = shape(1, 3, 0, 0), empty = shape(0, 0, 0, 0),
             one = shape(3, 1, 1, 1);
    cr_assert(op_shape_broadcast(&s4, &s34, &out) && op_shape_equal(&out, &s34));
    cr_assert(op_shape_broadcast(&s31, &s4, &out) && op_shape_equal(&out, &s34));
    cr_assert(op_shape_broadcast(&empty, &s4, &out) && op_shape_equal(&out, &s4));
    cr_assert(op_shape_broadcast(&one, &empty, &out) && op_shape_equal(&out, &one));
    cr_assert_not(op_shape_broadcast(&s3, &s34, &out));
    cr_assert_not(op_shape_broadcast(&s31, &s21, &out));
    cr_assert(op_shape_broadcast(&extent, &s3, &out) && op_shape_equal(&out, &extent));
    cr_assert(op_shape_broadcast(&extent, &extent, &out) && op_shape_equal(&out, &extent));
    cr_assert_not(op_shape_broadcast(&extent, &other, &out));
    cr_assert_not(op_shape_broadcast(&extent, &s34, &out));
}

Test(ops_table, elements_of_a_shape) {
    op_shape s = shape(3, 2, 3, 4), scalar = shape(0, 0, 0, 0),
             extent = shape(1, OP_EXTENT_OF(2), 0, 0), huge = shape(2, INT64_MAX / 2, 3, 0);
    cr_expect_eq(op_shape_elements(&s), 24);
    cr_expect_eq(op_shape_elements(&scalar), 1);
    cr_expect_eq(op_shape_elements(&extent), -1);
    cr_expect_eq(op_shape_elements(&huge), -1);
}

Test(ops_table, values_are_described_in_words) {
    op_builder *b = &g.builder;
    op_shape s = shape(2, OP_EXTENT_OF(1), 3, 0);
    op_node *x = make_input(b, "x", DTYPE_F32, 1u << 2 | 1u << 0, &s);
    cr_expect_str_eq(op_describe(b, x), "f32 {t,b} [s, 3]");
    cr_expect_str_eq(op_describe(b, make_number(b, DTYPE_BOOL, 1)), "bool {} []");
    cr_expect_str_eq(op_describe_shape(b, &s), "[s, 3]");
    cr_expect_str_eq(op_describe_domain(b, 1u << 1 | 1u << 2), "{s,b}");
}

/* ---- contract specs */

Test(ops_table, contract_specs_parse) {
    op_contract c;
    const char *why;
    cr_assert(op_contract_parse("mkn,nk->m", &c, &why));
    cr_expect_eq(c.rank_a, 3);
    cr_expect_eq(c.rank_b, 2);
    cr_expect_eq(c.rank_out, 1);
    cr_expect_eq(c.count, 3);
    cr_expect_arr_eq(c.letters, "mkn", 3);
    cr_expect_eq(c.b[0], 2);
    cr_expect_eq(c.b[1], 1);
    cr_expect_eq(c.reduced_count, 2);
    cr_expect_eq(c.reduced[0], 1, "k comes before n: the order of appearance");
    cr_expect_eq(c.reduced[1], 2);
    cr_assert(op_contract_parse("m,n->nm", &c, &why));
    cr_expect_eq(c.reduced_count, 0);
    cr_assert(op_contract_parse(",->", &c, &why));
    cr_expect_eq(c.count, 0);
}

Test(ops_table, contract_specs_that_are_refused_say_why) {
    static const struct {
        const char *spec, *why;
    } cases[] = {{"mn,n", "look like"},
                 {"", "look like"},
                 {"mn n->m", "look like"},
                 {"mn,n->m ", "look like"},
                 {"m1,n->m", "look like"},
                 {"mm,n->mn", "repeated"},
                 {"m,n->mm", "repeated"},
                 {"m,n->mk", "neither operand"},
                 {"mn,k->mk", "reduce that operand"},
                 {"mn,nk->m", "reduce that operand"},
                 {"abcdefghi,a->abcdefghi", "more indices"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        op_contract c;
        const char *why = NULL;
        cr_expect_not(op_contract_parse(cases[i].spec, &c, &why), "%s", cases[i].spec);
        cr_expect(why && strstr(why, cases[i].why), "%s: %s", cases[i].spec, why ? why : "");
    }
}

/* ---- questions about nodes */

Test(ops_table, what_collapses_an_axis) {
    op_builder *b = &g.builder;
    op_shape v = shape(1, 3, 0, 0), none = shape(0, 0, 0, 0);
    op_node *x = make_input(b, "x", DTYPE_F32, 1u << 0 | 1u << 2, &v);
    op_node *w = make_input(b, "w", DTYPE_F32, 1u << 2, &v);
    op_node *i = make_input(b, "i", DTYPE_I32, 1u << 0, &none);
    op_node *sum = make_contract(b, "m,m->", x, w, 1u << 0);
    cr_expect(op_collapses(sum, 0, 0));
    cr_expect_not(op_collapses(sum, 0, 2));
    cr_expect_not(op_collapses(sum, 1, 0), "w does not hold t");
    op_node *flip = make_at(b, x, 0, i, make_like(b, x, 0));
    cr_expect(op_collapses(flip, 0, 0));
    cr_expect_not(op_collapses(flip, 1, 0), "the place is read step by step");
    op_node *put = make_put(b, x, 0, i, x->domain);
    cr_expect(op_collapses(put, 0, 0));
    cr_expect(op_collapses(put, 1, 0));
    cr_expect_not(op_collapses(make_add(b, x, w), 0, 0));
    cr_expect_not(op_collapses(make_delay(b, x, 0, 1, make_like(b, x, 0)), 0, 0));
    cr_expect(op_collapses(make_stack(b, x, 0), 0, 0));
    cr_expect_not(op_collapses(make_spread(b, make_stack(b, x, 0), 0), 0, 0));
}

Test(ops_table, what_is_heavy_and_what_is_alive) {
    op_builder *b = &g.builder;
    op_shape v = shape(1, 3, 0, 0);
    op_node *x = make_input(b, "x", DTYPE_F32, 1u << 0, &v);
    cr_expect(op_is_heavy(make_contract(b, "m,m->", x, x, 0)));
    cr_expect_not(op_is_heavy(make_contract(b, "m,n->mn", x, x, 0)));
    cr_expect(op_is_heavy(make_contract(b, "m,n->mn", x, x, 1u << 0)));
    cr_expect_not(op_is_heavy(x));
    op_node *y = make_unary(b, OP_TANH, x), *dy = make_cotangent(b, y);
    op_node *surrogate = make_custom(b, "soft", y, &x, &dy, 1, dy);
    cr_expect_eq(surrogate->count, 4);
    cr_expect_eq(op_live_count(surrogate), 1);
    cr_expect_eq(op_live_count(make_stop(b, y)), 1);
    cr_expect_eq(op_live_count(make_add(b, x, y)), 2);
}
