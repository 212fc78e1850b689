/* `eddy bench`: how long a cell takes, and how much of that the machine needs.
 *
 * The cell alone, on inputs that are drawn: forwards, and what a step of training computes of it,
 * the sum of the squares of its results and the gradients of that by all that is trained. What else
 * happens on the machine happens to all: in each round the program and its peers are timed once,
 * one after the other, and the median of the rounds counts.
 *
 * Where the time goes is found with another program that is watched: its clocks make it a little
 * slower, so of it only shares are shown. The roof of a program is the sum of those of its loop
 * nests on this machine, as it was measured before. */
#include "frontends/cli/bench.h"

#include <stdio.h>
#include <string.h>

#include "core/rng.h"
#include "frontends/cli/options.h"
#include "frontends/rate/rate.h"
#include "frontends/rate/roof.h"

enum {
    BENCH_NESTS = 512,
    BENCH_CALLS = 1001,
    BENCH_ROUNDS = 9,
    BENCH_OTHER = 8 /* extent of other axes */
};

/* ---- what is measured */

eddy_model *bench_cell(const bench *of, bool training) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    cell_alone(&of->cell, m, t, b, training);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    return m;
}

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
    eddy_model *m = bench_cell(of, training);
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
static void bench_fill(bench *of, session *s) {
    eddy_slot slot;
    of->inputs.count = 0;
    for (int i = 0; eddy_program_slot(s->program, EDDY_INPUT, i, &slot); i++) {
        size_t elements = eddy_run_elements(s->run, slot.name);
        bool scalar = slot.axis_count == 0 && slot.rank == 0;
        float *values = arena_take_array(of->memory, elements + 1, 8);
        for (size_t k = 0; k < elements && slot.dtype == EDDY_F32 && !scalar; k++)
            values[k] = (float)rng_normal(1, (uint64_t)i, k);
        if (scalar)
            session_scalar(s, slot.name, 0);
        else
            session_input(s, slot.name, values, elements);
        vec_push(of->memory, &of->inputs, (bench_input){slot, values});
    }
}

static session bench_begin(bench *of, eddy_model *m, eddy_params *params) {
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
    session_call(&s);
    return s;
}

/* ---- times */

/* The median of calls that go on for so many seconds; at least one. */
static double bench_time(session *s, double seconds) {
    static double each[BENCH_CALLS];
    size_t count = 0;
    session_call(s); /* wakes threads, fills caches */
    for (double start = rate_wall_seconds();
         count < 1 || (count < BENCH_CALLS && rate_wall_seconds() - start < seconds);) {
        double begun = rate_wall_seconds();
        session_call(s);
        each[count++] = rate_wall_seconds() - begun;
    }
    return rate_median(each, count);
}

/* Seconds of a peer's call; 0: it gave no answer. */
static double bench_ask(const bench *of, peer *p, double seconds) {
    const char *answer = peer_ask(p, PEER_PATIENCE, arena_print(of->memory, "time %.3f", seconds));
    double found = 0;
    if (answer)
        text_read_f64(answer, strlen(answer), &found);
    return found;
}

typedef struct bench_times {
    double ours, theirs[PYTHON_WAYS];
} bench_times;

/* Peers that stop to answer have no time, and a refusal. */
static bench_times bench_rounds(bench *of, session *s, bench_compared compared[PYTHON_WAYS]) {
    double ours[BENCH_ROUNDS], theirs[PYTHON_WAYS][BENCH_ROUNDS] = {{0}};
    bench_times found = {0};
    const double part = of->seconds / (double)BENCH_ROUNDS;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        ours[round] = bench_time(s, part);
        for (int i = 0; i < PYTHON_WAYS; i++) {
            if (!compared[i].runs)
                continue;
            theirs[i][round] = bench_ask(of, &of->peers[i], part);
            compared[i].runs = theirs[i][round] > 0;
            compared[i].refusal = of->peers[i].refusal;
            of->wrong |= !compared[i].runs;
        }
    }
    found.ours = rate_median(ours, BENCH_ROUNDS);
    for (int i = 0; i < PYTHON_WAYS; i++)
        found.theirs[i] = compared[i].runs ? rate_median(theirs[i], BENCH_ROUNDS) : 0;
    return found;
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

/* ---- what is said */

static void bench_peer(const peer *p, const bench_compared *c, double ours, double theirs) {
    printf("  %s: ", p->name);
    if (!c->runs) {
        printf("%s\n", c->refusal);
        return;
    }
    double times = theirs / ours;
    printf(times < 100 ? "%.4g ms a call, %.3g times ours; " : "%.4g ms a call, %.0f times ours; ",
           1e3 * theirs, times);
    if (!c->worst)
        printf("ours are not finite, so results are not compared\n");
    else if (!(c->difference <= c->allowed))
        printf("WRONG: %s differs by %.1g\n", c->worst, c->difference);
    else if (c->difference <= BENCH_BOUND)
        printf("results differ by %.1g\n", c->difference);
    else
        printf("results differ by %.1g, as this cell amplifies what is rounded\n", c->difference);
}

static void bench_way(bench *of, const roof *machine, bool training) {
    eddy_model *m = bench_model(of, training), *watched = bench_model(of, training);
    bench_compared compared[PYTHON_WAYS] = {{0}};
    bool asked[PYTHON_WAYS];
    if (!m) {
        printf("\ntraining: the cell has no weights\n");
        return;
    }
    eddy_params *params = eddy_params_new(NULL, 1);
    session s = bench_begin(of, m, params);
    for (int i = 0; i < PYTHON_WAYS; i++) {
        asked[i] = of->peers[i].folder;
        compared[i] = bench_compare(of, &of->peers[i], &s, params, training);
    }
    bench_times times = bench_rounds(of, &s, compared);
    session_end(&s);
    eddy_watch(watched, true);
    text nests;
    text_init(&nests, of->memory);
    s = bench_begin(of, watched, params);
    double least = bench_nests(of, &s, machine, &nests);
    session_end(&s);
    eddy_params_free(params);
    printf("\n%s: %.4g ms a call, %.4g us a step of a sample, %.1f%% of the roof\n",
           training ? "training" : "forward", 1e3 * times.ours,
           1e6 * times.ours / (double)(of->steps * of->samples), 100 * least / times.ours);
    for (int i = 0; i < PYTHON_WAYS; i++)
        if (asked[i])
            bench_peer(&of->peers[i], &compared[i], times.ours, times.theirs[i]);
    printf("%s", nests.at);
}

static void bench_start(bench *of, const char *python) {
    for (int i = 0; i < PYTHON_WAYS && *python; i++) {
        peer *p = &of->peers[i];
        if (!peer_start(p, of->memory, python, (python_way)i, of->threads))
            printf("%s: %s\n", p->name, p->refusal);
    }
}

int bench_run(arena *memory, const options *o) {
    const char *path = o->operand_count ? o->operands[0] : NULL, *name = options_text(o, "cell");
    if (!path && !name)
        cli_fail(CLI_USAGE,
                 "nothing to measure: a FILE, or --cell NAME of the library\nTry 'eddy "
                 "bench --help'.");
    bench *of = arena_new(memory, bench);
    of->memory = memory;
    of->steps = options_integer(o, "length");
    of->samples = options_integer(o, "batch");
    of->threads = (int)options_integer(o, "threads");
    of->shown = (int)options_integer(o, "nests");
    of->seconds = options_real(o, "seconds");
    of->cell = cell_open(memory, path, name, options_text(o, "set"));
    printf("%s: %lld step%s of %lld sample%s on %d thread%s\n", cell_title(&of->cell, memory),
           (long long)of->steps, of->steps == 1 ? "" : "s", (long long)of->samples,
           of->samples == 1 ? "" : "s", of->threads, of->threads == 1 ? "" : "s");
    fflush(stdout); /* before there is another process */
    bench_start(of, options_text(o, "python"));
    roof machine = roof_measure(EDDY_F32, of->threads);
    if (machine.operations <= 0)
        printf("the roof of this machine could not be measured: shares are 0\n");
    bench_way(of, &machine, false);
    bench_way(of, &machine, true);
    for (int i = 0; i < PYTHON_WAYS; i++)
        peer_stop(&of->peers[i]);
    cell_free(&of->cell);
    return of->wrong ? CLI_FAILED : CLI_DONE;
}
