/* Layers without memory of their own: dense, embedding, convolution over time, dropout.
 *
 *   dense      y = W x + b
 *   embedding  y = table[i]                                    Bengio et al. 2003
 *   conv1d     y[t] = b + sum over k < taps of W_k x[t - k]    Waibel et al. 1989; causal: van den
 *              Oord et al. 2016. W_k is columns k D to (k + 1) D of W, so W has the shape, and
 *              Glorot's fans, of a dense layer over the window.
 *   dropout    y = (u < rate) ? 0 : x / (1 - rate)             Srivastava et al. 2014, inverted, so
 *              that nothing is to be done when the net is used
 *
 * Which axes a dropout mask varies over is the user's choice: {t,b} draws anew at each step, {b}
 * keeps one mask for a whole sequence (Gal and Ghahramani 2016). Masks are keyed by the position in
 * the sequence, so a sequence that is cut gets the same ones. */
#include "frontends/nn/nn.h"

eddy_value(eddy_dense)(eddy_model *m, const char *name, int64_t size, eddy_value x,
                       eddy_site here) {
    eddy_scope_push(m, name);
    eddy_value y = eddy_linear(m, "W", size, x);
    y = eddy_add(y, eddy_bias(m, "b", size));
    eddy_scope_pop(m);
    return y;
}

eddy_value(eddy_embedding)(eddy_model *m, const char *name, int64_t vocabulary, int64_t size,
                           eddy_value i, eddy_site here) {
    return eddy_gather(eddy_param(m, name, eddy_init_normal(0, 1), vocabulary, size), i);
}

eddy_value(eddy_conv1d)(eddy_model *m, const char *name, int64_t size, eddy_value x, eddy_axes time,
                        int taps, eddy_site here) {
    int64_t width = eddy_value_dimension(x, 0);
    if (x && (eddy_value_rank(x) != 1 || width < 1))
        return nn_fail(m, here,
                       "conv1d: %s takes a vector of fixed size at each step, and x has "
                       "%d dimensions; reshape it to one",
                       name ? name : "", eddy_value_rank(x));
    if (taps < 1 || taps > INT64_MAX / (width < 1 ? 1 : width))
        return nn_fail(m, here, "conv1d: %s has %d taps; at least 1 is needed", name ? name : "",
                       taps);
    eddy_scope_push(m, name);
    eddy_value w = eddy_param(m, "W", eddy_init_glorot(), size, taps * width);
    eddy_value y = eddy_bias(m, "b", size);
    eddy_scope_pop(m);
    for (int k = 0; k < taps; k++) {
        eddy_value past = k == 0 ? x : eddy_delay(x, time, k);
        y = eddy_add(y, eddy_matmul(eddy_slice(w, 1, k * width, width), past));
    }
    return y;
}

eddy_value(eddy_dropout)(eddy_value x, double rate, eddy_axes axes, eddy_site here) {
    eddy_model *m = eddy_value_model(x);
    if (!(rate >= 0 && rate < 1))
        return nn_fail(m, here, "dropout: the rate %g is not in [0, 1)", rate);
    if (rate == 0)
        return x;
    eddy_value uniform = (eddy_random)(m, axes, nn_dimensions_of(x).at, here);
    eddy_value dropped = eddy_lt(uniform, eddy_number(m, rate));
    eddy_value kept = eddy_scale(x, 1 / (1 - rate));
    return eddy_select(dropped, nn_number(x, 0, here), kept);
}
