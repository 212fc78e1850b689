/* Shapes: feature dimensions of values, how they stretch, and how messages write them.
 *
 * A dimension is a number or, after `stack`, the extent of an axis, which is known only when the
 * program runs. The one safe rule for such a dimension is that it equals itself (and stretches a
 * 1), so that is all that is allowed. */
#include <assert.h>
#include <string.h>

#include "core/size.h"
#include "core/text.h"
#include "ops/op.h"

op_shape op_shape_make(int rank, const int64_t *dimensions) {
    op_shape s;
    assert(rank >= 0 && rank <= LIMIT_RANK);
    memset(&s, 0, sizeof s);
    s.rank = rank;
    for (int i = 0; i < rank; i++)
        s.dimension[i] = dimensions[i];
    return s;
}

bool op_shape_equal(const op_shape *a, const op_shape *b) {
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dimension[i] != b->dimension[i])
            return false;
    return true;
}

bool op_shape_broadcast(const op_shape *a, const op_shape *b, op_shape *out) {
    int rank = a->rank > b->rank ? a->rank : b->rank;
    int64_t dimensions[LIMIT_RANK];
    for (int i = 0; i < rank; i++) {
        int from_a = i - (rank - a->rank), from_b = i - (rank - b->rank);
        int64_t x = from_a < 0 ? 1 : a->dimension[from_a];
        int64_t y = from_b < 0 ? 1 : b->dimension[from_b];
        if (x != y && x != 1 && y != 1)
            return false;
        dimensions[i] = x == 1 ? y : x;
    }
    *out = op_shape_make(rank, dimensions);
    return true;
}

int64_t op_shape_elements(const op_shape *s) {
    int64_t elements = 1;
    for (int i = 0; i < s->rank; i++)
        if (s->dimension[i] < 0 || !size_multiply_signed(elements, s->dimension[i], &elements))
            return -1;
    return elements;
}

static void describe_shape(op_builder *b, text *out, const op_shape *s) {
    text_add(out, "[");
    for (int i = 0; i < s->rank; i++) {
        if (i)
            text_add(out, ", ");
        if (s->dimension[i] >= 0) {
            text_add(out, "%lld", (long long)s->dimension[i]);
        } else {
            const char *name = b->axis_name(b, (int)(-1 - s->dimension[i]));
            text_add(out, "%s", name ? name : "?");
        }
    }
    text_add(out, "]");
}

/* Axes in the order of memory: time axes, then batch axes. */
static void describe_domain(op_builder *b, text *out, uint32_t domain) {
    const char *separator = "";
    text_add(out, "{");
    for (int batch = 0; batch < 2; batch++)
        for (int axis = 0; axis < LIMIT_AXES; axis++) {
            if (!(domain >> axis & 1))
                continue;
            const char *name = b->axis_name(b, axis);
            /* An axis that does not exist can only stand in the message that says so. */
            if (name ? b->axis_is_batch(b, axis) != (batch == 1) : batch == 0)
                continue;
            text_add(out, "%s%s", separator, name ? name : "?");
            separator = ",";
        }
    text_add(out, "}");
}

const char *op_describe(op_builder *b, const op_node *n) {
    text out;
    text_init(&out, b->memory);
    text_add(&out, "%s ", dtype_name((dtype)n->dtype));
    describe_domain(b, &out, n->domain);
    text_add(&out, " ");
    describe_shape(b, &out, &n->shape);
    return out.at;
}

const char *op_describe_shape(op_builder *b, const op_shape *s) {
    text out;
    text_init(&out, b->memory);
    describe_shape(b, &out, s);
    return out.at;
}

const char *op_describe_domain(op_builder *b, uint32_t domain) {
    text out;
    text_init(&out, b->memory);
    describe_domain(b, &out, domain);
    return out.at;
}

bool op_fail(op_builder *b, status code, const char *format, ...) {
    va_list list;
    va_start(list, format);
    error_set_list(b->problem, code, b->where, format, list);
    va_end(list);
    return false;
}
