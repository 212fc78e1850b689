/* The model around a cell: what goes in, layers of the cell, what comes out, and the loss. */
#ifndef EDDY_FRONTENDS_CLI_NETWORK_H
#define EDDY_FRONTENDS_CLI_NETWORK_H

#include "frontends/cli/cell.h"
#include "frontends/cli/data.h"
#include "frontends/cli/options.h"

typedef struct network {
    cell_source cell;
    const char *set; /* dimensions of the cell, as given; NULL: none */
    int64_t size;    /* of all others */
    int64_t layers;
    int64_t embedding; /* of a symbol of a text */
    double dropout;    /* between layers, while training */
    data_kind kind;
    int64_t inputs, outputs;
    int64_t vocabulary; /* x is one of so many symbols; 0: numbers */
    bool classes;
    bool each; /* of sequences: every step has a target, else the last one */
} network;

/* Writes the model: x, a symbol (i32 []) or a row of numbers, to logits or predictions [outputs].
 */
eddy_value network_build(const network *n, eddy_model *m, eddy_axes t, eddy_value x, bool training);
/* The input "x". */
eddy_value network_input(const network *n, eddy_model *m, eddy_axes over);
/* The input "y": of each step, or of each sequence. */
eddy_value network_target(const network *n, eddy_model *m, eddy_axes t, eddy_axes b);
/* The loss [] of what the model says, beside the target. */
eddy_value network_compare(const network *n, eddy_value said, eddy_value y);
/* Does every step of the model say something, or the last one alone? */
bool network_is_each(const network *n);
/* The inputs "x" and "y" through the model: the loss [] of each step (of each sequence, where the
 * last one alone says something), in nats or as a square. */
eddy_value network_loss(const network *n, eddy_model *m, eddy_axes t, eddy_axes b, bool training);
/* A step of training by these losses: the output "loss" is their mean, which is minimised as the
 * options say, and "norm" the norm of its gradient. */
void network_learn(eddy_value each, const options *o);

#endif
