/* One more random value: a table of ways to make one, each with a weight.
 *
 * Ways are the compositions of ops/make.h, with arguments from the pool; so masks, fitting and
 * the like are exercised as users meet them. A few are idioms - attention over a second axis, a
 * matrix state, a read through a flipped axis - because chance alone would hardly find them. */
#include "tests/support/random_internal.h"

typedef struct random_way {
    int weight;
    bool smooth; /* also in graphs whose slope is measured */
    op_node *(*make)(random_work *r);
} random_way;

static op_node *random_number(random_work *r, const op_node *like) {
    return like ? make_like(r->b, like, 0.5 * random_below(r, 5) - 1) : NULL;
}

/* ---- element by element */

static op_node *random_unary(random_work *r) {
    static const op_id rough[] = {OP_NEG,  OP_ABS,     OP_SIGN, OP_FLOOR, OP_SQRT,
                                  OP_EXP,  OP_EXPM1,   OP_LOG,  OP_LOG1P, OP_TANH,
                                  OP_TANH, OP_SIGMOID, OP_SIN,  OP_COS,   OP_KEEP};
    static const op_id smooth[] = {OP_NEG, OP_TANH, OP_TANH, OP_SIGMOID, OP_SIN, OP_COS, OP_KEEP};
    op_node *x = random_float(r);
    op_id op = r->options->smooth ? smooth[random_below(r, 7)] : rough[random_below(r, 15)];
    return make_unary(r->b, op, x);
}

static op_node *random_binary(random_work *r) {
    static const op_id ops[] = {OP_ADD, OP_MUL, OP_SUB, OP_LOGADDEXP, OP_MAX,
                                OP_MIN, OP_DIV, OP_MOD, OP_ADD,       OP_MUL};
    op_node *x = random_float(r), *y = random_once(r, 6) ? random_number(r, x) : random_float(r);
    op_id op = ops[random_below(r, r->options->smooth ? 6 : 10)];
    return make_binary(r->b, op, x, y);
}

/* Functions that need an argument away from their kink or pole. */
static op_node *random_tame(random_work *r) {
    static const op_id ops[] = {OP_LOG, OP_LOG1P, OP_SQRT, OP_EXP, OP_EXPM1, OP_ABS};
    op_node *x = make_unary(r->b, OP_TANH, random_float(r));
    if (random_once(r, 3))
        return make_div(r->b, random_float(r), make_add(r->b, x, x ? make_like(r->b, x, 2) : NULL));
    return make_unary(r->b, ops[random_below(r, 6)],
                      make_add(r->b, x, x ? make_like(r->b, x, 1.5) : NULL));
}

static op_node *random_compare(random_work *r) {
    static const op_id ops[] = {OP_LT, OP_LE, OP_EQ, OP_NE};
    bool integers = random_once(r, 3);
    op_node *x = integers ? random_pick(r, DTYPE_I32, ~UINT32_C(0)) : random_float(r);
    op_node *y = random_once(r, 2) ? random_number(r, x)
                 : integers        ? random_pick(r, DTYPE_I32, ~UINT32_C(0))
                                   : random_float(r);
    return make_binary(r->b, ops[random_below(r, 4)], x, y);
}

static op_node *random_logic(random_work *r) {
    op_node *x = random_pick(r, DTYPE_BOOL, ~UINT32_C(0));
    op_node *y = random_pick(r, DTYPE_BOOL, ~UINT32_C(0));
    if (random_once(r, 3))
        return make_unary(r->b, OP_NOT, x);
    return make_binary(r->b, random_once(r, 2) ? OP_AND : OP_OR, x, y);
}

static op_node *random_select(random_work *r) {
    op_node *x = random_float(r), *y = random_once(r, 4) ? random_number(r, x) : random_float(r);
    op_node *condition = random_once(r, 3)   ? random_pick(r, DTYPE_BOOL, ~UINT32_C(0))
                         : random_once(r, 2) ? random_logic(r)
                                             : random_compare(r);
    return make_select(r->b, condition, x, y);
}

static op_node *random_integer(random_work *r) {
    op_node *i = random_pick(r, DTYPE_I32, ~UINT32_C(0));
    op_node *j = random_once(r, 2) ? random_number(r, i) : random_pick(r, DTYPE_I32, ~UINT32_C(0));
    static const op_id ops[] = {OP_ADD, OP_SUB, OP_MUL, OP_MAX, OP_MIN, OP_MOD};
    switch (random_below(r, 5)) {
    case 0:
        return make_step(r->b, random_axis(r));
    case 1:
        return make_extent(r->b, random_axis(r));
    case 2:
        return make_cast(r->b, random_float(r), DTYPE_I32);
    case 3:
        return make_end(r->b, random_axis(r), random_domain(r));
    default:
        return make_binary(r->b, ops[random_below(r, 6)], i, j);
    }
}

static op_node *random_cast(random_work *r) {
    static const dtype types[] = {DTYPE_F32, DTYPE_F64, DTYPE_I32, DTYPE_BOOL};
    op_node *x = random_pick(r, types[random_below(r, 4)], ~UINT32_C(0));
    return make_cast(r->b, x, random_once(r, 4) ? types[random_below(r, 4)] : r->type);
}

static op_node *random_uniform(random_work *r) {
    op_node *indices[LIMIT_AXES];
    int count = 0;
    op_shape shape = random_shape(r), scalar = op_shape_make(0, NULL);
    for (int a = 0; a < r->g->axis_count; a++)
        if (random_once(r, 2))
            indices[count++] = make_step(r->b, a);
    op_node *seed = make_input(r->b, random_name(r, "seed"), DTYPE_I32, 0, &scalar);
    return make_random(r->b, r->type, &shape, seed, indices, count, r->b->new_stream(r->b));
}

/* tanh with its own adjoint written out, or no adjoint at all. */
static op_node *random_custom(random_work *r) {
    op_builder *b = r->b;
    op_node *x = random_pick(r, r->type, ~UINT32_C(0)), *y = make_unary(b, OP_TANH, x);
    if (!y)
        return NULL;
    if (!r->options->smooth && random_once(r, 3))
        return make_stop(b, x);
    op_node *cotangent = make_cotangent(b, y);
    op_node *slope = make_sub(b, make_like(b, y, 1), make_mul(b, y, y));
    op_node *gx = make_mul(b, cotangent, slope);
    return make_custom(b, "squash", y, &x, &gx, 1, cotangent);
}

/* ---- feature dimensions */

static op_node *random_cut(random_work *r) {
    op_node *x = random_float(r);
    if (!x || x->shape.rank == 0)
        return NULL;
    int d = random_below(r, x->shape.rank);
    int64_t size = x->shape.dimension[d];
    if (size < 0)
        return NULL;
    int low = random_below(r, (int)size);
    if (random_once(r, 2))
        return make_slice(r->b, x, d, low, 1 + random_below(r, (int)size - low));
    return make_pad(r->b, x, d, low, size + low + random_below(r, 3));
}

static op_node *random_concat(random_work *r) {
    op_node *xs[3] = {random_float(r), NULL, NULL};
    if (!xs[0] || xs[0]->shape.rank == 0)
        return NULL;
    int d = random_below(r, xs[0]->shape.rank), count = 1;
    for (int attempt = 0; attempt < 8 && count < 3; attempt++) {
        op_node *x = random_pick(r, (dtype)xs[0]->dtype, ~UINT32_C(0));
        op_shape shape = x->shape;
        if (shape.rank != xs[0]->shape.rank)
            continue;
        shape.dimension[d] = xs[0]->shape.dimension[d];
        if (op_shape_equal(&shape, &xs[0]->shape))
            xs[count++] = x;
    }
    return make_concat(r->b, xs, count, d);
}

static op_node *random_reshape(random_work *r) {
    op_node *x = random_float(r);
    if (!x)
        return NULL;
    int64_t elements = op_shape_elements(&x->shape);
    if (elements < 0)
        return NULL;
    op_shape shape = op_shape_make(1, &elements);
    for (int64_t k = 2; k < elements && random_below(r, 3) > 0; k++)
        if (elements % k == 0)
            shape = op_shape_make(2, (const int64_t[]){k, elements / k});
    if (random_once(r, 4) && shape.rank < LIMIT_RANK)
        shape.dimension[shape.rank++] = 1;
    return make_reshape(r->b, x, &shape);
}

static op_node *random_transpose(random_work *r) {
    op_node *x = random_float(r);
    if (!x || x->shape.rank < 2)
        return NULL;
    int8_t permutation[LIMIT_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int i = x->shape.rank; i-- > 1;) {
        int j = random_below(r, i + 1);
        int8_t moved = permutation[i];
        permutation[i] = permutation[j];
        permutation[j] = moved;
    }
    return make_transpose(r->b, x, permutation);
}

static op_node *random_broadcast(random_work *r) {
    op_node *x = random_float(r);
    op_shape shape = random_shape(r), joined;
    if (!x || !op_shape_broadcast(&x->shape, &shape, &joined))
        return NULL;
    return make_broadcast(r->b, x, &joined);
}

static op_node *random_reduce(random_work *r) {
    op_node *x = random_float(r);
    if (!x || x->shape.rank == 0)
        return NULL;
    int d = random_below(r, x->shape.rank);
    if (random_once(r, 4))
        return random_once(r, 2) ? make_softmax(r->b, x, d) : make_log_softmax(r->b, x, d);
    return make_reduce(r->b, x, d, (op_kind)random_below(r, r->options->smooth ? 3 : 4));
}

static op_node *random_row(random_work *r, int64_t size) {
    op_node *i = random_pick(r, DTYPE_I32, ~UINT32_C(0));
    if (!i || size < 1 || random_once(r, 4))
        return i;
    return make_binary(r->b, OP_MOD, i, make_like(r->b, i, (double)size));
}

static op_node *random_gather(random_work *r) {
    op_node *x = random_float(r);
    return x && x->shape.rank > 0 ? make_gather(r->b, x, random_row(r, x->shape.dimension[0]))
                                  : NULL;
}

static op_node *random_scatter(random_work *r) {
    int64_t size = r->sizes[random_below(r, RANDOM_SIZES)];
    op_node *i = random_row(r, size), *g = random_float(r);
    if (!i || !g)
        return NULL;
    if (i->shape.rank > 0 && random_once(r, 2))
        g = make_random(r->b, r->type, &i->shape, make_number(r->b, DTYPE_I32, 7), NULL, 0, 1);
    return make_scatter(r->b, g, i, size, random_domain(r) & (i->domain | g->domain));
}

static op_node *random_onehot(random_work *r) {
    op_node *i = random_row(r, r->sizes[0]);
    return i && i->shape.rank == 0 ? make_onehot(r->b, i, r->sizes[0], r->type) : NULL;
}

/* ---- contractions */

static op_node *random_contract(random_work *r) {
    enum { MOST = 1 << 14 };
    op_node *x = random_pick(r, r->type, ~UINT32_C(0)), *y = random_pick(r, r->type, ~UINT32_C(0));
    char spec[3 * LIMIT_RANK + 8], next = 'a', letters[2][LIMIT_RANK];
    int at = 0;
    if (!x || !y || x->shape.rank + y->shape.rank > LIMIT_RANK)
        return NULL;
    for (int i = 0; i < x->shape.rank; i++)
        spec[at++] = letters[0][i] = next++;
    spec[at++] = ',';
    bool used[LIMIT_RANK] = {false}, shared[LIMIT_RANK] = {false};
    for (int j = 0; j < y->shape.rank; j++) {
        letters[1][j] = 0;
        for (int i = x->shape.rank; i-- > 0 && !letters[1][j];)
            if (!used[i] && x->shape.dimension[i] == y->shape.dimension[j] && random_below(r, 4)) {
                used[i] = shared[j] = true;
                letters[1][j] = letters[0][i];
            }
        if (!letters[1][j])
            letters[1][j] = next++;
        spec[at++] = letters[1][j];
    }
    spec[at++] = '-';
    spec[at++] = '>';
    int64_t elements = 1;
    for (int i = 0; i < x->shape.rank; i++)
        if (!used[i] || random_once(r, 4)) {
            spec[at++] = letters[0][i];
            elements *= x->shape.dimension[i] > 0 ? x->shape.dimension[i] : 1;
        }
    for (int j = 0; j < y->shape.rank; j++)
        if (!shared[j]) {
            spec[at++] = letters[1][j];
            elements *= y->shape.dimension[j] > 0 ? y->shape.dimension[j] : 1;
        }
    spec[at] = 0;
    if (elements > MOST) /* outer products of matrices fill the machine */
        return NULL;
    uint32_t over = random_once(r, 3) ? random_domain(r) & (x->domain | y->domain) : 0;
    return make_contract(r->b, spec, x, y, over);
}

/* A vector that a weight may be multiplied with. Of those that reshapes make, some have 35,937
 * elements, and a square of that is more than can be drawn. */
static op_node *random_vector(random_work *r) {
    enum { MOST = 2048 };
    op_node *x = random_pick(r, r->type, ~UINT32_C(0));
    int64_t size = x && x->shape.rank == 1 ? x->shape.dimension[0] : -1;
    return size >= 0 && size <= MOST ? x : NULL;
}

/* W x with a new weight: what models are made of. */
static op_node *random_linear(random_work *r) {
    op_node *x = random_vector(r);
    if (!x)
        return NULL;
    int64_t rows = r->sizes[random_below(r, RANDOM_SIZES)];
    if (random_once(r, 6)) /* more than a tile of any machine */
        rows = 40 + random_below(r, 60);
    op_shape shape = op_shape_make(2, (const int64_t[]){rows, x->shape.dimension[0]});
    op_node *w = make_param(r->b, random_name(r, "W"), r->type, 0, &shape);
    random_keep(r, w);
    return make_contract(r->b, "mn,n->m", w, x, 0);
}

/* ---- loop axes */

static op_node *random_total(random_work *r) {
    op_node *x = random_float(r);
    uint32_t over = random_domain(r);
    if (x && random_below(r, 4) > 0)
        over &= x->domain;
    return over ? make_total(r->b, x, over, (op_kind)random_below(r, 3)) : NULL;
}

static op_node *random_expand(random_work *r) {
    return make_expand(r->b, random_float(r), random_domain(r));
}

static op_node *random_delay(random_work *r) {
    op_node *x = random_once(r, 8) ? random_pick(r, DTYPE_I32, ~UINT32_C(0)) : random_float(r);
    int axis = random_way_axis(r), distance = 1 + random_below(r, 3);
    int sign = random_below(r, 4) > 0 ? r->sign[axis] : -r->sign[axis];
    op_node *init = random_once(r, 3) ? random_float(r) : random_number(r, x);
    return make_delay(r->b, x, axis, sign * distance, init);
}

static op_node *random_at(random_work *r) {
    op_node *x = random_float(r), *init = random_number(r, x);
    int axis = random_way_axis(r);
    if (random_once(r, 3))
        return make_last(r->b, x, axis, init);
    op_node *i = random_pick(r, DTYPE_I32, ~UINT32_C(0));
    if (x && random_once(r, 2)) /* flipped */
        i = make_sub(r->b, make_end(r->b, axis, x->domain),
                     make_add(r->b, make_step(r->b, axis), make_number(r->b, DTYPE_I32, 1)));
    return i && i->shape.rank == 0 ? make_at(r->b, x, axis, i, init) : NULL;
}

static op_node *random_put(random_work *r) {
    op_node *g = random_float(r), *i = random_pick(r, DTYPE_I32, ~UINT32_C(0));
    int axis = random_way_axis(r);
    if (!g || !i || i->shape.rank > 0)
        return NULL;
    return make_put(r->b, g, axis, i, (g->domain & random_domain(r)) | UINT32_C(1) << axis);
}

static op_node *random_stack(random_work *r) {
    op_node *x = random_float(r);
    int axis = random_way_axis(r);
    if (!x || x->shape.rank >= 3)
        return NULL;
    x = make_stack(r->b, x, axis);
    switch (x ? random_below(r, 4) : 0) {
    case 0:
        return x;
    case 1:
        return make_reduce(r->b, x, 0, (op_kind)random_below(r, r->options->smooth ? 3 : 4));
    case 2:
        return make_spread(r->b, make_softmax(r->b, x, 0), axis);
    default:
        return make_spread(r->b, make_unary(r->b, OP_SIN, x), axis);
    }
}

/* Softmax attention over one axis: scores, weights and the weighted sum are totals. */
static op_node *random_attention(random_work *r) {
    op_builder *b = r->b;
    int axis = random_way_axis(r);
    op_node *key = random_float(r), *query = random_float(r);
    if (!key || !query)
        return NULL;
    op_node *score = make_mul(b, key, query);
    for (int d = 0; score && d < score->shape.rank; d++)
        score = make_reduce(b, score, d, OP_KIND_SUM);
    op_shape scalar = op_shape_make(0, NULL);
    score = make_expand(b, make_reshape(b, score, &scalar), UINT32_C(1) << axis);
    if (!score)
        return NULL;
    op_node *norm = make_total(b, score, UINT32_C(1) << axis, OP_KIND_LSE);
    op_node *weight = make_unary(b, OP_EXP, make_sub(b, score, norm));
    return make_total(b, make_mul(b, weight, key), UINT32_C(1) << axis, OP_KIND_SUM);
}

/* Linear attention: a matrix that decays and takes outer products, read by a query. */
static op_node *random_matrix_state(random_work *r) {
    op_builder *b = r->b;
    op_node *x = random_vector(r);
    if (!x)
        return NULL;
    int axis = random_way_axis(r);
    op_shape shape =
        op_shape_make(2, (const int64_t[]){x->shape.dimension[0], x->shape.dimension[0]});
    uint32_t domain = x->domain | UINT32_C(1) << axis;
    op_node *state = make_open_delay(b, axis, r->sign[axis], make_number(b, r->type, 0), r->type,
                                     domain, &shape);
    op_node *decayed = make_mul(b, state, state ? make_like(b, state, 0.5) : NULL);
    op_node *next = make_add(b, decayed, make_contract(b, "m,n->mn", x, x, 0));
    graph_bind(r->g, state, next);
    return make_contract(b, "mn,n->m", next, x, 0);
}

/* A recurrence over two axes at once, which no single loop can run: each step reads its neighbours
 * before it along both. */
static op_node *random_grid(random_work *r) {
    op_builder *b = r->b;
    op_node *x = random_pick(r, r->type, ~UINT32_C(0));
    int first = random_way_axis(r), second = random_way_axis(r);
    if (!x || first == second)
        return NULL;
    for (int d = 0; d < x->shape.rank; d++)
        if (x->shape.dimension[d] < 0)
            return NULL;
    uint32_t domain = x->domain | UINT32_C(1) << first | UINT32_C(1) << second;
    op_node *zero = make_number(b, r->type, 0);
    op_node *before = make_open_delay(b, first, r->sign[first] * (1 + random_below(r, 2)), zero,
                                      r->type, domain, &x->shape);
    op_node *beside = make_open_delay(b, second, r->sign[second], make_number(b, r->type, 0.5),
                                      r->type, domain, &x->shape);
    op_node *next = make_unary(b, OP_TANH, make_add(b, make_mul(b, before, beside), x));
    graph_bind(r->g, before, next);
    graph_bind(r->g, beside, next);
    return next;
}

/* A gated unit: two states, a matrix of its own for what it was. */
static op_node *random_cell(random_work *r) {
    op_builder *b = r->b;
    op_node *x = random_vector(r);
    if (!x)
        return NULL;
    int axis = random_way_axis(r), distance = r->sign[axis] * (1 + random_below(r, 2));
    int64_t size = x->shape.dimension[0];
    uint32_t domain = x->domain | UINT32_C(1) << axis;
    op_shape square = op_shape_make(2, (const int64_t[]){size, size});
    op_node *w = make_param(b, random_name(r, "U"), r->type, 0, &square);
    random_keep(r, w);
    op_node *zero = make_number(b, r->type, 0);
    op_node *h = make_open_delay(b, axis, distance, zero, r->type, domain, &x->shape);
    op_node *c = make_open_delay(b, axis, distance, zero, r->type, domain, &x->shape);
    op_node *sum = make_add(b, make_contract(b, "mn,n->m", w, h, 0), x);
    op_node *gate = make_unary(b, OP_SIGMOID, sum);
    op_node *next_c = make_add(b, make_mul(b, gate, c), make_unary(b, OP_TANH, sum));
    op_node *next_h = make_mul(b, gate, make_unary(b, OP_TANH, next_c));
    graph_bind(r->g, h, next_h);
    graph_bind(r->g, c, next_c);
    return next_h;
}

/* Gates that are slices of one product, in use and side by side again: values that take over each
 * other's memory. Sometimes somebody reads the product once more. */
static op_node *random_gates(random_work *r) {
    op_builder *b = r->b;
    op_node *x = random_vector(r);
    if (!x)
        return NULL;
    int axis = random_way_axis(r), gates = 2 + random_below(r, 2);
    int64_t size = x->shape.dimension[0];
    op_shape tall = op_shape_make(2, (const int64_t[]){gates * size, size});
    op_node *w = make_param(b, random_name(r, "W"), r->type, 0, &tall);
    op_node *u = make_param(b, random_name(r, "U"), r->type, 0, &tall);
    random_keep(r, w);
    random_keep(r, u);
    uint32_t domain = x->domain | UINT32_C(1) << axis;
    op_node *all = make_contract(b, "mn,n->m", w, x, 0), *side[3] = {NULL, NULL, NULL};
    op_node *h = make_open_delay(b, axis, r->sign[axis], make_number(b, r->type, 0), r->type,
                                 domain, &x->shape);
    op_node *again = make_contract(b, "mn,n->m", u, h, 0), *next = h;
    for (int i = 0; i < gates; i++) {
        op_node *given = make_slice(b, all, 0, i * size, size);
        op_node *sum = make_add(b, given, make_slice(b, again, 0, i * size, size));
        op_node *gate = make_unary(b, random_once(r, 2) ? OP_SIGMOID : OP_TANH, sum);
        next = random_once(r, 2) ? make_mul(b, gate, next) : make_add(b, gate, next);
        side[random_once(r, 4) ? random_below(r, gates) : i] = make_mul(b, gate, x);
        side[i] = side[i] ? side[i] : gate;
    }
    graph_bind(r->g, h, next);
    if (random_once(r, 4))
        random_keep(r, all);
    return random_once(r, 2) ? next : make_concat(b, side, gates, 0);
}

static const random_way random_ways[] = {
    {8, true, random_unary},     {12, true, random_binary},      {3, true, random_tame},
    {3, true, random_compare},   {2, true, random_logic},        {4, true, random_select},
    {4, true, random_integer},   {2, false, random_cast},        {1, true, random_uniform},
    {2, true, random_custom},    {4, true, random_cut},          {3, true, random_concat},
    {3, true, random_reshape},   {3, true, random_transpose},    {3, true, random_broadcast},
    {5, true, random_reduce},    {3, true, random_gather},       {3, true, random_scatter},
    {1, true, random_onehot},    {6, true, random_contract},     {8, true, random_linear},
    {5, true, random_total},     {2, true, random_expand},       {6, true, random_delay},
    {4, true, random_at},        {2, true, random_put},          {3, true, random_stack},
    {2, true, random_attention}, {2, true, random_matrix_state}, {3, true, random_grid},
    {4, true, random_cell},      {4, true, random_gates}};

op_node *random_value(random_work *r) {
    int count = sizeof random_ways / sizeof random_ways[0], sum = 0;
    for (int i = 0; i < count; i++)
        sum += random_ways[i].weight;
    for (int attempt = 0; attempt < 20; attempt++) {
        int at = random_below(r, sum), way = 0;
        while (at >= random_ways[way].weight)
            at -= random_ways[way++].weight;
        if (r->options->smooth && !random_ways[way].smooth)
            continue;
        op_node *made = random_ways[way].make(r);
        if (r->g->problem->code != STATUS_OK)
            error_clear(r->g->problem);
        else if (made)
            return made;
    }
    return NULL;
}
