/* Layers, losses, cells, optimisers: compositions of what eddy.h offers, and nothing else; a user
 * could have written each of them. Their equations are in frontends/nn. eddy.h includes this file.
 */
#ifndef EDDY_NN_H
#define EDDY_NN_H

#include "eddy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Dense: W x + b, params name.W [size, D], name.b. Embedding: row i of name [vocabulary, size].
 * Conv1d: b + sum of W_k x[t-k], k < taps; name.W [size, taps * D]. Layer norm: over the last
 * dimension; name.gain, name.bias. Batch norm: over axes; it updates name.mean and name.variance
 * when `training`, uses them when not. Dropout: zeros at this rate, else x / (1 - rate), by a mask
 * over these axes. */
EDDY_API eddy_value eddy_dense(eddy_model *m, const char *name, int64_t size, eddy_value x,
                               eddy_site here);
#define eddy_dense(...) eddy_dense(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_embedding(eddy_model *m, const char *name, int64_t vocabulary,
                                   int64_t size, eddy_value i, eddy_site here);
#define eddy_embedding(...) eddy_embedding(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_conv1d(eddy_model *m, const char *name, int64_t size, eddy_value x,
                                eddy_axes time, int taps, eddy_site here);
#define eddy_conv1d(...) eddy_conv1d(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_layer_norm(eddy_model *m, const char *name, eddy_value x, eddy_site here);
#define eddy_layer_norm(...) eddy_layer_norm(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_batch_norm(eddy_model *m, const char *name, eddy_value x, eddy_axes over,
                                    bool training, eddy_site here);
#define eddy_batch_norm(...) eddy_batch_norm(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_dropout(eddy_value x, double rate, eddy_axes axes, eddy_site here);
#define eddy_dropout(...) eddy_dropout(__VA_ARGS__, EDDY_HERE)
/* [] for each step. Cross entropy: logits [V] against an i32 id, 0 for an id out of range; squared
 * and binary: means over the elements, binary of logits. Masked: the loss where the mask holds,
 * else 0. Mean over axes: total / number of steps, 0 without any. */
EDDY_API eddy_binary eddy_cross_entropy, eddy_mean_squared_error, eddy_binary_cross_entropy,
    eddy_masked;
#define eddy_cross_entropy(...)        eddy_cross_entropy(__VA_ARGS__, EDDY_HERE)
#define eddy_mean_squared_error(...)   eddy_mean_squared_error(__VA_ARGS__, EDDY_HERE)
#define eddy_binary_cross_entropy(...) eddy_binary_cross_entropy(__VA_ARGS__, EDDY_HERE)
#define eddy_masked(...)               eddy_masked(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_over eddy_mean_over;
#define eddy_mean_over(...) eddy_mean_over(__VA_ARGS__, EDDY_HERE)
/* i32: the place of the largest; one drawn from softmax(z) by a uniform u (name: of a new axis). */
#define eddy_argmax(x) eddy_reduce_all((x), EDDY_ARGMAX)
EDDY_API eddy_value eddy_categorical(const char *name, eddy_value z, eddy_value u, eddy_site here);
#define eddy_categorical(...) eddy_categorical(__VA_ARGS__, EDDY_HERE)
typedef struct eddy_cell_options { /* all zero, or NULL for it: the defaults */
    int distance;                  /* reads h[t - distance]; 0 is 1; -1: from end to start */
    bool relu, peephole;           /* elman: not tanh; lstm */
    bool reset_before;             /* gru: resets the state, not its product */
    double forget_bias;            /* lstm: where bf begins */
    eddy_value h0, c0, c; /* before the first step, NULL: zeros; lstm sets c, its new cell */
} eddy_cell_options;
/* h [size]; params name.Wi, name.Ui, name.bi, ... of the gates i f g o, r z n. */
typedef eddy_value eddy_cell(eddy_model *m, const char *name, eddy_axes time, int64_t size,
                             eddy_value x, eddy_cell_options *how, eddy_site here);
EDDY_API eddy_cell eddy_elman, eddy_lstm, eddy_gru;
#define eddy_elman(...) eddy_elman(__VA_ARGS__, EDDY_HERE)
#define eddy_lstm(...)  eddy_lstm(__VA_ARGS__, EDDY_HERE)
#define eddy_gru(...)   eddy_gru(__VA_ARGS__, EDDY_HERE)
/* [2 * size]: the cell (eddy_lstm, one of your own) both ways, name.forward and name.backward. */
EDDY_API eddy_value eddy_bidirectional(eddy_cell *cell, eddy_model *m, const char *name,
                                       eddy_axes time, int64_t size, eddy_value x,
                                       eddy_cell_options *how, eddy_site here);
#define eddy_bidirectional(...) eddy_bidirectional(__VA_ARGS__, EDDY_HERE)
typedef struct eddy_optimiser {
    int kind;
    double beta1, beta2, epsilon, weight_decay, clip_norm; /* clip_norm 0: no clipping */
} eddy_optimiser;
EDDY_API eddy_optimiser eddy_sgd(void), eddy_momentum(double beta), eddy_rmsprop(void),
    eddy_adam(void), eddy_adamw(double weight_decay);
/* Updates all trainable params made so far by the gradient of loss and the input "learning_rate".
 * Returns the gradient's norm before clipping; where it is not finite nothing changes, and the
 * variable optimiser.skipped counts it, else optimiser.step. */
EDDY_API eddy_value eddy_minimise(eddy_value loss, eddy_optimiser how, eddy_site here);
#define eddy_minimise(...) eddy_minimise(__VA_ARGS__, EDDY_HERE)
/* Scales n gradients in place, to a common norm of at most limit. Returns the norm before. */
EDDY_API eddy_value eddy_clip_by_global_norm(eddy_value *g, int n, double limit, eddy_site here);
#define eddy_clip_by_global_norm(...) eddy_clip_by_global_norm(__VA_ARGS__, EDDY_HERE)

/* eddy_params_load from a file of PyTorch's, through a map; each part says where tensors go, and
 * every tensor of the file must go somewhere. Kinds: "lstm", "gru", "rnn" (weight_ih, weight_hh,
 * bias_ih, bias_hh in the place of the star in `from`, as "encoder.*_l0_reverse") and "linear"
 * (weight, bias), to the params of eddy_lstm, eddy_gru, eddy_elman, eddy_dense of the name `to`;
 * "tensor": as it is, from one name to another. */
typedef struct eddy_torch {
    const char *kind, *from, *to;
} eddy_torch;
EDDY_API eddy_status eddy_params_load_torch(eddy_params *s, const char *path,
                                            const eddy_torch *parts, int count);

#ifdef __cplusplus
}
#endif

#endif
