/* Every test of a failure has the same shape: run, fail call 1; run, fail call 2; ... until a run
 * makes fewer calls than that. So the tables count calls and stay small.
 *
 * The allocator keeps the size of each block in front of it, to notice a release with a wrong size:
 * an allocator that pools by size would corrupt itself there, and malloc never tells. */
#include "tests/support/fault.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool fault_hits(fault_mode mode, size_t call, size_t fail_at) {
    return (mode == FAULT_ONCE && call == fail_at) || (mode == FAULT_FROM && call >= fail_at);
}

/* In front of a block; what is before it is padding for the alignment. */
typedef struct fault_block {
    void *whole;
    size_t whole_bytes, bytes;
} fault_block;

static void *fault_allocate(void *user, size_t bytes, size_t alignment) {
    fault_allocator *f = user;
    size_t call = atomic_fetch_add(&f->calls, 1) + 1;
    if (fault_hits(f->mode, call, f->fail_at)) {
        atomic_fetch_add(&f->failures, 1);
        return NULL;
    }
    size_t front = alignment;
    while (front < sizeof(fault_block))
        front *= 2;
    if (bytes > SIZE_MAX - front)
        return NULL;
    char *whole = allocator_take(allocator_default(), front + bytes, front);
    if (!whole)
        return NULL;
    fault_block block = {whole, front + bytes, bytes};
    memcpy(whole + front - sizeof block, &block, sizeof block);
    atomic_fetch_add(&f->live_blocks, 1);
    atomic_fetch_add(&f->live_bytes, bytes);
    return memset(whole + front, 0xA5, bytes);
}

static void fault_release(void *user, void *p, size_t bytes) {
    fault_allocator *f = user;
    if (!p)
        return;
    fault_block block;
    memcpy(&block, (char *)p - sizeof block, sizeof block);
    if (block.bytes != bytes)
        atomic_fetch_add(&f->mismatches, 1);
    atomic_fetch_sub(&f->live_blocks, 1);
    atomic_fetch_sub(&f->live_bytes, block.bytes);
    allocator_give(allocator_default(), block.whole, block.whole_bytes);
}

void fault_allocator_init(fault_allocator *f, fault_mode mode, size_t fail_at) {
    f->table = (allocator){fault_allocate, fault_release, f};
    f->mode = mode;
    f->fail_at = fail_at;
    atomic_init(&f->calls, 0);
    atomic_init(&f->failures, 0);
    atomic_init(&f->live_blocks, 0);
    atomic_init(&f->live_bytes, 0);
    atomic_init(&f->mismatches, 0);
}

/* Counts a call; true if it is to fail, errno is then set. */
static bool fault_fails(fault_files *f, fault_call call) {
    f->calls[call]++;
    if (f->only != call && f->only != FAULT_ANY_CALL)
        return false;
    if (!fault_hits(f->mode, ++f->counted, f->fail_at))
        return false;
    f->failures++;
    errno = f->number;
    return true;
}

static int fault_opened(fault_files *f, int file) {
    if (file >= 0)
        f->open_files++;
    return file;
}

static size_t fault_shorten(const fault_files *f, size_t bytes) {
    return f->longest && bytes > f->longest ? f->longest : bytes;
}

static int fault_open_read(void *user, const char *path) {
    if (fault_fails(user, FAULT_OPEN_READ))
        return -1;
    return fault_opened(user, files_default()->open_read(NULL, path));
}

static int fault_open_new(void *user, const char *path) {
    if (fault_fails(user, FAULT_OPEN_NEW))
        return -1;
    return fault_opened(user, files_default()->open_new(NULL, path));
}

static int64_t fault_read(void *user, int file, void *to, size_t bytes) {
    if (fault_fails(user, FAULT_READ))
        return -1;
    return files_default()->read(NULL, file, to, fault_shorten(user, bytes));
}

static int64_t fault_write(void *user, int file, const void *from, size_t bytes) {
    if (fault_fails(user, FAULT_WRITE))
        return -1;
    return files_default()->write(NULL, file, from, fault_shorten(user, bytes));
}

static int64_t fault_size(void *user, int file) {
    return fault_fails(user, FAULT_SIZE) ? -1 : files_default()->size(NULL, file);
}

static int fault_sync(void *user, int file) {
    return fault_fails(user, FAULT_SYNC) ? -1 : files_default()->sync(NULL, file);
}

static int fault_close(void *user, int file) {
    fault_files *f = user;
    int result = files_default()->close(NULL, file);
    f->open_files--;
    return fault_fails(f, FAULT_CLOSE) ? -1 : result;
}

static int fault_rename(void *user, const char *from, const char *to) {
    return fault_fails(user, FAULT_RENAME) ? -1 : files_default()->rename(NULL, from, to);
}

static int fault_remove(void *user, const char *path) {
    return fault_fails(user, FAULT_REMOVE) ? -1 : files_default()->remove(NULL, path);
}

static int fault_sync_folder(void *user, const char *path) {
    return fault_fails(user, FAULT_SYNC_FOLDER) ? -1 : files_default()->sync_folder(NULL, path);
}

void fault_files_init(fault_files *f, fault_mode mode, fault_call only, size_t fail_at,
                      int number) {
    *f = (fault_files){.table = {.open_read = fault_open_read,
                                 .open_new = fault_open_new,
                                 .read = fault_read,
                                 .write = fault_write,
                                 .size = fault_size,
                                 .sync = fault_sync,
                                 .close = fault_close,
                                 .rename = fault_rename,
                                 .remove = fault_remove,
                                 .sync_folder = fault_sync_folder,
                                 .user = f},
                       .mode = mode,
                       .only = only,
                       .fail_at = fail_at,
                       .number = number};
}
