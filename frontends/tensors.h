/* Files of named tensors, whatever their format: safetensors, npz, npy.
 *
 * A reader checks a file in full and lists what it holds; who asked then takes what it needs. What
 * a file says is never believed: sizes are checked before they are used, and memory is bounded by a
 * multiple of the file's size. */
#ifndef EDDY_FRONTENDS_TENSORS_H
#define EDDY_FRONTENDS_TENSORS_H

#include "core/text.h"
#include "frontends/params.h"

/* What files hold. The first ones are what params hold. */
typedef enum element {
    ELEMENT_F32 = DTYPE_F32,
    ELEMENT_F64 = DTYPE_F64,
    ELEMENT_I32 = DTYPE_I32,
    ELEMENT_BOOL = DTYPE_BOOL,
    ELEMENT_I64,
    ELEMENT_U8,
    ELEMENT_COUNT
} element;

typedef struct tensor_entry {
    const char *name;
    element kind;
    op_shape shape;
    const unsigned char *data; /* row-major, little-endian, at any address */
    size_t bytes;
    params_tensor *to; /* where it is taken to */
} tensor_entry;

typedef struct tensors {
    const char *path;
    error *problem;
    arena *memory;
    tensor_entry *at;
    size_t count;
    const char *giver; /* NULL: "the file has" */
    void *held;        /* what a reader has open, given back by `release` */
    void (*release)(struct tensors *);
} tensors;

/* ---- tensors.c */
/* "cannot load path: reason". Always false. */
bool tensors_fail(const tensors *t, status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reads a file of this format, told by its name (.npz, .npy, else safetensors), from memory that
 * must stay; the arena may escape. After either, and after a mistake, tensors_end. */
bool tensors_read(tensors *t, const unsigned char *bytes, size_t count);
void tensors_end(tensors *t);
bool tensors_named(const char *path, const char *end);
/* Are they not too many? */
bool tensors_most(const tensors *t, size_t count);
/* Is it 1 to LIMIT_NAME bytes of UTF-8 without a control character? What every format asks of a
 * name: archives hold no others, and messages print it. */
bool tensors_name(const tensors *t, const char *name);
/* "is not UTF-8"; NULL: nothing is wrong with it. */
const char *tensors_name_fault(arena *memory, const char *name);
/* The shape has these elements of this size, so many bytes. */
bool tensors_filled(const tensors *t, const tensor_entry *e);
/* "f32 [3, 4]" */
const char *tensors_describe(const tensor_entry *e, char *out, size_t bytes);
size_t element_size(element kind);
const char *element_name(element kind);
/* Element i as a number. */
double tensors_number(const tensor_entry *e, size_t i);
tensor_entry *tensors_find(const tensors *t, const char *name);
/* Puts all of them into a set: exactly those that it has, or, into an empty one, whatever there is.
 * Nothing is changed after a mistake. */
bool tensors_take(tensors *t, eddy_params *into);
/* May this set go to or come from a file of this name? */
bool tensors_ready(eddy_params *s, const char *path);
/* Reads `path` and hands what it holds to a function, which may make other tensors of it
 * before it takes them. Mistakes are the set's. */
typedef bool tensors_taker(tensors *t, eddy_params *into, void *user);
void tensors_load(eddy_params *into, const char *path, tensors_taker *take, void *user);

/* ---- one each */
bool safetensors_read(tensors *t, const unsigned char *bytes, size_t count);
bool npz_read(tensors *t, const unsigned char *bytes, size_t count);
bool npy_read(tensors *t, const unsigned char *bytes, size_t count);
void safetensors_save(eddy_params *s, arena *memory, const char *path);
/* The arena may escape: *out, NULL before, is to be forgotten in any case. */
typedef struct npz_archive npz_archive;
void npz_save(eddy_params *s, arena *memory, const char *path, npz_archive **out);
void npz_forget(npz_archive *z);

/* ---- npy.c */
/* The array in these bytes as entry e, whose name is set. */
bool npy_parse(const tensors *t, tensor_entry *e, const unsigned char *bytes, size_t count);
/* The header of an array; its length is a multiple of 64. */
void npy_header(text *out, element kind, const op_shape *shape);

#endif
