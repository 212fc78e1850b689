/* What reads a large value of a loop follows it into the loop.
 *
 * The schedule leaves outside of a loop what need not step: it is computed for all steps at once,
 * and then all steps of what it reads are in memory. For a matrix product with a weight that is
 * right, since many steps share the weight. For a state that is a matrix it is the opposite: of a
 * head of 64 x 64 each step is 64 times what is read out of it, nothing is shared by steps, and the
 * sequence of states goes to memory and comes back. Inside of the loop the reader finds it in the
 * cache, and if nobody else reads it, one step of it is all that is ever stored.
 *
 * So a value follows as a whole or not at all: if everybody outside reads this very step, and if
 * that ends, perhaps after values made element by element, in folds over feature dimensions that
 * are much smaller. Nothing that follows may need what the loop makes by another way round.
 *
 * This is the reverse of lower_sink.c, which moves what is read; it runs before it, so that the
 * operands of followers can sink behind them. */
#include "jit/lower_internal.h"

enum { FOLLOW_RATIO = 4 /* so much smaller are results of folds */ };

typedef struct follow {
    lower *l;
    const lower_readers *readers; /* by node number */
    int32_t *place;               /* by node number: item of the list at work, -1: none */
    bool *follows;                /* by node number: it moves, if all goes well */
    bool *later;                  /* by item: it needs what the loop makes */
    node_list found;              /* what follows */
} follow;

/* ---- may a value follow? */

static int64_t follow_elements(const op_node *n) {
    int64_t count = 1;
    for (int i = 0; i < n->shape.rank; i++)
        if (n->shape.dimension[i] < 0 ||
            __builtin_mul_overflow(count, n->shape.dimension[i], &count))
            return -1;
    return count;
}

static bool follow_is_fold(const op_node *n) {
    return n->op == OP_REDUCE ||
           (n->op == OP_CONTRACT && n->attributes.over == 0 && !read_is_product(n));
}

static bool follow_is_element_wise(const op_node *n) {
    op_family family = op_get((op_id)n->op)->family;
    return ((family == OP_FAMILY_ELEMENTWISE || family == OP_FAMILY_VIEW) && n->op != OP_KEEP) ||
           read_is_product(n);
}

/* Steps of the loop share no operand of n, so it costs the same inside. */
static bool follow_is_of_one_step(const op_node *n, int axis) {
    if (!lower_reads_this_step(n, axis))
        return false;
    for (int k = 0; n->op == OP_CONTRACT && k < op_live_count(n); k++)
        if ((n->arguments[k]->domain >> axis & 1) == 0)
            return false;
    return true;
}

/* Adds the readers of n outside of the loop, item `loop` of the list; false: some cannot follow. */
static bool follow_readers(follow *f, const schedule_list *items, int32_t loop, const op_node *n,
                           int64_t most) {
    for (size_t i = 0; i < f->readers[n->id].count; i++) {
        op_node *reader = f->readers[n->id].at[i];
        int32_t place = reader ? f->place[reader->id] : -1;
        if (place < 0)
            return false;
        if (place == loop || f->follows[reader->id])
            continue;
        int64_t made = follow_elements(reader);
        bool fold = follow_is_fold(reader) && made >= 0 && made <= most;
        if (!items->at[place].node || !follow_is_of_one_step(reader, items->at[loop].axis) ||
            (!fold && !follow_is_element_wise(reader)))
            return false;
        f->follows[reader->id] = true;
        vec_push(f->l->memory, &f->found, reader);
    }
    return true;
}

/* A view in the loop is what it shows; of a delay nobody may read another step. */
static bool follow_views(follow *f, const schedule_list *items, int32_t loop, op_node *n,
                         int64_t most, node_list *views) {
    vec_push(f->l->memory, views, n);
    for (size_t v = 0; v < views->count; v++) {
        op_node *view = views->at[v];
        if (view->op == OP_DELAY && view != n) {
            for (size_t i = 0; i < f->readers[view->id].count; i++) {
                op_node *reader = f->readers[view->id].at[i];
                if (!reader || f->place[reader->id] != loop)
                    return false;
            }
            continue;
        }
        if (!follow_readers(f, items, loop, view, most))
            return false;
        for (size_t i = 0; i < f->readers[view->id].count; i++) {
            op_node *reader = f->readers[view->id].at[i];
            if (f->place[reader->id] == loop && f->l->class_of[reader->id] == LOWER_FREE)
                vec_push(f->l->memory, views, reader);
        }
    }
    return true;
}

/* Which items need what the loop makes? Items stand behind what they need. */
static void follow_find_later(follow *f, const schedule_list *items, int32_t loop) {
    for (size_t i = 0; i < items->count; i++)
        f->later[i] = false;
    for (size_t i = (size_t)loop + 1; i < items->count; i++) {
        node_list members = {0};
        lower_members(f->l->memory, &items->at[i], &members);
        for (size_t k = 0; k < members.count; k++)
            for (int a = 0; a < op_live_count(members.at[k]); a++) {
                int32_t from = f->place[members.at[k]->arguments[a]->id];
                f->later[i] |= from == loop || (from >= 0 && f->later[from]);
            }
    }
}

/* Everything that follows needs the loop itself, or what else follows, or nothing that does. */
static bool follow_goes_round(const follow *f, int32_t loop) {
    for (size_t i = 0; i < f->found.count; i++)
        for (int a = 0; a < op_live_count(f->found.at[i]); a++) {
            const op_node *operand = f->found.at[i]->arguments[a];
            int32_t from = f->place[operand->id];
            if (from >= 0 && from != loop && !f->follows[operand->id] && f->later[from])
                return true;
        }
    return false;
}

/* Finds what follows the value n of a loop; false: nothing does. */
static bool follow_value(follow *f, const schedule_list *items, int32_t loop, op_node *n) {
    int64_t made = follow_elements(n);
    node_list views = {0};
    f->found.count = 0;
    bool all = (n->domain >> items->at[loop].axis & 1) != 0 && made >= FOLLOW_RATIO &&
               f->l->class_of[n->id] > LOWER_FREE &&
               follow_views(f, items, loop, n, made / FOLLOW_RATIO, &views);
    for (size_t i = 0; all && i < f->found.count; i++)
        if (follow_is_element_wise(f->found.at[i]))
            all = follow_readers(f, items, loop, f->found.at[i], made / FOLLOW_RATIO);
    all = all && f->found.count > 0 && !follow_goes_round(f, loop);
    for (size_t i = 0; !all && i < f->found.count; i++)
        f->follows[f->found.at[i]->id] = false;
    return all;
}

/* ---- moving */

/* Puts what follows into the loop, and the loop behind what that needs. */
static void follow_move(follow *f, schedule_list *items, int32_t loop) {
    arena *memory = f->l->memory;
    int32_t last = loop;
    for (size_t i = 0; i < f->found.count; i++)
        for (int a = 0; a < op_live_count(f->found.at[i]); a++) {
            const op_node *operand = f->found.at[i]->arguments[a];
            int32_t from = f->place[operand->id];
            if (from > last && !f->follows[operand->id])
                last = from;
        }
    schedule_item moved = items->at[loop];
    schedule_list before = {0}, after = {0};
    for (size_t i = 0; i < items->count; i++) {
        const op_node *n = items->at[i].node;
        if ((int32_t)i == loop)
            continue;
        if (n && f->follows[n->id])
            vec_push(memory, &moved.items, items->at[i]);
        else if ((int32_t)i <= last && !f->later[i])
            vec_push(memory, &before, items->at[i]);
        else
            vec_push(memory, &after, items->at[i]);
    }
    vec_push(memory, &before, moved);
    for (size_t i = 0; i < after.count; i++)
        vec_push(memory, &before, after.at[i]);
    for (size_t i = 0; i < f->found.count; i++)
        f->follows[f->found.at[i]->id] = false;
    *items = before;
}

/* Depth of recursion: nested loops, at most the axes. */
static void follow_place(const follow *f, const schedule_item *item, int32_t place) {
    if (item->node)
        f->place[item->node->id] = place;
    for (size_t i = 0; i < item->items.count; i++)
        follow_place(f, &item->items.at[i], place);
}

/* Did something follow into some loop of the list? */
static bool follow_once(follow *f, schedule_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        const schedule_item *loop = &items->at[i];
        if (loop->node || loop->block)
            continue;
        bool known = false;
        for (size_t k = 0; k < loop->items.count; k++) {
            op_node *n = loop->items.at[k].node;
            if (!n)
                continue;
            if (!known)
                follow_find_later(f, items, (int32_t)i);
            known = true;
            if (!follow_value(f, items, (int32_t)i, n))
                continue;
            follow_move(f, items, (int32_t)i);
            return true;
        }
    }
    return false;
}

static void follow_list(follow *f, schedule_list *items) {
    bool again = true;
    while (again) {
        for (size_t i = 0; i < items->count; i++)
            follow_place(f, &items->at[i], (int32_t)i);
        again = follow_once(f, items);
    }
    for (size_t i = 0; i < items->count; i++)
        follow_place(f, &items->at[i], -1);
    for (size_t i = 0; i < items->count; i++)
        if (!items->at[i].node)
            follow_list(f, &items->at[i].items);
}

void lower_follow(lower *l, const lower_readers *readers, schedule_list *items) {
    size_t count = l->g->nodes.count;
    follow f = {.l = l, .readers = readers};
    f.place = arena_array(l->memory, int32_t, count);
    f.follows = arena_array(l->memory, bool, count);
    f.later = arena_array(l->memory, bool, count);
    for (size_t i = 0; i < count; i++)
        f.place[i] = -1;
    follow_list(&f, items);
}
