/* Where the time of a program's calls goes: to which nest, and what that nest does with it. */
#ifndef EDDY_JIT_WATCH_H
#define EDDY_JIT_WATCH_H

#include "jit/cost.h"

/* number * the extents of axes */
typedef struct watch_amount {
    double number;
    cost_extents times;
} watch_amount;

/* A buffer that a nest reads or writes. */
typedef struct watch_buffer {
    int32_t which;
    watch_amount bytes; /* different ones that a call of the nest touches */
} watch_buffer;

typedef struct watch_nest {
    const char *name;
    int loop;                 /* number of the innermost loop around it; 0: none */
    watch_amount *arithmetic; /* of a call: multiply-adds and other operations on elements */
    watch_buffer *buffers;
    int arithmetic_count, buffer_count;
} watch_nest;

/* The nests of a plan, in the order of its items; the code reports them by their numbers. */
typedef struct watch_table {
    watch_nest *nests;
    int count;
} watch_table;

void watch_of(const nest_plan *plan, arena *memory, watch_table *out);

/* What a thread records, and what stands for the number of a nest while it runs none: it waits for
 * other threads, or is not in a call. */
typedef struct watch_record watch_record;
enum { WATCH_WAITING = -1, WATCH_NOTHING = -2 };
size_t watch_record_bytes(const watch_table *t);
/* All times are 0. `clock`: from watch_clock. */
void watch_clear(watch_record *r, const watch_table *t, int64_t clock);
/* From now on the thread runs this. */
void watch_switch(watch_record *r, int64_t number);
/* Nanoseconds that reading the clock takes; they are no nest's. */
int64_t watch_clock(void);

/* How a nest, or waiting, took part in all calls since the records were cleared. */
typedef struct watch_found {
    const char *name;
    double seconds; /* the mean of the threads */
    double calls;   /* of the nest, by the thread that made most */
    /* In all these calls, of all threads: arithmetic operations, bytes touched; and the bytes that
     * a turn of the innermost loop around touches, or a call where there is none. */
    double arithmetic, bytes, resident;
} watch_found;
/* Nest i, or behind the last one waiting; false behind that. extents: by axis, and of NEST_BLOCK
 * the steps of a block, on average. */
bool watch_read(const watch_table *t, watch_record *const *records, int threads,
                const double *extents, int i, watch_found *out);

#endif
