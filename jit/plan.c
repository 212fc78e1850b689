/* The arena of a run: values that are never needed at the same time take turns in one place.
 *
 * Extents are run-time numbers, so a size is a formula: a constant times extents. Who shares with
 * whom is decided once, at compile time, among buffers whose formulas differ in the constant alone;
 * of a value that no other block needs only one block is kept, which is another formula. So it
 * holds for all extents, and laying out is a sum over the formulas of the hosts each time extents
 * change. Larger buffers choose first, then earlier ones: each moves in with the first host that
 * none of the others there meets (lifetime.c) or that hands over to it (handover.c). Every product
 * and sum is checked: a program that does not fit must be refused before anything is computed.
 *
 * Guarded arenas share nothing: there, memory that was not written in this call is to be seen, and
 * what another value left would hide it.
 *
 * Trap: a buffer can have no elements (an extent is 0) and still be read. Loads whose place is
 * computed are clamped into the buffer and hoisted out of loops that then do not run at all; what
 * they read is never used, but there must be something to read. So such buffers share a scratch
 * area that is as large as the largest would be with 1 for every 0, filled with zeros. */
#include "jit/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/size.h"

void plan_buffer_of(const nest_buffer *b, const int64_t *fixed_extents, plan_buffer *out) {
    memset(out, 0, sizeof *out);
    out->name = b->name;
    out->storage = b->storage;
    out->type = b->type;
    out->constant = 1;
    for (int i = 0; i < b->axis_count + b->shape.rank; i++) {
        int64_t size =
            i < b->axis_count ? OP_EXTENT_OF(b->axes[i]) : b->shape.dimension[i - b->axis_count];
        int axis = size < 0 ? (int)(-1 - size) : -1;
        bool holds_checkpoints = i < b->axis_count && axis == b->checkpoint - 1;
        if (i < b->axis_count && axis == b->block - 1)
            axis = NEST_BLOCK;
        else if (holds_checkpoints)
            axis = NEST_CHECKPOINTS;
        else if (axis >= 0)
            size = fixed_extents[axis];
        if (size < 0)
            out->axes[out->axis_count++] = axis;
        if (holds_checkpoints)
            size = b->steps;
        if (size == 0)
            out->empty = true;
        else if (size > 0 && !size_multiply(out->constant, (size_t)size, &out->constant))
            out->constant = SIZE_MAX;
    }
}

/* ---- who shares with whom */

typedef struct plan_guest {
    const plan_buffer *buffer;
    size_t bytes;                       /* per unit of the extents */
    int axes[LIMIT_AXES + LIMIT_RANK];  /* sorted */
    int whole[LIMIT_AXES + LIMIT_RANK]; /* the same, but the axis itself where a block of it is */
    size_t number;
} plan_guest;

/* Those who share a place: the host, and who moved in. */
typedef struct plan_home {
    const plan_guest *host;
    VEC(size_t) members; /* buffers by number */
} plan_home;

static int plan_compare_axes(const int *l, int l_count, const int *r, int r_count) {
    if (l_count != r_count)
        return l_count < r_count ? -1 : 1;
    for (int i = 0; i < l_count; i++)
        if (l[i] != r[i])
            return l[i] < r[i] ? -1 : 1;
    return 0;
}

/* Is the host at least as large at all extents? A block is never longer than its axis. */
static bool plan_fits(const plan_guest *g, const plan_guest *host) {
    int count = g->buffer->axis_count, hosts = host->buffer->axis_count;
    return g->bytes <= host->bytes && (plan_compare_axes(g->axes, count, host->axes, hosts) == 0 ||
                                       plan_compare_axes(g->whole, count, host->axes, hosts) == 0);
}

static int plan_compare(const void *left, const void *right) {
    const plan_guest *l = left, *r = right;
    int axes = plan_compare_axes(l->axes, l->buffer->axis_count, r->axes, r->buffer->axis_count);
    if (axes != 0)
        return axes;
    if (l->bytes != r->bytes)
        return l->bytes > r->bytes ? -1 : 1;
    if (l->buffer->live.first != r->buffer->live.first)
        return l->buffer->live.first < r->buffer->live.first ? -1 : 1;
    return l->number < r->number ? -1 : 1;
}

static void plan_insert(int *sorted, int count, int axis) {
    int k = count;
    for (; k > 0 && sorted[k - 1] > axis; k--)
        sorted[k] = sorted[k - 1];
    sorted[k] = axis;
}

/* false: it shares with nobody. */
static bool plan_guest_of(const nest_plan *plan, const plan_buffer *b, size_t number,
                          plan_guest *out) {
    *out = (plan_guest){.buffer = b, .number = number};
    if (b->storage != NEST_ARENA || b->unused || b->empty || b->constant == SIZE_MAX ||
        !size_multiply(b->constant, dtype_size(b->type), &out->bytes))
        return false;
    int block = plan->buffers.at[number].block - 1;
    for (int i = 0; i < b->axis_count; i++) {
        plan_insert(out->axes, i, b->axes[i]);
        plan_insert(out->whole, i, b->axes[i] == NEST_BLOCK ? block : b->axes[i]);
    }
    return true;
}

static bool plan_has_room(const lifetime_table *t, const plan_home *home, size_t number) {
    const handover_slice all = {.dimension = -1};
    for (size_t i = 0; i < home->members.count; i++) {
        size_t other = home->members.at[i];
        if (lifetime_meet(t->live[other], t->live[number]) &&
            !handover_allows(t, other, all, number) && !handover_allows(t, number, all, other))
            return false;
    }
    return true;
}

/* Does somebody there hand over to it, or it to him? */
static bool plan_takes_turns(const lifetime_table *t, const plan_home *home, size_t number) {
    const handover_slice all = {.dimension = -1};
    for (size_t i = 0; i < home->members.count; i++)
        if (handover_allows(t, home->members.at[i], all, number) ||
            handover_allows(t, number, all, home->members.at[i]))
            return true;
    return false;
}

typedef struct plan_work {
    nest_plan *plan;
    const int64_t *fixed_extents;
    lifetime_table table;
    arena *memory;
    plan_buffer *buffers;
    VEC(plan_home) homes;
} plan_work;

/* The first home with room; -1: none. turns: only one where it takes turns with somebody. */
static ptrdiff_t plan_home_of(const plan_work *w, const plan_guest *g, bool turns) {
    for (size_t h = 0; h < w->homes.count; h++) {
        const plan_home *home = &w->homes.at[h];
        if (plan_fits(g, home->host) && plan_has_room(&w->table, home, g->number) &&
            (!turns || plan_takes_turns(&w->table, home, g->number)))
            return (ptrdiff_t)h;
    }
    return -1;
}

static void plan_move_in(plan_work *w, const plan_guest *g, ptrdiff_t h) {
    if (h < 0) {
        vec_push(w->memory, &w->homes, (plan_home){.host = g});
        h = (ptrdiff_t)w->homes.count - 1;
    } else {
        w->buffers[g->number].host = w->homes.at[h].host->buffer;
    }
    vec_push(w->memory, &w->homes.at[h].members, g->number);
}

static void plan_sort(plan_guest *guests, size_t count) {
    if (count > 0)
        qsort(guests, count, sizeof *guests, plan_compare);
}

/* Only a block's steps of it are kept. */
static void plan_shorten(plan_work *w, size_t number, lifetime live, int axis) {
    nest_buffer *b = &w->plan->buffers.at[number];
    b->block = (int8_t)(1 + axis);
    plan_buffer_of(b, w->fixed_extents, &w->buffers[number]);
    w->buffers[number].live = w->table.live[number] = live;
    w->table.short_lived[number] = true;
}

/* Those that are kept whole first. Of the others one block is kept, unless it can take turns with
 * one that is whole. */
static void plan_share(plan_work *w) {
    size_t count = w->plan->buffers.count, whole = 0, short_count = 0, guest_count = 0;
    plan_guest *guests = arena_array(w->memory, plan_guest, count);
    plan_guest *others = arena_array(w->memory, plan_guest, count), guest;
    for (size_t i = 0; i < count; i++) {
        lifetime live;
        int axis;
        if (!plan_guest_of(w->plan, &w->buffers[i], i, &guest))
            continue;
        if (lifetime_of_block(&w->table, i, &live, &axis))
            others[short_count++] = guest;
        else
            guests[whole++] = guest;
    }
    plan_sort(guests, whole);
    plan_sort(others, short_count);
    for (; guest_count < whole; guest_count++)
        plan_move_in(w, &guests[guest_count], plan_home_of(w, &guests[guest_count], false));
    for (size_t i = 0; i < short_count; i++) {
        ptrdiff_t h = plan_home_of(w, &others[i], true);
        lifetime live;
        int axis;
        if (h >= 0)
            plan_move_in(w, &others[i], h);
        else if (lifetime_of_block(&w->table, others[i].number, &live, &axis))
            plan_shorten(w, others[i].number, live, axis);
        if (h < 0 && plan_guest_of(w->plan, others[i].buffer, others[i].number, &guest))
            guests[guest_count++] = guest;
    }
    plan_sort(guests + whole, guest_count - whole);
    for (size_t i = whole; i < guest_count; i++)
        plan_move_in(w, &guests[i], plan_home_of(w, &guests[i], false));
}

void plan_make(nest_plan *plan, const int64_t *fixed_extents, arena *memory, plan_buffer *out) {
    size_t count = plan->buffers.count;
    plan_work w = {.plan = plan, .fixed_extents = fixed_extents, .memory = memory, .buffers = out};
    lifetime_find(plan, memory, &w.table);
    for (size_t i = 0; i < count; i++) {
        plan_buffer_of(&plan->buffers.at[i], fixed_extents, &out[i]);
        out[i].live = w.table.live[i];
        out[i].unused = out[i].storage == NEST_ARENA && out[i].live.first > out[i].live.last;
    }
    plan_share(&w);
}

/* ---- layout */

bool plan_elements(const plan_buffer *b, const int64_t *extents, size_t least, size_t *out) {
    size_t count = b->constant;
    if (b->empty && !size_multiply(count, least, &count))
        return false;
    for (int i = 0; i < b->axis_count; i++) {
        size_t extent = (size_t)extents[b->axes[i]];
        if (!size_multiply(count, extent > 0 ? extent : least, &count))
            return false;
    }
    *out = count;
    return true;
}

static bool plan_bytes(const plan_buffer *b, const int64_t *extents, size_t least, size_t *out) {
    return plan_elements(b, extents, least, out) && size_multiply(*out, dtype_size(b->type), out) &&
           *out <= PTRDIFF_MAX;
}

/* Takes `bytes` behind *end. */
static bool plan_take(size_t *end, size_t bytes, bool guarded, plan_place *out) {
    size_t whole, start = *end, padding = 0;
    if (!size_add(bytes, guarded ? 0 : PLAN_ZONE, &whole) ||
        !size_align(whole, PLAN_ALIGNMENT, &whole))
        return false;
    if (guarded) {
        size_t pages;
        if (!size_align(whole, PLAN_PAGE, &pages) || !size_add(start, PLAN_PAGE, &start))
            return false;
        padding = pages - whole;
    }
    out->bytes = bytes;
    return size_add(start, padding, &out->offset) && size_add(out->offset, whole, end) &&
           *end <= PTRDIFF_MAX;
}

bool plan_lay_out(const plan_buffer *buffers, size_t count, const int64_t *extents, bool guarded,
                  plan_place *places, plan_layout *out, size_t *at) {
    size_t end = 0, scratch = 0;
    for (size_t i = 0; i < count; i++) {
        const plan_buffer *b = &buffers[i];
        size_t bytes, least;
        *at = i;
        places[i] = (plan_place){0, 0};
        if (!plan_bytes(b, extents, 0, &bytes) || !plan_bytes(b, extents, 1, &least))
            return false;
        if (b->unused)
            continue;
        if (bytes == 0)
            scratch = least > scratch ? least : scratch;
        else if (b->host && !guarded)
            places[i].bytes = bytes;
        else if ((b->storage == NEST_ARENA || b->storage == NEST_OUTPUT) &&
                 !plan_take(&end, bytes, guarded, &places[i]))
            return false;
    }
    for (size_t i = 0; i < count && !guarded; i++)
        if (buffers[i].host)
            places[i].offset = places[buffers[i].host - buffers].offset;
    /* A vector that begins in the last buffer may end behind it. */
    return plan_take(&end, scratch, guarded, &out->scratch) &&
           size_add(end, guarded ? PLAN_PAGE : PLAN_ALIGNMENT, &out->bytes) &&
           out->bytes <= PTRDIFF_MAX;
}
