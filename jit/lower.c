/* Lowering: from scheduled values to nests.
 *
 * The schedule says what must step through time; inside one list of items (the whole program, or
 * the body of a loop) any order that respects dependences is right. This file picks one that makes
 * few, large nests: values that are computed element by element over the same ranges join one nest
 * while nothing that they read through a changed index is made in it. Values that only pass through
 * registers are never stored (lower_finish drops their stores). Trying a value in the open nest is
 * done by lowering it and rolling back if it reads a member at another point: there is no second
 * copy of the rules. */
#include <assert.h>
#include <string.h>

#include "jit/lower_internal.h"

enum { LOWER_COST = 32 /* free ops at most that a reader computes again */ };

/* ---- classification */

static bool lower_is_free_op(const op_node *n) {
    switch (n->op) {
    case OP_SLICE:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_BROADCAST:
    case OP_EXPAND:
    case OP_STACK:
    case OP_SPREAD:
    case OP_SELECT:
    case OP_LT:
    case OP_LE:
    case OP_EQ:
    case OP_NE:
    case OP_AND:
    case OP_OR:
    case OP_NOT:
    case OP_CAST:
    case OP_CUSTOM:
    case OP_KEEP:
    case OP_DELAY:
        return true;
    default:
        return false;
    }
}

static lower_class lower_classify_one(const op_node *n) {
    switch (op_get((op_id)n->op)->family) {
    case OP_FAMILY_LEAF:
        return LOWER_LEAF;
    case OP_FAMILY_REDUCE:
    case OP_FAMILY_SCATTER:
        return LOWER_OWN;
    case OP_FAMILY_CONTRACT:
        return read_is_product(n) ? LOWER_GROUPED : LOWER_OWN;
    default:
        if (n->op == OP_CONCAT)
            return LOWER_OWN;
        /* What begins anew in each block is computed in its own block alone, whoever reads it. */
        if (checkpoint_is(n) || (n->op == OP_DELAY && n->attributes.resumes))
            return LOWER_GROUPED;
        return lower_is_free_op(n) ? LOWER_FREE : LOWER_GROUPED;
    }
}

/* A reshape that is not plain reads its argument by element number: the argument must be in memory.
 */
static void lower_force_memory(lower *l, const op_node *n) {
    int8_t map[LIMIT_RANK];
    if (n->op != OP_RESHAPE || read_reshape_is_plain(n, map))
        return;
    uint8_t *c = &l->class_of[n->arguments[0]->id];
    if (*c == LOWER_FREE)
        *c = LOWER_GROUPED;
}

/* A cycle of free values would be read in place without end: what a state delays must be in memory,
 * if only under another name. */
static void lower_force_state(lower *l, const op_node *n) {
    if (n->op != OP_DELAY || n->arguments[0]->id < n->id)
        return;
    const op_node *next = n->arguments[0], *under = next;
    while (under->op == OP_KEEP && under->arguments[0]->id < under->id)
        under = under->arguments[0];
    uint8_t *c = &l->class_of[next->id];
    if (*c == LOWER_FREE && l->class_of[under->id] == LOWER_FREE)
        *c = LOWER_GROUPED;
}

/* A value that nobody reads but one state is kept for one step only, if what is kept is the state:
 * that may be read later too. */
static void lower_keep_states(lower *l, const node_list *nodes, const node_list *roots) {
    int32_t *readers = arena_array(l->memory, int32_t, l->g->nodes.count);
    for (size_t i = 0; i < nodes->count; i++)
        for (int k = 0; k < op_live_count(nodes->at[i]); k++)
            readers[nodes->at[i]->arguments[k]->id]++;
    for (size_t i = 0; i < roots->count; i++)
        readers[roots->at[i]->id]++;
    for (size_t i = 0; i < nodes->count; i++) {
        const op_node *n = nodes->at[i];
        if (n->op == OP_DELAY && n->arguments[0]->id > n->id && !checkpoint_is(n->arguments[0]) &&
            readers[n->arguments[0]->id] == 1)
            l->class_of[n->id] = LOWER_GROUPED;
    }
}

/* nodes: by number. */
static void lower_classify(lower *l, const node_list *nodes) {
    size_t count = l->g->nodes.count;
    int32_t *cost = arena_array(l->memory, int32_t, count);
    bool *feeds_fold = arena_array(l->memory, bool, count);
    for (size_t i = 0; i < nodes->count; i++)
        l->class_of[nodes->at[i]->id] = (uint8_t)lower_classify_one(nodes->at[i]);
    for (size_t i = nodes->count; i-- > 0;) {
        const op_node *n = nodes->at[i];
        lower_force_memory(l, n);
        lower_force_state(l, n);
        bool passes = (l->class_of[n->id] == LOWER_OWN && n->op != OP_CONCAT) ||
                      (l->class_of[n->id] == LOWER_FREE && feeds_fold[n->id]);
        for (int k = 0; passes && k < op_live_count(n); k++)
            feeds_fold[n->arguments[k]->id] = true;
    }
    for (size_t i = 0; i < nodes->count; i++) {
        const op_node *n = nodes->at[i];
        if (l->class_of[n->id] != LOWER_FREE)
            continue;
        if (n->op == OP_DELAY && feeds_fold[n->id] && !checkpoint_is(n->arguments[0]))
            l->class_of[n->id] = LOWER_GROUPED;
        cost[n->id] = 1;
        for (int k = 0; k < op_live_count(n); k++)
            if (l->class_of[n->arguments[k]->id] == LOWER_FREE)
                cost[n->id] += cost[n->arguments[k]->id];
        if (cost[n->id] > LOWER_COST)
            l->class_of[n->id] = LOWER_GROUPED;
    }
}

/* ---- one list of items */

typedef struct lower_work {
    const schedule_list *items;
    int32_t *waiting; /* by item: dependences not yet emitted */
    bool *done;
    int32_t *refused;       /* by item: serial number of the group that could not take it */
    VEC(int32_t) * readers; /* by item: items that wait for it (repeated as often as they depend) */
} lower_work;

static void lower_list(lower *l, const schedule_list *items, nest_list *out);

void lower_members(arena *memory, const schedule_item *item, node_list *out) {
    if (item->node) {
        vec_push(memory, out, item->node);
        return;
    }
    for (size_t i = 0; i < item->items.count; i++)
        lower_members(memory, &item->items.at[i], out);
}

static void lower_dependences(lower *l, lower_work *w) {
    size_t count = w->items->count;
    int32_t *item_of = arena_array(l->memory, int32_t, l->g->nodes.count);
    for (size_t i = 0; i < l->g->nodes.count; i++)
        item_of[i] = -1;
    node_list *members = arena_array(l->memory, node_list, count);
    for (size_t i = 0; i < count; i++) {
        lower_members(l->memory, &w->items->at[i], &members[i]);
        for (size_t k = 0; k < members[i].count; k++)
            item_of[members[i].at[k]->id] = (int32_t)i;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < members[i].count; k++) {
            const op_node *n = members[i].at[k];
            for (int a = 0; a < op_live_count(n); a++) {
                if (a == 0 && n->op == OP_DELAY && lower_in_loop(l, n->attributes.axis))
                    continue;
                int32_t from = item_of[n->arguments[a]->id];
                if (from < 0 || from == (int32_t)i)
                    continue;
                vec_push(l->memory, &w->readers[from], (int32_t)i);
                w->waiting[i]++;
            }
        }
}

static void lower_done(lower_work *w, size_t item) {
    w->done[item] = true;
    for (size_t i = 0; i < w->readers[item].count; i++)
        w->waiting[w->readers[item].at[i]]--;
}

/* Computes n in the open nest, if it can. */
static bool lower_join(lower *l, const op_node *n) {
    size_t tape = l->open->tape.count, memo = l->memo.count;
    l->conflict = false;
    nest_ref value = read_compute(l, n, &l->canonical);
    if (l->conflict) {
        l->open->tape.count = tape;
        l->memo.count = memo;
        return false;
    }
    int32_t buffer = lower_buffer(l, n, NEST_ARENA, NULL);
    nest_ref indices[LIMIT_AXES + LIMIT_RANK];
    lower_point at = l->canonical;
    if (checkpoint_is(n))
        at.axis[n->attributes.axis] = checkpoint_written(l, n, at.axis[n->attributes.axis]);
    int count = read_storage_indices(l, n, &at, indices);
    tape_store(l, buffer, indices, count, value);
    l->home[n->id] = l->open;
    lower_memo m = {n, l->canonical, value};
    vec_push(l->memory, &l->memo, m);
    return true;
}

/* Emits what costs nothing: free values and leaves become available at once. True if anything did.
 */
static bool lower_pass_free(lower *l, lower_work *w) {
    bool any = false;
    for (size_t i = 0; i < w->items->count; i++) {
        const op_node *n = w->items->at[i].node;
        if (!n || w->done[i] || w->waiting[i] > 0 || l->class_of[n->id] > LOWER_FREE)
            continue;
        lower_done(w, i);
        any = true;
    }
    return any;
}

/* One group: opened with `first`, joined by every value of the same ranges that becomes ready;
 * named after the last of them that the user has named. */
static void lower_group(lower *l, lower_work *w, size_t first, int32_t serial, nest_list *out) {
    const op_node *lead = w->items->at[first].node, *named = NULL;
    lower_open(l, lead, "", out);
    lower_canonical(l, lead->domain, &lead->shape);
    ragged_clip(l, &l->canonical, ragged_free(l, lead), 0);
    bool joined = lower_join(l, lead);
    assert(joined && "the first of a group reads nothing of its own nest");
    (void)joined;
    lower_done(w, first);
    for (bool any = true; any;) {
        any = lower_pass_free(l, w);
        for (size_t i = 0; i < w->items->count; i++) {
            const op_node *n = w->items->at[i].node;
            if (!n || w->done[i] || w->waiting[i] > 0 || w->refused[i] == serial ||
                l->class_of[n->id] != LOWER_GROUPED)
                continue;
            if (n->domain != lead->domain || !op_shape_equal(&n->shape, &lead->shape) ||
                ragged_free(l, n) != ragged_free(l, lead) || !lower_join(l, n)) {
                w->refused[i] = serial;
                continue;
            }
            named = n->name ? n : named;
            lower_done(w, i);
            any = true;
        }
    }
    if (named)
        lower_rename(l, named);
    lower_close(l);
}

static void lower_loop(lower *l, const schedule_item *item, nest_list *out) {
    nest_item loop = {.kernel = NULL, .axis = item->axis, .sign = item->sign, .block = item->block};
    if (item->block) {
        l->block = item->axis;
        l->outside = out;
        lower_list(l, &item->items, &loop.items);
        l->block = -1;
    } else {
        l->loops[l->loop_count++] = item->axis;
        lower_list(l, &item->items, &loop.items);
        l->loop_count--;
    }
    vec_push(l->memory, out, loop);
}

/* Depth of recursion: number of nested loops, at most the number of axes. */
static void lower_list(lower *l, const schedule_list *items, nest_list *out) {
    lower_work w = {.items = items};
    size_t count = items->count, left = count;
    w.waiting = arena_array(l->memory, int32_t, count);
    w.done = arena_array(l->memory, bool, count);
    w.refused = arena_array(l->memory, int32_t, count);
    w.readers = arena_take_array(l->memory, count, sizeof *w.readers);
    lower_dependences(l, &w);
    for (int32_t serial = 1; left > 0; serial++) {
        while (lower_pass_free(l, &w))
            continue;
        size_t fold = count, group = count, loop = count;
        left = 0;
        for (size_t i = 0; i < count; i++) {
            if (w.done[i])
                continue;
            left++;
            if (w.waiting[i] > 0)
                continue;
            const op_node *n = items->at[i].node;
            size_t *slot = !n ? &loop : l->class_of[n->id] == LOWER_OWN ? &fold : &group;
            if (*slot == count)
                *slot = i;
        }
        if (left == 0)
            break;
        if (fold < count) {
            lower_own(l, items->at[fold].node, out);
            lower_done(&w, fold);
        } else if (group < count) {
            lower_group(l, &w, group, serial, out);
        } else {
            assert(loop < count && "a schedule has no cycles between items");
            lower_loop(l, &items->at[loop], out);
            lower_done(&w, loop);
        }
    }
}

/* ---- outputs */

/* A nest that copies a value to another buffer. */
static void lower_copy(lower *l, const op_node *n, int32_t buffer, const char *suffix,
                       nest_list *out) {
    lower_open(l, n, suffix, out);
    lower_canonical(l, n->domain, &n->shape);
    nest_ref indices[LIMIT_AXES + LIMIT_RANK];
    int axes[LIMIT_AXES], count = 0, held = graph_axis_order(l->g, n->domain, axes);
    for (int i = 0; i < held; i++)
        indices[count++] = l->canonical.axis[axes[i]];
    for (int i = 0; i < n->shape.rank; i++)
        indices[count++] = l->canonical.dimension[i];
    nest_ref value = read_value(l, n, &l->canonical);
    tape_store(l, buffer, indices, count, value);
    lower_close(l);
}

static int32_t lower_result_buffer(lower *l, const op_node *n, nest_storage storage,
                                   const char *name) {
    int32_t own = l->buffer_of[n->id];
    l->buffer_of[n->id] = -1;
    int32_t made = lower_buffer(l, n, storage, name);
    l->buffer_of[n->id] = own;
    return made;
}

static void lower_outputs(lower *l) {
    const graph *g = l->g;
    for (size_t i = 0; i < g->outputs.count; i++) {
        const op_node *n = g->outputs.at[i].node;
        int32_t own = l->buffer_of[n->id];
        if (own >= 0 && l->class_of[n->id] >= LOWER_GROUPED &&
            l->plan->buffers.at[own].storage == NEST_ARENA) {
            l->plan->buffers.at[own].storage =
                NEST_OUTPUT; /* computed straight into the caller's memory */
            l->plan->buffers.at[own].name = g->outputs.at[i].name;
            continue;
        }
        int32_t buffer = lower_result_buffer(l, n, NEST_OUTPUT, g->outputs.at[i].name);
        lower_copy(l, n, buffer, "_output", &l->plan->items);
    }
}

/* What the roots need, by number. */
static void lower_reached(lower *l, const node_list *roots, node_list *out) {
    node_list reached = {0};
    bool *needed = arena_array(l->memory, bool, l->g->nodes.count);
    graph_postorder(l->memory, roots->at, roots->count, false, &reached);
    for (size_t i = 0; i < reached.count; i++)
        needed[reached.at[i]->id] = true;
    for (size_t i = 0; i < l->g->nodes.count; i++)
        if (needed[i])
            vec_push(l->memory, out, l->g->nodes.at[i]);
}

static const lower_readers *lower_find_readers(const lower *l, const node_list *nodes,
                                               const node_list *roots) {
    lower_readers *readers = arena_take_array(l->memory, l->g->nodes.count, sizeof *readers);
    for (size_t i = 0; i < roots->count; i++)
        vec_push(l->memory, &readers[roots->at[i]->id], NULL);
    for (size_t i = 0; i < nodes->count; i++)
        for (int k = 0; k < op_live_count(nodes->at[i]); k++)
            vec_push(l->memory, &readers[nodes->at[i]->arguments[k]->id], nodes->at[i]);
    return readers;
}

/* Depth of recursion: nested loops, at most the axes. */
static void lower_locate(lower *l, const schedule_item *item, int32_t number, int32_t loop,
                         int32_t *loops) {
    if (item->node) {
        l->loop_of[item->node->id] = loop;
        l->item_of[item->node->id] = number;
        return;
    }
    int32_t own = ++*loops;
    for (size_t i = 0; i < item->items.count; i++)
        lower_locate(l, &item->items.at[i], number, own, loops);
}

/* What a block computes counts as the program's own items. */
static void lower_locate_all(lower *l, const schedule_list *items, int32_t *number,
                             int32_t *loops) {
    for (size_t i = 0; i < items->count; i++)
        if (items->at[i].block)
            lower_locate_all(l, &items->at[i].items, number, loops);
        else
            lower_locate(l, &items->at[i], (*number)++, 0, loops);
}

nest_plan *lower_graph(graph *g, const machine *target, arena *memory) {
    lower *l = arena_new(memory, lower);
    size_t count = g->nodes.count;
    l->memory = memory;
    l->g = g;
    l->target = target;
    l->plan = arena_new(memory, nest_plan);
    l->plan->memory = memory;
    l->plan->source = g;
    l->block = -1;
    l->class_of = arena_array(memory, uint8_t, count);
    l->buffer_of = arena_array(memory, int32_t, count);
    for (size_t i = 0; i < count; i++)
        l->buffer_of[i] = -1;
    l->home = arena_array(memory, nest *, count);
    l->loop_of = arena_array(memory, int32_t, count);
    l->item_of = arena_array(memory, int32_t, count);
    intern_init(&l->names, memory);

    node_list roots = {0}, nodes = {0};
    graph_roots(g, memory, &roots);
    lower_reached(l, &roots, &nodes);
    lower_classify(l, &nodes);
    lower_keep_states(l, &nodes, &roots);
    for (size_t i = 0; i < roots.count; i++) {
        /* A masked result is computed where its value is, not copied afterwards. */
        uint8_t *c = &l->class_of[roots.at[i]->id];
        if (*c == LOWER_FREE)
            *c = LOWER_GROUPED;
    }
    schedule_list items = {0};
    if (!blocks_schedule(g, memory, roots.at, roots.count, &items))
        return NULL;
    const lower_readers *readers = lower_find_readers(l, &nodes, &roots);
    lower_follow(l, readers, &items);
    lower_sink(l, readers, &items);
    int32_t number = 0, loops = 0;
    lower_locate_all(l, &items, &number, &loops);
    lower_remat(l, &nodes, &roots);
    lower_place(l, &nodes, &roots);
    ragged_find(l, &nodes, &roots);
    lower_list(l, &items, &l->plan->items);
    lower_outputs(l);
    ragged_counts(l);
    lower_pack(l);
    lower_updates(l); /* packing moves reads of params behind what may store there */
    lower_finish(l);
    lower_parts(l);
    lower_prepare(l);
    lower_beside(&l->plan->items, memory);
    lower_takeover(l);
    nest_verify(l->plan);
    return l->plan;
}
