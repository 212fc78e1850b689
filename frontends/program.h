/* Behind eddy_program: what runs must know beside the compiled code. */
#ifndef EDDY_FRONTENDS_PROGRAM_H
#define EDDY_FRONTENDS_PROGRAM_H

#include "frontends/eddy.h"
#include "jit/program.h"

typedef struct program_part {
    eddy_role role;
    size_t made;              /* position in the model among its role */
    eddy_init init;           /* PARAM */
    bool trainable, position; /* PARAM; STATE: counts the steps of an axis */
} program_part;

struct eddy_program {
    allocator source;
    program *code;
    int count;
    program_part *parts; /* by slot of code */
    int *order;          /* slots as the model made them: how users see them listed */
};

#endif
