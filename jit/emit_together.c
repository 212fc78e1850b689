/* Rows of two ranges, as rows of one.
 *
 * A product over all steps and all samples has two ranges whose iterations could be the rows of its
 * tiles, and which of them is long only a call knows: a step at a time for hundreds of samples, or
 * one sample for a thousand steps. But where every access has one right inside the other in memory,
 * both are one range of steps times samples. And it takes no other code: rows are as far apart as
 * samples, there are more of them, and the loop over samples has one iteration. These are numbers,
 * so they may be chosen in the call.
 *
 * A thread whose part are some of the samples has rows with gaps. Then the longer of both ranges is
 * the one of rows, in the same way: they change places. Where there are many rows already nothing
 * would be won, and rows that are far apart are written faster when they are long enough to leave
 * the caches (measured: a fifth of a product of 128 units over 80,000 rows).
 *
 * Each sum is folded as before; only the order in which sums are computed is another. */
#include "jit/emit_internal.h"

/* The axis of which a range runs over steps, as many as only a call knows; -1: something else. */
static int axis_of(const nest_range *r) {
    bool plain = r->count < 0 && !r->folded && !r->ordered && !r->descending;
    return plain && r->given == 0 && r->end == 0 ? (int)(-1 - r->count) : -1;
}

static bool is_index(const nest *n, nest_ref value, int range) {
    const nest_instruction *in = value < 0 ? NULL : &n->tape.at[value];
    return in && in->op == NEST_RANGE && in->which == range;
}

/* Nothing but a place in memory is made of the index of either range, and that of both: the inner
 * one right behind the outer one. */
static bool goes_together(const emit_nest *s, const nest_instruction *in, int outer, int inner) {
    const nest *n = s->n;
    if (in->op == NEST_BODY) {
        const nest_ref from[3] = {in->code.a, in->code.b, in->code.c};
        for (int k = 0; k < body_operands((body_op)in->code.op); k++)
            if (is_index(n, from[k], outer) || is_index(n, from[k], inner))
                return false;
        return true;
    }
    const nest_buffer *b = nest_is_access(in) ? &s->e->plan->buffers.at[in->which] : NULL;
    for (int k = 0; b && k < in->at_count; k++) {
        bool first = is_index(n, in->at[k], outer);
        if (is_index(n, in->at[k], inner) && (k == 0 || !is_index(n, in->at[k - 1], outer)))
            return false;
        if (!first)
            continue;
        if (k + 1 >= b->axis_count || !is_index(n, in->at[k + 1], inner) || b->checkpoint > 0 ||
            b->axes[k + 1] != axis_of(&n->ranges.at[inner]))
            return false;
    }
    return true;
}

static bool all_together(const emit_nest *s, int outer, int inner) {
    const nest_range *ranges = s->n->ranges.at;
    if (axis_of(&ranges[outer]) < 0 || axis_of(&ranges[inner]) < 0 || ranges[inner].block)
        return false;
    for (size_t i = 0; i < s->n->tape.count; i++)
        if (!goes_together(s, &s->n->tape.at[i], outer, inner))
            return false;
    return true;
}

int emit_together_find(const emit_nest *s) {
    if (s->row_range < 0 || s->panel_depth == 0)
        return -1;
    for (int d = s->panel_depth; d < s->parallel; d++) {
        int range = s->order[d];
        if (range != s->row_range && range != s->vector_range &&
            all_together(s, s->row_range, range))
            return range;
    }
    return -1;
}

void emit_together(emit_nest *s) {
    const emit *e = s->e;
    LLVMBuilderRef b = e->builder;
    int outer = s->row_range, inner = s->inner_range;
    if (inner < 0 || s->host)
        return;
    LLVMValueRef zero = emit_integer(e, 0), one = emit_integer(e, 1), count = s->counts[inner];
    LLVMValueRef from[2] = {s->first[outer], s->first[inner]};
    LLVMValueRef to[2] = {s->limit[outer], s->limit[inner]};
    LLVMValueRef begins = LLVMBuildICmp(b, LLVMIntEQ, from[1], zero, "");
    LLVMValueRef ends = LLVMBuildICmp(b, LLVMIntEQ, to[1], count, "");
    LLVMValueRef whole = LLVMBuildAnd(b, begins, ends, "");
    LLVMValueRef rows = LLVMBuildSub(b, to[0], from[0], "");
    LLVMValueRef others = LLVMBuildSub(b, to[1], from[1], "");
    LLVMValueRef longer = LLVMBuildICmp(b, LLVMIntSGT, others, rows, "");
    LLVMValueRef few = LLVMBuildICmp(b, LLVMIntSLT, rows, emit_integer(e, e->sizes->own_rows), "");
    s->inward = LLVMBuildAnd(b, LLVMBuildOr(b, whole, longer, ""), few, "");
    LLVMValueRef start = s->origin[outer], begin = s->origin[inner];
    LLVMValueRef through = LLVMBuildSelect(b, whole, emit_times(e, start, count), begin, "");
    s->origin[outer] = LLVMBuildSelect(b, s->inward, through, start, "");
    start = LLVMBuildSelect(b, whole, zero, start, "");
    s->origin[inner] = LLVMBuildSelect(b, s->inward, start, begin, "");
    LLVMValueRef other[2] = {LLVMBuildSelect(b, whole, zero, from[0], ""),
                             LLVMBuildSelect(b, whole, one, to[0], "")};
    LLVMValueRef all[2] = {LLVMBuildSelect(b, whole, emit_times(e, from[0], count), from[1], ""),
                           LLVMBuildSelect(b, whole, emit_times(e, to[0], count), to[1], "")};
    s->first[outer] = LLVMBuildSelect(b, s->inward, all[0], from[0], "");
    s->limit[outer] = LLVMBuildSelect(b, s->inward, all[1], to[0], "");
    s->first[inner] = LLVMBuildSelect(b, s->inward, other[0], from[1], "");
    s->limit[inner] = LLVMBuildSelect(b, s->inward, other[1], to[1], "");
}

void emit_together_strides(const emit_nest *s, emit_access *a) {
    const nest_instruction *in = &s->n->tape.at[a->instruction];
    LLVMBuilderRef b = s->e->builder;
    for (int k = 0; s->inward && k + 1 < in->at_count; k++)
        if (is_index(s->n, in->at[k], s->row_range) &&
            is_index(s->n, in->at[k + 1], s->inner_range)) {
            LLVMValueRef outer = a->stride[k], inner = a->stride[k + 1];
            a->stride[k] = LLVMBuildSelect(b, s->inward, inner, outer, "");
            a->stride[k + 1] = LLVMBuildSelect(b, s->inward, outer, inner, "");
        }
}
