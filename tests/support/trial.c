/* Feeding one graph to the evaluator and to the reference.
 *
 * The evaluator leaves arbitrary content in padding, the others write 0; so what the evaluator says
 * of steps that do not exist is dropped here. The reference knows only text: it gets the printed
 * graph and is asked for nodes by number. */
#include "tests/support/trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/ref/dual.h"

void trial_open(trial *t) {
    memset(t, 0, sizeof *t);
    arena_init(&t->memory, allocator_default(), &t->escape);
    graph_init(&t->g, &t->memory, &t->problem);
}

void trial_close(trial *t) {
    arena_free(&t->memory);
}

bool trial_fail(trial *t, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(t->message, sizeof t->message, format, list);
    va_end(list);
    return false;
}

int trial_axis(trial *t, const char *name, bool batch, int64_t steps, bool fixed) {
    int axis = graph_axis_add(&t->g, name, batch, fixed ? steps : -1);
    t->extents[axis] = steps;
    return axis;
}

op_node *trial_leaf_add(trial *t, op_id op, const char *name, dtype type, uint32_t domain,
                        const op_shape *shape, const double *values) {
    op_builder *b = &t->g.builder;
    op_node *n = op == OP_PARAM ? make_param(b, name, type, domain, shape)
                                : make_input(b, name, type, domain, shape);
    if (!n)
        return NULL;
    trial_leaf leaf = {.node = n};
    size_t count = trial_elements(t, n);
    leaf.values = arena_array(&t->memory, double, count);
    if (count)
        memcpy(leaf.values, values, count * sizeof *values);
    vec_push(&t->memory, &t->leaves, leaf);
    return n;
}

trial_leaf *trial_leaf_find(trial *t, const op_node *node) {
    for (size_t i = 0; i < t->leaves.count; i++)
        if (t->leaves.at[i].node == node)
            return &t->leaves.at[i];
    return NULL;
}

/* ---- sizes */

static size_t trial_features(const trial *t, const op_node *n) {
    size_t count = 1;
    for (int i = 0; i < n->shape.rank; i++) {
        int64_t dimension = n->shape.dimension[i];
        count *= (size_t)(dimension >= 0 ? dimension : t->extents[-1 - dimension]);
    }
    return count;
}

size_t trial_elements(const trial *t, const op_node *n) {
    size_t count = trial_features(t, n);
    for (int a = 0; a < t->g.axis_count; a++)
        if (n->domain >> a & 1)
            count *= (size_t)t->extents[a];
    return count;
}

double **trial_room(trial *t, op_node *const *nodes, size_t count) {
    double **out = arena_array(&t->memory, double *, count);
    for (size_t i = 0; i < count; i++)
        out[i] = arena_array(&t->memory, double, trial_elements(t, nodes[i]));
    return out;
}

/* Number of the element of a leaf at these steps (its first feature). */
static size_t trial_at(const trial *t, const op_node *leaf, const int64_t *step) {
    int axes[LIMIT_AXES], count = graph_axis_order(&t->g, leaf->domain, axes);
    size_t at = 0;
    for (int i = 0; i < count; i++)
        at = at * (size_t)t->extents[axes[i]] + (size_t)step[axes[i]];
    return at * trial_features(t, leaf);
}

const bool *trial_existing(trial *t, const op_node *n) {
    int axes[LIMIT_AXES], count = graph_axis_order(&t->g, n->domain, axes);
    size_t elements = trial_elements(t, n), features = trial_features(t, n);
    bool *existing = arena_array(&t->memory, bool, elements);
    for (size_t i = 0; i < elements; i++) {
        int64_t step[LIMIT_AXES] = {0};
        size_t rest = i / features;
        for (int k = count - 1; k >= 0; k--) {
            step[axes[k]] = (int64_t)(rest % (size_t)t->extents[axes[k]]);
            rest /= (size_t)t->extents[axes[k]];
        }
        existing[i] = true;
        for (int k = 0; k < count; k++) {
            const op_node *lengths = t->g.axes[axes[k]].lengths;
            if (!lengths || lengths->domain & ~n->domain)
                continue;
            const trial_leaf *leaf = trial_leaf_find(t, lengths);
            if ((double)step[axes[k]] >= leaf->values[trial_at(t, lengths, step)])
                existing[i] = false;
        }
    }
    return existing;
}

op_node *trial_sum(op_builder *b, op_node *x) {
    op_shape scalar = op_shape_make(0, NULL);
    for (int i = 0; x && i < x->shape.rank; i++)
        x = make_reduce(b, x, i, OP_KIND_SUM);
    return x && x->shape.rank ? make_reshape(b, x, &scalar) : x;
}

/* ---- numbers in and out */

void *trial_encode(arena *memory, dtype type, const double *values, size_t count) {
    unsigned char *out = arena_take_array(memory, count, dtype_size(type));
    for (size_t i = 0; i < count; i++) {
        float f32 = (float)values[i];
        int32_t i32 = type == DTYPE_I32 ? (int32_t)values[i] : 0;
        uint8_t boolean = values[i] != 0;
        const void *from[DTYPE_COUNT] = {&f32, &values[i], &i32, &boolean};
        memcpy(out + i * dtype_size(type), from[type], dtype_size(type));
    }
    return out;
}

double trial_decode(dtype type, const void *data, size_t i) {
    switch (type) {
    case DTYPE_F32:
        return (double)((const float *)data)[i];
    case DTYPE_F64:
        return ((const double *)data)[i];
    case DTYPE_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

/* ---- the library's evaluator */

bool trial_evaluate(trial *t, op_node *const *nodes, size_t count, double **out) {
    arena_mark here = arena_here(&t->memory);
    eval_feed *feeds = arena_array(&t->memory, eval_feed, t->leaves.count);
    for (size_t i = 0; i < t->leaves.count; i++) {
        const trial_leaf *leaf = &t->leaves.at[i];
        feeds[i].node = leaf->node;
        feeds[i].data = trial_encode(&t->memory, (dtype)leaf->node->dtype, leaf->values,
                                     trial_elements(t, leaf->node));
    }
    const eval *e = eval_graph(&t->g, &t->memory, nodes, count, t->extents, feeds, t->leaves.count);
    if (!e)
        return trial_fail(t, "evaluator: %s", t->problem.message);
    for (size_t i = 0; i < count; i++) {
        size_t elements;
        const void *data = eval_value(e, nodes[i], &elements);
        const bool *existing = trial_existing(t, nodes[i]);
        if (!data || elements != trial_elements(t, nodes[i]))
            return trial_fail(t, "evaluator: %zu elements of %%%u instead of %zu",
                              data ? elements : 0, nodes[i]->id, trial_elements(t, nodes[i]));
        for (size_t k = 0; k < elements; k++)
            out[i][k] = existing[k] ? trial_decode((dtype)nodes[i]->dtype, data, k) : 0;
    }
    arena_rewind(&t->memory, here);
    return true;
}

/* ---- the reference */

static bool trial_ask(trial *t, ref_graph *r, op_node *const *nodes, size_t count, double **out,
                      double **slopes) {
    for (int a = 0; a < t->g.axis_count; a++)
        if (!ref_extent(r, t->g.axes[a].name, (long)t->extents[a]))
            return trial_fail(t, "reference: there is no axis %s", t->g.axes[a].name);
    for (size_t i = 0; i < t->leaves.count; i++) {
        const trial_leaf *leaf = &t->leaves.at[i];
        if (!ref_bind(r, leaf->node->name, leaf->values, leaf->direction))
            return trial_fail(t, "reference: there is no leaf %s", leaf->node->name);
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = arena_print(&t->memory, "%%%u", nodes[i]->id);
        if (ref_elements(r, name) != trial_elements(t, nodes[i]))
            return trial_fail(t, "reference: %s has another size", name);
        if (!ref_eval(r, name, out[i], slopes ? slopes[i] : NULL))
            return trial_fail(t, "reference: %s", ref_message(r));
    }
    return true;
}

bool trial_reference(trial *t, op_node *const *nodes, size_t count, double **out, double **slopes) {
    char message[REF_MESSAGE];
    text printed;
    arena_mark here = arena_here(&t->memory);
    text_init(&printed, &t->memory);
    print_graph(&t->g, &printed);
    ref_graph *r = ref_parse(printed.at, message);
    if (!r)
        return trial_fail(t, "reference: %s", message);
    bool good = trial_ask(t, r, nodes, count, out, slopes);
    ref_free(r);
    arena_rewind(&t->memory, here);
    return good;
}
