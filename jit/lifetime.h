/* From which nest to which nest the memory of a buffer is needed. */
#ifndef EDDY_JIT_LIFETIME_H
#define EDDY_JIT_LIFETIME_H

#include "jit/nest.h"

/* Nests by their number in program order, both inclusive. first > last: no nest touches it. */
typedef struct lifetime {
    int32_t first, last;
} lifetime;

/* Loops that threads may run at the same time, as intervals. */
typedef struct lifetime_group {
    lifetime over; /* the nests of all */
    VEC(lifetime) members;
} lifetime_group;

typedef struct lifetime_loop {
    int axis;
    bool block;    /* a loop over blocks */
    lifetime over; /* its nests */
} lifetime_loop;

/* What is known of a plan's buffers, by number. */
typedef struct lifetime_table {
    const nest_plan *plan;
    lifetime *touched;   /* from the first nest that names it to the last */
    lifetime *live;      /* the same, with the turns of loops counted in */
    bool *kept;          /* prepared in one call and read in others too */
    bool *written_first; /* does the first of those nests store it, before any load? */
    bool *elsewhere;     /* is some access not at a step of the current block? */
    bool *short_lived;   /* is one block of it kept, and no more? As plan.c decides; live too */
    VEC(lifetime_loop) loops; /* inner before outer */
    VEC(lifetime_group) groups;
    VEC(const nest *) nests; /* in program order */
} lifetime_table;

/* The lifetimes of all buffers of a plan, in `memory`. */
void lifetime_find(const nest_plan *plan, arena *memory, lifetime_table *out);
/* Are one block's steps of the buffer enough? Then *live is when they are needed, and *axis is the
 * axis. */
bool lifetime_of_block(const lifetime_table *t, size_t buffer, lifetime *live, int *axis);
/* Does this index name the step that the enclosing loop over the axis is at, or run over the steps
 * of the enclosing block? */
bool lifetime_is_this_step(const nest *n, nest_ref index, int axis);
/* Is the buffer scratch of one turn of this loop? */
bool lifetime_is_scratch(const lifetime_table *t, size_t buffer, const lifetime_loop *loop);
/* Is there a nest during which both are needed? */
bool lifetime_meet(lifetime left, lifetime right);

/* ---- handover.c */
/* Elements low .. low + size - 1 along one feature dimension; dimension -1: all. */
typedef struct handover_slice {
    int dimension;
    int64_t low, size;
} handover_slice;
/* May `born` take the memory of this slice of `dying` although both live in the nest that writes
 * the one first: element by element, each after its last use? */
bool handover_allows(const lifetime_table *t, size_t dying, handover_slice slice, size_t born);
/* Does this instruction load, in each iteration, the element of the slice that the store of `born`
 * would overwrite? */
bool handover_reads(const lifetime_table *t, const nest *n, size_t dying, handover_slice slice,
                    const nest_instruction *load, const nest_instruction *store);

#endif
