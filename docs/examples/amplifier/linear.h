/* How close a filter without bends comes. */
#ifndef EXAMPLES_LINEAR_H
#define EXAMPLES_LINEAR_H

#include <stddef.h>

enum { LINEAR_TAPS = 64 };

/* The error-to-signal ratio of the best filter of so many taps (up to LINEAR_TAPS) and a constant,
 * fitted to the very samples that it is judged on. out is not silent. */
double linear_error(const float *in, const float *out, size_t count, int taps);

#endif
