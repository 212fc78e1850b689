/* The schedule of a program that runs in blocks along one axis (semantics, section 5).
 *
 * sweeps.c says in which pass over the axis each value belongs. Here the items of one sweep are put
 * together: they run for one block of steps, one after the other, and then for the next block, in
 * the sweep's direction. What does not vary along the axis stands between the sweeps, once. With
 * blocks of all steps this is the plain schedule in another order, so there is only one.
 *
 * Traps. A value that is looked up at computed places (`at`) is there when its sweep is over, and
 * nothing is gained by looking in every block: it goes behind. So does a sum that is not taken in
 * the order of its sweep. A `put` along the axis writes anywhere on it, so it cannot be cut: it
 * stands before the sweeps that read it. */
#include "graph/graph.h"

/* Is a value that sums over the axis, or looks something up on it, computed only when the sweep is
 * over? */
static bool blocks_is_behind(const op_node *n, int axis, int sign) {
    const op_attributes *a = &n->attributes;
    if (n->domain >> axis & 1)
        return false;
    return n->op == OP_AT || a->outermost != axis || (a->reverse != 0) != (sign < 0);
}

static const op_node *blocks_first_member(const schedule_item *item) {
    while (!item->node)
        item = &item->items.at[0];
    return item->node;
}

static sweep_place blocks_place(const schedule_item *item, const sweep_plan *plan) {
    const op_node *n = blocks_first_member(item);
    sweep_place place = plan->of[n->id];
    if (!item->node || place.sign == 0)
        return place;
    if (blocks_is_behind(n, plan->axis, place.sign))
        return (sweep_place){place.level + 1, 0};
    bool anywhere = n->op == OP_PUT && n->attributes.axis == plan->axis;
    return (sweep_place){place.level, anywhere ? 0 : place.sign};
}

/* Sweeps of a level run in this order: what does not vary, forwards, backwards. */
static int blocks_order(sweep_place place) {
    return 3 * place.level + (place.sign < 0 ? 2 : place.sign);
}

static void blocks_members(arena *memory, const schedule_item *item, node_list *out) {
    if (item->node)
        vec_push(memory, out, item->node);
    for (size_t i = 0; i < item->items.count; i++)
        blocks_members(memory, &item->items.at[i], out);
}

/* The place of each item, by number. Items stand behind what they read, so one walk is enough: what
 * reads a value of a sweep that has not run by then moves to a later level. */
static sweep_place *blocks_places(const graph *g, arena *memory, const schedule_list *items,
                                  const sweep_plan *plan) {
    sweep_place *places = arena_array(memory, sweep_place, items->count + 1);
    int32_t *item_of = arena_array(memory, int32_t, g->nodes.count + 1);
    for (size_t i = 0; i < g->nodes.count; i++)
        item_of[i] = -1;
    for (size_t i = 0; i < items->count; i++) {
        node_list members = {0};
        blocks_members(memory, &items->at[i], &members);
        places[i] = blocks_place(&items->at[i], plan);
        for (size_t k = 0; k < members.count; k++)
            item_of[members.at[k]->id] = (int32_t)i;
        for (size_t k = 0; k < members.count; k++)
            for (int a = 0; a < op_live_count(members.at[k]); a++) {
                int32_t from = item_of[members.at[k]->arguments[a]->id];
                while (from >= 0 && blocks_order(places[from]) > blocks_order(places[i]))
                    places[i].level++;
            }
    }
    return places;
}

static void blocks_take(arena *memory, const schedule_list *items, const sweep_place *places,
                        sweep_place place, schedule_list *out) {
    for (size_t i = 0; i < items->count; i++)
        if (places[i].level == place.level && places[i].sign == place.sign)
            vec_push(memory, out, items->at[i]);
}

bool blocks_schedule(graph *g, arena *memory, op_node *const *roots, size_t count,
                     schedule_list *out) {
    schedule_list items = {0};
    sweep_plan plan = {.axis = sweeps_axis(g, memory)};
    if (!schedule_graph(g, memory, roots, count, plan.axis, &items))
        return false;
    if (plan.axis < 0 || !sweeps_place(g, memory, &items, plan.axis, &plan)) {
        *out = items;
        return g->problem->code == STATUS_OK;
    }
    const sweep_place *places = blocks_places(g, memory, &items, &plan);
    int highest = 0;
    for (size_t i = 0; i < items.count; i++)
        highest = places[i].level > highest ? places[i].level : highest;
    for (int level = 0; level <= highest; level++)
        for (int turn = 0; turn < 3; turn++) {
            sweep_place place = {level, turn == 2 ? -1 : turn};
            schedule_item sweep = {.axis = plan.axis, .sign = place.sign, .block = true};
            blocks_take(memory, &items, places, place, turn == 0 ? out : &sweep.items);
            if (sweep.items.count > 0)
                vec_push(memory, out, sweep);
        }
    return true;
}

void blocks_explain(graph *g, arena *memory, text *out) {
    int chosen = sweeps_axis(g, memory);
    node_list roots = {0};
    graph_roots(g, memory, &roots);
    for (int axis = 0; axis < (chosen < 0 ? g->axis_count : chosen); axis++) {
        schedule_list items = {0};
        sweep_plan plan;
        error why = {.code = STATUS_OK}, *kept = g->problem;
        if (g->axes[axis].batch)
            continue;
        g->problem = &why;
        if (schedule_graph(g, memory, roots.at, roots.count, axis, &items) &&
            !sweeps_place(g, memory, &items, axis, &plan))
            text_add(out, "%s\n", why.message);
        g->problem = kept;
    }
    if (chosen < 0)
        text_add(out, "all steps at once\n");
    else
        text_add(out, "in blocks along %s\n", g->axes[chosen].name);
}
