/* What ops make of their arguments - dtype, domain, shape - and what a user reads when they do not
 * fit: each message names the op and both values, and says what to do. */
#include "tests/support/bare.h"

#include <criterion/criterion.h>
#include <string.h>

enum { T = 1u << 0, S = 1u << 1, B = 1u << 2 };

static bare g;
static op_builder *b;

static void start(void) {
    bare_init(&g);
    b = &g.builder;
}

static void finish(void) {
    bare_free(&g);
}

TestSuite(ops_infer, .init = start, .fini = finish);

static op_shape shape(int rank, int64_t first, int64_t second) {
    return op_shape_make(rank, (int64_t[]){first, second});
}

/* A value of 0 to 2 dimensions. */
static op_node *value(dtype t, uint32_t domain, int rank, int64_t first, int64_t second) {
    op_shape s = shape(rank, first, second);
    return make_input(b, "x", t, domain, &s);
}

#define expect_is(node, words)                                                                     \
    do {                                                                                           \
        const op_node *made_ = (node);                                                             \
        cr_assert(made_, "%s", g.problem.message);                                                 \
        cr_expect_str_eq(op_describe(b, made_), (words));                                          \
    } while (0)

/* The node is refused with a message that has all of these words, and the mistake is forgotten. */
#define expect_refused(node, ...)                                                                  \
    do {                                                                                           \
        const char *const words_[] = {__VA_ARGS__};                                                \
        cr_expect_null((node));                                                                    \
        cr_expect_neq(g.problem.code, STATUS_OK);                                                  \
        for (size_t i_ = 0; i_ < sizeof words_ / sizeof *words_; i_++)                             \
            cr_expect(strstr(g.problem.message, words_[i_]), "no \"%s\" in: %s", words_[i_],       \
                      g.problem.message);                                                          \
        error_clear(&g.problem);                                                                   \
    } while (0)

Test(ops_infer, element_wise_ops_join_domains_and_shapes) {
    op_node *x = value(DTYPE_F32, T | B, 1, 4, 0), *w = value(DTYPE_F32, S, 2, 3, 1);
    expect_is(make_add(b, x, w), "f32 {t,s,b} [3, 4]");
    expect_is(make_mul(b, x, make_like(b, x, 2)), "f32 {t,b} [4]");
    expect_is(make_binary(b, OP_LT, x, w), "bool {t,s,b} [3, 4]");
    op_node *c = make_binary(b, OP_LT, make_step(b, 0), make_extent(b, 0));
    expect_is(c, "bool {t} []");
    expect_is(make_select(b, c, w, make_like(b, w, 0)), "f32 {t,s} [3, 1]");
    expect_is(make_cast(b, x, DTYPE_I32), "i32 {t,b} [4]");
    expect_is(make_keep(b, c), "bool {t} []");
    expect_is(make_stop(b, x), "f32 {t,b} [4]");
}

Test(ops_infer, element_wise_mistakes) {
    op_node *x = value(DTYPE_F32, T | B, 1, 4, 0), *y = value(DTYPE_F32, 0, 1, 3, 0);
    op_node *wide = value(DTYPE_F64, 0, 0, 0, 0), *i = value(DTYPE_I32, T, 0, 0, 0);
    op_node *c = value(DTYPE_BOOL, B, 1, 4, 0);
    expect_refused(make_add(b, x, y), "add", "f32 {t,b} [4]", "f32 {} [3]", "equal or 1");
    expect_refused(make_mul(b, x, wide), "mul", "f32 {t,b} [4]", "f64 {} []", "cast");
    expect_refused(make_add(b, c, c), "add", "bool {b} [4]", "cast");
    expect_refused(make_div(b, i, i), "div", "i32 {t} []", "cast");
    expect_refused(make_unary(b, OP_TANH, i), "tanh", "i32 {t} []", "cast");
    expect_refused(make_unary(b, OP_NEG, c), "neg", "bool {b} [4]");
    expect_refused(make_unary(b, OP_NOT, x), "not", "f32 {t,b} [4]", "compare");
    expect_refused(make_binary(b, OP_AND, c, x), "and", "f32 {t,b} [4]");
    expect_refused(make_binary(b, OP_LT, c, c), "lt", "bool {b} [4]");
    expect_refused(make_select(b, x, x, x), "select", "needs bool");
    expect_refused(make_select(b, c, x, wide), "select", "f32 {t,b} [4]", "f64 {} []");
    expect_refused(make_select(b, c, value(DTYPE_F32, 0, 2, 2, 1), y), "select", "bool {b} [4]",
                   "f32 {} [3]");
    expect_refused(make_like(b, i, 0.5), "0.5", "i32");
    expect_refused(make_like(b, i, 1e10), "i32");
}

Test(ops_infer, mistakes_stay_and_chains_are_silent) {
    op_node *x = value(DTYPE_F32, T, 1, 4, 0), *y = value(DTYPE_F32, 0, 1, 3, 0);
    b->where = (site){"net.c", 12};
    op_node *bad = make_add(b, x, y);
    b->where = (site){"net.c", 13};
    cr_expect_null(make_total(b, make_softmax(b, bad, 0), T, OP_KIND_SUM));
    cr_expect_null(make_contract(b, "m,m->", bad, x, T));
    cr_expect_null(make_delay(b, bad, 0, 1, NULL));
    cr_expect(strncmp(g.problem.message, "net.c:12: add:", 14) == 0, "%s", g.problem.message);
}

Test(ops_infer, leaves) {
    op_shape s = shape(2, 3, OP_EXTENT_OF(1)), zero = shape(1, 0, 0), v = shape(1, 2, 0);
    float data[2] = {1, 2};
    expect_is(make_param(b, "w", DTYPE_F64, B, &s), "f64 {b} [3, s]");
    expect_is(make_constant(b, DTYPE_F32, &v, data), "f32 {} [2]");
    expect_is(make_number(b, DTYPE_I32, -3), "i32 {} []");
    expect_is(make_zero(b, value(DTYPE_F32, T | B, 2, 3, 4)), "f32 {t,b} [3, 4]");
    expect_is(make_step(b, 1), "i32 {s} []");
    expect_is(make_extent(b, 1), "i32 {} []");
    expect_refused(make_input(b, "", DTYPE_F32, 0, &v), "input", "name");
    expect_refused(make_input(b, "x", DTYPE_F32, 0, &zero), "input", "[0]", "at least 1");
    expect_refused(make_input(b, "x", DTYPE_F32, 1u << 3, &v), "input", "axis number 3");
    expect_refused(make_step(b, 3), "step", "axis number 3");
    expect_refused(make_step(b, -1), "step", "axis number -1");
    expect_refused(make_constant(b, DTYPE_F32, &s, data), "constant", "[3, s]");
    op_shape huge = shape(2, INT64_MAX / 2, 4);
    expect_refused(make_input(b, "x", DTYPE_F32, 0, &huge), "elements");
}

Test(ops_infer, equal_elements_of_a_constant_are_stored_once) {
    op_shape v = shape(1, 3, 0);
    float same[3] = {2, 2, 2}, other[3] = {2, 2, 3};
    cr_expect_eq(make_constant(b, DTYPE_F32, &v, same)->attributes.bytes, 4);
    cr_expect_eq(make_constant(b, DTYPE_F32, &v, other)->attributes.bytes, 12);
}

Test(ops_infer, views_of_features) {
    op_node *x = value(DTYPE_F32, T, 2, 3, 4), *y = value(DTYPE_F32, B, 2, 3, 2);
    op_node *both[2] = {x, y}, *open = value(DTYPE_F32, 0, 2, OP_EXTENT_OF(1), 4);
    op_shape flat = shape(1, 12, 0), wrong = shape(1, 11, 0), stretched = shape(2, 12, 4);
    op_shape row = shape(1, 4, 0), late = shape(2, 4, OP_EXTENT_OF(1)), no = shape(1, 8, 0);
    expect_is(make_slice(b, x, 1, 1, 3), "f32 {t} [3, 3]");
    expect_refused(make_slice(b, x, 1, 2, 3), "slice", "f32 {t} [3, 4]", "dimension 1");
    expect_refused(make_slice(b, x, 1, -1, 3), "slice");
    expect_refused(make_slice(b, x, 1, INT64_MAX, 3), "slice");
    expect_refused(make_slice(b, x, 2, 0, 1), "slice", "no dimension 2");
    expect_refused(make_slice(b, open, 0, 0, 1), "slice", "extent of an axis");
    expect_is(make_pad(b, x, 0, 2, 5), "f32 {t} [5, 4]");
    expect_refused(make_pad(b, x, 0, 3, 5), "pad", "does not fit");
    expect_is(make_concat(b, both, 2, 1), "f32 {t,b} [3, 6]");
    expect_refused(make_concat(b, both, 2, 0), "concat", "f32 {t} [3, 4]", "f32 {b} [3, 2]");
    expect_refused(make_concat(b, both, 0, 0), "concat");
    expect_is(make_reshape(b, x, &flat), "f32 {t} [12]");
    expect_refused(make_reshape(b, x, &wrong), "reshape", "f32 {t} [3, 4]", "[11]");
    expect_is(make_reshape(b, open, &late), "f32 {} [4, s]");
    expect_refused(make_reshape(b, open, &flat), "reshape");
    expect_is(make_transpose(b, x, (int8_t[]){1, 0}), "f32 {t} [4, 3]");
    expect_refused(make_transpose(b, x, (int8_t[]){1, 1}), "transpose", "once");
    expect_is(make_broadcast(b, value(DTYPE_F32, T, 1, 4, 0), &stretched), "f32 {t} [12, 4]");
    expect_refused(make_broadcast(b, x, &row), "broadcast", "f32 {t} [3, 4]", "[4]");
    expect_refused(make_broadcast(b, value(DTYPE_F32, T, 1, 4, 0), &no), "broadcast");
}

Test(ops_infer, folds_and_softmax) {
    op_node *x = value(DTYPE_F32, T | B, 2, 3, 4), *i = value(DTYPE_I32, T, 1, 3, 0);
    op_node *c = value(DTYPE_BOOL, T, 1, 3, 0);
    expect_is(make_reduce(b, x, 0, OP_KIND_LSE), "f32 {t,b} [1, 4]");
    expect_is(make_reduce(b, x, 1, OP_KIND_ARGMAX), "i32 {t,b} [3, 1]");
    expect_is(make_reduce(b, i, 0, OP_KIND_SUM), "i32 {t} [1]");
    expect_refused(make_reduce(b, i, 0, OP_KIND_LSE), "reduce", "i32 {t} [3]", "cast");
    expect_refused(make_reduce(b, c, 0, OP_KIND_SUM), "reduce", "bool {t} [3]", "cast");
    expect_refused(make_reduce(b, x, 2, OP_KIND_SUM), "reduce", "no dimension 2");
    expect_is(make_softmax(b, x, 1), "f32 {t,b} [3, 4]");
    expect_is(make_log_softmax(b, x, 1), "f32 {t,b} [3, 4]");
    expect_is(make_total(b, x, T, OP_KIND_MAX), "f32 {b} [3, 4]");
    expect_is(make_total(b, x, T | S, OP_KIND_SUM), "f32 {b} [3, 4]");
    expect_refused(make_total(b, x, T, OP_KIND_ARGMAX), "total", "kind");
    expect_refused(make_total(b, c, T, OP_KIND_SUM), "total", "bool {t} [3]");
}

Test(ops_infer, contractions) {
    op_node *w = value(DTYPE_F32, 0, 2, 3, 4), *x = value(DTYPE_F32, T | B, 1, 4, 0);
    op_node *wide = value(DTYPE_F64, 0, 1, 4, 0), *i = value(DTYPE_I32, 0, 1, 4, 0);
    expect_is(make_contract(b, "mn,n->m", w, x, 0), "f32 {t,b} [3]");
    expect_is(make_contract(b, "n,k->kn", x, x, T | B), "f32 {} [4, 4]");
    expect_is(make_contract(b, "mn,n->m", w, x, S), "f32 {t,b} [3]");
    expect_refused(make_contract(b, "mn,m->n", w, x, 0), "contract \"mn,m->n\"", "index m",
                   "f32 {} [3, 4]", "f32 {t,b} [4]");
    expect_refused(make_contract(b, "m,n->m", w, x, 0), "contract", "reduce");
    expect_refused(make_contract(b, "m,m->m", w, x, 0), "operand 0", "f32 {} [3, 4]");
    expect_refused(make_contract(b, "mn,n->m", w, wide, 0), "contract", "cast");
    expect_refused(make_contract(b, "n,n->", i, i, 0), "contract", "i32 {} [4]");
}

Test(ops_infer, computed_places) {
    op_node *table = value(DTYPE_F32, 0, 2, 10, 4), *i = value(DTYPE_I32, T | B, 0, 0, 0);
    op_node *many = value(DTYPE_I32, T, 1, 5, 0), *gy = value(DTYPE_F32, T, 2, 5, 4);
    expect_is(make_gather(b, table, i), "f32 {t,b} [4]");
    expect_is(make_gather(b, table, many), "f32 {t} [5, 4]");
    expect_refused(make_gather(b, table, gy), "gather", "must be i32", "f32 {t} [5, 4]");
    expect_refused(make_gather(b, i, i), "gather", "no dimension 0");
    expect_is(make_scatter(b, gy, many, 10, T), "f32 {} [10, 4]");
    expect_is(make_scatter(b, gy, i, 10, B), "f32 {t} [10, 5, 4]");
    expect_is(make_scatter(b, gy, many, OP_EXTENT_OF(1), T), "f32 {} [s, 4]");
    expect_refused(make_scatter(b, value(DTYPE_F32, T, 1, 4, 0), many, 10, T), "scatter",
                   "f32 {t} [4]", "i32 {t} [5]");
    expect_is(make_onehot(b, i, 7, DTYPE_F32), "f32 {t,b} [7]");
}

Test(ops_infer, random_and_custom) {
    op_shape v = shape(1, 5, 0);
    op_node *seed = value(DTYPE_I32, 0, 0, 0, 0), *steps[2] = {make_step(b, 0), make_step(b, 2)};
    op_node *x = value(DTYPE_F32, T, 1, 4, 0);
    expect_is(make_random(b, DTYPE_F32, &v, seed, steps, 2, 1), "f32 {t,b} [5]");
    expect_refused(make_random(b, DTYPE_I32, &v, seed, steps, 2, 1), "random", "i32");
    expect_refused(make_random(b, DTYPE_F32, &v, x, steps, 2, 1), "random", "seed");
    op_node *y = make_unary(b, OP_TANH, x), *dy = make_cotangent(b, y);
    op_node *gx = make_mul(b, dy, make_like(b, dy, 2)), *wide = make_cast(b, gx, DTYPE_F64);
    expect_is(make_custom(b, "twice", y, &x, &gx, 1, dy), "f32 {t} [4]");
    expect_refused(make_custom(b, "twice", y, &x, &wide, 1, dy), "custom", "f64 {t} [4]", "dtype");
    expect_refused(make_custom(b, "twice", y, &x, &gx, 1, x), "custom", "cotangent");
}

Test(ops_infer, reading_along_an_axis) {
    op_shape v = shape(1, 4, 0);
    op_node *x = value(DTYPE_F32, B, 1, 4, 0), *zero = make_like(b, x, 0);
    op_node *i = value(DTYPE_I32, S, 0, 0, 0), *held = value(DTYPE_F32, T | B, 1, 4, 0);
    expect_is(make_delay(b, x, 0, 1, zero), "f32 {t,b} [4]");
    expect_is(make_delay(b, x, 0, -2, value(DTYPE_F32, S, 1, 4, 0)), "f32 {t,s,b} [4]");
    expect_is(make_open_delay(b, 0, 1, zero, DTYPE_F32, B, &v), "f32 {t,b} [4]");
    expect_refused(make_delay(b, x, 0, 0, zero), "delay", "not be 0");
    expect_refused(make_delay(b, x, 0, LIMIT_DELAY + 1, zero), "delay", "1048576");
    expect_refused(make_delay(b, x, 3, 1, zero), "delay", "axis number 3");
    expect_refused(make_delay(b, x, 0, 1, value(DTYPE_F32, B, 1, 3, 0)), "delay", "f32 {b} [3]",
                   "[4]");
    expect_refused(make_delay(b, x, 0, 1, make_number(b, DTYPE_F64, 0)), "delay", "init", "cast");
    expect_is(make_at(b, held, 0, i, zero), "f32 {s,b} [4]");
    expect_is(make_at(b, held, 0, make_step(b, 0), zero), "f32 {t,b} [4]");
    expect_is(make_at(b, x, 0, i, zero), "f32 {s,b} [4]");
    expect_is(make_last(b, held, 0, zero), "f32 {b} [4]");
    expect_refused(make_at(b, held, 0, held, zero), "at", "place", "i32");
    expect_is(make_put(b, x, 0, i, T | B), "f32 {t,b} [4]");
    expect_is(make_put(b, held, 0, make_step(b, 0), T | B), "f32 {t,b} [4]");
}

Test(ops_infer, axes_as_dimensions) {
    op_node *x = value(DTYPE_F32, T | B, 1, 4, 0), *image = value(DTYPE_F32, B, 2, 28, 3);
    op_node *stacked = make_stack(b, x, 0);
    expect_is(stacked, "f32 {b} [t, 4]");
    expect_is(make_spread(b, stacked, 0), "f32 {t,b} [4]");
    expect_is(make_stack(b, image, 0), "f32 {b} [t, 28, 3]");
    expect_refused(make_spread(b, stacked, 1), "spread", "f32 {b} [t, 4]", "axis s");
    expect_refused(make_spread(b, image, 0), "spread", "f32 {b} [28, 3]", "declare the axis");
    g.axes[1].extent = 28;
    expect_is(make_spread(b, image, 1), "f32 {s,b} [3]");
    expect_is(make_stack(b, make_spread(b, image, 1), 1), "f32 {b} [28, 3]");
    expect_is(make_expand(b, image, S | B), "f32 {s,b} [28, 3]");
    cr_expect_eq(make_expand(b, image, B), image);
}
