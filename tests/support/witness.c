/* Gradients against three witnesses.
 *
 * (a) Dual numbers: the derivative of the loss along v is the sum of grad . v. Exact to rounding.
 * (b) The identity <u, J v> = <J' u, v>: J v from dual numbers on a value y with many elements, J'u
 *     as the gradient of sum(u * y). It catches what a scalar loss averages out.
 * (c) Central differences along v through the library's own evaluator: blunt, but they know nothing
 *     of derivatives at all.
 *
 * A padded leaf holds NaN in the steps that do not exist, and so does u: what reads them shows. */
#include "tests/support/witness.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"

enum { witness_directions = 3 };

const witness_tolerance witness_strict = {1e-12, 1e-12, 1e-7, 1e-300};

typedef struct witness_work {
    trial *t;
    op_node *const *wrt;
    size_t count;
    uint64_t seed, drawn;
    const witness_tolerance *tolerance;
} witness_work;

static double witness_draw(witness_work *w) {
    return 2 * rng_uniform(w->seed, 17, w->drawn++) - 1;
}

/* sum of a . b over elements that exist, and of its absolute terms. Where an element does not
 * exist, a is 0 and b may be anything. */
static double witness_dot(trial *t, const op_node *n, const double *a, const double *b,
                          double *scale) {
    const bool *existing = trial_existing(t, n);
    double sum = 0;
    for (size_t i = 0; i < trial_elements(t, n); i++)
        if (existing[i]) {
            sum += a[i] * b[i];
            *scale += fabs(a[i] * b[i]);
        }
    return sum;
}

static bool witness_agree(witness_work *w, const char *what, double left, double right,
                          double scale, double tolerance) {
    if (fabs(left - right) <= tolerance * scale)
        return true;
    return trial_fail(w->t,
                      "%s: %.17g against the gradient's %.17g; they differ by %.3g of the scale "
                      "%.3g, %.3g is allowed",
                      what, left, right, fabs(left - right) / scale, scale, tolerance);
}

/* New directions for all of wrt, none for the other leaves. */
static void witness_direct(witness_work *w) {
    for (size_t i = 0; i < w->t->leaves.count; i++)
        w->t->leaves.at[i].direction = NULL;
    for (size_t i = 0; i < w->count; i++) {
        trial_leaf *leaf = trial_leaf_find(w->t, w->wrt[i]);
        size_t elements = trial_elements(w->t, leaf->node);
        leaf->direction = arena_array(&w->t->memory, double, elements);
        for (size_t k = 0; k < elements; k++)
            leaf->direction[k] = witness_draw(w);
    }
}

/* grad . v */
static double witness_along(witness_work *w, double *const *grads, double *scale) {
    double sum = 0;
    for (size_t i = 0; i < w->count; i++)
        sum += witness_dot(w->t, w->wrt[i], grads[i], trial_leaf_find(w->t, w->wrt[i])->direction,
                           scale);
    return sum;
}

op_node *witness_whole(graph *g, op_node *x) {
    op_node *sum = trial_sum(&g->builder, x);
    return sum ? make_total(&g->builder, sum, sum->domain, OP_KIND_SUM) : NULL;
}

/* Values of the gradients of a whole value, in room of the trial. */
static bool witness_grads(witness_work *w, op_node *whole, double ***out) {
    trial *t = w->t;
    op_node **grads = arena_array(&t->memory, op_node *, w->count);
    if (!whole || !grad_program(&t->g, whole, w->wrt, w->count, grads))
        return trial_fail(t, "grad: %s", t->problem.message);
    *out = trial_room(t, grads, w->count);
    return trial_evaluate(t, grads, w->count, *out);
}

static bool witness_dual(witness_work *w, op_node *whole, double *const *grads) {
    double value, slope, *values[1] = {&value}, *slopes[1] = {&slope}, scale = w->tolerance->floor;
    witness_direct(w);
    if (!trial_reference(w->t, &whole, 1, values, slopes))
        return false;
    double along = witness_along(w, grads, &scale);
    return witness_agree(w, "dual numbers", slope, along, scale, w->tolerance->dual);
}

static bool witness_difference(witness_work *w, op_node *whole, double *const *grads) {
    trial *t = w->t;
    double low, high, *values[2] = {&low, &high}, scale = w->tolerance->floor, step = 6e-6;
    witness_direct(w);
    double along = witness_along(w, grads, &scale);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < w->count; i++) {
            trial_leaf *leaf = trial_leaf_find(t, w->wrt[i]);
            for (size_t k = 0; k < trial_elements(t, leaf->node); k++)
                leaf->values[k] += (side ? 2 : -1) * step * leaf->direction[k];
        }
        if (!trial_evaluate(t, &whole, 1, &values[side]))
            return false;
    }
    for (size_t i = 0; i < w->count; i++) {
        trial_leaf *leaf = trial_leaf_find(t, w->wrt[i]);
        for (size_t k = 0; k < trial_elements(t, leaf->node); k++)
            leaf->values[k] -= step * leaf->direction[k];
    }
    scale += fabs(low) + fabs(high);
    return witness_agree(w, "differences", (high - low) / (2 * step), along, scale,
                         w->tolerance->difference);
}

static bool witness_transposed(witness_work *w, op_node *y) {
    trial *t = w->t;
    op_builder *b = &t->g.builder;
    const char *name = arena_print(&t->memory, "weights %zu", t->leaves.count);
    size_t elements = trial_elements(t, y);
    double *weights = arena_array(&t->memory, double, elements), **grads;
    const bool *existing = trial_existing(t, y);
    for (size_t i = 0; i < elements; i++)
        weights[i] = existing[i] ? witness_draw(w) : NAN;
    op_node *u = trial_leaf_add(t, OP_INPUT, name, DTYPE_F64, y->domain, &y->shape, weights);
    op_node *whole = witness_whole(&t->g, make_mul(b, u, y));
    if (!witness_grads(w, whole, &grads))
        return false;
    for (int i = 0; i < witness_directions; i++) {
        double scale = w->tolerance->floor, **values = trial_room(t, &y, 1),
               **slopes = trial_room(t, &y, 1);
        witness_direct(w);
        if (!trial_reference(t, &y, 1, values, slopes))
            return false;
        double forward = witness_dot(t, y, slopes[0], weights, &scale);
        double backward = witness_along(w, grads, &scale);
        if (!witness_agree(w, "the transposed Jacobian", forward, backward, scale,
                           w->tolerance->transposed))
            return false;
    }
    return true;
}

bool witness_gradients(trial *t, op_node *loss, op_node *y, op_node *const *wrt, size_t count,
                       uint64_t seed, const witness_tolerance *tolerance) {
    witness_work w = {.t = t, .wrt = wrt, .count = count, .seed = seed, .tolerance = tolerance};
    double **grads;
    op_node *whole = witness_whole(&t->g, loss);
    if (!witness_grads(&w, whole, &grads))
        return false;
    for (int i = 0; i < witness_directions; i++)
        if (!witness_dual(&w, whole, grads) || !witness_difference(&w, whole, grads))
            return false;
    return witness_transposed(&w, y ? y : loss);
}
