/* A cell is written as a user would write it: gate by gate, on one step. */
#include "tests/support/recurrent.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"

void recurrent_init(recurrent *r) {
    memset(r, 0, sizeof *r);
    program_init(&r->p);
    r->g = &r->p.g;
    r->b = &r->g->builder;
    graph_axis_add(r->g, "t", false, -1);
    graph_axis_add(r->g, "s", false, -1);
    graph_axis_add(r->g, "u", false, -1);
    graph_axis_add(r->g, "b", true, -1);
}

void recurrent_free(recurrent *r) {
    program_close(&r->p);
}

static op_shape shape_of(int rank, va_list list) {
    int64_t dimensions[LIMIT_RANK];
    for (int i = 0; i < rank; i++)
        dimensions[i] = va_arg(list, int);
    return op_shape_make(rank, dimensions);
}

op_node *recurrent_input(recurrent *r, const char *name, uint32_t domain, int rank, ...) {
    va_list list;
    va_start(list, rank);
    op_shape shape = shape_of(rank, list);
    va_end(list);
    return make_input(r->b, name, DTYPE_F64, domain, &shape);
}

op_node *recurrent_weight(recurrent *r, const char *name, uint32_t domain, int rank, ...) {
    va_list list;
    va_start(list, rank);
    op_shape shape = shape_of(rank, list);
    va_end(list);
    op_node *weight = make_param(r->b, name, DTYPE_F64, domain, &shape);
    vec_push(r->g->memory, &r->weights, weight);
    return weight;
}

op_node *recurrent_number(recurrent *r, double value) {
    return make_number(r->b, DTYPE_F64, value);
}

op_node *recurrent_state(recurrent *r, const char *name, uint32_t domain, int units, int axis,
                         int distance, op_node *init, int line) {
    op_shape shape = op_shape_make(1, (int64_t[]){units});
    site where = r->b->where;
    r->b->where = (site){"cell.c", line};
    op_node *state = make_open_delay(r->b, axis, distance, init, DTYPE_F64, domain, &shape);
    r->b->where = where;
    return graph_name(r->g, state, name);
}

op_node *recurrent_energy(recurrent *r, op_node *x) {
    static const char *const specs[] = {",->", "m,m->", "mn,mn->", "kmn,kmn->"};
    return make_contract(r->b, specs[x->shape.rank], x, x, x->domain);
}

op_node *recurrent_product(recurrent *r, op_node *weight, op_node *x) {
    return make_contract(r->b, "mn,n->m", weight, x, 0);
}

static op_node *gate(recurrent *r, const char *prefix, char letter, op_node *x, op_node *h,
                     int inputs, int units) {
    arena *memory = r->g->memory;
    const char *w = arena_print(memory, "%sW%c", prefix, letter);
    const char *u = arena_print(memory, "%sU%c", prefix, letter);
    const char *bias = arena_print(memory, "%sb%c", prefix, letter);
    /* One statement each: which argument of a call is made first is up to the compiler. */
    op_node *in = recurrent_product(r, recurrent_weight(r, w, 0, 2, units, inputs), x);
    op_node *own = recurrent_product(r, recurrent_weight(r, u, 0, 2, units, units), h);
    op_node *add = recurrent_weight(r, bias, 0, 1, units);
    op_node *sum = make_add(r->b, make_add(r->b, in, own), add);
    return make_unary(r->b, letter == 'g' ? OP_TANH : OP_SIGMOID, sum);
}

op_node *recurrent_lstm(recurrent *r, const char *prefix, op_node *x, int inputs, int units,
                        int distance) {
    op_builder *b = r->b;
    arena *memory = r->g->memory;
    op_node *zero = recurrent_number(r, 0);
    op_node *h0 = recurrent_state(r, arena_print(memory, "%sh0", prefix), T | B, units, AXIS_T,
                                  distance, zero, 1);
    op_node *c0 = recurrent_state(r, arena_print(memory, "%sc0", prefix), T | B, units, AXIS_T,
                                  distance, zero, 2);
    op_node *i = gate(r, prefix, 'i', x, h0, inputs, units);
    op_node *f = gate(r, prefix, 'f', x, h0, inputs, units);
    op_node *g = gate(r, prefix, 'g', x, h0, inputs, units);
    op_node *o = gate(r, prefix, 'o', x, h0, inputs, units);
    op_node *kept = make_mul(b, f, c0), *fresh = make_mul(b, i, g), *c = make_add(b, kept, fresh);
    op_node *h = make_mul(b, o, make_unary(b, OP_TANH, c));
    graph_bind(r->g, h0, h);
    graph_bind(r->g, c0, c);
    graph_name(r->g, c, arena_print(memory, "%sc", prefix));
    return graph_name(r->g, h, arena_print(memory, "%sh", prefix));
}

/* ---- feeding and running */

feeding feeding_init(recurrent *r, int64_t t, int64_t s, int64_t u, int64_t batch) {
    feeding w = {.r = r};
    w.extents[AXIS_T] = t;
    w.extents[AXIS_S] = s;
    w.extents[AXIS_U] = u;
    w.extents[AXIS_B] = batch;
    return w;
}

static size_t elements_of(const feeding *w, const op_node *n) {
    size_t count = 1;
    for (int a = 0; a < w->r->g->axis_count; a++)
        count *= n->domain >> a & 1 ? (size_t)w->extents[a] : 1;
    return count * (size_t)op_shape_elements(&n->shape);
}

static void *room_for(feeding *w, const op_node *n) {
    void *data = arena_take_array(w->r->g->memory, elements_of(w, n), dtype_size((dtype)n->dtype));
    vec_push(w->r->g->memory, &w->feeds, (eval_feed){n, data});
    return data;
}

void feeding_feed(feeding *w, const op_node *node, const double *values, size_t count) {
    void *data = room_for(w, node);
    cr_assert_eq(count, elements_of(w, node));
    for (size_t i = 0; i < count; i++)
        switch ((dtype)node->dtype) {
        case DTYPE_F32:
            ((float *)data)[i] = (float)values[i];
            break;
        case DTYPE_F64:
            ((double *)data)[i] = values[i];
            break;
        case DTYPE_I32:
            ((int32_t *)data)[i] = (int32_t)values[i];
            break;
        default:
            ((uint8_t *)data)[i] = values[i] != 0;
        }
}

double *feeding_fed(const feeding *w, const op_node *node) {
    for (size_t i = 0; i < w->feeds.count; i++)
        if (w->feeds.at[i].node == node)
            return (double *)(uintptr_t)w->feeds.at[i].data;
    return NULL;
}

void feeding_draw(feeding *w, op_node *const *roots, size_t count) {
    node_list nodes = {0};
    graph_postorder(w->r->g->memory, roots, count, false, &nodes);
    for (size_t n = 0; n < nodes.count; n++) {
        const op_node *node = nodes.at[n];
        if ((node->op != OP_INPUT && node->op != OP_PARAM) || feeding_fed(w, node))
            continue;
        double *data = room_for(w, node);
        for (size_t i = 0; i < elements_of(w, node) && node->dtype == DTYPE_F64; i++)
            data[i] = 0.5 * rng_normal(7, node->id, i);
    }
}

eval *feeding_run(feeding *w, op_node *const *roots, size_t count) {
    eval *e =
        eval_graph(w->r->g, w->r->g->memory, roots, count, w->extents, w->feeds.at, w->feeds.count);
    cr_assert_not_null(e, "%s", w->r->p.problem.message);
    return e;
}

double feeding_number(const eval *e, const op_node *node, size_t i) {
    size_t elements;
    const void *data = eval_value(e, node, &elements);
    cr_assert(data && i < elements);
    switch ((dtype)node->dtype) {
    case DTYPE_F32:
        return (double)((const float *)data)[i];
    case DTYPE_F64:
        return ((const double *)data)[i];
    case DTYPE_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

double feeding_slope_error(feeding *w, op_node *loss, op_node *variable, op_node *gradient) {
    const double step = 1e-6;
    double worst = 0, *data = feeding_fed(w, variable);
    eval *at = feeding_run(w, &gradient, 1);
    for (size_t i = 0; i < elements_of(w, variable); i++) {
        double kept = data[i], value[2];
        for (int side = 0; side < 2; side++) {
            data[i] = kept + (side ? step : -step);
            value[side] = feeding_number(feeding_run(w, &loss, 1), loss, 0);
        }
        data[i] = kept;
        double off = fabs((value[1] - value[0]) / (2 * step) - feeding_number(at, gradient, i));
        worst = off <= worst ? worst : off;
    }
    return worst;
}
