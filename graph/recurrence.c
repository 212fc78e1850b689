/* The class of a recurrence.
 *
 * Delays whose values come back to them are states; others are inputs of another step. States that
 * depend on each other are one recurrence. If they also read states that do not read them, those
 * are inputs to them: h of h' = tanh(W x + U h + s) is asked about as if s were given.
 *
 * One walk over the values of a step in the order they are computed, in which each says how it
 * depends on the states before the step: not at all, place by place, or across places; whether that
 * is affine; on which of the states; and whether what multiplies them are parameters alone. The
 * walk knows what ops do (a product with something that no state reaches keeps an affine value
 * affine, a reduction leaves the place), not what cells there are. It never calls a value simpler
 * than it is. */
#include "graph/recurrence.h"

#include <string.h>

typedef struct recurrence_value {
    recurrence_reach reach;
    bool affine;
    bool varies;     /* what multiplies the states changes over time */
    bool full;       /* ... and has a factor for each element of them */
    uint64_t states; /* which it depends on; bit 63 stands for all above */
} recurrence_value;

enum { RECURRENCE_STATES = 64 };

typedef struct recurrence_walk {
    const graph *g;
    int axis;
    recurrence_value *of; /* by node number */
    int *state;           /* by node number: of a delay along the axis; -1: none */
    int count;
    uint64_t reads[RECURRENCE_STATES]; /* by state: those that its next value depends on */
} recurrence_walk;

static bool recurrence_is_delay(const op_node *n, int axis) {
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
        all.full = all.full || x.full;
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
    all.full = all.full || (recurrence_keeps_place(n, a) && recurrence_keeps_place(n, b) &&
                            a->op != OP_BROADCAST && b->op != OP_BROADCAST);
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

/* What every value says of the states in a set; other delays are given. */
static void recurrence_ask(recurrence_walk *w, uint64_t among) {
    for (size_t i = 0; i < w->g->nodes.count; i++) {
        const op_node *n = w->g->nodes.at[i];
        uint64_t bit = w->state[i] >= 0 ? (uint64_t)1 << w->state[i] : 0;
        if (bit & among)
            w->of[i] = (recurrence_value){RECURRENCE_PLACE, .affine = true, .states = bit};
        else if (bit)
            w->of[i] = (recurrence_value){.affine = true};
        else
            w->of[i] = recurrence_value_of(w, n);
    }
}

/* States by number, and which of them each depends on, also by way of others. Where there are more
 * than fit, the last number stands for all of them. */
static void recurrence_find(recurrence_walk *w) {
    for (size_t i = 0; i < w->g->nodes.count; i++) {
        bool found = recurrence_is_delay(w->g->nodes.at[i], w->axis);
        w->state[i] = found ? w->count : -1;
        if (found && w->count < RECURRENCE_STATES - 1)
            w->count++;
    }
    recurrence_ask(w, ~UINT64_C(0));
    for (size_t i = 0; i < w->g->nodes.count; i++)
        if (w->state[i] >= 0)
            w->reads[w->state[i]] |= w->of[w->g->nodes.at[i]->arguments[0]->id].states;
    for (int by = 0; by < RECURRENCE_STATES; by++)
        for (int i = 0; i < RECURRENCE_STATES; i++)
            if (w->reads[i] >> by & 1)
                w->reads[i] |= w->reads[by];
}

/* Those that depend on this one as it does on them; 0: it is no state. */
static uint64_t recurrence_peers(const recurrence_walk *w, int state) {
    uint64_t peers = 0;
    for (int i = 0; i < RECURRENCE_STATES; i++)
        if ((w->reads[state] >> i & 1) && (w->reads[i] >> state & 1))
            peers |= (uint64_t)1 << i;
    return peers;
}

static recurrence recurrence_of(recurrence_walk *w, uint64_t peers) {
    recurrence r = {.affine = true, .place = true, .own = true, .constant = true};
    bool matrix = false, full = false;
    recurrence_ask(w, peers);
    for (size_t i = 0; i < w->g->nodes.count; i++) {
        const op_node *n = w->g->nodes.at[i];
        if (w->state[i] < 0 || !(peers >> w->state[i] & 1))
            continue;
        recurrence_value next = w->of[n->arguments[0]->id];
        r.states++;
        r.affine = r.affine && next.affine;
        r.place = r.place && next.reach <= RECURRENCE_PLACE;
        r.own = r.own && (next.states & ~((uint64_t)1 << w->state[i])) == 0;
        r.constant = r.constant && !next.varies;
        matrix = matrix || n->shape.rank > 1;
        full = full || next.full;
        if (n->attributes.distance > r.delay)
            r.delay = n->attributes.distance;
    }
    r.matrix = matrix && !full;
    return r;
}

const char *recurrence_name(const recurrence *r, arena *memory) {
    const char *name = r->constant ? "affine, dense, constant" : "affine, dense";
    if (!r->affine)
        name = !r->place ? "nonlinear, dense"
               : r->own  ? "nonlinear, diagonal"
                         : "nonlinear, blocks across states";
    else if (r->place && !r->own)
        name = r->states == 2 ? "affine, 2x2 blocks" : "affine, blocks across states";
    else if (r->matrix)
        name = "affine, matrix state";
    else if (r->place)
        name = "affine, diagonal";
    return r->delay < 2 ? name
                        : arena_print(memory, "%s, delays up to %lld", name, (long long)r->delay);
}

/* ---- words for all */

/* "h" of "h.before" and of "h.re.before", each once. */
static void recurrence_names(const recurrence_walk *w, uint64_t peers, text *out) {
    for (size_t i = 0; i < w->g->nodes.count; i++) {
        const char *name = w->g->nodes.at[i]->name;
        if (w->state[i] < 0 || !(peers >> w->state[i] & 1))
            continue;
        const char *end = name ? strstr(name, ".before") : NULL, *half = NULL;
        if (end && end - name > 3 && (memcmp(end - 3, ".re", 3) == 0))
            end -= 3;
        else if (end && end - name > 3 && memcmp(end - 3, ".im", 3) == 0)
            half = end;
        if (half)
            continue;
        text_add(out, "%s%.*s", out->count ? ", " : "", end ? (int)(end - name) : 5,
                 end ? name : "state");
    }
}

typedef struct recurrence_class {
    const char *name;
    uint64_t peers;
} recurrence_class;

const char *recurrence_words(const graph *g, int axis, arena *memory) {
    recurrence_walk w = {.g = g, .axis = axis};
    recurrence_class classes[RECURRENCE_STATES];
    int count = 0;
    uint64_t done = 0;
    text out;
    w.of = arena_array(memory, recurrence_value, g->nodes.count + 1);
    w.state = arena_array(memory, int, g->nodes.count + 1);
    recurrence_find(&w);
    for (int state = 0; state < RECURRENCE_STATES; state++) {
        uint64_t peers = done >> state & 1 ? 0 : recurrence_peers(&w, state);
        if (!peers)
            continue;
        recurrence r = recurrence_of(&w, peers);
        const char *name = recurrence_name(&r, memory);
        int at = 0;
        while (at < count && strcmp(classes[at].name, name) != 0)
            at++;
        if (at == count)
            classes[count++] = (recurrence_class){name, 0};
        classes[at].peers |= peers;
        done |= peers;
    }
    if (count < 2)
        return count ? classes[0].name : "no recurrence";
    text_init(&out, memory);
    for (int i = 0; i < count; i++) {
        text names;
        text_init(&names, memory);
        recurrence_names(&w, classes[i].peers, &names);
        text_add(&out, "%s%s (%s)", i ? "; " : "", classes[i].name, names.at);
    }
    return out.at;
}
