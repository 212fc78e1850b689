/* Gradients, and values with an adjoint of the user's own. */
#include <assert.h>

#include "frontends/capi.h"

typedef bool grad_function(graph *g, op_node *loss, op_node *const *wrt, size_t count,
                           op_node **out);

static void grad_take(eddy_model *m, grad_function *grad, op_node *loss, const eddy_value *wrt,
                      int count, eddy_value *out) {
    if (count < 1)
        return;
    op_node **xs = arena_array(&m->memory, op_node *, count);
    op_node **gxs = arena_array(&m->memory, op_node *, count);
    for (int i = 0; i < count; i++) {
        xs[i] = capi_node(m, wrt[i]);
        if (!xs[i])
            capi_fail(m, EDDY_BAD_ARGUMENT, "gradient: value %d to differentiate by is NULL", i);
    }
    if (m->problem.code != STATUS_OK || !grad(&m->graph, loss, xs, (size_t)count, gxs))
        return;
    for (int i = 0; i < count; i++)
        out[i] = capi_value(m, gxs[i]);
}

static void grad_of(grad_function *grad, eddy_value loss, const eddy_value *wrt, int count,
                    eddy_value *out, eddy_site here) {
    for (int i = 0; i < count; i++)
        out[i] = NULL;
    CAPI_DO(eddy_value_model(loss), here, grad_take(m, grad, loss->node, wrt, count, out));
}

void(eddy_grad)(eddy_value loss, const eddy_value *wrt, int count, eddy_value *out,
                eddy_site here) {
    grad_of(grad_later, loss, wrt, count, out, here);
}

void(eddy_grad_step)(eddy_value y, const eddy_value *wrt, int count, eddy_value *out,
                     eddy_site here) {
    grad_of(grad_step, y, wrt, count, out, here);
}

eddy_value(eddy_gradient)(eddy_value loss, eddy_value wrt, eddy_site here) {
    eddy_value out;
    grad_of(grad_later, loss, &wrt, 1, &out, here);
    return out;
}

/* ---- adjoints of the user's own */

typedef struct grad_custom {
    const char *name;
    op_node *y;
    const eddy_value *xs;
    int count;
    eddy_adjoint adjoint;
    void *user;
} grad_custom;

enum { GRAD_CUSTOM_LIMIT = LIMIT_ARGUMENTS / 2 - 1 };

static op_node *grad_make_custom(eddy_model *m, const grad_custom *c) {
    op_builder *b = &m->graph.builder;
    op_node *xs[GRAD_CUSTOM_LIMIT], *gxs[GRAD_CUSTOM_LIMIT];
    eddy_value given[GRAD_CUSTOM_LIMIT] = {NULL};
    if (c->count < 1 || c->count > GRAD_CUSTOM_LIMIT || !c->adjoint)
        return capi_fail(m, EDDY_BAD_ARGUMENT,
                         "custom: needs an adjoint function and 1 to %d values to differentiate by "
                         "(eddy_stop has none)",
                         (int)GRAD_CUSTOM_LIMIT);
    op_node *cotangent = make_cotangent(b, c->y);
    c->adjoint(c->user, capi_value(m, c->y), capi_value(m, cotangent), c->xs, c->count, given);
    for (int i = 0; i < c->count; i++) {
        xs[i] = capi_node(m, c->xs[i]);
        gxs[i] = given[i] ? capi_node(m, given[i]) : make_zero(b, xs[i]);
    }
    return make_custom(b, c->name, c->y, xs, gxs, c->count, cotangent);
}

eddy_value(eddy_custom)(const char *name, eddy_value y, const eddy_value *xs, int count,
                        eddy_adjoint adjoint, void *user, eddy_site here) {
    const grad_custom c = {name, y ? y->node : NULL, xs, count, adjoint, user};
    CAPI_BUILD(eddy_value_model(y), here, grad_make_custom(m, &c));
}
