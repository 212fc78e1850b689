/* Compiles a row, lends it memory, fills that with numbers, and calls it.
 *
 * Times are medians of samples, and a sample is as many calls as take a tenth of a millisecond, so
 * that looking at the clock does not count. One thread's time on a core stands beside the time on
 * the wall: what the machine can do is measured in it too, so that waiting for a core cancels. */
#include "tests/bench/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docs/examples/common/wall_clock.h"
#include "frontends/rate/rate.h"
#include "tests/bench/store.h"

enum { SAMPLES = 4000, SEED = 1 };
static const double sample_seconds = 1e-4;

/* ---- compilation */

static void measure_compile(measure_use *use, measure_facts *out) {
    eddy_model *m = eddy_model_new(NULL);
    models_write(m, &use->row);
    eddy_watch(m, use->row.watched);
    double start = wall_clock_seconds();
    eddy_compile(m, &use->program);
    out->first_ms = (wall_clock_seconds() - start) * 1e3;
    eddy_program_free(use->program);

    start = wall_clock_seconds();
    eddy_compile(m, &use->program);
    out->wall_ms = (wall_clock_seconds() - start) * 1e3;
    snprintf(out->message, sizeof out->message, "%s", eddy_model_message(m));
    eddy_model_free(m);
    if (!use->program)
        return;
    eddy_statistics statistics = eddy_program_statistics(use->program);
    out->core_ms = statistics.core_milliseconds;
    out->llvm_ms = statistics.llvm_milliseconds;
    out->kernels = statistics.kernels;
    out->nests = statistics.nests;
    out->object_bytes = statistics.object_bytes;
}

double measure_start_ms(void) {
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
static size_t measure_own_bytes(const measure_use *use) {
    size_t bytes = eddy_run_bytes(use->run);
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(use->program, EDDY_OUTPUT, i, &slot); i++)
        bytes -= eddy_run_elements(use->run, slot.name) * sizeof(float);
    return bytes;
}

/* Sizes the run, first for twice the steps, to see what they add. */
static void measure_size(const measure_use *use, measure_facts *out) {
    const int64_t steps = use->row.steps, samples = use->row.samples;
    const double unit = sizeof(float) * (double)(steps * samples * use->row.units);
    const eddy_extent doubled[] = {{"t", 2 * steps}, {"b", samples}};
    eddy_run_resize(use->run, doubled, 2);
    double large = (double)measure_own_bytes(use) / unit;
    const eddy_extent extents[] = {{"t", steps}, {"b", samples}};
    eddy_run_resize(use->run, extents, 2);
    out->arena_bytes = measure_own_bytes(use);
    out->arena_floats = (double)out->arena_bytes / unit;
    out->arena_growth = large - out->arena_floats;
}

/* Falling evenly, as a loader sorts them. */
static void measure_lengths(int32_t *lengths, size_t count, int64_t steps) {
    for (size_t i = 0; i < count; i++)
        lengths[i] = (int32_t)((int64_t)(count - i) * steps / (int64_t)count);
}

/* Lends every input and output memory of ours: what is left is the program's own. */
static void measure_lend(measure_use *use, measure_facts *out) {
    for (eddy_role role = EDDY_INPUT; role <= EDDY_OUTPUT; role++) {
        eddy_slot slot;
        for (int i = 0; eddy_program_slot(use->program, role, i, &slot); i++) {
            size_t elements = eddy_run_elements(use->run, slot.name);
            size_t bytes = (elements * sizeof(float) + 63) / 64 * 64; /* i32 is as large */
            void *memory = use->lent_count < MEASURE_LENT ? aligned_alloc(64, bytes) : NULL;
            if (!memory) {
                use->short_of_memory = true;
                return;
            }
            use->lent[use->lent_count++] = memory;
            if (role == EDDY_INPUT) {
                store_draw(memory, slot.dtype, elements, slot.name);
                if (strcmp(slot.name, MODELS_LENGTHS) == 0)
                    measure_lengths(memory, elements, use->row.steps);
                eddy_run_input(use->run, slot.name, memory, elements);
                out->input_bytes += elements * sizeof(float);
            } else {
                eddy_run_output(use->run, slot.name, memory, elements);
                out->output_bytes += elements * sizeof(float);
            }
        }
    }
}

measure_use *measure_begin(const model_row *row, const char *folder, measure_facts *out) {
    measure_use *use = calloc(1, sizeof *use);
    *out = (measure_facts){.message = "out of memory"};
    if (!use)
        return NULL;
    use->row = *row;
    use->params = eddy_params_new(NULL, SEED);
    measure_compile(use, out);
    if (!use->program)
        return use;
    if (!store_weights(use->program, use->params, folder)) {
        snprintf(out->message, sizeof out->message, "the weights cannot be written");
        return use;
    }
    eddy_run_new(use->program, use->params, &use->run);
    measure_size(use, out);
    measure_lend(use, out);
    out->chosen = eddy_run_thread_count(use->run);
    snprintf(out->message, sizeof out->message, "%s",
             use->short_of_memory ? "out of memory" : eddy_run_message(use->run));
    return use;
}

void measure_end(measure_use *use) {
    if (!use)
        return;
    eddy_run_free(use->run);
    eddy_program_free(use->program);
    eddy_params_free(use->params);
    for (int i = 0; i < use->lent_count; i++)
        free(use->lent[i]);
    free(use);
}

/* ---- calls and their time */

bool measure_call(measure_use *use, int calls) {
    eddy_run_threads(use->run, 0);
    eddy_run_reset(use->run);
    for (int i = 0; i < calls; i++)
        eddy_run_call(use->run);
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(use->program, EDDY_OUTPUT, i, &slot); i++) {
        const float *values = eddy_run_read(use->run, slot.name);
        size_t elements = values ? eddy_run_elements(use->run, slot.name) : 0;
        for (size_t j = 0; j < elements; j++)
            if (!isfinite(values[j]))
                return false;
    }
    return eddy_run_status(use->run) == EDDY_OK;
}

/* Seconds of a call, on the wall and on a core, out of so many in a row. */
static void measure_sample(measure_use *use, int calls, double *wall, double *core) {
    double wall_start = wall_clock_seconds(), core_start = rate_core_seconds();
    for (int i = 0; i < calls; i++)
        eddy_run_call(use->run);
    *core = (rate_core_seconds() - core_start) / calls;
    *wall = (wall_clock_seconds() - wall_start) / calls;
}

measure_times measure_time(measure_use *use, int threads, double seconds) {
    static double wall[SAMPLES], core[SAMPLES];
    eddy_run_threads(use->run, threads);
    double start = wall_clock_seconds();
    measure_sample(use, 1, &wall[0], &core[0]); /* wakes threads, fills caches */
    int samples = 0, calls = 1;
    if (wall[0] < sample_seconds) {
        measure_sample(use, 16, &wall[0], &core[0]);
        calls = 1 + (int)(sample_seconds / wall[0]);
    }
    while (samples < 1 || (samples < SAMPLES && wall_clock_seconds() - start < seconds)) {
        measure_sample(use, calls, &wall[samples], &core[samples]);
        samples++;
    }
    return (measure_times){rate_median(wall, (size_t)samples), rate_median(core, (size_t)samples),
                           samples};
}

/* ---- activations */

/* A program of one activation over t, and where `chained` of a state that it makes. */
static eddy_run *measure_single(eddy_unary *activation, bool chained, int64_t units, int64_t steps,
                                measure_use *use) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    if (chained) {
        eddy_value x = eddy_state(m, "x", t, units);
        eddy_value y = activation(eddy_shift(x, 0.5), EDDY_HERE);
        eddy_next(x, y);
        eddy_output(m, "y", y);
    } else {
        eddy_value x = eddy_input(m, "x", EDDY_F32, t, units);
        eddy_output(m, "y", activation(x, EDDY_HERE));
    }
    eddy_compile(m, &use->program);
    eddy_model_free(m);
    use->params = eddy_params_new(NULL, SEED);
    eddy_run_new(use->program, use->params, &use->run);
    eddy_run_resize(use->run, &(const eddy_extent){"t", steps}, 1);
    measure_lend(use, &(measure_facts){0});
    return use->run;
}

measure_activation measure_activate(eddy_unary *activation) {
    enum { UNITS = 1024, STEPS = 64, CHAIN = 4096 };
    const double values = (int)UNITS * (int)STEPS;
    measure_activation result = {0, 0, 0};
    measure_use *wide = calloc(1, sizeof *wide), *chain = calloc(1, sizeof *chain);
    if (wide && chain) {
        measure_single(activation, false, UNITS, STEPS, wide);
        measure_single(activation, true, 1, CHAIN, chain);
        result.one = values / measure_time(wide, 1, 0.02).core;
        result.two = values / measure_time(wide, 2, 0.02).wall;
        result.chain = measure_time(chain, 1, 0.02).core / (int)CHAIN;
    }
    measure_end(wide);
    measure_end(chain);
    return result;
}
