/* A cell as a paper would print it.
 *
 * The language leaves time out and TeX needs it: h is h_{t-1}, h' is h_t, and every value that
 * depends on an input or a state has the index t, which takes one walk along the equations. The
 * sign of a product needs to know what is a number: ranks are followed as far as they are plain.
 * What a loop carries has the counter as an upper index. */
#include "frontends/lang/readback.h"

#include <stdlib.h>
#include <string.h>

static void tex_expression(readback *r, const syntax *e);

/* ---- what is known of values */

static bool tex_is(const syntax *e, const char *name) {
    return e->kind == SYNTAX_NAME && strcmp(e->text, name) == 0;
}

/* x[t], h[t - 3 else 0] */
static bool tex_is_tap(const syntax *e) {
    const syntax *at = e->kind == SYNTAX_INDEX && e->count == 2 ? e->parts[1] : NULL;
    bool moved = at && at->kind == SYNTAX_BINARY &&
                 (at->op == TOKEN_MINUS || at->op == TOKEN_PLUS) && tex_is(at->parts[0], "t");
    return at && (moved || tex_is(at, "t")) && e->parts[0]->kind == SYNTAX_NAME;
}

/* As deep as an expression may be. */
static bool tex_varies(const readback *r, const syntax *e) {
    if (e->kind == SYNTAX_NAME || e->kind == SYNTAX_NEW) {
        const readback_name *name = readback_resolve(r, e->text);
        return (name && name->varies) || strncmp(e->text, "random", 6) == 0;
    }
    bool varies = e->otherwise && tex_varies(r, e->otherwise);
    for (int i = 0; i < e->count; i++)
        varies = varies || (e->parts[i] && tex_varies(r, e->parts[i]));
    return varies;
}

/* Does anything in a loop's body? As deep as blocks nest. */
static bool tex_block_varies(readback *r, const statement_list *list) {
    bool varies = false;
    for (size_t i = 0; i < list->count && !varies; i++) {
        const statement *of = &list->at[i];
        for (size_t k = 0; of->value && k < of->names.count && !varies; k++) {
            r->member = of->names.at[k].name;
            varies = tex_varies(r, of->value);
            r->member = NULL;
        }
        varies = varies || tex_block_varies(r, &of->body);
    }
    return varies;
}

static bool tex_among(const char *name, const char *const *list) {
    while (*list && strcmp(name, *list) != 0)
        list++;
    return *list != NULL;
}

static int tex_rank(const readback *r, const syntax *e);

static int tex_rank_of_call(const readback *r, const syntax *e) {
    static const char *const alike[] = {
        "exp",  "log",     "sqrt", "abs",      "sign", "floor", "square", "expm1", "log1p",
        "tanh", "sigmoid", "relu", "softplus", "silu", "sin",   "cos",    "sinh",  "softmax",
        "re",   "im",      "conj", "stop",     "keep", "real",  "int",    NULL};
    static const char *const folds[] = {"sum", "mean", "max", "min", "lse", "argmax", NULL};
    const char *name = e->parts[0]->kind == SYNTAX_NAME ? e->parts[0]->text : "";
    if (e->count == 2 && tex_among(name, folds))
        return 0;
    if (e->count >= 2 && strcmp(name, "iota") == 0)
        return 1;
    if (e->count == 4 && strcmp(name, "where") == 0) {
        int a = tex_rank(r, e->parts[2]), b = tex_rank(r, e->parts[3]);
        return a < 0 || b < 0 ? -1 : a > b ? a : b;
    }
    return e->count >= 2 && tex_among(name, alike) ? tex_rank(r, e->parts[1]) : -1;
}

/* -1: not known. As deep as an expression may be. */
static int tex_rank(const readback *r, const syntax *e) {
    const readback_name *name = NULL;
    int a, b;
    switch (e->kind) {
    case SYNTAX_NUMBER:
        return 0;
    case SYNTAX_NAME:
    case SYNTAX_NEW:
        name = readback_resolve(r, e->text);
        return name ? name->rank : -1;
    case SYNTAX_UNARY:
    case SYNTAX_TRANSPOSE:
        return tex_rank(r, e->parts[0]);
    case SYNTAX_BINARY:
        a = tex_rank(r, e->parts[0]);
        b = tex_rank(r, e->parts[1]);
        if (a < 0 || b < 0)
            return -1;
        return e->op == TOKEN_MATMUL ? a + b - 2 : a > b ? a : b;
    case SYNTAX_INDEX:
        return tex_is_tap(e) ? tex_rank(r, e->parts[0]) : -1;
    case SYNTAX_CALL:
        return tex_rank_of_call(r, e);
    case SYNTAX_LIST:
        return 1;
    case SYNTAX_BAD:
    case SYNTAX_TEXT:
    case SYNTAX_RANGE:
        break;
    }
    return -1;
}

/* ---- names */

static const char *const tex_greek[] = {
    "alpha", "beta",  "gamma",   "delta", "epsilon", "zeta",   "eta",   "theta", "kappa",
    "mu",    "nu",    "xi",      "pi",    "rho",     "sigma",  "tau",   "phi",   "chi",
    "psi",   "omega", "upsilon", "Gamma", "Delta",   "Lambda", "Theta", "Xi",    "Pi",
    "Sigma", "Phi",   "Psi",     "Omega", "iota",    "lambda", NULL};

static void tex_word(readback *r, const char *word, size_t length) {
    const char *copy = arena_print(r->out->memory, "%.*s", (int)length, word);
    if (length == 1 || (unsigned char)word[0] >= 0x80)
        text_add(r->out, "%s", copy);
    else if (tex_among(copy, tex_greek))
        text_add(r->out, "\\%s", copy);
    else {
        text_add(r->out, "\\mathrm{");
        for (size_t i = 0; i < length; i++)
            text_add(r->out, copy[i] == '_' ? "\\_" : "%c", copy[i]);
        text_add(r->out, "}");
    }
}

/* A name with its indices: of its family, of digits at its end, of time; above, of a loop. */
static void tex_name(readback *r, const readback_name *of, const char *time, const char *upper) {
    const char *base = of->base ? of->base : of->name;
    size_t length = strlen(base), end = length;
    while (end > 1 && base[end - 1] >= '0' && base[end - 1] <= '9')
        end--;
    tex_word(r, base, end);
    bool digits = end < length, index = digits || of->member || time;
    if (!index && !upper)
        return;
    text_add(r->out, "%s%s", index ? "_{" : "", base + end);
    if (of->member) {
        text_add(r->out, "%s", digits ? "," : "");
        tex_word(r, of->member, strlen(of->member));
    }
    if (time)
        text_add(r->out, "%s%s", digits || of->member ? "," : "", time);
    text_add(r->out, "%s%s", index ? "}" : "", upper ? upper : "");
}

/* The upper index of what a loop carries: (l), (l-1); behind the loop (L). */
static const char *tex_upper(readback *r, const readback_name *of, bool next) {
    if (of->carried)
        return arena_print(r->out->memory, "^{(%s%s)}", of->carried, next ? "" : "-1");
    if (!of->last)
        return NULL;
    text inner;
    text *whole = r->out;
    text_init(&inner, whole->memory);
    r->out = &inner;
    tex_expression(r, of->last);
    r->out = whole;
    return arena_print(whole->memory, "^{(%s)}", inner.at);
}

static void tex_value(readback *r, const char *written, bool next) {
    const readback_name *of = readback_resolve(r, written);
    const readback_name plain = {.name = written};
    const char *result = r->cell->results.at[0].name;
    if (!of && written[0] == 'd' && strcmp(written + 1, result) == 0) { /* in an adjoint */
        const readback_name gradient = {.name = result};
        text_add(r->out, "\\bar{");
        tex_name(r, &gradient, NULL, NULL);
        text_add(r->out, "}_{t}");
        return;
    }
    readback_name made = of ? *of : plain;
    size_t length = strlen(written);
    if (strcmp(made.name, written) != 0) { /* chosen by its gate, though maybe of no family */
        made.base = written;
        made.member = made.name + length;
    }
    if (strcmp(made.name, "t") == 0)
        text_add(r->out, "t");
    else
        tex_name(r, &made,
                 !made.varies          ? NULL
                 : made.state && !next ? "t-1"
                                       : "t",
                 tex_upper(r, &made, next));
}

static void tex_tap(readback *r, const syntax *e) {
    const readback_name *of = readback_resolve(r, e->parts[0]->text);
    const readback_name plain = {.name = e->parts[0]->text};
    text inner;
    text *whole = r->out;
    text_init(&inner, whole->memory);
    r->out = &inner;
    const syntax *at = e->parts[1];
    text_add(&inner, "t");
    if (at->kind == SYNTAX_BINARY) {
        text_add(&inner, at->op == TOKEN_MINUS ? "-" : "+");
        tex_expression(r, at->parts[1]);
    }
    r->out = whole;
    tex_name(r, of ? of : &plain, inner.at, NULL);
}

/* ---- expressions */

static void tex_bracketed(readback *r, const syntax *e, bool brackets) {
    text_add(r->out, "%s", brackets ? "\\left(" : "");
    tex_expression(r, e);
    text_add(r->out, "%s", brackets ? "\\right)" : "");
}

static bool tex_is_fraction(const syntax *e) {
    return e->kind == SYNTAX_BINARY && e->op == TOKEN_OVER_SIGN;
}

static void tex_part(readback *r, const syntax *of, const syntax *part) {
    tex_bracketed(r, part, readback_brackets(of, part) && !tex_is_fraction(part));
}

static void tex_number(readback *r, const syntax *e) {
    int bytes;
    const char *written = readback_source(r, e->mark, &bytes);
    int digits = 0;
    while (digits < bytes && (written[digits] | 0x20) != 'e')
        digits++;
    if (digits == bytes) {
        text_add(r->out, "%.*s", bytes, written);
        return;
    }
    bool one = digits == 1 && written[0] == '1';
    text_add(r->out, one ? "10^{%.*s%.*s}" : "%.*s \\cdot 10^{%.*s}", one ? 0 : digits, written,
             bytes - digits - 1, written + digits + 1);
}

static void tex_binary(readback *r, const syntax *e) {
    static const char *const signs[TOKEN_COUNT] = {
        [TOKEN_OR] = " \\vee ",       [TOKEN_AND] = " \\wedge ", [TOKEN_EQUAL] = " = ",
        [TOKEN_UNEQUAL] = " \\neq ",  [TOKEN_LESS] = " < ",      [TOKEN_MORE] = " > ",
        [TOKEN_AT_MOST] = " \\leq ",  [TOKEN_PLUS] = " + ",      [TOKEN_MINUS] = " - ",
        [TOKEN_AT_LEAST] = " \\geq ", [TOKEN_MOD] = " \\bmod ",  [TOKEN_MATMUL] = "\\, "};
    const syntax *a = e->parts[0], *b = e->parts[1];
    if (e->op == TOKEN_OVER_SIGN) {
        text_add(r->out, "\\frac{");
        tex_expression(r, a);
        text_add(r->out, "}{");
        tex_expression(r, b);
        text_add(r->out, "}");
        return;
    }
    if (e->op == TOKEN_POWER) {
        tex_bracketed(r, a, readback_level(a) < 10);
        text_add(r->out, "^{");
        tex_expression(r, b);
        text_add(r->out, "}");
        return;
    }
    const char *sign = signs[e->op];
    if (e->op == TOKEN_TIMES) {
        bool scaled = tex_rank(r, a) == 0 || tex_rank(r, b) == 0;
        sign = b->kind == SYNTAX_NUMBER ? " \\cdot " : scaled ? "\\, " : " \\odot ";
    }
    tex_part(r, e, a);
    if (e->op == TOKEN_MATMUL && tex_rank(r, a) == 1)
        text_add(r->out, "^{\\top}");
    text_add(r->out, "%s", sign);
    tex_part(r, e, b);
}

static void tex_arguments(readback *r, const syntax *e) {
    text_add(r->out, "\\left(");
    for (int i = 1; i < e->count; i++) {
        const syntax *part = e->parts[i];
        text_add(r->out, "%s", i > 1 ? ", " : "");
        if (part->keyword) {
            tex_word(r, part->keyword, strlen(part->keyword));
            text_add(r->out, part->replaces ? " \\leftarrow " : " = ");
        }
        tex_expression(r, part);
    }
    text_add(r->out, "\\right)");
}

/* Functions that TeX writes in a way of their own; false for any other. */
static bool tex_special(readback *r, const char *name, const syntax *e) {
    static const struct {
        const char *name, *before, *after;
    } around[] = {{"sqrt", "\\sqrt{", "}"},
                  {"abs", "\\left|", "\\right|"},
                  {"floor", "\\left\\lfloor ", "\\right\\rfloor"},
                  {"conj", "\\overline{", "}"},
                  {"real", "\\left[", "\\right]"}};
    for (size_t i = 0; e->count == 2 && i < sizeof around / sizeof *around; i++)
        if (strcmp(name, around[i].name) == 0) {
            text_add(r->out, "%s", around[i].before);
            tex_expression(r, e->parts[1]);
            text_add(r->out, "%s", around[i].after);
            return true;
        }
    if (e->count == 2 && strcmp(name, "square") == 0) {
        tex_bracketed(r, e->parts[1], readback_level(e->parts[1]) < 10);
        text_add(r->out, "^{2}");
        return true;
    }
    if (e->count == 3 && strcmp(name, "outer") == 0) {
        tex_bracketed(r, e->parts[1], readback_level(e->parts[1]) < 10);
        text_add(r->out, "\\, ");
        tex_bracketed(r, e->parts[2], readback_level(e->parts[2]) < 10);
        text_add(r->out, "^{\\top}");
        return true;
    }
    if (e->count == 4 && strcmp(name, "where") == 0) {
        text_add(r->out, "\\begin{cases}");
        tex_expression(r, e->parts[2]);
        text_add(r->out, " & ");
        tex_expression(r, e->parts[1]);
        text_add(r->out, " \\\\ ");
        tex_expression(r, e->parts[3]);
        text_add(r->out, " & \\text{otherwise}\\end{cases}");
        return true;
    }
    return false;
}

static void tex_call(readback *r, const syntax *e) {
    static const char *const known[] = {"exp",  "log", "tanh", "sin", "cos",
                                        "sinh", "max", "min",  NULL};
    const syntax *callee = e->parts[0];
    const char *name = callee->kind == SYNTAX_NAME ? callee->text : "";
    if (tex_special(r, name, e))
        return;
    if (tex_among(name, known))
        text_add(r->out, "\\%s", name);
    else if (strcmp(name, "sigmoid") == 0)
        text_add(r->out, "\\sigma");
    else if (callee->kind == SYNTAX_NAME) {
        text_add(r->out, "\\operatorname{");
        for (; *name; name++)
            text_add(r->out, *name == '_' ? "\\_" : "%c", *name);
        text_add(r->out, "}");
    } else {
        tex_expression(r, callee);
    }
    tex_arguments(r, e);
}

static void tex_index(readback *r, const syntax *e) {
    if (tex_is_tap(e)) {
        tex_tap(r, e);
        return;
    }
    tex_bracketed(r, e->parts[0], readback_level(e->parts[0]) < 10);
    text_add(r->out, "\\left[");
    readback_places(r, e, tex_expression);
    text_add(r->out, "\\right]");
}

/* As deep as an expression may be. */
static void tex_expression(readback *r, const syntax *e) {
    switch (e->kind) {
    case SYNTAX_BAD:
    case SYNTAX_RANGE: /* only inside an index */
        break;
    case SYNTAX_NUMBER:
        tex_number(r, e);
        break;
    case SYNTAX_TEXT:
        text_add(r->out, "\\text{%s}", e->text);
        break;
    case SYNTAX_NAME:
    case SYNTAX_NEW:
        tex_value(r, e->text, e->kind == SYNTAX_NEW);
        break;
    case SYNTAX_UNARY:
        text_add(r->out, e->op == TOKEN_NOT ? "\\neg " : "-");
        tex_part(r, e, e->parts[0]);
        break;
    case SYNTAX_BINARY:
        tex_binary(r, e);
        break;
    case SYNTAX_CALL:
        tex_call(r, e);
        break;
    case SYNTAX_INDEX:
        tex_index(r, e);
        break;
    case SYNTAX_LIST:
        text_add(r->out, "\\left[");
        for (int i = 0; i < e->count; i++) {
            text_add(r->out, "%s", i ? ", " : "");
            tex_expression(r, e->parts[i]);
        }
        text_add(r->out, "\\right]^{\\top}");
        break;
    case SYNTAX_TRANSPOSE:
        tex_bracketed(r, e->parts[0], readback_level(e->parts[0]) < 10);
        text_add(r->out, "^{\\top}");
        break;
    }
}

/* ---- lines */

static void tex_block(readback *r, const statement_list *list);

static void tex_line(readback *r) {
    if (r->out->at[r->out->count - 1] != '\n')
        text_add(r->out, " \\\\\n");
}

/* Where a state begins, if that is not 0. */
static void tex_starts(readback *r, const statement *of) {
    for (size_t i = 0; of->kind == STATEMENT_STATE && i < of->names.count; i++) {
        const declared *d = &of->names.at[i];
        if (!d->value)
            continue;
        tex_line(r);
        const readback_name state = {.name = d->name};
        tex_name(r, &state, "0", NULL);
        text_add(r->out, " &= ");
        tex_expression(r, d->value);
    }
}

static void tex_define(readback *r, const declared *d, bool varies, int rank) {
    vec_push(r->out->memory, &r->names,
             ((readback_name){.name = d->name, .varies = varies, .rank = rank}));
}

static void tex_equation(readback *r, const statement *of) {
    size_t count = of->names.count, lines = of->together ? 1 : count;
    bool varies = false;
    int rank = -1;
    for (size_t i = 0; i < lines; i++) {
        const declared *d = &of->names.at[i];
        r->member = d->name;
        varies = tex_varies(r, of->value);
        rank = of->together ? -1 : tex_rank(r, of->value);
        r->member = NULL;
        tex_line(r);
        for (size_t k = i; k < (of->together ? count : i + 1); k++) {
            const readback_name *known = readback_find(r, of->names.at[k].name);
            const readback_name made = {.name = of->names.at[k].name, .varies = varies};
            text_add(r->out, "%s", k > i ? ", " : "");
            if (of->names.at[k].primed && known)
                tex_value(r, known->name, true);
            else
                tex_name(r, &made, varies ? "t" : NULL, NULL);
        }
        text_add(r->out, " &= ");
        r->member = d->name;
        tex_expression(r, of->value);
        r->member = NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (!of->names.at[i].primed)
            tex_define(r, &of->names.at[i], varies, rank);
}

static void tex_loop(readback *r, const statement *of) {
    size_t outer = r->names.count;
    VEC(readback_name) carried = {0};
    bool varies = tex_block_varies(r, &of->body);
    tex_line(r);
    text_add(r->out, "&\\text{for } %s = ", of->counter);
    tex_expression(r, of->low);
    text_add(r->out, ", \\ldots, ");
    tex_expression(r, of->high);
    for (size_t i = 0; i < of->names.count; i++) {
        const declared *d = &of->names.at[i];
        r->member = d->name;
        const readback_name made = {.name = d->name,
                                    .varies = varies || tex_varies(r, d->value),
                                    .rank = tex_rank(r, d->value),
                                    .carried = of->counter};
        text_add(r->out, ", \\ ");
        text before;
        text *whole = r->out;
        text_init(&before, whole->memory);
        r->out = &before;
        tex_expression(r, of->low);
        r->out = whole;
        bool one = strcmp(before.at, "1") == 0, zero = strcmp(before.at, "0") == 0;
        tex_name(r, &made, made.varies ? "t" : NULL,
                 one    ? "^{(0)}"
                 : zero ? "^{(-1)}"
                        : arena_print(whole->memory, "^{(%s-1)}", before.at));
        text_add(r->out, " = ");
        tex_expression(r, d->value);
        r->member = NULL;
        vec_push(r->out->memory, &carried, made);
    }
    text_add(r->out, ":");
    for (size_t i = 0; i < carried.count; i++)
        vec_push(r->out->memory, &r->names, carried.at[i]);
    vec_push(r->out->memory, &r->names, (readback_name){.name = of->counter});
    tex_block(r, &of->body);
    r->names.count = outer;
    for (size_t i = 0; i < carried.count; i++) {
        carried.at[i].carried = NULL;
        carried.at[i].last = of->high;
        vec_push(r->out->memory, &r->names, carried.at[i]);
    }
}

/* As deep as blocks nest. */
static void tex_block(readback *r, const statement_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const statement *of = &list->at[i];
        switch (of->kind) {
        case STATEMENT_STATE:
        case STATEMENT_PARAM:
        case STATEMENT_FIXED:
            tex_starts(r, of);
            readback_declare(r, of);
            break;
        case STATEMENT_EQUATION:
            tex_equation(r, of);
            break;
        case STATEMENT_LOOP:
            tex_loop(r, of);
            break;
        case STATEMENT_ADJOINT:
            tex_line(r);
            text_add(r->out, "\\bar{");
            tex_word(r, of->names.at[0].name, strlen(of->names.at[0].name));
            text_add(r->out, "}_{t} &= ");
            tex_expression(r, of->value);
            break;
        }
    }
}

void readback_tex(const syntax_cell *c, text *out) {
    readback r;
    readback_open(&r, c, out);
    text_add(out, "\\begin{aligned}\n");
    tex_block(&r, &c->body);
    text_add(out, "\n\\end{aligned}\n");
}
