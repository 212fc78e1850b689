/* Compiled nests without folds against the interpreter of plans: every instruction, tails, gathers,
 * scatters, loops; and random nests of everything at once. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/rng.h"
#include "tests/support/nest_kit.h"
#include "tests/support/suite.h"

SUITE_WITH_MEMORY(emit_nests);

static const int no_axes[] = {-1};

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        const char *wrong = kit_check(__VA_ARGS__);                                                \
        cr_assert(!wrong, "%s", wrong);                                                            \
    } while (0)

static nest_ref clamp(nest_plan *p, nest *n, nest_ref index, nest_ref count) {
    nest_ref one = kit_integer(p, n, 1), zero = kit_integer(p, n, 0);
    nest_ref top = kit_body(p, n, BODY_SUB, BODY_I64, count, one, -1);
    nest_ref over = kit_body(p, n, BODY_LT, BODY_BOOL, top, index, -1);
    nest_ref low = kit_body(p, n, BODY_SELECT, BODY_I64, over, top, index);
    nest_ref under = kit_body(p, n, BODY_LT, BODY_BOOL, low, zero, -1);
    return kit_body(p, n, BODY_SELECT, BODY_I64, under, zero, low);
}

/* ---- every type, known and run-time counts */

static nest_plan *mixed(int64_t count) {
    static const int along[] = {0, -1};
    nest_plan *p = kit_plan(&memory);
    const int *axes = count < 0 ? along : no_axes;
    int rank = count < 0 ? 0 : 1;
    int f = kit_buffer(p, NEST_INPUT, DTYPE_F32, axes, rank, &count);
    int d = kit_buffer(p, NEST_INPUT, DTYPE_F64, axes, rank, &count);
    int i = kit_buffer(p, NEST_INPUT, DTYPE_I32, axes, rank, &count);
    int b = kit_buffer(p, NEST_INPUT, DTYPE_BOOL, axes, rank, &count);
    int f_out = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, axes, rank, &count);
    int d_out = kit_buffer(p, NEST_OUTPUT, DTYPE_F64, axes, rank, &count);
    int i_out = kit_buffer(p, NEST_OUTPUT, DTYPE_I32, axes, rank, &count);
    int b_out = kit_buffer(p, NEST_OUTPUT, DTYPE_BOOL, axes, rank, &count);
    nest *n = kit_nest(p, NULL, "mixed", NULL);
    nest_ref at = kit_range(p, n, count < 0 ? -1 : count, 0);
    nest_ref x = kit_load(p, n, f, 1, &at), y = kit_load(p, n, d, 1, &at);
    nest_ref k = kit_load(p, n, i, 1, &at), yes = kit_load(p, n, b, 1, &at);
    nest_ref wide = kit_body(p, n, BODY_CAST, BODY_F64, x, -1, -1);
    nest_ref sum = kit_body(p, n, BODY_FMA, BODY_F64, wide, y, wide);
    nest_ref number = kit_body(p, n, BODY_CAST, BODY_I32, at, -1, -1);
    nest_ref product = kit_body(p, n, BODY_MUL, BODY_I32, k, number, -1);
    nest_ref less = kit_body(p, n, BODY_LT, BODY_BOOL, wide, y, -1);
    nest_ref both = kit_body(p, n, BODY_XOR, BODY_BOOL, less, yes, -1);
    nest_ref narrow = kit_body(p, n, BODY_CAST, BODY_F32, sum, -1, -1);
    kit_store(p, n, f_out, 1, &at, kit_body(p, n, BODY_SELECT, BODY_F32, both, narrow, x));
    kit_store(p, n, d_out, 1, &at, sum);
    kit_store(p, n, i_out, 1, &at, product);
    kit_store(p, n, b_out, 1, &at, both);
    return p;
}

Test(emit_nests, all_types_and_tails) {
    for (int64_t count = 0; count <= 70; count += count < 20 ? 1 : 7) {
        int64_t extents[LIMIT_AXES] = {count};
        CHECK(mixed(count), extents, (uint64_t)count);
        CHECK(mixed(-1), extents, (uint64_t)count);
    }
}

/* ---- conversions at their edges, as constants and as values */

Test(emit_nests, conversions) {
    static const double edges[] = {0.0,
                                   -0.0,
                                   0.5,
                                   -0.5,
                                   1.5,
                                   2147483647.0,
                                   2.2e9,
                                   -2147483648.0,
                                   -2.2e9,
                                   9.3e18,
                                   -9.3e18,
                                   1e300,
                                   -1e300,
                                   __builtin_inf(),
                                   -__builtin_inf(),
                                   __builtin_nan("")};
    int64_t count = sizeof edges / sizeof *edges, extents[LIMIT_AXES] = {0};
    nest_plan *p = kit_plan(&memory);
    int x = kit_buffer(p, NEST_CONSTANT, DTYPE_F64, no_axes, 1, &count);
    p->buffers.at[x].data = edges;
    p->buffers.at[x].data_bytes = sizeof edges;
    nest *n = kit_nest(p, NULL, "edges", NULL);
    nest_ref at = kit_range(p, n, count, 0);
    nest_ref value = kit_load(p, n, x, 1, &at);
    static const dtype types[] = {DTYPE_F32, DTYPE_F64, DTYPE_I32, DTYPE_BOOL};
    for (int k = 0; k < 4; k++)
        for (int through = 0; through < 5; through++) {
            int out = kit_buffer(p, NEST_OUTPUT, types[k], no_axes, 1, &count);
            nest_ref middle = kit_body(p, n, BODY_CAST, (body_type)through, value, -1, -1);
            nest_ref last = kit_body(p, n, BODY_CAST, (body_type)types[k], middle, -1, -1);
            kit_store(p, n, out, 1, &at, last);
        }
    static const body_op orders[] = {BODY_LT, BODY_LE, BODY_EQ, BODY_NE};
    nest_ref other = kit_body(p, n, BODY_NEG, BODY_F64, value, -1, -1);
    for (int k = 0; k < 4; k++) {
        int out = kit_buffer(p, NEST_OUTPUT, DTYPE_BOOL, no_axes, 1, &count);
        kit_store(p, n, out, 1, &at, kit_body(p, n, orders[k], BODY_BOOL, value, other, -1));
    }
    CHECK(p, extents, 1);
}

/* ---- places that are looked up */

/* y[t][c] = table[row[t]][c] where the row is inside; and across: y[t] = x[t][row[t]]. */
Test(emit_nests, gathers) {
    static const int steps[] = {0, -1};
    for (int64_t columns = 1; columns < 40; columns += 12) {
        int64_t extents[LIMIT_AXES] = {37};
        nest_plan *p = kit_plan(&memory);
        int table = kit_buffer(p, NEST_PARAM, DTYPE_F32, no_axes, 2, (int64_t[]){5, columns});
        int row = kit_buffer(p, NEST_INPUT, DTYPE_I32, steps, 0, NULL);
        int y = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, steps, 1, &columns);
        int picked = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, steps, 0, NULL);
        nest *n = kit_nest(p, NULL, "rows", NULL);
        nest_ref t = kit_range(p, n, -1, 0), c = kit_range(p, n, columns, 0);
        nest_ref wanted = kit_body(p, n, BODY_CAST, BODY_I64, kit_load(p, n, row, 1, &t), -1, -1);
        nest_ref place = clamp(p, n, wanted, kit_integer(p, n, 5));
        nest_ref value = kit_load(p, n, table, 2, (nest_ref[]){place, c});
        kit_store(p, n, y, 2, (nest_ref[]){t, c}, value);
        n = kit_nest(p, NULL, "elements", NULL);
        t = kit_range(p, n, -1, 0);
        wanted = kit_body(p, n, BODY_CAST, BODY_I64, kit_load(p, n, row, 1, &t), -1, -1);
        place = clamp(p, n, wanted, kit_integer(p, n, columns));
        value = kit_load(p, n, y, 2, (nest_ref[]){t, place});
        kit_store(p, n, picked, 1, &t, value);
        CHECK(p, extents, (uint64_t)columns);
    }
}

/* y[row[t]][c] += x[t][c], in step order, down or up. */
static nest_plan *scatter(int64_t columns, int flags) {
    static const int steps[] = {0, -1};
    nest_plan *p = kit_plan(&memory);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, steps, 1, &columns);
    int row = kit_buffer(p, NEST_INPUT, DTYPE_I32, steps, 0, NULL);
    int y = kit_buffer(p, NEST_PARAM, DTYPE_F32, no_axes, 2, (int64_t[]){8, columns});
    nest *n = kit_nest(p, NULL, "add", NULL);
    nest_ref t = kit_range(p, n, -1, KIT_ORDERED | flags), c = kit_range(p, n, columns, 0);
    nest_ref place = kit_body(p, n, BODY_CAST, BODY_I64, kit_load(p, n, row, 1, &t), -1, -1);
    nest_ref value = kit_load(p, n, x, 2, (nest_ref[]){t, c});
    nest_ref old = kit_load(p, n, y, 2, (nest_ref[]){place, c});
    n->tape.at[old].pinned = true;
    nest_ref sum = kit_body(p, n, BODY_ADD, BODY_F32, old, value, -1);
    kit_store(p, n, y, 2, (nest_ref[]){place, c}, sum);
    return p;
}

Test(emit_nests, scatters_in_order) {
    for (int64_t steps = 0; steps < 30; steps += 9) {
        int64_t extents[LIMIT_AXES] = {steps};
        CHECK(scatter(1, 0), extents, 1);
        CHECK(scatter(19, KIT_DESCENDING), extents, 2);
    }
}

/* Every sample counts by itself, and a nest with no vector range at all. */
Test(emit_nests, scatter_of_single_elements) {
    static const int steps[] = {0, -1};
    int64_t extents[LIMIT_AXES] = {50}, eight = 8;
    nest_plan *p = kit_plan(&memory);
    int row = kit_buffer(p, NEST_INPUT, DTYPE_I32, steps, 0, NULL);
    int y = kit_buffer(p, NEST_PARAM, DTYPE_I32, no_axes, 1, &eight);
    nest *n = kit_nest(p, NULL, "count", NULL);
    nest_ref t = kit_range(p, n, -1, KIT_ORDERED);
    nest_ref place = kit_body(p, n, BODY_CAST, BODY_I64, kit_load(p, n, row, 1, &t), -1, -1);
    nest_ref old = kit_load(p, n, y, 1, &place);
    n->tape.at[old].pinned = true;
    nest_ref now = kit_body(p, n, BODY_CAST, BODY_I32, t, -1, -1);
    kit_store(p, n, y, 1, &place, kit_body(p, n, BODY_SUB, BODY_I32, now, old, -1));
    CHECK(p, extents, 1);
}

/* ---- recurrence loops */

/* h[t] = a h[t -+ 1] + x[t] for all samples, both ways, with a second loop inside. */
static nest_plan *recurrence(int sign) {
    static const int axes[] = {0, 1, 2, -1}, loops[] = {0, 2, -1};
    nest_plan *p = kit_plan(&memory);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, axes, 0, NULL);
    int h = kit_buffer(p, NEST_ARENA, DTYPE_F32, axes, 0, NULL);
    nest_list *outer = kit_loop(p, 0, sign);
    nest_item inner = {.axis = 2, .sign = -1};
    vec_push(&memory, outer, inner);
    nest *n = kit_nest(p, &vec_last(outer).items, "step", loops);
    nest_ref t = kit_special(p, n, NEST_OUTER, BODY_I64, 0), b = kit_range(p, n, -2, 0);
    nest_ref s = kit_special(p, n, NEST_OUTER, BODY_I64, 2);
    nest_ref one = kit_integer(p, n, sign), end = kit_special(p, n, NEST_COUNT, BODY_I64, 0);
    nest_ref before = kit_body(p, n, BODY_SUB, BODY_I64, t, one, -1);
    nest_ref low = kit_body(p, n, BODY_LE, BODY_BOOL, kit_integer(p, n, 0), before, -1);
    nest_ref high = kit_body(p, n, BODY_LT, BODY_BOOL, before, end, -1);
    nest_ref inside = kit_body(p, n, BODY_AND, BODY_BOOL, low, high, -1);
    nest_ref place = clamp(p, n, before, end);
    nest_ref old = kit_load(p, n, h, 3, (nest_ref[]){place, b, s});
    nest_ref start = kit_real(p, n, BODY_F32, 0.25);
    old = kit_body(p, n, BODY_SELECT, BODY_F32, inside, old, start);
    nest_ref value = kit_load(p, n, x, 3, (nest_ref[]){t, b, s});
    nest_ref next = kit_body(p, n, BODY_FMA, BODY_F32, old, kit_real(p, n, BODY_F32, 0.9), value);
    kit_store(p, n, h, 3, (nest_ref[]){t, b, s}, next);
    return p;
}

Test(emit_nests, recurrence_loops) {
    for (int64_t steps = 0; steps < 7; steps += 3)
        for (int64_t samples = 0; samples < 40; samples += 19) {
            int64_t extents[LIMIT_AXES] = {steps, samples, 3};
            CHECK(recurrence(1), extents, 1);
            CHECK(recurrence(-1), extents, 2);
        }
}
