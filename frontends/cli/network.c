/* The model around a cell.
 *
 *   text       x = table[symbol]; h = layers of the cell; logits = V h + b
 *   table      h = layers of the cell over the row; y = V h + b
 *   sequences  as one of them; with a target of each sequence h is that of its last step
 *
 * Layers above the first read the one below; dropout (between them, and before the output) draws a
 * new mask at each step. */
#include "frontends/cli/network.h"

#include <stdio.h>
#include <string.h>

bool network_is_each(const network *n) {
    return n->kind != DATA_SEQUENCES || n->each;
}

eddy_value network_input(const network *n, eddy_model *m, eddy_axes over) {
    return n->vocabulary ? eddy_input(m, "x", EDDY_I32, over, EDDY_SCALAR)
                         : eddy_input(m, "x", EDDY_F32, over, n->inputs);
}

eddy_value network_target(const network *n, eddy_model *m, eddy_axes t, eddy_axes b) {
    eddy_axes over = network_is_each(n) ? t | b : b;
    return n->classes ? eddy_input(m, "y", EDDY_I32, over, EDDY_SCALAR)
                      : eddy_input(m, "y", EDDY_F32, over, n->outputs);
}

eddy_value network_compare(const network *n, eddy_value said, eddy_value y) {
    return n->classes ? eddy_cross_entropy(said, y) : eddy_mean_squared_error(said, y);
}

eddy_value network_build(const network *n, eddy_model *m, eddy_axes t, eddy_value x,
                         bool training) {
    if (n->vocabulary)
        x = eddy_embedding(m, "embedding", n->vocabulary, n->embedding, x);
    for (int64_t layer = 1; layer <= n->layers; layer++) {
        char name[32];
        snprintf(name, sizeof name, "layer%lld", (long long)layer);
        x = cell_use(&n->cell, m, name, t, x, training);
        if (training)
            x = eddy_dropout(x, n->dropout, eddy_value_axes(x));
    }
    if (!network_is_each(n))
        x = eddy_last(x, t);
    return eddy_dense(m, "output", n->outputs, x);
}

eddy_value network_loss(const network *n, eddy_model *m, eddy_axes t, eddy_axes b, bool training) {
    eddy_value x = network_input(n, m, t | b);
    eddy_value y = network_target(n, m, t, b);
    eddy_value said = network_build(n, m, t, x, training);
    return network_compare(n, said, y);
}

static eddy_optimiser network_optimiser(const options *o) {
    const char *name = options_text(o, "optimiser");
    eddy_optimiser how = strcmp(name, "adam") == 0       ? eddy_adam()
                         : strcmp(name, "adamw") == 0    ? eddy_adamw(options_real(o, "decay"))
                         : strcmp(name, "rmsprop") == 0  ? eddy_rmsprop()
                         : strcmp(name, "momentum") == 0 ? eddy_momentum(0.9)
                                                         : eddy_sgd();
    how.clip_norm = options_real(o, "clip");
    return how;
}

void network_learn(eddy_value each, const options *o) {
    eddy_model *m = eddy_value_model(each);
    eddy_value loss = eddy_mean_over(each, eddy_value_axes(each));
    eddy_output(m, "loss", loss);
    eddy_output(m, "norm", eddy_minimise(loss, network_optimiser(o)));
}
