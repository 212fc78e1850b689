/* Characters to tokens.
 *
 * A statement ends with its line, which is what keeps one mistake from spreading: wherever the
 * parser is lost, the next line is a fresh start. So brackets do not hide the end of a line, as
 * they do elsewhere - one forgotten bracket would swallow the file. A line goes on where it cannot
 * be at its end: after an operator, a comma or an opening bracket, or when the next line begins
 * with an operator or a closing bracket. No statement begins with those.
 *
 * The text comes from strangers: any byte may stand anywhere. Bytes that are not UTF-8, NUL among
 * them, are reported once for a run of them and skipped. Names may be Latin or Greek, as in papers;
 * letters that look alike, or cannot be seen, are not for names. */
#include <string.h>

#include "core/limits.h"
#include "frontends/lang/syntax.h"

static const char *const lexer_words[TOKEN_COUNT] = {
#define TOKEN(name, words) [TOKEN_##name] = (words),
#include "frontends/lang/tokens.def"
#undef TOKEN
};

const char *token_words(token_kind kind) {
    return lexer_words[kind];
}

typedef struct lexer {
    const source *from;
    uint32_t at;
    int line;
    intern *names;
    report *mistakes;
    token_list *out;
} lexer;

static bool lexer_digit(int c) {
    return c >= '0' && c <= '9';
}

static bool lexer_letter(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int lexer_byte(const lexer *x, uint32_t ahead) {
    return x->at + ahead < x->from->bytes ? (unsigned char)x->from->at[x->at + ahead] : -1;
}

/* The bytes of the character here, 0 if it is NUL or not UTF-8; its code point. */
static uint32_t lexer_character(const lexer *x, uint32_t *point) {
    if (lexer_byte(x, 0) <= 0)
        return 0;
    return (uint32_t)text_read_character(x->from->at + x->at, x->from->bytes - x->at, point);
}

/* The bytes of a character that names are made of; digits only if it is not the first. */
static uint32_t lexer_name_part(const lexer *x, bool first) {
    int c = lexer_byte(x, 0);
    if (lexer_letter(c) || (lexer_digit(c) && !first))
        return 1;
    uint32_t point = 0, bytes = c >= 0x80 ? lexer_character(x, &point) : 0;
    return bytes == 2 && point >= 0x391 && point <= 0x3c9 ? bytes : 0;
}

static void lexer_push(lexer *x, token_kind kind, uint32_t start) {
    token made = {.kind = kind, .where = {start, x->at - start}, .line = x->line};
    if (kind == TOKEN_NAME)
        made.text = intern_bytes(x->names, x->from->at + start, x->at - start);
    else if (kind == TOKEN_TEXT)
        made.text = intern_bytes(x->names, x->from->at + start + 1, x->at - start - 2);
    vec_push(x->mistakes->memory, x->out, made);
}

/* A word between backquotes in the table of tokens is a keyword or a sign. */
static bool lexer_is(token_kind kind, const char *at, size_t bytes) {
    const char *words = token_words(kind);
    return words[0] == '`' && strlen(words) == bytes + 2 && memcmp(words + 1, at, bytes) == 0;
}

static void lexer_name(lexer *x) {
    uint32_t start = x->at, bytes;
    while ((bytes = lexer_name_part(x, x->at == start)) > 0)
        x->at += bytes;
    token_kind kind = TOKEN_NAME;
    for (int k = TOKEN_CELL; k <= TOKEN_MOD; k++)
        if (lexer_is((token_kind)k, x->from->at + start, x->at - start))
            kind = (token_kind)k;
    if (kind == TOKEN_NAME && x->at - start > LIMIT_NAME / 2) {
        report_add(x->mistakes, REPORT_bad_name, x->from, (span){start, x->at - start},
                   "this name has %u bytes; a name has at most %d", x->at - start, LIMIT_NAME / 2);
        kind = TOKEN_BAD;
    }
    lexer_push(x, kind, start);
}

/* Digits, a point and digits, an exponent. `1..3` is a range, so a point needs a digit behind. */
static void lexer_number(lexer *x) {
    uint32_t start = x->at;
    while (lexer_digit(lexer_byte(x, 0)))
        x->at++;
    if (lexer_byte(x, 0) == '.' && lexer_digit(lexer_byte(x, 1)))
        for (x->at++; lexer_digit(lexer_byte(x, 0)); x->at++)
            ;
    int sign = lexer_byte(x, 1) == '+' || lexer_byte(x, 1) == '-';
    if ((lexer_byte(x, 0) | 0x20) == 'e' && lexer_digit(lexer_byte(x, 1 + (uint32_t)sign)))
        for (x->at += 1 + (uint32_t)sign; lexer_digit(lexer_byte(x, 0)); x->at++)
            ;
    uint32_t end = x->at;
    while (lexer_name_part(x, false))
        x->at += lexer_name_part(x, false);
    double number = 0;
    if (x->at > end || text_read_f64(x->from->at + start, end - start, &number) != end - start ||
        number > 1e300) {
        report_add(x->mistakes, REPORT_bad_number, x->from, (span){start, x->at - start},
                   x->at > end ? "a number ends before its letters" : "this number is too large");
        if (x->at > end)
            report_help(x->mistakes, "a product needs its sign: %.*s * %.*s",
                        (int)(end - start < 40 ? end - start : 40), x->from->at + start,
                        (int)(x->at - end < 40 ? x->at - end : 40), x->from->at + end);
    }
    lexer_push(x, TOKEN_NUMBER, start);
    vec_last(x->out).number = number;
}

static void lexer_string(lexer *x) {
    uint32_t start = x->at++;
    while (lexer_byte(x, 0) >= ' ' && lexer_byte(x, 0) != '"')
        x->at++;
    if (lexer_byte(x, 0) != '"') {
        report_add(x->mistakes, REPORT_open_string, x->from, (span){start, x->at - start},
                   "this string does not end on its line");
        lexer_push(x, TOKEN_BAD, start);
        return;
    }
    x->at++;
    lexer_push(x, TOKEN_TEXT, start);
}

/* A point that is not part of a number: np.tanh, W.T, .5, 1. */
static void lexer_help_point(lexer *x, uint32_t start) {
    uint32_t name = x->at, end = name, bytes;
    lexer ahead = {.from = x->from, .at = name};
    while ((bytes = lexer_name_part(&ahead, ahead.at == name)) > 0)
        end = ahead.at += bytes;
    bytes = end - name;
    if (lexer_digit(lexer_byte(x, 0)) || (start > 0 && lexer_digit(x->from->at[start - 1])))
        report_help(x->mistakes, "a point stands between digits: 0.5, 1.0");
    else if (bytes == 1 && x->from->at[name] == 'T')
        report_help(x->mistakes, "the transpose of A is A^T");
    else if (bytes > 0 && bytes < 40)
        report_help(x->mistakes, "names have no parts: write %.*s", (int)bytes, x->from->at + name);
}

/* All that can be neither part of a word nor a sign, as one mistake. */
static void lexer_complain(lexer *x) {
    uint32_t start = x->at, point = 0, bytes = lexer_character(x, &point);
    if (bytes == 0) {
        while (x->at < x->from->bytes && lexer_character(x, &point) == 0)
            x->at++;
        report_add(x->mistakes, REPORT_bad_text, x->from, (span){start, x->at - start},
                   lexer_byte(&(lexer){.from = x->from, .at = start}, 0) == 0
                       ? "a NUL byte: this is not a text"
                       : "these bytes are not UTF-8");
        return;
    }
    x->at += bytes;
    if (bytes == 1 && lexer_byte(x, 0) == (int)point) /* && */
        x->at++;
    bytes = x->at - start;
    report_add(x->mistakes, REPORT_bad_character, x->from, (span){start, bytes},
               "`%.*s` has no meaning here", (int)bytes, x->from->at + start);
    if (point == 0xb7 || point == 0x2299 || point == 0xd7)
        report_help(x->mistakes, "`*` multiplies element by element, `@` is the matrix product");
    else if (point == '&' || point == '|' || point == '!')
        report_help(x->mistakes, "logic is written `and`, `or`, `not`");
    else if (point == '%')
        report_help(x->mistakes, "the remainder is `x mod y`");
    else if (point == ';')
        report_help(x->mistakes, "a statement ends with its line, without a sign");
    else if (point == '.')
        lexer_help_point(x, start);
}

static void lexer_strange(lexer *x) {
    uint32_t start = x->at;
    lexer_complain(x);
    lexer_push(x, TOKEN_BAD, start);
}

static void lexer_sign(lexer *x) {
    for (int k = TOKEN_ARROW; k < TOKEN_COUNT; k++) {
        uint32_t bytes = (uint32_t)strlen(token_words((token_kind)k)) - 2;
        if (bytes <= x->from->bytes - x->at &&
            lexer_is((token_kind)k, x->from->at + x->at, bytes)) {
            x->at += bytes;
            lexer_push(x, (token_kind)k, x->at - bytes);
            return;
        }
    }
    lexer_strange(x);
}

/* May a line end before, after this token? */
static bool lexer_goes_on_before(token_kind k) {
    return (k >= TOKEN_AND && k <= TOKEN_MOD && k != TOKEN_NOT) || k == TOKEN_ELSE ||
           (k >= TOKEN_ARROW && k <= TOKEN_COLON && k != TOKEN_PRIME) || k == TOKEN_CLOSE ||
           k == TOKEN_CLOSE_SHAPE;
}

static bool lexer_goes_on_after(token_kind k) {
    return (k >= TOKEN_AND && k <= TOKEN_MOD) || k == TOKEN_ELSE ||
           (k >= TOKEN_ARROW && k <= TOKEN_OPEN_SHAPE && k != TOKEN_PRIME && k != TOKEN_CLOSE);
}

/* name = and name' = begin a line of their own, whatever the line before was left with. */
static bool lexer_begins(const token_list *list, size_t i) {
    if (i + 2 >= list->count || list->at[i].kind != TOKEN_NAME)
        return false;
    i += list->at[i + 1].kind == TOKEN_PRIME ? 2 : 1;
    return i < list->count && list->at[i].kind == TOKEN_ASSIGN;
}

/* Drops the ends of lines that go on, and all but one of several. */
static void lexer_lines(token_list *list) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        token one = list->at[i];
        token_kind before = kept > 0 ? list->at[kept - 1].kind : TOKEN_NEWLINE;
        bool open = before == TOKEN_COMMA || before == TOKEN_OPEN;
        if (one.kind == TOKEN_NEWLINE &&
            (before == TOKEN_NEWLINE ||
             (lexer_goes_on_after(before) && (open || !lexer_begins(list, i + 1)))))
            continue;
        if (kept > 0 && list->at[kept - 1].kind == TOKEN_NEWLINE && lexer_goes_on_before(one.kind))
            kept--;
        list->at[kept++] = one;
    }
    list->count = kept;
}

void lexer_read(const source *from, intern *names, report *mistakes, token_list *out) {
    lexer x = {.from = from, .line = 1, .names = names, .mistakes = mistakes, .out = out};
    if (from->bytes >= 3 && memcmp(from->at, "\xef\xbb\xbf", 3) == 0)
        x.at = 3;
    while (x.at < from->bytes) {
        int c = lexer_byte(&x, 0);
        if (c == '\n') {
            x.at++;
            lexer_push(&x, TOKEN_NEWLINE, x.at - 1);
            x.line++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            x.at++;
        } else if (c == '#') {
            uint32_t point, bytes;
            while (x.at < from->bytes && lexer_byte(&x, 0) != '\n')
                if ((bytes = lexer_character(&x, &point)) > 0)
                    x.at += bytes;
                else
                    lexer_complain(&x);
        } else if (lexer_name_part(&x, true)) {
            lexer_name(&x);
        } else if (lexer_digit(c)) {
            lexer_number(&x);
        } else if (c == '"') {
            lexer_string(&x);
        } else {
            lexer_sign(&x);
        }
    }
    lexer_push(&x, TOKEN_NEWLINE, x.at);
    lexer_push(&x, TOKEN_END, x.at);
    lexer_lines(out);
}
