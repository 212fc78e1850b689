/* Files and clocks of the command. */
#include "frontends/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/io.h"

void cli_check(eddy_status code, const char *message) {
    if (code != EDDY_OK)
        cli_fail(CLI_FAILED, "%s", message);
}

double cli_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool cli_is_terminal(int file) {
    const char *kind = getenv("TERM");
    return isatty(file) && kind && strcmp(kind, "dumb") != 0;
}

bool cli_has_colour(int file) {
    const char *none = getenv("NO_COLOR");
    return cli_is_terminal(file) && !(none && none[0]);
}

char *cli_read_file(arena *memory, const char *path, size_t *bytes) {
    void *read = NULL;
    size_t count = 0;
    error problem = {0};
    if (files_read_all(files_default(), memory->source, path, PTRDIFF_MAX, &read, &count,
                       &problem) != STATUS_OK)
        cli_fail(CLI_FAILED, "%s", problem.message);
    char *kept = arena_take(memory, count + 1);
    memcpy(kept, read, count);
    allocator_give(memory->source, read, count + 1);
    *bytes = count;
    return kept;
}

bool cli_file_exists(const char *path) {
    return access(path, F_OK) == 0;
}

void cli_write_file(const char *path, const void *at, size_t bytes) {
    error problem = {0};
    files_part part = {at, bytes};
    if (files_write_atomic(files_default(), allocator_default(), path, &part, 1, &problem) !=
        STATUS_OK)
        cli_fail(CLI_FAILED, "%s", problem.message);
}

char *cli_path(arena *memory, const char *folder, const char *name) {
    return arena_print(memory, "%s/%s", folder, name);
}
