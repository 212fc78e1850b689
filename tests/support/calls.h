/* A program that calls objects of library cells, for tests that build and run it: each cell over a
 * whole sequence, over pieces of it, and step by step, with what is prepared kept or not; what it
 * must write is what runs give. */
#ifndef EDDY_TESTS_SUPPORT_CALLS_H
#define EDDY_TESTS_SUPPORT_CALLS_H

#include "core/text.h"
#include "frontends/eddy.h"
#include "tests/support/outside.h"

enum { CALLS_WAYS = 4 /* of cutting a sequence; each writes the same */, CALLS_MOST = 100 };

/* For such programs: paint() before a call, and used() behind it, which is how many bytes of the
 * stack the call took, give or take CALLS_FRAME of the caller's own. Both do nothing with
 * -DWATCHED: for sanitizers, whose memset is another one, and valgrind, as bytes are read that
 * nobody wrote. And it must be linked with -z now, as else a function is looked for, on that stack,
 * when it is called first. */
extern const char calls_stack[];
enum { CALLS_FRAME = 128 };

typedef struct calls {
    text program, list;     /* its functions, and what main calls */
    outside_bytes expected; /* results and states, one cell after the other */
    int count;
    size_t end[CALLS_MOST]; /* of each cell in those bytes */
} calls;

void calls_begin(calls *c, arena *memory);
/* Makes <cell>.o and so on in the folder of outside.h, for a target and a cpu of
 * eddy_object_options. */
void calls_add(calls *c, const eddy_cells *cells, int cell, const char *target, const char *cpu);
/* Writes the program to a file there. It includes "numbers.h". */
void calls_write(calls *c, const char *name);
void calls_end(calls *c);

#endif
