/* Expressions, by precedence climbing.
 *
 *   or < and < not < == != < <= > >= < + - < * / mod < unary minus < @ < ^ < h' f(x) v[i]
 *
 * The matrix product binds tighter than the product of elements, so that `r * U@h` is what a paper
 * means by it. Nothing that is read may make the stack grow without bound: depth counts what is
 * open around a token, and a tree knows its height, because a long sum is a tall tree though no
 * bracket was opened. */
#include "frontends/lang/syntax.h"

static syntax *expression_binary(parser *p, int level);

static syntax *expression_new(parser *p, syntax_kind kind, span where, span mark) {
    syntax *made = arena_new(p->memory, syntax);
    *made = (syntax){.kind = kind, .where = where, .mark = mark, .height = 1};
    return made;
}

static syntax *expression_bad(parser *p) {
    span where = {p->at->where.at, 0};
    return expression_new(p, SYNTAX_BAD, where, where);
}

static void expression_deep(parser *p, span where) {
    if (!p->failed) {
        p->failed = true;
        report_add(p->mistakes, REPORT_too_deep, p->from, where,
                   "this expression is more than %d levels deep", SYNTAX_HEIGHT);
        report_help(p->mistakes, "give a part of it a name: an equation of its own");
    }
}

/* The parts of `made`, and how tall it thereby is. */
static syntax *expression_parts(parser *p, syntax *made, syntax **parts, int count) {
    made->parts = parts;
    made->count = count;
    for (int i = 0; i < count; i++)
        if (parts[i] && parts[i]->height >= made->height)
            made->height = parts[i]->height + 1;
    if (made->height <= SYNTAX_HEIGHT)
        return made;
    expression_deep(p, made->mark);
    return expression_bad(p);
}

typedef VEC(syntax *) expression_list;

/* ( name = value, name := value, value, ... ); the bracket is open already. */
static void expression_arguments(parser *p, expression_list *parts) {
    while (!p->failed && p->at->kind != TOKEN_CLOSE) {
        const token *word = p->at;
        bool named = word->kind == TOKEN_NAME &&
                     (word[1].kind == TOKEN_ASSIGN || word[1].kind == TOKEN_REPLACE);
        if (named)
            p->at += 2;
        syntax *value = expression_binary(p, 1);
        if (named) {
            value->keyword = word->text;
            value->keyword_where = word->where;
            value->replaces = word[1].kind == TOKEN_REPLACE;
        }
        vec_push(p->memory, parts, value);
        if (!parser_take(p, TOKEN_COMMA))
            break;
    }
    parser_expect(p, TOKEN_CLOSE, "the arguments");
}

/* One place between the brackets of an index: i, a:b, a:, :b, : */
static syntax *expression_item(parser *p) {
    span start = p->at->where;
    syntax *low = p->at->kind == TOKEN_COLON ? NULL : expression_binary(p, 1), *high = NULL;
    if (!parser_take(p, TOKEN_COLON))
        return low;
    if (p->at->kind != TOKEN_COMMA && p->at->kind != TOKEN_CLOSE_SHAPE)
        high = expression_binary(p, 1);
    syntax **parts = arena_array(p->memory, syntax *, 2);
    parts[0] = low;
    parts[1] = high;
    span where = span_join(start, p->at[-1].where);
    return expression_parts(p, expression_new(p, SYNTAX_RANGE, where, where), parts, 2);
}

static syntax *expression_index(parser *p, syntax *base) {
    expression_list parts = {0};
    syntax *otherwise = NULL;
    span mark = p->at[-1].where;
    vec_push(p->memory, &parts, base);
    do {
        syntax *item = expression_item(p);
        vec_push(p->memory, &parts, item);
    } while (!p->failed && parser_take(p, TOKEN_COMMA));
    if (parser_take(p, TOKEN_ELSE))
        otherwise = expression_binary(p, 1);
    parser_expect(p, TOKEN_CLOSE_SHAPE, "the index");
    mark = span_join(mark, p->at[-1].where);
    syntax *made = expression_new(p, SYNTAX_INDEX, span_join(base->where, mark), mark);
    made->otherwise = otherwise;
    if (otherwise && otherwise->height >= made->height)
        made->height = otherwise->height + 1;
    return expression_parts(p, made, parts.at, (int)parts.count);
}

/* h'  f(x)  v[i]  A^T, as often as they follow. */
static syntax *expression_suffixes(parser *p, syntax *made) {
    while (!p->failed) {
        if (made->kind == SYNTAX_NAME && parser_take(p, TOKEN_PRIME)) {
            made->kind = SYNTAX_NEW;
            made->where = made->mark = span_join(made->where, p->at[-1].where);
        } else if (parser_take(p, TOKEN_OPEN)) {
            expression_list parts = {0};
            vec_push(p->memory, &parts, made);
            expression_arguments(p, &parts);
            span where = span_join(made->where, p->at[-1].where);
            syntax *call = expression_new(p, SYNTAX_CALL, where, made->mark);
            made = expression_parts(p, call, parts.at, (int)parts.count);
        } else if (parser_take(p, TOKEN_OPEN_SHAPE)) {
            made = expression_index(p, made);
        } else if (p->at->kind == TOKEN_POWER && p->at[1].kind == TOKEN_NAME &&
                   p->at[1].text == intern_text(p->names, "T")) {
            p->at += 2;
            syntax **parts = arena_array(p->memory, syntax *, 1);
            parts[0] = made;
            span mark = span_join(p->at[-2].where, p->at[-1].where);
            syntax *turned =
                expression_new(p, SYNTAX_TRANSPOSE, span_join(made->where, mark), mark);
            made = expression_parts(p, turned, parts, 1);
        } else {
            break;
        }
    }
    return made;
}

static syntax *expression_primary(parser *p) {
    const token *t = p->at;
    syntax *made;
    switch (t->kind) {
    case TOKEN_NUMBER:
    case TOKEN_NAME:
    case TOKEN_TEXT:
        made = expression_new(p,
                              t->kind == TOKEN_NUMBER ? SYNTAX_NUMBER
                              : t->kind == TOKEN_NAME ? SYNTAX_NAME
                                                      : SYNTAX_TEXT,
                              t->where, t->where);
        made->text = t->text;
        made->number = t->number;
        p->at++;
        return made;
    case TOKEN_OPEN:
        p->at++;
        made = expression_binary(p, 1);
        parser_expect(p, TOKEN_CLOSE, "the expression");
        made->where = span_join(t->where, p->at[-1].where);
        return made;
    case TOKEN_OPEN_SHAPE: {
        p->at++;
        expression_list parts = {0};
        do {
            syntax *part = expression_binary(p, 1);
            vec_push(p->memory, &parts, part);
        } while (!p->failed && parser_take(p, TOKEN_COMMA));
        parser_expect(p, TOKEN_CLOSE_SHAPE, "the list");
        made = expression_new(p, SYNTAX_LIST, span_join(t->where, p->at[-1].where), t->where);
        return expression_parts(p, made, parts.at, (int)parts.count);
    }
    default:
        parser_wrong(p, "an expression");
        return expression_bad(p);
    }
}

int parser_level(token_kind kind) {
    switch (kind) {
    case TOKEN_OR:
        return 1;
    case TOKEN_AND:
        return 2;
    case TOKEN_EQUAL:
    case TOKEN_UNEQUAL:
    case TOKEN_LESS:
    case TOKEN_MORE:
    case TOKEN_AT_MOST:
    case TOKEN_AT_LEAST:
        return 4;
    case TOKEN_PLUS:
    case TOKEN_MINUS:
        return 5;
    case TOKEN_TIMES:
    case TOKEN_OVER_SIGN:
    case TOKEN_MOD:
        return 6;
    case TOKEN_MATMUL:
        return 8;
    case TOKEN_POWER:
        return 9;
    default:
        return 0;
    }
}

static syntax *expression_unary(parser *p) {
    if (p->depth >= SYNTAX_HEIGHT) {
        expression_deep(p, p->at->where);
        return expression_bad(p);
    }
    p->depth++;
    const token *t = p->at;
    syntax *made;
    if (t->kind == TOKEN_MINUS || t->kind == TOKEN_NOT) {
        p->at++;
        syntax **parts = arena_array(p->memory, syntax *, 1);
        parts[0] = expression_binary(p, t->kind == TOKEN_NOT ? 4 : 8);
        made = expression_new(p, SYNTAX_UNARY, span_join(t->where, parts[0]->where), t->where);
        made->op = t->kind;
        made = expression_parts(p, made, parts, 1);
    } else {
        made = expression_suffixes(p, expression_primary(p));
        p->past = p->at;
    }
    p->depth--;
    return made;
}

/* Operators of this level and tighter ones. Those of one level go from the left, but for `^`. */
static syntax *expression_binary(parser *p, int level) {
    syntax *left = expression_unary(p);
    for (;;) {
        const token *sign = p->at;
        int own = parser_level(sign->kind);
        if (p->failed || own == 0 || own < level)
            return left;
        p->at++;
        syntax **parts = arena_array(p->memory, syntax *, 2);
        parts[0] = left;
        parts[1] = own == 9 ? expression_unary(p) : expression_binary(p, own + 1);
        syntax *made =
            expression_new(p, SYNTAX_BINARY, span_join(left->where, parts[1]->where), sign->where);
        made->op = sign->kind;
        left = expression_parts(p, made, parts, 2);
        if (own == 4 && parser_level(p->at->kind) == 4)
            parser_wrong(p, "`and`: comparisons do not chain");
    }
}

syntax *parser_expression(parser *p) {
    return expression_binary(p, 1);
}

void parser_shape(parser *p, declared *into) {
    if (!parser_take(p, TOKEN_OPEN_SHAPE))
        return;
    const token *open = p->at - 1;
    expression_list parts = {0};
    do {
        syntax *part = expression_binary(p, 1);
        vec_push(p->memory, &parts, part);
    } while (!p->failed && parser_take(p, TOKEN_COMMA));
    p->past = NULL; /* names side by side lack a comma here, not a sign */
    parser_expect(p, TOKEN_CLOSE_SHAPE, "the shape");
    span all = span_join(open->where, p->at[-1].where);
    into->shape_text = arena_print(p->memory, "%.*s", (int)all.bytes, p->from->at + all.at);
    into->shape = parts.at;
    into->rank = (int)parts.count;
}
