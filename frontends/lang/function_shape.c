/* Functions of dimensions and axes: sums, places, shapes.
 *
 * What reduces takes the whole value, one dimension (a number) or one axis (a name): sum(x),
 * sum(x, 0), sum(x, s). A dimension that is reduced is gone. */
#include "frontends/lang/function.h"

#include <math.h>
#include <string.h>

/* ---- sums */

static operand function_reduced(const function_call *c, eddy_kind kind) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    if (!x)
        return lower_bad();
    if (c->count == 1)
        return lower_value(eddy_reduce_all(x, kind));
    if (c->a[1].kind == OPERAND_AXIS)
        return lower_value(eddy_total_of(x, c->a[1].axis, kind));
    int rank = eddy_value_rank(x);
    double n = c->a[1].number;
    if (c->a[1].kind != OPERAND_NUMBER || n != floor(n) || n < -rank || n >= rank)
        return lower_wrong(c->s, REPORT_range, c->e->parts[2]->where,
                           "expected an axis, or a dimension of a value that is %s",
                           lower_describe(c->s->l, c->a[0]));
    int64_t left[LIMIT_RANK + 1];
    int gone = (int)(n < 0 ? n + rank : n), count = 0;
    for (int i = 0; i < rank; i++)
        if (i != gone)
            left[count++] = eddy_value_dimension(x, i);
    left[count] = EDDY_SCALAR;
    eddy_value sum = eddy_reduce(x, gone, kind);
    return lower_value((eddy_reshape)(sum, left, here));
}

operand function_sum(const function_call *c) {
    return function_reduced(c, EDDY_SUM);
}

operand function_lse(const function_call *c) {
    return function_reduced(c, EDDY_LSE);
}

operand function_argmax(const function_call *c) {
    return function_reduced(c, EDDY_ARGMAX);
}

operand function_mean(const function_call *c) {
    const eddy_site here = c->s->here;
    operand sum = function_reduced(c, EDDY_SUM);
    if (sum.kind != OPERAND_VALUE)
        return sum;
    if (c->count == 2 && c->a[1].kind == OPERAND_AXIS)
        return lower_value(eddy_mean_over(function_real(c, 0), c->a[1].axis));
    eddy_value x = function_real(c, 0);
    double size = 1;
    for (int i = 0; i < eddy_value_rank(x); i++)
        size *= (double)eddy_value_dimension(x, i);
    for (int i = 0; i < eddy_value_rank(sum.value); i++)
        size /= (double)eddy_value_dimension(sum.value, i);
    return lower_value(eddy_scale(sum.value, 1 / size));
}

/* max(x): the largest; max(x, s): over an axis; max(a, b): element by element. */
static operand function_extreme(const function_call *c, bool most) {
    const eddy_site here = c->s->here;
    eddy_value x[2];
    if (c->count == 1 || c->a[1].kind == OPERAND_AXIS) {
        if (most)
            return function_reduced(c, EDDY_MAX);
        function_call turned = *c;
        turned.a[0] = lower_value(eddy_neg(function_real(c, 0)));
        operand made = function_reduced(&turned, EDDY_MAX);
        return made.kind == OPERAND_VALUE ? lower_value(eddy_neg(made.value)) : made;
    }
    if (c->a[0].kind == OPERAND_NUMBER && c->a[1].kind == OPERAND_NUMBER)
        return lower_number(most ? fmax(c->a[0].number, c->a[1].number)
                                 : fmin(c->a[0].number, c->a[1].number));
    if (!function_pair(c, x))
        return lower_bad();
    return lower_value(most ? eddy_max(x[0], x[1]) : eddy_min(x[0], x[1]));
}

operand function_max(const function_call *c) {
    return function_extreme(c, true);
}

operand function_min(const function_call *c) {
    return function_extreme(c, false);
}

/* Over the last dimension, or over an axis. */
static operand function_soft(const function_call *c, bool logarithm) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    if (!x)
        return lower_bad();
    if (c->count == 2 && c->a[1].kind != OPERAND_AXIS)
        return function_type(c, 1, "an axis");
    if (c->count == 1 && eddy_value_rank(x) == 0)
        return function_type(c, 0, "a vector, or an axis behind the value");
    if (c->count == 1)
        return lower_value(logarithm ? eddy_log_softmax(x, -1) : eddy_softmax(x, -1));
    eddy_value shifted = eddy_sub(x, eddy_total_of(x, c->a[1].axis, EDDY_LSE));
    return lower_value(logarithm ? shifted : eddy_exp(shifted));
}

operand function_softmax(const function_call *c) {
    return function_soft(c, false);
}

operand function_log_softmax(const function_call *c) {
    return function_soft(c, true);
}

/* ---- axes */

/* Does the cell run along this axis from its end? */
static bool function_backwards(const function_call *c) {
    return c->s->direction < 0 && c->a[1].axis == c->s->time;
}

operand function_last(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    if (c->a[1].kind != OPERAND_AXIS)
        return function_type(c, 1, "an axis");
    if (function_backwards(c))
        return lower_value(eddy_at(x, c->a[1].axis, eddy_integer(c->s->l->m, 0)));
    return lower_value(eddy_last(x, c->a[1].axis));
}

operand function_at(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    if (c->a[1].kind != OPERAND_AXIS)
        return function_type(c, 1, "an axis");
    if (c->a[2].kind != OPERAND_VALUE || eddy_value_dtype(c->a[2].value) != EDDY_I32)
        return function_type(c, 2, "an int");
    eddy_value step = c->a[2].value;
    if (function_backwards(c)) {
        eddy_value end = eddy_end(c->s->l->m, c->a[1].axis);
        step = eddy_sub(eddy_sub(end, eddy_integer(c->s->l->m, 1)), step);
    }
    return lower_value(eddy_at(x, c->a[1].axis, step));
}

static operand function_stack_axis(const function_call *c, bool spread) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    if (c->a[1].kind != OPERAND_AXIS)
        return function_type(c, 1, "an axis");
    if (function_backwards(c))
        return lower_wrong(c->s, REPORT_place, c->e->where,
                           "`%s` along time cannot stand in a cell that runs backwards",
                           c->e->parts[0]->text);
    return lower_value(spread ? eddy_spread(x, c->a[1].axis) : eddy_stack(x, c->a[1].axis));
}

operand function_gathered(const function_call *c) {
    return function_stack_axis(c, false);
}

operand function_spread(const function_call *c) {
    return function_stack_axis(c, true);
}

operand function_steps(const function_call *c) {
    const eddy_site here = c->s->here;
    if (c->a[0].kind != OPERAND_AXIS)
        return function_type(c, 0, "an axis");
    return lower_value(eddy_end(c->s->l->m, c->a[0].axis));
}

/* ---- shapes */

operand function_reshape(const function_call *c) {
    const eddy_site here = c->s->here;
    operand x = lower_as_value(c->s, c->a[0]);
    int64_t shape[LIMIT_RANK + 1];
    double from = 1, to = 1;
    if (x.kind != OPERAND_VALUE || !function_dimensions(c, 1, shape))
        return lower_bad();
    for (int i = 0; i < eddy_value_rank(x.value); i++)
        from *= (double)eddy_value_dimension(x.value, i);
    for (int i = 0; shape[i] != EDDY_SCALAR; i++)
        to *= (double)shape[i];
    if (from != to) {
        lower_wrong(c->s, REPORT_shapes, c->e->where,
                    "a value that is %s has another number of elements than the new shape",
                    lower_describe(c->s->l, x));
        lower_origin(c->s, c->e->parts[1], x);
        return lower_bad();
    }
    operand made = lower_value((eddy_reshape)(x.value, shape, here));
    made.imaginary = x.imaginary ? (eddy_reshape)(x.imaginary, shape, here) : NULL;
    return made;
}

operand function_concat(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value parts[LIMIT_ARGUMENTS + 1];
    text sum;
    int64_t total = 0;
    text_init(&sum, c->s->l->memory);
    for (int i = 0; i < c->count; i++) {
        parts[i] = function_real(c, i);
        if (!parts[i])
            return lower_bad();
        if (eddy_value_rank(parts[i]) == 0)
            parts[i] = eddy_reshape(parts[i], 1);
        int64_t n = eddy_value_dimension(parts[i], 0);
        text_add(&sum, "%s%s", i ? " + " : "", lower_size_text(c->s->l, n));
        total += n;
    }
    parts[c->count] = EDDY_END;
    lower_size_note(c->s->l, total, sum.at);
    return lower_value((eddy_concat)(0, parts, here));
}

operand function_pad(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    for (int i = 1; i < 4; i++)
        if (c->a[i].kind != OPERAND_NUMBER)
            return function_type(c, i, "a number");
    return lower_value(
        eddy_pad(x, (int)c->a[1].number, (int64_t)c->a[2].number, (int64_t)c->a[3].number));
}

static operand function_filled(const function_call *c, double number) {
    int64_t shape[LIMIT_RANK + 1];
    if (!function_dimensions(c, 0, shape))
        return lower_bad();
    return lower_value(lower_fill(c->s, lower_number(number), shape));
}

operand function_zeros(const function_call *c) {
    return function_filled(c, 0);
}

operand function_ones(const function_call *c) {
    return function_filled(c, 1);
}

/* 0, 1, ... N-1 as real numbers */
operand function_iota(const function_call *c) {
    const eddy_site here = c->s->here;
    lower *l = c->s->l;
    int64_t shape[LIMIT_RANK + 1];
    if (!function_dimensions(c, 0, shape))
        return lower_bad();
    if (shape[0] > LIMIT_CONSTANTS / 8)
        return lower_wrong(c->s, REPORT_bad_size, c->e->where, "a constant of %lld elements",
                           (long long)shape[0]);
    int32_t *numbers = arena_array(l->memory, int32_t, shape[0]);
    for (int32_t i = 0; i < (int32_t)shape[0]; i++)
        numbers[i] = i;
    eddy_value made = (eddy_constant)(l->m, EDDY_I32, numbers, shape, here);
    return lower_value(eddy_cast(made, (eddy_dtype)l->m->type));
}

/* The identity matrix. */
operand function_eye(const function_call *c) {
    const eddy_site here = c->s->here;
    operand row = function_iota(c);
    if (row.kind != OPERAND_VALUE)
        return row;
    eddy_value column = eddy_reshape(row.value, eddy_value_dimension(row.value, 0), 1);
    eddy_value same = eddy_eq(row.value, column);
    return lower_value(eddy_cast(same, (eddy_dtype)c->s->l->m->type));
}

operand function_onehot(const function_call *c) {
    const eddy_site here = c->s->here;
    int64_t shape[LIMIT_RANK + 1];
    if (!function_dimensions(c, 1, shape))
        return lower_bad();
    if (c->a[0].kind != OPERAND_VALUE || eddy_value_dtype(c->a[0].value) != EDDY_I32)
        return function_type(c, 0, "an int");
    return lower_value(eddy_onehot(c->a[0].value, shape[0]));
}

operand function_contract(const function_call *c) {
    const eddy_site here = c->s->here;
    if (c->a[0].kind != OPERAND_TEXT)
        return function_type(c, 0, "a text such as \"mn,n->m\"");
    eddy_axes over = 0;
    for (int i = 3; i < c->count; i++) {
        if (c->a[i].kind != OPERAND_AXIS)
            return function_type(c, i, "an axis");
        over |= c->a[i].axis;
    }
    eddy_value x = function_real(c, 1);
    eddy_value y = function_real(c, 2);
    return lower_value(eddy_contract(c->a[0].text, x, y, over));
}
