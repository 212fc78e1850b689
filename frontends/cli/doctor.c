/* `eddy doctor`: what there is, and a proof that it works.
 *
 * The proof is the whole way in small: a cell is differentiated, compiled and trained. What is
 * asked of it cannot be had by luck: the gradient agrees with difference quotients in f64, training
 * lowers the loss, and one thread and several leave equal bits behind. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/rng.h"
#include "core/threads.h"
#include "frontends/cli/options.h"
#include "frontends/cli/session.h"
#include "frontends/rate/roof.h"
#include "jit/emit.h"

enum { DOCTOR_UNITS = 32, DOCTOR_STEPS = 24, DOCTOR_SAMPLES = 8, DOCTOR_ROUNDS = 30 };
enum { DOCTOR_DATA = DOCTOR_STEPS * DOCTOR_SAMPLES * DOCTOR_UNITS };

/* ---- what there is */

/* The value of the first line of /proc/cpuinfo that begins with this name. */
static bool doctor_processor(char *out, size_t size) {
    char line[256];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && !found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", strlen("model name")) != 0 || !colon)
            continue;
        snprintf(out, size, "%s", colon + 2);
        out[strcspn(out, "\n")] = 0;
        found = true;
    }
    if (file)
        fclose(file);
    return found;
}

static void doctor_cache(int level, const char *behind) {
    double bytes = roof_cache(level);
    if (bytes > 0)
        printf("L%d %.0f KiB%s", level + 1, bytes / 1024, behind);
    else
        printf("L%d unknown%s", level + 1, behind);
}

static const machine *doctor_machine(void) {
    char name[256] = "unknown";
    unsigned version[3];
    doctor_processor(name, sizeof name);
    printf("processor  %s\n", name);
    printf("caches     ");
    doctor_cache(ROOF_L1, ", ");
    doctor_cache(ROOF_L2, ", ");
    doctor_cache(ROOF_L3, "\n");
    const machine *host = machine_host();
    if (host)
        printf("code for   %s: vectors of %d bytes\n", host->name, host->vector_bytes);
    machine_compiler(version);
    printf("compiler   LLVM %u.%u.%u\n", version[0], version[1], version[2]);
    int cores = threads_available();
    printf("threads    OpenMP of %d, %d core%s", threads_openmp(), cores, cores == 1 ? "" : "s");
    if (cores > 1)
        printf(", %d threads meet in %.1f us", cores, threads_round_trip(cores) * 1e6);
    printf("\n");
    return host;
}

/* ---- whether it works */

/* Squares of the distance from an LSTM of x to y, at one step in the mean. */
static eddy_value doctor_loss(eddy_model *m, int64_t units) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_dtype type = eddy_value_dtype(eddy_number(m, 0));
    eddy_value x = eddy_input(m, "x", type, t | b, units);
    eddy_value y = eddy_input(m, "y", type, t | b, units);
    eddy_value h = eddy_lstm(m, "lstm", t, units, x, NULL);
    return eddy_mean_over(eddy_mean_squared_error(h, y), t | b);
}

static eddy_run *doctor_run_of(eddy_model *m, eddy_program **program, eddy_params *params,
                               int64_t steps, int64_t samples) {
    const eddy_extent extents[] = {{"t", steps}, {"b", samples}};
    cli_check(eddy_compile(m, program), eddy_model_message(m));
    eddy_run *run = session_run(*program, params);
    cli_check(eddy_run_resize(run, extents, 2), eddy_run_message(run));
    return run;
}

static double doctor_call(eddy_run *run) {
    cli_check(eddy_run_call(run), eddy_run_message(run));
    return eddy_run_number(run, "loss");
}

/* The largest difference, relative to the largest slope, between gradient and quotients. */
static double doctor_gradient(arena *memory) {
    enum { UNITS = 6, STEPS = 9, SAMPLES = 2, DATA = UNITS * STEPS * SAMPLES };
    const eddy_options wide = {.dtype = EDDY_F64};
    const double nudge = 1e-5;
    double *data = arena_array(memory, double, 2 * DATA), weights[UNITS * UNITS], worst = 0,
           largest = 0;
    for (int i = 0; i < 2 * DATA; i++)
        data[i] = rng_normal(1, 0, (uint64_t)i);
    eddy_model *m = eddy_model_new(&wide);
    eddy_value loss = doctor_loss(m, UNITS), weight = NULL;
    for (int i = 0; i < eddy_trainable_count(m); i++)
        if (strcmp(eddy_value_name(eddy_trainable(m, i)), "lstm.Uf") == 0)
            weight = eddy_trainable(m, i);
    eddy_output(m, "loss", loss);
    eddy_output(m, "gradient", eddy_gradient(loss, weight));
    eddy_params *params = eddy_params_new(&wide, 1);
    eddy_program *program;
    eddy_run *run = doctor_run_of(m, &program, params, STEPS, SAMPLES);
    eddy_run_input(run, "x", data, DATA);
    eddy_run_input(run, "y", data + DATA, DATA);
    doctor_call(run);
    double *slopes = arena_array(memory, double, UNITS *UNITS);
    memcpy(slopes, eddy_run_read(run, "gradient"), sizeof weights);
    eddy_params_read(params, "lstm.Uf", weights, UNITS * UNITS);
    for (int i = 0; i < UNITS * UNITS; i += 5) {
        double kept = weights[i], sides[2];
        for (int side = 0; side < 2; side++) {
            weights[i] = kept + (side ? nudge : -nudge);
            eddy_params_write(params, "lstm.Uf", weights, UNITS * UNITS);
            sides[side] = doctor_call(run);
        }
        weights[i] = kept;
        worst = fmax(worst, fabs((sides[1] - sides[0]) / (2 * nudge) - slopes[i]));
        largest = fmax(largest, fabs(slopes[i]));
    }
    eddy_run_free(run);
    eddy_program_free(program);
    eddy_params_free(params);
    eddy_model_free(m);
    return worst / largest;
}

typedef struct doctor_training {
    double first, last; /* losses */
    double seconds;     /* of a step */
    double compiled;    /* milliseconds */
} doctor_training;

static doctor_training doctor_train(eddy_params *params, const float *data, int threads) {
    doctor_training seen = {0};
    eddy_model *m = eddy_model_new(NULL);
    eddy_value loss = doctor_loss(m, DOCTOR_UNITS);
    eddy_output(m, "loss", loss);
    eddy_minimise(loss, eddy_adam());
    eddy_program *program;
    eddy_run *run = doctor_run_of(m, &program, params, DOCTOR_STEPS, DOCTOR_SAMPLES);
    seen.compiled = eddy_program_statistics(program).milliseconds;
    eddy_run_input(run, "x", data, DOCTOR_DATA);
    eddy_run_input(run, "y", data + DOCTOR_DATA, DOCTOR_DATA);
    eddy_run_scalar(run, "learning_rate", 0.01);
    cli_check(eddy_run_threads(run, threads), eddy_run_message(run));
    seen.first = doctor_call(run);
    double started = cli_seconds();
    for (int i = 0; i < DOCTOR_ROUNDS; i++)
        seen.last = doctor_call(run);
    seen.seconds = (cli_seconds() - started) / (double)DOCTOR_ROUNDS;
    eddy_run_free(run);
    eddy_program_free(program);
    eddy_model_free(m);
    return seen;
}

static bool doctor_same(const eddy_params *a, const eddy_params *b) {
    eddy_tensor x, y;
    int i = 0;
    for (; eddy_params_at(a, i, &x) && eddy_params_at(b, i, &y); i++)
        if (x.elements != y.elements ||
            memcmp(x.data, y.data, x.elements * (x.dtype == EDDY_F64 ? 8 : 4)) != 0)
            return false;
    return i == eddy_params_count(a) && i == eddy_params_count(b);
}

static int doctor_report(bool good, const char *what, const char *detail) {
    bool colour = cli_has_colour(STDOUT_FILENO);
    printf("%s%-10s%s %s: %s\n", colour ? good ? "\x1b[32m" : "\x1b[31m" : "",
           good ? "ok" : "FAULT", colour ? "\x1b[0m" : "", what, detail);
    return good ? 0 : 1;
}

int doctor_run(arena *memory, const options *o) {
    (void)o;
    char detail[128];
    int faults = 0;
    if (!doctor_machine()) {
        doctor_report(false, "processor", "no vectors that code could be made for (AVX2 with FMA)");
        return CLI_FAILED;
    }
    double difference = doctor_gradient(memory);
    snprintf(detail, sizeof detail, "%.1e from difference quotients in f64", difference);
    faults += doctor_report(difference < 1e-6, "gradient of an LSTM", detail);

    float *data = arena_array(memory, float, 2 * DOCTOR_DATA);
    for (int i = 0; i < 2 * DOCTOR_DATA; i++)
        data[i] = (float)rng_normal(2, 0, (uint64_t)i);
    int threads = threads_available() > 1 ? threads_available() : 2;
    eddy_params *one = eddy_params_new(NULL, 1), *all = eddy_params_new(NULL, 1);
    doctor_training alone = doctor_train(one, data, 1), shared = doctor_train(all, data, threads);
    snprintf(detail, sizeof detail, "loss %.4f to %.4f, compiled in %.0f ms, %.2f ms a step",
             alone.first, alone.last, alone.compiled, alone.seconds * 1e3);
    faults += doctor_report(alone.last < alone.first, "training", detail);
    bool same = doctor_same(one, all) && alone.last == shared.last;
    snprintf(detail, sizeof detail, "1 and %d leave %s weights", threads,
             same ? "equal" : "different");
    faults += doctor_report(same, "threads", detail);
    eddy_params_free(one);
    eddy_params_free(all);
    return faults ? CLI_FAILED : CLI_DONE;
}
