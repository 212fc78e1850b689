/* What values are made of: axes, inputs, parameters, numbers.
 *
 * An axis is a bit of a set, so that `t | b` needs no list. Parameters and variables are leaves of
 * one kind in the graph; the model notes beside each how it begins and whether it is trained. */
#include <assert.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/params.h"

/* ---- axes */

static eddy_axes leaves_axis(eddy_model *m, const char *name, bool batch, int64_t extent) {
    int axis = graph_axis_add(&m->graph, name, batch, extent);
    return axis < 0 ? 0 : (eddy_axes)1 << axis;
}

eddy_axes(eddy_time)(eddy_model *of, const char *name, eddy_site here) {
    CAPI_RETURN(eddy_axes, 0, of, here, leaves_axis(m, name, false, -1));
}

eddy_axes(eddy_batch)(eddy_model *of, const char *name, eddy_site here) {
    CAPI_RETURN(eddy_axes, 0, of, here, leaves_axis(m, name, true, -1));
}

static eddy_axes leaves_fixed(eddy_model *m, const char *name, int64_t extent) {
    if (extent >= 0)
        return leaves_axis(m, name, false, extent);
    capi_fail(m, EDDY_BAD_SIZE, "axis %s: the fixed extent %lld is negative", name ? name : "",
              (long long)extent);
    return 0;
}

eddy_axes(eddy_axis_fixed)(eddy_model *of, const char *name, int64_t extent, eddy_site here) {
    CAPI_RETURN(eddy_axes, 0, of, here, leaves_fixed(m, name, extent));
}

static void leaves_lengths(eddy_model *m, eddy_axes set, op_node *lengths) {
    int axis = capi_axis_of(m, "lengths", set);
    if (axis < 0 || !lengths)
        return;
    if (m->axes[axis].carried && (lengths->domain & ~m->axes[axis].over))
        capi_fail(m, EDDY_SHAPE_MISMATCH,
                  "lengths of %s: they vary over %s, but the axis is carried with positions over "
                  "%s; carry it over the axes of its lengths",
                  m->graph.axes[axis].name, op_describe_domain(&m->graph.builder, lengths->domain),
                  op_describe_domain(&m->graph.builder, m->axes[axis].over));
    graph_axis_lengths(&m->graph, axis, lengths);
}

void(eddy_lengths)(eddy_axes axis, eddy_value lengths, eddy_site here) {
    CAPI_DO(eddy_value_model(lengths), here, leaves_lengths(m, axis, lengths->node));
}

static eddy_axes leaves_ragged(eddy_model *m, const char *name, eddy_axes over,
                               const char *lengths) {
    op_shape scalar = op_shape_make(0, NULL);
    eddy_axes axis = leaves_axis(m, name, false, -1);
    op_node *input = axis ? make_input(&m->graph.builder, lengths, DTYPE_I32, over, &scalar) : NULL;
    if (input)
        leaves_lengths(m, axis, input);
    return axis;
}

eddy_axes(eddy_time_ragged)(eddy_model *of, const char *name, eddy_axes over, const char *lengths,
                            eddy_site here) {
    CAPI_RETURN(eddy_axes, 0, of, here, leaves_ragged(m, name, over, lengths));
}

/* ---- inputs and constants */

static op_node *leaves_input(eddy_model *m, const char *name, eddy_dtype type, eddy_axes axes,
                             const int64_t *dimensions) {
    op_shape shape;
    if (!capi_shape(m, "input", dimensions, &shape))
        return NULL;
    return make_input(&m->graph.builder, name, (dtype)type, axes, &shape);
}

eddy_value(eddy_input)(eddy_model *of, const char *name, eddy_dtype type, eddy_axes axes,
                       const int64_t *dimensions, eddy_site here) {
    CAPI_BUILD(of, here, leaves_input(m, name, type, axes, dimensions));
}

eddy_value(eddy_number)(eddy_model *of, double value, eddy_site here) {
    CAPI_BUILD(of, here, make_number(b, m->type, value));
}

eddy_value(eddy_integer)(eddy_model *of, int32_t value, eddy_site here) {
    CAPI_BUILD(of, here, make_number(b, DTYPE_I32, value));
}

static op_node *leaves_constant(eddy_model *m, eddy_dtype type, const void *data,
                                const int64_t *dimensions) {
    op_shape shape;
    if ((int)type < 0 || (int)type >= DTYPE_COUNT)
        return capi_fail(m, EDDY_BAD_ARGUMENT, "constant: there is no dtype number %d", (int)type);
    if (!data)
        return capi_fail(m, EDDY_BAD_ARGUMENT, "constant: the data is NULL");
    if (!capi_shape(m, "constant", dimensions, &shape))
        return NULL;
    return make_constant(&m->graph.builder, (dtype)type, &shape, data);
}

eddy_value(eddy_constant)(eddy_model *of, eddy_dtype type, const void *data,
                          const int64_t *dimensions, eddy_site here) {
    CAPI_BUILD(of, here, leaves_constant(m, type, data, dimensions));
}

/* ---- parameters */

op_node *capi_variable_new(eddy_model *m, const char *name, dtype type, uint32_t domain,
                           const op_shape *shape, capi_variable how) {
    op_node *node = make_param(&m->graph.builder, name, type, domain, shape);
    if (!node)
        return NULL;
    how.node = node;
    vec_push(&m->memory, &m->variables, how);
    return node;
}

static op_node *leaves_variable(eddy_model *m, const char *name, dtype type, eddy_init init,
                                const int64_t *dimensions, bool trainable) {
    const char *what = trainable ? "param" : "variable";
    op_shape shape;
    const char *scoped = capi_scoped(m, what, name);
    if (!scoped || !capi_shape(m, what, dimensions, &shape))
        return NULL;
    const char *fault = (int)type < DTYPE_COUNT ? params_init_fault(init, type) : NULL;
    if (fault)
        return capi_fail(m, EDDY_BAD_ARGUMENT, "%s %s: %s", what, scoped, fault);
    return capi_variable_new(m, scoped, type, 0, &shape,
                             (capi_variable){.init = init, .trainable = trainable});
}

eddy_value(eddy_param)(eddy_model *of, const char *name, eddy_init init, const int64_t *dimensions,
                       eddy_site here) {
    CAPI_BUILD(of, here, leaves_variable(m, name, m->type, init, dimensions, true));
}

eddy_value(eddy_variable)(eddy_model *of, const char *name, eddy_dtype type, eddy_init init,
                          const int64_t *dimensions, eddy_site here) {
    CAPI_BUILD(of, here, leaves_variable(m, name, (dtype)type, init, dimensions, false));
}

static op_node *leaves_linear(eddy_model *m, const char *name, int64_t size, op_node *x) {
    if (!x)
        return NULL;
    if (x->shape.rank != 1 || x->shape.dimension[0] < 1)
        return capi_fail(m, EDDY_SHAPE_MISMATCH,
                         "linear: %s takes a vector, but x is %s; reshape it, or use eddy_contract",
                         name ? name : "", op_describe(&m->graph.builder, x));
    const int64_t dimensions[] = {size, x->shape.dimension[0], EDDY_SCALAR};
    op_node *w = leaves_variable(m, name, (dtype)x->dtype, eddy_init_glorot(), dimensions, true);
    return make_contract(&m->graph.builder, "mk,k->m", w, x, 0);
}

eddy_value(eddy_linear)(eddy_model *of, const char *name, int64_t size, eddy_value x,
                        eddy_site here) {
    CAPI_BUILD(of, here, leaves_linear(m, name, size, capi_node(m, x)));
}

eddy_value(eddy_bias)(eddy_model *of, const char *name, int64_t size, eddy_site here) {
    const int64_t dimensions[] = {size, EDDY_SCALAR};
    CAPI_BUILD(of, here, leaves_variable(m, name, m->type, eddy_init_zeros(), dimensions, true));
}

int eddy_trainable_count(const eddy_model *m) {
    int count = 0;
    for (size_t i = 0; m && i < m->variables.count; i++)
        count += m->variables.at[i].trainable;
    return count;
}

static op_node *leaves_trainable(const eddy_model *m, int i) {
    for (size_t v = 0; v < m->variables.count; v++)
        if (m->variables.at[v].trainable && i-- == 0)
            return m->variables.at[v].node;
    return NULL;
}

eddy_value eddy_trainable(eddy_model *of, int i) {
    const eddy_site nowhere = {NULL, 0};
    if (i < 0 || i >= eddy_trainable_count(of))
        return NULL;
    CAPI_BUILD(of, nowhere, leaves_trainable(m, i));
}

/* ---- counters and chance */

static op_node *leaves_counter(eddy_model *m, const char *what, eddy_axes set,
                               op_node *(*make)(eddy_model *m, int axis)) {
    int axis = capi_axis_of(m, what, set);
    return axis < 0 ? NULL : make(m, axis);
}

static op_node *leaves_step(eddy_model *m, int axis) {
    return make_step(&m->graph.builder, axis);
}

static op_node *leaves_end(eddy_model *m, int axis) {
    return make_end(&m->graph.builder, axis, UINT32_MAX);
}

static op_node *leaves_valid(eddy_model *m, int axis) {
    return make_valid(&m->graph.builder, axis, UINT32_MAX);
}

eddy_value(eddy_step)(eddy_model *of, eddy_axes axis, eddy_site here) {
    CAPI_BUILD(of, here, leaves_counter(m, "step", axis, leaves_step));
}

eddy_value(eddy_index)(eddy_model *of, eddy_axes axis, eddy_site here) {
    CAPI_BUILD(of, here, leaves_counter(m, "index", axis, capi_index));
}

eddy_value(eddy_end)(eddy_model *of, eddy_axes axis, eddy_site here) {
    CAPI_BUILD(of, here, leaves_counter(m, "end", axis, leaves_end));
}

eddy_value(eddy_valid)(eddy_model *of, eddy_axes axis, eddy_site here) {
    CAPI_BUILD(of, here, leaves_counter(m, "valid", axis, leaves_valid));
}

static op_node *leaves_random(eddy_model *m, eddy_axes axes, const int64_t *dimensions) {
    op_builder *b = &m->graph.builder;
    op_node *indices[LIMIT_AXES];
    op_shape shape, scalar = op_shape_make(0, NULL);
    int count = 0;
    if (!capi_shape(m, "random", dimensions, &shape))
        return NULL;
    for (int a = 0; a < LIMIT_AXES; a++) {
        if (!(axes >> a & 1))
            continue;
        if (capi_axis_of(m, "random", (eddy_axes)1 << a) < 0)
            return NULL;
        indices[count++] = capi_index(m, a);
    }
    if (!m->seed)
        m->seed = make_input(b, "seed", DTYPE_I32, 0, &scalar);
    return make_random(b, m->type, &shape, m->seed, indices, count, b->new_stream(b));
}

eddy_value(eddy_random)(eddy_model *of, eddy_axes axes, const int64_t *dimensions, eddy_site here) {
    CAPI_BUILD(of, here, leaves_random(m, axes, dimensions));
}
