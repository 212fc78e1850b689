/* Random nests against the interpreter of plans: any ranges, any tape, any types. What the hand
 * written tests do not think of. A failure names the seed, and EDDY_SEED=n runs that one alone. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/env.h"
#include "core/rng.h"
#include "tests/support/nest_kit.h"

enum { RANDOM_NESTS = 150, RANDOM_MOST = 64 };

typedef struct draw {
    uint64_t seed, count;
    nest_plan *p;
    nest *n;
    nest_ref of_type[5][RANDOM_MOST]; /* values to choose from, by body_type */
    int have[5];
} draw;

static int below(draw *d, int limit) {
    return (int)(rng_uniform(d->seed, 0, d->count++) * limit);
}

static void keep(draw *d, nest_ref r) {
    int type = d->n->tape.at[r].type;
    if (d->have[type] < RANDOM_MOST)
        d->of_type[type][d->have[type]++] = r;
    else
        d->of_type[type][below(d, RANDOM_MOST)] = r;
}

/* A value of a type; mostly a recent one. */
static nest_ref any(draw *d, body_type type) {
    int have = d->have[type], recent = have < 6 ? have : 6;
    if (have == 0) {
        nest_instruction in;
        memset(&in, 0, sizeof in);
        in.op = NEST_BODY;
        in.type = in.code.type = (uint8_t)type;
        in.code.op = BODY_CONSTANT;
        in.code.a = in.code.b = in.code.c = in.value = -1;
        if (type == BODY_F32 || type == BODY_F64)
            in.code.immediate.f = 0.25 * below(d, 9) - 1;
        else
            in.code.immediate.i = below(d, 5) - (type == BODY_BOOL ? 0 : 2);
        vec_push(d->p->memory, &d->n->tape, in);
        return (nest_ref)d->n->tape.count - 1;
    }
    return d->of_type[type][below(d, 3) ? have - 1 - below(d, recent) : below(d, have)];
}

static nest_ref body_of(draw *d, body_op op, body_type type, nest_ref a, nest_ref b, nest_ref c) {
    return kit_body(d->p, d->n, op, type, a, b, c);
}

static nest_ref clamped(draw *d, nest_ref index, int64_t size) {
    nest_ref end = size >= 0 ? kit_integer(d->p, d->n, size)
                             : kit_special(d->p, d->n, NEST_COUNT, BODY_I64, (int)(-1 - size));
    nest_ref top = body_of(d, BODY_SUB, BODY_I64, end, kit_integer(d->p, d->n, 1), -1);
    nest_ref over = body_of(d, BODY_LT, BODY_BOOL, top, index, -1);
    nest_ref low = body_of(d, BODY_SELECT, BODY_I64, over, top, index);
    nest_ref zero = kit_integer(d->p, d->n, 0);
    nest_ref under = body_of(d, BODY_LT, BODY_BOOL, low, zero, -1);
    return body_of(d, BODY_SELECT, BODY_I64, under, zero, low);
}

/* An instruction on what is there. */
static nest_ref step(draw *d) {
    static const body_type all[] = {BODY_F32, BODY_F32, BODY_F64, BODY_I32, BODY_BOOL, BODY_I64};
    body_type t = all[below(d, 6)];
    bool real = t == BODY_F32 || t == BODY_F64;
    nest_ref x = any(d, t), y = any(d, t), z = any(d, t);
    switch (below(d, 12)) {
    case 0:
        return body_of(d, BODY_SELECT, t, any(d, BODY_BOOL), x, y);
    case 1: {
        static const body_op orders[] = {BODY_LT, BODY_LE, BODY_EQ, BODY_NE};
        return body_of(d, orders[below(d, 4)], BODY_BOOL, x, y, -1);
    }
    case 2:
        return body_of(d, BODY_CAST, t, any(d, all[below(d, 6)]), -1, -1);
    case 3:
        if (real)
            return body_of(d, BODY_DIV, t, x, y, -1);
        return body_of(d, t == BODY_BOOL ? BODY_NOT : BODY_NEG, t, x, -1, -1);
    case 4: {
        static const body_op kinds[] = {BODY_ABS, BODY_SQRT, BODY_FLOOR, BODY_NEG};
        if (real)
            return body_of(d, kinds[below(d, 4)], t, x, -1, -1);
        return body_of(d, BODY_OR, t, x, y, -1);
    }
    case 5:
        if (t == BODY_I32 || t == BODY_I64)
            return body_of(d, below(d, 2) ? BODY_SHL : BODY_SHR, t, x, y, -1);
        return t == BODY_BOOL ? body_of(d, BODY_XOR, t, x, y, -1)
                              : body_of(d, BODY_FMA, t, x, y, z);
    case 6:
        if (t == BODY_I32)
            return body_of(d, BODY_MULHI, t, x, y, -1);
        return t == BODY_BOOL ? body_of(d, BODY_AND, t, x, y, -1)
                              : body_of(d, BODY_MUL, t, x, y, -1);
    case 7:
    case 8:
        return t == BODY_BOOL ? body_of(d, BODY_NE, t, x, y, -1)
                              : body_of(d, BODY_SUB, t, x, y, -1);
    default:
        return t == BODY_BOOL ? body_of(d, BODY_EQ, t, x, y, -1)
                              : body_of(d, BODY_ADD, t, x, y, -1);
    }
}

static int64_t size_of(draw *d) {
    static const int64_t sizes[] = {1, 2, 3, 5, 8, 17, 20, 33, -1, -2};
    return sizes[below(d, 10)];
}

/* A load of a random buffer, at range indices where they fit, else at clamped places. */
static nest_ref load(draw *d, const nest_ref *ranges, int range_count) {
    static const int none[] = {-1};
    int rank = below(d, 3);
    int64_t shape[3];
    nest_ref at[3];
    for (int k = 0; k < rank; k++) {
        int r = range_count > 0 ? below(d, range_count) : 0;
        bool plain = range_count > 0 && below(d, 4) != 0;
        shape[k] = plain ? d->n->ranges.at[r].count : size_of(d);
        at[k] = plain ? ranges[r] : -1;
        if (!plain)
            at[k] = clamped(d, any(d, BODY_I64), shape[k]);
    }
    int buffer = kit_buffer(d->p, NEST_INPUT, (dtype)below(d, 4), none, rank, shape);
    return kit_load(d->p, d->n, buffer, rank, at);
}

static void store(draw *d, const nest_ref *ranges, int count, nest_ref value) {
    static const int none[] = {-1};
    body_type type = (body_type)d->n->tape.at[value].type;
    if (type == BODY_I64)
        value = body_of(d, BODY_CAST, type = BODY_I32, value, -1, -1);
    int64_t shape[3];
    for (int k = 0; k < count; k++)
        shape[k] = d->n->ranges.at[k].count;
    int buffer = kit_buffer(d->p, NEST_OUTPUT, (dtype)type, none, count, shape);
    kit_store(d->p, d->n, buffer, count, ranges, value);
}

static void forget(draw *d) {
    memset(d->have, 0, sizeof d->have);
}

static nest_plan *random_plan(arena *memory, uint64_t seed) {
    draw d = {.seed = seed, .p = kit_plan(memory)};
    d.n = kit_nest(d.p, NULL, "random", NULL);
    d.n->heavy = below(&d, 2) != 0;
    nest_ref ranges[6];
    int parallel = below(&d, 4), folded = below(&d, 3), folds = folded > 0 ? 1 + below(&d, 2) : 0;
    for (int r = 0; r < parallel + folded; r++) {
        int flags = r < parallel ? 0 : KIT_FOLDED | (below(&d, 2) ? KIT_DESCENDING : 0);
        ranges[r] = kit_range(d.p, d.n, size_of(&d), flags);
        keep(&d, ranges[r]);
    }
    nest_ref states[2] = {-1, -1};
    for (int f = 0; f < folds; f++) {
        body_value identity;
        memset(&identity, 0, sizeof identity);
        states[f] = kit_fold(d.p, d.n, below(&d, 3) ? BODY_F32 : BODY_F64, identity);
        keep(&d, states[f]);
    }
    for (int k = 0; k < 3; k++)
        keep(&d, load(&d, ranges, parallel + folded));
    int steps = 3 + below(&d, 20);
    for (int k = 0; k < steps; k++)
        keep(&d, below(&d, 6) ? step(&d) : load(&d, ranges, parallel + folded));
    nest_ref results[2], nexts[2];
    for (int f = 0; f < folds; f++) {
        body_type type = (body_type)d.n->tape.at[states[f]].type;
        nexts[f] = body_of(&d, BODY_ADD, type, states[f], any(&d, type), -1);
        if (below(&d, 2))
            nexts[f] = body_of(&d, BODY_FMA, type, any(&d, type), any(&d, type), nexts[f]);
    }
    for (int f = 0; f < folds; f++)
        results[f] = kit_fold_next(d.p, d.n, f, nexts[f]);
    if (folds > 0) { /* the epilogue may not see a step */
        forget(&d);
        for (int r = 0; r < parallel; r++)
            keep(&d, ranges[r]);
        for (int f = 0; f < folds; f++)
            keep(&d, results[f]);
    }
    if (folds > 0 && below(&d, 2)) {
        store(&d, ranges, parallel, results[0]);
        return d.p;
    }
    keep(&d, load(&d, ranges, parallel));
    for (int k = 0; k < 5; k++) {
        nest_ref value = step(&d);
        keep(&d, value);
        if (k > 1)
            store(&d, ranges, parallel, value);
    }
    return d.p;
}

Test(emit_random, nests) {
    int only = env_number("SEED", 0);
    for (int k = only ? only : 1; k <= (only ? only : RANDOM_NESTS); k++) {
        static jmp_buf escape;
        arena memory;
        arena_init(&memory, allocator_default(), &escape);
        nest_plan *p = random_plan(&memory, (uint64_t)k);
        int64_t extents[LIMIT_AXES] = {k % 11, k % 7 * 3};
        text shown;
        text_init(&shown, &memory);
        nest_print(p, &shown);
        const char *wrong = kit_check(p, extents, (uint64_t)k);
        cr_assert(!wrong, "EDDY_SEED=%d: %s\n%s", k, wrong, shown.at);
        arena_free(&memory);
    }
}
