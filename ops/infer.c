/* What a user reads after a mistake: which op, both values with dtype, domain and shape, and what
 * to do about it. The checks live here once so that every op says the same thing in the same words.
 */
#include "ops/infer.h"

const char *infer_name(const op_node *n) {
    return op_get((op_id)n->op)->name;
}

uint32_t infer_join(const op_node *n) {
    uint32_t domain = 0;
    for (int i = 0; i < n->count; i++)
        domain |= n->arguments[i]->domain;
    return domain;
}

bool infer_broadcast(op_builder *b, op_node *n, int first) {
    n->domain = infer_join(n);
    n->shape = n->arguments[first]->shape;
    for (int i = first + 1; i < n->count; i++) {
        op_shape joined;
        if (!op_shape_broadcast(&n->shape, &n->arguments[i]->shape, &joined)) {
            /* The earlier argument that clashes, not the shape that was reached so far, is what the
             * user wrote. */
            int other = first;
            while (other < i - 1 && op_shape_broadcast(&n->arguments[other]->shape,
                                                       &n->arguments[i]->shape, &joined))
                other++;
            return op_fail(b, STATUS_SHAPE,
                           "%s: the shapes of %s and %s do not agree; aligned at the end, "
                           "dimensions must be equal or 1",
                           infer_name(n), op_describe(b, n->arguments[other]),
                           op_describe(b, n->arguments[i]));
        }
        n->shape = joined;
    }
    return true;
}

bool infer_one_dtype(op_builder *b, const op_node *n, int first) {
    for (int i = first + 1; i < n->count; i++)
        if (n->arguments[i]->dtype != n->arguments[first]->dtype)
            return op_fail(b, STATUS_SHAPE, "%s: the dtypes of %s and %s differ; cast one of them",
                           infer_name(n), op_describe(b, n->arguments[first]),
                           op_describe(b, n->arguments[i]));
    return true;
}

bool infer_is_float(op_builder *b, const op_node *n, int i) {
    if (dtype_is_float((dtype)n->arguments[i]->dtype))
        return true;
    return op_fail(b, STATUS_SHAPE, "%s: needs f32 or f64, got %s; cast it first", infer_name(n),
                   op_describe(b, n->arguments[i]));
}

bool infer_is_number(op_builder *b, const op_node *n, int i) {
    if (n->arguments[i]->dtype != DTYPE_BOOL)
        return true;
    return op_fail(b, STATUS_SHAPE, "%s: needs numbers, got %s; cast it to f32, f64 or i32 first",
                   infer_name(n), op_describe(b, n->arguments[i]));
}

bool infer_is_bool(op_builder *b, const op_node *n, int i) {
    if (n->arguments[i]->dtype == DTYPE_BOOL)
        return true;
    return op_fail(b, STATUS_SHAPE,
                   "%s: needs bool, got %s; compare it with something (ne with 0) or cast it first",
                   infer_name(n), op_describe(b, n->arguments[i]));
}

bool infer_is_integer(op_builder *b, const op_node *n, int i, const char *what) {
    if (n->arguments[i]->dtype == DTYPE_I32)
        return true;
    return op_fail(b, STATUS_SHAPE, "%s: %s must be i32, got %s; cast it first", infer_name(n),
                   what, op_describe(b, n->arguments[i]));
}

bool infer_is_scalar(op_builder *b, const op_node *n, int i, const char *what) {
    if (n->arguments[i]->shape.rank == 0)
        return true;
    return op_fail(b, STATUS_SHAPE, "%s: %s must have shape [], got %s", infer_name(n), what,
                   op_describe(b, n->arguments[i]));
}

bool infer_axis(op_builder *b, const op_node *n, int axis) {
    if (axis >= 0 && axis < LIMIT_AXES && b->axis_name(b, axis))
        return true;
    return op_fail(b, STATUS_ARGUMENT, "%s: there is no axis number %d; declare the axis first",
                   infer_name(n), axis);
}

bool infer_axes(op_builder *b, const op_node *n, uint32_t axes) {
    for (int axis = 0; axis < LIMIT_AXES; axis++)
        if (axes >> axis & 1 && !infer_axis(b, n, axis))
            return false;
    return true;
}

bool infer_shape(op_builder *b, const op_node *n, const op_shape *shape) {
    if (shape->rank < 0 || shape->rank > LIMIT_RANK)
        return op_fail(b, STATUS_SHAPE, "%s: a shape of %d dimensions; there may be 0 to %d",
                       infer_name(n), (int)shape->rank, (int)LIMIT_RANK);
    op_shape numbers = *shape;
    for (int i = 0; i < shape->rank; i++) {
        int64_t dimension = shape->dimension[i];
        if (dimension < 0) {
            if (dimension < OP_EXTENT_OF(LIMIT_AXES - 1))
                return op_fail(b, STATUS_SHAPE, "%s: dimension %d is %lld; it must be at least 1",
                               infer_name(n), i, (long long)dimension);
            if (!infer_axis(b, n, (int)(-1 - dimension)))
                return false;
            numbers.dimension[i] = 1;
        } else if (dimension == 0) {
            return op_fail(b, STATUS_SHAPE,
                           "%s: dimension %d of shape %s is 0; it must be at least 1",
                           infer_name(n), i, op_describe_shape(b, shape));
        }
    }
    if (op_shape_elements(&numbers) < 0)
        return op_fail(b, STATUS_SIZE, "%s: shape %s has more elements than 64 bits can count",
                       infer_name(n), op_describe_shape(b, shape));
    return true;
}

bool infer_dimension(op_builder *b, const op_node *n, const op_node *x, int dimension) {
    if (dimension >= 0 && dimension < x->shape.rank)
        return true;
    return op_fail(b, STATUS_SHAPE, "%s: %s has no dimension %d", infer_name(n), op_describe(b, x),
                   dimension);
}

bool infer_fixed(op_builder *b, const op_node *n, const op_node *x, int dimension) {
    if (!infer_dimension(b, n, x, dimension))
        return false;
    if (x->shape.dimension[dimension] >= 0)
        return true;
    return op_fail(b, STATUS_SHAPE,
                   "%s: dimension %d of %s is the extent of an axis, known only when the program "
                   "runs; declare the axis with a fixed extent or work along the axis itself",
                   infer_name(n), dimension, op_describe(b, x));
}

bool infer_over(op_builder *b, const op_node *n, uint32_t domain) {
    uint32_t over = n->attributes.over;
    if ((over & ~domain) == 0)
        return true;
    return op_fail(b, STATUS_SHAPE,
                   "%s: sums over %s but its arguments vary over %s only; expand them first",
                   infer_name(n), op_describe_domain(b, over), op_describe_domain(b, domain));
}

bool infer_init(op_builder *b, const op_node *n, int i) {
    const op_node *init = n->arguments[i];
    op_shape joined;
    if (init->dtype != n->dtype)
        return op_fail(b, STATUS_SHAPE, "%s: init is %s but the value is %s; cast one of them",
                       infer_name(n), op_describe(b, init), op_describe(b, n));
    if (!op_shape_broadcast(&init->shape, &n->shape, &joined) ||
        !op_shape_equal(&joined, &n->shape))
        return op_fail(b, STATUS_SHAPE, "%s: init %s does not stretch to the value's shape %s",
                       infer_name(n), op_describe(b, init), op_describe_shape(b, &n->shape));
    return true;
}

bool infer_lengths(op_builder *b, const op_node *n, int i, uint32_t domain) {
    if (!infer_is_integer(b, n, i, "the lengths") || !infer_is_scalar(b, n, i, "the lengths"))
        return false;
    const op_node *lengths = n->arguments[i];
    if ((lengths->domain & ~domain) == 0 && !(lengths->domain >> n->attributes.axis & 1))
        return true;
    return op_fail(
        b, STATUS_SHAPE,
        "%s: the lengths of axis %s are %s; they may vary over the other axes of %s only",
        infer_name(n), b->axis_name(b, n->attributes.axis), op_describe(b, lengths),
        op_describe_domain(b, domain));
}
