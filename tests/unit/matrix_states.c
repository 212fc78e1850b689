/* States that are matrices: what reads them follows them into the loop, so that one step of them is
 * stored, and samples go through the loop in portions. Neither changes a bit, and neither is done
 * where it may not be. */
#include <criterion/criterion.h>
#include <string.h>

#include "jit/program.h"
#include "jit/split.h"
#include "tests/support/compare.h"
#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(matrix_states);

enum { HEADS = 2, ROWS = 5, COLUMNS = 6, BYTES = 8 };

static op_node *q, *k, *v, *before;

/* S' = f S + k v^T for every head; f: NULL, or a number for each head. */
static op_node *outer_products(op_node *f) {
    op_shape shape = op_shape_make(3, (int64_t[]){HEADS, ROWS, COLUMNS});
    q = recurrent_input(&r, "q", T | B, 2, HEADS, ROWS);
    k = recurrent_input(&r, "k", T | B, 2, HEADS, ROWS);
    v = recurrent_input(&r, "v", T | B, 2, HEADS, COLUMNS);
    op_node *zero = recurrent_number(&r, 0);
    before = make_open_delay(b, AXIS_T, 1, zero, DTYPE_F64, T | B, &shape);
    op_node *kept = f ? make_contract(b, "h,hij->hij", f, before, 0) : before;
    op_node *state = make_add(b, kept, make_contract(b, "hi,hj->hij", k, v, 0));
    graph_bind(r.g, before, state);
    return state;
}

static op_node *read_out(op_node *state) {
    return make_contract(b, "hi,hij->hj", q, state, 0);
}

static nest_plan *planned(void) {
    error problem = {.code = STATUS_OK};
    nest_plan *plan = pipeline_lower(r.g, NULL, r.g->memory, &problem);
    cr_assert(plan, "%s", problem.message);
    cr_assert(pipeline_plan(plan, r.g->memory, &problem), "%s", problem.message);
    return plan;
}

/* Matrices of all steps that the program has in memory. */
static int sequences(const nest_plan *plan) {
    int found = 0;
    for (size_t i = 0; i < plan->buffers.count; i++) {
        const nest_buffer *s = &plan->buffers.at[i];
        bool stored = false, steps = false;
        for (size_t n = 0; n < plan->kernels.count; n++)
            for (size_t in = 0; in < plan->kernels.at[n]->tape.count; in++)
                stored |= plan->kernels.at[n]->tape.at[in].op == NEST_STORE &&
                          plan->kernels.at[n]->tape.at[in].which == (int32_t)i;
        for (int a = 0; a < s->axis_count; a++)
            steps |= s->axes[a] == AXIS_T;
        bool matrix =
            s->shape.rank == 3 && s->shape.dimension[1] * s->shape.dimension[2] == ROWS * COLUMNS;
        found += stored && steps && matrix;
    }
    return found;
}

/* Loops whose samples run in portions, and the bytes of the largest one's. */
static int portions(const nest_list *items, int64_t *bytes) {
    int found = 0;
    for (size_t i = 0; i < items->count; i++) {
        found += items->at[i].portion > 0;
        *bytes = items->at[i].portion > *bytes ? items->at[i].portion : *bytes;
        if (!items->at[i].kernel)
            found += portions(&items->at[i].items, bytes);
    }
    return found;
}

/* So many sequences of matrices, and loops in portions. */
static void check(int matrices, int loops, int64_t bytes) {
    static const int64_t extents[][LIMIT_AXES] = {{5, 1, 1, 1}, {4, 1, 1, 5}, {0, 1, 1, 2}};
    text report;
    text_init(&report, r.g->memory);
    const nest_plan *plan = planned();
    int64_t largest = 0;
    cr_expect_eq(sequences(plan), matrices, "%d sequences", sequences(plan));
    cr_expect_eq(portions(&plan->items, &largest), loops);
    cr_expect_eq(largest, bytes, "%lld bytes", (long long)largest);
    for (uint64_t seed = 1; seed <= 3; seed++)
        cr_expect_eq(compare_program(r.g, extents, 3, seed, &report), COMPARE_EQUAL, "%s",
                     report.at);
}

enum { MATRIX = HEADS * ROWS * COLUMNS * BYTES };

Test(matrix_states, one_step_is_stored) {
    graph_output_add(r.g, "y", read_out(outer_products(NULL)));
    check(0, 1, MATRIX);
}

/* Backwards there is a state that is a matrix too, and all that reads it follows. */
Test(matrix_states, nor_is_more_for_gradients) {
    op_node *gradients[3], *y = read_out(outer_products(NULL));
    op_node *dy = recurrent_input(&r, "dy", T | B, 2, HEADS, COLUMNS);
    op_node *loss = make_contract(b, "hj,hj->", y, dy, T | B);
    op_node *wrt[] = {q, k, v};
    cr_assert(grad_program(r.g, loss, wrt, 3, gradients));
    for (int i = 0; i < 3; i++)
        graph_output_add(r.g, arena_print(r.g->memory, "d%d", i), gradients[i]);
    check(0, 2, MATRIX);
}

/* Element by element, through a view, and then a sum. */
Test(matrix_states, chains_follow) {
    op_node *state = outer_products(NULL);
    op_node *squared = make_mul(b, state, state);
    graph_output_add(
        r.g, "y", make_reduce(b, make_transpose(b, squared, (int8_t[]){0, 2, 1}), 2, OP_KIND_SUM));
    check(0, 1, 2 * MATRIX);
}

/* The gradient of a gate needs both states, in a sweep of its own. */
Test(matrix_states, what_another_sweep_reads_is_stored) {
    op_node *f = recurrent_input(&r, "f", T | B, 1, HEADS), *gradient;
    op_node *dy = recurrent_input(&r, "dy", T | B, 2, HEADS, COLUMNS);
    op_node *loss = make_contract(b, "hj,hj->", read_out(outer_products(f)), dy, T | B);
    cr_assert(grad_program(r.g, loss, &f, 1, &gradient));
    graph_output_add(r.g, "df", gradient);
    check(2, 2, MATRIX);
}

Test(matrix_states, readers_of_another_step_stay) {
    op_node *state = outer_products(NULL);
    op_node *past = make_delay(b, state, AXIS_T, 2, recurrent_number(&r, 0));
    graph_output_add(r.g, "y", read_out(state));
    graph_output_add(r.g, "z", read_out(past));
    check(2, 1, MATRIX);
}

Test(matrix_states, results_stay) {
    op_node *state = outer_products(NULL);
    graph_output_add(r.g, "y", read_out(state));
    graph_output_add(r.g, "S", state);
    check(1, 1, MATRIX);
}

/* Many steps share a weight, so its product is computed for all of them at once. */
Test(matrix_states, products_with_weights_stay) {
    op_node *W = recurrent_weight(&r, "W", 0, 2, ROWS, COLUMNS);
    graph_output_add(r.g, "y", make_contract(b, "ij,hij->h", W, outer_products(NULL), 0));
    check(1, 1, MATRIX);
}

/* What the second reader needs is made of the first one's result, outside of the loop. */
Test(matrix_states, readers_that_need_the_loop_by_another_way_stay) {
    op_node *state = outer_products(NULL), *first = read_out(state);
    op_node *W = recurrent_weight(&r, "W", 0, 2, COLUMNS, COLUMNS);
    op_node *again = make_contract(b, "mj,hj->hm", W, first, 0);
    graph_output_add(r.g, "y", make_contract(b, "hij,hj->hi", state, again, 0));
    check(1, 1, MATRIX);
}

/* A row of the weights is read once for all samples. */
Test(matrix_states, samples_that_share_weights_step_together) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    graph_output_add(r.g, "y", recurrent_lstm(&r, "", x, 3, 4, 1));
    check(0, 0, 0);
}

Test(matrix_states, samples_that_need_one_another_step_together) {
    op_node *state = outer_products(NULL);
    op_shape row = op_shape_make(1, (int64_t[]){COLUMNS});
    op_node *past = make_open_delay(b, AXIS_T, 1, recurrent_number(&r, 0), DTYPE_F64, T | B, &row);
    op_node *all = make_total(b, past, B, OP_KIND_SUM);
    op_node *next = make_add(b, all, make_contract(b, "hi,hij->j", q, state, 0));
    graph_bind(r.g, past, next);
    graph_output_add(r.g, "y", next);
    check(0, 1, MATRIX);
}
