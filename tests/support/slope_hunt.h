/* One random program's gradient: is it right, and if not, where is the fault? */
#ifndef EDDY_TESTS_SUPPORT_SLOPE_HUNT_H
#define EDDY_TESTS_SUPPORT_SLOPE_HUNT_H

#include "tests/support/slope.h"

typedef struct slope_find {
    arena memory;
    jmp_buf escape;
    const char *report; /* which witness disagreed, and by how much */
    const char *text;   /* the smallest program found that still has a wrong gradient */
    size_t nodes;       /* its size */
} slope_find;

/* The program of this seed; when its gradient is wrong, or its loss reads padding, it is made
 * smaller as long as that stays so. */
slope_verdict slope_hunt(uint64_t seed, slope_find *out);
void slope_find_free(slope_find *f);

#endif
