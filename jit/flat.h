/* Element-wise nests as one row of elements: what they compute, without where and how much. */
#ifndef EDDY_JIT_FLAT_H
#define EDDY_JIT_FLAT_H

#include "jit/nest.h"

/* A nest that does the same to elements number 0, 1, ... of whatever it loads and stores. */
typedef struct flat {
    nest *of;
    int64_t count;         /* elements */
    VEC(int64_t) lows;     /* by load or store, in tape order: the number of its first element */
    VEC(int64_t) numbers;  /* equal in nests that are the same but for buffers, lows and count */
    VEC(int32_t) operands; /* the buffers, in the order in which the tape names them */
} flat;

/* false: this nest is none. */
bool flat_look(const nest_plan *plan, nest *n, flat *out);
/* The kernel of nests with equal numbers. It is given the count and, where given[i], the low of
 * access i (elsewhere that is 0), behind the buffers; its operands, users and name are not set.
 * counted: the count of all is that of f, so that the kernel may know it. */
nest *flat_kernel(const nest_plan *plan, const flat *f, bool counted, const bool *given);

#endif
