/* One program, two machines.
 *
 * The evaluator gets the graph as the passes have left it, because passes may reorder sums; params
 * are copied before the compiled call, because updates write them. A program that one side refuses
 * must be refused by the other with the same words. */
#include "tests/support/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/compare_internal.h"

enum { COMPARE_BLOCKS = 3 /* steps of the longest blocks */ };

static void compare_fail(compare_work *w, const char *what, const char *name) {
    text_add(w->report, "%s \"%s\" at extents", what, name);
    for (int a = 0; a < w->g->axis_count; a++)
        text_add(w->report, " %s=%" PRId64, w->g->axes[a].name, w->sample.extents[a]);
    if (w->block > 0)
        text_add(w->report, " in blocks of %d", w->block);
    if (w->remember != GRAPH_REMEMBER_ALL)
        text_add(w->report, " remembering %s", graph_remember_name(w->remember));
    text_add(w->report, "\n");
}

static void compare_number(text *out, dtype type, const void *data, size_t i) {
    switch (type) {
    case DTYPE_F32:
        text_add(out, "%a", (double)((const float *)data)[i]);
        break;
    case DTYPE_F64:
        text_add(out, "%a", ((const double *)data)[i]);
        break;
    case DTYPE_I32:
        text_add(out, "%" PRId32, ((const int32_t *)data)[i]);
        break;
    default:
        text_add(out, "%u", ((const uint8_t *)data)[i]);
        break;
    }
}

bool compare_array(compare_work *w, dtype type, nest_storage storage, const char *name,
                   const void *expected, size_t elements) {
    int slot = program_slot_find(w->compiled, storage, name);
    if (!expected || slot < 0 || program_run_elements(w->run, slot) != elements) {
        compare_fail(w, "missing, or of another size:", name);
        return false;
    }
    const void *got = program_run_bound(w->run, slot);
    int64_t at = check_difference(type, expected, got, elements);
    if (at < 0)
        return true;
    compare_fail(w, "different:", name);
    text_add(w->report, "element %" PRId64 " of %zu: evaluated ", at, elements);
    compare_number(w->report, type, expected, (size_t)at);
    text_add(w->report, ", compiled ");
    compare_number(w->report, type, got, (size_t)at);
    text_add(w->report, "\n");
    return false;
}

bool compare_bind(compare_work *w, const check_sample *sample, bool unchanged, error *problem) {
    if (!unchanged && program_run_resize(w->run, sample->extents, problem) != STATUS_OK)
        return false;
    for (int i = 0; i < program_slot_count(w->compiled); i++) {
        const program_slot *slot = program_slot_at(w->compiled, i);
        if (unchanged && slot->storage == NEST_PARAM && !slot->updated)
            continue;
        program_run_bind(w->run, i, NULL);
        for (size_t k = 0; k < sample->leaves.count; k++) {
            const check_leaf *leaf = &sample->leaves.at[k];
            if (slot->storage == NEST_OUTPUT || strcmp(slot->name, leaf->name) != 0)
                continue;
            size_t bytes = leaf->elements * dtype_size(leaf->type);
            void *copy = arena_take(w->memory, bytes);
            memcpy(copy, leaf->data, bytes);
            program_run_bind(w->run, i, copy);
        }
    }
    return true;
}

static bool compare_result(compare_work *w, const op_node *n, nest_storage storage,
                           const char *name) {
    size_t elements;
    const void *expected = eval_value(w->values, n, &elements);
    return compare_array(w, (dtype)n->dtype, storage, name, expected, elements);
}

/* A call on parts of samples times parts of units, from the same start: are the results the same?
 * unchanged: what is made of parameters alone is kept from the call before. */
static bool compare_call(compare_work *w, cost_grid grid, bool unchanged, error *problem) {
    if (!compare_bind(w, &w->sample, unchanged, problem))
        return false;
    if (unchanged)
        program_run_unchanged(w->run);
    if (program_run_grid(w->run, grid, problem) != STATUS_OK ||
        program_run_call(w->run, problem) != STATUS_OK)
        return false;
    bool same = true;
    for (size_t i = 0; i < w->g->outputs.count && same; i++)
        same = compare_result(w, w->g->outputs.at[i].node, NEST_OUTPUT, w->g->outputs.at[i].name);
    for (size_t i = 0; i < w->g->updates.count && same; i++)
        same = compare_result(w, w->g->updates.at[i].node, NEST_PARAM,
                              w->g->updates.at[i].variable->attributes.text);
    if (!same)
        text_add(w->report, "on %d x %d threads\n", grid.samples, grid.units);
    return same;
}

/* How a call may be cut up: one thread, then several that share units, samples, or both; blocks of
 * steps and portions of samples. A program that remembers less than all was compared with these
 * extents before. */
static bool compare_calls(compare_work *w, uint64_t seed, error *problem) {
    static const cost_grid grids[] = {{1, 2}, {2, 1}, {1, 3}, {3, 1}, {2, 2}};
    bool whole = w->remember == GRAPH_REMEMBER_ALL;
    bool same = compare_call(w, (cost_grid){1, 1}, false, problem);
    for (uint64_t i = seed; i < seed + 3 && same && whole; i++)
        same = compare_call(w, grids[i % 5], (i - seed) % 2 == 0, problem);
    for (w->block = 1; w->block <= COMPARE_BLOCKS && same; w->block++) {
        program_run_set_block(w->run, w->block);
        program_run_set_portion(w->run, 1 + 64 * (w->block - 1)); /* one sample, then some */
        same = program_run_resize(w->run, w->sample.extents, problem) == STATUS_OK &&
               compare_call(w, (cost_grid){1, 1}, false, problem) &&
               compare_call(w, grids[((uint64_t)w->block + seed) % 5], false, problem);
    }
    w->block = 0;
    program_run_set_block(w->run, w->block);
    program_run_set_portion(w->run, 0);
    return same && (!whole || compare_alone(w, seed, problem));
}

static compare_verdict compare_at(compare_work *w, const int64_t *extents, uint64_t seed,
                                  error *problem) {
    check_draw(w->g, w->memory, extents, seed, &w->sample);
    node_list roots = {0};
    graph_roots(w->g, w->memory, &roots);
    eval_feed *feeds;
    size_t count = check_feeds(w->g, w->memory, &w->sample, &feeds);
    w->values = eval_graph(w->g, w->memory, roots.at, roots.count, w->sample.extents, feeds, count);
    if (!w->values)
        return COMPARE_REFUSED;
    return compare_calls(w, seed, problem) ? COMPARE_EQUAL : COMPARE_DIFFERENT;
}

static compare_verdict compare_compiled(compare_work *w, const graph *g,
                                        const int64_t (*extents)[LIMIT_AXES], size_t count,
                                        uint64_t seed) {
    error *problem = arena_new(w->memory, error), *again = arena_new(w->memory, error);
    w->g = pipeline_rewrite(g, w->memory, problem);
    graph source = *g;
    source.remember = w->remember;
    w->compiled = program_compile(&source, "compared", allocator_default(), again);
    if (!w->g || !w->compiled) {
        program_free(w->compiled);
        text_add(w->report, "%s\n", problem->message);
        if (problem->code == again->code && strcmp(problem->message, again->message) == 0)
            return COMPARE_REFUSED;
        text_add(w->report, "compiled: %s\n", again->message);
        return COMPARE_DIFFERENT;
    }
    w->run = program_run_new(w->compiled, allocator_default(), problem);
    compare_verdict verdict = w->run ? COMPARE_EQUAL : COMPARE_DIFFERENT;
    for (size_t i = 0; i < count && verdict == COMPARE_EQUAL; i++)
        verdict = compare_at(w, extents[i], seed + i, problem);
    if (problem->code != STATUS_OK)
        text_add(w->report, "%s\n", problem->message);
    program_run_free(w->run);
    program_free(w->compiled);
    return verdict;
}

static const char *compare_rewritten(const compare_work *w, const graph *g,
                                     graph_remember remember) {
    error *problem = arena_new(w->memory, error);
    text out;
    text_init(&out, w->memory);
    graph source = *g;
    source.remember = remember;
    const graph *made = pipeline_rewrite(&source, w->memory, problem);
    if (made)
        print_graph(made, &out);
    return out.at;
}

/* What is evaluated remembers all. What forgets nothing more than the program before is not
 * compared again. */
static compare_verdict compare_all(compare_work *w, const graph *g,
                                   const int64_t (*extents)[LIMIT_AXES], size_t count,
                                   uint64_t seed) {
    const char *before = compare_rewritten(w, g, GRAPH_REMEMBER_ALL);
    compare_verdict verdict = compare_compiled(w, g, extents, count, seed);
    for (int i = 1; i < GRAPH_REMEMBER_COUNT && verdict == COMPARE_EQUAL; i++) {
        w->remember = (graph_remember)i;
        const char *now = compare_rewritten(w, g, w->remember);
        if (strcmp(now, before) != 0)
            verdict = compare_compiled(w, g, extents, count, seed);
        before = now;
    }
    return verdict;
}

compare_verdict compare_program(const graph *g, const int64_t (*extents)[LIMIT_AXES], size_t count,
                                uint64_t seed, text *report) {
    jmp_buf escape;
    arena memory;
    arena_init(&memory, allocator_default(), &escape);
    if (setjmp(escape) != 0) {
        fprintf(stderr, "compare: out of memory\n");
        exit(2);
    }
    compare_work w = {.memory = &memory, .report = report};
    compare_verdict verdict = compare_all(&w, g, extents, count, seed);
    if (verdict == COMPARE_DIFFERENT)
        print_graph(g, report);
    arena_free(&memory);
    return verdict;
}
