/* `eddy check`: a cell alone, run in several ways that must agree. */
#ifndef EDDY_FRONTENDS_CLI_EXAMINE_H
#define EDDY_FRONTENDS_CLI_EXAMINE_H

#include "frontends/cli/cell.h"
#include "frontends/cli/session.h"
#include "graph/graph.h"

/* What a program is to be. */
typedef struct examine_kind {
    eddy_dtype type;
    bool ragged, carried, training;
    int surrogates; /* capi_surrogates */
} examine_kind;

/* A model of the cell, and its axes. */
typedef struct examine_model {
    eddy_model *m;
    eddy_axes t, b;
} examine_model;

/* Steps and samples of the whole that a call is about. */
typedef struct examine_part {
    int64_t t, steps, b, samples;
} examine_part;

typedef struct examine {
    arena *memory;
    cell_source cell;
    bool colour;
    int faults, warnings;
} examine;

enum { EXAMINE_STEPS = 9, EXAMINE_SAMPLES = 3, EXAMINE_OTHER = 4 /* extent of other axes */ };

/* ---- examine.c */
typedef enum examine_verdict {
    EXAMINE_OK,
    EXAMINE_FAULT,
    EXAMINE_WARNING,
    EXAMINE_NOTE
} examine_verdict;
/* One line of the answer. line: of the file, 0: none. */
void examine_say(examine *e, examine_verdict verdict, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Where the cell gives the gradient of this input, or of any for NULL; 0: it does not. */
int examine_adjoint_line(const examine *e, const char *input);
/* Where the cell introduces this input, parameter, state or result; 0: it does not. */
int examine_line(const examine *e, const char *name);
/* The cell with inputs of its own and its results as outputs. */
examine_model examine_build(const examine *e, examine_kind kind);

/* ---- examine_call.c */
/* Compiles and frees the model; false when it is refused, with the reason. */
bool examine_begin(const examine_model *of, eddy_params *params, session *s, char *why,
                   size_t size);
/* Sets extents and fills every input of floats, integers and bools by its name and place alone;
 * scale: of floats. lengths: of an input of that name, NULL when there is none. */
void examine_fill(examine *e, session *s, const examine_part *part, double scale,
                  const int32_t *lengths);
/* What an input is filled with. */
void *examine_input(examine *e, const eddy_slot *slot, const examine_part *part, double scale,
                    const int32_t *lengths);
/* A copy of output i after a call; NULL when there are not that many. */
void *examine_output(examine *e, session *s, int i, eddy_slot *slot);
/* Is there a finite number in the values of an output? */
bool examine_has_number(const eddy_slot *slot, const void *all, const examine_part *whole);
/* Has output `some`, of a part, the bits that `all`, of the whole, has there? */
bool examine_equal(const eddy_slot *slot, const void *all, const examine_part *whole,
                   const void *some, const examine_part *part);

/* ---- examine_evaluate.c */
typedef struct examine_look {
    session *s; /* of a program that has all inputs and parameters of the model */
    eddy_params *params;
    examine_part part;
    double scale;
} examine_look;
typedef struct examine_values {
    graph g; /* the model's, gradients written out */
    const eval *at;
} examine_values;
/* All values of a model, node by node, on the inputs of a call; false with the reason. */
bool examine_evaluate(examine *e, const examine_model *of, const examine_look *look,
                      examine_values *out, char *why, size_t size);

/* ---- the checks */
void examine_gradients(examine *e);
void examine_bits(examine *e);
void examine_reading(examine *e);
void examine_hazards(examine *e);

#endif
