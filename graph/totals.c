/* Pass: totals of values that stand side by side in a concat are one total of the concat.
 *
 * A bias is added to each gate, so the gradient of each bias is a total of that gate's adjoint. The
 * adjoints of all gates are one value already, which the weight gradients read: its total, in
 * slices, is all bias gradients in one walk over the sequence. Every element is summed as before,
 * so no bit changes. With lengths a total reads its part through a mask; then the same mask goes
 * around the concat.
 *
 * Traps. A concat that needs a total which moves would come to depend on itself: such concats are
 * left alone, and so is one of which but a small share is totalled. */
#include "graph/graph.h"

/* Totals of parts of one concat that may become one. */
typedef struct totals_group {
    op_node *concat;
    const op_node *first; /* its total of the lowest number */
    int64_t size;         /* how much of the concat is totalled */
    int count;
    size_t next;   /* group of the same concat, from 1; 0: none */
    op_node *made; /* in the new graph */
} totals_group;

typedef struct totals_part {
    op_node *concat; /* the largest that it is part of; NULL: none */
    int64_t low;
} totals_part;

typedef struct totals_work {
    arena *memory;
    totals_part *parts; /* by number of the part */
    VEC(totals_group) groups;
    size_t *first; /* by number of the concat: its first group, from 1; 0: none */
    size_t *of;    /* by number of the total: its group, from 1; 0: none */
} totals_work;

/* What a total reads, seen through a mask whose condition is the same for all elements. */
static op_node *totals_value(const op_node *total, const op_node **mask) {
    op_node *x = total->arguments[0];
    *mask = x->op == OP_SELECT && x->arguments[0]->shape.rank == 0 &&
                    x->arguments[2]->shape.rank == 0 &&
                    op_shape_equal(&x->arguments[1]->shape, &x->shape)
                ? x
                : NULL;
    return *mask ? x->arguments[1] : x;
}

static bool totals_alike(const op_node *a, const op_node *b) {
    const op_node *mask_a, *mask_b;
    totals_value(a, &mask_a);
    totals_value(b, &mask_b);
    return a->attributes.over == b->attributes.over && a->attributes.kind == b->attributes.kind &&
           a->attributes.outermost == b->attributes.outermost &&
           a->attributes.reverse == b->attributes.reverse && !mask_a == !mask_b &&
           (!mask_a || (mask_a->arguments[0] == mask_b->arguments[0] &&
                        mask_a->arguments[2] == mask_b->arguments[2]));
}

/* Of the dimension along which the parts stand. */
static int64_t totals_size(const op_node *concat) {
    return concat ? concat->shape.dimension[concat->attributes.dimension] : 0;
}

static void totals_find_parts(totals_work *w, const graph *from, const bool *needed) {
    for (size_t i = 0; i < from->nodes.count; i++) {
        op_node *n = from->nodes.at[i];
        int64_t low = 0;
        for (int k = 0; needed[i] && n->op == OP_CONCAT && k < n->count; k++) {
            const op_node *x = n->arguments[k];
            totals_part *part = &w->parts[x->id];
            if (x->domain == n->domain && totals_size(n) > totals_size(part->concat))
                *part = (totals_part){n, low};
            low += x->shape.dimension[n->attributes.dimension];
        }
    }
}

static void totals_find(totals_work *w, const graph *from, const bool *needed) {
    for (size_t i = 0; i < from->nodes.count; i++) {
        const op_node *n = from->nodes.at[i], *mask;
        if (!needed[i] || n->op != OP_TOTAL)
            continue;
        const op_node *x = totals_value(n, &mask);
        op_node *concat = w->parts[x->id].concat;
        if (!concat || (mask && mask->domain != concat->domain))
            continue;
        size_t *first = &w->first[concat->id], at = *first;
        while (at > 0 && !totals_alike(w->groups.at[at - 1].first, n))
            at = w->groups.at[at - 1].next;
        if (at == 0) {
            totals_group group = {.concat = concat, .first = n, .next = *first};
            vec_push(w->memory, &w->groups, group);
            at = *first = w->groups.count;
        }
        totals_group *group = &w->groups.at[at - 1];
        group->size += x->shape.dimension[concat->attributes.dimension];
        group->count++;
        w->of[n->id] = at;
    }
}

static bool totals_pays(const totals_group *g) {
    return g->count > 1 && 2 * g->size >= totals_size(g->concat);
}

/* By number: does the value need a total that may move? Number order settles everything but what
 * hangs on a state that is bound to a later value: then one more round. */
static const bool *totals_dependent(const totals_work *w, const graph *from) {
    bool *dependent = arena_array(w->memory, bool, from->nodes.count);
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < from->nodes.count; i++) {
            const op_node *n = from->nodes.at[i];
            if (dependent[i])
                continue;
            dependent[i] = w->of[i] > 0 && totals_pays(&w->groups.at[w->of[i] - 1]);
            for (int k = 0; k < n->count && !dependent[i]; k++)
                dependent[i] = n->arguments[k] && dependent[n->arguments[k]->id];
            again = again || dependent[i];
        }
    }
    return dependent;
}

/* The concats that are totalled. */
static void totals_settle(totals_work *w, const graph *from, node_list *concats) {
    const bool *dependent = totals_dependent(w, from);
    for (size_t k = 0; k < w->groups.count; k++) {
        totals_group *g = &w->groups.at[k];
        if (!totals_pays(g) || dependent[g->concat->id])
            g->count = 0;
        else
            vec_push(w->memory, concats, g->concat);
    }
}

static op_node *totals_rule(rewrite *r, const op_node *n) {
    const totals_work *w = (const totals_work *)r->user;
    op_builder *b = &r->to->builder;
    totals_group *g = w->of[n->id] > 0 ? &w->groups.at[w->of[n->id] - 1] : NULL;
    if (!g || g->count == 0)
        return NULL;
    const op_node *mask, *part = totals_value(n, &mask);
    int dimension = g->concat->attributes.dimension;
    if (!g->made) {
        op_node *whole = r->map[g->concat->id];
        if (mask)
            whole = make_select(b, r->map[mask->arguments[0]->id], whole,
                                r->map[mask->arguments[2]->id]);
        g->made = b->make(b, OP_TOTAL, &whole, 1, &n->attributes);
    }
    return make_slice(b, g->made, dimension, w->parts[part->id].low,
                      part->shape.dimension[dimension]);
}

void totals_graph(const graph *from, graph *to) {
    arena *memory = to->memory;
    size_t count = from->nodes.count;
    totals_work w = {.memory = memory,
                     .parts = arena_array(memory, totals_part, count),
                     .first = arena_array(memory, size_t, count),
                     .of = arena_array(memory, size_t, count)};
    rewrite r;
    node_list roots = {0}, concats = {0};
    rewrite_begin(&r, from, to, totals_rule, &w);
    rewrite_results(from, memory, &roots);
    const bool *needed = rewrite_reach(&r, roots.at, roots.count);
    totals_find_parts(&w, from, needed);
    totals_find(&w, from, needed);
    totals_settle(&w, from, &concats);
    rewrite_need(&r, concats.at, concats.count); /* they may be younger than their totals */
    rewrite_end(&r);
}
