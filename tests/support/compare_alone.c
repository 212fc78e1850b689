/* A sample alone is the sample in the batch.
 *
 * One sample is cut out of everything that a run reads, the compiled program runs on it with a
 * batch of 1, and its results must be the bits that it had in the batch. That holds for all that
 * depends on no other sample: a value that was reached by a sum over the batch, by the number of
 * samples or by a sample's place among them is left out. */
#include "tests/support/compare_internal.h"

#include <string.h>

#include "core/rng.h"
#include "tests/support/compare.h"

int compare_samples_alone;

static bool alone_is_shaped(const op_shape *shape, int batch) {
    for (int d = 0; d < shape->rank; d++)
        if (shape->dimension[d] == OP_EXTENT_OF(batch))
            return true;
    return false;
}

/* By node number: does the value of a sample depend on others? */
static const bool *alone_mixed(const compare_work *w, int batch) {
    const graph *g = w->g;
    bool *mixed = arena_array(w->memory, bool, g->nodes.count);
    bool more = true;
    for (size_t i = 0; i < g->nodes.count; i++) {
        const op_node *n = g->nodes.at[i];
        mixed[n->id] = n->attributes.axis == batch || alone_is_shaped(&n->shape, batch) ||
                       (n->op != OP_EXPAND && n->attributes.over >> batch & 1);
    }
    while (more) {
        more = false;
        for (size_t i = 0; i < g->nodes.count; i++) {
            const op_node *n = g->nodes.at[i];
            for (int k = 0; k < n->count && !mixed[n->id]; k++)
                more |= mixed[n->id] = n->arguments[k] && mixed[n->arguments[k]->id];
        }
    }
    return mixed;
}

/* The part of an array that belongs to one sample; the array itself where samples share it. */
static const void *alone_part(const compare_work *w, const op_node *n, const void *all,
                              size_t elements, int batch, int64_t sample, size_t *count) {
    int axes[LIMIT_AXES], number = graph_axis_order(w->g, n->domain, axes);
    size_t size = dtype_size((dtype)n->dtype), outer = 1, steps = 1;
    *count = elements;
    if (!(n->domain >> batch & 1))
        return all;
    for (int i = 0; i < number && axes[i] != batch; i++)
        outer *= (size_t)w->sample.extents[axes[i]];
    steps = (size_t)w->sample.extents[batch];
    size_t inner = outer ? elements / outer / steps * size : 0;
    char *part = arena_take(w->memory, outer * inner);
    for (size_t i = 0; i < outer; i++)
        memcpy(part + i * inner, (const char *)all + (i * steps + (size_t)sample) * inner, inner);
    *count = elements / steps;
    return part;
}

static bool alone_result(compare_work *w, const op_node *n, nest_storage storage, const char *name,
                         int batch, int64_t sample) {
    size_t elements, count;
    const void *all = eval_value(w->values, n, &elements);
    const void *part = alone_part(w, n, all, elements, batch, sample, &count);
    compare_samples_alone += n->domain >> batch & 1;
    return compare_array(w, (dtype)n->dtype, storage, name, part, count);
}

static bool alone_leaves(compare_work *w, int batch, int64_t sample, check_sample *out) {
    memset(out, 0, sizeof *out);
    memcpy(out->extents, w->sample.extents, sizeof out->extents);
    out->extents[batch] = 1;
    for (size_t i = 0; i < w->g->nodes.count; i++) {
        const op_node *n = w->g->nodes.at[i];
        if (n->op != OP_INPUT && n->op != OP_PARAM)
            continue;
        if (alone_is_shaped(&n->shape, batch))
            return false;
        const check_leaf *from = NULL;
        for (size_t k = 0; k < w->sample.leaves.count && !from; k++)
            if (strcmp(w->sample.leaves.at[k].name, n->attributes.text) == 0)
                from = &w->sample.leaves.at[k];
        check_leaf leaf = *from;
        size_t bytes = leaf.elements * dtype_size(leaf.type);
        const void *part =
            alone_part(w, n, leaf.data, leaf.elements, batch, sample, &leaf.elements);
        leaf.data =
            memcpy(arena_take(w->memory, bytes), part, leaf.elements * dtype_size(leaf.type));
        vec_push(w->memory, &out->leaves, leaf);
    }
    return true;
}

bool compare_alone(compare_work *w, uint64_t seed, error *problem) {
    const graph *g = w->g;
    int batch = -1;
    for (int a = 0; a < g->axis_count; a++)
        if (g->axes[a].batch && g->axes[a].extent < 0)
            batch = a;
    if (batch < 0 || w->sample.extents[batch] < 2)
        return true;
    int64_t sample = (int64_t)(rng_uniform(seed, 1, 0) * (double)w->sample.extents[batch]);
    check_sample part;
    if (!alone_leaves(w, batch, sample, &part))
        return true;
    const bool *mixed = alone_mixed(w, batch);
    if (!compare_bind(w, &part, false, problem) || program_run_threads(w->run, 1, problem) ||
        program_run_call(w->run, problem) != STATUS_OK)
        return false;
    bool same = true;
    for (size_t i = 0; i < g->outputs.count && same; i++) {
        const graph_output *o = &g->outputs.at[i];
        same = mixed[o->node->id] || alone_result(w, o->node, NEST_OUTPUT, o->name, batch, sample);
    }
    for (size_t i = 0; i < g->updates.count && same; i++) {
        const graph_update *u = &g->updates.at[i];
        same = mixed[u->node->id] ||
               alone_result(w, u->node, NEST_PARAM, u->variable->attributes.text, batch, sample);
    }
    if (!same)
        text_add(w->report, "sample %lld alone\n", (long long)sample);
    return same;
}
