/* Element-wise ops on dual numbers, over libm.
 *
 * A slope of 0 stays 0 whatever it is multiplied with: a constant does not become interesting
 * because the derivative there is infinite. At a tie the derivative of max is the mean of both
 * sides'. Integers are doubles that hold 32 bits and wrap; bools are 0 and 1. */
#include <math.h>
#include <string.h>

#include "tests/ref/dual_graph.h"

static double chain(double factor, double slope) {
    return slope == 0 ? 0 : factor * slope;
}

static bool is_float(ref_type type) {
    return type == REF_F32 || type == REF_F64;
}

static ref_dual plain(double value) {
    return (ref_dual){.value = value};
}

static ref_dual dual(double value, double slope) {
    return (ref_dual){.value = value, .slope = slope};
}

/* The lower 32 bits. */
static ref_dual wrap(double exact) {
    return plain((double)(int32_t)(uint32_t)(int64_t)exact);
}

#define SCALAR(name)                                                                               \
    static ref_dual name(__attribute__((unused)) const ref_node *n,                                \
                         __attribute__((unused)) ref_type from, const ref_dual *x)

SCALAR(neg) {
    return is_float(from) ? dual(-x->value, -x->slope) : wrap(-x->value);
}

SCALAR(absolute) {
    if (!is_float(from))
        return wrap(fabs(x->value));
    double side = x->value > 0 ? 1 : x->value < 0 ? -1 : 0;
    return dual(fabs(x->value), side * x->slope);
}

SCALAR(sign) {
    return plain(x->value > 0 ? 1 : x->value < 0 ? -1 : x->value);
}

SCALAR(whole) {
    return plain(floor(x->value));
}

SCALAR(root) {
    double y = sqrt(x->value);
    return dual(y, chain(1 / (2 * y), x->slope));
}

SCALAR(exponential) {
    double y = exp(x->value);
    return dual(y, chain(y, x->slope));
}

SCALAR(exponential_minus_one) {
    return dual(expm1(x->value), chain(exp(x->value), x->slope));
}

SCALAR(logarithm) {
    return dual(log(x->value), chain(1 / x->value, x->slope));
}

SCALAR(logarithm_of_more) {
    return dual(log1p(x->value), chain(1 / (1 + x->value), x->slope));
}

SCALAR(hyperbolic) {
    double wide = cosh(x->value);
    return dual(tanh(x->value), chain(1 / wide / wide, x->slope));
}

SCALAR(logistic) {
    /* exp of a negative number alone, so that neither side overflows. */
    double e = exp(-fabs(x->value)), y = x->value < 0 ? e / (1 + e) : 1 / (1 + e);
    return dual(y, chain(e / ((1 + e) * (1 + e)), x->slope));
}

SCALAR(sine) {
    return dual(sin(x->value), chain(cos(x->value), x->slope));
}

SCALAR(cosine) {
    return dual(cos(x->value), chain(-sin(x->value), x->slope));
}

SCALAR(cast) {
    if (is_float(n->type))
        return dual(x->value, is_float(from) ? x->slope : 0);
    if (n->type == REF_BOOL)
        return plain(x->value != 0);
    if (isnan(x->value))
        return plain(0);
    return plain(fmin(fmax(trunc(x->value), INT32_MIN), INT32_MAX));
}

SCALAR(same) {
    return *x;
}

SCALAR(custom) {
    /* The derivative is that of what is computed; with no argument of its own it is stopped. */
    return n->xs ? *x : plain(x->value);
}

SCALAR(add) {
    if (!is_float(from))
        return wrap(x[0].value + x[1].value);
    return dual(x[0].value + x[1].value, x[0].slope + x[1].slope);
}

SCALAR(subtract) {
    if (!is_float(from))
        return wrap(x[0].value - x[1].value);
    return dual(x[0].value - x[1].value, x[0].slope - x[1].slope);
}

SCALAR(multiply) {
    if (!is_float(from)) {
        int64_t exact = (int64_t)x[0].value * (int64_t)x[1].value;
        return plain((double)(int32_t)(uint32_t)exact);
    }
    return dual(x[0].value * x[1].value,
                chain(x[1].value, x[0].slope) + chain(x[0].value, x[1].slope));
}

SCALAR(divide) {
    double y = x[0].value / x[1].value, inverse = 1 / x[1].value;
    return dual(y, chain(inverse, x[0].slope) - chain(y * inverse, x[1].slope));
}

SCALAR(modulo) {
    if (!is_float(from)) {
        double rest = x[1].value == 0 ? 0 : fmod(x[0].value, x[1].value);
        bool other_side = rest != 0 && (rest < 0) != (x[1].value < 0);
        return plain((other_side ? rest + x[1].value : rest) + 0.0);
    }
    double times = floor(x[0].value / x[1].value);
    return dual(x[0].value - times * x[1].value, x[0].slope - chain(times, x[1].slope));
}

static ref_dual extreme(const ref_dual *x, bool first, bool second) {
    if (isnan(x[0].value) || isnan(x[1].value))
        return plain(NAN);
    if (first != second)
        return first ? x[0] : x[1];
    return dual(x[1].value, (x[0].slope + x[1].slope) / 2);
}

SCALAR(maximum) {
    return extreme(x, x[0].value > x[1].value, x[1].value > x[0].value);
}

SCALAR(minimum) {
    return extreme(x, x[0].value < x[1].value, x[1].value < x[0].value);
}

SCALAR(log_sum) {
    double top = fmax(x[0].value, x[1].value);
    if (isnan(x[0].value) || isnan(x[1].value))
        return plain(NAN);
    if (isinf(top))
        return plain(top);
    double y = top + log1p(exp(fmin(x[0].value, x[1].value) - top));
    return dual(y, chain(exp(x[0].value - y), x[0].slope) + chain(exp(x[1].value - y), x[1].slope));
}

SCALAR(less) {
    return plain(x[0].value < x[1].value);
}

SCALAR(less_or_equal) {
    return plain(x[0].value <= x[1].value);
}

SCALAR(equal) {
    return plain(x[0].value == x[1].value);
}

SCALAR(unequal) {
    return plain(x[0].value != x[1].value);
}

SCALAR(both) {
    return plain(x[0].value != 0 && x[1].value != 0);
}

SCALAR(either) {
    return plain(x[0].value != 0 || x[1].value != 0);
}

SCALAR(negation) {
    return plain(x->value == 0);
}

ref_scalar ref_scalar_of(const char *op) {
    static const struct {
        const char *name;
        ref_scalar scalar;
    } table[] = {{"neg", neg},
                 {"abs", absolute},
                 {"sign", sign},
                 {"floor", whole},
                 {"sqrt", root},
                 {"exp", exponential},
                 {"expm1", exponential_minus_one},
                 {"log", logarithm},
                 {"log1p", logarithm_of_more},
                 {"tanh", hyperbolic},
                 {"sigmoid", logistic},
                 {"sin", sine},
                 {"cos", cosine},
                 {"not", negation},
                 {"cast", cast},
                 {"keep", same},
                 {"custom", custom},
                 {"add", add},
                 {"sub", subtract},
                 {"mul", multiply},
                 {"div", divide},
                 {"max", maximum},
                 {"min", minimum},
                 {"mod", modulo},
                 {"logaddexp", log_sum},
                 {"lt", less},
                 {"le", less_or_equal},
                 {"eq", equal},
                 {"ne", unequal},
                 {"and", both},
                 {"or", either}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, op))
            return table[i].scalar;
    return NULL;
}
