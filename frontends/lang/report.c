/* What a user reads when a text is wrong.
 *
 *   cell.eddy:7:17: error: `+` cannot join [H] and [D] [E0301]
 *       7 |     h' = tanh(W@x + x)
 *         |               ~~~~^~~
 *   cell.eddy:2:12: note: `x` got its shape here
 *       ...
 *     help: multiply it by a matrix first
 *
 * The first line is as compilers write theirs, so that editors find the place. Columns count
 * characters, carets stand below them, and a tab counts as one and is printed as a blank. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "frontends/lang/report.h"

static const report_row report_rows[REPORT_CODE_COUNT] = {
#define CODE(name, number, title, about, example) {number, title, about, example},
#include "frontends/lang/codes.def"
#undef CODE
};

span span_join(span a, span b) {
    uint32_t end = b.at + b.bytes;
    return (span){a.at, end > a.at ? end - a.at : a.bytes};
}

/* ---- places */

static bool source_begins(const source *from, uint32_t at) {
    return ((unsigned char)from->at[at] & 0xc0) != 0x80;
}

/* Where the line of this offset begins, ends. */
static span source_line(const source *from, uint32_t at) {
    uint32_t start = at, end = at;
    while (start > 0 && from->at[start - 1] != '\n')
        start--;
    while (end < from->bytes && from->at[end] != '\n')
        end++;
    return (span){start, end - start};
}

source_place source_find(const source *from, span where) {
    source_place place = {1, 1, 0};
    uint32_t at = where.at < from->bytes ? where.at : from->bytes;
    span line = source_line(from, at);
    for (uint32_t i = 0; i < line.at; i++)
        place.line += from->at[i] == '\n';
    for (uint32_t i = line.at; i < at; i++)
        place.column += source_begins(from, i);
    for (uint32_t i = at; i < line.at + line.bytes && i < at + where.bytes; i++)
        place.columns += source_begins(from, i);
    if (place.columns == 0)
        place.columns = 1;
    return place;
}

/* ---- the list */

void report_init(report *r, arena *memory) {
    *r = (report){.memory = memory};
}

__attribute__((format(printf, 2, 0))) static const char *report_words(report *r, const char *format,
                                                                      va_list list) {
    char words[LIMIT_MESSAGE];
    vsnprintf(words, sizeof words, format, list);
    return arena_copy_text(r->memory, words);
}

static report_entry *report_last(report *r) {
    return r->dropped ? &r->spare : &vec_last(&r->entries);
}

void report_add(report *r, report_code code, const source *from, span where, const char *format,
                ...) {
    r->dropped = r->entries.count >= REPORT_LIMIT;
    for (size_t i = 0; i < r->entries.count; i++) {
        const report_entry *e = &r->entries.at[i];
        if (e->code == code && e->from == from && e->where.at == where.at)
            r->dropped = true;
    }
    r->spare = (report_entry){0};
    if (r->dropped)
        return;
    va_list list;
    va_start(list, format);
    report_entry made = {.code = code, .from = from, .where = where};
    made.words = report_words(r, format, list);
    va_end(list);
    vec_push(r->memory, &r->entries, made);
}

void report_note_add(report *r, const source *from, span where, const char *format, ...) {
    va_list list;
    va_start(list, format);
    report_note made = {from, where, report_words(r, format, list)};
    va_end(list);
    vec_push(r->memory, &report_last(r)->notes, made);
}

void report_help(report *r, const char *format, ...) {
    va_list list;
    va_start(list, format);
    report_last(r)->help = report_words(r, format, list);
    va_end(list);
}

/* ---- printing */

/* A line of the source and a caret under the place. What is not printed is a blank. */
static void report_line(const source *from, span where, text *out) {
    enum { WIDE = 160 };
    source_place place = source_find(from, where);
    span line = source_line(from, where.at < from->bytes ? where.at : from->bytes);
    text_add(out, "%5d | ", place.line);
    uint32_t bytes = line.bytes < WIDE ? line.bytes : WIDE;
    while (bytes > 0 && bytes < line.bytes && !source_begins(from, line.at + bytes))
        bytes--;
    for (uint32_t i = 0; i < bytes; i++) {
        char c = from->at[line.at + i];
        bool seen = (unsigned char)c >= ' ' && c != 0x7f;
        text_add_bytes(out, seen ? &c : " ", 1);
    }
    text_add(out, "\n");
    if (place.column >= WIDE)
        return;
    text_add(out, "      | %*s^", place.column - 1, "");
    for (int i = 1; i < place.columns && i + place.column < WIDE; i++)
        text_add(out, "~");
    text_add(out, "\n");
}

static void report_head(const source *from, span where, const char *kind, const char *words,
                        text *out) {
    source_place place = source_find(from, where);
    text_add(out, "%s:%d:%d: %s: %s", from->name, place.line, place.column, kind, words);
}

void report_print_entry(const report_entry *e, text *out) {
    report_head(e->from, e->where, "error", e->words, out);
    text_add(out, " [%s]\n", report_number(e->code));
    report_line(e->from, e->where, out);
    for (size_t i = 0; i < e->notes.count; i++) {
        const report_note *n = &e->notes.at[i];
        report_head(n->from, n->where, "note", n->words, out);
        text_add(out, "\n");
        report_line(n->from, n->where, out);
    }
    if (e->help)
        text_add(out, "  help: %s\n", e->help);
}

void report_print(const report *r, text *out) {
    for (size_t i = 0; i < r->entries.count; i++)
        report_print_entry(&r->entries.at[i], out);
    if (r->entries.count == REPORT_LIMIT)
        text_add(out, "only the first %d mistakes are shown\n", (int)REPORT_LIMIT);
}

/* ---- codes */

const char *report_number(report_code code) {
    return report_rows[code].number;
}

report_row report_explain(report_code code) {
    return report_rows[code];
}
