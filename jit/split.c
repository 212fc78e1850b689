/* Which iterations of a nest belong to which thread, and where one must wait for the others.
 *
 * Samples come first: what happens to one sample needs no other, so threads that share a batch step
 * through a recurrence without waiting for each other. All nests must agree on whose a sample is,
 * so there is one batch axis for the whole plan, and its first range in a nest is the one that is
 * cut. (The other range that a thread's part is cut from depends on the tile: emit_split.c.)
 *
 * Threads meet before a nest that touches memory which another thread has touched since they last
 * met, if one of the two wrote it. That is a walk through the program that remembers, for every
 * place in memory, who has read it and who has written it; it is made twice, for threads that share
 * samples and for those that share units, as the first hardly ever need to meet. A loop turns, so
 * its body is walked again with what it left, until no further meeting is found; what was open
 * before the loop is met for in front of it and not in each turn.
 *
 * Loops that need nothing of one another (lower_beside.c) are an alternative to sharing the units
 * of each, if what a loop does with a sample needs no meeting.
 *
 * Traps. Values that take turns in the same memory are one place: to write one is to overwrite the
 * other. And two values of one place can only be told apart by sample if their elements are laid
 * out alike. */
#include "jit/split.h"

#include <string.h>

#include "jit/portion.h"

/* Who has touched a place since the last meeting: thread 0 by itself, each thread its own samples,
 * anybody anything. */
enum { SPLIT_LEAD = 1, SPLIT_OWN = 2, SPLIT_ANY = 4 };

typedef struct split_use {
    uint8_t readers, writers; /* sets of the above */
    int32_t buffer;           /* of the own samples */
    int32_t written;          /* 1 + the buffer of all writers; 0: none, -1: several buffers */
} split_use;

typedef struct split_walk {
    const nest_plan *plan;
    arena *memory;
    size_t *place; /* by buffer: the number of the buffer whose memory it lives in */
    size_t places;
    int axis; /* of samples; -1: none */
    nest_meeting kind;
    split_use *open; /* by place */
    bool changed;
} split_walk;

/* ---- who runs what */

static bool split_is_ordered(const nest *n) {
    for (size_t r = 0; r < n->ranges.count; r++)
        if (n->ranges.at[r].ordered)
            return true;
    return false;
}

bool split_is_alone(const nest *n) {
    int parallel = nest_parallel_count(n);
    for (int r = 0; r < parallel; r++)
        if (!n->ranges.at[r].ordered)
            return false;
    return true;
}

int split_sample_axis(const graph *g) {
    for (int a = 0; g && a < g->axis_count; a++)
        if (g->axes[a].batch)
            return a;
    return -1;
}

/* 1 + the first parallel range over the axis; 0: none. A scatter adds its samples in order. */
static int split_samples(const nest *n, int axis) {
    int parallel = split_is_ordered(n) ? 0 : nest_parallel_count(n);
    for (int r = 0; r < parallel && axis >= 0; r++)
        if (n->ranges.at[r].count == OP_EXTENT_OF(axis))
            return 1 + r;
    return 0;
}

/* ---- who touches what */

/* Does this access see but the samples of the thread that runs it? */
static bool split_is_own(const split_walk *w, const nest *n, const nest_instruction *in) {
    const nest_buffer *b = &w->plan->buffers.at[in->which];
    for (int i = 0; i < b->axis_count && n->samples > 0; i++) {
        const nest_instruction *index = &n->tape.at[in->at[i]];
        if (b->axes[i] == w->axis && index->op == NEST_RANGE && index->which == n->samples - 1)
            return true;
    }
    return false;
}

static uint8_t split_who(const split_walk *w, const nest *n, const nest_instruction *in) {
    if (split_is_alone(n))
        return SPLIT_LEAD;
    return w->kind == NEST_MEET_SAMPLES && split_is_own(w, n, in) ? SPLIT_OWN : SPLIT_ANY;
}

static bool split_same_layout(const nest_plan *plan, int32_t left, int32_t right) {
    const nest_buffer *l = &plan->buffers.at[left], *r = &plan->buffers.at[right];
    return left == right ||
           (dtype_size(l->type) == dtype_size(r->type) && l->axis_count == r->axis_count &&
            l->block == r->block &&
            memcmp(l->axes, r->axes, sizeof *l->axes * (size_t)l->axis_count) == 0 &&
            op_shape_equal(&l->shape, &r->shape));
}

/* Must the threads meet between what is open and this access? An element of a value is written
 * once, so two writers of one value never do. */
static bool split_clashes(const split_walk *w, const nest *n, const nest_instruction *in) {
    const split_use *u = &w->open[w->place[in->which]];
    uint8_t others = in->op == NEST_LOAD ? u->writers : u->readers;
    if (in->op == NEST_STORE && u->written != 1 + in->which)
        others |= u->writers;
    uint8_t who = split_who(w, n, in);
    if (who == SPLIT_OWN && !split_same_layout(w->plan, u->buffer, in->which))
        return others != 0;
    return (others & (who == SPLIT_ANY ? SPLIT_ANY | SPLIT_OWN | SPLIT_LEAD : ~who)) != 0;
}

static bool split_nest_clashes(const split_walk *w, const nest *n) {
    for (size_t i = 0; i < n->tape.count; i++)
        if (nest_is_access(&n->tape.at[i]) && split_clashes(w, n, &n->tape.at[i]))
            return true;
    return false;
}

static bool split_items_clash(const split_walk *w, const nest_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel ? split_nest_clashes(w, item->kernel) : split_items_clash(w, &item->items))
            return true;
    }
    return false;
}

/* Remembers that the place was touched, by whom and through which buffer. */
static void split_note(const split_walk *w, split_use *u, uint8_t who, int32_t buffer, bool store) {
    if (who == SPLIT_OWN) {
        bool others = ((u->readers | u->writers) & SPLIT_OWN) != 0;
        if (others && !split_same_layout(w->plan, u->buffer, buffer))
            who = SPLIT_ANY;
        else
            u->buffer = buffer;
    }
    if (!store) {
        u->readers |= who;
        return;
    }
    u->writers |= who;
    u->written = u->written == 0 || u->written == 1 + buffer ? 1 + buffer : -1;
}

static void split_touch(split_walk *w, const nest *n) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (nest_is_access(in))
            split_note(w, &w->open[w->place[in->which]], split_who(w, n, in), in->which,
                       in->op == NEST_STORE);
    }
}

/* ---- the walk */

static void split_meet(split_walk *w, nest_item *item) {
    w->changed |= (item->meeting & w->kind) == 0;
    item->meeting |= (uint8_t)w->kind;
    memset(w->open, 0, w->places * sizeof *w->open);
}

/* What was open before a loop stays open if it has no turns. */
static void split_join(split_walk *w, const split_use *before) {
    for (size_t i = 0; i < w->places; i++) {
        split_use *u = &w->open[i];
        int32_t now = u->written, then = before[i].written;
        for (int who = SPLIT_LEAD; who <= SPLIT_ANY; who *= 2) {
            if ((before[i].readers & who) != 0)
                split_note(w, u, (uint8_t)who, before[i].buffer, false);
            if ((before[i].writers & who) != 0)
                split_note(w, u, (uint8_t)who, before[i].buffer, true);
        }
        u->written = now == 0 || now == then ? then : then == 0 ? now : -1;
    }
}

static void split_items(split_walk *w, nest_list *items);

static void split_loop(split_walk *w, nest_item *item) {
    size_t bytes = w->places * sizeof *w->open;
    split_use *before = arena_array(w->memory, split_use, w->places + 1);
    if ((item->meeting & w->kind) != 0 || split_items_clash(w, &item->items))
        split_meet(w, item);
    memcpy(before, w->open, bytes);
    memset(w->open, 0, bytes);
    split_items(w, &item->items);
    bool changed = w->changed;
    do { /* a turn after what the last one left: a meeting stays where it was found */
        w->changed = false;
        split_items(w, &item->items);
        changed |= w->changed;
    } while (w->changed);
    w->changed = changed;
    split_join(w, before);
}

/* Depth of recursion: nested loops, at most the axes. */
static void split_items(split_walk *w, nest_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        nest_item *item = &items->at[i];
        if (!item->kernel) {
            split_loop(w, item);
            continue;
        }
        if ((item->meeting & w->kind) != 0 || split_nest_clashes(w, item->kernel))
            split_meet(w, item);
        split_touch(w, item->kernel);
    }
}

bool split_keeps_samples(const nest_list *items) {
    bool found = false;
    for (size_t i = 0; i < items->count; i++)
        found |= (items->at[i].meeting & NEST_MEET_SAMPLES) != 0 ||
                 (!items->at[i].kernel && split_keeps_samples(&items->at[i].items));
    return found;
}

/* Threads that are alone with a loop could not meet those of other samples in it. */
static void split_beside(nest_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        nest_item *item = &items->at[i];
        for (int k = 0; k <= item->beside; k++)
            if (!item[k].kernel && split_keeps_samples(&item[k].items))
                item->beside = 0;
        if (!item->kernel)
            split_beside(&item->items);
    }
}

void split_plan(nest_plan *plan, const plan_buffer *buffers, arena *memory) {
    size_t count = plan->buffers.count;
    split_walk w = {.plan = plan, .memory = memory, .axis = split_sample_axis(plan->source)};
    w.places = count;
    w.place = arena_array(memory, size_t, count + 1);
    w.open = arena_array(memory, split_use, count + 1);
    for (size_t i = 0; i < count; i++)
        w.place[i] = buffers && buffers[i].host ? (size_t)(buffers[i].host - buffers) : i;
    for (size_t k = 0; k < plan->kernels.count; k++)
        plan->kernels.at[k]->samples = split_samples(plan->kernels.at[k], w.axis);
    static const nest_meeting kinds[] = {NEST_MEET_SAMPLES, NEST_MEET_UNITS};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        w.kind = kinds[k];
        memset(w.open, 0, count * sizeof *w.open);
        split_items(&w, &plan->items);
    }
    split_beside(&plan->items);
    portion_plan(plan, memory);
}

/* ---- as text */

static void split_print_items(const nest_list *items, int indent, text *out) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        bool samples = (item->meeting & NEST_MEET_SAMPLES) != 0;
        if (item->meeting != 0)
            text_add(out, "%*smeet%s\n", 2 * indent, "", samples ? "" : " where units are shared");
        if (item->kernel) {
            bool alone = split_is_alone(item->kernel);
            text_add(out, "%*s%s%s\n", 2 * indent, "", item->kernel->name,
                     alone                        ? " alone"
                     : item->kernel->samples == 0 ? " units"
                                                  : "");
            continue;
        }
        text_add(out, "%*sloop", 2 * indent, "");
        if (item->beside > 0)
            text_add(out, ", or one for each thread: it and the next %d", item->beside);
        if (item->portion > 0)
            text_add(out, ", in portions of samples of %lld bytes", (long long)item->portion);
        text_add(out, "\n");
        split_print_items(&item->items, indent + 1, out);
    }
}

void split_print(const nest_plan *plan, text *out) {
    split_print_items(&plan->items, 0, out);
}
