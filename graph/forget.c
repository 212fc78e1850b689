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
 * At the level of blocks even states are copied, and with them the loop: in each block of a later
 * sweep it runs once more, in its own direction. A delay in it *resumes*: at the first steps of a
 * block it reads init, and init is a delay of a checkpoint, a `keep` of which only the last steps
 * of each block are stored (jit/lower_checkpoint.c). That is the value that it would find anyway,
 * so whoever computes all steps at once may ignore it. The forward loop has to store checkpoints,
 * so it resumes by them, too, and the states themselves are needed for a block alone. Delays that
 * look at a state against its loop, from another sweep, or far back, make that state one that is
 * stored.
 *
 * Traps. A copy of x would be shared with x: so copies read `keep`s, one for each sweep. A state
 * may stand before what it delays; its copy is bound at the end. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

enum { FORGET_REACH = 64 /* steps that a checkpoint holds, at most */ };

static const char *const forget_names[] = {"all", "states", "blocks"};

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
    /* by number */
    bool *remembered;
    int32_t *reach;   /* of checkpoints: as far back as delays look, with their sign; 0: none */
    uint32_t *loop;   /* the loop along the axis around it, with 2 * number + (sign > 0); 0: none */
    op_node **saved;  /* the checkpoint of the value */
    op_node **before; /* of a delay: that of the checkpoint */
    op_node **last;   /* the last keep of the new value, or NULL */
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

/* Depth of recursion: nested loops, at most the axes. */
static void forget_mark_loop(forget_work *w, const schedule_item *item, uint32_t loop) {
    if (item->node)
        w->loop[item->node->id] = loop;
    for (size_t i = 0; i < item->items.count; i++)
        forget_mark_loop(w, &item->items.at[i], loop);
}

/* May what delay n looks at begin anew in each block, for all that n needs? */
static bool forget_may_resume(const forget_work *w, const op_node *n) {
    const op_node *source = n->arguments[0];
    int32_t distance = n->attributes.distance;
    size_t own, from;
    return w->from->remember == GRAPH_REMEMBER_BLOCKS && w->loop[source->id] > 0 &&
           (w->loop[source->id] & 1) == (distance > 0) && abs(distance) <= FORGET_REACH &&
           forget_sweep_of(w, n, &own) && forget_sweep_of(w, source, &from) && own == from;
}

static void forget_remember(forget_work *w, const node_list *nodes, const node_list *roots) {
    bool *steps =
        arena_array(w->memory, bool, w->from->nodes.count); /* a delay of it is in its loop */
    for (size_t i = 0; i < nodes->count; i++) {
        const op_node *n = nodes->at[i];
        for (int a = 0; a < op_live_count(n); a++)
            if (forget_holds(w, n->arguments[a]) && !forget_reads_here(w, n, a) &&
                !(forget_is_along(w, n) && forget_may_resume(w, n)))
                w->remembered[n->arguments[a]->id] = true;
        if (n->op == OP_KEEP)
            w->remembered[n->id] = true;
        if (!forget_is_along(w, n) || !forget_may_resume(w, n))
            continue;
        int32_t *reach = &w->reach[n->arguments[0]->id], distance = n->attributes.distance;
        *reach = abs(distance) > abs(*reach) ? distance : *reach;
        steps[n->arguments[0]->id] |= w->loop[n->id] == w->loop[n->arguments[0]->id];
    }
    for (size_t i = 0; i < roots->count; i++)
        w->remembered[roots->at[i]->id] = true;
    for (size_t i = 0; i < nodes->count; i++) {
        const op_node *n = nodes->at[i];
        if (w->reach[n->id] != 0 && (!steps[n->id] || forget_is_read(w, n)))
            w->remembered[n->id] = true;
        if (w->remembered[n->id])
            w->reach[n->id] = 0;
    }
}

/* Does the delay n resume by a checkpoint? */
static bool forget_resumes(const forget_work *w, const op_node *n) {
    return forget_is_along(w, n) && w->reach[n->arguments[0]->id] != 0;
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
                    if (forget_reads_here(w, n, a) || (a == 0 && forget_resumes(w, n)))
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

static op_node *forget_make(rewrite *r, const op_node *n, op_node *const *arguments,
                            const op_attributes *attributes) {
    return r->to->builder.make(&r->to->builder, (op_id)n->op, arguments, n->count, attributes);
}

/* A delay that resumes: arguments as without that, of which the first is bound later if it is NULL.
 */
static op_node *forget_resume(forget_work *w, rewrite *r, const op_node *n, op_node **arguments) {
    op_node *next = arguments[0], **before = &w->before[n->id];
    if (!*before) {
        arguments[0] = w->saved[n->arguments[0]->id];
        *before = forget_make(r, n, arguments, &n->attributes);
    }
    op_attributes attributes = n->attributes;
    attributes.resumes = 1;
    arguments[0] = next;
    arguments[1] = *before;
    return forget_make(r, n, arguments, &attributes);
}

/* Some sweep runs the loop of the value once more. */
static bool forget_is_saved(const forget_work *w, const op_node *n) {
    bool wanted = false;
    for (size_t sweep = 0; sweep < w->plan.order.count; sweep++)
        wanted |= w->wanted[forget_at(w, sweep, n)];
    return wanted && w->reach[n->id] != 0;
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
    if (forget_resumes(w, n) && forget_is_saved(w, n->arguments[0]))
        return forget_resume(w, r, n, arguments);
    return forget_make(r, n, arguments, &n->attributes);
}

/* n as another sweep computes it; what a state delays is bound later. */
static op_node *forget_again(forget_work *w, rewrite *r, const op_node *n, size_t sweep) {
    if (forget_is_read(w, n))
        return forget_keep(w, r, n, sweep);
    if (n->op == OP_CUSTOM)
        return w->again[forget_at(w, sweep, n->arguments[0])];
    op_node *arguments[LIMIT_ARGUMENTS];
    bool resumes = forget_resumes(w, n);
    for (int i = 0; i < n->count; i++) {
        const op_node *argument = n->arguments[i];
        if (i == 0 && rewrite_is_state(n))
            arguments[i] = NULL;
        else if (forget_reads_here(w, n, i) || (i == 0 && resumes))
            arguments[i] = w->again[forget_at(w, sweep, argument)];
        else
            arguments[i] = forget_holds(w, argument) ? forget_keep(w, r, argument, sweep)
                                                     : r->map[argument->id];
    }
    return resumes ? forget_resume(w, r, n, arguments)
                   : forget_make(r, n, arguments, &n->attributes);
}

/* What only the last steps of each block are stored of. */
static op_node *forget_save(const forget_work *w, rewrite *r, const op_node *n) {
    op_attributes attributes;
    op_attributes_init(&attributes);
    attributes.axis = w->plan.axis;
    attributes.distance = w->reach[n->id];
    return r->to->builder.make(&r->to->builder, OP_KEEP, &r->map[n->id], 1, &attributes);
}

static op_node *forget_rule(rewrite *r, const op_node *n) {
    forget_work *w = (forget_work *)r->user;
    op_node *made = r->map[n->id] = forget_original(w, r, n);
    if (forget_is_saved(w, n))
        w->saved[n->id] = forget_save(w, r, n);
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

static void forget_bind(rewrite *r, op_node *state, op_node *next) {
    if (state && state->op == OP_DELAY && !state->arguments[0])
        graph_bind(r->to, state, next);
}

/* Binds the states among the copies, and those of checkpoints. */
static void forget_bind_all(forget_work *w, rewrite *r) {
    for (size_t i = 0; i < w->from->nodes.count; i++) {
        const op_node *n = w->from->nodes.at[i], *next = n->op == OP_DELAY ? n->arguments[0] : NULL;
        if (next)
            forget_bind(r, w->before[i], w->saved[next->id]);
        for (size_t sweep = 0; next && sweep < w->plan.order.count; sweep++) {
            bool reads = forget_is_along(w, n) && !forget_resumes(w, n);
            op_node *copy = w->again[forget_at(w, sweep, n)];
            if (copy && !copy->arguments[0])
                forget_bind(r, copy,
                            reads ? forget_keep(w, r, next, sweep)
                                  : w->again[forget_at(w, sweep, next)]);
        }
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
    w.reach = arena_array(memory, int32_t, count);
    w.loop = arena_array(memory, uint32_t, count);
    w.saved = arena_array(memory, op_node *, count);
    w.before = arena_array(memory, op_node *, count);
    for (size_t i = 0; i < items.count; i++)
        if (!items.at[i].node && items.at[i].axis == axis)
            forget_mark_loop(&w, &items.at[i], 2 * (uint32_t)i + 2 + (items.at[i].sign > 0));
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
        forget_bind_all(&w, &r);
    to->remember = GRAPH_REMEMBER_ALL;
}
