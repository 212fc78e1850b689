/* Mistakes in a text of the cell language: collected, each with its place, notes and help, and
 * printed with the lines that they are about. */
#ifndef EDDY_FRONTENDS_LANG_REPORT_H
#define EDDY_FRONTENDS_LANG_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"
#include "core/vec.h"

/* A text to be read. It must outlive all that is made of it. */
typedef struct source {
    const char *name; /* of the file, for messages */
    const char *at;
    uint32_t bytes;
} source;

typedef struct span {
    uint32_t at, bytes; /* offsets in a source */
} span;

/* From the start of a to the end of b. */
span span_join(span a, span b);

/* Lines and columns count from 1; a column is a character, not a byte. */
typedef struct source_place {
    int line, column;
    int columns; /* of the span, on its first line; at least 1 */
} source_place;
source_place source_find(const source *from, span where);

/* One row of codes.def each. */
typedef enum report_code {
#define CODE(name, number, title, about, example) REPORT_##name,
#include "frontends/lang/codes.def"
#undef CODE
    REPORT_CODE_COUNT
} report_code;

typedef struct report_note {
    const source *from;
    span where;
    const char *words;
} report_note;

typedef struct report_entry {
    report_code code;
    const source *from;
    span where;
    const char *words;
    const char *help; /* NULL: none */
    VEC(report_note) notes;
} report_entry;

/* A list of mistakes. What is past the limit is dropped, and the text says so. */
typedef struct report {
    arena *memory;
    VEC(report_entry) entries;
    report_entry spare; /* takes the notes of what is dropped */
    bool dropped;
} report;

enum { REPORT_LIMIT = 50 };

void report_init(report *r, arena *memory);
/* Adds a mistake, unless the same one was made at the same place. */
void report_add(report *r, report_code code, const source *from, span where, const char *format,
                ...) __attribute__((format(printf, 5, 6)));
/* To the mistake that was added last. */
void report_note_add(report *r, const source *from, span where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void report_help(report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One mistake, all of them. */
void report_print_entry(const report_entry *e, text *out);
void report_print(const report *r, text *out);

const char *report_number(report_code code); /* "E0201" */
typedef struct report_row {
    const char *number, *title, *about, *example;
} report_row;
report_row report_explain(report_code code);

#endif
