/* Is a rewritten graph still the same program? Evaluate both and look.
 *
 * Inputs are drawn per name, not per node, because a pass makes new nodes and drops others. The
 * content of padding is nobody's business (rule 4), so before results are compared both graphs are
 * masked by the pass that masks results anyway; and gradients are expanded, as they must be. */
#include "jit/check.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "core/size.h"

static bool check_is_leaf(const op_node *n) {
    return n->op == OP_INPUT || n->op == OP_PARAM;
}

static size_t check_elements(const op_node *n, const int64_t *extents) {
    size_t count = 1;
    bool fits = true;
    for (int a = 0; a < LIMIT_AXES; a++)
        if (n->domain >> a & 1)
            fits = fits && size_multiply(count, (size_t)extents[a], &count);
    for (int d = 0; d < n->shape.rank; d++) {
        int64_t size = n->shape.dimension[d];
        fits = fits && size_multiply(count, (size_t)(size < 0 ? extents[-1 - size] : size), &count);
    }
    assert(fits && "samples are small");
    return count;
}

/* The largest value that this leaf may take as the lengths of an axis; -1: it is no such thing. */
static int64_t check_limit(const graph *g, const op_node *n, const int64_t *extents) {
    int64_t limit = -1;
    for (int a = 0; a < g->axis_count; a++)
        if (g->axes[a].lengths == n && (limit < 0 || extents[a] < limit))
            limit = extents[a];
    return limit;
}

static void check_fill(check_leaf *leaf, uint64_t seed, int64_t limit) {
    uint64_t stream = rng_stream_of(leaf->name);
    for (size_t i = 0; i < leaf->elements; i++) {
        double uniform = rng_uniform(seed, stream, i);
        switch (leaf->type) {
        case DTYPE_F32:
            ((float *)leaf->data)[i] = (float)rng_normal(seed, stream, i);
            break;
        case DTYPE_F64:
            ((double *)leaf->data)[i] = rng_normal(seed, stream, i);
            break;
        case DTYPE_I32:
            ((int32_t *)leaf->data)[i] = limit >= 0 ? (int32_t)(uniform * (double)(limit + 1))
                                                    : (int32_t)floor(uniform * 9) - 2;
            break;
        default:
            ((uint8_t *)leaf->data)[i] = uniform < 0.5;
            break;
        }
    }
}

void check_draw(const graph *g, arena *memory, const int64_t *extents, uint64_t seed,
                check_sample *out) {
    memset(out, 0, sizeof *out);
    for (int a = 0; a < g->axis_count; a++)
        out->extents[a] = g->axes[a].extent >= 0 ? g->axes[a].extent : extents[a];
    for (size_t i = 0; i < g->nodes.count; i++) {
        const op_node *n = g->nodes.at[i];
        if (!check_is_leaf(n))
            continue;
        check_leaf leaf = {.name = arena_copy_text(memory, n->attributes.text),
                           .type = (dtype)n->dtype,
                           .elements = check_elements(n, out->extents)};
        leaf.data = arena_take_array(memory, leaf.elements, dtype_size(leaf.type));
        check_fill(&leaf, seed, check_limit(g, n, out->extents));
        vec_push(memory, &out->leaves, leaf);
    }
}

size_t check_feeds(const graph *g, arena *memory, const check_sample *sample, eval_feed **out) {
    *out = arena_array(memory, eval_feed, g->nodes.count);
    size_t count = 0;
    for (size_t i = 0; i < g->nodes.count; i++) {
        const op_node *n = g->nodes.at[i];
        if (!check_is_leaf(n))
            continue;
        const void *data = NULL;
        for (size_t k = 0; k < sample->leaves.count && !data; k++)
            if (strcmp(sample->leaves.at[k].name, n->attributes.text) == 0)
                data = sample->leaves.at[k].data;
        assert(data);
        (*out)[count++] = (eval_feed){.node = n, .data = data};
    }
    return count;
}

static bool check_same(dtype type, const void *left, const void *right, size_t i) {
    size_t size = dtype_size(type);
    const char *l = (const char *)left + i * size, *r = (const char *)right + i * size;
    if (memcmp(l, r, size) == 0)
        return true;
    if (type == DTYPE_F32)
        return isnan(((const float *)left)[i]) && isnan(((const float *)right)[i]);
    if (type == DTYPE_F64)
        return isnan(((const double *)left)[i]) && isnan(((const double *)right)[i]);
    return false;
}

int64_t check_difference(dtype type, const void *left, const void *right, size_t elements) {
    for (size_t i = 0; i < elements; i++)
        if (!check_same(type, left, right, i))
            return (int64_t)i;
    return -1;
}

/* ---- one pass */

typedef struct check_results {
    graph g;
    node_list roots;
    const eval *values;
} check_results;

static bool check_evaluate(const graph *from, const check_sample *sample, arena *memory,
                           error *problem, check_results *out) {
    graph expanded;
    graph_init(&expanded, memory, problem);
    grad_graph(from, &expanded);
    graph_init(&out->g, memory, problem);
    if (problem->code == STATUS_OK)
        mask_graph(&expanded, &out->g);
    if (problem->code != STATUS_OK)
        return false;
    graph_roots(&out->g, memory, &out->roots);
    eval_feed *feeds;
    size_t count = check_feeds(&out->g, memory, sample, &feeds);
    out->values =
        eval_graph(&out->g, memory, out->roots.at, out->roots.count, sample->extents, feeds, count);
    return out->values != NULL;
}

static double check_number(dtype type, const void *data, size_t i) {
    switch (type) {
    case DTYPE_F32:
        return ((const float *)data)[i];
    case DTYPE_F64:
        return ((const double *)data)[i];
    case DTYPE_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

/* The first element that differs by more than reordered sums of small arrays can, or -1. */
static int64_t check_far(dtype type, const void *left, const void *right, size_t elements) {
    double tolerance = type == DTYPE_F32 ? 1e-4 : type == DTYPE_F64 ? 1e-13 : 0;
    for (size_t i = 0; i < elements; i++) {
        double l = check_number(type, left, i), r = check_number(type, right, i);
        bool close = fabs(l - r) <= tolerance * (1 + fabs(l) + fabs(r));
        if (!close && !check_same(type, left, right, i))
            return (int64_t)i;
    }
    return -1;
}

static const char *check_result_name(const graph *g, size_t root) {
    return root < g->outputs.count
               ? g->outputs.at[root].name
               : g->updates.at[root - g->outputs.count].variable->attributes.text;
}

/* The same result of another graph. */
static const op_node *check_result(const check_results *of, const graph *g, size_t root) {
    bool update = root >= g->outputs.count;
    for (size_t i = 0; i < of->roots.count; i++)
        if ((i >= of->g.outputs.count) == update &&
            strcmp(check_result_name(&of->g, i), check_result_name(g, root)) == 0)
            return of->roots.at[i];
    assert(!"a pass keeps all results");
    return NULL;
}

bool check_pass(const graph *before, const graph *after, bool exact, arena *memory,
                error *problem) {
    int64_t extents[LIMIT_AXES];
    for (int a = 0; a < LIMIT_AXES; a++)
        extents[a] = 2 + a % 3;
    check_sample sample;
    check_draw(before, memory, extents, 1, &sample);
    check_results sides[2] = {{.values = NULL}, {.values = NULL}};
    if (!check_evaluate(before, &sample, memory, problem, &sides[0]) ||
        !check_evaluate(after, &sample, memory, problem, &sides[1]))
        return false;
    for (size_t i = 0; i < sides[0].roots.count; i++) {
        dtype type = (dtype)sides[0].roots.at[i]->dtype;
        size_t elements, others;
        const void *left = eval_value(sides[0].values, sides[0].roots.at[i], &elements);
        const void *right =
            eval_value(sides[1].values, check_result(&sides[1], &sides[0].g, i), &others);
        assert(left && right && elements == others);
        int64_t at = exact ? check_difference(type, left, right, elements)
                           : check_far(type, left, right, elements);
        if (at < 0)
            continue;
        error_set(problem, STATUS_ILLEGAL, sides[0].roots.at[i]->where,
                  "element %lld of %s was %.17g and became %.17g", (long long)at,
                  check_result_name(&sides[0].g, i), check_number(type, left, (size_t)at),
                  check_number(type, right, (size_t)at));
        return false;
    }
    return true;
}

/* ---- the same pass, in f64 */

/* Types are words of a graph's text, and a text can be read back. */
static const char *check_widened(const graph *g, arena *memory) {
    static const char narrow[] = ": f32 {", wide[] = ": f64 {";
    text out;
    text_init(&out, memory);
    print_graph(g, &out);
    char *at = arena_copy_text(memory, out.at), *all = at;
    while ((at = strstr(at, narrow)))
        memcpy(at, wide, strlen(wide));
    return all;
}

bool check_wide(const graph *before, check_run *run, arena *memory, error *problem) {
    graph from, to;
    const char *all = check_widened(before, memory);
    graph_init(&from, memory, problem);
    graph_init(&to, memory, problem);
    if (!parse_graph(&from, all, strlen(all), "f64"))
        return false;
    run(&from, &to);
    return problem->code == STATUS_OK && check_pass(&from, &to, false, memory, problem);
}
