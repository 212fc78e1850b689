/* What can only be known when all nests exist: which values are read from memory at all, and which
 * need only one step of a loop.
 *
 * A store that no load reads goes away, and with it the value's memory. A buffer whose every access
 * sits in one loop and names this very step loses the loop's axis: it is scratch of one iteration.
 * So does one of which the turn before is read too, if only before this turn writes it: one step of
 * a state is enough. */
#include <assert.h>
#include <string.h>

#include "jit/lower_internal.h"

/* The fold whose state this load picks up again; NULL: none. */
static const nest_fold *finish_rested(const nest *n, nest_ref load) {
    for (size_t f = 0; f < n->folds.count; f++)
        if (n->folds.at[f].rested == load)
            return &n->folds.at[f];
    return NULL;
}

/* Does this store put a state where it rests until the next block? */
static bool finish_is_rest(const nest *n, const nest_instruction *store) {
    const nest_instruction *value = &n->tape.at[store->value];
    nest_ref rested = value->op == NEST_RESULT ? n->folds.at[value->which].rested : -1;
    return rested >= 0 && n->tape.at[rested].which == store->which;
}

/* What a nest has stored itself and picks up again does not count. */
static void finish_count_loads(nest_plan *plan) {
    for (size_t i = 0; i < plan->buffers.count; i++)
        plan->buffers.at[i].loads = 0;
    for (size_t k = 0; k < plan->kernels.count; k++)
        for (size_t i = 0; i < plan->kernels.at[k]->tape.count; i++) {
            const nest *n = plan->kernels.at[k];
            const nest_instruction *in = &n->tape.at[i];
            if (in->op == NEST_LOAD && !in->pinned && !finish_rested(n, (nest_ref)i))
                plan->buffers.at[in->which].loads++;
        }
}

static void finish_need_ends(const nest *n, bool *needed) {
    for (size_t r = 0; r < n->ranges.count; r++)
        if (n->ranges.at[r].end > 0)
            needed[n->ranges.at[r].end - 1] = true;
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
            needed[i] = b->storage != NEST_ARENA || b->loads > 0 ||
                        (finish_is_rest(n, in) && needed[in->value]);
            if (needed[i]) {
                needed[in->value] = true;
                finish_need_ends(n, needed);
            }
        }
        if (in->op == NEST_RESULT &&
            needed[i]) /* keep all states of the fold: its step reads them */
            for (size_t f = 0; f < n->folds.count; f++) {
                needed[n->folds.at[f].next] = true;
                if (n->folds.at[f].rested >= 0)
                    needed[n->folds.at[f].rested] = true;
            }
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
        tape_rename(&in, renamed);
        renamed[i] = (nest_ref)kept;
        n->tape.at[kept++] = in;
    }
    n->tape.count = kept;
    if (kept > 0)
        tape_rename_nest(n, renamed);
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
            if (!nest_is_access(in) || in->which != buffer)
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
    uint32_t before;       /* axes of loops of which some access reads the turn before */
    uint32_t deep;         /* axes of loops around the innermost one of some store */
    int32_t read, written; /* numbers of nests: the last that reads the turn before, plus 1; the
                              first that writes, plus 1 */
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
        if (access->before == 1 + axis)
            return here | UINT32_C(1) << axis;
        if (!finish_names_this_step(n, access->at[position], axis))
            break;
        here |= UINT32_C(1) << axis;
    }
    return here;
}

/* A nest that reads the turn before of what it writes: may both be in one place? Only element by
 * element, the load first. */
static bool finish_replaces(const nest *n, size_t load, int position) {
    const nest_instruction *in = &n->tape.at[load];
    bool folds = n->folds.count > 0;
    for (size_t r = 0; r < n->ranges.count; r++)
        folds |= n->ranges.at[r].folded || n->ranges.at[r].ordered;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *store = &n->tape.at[i];
        if (store->op != NEST_STORE || store->which != in->which)
            continue;
        if (folds || in->linear || i < load)
            return false;
        for (int k = 0; k < in->at_count; k++)
            if (k != position && in->at[k] != store->at[k])
                return false;
    }
    return true;
}

/* Orders what reads the turn before of a buffer and what writes this one. */
static void finish_note_turns(const nest *n, size_t access, const nest_buffer *b, int32_t number,
                              finish_use *u) {
    const nest_instruction *in = &n->tape.at[access];
    for (int i = 0; i + 1 < n->loop_count && in->op == NEST_STORE; i++)
        u->deep |= UINT32_C(1) << n->loops[i];
    if (in->op == NEST_STORE && u->written == 0)
        u->written = number + 1;
    if (in->op != NEST_LOAD || in->before == 0)
        return;
    int position = 0;
    while (position < b->axis_count && b->axes[position] != in->before - 1)
        position++;
    if (position == b->axis_count)
        return;
    u->before |= UINT32_C(1) << (in->before - 1);
    u->read = number + 1;
    if (!finish_replaces(n, access, position))
        u->whole |= UINT32_C(1) << (in->before - 1);
}

static void finish_note(const nest_plan *plan, const nest *n, const finish_path *path,
                        int32_t number, finish_use *uses) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (!nest_is_access(in))
            continue;
        finish_use *u = &uses[in->which];
        const nest_buffer *b = &plan->buffers.at[in->which];
        uint32_t steps = finish_here(n, b, in);
        finish_note_turns(n, i, b, number, u);
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
                        int32_t *number, finish_use *uses) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel) {
            finish_note(plan, item->kernel, path, (*number)++, uses);
            continue;
        }
        finish_path inner = *path;
        inner.loop[item->axis] = item;
        finish_uses(plan, &item->items, &inner, number, uses);
    }
}

static void finish_drop_axes(lower *l) {
    nest_plan *plan = l->plan;
    finish_use *uses = arena_array(l->memory, finish_use, plan->buffers.count);
    finish_path top = {{NULL}};
    int32_t number = 0;
    finish_uses(plan, &plan->items, &top, &number, uses);
    for (size_t i = 0; i < plan->buffers.count; i++) {
        nest_buffer *b = &plan->buffers.at[i];
        if (b->storage != NEST_ARENA)
            continue;
        uint32_t before = uses[i].before;
        if ((before & uses[i].deep) != 0 || uses[i].written == 0 || uses[i].read > uses[i].written)
            uses[i].whole |= before;
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
