/* Where the time goes: a clock that is read whenever a thread goes from one nest to the next.
 *
 * A profiler that samples sees machine code and knows no user's names; one clock per nest knows
 * them, and the plan knows what each nest had to do. So a program that is compiled to be watched
 * reports before each kernel which nest it is about to run, and before each meeting that it waits;
 * what lies between two reports is the time of the first. The time that the clock itself takes is
 * taken off, but short nests still look longer than they are: what a processor overlaps, a clock
 * between them keeps apart.
 *
 * What a nest does is counted as its roof would: an arithmetic operation on an element is as dear
 * as a multiply-add, and an element counts once a call, however often a tile reads it again. */
#include "jit/watch.h"

#include <string.h>
#include <time.h>

struct watch_record {
    int count;     /* nests */
    int64_t clock; /* nanoseconds that reading it takes */
    int64_t since; /* when `now` began */
    int64_t now;   /* a nest, or behind those: waiting, nothing */
    struct {
        int64_t nanoseconds, calls;
    } of[];
};

enum { WATCH_BESIDES = 2 /* waiting and nothing */ };

/* ---- what a nest does */

typedef struct watch_build {
    const nest_plan *plan; /* its memory is for what is not kept */
    arena *memory;
    watch_table *table;
    int loops;
} watch_build;

/* number times the counts of these ranges */
static watch_amount watch_product(const watch_build *w, const nest *n, uint64_t ranges,
                                  double number) {
    VEC(int) axes = {0};
    for (size_t r = 0; r < n->ranges.count; r++) {
        const nest_range *range = &n->ranges.at[r];
        if ((ranges >> r & 1) == 0)
            continue;
        if (range->count >= 0)
            number *= (double)range->count;
        else
            vec_push(w->memory, &axes, range->block ? NEST_BLOCK : (int)(-1 - range->count));
    }
    return (watch_amount){number, {axes.at, (int)axes.count}};
}

static bool watch_computes(const nest_instruction *in) {
    bool floats = in->type == BODY_F32 || in->type == BODY_F64;
    return in->op == NEST_BODY && floats && in->code.op != BODY_CONSTANT;
}

/* One amount for each set of ranges that instructions depend on. */
static void watch_arithmetic(const watch_build *w, const nest *n, const uint64_t *depends,
                             watch_nest *out) {
    bool *done = arena_array(w->plan->memory, bool, n->tape.count + 1);
    out->arithmetic = arena_array(w->memory, watch_amount, n->tape.count + 1);
    for (size_t i = 0; i < n->tape.count; i++) {
        double number = 0;
        for (size_t k = i; k < n->tape.count; k++)
            if (!done[k] && depends[k] == depends[i] && watch_computes(&n->tape.at[k])) {
                done[k] = true;
                number++;
            }
        if (number > 0)
            out->arithmetic[out->arithmetic_count++] = watch_product(w, n, depends[i], number);
    }
}

/* Each buffer once, along all ranges that its accesses move through. */
static void watch_memory(const watch_build *w, const nest *n, const uint64_t *depends,
                         watch_nest *out) {
    uint64_t *moves = arena_array(w->plan->memory, uint64_t, n->tape.count + 1);
    out->buffers = arena_array(w->memory, watch_buffer, n->tape.count + 1);
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        int b = 0;
        if (!nest_is_access(in))
            continue;
        while (b < out->buffer_count && out->buffers[b].which != in->which)
            b++;
        out->buffers[b].which = in->which;
        out->buffer_count += b == out->buffer_count;
        for (int k = 0; k < in->at_count; k++)
            moves[b] |= depends[in->at[k]];
    }
    for (int b = 0; b < out->buffer_count; b++) {
        double size = (double)dtype_size(w->plan->buffers.at[out->buffers[b].which].type);
        out->buffers[b].bytes = watch_product(w, n, moves[b], size);
    }
}

/* Depth of recursion: nested loops, at most the axes and the blocks. */
static void watch_items(watch_build *w, const nest_list *items, int loop) {
    for (size_t i = 0; i < items->count; i++) {
        const nest *n = items->at[i].kernel;
        if (!n) {
            watch_items(w, &items->at[i].items, items->at[i].block ? loop : ++w->loops);
            continue;
        }
        uint64_t *depends = arena_array(w->plan->memory, uint64_t, n->tape.count + 1);
        nest_dependences(n, depends);
        watch_nest *out = &w->table->nests[w->table->count++];
        *out = (watch_nest){.name = arena_copy_text(w->memory, n->name), .loop = loop};
        watch_arithmetic(w, n, depends, out);
        watch_memory(w, n, depends, out);
    }
}

void watch_of(const nest_plan *plan, arena *memory, watch_table *out) {
    watch_build w = {plan, memory, out, 0};
    *out = (watch_table){arena_array(memory, watch_nest, plan->kernels.count + 1), 0};
    watch_items(&w, &plan->items, 0);
}

/* ---- the clock */

static int64_t watch_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t watch_clock(void) {
    enum { TIMES = 200 };
    int64_t start = watch_now();
    for (int i = 0; i < TIMES; i++)
        watch_now();
    return (watch_now() - start) / (TIMES + 1);
}

size_t watch_record_bytes(const watch_table *t) {
    watch_record *r;
    return sizeof *r + ((size_t)t->count + WATCH_BESIDES) * sizeof *r->of;
}

void watch_clear(watch_record *r, const watch_table *t, int64_t clock) {
    memset(r, 0, watch_record_bytes(t));
    r->count = t->count;
    r->clock = clock;
    r->now = r->count - 1 - WATCH_NOTHING;
    r->since = watch_now();
}

void watch_switch(watch_record *r, int64_t number) {
    int64_t now = watch_now(), spent = now - r->since - r->clock;
    r->of[r->now].nanoseconds += spent > 0 ? spent : 0;
    r->now = number >= 0 ? number : r->count - 1 - number;
    r->of[r->now].calls++;
    r->since = now;
}

/* ---- what was found */

static double watch_times(const watch_amount *amount, const double *extents) {
    double product = amount->number;
    for (int i = 0; i < amount->times.count; i++)
        product *= extents[amount->times.axes[i]];
    return product;
}

static double watch_touched(const watch_nest *n, const double *extents) {
    double bytes = 0;
    for (int b = 0; b < n->buffer_count; b++)
        bytes += watch_times(&n->buffers[b].bytes, extents);
    return bytes;
}

/* Bytes of a buffer that a nest of this loop touches, before nest `end`: the most of one. */
static double watch_most(const watch_table *t, int loop, int end, int32_t which,
                         const double *extents) {
    double most = 0;
    for (int i = 0; i < end; i++)
        for (int b = 0; t->nests[i].loop == loop && b < t->nests[i].buffer_count; b++) {
            const watch_buffer *buffer = &t->nests[i].buffers[b];
            double bytes = buffer->which == which ? watch_times(&buffer->bytes, extents) : 0;
            most = bytes > most ? bytes : most;
        }
    return most;
}

/* Bytes that a turn of a loop touches: of each buffer the most that one nest does. */
static double watch_turn(const watch_table *t, int loop, const double *extents) {
    double sum = 0;
    for (int i = 0; i < t->count; i++)
        for (int b = 0; t->nests[i].loop == loop && b < t->nests[i].buffer_count; b++) {
            int32_t which = t->nests[i].buffers[b].which;
            sum +=
                watch_most(t, loop, i + 1, which, extents) - watch_most(t, loop, i, which, extents);
        }
    return sum;
}

bool watch_read(const watch_table *t, watch_record *const *records, int threads,
                const double *extents, int i, watch_found *out) {
    if (i < 0 || i > t->count)
        return false;
    *out = (watch_found){.name = i < t->count ? t->nests[i].name : "waiting"};
    for (int k = 0; k < threads; k++) {
        double calls = (double)records[k]->of[i].calls;
        out->seconds += (double)records[k]->of[i].nanoseconds * 1e-9 / threads;
        out->calls = calls > out->calls ? calls : out->calls;
    }
    if (i == t->count)
        return true;
    const watch_nest *n = &t->nests[i];
    for (int k = 0; k < n->arithmetic_count; k++)
        out->arithmetic += out->calls * watch_times(&n->arithmetic[k], extents);
    out->bytes = watch_touched(n, extents);
    out->resident = n->loop > 0 ? watch_turn(t, n->loop, extents) : out->bytes;
    out->bytes *= out->calls;
    return true;
}
