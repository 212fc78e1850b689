/* Cells and their statements, by recursive descent.
 *
 * One mistake a statement: the first sets `failed`, all others of it are silent, and the parser
 * goes on at the next line. A block that was opened by a statement with a mistake is read all the
 * same, so that its closing brace does not close the cell. */
#include "frontends/lang/syntax.h"

#include <string.h>

bool parser_take(parser *p, token_kind kind) {
    if (p->failed || p->at->kind != kind)
        return false;
    p->at++;
    return true;
}

/* A name right behind an operand: W x, or a second equation in the line. */
static void parser_beside(parser *p, const token *t) {
    token_kind next = t[1].kind == TOKEN_PRIME ? t[2].kind : t[1].kind;
    if (next == TOKEN_ASSIGN)
        report_help(p->mistakes, "a statement ends with its line: the next begins on its own");
    else if (t[-1].kind == TOKEN_NAME)
        report_help(p->mistakes,
                    "a product needs its sign: `@` of matrices, %s@%s, or `*` by elements",
                    t[-1].text, t->text);
    else
        report_help(p->mistakes, "a product needs its sign: `@` of matrices, `*` by elements");
}

void parser_wrong(parser *p, const char *expected) {
    if (p->failed)
        return;
    p->failed = true;
    const token *t = p->at;
    if (t->kind == TOKEN_BAD) /* which was reported */
        return;
    report_add(p->mistakes, REPORT_syntax, p->from, t->where, "expected %s, found %s", expected,
               t->kind == TOKEN_NAME && t->where.bytes < 60
                   ? arena_print(p->memory, "`%s`", t->text)
                   : token_words(t->kind));
    if (t->kind == TOKEN_NAME && t == p->past)
        parser_beside(p, t);
    else if (t->kind == TOKEN_OVER_SIGN && t[-1].kind == TOKEN_OVER_SIGN)
        report_help(p->mistakes, "a comment begins with `#`");
    else if (t->kind == TOKEN_TIMES && t[-1].kind == TOKEN_TIMES)
        report_help(p->mistakes, "a power is written x^2");
    else if (t->kind >= TOKEN_CELL && t->kind <= TOKEN_MOD)
        report_help(p->mistakes, "%s is a word of the language and cannot be a name",
                    token_words(t->kind));
}

bool parser_expect(parser *p, token_kind kind, const char *after) {
    if (parser_take(p, kind))
        return true;
    parser_wrong(p, arena_print(p->memory, "%s after %s", token_words(kind), after));
    return false;
}

/* To the end of the line that began at `start`. Braces that it opened are closed by its own, so
 * that a spoiled family of names does not close a block. Returns whether a block opens there. */
static bool parser_skip_line(parser *p, const token *start) {
    int open = 0;
    for (const token *t = start; t < p->at; t++)
        open += (t->kind == TOKEN_OPEN_BLOCK) - (t->kind == TOKEN_CLOSE_BLOCK);
    while (p->at->kind != TOKEN_NEWLINE && p->at->kind != TOKEN_END &&
           (p->at->kind != TOKEN_CLOSE_BLOCK || open > 0)) {
        open += (p->at->kind == TOKEN_OPEN_BLOCK) - (p->at->kind == TOKEN_CLOSE_BLOCK);
        p->at++;
    }
    p->failed = false;
    return p->at[-1].kind == TOKEN_OPEN_BLOCK;
}

/* ---- names */

/* A name that is introduced; what stands behind it is for the caller. */
static bool parser_name(parser *p, declared *into, const char *expected) {
    *into = (declared){.name = p->at->text, .where = p->at->where};
    if (p->failed || p->at->kind != TOKEN_NAME) {
        parser_wrong(p, expected);
        return false;
    }
    p->at++;
    return true;
}

/* {i, f, o} behind a name: its members are named Wi, Wf, Wo. */
static void parser_members(parser *p, declared *family) {
    VEC(const char *) names = {0};
    VEC(span) places = {0};
    if (!parser_take(p, TOKEN_OPEN_BLOCK))
        return;
    do {
        declared member;
        if (!parser_name(p, &member, "the name of a gate"))
            return;
        const char *full = arena_print(p->memory, "%s%s", family->name, member.name);
        full = intern_text(p->names, full);
        vec_push(p->memory, &names, full);
        vec_push(p->memory, &places, member.where);
    } while (parser_take(p, TOKEN_COMMA));
    parser_expect(p, TOKEN_CLOSE_BLOCK, "the names of the gates");
    family->members = names.at;
    family->member_places = places.at;
    family->member_count = (int)names.count;
}

enum { PARSER_TYPES = 5 };
static const char *const parser_types[PARSER_TYPES] = {"int", "bool", "complex", "size", "real"};

const char *parser_type_name(int i) {
    return i < PARSER_TYPES ? parser_types[i] : NULL;
}

static void parser_type(parser *p, declared *into, bool size) {
    if (!parser_take(p, TOKEN_COLON))
        return;
    into->type_where = p->at->where;
    for (int i = 0; i < PARSER_TYPES && p->at->kind == TOKEN_NAME; i++)
        if (strcmp(p->at->text, parser_types[i]) == 0 && (i != 3 || size)) {
            into->type = i < 4 ? parser_types[i] : NULL;
            p->at++;
            return;
        }
    parser_wrong(p, size ? "`real`, `int`, `bool`, `complex` or `size`"
                         : "`real`, `int`, `bool` or `complex`");
}

/* state h, c [H] : real = 0, n   - shape, type and value are of all names before them. */
static void parser_declarations(parser *p, declared_list *out) {
    do {
        size_t first = out->count;
        do {
            declared one;
            if (!parser_name(p, &one, "a name"))
                return;
            parser_members(p, &one);
            vec_push(p->memory, out, one);
        } while (parser_take(p, TOKEN_COMMA));
        declared *last = &vec_last(out);
        parser_shape(p, last);
        parser_type(p, last, false);
        if (parser_take(p, TOKEN_ASSIGN))
            last->value = parser_expression(p);
        for (size_t i = first; i < out->count; i++) {
            declared *one = &out->at[i];
            one->shape = last->shape;
            one->shape_text = last->shape_text;
            one->rank = last->rank;
            one->type = last->type;
            one->type_where = last->type_where;
            one->value = last->value;
        }
    } while (parser_take(p, TOKEN_COMMA));
}

/* ---- statements */

static void parser_block(parser *p, statement_list *out);

static void parser_targets(parser *p, statement *s) {
    s->together = parser_take(p, TOKEN_OPEN);
    do {
        declared one;
        if (!parser_name(p, &one, "a name"))
            return;
        if (parser_take(p, TOKEN_PRIME)) {
            one.primed = true;
            one.where = span_join(one.where, p->at[-1].where);
        }
        vec_push(p->memory, &s->names, one);
    } while (parser_take(p, TOKEN_COMMA));
    if (s->together)
        parser_expect(p, TOKEN_CLOSE, "the names");
    if (p->failed || p->at->kind == TOKEN_ASSIGN)
        return;
    if (s->names.count == 1 && p->at->kind == TOKEN_OPEN_SHAPE) {
        p->failed = true;
        report_add(p->mistakes, REPORT_syntax, p->from, p->at->where,
                   "an equation gives a whole value, not a part of one");
        report_help(p->mistakes, "join parts with concat(a, b); a new value is written %s'",
                    s->names.at[0].name);
    }
}

static void parser_loop(parser *p, statement *s) {
    s->kind = STATEMENT_LOOP;
    s->counter_where = p->at->where;
    s->counter = p->at->text;
    parser_expect(p, TOKEN_NAME, "`for`");
    parser_expect(p, TOKEN_IN, "the counter");
    s->low = parser_expression(p);
    parser_expect(p, TOKEN_DOTS, "the first number");
    s->high = parser_expression(p);
    while (parser_take(p, TOKEN_COMMA)) {
        declared one;
        if (!parser_name(p, &one, "the name of a value that the loop carries"))
            break;
        if (parser_expect(p, TOKEN_ASSIGN, "the name"))
            one.value = parser_expression(p);
        vec_push(p->memory, &s->names, one);
    }
    if (!p->failed && p->at->kind == TOKEN_OPEN_BLOCK)
        parser_block(p, &s->body);
    else
        parser_expect(p, TOKEN_OPEN_BLOCK, "the head of the loop");
}

static void parser_statement(parser *p, statement *s) {
    switch (p->at->kind) {
    case TOKEN_STATE:
    case TOKEN_PARAM:
    case TOKEN_FIXED:
        s->kind = p->at->kind == TOKEN_STATE   ? STATEMENT_STATE
                  : p->at->kind == TOKEN_PARAM ? STATEMENT_PARAM
                                               : STATEMENT_FIXED;
        p->at++;
        parser_declarations(p, &s->names);
        break;
    case TOKEN_FOR:
        p->at++;
        parser_loop(p, s);
        break;
    case TOKEN_ADJOINT:
    case TOKEN_SURROGATE:
        s->surrogate = p->at->kind == TOKEN_SURROGATE;
        p->at++;
        s->kind = STATEMENT_ADJOINT;
        parser_targets(p, s);
        parser_expect(p, TOKEN_ASSIGN, "the name of an input");
        s->value = p->failed ? NULL : parser_expression(p);
        break;
    default:
        s->kind = STATEMENT_EQUATION;
        if (p->at->kind != TOKEN_NAME && p->at->kind != TOKEN_OPEN) {
            parser_wrong(p, "a statement");
            break;
        }
        parser_targets(p, s);
        parser_expect(p, TOKEN_ASSIGN, "the name");
        s->value = p->failed ? NULL : parser_expression(p);
    }
}

/* Does the next cell begin here? Then a brace is missing. */
static bool parser_at_cell(const parser *p) {
    return p->at->kind == TOKEN_CELL && p->at[1].kind == TOKEN_NAME && p->at[2].kind == TOKEN_OPEN;
}

enum { PARSER_BLOCKS = 40 }; /* how deep they nest */

/* Past what nests too deep, without going down into it. */
static void parser_skip_block(parser *p, const token *open) {
    report_add(p->mistakes, REPORT_too_deep, p->from, open->where,
               "blocks are nested more than %d deep", PARSER_BLOCKS);
    int level = 1;
    for (; level > 0 && p->at->kind != TOKEN_END; p->at++)
        level += (p->at->kind == TOKEN_OPEN_BLOCK) - (p->at->kind == TOKEN_CLOSE_BLOCK);
    p->failed = true;
}

/* { statements }; the brace is the next token. */
static void parser_block(parser *p, statement_list *out) {
    const token *open = p->at++;
    if (p->depth >= PARSER_BLOCKS) {
        parser_skip_block(p, open);
        return;
    }
    p->depth++;
    while (p->at->kind != TOKEN_END && p->at->kind != TOKEN_CLOSE_BLOCK && !parser_at_cell(p)) {
        if (parser_take(p, TOKEN_NEWLINE))
            continue;
        int depth = p->depth;
        const token *start = p->at;
        statement s = {.where = p->at->where, .line = p->at->line};
        if (!p->failed)
            parser_statement(p, &s);
        s.where = span_join(s.where, p->at[-1].where);
        if (p->at->kind != TOKEN_NEWLINE && p->at->kind != TOKEN_CLOSE_BLOCK)
            parser_wrong(p, "the end of the line");
        bool good = !p->failed;
        p->depth = depth;
        bool again = parser_skip_line(p, start) && !good;
        if (again) { /* what was opened by the line with the mistake */
            p->at--;
            parser_block(p, &s.body);
        }
        if (good)
            vec_push(p->memory, out, s);
        else
            vec_push(p->memory, &p->cell->broken, span_join(s.where, p->at[-1].where));
    }
    p->depth--;
    if (p->at->kind == TOKEN_CLOSE_BLOCK) {
        p->at++;
        return;
    }
    p->failed = true;
    report_add(p->mistakes, REPORT_open_block, p->from, p->at->where,
               "this block is never closed: expected `}`, found %s", token_words(p->at->kind));
    report_note_add(p->mistakes, p->from, open->where, "it opens here");
}

/* ---- cells */

static void parser_header(parser *p, syntax_cell *c) {
    if (!parser_expect(p, TOKEN_OPEN, "the name of the cell"))
        return;
    while (!p->failed && p->at->kind != TOKEN_CLOSE) {
        declared one;
        if (!parser_name(p, &one, "the name of an input"))
            return;
        parser_shape(p, &one);
        parser_type(p, &one, one.rank == 0);
        if (parser_take(p, TOKEN_OVER)) {
            one.over = p->at->text;
            parser_expect(p, TOKEN_NAME, "`over`");
        }
        if (parser_take(p, TOKEN_ASSIGN))
            one.value = parser_expression(p);
        if (one.type && strcmp(one.type, "size") == 0)
            vec_push(p->memory, &c->dimensions, one);
        else
            vec_push(p->memory, &c->header, one);
        if (!parser_take(p, TOKEN_COMMA))
            break;
    }
    parser_expect(p, TOKEN_CLOSE, "the inputs");
    parser_expect(p, TOKEN_ARROW, "the inputs");
    do {
        declared one;
        if (!parser_name(p, &one, "the name of a result"))
            return;
        vec_push(p->memory, &c->results, one);
    } while (parser_take(p, TOKEN_COMMA));
}

static syntax_cell *parser_cell(parser *p) {
    syntax_cell *c = arena_new(p->memory, syntax_cell);
    *c = (syntax_cell){
        .from = p->from, .name = p->at->text, .line = p->at->line, .where = p->at->where};
    p->cell = c;
    parser_expect(p, TOKEN_NAME, "`cell`");
    parser_header(p, c);
    if (!p->failed && p->at->kind != TOKEN_OPEN_BLOCK)
        parser_wrong(p, "`{` after the results");
    c->sound = !p->failed;
    if (p->failed && parser_skip_line(p, p->at))
        p->at--;
    if (p->at->kind == TOKEN_OPEN_BLOCK)
        parser_block(p, &c->body);
    c->end = p->at[-1].where;
    return c;
}

/* Lines of comment that end right before the word `cell`. */
static const char *parser_comment(const parser *p, uint32_t cell) {
    const char *bytes = p->from->at;
    uint32_t start = cell, line = cell;
    while (line > 0 && bytes[line - 1] != '\n')
        line--;
    for (start = line; start > 0;) {
        uint32_t before = start - 1;
        while (before > 0 && bytes[before - 1] != '\n')
            before--;
        if (bytes[before] != '#')
            break;
        start = before;
    }
    return arena_print(p->memory, "%.*s", (int)(line - start), bytes + start);
}

/* ---- dimensions */

static void parser_dimension_add(parser *p, syntax_cell *c, const syntax *e) {
    if (!e || e->kind == SYNTAX_CALL)
        return;
    for (int i = 0; i < e->count; i++) /* as deep as an expression may be */
        parser_dimension_add(p, c, e->parts[i]);
    if (e->kind != SYNTAX_NAME)
        return;
    for (size_t i = 0; i < c->dimensions.count; i++)
        if (c->dimensions.at[i].name == e->text)
            return;
    for (size_t i = 0; i < c->header.count; i++)
        if (c->header.at[i].name == e->text)
            return;
    vec_push(p->memory, &c->dimensions, (declared){.name = e->text, .where = e->mark});
}

static void parser_dimensions(parser *p, syntax_cell *c, const declared_list *list) {
    for (size_t i = 0; i < list->count; i++)
        for (int d = 0; d < list->at[i].rank; d++)
            parser_dimension_add(p, c, list->at[i].shape[d]);
}

/* As deep as blocks nest. A counter of a loop is no dimension, though a shape may name it. */
static void parser_dimensions_of(parser *p, syntax_cell *c, const statement_list *body) {
    for (size_t i = 0; i < body->count; i++) {
        const statement *s = &body->at[i];
        if (s->kind == STATEMENT_STATE || s->kind == STATEMENT_PARAM || s->kind == STATEMENT_FIXED)
            parser_dimensions(p, c, &s->names);
        parser_dimensions_of(p, c, &s->body);
        for (size_t d = 0; s->kind == STATEMENT_LOOP && d < c->dimensions.count; d++)
            if (c->dimensions.at[d].name == s->counter) {
                memmove(&c->dimensions.at[d], &c->dimensions.at[d + 1],
                        (c->dimensions.count - d - 1) * sizeof(declared));
                c->dimensions.count--;
            }
    }
}

void parser_read(const source *from, intern *names, report *mistakes, arena *memory,
                 cell_list *out) {
    token_list tokens = {0};
    lexer_read(from, names, mistakes, &tokens);
    /* a newline before the first token, so that p->at[-1] is always there */
    VEC(token) all = {0};
    vec_push(memory, &all, (token){.kind = TOKEN_NEWLINE});
    for (size_t i = 0; i < tokens.count; i++)
        vec_push(memory, &all, tokens.at[i]);
    parser p = {
        .memory = memory, .from = from, .mistakes = mistakes, .at = all.at + 1, .names = names};
    while (p.at->kind != TOKEN_END) {
        p.failed = false;
        p.depth = 0;
        if (parser_take(&p, TOKEN_NEWLINE))
            continue;
        uint32_t start = p.at->where.at;
        if (parser_take(&p, TOKEN_CELL)) {
            syntax_cell *c = parser_cell(&p);
            c->comment = parser_comment(&p, start);
            parser_dimensions(&p, c, &c->header);
            parser_dimensions_of(&p, c, &c->body);
            if (c->name)
                vec_push(memory, out, c);
        } else {
            parser_wrong(&p, "`cell`");
            while (p.at->kind != TOKEN_END && !parser_at_cell(&p))
                p.at++;
        }
    }
}
