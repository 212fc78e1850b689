/* What a nest is held against: the level that holds what a step touches, or what it computes. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "frontends/rate/roof.h"

/* A machine of round numbers. */
static const roof plain = {.threads = 1,
                           .operations = 1e9,
                           .read = {1e10, 1e9, 1e8, 1e7},
                           .caches = {1e3, 1e4, 1e5, INFINITY}};

static void check(eddy_watched w, double seconds, const char *bound) {
    roof_share share = roof_of(&plain, &w);
    cr_expect_float_eq(share.seconds, seconds, 1e-9 * seconds, "%g", share.seconds);
    cr_expect_str_eq(share.bound, bound);
}

Test(roof, is_the_longer_of_two) {
    check((eddy_watched){.operations = 1e9, .bytes = 1e6, .resident = 10}, 1, "compute");
    check((eddy_watched){.operations = 1e6, .bytes = 1e10, .resident = 10}, 1, "L1");
}

Test(roof, the_level_is_that_of_what_a_step_touches) {
    check((eddy_watched){.bytes = 1e9, .resident = 1e3}, 0.1, "L1");
    check((eddy_watched){.bytes = 1e9, .resident = 1e3 + 1}, 1, "L2");
    check((eddy_watched){.bytes = 1e9, .resident = 1e5}, 10, "L3");
    check((eddy_watched){.bytes = 1e9, .resident = 1e9}, 100, "DRAM");
}

Test(roof, of_a_machine_that_tells_nothing_is_unknown) {
    const roof nothing = {.threads = 1, .caches = {1, 2, 3, INFINITY}};
    const eddy_watched w = {.operations = 1e9, .bytes = 1e9, .resident = 1e9};
    cr_expect_eq(roof_of(&nothing, &w).seconds, 0);
}

Test(roof, is_measured) {
    for (int threads = 1; threads <= 3; threads++) {
        roof r = roof_measure(EDDY_F32, threads);
        cr_expect_eq(r.threads, threads > 1 ? 2 : 1);
        cr_expect_gt(r.operations, 0);
        for (int i = ROOF_L1; i < ROOF_LEVELS; i++) {
            cr_expect_gt(r.read[i], 0);
            cr_expect(i == ROOF_L1 || r.caches[i] > r.caches[i - 1]);
        }
    }
}

Test(roof, a_run_is_watched_longest_first) {
    enum { UNITS = 64, STEPS = 20, MOST = 64 };
    static float x[STEPS * UNITS];
    eddy_watched found[MOST];
    eddy_model *m = eddy_model_new(NULL);
    eddy_params *params = eddy_params_new(NULL, 1);
    eddy_program *program;
    eddy_run *run;
    eddy_axes t = eddy_time(m, "t");
    eddy_value in = eddy_input(m, "x", EDDY_F32, t, UNITS);
    eddy_value before = eddy_state(m, "h", t, UNITS);
    eddy_value U = eddy_param(m, "U", eddy_init_orthogonal(1), UNITS, UNITS);
    eddy_value h = eddy_tanh(eddy_add(eddy_matmul(U, before), in));
    eddy_next(before, h);
    eddy_output(m, "y", h);
    eddy_watch(m, true);
    eddy_compile(m, &program);
    eddy_run_new(program, params, &run);
    eddy_run_resize(run, &(const eddy_extent){"t", STEPS}, 1);
    cr_expect_eq(roof_watch(run, 0, found, MOST), 0, "there is no input");
    eddy_run_clear(run);
    eddy_run_input(run, "x", x, STEPS * UNITS);
    int count = roof_watch(run, 0.01, found, MOST), products = 0;
    cr_assert_gt(count, 1, "%s", eddy_run_message(run));
    for (int i = 0; i < count; i++) {
        cr_expect(i == 0 || found[i].seconds <= found[i - 1].seconds);
        products += found[i].calls == STEPS && found[i].operations == STEPS * UNITS * UNITS;
    }
    cr_expect_eq(products, 1);
    cr_expect_eq(roof_watch(run, 0, found, 1), 1);
    eddy_run_free(run);
    eddy_program_free(program);
    eddy_params_free(params);
    eddy_model_free(m);
}
