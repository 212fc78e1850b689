/* Two nests of which the second reads what other threads wrote in the first. With the barrier
 * between them there is nothing to report; without it, the thread sanitizer must find the race and
 * lead to a kernel. What would be seen of compiled code is thereby known. */
#include <stdio.h>
#include <string.h>

#include "core/threads.h"
#include "jit/split.h"
#include "tests/support/nest_kit.h"
#include "tests/support/report.h"

enum { COUNT = 1000, TEAM = 2 };

#if defined(__clang__)
/* Frames without a file are printed with their address, so that the kernel can be looked up. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "stack_trace_format='    #%n %p %f %S'";
}
#endif

typedef struct planted {
    arena memory;
    jmp_buf escape;
    bool meets;
    engine_entry run;
    void *table[3];
    int64_t extents[LIMIT_AXES], contexts[TEAM][EMIT_CONTEXT];
    threads_barrier barrier;
} planted;

/* middle[i] = in[i] + in[i]; out[i] = middle[COUNT - 1 - i] */
static nest_plan *reversing(arena *memory) {
    static const int none[] = {-1};
    static const int64_t count = COUNT;
    nest_plan *p = kit_plan(memory);
    int in = kit_buffer(p, NEST_INPUT, DTYPE_F32, none, 1, &count);
    int middle = kit_buffer(p, NEST_ARENA, DTYPE_F32, none, 1, &count);
    int out = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, none, 1, &count);
    nest *n = kit_nest(p, NULL, "first", NULL);
    nest_ref i = kit_range(p, n, COUNT, 0), x = kit_load(p, n, in, 1, &i);
    kit_store(p, n, middle, 1, &i, kit_body(p, n, BODY_ADD, BODY_F32, x, x, -1));
    n = kit_nest(p, NULL, "second", NULL);
    i = kit_range(p, n, COUNT, 0);
    nest_ref from = kit_body(p, n, BODY_SUB, BODY_I64, kit_integer(p, n, COUNT - 1), i, -1);
    kit_store(p, n, out, 1, &i, kit_load(p, n, middle, 1, &from));
    return p;
}

static void meet(int64_t *context) {
    threads_meet((threads_barrier *)(uintptr_t)context[EMIT_BARRIER], (int)context[EMIT_THREADS]);
}

static void pass_by(int64_t *context) {
    (void)context;
}

static void part(void *user, int thread, int count) {
    planted *p = user;
    emit_context(p->contexts[thread], thread, 1, count, p->meets ? meet : pass_by, &p->barrier);
    p->run(p->table, p->extents, p->contexts[thread]);
}

static int call(void *user) {
    planted *p = user;
    emit_options options = {.prefix = "planted", .instrument = SANITIZE_BUILD};
    emit_object object;
    error problem = {.code = STATUS_OK};
    nest_plan *plan = reversing(&p->memory);
    split_plan(plan, NULL, &p->memory);
    if (!emit_plan(plan, &options, allocator_default(), &object, &problem))
        return 1;
    engine *code = engine_load(&object, "planted", allocator_default(), &problem);
    if (!code)
        return 1;
    p->run = engine_run(code);
    for (int i = 0; i < 3; i++)
        p->table[i] = arena_array(&p->memory, float, COUNT);
    threads_run(TEAM, part, p);
    fprintf(stderr, "called\n");
    return 0;
}

static const char *report(planted *p, bool meets) {
    p->meets = meets;
    return report_of(call, p, &p->memory);
}

int main(void) {
    static planted p;
    if (SANITIZE_BUILD != SANITIZE_THREAD) {
        printf("not run here: the library is built without the thread sanitizer\n");
        return 0;
    }
    arena_init(&p.memory, allocator_default(), &p.escape);
    const char *with = report(&p, true), *without = report(&p, false);
    bool clean = strstr(with, "called") && !strstr(with, "ThreadSanitizer");
    bool found = strstr(without, "data race") && strstr(without, " in planted_kernel_");
    if (!clean)
        printf("reported although the threads meet:\n%s\n", with);
    if (!found)
        printf("not found although they do not meet:\n%s\n", without);
    arena_free(&p.memory);
    printf("planted race: %s\n", clean && found ? "found" : "wrong");
    return clean && found ? 0 : 1;
}
