/* The object file itself: what it defines, what it asks for, what happens when it is damaged or
 * memory runs out. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fault.h"
#include "tests/support/nest_kit.h"

static arena memory;
static jmp_buf escape;
static error problem;

static void open_memory(void) {
    arena_init(&memory, allocator_default(), &escape);
    problem = (error){.code = STATUS_OK};
}

static void close_memory(void) {
    arena_free(&memory);
}

TestSuite(emit_object, .init = open_memory, .fini = close_memory);

/* y = floor(sqrt(|x|)) of a few numbers: ops that a lesser machine would call the C library for. */
static nest_plan *small(void) {
    static const int no_axes[] = {-1};
    nest_plan *p = kit_plan(&memory);
    int64_t count = 21;
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, no_axes, 1, &count);
    int y = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, no_axes, 1, &count);
    nest *n = kit_nest(p, NULL, "roots", NULL);
    nest_ref i = kit_range(p, n, count, 0), value = kit_load(p, n, x, 1, &i);
    value = kit_body(p, n, BODY_ABS, BODY_F32, value, -1, -1);
    value = kit_body(p, n, BODY_SQRT, BODY_F32, value, -1, -1);
    kit_store(p, n, y, 1, &i, kit_body(p, n, BODY_FLOOR, BODY_F32, value, -1, -1));
    return p;
}

static emit_object emitted(const char *prefix, const char *row, bool debug) {
    emit_options options = {
        .prefix = prefix, .target = row ? machine_find(row) : NULL, .debug = debug};
    emit_object object;
    bool done = emit_plan(small(), &options, allocator_default(), &object, &problem);
    cr_assert(done, "%s", problem.message);
    return object;
}

static bool holds(const emit_object *object, const char *word) {
    return memmem(object->bytes, object->count, word, strlen(word) + 1) != NULL;
}

Test(emit_object, names_carry_the_prefix) {
    emit_object object = emitted("model", NULL, false);
    cr_assert(holds(&object, "model_run"));
    cr_assert(holds(&object, "model_kernel_roots"));
    cr_assert(!holds(&object, ".debug_info"));
    cr_assert_gt(object.milliseconds, 0);
    emit_object_free(&object);
    object = emitted("model", NULL, true);
    cr_assert(holds(&object, ".debug_info"));
    engine *e = engine_load(&object, "model", allocator_default(), &problem);
    cr_assert(e, "%s", problem.message);
    engine_free(e);
    emit_object_free(&object);
}

Test(emit_object, same_plan_gives_the_same_bytes) {
    emit_object one = emitted("model", "avx2", false), two = emitted("model", "avx2", false);
    cr_assert_eq(one.count, two.count);
    cr_assert(memcmp(one.bytes, two.bytes, one.count) == 0);
    emit_object_free(&one);
    emit_object_free(&two);
}

/* Two programs of one name live side by side, and one outlives the other. */
Test(emit_object, engines_are_independent) {
    emit_object object = emitted("model", NULL, false);
    engine *one = engine_load(&object, "model", allocator_default(), &problem);
    engine *two = engine_load(&object, "model", allocator_default(), &problem);
    emit_object_free(&object);
    cr_assert(one && two, "%s", problem.message);
    engine_free(one);
    float x[21], y[21];
    for (int i = 0; i < 21; i++)
        x[i] = (float)(-i * i);
    void *buffers[2] = {x, y};
    int64_t extents[LIMIT_AXES] = {0}, context[EMIT_CONTEXT];
    emit_context(context, 0, 1, 1, NULL, NULL);
    engine_run(two)(buffers, extents, context);
    for (int i = 0; i < 21; i++)
        cr_assert_eq(y[i], (float)i);
    engine_free(two);
}

Test(emit_object, damage_is_an_error) {
    emit_object object = emitted("model", NULL, false);
    cr_assert_null(engine_load(&object, "other", allocator_default(), &problem));
    cr_assert(strstr(problem.message, "other_run"), "%s", problem.message);
    memset(object.bytes, 0, 64);
    problem.code = STATUS_OK;
    cr_assert_null(engine_load(&object, "model", allocator_default(), &problem));
    cr_assert_eq(problem.code, STATUS_FORMAT, "%s", problem.message);
    emit_object_free(&object);
}

/* Sums of a matrix's rows and of their squares, 1 .. 4th powers: kernels enough for two objects. */
static nest_plan *large(void) {
    enum { ROWS = 21, COLUMNS = 70, NESTS = 4 };
    static const int no_axes[] = {-1};
    const int64_t shape[] = {ROWS, COLUMNS};
    nest_plan *p = kit_plan(&memory);
    int x = kit_buffer(p, NEST_INPUT, DTYPE_F32, no_axes, 2, shape);
    for (int k = 0; k < NESTS; k++) {
        int y = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, no_axes, 1, shape);
        nest *n = kit_nest(p, NULL, arena_print(&memory, "powers%d", k), NULL);
        nest_ref at[2] = {kit_range(p, n, ROWS, 0), kit_range(p, n, COLUMNS, KIT_FOLDED)};
        nest_ref power = kit_load(p, n, x, 2, at), value = power;
        for (int i = 0; i < k; i++)
            power = kit_body(p, n, BODY_MUL, BODY_F32, power, value, -1);
        nest_ref sum = kit_fold(p, n, BODY_F32, (body_value){.f32 = 0});
        nest_ref next = kit_body(p, n, BODY_ADD, BODY_F32, sum, power, -1);
        kit_store(p, n, y, 1, at, kit_fold_next(p, n, 0, next));
    }
    return p;
}

static size_t count_of(const emit_object *object, const char *word) {
    const char *at = object->bytes, *end = at + object->count;
    size_t count = 0, length = strlen(word);
    for (; (at = memmem(at, (size_t)(end - at), word, length)) != NULL; at += length)
        count++;
    return count;
}

/* Two objects do what one does, and are the same whenever they are made. */
Test(emit_object, two_pieces) {
    nest_plan *p = large();
    const emit_options together = {.prefix = "model", .target = machine_find("avx2")};
    emit_options apart = together;
    apart.pieces = 2;
    emit_object one, two, again;
    cr_assert(emit_plan(p, &together, allocator_default(), &one, &problem), "%s", problem.message);
    cr_assert(emit_plan(p, &apart, allocator_default(), &two, &problem), "%s", problem.message);
    cr_assert(emit_plan(p, &apart, allocator_default(), &again, &problem), "%s", problem.message);
    cr_assert_eq(one.second, 0);
    cr_assert_eq(one.side_milliseconds, 0);
    cr_assert_gt(two.second, 0);
    cr_assert_gt(two.side_milliseconds, 0);
    cr_assert_eq(two.count, again.count);
    cr_assert_eq(two.second, again.second);
    cr_assert(memcmp(two.bytes, again.bytes, two.count) == 0);
    cr_assert_eq(count_of(&one, "model_kernel_powers"), 4);
    cr_assert_geq(count_of(&two, "model_kernel_powers"), 4);

    float x[21 * 70], y[2][4][21];
    for (int i = 0; i < 21 * 70; i++)
        x[i] = (float)(i % 13) / 7;
    for (int k = 0; k < 2; k++) {
        const emit_object *object = k == 0 ? &one : &two;
        engine *e = engine_load(object, "model", allocator_default(), &problem);
        cr_assert(e, "%s", problem.message);
        void *buffers[5] = {x, y[k][0], y[k][1], y[k][2], y[k][3]};
        int64_t extents[LIMIT_AXES] = {0}, context[EMIT_CONTEXT];
        emit_context(context, 0, 1, 1, NULL, NULL);
        engine_run(e)(buffers, extents, context);
        engine_free(e);
    }
    cr_assert(memcmp(y[0], y[1], sizeof y[0]) == 0);

    memset((char *)two.bytes + two.second, 0, 64);
    cr_assert_null(engine_load(&two, "model", allocator_default(), &problem));
    cr_assert_eq(problem.code, STATUS_FORMAT, "%s", problem.message);
    emit_object_free(&one);
    emit_object_free(&two);
    emit_object_free(&again);
}

/* Whatever request of either thread fails. */
Test(emit_object, two_pieces_out_of_memory) {
    nest_plan *p = large();
    const emit_options options = {.prefix = "model", .pieces = 2};
    bool done = false;
    for (size_t n = 1; !done; n++) {
        cr_assert_lt(n, 200);
        fault_allocator faults;
        fault_allocator_init(&faults, FAULT_FROM, n);
        problem.code = STATUS_OK;
        emit_object object;
        done = emit_plan(p, &options, &faults.table, &object, &problem);
        cr_assert(done || problem.code == STATUS_OUT_OF_MEMORY, "%s", problem.message);
        emit_object_free(&object);
        cr_assert_eq(faults.live_blocks, 0);
        cr_assert_eq(faults.mismatches, 0);
    }
}

Test(emit_object, unknown_machines) {
    cr_assert_null(machine_find("vax"));
    setenv("EDDY_CPU", "vax", 1);
    cr_assert_null(machine_host());
    emit_options options = {.prefix = "model"};
    emit_object object;
    cr_assert(!emit_plan(small(), &options, allocator_default(), &object, &problem));
    cr_assert_eq(problem.code, STATUS_UNSUPPORTED);
    cr_assert(strstr(problem.message, "vax"), "%s", problem.message);
    emit_object_free(&object);
    unsetenv("EDDY_CPU");
}

/* Whatever request fails, the error says so and nothing leaks. */
Test(emit_object, out_of_memory) {
    nest_plan *p = small();
    emit_options options = {.prefix = "model"};
    bool done = false;
    for (size_t n = 1; !done; n++) {
        cr_assert_lt(n, 100);
        fault_allocator faults;
        fault_allocator_init(&faults, FAULT_FROM, n);
        problem.code = STATUS_OK;
        emit_object object;
        engine *e = NULL;
        if (emit_plan(p, &options, &faults.table, &object, &problem))
            e = engine_load(&object, "model", &faults.table, &problem);
        done = e != NULL;
        cr_assert(done || problem.code == STATUS_OUT_OF_MEMORY, "%s", problem.message);
        engine_free(e);
        emit_object_free(&object);
        cr_assert_eq(faults.live_blocks, 0);
        cr_assert_eq(faults.mismatches, 0);
    }
}

static void *compile_some(void *plan) {
    emit_object first = {.bytes = NULL};
    emit_options options = {.prefix = "model", .target = machine_find("avx2")};
    bool same = true;
    for (int i = 0; i < 8; i++) {
        error mine = {.code = STATUS_OK};
        emit_object object;
        same &= emit_plan(plan, &options, allocator_default(), &object, &mine);
        if (i == 0) {
            first = object;
            continue;
        }
        same &= object.count == first.count && memcmp(object.bytes, first.bytes, first.count) == 0;
        emit_object_free(&object);
    }
    emit_object_free(&first);
    return same ? plan : NULL;
}

Test(emit_object, threads_compile_at_the_same_time) {
    pthread_t threads[4];
    nest_plan *p = small(); /* only read */
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, compile_some, p), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        cr_assert_eq(result, p);
    }
}
