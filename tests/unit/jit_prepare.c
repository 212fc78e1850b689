/* What is made of parameters alone is made again just when it must be. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"
#include "jit/program.h"

enum { N = 3 };

static jmp_buf escape; /* never set: out of memory ends the test */
static const op_shape *vector_shape(void) {
    static op_shape shape;
    shape = op_shape_make(1, (const int64_t[]){N});
    return &shape;
}

static op_node *product(op_builder *b, const char *matrix, op_node *vector) {
    op_shape square = op_shape_make(2, (const int64_t[]){N, N});
    return make_contract(b, "mn,n->m", make_param(b, matrix, DTYPE_F32, 0, &square), vector, 0);
}

/* y[b] = x[b] (W v): the product is made of parameters alone. */
static void open_graph(graph *g, arena *memory, error *problem) {
    arena_init(memory, allocator_default(), &escape);
    graph_init(g, memory, problem);
    op_builder *b = &g->builder;
    int batch = graph_axis_add(g, "b", true, -1);
    op_node *x = make_input(b, "x", DTYPE_F32, UINT32_C(1) << batch, vector_shape());
    op_node *v = make_param(b, "v", DTYPE_F32, 0, vector_shape());
    graph_output_add(g, "y", make_mul(b, x, product(b, "W", v)));
}

typedef struct unit {
    program *p;
    program_run *r;
    error problem;
    float W[N * N], v[N], x[N];
} unit;

static void bind(unit *u, nest_storage storage, const char *name, void *memory) {
    int slot = program_slot_find(u->p, storage, name);
    cr_assert_geq(slot, 0);
    program_run_bind(u->r, slot, memory);
}

static void open_unit(unit *u) {
    graph g;
    arena memory;
    *u = (unit){.W = {1, 0, 0, 0, 1, 0, 0, 0, 1}, .v = {1, 2, 3}, .x = {1, 1, 1}};
    open_graph(&g, &memory, &u->problem);
    u->p = program_compile(&g, "unit", allocator_default(), &u->problem);
    cr_assert(u->p, "%s", u->problem.message);
    arena_free(&memory);
    u->r = program_run_new(u->p, allocator_default(), &u->problem);
    program_run_resize(u->r, (const int64_t[LIMIT_AXES]){1}, &u->problem);
    bind(u, NEST_PARAM, "W", u->W);
    bind(u, NEST_PARAM, "v", u->v);
    bind(u, NEST_INPUT, "x", u->x);
}

static void close_unit(unit *u) {
    cr_expect_eq(u->problem.code, STATUS_OK, "%s", u->problem.message);
    program_run_free(u->r);
    program_free(u->p);
}

/* The first element of y after a call. */
static float call(unit *u) {
    cr_assert_eq(program_run_call(u->r, &u->problem), STATUS_OK, "%s", u->problem.message);
    return *(float *)program_run_bound(u->r, program_slot_find(u->p, NEST_OUTPUT, "y"));
}

Test(jit_prepare, nothing_is_kept_that_nobody_vouches_for) {
    unit u;
    open_unit(&u);
    cr_expect_eq(call(&u), 1);
    u.v[0] = 5;
    cr_expect_eq(call(&u), 5, "unknown changes");
    u.v[0] = 6;
    program_run_unchanged(u.r);
    cr_expect_eq(call(&u), 5, "a caller's word is taken");
    cr_expect_eq(call(&u), 6, "for one call");
    close_unit(&u);
}

Test(jit_prepare, moved_memory_is_prepared_anew) {
    unit u;
    float other[N] = {7, 8, 9};
    open_unit(&u);
    program_run_unchanged(u.r);
    cr_expect_eq(call(&u), 1, "the first call makes everything");
    bind(&u, NEST_PARAM, "v", other);
    program_run_unchanged(u.r);
    cr_expect_eq(call(&u), 7, "bound elsewhere");
    other[0] = 10;
    program_run_resize(u.r, (const int64_t[LIMIT_AXES]){100}, &u.problem);
    float *x = calloc((size_t)100 * N, sizeof *x);
    x[0] = 2;
    bind(&u, NEST_INPUT, "x", x);
    program_run_unchanged(u.r);
    cr_expect_eq(call(&u), 20, "an arena that moved");
    free(x);
    close_unit(&u);
}

/* Does what the nest does differ from call to call? `moving`: by buffer. */
static bool moves(const nest_plan *plan, const nest *n, bool *moving) {
    bool any = false;
    for (size_t k = 0; k < n->tape.count; k++) {
        const nest_instruction *in = &n->tape.at[k];
        if (in->op == NEST_LOAD)
            any |= moving[in->which];
        if (in->op == NEST_STORE)
            any |= plan->buffers.at[in->which].storage != NEST_ARENA;
    }
    for (size_t k = 0; k < n->tape.count; k++)
        if (n->tape.at[k].op == NEST_STORE)
            moving[n->tape.at[k].which] |= any;
    return any;
}

Test(jit_prepare, all_that_every_call_finds_the_same_and_no_more) {
    graph g;
    arena memory;
    error problem = {.code = STATUS_OK};
    open_graph(&g, &memory, &problem);
    op_builder *b = &g.builder;
    op_node *w = make_param(b, "w", DTYPE_F32, 0, vector_shape());
    op_node *k = make_param(b, "k", DTYPE_F32, 0, vector_shape());
    op_node *kept = product(b, "A", product(b, "B", k));
    op_node *next = make_add(b, kept, product(b, "C", w));
    graph_update_add(&g, w, next);
    graph_output_add(&g, "kept", kept);
    const nest_plan *plan = pipeline_lower(&g, machine_host(), &memory, &problem);
    cr_assert(plan, "%s", problem.message);
    bool *moving = arena_array(&memory, bool, plan->buffers.count);
    for (size_t i = 0; i < plan->buffers.count; i++)
        moving[i] =
            plan->buffers.at[i].storage == NEST_INPUT || strcmp(plan->buffers.at[i].name, "w") == 0;
    for (size_t i = 0; i < plan->items.count; i++) {
        const nest *n = plan->items.at[i].kernel;
        cr_expect_eq(moves(plan, n, moving), i >= plan->prepared, "%s", n->name);
    }
    cr_expect_gt(plan->prepared, 3);
    arena_free(&memory);
}

/* ---- the library's own runs vouch for themselves */

static eddy_program *compile(bool trains) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_program *p;
    eddy_axes b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_F32, b, N);
    eddy_value v = eddy_param(m, "v", eddy_init_constant(1), N);
    eddy_value y = eddy_mul(x, eddy_linear(m, "W", N, v));
    eddy_output(m, "y", y);
    if (trains)
        eddy_update(v, eddy_add(v, v));
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static const float ones[N] = {1, 1, 1};

static eddy_run *start(const eddy_program *p, eddy_params *s) {
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK);
    eddy_run_resize(r, (eddy_extent[]){{"b", 1}}, 1);
    eddy_run_input(r, "x", ones, N);
    return r;
}

static float first(eddy_run *r) {
    cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
    return *(const float *)eddy_run_read(r, "y");
}

Test(jit_prepare, every_way_to_change_a_parameter_is_noticed) {
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_program *uses = compile(false), *trains = compile(true);
    eddy_run *user = start(uses, s), *other = start(uses, s), *trainer = start(trains, s);
    const float identity[N * N] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, twice[N] = {2, 2, 2};
    const char *path = "jit_prepare.safetensors";
    eddy_params_write(s, "W", identity, N * N);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(first(user), 1);
        cr_expect_eq(first(other), 1);
    }
    eddy_params_save(s, path);
    eddy_params_write(s, "v", twice, N);
    cr_expect_eq(first(user), 2, "written");
    cr_expect_eq(first(trainer), 2, "before its update");
    cr_expect_eq(first(trainer), 4, "its own update");
    cr_expect_eq(first(user), 8, "updated by another run");
    cr_expect_eq(eddy_params_load(s, path), EDDY_OK);
    cr_expect_eq(first(user), 1, "loaded");
    cr_expect_eq(first(other), 1, "a run that slept meanwhile");
    cr_expect_eq(eddy_params_status(s), EDDY_OK, "%s", eddy_params_message(s));
    remove(path);
    eddy_run_free(user);
    eddy_run_free(other);
    eddy_run_free(trainer);
    eddy_program_free(uses);
    eddy_program_free(trains);
    eddy_params_free(s);
}
