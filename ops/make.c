/* Making nodes in words: leaves, element-wise ops, feature dimensions. make_time.c has the loop
 * axes.
 *
 * Every function is one node or the composition that the semantics asks for; sharing and folding
 * happen inside builder->make. A mistake yields NULL, NULL yields NULL, so nothing here tests
 * results except where it looks inside. */
#include <math.h>
#include <string.h>

#include "ops/make.h"

static op_node *make0(op_builder *b, op_id op, const op_attributes *a) {
    return b->make(b, op, NULL, 0, a);
}

static op_node *make1(op_builder *b, op_id op, op_node *x, const op_attributes *a) {
    return b->make(b, op, &x, 1, a);
}

/* Member by member: a structure assignment may bring in padding that is not zero, and attributes
 * compare as bytes. */
static void put_shape(op_attributes *a, const op_shape *shape) {
    a->shape.rank = shape->rank;
    for (int i = 0; i < shape->rank && i < LIMIT_RANK; i++)
        a->shape.dimension[i] = shape->dimension[i];
}

/* ---- leaves */

/* One number in the representation of dtype t; the number of its bytes. */
static size_t encode(dtype t, double value, void *to) {
    float f32 = (float)value;
    int32_t i32 = value >= INT32_MIN && value <= INT32_MAX ? (int32_t)value : 0;
    uint8_t boolean = value != 0;
    const void *from[DTYPE_COUNT] = {&f32, &value, &i32, &boolean};
    memcpy(to, from[t], dtype_size(t));
    return dtype_size(t);
}

op_node *make_number(op_builder *b, dtype t, double value) {
    op_attributes a;
    unsigned char bytes[sizeof(double)];
    if (t == DTYPE_I32 && !(value >= INT32_MIN && value <= INT32_MAX && value == floor(value))) {
        op_fail(b, STATUS_ARGUMENT,
                "constant: %g is not an i32; cast the other value to f32 or f64", value);
        return NULL;
    }
    op_attributes_init(&a);
    a.dtype = (int32_t)t;
    a.bytes = (int64_t)encode(t, value, bytes);
    a.data = b->intern_bytes(b, bytes, (size_t)a.bytes);
    return make0(b, OP_CONSTANT, &a);
}

op_node *make_like(op_builder *b, const op_node *x, double value) {
    return x ? make_number(b, (dtype)x->dtype, value) : NULL;
}

op_node *make_constant(op_builder *b, dtype t, const op_shape *shape, const void *data) {
    op_attributes a;
    size_t size = dtype_size(t);
    int64_t elements = op_shape_elements(shape);
    if (elements < 0 || elements > LIMIT_CONSTANTS / (int64_t)size) {
        op_fail(b, STATUS_SIZE, "constant: shape %s of %s is larger than %d bytes",
                op_describe_shape(b, shape), dtype_name(t), (int)LIMIT_CONSTANTS);
        return NULL;
    }
    const unsigned char *bytes = data;
    bool equal = elements > 0;
    for (int64_t i = 0; i < elements; i++) {
        if (t == DTYPE_BOOL && bytes[i] > 1) {
            op_fail(b, STATUS_ARGUMENT, "constant: element %lld of a bool tensor is %d, not 0 or 1",
                    (long long)i, bytes[i]);
            return NULL;
        }
        equal = equal && memcmp(bytes, bytes + (size_t)i * size, size) == 0;
    }
    op_attributes_init(&a);
    a.dtype = (int32_t)t;
    put_shape(&a, shape);
    a.bytes = equal ? (int64_t)size : elements * (int64_t)size;
    a.data = b->intern_bytes(b, data, (size_t)a.bytes);
    return make0(b, OP_CONSTANT, &a);
}

op_node *make_zero(op_builder *b, const op_node *x) {
    if (!x)
        return NULL;
    return make_expand(b, make_broadcast(b, make_like(b, x, 0), &x->shape), x->domain);
}

static op_node *declared(op_builder *b, op_id op, const char *name, uint64_t stream, dtype t,
                         uint32_t domain, const op_shape *shape) {
    op_attributes a;
    op_attributes_init(&a);
    a.text = name ? b->intern_text(b, name) : NULL;
    a.stream = stream;
    a.dtype = (int32_t)t;
    a.domain = domain;
    put_shape(&a, shape);
    return make0(b, op, &a);
}

op_node *make_input(op_builder *b, const char *name, dtype t, uint32_t domain,
                    const op_shape *shape) {
    return declared(b, OP_INPUT, name, 0, t, domain, shape);
}

op_node *make_param(op_builder *b, const char *name, dtype t, uint32_t domain,
                    const op_shape *shape) {
    return declared(b, OP_PARAM, name, 0, t, domain, shape);
}

op_node *make_cotangent(op_builder *b, const op_node *y) {
    if (!y)
        return NULL;
    return declared(b, OP_COTANGENT, NULL, b->new_stream(b), (dtype)y->dtype, y->domain, &y->shape);
}

/* ---- element-wise */

op_node *make_unary(op_builder *b, op_id op, op_node *x) {
    op_attributes a;
    op_attributes_init(&a);
    return make1(b, op, x, &a);
}

op_node *make_binary(op_builder *b, op_id op, op_node *x, op_node *y) {
    op_attributes a;
    op_node *arguments[2] = {x, y};
    op_attributes_init(&a);
    return b->make(b, op, arguments, 2, &a);
}

op_node *make_neg(op_builder *b, op_node *x) {
    return make_unary(b, OP_NEG, x);
}

op_node *make_add(op_builder *b, op_node *x, op_node *y) {
    return make_binary(b, OP_ADD, x, y);
}

op_node *make_sub(op_builder *b, op_node *x, op_node *y) {
    return make_binary(b, OP_SUB, x, y);
}

op_node *make_mul(op_builder *b, op_node *x, op_node *y) {
    return make_binary(b, OP_MUL, x, y);
}

op_node *make_div(op_builder *b, op_node *x, op_node *y) {
    return make_binary(b, OP_DIV, x, y);
}

op_node *make_select(op_builder *b, op_node *condition, op_node *x, op_node *y) {
    op_attributes a;
    op_node *arguments[3] = {condition, x, y};
    op_attributes_init(&a);
    return b->make(b, OP_SELECT, arguments, 3, &a);
}

op_node *make_cast(op_builder *b, op_node *x, dtype to) {
    op_attributes a;
    op_attributes_init(&a);
    a.kind = (int32_t)to;
    return make1(b, OP_CAST, x, &a);
}

op_node *make_keep(op_builder *b, op_node *x) {
    return make_unary(b, OP_KEEP, x);
}

op_node *make_random(op_builder *b, dtype t, const op_shape *shape, op_node *seed,
                     op_node *const *indices, int n, uint64_t stream) {
    op_attributes a;
    op_node *arguments[LIMIT_ARGUMENTS];
    if (n < 0 || n >= LIMIT_ARGUMENTS) {
        op_fail(b, STATUS_ARGUMENT, "random: %d indices; there may be at most %d", n,
                (int)LIMIT_ARGUMENTS - 1);
        return NULL;
    }
    op_attributes_init(&a);
    a.dtype = (int32_t)t;
    a.stream = stream;
    put_shape(&a, shape);
    arguments[0] = seed;
    for (int i = 0; i < n; i++)
        arguments[1 + i] = indices[i];
    return b->make(b, OP_RANDOM, arguments, 1 + n, &a);
}

op_node *make_custom(op_builder *b, const char *name, op_node *y, op_node *const *xs,
                     op_node *const *gxs, int n, op_node *cotangent) {
    op_attributes a;
    op_node *arguments[LIMIT_ARGUMENTS];
    int count = 0;
    if (n < 0 || 2 + 2 * n > LIMIT_ARGUMENTS) {
        op_fail(b, STATUS_ARGUMENT, "custom: %d differentiable arguments; there may be at most %d",
                n, (int)LIMIT_ARGUMENTS / 2 - 1);
        return NULL;
    }
    op_attributes_init(&a);
    a.text = name ? b->intern_text(b, name) : NULL;
    a.xs = n;
    arguments[count++] = y;
    for (int i = 0; i < n; i++)
        arguments[count++] = xs[i];
    for (int i = 0; i < n; i++)
        arguments[count++] = gxs[i];
    if (n > 0)
        arguments[count++] = cotangent;
    return b->make(b, OP_CUSTOM, arguments, count, &a);
}

op_node *make_stop(op_builder *b, op_node *y) {
    return make_custom(b, "stop", y, NULL, NULL, 0, NULL);
}

op_node *make_gradient(op_builder *b, op_node *loss, op_node *wrt) {
    op_attributes a;
    op_node *arguments[] = {loss, wrt};
    op_attributes_init(&a);
    return b->make(b, OP_GRADIENT, arguments, 2, &a);
}

/* ---- feature dimensions */

static op_node *part(op_builder *b, op_id op, op_node *x, int dimension, int64_t low,
                     int64_t size) {
    op_attributes a;
    op_attributes_init(&a);
    a.dimension = dimension;
    a.low = low;
    a.size = size;
    return make1(b, op, x, &a);
}

op_node *make_slice(op_builder *b, op_node *x, int dimension, int64_t low, int64_t size) {
    return part(b, OP_SLICE, x, dimension, low, size);
}

op_node *make_pad(op_builder *b, op_node *x, int dimension, int64_t low, int64_t size) {
    return part(b, OP_PAD, x, dimension, low, size);
}

op_node *make_concat(op_builder *b, op_node *const *xs, int n, int dimension) {
    op_attributes a;
    if (n < 1 || n > LIMIT_ARGUMENTS) {
        op_fail(b, STATUS_ARGUMENT, "concat: %d values; there must be 1 to %d", n,
                (int)LIMIT_ARGUMENTS);
        return NULL;
    }
    op_attributes_init(&a);
    a.dimension = dimension;
    return b->make(b, OP_CONCAT, xs, n, &a);
}

static op_node *shaped(op_builder *b, op_id op, op_node *x, const op_shape *shape) {
    op_attributes a;
    op_attributes_init(&a);
    put_shape(&a, shape);
    return make1(b, op, x, &a);
}

op_node *make_reshape(op_builder *b, op_node *x, const op_shape *shape) {
    return shaped(b, OP_RESHAPE, x, shape);
}

op_node *make_transpose(op_builder *b, op_node *x, const int8_t *permutation) {
    op_attributes a;
    op_attributes_init(&a);
    for (int i = 0; x && i < x->shape.rank; i++)
        a.permutation[i] = permutation[i];
    return make1(b, OP_TRANSPOSE, x, &a);
}

op_node *make_broadcast(op_builder *b, op_node *x, const op_shape *shape) {
    if (x && op_shape_equal(&x->shape, shape))
        return x;
    return shaped(b, OP_BROADCAST, x, shape);
}

op_node *make_reduce(op_builder *b, op_node *x, int dimension, op_kind kind) {
    op_attributes a;
    op_attributes_init(&a);
    a.dimension = dimension;
    a.kind = (int32_t)kind;
    return make1(b, OP_REDUCE, x, &a);
}

op_node *make_gather(op_builder *b, op_node *x, op_node *i) {
    return make_binary(b, OP_GATHER, x, i);
}

op_node *make_onehot(op_builder *b, op_node *i, int64_t size, dtype t) {
    op_shape shape = op_shape_make(1, &size);
    if (size < 1 || size > LIMIT_CONSTANTS / (int64_t)sizeof(int32_t)) {
        op_fail(b, STATUS_SIZE, "onehot: size %lld; it must be 1 to %d", (long long)size,
                LIMIT_CONSTANTS / (int)sizeof(int32_t));
        return NULL;
    }
    int32_t *places = arena_array(b->memory, int32_t, size);
    for (int64_t v = 0; v < size; v++)
        places[v] = (int32_t)v;
    op_node *hit = make_binary(b, OP_EQ, i, make_constant(b, DTYPE_I32, &shape, places));
    return make_cast(b, hit, t);
}

op_node *make_softmax(op_builder *b, op_node *x, int dimension) {
    /* The shift changes no value, so no gradient need pass through the maximum. */
    op_node *top = make_stop(b, make_reduce(b, x, dimension, OP_KIND_MAX));
    op_node *e = make_unary(b, OP_EXP, make_sub(b, x, top));
    return make_div(b, e, make_reduce(b, e, dimension, OP_KIND_SUM));
}

op_node *make_log_softmax(op_builder *b, op_node *x, int dimension) {
    return make_sub(b, x, make_reduce(b, x, dimension, OP_KIND_LSE));
}
