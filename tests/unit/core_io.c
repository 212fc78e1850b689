/* Files: whole or not there, whatever call fails. */
#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io.h"
#include "tests/support/fault.h"

static char folder[64], path[128];
static error e;

static void open_folder(void) {
    strcpy(folder, "/tmp/core_io_XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    error_clear(&e);
}

static size_t entries(bool remove_them) {
    DIR *stream = opendir(folder);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        char whole[400];
        snprintf(whole, sizeof whole, "%s/%s", folder, entry->d_name);
        if (remove_them)
            unlink(whole);
    }
    closedir(stream);
    return count;
}

static void close_folder(void) {
    entries(true);
    rmdir(folder);
}

TestSuite(core_io, .init = open_folder, .fini = close_folder);

static status put(const files *f, const char *content) {
    size_t half = strlen(content) / 2;
    files_part parts[] = {{content, half}, {NULL, 0}, {content + half, strlen(content) - half}};
    return files_write_atomic(f, allocator_default(), path, parts, 3, &e);
}

/* The content, or NULL and an error; released by the caller with free. */
static char *get(const files *f) {
    void *out;
    size_t bytes;
    if (files_read_all(f, allocator_default(), path, 1 << 20, &out, &bytes, &e) != STATUS_OK) {
        cr_assert_null(out);
        return NULL;
    }
    cr_assert_eq(((char *)out)[bytes], 0);
    return out;
}

static void expect_content(const char *expected) {
    char *content = get(files_default());
    cr_assert_not_null(content, "%s", e.message);
    cr_assert_str_eq(content, expected);
    free(content);
}

Test(core_io, what_is_written_is_read) {
    cr_assert_eq(put(files_default(), "first"), STATUS_OK, "%s", e.message);
    expect_content("first");
    cr_assert_eq(put(files_default(), "second, longer"), STATUS_OK);
    expect_content("second, longer");
    cr_assert_eq(put(files_default(), ""), STATUS_OK);
    expect_content("");
    cr_assert_eq(entries(false), 1);
}

Test(core_io, a_bare_name_lies_in_the_current_folder) {
    cr_assert_eq(chdir(folder), 0);
    files_part part = {"x", 1};
    cr_assert_eq(files_write_atomic(files_default(), allocator_default(), "file", &part, 1, &e),
                 STATUS_OK, "%s", e.message);
    expect_content("x");
}

/* The longest name that the system takes leaves no room for a suffix. */
Test(core_io, a_name_of_255_bytes_can_be_replaced) {
    char name[256], whole[400];
    memset(name, 'n', 255);
    name[255] = 0;
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    files_part part = {"x", 1};
    cr_assert_eq(files_write_atomic(files_default(), allocator_default(), whole, &part, 1, &e),
                 STATUS_OK, "%s", e.message);
}

Test(core_io, short_counts_are_continued) {
    fault_files f;
    fault_files_init(&f, FAULT_NEVER, FAULT_ANY_CALL, 0, 0);
    f.longest = 3;
    cr_assert_eq(put(&f.table, "a text of 23 characters"), STATUS_OK);
    cr_assert_eq(f.calls[FAULT_WRITE], 8); /* 11 and 12 bytes in threes */
    char *content = get(&f.table);
    cr_assert_str_eq(content, "a text of 23 characters");
    free(content);
    cr_assert_geq(f.calls[FAULT_READ], 8);
    cr_assert_eq(f.open_files, 0);
}

Test(core_io, interrupted_calls_are_repeated) {
    for (size_t fail_at = 1; fail_at < 14; fail_at++)
        for (int call = 0; call < FAULT_ANY_CALL; call++) {
            if (call == FAULT_SIZE || call == FAULT_RENAME || call == FAULT_REMOVE)
                continue; /* these are never interrupted */
            fault_files f;
            fault_files_init(&f, FAULT_ONCE, (fault_call)call, fail_at, EINTR);
            f.longest = 7;
            cr_assert_eq(put(&f.table, "a text of 23 characters"), STATUS_OK, "%s", e.message);
            char *content = get(&f.table);
            cr_assert_not_null(content);
            cr_assert_str_eq(content, "a text of 23 characters");
            free(content);
            cr_assert_eq(f.open_files, 0);
        }
}

/* Each call of a replacement fails in turn: an error, the old or the new content, nothing beside.
 */
Test(core_io, a_failed_replacement_leaves_old_or_new) {
    static const int numbers[] = {ENOSPC, EIO, EACCES, EDQUOT};
    size_t runs = 0;
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
        for (size_t fail_at = 1;; fail_at++) {
            cr_assert_eq(put(files_default(), "old content"), STATUS_OK);
            fault_files f;
            fault_files_init(&f, FAULT_ONCE, FAULT_ANY_CALL, fail_at, numbers[n]);
            f.longest = 4;
            status result = put(&f.table, "new content");
            cr_assert_eq(f.open_files, 0);
            cr_assert_eq(entries(false), 1, "a temporary was left after call %zu", fail_at);
            bool replaced = f.calls[FAULT_SYNC_FOLDER] > 0;
            expect_content(replaced ? "new content" : "old content");
            cr_assert_leq(f.calls[FAULT_SYNC], 1); /* a second one would lie */
            if (f.failures == 0) {
                cr_assert_eq(result, STATUS_OK);
                break;
            }
            runs++;
            cr_assert_eq(result, STATUS_IO);
            cr_assert_not_null(strstr(e.message, path), "%s", e.message);
            cr_assert_not_null(strstr(e.message, strerror(numbers[n])), "%s", e.message);
            error_clear(&e);
        }
    cr_assert_eq(runs, 4 * 9); /* open, 4 writes, sync, close, rename, sync of the folder */
}

Test(core_io, each_call_of_a_reading_fails_once) {
    cr_assert_eq(put(files_default(), "content"), STATUS_OK);
    size_t fail_at = 1;
    for (;; fail_at++) {
        fault_files f;
        fault_files_init(&f, FAULT_ONCE, FAULT_ANY_CALL, fail_at, EIO);
        char *content = get(&f.table);
        cr_assert_eq(f.open_files, 0);
        cr_assert_eq(content == NULL, f.failures == 1);
        free(content);
        if (f.failures == 0)
            break;
        cr_assert_eq(e.code, STATUS_IO);
        error_clear(&e);
    }
    cr_assert_eq(fail_at, 6); /* open, size, content, end, close */
}

Test(core_io, no_memory) {
    cr_assert_eq(put(files_default(), "content"), STATUS_OK);
    fault_allocator a;
    fault_allocator_init(&a, FAULT_FROM, 1);
    void *out;
    size_t bytes;
    cr_assert_eq(files_read_all(files_default(), &a.table, path, 100, &out, &bytes, &e),
                 STATUS_OUT_OF_MEMORY);
    cr_assert_null(out);
    error_clear(&e);
    files_part part = {"x", 1};
    cr_assert_eq(files_write_atomic(files_default(), &a.table, path, &part, 1, &e),
                 STATUS_OUT_OF_MEMORY);
    error_clear(&e);
    cr_assert_eq(entries(false), 1);
    expect_content("content");
    fault_allocator_init(&a, FAULT_NEVER, 0);
    cr_assert_eq(files_read_all(files_default(), &a.table, path, 100, &out, &bytes, &e), STATUS_OK);
    cr_assert_eq(a.live_bytes, bytes + 1);
    allocator_give(&a.table, out, bytes + 1);
    cr_assert_eq(files_write_atomic(files_default(), &a.table, path, &part, 1, &e), STATUS_OK);
    cr_assert_eq(a.live_blocks, 0);
    cr_assert_eq(a.mismatches, 0);
}

Test(core_io, a_file_over_the_limit_is_refused_before_memory_is_asked) {
    cr_assert_eq(put(files_default(), "12345"), STATUS_OK);
    fault_allocator a;
    fault_allocator_init(&a, FAULT_NEVER, 0);
    void *out;
    size_t bytes;
    cr_assert_eq(files_read_all(files_default(), &a.table, path, 4, &out, &bytes, &e), STATUS_SIZE);
    cr_assert_not_null(strstr(e.message, "5 bytes"), "%s", e.message);
    cr_assert_eq(a.calls, 0);
    error_clear(&e);
    cr_assert_eq(files_read_all(files_default(), &a.table, path, 5, &out, &bytes, &e), STATUS_OK);
    allocator_give(&a.table, out, bytes + 1);
}

Test(core_io, folders_pipes_and_missing_files_are_refused) {
    cr_assert_null(get(files_default()));
    cr_assert_not_null(strstr(e.message, path));
    error_clear(&e);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_null(get(files_default())); /* and does not wait for a writer */
    cr_assert_eq(e.code, STATUS_IO);
    error_clear(&e);
    strcpy(path, folder);
    cr_assert_null(get(files_default()));
    cr_assert_eq(e.code, STATUS_IO);
    error_clear(&e);
    snprintf(path, sizeof path, "%s/missing/file", folder);
    cr_assert_eq(put(files_default(), "x"), STATUS_IO);
}

static int64_t size_off_by(void *user, int file, int64_t by) {
    (void)user;
    int64_t size = files_default()->size(NULL, file);
    return size < 0 ? size : size + by;
}

static int64_t size_before_growth(void *user, int file) {
    return size_off_by(user, file, -1);
}

static int64_t size_before_a_cut(void *user, int file) {
    return size_off_by(user, file, 1);
}

Test(core_io, a_file_that_changes_while_it_is_read_is_an_error) {
    cr_assert_eq(put(files_default(), "content"), STATUS_OK);
    files f = *files_default();
    f.size = size_before_growth;
    cr_assert_null(get(&f));
    cr_assert_not_null(strstr(e.message, "changed"));
    error_clear(&e);
    f.size = size_before_a_cut;
    cr_assert_null(get(&f));
    cr_assert_not_null(strstr(e.message, "changed"));
}

/* A stale temporary of a process that had our number must not be written into. */
Test(core_io, temporaries_that_exist_are_stepped_over) {
    for (int i = 0; i < 20; i++) {
        char stale[160];
        snprintf(stale, sizeof stale, "%s/.eddy-%ld-%d.part", folder, (long)getpid(), i);
        FILE *file = fopen(stale, "w");
        fputs("stale", file);
        fclose(file);
    }
    cr_assert_eq(put(files_default(), "content"), STATUS_OK, "%s", e.message);
    expect_content("content");
    cr_assert_eq(entries(false), 21);
}

static int64_t write_nothing(void *user, int file, const void *from, size_t bytes) {
    (void)user, (void)file, (void)from, (void)bytes;
    return 0;
}

Test(core_io, a_write_that_makes_no_progress_ends) {
    files f = *files_default();
    f.write = write_nothing;
    cr_assert_eq(put(&f, "content"), STATUS_IO);
    cr_assert_eq(entries(false), 0);
}
