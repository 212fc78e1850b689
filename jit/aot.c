/* Ahead-of-time compilation: the pipeline of every program, then an object with functions of its
 * own in place of one that is loaded.
 *
 * Kernels and their order are those of a program that runs at once, made by the same rows of the
 * pass table, so what they compute is the same to the last bit. A step of training and its gradient
 * are two more programs of the object, which have the parameters in common with the first one. What
 * is added is a shell: aot_step.c asks whether steps make sense, aot_prepared.c what their caller
 * may keep, aot_interface.c says what C code sees, aot_weights.c where the values of parameters
 * are, aot_info.c what the object says of itself, aot_emit.c writes the functions, with aot_team.c
 * for several threads, aot_header.c the header with the program of aot_example.c at its end,
 * aot_training.c what it says of training, and aot_manifest.c the same for other programs. An
 * object for several processors has all of it for each, and functions that choose (aot_multi.c). */
#include "jit/aot.h"

#include <assert.h>
#include <string.h>

#include "core/env.h"
#include "jit/aot_internal.h"
#include "jit/program.h"

static const site nowhere = {NULL, 0};

/* A copy that outlives the arena. */
static bool copy_text(const text *from, const allocator *source, char **out, size_t *bytes,
                      error *problem) {
    *out = allocator_take(source, from->count, 1);
    if (!*out) {
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "object: out of memory");
        return false;
    }
    memcpy(*out, from->at, from->count);
    *bytes = from->count;
    return true;
}

/* Whether something is computed in f64. */
static bool computes_f64(const nest_plan *plan) {
    for (size_t i = 0; i < plan->buffers.count; i++)
        if (plan->buffers.at[i].type == DTYPE_F64)
            return true;
    for (size_t i = 0; i < plan->kernels.count; i++)
        for (size_t k = 0; k < plan->kernels.at[i]->tape.count; k++)
            if (plan->kernels.at[i]->tape.at[k].type == BODY_F64)
                return true;
    return false;
}

/* The first value of the user's that is f64: passes cast nothing to it. */
static const op_node *find_f64(const aot *a) {
    node_list roots = {0}, order = {0};
    graph_roots(a->from, a->memory, &roots);
    graph_postorder(a->memory, roots.at, roots.count, false, &order);
    size_t i = 0;
    while (i < order.count && order.at[i]->dtype != DTYPE_F64)
        i++;
    assert(i < order.count);
    return order.at[i];
}

/* Numbers that a machine has no instructions for would be calls of a library. */
static bool aot_check_numbers(const aot *a, error *problem) {
    if (!(a->target->lacks & MACHINE_F64) || !computes_f64(a->plan))
        return true;
    const op_node *found = find_f64(a);
    error_set(problem, STATUS_UNSUPPORTED, found->where,
              "object: %s has no instructions for f64, and %s is f64; cast it, or what it is made "
              "of, to f32, or take another target",
              a->target->target, found->name ? found->name : op_get((op_id)found->op)->name);
    return false;
}

/* The object is there: what is said about it. */
static bool aot_describe(const aot *a, const allocator *source, aot_files *out, error *problem) {
    text header, manifest;
    text_init(&header, a->memory);
    text_init(&manifest, a->memory);
    aot_header(a, &header);
    if (!copy_text(&header, source, &out->header, &out->header_bytes, problem))
        return false;
    aot_manifest(a, out, &manifest);
    return copy_text(&manifest, source, &out->manifest, &out->manifest_bytes, problem) &&
           (a->file.count == 0 ||
            copy_text(&a->file, source, &out->weights, &out->weights_bytes, problem));
}

/* Where the layouts agree, calls of the model and steps of training take the same streams. */
static void aot_join_states(aot *model) {
    const char *words = aot_info_words(model, AOT_STATE);
    model->own_state = model->groups[AOT_STATE].members > 0;
    for (aot *a = model->next; a; a = a->next) {
        aot_struct *state = &a->groups[AOT_STATE];
        bool same = strcmp(words, aot_info_words(a, AOT_STATE)) == 0;
        if (same)
            state->type = model->groups[AOT_STATE].type;
        a->own_state = a->kind == AOT_TRAIN && state->members > 0 && !same;
    }
}

/* A program behind the last one. */
static void aot_add(aot *model, aot_kind kind, const graph *g, const char *part) {
    aot *last = model, *a = arena_new(model->memory, aot);
    while (last->next)
        last = last->next;
    last->next = a;
    *a = (aot){.memory = model->memory, .request = model->request, .kind = kind, .from = g};
    a->first = model;
    a->step_axis = -1;
    a->prefix = arena_print(a->memory, "%s_%s", model->prefix, part);
    a->local = arena_print(a->memory, "%s_%s", model->local, part);
}

static bool aot_lower(aot *a, error *problem) {
    a->target = a->first->target;
    a->plan = pipeline_lower(a->from, a->target, a->memory, problem);
    a->buffers = a->plan ? pipeline_plan(a->plan, a->memory, problem) : NULL;
    return a->buffers && aot_check_numbers(a, problem);
}

/* The programs of a model, for the processor that it has. */
static bool aot_programs(aot *a, error *problem) {
    const aot_training *training = a->request->training;
    if (training)
        aot_add(a, AOT_TRAIN, training->step, "train");
    if (training && training->gradient)
        aot_add(a, AOT_GRADIENT, training->gradient, "gradient");
    for (aot *p = a; p; p = p->next)
        if (!aot_lower(p, problem))
            return false;
    for (aot *p = a; p; p = p->next)
        if (!aot_interface(p, problem))
            return false;
    aot_join_states(a);
    aot_step(a);
    aot_prepared(a);
    return true;
}

/* The same for other processors. What is prepared is one of them's, behind the word which. */
static bool aot_levels(aot *a, error *problem) {
    static const char *const names[] = {"v2", "v3", "v4"};
    size_t most = 0;
    aot *last = a;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        aot *level = i == 0 ? a : arena_new(a->memory, aot);
        if (i > 0) {
            *level = (aot){.memory = a->memory, .request = a->request, .from = a->from};
            level->first = last->level = level;
            level->prefix = a->prefix;
        }
        level->target = machine_find(arena_print(a->memory, "x86-64-%s", names[i]));
        level->local = arena_print(a->memory, "%s_%s", a->prefix, names[i]);
        if (!aot_programs(level, problem))
            return false;
        most = level->prepared_bytes > most ? level->prepared_bytes : most;
        last = level;
    }
    a->prepared_bytes = PLAN_ALIGNMENT + most;
    return true;
}

static bool aot_make(aot *a, const allocator *source, aot_files *out, error *problem) {
    const bool multi = a->request->multi;
    a->target = a->request->target ? a->request->target : machine_host();
    if (!(multi ? aot_levels(a, problem) : aot_programs(a, problem)))
        return false;
    aot_weights(a);
    aot_info(a);
    emit_options options = {.prefix = a->local,
                            .target = a->target,
                            .least = multi ? machine_find("x86-64") : NULL,
                            .debug = env_number("DEBUG", 0) > 0,
                            .interface = a};
    return pipeline_emit(a->plan, &options, source, &out->object, problem) &&
           aot_describe(a, source, out, problem);
}

bool aot_compile(const graph *g, const aot_request *request, const allocator *source,
                 aot_files *out, error *problem) {
    *out = (aot_files){.object = {.source = source}};
    jmp_buf escape;
    arena memory;
    arena_init(&memory, source, &escape);
    aot a = {.memory = &memory, .request = request, .from = g, .prefix = request->prefix};
    a.first = &a;
    a.local = a.prefix;
    bool done = false;
    if (setjmp(escape) == 0)
        done = aot_make(&a, source, out, problem);
    else
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "object: out of memory");
    arena_free(&memory);
    if (problem->code == STATUS_OK && done)
        return true;
    aot_files_free(out);
    return false;
}

void aot_files_free(aot_files *files) {
    allocator_give(files->object.source, files->header, files->header_bytes);
    allocator_give(files->object.source, files->manifest, files->manifest_bytes);
    allocator_give(files->object.source, files->weights, files->weights_bytes);
    files->header = files->manifest = files->weights = NULL;
    emit_object_free(&files->object);
}
