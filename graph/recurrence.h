/* What kind of recurrence a graph is, from how the next states depend on the states. */
#ifndef EDDY_GRAPH_RECURRENCE_H
#define EDDY_GRAPH_RECURRENCE_H

#include "graph/graph.h"

/* How a value depends on the states of the step before. */
typedef enum recurrence_reach {
    RECURRENCE_NONE,    /* not at all */
    RECURRENCE_PLACE,   /* each element on the elements of states at its own place */
    RECURRENCE_ANYWHERE /* an element on elements elsewhere */
} recurrence_reach;

/* States that depend on each other, and how. */
typedef struct recurrence {
    int states;
    bool affine;   /* the next states are affine in the states */
    bool place;    /* each element depends on its own place alone ... */
    bool own;      /* ... and on no other state there */
    bool constant; /* the Jacobian is made of parameters alone */
    bool matrix;   /* a state has two dimensions or more, of which a row shares its transition */
    int64_t delay; /* the longest */
} recurrence;

/* "affine, diagonal", ... */
const char *recurrence_name(const recurrence *r, arena *memory);
/* The names for all states along an axis: "nonlinear, dense"; "affine, diagonal (s); nonlinear,
 * dense (h)", where some do not depend on others; "no recurrence". */
const char *recurrence_words(const graph *g, int axis, arena *memory);

#endif
