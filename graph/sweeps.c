/* In how many passes over one axis does a program run, and which way does each pass go? (semantics,
 * section 5)
 *
 * A program that runs in blocks of an axis makes sweeps: level 0 upwards or downwards, then level
 * 1, and so on. A value may read what its own sweep has just made or what a lower level has stored
 * whole; a delay reads its own sweep only if that runs the delay's way; what needs the whole axis
 * is there one level later. Loops along the axis and reductions over it have one place each, the
 * lowest that their arguments allow. All else (element-wise values, products off the cycle) floats:
 * it is computed in whatever sweep reads it, so it only passes its own constraints on to its
 * readers.
 *
 * A loop along the axis that resumes in each block what another loop has left there (forget.c)
 * floats, too, whichever way the sweep goes.
 *
 * Traps. A loop along another axis cannot be cut into blocks if a delay inside looks along this
 * one, or if something inside needs all of it. A value that does not touch the axis is static: it
 * has a level but no direction. A floating value that a delay or a whole-axis read wants to look at
 * must come to rest, and that is found out when other readers have been there: so all are placed
 * once to find what rests, and then again. */
#include "graph/graph.h"

/* An argument's sweep, and which way it is looked at: -1 ahead, 0 at this step, +1 back. */
typedef struct sweeps_near {
    sweep_place place;
    int look;
} sweeps_near;

typedef enum sweeps_kind {
    SWEEPS_LEAF,      /* given, in whatever sweep wants it */
    SWEEPS_STATIC,    /* does not vary along the axis and sums nothing over it */
    SWEEPS_REDUCTION, /* there once its sweep is over */
    SWEEPS_SEQUENCE   /* varies along the axis */
} sweeps_kind;

typedef struct sweeps_item {
    op_node **members; /* by the schedule */
    size_t count;
    int loop_axis; /* -1: a single value */
    int loop_sign;
    sweeps_kind kind;
    int rests;             /* the way that it prefers to rest; 0: it may float */
    int least;             /* the lowest level that its constraints allow */
    VEC(sweeps_near) near; /* what it reads in sweeps */
    sweep_place place;     /* sign 0: not placed */
} sweeps_item;

typedef struct sweeps_work {
    arena *memory;
    int axis;
    sweeps_item *items;
    size_t count;
    uint32_t *item; /* by node number, from 1 */
} sweeps_work;

static void sweeps_members(arena *memory, const schedule_item *item, node_list *out) {
    typedef struct level {
        const schedule_list *items;
        size_t next;
    } level;
    if (item->node) {
        vec_push(memory, out, item->node);
        return;
    }
    level stack[LIMIT_AXES + 1] = {{&item->items, 0}};
    int depth = 0;
    while (depth >= 0) {
        if (stack[depth].next == stack[depth].items->count) {
            depth--;
            continue;
        }
        const schedule_item *inner = &stack[depth].items->at[stack[depth].next++];
        if (inner->node)
            vec_push(memory, out, inner->node);
        else
            stack[++depth] = (level){&inner->items, 0};
    }
}

static sweeps_work sweeps_begin(const graph *g, arena *memory, const schedule_list *list,
                                int axis) {
    sweeps_work w = {.memory = memory, .axis = axis, .count = list->count};
    w.items = arena_array(memory, sweeps_item, w.count);
    w.item = arena_array(memory, uint32_t, g->nodes.count);
    for (size_t q = 0; q < w.count; q++) {
        node_list members = {0};
        sweeps_members(memory, &list->at[q], &members);
        w.items[q].members = members.at;
        w.items[q].count = members.count;
        w.items[q].loop_axis = list->at[q].node ? -1 : list->at[q].axis;
        w.items[q].loop_sign = list->at[q].node ? 0 : list->at[q].sign;
        for (size_t m = 0; m < members.count; m++)
            w.item[members.at[m]->id] = (uint32_t)q + 1;
    }
    return w;
}

/* ---- how values look at each other */

static bool sweeps_holds(const sweeps_work *w, const op_node *n) {
    return n->domain >> w->axis & 1;
}

static bool sweeps_is_along(const sweeps_work *w, const sweeps_item *item) {
    return item->loop_axis == w->axis;
}

/* Does a loop along the axis begin anew in each block? */
static bool sweeps_begins_anew(const sweeps_work *w, const sweeps_item *item) {
    for (size_t m = 0; m < item->count; m++) {
        const op_node *n = item->members[m];
        if (n->op == OP_DELAY && n->attributes.axis == w->axis && !n->attributes.resumes)
            return false;
    }
    return sweeps_is_along(w, item);
}

/* -1, 0, +1: argument i of n is read ahead, at this step, back along the axis. */
static int sweeps_look(const sweeps_work *w, const op_node *n, int i) {
    if (n->op != OP_DELAY || i != 0 || n->attributes.axis != w->axis || n->attributes.resumes)
        return 0;
    return n->attributes.distance > 0 ? 1 : -1;
}

/* Does n need the argument whole before it can begin (and not just add it up, step by step)? */
static bool sweeps_needs_whole(const sweeps_work *w, const sweeps_item *item, const op_node *n,
                               int i) {
    if (!op_collapses(n, i, w->axis))
        return false;
    return item->loop_axis >= 0 || n->op == OP_STACK || sweeps_holds(w, n);
}

static bool sweeps_touches(const sweeps_work *w, const sweeps_item *item) {
    for (size_t m = 0; m < item->count; m++) {
        const op_node *n = item->members[m];
        if (sweeps_holds(w, n))
            return true;
        for (int i = 0; i < op_live_count(n); i++)
            if (op_collapses(n, i, w->axis) && !sweeps_needs_whole(w, item, n, i))
                return true;
    }
    return false;
}

/* The value inside a loop along another axis that keeps that loop from being cut; NULL if there is
 * none. */
static const op_node *sweeps_obstacle(const sweeps_work *w, const sweeps_item *item) {
    uint32_t own = w->item[item->members[0]->id];
    if (item->loop_axis < 0 || sweeps_is_along(w, item))
        return NULL;
    for (size_t m = 0; m < item->count; m++) {
        const op_node *n = item->members[m];
        for (int i = 0; i < op_live_count(n); i++)
            if (w->item[n->arguments[i]->id] == own &&
                (sweeps_look(w, n, i) != 0 || op_collapses(n, i, w->axis)))
                return n;
    }
    return NULL;
}

/* ---- places */

static bool sweeps_allows(const sweeps_item *item, int level, int sign) {
    for (size_t i = 0; i < item->near.count; i++) {
        const sweeps_near *near = &item->near.at[i];
        bool below = near->place.level < level;
        bool beside = near->place.level == level && near->place.sign == sign &&
                      (near->look == 0 || near->look == sign);
        if (!below && !beside)
            return false;
    }
    return true;
}

/* The first sweep that satisfies all constraints; of two on one level the preferred direction.
 * only: no other direction. */
static void sweeps_rest(sweeps_item *item, int preferred, bool only) {
    int level = item->least;
    for (size_t i = 0; i < item->near.count; i++)
        if (item->near.at[i].place.level > level)
            level = item->near.at[i].place.level;
    for (;; level++)
        for (int turn = 0; turn < (only ? 1 : 2); turn++) {
            int sign = turn == 0 ? preferred : -preferred;
            if (!sweeps_allows(item, level, sign))
                continue;
            item->place = (sweep_place){level, sign};
            return;
        }
}

static void sweeps_add_near(sweeps_work *w, sweeps_item *item, sweep_place place, int look) {
    for (size_t i = 0; i < item->near.count; i++) {
        const sweeps_near *near = &item->near.at[i];
        if (near->place.level == place.level && near->place.sign == place.sign &&
            near->look == look)
            return;
    }
    vec_push(w->memory, &item->near, (sweeps_near){place, look});
}

static void sweeps_raise(sweeps_item *item, int level) {
    if (level > item->least)
        item->least = level;
}

/* What reading argument i of its member n asks of an item. */
static void sweeps_constrain(sweeps_work *w, sweeps_item *item, const op_node *n, int i) {
    sweeps_item *from = &w->items[w->item[n->arguments[i]->id] - 1];
    int look = sweeps_look(w, n, i);
    bool whole = sweeps_needs_whole(w, item, n, i);
    if (from == item || from->kind == SWEEPS_LEAF)
        return;
    if (from->kind == SWEEPS_STATIC) {
        sweeps_raise(item, from->least);
        return;
    }
    if (from->kind == SWEEPS_SEQUENCE && from->place.sign == 0 && (look != 0 || whole)) {
        from->rests = look != 0 ? look : 1;
        sweeps_rest(from, from->rests, false);
    }
    if (from->kind == SWEEPS_REDUCTION || whole) {
        sweeps_raise(item, from->place.level + 1);
    } else if (from->place.sign != 0) {
        sweeps_add_near(w, item, from->place, look);
    } else {
        sweeps_raise(item, from->least);
        for (size_t k = 0; k < from->near.count; k++)
            sweeps_add_near(w, item, from->near.at[k].place, from->near.at[k].look);
    }
}

static void sweeps_item_place(sweeps_work *w, sweeps_item *item) {
    item->least = 0;
    item->near.count = 0;
    item->place = (sweep_place){0, 0};
    if (item->loop_axis < 0 && item->members[0]->count == 0) {
        item->kind = SWEEPS_LEAF;
        return;
    }
    for (size_t m = 0; m < item->count; m++)
        for (int i = 0; i < op_live_count(item->members[m]); i++)
            sweeps_constrain(w, item, item->members[m], i);
    if (!sweeps_touches(w, item)) {
        item->kind = SWEEPS_STATIC;
        return;
    }
    item->kind = sweeps_holds(w, item->members[0]) ? SWEEPS_SEQUENCE : SWEEPS_REDUCTION;
    if (sweeps_is_along(w, item) && !sweeps_begins_anew(w, item))
        sweeps_rest(item, item->loop_sign, true);
    else if (item->kind == SWEEPS_REDUCTION)
        sweeps_rest(item, 1, false);
    else if (item->rests != 0)
        sweeps_rest(item, item->rests, false);
}

static bool sweeps_is_before(sweep_place a, sweep_place b) {
    return a.level != b.level ? a.level < b.level : a.sign > b.sign;
}

/* Floats get the first sweep that reads them; what nobody in a sweep reads comes to rest. */
static void sweeps_float(sweeps_work *w) {
    sweep_place *first = arena_array(w->memory, sweep_place, w->count);
    for (size_t q = w->count; q-- > 0;) {
        sweeps_item *item = &w->items[q];
        if (item->kind == SWEEPS_SEQUENCE && item->place.sign == 0) {
            if (first[q].sign == 0)
                sweeps_rest(item, 1, false);
            else
                item->place = first[q];
        }
        if (item->place.sign == 0)
            continue;
        for (size_t m = 0; m < item->count; m++) {
            const op_node *n = item->members[m];
            for (int i = 0; i < op_live_count(n); i++) {
                size_t from = w->item[n->arguments[i]->id] - 1;
                if (first[from].sign == 0 || sweeps_is_before(item->place, first[from]))
                    first[from] = item->place;
            }
        }
    }
}

static void sweeps_list(const sweeps_work *w, sweep_plan *out) {
    for (size_t q = 0; q < w->count; q++) {
        sweep_place place = w->items[q].place;
        size_t at = 0;
        while (at < out->order.count && sweeps_is_before(out->order.at[at], place))
            at++;
        bool known = at < out->order.count && !sweeps_is_before(place, out->order.at[at]);
        if (place.sign == 0 || known)
            continue;
        vec_push(w->memory, &out->order, place);
        for (size_t i = out->order.count - 1; i > at; i--)
            out->order.at[i] = out->order.at[i - 1];
        out->order.at[at] = place;
    }
}

bool sweeps_place(graph *g, arena *memory, const schedule_list *items, int axis, sweep_plan *out) {
    sweeps_work w = sweeps_begin(g, memory, items, axis);
    *out = (sweep_plan){.axis = axis, .of = arena_array(memory, sweep_place, g->nodes.count)};
    for (size_t q = 0; q < w.count; q++) {
        const op_node *obstacle = sweeps_obstacle(&w, &w.items[q]);
        if (obstacle) {
            error_set(g->problem, STATUS_ILLEGAL, obstacle->where,
                      "no blocks along %s: the loop along %s that computes %s would have to run "
                      "inside the one along %s, but needs more than one step of it; cut the "
                      "program along %s instead",
                      g->axes[axis].name, g->axes[w.items[q].loop_axis].name,
                      print_name(memory, obstacle), g->axes[axis].name,
                      g->axes[w.items[q].loop_axis].name);
            return false;
        }
        sweeps_item_place(&w, &w.items[q]);
    }
    for (size_t q = 0; q < w.count; q++) /* now that it is known what rests */
        sweeps_item_place(&w, &w.items[q]);
    sweeps_float(&w);
    sweeps_list(&w, out);
    for (size_t q = 0; q < w.count; q++)
        for (size_t m = 0; m < w.items[q].count; m++)
            out->of[w.items[q].members[m]->id] =
                w.items[q].place.sign != 0 || w.items[q].kind == SWEEPS_LEAF
                    ? w.items[q].place
                    : (sweep_place){w.items[q].least, 0};
    return true;
}

int sweeps_axis(graph *g, arena *memory) {
    node_list roots = {0}, reached = {0};
    graph_roots(g, memory, &roots);
    graph_postorder(memory, roots.at, roots.count, false, &reached);
    uint32_t held = 0;
    for (size_t i = 0; i < reached.count; i++)
        held |= reached.at[i]->domain;
    for (int axis = 0; axis < g->axis_count; axis++) {
        if (g->axes[axis].batch || !(held >> axis & 1))
            continue;
        schedule_list items = {0};
        if (!schedule_graph(g, memory, roots.at, roots.count, axis, &items))
            return -1;
        sweeps_work w = sweeps_begin(g, memory, &items, axis);
        bool cuts = true;
        for (size_t q = 0; q < w.count && cuts; q++)
            cuts = !sweeps_obstacle(&w, &w.items[q]);
        if (cuts)
            return axis;
    }
    return -1;
}
