/* Time: states, delays, places on an axis, sums over axes, outputs and updates.
 *
 * A state is a delay whose argument comes later. Along a carried axis both kinds of delay read the
 * run's past instead of their init; that is put together in capi_carry.c, here it is asked for. */
#include <assert.h>
#include <string.h>

#include "frontends/capi.h"

/* ---- states */

typedef struct time_state {
    int axis, distance;
    uint32_t domain;
    dtype type;
    op_shape shape;
    op_node *init;
} time_state;

/* The value after the step is called `name`, the state that it leaves "name.before". */
static op_node *time_open(eddy_model *m, const char *name, time_state s) {
    const char *scoped = capi_scoped(m, "state", name);
    if (!scoped || !s.init)
        return NULL;
    op_node *history = NULL;
    op_node *init =
        capi_carried(m, scoped, s.axis, s.distance, s.domain, s.type, &s.shape, s.init, &history);
    op_node *delay =
        make_open_delay(&m->graph.builder, s.axis, s.distance, init, s.type, s.domain, &s.shape);
    graph_name(&m->graph, delay, arena_print(&m->memory, "%s.before", scoped));
    return capi_carry_note(m, delay, history);
}

static uint32_t time_batches(const eddy_model *m) {
    uint32_t set = 0;
    for (int a = 0; a < m->graph.axis_count; a++)
        set |= (uint32_t)m->graph.axes[a].batch << a;
    return set;
}

static op_node *time_state_zero(eddy_model *m, const char *name, eddy_axes set,
                                const int64_t *dimensions) {
    time_state s = {.axis = capi_axis_of(m, "state", set), .distance = 1, .type = m->type};
    if (s.axis < 0 || !capi_shape(m, "state", dimensions, &s.shape))
        return NULL;
    s.domain = set | time_batches(m);
    s.init = make_number(&m->graph.builder, s.type, 0);
    return time_open(m, name, s);
}

eddy_value(eddy_state)(eddy_model *of, const char *name, eddy_axes axis, const int64_t *dimensions,
                       eddy_site here) {
    CAPI_BUILD(of, here, time_state_zero(m, name, axis, dimensions));
}

static op_node *time_state_over(eddy_model *m, const char *name, eddy_axes set, int distance,
                                uint32_t over, op_node *init) {
    int axis = capi_axis_of(m, "state", set);
    if (axis < 0)
        return NULL;
    return time_open(m, name,
                     (time_state){.axis = axis,
                                  .distance = distance,
                                  .domain = set | over | init->domain,
                                  .type = (dtype)init->dtype,
                                  .shape = init->shape,
                                  .init = init});
}

eddy_value(eddy_state_from)(const char *name, eddy_axes axis, eddy_value init, eddy_site here) {
    CAPI_BUILD(eddy_value_model(init), here,
               time_state_over(m, name, axis, 1, time_batches(m), init->node));
}

eddy_value(eddy_state_over)(const char *name, eddy_axes axis, int distance, eddy_axes over,
                            eddy_value init, eddy_site here) {
    CAPI_BUILD(eddy_value_model(init), here,
               time_state_over(m, name, axis, distance, over, init->node));
}

static void time_next(eddy_model *m, op_node *state, op_node *next) {
    static const char suffix[] = ".before";
    if (!next || !graph_bind(&m->graph, state, next) || next->name || !state->name)
        return;
    size_t length = strlen(state->name) - (sizeof suffix - 1);
    graph_name(&m->graph, next, arena_print(&m->memory, "%.*s", (int)length, state->name));
}

void(eddy_next)(eddy_value state, eddy_value next, eddy_site here) {
    CAPI_DO(eddy_value_model(state), here, time_next(m, state->node, capi_node(m, next)));
}

/* ---- reading along an axis */

static op_node *time_delay(eddy_model *m, op_node *x, eddy_axes set, int distance, op_node *init) {
    int axis = capi_axis_of(m, "delay", set);
    if (axis < 0 || !init)
        return NULL;
    op_node *history = NULL;
    const char *name = NULL;
    if (m->axes[axis].carried && distance > 0)
        name =
            arena_print(&m->memory, "%s%s%d", m->scope, x->name ? x->name : "delay", ++m->unnamed);
    op_node *start = capi_carried(m, name, axis, distance, x->domain | init->domain | set,
                                  (dtype)x->dtype, &x->shape, init, &history);
    return capi_carry_note(m, make_delay(&m->graph.builder, x, axis, distance, start), history);
}

eddy_value(eddy_delay)(eddy_value x, eddy_axes axis, int distance, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here,
               time_delay(m, x->node, axis, distance, make_like(b, x->node, 0)));
}

eddy_value(eddy_delay_from)(eddy_value x, eddy_axes axis, int distance, eddy_value init,
                            eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here,
               time_delay(m, x->node, axis, distance, capi_node(m, init)));
}

static op_node *time_at(eddy_model *m, op_node *x, eddy_axes set, op_node *i, op_node *init) {
    int axis = capi_axis_of(m, "at", set);
    return axis < 0 || !i || !init ? NULL : make_at(&m->graph.builder, x, axis, i, init);
}

eddy_value(eddy_at)(eddy_value x, eddy_axes axis, eddy_value i, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here,
               time_at(m, x->node, axis, capi_node(m, i), make_like(b, x->node, 0)));
}

eddy_value(eddy_at_from)(eddy_value x, eddy_axes axis, eddy_value i, eddy_value init,
                         eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here,
               time_at(m, x->node, axis, capi_node(m, i), capi_node(m, init)));
}

static op_node *time_last(eddy_model *m, op_node *x, eddy_axes set, op_node *init) {
    int axis = capi_axis_of(m, "last", set);
    return axis < 0 || !init ? NULL : make_last(&m->graph.builder, x, axis, init);
}

eddy_value(eddy_last)(eddy_value x, eddy_axes axis, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, time_last(m, x->node, axis, make_like(b, x->node, 0)));
}

eddy_value(eddy_last_from)(eddy_value x, eddy_axes axis, eddy_value init, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, time_last(m, x->node, axis, capi_node(m, init)));
}

/* ---- whole axes */

eddy_value(eddy_expand)(eddy_value x, eddy_axes axes, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, make_expand(b, x->node, axes));
}

eddy_value(eddy_total)(eddy_value x, eddy_axes over, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, make_total(b, x->node, over, OP_KIND_SUM));
}

eddy_value(eddy_total_of)(eddy_value x, eddy_axes over, eddy_kind kind, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, make_total(b, x->node, over, (op_kind)kind));
}

static op_node *time_stack(eddy_model *m, op_node *x, eddy_axes set) {
    int axis = capi_axis_of(m, "stack", set);
    return axis < 0 ? NULL : make_stack(&m->graph.builder, x, axis);
}

eddy_value(eddy_stack)(eddy_value x, eddy_axes axis, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, time_stack(m, x->node, axis));
}

static op_node *time_spread(eddy_model *m, op_node *x, eddy_axes set) {
    int axis = capi_axis_of(m, "spread", set);
    return axis < 0 ? NULL : make_spread(&m->graph.builder, x, axis);
}

eddy_value(eddy_spread)(eddy_value x, eddy_axes axis, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, time_spread(m, x->node, axis));
}

/* ---- results */

static void time_output(eddy_model *m, const char *name, op_node *x) {
    if (x)
        graph_output_add(&m->graph, name, x);
    else
        capi_fail(m, EDDY_BAD_ARGUMENT, "output: the value of \"%s\" is NULL", name ? name : "");
}

void(eddy_output)(eddy_model *of, const char *name, eddy_value x, eddy_site here) {
    CAPI_DO(of, here, time_output(m, name, capi_node(m, x)));
}

static void time_update(eddy_model *m, op_node *variable, op_node *x) {
    for (size_t i = 0; i < m->variables.count; i++)
        if (m->variables.at[i].node == variable && m->variables.at[i].owned)
            capi_fail(m, EDDY_BAD_ARGUMENT, "update: %s belongs to a carried state",
                      variable->name);
    if (!x)
        capi_fail(m, EDDY_BAD_ARGUMENT, "update: the new value of %s is NULL",
                  variable->name ? variable->name : "the param");
    graph_update_add(&m->graph, variable, x);
}

void(eddy_update)(eddy_value param, eddy_value x, eddy_site here) {
    CAPI_DO(eddy_value_model(param), here, time_update(m, param->node, capi_node(m, x)));
}
