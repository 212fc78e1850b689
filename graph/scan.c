/* Scanning. The text comes from anywhere, so no byte of it is trusted: it need not end with a zero,
 * may hold zeros, and what is quoted in a message is cut and cleaned. */
#include "graph/scan.h"

#include <stdarg.h>
#include <string.h>

#include "core/text.h"

void scan_init(scan *s, const char *source, size_t length, const char *file, arena *memory,
               error *problem) {
    *s = (scan){.at = source,
                .end = source + length,
                .line_start = source,
                .line = 1,
                .file = file,
                .memory = memory,
                .problem = problem};
}

scan_place scan_here(const scan *s) {
    return (scan_place){s->line, (int)(s->at - s->line_start) + 1};
}

bool scan_fail(scan *s, status code, scan_place place, const char *format, ...) {
    if (s->problem->code != STATUS_OK)
        return false;
    char message[LIMIT_MESSAGE];
    error plain = {0};
    va_list list;
    va_start(list, format);
    error_set_list(&plain, code, (site){0}, format, list);
    va_end(list);
    memcpy(message, plain.message, sizeof message);
    error_set(s->problem, code, (site){0}, "%s:%d:%d: %s", s->file, place.line, place.column,
              message);
    s->problem->where = (site){s->file, place.line};
    return false;
}

static bool scan_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool scan_is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool scan_expected(scan *s, const char *what) {
    const char *found;
    scan_place place = scan_here(s);
    if (scan_ends(s)) {
        found = "the end of the text";
    } else if (*s->at == '\n' || *s->at == '\r') {
        found = "the end of the line";
    } else if (*s->at < 0x21 || *s->at > 0x7e) {
        found = arena_print(s->memory, "a byte 0x%02x", (unsigned char)*s->at);
    } else {
        int count = 1;
        bool word = scan_is_letter(*s->at) || scan_is_digit(*s->at);
        while (word && count < 24 && s->at + count < s->end &&
               (scan_is_letter(s->at[count]) || scan_is_digit(s->at[count])))
            count++;
        found = arena_print(s->memory, "'%.*s'", count, s->at);
    }
    return scan_fail(s, STATUS_FORMAT, place, "expected %s, found %s", what, found);
}

bool scan_ends(const scan *s) {
    return s->at == s->end;
}

static void scan_blanks(scan *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
        s->at++;
}

bool scan_line_ends(scan *s) {
    scan_blanks(s);
    return scan_ends(s) || *s->at == '\n' || *s->at == '\r' || *s->at == '#';
}

bool scan_next_line(scan *s) {
    if (!scan_line_ends(s))
        return scan_expected(s, "the end of the line");
    while (s->at < s->end && *s->at != '\n')
        s->at++;
    if (scan_ends(s))
        return true;
    s->line_start = ++s->at;
    s->line++;
    return true;
}

bool scan_take(scan *s, char c) {
    scan_blanks(s);
    if (scan_ends(s) || *s->at != c)
        return false;
    s->at++;
    return true;
}

bool scan_need(scan *s, char c) {
    if (scan_take(s, c))
        return true;
    char what[] = {'\'', c, '\'', 0};
    return scan_expected(s, what);
}

bool scan_word(scan *s, char out[SCAN_WORD + 1], const char *what) {
    scan_blanks(s);
    if (scan_ends(s) || !scan_is_letter(*s->at))
        return scan_expected(s, what);
    scan_place place = scan_here(s);
    size_t count = 0;
    while (s->at < s->end && (scan_is_letter(*s->at) || scan_is_digit(*s->at))) {
        if (count == SCAN_WORD)
            return scan_fail(s, STATUS_FORMAT, place, "a word of more than %d characters",
                             (int)SCAN_WORD);
        out[count++] = *s->at++;
    }
    out[count] = 0;
    return true;
}

bool scan_integer(scan *s, int64_t low, int64_t high, int64_t *out, const char *what) {
    scan_blanks(s);
    scan_place place = scan_here(s);
    size_t used = text_read_i64(s->at, (size_t)(s->end - s->at), out);
    if (used == 0)
        return scan_expected(s, what);
    if (*out < low || *out > high)
        return scan_fail(s, STATUS_FORMAT, place, "expected %s in %lld to %lld, found %lld", what,
                         (long long)low, (long long)high, (long long)*out);
    s->at += used;
    return true;
}

bool scan_number(scan *s, double *out) {
    scan_blanks(s);
    size_t left = (size_t)(s->end - s->at);
    bool yes = left >= 4 && memcmp(s->at, "true", 4) == 0;
    bool no = left >= 5 && memcmp(s->at, "false", 5) == 0;
    size_t used = yes ? 4 : no ? 5 : text_read_f64(s->at, left, out);
    if (used == 0)
        return scan_expected(s, "a number");
    if (yes || no)
        *out = yes;
    s->at += used;
    return true;
}

static int scan_hexadecimal(char c) {
    const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* One character after a backslash. */
static bool scan_escape(scan *s, char *out) {
    if (scan_ends(s))
        return scan_expected(s, "an escape");
    char c = *s->at;
    if (c == '"' || c == '\\') {
        *out = c;
        s->at++;
        return true;
    }
    int high = -1, low = -1;
    if (c == 'x' && s->end - s->at >= 3) {
        high = scan_hexadecimal(s->at[1]);
        low = scan_hexadecimal(s->at[2]);
    }
    if (high < 0 || low < 0 || high + low == 0)
        return scan_expected(s, "one of \\\" \\\\ \\x01 to \\xff");
    *out = (char)(high * 16 + low);
    s->at += 3;
    return true;
}

bool scan_string(scan *s, const char **out, const char *what) {
    scan_blanks(s);
    if (scan_ends(s) || *s->at != '"')
        return scan_expected(s, what);
    scan_place place = scan_here(s);
    char bytes[SCAN_STRING];
    size_t count = 0;
    s->at++;
    for (;;) {
        if (scan_ends(s) || *s->at == '\n' || *s->at == '\r' || *s->at == 0)
            return scan_expected(s, "the string to end with '\"'");
        if (count == sizeof bytes)
            return scan_fail(s, STATUS_FORMAT, place, "a string of more than %d bytes",
                             (int)SCAN_STRING);
        char c = *s->at++;
        if (c == '"')
            break;
        if (c == '\\' && !scan_escape(s, &c))
            return false;
        bytes[count++] = c;
    }
    char *copy = arena_take(s->memory, count + 1);
    memcpy(copy, bytes, count);
    *out = copy;
    return true;
}
