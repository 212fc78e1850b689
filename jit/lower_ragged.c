/* Samples that have ended are not computed.
 *
 * The steps past a sample's length are padding: whatever stands there, nobody may see it, and every
 * reader that could has a mask of its own (a select, or the lengths of a delay). So most of what a
 * loop computes for a sample that has ended is never looked at. Which values those are is found
 * here, from the graph alone: a value is *needed in the padding* of an axis if a reader looks at
 * its padding without a mask, or is itself needed there and reads it point by point; results are
 * needed everywhere. No operation is trusted to be harmless: a graph that somebody wrote without
 * masks is computed as it stands.
 *
 * Nests of values that are not needed there run over fewer samples: at step t up to the last one
 * that is longer than t. How many those are is a value like any other, of type {t}, which the
 * program computes first. Sorted by falling length the samples are exactly those that live; in any
 * other order some that have ended run along, as all did before. No order of the caller's changes.
 *
 * What sums over samples goes one sample further, to the first that has ended. Its terms are the
 * sum's identity by the masks in front of it; one such term makes -0 into +0, and all that follow
 * change nothing: so a sum that leaves those out keeps every bit, and one that left out all would
 * not. */
#include <string.h>

#include "jit/lower_internal.h"

enum { RAGGED_DEPTH = 8 /* of a condition that is looked through */ };

static uint32_t ragged_bit(int axis) {
    return UINT32_C(1) << axis;
}

/* The lengths of an axis if the program can count by them: given, one for each sample. */
static const op_node *ragged_lengths(const graph *g, int axis) {
    const op_node *lengths = g->axes[axis].lengths;
    if (g->axes[axis].batch || !lengths || lengths->op != OP_INPUT || lengths->shape.rank != 0)
        return NULL;
    for (int b = 0; b < g->axis_count; b++)
        if (lengths->domain == ragged_bit(b) && g->axes[b].batch)
            return lengths;
    return NULL;
}

static int ragged_samples(const op_node *lengths) {
    int axis = 0;
    while (lengths->domain != ragged_bit(axis))
        axis++;
    return axis;
}

/* The axes along which n has padding. */
static uint32_t ragged_axes(const graph *g, const op_node *n) {
    uint32_t axes = 0;
    for (int a = 0; a < g->axis_count; a++) {
        const op_node *lengths = ragged_lengths(g, a);
        if (lengths && (n->domain >> a & 1) != 0 && (lengths->domain & ~n->domain) == 0)
            axes |= ragged_bit(a);
    }
    return axes;
}

/* ---- who needs padding */

/* The axes in whose padding a condition is false for certain. Depth: RAGGED_DEPTH. */
static uint32_t ragged_masks(const graph *g, const op_node *condition, int depth) {
    const op_node *const *from = (const op_node *const *)condition->arguments;
    if (depth == RAGGED_DEPTH)
        return 0;
    switch (condition->op) {
    case OP_LT:
        return from[0]->op == OP_STEP && from[1] == g->axes[from[0]->attributes.axis].lengths
                   ? ragged_bit(from[0]->attributes.axis)
                   : 0;
    case OP_AND:
        return ragged_masks(g, from[0], depth + 1) | ragged_masks(g, from[1], depth + 1);
    case OP_BROADCAST:
    case OP_EXPAND:
    case OP_KEEP:
        return ragged_masks(g, from[0], depth + 1);
    default:
        return 0;
    }
}

/* The axes whose padding is looked at by who sees argument i of n at all places of these axes. */
static uint32_t ragged_seen(const graph *g, uint32_t whole) {
    uint32_t seen = whole;
    for (int a = 0; a < g->axis_count; a++)
        if (g->axes[a].lengths && (g->axes[a].lengths->domain & whole) != 0)
            seen |= ragged_bit(a);
    return seen;
}

/* The axes in whose padding n needs its argument i, if n itself is needed in that of `needed`. */
static uint32_t ragged_passes(const graph *g, const op_node *n, int i, uint32_t needed) {
    int along = n->attributes.axis;
    uint32_t whole = 0;
    if (n->op == OP_SELECT && i == 1)
        return needed & ~ragged_masks(g, n->arguments[0], 0);
    if ((n->op == OP_DELAY || n->op == OP_AT) && i == 0) {
        int lengths = n->op == OP_DELAY ? 2 : 3;
        bool inside = n->count > lengths && n->arguments[lengths] == g->axes[along].lengths;
        if (inside)
            return needed & ~ragged_bit(along);
        if (n->op == OP_DELAY && n->attributes.distance > 0 && !g->axes[along].batch)
            return needed; /* earlier steps of a sample that lives */
        return needed | ragged_seen(g, ragged_bit(along));
    }
    for (int a = 0; a < g->axis_count; a++)
        if (op_collapses(n, i, a))
            whole |= ragged_bit(a);
    return needed | ragged_seen(g, whole);
}

/* Readers have larger numbers than what they read, but for delays: few rounds are enough. */
void ragged_find(lower *l, const node_list *nodes, const node_list *roots) {
    const graph *g = l->g;
    bool changed = true;
    l->needed = arena_array(l->memory, uint32_t, g->nodes.count);
    for (size_t i = 0; i < nodes->count; i++)
        l->needed[nodes->at[i]->id] = ~ragged_axes(g, nodes->at[i]);
    for (size_t i = 0; i < roots->count; i++)
        l->needed[roots->at[i]->id] = ~UINT32_C(0);
    while (changed) {
        changed = false;
        for (size_t i = nodes->count; i-- > 0;) {
            const op_node *n = nodes->at[i];
            for (int k = 0; k < op_live_count(n); k++) {
                uint32_t *of = &l->needed[n->arguments[k]->id];
                uint32_t more = *of | ragged_passes(g, n, k, l->needed[n->id]);
                changed |= more != *of;
                *of = more;
            }
        }
    }
}

uint32_t ragged_free(const lower *l, const op_node *n) {
    return ~l->needed[n->id];
}

/* ---- how many samples live */

/* The buffer of the numbers, by step of an axis; made for who reads it first. */
static int32_t ragged_alive(lower *l, int axis) {
    nest_buffer counts;
    if (l->alive[axis] == 0) {
        memset(&counts, 0, sizeof counts);
        counts.name = arena_print(l->memory, "samples alive by %s", l->g->axes[axis].name);
        counts.node = ragged_lengths(l->g, axis);
        counts.storage = NEST_ARENA;
        counts.type = DTYPE_I32;
        counts.axes[counts.axis_count++] = axis;
        vec_push(l->memory, &l->plan->buffers, counts);
        l->alive[axis] = (int32_t)l->plan->buffers.count;
    }
    return l->alive[axis] - 1;
}

/* 1 + the number of the last sample that is longer than the step; 0: none is. */
static void ragged_count(lower *l, int axis, nest_list *out) {
    const op_node *lengths = ragged_lengths(l->g, axis);
    lower_open(l, lengths, "_alive", out);
    nest_ref step = lower_axis_range(l, axis, false, false, false);
    nest_ref sample = lower_axis_range(l, ragged_samples(lengths), false, true, false);
    int32_t given = lower_buffer(l, lengths, NEST_INPUT, lengths->attributes.text);
    nest_ref length = tape_cast(l, tape_load(l, given, &sample, 1, false, false), BODY_I64);
    body_value zero;
    memset(&zero, 0, sizeof zero);
    nest_ref before = lower_state(l, NEST_FOLD, lower_add_fold(l, BODY_I32, zero), BODY_I32);
    nest_ref next = tape_body(l, BODY_ADD, BODY_I64, sample, tape_integer(l, 1), -1);
    nest_ref lives = tape_body(l, BODY_LT, BODY_BOOL, step, length, -1);
    l->open->folds.at[0].next =
        tape_body(l, BODY_SELECT, BODY_I32, lives, tape_cast(l, next, BODY_I32), before);
    tape_store(l, l->alive[axis] - 1, &step, 1, lower_state(l, NEST_RESULT, 0, BODY_I32));
    lower_close(l);
}

void ragged_counts(lower *l) {
    nest_list items = {0};
    for (int a = 0; a < l->g->axis_count; a++)
        if (l->alive[a] > 0)
            ragged_count(l, a, &items);
    for (size_t i = 0; i < l->plan->items.count; i++)
        vec_push(l->memory, &items, l->plan->items.at[i]);
    l->plan->items = items;
}

/* ---- nests that end early */

void ragged_clip(lower *l, const lower_point *at, uint32_t axes, int further) {
    for (int a = 0; a < l->g->axis_count; a++) {
        const op_node *lengths = (axes >> a & 1) != 0 ? ragged_lengths(l->g, a) : NULL;
        nest_ref sample = lengths ? at->axis[ragged_samples(lengths)] : -1;
        if (sample < 0 || at->axis[a] < 0 || l->open->tape.at[sample].op != NEST_RANGE)
            continue;
        nest_range *range = &l->open->ranges.at[l->open->tape.at[sample].which];
        if (range->ordered || range->descending)
            continue;
        nest_ref count = tape_load(l, ragged_alive(l, a), &at->axis[a], 1, false, false);
        nest_ref end = tape_cast(l, count, BODY_I64);
        end = tape_body(l, BODY_ADD, BODY_I64, end, tape_integer(l, further), -1);
        range->end = 1 + (range->end > 0 ? tape_least(l, range->end - 1, end) : end);
    }
}

static bool ragged_is_identity(const op_node *n, const body_value *identity) {
    while (n->op == OP_BROADCAST || n->op == OP_EXPAND)
        n = n->arguments[0];
    return n->op == OP_CONSTANT && (size_t)n->attributes.bytes == dtype_size((dtype)n->dtype) &&
           memcmp(n->attributes.data, identity, dtype_size((dtype)n->dtype)) == 0;
}

uint32_t ragged_sum(const lower *l, const op_node *n) {
    op_kind kind = n->op == OP_TOTAL ? (op_kind)n->attributes.kind : OP_KIND_SUM;
    body_value identity;
    memset(&identity, 0, sizeof identity);
    if (kind != OP_KIND_SUM && kind != OP_KIND_MAX)
        return 0;
    if (kind == OP_KIND_MAX)
        identity = op_fold_of(kind, (dtype)n->dtype).identity[0];
    uint32_t axes = ~UINT32_C(0);
    for (int i = 0; i < op_live_count(n); i++) {
        const op_node *x = n->arguments[i];
        bool masked = x->op == OP_SELECT && ragged_is_identity(x->arguments[2], &identity);
        axes &= masked ? ragged_masks(l->g, x->arguments[0], 0) : 0;
    }
    return axes;
}
