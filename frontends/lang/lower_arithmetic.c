/* Operators: on numbers they are computed now, on values they become calls.
 *
 * Types mix as on paper: an int or a bool among real numbers counts as a real number, and a real
 * number among complex ones as a complex one without imaginary part. A division is always one of
 * real numbers. A complex value is a pair, and what an operator does to it is written out here in
 * operations on the two halves. */
#include "frontends/lang/lower.h"

#include <math.h>

static bool arithmetic_is(operand x, eddy_dtype type) {
    return x.kind == OPERAND_VALUE && !x.imaginary && eddy_value_dtype(x.value) == type;
}

operand lower_as_value(scope *s, operand x) {
    const eddy_site here = s->here;
    if (x.kind == OPERAND_NUMBER)
        return lower_value(eddy_number(s->l->m, x.number));
    return x.kind == OPERAND_VALUE ? x : lower_bad();
}

operand lower_real(scope *s, operand x) {
    const eddy_site here = s->here;
    if (arithmetic_is(x, EDDY_I32) || arithmetic_is(x, EDDY_BOOL))
        return lower_value(eddy_cast(x.value, (eddy_dtype)s->l->m->type));
    return lower_as_value(s, x);
}

/* An i32 of a number or an int; NULL for others. */
static eddy_value arithmetic_integer(scope *s, operand x) {
    const eddy_site here = s->here;
    if (arithmetic_is(x, EDDY_I32))
        return x.value;
    if (x.kind == OPERAND_NUMBER && x.number == floor(x.number) && fabs(x.number) < 2e9)
        return eddy_integer(s->l->m, (int32_t)x.number);
    return NULL;
}

/* ---- shapes */

bool lower_same_shape(eddy_value x, eddy_value y) {
    if (eddy_value_rank(x) != eddy_value_rank(y))
        return false;
    for (int i = 0; i < eddy_value_rank(x); i++)
        if (eddy_value_dimension(x, i) != eddy_value_dimension(y, i))
            return false;
    return true;
}

/* Is this a product by elements with a matrix in it? */
static bool arithmetic_scales(const syntax *e, int m, int n) {
    return e->kind == SYNTAX_BINARY && e->op == TOKEN_TIMES && m >= 1 && n >= 1 && m <= 2 &&
           n <= 2 && m + n > 2;
}

void lower_help_product(scope *s) {
    enum { LONG = 40 };
    const syntax *e = s->scaled;
    if (!e)
        return;
    span a = e->parts[0]->where, b = e->parts[1]->where;
    const char *at = s->cell->from->at;
    report_help(s->l->mistakes, "`*` goes element by element, the matrix product is %.*s@%.*s",
                (int)(a.bytes < LONG ? a.bytes : LONG), at + a.at,
                (int)(b.bytes < LONG ? b.bytes : LONG), at + b.at);
}

bool lower_joins(scope *s, const syntax *e, const syntax *a, operand x, const syntax *b,
                 operand y) {
    if (x.kind != OPERAND_VALUE || y.kind != OPERAND_VALUE)
        return true;
    int m = eddy_value_rank(x.value), n = eddy_value_rank(y.value);
    if (s->whole && arithmetic_scales(e, m, n))
        s->scaled = e;
    for (int i = 1; i <= m && i <= n; i++) {
        int64_t p = eddy_value_dimension(x.value, -i), q = eddy_value_dimension(y.value, -i);
        if (p == q || p == 1 || q == 1)
            continue;
        lower *l = s->l;
        lower_wrong(s, REPORT_shapes, e->mark, "%s cannot join %s and %s",
                    e->kind == SYNTAX_BINARY ? token_words(e->op)
                                             : arena_print(l->memory, "`%.*s`", (int)e->mark.bytes,
                                                           s->cell->from->at + e->mark.at),
                    lower_describe(l, x), lower_describe(l, y));
        lower_origin(s, a, x);
        lower_origin(s, b, y);
        if (m == 1 && n == 1)
            report_help(l->mistakes,
                        "a matrix M[%s, %s] makes the second as long as the first: "
                        "M@%.*s",
                        lower_size_text(l, p), lower_size_text(l, q),
                        (int)(b->where.bytes < 40 ? b->where.bytes : 40),
                        s->cell->from->at + b->where.at);
        else
            lower_help_product(s);
        return false;
    }
    return true;
}

/* ---- numbers */

static operand arithmetic_numbers(scope *s, const syntax *e, double x, double y) {
    switch (e->op) {
    case TOKEN_PLUS:
        return lower_number(x + y);
    case TOKEN_MINUS:
        return lower_number(x - y);
    case TOKEN_TIMES:
        return lower_number(x * y);
    case TOKEN_OVER_SIGN:
        return lower_number(x / y);
    case TOKEN_MOD:
        return lower_number(x - floor(x / y) * y);
    case TOKEN_POWER:
        return lower_number(pow(x, y));
    case TOKEN_EQUAL:
        return lower_number(x == y);
    case TOKEN_UNEQUAL:
        return lower_number(x != y);
    case TOKEN_LESS:
        return lower_number(x < y);
    case TOKEN_MORE:
        return lower_number(x > y);
    case TOKEN_AT_MOST:
        return lower_number(x <= y);
    case TOKEN_AT_LEAST:
        return lower_number(x >= y);
    case TOKEN_AND:
        return lower_number(x != 0 && y != 0);
    case TOKEN_OR:
        return lower_number(x != 0 || y != 0);
    default:
        lower_wrong(s, REPORT_product, e->mark, "`@` takes vectors and matrices, not numbers");
        report_help(s->l->mistakes, "numbers are multiplied by `*`");
        return lower_bad();
    }
}

/* ---- pairs */

static eddy_value arithmetic_times(eddy_value x, eddy_value y, bool matrix, eddy_site here) {
    return matrix ? eddy_matmul(x, y) : eddy_mul(x, y);
}

/* (a + ib)(c + id), where b or d may be missing. */
static operand arithmetic_multiply(operand x, operand y, bool matrix, eddy_site here) {
    eddy_value real = arithmetic_times(x.value, y.value, matrix, here), imaginary = NULL;
    if (x.imaginary && y.imaginary)
        real = eddy_sub(real, arithmetic_times(x.imaginary, y.imaginary, matrix, here));
    if (y.imaginary)
        imaginary = arithmetic_times(x.value, y.imaginary, matrix, here);
    if (x.imaginary) {
        eddy_value other = arithmetic_times(x.imaginary, y.value, matrix, here);
        imaginary = imaginary ? eddy_add(imaginary, other) : other;
    }
    operand made = lower_value(real);
    made.imaginary = imaginary;
    return made;
}

operand lower_product(scope *s, operand x, operand y) {
    return arithmetic_multiply(x, y, false, s->here);
}

/* Of two halves, one of which may be missing: x + y, x - y. */
static eddy_value arithmetic_sum(eddy_value x, eddy_value y, bool minus, eddy_site here) {
    if (!y)
        return x;
    if (!x)
        return minus ? eddy_neg(y) : y;
    return minus ? eddy_sub(x, y) : eddy_add(x, y);
}

/* A half that is missing has the shape of the other half of its sum. */
static operand arithmetic_pair_sum(scope *s, operand x, operand y, bool minus) {
    const eddy_site here = s->here;
    operand made = lower_value(arithmetic_sum(x.value, y.value, minus, here));
    made.imaginary = arithmetic_sum(x.imaginary, y.imaginary, minus, here);
    if (!lower_same_shape(made.imaginary, made.value))
        made.imaginary = eddy_add(made.imaginary, eddy_mul(made.value, eddy_number(s->l->m, 0)));
    return made;
}

static operand arithmetic_pairs(scope *s, const syntax *e, operand x, operand y) {
    const eddy_site here = s->here;
    x = lower_real(s, x);
    y = lower_real(s, y);
    if (e->op == TOKEN_PLUS || e->op == TOKEN_MINUS)
        return arithmetic_pair_sum(s, x, y, e->op == TOKEN_MINUS);
    if (e->op == TOKEN_TIMES || e->op == TOKEN_MATMUL)
        return arithmetic_multiply(x, y, e->op == TOKEN_MATMUL, here);
    if (e->op != TOKEN_OVER_SIGN) {
        lower_wrong(s, REPORT_type, e->mark, "%s takes no complex values", token_words(e->op));
        report_help(s->l->mistakes, "re(z) and im(z) are real, abs(z) is the modulus");
        return lower_bad();
    }
    if (!y.imaginary) {
        operand made = lower_value(eddy_div(x.value, y.value));
        made.imaginary = eddy_div(x.imaginary, y.value);
        return made;
    }
    eddy_value square = eddy_square(y.value);
    square = eddy_add(square, eddy_square(y.imaginary));
    y.imaginary = eddy_neg(y.imaginary);
    operand made = arithmetic_multiply(x, y, false, here);
    made.value = eddy_div(made.value, square);
    made.imaginary = eddy_div(made.imaginary, square);
    return made;
}

/* ---- values */

/* x^n by squaring, n >= 1 */
static eddy_value arithmetic_power(eddy_value x, int n, eddy_site here) {
    eddy_value made = NULL;
    for (; n > 0; n >>= 1) {
        if (n & 1)
            made = made ? eddy_mul(made, x) : x;
        if (n > 1)
            x = eddy_square(x);
    }
    return made;
}

static operand arithmetic_raise(scope *s, operand x, operand y) {
    const eddy_site here = s->here;
    bool whole = y.kind == OPERAND_NUMBER && y.number == floor(y.number) && fabs(y.number) <= 64;
    eddy_value base = lower_real(s, x).value;
    if (whole && y.number > 0)
        return lower_value(arithmetic_power(base, (int)y.number, here));
    if (whole && y.number < 0) {
        eddy_value below = arithmetic_power(base, (int)-y.number, here);
        return lower_value(eddy_div(eddy_number(s->l->m, 1), below));
    }
    if (y.kind == OPERAND_NUMBER && y.number == 0.5)
        return lower_value(eddy_sqrt(base));
    eddy_value exponent = lower_real(s, y).value;
    return lower_value(eddy_exp(eddy_mul(exponent, eddy_log(base))));
}

static operand arithmetic_matmul(scope *s, const syntax *e, operand x, operand y) {
    const eddy_site here = s->here;
    int m = eddy_value_rank(x.value), n = eddy_value_rank(y.value);
    x = lower_real(s, x);
    y = lower_real(s, y);
    if (m >= 1 && n >= 1 && m <= 2 && n <= 2 &&
        eddy_value_dimension(x.value, -1) == eddy_value_dimension(y.value, 0))
        return lower_value(eddy_matmul(x.value, y.value));
    lower *l = s->l;
    lower_wrong(s, REPORT_product, e->mark, "`@` cannot multiply %s by %s", lower_describe(l, x),
                lower_describe(l, y));
    lower_origin(s, e->parts[0], x);
    lower_origin(s, e->parts[1], y);
    if (m == 1 && n == 1)
        report_help(l->mistakes, "`*` multiplies element by element, outer(a, b) gives a matrix");
    else if (m > 2 || n > 2)
        report_help(l->mistakes, "contract(\"ijk,k->ij\", a, b) multiplies along any dimensions");
    else if (m == 2 && eddy_value_dimension(x.value, 0) == eddy_value_dimension(y.value, 0))
        report_help(l->mistakes, "A^T is the transpose of A");
    return lower_bad();
}

static operand arithmetic_compare(token_kind op, eddy_value x, eddy_value y, eddy_site here) {
    switch (op) {
    case TOKEN_EQUAL:
        return lower_value(eddy_eq(x, y));
    case TOKEN_UNEQUAL:
        return lower_value(eddy_ne(x, y));
    case TOKEN_LESS:
        return lower_value(eddy_lt(x, y));
    case TOKEN_MORE:
        return lower_value(eddy_lt(y, x));
    case TOKEN_AT_MOST:
        return lower_value(eddy_le(x, y));
    default:
        return lower_value(eddy_le(y, x));
    }
}

static operand arithmetic_values(token_kind op, eddy_value x, eddy_value y, eddy_site here) {
    switch (op) {
    case TOKEN_PLUS:
        return lower_value(eddy_add(x, y));
    case TOKEN_MINUS:
        return lower_value(eddy_sub(x, y));
    case TOKEN_TIMES:
        return lower_value(eddy_mul(x, y));
    case TOKEN_OVER_SIGN:
        return lower_value(eddy_div(x, y));
    case TOKEN_MOD:
        return lower_value(eddy_mod(x, y));
    default:
        return arithmetic_compare(op, x, y, here);
    }
}

static operand arithmetic_logic(scope *s, const syntax *e, operand x, operand y) {
    const eddy_site here = s->here;
    if (arithmetic_is(x, EDDY_BOOL) && arithmetic_is(y, EDDY_BOOL))
        return lower_value(e->op == TOKEN_AND ? eddy_and(x.value, y.value)
                                              : eddy_or(x.value, y.value));
    bool first = !arithmetic_is(x, EDDY_BOOL);
    lower_wrong(s, REPORT_type, e->mark, "%s takes bools, and this is %s", token_words(e->op),
                lower_describe(s->l, first ? x : y));
    report_help(s->l->mistakes, "a comparison gives a bool: x > 0");
    return lower_bad();
}

operand lower_binary(scope *s, const syntax *e, operand x, operand y) {
    const eddy_site here = s->here;
    if (x.kind == OPERAND_BAD || y.kind == OPERAND_BAD)
        return lower_bad();
    if (x.kind > OPERAND_VALUE || y.kind > OPERAND_VALUE)
        return lower_wrong(s, REPORT_not_a_value, e->mark, "%s takes values, and this is %s",
                           token_words(e->op),
                           lower_describe(s->l, x.kind > OPERAND_VALUE ? x : y));
    if (x.kind == OPERAND_NUMBER && y.kind == OPERAND_NUMBER)
        return arithmetic_numbers(s, e, x.number, y.number);
    if (e->op == TOKEN_MATMUL && (x.kind == OPERAND_NUMBER || y.kind == OPERAND_NUMBER))
        return arithmetic_numbers(s, e, 0, 0);
    if (e->op == TOKEN_MATMUL && !x.imaginary && !y.imaginary)
        return arithmetic_matmul(s, e, x, y);
    if (e->op != TOKEN_MATMUL && !lower_joins(s, e, e->parts[0], x, e->parts[1], y))
        return lower_bad();
    if (x.imaginary || y.imaginary)
        return arithmetic_pairs(s, e, x, y);
    if (e->op == TOKEN_POWER)
        return arithmetic_raise(s, x, y);
    if (e->op == TOKEN_AND || e->op == TOKEN_OR)
        return arithmetic_logic(s, e, x, y);
    if (e->op == TOKEN_MINUS && x.kind == OPERAND_NUMBER && x.number == 1 &&
        !arithmetic_is(y, EDDY_I32))
        return lower_value(eddy_one_minus(lower_real(s, y).value));
    eddy_value m = arithmetic_integer(s, x), n = arithmetic_integer(s, y);
    if (e->op != TOKEN_OVER_SIGN && m && n)
        return arithmetic_values(e->op, m, n, here);
    if (arithmetic_is(x, EDDY_BOOL) && arithmetic_is(y, EDDY_BOOL) &&
        (e->op == TOKEN_EQUAL || e->op == TOKEN_UNEQUAL))
        return arithmetic_compare(e->op, x.value, y.value, here);
    eddy_value a = lower_real(s, x).value;
    eddy_value b = lower_real(s, y).value;
    return arithmetic_values(e->op, a, b, here);
}

operand lower_unary(scope *s, const syntax *e, operand x) {
    const eddy_site here = s->here;
    if (x.kind == OPERAND_BAD)
        return x;
    if (x.kind > OPERAND_VALUE)
        return lower_wrong(s, REPORT_not_a_value, e->mark, "%s takes a value, and this is %s",
                           token_words(e->op), lower_describe(s->l, x));
    if (x.kind == OPERAND_NUMBER)
        return lower_number(e->op == TOKEN_MINUS ? -x.number : x.number == 0);
    if (e->op == TOKEN_NOT) {
        if (arithmetic_is(x, EDDY_BOOL))
            return lower_value(eddy_not(x.value));
        return lower_wrong(s, REPORT_type, e->mark, "`not` takes a bool, and this is %s",
                           lower_describe(s->l, x));
    }
    operand made =
        lower_value(eddy_neg(arithmetic_is(x, EDDY_BOOL) ? lower_real(s, x).value : x.value));
    made.imaginary = x.imaginary ? eddy_neg(x.imaginary) : NULL;
    return made;
}
