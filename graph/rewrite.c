/* New graphs from old ones.
 *
 * Old nodes are visited in number order, which is an order of evaluation; so a rule sees its
 * arguments mapped and the copy keeps the relative order of everything it copies (sums of adjoints
 * follow numbers). States are opened where they stand and bound after everything else, so cycles
 * need no special walk. Lengths go first: the new graph must know them before any mask is made.
 * What no output, update or length needs is not visited, and so is gone.
 *
 * All arguments of a custom count as needed, also those that no value reads: they are its adjoint.
 */
#include <assert.h>

#include "graph/graph.h"

/* Marks what the roots need, themselves included; what is mapped already (map may be NULL) is
 * there.
 */
static void rewrite_mark(arena *memory, bool *needed, op_node *const *map, op_node *const *roots,
                         size_t count) {
    VEC(op_node *) stack = {0};
    for (size_t i = 0; i < count; i++)
        if (roots[i])
            vec_push(memory, &stack, roots[i]);
    while (stack.count > 0) {
        op_node *n = vec_pop(&stack);
        if (needed[n->id] || (map && map[n->id]))
            continue;
        needed[n->id] = true;
        for (int a = 0; a < n->count; a++)
            if (n->arguments[a] && !needed[n->arguments[a]->id])
                vec_push(memory, &stack, n->arguments[a]);
    }
}

bool rewrite_is_state(const op_node *n) {
    return n->op == OP_DELAY && (!n->arguments[0] || n->arguments[0]->id >= n->id);
}

/* n with its arguments mapped; a state stays open. NULL after a mistake. */
static op_node *rewrite_copy(op_builder *to, const op_node *n, op_node *const *map) {
    op_node *arguments[LIMIT_ARGUMENTS];
    for (int i = 0; i < n->count; i++) {
        bool later = i == 0 && rewrite_is_state(n);
        arguments[i] = later ? NULL : map[n->arguments[i]->id];
        if (!arguments[i] && !later)
            return NULL;
    }
    return to->make(to, (op_id)n->op, arguments, n->count, &n->attributes);
}

/* Binds the copy of a state, if the rule left one that is open. */
static void rewrite_bind(graph *to, const op_node *n, op_node *const *map) {
    op_node *copy = map[n->id];
    bool open = copy && copy->op == OP_DELAY && !copy->arguments[0];
    if (open && n->op == OP_DELAY && n->arguments[0])
        graph_bind(to, copy, map[n->arguments[0]->id]);
}

static void rewrite_one(rewrite *r, const op_node *n) {
    graph *to = r->to;
    to->builder.where = n->where;
    op_node *made = r->rule ? r->rule(r, n) : NULL;
    if (!made)
        made = rewrite_copy(&to->builder, n, r->map);
    if (!made)
        return;
    assert(made->dtype == n->dtype && made->domain == n->domain &&
           op_shape_equal(&made->shape, &n->shape));
    r->map[n->id] = n->name ? graph_name(to, made, n->name) : made;
    for (int a = 0; a < r->from->axis_count; a++)
        if (r->from->axes[a].lengths == n)
            graph_axis_lengths(to, a, r->map[n->id]);
}

void rewrite_begin(rewrite *r, const graph *from, graph *to, rewrite_rule rule, void *user) {
    assert(to->nodes.count == 0 && to->axis_count == 0);
    *r = (rewrite){.from = from, .to = to, .rule = rule, .user = user};
    to->builder.settled = true;
    to->remember = from->remember;
    r->where = to->builder.where;
    r->map = arena_array(to->memory, op_node *, from->nodes.count);
    if (to->streams < from->streams)
        to->streams = from->streams;
    op_node *lengths[LIMIT_AXES];
    for (int a = 0; a < from->axis_count; a++) {
        graph_axis_add(to, from->axes[a].name, from->axes[a].batch, from->axes[a].extent);
        lengths[a] = from->axes[a].lengths;
    }
    rewrite_need(r, lengths, (size_t)from->axis_count);
}

const bool *rewrite_reach(const rewrite *r, op_node *const *roots, size_t count) {
    bool *needed = arena_array(r->to->memory, bool, r->from->nodes.count);
    rewrite_mark(r->to->memory, needed, r->map, roots, count);
    return needed;
}

void rewrite_these(rewrite *r, op_node *const *nodes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!r->map[nodes[i]->id])
            rewrite_one(r, nodes[i]);
    for (size_t i = 0; i < count; i++)
        rewrite_bind(r->to, nodes[i], r->map);
}

void rewrite_need(rewrite *r, op_node *const *roots, size_t count) {
    const bool *needed = rewrite_reach(r, roots, count);
    node_list these = {0};
    for (size_t i = 0; i < r->from->nodes.count; i++)
        if (needed[i])
            vec_push(r->to->memory, &these, r->from->nodes.at[i]);
    rewrite_these(r, these.at, these.count);
}

void rewrite_results(const graph *from, arena *memory, node_list *out) {
    graph_roots(from, memory, out);
    for (size_t i = 0; i < from->updates.count; i++)
        vec_push(memory, out, from->updates.at[i].variable);
}

void rewrite_end(rewrite *r) {
    const graph *from = r->from;
    node_list roots = {0};
    rewrite_results(from, r->to->memory, &roots);
    rewrite_need(r, roots.at, roots.count);
    for (size_t i = 0; i < from->outputs.count; i++)
        graph_output_add(r->to, from->outputs.at[i].name, r->map[from->outputs.at[i].node->id]);
    for (size_t i = 0; i < from->updates.count; i++)
        graph_update_add(r->to, r->map[from->updates.at[i].variable->id],
                         r->map[from->updates.at[i].node->id]);
    r->to->builder.where = r->where;
}

void rewrite_graph(const graph *from, graph *to, rewrite_rule rule, void *user) {
    rewrite r;
    rewrite_begin(&r, from, to, rule, user);
    rewrite_end(&r);
}

/* Arguments of n through which it depends on `from`. A custom value's own cotangent is bound by it:
 * inside a recurrence the gradients may lead back to the custom value itself, whose gradients keep
 * their cotangent. */
static int rewrite_free_count(const op_node *n, const op_node *from) {
    bool binds = n->op == OP_CUSTOM && n->arguments[n->count - 1] == from;
    return binds ? 1 + n->attributes.xs : n->count;
}

op_node *rewrite_substitute(op_builder *b, op_node *root, op_node *from, op_node *to) {
    if (!root || !from || !to || b->problem->code != STATUS_OK)
        return NULL;
    graph *g = (graph *)b;
    arena *memory = g->memory;
    size_t count = g->nodes.count;
    bool *needed = arena_array(memory, bool, count);
    bool *depends = arena_array(memory, bool, count);
    op_node **map = arena_array(memory, op_node *, count);
    rewrite_mark(memory, needed, NULL, &root, 1);
    depends[from->id] = true;
    /* Number order settles everything but what hangs on a state bound to a later value: then one
     * more round. */
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            const op_node *n = g->nodes.at[i];
            int free_count = rewrite_free_count(n, from);
            for (int a = 0; a < free_count && needed[i] && !depends[i]; a++) {
                const op_node *argument = n->arguments[a];
                depends[i] = argument && depends[argument->id];
                again = again || depends[i];
            }
        }
    }
    for (size_t i = 0; i < count; i++)
        map[i] = depends[i] ? NULL : g->nodes.at[i];
    map[from->id] = to;
    for (size_t i = 0; i < count; i++)
        if (needed[i] && !map[i])
            map[i] = rewrite_copy(b, g->nodes.at[i], map);
    for (size_t i = 0; i < count; i++)
        if (needed[i] && depends[i] && i != from->id)
            rewrite_bind(g, g->nodes.at[i], map);
    return b->problem->code == STATUS_OK ? map[root->id] : NULL;
}
