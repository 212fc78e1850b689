/* Views of feature dimensions: every element of the result is one element of an argument, or 0.
 *
 * views() says which one, as an index for each dimension of the argument in terms of the result's.
 * The reader of a view need not copy anything; sums of adjoints of slices are pads, and those of
 * pads slices. */
#include "ops/view.h"
#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"

void view_identity(const op_node *n, int argument, op_view *view) {
    *view = (op_view){.argument = argument, .axis = -1, .guard = -1};
    for (int i = 0; i < n->arguments[argument]->shape.rank; i++)
        view->dimension[i] = (op_term){.from = OP_TERM_DIMENSION, .which = i};
}

/* ---- slice, pad, concat */

static bool slice_infer(op_builder *b, op_node *n) {
    const op_attributes *a = &n->attributes;
    const op_node *x = n->arguments[0];
    if (!infer_fixed(b, n, x, a->dimension))
        return false;
    int64_t whole = x->shape.dimension[a->dimension];
    if (a->low < 0 || a->size < 1 || a->size > whole || a->low > whole - a->size)
        return op_fail(b, STATUS_SHAPE,
                       "slice: %lld elements from %lld do not lie inside dimension %d of %s",
                       (long long)a->size, (long long)a->low, (int)a->dimension, op_describe(b, x));
    n->dtype = x->dtype;
    n->domain = x->domain;
    n->shape = x->shape;
    n->shape.dimension[a->dimension] = a->size;
    return true;
}

static int slice_views(const op_node *n, op_view *views) {
    view_identity(n, 0, views);
    views->dimension[n->attributes.dimension].offset = n->attributes.low;
    return 1;
}

static void slice_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    const op_attributes *a = &n->attributes;
    out[0] = make_pad(b, gy, a->dimension, a->low, n->arguments[0]->shape.dimension[a->dimension]);
}

const op_info op_record_SLICE = {OP_RECORD(SLICE),
                                 .infer = slice_infer,
                                 .adjoint = slice_adjoint,
                                 .views = slice_views,
                                 .formula = "y[i] = x[low + i], 0 <= i < size",
                                 .adjoint_formula = "dx = pad(dy, low)",
                                 .about = "A range of a feature dimension.",
                                 .sample = {.low = -2, .high = 2}};

static bool pad_infer(op_builder *b, op_node *n) {
    const op_attributes *a = &n->attributes;
    const op_node *x = n->arguments[0];
    if (!infer_fixed(b, n, x, a->dimension))
        return false;
    int64_t part = x->shape.dimension[a->dimension];
    if (a->low < 0 || part > a->size || a->low > a->size - part)
        return op_fail(b, STATUS_SHAPE,
                       "pad: dimension %d of %s placed at %lld does not fit into %lld elements",
                       (int)a->dimension, op_describe(b, x), (long long)a->low, (long long)a->size);
    n->dtype = x->dtype;
    n->domain = x->domain;
    n->shape = x->shape;
    n->shape.dimension[a->dimension] = a->size;
    return infer_shape(b, n, &n->shape);
}

static int pad_views(const op_node *n, op_view *views) {
    int dimension = n->attributes.dimension;
    int64_t low = n->attributes.low;
    view_identity(n, 0, views);
    views->dimension[dimension].offset = -low;
    views->guard = dimension;
    views->low = low;
    views->high = low + n->arguments[0]->shape.dimension[dimension];
    return 1;
}

static void pad_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    const op_attributes *a = &n->attributes;
    out[0] =
        make_slice(b, gy, a->dimension, a->low, n->arguments[0]->shape.dimension[a->dimension]);
}

const op_info op_record_PAD = {OP_RECORD(PAD),
                               .infer = pad_infer,
                               .adjoint = pad_adjoint,
                               .views = pad_views,
                               .formula = "y[low + i] = x[i], 0 elsewhere",
                               .adjoint_formula = "dx = slice(dy, low)",
                               .about = "A value with zeros around it along a feature dimension.",
                               .sample = {.low = -2, .high = 2}};

static bool concat_infer(op_builder *b, op_node *n) {
    int dimension = n->attributes.dimension;
    const op_node *first = n->arguments[0];
    int64_t size = 0;
    if (!infer_one_dtype(b, n, 0))
        return false;
    for (int i = 0; i < n->count; i++) {
        const op_node *x = n->arguments[i];
        if (!infer_fixed(b, n, x, dimension))
            return false;
        op_shape rest = x->shape;
        rest.dimension[dimension] = first->shape.dimension[dimension];
        if (!op_shape_equal(&rest, &first->shape))
            return op_fail(b, STATUS_SHAPE, "concat: %s and %s may differ in dimension %d only",
                           op_describe(b, first), op_describe(b, x), dimension);
        if (x->shape.dimension[dimension] > INT64_MAX - size)
            return op_fail(b, STATUS_SIZE, "concat: dimension %d overflows 64 bits", dimension);
        size += x->shape.dimension[dimension];
    }
    n->dtype = first->dtype;
    n->domain = infer_join(n);
    n->shape = first->shape;
    n->shape.dimension[dimension] = size;
    return infer_shape(b, n, &n->shape);
}

static int concat_views(const op_node *n, op_view *views) {
    int dimension = n->attributes.dimension;
    int64_t low = 0;
    for (int i = 0; i < n->count; i++) {
        view_identity(n, i, &views[i]);
        views[i].dimension[dimension].offset = -low;
        views[i].guard = dimension;
        views[i].low = low;
        low += n->arguments[i]->shape.dimension[dimension];
        views[i].high = low;
    }
    return n->count;
}

static void concat_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    int dimension = n->attributes.dimension;
    int64_t low = 0;
    for (int i = 0; i < n->count; i++) {
        int64_t size = n->arguments[i]->shape.dimension[dimension];
        out[i] = make_slice(b, gy, dimension, low, size);
        low += size;
    }
}

const op_info op_record_CONCAT = {OP_RECORD(CONCAT),
                                  .infer = concat_infer,
                                  .adjoint = concat_adjoint,
                                  .views = concat_views,
                                  .formula = "y = x0, x1, ... one after another along a dimension",
                                  .adjoint_formula = "dx[i] = slice(dy, where x[i] lies)",
                                  .about = "Values joined along a feature dimension.",
                                  .sample = {.low = -2, .high = 2}};

/* ---- reshape, transpose, broadcast */

/* Equal numbers of elements whatever the extents are: the same extents and the same product of the
 * rest. */
static bool same_elements(const op_shape *x, const op_shape *y) {
    op_shape numbers_x = *x, numbers_y = *y;
    int count[LIMIT_AXES] = {0};
    for (int i = 0; i < x->rank; i++)
        if (x->dimension[i] < 0)
            count[-1 - x->dimension[i]]++, numbers_x.dimension[i] = 1;
    for (int i = 0; i < y->rank; i++)
        if (y->dimension[i] < 0)
            count[-1 - y->dimension[i]]--, numbers_y.dimension[i] = 1;
    for (int axis = 0; axis < LIMIT_AXES; axis++)
        if (count[axis])
            return false;
    return op_shape_elements(&numbers_x) == op_shape_elements(&numbers_y);
}

static bool reshape_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0];
    const op_shape *to = &n->attributes.shape;
    if (!infer_shape(b, n, to))
        return false;
    if (!same_elements(&x->shape, to))
        return op_fail(b, STATUS_SHAPE,
                       "reshape: %s and the new shape %s have different numbers of "
                       "elements",
                       op_describe(b, x), op_describe_shape(b, to));
    n->dtype = x->dtype;
    n->domain = x->domain;
    n->shape = *to;
    return true;
}

static int reshape_views(const op_node *n, op_view *views) {
    (void)n;
    *views = (op_view){.argument = 0, .axis = -1, .guard = -1, .linear = true};
    return 1;
}

static void reshape_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_reshape(b, gy, &n->arguments[0]->shape);
}

const op_info op_record_RESHAPE = {
    OP_RECORD(RESHAPE),
    .infer = reshape_infer,
    .adjoint = reshape_adjoint,
    .views = reshape_views,
    .formula = "y = x in another shape, same row-major order",
    .adjoint_formula = "dx = reshape(dy, shape of x)",
    .about = "The same elements in the same row-major order under another shape.",
    .sample = {.low = -2, .high = 2}};

static bool transpose_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0];
    int64_t dimensions[LIMIT_RANK];
    uint32_t seen = 0;
    for (int i = 0; i < x->shape.rank; i++) {
        int from = n->attributes.permutation[i];
        if (from < 0 || from >= x->shape.rank || seen >> from & 1)
            return op_fail(b, STATUS_SHAPE,
                           "transpose: the order must name each of the %d dimensions of %s once",
                           (int)x->shape.rank, op_describe(b, x));
        seen |= (uint32_t)1 << from;
        dimensions[i] = x->shape.dimension[from];
    }
    n->dtype = x->dtype;
    n->domain = x->domain;
    n->shape = op_shape_make(x->shape.rank, dimensions);
    return true;
}

static int transpose_views(const op_node *n, op_view *views) {
    view_identity(n, 0, views);
    for (int i = 0; i < n->shape.rank; i++)
        views->dimension[n->attributes.permutation[i]].which = i;
    return 1;
}

static void transpose_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    int8_t back[LIMIT_RANK] = {0};
    for (int i = 0; i < n->shape.rank; i++)
        back[n->attributes.permutation[i]] = (int8_t)i;
    out[0] = make_transpose(b, gy, back);
}

const op_info op_record_TRANSPOSE = {OP_RECORD(TRANSPOSE),
                                     .infer = transpose_infer,
                                     .adjoint = transpose_adjoint,
                                     .views = transpose_views,
                                     .formula =
                                         "y = x with its dimension permutation[i] in place i",
                                     .adjoint_formula = "dx = transpose(dy, inverse permutation)",
                                     .about = "Feature dimensions in another order.",
                                     .sample = {.low = -2, .high = 2}};

static bool broadcast_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0];
    const op_shape *to = &n->attributes.shape;
    op_shape joined;
    if (!infer_shape(b, n, to))
        return false;
    if (!op_shape_broadcast(&x->shape, to, &joined) || !op_shape_equal(&joined, to))
        return op_fail(b, STATUS_SHAPE,
                       "broadcast: %s does not stretch to %s; aligned at the end, its dimensions "
                       "must be equal to those or 1",
                       op_describe(b, x), op_describe_shape(b, to));
    n->dtype = x->dtype;
    n->domain = x->domain;
    n->shape = *to;
    return true;
}

static int broadcast_views(const op_node *n, op_view *views) {
    const op_shape *from = &n->arguments[0]->shape;
    int shift = n->shape.rank - from->rank;
    view_identity(n, 0, views);
    for (int i = 0; i < from->rank; i++) {
        views->dimension[i].which = i + shift;
        if (from->dimension[i] != n->shape.dimension[i + shift])
            views->dimension[i] = (op_term){.from = OP_TERM_NONE};
    }
    return 1;
}

static void broadcast_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    (void)b, (void)n;
    out[0] = gy; /* fitting sums it */
}

const op_info op_record_BROADCAST = {
    OP_RECORD(BROADCAST),
    .infer = broadcast_infer,
    .adjoint = broadcast_adjoint,
    .views = broadcast_views,
    .formula = "y = x repeated along dimensions that it lacks or has with size 1",
    .adjoint_formula = "dx = dy summed over those dimensions",
    .about = "A value stretched to a larger shape by NumPy's rule.",
    .sample = {.low = -2, .high = 2}};
