/* How the nests of a plan are shared among threads. */
#ifndef EDDY_JIT_SPLIT_H
#define EDDY_JIT_SPLIT_H

#include "jit/nest.h"

/* Names the range of each nest that is cut by samples. */
void split_plan(nest_plan *plan);

#endif
