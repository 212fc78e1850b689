/* Which held-out texts repeat a run of training text. */
#ifndef EXAMPLES_OVERLAP_H
#define EXAMPLES_OVERLAP_H

#include <stdbool.h>
#include <stddef.h>

/* Some bytes that belong to somebody else. */
typedef struct overlap_span {
    const unsigned char *bytes;
    size_t length;
} overlap_span;

/* Sets shares[i] for every held-out span i that has `run` (> 0) consecutive bytes in common with
 * one of the training spans, or, when it is shorter than `run`, is equal to one of them; clears the
 * others. Exact: hashes only point at candidates. Returns false when memory is short. */
bool overlap_find(const overlap_span *held, size_t held_count, const overlap_span *train,
                  size_t train_count, size_t run, bool *shares);

#endif
