/* Random program, witnesses, shrinking: the three together.
 *
 * A program may compare two numbers that are equal up to rounding; then library and reference take
 * different branches and both are right. That happens for single inputs, a wrong adjoint for nearly
 * all: so a gradient is wrong when it is for two draws.
 *
 * Nothing compiled runs here, so there is no need for a process of its own: the evaluator is
 * checked by the sanitizers like any other code. */
#include "tests/support/slope_hunt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/random_graph.h"
#include "tests/support/shrink.h"

enum { HUNT_TRIES = 4000 };

typedef struct hunt {
    uint64_t seed;
    slope_verdict wanted;
} hunt;

static slope_verdict hunt_judge(const graph *g, const int64_t extents[LIMIT_AXES], uint64_t seed,
                                text *report) {
    slope_verdict verdict = slope_check(g, extents, seed, report);
    if (verdict == SLOPE_WRONG)
        verdict = slope_check(g, extents, ~seed, report);
    return verdict;
}

/* Wrong in the same way: taking a mask away must not pass for a smaller wrong gradient. */
static bool hunt_is_wrong(const graph *g, const int64_t extents[LIMIT_AXES], void *user) {
    const hunt *h = user;
    jmp_buf escape;
    arena memory;
    arena_init(&memory, allocator_default(), &escape);
    if (setjmp(escape) != 0)
        abort();
    text report;
    text_init(&report, &memory);
    bool wrong = hunt_judge(g, extents, h->seed, &report) == h->wanted;
    arena_free(&memory);
    return wrong;
}

static slope_verdict hunt_in(slope_find *out, uint64_t seed) {
    error problem = {.code = STATUS_OK};
    graph *g = arena_new(&out->memory, graph);
    graph_init(g, &out->memory, &problem);
    random_options options = {.steps = 2 + (int)(seed % 20), .smooth = true};
    random_graph(g, seed, &options);
    int64_t extents[LIMIT_AXES];
    random_extents(seed, 0, extents);
    text report;
    text_init(&report, &out->memory);
    hunt h = {seed, hunt_judge(g, extents, seed, &report)};
    if (h.wanted < SLOPE_PADDED)
        return h.wanted;
    shrink_result small = shrink_graph(g, extents, HUNT_TRIES, hunt_is_wrong, &h, &out->memory);
    out->report = report.at;
    out->text = small.text;
    out->nodes = small.nodes;
    return h.wanted;
}

slope_verdict slope_hunt(uint64_t seed, slope_find *out) {
    memset(out, 0, sizeof *out);
    arena_init(&out->memory, allocator_default(), &out->escape);
    if (setjmp(out->escape) != 0) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return hunt_in(out, seed);
}

void slope_find_free(slope_find *f) {
    arena_free(&f->memory);
}
