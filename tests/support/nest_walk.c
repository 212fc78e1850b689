/* Interpreter of plans. It visits every iteration of every range in order and runs the tape one
 * instruction at a time, through the scalar evaluator of bodies: what it lacks in speed it has in
 * obviousness.
 *
 * Every buffer has memory of its own. What holds one block of steps is filled with NaN before each
 * block, so whoever reads a step that the block does not compute is seen. */
#include <assert.h>
#include <string.h>

#include "tests/support/nest_kit.h"

size_t kit_elements(const nest_buffer *b, const int64_t *extents) {
    size_t count = 1;
    for (int i = 0; i < b->axis_count; i++)
        count *= (size_t)extents[b->axes[i] == b->block - 1 ? NEST_BLOCK : b->axes[i]];
    for (int i = 0; i < b->shape.rank; i++) {
        int64_t d = b->shape.dimension[i];
        count *= (size_t)(d >= 0 ? d : extents[-1 - d]);
    }
    return count;
}

size_t kit_held(const nest_buffer *b, const int64_t *extents) {
    int64_t least[LIMIT_AXES + 1];
    for (int i = 0; i < LIMIT_AXES + (b->block > 0); i++)
        least[i] = extents[i] > 0 ? extents[i] : 1;
    return kit_elements(b, least);
}

typedef struct walk {
    const nest_plan *plan;
    const nest *n;
    void *const *buffers;
    const int64_t *extents;
    int64_t outer[LIMIT_AXES];
    int64_t first, end; /* of the current block */
    int block;          /* its axis; -1: none */
    bool fresh;         /* is it the first of a sweep? */
    int64_t *index;
    body_value *registers, *state;
    body *single; /* by instruction: three inputs and it */
} walk;

static char *place(const walk *w, const nest_instruction *in) {
    const nest_buffer *b = &w->plan->buffers.at[in->which];
    int64_t offset = 0;
    for (int k = 0; k < in->at_count; k++) {
        int axes[LIMIT_AXES + LIMIT_RANK], count = 0;
        bool element = in->linear && k == in->at_count - 1;
        int64_t stride = element ? 1 : nest_stride(b, k, axes, &count);
        for (int i = 0; i < count; i++)
            stride *= w->extents[axes[i]];
        int64_t start = k < b->axis_count && b->axes[k] == b->block - 1 ? w->first : 0;
        offset += (w->registers[in->at[k]].i64 - start) * stride;
    }
    assert(offset >= 0 && (in->linear || (size_t)offset < kit_held(b, w->extents)));
    return (char *)w->buffers[in->which] + (size_t)offset * dtype_size(b->type);
}

static void step(walk *w, size_t i) {
    const nest_instruction *in = &w->n->tape.at[i];
    body_value *r = &w->registers[i], out[4], inputs[3];
    memset(inputs, 0, sizeof inputs);
    switch ((nest_op)in->op) {
    case NEST_BODY: {
        const nest_ref from[3] = {in->code.a, in->code.b, in->code.c};
        for (int k = 0; k < body_operands((body_op)in->code.op); k++)
            inputs[k] = w->registers[from[k]];
        body_run(&w->single[i], inputs, out);
        *r = out[w->single[i].code.count - 1];
        break;
    }
    case NEST_RANGE:
        r->i64 = w->index[in->which];
        break;
    case NEST_OUTER:
        r->i64 = w->outer[in->which];
        break;
    case NEST_COUNT:
        r->i64 = w->extents[in->which];
        break;
    case NEST_SPAN: /* one block is all */
        r->i64 = in->which == NEST_END ? w->extents[nest_block_axis(w->plan)] : 0;
        break;
    case NEST_GIVEN:
        break; /* nests of plans have none */
    case NEST_LOAD:
        memset(r, 0, sizeof *r);
        memcpy(r, place(w, in), dtype_size((dtype)in->type));
        break;
    case NEST_STORE:
        memcpy(place(w, in), &w->registers[in->value], dtype_size((dtype)in->type));
        break;
    case NEST_FOLD:
    case NEST_RESULT:
        *r = w->state[in->which];
        break;
    }
}

static int64_t count_of(const walk *w, int range) {
    const nest_range *r = &w->n->ranges.at[range];
    return r->block ? w->end - w->first : r->count >= 0 ? r->count : w->extents[-1 - r->count];
}

static int64_t index_at(const walk *w, int range, int64_t counter) {
    const nest_range *r = &w->n->ranges.at[range];
    return (r->block ? w->first : 0) + (r->descending ? count_of(w, range) - 1 - counter : counter);
}

/* The next point of ranges [from, to) in order; false after the last one. counters: 0 .. count - 1.
 */
static bool advance(walk *w, int from, int to, int64_t *counters) {
    for (int r = to; r-- > from;) {
        int64_t count = count_of(w, r);
        bool more = ++counters[r] < count;
        if (!more)
            counters[r] = 0;
        w->index[r] = index_at(w, r, counters[r]);
        if (more)
            return true;
    }
    return false;
}

/* Is the point behind the end of a range that the tape knows? */
static bool beyond(walk *w, int from, int to) {
    for (int r = from; r < to; r++) {
        nest_ref end = w->n->ranges.at[r].end - 1;
        for (nest_ref i = 0; i <= end; i++)
            step(w, (size_t)i);
        if (end >= 0 && w->index[r] >= w->registers[end].i64)
            return true;
        const nest_range *all = w->n->ranges.at;
        int panel = all[r].panels - 1;
        if (panel >= 0 && w->index[r] >= all[r].last && w->index[panel] == all[panel].count - 1)
            return true;
    }
    return false;
}

static bool start(walk *w, int from, int to, int64_t *counters) {
    bool any = true;
    for (int r = from; r < to; r++) {
        any &= count_of(w, r) > 0;
        counters[r] = 0;
        w->index[r] = index_at(w, r, 0);
    }
    return any;
}

/* Where the states of a fold begin; everything that it takes is known before the folded ranges. */
static void begin(walk *w, const bool *after, const uint64_t *depends, int parallel) {
    const nest *n = w->n;
    for (size_t i = 0; i < n->tape.count && n->folds.count > 0; i++)
        if (!after[i] && depends[i] >> parallel == 0 && n->tape.at[i].op != NEST_STORE)
            step(w, i);
    for (size_t f = 0; f < n->folds.count; f++) {
        const nest_fold *fold = &n->folds.at[f];
        bool rested = fold->rested >= 0 && !w->fresh;
        w->state[f] = rested ? w->registers[fold->rested] : fold->identity;
    }
}

static void interpret_nest(walk *w) {
    const nest *n = w->n;
    arena *memory = w->plan->memory;
    int parallel = nest_parallel_count(n), all = (int)n->ranges.count;
    size_t count = n->tape.count;
    uint64_t *depends = arena_array(memory, uint64_t, count);
    bool *after = arena_array(memory, bool, count);
    int64_t *counters = arena_array(memory, int64_t, all + 1);
    nest_dependences(n, depends);
    nest_after(n, after);
    w->index = arena_array(memory, int64_t, all + 1);
    w->registers = arena_array(memory, body_value, count);
    w->state = arena_array(memory, body_value, n->folds.count + 1);
    w->single = arena_array(memory, body, count);
    for (size_t i = 0; i < count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op != NEST_BODY)
            continue;
        const nest_ref from[3] = {in->code.a, in->code.b, in->code.c};
        body_instruction code = in->code;
        body_ref *to[3] = {&code.a, &code.b, &code.c};
        body_init(&w->single[i], memory);
        for (int k = 0; k < body_operands((body_op)in->code.op); k++)
            *to[k] = body_input(&w->single[i], k, (body_type)n->tape.at[from[k]].type);
        vec_push(memory, &w->single[i].code, code);
    }
    for (bool more = start(w, 0, parallel, counters); more;
         more = advance(w, 0, parallel, counters)) {
        if (beyond(w, 0, parallel))
            continue;
        begin(w, after, depends, parallel);
        bool step_more = n->folds.count > 0 && start(w, parallel, all, counters);
        for (; step_more; step_more = advance(w, parallel, all, counters)) {
            if (beyond(w, parallel, all))
                continue;
            for (size_t i = 0; i < count; i++)
                if (!after[i] && n->tape.at[i].op != NEST_STORE)
                    step(w, i);
            for (size_t f = 0; f < n->folds.count; f++)
                w->state[f] = w->registers[n->folds.at[f].next];
        }
        for (size_t i = 0; i < count; i++)
            if (depends[i] >> parallel == 0 || n->tape.at[i].op == NEST_STORE)
                step(w, i);
    }
}

static void interpret_items(walk *w, const nest_list *items);

static void interpret_steps(walk *w, const nest_item *item) {
    bool inside = w->block == item->axis;
    int64_t first = inside ? w->first : 0, end = inside ? w->end : w->extents[item->axis];
    for (int64_t k = first; k < end; k++) {
        w->outer[item->axis] = item->sign > 0 ? k : first + end - 1 - k;
        interpret_items(w, &item->items);
    }
}

static void forget(const walk *w) {
    for (size_t i = 0; i < w->plan->buffers.count; i++) {
        const nest_buffer *b = &w->plan->buffers.at[i];
        if (b->block > 0)
            memset(w->buffers[i], 0xff, kit_held(b, w->extents) * dtype_size(b->type));
    }
}

static void interpret_blocks(walk *w, const nest_item *item) {
    int64_t extent = w->extents[item->axis];
    int64_t steps = w->extents[NEST_BLOCK] > 0 ? w->extents[NEST_BLOCK] : 1;
    int64_t count = extent > 0 ? (extent + steps - 1) / steps : 1;
    for (int64_t k = 0; k < count; k++) {
        w->block = item->axis;
        w->fresh = k == 0;
        w->first = (item->sign > 0 ? k : count - 1 - k) * steps;
        w->end = w->first + steps < extent ? w->first + steps : extent;
        forget(w);
        interpret_items(w, &item->items);
    }
    w->block = -1;
}

/* Depth of recursion: nested loops, at most the axes and the blocks. */
static void interpret_items(walk *w, const nest_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel) {
            w->n = item->kernel;
            interpret_nest(w);
        } else if (item->block) {
            interpret_blocks(w, item);
        } else {
            interpret_steps(w, item);
        }
    }
}

void kit_interpret(const nest_plan *p, void *const *buffers, const int64_t *extents) {
    walk w = {.plan = p, .buffers = buffers, .extents = extents, .block = -1};
    interpret_items(&w, &p->items);
}
