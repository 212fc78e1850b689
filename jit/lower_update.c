/* Params take their new values.
 *
 * All updates happen at once, when everything is computed: no value may read a param that has its
 * new value already. In general a new value has memory of its own and is copied at the end. But an
 * optimiser reads a weight for the last time where it computes the new one, element by element;
 * then the nest that computes it stores it straight into the param, and neither the memory nor the
 * copy is needed.
 *
 * Traps. That nest must run once: outside of all loops, and storing each element in one iteration.
 * Whatever reads the param must come before it, or be its own load of the same element, before the
 * store. What reads the new value reads it from the param from then on. */
#include <assert.h>

#include "jit/lower_internal.h"

typedef struct update_use {
    int32_t read, written; /* the last nest that reads the buffer, the first that writes it; from 1
                              in the order in which they run; 0: none */
    int32_t stores;
    const nest *writer;
    bool inside; /* the writer is inside of a loop */
} update_use;

typedef struct update_work {
    lower *l;
    update_use *uses;  /* by buffer */
    int32_t *moved_to; /* by buffer: the param that it becomes, -1: none */
    int32_t nests;
} update_work;

/* Depth of recursion: nested loops, at most the axes. */
static void update_note(update_work *w, const nest_list *items, bool inside) {
    for (size_t i = 0; i < items->count; i++) {
        const nest *n = items->at[i].kernel;
        if (!n) {
            update_note(w, &items->at[i].items, true);
            continue;
        }
        w->nests++;
        for (size_t k = 0; k < n->tape.count; k++) {
            const nest_instruction *in = &n->tape.at[k];
            if (!nest_is_access(in))
                continue;
            update_use *use = &w->uses[in->which];
            if (in->op == NEST_LOAD) {
                use->read = w->nests;
            } else if (use->stores++ == 0) {
                use->written = w->nests;
                use->writer = n;
                use->inside = inside;
            }
        }
    }
}

/* Does each load of the param come before the store of the same element? */
static bool update_replaces(const nest *n, int32_t from, int32_t to) {
    const nest_instruction *store = NULL;
    for (size_t r = 0; r < n->ranges.count; r++)
        if (n->ranges.at[r].folded || n->ranges.at[r].ordered)
            return false;
    for (size_t k = n->tape.count; k-- > 0;) {
        const nest_instruction *in = &n->tape.at[k];
        if (in->op == NEST_STORE && in->which == from)
            store = in;
        if (in->op != NEST_LOAD || in->which != to)
            continue;
        if (!store || in->linear || in->at_count != store->at_count)
            return false;
        for (int i = 0; i < in->at_count; i++)
            if (in->at[i] != store->at[i])
                return false;
    }
    return n->folds.count == 0;
}

static bool update_is_direct(const update_work *w, int32_t from, int32_t to) {
    const nest_buffer *b = &w->l->plan->buffers.at[from];
    const update_use *made = &w->uses[from], *old = &w->uses[to];
    return b->storage == NEST_ARENA && b->axis_count == 0 && w->moved_to[from] < 0 &&
           made->stores == 1 && !made->inside && old->stores == 0 && old->read <= made->written &&
           update_replaces(made->writer, from, to);
}

static void update_copy(lower *l, const op_node *variable, int32_t from, int32_t to) {
    lower_open(l, variable, "_update", &l->plan->items);
    lower_canonical(l, variable->domain, &variable->shape);
    nest_ref indices[LIMIT_AXES + LIMIT_RANK];
    int count = read_storage_indices(l, variable, &l->canonical, indices);
    tape_store(l, to, indices, count, tape_load(l, from, indices, count, false, false));
    lower_close(l);
}

static void update_move(const update_work *w) {
    nest_plan *plan = w->l->plan;
    for (size_t k = 0; k < plan->kernels.count; k++)
        for (size_t i = 0; i < plan->kernels.at[k]->tape.count; i++) {
            nest_instruction *in = &plan->kernels.at[k]->tape.at[i];
            bool touches = nest_is_access(in);
            if (touches && w->moved_to[in->which] >= 0)
                in->which = w->moved_to[in->which];
        }
}

void lower_updates(lower *l) {
    const graph *g = l->g;
    update_work w = {.l = l};
    for (size_t i = 0; i < g->updates.count; i++) {
        const op_node *variable = g->updates.at[i].variable;
        lower_buffer(l, variable, NEST_PARAM, variable->attributes.text);
    }
    w.uses = arena_array(l->memory, update_use, l->plan->buffers.count);
    w.moved_to = arena_array(l->memory, int32_t, l->plan->buffers.count);
    for (size_t i = 0; i < l->plan->buffers.count; i++)
        w.moved_to[i] = -1;
    update_note(&w, &l->plan->items, false);
    for (size_t i = 0; i < g->updates.count; i++) {
        const op_node *n = g->updates.at[i].node, *variable = g->updates.at[i].variable;
        int32_t from = l->buffer_of[n->id], to = l->buffer_of[variable->id];
        assert(l->class_of[n->id] >= LOWER_GROUPED && from >= 0);
        assert(n->domain == variable->domain && op_shape_equal(&n->shape, &variable->shape));
        if (update_is_direct(&w, from, to))
            w.moved_to[from] = to;
        else
            update_copy(l, variable, from, to);
    }
    update_move(&w);
}
