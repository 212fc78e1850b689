/* What this machine can do at this moment: the roof that benchmark rows are held against. */
#ifndef EDDY_TESTS_SUPPORT_RATE_H
#define EDDY_TESTS_SUPPORT_RATE_H

#include <stddef.h>

/* f32 fused multiply-adds that touch registers alone, in GFLOP/s (2 per multiply-add). */
typedef struct rate {
    double one; /* one thread, per second on a core */
    double two; /* the sum over two threads at the same time, per second on the wall */
} rate;

/* Medians of five windows of 10 ms each, one and two threads in turn. Both 0 on a machine without
 * AVX2 and FMA. Where no second thread can be started, two is what one of them does. */
rate rate_measure(void);

/* The vectors that the measurement uses: "avx512", "avx2" or "none". */
const char *rate_vectors(void);

/* GB/s at which one thread reads the same block of `bytes` (in whole multiples of 4096) over and
 * over: the speed of the cache level that holds it. 0 without AVX2 or without memory. */
double rate_read(size_t bytes);

/* Seconds that this thread has spent on a core. */
double rate_core_seconds(void);

/* The middle one of count (> 0) numbers, which get sorted; of an even count, the lower one. */
double rate_median(double *numbers, size_t count);

#endif
