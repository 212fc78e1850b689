/* Cells that no library has ready, as their inventors would write them here. The same equations
 * stand in peers/cells_torch.py and peers/cells_jax.py, where an expert has merged what can be.
 *
 *   ligru      z = sigmoid(BN(Wz x) + Uz h); n = relu(BN(Wn x) + Un h)      Ravanelli et al. 2018
 *              h' = z h + (1 - z) n, BN over time and batch
 *   norm_lstm  i f g o = LN(W x) + LN(U h); h' = o tanh(LN(c'))             Ba et al. 2016
 *   peephole   i, f see c, o sees c'                                        Gers et al. 2000
 *   gru        reset after the product                                      Cho et al. 2014
 *   cornn      z' = z + dt (tanh(W h + V z + U x + b) - gamma h - epsilon z); h' = h + dt z'
 *                                                                           Rusch and Mishra 2020
 *   slstm      exponential gates, stabilised by m; U in blocks of 4 heads   Beck et al. 2024
 *   mingru     z = sigmoid(Wz x); h' = (1 - z) h + z g(Wn x)                Feng et al. 2024
 *   attention  S' = S + f(k) v^T; n' = n + f(k); y = f(q) S' / (f(q) n')    Katharopoulos et al.
 * 2020 heads of 64; f = elu + 1 joined     an LSTM whose gates are W [x, h] + b */
#include "tests/bench/models.h"

enum { HEADS = 4, HEAD_UNITS = 64 };

/* U h; U begins orthogonal. */
static eddy_value cells_past(eddy_model *m, const char *name, eddy_value h) {
    const int64_t units = eddy_value_dimension(h, 0);
    return eddy_matmul(eddy_param(m, name, eddy_init_orthogonal(1), units, units), h);
}

/* W x + U h + b */
static eddy_value cells_gate(eddy_model *m, const char *name, eddy_value x, eddy_value h) {
    const int64_t units = eddy_value_dimension(h, 0);
    eddy_scope_push(m, name);
    eddy_value in = eddy_linear(m, "W", units, x), past = cells_past(m, "U", h);
    eddy_value sum = eddy_sum(in, past, eddy_bias(m, "b", units));
    eddy_scope_pop(m);
    return sum;
}

/* z x + (1 - z) y */
static eddy_value cells_mix(eddy_value z, eddy_value x, eddy_value y) {
    eddy_value kept = eddy_mul(z, x), added = eddy_mul(eddy_one_minus(z), y);
    return eddy_add(kept, added);
}

eddy_value cells_ligru(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    eddy_axes over = eddy_value_axes(x);
    eddy_value h = eddy_state(m, "h", t, units);
    eddy_value Wz = eddy_batch_norm(m, "nz", eddy_linear(m, "Wz", units, x), over, training);
    eddy_value Wn = eddy_batch_norm(m, "nn", eddy_linear(m, "Wn", units, x), over, training);
    eddy_value z = eddy_sigmoid(eddy_add(Wz, cells_past(m, "Uz", h)));
    eddy_value n = eddy_relu(eddy_add(Wn, cells_past(m, "Un", h)));
    eddy_value h_next = cells_mix(z, h, n);
    eddy_next(h, h_next);
    return h_next;
}

eddy_value cells_norm_lstm(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    (void)training;
    eddy_value h = eddy_state(m, "h", t, units), c = eddy_state(m, "c", t, units);
    eddy_value in = eddy_layer_norm(m, "nx", eddy_linear(m, "W", 4 * units, x));
    eddy_value past = eddy_layer_norm(m, "nh", eddy_linear(m, "U", 4 * units, h));
    eddy_value s = eddy_add(in, past);
    eddy_value i = eddy_sigmoid(eddy_slice(s, 0, 0, units));
    eddy_value f = eddy_sigmoid(eddy_slice(s, 0, units, units));
    eddy_value g = eddy_tanh(eddy_slice(s, 0, 2 * units, units));
    eddy_value o = eddy_sigmoid(eddy_slice(s, 0, 3 * units, units));
    eddy_value c_next = eddy_add(eddy_mul(f, c), eddy_mul(i, g));
    eddy_value h_next = eddy_mul(o, eddy_tanh(eddy_layer_norm(m, "nc", c_next)));
    eddy_next(c, c_next);
    eddy_next(h, h_next);
    return h_next;
}

/* s + p c */
static eddy_value cells_peep(eddy_model *m, const char *name, eddy_value s, eddy_value c) {
    const int64_t units = eddy_value_dimension(c, 0);
    return eddy_add(s, eddy_mul(eddy_bias(m, name, units), c));
}

eddy_value cells_peephole(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    (void)training;
    eddy_value h = eddy_state(m, "h", t, units), c = eddy_state(m, "c", t, units);
    eddy_value i = eddy_sigmoid(cells_peep(m, "pi", cells_gate(m, "i", x, h), c));
    eddy_value f = eddy_sigmoid(cells_peep(m, "pf", cells_gate(m, "f", x, h), c));
    eddy_value g = eddy_tanh(cells_gate(m, "g", x, h));
    eddy_value c_next = eddy_add(eddy_mul(f, c), eddy_mul(i, g));
    eddy_value o = eddy_sigmoid(cells_peep(m, "po", cells_gate(m, "o", x, h), c_next));
    eddy_value h_next = eddy_mul(o, eddy_tanh(c_next));
    eddy_next(c, c_next);
    eddy_next(h, h_next);
    return h_next;
}

eddy_value cells_gru(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    (void)training;
    eddy_value h = eddy_state(m, "h", t, units);
    eddy_value r = eddy_sigmoid(cells_gate(m, "r", x, h));
    eddy_value z = eddy_sigmoid(cells_gate(m, "z", x, h));
    eddy_value past = eddy_add(cells_past(m, "n.U", h), eddy_bias(m, "n.v", units));
    eddy_value n = eddy_tanh(eddy_add(eddy_dense(m, "n", units, x), eddy_mul(r, past)));
    eddy_value h_next = cells_mix(z, h, n);
    eddy_next(h, h_next);
    return h_next;
}

eddy_value cells_cornn(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    (void)training;
    const double dt = 0.05, gamma = 2.7, epsilon = 4.7;
    eddy_value h = eddy_state(m, "h", t, units), z = eddy_state(m, "z", t, units);
    eddy_value past = eddy_add(cells_past(m, "W", h), cells_past(m, "V", z));
    eddy_value force = eddy_tanh(eddy_add(past, eddy_dense(m, "U", units, x)));
    eddy_value drag = eddy_add(eddy_scale(h, gamma), eddy_scale(z, epsilon));
    eddy_value z_next = eddy_add(z, eddy_scale(eddy_sub(force, drag), dt));
    eddy_value h_next = eddy_add(h, eddy_scale(z_next, dt));
    eddy_next(z, z_next);
    eddy_next(h, h_next);
    return h_next;
}

/* W x + U h + b for a state in heads, [heads, units of each], which do not see each other. */
static eddy_value cells_head_gate(eddy_model *m, const char *name, eddy_value x, eddy_value h) {
    const int64_t heads = eddy_value_dimension(h, 0), each = eddy_value_dimension(h, 1);
    eddy_scope_push(m, name);
    eddy_value in = eddy_linear(m, "W", heads * each, x);
    eddy_value sum = eddy_add(in, eddy_bias(m, "b", heads * each));
    eddy_value U = eddy_param(m, "U", eddy_init_uniform(-0.1, 0.1), heads, each, each);
    eddy_value past = eddy_contract("hij,hj->hi", U, h, 0);
    eddy_scope_pop(m);
    return eddy_add(eddy_reshape(sum, heads, each), past);
}

eddy_value cells_slstm(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    (void)training;
    const int64_t each = units / HEADS;
    eddy_value h = eddy_state(m, "h", t, HEADS, each), c = eddy_state(m, "c", t, HEADS, each);
    eddy_value n = eddy_state(m, "n", t, HEADS, each), top = eddy_state(m, "m", t, HEADS, each);
    eddy_value li = cells_head_gate(m, "i", x, h);
    eddy_value lf = cells_head_gate(m, "f", x, h);
    lf = eddy_neg(eddy_logaddexp(eddy_number(m, 0), eddy_neg(lf))); /* log of the sigmoid */
    eddy_value z = eddy_tanh(cells_head_gate(m, "z", x, h));
    eddy_value o = eddy_sigmoid(cells_head_gate(m, "o", x, h));
    eddy_value kept = eddy_add(lf, top), top_next = eddy_max(kept, li);
    eddy_value i = eddy_exp(eddy_sub(li, top_next)), f = eddy_exp(eddy_sub(kept, top_next));
    eddy_value c_next = eddy_add(eddy_mul(f, c), eddy_mul(i, z));
    eddy_value n_next = eddy_add(eddy_mul(f, n), i);
    eddy_value h_next = eddy_mul(o, eddy_div(c_next, n_next));
    eddy_next(top, top_next);
    eddy_next(c, c_next);
    eddy_next(n, n_next);
    eddy_next(h, h_next);
    return eddy_reshape(h_next, units);
}

eddy_value cells_mingru(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    (void)training;
    eddy_value h = eddy_state(m, "h", t, units);
    eddy_value z = eddy_sigmoid(eddy_dense(m, "z", units, x));
    eddy_value s = eddy_dense(m, "n", units, x), zero = eddy_number(m, 0);
    eddy_value n = eddy_select(eddy_le(zero, s), eddy_shift(s, 0.5), eddy_sigmoid(s));
    eddy_value h_next = cells_mix(z, n, h);
    eddy_next(h, h_next);
    return h_next;
}

/* elu(x) + 1 */
static eddy_value cells_feature(eddy_model *m, eddy_value x) {
    return eddy_select(eddy_lt(eddy_number(m, 0), x), eddy_shift(x, 1), eddy_exp(x));
}

eddy_value cells_attention(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    (void)training;
    const int64_t each = units < HEAD_UNITS ? units : HEAD_UNITS, heads = units / each;
    eddy_value S = eddy_state(m, "S", t, heads, each, each), n = eddy_state(m, "n", t, heads, each);
    eddy_value q = cells_feature(m, eddy_reshape(eddy_linear(m, "q", units, x), heads, each));
    eddy_value k = cells_feature(m, eddy_reshape(eddy_linear(m, "k", units, x), heads, each));
    eddy_value v = eddy_reshape(eddy_linear(m, "v", units, x), heads, each);
    eddy_value S_next = eddy_add(S, eddy_contract("hi,hj->hij", k, v, 0));
    eddy_value n_next = eddy_add(n, k);
    eddy_value read = eddy_contract("hi,hij->hj", q, S_next, 0);
    eddy_value weight = eddy_reduce(eddy_mul(q, n_next), -1, EDDY_SUM);
    eddy_next(S, S_next);
    eddy_next(n, n_next);
    return eddy_reshape(eddy_div(read, weight), units);
}

eddy_value cells_joined(eddy_model *m, eddy_axes t, int64_t units, eddy_value x, bool training) {
    (void)training;
    eddy_value h = eddy_state(m, "h", t, units), c = eddy_state(m, "c", t, units);
    eddy_value xh = eddy_concat(0, x, h);
    eddy_value i = eddy_sigmoid(eddy_dense(m, "i", units, xh));
    eddy_value f = eddy_sigmoid(eddy_dense(m, "f", units, xh));
    eddy_value g = eddy_tanh(eddy_dense(m, "g", units, xh));
    eddy_value o = eddy_sigmoid(eddy_dense(m, "o", units, xh));
    eddy_value c_next = eddy_add(eddy_mul(f, c), eddy_mul(i, g));
    eddy_value h_next = eddy_mul(o, eddy_tanh(c_next));
    eddy_next(c, c_next);
    eddy_next(h, h_next);
    return h_next;
}
