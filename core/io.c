/* Files that are whole or not there.
 *
 * The table holds the bare system calls; what must be right about them is written once here, above
 * the table, where a test that fails the n-th call can reach it: interrupted calls are repeated,
 * short reads and writes continued, the result of close is looked at. A failed fsync is final: the
 * kernel may have dropped the pages, and a second fsync would report success over lost data. The
 * temporary file is then removed and the old file stays.
 *
 * The name of the temporary does not contain the target's, which may already have the longest legal
 * length. Process ids repeat between machines that share a folder, so the file is created
 * exclusively and the counter moves on if it exists. */
#define _POSIX_C_SOURCE 200809L
#include "core/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/size.h"

/* O_NONBLOCK: a pipe named by mistake must not block; files_read_all looks and refuses it. */
static int io_open_read(void *user, const char *path) {
    (void)user;
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int io_open_new(void *user, const char *path) {
    (void)user;
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static int64_t io_read(void *user, int file, void *to, size_t bytes) {
    (void)user;
    return read(file, to, bytes);
}

static int64_t io_write(void *user, int file, const void *from, size_t bytes) {
    (void)user;
    return write(file, from, bytes);
}

static int64_t io_size(void *user, int file) {
    (void)user;
    struct stat seen;
    if (fstat(file, &seen) != 0)
        return -1;
    if (S_ISREG(seen.st_mode))
        return seen.st_size;
    errno = S_ISDIR(seen.st_mode) ? EISDIR : EINVAL;
    return -1;
}

static int io_sync(void *user, int file) {
    (void)user;
    return fsync(file);
}

static int io_close(void *user, int file) {
    (void)user;
    return close(file);
}

static int io_rename(void *user, const char *from, const char *to) {
    (void)user;
    return rename(from, to);
}

static int io_remove(void *user, const char *path) {
    (void)user;
    return unlink(path);
}

/* Bytes of the path up to and with its last slash; 0 for a bare name. */
static size_t io_folder_bytes(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static int io_sync_folder(void *user, const char *path) {
    (void)user;
    char folder[4096]; /* the longest path that the system takes */
    size_t bytes = io_folder_bytes(path);
    if (bytes >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(folder, path, bytes);
    folder[bytes] = 0;
    int file = open(bytes ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return -1;
    int result = fsync(file), number = errno;
    (void)close(file); /* nothing was written through it */
    /* EINVAL: this file system has no way to sync a folder, there is nothing more that could be
     * done. */
    if (result != 0 && number == EINVAL)
        return 0;
    errno = number;
    return result;
}

const files *files_default(void) {
    static const files system = {
        .open_read = io_open_read,
        .open_new = io_open_new,
        .read = io_read,
        .write = io_write,
        .size = io_size,
        .sync = io_sync,
        .close = io_close,
        .rename = io_rename,
        .remove = io_remove,
        .sync_folder = io_sync_folder,
    };
    return &system;
}

/* "cannot read model.bin: No such file or directory" */
static status io_fail(error *e, const char *what, const char *path, int number) {
    char reason[128];
    if (strerror_r(number, reason, sizeof reason) != 0)
        (void)snprintf(reason, sizeof reason, "error %d", number);
    return error_set(e, STATUS_IO, (site){NULL, 0}, "cannot %s %s: %s", what, path, reason);
}

static bool io_interrupted(int64_t result) {
    return result < 0 && errno == EINTR;
}

/* Linux gives the descriptor back even when close is interrupted: closing again could hit a
 * stranger's file. */
static int io_close_once(const files *f, int file) {
    int result = f->close(f->user, file);
    return io_interrupted(result) ? 0 : result;
}

/* Reads until `bytes` are there or the file ends; returns how many, -1 and errno on failure. */
static int64_t io_read_up_to(const files *f, int file, char *to, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        int64_t got = f->read(f->user, file, to + done, bytes - done);
        if (io_interrupted(got))
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

static status io_read_open(const files *f, const allocator *a, int file, const char *path,
                           size_t limit, void **out, size_t *bytes, error *e) {
    const site nowhere = {NULL, 0};
    int64_t size = f->size(f->user, file);
    if (size < 0)
        return io_fail(e, "read", path, errno);
    size_t whole = 0;
    if ((uint64_t)size > limit || !size_add((size_t)size, 1, &whole))
        return error_set(e, STATUS_SIZE, nowhere,
                         "cannot read %s: it has %lld bytes, at most %zu are accepted", path,
                         (long long)size, limit);
    char *at = allocator_take(a, whole, 64);
    if (!at)
        return error_set(e, STATUS_OUT_OF_MEMORY, nowhere,
                         "cannot read %s: no memory for %zu bytes", path, whole);
    int64_t got = io_read_up_to(f, file, at, whole); /* one byte more than expected shows growth */
    if (got != size) {
        int number = errno;
        allocator_give(a, at, whole);
        if (got < 0)
            return io_fail(e, "read", path, number);
        return error_set(e, STATUS_IO, nowhere, "cannot read %s: it changed while it was read",
                         path);
    }
    at[size] = 0;
    *out = at;
    *bytes = (size_t)size;
    return STATUS_OK;
}

status files_read_all(const files *f, const allocator *a, const char *path, size_t limit,
                      void **out, size_t *bytes, error *e) {
    *out = NULL;
    *bytes = 0;
    int file;
    do
        file = f->open_read(f->user, path);
    while (io_interrupted(file));
    if (file < 0)
        return io_fail(e, "open", path, errno);
    status result = io_read_open(f, a, file, path, limit, out, bytes, e);
    if (io_close_once(f, file) != 0 && result == STATUS_OK) {
        int number = errno;
        allocator_give(a, *out, *bytes + 1);
        *out = NULL; /* a reader who ignores the status gets nothing */
        *bytes = 0;
        return io_fail(e, "close", path, number);
    }
    return result;
}

static bool io_write_all(const files *f, int file, const char *from, size_t bytes) {
    while (bytes > 0) {
        int64_t got = f->write(f->user, file, from, bytes);
        if (io_interrupted(got))
            continue;
        if (got == 0)
            errno = EIO; /* no progress and no reason: asking again might never end */
        if (got <= 0)
            return false;
        from += got;
        bytes -= (size_t)got;
    }
    return true;
}

/* Writes, syncs and closes; what failed goes to *what, with errno, else NULL. */
static void io_fill(const files *f, int file, const files_part *parts, size_t count,
                    const char **what) {
    int result = 0;
    *what = NULL;
    for (size_t i = 0; i < count && !*what; i++)
        if (!io_write_all(f, file, parts[i].at, parts[i].bytes))
            *what = "write";
    if (!*what) {
        do
            result = f->sync(f->user, file);
        while (io_interrupted(result));
        if (result != 0)
            *what = "sync";
    }
    int number = errno;
    result = io_close_once(f, file);
    if (*what)
        errno = number;
    else if (result != 0)
        *what = "close";
}

/* A new empty file beside `path`; its name goes to temporary[0 .. bytes). -1 and errno on failure.
 */
static int io_open_temporary(const files *f, const char *path, char *temporary, size_t bytes) {
    static atomic_uint counter;
    int folder = (int)io_folder_bytes(path), file, attempts = 0;
    do {
        (void)snprintf(temporary, bytes, "%.*s.eddy-%ld-%u.part", folder, path, (long)getpid(),
                       atomic_fetch_add(&counter, 1u));
        do
            file = f->open_new(f->user, temporary);
        while (io_interrupted(file));
    } while (file < 0 && errno == EEXIST && ++attempts < 100);
    return file;
}

/* Writes and syncs the content beside `path`; the temporary is gone after a failure. */
static status io_stage(const files *f, const files_new *file, char *temporary, size_t bytes,
                       error *e) {
    int opened = io_open_temporary(f, file->path, temporary, bytes);
    if (opened < 0)
        return io_fail(e, errno == ENOENT ? "open the folder of" : "create a temporary file beside",
                       file->path, errno);
    const char *what;
    io_fill(f, opened, file->parts, file->count, &what);
    if (!what)
        return STATUS_OK;
    int number = errno;
    (void)f->remove(f->user, temporary); /* the first failure is the one to report */
    return io_fail(e, what, file->path, number);
}

static status io_sync_folder_of(const files *f, const char *path, error *e) {
    int result;
    do
        result = f->sync_folder(f->user, path);
    while (io_interrupted(result));
    return result == 0 ? STATUS_OK : io_fail(e, "sync the folder of", path, errno);
}

/* names: room for `bytes` each, one for each file. */
static status io_write_through(const files *f, const files_new *list, size_t count, char *names,
                               size_t bytes, error *e) {
    size_t staged = 0, placed = 0;
    status result = STATUS_OK;
    for (; staged < count && result == STATUS_OK; staged += result == STATUS_OK)
        result = io_stage(f, &list[staged], names + staged * bytes, bytes, e);
    for (; placed < count && result == STATUS_OK; placed += result == STATUS_OK)
        if (f->rename(f->user, names + placed * bytes, list[placed].path) != 0)
            result = io_fail(e, "replace", list[placed].path, errno);
    for (size_t i = placed; i < staged; i++)
        (void)f->remove(f->user, names + i * bytes);
    for (size_t i = 0; i < count && result == STATUS_OK; i++)
        result = io_sync_folder_of(f, list[i].path, e);
    return result;
}

status files_write_together(const files *f, const allocator *a, const files_new *list, size_t count,
                            error *e) {
    size_t each = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t own = io_folder_bytes(list[i].path) + 64;
        each = own > each ? own : each;
    }
    char *names =
        each < INT32_MAX && size_multiply(each, count, &bytes) ? allocator_take(a, bytes, 1) : NULL;
    if (!names)
        return error_set(e, STATUS_OUT_OF_MEMORY, (site){NULL, 0}, "cannot write %s: no memory",
                         list[0].path);
    status result = io_write_through(f, list, count, names, each, e);
    allocator_give(a, names, bytes);
    return result;
}

status files_write_atomic(const files *f, const allocator *a, const char *path,
                          const files_part *parts, size_t count, error *e) {
    return files_write_together(f, a, &(files_new){path, parts, count}, 1, e);
}
