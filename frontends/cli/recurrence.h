/* What kind of recurrence a cell is, from how the next states depend on the states. */
#ifndef EDDY_FRONTENDS_CLI_RECURRENCE_H
#define EDDY_FRONTENDS_CLI_RECURRENCE_H

#include "graph/graph.h"

/* How a value depends on the states of the step before. */
typedef enum recurrence_reach {
    RECURRENCE_NONE,    /* not at all */
    RECURRENCE_PLACE,   /* each element on the elements of states at its own place */
    RECURRENCE_ANYWHERE /* an element on elements elsewhere */
} recurrence_reach;

typedef struct recurrence {
    int states;
    bool affine;   /* the next states are affine in the states */
    bool place;    /* each element depends on its own place alone ... */
    bool own;      /* ... and on no other state there */
    bool constant; /* the Jacobian is made of parameters alone */
    bool matrix;   /* a state has two dimensions or more */
} recurrence;

/* Of the states along an axis; states 0: there is none. */
recurrence recurrence_of(const graph *g, int axis, arena *memory);
/* "affine, diagonal", ... */
const char *recurrence_name(const recurrence *r);

#endif
