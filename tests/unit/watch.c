/* Where the time of a call goes: what is counted, and that watching changes no bit. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "frontends/eddy.h"

enum { UNITS = 32, INPUTS = 8, STEPS = 50, SAMPLES = 3, CALLS = 4 };

typedef struct unit {
    eddy_model *m;
    eddy_params *params;
    eddy_program *program;
    eddy_run *run;
    float x[STEPS * SAMPLES * INPUTS], y[STEPS * SAMPLES * UNITS];
} unit;

/* h' = tanh(W x + U h): the product with x is outside of the loop. */
static void open_unit(unit *u, bool watched) {
    *u = (unit){.m = eddy_model_new(NULL), .params = eddy_params_new(NULL, 1)};
    eddy_model *m = u->m;
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, INPUTS);
    eddy_value before = eddy_state(m, "h", t, UNITS);
    eddy_value U = eddy_param(m, "U", eddy_init_glorot(), UNITS, UNITS);
    eddy_value W = eddy_param(m, "W", eddy_init_glorot(), UNITS, INPUTS);
    eddy_value inside = eddy_matmul(U, before);
    eddy_value outside = eddy_matmul(W, x);
    eddy_value h = eddy_tanh(eddy_add(outside, inside));
    eddy_next(before, h);
    eddy_output(m, "y", h);
    eddy_watch(m, watched);
    cr_assert_eq(eddy_compile(m, &u->program), EDDY_OK, "%s", eddy_model_message(m));
    eddy_run_new(u->program, u->params, &u->run);
    eddy_run_resize(u->run, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}}, 2);
    for (int i = 0; i < STEPS * SAMPLES * INPUTS; i++)
        u->x[i] = (float)(i % 17) / 17;
    eddy_run_input(u->run, "x", u->x, STEPS * SAMPLES * INPUTS);
    eddy_run_output(u->run, "y", u->y, STEPS * SAMPLES * UNITS);
}

static void call(unit *u) {
    cr_assert_eq(eddy_run_call(u->run), EDDY_OK, "%s", eddy_run_message(u->run));
}

static void close_unit(unit *u) {
    eddy_run_free(u->run);
    eddy_program_free(u->program);
    eddy_params_free(u->params);
    eddy_model_free(u->m);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

Test(watch, every_nest_has_its_calls_and_its_work) {
    unit u;
    eddy_watched w;
    int in_loop = 0, products = 0, rows = 0;
    double sum = 0, start, all;
    open_unit(&u, true);
    eddy_run_threads(u.run, 1);
    call(&u);
    eddy_run_watch(u.run);
    start = seconds_now();
    for (int i = 0; i < CALLS; i++)
        call(&u);
    all = seconds_now() - start;
    for (; eddy_run_watched(u.run, rows, &w); rows++) {
        sum += w.seconds;
        if (w.calls == CALLS * STEPS)
            in_loop++;
        /* The product outside, in one call for all steps, and that inside, step by step. */
        products +=
            w.calls == CALLS && w.operations == 1.0 * CALLS * STEPS * SAMPLES * UNITS * INPUTS;
        if (w.operations == 1.0 * CALLS * STEPS * SAMPLES * UNITS * UNITS) {
            products++;
            double touched = 4.0 * (UNITS * UNITS + 2 * SAMPLES * UNITS);
            cr_expect_eq(w.bytes, CALLS * STEPS * touched, "%g", w.bytes);
            cr_expect_geq(w.resident, touched);
        }
    }
    cr_expect_eq(products, 2);
    cr_expect_geq(in_loop, 2);
    cr_expect_str_eq(w.name, "waiting");
    cr_expect_eq(w.calls, 0);
    cr_expect(sum > 0 && sum <= all, "%g of %g s", sum, all);
    close_unit(&u);
}

Test(watch, it_changes_no_bit) {
    unit plain, watched;
    open_unit(&plain, false);
    open_unit(&watched, true);
    for (int threads = 1; threads <= 3; threads++) {
        eddy_run_threads(plain.run, threads);
        eddy_run_threads(watched.run, threads);
        call(&plain);
        call(&watched);
        cr_expect_eq(memcmp(plain.y, watched.y, sizeof plain.y), 0, "%d threads", threads);
    }
    close_unit(&plain);
    close_unit(&watched);
}

Test(watch, threads_wait_for_one_another) {
    unit u;
    eddy_watched w = {0};
    open_unit(&u, true);
    eddy_run_threads(u.run, 2);
    eddy_run_watch(u.run);
    call(&u);
    for (int i = 0; eddy_run_watched(u.run, i, &w); i++)
        if (strcmp(w.name, "waiting") != 0)
            cr_expect_leq(w.calls, STEPS, "%s counts once for both", w.name);
    cr_expect_str_eq(w.name, "waiting");
    cr_expect_geq(w.calls, 1);
    close_unit(&u);
}

Test(watch, what_is_not_watched_says_nothing) {
    unit u;
    eddy_watched w;
    open_unit(&u, false);
    call(&u);
    eddy_run_watch(u.run);
    cr_expect_not(eddy_run_watched(u.run, 0, &w));
    cr_expect_not(eddy_run_watched(NULL, 0, &w));
    eddy_watch(NULL, true);
    eddy_run_watch(NULL);
    close_unit(&u);
}
