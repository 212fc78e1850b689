/* A plan says of which values one block of steps is enough. Compiled code cannot show that it is:
 * what a block left lies there still in the next one. The interpreter of nests forgets it. */
#include "tests/support/forget.h"

#include <string.h>

#include "jit/check.h"
#include "jit/program.h"
#include "tests/support/nest_kit.h"

typedef struct forget_work {
    graph *g; /* rewritten */
    nest_plan *plan;
    check_sample sample;
    const eval *values;
    int64_t extents[PLAN_EXTENTS];
    void **memory; /* by buffer */
} forget_work;

static void forget_fill(forget_work *w) {
    const nest_plan *plan = w->plan;
    w->memory = arena_array(plan->memory, void *, plan->buffers.count + 1);
    for (size_t i = 0; i < plan->buffers.count; i++) {
        const nest_buffer *b = &plan->buffers.at[i];
        size_t bytes = kit_held(b, w->extents) * dtype_size(b->type);
        w->memory[i] = arena_take(plan->memory, bytes);
        memset(w->memory[i], 0xff, bytes);
        if (b->storage == NEST_CONSTANT)
            memcpy(w->memory[i], b->data, b->data_bytes);
        for (size_t k = 0; k < w->sample.leaves.count; k++) {
            const check_leaf *leaf = &w->sample.leaves.at[k];
            if ((b->storage == NEST_INPUT || b->storage == NEST_PARAM) &&
                strcmp(leaf->name, b->name) == 0)
                memcpy(w->memory[i], leaf->data, leaf->elements * dtype_size(leaf->type));
        }
    }
}

static bool forget_is_same(const forget_work *w, const op_node *n, nest_storage storage,
                           const char *name) {
    size_t elements;
    const void *expected = eval_value(w->values, n, &elements);
    for (size_t i = 0; i < w->plan->buffers.count; i++) {
        const nest_buffer *b = &w->plan->buffers.at[i];
        if (b->storage == storage && strcmp(b->name, name) == 0)
            return check_difference(b->type, expected, w->memory[i], elements) < 0;
    }
    return false;
}

static const char *forget_compare(const forget_work *w) {
    for (size_t i = 0; i < w->g->outputs.count; i++)
        if (!forget_is_same(w, w->g->outputs.at[i].node, NEST_OUTPUT, w->g->outputs.at[i].name))
            return w->g->outputs.at[i].name;
    for (size_t i = 0; i < w->g->updates.count; i++) {
        const char *name = w->g->updates.at[i].variable->attributes.text;
        if (!forget_is_same(w, w->g->updates.at[i].node, NEST_PARAM, name))
            return name;
    }
    return NULL;
}

const char *forget_check(const graph *g, const int64_t *extents, uint64_t seed, size_t *kept) {
    arena *memory = g->memory;
    error problem = {.code = STATUS_OK};
    forget_work w = {.g = pipeline_rewrite(g, memory, &problem)};
    w.plan = w.g ? pipeline_lower(g, NULL, memory, &problem) : NULL;
    if (!w.plan || !pipeline_plan(w.plan, memory, &problem))
        return arena_print(memory, "%s", problem.message);
    check_draw(w.g, memory, extents, seed, &w.sample);
    memcpy(w.extents, w.sample.extents, sizeof w.sample.extents);
    node_list roots = {0};
    graph_roots(w.g, memory, &roots);
    eval_feed *feeds;
    size_t count = check_feeds(w.g, memory, &w.sample, &feeds);
    w.values = eval_graph(w.g, memory, roots.at, roots.count, w.extents, feeds, count);
    *kept = 0;
    for (size_t i = 0; i < w.plan->buffers.count; i++)
        *kept += w.plan->buffers.at[i].block > 0;
    int axis = nest_block_axis(w.plan);
    int64_t most = axis >= 0 ? w.extents[axis] : 0;
    for (int64_t steps = 1; w.values && steps <= 4; steps++) {
        w.extents[NEST_BLOCK] = steps < 4 && steps < most ? steps : most;
        forget_fill(&w);
        kit_interpret(w.plan, w.memory, w.extents);
        const char *wrong = forget_compare(&w);
        if (wrong)
            return arena_print(memory, "\"%s\" differs in blocks of %d", wrong,
                               (int)w.extents[NEST_BLOCK]);
    }
    return NULL;
}
