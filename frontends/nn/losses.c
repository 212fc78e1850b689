/* Losses: one number for each step, from which a total or a mean over axes makes the loss.
 *
 *   cross_entropy         -log softmax(z)[target]
 *   mean_squared_error    mean over the elements of (x - target)^2
 *   binary_cross_entropy  mean of log(1 + exp z) - target z, that is -target log p
 *                         - (1 - target) log(1 - p) for p = sigmoid(z), without a logarithm of 0
 *
 * Padding needs no care here, since totals skip it. A mask is for steps that exist but do not
 * count: it selects, so a loss that is NaN there does not reach the sum. Data that is NaN must be
 * replaced before it is used, not after: the gradient that comes back is 0, and 0 * NaN is NaN. */
#include "frontends/nn/nn.h"

eddy_value(eddy_cross_entropy)(eddy_value logits, eddy_value target, eddy_site here) {
    if (logits && target && (eddy_value_rank(logits) != 1 || eddy_value_rank(target) != 0))
        return nn_fail(eddy_value_model(logits), here,
                       "cross_entropy: logits of %d and a target of %d dimensions; expected a "
                       "vector of logits and one i32 number, the place of the right one",
                       eddy_value_rank(logits), eddy_value_rank(target));
    return eddy_neg(eddy_gather(eddy_log_softmax(logits, 0), target));
}

static eddy_value losses_element_mean(eddy_value x, eddy_site here) {
    return eddy_scale(eddy_reduce_all(x, EDDY_SUM), 1 / nn_elements(x));
}

eddy_value(eddy_mean_squared_error)(eddy_value x, eddy_value target, eddy_site here) {
    return losses_element_mean(eddy_square(eddy_sub(x, target)), here);
}

eddy_value(eddy_binary_cross_entropy)(eddy_value logits, eddy_value target, eddy_site here) {
    eddy_value hit = eddy_mul(eddy_cast(target, eddy_value_dtype(logits)), logits);
    eddy_value softplus = eddy_logaddexp(nn_number(logits, 0, here), logits);
    return losses_element_mean(eddy_sub(softplus, hit), here);
}

eddy_value(eddy_masked)(eddy_value loss, eddy_value mask, eddy_site here) {
    return eddy_select(mask, loss, nn_number(loss, 0, here));
}

eddy_value(eddy_mean_over)(eddy_value loss, eddy_axes axes, eddy_site here) {
    return nn_mean(loss, axes, here);
}
