/* NumPy's format of several arrays: a zip archive whose members are npy files, "name.npy".
 *
 * libzip reads and writes the archive, in memory on both ways: files go through the library's own
 * table, so that they are replaced whole. Members are stored as they are, sorted by name, without a
 * date, so that equal sets give equal bytes.
 *
 * A zip archive may say that it holds more than there is memory, or refer to the same bytes many
 * times. Deflate makes a byte of at most 1,032: members that are together larger than that times
 * the file are refused before any of them is unpacked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "core/size.h"
#include "frontends/tensors.h"

enum { NPZ_DEFLATE = 1032, NPZ_NAME = LIMIT_NAME + 4 };

/* An archive without members, which libzip does not make; none is shorter. */
static const unsigned char npz_nothing[22] = {'P', 'K', 5, 6};

/* ---- reading */

static void npz_release(tensors *t) {
    zip_discard(t->held);
}

/* What libzip says, "out of memory" apart. */
static bool npz_refuse(const tensors *t, zip_error_t *why) {
    bool memory = zip_error_code_zip(why) == ZIP_ER_MEMORY;
    return tensors_fail(t, memory ? STATUS_OUT_OF_MEMORY : STATUS_FORMAT,
                        "it is no npz archive that can be read: %s", zip_error_strerror(why));
}

static bool npz_open(tensors *t, const unsigned char *bytes, size_t count) {
    zip_error_t why;
    if (count < sizeof npz_nothing)
        return tensors_fail(t, STATUS_FORMAT, "%zu bytes are too few for an npz archive", count);
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(bytes, count, 0, &why);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &why) : NULL;
    if (!archive) {
        npz_refuse(t, &why);
        if (source)
            zip_source_free(source);
    }
    zip_error_fini(&why);
    t->held = archive;
    t->release = archive ? npz_release : NULL;
    return archive;
}

/* "name" of "name.npy". */
static bool npz_name(const tensors *t, tensor_entry *e, const char *member, size_t number) {
    size_t length = strlen(member);
    if (length > NPZ_NAME || !tensors_named(member, ".npy"))
        return tensors_fail(t, STATUS_FORMAT,
                            "the name of member %zu is not 1 to %d bytes and .npy", number,
                            (int)LIMIT_NAME);
    e->name = arena_print(t->memory, "%.*s", (int)length - 4, member);
    const char *fault = tensors_name_fault(t->memory, e->name);
    if (fault)
        return tensors_fail(t, STATUS_FORMAT, "the name of member %zu %s", number, fault);
    return tensors_find(t, e->name) == e ||
           tensors_fail(t, STATUS_FORMAT, "%s is there twice", e->name);
}

/* Names and sizes of all members; the elements are not read yet. */
static bool npz_list(tensors *t, size_t count) {
    zip_t *archive = t->held;
    zip_int64_t members = zip_get_num_entries(archive, 0);
    size_t total = 0, most = 0;
    if (!tensors_most(t, (size_t)members))
        return false;
    t->at = arena_array(t->memory, tensor_entry, members + 1);
    if (!size_multiply(count, NPZ_DEFLATE, &most))
        most = SIZE_MAX;
    for (size_t i = 0; i < (size_t)members; i++) {
        zip_stat_t about;
        if (zip_stat_index(archive, i, ZIP_FL_ENC_RAW, &about) != 0)
            return npz_refuse(t, zip_get_error(archive));
        tensor_entry *e = &t->at[t->count++];
        if (!(about.valid & ZIP_STAT_NAME) || !(about.valid & ZIP_STAT_SIZE))
            return tensors_fail(t, STATUS_FORMAT, "member %zu has no name or no size", i);
        e->name = "";
        if (!npz_name(t, e, about.name, i))
            return false;
        e->bytes = (size_t)about.size;
        if (!size_add(total, e->bytes, &total) || total > most)
            return tensors_fail(t, STATUS_SIZE, "%s makes it larger than %zu bytes can unpack to",
                                e->name, count);
    }
    return true;
}

static bool npz_member(tensors *t, size_t number) {
    tensor_entry *e = &t->at[number];
    unsigned char *to = arena_take(t->memory, e->bytes + 1);
    zip_file_t *member = zip_fopen_index(t->held, number, 0);
    if (!member)
        return npz_refuse(t, zip_get_error(t->held));
    zip_int64_t got = zip_fread(member, to, e->bytes);
    if (got == (zip_int64_t)e->bytes)
        got += zip_fread(member, to + e->bytes, 1); /* only the end checks the sum of the bytes */
    bool good = got == (zip_int64_t)e->bytes;
    if (got < (zip_int64_t)e->bytes && zip_error_code_zip(zip_file_get_error(member)) != ZIP_ER_OK)
        npz_refuse(t, zip_file_get_error(member));
    else if (!good)
        tensors_fail(t, STATUS_FORMAT, "%s has not the size that the archive says", e->name);
    zip_fclose(member);
    return good && npy_parse(t, e, to, e->bytes);
}

bool npz_read(tensors *t, const unsigned char *bytes, size_t count) {
    if (!npz_open(t, bytes, count) || !npz_list(t, count))
        return false;
    for (size_t i = 0; i < t->count; i++)
        if (!npz_member(t, i))
            return false;
    return true;
}

/* ---- writing */

struct npz_archive {
    zip_source_t *source; /* the bytes, in memory */
    zip_t *archive;       /* NULL once it is closed */
};

static int npz_order(const void *a, const void *b) {
    return strcmp((*(params_tensor *const *)a)->name, (*(params_tensor *const *)b)->name);
}

static bool npz_add(zip_t *archive, arena *memory, const params_tensor *t) {
    text header;
    text_init(&header, memory);
    npy_header(&header, (element)t->type, &t->shape);
    unsigned char *whole = arena_take(memory, header.count + t->bytes);
    memcpy(whole, header.at, header.count);
    memcpy(whole + header.count, t->data, t->bytes);
    const char *name = arena_print(memory, "%s.npy", t->name);
    zip_source_t *from = zip_source_buffer(archive, whole, header.count + t->bytes, 0);
    zip_int64_t number = from ? zip_file_add(archive, name, from, ZIP_FL_ENC_UTF_8) : -1;
    if (number < 0) {
        zip_source_free(from);
        return false;
    }
    return zip_set_file_compression(archive, (zip_uint64_t)number, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(archive, (zip_uint64_t)number, 0, 1 << 5 | 1, 0) == 0;
}

/* Closes the archive, whose bytes stay, and reads them. */
static unsigned char *npz_bytes(npz_archive *z, arena *memory, size_t *count) {
    zip_stat_t about;
    if (zip_close(z->archive) != 0)
        return NULL;
    z->archive = NULL;
    if (zip_source_open(z->source) != 0 || zip_source_stat(z->source, &about) != 0)
        return NULL;
    unsigned char *bytes = arena_take(memory, (size_t)about.size + 1);
    zip_int64_t got = zip_source_read(z->source, bytes, about.size);
    zip_source_close(z->source);
    *count = (size_t)about.size;
    return got == (zip_int64_t)about.size ? bytes : NULL;
}

static unsigned char *npz_make(eddy_params *s, arena *memory, npz_archive *z, size_t *count) {
    params_tensor **sorted = arena_array(memory, params_tensor *, s->count);
    z->source = zip_source_buffer_create(NULL, 0, 0, NULL);
    z->archive = z->source ? zip_open_from_source(z->source, ZIP_TRUNCATE, NULL) : NULL;
    if (!z->archive)
        return NULL;
    zip_source_keep(z->source); /* the archive gives back one hold, and we the other */
    memcpy(sorted, s->tensors, (size_t)s->count * sizeof *sorted);
    qsort(sorted, (size_t)s->count, sizeof *sorted, npz_order);
    for (int i = 0; i < s->count; i++)
        if (!npz_add(z->archive, memory, sorted[i]))
            return NULL;
    return npz_bytes(z, memory, count);
}

void npz_save(eddy_params *s, arena *memory, const char *path, npz_archive **out) {
    npz_archive *z = *out = arena_new(memory, npz_archive);
    files_part whole = {npz_nothing, sizeof npz_nothing};
    if (s->count)
        whole.at = npz_make(s, memory, z, &whole.bytes);
    if (whole.at)
        files_write_atomic(&s->disk, &s->source, path, &whole, 1, &s->problem);
    else
        error_set(&s->problem, STATUS_OUT_OF_MEMORY, (site){NULL, 0}, "cannot write %s: no memory",
                  path);
}

void npz_forget(npz_archive *z) {
    if (z && z->archive)
        zip_discard(z->archive); /* nothing is written */
    if (z && z->source)
        zip_source_free(z->source);
}
