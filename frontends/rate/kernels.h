/* Loops that do nothing but keep one unit of the processor busy. */
#ifndef EDDY_FRONTENDS_RATE_KERNELS_H
#define EDDY_FRONTENDS_RATE_KERNELS_H

#include <stddef.h>

#include "frontends/rate/rate.h"

enum {
    KERNELS_ROUNDS = 20000,
    KERNELS_SUMS = 12,   /* vectors of sums under way at once */
    KERNELS_BLOCK = 1024 /* floats; read works on multiples of them */
};

/* A function that is NULL is not on this machine. Results are of no interest, but must be used, or
 * a compiler would leave out what makes them. */
typedef struct kernels {
    const char *name;
    int lanes;                              /* f32 in a vector */
    float (*multiply[RATE_TYPES])(void);    /* KERNELS_ROUNDS times KERNELS_SUMS vectors */
    float (*wait)(void);                    /* KERNELS_ROUNDS, each for the one before it */
    float (*read)(const float *, size_t n); /* n floats */
} kernels;

/* The widest vectors that there are; NULL: neither AVX-512 nor AVX2 with FMA. */
const kernels *kernels_choose(void);

#endif
