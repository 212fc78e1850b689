/* Loops whose samples run in portions: one part of the batch goes through all steps, then the next.
 *
 * A loop steps with the whole batch because its samples share weights: a row of a matrix is read
 * once for all of them. A loop without such a product gains nothing from that and loses the cache:
 * what each step needs again of the step before, a matrix for each head of a sample, is gone when
 * all other samples have had their turn. Samples do not need one another there, so the order of
 * the two loops is free, and the same code runs, for a smaller part of the samples: to a nest it
 * is as if there were more threads.
 *
 * That is allowed where threads that share samples would not meet inside of the loop, which split.c
 * has found out. How many samples are a portion follows at run time from what a sample needs again
 * and the size of a cache (emit.c). No bit depends on it. */
#include "jit/portion.h"

#include <string.h>

#include "jit/split.h"

typedef struct portion {
    const nest_plan *plan;
    int samples; /* the axis */
    int axis;    /* of the loop */
    bool *again; /* by buffer: each step needs what the step before has left, or the same memory */
    bool shares; /* a product shares an operand among samples */
} portion;

/* The index along an axis; -1: the buffer does not have it. */
static nest_ref portion_index(const nest_buffer *b, const nest_instruction *access, int axis) {
    for (int i = 0; i < b->axis_count; i++)
        if (b->axes[i] == axis)
            return access->at[i];
    return -1;
}

static void portion_look(portion *p, const nest *n) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (!nest_is_access(in))
            continue;
        const nest_buffer *b = &p->plan->buffers.at[in->which];
        bool own = portion_index(b, in, p->samples) >= 0;
        p->shares |= n->heavy && in->op == NEST_LOAD && !own;
        nest_ref step = portion_index(b, in, p->axis);
        const nest_instruction *index = step < 0 ? NULL : &n->tape.at[step];
        bool this_step = index && index->op == NEST_OUTER && index->which == p->axis;
        p->again[in->which] |= own && !this_step;
    }
}

/* Depth of recursion: nested loops, at most the axes. */
static void portion_look_all(portion *p, const nest_list *items) {
    for (size_t i = 0; i < items->count; i++)
        if (items->at[i].kernel)
            portion_look(p, items->at[i].kernel);
        else
            portion_look_all(p, &items->at[i].items);
}

/* Bytes of a step of one sample; -1: not known before the call. */
static int64_t portion_bytes(const portion *p, const nest_buffer *b) {
    int64_t bytes = (int64_t)dtype_size(b->type);
    for (int i = 0; i < b->axis_count; i++)
        if (b->axes[i] != p->samples && b->axes[i] != p->axis)
            return -1;
    for (int i = 0; i < b->shape.rank; i++)
        if (b->shape.dimension[i] < 0 ||
            __builtin_mul_overflow(bytes, b->shape.dimension[i], &bytes))
            return -1;
    return bytes;
}

static int64_t portion_of(const nest_plan *plan, const nest_item *loop, int samples,
                          arena *memory) {
    portion p = {.plan = plan, .samples = samples, .axis = loop->axis};
    p.again = arena_array(memory, bool, plan->buffers.count + 1);
    portion_look_all(&p, &loop->items);
    int64_t sum = 0;
    for (size_t i = 0; i < plan->buffers.count && !p.shares; i++) {
        int64_t bytes = p.again[i] ? portion_bytes(&p, &plan->buffers.at[i]) : 0;
        if (bytes < 0 || __builtin_add_overflow(sum, bytes, &sum))
            return 0;
    }
    return p.shares ? 0 : sum;
}

/* Depth of recursion: nested loops, at most the axes and the blocks. */
static void portion_list(nest_plan *plan, nest_list *items, int samples, arena *memory) {
    for (size_t i = 0; i < items->count; i++) {
        nest_item *item = &items->at[i];
        if (item->kernel)
            continue;
        if (!item->block && !split_keeps_samples(&item->items))
            item->portion = portion_of(plan, item, samples, memory);
        if (item->portion == 0)
            portion_list(plan, &item->items, samples, memory);
    }
}

void portion_plan(nest_plan *plan, arena *memory) {
    int samples = split_sample_axis(plan->source);
    if (samples >= 0)
        portion_list(plan, &plan->items, samples, memory);
}
