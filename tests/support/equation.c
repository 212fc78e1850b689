/* From text to values: a small recursive reader.
 *
 * A number takes the dtype of the value it meets; an integer that meets a float is cast. What a
 * function's argument is - a value, an axis, an integer, a spec - its position says, so the same
 * word may name an axis and a value. Lines are short and written by us, hence the recursion. */
#include "tests/support/equation.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/equation_calls.h"

/* ---- names and mistakes */

bool equation_fail(equations *e, const char *format, ...) {
    va_list list;
    if (e->message[0])
        return false;
    va_start(list, format);
    vsnprintf(e->message, sizeof e->message, format, list);
    va_end(list);
    return false;
}

void equation_name(equations *e, const char *name, op_node *node) {
    equation_value value = {arena_copy_text(e->g->memory, name), node};
    vec_push(e->g->memory, &e->values, value);
}

op_node *equation_find(const equations *e, const char *name) {
    for (size_t i = e->values.count; i-- > 0;)
        if (strcmp(e->values.at[i].name, name) == 0)
            return e->values.at[i].node;
    return NULL;
}

op_node *equation_node(equations *e, equation_term x, const op_node *like) {
    if (x.node)
        return x.node;
    dtype type = like && (like->dtype != DTYPE_I32 || x.number == floor(x.number))
                     ? (dtype)like->dtype
                     : e->real;
    return make_number(&e->g->builder, type, x.number);
}

static op_node *floating(equations *e, op_node *x) {
    return x && !dtype_is_float((dtype)x->dtype) ? make_cast(&e->g->builder, x, e->real) : x;
}

void equation_meet(equations *e, equation_term x, equation_term y, op_node **left,
                   op_node **right) {
    *left = equation_node(e, x, y.node);
    *right = equation_node(e, y, x.node);
    if (*left && *right && (*left)->dtype != (*right)->dtype) {
        *left = floating(e, *left);
        *right = floating(e, *right);
    }
}

/* ---- operators */

static equation_term matrix(equations *e, equation_term x, equation_term y) {
    return (equation_term){.node =
                               make_contract(&e->g->builder, "mn,n->m", equation_node(e, x, NULL),
                                             equation_node(e, y, NULL), 0)};
}

static equation_term binary(equations *e, char sign, equation_term x, equation_term y) {
    op_id op = sign == '+' ? OP_ADD : sign == '-' ? OP_SUB : sign == '*' ? OP_MUL : OP_DIV;
    if (sign == '@')
        return matrix(e, x, y);
    if (!x.node && !y.node) {
        double a = x.number, b = y.number;
        return (equation_term){.number = op == OP_ADD   ? a + b
                                         : op == OP_SUB ? a - b
                                         : op == OP_MUL ? a * b
                                                        : a / b};
    }
    op_node *left, *right;
    equation_meet(e, x, y, &left, &right);
    return (equation_term){.node = make_binary(&e->g->builder, op, left, right)};
}

/* ---- the reader */

typedef struct span {
    const char *at, *end;
} span;

static equation_term sum(equations *e, span *s);

static void blanks(span *s) {
    while (s->at < s->end && *s->at == ' ')
        s->at++;
}

static bool take(span *s, char c) {
    blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

/* Splits "a, f(b, c)) ..." at the commas of its own level, up to the bracket that closes it. */
static bool arguments(equations *e, span *s, equation_call *call) {
    int depth = 0;
    const char *from = s->at;
    for (; s->at < s->end; s->at++) {
        bool quoted = *s->at == '\'';
        if (quoted)
            while (++s->at < s->end && *s->at != '\'')
                ;
        depth += *s->at == '(' ? 1 : *s->at == ')' ? -1 : 0;
        if (depth < 0 || (depth == 0 && *s->at == ',')) {
            if (call->count == EQUATION_ARGUMENTS)
                return equation_fail(e, "too many arguments");
            while (*from == ' ')
                from++;
            call->at[call->count] = from;
            call->end[call->count++] = s->at;
            from = s->at + 1;
        }
        if (depth < 0) {
            s->at++;
            return true;
        }
    }
    return equation_fail(e, "a bracket is not closed");
}

static equation_term named(equations *e, span *s) {
    char name[EQUATION_WORD] = {0};
    int count = 0;
    while (s->at < s->end && is_word(*s->at) && count < EQUATION_WORD - 1)
        name[count++] = *s->at++;
    if (take(s, '(')) {
        equation_call call = {.e = e, .name = name};
        if (!arguments(e, s, &call))
            return (equation_term){0};
        return equation_apply(&call);
    }
    if (strcmp(name, "inf") == 0)
        return (equation_term){.number = HUGE_VAL};
    equation_term found = {.node = equation_find(e, name)};
    if (!found.node)
        equation_fail(e, "there is no value %s", name);
    return found;
}

static equation_term primary(equations *e, span *s) {
    blanks(s);
    if (take(s, '-')) {
        equation_term x = primary(e, s);
        if (!x.node)
            return (equation_term){.number = -x.number};
        return (equation_term){.node = make_neg(&e->g->builder, x.node)};
    }
    if (take(s, '(')) {
        equation_term x = sum(e, s);
        if (!take(s, ')'))
            equation_fail(e, "a bracket is not closed");
        return x;
    }
    if (s->at < s->end && isdigit((unsigned char)*s->at)) {
        char *end;
        double number = strtod(s->at, &end);
        s->at = end;
        return (equation_term){.number = number};
    }
    if (s->at < s->end && is_word(*s->at))
        return named(e, s);
    equation_fail(e, "expected a value at \"%.*s\"", (int)(s->end - s->at), s->at);
    return (equation_term){0};
}

static equation_term product(equations *e, span *s) {
    equation_term x = primary(e, s);
    for (blanks(s); !e->message[0] && s->at < s->end && strchr("*/@", *s->at); blanks(s)) {
        char sign = *s->at++;
        x = binary(e, sign, x, primary(e, s));
    }
    return x;
}

static equation_term sum(equations *e, span *s) {
    equation_term x = product(e, s);
    for (blanks(s); !e->message[0] && s->at < s->end && strchr("+-", *s->at); blanks(s)) {
        char sign = *s->at++;
        x = binary(e, sign, x, product(e, s));
    }
    return x;
}

equation_term equation_read(equations *e, const char *from, const char *to) {
    span s = {from, to};
    equation_term x = sum(e, &s);
    blanks(&s);
    if (s.at != s.end)
        equation_fail(e, "what is \"%.*s\"?", (int)(s.end - s.at), s.at);
    return x;
}

int equation_axis(equations *e, const char *from, const char *to) {
    const char *name = arena_print(e->g->memory, "%.*s", (int)(to - from), from);
    int axis = graph_axis_find(e->g, name);
    if (axis < 0)
        equation_fail(e, "there is no axis %s", name);
    return axis < 0 ? 0 : axis;
}

/* ---- lines */

/* "[4,3]{t,b}" or "[]{t,b} i32" */
static void type_read(equations *e, const char *at, op_shape *shape, uint32_t *domain,
                      dtype *type) {
    int64_t dimensions[LIMIT_RANK];
    int rank = 0;
    at = strchr(at, '[') + 1;
    while (*at != ']' && rank < LIMIT_RANK) {
        char *end;
        dimensions[rank++] = strtol(at, &end, 10);
        at = *end == ',' ? end + 1 : end;
    }
    *shape = op_shape_make(rank, dimensions);
    *domain = 0;
    at += 2;
    while (*at && *at != '}') {
        size_t length = strcspn(at, ",}");
        *domain |= (uint32_t)1 << equation_axis(e, at, at + length);
        at += length + (at[length] == ',');
    }
    *type = strstr(at, "i32") ? DTYPE_I32 : e->real;
}

/* "h0 = delay(h, t, 1, 0) : [3]{t,b}" */
static op_node *state_open(equations *e, const char *from, const char *colon) {
    span s = {strchr(from, '(') + 1, colon};
    equation_call call = {.e = e, .name = "delay"};
    op_shape shape;
    uint32_t domain;
    dtype type;
    type_read(e, colon, &shape, &domain, &type);
    if (!arguments(e, &s, &call) || call.count != 4)
        return NULL;
    equation_term init = equation_read(e, call.at[3], call.end[3]);
    if (e->message[0])
        return NULL;
    op_builder *b = &e->g->builder;
    op_node *start = init.node ? init.node : make_number(b, type, init.number);
    op_node *state =
        make_open_delay(b, equation_axis(e, call.at[1], call.end[1]),
                        (int)strtol(call.at[2], NULL, 10), start, type, domain, &shape);
    equation_state open = {
        state, arena_print(e->g->memory, "%.*s", (int)(call.end[0] - call.at[0]), call.at[0])};
    vec_push(e->g->memory, &e->states, open);
    return state;
}

bool equation_line(equations *e, const char *line) {
    if (line[0] == '#')
        return true;
    const char *equals = strstr(line, " = "), *colon = strstr(line, " : [");
    const char *end = line + strlen(line);
    const char *name = arena_print(e->g->memory, "%.*s", (int)(equals - line), line);
    op_node *value = colon ? state_open(e, equals + 3, colon)
                           : equation_node(e, equation_read(e, equals + 3, end), NULL);
    if (e->message[0] || !value)
        return equation_fail(e, "%s: %s", line, e->g->problem->message);
    equation_name(e, name, value);
    graph_name(e->g, value, name);
    return true;
}

bool equation_close(equations *e) {
    for (size_t i = 0; i < e->states.count; i++) {
        op_node *next = equation_find(e, e->states.at[i].next);
        if (!next)
            return equation_fail(e, "there is no value %s", e->states.at[i].next);
        if (!graph_bind(e->g, e->states.at[i].state, next))
            return equation_fail(e, "%s", e->g->problem->message);
    }
    e->states.count = 0;
    return true;
}
