/* Nests that do the same to other buffers share one kernel. */
#ifndef EDDY_JIT_SHARE_H
#define EDDY_JIT_SHARE_H

#include "jit/nest.h"

/* Sets `shared` and `operands` of every nest. */
void share_nests(nest_plan *plan);
/* The kernels that have more than one user, and who they are. */
void share_print(const nest_plan *plan, text *out);
/* Number of kernels: of nests that share none of an earlier one. */
int share_kernel_count(const nest_plan *plan);

#endif
