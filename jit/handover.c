/* When a value may be written over another one in the nest that reads that one for the last time.
 *
 * An element-wise nest loads an element, computes, and stores an element; where both have the same
 * index and nothing else looks at the old element later, one place is enough for both. Gates take
 * the place of their pre-activations this way, and the gradients of gates that of the gates.
 *
 * Inside a loop "later" includes the turns to come. A buffer that keeps all steps of the loop may
 * be handed over step by step: then every nest of the loop that touches the old value, and every
 * one that stores the new one, must be at this very step. A buffer without the loop's axis must be
 * scratch of one turn.
 *
 * Trap: folds may not. Their last tile may repeat iterations, and long ones rest in the result. */
#include "jit/lifetime.h"

static bool handover_same_layout(const nest_buffer *l, const nest_buffer *r) {
    if (dtype_size(l->type) != dtype_size(r->type) || l->axis_count != r->axis_count ||
        !op_shape_equal(&l->shape, &r->shape))
        return false;
    for (int i = 0; i < l->axis_count; i++)
        if (l->axes[i] != r->axes[i])
            return false;
    return true;
}

/* Does this store go to another element in each iteration? */
static bool handover_is_once(const nest *n, const nest_instruction *store) {
    uint64_t named = 0;
    for (int k = 0; k < store->at_count; k++) {
        const nest_instruction *index = &n->tape.at[store->at[k]];
        if (index->op == NEST_RANGE)
            named |= UINT64_C(1) << index->which;
    }
    for (size_t r = 0; r < n->ranges.count; r++)
        if (n->ranges.at[r].folded || n->ranges.at[r].ordered || (named >> r & 1) == 0)
            return false;
    return n->folds.count == 0;
}

static bool handover_same_place(const nest_instruction *load, const nest_instruction *store) {
    if (load->op != NEST_LOAD || load->linear || load->pinned || load->at_count != store->at_count)
        return false;
    for (int k = 0; k < load->at_count; k++)
        if (load->at[k] != store->at[k])
            return false;
    return true;
}

/* The one store of `born` in n, if all that n does to `dying` are loads of the same element before
 * it; else NULL. */
static const nest_instruction *handover_store(const nest *n, size_t dying, size_t born) {
    const nest_instruction *store = NULL;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op != NEST_STORE || (size_t)in->which != born)
            continue;
        if (store)
            return NULL;
        store = in;
    }
    if (!store || !handover_is_once(n, store))
        return NULL;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        bool touches = (in->op == NEST_LOAD || in->op == NEST_STORE) && (size_t)in->which == dying;
        if (touches && (in > store || !handover_same_place(in, store)))
            return NULL;
    }
    return store;
}

static bool handover_is_this_step(const nest *n, const nest_instruction *in, int position,
                                  int axis) {
    const nest_instruction *index = &n->tape.at[in->at[position]];
    return index->op == NEST_OUTER && index->which == axis;
}

/* All nests of the loop look at this very step of `dying`, and store this very step of `born`. */
static bool handover_by_step(const lifetime_table *t, const lifetime_loop *loop, int position,
                             size_t dying, size_t born) {
    for (int32_t k = loop->over.first; k <= loop->over.last; k++) {
        const nest *n = t->nests.at[k];
        for (size_t i = 0; i < n->tape.count; i++) {
            const nest_instruction *in = &n->tape.at[i];
            bool old = (in->op == NEST_LOAD || in->op == NEST_STORE) && (size_t)in->which == dying;
            bool made = in->op == NEST_STORE && (size_t)in->which == born;
            if ((old || made) && !handover_is_this_step(n, in, position, loop->axis))
                return false;
        }
    }
    return true;
}

bool handover_allows(const lifetime_table *t, size_t dying, size_t born) {
    const nest_buffer *old = &t->plan->buffers.at[dying], *made = &t->plan->buffers.at[born];
    int32_t at = t->touched[born].first;
    if (t->touched[dying].last != at || !handover_same_layout(old, made) ||
        !handover_store(t->nests.at[at], dying, born))
        return false;
    for (size_t i = 0; i < t->loops.count; i++) {
        const lifetime_loop *loop = &t->loops.at[i];
        if (at < loop->over.first || at > loop->over.last)
            continue;
        int position = 0;
        while (position < old->axis_count && old->axes[position] != loop->axis)
            position++;
        bool scratch = lifetime_is_scratch(t, dying, loop) && lifetime_is_scratch(t, born, loop);
        if (position < old->axis_count ? !handover_by_step(t, loop, position, dying, born)
                                       : !scratch)
            return false;
    }
    return true;
}
