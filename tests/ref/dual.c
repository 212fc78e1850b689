/* Evaluation on demand.
 *
 * The library orders a graph into loops and runs them. Here nothing is ordered: an output asks for
 * its elements, an element (node, steps, indices) asks for those that it is made of, and what is
 * not there yet is put on a stack and computed first. Every element is computed once, at most; one
 * that waits for itself is an illegal cycle. So a wrong schedule, a wrong direction of a loop or a
 * value read before it is made cannot be repeated here.
 *
 * Steps past the end of a sample do not exist. Their content is a mark that everything computed
 * from it inherits and only a selection can drop; an output that bears it is a mistake. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ref/dual_graph.h"

enum { state_none, state_waits, state_done };

static void *room(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

bool ref_fail(ref_graph *g, int node, const char *what) {
    if (!g->message[0])
        snprintf(g->message, REF_MESSAGE, "%%%d: %s", node, what);
    return false;
}

const char *ref_message(const ref_graph *g) {
    return g->message;
}

/* ---- sizes and places */

long ref_steps(const ref_graph *g, int axis) {
    return g->axes[axis].extent;
}

long ref_dimension(const ref_graph *g, const ref_shape *shape, int i) {
    long dimension = shape->dimension[i];
    return dimension >= 0 ? dimension : ref_steps(g, (int)(-1 - dimension));
}

static size_t features(const ref_graph *g, const ref_shape *shape) {
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= (size_t)ref_dimension(g, shape, i);
    return count;
}

size_t ref_number(const ref_graph *g, const ref_shape *shape, const long *element) {
    size_t number = 0;
    for (int i = 0; i < shape->rank; i++)
        number = number * (size_t)ref_dimension(g, shape, i) + (size_t)element[i];
    return number;
}

static size_t node_elements(const ref_graph *g, const ref_node *n) {
    size_t count = features(g, &n->shape);
    for (int i = 0; i < n->axis_count; i++)
        count *= (size_t)ref_steps(g, n->axes[i]);
    return count;
}

static size_t at_place(const ref_graph *g, const ref_node *n, const long *step,
                       const long *element) {
    size_t at = 0;
    for (int i = 0; i < n->axis_count; i++)
        at = at * (size_t)ref_steps(g, n->axes[i]) + (size_t)step[n->axes[i]];
    return at * features(g, &n->shape) + ref_number(g, &n->shape, element);
}

static void place_of(const ref_graph *g, int node, size_t at, ref_place *p) {
    const ref_node *n = &g->nodes[node];
    memset(p, 0, sizeof *p);
    p->node = node;
    for (int i = n->shape.rank - 1; i >= 0; i--) {
        size_t dimension = (size_t)ref_dimension(g, &n->shape, i);
        p->element[i] = (long)(at % dimension);
        at /= dimension;
    }
    for (int i = n->axis_count - 1; i >= 0; i--) {
        size_t steps = (size_t)ref_steps(g, n->axes[i]);
        p->step[n->axes[i]] = (long)(at % steps);
        at /= steps;
    }
}

bool ref_loop_begin(const ref_graph *g, uint32_t over, long *step) {
    bool any = true;
    for (int a = 0; a < g->axis_count; a++)
        if (over >> a & 1) {
            step[a] = 0;
            any = any && ref_steps(g, a) > 0;
        }
    return any;
}

bool ref_loop_next(const ref_graph *g, uint32_t over, long *step) {
    for (int a = g->axis_count - 1; a >= 0; a--) {
        if (!(over >> a & 1))
            continue;
        if (++step[a] < ref_steps(g, a))
            return true;
        step[a] = 0;
    }
    return false;
}

/* ---- the stack of elements that wait */

static void wait_for(ref_graph *g, int node, size_t at) {
    if (g->waiting_count == g->waiting_room) {
        g->waiting_room = g->waiting_room ? 2 * g->waiting_room : 1024;
        g->waiting = realloc(g->waiting, g->waiting_room * sizeof *g->waiting);
        if (!g->waiting)
            abort();
    }
    g->waiting[g->waiting_count].node = node;
    g->waiting[g->waiting_count++].at = at;
}

const ref_dual *ref_need(ref_graph *g, int node, const long *step, const long *element) {
    if (node < 0) {
        ref_fail(g, node, "a state that was never bound");
        return NULL;
    }
    ref_node *n = &g->nodes[node];
    if (!n->memo) {
        n->memo = room(node_elements(g, n), sizeof *n->memo);
        n->state = room(node_elements(g, n), 1);
    }
    size_t at = at_place(g, n, step, element);
    if (n->state[at] == state_done)
        return &n->memo[at];
    if (n->state[at] == state_waits)
        ref_fail(g, node, "an element that depends on itself");
    else
        wait_for(g, node, at);
    return NULL;
}

/* Elements that were put on the stack twice are found done the second time. */
static bool settle(ref_graph *g) {
    while (g->waiting_count && !g->message[0]) {
        struct ref_waiting top = g->waiting[g->waiting_count - 1];
        ref_node *n = &g->nodes[top.node];
        ref_place place;
        ref_dual result = {0};
        if (n->state[top.at] == state_done) {
            g->waiting_count--;
            continue;
        }
        n->state[top.at] = state_waits;
        place_of(g, top.node, top.at, &place);
        if (!n->rule(g, &place, &result))
            continue;
        n->memo[top.at] = result;
        n->state[top.at] = state_done;
        g->waiting_count--;
    }
    g->waiting_count = 0;
    return !g->message[0];
}

/* The lengths that a value of this domain ends at, -1: the extent. */
static int lengths_of(const ref_graph *g, int axis, uint32_t domain) {
    int lengths = g->axes[axis].lengths;
    return lengths >= 0 && !(g->nodes[lengths].domain & ~domain) ? lengths : -1;
}

long ref_end(ref_graph *g, int axis, uint32_t domain, const long *step) {
    static const long nowhere[REF_RANK];
    int lengths = lengths_of(g, axis, domain);
    if (lengths < 0)
        return ref_steps(g, axis);
    const ref_dual *end = ref_need(g, lengths, step, nowhere);
    if (!end)
        return -1;
    return end->value < 0 ? 0 : (long)end->value;
}

/* ---- binding */

/* What was computed is void once a leaf or an extent changes. */
static void forget(ref_graph *g) {
    for (int i = 0; i < g->node_count; i++) {
        free(g->nodes[i].memo);
        free(g->nodes[i].state);
        g->nodes[i].memo = NULL;
        g->nodes[i].state = NULL;
    }
    g->message[0] = 0;
}

void ref_free(ref_graph *g) {
    if (!g)
        return;
    forget(g);
    for (int i = 0; i < g->node_count; i++) {
        free(g->nodes[i].arguments);
        free(g->nodes[i].label);
        free(g->nodes[i].data);
        free(g->nodes[i].values);
        free(g->nodes[i].slopes);
    }
    for (int i = 0; i < g->output_count; i++)
        free(g->outputs[i].name);
    for (int i = 0; i < g->update_count; i++)
        free(g->updates[i].name);
    free(g->outputs);
    free(g->updates);
    free(g->nodes);
    free(g->waiting);
    free(g);
}

bool ref_extent(ref_graph *g, const char *axis, long steps) {
    for (int a = 0; a < g->axis_count; a++)
        if (!strcmp(g->axes[a].name, axis)) {
            forget(g);
            g->axes[a].extent = steps;
            return true;
        }
    return false;
}

static int leaf_named(const ref_graph *g, const char *name) {
    for (int i = 0; i < g->node_count; i++)
        if (!g->nodes[i].count && g->nodes[i].label && !strcmp(g->nodes[i].label, name))
            return i;
    return -1;
}

static int result_named(const ref_graph *g, const char *name) {
    if (name[0] == '%') {
        long id = strtol(name + 1, NULL, 10);
        return id >= 0 && id < g->node_count ? (int)id : -1;
    }
    for (int i = 0; i < g->output_count; i++)
        if (!strcmp(g->outputs[i].name, name))
            return g->outputs[i].node;
    return -1;
}

size_t ref_elements(const ref_graph *g, const char *name) {
    int node = result_named(g, name);
    if (node < 0)
        node = leaf_named(g, name);
    return node < 0 ? 0 : node_elements(g, &g->nodes[node]);
}

bool ref_bind(ref_graph *g, const char *name, const double *values, const double *direction) {
    int leaf = leaf_named(g, name);
    if (leaf < 0)
        return false;
    forget(g);
    ref_node *n = &g->nodes[leaf];
    size_t count = node_elements(g, n);
    free(n->values);
    free(n->slopes);
    n->values = room(count, sizeof *n->values);
    n->slopes = room(count, sizeof *n->slopes);
    for (size_t i = 0; i < count; i++) {
        n->values[i] = values[i];
        n->slopes[i] = direction ? direction[i] : 0;
    }
    return true;
}

/* ---- results */

/* 1: the element exists, 0: its step is past the end of the sample, -1: a mistake. */
static int exists(ref_graph *g, const ref_node *n, const ref_place *p) {
    for (int i = 0; i < n->axis_count; i++) {
        int axis = n->axes[i];
        long end = ref_end(g, axis, n->domain, p->step);
        if (end < 0) {
            if (!settle(g))
                return -1;
            end = ref_end(g, axis, n->domain, p->step);
        }
        if (p->step[axis] >= end)
            return 0;
    }
    return 1;
}

static bool result(ref_graph *g, int node, double *values, double *derivatives) {
    ref_node *n = &g->nodes[node];
    for (int i = 0; i < g->axis_count; i++)
        if (ref_steps(g, i) < 0)
            return ref_fail(g, node, "an axis without extent");
    size_t count = node_elements(g, n);
    for (size_t at = 0; at < count; at++) {
        ref_place place;
        place_of(g, node, at, &place);
        int there = exists(g, n, &place);
        if (there < 0)
            return false;
        ref_dual element = {0};
        if (there) {
            if (!ref_need(g, node, place.step, place.element) && !settle(g))
                return false;
            element = *ref_need(g, node, place.step, place.element);
        }
        if (element.padding) {
            ref_fail(g, element.padding - 1, "padding made here reaches a result");
            return false;
        }
        values[at] = element.value;
        if (derivatives)
            derivatives[at] = element.slope;
    }
    return true;
}

bool ref_eval(ref_graph *g, const char *output, double *values, double *derivatives) {
    int node = result_named(g, output);
    if (node < 0)
        return ref_fail(g, node, "no such output");
    return result(g, node, values, derivatives);
}

bool ref_eval_update(ref_graph *g, const char *param, double *values, double *derivatives) {
    for (int i = 0; i < g->update_count; i++)
        if (!strcmp(g->updates[i].name, param))
            return result(g, g->updates[i].node, values, derivatives);
    return ref_fail(g, -1, "no such update");
}
