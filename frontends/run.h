/* Behind eddy_run: its record, and what the files that work on it share. */
#ifndef EDDY_FRONTENDS_RUN_H
#define EDDY_FRONTENDS_RUN_H

#include "frontends/params.h"
#include "frontends/program.h"

typedef struct run_part {
    void *memory; /* STATE: its elements */
    size_t bytes;
    void *next; /* during a resize: what memory will be */
    size_t next_bytes;
    union {
        double f64;
        float f32;
        int32_t i32;
        uint8_t boolean;
    } scalar; /* INPUT: what eddy_run_scalar gave */
} run_part;

struct eddy_run {
    const eddy_program *program;
    eddy_params *params;
    allocator source;
    error problem;
    program_run *code;           /* NULL: it could not be made; problem says why */
    bool sized;                  /* every extent is known */
    bool trains;                 /* the program updates parameters */
    bool called;                 /* with the params after ... */
    uint64_t changes;            /* ... so many changes */
    int64_t extents[LIMIT_AXES]; /* -1: not given yet */
    int count;
    run_part *parts; /* by slot */
};

/* ---- capi_run.c */
/* The slot of this role and name, -1 with the problem set. what: the function, for messages. */
int run_slot(eddy_run *r, eddy_role role, const char *what, const char *name);
/* Are `elements` what the slot has at these extents, and is memory there? Else the problem is set.
 */
bool run_fits(eddy_run *r, int slot, const char *what, const void *memory, size_t elements);
/* Records a mistake. Returns the kept status. */
eddy_status run_fail(eddy_run *r, eddy_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- capi_state.c: the memory of carried states through a resize */
/* Takes what these extents need anew; false with the problem set, and then nothing has changed. */
bool run_states_take(eddy_run *r, const int64_t *extents);
/* The resize failed: gives back what was taken. */
void run_states_drop(eddy_run *r);
/* The resize is done: uses what was taken. If that is any, all samples start anew. */
void run_states_keep(eddy_run *r);

#endif
