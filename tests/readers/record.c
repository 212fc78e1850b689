/* What a run keeps beside its checkpoints: run.json, and a log of the same bytes. */
#include <string.h>

#include "frontends/cli/folder.h"
#include "frontends/cli/log.h"
#include "tests/readers/command/command.h"

static void use_record(arena *memory, const char *path) {
    const char *slash = strrchr(path, '/');
    folder f = folder_open(memory, arena_print(memory, "%.*s", (int)(slash - path), path));
    folder_close(&f);
}

static void use_log(arena *memory, const char *path) {
    json_decref(log_read(memory, path));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const char *path = reader_file("run.json", bytes, count);
    (void)reader_try(use_record, path);
    (void)reader_try(use_log, path);
    return 0;
}
