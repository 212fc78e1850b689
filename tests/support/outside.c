/* Commands are those of a shell, quoted by nobody: names of files in tests are plain words. */
#include "tests/support/outside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char outside_folder[64];

void outside_begin(const char *word) {
    snprintf(outside_folder, sizeof outside_folder, "/tmp/eddy-%.30s-XXXXXX", word);
    if (!mkdtemp(outside_folder))
        outside_fail("there is no folder");
}

void outside_end(void) {
    outside_bytes removed = outside_printed("rm -r %s", outside_folder);
    free(removed.at);
}

int outside_main(const char *word, void (*check)(arena *memory)) {
    jmp_buf escape;
    arena memory;
    outside_begin(word);
    arena_init(&memory, allocator_default(), &escape);
    if (setjmp(escape) != 0)
        outside_fail("no memory");
    check(&memory);
    arena_free(&memory);
    outside_end();
    return 0;
}

void outside_fail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, " (%s)\n", outside_folder);
    exit(1);
}

void outside_add(outside_bytes *to, const void *from, size_t count) {
    to->at = realloc(to->at, to->count + count + 1);
    if (!to->at)
        outside_fail("no memory");
    memcpy(to->at + to->count, from, count);
    to->count += count;
    to->at[to->count] = 0;
}

static outside_bytes rest_of(FILE *from) {
    char piece[4096];
    outside_bytes out = {NULL, 0};
    outside_add(&out, "", 0);
    for (size_t got; (got = fread(piece, 1, sizeof piece, from)) > 0;)
        outside_add(&out, piece, got);
    return out;
}

outside_bytes outside_printed(const char *format, ...) {
    char command[4096];
    va_list list;
    va_start(list, format);
    if (vsnprintf(command, sizeof command, format, list) >= (int)sizeof command)
        outside_fail("a command is too long");
    va_end(list);
    FILE *pipe = popen(command, "r");
    if (!pipe)
        outside_fail("this cannot begin: %s", command);
    outside_bytes out = rest_of(pipe);
    if (pclose(pipe) != 0)
        outside_fail("this failed: %s\n%s", command, out.at);
    return out;
}

static FILE *open_file(const char *name, const char *how) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", outside_folder, name);
    FILE *file = fopen(path, how);
    if (!file)
        outside_fail("%s cannot be opened", path);
    return file;
}

outside_bytes outside_read(const char *name) {
    FILE *file = open_file(name, "rb");
    outside_bytes out = rest_of(file);
    fclose(file);
    return out;
}

void outside_write(const char *name, const void *from, size_t count) {
    FILE *file = open_file(name, "wb");
    bool whole = fwrite(from, 1, count, file) == count;
    if (fclose(file) != 0 || !whole)
        outside_fail("%s cannot be written", name);
}

void outside_check_object(const char *prefix) {
    outside_bytes needed = outside_printed("nm -u %s/%s.o", outside_folder, prefix);
    for (char *word = strtok(needed.at, " \n"); word; word = strtok(NULL, " \n"))
        if (strcmp(word, "U") != 0 && strcmp(word, "memset") != 0 && strcmp(word, "memcpy") != 0 &&
            strcmp(word, "memmove") != 0)
            outside_fail("%s.o asks for %s", prefix, word);
    free(needed.at);
    outside_bytes given =
        outside_printed("nm -g --defined-only -f posix %s/%s.o", outside_folder, prefix);
    size_t length = strlen(prefix);
    for (char *line = strtok(given.at, "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, prefix, length) != 0 || line[length] != '_')
            outside_fail("%s.o has the symbol %s", prefix, line);
    free(given.at);
    outside_bytes sizes = outside_printed("size %s/%s.o | tail -n 1", outside_folder, prefix);
    long code, data, bss;
    if (sscanf(sizes.at, "%ld %ld %ld", &code, &data, &bss) != 3 || code <= 0 || data || bss)
        outside_fail("%s.o can be written to: %s", prefix, sizes.at);
    free(sizes.at);
}
