/* Names, mistakes, and how shapes are called.
 *
 * A cell is checked by building it once in a model that is thrown away. Its dimensions are then
 * stand-ins: each name is a large number that no other one, and no sum or small multiple of others,
 * can equal, so shapes agree there exactly if they agree for all sizes, and one set of rules - the
 * graph's own - serves the check and the real thing. For messages the numbers are turned back into
 * the words of the user.
 *
 * While checking, a mistake that the graph itself finds is taken out of the model and reported with
 * its place, so that the next equation can be looked at. In a user's model it stays where it is:
 * the first mistake sticks. */
#include "frontends/lang/lower.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

operand lower_bad(void) {
    return (operand){.kind = OPERAND_BAD};
}

operand lower_number(double number) {
    return (operand){.kind = OPERAND_NUMBER, .number = number};
}

operand lower_value(eddy_value value) {
    return (operand){.kind = value ? OPERAND_VALUE : OPERAND_BAD, .value = value};
}

operand lower_wrong(scope *s, report_code code, span where, const char *format, ...) {
    char words[LIMIT_MESSAGE];
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    report_add(s->l->mistakes, code, s->cell->from, where, "%s", words);
    return lower_bad();
}

/* "file:line: words" without its place. */
const char *lower_graph_words(const eddy_model *m) {
    const char *words = m->problem.message;
    if (!m->problem.where.file)
        return words;
    size_t file = strlen(m->problem.where.file);
    if (strncmp(words, m->problem.where.file, file) != 0)
        return words;
    const char *behind = strstr(words + file, ": ");
    return behind ? behind + 2 : words;
}

operand lower_guard(scope *s, span where, operand made) {
    lower *l = s->l;
    if (eddy_model_status(l->m) == EDDY_OK)
        return made;
    if (l->checking && eddy_model_status(l->m) != EDDY_OUT_OF_MEMORY) {
        lower_wrong(s, REPORT_refused, where, "%s", lower_graph_words(l->m));
        error_clear(&l->m->problem);
    }
    return lower_bad();
}

/* ---- names */

symbol *lower_find(scope *s, const char *name) {
    for (size_t i = s->symbols.count; i-- > 0;)
        if (strcmp(s->symbols.at[i].name, name) == 0)
            return &s->symbols.at[i];
    return NULL;
}

static bool lower_word_part(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* A member Wi of a family is hidden by its family's braces, which are read as W and i. */
bool lower_is_hidden(const scope *s, const char *name) {
    const char *at = s->cell->from->at;
    size_t bytes = strlen(name);
    for (size_t i = 0; i < s->cell->broken.count; i++) {
        span line = s->cell->broken.at[i];
        for (uint32_t from = line.at, end = line.at + line.bytes; from < end; from++) {
            uint32_t to = from;
            while (to < end && lower_word_part(at[to]))
                to++;
            bool family = to < end && at[to] == '{' && to > from && to - from < bytes;
            if ((to - from == bytes || family) && memcmp(at + from, name, to - from) == 0)
                return true;
            from = to;
        }
    }
    return false;
}

symbol *lower_push(scope *s, symbol made) {
    if (s->symbols.count >= LOWER_SYMBOLS) {
        lower_wrong(s, REPORT_too_long, made.where, "this cell has more than %d names",
                    (int)LOWER_SYMBOLS);
        return NULL;
    }
    vec_push(s->l->memory, &s->symbols, made);
    return &vec_last(&s->symbols);
}

/* Damerau 1964: letters that are changed, added, lost, or swapped with the next; in short words. */
bool lower_is_near(const char *a, const char *b) {
    enum { SHORT = 32 };
    size_t m = strlen(a), n = strlen(b);
    int rows[3][SHORT + 1] = {{0}};
    if (m < 2 || n < 2 || m > SHORT || n > SHORT)
        return false;
    for (size_t k = 0; k <= n; k++)
        rows[0][k] = (int)k;
    for (size_t i = 1; i <= m; i++) {
        int *row = rows[i % 3];
        const int *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t k = 1; k <= n; k++) {
            int x = a[i - 1] | 0x20, y = b[k - 1] | 0x20, least = last[k - 1] + (x != y);
            if (last[k] + 1 < least)
                least = last[k] + 1;
            if (row[k - 1] + 1 < least)
                least = row[k - 1] + 1;
            if (i > 1 && k > 1 && x == (b[k - 2] | 0x20) && y == (a[i - 2] | 0x20) &&
                before[k - 2] + 1 < least)
                least = before[k - 2] + 1;
            row[k] = least;
        }
    }
    return rows[m % 3][n] <= (m < 4 ? 0 : m < 5 ? 1 : 2);
}

const char *lower_name_near(scope *s, const char *name) {
    for (size_t i = s->symbols.count; i-- > 0;)
        if (s->symbols.at[i].name[0] != '.' && lower_is_near(name, s->symbols.at[i].name))
            return s->symbols.at[i].name;
    return NULL;
}

bool lower_is_free(scope *s, const char *name, span where) {
    if (lower_is_function(name)) {
        lower_wrong(s, REPORT_reserved, where, "`%s` is a function of the language", name);
        report_help(s->l->mistakes, "choose another name");
        return false;
    }
    symbol *there = lower_find(s, name);
    if (!there || strcmp(name, "pi") == 0)
        return true;
    if (there->where.bytes == 0) {
        lower_wrong(s, REPORT_reserved, where, "`%s` has a meaning of its own in every cell", name);
        report_help(s->l->mistakes, "choose another name");
        return false;
    }
    if (there->kind == SYMBOL_STATE || there->kind == SYMBOL_CARRIED) {
        lower_wrong(s, REPORT_needs_prime, where, "`%s` is %s; what it becomes is written %s'",
                    name, there->kind == SYMBOL_STATE ? "a state" : "carried by the loop", name);
        report_note_add(s->l->mistakes, s->cell->from, there->where, "it is declared here");
        report_help(s->l->mistakes, "write %s' = ...", name);
        there->ready = true; /* so that it is not reported as missing */
        return false;
    }
    lower_wrong(s, REPORT_twice, where, "`%s` is defined twice", name);
    report_note_add(s->l->mistakes, s->cell->from, there->where, "it is defined here first");
    return false;
}

void lower_define(scope *s, const char *name, span where, operand value) {
    if (lower_is_free(s, name, where))
        lower_push(s, (symbol){.name = name, .where = where, .now = value});
}

/* ---- shapes in words */

void lower_size_note(lower *l, int64_t number, const char *words) {
    if (!l->checking || l->depth > 1 || number < 1000) /* the words of the cell that is checked */
        return;
    for (size_t i = 0; i < l->sizes.count; i++)
        if (l->sizes.at[i].number == number)
            return;
    vec_push(l->memory, &l->sizes, (lower_size){number, words});
}

const char *lower_size_text(lower *l, int64_t number) {
    for (size_t i = 0; i < l->sizes.count; i++)
        if (l->sizes.at[i].number == number)
            return l->sizes.at[i].text;
    for (size_t i = 0; i < l->sizes.count; i++)
        if (number % l->sizes.at[i].number == 0 && number / l->sizes.at[i].number < 1000)
            return arena_print(l->memory, "%lld*%s", (long long)(number / l->sizes.at[i].number),
                               l->sizes.at[i].text);
    return arena_print(l->memory, "%lld", (long long)number);
}

const char *lower_describe(lower *l, operand x) {
    if (x.kind != OPERAND_VALUE)
        return x.kind == OPERAND_AXIS ? "an axis" : x.kind == OPERAND_TEXT ? "a text" : "a number";
    static const char *const types[] = {"", "", "int ", "bool "};
    static const char *const scalars[] = {"a number", "a number", "an int", "a bool"};
    int rank = eddy_value_rank(x.value);
    if (rank == 0)
        return x.imaginary ? "a complex number" : scalars[eddy_value_dtype(x.value)];
    text out;
    text_init(&out, l->memory);
    text_add(&out, "%s", x.imaginary ? "complex " : types[eddy_value_dtype(x.value)]);
    for (int i = 0; i < rank; i++) {
        int64_t n = eddy_value_dimension(x.value, i);
        text_add(&out, "%s%s", i ? ", " : "[", n < 0 ? "steps" : lower_size_text(l, n));
    }
    text_add(&out, "]");
    return out.at;
}

/* The name that an expression's shape comes from. */
static const syntax *lower_lead(const syntax *e) {
    while (e->count > 0 && e->kind != SYNTAX_CALL)
        e = e->kind == SYNTAX_LIST ? NULL : e->parts[0];
    return e;
}

void lower_origin(scope *s, const syntax *e, operand x) {
    if (x.kind != OPERAND_VALUE || e->kind == SYNTAX_LIST)
        return;
    const syntax *lead = e->kind == SYNTAX_CALL ? NULL : lower_lead(e);
    const symbol *from =
        lead && lead->text && lead->kind != SYNTAX_CALL ? lower_find(s, lead->text) : NULL;
    const source *of = s->cell->from;
    int bytes = (int)(e->where.bytes < 60 ? e->where.bytes : 60);
    if (from && from->where.bytes > 0)
        report_note_add(s->l->mistakes, of, from->where, "`%.*s` is %s: `%s` comes from here",
                        bytes, of->at + e->where.at, lower_describe(s->l, x), from->name);
    else
        report_note_add(s->l->mistakes, of, e->where, "`%.*s` is %s", bytes, of->at + e->where.at,
                        lower_describe(s->l, x));
}
