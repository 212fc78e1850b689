/* Functions of elements: of one value, of two, and of the halves of complex ones. */
#include "frontends/lang/function.h"

#include <math.h>
#include <string.h>

/* ---- one argument, element by element */

static const struct function_unary {
    const char *name;
    eddy_value (*make)(eddy_value x, eddy_site here);
    double (*number)(double x);
} function_unaries[] = {
    {"sign", eddy_sign, NULL},    {"floor", eddy_floor, floor},    {"square", eddy_square, NULL},
    {"expm1", eddy_expm1, expm1}, {"log", eddy_log, log},          {"log1p", eddy_log1p, log1p},
    {"tanh", eddy_tanh, tanh},    {"sigmoid", eddy_sigmoid, NULL}, {"relu", eddy_relu, NULL},
    {"sin", eddy_sin, sin},       {"cos", eddy_cos, cos},          {"sqrt", eddy_sqrt, sqrt},
    {"keep", eddy_keep, NULL},
};
enum { FUNCTION_UNARIES = sizeof function_unaries / sizeof *function_unaries };

static const struct function_unary *function_unary_find(const char *name) {
    for (int i = 0; i < FUNCTION_UNARIES; i++)
        if (strcmp(function_unaries[i].name, name) == 0)
            return &function_unaries[i];
    return NULL;
}

const char *function_simple_near(const char *name) {
    for (int i = 0; i < FUNCTION_UNARIES; i++)
        if (lower_is_near(name, function_unaries[i].name))
            return function_unaries[i].name;
    return NULL;
}

const char *function_simple_name(int i) {
    return i < FUNCTION_UNARIES ? function_unaries[i].name : NULL;
}

bool function_is_simple(const char *name) {
    return function_unary_find(name) != NULL;
}

operand function_simple(const function_call *c) {
    const struct function_unary *f = function_unary_find(c->e->parts[0]->text);
    if (c->a[0].kind == OPERAND_NUMBER && f->number)
        return lower_number(f->number(c->a[0].number));
    eddy_value x = function_real(c, 0);
    return x ? lower_value(f->make(x, c->s->here)) : lower_bad();
}

operand function_stop(const function_call *c) {
    const eddy_site here = c->s->here;
    operand x = lower_as_value(c->s, c->a[0]);
    operand made = lower_value(eddy_stop(x.value));
    made.imaginary = x.imaginary ? eddy_stop(x.imaginary) : NULL;
    return made;
}

operand function_softplus(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    return lower_value(
        eddy_logaddexp(x, eddy_cast(eddy_number(c->s->l->m, 0), eddy_value_dtype(x))));
}

operand function_silu(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    return lower_value(eddy_mul(x, eddy_sigmoid(x)));
}

/* By expm1: near 0 the difference of two exponentials is what was rounded. */
operand function_sinh(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    eddy_value up = eddy_expm1(x);
    return lower_value(eddy_scale(eddy_sub(up, eddy_expm1(eddy_neg(x))), 0.5));
}

operand function_to_int(const function_call *c) {
    const eddy_site here = c->s->here;
    if (c->a[0].kind == OPERAND_NUMBER)
        return lower_value(eddy_integer(c->s->l->m, (int32_t)c->a[0].number));
    if (c->a[0].kind != OPERAND_VALUE || c->a[0].imaginary)
        return function_type(c, 0, "a real value");
    return lower_value(eddy_cast(c->a[0].value, EDDY_I32));
}

operand function_to_real(const function_call *c) {
    return lower_value(function_real(c, 0));
}

/* ---- complex values */

operand function_exp(const function_call *c) {
    const eddy_site here = c->s->here;
    operand x = c->a[0];
    if (x.kind == OPERAND_NUMBER)
        return lower_number(exp(x.number));
    if (!x.imaginary)
        return lower_value(eddy_exp(function_real(c, 0)));
    eddy_value size = eddy_exp(x.value);
    operand made = lower_value(eddy_mul(size, eddy_cos(x.imaginary)));
    made.imaginary = eddy_mul(size, eddy_sin(x.imaginary));
    return made;
}

operand function_abs(const function_call *c) {
    const eddy_site here = c->s->here;
    operand x = c->a[0];
    if (x.kind == OPERAND_NUMBER)
        return lower_number(fabs(x.number));
    if (!x.imaginary)
        return lower_value(eddy_abs(lower_as_value(c->s, x).value));
    eddy_value real = eddy_square(x.value);
    return lower_value(eddy_sqrt(eddy_add(real, eddy_square(x.imaginary))));
}

operand function_complex(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    eddy_value y = function_real(c, 1);
    if (!x || !y ||
        !lower_joins(c->s, c->e, c->e->parts[1], lower_value(x), c->e->parts[2], lower_value(y)))
        return lower_bad();
    eddy_value nothing = eddy_number(c->s->l->m, 0);
    operand made = lower_value(eddy_add(x, eddy_mul(y, nothing))); /* one shape for both halves */
    made.imaginary = eddy_add(y, eddy_mul(x, nothing));
    if (lower_same_shape(x, y)) {
        made.value = x;
        made.imaginary = y;
    }
    return made;
}

static operand function_half(const function_call *c, bool imaginary) {
    const eddy_site here = c->s->here;
    operand x = lower_as_value(c->s, c->a[0]);
    if (!imaginary || x.kind != OPERAND_VALUE)
        return lower_value(x.value);
    return x.imaginary ? lower_value(x.imaginary) : lower_value(eddy_scale(x.value, 0));
}

operand function_re(const function_call *c) {
    return function_half(c, false);
}

operand function_im(const function_call *c) {
    return function_half(c, true);
}

operand function_conj(const function_call *c) {
    const eddy_site here = c->s->here;
    operand x = lower_as_value(c->s, c->a[0]);
    x.imaginary = x.imaginary ? eddy_neg(x.imaginary) : NULL;
    return x;
}

/* ---- two arguments */

bool function_pair(const function_call *c, eddy_value out[2]) {
    if (!lower_joins(c->s, c->e, c->e->parts[1], c->a[0], c->e->parts[2], c->a[1]))
        return false;
    out[0] = function_real(c, 0);
    out[1] = function_real(c, 1);
    return out[0] && out[1];
}

operand function_outer(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x[2];
    x[0] = function_real(c, 0);
    x[1] = function_real(c, 1);
    for (int i = 0; i < 2; i++)
        if (x[i] && eddy_value_rank(x[i]) != 1)
            return function_type(c, i, "a vector");
    return x[0] && x[1] ? lower_value(eddy_contract("m,n->mn", x[0], x[1], 0)) : lower_bad();
}

operand function_logaddexp(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x[2];
    return function_pair(c, x) ? lower_value(eddy_logaddexp(x[0], x[1])) : lower_bad();
}
