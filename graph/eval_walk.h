/* Nests of counted loops over several operands at once: where each operand stands while the loops
 * run. */
#ifndef EDDY_GRAPH_EVAL_WALK_H
#define EDDY_GRAPH_EVAL_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/limits.h"

enum { EVAL_WALK_RANK = 2 * LIMIT_AXES + 2 * LIMIT_RANK };

/* Loops from the outermost to the innermost; at least one after eval_walk_pack. */
typedef struct eval_walk {
    int operands, rank;
    int64_t extent[EVAL_WALK_RANK];
    int64_t *stride[EVAL_WALK_RANK]; /* of each operand, in elements */
} eval_walk;

typedef struct eval_cursor {
    const eval_walk *walk;
    int64_t at[EVAL_WALK_RANK];
    int64_t *offset; /* of each operand, at the beginning of the innermost loop */
} eval_cursor;

void eval_walk_init(eval_walk *w, int operands);
/* Adds a loop inside the others; the caller fills the strides, one for each operand, which are zero
 * at first. */
int64_t *eval_walk_loop(eval_walk *w, arena *memory, int64_t extent);
/* Drops loops of one step and joins neighbours that are one longer loop; the order of elements
 * stays. */
void eval_walk_pack(eval_walk *w, arena *memory);
/* offset: where the operands begin, moved along by the cursor. false if there is no element at all.
 * Then, for each row, the caller runs the innermost loop itself. */
bool eval_cursor_begin(eval_cursor *c, const eval_walk *w, int64_t *offset);
/* The next row; false after the last one, the offsets are then where they began. */
bool eval_cursor_next(eval_cursor *c);

#endif
