/* One instruction of a tape as LLVM IR, on scalars or on vectors.
 *
 * Every rounding is in the tape: no fast-math flag is ever set, fma is llvm.fma, and nothing else
 * may fuse. What C leaves open is pinned down as in the scalar evaluator (ops/body_run.c):
 * saturating conversions, wrapping integers, masked shift amounts. Bool is i1 in registers and a
 * byte in memory. The intrinsics used here are single instructions on every row of the machine
 * table, or the row says which are not (MACHINE_FMA, ...), so no call of the C library comes out of
 * them. */
#include <assert.h>
#include <string.h>

#include "jit/emit_internal.h"

LLVMTypeRef emit_type(const emit *e, body_type type, int width) {
    LLVMTypeRef t = NULL;
    switch (type) {
    case BODY_F32:
        t = LLVMFloatTypeInContext(e->context);
        break;
    case BODY_F64:
        t = LLVMDoubleTypeInContext(e->context);
        break;
    case BODY_I32:
        t = LLVMInt32TypeInContext(e->context);
        break;
    case BODY_BOOL:
        t = LLVMInt1TypeInContext(e->context);
        break;
    case BODY_I64:
        t = LLVMInt64TypeInContext(e->context);
        break;
    }
    return width > 1 ? LLVMVectorType(t, (unsigned)width) : t;
}

LLVMTypeRef emit_memory_type(const emit *e, body_type type, int width) {
    if (type != BODY_BOOL)
        return emit_type(e, type, width);
    LLVMTypeRef byte = LLVMInt8TypeInContext(e->context);
    return width > 1 ? LLVMVectorType(byte, (unsigned)width) : byte;
}

LLVMValueRef emit_integer(const emit *e, int64_t value) {
    return LLVMConstInt(LLVMInt64TypeInContext(e->context), (unsigned long long)value, true);
}

LLVMValueRef emit_entry(const emit *e, LLVMValueRef table, int which) {
    LLVMValueRef number = emit_integer(e, which);
    return LLVMBuildGEP2(e->builder, emit_type(e, BODY_I64, 1), table, &number, 1, "");
}

LLVMValueRef emit_number(const emit *e, LLVMValueRef table, int which) {
    LLVMValueRef at = emit_entry(e, table, which);
    return LLVMBuildLoad2(e->builder, emit_type(e, BODY_I64, 1), at, "");
}

bool emit_is_integer(LLVMValueRef value, int64_t *out) {
    if (!LLVMIsAConstantInt(value))
        return false;
    *out = LLVMConstIntGetSExtValue(value);
    return true;
}

/* The same constant in every lane. */
static LLVMValueRef constant_splat(const emit *e, LLVMValueRef value, int width) {
    if (width == 1)
        return value;
    arena_mark mark = arena_here(e->memory);
    LLVMValueRef *lanes = arena_array(e->memory, LLVMValueRef, width);
    for (int i = 0; i < width; i++)
        lanes[i] = value;
    LLVMValueRef splat = LLVMConstVector(lanes, (unsigned)width);
    arena_rewind(e->memory, mark);
    return splat;
}

LLVMValueRef emit_constant(const emit *e, body_type type, body_value value, int width) {
    LLVMTypeRef t = emit_type(e, type, 1);
    LLVMValueRef c = NULL;
    switch (type) {
    case BODY_F32:
        c = LLVMConstReal(t, (double)value.f32);
        break;
    case BODY_F64:
        c = LLVMConstReal(t, value.f64);
        break;
    case BODY_I32:
        c = LLVMConstInt(t, (unsigned long long)(int64_t)value.i32, true);
        break;
    case BODY_BOOL:
        c = LLVMConstInt(t, value.boolean != 0, false);
        break;
    case BODY_I64:
        c = LLVMConstInt(t, (unsigned long long)value.i64, true);
        break;
    }
    return constant_splat(e, c, width);
}

LLVMValueRef emit_splat(const emit *e, LLVMValueRef value, int width) {
    if (width == 1)
        return value;
    if (LLVMIsConstant(value))
        return constant_splat(e, value, width);
    LLVMTypeRef index = LLVMInt32TypeInContext(e->context);
    LLVMValueRef none = LLVMGetPoison(LLVMVectorType(LLVMTypeOf(value), (unsigned)width));
    LLVMValueRef one =
        LLVMBuildInsertElement(e->builder, none, value, LLVMConstInt(index, 0, false), "");
    LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(index, (unsigned)width));
    return LLVMBuildShuffleVector(e->builder, one, none, zeros, "");
}

LLVMValueRef emit_ramp(const emit *e, int64_t step, int width) {
    arena_mark mark = arena_here(e->memory);
    LLVMValueRef *lanes = arena_array(e->memory, LLVMValueRef, width);
    for (int i = 0; i < width; i++)
        lanes[i] = emit_integer(e, (int64_t)((uint64_t)step * (uint64_t)i));
    LLVMValueRef ramp = LLVMConstVector(lanes, (unsigned)width);
    arena_rewind(e->memory, mark);
    return ramp;
}

LLVMValueRef emit_plus(const emit *e, LLVMValueRef x, LLVMValueRef y) {
    if (LLVMIsNull(x))
        return y;
    return LLVMIsNull(y) ? x : LLVMBuildAdd(e->builder, x, y, "");
}

LLVMValueRef emit_times(const emit *e, LLVMValueRef x, LLVMValueRef y) {
    int64_t number;
    if (emit_is_integer(x, &number) && (number == 0 || number == 1))
        return number ? y : x;
    if (emit_is_integer(y, &number) && (number == 0 || number == 1))
        return number ? x : y;
    return LLVMBuildMul(e->builder, x, y, "");
}

LLVMTypeRef emit_size_type(const emit *e) {
    return LLVMIntTypeInContext(e->context, 8 * (unsigned)e->target->pointer_bytes);
}

static LLVMValueRef divide(const emit *e, LLVMOpcode how, LLVMValueRef x, LLVMValueRef y) {
    if (e->target->pointer_bytes == 8)
        return LLVMBuildBinOp(e->builder, how, x, y, "");
    LLVMTypeRef narrow = emit_size_type(e), wide = emit_type(e, BODY_I64, 1);
    x = LLVMBuildTrunc(e->builder, x, narrow, "");
    y = LLVMBuildTrunc(e->builder, y, narrow, "");
    return LLVMBuildZExt(e->builder, LLVMBuildBinOp(e->builder, how, x, y, ""), wide, "");
}

LLVMValueRef emit_quotient(const emit *e, LLVMValueRef x, LLVMValueRef y) {
    return divide(e, LLVMUDiv, x, y);
}

LLVMValueRef emit_remainder(const emit *e, LLVMValueRef x, LLVMValueRef y) {
    return divide(e, LLVMURem, x, y);
}

LLVMValueRef emit_pick(const emit *e, LLVMIntPredicate when, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildSelect(e->builder, LLVMBuildICmp(e->builder, when, x, y, ""), x, y, "");
}

LLVMValueRef emit_intrinsic(const emit *e, const char *name, LLVMTypeRef *types, size_t overloads,
                            LLVMValueRef *operands, unsigned count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    assert(id != 0);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, types, overloads);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, types, overloads);
    return LLVMBuildCall2(e->builder, type, function, operands, count, "");
}

static LLVMValueRef unary(const emit *e, const char *name, LLVMValueRef x) {
    LLVMTypeRef type = LLVMTypeOf(x);
    return emit_intrinsic(e, name, &type, 1, &x, 1);
}

static bool is_float(body_type t) {
    return t == BODY_F32 || t == BODY_F64;
}

static LLVMValueRef fma_of(const emit *e, LLVMValueRef x, LLVMValueRef y, LLVMValueRef z) {
    LLVMTypeRef type = LLVMTypeOf(x);
    LLVMValueRef all[3] = {x, y, z};
    if (e->target->lacks & MACHINE_FMA)
        return LLVMBuildFAdd(e->builder, LLVMBuildFMul(e->builder, x, y, ""), z, "");
    return emit_intrinsic(e, "llvm.fma", &type, 1, all, 3);
}

/* Towards zero and back is exact below 2^fraction, above which every number is whole. A conversion
 * that does not fit is not looked at; the sign of zero is x's. */
static LLVMValueRef floor_of(const emit *e, LLVMValueRef x, body_type type, int width) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef own = LLVMTypeOf(x);
    if (!(e->target->lacks & MACHINE_FLOOR))
        return unary(e, "llvm.floor", x);
    const bool single = type == BODY_F32;
    const body_type whole = single ? BODY_I32 : BODY_I64;
    body_value least = {.f32 = 0x1p23F}, one = {.f32 = 1};
    if (!single) {
        least.f64 = 0x1p52;
        one.f64 = 1;
    }
    LLVMValueRef near = LLVMBuildFPToSI(b, x, emit_type(e, whole, width), "");
    near = LLVMBuildSIToFP(b, near, own, "");
    LLVMValueRef below = LLVMBuildFSub(b, near, emit_constant(e, type, one, width), "");
    LLVMValueRef over = LLVMBuildFCmp(b, LLVMRealOGT, near, x, "");
    LLVMValueRef signs[2] = {LLVMBuildSelect(b, over, below, near, ""), x};
    LLVMValueRef found = emit_intrinsic(e, "llvm.copysign", &own, 1, signs, 2);
    LLVMValueRef small = LLVMBuildFCmp(b, LLVMRealOLT, unary(e, "llvm.fabs", x),
                                       emit_constant(e, type, least, width), "");
    return LLVMBuildSelect(b, small, found, x, "");
}

static LLVMValueRef cast(const emit *e, LLVMValueRef x, body_type from, body_type to, int width) {
    LLVMTypeRef type = emit_type(e, to, width), own = LLVMTypeOf(x);
    LLVMBuilderRef b = e->builder;
    if (from == to)
        return x;
    if (to == BODY_BOOL)
        return is_float(from) ? LLVMBuildFCmp(b, LLVMRealUNE, x, LLVMConstNull(own), "")
                              : LLVMBuildICmp(b, LLVMIntNE, x, LLVMConstNull(own), "");
    if (is_float(from) && is_float(to))
        return to == BODY_F64 ? LLVMBuildFPExt(b, x, type, "") : LLVMBuildFPTrunc(b, x, type, "");
    if (is_float(from)) {
        LLVMTypeRef types[2] = {type, own};
        return emit_intrinsic(e, "llvm.fptosi.sat", types, 2, &x, 1);
    }
    if (is_float(to))
        return from == BODY_BOOL ? LLVMBuildUIToFP(b, x, type, "")
                                 : LLVMBuildSIToFP(b, x, type, "");
    if (from == BODY_BOOL)
        return LLVMBuildZExt(b, x, type, "");
    return to == BODY_I64 ? LLVMBuildSExt(b, x, type, "") : LLVMBuildTrunc(b, x, type, "");
}

static LLVMValueRef compare(const emit *e, body_op op, body_type type, LLVMValueRef x,
                            LLVMValueRef y) {
    LLVMRealPredicate real = op == BODY_LT   ? LLVMRealOLT
                             : op == BODY_LE ? LLVMRealOLE
                             : op == BODY_EQ ? LLVMRealOEQ
                                             : LLVMRealUNE;
    bool sign = type != BODY_BOOL;
    LLVMIntPredicate integer = op == BODY_LT   ? (sign ? LLVMIntSLT : LLVMIntULT)
                               : op == BODY_LE ? (sign ? LLVMIntSLE : LLVMIntULE)
                               : op == BODY_EQ ? LLVMIntEQ
                                               : LLVMIntNE;
    return is_float(type) ? LLVMBuildFCmp(e->builder, real, x, y, "")
                          : LLVMBuildICmp(e->builder, integer, x, y, "");
}

/* Amounts outside [0, width of the type) occur only where a select drops the result. */
static LLVMValueRef shift(const emit *e, body_op op, body_type type, LLVMValueRef x,
                          LLVMValueRef amount, int width) {
    body_value mask = {.i64 = 63};
    if (type == BODY_I32)
        mask.i32 = 31;
    amount = LLVMBuildAnd(e->builder, amount, emit_constant(e, type, mask, width), "");
    return op == BODY_SHL ? LLVMBuildShl(e->builder, x, amount, "")
                          : LLVMBuildLShr(e->builder, x, amount, "");
}

static LLVMValueRef multiply_high(const emit *e, LLVMValueRef x, LLVMValueRef y, int width) {
    LLVMTypeRef narrow = LLVMTypeOf(x), type = emit_type(e, BODY_I64, width);
    body_value half = {.i64 = 32};
    LLVMValueRef product = LLVMBuildMul(e->builder, LLVMBuildZExt(e->builder, x, type, ""),
                                        LLVMBuildZExt(e->builder, y, type, ""), "");
    LLVMValueRef high =
        LLVMBuildLShr(e->builder, product, emit_constant(e, BODY_I64, half, width), "");
    return LLVMBuildTrunc(e->builder, high, narrow, "");
}

static LLVMValueRef constant(const emit *e, const nest_instruction *in, int width) {
    body_value v = {.i64 = 0};
    switch ((body_type)in->type) {
    case BODY_F32:
        v.f32 = (float)in->code.immediate.f;
        break;
    case BODY_F64:
        v.f64 = in->code.immediate.f;
        break;
    case BODY_I32:
        v.i32 = (int32_t)in->code.immediate.i;
        break;
    case BODY_BOOL:
        v.boolean = in->code.immediate.i != 0;
        break;
    case BODY_I64:
        v.i64 = in->code.immediate.i;
        break;
    }
    return emit_constant(e, (body_type)in->type, v, width);
}

/* One of two numbers. The code generator would choose one of two addresses instead and, if it has
 * to wait for that, branch, as what waits for memory is rare. But signs of numbers are thrown like
 * coins, and a branch that is missed costs as much as a row of vectors. It cannot see through a
 * freeze, which changes nothing. */
static LLVMValueRef choose(const emit *e, LLVMValueRef which, LLVMValueRef x, LLVMValueRef y) {
    if (LLVMIsALoadInst(x) && LLVMIsALoadInst(y))
        x = LLVMBuildFreeze(e->builder, x, "");
    return LLVMBuildSelect(e->builder, which, x, y, "");
}

LLVMValueRef emit_body(const emit *e, const nest *n, const nest_instruction *in,
                       const LLVMValueRef operands[3], int width) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef x = operands[0], y = operands[1], z = operands[2];
    body_type type = (body_type)in->type;
    body_op op = (body_op)in->code.op;
    body_type from = in->code.a >= 0 ? (body_type)n->tape.at[in->code.a].type : type;
    bool real = is_float(type);
    switch (op) {
    case BODY_INPUT:
        break;
    case BODY_CONSTANT:
        return constant(e, in, width);
    case BODY_ADD:
        return real ? LLVMBuildFAdd(b, x, y, "") : LLVMBuildAdd(b, x, y, "");
    case BODY_SUB:
        return real ? LLVMBuildFSub(b, x, y, "") : LLVMBuildSub(b, x, y, "");
    case BODY_MUL:
        return real ? LLVMBuildFMul(b, x, y, "") : LLVMBuildMul(b, x, y, "");
    case BODY_DIV:
        return LLVMBuildFDiv(b, x, y, "");
    case BODY_FMA:
        return fma_of(e, x, y, z);
    case BODY_NEG:
        return real ? LLVMBuildFNeg(b, x, "") : LLVMBuildNeg(b, x, "");
    case BODY_ABS:
        return unary(e, "llvm.fabs", x);
    case BODY_SQRT:
        return unary(e, "llvm.sqrt", x);
    case BODY_FLOOR:
        return floor_of(e, x, type, width);
    case BODY_LT:
    case BODY_LE:
    case BODY_EQ:
    case BODY_NE:
        return compare(e, op, from, x, y);
    case BODY_AND:
        return LLVMBuildAnd(b, x, y, "");
    case BODY_OR:
        return LLVMBuildOr(b, x, y, "");
    case BODY_XOR:
        return LLVMBuildXor(b, x, y, "");
    case BODY_NOT:
        return LLVMBuildNot(b, x, "");
    case BODY_SHL:
    case BODY_SHR:
        return shift(e, op, type, x, y, width);
    case BODY_MULHI:
        return multiply_high(e, x, y, width);
    case BODY_SELECT:
        return choose(e, x, y, z);
    case BODY_CAST:
        return cast(e, x, from, type, width);
    case BODY_BITS:
        return LLVMBuildBitCast(b, x, emit_type(e, type, width), "");
    }
    assert(!"an instruction that tapes do not have");
    return NULL;
}
