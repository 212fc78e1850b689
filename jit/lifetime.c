/* When a buffer's memory is needed: from the first nest that touches it to the last.
 *
 * Program order is a walk through the items, so a lifetime is an interval of nest numbers, and a
 * loop is one too. A loop turns, so what is touched inside is needed during all of it: the next
 * turn may read what this one left. The exception is scratch of one turn: all accesses inside, no
 * axis of the loop left (lower_finish drops the axis just when every access is at this very step),
 * and written before it is read. It lives by the loop's own order.
 *
 * A loop over blocks turns too. Most of what holds its axis is only touched at the steps of the
 * current block; then memory for a block's steps is enough, and it is scratch of one turn. It need
 * not be written first: no earlier turn has written these steps, so what is read before is nothing
 * anyway.
 *
 * Loops that threads may run at the same time are needed as a whole: what one of them touches lives
 * as long as all of them.
 *
 * What prepared items make for the others is read in later calls that do not make it again, so it
 * is needed all the time.
 *
 * Traps. Both ends are inclusive: a tile at the end of a nest may repeat iterations, and a long
 * fold rests its states in its result, so a result must not take the memory of an operand that dies
 * in the same nest; handover.c says when it may all the same. And kernels[] is not in program order
 * (packed copies are made late). */
#include "jit/lifetime.h"

bool lifetime_is_this_step(const nest *n, nest_ref index, int axis) {
    const nest_instruction *in = &n->tape.at[index];
    return (in->op == NEST_OUTER && in->which == axis) ||
           (in->op == NEST_RANGE && n->ranges.at[in->which].block &&
            n->ranges.at[in->which].count == OP_EXTENT_OF(axis));
}

static int lifetime_position(const nest_buffer *b, int axis) {
    int position = 0;
    while (position < b->axis_count && b->axes[position] != axis)
        position++;
    return position < b->axis_count ? position : -1;
}

/* block: the axis of the enclosing loop over blocks, -1: none. */
static void lifetime_note(lifetime_table *t, int32_t number, const nest *n, int block) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (!nest_is_access(in))
            continue;
        int position = lifetime_position(&t->plan->buffers.at[in->which], block);
        if (position < 0 || (!in->near && !lifetime_is_this_step(n, in->at[position], block)))
            t->elsewhere[in->which] = true;
        lifetime *l = &t->touched[in->which];
        if (l->first > l->last) {
            l->first = number;
            t->written_first[in->which] = in->op == NEST_STORE;
        }
        l->last = number;
    }
}

/* Depth of recursion: nested loops, at most the axes and the blocks. */
static void lifetime_items(lifetime_table *t, arena *memory, const nest_list *items, int block) {
    size_t left = 0, group = 0;
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel) {
            lifetime_note(t, (int32_t)t->nests.count, item->kernel, block);
            vec_push(memory, &t->nests, item->kernel);
            continue;
        }
        lifetime_loop loop = {
            .axis = item->axis, .block = item->block, .over = {.first = (int32_t)t->nests.count}};
        if (item->beside > 0) {
            left = 1 + (size_t)item->beside;
            group = t->groups.count;
            vec_push(memory, &t->groups, (lifetime_group){.over = loop.over});
        }
        lifetime_items(t, memory, &item->items, item->block ? item->axis : block);
        loop.over.last = (int32_t)t->nests.count - 1;
        vec_push(memory, &t->loops, loop);
        if (left == 0)
            continue;
        left--;
        t->groups.at[group].over.last = loop.over.last;
        vec_push(memory, &t->groups.at[group].members, loop.over);
    }
}

static bool lifetime_holds_axis(const nest_buffer *b, int axis) {
    for (int i = 0; i < b->shape.rank; i++)
        if (b->shape.dimension[i] == OP_EXTENT_OF(axis))
            return true;
    return lifetime_position(b, axis) >= 0;
}

static bool lifetime_is_inside(const lifetime_table *t, size_t buffer, const lifetime_loop *loop) {
    lifetime l = t->touched[buffer];
    return l.first >= loop->over.first && l.last <= loop->over.last;
}

bool lifetime_is_scratch(const lifetime_table *t, size_t buffer, const lifetime_loop *loop) {
    if (!lifetime_is_inside(t, buffer, loop))
        return false;
    return (loop->block && t->short_lived[buffer]) ||
           (t->written_first[buffer] &&
            !lifetime_holds_axis(&t->plan->buffers.at[buffer], loop->axis));
}

static void lifetime_cover(lifetime *l, lifetime over) {
    if (!lifetime_meet(*l, over))
        return;
    l->first = over.first < l->first ? over.first : l->first;
    l->last = over.last > l->last ? over.last : l->last;
}

/* but: a loop whose turns do not count; NULL: none. */
static lifetime lifetime_extended(const lifetime_table *t, size_t buffer,
                                  const lifetime_loop *but) {
    lifetime l = t->touched[buffer];
    for (size_t i = 0; i < t->loops.count; i++) {
        const lifetime_loop *loop = &t->loops.at[i];
        if (loop != but && !lifetime_is_scratch(t, buffer, loop))
            lifetime_cover(&l, loop->over);
    }
    for (size_t i = 0; i < t->groups.count; i++)
        lifetime_cover(&l, t->groups.at[i].over);
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

bool lifetime_of_block(const lifetime_table *t, size_t buffer, lifetime *live, int *axis) {
    if (t->elsewhere[buffer] || t->plan->buffers.at[buffer].storage != NEST_ARENA)
        return false;
    for (size_t i = 0; i < t->loops.count; i++) {
        const lifetime_loop *loop = &t->loops.at[i];
        if (!loop->block || !lifetime_is_inside(t, buffer, loop))
            continue;
        *live = lifetime_extended(t, buffer, loop);
        *axis = loop->axis;
        return true;
    }
    return false;
}

void lifetime_find(const nest_plan *plan, arena *memory, lifetime_table *out) {
    size_t count = plan->buffers.count;
    *out = (lifetime_table){.plan = plan,
                            .touched = arena_array(memory, lifetime, count),
                            .live = arena_array(memory, lifetime, count),
                            .kept = arena_array(memory, bool, count),
                            .written_first = arena_array(memory, bool, count),
                            .elsewhere = arena_array(memory, bool, count),
                            .short_lived = arena_array(memory, bool, count)};
    for (size_t i = 0; i < count; i++)
        out->touched[i] = (lifetime){0, -1};
    lifetime_items(out, memory, &plan->items, -1);
    for (size_t i = 0; i < count; i++) {
        out->live[i] = out->touched[i].first <= out->touched[i].last
                           ? lifetime_extended(out, i, NULL)
                           : out->touched[i];
        lifetime_keep(out, i);
    }
}

bool lifetime_meet(lifetime left, lifetime right) {
    return left.first <= right.last && right.first <= left.last;
}
