/* cli_fail that comes back to who called the reader, and files for readers that want a path. */
#include "tests/readers/command/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/readers/command/heap.h"

static char folder[] = "/tmp/eddy-reader-XXXXXX";
static char path[64];
static jmp_buf *back;

static void remove_folder(void) {
    unlink(path);
    rmdir(folder);
}

const char *reader_file(const char *name, const uint8_t *bytes, size_t count) {
    if (!path[0]) {
        if (!mkdtemp(folder))
            abort();
        atexit(remove_folder);
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, count, file) != count || fclose(file) != 0)
        abort();
    return path;
}

/* In the place of cli_fail. A message is one line at least, and says something. */
_Noreturn void __wrap_cli_fail(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void __wrap_cli_fail(int code, const char *format, ...) {
    char message[4096];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(message, sizeof message, format, list);
    va_end(list);
    if (!back || length < 8 || (code != CLI_FAILED && code != CLI_USAGE))
        abort();
    longjmp(*back, 1);
}

/* Apart from the arena, so that nothing of this frame changes behind setjmp. */
static bool call(void (*use)(arena *memory, const char *path), arena *memory, const char *file) {
    jmp_buf here;
    back = &here;
    if (setjmp(here) != 0)
        return false;
    use(memory, file);
    return true;
}

bool reader_try(void (*use)(arena *memory, const char *path), const char *file) {
    jmp_buf escape;
    arena memory;
    if (setjmp(escape) != 0)
        abort(); /* there is memory for any file of this size */
    arena_init(&memory, allocator_default(), &escape);
    heap_begin();
    bool done = call(use, &memory, file);
    back = NULL;
    arena_free(&memory);
    heap_end(!done);
    return done;
}
