/* What the view ops of features lend to those of loop axes. */
#ifndef EDDY_OPS_VIEW_H
#define EDDY_OPS_VIEW_H

#include "ops/op.h"

/* Every element of n from the same place of an argument. */
void view_identity(const op_node *n, int argument, op_view *view);

#endif
