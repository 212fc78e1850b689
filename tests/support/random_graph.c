/* The frame of a random program: axes, leaves, states, results.
 *
 * Values are drawn from a pool that grows. A choice that does not fit (shapes that do not
 * broadcast, an axis that is not held) is a mistake of the builder like any user's; it is cleared
 * and another choice is made, so the generator needs no second copy of the rules. States are opened
 * first and bound last, to a value that is made to fit by feature ops alone: collapsing an axis
 * would mostly make cycles that no loop can compute.
 *
 * The seed decides everything; no state survives a graph. */
#include "tests/support/random_graph.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "tests/support/random_internal.h"

/* ---- choices */

int random_below(random_work *r, int count) {
    return (int)(rng_uniform(r->seed, 0, r->drawn++) * count);
}

bool random_once(random_work *r, int of) {
    return random_below(r, of) == 0;
}

uint32_t random_domain(random_work *r) {
    uint32_t domain = 0;
    for (int a = 0; a < r->g->axis_count; a++)
        if (random_below(r, 3) > 0)
            domain |= (uint32_t)1 << a;
    return domain;
}

int random_axis(random_work *r) {
    return random_below(r, r->g->axis_count);
}

int random_way_axis(random_work *r) {
    uint32_t ragged = 0;
    for (int a = 0; a < r->g->axis_count; a++)
        if (r->g->axes[a].lengths)
            ragged |= r->g->axes[a].lengths->domain;
    int axis = random_axis(r);
    return ragged >> axis & 1 ? 0 : axis; /* axis 0 is t, which holds no samples */
}

op_shape random_shape(random_work *r) {
    static const int ranks[] = {0, 0, 1, 1, 1, 1, 2, 2, 2, 3};
    op_shape shape = op_shape_make(0, NULL);
    shape.rank = ranks[random_below(r, 10)];
    for (int i = 0; i < shape.rank; i++)
        shape.dimension[i] = random_once(r, 8) ? 1 : r->sizes[random_below(r, RANDOM_SIZES)];
    return shape;
}

const char *random_name(random_work *r, const char *stem) {
    return arena_print(r->g->memory, "%s%d", stem, r->names++);
}

static bool random_fits(const op_node *n, dtype t, uint32_t within) {
    bool type = t == DTYPE_COUNT ? dtype_is_float((dtype)n->dtype) : n->dtype == t;
    return type && (n->domain & ~within) == 0;
}

/* DTYPE_COUNT stands for both floats. */
op_node *random_pick(random_work *r, dtype t, uint32_t within) {
    int count = (int)r->pool.count;
    for (int attempt = 0; attempt < 12 && count > 0; attempt++) {
        int recent = count < 10 ? count : 10;
        int i = random_once(r, 2) ? random_below(r, count) : count - 1 - random_below(r, recent);
        if (random_fits(r->pool.at[i], t, within))
            return r->pool.at[i];
    }
    for (int i = count; i-- > 0;)
        if (random_fits(r->pool.at[i], t, within))
            return r->pool.at[i];
    return NULL;
}

op_node *random_float(random_work *r) {
    return random_pick(r, random_once(r, 12) ? DTYPE_COUNT : r->type, ~UINT32_C(0));
}

/* ---- the frame */

void random_keep(random_work *r, op_node *n) {
    if (n)
        vec_push(r->g->memory, &r->pool, n);
}

static void random_axes(random_work *r) {
    graph *g = r->g;
    graph_axis_add(g, "t", false, -1);
    if (random_below(r, 4) > 0)
        graph_axis_add(g, "b", true, -1);
    if (random_once(r, 2))
        graph_axis_add(g, "s", false, -1);
    if (random_once(r, 4))
        graph_axis_add(g, "d", false, random_below(r, 5));
    for (int a = 0; a < g->axis_count; a++) {
        r->sign[a] = random_below(r, 3) > 0 ? 1 : -1;
        if (g->axes[a].batch || g->axes[a].extent >= 0 || !random_once(r, 3))
            continue;
        int batch = graph_axis_find(g, "b");
        uint32_t domain = batch >= 0 && random_below(r, 4) > 0 ? UINT32_C(1) << batch : 0;
        op_shape scalar = op_shape_make(0, NULL);
        op_node *lengths = make_input(r->b, arena_print(g->memory, "lengths_%s", g->axes[a].name),
                                      DTYPE_I32, domain, &scalar);
        graph_axis_lengths(g, a, lengths);
        random_keep(r, lengths);
    }
}

static void random_leaves(random_work *r) {
    for (int i = 1 + random_below(r, 3); i-- > 0;) {
        op_shape shape = random_shape(r);
        random_keep(r, make_input(r->b, random_name(r, "x"), r->type, random_domain(r), &shape));
    }
    for (int i = 1 + random_below(r, 3); i-- > 0;) {
        op_shape shape = random_shape(r);
        uint32_t domain = random_once(r, 6) ? random_domain(r) : 0;
        random_keep(r, make_param(r->b, random_name(r, "p"), r->type, domain, &shape));
    }
    if (random_once(r, 2)) {
        op_shape shape = random_once(r, 2) ? op_shape_make(0, NULL) : random_shape(r);
        random_keep(r, make_input(r->b, random_name(r, "i"), DTYPE_I32, random_domain(r), &shape));
    }
    if (random_once(r, 3)) {
        double numbers[8];
        float narrow[8];
        op_shape shape = op_shape_make(1, (const int64_t[]){1 + random_below(r, 8)});
        for (int i = 0; i < 8; i++)
            narrow[i] = (float)(numbers[i] = rng_normal(r->seed, 1, (uint64_t)i));
        random_keep(r, make_constant(r->b, r->type, &shape,
                                     r->type == DTYPE_F32 ? (void *)narrow : (void *)numbers));
    }
}

static void random_open(random_work *r) {
    int axis = random_way_axis(r);
    int distance = r->sign[axis] * (random_below(r, 3) > 0 ? 1 : 2 + random_below(r, 3));
    op_shape shape = random_shape(r);
    uint32_t domain = UINT32_C(1) << axis;
    for (int a = 0; a < r->g->axis_count; a++)
        if (r->g->axes[a].batch || random_once(r, 3))
            domain |= UINT32_C(1) << a;
    op_node *init = make_number(r->b, r->type, 0.25 * random_below(r, 3));
    if (random_once(r, 3)) {
        uint32_t held = random_domain(r) & domain;
        init = make_input(r->b, random_name(r, "init"), r->type, held,
                          random_once(r, 2) ? &shape : &(op_shape){0});
    }
    op_node *state = make_open_delay(r->b, axis, distance, init, r->type, domain, &shape);
    if (!state)
        return;
    vec_push(r->g->memory, &r->states, state);
    random_keep(r, state);
}

/* x with n's shape, by summing its dimensions away and stretching what is left. */
static op_node *random_fit_shape(random_work *r, op_node *x, const op_node *n) {
    op_builder *b = r->b;
    if (!x || op_shape_equal(&x->shape, &n->shape))
        return x;
    op_shape joined;
    if (op_shape_broadcast(&x->shape, &n->shape, &joined) && op_shape_equal(&joined, &n->shape))
        return make_broadcast(b, x, &n->shape);
    for (int d = 0; x && d < x->shape.rank; d++)
        x = make_reduce(b, x, d, OP_KIND_SUM);
    op_shape scalar = op_shape_make(0, NULL);
    return make_broadcast(b, make_reshape(b, x, &scalar), &n->shape);
}

static void random_bind(random_work *r) {
    for (size_t i = 0; i < r->states.count; i++) {
        op_node *state = r->states.at[i];
        op_node *next = random_pick(r, (dtype)state->dtype, state->domain);
        next = random_fit_shape(r, next, state);
        /* Most states depend on themselves and stay small; slopes of those that grow drown in
         * rounding. */
        if (!next || r->options->smooth || random_below(r, 3) > 0)
            next = make_unary(r->b, OP_TANH, next ? make_add(r->b, next, state) : state);
        graph_bind(r->g, state, next);
    }
}

/* The loss: a weighted mean of squashed values, so that no value drowns the others. */
static op_node *random_loss(random_work *r) {
    op_node *loss = make_number(r->b, r->type, 0);
    for (int i = 0; i < 3; i++) {
        op_node *x = random_pick(r, r->type, ~UINT32_C(0));
        x = make_unary(r->b, OP_TANH, x);
        for (int d = 0; x && d < x->shape.rank; d++)
            x = make_reduce(r->b, x, d, OP_KIND_SUM);
        op_shape scalar = op_shape_make(0, NULL);
        x = x ? make_total(r->b, make_reshape(r->b, x, &scalar), x->domain, OP_KIND_SUM) : NULL;
        loss = make_add(r->b, loss, x ? x : loss);
    }
    return loss;
}

static void random_results(random_work *r) {
    for (int i = 1 + random_below(r, 3); i-- > 0;)
        graph_output_add(r->g, random_name(r, "y"),
                         r->pool.at[random_below(r, (int)r->pool.count)]);
    graph_output_add(r->g, "loss", random_loss(r));
    for (size_t i = 0; i < r->g->nodes.count; i++) {
        op_node *p = r->g->nodes.at[i];
        if (p->op != OP_PARAM || random_below(r, 3) > 0)
            continue;
        op_node *next = random_pick(r, (dtype)p->dtype, p->domain);
        graph_update_add(r->g, p, random_fit_shape(r, next, p));
    }
}

bool random_gradients(graph *g) {
    op_node *loss = NULL, **gradients;
    node_list wrt = {0};
    for (size_t i = 0; i < g->outputs.count; i++)
        if (strcmp(g->outputs.at[i].name, "loss") == 0)
            loss = g->outputs.at[i].node;
    for (size_t i = 0; i < g->nodes.count; i++)
        if (g->nodes.at[i]->op == OP_PARAM && dtype_is_float((dtype)g->nodes.at[i]->dtype))
            vec_push(g->memory, &wrt, g->nodes.at[i]);
    gradients = arena_array(g->memory, op_node *, wrt.count);
    if (!loss || !grad_later(g, loss, wrt.at, wrt.count, gradients))
        return false;
    for (size_t i = 0; i < wrt.count; i++)
        graph_output_add(g, arena_print(g->memory, "d_%s", wrt.at[i]->attributes.text),
                         gradients[i]);
    return g->problem->code == STATUS_OK;
}

void random_graph(graph *g, uint64_t seed, const random_options *options) {
    random_work *r = arena_new(g->memory, random_work);
    static const int64_t sizes[] = {2, 3, 4, 5, 7, 8, 16, 19, 33};
    *r = (random_work){.g = g, .b = &g->builder, .options = options, .seed = seed};
    r->type = options->smooth || random_once(r, 3) ? DTYPE_F64 : DTYPE_F32;
    for (int i = 0; i < RANDOM_SIZES; i++)
        r->sizes[i] = sizes[random_below(r, random_once(r, 6) ? 9 : 5)];
    random_axes(r);
    random_leaves(r);
    for (int i = random_below(r, 3); i-- > 0;)
        random_open(r);
    for (int i = 0; i < options->steps; i++)
        random_keep(r, random_value(r));
    random_bind(r);
    random_results(r);
    if (options->gradients)
        random_gradients(g);
}

void random_extents(uint64_t seed, int which, int64_t out[LIMIT_AXES]) {
    static const int64_t extents[] = {4, 3, 5, 1, 7, 2, 9, 0, 17};
    int64_t room = 400; /* the evaluator is slow */
    for (uint64_t a = 0; a < LIMIT_AXES; a++) {
        double u = rng_uniform(seed, 2 + (uint64_t)which, a);
        out[a] = extents[(int)(u * u * 9)];
        if (out[a] > room)
            out[a] = 1;
        room /= out[a] > 0 ? out[a] : 1;
    }
}
