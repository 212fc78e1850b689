/* Files in memory: the file table of a set is its own, so millions of files cost no disk. */
#include "tests/readers/memory/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/tensors.h"

enum { FILES = 8, NAME = 64 };

typedef struct memory_file {
    char name[NAME]; /* "": none */
    unsigned char *at;
    size_t count, read;
} memory_file;

static memory_file disk[FILES];

static memory_file *find(const char *name) {
    for (int i = 0; i < FILES; i++)
        if (strcmp(disk[i].name, name) == 0)
            return &disk[i];
    return NULL;
}

static void forget(memory_file *f) {
    free(f->at);
    *f = (memory_file){0};
}

static int memory_open_read(void *user, const char *path) {
    (void)user;
    memory_file *f = find(path);
    errno = ENOENT;
    if (!f)
        return -1;
    f->read = 0;
    return (int)(f - disk);
}

static int memory_open_new(void *user, const char *path) {
    (void)user;
    memory_file *f = find("");
    if (!f || find(path) || strlen(path) >= NAME)
        abort();
    memcpy(f->name, path, strlen(path) + 1);
    return (int)(f - disk);
}

static int64_t memory_take(void *user, int file, void *to, size_t bytes) {
    (void)user;
    memory_file *f = &disk[file];
    size_t left = f->count - f->read, taken = bytes < left ? bytes : left;
    if (taken)
        memcpy(to, f->at + f->read, taken);
    f->read += taken;
    return (int64_t)taken;
}

static int64_t memory_write(void *user, int file, const void *from, size_t bytes) {
    (void)user;
    memory_file *f = &disk[file];
    f->at = realloc(f->at, f->count + bytes + 1);
    if (!f->at)
        abort();
    memcpy(f->at + f->count, from, bytes);
    f->count += bytes;
    return (int64_t)bytes;
}

static int64_t memory_size(void *user, int file) {
    (void)user;
    return (int64_t)disk[file].count;
}

static int memory_nothing(void *user, int file) {
    (void)user;
    (void)file;
    return 0;
}

static int memory_sync_folder(void *user, const char *path) {
    (void)user;
    (void)path;
    return 0;
}

static int memory_remove(void *user, const char *path) {
    (void)user;
    forget(find(path));
    return 0;
}

static int memory_rename(void *user, const char *from, const char *to) {
    (void)user;
    if (find(to))
        forget(find(to));
    memory_file *f = find(from);
    memcpy(f->name, to, strlen(to) + 1);
    return 0;
}

static const eddy_files table = {.open_read = memory_open_read,
                                 .open_new = memory_open_new,
                                 .read = memory_take,
                                 .write = memory_write,
                                 .size = memory_size,
                                 .sync = memory_nothing,
                                 .close = memory_nothing,
                                 .rename = memory_rename,
                                 .remove = memory_remove,
                                 .sync_folder = memory_sync_folder};

static void stop(const char *what, const eddy_params *s) {
    fprintf(stderr, "%s: %s\n", what, eddy_params_message(s));
    abort();
}

static bool all(tensors *t, eddy_params *into, void *user) {
    (void)user;
    return tensors_take(t, into);
}

static eddy_params *load(const char *name) {
    eddy_params *s = eddy_params_new(&(eddy_options){.files = &table}, 0);
    tensors_load(s, name, all, NULL); /* eddy_params_load, and npy as well */
    return s;
}

static void save(eddy_params *s, const char *name) {
    if (eddy_params_save(s, name) != EDDY_OK)
        stop("what was read is not written", s);
}

/* From one format into the other and back. */
static void around(eddy_params *s, const char *there, const char *here, const char *again) {
    save(s, here);
    save(s, there);
    eddy_params *other = load(there);
    if (eddy_params_status(other) != EDDY_OK)
        stop("what was written is not read", other);
    save(other, again);
    const memory_file *a = find(here), *b = find(again);
    if (a->count != b->count || memcmp(a->at, b->at, a->count) != 0)
        stop("it comes back with other bytes", other);
    eddy_params_free(other);
}

void memory_read(const char *name, const uint8_t *bytes, size_t count) {
    int file = memory_open_new(NULL, name);
    memory_write(NULL, file, bytes, count);
    eddy_params *s = load(name);
    eddy_status code = eddy_params_status(s);
    if (code == EDDY_OK) {
        around(s, "a.npz", "a.safetensors", "b.safetensors");
        around(s, "a.safetensors", "a.npz", "b.npz");
    } else if ((code != EDDY_BAD_FORMAT && code != EDDY_BAD_SIZE) || eddy_params_count(s) ||
               strlen(eddy_params_message(s)) < 10) {
        stop("it is neither read nor refused", s);
    }
    eddy_params_free(s);
    for (int i = 0; i < FILES; i++)
        forget(&disk[i]);
}
