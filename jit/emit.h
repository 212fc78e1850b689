/* From nests to an object file in memory, by LLVM (emit_*.c, object.c): the only folder that sees
 * LLVM, and only .c files do. */
#ifndef EDDY_JIT_EMIT_H
#define EDDY_JIT_EMIT_H

#include "core/sanitize.h"
#include "jit/nest.h"

/* What a machine may have no instructions for. */
enum {
    MACHINE_FMA = 1,      /* a product is rounded, and then the sum */
    MACHINE_FLOOR = 2,    /* it is made of conversions, exactly */
    MACHINE_F64 = 4,      /* programs that compute in it are refused */
    MACHINE_ADDRESSES = 8 /* functions have numbers, and no place at a distance from data */
};

/* A row of the machine table (machine.def): how wide vectors are and how large register tiles may
 * be. */
typedef struct machine {
    const char *name;     /* "avx512", "avx2", "neon" */
    const char *target;   /* what users call its kind: "x86-64", "cortex-m4f" */
    const char *triple;   /* the system that LLVM compiles for; NULL: this one */
    const char *cpu;      /* what LLVM and the compilers call it: "x86-64-v4" */
    const char *features; /* beyond the cpu's, as LLVM writes them; NULL: none */
    const char *abi;      /* by LLVM's name; NULL: the system's only one */
    int pointer_bytes;    /* 8, 4 */
    int vector_bytes;     /* 64, 32, 16; 4: there are none */
    int tile_rows;        /* rows of a contraction's register tile */
    int tile_vectors;     /* vectors of it */
    unsigned lacks;       /* MACHINE_FMA, ... */
} machine;

typedef struct emit_options {
    const char *prefix;    /* of every symbol: "<prefix>_run" is the program's entry */
    const machine *target; /* NULL: the host's best (EDDY_CPU=avx2 forces a row for tests) */
    const machine *least;  /* of an object for several targets, one of which runs all: functions say
                              which they are for, or else any can run them; NULL: it is for one */
    bool debug;            /* line tables that name kernels */
    struct aot *interface; /* functions for callers without this library (aot.h); NULL: the entry
                              alone */
    sanitize instrument;   /* SANITIZE_BUILD where the code runs in a process like this one */
    bool watch;            /* the code says what it is about to run (EMIT_WATCH) */
    int pieces;            /* 2: in two object files, made at the same time; 0, 1: in one */
} emit_options;

/* An object file, as ahead-of-time compilation would write it. It imports nothing beyond memset,
 * memcpy, memmove, and what its sanitizer needs. */
typedef struct emit_object {
    void *bytes;
    size_t count;
    size_t second;            /* where a second object file begins; 0: there is one */
    const allocator *source;  /* where bytes came from */
    double milliseconds;      /* spent in LLVM */
    double side_milliseconds; /* on a core by a second thread meanwhile */
} emit_object;

enum { EMIT_SHARES = 2 /* ranges of a nest that threads share, at most */ };
/* What a thread tells the code that it runs, in 64-bit numbers. The threads of a call are a grid of
 * parts of the samples times parts of all else; thread number = part of samples * parts of units +
 * part of units. */
enum {
    /* [0, LIMIT_AXES): the index of each enclosing recurrence loop, by axis; the code writes it */
    EMIT_THREAD = LIMIT_AXES,
    EMIT_THREADS,
    EMIT_SAMPLE_PART,
    EMIT_SAMPLE_PARTS,
    EMIT_UNIT_PART,
    EMIT_UNIT_PARTS,
    EMIT_MEETING,     /* the nest_meeting that they keep; 0: none */
    EMIT_PREPARED,    /* 1: what the plan's prepared items make is there; 0: they must run */
    EMIT_MEET,        /* address of an emit_meet */
    EMIT_BARRIER,     /* for that function alone */
    EMIT_WATCH,       /* address of an emit_watch, in code that is watched ... */
    EMIT_WATCHED,     /* ... and for that function alone */
    EMIT_STEPS,       /* of a block: at least 1, and not more than the axis has, if it has any */
    EMIT_CHECKPOINTS, /* the extent of NEST_CHECKPOINTS */
    EMIT_PORTION,     /* bytes that a portion of the samples may need again in each step */
    /* of the current block, by the code: as nest_place; is it the first of a sweep? */
    EMIT_BLOCK_FIRST,
    EMIT_BLOCK_END,
    EMIT_BLOCK_NUMBER,
    EMIT_BLOCK_FRESH,
    EMIT_BLOCK_COUNT, /* EMIT_BLOCK_END - EMIT_BLOCK_FIRST */
    /* of the current nest, by the code: for each range that threads share where this one's part
     * begins and ends (or more, if that is where the range does) */
    EMIT_SHARE,
    EMIT_CONTEXT = EMIT_SHARE + 2 * EMIT_SHARES /* numbers in all */
};
enum { EMIT_NEAR = 16 << 10 /* bytes of a portion: half of a small first cache */ };
/* Returns when every thread of the call has called it. */
typedef void emit_meet(int64_t *context);
/* The nest that the thread is about to run, in the order of the plan's items, or a number of
 * watch.h. */
typedef void emit_watch(int64_t *context, int64_t number);
/* Fills a context; for one thread with one part of each, meet may be NULL. One block is all. */
void emit_context(int64_t *context, int thread, int sample_parts, int unit_parts, emit_meet *meet,
                  void *barrier);

/* ---- emit_pieces.c: void <prefix>_run(void *const *buffers, const int64_t *extents, int64_t
 * *context): buffers by plan number, extents by axis number; called by every thread with a context
 * of its own. false with *problem set (LLVM refused: a bug or an unknown machine). */
bool emit_plan(const nest_plan *plan, const emit_options *options, const allocator *source,
               emit_object *out, error *problem);
void emit_object_free(emit_object *object);
/* The best row that the host can run, or the one that EDDY_CPU names; NULL if there is none (no
 * AVX2 with FMA) or it cannot. */
const machine *machine_host(void);
/* Bytes of a core's own cache (the second); 1 MB where the system does not tell. */
size_t machine_cache(void);
/* A row by name or level, whether the host can run it or not; NULL: no such row. */
const machine *machine_find(const char *name);
/* The row that is meant where a target alone is named; NULL: no such target. */
const machine *machine_for(const char *target);
/* Numbers of so many bytes in a vector, at least 1. */
int machine_lanes(const machine *m, size_t bytes);
/* The most bytes that one piece of memory can have there. */
uint64_t machine_most(const machine *m);
/* What a processor must offer to run code for a row, in the words of compilers: "x86-64-v3"; for
 * other systems the row's name. */
const char *machine_level(const machine *m);
/* The version of the LLVM that is loaded. */
void machine_compiler(unsigned version[3]);

/* ---- engine.c: an object becomes callable (ORC LLJIT; never pages that are writable and
 * executable together) */
typedef void (*engine_entry)(void *const *buffers, const int64_t *extents, int64_t *context);
typedef struct engine engine;
engine *engine_load(const emit_object *object, const char *prefix, const allocator *source,
                    error *problem);
engine_entry engine_run(const engine *e);
void engine_free(engine *e);

#endif
