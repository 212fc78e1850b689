/* A nest that does several things which have nothing to do with each other becomes several.
 *
 * Values over the same ranges join one nest (lower.c), so that what they share is read once. The
 * updates of parameters share nothing but a few scalars: a matrix and its two moments are read and
 * written, and then the next ones. In one nest they are as many streams at once as no machine
 * follows, and a kernel that is as long as the model is large; apart, all of them run one kernel
 * (share.c).
 *
 * What belongs together is what reads the same elements, and what touches the same memory if it is
 * written. Indices and scalars belong to everybody: each part computes its own.
 *
 * Only nests that run once, over ranges that are known, are cut: they are about parameters. Inside
 * of a loop each part would be one more call in each step. */
#include <string.h>

#include "jit/lower_internal.h"

typedef struct parts_work {
    lower *l;
    const nest *n;
    bool *varies;    /* by instruction: it belongs to one part */
    nest_ref *root;  /* by instruction: an earlier one of the same part, or itself */
    bool *taken;     /* by instruction: the part under construction has it */
    nest_ref *moved; /* by instruction: where that part has it */
} parts_work;

static bool parts_may(const nest_item *item) {
    const nest *n = item->kernel;
    bool good = n && n->folds.count == 0 && n->ranges.count > 0;
    for (size_t r = 0; good && r < n->ranges.count; r++)
        good = n->ranges.at[r].count >= 0 && !n->ranges.at[r].ordered;
    return good;
}

/* Operand k of an instruction, of 4 + at_count, indices included; -1: it has none there. */
static nest_ref parts_operand(const nest_instruction *in, int k) {
    const nest_ref own[3] = {in->code.a, in->code.b, in->code.c};
    if (k < 3)
        return in->op == NEST_BODY ? own[k] : -1;
    if (k == 3)
        return in->op == NEST_STORE ? in->value : -1;
    return in->at[k - 4];
}

static nest_ref parts_root(const parts_work *w, nest_ref i) {
    while (w->root[i] != i)
        i = w->root[i] = w->root[w->root[i]];
    return i;
}

static void parts_unite(const parts_work *w, nest_ref i, nest_ref k) {
    nest_ref a = parts_root(w, i), b = parts_root(w, k);
    if (a < b)
        w->root[b] = a;
    else
        w->root[a] = b;
}

/* What varies with the element belongs to one part; an index only if it is looked up. */
static void parts_find(parts_work *w) {
    const nest *n = w->n;
    uint64_t *depends = arena_array(w->l->memory, uint64_t, n->tape.count);
    nest_dependences(n, depends);
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        w->root[i] = (nest_ref)i;
        w->varies[i] = depends[i] != 0 && (nest_is_access(in) || in->type != BODY_I64);
        for (int k = 0; k < 4 + in->at_count; k++) {
            nest_ref from = parts_operand(in, k);
            w->varies[i] |= from >= 0 && w->varies[from];
        }
        for (int k = 0; w->varies[i] && k < 4 + in->at_count; k++) {
            nest_ref from = parts_operand(in, k);
            if (from >= 0 && w->varies[from])
                parts_unite(w, (nest_ref)i, from);
        }
    }
}

/* Memory that is written is one part's. */
static void parts_join_memory(const parts_work *w) {
    const nest *n = w->n;
    for (size_t i = 0; i < n->tape.count; i++)
        for (size_t k = 0; n->tape.at[i].op == NEST_STORE && k < n->tape.count; k++)
            if (nest_is_access(&n->tape.at[k]) && n->tape.at[k].which == n->tape.at[i].which)
                parts_unite(w, (nest_ref)i, (nest_ref)k);
}

static bool parts_is_first(const parts_work *w, size_t store, nest_ref root) {
    for (size_t i = 0; i < store; i++)
        if (w->n->tape.at[i].op == NEST_STORE && parts_root(w, (nest_ref)i) == root)
            return false;
    return true;
}

/* The part with this root, as a nest of its own: a copy without what others do. */
static void parts_make(parts_work *w, nest_ref root, nest_list *out) {
    const nest *n = w->n;
    const op_node *named = NULL;
    memset(w->taken, 0, sizeof *w->taken * n->tape.count);
    for (size_t i = n->tape.count; i-- > 0;) {
        const nest_instruction *in = &n->tape.at[i];
        bool store = in->op == NEST_STORE && parts_root(w, (nest_ref)i) == root;
        w->taken[i] |= store;
        if (store && !named)
            named = w->l->plan->buffers.at[in->which].node;
        for (int k = 0; w->taken[i] && k < 4 + in->at_count; k++) {
            nest_ref from = parts_operand(in, k);
            if (from >= 0)
                w->taken[from] = true;
        }
    }
    nest *part = lower_open(w->l, named, "", out);
    part->ranges = n->ranges;
    for (size_t i = 0; i < n->tape.count; i++) {
        if (!w->taken[i])
            continue;
        nest_instruction in = n->tape.at[i];
        in.at = arena_array(w->l->memory, nest_ref, in.at_count + 1);
        if (in.at_count > 0)
            memcpy(in.at, n->tape.at[i].at, sizeof *in.at * (size_t)in.at_count);
        tape_rename(&in, w->moved);
        w->moved[i] = (nest_ref)part->tape.count;
        vec_push(w->l->memory, &part->tape, in);
    }
    lower_close(w->l);
}

/* false: the nest does one thing. */
static bool parts_cut(lower *l, const nest *n, nest_list *out) {
    size_t count = n->tape.count;
    parts_work w = {.l = l,
                    .n = n,
                    .varies = arena_array(l->memory, bool, count),
                    .root = arena_array(l->memory, nest_ref, count),
                    .taken = arena_array(l->memory, bool, count),
                    .moved = arena_array(l->memory, nest_ref, count)};
    parts_find(&w);
    parts_join_memory(&w);
    nest_ref only = -1;
    bool several = false;
    for (size_t i = 0; i < count; i++) {
        if (n->tape.at[i].op != NEST_STORE)
            continue;
        nest_ref root = parts_root(&w, (nest_ref)i);
        several |= only >= 0 && root != only;
        only = root;
    }
    for (size_t i = 0; several && i < count; i++)
        if (n->tape.at[i].op == NEST_STORE && parts_is_first(&w, i, parts_root(&w, (nest_ref)i)))
            parts_make(&w, parts_root(&w, (nest_ref)i), out);
    return several;
}

/* The nests of an item and of all inside of it, in program order. Depth: nested loops. */
static void parts_list(lower *l, const nest_item *item) {
    if (item->kernel)
        vec_push(l->memory, &l->plan->kernels, item->kernel);
    for (size_t i = 0; i < item->items.count; i++)
        parts_list(l, &item->items.at[i]);
}

void lower_parts(lower *l) {
    nest_list items = {0};
    for (size_t i = 0; i < l->plan->items.count; i++) {
        const nest_item *item = &l->plan->items.at[i];
        if (!parts_may(item) || !parts_cut(l, item->kernel, &items))
            vec_push(l->memory, &items, *item);
    }
    l->plan->items = items;
    l->plan->kernels.count = 0;
    for (size_t i = 0; i < items.count; i++)
        parts_list(l, &items.at[i]);
}
