/* Nests: opening one, its ranges, and the nests of folds, scatters and concats.
 *
 * Ranges are listed in memory order of the result, so the last one is contiguous and becomes the
 * vector. A fold adds its own ranges behind them, in exactly the order that the node prescribes. A
 * scatter has the ranges of its source instead, marked as ordered, and reads back what it wrote:
 * additions into one place happen in step order. Its target axis is never the step of an enclosing
 * loop: it needs its sources whole along that axis, so no cycle through it can step there. A concat
 * has a nest for each part that is not computed in its place (lower_place.c), which copies plain
 * vectors; as one nest it would choose among all parts at every element. */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "jit/lower_internal.h"

bool lower_in_loop(const lower *l, int axis) {
    for (int i = 0; i < l->loop_count; i++)
        if (l->loops[i] == axis)
            return true;
    return false;
}

/* A value without a name is called after the first argument that has one: contract_W. */
static const char *lower_plain_name(lower *l, const op_node *n) {
    const char *op = op_get((op_id)n->op)->name;
    if (n->name)
        return n->name;
    for (int i = 0; i < op_live_count(n); i++)
        if (n->arguments[i]->name)
            return arena_print(l->memory, "%s_%s", op, n->arguments[i]->name);
    return arena_print(l->memory, "%s_%u", op, (unsigned)n->id);
}

/* Letters, digits and '_' of the user's name, made unique. */
static const char *lower_unique_name(lower *l, const op_node *n, const char *suffix) {
    char clean[LIMIT_NAME + 32];
    size_t k = 0;
    for (const char *from = lower_plain_name(l, n); *from && k < LIMIT_NAME; from++)
        clean[k++] = isalnum((unsigned char)*from) ? *from : '_';
    clean[k] = 0;
    const char *name = arena_print(l->memory, "%s%s", clean, suffix);
    for (int i = 1;; i++) {
        const char *attempt = i == 1 ? name : arena_print(l->memory, "%s_%d", name, i);
        void **slot = intern_slot(&l->names, attempt, strlen(attempt));
        if (*slot == NULL) {
            *slot = l;
            return attempt;
        }
    }
}

nest *lower_open(lower *l, const op_node *n, const char *suffix, nest_list *list) {
    assert(l->open == NULL);
    nest *k = arena_new(l->memory, nest);
    k->name = lower_unique_name(l, n, suffix);
    k->loop_count = l->loop_count;
    memcpy(k->loops, l->loops, sizeof k->loops);
    vec_push(l->memory, &l->plan->kernels, k);
    nest_item item = {.kernel = k};
    vec_push(l->memory, list, item);
    l->open = k;
    l->memo.count = 0;
    read_point_init(&l->canonical);
    return k;
}

void lower_rename(lower *l, const op_node *n) {
    l->open->name = lower_unique_name(l, n, "");
}

void lower_close(lower *l) {
    l->open = NULL;
}

nest_ref lower_range(lower *l, int64_t count, bool descending, bool folded, bool ordered) {
    if (count == 1)
        return tape_integer(l, 0);
    nest_range r = {.count = count, .descending = descending, .folded = folded, .ordered = ordered};
    vec_push(l->memory, &l->open->ranges, r);
    return tape_range(l, (int)l->open->ranges.count - 1);
}

nest_ref lower_axis_range(lower *l, int axis, bool descending, bool folded, bool ordered) {
    nest_ref index = lower_range(l, OP_EXTENT_OF(axis), descending, folded, ordered);
    vec_last(&l->open->ranges).block = axis == l->block;
    return index;
}

void lower_canonical(lower *l, uint32_t domain, const op_shape *shape) {
    int axes[LIMIT_AXES], count = graph_axis_order(l->g, domain, axes);
    read_point_init(&l->canonical);
    for (int i = 0; i < count; i++)
        l->canonical.axis[axes[i]] = lower_in_loop(l, axes[i])
                                         ? tape_outer(l, axes[i])
                                         : lower_axis_range(l, axes[i], false, false, false);
    for (int i = 0; i < shape->rank; i++)
        l->canonical.dimension[i] = lower_range(l, shape->dimension[i], false, false, false);
}

static int32_t lower_new_buffer(lower *l, const op_node *n, nest_storage storage,
                                const char *name) {
    nest_buffer b;
    memset(&b, 0, sizeof b);
    b.name = name ? name : print_name(l->memory, n);
    b.node = n;
    b.storage = storage;
    b.type = (dtype)n->dtype;
    b.axis_count = graph_axis_order(l->g, n->domain, b.axes);
    b.shape = n->shape;
    if (checkpoint_is(n)) {
        b.checkpoint = (int8_t)(1 + n->attributes.axis);
        b.steps = checkpoint_steps(n);
    }
    if (storage == NEST_CONSTANT) {
        b.data = n->attributes.data;
        b.data_bytes = (size_t)n->attributes.bytes;
    }
    vec_push(l->memory, &l->plan->buffers, b);
    return (int32_t)l->plan->buffers.count - 1;
}

int32_t lower_buffer(lower *l, const op_node *n, nest_storage storage, const char *name) {
    int64_t low[LIMIT_RANK];
    const op_node *whole = lower_place_of(l, n, low);
    if (l->buffer_of[whole->id] < 0)
        l->buffer_of[whole->id] = lower_new_buffer(l, whole, storage, name);
    if (whole != n && l->buffer_of[n->id] < 0) {
        int32_t own = lower_new_buffer(l, n, storage, name);
        nest_buffer *b = &l->plan->buffers.at[own];
        l->buffer_of[n->id] = own;
        b->inside.buffer = 1 + l->buffer_of[whole->id];
        memcpy(b->inside.low, low, sizeof low);
    }
    return l->buffer_of[whole->id];
}

/* ---- folds */

static void lower_store_canonical(lower *l, const op_node *n, nest_ref value) {
    int32_t buffer = lower_buffer(l, n, NEST_ARENA, NULL);
    nest_ref indices[LIMIT_AXES + LIMIT_RANK];
    int count = read_storage_indices(l, n, &l->canonical, indices);
    tape_store(l, buffer, indices, count, value);
    l->home[n->id] = l->open;
}

nest_ref lower_state(lower *l, nest_op op, int which, body_type type) {
    nest_instruction i;
    memset(&i, 0, sizeof i);
    i.op = (uint8_t)op;
    i.type = (uint8_t)type;
    i.which = which;
    i.code.a = i.code.b = i.code.c = i.value = -1;
    return tape_add(l, i);
}

int lower_add_fold(lower *l, body_type type, body_value identity) {
    nest_fold f = {type, identity, -1, -1};
    vec_push(l->memory, &l->open->folds, f);
    return (int)l->open->folds.count - 1;
}

/* Does a nest sum over the axis that runs in blocks? Then its states rest between blocks. */
static bool lower_rests(const lower *l, uint32_t over) {
    return l->block >= 0 && l->loop_count == 0 && (over >> l->block & 1) != 0;
}

/* A state rests in `buffer`, element by element as the result is stored. */
static void lower_rest(lower *l, const op_node *n, int fold, int32_t buffer) {
    nest_ref indices[LIMIT_AXES + LIMIT_RANK];
    int count = read_storage_indices(l, n, &l->canonical, indices);
    l->open->folds.at[fold].rested = tape_load(l, buffer, indices, count, false, false);
}

/* A state that is not the result itself has memory of its own. */
static void lower_rest_apart(lower *l, const op_node *n, int fold, nest_ref result) {
    int32_t own = lower_buffer(l, n, NEST_ARENA, NULL);
    nest_buffer b = l->plan->buffers.at[own];
    b.name = arena_print(l->memory, "%s state %d", b.name, fold);
    b.type = (dtype)l->open->folds.at[fold].type;
    vec_push(l->memory, &l->plan->buffers, b);
    int32_t buffer = (int32_t)l->plan->buffers.count - 1;
    lower_rest(l, n, fold, buffer);
    const nest_instruction *load = &l->open->tape.at[l->open->folds.at[fold].rested];
    tape_store(l, buffer, load->at, load->at_count, result);
}

/* Folded ranges of a set of axes in the node's order; fills the point. */
static void lower_fold_axes(lower *l, const op_node *n, uint32_t over, lower_point *p) {
    int axes[LIMIT_AXES], count = graph_axis_order(l->g, over, axes);
    int outermost = n->attributes.outermost;
    if (outermost >= 0 && (over >> outermost & 1) != 0)
        p->axis[outermost] =
            lower_axis_range(l, outermost, n->attributes.reverse != 0, true, false);
    for (int i = 0; i < count; i++)
        if (axes[i] != outermost)
            p->axis[axes[i]] = lower_axis_range(l, axes[i], false, true, false);
}

/* The samples of its results, or those that it sums over. */
static void lower_clip_fold(lower *l, const op_node *n, const lower_point *p) {
    bool sums = n->op == OP_TOTAL || n->op == OP_CONTRACT;
    ragged_clip(l, &l->canonical, ragged_free(l, n), 0);
    for (int b = 0; sums && b < LIMIT_AXES; b++)
        if ((n->attributes.over >> b & 1) != 0 && l->g->axes[b].batch)
            ragged_clip(l, p, ragged_sum(l, n), 1);
}

static void lower_fold(lower *l, const op_node *n, nest_list *list) {
    const op_node *x = n->arguments[0];
    op_kind kind = (op_kind)n->attributes.kind;
    lower_open(l, n, "", list);
    lower_canonical(l, n->domain, &n->shape);
    lower_point at = l->canonical;
    nest_ref index = tape_integer(l, 0);
    if (n->op == OP_TOTAL) {
        lower_fold_axes(l, n, n->attributes.over, &at);
    } else {
        int d = n->attributes.dimension;
        at.dimension[d] = index = lower_range(l, x->shape.dimension[d], false, true, false);
    }
    lower_clip_fold(l, n, &at);
    op_fold f = op_fold_of(kind, (dtype)x->dtype);
    body b;
    body_init(&b, l->memory);
    nest_ref inputs[4];
    body_ref state[2] = {-1, -1};
    for (int i = 0; i < f.states; i++) {
        lower_add_fold(l, f.types[i], f.identity[i]);
        inputs[i] = lower_state(l, NEST_FOLD, i, f.types[i]);
        state[i] = body_input(&b, i, f.types[i]);
    }
    inputs[f.states] = read_value(l, x, &at);
    inputs[f.states + 1] = tape_cast(l, index, BODY_I32);
    body_ref element = body_input(&b, f.states, (body_type)x->dtype);
    body_ref number = body_input(&b, f.states + 1, BODY_I32);
    op_fold_step(&b, kind, state, element, number);
    nest_ref *map = arena_array(l->memory, nest_ref, b.code.count);
    tape_splice(l, &b, inputs, state[0], map);
    for (int i = 0; i < f.states; i++)
        l->open->folds.at[i].next = map[state[i]];

    body finish;
    body_init(&finish, l->memory);
    for (int i = 0; i < f.states; i++) {
        inputs[i] = lower_state(l, NEST_RESULT, i, f.types[i]);
        state[i] = body_input(&finish, i, f.types[i]);
    }
    body_ref result = op_fold_finish(&finish, kind, state);
    bool rests = n->op == OP_TOTAL && lower_rests(l, n->attributes.over);
    bool apart = f.states > 1 || result != state[0];
    for (int i = 0; rests && apart && i < f.states; i++)
        lower_rest_apart(l, n, i, inputs[i]);
    if (rests && !apart)
        lower_rest(l, n, 0, lower_buffer(l, n, NEST_ARENA, NULL));
    lower_store_canonical(l, n, tape_splice(l, &finish, inputs, result, NULL));
    lower_close(l);
}

static void lower_contract(lower *l, const op_node *n, nest_list *list) {
    op_contract spec;
    const char *why;
    bool ok = op_contract_parse(n->attributes.text, &spec, &why);
    assert(ok);
    (void)ok;
    nest_ref of_letter[2 * LIMIT_RANK];
    lower_open(l, n, "", list);
    lower_canonical(l, n->domain, &n->shape);
    lower_point p = l->canonical;
    lower_fold_axes(l, n, n->attributes.over, &p);
    for (int i = 0; i < spec.rank_out; i++)
        of_letter[spec.out[i]] = l->canonical.dimension[i];
    for (int i = 0; i < spec.reduced_count; i++) {
        int letter = spec.reduced[i];
        int64_t size = 1;
        for (int k = 0; k < spec.rank_a; k++)
            if (spec.a[k] == letter)
                size = n->arguments[0]->shape.dimension[k];
        of_letter[letter] = lower_range(l, size, false, true, false);
    }
    l->open->heavy = op_is_heavy(n);
    lower_clip_fold(l, n, &p);
    nest_ref inputs[2];
    read_operands(l, n, &spec, of_letter, &p, inputs);
    body_value zero;
    memset(&zero, 0, sizeof zero);
    body_type type = (body_type)n->dtype;
    lower_add_fold(l, type, zero);
    nest_ref state = lower_state(l, NEST_FOLD, 0, type);
    l->open->folds.at[0].next = tape_body(l, BODY_FMA, type, inputs[0], inputs[1], state);
    nest_ref result = lower_state(l, NEST_RESULT, 0, type);
    if (lower_rests(l, n->attributes.over))
        lower_rest(l, n, 0, lower_buffer(l, n, NEST_ARENA, NULL));
    lower_store_canonical(l, n, result);
    lower_close(l);
}

/* ---- scatters */

static nest_ref lower_target(lower *l, const op_node *n, const lower_point *source,
                             lower_point *i_point) {
    const op_node *i = n->arguments[1];
    for (int a = 0; a < LIMIT_AXES; a++)
        i_point->axis[a] = (i->domain >> a & 1) != 0 ? source->axis[a] : -1;
    return tape_cast(l, read_value(l, i, i_point), BODY_I64);
}

/* Zero everything, then add in order. */
static void lower_scatter(lower *l, const op_node *n, nest_list *list) {
    const op_node *g = n->arguments[0], *i = n->arguments[1];
    bool put = n->op == OP_PUT;
    assert(!put || !lower_in_loop(l, n->attributes.axis));
    lower_open(l, n, "_zero", lower_rests(l, n->attributes.over) ? l->outside : list);
    lower_canonical(l, n->domain, &n->shape);
    body_value zero;
    memset(&zero, 0, sizeof zero);
    lower_store_canonical(l, n, tape_constant(l, (body_type)n->dtype, &zero));
    lower_close(l);

    lower_open(l, n, "_add", list);
    int axes[LIMIT_AXES], count = graph_axis_order(l->g, g->domain | i->domain, axes),
                          outermost = n->attributes.outermost;
    lower_point p, g_point, i_point;
    read_point_init(&p);
    read_point_init(&i_point);
    for (int k = -1; k < count; k++) {
        int a = k < 0 ? outermost : axes[k];
        if (a < 0 || (k >= 0 && a == outermost) || ((g->domain | i->domain) >> a & 1) == 0)
            continue;
        if (lower_in_loop(l, a))
            p.axis[a] = tape_outer(l, a);
        else
            p.axis[a] =
                lower_axis_range(l, a, a == outermost && n->attributes.reverse != 0, false, true);
    }
    nest_ref indices[LIMIT_AXES + LIMIT_RANK];
    g_point = p;
    for (int a = 0; a < LIMIT_AXES; a++)
        if ((g->domain >> a & 1) == 0)
            g_point.axis[a] = -1;
    int lead = put ? 0 : i->shape.rank;
    for (int k = 0; k < lead; k++)
        i_point.dimension[k] = g_point.dimension[k] =
            lower_range(l, i->shape.dimension[k], false, false, true);
    for (int k = lead; k < g->shape.rank; k++)
        g_point.dimension[k] = lower_range(l, g->shape.dimension[k], false, false, false);
    nest_ref place = lower_target(l, n, &p, &i_point);
    nest_ref end = put ? tape_count(l, n->attributes.axis) : read_extent(l, n->attributes.size);
    nest_ref inside = tape_inside(l, place, end), clamped = tape_clamp(l, place, end);
    lower_point out = p;
    if (put) {
        out.axis[n->attributes.axis] = clamped;
        for (int k = 0; k < n->shape.rank; k++)
            out.dimension[k] = g_point.dimension[k];
    } else {
        out.dimension[0] = clamped;
        for (int k = lead; k < g->shape.rank; k++)
            out.dimension[k - lead + 1] = g_point.dimension[k];
    }
    int32_t buffer = l->buffer_of[n->id];
    int total = read_storage_indices(l, n, &out, indices);
    nest_ref value = read_value(l, g, &g_point);
    nest_ref old = tape_load(l, buffer, indices, total, false, true);
    nest_ref sum = tape_body(l, BODY_ADD, (body_type)n->dtype, old, value, -1);
    tape_store(l, buffer, indices, total,
               tape_body(l, BODY_SELECT, (body_type)n->dtype, inside, sum, old));
    l->home[n->id] = l->open;
    lower_close(l);
}

/* ---- values side by side */

static void lower_concat(lower *l, const op_node *n, nest_list *list) {
    int along = n->attributes.dimension;
    int64_t low = 0;
    for (int i = 0; i < n->count; low += n->arguments[i++]->shape.dimension[along]) {
        const op_node *part = n->arguments[i];
        const lower_slice *slice = &l->inside[part->id];
        l->home[n->id] = l->home[part->id];
        if (slice->whole == n && slice->low == low)
            continue;
        lower_open(l, n, "", list);
        lower_canonical(l, n->domain, &part->shape);
        ragged_clip(l, &l->canonical, ragged_free(l, n) & ragged_free(l, part), 0);
        lower_point from = l->canonical, to = l->canonical;
        for (int a = 0; a < LIMIT_AXES; a++)
            if ((part->domain >> a & 1) == 0)
                from.axis[a] = -1;
        to.dimension[along] =
            tape_body(l, BODY_ADD, BODY_I64, from.dimension[along], tape_integer(l, low), -1);
        int32_t buffer = lower_buffer(l, n, NEST_ARENA, NULL);
        nest_ref indices[LIMIT_AXES + LIMIT_RANK];
        int count = read_storage_indices(l, n, &to, indices);
        tape_store(l, buffer, indices, count, read_value(l, part, &from));
        l->home[n->id] = l->open;
        lower_close(l);
    }
}

void lower_own(lower *l, const op_node *n, nest_list *list) {
    switch (n->op) {
    case OP_CONCAT:
        lower_concat(l, n, list);
        break;
    case OP_REDUCE:
    case OP_TOTAL:
        lower_fold(l, n, list);
        break;
    case OP_CONTRACT:
        lower_contract(l, n, list);
        break;
    default:
        lower_scatter(l, n, list);
        break;
    }
}
