/* Pass: what a later sweep reads of an earlier one is computed again, from what is remembered
 * (semantics, section 6).
 *
 * Backpropagation reads gates, activations and masks of all steps. Storing them is most of the
 * memory of training. But a recurrence needs only its states to go on from any step: whoever has
 * those of the step before computes all of the step once more. So where a sweep reads what an
 * earlier one has computed, it gets a copy of that computation, which begins at inputs and at the
 * values that delays along the axis of the sweeps look at. The copies lie off the cycle: for all
 * steps at once their contracts are one. In blocks of steps they need memory for a block.
 *
 * The copies are the same operations on the same numbers, random ones included, in the order of
 * sums that is part of the node. So no bit changes, and the user asks for it or not
 * (graph.remember).
 *
 * Not computed again are sums over the axis (there is one of each, and it does not vary along it),
 * what is looked up at other steps, which somebody needs whole anyway, results that vary along the
 * axis, which are whole in the caller's memory, and what the user keeps.
 *
 * Traps. A copy of x would be shared with x: so copies read `keep`s, one for each sweep. A state
 * may stand before what it delays; its copy is bound at the end. */
#include <assert.h>
#include <string.h>

#include "graph/graph.h"

static const char *const forget_names[] = {"all", "states"};

const char *graph_remember_name(graph_remember remember) {
    assert((unsigned)remember < GRAPH_REMEMBER_COUNT);
    return forget_names[remember];
}

bool graph_remember_from_name(const char *name, graph_remember *out) {
    for (int i = 0; i < GRAPH_REMEMBER_COUNT; i++)
        if (strcmp(name, forget_names[i]) == 0) {
            *out = (graph_remember)i;
            return true;
        }
    return false;
}

typedef struct forget_work {
    const graph *from;
    arena *memory;
    sweep_plan plan;
    bool *remembered; /* by number */
    op_node **last;   /* by number: the last keep of the new value, or NULL */
    /* by sweep, times the count of nodes, plus number */
    bool *wanted;    /* does this sweep compute the value again? */
    op_node **again; /* the value as this sweep computes it */
    op_node **kept;  /* the value as this sweep reads it */
} forget_work;

static bool forget_holds(const forget_work *w, const op_node *n) {
    return n->domain >> w->plan.axis & 1;
}

static size_t forget_at(const forget_work *w, size_t sweep, const op_node *n) {
    return sweep * w->from->nodes.count + n->id;
}

/* The number of the sweep that computes n; false: n belongs to none. */
static bool forget_sweep_of(const forget_work *w, const op_node *n, size_t *out) {
    sweep_place place = w->plan.of[n->id];
    if (place.sign == 0)
        return false;
    for (size_t i = 0; i < w->plan.order.count; i++)
        if (w->plan.order.at[i].level == place.level && w->plan.order.at[i].sign == place.sign) {
            *out = i;
            return true;
        }
    return false;
}

static bool forget_is_along(const forget_work *w, const op_node *n) {
    return n->op == OP_DELAY && n->attributes.axis == w->plan.axis;
}

/* Does n read argument i at the step that it is computed for, or step by step? */
static bool forget_reads_here(const forget_work *w, const op_node *n, int i) {
    if (!forget_holds(w, n->arguments[i]) || (forget_is_along(w, n) && i == 0))
        return false;
    bool looks_up = n->op == OP_AT || n->op == OP_STACK || forget_holds(w, n);
    return !(looks_up && op_collapses(n, i, w->plan.axis));
}

/* Is n, where a sweep wants it, only read? */
static bool forget_is_read(const forget_work *w, const op_node *n) {
    bool varies = false;
    for (int i = 0; i < op_live_count(n); i++)
        varies |= forget_holds(w, n->arguments[i]);
    return !varies || w->remembered[n->id] || n->op == OP_PUT;
}

/* ---- what is remembered, and what is wanted */

static void forget_remember(forget_work *w, const node_list *nodes, const node_list *roots) {
    for (size_t i = 0; i < nodes->count; i++)
        if (forget_is_along(w, nodes->at[i]))
            w->remembered[nodes->at[i]->arguments[0]->id] = true;
        else if (nodes->at[i]->op == OP_KEEP)
            w->remembered[nodes->at[i]->id] = true;
    for (size_t i = 0; i < roots->count; i++)
        w->remembered[roots->at[i]->id] = true;
}

static void forget_want(forget_work *w, size_t sweep, op_node *n, node_list *todo) {
    if (w->wanted[forget_at(w, sweep, n)])
        return;
    w->wanted[forget_at(w, sweep, n)] = true;
    vec_push(w->memory, todo, n);
}

/* Does the sweep that n belongs to read its argument i from an earlier one? */
static bool forget_crosses(const forget_work *w, const op_node *n, int i, size_t *sweep) {
    size_t from;
    return forget_sweep_of(w, n, sweep) && forget_reads_here(w, n, i) &&
           forget_sweep_of(w, n->arguments[i], &from) && from != *sweep &&
           !(i == 0 && rewrite_is_state(n));
}

static void forget_find(forget_work *w, const node_list *nodes) {
    for (size_t k = 0; k < nodes->count; k++)
        for (int i = 0; i < op_live_count(nodes->at[k]); i++) {
            size_t sweep;
            node_list todo = {0};
            if (forget_crosses(w, nodes->at[k], i, &sweep))
                forget_want(w, sweep, nodes->at[k]->arguments[i], &todo);
            while (todo.count > 0) {
                const op_node *n = vec_pop(&todo);
                for (int a = 0; !forget_is_read(w, n) && a < op_live_count(n); a++)
                    if (forget_reads_here(w, n, a))
                        forget_want(w, sweep, n->arguments[a], &todo);
            }
        }
}

/* ---- copies */

static op_node *forget_keep(forget_work *w, rewrite *r, const op_node *n, size_t sweep) {
    op_node **kept = &w->kept[forget_at(w, sweep, n)], **last = &w->last[n->id];
    if (!*kept)
        *kept = *last = make_keep(&r->to->builder, *last ? *last : r->map[n->id]);
    return *kept;
}

/* n as its own sweep computes it. */
static op_node *forget_original(forget_work *w, rewrite *r, const op_node *n) {
    op_node *arguments[LIMIT_ARGUMENTS];
    for (int i = 0; i < n->count; i++) {
        size_t sweep;
        bool crosses = i < op_live_count(n) && forget_crosses(w, n, i, &sweep);
        arguments[i] = i == 0 && rewrite_is_state(n)
                           ? NULL
                           : (crosses ? w->again[forget_at(w, sweep, n->arguments[i])]
                                      : r->map[n->arguments[i]->id]);
    }
    op_builder *b = &r->to->builder;
    return b->make(b, (op_id)n->op, arguments, n->count, &n->attributes);
}

/* n as another sweep computes it; what a state delays is bound later. */
static op_node *forget_again(forget_work *w, rewrite *r, const op_node *n, size_t sweep) {
    if (forget_is_read(w, n))
        return forget_keep(w, r, n, sweep);
    if (n->op == OP_CUSTOM)
        return w->again[forget_at(w, sweep, n->arguments[0])];
    op_node *arguments[LIMIT_ARGUMENTS];
    for (int i = 0; i < n->count; i++) {
        const op_node *argument = n->arguments[i];
        if (i == 0 && rewrite_is_state(n))
            arguments[i] = NULL;
        else if (forget_reads_here(w, n, i))
            arguments[i] = w->again[forget_at(w, sweep, argument)];
        else
            arguments[i] = forget_holds(w, argument) ? forget_keep(w, r, argument, sweep)
                                                     : r->map[argument->id];
    }
    op_builder *b = &r->to->builder;
    return b->make(b, (op_id)n->op, arguments, n->count, &n->attributes);
}

static op_node *forget_rule(rewrite *r, const op_node *n) {
    forget_work *w = (forget_work *)r->user;
    op_node *made = r->map[n->id] = forget_original(w, r, n);
    for (size_t sweep = 0; sweep < w->plan.order.count; sweep++) {
        size_t at = forget_at(w, sweep, n);
        if (!w->wanted[at])
            continue;
        w->again[at] = forget_again(w, r, n, sweep);
        if (n->name && !forget_is_read(w, n))
            graph_name(r->to, w->again[at], n->name);
    }
    return made;
}

/* Binds the states among the copies. */
static void forget_bind(forget_work *w, rewrite *r) {
    for (size_t sweep = 0; sweep < w->plan.order.count; sweep++)
        for (size_t i = 0; i < w->from->nodes.count; i++) {
            const op_node *n = w->from->nodes.at[i];
            op_node *copy = w->again[forget_at(w, sweep, n)];
            if (!rewrite_is_state(n) || !copy || copy->op != OP_DELAY || copy->arguments[0])
                continue;
            const op_node *next = n->arguments[0];
            graph_bind(r->to, copy,
                       forget_is_along(w, n) ? forget_keep(w, r, next, sweep)
                                             : w->again[forget_at(w, sweep, next)]);
        }
}

void forget_graph(const graph *from, graph *to) {
    arena *memory = to->memory;
    /* The analyses neither add nodes nor keep anything; mistakes and scratch memory are those of
     * the new graph. */
    graph source = *from;
    source.memory = source.builder.memory = memory;
    source.problem = source.builder.problem = to->problem;
    size_t count = from->nodes.count;
    forget_work w = {.from = from, .memory = memory};
    int axis = from->remember == GRAPH_REMEMBER_ALL ? -1 : sweeps_axis(&source, memory);
    node_list roots = {0}, nodes = {0};
    schedule_list items = {0};
    graph_roots(from, memory, &roots);
    if (axis < 0) {
        rewrite_graph(from, to, NULL, NULL);
        return;
    }
    if (!schedule_graph(&source, memory, roots.at, roots.count, axis, &items) ||
        !sweeps_place(&source, memory, &items, axis, &w.plan))
        return;
    graph_postorder(memory, roots.at, roots.count, false, &nodes);
    w.remembered = arena_array(memory, bool, count);
    w.last = arena_array(memory, op_node *, count);
    size_t places = count * w.plan.order.count;
    w.wanted = arena_array(memory, bool, places);
    w.again = arena_array(memory, op_node *, places);
    w.kept = arena_array(memory, op_node *, places);
    forget_remember(&w, &nodes, &roots);
    forget_find(&w, &nodes);
    rewrite r;
    rewrite_begin(&r, from, to, forget_rule, &w);
    rewrite_end(&r);
    if (to->problem->code == STATUS_OK)
        forget_bind(&w, &r);
    to->remember = GRAPH_REMEMBER_ALL;
}
