/* Witten-Bell smoothing over one count trie.
 *
 * With c(h x) how often symbol x followed history h, n(h) their sum over x and t(h) the number of
 * different x seen after h,
 *
 *   p(x | h) = (c(h x) + t(h) p(x | h')) / (n(h) + t(h)),    h' = h without its oldest symbol,
 *
 * down to p(x | nothing shorter) = 1 / vocabulary; a history never seen leaves p(x | h') as it is.
 * (Witten and Bell, "The zero-frequency problem", 1991, interpolated as in Chen and Goodman, 1998.)
 *
 * A trie node is a string seen in the text; its path from the root is the string, oldest symbol
 * first. Reading the text keeps the nodes of all suffixes of what was read, and each extends by the
 * next symbol: one edge per order, no string is ever hashed. The nodes of order k are the histories
 * of order k + 1, so one trie serves every order. n(h) is kept apart from c(h): they differ for the
 * suffixes at the very end of the text, which nothing follows. */
#include "common/ngram.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct ngram_node {
    uint32_t count;    /* c: times this string occurs */
    uint32_t followed; /* n: times something follows it */
    uint32_t distinct; /* t: different symbols that follow it */
} ngram_node;

typedef struct ngram_edge {
    uint64_t key;  /* parent node and symbol */
    uint32_t node; /* NGRAM_NONE: a free place */
} ngram_edge;

enum { NGRAM_NONE = 0 }; /* the root is nobody's child */

struct ngram {
    ngram_node *nodes; /* nodes[0] is the root, the empty string */
    size_t node_count, node_capacity;
    ngram_edge *edges;
    size_t edge_mask; /* number of places, a power of two, less one */
    int32_t vocabulary, order;
};

static size_t ngram_place(const ngram *model, uint64_t key) {
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 24) & model->edge_mask;
}

/* Where the edge is, or the free place where it would be. */
static ngram_edge *ngram_find(const ngram *model, uint32_t parent, int32_t symbol) {
    uint64_t key = (uint64_t)parent << 32 | (uint32_t)symbol;
    size_t place = ngram_place(model, key);
    while (model->edges[place].node != NGRAM_NONE && model->edges[place].key != key) {
        place = (place + 1) & model->edge_mask;
    }
    return &model->edges[place];
}

/* Makes room for one more node and its edge; the table stays at most half full. */
static bool ngram_reserve(ngram *model) {
    if (model->node_count == model->node_capacity) {
        size_t capacity = 2 * model->node_capacity;
        ngram_node *nodes = realloc(model->nodes, capacity * sizeof *nodes);
        if (nodes == NULL)
            return false;
        model->nodes = nodes;
        model->node_capacity = capacity;
    }
    if (2 * model->node_count <= model->edge_mask)
        return true;
    ngram_edge *old = model->edges;
    size_t old_places = model->edge_mask + 1;
    ngram_edge *edges = calloc(2 * old_places, sizeof *edges);
    if (edges == NULL)
        return false;
    model->edges = edges;
    model->edge_mask = 2 * old_places - 1;
    for (size_t i = 0; i < old_places; i++) {
        if (old[i].node == NGRAM_NONE)
            continue;
        *ngram_find(model, (uint32_t)(old[i].key >> 32), (int32_t)(uint32_t)old[i].key) = old[i];
    }
    free(old);
    return true;
}

/* Counts `symbol` after the string `parent`; the node of the longer string, or NGRAM_NONE when
 * memory is short. */
static uint32_t ngram_count(ngram *model, uint32_t parent, int32_t symbol) {
    ngram_edge *edge = ngram_find(model, parent, symbol);
    if (edge->node == NGRAM_NONE) {
        if (!ngram_reserve(model))
            return NGRAM_NONE;
        edge = ngram_find(model, parent, symbol);
        edge->key = (uint64_t)parent << 32 | (uint32_t)symbol;
        edge->node = (uint32_t)model->node_count++;
        model->nodes[edge->node] = (ngram_node){0};
        model->nodes[parent].distinct++;
    }
    model->nodes[parent].followed++;
    model->nodes[edge->node].count++;
    return edge->node;
}

ngram *ngram_train(const int32_t *symbols, size_t length, int32_t vocabulary, int32_t order) {
    assert(vocabulary > 0 && order >= 1 && order <= NGRAM_ORDER_MAX);
    if (length > ((size_t)1 << 31) / (size_t)order)
        return NULL;
    ngram *model = calloc(1, sizeof *model);
    if (model == NULL)
        return NULL;
    *model = (ngram){.node_count = 1, .node_capacity = 1024, .edge_mask = 4095};
    model->vocabulary = vocabulary;
    model->order = order;
    model->nodes = calloc(model->node_capacity, sizeof *model->nodes);
    model->edges = calloc(model->edge_mask + 1, sizeof *model->edges);
    bool good = model->nodes != NULL && model->edges != NULL;
    uint32_t suffix[NGRAM_ORDER_MAX + 1] = {
        0}; /* suffix[k]: the last k symbols; suffix[0] the root */
    for (size_t i = 0; good && i < length; i++) {
        assert(symbols[i] >= 0 && symbols[i] < vocabulary);
        int32_t longest = i < (size_t)order ? (int32_t)i + 1 : order;
        for (int32_t k = longest; good && k >= 1; k--) {
            suffix[k] = ngram_count(model, suffix[k - 1], symbols[i]);
            good = suffix[k] != NGRAM_NONE;
        }
    }
    if (good)
        return model;
    ngram_free(model);
    return NULL;
}

double ngram_bits(const ngram *model, int32_t order, const int32_t *symbols, size_t length) {
    assert(order >= 1 && order <= model->order);
    uint32_t suffix[NGRAM_ORDER_MAX + 1] = {0};
    int32_t known = 0; /* suffix[0 .. known] are the suffixes of what was read that the model has */
    double bits = 0;
    for (size_t i = 0; i < length; i++) {
        double probability = 1.0 / model->vocabulary;
        uint32_t next[NGRAM_ORDER_MAX + 1] = {0};
        int32_t next_known = 0;
        for (int32_t k = 0; k <= known && k < order; k++) {
            const ngram_node *history = &model->nodes[suffix[k]];
            uint32_t child = ngram_find(model, suffix[k], symbols[i])->node;
            double count = child == NGRAM_NONE ? 0 : model->nodes[child].count;
            double distinct = history->distinct, all = history->followed + distinct;
            if (all > 0)
                probability = (count + distinct * probability) / all;
            if (child != NGRAM_NONE)
                next[next_known = k + 1] = child;
        }
        bits -= log2(probability);
        known = next_known;
        for (int32_t k = 1; k <= known; k++)
            suffix[k] = next[k];
    }
    return length > 0 ? bits / (double)length : 0;
}

void ngram_free(ngram *model) {
    if (model == NULL)
        return;
    free(model->nodes);
    free(model->edges);
    free(model);
}
