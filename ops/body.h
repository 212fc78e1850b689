/* Bodies: the scalar code of an op, recorded once as a straight line of instructions and read by
 * three readers - the evaluator (body_run), the code generator (jit/) and the printer (body_print).
 *
 * Every rounding is visible here: an fma is an instruction, nothing is contracted or reassociated
 * by anybody later. Instructions name their operands by position; types are checked as they are
 * recorded (a wrong type is a bug: assert). */
#ifndef EDDY_OPS_BODY_H
#define EDDY_OPS_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/dtype.h"
#include "core/text.h"
#include "core/vec.h"

/* The dtypes of values, and 64-bit integers for the bit patterns of f64. */
typedef enum body_type {
    BODY_F32 = DTYPE_F32,
    BODY_F64 = DTYPE_F64,
    BODY_I32 = DTYPE_I32,
    BODY_BOOL = DTYPE_BOOL,
    BODY_I64
} body_type;

typedef enum body_op {
    BODY_INPUT,    /* input number `immediate.i` */
    BODY_CONSTANT, /* immediate, in the representation of its type */
    BODY_ADD,      /* floats round to nearest even; integers wrap */
    BODY_SUB,
    BODY_MUL,
    BODY_DIV, /* floats only */
    BODY_FMA, /* a * b + c rounded once; floats only */
    BODY_NEG, /* floats: flips the sign bit; integers: wraps */
    BODY_ABS, /* floats only: clears the sign bit */
    BODY_SQRT,
    BODY_FLOOR,
    BODY_LT, /* -> bool; false when an operand is NaN; integers signed */
    BODY_LE,
    BODY_EQ,
    BODY_NE,  /* -> bool; true when an operand is NaN */
    BODY_AND, /* bool, i32, i64 */
    BODY_OR,
    BODY_XOR,
    BODY_NOT,    /* bool only */
    BODY_SHL,    /* i32, i64; the amount is an operand of the same type in [0, width) */
    BODY_SHR,    /* logical */
    BODY_MULHI,  /* i32 as unsigned: the high 32 bits of the 64-bit product */
    BODY_SELECT, /* a (bool) ? b : c; the side not taken leaves no trace */
    BODY_CAST, /* a to this type: float to integer truncates and saturates (NaN is 0), to bool is !=
                  0, rest by value */
    BODY_BITS  /* same bits, another type: f32 <-> i32, f64 <-> i64 */
} body_op;

typedef int32_t body_ref; /* position of an instruction */

typedef struct body_instruction {
    uint8_t op;       /* body_op */
    uint8_t type;     /* body_type of the result */
    body_ref a, b, c; /* operands, -1 where unused */
    union {
        double f; /* constants of float type (an f32 constant is exactly representable as float) */
        int64_t i;
    } immediate;
} body_instruction;

typedef struct body {
    arena *memory;
    VEC(body_instruction) code;
} body;

/* One scalar of any type. */
typedef union body_value {
    float f32;
    double f64;
    int32_t i32;
    uint8_t boolean;
    int64_t i64;
} body_value;

/* ---- recording. Identical instructions are recorded once (so sharing inside a body costs
 * nothing). */
void body_init(body *b, arena *memory);
body_type body_type_of(const body *b, body_ref a);
body_ref body_input(body *b, int number, body_type type);
/* value is rounded to the type (f32), truncated (integers), != 0 (bool). */
body_ref body_constant(body *b, body_type type, double value);
body_ref body_constant_integer(body *b, body_type type, int64_t value);
body_ref body_add(body *b, body_ref x, body_ref y);
body_ref body_sub(body *b, body_ref x, body_ref y);
body_ref body_mul(body *b, body_ref x, body_ref y);
body_ref body_div(body *b, body_ref x, body_ref y);
body_ref body_fma(body *b, body_ref x, body_ref y, body_ref z);
body_ref body_neg(body *b, body_ref x);
body_ref body_abs(body *b, body_ref x);
body_ref body_sqrt(body *b, body_ref x);
body_ref body_floor(body *b, body_ref x);
body_ref body_lt(body *b, body_ref x, body_ref y);
body_ref body_le(body *b, body_ref x, body_ref y);
body_ref body_eq(body *b, body_ref x, body_ref y);
body_ref body_ne(body *b, body_ref x, body_ref y);
body_ref body_and(body *b, body_ref x, body_ref y);
body_ref body_or(body *b, body_ref x, body_ref y);
body_ref body_xor(body *b, body_ref x, body_ref y);
body_ref body_not(body *b, body_ref x);
body_ref body_shl(body *b, body_ref x, body_ref amount);
body_ref body_shr(body *b, body_ref x, body_ref amount);
body_ref body_mulhi(body *b, body_ref x, body_ref y);
body_ref body_select(body *b, body_ref condition, body_ref x, body_ref y);
body_ref body_cast(body *b, body_ref x, body_type to);
body_ref body_bits(body *b, body_ref x, body_type to);
/* Records any instruction whose operands are already in b (used to splice one body into another).
 */
body_ref body_record(body *b, body_instruction instruction);

/* ---- reading */
/* Runs the body on scalars: registers has room for b->code.count values; inputs[n] belongs to input
 * n. After the call registers[r] holds the value of instruction r. */
void body_run(const body *b, const body_value *inputs, body_value *registers);
/* One line per instruction: "r3 f32 = fma r0 r1 r2". Constants as hexadecimal floats. */
void body_print(const body *b, text *out);
const char *body_op_name(body_op op);
/* Number of operands of an instruction (0 to 3). */
int body_operands(body_op op);
size_t body_type_size(body_type t);

#endif
