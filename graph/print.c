/* Printing a graph so that nothing is lost.
 *
 * A line is one node: number, op, arguments, every attribute that is not at its default
 * (docs/graph.md), the type, the user's name. The field names come from language.c and the values
 * are compared with a fresh record, not with a list of ops: an attribute that somebody sets where
 * no parser expects it is printed too, and the round trip shows it. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/language.h"

static void print_string(text *out, const char *bytes) {
    text_add(out, "\"");
    for (const unsigned char *at = (const unsigned char *)bytes; *at; at++) {
        if (*at == '"' || *at == '\\')
            text_add(out, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            text_add(out, "\\x%02x", *at);
        else
            text_add_bytes(out, (const char *)at, 1);
    }
    text_add(out, "\"");
}

static void print_element(text *out, dtype t, const unsigned char *at) {
    float f32;
    double f64;
    int32_t i32;
    switch (t) {
    case DTYPE_F32:
        memcpy(&f32, at, sizeof f32);
        text_add_f32(out, f32);
        return;
    case DTYPE_F64:
        memcpy(&f64, at, sizeof f64);
        text_add_f64(out, f64);
        return;
    case DTYPE_I32:
        memcpy(&i32, at, sizeof i32);
        text_add(out, "%" PRId32, i32);
        return;
    case DTYPE_BOOL:
        text_add(out, "%s", *at ? "true" : "false");
        return;
    case DTYPE_COUNT:
        break;
    }
    assert(false);
}

/* One number alone, several in brackets. */
static void print_data(text *out, const op_node *n) {
    int64_t size = (int64_t)dtype_size((dtype)n->dtype);
    const unsigned char *at = n->attributes.data;
    bool one = n->attributes.bytes == size;
    text_add(out, one ? " " : " (");
    for (int64_t i = 0; i < n->attributes.bytes; i += size) {
        if (i)
            text_add(out, ", ");
        print_element(out, (dtype)n->dtype, at + i);
    }
    if (!one)
        text_add(out, ")");
}

static void print_field(text *out, language_field field) {
    text_add(out, " %s=", language_field_name(field));
}

static void print_integer(text *out, language_field field, int64_t value, int64_t otherwise) {
    if (value == otherwise)
        return;
    print_field(out, field);
    text_add(out, "%" PRId64, value);
}

static void print_axis(const graph *g, text *out, language_field field, int axis) {
    if (axis < 0)
        return;
    print_field(out, field);
    text_add(out, "%s", g->axes[axis].name);
}

void print_domain(const graph *g, uint32_t domain, text *out) {
    int order[LIMIT_AXES], count = graph_axis_order(g, domain, order);
    text_add(out, "{");
    for (int i = 0; i < count; i++)
        text_add(out, "%s%s", i ? "," : "", g->axes[order[i]].name);
    text_add(out, "}");
}

static void print_shape(const graph *g, text *out, const op_shape *shape) {
    text_add(out, "[");
    for (int i = 0; i < shape->rank; i++) {
        int64_t dimension = shape->dimension[i];
        text_add(out, "%s", i ? ", " : "");
        if (dimension >= 0)
            text_add(out, "%" PRId64, dimension);
        else
            text_add(out, "%s", g->axes[-1 - dimension].name);
    }
    text_add(out, "]");
}

void print_type(const graph *g, const op_node *n, text *out) {
    text_add(out, "%s ", dtype_name((dtype)n->dtype));
    print_domain(g, n->domain, out);
    text_add(out, " ");
    print_shape(g, out, &n->shape);
}

static void print_axes(const graph *g, text *out, language_field field, uint32_t set,
                       uint32_t otherwise) {
    if (set == otherwise)
        return;
    print_field(out, field);
    print_domain(g, set, out);
}

/* The attributes of a node that its type does not say. */
static void print_attributes(const graph *g, text *out, const op_node *n) {
    const op_attributes *a = &n->attributes;
    op_attributes otherwise;
    op_attributes_init(&otherwise);
    language_from_type((op_id)n->op, language_implied((op_id)n->op), (dtype)n->dtype, n->domain,
                       &n->shape, &otherwise);

    if (n->op == OP_CONTRACT && a->text) {
        print_field(out, LANGUAGE_TEXT);
        print_string(out, a->text);
    }
    print_axis(g, out, LANGUAGE_AXIS, a->axis);
    print_integer(out, LANGUAGE_DISTANCE, a->distance, 0);
    print_integer(out, LANGUAGE_DIMENSION, a->dimension, 0);
    if (n->op == OP_REDUCE || n->op == OP_TOTAL) {
        print_field(out, LANGUAGE_KIND);
        text_add(out, "%s", op_kind_name((op_kind)a->kind));
    } else {
        print_integer(out, LANGUAGE_KIND, a->kind, otherwise.kind);
    }
    print_axes(g, out, LANGUAGE_OVER, a->over, 0);
    print_axis(g, out, LANGUAGE_OUTERMOST, a->outermost);
    if (a->reverse)
        text_add(out, " %s", language_field_name(LANGUAGE_REVERSE));
    if (a->resumes)
        text_add(out, " %s", language_field_name(LANGUAGE_RESUMES));
    print_integer(out, LANGUAGE_XS, a->xs, 0);
    print_integer(out, LANGUAGE_LOW, a->low, 0);
    print_integer(out, LANGUAGE_SIZE, a->size, 0);
    print_integer(out, LANGUAGE_STREAM, (int64_t)a->stream, 0);
    if (!op_shape_equal(&a->shape, &otherwise.shape)) {
        print_field(out, LANGUAGE_SHAPE);
        print_shape(g, out, &a->shape);
    }
    print_axes(g, out, LANGUAGE_DOMAIN, a->domain, otherwise.domain);
    if (a->dtype != otherwise.dtype) {
        print_field(out, LANGUAGE_DTYPE);
        text_add(out, "%s", dtype_name((dtype)a->dtype));
    }
    if (n->op == OP_TRANSPOSE) {
        print_field(out, LANGUAGE_PERMUTATION);
        for (int i = 0; i < n->shape.rank; i++)
            text_add(out, "%c%d", i ? ',' : '(', a->permutation[i]);
        text_add(out, n->shape.rank ? ")" : "()");
    }
}

const char *print_name(arena *memory, const op_node *n) {
    if (!n->name)
        return arena_print(memory, "%%%u", n->id);
    return arena_print(memory, "%%%u %s", n->id, n->name);
}

static void print_arguments(text *out, const op_node *n) {
    for (int i = 0; i < n->count; i++) {
        text_add(out, i ? ", " : " ");
        if (n->arguments[i])
            text_add(out, "%%%u", n->arguments[i]->id);
        else
            text_add(out, "?");
    }
}

static void print_node(const graph *g, text *out, const op_node *n) {
    const char *label = n->op == OP_CONTRACT ? NULL : n->attributes.text;
    text_add(out, "%%%u = %s", n->id, op_get((op_id)n->op)->name);
    if (label) {
        text_add(out, " ");
        print_string(out, label);
    }
    print_arguments(out, n);
    if (n->op == OP_CONSTANT)
        print_data(out, n);
    print_attributes(g, out, n);
    text_add(out, " : ");
    print_type(g, n, out);
    bool leaf = n->op == OP_INPUT || n->op == OP_PARAM; /* named already */
    if (n->name && !leaf) {
        text_add(out, "  ");
        print_string(out, n->name);
    }
    text_add(out, "\n");
}

void print_graph(const graph *g, text *out) {
    text_add(out, "%s\n", LANGUAGE_HEADER);
    for (int a = 0; a < g->axis_count; a++) {
        text_add(out, "axis %s%s", g->axes[a].name, g->axes[a].batch ? " batch" : "");
        if (g->axes[a].extent >= 0)
            text_add(out, " extent=%" PRId64, g->axes[a].extent);
        text_add(out, "\n");
    }
    if (g->remember != GRAPH_REMEMBER_ALL)
        text_add(out, "remember %s\n", graph_remember_name(g->remember));
    for (size_t i = 0; i < g->nodes.count; i++) {
        print_node(g, out, g->nodes.at[i]);
        /* Nothing that was made before the lengths were set depends on them. */
        for (int a = 0; a < g->axis_count; a++)
            if (g->axes[a].lengths == g->nodes.at[i])
                text_add(out, "lengths %s %%%zu\n", g->axes[a].name, i);
    }
    for (size_t i = 0; i < g->outputs.count; i++) {
        text_add(out, "output ");
        print_string(out, g->outputs.at[i].name);
        text_add(out, " %%%u\n", g->outputs.at[i].node->id);
    }
    for (size_t i = 0; i < g->updates.count; i++)
        text_add(out, "update %%%u %%%u\n", g->updates.at[i].variable->id,
                 g->updates.at[i].node->id);
}
