/* Nests in place: for one sample, by one thread, as straight code.
 *
 * A small net that runs a step at a time computes for fewer cycles than a program of any length,
 * batch and number of threads takes to look at its extents, cut its ranges, and call its kernels.
 * So the entry of such a program begins with a question: is every run-time extent 1, and is there
 * one thread? If so it runs the nests emitted right there, one behind the other: a range that was
 * counted at run time is one iteration in place, an index that was a loop's is 0, addresses are
 * sums that the builder has folded. Nothing is left to decide, so there is no branch on a size. And
 * values that one nest stores and the next one loads stay in registers (emit_known.c).
 *
 * A recurrence of any number of steps asks the same question of all other extents, and then has the
 * nests of a step inside its loop.
 *
 * They are the nests of the program, and an order of a sum does not depend on extents: the bits are
 * those of the kernels.
 *
 * It is code twice, so it must be little, and of use: of programs that step forwards, and of loops,
 * with at most so much work that the calls are a part of it that counts. EDDY_STEP says otherwise,
 * for tests. */
#include "core/env.h"
#include "jit/emit_internal.h"

enum {
    STEP_WORK = 1 << 17,     /* arithmetic on elements in one step: 10 microseconds of a core */
    STEP_TURN = 1 << 15,     /* in one step of a loop */
    STEP_INSTRUCTIONS = 1500 /* of all tapes */
};

typedef struct step_sum {
    const graph *of;
    int64_t work, instructions;
    uint32_t axes; /* counted at run time */
    bool backward, fixed;
    uint32_t counted; /* axes of ranges */
} step_sum;

/* An axis, or one of the other numbers that a stride may be a multiple of. */
static void step_axis(step_sum *sum, int axis) {
    if (axis < LIMIT_AXES && sum->of->axes[axis].extent < 0)
        sum->axes |= UINT32_C(1) << axis;
}

static void step_buffer(step_sum *sum, const nest_buffer *b) {
    for (int i = 0; i < b->axis_count; i++)
        step_axis(sum, b->axes[i]);
    for (int d = 0; d < b->shape.rank; d++)
        if (b->shape.dimension[d] < 0)
            step_axis(sum, (int)(-1 - b->shape.dimension[d]));
}

static void step_nest(step_sum *sum, const nest_plan *plan, const nest *n) {
    int64_t points = 1;
    for (size_t r = 0; r < n->ranges.count; r++) {
        int64_t count = n->ranges.at[r].count;
        if (count < 0)
            sum->counted |= UINT32_C(1) << (-1 - count);
        else if (__builtin_mul_overflow(points, count, &points))
            points = INT64_MAX;
    }
    sum->axes |= sum->counted;
    int64_t arithmetic = 0;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        arithmetic += in->op == NEST_BODY && in->type != BODY_I64;
        if (in->op == NEST_COUNT)
            step_axis(sum, in->which);
        if (nest_is_access(in))
            step_buffer(sum, &plan->buffers.at[in->which]);
    }
    if (__builtin_mul_overflow(points, arithmetic, &points) ||
        __builtin_add_overflow(sum->work, points, &sum->work))
        sum->work = INT64_MAX;
    sum->instructions += (int64_t)n->tape.count;
}

/* Depth of recursion: nested loops, at most the axes and the blocks. */
static void step_items(step_sum *sum, const nest_plan *plan, const nest_item *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const nest_item *item = &items[i];
        if (item->kernel) {
            step_nest(sum, plan, item->kernel);
            continue;
        }
        step_axis(sum, item->axis);
        sum->backward |= item->sign < 0;
        sum->fixed |= sum->of->axes[item->axis].extent >= 0;
        step_items(sum, plan, item->items.at, item->items.count);
    }
}

static step_sum step_sum_of(const nest_plan *plan) {
    step_sum sum = {.of = plan->source};
    const nest_list *all = &plan->items;
    step_items(&sum, plan, all->at + plan->prepared, all->count - plan->prepared);
    return sum;
}

bool emit_step_pays(const nest_plan *plan, uint32_t *axes) {
    *axes = 0;
    if (!plan->source) /* a plan of no graph, whose axes are not known */
        return false;
    step_sum sum = step_sum_of(plan);
    int asked = env_number("STEP", -1);
    *axes = sum.axes;
    if (asked >= 0 || sum.axes == 0 || sum.fixed)
        return asked > 0 && sum.axes != 0 && !sum.fixed;
    return !sum.backward && sum.work <= STEP_WORK && sum.instructions <= STEP_INSTRUCTIONS;
}

/* A step of a loop: there are many, so it must be little to be worth code of its own; but it may
 * step backwards. */
bool emit_turn_pays(const emit *e, const nest_item *loop, uint32_t *axes) {
    *axes = 0;
    if (!e->plan->source)
        return false;
    step_sum sum = {.of = e->plan->source};
    int asked = env_number("STEP", -1);
    step_items(&sum, e->plan, loop->items.at, loop->items.count);
    uint32_t own = UINT32_C(1) << loop->axis;
    *axes = sum.axes & ~own;
    bool able = !(sum.counted & own), small = sum.work <= STEP_TURN;
    for (size_t i = 0; i < loop->items.count; i++)
        able &= loop->items.at[i].kernel && loop->items.at[i].kernel->loop_count == 1;
    return able && !e->options->watch && (asked < 0 ? small : asked > 0);
}

/* ---- emission */

LLVMValueRef emit_is_alone(const emit *e, LLVMValueRef entry, uint32_t axes) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef one = emit_integer(e, 1), threads, extent, is_one;
    threads = emit_number(e, LLVMGetParam(entry, 2), EMIT_THREADS);
    LLVMValueRef all = LLVMBuildICmp(b, LLVMIntEQ, threads, one, "");
    for (int axis = 0; axis < LIMIT_AXES; axis++) {
        if (!(axes >> axis & 1))
            continue;
        extent = emit_number(e, LLVMGetParam(entry, 1), axis);
        is_one = LLVMBuildICmp(b, LLVMIntEQ, extent, one, "");
        all = LLVMBuildAnd(b, all, is_one, "");
    }
    return all;
}

bool emit_step_extent(const emit *e, const emit_host *host, int axis, int64_t *out) {
    int64_t extent = e->plan->source->axes[axis].extent;
    *out = extent < 0 ? 1 : extent;
    return axis != host->axis;
}

bool emit_step_told(const emit_host *host, int which, int64_t *out) {
    switch (which) {
    case EMIT_STEPS:
    case EMIT_BLOCK_END:
    case EMIT_BLOCK_FRESH:
        *out = 1;
        break;
    case EMIT_CHECKPOINTS:
        *out = 2;
        break;
    default: /* an index, or the first number of something */
        *out = 0;
    }
    return host->axis < 0;
}

/* The nest with all of its ranges known, and buffers of its own. */
static nest *step_form(const emit *e, const emit_host *host, const nest *n) {
    nest *form = arena_new(e->memory, nest);
    *form = *n;
    form->shared = form->form = NULL;
    form->users = 1;
    form->ranges.at = arena_array(e->memory, nest_range, n->ranges.count + 1);
    for (size_t r = 0; r < n->ranges.count; r++) {
        nest_range *range = &form->ranges.at[r];
        *range = n->ranges.at[r];
        if (range->count < 0)
            emit_step_extent(e, host, (int)(-1 - range->count), &range->count);
        range->block = false;
    }
    return form;
}

typedef struct step_visit {
    int64_t (*of)(void *user, const nest *n);
    void *user;
    int64_t sum;
} step_visit;

/* Depth of recursion: nested loops, at most the axes and the blocks. */
static void step_walk(emit *e, step_visit *v, const nest_item *items, size_t count, bool all) {
    const emit_host host = {.axis = -1};
    uint32_t axes;
    for (size_t i = 0; i < count; i++) {
        const nest_item *item = &items[i];
        arena_mark mark = arena_here(e->memory);
        if (!item->kernel) {
            bool turn = !all && !item->block && emit_turn_pays(e, item, &axes);
            step_walk(e, v, item->items.at, item->items.count, all || turn);
        } else if (all) {
            v->sum += v->of(v->user, step_form(e, &host, item->kernel));
        }
        arena_rewind(e->memory, mark);
    }
}

int64_t emit_step_each(emit *e, int64_t (*of)(void *user, const nest *n), void *user) {
    const nest_list *items = &e->plan->items;
    step_visit v = {.of = of, .user = user};
    uint32_t axes;
    step_walk(e, &v, items->at, items->count, false);
    if (!e->options->watch && emit_step_pays(e->plan, &axes))
        step_walk(e, &v, items->at + e->plan->prepared, items->count - e->plan->prepared, true);
    return v.sum;
}

static void step_emit(emit *e, emit_host *host, const nest_item *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const nest_item *item = &items[i];
        arena_mark mark = arena_here(e->memory);
        if (item->kernel)
            emit_inline(e, step_form(e, host, item->kernel), host);
        else
            step_emit(e, host, item->items.at, item->items.count);
        arena_rewind(e->memory, mark);
    }
}

void emit_step(emit *e, emit_host *host) {
    const nest_list *all = &e->plan->items;
    step_emit(e, host, all->at + e->plan->prepared, all->count - e->plan->prepared);
}

void emit_turn(emit *e, emit_host *host, const nest_item *loop) {
    step_emit(e, host, loop->items.at, loop->items.count);
}

void emit_prepared(emit *e, emit_host *host) {
    step_emit(e, host, e->plan->items.at, e->plan->prepared);
}
