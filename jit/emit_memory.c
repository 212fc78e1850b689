/* Addresses, loads and stores of a nest.
 *
 * An address is a sum, one product of index and stride for every dimension, and each product is
 * added at the depth where its index becomes known: what is invariant in a loop is outside of it by
 * construction. The other places of a register tile are at fixed distances from the first one, so
 * they cost a displacement and no arithmetic; only indices that are looked up in memory have
 * addresses of their own. Vectors promise the alignment of one element and no more.
 *
 * Along the lanes of a vector an access is one of four: neighbouring elements (a vector access),
 * always the same one (a scalar and a splat), equally spaced, or anywhere. The last two are as many
 * scalar accesses as there are lanes. Where the last vector of a range is not full, a mask keeps
 * its vector accesses within the range. */
#include <assert.h>

#include "jit/emit_internal.h"

static const nest_instruction *instruction_of(const emit_nest *s, const emit_access *a) {
    return &s->n->tape.at[a->instruction];
}

/* Is index k part of the common address of all lanes? */
static bool is_common(const emit_nest *s, nest_ref index) {
    const emit_fact *f = &s->facts[index];
    return !f->by_lane || f->lane_known;
}

LLVMValueRef emit_extent(emit_nest *s, int axis) {
    int64_t known;
    if (s->host && emit_step_extent(s->e, s->host, axis, &known))
        return emit_integer(s->e, known);
    if (!s->extents[axis])
        s->extents[axis] = emit_number(s->e, LLVMGetParam(s->function, 1), axis);
    return s->extents[axis];
}

/* Has a dimension of a buffer but one element, where nests are in place? */
static bool is_single(const emit_nest *s, const nest_buffer *b, int k) {
    bool axis = k < b->axis_count;
    int64_t extent = axis ? OP_EXTENT_OF(b->axes[k]) : b->shape.dimension[k - b->axis_count];
    if (axis && b->axes[k] == b->checkpoint - 1)
        return false;
    if (extent < 0 && !emit_step_extent(s->e, s->host, (int)(-1 - extent), &extent))
        return false;
    return extent == 1;
}

static LLVMValueRef stride_of(emit_nest *s, const nest_instruction *in, int k) {
    const nest_buffer *b = &s->e->plan->buffers.at[in->which];
    int axes[LIMIT_AXES + LIMIT_RANK], count;
    bool element = in->linear && k == in->at_count - 1;
    if (!element && s->host && is_single(s, b, k))
        return emit_integer(s->e, 0);
    int64_t constant = element ? 1 : nest_stride(b, k, axes, &count);
    LLVMValueRef stride = emit_integer(s->e, constant);
    for (int i = 0; !element && i < count; i++)
        stride = emit_times(s->e, stride,
                            axes[i] == NEST_BLOCK         ? emit_told(s, EMIT_STEPS)
                            : axes[i] == NEST_CHECKPOINTS ? emit_told(s, EMIT_CHECKPOINTS)
                                                          : emit_extent(s, axes[i]));
    return stride;
}

LLVMValueRef emit_operand(const emit_nest *s, int place) {
    const emit *e = s->e;
    LLVMTypeRef type = LLVMInt32TypeInContext(e->context);
    LLVMValueRef at = emit_integer(e, place), operands = LLVMGetParam(s->function, 3);
    at = LLVMBuildGEP2(e->builder, type, operands, &at, 1, "");
    LLVMValueRef number = LLVMBuildLoad2(e->builder, type, at, "");
    return LLVMBuildSExt(e->builder, number, emit_type(e, BODY_I64, 1), "");
}

/* Which buffer this is: known, unless other nests use the kernel too. */
static LLVMValueRef buffer_number(const emit_nest *s, int32_t buffer) {
    if (s->n->users <= 1)
        return emit_integer(s->e, buffer);
    int place = 0;
    while (s->n->operands[place] != buffer)
        place++;
    return emit_operand(s, place);
}

static LLVMValueRef offset(const emit_nest *s, const nest_instruction *in, LLVMValueRef from,
                           LLVMValueRef elements) {
    if (LLVMIsNull(elements))
        return from;
    LLVMTypeRef type = emit_memory_type(s->e, (body_type)in->type, 1);
    return LLVMBuildGEP2(s->e->builder, type, from, &elements, 1, "");
}

/* Memory that holds one block begins with the block's first step. */
static LLVMValueRef base_of_block(emit_nest *s, const nest_instruction *in, LLVMValueRef from) {
    const nest_buffer *b = &s->e->plan->buffers.at[in->which];
    int position = 0;
    while (b->axes[position] != b->block - 1)
        position++;
    LLVMValueRef first = emit_told(s, EMIT_BLOCK_FIRST);
    LLVMValueRef away = emit_times(s->e, first, stride_of(s, in, position));
    return offset(s, in, from, LLVMBuildNeg(s->e->builder, away, ""));
}

static LLVMValueRef base_of(emit_nest *s, const emit_access *a, int32_t buffer) {
    const emit *e = s->e;
    for (const emit_access *other = s->accesses; other != a; other++)
        if (instruction_of(s, other)->which == buffer)
            return other->base;
    LLVMValueRef bytes = emit_bytes(s->e, buffer);
    if (bytes)
        return bytes;
    if (s->host && s->host->bases)
        return s->host->bases[buffer];
    LLVMValueRef number = buffer_number(s, buffer), table = LLVMGetParam(s->function, 0);
    LLVMValueRef at = LLVMBuildGEP2(e->builder, e->pointer, table, &number, 1, "");
    LLVMValueRef base = LLVMBuildLoad2(e->builder, e->pointer, at, "");
    bool block = s->e->plan->buffers.at[buffer].block > 0;
    return block ? base_of_block(s, instruction_of(s, a), base) : base;
}

/* How far the access moves when the range does one step, over the indices that move regularly.
 */
static LLVMValueRef distance(emit_nest *s, const emit_access *a, int range) {
    const nest_instruction *in = instruction_of(s, a);
    LLVMValueRef sum = emit_integer(s->e, 0);
    for (int k = 0; range >= 0 && k < in->at_count; k++) {
        int64_t step;
        if (!is_common(s, in->at[k]) || !nest_coefficient(s->n, in->at[k], range, &step))
            continue;
        LLVMValueRef part = emit_times(s->e, emit_integer(s->e, step), a->stride[k]);
        sum = emit_plus(s->e, sum, part);
    }
    return sum;
}

void emit_memory_start(emit_nest *s) {
    arena *memory = s->e->memory;
    for (int i = 0; i < s->access_count; i++) {
        emit_access *a = &s->accesses[i];
        const nest_instruction *in = instruction_of(s, a);
        a->base = base_of(s, a, in->which);
        a->stride = arena_array(memory, LLVMValueRef, in->at_count + 1);
        for (int k = 0; k < in->at_count; k++)
            a->stride[k] = stride_of(s, in, k);
        emit_together_strides(s, a);
        a->pointer = arena_array(memory, LLVMValueRef, (s->loops + 1) * s->most_rows);
        a->lane_step = distance(s, a, s->vector_range);
        a->row_offset = arena_array(memory, LLVMValueRef, s->most_rows);
        a->turned = arena_array(memory, LLVMValueRef, s->most_vectors * s->most_width);
        if (!a->rows_known)
            continue;
        LLVMValueRef step = distance(s, a, s->row_range);
        for (int row = 0; row < s->most_rows; row++)
            a->row_offset[row] = emit_times(s->e, emit_integer(s->e, row), step);
    }
}

LLVMValueRef *emit_memory_pointer(const emit_nest *s, const emit_access *a, int depth, int row) {
    bool shared = a->rows_known || depth < s->row_depth;
    return &a->pointer[depth * s->most_rows + (shared ? 0 : row)];
}

void emit_memory_advance(emit_nest *s, emit_access *a, int depth) {
    const nest_instruction *in = instruction_of(s, a);
    int rows = a->rows_known || depth < s->row_depth ? 1 : s->rows;
    for (int row = 0; row < rows; row++) {
        LLVMValueRef from = depth == 0 ? a->base : *emit_memory_pointer(s, a, depth - 1, row);
        LLVMValueRef sum = emit_integer(s->e, 0);
        for (int k = 0; k < in->at_count; k++) {
            if (s->facts[in->at[k]].depth != depth || !is_common(s, in->at[k]))
                continue;
            LLVMValueRef index = emit_scalar_of(s, in->at[k], row, 0);
            sum = emit_plus(s->e, sum, emit_times(s->e, index, a->stride[k]));
        }
        *emit_memory_pointer(s, a, depth, row) = offset(s, in, from, sum);
    }
}

/* The address of lane 0 by its regular indices. */
static LLVMValueRef address(emit_nest *s, const emit_access *a, int row, int vector) {
    const nest_instruction *in = instruction_of(s, a);
    LLVMValueRef from = *emit_memory_pointer(s, a, s->facts[a->instruction].depth, row);
    LLVMValueRef lanes = emit_integer(s->e, (int64_t)vector * s->width);
    LLVMValueRef away = emit_times(s->e, lanes, a->lane_step);
    if (a->rows_known)
        away = emit_plus(s->e, away, a->row_offset[row]);
    return offset(s, in, from, away);
}

/* Adds the indices that are irregular along the lanes: to one scalar, or as a vector of i64. */
static LLVMValueRef irregular(emit_nest *s, const emit_access *a, int row, int vector) {
    const nest_instruction *in = instruction_of(s, a);
    LLVMValueRef sum = emit_splat(s->e, emit_integer(s->e, 0), s->width);
    for (int k = 0; k < in->at_count; k++) {
        if (is_common(s, in->at[k]))
            continue;
        LLVMValueRef index = s->width > 1 ? emit_wide_of(s, in->at[k], row, vector)
                                          : emit_scalar_of(s, in->at[k], row, vector);
        LLVMValueRef stride = emit_splat(s->e, a->stride[k], s->width);
        sum = emit_plus(s->e, sum, LLVMBuildMul(s->e->builder, index, stride, ""));
    }
    return sum;
}

typedef struct lanes {
    LLVMValueRef first;   /* address of lane 0 by its regular indices */
    LLVMValueRef offsets; /* elements, by lane; NULL: all regular */
} lanes;

static LLVMValueRef lane_address(emit_nest *s, const emit_access *a, lanes l, int lane) {
    const nest_instruction *in = instruction_of(s, a);
    LLVMValueRef away = emit_times(s->e, emit_integer(s->e, lane), a->lane_step);
    if (l.offsets) {
        LLVMTypeRef type = LLVMInt32TypeInContext(s->e->context);
        LLVMValueRef number = LLVMConstInt(type, (unsigned)lane, false);
        LLVMValueRef own = LLVMBuildExtractElement(s->e->builder, l.offsets, number, "");
        away = emit_plus(s->e, away, own);
    }
    return offset(s, in, l.first, away);
}

static unsigned alignment(const nest_instruction *in) {
    return (unsigned)dtype_size((dtype)in->type);
}

static LLVMValueRef load_plain(const emit_nest *s, const nest_instruction *in, LLVMValueRef at,
                               int width) {
    LLVMTypeRef type = emit_memory_type(s->e, (body_type)in->type, width);
    LLVMValueRef value = LLVMBuildLoad2(s->e->builder, type, at, "");
    LLVMSetAlignment(value, alignment(in));
    return value;
}

static void store_plain(const emit_nest *s, const nest_instruction *in, LLVMValueRef value,
                        LLVMValueRef at) {
    LLVMSetAlignment(LLVMBuildStore(s->e->builder, value, at), alignment(in));
}

static LLVMValueRef lanes_mask(const emit_nest *s) {
    const emit *e = s->e;
    LLVMTypeRef bit = emit_type(e, BODY_BOOL, 1);
    LLVMValueRef *bits = arena_array(e->memory, LLVMValueRef, s->width);
    for (int lane = 0; lane < s->width; lane++)
        bits[lane] = LLVMConstInt(bit, lane < s->lanes, false);
    return LLVMConstVector(bits, (unsigned)s->width);
}

LLVMValueRef emit_memory_vector(const emit_nest *s, const nest_instruction *in, LLVMValueRef at) {
    const emit *e = s->e;
    if (s->lanes == s->width)
        return load_plain(s, in, at, s->width);
    LLVMTypeRef types[2] = {emit_memory_type(e, (body_type)in->type, s->width), e->pointer};
    LLVMValueRef distance = LLVMConstInt(LLVMInt32TypeInContext(e->context), alignment(in), false);
    LLVMValueRef operands[4] = {at, distance, lanes_mask(s), LLVMGetPoison(types[0])};
    return emit_intrinsic(e, "llvm.masked.load", types, 2, operands, 4);
}

static void store_vector(const emit_nest *s, const nest_instruction *in, LLVMValueRef value,
                         LLVMValueRef at) {
    const emit *e = s->e;
    if (s->lanes == s->width) {
        store_plain(s, in, value, at);
        return;
    }
    LLVMTypeRef types[2] = {LLVMTypeOf(value), e->pointer};
    LLVMValueRef distance = LLVMConstInt(LLVMInt32TypeInContext(e->context), alignment(in), false);
    LLVMValueRef operands[4] = {value, at, distance, lanes_mask(s)};
    emit_intrinsic(e, "llvm.masked.store", types, 2, operands, 4);
}

static LLVMValueRef from_memory(const emit_nest *s, const nest_instruction *in,
                                LLVMValueRef value) {
    if (in->type != BODY_BOOL)
        return value;
    LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(value));
    return LLVMBuildICmp(s->e->builder, LLVMIntNE, value, zero, "");
}

static LLVMValueRef load_lanes(emit_nest *s, const emit_access *a, lanes l) {
    const nest_instruction *in = instruction_of(s, a);
    LLVMTypeRef number = LLVMInt32TypeInContext(s->e->context);
    LLVMValueRef all = LLVMGetPoison(emit_memory_type(s->e, (body_type)in->type, s->width));
    for (int lane = 0; lane < s->lanes; lane++) {
        LLVMValueRef one = load_plain(s, in, lane_address(s, a, l, lane), 1);
        LLVMValueRef place = LLVMConstInt(number, (unsigned)lane, false);
        all = LLVMBuildInsertElement(s->e->builder, all, one, place, "");
    }
    return all;
}

/* A vector from each lane's row, as long as there are steps that run together. */
static void load_square(emit_nest *s, const emit_access *a, lanes l, LLVMValueRef *rows) {
    const nest_instruction *in = instruction_of(s, a);
    for (int lane = 0; lane < s->width; lane++)
        rows[lane] = lane < s->lanes ? load_plain(s, in, lane_address(s, a, l, lane), s->width)
                                     : LLVMGetPoison(LLVMTypeOf(rows[0]));
}

/* The next line of the cache, at the same step of a fold: tiles to come walk into it. Nobody else
 * asks for it in time, as the steps of a fold are far from each other. */
static void fetch_ahead(const emit_nest *s, LLVMValueRef at) {
    enum { LINE = 64, READ = 0, NEAR = 3, DATA = 1 };
    const emit *e = s->e;
    LLVMTypeRef number = LLVMInt32TypeInContext(e->context), type = e->pointer;
    LLVMValueRef away = emit_integer(e, LINE), operands[4];
    operands[0] = LLVMBuildGEP2(e->builder, LLVMInt8TypeInContext(e->context), at, &away, 1, "");
    operands[1] = LLVMConstInt(number, READ, false);
    operands[2] = LLVMConstInt(number, NEAR, false);
    operands[3] = LLVMConstInt(number, DATA, false);
    emit_intrinsic(e, "llvm.prefetch", &type, 1, operands, 4);
}

LLVMValueRef emit_memory_load(emit_nest *s, const emit_access *a, int row, int vector) {
    const nest_instruction *in = instruction_of(s, a);
    LLVMValueRef known = emit_known_find(s, a, row, vector);
    if (known)
        return known;
    lanes l = {address(s, a, row, vector), NULL};
    if (a->square && s->step >= 0) {
        LLVMValueRef *rows = a->turned + (ptrdiff_t)vector * s->most_width;
        if (s->step == 0)
            load_square(s, a, l, rows);
        return emit_square_step(s->e, rows, s->step, s->width, body_type_size((body_type)in->type));
    }
    int64_t step;
    if (!a->lanes_known)
        l.offsets = irregular(s, a, row, vector);
    if (s->width == 1 || !s->facts[a->instruction].by_lane) {
        LLVMValueRef at = l.offsets ? offset(s, in, l.first, l.offsets) : l.first;
        if (row == 0 && a->walked)
            fetch_ahead(s, at);
        return from_memory(s, in, load_plain(s, in, at, 1));
    }
    if (a->lanes_known && emit_is_integer(a->lane_step, &step) && step == 1)
        return from_memory(s, in, emit_memory_vector(s, in, l.first));
    if (a->lanes_known && emit_is_integer(a->lane_step, &step) && step == 0)
        return from_memory(s, in, emit_splat(s->e, load_plain(s, in, l.first, 1), s->width));
    return from_memory(s, in, load_lanes(s, a, l));
}

void emit_memory_store(emit_nest *s, const emit_access *a, int row, int vector) {
    const nest_instruction *in = instruction_of(s, a);
    bool wide = s->width > 1 && s->vector_range >= 0;
    LLVMValueRef value =
        wide ? emit_wide_of(s, in->value, row, vector) : emit_scalar_of(s, in->value, row, vector);
    emit_known_store(s, a, row, vector, value);
    if (in->type == BODY_BOOL) {
        LLVMTypeRef bytes = emit_memory_type(s->e, BODY_BOOL, s->width);
        value = LLVMBuildZExt(s->e->builder, value, bytes, "");
    }
    lanes l = {address(s, a, row, vector), NULL};
    int64_t step;
    if (!a->lanes_known)
        l.offsets = irregular(s, a, row, vector);
    if (!wide) {
        store_plain(s, in, value, l.offsets ? offset(s, in, l.first, l.offsets) : l.first);
        return;
    }
    if (a->lanes_known && emit_is_integer(a->lane_step, &step) && step == 1) {
        store_vector(s, in, value, l.first);
        return;
    }
    LLVMTypeRef number = LLVMInt32TypeInContext(s->e->context);
    for (int lane = 0; lane < s->lanes; lane++) {
        LLVMValueRef place = LLVMConstInt(number, (unsigned)lane, false);
        LLVMValueRef one = LLVMBuildExtractElement(s->e->builder, value, place, "");
        store_plain(s, in, one, lane_address(s, a, l, lane));
    }
}
