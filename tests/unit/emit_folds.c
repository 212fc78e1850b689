/* Compiled folds and contractions against the interpreter of plans: tiles, tails, orders. */
#include <criterion/criterion.h>
#include <math.h>

#include "jit/emit_internal.h"
#include "tests/support/nest_kit.h"
#include "tests/support/suite.h"

SUITE_WITH_MEMORY(emit_folds);

static const int no_axes[] = {-1};

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        const char *wrong = kit_check(__VA_ARGS__);                                                \
        cr_assert(!wrong, "%s", wrong);                                                            \
    } while (0)

static body_value zero_of(void) {
    body_value v;
    memset(&v, 0, sizeof v);
    return v;
}

/* C[rows][columns] = A B; negative sizes are run-time extents. */
static nest_plan *contraction(dtype type, int64_t rows, int64_t columns, int64_t depth,
                              bool across) {
    nest_plan *p = kit_plan(&memory);
    body_type t = (body_type)type;
    int64_t a_shape[2] = {across ? depth : rows, across ? rows : depth};
    int a = kit_buffer(p, NEST_INPUT, type, no_axes, 2, a_shape);
    int b = kit_buffer(p, NEST_PARAM, type, no_axes, 2, (int64_t[]){depth, columns});
    int c = kit_buffer(p, NEST_OUTPUT, type, no_axes, 2, (int64_t[]){rows, columns});
    nest *n = kit_nest(p, NULL, "product", NULL);
    n->heavy = true;
    nest_ref i = kit_range(p, n, rows, 0), j = kit_range(p, n, columns, 0);
    nest_ref k = kit_range(p, n, depth, KIT_FOLDED);
    nest_ref x = kit_load(p, n, a, 2, across ? (nest_ref[]){k, i} : (nest_ref[]){i, k});
    nest_ref y = kit_load(p, n, b, 2, (nest_ref[]){k, j});
    nest_ref state = kit_fold(p, n, t, zero_of());
    nest_ref next = kit_body(p, n, BODY_FMA, t, x, y, state);
    kit_store(p, n, c, 2, (nest_ref[]){i, j}, kit_fold_next(p, n, 0, next));
    return p;
}

Test(emit_folds, contraction_of_known_sizes) {
    int64_t extents[LIMIT_AXES] = {0};
    for (int64_t size = 1; size <= 37; size++) {
        CHECK(contraction(DTYPE_F32, size, 38 - size, 5, false), extents, (uint64_t)size);
        CHECK(contraction(DTYPE_F32, 7, size, 3, size % 2 == 0), extents, (uint64_t)size);
    }
    CHECK(contraction(DTYPE_F64, 13, 37, 11, false), extents, 1);
    CHECK(contraction(DTYPE_F32, 3, 200, 1, false), extents, 2);
    CHECK(contraction(DTYPE_F32, 8, 0, 4, false), extents, 3);
}

/* Long folds run in blocks, and many rows share a copied panel: sizes on both sides of every
 * limit. */
Test(emit_folds, contraction_in_blocks) {
    int64_t extents[LIMIT_AXES] = {0};
    static const int64_t sizes[][3] = {{47, 67, 256}, {48, 67, 256}, {48, 67, 385},
                                       {49, 20, 800}, {361, 67, 3},  {365, 17, 390},
                                       {250, 67, 0},  {364, 67, 30}, {364, 67, 300}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int across = 0; across < 2; across++) {
            const int64_t *n = sizes[s];
            CHECK(contraction(DTYPE_F32, n[0], n[1], n[2], across != 0), extents, 1);
            CHECK(contraction(DTYPE_F64, n[0], n[1] / 2, n[2] / 2, across != 0), extents, 2);
        }
}

/* y[r] = sum along row r of x, times v; a negative number of rows is a run-time extent. */
static nest_plan *along_rows(dtype type, int64_t rows, int64_t columns) {
    nest_plan *p = kit_plan(&memory);
    body_type t = (body_type)type;
    int x = kit_buffer(p, NEST_INPUT, type, no_axes, 2, (int64_t[]){rows, columns + 1});
    int v = kit_buffer(p, NEST_INPUT, type, no_axes, 1, &columns);
    int y = kit_buffer(p, NEST_OUTPUT, type, no_axes, 1, &rows);
    nest *n = kit_nest(p, NULL, "sums", NULL);
    nest_ref i = kit_range(p, n, rows, 0), j = kit_range(p, n, columns, KIT_FOLDED);
    nest_ref place = kit_body(p, n, BODY_ADD, BODY_I64, j, kit_integer(p, n, 1), -1);
    nest_ref element = kit_load(p, n, x, 2, (nest_ref[]){i, place});
    nest_ref factor = kit_load(p, n, v, 1, &j);
    nest_ref state = kit_fold(p, n, t, zero_of());
    nest_ref next = kit_body(p, n, BODY_FMA, t, element, factor, state);
    kit_store(p, n, y, 1, &i, kit_fold_next(p, n, 0, next));
    return p;
}

/* Many steps and lanes, some of both left over, and too few of either. */
Test(emit_folds, sums_along_rows) {
    static const int64_t columns[] = {3, 8, 17, 35}, all_rows[] = {1, 7, 21, 37};
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        for (size_t r = 0; r < sizeof all_rows / sizeof *all_rows; r++) {
            int64_t rows = all_rows[r], extents[LIMIT_AXES] = {rows};
            CHECK(along_rows(DTYPE_F32, rows, columns[c]), extents, 1);
            CHECK(along_rows(DTYPE_F64, rows, columns[c]), extents, 2);
            CHECK(along_rows(DTYPE_F32, OP_EXTENT_OF(0), columns[c]), extents, 3);
            CHECK(along_rows(DTYPE_F64, OP_EXTENT_OF(0), columns[c]), extents, 4);
        }
}

/* What is decided for the only nest of a plan. */
static emit_nest *facts_of(const nest_plan *p, const char *machine_name) {
    emit *e = arena_new(&memory, emit);
    emit_nest *s = arena_new(&memory, emit_nest);
    e->memory = &memory;
    e->plan = p;
    e->target = machine_find(machine_name);
    e->sizes = emit_sizes_now();
    s->e = e;
    s->n = p->kernels.at[0];
    emit_facts(s);
    return s;
}

/* The same where a step is a long line of operations, and a run knows the number of rows: as many
 * as a vector has lanes or more, as a narrower one has, or fewer. */
Test(emit_folds, long_steps_along_rows) {
    enum { OPERATIONS = 14 };
    for (int type = 0; type < 2; type++)
        for (int64_t rows = 0; rows < 20; rows++) {
            body_type t = type == 0 ? BODY_F32 : BODY_F64;
            nest_plan *p = along_rows((dtype)t, OP_EXTENT_OF(0), 5);
            nest *n = p->kernels.at[0];
            nest_ref line = n->folds.at[0].next, element = n->tape.at[line].code.a;
            nest_ref store = -1;
            for (size_t i = 0; i < n->tape.count; i++)
                store = n->tape.at[i].op == NEST_STORE ? (nest_ref)i : store;
            nest_instruction last = n->tape.at[store];
            n->tape.count = (size_t)store;
            for (int k = 0; k < OPERATIONS; k++)
                line = kit_body(p, n, BODY_ADD, t, line, element, -1);
            n->folds.at[0].next = line;
            vec_push(&memory, &n->tape, last);
            cr_expect(facts_of(p, "avx512")->narrows);
            CHECK(p, (int64_t[LIMIT_AXES]){rows}, (uint64_t)rows);
        }
}

/* Lanes of the vectors in which it reads squares; 0: it reads none. */
static int square_of(const nest_plan *p, const char *machine_name) {
    const emit_nest *s = facts_of(p, machine_name);
    return s->squares ? s->most_width : 0;
}

/* Loads that fetch what the next tiles will read. */
static int walked_of(const nest_plan *p) {
    const emit_nest *s = facts_of(p, "avx512");
    int found = 0;
    for (int a = 0; a < s->access_count; a++)
        found += s->accesses[a].walked;
    return found;
}

Test(emit_folds, steps_that_are_neighbours_are_read_together) {
    const int64_t open = OP_EXTENT_OF(0);
    cr_expect_eq(square_of(along_rows(DTYPE_F32, 64, 64), "avx512"), 16);
    cr_expect_eq(square_of(along_rows(DTYPE_F32, 64, 64), "avx2"), 8);
    cr_expect_eq(square_of(along_rows(DTYPE_F64, 64, 64), "avx512"), 8);
    cr_expect_eq(square_of(along_rows(DTYPE_F64, 64, 64), "neon"), 0);
    cr_expect_eq(square_of(along_rows(DTYPE_F32, 5, 64), "avx512"), 8, "three lanes do not count");
    cr_expect_eq(square_of(along_rows(DTYPE_F32, open, 64), "avx512"), 8, "few are left over");
    cr_expect_eq(square_of(along_rows(DTYPE_F32, 64, 7), "avx512"), 0, "too few steps");
    cr_expect_eq(square_of(along_rows(DTYPE_F32, 3, 64), "avx512"), 4);
    cr_expect_eq(square_of(contraction(DTYPE_F32, 64, 64, 64, false), "avx512"), 0);
}

/* dW[in][out] = sum over steps (downwards) and samples of x[t][b][in] g[t][b][out]. */
static nest_plan *weight_gradient(int64_t in, int64_t out) {
    static const int axes[] = {0, 1, -1};
    nest_plan *p = kit_plan(&memory);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, axes, 1, &in);
    int g = kit_buffer(p, NEST_INPUT, DTYPE_F32, axes, 1, &out);
    int w = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, no_axes, 2, (int64_t[]){in, out});
    nest *n = kit_nest(p, NULL, "gradient", NULL);
    n->heavy = true;
    nest_ref i = kit_range(p, n, in, 0), j = kit_range(p, n, out, 0);
    nest_ref t = kit_range(p, n, -1, KIT_FOLDED | KIT_DESCENDING);
    nest_ref b = kit_range(p, n, -2, KIT_FOLDED);
    nest_ref left = kit_load(p, n, x, 3, (nest_ref[]){t, b, i});
    nest_ref right = kit_load(p, n, g, 3, (nest_ref[]){t, b, j});
    nest_ref state = kit_fold(p, n, BODY_F32, zero_of());
    nest_ref next = kit_body(p, n, BODY_FMA, BODY_F32, left, right, state);
    kit_store(p, n, w, 2, (nest_ref[]){i, j}, kit_fold_next(p, n, 0, next));
    return p;
}

Test(emit_folds, rows_that_are_neighbours_are_fetched_ahead) {
    cr_expect_eq(walked_of(contraction(DTYPE_F32, 64, 64, 64, true)), 1);
    cr_expect_eq(walked_of(contraction(DTYPE_F32, 64, 64, 64, false)), 0);
    cr_expect_eq(walked_of(weight_gradient(64, 64)), 1);
    cr_expect_eq(walked_of(along_rows(DTYPE_F32, 64, 64)), 0);
}

Test(emit_folds, weight_gradients_of_run_time_extents) {
    static const int64_t sizes[][2] = {{0, 4},   {3, 0},   {1, 1},  {7, 5},
                                       {100, 6}, {2, 500}, {300, 3}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t extents[LIMIT_AXES] = {sizes[s][0], sizes[s][1]};
        CHECK(weight_gradient(9, 70), extents, s);
        CHECK(weight_gradient(64, 20), extents, s);
    }
}

/* y[t][b][out] = sum of x[t][b][in] W[in][out], inside or outside of the loop over t. */
static nest_plan *projection(int64_t in, int64_t out, bool loop) {
    static const int axes[] = {0, 1, -1}, outer[] = {0, -1};
    nest_plan *p = kit_plan(&memory);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, axes, 1, &in);
    int w = kit_buffer(p, NEST_PARAM, DTYPE_F32, no_axes, 2, (int64_t[]){in, out});
    int y = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, axes, 1, &out);
    nest_list *list = loop ? kit_loop(p, 0, -1) : NULL;
    nest *n = kit_nest(p, list, "projection", loop ? outer : NULL);
    n->heavy = true;
    nest_ref t = loop ? kit_special(p, n, NEST_OUTER, BODY_I64, 0) : kit_range(p, n, -1, 0);
    nest_ref b = kit_range(p, n, -2, 0), j = kit_range(p, n, out, 0);
    nest_ref k = kit_range(p, n, in, KIT_FOLDED);
    nest_ref left = kit_load(p, n, x, 3, (nest_ref[]){t, b, k});
    nest_ref right = kit_load(p, n, w, 2, (nest_ref[]){k, j});
    nest_ref state = kit_fold(p, n, BODY_F32, zero_of());
    nest_ref next = kit_body(p, n, BODY_FMA, BODY_F32, left, right, state);
    nest_ref result = kit_fold_next(p, n, 0, next);
    kit_store(p, n, y, 3, (nest_ref[]){t, b, j}, result);
    return p;
}

Test(emit_folds, projections_of_run_time_extents) {
    static const int64_t sizes[][2] = {{0, 1}, {1, 0}, {1, 1},  {1, 9},
                                       {5, 4}, {6, 7}, {60, 1}, {90, 6}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t extents[LIMIT_AXES] = {sizes[s][0], sizes[s][1]};
        CHECK(projection(5, 84, false), extents, s);
        CHECK(projection(6, 20, true), extents, s);
        CHECK(projection(6, 83, true), extents, s);
    }
}

/* The rows of a tile lie anywhere: y[t] = table[row[t]] W. */
Test(emit_folds, product_of_gathered_rows) {
    static const int steps[] = {0, -1};
    for (int64_t columns = 1; columns < 80; columns += 26) {
        nest_plan *p = kit_plan(&memory);
        int row = kit_buffer(p, NEST_INPUT, DTYPE_I32, steps, 0, NULL);
        int table = kit_buffer(p, NEST_PARAM, DTYPE_F32, no_axes, 2, (int64_t[]){8, 6});
        int w = kit_buffer(p, NEST_PARAM, DTYPE_F32, no_axes, 2, (int64_t[]){6, columns});
        int y = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, steps, 1, &columns);
        nest *n = kit_nest(p, NULL, "product", NULL);
        n->heavy = true;
        nest_ref t = kit_range(p, n, -1, 0), j = kit_range(p, n, columns, 0);
        nest_ref k = kit_range(p, n, 6, KIT_FOLDED);
        nest_ref place = kit_body(p, n, BODY_CAST, BODY_I64, kit_load(p, n, row, 1, &t), -1, -1);
        nest_ref left = kit_load(p, n, table, 2, (nest_ref[]){place, k});
        nest_ref right = kit_load(p, n, w, 2, (nest_ref[]){k, j});
        nest_ref state = kit_fold(p, n, BODY_F32, zero_of());
        nest_ref next = kit_body(p, n, BODY_FMA, BODY_F32, left, right, state);
        kit_store(p, n, y, 2, (nest_ref[]){t, j}, kit_fold_next(p, n, 0, next));
        for (int64_t count = 0; count < 70; count += 23) {
            int64_t extents[LIMIT_AXES] = {count};
            CHECK(p, extents, (uint64_t)columns);
        }
    }
}

/* A few rows of one matrix each: the shared operand is not shared. */
Test(emit_folds, products_by_sample) {
    static const int sample[] = {1, -1};
    for (int64_t columns = 1; columns < 40; columns += 6) {
        nest_plan *p = kit_plan(&memory);
        int a = kit_buffer(p, NEST_INPUT, DTYPE_F32, sample, 2, (int64_t[]){5, 7});
        int b = kit_buffer(p, NEST_INPUT, DTYPE_F32, sample, 2, (int64_t[]){7, columns});
        int c = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, sample, 2, (int64_t[]){5, columns});
        nest *n = kit_nest(p, NULL, "product", NULL);
        n->heavy = true;
        nest_ref s = kit_range(p, n, -2, 0), i = kit_range(p, n, 5, 0);
        nest_ref j = kit_range(p, n, columns, 0), k = kit_range(p, n, 7, KIT_FOLDED);
        nest_ref x = kit_load(p, n, a, 3, (nest_ref[]){s, i, k});
        nest_ref y = kit_load(p, n, b, 3, (nest_ref[]){s, k, j});
        nest_ref state = kit_fold(p, n, BODY_F32, zero_of());
        nest_ref next = kit_body(p, n, BODY_FMA, BODY_F32, x, y, state);
        kit_store(p, n, c, 3, (nest_ref[]){s, i, j}, kit_fold_next(p, n, 0, next));
        int64_t extents[LIMIT_AXES] = {0, columns % 4};
        CHECK(p, extents, (uint64_t)columns);
    }
}

/* Two states at once, the largest value and where it is, over a dimension that lies along or across
 * memory; no steps, or not even a range, included. */
static nest_plan *argmax(int64_t rows, int64_t count, bool across) {
    nest_plan *p = kit_plan(&memory);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, no_axes, 2,
                       across ? (int64_t[]){count, rows} : (int64_t[]){rows, count});
    int y = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, no_axes, 1, &rows);
    int place = kit_buffer(p, NEST_OUTPUT, DTYPE_I32, no_axes, 1, &rows);
    nest *n = kit_nest(p, NULL, "largest", NULL);
    nest_ref i = kit_range(p, n, rows, 0);
    nest_ref k = count == 1 ? kit_integer(p, n, 0) : kit_range(p, n, count, KIT_FOLDED);
    nest_ref value = kit_load(p, n, x, 2, across ? (nest_ref[]){k, i} : (nest_ref[]){i, k});
    nest_ref number = kit_body(p, n, BODY_CAST, BODY_I32, k, -1, -1);
    body_value none = zero_of(), low = zero_of();
    none.i32 = -1;
    low.f32 = -INFINITY;
    nest_ref best = kit_fold(p, n, BODY_F32, low), at = kit_fold(p, n, BODY_I32, none);
    nest_ref more = kit_body(p, n, BODY_LT, BODY_BOOL, best, value, -1);
    nest_ref next = kit_body(p, n, BODY_SELECT, BODY_F32, more, value, best);
    nest_ref next_at = kit_body(p, n, BODY_SELECT, BODY_I32, more, number, at);
    kit_store(p, n, y, 1, &i, kit_fold_next(p, n, 0, next));
    kit_store(p, n, place, 1, &i, kit_fold_next(p, n, 1, next_at));
    return p;
}

Test(emit_folds, two_states) {
    int64_t extents[LIMIT_AXES] = {0};
    for (int64_t rows = 1; rows < 100; rows += 7)
        for (int64_t count = 0; count < 4; count++) {
            CHECK(argmax(rows, count, true), extents, (uint64_t)rows);
            CHECK(argmax(rows, count, false), extents, (uint64_t)rows);
        }
}

/* One number from everything, with an epilogue on the result and a value that only it needs. */
Test(emit_folds, everything_into_one) {
    static const int axes[] = {0, 1, -1};
    int64_t extents[LIMIT_AXES] = {3, 5};
    nest_plan *p = kit_plan(&memory);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F64, axes, 0, NULL);
    int scale = kit_buffer(p, NEST_PARAM, DTYPE_F64, no_axes, 0, NULL);
    int y = kit_buffer(p, NEST_OUTPUT, DTYPE_F64, no_axes, 0, NULL);
    nest *n = kit_nest(p, NULL, "total", NULL);
    nest_ref t = kit_range(p, n, -1, KIT_FOLDED | KIT_DESCENDING);
    nest_ref b = kit_range(p, n, -2, KIT_FOLDED);
    nest_ref value = kit_load(p, n, x, 2, (nest_ref[]){t, b});
    nest_ref factor = kit_load(p, n, scale, 0, NULL);
    nest_ref state = kit_fold(p, n, BODY_F64, zero_of());
    nest_ref next = kit_body(p, n, BODY_ADD, BODY_F64, state, value, -1);
    nest_ref result = kit_fold_next(p, n, 0, next);
    kit_store(p, n, y, 0, NULL, kit_body(p, n, BODY_MUL, BODY_F64, result, factor, -1));
    CHECK(p, extents, 1);
    extents[0] = 0;
    CHECK(p, extents, 2);
}
