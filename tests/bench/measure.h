/* One row of the benchmark, compiled, run and timed. */
#ifndef EDDY_TESTS_BENCH_MEASURE_H
#define EDDY_TESTS_BENCH_MEASURE_H

#include "tests/bench/models.h"

/* A compiled row with the memory lent to it. */
enum { MEASURE_LENT = 128 };
typedef struct measure_use {
    model_row row;
    eddy_program *program;
    eddy_params *params;
    eddy_run *run;
    void *lent[MEASURE_LENT]; /* inputs, then outputs */
    int lent_count;
    bool short_of_memory;
} measure_use;

typedef struct measure_facts {
    /* The compilation: in this process the first of this model, and one more; milliseconds. */
    double first_ms, wall_ms, core_ms, llvm_ms;
    int kernels, nests, chosen; /* chosen: threads that the library takes by itself */
    size_t object_bytes;
    /* Memory that the run holds, and what the caller lends it. */
    size_t arena_bytes, input_bytes, output_bytes;
    /* The arena in floats per T * B * H: all of it; what each step beyond T adds, which leaves out
     * what does not grow with the sequence (packed weights, their gradients). */
    double arena_floats, arena_growth;
    char message[512]; /* "": all is well */
} measure_facts;

/* Its weights go to a file of the folder. What went wrong is in out->message; the result (NULL when
 * out of memory) must be ended. */
measure_use *measure_begin(const model_row *row, const char *folder, measure_facts *out);
void measure_end(measure_use *use);

/* So many calls from the start of the sequence; false when one fails, or an output is not finite.
 */
bool measure_call(measure_use *use, int calls);

typedef struct measure_times {
    double wall, core; /* seconds of a call: medians */
    int samples;
} measure_times;

/* Calls on so many threads (0: as many as the library takes) for about so many seconds, at least
 * one after one that does not count; short calls are timed in bunches. */
measure_times measure_time(measure_use *use, int threads, double seconds);

/* What LLVM takes to begin with, in milliseconds on a core: the first compilation of a process, of
 * a model of one addition, less a second one. */
double measure_start_ms(void);

/* The activations of the library: values per second where they are in a cache, and seconds from one
 * value to the next where each depends on the one before. */
typedef struct measure_activation {
    double one, two, chain;
} measure_activation;
measure_activation measure_activate(eddy_unary *activation);

#endif
