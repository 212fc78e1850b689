/* Boxes in layers, and ways between them.
 *
 * The usual four steps for a picture of what depends on what, in their simplest forms: layers by
 * the longest way from above; a bend in every layer that an edge passes; an order in each layer by
 * the mean place of the neighbours, from above and from below in turn; and places, wished for as
 * the same mean and moved apart where they overlap. Edges through time take no part: they leave
 * their box to the right, go up in a lane of their own and come in from above, which makes a loop
 * of each. */
#include "frontends/cli/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A box, or a bend. */
typedef struct layout_item {
    int node; /* -1: a bend */
    int edge; /* of a bend */
    int layer, step;
    double x, width, wish;
    VEC(int) up, down; /* neighbours in the layers above and below */
} layout_item;

typedef struct layout {
    picture *p;
    arena *memory;
    VEC(layout_item) items;
    int **rows; /* by layer: items, from the left */
    int *counts;
    int layers;
} layout;

enum { LAYOUT_SWEEPS = 12, LAYOUT_MARGIN = 16 };

bool picture_is_loop(const picture *p, const picture_edge *e) {
    return e->delay != 0 && p->nodes.at[e->from].layer >= p->nodes.at[e->to].layer;
}

static double layout_letters(const char *words) {
    double letters = 0;
    for (const char *c = words; *c; c++)
        letters += ((unsigned char)*c & 0xc0) != 0x80;
    return letters;
}

/* ---- layers */

/* Edges are in the order of where they go, and without a delay that is up. */
static void layout_layers(layout *l) {
    picture *p = l->p;
    int *least = arena_array(l->memory, int, p->nodes.count + 1);
    bool *fed = arena_array(l->memory, bool, p->nodes.count + 1);
    for (size_t i = 0; i < p->edges.count; i++) {
        const picture_edge *e = &p->edges.at[i];
        int below = p->nodes.at[e->from].layer + 1;
        if (e->delay != 0)
            continue;
        fed[e->to] = true;
        if (p->nodes.at[e->to].layer < below)
            p->nodes.at[e->to].layer = below;
    }
    for (size_t i = 0; i < p->edges.count; i++) { /* what nothing feeds stands close by */
        const picture_edge *e = &p->edges.at[i];
        int above = p->nodes.at[e->to].layer - 1;
        if (e->delay == 0 && !fed[e->from] && (!least[e->from] || above < least[e->from]))
            least[e->from] = above;
    }
    for (size_t i = 0; i < p->nodes.count; i++) {
        picture_node *n = &p->nodes.at[i];
        if (!fed[i] && least[i] > 0 && strcmp(n->kind, "input") != 0)
            n->layer = least[i];
        if (n->layer >= l->layers)
            l->layers = n->layer + 1;
    }
}

static int layout_add(layout *l, layout_item made) {
    vec_push(l->memory, &l->items, made);
    return (int)l->items.count - 1;
}

static void layout_join(layout *l, int above, int below) {
    vec_push(l->memory, &l->items.at[above].down, below);
    vec_push(l->memory, &l->items.at[below].up, above);
}

static void layout_items(layout *l) {
    picture *p = l->p;
    for (size_t i = 0; i < p->nodes.count; i++) {
        picture_node *n = &p->nodes.at[i];
        n->width = fmax(layout_letters(n->name) * 8, layout_letters(n->about) * 6.2) + 20;
        layout_add(l, (layout_item){.node = (int)i, .layer = n->layer, .width = n->width});
    }
    for (size_t i = 0; i < p->edges.count; i++) {
        const picture_edge *e = &p->edges.at[i];
        int at = e->from, low = p->nodes.at[e->from].layer, high = p->nodes.at[e->to].layer;
        if (low >= high)
            continue;
        for (int layer = low + 1; layer < high; layer++) {
            int bend = layout_add(l, (layout_item){.node = -1,
                                                   .edge = (int)i,
                                                   .layer = layer,
                                                   .step = layer - low - 1,
                                                   .width = 6});
            layout_join(l, at, bend);
            at = bend;
        }
        layout_join(l, at, e->to);
    }
    l->counts = arena_array(l->memory, int, l->layers + 1);
    l->rows = arena_array(l->memory, int *, l->layers + 1);
    for (size_t i = 0; i < l->items.count; i++)
        l->counts[l->items.at[i].layer]++;
    for (int layer = 0; layer < l->layers; layer++) {
        l->rows[layer] = arena_array(l->memory, int, l->counts[layer] + 1);
        l->counts[layer] = 0;
    }
    for (size_t i = 0; i < l->items.count; i++)
        l->rows[l->items.at[i].layer][l->counts[l->items.at[i].layer]++] = (int)i;
}

/* ---- order and places */

/* The mean place of the neighbours on one side, or its own where it has none there. */
static double layout_wish(const layout *l, const layout_item *item, bool from_above) {
    size_t count = from_above ? item->up.count : item->down.count;
    const int *list = from_above ? item->up.at : item->down.at;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += l->items.at[list[i]].x;
    return count ? sum / (double)count : item->x;
}

static double layout_apart(const layout_item *a, const layout_item *b) {
    return (a->width + b->width) / 2 + (double)PICTURE_GAP;
}

/* As near to the wishes as the widths allow: halfway between what fits when one begins at the left
 * and what fits when one begins at the right. */
static void layout_spread(layout *l, int layer) {
    int count = l->counts[layer];
    const int *row = l->rows[layer];
    double *right = arena_array(l->memory, double, count + 1);
    for (int i = count - 1; i >= 0; i--) {
        layout_item *item = &l->items.at[row[i]];
        right[i] = item->wish;
        if (i + 1 < count)
            right[i] = fmin(right[i], right[i + 1] - layout_apart(item, &l->items.at[row[i + 1]]));
    }
    double left = 0;
    for (int i = 0; i < count; i++) {
        layout_item *item = &l->items.at[row[i]];
        left =
            i ? fmax(item->wish, left + layout_apart(&l->items.at[row[i - 1]], item)) : item->wish;
        item->x = (left + right[i]) / 2;
    }
}

/* An insertion sort: rows are short, and equal wishes keep their order. */
static void layout_sort(layout *l, int layer) {
    int *row = l->rows[layer];
    for (int i = 1; i < l->counts[layer]; i++) {
        int item = row[i], k = i;
        for (; k > 0 && l->items.at[row[k - 1]].wish > l->items.at[item].wish; k--)
            row[k] = row[k - 1];
        row[k] = item;
    }
}

static void layout_sweep(layout *l, bool from_above, bool sort) {
    for (int i = 0; i < l->layers; i++) {
        int layer = from_above ? i : l->layers - 1 - i;
        for (int k = 0; k < l->counts[layer]; k++) {
            layout_item *item = &l->items.at[l->rows[layer][k]];
            item->wish = layout_wish(l, item, from_above);
        }
        if (sort)
            layout_sort(l, layer);
        layout_spread(l, layer);
    }
}

static void layout_columns(layout *l) {
    for (int layer = 0; layer < l->layers; layer++)
        layout_spread(l, layer);
    for (int i = 0; i < LAYOUT_SWEEPS; i++)
        layout_sweep(l, i % 2 == 0, i < LAYOUT_SWEEPS - 4);
    double least = INFINITY;
    for (size_t i = 0; i < l->items.count; i++)
        least = fmin(least, l->items.at[i].x - l->items.at[i].width / 2);
    for (size_t i = 0; i < l->items.count; i++)
        l->items.at[i].x += (double)LAYOUT_MARGIN - least;
}

/* ---- lanes */

static void layout_lane(layout *l, picture_layout *out, const picture_edge *e) {
    for (size_t i = 0; i < out->lanes.count; i++)
        if (out->lanes.at[i].from == e->from && out->lanes.at[i].delay == e->delay)
            return;
    vec_push(l->memory, &out->lanes, ((picture_lane){.from = e->from, .delay = e->delay}));
}

/* How many lanes come in above a layer. */
static int layout_arrivals(const layout *l, const picture_layout *out, int layer) {
    int count = 0;
    for (size_t k = 0; k < out->lanes.count; k++) {
        bool comes = false;
        for (size_t i = 0; i < l->p->edges.count; i++) {
            const picture_edge *e = &l->p->edges.at[i];
            comes = comes ||
                    (picture_is_loop(l->p, e) && e->from == out->lanes.at[k].from &&
                     e->delay == out->lanes.at[k].delay && l->p->nodes.at[e->to].layer == layer);
        }
        count += comes;
    }
    return count;
}

static void layout_rows(layout *l, picture_layout *out) {
    picture *p = l->p;
    double *middle = arena_array(l->memory, double, l->layers + 1), y = (double)LAYOUT_MARGIN;
    out->above = arena_array(l->memory, double, l->layers + 1);
    for (int layer = 0; layer < l->layers; layer++) {
        int arrivals = layout_arrivals(l, out, layer);
        out->above[layer] = y + (layer ? (double)PICTURE_GAP : 0) + 4;
        y = out->above[layer] + (double)(arrivals * PICTURE_LANE + (arrivals || layer ? 14 : 0));
        middle[layer] = y + (double)PICTURE_HEIGHT / 2;
        y += (double)PICTURE_HEIGHT;
    }
    out->height = y + (double)LAYOUT_MARGIN;
    out->bends = arena_array(l->memory, picture_bend *, p->edges.count + 1);
    for (size_t i = 0; i < p->edges.count; i++)
        out->bends[i] = arena_array(l->memory, picture_bend, l->layers + 1);
    for (size_t i = 0; i < l->items.count; i++) {
        const layout_item *item = &l->items.at[i];
        out->width = fmax(out->width, item->x + item->width / 2);
        if (item->node < 0) {
            out->bends[item->edge][item->step] = (picture_bend){item->x, middle[item->layer]};
            continue;
        }
        p->nodes.at[item->node].x = item->x;
        p->nodes.at[item->node].y = middle[item->layer];
    }
}

void picture_place(picture *p, picture_layout *out) {
    layout l = {.p = p, .memory = p->memory};
    *out = (picture_layout){0};
    for (size_t i = 0; i < p->nodes.count; i++)
        p->nodes.at[i].layer = 0;
    layout_layers(&l);
    layout_items(&l);
    layout_columns(&l);
    for (int layer = 0; layer < l.layers; layer++) /* lanes from above lie inside */
        for (size_t i = 0; i < p->edges.count; i++)
            if (picture_is_loop(p, &p->edges.at[i]) &&
                p->nodes.at[p->edges.at[i].from].layer == layer)
                layout_lane(&l, out, &p->edges.at[i]);
    out->layers = l.layers;
    layout_rows(&l, out);
    for (size_t i = 0; i < out->lanes.count; i++)
        out->lanes.at[i].x = out->width + (double)PICTURE_GAP + (double)(i * 3 * PICTURE_LANE);
    out->width +=
        (double)PICTURE_GAP + (double)(out->lanes.count * 3 * PICTURE_LANE + LAYOUT_MARGIN);
}
