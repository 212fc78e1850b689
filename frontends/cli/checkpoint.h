/* All that a run of training needs to go on as if it had never stopped, in one file. */
#ifndef EDDY_FRONTENDS_CLI_CHECKPOINT_H
#define EDDY_FRONTENDS_CLI_CHECKPOINT_H

#include "frontends/cli/session.h"

typedef struct checkpoint {
    int32_t step;      /* steps that are done */
    int32_t best_step; /* ... when validation was best */
    int32_t stale;     /* validations since then */
    int32_t validated; /* validations so far */
    double best;       /* loss then */
} checkpoint;

/* Weights and moments of params, carried states of the run, and where the run stands. Written whole
 * or not at all; a mistake ends the process. */
void checkpoint_save(const char *path, eddy_params *params, const session *s, const checkpoint *c);
/* Params of a file, and where the run stood; a mistake ends the process. */
eddy_params *checkpoint_load(const char *path, checkpoint *c);
/* Params of any file of weights, which take no new ones; of a checkpoint its weights alone: those
 * behind the scope ("layer1.", the only layer; or "" for all), by the rest of their names. A
 * mistake ends the process. */
eddy_params *checkpoint_weights(const char *path, uint64_t seed, const char *scope);
/* Carried states as they were. */
void checkpoint_restore(const eddy_params *params, session *s);

#endif
