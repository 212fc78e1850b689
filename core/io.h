/* The file table: all file traffic goes through one, so that a test can fail the n-th call. */
#ifndef EDDY_CORE_IO_H
#define EDDY_CORE_IO_H

#include <stddef.h>
#include <stdint.h>

#include "core/alloc.h"
#include "core/status.h"

typedef struct files {
    /* Descriptors and byte counts as POSIX has them; -1 and errno on failure. Short reads and
     * writes are legal. */
    int (*open_read)(void *user, const char *path);
    int (*open_new)(void *user, const char *path); /* created; fails with EEXIST when it is there */
    int64_t (*read)(void *user, int file, void *to, size_t bytes);
    int64_t (*write)(void *user, int file, const void *from, size_t bytes);
    int64_t (*size)(void *user, int file); /* of a regular file; others are refused (-1) */
    int (*sync)(void *user, int file);
    int (*close)(void *user, int file);
    int (*rename)(void *user, const char *from, const char *to);
    int (*remove)(void *user, const char *path);
    int (*sync_folder)(void *user, const char *path_of_a_file_in_it);
    void *user;
} files;

/* The operating system's own. */
const files *files_default(void);
/* The whole of a regular file, one allocation of *bytes + 1 (terminated by a 0 byte; release with
 * *bytes + 1). limit: the largest size accepted. On failure *out is NULL. Errors (STATUS_IO,
 * STATUS_SIZE, STATUS_OUT_OF_MEMORY) name the path and the reason. */
status files_read_all(const files *f, const allocator *a, const char *path, size_t limit,
                      void **out, size_t *bytes, error *e);
/* Writes a file so that after a crash or an error either the old or the new content is there,
 * whole: a temporary file in the same folder, sync, rename, sync of the folder. parts: `count`
 * pieces written in order. */
typedef struct files_part {
    const void *at;
    size_t bytes;
} files_part;
status files_write_atomic(const files *f, const allocator *a, const char *path,
                          const files_part *parts, size_t count, error *e);
/* The same for files that belong together: all are written and synced before the first takes its
 * place, so that only a failing rename can leave a new one beside an old one. */
typedef struct files_new {
    const char *path;
    const files_part *parts;
    size_t count;
} files_new;
status files_write_together(const files *f, const allocator *a, const files_new *list, size_t count,
                            error *e);

#endif
