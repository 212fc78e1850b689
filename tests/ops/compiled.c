/* Each op with its gradients, evaluated and compiled: every bit must agree, whatever the extents.
 * The graphs are those of the gradient tests. */
#include <criterion/criterion.h>

#include "tests/support/compare.h"
#include "tests/support/recipe.h"

/* y and the gradients of the sum of y * y / 2 + y become outputs. */
static void outputs(recipe *r, op_node *y) {
    graph *g = &r->t->g;
    op_builder *b = &g->builder;
    op_node **gradients = arena_array(&r->t->memory, op_node *, r->variables.count);
    op_node *each = make_add(b, make_mul(b, make_mul(b, y, y), make_like(b, y, 0.5)), y);
    op_node *loss = make_total(b, trial_sum(b, each), y->domain, OP_KIND_SUM);
    graph_output_add(g, "y", y);
    cr_assert(grad_program(g, loss, r->variables.at, r->variables.count, gradients));
    for (size_t i = 0; i < r->variables.count; i++)
        graph_output_add(g, arena_print(&r->t->memory, "gradient %zu", i), gradients[i]);
}

static void compare(op_id op, int variant, recipe_axes axes) {
    static const int64_t extents[][LIMIT_AXES] = {{4, 3, 3}, {1, 1, 1}, {17, 5, 9}, {0, 3, 2}};
    trial t;
    recipe r;
    text report;
    const char *name = "";
    recipe_open(&r, &t, op, axes, 1);
    op_node *y = recipe_build(&r, variant, &name);
    cr_assert(y, "%s %d: %s", op_get(op)->name, variant, t.problem.message);
    outputs(&r, y);
    text_init(&report, &t.memory);
    compare_verdict verdict =
        compare_program(&t.g, extents, sizeof extents / sizeof *extents, 1, &report);
    cr_expect_eq(verdict, COMPARE_EQUAL, "%s %d %s: %s", op_get(op)->name, variant, name,
                 report.count ? report.at : "");
    trial_close(&t);
}

static void family(op_family family) {
    int tested = 0;
    for (int op = 0; op < OP_COUNT; op++) {
        if (op_get((op_id)op)->family != family || !op_get((op_id)op)->adjoint)
            continue;
        for (int variant = 0; variant < recipe_count((op_id)op); variant++, tested++) {
            compare((op_id)op, variant, RECIPE_PLAIN);
            compare((op_id)op, variant, RECIPE_RAGGED);
        }
    }
    cr_assert(tested > 0);
}

Test(compiled, elementwise) {
    family(OP_FAMILY_ELEMENTWISE);
}

Test(compiled, views) {
    family(OP_FAMILY_VIEW);
}

Test(compiled, sums) {
    family(OP_FAMILY_REDUCE);
}

Test(compiled, contract) {
    family(OP_FAMILY_CONTRACT);
}

Test(compiled, places_read) {
    family(OP_FAMILY_INDEXED);
}

Test(compiled, places_written) {
    family(OP_FAMILY_SCATTER);
}

Test(compiled, delay) {
    family(OP_FAMILY_DELAY);
}
