/* What can only be known when all nests exist: which values are read from memory at all, which need
 * only one step of a loop, and which operands a contraction reads across instead of along.
 *
 * A store that no load reads goes away, and with it the value's memory. A buffer whose every access
 * sits in one loop and names this very step loses the loop's axis: it is scratch of one iteration.
 * An operand of a contraction that varies along the vector range with a stride is copied once,
 * before everything else that reads it, with that dimension innermost. */
#include <assert.h>
#include <string.h>

#include "jit/lower_internal.h"

/* ---- packing */

static bool pack_is_across(const nest *n, const nest_buffer *b, const nest_instruction *load,
                           int range, int *dimension) {
    if (b->axis_count > 0 || load->linear || b->shape.rank < 2)
        return false;
    *dimension = -1;
    for (int i = 0; i < load->at_count; i++) {
        int64_t coefficient;
        if (!nest_coefficient(n, load->at[i], range, &coefficient))
            return false;
        if (coefficient == 0)
            continue;
        if (coefficient != 1 || *dimension >= 0)
            return false;
        *dimension = i;
    }
    return *dimension >= 0 && *dimension != load->at_count - 1;
}

/* The copy of a buffer whose dimension d has moved to the end; the nest that makes it is appended
 * to `list`. */
static int32_t pack_copy(lower *l, int32_t buffer, int d, nest_list *list) {
    for (size_t i = 0; i < l->packed.count; i++)
        if (l->packed.at[i].buffer == buffer && l->packed.at[i].dimension == d)
            return l->packed.at[i].copy;
    nest_buffer b = l->plan->buffers.at[buffer];
    int rank = b.shape.rank;
    int64_t moved = b.shape.dimension[d];
    for (int i = d; i + 1 < rank; i++)
        b.shape.dimension[i] = b.shape.dimension[i + 1];
    b.shape.dimension[rank - 1] = moved;
    b.storage = NEST_ARENA;
    b.name = arena_print(l->memory, "%s packed", b.name);
    vec_push(l->memory, &l->plan->buffers, b);
    lower_packed made = {buffer, d, (int32_t)l->plan->buffers.count - 1};
    vec_push(l->memory, &l->packed, made);

    lower_open(l, b.node, "_pack", list);
    nest_ref to[LIMIT_RANK], from[LIMIT_RANK];
    for (int i = 0; i < rank; i++)
        to[i] = lower_range(l, b.shape.dimension[i], false, false, false);
    for (int i = 0; i < rank; i++)
        from[i] = i < d ? to[i] : i == d ? to[rank - 1] : to[i - 1];
    tape_store(l, made.copy, to, rank, tape_load(l, buffer, from, rank, false, false));
    lower_close(l);
    return made.copy;
}

static void pack_nest(lower *l, nest *n, nest_list *list) {
    int range = nest_parallel_count(n) - 1;
    if (!n->heavy || range < 0)
        return;
    for (size_t i = 0; i < n->tape.count; i++) {
        nest_instruction *load = &n->tape.at[i];
        int d;
        if (load->op != NEST_LOAD ||
            !pack_is_across(n, &l->plan->buffers.at[load->which], load, range, &d))
            continue;
        load->which = pack_copy(l, load->which, d, list);
        nest_ref moved = load->at[d];
        for (int k = d; k + 1 < load->at_count; k++)
            load->at[k] = load->at[k + 1];
        load->at[load->at_count - 1] = moved;
    }
}

static bool pack_in_item(lower *l, const nest_item *item, nest_list *list) {
    if (item->kernel) {
        pack_nest(l, item->kernel, list);
        return true;
    }
    for (size_t i = 0; i < item->items.count; i++)
        pack_in_item(l, &item->items.at[i], list);
    return true;
}

/* A packed copy must not be used by items before the one that made it: copies are made in program
 * order, and an operand without axes is complete before the first item that reads it - unless that
 * item itself computes it. */
static bool pack_is_made_inside(const lower *l, const nest_item *item, int32_t buffer) {
    if (item->kernel) {
        for (size_t i = 0; i < item->kernel->tape.count; i++) {
            const nest_instruction *store = &item->kernel->tape.at[i];
            if (store->op == NEST_STORE && store->which == buffer)
                return true;
        }
        return false;
    }
    for (size_t i = 0; i < item->items.count; i++)
        if (pack_is_made_inside(l, &item->items.at[i], buffer))
            return true;
    return false;
}

void lower_pack(lower *l) {
    nest_list items = {0};
    for (size_t i = 0; i < l->plan->items.count; i++) {
        const nest_item *item = &l->plan->items.at[i];
        size_t made = l->packed.count;
        pack_in_item(l, item, &items);
        for (size_t k = made; k < l->packed.count; k++)
            assert(!pack_is_made_inside(l, item, l->packed.at[k].buffer) &&
                   "a value without axes lies outside every loop");
        vec_push(l->memory, &items, *item);
    }
    l->plan->items = items;
}

/* ---- memory that nobody needs */

static void finish_count_loads(nest_plan *plan) {
    for (size_t i = 0; i < plan->buffers.count; i++)
        plan->buffers.at[i].loads = 0;
    for (size_t k = 0; k < plan->kernels.count; k++)
        for (size_t i = 0; i < plan->kernels.at[k]->tape.count; i++) {
            const nest_instruction *in = &plan->kernels.at[k]->tape.at[i];
            if (in->op == NEST_LOAD && !in->pinned)
                plan->buffers.at[in->which].loads++;
        }
}

/* Removes what no store needs from a tape and renumbers it. */
static void finish_sweep(lower *l, nest *n) {
    size_t count = n->tape.count;
    bool *needed = arena_array(l->memory, bool, count);
    nest_ref *renamed = arena_array(l->memory, nest_ref, count);
    for (size_t i = count; i-- > 0;) {
        nest_instruction *in = &n->tape.at[i];
        if (in->op == NEST_STORE) {
            const nest_buffer *b = &l->plan->buffers.at[in->which];
            needed[i] = b->storage != NEST_ARENA || b->loads > 0;
            if (needed[i])
                needed[in->value] = true;
        }
        if (in->op == NEST_RESULT &&
            needed[i]) /* keep all states of the fold: its step reads them */
            for (size_t f = 0; f < n->folds.count; f++)
                needed[n->folds.at[f].next] = true;
        if (!needed[i])
            continue;
        if (in->op == NEST_BODY) {
            if (in->code.a >= 0)
                needed[in->code.a] = true;
            if (in->code.b >= 0)
                needed[in->code.b] = true;
            if (in->code.c >= 0)
                needed[in->code.c] = true;
        }
        for (int k = 0; k < in->at_count; k++)
            needed[in->at[k]] = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!needed[i])
            continue;
        nest_instruction in = n->tape.at[i];
        if (in.op == NEST_BODY) {
            if (in.code.a >= 0)
                in.code.a = renamed[in.code.a];
            if (in.code.b >= 0)
                in.code.b = renamed[in.code.b];
            if (in.code.c >= 0)
                in.code.c = renamed[in.code.c];
        }
        if (in.op == NEST_STORE)
            in.value = renamed[in.value];
        for (int k = 0; k < in.at_count; k++)
            in.at[k] = renamed[in.at[k]];
        renamed[i] = (nest_ref)kept;
        n->tape.at[kept++] = in;
    }
    n->tape.count = kept;
    for (size_t f = 0; f < n->folds.count; f++)
        n->folds.at[f].next = kept > 0 ? renamed[n->folds.at[f].next] : -1;
}

static bool finish_names_this_step(const nest *n, nest_ref index, int axis) {
    const nest_instruction *in = &n->tape.at[index];
    return in->op == NEST_OUTER && in->which == axis;
}

/* Drops axis `position` of a buffer from all accesses. */
static void finish_drop_axis(nest_plan *plan, int32_t buffer, int position) {
    nest_buffer *b = &plan->buffers.at[buffer];
    for (int i = position; i + 1 < b->axis_count; i++)
        b->axes[i] = b->axes[i + 1];
    b->axis_count--;
    for (size_t k = 0; k < plan->kernels.count; k++)
        for (size_t i = 0; i < plan->kernels.at[k]->tape.count; i++) {
            nest_instruction *in = &plan->kernels.at[k]->tape.at[i];
            if ((in->op != NEST_LOAD && in->op != NEST_STORE) || in->which != buffer)
                continue;
            for (int a = position; a + 1 < in->at_count; a++)
                in->at[a] = in->at[a + 1];
            in->at_count--;
        }
}

typedef struct finish_use {
    uint32_t whole; /* axes that some access does not name as this step */
    const nest_item
        *loop[LIMIT_AXES]; /* the one loop over each axis that holds all accesses so far */
} finish_use;

typedef struct finish_path {
    const nest_item *loop[LIMIT_AXES];
} finish_path;

/* The axes of a buffer along which this access sees but the steps that the enclosing loops are at.
 * A loop inside of one that the access looks beyond does not count: other turns of it lie between.
 */
static uint32_t finish_here(const nest *n, const nest_buffer *b, const nest_instruction *access) {
    uint32_t here = 0;
    for (int i = 0; i < n->loop_count; i++) {
        int axis = n->loops[i], position = 0;
        while (position < b->axis_count && b->axes[position] != axis)
            position++;
        if (position == b->axis_count)
            continue;
        if (!finish_names_this_step(n, access->at[position], axis))
            break;
        here |= UINT32_C(1) << axis;
    }
    return here;
}

static void finish_note(const nest_plan *plan, const nest *n, const finish_path *path,
                        finish_use *uses) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op != NEST_LOAD && in->op != NEST_STORE)
            continue;
        finish_use *u = &uses[in->which];
        const nest_buffer *b = &plan->buffers.at[in->which];
        uint32_t steps = finish_here(n, b, in);
        for (int a = 0; a < b->axis_count; a++) {
            int axis = b->axes[a];
            bool here = steps >> axis & 1;
            if (!here || (u->loop[axis] != NULL && u->loop[axis] != path->loop[axis]))
                u->whole |= UINT32_C(1) << axis;
            if (here)
                u->loop[axis] = path->loop[axis];
        }
    }
}

static void finish_uses(const nest_plan *plan, const nest_list *items, const finish_path *path,
                        finish_use *uses) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel) {
            finish_note(plan, item->kernel, path, uses);
            continue;
        }
        finish_path inner = *path;
        inner.loop[item->axis] = item;
        finish_uses(plan, &item->items, &inner, uses);
    }
}

static void finish_drop_axes(lower *l) {
    nest_plan *plan = l->plan;
    finish_use *uses = arena_array(l->memory, finish_use, plan->buffers.count);
    finish_path top = {{NULL}};
    finish_uses(plan, &plan->items, &top, uses);
    for (size_t i = 0; i < plan->buffers.count; i++) {
        nest_buffer *b = &plan->buffers.at[i];
        if (b->storage != NEST_ARENA)
            continue;
        for (int a = b->axis_count; a-- > 0;)
            if ((uses[i].whole >> b->axes[a] & 1) == 0 && uses[i].loop[b->axes[a]] != NULL)
                finish_drop_axis(plan, (int32_t)i, a);
    }
}

/* Nests whose every store went away leave the program. */
static void finish_drop_nests(lower *l, nest_list *items) {
    size_t kept = 0;
    for (size_t i = 0; i < items->count; i++) {
        nest_item *item = &items->at[i];
        if (item->kernel ? item->kernel->tape.count == 0
                         : (finish_drop_nests(l, &item->items), item->items.count == 0))
            continue;
        items->at[kept++] = *item;
    }
    items->count = kept;
}

void lower_finish(lower *l) {
    nest_plan *plan = l->plan;
    finish_count_loads(plan);
    for (size_t k = 0; k < plan->kernels.count; k++)
        finish_sweep(l, plan->kernels.at[k]);
    finish_drop_axes(l);
    finish_drop_nests(l, &plan->items);
    size_t kept = 0;
    for (size_t k = 0; k < plan->kernels.count; k++)
        if (plan->kernels.at[k]->tape.count > 0)
            plan->kernels.at[kept++] = plan->kernels.at[k];
    plan->kernels.count = kept;
    finish_count_loads(plan);
}
