/* Plans of nests built by hand, and a slow interpreter of plans: the twin that compiled code must
 * equal bit for bit. */
#ifndef EDDY_TESTS_SUPPORT_NEST_KIT_H
#define EDDY_TESTS_SUPPORT_NEST_KIT_H

#include "jit/emit.h"

/* ---- building; every number returned is a position in the plan or on the tape */
nest_plan *kit_plan(arena *memory);
/* axes ends with -1. */
int kit_buffer(nest_plan *p, nest_storage storage, dtype type, const int *axes, int rank,
               const int64_t *shape);
/* A kernel at the end of `list` (NULL: the program), inside `loops` (ends with -1, NULL: none). */
nest *kit_nest(nest_plan *p, nest_list *list, const char *name, const int *loops);
/* A loop at the end of the program; returns its body. */
nest_list *kit_loop(nest_plan *p, int axis, int sign);

enum { KIT_FOLDED = 1, KIT_DESCENDING = 2, KIT_ORDERED = 4 };
/* Adds a range; returns its index value. */
nest_ref kit_range(nest_plan *p, nest *n, int64_t count, int flags);
nest_ref kit_special(nest_plan *p, nest *n, nest_op op, body_type type, int which);
nest_ref kit_body(nest_plan *p, nest *n, body_op op, body_type type, nest_ref a, nest_ref b,
                  nest_ref c);
nest_ref kit_integer(nest_plan *p, nest *n, int64_t value);
nest_ref kit_real(nest_plan *p, nest *n, body_type type, double value);
/* at: `count` indices. */
nest_ref kit_load(nest_plan *p, nest *n, int buffer, int count, const nest_ref *at);
void kit_store(nest_plan *p, nest *n, int buffer, int count, const nest_ref *at, nest_ref value);
/* A fold from `identity`; its state before the step. kit_fold_next closes it; returns the result.
 */
nest_ref kit_fold(nest_plan *p, nest *n, body_type type, body_value identity);
nest_ref kit_fold_next(nest_plan *p, nest *n, int fold, nest_ref next);

/* ---- running */
/* Elements of a buffer under these extents; those of NEST_BLOCK too if the plan has blocks. */
size_t kit_elements(const nest_buffer *b, const int64_t *extents);
/* The same, as if every extent were at least 1: a load at a clamped place may read what an empty
 * axis does not have. */
size_t kit_held(const nest_buffer *b, const int64_t *extents);
/* What holds one block of steps is filled with NaN before each block. */
void kit_interpret(const nest_plan *p, void *const *buffers, const int64_t *extents);
/* Fills inputs and params at random, runs the plan in all ways (interpreted; compiled for every row
 * that the host has, on 1, 2 and 3 threads) and compares every byte of every buffer and of what
 * lies behind it; a NaN equals a NaN. NULL, or what differs first. */
const char *kit_check(nest_plan *p, const int64_t *extents, uint64_t seed);

#endif
