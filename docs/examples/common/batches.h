/* A long text as a sequence of [steps][streams] blocks for truncated back-propagation. */
#ifndef EXAMPLES_BATCHES_H
#define EXAMPLES_BATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text is cut into `streams` pieces of `stride` symbols that are read side by side; block k of
 * a piece goes on where block k - 1 stopped, so a state carried from block to block has read
 * everything before it. Every symbol is a target once; its input is the symbol before it, for the
 * first of the text the given one. */
typedef struct batches {
    const int32_t *symbols; /* the caller's */
    size_t length;
    int32_t before;        /* the input of the very first target */
    size_t streams, steps; /* B and T */
    size_t stride;         /* symbols of the text from one stream's start to the next one's */
    size_t blocks;         /* blocks in one pass over the text */
} batches;

/* For training: whole blocks only, so less than steps symbols per stream, and less than `streams`
 * more, are left unread at the end. False when the text has not a single block (or a size is 0). */
bool batches_for_training(batches *plan, const int32_t *symbols, size_t length, int32_t before,
                          size_t streams, size_t steps);

/* For evaluation: every symbol is a target exactly once; the last block, and the last streams, may
 * be ragged. False when a size is 0; an empty text has no blocks. */
bool batches_for_evaluation(batches *plan, const int32_t *symbols, size_t length, int32_t before,
                            size_t streams, size_t steps);

/* Fills inputs and targets, both [steps][streams] row-major. `block` may count on: after a pass
 * over the text (blocks blocks) it starts again; batches must not be empty then. lengths[streams],
 * unless NULL, gets how many steps of each stream are real (always `steps` in training); past
 * these, inputs and targets are 0. Returns the number of real targets. */
size_t batches_fill(const batches *plan, size_t block, int32_t *inputs, int32_t *targets,
                    int32_t *lengths);

#endif
