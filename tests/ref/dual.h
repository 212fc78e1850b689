/* A reference of its own for everything the library computes: it reads the text of a printed graph
 * and evaluates values and derivatives along one direction in f64. It shares nothing with the
 * library but that language. */
#ifndef EDDY_TESTS_REF_DUAL_H
#define EDDY_TESTS_REF_DUAL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ref_graph ref_graph;

enum { REF_MESSAGE = 400 };

/* Reads a printed graph; NULL with a message (line and what was expected) after a mistake. */
ref_graph *ref_parse(const char *text, char message[REF_MESSAGE]);
void ref_free(ref_graph *g); /* NULL is ignored */

/* Sets the number of steps of an axis; false if there is no such axis. */
bool ref_extent(ref_graph *g, const char *axis, long steps);
/* Elements of an input, a param, an output or "%7" at the current extents; 0 if there is none. */
size_t ref_elements(const ref_graph *g, const char *name);
/* Gives an input or param its elements (axes as printed, then dimensions, row-major) and the
 * direction to differentiate along (NULL: 0). Whatever the dtype, elements are doubles. Both are
 * copied. false if there is no such leaf. */
bool ref_bind(ref_graph *g, const char *name, const double *values, const double *direction);

/* The elements of an output, or of node "%7", and their derivatives (NULL: not wanted). Steps past
 * the end of a sample are 0. false with a message: a value that depends on padding, on itself or on
 * a leaf that was not bound. */
bool ref_eval(ref_graph *g, const char *output, double *values, double *derivatives);
/* The same for the value that a param takes after the call. */
bool ref_eval_update(ref_graph *g, const char *param, double *values, double *derivatives);
const char *ref_message(const ref_graph *g);

#endif
