/* The reference evaluator: what a program means, as plainly as it can be run.
 *
 * The schedule is executed as it stands. Every value is stored whole, so that a step of a loop
 * finds what the steps before it have left; a node inside loops is computed for their current steps
 * only, one outside for all of its domain at once. Steps past the end of a sample are computed like
 * all others: their content is arbitrary and nobody reads it.
 *
 * Traps. Extents and feeds are a user's numbers: sizes pass through checked arithmetic before
 * anything is allocated. Extents may be 0; then loops run zero times, but reductions still give
 * their identity. */
#include <string.h>

#include "core/size.h"
#include "graph/eval_node.h"

/* ---- where values live */

static bool eval_axis_check(const eval *e, int axis, const op_node *n) {
    const graph_axis *a = &e->g->axes[axis];
    int64_t extent = e->extent[axis];
    if (extent < 0 || extent > INT32_MAX)
        error_set(e->g->problem, STATUS_SIZE, n->where,
                  "eval: the extent of axis %s is %lld; it must be in 0 to %d", a->name,
                  (long long)extent, INT32_MAX);
    else if (a->extent >= 0 && extent != a->extent)
        error_set(e->g->problem, STATUS_SIZE, n->where,
                  "eval: axis %s was declared with extent %lld, but the extent given is %lld",
                  a->name, (long long)a->extent, (long long)extent);
    else
        return true;
    return false;
}

/* Strides and sizes; false after a mistake. */
static bool eval_slot_layout(const eval *e, eval_slot *s) {
    const op_node *n = s->node;
    size_t elements = 1;
    bool fits = true;
    s->rank = n->shape.rank;
    for (int d = s->rank - 1; d >= 0; d--) {
        int64_t own = n->shape.dimension[d];
        if (own < 0 && !eval_axis_check(e, (int)(-1 - own), n))
            return false;
        s->dimension[d] = own < 0 ? e->extent[-1 - own] : own;
        s->stride[d] = s->dimension[d] == 1 ? 0 : (int64_t)elements;
        fits = fits && size_multiply(elements, (size_t)s->dimension[d], &elements);
    }
    s->features = (int64_t)elements;
    int axes[LIMIT_AXES], count = graph_axis_order(e->g, n->domain, axes);
    for (int a = count - 1; a >= 0; a--) {
        if (!eval_axis_check(e, axes[a], n))
            return false;
        s->axis_stride[axes[a]] = (int64_t)elements;
        fits = fits && size_multiply(elements, (size_t)e->extent[axes[a]], &elements);
    }
    size_t bytes = 0;
    s->elements = elements;
    if (fits && size_multiply(elements, dtype_size(s->type), &bytes) && bytes <= PTRDIFF_MAX)
        return true;
    error_set(e->g->problem, STATUS_SIZE, n->where,
              "eval: %s (%s) has more elements than memory can hold at these extents",
              print_name(e->memory, n), op_describe(&e->g->builder, n));
    return false;
}

/* Leaves that nobody feeds have their value from the start. */
static void eval_leaf(const eval *e, eval_slot *s) {
    const op_node *n = s->node;
    size_t size = dtype_size(s->type);
    switch ((op_id)n->op) {
    case OP_CONSTANT:
        for (size_t i = 0; i < s->elements; i++)
            memcpy((char *)s->own + i * size,
                   (const char *)n->attributes.data +
                       ((size_t)n->attributes.bytes == size ? 0 : i * size),
                   size);
        break;
    case OP_STEP:
        for (size_t i = 0; i < s->elements; i++)
            ((int32_t *)s->own)[i] = (int32_t)i;
        break;
    case OP_EXTENT:
        *(int32_t *)s->own = (int32_t)e->extent[n->attributes.axis];
        break;
    default:
        break;
    }
}

static bool eval_is_fed(const op_node *n) {
    return n->op == OP_INPUT || n->op == OP_PARAM || n->op == OP_COTANGENT;
}

static bool eval_slot_add(eval *e, const op_node *n, const eval_feed *feed) {
    eval_slot *s = arena_new(e->memory, eval_slot);
    s->node = n;
    s->type = (dtype)n->dtype;
    e->slots[n->id] = s;
    if (n->attributes.axis >= 0 && !eval_axis_check(e, n->attributes.axis, n))
        return false;
    if (!eval_slot_layout(e, s))
        return false;
    if (feed && (feed->data || s->elements == 0)) {
        s->data = feed->data;
        return true;
    }
    if (n->op == OP_GRADIENT) {
        error_set(e->g->problem, STATUS_UNSUPPORTED, n->where,
                  "eval: the gradient %s was not expanded; only a rewritten program is evaluated",
                  print_name(e->memory, n));
        return false;
    }
    if (eval_is_fed(n)) {
        error_set(e->g->problem, STATUS_MISSING, n->where, "eval: no data for %s %s (%s)",
                  op_get((op_id)n->op)->name, print_name(e->memory, n),
                  op_describe(&e->g->builder, n));
        return false;
    }
    s->data = s->own = arena_take_array(e->memory, s->elements, dtype_size(s->type));
    eval_leaf(e, s);
    return true;
}

/* ---- running the schedule */

static void eval_node(eval *e, eval_slot *s) {
    switch (op_get((op_id)s->node->op)->family) {
    case OP_FAMILY_LEAF:
        break;
    case OP_FAMILY_ELEMENTWISE:
        eval_elementwise(e, s);
        break;
    case OP_FAMILY_VIEW:
        eval_view(e, s);
        break;
    case OP_FAMILY_REDUCE:
        eval_fold(e, s);
        break;
    case OP_FAMILY_CONTRACT:
        eval_contract(e, s);
        break;
    case OP_FAMILY_INDEXED:
    case OP_FAMILY_DELAY:
        eval_indexed(e, s);
        break;
    case OP_FAMILY_SCATTER:
        eval_scatter(e, s);
        break;
    }
}

typedef struct eval_level {
    const schedule_item *loop; /* NULL: the program */
    const schedule_list *items;
    size_t next;
} eval_level;

/* Moves a loop whose body is done to its next step; false when there is none. */
static bool eval_level_advance(eval *e, eval_level *level) {
    const schedule_item *loop = level->loop;
    if (!loop)
        return false;
    int64_t step = e->position[loop->axis] += loop->sign;
    level->next = 0;
    if (step >= 0 && step < e->extent[loop->axis])
        return true;
    e->fixed &= ~((uint32_t)1 << loop->axis);
    return false;
}

static void eval_run(eval *e, const schedule_list *items) {
    eval_level stack[LIMIT_AXES + 1] = {{NULL, items, 0}};
    int depth = 0;
    while (depth >= 0) {
        eval_level *level = &stack[depth];
        if (level->next == level->items->count) {
            if (!eval_level_advance(e, level))
                depth--;
            continue;
        }
        const schedule_item *item = &level->items->at[level->next++];
        if (item->node) {
            eval_node(e, e->slots[item->node->id]);
        } else if (e->extent[item->axis] > 0) {
            e->position[item->axis] = item->sign > 0 ? 0 : e->extent[item->axis] - 1;
            e->fixed |= (uint32_t)1 << item->axis;
            stack[++depth] = (eval_level){item, &item->items, 0};
        }
    }
}

eval *eval_graph(graph *g, arena *memory, op_node *const *roots, size_t count,
                 const int64_t extents[LIMIT_AXES], const eval_feed *feeds, size_t feed_count) {
    schedule_list items = {0};
    if (g->problem->code != STATUS_OK || !schedule_graph(g, memory, roots, count, -1, &items))
        return NULL;
    eval *e = arena_new(memory, eval);
    e->g = g;
    e->memory = memory;
    memcpy(e->extent, extents, sizeof e->extent);
    e->count = g->nodes.count;
    e->slots = arena_array(memory, eval_slot *, e->count);
    const eval_feed **fed = arena_array(memory, const eval_feed *, e->count);
    for (size_t i = 0; i < feed_count; i++)
        if (feeds[i].node->id < e->count)
            fed[feeds[i].node->id] = &feeds[i];
    node_list nodes = {0};
    graph_postorder(memory, roots, count, false, &nodes);
    for (size_t i = 0; i < nodes.count; i++)
        if (!eval_slot_add(e, nodes.at[i], fed[nodes.at[i]->id]))
            return NULL;
    eval_run(e, &items);
    return e;
}

const void *eval_value(const eval *e, const op_node *node, size_t *elements) {
    const eval_slot *s = node->id < e->count ? e->slots[node->id] : NULL;
    if (!s)
        return NULL;
    *elements = s->elements;
    return s->data;
}
