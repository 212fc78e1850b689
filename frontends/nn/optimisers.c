/* Optimisers: gradients, clipping and updates as part of the graph, so that one call of one program
 * is one step of training.
 *
 *   g   gradient of the loss, times min(1, clip_norm / norm) where norm is the square root of the
 *       sum of all g^2                        Pascanu, Mikolov and Bengio 2013
 *   g   + weight_decay w                      (all but AdamW)
 *   sgd       w -= rate g                     Robbins and Monro 1951
 *   momentum  v = beta1 v + g; w -= rate v    Polyak 1964
 *   rmsprop   v = beta2 v + (1 - beta2) g^2; w -= rate g / (sqrt(v) + epsilon)
 *                                             Tieleman and Hinton 2012
 *   adam      m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
 *             w -= rate (m / (1 - beta1^n)) / (sqrt(v / (1 - beta2^n)) + epsilon), n: steps so far
 *                                             Kingma and Ba 2015
 *   adamw     the same, and w -= rate weight_decay w (decoupled)
 *                                             Loshchilov and Hutter 2019
 *
 * A gradient that is not finite would poison every parameter and moment for good. So one number,
 * the norm, decides: if it is not finite (an overflow of its squares is not, either), all updates
 * write the old values back and the step is counted as skipped. 1 - beta^n is -expm1(n log beta):
 * the power itself loses all digits of the difference at the first steps. */
#include "frontends/nn/nn.h"

#include <math.h>
#include <string.h>

enum { OPTIMISERS_SGD, OPTIMISERS_MOMENTUM, OPTIMISERS_RMSPROP, OPTIMISERS_ADAM, OPTIMISERS_ADAMW };

/* Where the counter of steps stops: its powers have long been 0. */
enum { OPTIMISERS_STEP_LIMIT = 1 << 30 };

eddy_optimiser eddy_sgd(void) {
    return (eddy_optimiser){.kind = OPTIMISERS_SGD};
}

eddy_optimiser eddy_momentum(double beta) {
    return (eddy_optimiser){.kind = OPTIMISERS_MOMENTUM, .beta1 = beta};
}

eddy_optimiser eddy_rmsprop(void) {
    return (eddy_optimiser){.kind = OPTIMISERS_RMSPROP, .beta2 = 0.9, .epsilon = 1e-8};
}

eddy_optimiser eddy_adam(void) {
    return (eddy_optimiser){.kind = OPTIMISERS_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
}

eddy_optimiser eddy_adamw(double weight_decay) {
    eddy_optimiser how = eddy_adam();
    how.kind = OPTIMISERS_ADAMW;
    how.weight_decay = weight_decay;
    return how;
}

/* The sum of all squares, the first dimension first: the columns of a matrix have sums of their
 * own, of which vectors compute many at a time. In a row all elements would be one chain of
 * additions.
 */
static eddy_value optimisers_squares(eddy_value x, eddy_site here) {
    eddy_value sum = eddy_square(x);
    for (int d = 0; d + 1 < eddy_value_rank(x); d++)
        sum = eddy_reduce(sum, d, EDDY_SUM);
    return eddy_reduce_all(sum, EDDY_SUM);
}

/* sqrt(sum of all squares) */
static eddy_value optimisers_norm(const eddy_value *gradients, int count, eddy_site here) {
    eddy_value sum = NULL;
    for (int i = 0; i < count; i++) {
        eddy_value squares = optimisers_squares(gradients[i], here);
        sum = i == 0 ? squares : eddy_add(sum, squares);
    }
    return eddy_sqrt(sum);
}

eddy_value(eddy_clip_by_global_norm)(eddy_value *gradients, int count, double limit,
                                     eddy_site here) {
    eddy_value norm = optimisers_norm(gradients, count, here);
    eddy_value one = nn_number(norm, 1, here);
    eddy_value factor = eddy_min(one, eddy_div(nn_number(norm, limit, here), norm));
    for (int i = 0; i < count; i++)
        gradients[i] = eddy_mul(gradients[i], factor);
    return norm;
}

/* One step of training under construction. */
typedef struct optimisers_step {
    eddy_optimiser how;
    eddy_value rate, finite;
    eddy_value first, second; /* Adam's 1 - beta1^n, 1 - beta2^n */
    eddy_site here;
} optimisers_step;

/* A variable like w, zeros at first, named after it. */
static eddy_value optimisers_slot(eddy_value w, const char *name, eddy_site here) {
    eddy_model *m = eddy_value_model(w);
    eddy_scope_push(m, eddy_value_name(w));
    eddy_value slot = (eddy_variable)(m, name, eddy_value_dtype(w), eddy_init_zeros(),
                                      nn_dimensions_of(w).at, here);
    eddy_scope_pop(m);
    return slot;
}

static void optimisers_assign(const optimisers_step *s, eddy_value w, eddy_value x) {
    const eddy_site here = s->here;
    eddy_update(w, eddy_select(s->finite, x, w));
}

/* The slot's new value, decay * slot + rate * x, which is assigned. */
static eddy_value optimisers_average(const optimisers_step *s, eddy_value slot, double decay,
                                     double rate, eddy_value x) {
    const eddy_site here = s->here;
    eddy_value kept = eddy_scale(slot, decay), added = eddy_scale(x, rate);
    eddy_value next = eddy_add(kept, added);
    optimisers_assign(s, slot, next);
    return next;
}

/* What w loses, before the rate, for the gradient g. */
static eddy_value optimisers_direction(const optimisers_step *s, eddy_value w, eddy_value g) {
    const eddy_site here = s->here;
    const eddy_optimiser *how = &s->how;
    const double beta1 = how->beta1, beta2 = how->beta2;
    if (how->weight_decay != 0 && how->kind != OPTIMISERS_ADAMW)
        g = eddy_add(g, eddy_scale(w, how->weight_decay));
    if (how->kind == OPTIMISERS_SGD)
        return g;
    if (how->kind == OPTIMISERS_MOMENTUM)
        return optimisers_average(s, optimisers_slot(w, "momentum", here), beta1, 1, g);
    if (how->kind == OPTIMISERS_RMSPROP) {
        eddy_value slot = optimisers_slot(w, "rmsprop_v", here);
        eddy_value v = optimisers_average(s, slot, beta2, 1 - beta2, eddy_square(g));
        return eddy_div(g, eddy_shift(eddy_sqrt(v), how->epsilon));
    }
    eddy_value m = optimisers_slot(w, "adam_m", here), v = optimisers_slot(w, "adam_v", here);
    m = optimisers_average(s, m, beta1, 1 - beta1, g);
    v = optimisers_average(s, v, beta2, 1 - beta2, eddy_square(g));
    eddy_value root = eddy_sqrt(eddy_div(v, s->second));
    eddy_value step = eddy_div(m, s->first);
    g = eddy_div(step, eddy_shift(root, how->epsilon));
    if (how->kind == OPTIMISERS_ADAMW)
        g = eddy_add(g, eddy_scale(w, how->weight_decay));
    return g;
}

/* Adds 1 to a counter where the condition holds. Returns the new count. */
static eddy_value optimisers_count(eddy_model *m, const char *name, eddy_value condition,
                                   eddy_site here) {
    eddy_value counter = eddy_variable(m, name, EDDY_I32, eddy_init_zeros(), EDDY_SCALAR);
    eddy_value room = eddy_lt(counter, eddy_integer(m, OPTIMISERS_STEP_LIMIT));
    eddy_value next = eddy_add(counter, eddy_cast(eddy_and(condition, room), EDDY_I32));
    eddy_update(counter, next);
    return next;
}

/* 1 - beta^n */
static eddy_value optimisers_correction(eddy_value n, double beta, eddy_site here) {
    return eddy_neg(eddy_expm1(eddy_scale(n, log(beta))));
}

/* In the order of their names, in which the norm adds up: when they were made leaves no trace. */
static void optimisers_weights(eddy_model *m, eddy_value *weights, int count) {
    for (int i = 0; i < count; i++) {
        eddy_value weight = eddy_trainable(m, i);
        int at = i;
        for (; at > 0 && strcmp(eddy_value_name(weights[at - 1]), eddy_value_name(weight)) > 0;
             at--)
            weights[at] = weights[at - 1];
        weights[at] = weight;
    }
}

static eddy_value optimisers_minimise(eddy_model *m, eddy_value loss, eddy_optimiser how,
                                      eddy_site here) {
    int count = eddy_trainable_count(m);
    if (count == 0)
        return nn_fail(m, here,
                       "minimise: the model has no trainable parameter; eddy_param makes "
                       "one, and the layers do");
    eddy_value *weights = arena_array(&m->memory, eddy_value, count);
    eddy_value *gradients = arena_array(&m->memory, eddy_value, count);
    optimisers_weights(m, weights, count);
    eddy_grad(loss, weights, count, gradients);
    for (int i = 0; i < count && gradients[i]; i++)
        vec_push(&m->memory, &m->learned, (capi_learned){weights[i]->node, gradients[i]->node});
    eddy_value norm = how.clip_norm > 0 ? eddy_clip_by_global_norm(gradients, count, how.clip_norm)
                                        : optimisers_norm(gradients, count, here);
    optimisers_step s = {.how = how, .here = here};
    s.rate = eddy_input(m, "learning_rate", eddy_value_dtype(norm), 0, EDDY_SCALAR);
    s.finite = eddy_lt(norm, nn_number(norm, INFINITY, here));
    eddy_scope_push(m, "optimiser");
    eddy_value steps = optimisers_count(m, "step", s.finite, here);
    optimisers_count(m, "skipped", eddy_not(s.finite), here);
    eddy_scope_pop(m);
    if (how.kind >= OPTIMISERS_ADAM) {
        steps = eddy_cast(steps, eddy_value_dtype(norm));
        s.first = optimisers_correction(steps, how.beta1, here);
        s.second = optimisers_correction(steps, how.beta2, here);
    }
    for (int i = 0; i < count; i++) {
        eddy_value direction = optimisers_direction(&s, weights[i], gradients[i]);
        eddy_value next = eddy_sub(weights[i], eddy_mul(s.rate, direction));
        optimisers_assign(&s, weights[i], next);
    }
    return norm;
}

/* The lists are as long as the model has parameters: they come from its arena. */
eddy_value(eddy_minimise)(eddy_value loss, eddy_optimiser how, eddy_site here) {
    CAPI_RETURN(eddy_value, NULL, eddy_value_model(loss), here,
                optimisers_minimise(m, loss, how, here));
}
