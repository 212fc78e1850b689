/* Threads: one parallel region for a call, and a barrier to meet at inside (threads.c holds all
 * OpenMP that there is). */
#ifndef EDDY_CORE_THREADS_H
#define EDDY_CORE_THREADS_H

#include <stdatomic.h>
#include <stdbool.h>

enum { THREADS_LINE = 64 /* bytes that travel between cores together */ };

/* All zero before its first use. Its members lie in lines of their own, since one is waited on
 * while the other is written. */
typedef struct threads_barrier {
    _Alignas(THREADS_LINE) atomic_uint arrived; /* in this round */
    _Alignas(THREADS_LINE) atomic_uint round;   /* rounds that are over */
} threads_barrier;

/* Returns when `count` threads have called it; what each wrote before, all see afterwards. */
void threads_meet(threads_barrier *b, int count);

/* Cores that this process may use, at least 1. */
int threads_available(void);
/* The OpenMP that makes the threads, by its date: 201511 is OpenMP 4.5. */
int threads_openmp(void);

/* Calls body(user, thread, count) in `wanted` threads at once, or in fewer where OpenMP grants no
 * more; the caller is thread 0, and its rounding and denormal modes are those of all. Returns when
 * all have returned. */
typedef void threads_body(void *user, int thread, int count);
void threads_run(int wanted, threads_body *body, void *user);

/* Seconds that so many threads take to meet, measured once per process and number of threads (some
 * 20 us, at most a few ms where cores are busy); later calls repeat the answer. In a process that
 * cannot run threads: INFINITY if it was not measured before. */
double threads_round_trip(int count);

/* False in a child of a process that had threads when it forked: OpenMP's threads are gone there,
 * and it would wait for them without end. */
bool threads_can_run(void);

#endif
