/* Parameters in safetensors files: 8 bytes of header length (little-endian), a JSON header, the
 * tensors' bytes.
 *
 * Writing: tensors stand by falling element size, then by name, and the header is padded with
 * blanks to 8 bytes, so that every tensor is aligned in the file and equal sets give equal bytes.
 *
 * Reading trusts nothing: the header is an object without duplicate keys, every entry has exactly
 * the three fields, the extents' product is the size of its piece, and the pieces fill the data
 * without a hole or an overlap. */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/tensors.h"

enum { SAFETENSORS_HEADER_LIMIT = 100 << 20, SAFETENSORS_PREFIX = 8 };

static const char *const safetensors_names[ELEMENT_COUNT] = {"F32",  "F64", "I32",
                                                             "BOOL", "I64", "U8"};

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

static void safetensors_header(text *out, params_tensor *const *sorted, int count) {
    size_t at = 0;
    text_add(out, "{");
    for (int i = 0; i < count; i++) {
        const params_tensor *t = sorted[i];
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

void safetensors_save(eddy_params *s, arena *memory, const char *path) {
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

/* ---- reading */

typedef struct safetensors_file {
    tensors *t;
    const unsigned char *data; /* behind the header */
    size_t bytes;
} safetensors_file;

static bool safetensors_shape(const safetensors_file *f, tensor_entry *e, json_t *shape) {
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > LIMIT_RANK)
        return tensors_fail(f->t, STATUS_FORMAT,
                            "the shape of %s is not a list of at most %d numbers", e->name,
                            (int)LIMIT_RANK);
    int64_t dimensions[LIMIT_RANK];
    for (size_t i = 0; i < rank; i++) {
        json_t *n = json_array_get(shape, i);
        if (!json_is_integer(n) || json_integer_value(n) < 1)
            return tensors_fail(f->t, STATUS_FORMAT,
                                "dimension %zu of %s is not a positive integer", i, e->name);
        dimensions[i] = json_integer_value(n);
    }
    e->shape = op_shape_make((int)rank, dimensions);
    return true;
}

static bool safetensors_dtype(const safetensors_file *f, tensor_entry *e, json_t *name) {
    if (!json_is_string(name))
        return tensors_fail(f->t, STATUS_FORMAT, "the dtype of %s is not a string", e->name);
    for (int i = 0; i < ELEMENT_COUNT; i++)
        if (strcmp(json_string_value(name), safetensors_names[i]) == 0) {
            e->kind = (element)i;
            return true;
        }
    return tensors_fail(f->t, STATUS_FORMAT,
                        "the dtype of %s is %s; F32, F64, I32, I64, U8, BOOL are read", e->name,
                        json_string_value(name));
}

static bool safetensors_piece(const safetensors_file *f, tensor_entry *e, json_t *offsets) {
    json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to) ||
        json_integer_value(from) < 0 || json_integer_value(to) < json_integer_value(from))
        return tensors_fail(f->t, STATUS_FORMAT,
                            "the data_offsets of %s are not two rising positions", e->name);
    size_t begin = (size_t)json_integer_value(from), end = (size_t)json_integer_value(to);
    if (end > f->bytes)
        return tensors_fail(f->t, STATUS_FORMAT,
                            "%s ends at byte %zu, but there are %zu bytes of data", e->name, end,
                            f->bytes);
    e->data = f->data + begin;
    e->bytes = end - begin;
    return tensors_filled(f->t, e);
}

static bool safetensors_entry(const safetensors_file *f, tensor_entry *e, const char *name,
                              json_t *value) {
    *e = (tensor_entry){.name = name};
    if (!tensors_name(f->t, name))
        return false;
    json_t *type = json_object_get(value, "dtype"), *shape = json_object_get(value, "shape");
    json_t *offsets = json_object_get(value, "data_offsets");
    if (json_object_size(value) != 3 || !type || !shape || !offsets)
        return tensors_fail(f->t, STATUS_FORMAT,
                            "the entry of %s has not exactly dtype, shape and data_offsets", name);
    return safetensors_dtype(f, e, type) && safetensors_shape(f, e, shape) &&
           safetensors_piece(f, e, offsets);
}

static bool safetensors_metadata(const safetensors_file *f, json_t *value) {
    const char *key;
    json_t *word;
    if (!json_is_object(value))
        return tensors_fail(f->t, STATUS_FORMAT, "__metadata__ is not an object of strings");
    json_object_foreach(value, key, word) {
        if (!json_is_string(word))
            return tensors_fail(f->t, STATUS_FORMAT, "__metadata__ has a %s that is no string",
                                key);
    }
    return true;
}

static int safetensors_place(const void *a, const void *b) {
    const tensor_entry *x = a, *y = b;
    return x->data < y->data ? -1 : x->data > y->data;
}

/* The pieces, each at least a byte, fill the data: nothing is read twice and nothing is hidden. */
static bool safetensors_filled(const safetensors_file *f) {
    const unsigned char *at = f->data;
    for (size_t i = 0; i < f->t->count; i++) {
        const tensor_entry *e = &f->t->at[i];
        if (e->data != at)
            return tensors_fail(f->t, STATUS_FORMAT, "%s begins at byte %td of the data, not %td",
                                e->name, e->data - f->data, at - f->data);
        at += e->bytes;
    }
    if (at != f->data + f->bytes)
        return tensors_fail(f->t, STATUS_FORMAT, "bytes after the last tensor: %td",
                            f->data + f->bytes - at);
    return true;
}

static bool safetensors_entries(safetensors_file *f, json_t *header) {
    tensors *t = f->t;
    const char *name;
    json_t *value;
    if (!tensors_most(t, json_object_size(header)))
        return false;
    t->at = arena_array(t->memory, tensor_entry, json_object_size(header));
    json_object_foreach(header, name, value) {
        if (strcmp(name, "__metadata__") == 0) {
            if (!safetensors_metadata(f, value))
                return false;
        } else if (!safetensors_entry(f, &t->at[t->count++], name, value)) {
            return false;
        }
    }
    if (t->count)
        qsort(t->at, t->count, sizeof *t->at, safetensors_place);
    return safetensors_filled(f);
}

static void safetensors_release(tensors *t) {
    json_decref(t->held);
}

bool safetensors_read(tensors *t, const unsigned char *bytes, size_t count) {
    uint64_t length = 0;
    if (count < SAFETENSORS_PREFIX)
        return tensors_fail(t, STATUS_FORMAT, "%zu bytes are too few for a safetensors file",
                            count);
    for (int i = 0; i < SAFETENSORS_PREFIX; i++)
        length |= (uint64_t)bytes[i] << 8 * i;
    const char *header = (const char *)bytes + SAFETENSORS_PREFIX;
    if (length > SAFETENSORS_HEADER_LIMIT || length > count - SAFETENSORS_PREFIX)
        return tensors_fail(t, STATUS_FORMAT, "a header of %llu bytes in a file of %zu",
                            (unsigned long long)length, count);
    if (length == 0 || *header != '{')
        return tensors_fail(t, STATUS_FORMAT, "the header does not begin with {");
    json_error_t problem;
    json_t *json = json_loadb(header, (size_t)length, JSON_REJECT_DUPLICATES, &problem);
    if (!json) {
        bool memory = json_error_code(&problem) == json_error_out_of_memory;
        return tensors_fail(t, memory ? STATUS_OUT_OF_MEMORY : STATUS_FORMAT,
                            "header, line %d, column %d: %s", problem.line, problem.column,
                            problem.text);
    }
    t->held = json; /* names are its own */
    t->release = safetensors_release;
    safetensors_file f = {t, bytes + SAFETENSORS_PREFIX + length,
                          count - SAFETENSORS_PREFIX - (size_t)length};
    return safetensors_entries(&f, json);
}
