/* The functions of the equations' language, one row of a table each. */
#include "tests/support/equation_calls.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/trial.h"

typedef op_node *(*function)(const equation_call *c);

static op_builder *builder(const equation_call *c) {
    return &c->e->g->builder;
}

static equation_term term(const equation_call *c, int i) {
    if (i >= c->count) {
        equation_fail(c->e, "%s has %d arguments", c->name, c->count);
        return (equation_term){0};
    }
    return equation_read(c->e, c->at[i], c->end[i]);
}

static op_node *value(const equation_call *c, int i) {
    return equation_node(c->e, term(c, i), NULL);
}

/* Argument i, with the dtype of x if it is a number. */
static op_node *value_like(const equation_call *c, int i, const op_node *x) {
    return equation_node(c->e, term(c, i), x);
}

static int axis(const equation_call *c, int i) {
    return i < c->count ? equation_axis(c->e, c->at[i], c->end[i]) : 0;
}

/* The set of axes from argument `first` on. */
static uint32_t axes(const equation_call *c, int first) {
    uint32_t set = 0;
    for (int i = first; i < c->count; i++)
        set |= (uint32_t)1 << axis(c, i);
    return set;
}

static int integer(const equation_call *c, int i) {
    return i < c->count ? (int)strtol(c->at[i], NULL, 10) : 0;
}

static op_node *without_dimension(op_builder *b, op_node *x, int dimension) {
    int64_t left[LIMIT_RANK];
    int rank = 0;
    for (int i = 0; x && i < x->shape.rank; i++)
        if (i != dimension)
            left[rank++] = x->shape.dimension[i];
    op_shape shape = op_shape_make(rank, left);
    return make_reshape(b, x, &shape);
}

/* ---- element-wise */

static op_node *function_unary(const equation_call *c) {
    return make_unary(builder(c), op_from_name(c->name), value(c, 0));
}

static op_node *function_binary(const equation_call *c) {
    op_node *x, *y;
    equation_meet(c->e, term(c, 0), term(c, 1), &x, &y);
    return make_binary(builder(c), op_from_name(c->name), x, y);
}

static op_node *function_relu(const equation_call *c) {
    op_node *x = value(c, 0);
    return make_binary(builder(c), OP_MAX, x, make_like(builder(c), x, 0));
}

static op_node *function_select(const equation_call *c) {
    op_node *condition = value(c, 0), *x, *y;
    if (condition && condition->dtype != DTYPE_BOOL)
        condition = make_cast(builder(c), condition, DTYPE_BOOL);
    equation_meet(c->e, term(c, 1), term(c, 2), &x, &y);
    return make_select(builder(c), condition, x, y);
}

/* ---- features */

static op_node *function_sum(const equation_call *c) {
    return trial_sum(builder(c), value(c, 0));
}

static op_node *function_sq(const equation_call *c) {
    op_node *x = value(c, 0);
    return trial_sum(builder(c), make_mul(builder(c), x, x));
}

static op_node *function_dot(const equation_call *c) {
    return make_contract(builder(c), "m,m->", value(c, 0), value(c, 1), 0);
}

static op_node *function_concat(const equation_call *c) {
    op_node *parts[2] = {value(c, 0), value(c, 1)};
    return make_concat(builder(c), parts, 2, 0);
}

static op_node *function_reshape(const equation_call *c) {
    int64_t dimensions[LIMIT_RANK];
    for (int i = 1; i < c->count; i++)
        dimensions[i - 1] = integer(c, i);
    op_shape shape = op_shape_make(c->count - 1, dimensions);
    return make_reshape(builder(c), value(c, 0), &shape);
}

static op_node *function_lse(const equation_call *c) {
    int dimension = integer(c, 1);
    op_node *y = make_reduce(builder(c), value(c, 0), dimension, OP_KIND_LSE);
    return without_dimension(builder(c), y, dimension);
}

static op_node *function_argmax(const equation_call *c) {
    return without_dimension(builder(c), make_reduce(builder(c), value(c, 0), 0, OP_KIND_ARGMAX),
                             0);
}

static op_node *function_softmax(const equation_call *c) {
    return make_softmax(builder(c), value(c, 0), 0);
}

static op_node *function_logsoftmax(const equation_call *c) {
    return make_log_softmax(builder(c), value(c, 0), 0);
}

static op_node *function_gather(const equation_call *c) {
    return make_gather(builder(c), value(c, 0), value(c, 1));
}

/* ---- axes */

static op_node *function_contract(const equation_call *c) {
    const char *spec =
        arena_print(c->e->g->memory, "%.*s", (int)(c->end[0] - c->at[0]) - 2, c->at[0] + 1);
    return make_contract(builder(c), spec, value(c, 1), value(c, 2), axes(c, 3));
}

static op_node *function_total(const equation_call *c) {
    const char *kind = strchr(c->name, '_');
    op_kind fold = !kind ? OP_KIND_SUM : strcmp(kind, "_max") == 0 ? OP_KIND_MAX : OP_KIND_LSE;
    return make_total(builder(c), value(c, 0), axes(c, 1), fold);
}

static op_node *function_delay(const equation_call *c) {
    op_node *x = value(c, 0);
    return make_delay(builder(c), x, axis(c, 1), integer(c, 2), value_like(c, 3, x));
}

static op_node *function_at(const equation_call *c) {
    op_node *x = value(c, 0);
    op_node *i = equation_node(c->e, term(c, 2), make_step(builder(c), axis(c, 1)));
    return make_at(builder(c), x, axis(c, 1), i, value_like(c, 3, x));
}

static op_node *function_last(const equation_call *c) {
    op_node *x = value(c, 0);
    op_node *init = c->count > 2 ? value_like(c, 2, x) : make_like(builder(c), x, 0);
    return make_last(builder(c), x, axis(c, 1), init);
}

static op_node *function_index(const equation_call *c) {
    return make_step(builder(c), axis(c, 0));
}

static op_node *function_length(const equation_call *c) {
    return make_end(builder(c), axis(c, 0), ~(uint32_t)0);
}

static op_node *function_valid(const equation_call *c) {
    op_node *valid = make_valid(builder(c), axis(c, 0), axes(c, 0));
    return make_expand(builder(c), make_cast(builder(c), valid, c->e->real), axes(c, 0));
}

static op_node *function_stack(const equation_call *c) {
    return make_stack(builder(c), value(c, 0), axis(c, 1));
}

static op_node *function_spread(const equation_call *c) {
    if (integer(c, 1) != 0)
        equation_fail(c->e, "spread: of dimension 0 alone");
    return make_spread(builder(c), value(c, 0), axis(c, 2));
}

/* ---- gradients */

static op_node *function_stop(const equation_call *c) {
    return make_stop(builder(c), value(c, 0));
}

/* A step at 0.3 with the adjoint g / (1 + |a - 0.3|)^2. */
static op_node *function_spike(const equation_call *c) {
    op_builder *b = builder(c);
    op_node *a = value(c, 0), *level = make_like(b, a, 0.3);
    op_node *y = make_cast(b, make_binary(b, OP_LT, level, a), c->e->real);
    op_node *wide = make_add(b, make_like(b, a, 1), make_unary(b, OP_ABS, make_sub(b, a, level)));
    op_node *g = make_cotangent(b, y), *gx = make_div(b, g, make_mul(b, wide, wide));
    return make_custom(b, "spike", y, &a, &gx, 1, g);
}

static op_node *function_grad_in_step(const equation_call *c) {
    op_node *y = value(c, 0), *x = value(c, 1), *gradient = NULL;
    if (!y || !x || !grad_step(c->e->g, y, &x, 1, &gradient))
        return NULL;
    return gradient;
}

/* Through time, so all states must be bound. Gradients of one value are made together. */
static op_node *function_grad(const equation_call *c) {
    equations *e = c->e;
    arena *memory = e->g->memory;
    op_node *y = value(c, 0), *x = value(c, 1);
    if (!y || !x || !equation_close(e))
        return NULL;
    if (e->differentiated != y) {
        e->differentiated = y;
        e->variables.count = 0;
        for (size_t i = 0; i < e->values.count; i++) {
            op_node *leaf = e->values.at[i].node;
            if ((leaf->op == OP_PARAM || leaf->op == OP_INPUT) && leaf->dtype == e->real)
                vec_push(memory, &e->variables, leaf);
        }
        e->gradients.at = arena_array(memory, op_node *, e->variables.count);
        if (!grad_program(e->g, y, e->variables.at, e->variables.count, e->gradients.at))
            return NULL;
    }
    for (size_t i = 0; i < e->variables.count; i++)
        if (e->variables.at[i] == x)
            return e->gradients.at[i];
    equation_fail(e, "grad: not a leaf");
    return NULL;
}

equation_term equation_apply(const equation_call *call) {
    static const struct {
        const char *name;
        function apply;
    } table[] = {{"tanh", function_unary},
                 {"sigmoid", function_unary},
                 {"exp", function_unary},
                 {"sqrt", function_unary},
                 {"abs", function_unary},
                 {"relu", function_relu},
                 {"eq", function_binary},
                 {"ne", function_binary},
                 {"lt", function_binary},
                 {"le", function_binary},
                 {"and", function_binary},
                 {"mod", function_binary},
                 {"logaddexp", function_binary},
                 {"select", function_select},
                 {"sum", function_sum},
                 {"sq", function_sq},
                 {"dot", function_dot},
                 {"concat", function_concat},
                 {"reshape", function_reshape},
                 {"lse", function_lse},
                 {"argmax", function_argmax},
                 {"softmax", function_softmax},
                 {"logsoftmax", function_logsoftmax},
                 {"gather", function_gather},
                 {"contract", function_contract},
                 {"total", function_total},
                 {"total_max", function_total},
                 {"total_lse", function_total},
                 {"delay", function_delay},
                 {"at", function_at},
                 {"last", function_last},
                 {"index", function_index},
                 {"length", function_length},
                 {"valid", function_valid},
                 {"stack", function_stack},
                 {"spread", function_spread},
                 {"stop", function_stop},
                 {"spike", function_spike},
                 {"grad", function_grad},
                 {"grad_in_step", function_grad_in_step}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, call->name) == 0)
            return (equation_term){.node = call->e->message[0] ? NULL : table[i].apply(call)};
    equation_fail(call->e, "there is no function %s", call->name);
    return (equation_term){0};
}
