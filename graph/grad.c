/* Reverse mode on a cyclic graph (semantics, section 3).
 *
 * Backpropagation through time needs no unrolling: the adjoint of delay(x, k) is a delay by -k of
 * the adjoint. So the graph is cut at its delays, which leaves an order without cycles; each delay
 * gets a backward state that is open at first and counts as a contribution to the adjoint of the
 * delayed value; the cut graph is walked once from the end; and at last each backward state is
 * bound to the adjoint that its delay has collected. The result is a recurrence graph again, so
 * gradients of gradients work.
 *
 * Number order is the order of dependence of the cut graph, so the walk goes through the numbers
 * downwards. What is added up in which order is part of the result: contributions to one adjoint
 * add in the order of their readers' numbers, the seed first.
 *
 * Traps. Only a delay's value is cut (its own record gives that no adjoint), its init is an
 * ordinary argument. A custom op's adjoint goes to its xs and not to its y. An op's own adjoint may
 * lack axes or have too many dimensions: make_fit makes it as large as the value it belongs to. */
#include <assert.h>

#include "graph/graph.h"

/* One contribution to an adjoint. */
typedef struct grad_part grad_part;
struct grad_part {
    op_node *value;
    int64_t reader; /* number of the node it came through, -1: the seed */
    grad_part *next;
};

typedef struct grad_work {
    graph *g;
    bool step;    /* inside one step: delays are leaves, and so is what is asked for */
    size_t count; /* nodes when the work began; newer ones are adjoints */
    node_list reached;
    /* By node number. */
    bool *is_reached, *is_live, *is_leaf;
    grad_part **parts; /* by reader */
    op_node **adjoint; /* the sum of the parts */
} grad_work;

/* The arguments of n that a derivative may pass: the half-open range [*from, *to). */
static void grad_arguments(const grad_work *w, const op_node *n, int *from, int *to) {
    *from = n->op == OP_CUSTOM ? 1 : 0;
    *to = n->op == OP_CUSTOM ? 1 + n->attributes.xs : op_live_count(n);
    if (w->step && n->op == OP_DELAY)
        *to = 0;
}

/* All values that root is made of, in any order; false at a state that was never bound. */
static bool grad_reach(grad_work *w, op_node *root) {
    arena *memory = w->g->memory;
    w->is_reached[root->id] = true;
    vec_push(memory, &w->reached, root);
    for (size_t next = 0; next < w->reached.count; next++) {
        op_node *n = w->reached.at[next];
        int from, to;
        grad_arguments(w, n, &from, &to);
        for (int i = from; i < to; i++) {
            op_node *argument = n->arguments[i];
            if (!argument) {
                error_set(w->g->problem, STATUS_ILLEGAL, n->where,
                          "grad: the state %s has no next value yet; bind it first",
                          print_name(memory, n));
                return false;
            }
            if (w->is_reached[argument->id])
                continue;
            w->is_reached[argument->id] = true;
            vec_push(memory, &w->reached, argument);
        }
    }
    return true;
}

/* Marks the reached values that depend on what is asked for. */
static void grad_live(grad_work *w, op_node *const *wrt, size_t count) {
    arena *memory = w->g->memory;
    size_t *first = arena_array(memory, size_t, w->count + 1);
    op_node **readers = NULL;
    for (int fill = 0; fill < 2; fill++) {
        for (size_t r = 0; r < w->reached.count; r++) {
            op_node *n = w->reached.at[r];
            int from, to;
            grad_arguments(w, n, &from, &to);
            for (int i = from; i < to; i++) {
                size_t *slot = &first[n->arguments[i]->id + !fill];
                if (fill)
                    readers[*slot] = n;
                ++*slot;
            }
        }
        if (fill)
            break;
        for (size_t i = 0; i < w->count; i++)
            first[i + 1] += first[i];
        readers = arena_array(memory, op_node *, first[w->count]);
    }
    /* Filling has moved first[i] to where the readers of i + 1 begin. */
    node_list todo = {0};
    for (size_t i = 0; i < count; i++)
        if (w->is_reached[wrt[i]->id] && !w->is_live[wrt[i]->id]) {
            w->is_live[wrt[i]->id] = true;
            vec_push(memory, &todo, wrt[i]);
        }
    while (todo.count > 0) {
        uint32_t id = vec_pop(&todo)->id;
        for (size_t r = id > 0 ? first[id - 1] : 0; r < first[id]; r++) {
            if (w->is_live[readers[r]->id])
                continue;
            w->is_live[readers[r]->id] = true;
            vec_push(memory, &todo, readers[r]);
        }
    }
}

static void grad_give(grad_work *w, const op_node *n, op_node *value, int64_t reader) {
    if (!value || !w->is_live[n->id])
        return;
    value = make_fit(&w->g->builder, value, n);
    grad_part **at = &w->parts[n->id];
    while (*at && (*at)->reader <= reader)
        at = &(*at)->next;
    grad_part *part = arena_new(w->g->memory, grad_part);
    *part = (grad_part){value, reader, *at};
    *at = part;
}

/* What has been given to n so far, added up; NULL if nothing was. */
static op_node *grad_sum(grad_work *w, const op_node *n) {
    const grad_part *part = w->parts[n->id];
    if (!part)
        return NULL;
    op_node *sum = part->value;
    while ((part = part->next))
        sum = make_add(&w->g->builder, sum, part->value);
    return sum;
}

static void grad_node(grad_work *w, op_node *n) {
    op_builder *b = &w->g->builder;
    b->where = n->where;
    op_node *gy = w->adjoint[n->id] = grad_sum(w, n);
    if (!gy || w->is_leaf[n->id])
        return;
    if (n->op == OP_GRADIENT) {
        error_set(w->g->problem, STATUS_UNSUPPORTED, n->where,
                  "grad: the gradient %s is known only when the program is complete, so nothing "
                  "can be differentiated through it inside a step; use a gradient inside the step "
                  "for both",
                  print_name(w->g->memory, n));
        return;
    }
    const op_info *info = op_get((op_id)n->op);
    if (!info->adjoint)
        return;
    op_node *out[LIMIT_ARGUMENTS] = {NULL};
    info->adjoint(b, n, gy, out);
    int from, to;
    grad_arguments(w, n, &from, &to);
    for (int i = from; i < to; i++)
        grad_give(w, n->arguments[i], out[i], n->id);
}

/* A state that runs against the delay n: the adjoint of the value that n delays. */
static op_node *grad_back(grad_work *w, const op_node *n) {
    op_builder *b = &w->g->builder;
    b->where = n->where;
    op_node *zero = make_number(b, (dtype)n->dtype, 0);
    return make_open_delay(b, n->attributes.axis, -n->attributes.distance, zero, (dtype)n->dtype,
                           n->domain, &n->shape);
}

static bool grad_is_float(graph *g, const op_node *n, const char *role) {
    if (dtype_is_float((dtype)n->dtype))
        return true;
    error_set(g->problem, STATUS_SHAPE, g->builder.where,
              "grad: %s %s is %s; only f32 and f64 have derivatives", role,
              print_name(g->memory, n), op_describe(&g->builder, n));
    return false;
}

static bool grad_check(graph *g, const op_node *loss, op_node *const *wrt, size_t count) {
    if (g->problem->code != STATUS_OK || !loss || !grad_is_float(g, loss, "the loss"))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!wrt[i] || !grad_is_float(g, wrt[i], "the variable"))
            return false;
    return true;
}

static bool grad_walk(grad_work *w, op_node *loss, op_node *const *wrt, size_t count,
                      op_node **out) {
    graph *g = w->g;
    if (!grad_check(g, loss, wrt, count))
        return false;
    w->count = g->nodes.count;
    w->is_reached = arena_array(g->memory, bool, w->count);
    w->is_live = arena_array(g->memory, bool, w->count);
    w->is_leaf = arena_array(g->memory, bool, w->count);
    w->parts = arena_array(g->memory, grad_part *, w->count);
    w->adjoint = arena_array(g->memory, op_node *, w->count);
    for (size_t i = 0; i < count && w->step; i++)
        w->is_leaf[wrt[i]->id] = true;
    if (!grad_reach(w, loss))
        return false;
    grad_live(w, wrt, count);

    op_builder *b = &g->builder;
    site where = b->where;
    op_node **back = arena_array(g->memory, op_node *, w->count);
    grad_give(w, loss, make_like(b, loss, 1), -1);
    for (size_t i = 0; i < w->count && !w->step; i++) {
        const op_node *n = g->nodes.at[i];
        if (n->op != OP_DELAY || !w->is_live[i] || !w->is_live[n->arguments[0]->id])
            continue;
        back[i] = grad_back(w, n);
        grad_give(w, n->arguments[0], back[i], n->id);
    }
    for (size_t i = w->count; i-- > 0;)
        if (w->is_live[i])
            grad_node(w, g->nodes.at[i]);
    for (size_t i = 0; i < w->count; i++) {
        if (!back[i])
            continue;
        b->where = back[i]->where;
        graph_bind(g, back[i], w->adjoint[i] ? w->adjoint[i] : make_zero(b, g->nodes.at[i]));
    }
    b->where = where;
    for (size_t i = 0; i < count; i++) {
        op_node *adjoint = w->adjoint[wrt[i]->id];
        out[i] = adjoint ? adjoint : make_zero(b, wrt[i]);
    }
    return g->problem->code == STATUS_OK;
}

bool grad_program(graph *g, op_node *loss, op_node *const *wrt, size_t count, op_node **out) {
    grad_work w = {.g = g};
    return grad_walk(&w, loss, wrt, count, out);
}

bool grad_step(graph *g, op_node *y, op_node *const *wrt, size_t count, op_node **out) {
    grad_work w = {.g = g, .step = true};
    return grad_walk(&w, y, wrt, count, out);
}

bool grad_later(graph *g, op_node *loss, op_node *const *wrt, size_t count, op_node **out) {
    if (!grad_check(g, loss, wrt, count))
        return false;
    for (size_t i = 0; i < count; i++)
        out[i] = make_gradient(&g->builder, loss, wrt[i]);
    return g->problem->code == STATUS_OK;
}
