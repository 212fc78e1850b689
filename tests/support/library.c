/* A cell of the library alone in a model, for questions about its graph. */
#include "tests/support/library.h"

#include "frontends/capi.h"
#include "graph/recurrence.h"
#include "jit/program.h"

const char *library_class(const eddy_cells *cells, int cell, arena *memory) {
    eddy_cell_about about;
    eddy_cell_part part;
    eddy_argument list[40] = {{0}};
    error problem = {0};
    int count = 0;
    double size = 4;
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_cells_at(cells, cell, &about);
    for (int i = 0; eddy_cells_part(cells, cell, i, &part); i++)
        if (part.role == EDDY_CELL_DIMENSION) {
            list[count++] = (eddy_argument){part.name, NULL, size};
            size += 4;
        }
    (eddy_use_alone)(m, cells, about.name, t, b, list, (eddy_site){__FILE__, 1});
    bool good = eddy_model_status(m) == EDDY_OK;
    graph *g = good ? pipeline_rewrite(&m->graph, memory, &problem) : NULL;
    const char *words = g ? recurrence_words(g, graph_axis_find(g, "t"), memory) : NULL;
    eddy_model_free(m);
    return words;
}
