/* Reading lines of text piece by piece, with line and column for messages. Every function that can
 * fail returns false after it has recorded what was expected; nothing is consumed past the text's
 * end. */
#ifndef EDDY_GRAPH_SCAN_H
#define EDDY_GRAPH_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/status.h"

typedef struct scan_place {
    int line, column; /* from 1; columns count bytes */
} scan_place;

typedef struct scan {
    const char *at, *end, *line_start;
    int line;
    const char *file;
    arena *memory;
    error *problem;
} scan;

enum { SCAN_WORD = 64, SCAN_STRING = 4096 }; /* longest word and string that are accepted, bytes */

void scan_init(scan *s, const char *source, size_t length, const char *file, arena *memory,
               error *problem);
/* The place of the next character. */
scan_place scan_here(const scan *s);
/* Records "file:line:column: message". Always false. */
bool scan_fail(scan *s, status code, scan_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Records "expected <what>, found <the next characters>" here. Always false. */
bool scan_expected(scan *s, const char *what);
/* Skips blanks; is the rest of the line empty or a comment (# ...)? Consumes nothing but blanks. */
bool scan_line_ends(scan *s);
/* Consumes the end of a line; a mistake if something else is left on it. */
bool scan_next_line(scan *s);
bool scan_ends(const scan *s);
/* Blanks, then this character: consumes it, or returns false without a mistake. */
bool scan_take(scan *s, char c);
/* The same, but its absence is a mistake. */
bool scan_need(scan *s, char c);
/* A word of letters, digits and _ that does not start with a digit; what: for the message. */
bool scan_word(scan *s, char out[SCAN_WORD + 1], const char *what);
/* A decimal integer in [low, high]. */
bool scan_integer(scan *s, int64_t low, int64_t high, int64_t *out, const char *what);
/* A number as text_add_f64 prints it, an integer, or true (1) and false (0). */
bool scan_number(scan *s, double *out);
/* "text" with the escapes \" \\ and \xHH; the result is in the arena. */
bool scan_string(scan *s, const char **out, const char *what);

#endif
