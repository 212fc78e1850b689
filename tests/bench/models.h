/* What the benchmark measures: models written as a user would write them, gate by gate: no merged
 * matrices, no hand-written gradients. What an expert would rearrange is for the compiler to find.
 */
#ifndef EDDY_TESTS_BENCH_MODELS_H
#define EDDY_TESTS_BENCH_MODELS_H

#include "frontends/eddy.h"

typedef enum model_mode { MODEL_FORWARD, MODEL_TRAINING, MODEL_STREAM } model_mode;

/* A row of the benchmark. Layers beyond the first read the one below; with two directions, both
 * ways over the sequence. */
typedef struct model_row {
    const char *cell;                                          /* a name that models_know */
    int64_t layers, directions, inputs, units, samples, steps; /* L, D, I, H, B, T */
    model_mode mode;
    bool watched; /* the time of its nests is kept */
} model_row;

bool models_know(const char *cell);

/* Writes the model, outputs and all; its axes are "t" and "b".
 *
 * Forward: the input x, the output y. Stream: the same, and the next call goes on where this one
 * stopped. Training: the gradient of the output, dy, is an input too, and those of x and of all
 * parameters, "d <name>", are outputs: what a layer does inside a larger model. A model that ends
 * in a loss has the outputs y, which is its loss, and the gradients of its parameters. */
void models_write(eddy_model *m, const model_row *row);

/* The input that ends samples. */
#define MODELS_LENGTHS "lengths"

/* Integers that are fed stay below this. */
enum { MODELS_SYMBOLS = 10000 };

/* The cells of cells.c: next state, [units], from an input at each step. */
typedef eddy_value cells_cell(eddy_model *m, eddy_axes t, int64_t units, eddy_value x,
                              bool training);
cells_cell cells_ligru, cells_norm_lstm, cells_peephole, cells_gru, cells_cornn, cells_slstm,
    cells_mingru, cells_attention, cells_joined;

#endif
