/* Programs outside of this process, for tests that build some: a folder for them, what they print,
 * and what an object file says of itself. Whatever fails ends the test. */
#ifndef EDDY_TESTS_SUPPORT_OUTSIDE_H
#define EDDY_TESTS_SUPPORT_OUTSIDE_H

#include <stddef.h>

#include "core/arena.h"

typedef struct outside_bytes {
    char *at; /* a 0 is behind them; for free() */
    size_t count;
} outside_bytes;

extern char outside_folder[];

/* Makes the folder, under a name with this word in it; removes it with all that it holds. */
void outside_begin(const char *word);
void outside_end(void);
/* What is in between, with memory of its own; returns what main returns. */
int outside_main(const char *word, void (*check)(arena *memory));
/* Prints a line on stderr and ends the process; the folder stays. */
_Noreturn void outside_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void outside_add(outside_bytes *to, const void *from, size_t count);
/* What a command prints; it must succeed. */
outside_bytes outside_printed(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A file of the folder. */
outside_bytes outside_read(const char *name);
void outside_write(const char *name, const void *from, size_t count);
/* The contract of the folder's <prefix>.o: it imports memset, memcpy and memmove at most, all that
 * it gives begins with the prefix, and nothing of it can be written to. */
void outside_check_object(const char *prefix);

#endif
