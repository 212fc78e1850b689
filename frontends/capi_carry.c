/* States that go on in the next call, composed from what every program has.
 *
 * A run keeps two kinds of variable for a carried axis: its position p (steps since the reset, for
 * each sample that has its own) and, for each delay by k along it, the last k values, newest first.
 * At a step s < k of a call, the delay reads s - k steps before the call: the value history[k-1-s],
 * or init as long as s + p < k, when that lies before the start. Afterwards the history is the last
 * k of (history, valid steps of this call) for each sample, and p grows by the number of steps. So
 * a reset is p = 0 and nothing else; the graph, its gradients and the compiler know nothing of it.
 *
 * Traps. A sample of length 0 must leave everything as it was: `at` before the first step reads the
 * old history. The position stops at a limit, else 32 bits would wrap and old states be read as
 * fresh. For k = 1 only step 0 reads init, so the test leaves out the step: init then does not vary
 * along the axis and is computed once. */
#include <assert.h>

#include "frontends/capi.h"

static void carry_open(eddy_model *m, eddy_axes set, eddy_axes over) {
    op_builder *b = &m->graph.builder;
    op_shape scalar = op_shape_make(0, NULL);
    int axis = capi_axis_of(m, "carry", set);
    if (axis < 0)
        return;
    const graph_axis *of = &m->graph.axes[axis];
    uint32_t batches = 0, lengths = of->lengths ? of->lengths->domain : 0;
    for (int a = 0; a < m->graph.axis_count; a++)
        batches |= (uint32_t)m->graph.axes[a].batch << a;
    if (of->batch)
        capi_fail(m, EDDY_BAD_ARGUMENT, "carry: %s is a batch axis; time is carried", of->name);
    else if (m->axes[axis].carried)
        capi_fail(m, EDDY_BAD_ARGUMENT, "carry: %s is carried already", of->name);
    else if (m->axes[axis].delayed)
        capi_fail(m, EDDY_BAD_ARGUMENT,
                  "carry: values count the steps of %s already; carry it right after it is made",
                  of->name);
    else if (over & ~batches)
        capi_fail(m, EDDY_BAD_ARGUMENT, "carry: positions over %s: these are not all batch axes",
                  op_describe_domain(b, over));
    else if (lengths & ~over)
        capi_fail(m, EDDY_SHAPE_MISMATCH,
                  "carry: the lengths of %s vary over %s, so its positions must, not just over %s",
                  of->name, op_describe_domain(b, lengths), op_describe_domain(b, over));
    if (m->problem.code != STATUS_OK)
        return;
    op_node *position =
        capi_variable_new(m, arena_print(&m->memory, "%s.position", of->name), DTYPE_I32, over,
                          &scalar, (capi_variable){.init = eddy_init_zeros(), .owned = true});
    m->axes[axis] = (capi_axis){.carried = position != NULL, .over = over, .position = position};
}

void(eddy_carry)(eddy_model *of, eddy_axes axis, eddy_axes over, eddy_site here) {
    CAPI_DO(of, here, carry_open(m, axis, over));
}

op_node *capi_index(eddy_model *m, int axis) {
    op_builder *b = &m->graph.builder;
    op_node *step = make_step(b, axis);
    m->axes[axis].delayed = true; /* the axis may not turn into a carried one any more */
    return m->axes[axis].carried ? make_add(b, step, m->axes[axis].position) : step;
}

/* ---- reading the past */

static op_node *carry_integer(eddy_model *m, int64_t value) {
    return make_number(&m->graph.builder, DTYPE_I32, (double)value);
}

/* history[j] */
static op_node *carry_row(eddy_model *m, op_node *history, int64_t j) {
    op_builder *b = &m->graph.builder;
    if (!history)
        return NULL;
    op_shape shape = op_shape_make(history->shape.rank - 1, history->shape.dimension + 1);
    return make_reshape(b, make_slice(b, history, 0, j, 1), &shape);
}

static op_node *carry_history(eddy_model *m, const char *name, int axis, int distance,
                              uint32_t domain, dtype type, const op_shape *shape) {
    int64_t dimensions[LIMIT_RANK + 1] = {distance};
    if (op_shape_elements(shape) < 0 || shape->rank == LIMIT_RANK)
        return capi_fail(m, EDDY_UNSUPPORTED,
                         "carry: the past of a value of shape %s cannot be kept: it needs at most "
                         "%d dimensions, all of them numbers",
                         op_describe_shape(&m->graph.builder, shape), (int)LIMIT_RANK - 1);
    for (int i = 0; i < shape->rank; i++)
        dimensions[1 + i] = shape->dimension[i];
    op_shape whole = op_shape_make(1 + shape->rank, dimensions);
    uint32_t rest = (domain | m->axes[axis].over) & ~((uint32_t)1 << axis);
    return capi_variable_new(m, arena_print(&m->memory, "%s.carry", name), type, rest, &whole,
                             (capi_variable){.init = eddy_init_zeros(), .owned = true});
}

op_node *capi_carried(eddy_model *m, const char *name, int axis, int distance, uint32_t domain,
                      dtype type, const op_shape *shape, op_node *init, op_node **history) {
    op_builder *b = &m->graph.builder;
    m->axes[axis].delayed = true;
    if (!m->axes[axis].carried || distance < 1 || distance > LIMIT_DELAY || !init)
        return init;
    if (init->dtype != type)
        return capi_fail(m, EDDY_SHAPE_MISMATCH, "delay: %s cannot start with %s; cast it",
                         dtype_name(type), op_describe(b, init));
    op_node *past = carry_history(m, name, axis, distance, domain | init->domain, type, shape);
    *history = past;
    op_node *position = m->axes[axis].position, *value;
    if (distance == 1) {
        value = carry_row(m, past, 0);
    } else {
        position = capi_index(m, axis);
        op_node *newest = carry_integer(m, distance - 1);
        value = make_gather(b, past, make_sub(b, newest, make_step(b, axis)));
    }
    op_node *early = make_binary(b, OP_LT, position, carry_integer(m, distance));
    return make_select(b, early, init, value);
}

op_node *capi_carry_note(eddy_model *m, op_node *delay, op_node *history) {
    if (delay && history) {
        assert(delay->op == OP_DELAY);
        vec_push(&m->memory, &m->histories, (capi_history){.delay = delay, .history = history});
    }
    return delay;
}

/* ---- keeping it */

/* xs joined along dimension 0, however many: a concat takes a limited number of arguments. */
static op_node *carry_join(eddy_model *m, op_node **xs, int count) {
    while (count > 1) {
        int joined = 0;
        for (int i = 0; i < count; i += LIMIT_ARGUMENTS) {
            int n = count - i < LIMIT_ARGUMENTS ? count - i : LIMIT_ARGUMENTS;
            xs[joined++] = make_concat(&m->graph.builder, xs + i, n, 0);
        }
        count = joined;
    }
    return xs[0];
}

/* The last k of (history, valid steps of x). */
static op_node *carry_out(eddy_model *m, op_node *x, int axis, op_node *history) {
    op_builder *b = &m->graph.builder;
    int count = (int)history->shape.dimension[0];
    op_shape part = history->shape;
    part.dimension[0] = 1;
    x = make_expand(b, x, history->domain | (uint32_t)1 << axis);
    op_node *end = make_end(b, axis, history->domain);
    op_node **parts = arena_array(&m->memory, op_node *, count);
    for (int j = 0; j < count; j++) {
        op_node *old = count == 1 ? carry_row(m, history, 0)
                                  : make_gather(b, history, make_sub(b, carry_integer(m, j), end));
        op_node *place = make_sub(b, end, carry_integer(m, j + 1));
        parts[j] = make_reshape(b, make_at(b, x, axis, place, old), &part);
    }
    return carry_join(m, parts, count);
}

static void carry_advance(eddy_model *m, int axis) {
    op_builder *b = &m->graph.builder;
    capi_axis *of = &m->axes[axis];
    op_node *next = make_add(b, of->position, make_end(b, axis, of->over));
    next = make_binary(b, OP_MIN, next, carry_integer(m, CAPI_POSITION_LIMIT));
    graph_update_add(&m->graph, of->position, next);
    of->advanced = true;
}

void capi_carry_finish(eddy_model *m) {
    for (size_t i = 0; i < m->histories.count; i++) {
        capi_history *h = &m->histories.at[i];
        op_node *x = h->delay->arguments[0]; /* NULL: an open state, which verify will name */
        if (h->kept || !x)
            continue;
        m->graph.builder.where = h->delay->where;
        graph_update_add(&m->graph, h->history,
                         carry_out(m, x, h->delay->attributes.axis, h->history));
        h->kept = true;
    }
    for (int a = 0; a < m->graph.axis_count; a++)
        if (m->axes[a].carried && !m->axes[a].advanced)
            carry_advance(m, a);
}
