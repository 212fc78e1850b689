/* Recurrent cells that everybody knows, written as a user would write his own.
 *
 *   elman  h' = tanh(W x + U h + b), or relu                         Elman 1990; Le et al. 2015
 *   lstm   i, f, o = sigmoid(W x + U h + b); g = tanh(W x + U h + b)
 *          c' = f c + i g; h' = o tanh(c')                           Hochreiter and Schmidhuber
 * 1997, forget gate: Gers et al. 2000; its bias begins at 1: Jozefowicz et al. 2015 peepholes: + p
 * c inside i and f, + p c' inside o          Gers and Schmidhuber 2000 gru    r, z = sigmoid(W x +
 * U h + b); h' = z h + (1 - z) n n = tanh(W x + b + r (U h + v))                           as in
 * cuDNN and PyTorch n = tanh(W x + U (r h) + b), reset before the product     Cho et al. 2014 (z as
 * in the libraries: the published z is 1 - z in some of the papers) bidirectional  both ways over
 * the whole sequence                 Schuster and Paliwal 1997
 *
 * Parameters of gate g are Wg, Ug and bg (W, U, b of the Elman net); W starts as Glorot's, U
 * orthogonal (Saxe et al. 2014). States hold the axes of x and of the initial values, no others. */
#include "frontends/nn/nn.h"

/* One cell under construction. */
typedef struct cells_place {
    eddy_model *m;
    eddy_axes time, over;
    int64_t size;
    eddy_value x;
    eddy_cell_options *how;
    eddy_site here;
} cells_place;

static cells_place cells_begin(eddy_model *m, const char *name, eddy_axes time, int64_t size,
                               eddy_value x, eddy_cell_options *how, eddy_site here) {
    eddy_scope_push(m, name);
    eddy_axes over = eddy_value_axes(x) | eddy_value_axes(how->h0) | eddy_value_axes(how->c0);
    return (cells_place){m, time, over, size, x, how, here};
}

static eddy_value cells_end(const cells_place *p, eddy_value state, eddy_value next) {
    const eddy_site here = p->here;
    eddy_next(state, next);
    eddy_scope_pop(p->m);
    return next;
}

static eddy_value cells_state(const cells_place *p, const char *name, eddy_value init) {
    const eddy_site here = p->here;
    int distance = p->how->distance ? p->how->distance : 1;
    if (!init)
        init = eddy_broadcast(nn_number(p->x, 0, here), p->size);
    return eddy_state_over(name, p->time, distance, p->over, init);
}

/* kind = 'W', 'U', ... and a gate's letter, which may be 0, make the parameter's name. */
typedef struct cells_name {
    char at[3];
} cells_name;

static cells_name cells_called(char kind, char gate) {
    return (cells_name){{kind, gate, 0}};
}

/* W x */
static eddy_value cells_input(const cells_place *p, char gate) {
    const eddy_site here = p->here;
    return eddy_linear(p->m, cells_called('W', gate).at, p->size, p->x);
}

/* U h */
static eddy_value cells_past(const cells_place *p, char gate, eddy_value h) {
    const eddy_site here = p->here;
    const eddy_init init = eddy_init_orthogonal(1);
    return eddy_matmul(eddy_param(p->m, cells_called('U', gate).at, init, p->size, p->size), h);
}

static eddy_value cells_vector(const cells_place *p, char kind, char gate, double start) {
    const eddy_site here = p->here;
    return eddy_param(p->m, cells_called(kind, gate).at, eddy_init_constant(start), p->size);
}

/* W x + U h + b */
static eddy_value cells_gate(const cells_place *p, char gate, eddy_value h, double start) {
    const eddy_site here = p->here;
    eddy_value x = cells_input(p, gate), past = cells_past(p, gate, h);
    return eddy_sum(x, past, cells_vector(p, 'b', gate, start));
}

/* s + p c, if there are peepholes. */
static eddy_value cells_peep(const cells_place *p, char gate, eddy_value s, eddy_value c) {
    const eddy_site here = p->here;
    return p->how->peephole ? eddy_add(s, eddy_mul(cells_vector(p, 'p', gate, 0), c)) : s;
}

eddy_value(eddy_elman)(eddy_model *m, const char *name, eddy_axes time, int64_t size, eddy_value x,
                       eddy_cell_options *how, eddy_site here) {
    eddy_cell_options none = {0};
    cells_place p = cells_begin(m, name, time, size, x, how ? how : &none, here);
    eddy_value h0 = cells_state(&p, "h", p.how->h0);
    eddy_value s = cells_gate(&p, 0, h0, 0);
    return cells_end(&p, h0, p.how->relu ? eddy_relu(s) : eddy_tanh(s));
}

eddy_value(eddy_lstm)(eddy_model *m, const char *name, eddy_axes time, int64_t size, eddy_value x,
                      eddy_cell_options *how, eddy_site here) {
    eddy_cell_options none = {0};
    cells_place p = cells_begin(m, name, time, size, x, how ? how : &none, here);
    eddy_value h0 = cells_state(&p, "h", p.how->h0), c0 = cells_state(&p, "c", p.how->c0);
    eddy_value i = cells_peep(&p, 'i', cells_gate(&p, 'i', h0, 0), c0);
    eddy_value f = cells_peep(&p, 'f', cells_gate(&p, 'f', h0, p.how->forget_bias), c0);
    eddy_value g = eddy_tanh(cells_gate(&p, 'g', h0, 0));
    eddy_value o = cells_gate(&p, 'o', h0, 0);
    i = eddy_name(eddy_sigmoid(i), "i");
    f = eddy_name(eddy_sigmoid(f), "f");
    eddy_value kept = eddy_mul(f, c0), added = eddy_mul(i, eddy_name(g, "g"));
    eddy_value c = eddy_add(kept, added);
    o = eddy_name(eddy_sigmoid(cells_peep(&p, 'o', o, c)), "o");
    eddy_next(c0, c);
    p.how->c = c;
    return cells_end(&p, h0, eddy_mul(o, eddy_tanh(c)));
}

eddy_value(eddy_gru)(eddy_model *m, const char *name, eddy_axes time, int64_t size, eddy_value x,
                     eddy_cell_options *how, eddy_site here) {
    eddy_cell_options none = {0};
    cells_place p = cells_begin(m, name, time, size, x, how ? how : &none, here);
    eddy_value h0 = cells_state(&p, "h", p.how->h0), s;
    eddy_value r = eddy_name(eddy_sigmoid(cells_gate(&p, 'r', h0, 0)), "r");
    eddy_value z = eddy_name(eddy_sigmoid(cells_gate(&p, 'z', h0, 0)), "z");
    if (p.how->reset_before) {
        s = cells_gate(&p, 'n', eddy_mul(r, h0), 0);
    } else {
        eddy_value past = cells_past(&p, 'n', h0);
        past = eddy_mul(r, eddy_add(past, cells_vector(&p, 'v', 'n', 0)));
        eddy_value now = cells_input(&p, 'n');
        s = eddy_sum(now, cells_vector(&p, 'b', 'n', 0), past);
    }
    eddy_value n = eddy_name(eddy_tanh(s), "n");
    eddy_value kept = eddy_mul(z, h0), added = eddy_mul(eddy_one_minus(z), n);
    return cells_end(&p, h0, eddy_add(kept, added));
}

eddy_value(eddy_bidirectional)(eddy_cell *cell, eddy_model *m, const char *name, eddy_axes time,
                               int64_t size, eddy_value x, eddy_cell_options *how, eddy_site here) {
    if (!cell)
        return nn_fail(m, here,
                       "bidirectional: the cell is NULL; give eddy_lstm, or one of your "
                       "own");
    eddy_cell_options forward = how ? *how : (eddy_cell_options){0};
    if (forward.distance == 0)
        forward.distance = 1;
    eddy_cell_options backward = forward;
    backward.distance = -forward.distance;
    forward.c = backward.c = NULL;
    eddy_scope_push(m, name);
    eddy_value ahead = cell(m, "forward", time, size, x, &forward, here);
    eddy_value back = cell(m, "backward", time, size, x, &backward, here);
    eddy_scope_pop(m);
    if (how)
        how->c = forward.c ? eddy_concat(0, forward.c, backward.c) : NULL;
    return eddy_concat(0, ahead, back);
}
