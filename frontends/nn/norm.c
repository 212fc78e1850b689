/* Normalisation: to mean 0 and variance 1, then gain * x + bias.
 *
 *   layer norm  over the last dimension of each step      Ba, Kiros and Hinton 2016
 *   batch norm  over axes, each element by itself         Ioffe and Szegedy 2015; over time and
 *               batch of what enters a recurrence: Laurent et al. 2016
 *
 * Both divide by sqrt(variance + 1e-5), the variance taken about the mean and not as a difference
 * of squares, which cancels. Batch norm keeps running statistics while it is trained, moving by a
 * tenth towards those of each call: its own mean and, for the variance, the unbiased estimate
 * n / (n - 1) of it; a call without a single step moves nothing. In use the running statistics
 * stand in for those of the batch, and a sample's result no longer depends on its neighbours. */
#include "frontends/nn/nn.h"

static const double norm_epsilon = 1e-5, norm_rate = 0.1;

/* gain * centred / sqrt(variance + epsilon) + bias */
static eddy_value norm_apply(eddy_model *m, eddy_value centred, eddy_value variance,
                             const int64_t *dimensions, eddy_site here) {
    eddy_value gain = (eddy_param)(m, "gain", eddy_init_constant(1), dimensions, here);
    eddy_value bias = (eddy_param)(m, "bias", eddy_init_zeros(), dimensions, here);
    eddy_value standard = eddy_div(centred, eddy_sqrt(eddy_shift(variance, norm_epsilon)));
    return eddy_add(eddy_mul(gain, standard), bias);
}

static eddy_value norm_row_mean(eddy_value x, eddy_site here) {
    return eddy_scale(eddy_reduce(x, -1, EDDY_SUM), 1 / (double)eddy_value_dimension(x, -1));
}

eddy_value(eddy_layer_norm)(eddy_model *m, const char *name, eddy_value x, eddy_site here) {
    const int64_t dimensions[] = {eddy_value_dimension(x, -1), EDDY_SCALAR};
    eddy_value centred = eddy_sub(x, norm_row_mean(x, here));
    eddy_scope_push(m, name);
    eddy_value y =
        norm_apply(m, centred, norm_row_mean(eddy_square(centred), here), dimensions, here);
    eddy_scope_pop(m);
    return y;
}

/* Moves a running statistic towards the batch's, if the batch has a step. */
static void norm_move(eddy_value running, eddy_value batch, eddy_value some, eddy_site here) {
    eddy_value kept = eddy_scale(running, 1 - norm_rate), added = eddy_scale(batch, norm_rate);
    eddy_value moved = eddy_add(kept, added);
    eddy_update(running, eddy_select(some, moved, running));
}

eddy_value(eddy_batch_norm)(eddy_model *m, const char *name, eddy_value x, eddy_axes over,
                            bool training, eddy_site here) {
    const nn_dimensions shape = nn_dimensions_of(x);
    const eddy_dtype type = eddy_value_dtype(x);
    eddy_scope_push(m, name);
    eddy_value mean = (eddy_variable)(m, "mean", type, eddy_init_zeros(), shape.at, here);
    eddy_value variance =
        (eddy_variable)(m, "variance", type, eddy_init_constant(1), shape.at, here);
    if (training) {
        eddy_value now = nn_mean(x, over, here);
        eddy_value spread = nn_mean(eddy_square(eddy_sub(x, now)), over, here);
        eddy_value count = nn_count(x, over, here);
        eddy_value some = eddy_lt(eddy_integer(m, 0), count);
        eddy_value n = eddy_cast(count, type);
        eddy_value rest = eddy_shift(n, -1);
        rest = eddy_max(rest, nn_number(x, 1, here));
        norm_move(mean, now, some, here);
        norm_move(variance, eddy_mul(spread, eddy_div(n, rest)), some, here);
        mean = now;
        variance = spread;
    }
    eddy_value y = norm_apply(m, eddy_sub(x, mean), variance, shape.at, here);
    eddy_scope_pop(m);
    return y;
}
