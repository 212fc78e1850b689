/* What the tests ask of cells of the library. */
#ifndef EDDY_TESTS_SUPPORT_LIBRARY_H
#define EDDY_TESTS_SUPPORT_LIBRARY_H

#include "core/arena.h"
#include "frontends/eddy.h"

/* The class of the recurrence of a cell, in words: of its rewritten graph, where every dimension
 * has a size of its own. NULL: it cannot be built. */
const char *library_class(const eddy_cells *cells, int cell, arena *memory);

#endif
