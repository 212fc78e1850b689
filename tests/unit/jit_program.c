/* Programs and runs as their callers see them: slots, sizes, bindings, mistakes, memory. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jit/program.h"
#include "tests/support/fault.h"

enum { T = 1, B = 2, D = 4 };

typedef struct unit {
    arena memory;
    jmp_buf escape;
    error problem;
    graph g;
} unit;

static void unit_open(unit *u) {
    memset(u, 0, sizeof *u);
    cr_assert(setjmp(u->escape) == 0, "out of memory");
    arena_init(&u->memory, allocator_default(), &u->escape);
    graph_init(&u->g, &u->memory, &u->problem);
}

/* y[t][b] = sum over d of W[d] x[t][b][d]; W is stepped; d is 3. */
static void unit_build(unit *u) {
    graph *g = &u->g;
    op_builder *b = &g->builder;
    unit_open(u);
    op_shape none = op_shape_make(0, NULL), three = op_shape_make(1, (const int64_t[]){3});
    graph_axis_add(g, "t", false, -1);
    graph_axis_add(g, "b", true, -1);
    graph_axis_add(g, "d", false, 3);
    graph_axis_lengths(g, 0, make_input(b, "lengths", DTYPE_I32, B, &none));
    op_node *x = make_input(b, "x", DTYPE_F32, T | B | D, &none);
    op_node *w = make_param(b, "W", DTYPE_F32, D, &none);
    make_input(b, "unused", DTYPE_F32, 0, &three);
    op_node *y = make_contract(b, ",->", w, x, D);
    op_node *total = make_total(b, y, T | B, OP_KIND_SUM);
    graph_output_add(g, "y", y);
    graph_output_add(g, "total", total);
    graph_update_add(g, w, make_add(b, w, make_expand(b, total, D)));
    cr_assert_eq(u->problem.code, STATUS_OK, "%s", u->problem.message);
}

/* The graph is gone when this returns. */
static program *unit_compile(void) {
    unit u;
    unit_build(&u);
    program *p = program_compile(&u.g, "unit", allocator_default(), &u.problem);
    cr_assert(p, "%s", u.problem.message);
    arena_free(&u.memory);
    return p;
}

static int slot(const program *p, nest_storage storage, const char *name) {
    int i = program_slot_find(p, storage, name);
    cr_assert_geq(i, 0, "no slot %s", name);
    return i;
}

static void resize(program_run *r, int64_t t, int64_t batch) {
    int64_t extents[LIMIT_AXES] = {t, batch, 99}; /* d is fixed */
    error problem = {.code = STATUS_OK};
    cr_assert_eq(program_run_resize(r, extents, &problem), STATUS_OK, "%s", problem.message);
}

Test(jit_program, describes_itself) {
    program *p = unit_compile();
    cr_assert_eq(program_axis_count(p), 3);
    cr_assert_str_eq(program_axis_name(p, 1), "b");
    cr_assert_eq(program_axis_extent(p, 1), -1);
    cr_assert_eq(program_axis_extent(p, 2), 3);
    cr_assert_eq(program_slot_find(p, NEST_INPUT, "unused"), -1);
    cr_assert_eq(program_slot_find(p, NEST_OUTPUT, "x"), -1);
    const program_slot *x = program_slot_at(p, slot(p, NEST_INPUT, "x"));
    cr_assert_eq(x->axis_count, 3);
    cr_assert_eq(x->axes[0], 0);
    cr_assert_eq(x->axes[1], 2);
    cr_assert_eq(x->axes[2], 1, "batch axes lie inside time axes");
    cr_assert(!x->updated);
    cr_assert(program_slot_at(p, slot(p, NEST_PARAM, "W"))->updated);
    cr_assert_gt(program_statistics(p).kernels, 0);
    cr_assert_eq(program_statistics(p).object_bytes, program_object(p)->count);
    program_free(p);
    program_free(NULL);
}

Test(jit_program, runs_with_bound_and_unbound_results) {
    program *p = unit_compile();
    error problem = {.code = STATUS_OK};
    program_run *r = program_run_new(p, allocator_default(), &problem);
    resize(r, 2, 2);
    /* x[t][d][b] */
    float x[] = {1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60}, w[] = {1, 1, 2}, y[4] = {0};
    int32_t lengths[] = {2, 1};
    program_run_bind(r, slot(p, NEST_INPUT, "x"), x);
    program_run_bind(r, slot(p, NEST_INPUT, "lengths"), lengths);
    program_run_bind(r, slot(p, NEST_PARAM, "W"), w);
    program_run_bind(r, slot(p, NEST_OUTPUT, "y"), y);
    cr_assert_eq(program_run_call(r, &problem), STATUS_OK, "%s", problem.message);
    cr_assert_eq(y[0], 9);
    cr_assert_eq(y[1], 90);
    cr_assert_eq(y[2], 21);
    cr_assert_eq(y[3], 0, "past the end of sample 1");
    const float *total = program_run_bound(r, slot(p, NEST_OUTPUT, "total"));
    cr_assert_eq(*total, 120);
    cr_assert_eq(w[0], 121);
    cr_assert_eq(w[2], 122);
    program_run_bind(r, slot(p, NEST_OUTPUT, "y"), NULL);
    cr_assert_neq(program_run_bound(r, slot(p, NEST_OUTPUT, "y")), y);
    cr_assert_eq(program_run_call(r, &problem), STATUS_OK);
    program_run_free(r);
    program_free(p);
}

Test(jit_program, needs_no_memory_for_what_is_empty) {
    program *p = unit_compile();
    error problem = {.code = STATUS_OK};
    program_run *r = program_run_new(p, allocator_default(), &problem);
    float w[] = {1, 2, 3};
    program_run_bind(r, slot(p, NEST_PARAM, "W"), w);
    resize(r, 5, 0);
    cr_assert_eq(program_run_elements(r, slot(p, NEST_INPUT, "x")), 0);
    cr_assert_eq(program_run_call(r, &problem), STATUS_OK, "%s", problem.message);
    cr_assert_eq(*(const float *)program_run_bound(r, slot(p, NEST_OUTPUT, "total")), 0);
    program_run_free(r);
    program_free(p);
}

Test(jit_program, names_what_is_missing) {
    program *p = unit_compile();
    error problem = {.code = STATUS_OK};
    program_run *r = program_run_new(p, allocator_default(), &problem);
    float x[3], w[3];
    int32_t lengths[1] = {1};
    resize(r, 1, 1);
    program_run_bind(r, slot(p, NEST_INPUT, "x"), x);
    program_run_bind(r, slot(p, NEST_INPUT, "lengths"), lengths);
    cr_assert_eq(program_run_call(r, &problem), STATUS_MISSING);
    cr_assert(strstr(problem.message, "param \"W\""), "%s", problem.message);
    program_run_bind(r, slot(p, NEST_PARAM, "W"), w);
    program_run_bind(r, slot(p, NEST_INPUT, "x"), NULL);
    error_clear(&problem);
    cr_assert_eq(program_run_call(r, &problem), STATUS_MISSING);
    cr_assert(strstr(problem.message, "input \"x\""), "%s", problem.message);
    program_run_free(r);
    program_free(p);
}

Test(jit_program, refuses_lengths_beyond_the_extent) {
    program *p = unit_compile();
    error problem = {.code = STATUS_OK};
    program_run *r = program_run_new(p, allocator_default(), &problem);
    float x[36] = {0}, w[3] = {0};
    int32_t lengths[] = {4, 5, 0};
    resize(r, 4, 3);
    program_run_bind(r, slot(p, NEST_INPUT, "x"), x);
    program_run_bind(r, slot(p, NEST_PARAM, "W"), w);
    program_run_bind(r, slot(p, NEST_INPUT, "lengths"), lengths);
    cr_assert_eq(program_run_call(r, &problem), STATUS_ARGUMENT);
    cr_assert(strstr(problem.message, "sample 1 along t is 5"), "%s", problem.message);
    lengths[1] = -1;
    error_clear(&problem);
    cr_assert_eq(program_run_call(r, &problem), STATUS_ARGUMENT);
    cr_assert(strstr(problem.message, "is -1"), "%s", problem.message);
    lengths[1] = 4;
    error_clear(&problem);
    cr_assert_eq(program_run_call(r, &problem), STATUS_OK, "%s", problem.message);
    program_run_free(r);
    program_free(p);
}

Test(jit_program, refuses_extents_and_keeps_the_old_ones) {
    program *p = unit_compile();
    error problem = {.code = STATUS_OK};
    fault_allocator f;
    fault_allocator_init(&f, FAULT_NEVER, 0);
    program_run *r = program_run_new(p, &f.table, &problem);
    resize(r, 2, 2);
    size_t bytes = program_run_arena_bytes(r);
    int64_t negative[LIMIT_AXES] = {2, -1}, large[LIMIT_AXES] = {INT64_C(1) << 31, 1};
    int64_t product[LIMIT_AXES] = {INT32_MAX, INT32_MAX};
    int64_t larger[LIMIT_AXES] = {200, 200};
    cr_assert_eq(program_run_resize(r, negative, &problem), STATUS_ARGUMENT);
    cr_assert(strstr(problem.message, "-1 of axis b"), "%s", problem.message);
    error_clear(&problem);
    cr_assert_eq(program_run_resize(r, large, &problem), STATUS_SIZE);
    error_clear(&problem);
    cr_assert_eq(program_run_resize(r, product, &problem), STATUS_SIZE);
    cr_assert(strstr(problem.message, "t (2147483647)"), "%s", problem.message);
    error_clear(&problem);
    f.mode = FAULT_FROM;
    f.fail_at = f.calls + 1;
    cr_assert_eq(program_run_resize(r, larger, &problem), STATUS_OUT_OF_MEMORY);
    cr_assert_eq(program_run_arena_bytes(r), bytes);
    cr_assert_eq(program_run_elements(r, slot(p, NEST_INPUT, "x")), 12);
    program_run_free(r);
    program_free(p);
}

Test(jit_program, keeps_an_arena_that_is_large_enough) {
    program *p = unit_compile();
    error problem = {.code = STATUS_OK};
    fault_allocator f;
    fault_allocator_init(&f, FAULT_NEVER, 0);
    program_run *r = program_run_new(p, &f.table, &problem);
    resize(r, 9, 9);
    size_t calls = f.calls;
    resize(r, 3, 9);
    resize(r, 9, 9);
    cr_assert_eq(f.calls, calls);
    program_run_free(r);
    cr_assert_eq(f.live_blocks, 0);
    cr_assert_eq(f.mismatches, 0);
    program_free(p);
}

/* Memory runs out at the n-th request, for every n: an error, and nothing is kept. */
Test(jit_program, survives_running_out_of_memory) {
    size_t n = 1;
    for (bool done = false; !done; n++) {
        fault_allocator f;
        unit u;
        unit_build(&u);
        fault_allocator_init(&f, FAULT_FROM, n);
        program_run *r = NULL;
        program *p = program_compile(&u.g, "unit", &f.table, &u.problem);
        if (p)
            r = program_run_new(p, &f.table, &u.problem);
        done = f.failures == 0;
        cr_assert_eq(done, r != NULL);
        cr_assert_eq(u.problem.code, done ? STATUS_OK : STATUS_OUT_OF_MEMORY, "%s",
                     u.problem.message);
        program_run_free(r);
        program_free(p);
        cr_assert_eq(f.live_blocks, 0);
        arena_free(&u.memory);
    }
    cr_assert_gt(n, 4);
}

Test(jit_program, refuses_a_graph_with_a_mistake) {
    unit u;
    unit_open(&u);
    op_shape none = op_shape_make(0, NULL);
    graph_axis_add(&u.g, "t", false, -1);
    op_node *zero = make_number(&u.g.builder, DTYPE_F32, 0);
    op_node *state = make_open_delay(&u.g.builder, 0, 1, zero, DTYPE_F32, T, &none);
    graph_output_add(&u.g, "y", state);
    cr_assert_null(program_compile(&u.g, "unit", allocator_default(), &u.problem));
    cr_assert_eq(u.problem.code, STATUS_ILLEGAL, "%s", u.problem.message);
    error again = {.code = STATUS_OK};
    cr_assert_null(program_compile(&u.g, "unit", allocator_default(), &again));
    cr_assert_str_eq(again.message, u.problem.message);
    arena_free(&u.memory);
}

/* ---- threads */

/* 0: computed; else the status. */
static int call_in_child(program_run *r) {
    error problem = {0};
    pid_t child = fork();
    if (child == 0)
        _exit((int)program_run_call(r, &problem));
    int state;
    waitpid(child, &state, 0);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

Test(jit_program, several_threads_after_a_fork_are_refused, .timeout = 60) {
    program *p = unit_compile();
    error problem = {.code = STATUS_OK};
    program_run *r = program_run_new(p, allocator_default(), &problem);
    float x[12] = {0}, w[3] = {0};
    int32_t lengths[] = {2, 1};
    resize(r, 2, 2);
    program_run_bind(r, slot(p, NEST_INPUT, "x"), x);
    program_run_bind(r, slot(p, NEST_PARAM, "W"), w);
    program_run_bind(r, slot(p, NEST_INPUT, "lengths"), lengths);
    cr_expect_eq(program_run_threads(r, 2, &problem), STATUS_OK);
    cr_expect_eq(call_in_child(r), STATUS_OK, "the parent has had one thread so far");
    cr_expect_eq(program_run_call(r, &problem), STATUS_OK, "%s", problem.message);
    cr_expect_eq(call_in_child(r), STATUS_UNSUPPORTED);
    cr_expect_eq(program_run_threads(r, 1, &problem), STATUS_OK);
    cr_expect_eq(call_in_child(r), STATUS_OK, "one thread always works");
    program_run_free(r);
    program_free(p);
}
