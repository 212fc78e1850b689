/* The roof is measured, not looked up: a clock that is throttled, a neighbour on the other
 * hyper-thread and a core that the host lends to somebody else all move it from minute to minute.
 *
 * One thread is measured in the time that it spends on a core, so that waiting for one does not
 * count. Two are measured on the wall, in windows of a common end instead of a common amount of
 * work: a second thread that finds no core of its own lowers the sum by what it did not do. */
#include "frontends/rate/rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frontends/rate/kernels.h"

enum { WINDOWS = 5, MEETINGS = 200000 };
static const double window_seconds = 0.01;

const char *rate_vectors(void) {
    const kernels *chosen = kernels_choose();
    return chosen ? chosen->name : "none";
}

const char *rate_type_name(rate_type type) {
    static const char *const names[RATE_TYPES] = {"f32", "f64", "bf16", "i8"};
    return names[type];
}

static int rate_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rate_median(double *numbers, size_t count) {
    qsort(numbers, count, sizeof *numbers, rate_compare);
    return numbers[(count - 1) / 2];
}

static double rate_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double rate_core_seconds(void) {
    return rate_clock(CLOCK_THREAD_CPUTIME_ID);
}

double rate_wall_seconds(void) {
    return rate_clock(CLOCK_MONOTONIC);
}

/* ---- windows */

/* One thread's part of a window: it calls `multiply`, or reads its block. */
typedef struct rate_part {
    float (*multiply)(void);
    float (*read)(const float *block, size_t count);
    float *block;
    size_t count;
    double each;            /* units of work in a call */
    double end, done, core; /* core: seconds on a core */
    volatile float sum;     /* what is computed must be */
} rate_part;

static void *rate_run(void *given) {
    rate_part *part = given;
    const double start = rate_core_seconds();
    part->done = 0;
    while (rate_wall_seconds() < part->end) {
        if (part->multiply) {
            part->sum = part->multiply();
            part->done += part->each;
            continue;
        }
        /* Small blocks often enough that looking at the clock does not count. */
        for (size_t read = 0; read < 1 << 18; read += part->count) {
            part->sum = part->read(part->block, part->count);
            part->done += part->each;
        }
    }
    part->core = rate_core_seconds() - start;
    return NULL;
}

static double rate_pair(rate_part parts[2]) {
    double start = rate_wall_seconds();
    parts[0].end = parts[1].end = start + window_seconds;
    pthread_t other;
    bool started = pthread_create(&other, NULL, rate_run, &parts[1]) == 0;
    rate_run(&parts[0]);
    if (started)
        pthread_join(other, NULL);
    return (parts[0].done + parts[1].done) / (rate_wall_seconds() - start);
}

static double rate_single(rate_part *part) {
    part->end = rate_wall_seconds() + window_seconds;
    rate_run(part);
    return part->done > 0 ? part->done / part->core : 0;
}

static rate rate_windows(rate_part parts[2]) {
    double one[WINDOWS], two[WINDOWS];
    for (int i = 0; i < WINDOWS; i++) {
        one[i] = rate_single(&parts[0]);
        two[i] = rate_pair(parts);
    }
    return (rate){rate_median(one, WINDOWS), rate_median(two, WINDOWS)};
}

/* ---- what is measured in them */

rate rate_multiply(rate_type type) {
    const kernels *chosen = kernels_choose();
    if (!chosen || !chosen->multiply[type])
        return (rate){0, 0};
    static const double products[RATE_TYPES] = {1, 0.5, 2, 4}; /* in a lane of 32 bits */
    const double each =
        2.0 * (int)KERNELS_ROUNDS * (int)KERNELS_SUMS * chosen->lanes * products[type];
    rate_part part = {.multiply = chosen->multiply[type], .each = each};
    rate_part parts[2] = {part, part};
    return rate_windows(parts);
}

rate rate_read(size_t bytes) {
    const kernels *chosen = kernels_choose();
    const size_t granule = KERNELS_BLOCK * sizeof(float);
    bytes = bytes < granule ? granule : bytes / granule * granule;
    rate_part parts[2] = {{.each = (double)bytes, .count = bytes / sizeof(float)}};
    rate result = {0, 0};
    if (!chosen)
        return result;
    parts[0].read = chosen->read;
    parts[1] = parts[0];
    bool good = true;
    for (int i = 0; i < 2; i++) {
        parts[i].block = aligned_alloc(64, bytes);
        good = good && parts[i].block;
        if (good)
            memset(parts[i].block, 0, bytes);
    }
    if (good)
        result = rate_windows(parts);
    free(parts[0].block);
    free(parts[1].block);
    return result;
}

double rate_latency(void) {
    const kernels *chosen = kernels_choose();
    if (!chosen)
        return 0;
    rate_part part = {.multiply = chosen->wait, .each = KERNELS_ROUNDS};
    double each[WINDOWS];
    for (int i = 0; i < WINDOWS; i++)
        each[i] = 1 / rate_single(&part);
    return rate_median(each, WINDOWS);
}

/* ---- meetings */

typedef struct rate_hall {
    atomic_int come[2];
    atomic_bool late; /* the other did not come in time: there is no second core now */
} rate_hall;

typedef struct rate_guest {
    rate_hall *hall;
    int self;
} rate_guest;

static void *rate_meet(void *given) {
    const rate_guest *guest = given;
    rate_hall *hall = guest->hall;
    const double end = rate_wall_seconds() + 1;
    for (int i = 1; i <= MEETINGS && !hall->late; i++) {
        atomic_store_explicit(&hall->come[guest->self], i, memory_order_release);
        for (int spins = 1;
             atomic_load_explicit(&hall->come[!guest->self], memory_order_acquire) < i; spins++)
            if (spins % 4096 == 0 && rate_wall_seconds() > end) {
                hall->late = true;
                break;
            }
    }
    return NULL;
}

double rate_meeting(void) {
    rate_hall hall = {.come = {0, 0}};
    rate_guest guests[2] = {{&hall, 0}, {&hall, 1}};
    pthread_t other;
    if (pthread_create(&other, NULL, rate_meet, &guests[1]) != 0)
        return 0;
    while (hall.come[1] == 0)
        continue;
    double start = rate_wall_seconds();
    rate_meet(&guests[0]);
    double seconds = rate_wall_seconds() - start;
    pthread_join(other, NULL);
    return hall.late ? 0 : seconds / (int)MEETINGS;
}
