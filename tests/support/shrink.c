/* Delta debugging on graphs.
 *
 * A step makes a new graph from the current one, and is taken if the new one is cheaper and still
 * fails. Most steps are rewrites with a rule for one node: what the node needed alone is then gone
 * by itself. Sizes of feature dimensions stand in many attributes at once, so a smaller size is
 * tried by building the whole graph anew with one number in place of another; where the result
 * makes no sense, inference says so and the step is not taken.
 *
 * Graphs live in arenas of their own, so a step that is not taken leaves nothing behind. */
#include "tests/support/shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shrink_box {
    arena memory;
    error problem;
    graph g;
} shrink_box;

typedef struct shrink_work {
    shrink_box *now;
    int64_t extents[LIMIT_AXES];
    shrink_test test;
    void *user;
    int tries, budget;
    jmp_buf escape; /* out of memory */
} shrink_work;

static shrink_box *shrink_open(shrink_work *w) {
    shrink_box *box = calloc(1, sizeof *box);
    if (!box)
        longjmp(w->escape, 1);
    arena_init(&box->memory, allocator_default(), &w->escape);
    graph_init(&box->g, &box->memory, &box->problem);
    return box;
}

static void shrink_close(shrink_box *box) {
    arena_free(&box->memory);
    free(box);
}

/* Operations are dearer than leaves, leaves than constants; sizes break ties. */
static int64_t shrink_cost(const graph *g) {
    int64_t cost = (int64_t)(g->outputs.count * 1000 + g->updates.count * 2000);
    for (size_t i = 0; i < g->nodes.count; i++) {
        const op_node *n = g->nodes.at[i];
        bool leaf = n->count == 0;
        cost += n->op == OP_CONSTANT ? 2000 : leaf ? 3000 : 10000;
        for (int d = 0; d < n->shape.rank; d++)
            cost += n->shape.dimension[d] < 0 ? 1 : n->shape.dimension[d];
        for (uint32_t domain = n->domain; domain; domain &= domain - 1)
            cost += 20;
    }
    for (int a = 0; a < g->axis_count; a++)
        cost += g->axes[a].lengths ? 100 : 0;
    return cost;
}

/* Takes the new graph if it is cheaper and fails; either way it is used up. */
static bool shrink_try(shrink_work *w, shrink_box *box) {
    bool better = box->problem.code == STATUS_OK &&
                  box->g.outputs.count + box->g.updates.count > 0 &&
                  shrink_cost(&box->g) < shrink_cost(&w->now->g) && w->tries < w->budget;
    if (better) {
        w->tries++;
        better = w->test(&box->g, w->extents, w->user);
    }
    shrink_close(better ? w->now : box);
    if (better)
        w->now = box;
    return better;
}

/* ---- one node in the place of another */

typedef struct shrink_place {
    uint32_t id;
    int way; /* -2: a new leaf; -1: a number, or a new leaf; else this argument */
} shrink_place;

static op_node *shrink_rule(rewrite *r, const op_node *n) {
    const shrink_place *place = r->user;
    op_builder *b = &r->to->builder;
    if (n->id != place->id)
        return NULL;
    if (place->way >= 0) {
        op_node *x = n->arguments[place->way] ? r->map[n->arguments[place->way]->id] : NULL;
        op_shape joined;
        if (!x || x->dtype != n->dtype || (x->domain & ~n->domain) ||
            !op_shape_broadcast(&x->shape, &n->shape, &joined) ||
            !op_shape_equal(&joined, &n->shape))
            return NULL;
        return make_expand(b, make_broadcast(b, x, &n->shape), n->domain);
    }
    if (place->way == -1 && n->domain == 0 && n->shape.rank == 0 && n->dtype != DTYPE_BOOL)
        return make_number(b, (dtype)n->dtype, 1);
    for (int d = 0; d < n->shape.rank; d++)
        if (n->shape.dimension[d] < 0)
            return NULL; /* leaves have numbers for dimensions */
    const char *name = arena_print(r->to->memory, "cut%u", n->id);
    return dtype_is_float((dtype)n->dtype)
               ? make_param(b, name, (dtype)n->dtype, n->domain, &n->shape)
               : make_input(b, name, (dtype)n->dtype, n->domain, &n->shape);
}

/* ---- results */

/* The current graph with other results: the same nodes, and tables of results to change. */
static graph shrink_share(shrink_work *w, arena *memory) {
    graph cut = w->now->g;
    cut.outputs.at = arena_array(memory, graph_output, cut.outputs.count);
    cut.outputs.capacity = cut.outputs.count;
    cut.updates.at = arena_array(memory, graph_update, cut.updates.count);
    if (cut.outputs.count > 0)
        memcpy(cut.outputs.at, w->now->g.outputs.at, cut.outputs.count * sizeof *cut.outputs.at);
    if (cut.updates.count > 0)
        memcpy(cut.updates.at, w->now->g.updates.at, cut.updates.count * sizeof *cut.updates.at);
    return cut;
}

static bool shrink_drop_results(shrink_work *w) {
    bool any = false;
    for (size_t i = w->now->g.outputs.count; i-- > 0;) {
        shrink_box *box = shrink_open(w);
        graph cut = shrink_share(w, &box->memory);
        memmove(&cut.outputs.at[i], &cut.outputs.at[i + 1],
                (--cut.outputs.count - i) * sizeof *cut.outputs.at);
        rewrite_graph(&cut, &box->g, NULL, NULL);
        any = shrink_try(w, box) || any;
    }
    for (size_t i = w->now->g.updates.count; i-- > 0;) {
        shrink_box *box = shrink_open(w);
        graph cut = shrink_share(w, &box->memory);
        memmove(&cut.updates.at[i], &cut.updates.at[i + 1],
                (--cut.updates.count - i) * sizeof *cut.updates.at);
        rewrite_graph(&cut, &box->g, NULL, NULL);
        any = shrink_try(w, box) || any;
    }
    return any;
}

/* Candidate number i to stand in for a result: an argument of its node, or an argument's. NULL past
 * the last one. */
static op_node *shrink_below(const op_node *n, int i) {
    for (int a = 0; a < n->count; a++) {
        if (i-- == 0)
            return n->arguments[a];
        if (i < n->arguments[a]->count)
            return n->arguments[a]->arguments[i];
        i -= n->arguments[a]->count;
    }
    return NULL;
}

/* An output becomes something that its node is made of; the node becomes a leaf if need be, because
 * on a cycle everything needs everything. */
static bool shrink_advance(shrink_work *w) {
    bool any = false;
    for (size_t i = 0; i < w->now->g.outputs.count; i++)
        for (int k = 0; shrink_below(w->now->g.outputs.at[i].node, k / 2); k++) {
            shrink_box *box = shrink_open(w);
            graph cut = shrink_share(w, &box->memory);
            op_node *n = cut.outputs.at[i].node;
            shrink_place place = {n->id, -1};
            cut.outputs.at[i].node = shrink_below(n, k / 2);
            rewrite_graph(&cut, &box->g, k % 2 ? shrink_rule : NULL, &place);
            if (!shrink_try(w, box))
                continue;
            any = true;
            k = -1; /* the same output again, which is another node now */
        }
    return any;
}

/* An update becomes an output; then nothing needs the param. */
static bool shrink_updates(shrink_work *w) {
    bool any = false;
    for (size_t i = w->now->g.updates.count; i-- > 0;) {
        shrink_box *box = shrink_open(w);
        graph cut = shrink_share(w, &box->memory);
        const char *name = arena_print(&box->memory, "new_%zu", i);
        vec_push(&box->memory, &cut.outputs, (graph_output){name, cut.updates.at[i].node});
        memmove(&cut.updates.at[i], &cut.updates.at[i + 1],
                (--cut.updates.count - i) * sizeof *cut.updates.at);
        rewrite_graph(&cut, &box->g, NULL, NULL);
        any = shrink_try(w, box) || any;
    }
    return any;
}

/* ---- nodes */

static bool shrink_node(shrink_work *w, uint32_t id) {
    const op_node *n = w->now->g.nodes.at[id];
    bool leaf = n->count == 0;
    bool number = leaf && n->op != OP_CONSTANT && n->domain == 0 && n->shape.rank == 0;
    for (int way = !leaf ? -2 : number ? -1 : 0; way < n->count; way++) {
        shrink_place place = {id, way};
        shrink_box *box = shrink_open(w);
        rewrite_graph(&w->now->g, &box->g, shrink_rule, &place);
        if (shrink_try(w, box))
            return true;
    }
    return false;
}

static bool shrink_nodes(shrink_work *w) {
    bool any = false;
    for (size_t i = w->now->g.nodes.count; i-- > 0;)
        while (i < w->now->g.nodes.count && shrink_node(w, (uint32_t)i))
            any = true;
    return any;
}

/* ---- numbers */

typedef struct shrink_numbers {
    int64_t from, to; /* sizes of feature dimensions; from below 2: none */
    int forget;       /* lengths of this axis, -1: none */
} shrink_numbers;

static void shrink_sizes(op_attributes *a, const shrink_numbers *s) {
    if (s->from < 2)
        return;
    for (int d = 0; d < a->shape.rank; d++)
        if (a->shape.dimension[d] == s->from)
            a->shape.dimension[d] = s->to;
    if (a->size == s->from)
        a->size = s->to;
    if (a->low >= s->to && a->low > 0)
        a->low = s->to - 1;
    if (a->low + a->size > s->to && s->to > a->low && a->low > 0)
        a->size = s->to - a->low;
}

/* The whole graph with other numbers: leaves first, so that lengths are there when they are asked
 * for. false if it is not to be built so. */
static bool shrink_rebuild(const graph *from, graph *to, const shrink_numbers *s) {
    op_node **map = arena_array(to->memory, op_node *, from->nodes.count);
    for (int a = 0; a < from->axis_count; a++)
        graph_axis_add(to, from->axes[a].name, from->axes[a].batch, from->axes[a].extent);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < from->nodes.count; i++) {
            const op_node *n = from->nodes.at[i];
            if ((n->op == OP_INPUT || n->op == OP_CONSTANT) != (pass == 0))
                continue;
            op_node *arguments[LIMIT_ARGUMENTS];
            op_attributes attributes = n->attributes;
            shrink_sizes(&attributes, s);
            for (int k = 0; k < n->count; k++)
                arguments[k] = n->arguments[k] ? map[n->arguments[k]->id] : NULL;
            map[i] = graph_make_raw(to, (op_id)n->op, arguments, n->count, &attributes);
            if (!map[i])
                return false;
        }
        for (int a = 0; a < from->axis_count && pass == 0; a++) {
            op_node *lengths = from->axes[a].lengths;
            if (!lengths || a == s->forget)
                continue;
            if (!map[lengths->id] || !graph_axis_lengths(to, a, map[lengths->id]))
                return false;
        }
    }
    for (size_t i = 0; i < from->nodes.count; i++) {
        const op_node *n = from->nodes.at[i];
        if (n->op == OP_DELAY && !map[i]->arguments[0] && n->arguments[0] &&
            !graph_bind(to, map[i], map[n->arguments[0]->id]))
            return false;
    }
    for (size_t i = 0; i < from->outputs.count; i++)
        graph_output_add(to, from->outputs.at[i].name, map[from->outputs.at[i].node->id]);
    for (size_t i = 0; i < from->updates.count; i++)
        graph_update_add(to, map[from->updates.at[i].variable->id],
                         map[from->updates.at[i].node->id]);
    return to->problem->code == STATUS_OK;
}

static bool shrink_renumber(shrink_work *w, const shrink_numbers *s) {
    shrink_box *whole = shrink_open(w), *box = shrink_open(w);
    bool built = shrink_rebuild(&w->now->g, &whole->g, s);
    if (built) /* and drop what is not needed any more */
        rewrite_graph(&whole->g, &box->g, NULL, NULL);
    bool better = built && shrink_try(w, box);
    if (!built)
        shrink_close(box);
    shrink_close(whole);
    return better;
}

static bool shrink_dimensions(shrink_work *w) {
    bool any = false;
    for (int64_t size = 64; size > 1; size--)
        for (int64_t to = 1; to < size; to = to < size - 1 ? size - 1 : size)
            any = shrink_renumber(w, &(shrink_numbers){size, to, -1}) || any;
    for (int a = 0; a < w->now->g.axis_count; a++)
        if (w->now->g.axes[a].lengths)
            any = shrink_renumber(w, &(shrink_numbers){-1, INT64_MAX, a}) || any;
    return any;
}

static bool shrink_extents(shrink_work *w) {
    bool any = false;
    for (int a = 0; a < w->now->g.axis_count; a++)
        while (w->extents[a] > 0 && w->tries < w->budget) {
            w->extents[a]--;
            w->tries++;
            if (w->test(&w->now->g, w->extents, w->user)) {
                any = true;
                continue;
            }
            w->extents[a]++;
            break;
        }
    return any;
}

shrink_result shrink_graph(const graph *g, const int64_t extents[LIMIT_AXES], int budget,
                           shrink_test test, void *user, arena *memory) {
    shrink_work *w = calloc(1, sizeof *w);
    if (!w || setjmp(w->escape) != 0) {
        fprintf(stderr, "shrink: out of memory\n");
        exit(2);
    }
    w->test = test;
    w->user = user;
    w->budget = budget;
    memcpy(w->extents, extents, sizeof w->extents);
    w->now = shrink_open(w);
    if (!shrink_rebuild(g, &w->now->g, &(shrink_numbers){-1, INT64_MAX, -1})) {
        shrink_close(w->now);
        w->now = shrink_open(w);
        rewrite_graph(g, &w->now->g, NULL, NULL);
    }
    for (bool any = true; any && w->tries < w->budget;) {
        any = shrink_drop_results(w);
        any = shrink_updates(w) || any;
        any = shrink_advance(w) || any;
        any = shrink_nodes(w) || any;
        any = shrink_dimensions(w) || any;
        any = shrink_extents(w) || any;
    }
    shrink_result result = {.nodes = w->now->g.nodes.count, .tries = w->tries};
    memcpy(result.extents, w->extents, sizeof w->extents);
    text out;
    text_init(&out, memory);
    print_graph(&w->now->g, &out);
    result.text = out.at;
    shrink_close(w->now);
    free(w);
    return result;
}
