/* Sets of named tensors, shared by the programs that train, evaluate and sample.
 *
 * Compiled code reads and writes tensors in place, so a tensor never moves once it is made: each
 * has an allocation of its own, and loading a file copies into it. Sets have tens of tensors, at
 * most thousands: names are looked for one by one. */
#include "frontends/params.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/size.h"
#include "frontends/capi.h"

static const site params_nowhere = {NULL, 0};

/* ---- life */

eddy_params *eddy_params_new(const eddy_options *options, uint64_t seed) {
    allocator source = capi_allocator(options);
    eddy_params *s = allocator_take(&source, sizeof *s, 64);
    if (!s)
        return NULL;
    memset(s, 0, sizeof *s);
    s->source = source;
    s->disk = capi_files(options);
    s->seed = seed;
    return s;
}

void eddy_params_free(eddy_params *s) {
    if (!s)
        return;
    params_cut(s, 0);
    allocator_give(&s->source, s->tensors, (size_t)s->capacity * sizeof *s->tensors);
    allocator source = s->source;
    allocator_give(&source, s, sizeof *s);
}

eddy_status eddy_params_status(const eddy_params *s) {
    return s ? (eddy_status)s->problem.code : EDDY_OUT_OF_MEMORY;
}

const char *eddy_params_message(const eddy_params *s) {
    return s ? s->problem.message : "out of memory";
}

void eddy_params_clear(eddy_params *s) {
    if (s)
        error_clear(&s->problem);
}

void eddy_params_close(eddy_params *s, bool closed) {
    if (s)
        s->closed = closed;
}

/* ---- tensors */

params_tensor *params_find(const eddy_params *s, const char *name) {
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->tensors[i]->name, name) == 0)
            return s->tensors[i];
    return NULL;
}

static bool params_reserve(eddy_params *s) {
    if (s->count < s->capacity)
        return true;
    int capacity = s->capacity ? 2 * s->capacity : 16;
    params_tensor **tensors =
        allocator_take(&s->source, (size_t)capacity * sizeof *tensors, sizeof(void *));
    if (!tensors)
        return false;
    if (s->count)
        memcpy(tensors, s->tensors, (size_t)s->count * sizeof *tensors);
    allocator_give(&s->source, s->tensors, (size_t)s->capacity * sizeof *tensors);
    s->tensors = tensors;
    s->capacity = capacity;
    return true;
}

params_tensor *params_add(eddy_params *s, const char *name, dtype type, const op_shape *shape,
                          bool trainable) {
    char words[256];
    size_t length = strlen(name) + 1, bytes = 0;
    int64_t elements = op_shape_elements(shape);
    assert(!params_find(s, name));
    if (elements < 0 || !size_multiply((size_t)elements, dtype_size(type), &bytes) ||
        bytes > SIZE_MAX / 2) {
        error_set(&s->problem, STATUS_SIZE, params_nowhere, "params: %s, %s, is too large", name,
                  params_describe(dtype_name(type), shape, words, sizeof words));
        return NULL;
    }
    params_tensor *t = NULL;
    if (params_reserve(s) &&
        (t = allocator_take(&s->source, sizeof *t + length, sizeof(void *))) != NULL) {
        *t = (params_tensor){.name = (char *)(t + 1),
                             .type = type,
                             .shape = *shape,
                             .elements = (size_t)elements,
                             .bytes = bytes,
                             .trainable = trainable,
                             .data = allocator_take(&s->source, bytes, 64)};
        if (t->data) {
            memcpy(t->name, name, length);
            memset(t->data, 0, bytes);
            return s->tensors[s->count++] = t;
        }
        allocator_give(&s->source, t, sizeof *t + length);
    }
    error_set(&s->problem, STATUS_OUT_OF_MEMORY, params_nowhere,
              "params: out of memory for %s, %zu bytes", name, bytes);
    return NULL;
}

void params_cut(eddy_params *s, int count) {
    while (s->count > count) {
        params_tensor *t = s->tensors[--s->count];
        allocator_give(&s->source, t->data, t->bytes);
        allocator_give(&s->source, t, sizeof *t + strlen(t->name) + 1);
    }
}

const char *params_describe(const char *type, const op_shape *shape, char *out, size_t bytes) {
    int used = snprintf(out, bytes, "%s [", type);
    for (int i = 0; i < shape->rank && used >= 0 && (size_t)used < bytes; i++)
        used += snprintf(out + used, bytes - (size_t)used, "%s%lld", i ? ", " : "",
                         (long long)shape->dimension[i]);
    if (used >= 0 && (size_t)used < bytes)
        snprintf(out + used, bytes - (size_t)used, "]");
    return out;
}

int eddy_params_count(const eddy_params *s) {
    return s ? s->count : 0;
}

bool eddy_params_at(const eddy_params *s, int i, eddy_tensor *out) {
    if (!s || i < 0 || i >= s->count)
        return false;
    const params_tensor *t = s->tensors[i];
    *out = (eddy_tensor){.name = t->name,
                         .dtype = (eddy_dtype)t->type,
                         .rank = t->shape.rank,
                         .elements = t->elements,
                         .trainable = t->trainable,
                         .data = t->data};
    memcpy(out->dimensions, t->shape.dimension, sizeof out->dimensions);
    return true;
}

/* ---- copies */

/* The tensor of this name and size; NULL after a mistake. */
static params_tensor *params_wanted(eddy_params *s, const char *what, const char *name,
                                    const void *memory, size_t elements) {
    if (!s || s->problem.code != STATUS_OK)
        return NULL;
    params_tensor *t = name ? params_find(s, name) : NULL;
    char words[256];
    if (!t) {
        char known[LIMIT_MESSAGE / 2] = "";
        size_t used = 0;
        for (int i = 0; i < s->count && used < sizeof known; i++) {
            int more = snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                s->tensors[i]->name);
            used += more > 0 ? (size_t)more : 0;
        }
        error_set(&s->problem, STATUS_ARGUMENT, params_nowhere,
                  "%s: there is no parameter \"%s\"; there are: %s", what, name ? name : "",
                  s->count ? known : "none");
    } else if (!memory || elements != t->elements) {
        error_set(&s->problem, memory ? STATUS_SIZE : STATUS_ARGUMENT, params_nowhere,
                  "%s: %s is %s with %zu elements, but %zu are given%s", what, name,
                  params_describe(dtype_name(t->type), &t->shape, words, sizeof words), t->elements,
                  elements, memory ? "" : " at NULL");
    } else {
        return t;
    }
    return NULL;
}

eddy_status eddy_params_read(eddy_params *s, const char *name, void *to, size_t elements) {
    const params_tensor *t = params_wanted(s, "read", name, to, elements);
    if (t)
        memcpy(to, t->data, t->bytes);
    return eddy_params_status(s);
}

eddy_status eddy_params_write(eddy_params *s, const char *name, const void *from, size_t elements) {
    params_tensor *t = params_wanted(s, "write", name, from, elements);
    if (t) {
        memcpy(t->data, from, t->bytes);
        s->changes++;
    }
    return eddy_params_status(s);
}
