/* Folding: identities that hold for every bit pattern, applied to a node before it is born.
 *
 * Nothing here may change a rounding, a sign of zero or a NaN: x + 0 turns -0 into +0 and 0 * x
 * hides infinities, so both stay. Nor may a fold lose an axis or a dimension: x * 1 where the 1
 * varies over t is x made to vary over t. So every replacement passes fold_fit. Chains of views are
 * peeled in loops, not by recursion: the arguments are folded already, and the one node made at the
 * end finds nothing left to peel.
 *
 * While a user builds, a fold may not lead a reader past a value that the user can name: d loss /
 * dc for c = concat(a, b) would be 0 if slice(c) had become a. Such folds wait until the graph is
 * settled, that is, for the first pass that rewrites it.
 *
 * A number that was stretched is written in one way, expand(broadcast(scalar)); `keep` and `custom`
 * are never folded. */
#include <assert.h>
#include <string.h>

#include "graph/graph.h"

/* x with the candidate's shape and domain. */
static op_node *fold_fit(op_builder *b, const op_node *candidate, op_node *x) {
    if (!x)
        return NULL;
    assert(x->dtype == candidate->dtype && (x->domain & ~candidate->domain) == 0);
    if (!op_shape_equal(&x->shape, &candidate->shape))
        x = make_broadcast(b, x, &candidate->shape);
    return x ? make_expand(b, x, candidate->domain & ~x->domain) : NULL;
}

/* The constant whose one number all elements of n are, or NULL. */
static op_node *fold_uniform(op_node *n) {
    while (n->op == OP_EXPAND || n->op == OP_BROADCAST)
        n = n->arguments[0];
    bool one = n->op == OP_CONSTANT && n->attributes.bytes == (int64_t)dtype_size((dtype)n->dtype);
    return one ? n : NULL;
}

/* Is every element of n this number, with this sign of zero? */
static bool fold_is(op_node *n, double number) {
    const op_node *constant = fold_uniform(n);
    if (!constant)
        return false;
    float f32 = (float)number;
    int32_t i32 = (int32_t)number;
    uint8_t boolean = number != 0.0;
    const void *bytes[DTYPE_COUNT] = {
        [DTYPE_F32] = &f32, [DTYPE_F64] = &number, [DTYPE_I32] = &i32, [DTYPE_BOOL] = &boolean};
    return memcmp(constant->attributes.data, bytes[n->dtype], dtype_size((dtype)n->dtype)) == 0;
}

/* ---- element-wise */

/* All arguments are numbers: the op's own body says what the result is. */
static op_node *fold_numbers(op_builder *b, const op_node *n) {
    body_value inputs[LIMIT_ARGUMENTS], result;
    body_ref refs[LIMIT_ARGUMENTS];
    body code;
    memset(inputs, 0, sizeof inputs);
    arena_mark mark = arena_here(b->memory);
    body_init(&code, b->memory);
    for (int i = 0; i < n->count; i++) {
        const op_node *constant = fold_uniform(n->arguments[i]);
        memcpy(&inputs[i], constant->attributes.data, (size_t)constant->attributes.bytes);
        refs[i] = body_input(&code, i, (body_type)constant->dtype);
    }
    body_ref element = body_constant_integer(&code, BODY_I32, 0);
    body_ref last = op_get((op_id)n->op)->body(&code, n, refs, element);
    body_value *registers = arena_array(b->memory, body_value, code.code.count);
    body_run(&code, inputs, registers);
    result = registers[last];
    arena_rewind(b->memory, mark);
    op_shape scalar = op_shape_make(0, NULL);
    return fold_fit(b, n, make_constant(b, (dtype)n->dtype, &scalar, &result));
}

static op_node *fold_select(op_builder *b, const op_node *n) {
    op_node *condition = n->arguments[0], *yes = n->arguments[1], *no = n->arguments[2];
    if (fold_is(condition, 1))
        return fold_fit(b, n, yes);
    if (fold_is(condition, 0))
        return fold_fit(b, n, no);
    /* A side that asks the same question again knows the answer: masks are put on more than once.
     */
    while (b->settled && yes->op == OP_SELECT && yes->arguments[0] == condition)
        yes = yes->arguments[1];
    while (b->settled && no->op == OP_SELECT && no->arguments[0] == condition)
        no = no->arguments[2];
    if (yes == no)
        return fold_fit(b, n, yes);
    if (yes == n->arguments[1] && no == n->arguments[2])
        return NULL;
    return fold_fit(b, n, make_select(b, condition, yes, no));
}

static op_node *fold_elementwise(op_builder *b, const op_node *n) {
    op_node *x = n->arguments[0], *y = n->count > 1 ? n->arguments[1] : NULL;
    bool numbers = n->op != OP_KEEP && n->op != OP_CUSTOM && n->op != OP_RANDOM;
    for (int i = 0; i < n->count && numbers; i++)
        numbers = fold_uniform(n->arguments[i]) != NULL;
    if (numbers)
        return fold_numbers(b, n);
    switch ((op_id)n->op) {
    case OP_ADD: /* -0 is the zero of addition; integers have one zero */
        if (fold_is(y, -0.0))
            return fold_fit(b, n, x);
        if (fold_is(x, -0.0))
            return fold_fit(b, n, y);
        return NULL;
    case OP_SUB:
        return fold_is(y, 0.0) ? fold_fit(b, n, x) : NULL;
    case OP_MUL:
        if (fold_is(y, 1))
            return fold_fit(b, n, x);
        if (fold_is(x, 1))
            return fold_fit(b, n, y);
        return NULL;
    case OP_DIV:
        return fold_is(y, 1) ? fold_fit(b, n, x) : NULL;
    case OP_NEG:
    case OP_NOT:
        return x->op == n->op && b->settled ? x->arguments[0] : NULL;
    case OP_CAST:
        return x->dtype == n->dtype ? x : NULL;
    case OP_AND:
        if (x == y || fold_is(y, 1))
            return fold_fit(b, n, x);
        if (fold_is(x, 1))
            return fold_fit(b, n, y);
        return NULL;
    case OP_OR:
        if (x == y || fold_is(y, 0))
            return fold_fit(b, n, x);
        if (fold_is(x, 0))
            return fold_fit(b, n, y);
        return NULL;
    case OP_SELECT:
        return fold_select(b, n);
    default:
        return NULL;
    }
}

/* ---- views */

/* The part of a concat that holds [*low, *low + size) whole, with *low made relative to it; NULL if
 * the range is cut. */
static op_node *fold_part(const op_node *concat, int dimension, int64_t *low, int64_t size) {
    int64_t start = 0;
    for (int i = 0; i < concat->count; i++) {
        int64_t end = start + concat->arguments[i]->shape.dimension[dimension];
        if (*low >= start && *low + size <= end) {
            *low -= start;
            return concat->arguments[i];
        }
        start = end;
    }
    return NULL;
}

static op_node *fold_slice(op_builder *b, const op_node *n) {
    int dimension = n->attributes.dimension;
    int64_t low = n->attributes.low, size = n->attributes.size;
    op_node *x = n->arguments[0], *inner = x;
    while (inner) {
        x = inner;
        inner = NULL;
        if (!b->settled || x->attributes.dimension != dimension)
            break;
        int64_t shifted = low - x->attributes.low;
        if (x->op == OP_SLICE) {
            low += x->attributes.low;
            inner = x->arguments[0];
        } else if (x->op == OP_PAD && shifted >= 0 &&
                   shifted + size <= x->arguments[0]->shape.dimension[dimension]) {
            low = shifted;
            inner = x->arguments[0];
        } else if (x->op == OP_CONCAT) {
            inner = fold_part(x, dimension, &low, size);
        }
    }
    if (low == 0 && size == x->shape.dimension[dimension])
        return fold_fit(b, n, x);
    if (x == n->arguments[0])
        return NULL;
    return fold_fit(b, n, make_slice(b, x, dimension, low, size));
}

static op_node *fold_transpose(op_builder *b, const op_node *n) {
    op_node *x = n->arguments[0];
    int8_t permutation[LIMIT_RANK] = {0};
    bool inner = b->settled && x->op == OP_TRANSPOSE, same = true;
    for (int i = 0; i < n->shape.rank; i++) {
        int8_t from = n->attributes.permutation[i];
        permutation[i] = inner ? x->attributes.permutation[from] : from;
        same = same && permutation[i] == i;
    }
    if (inner)
        x = x->arguments[0];
    if (same)
        return x;
    return inner ? make_transpose(b, x, permutation) : NULL;
}

static op_node *fold_view(op_builder *b, const op_node *n) {
    op_node *x = n->arguments[0];
    bool same = op_shape_equal(&x->shape, &n->shape);
    op_node *number = fold_uniform(x);
    if (number && (n->op == OP_SLICE || n->op == OP_RESHAPE || n->op == OP_TRANSPOSE ||
                   n->op == OP_BROADCAST)) {
        op_shape scalar = op_shape_make(0, NULL);
        number = make_constant(b, (dtype)n->dtype, &scalar, number->attributes.data);
        return n->op == OP_BROADCAST && x == number ? NULL : fold_fit(b, n, number);
    }
    switch ((op_id)n->op) {
    case OP_EXPAND:
        if (x->domain == n->domain)
            return x;
        return (b->settled || number) && x->op == OP_EXPAND
                   ? make_expand(b, x->arguments[0], n->domain & ~x->arguments[0]->domain)
                   : NULL;
    case OP_BROADCAST:
        if (same)
            return x;
        return (b->settled || number) && x->op == OP_BROADCAST
                   ? make_broadcast(b, x->arguments[0], &n->shape)
                   : NULL;
    case OP_RESHAPE:
        if (same)
            return x;
        return b->settled && x->op == OP_RESHAPE ? make_reshape(b, x->arguments[0], &n->shape)
                                                 : NULL;
    case OP_TRANSPOSE:
        return fold_transpose(b, n);
    case OP_SLICE:
        return fold_slice(b, n);
    case OP_PAD:
    case OP_CONCAT:
        return same && n->count == 1 ? x : NULL;
    default:
        return NULL;
    }
}

op_node *fold_apply(op_builder *b, const op_node *candidate) {
    switch (op_get((op_id)candidate->op)->family) {
    case OP_FAMILY_ELEMENTWISE:
        return fold_elementwise(b, candidate);
    case OP_FAMILY_VIEW:
        return fold_view(b, candidate);
    default:
        return NULL;
    }
}
