/* Sets of named tensors, as runs and files see them. */
#ifndef EDDY_FRONTENDS_PARAMS_H
#define EDDY_FRONTENDS_PARAMS_H

#include "core/io.h"
#include "frontends/eddy.h"
#include "ops/op.h"

typedef struct params_tensor {
    char *name;
    dtype type;
    op_shape shape;
    size_t elements, bytes;
    bool trainable;
    void *data; /* never moves */
} params_tensor;

struct eddy_params {
    allocator source;
    files disk;
    uint64_t seed;
    bool closed;
    error problem;
    uint64_t changes; /* grows whenever elements of tensors change, but for their initial values */
    params_tensor **tensors;
    int count, capacity;
};

/* ---- params.c */
/* NULL when there is none. */
params_tensor *params_find(const eddy_params *s, const char *name);
/* A new tensor of zeros at the end; NULL with the problem set when memory runs out or the size
 * overflows. */
params_tensor *params_add(eddy_params *s, const char *name, dtype type, const op_shape *shape,
                          bool trainable);
/* Forgets the tensors from number `count` on. */
void params_cut(eddy_params *s, int count);
/* "f32 [3, 4]", of the name of an element type, in a buffer of the caller's, cut if it is too
 * short. Returns it. */
const char *params_describe(const char *type, const op_shape *shape, char *out, size_t bytes);

/* ---- params_init.c */
/* NULL when tensors of this dtype can begin so, else why not. */
const char *params_init_fault(eddy_init init, dtype type);
/* Gives t its initial values; false with the problem set when memory runs out. */
bool params_init(eddy_params *s, params_tensor *t, eddy_init init);

#endif
