/* What the element-wise family lends to others: maximum as a body (folds use it) and the weight of
 * logsumexp adjoints. */
#ifndef EDDY_OPS_ELEMENTWISE_H
#define EDDY_OPS_ELEMENTWISE_H

#include "ops/op.h"

/* The larger; NaN if either is. Equal arguments give y (so max(+0, -0) is -0). */
body_ref elementwise_max(body *b, body_ref x, body_ref y);
/* exp(x - y), 0 where y is -inf: the share of x in y = log(sum(exp(x))). The guard sits inside exp,
 * so that the weight's own adjoint has no 0 * NaN. */
op_node *elementwise_weight(op_builder *b, op_node *x, op_node *y);

#endif
