/* What a run is, in numbers: weights, memory, machine code. */
#ifndef EDDY_FRONTENDS_CLI_FACTS_H
#define EDDY_FRONTENDS_CLI_FACTS_H

#include <jansson.h>

#include "frontends/cli/session.h"

/* Adds to an object: "weights", "weight_bytes", "run_bytes", "object_bytes", "kernels",
 * "compile_milliseconds", "threads", and "memory": the largest buffers of the run, each with name,
 * offset and bytes. Buffers that take turns share places, so their sum is no sum of memory. */
void facts_add(arena *memory, json_t *to, const eddy_params *params, const session *s);

#endif
