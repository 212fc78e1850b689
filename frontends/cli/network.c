/* The model around a cell.
 *
 *   text    x = table[symbol]; h = layers of the cell; logits = V h + b
 *   table   h = layers of the cell over the row; y = V h + b
 *
 * Layers above the first read the one below; dropout (between them, and before the output) draws a
 * new mask at each step. */
#include "frontends/cli/network.h"

#include <stdio.h>

eddy_value network_build(const network *n, eddy_model *m, eddy_axes t, eddy_value x,
                         bool training) {
    if (n->kind == DATA_TEXT)
        x = eddy_embedding(m, "embedding", n->outputs, n->embedding, x);
    for (int64_t layer = 1; layer <= n->layers; layer++) {
        char name[32];
        snprintf(name, sizeof name, "layer%lld", (long long)layer);
        x = cell_use(&n->cell, m, name, t, x, training);
        if (training)
            x = eddy_dropout(x, n->dropout, eddy_value_axes(x));
    }
    return eddy_dense(m, "output", n->outputs, x);
}

eddy_value network_loss(const network *n, eddy_model *m, eddy_axes t, eddy_axes b, bool training) {
    eddy_value x = n->kind == DATA_TEXT ? eddy_input(m, "x", EDDY_I32, t | b, EDDY_SCALAR)
                                        : eddy_input(m, "x", EDDY_F32, t | b, n->inputs);
    eddy_value y = n->classes ? eddy_input(m, "y", EDDY_I32, t | b, EDDY_SCALAR)
                              : eddy_input(m, "y", EDDY_F32, t | b, n->outputs);
    eddy_value said = network_build(n, m, t, x, training);
    return n->classes ? eddy_cross_entropy(said, y) : eddy_mean_squared_error(said, y);
}
