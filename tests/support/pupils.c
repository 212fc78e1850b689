/* Models that train, for tests of objects: the library's cells, with a squared error as the command
 * makes one, and some of the C API: random draws, lengths, a model that is deployed without the
 * axis of samples that it is trained with. */
#include "tests/support/pupils.h"

#include <stdio.h>

#include "frontends/capi.h"

/* What is made of a loss: a step of training, or the gradients as outputs behind the others. */
static void pupils_finish(eddy_model *m, eddy_value loss, eddy_optimiser how, pupils_part part) {
    eddy_value wrt[64], gradients[64];
    char name[256];
    int count = eddy_trainable_count(m);
    eddy_output(m, "loss", loss);
    if (part == PUPILS_LEARN) {
        eddy_output(m, "norm", eddy_minimise(loss, how));
        return;
    }
    for (int i = 0; i < count; i++)
        wrt[i] = eddy_trainable(m, i);
    eddy_grad(loss, wrt, count, gradients);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "by %s", eddy_value_name(wrt[i]));
        eddy_output(m, name, gradients[i]);
    }
}

eddy_model *pupils_cell(const pupil *s, pupils_part part) {
    eddy_cell_about about;
    eddy_cell_part piece;
    eddy_argument list[40] = {{0}};
    int count = 0;
    double size = 4;
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_cells_at(s->cells, s->cell, &about);
    list[count++] = (eddy_argument){"train", NULL, part != PUPILS_DEPLOY};
    for (int i = 0; eddy_cells_part(s->cells, s->cell, i, &piece); i++)
        if (piece.role == EDDY_CELL_DIMENSION) {
            list[count++] = (eddy_argument){piece.name, NULL, size};
            size += 4;
        }
    (eddy_use_alone)(m, s->cells, about.name, t, 0, list, (eddy_site){__FILE__, __LINE__});
    if (part == PUPILS_DEPLOY)
        return m;
    int64_t dimensions[9];
    eddy_value result = capi_value(m, m->graph.outputs.at[0].node);
    for (int i = 0; i < eddy_value_rank(result); i++)
        dimensions[i] = eddy_value_dimension(result, i);
    dimensions[eddy_value_rank(result)] = EDDY_SCALAR;
    m->graph.outputs.count = 0;
    eddy_axes over = eddy_value_axes(result);
    eddy_value target = (eddy_input)(m, "target", EDDY_F32, over, dimensions, EDDY_HERE);
    eddy_value loss = eddy_mean_over(eddy_mean_squared_error(result, target), over);
    eddy_optimiser how = eddy_adam();
    how.clip_norm = 0.125; /* which most gradients here are above */
    pupils_finish(m, loss, how, part);
    return m;
}

eddy_model *pupils_drops(const pupil *s, pupils_part part) {
    (void)s;
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    x = part == PUPILS_DEPLOY ? x : eddy_dropout(x, 0.25, t | b);
    eddy_value y = eddy_dense(m, "out", 2, eddy_lstm(m, "cell", t, 17, x, NULL));
    if (part == PUPILS_DEPLOY) {
        eddy_output(m, "y", y);
        return m;
    }
    eddy_value target = eddy_input(m, "target", EDDY_F32, t | b, 2);
    pupils_finish(m, eddy_mean_over(eddy_mean_squared_error(y, target), t | b), eddy_adamw(0.01),
                  part);
    return m;
}

eddy_model *pupils_apart(const pupil *s, pupils_part part) {
    (void)s;
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    eddy_axes b = part == PUPILS_DEPLOY ? 0 : eddy_batch(m, "b");
    eddy_axes t =
        part == PUPILS_DEPLOY ? eddy_time(m, "t") : eddy_time_ragged(m, "t", b, "lengths");
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F64, t | b, 2);
    eddy_value h = eddy_gru(m, "cell", t, 5, x, NULL);
    eddy_value seen = eddy_variable(m, "seen", EDDY_F64, eddy_init_zeros(), EDDY_SCALAR);
    if (part == PUPILS_DEPLOY) {
        eddy_output(m, "h", h);
        eddy_output(m, "seen", seen);
        return m;
    }
    eddy_value right = eddy_input(m, "right", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value loss = eddy_cross_entropy(eddy_dense(m, "head", 2, h), right);
    if (part == PUPILS_LEARN)
        eddy_update(seen, eddy_add(seen, eddy_number(m, 1)));
    pupils_finish(m, eddy_mean_over(loss, t | b), eddy_momentum(0.9), part);
    return m;
}
