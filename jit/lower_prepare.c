/* Which nests need not run in every call: those that compute values of parameters alone.
 *
 * Matrices that are stacked because they are multiplied with one vector, their copies in panels, a
 * sigmoid of a parameter: while the parameters stay the same, so do these, and for a sequence of
 * one step they are most of the work. The nests that make them go to the front of the program; a
 * call that knows that nothing has changed begins behind them (EMIT_PREPARED).
 *
 * Parameters that the program itself updates do not count, since they change in every call; nor do
 * nests inside loops, or with ranges that are counted at run time, whose values have other sizes
 * after a resize. A value that several nests store is prepared by all of them or by none: a nest
 * that adds to zeros which another one wrote must find zeros in every call. */
#include "jit/lower_internal.h"

typedef struct prepare {
    lower *l;
    int32_t *stores;   /* by buffer: nests that store it */
    int32_t *prepared; /* by buffer: of those, the ones found to be made of parameters alone */
    bool *found;       /* by item */
} prepare;

static bool prepare_has_access(const nest *n, nest_op op, int32_t buffer, size_t before) {
    for (size_t i = 0; i < before; i++)
        if (n->tape.at[i].op == op && n->tape.at[i].which == buffer)
            return true;
    return false;
}

/* Counts the nests that store each buffer. */
static void prepare_count(prepare *p) {
    const nest_plan *plan = p->l->plan;
    for (size_t k = 0; k < plan->kernels.count; k++) {
        const nest *n = plan->kernels.at[k];
        for (size_t i = 0; i < n->tape.count; i++)
            if (n->tape.at[i].op == NEST_STORE &&
                !prepare_has_access(n, NEST_STORE, n->tape.at[i].which, i))
                p->stores[n->tape.at[i].which]++;
    }
}

/* Adds to the count of prepared stores of each buffer that the nest stores. */
static void prepare_add(prepare *p, const nest *n, int32_t number) {
    for (size_t i = 0; i < n->tape.count; i++)
        if (n->tape.at[i].op == NEST_STORE &&
            !prepare_has_access(n, NEST_STORE, n->tape.at[i].which, i))
            p->prepared[n->tape.at[i].which] += number;
}

/* Is what this nest loads of a buffer the same in every call? */
static bool prepare_knows(const prepare *p, const nest *n, int32_t buffer) {
    switch (p->l->plan->buffers.at[buffer].storage) {
    case NEST_CONSTANT:
        return true;
    case NEST_PARAM:
        return p->stores[buffer] == 0;
    case NEST_ARENA: {
        bool own = prepare_has_access(n, NEST_STORE, buffer, n->tape.count);
        return p->prepared[buffer] + own >= p->stores[buffer];
    }
    default:
        return false;
    }
}

static bool prepare_fits(const prepare *p, const nest *n) {
    for (size_t r = 0; r < n->ranges.count; r++)
        if (n->ranges.at[r].count < 0)
            return false;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op == NEST_COUNT || in->op == NEST_OUTER || in->op == NEST_SPAN)
            return false;
        if (in->op == NEST_LOAD && !prepare_knows(p, n, in->which))
            return false;
        if (in->op == NEST_STORE && p->l->plan->buffers.at[in->which].storage != NEST_ARENA)
            return false;
    }
    return true;
}

/* Does every nest that stores what this one stores belong to those found? */
static bool prepare_is_whole(const prepare *p, const nest *n) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op == NEST_STORE && p->prepared[in->which] < p->stores[in->which])
            return false;
    }
    return true;
}

void lower_prepare(lower *l) {
    nest_list *items = &l->plan->items, sorted = {0};
    size_t buffers = l->plan->buffers.count;
    prepare p = {.l = l,
                 .stores = arena_array(l->memory, int32_t, buffers),
                 .prepared = arena_array(l->memory, int32_t, buffers),
                 .found = arena_array(l->memory, bool, items->count)};
    prepare_count(&p);
    for (size_t i = 0; i < items->count; i++) {
        const nest *n = items->at[i].kernel;
        p.found[i] = n && prepare_fits(&p, n);
        if (p.found[i])
            prepare_add(&p, n, 1);
    }
    /* One that goes may take others with it: those that store the same, and those that read it. */
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < items->count; i++) {
            const nest *n = items->at[i].kernel;
            if (!p.found[i] || (prepare_is_whole(&p, n) && prepare_fits(&p, n)))
                continue;
            p.found[i] = false;
            prepare_add(&p, n, -1);
            again = true;
        }
    }
    for (int first = 1; first >= 0; first--)
        for (size_t i = 0; i < items->count; i++)
            if (p.found[i] == (first != 0))
                vec_push(l->memory, &sorted, items->at[i]);
    for (size_t i = 0; i < items->count; i++)
        l->plan->prepared += p.found[i];
    l->plan->items = sorted;
}
