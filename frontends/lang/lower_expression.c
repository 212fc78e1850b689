/* Names, indices, calls: what an expression of a cell stands for.
 *
 * Time appears here alone. x[t-1] is a delay, for a value that is no state; for a state h it is
 * another reading of the one recurrence: h[t-1] is h, h[t] is h', and a deeper reading h[t-3] opens
 * a delay of its own that is bound when h' is known. In a cell that runs from the end of the
 * sequence backwards, `earlier` is later: distances change their sign, and t counts from the end.
 */
#include "frontends/lang/lower.h"

#include <math.h>
#include <string.h>

/* ---- names */

/* W in the equation of gate i is Wi, if W itself is nothing. NULL: there is no such name. */
static const symbol *expression_member(scope *s, const char *name) {
    return s->member ? lower_find(s, arena_print(s->l->memory, "%s%s", name, s->member)) : NULL;
}

/* A family whose member for this equation does not exist. */
static operand expression_no_member(scope *s, const syntax *e, const symbol *family) {
    const declared *d = family->from;
    const char *member = s->member ? s->member : "";
    const char *full = arena_print(s->l->memory, "%s%s", e->text, member);
    if (lower_is_hidden(s, full))
        return lower_bad();
    lower_wrong(s, REPORT_not_a_value, e->mark, "`%s` has no member for `%s`", e->text, member);
    report_note_add(s->l->mistakes, s->cell->from, family->where, "it is declared here");
    report_help(s->l->mistakes,
                "in the equation of `%s`, `%s` stands for `%s`: add `%s` to the family, or write "
                "the member that is meant, such as `%s`",
                member, e->text, full, member, d->members[0]);
    return lower_bad();
}

static operand expression_unknown(scope *s, const syntax *e) {
    if (lower_is_hidden(s, e->text))
        return lower_bad();
    lower_wrong(s, REPORT_unknown_name, e->mark, "nothing defines `%s`", e->text);
    const char *near = lower_name_near(s, e->text);
    if (near)
        report_help(s->l->mistakes, "is `%s` meant?", near);
    else if (lower_is_function(e->text) || lower_cell_find(s->l, s->cell, e->text))
        report_help(s->l->mistakes, "to use it, give it arguments: %s(...)", e->text);
    else
        report_help(s->l->mistakes,
                    "an input stands in the head of the cell, a weight in "
                    "`param %s[...]`, a state in `state %s[...]`",
                    e->text, e->text);
    return lower_bad();
}

/* The step number along an axis, as an int; from the end in a cell that runs backwards. */
static operand expression_step(scope *s, operand axis) {
    const eddy_site here = s->here;
    if (axis.axis != s->time || s->direction > 0)
        return lower_value(eddy_index(s->l->m, axis.axis));
    eddy_value end = eddy_end(s->l->m, axis.axis);
    eddy_value last = eddy_sub(end, eddy_integer(s->l->m, 1));
    return lower_value(eddy_sub(last, eddy_index(s->l->m, axis.axis)));
}

static operand expression_name(scope *s, const syntax *e) {
    const symbol *found = lower_find(s, e->text);
    const symbol *member =
        !found || found->kind == SYMBOL_FAMILY ? expression_member(s, e->text) : NULL;
    if (member)
        return member->now;
    if (!found)
        return expression_unknown(s, e);
    return found->kind == SYMBOL_FAMILY ? expression_no_member(s, e, found) : found->now;
}

static operand expression_new_value(scope *s, const syntax *e) {
    const symbol *found = lower_find(s, e->text);
    if (!found)
        return expression_unknown(s, e);
    if (found->kind != SYMBOL_STATE && found->kind != SYMBOL_CARRIED) {
        lower_wrong(s, REPORT_no_prime, e->mark, "`%s` is not a state: it has no value %s'",
                    e->text, e->text);
        if (found->where.bytes > 0)
            report_note_add(s->l->mistakes, s->cell->from, found->where, "it is defined here");
        report_help(s->l->mistakes, "write %s, or declare `state %s`", e->text, e->text);
        return lower_bad();
    }
    if (found->ready)
        return found->next;
    if (lower_is_hidden(s, e->text))
        return lower_bad();
    lower_wrong(s, REPORT_too_early, e->mark, "`%s'` is read before its equation", e->text);
    report_note_add(s->l->mistakes, s->cell->from, found->where, "`%s` is declared here", e->text);
    report_help(s->l->mistakes,
                "`%s` without a prime is the value before this step; or move the "
                "equation of `%s'` up",
                e->text, e->text);
    return lower_bad();
}

/* ---- numbers */

bool lower_whole(scope *s, const syntax *e, const char *what, int64_t *out) {
    operand x = lower_expression(s, e);
    if (x.kind == OPERAND_BAD)
        return false;
    if (x.kind != OPERAND_NUMBER) {
        lower_wrong(s, REPORT_not_a_number, e->where, "%s must be known before the model runs",
                    what);
        report_help(s->l->mistakes,
                    "it may be made of numbers, dimensions and numbers in the head of the cell");
        return false;
    }
    if (x.number != floor(x.number) || fabs(x.number) > 1e15) {
        lower_wrong(s,
                    e->kind == SYNTAX_BINARY && e->op == TOKEN_OVER_SIGN ? REPORT_bad_size
                                                                         : REPORT_not_a_number,
                    e->where, "%s must be a whole number, and this is %g", what, x.number);
        return false;
    }
    *out = (int64_t)x.number;
    return true;
}

/* ---- time */

/* Is this place of an index a place on an axis? Then which, and how far back. */
static bool expression_is_time(scope *s, const syntax *e, operand *axis, const syntax **distance) {
    const syntax *name = e;
    *distance = NULL;
    if (e->kind == SYNTAX_BINARY && (e->op == TOKEN_MINUS || e->op == TOKEN_PLUS)) {
        name = e->parts[0];
        *distance = e->parts[1];
    }
    const symbol *found = name->kind == SYNTAX_NAME ? lower_find(s, name->text) : NULL;
    if (!found || found->now.kind != OPERAND_AXIS)
        return false;
    *axis = found->now;
    return true;
}

/* h[t - distance] of a state: shared by all readings at that distance. */
static operand expression_tap(scope *s, const syntax *e, symbol *state, int distance) {
    const eddy_site here = s->here;
    for (size_t i = 0; i < state->taps.count; i++)
        if (state->taps.at[i].distance == distance)
            return state->taps.at[i].before;
    if (state->replaced || state->start.kind != OPERAND_VALUE)
        return state->replaced
                   ? lower_wrong(s, REPORT_place, e->where,
                                 "`%s` was given from outside: it has no past", state->name)
                   : lower_bad();
    symbol_tap tap = {.distance = distance};
    const char *name = arena_print(s->l->memory, "%s.%d", state->name, distance);
    eddy_value start = state->start.value, half = state->start.imaginary;
    tap.before =
        lower_value(eddy_state_over(name, s->time, distance * s->direction, s->over, start));
    if (half) {
        name = arena_print(s->l->memory, "%s.im", name);
        tap.before.imaginary =
            eddy_state_over(name, s->time, distance * s->direction, s->over, half);
    }
    tap.before = lower_guard(s, e->where, tap.before);
    if (tap.before.kind == OPERAND_BAD)
        return tap.before;
    vec_push(s->l->memory, &state->taps, tap);
    if (state->ready && state->next.kind == OPERAND_VALUE) {
        eddy_next(tap.before.value, state->next.value);
        if (half)
            eddy_next(tap.before.imaginary, state->next.imaginary);
    }
    return tap.before;
}

static operand expression_state_at(scope *s, const syntax *e, symbol *state, int64_t back) {
    if (back == 1)
        return state->now;
    if (back == 0)
        return expression_new_value(s, e->parts[0]);
    if (back > 1)
        return expression_tap(s, e, state, (int)back);
    lower_wrong(s, REPORT_too_early, e->mark, "a state cannot be read ahead of its step");
    report_help(s->l->mistakes, "a cell that runs backwards is reverse(cell)(x)");
    return lower_bad();
}

static operand expression_delay(scope *s, const syntax *e, operand axis, const syntax *distance) {
    const eddy_site here = s->here;
    int64_t back = 0;
    if (distance && !lower_whole(s, distance, "a delay", &back))
        return lower_bad();
    if (e->parts[1]->op == TOKEN_PLUS && distance)
        back = -back;
    if (back > LIMIT_DELAY || back < -LIMIT_DELAY)
        return lower_wrong(s, REPORT_range, distance->where, "a delay has at most %d steps",
                           (int)LIMIT_DELAY);
    const syntax *base = e->parts[0];
    symbol *state = base->kind == SYNTAX_NAME ? lower_find(s, base->text) : NULL;
    if (state && state->kind == SYMBOL_STATE && axis.axis == s->time) {
        if (e->otherwise)
            return lower_wrong(s, REPORT_place, e->otherwise->where,
                               "the initial value of a state stands in its declaration");
        return expression_state_at(s, e, state, back);
    }
    operand x = lower_as_value(s, lower_expression(s, base));
    if (x.kind != OPERAND_VALUE || back == 0)
        return x;
    int steps = (int)(axis.axis == s->time ? back * s->direction : back);
    if (!e->otherwise) {
        operand made = lower_value(eddy_delay(x.value, axis.axis, steps));
        made.imaginary = x.imaginary ? eddy_delay(x.imaginary, axis.axis, steps) : NULL;
        return lower_guard(s, e->mark, made);
    }
    operand start = lower_expression(s, e->otherwise);
    if (start.kind == OPERAND_BAD || !lower_joins(s, e, base, x, e->otherwise, start))
        return lower_bad();
    if (x.imaginary)
        return lower_wrong(s, REPORT_type, e->otherwise->where,
                           "a delay of a complex value begins at 0");
    if (start.kind == OPERAND_NUMBER)
        start = lower_value(eddy_cast(lower_as_value(s, start).value, eddy_value_dtype(x.value)));
    return lower_guard(s, e->mark,
                       lower_value(eddy_delay_from(x.value, axis.axis, steps, start.value)));
}

/* ---- places in a shape */

typedef struct expression_part {
    operand x;
    int64_t dimensions[LIMIT_RANK + 1]; /* of what is left */
    int rank;
} expression_part;

/* low .. low + size of dimension i of x. */
static void expression_slice(expression_part *p, int i, int64_t low, int64_t size, eddy_site here) {
    if (size == eddy_value_dimension(p->x.value, i))
        return;
    p->x.value = eddy_slice(p->x.value, i, low, size);
    if (p->x.imaginary)
        p->x.imaginary = eddy_slice(p->x.imaginary, i, low, size);
}

static bool expression_range(scope *s, const syntax *e, expression_part *p, int i) {
    int64_t extent = eddy_value_dimension(p->x.value, i), low = 0, high = extent;
    const syntax *first = e->kind == SYNTAX_RANGE ? e->parts[0] : e, *last = NULL;
    if (e->kind == SYNTAX_RANGE)
        last = e->parts[1];
    if (first && !lower_whole(s, first, "a place in a shape", &low))
        return false;
    if (last && !lower_whole(s, last, "a place in a shape", &high))
        return false;
    if (e->kind != SYNTAX_RANGE)
        high = low + 1;
    if (low < 0 || high > extent || low >= high) {
        lower_wrong(s, REPORT_range, e->where, "there is no such place: this dimension is %s",
                    lower_size_text(s->l, extent));
        report_help(s->l->mistakes, "places count from 0; a:b ends before b");
        return false;
    }
    if (last && last->kind == SYNTAX_NAME && !first)
        lower_size_note(s->l, high, last->text);
    expression_slice(p, i, low, high - low, s->here);
    if (e->kind == SYNTAX_RANGE)
        p->dimensions[p->rank++] = high - low;
    return true;
}

static operand expression_places(scope *s, const syntax *e, operand x) {
    const eddy_site here = s->here;
    expression_part p = {.x = x};
    int places = e->count - 1, rank = eddy_value_rank(x.value);
    if (places > rank) {
        lower_wrong(s, REPORT_range, e->mark, "%d places for a value that is %s", places,
                    lower_describe(s->l, x));
        lower_origin(s, e->parts[0], x);
        return lower_bad();
    }
    for (int i = 0; i < places; i++)
        if (!expression_range(s, e->parts[i + 1], &p, i))
            return lower_bad();
    for (int i = places; i < rank; i++)
        p.dimensions[p.rank++] = eddy_value_dimension(x.value, i);
    p.dimensions[p.rank] = EDDY_SCALAR;
    if (p.rank < rank) {
        p.x.value = (eddy_reshape)(p.x.value, p.dimensions, here);
        if (p.x.imaginary)
            p.x.imaginary = (eddy_reshape)(p.x.imaginary, p.dimensions, here);
    }
    return lower_guard(s, e->mark, p.x);
}

static operand expression_index(scope *s, const syntax *e) {
    const eddy_site here = s->here;
    operand axis;
    const syntax *distance;
    if (e->count == 2 && expression_is_time(s, e->parts[1], &axis, &distance))
        return expression_delay(s, e, axis, distance);
    if (e->otherwise)
        return lower_wrong(s, REPORT_place, e->otherwise->where,
                           "`else` belongs to a place in time: x[t-1 else 0]");
    operand x = lower_expression(s, e->parts[0]);
    if (x.kind == OPERAND_BAD)
        return x;
    if (x.kind != OPERAND_VALUE)
        return lower_wrong(s, REPORT_not_a_value, e->mark, "%s has no places",
                           lower_describe(s->l, x));
    if (e->count == 2 && e->parts[1]->kind != SYNTAX_RANGE) {
        operand i = lower_expression(s, e->parts[1]);
        if (i.kind == OPERAND_BAD)
            return i;
        if (i.kind == OPERAND_VALUE && !i.imaginary && eddy_value_dtype(i.value) == EDDY_I32) {
            operand made = lower_value(eddy_gather(x.value, i.value));
            made.imaginary = x.imaginary ? eddy_gather(x.imaginary, i.value) : NULL;
            return lower_guard(s, e->mark, made);
        }
        if (i.kind == OPERAND_VALUE) {
            lower_wrong(s, REPORT_type, e->parts[1]->where, "a place is an int, and this is %s",
                        lower_describe(s->l, i));
            report_help(s->l->mistakes, "int(x) rounds towards 0");
            return lower_bad();
        }
    }
    return expression_places(s, e, x);
}

/* ---- the rest */

/* [1, 2, 4]: a vector; of values without dimensions too. */
static operand expression_list(scope *s, const syntax *e) {
    const eddy_site here = s->here;
    eddy_value parts[LIMIT_ARGUMENTS + 1];
    if (e->count > LIMIT_ARGUMENTS)
        return lower_wrong(s, REPORT_bad_size, e->mark, "a list has at most %d elements",
                           (int)LIMIT_ARGUMENTS);
    for (int i = 0; i < e->count; i++) {
        operand x = lower_expression(s, e->parts[i]);
        if (x.kind == OPERAND_BAD)
            return x;
        if (x.kind > OPERAND_VALUE || x.imaginary || eddy_value_rank(x.value) != 0)
            return lower_wrong(s, REPORT_shapes, e->parts[i]->where,
                               "an element of a list is a real number, and this is %s",
                               lower_describe(s->l, x));
        parts[i] = eddy_reshape(lower_real(s, x).value, 1);
    }
    parts[e->count] = EDDY_END;
    return lower_guard(s, e->mark,
                       lower_value(e->count == 1 ? parts[0] : (eddy_concat)(0, parts, here)));
}

static operand expression_transpose(scope *s, const syntax *e) {
    const eddy_site here = s->here;
    operand x = lower_expression(s, e->parts[0]);
    if (x.kind == OPERAND_BAD)
        return x;
    if (x.kind != OPERAND_VALUE || eddy_value_rank(x.value) != 2) {
        lower_wrong(s, REPORT_product, e->mark, "`^T` takes a matrix, and this is %s",
                    lower_describe(s->l, x));
        return lower_bad();
    }
    operand made = lower_value(eddy_transpose(x.value));
    made.imaginary = x.imaginary ? eddy_transpose(x.imaginary) : NULL;
    return made;
}

static operand expression_call(scope *s, const syntax *e) {
    const syntax *callee = e->parts[0];
    const symbol *value = callee->kind == SYNTAX_NAME ? lower_find(s, callee->text) : NULL;
    if (value) {
        lower_wrong(s, REPORT_unknown_cell, callee->mark, "`%s` is a value, not a function",
                    callee->text);
        report_help(s->l->mistakes, "a product needs its sign: `*` by elements, `@` for matrices");
        return lower_bad();
    }
    if (callee->kind == SYNTAX_NAME && lower_is_function(callee->text))
        return lower_function(s, e);
    return lower_call(s, e, NULL, 0);
}

static operand expression_of(scope *s, const syntax *e) {
    switch (e->kind) {
    case SYNTAX_NUMBER:
        return lower_number(e->number);
    case SYNTAX_NAME:
        return expression_name(s, e);
    case SYNTAX_NEW:
        return expression_new_value(s, e);
    case SYNTAX_TEXT:
        return (operand){.kind = OPERAND_TEXT, .text = e->text};
    case SYNTAX_UNARY:
        return lower_guard(s, e->mark, lower_unary(s, e, lower_expression(s, e->parts[0])));
    case SYNTAX_BINARY: {
        operand x = lower_expression(s, e->parts[0]);
        operand y = lower_expression(s, e->parts[1]);
        operand *axis = x.kind == OPERAND_AXIS ? &x : y.kind == OPERAND_AXIS ? &y : NULL;
        if (axis) /* t as a number */
            *axis = expression_step(s, *axis);
        return lower_guard(s, e->mark, lower_binary(s, e, x, y));
    }
    case SYNTAX_CALL:
        return expression_call(s, e);
    case SYNTAX_INDEX:
        return expression_index(s, e);
    case SYNTAX_LIST:
        return expression_list(s, e);
    case SYNTAX_TRANSPOSE:
        return expression_transpose(s, e);
    default:
        return lower_bad();
    }
}

operand lower_expression(scope *s, const syntax *e) {
    lower *l = s->l;
    if (l->budget > 0)
        l->budget--;
    if (l->budget <= 0) {
        if (l->budget == 0) {
            l->budget = -1;
            lower_wrong(s, REPORT_too_long, e->where,
                        "with its loops and cells written out, this has more than %d expressions",
                        (int)LOWER_BUDGET);
        }
        return lower_bad();
    }
    operand made = expression_of(s, e);
    return eddy_model_status(l->m) == EDDY_OK ? made : lower_bad();
}
