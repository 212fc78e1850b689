/* The table behind printer and parser.
 *
 * A type is printed for every node, and for some ops it repeats what an attribute says: the shape
 * of a broadcast, all of an input. Those attributes are implied: left out when they agree with the
 * type (they always do in a checked graph) and printed when they do not, so that a text never hides
 * anything. */
#include "graph/language.h"

#include <assert.h>

static const char *const names[LANGUAGE_FIELD_COUNT] = {[LANGUAGE_TEXT] = "spec",
                                                        [LANGUAGE_DATA] = "data",
                                                        [LANGUAGE_AXIS] = "axis",
                                                        [LANGUAGE_DISTANCE] = "distance",
                                                        [LANGUAGE_DIMENSION] = "dimension",
                                                        [LANGUAGE_KIND] = "kind",
                                                        [LANGUAGE_OVER] = "over",
                                                        [LANGUAGE_OUTERMOST] = "outermost",
                                                        [LANGUAGE_REVERSE] = "reverse",
                                                        [LANGUAGE_RESUMES] = "resumes",
                                                        [LANGUAGE_XS] = "xs",
                                                        [LANGUAGE_LOW] = "low",
                                                        [LANGUAGE_SIZE] = "size",
                                                        [LANGUAGE_STREAM] = "stream",
                                                        [LANGUAGE_SHAPE] = "shape",
                                                        [LANGUAGE_DOMAIN] = "domain",
                                                        [LANGUAGE_DTYPE] = "dtype",
                                                        [LANGUAGE_PERMUTATION] = "permutation"};

enum {
    field_text = 1 << LANGUAGE_TEXT,
    field_data = 1 << LANGUAGE_DATA,
    field_axis = 1 << LANGUAGE_AXIS,
    field_distance = 1 << LANGUAGE_DISTANCE,
    field_dimension = 1 << LANGUAGE_DIMENSION,
    field_kind = 1 << LANGUAGE_KIND,
    field_over = 1 << LANGUAGE_OVER,
    field_order = 1 << LANGUAGE_OUTERMOST | 1 << LANGUAGE_REVERSE,
    field_xs = 1 << LANGUAGE_XS,
    field_range = 1 << LANGUAGE_LOW | 1 << LANGUAGE_SIZE,
    field_size = 1 << LANGUAGE_SIZE,
    field_stream = 1 << LANGUAGE_STREAM,
    field_shape = 1 << LANGUAGE_SHAPE,
    field_domain = 1 << LANGUAGE_DOMAIN,
    field_dtype = 1 << LANGUAGE_DTYPE,
    field_permutation = 1 << LANGUAGE_PERMUTATION
};

const char *language_field_name(language_field field) {
    assert((unsigned)field < LANGUAGE_FIELD_COUNT);
    return names[field];
}

uint32_t language_implied(op_id op) {
    switch (op) {
    case OP_INPUT:
    case OP_PARAM:
    case OP_COTANGENT:
    case OP_DELAY:
        return field_dtype | field_domain | field_shape;
    case OP_CONSTANT:
    case OP_RANDOM:
        return field_dtype | field_shape;
    case OP_BROADCAST:
    case OP_RESHAPE:
        return field_shape;
    case OP_CAST:
        return field_kind;
    default:
        return 0;
    }
}

uint32_t language_fields(op_id op) {
    uint32_t implied = language_implied(op);
    switch (op) {
    case OP_INPUT:
    case OP_PARAM:
        return implied | field_text;
    case OP_CONSTANT:
        return implied | field_data;
    case OP_STEP:
    case OP_EXTENT:
    case OP_STACK:
    case OP_AT:
        return field_axis;
    case OP_COTANGENT:
    case OP_RANDOM:
        return implied | field_stream;
    case OP_CUSTOM:
        return field_text | field_xs;
    case OP_SLICE:
    case OP_PAD:
        return field_dimension | field_range;
    case OP_CONCAT:
        return field_dimension;
    case OP_TRANSPOSE:
        return field_permutation;
    case OP_EXPAND:
        return field_over;
    case OP_SPREAD:
        return field_axis | field_dimension;
    case OP_REDUCE:
        return field_dimension | field_kind;
    case OP_TOTAL:
        return field_over | field_kind | field_order;
    case OP_CONTRACT:
        return field_text | field_over | field_order;
    case OP_SCATTER:
        return field_over | field_size | field_order;
    case OP_PUT:
        return field_axis | field_over | field_order;
    case OP_DELAY:
        return implied | field_axis | field_distance;
    default:
        return implied;
    }
}

void language_from_type(op_id op, uint32_t fields, dtype t, uint32_t domain, const op_shape *shape,
                        op_attributes *a) {
    if (fields & field_kind) {
        assert(op == OP_CAST);
        a->kind = (int32_t)t;
    }
    if (fields & field_dtype)
        a->dtype = (int32_t)t;
    if (fields & field_domain)
        a->domain = domain;
    if (fields & field_shape)
        a->shape = *shape;
}
