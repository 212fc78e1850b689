/* The panel of a tile's shared operand: one tile wide, as long as a block of the fold.
 *
 * All rows pass over it, so it must stay in the nearest cache; but where it lies, its lines are as
 * far apart as the rows of a matrix, and when that is a power of two they all fall into a few sets
 * of the cache and throw each other out (measured: a quarter of peak). So it is copied to the stack
 * first, side by side, unless there are too few rows to pay for that. The copy and the original
 * differ in an address and in strides only: both are run-time values, and the code of the tile is
 * the same for both. */
#include "jit/emit_internal.h"

void emit_panel_start(emit_nest *s) {
    const emit *e = s->e;
    bool any = false;
    for (int i = 0; i < s->access_count; i++)
        any |= s->accesses[i].panel;
    if (!any || s->most_width == 1)
        return;
    LLVMValueRef steps = emit_integer(e, 1);
    for (int r = s->parallel; r < s->loops; r++)
        steps = emit_times(e, steps, r == s->block_range ? s->fold_step : s->counts[r]);
    LLVMValueRef fits =
        LLVMBuildICmp(e->builder, LLVMIntSLE, steps, emit_integer(e, e->sizes->panel_steps), "");
    LLVMValueRef packs = LLVMBuildAnd(e->builder, s->many, fits, "");
    if (LLVMIsNull(packs))
        return;
    s->packs = packs;
    for (int i = 0; i < s->access_count; i++) {
        emit_access *a = &s->accesses[i];
        if (!a->panel)
            continue;
        const nest_instruction *in = &s->n->tape.at[a->instruction];
        LLVMTypeRef type = emit_memory_type(e, (body_type)in->type, 1);
        int64_t most = (int64_t)e->sizes->panel_steps * s->most_width * s->most_vectors;
        a->copy = emit_room(e, LLVMArrayType2(type, (uint64_t)most));
        a->plain = arena_array(e->memory, LLVMValueRef, in->at_count + 1);
        for (int k = 0; k < in->at_count; k++)
            a->plain[k] = a->stride[k];
    }
}

typedef struct panel {
    emit_nest *s;
    emit_access *a;
    const nest_instruction *in;
    LLVMTypeRef element;
    LLVMValueRef *weight; /* by range: elements of the copy from one step to the next */
} panel;

static LLVMValueRef step_away(const panel *p, LLVMValueRef from, LLVMValueRef elements) {
    return LLVMBuildGEP2(p->s->e->builder, p->element, from, &elements, 1, "");
}

/* One row of the panel: from the original at these indices to its place in the copy. */
static void copy_vectors(const panel *p, LLVMValueRef from, LLVMValueRef to) {
    const emit_nest *s = p->s;
    const emit *e = s->e;
    unsigned alignment = (unsigned)body_type_size((body_type)p->in->type);
    for (int v = 0; v < s->vectors; v++) {
        LLVMValueRef away = emit_integer(e, (int64_t)v * s->width);
        LLVMValueRef value = emit_memory_vector(s, p->in, step_away(p, from, away));
        LLVMSetAlignment(LLVMBuildStore(e->builder, value, step_away(p, to, away)), alignment);
    }
}

static bool moves_along(const panel *p, int range) {
    for (int k = 0; k < p->in->at_count; k++) {
        const nest_instruction *index = &p->s->n->tape.at[p->in->at[k]];
        if (index->op == NEST_RANGE && index->which == range)
            return true;
    }
    return false;
}

/* How far the original moves per step of a folded range. */
static LLVMValueRef plain_distance(const panel *p, int range) {
    const emit *e = p->s->e;
    LLVMValueRef sum = emit_integer(e, 0);
    for (int k = 0; k < p->in->at_count; k++) {
        const nest_instruction *index = &p->s->n->tape.at[p->in->at[k]];
        if (index->op == NEST_RANGE && index->which == range)
            sum = emit_plus(e, sum, p->a->plain[k]);
    }
    return sum;
}

static void copy_block(const panel *p, LLVMValueRef original) {
    emit_nest *s = p->s;
    const emit *e = s->e;
    int folded = s->loops - s->parallel;
    emit_loop *loops = arena_array(e->memory, emit_loop, folded + 1);
    LLVMValueRef from = original, to = p->a->copy;
    for (int d = 0; d < folded; d++) {
        int range = s->parallel + d;
        LLVMValueRef first = s->first[range], limit = s->limit[range];
        if (!moves_along(p, range)) /* all its steps see the same */
            limit = emit_pick(e, LLVMIntSLT, limit, emit_plus(e, first, emit_integer(e, 1)));
        if (d == 0) /* the only guard: no steps when panels stay where they are */
            limit = LLVMBuildSelect(e->builder, s->packs, limit, first, "");
        emit_loop_open(e, s->function, &loops[d], first, limit, emit_integer(e, 1), NULL, 0);
        LLVMValueRef counter = loops[d].counter;
        LLVMValueRef index = emit_index(s, range, counter);
        LLVMValueRef done = LLVMBuildSub(e->builder, counter, first, "");
        from = step_away(p, from, emit_times(e, index, plain_distance(p, range)));
        to = step_away(p, to, emit_times(e, done, p->weight[range]));
    }
    copy_vectors(p, from, to);
    for (int d = folded; d-- > 0;)
        emit_loop_close(e, &loops[d], NULL);
}

/* An index that is a folded range's step now moves within the copy. */
static void turn_to_copy(const panel *p) {
    emit_nest *s = p->s;
    const emit *e = s->e;
    LLVMValueRef *pointer = emit_memory_pointer(s, p->a, s->panel_depth, 0), start = p->a->copy;
    for (int r = s->parallel; r < s->loops; r++) {
        LLVMValueRef weight = p->weight[r], first = s->first[r];
        bool down = s->n->ranges.at[r].descending;
        /* The position is how far the index is from the one at `first`, times the weight. */
        LLVMValueRef low = emit_index(s, r, first);
        low = down ? LLVMBuildNeg(e->builder, low, "") : low;
        LLVMValueRef shift = LLVMBuildNeg(e->builder, emit_times(e, low, weight), "");
        start = step_away(p, start, shift);
        LLVMValueRef moved = down ? LLVMBuildNeg(e->builder, weight, "") : weight;
        bool taken = false;
        for (int k = 0; k < p->in->at_count; k++) {
            const nest_instruction *index = &s->n->tape.at[p->in->at[k]];
            if (index->op != NEST_RANGE || index->which != r)
                continue;
            LLVMValueRef own = taken ? emit_integer(e, 0) : moved;
            p->a->stride[k] = LLVMBuildSelect(e->builder, s->packs, own, p->a->plain[k], "");
            taken = true;
        }
    }
    *pointer = LLVMBuildSelect(e->builder, s->packs, start, *pointer, "");
}

void emit_panel_copy(emit_nest *s) {
    const emit *e = s->e;
    for (int i = 0; s->packs && i < s->access_count; i++) {
        panel p = {.s = s, .a = &s->accesses[i]};
        if (!p.a->panel)
            continue;
        p.in = &s->n->tape.at[p.a->instruction];
        for (int k = 0; k < p.in->at_count; k++)
            p.a->stride[k] = p.a->plain[k];
        if (s->width == 1)
            continue;
        p.element = emit_memory_type(e, (body_type)p.in->type, 1);
        p.weight = arena_array(e->memory, LLVMValueRef, s->loops + 1);
        LLVMValueRef weight = emit_integer(e, (int64_t)s->width * s->vectors);
        for (int r = s->loops; r-- > s->parallel;) {
            bool moves = moves_along(&p, r);
            p.weight[r] = moves ? weight : emit_integer(e, 0);
            weight = moves ? emit_times(e, weight, s->counts[r]) : weight;
        }
        copy_block(&p, *emit_memory_pointer(s, p.a, s->panel_depth, 0));
        turn_to_copy(&p);
    }
}
