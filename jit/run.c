/* One thread's use of a program: extents, memory, calls.
 *
 * Extents decide how large everything is, so setting them is the only thing that allocates; a call
 * passes a table of addresses to the compiled code and nothing else. The table is kept up to date
 * by whatever changes it (resize, bind), so a call does not rebuild it.
 *
 * With EDDY_GUARD=1 every buffer of the arena lies between pages that fault, and is filled with
 * 0xFF bytes - NaN, -1, neither true nor false - before each call, so that reading what was never
 * written, or beyond the end, is seen. The address sanitizer, where the library is built with it,
 * is told what lies between buffers. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/env.h"
#include "core/size.h"
#include "core/threads.h"
#include "jit/guard.h"
#include "jit/program_internal.h"

/* Threads write their own only, so each is in lines of its own. */
typedef struct run_context {
    _Alignas(THREADS_LINE) int64_t numbers[EMIT_CONTEXT];
} run_context;

struct program_run {
    const program *of;
    const allocator *source;
    size_t own_bytes; /* of this record with its tables */
    bool guarded;
    char *base;      /* the arena */
    size_t capacity; /* bytes at base */
    plan_layout layout;
    int64_t extents[PLAN_EXTENTS];
    int64_t steps;   /* of a block, as asked for */
    int64_t portion; /* bytes of one, as asked for */
    threads_barrier barrier;
    bool sized;     /* it has extents, if only of nothing */
    int wanted;     /* threads; 0: as many as pay */
    cost_grid grid; /* of the threads of a call */
    bool prepared;  /* what prepared items make is in the arena ... */
    bool unchanged; /* ... and was made of the parameters as they are */
    int contexts_count;
    run_context *contexts; /* one per thread: what the code is told */
    plan_place *places;    /* by buffer, at these extents ... */
    plan_place *next;      /* ... and room for those of a resize, which may fail */
    void **bound;          /* by buffer: the caller's memory */
    void **table;          /* by buffer: what the code is given */
};

enum { RUN_BLOCK_ROWS = 512 /* of a matrix product, so that it need not read its weights often */ };

static const site run_nowhere = {NULL, 0};

program_run *program_run_new(const program *p, const allocator *source, error *problem) {
    if (problem->code != STATUS_OK)
        return NULL;
    size_t each = 2 * sizeof(plan_place) + 2 * sizeof(void *), bytes;
    program_run *r = NULL;
    if (size_multiply(p->buffer_count, each, &bytes) && size_add(bytes, sizeof *r, &bytes))
        r = allocator_take(source, bytes, PLAN_ALIGNMENT);
    if (!r) {
        error_set(problem, STATUS_OUT_OF_MEMORY, run_nowhere, "run: out of memory");
        return NULL;
    }
    memset(r, 0, bytes);
    r->of = p;
    r->source = source;
    r->own_bytes = bytes;
    r->guarded = env_number("GUARD", 0) > 0;
    r->steps = env_number("BLOCK", 0);
    r->places = (plan_place *)(r + 1);
    r->next = r->places + p->buffer_count;
    r->bound = (void **)(r->next + p->buffer_count);
    r->table = r->bound + p->buffer_count;
    int64_t empty[LIMIT_AXES] = {0};
    if (program_run_threads(r, env_number("THREADS", 0), problem) == STATUS_OK &&
        program_run_resize(r, empty, problem) == STATUS_OK) {
        r->sized = true; /* from now on by the caller */
        return r;
    }
    program_run_free(r);
    return NULL;
}

/* Of the contexts, and behind them of what threads record. */
static size_t run_record_bytes(const program_run *r) {
    size_t bytes = r->of->watch.count > 0 ? watch_record_bytes(&r->of->watch) : 0;
    return (bytes + THREADS_LINE - 1) / THREADS_LINE * THREADS_LINE;
}

static size_t run_contexts_bytes(const program_run *r, int count) {
    return (size_t)count * (sizeof(run_context) + run_record_bytes(r));
}

static watch_record *run_record(const program_run *r, int thread) {
    char *first = (char *)(r->contexts + r->contexts_count);
    return (watch_record *)(first + (size_t)thread * run_record_bytes(r));
}

static void run_give(program_run *r) {
    guard_allow(r->base, r->capacity);
    if (r->guarded)
        guard_give(r->base, r->capacity);
    else
        allocator_give(r->source, r->base, r->capacity);
}

void program_run_free(program_run *r) {
    if (!r)
        return;
    run_give(r);
    allocator_give(r->source, r->contexts, run_contexts_bytes(r, r->contexts_count));
    allocator_give(r->source, r, r->own_bytes);
}

/* ---- threads */

static int run_most_threads(void) {
    int cores = threads_available();
    return cores < LIMIT_THREADS ? cores : LIMIT_THREADS;
}

/* The shortest grid of at most so many threads. More than one must gain a fifth: of an estimated
 * sixth nothing was left where a recurrence of one sample keeps one of two busy. Meetings are
 * taken for dearer than they were measured: a thread also fetches what the others wrote. */
static cost_grid run_best_grid(const program_run *r, int most) {
    static const double gain = 0.8, fetching = 3, region = 5, brief = 1e-5;
    cost_grid best = {1, 1};
    double alone = cost_seconds(&r->of->cost, r->extents, best, 0), least = gain * alone;
    for (int last = 1; last < most && alone > brief;) {
        int threads = 2 * last < most ? 2 * last : most;
        cost_grid grid = cost_arrange(&r->of->cost, r->extents, threads);
        double meeting = threads_round_trip(threads);
        double seconds = cost_seconds(&r->of->cost, r->extents, grid, fetching * meeting);
        if (seconds + region * meeting < least) {
            least = seconds + region * meeting;
            best = grid;
        }
        last = threads;
    }
    return best;
}

/* Before the caller has said how large anything is there is nothing to measure for. */
static void run_choose_grid(program_run *r) {
    if (r->wanted > 0)
        r->grid = cost_arrange(&r->of->cost, r->extents, r->wanted);
    else
        r->grid = r->sized ? run_best_grid(r, run_most_threads()) : (cost_grid){1, 1};
}

static bool run_take_contexts(program_run *r, int count, error *problem) {
    if (problem->code != STATUS_OK || count <= r->contexts_count)
        return problem->code == STATUS_OK;
    run_context *more =
        allocator_take(r->source, run_contexts_bytes(r, count), _Alignof(run_context));
    if (!more) {
        error_set(problem, STATUS_OUT_OF_MEMORY, run_nowhere, "threads: out of memory for %d",
                  count);
        return false;
    }
    allocator_give(r->source, r->contexts, run_contexts_bytes(r, r->contexts_count));
    r->contexts = more;
    r->contexts_count = count;
    program_run_watch(r);
    return true;
}

status program_run_threads(program_run *r, int threads, error *problem) {
    if (threads < 0 || threads > LIMIT_THREADS)
        return error_set(problem, STATUS_ARGUMENT, run_nowhere,
                         "threads: %d is not between 0 (as many as pay) and %d", threads,
                         (int)LIMIT_THREADS);
    if (run_take_contexts(r, threads > 0 ? threads : run_most_threads(), problem)) {
        r->wanted = threads;
        run_choose_grid(r);
    }
    return problem->code;
}

status program_run_grid(program_run *r, cost_grid grid, error *problem) {
    int threads = grid.samples * grid.units;
    assert(grid.samples > 0 && grid.units > 0 && threads <= LIMIT_THREADS);
    if (run_take_contexts(r, threads, problem)) {
        r->wanted = threads;
        r->grid = grid;
    }
    return problem->code;
}

cost_grid program_run_grid_now(const program_run *r) {
    return r->grid;
}

/* ---- extents */

/* Names the value that is too large, with its formula: "64 * t (100) * b (32) elements of f32". */
static void run_explain(const program *p, const plan_buffer *b, const int64_t *extents,
                        error *problem) {
    char terms[LIMIT_MESSAGE / 2] = "";
    size_t used = 0;
    for (int i = 0; i < b->axis_count && used < sizeof terms; i++) {
        const char *name = b->axes[i] == NEST_BLOCK         ? "block"
                           : b->axes[i] == NEST_CHECKPOINTS ? "(blocks + 1)"
                                                            : p->axes[b->axes[i]].name;
        int more = snprintf(terms + used, sizeof terms - used, " * %s (%lld)", name,
                            (long long)extents[b->axes[i]]);
        used += more > 0 ? (size_t)more : 0;
    }
    error_set(problem, STATUS_SIZE, run_nowhere,
              "resize: with %zu%s elements of %s for %s the program needs more memory than can be "
              "addressed; use smaller extents",
              b->constant, terms, dtype_name(b->type), b->name);
}

/* The extents that count: the caller's, and the fixed ones. */
static bool run_extents(const program *p, const int64_t *given, int64_t *out, error *problem) {
    for (int a = 0; a < p->axis_count; a++) {
        out[a] = p->axes[a].extent >= 0 ? p->axes[a].extent : given[a];
        if (out[a] >= 0 && out[a] <= INT32_MAX)
            continue;
        error_set(problem, out[a] < 0 ? STATUS_ARGUMENT : STATUS_SIZE, run_nowhere,
                  "resize: the extent %lld of axis %s is not between 0 and %d", (long long)out[a],
                  p->axes[a].name, INT32_MAX);
        return false;
    }
    return true;
}

/* What one step more in a block adds to the memory that only blocks need. */
typedef struct run_step {
    size_t bytes; /* SIZE_MAX: more than there are */
    size_t rows;  /* of the largest of its matrices: samples, times the steps of other axes */
} run_step;

static run_step run_step_of(const program *p, const int64_t *extents) {
    int64_t one[PLAN_EXTENTS];
    run_step step = {0, 0};
    memcpy(one, extents, sizeof one);
    one[NEST_BLOCK] = 1;
    for (size_t i = 0; i < p->buffer_count; i++) {
        plan_buffer b = p->buffers[i];
        size_t elements, bytes, rows;
        bool grows = false;
        for (int k = 0; k < b.axis_count; k++)
            grows |= b.axes[k] == NEST_BLOCK;
        if (!grows || b.host)
            continue;
        if (!plan_elements(&b, one, 0, &elements) ||
            !size_multiply(elements, dtype_size(b.type), &bytes) ||
            !size_add(step.bytes, bytes, &step.bytes))
            return (run_step){SIZE_MAX, SIZE_MAX};
        b.constant = 1; /* no units */
        if (plan_elements(&b, one, 0, &rows) && rows > step.rows)
            step.rows = rows;
    }
    return step;
}

/* Steps of a block at these extents. As many as asked for; else as many as the cache holds of what
 * only blocks need, and all if that is nothing. But a block reads all weights again, so it has rows
 * enough to pay for that. With checkpoints, the square root of all, so that they need as much
 * memory as a block does. */
static int64_t run_block_steps(const program_run *r, const int64_t *extents) {
    int64_t extent = r->of->block_axis >= 0 ? extents[r->of->block_axis] : 0, steps = r->steps;
    int64_t least = r->of->checkpoint_steps;
    if (steps == 0 && least > 0)
        while (steps * steps < extent)
            steps++;
    if (steps > 0 && steps < least)
        steps = least;
    if (steps == 0 && extent > 1) {
        run_step step = run_step_of(r->of, extents);
        size_t fit = step.bytes > 0 ? machine_cache() / step.bytes : SIZE_MAX;
        size_t pays = step.rows > 0 ? (RUN_BLOCK_ROWS - 1) / step.rows + 1 : 1;
        fit = fit < pays ? pays : fit;
        steps = fit > INT32_MAX ? INT32_MAX : (int64_t)fit;
    }
    return steps > 0 && steps < extent ? steps : extent;
}

static void run_point(program_run *r, size_t buffer) {
    const plan_buffer *b = &r->of->buffers[buffer];
    size_t elements = 0;
    bool fits = plan_elements(b, r->extents, 0, &elements);
    assert(fits);
    (void)fits;
    void **to = &r->table[buffer];
    if (b->storage == NEST_CONSTANT)
        *to = NULL;
    else if (elements == 0)
        *to = r->base + r->layout.scratch.offset;
    else if (r->bound[buffer])
        *to = r->bound[buffer];
    else
        *to = r->places[buffer].bytes > 0 ? r->base + r->places[buffer].offset : NULL;
}

/* A page before the first buffer, and one behind each. */
static void run_fence(char *base, const plan_place *places, size_t count, plan_place scratch) {
    guard_fence(base);
    for (size_t i = 0; i <= count; i++) {
        plan_place at = i < count ? places[i] : scratch;
        size_t end = 0;
        if (at.bytes > 0 && size_align(at.offset + at.bytes, PLAN_PAGE, &end))
            guard_fence(base + end);
    }
}

/* Only what holds values may be touched. */
static void run_mark(const program_run *r) {
    guard_forbid(r->base, r->capacity);
    for (size_t i = 0; i <= r->of->buffer_count; i++) {
        plan_place at = i < r->of->buffer_count ? r->places[i] : r->layout.scratch;
        guard_allow(r->base + at.offset, at.bytes);
    }
}

status program_run_resize(program_run *r, const int64_t *extents, error *problem) {
    const program *p = r->of;
    int64_t wanted[PLAN_EXTENTS] = {0};
    plan_layout layout;
    size_t at = 0;
    if (problem->code != STATUS_OK || !run_extents(p, extents, wanted, problem))
        return problem->code;
    int64_t steps = wanted[NEST_BLOCK] = run_block_steps(r, wanted);
    wanted[NEST_CHECKPOINTS] = 2; /* one block, and what is before */
    if (steps > 0)
        wanted[NEST_CHECKPOINTS] += (wanted[p->block_axis] - 1) / steps;
    if (!plan_lay_out(p->buffers, p->buffer_count, wanted, r->guarded, r->next, &layout, &at)) {
        run_explain(p, &p->buffers[at], wanted, problem);
        return problem->code;
    }
    if (r->guarded || layout.bytes > r->capacity) {
        size_t bytes = layout.bytes;
        char *base =
            r->guarded ? guard_take(bytes) : allocator_take(r->source, bytes, PLAN_ALIGNMENT);
        if (!base)
            return error_set(problem, STATUS_OUT_OF_MEMORY, run_nowhere,
                             "resize: out of memory: these extents need %zu bytes", bytes);
        if (r->guarded)
            run_fence(base, r->next, p->buffer_count, layout.scratch);
        run_give(r);
        r->base = base;
        r->capacity = bytes;
    }
    plan_place *old = r->places;
    r->places = r->next;
    r->next = old;
    r->layout = layout;
    run_mark(r);
    r->prepared = false;
    memcpy(r->extents, wanted, sizeof wanted);
    memset(r->base + layout.scratch.offset, 0, layout.scratch.bytes);
    for (size_t i = 0; i < p->buffer_count; i++)
        run_point(r, i);
    run_choose_grid(r);
    return STATUS_OK;
}

void program_run_set_block(program_run *r, int64_t steps) {
    assert(steps >= 0);
    r->steps = steps;
}

void program_run_set_portion(program_run *r, int64_t bytes) {
    assert(bytes >= 0);
    r->portion = bytes;
}

size_t program_run_arena_bytes(const program_run *r) {
    return r->layout.bytes;
}

bool program_run_place(const program_run *r, size_t i, const char **name, size_t *offset,
                       size_t *bytes) {
    if (i >= r->of->buffer_count)
        return false;
    *name = r->of->buffers[i].name;
    *offset = r->sized ? r->places[i].offset : 0;
    *bytes = r->sized ? r->places[i].bytes : 0;
    return true;
}

/* ---- memory of the caller */

size_t program_run_elements(const program_run *r, int slot) {
    assert(slot >= 0 && slot < r->of->slot_count);
    size_t elements = 0;
    bool fits =
        plan_elements(&r->of->buffers[r->of->buffer_of_slot[slot]], r->extents, 0, &elements);
    assert(fits);
    (void)fits;
    return elements;
}

void program_run_bind(program_run *r, int slot, void *memory) {
    assert(slot >= 0 && slot < r->of->slot_count);
    size_t buffer = (size_t)r->of->buffer_of_slot[slot];
    r->bound[buffer] = memory;
    run_point(r, buffer);
    const program_slot *of = &r->of->slots[slot];
    r->prepared &= of->storage != NEST_PARAM || of->updated;
}

void program_run_unchanged(program_run *r) {
    r->unchanged = true;
}

void *program_run_bound(const program_run *r, int slot) {
    assert(slot >= 0 && slot < r->of->slot_count);
    size_t buffer = (size_t)r->of->buffer_of_slot[slot];
    return r->bound[buffer] ? r->bound[buffer] : r->table[buffer];
}

/* ---- calls */

static bool run_is_bound(const program_run *r, error *problem) {
    for (int i = 0; i < r->of->slot_count; i++) {
        const program_slot *slot = &r->of->slots[i];
        if (r->table[r->of->buffer_of_slot[i]])
            continue;
        error_set(problem, STATUS_MISSING, run_nowhere, "call: the %s \"%s\" was not given",
                  slot->storage == NEST_INPUT ? "input" : "param", slot->name);
        return false;
    }
    return true;
}

static bool run_lengths(const program_run *r, error *problem) {
    for (int i = 0; i < r->of->lengths_count; i++) {
        const program_lengths *lengths = &r->of->lengths[i];
        const int32_t *values = r->table[r->of->buffer_of_slot[lengths->slot]];
        size_t count = program_run_elements(r, lengths->slot);
        for (size_t k = 0; k < count; k++) {
            if (values[k] >= 0 && values[k] <= r->extents[lengths->axis])
                continue;
            error_set(problem, STATUS_ARGUMENT, run_nowhere,
                      "call: the length of sample %zu along %s is %d in \"%s\", but the extent is "
                      "%lld; lengths lie between 0 and the extent",
                      k, r->of->axes[lengths->axis].name, (int)values[k],
                      r->of->slots[lengths->slot].name, (long long)r->extents[lengths->axis]);
            return false;
        }
    }
    return true;
}

static void run_meet(int64_t *context) {
    threads_meet((threads_barrier *)(uintptr_t)context[EMIT_BARRIER], (int)context[EMIT_THREADS]);
}

void program_run_watch(program_run *r) {
    if (r->of->watch.count == 0)
        return;
    int64_t clock = watch_clock();
    for (int i = 0; i < r->contexts_count; i++)
        watch_clear(run_record(r, i), &r->of->watch, clock);
}

bool program_run_watched(const program_run *r, int i, watch_found *out) {
    watch_record *records[LIMIT_THREADS];
    double extents[PLAN_EXTENTS];
    int threads = r->grid.samples * r->grid.units, axis = r->of->block_axis;
    for (int k = 0; k < threads; k++)
        records[k] = run_record(r, k);
    for (int k = 0; k < PLAN_EXTENTS; k++)
        extents[k] = (double)r->extents[k];
    if (axis >= 0) /* the last block is shorter */
        extents[NEST_BLOCK] = extents[axis] / (double)(r->extents[NEST_CHECKPOINTS] - 1);
    return r->of->watch.count > 0 && watch_read(&r->of->watch, records, threads, extents, i, out);
}

unsigned program_run_meetings(const program_run *r) {
    return atomic_load(&r->barrier.round);
}

static void run_watch(int64_t *context, int64_t number) {
    watch_switch((watch_record *)(uintptr_t)context[EMIT_WATCHED], number);
}

/* One thread's part of a call. If OpenMP granted fewer threads than asked for, they share units. */
static void run_part(void *user, int thread, int count) {
    program_run *r = user;
    cost_grid grid = r->grid;
    if (count != grid.samples * grid.units)
        grid = (cost_grid){1, count};
    int64_t *context = r->contexts[thread].numbers;
    emit_context(context, thread, grid.samples, grid.units, run_meet, &r->barrier);
    context[EMIT_PREPARED] = r->prepared && r->unchanged && !r->guarded;
    context[EMIT_STEPS] = r->extents[NEST_BLOCK] > 0 ? r->extents[NEST_BLOCK] : 1;
    context[EMIT_CHECKPOINTS] = r->extents[NEST_CHECKPOINTS];
    if (r->portion > 0)
        context[EMIT_PORTION] = r->portion;
    if (r->of->watch.count == 0) {
        r->of->entry(r->table, r->extents, context);
        return;
    }
    watch_record *record = run_record(r, thread);
    context[EMIT_WATCH] = (int64_t)(uintptr_t)run_watch;
    context[EMIT_WATCHED] = (int64_t)(uintptr_t)record;
    watch_switch(record, WATCH_NOTHING);
    r->of->entry(r->table, r->extents, context);
    watch_switch(record, WATCH_NOTHING);
}

static bool run_may_start(const program_run *r, int threads, error *problem) {
    if (threads == 1 || r->wanted == 0 || threads_can_run())
        return true;
    error_set(
        problem, STATUS_UNSUPPORTED, run_nowhere,
        "call: this process was forked from one that had run on several threads, which do not "
        "survive that; let the run use one thread, or fork before the first call that uses "
        "several");
    return false;
}

status program_run_call(program_run *r, error *problem) {
    int threads = r->grid.samples * r->grid.units;
    if (problem->code != STATUS_OK || !run_is_bound(r, problem) || !run_lengths(r, problem) ||
        !run_may_start(r, threads, problem))
        return problem->code;
    if (r->guarded)
        for (size_t i = 0; i < r->of->buffer_count; i++)
            if (r->places[i].bytes > 0)
                memset(r->base + r->places[i].offset, 0xFF, r->places[i].bytes);
    if (threads > 1 && threads_can_run())
        threads_run(threads, run_part, r);
    else
        run_part(r, 0, 1);
    r->prepared = true;
    r->unchanged = false;
    return STATUS_OK;
}
