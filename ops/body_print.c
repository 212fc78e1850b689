/* Bodies as text: one line per instruction, "r3 f32 = fma r0 r1 r2".
 *
 * Dumps are compared byte for byte by golden tests, so floats are printed as their exact bits.
 * printf's %a would do, but it writes the decimal point of the locale and leaves the leading digit
 * to the C library; the digits are written here. */
#include <assert.h>
#include <string.h>

#include "ops/body.h"

const char *body_op_name(body_op op) {
    static const char *const names[] = {[BODY_INPUT] = "input",   [BODY_CONSTANT] = "constant",
                                        [BODY_ADD] = "add",       [BODY_SUB] = "sub",
                                        [BODY_MUL] = "mul",       [BODY_DIV] = "div",
                                        [BODY_FMA] = "fma",       [BODY_NEG] = "neg",
                                        [BODY_ABS] = "abs",       [BODY_SQRT] = "sqrt",
                                        [BODY_FLOOR] = "floor",   [BODY_LT] = "lt",
                                        [BODY_LE] = "le",         [BODY_EQ] = "eq",
                                        [BODY_NE] = "ne",         [BODY_AND] = "and",
                                        [BODY_OR] = "or",         [BODY_XOR] = "xor",
                                        [BODY_NOT] = "not",       [BODY_SHL] = "shl",
                                        [BODY_SHR] = "shr",       [BODY_MULHI] = "mulhi",
                                        [BODY_SELECT] = "select", [BODY_CAST] = "cast",
                                        [BODY_BITS] = "bits"};
    assert((size_t)op < sizeof names / sizeof *names);
    return names[op];
}

static const char *type_name(body_type t) {
    return t == BODY_I64 ? "i64" : dtype_name((dtype)t);
}

/* "0x1.8p+1", "-0x0p+0", "inf", "nan": the shortest run of hexadecimal digits that is exact. */
static void print_float(double value, text *out) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & 0xfffffffffffffULL;
    int exponent = (int)(bits >> 52 & 0x7ff);
    const char *sign = bits >> 63 ? "-" : "";
    if (exponent == 0x7ff) {
        text_add(out, "%s%s", fraction ? "" : sign, fraction ? "nan" : "inf");
        return;
    }
    int digits = fraction ? 13 : 0;
    while (digits > 0 && (fraction & 15) == 0) {
        fraction >>= 4;
        digits--;
    }
    text_add(out, "%s0x%d", sign, exponent != 0);
    if (digits > 0)
        text_add(out, ".%0*llx", digits, (unsigned long long)fraction);
    bool zero = exponent == 0 && digits == 0;
    text_add(out, "p%+d", zero ? 0 : exponent == 0 ? -1022 : exponent - 1023);
}

static void print_instruction(const body_instruction *in, text *out) {
    text_add(out, "%s = %s", type_name((body_type)in->type), body_op_name((body_op)in->op));
    if (in->op == BODY_CONSTANT && (in->type == BODY_F32 || in->type == BODY_F64)) {
        text_add(out, " ");
        print_float(in->immediate.f, out);
    } else if (in->op == BODY_CONSTANT || in->op == BODY_INPUT) {
        text_add(out, " %lld", (long long)in->immediate.i);
    }
    const body_ref operands[3] = {in->a, in->b, in->c};
    for (int i = 0; i < body_operands((body_op)in->op); i++)
        text_add(out, " r%d", operands[i]);
}

void body_print(const body *b, text *out) {
    for (size_t i = 0; i < b->code.count; i++) {
        text_add(out, "r%zu ", i);
        print_instruction(&b->code.at[i], out);
        text_add(out, "\n");
    }
}
