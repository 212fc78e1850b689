/* The builder's functions in their plainest form. A copy with one leaf replaced (substitute) goes
 * through the nodes in the order of their birth and makes those again that depend on the leaf. */
#include "tests/support/bare.h"

#include <assert.h>
#include <string.h>

static op_node *bare_make(op_builder *b, op_id op, op_node *const *arguments, int count,
                          const op_attributes *attributes) {
    bare *g = (bare *)b;
    const op_info *info = op_get(op);
    assert(count >= info->least && count <= info->most);
    if (g->problem.code != STATUS_OK)
        return NULL;
    bool state = op == OP_DELAY && attributes->domain != 0;
    op_node *n = arena_new(&g->memory, op_node);
    n->arguments = arena_array(&g->memory, op_node *, count);
    for (int i = 0; i < count; i++) {
        if (!arguments[i] && !(state && i == 0))
            return NULL;
        n->arguments[i] = arguments[i];
    }
    n->id = (uint32_t)g->nodes.count;
    n->op = (uint8_t)op;
    n->count = (uint16_t)count;
    n->attributes = *attributes;
    if (!info->infer(b, n)) {
        assert(g->problem.code != STATUS_OK);
        return NULL;
    }
    vec_push(&g->memory, &g->nodes, n);
    return n;
}

static op_node *bare_lengths(op_builder *b, int axis) {
    return ((bare *)b)->axes[axis].lengths;
}

static const char *bare_axis_name(op_builder *b, int axis) {
    return axis >= 0 && axis < BARE_AXES ? ((bare *)b)->axes[axis].name : NULL;
}

static bool bare_axis_is_batch(op_builder *b, int axis) {
    return ((bare *)b)->axes[axis].batch;
}

static int64_t bare_axis_extent(op_builder *b, int axis) {
    return ((bare *)b)->axes[axis].extent;
}

static op_node *bare_substitute(op_builder *b, op_node *root, op_node *from, op_node *to) {
    bare *g = (bare *)b;
    size_t count = root->id + (size_t)1; /* what root depends on is older */
    op_node **copy = arena_array(&g->memory, op_node *, count);
    for (size_t i = 0; i < count; i++) {
        op_node *n = g->nodes.at[i], *arguments[LIMIT_ARGUMENTS];
        bool depends = false;
        copy[i] = n == from ? to : n;
        for (int j = 0; j < n->count; j++) {
            arguments[j] = n->arguments[j] ? copy[n->arguments[j]->id] : NULL;
            depends = depends || arguments[j] != n->arguments[j];
        }
        if (depends)
            copy[i] = bare_make(b, (op_id)n->op, arguments, n->count, &n->attributes);
    }
    return copy[root->id];
}

static const char *bare_intern_text(op_builder *b, const char *words) {
    return intern_text(&((bare *)b)->names, words);
}

static const void *bare_intern_bytes(op_builder *b, const void *bytes, size_t count) {
    return intern_bytes(&((bare *)b)->names, bytes, count);
}

static uint64_t bare_new_stream(op_builder *b) {
    return ++((bare *)b)->streams;
}

void bare_init(bare *g) {
    memset(g, 0, sizeof *g);
    arena_init(&g->memory, allocator_default(), &g->escape);
    intern_init(&g->names, &g->memory);
    g->builder = (op_builder){.make = bare_make,
                              .lengths = bare_lengths,
                              .axis_name = bare_axis_name,
                              .axis_is_batch = bare_axis_is_batch,
                              .axis_extent = bare_axis_extent,
                              .substitute = bare_substitute,
                              .intern_text = bare_intern_text,
                              .intern_bytes = bare_intern_bytes,
                              .new_stream = bare_new_stream,
                              .memory = &g->memory,
                              .problem = &g->problem};
    g->axes[0] = (bare_axis){.name = "t", .extent = -1};
    g->axes[1] = (bare_axis){.name = "s", .extent = -1};
    g->axes[2] = (bare_axis){.name = "b", .batch = true, .extent = -1};
}

void bare_free(bare *g) {
    arena_free(&g->memory);
}
