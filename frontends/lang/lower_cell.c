/* Cells that are used: by C, by the checker, by other cells.
 *
 * Arguments come by place or by name: inputs, numbers and dimensions of the head, and states - to
 * begin with (h = v), or in place of the value before the step (h := v), which is how one step of a
 * cell becomes part of another's. Dimensions are read off the inputs where an input has them alone.
 */
#include "frontends/lang/lower.h"

#include <math.h>
#include <string.h>

/* ---- who is meant */

static const syntax_cell *cell_among(const cell_list *list, const syntax_cell *before,
                                     const char *name) {
    for (size_t i = 0; list && i < list->count && list->at[i] != before; i++)
        if (strcmp(list->at[i]->name, name) == 0)
            return list->at[i];
    return NULL;
}

const syntax_cell *lower_cell_find(const lower *l, const syntax_cell *user, const char *name) {
    /* the library's cells see each other, whatever else has their names */
    bool own = l->cells && l->cells->count > 0 && (!user || user->from == l->cells->at[0]->from);
    const syntax_cell *found = own ? cell_among(l->cells, user, name) : NULL;
    return found ? found : cell_among(l->library, NULL, name);
}

const char *lower_callee_near(const lower *l, const char *name) {
    const cell_list *lists[] = {l->cells, l->library};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; lists[k] && i < lists[k]->count; i++)
            if (lower_is_near(name, lists[k]->at[i]->name))
                return lists[k]->at[i]->name;
    return lower_function_near(name);
}

/* ---- arguments */

/* One use under way. */
typedef struct cell_work {
    scope s;
    const cell_use *how;
    bool *used; /* of the arguments */
    bool bad;
} cell_work;

/* A mistake at the place of the caller, or of the cell if the caller is C. */
static void cell_wrong(cell_work *w, report_code code, span where, span own, const char *words) {
    lower *l = w->s.l;
    w->bad = true;
    if (!w->how->caller) {
        report_add(l->mistakes, code, w->s.cell->from, own, "%s", words);
        return;
    }
    report_add(l->mistakes, code, w->how->caller->cell->from, where, "%s", words);
    if (own.bytes > 0)
        report_note_add(l->mistakes, w->s.cell->from, own, "it is declared here");
}

static const cell_argument *cell_named(cell_work *w, const char *name) {
    for (int i = 0; i < w->how->count; i++)
        if (w->how->arguments[i].name && strcmp(w->how->arguments[i].name, name) == 0) {
            w->used[i] = true;
            return &w->how->arguments[i];
        }
    return NULL;
}

/* The argument for entry i of the head: by name, or the i-th without one. */
static const cell_argument *cell_argument_of(cell_work *w, size_t i) {
    const cell_argument *named = cell_named(w, w->s.cell->header.at[i].name);
    size_t place = 0;
    for (int k = 0; k < w->how->count && !named; k++)
        if (!w->how->arguments[k].name && place++ == i) {
            w->used[k] = true;
            return &w->how->arguments[k];
        }
    return named;
}

static bool cell_is_number(const declared *d) {
    return d->rank == 0 && d->value && !d->over;
}

/* ---- dimensions */

static void cell_dimension(cell_work *w, const char *name, span where, operand x) {
    lower_push(&w->s, (symbol){.name = name, .where = where, .now = x});
}

/* A dimension that stands alone in the shape of an input is what this input has. */
static void cell_dimensions_of_input(cell_work *w, const declared *d, operand x) {
    if (x.kind != OPERAND_VALUE || eddy_value_rank(x.value) != d->rank)
        return;
    for (int i = 0; i < d->rank; i++) {
        const syntax *e = d->shape[i];
        int64_t n = eddy_value_dimension(x.value, i);
        if (e->kind == SYNTAX_NAME && n > 0 && !lower_find(&w->s, e->text))
            cell_dimension(w, e->text, e->mark, lower_number((double)n));
    }
}

static void cell_dimensions_given(cell_work *w) {
    const declared_list *list = &w->s.cell->dimensions;
    for (size_t i = 0; i < list->count; i++) {
        const declared *d = &list->at[i];
        const cell_argument *given = cell_named(w, d->name);
        if (!given)
            continue;
        double n = given->value.number;
        if (given->value.kind == OPERAND_NUMBER && n >= 1 && n <= INT32_MAX && n == floor(n))
            lower_size_note(w->s.l, (int64_t)n, d->name);
        else if (given->value.kind == OPERAND_NUMBER)
            cell_wrong(
                w, REPORT_bad_size, given->where, d->where,
                arena_print(w->s.l->memory, "the dimension `%s` cannot be %.16g", d->name, n));
        else if (given->value.kind != OPERAND_BAD)
            cell_wrong(w, REPORT_not_a_number, given->where, d->where,
                       arena_print(w->s.l->memory, "the dimension `%s` must be a number", d->name));
        cell_dimension(w, d->name, d->where, given->value);
    }
}

static void cell_dimensions_missing(cell_work *w) {
    const syntax_cell *c = w->s.cell;
    for (size_t i = 0; i < c->dimensions.count; i++) {
        const declared *d = &c->dimensions.at[i];
        if (lower_find(&w->s, d->name))
            continue;
        if (!w->bad) {
            cell_wrong(w, REPORT_missing, w->how->where, d->where,
                       arena_print(w->s.l->memory,
                                   "the dimension `%s` of the cell `%s` is not given", d->name,
                                   c->name));
            report_help(w->s.l->mistakes,
                        w->how->caller ? "no input has it: add %s = ..."
                                       : "no input has it: add EDDY_SIZE(\"%s\", n)",
                        d->name);
        }
        cell_dimension(w, d->name, d->where, lower_bad());
    }
}

/* ---- names that are none of the cell's */

static bool cell_has(const declared_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i].name, name) == 0)
            return true;
    return false;
}

static bool cell_takes(const syntax_cell *c, const char *name) {
    bool found = cell_has(&c->header, name) || cell_has(&c->dimensions, name);
    for (size_t i = 0; i < c->body.count && !found; i++)
        found = c->body.at[i].kind == STATEMENT_STATE && cell_has(&c->body.at[i].names, name);
    return found;
}

static void cell_list_names(text *out, const declared_list *list) {
    for (size_t i = 0; i < list->count; i++)
        text_add(out, "%s%s", out->count ? ", " : "", list->at[i].name);
}

/* Told before what is missing: what was meant by such a name is missing as well. */
static void cell_strangers(cell_work *w) {
    const syntax_cell *c = w->s.cell;
    for (int i = 0; i < w->how->count; i++) {
        const cell_argument *a = &w->how->arguments[i];
        if (!a->name || cell_takes(c, a->name))
            continue;
        text known;
        text_init(&known, w->s.l->memory);
        cell_list_names(&known, &c->header);
        cell_list_names(&known, &c->dimensions);
        for (size_t k = 0; k < c->body.count; k++)
            if (c->body.at[k].kind == STATEMENT_STATE)
                cell_list_names(&known, &c->body.at[k].names);
        cell_wrong(w, REPORT_cell_arguments, a->where, c->where,
                   arena_print(w->s.l->memory,
                               "the cell `%s` has no input, number, state or dimension `%s`",
                               c->name, a->name));
        report_help(w->s.l->mistakes, "it has %s", known.count > 0 ? known.at : "none");
    }
}

/* ---- inputs */

/* The axis that an input is over: the one that it holds besides time and the batch. */
static eddy_axes cell_axis_of(const cell_work *w, operand x) {
    const eddy_model *m = w->s.l->m;
    eddy_axes set = x.kind == OPERAND_VALUE ? eddy_value_axes(x.value) & ~w->s.time : 0;
    for (int a = 0; a < m->graph.axis_count; a++)
        if (m->graph.axes[a].batch)
            set &= ~((eddy_axes)1 << a);
    return set & (set - 1) ? 0 : set;
}

static void cell_axes(cell_work *w, const operand *inputs) {
    const eddy_site here = w->s.here;
    const syntax_cell *c = w->s.cell;
    for (size_t i = 0; i < c->header.count; i++) {
        const declared *d = &c->header.at[i];
        if (!d->over || lower_find(&w->s, d->over))
            continue;
        operand axis = {.kind = OPERAND_AXIS, .axis = cell_axis_of(w, inputs[i])};
        if (!axis.axis && w->how->make_inputs)
            axis.axis = eddy_time(w->s.l->m, d->over);
        if (!axis.axis) {
            cell_wrong(w, REPORT_argument_shape, w->how->where, d->where,
                       arena_print(w->s.l->memory,
                                   "`%s` is over an axis `%s` besides time, and what it is given "
                                   "has none, or several",
                                   d->name, d->over));
            axis = lower_bad();
        }
        lower_push(&w->s, (symbol){.name = d->over, .where = d->where, .now = axis});
    }
}

static operand cell_make_input(cell_work *w, const declared *d, const int64_t *shape) {
    const eddy_site here = w->s.here;
    lower *l = w->s.l;
    eddy_axes axes = (d->over ? lower_find(&w->s, d->over)->now.axis : w->s.time) | w->how->batch;
    eddy_dtype type = lower_type(l, d->type);
    if (!d->type || strcmp(d->type, "complex") != 0)
        return lower_value((eddy_input)(l->m, d->name, type, axes, shape, here));
    const char *half = arena_print(l->memory, "%s.im", d->name);
    const char *whole = arena_print(l->memory, "%s.re", d->name);
    operand made = lower_value((eddy_input)(l->m, whole, type, axes, shape, here));
    made.imaginary = (eddy_input)(l->m, half, type, axes, shape, here);
    return made;
}

/* What the input must be, against what it is given. Returns it as that. */
static operand cell_fit(cell_work *w, const declared *d, span where, operand x,
                        const int64_t *shape) {
    lower *l = w->s.l;
    eddy_dtype type = lower_type(l, d->type);
    bool complex = d->type && strcmp(d->type, "complex") == 0;
    if (x.kind == OPERAND_NUMBER)
        x = lower_start(&w->s, d, x, shape);
    if (x.kind == OPERAND_BAD)
        return x;
    bool fits = x.kind == OPERAND_VALUE && eddy_value_rank(x.value) == d->rank &&
                complex == (x.imaginary != NULL);
    for (int i = 0; i < d->rank && fits; i++)
        fits = eddy_value_dimension(x.value, i) == shape[i];
    if (fits && dtype_is_float((dtype)type))
        x = complex ? x : lower_real(&w->s, x);
    if (fits && eddy_value_dtype(x.value) == type)
        return x;
    text expected;
    text_init(&expected, l->memory);
    text_add(&expected, "%s%s", d->type ? d->type : "", d->type && d->rank ? " " : "");
    for (int i = 0; i < d->rank; i++)
        text_add(&expected, "%s%s", i ? ", " : "[", lower_size_text(l, shape[i]));
    text_add(&expected, d->rank ? "]" : d->type ? "" : "a number");
    cell_wrong(w, REPORT_argument_shape, where, d->where,
               arena_print(l->memory, "the input `%s` of the cell `%s` is %s, and this is %s",
                           d->name, w->s.cell->name, expected.at, lower_describe(l, x)));
    return lower_bad();
}

static void cell_inputs(cell_work *w, operand *inputs, const span *places) {
    const syntax_cell *c = w->s.cell;
    for (size_t i = 0; i < c->header.count; i++) {
        const declared *d = &c->header.at[i];
        int64_t shape[LIMIT_RANK + 1];
        if (cell_is_number(d))
            continue;
        bool good = lower_shape(&w->s, d, shape);
        if (!lower_is_free(&w->s, d->name, d->where))
            continue;
        if (inputs[i].kind == OPERAND_TEXT && good && w->how->make_inputs)
            inputs[i] = lower_guard(&w->s, d->where, cell_make_input(w, d, shape));
        else if (inputs[i].kind == OPERAND_TEXT && good && d->value)
            inputs[i] = lower_expression(&w->s, d->value);
        if (inputs[i].kind == OPERAND_TEXT && good) {
            cell_wrong(w, REPORT_missing, w->how->where, d->where,
                       arena_print(w->s.l->memory, "the input `%s` of the cell `%s` is not given",
                                   d->name, c->name));
            inputs[i] = lower_bad();
        }
        inputs[i] = good ? cell_fit(w, d, places[i], inputs[i], shape) : lower_bad();
        lower_push(&w->s,
                   (symbol){.name = d->name, .where = d->where, .now = inputs[i], .input = true});
    }
}

/* ---- states that are given */

static void cell_states_given(cell_work *w) {
    const syntax_cell *c = w->s.cell;
    for (size_t i = 0; i < c->body.count; i++) {
        const statement *of = &c->body.at[i];
        for (size_t k = 0; of->kind == STATEMENT_STATE && k < of->names.count; k++) {
            const cell_argument *given = cell_named(w, of->names.at[k].name);
            if (!given)
                continue;
            if (given->value.kind == OPERAND_VALUE)
                w->s.over |= eddy_value_axes(given->value.value);
            lower_push(&w->s, (symbol){.name = arena_print(w->s.l->memory, ".%s", given->name),
                                       .where = given->where,
                                       .now = given->value,
                                       .replaced = given->replaces});
        }
    }
}

/* Arguments by place that are too many, and by name that are given before. */
static void cell_leftovers(cell_work *w) {
    const syntax_cell *c = w->s.cell;
    for (int i = 0; i < w->how->count; i++) {
        const cell_argument *a = &w->how->arguments[i];
        if (w->used[i] || (a->name && !cell_takes(c, a->name)))
            continue;
        const char *words =
            a->name
                ? arena_print(w->s.l->memory, "the cell `%s` is given `%s` twice", c->name, a->name)
                : arena_print(w->s.l->memory, "the cell `%s` has %d inputs, and this is one more",
                              c->name, (int)c->header.count);
        cell_wrong(w, REPORT_cell_arguments, a->where, c->where, words);
    }
}

/* ---- results */

static void cell_results(cell_work *w) {
    scope *s = &w->s;
    const declared_list *list = &s->cell->results;
    for (size_t i = 0; i < list->count; i++) {
        const declared *d = &list->at[i];
        const symbol *found = lower_find(s, d->name);
        operand x = found && found->kind == SYMBOL_STATE ? found->next
                    : found                              ? found->now
                                                         : lower_bad();
        bool value = found && found->kind != SYMBOL_FAMILY && x.kind <= OPERAND_VALUE;
        if (!value)
            x = lower_bad();
        if (!value && !lower_is_hidden(s, d->name)) {
            lower_wrong(s, REPORT_result, d->where, "nothing computes the result `%s`", d->name);
            report_help(s->l->mistakes, "add an equation %s = ...", d->name);
        }
        if (i == 0)
            x = lower_custom(s, x);
        w->how->results[i] = x.kind == OPERAND_NUMBER ? lower_as_value(s, x) : x;
    }
}

/* ---- one use of a cell */

static void cell_reserved(scope *s) {
    static const span none = {0, 0};
    operand axis = {.kind = OPERAND_AXIS, .axis = s->time};
    lower_push(s, (symbol){.name = "t", .where = none, .now = axis});
    lower_push(s, (symbol){.name = "train", .where = none, .now = lower_number(s->train)});
    lower_push(s, (symbol){.name = "pi", .where = none, .now = lower_number(3.141592653589793)});
}

static const char *cell_file(lower *l, const source *from) {
    if (l->file_of != from) {
        l->file_of = from;
        l->file = arena_copy_text(&l->m->memory, from->name);
    }
    return l->file;
}

static void cell_build(cell_work *w) {
    scope *s = &w->s;
    const syntax_cell *c = s->cell;
    operand *inputs = arena_array(s->l->memory, operand, c->header.count + 1);
    span *places = arena_array(s->l->memory, span, c->header.count + 1);
    cell_reserved(s);
    for (size_t i = 0; i < c->header.count; i++) {
        const cell_argument *given = cell_argument_of(w, i);
        inputs[i] = given ? given->value : (operand){.kind = OPERAND_TEXT}; /* not given */
        places[i] = given ? given->where : w->how->where;
        if (inputs[i].kind == OPERAND_VALUE)
            s->over |= eddy_value_axes(inputs[i].value);
    }
    for (size_t i = 0; i < c->header.count; i++) {
        const declared *d = &c->header.at[i];
        if (!cell_is_number(d))
            continue;
        bool given = inputs[i].kind != OPERAND_TEXT;
        operand x = given ? inputs[i] : lower_expression(s, d->value);
        if (given && x.kind == OPERAND_VALUE && (x.imaginary || eddy_value_rank(x.value) > 0))
            x = cell_fit(w, d, places[i], x, (const int64_t[]){EDDY_SCALAR});
        lower_define(s, d->name, d->where, x);
    }
    cell_dimensions_given(w);
    for (size_t i = 0; i < c->header.count; i++)
        cell_dimensions_of_input(w, &c->header.at[i], inputs[i]);
    cell_strangers(w);
    cell_dimensions_missing(w);
    cell_axes(w, inputs);
    cell_inputs(w, inputs, places);
    for (size_t i = 0; i < c->header.count; i++)
        if (inputs[i].kind == OPERAND_VALUE)
            s->over |= eddy_value_axes(inputs[i].value);
    cell_states_given(w);
    for (size_t i = 0; i < s->symbols.count; i++) /* the places of a memory are not states' */
        if (s->symbols.at[i].now.kind == OPERAND_AXIS && s->symbols.at[i].now.axis != s->time)
            s->over &= ~s->symbols.at[i].now.axis;
    cell_leftovers(w);
    if (w->bad)
        return;
    lower_block(s, &c->body);
    if (lower_all_ready(s, 0))
        cell_results(w);
}

void lower_cell(lower *l, const syntax_cell *cell, const cell_use *how) {
    cell_work w = {.how = how};
    w.s = (scope){.l = l,
                  .cell = cell,
                  .time = how->time,
                  .over = 0,
                  .direction = how->direction,
                  .train = how->train};
    w.s.file = cell_file(l, cell->from);
    w.s.here = (eddy_site){w.s.file, cell->line};
    const eddy_site here = w.s.here;
    w.used = arena_array(l->memory, bool, how->count + 1);
    for (size_t i = 0; i < cell->results.count; i++)
        how->results[i] = lower_bad();
    if (l->depth >= LOWER_DEPTH) {
        cell_wrong(&w, REPORT_too_deep, how->where, cell->where,
                   arena_print(l->memory, "cells in cells are more than %d deep", LOWER_DEPTH));
        return;
    }
    size_t before = l->mistakes->entries.count;
    l->depth++;
    if (how->name)
        eddy_scope_push(l->m, how->name);
    cell_build(&w);
    if (how->caller && !w.bad && l->mistakes->entries.count > before)
        report_note_add(l->mistakes, how->caller->cell->from, how->where,
                        "in this use of the cell `%s`", cell->name);
    if (how->name)
        eddy_scope_pop(l->m);
    l->depth--;
}
