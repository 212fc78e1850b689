/* A disk of a few files in memory, and what must hold of any file of tensors on it. */
#ifndef EDDY_TESTS_READERS_MEMORY_H
#define EDDY_TESTS_READERS_MEMORY_H

#include "tests/readers/reader.h"

/* Loads the bytes as a file of this name into an empty set. Either there is a message and the set
 * is empty as before, or what was read can be written and read in both formats to the same bytes.
 */
void memory_read(const char *name, const uint8_t *bytes, size_t count);

#endif
