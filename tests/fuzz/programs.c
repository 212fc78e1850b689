/* Random programs with gradients, evaluated and compiled, on several threads, one sample alone:
 * every bit of every result must agree.
 *
 *   fuzz_programs [COUNT [SEED]]
 *
 * Program number i has the seed SEED + i, which alone decides everything about it; so
 * `fuzz_programs 1 SEED` repeats one. Some run with guard pages around every buffer, some on the
 * narrower machine, some with every pass checked. A program that fails is made smaller as long as
 * it fails, and printed in the language of graphs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/apart.h"
#include "tests/support/compare.h"
#include "tests/support/random_graph.h"
#include "tests/support/shrink.h"

enum { RUNS = 3, SECONDS = 60, SHRINK_TRIES = 3000 };
/* In a child's result, which a sanitizer may set as well: it came to its end; samples were compared
 * alone, too. */
enum { SUBJECT_ENDED = 64, SUBJECT_ALONE = 16 };

typedef struct subject {
    arena memory;
    jmp_buf escape;
    error problem;
    graph g;
    uint64_t seed;
    int64_t extents[RUNS][LIMIT_AXES];
    /* what is compared */
    const graph *now;
    const int64_t (*at)[LIMIT_AXES];
    int runs;
    uint64_t drawn; /* the seed of the first run's values; each next one's is 1 more */
} subject;

/* Code in place is made for these: for calls of one step, and for any number of one sample. */
static bool subject_has_step(uint64_t seed) {
    return seed % 3 == 2;
}

static void subject_open(subject *s, uint64_t seed) {
    memset(s, 0, sizeof *s);
    arena_init(&s->memory, allocator_default(), &s->escape);
    if (setjmp(s->escape) != 0) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    graph_init(&s->g, &s->memory, &s->problem);
    random_options options = {.steps = 3 + (int)(seed % 25), .gradients = true};
    random_graph(&s->g, seed, &options);
    for (int i = 0; i < RUNS; i++)
        random_extents(seed, i, s->extents[i]);
    for (int a = 0; a < s->g.axis_count && subject_has_step(seed); a++) {
        s->extents[0][a] = 1;
        if (s->g.axes[a].batch)
            s->extents[1][a] = 1;
    }
    s->seed = seed;
    s->now = &s->g;
    s->at = (const int64_t(*)[LIMIT_AXES])s->extents;
    s->runs = RUNS;
    s->drawn = seed;
}

/* The switches of this seed; in the child only. */
static void subject_switches(const subject *s) {
    setenv("EDDY_GUARD", s->seed % 2 ? "1" : "0", 1);
    setenv("EDDY_CHECK", s->seed % 7 == 0 ? "2" : "1", 1);
    if (s->seed % 4 == 1)
        setenv("EDDY_CPU", "avx2", 1);
    if (s->seed % 3 == 1)
        setenv("EDDY_CACHE", "small", 1);
    if (subject_has_step(s->seed))
        setenv("EDDY_STEP", "1", 1);
}

static int subject_compare(void *user) {
    subject *s = user;
    text report;
    subject_switches(s);
    text_init(&report, &s->memory);
    compare_verdict verdict = compare_program(s->now, s->at, (size_t)s->runs, s->drawn, &report);
    if (verdict == COMPARE_DIFFERENT)
        printf("%s\n", report.at);
    return (int)verdict | SUBJECT_ENDED | (compare_samples_alone > 0 ? SUBJECT_ALONE : 0);
}

static bool subject_fails(int result) {
    int verdict = result & ~(SUBJECT_ENDED | SUBJECT_ALONE);
    return result < 0 || !(result & SUBJECT_ENDED) || verdict == COMPARE_DIFFERENT;
}

static bool subject_still_fails(const graph *g, const int64_t extents[LIMIT_AXES], void *user) {
    subject *s = user;
    int64_t table[1][LIMIT_AXES];
    memcpy(table[0], extents, sizeof table[0]);
    s->now = g;
    s->at = (const int64_t(*)[LIMIT_AXES])table;
    s->runs = 1;
    return subject_fails(apart_run(subject_compare, s, SECONDS, true));
}

static void subject_shrink(subject *s) {
    for (int i = 0; i < RUNS; i++) {
        s->drawn = s->seed + (uint64_t)i;
        if (!subject_still_fails(&s->g, s->extents[i], s))
            continue;
        shrink_result small =
            shrink_graph(&s->g, s->extents[i], SHRINK_TRIES, subject_still_fails, s, &s->memory);
        printf("smaller, after %d tries: %zu nodes, extents", small.tries, small.nodes);
        for (int a = 0; a < s->g.axis_count; a++)
            printf(" %s=%" PRId64, s->g.axes[a].name, small.extents[a]);
        printf("\n%s\n", small.text);
        return;
    }
    printf("it fails at no single set of extents\n");
}

int main(int count, char **arguments) {
    int programs = count > 1 ? atoi(arguments[1]) : 300;
    uint64_t first = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    int refused = 0, failed = 0, alone = 0;
    for (int i = 0; i < programs; i++) {
        subject *s = malloc(sizeof *s);
        if (!s)
            return 2;
        subject_open(s, first + (uint64_t)i);
        int result = s->problem.code != STATUS_OK ? (int)COMPARE_DIFFERENT
                                                  : apart_run(subject_compare, s, SECONDS, false);
        refused += result == (COMPARE_REFUSED | SUBJECT_ENDED);
        alone += result == (COMPARE_EQUAL | SUBJECT_ENDED | SUBJECT_ALONE);
        if (subject_fails(result)) {
            failed++;
            printf("seed %" PRIu64 " fails (%s %d) %s\n", s->seed, result < 0 ? "signal" : "result",
                   abs(result), s->problem.message);
            subject_shrink(s);
        }
        arena_free(&s->memory);
        free(s);
    }
    printf("seeds %" PRIu64 " to %" PRIu64
           ": %d programs, %d with samples alone, %d refused, %d failed\n",
           first, first + (uint64_t)(programs > 0 ? programs - 1 : 0), programs, alone, refused,
           failed);
    return failed > 0 || refused > 1 + programs / 4 || alone < programs / 8;
}
