/* What a run has to tell: log.jsonl in its folder, one JSON object a line. */
#ifndef EDDY_FRONTENDS_CLI_LOG_H
#define EDDY_FRONTENDS_CLI_LOG_H

#include <jansson.h>
#include <stdio.h>

#include "frontends/cli/cli.h"

typedef struct log_file {
    const char *path;
    FILE *file;
} log_file;

/* Opens a log, new or to be gone on with: lines of later steps than `step`, and a line that was not
 * finished, are forgotten. */
log_file log_open(arena *memory, const char *path, int64_t step);
/* Writes one line and gives the object back. */
void log_write(log_file *log, json_t *line);
void log_close(log_file *log);
/* A number, null where it is not finite. */
json_t *log_number(double x);
/* Every line of a log, as an array; a mistake ends the process. */
json_t *log_read(arena *memory, const char *path);

#endif
