/* Where the library is built with the address sanitizer, compiled code is checked like code of a
 * compiler: a planted access out of bounds is found, in the heap and between two buffers of a run,
 * and the report leads to the kernel. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "jit/guard.h"
#include "jit/plan.h"
#include "tests/support/nest_kit.h"
#include "tests/support/report.h"
#include "tests/support/suite.h"

enum { COUNT = 40 };

SUITE_WITH_MEMORY(emit_sanitized);

static bool runs_here(void) {
    if (SANITIZE_BUILD != SANITIZE_ADDRESS)
        cr_log_info("not run here: the library is built without the address sanitizer");
    return SANITIZE_BUILD == SANITIZE_ADDRESS;
}

/* out[i] = in[i + away] */
static nest_plan *shifted(int64_t away) {
    static const int none[] = {-1};
    static const int64_t count = COUNT;
    nest_plan *p = kit_plan(&memory);
    int in = kit_buffer(p, NEST_INPUT, DTYPE_F32, none, 1, &count);
    int out = kit_buffer(p, NEST_OUTPUT, DTYPE_F32, none, 1, &count);
    nest *n = kit_nest(p, NULL, "shifted", NULL);
    nest_ref i = kit_range(p, n, COUNT, 0);
    nest_ref from = kit_body(p, n, BODY_ADD, BODY_I64, i, kit_integer(p, n, away), -1);
    kit_store(p, n, out, 1, &i, kit_load(p, n, in, 1, &from));
    return p;
}

typedef struct planted {
    int64_t away;
    bool in_run; /* both buffers in one arena, as the plan of a run lays them out */
} planted;

static int run_planted(void *user) {
    const planted *what = user;
    const nest_plan *p = shifted(what->away);
    int64_t extents[LIMIT_AXES] = {0}, context[EMIT_CONTEXT];
    plan_buffer buffers[2];
    plan_place places[2];
    plan_layout layout;
    size_t at;
    for (int i = 0; i < 2; i++) {
        plan_buffer_of(&p->buffers.at[i], extents, &buffers[i]);
        buffers[i].storage = NEST_OUTPUT; /* has a place of its own */
    }
    plan_lay_out(buffers, 2, extents, false, places, &layout, &at);
    char *base = aligned_alloc(PLAN_ALIGNMENT, layout.bytes);
    memset(base, 0, layout.bytes);
    guard_forbid(base, layout.bytes);
    void *table[2];
    for (int i = 0; i < 2; i++) {
        table[i] = what->in_run ? base + places[i].offset : calloc(COUNT, sizeof(float));
        guard_allow(base + places[i].offset, places[i].bytes);
    }
    emit_options options = {.prefix = "planted", .instrument = SANITIZE_BUILD};
    emit_object object;
    error problem = {.code = STATUS_OK};
    emit_context(context, 0, 1, 1, NULL, NULL);
    emit_plan(p, &options, allocator_default(), &object, &problem);
    engine_run(engine_load(&object, "planted", allocator_default(), &problem))(table, extents,
                                                                               context);
    return 0;
}

static const char *report(int64_t away, bool in_run) {
    planted what = {away, in_run};
    return report_of(run_planted, &what, &memory);
}

Test(emit_sanitized, good_code_is_not_reported) {
    if (!runs_here())
        return;
    const char *heap = report(0, false), *run = report(0, true);
    cr_assert_null(strstr(heap, "ERROR"), "%s", heap);
    cr_assert_null(strstr(run, "ERROR"), "%s", run);
}

Test(emit_sanitized, a_read_behind_the_heap_is_found) {
    if (!runs_here())
        return;
    const char *found = report(1, false);
    cr_assert(strstr(found, "heap-buffer-overflow"), "%s", found);
    cr_assert(strstr(found, " in planted_kernel_shifted"), "%s", found);
}

Test(emit_sanitized, a_read_between_the_buffers_of_a_run_is_found) {
    if (!runs_here())
        return;
    const char *behind = report(1, true), *before = report(-1, true);
    cr_assert(strstr(behind, "use-after-poison"), "%s", behind);
    cr_assert(strstr(behind, " in planted_kernel_shifted"), "%s", behind);
    cr_assert(strstr(before, "heap-buffer-overflow"), "before all: %s", before);
}
