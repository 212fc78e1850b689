/* Compiled programs: code, and what a caller needs to know to run it.
 *
 * Compilation is a boundary of the library: memory that runs out anywhere inside jumps here. So all
 * that must be released is reachable from the program itself, which is the one thing that exists
 * before the jump is set; releasing half a program and a whole one is the same function.
 *
 * The graph and the plan live in the scratch arena and are gone afterwards: names, shapes and
 * formulas are copied. */
#include "jit/program.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "core/env.h"
#include "jit/program_internal.h"
#include "jit/share.h"

static double program_now(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* ---- what is kept of a plan */

static void program_keep_axes(program *p, const nest_plan *plan) {
    const graph *g = plan->source;
    p->axis_count = g->axis_count;
    p->block_axis = nest_block_axis(plan);
    p->checkpoint_steps = nest_checkpoint_steps(plan);
    p->axes = arena_array(&p->memory, program_axis, g->axis_count);
    for (int a = 0; a < g->axis_count; a++)
        p->axes[a] =
            (program_axis){arena_copy_text(&p->memory, g->axes[a].name), g->axes[a].extent};
}

static bool program_is_slot(const nest_buffer *b) {
    return b->storage == NEST_INPUT || b->storage == NEST_PARAM || b->storage == NEST_OUTPUT;
}

static bool program_updates(const graph *g, const char *name) {
    for (size_t i = 0; i < g->updates.count; i++)
        if (strcmp(g->updates.at[i].variable->attributes.text, name) == 0)
            return true;
    return false;
}

static void program_keep_buffers(program *p, const nest_plan *plan, const plan_buffer *buffers) {
    size_t count = plan->buffers.count;
    p->buffer_count = count;
    p->buffers = arena_array(&p->memory, plan_buffer, count);
    p->slots = arena_array(&p->memory, program_slot, count);
    p->buffer_of_slot = arena_array(&p->memory, int32_t, count);
    for (size_t i = 0; i < count; i++) {
        const nest_buffer *b = &plan->buffers.at[i];
        p->buffers[i] = buffers[i];
        if (buffers[i].host)
            p->buffers[i].host = p->buffers + (buffers[i].host - buffers);
        p->buffers[i].name = arena_copy_text(&p->memory, b->name);
        if (!program_is_slot(b))
            continue;
        program_slot *slot = &p->slots[p->slot_count];
        *slot = (program_slot){.name = p->buffers[i].name,
                               .storage = b->storage,
                               .type = b->type,
                               .axis_count = b->axis_count,
                               .shape = b->shape};
        memcpy(slot->axes, b->axes, sizeof slot->axes);
        slot->updated = b->storage == NEST_PARAM && program_updates(plan->source, b->name);
        p->buffer_of_slot[p->slot_count++] = (int32_t)i;
    }
}

static void program_keep_lengths(program *p, const graph *g) {
    p->lengths = arena_array(&p->memory, program_lengths, g->axis_count);
    for (int a = 0; a < g->axis_count; a++) {
        const op_node *lengths = g->axes[a].lengths;
        if (!lengths || lengths->op != OP_INPUT)
            continue;
        int slot = program_slot_find(p, NEST_INPUT, lengths->attributes.text);
        if (slot >= 0)
            p->lengths[p->lengths_count++] = (program_lengths){a, slot};
    }
}

/* ---- compilation */

/* Everything that can run out of memory or meet a mistake; *problem says how it went. */
static void program_build(program *p, const graph *g, const char *prefix, error *problem) {
    double start = program_now(CLOCK_MONOTONIC), core = program_now(CLOCK_THREAD_CPUTIME_ID);
    emit_options options = {.prefix = prefix,
                            .debug = env_number("DEBUG", 0) > 0,
                            .instrument = SANITIZE_BUILD,
                            .watch = g->watched,
                            .pieces = 2};
    nest_plan *plan = pipeline_lower(g, NULL, &p->scratch, problem);
    plan_buffer *buffers = plan ? pipeline_plan(plan, &p->scratch, problem) : NULL;
    if (!buffers)
        return;
    program_keep_axes(p, plan);
    program_keep_buffers(p, plan, buffers);
    program_keep_lengths(p, plan->source);
    cost_of(plan, &p->memory, &p->cost);
    if (g->watched)
        watch_of(plan, &p->memory, &p->watch);
    if (!pipeline_emit(plan, &options, p->source, &p->object, problem))
        return;
    p->code = engine_load(&p->object, prefix, p->source, problem);
    if (!p->code)
        return;
    p->entry = engine_run(p->code);
    core = program_now(CLOCK_THREAD_CPUTIME_ID) - core + p->object.side_milliseconds;
    p->stats = (program_stats){.milliseconds = program_now(CLOCK_MONOTONIC) - start,
                               .core_milliseconds = core,
                               .llvm_milliseconds = p->object.milliseconds,
                               .kernels = share_kernel_count(plan),
                               .nests = (int)plan->kernels.count,
                               .object_bytes = p->object.count};
}

program *program_compile(const graph *g, const char *prefix, const allocator *source,
                         error *problem) {
    if (problem->code != STATUS_OK)
        return NULL;
    site nowhere = {NULL, 0};
    program *p = allocator_take(source, sizeof *p, PLAN_ALIGNMENT);
    if (!p) {
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "compile: out of memory");
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->source = source;
    jmp_buf escape;
    arena_init(&p->memory, source, &escape);
    arena_init(&p->scratch, source, &escape);
    if (setjmp(escape) == 0)
        program_build(p, g, prefix, problem);
    else
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "compile: out of memory");
    arena_free(&p->scratch);
    p->memory.escape = p->scratch.escape = NULL;
    if (problem->code == STATUS_OK)
        return p;
    program_free(p);
    return NULL;
}

void program_free(program *p) {
    if (!p)
        return;
    if (p->code)
        engine_free(p->code);
    if (p->object.bytes)
        emit_object_free(&p->object);
    arena_free(&p->scratch);
    arena_free(&p->memory);
    allocator_give(p->source, p, sizeof *p);
}

/* ---- questions */

program_stats program_statistics(const program *p) {
    return p->stats;
}

const emit_object *program_object(const program *p) {
    return &p->object;
}

int program_slot_count(const program *p) {
    return p->slot_count;
}

const program_slot *program_slot_at(const program *p, int i) {
    assert(i >= 0 && i < p->slot_count);
    return &p->slots[i];
}

int program_slot_find(const program *p, nest_storage storage, const char *name) {
    for (int i = 0; i < p->slot_count; i++)
        if (p->slots[i].storage == storage && strcmp(p->slots[i].name, name) == 0)
            return i;
    return -1;
}

int program_axis_count(const program *p) {
    return p->axis_count;
}

const char *program_axis_name(const program *p, int axis) {
    assert(axis >= 0 && axis < p->axis_count);
    return p->axes[axis].name;
}

int64_t program_axis_extent(const program *p, int axis) {
    assert(axis >= 0 && axis < p->axis_count);
    return p->axes[axis].extent;
}

int program_block_axis(const program *p) {
    return p->block_axis;
}
