/* In which order can a program be computed? (semantics, section 4)
 *
 * Values that depend on each other form strongly connected components. A component of one value is
 * computed for all steps at once. A larger one needs a loop: over an axis that no edge inside reads
 * as a whole and along which all its delays look the same way. Inside that loop the delays along
 * the axis read what earlier steps have left, so their edges go away, and what remains is scheduled
 * by the same rule. Taking away edges only ever helps, so the first legal axis will do and nothing
 * is searched; a component without a legal axis makes the program illegal, and cycle.c says why.
 *
 * Traps. Tarjan's algorithm gives components in an order of dependence, but which of the possible
 * orders depends on where the walk began; so components are ordered again, the one with the
 * smallest node number first among those that are ready. The walk keeps its own stack; only the
 * nesting of loops is recursive, and it is at most LIMIT_AXES deep. */
#include <assert.h>

#include "graph/cycle.h"
#include "graph/graph.h"

typedef struct schedule_work {
    graph *g;
    arena *memory;
    int axes[LIMIT_AXES], axis_count; /* in the order in which loops are tried */
    /* By node number. */
    uint32_t *set;       /* the set that the node was last put in */
    uint32_t *visit;     /* when Tarjan's walk met it, from 1; 0: not yet */
    uint32_t *low;       /* the earliest visit that it reaches */
    uint32_t *component; /* which component of the set it is in; UINT32_MAX: still open */
    uint32_t sets;
} schedule_work;

/* The components of a set: component c is members[first[c] .. first[c + 1]), by node number;
 * components are numbered by their smallest node. */
typedef struct schedule_parts {
    size_t count;
    op_node **members;
    size_t *first;
} schedule_parts;

/* ---- components */

typedef struct schedule_frame {
    op_node *node;
    int next;
} schedule_frame;

typedef struct schedule_walk {
    VEC(schedule_frame) path;
    VEC(op_node *) open;
    uint32_t visits, closed;
} schedule_walk;

static void schedule_enter(schedule_work *w, schedule_walk *walk, op_node *n) {
    w->visit[n->id] = w->low[n->id] = ++walk->visits;
    w->component[n->id] = UINT32_MAX;
    vec_push(w->memory, &walk->open, n);
    vec_push(w->memory, &walk->path, (schedule_frame){n, 0});
}

static void schedule_leave(schedule_work *w, schedule_walk *walk, const op_node *n) {
    walk->path.count--;
    if (walk->path.count > 0) {
        const op_node *reader = vec_last(&walk->path).node;
        if (w->low[n->id] < w->low[reader->id])
            w->low[reader->id] = w->low[n->id];
    }
    if (w->low[n->id] != w->visit[n->id])
        return;
    const op_node *member;
    do {
        member = vec_pop(&walk->open);
        w->component[member->id] = walk->closed;
    } while (member != n);
    walk->closed++;
}

static void schedule_walk_from(schedule_work *w, schedule_walk *walk, op_node *start,
                               uint32_t carried) {
    uint32_t set = w->set[start->id];
    schedule_enter(w, walk, start);
    while (walk->path.count > 0) {
        schedule_frame *top = &vec_last(&walk->path);
        op_node *n = top->node;
        if (top->next == op_live_count(n)) {
            schedule_leave(w, walk, n);
            continue;
        }
        op_node *argument = cycle_edge(n, top->next++, carried);
        if (!argument || w->set[argument->id] != set)
            continue;
        if (w->visit[argument->id] == 0)
            schedule_enter(w, walk, argument);
        else if (w->component[argument->id] == UINT32_MAX && w->visit[argument->id] < w->low[n->id])
            w->low[n->id] = w->visit[argument->id];
    }
}

/* nodes by number. */
static schedule_parts schedule_components(schedule_work *w, op_node *const *nodes, size_t count,
                                          uint32_t carried) {
    schedule_walk walk = {0};
    w->sets++;
    for (size_t i = 0; i < count; i++) {
        w->set[nodes[i]->id] = w->sets;
        w->visit[nodes[i]->id] = 0;
    }
    for (size_t i = 0; i < count; i++)
        if (w->visit[nodes[i]->id] == 0)
            schedule_walk_from(w, &walk, nodes[i], carried);

    schedule_parts parts = {.count = walk.closed};
    parts.members = arena_array(w->memory, op_node *, count);
    parts.first = arena_array(w->memory, size_t, parts.count + 1);
    uint32_t *number = arena_array(w->memory, uint32_t, parts.count); /* from 1; 0: not met */
    size_t *next = arena_array(w->memory, size_t, parts.count);
    uint32_t met = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t *component = &w->component[nodes[i]->id];
        if (number[*component] == 0)
            number[*component] = ++met;
        *component = number[*component] - 1;
        parts.first[*component + 1]++;
    }
    for (size_t c = 0; c < parts.count; c++) {
        parts.first[c + 1] += parts.first[c];
        next[c] = parts.first[c];
    }
    for (size_t i = 0; i < count; i++)
        parts.members[next[w->component[nodes[i]->id]]++] = nodes[i];
    return parts;
}

/* ---- order */

/* A heap of component numbers, the smallest on top. */
typedef struct schedule_heap {
    uint32_t *at;
    size_t count;
} schedule_heap;

static void schedule_heap_put(schedule_heap *h, uint32_t c) {
    size_t i = h->count++;
    for (; i > 0 && h->at[(i - 1) / 2] > c; i = (i - 1) / 2)
        h->at[i] = h->at[(i - 1) / 2];
    h->at[i] = c;
}

static uint32_t schedule_heap_take(schedule_heap *h) {
    uint32_t top = h->at[0], c = h->at[--h->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && h->at[child + 1] < h->at[child])
            child++;
        if (h->at[child] >= c)
            break;
        h->at[i] = h->at[child];
        i = child;
    }
    h->at[i] = c;
    return top;
}

/* The components in order of dependence, the smallest number first among those that are ready. */
static const uint32_t *schedule_order(schedule_work *w, const schedule_parts *parts,
                                      uint32_t carried) {
    size_t *first = arena_array(w->memory, size_t, parts->count + 1); /* of the list of readers */
    uint32_t *waits = arena_array(w->memory, uint32_t, parts->count);
    uint32_t *readers = NULL;
    for (int fill = 0; fill < 2; fill++) {
        for (size_t c = 0; c < parts->count; c++)
            for (size_t m = parts->first[c]; m < parts->first[c + 1]; m++)
                for (int i = 0; i < op_live_count(parts->members[m]); i++) {
                    const op_node *argument = cycle_edge(parts->members[m], i, carried);
                    if (!argument || w->set[argument->id] != w->sets)
                        continue;
                    uint32_t from = w->component[argument->id];
                    if (from == c)
                        continue;
                    if (!fill) {
                        first[from + 1]++;
                        waits[c]++;
                    } else {
                        readers[first[from]++] = (uint32_t)c;
                    }
                }
        if (fill)
            break;
        for (size_t c = 0; c < parts->count; c++)
            first[c + 1] += first[c];
        readers = arena_array(w->memory, uint32_t, first[parts->count]);
    }
    /* Filling has moved first[c] to the end of its list, where the next list begins. */
    schedule_heap ready = {.at = arena_array(w->memory, uint32_t, parts->count)};
    uint32_t *order = arena_array(w->memory, uint32_t, parts->count);
    size_t placed = 0;
    for (size_t c = 0; c < parts->count; c++)
        if (waits[c] == 0)
            schedule_heap_put(&ready, (uint32_t)c);
    while (ready.count > 0) {
        uint32_t c = schedule_heap_take(&ready);
        order[placed++] = c;
        for (size_t r = c > 0 ? first[c - 1] : 0; r < first[c]; r++)
            if (--waits[readers[r]] == 0)
                schedule_heap_put(&ready, readers[r]);
    }
    assert(placed == parts->count);
    return order;
}

/* ---- loops */

/* The first legal axis of a component and its direction (rule 22); -1 if there is none. */
static int schedule_axis(const schedule_work *w, op_node *const *members, size_t count,
                         uint32_t carried, int *sign) {
    uint32_t up = 0, down = 0, whole = 0, held = ~(uint32_t)0;
    uint32_t component = w->component[members[0]->id];
    for (size_t m = 0; m < count; m++) {
        const op_node *n = members[m];
        held &= n->domain;
        for (int i = 0; i < op_live_count(n); i++) {
            const op_node *argument = cycle_edge(n, i, carried);
            if (!argument || w->set[argument->id] != w->sets ||
                w->component[argument->id] != component)
                continue;
            if (n->op == OP_DELAY && i == 0)
                *(n->attributes.distance > 0 ? &up : &down) |= (uint32_t)1 << n->attributes.axis;
            for (int a = 0; a < w->axis_count; a++)
                if ((argument->domain >> w->axes[a] & 1) && op_collapses(n, i, w->axes[a]))
                    whole |= (uint32_t)1 << w->axes[a];
        }
    }
    uint32_t legal = (up ^ down) & ~whole & ~carried;
    /* A delay gains its axis and only an edge that collapses an axis loses it again. */
    assert((legal & ~held) == 0);
    for (int a = 0; a < w->axis_count; a++)
        if (legal >> w->axes[a] & 1) {
            *sign = up >> w->axes[a] & 1 ? 1 : -1;
            return w->axes[a];
        }
    return -1;
}

static bool schedule_is_cyclic(op_node *const *members, size_t count, uint32_t carried) {
    if (count > 1)
        return true;
    for (int i = 0; i < op_live_count(members[0]); i++)
        if (cycle_edge(members[0], i, carried) == members[0])
            return true;
    return false;
}

static bool schedule_set(schedule_work *w, op_node *const *nodes, size_t count, uint32_t carried,
                         schedule_list *out) {
    schedule_parts parts = schedule_components(w, nodes, count, carried);
    const uint32_t *order = schedule_order(w, &parts, carried);
    size_t begin = out->count;
    /* All axes are chosen before any loop's body is scheduled: that reuses the tables. */
    for (size_t i = 0; i < parts.count; i++) {
        op_node **members = parts.members + parts.first[order[i]];
        size_t size = parts.first[order[i] + 1] - parts.first[order[i]];
        schedule_item item = {.node = members[0], .axis = -1};
        if (schedule_is_cyclic(members, size, carried)) {
            item.node = NULL;
            item.axis = schedule_axis(w, members, size, carried, &item.sign);
            if (item.axis < 0) {
                cycle_explain(w->g, w->memory, members, size, carried);
                return false;
            }
        }
        vec_push(w->memory, out, item);
    }
    for (size_t i = 0; i < parts.count; i++) {
        schedule_item *item = &out->at[begin + i];
        if (item->node)
            continue;
        size_t from = parts.first[order[i]], to = parts.first[order[i] + 1];
        if (!schedule_set(w, parts.members + from, to - from, carried | (uint32_t)1 << item->axis,
                          &item->items))
            return false;
    }
    return true;
}

bool schedule_graph(graph *g, arena *memory, op_node *const *roots, size_t count, int first,
                    schedule_list *out) {
    schedule_work w = {.g = g, .memory = memory};
    if (first >= 0)
        w.axes[w.axis_count++] = first;
    int axes[LIMIT_AXES], axis_count = graph_axis_order(g, ~(uint32_t)0, axes);
    for (int a = 0; a < axis_count; a++)
        if (axes[a] != first)
            w.axes[w.axis_count++] = axes[a];
    w.set = arena_array(memory, uint32_t, g->nodes.count);
    w.visit = arena_array(memory, uint32_t, g->nodes.count);
    w.low = arena_array(memory, uint32_t, g->nodes.count);
    w.component = arena_array(memory, uint32_t, g->nodes.count);

    node_list reached = {0};
    graph_postorder(memory, roots, count, false, &reached);
    for (size_t i = 0; i < reached.count; i++)
        w.set[reached.at[i]->id] = 1;
    reached.count = 0;
    for (size_t i = 0; i < g->nodes.count; i++)
        if (w.set[i])
            reached.at[reached.count++] = g->nodes.at[i];
    w.sets = 1;
    return schedule_set(&w, reached.at, reached.count, 0, out);
}

void schedule_print(const graph *g, const schedule_list *items, text *out) {
    typedef struct level {
        const schedule_list *items;
        size_t next;
    } level;
    level stack[LIMIT_AXES + 2] = {{items, 0}}; /* blocks and a loop over one axis */
    int depth = 0;
    while (depth >= 0) {
        if (stack[depth].next == stack[depth].items->count) {
            depth--;
            continue;
        }
        const schedule_item *item = &stack[depth].items->at[stack[depth].next++];
        text_add(out, "%*s", 2 * depth, "");
        if (item->node) {
            text_add(out, "%s %s\n", print_name(out->memory, item->node),
                     op_get((op_id)item->node->op)->name);
        } else {
            text_add(out, "%s %s%c\n", item->block ? "blocks" : "loop", g->axes[item->axis].name,
                     item->sign > 0 ? '+' : '-');
            stack[++depth] = (level){&item->items, 0};
        }
    }
}
