/* The side of the benchmark that runs this library. It is one of several competitors that
 * benchmark.py drives, all in the same way: a line of JSON asks, a line of JSON answers.
 *
 *   {"do": "machine"}                      what this build runs on
 *   {"do": "roofs"}                        what the machine can do: rates, latencies
 *   {"do": "rate"}                         multiply-adds of f32 alone, and how long threads meet
 *   {"do": "begin", "row": {...}, "folder": path}   compiles; writes inputs and weights
 *   {"do": "call", "calls": n, "folder": path}      from the start of the sequence; writes outputs
 *   {"do": "time", "threads": n, "seconds": s}      seconds of a call
 *   {"do": "nests", "row": {...}, "folder": path, "threads": n}   where the time of a call goes
 *   {"do": "end"}
 *
 * An answer with "error" says what went wrong. */
#include <jansson.h>
#include <llvm-c/Core.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/rate/rate.h"
#include "frontends/rate/roof.h"
#include "jit/emit.h"
#include "tests/bench/measure.h"
#include "tests/bench/store.h"

enum { LINE = 4096, NESTS = 512, WATCH_SECONDS = 1 };

static json_t *worker_error(const char *what) {
    return json_pack("{s:s}", "error", what);
}

/* ---- the machine */

static json_t *worker_machine(void) {
    unsigned major, minor, patch;
    char llvm[64];
    const machine *host = machine_host();
    LLVMGetVersion(&major, &minor, &patch);
    snprintf(llvm, sizeof llvm, "%u.%u.%u", major, minor, patch);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
    const bool optimised = true;
#else
    const bool optimised = false;
#endif
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:b}", "eddy", eddy_version_string(), "code",
                     host ? host->name : "none", "llvm", llvm, "vectors", rate_vectors(),
                     "start_ms", measure_start_ms(), "optimised", optimised);
}

static json_t *worker_rate(rate r) {
    return r.one > 0 ? json_pack("[f, f]", r.one, r.two) : json_null();
}

static size_t worker_bytes(const json_t *request, const char *level) {
    return (size_t)json_integer_value(json_object_get(request, level));
}

/* Block sizes that stay within a level, and DRAM's beyond all of them, are the caller's. */
static json_t *worker_roofs(const json_t *request) {
    static const char *const levels[] = {"L1", "L2", "L3", "DRAM"};
    json_t *multiply = json_object(), *read = json_object(), *activations = json_object();
    for (rate_type type = 0; type < RATE_TYPES; type++)
        json_object_set_new(multiply, rate_type_name(type), worker_rate(rate_multiply(type)));
    for (int i = 0; i < 4; i++)
        json_object_set_new(read, levels[i],
                            worker_rate(rate_read(worker_bytes(request, levels[i]))));
    const struct {
        const char *name;
        eddy_unary *activation;
    } asked[] = {{"tanh", eddy_tanh}, {"sigmoid", eddy_sigmoid}};
    for (int i = 0; i < 2; i++) {
        measure_activation a = measure_activate(asked[i].activation);
        json_object_set_new(activations, asked[i].name,
                            json_pack("{s:[f, f], s:f}", "rate", a.one, a.two, "chain", a.chain));
    }
    return json_pack("{s:o, s:o, s:o, s:f, s:f}", "multiply", multiply, "read", read, "activations",
                     activations, "latency", rate_latency(), "meeting", rate_meeting());
}

/* ---- a row */

static int64_t worker_number(const json_t *row, const char *key) {
    return json_integer_value(json_object_get(row, key));
}

/* false: it is not one. */
static bool worker_row(const json_t *request, model_row *out) {
    const json_t *asked = json_object_get(request, "row");
    const char *cell = json_string_value(json_object_get(asked, "cell"));
    const char *mode = json_string_value(json_object_get(asked, "mode"));
    if (!cell || !mode || !models_know(cell))
        return false;
    *out = (model_row){
        .cell = cell,
        .layers = worker_number(asked, "L"),
        .directions = worker_number(asked, "D"),
        .inputs = worker_number(asked, "I"),
        .units = worker_number(asked, "H"),
        .samples = worker_number(asked, "B"),
        .steps = worker_number(asked, "T"),
        .mode = strcmp(mode, "training") == 0 ? MODEL_TRAINING
                : strcmp(mode, "stream") == 0 ? MODEL_STREAM
                                              : MODEL_FORWARD,
    };
    return true;
}

static json_t *worker_begin(const json_t *request, measure_use **use) {
    const char *folder = json_string_value(json_object_get(request, "folder"));
    model_row row;
    if (!folder || !worker_row(request, &row))
        return worker_error("a row needs cell, mode and folder, of a cell that is known");
    measure_facts facts;
    measure_end(*use);
    *use = measure_begin(&row, folder, &facts);
    if (*facts.message)
        return worker_error(facts.message);
    json_t *given = store_tensors(*use, EDDY_INPUT, folder);
    if (!given)
        return worker_error("inputs cannot be written");
    return json_pack("{s:o, s:f, s:f, s:f, s:f, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:f, s:f}",
                     "given", given, "first_ms", facts.first_ms, "compile_ms", facts.wall_ms,
                     "compile_core_ms", facts.core_ms, "compile_llvm_ms", facts.llvm_ms, "kernels",
                     facts.kernels, "nests", facts.nests, "chosen", facts.chosen, "object_bytes",
                     (json_int_t)facts.object_bytes, "arena_bytes", (json_int_t)facts.arena_bytes,
                     "input_bytes", (json_int_t)facts.input_bytes, "output_bytes",
                     (json_int_t)facts.output_bytes, "arena_floats", facts.arena_floats,
                     "arena_growth", facts.arena_growth);
}

static json_t *worker_call(const json_t *request, measure_use *use) {
    const char *folder = json_string_value(json_object_get(request, "folder"));
    if (!use || !folder)
        return worker_error("there is no row, or no folder");
    if (!measure_call(use, (int)worker_number(request, "calls"))) {
        const char *message = eddy_run_message(use->run);
        return worker_error(*message ? message : "an output is not finite");
    }
    json_t *found = store_tensors(use, EDDY_OUTPUT, folder);
    return found ? json_pack("{s:o}", "found", found) : worker_error("outputs cannot be written");
}

static json_t *worker_time(const json_t *request, measure_use *use) {
    if (!use)
        return worker_error("there is no row");
    int threads = (int)worker_number(request, "threads");
    double seconds = json_number_value(json_object_get(request, "seconds"));
    measure_times times = measure_time(use, threads, seconds);
    if (eddy_run_status(use->run) != EDDY_OK)
        return worker_error(eddy_run_message(use->run));
    return json_pack("{s:f, s:f, s:i}", "seconds", times.wall, "core_seconds", times.core,
                     "samples", times.samples);
}

/* Where the time of a row goes, by nests, longest first. */
static json_t *worker_nests(const json_t *request) {
    static eddy_watched found[NESTS];
    const char *folder = json_string_value(json_object_get(request, "folder"));
    int threads = (int)worker_number(request, "threads");
    model_row row;
    if (!folder || !worker_row(request, &row))
        return worker_error("a row needs cell, mode and folder, of a cell that is known");
    row.watched = true;
    measure_facts facts;
    measure_use *use = measure_begin(&row, folder, &facts);
    json_t *nests = json_array();
    int count = 0;
    if (!*facts.message) {
        eddy_run_threads(use->run, threads);
        count = roof_watch(use->run, WATCH_SECONDS, found, NESTS);
        snprintf(facts.message, sizeof facts.message, "%s", eddy_run_message(use->run));
    }
    roof r = roof_measure(EDDY_F32, threads);
    for (int i = 0; i < count; i++) {
        roof_share least = roof_of(&r, &found[i]);
        json_array_append_new(
            nests, json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:s}", "name", found[i].name,
                             "seconds", found[i].seconds, "calls", found[i].calls, "operations",
                             found[i].operations, "bytes", found[i].bytes, "resident",
                             found[i].resident, "roof_s", least.seconds, "bound", least.bound));
    }
    measure_end(use);
    if (!*facts.message)
        return json_pack("{s:o}", "nests", nests);
    json_decref(nests);
    return worker_error(facts.message);
}

/* NULL: nothing that is known. */
static json_t *worker_answer(const json_t *request, measure_use **use) {
    const char *what = json_string_value(json_object_get(request, "do"));
    if (!what)
        return NULL;
    if (strcmp(what, "machine") == 0)
        return worker_machine();
    if (strcmp(what, "roofs") == 0)
        return worker_roofs(request);
    if (strcmp(what, "rate") == 0)
        return json_pack("{s:o, s:f}", "rate", worker_rate(rate_multiply(RATE_F32)), "meeting",
                         rate_meeting());
    if (strcmp(what, "begin") == 0)
        return worker_begin(request, use);
    if (strcmp(what, "call") == 0)
        return worker_call(request, *use);
    if (strcmp(what, "nests") == 0)
        return worker_nests(request);
    if (strcmp(what, "time") == 0)
        return worker_time(request, *use);
    if (strcmp(what, "end") != 0)
        return NULL;
    measure_end(*use);
    *use = NULL;
    return json_object();
}

int main(void) {
    char line[LINE];
    measure_use *use = NULL;
    while (fgets(line, sizeof line, stdin)) {
        json_t *request = json_loads(line, 0, NULL);
        json_t *answer = request ? worker_answer(request, &use) : NULL;
        if (!answer)
            answer = worker_error("not a request");
        json_dumpf(answer, stdout, JSON_COMPACT);
        fputc('\n', stdout);
        fflush(stdout);
        json_decref(answer);
        json_decref(request);
    }
    measure_end(use);
    return EXIT_SUCCESS;
}
