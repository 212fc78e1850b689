/* The pass table, the switches of its driver, and the plan of memory. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "jit/check.h"
#include "jit/guard.h"
#include "jit/plan.h"
#include "jit/program.h"
#include "tests/support/apart.h"
#include "tests/support/suite.h"

static error problem;

SUITE_WITH_MEMORY(jit_pipeline);

/* y = factor * x over {t,b}, where t has lengths. */
static graph *scaled(double factor) {
    graph *g = arena_new(&memory, graph);
    graph_init(g, &memory, &problem);
    op_builder *b = &g->builder;
    op_shape none = op_shape_make(0, NULL);
    graph_axis_add(g, "t", false, -1);
    graph_axis_add(g, "b", true, -1);
    graph_axis_lengths(g, 0, make_input(b, "lengths", DTYPE_I32, 2, &none));
    op_node *x = make_input(b, "x", DTYPE_F64, 3, &none);
    op_node *y = make_mul(b, x, make_number(b, DTYPE_F64, factor));
    graph_output_add(g, "y", y);
    graph_output_add(g, "sum", make_total(b, y, 3, OP_KIND_SUM));
    cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
    return g;
}

static const char *printed(const graph *g) {
    text out;
    text_init(&out, &memory);
    print_graph(g, &out);
    return out.at;
}

Test(jit_pipeline, letters_are_unique_and_rows_are_described) {
    for (int i = 0; i < pipeline_pass_count; i++) {
        cr_assert_gt(strlen(pipeline_passes[i].about), 10);
        for (int k = 0; k < i; k++)
            cr_assert_neq(pipeline_passes[i].letter, pipeline_passes[k].letter);
    }
}

Test(jit_pipeline, outputs_are_masked_and_values_are_not) {
    graph *g = scaled(2), *rewritten = pipeline_rewrite(g, &memory, &problem);
    cr_assert(rewritten, "%s", problem.message);
    const op_node *y = rewritten->outputs.at[0].node;
    cr_assert_eq(y->op, OP_SELECT);
    cr_assert_eq(y->arguments[1]->op, OP_MUL);
    cr_assert_neq(rewritten->outputs.at[1].node->op, OP_SELECT,
                  "a total holds no axis with lengths");
}

Test(jit_pipeline, rewriting_twice_changes_nothing) {
    graph *once = pipeline_rewrite(scaled(2), &memory, &problem);
    graph *twice = pipeline_rewrite(once, &memory, &problem);
    const op_node *y = twice->outputs.at[0].node;
    cr_assert_eq(y->op, OP_SELECT);
    cr_assert_eq(twice->outputs.count, once->outputs.count);
}

Test(jit_pipeline, stops_where_it_is_told) {
    for (int i = 0; i < pipeline_pass_count; i++) {
        char letter[2] = {pipeline_passes[i].letter, 0};
        setenv("EDDY_STOP", letter, 1);
        error stopped = {.code = STATUS_OK};
        cr_assert_null(program_compile(scaled(2), "stop", allocator_default(), &stopped));
        cr_assert(strstr(stopped.message, "EDDY_STOP"), "%s", stopped.message);
        cr_assert(strstr(stopped.message, pipeline_passes[i].name), "%s", stopped.message);
    }
    setenv("EDDY_STOP", "lower", 1);
    error named = {.code = STATUS_OK}, unknown = {.code = STATUS_OK};
    cr_assert_null(program_compile(scaled(2), "stop", allocator_default(), &named));
    cr_assert(strstr(named.message, "after the pass lower"), "%s", named.message);
    setenv("EDDY_STOP", "lowest", 1);
    cr_assert_null(program_compile(scaled(2), "stop", allocator_default(), &unknown));
    cr_assert(strstr(unknown.message, "lowest is no pass"), "%s", unknown.message);
}

/* What a file holds, as text. */
static const char *said(FILE *f) {
    char *all = arena_array(&memory, char, 1 << 16);
    size_t count = fread(all, 1, (1 << 16) - 1, f);
    all[count] = 0;
    return all;
}

Test(jit_pipeline, dumps_say_unchanged) {
    cr_redirect_stderr();
    setenv("EDDY_DUMP", "cmsl", 1);
    setenv("EDDY_TIME", "1", 1);
    cr_assert(pipeline_lower(scaled(2), NULL, &memory, &problem), "%s", problem.message);
    fflush(stderr);
    const char *all = said(cr_get_redirected_stderr());
    cr_assert(strstr(all, "== c clean"), "%s", all);
    cr_assert(strstr(all, "unchanged"), "%s", all);
    cr_assert(strstr(all, "select"), "%s", all);
    cr_assert(strstr(all, "== s schedule"), "%s", all);
    cr_assert(strstr(all, "== l lower"), "%s", all);
    cr_assert_null(strstr(all, "== o order"), "%s", all);
    cr_assert(strstr(all, " ms\n"), "%s", all);
}

Test(jit_pipeline, a_pass_that_changes_a_value_is_named) {
    error found = {.code = STATUS_OK};
    cr_assert(check_pass(scaled(2), scaled(2), true, &memory, &found), "%s", found.message);
    cr_assert_not(check_pass(scaled(2), scaled(2.0000001), true, &memory, &found));
    cr_assert(strstr(found.message, " of y was"), "%s", found.message);
    error_clear(&found);
    cr_assert(check_pass(scaled(2), scaled(2 + 1e-14), false, &memory, &found), "%s",
              found.message);
    cr_assert_not(check_pass(scaled(2), scaled(2.0000001), false, &memory, &found));
}

static op_node *unit_wrong(rewrite *r, const op_node *n) {
    if (n->op != OP_TANH)
        return NULL;
    op_builder *b = &r->to->builder;
    op_node *right = make_unary(b, OP_TANH, r->map[n->arguments[0]->id]);
    return make_mul(b, right, make_like(b, right, 1 + 1e-6));
}

static void unit_wrong_pass(const graph *from, graph *to) {
    rewrite_graph(from, to, unit_wrong, NULL);
}

static void unit_right_pass(const graph *from, graph *to) {
    rewrite_graph(from, to, NULL, NULL);
}

Test(jit_pipeline, what_rounding_would_hide_in_f32_is_seen_in_f64) {
    error found = {.code = STATUS_OK};
    graph narrow, wrong;
    op_shape scalar = op_shape_make(0, NULL);
    graph_init(&narrow, &memory, &problem);
    graph_init(&wrong, &memory, &found);
    op_node *x = make_input(&narrow.builder, "x", DTYPE_F32, 0, &scalar);
    graph_output_add(&narrow, "y", make_unary(&narrow.builder, OP_TANH, x));
    unit_wrong_pass(&narrow, &wrong);
    cr_assert(check_pass(&narrow, &wrong, false, &memory, &found), "%s", found.message);
    cr_assert(check_wide(&narrow, unit_right_pass, &memory, &found), "%s", found.message);
    cr_assert_not(check_wide(&narrow, unit_wrong_pass, &memory, &found));
    cr_assert(strstr(found.message, " of y was"), "%s", found.message);
}

Test(jit_pipeline, checked_passes_are_right) {
    setenv("EDDY_CHECK", "2", 1);
    cr_assert(pipeline_rewrite(scaled(2), &memory, &problem), "%s", problem.message);
}

Test(jit_pipeline, the_pass_leaves_its_graph_alone) {
    graph *g = scaled(3);
    const char *before = printed(g);
    cr_assert(pipeline_lower(g, NULL, &memory, &problem), "%s", problem.message);
    cr_assert_str_eq(printed(g), before);
}

/* ---- plan.c */

static plan_buffer buffer_of(nest_storage storage, dtype type, size_t constant, int axes) {
    plan_buffer b = {.name = "v", .storage = storage, .type = type, .constant = constant};
    for (int a = 0; a < axes; a++)
        b.axes[b.axis_count++] = a;
    return b;
}

Test(jit_pipeline, buffers_lie_apart) {
    plan_buffer buffers[] = {
        buffer_of(NEST_ARENA, DTYPE_F32, 3, 1), buffer_of(NEST_INPUT, DTYPE_F64, 100, 2),
        buffer_of(NEST_OUTPUT, DTYPE_BOOL, 1, 2), buffer_of(NEST_CONSTANT, DTYPE_F32, 9, 0)};
    int64_t extents[] = {30, 2};
    for (int guarded = 0; guarded < 2; guarded++) {
        plan_place places[4];
        plan_layout layout;
        size_t at;
        cr_assert(plan_lay_out(buffers, 4, extents, guarded, places, &layout, &at));
        cr_assert_eq(places[0].bytes, 360);
        cr_assert_eq(places[2].bytes, 60);
        cr_assert_eq(places[1].bytes + places[3].bytes, 0, "these are elsewhere");
        cr_assert_geq(places[2].offset, places[0].offset + places[0].bytes);
        cr_assert_geq(layout.bytes, places[2].offset + places[2].bytes);
        cr_assert_eq(places[0].offset % PLAN_ALIGNMENT, 0);
        cr_assert_eq(places[2].offset % PLAN_ALIGNMENT, 0);
        if (guarded)
            cr_assert_geq(places[2].offset / PLAN_PAGE, places[0].offset / PLAN_PAGE + 2);
        else
            cr_assert_geq(layout.bytes, places[2].offset + places[2].bytes + 4);
    }
}

Test(jit_pipeline, empty_buffers_share_a_scratch_area) {
    plan_buffer buffers[] = {buffer_of(NEST_ARENA, DTYPE_F32, 3, 2),
                             buffer_of(NEST_INPUT, DTYPE_F64, 5, 2)};
    plan_place places[2];
    plan_layout layout;
    size_t at;
    cr_assert(plan_lay_out(buffers, 2, (const int64_t[]){0, 7}, false, places, &layout, &at));
    cr_assert_eq(layout.scratch.bytes, 5 * 7 * 8);
    cr_assert_eq(places[0].bytes, 0);
}

Test(jit_pipeline, sizes_that_overflow_are_refused) {
    plan_buffer buffers[] = {buffer_of(NEST_ARENA, DTYPE_F32, 3, 1),
                             buffer_of(NEST_INPUT, DTYPE_F64, SIZE_MAX / 64, 2)};
    plan_place places[2];
    plan_layout layout;
    size_t at;
    cr_assert_not(plan_lay_out(buffers, 2, (const int64_t[]){9, 9}, false, places, &layout, &at));
    cr_assert_eq(at, 1);
    buffers[1] = buffer_of(NEST_ARENA, DTYPE_F32, SIZE_MAX / 16, 0);
    buffers[0] = buffer_of(NEST_ARENA, DTYPE_F32, SIZE_MAX / 16, 0);
    cr_assert_not(plan_lay_out(buffers, 2, (const int64_t[]){9, 9}, false, places, &layout, &at));
}

Test(jit_pipeline, known_extents_are_part_of_the_constant) {
    nest_buffer from = {.name = "v", .type = DTYPE_F32, .axis_count = 2, .axes = {0, 1}};
    from.shape = op_shape_make(2, (const int64_t[]){4, OP_EXTENT_OF(0)});
    plan_buffer b;
    plan_buffer_of(&from, (const int64_t[]){-1, 5}, &b);
    cr_assert_eq(b.constant, 20);
    cr_assert_eq(b.axis_count, 2, "axis 0 comes twice");
    size_t elements;
    cr_assert(plan_elements(&b, (const int64_t[]){3, 5}, 0, &elements));
    cr_assert_eq(elements, 180);
    plan_buffer_of(&from, (const int64_t[]){INT64_MAX, INT64_MAX}, &b);
    cr_assert_eq(b.constant, SIZE_MAX);
    plan_buffer_of(&from, (const int64_t[]){-1, 0}, &b);
    cr_assert(plan_elements(&b, (const int64_t[]){3, 0}, 0, &elements));
    cr_assert_eq(elements, 0);
    cr_assert(plan_elements(&b, (const int64_t[]){3, 0}, 1, &elements));
    cr_assert_eq(elements, 36, "as if the extent were 1");
}

static int step_over_a_fence(void *beyond) {
    char *pages = guard_take(2 * PLAN_PAGE);
    volatile char *behind = pages + PLAN_PAGE;
    guard_fence(pages + PLAN_PAGE);
    behind[*(int *)beyond - 1] = 1;
    return 0;
}

Test(jit_pipeline, a_fence_faults) {
    int beyond = 0;
    cr_assert_eq(apart_run(step_over_a_fence, &beyond, 60, true), 0);
    beyond = 1;
    cr_assert_neq(apart_run(step_over_a_fence, &beyond, 60, true), 0);
}
