/* When a buffer's memory is needed: from the first nest that touches it to the last.
 *
 * Program order is a walk through the items, so a lifetime is an interval of nest numbers, and a
 * loop is one too. A loop turns, so what is touched inside is needed during all of it: the next
 * turn may read what this one left. The exception is scratch of one turn: all accesses inside, no
 * axis of the loop left (lower_finish drops the axis just when every access is at this very step),
 * and written before it is read. It lives by the loop's own order.
 *
 * What prepared items make for the others is read in later calls that do not make it again, so it
 * is needed all the time.
 *
 * Traps. Both ends are inclusive: a tile at the end of a nest may repeat iterations, and a long
 * fold rests its states in its result, so a result must not take the memory of an operand that dies
 * in the same nest; handover.c says when it may all the same. And kernels[] is not in program order
 * (packed copies are made late). */
#include "jit/lifetime.h"

static void lifetime_note(lifetime_table *t, int32_t position, const nest *n) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op != NEST_LOAD && in->op != NEST_STORE)
            continue;
        lifetime *l = &t->touched[in->which];
        if (l->first > l->last) {
            l->first = position;
            t->written_first[in->which] = in->op == NEST_STORE;
        }
        l->last = position;
    }
}

/* Depth of recursion: nested loops, at most the axes. */
static void lifetime_items(lifetime_table *t, arena *memory, const nest_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel) {
            lifetime_note(t, (int32_t)t->nests.count, item->kernel);
            vec_push(memory, &t->nests, item->kernel);
            continue;
        }
        lifetime_loop loop = {.axis = item->axis, .over = {.first = (int32_t)t->nests.count}};
        lifetime_items(t, memory, &item->items);
        loop.over.last = (int32_t)t->nests.count - 1;
        vec_push(memory, &t->loops, loop);
    }
}

static bool lifetime_holds_axis(const nest_buffer *b, int axis) {
    for (int i = 0; i < b->axis_count; i++)
        if (b->axes[i] == axis)
            return true;
    for (int i = 0; i < b->shape.rank; i++)
        if (b->shape.dimension[i] == OP_EXTENT_OF(axis))
            return true;
    return false;
}

bool lifetime_is_scratch(const lifetime_table *t, size_t buffer, const lifetime_loop *loop) {
    lifetime l = t->touched[buffer];
    return l.first >= loop->over.first && l.last <= loop->over.last && t->written_first[buffer] &&
           !lifetime_holds_axis(&t->plan->buffers.at[buffer], loop->axis);
}

static lifetime lifetime_extended(const lifetime_table *t, size_t buffer) {
    lifetime l = t->touched[buffer];
    for (size_t i = 0; i < t->loops.count; i++) {
        const lifetime_loop *loop = &t->loops.at[i];
        if (lifetime_is_scratch(t, buffer, loop) || !lifetime_meet(l, loop->over))
            continue;
        l.first = loop->over.first < l.first ? loop->over.first : l.first;
        l.last = loop->over.last > l.last ? loop->over.last : l.last;
    }
    return l;
}

/* Prepared items are nests outside of loops, the first of the program. */
static void lifetime_keep(lifetime_table *t, size_t buffer) {
    lifetime l = t->touched[buffer];
    t->kept[buffer] = t->plan->buffers.at[buffer].storage == NEST_ARENA && l.first <= l.last &&
                      l.first < (int32_t)t->plan->prepared && l.last >= (int32_t)t->plan->prepared;
    if (t->kept[buffer])
        t->live[buffer] = (lifetime){0, (int32_t)t->nests.count - 1};
}

void lifetime_find(const nest_plan *plan, arena *memory, lifetime_table *out) {
    size_t count = plan->buffers.count;
    *out = (lifetime_table){.plan = plan,
                            .touched = arena_array(memory, lifetime, count),
                            .live = arena_array(memory, lifetime, count),
                            .kept = arena_array(memory, bool, count),
                            .written_first = arena_array(memory, bool, count)};
    for (size_t i = 0; i < count; i++)
        out->touched[i] = (lifetime){0, -1};
    lifetime_items(out, memory, &plan->items);
    for (size_t i = 0; i < count; i++) {
        out->live[i] = out->touched[i].first <= out->touched[i].last ? lifetime_extended(out, i)
                                                                     : out->touched[i];
        lifetime_keep(out, i);
    }
}

bool lifetime_meet(lifetime left, lifetime right) {
    return left.first <= right.last && right.first <= left.last;
}
