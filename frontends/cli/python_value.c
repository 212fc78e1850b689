/* One value of a graph as an expression of Python's: numbers, leaves, and what goes element by
 * element. */
#include <string.h>

#include "frontends/cli/python.h"

void python_refuse(python_writer *p, const op_node *n, const char *why) {
    const char *what = op_get((op_id)n->op)->name, *file = n->where.file;
    if (p->problem)
        return;
    p->problem = arena_print(p->memory, "`%s` has no counterpart%s%s", what, why ? ": " : "",
                             why ? why : "");
    if (file)
        p->problem = arena_print(p->memory, "%s:%d: %s", file, n->where.line, p->problem);
}

const char *python_type(const python_writer *p, dtype type) {
    static const char *const torch[] = {"torch.float32", "torch.float64", "torch.int32",
                                        "torch.bool"};
    static const char *const jax[] = {"jnp.float32", "jnp.float64", "jnp.int32", "jnp.bool_"};
    return PYTHON_EITHER(p, torch, jax)[type];
}

const char *python_extent(python_writer *p, int axis) {
    const graph_axis *a = &p->g->axes[axis];
    if (a->extent >= 0)
        return arena_print(p->memory, "%lld", (long long)a->extent);
    if (!p->extents[axis]) {
        const char *name = a->batch ? "samples"
                           : strcmp(a->name, "t") == 0
                               ? "steps"
                               : arena_print(p->memory, "%s_steps", a->name);
        p->extents[axis] = python_unique(p, &p->taken, name);
    }
    return p->extents[axis];
}

/* ---- leaves */

static void value_number(text *out, const op_node *n, size_t i) {
    const char *at = n->attributes.data;
    double number = 0;
    if (n->dtype == DTYPE_BOOL) {
        text_add(out, "%s", at[i] ? "True" : "False");
        return;
    }
    if (n->dtype == DTYPE_I32) {
        int32_t whole;
        memcpy(&whole, at + i * sizeof whole, sizeof whole);
        text_add(out, "%d", (int)whole);
        return;
    }
    if (n->dtype == DTYPE_F32) {
        float single;
        memcpy(&single, at + i * sizeof single, sizeof single);
        number = (double)single;
    } else {
        memcpy(&number, at + i * sizeof number, sizeof number);
    }
    bool finite = number - number == 0;
    text_add(out, "%s", finite ? "" : "float(\"");
    if (n->dtype == DTYPE_F32)
        text_add_f32(out, (float)number);
    else
        text_add_f64(out, number);
    text_add(out, "%s", finite ? "" : "\")");
}

static python_value value_constant(python_writer *p, const op_node *n) {
    text words;
    text_init(&words, p->memory);
    size_t count = (size_t)n->attributes.bytes / dtype_size((dtype)n->dtype);
    if (count == 1) {
        value_number(&words, n, 0);
        python_bind bind = words.at[0] == '-' ? PYTHON_NEGATES : PYTHON_TIGHT;
        return (python_value){words.at, bind, 0, true};
    }
    text_add(&words, "%s([", PYTHON_EITHER(p, "torch.tensor", "jnp.array"));
    for (size_t i = 0; i < count; i++) {
        text_add(&words, "%s", i ? ", " : "");
        value_number(&words, n, i);
    }
    text_add(&words, "], dtype=%s)", python_type(p, (dtype)n->dtype));
    if (n->shape.rank != 1)
        text_add(&words, ".reshape(%s)", python_sizes(p, 0, &n->shape, -1, 0));
    return (python_value){words.at, PYTHON_TIGHT, 0, false};
}

static python_value value_leaf(python_writer *p, const op_node *n) {
    python_value v = {.bind = PYTHON_TIGHT};
    int axis = n->attributes.axis;
    const char *type = python_type(p, DTYPE_I32);
    switch (n->op) {
    case OP_CONSTANT:
        return value_constant(p, n);
    case OP_PARAM:
        v.words = python_attribute(p, n);
        v.words = p->way == PYTHON_TORCH
                      ? arena_print(p->memory, "self.%s", v.words)
                      : arena_print(p->memory, "params[\"%s\"]", n->attributes.text);
        break;
    case OP_STEP:
        v.axes = 1U << axis;
        v.words = arena_print(p->memory, "%s(%s, dtype=%s)",
                              PYTHON_EITHER(p, "torch.arange", "jnp.arange"),
                              python_extent(p, axis), type);
        break;
    case OP_EXTENT:
        v.words = arena_print(p->memory, "%s(%s, dtype=%s)",
                              PYTHON_EITHER(p, "torch.tensor", "jnp.array"), python_extent(p, axis),
                              type);
        break;
    default:
        python_refuse(p, n, NULL);
    }
    return v;
}

/* ---- element by element */

typedef struct value_rule {
    op_id op;
    const char *torch, *jax; /* a function, or of infix operators their sign */
    bool infix;
    python_bind bind;
} value_rule;

#define VALUE_CALL(op, words) {op, "torch." words, "jnp." words, false, PYTHON_TIGHT}
static const value_rule value_rules[] = {
    VALUE_CALL(OP_ABS, "abs"),
    VALUE_CALL(OP_SIGN, "sign"),
    VALUE_CALL(OP_FLOOR, "floor"),
    VALUE_CALL(OP_SQRT, "sqrt"),
    VALUE_CALL(OP_EXP, "exp"),
    VALUE_CALL(OP_EXPM1, "expm1"),
    VALUE_CALL(OP_LOG, "log"),
    VALUE_CALL(OP_LOG1P, "log1p"),
    VALUE_CALL(OP_TANH, "tanh"),
    {OP_SIGMOID, "torch.sigmoid", "jax.nn.sigmoid", false, PYTHON_TIGHT},
    VALUE_CALL(OP_SIN, "sin"),
    VALUE_CALL(OP_COS, "cos"),
    VALUE_CALL(OP_NOT, "logical_not"),
    {OP_ADD, "+", "+", true, PYTHON_ADDS},
    {OP_SUB, "-", "-", true, PYTHON_ADDS},
    {OP_MUL, "*", "*", true, PYTHON_MULTIPLIES},
    {OP_DIV, "/", "/", true, PYTHON_MULTIPLIES},
    VALUE_CALL(OP_MAX, "maximum"),
    VALUE_CALL(OP_MIN, "minimum"),
    {OP_MOD, "torch.remainder", "jnp.mod", false, PYTHON_TIGHT},
    VALUE_CALL(OP_LOGADDEXP, "logaddexp"),
    {OP_LT, "<", "<", true, PYTHON_COMPARES},
    {OP_LE, "<=", "<=", true, PYTHON_COMPARES},
    {OP_EQ, "==", "==", true, PYTHON_COMPARES},
    {OP_NE, "!=", "!=", true, PYTHON_COMPARES},
    VALUE_CALL(OP_AND, "logical_and"),
    VALUE_CALL(OP_OR, "logical_or"),
    VALUE_CALL(OP_SELECT, "where"),
};

static const value_rule *value_rule_of(const op_node *n) {
    for (size_t i = 0; i < sizeof value_rules / sizeof *value_rules; i++)
        if (value_rules[i].op == (op_id)n->op)
            return &value_rules[i];
    return NULL;
}

static uint32_t value_axes(const python_writer *p, const op_node *n) {
    uint32_t axes = 0;
    for (int i = 0; i < op_live_count(n); i++)
        axes |= p->nodes[n->arguments[i]->id].value.axes;
    return axes;
}

/* Additions and multiplications keep the order in which the cell has them. */
static python_value value_infix(python_writer *p, const op_node *n, const value_rule *rule) {
    uint32_t axes = value_axes(p, n);
    int rank = n->shape.rank;
    python_value a = python_align(p, n->arguments[0], axes, rank);
    python_value b = python_align(p, n->arguments[1], axes, rank);
    bool compares = rule->bind == PYTHON_COMPARES;
    const char *left = python_bracket(p, a, compares ? PYTHON_ADDS : rule->bind);
    const char *right = python_bracket(p, b, (python_bind)(rule->bind + 1));
    const char *sign = PYTHON_EITHER(p, rule->torch, rule->jax);
    return (python_value){arena_print(p->memory, "%s %s %s", left, sign, right), rule->bind, axes,
                          false};
}

static python_value value_call(python_writer *p, const op_node *n, const value_rule *rule) {
    uint32_t axes = value_axes(p, n);
    text words;
    text_init(&words, p->memory);
    text_add(&words, "%s(", PYTHON_EITHER(p, rule->torch, rule->jax));
    for (int i = 0; i < n->count; i++)
        text_add(&words, "%s%s", i ? ", " : "",
                 python_align(p, n->arguments[i], axes, n->shape.rank).words);
    text_add(&words, ")");
    return (python_value){words.at, PYTHON_TIGHT, axes, false};
}

static python_value value_cast(python_writer *p, const op_node *n) {
    python_value x = p->nodes[n->arguments[0]->id].value;
    const char *words = python_bracket(p, x, PYTHON_TIGHT);
    x.words = arena_print(p->memory, "%s.%s(%s)", words, PYTHON_EITHER(p, "to", "astype"),
                          python_type(p, (dtype)n->dtype));
    x.bind = PYTHON_TIGHT;
    return x;
}

/* Without arguments to differentiate by, it keeps gradients from passing. */
static python_value value_custom(python_writer *p, const op_node *n) {
    python_value x = p->nodes[n->arguments[0]->id].value;
    if (p->of->values)
        return x;
    if (n->attributes.xs) {
        python_refuse(p, n, "a gradient of the cell's own");
        return x;
    }
    x.words = p->way == PYTHON_TORCH
                  ? arena_print(p->memory, "%s.detach()", python_bracket(p, x, PYTHON_TIGHT))
                  : arena_print(p->memory, "jax.lax.stop_gradient(%s)", x.words);
    x.bind = PYTHON_TIGHT;
    return x;
}

python_value python_express(python_writer *p, const op_node *n) {
    const value_rule *rule = value_rule_of(n);
    if (rule)
        return rule->infix ? value_infix(p, n, rule) : value_call(p, n, rule);
    if (op_get((op_id)n->op)->family == OP_FAMILY_LEAF)
        return value_leaf(p, n);
    switch (n->op) {
    case OP_NEG: {
        python_value x = p->nodes[n->arguments[0]->id].value;
        const char *words = python_bracket(p, x, PYTHON_NEGATES);
        return (python_value){arena_print(p->memory, "-%s", words), PYTHON_NEGATES, x.axes, false};
    }
    case OP_KEEP:
    case OP_EXPAND:
        return p->nodes[n->arguments[0]->id].value;
    case OP_CAST:
        return value_cast(p, n);
    case OP_CUSTOM:
        return value_custom(p, n);
    default:
        return python_array(p, n);
    }
}
