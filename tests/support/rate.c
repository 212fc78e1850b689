/* The roof is measured, not looked up: a clock that is throttled, a neighbour on the other
 * hyper-thread and a core that the host lends to somebody else all move it from minute to minute.
 *
 * A unit finishes a multiply-add after 4 or 5 cycles and there are up to two units, so at least ten
 * independent sums must be under way; twelve also leave an AVX2 machine registers for the factors.
 * The sums start apart, or the compiler would keep one of them, and tend to a fixed point (2), so
 * that neither infinities nor denormal numbers are multiplied; none starts there, or the compiler
 * would know it.
 *
 * One thread is measured in the time that it spends on a core, so that waiting for one does not
 * count. Two are measured on the wall, in windows of a common end instead of a common amount of
 * work: a second thread that finds no core of its own lowers the sum by what it did not do. */
#include "tests/support/rate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "docs/examples/common/wall_clock.h"

enum { WINDOWS = 5, ROUNDS = 20000, SUMS = 12, BLOCK = 1024 };
static const double window_seconds = 0.01;

typedef struct rate_kernels {
    const char *name;
    int lanes;
    float (*multiply)(void);                         /* ROUNDS times SUMS vectors */
    float (*read)(const float *block, size_t count); /* count: a multiple of BLOCK */
} rate_kernels;

#ifdef __x86_64__
#    include <immintrin.h>

__attribute__((target("avx512f"))) static float multiply_avx512(void) {
    __m512 sums[SUMS], factor = _mm512_set1_ps(0.75F), term = _mm512_set1_ps(0.5F);
#    pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++)
        sums[i] = _mm512_set1_ps((float)(3 + i));
    for (int round = 0; round < ROUNDS; round++) {
#    pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++)
            sums[i] = _mm512_fmadd_ps(sums[i], factor, term);
    }
#    pragma GCC unroll 12
    for (int i = 1; i < SUMS; i++)
        sums[0] += sums[i];
    return _mm512_reduce_add_ps(sums[0]);
}

__attribute__((target("avx2,fma"))) static float multiply_avx2(void) {
    __m256 sums[SUMS], factor = _mm256_set1_ps(0.75F), term = _mm256_set1_ps(0.5F);
#    pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++)
        sums[i] = _mm256_set1_ps((float)(3 + i));
    for (int round = 0; round < ROUNDS; round++) {
#    pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++)
            sums[i] = _mm256_fmadd_ps(sums[i], factor, term);
    }
#    pragma GCC unroll 12
    for (int i = 1; i < SUMS; i++)
        sums[0] += sums[i];
    return sums[0][0];
}

__attribute__((target("avx512f"))) static float read_avx512(const float *block, size_t count) {
    __m512 sums[8] = {0};
    for (size_t at = 0; at < count; at += 128) {
#    pragma GCC unroll 8
        for (size_t i = 0; i < 8; i++)
            sums[i] += _mm512_load_ps(block + at + 16 * i);
    }
#    pragma GCC unroll 8
    for (int i = 1; i < 8; i++)
        sums[0] += sums[i];
    return sums[0][0];
}

__attribute__((target("avx2"))) static float read_avx2(const float *block, size_t count) {
    __m256 sums[8] = {0};
    for (size_t at = 0; at < count; at += 64) {
#    pragma GCC unroll 8
        for (size_t i = 0; i < 8; i++)
            sums[i] += _mm256_load_ps(block + at + 8 * i);
    }
#    pragma GCC unroll 8
    for (int i = 1; i < 8; i++)
        sums[0] += sums[i];
    return sums[0][0];
}
#endif

/* NULL: none fits. */
static const rate_kernels *rate_choose(void) {
#ifdef __x86_64__
    static const rate_kernels wide = {"avx512", 16, multiply_avx512, read_avx512};
    static const rate_kernels narrow = {"avx2", 8, multiply_avx2, read_avx2};
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return &wide;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &narrow;
#endif
    return NULL;
}

const char *rate_vectors(void) {
    const rate_kernels *kernels = rate_choose();
    return kernels ? kernels->name : "none";
}

static int rate_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rate_median(double *numbers, size_t count) {
    qsort(numbers, count, sizeof *numbers, rate_compare);
    return numbers[(count - 1) / 2];
}

double rate_core_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- multiply-adds */

/* One thread's part of a window. */
typedef struct rate_part {
    const rate_kernels *kernels;
    double end, flops, core; /* core: seconds on a core */
    volatile float sum;      /* what is computed must be */
} rate_part;

static void *rate_run(void *given) {
    rate_part *part = given;
    const double start = rate_core_seconds();
    const long long flops = 2LL * ROUNDS * SUMS * part->kernels->lanes;
    while (wall_clock_seconds() < part->end) {
        part->sum = part->kernels->multiply();
        part->flops += (double)flops;
    }
    part->core = rate_core_seconds() - start;
    return NULL;
}

/* FLOP/s of two threads side by side, on the wall. */
static double rate_pair(const rate_kernels *kernels) {
    double start = wall_clock_seconds();
    rate_part parts[2] = {{.kernels = kernels, .end = start + window_seconds}};
    parts[1] = parts[0];
    pthread_t other;
    bool started = pthread_create(&other, NULL, rate_run, &parts[1]) == 0;
    rate_run(&parts[0]);
    if (started)
        pthread_join(other, NULL);
    return (parts[0].flops + parts[1].flops) / (wall_clock_seconds() - start);
}

/* FLOP/s of one thread, in its time on a core. */
static double rate_single(const rate_kernels *kernels) {
    rate_part part = {.kernels = kernels, .end = wall_clock_seconds() + window_seconds};
    rate_run(&part);
    return part.flops > 0 ? part.flops / part.core : 0;
}

rate rate_measure(void) {
    const rate_kernels *kernels = rate_choose();
    if (!kernels)
        return (rate){0, 0};
    double one[WINDOWS], two[WINDOWS];
    for (int i = 0; i < WINDOWS; i++) {
        one[i] = rate_single(kernels);
        two[i] = rate_pair(kernels);
    }
    return (rate){rate_median(one, WINDOWS) * 1e-9, rate_median(two, WINDOWS) * 1e-9};
}

/* ---- reading */

double rate_read(size_t bytes) {
    const rate_kernels *kernels = rate_choose();
    const size_t granule = BLOCK * sizeof(float);
    bytes = bytes < granule ? granule : bytes / granule * granule;
    float *block = kernels ? aligned_alloc(64, bytes) : NULL;
    if (!block)
        return 0;
    memset(block, 0, bytes);
    double speeds[WINDOWS];
    volatile float sum = kernels->read(block, bytes / sizeof *block);
    for (int i = 0; i < WINDOWS; i++) {
        double start = rate_core_seconds(), read = 0, seconds = 0;
        while (seconds < window_seconds) {
            /* Small blocks often enough that looking at the clock does not count. */
            for (size_t done = 0; done < 1 << 20; done += bytes) {
                sum = kernels->read(block, bytes / sizeof *block);
                read += (double)bytes;
            }
            seconds = rate_core_seconds() - start;
        }
        speeds[i] = read / seconds;
    }
    (void)sum;
    free(block);
    return rate_median(speeds, WINDOWS) * 1e-9;
}
