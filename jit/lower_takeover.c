/* Narrow values take over the memory of a wide one, a slice each.
 *
 * One product makes the pre-activations of all gates, side by side; an element-wise nest makes a
 * gate of each, and reads them for the last time. What the plan of memory does with values of one
 * layout (handover.c) has to be done here, as a slice has the strides of the whole: the narrow
 * value loses its buffer, and its nests name the slice. Next, the gradients of the gates may be
 * parts of a wide value again, which takes the place of this one as a whole.
 *
 * Only if all of the wide value is taken: what was left of it would be kept for nothing. An heir is
 * made of its slice, element by element, so whoever writes it has read it: one buffer has two
 * writers then, and the read between them is what keeps threads in order. Where a slice has more
 * than one candidate, the first is heir, as a gate is before what the gates make together: its
 * gradient comes back at the same place. */
#include <string.h>

#include "jit/lifetime.h"
#include "jit/lower_internal.h"

typedef struct takeover {
    lower *l;
    lifetime_table table;
    bool *fixed; /* by buffer: read by element number, or where it was written */
    size_t *heirs;
    int heir_count;
} takeover;

static void takeover_look(takeover *s) {
    const nest_plan *plan = s->l->plan;
    lifetime_find(plan, s->l->memory, &s->table);
    s->fixed = arena_array(s->l->memory, bool, plan->buffers.count);
    for (size_t k = 0; k < plan->kernels.count; k++)
        for (size_t i = 0; i < plan->kernels.at[k]->tape.count; i++) {
            const nest_instruction *in = &plan->kernels.at[k]->tape.at[i];
            if (in->op == NEST_LOAD && (in->linear || in->pinned))
                s->fixed[in->which] = true;
        }
}

static bool takeover_is_candidate(const takeover *s, size_t buffer) {
    lifetime touched = s->table.touched[buffer];
    return s->l->plan->buffers.at[buffer].storage == NEST_ARENA && !s->fixed[buffer] &&
           touched.first <= touched.last;
}

/* The place on its tape where an heir is stored first; -1 if it is not made of the slice, element
 * by element. */
static int64_t takeover_rank(const takeover *s, size_t old, handover_slice slice, size_t heir) {
    const nest *n = s->table.nests.at[s->table.touched[heir].first];
    size_t first = 0;
    while (n->tape.at[first].op != NEST_STORE || (size_t)n->tape.at[first].which != heir)
        first++;
    const nest_instruction *store = &n->tape.at[first];
    arena_mark mark = arena_here(s->l->memory);
    bool *made = arena_array(s->l->memory, bool, first);
    for (size_t i = 0; i < first; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op == NEST_BODY)
            made[i] = (in->code.a >= 0 && made[in->code.a]) ||
                      (in->code.b >= 0 && made[in->code.b]) ||
                      (in->code.c >= 0 && made[in->code.c]);
        else
            made[i] = handover_reads(&s->table, n, old, slice, in, store);
    }
    bool inherits = made[store->value];
    arena_rewind(s->l->memory, mark);
    return inherits ? (int64_t)first : -1;
}

/* Who takes the slice of `old` that begins at `low`? -1: nobody may. */
static int64_t takeover_heir(const takeover *s, size_t old, int dimension, int64_t low) {
    const nest_buffer *buffers = s->l->plan->buffers.at;
    int64_t heir = -1, best = INT64_MAX;
    for (size_t i = 0; i < s->l->plan->buffers.count; i++) {
        if (i == old || !takeover_is_candidate(s, i) || buffers[i].type != buffers[old].type ||
            buffers[i].shape.rank != buffers[old].shape.rank)
            continue;
        int64_t size = buffers[i].shape.dimension[dimension];
        handover_slice slice = {dimension, low, size};
        bool taken = size <= 0 || size > buffers[old].shape.dimension[dimension] - low;
        for (int k = 0; k < s->heir_count; k++)
            taken |= s->heirs[k] == i;
        if (taken || !handover_allows(&s->table, old, slice, i))
            continue;
        int64_t rank = takeover_rank(s, old, slice, i);
        if (rank >= 0 && rank < best) {
            heir = (int64_t)i;
            best = rank;
        }
    }
    return heir;
}

/* Are there at least two heirs, for all of it? */
static bool takeover_find(takeover *s, size_t old, int dimension) {
    const nest_buffer *buffers = s->l->plan->buffers.at;
    int64_t low = 0, whole = buffers[old].shape.dimension[dimension];
    s->heir_count = 0;
    while (low < whole) {
        int64_t heir = takeover_heir(s, old, dimension, low);
        if (heir < 0)
            return false;
        s->heirs[s->heir_count++] = (size_t)heir;
        low += buffers[heir].shape.dimension[dimension];
    }
    return s->heir_count > 1;
}

static bool takeover_is_access(const nest_instruction *in, int32_t buffer) {
    return nest_is_access(in) && in->which == buffer;
}

/* Records a tape anew, with all accesses to a buffer at its slice. */
static void takeover_rename(lower *l, nest *n, int32_t from, int32_t to, int position,
                            int64_t low) {
    const nest_instruction *old = n->tape.at;
    size_t count = n->tape.count;
    nest_ref *renamed = arena_array(l->memory, nest_ref, count);
    memset(&n->tape, 0, sizeof n->tape);
    l->open = n;
    for (size_t i = 0; i < count; i++) {
        nest_instruction in = old[i];
        tape_rename(&in, renamed);
        if (!takeover_is_access(&in, from)) {
            renamed[i] = tape_add(l, in);
            continue;
        }
        in.which = to;
        if (low > 0)
            in.at[position] =
                tape_body(l, BODY_ADD, BODY_I64, in.at[position], tape_integer(l, low), -1);
        vec_push(l->memory, &n->tape, in);
        renamed[i] = (nest_ref)n->tape.count - 1;
    }
    tape_rename_nest(n, renamed);
    l->open = NULL;
}

static bool takeover_touches(const nest *n, int32_t buffer) {
    for (size_t i = 0; i < n->tape.count; i++)
        if (takeover_is_access(&n->tape.at[i], buffer))
            return true;
    return false;
}

static void takeover_settle(takeover *s, size_t old, int dimension) {
    nest_plan *plan = s->l->plan;
    int64_t low = 0;
    for (int k = 0; k < s->heir_count; k++) {
        int32_t heir = (int32_t)s->heirs[k];
        nest_buffer *b = &plan->buffers.at[heir];
        for (size_t i = 0; i < plan->kernels.count; i++)
            if (takeover_touches(plan->kernels.at[i], heir))
                takeover_rename(s->l, plan->kernels.at[i], heir, (int32_t)old,
                                b->axis_count + dimension, low);
        b->inside.buffer = 1 + (int32_t)old;
        b->inside.low[dimension] = low;
        low += b->shape.dimension[dimension];
    }
}

/* Each success leaves fewer buffers with memory of their own. */
void lower_takeover(lower *l) {
    nest_plan *plan = l->plan;
    takeover s = {.l = l, .heirs = arena_array(l->memory, size_t, plan->buffers.count)};
    takeover_look(&s);
    for (size_t old = 0; old < plan->buffers.count; old++) {
        if (!takeover_is_candidate(&s, old))
            continue;
        for (int d = 0; d < plan->buffers.at[old].shape.rank; d++) {
            if (!takeover_find(&s, old, d))
                continue;
            takeover_settle(&s, old, d);
            takeover_look(&s);
            d = -1;
        }
    }
}
