/* Compiled programs and their runs (pipeline.c, plan.c, program.c).
 *
 * A program is immutable and may be shared by threads. A run is one thread's use of it: an arena
 * whose size is a formula in the extents, bindings of the caller's memory, and the call. Nothing is
 * allocated in a call. */
#ifndef EDDY_JIT_PROGRAM_H
#define EDDY_JIT_PROGRAM_H

#include "core/alloc.h"
#include "graph/graph.h"
#include "jit/cost.h"
#include "jit/emit.h"
#include "jit/nest.h"
#include "jit/plan.h"
#include "jit/watch.h"

/* ---- pipeline.c: the pass table. Each row: letter (EDDY_DUMP, EDDY_STOP), name, function on
 * graphs, exact or reassociating, a sentence. The driver dumps (EDDY_DUMP letters, to stderr),
 * verifies (EDDY_CHECK=1), times (EDDY_TIME=1); passes never print. */
typedef struct pipeline_pass {
    char letter;
    const char *name;
    void (*run)(const graph *from,
                graph *to); /* NULL: the row is not a graph rewrite (schedule, lower, plan, emit) */
    bool exact;
    const char *about;
} pipeline_pass;
extern const pipeline_pass pipeline_passes[];
extern const int pipeline_pass_count;
/* All graph passes, in the order of the table (docs/passes.md), on a verified copy of `from`: what
 * is lowered, and what the evaluator is compared on. NULL after a mistake. */
graph *pipeline_rewrite(const graph *from, arena *memory, error *problem);

/* pipeline_rewrite, schedule, lower and share: all in `memory`. target: as in emit_options. NULL
 * after a mistake. */
nest_plan *pipeline_lower(const graph *from, const machine *target, arena *memory, error *problem);
/* plan_make, split_plan and share_nests, as rows of the table: one entry per buffer, in `memory`.
 * NULL after a mistake. */
plan_buffer *pipeline_plan(nest_plan *plan, arena *memory, error *problem);
/* emit_plan, as a row of the table. */
bool pipeline_emit(const nest_plan *plan, const emit_options *options, const allocator *source,
                   emit_object *out, error *problem);

typedef struct program program;

typedef struct program_stats {
    double milliseconds;      /* whole compilation */
    double core_milliseconds; /* the same on cores, of all threads */
    double llvm_milliseconds;
    int kernels, nests; /* a kernel does the work of one nest or of several */
    size_t object_bytes;
} program_stats;

/* Compiles every output and update of g. prefix: of the symbols. The graph is not needed
 * afterwards. */
program *program_compile(const graph *g, const char *prefix, const allocator *source,
                         error *problem);
void program_free(program *p); /* NULL is ignored */
program_stats program_statistics(const program *p);
/* The object as emitted, for tests and later ahead-of-time use. */
const emit_object *program_object(const program *p);

/* What a caller binds or reads: inputs, params, outputs, and axes. Index by number; names are
 * unique per kind. */
typedef struct program_slot {
    const char *name;
    nest_storage storage; /* INPUT, PARAM, OUTPUT */
    dtype type;
    int axis_count;
    int axes[LIMIT_AXES];
    op_shape shape;
    bool updated; /* PARAM: the program writes it */
} program_slot;
int program_slot_count(const program *p);
const program_slot *program_slot_at(const program *p, int i);
int program_slot_find(const program *p, nest_storage storage, const char *name); /* -1: none */
int program_axis_count(const program *p);
const char *program_axis_name(const program *p, int axis);
int64_t program_axis_extent(const program *p, int axis); /* fixed extent or -1 */
/* The axis that is computed in blocks of steps; -1: all at once. */
int program_block_axis(const program *p);

/* ---- runs */
typedef struct program_run program_run;
/* source: for the arena. NULL with *problem set. */
program_run *program_run_new(const program *p, const allocator *source, error *problem);
void program_run_free(program_run *r);
/* Sets the extent of every axis (by number; ignored for fixed ones) and sizes the arena: the only
 * place that allocates. Errors: negative, overflow (STATUS_SIZE with the formula's terms named),
 * out of memory; the run keeps its old extents then. */
status program_run_resize(program_run *r, const int64_t *extents, error *problem);
/* How many steps of program_block_axis are computed at a time, from the next resize on; 0: as suits
 * the machine. No result depends on it. */
void program_run_set_block(program_run *r, int64_t steps);
/* How many bytes a portion of the samples may need again in each step, where a loop runs portion
 * after portion; 0: half of a small first cache. No result depends on it. */
void program_run_set_portion(program_run *r, int64_t bytes);
size_t program_run_arena_bytes(const program_run *r);
/* Buffer i and its place in the arena; false when there are not that many. bytes 0: it is not in
 * the arena. Buffers that take turns share places. */
bool program_run_place(const program_run *r, size_t i, const char **name, size_t *offset,
                       size_t *bytes);
/* How many threads share a call: 1 to LIMIT_THREADS; 0, the default unless EDDY_THREADS says more:
 * as many as make it shorter, by an estimate at these extents, of the cores that there are. Results
 * do not depend on it. Allocates what threads need; out of memory leaves the run as it was. */
status program_run_threads(program_run *r, int threads, error *problem);
/* The same, with the parts of samples and of all else given. */
status program_run_grid(program_run *r, cost_grid grid, error *problem);
/* What the next call will use. */
cost_grid program_run_grid_now(const program_run *r);
/* Elements of a slot at the current extents. */
size_t program_run_elements(const program_run *r, int slot);
/* Binds memory of the caller; outputs that are not bound live in the run's arena. NULL unbinds. */
void program_run_bind(program_run *r, int slot, void *memory);
void *program_run_bound(const program_run *r, int slot);
/* Says that parameters which the program does not update have the elements that they had in the
 * last call: the next one does not compute again what is made of them alone. Without it, it does.
 */
void program_run_unchanged(program_run *r);
/* Runs. STATUS_MISSING names the first unbound input or param; lengths (i32 inputs that give an
 * axis's lengths) outside [0, extent] are STATUS_ARGUMENT with sample and value; several threads
 * that were asked for are STATUS_UNSUPPORTED after a fork; otherwise computes. Allocates nothing.
 */
status program_run_call(program_run *r, error *problem);
/* Where the time of calls went, since the run was made or this was called last: of a graph that is
 * watched. Call it after a change of threads, too. */
void program_run_watch(program_run *r);
/* Nest i of the program, or waiting for other threads; false behind that. */
bool program_run_watched(const program_run *r, int i, watch_found *out);
/* How often all threads have met since the run was made: by how much its calls let them work apart.
 */
unsigned program_run_meetings(const program_run *r);

#endif
