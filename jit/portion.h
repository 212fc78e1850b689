/* Loops whose samples run one part after the other. */
#ifndef EDDY_JIT_PORTION_H
#define EDDY_JIT_PORTION_H

#include "jit/nest.h"

/* Fills nest_item.portion; split_plan has been there. Takes scratch from `memory`. */
void portion_plan(nest_plan *plan, arena *memory);

#endif
