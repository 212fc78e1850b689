/* A growing text in an arena, and numbers as text that read back to the same bits whatever the
 * locale. */
#ifndef EDDY_CORE_TEXT_H
#define EDDY_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"

typedef struct text {
    arena *memory;
    char *at; /* always terminated once something was added; "" before */
    size_t count, capacity;
} text;

void text_init(text *t, arena *memory);
void text_add(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(text *t, const char *bytes, size_t count);
/* Shortest decimal that reads back to the same bits ("1.0", "0.1", "-inf", "nan", "1e-30"); always
 * has '.', 'e', or letters so that it is not mistaken for an integer. f32: shortest for float.
 * Never asks the locale. */
void text_add_f64(text *t, double value);
void text_add_f32(text *t, float value);
/* Reads a number as printed above from at[0 .. count); returns the bytes used, 0 if there is none.
 * Correctly rounded. */
size_t text_read_f64(const char *at, size_t count, double *out);
size_t text_read_i64(const char *at, size_t count, int64_t *out);
/* The Unicode scalar value that at[0 .. count) begins with in UTF-8; returns its bytes, 0 if there
 * is none. */
size_t text_read_character(const char *at, size_t count, uint32_t *out);

#endif
