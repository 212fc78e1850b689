/* The message behind a refused program.
 *
 * "Cyclic dependency" helps nobody. What helps is: these values depend on each other in a ring (by
 * name, op and line), along this axis the loop fails because of that, and here is what to change.
 * So for each axis that a delay in the component names, two questions. Does an edge read the whole
 * axis? Then the ring through that edge is shown. Do delays look both ways? Then it matters how far
 * a whole round goes: if every ring goes back by a step or more (or every ring ahead) the program
 * could be computed after shifting some values in time, and the shifts are exactly the shortest
 * distances that Bellman and Ford find; if not, a ring that goes nowhere, or two that go opposite
 * ways, prove that no order of steps exists.
 *
 * Traps. A ring of net distance 0 must count as a failure too, so each delay weighs its distance
 * times a factor, less one: then a round is negative if and only if its distance is not positive.
 * All edges but those of delays lead from smaller to larger node numbers; hence one round over the
 * edges in order of their readers settles everything between two delays, and a ring shows among the
 * predecessors after about as many rounds as it has delays. */
#include "graph/cycle.h"

#include <stdlib.h>

op_node *cycle_edge(const op_node *n, int i, uint32_t carried) {
    if (n->op == OP_DELAY && i == 0 && (carried >> n->attributes.axis & 1))
        return NULL;
    return n->arguments[i];
}

typedef struct cycle_link {
    uint32_t from, to; /* positions of members; `to` reads `from` */
    int argument;      /* which argument of `to` */
} cycle_link;

typedef struct cycle_work {
    graph *g;
    arena *memory;
    op_node *const *members;
    size_t count;
    VEC(cycle_link) links; /* by reader */
    int64_t delays;        /* links that are delays */
    text say;
} cycle_work;

/* A ring: positions of members, each read by the next, the last read by the first. */
typedef VEC(uint32_t) cycle_ring;

/* ---- the component as a graph of its own */

static void cycle_links(cycle_work *w, uint32_t carried) {
    uint32_t *position = arena_array(w->memory, uint32_t, w->g->nodes.count); /* from 1 */
    for (size_t m = 0; m < w->count; m++)
        position[w->members[m]->id] = (uint32_t)m + 1;
    for (size_t m = 0; m < w->count; m++) {
        const op_node *n = w->members[m];
        for (int i = 0; i < op_live_count(n); i++) {
            const op_node *argument = cycle_edge(n, i, carried);
            if (!argument || position[argument->id] == 0)
                continue;
            vec_push(w->memory, &w->links,
                     (cycle_link){position[argument->id] - 1, (uint32_t)m, i});
            w->delays += n->op == OP_DELAY && i == 0;
        }
    }
}

static bool cycle_is_delay(const cycle_work *w, const cycle_link *l) {
    return w->members[l->to]->op == OP_DELAY && l->argument == 0;
}

/* How many steps of the axis lie between a link's ends. */
static int64_t cycle_distance(const cycle_work *w, const cycle_link *l, int axis) {
    const op_attributes *a = &w->members[l->to]->attributes;
    return cycle_is_delay(w, l) && a->axis == axis ? a->distance : 0;
}

/* ---- rings */

/* The shortest ring through a link: the way from its reader on to its argument. */
static void cycle_through(const cycle_work *w, const cycle_link *through, cycle_ring *ring) {
    /* Links are sorted by reader, so the search goes from the argument back along its arguments. */
    size_t *first = arena_array(w->memory, size_t, w->count + 1);
    for (size_t l = 0; l < w->links.count; l++)
        first[w->links.at[l].to + 1]++;
    for (size_t m = 0; m < w->count; m++)
        first[m + 1] += first[m];
    uint32_t *reader = arena_array(w->memory, uint32_t, w->count); /* from 1: who leads on */
    VEC(uint32_t) found = {0};
    vec_push(w->memory, &found, through->from);
    for (size_t f = 0; f < found.count && (through->to != through->from) && !reader[through->to];
         f++) {
        uint32_t m = found.at[f];
        for (size_t l = first[m]; l < first[m + 1]; l++) {
            uint32_t from = w->links.at[l].from;
            if (reader[from] || from == through->from)
                continue;
            reader[from] = m + 1;
            vec_push(w->memory, &found, from);
        }
    }
    for (uint32_t m = through->to; m != through->from; m = reader[m] - 1)
        vec_push(w->memory, ring, m);
    vec_push(w->memory, ring, through->from);
}

/* The ring among the predecessors, if there is one. by: link that leads to each member, from 1; 0:
 * none. */
static bool cycle_among(const cycle_work *w, const uint32_t *by, cycle_ring *ring) {
    uint32_t *seen = arena_array(w->memory, uint32_t, w->count); /* on which walk, from 1 */
    for (uint32_t start = 0; start < w->count; start++) {
        uint32_t m = start;
        while (seen[m] == 0 && by[m] != 0) {
            seen[m] = start + 1;
            m = w->links.at[by[m] - 1].from;
        }
        if (seen[m] != start + 1) {
            seen[m] = seen[m] ? seen[m] : start + 1;
            continue;
        }
        uint32_t at = m;
        do {
            vec_push(w->memory, ring, at);
            at = w->links.at[by[at] - 1].from;
        } while (at != m);
        /* Predecessors lead backwards. */
        for (size_t i = 0, j = ring->count - 1; i < j; i++, j--) {
            uint32_t swap = ring->at[i];
            ring->at[i] = ring->at[j];
            ring->at[j] = swap;
        }
        return true;
    }
    return false;
}

/* Bellman-Ford. sign +1: a ring whose net distance along the axis is <= 0; sign -1: one with >= 0.
 * If there is none, false, and shift[m] says by how many steps each member has to be computed later
 * (sign +1) or earlier (-1). */
static bool cycle_against(const cycle_work *w, int axis, int sign, cycle_ring *ring,
                          int64_t *shift) {
    int64_t factor = w->delays + 1;
    int64_t *reach = arena_array(w->memory, int64_t, w->count);
    uint32_t *by = arena_array(w->memory, uint32_t, w->count);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t l = 0; l < w->links.count; l++) {
            const cycle_link *link = &w->links.at[l];
            int64_t weight = sign * cycle_distance(w, link, axis) * factor;
            int64_t to = reach[link->from] + weight - cycle_is_delay(w, link);
            if (to >= reach[link->to])
                continue;
            reach[link->to] = to;
            by[link->to] = (uint32_t)l + 1;
            changed = true;
        }
        arena_mark mark = arena_here(w->memory);
        cycle_ring found = {0};
        if (changed && cycle_among(w, by, &found)) {
            *ring = found;
            return true;
        }
        arena_rewind(w->memory, mark);
    }
    for (size_t m = 0; m < w->count; m++)
        shift[m] = -reach[m] / factor;
    return false;
}

static int64_t cycle_net(const cycle_work *w, const cycle_ring *ring, int axis) {
    int64_t net = 0;
    for (size_t i = 0; i < ring->count; i++) {
        uint32_t from = ring->at[i], to = ring->at[(i + 1) % ring->count];
        /* A delay may read one value twice; as its argument 0 it is the delayed one. */
        const op_node *n = w->members[to];
        if (n->op == OP_DELAY && n->attributes.axis == axis && n->arguments[0] == w->members[from])
            net += n->attributes.distance;
    }
    return net;
}

/* ---- words */

static const char *cycle_axis(const cycle_work *w, int axis) {
    return w->g->axes[axis].name;
}

/* How a reader that needs a whole axis is written: "last(%3 u, t)". */
static const char *cycle_reader(const cycle_work *w, const op_node *n, int argument, int axis) {
    const char *value = print_name(w->memory, n->arguments[argument]), *name = cycle_axis(w, axis);
    if (n->op == OP_AT) {
        const op_node *i = n->arguments[1];
        bool last = i->op == OP_SUB && (i->arguments[0]->op == OP_EXTENT ||
                                        i->arguments[0] == w->g->axes[axis].lengths);
        return arena_print(w->memory, last ? "last(%s, %s)" : "at(%s, %s, ...)", value, name);
    }
    return arena_print(w->memory, "%s(%s) over %s", op_get((op_id)n->op)->name, value, name);
}

static void cycle_say_value(cycle_work *w, uint32_t member) {
    const op_node *n = w->members[member];
    text_add(&w->say, "%s (", print_name(w->memory, n));
    if (n->op == OP_DELAY)
        text_add(&w->say, "delay by %d along %s", (int)n->attributes.distance,
                 cycle_axis(w, n->attributes.axis));
    else
        text_add(&w->say, "%s", op_get((op_id)n->op)->name);
    if (n->where.file)
        text_add(&w->say, ", %s:%d", n->where.file, n->where.line);
    text_add(&w->say, ")");
}

static void cycle_say_ring(cycle_work *w, const cycle_ring *ring) {
    enum { SHOWN = 6 }; /* at either end of a long ring */
    size_t first = 0;
    for (size_t i = 1; i < ring->count; i++)
        if (ring->at[i] < ring->at[first])
            first = i;
    for (size_t i = 0; i < ring->count; i++) {
        if (ring->count > 2 * SHOWN + 1 && i == SHOWN) {
            text_add(&w->say, "(%zu more) -> ", ring->count - 2 * SHOWN);
            i = ring->count - SHOWN;
        }
        cycle_say_value(w, ring->at[(first + i) % ring->count]);
        text_add(&w->say, " -> ");
    }
    text_add(&w->say, "%s", print_name(w->memory, w->members[ring->at[first]]));
}

static const char *cycle_steps(const cycle_work *w, int64_t steps) {
    long long count = llabs(steps);
    return arena_print(w->memory, "%lld step%s", count, count == 1 ? "" : "s");
}

static void cycle_say_shift(cycle_work *w, int axis, int sign, const int64_t *shift) {
    enum { SHOWN = 4 };
    const cycle_link *odd = w->links.at; /* a delay that looks against the others */
    while (sign * cycle_distance(w, odd, axis) >= 0)
        odd++;
    cycle_ring ring = {0};
    cycle_through(w, odd, &ring);
    text_add(&w->say, "the delays of the cycle ");
    cycle_say_ring(w, &ring);
    text_add(&w->say, " look both ways, though every round goes %s. Shift ",
             sign > 0 ? "back" : "ahead");
    int shown = 0, more = 0;
    for (size_t m = 0; m < w->count; m++) {
        if (shift[m] == 0)
            continue;
        if (shown < SHOWN)
            text_add(&w->say, "%s%s by %s", shown++ ? ", " : "",
                     print_name(w->memory, w->members[m]), cycle_steps(w, shift[m]));
        else
            more++;
    }
    if (more > 0)
        text_add(&w->say, " and %d more", more);
    text_add(&w->say, " (compute %s %s)", shown > 1 ? "them" : "it",
             sign > 0 ? "later" : "earlier");
    for (size_t l = 0; l < w->links.count; l++) {
        const cycle_link *link = &w->links.at[l];
        int64_t distance = cycle_distance(w, link, axis);
        int64_t shifted = distance - sign * (shift[link->from] - shift[link->to]);
        if (shifted == distance)
            continue;
        text_add(&w->say, "; %s then reads %s at distance %lld instead of %lld",
                 print_name(w->memory, w->members[link->to]),
                 print_name(w->memory, w->members[link->from]), (long long)shifted,
                 (long long)distance);
    }
}

/* ---- why an axis fails */

/* The first link along which the axis is read as a whole. */
static const cycle_link *cycle_whole(const cycle_work *w, int axis) {
    for (size_t l = 0; l < w->links.count; l++) {
        const cycle_link *link = &w->links.at[l];
        if ((w->members[link->from]->domain >> axis & 1) &&
            op_collapses(w->members[link->to], link->argument, axis))
            return link;
    }
    return NULL;
}

static void cycle_say_axis(cycle_work *w, int axis) {
    const char *name = cycle_axis(w, axis);
    cycle_ring ahead = {0}, back = {0};
    text_add(&w->say, "\n  along %s: ", name);
    const cycle_link *whole = cycle_whole(w, axis);
    if (whole) {
        const op_node *reader = w->members[whole->to];
        cycle_through(w, whole, &back);
        text_add(&w->say, "%s needs all of %s, but the cycle ",
                 cycle_reader(w, reader, whole->argument, axis), name);
        cycle_say_ring(w, &back);
        text_add(&w->say,
                 " makes it step by step. Read a running value through a delay instead, or "
                 "take %s out of the cycle",
                 print_name(w->memory, reader));
        return;
    }
    int64_t *shift = arena_array(w->memory, int64_t, w->count);
    for (int sign = 1; sign >= -1; sign -= 2) {
        cycle_ring *ring = sign > 0 ? &ahead : &back;
        if (cycle_against(w, axis, sign, ring, shift))
            continue;
        cycle_say_shift(w, axis, sign, shift);
        return;
    }
    int64_t net_ahead = cycle_net(w, &ahead, axis), net_back = cycle_net(w, &back, axis);
    text_add(&w->say, "not computable, for the cycle ");
    if (net_ahead == 0 || net_back == 0) {
        cycle_say_ring(w, net_ahead == 0 ? &ahead : &back);
        text_add(&w->say,
                 " ends at the step where it began (its delays cancel): a value would need itself");
        return;
    }
    cycle_say_ring(w, &back);
    text_add(&w->say, " goes %s back, and ", cycle_steps(w, net_back));
    cycle_say_ring(w, &ahead);
    text_add(&w->say, " goes %s ahead: a value would need its own past and its own future",
             cycle_steps(w, net_ahead));
}

void cycle_explain(graph *g, arena *memory, op_node *const *members, size_t count,
                   uint32_t carried) {
    cycle_work w = {.g = g, .memory = memory, .members = members, .count = count};
    text_init(&w.say, memory);
    cycle_links(&w, carried);
    text_add(&w.say, "no loop can compute the cycle through %s", print_name(memory, members[0]));
    uint32_t axes = 0;
    for (size_t l = 0; l < w.links.count; l++)
        if (cycle_is_delay(&w, &w.links.at[l]))
            axes |= (uint32_t)1 << members[w.links.at[l].to]->attributes.axis;
    int order[LIMIT_AXES], axis_count = graph_axis_order(g, axes, order);
    for (int a = 0; a < axis_count; a++)
        cycle_say_axis(&w, order[a]);
    if (axis_count > 1)
        text_add(
            &w.say,
            "\n  a loop runs along one axis at a time, never along a slanted line through several");
    site where = members[0]->where;
    for (size_t m = 0; m < count && !where.file; m++)
        where = members[m]->where;
    error_set(g->problem, STATUS_ILLEGAL, where, "%s", w.say.at);
}
