/* The order of additions is part of a value. Numbers are chosen so that every other order rounds
 * differently. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(eval_sums);

enum { STEPS = 5, SAMPLES = 4, UNITS = 3 };

static float drawn(size_t i) {
    return (float)rng_normal(5, 0, i);
}

/* x {t,b} [3] of f32, filled. */
static op_node *input_f32(feeding *w, const char *name, uint32_t domain, size_t count) {
    op_shape shape = op_shape_make(1, (int64_t[]){UNITS});
    op_node *x = make_input(b, name, DTYPE_F32, domain, &shape);
    double *values = arena_array(r.g->memory, double, count);
    for (size_t i = 0; i < count; i++)
        values[i] = (double)drawn(i + 17 * (size_t)name[0]);
    feeding_feed(w, x, values, count);
    return x;
}

static const float *numbers(feeding *w, op_node *n) {
    size_t count;
    return eval_value(feeding_run(w, &n, 1), n, &count);
}

static const float *fed(const feeding *w, const op_node *n) {
    return (const float *)feeding_fed(w, n);
}

/* The same reduction with another order of its axes. */
static op_node *reordered(const op_node *n, int outermost, bool reverse) {
    op_attributes attributes = n->attributes;
    attributes.outermost = outermost;
    attributes.reverse = reverse;
    return b->make(b, (op_id)n->op, n->arguments, n->count, &attributes);
}

Test(eval_sums, total_adds_axes_in_canonical_order) {
    feeding w = feeding_init(&r, STEPS, 1, 1, SAMPLES);
    op_node *x = input_f32(&w, "x", T | B, STEPS * SAMPLES * UNITS);
    const float *got = numbers(&w, make_total(b, x, T | B, OP_KIND_SUM)), *in = fed(&w, x);
    for (int i = 0; i < UNITS; i++) {
        float sum = 0;
        for (int t = 0; t < STEPS; t++)
            for (int s = 0; s < SAMPLES; s++)
                sum += in[(t * SAMPLES + s) * UNITS + i];
        cr_expect_eq(got[i], sum);
    }
}

Test(eval_sums, total_obeys_outermost_and_reverse) {
    feeding w = feeding_init(&r, STEPS, 1, 1, SAMPLES);
    op_node *x = input_f32(&w, "x", T | B, STEPS * SAMPLES * UNITS);
    op_node *plain = make_total(b, x, T | B, OP_KIND_SUM);
    const float *down = numbers(&w, reordered(plain, AXIS_T, true));
    const float *across = numbers(&w, reordered(plain, AXIS_B, true)), *in = fed(&w, x);
    bool differs = false;
    for (int i = 0; i < UNITS; i++) {
        float sum = 0, other = 0;
        for (int t = STEPS - 1; t >= 0; t--)
            for (int s = 0; s < SAMPLES; s++)
                sum += in[(t * SAMPLES + s) * UNITS + i];
        for (int s = SAMPLES - 1; s >= 0; s--)
            for (int t = 0; t < STEPS; t++)
                other += in[(t * SAMPLES + s) * UNITS + i];
        cr_expect_eq(down[i], sum);
        cr_expect_eq(across[i], other);
        differs = differs || sum != other;
    }
    cr_expect(differs, "the numbers must tell orders apart");
}

Test(eval_sums, contract_is_one_chain_of_fma_axes_first) {
    feeding w = feeding_init(&r, STEPS, 1, 1, SAMPLES);
    op_node *x = input_f32(&w, "x", T | B, STEPS * SAMPLES * UNITS);
    op_node *y = input_f32(&w, "y", B, SAMPLES * UNITS);
    op_node *plain = make_contract(b, "m,m->", x, y, T | B);
    const float *a = fed(&w, x), *c = fed(&w, y);
    float up = 0, down = 0;
    for (int t = 0; t < STEPS; t++)
        for (int s = 0; s < SAMPLES; s++)
            for (int i = 0; i < UNITS; i++) {
                up = fmaf(a[(t * SAMPLES + s) * UNITS + i], c[s * UNITS + i], up);
                down = fmaf(a[((STEPS - 1 - t) * SAMPLES + s) * UNITS + i], c[s * UNITS + i], down);
            }
    cr_expect_eq(numbers(&w, plain)[0], up);
    cr_expect_eq(numbers(&w, reordered(plain, AXIS_T, true))[0], down);
    cr_expect_neq(up, down);
}

Test(eval_sums, contract_of_every_kind) {
    feeding w = feeding_init(&r, STEPS, 1, 1, SAMPLES);
    op_node *x = input_f32(&w, "x", T | B, STEPS * SAMPLES * UNITS);
    op_node *y = input_f32(&w, "y", B, SAMPLES * UNITS);
    const float *outer = numbers(&w, make_contract(b, "m,n->nm", x, y, T));
    const float *a = fed(&w, x), *c = fed(&w, y);
    for (int s = 0; s < SAMPLES; s++)
        for (int n = 0; n < UNITS; n++)
            for (int m = 0; m < UNITS; m++) {
                float sum = 0;
                for (int t = 0; t < STEPS; t++)
                    sum = fmaf(a[(t * SAMPLES + s) * UNITS + m], c[s * UNITS + n], sum);
                cr_expect_eq(outer[(s * UNITS + n) * UNITS + m], sum);
            }
    const float *product = numbers(&w, make_contract(b, "m,m->m", x, y, 0));
    for (int t = 0; t < STEPS; t++)
        for (int s = 0; s < SAMPLES; s++)
            for (int m = 0; m < UNITS; m++)
                cr_expect_eq(product[(t * SAMPLES + s) * UNITS + m],
                             a[(t * SAMPLES + s) * UNITS + m] * c[s * UNITS + m]);
}

Test(eval_sums, reduce_folds_in_ascending_order) {
    feeding w = feeding_init(&r, STEPS, 1, 1, SAMPLES);
    op_node *x = input_f32(&w, "x", T | B, STEPS * SAMPLES * UNITS);
    op_node *sum = make_reduce(b, x, 0, OP_KIND_SUM), *most = make_reduce(b, x, 0, OP_KIND_MAX);
    op_node *place = make_reduce(b, x, 0, OP_KIND_ARGMAX), *lse = make_reduce(b, x, 0, OP_KIND_LSE);
    op_node *roots[] = {sum, most, place, lse};
    eval *e = feeding_run(&w, roots, 4);
    const float *in = fed(&w, x);
    for (size_t i = 0; i < STEPS * SAMPLES; i++) {
        const float *row = in + i * UNITS;
        size_t best = row[1] > row[0] ? 1 : 0;
        best = row[2] > row[best] ? 2 : best;
        cr_expect_eq(feeding_number(e, sum, i), (double)(row[0] + row[1] + row[2]));
        cr_expect_eq(feeding_number(e, most, i), (double)row[best]);
        cr_expect_eq(feeding_number(e, place, i), (double)best);
        double exact = 0;
        for (int k = 0; k < UNITS; k++)
            exact += exp((double)(row[k] - row[best]));
        cr_expect_float_eq(feeding_number(e, lse, i), (double)row[best] + log(exact), 1e-4);
    }
}

Test(eval_sums, padding_is_skipped_even_if_it_is_nan) {
    op_shape none = op_shape_make(0, NULL);
    op_node *lengths = make_input(b, "lengths", DTYPE_I32, B, &none);
    graph_axis_lengths(r.g, AXIS_T, lengths);
    op_node *x = make_input(b, "x", DTYPE_F32, T | B, &none);
    feeding w = feeding_init(&r, 2, 1, 1, 2);
    feeding_feed(&w, lengths, (double[]){2, 1}, 2);
    feeding_feed(&w, x, (double[]){1, 2, 4, NAN}, 4);
    op_node *all = make_total(b, x, T | B, OP_KIND_SUM), *steps = make_total(b, x, B, OP_KIND_SUM);
    op_node *energy = make_contract(b, ",->", x, x, T | B), *roots[] = {all, steps, energy};
    eval *e = feeding_run(&w, roots, 3);
    cr_expect_eq(feeding_number(e, all, 0), 7);
    cr_expect_eq(feeding_number(e, steps, 0), 3);
    cr_expect_eq(feeding_number(e, steps, 1), 4, "the sample that has ended does not count");
    cr_expect_eq(feeding_number(e, energy, 0), 21);
}

Test(eval_sums, nothing_to_sum_gives_the_identity) {
    op_shape none = op_shape_make(0, NULL);
    op_node *x = make_input(b, "x", DTYPE_F32, T | B, &none);
    op_node *sum = make_total(b, x, T, OP_KIND_SUM), *most = make_total(b, x, T, OP_KIND_MAX);
    op_node *lse = make_total(b, x, T, OP_KIND_LSE), *product = make_contract(b, ",->", x, x, T);
    op_node *roots[] = {sum, most, lse, product, reordered(sum, AXIS_T, true)};
    feeding w = feeding_init(&r, 0, 1, 1, 2);
    feeding_feed(&w, x, NULL, 0);
    eval *e = feeding_run(&w, roots, 5);
    cr_expect_eq(feeding_number(e, sum, 1), 0);
    cr_expect_eq(feeding_number(e, most, 1), -INFINITY);
    cr_expect_eq(feeding_number(e, lse, 1), -INFINITY);
    cr_expect_eq(feeding_number(e, product, 1), 0);
    cr_expect_eq(feeding_number(e, roots[4], 1), 0);
}

Test(eval_sums, scatter_adds_duplicates_in_the_order_of_steps) {
    feeding w = feeding_init(&r, STEPS, 1, 1, SAMPLES);
    op_node *x = input_f32(&w, "x", T | B, STEPS * SAMPLES * UNITS);
    op_shape none = op_shape_make(0, NULL);
    op_node *i = make_input(b, "i", DTYPE_I32, T | B, &none);
    double place[STEPS * SAMPLES];
    for (int k = 0; k < STEPS * SAMPLES; k++)
        place[k] = k % 4 - 1; /* -1 and 2 are outside */
    feeding_feed(&w, i, place, STEPS * SAMPLES);
    op_node *plain = make_scatter(b, x, i, 2, T | B);
    const float *up = numbers(&w, plain), *down = numbers(&w, reordered(plain, AXIS_T, true));
    const float *in = fed(&w, x);
    for (int row = 0; row < 2; row++)
        for (int m = 0; m < UNITS; m++) {
            float sum = 0, other = 0;
            for (int t = 0; t < STEPS; t++)
                for (int s = 0; s < SAMPLES; s++) {
                    int k = t * SAMPLES + s, back = (STEPS - 1 - t) * SAMPLES + s;
                    sum += (int)place[k] == row ? in[k * UNITS + m] : 0;
                    other += (int)place[back] == row ? in[back * UNITS + m] : 0;
                }
            cr_expect_eq(up[row * UNITS + m], sum);
            cr_expect_eq(down[row * UNITS + m], other);
        }
}

Test(eval_sums, put_adds_into_computed_steps) {
    feeding w = feeding_init(&r, STEPS, 3, 1, 2);
    op_node *x = input_f32(&w, "x", T | B, STEPS * 2 * UNITS);
    op_shape none = op_shape_make(0, NULL);
    op_node *i = make_input(b, "i", DTYPE_I32, T | B, &none);
    double place[STEPS * 2];
    for (int k = 0; k < STEPS * 2; k++)
        place[k] = k % 5 - 1;
    feeding_feed(&w, i, place, STEPS * 2);
    op_node *put = make_put(b, x, AXIS_S, i, S | B);
    cr_assert_eq(put->domain, S | B);
    const float *got = numbers(&w, put), *in = fed(&w, x);
    for (int s = 0; s < 3; s++)
        for (int sample = 0; sample < 2; sample++)
            for (int m = 0; m < UNITS; m++) {
                float sum = 0;
                for (int t = 0; t < STEPS; t++)
                    sum += (int)place[t * 2 + sample] == s ? in[(t * 2 + sample) * UNITS + m] : 0;
                cr_expect_eq(got[(s * 2 + sample) * UNITS + m], sum);
            }
}
