/* How a cell learns, seen from inside: how far back the gradient reaches, and how many gates are
 * saturated. Nothing of it is particular to a cell: states and gates are found in the graph. */
#ifndef EDDY_FRONTENDS_CLI_INSIGHT_H
#define EDDY_FRONTENDS_CLI_INSIGHT_H

#include <jansson.h>

#include "frontends/cli/network.h"
#include "frontends/cli/session.h"

typedef struct insight {
    session s;
    size_t steps, samples;
    int gates;
    const char **gate_names;
    int states;
    const char **state_names;
} insight;

/* Compiles what asks; rows of the data are read from `begin`, as many as there are up to `end`. */
insight insight_begin(arena *memory, const network *n, eddy_params *params, const data *from,
                      const streams *part);
/* {"event": "insight", "step", "reach", "lags": [...], "gradient": [...], "saturated": {...}}: the
 * norm of the gradient of the last step's loss by all states so many steps earlier, the largest lag
 * where it is at least a hundredth of that at lag 0, null where that is the first step, and for
 * each gate the share of its values that are saturated. */
json_t *insight_line(insight *i, int64_t step);
void insight_end(insight *i);

#endif
