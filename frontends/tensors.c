/* What files of tensors have in common: which format a name asks for, and how tensors come into a
 * set of params.
 *
 * The whole file is read and checked before anything is touched; then its tensors are compared with
 * the set, and only then copied, which cannot fail. A format is told by the name alone: what is in
 * a file may claim to be anything. */
#include "frontends/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/size.h"

enum { TENSORS_MOST = 1 << 14 /* names are looked for one by one */ };

static const site tensors_nowhere = {NULL, 0};

static const struct {
    const char *name;
    size_t bytes;
} tensors_elements[ELEMENT_COUNT] = {{"f32", 4},  {"f64", 8}, {"i32", 4},
                                     {"bool", 1}, {"i64", 8}, {"u8", 1}};

size_t element_size(element kind) {
    return tensors_elements[kind].bytes;
}

const char *element_name(element kind) {
    return tensors_elements[kind].name;
}

bool tensors_fail(const tensors *t, status code, const char *format, ...) {
    char reason[LIMIT_MESSAGE / 2];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof reason, format, list);
    va_end(list);
    error_set(t->problem, code, tensors_nowhere, "cannot load %s: %s", t->path, reason);
    return false;
}

/* ---- reading */

bool tensors_named(const char *path, const char *end) {
    size_t length = strlen(path), most = strlen(end);
    return length > most && strcmp(path + length - most, end) == 0;
}

bool tensors_most(const tensors *t, size_t count) {
    if (count <= TENSORS_MOST)
        return true;
    return tensors_fail(t, STATUS_SIZE, "it has %zu tensors; at most %d are read", count,
                        (int)TENSORS_MOST);
}

const char *tensors_name_fault(arena *memory, const char *name) {
    size_t length = strlen(name), used;
    if (length < 1 || length > LIMIT_NAME)
        return arena_print(memory, "has not 1 to %d bytes", (int)LIMIT_NAME);
    for (size_t i = 0; i < length; i += used) {
        uint32_t code;
        used = text_read_character(name + i, length - i, &code);
        if (!used)
            return "is not UTF-8";
        if (code < 0x20 || (code >= 0x7F && code < 0xA0))
            return "has a control character";
    }
    return NULL;
}

bool tensors_name(const tensors *t, const char *name) {
    const char *fault = tensors_name_fault(t->memory, name);
    return !fault || tensors_fail(t, STATUS_FORMAT, "a tensor's name %s", fault);
}

const char *tensors_describe(const tensor_entry *e, char *out, size_t bytes) {
    return params_describe(element_name(e->kind), &e->shape, out, bytes);
}

bool tensors_filled(const tensors *t, const tensor_entry *e) {
    char words[256];
    int64_t elements = op_shape_elements(&e->shape);
    size_t bytes = 0;
    if (elements < 0 || !size_multiply((size_t)elements, element_size(e->kind), &bytes) ||
        bytes != e->bytes)
        return tensors_fail(t, STATUS_FORMAT, "%s is %s, which does not fill its %zu bytes",
                            e->name, tensors_describe(e, words, sizeof words), e->bytes);
    return true;
}

/* A byte that is neither 0 nor 1 would be another number in each place that reads it. */
static bool tensors_bools(const tensors *t) {
    for (size_t i = 0; i < t->count; i++)
        for (size_t k = 0; t->at[i].kind == ELEMENT_BOOL && k < t->at[i].bytes; k++)
            if (t->at[i].data[k] > 1)
                return tensors_fail(t, STATUS_FORMAT, "%s has a bool that is %d", t->at[i].name,
                                    t->at[i].data[k]);
    return true;
}

bool tensors_read(tensors *t, const unsigned char *bytes, size_t count) {
    bool read = tensors_named(t->path, ".npz")   ? npz_read(t, bytes, count)
                : tensors_named(t->path, ".npy") ? npy_read(t, bytes, count)
                                                 : safetensors_read(t, bytes, count);
    return read && tensors_bools(t);
}

void tensors_end(tensors *t) {
    if (t->release)
        t->release(t);
    t->release = NULL;
}

tensor_entry *tensors_find(const tensors *t, const char *name) {
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->at[i].name, name) == 0)
            return &t->at[i];
    return NULL;
}

double tensors_number(const tensor_entry *e, size_t i) {
    const unsigned char *from = e->data + i * element_size(e->kind);
    float f32;
    double f64;
    int32_t i32;
    int64_t i64;
    switch (e->kind) {
    case ELEMENT_F32:
        return memcpy(&f32, from, 4), (double)f32;
    case ELEMENT_F64:
        return memcpy(&f64, from, 8), f64;
    case ELEMENT_I32:
        return memcpy(&i32, from, 4), (double)i32;
    case ELEMENT_I64:
        return memcpy(&i64, from, 8), (double)i64;
    default:
        return (double)*from;
    }
}

/* ---- into a set */

static bool tensors_match(tensors *t, const eddy_params *s) {
    char here[256], there[256];
    for (size_t i = 0; i < t->count; i++) {
        tensor_entry *e = &t->at[i];
        e->to = params_find(s, e->name);
        if (!e->to)
            return tensors_fail(t, STATUS_MISSING, "the params have no %s", e->name);
        if ((element)e->to->type != e->kind || !op_shape_equal(&e->to->shape, &e->shape))
            return tensors_fail(
                t, STATUS_SHAPE, "%s is %s in the file, but %s in the params", e->name,
                tensors_describe(e, here, sizeof here),
                params_describe(dtype_name(e->to->type), &e->to->shape, there, sizeof there));
    }
    for (int i = 0; i < s->count; i++) {
        bool found = false;
        for (size_t k = 0; k < t->count && !found; k++)
            found = t->at[k].to == s->tensors[i];
        if (!found)
            return tensors_fail(t, STATUS_MISSING, "%s no %s", t->giver ? t->giver : "the file has",
                                s->tensors[i]->name);
    }
    return true;
}

static bool tensors_create(tensors *t, eddy_params *s) {
    for (size_t i = 0; i < t->count; i++) {
        tensor_entry *e = &t->at[i];
        e->to = params_add(s, e->name, (dtype)e->kind, &e->shape, false);
        if (!e->to) {
            params_cut(s, 0);
            return false;
        }
    }
    s->closed = true;
    return true;
}

bool tensors_take(tensors *t, eddy_params *into) {
    for (size_t i = 0; i < t->count; i++)
        if (t->at[i].kind >= (element)DTYPE_COUNT)
            return tensors_fail(t, STATUS_FORMAT, "%s is %s; f32, f64, i32 and bool are read",
                                t->at[i].name, element_name(t->at[i].kind));
    if (!(into->count ? tensors_match(t, into) : tensors_create(t, into)))
        return false;
    into->changes++;
    for (size_t i = 0; i < t->count; i++)
        memcpy(t->at[i].to->data, t->at[i].data, t->at[i].bytes);
    return true;
}

/* The arena may escape, and whatever changes until then is the caller's. */
static void tensors_enter(tensors *t, const void *bytes, size_t count, eddy_params *into,
                          tensors_taker *take, void *user) {
    jmp_buf escape;
    arena_init(t->memory, &into->source, &escape);
    if (setjmp(escape) != 0)
        tensors_fail(t, STATUS_OUT_OF_MEMORY, "out of memory");
    else if (tensors_read(t, bytes, count))
        (void)take(t, into, user);
}

void tensors_load(eddy_params *into, const char *path, tensors_taker *take, void *user) {
    void *bytes = NULL;
    size_t count = 0;
    arena memory;
    tensors t = {.path = path, .problem = &into->problem, .memory = &memory};
    if (files_read_all(&into->disk, &into->source, path, PTRDIFF_MAX, &bytes, &count,
                       &into->problem) != STATUS_OK)
        return;
    tensors_enter(&t, bytes, count, into, take, user);
    tensors_end(&t);
    arena_free(&memory);
    allocator_give(&into->source, bytes, count + 1);
}

/* ---- what users call */

bool tensors_ready(eddy_params *s, const char *path) {
    if (eddy_params_status(s) == EDDY_OK && !path)
        error_set(&s->problem, STATUS_ARGUMENT, tensors_nowhere, "params: the path is NULL");
    else if (eddy_params_status(s) == EDDY_OK && tensors_named(path, ".npy"))
        error_set(&s->problem, STATUS_ARGUMENT, tensors_nowhere,
                  "params: %s would be one array without a name; end it with .npz or .safetensors",
                  path);
    return eddy_params_status(s) == EDDY_OK;
}

static bool tensors_all(tensors *t, eddy_params *into, void *user) {
    (void)user;
    return tensors_take(t, into);
}

eddy_status eddy_params_load(eddy_params *s, const char *path) {
    if (tensors_ready(s, path))
        tensors_load(s, path, tensors_all, NULL);
    return eddy_params_status(s);
}

/* The user's own names, too, must be such as can be read again. */
static bool tensors_names_fit(eddy_params *s, arena *memory, const char *path) {
    const char *fault = NULL;
    int i = 0;
    while (i < s->count && !(fault = tensors_name_fault(memory, s->tensors[i]->name)))
        i++;
    if (fault)
        error_set(&s->problem, STATUS_ARGUMENT, tensors_nowhere,
                  "cannot write %s: the name of tensor %d %s", path, i, fault);
    return !fault;
}

static void tensors_save(eddy_params *s, arena *memory, const char *path, npz_archive **archive) {
    jmp_buf escape;
    arena_init(memory, &s->source, &escape);
    if (setjmp(escape) != 0)
        error_set(&s->problem, STATUS_OUT_OF_MEMORY, tensors_nowhere,
                  "cannot write %s: out of memory", path);
    else if (!tensors_names_fit(s, memory, path))
        return;
    else if (tensors_named(path, ".npz"))
        npz_save(s, memory, path, archive);
    else
        safetensors_save(s, memory, path);
}

eddy_status eddy_params_save(eddy_params *s, const char *path) {
    npz_archive *archive = NULL;
    arena memory;
    if (!tensors_ready(s, path))
        return eddy_params_status(s);
    tensors_save(s, &memory, path, &archive);
    npz_forget(archive);
    arena_free(&memory);
    return eddy_params_status(s);
}
