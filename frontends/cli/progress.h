/* What somebody who waits for a training run sees. */
#ifndef EDDY_FRONTENDS_CLI_PROGRESS_H
#define EDDY_FRONTENDS_CLI_PROGRESS_H

#include "frontends/cli/cli.h"

/* On a terminal one line is written over and over; elsewhere about twenty plain lines are written
 * in a run, whose number depends on steps alone. */
typedef struct progress {
    bool terminal, colour, quiet, open;
    bool bits; /* losses are nats: bits are shown */
    int64_t first, steps;
    double began, shown;
} progress;

typedef struct progress_point {
    int64_t step; /* steps done */
    double loss, norm, rate;
    int64_t rows;      /* of one step */
    double validation; /* NaN: none so far */
} progress_point;

progress progress_begin(int64_t first, int64_t steps, bool bits, bool quiet);
void progress_show(progress *p, const progress_point *at);
/* Ends an open line, so that something else can be printed. */
void progress_end(progress *p);

#endif
