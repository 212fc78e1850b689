/* custom(y, xs, gxs, cotangent): y with an adjoint of the user's own.
 *
 * The user writes the contributions gxs in terms of a leaf, `cotangent`, that stands for dy; the
 * adjoint is a copy of each in which dy takes the leaf's place. So surrogate gradients,
 * straight-through, stop and implicit differentiation are one op, and gradients of such gradients
 * work because the gxs are ordinary values. Only argument 0 takes part in computing. */
#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"

static bool custom_infer(op_builder *b, op_node *n) {
    const op_node *y = n->arguments[0];
    int xs = n->attributes.xs;
    if (xs < 0 || n->count != (xs ? 2 + 2 * xs : 1))
        return op_fail(b, STATUS_ARGUMENT,
                       "custom: %d arguments do not fit to %d differentiable ones (y, each x, each "
                       "gradient, the cotangent)",
                       n->count, xs);
    n->dtype = y->dtype;
    n->domain = y->domain;
    n->shape = y->shape;
    if (xs == 0)
        return true;
    const op_node *cotangent = n->arguments[n->count - 1];
    if (cotangent->op != OP_COTANGENT || cotangent->dtype != y->dtype ||
        cotangent->domain != y->domain || !op_shape_equal(&cotangent->shape, &y->shape))
        return op_fail(b, STATUS_SHAPE,
                       "custom: the cotangent %s does not belong to y %s; make it for this y",
                       op_describe(b, cotangent), op_describe(b, y));
    for (int i = 0; i < xs; i++) {
        const op_node *x = n->arguments[1 + i], *gx = n->arguments[1 + xs + i];
        if (gx->dtype != x->dtype || !dtype_is_float((dtype)x->dtype))
            return op_fail(b, STATUS_SHAPE,
                           "custom: the gradient %s of argument %s must have its dtype, a float",
                           op_describe(b, gx), op_describe(b, x));
    }
    return true;
}

static body_ref custom_body(body *b, const op_node *n, const body_ref *arguments,
                            body_ref element) {
    (void)b, (void)n, (void)element;
    return arguments[0];
}

static void custom_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    int xs = n->attributes.xs;
    for (int i = 0; i < xs; i++)
        out[1 + i] = b->substitute(b, n->arguments[1 + xs + i], n->arguments[n->count - 1], gy);
}

const op_info op_record_CUSTOM = {
    OP_RECORD(CUSTOM),
    .infer = custom_infer,
    .body = custom_body,
    .adjoint = custom_adjoint,
    .formula = "y = y",
    .adjoint_formula = "dx[i] = gx[i] with dy in place of the cotangent",
    .about =
        "A value with an adjoint of the user's own: surrogate gradients, straight-through, "
        "stopped gradients (no x at all), implicit differentiation.",
    .sample = {.low = -2, .high = 2}};
