/* Element-wise ops and feature dimensions: thin words over ops/make.h. What is more than a word is
 * the resolution of negative dimensions and the short-hands (matmul, onehot, reduce over all). */
#include <assert.h>

#include "frontends/capi.h"

/* ---- element-wise */

#define UNARY(name, expression)                                                                    \
    eddy_value(name)(eddy_value x, eddy_site here) {                                               \
        CAPI_BUILD(eddy_value_model(x), here, expression);                                         \
    }
UNARY(eddy_neg, make_neg(b, x->node))
UNARY(eddy_abs, make_unary(b, OP_ABS, x->node))
UNARY(eddy_sign, make_unary(b, OP_SIGN, x->node))
UNARY(eddy_floor, make_unary(b, OP_FLOOR, x->node))
UNARY(eddy_sqrt, make_unary(b, OP_SQRT, x->node))
UNARY(eddy_square, make_mul(b, x->node, x->node))
UNARY(eddy_exp, make_unary(b, OP_EXP, x->node))
UNARY(eddy_expm1, make_unary(b, OP_EXPM1, x->node))
UNARY(eddy_log, make_unary(b, OP_LOG, x->node))
UNARY(eddy_log1p, make_unary(b, OP_LOG1P, x->node))
UNARY(eddy_tanh, make_unary(b, OP_TANH, x->node))
UNARY(eddy_sigmoid, make_unary(b, OP_SIGMOID, x->node))
UNARY(eddy_relu, make_binary(b, OP_MAX, x->node, make_like(b, x->node, 0)))
UNARY(eddy_sin, make_unary(b, OP_SIN, x->node))
UNARY(eddy_cos, make_unary(b, OP_COS, x->node))
UNARY(eddy_one_minus, make_sub(b, make_like(b, x->node, 1), x->node))
UNARY(eddy_not, make_unary(b, OP_NOT, x->node))
UNARY(eddy_keep, make_keep(b, x->node))
UNARY(eddy_stop, make_stop(b, x->node))

eddy_value(eddy_scale)(eddy_value x, double number, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, make_mul(b, x->node, make_like(b, x->node, number)));
}

eddy_value(eddy_shift)(eddy_value x, double number, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, make_add(b, x->node, make_like(b, x->node, number)));
}

eddy_value(eddy_cast)(eddy_value x, eddy_dtype type, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, make_cast(b, x->node, (dtype)type));
}

#define BINARY(name, id)                                                                           \
    eddy_value(name)(eddy_value x, eddy_value y, eddy_site here) {                                 \
        CAPI_BUILD(eddy_value_model(x), here, make_binary(b, OP_##id, x->node, capi_node(m, y)));  \
    }
BINARY(eddy_add, ADD)
BINARY(eddy_sub, SUB)
BINARY(eddy_mul, MUL)
BINARY(eddy_div, DIV)
BINARY(eddy_max, MAX)
BINARY(eddy_min, MIN)
BINARY(eddy_mod, MOD)
BINARY(eddy_logaddexp, LOGADDEXP)
BINARY(eddy_lt, LT)
BINARY(eddy_le, LE)
BINARY(eddy_eq, EQ)
BINARY(eddy_ne, NE)
BINARY(eddy_and, AND)
BINARY(eddy_or, OR)

static op_node *ops_select(eddy_model *m, eddy_value condition, eddy_value x, eddy_value y) {
    return make_select(&m->graph.builder, capi_node(m, condition), capi_node(m, x),
                       capi_node(m, y));
}

eddy_value(eddy_select)(eddy_value condition, eddy_value x, eddy_value y, eddy_site here) {
    CAPI_BUILD(eddy_value_model(condition), here, ops_select(m, condition, x, y));
}

/* The model of a list that ends with EDDY_END; NULL for a list that begins with a mistake. */
static eddy_model *ops_model(const eddy_value *values) {
    return values[0] == EDDY_END ? NULL : eddy_value_model(values[0]);
}

static op_node *ops_sum(eddy_model *m, const eddy_value *values) {
    op_node *sum = values[0]->node;
    for (int i = 1; values[i] != EDDY_END; i++)
        sum = make_add(&m->graph.builder, sum, capi_node(m, values[i]));
    return sum;
}

eddy_value(eddy_sum)(const eddy_value *values, eddy_site here) {
    CAPI_BUILD(ops_model(values), here, ops_sum(m, values));
}

/* ---- products */

eddy_value(eddy_contract)(const char *spec, eddy_value x, eddy_value y, eddy_axes over,
                          eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here,
               make_contract(b, spec ? spec : "", x->node, capi_node(m, y), over));
}

static op_node *ops_matmul(eddy_model *m, op_node *x, op_node *y) {
    static const char *const specs[3][3] = {
        [1] = {[1] = "k,k->", [2] = "k,kn->n"},
        [2] = {[1] = "mk,k->m", [2] = "mk,kn->mn"},
    };
    op_builder *b = &m->graph.builder;
    if (!x || !y)
        return NULL;
    const char *spec =
        x->shape.rank < 3 && y->shape.rank < 3 ? specs[x->shape.rank][y->shape.rank] : NULL;
    if (spec && x->dtype == y->dtype &&
        x->shape.dimension[x->shape.rank - 1] == y->shape.dimension[0])
        return make_contract(b, spec, x, y, 0);
    return capi_fail(m, EDDY_SHAPE_MISMATCH,
                     "matmul: %s @ %s: expected vectors or matrices of one dtype, and the last "
                     "dimension of the first to be the first dimension of the second",
                     op_describe(b, x), op_describe(b, y));
}

eddy_value(eddy_matmul)(eddy_value x, eddy_value y, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_matmul(m, x->node, capi_node(m, y)));
}

/* ---- one dimension */

static op_node *ops_reduce(eddy_model *m, op_node *x, int dimension, eddy_kind kind) {
    int i = capi_dimension(m, "reduce", x, dimension);
    return i < 0 ? NULL : make_reduce(&m->graph.builder, x, i, (op_kind)kind);
}

eddy_value(eddy_reduce)(eddy_value x, int dimension, eddy_kind kind, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_reduce(m, x->node, dimension, kind));
}

/* A fold of one dimension after the other would round differently, and argmax would be lost. */
static op_node *ops_reduce_all(eddy_model *m, op_node *x, eddy_kind kind) {
    op_builder *b = &m->graph.builder;
    int64_t elements = op_shape_elements(&x->shape);
    if (elements < 0)
        return capi_fail(m, EDDY_SHAPE_MISMATCH,
                         "reduce_all: a dimension of %s is known only when the program runs; "
                         "reduce its dimensions one by one",
                         op_describe(b, x));
    op_shape flat = op_shape_make(1, &elements), scalar = op_shape_make(0, NULL);
    op_node *row = x->shape.rank == 1 ? x : make_reshape(b, x, &flat);
    return make_reshape(b, make_reduce(b, row, 0, (op_kind)kind), &scalar);
}

eddy_value(eddy_reduce_all)(eddy_value x, eddy_kind kind, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_reduce_all(m, x->node, kind));
}

static op_node *ops_softmax(eddy_model *m, op_node *x, int dimension, bool logarithm) {
    int i = capi_dimension(m, logarithm ? "log_softmax" : "softmax", x, dimension);
    if (i < 0)
        return NULL;
    return logarithm ? make_log_softmax(&m->graph.builder, x, i)
                     : make_softmax(&m->graph.builder, x, i);
}

eddy_value(eddy_softmax)(eddy_value x, int dimension, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_softmax(m, x->node, dimension, false));
}

eddy_value(eddy_log_softmax)(eddy_value x, int dimension, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_softmax(m, x->node, dimension, true));
}

static op_node *ops_part(eddy_model *m, op_node *x, int dimension, int64_t low, int64_t size,
                         bool pad) {
    int i = capi_dimension(m, pad ? "pad" : "slice", x, dimension);
    if (i < 0)
        return NULL;
    return pad ? make_pad(&m->graph.builder, x, i, low, size)
               : make_slice(&m->graph.builder, x, i, low, size);
}

eddy_value(eddy_slice)(eddy_value x, int dimension, int64_t low, int64_t size, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_part(m, x->node, dimension, low, size, false));
}

eddy_value(eddy_pad)(eddy_value x, int dimension, int64_t low, int64_t size, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_part(m, x->node, dimension, low, size, true));
}

static op_node *ops_concat(eddy_model *m, int dimension, const eddy_value *values) {
    op_node *nodes[LIMIT_ARGUMENTS];
    int count = 0, i = capi_dimension(m, "concat", values[0]->node, dimension);
    if (i < 0)
        return NULL;
    for (; values[count] != EDDY_END; count++) {
        if (count == LIMIT_ARGUMENTS)
            return capi_fail(m, EDDY_BAD_ARGUMENT, "concat: more than %d values",
                             (int)LIMIT_ARGUMENTS);
        nodes[count] = capi_node(m, values[count]);
    }
    return make_concat(&m->graph.builder, nodes, count, i);
}

eddy_value(eddy_concat)(int dimension, const eddy_value *values, eddy_site here) {
    CAPI_BUILD(ops_model(values), here, ops_concat(m, dimension, values));
}

/* ---- shapes */

static op_node *ops_reshape(eddy_model *m, op_node *x, const int64_t *dimensions) {
    op_shape shape;
    if (!capi_shape(m, "reshape", dimensions, &shape))
        return NULL;
    return make_reshape(&m->graph.builder, x, &shape);
}

eddy_value(eddy_reshape)(eddy_value x, const int64_t *dimensions, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_reshape(m, x->node, dimensions));
}

static op_node *ops_broadcast(eddy_model *m, op_node *x, const int64_t *dimensions) {
    op_shape shape;
    if (!capi_shape(m, "broadcast", dimensions, &shape))
        return NULL;
    return make_broadcast(&m->graph.builder, x, &shape);
}

eddy_value(eddy_broadcast)(eddy_value x, const int64_t *dimensions, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_broadcast(m, x->node, dimensions));
}

static op_node *ops_permute(eddy_model *m, op_node *x, const int64_t *dimensions) {
    int8_t permutation[LIMIT_RANK] = {0};
    int rank = 0;
    for (; dimensions[rank] != EDDY_SCALAR && rank < x->shape.rank; rank++) {
        int64_t i = dimensions[rank] < 0 ? dimensions[rank] + x->shape.rank : dimensions[rank];
        permutation[rank] = (int8_t)(i < 0 || i >= x->shape.rank ? -1 : i);
    }
    if (rank != x->shape.rank || dimensions[rank] != EDDY_SCALAR)
        return capi_fail(m, EDDY_SHAPE_MISMATCH, "permute: expected the %d dimensions of %s",
                         (int)x->shape.rank, op_describe(&m->graph.builder, x));
    return make_transpose(&m->graph.builder, x, permutation);
}

eddy_value(eddy_permute)(eddy_value x, const int64_t *dimensions, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, ops_permute(m, x->node, dimensions));
}

static op_node *ops_transpose(eddy_model *m, op_node *x) {
    int8_t permutation[LIMIT_RANK];
    int rank = x->shape.rank;
    if (rank < 2)
        return capi_fail(m, EDDY_SHAPE_MISMATCH, "transpose: %s has fewer than two dimensions",
                         op_describe(&m->graph.builder, x));
    for (int i = 0; i < rank; i++)
        permutation[i] = (int8_t)(i < rank - 2 ? i : 2 * rank - 3 - i);
    return make_transpose(&m->graph.builder, x, permutation);
}

UNARY(eddy_transpose, ops_transpose(m, x->node))

/* ---- computed places */

eddy_value(eddy_gather)(eddy_value table, eddy_value i, eddy_site here) {
    CAPI_BUILD(eddy_value_model(table), here, make_gather(b, table->node, capi_node(m, i)));
}

eddy_value(eddy_scatter)(eddy_value x, eddy_value i, int64_t size, eddy_axes over, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, make_scatter(b, x->node, capi_node(m, i), size, over));
}

eddy_value(eddy_onehot)(eddy_value i, int64_t size, eddy_site here) {
    CAPI_BUILD(eddy_value_model(i), here, make_onehot(b, i->node, size, m->type));
}
