/* Statuses and the sticky first error.
 *
 * A user's mistake is a value, never an exit: the first one is kept with its message and the place
 * in the user's source, later ones are ignored, so a builder may chain calls and ask once. */
#ifndef EDDY_CORE_STATUS_H
#define EDDY_CORE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>

#include "core/limits.h"

/* The values are part of the ABI: eddy_status in frontends/eddy.h repeats them and capi.c checks
 * that they agree. */
typedef enum status {
    STATUS_OK = 0,
    STATUS_OUT_OF_MEMORY = 1,
    STATUS_SHAPE = 2, /* shapes, dtypes or domains do not fit */
    STATUS_ILLEGAL =
        3, /* a program that no loop order can compute, or a state that was never bound */
    STATUS_ARGUMENT = 4,    /* a bad argument: unknown name, null, out of range */
    STATUS_MISSING = 5,     /* an input or parameter that was not given */
    STATUS_SIZE = 6,        /* a wrong or overflowing size */
    STATUS_IO = 7,          /* the operating system refused a file operation */
    STATUS_FORMAT = 8,      /* a file or text that is not what it should be */
    STATUS_UNSUPPORTED = 9, /* this machine or build cannot do it */
    STATUS_COUNT
} status;

/* Where the user wrote it; file may be NULL (unknown). */
typedef struct site {
    const char *file;
    int line;
} site;

typedef struct error {
    status code; /* STATUS_OK: no error yet */
    site where;
    char message[LIMIT_MESSAGE]; /* "file:line: what, both shapes, what to do"; always terminated */
} error;

/* Records the first error; later calls change nothing. Cuts messages that are too long. Returns
 * code of the kept error. The message starts with "file:line: " when `where` is known. */
status error_set(error *e, status code, site where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
status error_set_list(error *e, status code, site where, const char *format, va_list list)
    __attribute__((format(printf, 4, 0)));
void error_clear(error *e);
/* "out of memory", "shape", ...: one short phrase for a status. */
const char *status_name(status code);

#endif
