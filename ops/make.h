/* Making nodes in words: one function per op, and the compositions that rules of the semantics ask
 * for (masks of reductions, fitting, softmax). Adjoints, the graph's passes and the C API all write
 * with these.
 *
 * A NULL argument or an earlier mistake gives NULL; numbers take the dtype of the value they meet.
 */
#ifndef EDDY_OPS_MAKE_H
#define EDDY_OPS_MAKE_H

#include "ops/op.h"

/* ---- leaves */
/* A scalar (domain {}, shape []) of dtype t. */
op_node *make_number(op_builder *b, dtype t, double value);
/* A number of x's dtype. */
op_node *make_like(op_builder *b, const op_node *x, double value);
/* shape elements of dtype t, row-major. */
op_node *make_constant(op_builder *b, dtype t, const op_shape *shape, const void *data);
/* 0 with x's dtype, shape and domain (a view of one number). */
op_node *make_zero(op_builder *b, const op_node *x);
op_node *make_input(op_builder *b, const char *name, dtype t, uint32_t domain,
                    const op_shape *shape);
op_node *make_param(op_builder *b, const char *name, dtype t, uint32_t domain,
                    const op_shape *shape);
op_node *make_step(op_builder *b, int axis);   /* i32 {axis} []: 0, 1, 2, ... within this call */
op_node *make_extent(op_builder *b, int axis); /* i32 {} [] */
/* The axis's lengths if it has any and their domain lies inside `domain`, else its extent: i32.
 * (rule 3) */
op_node *make_end(op_builder *b, int axis, uint32_t domain);
/* step(axis) < end: bool. */
op_node *make_valid(op_builder *b, int axis, uint32_t domain);
/* 0 <= i && i < end: bool. */
op_node *make_inside(op_builder *b, op_node *i, int axis, uint32_t domain);

/* ---- element-wise */
op_node *make_unary(op_builder *b, op_id op, op_node *x);
op_node *make_binary(op_builder *b, op_id op, op_node *x, op_node *y);
op_node *make_neg(op_builder *b, op_node *x);
op_node *make_add(op_builder *b, op_node *x, op_node *y);
op_node *make_sub(op_builder *b, op_node *x, op_node *y);
op_node *make_mul(op_builder *b, op_node *x, op_node *y);
op_node *make_div(op_builder *b, op_node *x, op_node *y);
op_node *make_select(op_builder *b, op_node *condition, op_node *x, op_node *y);
op_node *make_cast(op_builder *b, op_node *x, dtype to);
op_node *make_keep(op_builder *b, op_node *x);
/* Uniform in [0, 1) of dtype t (f32, f64) and this shape, keyed by seed (i32 scalar), stream and
 * the absolute indices (i32 values of domain {axis}); its domain is the union of theirs. (rule 12)
 */
op_node *make_random(op_builder *b, dtype t, const op_shape *shape, op_node *seed,
                     op_node *const *indices, int n, uint64_t stream);
/* y with an adjoint of the user's own: arguments y, xs[n], gxs[n], cotangent. The gxs are written
 * in terms of the leaf `cotangent`, which stands for dy. n = 0 stops the gradient. */
op_node *make_custom(op_builder *b, const char *name, op_node *y, op_node *const *xs,
                     op_node *const *gxs, int n, op_node *cotangent);
op_node *make_cotangent(op_builder *b, const op_node *y);
op_node *make_stop(op_builder *b, op_node *y);
/* Stands for d(sum of loss)/d(wrt), with wrt's type. */
op_node *make_gradient(op_builder *b, op_node *loss, op_node *wrt);

/* ---- feature dimensions */
op_node *make_slice(op_builder *b, op_node *x, int dimension, int64_t low, int64_t size);
op_node *make_pad(op_builder *b, op_node *x, int dimension, int64_t low, int64_t size);
op_node *make_concat(op_builder *b, op_node *const *xs, int n, int dimension);
op_node *make_reshape(op_builder *b, op_node *x, const op_shape *shape);
op_node *make_transpose(op_builder *b, op_node *x, const int8_t *permutation);
op_node *make_broadcast(op_builder *b, op_node *x, const op_shape *shape);
/* The dimension stays with size 1 (x - reduce(x) broadcasts). */
op_node *make_reduce(op_builder *b, op_node *x, int dimension, op_kind kind);
op_node *make_gather(
    op_builder *b, op_node *x,
    op_node *i); /* x[i] along dimension 0; shape i.shape + x.shape[1:]; out of range reads 0 */
/* out[v] = sum of g over `over` and over i's dimensions where i == v: shape [size] + rest of g's.
 * Masks padding as total does. */
op_node *make_scatter(op_builder *b, op_node *g, op_node *i, int64_t size, uint32_t over);
op_node *make_onehot(op_builder *b, op_node *i, int64_t size, dtype t); /* i: [] -> [size] */
op_node *make_softmax(op_builder *b, op_node *x, int dimension);
op_node *make_log_softmax(op_builder *b, op_node *x, int dimension);

/* ---- loop axes */
op_node *make_expand(op_builder *b, op_node *x,
                     uint32_t axes); /* adds those axes that x lacks; x itself if none */
/* Fold over axes; x is expanded over those it lacks; padding is skipped by selection (rules 4, 5).
 */
op_node *make_total(op_builder *b, op_node *x, uint32_t over, op_kind kind);
/* Einsum on features, then a sum over axes, padding skipped on both operands. */
op_node *make_contract(op_builder *b, const char *spec, op_node *x, op_node *y, uint32_t over);
/* x read at step - k inside [0, end), else init at this step. x may lack the axis. k not 0. */
op_node *make_delay(op_builder *b, op_node *x, int axis, int distance, op_node *init);
/* A state: a delay whose x is bound later. domain is completed by the axis and init's domain. */
op_node *make_open_delay(op_builder *b, int axis, int distance, op_node *init, dtype t,
                         uint32_t domain, const op_shape *shape);
op_node *make_at(op_builder *b, op_node *x, int axis, op_node *i, op_node *init);
op_node *make_last(op_builder *b, op_node *x, int axis, op_node *init);
/* The adjoint of `at`: out[s] = sum of g where i == s, over the axes of g that `domain` lacks and
 * `axis` (rule 16). */
op_node *make_put(op_builder *b, op_node *g, int axis, op_node *i, uint32_t domain);
op_node *make_stack(op_builder *b, op_node *x,
                    int axis); /* axis -> new dimension 0; padding is 0 */
op_node *make_spread(op_builder *b, op_node *x, int axis); /* dimension 0 -> axis */

/* A contribution g made exactly as large as n: broadcast dimensions summed, surplus axes totalled,
 * missing ones expanded (rule 15). */
op_node *make_fit(op_builder *b, op_node *g, const op_node *n);

#endif
