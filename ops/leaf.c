/* Leaves: values that are given, not computed. Their dtype, domain and shape are declared in their
 * attributes, but for a gradient, which has arguments and the type of what it is taken by.
 *
 * step is the absolute number of the step on an axis within this call; extent is the number of
 * steps. */
#include "ops/infer.h"
#include "ops/record.h"

static bool declared_infer(op_builder *b, op_node *n) {
    const op_attributes *a = &n->attributes;
    if (a->dtype < 0 || a->dtype >= DTYPE_COUNT)
        return op_fail(b, STATUS_ARGUMENT, "%s: there is no dtype number %d", infer_name(n),
                       (int)a->dtype);
    if (!infer_shape(b, n, &a->shape) || !infer_axes(b, n, a->domain))
        return false;
    n->dtype = (uint8_t)a->dtype;
    n->domain = a->domain;
    n->shape = a->shape;
    return true;
}

static bool named_infer(op_builder *b, op_node *n) {
    const char *name = n->attributes.text;
    if (!name || !name[0])
        return op_fail(b, STATUS_ARGUMENT, "%s: needs a name, by which it is fed", infer_name(n));
    return declared_infer(b, n);
}

const op_info op_record_INPUT = {OP_RECORD(INPUT),
                                 .infer = named_infer,
                                 .formula = "y = given with each call",
                                 .adjoint_formula = "",
                                 .about = "Data that each call of the program is given.",
                                 .sample = {.low = -2, .high = 2}};

const op_info op_record_PARAM = {
    OP_RECORD(PARAM),
    .infer = named_infer,
    .formula = "y = kept between calls",
    .adjoint_formula = "",
    .about = "A value that stays between calls: a weight, a statistic, an optimiser's moment.",
    .sample = {.low = -2, .high = 2}};

static bool constant_infer(op_builder *b, op_node *n) {
    const op_attributes *a = &n->attributes;
    if (!declared_infer(b, n))
        return false;
    int64_t elements = op_shape_elements(&n->shape), size = (int64_t)dtype_size((dtype)n->dtype);
    if (elements < 0)
        return op_fail(b, STATUS_SHAPE, "constant: shape %s is not known when compiling",
                       op_describe_shape(b, &n->shape));
    if (!a->data || (a->bytes != size && (a->bytes % size || a->bytes / size != elements)))
        return op_fail(b, STATUS_SIZE, "constant: %lld bytes of data for shape %s of %s",
                       (long long)a->bytes, op_describe_shape(b, &n->shape),
                       dtype_name((dtype)n->dtype));
    return true;
}

const op_info op_record_CONSTANT = {OP_RECORD(CONSTANT),
                                    .infer = constant_infer,
                                    .formula = "y = number",
                                    .adjoint_formula = "",
                                    .about = "A number or a tensor that is part of the program.",
                                    .sample = {.low = -2, .high = 2}};

const op_info op_record_COTANGENT = {
    OP_RECORD(COTANGENT),
    .infer = declared_infer,
    .formula = "y = the gradient of a custom value",
    .adjoint_formula = "",
    .about = "Stands for dy where a custom value's own adjoint is written; it is never computed.",
    .sample = {.low = -2, .high = 2}};

static bool gradient_infer(op_builder *b, op_node *n) {
    const op_node *wrt = n->arguments[1];
    if (!infer_is_float(b, n, 0) || !infer_is_float(b, n, 1))
        return false;
    n->dtype = wrt->dtype;
    n->domain = wrt->domain;
    n->shape = wrt->shape;
    return true;
}

const op_info op_record_GRADIENT = {
    OP_RECORD(GRADIENT),
    .infer = gradient_infer,
    .formula = "y = d(sum of loss over everything) / dx",
    .adjoint_formula = "",
    .about =
        "The gradient of a loss with respect to one value, through time. It is never computed: "
        "the pass `grad` puts the adjoint in its place.",
    .sample = {.low = -2, .high = 2}};

static bool counter_infer(op_builder *b, op_node *n) {
    if (!infer_axis(b, n, n->attributes.axis))
        return false;
    n->dtype = DTYPE_I32;
    n->domain = n->op == OP_STEP ? (uint32_t)1 << n->attributes.axis : 0;
    n->shape = op_shape_make(0, NULL);
    return true;
}

const op_info op_record_STEP = {OP_RECORD(STEP),
                                .infer = counter_infer,
                                .formula = "y = 0, 1, 2, ... along the axis",
                                .adjoint_formula = "",
                                .about = "The number of the step on an axis, as i32.",
                                .sample = {.low = 0, .high = 3}};

const op_info op_record_EXTENT = {OP_RECORD(EXTENT),
                                  .infer = counter_infer,
                                  .formula = "y = number of steps of the axis",
                                  .adjoint_formula = "",
                                  .about = "The extent of an axis in this call, as i32.",
                                  .sample = {.low = 0, .high = 3}};
