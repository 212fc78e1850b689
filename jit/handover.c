/* When a value may be written over another one while the nests that read that one are still at it.
 *
 * An element-wise nest loads an element, computes, and stores an element; where both have the same
 * place and nothing else looks at the old element later, one place is enough for both. Gates take
 * the place of their pre-activations this way, and the gradients of gates that of the gates. The
 * old value may be a slice of a wider one, of which other slices are read and written at other
 * times: gates are narrow, and what all of them are made of is one product.
 *
 * Inside a loop "later" includes the turns to come. A buffer that keeps all steps of the loop may
 * be handed over step by step: then every nest of the loop that touches the old value, and every
 * one that stores the new one, must be at this very step. Blocks are handed over likewise. A buffer
 * without the loop's axis must be scratch of one turn.
 *
 * Values that are kept for later calls share with nobody.
 *
 * Trap: folds may not. Their last tile may repeat iterations, and long ones rest in the result. */
#include "jit/lifetime.h"

static bool handover_same_layout(const nest_buffer *old, handover_slice slice,
                                 const nest_buffer *made) {
    op_shape rest = old->shape;
    if (dtype_size(old->type) != dtype_size(made->type) || old->axis_count != made->axis_count)
        return false;
    for (int i = 0; i < old->axis_count; i++)
        if (old->axes[i] != made->axes[i])
            return false;
    if (slice.dimension >= 0)
        rest.dimension[slice.dimension] = slice.size;
    return op_shape_equal(&rest, &made->shape);
}

static bool is_access(const nest_instruction *in, size_t buffer) {
    return nest_is_access(in) && (size_t)in->which == buffer;
}

/* Does this access see nothing of the slice? */
static bool handover_misses(const nest *n, const nest_buffer *b, handover_slice slice,
                            const nest_instruction *in) {
    nest_span seen, whole = {-1, slice.low, slice.size};
    return slice.dimension >= 0 && !in->linear &&
           nest_span_of(n, in->at[b->axis_count + slice.dimension], &seen) &&
           nest_span_apart(seen, whole);
}

/* Does this store go to another element in each iteration? */
static bool handover_is_once(const nest *n, const nest_instruction *store) {
    uint64_t named = 0;
    for (int k = 0; k < store->at_count; k++) {
        const nest_instruction *index = &n->tape.at[store->at[k]];
        nest_span span;
        if (index->op == NEST_RANGE)
            named |= UINT64_C(1) << index->which;
        else if (nest_span_of(n, store->at[k], &span) && span.range >= 0)
            named |= UINT64_C(1) << span.range;
    }
    for (size_t r = 0; r < n->ranges.count; r++)
        if (n->ranges.at[r].folded || n->ranges.at[r].ordered || (named >> r & 1) == 0)
            return false;
    return n->folds.count == 0;
}

typedef enum handover_relation {
    HANDOVER_SAME,  /* in each iteration the same element */
    HANDOVER_APART, /* never the same, in whatever iterations */
    HANDOVER_UNKNOWN
} handover_relation;

/* How the place of a load is to that of a store whose buffer begins at index `low` along position
 * `moved` of the loaded one. */
static handover_relation handover_relate(const nest *n, const nest_instruction *load,
                                         const nest_instruction *store, int moved, int64_t low) {
    if (load->op != NEST_LOAD || load->linear || load->pinned || load->at_count != store->at_count)
        return HANDOVER_UNKNOWN;
    bool same = true;
    for (int k = 0; k < load->at_count; k++) {
        nest_span from, to;
        bool known = nest_span_of(n, load->at[k], &from) && nest_span_of(n, store->at[k], &to);
        if (known && k == moved)
            to.low += low;
        if (known && nest_span_apart(from, to))
            return HANDOVER_APART;
        same &= known ? from.range == to.range && from.low == to.low
                      : load->at[k] == store->at[k] && (k != moved || low == 0);
    }
    return same ? HANDOVER_SAME : HANDOVER_UNKNOWN;
}

/* Is there a store of `born` in n, and is all that n does to the slice loading an element before it
 * is stored? */
static bool handover_in_nest(const lifetime_table *t, const nest *n, size_t dying,
                             handover_slice slice, size_t born) {
    const nest_buffer *old = &t->plan->buffers.at[dying];
    int moved = slice.dimension < 0 ? -1 : old->axis_count + slice.dimension;
    bool stores = false;
    for (size_t k = 0; k < n->tape.count; k++) {
        const nest_instruction *store = &n->tape.at[k];
        if (store->op != NEST_STORE || !is_access(store, born))
            continue;
        stores = true;
        if (!handover_is_once(n, store))
            return false;
        for (size_t i = 0; i < n->tape.count; i++) {
            const nest_instruction *in = &n->tape.at[i];
            if (!is_access(in, dying) || handover_misses(n, old, slice, in))
                continue;
            handover_relation found = handover_relate(n, in, store, moved, slice.low);
            if (found == HANDOVER_UNKNOWN || (found == HANDOVER_SAME && i > k))
                return false;
        }
    }
    return stores;
}

/* All nests of the loop look at this very step of the slice, and store this very step of `born`. */
static bool handover_by_step(const lifetime_table *t, const lifetime_loop *loop, int position,
                             size_t dying, handover_slice slice, size_t born) {
    const nest_buffer *old = &t->plan->buffers.at[dying];
    for (int32_t k = loop->over.first; k <= loop->over.last; k++) {
        const nest *n = t->nests.at[k];
        for (size_t i = 0; i < n->tape.count; i++) {
            const nest_instruction *in = &n->tape.at[i];
            bool touches = is_access(in, dying) && !handover_misses(n, old, slice, in);
            bool makes = in->op == NEST_STORE && is_access(in, born);
            if ((touches || makes) && !lifetime_is_this_step(n, in->at[position], loop->axis))
                return false;
        }
    }
    return true;
}

static bool handover_touches(const nest *n, const nest_buffer *old, size_t dying,
                             handover_slice slice) {
    for (size_t i = 0; i < n->tape.count; i++)
        if (is_access(&n->tape.at[i], dying) && !handover_misses(n, old, slice, &n->tape.at[i]))
            return true;
    return false;
}

/* The last nest that touches the slice, -1: none. */
static int32_t handover_last(const lifetime_table *t, size_t dying, handover_slice slice) {
    const nest_buffer *old = &t->plan->buffers.at[dying];
    for (int32_t k = t->touched[dying].last; k >= t->touched[dying].first; k--)
        if (handover_touches(t->nests.at[k], old, dying, slice))
            return k;
    return -1;
}

/* Is the slice touched by a loop that may be at work while nest number `at` is? */
static bool handover_is_beside(const lifetime_table *t, int32_t at, size_t dying,
                               handover_slice slice) {
    const nest_buffer *old = &t->plan->buffers.at[dying];
    const lifetime here = {at, at};
    for (size_t g = 0; g < t->groups.count; g++) {
        const lifetime_group *group = &t->groups.at[g];
        for (size_t m = 0; lifetime_meet(group->over, here) && m < group->members.count; m++) {
            lifetime other = group->members.at[m];
            for (int32_t k = other.first; k <= other.last && !lifetime_meet(other, here); k++)
                if (handover_touches(t->nests.at[k], old, dying, slice))
                    return true;
        }
    }
    return false;
}

bool handover_allows(const lifetime_table *t, size_t dying, handover_slice slice, size_t born) {
    const nest_buffer *old = &t->plan->buffers.at[dying], *made = &t->plan->buffers.at[born];
    int32_t at = t->touched[born].first;
    if (t->kept[dying] || t->kept[born] || !handover_same_layout(old, slice, made) ||
        t->short_lived[dying] != t->short_lived[born] || at > t->touched[born].last ||
        handover_last(t, dying, slice) > at || handover_is_beside(t, at, dying, slice) ||
        !handover_in_nest(t, t->nests.at[at], dying, slice, born))
        return false;
    for (size_t i = 0; i < t->loops.count; i++) {
        const lifetime_loop *loop = &t->loops.at[i];
        if (at < loop->over.first || at > loop->over.last)
            continue;
        int position = 0;
        while (position < old->axis_count && old->axes[position] != loop->axis)
            position++;
        bool scratch = lifetime_is_scratch(t, dying, loop) && lifetime_is_scratch(t, born, loop);
        if (position < old->axis_count ? !handover_by_step(t, loop, position, dying, slice, born)
                                       : !scratch)
            return false;
    }
    return true;
}

bool handover_reads(const lifetime_table *t, const nest *n, size_t dying, handover_slice slice,
                    const nest_instruction *load, const nest_instruction *store) {
    const nest_buffer *old = &t->plan->buffers.at[dying];
    return is_access(load, dying) && !handover_misses(n, old, slice, load) &&
           handover_relate(n, load, store, old->axis_count + slice.dimension, slice.low) ==
               HANDOVER_SAME;
}
