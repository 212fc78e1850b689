/* Drawing from a distribution: the inverse of the cumulative distribution function.
 *
 *   w_j = exp(z_j - max z), c_j = w_0 + ... + w_j, id = how many c_j are <= uniform * c_last
 *
 * The running sum is a recurrence along an axis of its own. That order of additions matters: c
 * never falls and stays exactly equal over a w of 0, so an id of probability 0 is never drawn. Nor
 * does the rounding of uniform * c_last reach c_last while uniform is below 1 by as much as a float
 * can show; the bound on the result is for a uniform that the user made himself. */
#include "frontends/nn/nn.h"

eddy_value(eddy_categorical)(const char *name, eddy_value logits, eddy_value uniform,
                             eddy_site here) {
    eddy_model *m = eddy_value_model(logits);
    int64_t size = eddy_value_dimension(logits, 0);
    if (logits && (eddy_value_rank(logits) != 1 || size < 1 || size > INT32_MAX))
        return nn_fail(m, here, "categorical: logits have %d dimensions; expected a vector",
                       eddy_value_rank(logits));
    eddy_axes axes = eddy_value_axes(logits), places = eddy_axis_fixed(m, name, size);
    eddy_value weights = eddy_exp(eddy_sub(logits, eddy_reduce(logits, 0, EDDY_MAX)));
    eddy_value before = eddy_state_over(name, places, 1, axes, nn_number(logits, 0, here));
    eddy_value sum = eddy_add(before, eddy_spread(weights, places));
    eddy_next(before, sum);
    eddy_value passed = eddy_le(sum, eddy_mul(uniform, eddy_last(sum, places)));
    eddy_value id = eddy_total(eddy_cast(passed, EDDY_I32), places);
    return eddy_min(id, eddy_integer(m, (int32_t)(size - 1)));
}
