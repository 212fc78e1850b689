/* What the compare_*.c files share: one comparison under way. */
#ifndef EDDY_TESTS_SUPPORT_COMPARE_INTERNAL_H
#define EDDY_TESTS_SUPPORT_COMPARE_INTERNAL_H

#include "jit/check.h"
#include "jit/program.h"

typedef struct compare_work {
    arena *memory;
    graph *g; /* rewritten */
    program *compiled;
    program_run *run;
    check_sample sample;
    const eval *values; /* of the sample, as evaluated */
    graph_remember remember;
    int block; /* steps of a block; 0: as suits the machine */
    text *report;
} compare_work;

/* Gives the run copies of this sample, and its extents; unchanged: those it has, and the same
 * copies of parameters that the program only reads. */
bool compare_bind(compare_work *w, const check_sample *sample, bool unchanged, error *problem);
/* Is this result of the run what is expected? */
bool compare_array(compare_work *w, dtype type, nest_storage storage, const char *name,
                   const void *expected, size_t elements);

/* compare_alone.c: results that are known for each sample by itself, of one sample by itself. May
 * change extents and memory of the run. */
bool compare_alone(compare_work *w, uint64_t seed, error *problem);

#endif
