/* From a program that fails to a small one that still does. */
#ifndef EDDY_TESTS_SUPPORT_SHRINK_H
#define EDDY_TESTS_SUPPORT_SHRINK_H

#include "graph/graph.h"

/* Does this program fail in the way that is looked for, at these extents? Called often; must
 * survive every well-formed graph. */
typedef bool (*shrink_test)(const graph *g, const int64_t extents[LIMIT_AXES], void *user);

typedef struct shrink_result {
    const char *text; /* the graph, printed */
    size_t nodes;
    int64_t extents[LIMIT_AXES];
    int tries;
} shrink_result;

/* Drops results, puts arguments or new leaves in the place of values, makes feature dimensions and
 * extents smaller and forgets lengths, as long as the test still fails and at most `budget` times.
 * g must fail the test. The text lives in `memory`. */
shrink_result shrink_graph(const graph *g, const int64_t extents[LIMIT_AXES], int budget,
                           shrink_test test, void *user, arena *memory);

#endif
