/* A program as an object file, a C header and a manifest, for callers who have nothing of this
 * library (aot*.c). */
#ifndef EDDY_JIT_AOT_H
#define EDDY_JIT_AOT_H

#include "graph/graph.h"
#include "jit/emit.h"

/* A step of training, as more programs of an object, and what only the maker of their graphs knows.
 * `user` is handed back to the functions. */
typedef struct aot_training {
    const graph *step;          /* updates parameters, what the optimiser keeps, and states */
    const graph *gradient;      /* the same model: updates states alone, and its last outputs are
                                   gradients; NULL: there is none ... */
    const char *no_gradient;    /* ... because */
    const char *const *learned; /* the params that those gradients are of, in their order */
    size_t learned_count;
    bool (*is_state)(void *user, const char *param);
    /* Is it nothing but what training keeps from step to step, zeros at first? */
    bool (*is_kept)(void *user, const char *param);
    void *user;
} aot_training;

/* What only the maker of the graph knows. `user` is handed back to the functions. */
typedef struct aot_request {
    const char *prefix;    /* of every symbol: a C identifier */
    const char *file;      /* the name of the files, without what follows the dot */
    const char *producer;  /* "Eddy 0.1.0" */
    const machine *target; /* NULL: the host's */
    bool multi;            /* for x86-64-v2, v3 and v4, and `target` is not looked at */
    uint32_t carried;      /* axes that go on in the next call */
    /* Is this param memory of one stream (what a carried axis keeps)? */
    bool (*is_state)(void *user, const char *param);
    /* The elements of a param that is not, to be part of the object; NULL after a mistake, which is
     * then in *problem. The function NULL: the object holds no weights. */
    const void *(*weights)(void *user, const char *param, dtype type, const op_shape *shape,
                           error *problem);
    bool apart; /* those elements are a file of their own, and not part of the object */
    bool flush; /* denormals are zeros inside of calls; the target is one that aot_flushes */
    const aot_training *training; /* NULL: the object does not train */
    void *user;
} aot_request;

typedef struct aot_files {
    emit_object object;
    char *header, *manifest, *weights; /* weights NULL: there are none apart */
    size_t header_bytes, manifest_bytes, weights_bytes;
} aot_files;

/* aot_flush.c: can denormals be taken for zeros there? */
bool aot_flushes(const machine *target);
/* Compiles every output and update of g. false with *problem set. */
bool aot_compile(const graph *g, const aot_request *request, const allocator *source,
                 aot_files *out, error *problem);
void aot_files_free(aot_files *files);

#endif
