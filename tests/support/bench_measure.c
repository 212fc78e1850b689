/* A measurement says what a machine can do only if the machine was there. Others may use it at the
 * same time, so a round is: the rate of multiply-adds, the calls, the rate again. Rounds in which
 * two threads got less than 1.9 times what one gets are repeated, a few times; the best one is
 * kept, and marked if it is no better than that.
 *
 * Speeds and shares are of the time on a core, for one thread of the program as for the rate, so
 * that waiting for a core cancels; the time on the wall stands beside it. Two threads wait for each
 * other, which only the wall sees. */
#include "tests/support/bench_measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "docs/examples/common/wall_clock.h"

static const double undisturbed = 1.9;
enum { MESSAGE = 512, CALLS = 1000, LENT = 32, SEED = 1 };

/* A program in use and the memory lent to it. */
typedef struct bench_use {
    eddy_program *program;
    eddy_params *params;
    eddy_run *run;
    void *lent[LENT];
    int lent_count;
} bench_use;

static void bench_release(bench_use *use) {
    eddy_run_free(use->run);
    eddy_program_free(use->program);
    eddy_params_free(use->params);
    for (int i = 0; i < use->lent_count; i++)
        free(use->lent[i]);
}

/* ---- compilation */

static bool bench_compile(const bench_row *row, bench_use *use, bench_result *out, char *message) {
    eddy_model *m = eddy_model_new(NULL);
    row->build(m, row);
    double start = wall_clock_seconds();
    eddy_compile(m, &use->program);
    out->first_ms = (wall_clock_seconds() - start) * 1e3;
    eddy_program_free(use->program);

    start = wall_clock_seconds();
    eddy_status status = eddy_compile(m, &use->program);
    out->second_ms = (wall_clock_seconds() - start) * 1e3;
    snprintf(message, MESSAGE, "%s", eddy_model_message(m));
    eddy_model_free(m);
    if (status != EDDY_OK)
        return false;
    eddy_statistics statistics = eddy_program_statistics(use->program);
    out->second_core_ms = statistics.core_milliseconds;
    out->second_llvm_ms = statistics.llvm_milliseconds;
    out->kernels = statistics.kernels;
    out->nests = statistics.nests;
    out->object_bytes = statistics.object_bytes;
    return true;
}

double bench_start_ms(void) {
    double took[2];
    for (int i = 0; i < 2; i++) {
        eddy_model *m = eddy_model_new(NULL);
        eddy_value x = eddy_input(m, "x", EDDY_F32, 0, EDDY_SCALAR);
        eddy_output(m, "y", eddy_add(x, x));
        double start = rate_core_seconds();
        eddy_program *program;
        eddy_compile(m, &program);
        took[i] = (rate_core_seconds() - start) * 1e3;
        eddy_program_free(program);
        eddy_model_free(m);
    }
    return took[0] - took[1];
}

/* ---- memory */

/* What the run holds beyond memory for outputs, which the caller may lend. */
static size_t bench_own_bytes(const bench_use *use) {
    size_t bytes = eddy_run_bytes(use->run);
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(use->program, EDDY_OUTPUT, i, &slot); i++)
        bytes -= eddy_run_elements(use->run, slot.name) * sizeof(float);
    return bytes;
}

/* Sizes the run, first for twice the steps, to see what they add. */
static void bench_size(const bench_use *use, bench_result *out) {
    const int64_t steps = out->steps, samples = out->row->samples;
    const double unit = sizeof(float) * (double)(steps * samples * out->row->units);
    const eddy_extent doubled[] = {{"t", 2 * steps}, {"b", samples}};
    eddy_run_resize(use->run, doubled, 2);
    double large = (double)bench_own_bytes(use) / unit;
    const eddy_extent extents[] = {{"t", steps}, {"b", samples}};
    eddy_run_resize(use->run, extents, 2);
    out->arena_bytes = bench_own_bytes(use);
    out->arena_floats = (double)out->arena_bytes / unit;
    out->arena_growth = large - out->arena_floats;
}

/* Numbers in [-0.5, 0.5); ids of symbols. */
static void bench_draw(void *to, eddy_dtype type, size_t elements, uint64_t stream) {
    for (size_t i = 0; i < elements; i++) {
        double u = rng_uniform(SEED, stream, i);
        if (type == EDDY_I32)
            ((int32_t *)to)[i] = (int32_t)(u * (int)BENCH_SYMBOLS);
        else
            ((float *)to)[i] = (float)(u - 0.5);
    }
}

/* Lends every input and output memory of ours: what is left is the program's own. */
static bool bench_lend(bench_use *use, bench_result *out) {
    for (int role = EDDY_INPUT; role <= EDDY_OUTPUT; role++) {
        eddy_slot slot;
        for (int i = 0; eddy_program_slot(use->program, role, i, &slot); i++) {
            size_t elements = eddy_run_elements(use->run, slot.name);
            if (role == EDDY_INPUT && strcmp(slot.name, "learning_rate") == 0) {
                eddy_run_scalar(use->run, slot.name, 0.001);
                continue;
            }
            size_t bytes = (elements * sizeof(float) + 63) / 64 * 64; /* i32 is as large */
            void *memory = use->lent_count < LENT ? aligned_alloc(64, bytes) : NULL;
            if (!memory)
                return false;
            use->lent[use->lent_count++] = memory;
            if (role == EDDY_INPUT) {
                bench_draw(memory, slot.dtype, elements, (uint64_t)i);
                eddy_run_input(use->run, slot.name, memory, elements);
                out->input_bytes += elements * sizeof(float);
            } else {
                eddy_run_output(use->run, slot.name, memory, elements);
                out->output_bytes += elements * sizeof(float);
            }
        }
    }
    return true;
}

static bool bench_finite(const bench_use *use) {
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(use->program, EDDY_OUTPUT, i, &slot); i++) {
        const float *values = eddy_run_read(use->run, slot.name);
        size_t elements = values ? eddy_run_elements(use->run, slot.name) : 0;
        for (size_t j = 0; j < elements; j++)
            if (!isfinite(values[j]))
                return false;
    }
    return true;
}

/* ---- time */

/* Calls on so many threads: their number, and how long each took. */
static int bench_calls(const bench_use *use, const bench_plan *plan, int threads,
                       double wall[CALLS], double core[CALLS]) {
    eddy_run_threads(use->run, threads);
    double start = wall_clock_seconds();
    int calls = 0;
    while (calls < plan->calls || (calls < CALLS && wall_clock_seconds() - start < plan->seconds)) {
        double wall_start = wall_clock_seconds(), core_start = rate_core_seconds();
        eddy_run_call(use->run);
        core[calls] = (rate_core_seconds() - core_start) * 1e3;
        wall[calls++] = (wall_clock_seconds() - wall_start) * 1e3;
    }
    return calls;
}

static void bench_round(const bench_use *use, const bench_plan *plan, bench_result *out) {
    double wall[CALLS], core[CALLS], two_wall[CALLS], two_core[CALLS];
    rate before = rate_measure();
    int calls = bench_calls(use, plan, 1, wall, core);
    int two_calls = bench_calls(use, plan, 2, two_wall, two_core);
    rate after = rate_measure();
    rate machine = {(before.one + after.one) / 2, (before.two + after.two) / 2};
    if (out->rounds++ && machine.two / machine.one < out->machine.two / out->machine.one)
        return;
    out->machine = machine;
    out->calls = calls;
    out->ms = rate_median(wall, (size_t)calls);
    out->least_ms = wall[0]; /* the median has sorted them */
    out->core_ms = rate_median(core, (size_t)calls);
    out->two_ms = rate_median(two_wall, (size_t)two_calls);
    out->two_gain = out->core_ms / out->two_ms;
    out->two_share = out->two_gain / (machine.two / machine.one);
    out->disturbed = !(machine.two >= undisturbed * machine.one);
}

bool bench_measure(const bench_row *row, const bench_plan *plan, bench_result *out, char *message) {
    *out = (bench_result){.row = row, .steps = plan->brief ? row->brief_steps : row->steps};
    bench_use use = {.params = eddy_params_new(NULL, SEED)};
    if (!bench_compile(row, &use, out, message)) {
        bench_release(&use);
        return false;
    }
    eddy_run_new(use.program, use.params, &use.run);
    bench_size(&use, out);
    bool lent = bench_lend(&use, out);
    out->chosen = eddy_run_thread_count(use.run);
    /* Memory is touched for the first time in a call that does not count. */
    bool good = lent && eddy_run_call(use.run) == EDDY_OK && bench_finite(&use);
    for (bool again = good; again; again = out->disturbed && out->rounds < plan->rounds)
        bench_round(&use, plan, out);
    good = good && eddy_run_status(use.run) == EDDY_OK && bench_finite(&use);
    const char *why = eddy_run_message(use.run);
    snprintf(message, MESSAGE, "%s", !lent ? "out of memory" : *why ? why : "not finite");

    out->read_speed = rate_read((size_t)bench_row_bytes(row));
    double seconds = out->core_ms * 1e-3, flops = bench_row_flops(row, out->steps);
    double peak = out->machine.one * 1e9, read = out->read_speed * 1e9;
    out->speed = flops / seconds * 1e-9;
    out->share = flops / seconds / peak;
    out->roof_share = bench_row_roof(row, out->steps, peak, read) / seconds;
    bench_release(&use);
    return good;
}
