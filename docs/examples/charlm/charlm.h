/* The character model: its cell, and what is done with it once it is trained. */
#ifndef EXAMPLES_CHARLM_H
#define EXAMPLES_CHARLM_H

#include <eddy.h>

#include "common/corpus.h"

/* Sizes of the model, and what it reads. */
typedef struct charlm {
    const corpus *text;
    int64_t hidden;
    eddy_params *params; /* shared by all programs */
} charlm;

/* Writes one step of the cell along t. x: i32 [], a symbol. Returns the logits [vocabulary] of what
 * follows; *state, unless NULL, is the state [hidden] after x. */
eddy_value charlm_cell(eddy_model *m, const charlm *model, eddy_axes t, eddy_value x,
                       eddy_value *state);

/* The loss [] of each step, in nats: the inputs "input" and "target" (i32) through the cell. */
eddy_value charlm_loss(eddy_model *m, const charlm *model, eddy_axes t, eddy_axes b,
                       eddy_value *state);

/* Each compiles a program of its own, adds the milliseconds that took to *compiled, and runs it. */

/* Bits per character on the text that was held out. */
double charlm_evaluate(const charlm *model, double *compiled);

/* Prints characters drawn one after the other inside one compiled loop. */
void charlm_sample(const charlm *model, double *compiled);

/* Prints how strongly the loss at the last step depends on the state at earlier ones. */
void charlm_flow(const charlm *model, double *compiled);

#endif
