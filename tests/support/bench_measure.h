/* One row of the benchmark, compiled, run and timed. */
#ifndef EDDY_TESTS_SUPPORT_BENCH_MEASURE_H
#define EDDY_TESTS_SUPPORT_BENCH_MEASURE_H

#include <stdbool.h>

#include "tests/support/bench_row.h"
#include "tests/support/rate.h"

typedef struct bench_plan {
    bool brief;     /* few steps, one repetition of a disturbed round */
    int calls;      /* at least so many calls are timed in a round */
    double seconds; /* and calls go on for so long */
    int rounds;     /* at most so many rounds */
} bench_plan;

/* Times are in milliseconds: on the wall, or (core) while this thread was on a core. */
typedef struct bench_result {
    const bench_row *row;
    int64_t steps;
    /* The compilation: in this process the first of this model, and one more. */
    double first_ms, second_ms, second_core_ms, second_llvm_ms;
    int kernels, nests;
    size_t object_bytes;
    /* Memory that the run holds, and what the caller lends it. */
    size_t arena_bytes, input_bytes, output_bytes;
    /* The arena in floats per T * B * H: all of it; what each step beyond T adds, which leaves out
     * what does not grow with the sequence (packed weights, their gradients). */
    double arena_floats, arena_growth;
    /* The round whose second thread was disturbed least. ms, core_ms: medians of its calls. */
    int rounds, calls;
    double ms, least_ms, core_ms;
    rate machine;      /* means of before and after */
    double read_speed; /* GB/s on a block as large as the recurrent matrices */
    bool disturbed;    /* even so, two threads gave less than 1.9 of one */
    /* The same calls on two threads, on the wall: their median, core_ms over it, and that over what
     * two threads gave of multiply-adds. chosen: threads that the library takes by itself. */
    double two_ms, two_gain, two_share;
    int chosen;
    /* What follows from core_ms: GFLOP/s, its share of machine.one, and the roof's time over ours.
     */
    double speed, share, roof_share;
} bench_result;

/* Measures one row. False with a sentence in message[0 .. 512) when it could not be compiled or
 * run, or computed a number that is not finite. */
bool bench_measure(const bench_row *row, const bench_plan *plan, bench_result *out, char *message);

/* What LLVM takes to begin with, in milliseconds on a core: the first compilation of a process, of
 * a model of one addition, less a second one. */
double bench_start_ms(void);

#endif
