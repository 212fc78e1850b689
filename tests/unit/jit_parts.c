/* Nests that do several things: updates of parameters come apart where they read nothing together,
 * and agree with the evaluator either way. */
#include <criterion/criterion.h>

#include "jit/program.h"
#include "jit/share.h"
#include "tests/support/compare.h"
#include "tests/support/suite.h"
#include "tests/support/writing.h"

enum { T = 1, B = 2 };

static void add_axes(graph *to) {
    graph_axis_add(to, "t", false, -1);
    graph_axis_add(to, "b", true, -1);
}

SUITE_WITH_GRAPH(jit_parts, add_axes);

static op_node *param(const char *name, int64_t rows, int64_t columns) {
    op_shape s = op_shape_make(2, (const int64_t[]){rows, columns});
    return make_param(b, name, DTYPE_F32, 0, &s);
}

static op_node *scaled(op_node *x, double factor) {
    return make_mul(b, x, make_number(b, DTYPE_F32, factor));
}

/* Sum of x y^T over all steps. */
static op_node *collected(const char *left, int64_t rows, const char *right, int64_t columns) {
    op_shape r = op_shape_make(1, &rows), c = op_shape_make(1, &columns);
    op_node *x = make_input(b, left, DTYPE_F32, T | B, &r);
    op_node *y = make_input(b, right, DTYPE_F32, T | B, &c);
    return make_contract(b, "m,n->mn", x, y, T | B);
}

/* With momentum, so that there is something to share. */
static void train(op_node *w, const char *moment, op_node *gradient) {
    op_node *v = param(moment, w->shape.dimension[0], w->shape.dimension[1]);
    op_node *next = make_add(b, scaled(v, 0.9), scaled(gradient, 0.1));
    graph_update_add(&g, v, next);
    graph_update_add(&g, w, make_sub(b, w, scaled(next, 0.01)));
}

/* Params that a nest stores. */
static int params_of(const nest_plan *plan, const nest *n) {
    int found = 0;
    for (size_t i = 0; i < plan->buffers.count; i++) {
        bool stored = false;
        for (size_t k = 0; k < n->tape.count; k++)
            stored |= n->tape.at[k].op == NEST_STORE && (size_t)n->tape.at[k].which == i;
        found += stored && plan->buffers.at[i].storage == NEST_PARAM;
    }
    return found;
}

/* The program is right; so many nests store params, this many of them most; they are so many
 * kernels. */
static void check(int nests, int most, int kernels) {
    static const int64_t extents[][LIMIT_AXES] = {{0, 2}, {1, 1}, {5, 3}};
    text report;
    text_init(&report, &memory);
    cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
    cr_assert_eq(compare_program(&g, extents, 3, 7, &report), COMPARE_EQUAL, "%s", report.at);
    nest_plan *plan = pipeline_lower(&g, NULL, &memory, &problem);
    cr_assert(plan, "%s", problem.message);
    share_nests(plan);
    int found = 0, largest = 0, own = 0;
    for (size_t k = 0; k < plan->kernels.count; k++) {
        const nest *n = plan->kernels.at[k];
        int params = params_of(plan, n);
        found += params > 0;
        own += params > 0 && !n->shared;
        largest = params > largest ? params : largest;
    }
    cr_expect_eq(found, nests, "%d nests", found);
    cr_expect_eq(largest, most, "%d params in one", largest);
    cr_expect_eq(own, kernels, "%d kernels", own);
}

Test(jit_parts, updates_of_two_params_are_two_nests) {
    train(param("w", 5, 19), "w.v", collected("x", 5, "y", 19));
    train(param("u", 5, 19), "u.v", collected("z", 5, "r", 19));
    check(2, 2, 1);
}

Test(jit_parts, other_shapes_run_the_same_kernel) {
    train(param("w", 5, 19), "w.v", collected("x", 5, "y", 19));
    train(param("u", 5, 19), "u.v", collected("z", 5, "r", 19));
    train(param("s", 3, 7), "s.v", collected("p", 3, "q", 7));
    check(3, 2, 1);
}

Test(jit_parts, what_reads_the_same_elements_stays_together) {
    op_node *gradient = collected("x", 5, "y", 19);
    graph_update_add(&g, param("w", 5, 19), gradient);
    op_node *u = param("u", 5, 19);
    graph_update_add(&g, u, make_sub(b, u, scaled(gradient, 2)));
    op_node *s = param("s", 5, 19);
    graph_update_add(&g, s, make_sub(b, s, scaled(gradient, 3)));
    check(2, 2, 2);
}

/* A scalar is nobody's. */
Test(jit_parts, a_common_factor_keeps_nothing_together) {
    op_node *gradient = collected("x", 5, "y", 19), *other = collected("z", 5, "r", 19);
    op_node *size = make_reduce(b, make_reduce(b, gradient, 0, OP_KIND_SUM), 1, OP_KIND_SUM);
    op_node *w = param("w", 5, 19), *u = param("u", 5, 19);
    graph_update_add(&g, w, make_sub(b, w, make_mul(b, gradient, size)));
    graph_update_add(&g, u, make_sub(b, u, make_mul(b, other, size)));
    check(2, 1, 1);
}

/* One of them is stored at once, so the other one must have been read. */
Test(jit_parts, params_that_change_places_stay_together) {
    op_node *p = param("p", 3, 4), *q = param("q", 3, 4);
    graph_update_add(&g, p, scaled(q, 2));
    graph_update_add(&g, q, scaled(p, 3));
    op_node *w = param("w", 3, 4);
    graph_update_add(&g, w, scaled(w, 0.5));
    check(3, 1, 3);
}
