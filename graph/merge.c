/* Pass: contracts that multiply the same value become one (semantics, rules 33 and 34).
 *
 * Four gates are four products with the same h. Stacked by rows they are one product, which is what
 * an expert writes by hand: one large operand to stream, one packing of h. No sum changes: every
 * row keeps its own. What reads a gate reads a slice, which is free.
 *
 * The pass runs before gradients are taken. The adjoint of the merged contract is merged by
 * construction, the weight gradient as well as the one inside the backward loop, where masks would
 * hide from a search that the operands are equal.
 *
 * Only contracts of the same loop are merged (or of none), so nothing is pulled into a loop; and
 * the stacked operands must be made of nothing that varies over an axis. Then none of them can
 * depend on a contract that is merged, no cycle can arise, and stacking happens once per call. Nor
 * are those merged that loops of different directions read: each direction is a sweep of its own,
 * with its blocks, and threads may take one each.
 *
 * A value that a gradient is taken by stays as it is: its readers would be folded past its slice.
 */
#include <string.h>

#include "graph/stage.h"

/* Contracts that become one. */
typedef struct merge_group {
    op_contract form;
    int side;               /* which operand is stacked ... */
    int dimension, outcome; /* ... along which dimension, and where that is in the result */
    uint32_t stage;
    uint8_t readers;
    node_list members;
    size_t next;   /* group of the same shared operand, from 1; 0: none */
    op_node *made; /* in the new graph */
} merge_group;

typedef struct merge_place {
    merge_group *group; /* NULL: is not merged */
    int64_t low;        /* first row */
} merge_place;

typedef struct merge_work {
    arena *memory;
    const uint32_t *stages;
    const uint8_t *readers;
    const bool *pinned, *constant;
    VEC(merge_group) groups;
    size_t *first;       /* by number of the shared operand: its first group, from 1; 0: none */
    merge_place *places; /* by old number */
} merge_work;

/* The dimension of the operand whose letter is in the result and not in the other operand; -1:
 * none.
 */
static int merge_row(const op_contract *c, int side, int *outcome) {
    const int8_t *own = side == 0 ? c->a : c->b, *other = side == 0 ? c->b : c->a;
    int rank = side == 0 ? c->rank_a : c->rank_b, other_rank = side == 0 ? c->rank_b : c->rank_a;
    for (int d = 0; d < rank; d++) {
        bool shared = memchr(other, own[d], (size_t)other_rank) != NULL;
        const int8_t *at = memchr(c->out, own[d], (size_t)c->rank_out);
        if (shared || !at)
            continue;
        *outcome = (int)(at - c->out);
        return d;
    }
    return -1;
}

/* What group n could found; false: it cannot be merged. */
static bool merge_candidate(const merge_work *w, op_node *n, merge_group *out) {
    const char *why;
    *out = (merge_group){.stage = w->stages[n->id], .readers = w->readers[n->id]};
    if (n->op != OP_CONTRACT || w->pinned[n->id] ||
        !op_contract_parse(n->attributes.text, &out->form, &why))
        return false;
    for (out->side = 0; out->side < 2; out->side++) {
        if (!w->constant[n->arguments[out->side]->id] || w->constant[n->arguments[!out->side]->id])
            continue;
        out->dimension = merge_row(&out->form, out->side, &out->outcome);
        return out->dimension >= 0;
    }
    return false;
}

static bool merge_fits(const merge_group *g, const merge_group *candidate, const op_node *n) {
    const op_node *first = g->members.at[0];
    op_shape stacked = n->arguments[g->side]->shape;
    if (g->members.count == LIMIT_ARGUMENTS || g->side != candidate->side ||
        g->stage != candidate->stage || g->readers != candidate->readers ||
        stacked.rank != first->arguments[g->side]->shape.rank)
        return false;
    stacked.dimension[g->dimension] = first->arguments[g->side]->shape.dimension[g->dimension];
    const op_contract *a = &g->form, *b = &candidate->form;
    return n->arguments[!g->side] == first->arguments[!g->side] && n->dtype == first->dtype &&
           n->attributes.over == first->attributes.over &&
           n->attributes.outermost == first->attributes.outermost &&
           n->attributes.reverse == first->attributes.reverse &&
           op_shape_equal(&stacked, &first->arguments[g->side]->shape) && a->rank_a == b->rank_a &&
           a->rank_b == b->rank_b && a->rank_out == b->rank_out &&
           memcmp(a->a, b->a, sizeof a->a) == 0 && memcmp(a->b, b->b, sizeof a->b) == 0 &&
           memcmp(a->out, b->out, sizeof a->out) == 0;
}

static void merge_find(merge_work *w, const graph *from, const bool *needed) {
    for (size_t i = 0; i < from->nodes.count; i++) {
        op_node *n = from->nodes.at[i];
        merge_group candidate;
        if (!needed[i] || !merge_candidate(w, n, &candidate))
            continue;
        size_t *first = &w->first[n->arguments[!candidate.side]->id], at = *first;
        while (at > 0 && !merge_fits(&w->groups.at[at - 1], &candidate, n))
            at = w->groups.at[at - 1].next;
        if (at == 0) {
            candidate.next = *first;
            vec_push(w->memory, &w->groups, candidate);
            at = *first = w->groups.count;
        }
        vec_push(w->memory, &w->groups.at[at - 1].members, n);
    }
}

static void merge_settle(merge_work *w, node_list *stacked) {
    for (size_t k = 0; k < w->groups.count; k++) {
        merge_group *g = &w->groups.at[k];
        int64_t low = 0;
        for (size_t i = 0; i < g->members.count && g->members.count > 1; i++) {
            const op_node *n = g->members.at[i];
            w->places[n->id] = (merge_place){g, low};
            low += n->shape.dimension[g->outcome];
            vec_push(w->memory, stacked, n->arguments[g->side]);
        }
    }
}

static op_node *merge_rule(rewrite *r, const op_node *n) {
    const merge_work *w = (const merge_work *)r->user;
    op_builder *b = &r->to->builder;
    const merge_place *place = &w->places[n->id];
    merge_group *g = place->group;
    if (!g)
        return NULL;
    if (!g->made) {
        op_node *rows[LIMIT_ARGUMENTS], *operands[2];
        for (size_t i = 0; i < g->members.count; i++)
            rows[i] = r->map[g->members.at[i]->arguments[g->side]->id];
        operands[g->side] = make_concat(b, rows, (int)g->members.count, g->dimension);
        operands[!g->side] = r->map[n->arguments[!g->side]->id];
        g->made = b->make(b, OP_CONTRACT, operands, 2, &n->attributes);
    }
    return make_slice(b, g->made, g->outcome, place->low, n->shape.dimension[g->outcome]);
}

void merge_graph(const graph *from, graph *to) {
    arena *memory = to->memory;
    merge_work w = {.memory = memory,
                    .stages = stage_all(from, memory, to->problem),
                    .pinned = stage_pinned(from, memory),
                    .constant = stage_constant(from, memory),
                    .first = arena_array(memory, size_t, from->nodes.count),
                    .places = arena_array(memory, merge_place, from->nodes.count)};
    if (!w.stages)
        return;
    w.readers = stage_readers(from, w.stages, memory);
    rewrite r;
    node_list roots = {0}, stacked = {0};
    rewrite_begin(&r, from, to, merge_rule, &w);
    rewrite_results(from, memory, &roots);
    merge_find(&w, from, rewrite_reach(&r, roots.at, roots.count));
    merge_settle(&w, &stacked);
    rewrite_need(&r, stacked.at, stacked.count); /* they may be younger than the first member */
    rewrite_end(&r);
}
