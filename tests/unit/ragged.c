/* Samples that have ended are not computed, and nobody can tell.
 *
 * What a nest leaves out is seen in the plan (which ranges end early), in memory (compiled nests
 * touch nothing behind the end), and must not be seen in any result: each sample alone, in any
 * order of the batch, on any number of threads, with NaN in its padding, gives the same bits. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "frontends/eddy.h"
#include "frontends/eddy_nn.h"
#include "jit/program.h"
#include "tests/support/nest_kit.h"
#include "tests/support/suite.h"

SUITE_WITH_MEMORY(ragged);

/* ---- which nests end early */

static error problem;

static nest_plan *plan_of(const char *written) {
    graph *g = arena_new(&memory, graph);
    problem = (error){.code = STATUS_OK};
    graph_init(g, &memory, &problem);
    cr_assert(parse_graph(g, written, strlen(written), "ragged"), "%s", problem.message);
    nest_plan *plan = pipeline_lower(g, NULL, &memory, &problem);
    cr_assert(plan, "%s", problem.message);
    return plan;
}

static int early_ranges(const nest_plan *plan, bool folded) {
    int found = 0;
    for (size_t k = 0; k < plan->kernels.count; k++)
        for (size_t r = 0; r < plan->kernels.at[k]->ranges.count; r++) {
            const nest_range *range = &plan->kernels.at[k]->ranges.at[r];
            found += range->end > 0 && range->folded == folded;
        }
    return found;
}

#define HEAD                                                                                       \
    "eddy graph 1\naxis t\naxis b batch\n%0 = input \"n\" : i32 {b} []\nlengths t %0\n"            \
    "%1 = input \"x\" : f32 {t,b} [3]\n%2 = param \"U\" : f32 {} [3, 3]\n"                         \
    "%3 = constant 0.0 : f32 {} []\n%4 = step axis=t : i32 {t} []\n"                               \
    "%5 = lt %4, %0 : bool {t,b} []\n"
#define CELL                                                                                       \
    "%6 = delay %9, %3, %0 axis=t distance=1 : f32 {t,b} [3]\n"                                    \
    "%7 = contract %2, %6 spec=\"mn,n->m\" : f32 {t,b} [3]\n"                                      \
    "%8 = add %7, %1 : f32 {t,b} [3]\n%9 = tanh %8 : f32 {t,b} [3]\n"

Test(ragged, loops_and_sums_end_with_the_samples) {
    const nest_plan *plan =
        plan_of(HEAD CELL
                "%10 = select %5, %9, %3 : f32 {t,b} [3]\n"
                "%11 = contract %10, %10 spec=\"m,n->mn\" over={t,b} : f32 {} [3, 3]\n"
                "output \"sum\" %11\n");
    cr_assert_geq(early_ranges(plan, false), 2); /* the product, and what it becomes */
    cr_assert_eq(early_ranges(plan, true), 1);
}

/* Masks are nodes: where there is none, padding is what is written. */
Test(ragged, what_is_read_unmasked_is_computed) {
    static const char *const readers[] = {
        "%10 = contract %9, %9 spec=\"m,n->mn\" over={t,b} : f32 {} [3, 3]\noutput \"y\" %10\n",
        "%10 = total %9 over={b} kind=max : f32 {t} [3]\noutput \"y\" %10\n",
        "%10 = delay %9, %3 axis=t distance=-1 : f32 {t,b} [3]\noutput \"y\" %10\n",
        ("%10 = constant 1 : i32 {} []\n%11 = at %9, %10, %3 axis=t : f32 {b} [3]\n"
         "output \"y\" %11\n"),
        "%10 = stack %9 axis=t : f32 {b} [t, 3]\noutput \"y\" %10\n"};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        const nest_plan *plan = plan_of(arena_print(&memory, "%s%s%s", HEAD, CELL, readers[i]));
        cr_assert_eq(early_ranges(plan, false) + early_ranges(plan, true), 0, "%s", readers[i]);
    }
}

/* One operand without a mask is a factor of 0, and 0 * NaN is no 0. */
Test(ragged, sums_need_all_their_masks) {
    const nest_plan *plan =
        plan_of(HEAD
                "%6 = select %5, %1, %3 : f32 {t,b} [3]\n"
                "%7 = contract %6, %1 spec=\"m,n->mn\" over={t,b} : f32 {} [3, 3]\n"
                "%8 = constant 1.0 : f32 {} []\n%9 = select %5, %1, %8 : f32 {t,b} [3]\n"
                "%10 = total %9 over={t,b} : f32 {} [3]\noutput \"y\" %7\noutput \"z\" %10\n");
    cr_assert_eq(early_ranges(plan, false) + early_ranges(plan, true), 0);
}

/* ---- compiled nests touch nothing behind the end: memory is compared byte by byte */

/* y[t][b][columns] = x W, or x + x, for the samples that counts[t] says; in a loop over t. */
static nest_plan *early(int64_t columns, int64_t depth, bool heavy) {
    static const int t[] = {0, -1}, tb[] = {0, 1, -1}, none[] = {-1}, loops[] = {0, -1};
    nest_plan *p = kit_plan(&memory);
    int counts = kit_buffer(p, NEST_INPUT, DTYPE_I32, t, 0, NULL);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, tb, 1, heavy ? &depth : &columns);
    int w = kit_buffer(p, NEST_PARAM, DTYPE_F32, none, 2, (int64_t[]){depth, columns});
    int y = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, tb, 1, &columns);
    nest *n = kit_nest(p, kit_loop(p, 0, -1), "early", loops);
    nest_ref step = kit_special(p, n, NEST_OUTER, BODY_I64, 0);
    nest_ref count = kit_load(p, n, counts, 1, &step);
    nest_ref end = kit_body(p, n, BODY_CAST, BODY_I64, count, -1, -1);
    nest_ref b = kit_range(p, n, OP_EXTENT_OF(1), 0), j = kit_range(p, n, columns, 0), value;
    n->ranges.at[0].end = 1 + end;
    n->heavy = heavy;
    if (heavy) {
        body_value zero;
        memset(&zero, 0, sizeof zero);
        nest_ref k = kit_range(p, n, depth, KIT_FOLDED);
        nest_ref left = kit_load(p, n, x, 3, (nest_ref[]){step, b, k});
        nest_ref right = kit_load(p, n, w, 2, (nest_ref[]){k, j});
        nest_ref state = kit_fold(p, n, BODY_F32, zero);
        value = kit_body(p, n, BODY_FMA, BODY_F32, left, right, state);
        value = kit_fold_next(p, n, 0, value);
    } else {
        value = kit_load(p, n, x, 3, (nest_ref[]){step, b, j});
        value = kit_body(p, n, BODY_ADD, BODY_F32, value, value, -1);
    }
    kit_store(p, n, y, 3, (nest_ref[]){step, b, j}, value);
    return p;
}

/* sums[t] = the sum of x[t][b] over the first samples: a fold that ends early. */
static nest_plan *early_sum(void) {
    static const int t[] = {0, -1}, tb[] = {0, 1, -1};
    nest_plan *p = kit_plan(&memory);
    int counts = kit_buffer(p, NEST_INPUT, DTYPE_I32, t, 0, NULL);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, tb, 1, (int64_t[]){5});
    int sums = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, t, 1, (int64_t[]){5});
    nest *n = kit_nest(p, NULL, "sum", NULL);
    nest_ref step = kit_range(p, n, OP_EXTENT_OF(0), 0);
    nest_ref count = kit_load(p, n, counts, 1, &step);
    nest_ref end = kit_body(p, n, BODY_CAST, BODY_I64, count, -1, -1);
    nest_ref j = kit_range(p, n, 5, 0), b = kit_range(p, n, OP_EXTENT_OF(1), KIT_FOLDED);
    n->ranges.at[2].end = 1 + end;
    body_value zero;
    memset(&zero, 0, sizeof zero);
    nest_ref state = kit_fold(p, n, BODY_F32, zero);
    nest_ref value = kit_load(p, n, x, 3, (nest_ref[]){step, b, j});
    nest_ref sum = kit_body(p, n, BODY_ADD, BODY_F32, state, value, -1);
    kit_store(p, n, sums, 2, (nest_ref[]){step, j}, kit_fold_next(p, n, 0, sum));
    return p;
}

Test(ragged, compiled_nests_stop_at_the_end) {
    for (int64_t samples = 0; samples < 20; samples += samples < 5 ? 1 : 7) {
        int64_t extents[LIMIT_AXES] = {6, samples};
        nest_plan *plans[] = {early(20, 1, false), early(3, 4, true), early(70, 9, true),
                              early_sum()};
        for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
            const char *wrong = kit_check(plans[i], extents, (uint64_t)samples);
            cr_assert(!wrong, "plan %zu, %d samples: %s", i, (int)samples, wrong);
        }
    }
}

/* ---- and no result tells */

enum { T = 7, B = 6, H = 5, X = 3 };

typedef struct call {
    float y[T][B][2 * H], dx[T][B][X], weights[H][H];
} call;

static float number_at(int t, int sample, int i) {
    return (float)sin(0.7 * t + 1.9 * sample * sample + 2.3 * i);
}

static eddy_program *bidirectional(eddy_memory remember) {
    eddy_program *p;
    eddy_model *m = eddy_model_new(NULL);
    eddy_remember(m, remember);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "n");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, X);
    eddy_value y = eddy_bidirectional(eddy_lstm, m, "l", t, H, x, NULL);
    eddy_value asked[2] = {x, eddy_trainable(m, 0)}, found[2];
    for (int i = 0; i < eddy_trainable_count(m); i++)
        if (strcmp(eddy_value_name(eddy_trainable(m, i)), "l.forward.Ui") == 0)
            asked[1] = eddy_trainable(m, i);
    eddy_grad(eddy_mean_over(eddy_reduce_all(eddy_square(y), EDDY_SUM), t | b), asked, 2, found);
    eddy_output(m, "y", y);
    eddy_output(m, "dx", found[0]);
    eddy_output(m, "dU", found[1]);
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

/* Sample order[i] is number i of the batch; NaN past its end. */
static void run(eddy_run *r, const int32_t *lengths, const int *order, int samples, call *out) {
    float x[T * B * X];
    int32_t n[B];
    for (int i = 0; i < samples; i++)
        n[i] = lengths[order[i]];
    for (int t = 0; t < T; t++)
        for (int i = 0; i < samples; i++)
            for (int k = 0; k < X; k++)
                x[(t * samples + i) * X + k] = t < n[i] ? number_at(t, order[i], k) : NAN;
    eddy_run_resize(r, (eddy_extent[]){{"t", T}, {"b", samples}}, 2);
    eddy_run_input(r, "x", x, (size_t)(T * samples * X));
    eddy_run_input(r, "n", n, (size_t)samples);
    eddy_run_call(r);
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    const float *y = eddy_run_read(r, "y"), *dx = eddy_run_read(r, "dx");
    memcpy(out->weights, eddy_run_read(r, "dU"), sizeof out->weights);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < samples; i++) {
            memcpy(out->y[t][order[i]], y + (t * samples + i) * 2 * H, sizeof out->y[0][0]);
            memcpy(out->dx[t][order[i]], dx + (t * samples + i) * X, sizeof out->dx[0][0]);
        }
}

Test(ragged, no_result_tells) {
    setenv("EDDY_GUARD", "1", 1); /* what was not computed is NaN */
    static const int32_t lengths[B] = {T, 5, 5, 3, 1, 0};
    static const int orders[3][B] = {{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {3, 0, 5, 1, 4, 2}};
    static const eddy_memory levels[] = {EDDY_REMEMBER_ALL, EDDY_REMEMBER_STATES,
                                         EDDY_REMEMBER_BLOCKS};
    eddy_params *params = eddy_params_new(NULL, 1);
    for (size_t level = 0; level < sizeof levels / sizeof *levels; level++) {
        eddy_program *p = bidirectional(levels[level]);
        eddy_run *r;
        cr_assert_eq(eddy_run_new(p, params, &r), EDDY_OK, "%s", eddy_run_message(r));
        static call alone, got, first;
        for (int i = 0; i < B; i++) {
            call *one = &got;
            run(r, lengths, &i, 1, one);
            for (int t = 0; t < T; t++) {
                memcpy(alone.y[t][i], one->y[t][i], sizeof alone.y[t][i]);
                for (int k = 0; k < X; k++) /* the mean is over fewer steps */
                    cr_assert(t < lengths[i] || one->dx[t][i][k] == 0);
            }
        }
        for (int order = 0; order < 3; order++)
            for (int threads = 1; threads <= 3; threads++) {
                call *into = threads == 1 ? &first : &got;
                eddy_run_threads(r, threads);
                run(r, lengths, orders[order], B, into);
                cr_assert(memcmp(into->y, alone.y, sizeof alone.y) == 0, "order %d", order);
                if (threads > 1)
                    cr_assert(memcmp(&got, &first, sizeof got) == 0, "%d threads", threads);
            }
        eddy_run_free(r);
        eddy_program_free(p);
    }
    eddy_params_free(params);
}

/* A product that underflows leaves -0, the first sample that has ended makes it +0. */
Test(ragged, signs_of_zero_are_kept) {
    static const int32_t lengths[][3] = {{1, 1, 1}, {1, 1, 0}, {1, 0, 0}, {1, 0, 1}};
    static const bool negative[] = {true, false, false, true};
    float x[3] = {-1e-30f, -1e-30f, -1e-30f}, y[3] = {1e-30f, 1e-30f, 1e-30f};
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "n");
    eddy_value left = eddy_input(m, "x", EDDY_F32, t | b, 1);
    eddy_value right = eddy_input(m, "y", EDDY_F32, t | b, 1);
    eddy_output(m, "sum", eddy_contract("m,n->mn", left, right, t | b));
    eddy_program *p;
    eddy_run *r;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_params *params = eddy_params_new(NULL, 1);
    eddy_run_new(p, params, &r);
    eddy_run_resize(r, (eddy_extent[]){{"t", 1}, {"b", 3}}, 2);
    eddy_run_input(r, "x", x, 3);
    eddy_run_input(r, "y", y, 3);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        eddy_run_input(r, "n", lengths[i], 3);
        eddy_run_call(r);
        cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
        const float *sum = eddy_run_read(r, "sum");
        cr_assert(sum[0] == 0 && (signbit(sum[0]) != 0) == negative[i], "lengths %zu", i);
    }
    eddy_run_free(r);
    eddy_program_free(p);
    eddy_params_free(params);
    eddy_model_free(m);
}
