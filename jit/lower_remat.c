/* What one cheap operation brings back is not stored.
 *
 * A backward loop reads values of the forward loop at all steps, and each costs the memory of a
 * sequence. Some need none: 1 - z, a product of two gates, a difference of states are made again
 * where they are read, of values that are in memory then anyway. The operation is the same, on the
 * same operands, so no bit can change.
 *
 * The rule is one question for each value, in the order in which they are computed: is its
 * operation cheap, and is every operand either given or read from memory as late as the value is?
 * Then it becomes a free value: each reader computes it. So nothing lives longer than before.
 *
 * Stored as before is what a fold reads, again and again at each of its steps; what is read at
 * other places than its reader's own; results; states; and what is kept. */
#include "jit/lower_internal.h"

enum { REMAT_COST = 4, REMAT_DIVISION = 16 };

typedef struct remat {
    lower *l;
    int32_t *last; /* by node number: the last item of the program that reads it */
    int *cost;     /* of computing a free value where it is read; others: 0 */
    bool *stays;
} remat;

/* Instructions for a vector of elements. Reading them back from a cache that is far away costs
 * about as much as the limit. */
static int remat_cost_of_op(const lower *l, const op_node *n) {
    body b;
    if (n->op == OP_CONTRACT)
        return read_is_product(n) ? 1 : REMAT_DIVISION;
    if (n->op == OP_DELAY && n->attributes.resumes)
        return REMAT_DIVISION;
    if (op_get((op_id)n->op)->family == OP_FAMILY_VIEW || n->op == OP_DELAY || n->op == OP_KEEP)
        return 0;
    if (op_get((op_id)n->op)->family != OP_FAMILY_ELEMENTWISE || n->op == OP_RANDOM)
        return REMAT_DIVISION;
    body_init(&b, l->memory);
    body_ref arguments[LIMIT_ARGUMENTS];
    for (int i = 0; i < op_live_count(n); i++)
        arguments[i] = body_input(&b, i, (body_type)n->arguments[i]->dtype);
    op_get((op_id)n->op)->body(&b, n, arguments, -1);
    int cost = 0;
    for (size_t i = 0; i < b.code.count; i++) {
        body_op op = (body_op)b.code.at[i].op;
        bool divides = op == BODY_DIV || op == BODY_SQRT;
        cost += op == BODY_INPUT || op == BODY_CONSTANT ? 0 : divides ? REMAT_DIVISION : 1;
    }
    return cost;
}

static bool remat_moves(const op_node *reader) {
    int8_t map[LIMIT_RANK];
    op_family family = op_get((op_id)reader->op)->family;
    return family == OP_FAMILY_DELAY || family == OP_FAMILY_INDEXED ||
           (reader->op == OP_RESHAPE && !read_reshape_is_plain(reader, map));
}

/* Readers have larger numbers than what they read, but for delays, whose sources stay. */
static void remat_look(remat *s, const node_list *nodes, const node_list *roots) {
    const lower *l = s->l;
    for (size_t i = 0; i < roots->count; i++)
        s->stays[roots->at[i]->id] = true;
    for (size_t i = nodes->count; i-- > 0;) {
        const op_node *reader = nodes->at[i];
        bool is_free = l->class_of[reader->id] == LOWER_FREE;
        bool folds = l->class_of[reader->id] == LOWER_OWN && reader->op != OP_CONCAT;
        bool stays = folds || reader->op == OP_KEEP || remat_moves(reader) ||
                     (is_free && s->stays[reader->id]);
        int32_t last = l->item_of[reader->id];
        if (is_free && s->last[reader->id] > last)
            last = s->last[reader->id];
        for (int k = 0; k < op_live_count(reader); k++) {
            const op_node *n = reader->arguments[k];
            s->stays[n->id] |= stays;
            s->last[n->id] = last > s->last[n->id] ? last : s->last[n->id];
        }
    }
}

/* Is an operand in memory anyway when item `last` reads it? Depth: a chain of free values, which
 * classification bounds. */
static bool remat_is_there(const remat *s, const op_node *operand, int32_t last) {
    const lower *l = s->l;
    if (l->class_of[operand->id] == LOWER_LEAF)
        return true;
    if (l->class_of[operand->id] != LOWER_FREE)
        return l->item_of[operand->id] != last && s->last[operand->id] >= last;
    for (int k = 0; k < op_live_count(operand); k++)
        if (!remat_is_there(s, operand->arguments[k], last))
            return false;
    return true;
}

void lower_remat(lower *l, const node_list *nodes, const node_list *roots) {
    size_t count = l->g->nodes.count;
    remat s = {.l = l,
               .last = arena_array(l->memory, int32_t, count),
               .cost = arena_array(l->memory, int, count),
               .stays = arena_array(l->memory, bool, count)};
    remat_look(&s, nodes, roots);
    for (size_t i = 0; i < nodes->count; i++) {
        const op_node *n = nodes->at[i];
        uint8_t *class = &l->class_of[n->id];
        if (*class != LOWER_FREE && *class != LOWER_GROUPED)
            continue;
        int cost = remat_cost_of_op(l, n);
        for (int k = 0; k < op_live_count(n) && cost <= REMAT_COST; k++)
            cost += s.cost[n->arguments[k]->id];
        bool there = *class == LOWER_GROUPED && !s.stays[n->id] && cost <= REMAT_COST;
        for (int k = 0; there && k < op_live_count(n); k++)
            there = remat_is_there(&s, n->arguments[k], s.last[n->id]);
        if (there)
            *class = LOWER_FREE;
        s.cost[n->id] = *class == LOWER_FREE ? cost : 0;
    }
}
