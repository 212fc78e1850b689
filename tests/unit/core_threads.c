/* Threads: what is written before a meeting is seen after it, by any number of threads on any
 * number of cores; the caller's rounding is everybody's; a forked child is told that it has no
 * threads. */
#include <criterion/criterion.h>
#include <fenv.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/threads.h"

enum { MOST = 8, ROUNDS = 100 };

typedef struct relay {
    threads_barrier barrier;
    long written[MOST]; /* by its own thread alone, read by all */
    int count;
    long wrong[MOST];
} relay;

/* In each round every thread writes its number and then looks at those of all. */
static void relay_run(void *user, int thread, int count) {
    relay *r = user;
    if (thread == 0)
        r->count = count;
    for (long round = 1; round <= ROUNDS; round++) {
        r->written[thread] = round;
        threads_meet(&r->barrier, count);
        for (int other = 0; other < count; other++)
            r->wrong[thread] += r->written[other] != round;
        threads_meet(&r->barrier, count);
    }
}

Test(core_threads, all_see_what_each_wrote_before_they_met, .timeout = 60) {
    for (int threads = 1; threads <= MOST; threads += threads < 3 ? 1 : 5) {
        relay r = {.count = 0};
        threads_run(threads, relay_run, &r);
        cr_expect_eq(r.count, threads);
        for (int thread = 0; thread < threads; thread++)
            cr_expect_eq(r.wrong[thread], 0, "%d threads: thread %d saw %ld old numbers", threads,
                         thread, r.wrong[thread]);
    }
}

typedef struct inner {
    int counts[2];
} inner;

static void inner_count(void *user, int thread, int count) {
    (void)thread;
    *(int *)user = count;
}

static void inner_run(void *user, int thread, int count) {
    inner *in = user;
    (void)count;
    threads_run(2, inner_count, &in->counts[thread]);
}

Test(core_threads, a_region_inside_a_region_says_how_many_it_got) {
    inner in = {{0, 0}};
    threads_run(2, inner_run, &in);
    for (int thread = 0; thread < 2; thread++)
        cr_expect(in.counts[thread] >= 1 && in.counts[thread] <= 2);
}

static void modes_run(void *user, int thread, int count) {
    (void)count;
    ((int *)user)[thread] = fegetround();
}

Test(core_threads, the_callers_rounding_is_everybodys) {
    int found[3] = {-1, -1, -1}, modes[] = {FE_DOWNWARD, FE_TONEAREST};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        fesetround(modes[i]);
        threads_run(3, modes_run, found);
        for (int thread = 0; thread < 3; thread++)
            cr_expect_eq(found[thread], modes[i]);
    }
}

static bool child_can_run(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(threads_can_run() ? 1 : 0);
    int state;
    waitpid(child, &state, 0);
    return WIFEXITED(state) && WEXITSTATUS(state) == 1;
}

Test(core_threads, threads_do_not_survive_a_fork) {
    cr_expect(threads_can_run());
    cr_expect(child_can_run(), "nothing has run yet");
    int found[2];
    threads_run(2, modes_run, found);
    cr_expect(threads_can_run());
    cr_expect(!child_can_run());
    cr_expect_geq(threads_available(), 1);
}

Test(core_threads, a_round_trip_is_measured_once, .timeout = 60) {
    double first = threads_round_trip(2);
    cr_expect(first > 0 && first < 10, "%g s", first);
    cr_expect_eq(threads_round_trip(2), first);
}
