/* The scalar evaluator of bodies: one pass over the instructions, one switch for each.
 *
 * It is the definition of what the instructions mean; the code generator must produce the same bits
 * (NaN equals NaN). So everything that C leaves open is pinned down: integers wrap (computed
 * unsigned), fma is the correctly rounded one of the C library, a float that does not fit an
 * integer saturates and NaN becomes 0 (llvm.fptosi.sat), i64 to i32 keeps the low bits. Shift
 * amounts outside [0, width) have no meaning in machine code; they are masked here, because the
 * side of a select that is not taken may contain one. Needs -ffp-contract=off and a C compiler that
 * evaluates floats in their own type (FLT_EVAL_METHOD 0). */
#include "ops/body.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#    error "the evaluator needs float arithmetic in float (FLT_EVAL_METHOD 0)"
#endif

static int32_t saturate_i32(double x) {
    if (!(x > -0x1p31))
        return x != x ? 0 : INT32_MIN;
    return x >= 0x1p31 ? INT32_MAX : (int32_t)x;
}

static int64_t saturate_i64(double x) {
    if (!(x > -0x1p63))
        return x != x ? 0 : INT64_MIN;
    return x >= 0x1p63 ? INT64_MAX : (int64_t)x;
}

static body_value cast_float(double x, body_type to) {
    body_value r = {.i64 = 0};
    switch (to) {
    case BODY_F32:
        r.f32 = (float)x;
        break;
    case BODY_F64:
        r.f64 = x;
        break;
    case BODY_I32:
        r.i32 = saturate_i32(x);
        break;
    case BODY_BOOL:
        r.boolean = x != 0;
        break;
    case BODY_I64:
        r.i64 = saturate_i64(x);
        break;
    }
    return r;
}

static body_value cast_integer(int64_t x, body_type to) {
    body_value r = {.i64 = 0};
    switch (to) {
    case BODY_F32:
        r.f32 = (float)x;
        break;
    case BODY_F64:
        r.f64 = (double)x;
        break;
    case BODY_I32:
        r.i32 = (int32_t)(uint32_t)(uint64_t)x;
        break;
    case BODY_BOOL:
        r.boolean = x != 0;
        break;
    case BODY_I64:
        r.i64 = x;
        break;
    }
    return r;
}

static body_value cast(body_value x, body_type from, body_type to) {
    switch (from) {
    case BODY_F32:
        return cast_float((double)x.f32, to);
    case BODY_F64:
        return cast_float(x.f64, to);
    case BODY_I32:
        return cast_integer(x.i32, to);
    case BODY_BOOL:
        return cast_integer(x.boolean, to);
    case BODY_I64:
        break;
    }
    return cast_integer(x.i64, to);
}

static body_value constant(const body_instruction *in) {
    body_value r = {.i64 = 0};
    switch ((body_type)in->type) {
    case BODY_F32:
        r.f32 = (float)in->immediate.f;
        break;
    case BODY_F64:
        r.f64 = in->immediate.f;
        break;
    case BODY_I32:
        r.i32 = (int32_t)in->immediate.i;
        break;
    case BODY_BOOL:
        r.boolean = in->immediate.i != 0;
        break;
    case BODY_I64:
        r.i64 = in->immediate.i;
        break;
    }
    return r;
}

/* The four orders of every operand type; C's operators give false for NaN except != which gives
 * true. */
#define COMPARE(SIGN)                                                                              \
    do {                                                                                           \
        switch ((body_type)code[in->a].type) {                                                     \
        case BODY_F32:                                                                             \
            r.boolean = x.f32 SIGN y.f32;                                                          \
            break;                                                                                 \
        case BODY_F64:                                                                             \
            r.boolean = x.f64 SIGN y.f64;                                                          \
            break;                                                                                 \
        case BODY_I32:                                                                             \
            r.boolean = x.i32 SIGN y.i32;                                                          \
            break;                                                                                 \
        case BODY_BOOL:                                                                            \
            r.boolean = x.boolean SIGN y.boolean;                                                  \
            break;                                                                                 \
        case BODY_I64:                                                                             \
            r.boolean = x.i64 SIGN y.i64;                                                          \
            break;                                                                                 \
        }                                                                                          \
    } while (0)

#define ARITHMETIC(SIGN)                                                                           \
    do {                                                                                           \
        switch ((body_type)in->type) {                                                             \
        case BODY_F32:                                                                             \
            r.f32 = x.f32 SIGN y.f32;                                                              \
            break;                                                                                 \
        case BODY_F64:                                                                             \
            r.f64 = x.f64 SIGN y.f64;                                                              \
            break;                                                                                 \
        case BODY_I32:                                                                             \
            r.i32 = (int32_t)((uint32_t)x.i32 SIGN(uint32_t) y.i32);                               \
            break;                                                                                 \
        default:                                                                                   \
            r.i64 = (int64_t)((uint64_t)x.i64 SIGN(uint64_t) y.i64);                               \
            break;                                                                                 \
        }                                                                                          \
    } while (0)

#define LOGIC(SIGN)                                                                                \
    do {                                                                                           \
        switch ((body_type)in->type) {                                                             \
        case BODY_BOOL:                                                                            \
            r.boolean = (uint8_t)(x.boolean SIGN y.boolean);                                       \
            break;                                                                                 \
        case BODY_I32:                                                                             \
            r.i32 = x.i32 SIGN y.i32;                                                              \
            break;                                                                                 \
        default:                                                                                   \
            r.i64 = x.i64 SIGN y.i64;                                                              \
            break;                                                                                 \
        }                                                                                          \
    } while (0)

#define SHIFT(SIGN)                                                                                \
    do {                                                                                           \
        if (in->type == BODY_I32)                                                                  \
            r.i32 = (int32_t)((uint32_t)x.i32 SIGN((uint32_t)y.i32 & 31));                         \
        else                                                                                       \
            r.i64 = (int64_t)((uint64_t)x.i64 SIGN((uint64_t)y.i64 & 63));                         \
    } while (0)

void body_run(const body *b, const body_value *inputs, body_value *registers) {
    const body_instruction *code = b->code.at;
    const body_value none = {.i64 = 0};
    for (size_t i = 0; i < b->code.count; i++) {
        const body_instruction *in = &code[i];
        body_value x = in->a >= 0 ? registers[in->a] : none;
        body_value y = in->b >= 0 ? registers[in->b] : none;
        body_value r = none;
        bool f32 = in->type == BODY_F32;
        switch ((body_op)in->op) {
        case BODY_INPUT:
            r = inputs[in->immediate.i];
            break;
        case BODY_CONSTANT:
            r = constant(in);
            break;
        case BODY_ADD:
            ARITHMETIC(+);
            break;
        case BODY_SUB:
            ARITHMETIC(-);
            break;
        case BODY_MUL:
            ARITHMETIC(*);
            break;
        case BODY_DIV:
            if (f32)
                r.f32 = x.f32 / y.f32;
            else
                r.f64 = x.f64 / y.f64;
            break;
        case BODY_FMA:
            if (f32)
                r.f32 = fmaf(x.f32, y.f32, registers[in->c].f32);
            else
                r.f64 = fma(x.f64, y.f64, registers[in->c].f64);
            break;
        case BODY_NEG:
            switch ((body_type)in->type) {
            case BODY_F32:
                r.f32 = -x.f32;
                break;
            case BODY_F64:
                r.f64 = -x.f64;
                break;
            case BODY_I32:
                r.i32 = (int32_t)(0u - (uint32_t)x.i32);
                break;
            default:
                r.i64 = (int64_t)(0u - (uint64_t)x.i64);
                break;
            }
            break;
        case BODY_ABS:
            if (f32)
                r.f32 = fabsf(x.f32);
            else
                r.f64 = fabs(x.f64);
            break;
        case BODY_SQRT:
            if (f32)
                r.f32 = sqrtf(x.f32);
            else
                r.f64 = sqrt(x.f64);
            break;
        case BODY_FLOOR:
            if (f32)
                r.f32 = floorf(x.f32);
            else
                r.f64 = floor(x.f64);
            break;
        case BODY_LT:
            COMPARE(<);
            break;
        case BODY_LE:
            COMPARE(<=);
            break;
        case BODY_EQ:
            COMPARE(==);
            break;
        case BODY_NE:
            COMPARE(!=);
            break;
        case BODY_AND:
            LOGIC(&);
            break;
        case BODY_OR:
            LOGIC(|);
            break;
        case BODY_XOR:
            LOGIC(^);
            break;
        case BODY_NOT:
            r.boolean = !x.boolean;
            break;
        case BODY_SHL:
            SHIFT(<<);
            break;
        case BODY_SHR:
            SHIFT(>>);
            break;
        case BODY_MULHI:
            r.i32 = (int32_t)(uint32_t)(((uint64_t)(uint32_t)x.i32 * (uint32_t)y.i32) >> 32);
            break;
        case BODY_SELECT:
            r = x.boolean ? y : registers[in->c];
            break;
        case BODY_CAST:
            r = cast(x, (body_type)code[in->a].type, (body_type)in->type);
            break;
        case BODY_BITS:
            r = x;
            break; /* a union already holds the bits */
        }
        registers[i] = r;
    }
}
