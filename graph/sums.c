/* Pass: a sum of contracts inside a loop is one contract over all their terms.
 *
 * V c + U h, with both c and h made in the loop, is [V U] [c, h]: one product a step, forward and
 * backward, in place of two, and for several threads one meeting less. The terms of c and h now
 * stand in one sum, which rounds otherwise, in the order of the numbers of the data, so that all
 * gates that read c and h read one concat and can be merged by rows.
 *
 * Outside of loops nothing is gained: the products are large already, and the concat would be a
 * copy of whole sequences. And it is only done where it takes contracts away: if anything else in
 * the loop multiplies c alone, that contract would have been merged by rows with this one.
 *
 * The members depend on no reader of their sum, so no cycle can arise. A contract that somebody
 * else reads stays, and so do those that are pinned by a gradient. */
#include <string.h>

#include "graph/stage.h"

/* A contract that may become a term: which operand is the weight, and where the summed letter is in
 * the weight and in the data. */
typedef struct sums_term {
    const op_node *contract;
    op_contract form;
    int side, weight_dimension, data_dimension;
} sums_term;

/* The terms of one sum that become one contract, by number of their data. */
typedef struct sums_group {
    sums_term terms[LIMIT_ARGUMENTS];
    int count;
    const op_node *addends[LIMIT_ARGUMENTS]; /* of the whole sum, in order */
    int addend_count;
} sums_group;

typedef struct sums_work {
    arena *memory;
    const uint32_t *stages;
    const bool *pinned, *constant;
    /* By number. */
    uint32_t *readers;
    bool *inside;        /* an addition that the addition which reads it takes in */
    sums_group **groups; /* of an addition that is a whole sum; NULL: none */
    sums_group **owner;  /* of data: the group that sums its products ... */
    bool *mixed;         /* ... but other contracts multiply it too */
} sums_work;

static const op_node *sums_data(const sums_term *t) {
    return t->contract->arguments[!t->side];
}

/* Is n a product of a weight and a value of its loop that sums over one letter? */
static bool sums_is_term(const sums_work *w, const op_node *n, sums_term *out) {
    const char *why;
    *out = (sums_term){.contract = n, .weight_dimension = -1, .data_dimension = -1};
    if (n->op != OP_CONTRACT || w->stages[n->id] == 0 || n->attributes.over != 0 ||
        !op_contract_parse(n->attributes.text, &out->form, &why) || out->form.reduced_count != 1)
        return false;
    out->side = w->constant[n->arguments[0]->id] ? 0 : 1;
    const op_node *weight = n->arguments[out->side], *data = n->arguments[!out->side];
    if (!w->constant[weight->id] || w->constant[data->id])
        return false;
    const int8_t *places[] = {out->form.a, out->form.b};
    for (int d = 0; d < weight->shape.rank; d++)
        if (places[out->side][d] == out->form.reduced[0])
            out->weight_dimension = d;
    for (int d = 0; d < data->shape.rank; d++)
        if (places[!out->side][d] == out->form.reduced[0])
            out->data_dimension = d;
    return true;
}

/* Equal but for the number of terms? */
static bool sums_fits(const sums_term *a, const sums_term *b) {
    op_shape weight = a->contract->arguments[a->side]->shape, data = sums_data(a)->shape;
    const op_node *other = b->contract;
    if (a->side != b->side || weight.rank != other->arguments[b->side]->shape.rank ||
        data.rank != sums_data(b)->shape.rank ||
        memcmp(a->form.a, b->form.a, sizeof a->form.a) != 0 ||
        memcmp(a->form.b, b->form.b, sizeof a->form.b) != 0 ||
        memcmp(a->form.out, b->form.out, sizeof a->form.out) != 0)
        return false;
    weight.dimension[a->weight_dimension] =
        other->arguments[b->side]->shape.dimension[a->weight_dimension];
    data.dimension[a->data_dimension] = sums_data(b)->shape.dimension[a->data_dimension];
    return op_shape_equal(&weight, &other->arguments[b->side]->shape) &&
           op_shape_equal(&data, &sums_data(b)->shape) && a->contract->dtype == other->dtype &&
           sums_data(a)->domain == sums_data(b)->domain;
}

/* May the sum that n is added in take it in? */
static bool sums_is_free(const sums_work *w, const op_node *n, const op_node *sum) {
    return w->readers[n->id] == 1 && !w->pinned[n->id] && w->stages[n->id] == w->stages[sum->id];
}

static void sums_count(sums_work *w, const graph *from, const bool *needed) {
    node_list roots = {0};
    rewrite_results(from, w->memory, &roots);
    for (size_t i = 0; i < roots.count; i++)
        w->readers[roots.at[i]->id]++;
    for (size_t i = 0; i < from->nodes.count; i++)
        for (int k = 0; needed[i] && k < from->nodes.at[i]->count; k++)
            w->readers[from->nodes.at[i]->arguments[k]->id]++;
    for (size_t i = 0; i < from->nodes.count; i++) {
        const op_node *n = from->nodes.at[i];
        for (int k = 0; needed[i] && n->op == OP_ADD && k < 2; k++) {
            const op_node *x = n->arguments[k];
            bool whole = x->domain == n->domain && op_shape_equal(&x->shape, &n->shape);
            w->inside[x->id] = x->op == OP_ADD && whole && sums_is_free(w, x, n);
        }
    }
}

/* What a whole sum adds up, in order. false: too much. */
static bool sums_addends(const sums_work *w, const op_node *sum, sums_group *out) {
    const op_node *stack[LIMIT_ARGUMENTS];
    int depth = 0;
    stack[depth++] = sum;
    while (depth > 0) {
        const op_node *top = stack[--depth];
        if (top != sum && !w->inside[top->id]) {
            if (out->addend_count == LIMIT_ARGUMENTS)
                return false;
            out->addends[out->addend_count++] = top;
            continue;
        }
        if (depth + 2 > LIMIT_ARGUMENTS)
            return false;
        stack[depth++] = top->arguments[1];
        stack[depth++] = top->arguments[0];
    }
    return true;
}

/* Enters a term in order of its data; not beside one of the same data. */
static void sums_enter(sums_group *g, const sums_term *term) {
    int at = g->count;
    for (int i = 0; i < g->count; i++)
        if (sums_data(&g->terms[i]) == sums_data(term))
            return;
    for (; at > 0 && sums_data(&g->terms[at - 1])->id > sums_data(term)->id; at--)
        g->terms[at] = g->terms[at - 1];
    g->terms[at] = *term;
    g->count++;
}

static void sums_find(sums_work *w, const graph *from, const bool *needed) {
    for (size_t i = 0; i < from->nodes.count; i++) {
        const op_node *n = from->nodes.at[i];
        sums_group g = {.count = 0};
        if (!needed[i] || n->op != OP_ADD || w->stages[i] == 0 || w->inside[i] ||
            !sums_addends(w, n, &g))
            continue;
        for (int k = 0; k < g.addend_count; k++) {
            sums_term term;
            if (sums_is_free(w, g.addends[k], n) && sums_is_term(w, g.addends[k], &term) &&
                (g.count == 0 || sums_fits(&g.terms[0], &term)))
                sums_enter(&g, &term);
        }
        if (g.count < 2)
            continue;
        w->groups[i] = arena_new(w->memory, sums_group);
        *w->groups[i] = g;
    }
}

static bool sums_has(const sums_group *g, const op_node *contract) {
    for (int k = 0; k < g->count; k++)
        if (g->terms[k].contract == contract)
            return true;
    return false;
}

static bool sums_same_data(const sums_group *a, const sums_group *b) {
    for (int k = 0; k < a->count && a->count == b->count; k++)
        if (sums_data(&a->terms[k]) != sums_data(&b->terms[k]))
            return false;
    return a->count == b->count;
}

/* Drops the groups that would leave contracts of their data over. */
static void sums_settle(sums_work *w, const graph *from, const bool *needed) {
    bool *grouped = arena_array(w->memory, bool, from->nodes.count);
    for (size_t i = 0; i < from->nodes.count; i++) {
        sums_group *g = w->groups[i];
        for (int k = 0; g && k < g->count; k++) {
            uint32_t data = sums_data(&g->terms[k])->id;
            sums_group **owner = &w->owner[data];
            w->mixed[data] = w->mixed[data] || (*owner && !sums_same_data(*owner, g));
            *owner = g;
            grouped[g->terms[k].contract->id] = true;
        }
    }
    for (size_t i = 0; i < from->nodes.count; i++) {
        sums_term term;
        if (needed[i] && !grouped[i] && sums_is_term(w, from->nodes.at[i], &term))
            w->mixed[sums_data(&term)->id] = true;
    }
    for (size_t i = 0; i < from->nodes.count; i++)
        for (int k = 0; w->groups[i] && k < w->groups[i]->count; k++)
            if (w->mixed[sums_data(&w->groups[i]->terms[k])->id])
                w->groups[i] = NULL;
}

static op_node *sums_contract(rewrite *r, const sums_group *g) {
    op_builder *b = &r->to->builder;
    const sums_term *first = &g->terms[0];
    op_node *weights[LIMIT_ARGUMENTS], *data[LIMIT_ARGUMENTS], *operands[2];
    for (int k = 0; k < g->count; k++) {
        weights[k] = r->map[g->terms[k].contract->arguments[first->side]->id];
        data[k] = r->map[sums_data(&g->terms[k])->id];
    }
    operands[first->side] = make_concat(b, weights, g->count, first->weight_dimension);
    operands[!first->side] = make_concat(b, data, g->count, first->data_dimension);
    return b->make(b, OP_CONTRACT, operands, 2, &first->contract->attributes);
}

/* The contract takes the place of its first member in the sum. */
static op_node *sums_rule(rewrite *r, const op_node *n) {
    const sums_work *w = (const sums_work *)r->user;
    const sums_group *g = w->groups[n->id];
    op_builder *b = &r->to->builder;
    op_node *sum = NULL;
    bool made = false;
    for (int k = 0; g && k < g->addend_count; k++) {
        bool member = sums_has(g, g->addends[k]);
        if (member && made)
            continue;
        op_node *addend = member ? sums_contract(r, g) : r->map[g->addends[k]->id];
        made = made || member;
        sum = sum ? make_add(b, sum, addend) : addend;
    }
    return sum ? make_expand(b, sum, n->domain & ~sum->domain) : NULL;
}

void sums_graph(const graph *from, graph *to) {
    arena *memory = to->memory;
    size_t count = from->nodes.count;
    sums_work w = {.memory = memory,
                   .stages = stage_all(from, memory, to->problem),
                   .pinned = stage_pinned(from, memory),
                   .constant = stage_constant(from, memory),
                   .readers = arena_array(memory, uint32_t, count),
                   .inside = arena_array(memory, bool, count),
                   .groups = arena_array(memory, sums_group *, count),
                   .owner = arena_array(memory, sums_group *, count),
                   .mixed = arena_array(memory, bool, count)};
    if (!w.stages)
        return;
    rewrite r;
    node_list roots = {0};
    rewrite_begin(&r, from, to, sums_rule, &w);
    rewrite_results(from, memory, &roots);
    const bool *needed = rewrite_reach(&r, roots.at, roots.count);
    sums_count(&w, from, needed);
    sums_find(&w, from, needed);
    sums_settle(&w, from, needed);
    rewrite_end(&r);
}
