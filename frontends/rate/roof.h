/* Where the time of a run goes, held against what the machine can do. */
#ifndef EDDY_FRONTENDS_RATE_ROOF_H
#define EDDY_FRONTENDS_RATE_ROOF_H

#include "frontends/eddy.h"

enum { ROOF_L1, ROOF_L2, ROOF_L3, ROOF_DRAM, ROOF_LEVELS };

/* On so many threads, 1 or 2 (more count as 2). A rate is 0 where it could not be measured. */
typedef struct roof {
    int threads;
    double operations;          /* per second: multiply-adds and others, of the model's dtype */
    double read[ROOF_LEVELS];   /* bytes per second of cache levels and memory ... */
    double caches[ROOF_LEVELS]; /* ... which hold so many bytes for all threads; the last: all */
} roof;
/* Bytes of a cache that data of the first core can be in, ROOF_L1 to ROOF_L3; 0: unknown. */
double roof_cache(int level);
/* Takes about a second, and memory of eight times the third level. */
roof roof_measure(eddy_dtype type, int threads);

typedef struct roof_share {
    double seconds;    /* the least that the nest can take by what was measured; 0: unknown */
    const char *bound; /* what that is: "compute", or the level that it reads: "L1" to "DRAM" */
} roof_share;
/* Of all the calls that `w` counts. */
roof_share roof_of(const roof *r, const eddy_watched *w);

/* Calls the run for about so many seconds, at least three times, and says where a call's time went:
 * the nests, longest first, and waiting for other threads; at most `most` of them, and how many are
 * there. All figures are of one call. The run is of a program under eddy_watch and ready to be
 * called. 0: it is not, or a call failed, as eddy_run_status says. */
int roof_watch(eddy_run *run, double seconds, eddy_watched *out, int most);

#endif
