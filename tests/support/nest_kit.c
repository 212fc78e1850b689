/* Builder of hand-made plans, and what compares their compiled code with the interpreter's numbers
 * (nest_walk.c). */
#include "tests/support/nest_kit.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "core/threads.h"
#include "jit/split.h"

/* ---- building */

nest_plan *kit_plan(arena *memory) {
    nest_plan *p = arena_new(memory, nest_plan);
    p->memory = memory;
    return p;
}

int kit_buffer(nest_plan *p, nest_storage storage, dtype type, const int *axes, int rank,
               const int64_t *shape) {
    nest_buffer b;
    memset(&b, 0, sizeof b);
    b.name = arena_print(p->memory, "buffer%zu", p->buffers.count);
    b.storage = storage;
    b.type = type;
    while (axes[b.axis_count] >= 0) {
        b.axes[b.axis_count] = axes[b.axis_count];
        b.axis_count++;
    }
    b.shape.rank = rank;
    for (int i = 0; i < rank; i++)
        b.shape.dimension[i] = shape[i];
    vec_push(p->memory, &p->buffers, b);
    return (int)p->buffers.count - 1;
}

nest *kit_nest(nest_plan *p, nest_list *list, const char *name, const int *loops) {
    nest *n = arena_new(p->memory, nest);
    n->name = name;
    while (loops && loops[n->loop_count] >= 0) {
        n->loops[n->loop_count] = loops[n->loop_count];
        n->loop_count++;
    }
    vec_push(p->memory, &p->kernels, n);
    nest_item item = {.kernel = n};
    if (!list)
        list = &p->items;
    vec_push(p->memory, list, item);
    return n;
}

nest_list *kit_loop(nest_plan *p, int axis, int sign) {
    nest_item item = {.axis = axis, .sign = sign};
    vec_push(p->memory, &p->items, item);
    return &vec_last(&p->items).items;
}

static nest_ref add(nest_plan *p, nest *n, nest_instruction in) {
    vec_push(p->memory, &n->tape, in);
    return (nest_ref)n->tape.count - 1;
}

static nest_instruction blank(nest_op op, body_type type, int which) {
    nest_instruction in;
    memset(&in, 0, sizeof in);
    in.op = (uint8_t)op;
    in.type = (uint8_t)type;
    in.which = which;
    in.code.a = in.code.b = in.code.c = in.value = -1;
    in.code.type = (uint8_t)type;
    return in;
}

nest_ref kit_range(nest_plan *p, nest *n, int64_t count, int flags) {
    nest_range r = {.count = count,
                    .descending = (flags & KIT_DESCENDING) != 0,
                    .folded = (flags & KIT_FOLDED) != 0,
                    .ordered = (flags & KIT_ORDERED) != 0};
    vec_push(p->memory, &n->ranges, r);
    return kit_special(p, n, NEST_RANGE, BODY_I64, (int)n->ranges.count - 1);
}

nest_ref kit_special(nest_plan *p, nest *n, nest_op op, body_type type, int which) {
    return add(p, n, blank(op, type, which));
}

nest_ref kit_body(nest_plan *p, nest *n, body_op op, body_type type, nest_ref a, nest_ref b,
                  nest_ref c) {
    nest_instruction in = blank(NEST_BODY, type, 0);
    in.code.op = (uint8_t)op;
    in.code.a = a;
    in.code.b = b;
    in.code.c = c;
    return add(p, n, in);
}

nest_ref kit_integer(nest_plan *p, nest *n, int64_t value) {
    nest_instruction in = blank(NEST_BODY, BODY_I64, 0);
    in.code.op = BODY_CONSTANT;
    in.code.immediate.i = value;
    return add(p, n, in);
}

nest_ref kit_real(nest_plan *p, nest *n, body_type type, double value) {
    nest_instruction in = blank(NEST_BODY, type, 0);
    in.code.op = BODY_CONSTANT;
    in.code.immediate.f = value;
    return add(p, n, in);
}

static nest_instruction access(nest_plan *p, nest_op op, int buffer, int count,
                               const nest_ref *at) {
    nest_instruction in = blank(op, (body_type)p->buffers.at[buffer].type, buffer);
    in.at = arena_array(p->memory, nest_ref, count + 1);
    if (count > 0)
        memcpy(in.at, at, sizeof *at * (size_t)count);
    in.at_count = count;
    return in;
}

nest_ref kit_load(nest_plan *p, nest *n, int buffer, int count, const nest_ref *at) {
    return add(p, n, access(p, NEST_LOAD, buffer, count, at));
}

void kit_store(nest_plan *p, nest *n, int buffer, int count, const nest_ref *at, nest_ref value) {
    nest_instruction in = access(p, NEST_STORE, buffer, count, at);
    in.value = value;
    add(p, n, in);
}

nest_ref kit_fold(nest_plan *p, nest *n, body_type type, body_value identity) {
    nest_fold f = {type, identity, -1, -1};
    vec_push(p->memory, &n->folds, f);
    return kit_special(p, n, NEST_FOLD, type, (int)n->folds.count - 1);
}

nest_ref kit_fold_next(nest_plan *p, nest *n, int fold, nest_ref next) {
    n->folds.at[fold].next = next;
    return kit_special(p, n, NEST_RESULT, n->folds.at[fold].type, fold);
}

/* ---- comparing */

enum { KIT_BEHIND = 128 /* bytes behind a buffer that must not change */ };

static void fill(const nest_buffer *b, void *at, size_t elements, uint64_t seed) {
    uint64_t stream = rng_stream_of(b->name);
    for (size_t i = 0; i < elements; i++) {
        double normal = rng_normal(seed, stream, i), even = rng_uniform(seed, stream, i);
        if (b->type == DTYPE_F32)
            ((float *)at)[i] = (float)normal;
        else if (b->type == DTYPE_F64)
            ((double *)at)[i] = normal;
        else if (b->type == DTYPE_I32)
            ((int32_t *)at)[i] = (int32_t)floor(even * 8);
        else
            ((uint8_t *)at)[i] = even < 0.5;
    }
}

static void **make_buffers(const nest_plan *p, const int64_t *extents, uint64_t seed) {
    void **made = arena_array(p->memory, void *, p->buffers.count + 1);
    for (size_t i = 0; i < p->buffers.count; i++) {
        const nest_buffer *b = &p->buffers.at[i];
        size_t elements = kit_elements(b, extents);
        size_t bytes = kit_held(b, extents) * dtype_size(b->type);
        if (b->storage == NEST_CONSTANT) {
            made[i] = arena_take(p->memory, b->data_bytes);
            memcpy(made[i], b->data, b->data_bytes);
            continue;
        }
        made[i] = arena_take(p->memory, bytes + KIT_BEHIND);
        memset(made[i], 0x5a, bytes + KIT_BEHIND);
        if (b->storage == NEST_INPUT || b->storage == NEST_PARAM)
            fill(b, made[i], elements, seed);
    }
    return made;
}

static bool same_element(dtype type, const char *x, const char *y) {
    size_t size = dtype_size(type);
    if (memcmp(x, y, size) == 0)
        return true;
    double a = NAN, b = 0;
    if (type == DTYPE_F64) {
        memcpy(&a, x, size);
        memcpy(&b, y, size);
    } else if (type == DTYPE_F32) {
        float f, g;
        memcpy(&f, x, size);
        memcpy(&g, y, size);
        a = (double)f;
        b = (double)g;
    } else {
        return false;
    }
    return isnan(a) && isnan(b);
}

static const char *compare(const nest_plan *p, const int64_t *extents, void **expected, void **got,
                           const char *how) {
    for (size_t i = 0; i < p->buffers.count; i++) {
        const nest_buffer *b = &p->buffers.at[i];
        size_t size = dtype_size(b->type), elements = kit_elements(b, extents);
        if (b->storage == NEST_CONSTANT)
            continue;
        for (size_t k = 0; k < elements; k++)
            if (!same_element(b->type, (char *)expected[i] + k * size, (char *)got[i] + k * size))
                return arena_print(p->memory, "%s: element %zu of %s (%s) differs", how, k, b->name,
                                   dtype_name(b->type));
        if (memcmp((char *)expected[i] + elements * size, (char *)got[i] + elements * size,
                   KIT_BEHIND) != 0)
            return arena_print(p->memory, "%s: wrote behind %s", how, b->name);
    }
    return NULL;
}

/* Threads that run a compiled plan together. */
enum { KIT_TEAM = 3 };
typedef struct team {
    engine_entry run;
    void **buffers;
    const int64_t *extents;
    threads_barrier barrier;
    int64_t contexts[KIT_TEAM][EMIT_CONTEXT];
} team;

static void team_meet(int64_t *context) {
    threads_meet((threads_barrier *)(uintptr_t)context[EMIT_BARRIER], (int)context[EMIT_THREADS]);
}

static void team_part(void *user, int thread, int count) {
    team *t = user;
    emit_context(t->contexts[thread], thread, 1, count, team_meet, &t->barrier);
    t->run(t->buffers, t->extents, t->contexts[thread]);
}

static const char *check_row(const nest_plan *p, const int64_t *extents, uint64_t seed,
                             const machine *row, void **expected) {
    error problem = {.code = STATUS_OK};
    emit_options options = {.prefix = "kit", .target = row, .instrument = SANITIZE_BUILD};
    emit_object object;
    if (!emit_plan(p, &options, allocator_default(), &object, &problem))
        return arena_print(p->memory, "%s: %s", row->name, problem.message);
    engine *e = engine_load(&object, "kit", allocator_default(), &problem);
    const char *wrong = NULL;
    if (!e)
        wrong = arena_print(p->memory, "%s: %s", row->name, problem.message);
    for (int threads = 1; e && !wrong && threads <= KIT_TEAM; threads++) {
        team t = {.run = engine_run(e), .extents = extents};
        t.buffers = make_buffers(p, extents, seed);
        threads_run(threads, team_part, &t);
        wrong = compare(p, extents, expected, t.buffers,
                        arena_print(p->memory, "%s, %d threads", row->name, threads));
    }
    engine_free(e);
    emit_object_free(&object);
    return wrong;
}

const char *kit_check(nest_plan *p, const int64_t *extents, uint64_t seed) {
    static const char *const rows[] = {"avx512", "avx2", "xmm"};
    nest_verify(p);
    split_plan(p, NULL, p->memory);
    void **expected = make_buffers(p, extents, seed);
    kit_interpret(p, expected, extents);
    const machine *host = machine_host();
    if (!host)
        return "the host has no row";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const machine *row = machine_find(rows[i]);
        const char *wrong = row->vector_bytes <= host->vector_bytes
                                ? check_row(p, extents, seed, row, expected)
                                : NULL;
        if (wrong)
            return wrong;
    }
    return NULL;
}
