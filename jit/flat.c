/* Nests that go over all of their elements, and treat every one alike, need not know shapes.
 *
 * An optimiser does the same to each parameter, and every parameter has a shape of its own. But its
 * nest reads and writes row after row without a gap, so a matrix is but a long vector, and a slice
 * of whole rows is one that begins further on. As a row of elements all these nests are equal: they
 * differ in their buffers, in where they begin, and in how many elements there are. Those are
 * numbers that one kernel can be given (share.c).
 *
 * Nor does it matter in which order a tape happened to be written: here an instruction stands right
 * behind what it is made of, and stores come last, sorted by what they store.
 *
 * The form that code is made of has one range and names elements by their number. Everybody else
 * (memory, threads, dumps) goes on to see the nest as it was: shapes tell what may share memory. */
#include "jit/flat.h"

#include <string.h>

typedef struct flat_walk {
    const nest_plan *plan;
    const nest *n;
    flat *out;
    nest_ref *order; /* the instructions that count, in an order of their own */
    size_t count;
    nest_ref *moved; /* by instruction: where the form has it; -1: it is but an index */
    int32_t *place;  /* by buffer: 1 + its place among the operands; 0: not met yet */
    nest *form;      /* NULL: numbers are written down */
    const bool *given;
    int accesses;
} flat_walk;

static bool is_integer(const nest *n, nest_ref r) {
    return r >= 0 && n->tape.at[r].type == BODY_I64;
}

/* ---- is it one? A question that nests with one kernel answer alike (share.c). */

static bool flat_ranges(const nest *n, int64_t *count) {
    *count = 1;
    for (size_t r = 0; r < n->ranges.count; r++) {
        const nest_range *range = &n->ranges.at[r];
        if (range->count < 1 || range->folded || range->ordered || range->descending ||
            range->block || range->last > 0 ||
            __builtin_mul_overflow(*count, range->count, count) || *count > INT32_MAX)
            return false;
    }
    return n->folds.count == 0 && n->ranges.count > 0;
}

/* An access of all elements in a row, from number *low on, or of element *low alone. */
static bool flat_access(const nest_plan *plan, const nest *n, const nest_instruction *in,
                        int64_t *low, bool *moves) {
    const nest_buffer *b = &plan->buffers.at[in->which];
    int64_t distance[64] = {0}, inner = 1;
    int axes[LIMIT_AXES + LIMIT_RANK], open;
    *low = 0;
    *moves = false;
    if (b->axis_count > 0 || in->linear || in->pinned || b->storage == NEST_CONSTANT ||
        n->ranges.count > 64)
        return false;
    for (int k = 0; k < in->at_count; k++) {
        nest_span span;
        int64_t stride = nest_stride(b, k, axes, &open);
        if (!nest_span_of(n, in->at[k], &span))
            return false;
        *low += span.low * stride;
        if (span.range >= 0)
            distance[span.range] += stride;
        *moves |= span.range >= 0;
    }
    for (size_t r = n->ranges.count; r-- > 0; inner *= n->ranges.at[r].count)
        if (*moves && distance[r] != inner)
            return false;
    return *low >= 0 && *low <= INT32_MAX;
}

/* Only indices know where an element is. */
static bool flat_tape(const nest *n) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        bool index = in->type == BODY_I64;
        if (in->op == NEST_OUTER || in->op == NEST_COUNT || in->op == NEST_SPAN ||
            (nest_is_access(in) && index))
            return false;
        if (in->op == NEST_BODY && !index &&
            (is_integer(n, in->code.a) || is_integer(n, in->code.b) || is_integer(n, in->code.c)))
            return false;
        if (in->op == NEST_STORE && is_integer(n, in->value))
            return false;
    }
    return true;
}

/* ---- an order that depends on nothing but what is computed */

static uint64_t flat_mix(uint64_t hash, uint64_t number) {
    hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* What an instruction computes, as a number that hardly another one has. */
static uint64_t flat_hash(const nest_instruction *in, const uint64_t *hashes) {
    const nest_ref from[4] = {in->code.a, in->code.b, in->code.c, in->value};
    uint64_t hash = flat_mix(in->op, in->type);
    bool computes = in->op == NEST_BODY;
    if (computes)
        hash = flat_mix(hash, in->code.op);
    if (computes && in->code.op == BODY_CONSTANT)
        hash = flat_mix(hash, (uint64_t)in->code.immediate.i);
    for (int k = computes ? 0 : 3; k < (computes ? 3 : 4); k++)
        if (from[k] >= 0 && in->op != NEST_LOAD)
            hash = flat_mix(hash, hashes[from[k]]);
    return hash;
}

/* Appends what `root` is made of and itself. */
static void flat_reach(flat_walk *w, nest_ref root, bool *reached, nest_ref *stack) {
    size_t depth = 0;
    stack[depth++] = root;
    while (depth > 0) {
        nest_ref top = stack[depth - 1];
        const body_instruction *code = &w->n->tape.at[top].code;
        const nest_ref from[3] = {code->a, code->b, code->c};
        bool ready = true;
        for (int k = 3; k-- > 0 && w->n->tape.at[top].op == NEST_BODY;)
            if (from[k] >= 0 && !reached[from[k]]) {
                stack[depth++] = from[k];
                ready = false;
            }
        if (!ready)
            continue;
        depth--;
        if (!reached[top])
            w->order[w->count++] = top;
        reached[top] = true;
    }
}

/* false: something is loaded again after it was stored. */
static bool flat_order(flat_walk *w) {
    const nest *n = w->n;
    arena *memory = w->plan->memory;
    size_t count = n->tape.count, stored = 0;
    uint64_t *hashes = arena_array(memory, uint64_t, count + 1);
    bool *reached = arena_array(memory, bool, count + 1);
    nest_ref *stack = arena_array(memory, nest_ref, 3 * count + 1);
    nest_ref *stores = arena_array(memory, nest_ref, count + 1);
    w->order = arena_array(memory, nest_ref, count + 1);
    for (size_t i = 0; i < count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        hashes[i] = flat_hash(in, hashes);
        for (size_t k = 0; in->op == NEST_LOAD && k < stored; k++)
            if (n->tape.at[stores[k]].which == in->which)
                return false;
        if (in->op != NEST_STORE)
            continue;
        size_t at = stored++;
        for (; at > 0 && hashes[stores[at - 1]] > hashes[i]; at--)
            stores[at] = stores[at - 1];
        stores[at] = (nest_ref)i;
    }
    for (size_t k = 0; k < stored; k++)
        flat_reach(w, n->tape.at[stores[k]].value, reached, stack);
    for (size_t k = 0; k < stored; k++)
        w->order[w->count++] = stores[k];
    return true;
}

/* ---- one walk for the numbers and for the form */

static void flat_number(flat_walk *w, int64_t number) {
    vec_push(w->plan->memory, &w->out->numbers, number);
}

static nest_ref flat_add(flat_walk *w, nest_instruction in) {
    vec_push(w->plan->memory, &w->form->tape, in);
    return (nest_ref)w->form->tape.count - 1;
}

static nest_instruction flat_blank(nest_op op, int32_t which) {
    nest_instruction in;
    memset(&in, 0, sizeof in);
    in.op = (uint8_t)op;
    in.type = BODY_I64;
    in.which = which;
    in.code.a = in.code.b = in.code.c = in.value = -1;
    return in;
}

static nest_ref flat_body(flat_walk *w, body_op op, nest_ref a, nest_ref b) {
    nest_instruction in = flat_blank(NEST_BODY, 0);
    in.code.op = (uint8_t)op;
    in.code.type = BODY_I64;
    in.code.a = a;
    in.code.b = b;
    return flat_add(w, in);
}

/* The number of the element that the next access is of. The count is the first number given. */
static nest_ref flat_index(flat_walk *w, bool moves) {
    nest_ref index = moves ? 0 : flat_body(w, BODY_CONSTANT, -1, -1);
    if (!w->given[w->accesses])
        return index;
    int32_t number = (int32_t)w->out->operands.count + 1;
    for (int i = 0; i < w->accesses; i++)
        number += w->given[i];
    nest_ref low = flat_add(w, flat_blank(NEST_GIVEN, number));
    return moves ? flat_body(w, BODY_ADD, index, low) : low;
}

static void flat_write_access(flat_walk *w, const nest_instruction *in, int64_t low, bool moves) {
    arena *memory = w->plan->memory;
    if (w->place[in->which] == 0) {
        vec_push(memory, &w->out->operands, in->which);
        w->place[in->which] = (int32_t)w->out->operands.count;
    }
    flat_number(w, in->op);
    flat_number(w, in->type);
    flat_number(w, w->place[in->which]);
    flat_number(w, moves);
    flat_number(w, in->op == NEST_STORE ? w->moved[in->value] : -1);
    vec_push(memory, &w->out->lows, low);
}

static nest_ref flat_make_access(flat_walk *w, const nest_instruction *in, bool moves) {
    nest_instruction own = *in;
    own.at = arena_new(w->plan->memory, nest_ref);
    own.at[0] = flat_index(w, moves);
    own.at_count = 1;
    own.linear = true;
    own.value = in->op == NEST_STORE ? w->moved[in->value] : -1;
    w->accesses++;
    return flat_add(w, own);
}

static nest_ref flat_rename(const flat_walk *w, nest_ref r) {
    return r < 0 ? -1 : w->moved[r];
}

static nest_ref flat_write_body(flat_walk *w, const nest_instruction *in) {
    nest_instruction own = *in;
    own.code.a = flat_rename(w, in->code.a);
    own.code.b = flat_rename(w, in->code.b);
    own.code.c = flat_rename(w, in->code.c);
    if (w->form)
        return flat_add(w, own);
    flat_number(w, NEST_BODY);
    flat_number(w, own.code.op);
    flat_number(w, own.type);
    flat_number(w, own.code.a);
    flat_number(w, own.code.b);
    flat_number(w, own.code.c);
    flat_number(w, own.code.op == BODY_CONSTANT ? own.code.immediate.i : 0);
    return -1;
}

/* false: some access is of other elements. */
static bool flat_go(flat_walk *w) {
    const nest *n = w->n;
    nest_ref next = 0;
    w->moved = arena_array(w->plan->memory, nest_ref, n->tape.count + 1);
    for (size_t k = 0; k < w->count; k++) {
        nest_ref i = w->order[k], made = -1;
        const nest_instruction *in = &n->tape.at[i];
        if (nest_is_access(in)) {
            int64_t low;
            bool moves;
            if (!flat_access(w->plan, n, in, &low, &moves))
                return false;
            if (w->form)
                made = flat_make_access(w, in, moves);
            else
                flat_write_access(w, in, low, moves);
        } else {
            made = flat_write_body(w, in);
        }
        w->moved[i] = w->form ? made : next++;
    }
    return true;
}

bool flat_look(const nest_plan *plan, nest *n, flat *out) {
    memset(out, 0, sizeof *out);
    out->of = n;
    if (!flat_ranges(n, &out->count) || !flat_tape(n))
        return false;
    flat_walk w = {.plan = plan, .n = n, .out = out};
    w.place = arena_array(plan->memory, int32_t, plan->buffers.count + 1);
    return flat_order(&w) && flat_go(&w);
}

nest *flat_kernel(const nest_plan *plan, const flat *f, bool counted, const bool *given) {
    flat copy = *f;
    flat_walk w = {.plan = plan, .n = f->of, .out = &copy, .given = given};
    w.form = arena_new(plan->memory, nest);
    nest_range all = {.count = f->count};
    if (!counted)
        all = (nest_range){.count = OP_EXTENT_OF(0), .given = 1 + (int32_t)f->operands.count};
    vec_push(plan->memory, &w.form->ranges, all);
    flat_add(&w, flat_blank(NEST_RANGE, 0));
    flat_order(&w);
    flat_go(&w);
    return w.form;
}
