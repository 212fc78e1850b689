/* New values of params: computed in the param where nobody can see the difference, copied where
 * somebody could. The values agree with the evaluator bit for bit either way. */
#include <criterion/criterion.h>
#include <string.h>

#include "jit/program.h"
#include "tests/support/compare.h"
#include "tests/support/suite.h"
#include "tests/support/writing.h"

enum { T = 1, B = 2 };

static void add_axes(graph *to) {
    graph_axis_add(to, "t", false, -1);
    graph_axis_add(to, "b", true, -1);
}

SUITE_WITH_GRAPH(jit_update, add_axes);

static op_node *param(const char *name, int64_t rows, int64_t columns) {
    op_shape s = op_shape_make(2, (const int64_t[]){rows, columns});
    return make_param(b, name, DTYPE_F32, 0, &s);
}

static op_node *scaled(op_node *x, double factor) {
    return make_mul(b, x, make_number(b, DTYPE_F32, factor));
}

/* Sum of x x^T over all steps: a gradient of a weight. */
static op_node *collected(int64_t size) {
    op_shape s = op_shape_make(1, &size);
    op_node *x = make_input(b, "x", DTYPE_F32, T | B, &s);
    return make_contract(b, "m,n->mn", x, x, T | B);
}

/* The program is right, and this many of its nests copy a new value to its param. */
static void check(int copies) {
    static const int64_t extents[][LIMIT_AXES] = {{0, 2}, {1, 1}, {5, 3}};
    text report;
    text_init(&report, &memory);
    cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
    cr_assert_eq(compare_program(&g, extents, 3, 7, &report), COMPARE_EQUAL, "%s", report.at);
    const nest_plan *plan = pipeline_lower(&g, NULL, &memory, &problem);
    cr_assert(plan, "%s", problem.message);
    int found = 0;
    for (size_t i = 0; i < plan->kernels.count; i++)
        found += strstr(plan->kernels.at[i]->name, "_update") != NULL;
    cr_expect_eq(found, copies, "%d copies", found);
}

/* A moving average of gradients moves the weight, which the gradients need. */
static void momentum(int64_t size) {
    op_node *w = param("w", size, size), *v = param("v", size, size);
    op_node *gradient = make_contract(b, "mk,kn->mn", collected(size), w, 0);
    op_node *next = make_add(b, scaled(v, 0.9), scaled(gradient, 0.1));
    graph_update_add(&g, v, next);
    graph_update_add(&g, w, make_sub(b, w, scaled(next, 0.01)));
}

Test(jit_update, an_optimiser_writes_into_its_weights) {
    momentum(19);
    check(0);
}

Test(jit_update, of_large_weights_too) {
    momentum(96);
    check(0);
}

Test(jit_update, a_value_that_is_chosen_is_computed_where_it_is_stored) {
    op_node *w = param("w", 5, 5), *gradient = collected(5);
    op_node *size = make_reduce(b, make_reduce(b, gradient, 0, OP_KIND_SUM), 1, OP_KIND_SUM);
    op_node *good = make_binary(b, OP_LT, size, make_number(b, DTYPE_F32, 4));
    graph_update_add(&g, w, make_select(b, good, make_sub(b, w, gradient), w));
    graph_output_add(&g, "size", size);
    check(0);
}

Test(jit_update, a_param_that_is_read_later_is_copied) {
    op_node *w = param("w", 3, 3), *next = scaled(w, 0.5);
    graph_update_add(&g, w, next);
    graph_output_add(&g, "late", make_contract(b, "mk,kn->mn", next, w, 0));
    graph_output_add(&g, "old", w);
    check(1);
}

Test(jit_update, elements_that_change_places_are_copied) {
    static const int8_t turned[LIMIT_RANK] = {1, 0};
    op_node *w = param("w", 4, 4);
    graph_update_add(&g, w, scaled(make_transpose(b, w, turned), 2));
    check(1);
}

/* The last one may be stored at once: both old values are in registers. */
Test(jit_update, params_that_change_places_need_one_copy) {
    op_node *p = param("p", 3, 4), *q = param("q", 3, 4);
    graph_update_add(&g, p, scaled(q, 2));
    graph_update_add(&g, q, scaled(p, 3));
    check(1);
}

Test(jit_update, two_params_with_one_new_value) {
    op_node *p = param("p", 3, 4), *q = param("q", 3, 4);
    op_node *sum = make_add(b, p, q);
    graph_update_add(&g, p, sum);
    graph_update_add(&g, q, sum);
    graph_output_add(&g, "sum", sum);
    check(2);
}

/* A batch's own value of a param, over axes that the program does not loop over. */
Test(jit_update, a_state_of_each_sample_is_copied) {
    op_shape none = op_shape_make(0, NULL);
    op_node *total = make_param(b, "total", DTYPE_F32, B, &none);
    op_node *x = make_input(b, "x", DTYPE_F32, T | B, &none);
    graph_update_add(&g, total, make_add(b, total, make_total(b, x, T, OP_KIND_SUM)));
    check(1);
}

/* Does the nest only move values to a buffer? */
static bool is_copy(const nest *n, int32_t *to) {
    bool copies = true;
    *to = -1;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op != NEST_STORE)
            continue;
        copies = copies && n->tape.at[in->value].op == NEST_LOAD;
        *to = in->which;
    }
    return copies && *to >= 0;
}

/* What a step of training moves is weights, once a call, to where contracts read them: merged
 * matrices and panels. Nothing is moved in a loop, no gradient and no new weight. */
Test(jit_update, training_an_lstm_moves_weights_alone) {
    eddy_model *m = writing_model(writing_lstm_gates, WRITING_TRAINING);
    const nest_plan *plan = pipeline_lower(&m->graph, NULL, &memory, &problem);
    cr_assert(plan, "%s", problem.message);
    int copies = 0;
    for (size_t i = 0; i < plan->kernels.count; i++) {
        int32_t to;
        const nest *n = plan->kernels.at[i];
        if (!is_copy(n, &to))
            continue;
        const op_node *moved = plan->buffers.at[to].node;
        bool weight = moved->op == OP_PARAM || moved->op == OP_CONCAT;
        cr_expect(weight && moved->domain == 0 && n->loop_count == 0 &&
                      plan->buffers.at[to].storage == NEST_ARENA,
                  "%s", n->name);
        copies++;
    }
    cr_expect_gt(copies, 0);
    eddy_model_free(m);
}
