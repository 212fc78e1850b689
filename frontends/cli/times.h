/* Where the time of a step goes, loop nest by loop nest, against what the machine can do. */
#ifndef EDDY_FRONTENDS_CLI_TIMES_H
#define EDDY_FRONTENDS_CLI_TIMES_H

#include <jansson.h>

#include "frontends/cli/session.h"

/* A line of the log, "times": calls the run of a watched program for a moment. Takes a second or
 * two, most of it for the machine itself. NULL: there was nothing to measure. */
json_t *times_line(session *s, int64_t step);

#endif
