/* How long a call takes, by formulas in its extents, and so on how many threads it is shortest. */
#ifndef EDDY_JIT_COST_H
#define EDDY_JIT_COST_H

#include "jit/nest.h"

/* A product of extents; an axis may come twice. */
typedef struct cost_extents {
    const int *axes;
    int count;
} cost_extents;

typedef struct cost_nest {
    double seconds;      /* per product of extents, on one thread */
    double fetch;        /* the same for what it loads, if all of that comes from another core */
    cost_extents times;  /* of its run-time ranges and of the loops around it */
    bool alone, samples; /* left to one thread; cut by samples */
    bool narrow;         /* a contraction whose matrix only samples share */
    bool ends;           /* of samples that end one by one */
    int beside;          /* loops of which a thread can take one, this nest's among them; 0: none */
    double tiles;        /* that threads can share beside samples; INFINITY: counted at run time */
} cost_nest;

typedef struct cost_meetings {
    uint8_t kinds; /* nest_meeting */
    int beside;    /* as above */
    cost_extents times;
} cost_meetings;

typedef struct cost_table {
    int axis; /* of samples; -1: none */
    cost_nest *nests;
    size_t nest_count;
    cost_meetings *meetings;
    size_t meeting_count;
} cost_table;

/* Parts of the samples times parts of all else. */
typedef struct cost_grid {
    int samples, units;
} cost_grid;

/* The formulas of a plan that split_plan has seen, in `memory`. */
void cost_of(const nest_plan *plan, arena *memory, cost_table *out);
/* Estimated seconds of a call; meeting: those that threads lose where they meet. */
double cost_seconds(const cost_table *t, const int64_t *extents, cost_grid grid, double meeting);
/* The best grid of just so many threads. */
cost_grid cost_arrange(const cost_table *t, const int64_t *extents, int threads);

#endif
