/* Pass: gradients take the place of the nodes that stand for them.
 *
 * A user asks for gradients one by one, while the model is being written; only now is the loss
 * complete and rewritten. All gradients of one loss come out of one walk, so they share one
 * backward loop. A loss may itself be made of gradients (penalties, learning rules): so losses are
 * taken in an order in which every loss stands behind the gradients that it reads.
 *
 * The new graph grows loss by loss: a loss is copied with all it needs, its states are bound, it is
 * differentiated there, and its gradients are mapped to the adjoints. What is left at the end are
 * the values that read gradients.
 *
 * Traps. The gradients inside a custom value's own adjoint come before any loss that holds the
 * custom value, because the adjoint is copied when that loss is differentiated: reaching counts all
 * arguments of a custom value. A variable that its loss does not need may depend on anything, the
 * gradient itself included; its gradient is 0. */
#include "graph/graph.h"

typedef struct grad_expand_work {
    rewrite r;
    node_list waiting; /* gradients, by number */
} grad_expand_work;

/* The gradients that the results need. */
static void grad_expand_find(grad_expand_work *w) {
    const graph *from = w->r.from;
    node_list roots = {0};
    rewrite_results(from, w->r.to->memory, &roots);
    const bool *needed = rewrite_reach(&w->r, roots.at, roots.count);
    for (size_t i = 0; i < from->nodes.count; i++)
        if (needed[i] && from->nodes.at[i]->op == OP_GRADIENT)
            vec_push(w->r.to->memory, &w->waiting, from->nodes.at[i]);
}

/* Does this loss need no gradient that still waits? */
static bool grad_expand_ready(const grad_expand_work *w, op_node *loss) {
    const bool *needed = rewrite_reach(&w->r, &loss, 1);
    for (size_t i = 0; i < w->waiting.count; i++)
        if (needed[w->waiting.at[i]->id])
            return false;
    return true;
}

/* Maps all gradients of this loss and takes them off the list. */
static void grad_expand_loss(grad_expand_work *w, op_node *loss) {
    graph *to = w->r.to;
    node_list mine = {0}, variables = {0};
    size_t left = 0;
    rewrite_need(&w->r, &loss, 1);
    for (size_t i = 0; i < w->waiting.count; i++) {
        op_node *n = w->waiting.at[i], *wrt = n->arguments[1];
        if (n->arguments[0] != loss) {
            w->waiting.at[left++] = n;
        } else if (w->r.map[wrt->id]) {
            vec_push(to->memory, &mine, n);
            vec_push(to->memory, &variables, w->r.map[wrt->id]);
        } else {
            w->r.map[n->id] = make_zero(&to->builder, wrt);
        }
    }
    w->waiting.count = left;
    if (mine.count == 0)
        return;
    to->builder.where = mine.at[0]->where;
    op_node **adjoints = arena_array(to->memory, op_node *, mine.count);
    if (!grad_program(to, w->r.map[loss->id], variables.at, variables.count, adjoints))
        return;
    for (size_t i = 0; i < mine.count; i++)
        w->r.map[mine.at[i]->id] =
            mine.at[i]->name ? graph_name(to, adjoints[i], mine.at[i]->name) : adjoints[i];
}

static op_node *grad_expand_next(const grad_expand_work *w) {
    op_node *tried = NULL;
    for (size_t i = 0; i < w->waiting.count; i++) {
        op_node *loss = w->waiting.at[i]->arguments[0];
        if (loss != tried && grad_expand_ready(w, loss))
            return loss;
        tried = loss;
    }
    return NULL;
}

void grad_graph(const graph *from, graph *to) {
    grad_expand_work w = {.waiting = {0}};
    rewrite_begin(&w.r, from, to, NULL, NULL);
    grad_expand_find(&w);
    while (w.waiting.count > 0 && to->problem->code == STATUS_OK) {
        op_node *loss = grad_expand_next(&w);
        if (!loss) {
            const op_node *n = w.waiting.at[0];
            error_set(to->problem, STATUS_ILLEGAL, n->where,
                      "grad: the loss %s depends on its own gradient %s; a gradient that a "
                      "recurrence uses is one inside a step",
                      print_name(to->memory, n->arguments[0]), print_name(to->memory, n));
            return;
        }
        grad_expand_loss(&w, loss);
    }
    if (to->problem->code == STATUS_OK)
        rewrite_end(&w.r);
}
