/* What threads share, as it is decided when extents are set: parts of the samples, or of all else.
 *
 * The estimate is of a machine that nobody measures, so only clear cases are asked for. */
#include <criterion/criterion.h>

#include "frontends/eddy_nn.h"
#include "frontends/run.h"

/* An LSTM with as many inputs as units, and the gradients of its weights. */
static eddy_program *compile_lstm(int64_t units, bool ragged) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b");
    eddy_axes t = ragged ? eddy_time_ragged(m, "t", b, "lengths") : eddy_time(m, "t");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, units);
    eddy_value h = eddy_lstm(m, "cell", t, units, x, NULL);
    eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
    eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

/* The grid of so many threads for 100 steps of so many samples. */
static cost_grid grid_of(const eddy_program *p, int64_t samples, int threads) {
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    eddy_run_resize(r, (eddy_extent[]){{"t", 100}, {"b", samples}}, 2);
    eddy_run_threads(r, threads);
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    cost_grid grid = program_run_grid_now(r->code);
    eddy_run_free(r);
    eddy_params_free(s);
    return grid;
}

static void expect_parts_of_samples(const eddy_program *p, int64_t samples, int parts) {
    cost_grid grid = grid_of(p, samples, 2);
    cr_expect(grid.samples == parts && grid.units == 2 / parts, "%d samples: %d x %d", (int)samples,
              grid.samples, grid.units);
}

/* Products with few samples read their matrix and do little else; where they are many, those who
 * share them need nothing of each other. */
Test(cost, samples_are_shared_where_they_are_many) {
    eddy_program *p = compile_lstm(128, false);
    expect_parts_of_samples(p, 1, 1);
    expect_parts_of_samples(p, 4, 1);
    expect_parts_of_samples(p, 16, 2);
    expect_parts_of_samples(p, 64, 2);
    eddy_program_free(p);
}

/* The first samples last longest, so parts of them are unequal. */
Test(cost, units_are_shared_where_samples_end_one_by_one) {
    eddy_program *p = compile_lstm(128, true);
    expect_parts_of_samples(p, 64, 1);
    eddy_program_free(p);
}
