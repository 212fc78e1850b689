/* Threads: the one file that knows OpenMP.
 *
 * Generated code is one function that every thread runs, with its number; where one part needs what
 * another has made, they meet. OpenMP makes the threads, because a program may already have its
 * pool of them; the barrier is ours, since it is met at each step of a recurrence and must cost as
 * little as passing a cache line to and fro.
 *
 * Traps. A barrier that only spins is a disaster beside another busy process: a thread that waits
 * takes the core of the one it waits for. So it spins a bounded time and then gives its core away
 * each time it looks. OpenMP may grant fewer threads than asked for (a region inside a region gets
 * one): the body is told how many there are. Rounding and denormal modes belong to a thread, so
 * those of the caller are passed on. And OpenMP's threads do not survive a fork. */
#include "core/threads.h"

#include <fenv.h>
#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "core/limits.h"

enum {
    THREADS_SPINS = 1000,  /* looks at the line before the core is given away: some 20 us */
    THREADS_WINDOWS = 15,  /* of a measurement, their median is taken ... */
    THREADS_MEETINGS = 8,  /* ... and the meetings in each */
    THREADS_MOST_US = 1000 /* after which no other window begins */
};

/* ---- the barrier */

static void threads_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* A round is over when the last thread has arrived; it opens the next one. The number of rounds
 * cannot change before this thread arrives, so it may be read without order. */
void threads_meet(threads_barrier *b, int count) {
    unsigned round = atomic_load_explicit(&b->round, memory_order_relaxed);
    unsigned before = atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel);
    if (before + 1 == (unsigned)count) {
        atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&b->round, round + 1, memory_order_release);
        return;
    }
    for (int spins = 0; atomic_load_explicit(&b->round, memory_order_acquire) == round; spins++)
        if (spins < THREADS_SPINS)
            threads_pause();
        else
            sched_yield();
}

/* ---- the region */

/* The process that had the first region of several threads; 0: none yet. */
static _Atomic pid_t threads_owner;

int threads_available(void) {
    int cores = omp_get_num_procs();
    return cores > 0 ? cores : 1;
}

int threads_openmp(void) {
    return _OPENMP;
}

bool threads_can_run(void) {
    pid_t owner = atomic_load(&threads_owner);
    return owner == 0 || owner == getpid();
}

void threads_run(int wanted, threads_body *body, void *user) {
    pid_t nobody = 0;
    atomic_compare_exchange_strong(&threads_owner, &nobody, getpid());
    fenv_t modes;
    fegetenv(&modes);
#pragma omp parallel num_threads(wanted) default(none) firstprivate(body, user) shared(modes)
    {
        int thread = omp_get_thread_num();
        fenv_t own;
        if (thread > 0) {
            fegetenv(&own);
            fesetenv(&modes);
        }
        body(user, thread, omp_get_num_threads());
        if (thread > 0)
            fesetenv(&own);
    }
}

/* ---- how long a meeting takes */

typedef struct threads_watch {
    threads_barrier barrier;
    double took[THREADS_WINDOWS];
    int windows;
    bool over;
} threads_watch;

static double threads_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Thread 0 holds the watch; nobody looks at `over` while it writes it. */
static void threads_watch_run(void *user, int thread, int count) {
    threads_watch *w = user;
    threads_meet(&w->barrier, count);
    double begin = thread == 0 ? threads_now() : 0;
    for (bool over = false; !over; over = w->over) {
        double start = thread == 0 ? threads_now() : 0;
        for (int i = 0; i < THREADS_MEETINGS; i++)
            threads_meet(&w->barrier, count);
        if (thread == 0) {
            double now = threads_now();
            w->took[w->windows++] = (now - start) / (double)THREADS_MEETINGS;
            w->over = w->windows == THREADS_WINDOWS || now - begin > (double)THREADS_MOST_US * 1e-6;
        }
        threads_meet(&w->barrier, count);
    }
}

static int threads_compare(const void *left, const void *right) {
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

double threads_round_trip(int count) {
    static _Atomic double known[LIMIT_THREADS + 1]; /* 0: not yet */
    double seconds = atomic_load(&known[count]);
    if (seconds > 0)
        return seconds;
    if (!threads_can_run())
        return INFINITY;
    threads_watch watch = {.windows = 0};
    threads_run(count, threads_watch_run, &watch);
    qsort(watch.took, (size_t)watch.windows, sizeof *watch.took, threads_compare);
    seconds = watch.took[watch.windows / 2];
    atomic_store(&known[count], seconds);
    return seconds;
}
