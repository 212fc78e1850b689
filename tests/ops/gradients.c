/* The adjoint of every op against the three witnesses, on small graphs of many shapes, with and
 * without lengths, with extents known, unknown and zero; then the same for the gradient of a
 * function of that gradient. A new op with an adjoint and without a recipe fails here. */
#include <criterion/criterion.h>

#include "tests/support/recipe.h"
#include "tests/support/witness.h"

/* f32 has 24 bits: what passes through it is rounded, and a difference sees the steps. */
static const witness_tolerance rounded = {1e-6, 1e-6, 0.05, 1e-300};

/* y * y / 2 + y: its derivative differs from element to element. */
static op_node *loss_of(op_builder *b, op_node *y) {
    return make_add(b, make_mul(b, make_mul(b, y, y), make_like(b, y, 0.5)), y);
}

static op_node *whole(op_builder *b, op_node *x) {
    op_node *sum = trial_sum(b, x);
    return make_total(b, sum, sum->domain, OP_KIND_SUM);
}

/* The sum of squares of the gradients of y's loss; *first is one gradient. */
static op_node *second_loss(recipe *r, op_node *y, op_node **first) {
    graph *g = &r->t->g;
    op_builder *b = &g->builder;
    op_node *sum = NULL, **gradients = arena_array(&r->t->memory, op_node *, r->variables.count);
    cr_assert(
        grad_program(g, whole(b, loss_of(b, y)), r->variables.at, r->variables.count, gradients));
    for (size_t i = 0; i < r->variables.count; i++) {
        op_node *square = whole(b, make_mul(b, gradients[i], gradients[i]));
        sum = sum ? make_add(b, sum, square) : square;
    }
    *first = gradients[0];
    return sum;
}

static void witness(op_id op, int variant, recipe_axes axes) {
    static const char *const names[] = {"plain", "ragged", "fixed", "empty"};
    const witness_tolerance *tolerance = op == OP_CAST ? &rounded : &witness_strict;
    trial t;
    recipe r;
    const char *name = "";
    recipe_open(&r, &t, op, axes, 7919 * (uint64_t)op + 31 * (uint64_t)variant);
    op_node *y = recipe_build(&r, variant, &name), *first;
    cr_assert(y, "%s %d %s: %s", op_get(op)->name, variant, name, t.problem.message);
    cr_expect(witness_gradients(&t, loss_of(&t.g.builder, y), y, r.variables.at, r.variables.count,
                                1, tolerance),
              "%s %d %s, %s axes: %s", op_get(op)->name, variant, name, names[axes], t.message);
    op_node *second = second_loss(&r, y, &first);
    cr_expect(witness_gradients(&t, second, first, r.variables.at, r.variables.count, 2, tolerance),
              "gradient of the gradient of %s %d %s, %s axes: %s", op_get(op)->name, variant, name,
              names[axes], t.message);
    trial_close(&t);
}

static void family(op_family family) {
    int tested = 0;
    for (int op = 0; op < OP_COUNT; op++) {
        const op_info *info = op_get((op_id)op);
        if (!info->adjoint || info->family != family)
            continue;
        cr_expect(recipe_count((op_id)op) > 0, "%s has an adjoint but no recipe", info->name);
        for (int variant = 0; variant < recipe_count((op_id)op); variant++)
            for (int axes = 0; axes < RECIPE_AXES_COUNT; axes++, tested++)
                witness((op_id)op, variant, (recipe_axes)axes);
    }
    cr_assert(tested > 0);
}

Test(gradients, elementwise) {
    family(OP_FAMILY_ELEMENTWISE);
}

Test(gradients, views) {
    family(OP_FAMILY_VIEW);
}

Test(gradients, sums) {
    family(OP_FAMILY_REDUCE);
}

Test(gradients, contract) {
    family(OP_FAMILY_CONTRACT);
}

Test(gradients, places_read) {
    family(OP_FAMILY_INDEXED);
}

Test(gradients, places_written) {
    family(OP_FAMILY_SCATTER);
}

Test(gradients, delay) {
    family(OP_FAMILY_DELAY);
}
