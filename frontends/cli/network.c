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

bool network_is_each(const network *n) {
    return n->kind != DATA_SEQUENCES || n->each;
}

eddy_value network_input(const network *n, eddy_model *m, eddy_axes over) {
    return n->vocabulary ? eddy_input(m, "x", EDDY_I32, over, EDDY_SCALAR)
                         : eddy_input(m, "x", EDDY_F32, over, n->inputs);
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
    eddy_axes over = network_is_each(n) ? t | b : b;
    eddy_value x = network_input(n, m, t | b);
    eddy_value y = n->classes ? eddy_input(m, "y", EDDY_I32, over, EDDY_SCALAR)
                              : eddy_input(m, "y", EDDY_F32, over, n->outputs);
    eddy_value said = network_build(n, m, t, x, training);
    return n->classes ? eddy_cross_entropy(said, y) : eddy_mean_squared_error(said, y);
}
