/* When a buffer's memory is needed: from the first nest that touches it to the last.
 *
 * Program order is a walk through the items, so a lifetime is an interval of nest numbers, and a
 * loop is one too. A loop turns, so what is touched inside is needed during all of it: the next
 * turn may read what this one left. The exception is scratch of one turn: all accesses inside, no
 * axis of the loop left (lower_finish drops the axis just when every access is at this very step),
 * and written before it is read. It lives by the loop's own order.
 *
 * Traps. Both ends are inclusive: a tile at the end of a nest may repeat iterations, and a long
 * fold rests its states in its result, so a result must not take the memory of an operand that dies
 * in the same nest. And kernels[] is not in program order (packed copies are made late). */
#include "jit/lifetime.h"

typedef struct lifetime_loop {
    int axis;
    lifetime over;
} lifetime_loop;

typedef struct lifetime_walk {
    const nest_plan *plan;
    arena *memory;
    lifetime *of;
    bool *written_first; /* by buffer: does its first nest store it, before any load? */
    int32_t position;
    VEC(lifetime_loop) loops; /* inner before outer */
} lifetime_walk;

static void lifetime_note(lifetime_walk *w, const nest *n) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op != NEST_LOAD && in->op != NEST_STORE)
            continue;
        lifetime *l = &w->of[in->which];
        if (l->first > l->last) {
            l->first = w->position;
            w->written_first[in->which] = in->op == NEST_STORE;
        }
        l->last = w->position;
    }
    w->position++;
}

/* Depth of recursion: nested loops, at most the axes. */
static void lifetime_items(lifetime_walk *w, const nest_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel) {
            lifetime_note(w, item->kernel);
            continue;
        }
        lifetime_loop loop = {.axis = item->axis, .over = {.first = w->position}};
        lifetime_items(w, &item->items);
        loop.over.last = w->position - 1;
        vec_push(w->memory, &w->loops, loop);
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

static void lifetime_extend(const lifetime_walk *w, size_t buffer) {
    lifetime *l = &w->of[buffer];
    for (size_t i = 0; i < w->loops.count; i++) {
        const lifetime_loop *loop = &w->loops.at[i];
        bool inside = l->first >= loop->over.first && l->last <= loop->over.last;
        bool scratch = inside && w->written_first[buffer] &&
                       !lifetime_holds_axis(&w->plan->buffers.at[buffer], loop->axis);
        if (scratch || !lifetime_meet(*l, loop->over))
            continue;
        l->first = loop->over.first < l->first ? loop->over.first : l->first;
        l->last = loop->over.last > l->last ? loop->over.last : l->last;
    }
}

void lifetime_find(const nest_plan *plan, arena *memory, lifetime *out) {
    size_t count = plan->buffers.count;
    lifetime_walk w = {.plan = plan, .memory = memory, .of = out};
    w.written_first = arena_array(memory, bool, count);
    for (size_t i = 0; i < count; i++)
        out[i] = (lifetime){0, -1};
    lifetime_items(&w, &plan->items);
    for (size_t i = 0; i < count; i++)
        if (out[i].first <= out[i].last)
            lifetime_extend(&w, i);
}

bool lifetime_meet(lifetime left, lifetime right) {
    return left.first <= right.last && right.first <= left.last;
}
