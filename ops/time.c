/* Ops on loop axes: delay, at, put, stack, spread, expand.
 *
 * One definition of reading along an axis: x at place i where 0 <= i < end, else init (rule 7).
 * delay reads step - k, a constant distance, and may therefore close a cycle; at reads a computed
 * place and needs the whole axis. Lengths are the last argument of delay and at when the value ends
 * at them; init is read at the reading step. */
#include <string.h>

#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"
#include "ops/view.h"

static uint32_t axis_bit(const op_node *n) {
    return (uint32_t)1 << n->attributes.axis;
}

/* ---- delay */

static bool delay_infer(op_builder *b, op_node *n) {
    const op_attributes *a = &n->attributes;
    const op_node *x = n->arguments[0];
    if (!infer_axis(b, n, a->axis))
        return false;
    if (a->distance == 0 || a->distance > LIMIT_DELAY || a->distance < -LIMIT_DELAY)
        return op_fail(b, STATUS_ARGUMENT,
                       "delay: the distance %d must not be 0 and at most %d either way",
                       (int)a->distance, (int)LIMIT_DELAY);
    if (!x && (a->dtype < 0 || a->dtype >= DTYPE_COUNT))
        return op_fail(b, STATUS_ARGUMENT, "delay: there is no dtype number %d", (int)a->dtype);
    if (!infer_shape(b, n, x ? &x->shape : &a->shape) || !infer_axes(b, n, a->domain))
        return false;
    n->dtype = x ? x->dtype : (uint8_t)a->dtype;
    n->shape = x ? x->shape : a->shape;
    n->domain = (x ? x->domain : 0) | a->domain | axis_bit(n) | n->arguments[1]->domain;
    return infer_init(b, n, 1) && (n->count < 3 || infer_lengths(b, n, 2, n->domain));
}

static void delay_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    const op_attributes *a = &n->attributes;
    op_node *step = make_step(b, a->axis);
    op_node *place = make_sub(b, step, make_number(b, DTYPE_I32, a->distance));
    op_node *inside = make_inside(b, place, a->axis, n->domain);
    out[1] = make_select(b, inside, make_like(b, gy, 0), gy);
}

const op_info op_record_DELAY = {
    OP_RECORD(DELAY),
    .infer = delay_infer,
    .adjoint = delay_adjoint,
    .formula = "y = x at step - k where 0 <= step - k < end, else init",
    .adjoint_formula = "dx = delay(dy, -k, 0); dinit = dy where step - k is outside",
    .about =
        "A value of an earlier step (k > 0) or a later one (k < 0). The only op that may "
        "close a cycle: a recurrent state is a delay that is bound later.",
    .sample = {.low = -2, .high = 2}};

/* ---- at, put */

static bool at_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0], *i = n->arguments[1], *init = n->arguments[2];
    if (!infer_axis(b, n, n->attributes.axis) || !infer_is_integer(b, n, 1, "the place") ||
        !infer_is_scalar(b, n, 1, "the place"))
        return false;
    if (!(x->domain & axis_bit(n)))
        return op_fail(b, STATUS_SHAPE, "at: %s does not vary over axis %s", op_describe(b, x),
                       b->axis_name(b, n->attributes.axis));
    n->dtype = x->dtype;
    n->shape = x->shape;
    n->domain = (x->domain & ~axis_bit(n)) | i->domain | init->domain;
    return infer_init(b, n, 2) && (n->count < 4 || infer_lengths(b, n, 3, x->domain));
}

static void at_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *x = n->arguments[0], *i = n->arguments[1];
    int axis = n->attributes.axis;
    out[0] = make_put(b, gy, axis, i, x->domain);
    op_node *inside = make_inside(b, i, axis, x->domain);
    out[2] = make_select(b, inside, make_like(b, gy, 0), gy);
}

const op_info op_record_AT = {
    OP_RECORD(AT),
    .infer = at_infer,
    .adjoint = at_adjoint,
    .formula = "y = x at step i of the axis where 0 <= i < end, else init",
    .adjoint_formula = "dx = put(dy, i); dinit = dy where i is outside",
    .about =
        "A value at a computed step: the last one, the reverse, a pointer, an axis under "
        "another name. Needs the whole axis.",
    .sample = {.low = -2, .high = 2}};

static bool put_infer(op_builder *b, op_node *n) {
    uint32_t domain = infer_join(n);
    if (!infer_axis(b, n, n->attributes.axis) || !infer_is_float(b, n, 0) ||
        !infer_is_integer(b, n, 1, "the place") || !infer_is_scalar(b, n, 1, "the place") ||
        !infer_over(b, n, domain))
        return false;
    if (domain & ~n->attributes.over & axis_bit(n))
        return op_fail(b, STATUS_SHAPE,
                       "put: %s and its place %s vary over axis %s, which must be summed over",
                       op_describe(b, n->arguments[0]), op_describe(b, n->arguments[1]),
                       b->axis_name(b, n->attributes.axis));
    n->dtype = n->arguments[0]->dtype;
    n->shape = n->arguments[0]->shape;
    n->domain = (domain & ~n->attributes.over) | axis_bit(n);
    return true;
}

static void put_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_at(b, gy, n->attributes.axis, n->arguments[1], make_like(b, gy, 0));
}

const op_info op_record_PUT = {
    OP_RECORD(PUT),
    .infer = put_infer,
    .adjoint = put_adjoint,
    .formula = "y at step s = sum over axes of g where i == s",
    .adjoint_formula = "dg = at(dy, i, 0)",
    .about =
        "Adds values into computed steps of an axis, duplicates in the order of steps; the "
        "adjoint of at.",
    .sample = {.low = -2, .high = 2}};

/* ---- expand, stack, spread */

static bool expand_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0];
    uint32_t axes = n->attributes.over;
    if (!infer_axes(b, n, axes))
        return false;
    if (!axes || axes & x->domain)
        return op_fail(b, STATUS_SHAPE, "expand: adds axes that a value lacks, but %s over %s",
                       op_describe(b, x), op_describe_domain(b, axes));
    n->dtype = x->dtype;
    n->shape = x->shape;
    n->domain = x->domain | axes;
    return true;
}

static int expand_views(const op_node *n, op_view *views) {
    view_identity(n, 0, views);
    return 1;
}

static void expand_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    (void)b, (void)n;
    out[0] = gy; /* fitting totals it */
}

const op_info op_record_EXPAND = {OP_RECORD(EXPAND),
                                  .infer = expand_infer,
                                  .adjoint = expand_adjoint,
                                  .views = expand_views,
                                  .formula = "y = x at every step of the added axes",
                                  .adjoint_formula = "dx = total(dy) over the added axes",
                                  .about = "A value repeated along loop axes that it lacks.",
                                  .sample = {.low = -2, .high = 2}};

/* The dimension that stands for an axis: its declared extent if it has one. */
static int64_t dimension_of(op_builder *b, int axis) {
    int64_t extent = b->axis_extent(b, axis);
    return extent >= 0 ? extent : OP_EXTENT_OF(axis);
}

static bool stack_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0];
    int64_t dimensions[LIMIT_RANK + 1];
    if (!infer_axis(b, n, n->attributes.axis))
        return false;
    if (!(x->domain & axis_bit(n)))
        return op_fail(b, STATUS_SHAPE, "stack: %s does not vary over axis %s; expand it first",
                       op_describe(b, x), b->axis_name(b, n->attributes.axis));
    if (x->shape.rank == LIMIT_RANK)
        return op_fail(b, STATUS_SHAPE,
                       "stack: %s has %d dimensions already, the most there may be",
                       op_describe(b, x), (int)LIMIT_RANK);
    dimensions[0] = dimension_of(b, n->attributes.axis);
    memcpy(dimensions + 1, x->shape.dimension, (size_t)x->shape.rank * sizeof *dimensions);
    n->dtype = x->dtype;
    n->domain = x->domain & ~axis_bit(n);
    n->shape = op_shape_make(x->shape.rank + 1, dimensions);
    return infer_shape(b, n, &n->shape);
}

static int stack_views(const op_node *n, op_view *views) {
    view_identity(n, 0, views);
    for (int i = 0; i < n->arguments[0]->shape.rank; i++)
        views->dimension[i].which = i + 1;
    views->axis = n->attributes.axis;
    views->axis_term = (op_term){.from = OP_TERM_DIMENSION, .which = 0};
    return 1;
}

static void stack_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_spread(b, gy, n->attributes.axis);
}

const op_info op_record_STACK = {
    OP_RECORD(STACK),
    .infer = stack_infer,
    .adjoint = stack_adjoint,
    .views = stack_views,
    .formula = "y[s] = x at step s of the axis",
    .adjoint_formula = "dx = spread(dy)",
    .about = "A loop axis becomes feature dimension 0; padding is 0 there. Needs the whole axis.",
    .sample = {.low = -2, .high = 2}};

static bool spread_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0];
    int axis = n->attributes.axis;
    if (!infer_axis(b, n, axis) || !infer_dimension(b, n, x, 0))
        return false;
    if (x->domain & axis_bit(n))
        return op_fail(b, STATUS_SHAPE, "spread: %s varies over axis %s already", op_describe(b, x),
                       b->axis_name(b, axis));
    if (x->shape.dimension[0] != dimension_of(b, axis))
        return op_fail(b, STATUS_SHAPE,
                       "spread: dimension 0 of %s is not the extent of axis %s; declare the axis "
                       "with this extent",
                       op_describe(b, x), b->axis_name(b, axis));
    n->dtype = x->dtype;
    n->domain = x->domain | axis_bit(n);
    n->shape = op_shape_make(x->shape.rank - 1, x->shape.dimension + 1);
    return true;
}

static int spread_views(const op_node *n, op_view *views) {
    view_identity(n, 0, views);
    views->dimension[0] = (op_term){.from = OP_TERM_AXIS, .which = n->attributes.axis};
    for (int i = 1; i < n->arguments[0]->shape.rank; i++)
        views->dimension[i].which = i - 1;
    return 1;
}

static void spread_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_stack(b, gy, n->attributes.axis);
}

const op_info op_record_SPREAD = {
    OP_RECORD(SPREAD),
    .infer = spread_infer,
    .adjoint = spread_adjoint,
    .views = spread_views,
    .formula = "y at step s = x[s]",
    .adjoint_formula = "dx = stack(dy)",
    .about = "Feature dimension 0 becomes a loop axis: the rows of an image as time.",
    .sample = {.low = -2, .high = 2}};
