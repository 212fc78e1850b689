/* The functions of the language: a table from names to what builds them.
 *
 * Cells are never functions: what has parameters or a memory is written in the language itself, in
 * frontends/cells. */
#include "frontends/lang/function.h"

#include <math.h>
#include <string.h>

operand function_type(const function_call *c, int i, const char *expected) {
    return lower_wrong(c->s, REPORT_type, c->e->parts[i + 1]->where,
                       "`%s` takes %s here, and this is %s", c->e->parts[0]->text, expected,
                       lower_describe(c->s->l, c->a[i]));
}

/* Argument i as a real value; NULL after a mistake. */
eddy_value function_real(const function_call *c, int i) {
    operand x = c->a[i];
    if (x.kind <= OPERAND_VALUE && !x.imaginary)
        return lower_real(c->s, x).value;
    function_type(c, i, x.imaginary ? "real values" : "a value");
    return NULL;
}

/* Dimensions from argument `from` on, ending with EDDY_SCALAR. */
bool function_dimensions(const function_call *c, int from, int64_t out[LIMIT_RANK + 1]) {
    int rank = 0;
    for (int i = from; i < c->count; i++) {
        const syntax *e = c->e->parts[i + 1];
        double n = c->a[i].number;
        if (c->a[i].kind != OPERAND_NUMBER || rank == LIMIT_RANK) {
            lower_wrong(c->s, REPORT_not_a_number, e->where,
                        "a dimension must be known before the model runs");
            return false;
        }
        if (n < 1 || n != floor(n) || n > INT32_MAX) {
            lower_wrong(c->s, REPORT_bad_size, e->where, "a dimension cannot be %g", n);
            return false;
        }
        lower_size_note(c->s->l, (int64_t)n,
                        arena_print(c->s->l->memory, "%.*s",
                                    (int)(e->where.bytes < 40 ? e->where.bytes : 40),
                                    c->s->cell->from->at + e->where.at));
        out[rank++] = (int64_t)n;
    }
    out[rank] = EDDY_SCALAR;
    return true;
}

/* ---- draws */

static eddy_value function_uniform_over(const function_call *c, eddy_axes axes) {
    const eddy_site here = c->s->here;
    int64_t shape[LIMIT_RANK + 1];
    if (!function_dimensions(c, 0, shape))
        return NULL;
    return (eddy_random)(c->s->l->m, axes, shape, here);
}

static operand function_random(const function_call *c) {
    return lower_value(function_uniform_over(c, c->s->over | c->s->time));
}

static operand function_random_sequence(const function_call *c) {
    return lower_value(function_uniform_over(c, c->s->over & ~c->s->time));
}

/* Box and Muller 1958: sqrt(-2 log(1 - u)) cos(2 pi v) */
static operand function_random_normal(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_axes axes = c->s->over | c->s->time;
    eddy_value u = function_uniform_over(c, axes);
    eddy_value v = function_uniform_over(c, axes);
    eddy_value size = eddy_sqrt(eddy_scale(eddy_log(eddy_one_minus(u)), -2));
    return lower_value(eddy_mul(size, eddy_cos(eddy_scale(v, 6.283185307179586))));
}

/* ---- gradients, losses */

/* grad(y, x): the partial derivative of the sum of y inside this step. */
static operand function_grad(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value y = function_real(c, 0), out = NULL;
    if (c->a[1].kind != OPERAND_VALUE || c->a[1].imaginary)
        return function_type(c, 1, "a real value");
    if (y && eddy_value_rank(y) > 0)
        y = eddy_reduce_all(y, EDDY_SUM);
    eddy_grad_step(y, &c->a[1].value, 1, &out);
    return lower_value(out);
}

static operand function_cross_entropy(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value z = function_real(c, 0);
    if (c->a[1].kind != OPERAND_VALUE || eddy_value_dtype(c->a[1].value) != EDDY_I32)
        return function_type(c, 1, "an int");
    return lower_value(eddy_cross_entropy(z, c->a[1].value));
}

/* By the statistics of the batch while training, by running ones in use; over time and batch. Its
 * parameters stand under the name of the equation. */
static operand function_batch_norm(const function_call *c) {
    const eddy_site here = c->s->here;
    eddy_value x = function_real(c, 0);
    const char *name = lower_part_name(c->s, c->e, "norm");
    return lower_value(
        eddy_batch_norm(c->s->l->m, name, x, c->s->over | c->s->time, c->s->train != 0));
}

/* ---- the table */

static const struct function_row {
    const char *name;
    int least, most;
    operand (*make)(const function_call *c);
} function_rows[] = {
    {"exp", 1, 1, function_exp},
    {"abs", 1, 1, function_abs},
    {"stop", 1, 1, function_stop},
    {"softplus", 1, 1, function_softplus},
    {"silu", 1, 1, function_silu},
    {"sinh", 1, 1, function_sinh},
    {"int", 1, 1, function_to_int},
    {"real", 1, 1, function_to_real},
    {"complex", 2, 2, function_complex},
    {"re", 1, 1, function_re},
    {"im", 1, 1, function_im},
    {"conj", 1, 1, function_conj},
    {"outer", 2, 2, function_outer},
    {"logaddexp", 2, 2, function_logaddexp},
    {"sum", 1, 2, function_sum},
    {"mean", 1, 2, function_mean},
    {"lse", 1, 2, function_lse},
    {"max", 1, 2, function_max},
    {"min", 1, 2, function_min},
    {"argmax", 1, 1, function_argmax},
    {"softmax", 1, 2, function_softmax},
    {"log_softmax", 1, 2, function_log_softmax},
    {"last", 2, 2, function_last},
    {"at", 3, 3, function_at},
    {"gather", 2, 2, function_gathered},
    {"spread", 2, 2, function_spread},
    {"steps", 1, 1, function_steps},
    {"reshape", 2, 1 + LIMIT_RANK, function_reshape},
    {"concat", 1, LIMIT_ARGUMENTS, function_concat},
    {"pad", 4, 4, function_pad},
    {"zeros", 0, LIMIT_RANK, function_zeros},
    {"ones", 0, LIMIT_RANK, function_ones},
    {"iota", 1, 1, function_iota},
    {"eye", 1, 1, function_eye},
    {"onehot", 2, 2, function_onehot},
    {"contract", 3, 3 + LIMIT_AXES, function_contract},
    {"random", 0, LIMIT_RANK, function_random},
    {"random_sequence", 0, LIMIT_RANK, function_random_sequence},
    {"random_normal", 0, LIMIT_RANK, function_random_normal},
    {"grad", 2, 2, function_grad},
    {"cross_entropy", 2, 2, function_cross_entropy},
    {"batch_norm", 1, 1, function_batch_norm},
};
enum { FUNCTION_ROWS = sizeof function_rows / sizeof *function_rows };

/* where(c, x, y), of which only one side is looked at when c is known now. */
static operand function_where(scope *s, const syntax *e) {
    const eddy_site here = s->here;
    operand c = lower_expression(s, e->parts[1]);
    if (c.kind == OPERAND_NUMBER)
        return lower_expression(s, e->parts[c.number != 0 ? 2 : 3]);
    operand x = lower_expression(s, e->parts[2]), y = lower_expression(s, e->parts[3]);
    if (c.kind == OPERAND_BAD || x.kind == OPERAND_BAD || y.kind == OPERAND_BAD)
        return lower_bad();
    if (c.kind != OPERAND_VALUE || c.imaginary || eddy_value_dtype(c.value) != EDDY_BOOL) {
        lower_wrong(s, REPORT_type, e->parts[1]->where, "`where` chooses by a bool, and this is %s",
                    lower_describe(s->l, c));
        report_help(s->l->mistakes, "a comparison gives a bool: x > 0");
        return lower_bad();
    }
    if (!lower_joins(s, e, e->parts[2], x, e->parts[3], y) ||
        !lower_joins(s, e, e->parts[1], c, e->parts[2], x) ||
        !lower_joins(s, e, e->parts[1], c, e->parts[3], y))
        return lower_bad();
    bool complex = x.imaginary || y.imaginary;
    bool whole = x.kind == OPERAND_VALUE && y.kind == OPERAND_VALUE && !complex &&
                 eddy_value_dtype(x.value) == eddy_value_dtype(y.value);
    if (!whole) {
        x = lower_real(s, x);
        y = lower_real(s, y);
    }
    operand made = lower_value(eddy_select(c.value, x.value, y.value));
    if (complex) {
        eddy_value none = eddy_number(s->l->m, 0);
        made.imaginary = eddy_select(c.value, x.imaginary ? x.imaginary : none,
                                     y.imaginary ? y.imaginary : none);
    }
    return lower_guard(s, e->mark, made);
}

static const struct function_row *function_row_find(const char *name) {
    for (int i = 0; i < FUNCTION_ROWS; i++)
        if (strcmp(function_rows[i].name, name) == 0)
            return &function_rows[i];
    return NULL;
}

bool lower_is_function(const char *name) {
    return strcmp(name, "where") == 0 || function_is_simple(name) || function_row_find(name);
}

const char *lower_function_near(const char *name) {
    for (int i = 0; i < FUNCTION_ROWS; i++)
        if (lower_is_near(name, function_rows[i].name))
            return function_rows[i].name;
    return function_simple_near(name);
}

const char *lower_function_name(int i) {
    if (i < FUNCTION_ROWS)
        return function_rows[i].name;
    return i == FUNCTION_ROWS ? "where" : function_simple_name(i - FUNCTION_ROWS - 1);
}

static operand function_count_wrong(scope *s, const syntax *e, int least, int most) {
    int count = e->count - 1;
    const char *name = e->parts[0]->text;
    if (least == most)
        return lower_wrong(s, REPORT_arguments, e->where, "`%s` takes %d argument%s, not %d", name,
                           least, least == 1 ? "" : "s", count);
    return lower_wrong(s, REPORT_arguments, e->where, "`%s` takes %d to %d arguments, not %d", name,
                       least, most, count);
}

operand lower_function(scope *s, const syntax *e) {
    const char *name = e->parts[0]->text;
    const struct function_row *row = function_row_find(name);
    bool simple = function_is_simple(name);
    int least = row ? row->least : simple ? 1 : 3, most = row ? row->most : least;
    function_call c = {.s = s, .e = e, .count = e->count - 1};
    if (c.count < least || c.count > most)
        return function_count_wrong(s, e, least, most);
    for (int i = 1; i < e->count; i++)
        if (e->parts[i]->keyword)
            return lower_wrong(s, REPORT_arguments, e->parts[i]->keyword_where,
                               "`%s` takes its arguments by their place", name);
    if (!row && !simple)
        return function_where(s, e);
    bool bad = false;
    c.a = arena_array(s->l->memory, operand, c.count + 1);
    for (int i = 0; i < c.count; i++) {
        c.a[i] = lower_expression(s, e->parts[i + 1]);
        bad |= c.a[i].kind == OPERAND_BAD;
    }
    if (bad)
        return lower_bad();
    return lower_guard(s, e->mark, row ? row->make(&c) : function_simple(&c));
}
