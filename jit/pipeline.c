/* The order of passes, as a table, and the one driver that runs it.
 *
 * A pass is a function from a graph to a new graph and knows nothing of switches: dumping,
 * stopping, checking and timing happen here, between passes, and only when the environment asks.
 *
 * EDDY_DUMP=<letters>: print what the rows of these letters made, to stderr ("all": every row; the
 * letter L is LLVM's own text of the last row).
 *
 * EDDY_DOT=<folder>: write a picture of the graph that each pass made, <letter>-<name>.dot, for
 * Graphviz.
 *
 * EDDY_STOP=<letter or name>: compilation ends after that row, with an error that says so.
 *
 * EDDY_CHECK=1: verify the graph after each pass. EDDY_CHECK=2: also evaluate it before and after
 * on random inputs, and name the first pass that changed a value.
 *
 * EDDY_TIME=1: print the milliseconds of every row.
 *
 * The last six rows are no graph rewrites; they stand in the table so that the letters are in one
 * place. Lowering schedules for itself, so the schedule is made once more when it is dumped. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/env.h"
#include "core/io.h"
#include "jit/check.h"
#include "jit/lower.h"
#include "jit/program.h"
#include "jit/share.h"
#include "jit/split.h"

const pipeline_pass pipeline_passes[] = {
    {'c', "clean", clean_graph, false,
     "drops what no result needs and numbers the rest by what needs it"},
    {'x', "simplify", simplify_graph, false,
     "splits a contract with a concat of what its loop makes and what it is given"},
    {'u', "sums", sums_graph, false, "makes a sum of contracts in a loop one contract"},
    {'r', "merge", merge_graph, false, "makes contracts of one value one contract, by rows"},
    {'g', "grad", grad_graph, true,
     "puts adjoints in the place of gradients, those of one loss in one sweep"},
    {'j', "join", join_graph, false, "makes sums of values at disjoint places concats"},
    {'a', "again", merge_graph, true, "merges by rows what adjoints have in common"},
    {'t', "totals", totals_graph, true, "makes totals of parts of one concat one total"},
    {'m', "mask", mask_graph, true, "makes outputs 0 past the end of their samples"},
    {'o', "order", order_graph, false,
     "lets every sum over the blocked axis run in the direction of its sweep"},
    {'f', "forget", forget_graph, true,
     "lets later sweeps compute again what is not remembered, if the user asks for it"},
    {'s', "schedule", NULL, true, "finds the loops that must step"},
    {'b', "block", NULL, true,
     "puts together what one sweep over time computes, block of steps by block of steps"},
    {'l', "lower", NULL, true, "makes loop nests"},
    {'p', "plan", NULL, true, "gives values that are never needed together the same memory"},
    {'w', "split", NULL, true, "says what threads share, and where they meet"},
    {'k', "share", NULL, true, "gives nests that differ only in their buffers one kernel"},
    {'e', "emit", NULL, true, "makes machine code"},
};
const int pipeline_pass_count = sizeof pipeline_passes / sizeof pipeline_passes[0];

static const pipeline_pass *pipeline_row(char letter) {
    for (int i = 0; i < pipeline_pass_count; i++)
        if (pipeline_passes[i].letter == letter)
            return &pipeline_passes[i];
    assert(false && "a letter of the table");
    return NULL;
}

static double pipeline_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static void pipeline_time(const pipeline_pass *row, double start) {
    if (env_number("TIME", 0) > 0)
        fprintf(stderr, "eddy: %-9s %9.3f ms\n", row->name, pipeline_now() - start);
}

static bool pipeline_dumps(const pipeline_pass *row) {
    return env_has_letter("DUMP", row->letter);
}

static void pipeline_dump(const pipeline_pass *row, const char *what) {
    fprintf(stderr, "== %c %s: %s\n%s%s", row->letter, row->name, row->about, what,
            *what && what[strlen(what) - 1] != '\n' ? "\n" : "");
}

/* Is this row's letter or name what EDDY_STOP says? */
static bool pipeline_is_last(const pipeline_pass *row) {
    const char *stop = env_text("STOP");
    return stop && ((stop[0] == row->letter && !stop[1]) || strcmp(stop, row->name) == 0);
}

/* Whoever asks for a stop wants one. */
static bool pipeline_knows_stop(error *problem) {
    bool known = !env_text("STOP");
    for (int i = 0; i < pipeline_pass_count; i++)
        known |= pipeline_is_last(&pipeline_passes[i]);
    if (!known)
        error_set(problem, STATUS_ARGUMENT, (site){NULL, 0},
                  "EDDY_STOP=%s is no pass; docs/passes.md has their letters and names",
                  env_text("STOP"));
    return known;
}

/* Does compilation end after this row? Then *problem says so. */
static bool pipeline_stops(const pipeline_pass *row, error *problem) {
    if (!pipeline_is_last(row))
        return false;
    error_set(problem, STATUS_UNSUPPORTED, (site){NULL, 0},
              "compilation stopped after the pass %s, as EDDY_STOP=%c asks", row->name,
              row->letter);
    return true;
}

static const char *pipeline_text(const graph *g, arena *memory) {
    text out;
    text_init(&out, memory);
    print_graph(g, &out);
    return out.at;
}

/* ---- graph rewrites */

static bool pipeline_check(const pipeline_pass *row, const graph *before, graph *after,
                           arena *memory, error *problem) {
    int level = env_number("CHECK", 0);
    error found = {.code = STATUS_OK};
    error *kept = after->problem;
    after->problem = after->builder.problem = &found;
    bool ok = level < 1 || verify_graph(after);
    ok = ok && (level < 2 || check_pass(before, after, row->exact, memory, &found));
    ok = ok && (level < 2 || row->exact || check_wide(before, row->run, memory, &found));
    after->problem = after->builder.problem = kept;
    if (!ok)
        error_set(problem, found.code, (site){NULL, 0}, "EDDY_CHECK: the pass %s is wrong: %s",
                  row->name, found.message);
    return ok;
}

/* Whoever asks for pictures is told why there is none. */
static bool pipeline_draw(const pipeline_pass *row, const graph *made, arena *memory,
                          error *problem) {
    const char *folder = env_text("DOT");
    if (!folder)
        return true;
    text out;
    text_init(&out, memory);
    dot_graph(made, &out);
    files_part whole = {out.at, strlen(out.at)};
    const char *path = arena_print(memory, "%s/%c-%s.dot", folder, row->letter, row->name);
    return files_write_atomic(files_default(), allocator_default(), path, &whole, 1, problem) ==
           STATUS_OK;
}

static graph *pipeline_apply(const pipeline_pass *row, const graph *from, arena *memory,
                             error *problem) {
    double start = pipeline_now();
    graph *to = arena_new(memory, graph);
    graph_init(to, memory, problem);
    row->run(from, to);
    if (problem->code != STATUS_OK)
        return NULL;
    pipeline_time(row, start);
    if (pipeline_dumps(row)) {
        const char *made = pipeline_text(to, memory);
        bool same = strcmp(made, pipeline_text(from, memory)) == 0;
        pipeline_dump(row, same ? "unchanged" : made);
    }
    return pipeline_draw(row, to, memory, problem) ? to : NULL;
}

graph *pipeline_rewrite(const graph *from, arena *memory, error *problem) {
    if (from->problem->code != STATUS_OK && problem->code == STATUS_OK)
        *problem = *from->problem;
    if (problem->code != STATUS_OK || !pipeline_knows_stop(problem))
        return NULL;
    graph *g = NULL;
    for (int i = 0; i < pipeline_pass_count; i++) {
        const pipeline_pass *row = &pipeline_passes[i];
        if (!row->run)
            continue;
        const graph *before = g ? g : from;
        graph *after = pipeline_apply(row, before, memory, problem);
        /* What the user wrote is judged once, without what no result needs. */
        if (!after || (!g && !verify_graph(after)) ||
            !pipeline_check(row, before, after, memory, problem) || pipeline_stops(row, problem))
            return NULL;
        g = after;
    }
    return g;
}

/* ---- from a graph to an object */

/* The rows `schedule` and `block`. */
static bool pipeline_schedule(graph *g, arena *memory, char letter, error *problem) {
    const pipeline_pass *row = pipeline_row(letter);
    if (!pipeline_dumps(row))
        return !pipeline_stops(row, problem);
    node_list roots = {0};
    graph_roots(g, memory, &roots);
    schedule_list items = {0};
    text out;
    text_init(&out, memory);
    if (letter == 'b') {
        blocks_explain(g, memory, &out);
        if (!blocks_schedule(g, memory, roots.at, roots.count, &items))
            return false;
    } else if (!schedule_graph(g, memory, roots.at, roots.count, sweeps_axis(g, memory), &items)) {
        return false;
    }
    schedule_print(g, &items, &out);
    pipeline_dump(row, out.at);
    return !pipeline_stops(row, problem);
}

/* A row that changed the plan: how long it took, what it made, and whether it is the last. */
static bool pipeline_changed(const pipeline_pass *row, double start, const nest_plan *plan,
                             void (*print)(const nest_plan *plan, text *out), arena *memory,
                             error *problem) {
    pipeline_time(row, start);
    if (pipeline_dumps(row)) {
        text out;
        text_init(&out, memory);
        print(plan, &out);
        pipeline_dump(row, out.at);
    }
    return !pipeline_stops(row, problem);
}

nest_plan *pipeline_lower(const graph *from, const machine *target, arena *memory, error *problem) {
    graph *g = pipeline_rewrite(from, memory, problem);
    if (!g || !pipeline_schedule(g, memory, 's', problem) ||
        !pipeline_schedule(g, memory, 'b', problem))
        return NULL;
    const pipeline_pass *row = pipeline_row('l');
    double start = pipeline_now();
    nest_plan *plan = lower_graph(g, target ? target : machine_host(), memory);
    return plan && pipeline_changed(row, start, plan, nest_print, memory, problem) ? plan : NULL;
}

static bool pipeline_split(nest_plan *plan, const plan_buffer *buffers, arena *memory,
                           error *problem) {
    double start = pipeline_now();
    split_plan(plan, buffers, memory);
    return pipeline_changed(pipeline_row('w'), start, plan, split_print, memory, problem);
}

static bool pipeline_share(nest_plan *plan, arena *memory, error *problem) {
    double start = pipeline_now();
    share_nests(plan);
    return pipeline_changed(pipeline_row('k'), start, plan, share_print, memory, problem);
}

plan_buffer *pipeline_plan(nest_plan *plan, arena *memory, error *problem) {
    const pipeline_pass *row = pipeline_row('p');
    double start = pipeline_now();
    const graph *g = plan->source;
    int64_t fixed[LIMIT_AXES];
    for (int a = 0; a < g->axis_count; a++)
        fixed[a] = g->axes[a].extent;
    plan_buffer *buffers = arena_array(memory, plan_buffer, plan->buffers.count);
    plan_make(plan, fixed, memory, buffers);
    pipeline_time(row, start);
    if (pipeline_dumps(row)) {
        text out;
        text_init(&out, memory);
        plan_print(plan, buffers, &out);
        pipeline_dump(row, out.at);
    }
    if (pipeline_stops(row, problem) || !pipeline_split(plan, buffers, memory, problem) ||
        !pipeline_share(plan, memory, problem))
        return NULL;
    return buffers;
}

bool pipeline_emit(const nest_plan *plan, const emit_options *options, const allocator *source,
                   emit_object *out, error *problem) {
    const pipeline_pass *row = pipeline_row('e');
    double start = pipeline_now();
    if (!emit_plan(plan, options, source, out, problem))
        return false;
    pipeline_time(row, start);
    if (pipeline_dumps(row)) {
        char line[64];
        snprintf(line, sizeof line, "%d kernels, %zu bytes", share_kernel_count(plan), out->count);
        pipeline_dump(row, line);
    }
    if (!pipeline_stops(row, problem))
        return true;
    emit_object_free(out);
    return false;
}
