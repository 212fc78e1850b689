/* What only one loop reads, step by step, is computed inside that loop.
 *
 * The schedule leaves a value outside of every loop that it is not part of, so that it is computed
 * for all steps at once; then all its steps are in memory. A gradient is full of such values: the
 * slopes of all gates at all steps, which the loop that goes back in time reads once each. Inside
 * the loop they are computed where they are read, and stay in registers.
 *
 * Only values that cost the same wherever they are computed may move: element by element over the
 * loop's axis. Every reader must be in the loop and read this very step, so not through a delay and
 * not at computed places. Readers come first, so that chains move as a whole. */
#include "jit/lower_internal.h"

typedef struct sink {
    lower *l;
    const lower_readers *readers; /* by node number */
    int32_t *place;               /* by node number: item of the list at work, -1: none */
} sink;

/* Depth of recursion: nested loops, at most the axes. */
static void sink_place(const sink *s, const schedule_item *item, int32_t place) {
    if (item->node)
        s->place[item->node->id] = place;
    for (size_t i = 0; i < item->items.count; i++)
        sink_place(s, &item->items.at[i], place);
}

bool lower_reads_this_step(const op_node *reader, int axis) {
    switch (op_get((op_id)reader->op)->family) {
    case OP_FAMILY_ELEMENTWISE:
    case OP_FAMILY_VIEW:
    case OP_FAMILY_REDUCE:
    case OP_FAMILY_CONTRACT:
        return (reader->domain >> axis & 1) != 0;
    default:
        return false;
    }
}

/* The loop of this list that n may move into, or -1. */
static int32_t sink_target(const sink *s, const schedule_list *items, const op_node *n) {
    op_family family = op_get((op_id)n->op)->family;
    bool moves = family == OP_FAMILY_ELEMENTWISE || family == OP_FAMILY_VIEW || read_is_product(n);
    if (!moves || s->readers[n->id].count == 0)
        return -1;
    int32_t target = -1;
    for (size_t i = 0; i < s->readers[n->id].count; i++) {
        const op_node *reader = s->readers[n->id].at[i];
        int32_t place = reader ? s->place[reader->id] : -1;
        if (place < 0 || (target >= 0 && place != target) || items->at[place].node ||
            items->at[place].block)
            return -1;
        int axis = items->at[place].axis;
        if ((n->domain >> axis & 1) == 0 || !lower_reads_this_step(reader, axis))
            return -1;
        target = place;
    }
    return target;
}

static void sink_list(sink *s, schedule_list *items) {
    arena *memory = s->l->memory;
    schedule_list *moved = arena_array(memory, schedule_list, items->count), kept = {0};
    for (size_t i = 0; i < items->count; i++)
        sink_place(s, &items->at[i], (int32_t)i);
    for (size_t i = items->count; i-- > 0;) {
        const op_node *n = items->at[i].node;
        int32_t target = n ? sink_target(s, items, n) : -1;
        if (target < 0)
            continue;
        s->place[n->id] = target;
        vec_push(memory, &moved[target], items->at[i]);
    }
    for (size_t i = 0; i < items->count; i++) {
        schedule_item *item = &items->at[i];
        if (item->node && s->place[item->node->id] != (int32_t)i)
            continue;
        if (moved[i].count > 0) {
            schedule_list inside = {0};
            for (size_t k = moved[i].count; k-- > 0;)
                vec_push(memory, &inside, moved[i].at[k]);
            for (size_t k = 0; k < item->items.count; k++)
                vec_push(memory, &inside, item->items.at[k]);
            item->items = inside;
        }
        vec_push(memory, &kept, *item);
    }
    for (size_t i = 0; i < kept.count; i++)
        sink_place(s, &kept.at[i], -1);
    *items = kept;
    for (size_t i = 0; i < kept.count; i++)
        if (!kept.at[i].node)
            sink_list(s, &kept.at[i].items);
}

void lower_sink(lower *l, const lower_readers *readers, schedule_list *items) {
    size_t count = l->g->nodes.count;
    sink s = {.l = l, .readers = readers, .place = arena_array(l->memory, int32_t, count)};
    for (size_t i = 0; i < count; i++)
        s.place[i] = -1;
    sink_list(&s, items);
}
