/* Checks that the infer functions of all families share. Each returns false after it has recorded a
 * mistake that names the op, the values and what to do. */
#ifndef EDDY_OPS_INFER_H
#define EDDY_OPS_INFER_H

#include "ops/op.h"

/* The mnemonic of n's op, for messages. */
const char *infer_name(const op_node *n);
/* The union of all arguments' domains. */
uint32_t infer_join(const op_node *n);
/* Sets n's shape to what arguments first, first + 1, ... broadcast to, and its domain to the union
 * of all arguments'. */
bool infer_broadcast(op_builder *b, op_node *n, int first);
/* Arguments first .. n->count have one dtype. */
bool infer_one_dtype(op_builder *b, const op_node *n, int first);
/* Argument i is f32 or f64; is not bool; is bool. */
bool infer_is_float(op_builder *b, const op_node *n, int i);
bool infer_is_number(op_builder *b, const op_node *n, int i);
bool infer_is_bool(op_builder *b, const op_node *n, int i);
/* Argument i is i32; `what` says its part ("the index"). */
bool infer_is_integer(op_builder *b, const op_node *n, int i, const char *what);
/* Argument i has shape []; `what` says its part. */
bool infer_is_scalar(op_builder *b, const op_node *n, int i, const char *what);
/* The axis, each axis of the set exists. */
bool infer_axis(op_builder *b, const op_node *n, int axis);
bool infer_axes(op_builder *b, const op_node *n, uint32_t axes);
/* Dimensions are positive numbers (or extents of axes) whose product fits in 64 bits, the rank is
 * within the limit. */
bool infer_shape(op_builder *b, const op_node *n, const op_shape *shape);
/* 0 <= dimension < x's rank. */
bool infer_dimension(op_builder *b, const op_node *n, const op_node *x, int dimension);
/* That dimension is moreover a number, not the extent of an axis. */
bool infer_fixed(op_builder *b, const op_node *n, const op_node *x, int dimension);
/* The axes n->attributes.over lie in `domain`. */
bool infer_over(op_builder *b, const op_node *n, uint32_t domain);
/* Argument i (an init) has n's dtype and stretches to n's shape. */
bool infer_init(op_builder *b, const op_node *n, int i);
/* Argument i (an axis's lengths) is i32 [] with a domain inside `domain`. */
bool infer_lengths(op_builder *b, const op_node *n, int i, uint32_t domain);

#endif
