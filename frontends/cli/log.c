/* The log of a run.
 *
 * A run that was killed may have written lines about steps behind its last checkpoint; it will do
 * these steps again. So the log is cut where the checkpoint is before anything is added. A number
 * is printed with the digits that bring it back. */
#include "frontends/cli/log.h"

#include <math.h>
#include <string.h>

static const size_t log_flags = JSON_COMPACT | JSON_REAL_PRECISION(17);

/* The line at `at`, NULL if it is none. *next: where the next one is. */
static json_t *log_line(const char *at, const char **next) {
    const char *end = strchr(at, '\n');
    *next = end ? end + 1 : at + strlen(at);
    return end ? json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL) : NULL;
}

/* How many bytes of the log belong to steps up to this one. */
static size_t log_kept(const char *words, int64_t step) {
    const char *at = words;
    while (*at) {
        const char *next;
        json_t *line = log_line(at, &next);
        bool kept = line && json_integer_value(json_object_get(line, "step")) <= step;
        json_decref(line);
        if (!kept)
            break;
        at = next;
    }
    return (size_t)(at - words);
}

log_file log_open(arena *memory, const char *path, int64_t step) {
    log_file log = {.path = path};
    if (cli_file_exists(path)) {
        size_t bytes;
        const char *words = cli_read_file(memory, path, &bytes);
        cli_write_file(path, words, log_kept(words, step));
    }
    log.file = fopen(path, "ab");
    if (!log.file)
        cli_fail(CLI_FAILED, "cannot write %s", path);
    return log;
}

void log_write(log_file *log, json_t *line) {
    char *words = json_dumps(line, log_flags);
    json_decref(line);
    if (!words)
        cli_fail(CLI_FAILED, "out of memory");
    bool good = fputs(words, log->file) >= 0 && fputc('\n', log->file) >= 0;
    free(words);
    if (!good || fflush(log->file) != 0)
        cli_fail(CLI_FAILED, "cannot write %s: the disk may be full", log->path);
}

void log_close(log_file *log) {
    if (fclose(log->file) != 0)
        cli_fail(CLI_FAILED, "cannot write %s: the disk may be full", log->path);
    log->file = NULL;
}

json_t *log_number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *log_read(arena *memory, const char *path) {
    size_t bytes;
    const char *at = cli_read_file(memory, path, &bytes);
    json_t *lines = json_array();
    for (int number = 1; *at; number++) {
        json_t *line = log_line(at, &at);
        if (!json_is_object(line))
            cli_fail(CLI_FAILED, "%s:%d: not a line of a log", path, number);
        json_array_append_new(lines, line);
    }
    return lines;
}
