/* Recipes of element-wise ops, which differ only in shapes and domains, and what all recipes share:
 * axes, leaves, random numbers. */
#include "tests/support/recipe.h"

#include <math.h>
#include <stdarg.h>

#include "core/rng.h"

enum { recipe_steps_t = 4, recipe_steps_s = 3, recipe_samples = 3 };

static double recipe_draw(recipe *r, double low, double high) {
    return low + (high - low) * rng_uniform(r->seed, 29, r->drawn++);
}

static void recipe_lengths(recipe *r, int axis, const char *name, const double *lengths) {
    op_shape scalar = op_shape_make(0, NULL);
    graph_axis_lengths(&r->t->g, axis,
                       trial_leaf_add(r->t, OP_INPUT, name, DTYPE_I32, RECIPE_B, &scalar, lengths));
}

void recipe_open(recipe *r, trial *t, op_id op, recipe_axes axes, uint64_t seed) {
    static const double lengths_t[recipe_samples] = {recipe_steps_t, 0, 2};
    static const double lengths_s[recipe_samples] = {1, recipe_steps_s, 2};
    bool fixed = axes == RECIPE_FIXED;
    *r = (recipe){.t = t, .op = op, .seed = seed};
    trial_open(t);
    int axis_t = trial_axis(t, "t", false, axes == RECIPE_EMPTY ? 0 : recipe_steps_t, fixed);
    int axis_s = trial_axis(t, "s", false, recipe_steps_s, fixed);
    trial_axis(t, "b", true, recipe_samples, fixed);
    if (axes == RECIPE_RAGGED) {
        recipe_lengths(r, axis_t, "len_t", lengths_t);
        recipe_lengths(r, axis_s, "len_s", lengths_s);
    }
}

/* ---- leaves */

/* A leaf of zeros at first: which elements exist is asked for when there is a node. */
static trial_leaf *recipe_add(recipe *r, dtype type, uint32_t domain, const op_shape *shape) {
    trial *t = r->t;
    const char *name = arena_print(&t->memory, "x%zu", t->leaves.count);
    op_node probe = {.domain = domain, .shape = *shape};
    double *zeros = arena_array(&t->memory, double, trial_elements(t, &probe));
    op_node *n = trial_leaf_add(t, domain ? OP_INPUT : OP_PARAM, name, type, domain, shape, zeros);
    return n ? trial_leaf_find(t, n) : NULL;
}

static bool recipe_is_clear(const op_sample *sample, double x) {
    for (int i = 0; i < sample->kink_count; i++)
        if (fabs(x - sample->kinks[i]) < sample->clear)
            return false;
    return true;
}

op_node *recipe_leaf_in(recipe *r, double low, double high, uint32_t domain,
                        const op_shape *shape) {
    const op_sample *sample = &op_get(r->op)->sample;
    trial_leaf *leaf = recipe_add(r, DTYPE_F64, domain, shape);
    if (!leaf)
        return NULL;
    const bool *existing = trial_existing(r->t, leaf->node);
    for (size_t i = 0; i < trial_elements(r->t, leaf->node); i++) {
        do
            leaf->values[i] = recipe_draw(r, low, high);
        while (!recipe_is_clear(sample, leaf->values[i]));
        if (!existing[i])
            leaf->values[i] = NAN;
    }
    vec_push(&r->t->memory, &r->variables, leaf->node);
    return leaf->node;
}

static op_shape recipe_shape(int rank, va_list list) {
    int64_t dimensions[LIMIT_RANK];
    for (int i = 0; i < rank; i++)
        dimensions[i] = va_arg(list, int);
    return op_shape_make(rank, dimensions);
}

op_node *recipe_leaf(recipe *r, uint32_t domain, int rank, ...) {
    const op_sample *sample = &op_get(r->op)->sample;
    va_list list;
    va_start(list, rank);
    op_shape shape = recipe_shape(rank, list);
    va_end(list);
    return recipe_leaf_in(r, sample->low, sample->high, domain, &shape);
}

op_node *recipe_places(recipe *r, int low, int high, uint32_t domain, int rank, ...) {
    va_list list;
    va_start(list, rank);
    op_shape shape = recipe_shape(rank, list);
    va_end(list);
    trial_leaf *leaf = recipe_add(r, DTYPE_I32, domain, &shape);
    if (!leaf)
        return NULL;
    const bool *existing = trial_existing(r->t, leaf->node);
    for (size_t i = 0; i < trial_elements(r->t, leaf->node); i++)
        leaf->values[i] = existing[i] ? floor(recipe_draw(r, low, high + 1)) : 99;
    return leaf->node;
}

/* ---- element-wise ops */

static op_node *recipe_unary(recipe *r, int variant) {
    op_builder *b = &r->t->g.builder;
    switch (variant) {
    case 0:
        return make_unary(b, r->op, recipe_leaf(r, RECIPE_T | RECIPE_B, 1, 3));
    case 1:
        return make_unary(b, r->op, recipe_leaf(r, 0, 2, 2, 3));
    case 2:
        return make_unary(b, r->op, recipe_leaf(r, RECIPE_T, 0));
    case 3:
        return make_unary(b, r->op, recipe_leaf(r, RECIPE_B, 3, 1, 2, 1));
    default:
        return make_unary(b, r->op, recipe_leaf(r, 0, 0));
    }
}

static op_node *recipe_binary(recipe *r, int variant) {
    op_builder *b = &r->t->g.builder;
    const uint32_t tb = RECIPE_T | RECIPE_B;
    op_node *x, *y;
    switch (variant) {
    case 0:
        x = recipe_leaf(r, tb, 1, 3), y = recipe_leaf(r, tb, 1, 3);
        break;
    case 1:
        x = recipe_leaf(r, tb, 2, 2, 3), y = recipe_leaf(r, 0, 1, 3);
        break;
    case 2:
        x = recipe_leaf(r, 0, 0), y = recipe_leaf(r, tb, 1, 2);
        break;
    case 3:
        x = recipe_leaf(r, RECIPE_B, 2, 2, 1), y = recipe_leaf(r, RECIPE_T, 2, 1, 3);
        break;
    case 4:
        x = recipe_leaf(r, RECIPE_T | RECIPE_S, 1, 1), y = recipe_leaf(r, tb, 2, 1, 2);
        break;
    default:
        x = y = recipe_leaf(r, tb, 1, 2);
        break;
    }
    return make_binary(b, r->op, x, y);
}

/* ---- all ops */

static bool recipe_is_plain(op_id op) {
    bool special = op == OP_CAST || op == OP_CUSTOM || op == OP_SELECT || op == OP_RANDOM;
    return op_get(op)->family == OP_FAMILY_ELEMENTWISE && !special;
}

int recipe_count(op_id op) {
    int count = 0;
    if (recipe_is_plain(op))
        return op_get(op)->most == 1 ? 5 : 6;
    for (const recipe_row *row = recipe_rows; row->make; row++)
        count += row->op == op;
    return count;
}

op_node *recipe_build(recipe *r, int variant, const char **name) {
    if (recipe_is_plain(r->op)) {
        *name = "plain";
        return op_get(r->op)->most == 1 ? recipe_unary(r, variant) : recipe_binary(r, variant);
    }
    for (const recipe_row *row = recipe_rows; row->make; row++)
        if (row->op == r->op && variant-- == 0) {
            *name = row->name;
            return row->make(r, &r->t->g.builder);
        }
    return NULL;
}
