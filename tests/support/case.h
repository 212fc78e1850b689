/* The cases of tests/ref/cases: a model in equations, inputs, values and gradients from PyTorch. */
#ifndef EDDY_TESTS_SUPPORT_CASE_H
#define EDDY_TESTS_SUPPORT_CASE_H

#include <jansson.h>

#include "tests/support/equation.h"
#include "tests/support/trial.h"

typedef struct test_case {
    trial t;
    equations e;
    json_t *json;
} test_case;

typedef enum case_extents {
    CASE_RUN_TIME, /* extents are run-time numbers */
    CASE_FIXED     /* the graph knows them */
} case_extents;

/* Loads a case and builds its graph with f32 or f64 numbers; its outputs and the gradients of each
 * of its losses become outputs ("h", "grad loss W"). All functions: false with a message in c->t.
 */
bool case_open(test_case *c, const char *name, case_extents extents, dtype real);
void case_close(test_case *c);
/* The leaves that have gradients. */
void case_variables(test_case *c, node_list *out);
/* All outputs by the evaluator, the reference and the compiled program against PyTorch's numbers:
 * 1e-10 (f32: 2e-5) of the largest number of the table. */
bool case_check(test_case *c);
/* The three witnesses on the loss, with this value (NULL: the loss) for the transposed one. */
bool case_witness(test_case *c, const char *y);
/* An array of the JSON file as doubles, in the trial's memory. */
double *case_numbers(test_case *c, const json_t *data);

/* One whole test: opens, checks, closes, in f64 and in f32; on false the reason was printed to
 * stderr. */
bool case_passes(const char *name, case_extents extents);
/* The same with the witnesses. */
bool case_passes_witnesses(const char *name, const char *y);

#endif
