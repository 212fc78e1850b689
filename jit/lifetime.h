/* From which nest to which nest the memory of a buffer is needed. */
#ifndef EDDY_JIT_LIFETIME_H
#define EDDY_JIT_LIFETIME_H

#include "jit/nest.h"

/* Nests by their number in program order, both inclusive. first > last: no nest touches it. */
typedef struct lifetime {
    int32_t first, last;
} lifetime;

/* The lifetimes of all buffers of a plan: out has buffers.count entries. Takes scratch from
 * `memory`. */
void lifetime_find(const nest_plan *plan, arena *memory, lifetime *out);
/* Is there a nest during which both are needed? */
bool lifetime_meet(lifetime left, lifetime right);

#endif
