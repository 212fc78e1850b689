/* From a graph to the few things that a reader calls by name.
 *
 * A graph has a node for every operation: too many to look at. Here are those that the user named,
 * the inputs and the outputs; what lies between two of them becomes one edge, weights are words in
 * the box that reads them, and a delay is an edge that says how many steps it takes. */
#include "frontends/cli/picture.h"

#include <string.h>

enum { PICTURE_LETTERS = 40 }; /* so many for names of weights; the rest is counted */

typedef struct picture_walk {
    const graph *g;
    picture *p;
    int *number;      /* by node: its box, -1: none */
    uint32_t *seen;   /* by node: the last walk that met it */
    uint32_t *behind; /* the same, behind a delay of `steps` */
    VEC(const op_node *) open;
    VEC(int) steps;
} picture_walk;

static bool picture_is_leaf(const op_node *n) {
    return n->op == OP_PARAM || n->op == OP_CONSTANT;
}

/* "h" for the delay "h.before". */
static const char *picture_name(arena *memory, const op_node *delay) {
    static const char suffix[] = ".before";
    size_t length = delay->name ? strlen(delay->name) : 0, end = sizeof suffix - 1;
    if (length > end && strcmp(delay->name + length - end, suffix) == 0)
        return arena_print(memory, "%.*s", (int)(length - end), delay->name);
    return NULL;
}

/* Marks all that the outputs depend on, and counts walks from 1 on. */
static void picture_reach(picture_walk *w) {
    arena *memory = w->p->memory;
    for (size_t i = 0; i < w->g->outputs.count; i++)
        vec_push(memory, &w->open, w->g->outputs.at[i].node);
    while (w->open.count) {
        const op_node *n = w->open.at[--w->open.count];
        if (w->seen[n->id])
            continue;
        w->seen[n->id] = 1;
        for (int i = 0; i < n->count; i++)
            if (n->arguments[i])
                vec_push(memory, &w->open, n->arguments[i]);
    }
}

/* What a box is called, NULL where a node is none. */
static void picture_names(picture_walk *w, const char **names, bool *output) {
    for (size_t i = 0; i < w->g->nodes.count; i++) {
        const op_node *n = w->g->nodes.at[i];
        if (n->op == OP_DELAY && w->seen[i] && n->arguments[0] && !names[n->arguments[0]->id])
            names[n->arguments[0]->id] = picture_name(w->p->memory, n);
        if (n->op != OP_DELAY && !picture_is_leaf(n) && n->name)
            names[i] = n->name;
    }
    for (size_t i = 0; i < w->g->outputs.count; i++) {
        const op_node *n = w->g->outputs.at[i].node;
        output[n->id] = true;
        if (!names[n->id])
            names[n->id] = w->g->outputs.at[i].name;
    }
    for (size_t i = 0; i < w->g->nodes.count; i++) { /* what a delay reads must be somewhere */
        const op_node *n = w->g->nodes.at[i];
        const op_node *x = n->op == OP_DELAY && w->seen[i] ? n->arguments[0] : NULL;
        if (x && !names[x->id] && x->op != OP_DELAY && !picture_is_leaf(x))
            names[x->id] = op_get((op_id)x->op)->name;
    }
}

static void picture_edge_add(picture_walk *w, int from, int to, int delay) {
    for (size_t i = w->p->edges.count; i > 0 && w->p->edges.at[i - 1].to == to; i--)
        if (w->p->edges.at[i - 1].from == from && w->p->edges.at[i - 1].delay == delay)
            return;
    vec_push(w->p->memory, &w->p->edges, (picture_edge){from, to, delay});
}

/* Back from a box to those that it reads. A walk meets a node once in its own step, and once more
 * behind a delay. */
static void picture_back(picture_walk *w, const op_node *of, uint32_t walk, text *weights) {
    arena *memory = w->p->memory;
    int to = w->number[of->id], more = 0;
    vec_push(memory, &w->open, of);
    vec_push(memory, &w->steps, 0);
    while (w->open.count) {
        const op_node *n = w->open.at[--w->open.count];
        int steps = w->steps.at[--w->steps.count];
        if (n->op == OP_PARAM && n->name && weights->count + strlen(n->name) > PICTURE_LETTERS)
            more++;
        else if (n->op == OP_PARAM && n->name)
            text_add(weights, "%s%s", weights->count ? " " : "", n->name);
        for (int i = n->count - 1; i >= 0; i--) {
            const op_node *x = n->arguments[i];
            bool moves = n->op == OP_DELAY && i == 0 && n->attributes.domain != 0;
            int after = steps + (moves ? (int)n->attributes.distance : 0);
            uint32_t *met = x ? after ? &w->behind[x->id] : &w->seen[x->id] : NULL;
            if (!x || x->op == OP_CONSTANT)
                continue;
            if (w->number[x->id] >= 0) {
                picture_edge_add(w, w->number[x->id], to, after);
            } else if (*met != walk) {
                *met = walk;
                vec_push(memory, &w->open, x);
                vec_push(memory, &w->steps, after);
            }
        }
    }
    if (more)
        text_add(weights, " +%d", more);
}

static const char *picture_about(arena *memory, const op_node *n, const char *weights) {
    text out;
    text_init(&out, memory);
    if (n->op != OP_INPUT)
        text_add(&out, "%s ", op_get((op_id)n->op)->name);
    text_add(&out, "[");
    for (int i = 0; i < n->shape.rank; i++)
        text_add(&out, "%s%lld", i ? ", " : "", (long long)n->shape.dimension[i]);
    text_add(&out, "]%s%s", weights[0] ? " " : "", weights);
    return out.at;
}

void picture_of(const graph *g, arena *memory, picture *out) {
    size_t count = g->nodes.count;
    *out = (picture){.memory = memory};
    picture_walk w = {.g = g, .p = out};
    w.number = arena_array(memory, int, count + 1);
    w.seen = arena_array(memory, uint32_t, count + 1);
    w.behind = arena_array(memory, uint32_t, count + 1);
    const char **names = arena_array(memory, const char *, count + 1);
    bool *output = arena_array(memory, bool, count + 1);
    picture_reach(&w);
    picture_names(&w, names, output);
    for (size_t i = 0; i < count; i++) {
        const op_node *n = g->nodes.at[i];
        bool box = w.seen[i] && names[i] && !picture_is_leaf(n) && n->op != OP_DELAY;
        w.number[i] = box ? (int)out->nodes.count : -1;
        if (box)
            vec_push(memory, &out->nodes,
                     ((picture_node){.name = names[i],
                                     .kind = n->op == OP_INPUT ? "input"
                                             : output[i]       ? "output"
                                             : n->domain == 0  ? "once"
                                                               : "value"}));
    }
    for (size_t i = 0; i < count; i++) {
        text weights;
        text_init(&weights, memory);
        if (w.number[i] < 0)
            continue;
        picture_back(&w, g->nodes.at[i], (uint32_t)i + 2, &weights);
        out->nodes.at[w.number[i]].about = picture_about(memory, g->nodes.at[i], weights.at);
    }
}

/* ---- in the log */

json_t *picture_write(const picture *p) {
    json_t *nodes = json_array(), *edges = json_array();
    for (size_t i = 0; i < p->nodes.count; i++) {
        const picture_node *n = &p->nodes.at[i];
        json_array_append_new(nodes, json_pack("{s:s, s:s, s:s}", "name", n->name, "kind", n->kind,
                                               "about", n->about));
    }
    for (size_t i = 0; i < p->edges.count; i++) {
        const picture_edge *e = &p->edges.at[i];
        json_array_append_new(edges, json_pack("[i, i, i]", e->from, e->to, e->delay));
    }
    return json_pack("{s:o, s:o}", "nodes", nodes, "edges", edges);
}

bool picture_read(const json_t *from, arena *memory, picture *out) {
    const json_t *nodes = json_object_get(from, "nodes"), *edges = json_object_get(from, "edges");
    json_t *one;
    size_t i;
    int count = (int)json_array_size(nodes), last = 0;
    *out = (picture){.memory = memory};
    json_array_foreach(nodes, i, one) {
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *kind = json_string_value(json_object_get(one, "kind"));
        const char *about = json_string_value(json_object_get(one, "about"));
        if (!name || !kind || !about)
            return false;
        vec_push(memory, &out->nodes,
                 ((picture_node){.name = arena_copy_text(memory, name),
                                 .kind = arena_copy_text(memory, kind),
                                 .about = arena_copy_text(memory, about)}));
    }
    json_array_foreach(edges, i, one) {
        picture_edge e;
        if (json_unpack(one, "[iii]", &e.from, &e.to, &e.delay) != 0 || e.from < 0 || e.to < last ||
            e.from >= count || e.to >= count || (e.delay == 0 && e.from >= e.to))
            return false;
        last = e.to;
        vec_push(memory, &out->edges, e);
    }
    return count > 0 && count <= PICTURE_NODES;
}
