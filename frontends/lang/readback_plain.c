/* A cell as text of its own language.
 *
 * Numbers stand as they were written; all else is made from the tree, so that brackets show what
 * binds to what. What is printed reads as the same cell: a test does so with the whole library. */
#include "frontends/lang/readback.h"

#include <string.h>

static void plain_expression(readback *r, const syntax *e);

static void plain_list(readback *r, syntax *const *parts, int count) {
    for (int i = 0; i < count; i++) {
        text_add(r->out, "%s", i ? ", " : "");
        if (parts[i]->keyword)
            text_add(r->out, "%s %s ", parts[i]->keyword, parts[i]->replaces ? ":=" : "=");
        plain_expression(r, parts[i]);
    }
}

static void plain_part(readback *r, const syntax *of, const syntax *part) {
    bool brackets = readback_brackets(of, part);
    text_add(r->out, "%s", brackets ? "(" : "");
    plain_expression(r, part);
    text_add(r->out, "%s", brackets ? ")" : "");
}

/* What an index, a call or ^T stands behind. */
static void plain_base(readback *r, const syntax *e) {
    bool brackets = readback_level(e) < 10 || e->kind == SYNTAX_NUMBER;
    text_add(r->out, "%s", brackets ? "(" : "");
    plain_expression(r, e);
    text_add(r->out, "%s", brackets ? ")" : "");
}

static void plain_binary(readback *r, const syntax *e) {
    const char *words = token_words(e->op);
    int level = readback_level(e);
    bool tight = level >= 8 || e->op == TOKEN_TIMES || e->op == TOKEN_OVER_SIGN;
    plain_part(r, e, e->parts[0]);
    text_add(r->out, "%s%.*s%s", tight ? "" : " ", (int)strlen(words) - 2, words + 1,
             tight ? "" : " ");
    plain_part(r, e, e->parts[1]);
}

static void plain_index(readback *r, const syntax *e) {
    plain_base(r, e->parts[0]);
    text_add(r->out, "[");
    readback_places(r, e, plain_expression);
    if (e->otherwise) {
        text_add(r->out, " else ");
        plain_expression(r, e->otherwise);
    }
    text_add(r->out, "]");
}

/* As deep as an expression may be. */
static void plain_expression(readback *r, const syntax *e) {
    const readback_name *name = e->kind == SYNTAX_NAME ? readback_resolve(r, e->text) : NULL;
    int bytes;
    const char *written = readback_source(r, e->mark, &bytes);
    switch (e->kind) {
    case SYNTAX_BAD:
    case SYNTAX_RANGE: /* only inside an index */
        break;
    case SYNTAX_NUMBER:
    case SYNTAX_TEXT:
        text_add(r->out, "%.*s", bytes, written);
        break;
    case SYNTAX_NAME:
        text_add(r->out, "%s", name ? name->name : e->text);
        break;
    case SYNTAX_NEW:
        text_add(r->out, "%s'", e->text);
        break;
    case SYNTAX_UNARY:
        text_add(r->out, e->op == TOKEN_NOT ? "not " : "-");
        plain_part(r, e, e->parts[0]);
        break;
    case SYNTAX_BINARY:
        plain_binary(r, e);
        break;
    case SYNTAX_CALL:
        plain_base(r, e->parts[0]);
        text_add(r->out, "(");
        plain_list(r, e->parts + 1, e->count - 1);
        text_add(r->out, ")");
        break;
    case SYNTAX_INDEX:
        plain_index(r, e);
        break;
    case SYNTAX_LIST:
        text_add(r->out, "[");
        plain_list(r, e->parts, e->count);
        text_add(r->out, "]");
        break;
    case SYNTAX_TRANSPOSE:
        plain_base(r, e->parts[0]);
        text_add(r->out, "^T");
        break;
    }
}

/* ---- declarations */

/* Shape, type and value, which follow the last of the names that share them. */
static void plain_tail(readback *r, const declared *d) {
    for (int i = 0; i < d->rank; i++) {
        text_add(r->out, i ? ", " : "[");
        plain_expression(r, d->shape[i]);
    }
    text_add(r->out, "%s", d->rank ? "]" : "");
    if (d->type)
        text_add(r->out, " : %s", d->type);
    if (d->over)
        text_add(r->out, " over %s", d->over);
    if (d->value) {
        text_add(r->out, " = ");
        plain_expression(r, d->value);
    }
}

static void plain_declarations(readback *r, const declared_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const declared *d = &list->at[i], *next = i + 1 < list->count ? d + 1 : NULL;
        text_add(r->out, "%s%s", i ? ", " : "", d->name);
        for (int k = 0; k < d->member_count; k++)
            text_add(r->out, "%s%s%s", k ? ", " : "{", d->members[k] + strlen(d->name),
                     k + 1 < d->member_count ? "" : "}");
        bool shared = next && next->shape == d->shape && next->value == d->value;
        if (!shared || next->type != d->type)
            plain_tail(r, d);
    }
}

/* ---- statements */

static void plain_block(readback *r, const statement_list *list, int depth);

static void plain_indent(readback *r, int depth) {
    text_add(r->out, "%*s", 4 * depth, "");
}

static void plain_equation(readback *r, const statement *of, int depth) {
    size_t count = of->names.count, lines = of->together ? 1 : count;
    for (size_t i = 0; i < lines; i++) {
        plain_indent(r, depth);
        for (size_t k = 0; k < count && of->together; k++)
            text_add(r->out, "%s%s%s", k ? ", " : "(", of->names.at[k].name,
                     of->names.at[k].primed ? "'" : "");
        if (of->together)
            text_add(r->out, ") = ");
        else
            text_add(r->out, "%s%s = ", of->names.at[i].name, of->names.at[i].primed ? "'" : "");
        r->member = of->names.at[i].name;
        plain_expression(r, of->value);
        r->member = NULL;
        text_add(r->out, "\n");
    }
    readback_declare(r, of);
}

static void plain_loop(readback *r, const statement *of, int depth) {
    size_t outer = r->names.count;
    plain_indent(r, depth);
    text_add(r->out, "for %s in ", of->counter);
    plain_expression(r, of->low);
    text_add(r->out, "..");
    plain_expression(r, of->high);
    for (size_t i = 0; i < of->names.count; i++) {
        text_add(r->out, ", %s = ", of->names.at[i].name);
        r->member = of->names.at[i].name;
        plain_expression(r, of->names.at[i].value);
        r->member = NULL;
    }
    text_add(r->out, " {\n");
    readback_declare(r, of);
    plain_block(r, &of->body, depth + 1);
    plain_indent(r, depth);
    text_add(r->out, "}\n");
    r->names.count = outer;
    readback_declare(r, of);
}

/* As deep as blocks nest. */
static void plain_block(readback *r, const statement_list *list, int depth) {
    static const char *const words[] = {"state", "param", "fixed"};
    for (size_t i = 0; i < list->count; i++) {
        const statement *of = &list->at[i];
        switch (of->kind) {
        case STATEMENT_STATE:
        case STATEMENT_PARAM:
        case STATEMENT_FIXED:
            plain_indent(r, depth);
            text_add(r->out, "%s ", words[of->kind]);
            plain_declarations(r, &of->names);
            text_add(r->out, "\n");
            readback_declare(r, of);
            break;
        case STATEMENT_EQUATION:
            plain_equation(r, of, depth);
            break;
        case STATEMENT_LOOP:
            plain_loop(r, of, depth);
            break;
        case STATEMENT_ADJOINT:
            plain_indent(r, depth);
            text_add(r->out, "%s %s = ", of->surrogate ? "surrogate" : "adjoint",
                     of->names.at[0].name);
            plain_expression(r, of->value);
            text_add(r->out, "\n");
            break;
        }
    }
}

void readback_plain(const syntax_cell *c, text *out) {
    readback r;
    const char *between = "";
    readback_open(&r, c, out);
    text_add(out, "cell %s(", c->name);
    for (size_t i = 0; i < c->header.count; i++, between = ", ") {
        text_add(out, "%s%s", between, c->header.at[i].name);
        plain_tail(&r, &c->header.at[i]);
    }
    for (size_t i = 0; i < c->dimensions.count; i++)
        if (c->dimensions.at[i].type) {
            text_add(out, "%s%s : size", between, c->dimensions.at[i].name);
            between = ", ";
        }
    text_add(out, ") -> ");
    for (size_t i = 0; i < c->results.count; i++)
        text_add(out, "%s%s", i ? ", " : "", c->results.at[i].name);
    text_add(out, " {\n");
    plain_block(&r, &c->body, 1);
    text_add(out, "}\n");
}
