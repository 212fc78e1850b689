/* The class of a recurrence.
 *
 * One walk over the values of a step in the order they are computed, in which each says how it
 * depends on the states before the step: not at all, place by place, or across places; whether that
 * is affine; on which of the states; and whether what multiplies them are parameters alone. The
 * walk knows what ops do (a product with something that no state reaches keeps an affine value
 * affine, a reduction leaves the place), not what cells there are. It never calls a value simpler
 * than it is. */
#include "frontends/cli/recurrence.h"

typedef struct recurrence_value {
    recurrence_reach reach;
    bool affine;
    bool varies;     /* what multiplies the states changes over time */
    uint64_t states; /* which it depends on; bit 63 stands for all above */
} recurrence_value;

typedef struct recurrence_walk {
    const graph *g;
    int axis;
    recurrence_value *of; /* by node number */
} recurrence_walk;

static bool recurrence_is_state(const op_node *n, int axis) {
    return n->op == OP_DELAY && n->attributes.domain != 0 && n->attributes.axis == axis &&
           n->arguments[0] && (n->dtype == DTYPE_F32 || n->dtype == DTYPE_F64);
}

/* Depends on all that its arguments depend on. */
static recurrence_value recurrence_join(const recurrence_walk *w, const op_node *n) {
    recurrence_value all = {.affine = true};
    for (int i = 0; i < n->count; i++) {
        recurrence_value x = n->arguments[i] ? w->of[n->arguments[i]->id] : all;
        if (x.reach > all.reach)
            all.reach = x.reach;
        all.affine = all.affine && x.affine;
        all.varies = all.varies || x.varies;
        all.states |= x.states;
    }
    return all;
}

/* A value that no state reaches, and which is not the same at all steps. */
static bool recurrence_moves(const recurrence_walk *w, const op_node *n) {
    return (n->domain >> w->axis & 1) && w->of[n->id].reach == RECURRENCE_NONE;
}

/* All elements of x go to places of their own: the place is kept. */
static bool recurrence_keeps_place(const op_node *n, const op_node *x) {
    if (n->shape.rank != x->shape.rank)
        return false;
    for (int i = 0; i < n->shape.rank; i++)
        if (n->shape.dimension[i] != x->shape.dimension[i])
            return false;
    return true;
}

/* A product of x with something that states do not reach: affine in what x is affine in. */
static recurrence_value recurrence_product(const recurrence_walk *w, const op_node *n,
                                           recurrence_value all) {
    const op_node *a = n->arguments[0], *b = n->arguments[1];
    bool both = w->of[a->id].reach != RECURRENCE_NONE && w->of[b->id].reach != RECURRENCE_NONE;
    all.affine = all.affine && !both;
    all.varies = all.varies || both || recurrence_moves(w, a) || recurrence_moves(w, b);
    return all;
}

static recurrence_value recurrence_value_of(const recurrence_walk *w, const op_node *n) {
    recurrence_value all = recurrence_join(w, n);
    if (all.reach == RECURRENCE_NONE)
        return all;
    for (int i = 0; i < n->count; i++)
        if (n->arguments[i] && w->of[n->arguments[i]->id].reach != RECURRENCE_NONE &&
            !recurrence_keeps_place(n, n->arguments[i]))
            all.reach = RECURRENCE_ANYWHERE;
    switch ((op_id)n->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_NEG:
    case OP_KEEP:
    case OP_EXPAND:
        break;
    case OP_MUL:
        all = recurrence_product(w, n, all);
        break;
    case OP_CONTRACT:
        all = recurrence_product(w, n, all);
        all.reach = RECURRENCE_ANYWHERE;
        break;
    case OP_DIV:
        all.affine = all.affine && w->of[n->arguments[1]->id].reach == RECURRENCE_NONE;
        all.varies = all.varies || recurrence_moves(w, n->arguments[1]);
        break;
    case OP_SELECT:
        all.affine = all.affine && w->of[n->arguments[0]->id].reach == RECURRENCE_NONE;
        all.varies = all.varies || recurrence_moves(w, n->arguments[0]);
        break;
    case OP_SLICE:
    case OP_PAD:
    case OP_CONCAT:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_BROADCAST:
        all.reach = RECURRENCE_ANYWHERE;
        break;
    case OP_REDUCE:
    case OP_TOTAL:
        all.reach = RECURRENCE_ANYWHERE;
        all.affine = all.affine && n->attributes.kind == OP_KIND_SUM;
        break;
    case OP_GATHER:
    case OP_AT:
    case OP_SCATTER:
    case OP_PUT:
    case OP_STACK:
    case OP_SPREAD:
    case OP_DELAY:
        all.reach = RECURRENCE_ANYWHERE;
        all.affine = false;
        break;
    default: /* element by element, and not affine */
        all.affine = false;
        break;
    }
    all.varies = all.varies || !all.affine;
    return all;
}

recurrence recurrence_of(const graph *g, int axis, arena *memory) {
    recurrence r = {.affine = true, .place = true, .own = true, .constant = true};
    recurrence_walk w = {g, axis, arena_array(memory, recurrence_value, g->nodes.count + 1)};
    int found = 0;
    uint64_t *bits = arena_array(memory, uint64_t, g->nodes.count + 1);
    for (size_t i = 0; i < g->nodes.count; i++) {
        const op_node *n = g->nodes.at[i];
        if (recurrence_is_state(n, axis)) {
            bits[i] = (uint64_t)1 << (found < 63 ? found : 63);
            w.of[i] = (recurrence_value){RECURRENCE_PLACE, true, false, bits[i]};
            found++;
        } else {
            w.of[i] = recurrence_value_of(&w, n);
        }
    }
    for (size_t i = 0; i < g->nodes.count; i++) {
        const op_node *n = g->nodes.at[i];
        if (!recurrence_is_state(n, axis))
            continue;
        recurrence_value next = w.of[n->arguments[0]->id];
        if (next.reach == RECURRENCE_NONE)
            continue; /* a value of another step, but no memory */
        r.states++;
        r.affine = r.affine && next.affine;
        r.place = r.place && next.reach <= RECURRENCE_PLACE;
        r.own = r.own && (next.states & ~bits[i]) == 0;
        r.constant = r.constant && !next.varies;
        r.matrix = r.matrix || n->shape.rank > 1;
    }
    return r;
}

const char *recurrence_name(const recurrence *r) {
    if (!r->states)
        return "no recurrence";
    if (!r->affine)
        return r->place ? r->own ? "nonlinear, diagonal" : "nonlinear, blocks across states"
                        : "nonlinear, dense";
    if (r->place)
        return r->own           ? "affine, diagonal"
               : r->states == 2 ? "affine, 2x2 blocks"
                                : "affine, blocks across states";
    if (r->matrix)
        return "affine, matrix state";
    return r->constant ? "affine, dense, constant" : "affine, dense";
}
