/* The numbers that all competitors share, in files: what a program is given, and what ours found.
 */
#ifndef EDDY_TESTS_BENCH_STORE_H
#define EDDY_TESTS_BENCH_STORE_H

#include <jansson.h>

#include "tests/bench/measure.h"

/* Fills memory with numbers in [-0.5, 0.5), or ids of symbols, that depend on the name alone. */
void store_draw(void *to, eddy_dtype type, size_t elements, const char *name);

/* Writes weights for a program that has none yet to a safetensors file of the folder, and reads
 * them. False when that fails. */
bool store_weights(const eddy_program *p, eddy_params *params, const char *folder);

/* Where the program's inputs and weights (EDDY_INPUT) or outputs (EDDY_OUTPUT) are, row-major: a
 * list of {name, dtype, shape, file, offset}, the caller's. Inputs and outputs are written now.
 * NULL when a file cannot be written. */
json_t *store_tensors(measure_use *use, eddy_role role, const char *folder);

#endif
