/* Storage of programs, and the builder that everything else writes with.
 *
 * A node is born in one place, graph_make: its type is inferred, exact identities fold it away, and
 * what is left is looked up by (op, dtype, arguments, attributes), so that two equal values are one
 * node. Arguments exist before their users; hence number order is an evaluation order and a cycle
 * can only be closed afterwards, by binding an open delay (a state).
 *
 * Traps. Open delays are never shared: two states that look alike at birth may be bound to
 * different values. Padding bytes and unused dimensions of attributes must not reach the key, so
 * attributes are copied field by field. An axis's lengths decide the masks of everything that reads
 * its end; so they may not change once somebody has asked for them. */
#include "graph/graph.h"

#include <assert.h>
#include <string.h>

static bool graph_name_fits(graph *g, const char *what, const char *name) {
    size_t length = name ? strlen(name) : 0;
    if (length > 0 && length <= LIMIT_NAME)
        return true;
    if (length == 0)
        error_set(g->problem, STATUS_ARGUMENT, g->builder.where, "%s: a name is missing", what);
    else
        error_set(g->problem, STATUS_SIZE, g->builder.where,
                  "%s: a name has %zu bytes; the limit is %d", what, length, (int)LIMIT_NAME);
    return false;
}

/* "file:line", or "an unknown place". */
static const char *graph_place(graph *g, site where) {
    return where.file ? arena_print(g->memory, "%s:%d", where.file, where.line)
                      : "an unknown place";
}

/* ---- birth of a node */

/* Every byte of *out is determined by the values of the fields that are in use. */
static void graph_attributes_copy(graph *g, op_id op, const op_attributes *a, op_attributes *out) {
    memset(out, 0, sizeof *out);
    out->axis = a->axis;
    out->distance = a->distance;
    out->dimension = a->dimension;
    out->kind = a->kind;
    out->over = a->over;
    out->outermost = a->outermost;
    out->reverse = a->reverse;
    out->resumes = a->resumes;
    out->xs = a->xs;
    out->low = a->low;
    out->size = a->size;
    out->stream = a->stream;
    assert(a->shape.rank >= 0 && a->shape.rank <= LIMIT_RANK);
    out->shape = op_shape_make(a->shape.rank, a->shape.dimension);
    out->domain = a->domain;
    out->dtype = a->dtype;
    if (op == OP_TRANSPOSE)
        memcpy(out->permutation, a->permutation, sizeof out->permutation);
    out->text = a->text ? intern_text(&g->names, a->text) : NULL;
    out->bytes = a->bytes;
    if (a->data && a->bytes > 0)
        out->data = intern_bytes(&g->names, a->data, (size_t)a->bytes);
}

/* The place in the table of values that belongs to this node's identity. */
static op_node **graph_slot(graph *g, const op_node *n) {
    struct {
        op_attributes attributes;
        uint32_t op, dtype, arguments[LIMIT_ARGUMENTS];
    } key;
    memset(&key, 0, sizeof key);
    memcpy(&key.attributes, &n->attributes, sizeof key.attributes);
    key.op = n->op;
    key.dtype = n->dtype;
    for (int i = 0; i < n->count; i++)
        key.arguments[i] = n->arguments[i]->id;
    size_t used = offsetof(__typeof__(key), arguments) + n->count * sizeof key.arguments[0];
    return (op_node **)intern_slot(&g->shared, &key, used);
}

static op_node **graph_leaf_slot(graph *g, const char *name) {
    const char *key = arena_print(g->memory, "leaf %s", name);
    return (op_node **)intern_slot(&g->shared, key, strlen(key));
}

/* Inputs and params are found by name from outside, so a name belongs to one of them. */
static bool graph_leaf_check(graph *g, op_id op, const char *name) {
    const char *what = op_get(op)->name;
    if (!graph_name_fits(g, what, name))
        return false;
    const op_node *first = *graph_leaf_slot(g, name);
    if (!first)
        return true;
    error_set(g->problem, STATUS_ARGUMENT, g->builder.where,
              "%s: the name \"%s\" belongs to the %s made at %s; "
              "give each input and param a name of its own",
              what, name, op_get((op_id)first->op)->name, graph_place(g, first->where));
    return false;
}

static bool graph_is_leaf(op_id op) {
    return op == OP_INPUT || op == OP_PARAM;
}

/* Fills *n for a node that could be made next; list has room for LIMIT_ARGUMENTS. false: no such
 * node (or a mistake). */
static bool graph_candidate(graph *g, op_node *n, op_node **list, op_id op,
                            op_node *const *arguments, int count, const op_attributes *attributes) {
    if (g->problem->code != STATUS_OK)
        return false;
    const op_info *info = op_get(op);
    if (count < info->least || count > info->most || count > LIMIT_ARGUMENTS) {
        const char *range = info->least == info->most
                                ? arena_print(g->memory, "%d", info->least)
                                : arena_print(g->memory, "%d to %d", info->least, info->most);
        error_set(g->problem, STATUS_ARGUMENT, g->builder.where, "%s: takes %s argument%s, not %d",
                  info->name, range, info->most == 1 ? "" : "s", count);
        return false;
    }
    bool state = op == OP_DELAY && attributes->domain != 0;
    for (int i = 0; i < count; i++) {
        if (!arguments[i] && !(state && i == 0))
            return false;
        list[i] = arguments[i];
    }
    memset(n, 0, sizeof *n);
    n->id = (uint32_t)g->nodes.count;
    n->op = (uint8_t)op;
    n->count = (uint16_t)count;
    n->arguments = list;
    n->where = g->builder.where;
    graph_attributes_copy(g, op, attributes, &n->attributes);
    if (graph_is_leaf(op)) {
        if (!graph_leaf_check(g, op, n->attributes.text))
            return false;
        n->name = n->attributes.text;
    }
    if (info->infer(&g->builder, n))
        return true;
    assert(g->problem->code != STATUS_OK);
    return false;
}

static op_node *graph_store(graph *g, const op_node *candidate) {
    if (g->nodes.count >= LIMIT_NODES) {
        error_set(g->problem, STATUS_SIZE, candidate->where, "graph: more than %d values",
                  (int)LIMIT_NODES);
        return NULL;
    }
    op_node *n = arena_new(g->memory, op_node);
    *n = *candidate;
    n->id = (uint32_t)g->nodes.count; /* folding may have made others since */
    n->arguments = arena_array(g->memory, op_node *, n->count);
    for (int i = 0; i < n->count; i++)
        n->arguments[i] = candidate->arguments[i];
    vec_push(g->memory, &g->nodes, n);
    if (graph_is_leaf((op_id)n->op))
        *graph_leaf_slot(g, n->name) = n;
    return n;
}

static bool graph_is_open(const op_node *n) {
    return n->op == OP_DELAY && !n->arguments[0];
}

static op_node *graph_make(op_builder *b, op_id op, op_node *const *arguments, int count,
                           const op_attributes *attributes) {
    graph *g = (graph *)b;
    op_node candidate, *list[LIMIT_ARGUMENTS];
    if (!graph_candidate(g, &candidate, list, op, arguments, count, attributes))
        return NULL;
    if (graph_is_open(&candidate))
        return graph_store(g, &candidate);
    op_node **slot = graph_slot(g, &candidate);
    if (*slot)
        return *slot;
    op_node *made = fold_apply(b, &candidate);
    if (g->problem->code != STATUS_OK)
        return NULL;
    if (made)
        assert(made->dtype == candidate.dtype && made->domain == candidate.domain &&
               op_shape_equal(&made->shape, &candidate.shape));
    else
        made = graph_store(g, &candidate);
    *slot = made;
    return made;
}

op_node *graph_make_raw(graph *g, op_id op, op_node *const *arguments, int count,
                        const op_attributes *attributes) {
    op_node candidate, *list[LIMIT_ARGUMENTS];
    if (!graph_candidate(g, &candidate, list, op, arguments, count, attributes))
        return NULL;
    op_node *made = graph_store(g, &candidate);
    if (!made || graph_is_open(made))
        return made;
    op_node **slot = graph_slot(g, made);
    if (!*slot)
        *slot = made;
    return made;
}

/* ---- the builder's other functions */

static op_node *graph_lengths(op_builder *b, int axis) {
    graph *g = (graph *)b;
    assert(axis >= 0 && axis < g->axis_count);
    g->axes[axis].used = true;
    return g->axes[axis].lengths;
}

/* NULL for an axis that does not exist: how infer functions check one. */
static const char *graph_axis_name(op_builder *b, int axis) {
    graph *g = (graph *)b;
    return axis >= 0 && axis < g->axis_count ? g->axes[axis].name : NULL;
}

static bool graph_axis_is_batch(op_builder *b, int axis) {
    graph *g = (graph *)b;
    assert(axis >= 0 && axis < g->axis_count);
    return g->axes[axis].batch;
}

static int64_t graph_axis_extent(op_builder *b, int axis) {
    graph *g = (graph *)b;
    assert(axis >= 0 && axis < g->axis_count);
    return g->axes[axis].extent;
}

static const char *graph_intern_text(op_builder *b, const char *words) {
    return intern_text(&((graph *)b)->names, words);
}

static const void *graph_intern_bytes(op_builder *b, const void *bytes, size_t count) {
    return intern_bytes(&((graph *)b)->names, bytes, count);
}

static uint64_t graph_new_stream(op_builder *b) {
    return ++((graph *)b)->streams;
}

void graph_init(graph *g, arena *memory, error *problem) {
    memset(g, 0, sizeof *g);
    g->memory = memory;
    g->problem = problem;
    g->builder = (op_builder){.make = graph_make,
                              .lengths = graph_lengths,
                              .axis_name = graph_axis_name,
                              .axis_is_batch = graph_axis_is_batch,
                              .axis_extent = graph_axis_extent,
                              .substitute = rewrite_substitute,
                              .intern_text = graph_intern_text,
                              .intern_bytes = graph_intern_bytes,
                              .new_stream = graph_new_stream,
                              .memory = memory,
                              .problem = problem};
    intern_init(&g->names, memory);
    intern_init(&g->shared, memory);
}

/* ---- axes */

/* Axes stand in messages, dumps and C code as plain words. */
static bool graph_is_word(const char *name) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return strchr(first, name[0]) &&
           strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") ==
               strlen(name);
}

int graph_axis_find(const graph *g, const char *name) {
    for (int a = 0; a < g->axis_count; a++)
        if (strcmp(g->axes[a].name, name) == 0)
            return a;
    return -1;
}

int graph_axis_add(graph *g, const char *name, bool batch, int64_t extent) {
    site where = g->builder.where;
    if (g->problem->code != STATUS_OK || !graph_name_fits(g, "axis", name))
        return -1;
    if (!graph_is_word(name))
        error_set(g->problem, STATUS_ARGUMENT, where,
                  "axis: the name \"%s\" is not a word of letters, digits and _", name);
    else if (graph_axis_find(g, name) >= 0)
        error_set(g->problem, STATUS_ARGUMENT, where, "axis: there is an axis named \"%s\" already",
                  name);
    else if (extent < -1 || extent > INT32_MAX)
        error_set(g->problem, STATUS_SIZE, where,
                  "axis %s: the extent %lld is not in 0 to %d (-1: a run-time number)", name,
                  (long long)extent, INT32_MAX);
    else if (g->axis_count == LIMIT_AXES)
        error_set(g->problem, STATUS_SIZE, where, "axis %s: a model has at most %d axes", name,
                  (int)LIMIT_AXES);
    if (g->problem->code != STATUS_OK)
        return -1;
    g->axes[g->axis_count] =
        (graph_axis){.name = intern_text(&g->names, name), .batch = batch, .extent = extent};
    return g->axis_count++;
}

bool graph_axis_lengths(graph *g, int axis, op_node *lengths) {
    if (g->problem->code != STATUS_OK || !lengths)
        return false;
    assert(axis >= 0 && axis < g->axis_count);
    graph_axis *a = &g->axes[axis];
    const char *type = op_describe(&g->builder, lengths);
    site where = g->builder.where;
    if (lengths->dtype != DTYPE_I32 || lengths->shape.rank != 0)
        error_set(g->problem, STATUS_SHAPE, where,
                  "lengths of %s: expected i32 with shape [], but %s is %s", a->name,
                  print_name(g->memory, lengths), type);
    else if (lengths->domain >> axis & 1)
        error_set(g->problem, STATUS_SHAPE, where,
                  "lengths of %s: %s is %s; lengths may not vary along their own axis", a->name,
                  print_name(g->memory, lengths), type);
    else if (a->used || a->lengths)
        error_set(g->problem, STATUS_ARGUMENT, where,
                  "lengths of %s: they are set already or values depend on the end of this axis; "
                  "set lengths once, right after "
                  "the axis is made",
                  a->name);
    if (g->problem->code != STATUS_OK)
        return false;
    a->lengths = lengths;
    return true;
}

int graph_axis_order(const graph *g, uint32_t domain, int out[LIMIT_AXES]) {
    int count = 0;
    for (int batch = 0; batch < 2; batch++)
        for (int a = 0; a < g->axis_count; a++)
            if ((domain >> a & 1) && g->axes[a].batch == (batch == 1))
                out[count++] = a;
    return count;
}

/* ---- states, results, names */

bool graph_bind(graph *g, op_node *delay, op_node *x) {
    if (g->problem->code != STATUS_OK || !delay || !x)
        return false;
    op_builder *b = &g->builder;
    const char *name = print_name(g->memory, delay);
    if (delay->op != OP_DELAY || !(delay->attributes.domain))
        error_set(g->problem, STATUS_ARGUMENT, b->where, "bind: %s is not a state", name);
    else if (delay->arguments[0])
        error_set(g->problem, STATUS_ARGUMENT, b->where,
                  "bind: the state %s has its next value already: %s", name,
                  print_name(g->memory, delay->arguments[0]));
    else if (x->dtype != delay->dtype || !op_shape_equal(&x->shape, &delay->shape))
        error_set(g->problem, STATUS_SHAPE, b->where,
                  "bind: the state %s (made at %s) is %s, but its next value %s is %s; "
                  "they need one dtype and shape",
                  name, graph_place(g, delay->where), op_describe(b, delay),
                  print_name(g->memory, x), op_describe(b, x));
    else if (x->domain & ~delay->domain)
        error_set(g->problem, STATUS_SHAPE, b->where,
                  "bind: the state %s (made at %s) is %s, but its next value %s is %s; "
                  "declare the state over all axes of its "
                  "next value",
                  name, graph_place(g, delay->where), op_describe(b, delay),
                  print_name(g->memory, x), op_describe(b, x));
    if (g->problem->code != STATUS_OK)
        return false;
    delay->arguments[0] = make_expand(b, x, delay->domain & ~x->domain);
    return delay->arguments[0] != NULL;
}

void graph_output_add(graph *g, const char *name, op_node *node) {
    if (g->problem->code != STATUS_OK || !node || !graph_name_fits(g, "output", name))
        return;
    for (size_t i = 0; i < g->outputs.count; i++)
        if (strcmp(g->outputs.at[i].name, name) == 0) {
            error_set(g->problem, STATUS_ARGUMENT, g->builder.where,
                      "output: there is an output named \"%s\" already: %s", name,
                      print_name(g->memory, g->outputs.at[i].node));
            return;
        }
    vec_push(g->memory, &g->outputs, (graph_output){intern_text(&g->names, name), node});
}

void graph_update_add(graph *g, op_node *variable, op_node *node) {
    if (g->problem->code != STATUS_OK || !variable || !node)
        return;
    op_builder *b = &g->builder;
    const char *name = print_name(g->memory, variable);
    if (variable->op != OP_PARAM)
        error_set(g->problem, STATUS_ARGUMENT, b->where, "update: %s is not a param", name);
    for (size_t i = 0; i < g->updates.count; i++)
        if (g->updates.at[i].variable == variable)
            error_set(g->problem, STATUS_ARGUMENT, b->where,
                      "update: the param %s has an update already: %s", name,
                      print_name(g->memory, g->updates.at[i].node));
    if (node->dtype != variable->dtype || !op_shape_equal(&node->shape, &variable->shape) ||
        (node->domain & ~variable->domain))
        error_set(g->problem, STATUS_SHAPE, b->where,
                  "update: the param %s is %s, but its new value %s is %s", name,
                  op_describe(b, variable), print_name(g->memory, node), op_describe(b, node));
    if (g->problem->code != STATUS_OK)
        return;
    node = make_expand(b, node, variable->domain & ~node->domain);
    if (node)
        vec_push(g->memory, &g->updates, (graph_update){variable, node});
}

op_node *graph_name(graph *g, op_node *node, const char *name) {
    if (!node || node->name)
        return node;
    if (!graph_name_fits(g, "name", name))
        return NULL;
    node->name = intern_text(&g->names, name);
    return node;
}

/* ---- walks */

void graph_postorder(arena *memory, op_node *const *roots, size_t count, bool cut, node_list *out) {
    typedef struct step {
        op_node *node;
        int next;
    } step;
    VEC(step) stack = {0};
    VEC(bool) seen = {0};
    for (size_t r = 0; r < count; r++) {
        op_node *enter = roots[r];
        for (;;) {
            if (enter) {
                if (enter->id >= seen.count) {
                    vec_reserve(memory, &seen, enter->id + 1 - seen.count);
                    seen.count = enter->id + 1;
                }
                if (!seen.at[enter->id]) {
                    seen.at[enter->id] = true;
                    vec_push(memory, &stack, (step){enter, cut && enter->op == OP_DELAY ? 1 : 0});
                }
                enter = NULL;
            }
            if (stack.count == 0)
                break;
            step *top = &vec_last(&stack);
            if (top->next < op_live_count(top->node)) {
                enter = top->node->arguments[top->next++];
            } else {
                vec_push(memory, out, top->node);
                stack.count--;
            }
        }
    }
}

void graph_roots(const graph *g, arena *memory, node_list *out) {
    for (size_t i = 0; i < g->outputs.count; i++)
        vec_push(memory, out, g->outputs.at[i].node);
    for (size_t i = 0; i < g->updates.count; i++)
        vec_push(memory, out, g->updates.at[i].node);
}
