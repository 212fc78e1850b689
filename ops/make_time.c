/* Making nodes on loop axes, and the two rules that everything on padding and on adjoints rests on.
 *
 * Masks (rules 4, 5): steps past a sample's end do not exist, so what sums over an axis selects
 * them away, and so does what sums over the samples at a fixed step: those that have ended must not
 * count. Selecting, never multiplying: padding may hold NaN.
 *
 * Fitting (rule 15): an adjoint contribution is made exactly as large as the value it belongs to in
 * one place, make_fit, so an op's own adjoint may return what is natural for it. */
#include <math.h>

#include "ops/make.h"

static uint32_t bit(int axis) {
    return (uint32_t)1 << axis;
}

static op_node *on_axis(op_builder *b, op_id op, op_node *const *arguments, int n, int axis) {
    op_attributes a;
    op_attributes_init(&a);
    a.axis = axis;
    return b->make(b, op, arguments, n, &a);
}

/* Is there such an axis? Asked before a set is made of its number; a mistake if not. */
static bool axis_exists(op_builder *b, const char *what, int axis) {
    if (axis >= 0 && axis < LIMIT_AXES && b->axis_name(b, axis))
        return true;
    return op_fail(b, STATUS_ARGUMENT, "%s: there is no axis number %d; declare the axis first",
                   what, axis);
}

/* ---- steps and ends */

op_node *make_step(op_builder *b, int axis) {
    return on_axis(b, OP_STEP, NULL, 0, axis);
}

op_node *make_extent(op_builder *b, int axis) {
    return on_axis(b, OP_EXTENT, NULL, 0, axis);
}

/* The lengths that a value of this domain ends at, or NULL: it ends at the extent. */
static op_node *lengths_inside(op_builder *b, int axis, uint32_t domain) {
    op_node *lengths = b->lengths(b, axis);
    return lengths && !(lengths->domain & ~domain) ? lengths : NULL;
}

op_node *make_end(op_builder *b, int axis, uint32_t domain) {
    if (!axis_exists(b, "end", axis))
        return NULL;
    op_node *lengths = lengths_inside(b, axis, domain);
    return lengths ? lengths : make_extent(b, axis);
}

op_node *make_valid(op_builder *b, int axis, uint32_t domain) {
    op_node *step = make_step(b, axis);
    return make_binary(b, OP_LT, step, make_end(b, axis, domain));
}

op_node *make_inside(op_builder *b, op_node *i, int axis, uint32_t domain) {
    op_node *above = make_binary(b, OP_LE, make_number(b, DTYPE_I32, 0), i);
    return make_binary(b, OP_AND, above, make_binary(b, OP_LT, i, make_end(b, axis, domain)));
}

/* x without padding, for a reduction over `over` of values of `domain`: `fill` where a step of one
 * of x's axes in `masked` has passed the end. */
static op_node *without_padding(op_builder *b, op_node *x, uint32_t domain, uint32_t over,
                                uint32_t masked, double fill) {
    for (int axis = 0; x && axis < LIMIT_AXES; axis++) {
        if (!(domain & masked & bit(axis)))
            continue;
        op_node *lengths = lengths_inside(b, axis, domain);
        if (lengths && (bit(axis) | lengths->domain) & over) {
            op_node *valid = make_valid(b, axis, domain);
            x = make_select(b, valid, x, make_like(b, x, fill));
        }
    }
    return x;
}

/* ---- sums */

op_node *make_expand(op_builder *b, op_node *x, uint32_t axes) {
    op_attributes a;
    if (!x || !(axes & ~x->domain))
        return x;
    op_attributes_init(&a);
    a.over = axes & ~x->domain;
    return b->make(b, OP_EXPAND, &x, 1, &a);
}

op_node *make_total(op_builder *b, op_node *x, uint32_t over, op_kind kind) {
    op_attributes a;
    if (!over)
        return x;
    x = make_expand(b, x, over);
    if (!x)
        return NULL;
    /* A bool is refused by total itself, in better words than a fill of the wrong dtype would get.
     */
    double fill = kind == OP_KIND_SUM || x->dtype == DTYPE_BOOL ? 0
                  : x->dtype == DTYPE_I32                       ? INT32_MIN
                                                                : -INFINITY;
    x = without_padding(b, x, x->domain, over, x->domain, fill);
    op_attributes_init(&a);
    a.over = over;
    a.kind = (int32_t)kind;
    return b->make(b, OP_TOTAL, &x, 1, &a);
}

op_node *make_contract(op_builder *b, const char *spec, op_node *x, op_node *y, uint32_t over) {
    op_attributes a;
    if (!x || !y)
        return NULL;
    x = make_expand(b, x, over & ~y->domain);
    if (!x)
        return NULL;
    uint32_t domain = x->domain | y->domain;
    op_node *arguments[2] = {without_padding(b, x, domain, over, x->domain, 0),
                             without_padding(b, y, domain, over, y->domain, 0)};
    op_attributes_init(&a);
    a.over = over;
    a.text = b->intern_text(b, spec);
    return b->make(b, OP_CONTRACT, arguments, 2, &a);
}

op_node *make_scatter(op_builder *b, op_node *g, op_node *i, int64_t size, uint32_t over) {
    op_attributes a;
    if (!g || !i)
        return NULL;
    g = make_expand(b, g, i->domain | over);
    if (!g)
        return NULL;
    op_node *arguments[2] = {without_padding(b, g, g->domain, over, g->domain, 0), i};
    op_attributes_init(&a);
    a.size = size;
    a.over = over;
    return b->make(b, OP_SCATTER, arguments, 2, &a);
}

/* ---- reading along an axis */

static op_node *delayed(op_builder *b, op_node *x, int axis, int distance, op_node *init, dtype t,
                        uint32_t domain, const op_shape *shape) {
    op_attributes a;
    op_node *arguments[3] = {x, init, lengths_inside(b, axis, domain)};
    op_attributes_init(&a);
    a.axis = axis;
    a.distance = distance;
    a.dtype = (int32_t)t;
    a.domain = domain;
    a.shape.rank = shape->rank;
    for (int i = 0; i < shape->rank && i < LIMIT_RANK; i++)
        a.shape.dimension[i] = shape->dimension[i];
    return b->make(b, OP_DELAY, arguments, arguments[2] ? 3 : 2, &a);
}

op_node *make_delay(op_builder *b, op_node *x, int axis, int distance, op_node *init) {
    if (!x || !init || !axis_exists(b, "delay", axis))
        return NULL;
    uint32_t domain = x->domain | init->domain | bit(axis);
    return delayed(b, x, axis, distance, init, (dtype)x->dtype, domain, &x->shape);
}

op_node *make_open_delay(op_builder *b, int axis, int distance, op_node *init, dtype t,
                         uint32_t domain, const op_shape *shape) {
    if (!init || !axis_exists(b, "delay", axis))
        return NULL;
    return delayed(b, NULL, axis, distance, init, t, domain | init->domain | bit(axis), shape);
}

op_node *make_at(op_builder *b, op_node *x, int axis, op_node *i, op_node *init) {
    if (!x || !axis_exists(b, "at", axis))
        return NULL;
    if (!(x->domain & bit(axis)))
        return make_select(b, make_inside(b, i, axis, x->domain), x, init);
    op_node *arguments[4] = {x, i, init, lengths_inside(b, axis, x->domain)};
    return on_axis(b, OP_AT, arguments, arguments[3] ? 4 : 3, axis);
}

op_node *make_last(op_builder *b, op_node *x, int axis, op_node *init) {
    if (!x)
        return NULL;
    op_node *end = make_end(b, axis, x->domain);
    return make_at(b, x, axis, make_sub(b, end, make_number(b, DTYPE_I32, 1)), init);
}

op_node *make_put(op_builder *b, op_node *g, int axis, op_node *i, uint32_t domain) {
    op_attributes a;
    if (!g || !i || !axis_exists(b, "put", axis))
        return NULL;
    g = make_expand(b, g, i->domain);
    if (!g)
        return NULL;
    uint32_t over = g->domain & (~domain | bit(axis));
    op_node *arguments[2] = {without_padding(b, g, g->domain, over, g->domain, 0), i};
    op_attributes_init(&a);
    a.axis = axis;
    a.over = over;
    return b->make(b, OP_PUT, arguments, 2, &a);
}

op_node *make_stack(op_builder *b, op_node *x, int axis) {
    if (!x || !axis_exists(b, "stack", axis))
        return NULL;
    x = make_expand(b, x, bit(axis));
    if (!x)
        return NULL;
    if (lengths_inside(b, axis, x->domain)) {
        op_node *valid = make_valid(b, axis, x->domain);
        x = make_select(b, valid, x, make_like(b, x, 0));
    }
    return on_axis(b, OP_STACK, &x, 1, axis);
}

op_node *make_spread(op_builder *b, op_node *x, int axis) {
    return on_axis(b, OP_SPREAD, &x, 1, axis);
}

/* ---- fitting */

/* g's feature dimensions made those of n. */
static op_node *fit_shape(op_builder *b, op_node *g, const op_node *n) {
    while (g && g->shape.rank > n->shape.rank) {
        op_shape rest = op_shape_make(g->shape.rank - 1, g->shape.dimension + 1);
        g = make_reshape(b, make_reduce(b, g, 0, OP_KIND_SUM), &rest);
    }
    if (!g)
        return NULL;
    int shift = n->shape.rank - g->shape.rank;
    for (int i = 0; g && i < n->shape.rank - shift; i++)
        if (n->shape.dimension[i + shift] == 1 && g->shape.dimension[i] != 1)
            g = make_reduce(b, g, i, OP_KIND_SUM);
    return make_broadcast(b, g, &n->shape);
}

op_node *make_fit(op_builder *b, op_node *g, const op_node *n) {
    if (!g || !n)
        return NULL;
    if (g->dtype != n->dtype) {
        op_fail(b, STATUS_SHAPE, "gradient: %s does not have the dtype of its value %s; cast it",
                op_describe(b, g), op_describe(b, n));
        return NULL;
    }
    g = fit_shape(b, g, n);
    if (!g)
        return NULL;
    return make_expand(b, make_total(b, g, g->domain & ~n->domain, OP_KIND_SUM), n->domain);
}
