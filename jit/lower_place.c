/* Parts of a concat are computed where the concat has them.
 *
 * A concat is memory in which values lie side by side; copying them there is work for nothing when
 * the values can be stored there at once. A part that gets its place in the concat has no buffer of
 * its own: whoever stores or reads it adds its first index, along one dimension, and finds it in
 * the concat's buffer (or in that of the concat of which this one is a part). What a gradient joins
 * side by side is written once, as the operand of the products that read it.
 *
 * What is not computed into memory anyway (inputs, views) is copied as before. So are
 * - results and updates, which have memory of their own,
 * - what a reshape reads by element number, which must lie together,
 * - scatters, which read what they wrote,
 * - the second appearance of a value.
 *
 * Trap: the buffer has all axes that anyone needs. A part that is kept for all steps of a loop must
 * not move into a concat of which one step is enough, or that one would be kept as well. */
#include "jit/lower_internal.h"

typedef struct place {
    lower *l;
    bool *kept; /* by node number: more than one step of its loop is needed at a time */
    bool *excluded;
} place;

/* Readers have larger numbers than what they read, but for delays, which keep it anyway. */
static void place_keep(place *s, const node_list *nodes, const node_list *roots) {
    const lower *l = s->l;
    for (size_t i = 0; i < roots->count; i++)
        s->kept[roots->at[i]->id] = s->excluded[roots->at[i]->id] = true;
    for (size_t i = nodes->count; i-- > 0;) {
        const op_node *reader = nodes->at[i];
        int8_t map[LIMIT_RANK];
        bool shifts = reader->op == OP_DELAY || reader->op == OP_AT;
        bool passes = l->class_of[reader->id] == LOWER_FREE && s->kept[reader->id];
        for (int k = 0; k < op_live_count(reader); k++) {
            const op_node *n = reader->arguments[k];
            s->kept[n->id] |= shifts || passes || l->loop_of[n->id] != l->loop_of[reader->id];
        }
        if (reader->op == OP_RESHAPE && !read_reshape_is_plain(reader, map))
            s->excluded[reader->arguments[0]->id] = true;
    }
    for (size_t i = 0; i < nodes->count; i++)
        s->kept[nodes->at[i]->id] |= l->loop_of[nodes->at[i]->id] == 0;
}

static bool place_is_computed(const place *s, const op_node *n) {
    op_family family = op_get((op_id)n->op)->family;
    switch ((lower_class)s->l->class_of[n->id]) {
    case LOWER_LEAF:
        return false;
    case LOWER_FREE:
        return family == OP_FAMILY_ELEMENTWISE;
    case LOWER_GROUPED:
        return true;
    case LOWER_OWN:
        break;
    }
    return family != OP_FAMILY_SCATTER;
}

static void place_parts(place *s, const op_node *whole) {
    lower *l = s->l;
    int64_t low = 0;
    for (int i = 0; i < whole->count; i++) {
        const op_node *part = whole->arguments[i];
        lower_slice *slice = &l->inside[part->id];
        if (!slice->whole && !s->excluded[part->id] && part->domain == whole->domain &&
            (s->kept[whole->id] || !s->kept[part->id]) && place_is_computed(s, part)) {
            *slice = (lower_slice){whole, low};
            if (l->class_of[part->id] == LOWER_FREE)
                l->class_of[part->id] = LOWER_GROUPED;
        }
        low += part->shape.dimension[whole->attributes.dimension];
    }
}

void lower_place(lower *l, const node_list *nodes, const node_list *roots) {
    size_t count = l->g->nodes.count;
    place s = {.l = l,
               .kept = arena_array(l->memory, bool, count),
               .excluded = arena_array(l->memory, bool, count)};
    l->inside = arena_array(l->memory, lower_slice, count);
    place_keep(&s, nodes, roots);
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->at[i]->op == OP_CONCAT)
            place_parts(&s, nodes->at[i]);
}

const op_node *lower_place_of(const lower *l, const op_node *n, int64_t low[LIMIT_RANK]) {
    for (int i = 0; i < LIMIT_RANK; i++)
        low[i] = 0;
    while (l->inside[n->id].whole) {
        const lower_slice *slice = &l->inside[n->id];
        low[slice->whole->attributes.dimension] += slice->low;
        n = slice->whole;
    }
    return n;
}
