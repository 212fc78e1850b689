/* Runs: a program, its parameters, and the memory of one use.
 *
 * Everything is checked where the user gives it, by name, so a call only computes. The first
 * mistake sticks until it is cleared: a training loop may set its inputs, call, and look at one
 * status. Pointers that were checked against extents are forgotten when extents change. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/run.h"

static const site run_nowhere = {NULL, 0};

/* ---- mistakes */

eddy_status run_fail(eddy_run *r, eddy_status code, const char *format, ...) {
    va_list list;
    va_start(list, format);
    error_set_list(&r->problem, (status)code, run_nowhere, format, list);
    va_end(list);
    return (eddy_status)r->problem.code;
}

eddy_status eddy_run_status(const eddy_run *r) {
    return r ? (eddy_status)r->problem.code : EDDY_OUT_OF_MEMORY;
}

const char *eddy_run_message(const eddy_run *r) {
    return r ? r->problem.message : "out of memory";
}

void eddy_run_clear(eddy_run *r) {
    if (r && r->code) /* else it was never made: nothing can be done with it */
        error_clear(&r->problem);
}

static bool run_good(const eddy_run *r) {
    return r && r->problem.code == STATUS_OK;
}

/* ---- slots by name */

static int run_find(const eddy_run *r, eddy_role role, const char *name) {
    for (int i = 0; name && i < r->count; i++)
        if (r->program->parts[i].role == role &&
            strcmp(program_slot_at(r->program->code, i)->name, name) == 0)
            return i;
    return -1;
}

int run_slot(eddy_run *r, eddy_role role, const char *what, const char *name) {
    static const char *const words[] = {[EDDY_INPUT] = "input",
                                        [EDDY_OUTPUT] = "output",
                                        [EDDY_PARAM] = "parameter",
                                        [EDDY_STATE] = "carried state"};
    int found = run_find(r, role, name);
    if (found >= 0)
        return found;
    char known[LIMIT_MESSAGE / 2] = "";
    size_t used = 0;
    for (int k = 0; k < r->count && used < sizeof known; k++) {
        int i = r->program->order[k];
        if (r->program->parts[i].role != role)
            continue;
        int more = snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                            program_slot_at(r->program->code, i)->name);
        used += more > 0 ? (size_t)more : 0;
    }
    run_fail(r, EDDY_BAD_ARGUMENT, "%s: the program has no %s \"%s\"; it has: %s", what,
             words[role], name ? name : "", used ? known : "none");
    return -1;
}

/* "f32 {t 64, b 32} [3]" of a slot at the run's extents. */
static const char *run_describe(const eddy_run *r, int slot, char *out, size_t bytes) {
    const program_slot *of = program_slot_at(r->program->code, slot);
    size_t used = 0;
#define ADD(...)                                                                                   \
    do {                                                                                           \
        int more = used < bytes ? snprintf(out + used, bytes - used, __VA_ARGS__) : 0;             \
        used += more > 0 ? (size_t)more : 0;                                                       \
    } while (0)
    ADD("%s {", dtype_name(of->type));
    for (int i = 0; i < of->axis_count; i++)
        ADD("%s%s %lld", i ? ", " : "", program_axis_name(r->program->code, of->axes[i]),
            (long long)r->extents[of->axes[i]]);
    ADD("} [");
    for (int i = 0; i < of->shape.rank; i++) {
        int64_t n = of->shape.dimension[i];
        ADD("%s%lld", i ? ", " : "", (long long)(n < 0 ? r->extents[-1 - n] : n));
    }
    ADD("]");
#undef ADD
    return out;
}

bool run_fits(eddy_run *r, int slot, const char *what, const void *memory, size_t elements) {
    const program_slot *of = program_slot_at(r->program->code, slot);
    if (!r->sized && (of->axis_count > 0 || op_shape_elements(&of->shape) < 0)) {
        run_fail(r, EDDY_MISSING, "%s: the extents are not known yet; call eddy_run_resize first",
                 what);
        return false;
    }
    char words[512];
    size_t wanted = program_run_elements(r->code, slot);
    if (elements != wanted)
        run_fail(r, EDDY_BAD_SIZE, "%s: \"%s\" is %s with %zu elements, but %zu are given", what,
                 of->name, run_describe(r, slot, words, sizeof words), wanted, elements);
    else if (!memory && elements > 0)
        run_fail(r, EDDY_BAD_ARGUMENT, "%s: the memory for \"%s\" is NULL", what, of->name);
    return r->problem.code == STATUS_OK;
}

/* ---- parameters */

static params_tensor *run_tensor(eddy_run *r, int slot) {
    const program_slot *of = program_slot_at(r->program->code, slot);
    params_tensor *t = params_find(r->params, of->name);
    char here[256], there[256];
    params_describe(dtype_name(of->type), &of->shape, here, sizeof here);
    if (t && (t->type != of->type || !op_shape_equal(&t->shape, &of->shape))) {
        run_fail(r, EDDY_SHAPE_MISMATCH,
                 "run: the parameter %s is %s in the program, but %s in the params", of->name, here,
                 params_describe(dtype_name(t->type), &t->shape, there, sizeof there));
        return NULL;
    }
    if (t)
        return t;
    if (r->params->closed) {
        run_fail(r, EDDY_MISSING,
                 "run: the parameter %s, %s, is not in the params, which take no new ones; load a "
                 "file that has it, or call eddy_params_close(params, false)",
                 of->name, here);
        return NULL;
    }
    const program_part *part = &r->program->parts[slot];
    t = params_add(r->params, of->name, of->type, &of->shape, part->trainable);
    return t && params_init(r->params, t, part->init) ? t : NULL;
}

/* All of the program's parameters, or none new. */
static bool run_take_params(eddy_run *r) {
    eddy_params *s = r->params;
    int before = s->count;
    for (int k = 0; k < r->count && run_good(r) && s->problem.code == STATUS_OK; k++) {
        int i = r->program->order[k];
        if (r->program->parts[i].role != EDDY_PARAM)
            continue;
        params_tensor *t = run_tensor(r, i);
        if (t) {
            t->trainable |= r->program->parts[i].trainable;
            program_run_bind(r->code, i, t->data);
        }
    }
    if (s->problem.code != STATUS_OK && run_good(r)) {
        r->problem = s->problem;
        error_clear(&s->problem);
    }
    if (!run_good(r))
        params_cut(s, before);
    return run_good(r);
}

/* ---- life */

static bool run_all_fixed(const eddy_run *r) {
    for (int a = 0; a < program_axis_count(r->program->code); a++)
        if (r->extents[a] < 0)
            return false;
    return true;
}

static void run_make(eddy_run *r) {
    const program *code = r->program->code;
    for (int a = 0; a < program_axis_count(code); a++)
        r->extents[a] = program_axis_extent(code, a);
    if (eddy_params_status(r->params) != EDDY_OK) {
        run_fail(r, eddy_params_status(r->params), "run: the params have a mistake: %s",
                 eddy_params_message(r->params));
        return;
    }
    for (int i = 0; i < r->count; i++) {
        bool updated = program_slot_at(code, i)->updated;
        r->trains |= updated && r->program->parts[i].role == EDDY_PARAM;
        assert((updated || r->program->parts[i].role != EDDY_STATE) &&
               "what a run may write itself counts as changed by every call");
    }
    r->code = program_run_new(code, &r->source, &r->problem);
    if (r->code && run_take_params(r) &&
        (!run_all_fixed(r) || eddy_run_resize(r, NULL, 0) == EDDY_OK))
        return;
    program_run_free(r->code);
    r->code = NULL;
}

static size_t run_bytes(int count) {
    return sizeof(eddy_run) + (size_t)count * sizeof(run_part);
}

eddy_status eddy_run_new(const eddy_program *p, eddy_params *s, eddy_run **out) {
    *out = NULL;
    if (!p || !s)
        return p ? EDDY_OUT_OF_MEMORY : EDDY_BAD_ARGUMENT;
    allocator source = p->source;
    size_t bytes = run_bytes(p->count);
    eddy_run *r = allocator_take(&source, bytes, 64);
    if (!r)
        return EDDY_OUT_OF_MEMORY;
    memset(r, 0, bytes);
    r->program = p;
    r->params = s;
    r->source = source;
    r->count = p->count;
    r->parts = (run_part *)(r + 1);
    *out = r;
    run_make(r);
    return eddy_run_status(r);
}

void eddy_run_free(eddy_run *r) {
    if (!r)
        return;
    program_run_free(r->code);
    for (int i = 0; i < r->count; i++)
        allocator_give(&r->source, r->parts[i].memory, r->parts[i].bytes);
    allocator source = r->source;
    allocator_give(&source, r, run_bytes(r->count));
}

/* ---- extents */

static int run_axis(const eddy_run *r, const char *name) {
    for (int a = 0; name && a < program_axis_count(r->program->code); a++)
        if (strcmp(program_axis_name(r->program->code, a), name) == 0)
            return a;
    return -1;
}

static void run_unknown_axis(eddy_run *r, const char *name) {
    char known[LIMIT_MESSAGE / 2] = "";
    size_t used = 0;
    int count = program_axis_count(r->program->code);
    for (int a = 0; a < count && used < sizeof known; a++) {
        int more = snprintf(known + used, sizeof known - used, "%s%s", a ? ", " : "",
                            program_axis_name(r->program->code, a));
        used += more > 0 ? (size_t)more : 0;
    }
    run_fail(r, EDDY_BAD_ARGUMENT, "resize: the program has no axis \"%s\"; it has: %s",
             name ? name : "", count ? known : "none");
}

static void run_wanted(eddy_run *r, const eddy_extent *extents, int count, int64_t *wanted) {
    const program *code = r->program->code;
    memcpy(wanted, r->extents, sizeof r->extents);
    for (int i = 0; i < count; i++) {
        int axis = run_axis(r, extents[i].axis);
        int64_t fixed = axis < 0 ? -1 : program_axis_extent(code, axis);
        if (axis < 0)
            run_unknown_axis(r, extents[i].axis);
        else if (fixed >= 0 && extents[i].extent != fixed)
            run_fail(r, EDDY_BAD_ARGUMENT,
                     "resize: the extent of axis %s is fixed at %lld, not %lld", extents[i].axis,
                     (long long)fixed, (long long)extents[i].extent);
        else if (extents[i].extent < 0)
            run_fail(r, EDDY_BAD_ARGUMENT, "resize: the extent %lld of axis %s is negative",
                     (long long)extents[i].extent, extents[i].axis);
        else if (extents[i].extent > INT32_MAX)
            run_fail(r, EDDY_BAD_SIZE, "resize: the extent %lld of axis %s is not between 0 and %d",
                     (long long)extents[i].extent, extents[i].axis, INT32_MAX);
        else
            wanted[axis] = extents[i].extent;
    }
    for (int a = 0; a < program_axis_count(code); a++)
        if (wanted[a] < 0)
            run_fail(r, EDDY_MISSING, "resize: the extent of axis %s is not given",
                     program_axis_name(code, a));
}

eddy_status eddy_run_resize(eddy_run *r, const eddy_extent *extents, int count) {
    int64_t wanted[LIMIT_AXES];
    if (!run_good(r))
        return eddy_run_status(r);
    run_wanted(r, extents, count, wanted);
    if (!run_good(r))
        return eddy_run_status(r);
    if (!run_states_take(r, wanted))
        return eddy_run_status(r);
    if (program_run_resize(r->code, wanted, &r->problem) != STATUS_OK) {
        run_states_drop(r);
        return eddy_run_status(r);
    }
    memcpy(r->extents, wanted, sizeof wanted);
    r->sized = true;
    run_states_keep(r);
    for (int i = 0; i < r->count; i++) {
        eddy_role role = r->program->parts[i].role;
        bool scalar = role == EDDY_INPUT && program_run_bound(r->code, i) == &r->parts[i].scalar;
        if ((role == EDDY_INPUT && !scalar) || role == EDDY_OUTPUT)
            program_run_bind(r->code, i, NULL);
    }
    return EDDY_OK;
}

eddy_status eddy_run_block(eddy_run *r, int64_t steps) {
    if (!run_good(r))
        return eddy_run_status(r);
    if (steps < 0)
        return run_fail(r, EDDY_BAD_ARGUMENT, "block: %lld steps; give 0 or more",
                        (long long)steps);
    program_run_set_block(r->code, steps);
    return EDDY_OK;
}

int64_t eddy_run_extent(const eddy_run *r, const char *axis) {
    int a = r ? run_axis(r, axis) : -1;
    return a < 0 ? -1 : r->extents[a];
}

eddy_status eddy_run_threads(eddy_run *r, int threads) {
    if (run_good(r))
        program_run_threads(r->code, threads, &r->problem);
    return eddy_run_status(r);
}

int eddy_run_thread_count(const eddy_run *r) {
    cost_grid grid = r && r->code ? program_run_grid_now(r->code) : (cost_grid){1, 1};
    return grid.samples * grid.units;
}

size_t eddy_run_bytes(const eddy_run *r) {
    size_t bytes = r && r->code ? program_run_arena_bytes(r->code) : 0;
    for (int i = 0; r && i < r->count; i++)
        bytes += r->parts[i].bytes;
    return bytes;
}

void eddy_run_watch(eddy_run *r) {
    if (r && r->code)
        program_run_watch(r->code);
}

bool eddy_run_watched(const eddy_run *r, int i, eddy_watched *out) {
    watch_found found;
    if (!r || !r->code || !out || !program_run_watched(r->code, i, &found))
        return false;
    *out = (eddy_watched){found.name,       found.seconds, found.calls,
                          found.arithmetic, found.bytes,   found.resident};
    return true;
}

/* ---- inputs and outputs */

/* The compiled code does not write through the pointers of inputs. */
static void *run_writable(const void *from) {
    union {
        const void *given;
        void *taken;
    } pointer = {.given = from};
    return pointer.taken;
}

eddy_status eddy_run_input(eddy_run *r, const char *name, const void *from, size_t elements) {
    if (!run_good(r))
        return eddy_run_status(r);
    int slot = run_slot(r, EDDY_INPUT, "input", name);
    if (slot >= 0 && run_fits(r, slot, "input", from, elements))
        program_run_bind(r->code, slot, run_writable(from));
    return eddy_run_status(r);
}

eddy_status eddy_run_scalar(eddy_run *r, const char *name, double value) {
    if (!run_good(r))
        return eddy_run_status(r);
    int slot = run_slot(r, EDDY_INPUT, "scalar", name);
    if (slot < 0)
        return eddy_run_status(r);
    const program_slot *of = program_slot_at(r->program->code, slot);
    run_part *part = &r->parts[slot];
    double low = of->type == DTYPE_BOOL ? 0 : INT32_MIN,
           high = of->type == DTYPE_BOOL ? 1 : INT32_MAX;
    if (of->axis_count > 0 || of->shape.rank > 0)
        return run_fail(r, EDDY_BAD_SIZE,
                        "scalar: \"%s\" has axes or dimensions; give it with eddy_run_input", name);
    if (!dtype_is_float(of->type) && !(value >= low && value <= high && value == floor(value)))
        return run_fail(r, EDDY_BAD_ARGUMENT, "scalar: \"%s\" is %s and cannot be %g", name,
                        dtype_name(of->type), value);
    if (of->type == DTYPE_F32)
        part->scalar.f32 = (float)value;
    else if (of->type == DTYPE_F64)
        part->scalar.f64 = value;
    else if (of->type == DTYPE_I32)
        part->scalar.i32 = (int32_t)value;
    else
        part->scalar.boolean = value != 0;
    program_run_bind(r->code, slot, &part->scalar);
    return EDDY_OK;
}

eddy_status eddy_run_output(eddy_run *r, const char *name, void *to, size_t elements) {
    if (!run_good(r))
        return eddy_run_status(r);
    int slot = run_slot(r, EDDY_OUTPUT, "output", name);
    if (slot >= 0 && (!to || run_fits(r, slot, "output", to, elements)))
        program_run_bind(r->code, slot, to);
    return eddy_run_status(r);
}

eddy_status eddy_run_call(eddy_run *r) {
    if (!run_good(r))
        return eddy_run_status(r);
    if (!r->sized)
        return run_fail(r, EDDY_MISSING,
                        "call: the extents are not known yet; call eddy_run_resize first");
    if (r->called && r->changes == r->params->changes)
        program_run_unchanged(r->code);
    r->called = program_run_call(r->code, &r->problem) == STATUS_OK;
    r->params->changes += r->trains;
    r->changes = r->params->changes;
    return eddy_run_status(r);
}

size_t eddy_run_elements(eddy_run *r, const char *name) {
    static const eddy_role roles[] = {EDDY_INPUT, EDDY_OUTPUT, EDDY_PARAM, EDDY_STATE};
    for (size_t i = 0; r && r->code && i < sizeof roles / sizeof roles[0]; i++) {
        int slot = run_find(r, roles[i], name);
        if (slot >= 0)
            return program_run_elements(r->code, slot);
    }
    return 0;
}

const void *eddy_run_read(eddy_run *r, const char *name) {
    if (!run_good(r))
        return NULL;
    int slot = run_slot(r, EDDY_OUTPUT, "read", name);
    return slot < 0 ? NULL : program_run_bound(r->code, slot);
}

double eddy_run_number(eddy_run *r, const char *name) {
    const void *at = eddy_run_read(r, name);
    if (!at)
        return NAN;
    int slot = run_find(r, EDDY_OUTPUT, name);
    if (!run_fits(r, slot, "number", at, 1))
        return NAN;
    switch (program_slot_at(r->program->code, slot)->type) {
    case DTYPE_F32:
        return *(const float *)at;
    case DTYPE_F64:
        return *(const double *)at;
    case DTYPE_I32:
        return *(const int32_t *)at;
    default:
        return *(const uint8_t *)at;
    }
}
