/* May an object have a function for one step?
 *
 * It is a call with one step of the one axis that is carried, so the question is whether calls of
 * one step after another compute what a call of all steps does (semantics, rule 28): the program is
 * one sweep forwards, nothing looks ahead, and what looks back reads the past that the state keeps.
 *
 * Results that do not vary along the axis - a last value, a total - are those of one call, however
 * many steps it has, so they are no obstacle. Values that do, and that need the axis whole, are:
 * sweeps.c puts what is computed from computed values into a second sweep; what needs all steps of
 * an input would be ready at once there, so it is looked for here. */
#include "jit/aot_internal.h"

/* The axis of a set that has one, else -1. */
static int only_axis(uint32_t set) {
    int axis = 0;
    while (set >> 1 != 0 && !(set & 1)) {
        set >>= 1;
        axis++;
    }
    return set == 1 ? axis : -1;
}

/* By node number: is it made of a state's past? Positions, which count steps, are not. */
static bool *find_past(const aot *a) {
    const graph *g = a->plan->source;
    bool *past = arena_array(a->memory, bool, g->nodes.count);
    for (size_t i = 0; i < g->nodes.count; i++) {
        const op_node *n = g->nodes.at[i];
        past[n->id] = n->op == OP_PARAM && n->shape.rank > 0 &&
                      a->request->is_state(a->request->user, n->attributes.text);
        for (int k = n->op == OP_DELAY; k < op_live_count(n); k++)
            past[n->id] |= past[n->arguments[k]->id];
    }
    return past;
}

/* NULL: nothing in this value is against it. */
static const char *node_obstacle(const aot *a, const op_node *n, int axis, const bool *past) {
    const char *along = a->plan->source->axes[axis].name;
    if (n->op == OP_DELAY && n->attributes.axis == axis && n->attributes.distance < 0)
        return arena_print(a->memory, "%s looks ahead along %s", print_name(a->memory, n), along);
    if (n->op == OP_DELAY && n->attributes.axis == axis && !past[n->arguments[1]->id])
        return arena_print(a->memory, "what %s looks back at is not kept by the state",
                           print_name(a->memory, n));
    for (int i = 0; i < op_live_count(n); i++)
        if (op_collapses(n, i, axis) && (n->op == OP_STACK || n->domain >> axis & 1))
            return arena_print(a->memory, "%s needs all of %s at once", print_name(a->memory, n),
                               along);
    return NULL;
}

static const char *sweep_obstacle(aot *a, const graph *of, int axis) {
    error found = {.code = STATUS_OK};
    graph g = *of; /* the analyses add nothing to it; what they refuse is no mistake here */
    g.memory = g.builder.memory = a->memory;
    g.problem = g.builder.problem = &found;
    const char *along = g.axes[axis].name;
    node_list roots = {0};
    schedule_list items = {0};
    sweep_plan plan;
    graph_roots(&g, a->memory, &roots);
    if (!schedule_graph(&g, a->memory, roots.at, roots.count, axis, &items) ||
        !sweeps_place(&g, a->memory, &items, axis, &plan))
        return arena_copy_text(a->memory, found.message);
    bool backwards = false, again = false;
    for (size_t i = 0; i < plan.order.count; i++) {
        backwards |= plan.order.at[i].sign < 0;
        again |= plan.order.at[i].level > 0;
    }
    if (!backwards && !again)
        return NULL;
    return arena_print(a->memory,
                       backwards ? "some of it runs backwards along %s"
                                 : "some of it needs all of %s before it can begin",
                       along);
}

static const char *carried_obstacle(const aot *a) {
    uint32_t carried = a->request->carried;
    if (carried == 0)
        return "no time axis is carried; eddy_carry, right after the axis, makes states go on";
    if (only_axis(carried) < 0)
        return "more than one axis is carried";
    if (a->plan->source->axes[only_axis(carried)].extent >= 0)
        return "the axis that is carried has a fixed extent";
    return NULL;
}

static const char *nodes_obstacle(const aot *a, int axis) {
    const char *found = NULL;
    node_list roots = {0}, reached = {0};
    graph_roots(a->plan->source, a->memory, &roots);
    graph_postorder(a->memory, roots.at, roots.count, false, &reached);
    const bool *past = find_past(a);
    for (size_t i = 0; i < reached.count && !found; i++)
        found = node_obstacle(a, reached.at[i], axis, past);
    return found;
}

void aot_step(aot *a) {
    int axis = only_axis(a->request->carried);
    a->step_axis = -1;
    a->no_step = carried_obstacle(a);
    if (!a->no_step)
        a->no_step = sweep_obstacle(a, a->plan->source, axis);
    if (!a->no_step)
        a->no_step = nodes_obstacle(a, axis);
    if (!a->no_step)
        a->step_axis = axis;
}
