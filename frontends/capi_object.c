/* Models as object files: what the user asks for is checked here, what only the model knows -
 * which variables belong to a stream, where weights are - is told to the compiler, and the
 * files are written together.
 *
 * The processor is never the one that compiles, unless that is asked for: an object goes to other
 * machines, and an instruction that one of them lacks ends its program. */
#include <stdio.h>
#include <string.h>

#include "core/size.h"
#include "frontends/capi.h"
#include "frontends/params.h"
#include "jit/aot.h"

static const site object_nowhere = {NULL, 0};

typedef struct object_source {
    eddy_model *model;
    eddy_params *params;
} object_source;

/* ---- what the compiler asks */

/* NULL: the model has no param of that name. */
static const capi_variable *object_variable(const eddy_model *m, const char *param) {
    for (size_t i = 0; i < m->variables.count; i++)
        if (strcmp(m->variables.at[i].node->attributes.text, param) == 0)
            return &m->variables.at[i];
    return NULL;
}

static bool object_is_state(void *user, const char *param) {
    const capi_variable *v = object_variable(((const object_source *)user)->model, param);
    return v && v->owned;
}

/* Moments of optimisers, and counters. */
static bool object_is_kept(void *user, const char *param) {
    const capi_variable *v = object_variable(((const object_source *)user)->model, param);
    return v && !v->trainable && v->init.kind == eddy_init_zeros().kind;
}

static const void *object_weights(void *user, const char *param, dtype type, const op_shape *shape,
                                  error *problem) {
    const params_tensor *t = params_find(((const object_source *)user)->params, param);
    char here[256], there[256];
    params_describe(dtype_name(type), shape, here, sizeof here);
    if (!t) {
        error_set(problem, STATUS_MISSING, object_nowhere,
                  "object: the parameter %s, %s, is not in the params; make a run with them, or "
                  "load a file that has it",
                  param, here);
        return NULL;
    }
    if (t->type == type && op_shape_equal(&t->shape, shape))
        return t->data;
    error_set(problem, STATUS_SHAPE, object_nowhere,
              "object: the parameter %s is %s in the program, but %s in the params", param, here,
              params_describe(dtype_name(t->type), &t->shape, there, sizeof there));
    return NULL;
}

/* ---- what the user gives */

static const char object_native[] = "native", object_multi[] = "multi";

static bool object_is_multi(const eddy_object_options *how) {
    return how && how->cpu && strcmp(how->cpu, object_multi) == 0;
}

static bool object_is_native(const eddy_object_options *how) {
    return how && how->cpu && strcmp(how->cpu, object_native) == 0;
}

/* A cpu says its target. */
static const machine *object_machine(const eddy_object_options *how) {
    if (object_is_native(how))
        return machine_host();
    if (object_is_multi(how))
        return machine_for("x86-64");
    if (how && how->cpu)
        return machine_find(how->cpu);
    return machine_for(how && how->target ? how->target : "x86-64");
}

static void object_check_machine(eddy_model *m, const eddy_object_options *how) {
    const machine *row = object_machine(how);
    if (object_is_native(how) && !row)
        capi_fail(m, EDDY_UNSUPPORTED,
                  "object: the cpu is to be this machine's, but it has no AVX2 with FMA, or not "
                  "what EDDY_CPU names; name a cpu");
    else if (how && how->target && !machine_for(how->target))
        capi_fail(m, EDDY_BAD_ARGUMENT,
                  "object: there is no target \"%.200s\"; there are x86-64, aarch64, armv7, "
                  "riscv64, cortex-m4f and wasm32",
                  how->target);
    else if (!row)
        capi_fail(m, EDDY_BAD_ARGUMENT,
                  "object: there is no cpu \"%.200s\"; there are x86-64-v2 (sse4), x86-64-v3 "
                  "(avx2), x86-64-v4 (avx512), multi and native, and the one cpu of every other "
                  "target",
                  how->cpu);
    else if (how && how->target && strcmp(how->target, row->target) != 0)
        capi_fail(m, EDDY_BAD_ARGUMENT,
                  "object: the cpu %.200s is one of %s, and the target is %.200s; leave out one "
                  "of the two",
                  how->cpu, row->target, how->target);
    else if (how && how->flush && !aot_flushes(row))
        capi_fail(m, EDDY_UNSUPPORTED,
                  "object: %s has no setting by which denormals are zeros; leave out flush",
                  row->target);
}

/* The name of the files. */
static const char *object_file(const char *stem) {
    const char *slash = strrchr(stem, '/');
    return slash ? slash + 1 : stem;
}

static bool object_is_identifier(const char *word) {
    for (const char *c = word; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        bool digit = (*c >= '0' && *c <= '9') || *c == '_';
        if (!letter && !(digit && c > word))
            return false;
    }
    return *word != 0;
}

/* Names of an object x go on like this, so one that is called x_train would share them. NULL: this
 * prefix does not end so. */
static const char *object_taken(const char *prefix) {
    static const char *const endings[] = {"_train", "_gradient", "_step", "_sequence"};
    size_t length = strlen(prefix);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t own = strlen(endings[i]);
        if (length > own && strcmp(prefix + length - own, endings[i]) == 0)
            return endings[i];
    }
    return NULL;
}

static void object_check(eddy_model *m, const char *prefix, const char *stem,
                         const eddy_object_options *how) {
    if (!prefix || !object_is_identifier(prefix) || strlen(prefix) > LIMIT_NAME)
        capi_fail(
            m, EDDY_BAD_ARGUMENT,
            "object: the prefix \"%.200s\" is no C identifier: a letter, then letters, digits "
            "and '_', at most %d",
            prefix ? prefix : "", (int)LIMIT_NAME);
    else if (object_taken(prefix))
        capi_fail(m, EDDY_BAD_ARGUMENT,
                  "object: the prefix \"%.200s\" ends in %s, as names of the object \"%.*s\" "
                  "would go on; take another one",
                  prefix, object_taken(prefix),
                  (int)(strlen(prefix) - strlen(object_taken(prefix))), prefix);
    if (!stem || !*object_file(stem))
        capi_fail(m, EDDY_BAD_ARGUMENT, "object: no path for the files is given");
    object_check_machine(m, how);
    if (m->graph.outputs.count + m->graph.updates.count == 0)
        capi_fail(m, EDDY_BAD_ARGUMENT, "object: the model has no output and no update");
    if (how && how->apart && !how->params)
        capi_fail(m, EDDY_BAD_ARGUMENT, "object: there are no weights that could stand apart");
}

static void object_prepare(eddy_model *of, const char *prefix, const char *stem,
                           const eddy_object_options *how) {
    const eddy_site nowhere = {NULL, 0};
    of->graph.builder.where = object_nowhere;
    CAPI_DO(of, nowhere, object_check(m, prefix, stem, how));
    CAPI_DO(of, nowhere, capi_carry_finish(m));
}

/* ---- training */

/* Params of both models are the same ones. */
static void object_compare(eddy_model *m, const eddy_model *training) {
    char here[256], there[256];
    for (size_t i = 0; i < training->variables.count; i++) {
        const op_node *y = training->variables.at[i].node;
        const capi_variable *v = object_variable(m, y->attributes.text);
        const op_node *x = v ? v->node : NULL;
        bool same = !x || v->owned || training->variables.at[i].owned ||
                    (x->dtype == y->dtype && op_shape_equal(&x->shape, &y->shape));
        if (same)
            continue;
        capi_fail(m, EDDY_SHAPE_MISMATCH,
                  "object: the parameter %s is %s in the model, but %s in that for training",
                  y->attributes.text,
                  params_describe(dtype_name((dtype)x->dtype), &x->shape, here, sizeof here),
                  params_describe(dtype_name((dtype)y->dtype), &y->shape, there, sizeof there));
    }
}

static bool object_learns(const eddy_model *training) {
    for (size_t i = 0; i < training->graph.updates.count; i++) {
        const char *name = training->graph.updates.at[i].variable->attributes.text;
        const capi_variable *v = object_variable(training, name);
        if (v && !v->owned)
            return true;
    }
    return false;
}

static void object_check_training(eddy_model *m, eddy_model *training) {
    if (training == m)
        capi_fail(m, EDDY_BAD_ARGUMENT,
                  "object: the model for training must be another one than the model");
    else if (training->problem.code != STATUS_OK)
        capi_fail(m, eddy_model_status(training), "object: the model for training: %s",
                  training->problem.message);
    else if (!object_learns(training))
        capi_fail(m, EDDY_BAD_ARGUMENT,
                  "object: the model for training updates no parameter; eddy_minimise does");
    else
        object_compare(m, training);
}

/* Longer than the name of every output so far: behind other names it makes names of its own. */
static const char *object_ending(eddy_model *m) {
    size_t longest = 0;
    for (size_t i = 0; i < m->graph.outputs.count; i++) {
        size_t length = strlen(m->graph.outputs.at[i].name);
        longest = length > longest ? length : longest;
    }
    char *out = arena_array(&m->memory, char, longest + 2);
    memset(out, '\'', longest + 1);
    return out;
}

/* The program of the gradient: states alone are updated, and what eddy_minimise learns has an
 * output each, behind the others. */
static void object_gradient(eddy_model *m, graph *out, const char ***learned) {
    const graph empty = {.axis_count = 0};
    const char *ending = object_ending(m);
    *out = m->graph;
    out->outputs = empty.outputs;
    out->updates = empty.updates;
    for (size_t i = 0; i < m->graph.outputs.count; i++)
        vec_push(&m->memory, &out->outputs, m->graph.outputs.at[i]);
    for (size_t i = 0; i < m->graph.updates.count; i++) {
        const graph_update *u = &m->graph.updates.at[i];
        if (object_variable(m, u->variable->attributes.text)->owned)
            vec_push(&m->memory, &out->updates, *u);
    }
    *learned = arena_array(&m->memory, const char *, m->learned.count + 1);
    for (size_t i = 0; i < m->learned.count; i++) {
        const capi_learned *one = &m->learned.at[i];
        const char *name = one->param->attributes.text;
        graph_output made = {arena_print(&m->memory, "%s%s", name, ending), one->gradient};
        vec_push(&m->memory, &out->outputs, made);
        (*learned)[i] = name;
    }
}

static void object_prepare_training(eddy_model *of, graph *gradient, const char ***learned) {
    const eddy_site nowhere = {NULL, 0};
    of->graph.builder.where = object_nowhere;
    CAPI_DO(of, nowhere, capi_carry_finish(m));
    CAPI_DO(of, nowhere, object_gradient(m, gradient, learned));
}

/* What the compiler is told of it. A mistake goes to m. */
static void object_training(eddy_model *m, eddy_model *training, object_source *source,
                            graph *gradient, aot_training *out) {
    const char **learned = NULL;
    *source = (object_source){.model = training};
    object_prepare_training(training, gradient, &learned);
    object_check_training(m, training);
    *out = (aot_training){.step = &training->graph,
                          .gradient = training->learned.count ? gradient : NULL,
                          .no_gradient = "the model for training has no eddy_minimise",
                          .learned = learned,
                          .learned_count = training->learned.count,
                          .is_state = object_is_state,
                          .is_kept = object_is_kept,
                          .user = source};
}

/* ---- files */

static void object_write(eddy_model *m, const char *stem, const aot_files *made) {
    enum { FILES = 4 };
    size_t bytes = strlen(stem) + sizeof ".weights", count = made->weights ? FILES : FILES - 1;
    char *names = NULL;
    if (bytes < PTRDIFF_MAX / FILES)
        names = allocator_take(&m->source, FILES * bytes, 1);
    if (!names) {
        capi_fail(m, EDDY_OUT_OF_MEMORY, "object: out of memory");
        return;
    }
    const files_part parts[FILES] = {{made->object.bytes, made->object.count},
                                     {made->header, made->header_bytes},
                                     {made->manifest, made->manifest_bytes},
                                     {made->weights, made->weights_bytes}};
    static const char *const endings[FILES] = {".o", ".h", ".json", ".weights"};
    files_new list[FILES];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names + i * bytes, bytes, "%s%s", stem, endings[i]);
        list[i] = (files_new){names + i * bytes, &parts[i], 1};
    }
    files_write_together(&m->disk, &m->source, list, count, &m->problem);
    allocator_give(&m->source, names, FILES * bytes);
}

eddy_status eddy_compile_to_object(eddy_model *m, const char *prefix, const char *stem,
                                   const eddy_object_options *how) {
    if (!m)
        return EDDY_OUT_OF_MEMORY;
    eddy_params *params = how ? how->params : NULL;
    object_prepare(m, prefix, stem, how);
    if (m->problem.code != STATUS_OK)
        return eddy_model_status(m);
    char producer[32];
    (void)snprintf(producer, sizeof producer, "Eddy %s", eddy_version_string());
    object_source source = {.model = m, .params = params}, other;
    aot_training training;
    graph gradient;
    if (how && how->training)
        object_training(m, how->training, &other, &gradient, &training);
    if (m->problem.code != STATUS_OK)
        return eddy_model_status(m);
    aot_request request = {.prefix = prefix,
                           .file = object_file(stem),
                           .producer = producer,
                           .target = object_machine(how),
                           .multi = object_is_multi(how),
                           .is_state = object_is_state,
                           .weights = params ? object_weights : NULL,
                           .apart = how && how->apart,
                           .flush = how && how->flush,
                           .training = how && how->training ? &training : NULL,
                           .user = &source};
    for (int a = 0; a < m->graph.axis_count; a++)
        request.carried |= (uint32_t)m->axes[a].carried << a;
    aot_files made;
    if (aot_compile(&m->graph, &request, &m->source, &made, &m->problem)) {
        object_write(m, stem, &made);
        aot_files_free(&made);
    }
    return eddy_model_status(m);
}
