/* Loops that need nothing of one another, for threads to take one each.
 *
 * The two directions of a bidirectional layer are two loops, one behind the other in the program.
 * Threads that share the units of each must meet several times a step; a thread that runs one loop
 * to its end meets nobody, and its weights stay in its own cache. So loops that touch nothing that
 * the other writes are put next to each other and marked (nest_item.beside); threads decide when
 * they run (emit.c). One thread runs them in program order.
 *
 * Such loops are at work at the same time, so what one of them needs must not lie where another
 * one writes: lifetime.c and handover.c see to that.
 *
 * Only loops over the same axis with about the same work are marked: those who are done wait. */
#include <string.h>

#include "jit/lower_internal.h"

enum { BESIDE_MOST = 8 };
static const double beside_unlike = 2; /* times the work of the other */

/* ---- who touches what */

/* Have two accesses to one buffer no element in common? */
static bool beside_apart(const nest *left, const nest_instruction *l, const nest *right,
                         const nest_instruction *r) {
    for (int k = 0; k < l->at_count && l->at_count == r->at_count; k++) {
        nest_span a, b;
        if (nest_span_of(left, l->at[k], &a) && nest_span_of(right, r->at[k], &b) &&
            nest_span_apart(a, b))
            return true;
    }
    return false;
}

/* Does one of the nests store what the other touches? */
static bool beside_nests_clash(const nest *left, const nest *right) {
    for (size_t i = 0; i < left->tape.count; i++) {
        const nest_instruction *l = &left->tape.at[i];
        for (size_t k = 0; nest_is_access(l) && k < right->tape.count; k++) {
            const nest_instruction *r = &right->tape.at[k];
            if (nest_is_access(r) && r->which == l->which &&
                (l->op == NEST_STORE || r->op == NEST_STORE) && !beside_apart(left, l, right, r))
                return true;
        }
    }
    return false;
}

/* Depth of recursion: nested loops, at most the axes and the blocks. */
static bool beside_clash_nest(const nest *left, const nest_item *right) {
    bool clash = right->kernel && beside_nests_clash(left, right->kernel);
    for (size_t i = 0; !right->kernel && !clash && i < right->items.count; i++)
        clash = beside_clash_nest(left, &right->items.at[i]);
    return clash;
}

static bool beside_clash(const nest_item *left, const nest_item *right) {
    bool clash = left->kernel && beside_clash_nest(left->kernel, right);
    for (size_t i = 0; !left->kernel && !clash && i < left->items.count; i++)
        clash = beside_clash(&left->items.at[i], right);
    return clash;
}

/* ---- how much work it is */

/* Instructions of a turn, where run-time extents count as 1. */
static double beside_work(const nest_item *item) {
    double sum = 0, points = 1;
    for (size_t i = 0; !item->kernel && i < item->items.count; i++)
        sum += beside_work(&item->items.at[i]);
    if (!item->kernel)
        return sum;
    for (size_t r = 0; r < item->kernel->ranges.count; r++)
        if (item->kernel->ranges.at[r].count >= 0)
            points *= (double)item->kernel->ranges.at[r].count;
    return points * (double)item->kernel->tape.count;
}

static bool beside_alike(const nest_item *left, const nest_item *right) {
    double l = beside_work(left), r = beside_work(right);
    return !right->kernel && left->axis == right->axis && left->block == right->block &&
           l <= beside_unlike * r && r <= beside_unlike * l;
}

/* ---- lists */

typedef struct beside {
    nest_list *items;
    size_t first, last; /* the group so far */
} beside;

/* Does an item before `end` that stays where it is, from `begin` on, clash with item k? */
static bool beside_blocked(const beside *s, const bool *early, size_t begin, size_t end, size_t k) {
    for (size_t i = begin; i < end; i++)
        if (!early[i] && beside_clash(&s->items->at[i], &s->items->at[k]))
            return true;
    return false;
}

/* Marks what the loop needs of the items between the group and it: they would have to run before
 * the group. false: they cannot, or the loop needs the group. */
static bool beside_joins(const beside *s, size_t loop, bool *early) {
    const nest_list *items = s->items;
    memset(early, 0, items->count * sizeof *early);
    early[loop] = true;
    for (size_t i = loop; i-- > s->last + 1;)
        for (size_t k = i + 1; k <= loop && !early[i]; k++)
            early[i] = early[k] && beside_clash(&items->at[i], &items->at[k]);
    for (size_t k = s->last + 1; k <= loop; k++)
        if (early[k] && beside_blocked(s, early, s->first, k, k))
            return false;
    for (size_t i = s->first; i <= s->last; i++)
        if (!beside_alike(&items->at[i], &items->at[loop]))
            return false;
    return true;
}

static void beside_move(nest_list *items, size_t from, size_t to) {
    nest_item moved = items->at[from];
    for (size_t i = from; i > to; i--)
        items->at[i] = items->at[i - 1];
    items->at[to] = moved;
}

/* What is marked moves in front of the group, the loop to its end. */
static void beside_take(beside *s, size_t loop, const bool *early) {
    for (size_t i = s->last + 1; i < loop; i++)
        if (early[i]) {
            beside_move(s->items, i, s->first++);
            s->last++;
        }
    beside_move(s->items, loop, ++s->last);
}

void lower_beside(nest_list *items, arena *memory) {
    beside s = {.items = items};
    bool *early = arena_array(memory, bool, items->count);
    for (size_t i = 0; i < items->count; i = s.last + 1) {
        s.first = s.last = i;
        if (items->at[i].kernel)
            continue;
        for (size_t k = i + 1; k < items->count && s.last - s.first + 1 < BESIDE_MOST; k++)
            if (!items->at[k].kernel && beside_joins(&s, k, early))
                beside_take(&s, k, early);
        items->at[s.first].beside = (uint8_t)(s.last - s.first);
        for (size_t k = s.first; k <= s.last && items->at[k].block; k++)
            lower_beside(&items->at[k].items, memory);
    }
}
