/* Statements: declarations, equations, loops.
 *
 * A loop is written out: each iteration is its own piece of the graph, with parameters and states
 * of its own for what is declared inside, under a scope that is its number. What one iteration
 * hands to the next is carried by name, old and new told apart as for a state. */
#include "frontends/lang/lower.h"

#include <stdio.h>
#include <string.h>

/* ---- shapes and initial values */

bool lower_shape(scope *s, const declared *d, int64_t out[LIMIT_RANK + 1]) {
    lower *l = s->l;
    bool good = true;
    if (d->rank > LIMIT_RANK) {
        lower_wrong(s, REPORT_bad_size, d->where, "a shape has at most %d dimensions",
                    (int)LIMIT_RANK);
        return false;
    }
    for (int i = 0; i < d->rank; i++) {
        const syntax *e = d->shape[i];
        int64_t n = 0;
        if (!lower_whole(s, e, "a dimension", &n)) {
            good = false;
            continue;
        }
        if (n < 1 || n > INT32_MAX) {
            lower_wrong(s, REPORT_bad_size, e->where, "a dimension cannot be %lld", (long long)n);
            good = false;
        }
        lower_size_note(l, n,
                        arena_print(l->memory, "%.*s",
                                    (int)(e->where.bytes < 40 ? e->where.bytes : 40),
                                    s->cell->from->at + e->where.at));
        out[i] = n;
    }
    out[d->rank] = EDDY_SCALAR;
    return good;
}

eddy_value lower_fill(scope *s, operand x, const int64_t *shape) {
    const eddy_site here = s->here;
    eddy_value value = lower_as_value(s, x).value;
    return shape[0] == EDDY_SCALAR ? value : (eddy_broadcast)(value, shape, here);
}

eddy_dtype lower_type(const lower *l, const char *type) {
    if (!type || strcmp(type, "complex") == 0)
        return (eddy_dtype)l->m->type;
    return strcmp(type, "int") == 0 ? EDDY_I32 : EDDY_BOOL;
}

operand lower_start(scope *s, const declared *d, operand x, const int64_t *shape) {
    const eddy_site here = s->here;
    if (x.kind != OPERAND_VALUE && x.kind != OPERAND_NUMBER)
        x = lower_number(0);
    bool complex = d->type && strcmp(d->type, "complex") == 0;
    eddy_value real = lower_as_value(s, x).value;
    real = eddy_cast(real, lower_type(s->l, d->type));
    operand made = lower_value(lower_fill(s, lower_value(real), shape));
    if (complex) {
        eddy_value half = x.imaginary ? x.imaginary : eddy_number(s->l->m, 0);
        made.imaginary = lower_fill(s, lower_value(half), shape);
    }
    return made;
}

/* Whether a value is of this shape; a mistake, with the place of the declaration, if not. */
static bool statement_fits(scope *s, const declared *d, const char *what, const syntax *e,
                           operand x, operand like) {
    lower *l = s->l;
    if (x.kind != OPERAND_VALUE || like.kind != OPERAND_VALUE)
        return x.kind == OPERAND_NUMBER;
    bool complex = !x.imaginary == !like.imaginary;
    if (complex && lower_same_shape(x.value, like.value) &&
        eddy_value_dtype(x.value) == eddy_value_dtype(like.value))
        return true;
    lower_wrong(s, REPORT_state_shape, e->where, "%s of `%s` is %s, and this is %s", what, d->name,
                lower_describe(l, like), lower_describe(l, x));
    report_note_add(l->mistakes, s->cell->from, d->where, "`%s` is declared here", d->name);
    lower_origin(s, e, x);
    if (!complex)
        report_help(l->mistakes, like.imaginary ? "complex(a, b) makes a complex value"
                                                : "re(z), im(z) and abs(z) are real");
    else if (lower_same_shape(x.value, like.value))
        report_help(l->mistakes, "int(x) and real(x) convert");
    else
        lower_help_product(s);
    return false;
}

/* ---- parameters */

static eddy_init statement_glorot(const double *a, int count) {
    (void)a, (void)count;
    return eddy_init_glorot();
}

static eddy_init statement_orthogonal(const double *a, int count) {
    return eddy_init_orthogonal(count > 0 ? a[0] : 1);
}

static eddy_init statement_identity(const double *a, int count) {
    return eddy_init_identity(count > 0 ? a[0] : 1);
}

static eddy_init statement_uniform(const double *a, int count) {
    return count == 1 ? eddy_init_uniform(-a[0], a[0]) : eddy_init_uniform(a[0], a[1]);
}

static eddy_init statement_normal(const double *a, int count) {
    return count == 1 ? eddy_init_normal(0, a[0]) : eddy_init_normal(a[0], a[1]);
}

static const struct statement_rule {
    const char *name;
    int least, most; /* arguments */
    eddy_init (*make)(const double *a, int count);
} statement_rules[] = {
    {"glorot", 0, 0, statement_glorot},     {"orthogonal", 0, 1, statement_orthogonal},
    {"identity", 0, 1, statement_identity}, {"uniform", 1, 2, statement_uniform},
    {"normal", 1, 2, statement_normal},
};

const char *lower_start_name(int i) {
    return i < (int)(sizeof statement_rules / sizeof *statement_rules) ? statement_rules[i].name
                                                                       : NULL;
}

static const char statement_starts[] =
    "it begins at a number, glorot, orthogonal, identity, "
    "uniform(low, high) or normal(mean, deviation)";

/* A name that is neither a rule nor anything else: = xavier, = xavier(0.1) */
static bool statement_no_rule(scope *s, const syntax *name) {
    if (name->kind != SYNTAX_NAME || lower_find(s, name->text) || lower_is_function(name->text) ||
        lower_cell_find(s->l, s->cell, name->text) || lower_is_hidden(s, name->text))
        return false;
    const char *near = lower_name_near(s, name->text);
    for (int i = 0; lower_start_name(i); i++)
        near = lower_is_near(name->text, lower_start_name(i)) ? lower_start_name(i) : near;
    lower_wrong(s, REPORT_unknown_name, name->mark, "no parameter begins as `%s`", name->text);
    if (near)
        report_help(s->l->mistakes, "is `%s` meant?", near);
    else
        report_help(s->l->mistakes, "%s", statement_starts);
    return true;
}

/* = orthogonal, = uniform(-a, a), = 0.5; nothing: Glorot for matrices, else zeros. */
static bool statement_init(scope *s, const declared *d, eddy_init *out) {
    const syntax *e = d->value;
    *out = d->rank > 1 ? eddy_init_glorot() : eddy_init_zeros();
    if (!e)
        return true;
    const syntax *name = e->kind == SYNTAX_CALL ? e->parts[0] : e;
    int count = e->kind == SYNTAX_CALL ? e->count - 1 : 0;
    for (int i = 0; i < 5; i++) {
        const struct statement_rule *rule = &statement_rules[i];
        if (name->kind != SYNTAX_NAME || strcmp(name->text, rule->name) != 0)
            continue;
        double numbers[2] = {0};
        if (count < rule->least || count > rule->most) {
            lower_wrong(s, REPORT_arguments, e->where, "`%s` takes %d to %d numbers", rule->name,
                        rule->least, rule->most);
            return false;
        }
        for (int a = 0; a < count; a++) {
            operand x = lower_expression(s, e->parts[a + 1]);
            if (x.kind == OPERAND_VALUE)
                lower_wrong(s, REPORT_not_a_number, e->parts[a + 1]->where,
                            "this must be known before the model runs");
            if (x.kind != OPERAND_NUMBER)
                return false;
            numbers[a] = x.number;
        }
        *out = rule->make(numbers, count);
        return true;
    }
    if (statement_no_rule(s, name))
        return false;
    operand x = lower_expression(s, e);
    if (x.kind == OPERAND_NUMBER) {
        *out = eddy_init_constant(x.number);
        return true;
    }
    if (x.kind != OPERAND_BAD) {
        lower_wrong(s, REPORT_not_a_number, e->where, "a parameter cannot begin at a value");
        report_help(s->l->mistakes, "%s", statement_starts);
    }
    return false;
}

static eddy_value statement_leaf(scope *s, const declared *d, const char *name, eddy_init init,
                                 const int64_t *shape, bool trained) {
    const eddy_site here = s->here;
    if (trained)
        return (eddy_param)(s->l->m, name, init, shape, here);
    return (eddy_variable)(s->l->m, name, lower_type(s->l, d->type), init, shape, here);
}

static void statement_param(scope *s, const declared *d, const char *name, span where,
                            eddy_init init, const int64_t *shape, bool trained) {
    operand made;
    if (!lower_is_free(s, name, where))
        return;
    if (d->type && strcmp(d->type, "complex") == 0) {
        const char *half = arena_print(s->l->memory, "%s.im", name);
        const char *whole = arena_print(s->l->memory, "%s.re", name);
        made = lower_value(statement_leaf(s, d, whole, init, shape, trained));
        made.imaginary = statement_leaf(s, d, half, init, shape, trained);
    } else {
        made = lower_value(statement_leaf(s, d, name, init, shape, trained));
    }
    lower_define(s, name, where, lower_guard(s, where, made));
}

static void statement_params(scope *s, const statement *of) {
    bool trained = of->kind == STATEMENT_PARAM;
    for (size_t i = 0; i < of->names.count; i++) {
        const declared *d = &of->names.at[i];
        int64_t shape[LIMIT_RANK + 1];
        eddy_init init;
        bool good = lower_shape(s, d, shape);
        if (trained && d->type && strcmp(d->type, "complex") != 0) {
            lower_wrong(s, REPORT_type, d->type_where, "a parameter is real or complex");
            report_help(s->l->mistakes, "`fixed` declares what is not trained");
            good = false;
        }
        if (!statement_init(s, d, &init) || !good) {
            lower_define(s, d->name, d->where, lower_bad());
            for (int k = 0; k < d->member_count; k++)
                lower_define(s, d->members[k], d->member_places[k], lower_bad());
            continue;
        }
        if (d->member_count == 0) {
            statement_param(s, d, d->name, d->where, init, shape, trained);
            continue;
        }
        const symbol *there = lower_find(s, d->name);
        bool family = there && there->kind == SYMBOL_FAMILY; /* gets more members */
        if (!family && lower_is_free(s, d->name, d->where))
            lower_push(s, (symbol){.name = d->name,
                                   .kind = SYMBOL_FAMILY,
                                   .where = d->where,
                                   .from = d,
                                   .now = lower_bad()});
        for (int k = 0; k < d->member_count; k++)
            statement_param(s, d, d->members[k], d->member_places[k], init, shape, trained);
    }
}

/* ---- states */

/* Values that were given when the cell was used wait under the state's name with a dot before it.
 */
static const symbol *statement_given(scope *s, const char *name) {
    return lower_find(s, arena_print(s->l->memory, ".%s", name));
}

static void statement_state(scope *s, const declared *d) {
    const eddy_site here = s->here;
    lower *l = s->l;
    int64_t shape[LIMIT_RANK + 1];
    symbol made = {.name = d->name, .kind = SYMBOL_STATE, .where = d->where, .from = d};
    if (d->member_count > 0)
        lower_wrong(s, REPORT_place, d->where, "a family is of parameters, not of states");
    if (!lower_is_free(s, d->name, d->where))
        return;
    const symbol *given = statement_given(s, d->name);
    operand start = given ? given->now : d->value ? lower_expression(s, d->value) : lower_number(0);
    bool good = lower_shape(s, d, shape) && start.kind != OPERAND_BAD;
    if (good && start.kind == OPERAND_VALUE && eddy_value_rank(start.value) > 0) {
        operand like = lower_start(s, d, lower_number(0), shape);
        good = d->value && !given ? statement_fits(s, d, "the initial value", d->value, start, like)
                                  : lower_same_shape(start.value, like.value);
        if (!good && given)
            lower_wrong(s, REPORT_argument_shape, d->where,
                        "the state `%s` is %s, and what it is given is %s", d->name,
                        lower_describe(l, like), lower_describe(l, start));
    }
    if (good) {
        made.start = lower_start(s, d, start, shape);
        made.replaced = given && given->replaced;
        made.now = made.start;
    }
    if (good && !made.replaced) {
        bool pair = made.start.imaginary != NULL;
        const char *name = pair ? arena_print(l->memory, "%s.re", d->name) : d->name;
        made.now =
            lower_value(eddy_state_over(name, s->time, s->direction, s->over, made.start.value));
        if (pair) {
            name = arena_print(l->memory, "%s.im", d->name);
            made.now.imaginary =
                eddy_state_over(name, s->time, s->direction, s->over, made.start.imaginary);
        }
        made.now = lower_guard(s, d->where, made.now);
    }
    lower_push(s, made);
}

/* ---- equations */

static void statement_bind(scope *s, symbol *state, const syntax *e, operand x) {
    const eddy_site here = s->here;
    if (state->kind == SYMBOL_CARRIED) {
        state->ready = true;
        state->next = x;
        return;
    }
    if (x.kind == OPERAND_VALUE && state->now.kind == OPERAND_VALUE && !state->now.imaginary &&
        dtype_is_float((dtype)eddy_value_dtype(state->now.value)))
        x = x.imaginary ? x : lower_real(s, x);
    if (x.kind == OPERAND_NUMBER && state->now.kind == OPERAND_VALUE) {
        eddy_value like = state->now.value;
        eddy_value filled = eddy_cast(lower_as_value(s, x).value, eddy_value_dtype(like));
        int64_t shape[LIMIT_RANK + 1];
        for (int i = 0; i <= eddy_value_rank(like); i++)
            shape[i] = i < eddy_value_rank(like) ? eddy_value_dimension(like, i) : EDDY_SCALAR;
        x = lower_value(lower_fill(s, lower_value(filled), shape));
        if (state->now.imaginary)
            x.imaginary = lower_fill(s, lower_number(0), shape);
    }
    if (!statement_fits(s, state->from, "the value", e, x, state->now))
        x = lower_bad();
    state->ready = true;
    state->next = x;
    if (x.kind != OPERAND_VALUE || state->replaced)
        return;
    eddy_next(state->now.value, x.value);
    if (state->now.imaginary)
        eddy_next(state->now.imaginary, x.imaginary);
    for (size_t i = 0; i < state->taps.count; i++) {
        eddy_next(state->taps.at[i].before.value, x.value);
        if (x.imaginary)
            eddy_next(state->taps.at[i].before.imaginary, x.imaginary);
    }
    if (lower_guard(s, e->where, x).kind == OPERAND_BAD)
        state->next = lower_bad();
}

static void statement_assign(scope *s, const declared *d, const syntax *e, operand x) {
    const eddy_site here = s->here;
    if (x.kind > OPERAND_VALUE)
        x = lower_wrong(s, REPORT_not_a_value, e->where,
                        "an equation gives a value, and this is "
                        "%s",
                        lower_describe(s->l, x));
    if (!d->primed) {
        if (x.kind == OPERAND_VALUE && !x.imaginary)
            lower_guard(s, d->where, lower_value(eddy_name(x.value, d->name)));
        lower_define(s, d->name, d->where, x);
        return;
    }
    symbol *state = lower_find(s, d->name);
    if (!state && lower_is_hidden(s, d->name))
        return;
    if (!state || (state->kind != SYMBOL_STATE && state->kind != SYMBOL_CARRIED)) {
        lower_wrong(s, state ? REPORT_no_prime : REPORT_unknown_name, d->where,
                    "`%s` is not a state", d->name);
        if (state && state->where.bytes > 0)
            report_note_add(s->l->mistakes, s->cell->from, state->where, "it is defined here");
        report_help(s->l->mistakes, "write %s = ..., or declare `state %s`", d->name, d->name);
        return;
    }
    if (!state->ready) {
        statement_bind(s, state, e, x);
        return;
    }
    lower_wrong(s, REPORT_twice, d->where, "`%s'` is given twice", d->name);
    report_note_add(s->l->mistakes, s->cell->from, state->where, "`%s` is declared here", d->name);
}

static void statement_equation(scope *s, const statement *of) {
    int count = (int)of->names.count;
    if (of->together) {
        operand *results = arena_array(s->l->memory, operand, count);
        s->member = of->names.at[0].name;
        s->whole = of->value;
        if (of->value->kind == SYNTAX_CALL)
            lower_call(s, of->value, results, count);
        else
            lower_wrong(s, REPORT_results, of->value->where,
                        "several names at once take the results of one cell: (a, b) = cell(x)");
        for (int i = 0; i < count; i++)
            statement_assign(s, &of->names.at[i], of->value, results[i]);
    }
    for (int i = 0; i < count && !of->together; i++) {
        s->member = of->names.at[i].name;
        s->whole = of->value;
        s->scaled = NULL;
        operand x = lower_expression(s, of->value);
        statement_assign(s, &of->names.at[i], of->value, x);
    }
    s->member = NULL;
    s->whole = NULL;
    s->scaled = NULL;
}

/* ---- loops */

bool lower_all_ready(scope *s, size_t from) {
    bool good = true;
    for (size_t i = from; i < s->symbols.count; i++) {
        const symbol *one = &s->symbols.at[i];
        if ((one->kind != SYMBOL_STATE && one->kind != SYMBOL_CARRIED) || one->ready)
            continue;
        good = false;
        if (lower_is_hidden(s, one->name))
            continue;
        lower_wrong(s, REPORT_no_next, one->where, "`%s` never gets a new value", one->name);
        report_help(s->l->mistakes, "add an equation %s' = ...", one->name);
    }
    return good;
}

static void statement_loop(scope *s, const statement *of) {
    lower *l = s->l;
    int64_t low = 0, high = 0;
    size_t outer = s->symbols.count, parts = s->parts.count;
    bool good = lower_whole(s, of->low, "the first number of a loop", &low);
    good = lower_whole(s, of->high, "the last number of a loop", &high) && good;
    operand *carried = arena_array(l->memory, operand, of->names.count + 1);
    for (size_t i = 0; i < of->names.count; i++) {
        s->member = of->names.at[i].name;
        carried[i] = lower_expression(s, of->names.at[i].value);
        s->member = NULL;
    }
    for (int64_t n = low; good && n <= high && l->budget > 0; n++, l->budget--) {
        const eddy_site here = {s->file, of->line};
        s->here = here;
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)n);
        eddy_scope_push(l->m, number);
        for (size_t i = 0; i < of->names.count; i++) {
            const declared *d = &of->names.at[i];
            lower_define(s, d->name, d->where, carried[i]);
            symbol *made = lower_find(s, d->name);
            if (made && s->symbols.count > outer)
                made->kind = SYMBOL_CARRIED;
        }
        lower_define(s, of->counter, of->counter_where, lower_number((double)n));
        lower_block(s, &of->body);
        good = lower_all_ready(s, outer);
        for (size_t i = 0; i < of->names.count && good; i++)
            carried[i] = lower_find(s, of->names.at[i].name)->next;
        eddy_scope_pop(l->m);
        s->symbols.count = outer;
        s->parts.count = parts;
    }
    if (l->budget <= 0 && l->budget > -1) {
        l->budget = -1;
        lower_wrong(s, REPORT_too_long, of->where,
                    "with its loops and cells written out, this has more than %d expressions",
                    (int)LOWER_BUDGET);
    }
    for (size_t i = 0; i < of->names.count; i++)
        lower_define(s, of->names.at[i].name, of->names.at[i].where,
                     good ? carried[i] : lower_bad());
}

static void statement_adjoint(scope *s, const statement *of) {
    const declared *d = &of->names.at[0];
    const symbol *input = lower_find(s, d->name);
    if (input && input->input && input->now.kind == OPERAND_VALUE && !d->primed &&
        of->names.count == 1) {
        vec_push(s->l->memory, &s->adjoints, *of);
        return;
    }
    if (input && input->now.kind == OPERAND_BAD)
        return;
    lower_wrong(s, REPORT_place, d->where, "`%s` is not an input of the cell", d->name);
    report_help(s->l->mistakes,
                "`%s x = ...` says what the gradient of the input x is; the gradient of the "
                "result y is called dy",
                of->surrogate ? "surrogate" : "adjoint");
}

void lower_block(scope *s, const statement_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const statement *of = &list->at[i];
        s->here = (eddy_site){s->file, of->line};
        if (eddy_model_status(s->l->m) != EDDY_OK)
            return;
        switch (of->kind) {
        case STATEMENT_STATE:
            for (size_t k = 0; k < of->names.count; k++)
                statement_state(s, &of->names.at[k]);
            break;
        case STATEMENT_PARAM:
        case STATEMENT_FIXED:
            statement_params(s, of);
            break;
        case STATEMENT_EQUATION:
            statement_equation(s, of);
            break;
        case STATEMENT_LOOP:
            statement_loop(s, of);
            break;
        case STATEMENT_ADJOINT:
            statement_adjoint(s, of);
            break;
        }
    }
}
