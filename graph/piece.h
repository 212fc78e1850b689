/* Small pieces of printed graphs: axes, shapes, dtypes. false after a recorded mistake. */
#ifndef EDDY_GRAPH_PIECE_H
#define EDDY_GRAPH_PIECE_H

#include "graph/graph.h"
#include "graph/scan.h"

/* The largest size that is accepted: sums of a few of them do not overflow. */
#define PIECE_LARGEST (INT64_MAX / 8)

/* The name of an axis of g: its number. */
bool piece_axis(scan *s, const graph *g, int32_t *out);
/* {t,b}: a set of axes. */
bool piece_axes(scan *s, const graph *g, uint32_t *out);
/* [4, t]: numbers, and axes whose extents are meant. */
bool piece_shape(scan *s, const graph *g, op_shape *out);
bool piece_dtype(scan *s, dtype *out);
/* sum max lse argmax: an op_kind. */
bool piece_kind(scan *s, int32_t *out);
/* (1,0): at most LIMIT_RANK dimensions. */
bool piece_permutation(scan *s, int8_t *out);

#endif
