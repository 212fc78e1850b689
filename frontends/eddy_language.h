/* The cell language: cells as text, one step of one sample, as a paper prints it. docs/language.md
 * describes it. What a cell means is the functions of eddy.h that it stands for, and nothing else.
 * eddy.h includes this file.
 *
 *   eddy_cells *cells;
 *   if (eddy_cells_load(NULL, "mine.eddy", &cells) != EDDY_OK)
 *       puts(eddy_cells_report(cells));
 *   eddy_value h = eddy_use(m, cells, "mine", "first", t, NULL,
 *                            EDDY_WITH("x", x), EDDY_SIZE("H", 64)); */
#ifndef EDDY_LANGUAGE_H
#define EDDY_LANGUAGE_H

#include "eddy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The cells of one text. It may be shared once it is read. */
typedef struct eddy_cells eddy_cells;

/* Reads a file, or a text of this many bytes that is called `name` in messages (copied), and checks
 * every cell for all sizes of its dimensions. EDDY_BAD_FORMAT: there are mistakes, and the report
 * has them all; EDDY_IO, EDDY_BAD_SIZE (more than a mebibyte). *out is NULL only when there is no
 * memory; cells without mistakes of their own can be used. The dtype of the options is not asked
 * for. */
EDDY_API eddy_status eddy_cells_load(const eddy_options *options, const char *path,
                                     eddy_cells **out);
EDDY_API eddy_status eddy_cells_read(const eddy_options *options, const char *name,
                                     const char *text, size_t bytes, eddy_cells **out);
/* The cells that come with the library, which every text can use. */
EDDY_API eddy_status eddy_cells_library(const eddy_options *options, eddy_cells **out);
EDDY_API void eddy_cells_free(eddy_cells *c);
/* All mistakes as text, each with its line, a caret and notes; "" when there are none. */
EDDY_API const char *eddy_cells_report(const eddy_cells *c);
/* Mistake i, in order of place; false when there are not that many. Lines and columns count from
 * 1, columns in characters. help may be NULL; text is its part of the report. */
typedef struct eddy_mistake {
    const char *code; /* "E0301" */
    const char *file;
    int line, column, columns;
    const char *message, *help, *text;
} eddy_mistake;
EDDY_API bool eddy_cells_mistake(const eddy_cells *c, int i, eddy_mistake *out);
/* Kind i of mistake: its code, what it is about, and a text that holds it. */
typedef struct eddy_code {
    const char *code, *title, *about, *example;
} eddy_code;
EDDY_API bool eddy_cells_code(int i, eddy_code *out);

/* Cell i of the text: its name, the comment before it (with its #; "" when none), its file, where
 * the name is and how many lines the cell has; false when there are not that many. sound: no
 * mistake was found in it. */
typedef struct eddy_cell_about {
    const char *name, *about, *file;
    int line, column, lines;
    bool sound;
} eddy_cell_about;
EDDY_API bool eddy_cells_at(const eddy_cells *c, int i, eddy_cell_about *out);
/* Name i that cell `cell` (a number) introduces for its users, in this order of roles; false when
 * there are not that many. shape: as it is written, "[H, D]"; "" for a scalar. */
typedef enum eddy_cell_role {
    EDDY_CELL_DIMENSION,
    EDDY_CELL_INPUT,
    EDDY_CELL_NUMBER, /* of the head, with a value of its own */
    EDDY_CELL_STATE,
    EDDY_CELL_PARAM,
    EDDY_CELL_RESULT
} eddy_cell_role;
typedef struct eddy_cell_part {
    eddy_cell_role role;
    const char *name, *shape;
    int line, column;
} eddy_cell_part;
EDDY_API bool eddy_cells_part(const eddy_cells *c, int cell, int i, eddy_cell_part *out);

/* An input, a number, a dimension, or the value of a state before the first step, by name: value,
 * or number where value is NULL. A list ends with a NULL name. "train" is a number too: 1 in
 * training, else 0, the default. */
typedef struct eddy_argument {
    const char *name;
    eddy_value value;
    double number;
} eddy_argument;
#define EDDY_WITH(name, value)  {(name), (value), 0}
#define EDDY_SIZE(name, number) {(name), NULL, (number)}
#define EDDY_ARGUMENTS(...)     EDDY_LIST(eddy_argument, __VA_ARGS__, {NULL, NULL, 0})

/* Uses a cell of these cells, or of the library for NULL, over a time axis; parameters and states
 * stand under `name`. Returns the first result, and writes all of them to results, which may be
 * NULL; a complex one is two, its halves. Variadic: arguments as EDDY_WITH("x", x) and
 * EDDY_SIZE("H", 64). States hold the axes of the inputs. */
EDDY_API eddy_value eddy_use(eddy_model *m, const eddy_cells *from, const char *cell,
                             const char *name, eddy_axes time, eddy_value *results,
                             const eddy_argument *arguments, eddy_site here);
#define eddy_use(m, from, cell, name, time, results, ...)                                          \
    eddy_use((m), (from), (cell), (name), (time), (results), EDDY_ARGUMENTS(__VA_ARGS__), EDDY_HERE)
/* A model of a cell alone: makes an eddy_input over time and `batch` for every input that is not
 * given, and an eddy_output for every result, all under their own names. Returns the first. */
EDDY_API eddy_value eddy_use_alone(eddy_model *m, const eddy_cells *from, const char *cell,
                                   eddy_axes time, eddy_axes batch, const eddy_argument *arguments,
                                   eddy_site here);
#define eddy_use_alone(m, from, cell, time, batch, ...)                                            \
    eddy_use_alone((m), (from), (cell), (time), (batch), EDDY_ARGUMENTS(__VA_ARGS__), EDDY_HERE)

#ifdef __cplusplus
}
#endif

#endif
