/* `eddy bench`: a cell alone, timed beside what other frameworks make of it. */
#ifndef EDDY_FRONTENDS_CLI_BENCH_H
#define EDDY_FRONTENDS_CLI_BENCH_H

#include "frontends/cli/cell.h"
#include "frontends/cli/peer.h"
#include "frontends/cli/session.h"

typedef struct bench_input {
    eddy_slot slot;
    void *values;
} bench_input;

typedef struct bench {
    arena *memory;
    cell_source cell;
    int64_t steps, samples;
    int threads, shown;
    double seconds;
    VEC(bench_input) inputs; /* of the program that was begun last */
    peer peers[PYTHON_WAYS];
    bool wrong; /* a peer computes something else, or failed */
} bench;

/* The largest norm of a difference over that of the tensor. Sums of other orders in f32 give 1e-5,
 * with them a step at the other side of a kink 1e-4; a wrong term gives 1e-2 and more. Where the
 * last bits of weights and inputs make more of a difference, so many times as much is allowed. */
#define BENCH_BOUND     1e-3
#define BENCH_ROUNDINGS 10.0

/* ---- bench.c */
/* The cell alone; training: as it is when it is trained. */
eddy_model *bench_cell(const bench *of, bool training);

/* ---- bench_compare.c */
/* What a peer computes, held against a call of ours. */
typedef struct bench_compared {
    bool runs;           /* it can be timed */
    const char *refusal; /* NULL, or why not */
    const char *worst;   /* the tensor that differs most; NULL: ours are not finite */
    double difference, allowed;
} bench_compared;
/* Has the peer begin with the cell, the weights and the inputs of a run that was called. */
bench_compared bench_compare(bench *of, peer *p, session *s, eddy_params *params, bool training);

#endif
