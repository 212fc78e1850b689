/* Where everything is that a call of an object works with: offsets in the arena, as instructions.
 *
 * The layout is the run's (plan.c) with one difference: a buffer whose size depends on an extent of
 * 0 is laid out as if that were 1, so only what the caller gives may lack memory, and reads scratch
 * then. Sizes are sums of products of extents that are known in the call; where all extents are
 * known - in a step without a batch - LLVM's builder folds them, and a layout is a list of numbers.
 *
 * Sums and products saturate: what is too large stays too large, and is refused at the end by one
 * comparison. Nothing lies on the stack whose size depends on the program: the table of buffers is
 * the first thing in the arena. */
#include <string.h>

#include "core/size.h"
#include "jit/aot_frame.h"

/* More than any memory, and far below where sums would wrap. */
enum { HALF = 31 };
static const int64_t too_large = INT64_C(1) << 2 * HALF;

/* ---- saturating arithmetic of sizes */

static LLVMValueRef size_limit(const emit *e, LLVMValueRef x, LLVMValueRef most) {
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntUGT, x, most, "");
    return LLVMBuildSelect(e->builder, more, most, x, "");
}

/* Of two numbers up to too_large. In halves of 31 bits: if both have an upper one, or if what those
 * contribute has more than 31 bits, the product is too large; otherwise no sum here wraps. A
 * product of 128 bits would be a call on some machines. */
static LLVMValueRef size_product(const emit *e, LLVMValueRef x, LLVMValueRef y) {
    LLVMBuilderRef b = e->builder;
    int64_t known;
    if (emit_is_integer(y, &known) && known == 1)
        return x;
    LLVMValueRef zero = emit_integer(e, 0), limit = emit_integer(e, too_large);
    LLVMValueRef half = emit_integer(e, HALF), low = emit_integer(e, (INT64_C(1) << HALF) - 1);
    LLVMValueRef high[2] = {LLVMBuildLShr(b, x, half, ""), LLVMBuildLShr(b, y, half, "")};
    LLVMValueRef rest[2] = {LLVMBuildAnd(b, x, low, ""), LLVMBuildAnd(b, y, low, "")};
    LLVMValueRef middle = LLVMBuildAdd(b, LLVMBuildMul(b, high[0], rest[1], ""),
                                       LLVMBuildMul(b, high[1], rest[0], ""), "");
    LLVMValueRef sum = LLVMBuildAdd(b, LLVMBuildShl(b, size_limit(e, middle, low), half, ""),
                                    LLVMBuildMul(b, rest[0], rest[1], ""), "");
    LLVMValueRef most = LLVMBuildICmp(b, LLVMIntUGT, middle, low, "");
    for (int i = 0; i < 2; i++)
        high[i] = LLVMBuildICmp(b, LLVMIntNE, high[i], zero, "");
    most = LLVMBuildOr(b, most, LLVMBuildAnd(b, high[0], high[1], ""), "");
    return LLVMBuildSelect(b, most, limit, size_limit(e, sum, limit), "");
}

static LLVMValueRef size_sum(const emit *e, LLVMValueRef x, LLVMValueRef y) {
    return size_limit(e, LLVMBuildAdd(e->builder, x, y, ""), emit_integer(e, too_large));
}

/* x up to a whole number of places. */
static LLVMValueRef size_aligned(const emit *e, LLVMValueRef x) {
    LLVMValueRef up = LLVMBuildAdd(e->builder, x, emit_integer(e, PLAN_ALIGNMENT - 1), "");
    return LLVMBuildAnd(e->builder, up, emit_integer(e, -PLAN_ALIGNMENT), "");
}

/* ---- sizes of buffers */

static LLVMValueRef product_of(aot_frame *f, const plan_buffer *b) {
    const emit *e = f->e;
    aot_product p = {.count = b->axis_count};
    for (int i = 0; i < b->axis_count; i++) {
        int k = i;
        for (; k > 0 && p.axes[k - 1] > b->axes[i]; k--)
            p.axes[k] = p.axes[k - 1];
        p.axes[k] = b->axes[i];
    }
    for (size_t i = 0; i < f->products.count; i++) {
        const aot_product *made = &f->products.at[i];
        if (made->count == p.count &&
            memcmp(made->axes, p.axes, (size_t)p.count * sizeof *p.axes) == 0)
            return made->value;
    }
    p.value = emit_integer(e, 1);
    for (int i = 0; i < p.count; i++) {
        LLVMValueRef extent = f->extents[p.axes[i]];
        extent = emit_pick(e, LLVMIntUGT, extent, emit_integer(e, 1));
        p.value = size_product(e, extent, p.value);
    }
    vec_push(e->memory, &f->products, p);
    return p.value;
}

LLVMValueRef aot_layout_bytes(aot_frame *f, const plan_buffer *b) {
    size_t constant;
    if (!size_multiply(b->constant, dtype_size(b->type), &constant) || constant > too_large)
        constant = too_large;
    return size_product(f->e, emit_integer(f->e, (int64_t)constant), product_of(f, b));
}

LLVMValueRef aot_layout_is_empty(const aot_frame *f, const aot_field *field) {
    const emit *e = f->e;
    LLVMTypeRef bit = LLVMInt1TypeInContext(e->context);
    LLVMValueRef none = LLVMConstInt(bit, field->empty, false);
    for (int i = 0; i < field->dimension_count; i++) {
        if (field->dimension[i] >= 0)
            continue;
        LLVMValueRef extent = f->extents[-1 - field->dimension[i]];
        LLVMValueRef zero = LLVMBuildICmp(e->builder, LLVMIntEQ, extent, emit_integer(e, 0), "");
        none = LLVMBuildOr(e->builder, none, zero, "");
    }
    return none;
}

/* What a member without elements reads. */
static LLVMValueRef scratch_size(aot_frame *f) {
    const emit *e = f->e;
    LLVMValueRef most = emit_integer(e, 0);
    for (int k = 0; k < AOT_GROUPS; k++)
        for (size_t i = 0; i < f->a->groups[k].fields.count; i++) {
            const aot_field *field = &f->a->groups[k].fields.at[i];
            if (field->buffer < 0 || (!field->pointer && !field->empty))
                continue;
            LLVMValueRef own = aot_layout_bytes(f, &f->a->buffers[field->buffer]);
            own = LLVMBuildSelect(e->builder, aot_layout_is_empty(f, field), own,
                                  emit_integer(e, 0), "");
            most = emit_pick(e, LLVMIntUGT, own, most);
        }
    return most;
}

/* ---- layout */

/* The place of `bytes` behind *end. */
static LLVMValueRef take(const aot_frame *f, LLVMValueRef *end, LLVMValueRef bytes) {
    LLVMValueRef start = *end;
    *end = size_sum(f->e, start, size_aligned(f->e, bytes));
    return start;
}

static LLVMValueRef numbers(const aot_frame *f, size_t count) {
    return emit_integer(f->e, (int64_t)(count * sizeof(int64_t)));
}

LLVMValueRef aot_layout_is_too_large(const aot_frame *f) {
    uint64_t most = machine_most(f->e->target);
    int64_t limit = most < (uint64_t)too_large ? (int64_t)most + 1 : too_large;
    return LLVMBuildICmp(f->e->builder, LLVMIntUGE, f->total, emit_integer(f->e, limit), "");
}

void aot_layout_state(aot_frame *f, LLVMValueRef *offsets) {
    const aot_struct *state = &f->a->groups[AOT_STATE];
    f->total = emit_integer(f->e, 0);
    for (size_t i = 0; i < state->fields.count; i++) {
        const aot_field *field = &state->fields.at[i];
        offsets[i] = NULL;
        if (field->pointer && !field->empty)
            offsets[i] = take(f, &f->total, aot_layout_bytes(f, &f->a->buffers[field->buffer]));
    }
}

/* What the caller keeps needs no place in the arena, but for whoever lives in it after that has
 * been made. */
static bool needs_place(const aot_frame *f, size_t buffer) {
    const aot *a = f->a;
    bool found = !f->prepared || a->prepared_at[buffer] == AOT_NOT_PREPARED;
    for (size_t i = 0; i < a->plan->buffers.count && !found; i++)
        found = a->buffers[i].host == &a->buffers[buffer] && a->prepared_at[i] == AOT_NOT_PREPARED;
    return found;
}

void aot_layout(aot_frame *f) {
    const emit *e = f->e;
    int block_axis = nest_block_axis(f->a->plan);
    if (block_axis >= 0)
        f->extents[NEST_BLOCK] = f->extents[block_axis];
    f->extents[NEST_CHECKPOINTS] = emit_integer(e, 2);
    const aot *a = f->a;
    size_t count = a->plan->buffers.count;
    LLVMValueRef end = emit_integer(e, 0);
    f->offsets = arena_array(e->memory, LLVMValueRef, count + 1);
    f->table = take(f, &end, emit_integer(e, (int64_t)count * e->target->pointer_bytes));
    f->counts = take(f, &end, numbers(f, (size_t)a->axis_count));
    f->context = take(f, &end, numbers(f, EMIT_CONTEXT));
    for (size_t i = 0; i < count; i++) {
        const plan_buffer *b = &a->buffers[i];
        if (b->storage == NEST_ARENA && !b->unused && !b->host && needs_place(f, i))
            f->offsets[i] = take(f, &end, aot_layout_bytes(f, b));
    }
    for (size_t i = 0; i < count; i++)
        if (a->buffers[i].host)
            f->offsets[i] = f->offsets[a->buffers[i].host - a->buffers];
    f->scratch_bytes = scratch_size(f);
    f->scratch = take(f, &end, f->scratch_bytes);
    /* A vector that begins in the last place may end behind it. */
    f->total = size_sum(e, end, emit_integer(e, PLAN_ALIGNMENT));
}
