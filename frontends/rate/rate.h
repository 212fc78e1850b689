/* What this machine can do at this moment: the roofs that programs are held against.
 *
 * Every rate is 0 where the machine lacks the instructions, or memory. */
#ifndef EDDY_FRONTENDS_RATE_RATE_H
#define EDDY_FRONTENDS_RATE_RATE_H

#include <stddef.h>

/* Per second: of one thread, in its time on a core; the sum over two threads at the same time, on
 * the wall. Medians of five windows of 10 ms each, one and two threads in turn. Where no second
 * thread can be started, two is what one of them does. */
typedef struct rate {
    double one, two;
} rate;

/* Multiply-adds that touch registers alone count as two operations. bf16 and i8 are products of
 * pairs and of fours that are added up in f32 and i32. */
typedef enum rate_type { RATE_F32, RATE_F64, RATE_BF16, RATE_I8, RATE_TYPES } rate_type;
rate rate_multiply(rate_type type);
const char *rate_type_name(rate_type type);

/* Bytes read by threads that each read a block of their own of so many bytes (in whole multiples of
 * 4096) over and over: the speed of the cache level that holds it. */
rate rate_read(size_t bytes);

/* Seconds from a multiply-add to one that needs its result. */
double rate_latency(void);

/* Seconds that two threads take to meet once, when both come at the same time and spin. */
double rate_meeting(void);

/* The vectors that the measurements use: "avx512", "avx2" or "none". */
const char *rate_vectors(void);

/* Seconds that this thread has spent on a core. */
double rate_core_seconds(void);
/* Seconds since some fixed moment. */
double rate_wall_seconds(void);

/* The middle one of count (> 0) numbers, which get sorted; of an even count, the lower one. */
double rate_median(double *numbers, size_t count);

#endif
