/* Pass: a step on [x, h] is a step on x and a step on h.
 *
 * W [x, h] inside a loop multiplies x by its half of W once per step, although x is known before
 * the loop begins. Split at the border between what the loop makes and what it is given, the half
 * of x is a contract over all steps at once. The sum over [x, h] becomes two sums that are added:
 * this rounds otherwise, and the pass says so. A concat whose parts are all made in the loop, or
 * all outside of it, stays whole. */
#include "graph/stage.h"

typedef struct simplify_work {
    const uint32_t *stages;
    const bool *pinned;
} simplify_work;

/* Which operand of the contract n is a concat along a dimension that is summed, with parts from
 * inside and outside n's loop; -1: none. *dimension: of the other operand, where the letter is. */
static int simplify_operand(const simplify_work *w, const op_node *n, int *dimension) {
    op_contract c;
    const char *why;
    if (n->op != OP_CONTRACT || w->stages[n->id] == 0 ||
        !op_contract_parse(n->attributes.text, &c, &why))
        return -1;
    for (int side = 0; side < 2; side++) {
        const op_node *x = n->arguments[side], *other = n->arguments[!side];
        const int8_t *own = side == 0 ? c.a : c.b, *theirs = side == 0 ? c.b : c.a;
        int theirs_rank = side == 0 ? c.rank_b : c.rank_a;
        if (x->op != OP_CONCAT || w->pinned[x->id] || w->pinned[other->id])
            continue;
        bool inside = false, outside = false, reduced = false;
        int8_t letter = own[x->attributes.dimension];
        for (int i = 0; i < x->count; i++)
            *(w->stages[x->arguments[i]->id] == w->stages[n->id] ? &inside : &outside) = true;
        for (int i = 0; i < c.reduced_count; i++)
            reduced = reduced || c.reduced[i] == letter;
        for (int d = 0; d < theirs_rank; d++)
            if (theirs[d] == letter)
                *dimension = d;
        if (inside && outside && reduced)
            return side;
    }
    return -1;
}

static op_node *simplify_split(rewrite *r, const op_node *n) {
    const simplify_work *w = (const simplify_work *)r->user;
    op_builder *b = &r->to->builder;
    int dimension = 0, side = simplify_operand(w, n, &dimension);
    if (side < 0)
        return NULL;
    const op_node *concat = n->arguments[side];
    int along = concat->attributes.dimension;
    op_node *other = r->map[n->arguments[!side]->id], *sum = NULL;
    int64_t low = 0;
    for (int i = 0; i < concat->count;) {
        bool inside = w->stages[concat->arguments[i]->id] == w->stages[n->id];
        op_node *parts[LIMIT_ARGUMENTS], *operands[2];
        int count = 0;
        int64_t size = 0;
        for (; i < concat->count &&
               (w->stages[concat->arguments[i]->id] == w->stages[n->id]) == inside;
             i++) {
            parts[count++] = r->map[concat->arguments[i]->id];
            size += concat->arguments[i]->shape.dimension[along];
        }
        operands[side] = make_concat(b, parts, count, along);
        operands[!side] = make_slice(b, other, dimension, low, size);
        op_node *part = b->make(b, OP_CONTRACT, operands, 2, &n->attributes);
        sum = sum ? make_add(b, sum, part) : part;
        low += size;
    }
    return sum ? make_expand(b, sum, n->domain & ~sum->domain) : NULL;
}

void simplify_graph(const graph *from, graph *to) {
    simplify_work w = {.stages = stage_all(from, to->memory, to->problem),
                       .pinned = stage_pinned(from, to->memory)};
    if (w.stages)
        rewrite_graph(from, to, simplify_split, &w);
}
