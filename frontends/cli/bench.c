/* `eddy bench`: how long a cell takes, and how much of that the machine needs.
 *
 * The cell alone, on inputs that are drawn: forwards, and what a step of training computes of it,
 * the sum of the squares of its results and the gradients of that by all that is trained. A time is
 * the median of calls of a program that is not watched. Where the time goes is found with another
 * one that is: its clocks make it a little slower, so of it only shares are shown. The roof of a
 * program is the sum of those of its loop nests on this machine, as it was measured just before. */
#include <stdio.h>
#include <string.h>

#include "core/rng.h"
#include "frontends/capi.h"
#include "frontends/cli/cell.h"
#include "frontends/cli/options.h"
#include "frontends/cli/session.h"
#include "frontends/rate/rate.h"
#include "frontends/rate/roof.h"

enum { BENCH_NESTS = 512, BENCH_CALLS = 1001, BENCH_LEAST = 5, BENCH_OTHER = 8 };

typedef struct bench {
    arena *memory;
    cell_source cell;
    int64_t steps, samples;
    int threads, shown;
    double seconds;
} bench;

/* ---- what is measured */

static void bench_gradients(const bench *of, eddy_model *m, eddy_value loss) {
    int count = eddy_trainable_count(m);
    eddy_value *weights = arena_array(of->memory, eddy_value, count);
    eddy_value *gradients = arena_array(of->memory, eddy_value, count);
    for (int i = 0; i < count; i++)
        weights[i] = eddy_trainable(m, i);
    eddy_grad(loss, weights, count, gradients);
    eddy_output(m, "sum of squares", loss);
    for (int i = 0; i < count; i++) {
        const char *name = capi_node(m, weights[i])->attributes.text;
        eddy_output(m, arena_print(of->memory, "gradient %s", name), gradients[i]);
    }
}

/* NULL where the cell has nothing to train. */
static eddy_model *bench_model(const bench *of, bool training) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    cell_alone(&of->cell, m, t, b, training);
    eddy_value loss = training ? cell_squares(m) : NULL;
    bool trained = loss && eddy_trainable_count(m);
    if (trained)
        bench_gradients(of, m, loss);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    if (!training || trained)
        return m;
    eddy_model_free(m);
    return NULL;
}

/* Floats are drawn from a normal distribution; integers and bools are 0, and so is a seed. */
static void bench_fill(const bench *of, session *s) {
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(s->program, EDDY_INPUT, i, &slot); i++) {
        size_t elements = eddy_run_elements(s->run, slot.name);
        if (slot.axis_count == 0 && slot.rank == 0) {
            session_scalar(s, slot.name, 0);
            continue;
        }
        float *values = arena_take_array(of->memory, elements + 1, 8);
        for (size_t k = 0; k < elements && slot.dtype == EDDY_F32; k++)
            values[k] = (float)rng_normal(1, (uint64_t)i, k);
        session_input(s, slot.name, values, elements);
    }
}

static session bench_begin(const bench *of, eddy_model *m, eddy_params *params) {
    eddy_extent extents[LIMIT_AXES];
    int count = 0;
    for (int a = 0; a < m->graph.axis_count; a++) {
        const char *name = m->graph.axes[a].name;
        if (m->graph.axes[a].extent < 0)
            extents[count++] = (eddy_extent){arena_copy_text(of->memory, name),
                                             strcmp(name, "t") == 0   ? of->steps
                                             : strcmp(name, "b") == 0 ? of->samples
                                                                      : BENCH_OTHER};
    }
    session s = session_begin(m, params, extents, count, of->threads);
    bench_fill(of, &s);
    return s;
}

/* ---- times */

/* The median of calls that go on for so many seconds. */
static double bench_time(session *s, double seconds) {
    static double each[BENCH_CALLS];
    size_t count = 0;
    session_call(s); /* wakes threads, fills caches */
    for (double start = rate_wall_seconds();
         count < BENCH_LEAST || (count < BENCH_CALLS && rate_wall_seconds() - start < seconds);) {
        double begun = rate_wall_seconds();
        session_call(s);
        each[count++] = rate_wall_seconds() - begun;
    }
    return rate_median(each, count);
}

/* Where the time goes; returns the least time of a call. */
static double bench_nests(const bench *of, session *s, const roof *machine, text *out) {
    static eddy_watched found[BENCH_NESTS];
    double all = 0, least = 0;
    int count = roof_watch(s->run, of->seconds, found, BENCH_NESTS);
    for (int i = 0; i < count; i++) {
        all += found[i].seconds;
        least += roof_of(machine, &found[i]).seconds;
    }
    if (of->shown)
        text_add(out, "%10s %10s  %-8s %s\n", "of time", "of roof", "bound by", "nest");
    for (int i = 0; i < count && i < of->shown; i++) {
        roof_share share = roof_of(machine, &found[i]);
        double taken = found[i].seconds > 0 ? found[i].seconds : 1;
        text_add(out, "%9.1f%% %9.1f%%  %-8s %s\n", 100 * found[i].seconds / all,
                 100 * share.seconds / taken, share.bound, found[i].name);
    }
    return least;
}

static void bench_way(const bench *of, const roof *machine, bool training) {
    eddy_model *m = bench_model(of, training), *watched = bench_model(of, training);
    if (!m) {
        printf("\ntraining: the cell has no weights\n");
        return;
    }
    eddy_params *params = eddy_params_new(NULL, 1);
    session s = bench_begin(of, m, params);
    double call = bench_time(&s, of->seconds);
    session_end(&s);
    eddy_watch(watched, true);
    text nests;
    text_init(&nests, of->memory);
    s = bench_begin(of, watched, params);
    double least = bench_nests(of, &s, machine, &nests);
    session_end(&s);
    eddy_params_free(params);
    printf("\n%s: %.4g ms a call, %.4g us a step of a sample, %.1f%% of the roof\n%s",
           training ? "training" : "forward", 1e3 * call,
           1e6 * call / (double)(of->steps * of->samples), 100 * least / call, nests.at);
}

int bench_run(arena *memory, const options *o) {
    const char *path = o->operand_count ? o->operands[0] : NULL, *name = options_text(o, "cell");
    if (!path && !name)
        cli_fail(CLI_USAGE,
                 "nothing to measure: a FILE, or --cell NAME of the library\nTry 'eddy "
                 "bench --help'.");
    bench of = {.memory = memory,
                .steps = options_integer(o, "length"),
                .samples = options_integer(o, "batch"),
                .threads = (int)options_integer(o, "threads"),
                .shown = (int)options_integer(o, "nests"),
                .seconds = options_real(o, "seconds")};
    of.cell = cell_open(memory, path, name, options_text(o, "set"));
    printf("%s", cell_title(&of.cell, memory));
    printf(": %lld step%s of %lld sample%s on %d thread%s\n", (long long)of.steps,
           of.steps == 1 ? "" : "s", (long long)of.samples, of.samples == 1 ? "" : "s", of.threads,
           of.threads == 1 ? "" : "s");
    roof machine = roof_measure(EDDY_F32, of.threads);
    if (machine.operations <= 0)
        printf("the roof of this machine could not be measured: shares are 0\n");
    bench_way(&of, &machine, false);
    bench_way(&of, &machine, true);
    cell_free(&of.cell);
    return CLI_DONE;
}
