/* Calls on several threads: LSTMs with their gradients, and random programs, on grids of up to four
 * threads. Results must be the evaluator's; and where the thread sanitizer watches (preset tsan),
 * it sees every access of the compiled code, too. */
#include <stdio.h>
#include <stdlib.h>

#include "frontends/capi.h"
#include "tests/support/compare.h"
#include "tests/support/random_graph.h"

enum { PROGRAMS = 12, UNITS = 24, INPUTS = 5 };

static compare_verdict judge(const char *name, const graph *g, const int64_t (*extents)[LIMIT_AXES],
                             size_t count, uint64_t seed, arena *memory) {
    text report;
    text_init(&report, memory);
    compare_verdict verdict = compare_program(g, extents, count, seed, &report);
    if (verdict == COMPARE_DIFFERENT)
        fprintf(stderr, "calls: %s:\n%s\n", name, report.at);
    return verdict;
}

/* An LSTM over samples of different length, one way or both, and its training step. */
static int train_lstm(bool both) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, INPUTS);
    eddy_cell_options plain = {0};
    eddy_value h = both ? eddy_bidirectional(eddy_lstm, m, "lstm", t, UNITS, x, &plain)
                        : eddy_lstm(m, "lstm", t, UNITS, x, &plain);
    eddy_value energy = eddy_reduce_all(eddy_square(h), EDDY_SUM);
    eddy_output(m, "norm", eddy_minimise(eddy_mean_over(energy, t | b), eddy_adam()));
    int64_t extents[2][LIMIT_AXES] = {{0}};
    extents[0][graph_axis_find(&m->graph, "t")] = 7;
    extents[0][graph_axis_find(&m->graph, "b")] = 5;
    extents[1][graph_axis_find(&m->graph, "t")] = 3;
    extents[1][graph_axis_find(&m->graph, "b")] = 1;
    compare_verdict verdict = judge(both ? "both ways" : "lstm", &m->graph,
                                    (const int64_t(*)[LIMIT_AXES])extents, 2, 1, &m->memory);
    eddy_model_free(m);
    return verdict != COMPARE_EQUAL;
}

static int run_random(uint64_t seed) {
    arena memory;
    jmp_buf escape;
    error problem = {.code = STATUS_OK};
    graph g;
    arena_init(&memory, allocator_default(), &escape);
    graph_init(&g, &memory, &problem);
    random_options options = {.steps = 4 + (int)(seed % 9), .gradients = seed % 2 == 0};
    random_graph(&g, seed, &options);
    int64_t extents[2][LIMIT_AXES];
    for (int i = 0; i < 2; i++)
        random_extents(seed, i, extents[i]);
    const char *name = arena_print(&memory, "seed %llu", (unsigned long long)seed);
    compare_verdict verdict =
        judge(name, &g, (const int64_t(*)[LIMIT_AXES])extents, 2, seed, &memory);
    arena_free(&memory);
    return verdict == COMPARE_DIFFERENT;
}

int main(void) {
    int failed = train_lstm(false) + train_lstm(true);
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        failed += run_random(seed);
    printf("calls: %d programs on several threads, %d wrong\n", PROGRAMS + 2, failed);
    return failed > 0;
}
