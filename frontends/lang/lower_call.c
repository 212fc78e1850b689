/* Cells that are used by cells, and what makes cells of cells.
 *
 * Combinators take cells, not values: reverse(c), bidirectional(c), stack(c, n), residual(c). They
 * nest, and what they make is called like a cell. The parameters of a use are named after the
 * equation that it is in, so that a reader of the weights finds the line. */
#include "frontends/lang/lower.h"

#include <string.h>

/* The cell under all combinators; NULL after a mistake. */
static const syntax_cell *call_base(scope *s, const syntax *callee) {
    const syntax *name = callee;
    while (name->kind == SYNTAX_CALL && name->count > 1)
        name = name->parts[1];
    const syntax_cell *found =
        name->kind == SYNTAX_NAME ? lower_cell_find(s->l, s->cell, name->text) : NULL;
    if (found)
        return found->sound ? found : NULL;
    lower_wrong(s, REPORT_unknown_cell, name->where, "there is no function or cell `%.*s`",
                (int)(name->where.bytes < 60 ? name->where.bytes : 60),
                s->cell->from->at + name->where.at);
    if (name->kind == SYNTAX_NAME && strcmp(name->text, s->cell->name) == 0)
        report_help(s->l->mistakes,
                    "a cell cannot use itself; a value of the step before is a "
                    "state, or x[t-1]");
    else if (name->kind == SYNTAX_NAME && lower_cell_find(s->l, NULL, name->text))
        report_help(s->l->mistakes, "move the cell `%s` above this one", name->text);
    else if (name->kind == SYNTAX_NAME && lower_callee_near(s->l, name->text))
        report_help(s->l->mistakes, "is `%s` meant?", lower_callee_near(s->l, name->text));
    return NULL;
}

static void call_make(scope *s, const syntax *callee, const syntax_cell *base, cell_use use);

/* One of several cells in a combinator. */
static operand *call_inner(scope *s, const syntax *callee, const syntax_cell *base, cell_use use,
                           const char *name) {
    use.name = name;
    use.results = arena_array(s->l->memory, operand, base->results.count);
    call_make(s, callee, base, use);
    return use.results;
}

static void call_bidirectional(scope *s, const syntax *inner, const syntax_cell *base,
                               cell_use use) {
    const eddy_site here = s->here;
    operand *ahead = call_inner(s, inner, base, use, "forward");
    use.direction = -use.direction;
    operand *back = call_inner(s, inner, base, use, "backward");
    for (size_t i = 0; i < base->results.count; i++) {
        operand a = ahead[i], b = back[i];
        if (a.kind == OPERAND_VALUE && b.kind == OPERAND_VALUE && eddy_value_rank(a.value) > 0 &&
            !a.imaginary)
            use.results[i] = lower_value(eddy_concat(0, a.value, b.value));
    }
}

static void call_stack(scope *s, const syntax *callee, const syntax_cell *base, cell_use use) {
    int64_t layers = 0;
    if (callee->count > 2 && !lower_whole(s, callee->parts[2], "a number of layers", &layers))
        return;
    if (callee->count < 3 || use.count < 1 || use.arguments[0].name || layers < 1) {
        lower_wrong(s, REPORT_cell_arguments, callee->where,
                    "a stack is written stack(cell, 3)(x, ...)");
        return;
    }
    cell_argument *arguments = arena_array(s->l->memory, cell_argument, use.count);
    memcpy(arguments, use.arguments, sizeof *arguments * (size_t)use.count);
    use.arguments = arguments;
    operand *results = use.results;
    for (int64_t i = 1; i <= layers && s->l->budget > 0; i++, s->l->budget--) {
        const char *name = arena_print(s->l->memory, "%lld", (long long)i);
        operand *made = call_inner(s, callee->parts[1], base, use, name);
        arguments[0].value = made[0];
        memcpy(results, made, sizeof *made * base->results.count);
    }
}

static void call_combinator(scope *s, const syntax *callee, const syntax_cell *base, cell_use use) {
    const eddy_site here = s->here;
    const char *name = callee->parts[0]->kind == SYNTAX_NAME ? callee->parts[0]->text : "";
    const syntax *inner = callee->count > 1 ? callee->parts[1] : NULL;
    bool two = strcmp(name, "bidirectional") == 0, many = strcmp(name, "stack") == 0;
    if (inner && strcmp(name, "reverse") == 0) {
        use.direction = -use.direction;
        call_make(s, inner, base, use);
    } else if (inner && strcmp(name, "residual") == 0) {
        call_make(s, inner, base, use);
        operand x = use.count > 0 ? use.arguments[0].value : lower_bad(), y = use.results[0];
        bool good = x.kind == OPERAND_VALUE && y.kind == OPERAND_VALUE;
        if (good && !x.imaginary && !y.imaginary && lower_same_shape(x.value, y.value))
            use.results[0] = lower_value(eddy_add(x.value, y.value));
        else
            use.results[0] = lower_bad();
        if (good && use.results[0].kind == OPERAND_BAD)
            lower_wrong(s, REPORT_shapes, callee->where,
                        "residual adds what the cell gives, %s, to its first input, %s",
                        lower_describe(s->l, y), lower_describe(s->l, x));
    } else if (inner && (two || many)) {
        if (use.name)
            eddy_scope_push(s->l->m, use.name);
        if (two)
            call_bidirectional(s, inner, base, use);
        else
            call_stack(s, callee, base, use);
        if (use.name)
            eddy_scope_pop(s->l->m);
    } else {
        lower_wrong(s, REPORT_unknown_cell, callee->where,
                    "what makes a cell of a cell is reverse, bidirectional, residual or stack");
    }
}

static void call_make(scope *s, const syntax *callee, const syntax_cell *base, cell_use use) {
    if (callee->kind == SYNTAX_CALL)
        call_combinator(s, callee, base, use);
    else
        lower_cell(s->l, base, &use);
}

const char *lower_part_name(scope *s, const syntax *call, const char *what) {
    lower *l = s->l;
    const char *member = s->member ? s->member : what;
    const char *name =
        s->whole == call || !s->member ? member : arena_print(l->memory, "%s.%s", member, what);
    const char *plain = name;
    for (int copy = 2;; copy++) {
        bool there = false;
        for (size_t i = 0; i < s->parts.count && !there; i++)
            there = strcmp(s->parts.at[i], name) == 0;
        if (!there)
            break;
        name = arena_print(l->memory, "%s%d", plain, copy);
    }
    vec_push(l->memory, &s->parts, name);
    return name;
}

operand lower_call(scope *s, const syntax *call, operand *results, int count) {
    lower *l = s->l;
    const syntax_cell *base = call_base(s, call->parts[0]);
    cell_use use = {.caller = s,
                    .where = call->where,
                    .time = s->time,
                    .direction = s->direction,
                    .train = s->train};
    cell_argument *arguments = arena_array(l->memory, cell_argument, call->count);
    for (int i = 1; i < call->count; i++) {
        const syntax *e = call->parts[i];
        cell_argument made = {e->keyword, lower_expression(s, e), e->replaces,
                              e->keyword ? span_join(e->keyword_where, e->where) : e->where};
        if (made.value.kind == OPERAND_BAD)
            base = NULL;
        bool time = e->keyword && strcmp(e->keyword, "t") == 0;
        if (time && made.value.kind == OPERAND_AXIS) {
            use.time = made.value.axis;
            use.direction = use.time == s->time ? s->direction : 1;
        } else {
            arguments[use.count++] = made;
        }
    }
    for (int i = 0; i < count; i++)
        results[i] = lower_bad();
    if (!base)
        return lower_bad();
    if (count > (int)base->results.count) {
        lower_wrong(s, REPORT_results, call->where,
                    "%d names for the results of the cell `%s`, "
                    "which has %d",
                    count, base->name, (int)base->results.count);
        report_note_add(l->mistakes, base->from, base->where, "it is defined here");
        return lower_bad();
    }
    use.arguments = arguments;
    use.name = lower_part_name(s, call, base->name);
    use.results = arena_array(l->memory, operand, base->results.count);
    call_make(s, call->parts[0], base, use);
    for (int i = 0; i < count; i++)
        results[i] = use.results[i];
    return use.results[0];
}
