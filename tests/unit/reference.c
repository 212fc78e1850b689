/* The reference itself: what it reads, what it refuses, that it notices padding and cycles; and
 * that each witness alone notices a wrong gradient. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/ref/dual.h"
#include "tests/support/witness.h"

#define RAGGED                                                                                     \
    "eddy graph 1\n"                                                                               \
    "axis t\n"                                                                                     \
    "axis b batch extent=2\n"                                                                      \
    "%0 = input \"len\" : i32 {b} []\n"                                                            \
    "lengths t %0\n"                                                                               \
    "%1 = input \"x\" : f64 {t,b} []\n"

static ref_graph *parsed(const char *source) {
    char message[REF_MESSAGE];
    ref_graph *g = ref_parse(source, message);
    cr_assert(g, "%s", message);
    return g;
}

/* t has 3 steps, of which the samples have 3 and 1. */
static void bind_ragged(ref_graph *g) {
    const double lengths[2] = {3, 1}, x[6] = {1, 2, 4, NAN, 8, NAN}, v[6] = {1, 1, 1, 1, 1, 1};
    cr_assert(ref_extent(g, "t", 3));
    cr_assert(ref_bind(g, "len", lengths, NULL));
    cr_assert(ref_bind(g, "x", x, v));
}

Test(reference, a_sum_with_its_mask) {
    ref_graph *g = parsed(RAGGED
                          "%2 = step axis=t : i32 {t} []\n"
                          "%3 = lt %2, %0 : bool {t,b} []\n"
                          "%4 = constant 0.0 : f64 {} []\n"
                          "%5 = mul %1, %1 : f64 {t,b} []\n"
                          "%6 = select %3, %5, %4 : f64 {t,b} []\n"
                          "%7 = total %6 kind=sum over={t,b} outermost=t : f64 {} []\n"
                          "output \"y\" %7\n"
                          "output \"squares\" %5\n");
    double y, slope, squares[6], expected[6] = {1, 4, 16, 0, 64, 0};
    bind_ragged(g);
    cr_assert(ref_eval(g, "y", &y, &slope), "%s", ref_message(g));
    cr_expect_eq(y, 1 + 4 + 16 + 64);
    cr_expect_eq(slope, 2 * (1 + 2 + 4 + 8));
    cr_assert_eq(ref_elements(g, "squares"), 6);
    cr_assert(ref_eval(g, "squares", squares, NULL));
    for (int i = 0; i < 6; i++)
        cr_expect_eq(squares[i], expected[i]);
    ref_free(g);
}

Test(reference, a_sum_without_its_mask) {
    ref_graph *g = parsed(RAGGED
                          "%2 = total %1 kind=sum over={t,b} : f64 {} []\n"
                          "output \"y\" %2\n");
    double y;
    bind_ragged(g);
    cr_expect_not(ref_eval(g, "y", &y, NULL));
    cr_expect_str_eq(ref_message(g), "%1: padding made here reaches a result");
    ref_free(g);
}

/* A product with 0 is not a selection. */
Test(reference, a_mask_that_multiplies) {
    ref_graph *g = parsed(RAGGED
                          "%2 = step axis=t : i32 {t} []\n"
                          "%3 = lt %2, %0 : bool {t,b} []\n"
                          "%4 = cast %3 : f64 {t,b} []\n"
                          "%5 = mul %1, %4 : f64 {t,b} []\n"
                          "%6 = total %5 kind=sum over={t,b} : f64 {} []\n"
                          "output \"y\" %6\n");
    double y;
    bind_ragged(g);
    cr_expect_not(ref_eval(g, "y", &y, NULL));
    ref_free(g);
}

Test(reference, a_state_and_an_update) {
    ref_graph *g = parsed(
        "eddy graph 1\n"
        "axis t extent=4\n"
        "# h = delay(h) * w + 1\n"
        "%0 = param \"w\" : f64 {} [2]\n"
        "%1 = constant (3.0, -1.0) : f64 {} [2]\n"
        "%2 = delay %5, %1 axis=t distance=1 state : f64 {t} [2]  \"h0\"\n"
        "%3 = mul %2, %0 : f64 {t} [2]\n"
        "%4 = constant 1.0 : f64 {} []\n"
        "%5 = add %3, %4 : f64 {t} [2]  \"h\"\n"
        "%6 = constant 3 : i32 {} []\n"
        "%7 = at %5, %6, %4 axis=t : f64 {} [2]\n"
        "output \"h\" %5\n"
        "update %0 %7\n");
    const double w[2] = {2, 0.5}, v[2] = {1, 0};
    double h[8], updated[2], slope[2];
    cr_assert(ref_bind(g, "w", w, v));
    cr_assert(ref_eval(g, "h", h, NULL), "%s", ref_message(g));
    const double expected[8] = {7, 0.5, 15, 1.25, 31, 1.625, 63, 1.8125};
    for (int i = 0; i < 8; i++)
        cr_expect_eq(h[i], expected[i]);
    cr_assert(ref_eval_update(g, "w", updated, slope));
    cr_expect_eq(updated[0], 63);
    /* h3 = 3 w^4 + w^3 + w^2 + w + 1 */
    cr_expect_eq(slope[0], 12 * 8 + 3 * 4 + 2 * 2 + 1);
    cr_expect_eq(slope[1], 0);
    ref_free(g);
}

Test(reference, a_value_that_needs_itself) {
    ref_graph *g = parsed(
        "eddy graph 1\n"
        "axis t extent=3\n"
        "%0 = constant 0.0 : f64 {} []\n"
        "%1 = delay %2, %0 axis=t distance=1 state : f64 {t} []\n"
        "%2 = delay %1, %0 axis=t distance=-1 : f64 {t} []\n"
        "output \"y\" %2\n");
    double y[3];
    cr_expect_not(ref_eval(g, "y", y, NULL));
    cr_expect(strstr(ref_message(g), "depends on itself"), "%s", ref_message(g));
    ref_free(g);
}

Test(reference, a_leaf_that_was_not_bound) {
    ref_graph *g = parsed("eddy graph 1\n%0 = param \"w\" : f64 {} []\noutput \"y\" %0\n");
    double y;
    cr_expect_not(ref_eval(g, "y", &y, NULL));
    cr_expect_str_eq(ref_message(g), "%0: a leaf that was not bound");
    ref_free(g);
}

Test(reference, texts_that_are_no_graphs) {
    static const char *const texts[] = {
        "eddy graph 2\n",
        "eddy graph 1\n%0 = plus : f64 {} []\n",
        "eddy graph 1\n%0 = constant 1.0 : f64 {t} []\n",
        "eddy graph 1\n%1 = constant 1.0 : f64 {} []\n",
        "eddy graph 1\n%0 = constant 1.0 colour=red : f64 {} []\n",
        "eddy graph 1\n%0 = neg %1 : f64 {} []\n",
        "eddy graph 1\n%0 = constant 1.0 : f64 {} []\noutput \"y %0\n",
    };
    char message[REF_MESSAGE];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_null(ref_parse(texts[i], message), "%s", texts[i]);
        cr_expect(strstr(message, "expected"), "%s", message);
    }
}

/* ---- random numbers, against the vectors of the paper's authors and against the library */

Test(reference, philox_of_zeros) {
    ref_graph *g = parsed(
        "eddy graph 1\n"
        "%0 = constant 0 : i32 {} []\n"
        "%1 = random %0 : f32 {} []\n"
        "%2 = random %0 : f64 {} []\n"
        "output \"f32\" %1\n"
        "output \"f64\" %2\n");
    double y;
    cr_assert(ref_eval(g, "f32", &y, NULL));
    cr_expect_eq(y, (double)(0x6627e8d5u >> 8) / 0x1p24);
    cr_assert(ref_eval(g, "f64", &y, NULL));
    cr_expect_eq(y, ((double)(0x6627e8d5u >> 5) * 0x1p26 + (double)(0xe169c58du >> 6)) / 0x1p53);
    ref_free(g);
}

Test(reference, random_numbers_of_the_library) {
    enum { axes = 6, kinds = 2 };
    trial t;
    op_node *indices[axes], *nodes[kinds * (axes + 1)];
    op_shape shape = op_shape_make(2, (const int64_t[]){2, 3}), scalar = op_shape_make(0, NULL);
    const double seed_value = -7;
    size_t count = 0;
    trial_open(&t);
    for (int a = 0; a < axes; a++)
        indices[a] =
            make_step(&t.g.builder, trial_axis(&t, (char[]){(char)('p' + a), 0}, false, 2, false));
    op_node *seed = trial_leaf_add(&t, OP_INPUT, "seed", DTYPE_I32, 0, &scalar, &seed_value);
    for (int n = 0; n <= axes; n++)
        for (int kind = 0; kind < kinds; kind++)
            nodes[count++] = make_random(&t.g.builder, kind ? DTYPE_F64 : DTYPE_F32, &shape, seed,
                                         indices, n, n % 2 ? 5 : 0x300000001u);
    double **ours = trial_room(&t, nodes, count), **theirs = trial_room(&t, nodes, count);
    cr_assert(trial_evaluate(&t, nodes, count, ours), "%s", t.message);
    cr_assert(trial_reference(&t, nodes, count, theirs, NULL), "%s", t.message);
    for (size_t i = 0; i < count; i++)
        cr_expect_arr_eq(ours[i], theirs[i], trial_elements(&t, nodes[i]) * sizeof(double), "%zu",
                         i);
    trial_close(&t);
}

/* ---- the witnesses */

/* x^3 whose adjoint is said to be factor * g * x^2. */
static bool witnessed(double factor, const witness_tolerance *tolerance) {
    const double values[3] = {0.5, -1.25, 2};
    op_shape shape = op_shape_make(1, (const int64_t[]){3});
    trial t;
    trial_open(&t);
    op_builder *b = &t.g.builder;
    op_node *x = trial_leaf_add(&t, OP_PARAM, "x", DTYPE_F64, 0, &shape, values);
    op_node *square = make_mul(b, x, x), *y = make_mul(b, square, x), *g = make_cotangent(b, y);
    op_node *gx = make_mul(b, make_mul(b, make_like(b, x, factor), g), square);
    op_node *cube = make_custom(b, "cube", y, &x, &gx, 1, g);
    bool good = witness_gradients(&t, cube, NULL, &x, 1, 3, tolerance);
    trial_close(&t);
    return good;
}

Test(reference, each_witness_notices_a_wrong_adjoint) {
    const double any = HUGE_VAL;
    const witness_tolerance alone[] = {
        {1e-12, any, any, 1e-300}, {any, 1e-12, any, 1e-300}, {any, any, 1e-7, 1e-300}};
    for (int i = 0; i < 3; i++) {
        cr_expect(witnessed(3, &alone[i]));
        cr_expect_not(witnessed(3.00001, &alone[i]));
    }
}
