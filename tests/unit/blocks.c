/* Programs in blocks of steps: of any length, what they compute is what they compute whole, bit for
 * bit, and what the evaluator computes. Every buffer lies between pages that fault and holds NaN
 * before each call, so that a block that reads what no block has written is seen. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jit/program.h"
#include "tests/support/compare.h"
#include "tests/support/forget.h"
#include "tests/support/random_graph.h"
#include "tests/support/recurrent.h"

enum { GRAPHS = 200 };

static recurrent r;
static op_builder *b;
static op_node *zero;

static void start(void) {
    setenv("EDDY_GUARD", "1", 1);
    recurrent_init(&r);
    b = r.b;
    zero = recurrent_number(&r, 0);
}

static void finish(void) {
    recurrent_free(&r);
}

TestSuite(blocks, .init = start, .fini = finish);

static op_node *input(const char *name, uint32_t domain, int units) {
    return recurrent_input(&r, name, domain, 1, units);
}

static op_node *weight(const char *name, int rows, int columns) {
    return recurrent_weight(&r, name, 0, 2, rows, columns);
}

static op_node *tanh_of(op_node *x) {
    return make_unary(b, OP_TANH, x);
}

/* The axis ends at this input for each sample. */
static void ends_at(int axis, const char *name) {
    op_shape scalar = op_shape_make(0, NULL);
    graph_axis_lengths(r.g, axis, make_input(b, name, DTYPE_I32, B, &scalar));
}

static void ragged(void) {
    ends_at(AXIS_T, "lengths");
}

/* The loss and the gradients of all weights, whole and in blocks along `axis`. */
static void check(op_node *loss, int axis) {
    op_node **gradients = arena_array(r.g->memory, op_node *, r.weights.count);
    cr_assert(grad_program(r.g, loss, r.weights.at, r.weights.count, gradients));
    graph_output_add(r.g, "loss", loss);
    for (size_t i = 0; i < r.weights.count; i++)
        graph_output_add(r.g, arena_print(r.g->memory, "d%zu", i), gradients[i]);
    cr_assert_eq(r.p.problem.code, STATUS_OK, "%s", r.p.problem.message);
    int64_t extents[4][LIMIT_AXES] = {{0}};
    static const int64_t steps[] = {0, 1, 7, 10};
    for (int i = 0; i < 4; i++) {
        extents[i][AXIS_T] = steps[i];
        extents[i][AXIS_S] = extents[i][AXIS_U] = 4;
        extents[i][AXIS_B] = 3;
    }
    text report;
    text_init(&report, r.g->memory);
    cr_expect_eq(compare_program(r.g, extents, 4, 1, &report), COMPARE_EQUAL, "%s", report.at);
    cr_expect_eq(sweeps_axis(r.g, r.g->memory), axis);
    size_t kept;
    const char *wrong = forget_check(r.g, extents[2], 1, &kept);
    cr_expect_null(wrong, "what is forgotten is needed: %s", wrong);
}

static op_node *lstm(const char *prefix, op_node *x, int inputs, int distance) {
    return recurrent_lstm(&r, prefix, x, inputs, 3, distance);
}

static op_node *both_ways(op_node *x) {
    op_node *ways[2];
    ways[0] = lstm("f", x, 3, 1);
    ways[1] = lstm("b", x, 3, -1);
    return make_concat(b, ways, 2, 0);
}

Test(blocks, an_lstm) {
    op_node *h = lstm("", input("x", T | B, 3), 3, 1), *all = recurrent_energy(&r, h);
    check(make_add(b, all, recurrent_energy(&r, make_last(b, h, AXIS_T, zero))), AXIS_T);
}

Test(blocks, an_lstm_with_lengths) {
    ragged();
    op_node *h = lstm("", input("x", T | B, 3), 3, 1), *all = recurrent_energy(&r, h);
    check(make_add(b, all, recurrent_energy(&r, make_last(b, h, AXIS_T, zero))), AXIS_T);
}

Test(blocks, a_stack) {
    op_node *below = lstm("a", input("x", T | B, 3), 3, 1);
    check(recurrent_energy(&r, lstm("b", below, 3, 1)), AXIS_T);
}

Test(blocks, a_layer_above_both_directions) {
    check(recurrent_energy(&r, lstm("top", both_ways(input("x", T | B, 3)), 6, 1)), AXIS_T);
}

Test(blocks, a_layer_above_both_directions_with_lengths) {
    ragged();
    check(recurrent_energy(&r, lstm("top", both_ways(input("x", T | B, 3)), 6, 1)), AXIS_T);
}

/* h[t] = tanh(x[t] + U h[t - distance]), where the first states are computed too. */
static void delayed(int distance) {
    ragged();
    op_node *c = input("c", B, 3), *from = recurrent_product(&r, weight("A", 3, 3), c);
    op_node *step = make_cast(b, make_step(b, AXIS_T), DTYPE_F64);
    op_node *first = make_add(b, tanh_of(from), make_mul(b, step, recurrent_number(&r, 0.1)));
    op_node *before = recurrent_state(&r, "before", T | B, 3, AXIS_T, distance, first, 1);
    op_node *own = recurrent_product(&r, weight("U", 3, 3), before);
    op_node *h = tanh_of(make_add(b, input("x", T | B, 3), own));
    graph_bind(r.g, before, h);
    op_node *last = recurrent_energy(&r, make_last(b, h, AXIS_T, from));
    check(make_add(b, recurrent_energy(&r, h), last), AXIS_T);
}

Test(blocks, a_delay_of_one_step) {
    delayed(1);
}

Test(blocks, a_delay_longer_than_a_block) {
    delayed(3);
}

Test(blocks, a_delay_that_looks_ahead) {
    delayed(-2);
}

Test(blocks, batch_norm_over_steps_and_samples) {
    ragged();
    op_node *u = recurrent_product(&r, weight("W", 3, 3), input("x", T | B, 3));
    op_node *one = make_cast(b, make_valid(b, AXIS_T, T | B), DTYPE_F64);
    op_node *count = make_total(b, one, T | B, OP_KIND_SUM);
    op_node *off = make_sub(b, u, make_div(b, make_total(b, u, T | B, OP_KIND_SUM), count));
    op_node *variance =
        make_div(b, make_total(b, make_mul(b, off, off), T | B, OP_KIND_SUM), count);
    op_node *scale = make_unary(b, OP_SQRT, make_add(b, variance, recurrent_number(&r, 1e-5)));
    op_node *before = recurrent_state(&r, "before", T | B, 3, AXIS_T, 1, zero, 1);
    op_node *own = recurrent_product(&r, weight("U", 3, 3), before);
    op_node *h = tanh_of(make_add(b, make_div(b, off, scale), own));
    graph_bind(r.g, before, h);
    check(recurrent_energy(&r, h), AXIS_T);
}

/* A causal convolution, a gated average of it, and that looked at two steps ahead. */
Test(blocks, taps_and_a_look_ahead) {
    ragged();
    op_node *x = input("x", T | B, 3), *sums[2];
    for (int i = 0; i < 2; i++) {
        sums[i] = recurrent_product(&r, weight(i ? "K0" : "L0", 3, 3), x);
        for (int k = 1; k < 3; k++) {
            const char *name = arena_print(r.g->memory, "%c%d", i ? 'K' : 'L', k);
            op_node *tap = make_delay(b, x, AXIS_T, k, zero);
            sums[i] = make_add(b, sums[i], recurrent_product(&r, weight(name, 3, 3), tap));
        }
    }
    op_node *forget = make_unary(b, OP_SIGMOID, sums[0]), *one = recurrent_number(&r, 1);
    op_node *before = recurrent_state(&r, "before", T | B, 3, AXIS_T, 1, zero, 1);
    op_node *kept = make_mul(b, forget, before);
    op_node *now = make_add(b, kept, make_mul(b, make_sub(b, one, forget), tanh_of(sums[1])));
    graph_bind(r.g, before, now);
    op_node *ahead = make_delay(b, now, AXIS_T, -2, zero);
    check(recurrent_energy(&r, make_add(b, now, ahead)), AXIS_T);
}

Test(blocks, a_deep_cell) {
    op_node *top = recurrent_state(&r, "top", T | B, 2, AXIS_T, 1, zero, 1);
    op_node *below = recurrent_state(&r, "below", T | S | B, 2, AXIS_S, 1, top, 2);
    op_node *own = recurrent_product(&r, recurrent_weight(&r, "U", S, 2, 2, 2), below);
    op_node *next = tanh_of(make_add(b, input("x", T | B, 2), own));
    op_node *last = make_last(b, next, AXIS_S, zero);
    graph_bind(r.g, below, next);
    graph_bind(r.g, top, last);
    check(recurrent_energy(&r, last), AXIS_T);
}

Test(blocks, an_axis_that_cannot_be_cut_is_passed_over) {
    op_node *top = recurrent_state(&r, "top", S | B, 2, AXIS_S, 1, zero, 1);
    op_node *below = recurrent_state(&r, "below", T | S | B, 2, AXIS_T, 1, top, 2);
    op_node *own = recurrent_product(&r, recurrent_weight(&r, "U", 0, 2, 2, 2), below);
    op_node *next = tanh_of(make_add(b, input("x", S | B, 2), own));
    op_node *last = make_last(b, next, AXIS_T, zero);
    graph_bind(r.g, below, next);
    graph_bind(r.g, top, last);
    check(recurrent_energy(&r, last), AXIS_S);
    text out;
    text_init(&out, r.g->memory);
    blocks_explain(r.g, r.g->memory, &out);
    cr_expect(strstr(out.at, "no blocks along t: the loop along s that computes %"), "%s", out.at);
    cr_expect(strstr(out.at, "in blocks along s"), "%s", out.at);
}

Test(blocks, a_grid) {
    op_node *up = recurrent_state(&r, "up", T | S | B, 2, AXIS_T, 1, zero, 1);
    op_node *left = recurrent_state(&r, "left", T | S | B, 2, AXIS_S, 1, zero, 2);
    op_node *above = recurrent_product(&r, weight("U", 2, 2), up);
    op_node *beside = recurrent_product(&r, weight("V", 2, 2), left);
    op_node *sum = make_add(b, above, beside);
    op_node *h = tanh_of(make_add(b, input("x", T | S | B, 2), sum));
    graph_bind(r.g, up, h);
    graph_bind(r.g, left, h);
    check(recurrent_energy(&r, h), AXIS_T);
}

/* An encoder along s that a decoder along t looks at, step by step. */
static void attend(void) {
    op_node *before = recurrent_state(&r, "encoded", S | B, 3, AXIS_S, 1, zero, 1);
    op_node *in = recurrent_product(&r, weight("E", 3, 3), input("xs", S | B, 3));
    op_node *m = tanh_of(make_add(b, in, recurrent_product(&r, weight("F", 3, 3), before)));
    graph_bind(r.g, before, m);
    op_node *first = make_last(b, m, AXIS_S, zero);
    op_node *h0 = recurrent_state(&r, "decoded", T | B, 3, AXIS_T, 1, first, 2);
    op_node *energy = make_contract(b, "m,m->", m, h0, 0);
    op_node *most = make_total(b, energy, S, OP_KIND_LSE);
    op_node *share = make_unary(b, OP_EXP, make_sub(b, energy, most));
    op_node *seen = make_contract(b, ",m->m", share, m, S);
    op_node *own = recurrent_product(&r, weight("U", 3, 3), h0);
    op_node *here = recurrent_product(&r, weight("W", 3, 3), input("xt", T | B, 3));
    op_node *h = tanh_of(make_add(b, make_add(b, here, own), seen));
    graph_bind(r.g, h0, h);
    check(recurrent_energy(&r, h), AXIS_T);
}

Test(blocks, attention) {
    attend();
}

Test(blocks, attention_with_lengths) {
    ragged();
    ends_at(AXIS_S, "lengths of s");
    attend();
}

/* Sums are 0, a look at the last step finds the start, and gradients are those of that. */
Test(blocks, no_steps) {
    op_node *start = recurrent_weight(&r, "start", 0, 1, 3);
    op_node *before = recurrent_state(&r, "before", T | B, 3, AXIS_T, 1, start, 1);
    op_node *h = tanh_of(make_add(b, input("x", T | B, 3), before));
    graph_bind(r.g, before, h);
    op_node *sum = recurrent_energy(&r, h), *last = make_last(b, h, AXIS_T, start);
    op_node *loss = make_add(b, sum, recurrent_energy(&r, last)), *slope;
    cr_assert(grad_program(r.g, loss, &start, 1, &slope));
    op_node *roots[] = {sum, loss, slope};
    feeding w = feeding_init(&r, 0, 0, 0, 3);
    feeding_draw(&w, roots, 3);
    eval *e = feeding_run(&w, roots, 3);
    double square = 0;
    for (size_t i = 0; i < 3; i++) {
        double s = feeding_fed(&w, start)[i];
        square += 3 * s * s; /* three samples */
        cr_expect(fabs(feeding_number(e, slope, i) - 6 * s) < 1e-12);
    }
    cr_expect_eq(feeding_number(e, sum, 0), 0);
    cr_expect(fabs(feeding_number(e, loss, 0) - square) < 1e-12);
    check(loss, AXIS_T);
}

Test(blocks, the_other_sums_over_time) {
    ragged();
    op_node *h = lstm("", input("x", T | B, 3), 3, 1);
    op_node *sums = make_add(b, make_total(b, h, T, OP_KIND_LSE), make_total(b, h, T, OP_KIND_MAX));
    check(recurrent_energy(&r, sums), AXIS_T);
}

/* The value rests in the sweep that looks ahead, and the sum needs it there; who reads both has to
 * wait for the whole sum. */
Test(blocks, a_sum_of_what_a_look_ahead_reads) {
    op_node *x = tanh_of(recurrent_weight(&r, "x", T, 1, 3));
    op_node *sum = make_total(b, x, T, OP_KIND_LSE);
    op_node *ahead = make_delay(b, x, AXIS_T, -3, recurrent_number(&r, 0.5));
    check(recurrent_energy(&r, make_add(b, sum, ahead)), AXIS_T);
}

Test(blocks, places_that_are_looked_up_and_written) {
    op_node *h = lstm("", input("x", T | B, 3), 3, 1), *step = make_step(b, AXIS_T);
    op_node *end = make_sub(b, make_extent(b, AXIS_T), make_number(b, DTYPE_I32, 1));
    op_node *flipped = make_at(b, h, AXIS_T, make_sub(b, end, step), zero);
    op_node *again = lstm("again", flipped, 3, 1);
    check(recurrent_energy(&r, make_mul(b, again, h)), AXIS_T);
}

/* Of a product of sums over time one operand is the same at all steps, and a copy of it serves
 * enough rows to pay. */
Test(blocks, an_operand_that_does_not_vary) {
    op_node *share = recurrent_weight(&r, "share", T | B, 1, 3);
    op_node *many = recurrent_weight(&r, "many", S | U, 3, 3, 3, 3);
    op_node *mixed = make_contract(b, "b,cbd->cd", share, many, T | S | U);
    check(recurrent_energy(&r, tanh_of(mixed)), AXIS_T);
}

/* Time is an axis of a value and, stacked, a dimension of it. */
Test(blocks, all_steps_at_each_step) {
    op_node *all = make_stack(b, recurrent_weight(&r, "w", T, 1, 3), AXIS_T);
    op_node *ahead = make_delay(b, all, AXIS_T, -2, recurrent_number(&r, 1));
    op_node *sums = make_reduce(b, ahead, 0, OP_KIND_SUM);
    check(recurrent_energy(&r, sums), AXIS_T);
}

/* Bytes of the arena for so many samples of 3,000 steps, in blocks of `block`; 0: as suits. */
static size_t bytes_in_blocks(const program *p, int64_t samples, int64_t block) {
    error problem = {.code = STATUS_OK};
    program_run *run = program_run_new(p, allocator_default(), &problem);
    cr_assert(run, "%s", problem.message);
    program_run_set_block(run, block);
    program_run_resize(run, (const int64_t[LIMIT_AXES]){3000, 1, 1, samples}, &problem);
    cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
    size_t bytes = program_run_arena_bytes(run);
    program_run_free(run);
    return bytes;
}

/* A step of 1,024 units and four gates in f64 needs 32 KB, so a cache of 2 MB holds 64. But a
 * block reads the weights of the input once, so it has 512 rows, of however few samples. */
Test(blocks, have_rows_enough_to_pay_for_their_weights) {
    op_node *x = input("x", T | B, 8);
    graph_output_add(r.g, "y", recurrent_lstm(&r, "wide", x, 8, 1024, 1));
    program *p = program_compile(r.g, "wide", allocator_default(), &r.p.problem);
    cr_assert(p, "%s", r.p.problem.message);
    static const int64_t rows[][2] = {{1, 512}, {4, 128}, {100, 6}};
    for (int i = 0; i < 3; i++) {
        size_t own = bytes_in_blocks(p, rows[i][0], 0);
        cr_expect_eq(own, bytes_in_blocks(p, rows[i][0], rows[i][1]));
        cr_expect_neq(own, bytes_in_blocks(p, rows[i][0], rows[i][1] - 1));
    }
    program_free(p);
}

/* -1: the graph is illegal, as a random cycle may be. */
static long forgets(uint64_t seed) {
    arena memory;
    jmp_buf never; /* out of memory ends the test */
    error problem = {.code = STATUS_OK};
    int64_t extents[LIMIT_AXES];
    graph g;
    size_t kept = 0;
    arena_init(&memory, allocator_default(), &never);
    graph_init(&g, &memory, &problem);
    random_options options = {.steps = 3 + (int)(seed % 25), .gradients = seed % 2 == 0};
    random_graph(&g, seed, &options);
    random_extents(seed, 0, extents);
    bool legal = verify_graph(&g);
    const char *wrong = legal ? forget_check(&g, extents, seed, &kept) : NULL;
    cr_expect_null(wrong, "seed %d: %s", (int)seed, wrong);
    arena_free(&memory);
    return legal ? (long)kept : -1;
}

Test(blocks, what_a_block_forgets_is_not_needed) {
    long kept = 0, legal = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        long found = forgets(seed);
        legal += found >= 0;
        kept += found > 0 ? found : 0;
    }
    cr_expect_gt(legal, GRAPHS / 2);
    cr_expect_gt(kept, GRAPHS / 4, "%ld values of which a block is kept", kept);
}
