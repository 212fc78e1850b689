/* Recording of bodies.
 *
 * The problem: an op's scalar code is written by composing small functions (tanh asks for exp's
 * reduction, an adjoint asks for tanh again), so the same instruction is asked for many times. The
 * way: value numbering while recording - before an instruction is appended the list is searched for
 * an equal one. Bodies are short (below two hundred instructions), so a backward scan beats a hash
 * table and needs no memory of its own.
 *
 * Traps: constants are compared by bits, since 0.0 == -0.0 and NaN != NaN would merge the wrong
 * ones and miss the right ones. Unused operands are set to -1 and unused immediates to 0 before
 * comparing. Nothing is reordered or folded here, a + b and b + a stay two instructions. */
#include "ops/body.h"

#include <assert.h>

void body_init(body *b, arena *memory) {
    *b = (body){.memory = memory};
}

size_t body_type_size(body_type t) {
    return t == BODY_I64 ? sizeof(int64_t) : dtype_size((dtype)t);
}

int body_operands(body_op op) {
    switch (op) {
    case BODY_INPUT:
    case BODY_CONSTANT:
        return 0;
    case BODY_NEG:
    case BODY_ABS:
    case BODY_SQRT:
    case BODY_FLOOR:
    case BODY_NOT:
    case BODY_CAST:
    case BODY_BITS:
        return 1;
    case BODY_FMA:
    case BODY_SELECT:
        return 3;
    default:
        return 2;
    }
}

body_type body_type_of(const body *b, body_ref a) {
    assert(a >= 0 && (size_t)a < b->code.count);
    return (body_type)b->code.at[a].type;
}

static bool is_float(body_type t) {
    return t == BODY_F32 || t == BODY_F64;
}

static bool is_integer(body_type t) {
    return t == BODY_I32 || t == BODY_I64;
}

/* Is this instruction well typed? The operands are known to exist. */
static bool body_is_typed(const body *b, const body_instruction *in) {
    int operands = body_operands((body_op)in->op);
    body_type type = (body_type)in->type;
    body_type x = operands > 0 ? body_type_of(b, in->a) : type;
    body_type y = operands > 1 ? body_type_of(b, in->b) : x;
    body_type z = operands > 2 ? body_type_of(b, in->c) : y;
    bool one = x == type && y == type && z == type;
    switch ((body_op)in->op) {
    case BODY_INPUT:
        return in->immediate.i >= 0;
    case BODY_CONSTANT:
    case BODY_CAST:
        return true;
    case BODY_ADD:
    case BODY_SUB:
    case BODY_MUL:
    case BODY_NEG:
        return one && type != BODY_BOOL;
    case BODY_DIV:
    case BODY_FMA:
    case BODY_ABS:
    case BODY_SQRT:
    case BODY_FLOOR:
        return one && is_float(type);
    case BODY_LT:
    case BODY_LE:
        return x == y && x != BODY_BOOL && type == BODY_BOOL;
    case BODY_EQ:
    case BODY_NE:
        return x == y && type == BODY_BOOL;
    case BODY_AND:
    case BODY_OR:
    case BODY_XOR:
        return one && !is_float(type);
    case BODY_NOT:
        return one && type == BODY_BOOL;
    case BODY_SHL:
    case BODY_SHR:
        return one && is_integer(type);
    case BODY_MULHI:
        return one && type == BODY_I32;
    case BODY_SELECT:
        return x == BODY_BOOL && y == type && z == type;
    case BODY_BITS:
        return is_float(type) != is_float(x) && type != BODY_BOOL && x != BODY_BOOL &&
               body_type_size(type) == body_type_size(x);
    }
    return false;
}

static bool instruction_equal(const body_instruction *x, const body_instruction *y) {
    return x->op == y->op && x->type == y->type && x->a == y->a && x->b == y->b && x->c == y->c &&
           x->immediate.i == y->immediate.i;
}

body_ref body_record(body *b, body_instruction in) {
    int operands = body_operands((body_op)in.op);
    if (operands < 1)
        in.a = -1;
    if (operands < 2)
        in.b = -1;
    if (operands < 3)
        in.c = -1;
    if (operands > 0)
        in.immediate.i = 0;
    assert(body_is_typed(b, &in));
    for (size_t i = b->code.count; i-- > 0;)
        if (instruction_equal(&b->code.at[i], &in))
            return (body_ref)i;
    vec_push(b->memory, &b->code, in);
    return (body_ref)(b->code.count - 1);
}

body_ref body_input(body *b, int number, body_type type) {
    return body_record(
        b, (body_instruction){.op = BODY_INPUT, .type = (uint8_t)type, .immediate.i = number});
}

body_ref body_constant(body *b, body_type type, double value) {
    if (!is_float(type)) {
        if (type == BODY_BOOL)
            return body_constant_integer(b, type, value != 0);
        double limit = type == BODY_I32 ? 0x1p31 : 0x1p63;
        assert(value >= -limit && value < limit);
        return body_constant_integer(b, type, (int64_t)value);
    }
    return body_record(
        b, (body_instruction){.op = BODY_CONSTANT,
                              .type = (uint8_t)type,
                              .immediate.f = type == BODY_F32 ? (double)(float)value : value});
}

body_ref body_constant_integer(body *b, body_type type, int64_t value) {
    if (is_float(type))
        return body_constant(b, type, (double)value);
    if (type == BODY_BOOL)
        value = value != 0;
    if (type == BODY_I32) {
        assert(value >= INT32_MIN && value <= UINT32_MAX); /* masks are often written unsigned */
        value = (int32_t)(uint32_t)value;
    }
    return body_record(
        b, (body_instruction){.op = BODY_CONSTANT, .type = (uint8_t)type, .immediate.i = value});
}

static body_ref record(body *b, body_op op, body_type type, body_ref x, body_ref y, body_ref z) {
    return body_record(
        b, (body_instruction){.op = (uint8_t)op, .type = (uint8_t)type, .a = x, .b = y, .c = z});
}

/* The result has the type of the first operand. */
static body_ref record_like(body *b, body_op op, body_ref x, body_ref y) {
    return record(b, op, body_type_of(b, x), x, y, -1);
}

body_ref body_add(body *b, body_ref x, body_ref y) {
    return record_like(b, BODY_ADD, x, y);
}
body_ref body_sub(body *b, body_ref x, body_ref y) {
    return record_like(b, BODY_SUB, x, y);
}
body_ref body_mul(body *b, body_ref x, body_ref y) {
    return record_like(b, BODY_MUL, x, y);
}
body_ref body_div(body *b, body_ref x, body_ref y) {
    return record_like(b, BODY_DIV, x, y);
}
body_ref body_fma(body *b, body_ref x, body_ref y, body_ref z) {
    return record(b, BODY_FMA, body_type_of(b, x), x, y, z);
}
body_ref body_neg(body *b, body_ref x) {
    return record_like(b, BODY_NEG, x, -1);
}
body_ref body_abs(body *b, body_ref x) {
    return record_like(b, BODY_ABS, x, -1);
}
body_ref body_sqrt(body *b, body_ref x) {
    return record_like(b, BODY_SQRT, x, -1);
}
body_ref body_floor(body *b, body_ref x) {
    return record_like(b, BODY_FLOOR, x, -1);
}
body_ref body_lt(body *b, body_ref x, body_ref y) {
    return record(b, BODY_LT, BODY_BOOL, x, y, -1);
}
body_ref body_le(body *b, body_ref x, body_ref y) {
    return record(b, BODY_LE, BODY_BOOL, x, y, -1);
}
body_ref body_eq(body *b, body_ref x, body_ref y) {
    return record(b, BODY_EQ, BODY_BOOL, x, y, -1);
}
body_ref body_ne(body *b, body_ref x, body_ref y) {
    return record(b, BODY_NE, BODY_BOOL, x, y, -1);
}
body_ref body_and(body *b, body_ref x, body_ref y) {
    return record_like(b, BODY_AND, x, y);
}
body_ref body_or(body *b, body_ref x, body_ref y) {
    return record_like(b, BODY_OR, x, y);
}
body_ref body_xor(body *b, body_ref x, body_ref y) {
    return record_like(b, BODY_XOR, x, y);
}
body_ref body_not(body *b, body_ref x) {
    return record_like(b, BODY_NOT, x, -1);
}
body_ref body_shl(body *b, body_ref x, body_ref amount) {
    return record_like(b, BODY_SHL, x, amount);
}
body_ref body_shr(body *b, body_ref x, body_ref amount) {
    return record_like(b, BODY_SHR, x, amount);
}
body_ref body_mulhi(body *b, body_ref x, body_ref y) {
    return record_like(b, BODY_MULHI, x, y);
}
body_ref body_select(body *b, body_ref condition, body_ref x, body_ref y) {
    return record(b, BODY_SELECT, body_type_of(b, x), condition, x, y);
}
/* A cast to the type it has already is the value itself. */
body_ref body_cast(body *b, body_ref x, body_type to) {
    return body_type_of(b, x) == to ? x : record(b, BODY_CAST, to, x, -1, -1);
}
body_ref body_bits(body *b, body_ref x, body_type to) {
    return record(b, BODY_BITS, to, x, -1, -1);
}
