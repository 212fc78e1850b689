/* Interpolated Witten-Bell n-gram models: what a table of counts reaches on the same text. */
#ifndef EXAMPLES_NGRAM_H
#define EXAMPLES_NGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { NGRAM_ORDER_MAX = 16 };

/* Counts of all n-grams up to some order in one text. */
typedef struct ngram ngram;

/* Counts the n-grams of 1 to `order` (1 to NGRAM_ORDER_MAX) symbols in symbols[0 .. length); each
 * is between 0 and vocabulary - 1. NULL when memory is short (or length * order above 2^31).
 * ngram_free releases it. */
ngram *ngram_train(const int32_t *symbols, size_t length, int32_t vocabulary, int32_t order);

/* Bits per symbol that the model of order `order` (1 to the order trained) needs for symbols[0 ..
 * length), in which symbol i is predicted from the order - 1 before it, at the start from as many
 * as there are; 0 for an empty text. */
double ngram_bits(const ngram *model, int32_t order, const int32_t *symbols, size_t length);

/* Releases a model; NULL is fine. */
void ngram_free(ngram *model);

#endif
