/* gather and scatter: elements at places that the program computes, along feature dimension 0.
 *
 * They are each other's adjoint. Places out of range are legal: gather reads 0 there and scatter
 * drops them, so padding, whose places are arbitrary, cannot fault. Duplicates add in the order of
 * steps and then of elements, one fixed order. */
#include "core/limits.h"
#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"

static bool gather_infer(op_builder *b, op_node *n) {
    const op_node *x = n->arguments[0], *i = n->arguments[1];
    int64_t dimensions[2 * LIMIT_RANK];
    int rank = 0;
    if (!infer_dimension(b, n, x, 0) || !infer_is_integer(b, n, 1, "the index"))
        return false;
    for (int d = 0; d < i->shape.rank; d++)
        dimensions[rank++] = i->shape.dimension[d];
    for (int d = 1; d < x->shape.rank; d++)
        dimensions[rank++] = x->shape.dimension[d];
    if (rank > LIMIT_RANK)
        return op_fail(b, STATUS_SHAPE,
                       "gather: %s at %s has %d dimensions; there may be at most %d",
                       op_describe(b, x), op_describe(b, i), rank, (int)LIMIT_RANK);
    n->dtype = x->dtype;
    n->domain = infer_join(n);
    n->shape = op_shape_make(rank, dimensions);
    return infer_shape(b, n, &n->shape);
}

/* gy at row i and 0 elsewhere: a scatter of one row, element by element. */
static op_node *gather_row(op_builder *b, const op_node *x, op_node *i, op_node *gy) {
    op_node *hit = make_onehot(b, i, x->shape.dimension[0], DTYPE_BOOL);
    op_shape column = x->shape;
    for (int d = 1; d < column.rank; d++)
        column.dimension[d] = 1;
    return make_select(b, make_reshape(b, hit, &column), gy, make_like(b, gy, 0));
}

static void gather_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *x = n->arguments[0], *i = n->arguments[1];
    uint32_t over = (gy->domain | i->domain) & ~x->domain;
    int64_t size = x->shape.dimension[0];
    bool row = over == 0 && i->shape.rank == 0 && size > 0 &&
               size <= LIMIT_CONSTANTS / (int64_t)sizeof(int32_t);
    out[0] = row ? gather_row(b, x, i, gy) : make_scatter(b, gy, i, size, over);
}

const op_info op_record_GATHER = {
    OP_RECORD(GATHER),
    .infer = gather_infer,
    .adjoint = gather_adjoint,
    .formula = "y[j..., k...] = x[i[j...], k...], 0 where i is out of range",
    .adjoint_formula = "dx = scatter(dy, i), of a single row select(i = v, dy, 0)",
    .about = "Rows of x at computed places: an embedding look-up, a label's probability.",
    .sample = {.low = -2, .high = 2}};

static bool scatter_infer(op_builder *b, op_node *n) {
    const op_node *g = n->arguments[0], *i = n->arguments[1];
    int64_t dimensions[LIMIT_RANK + 1];
    int rank = 0;
    if (!infer_is_float(b, n, 0) || !infer_is_integer(b, n, 1, "the index"))
        return false;
    bool fits = g->shape.rank >= i->shape.rank;
    for (int d = 0; fits && d < i->shape.rank; d++)
        fits = g->shape.dimension[d] == i->shape.dimension[d];
    if (!fits)
        return op_fail(b, STATUS_SHAPE,
                       "scatter: the shape of %s must begin with that of its index %s",
                       op_describe(b, g), op_describe(b, i));
    dimensions[rank++] = n->attributes.size;
    for (int d = i->shape.rank; d < g->shape.rank; d++)
        dimensions[rank++] = g->shape.dimension[d];
    if (rank > LIMIT_RANK)
        return op_fail(b, STATUS_SHAPE,
                       "scatter: %s at %s has %d dimensions; there may be at most %d",
                       op_describe(b, g), op_describe(b, i), rank, (int)LIMIT_RANK);
    uint32_t domain = infer_join(n);
    if (!infer_over(b, n, domain))
        return false;
    n->dtype = g->dtype;
    n->domain = domain & ~n->attributes.over;
    n->shape = op_shape_make(rank, dimensions);
    return infer_shape(b, n, &n->shape);
}

static void scatter_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    out[0] = make_gather(b, gy, n->arguments[1]);
}

const op_info op_record_SCATTER = {
    OP_RECORD(SCATTER),
    .infer = scatter_infer,
    .adjoint = scatter_adjoint,
    .formula = "y[v, k...] = sum over axes and j... with i[j...] == v of g[j..., k...]",
    .adjoint_formula = "dg = gather(dy, i)",
    .about =
        "Adds rows into computed places, duplicates in the order of steps and elements; the "
        "adjoint of gather.",
    .sample = {.low = -2, .high = 2}};
