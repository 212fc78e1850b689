/* The cell that a command works on: of a file in the cell language, or of the library. */
#ifndef EDDY_FRONTENDS_CLI_CELL_H
#define EDDY_FRONTENDS_CLI_CELL_H

#include "frontends/cli/cli.h"

typedef struct cell_source {
    const char *name;
    const char *path;     /* NULL: of the library */
    eddy_cells *cells;    /* of the file or the library; NULL: a cell in C */
    int number;           /* among the cells */
    const char *input;    /* the one that takes what the model reads */
    int64_t width;        /* that it must have; 0: any */
    eddy_argument *given; /* dimensions and numbers */
    int given_count;
} cell_source;

/* Reads a file; when it has mistakes prints them all on stderr and ends the process. */
eddy_cells *cell_load(const char *path);
/* path NULL: the cell `name` of the library; else the cell of the file, its last one when name is
 * NULL. set: "H=128,dt=0.1", or NULL; size: of every dimension that neither it nor the input gives.
 * A mistake ends the process. */
cell_source cell_find(arena *memory, const char *path, const char *name, const char *set,
                      int64_t size);
/* The same for a cell of any inputs, every dimension with a size of its own. */
cell_source cell_open(arena *memory, const char *path, const char *name, const char *set);
/* The same, every dimension with the size that is given, or that it has in weights (NULL: there are
 * none). */
cell_source cell_exact(arena *memory, const char *path, const char *name, const char *set,
                       const eddy_params *weights);
/* "lstm"; of a file with its dimensions and numbers: "mgu with D=4 H=8". */
const char *cell_title(const cell_source *c, arena *memory);
/* The cell with inputs of its own, named as in the file, and its results as outputs. */
void cell_alone(const cell_source *c, eddy_model *m, eddy_axes t, eddy_axes b, bool training);
/* The first output so far that is a float, NULL if there is none; outputs are none any more. */
eddy_value cell_result(eddy_model *m);
/* The sum of the squares of all outputs so far that are f32; NULL: there are none. */
eddy_value cell_squares(eddy_model *m);
void cell_free(cell_source *c);
/* A layer of it over x [D]: a vector. */
eddy_value cell_use(const cell_source *c, eddy_model *m, const char *name, eddy_axes t,
                    eddy_value x, bool training);

#endif
