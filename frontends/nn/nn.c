/* Small words that layers, losses and cells have in common.
 *
 * The trap is in the counting: an axis ends where the lengths of the *value* say, so steps are
 * counted by a total over a one that was given the axes of that value. Counts are integers until
 * the end, since a float that adds ones stops at 2^24. */
#include "frontends/nn/nn.h"

eddy_value nn_fail(eddy_model *m, eddy_site here, const char *format, ...) {
    capi_frame frame;
    if (!capi_enter(m, &frame, here))
        return NULL;
    va_list list;
    va_start(list, format);
    error_set_list(&m->problem, STATUS_ARGUMENT, m->graph.builder.where, format, list);
    va_end(list);
    capi_leave(m, &frame);
    return NULL;
}

eddy_value nn_number(eddy_value x, double number, eddy_site here) {
    return eddy_cast(eddy_number(eddy_value_model(x), number), eddy_value_dtype(x));
}

nn_dimensions nn_dimensions_of(eddy_value x) {
    nn_dimensions out;
    int rank = eddy_value_rank(x);
    for (int i = 0; i < rank; i++)
        out.at[i] = eddy_value_dimension(x, i);
    out.at[rank] = EDDY_SCALAR;
    return out;
}

double nn_elements(eddy_value x) {
    double elements = 1;
    for (int i = 0; i < eddy_value_rank(x); i++)
        elements *= (double)eddy_value_dimension(x, i);
    return elements;
}

eddy_value nn_count(eddy_value x, eddy_axes over, eddy_site here) {
    eddy_value one = eddy_integer(eddy_value_model(x), 1);
    return eddy_total(eddy_expand(one, eddy_value_axes(x) | over), over);
}

eddy_value nn_mean(eddy_value x, eddy_axes over, eddy_site here) {
    eddy_value count = eddy_cast(nn_count(x, over, here), eddy_value_dtype(x));
    eddy_value sum = eddy_total(x, over);
    return eddy_div(sum, eddy_max(count, nn_number(x, 1, here)));
}
