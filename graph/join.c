/* Pass: a sum of values that were padded to disjoint places is those values side by side.
 *
 * The adjoint of a slice is a pad, so a value that is read in slices - the gates of a cell, once
 * they are one contract - collects a sum of pads. As a concat it costs no additions, and the
 * contracts behind it see one operand. Only the sign of zeros changes: -0 + 0 is +0. Places that no
 * pad covers are 0.
 *
 * A chain of additions is looked at as a whole from each of its links, the last of which is what
 * anybody reads; what the others have made is dropped with the next copy. */
#include "graph/graph.h"

typedef struct join_part {
    op_node *value; /* of the old graph */
    int64_t low, end;
} join_part;

/* Enters a pad in order of places; false if it is none or overlaps. */
static bool join_enter(const op_node *pad, const op_node *first, join_part *parts, int *count) {
    if (pad->op != OP_PAD || *count == LIMIT_ARGUMENTS / 2 ||
        pad->attributes.dimension != first->attributes.dimension ||
        !op_shape_equal(&pad->shape, &first->shape))
        return false;
    int64_t low = pad->attributes.low;
    int64_t end = low + pad->arguments[0]->shape.dimension[pad->attributes.dimension];
    int at = *count;
    for (; at > 0 && parts[at - 1].low > low; at--)
        parts[at] = parts[at - 1];
    parts[at] = (join_part){pad->arguments[0], low, end};
    ++*count;
    return (at == 0 || parts[at - 1].end <= low) && (at + 1 == *count || parts[at + 1].low >= end);
}

/* The pads that n adds up, by place; 0: n is no such sum. *dimension: along which. */
static int join_find(const op_node *n, join_part parts[], int *dimension) {
    const op_node *stack[LIMIT_ARGUMENTS], *first = NULL;
    int depth = 0, count = 0;
    stack[depth++] = n;
    while (depth > 0) {
        const op_node *top = stack[--depth];
        if (top->op == OP_ADD && op_shape_equal(&top->shape, &n->shape)) {
            if (depth + 2 > LIMIT_ARGUMENTS)
                return 0;
            stack[depth++] = top->arguments[1];
            stack[depth++] = top->arguments[0];
            continue;
        }
        first = first ? first : top;
        if (!join_enter(top, first, parts, &count))
            return 0;
    }
    *dimension = first->attributes.dimension;
    return count;
}

static op_node *join_rule(rewrite *r, const op_node *n) {
    op_builder *b = &r->to->builder;
    join_part parts[LIMIT_ARGUMENTS / 2];
    op_node *list[LIMIT_ARGUMENTS + 1];
    int dimension = 0, count = 0;
    int found = n->op == OP_ADD ? join_find(n, parts, &dimension) : 0;
    if (found == 0)
        return NULL;
    op_shape gap = n->shape;
    int64_t at = 0;
    for (int i = 0; i <= found; i++) {
        int64_t low = i < found ? parts[i].low : n->shape.dimension[dimension];
        if (low > at) {
            gap.dimension[dimension] = low - at;
            op_node *zero = make_broadcast(b, make_number(b, (dtype)n->dtype, 0), &gap);
            list[count++] = zero;
        }
        if (i < found) {
            list[count++] = r->map[parts[i].value->id];
            at = parts[i].end;
        }
    }
    op_node *made = make_concat(b, list, count, dimension);
    return made ? make_expand(b, made, n->domain & ~made->domain) : NULL;
}

void join_graph(const graph *from, graph *to) {
    rewrite_graph(from, to, join_rule, NULL);
}
