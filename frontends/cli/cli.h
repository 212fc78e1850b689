/* The `eddy` command: what its files share.
 *
 * The command is a user of the library that may do what the library may not: it prints, exits and
 * handles signals. Memory of one use of it is one arena, and whatever is wrong ends it with a
 * message and a status. */
#ifndef EDDY_FRONTENDS_CLI_CLI_H
#define EDDY_FRONTENDS_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"
#include "core/vec.h"
#include "frontends/eddy.h"

/* What the process ends with; `eddy help` lists them. */
enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,       /* the work could not be done, or a check found a fault */
    CLI_USAGE = 2,        /* the command was not understood; nothing was done */
    CLI_INTERRUPTED = 130 /* by SIGINT or SIGTERM; what was done so far is saved */
};

/* ---- fail.c */
/* Prints "eddy: message" on stderr and ends the process. */
_Noreturn void cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- cli.c */
/* Unless the status is EDDY_OK, ends the process with this message. */
void cli_check(eddy_status code, const char *message);
/* Seconds since some fixed moment; for showing only. */
double cli_seconds(void);
/* May this stream have colours, and lines that are written over? */
bool cli_is_terminal(int file);
bool cli_has_colour(int file);
/* The whole of a file, a 0 byte behind it; a mistake ends the process. */
char *cli_read_file(arena *memory, const char *path, size_t *bytes);
bool cli_file_exists(const char *path);
/* Writes a file so that it is there whole or not at all; a mistake ends the process. */
void cli_write_file(const char *path, const void *at, size_t bytes);
/* "folder/name" */
char *cli_path(arena *memory, const char *folder, const char *name);

/* ---- suggest.c */
/* The one of `count` words that this one is most likely a slip of, NULL if none is near. */
const char *suggest_nearest(const char *word, const char *const *among, int count);

#endif
