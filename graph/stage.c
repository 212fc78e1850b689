/* In which loop is a value computed? */
#include "graph/stage.h"

const uint32_t *stage_all(const graph *from, arena *memory, error *problem) {
    typedef struct level {
        const schedule_list *items;
        size_t next;
        uint32_t stage;
    } level;
    graph source = *from; /* nothing is added; mistakes and scratch memory are the caller's */
    source.memory = source.builder.memory = memory;
    source.problem = source.builder.problem = problem;
    uint32_t *stages = arena_array(memory, uint32_t, from->nodes.count), loops = 0;
    node_list roots = {0};
    schedule_list items = {0};
    graph_roots(from, memory, &roots);
    if (!schedule_graph(&source, memory, roots.at, roots.count, -1, &items))
        return NULL;
    level stack[LIMIT_AXES + 1] = {{&items, 0, 0}};
    for (int depth = 0; depth >= 0;) {
        level *here = &stack[depth];
        if (here->next == here->items->count) {
            depth--;
            continue;
        }
        const schedule_item *item = &here->items->at[here->next++];
        if (item->node)
            stages[item->node->id] = here->stage;
        else
            stack[++depth] = (level){&item->items, 0, ++loops};
    }
    return stages;
}

const uint8_t *stage_readers(const graph *from, const uint32_t *stages, arena *memory) {
    size_t count = from->nodes.count;
    uint8_t *ways = arena_array(memory, uint8_t, count + 1); /* of loops, by stage */
    uint8_t *readers = arena_array(memory, uint8_t, count);
    for (size_t i = 0; i < count; i++) {
        const op_node *n = from->nodes.at[i];
        if (n->op == OP_DELAY && stages[n->arguments[0]->id] == stages[i])
            ways[stages[i]] |= n->attributes.distance > 0 ? 1 : 2;
    }
    for (size_t i = count; i-- > 0;) {
        const op_node *n = from->nodes.at[i];
        uint8_t found = stages[i] == 0 ? readers[i] : ways[stages[i]];
        for (int k = 0; k < n->count; k++)
            if (n->arguments[k] && stages[n->arguments[k]->id] == 0)
                readers[n->arguments[k]->id] |= found;
    }
    return readers;
}

const bool *stage_pinned(const graph *from, arena *memory) {
    bool *pinned = arena_array(memory, bool, from->nodes.count);
    for (size_t i = 0; i < from->nodes.count; i++) {
        const op_node *n = from->nodes.at[i];
        if (n->op != OP_GRADIENT)
            continue;
        const op_node *wrt = n->arguments[1];
        pinned[wrt->id] = op_get((op_id)wrt->op)->family != OP_FAMILY_LEAF;
    }
    return pinned;
}

const bool *stage_constant(const graph *from, arena *memory) {
    bool *constant = arena_array(memory, bool, from->nodes.count);
    for (size_t i = 0; i < from->nodes.count; i++) {
        const op_node *n = from->nodes.at[i];
        constant[i] = n->domain == 0 && n->op != OP_GRADIENT;
        for (int k = 0; k < n->count && constant[i]; k++)
            constant[i] = constant[n->arguments[k]->id];
    }
    return constant;
}
