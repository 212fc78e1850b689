/* Parameters in safetensors files: 8 bytes of header length (little-endian), a JSON header, the
 * tensors' bytes.
 *
 * Writing: tensors stand by falling element size, then by name, and the header is padded with
 * blanks to 8 bytes, so that every tensor is aligned in the file and equal sets give equal bytes.
 *
 * Reading trusts nothing. The whole file is read and checked before anything is touched: the header
 * is an object without duplicate keys, every entry has exactly the three fields, the extents'
 * product is the size of its piece, and the pieces fill the data without a hole or an overlap. Then
 * the tensors are compared with the set, and only then copied, which cannot fail. */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/size.h"
#include "core/text.h"
#include "frontends/params.h"

enum { SAFETENSORS_HEADER_LIMIT = 100 << 20, SAFETENSORS_PREFIX = 8 };

static const char *const safetensors_names[DTYPE_COUNT] = {"F32", "F64", "I32", "BOOL"};
static const site safetensors_nowhere = {NULL, 0};

/* ---- writing */

static int safetensors_order(const void *a, const void *b) {
    const params_tensor *x = *(params_tensor *const *)a, *y = *(params_tensor *const *)b;
    size_t x_size = dtype_size(x->type), y_size = dtype_size(y->type);
    if (x_size != y_size)
        return x_size < y_size ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void safetensors_string(text *out, const char *name) {
    text_add(out, "\"");
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if (c == '"' || c == '\\')
            text_add(out, "\\%c", c);
        else if (c < 0x20)
            text_add(out, "\\u%04x", c);
        else
            text_add_bytes(out, name, 1);
    }
    text_add(out, "\"");
}

static void safetensors_header(text *out, params_tensor *const *tensors, int count) {
    size_t at = 0;
    text_add(out, "{");
    for (int i = 0; i < count; i++) {
        const params_tensor *t = tensors[i];
        if (i)
            text_add(out, ",");
        safetensors_string(out, t->name);
        text_add(out, ":{\"dtype\":\"%s\",\"shape\":[", safetensors_names[t->type]);
        for (int k = 0; k < t->shape.rank; k++)
            text_add(out, "%s%lld", k ? "," : "", (long long)t->shape.dimension[k]);
        text_add(out, "],\"data_offsets\":[%zu,%zu]}", at, at + t->bytes);
        at += t->bytes;
    }
    text_add(out, "}");
    while (out->count % SAFETENSORS_PREFIX)
        text_add(out, " ");
}

static void safetensors_save(eddy_params *s, arena *memory, const char *path) {
    params_tensor **sorted = arena_array(memory, params_tensor *, s->count);
    files_part *parts = arena_array(memory, files_part, s->count + 2);
    unsigned char prefix[SAFETENSORS_PREFIX];
    text header;
    if (s->count) {
        memcpy(sorted, s->tensors, (size_t)s->count * sizeof(params_tensor *));
        qsort(sorted, (size_t)s->count, sizeof(params_tensor *), safetensors_order);
    }
    text_init(&header, memory);
    safetensors_header(&header, sorted, s->count);
    for (int i = 0; i < SAFETENSORS_PREFIX; i++)
        prefix[i] = (unsigned char)((uint64_t)header.count >> 8 * i & 0xFF);
    parts[0] = (files_part){prefix, sizeof prefix};
    parts[1] = (files_part){header.at, header.count};
    for (int i = 0; i < s->count; i++)
        parts[2 + i] = (files_part){sorted[i]->data, sorted[i]->bytes};
    files_write_atomic(&s->disk, &s->source, path, parts, (size_t)s->count + 2, &s->problem);
}

/* May this set go to or come from a file? */
static bool safetensors_ready(eddy_params *s, const char *path) {
    if (eddy_params_status(s) == EDDY_OK && !path)
        error_set(&s->problem, STATUS_ARGUMENT, safetensors_nowhere, "params: the path is NULL");
    return eddy_params_status(s) == EDDY_OK;
}

eddy_status eddy_params_save(eddy_params *s, const char *path) {
    if (!safetensors_ready(s, path))
        return eddy_params_status(s);
    jmp_buf escape;
    arena memory;
    arena_init(&memory, &s->source, &escape);
    if (setjmp(escape) == 0)
        safetensors_save(s, &memory, path);
    else
        error_set(&s->problem, STATUS_OUT_OF_MEMORY, safetensors_nowhere,
                  "cannot write %s: out of memory", path);
    arena_free(&memory);
    return eddy_params_status(s);
}

/* ---- reading */

typedef struct safetensors_entry {
    const char *name;
    dtype type;
    op_shape shape;
    size_t begin, end;
    params_tensor *to;
} safetensors_entry;

typedef struct safetensors_file {
    const char *path;
    eddy_params *into;
    const unsigned char *data; /* behind the header */
    size_t data_bytes;
    safetensors_entry *entries; /* by place in the file */
    size_t count;
} safetensors_file;

static bool safetensors_fail(const safetensors_file *f, status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool safetensors_fail(const safetensors_file *f, status code, const char *format, ...) {
    char reason[LIMIT_MESSAGE / 2];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof reason, format, list);
    va_end(list);
    error_set(&f->into->problem, code, safetensors_nowhere, "cannot load %s: %s", f->path, reason);
    return false;
}

static bool safetensors_shape(const safetensors_file *f, safetensors_entry *e, json_t *shape) {
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > LIMIT_RANK)
        return safetensors_fail(f, STATUS_FORMAT,
                                "the shape of %s is not a list of at most %d numbers", e->name,
                                (int)LIMIT_RANK);
    int64_t dimensions[LIMIT_RANK];
    for (size_t i = 0; i < rank; i++) {
        json_t *n = json_array_get(shape, i);
        if (!json_is_integer(n) || json_integer_value(n) < 1)
            return safetensors_fail(f, STATUS_FORMAT,
                                    "dimension %zu of %s is not a positive integer", i, e->name);
        dimensions[i] = json_integer_value(n);
    }
    e->shape = op_shape_make((int)rank, dimensions);
    return true;
}

static bool safetensors_dtype(const safetensors_file *f, safetensors_entry *e, json_t *name) {
    if (!json_is_string(name))
        return safetensors_fail(f, STATUS_FORMAT, "the dtype of %s is not a string", e->name);
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strcmp(json_string_value(name), safetensors_names[i]) == 0) {
            e->type = (dtype)i;
            return true;
        }
    return safetensors_fail(f, STATUS_FORMAT, "the dtype of %s is %s; F32, F64, I32, BOOL are read",
                            e->name, json_string_value(name));
}

static bool safetensors_piece(const safetensors_file *f, safetensors_entry *e, json_t *offsets) {
    json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to) ||
        json_integer_value(from) < 0 || json_integer_value(to) < json_integer_value(from))
        return safetensors_fail(f, STATUS_FORMAT,
                                "the data_offsets of %s are not two rising positions", e->name);
    e->begin = (size_t)json_integer_value(from);
    e->end = (size_t)json_integer_value(to);
    if (e->end > f->data_bytes)
        return safetensors_fail(f, STATUS_FORMAT,
                                "%s ends at byte %zu, but there are %zu bytes of data", e->name,
                                e->end, f->data_bytes);
    char words[256];
    int64_t elements = op_shape_elements(&e->shape);
    size_t bytes = 0;
    if (elements < 0 || !size_multiply((size_t)elements, dtype_size(e->type), &bytes) ||
        bytes != e->end - e->begin)
        return safetensors_fail(f, STATUS_FORMAT, "%s is %s, which does not fill its %zu bytes",
                                e->name, params_describe(e->type, &e->shape, words, sizeof words),
                                e->end - e->begin);
    return true;
}

static bool safetensors_entry_read(const safetensors_file *f, safetensors_entry *e,
                                   const char *name, json_t *value) {
    *e = (safetensors_entry){.name = name};
    if (!*name || strlen(name) > LIMIT_NAME)
        return safetensors_fail(f, STATUS_FORMAT, "a tensor's name has not 1 to %d bytes",
                                (int)LIMIT_NAME);
    json_t *type = json_object_get(value, "dtype"), *shape = json_object_get(value, "shape");
    json_t *offsets = json_object_get(value, "data_offsets");
    if (json_object_size(value) != 3 || !type || !shape || !offsets)
        return safetensors_fail(f, STATUS_FORMAT,
                                "the entry of %s has not exactly dtype, shape and data_offsets",
                                name);
    return safetensors_dtype(f, e, type) && safetensors_shape(f, e, shape) &&
           safetensors_piece(f, e, offsets);
}

static bool safetensors_metadata(const safetensors_file *f, json_t *value) {
    const char *key;
    json_t *word;
    if (!json_is_object(value))
        return safetensors_fail(f, STATUS_FORMAT, "__metadata__ is not an object of strings");
    json_object_foreach(value, key, word) {
        if (!json_is_string(word))
            return safetensors_fail(f, STATUS_FORMAT, "__metadata__ has a %s that is no string",
                                    key);
    }
    return true;
}

static int safetensors_place(const void *a, const void *b) {
    const safetensors_entry *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* The pieces, each at least a byte, fill the data: nothing is read twice and nothing is hidden. */
static bool safetensors_filled(const safetensors_file *f) {
    size_t at = 0;
    for (size_t i = 0; i < f->count; i++) {
        const safetensors_entry *e = &f->entries[i];
        if (e->begin != at)
            return safetensors_fail(f, STATUS_FORMAT, "%s begins at byte %zu of the data, not %zu",
                                    e->name, e->begin, at);
        at = e->end;
        for (size_t k = e->begin; e->type == DTYPE_BOOL && k < e->end; k++)
            if (f->data[k] > 1)
                return safetensors_fail(f, STATUS_FORMAT, "%s has a bool that is %d", e->name,
                                        f->data[k]);
    }
    if (at != f->data_bytes)
        return safetensors_fail(f, STATUS_FORMAT, "bytes after the last tensor: %zu",
                                f->data_bytes - at);
    return true;
}

static bool safetensors_entries(safetensors_file *f, arena *memory, json_t *header) {
    const char *name;
    json_t *value;
    f->entries = arena_array(memory, safetensors_entry, json_object_size(header));
    json_object_foreach(header, name, value) {
        if (strcmp(name, "__metadata__") == 0) {
            if (!safetensors_metadata(f, value))
                return false;
        } else if (!safetensors_entry_read(f, &f->entries[f->count++], name, value)) {
            return false;
        }
    }
    if (f->count)
        qsort(f->entries, f->count, sizeof *f->entries, safetensors_place);
    return safetensors_filled(f);
}

/* ---- into the set */

static bool safetensors_match(safetensors_file *f) {
    eddy_params *s = f->into;
    char here[256], there[256];
    for (size_t i = 0; i < f->count; i++) {
        safetensors_entry *e = &f->entries[i];
        e->to = params_find(s, e->name);
        if (!e->to)
            return safetensors_fail(f, STATUS_MISSING, "the params have no %s", e->name);
        if (e->to->type != e->type || !op_shape_equal(&e->to->shape, &e->shape))
            return safetensors_fail(
                f, STATUS_SHAPE, "%s is %s in the file, but %s in the params", e->name,
                params_describe(e->type, &e->shape, here, sizeof here),
                params_describe(e->to->type, &e->to->shape, there, sizeof there));
    }
    for (int i = 0; i < s->count; i++) {
        bool found = false;
        for (size_t k = 0; k < f->count && !found; k++)
            found = f->entries[k].to == s->tensors[i];
        if (!found)
            return safetensors_fail(f, STATUS_MISSING, "the file has no %s", s->tensors[i]->name);
    }
    return true;
}

static bool safetensors_create(safetensors_file *f) {
    for (size_t i = 0; i < f->count; i++) {
        safetensors_entry *e = &f->entries[i];
        e->to = params_add(f->into, e->name, e->type, &e->shape, false);
        if (!e->to) {
            params_cut(f->into, 0);
            return false;
        }
    }
    f->into->closed = true;
    return true;
}

static void safetensors_take(safetensors_file *f, arena *memory, json_t *header) {
    if (!safetensors_entries(f, memory, header) ||
        !(f->into->count ? safetensors_match(f) : safetensors_create(f)))
        return;
    f->into->changes++;
    for (size_t i = 0; i < f->count; i++)
        memcpy(f->entries[i].to->data, f->data + f->entries[i].begin, f->entries[i].to->bytes);
}

static void safetensors_enter(safetensors_file *f, json_t *header) {
    jmp_buf escape;
    arena memory;
    arena_init(&memory, &f->into->source, &escape);
    if (setjmp(escape) == 0)
        safetensors_take(f, &memory, header);
    else
        safetensors_fail(f, STATUS_OUT_OF_MEMORY, "out of memory");
    arena_free(&memory);
}

static void safetensors_parse(safetensors_file *f, const unsigned char *bytes, size_t count) {
    uint64_t length = 0;
    if (count < SAFETENSORS_PREFIX) {
        safetensors_fail(f, STATUS_FORMAT, "%zu bytes are too few for a safetensors file", count);
        return;
    }
    for (int i = 0; i < SAFETENSORS_PREFIX; i++)
        length |= (uint64_t)bytes[i] << 8 * i;
    const char *header = (const char *)bytes + SAFETENSORS_PREFIX;
    if (length > SAFETENSORS_HEADER_LIMIT || length > count - SAFETENSORS_PREFIX) {
        safetensors_fail(f, STATUS_FORMAT, "a header of %llu bytes in a file of %zu",
                         (unsigned long long)length, count);
        return;
    }
    if (length == 0 || *header != '{') {
        safetensors_fail(f, STATUS_FORMAT, "the header does not begin with {");
        return;
    }
    json_error_t problem;
    json_t *json = json_loadb(header, (size_t)length, JSON_REJECT_DUPLICATES, &problem);
    if (!json) {
        bool memory = json_error_code(&problem) == json_error_out_of_memory;
        safetensors_fail(f, memory ? STATUS_OUT_OF_MEMORY : STATUS_FORMAT,
                         "header, line %d, column %d: %s", problem.line, problem.column,
                         problem.text);
        return;
    }
    f->data = bytes + SAFETENSORS_PREFIX + length;
    f->data_bytes = count - SAFETENSORS_PREFIX - (size_t)length;
    safetensors_enter(f, json);
    json_decref(json);
}

eddy_status eddy_params_load(eddy_params *s, const char *path) {
    void *bytes = NULL;
    size_t count = 0;
    if (!safetensors_ready(s, path))
        return eddy_params_status(s);
    safetensors_file f = {.path = path, .into = s};
    if (files_read_all(&s->disk, &s->source, path, PTRDIFF_MAX, &bytes, &count, &s->problem) ==
        STATUS_OK) {
        safetensors_parse(&f, bytes, count);
        allocator_give(&s->source, bytes, count + 1);
    }
    return eddy_params_status(s);
}
