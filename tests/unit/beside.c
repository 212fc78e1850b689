/* Loops that threads take one each: which are found, that threads do take them, and that bits do
 * not depend on it. */
#include <criterion/criterion.h>
#include <string.h>

#include "jit/program.h"
#include "jit/split.h"
#include "tests/support/compare.h"
#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(beside);

/* Groups in a list and in the loops of it. */
static int groups(const nest_list *items) {
    int found = 0;
    for (size_t i = 0; i < items->count; i++) {
        found += items->at[i].beside > 0;
        if (!items->at[i].kernel)
            found += groups(&items->at[i].items);
    }
    return found;
}

/* Of the program as it is now, when it is known who waits for whom. */
static int groups_of_program(void) {
    error problem = {.code = STATUS_OK};
    nest_plan *plan = pipeline_lower(r.g, NULL, r.g->memory, &problem);
    cr_assert(plan, "%s", problem.message);
    cr_assert(pipeline_plan(plan, r.g->memory, &problem), "%s", problem.message);
    return groups(&plan->items);
}

/* Zeros for whatever the program asks for. */
static void bind_zeros(const program *p, program_run *run) {
    for (int i = 0; i < program_slot_count(p); i++)
        if (program_slot_at(p, i)->storage != NEST_OUTPUT)
            program_run_bind(run, i,
                             arena_array(r.g->memory, double, program_run_elements(run, i) + 1));
}

/* How often the threads of a grid meet in a call of so many steps for one sample. */
static unsigned meetings(const program *p, int64_t steps, cost_grid grid) {
    error problem = {.code = STATUS_OK};
    program_run *run = program_run_new(p, allocator_default(), &problem);
    cr_assert(run, "%s", problem.message);
    program_run_resize(run, (const int64_t[LIMIT_AXES]){steps, 1, 1, 1}, &problem);
    program_run_grid(run, grid, &problem);
    bind_zeros(p, run);
    program_run_call(run, &problem);
    cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
    unsigned met = program_run_meetings(run);
    program_run_free(run);
    return met;
}

/* By how much the meetings of a call grow with 45 steps more. */
static unsigned more_meetings(cost_grid grid) {
    error problem = {.code = STATUS_OK};
    program *p = program_compile(r.g, "beside", allocator_default(), &problem);
    cr_assert(p, "%s", problem.message);
    unsigned few = meetings(p, 5, grid), many = meetings(p, 50, grid);
    program_free(p);
    return many - few;
}

static void check_bits(void) {
    static const int64_t extents[][LIMIT_AXES] = {{5, 1, 1, 1}, {4, 1, 1, 3}, {0, 1, 1, 2}};
    text report;
    text_init(&report, r.g->memory);
    for (uint64_t seed = 1; seed <= 5; seed++) /* that many pick every grid of threads */
        cr_expect_eq(compare_program(r.g, extents, 3, seed, &report), COMPARE_EQUAL, "%s",
                     report.at);
}

static op_node *both_ways(const char *name, op_node *x, int inputs, int units, int other_units) {
    const char *there = arena_print(r.g->memory, "%s_there", name);
    const char *back = arena_print(r.g->memory, "%s_back", name);
    op_node *ways[2];
    ways[0] = recurrent_lstm(&r, there, x, inputs, units, 1);
    ways[1] = recurrent_lstm(&r, back, x, inputs, other_units, -1);
    return make_concat(b, ways, 2, 0);
}

Test(beside, both_directions_of_every_layer) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    op_node *first = both_ways("first", x, 3, 5, 5);
    op_node *second = both_ways("second", first, 10, 4, 4);
    graph_output_add(r.g, "y", second);
    cr_expect_eq(groups_of_program(), 2);
    check_bits();
}

/* Two threads that take a loop each meet before and behind, however many steps there are; three
 * share the units of both loops, and meet in every step. */
Test(beside, who_takes_a_loop_meets_nobody) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    graph_output_add(r.g, "y", both_ways("layer", x, 3, 16, 16));
    cr_expect_eq(more_meetings((cost_grid){1, 2}), 0);
    cr_expect_geq(more_meetings((cost_grid){1, 3}), 2 * (50 - 5));
}

Test(beside, who_shares_a_loop_meets_in_every_step) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    graph_output_add(r.g, "y", recurrent_lstm(&r, "only", x, 3, 16, 1));
    cr_expect_geq(more_meetings((cost_grid){1, 2}), 50 - 5);
}

/* What the second loop alone needs is computed before both. */
Test(beside, what_stands_between_moves_away) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    op_node *z = recurrent_input(&r, "z", T | B, 1, 3);
    op_node *there = recurrent_lstm(&r, "there", x, 3, 4, 1);
    op_node *after = make_unary(b, OP_TANH, there);
    op_node *back = recurrent_lstm(&r, "back", make_unary(b, OP_EXP, z), 3, 4, 1);
    graph_output_add(r.g, "after", after);
    graph_output_add(r.g, "back", make_add(b, back, after));
    cr_expect_eq(groups_of_program(), 1);
    check_bits();
}

Test(beside, not_layers_that_feed_each_other) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    op_node *h = recurrent_lstm(&r, "first", x, 3, 4, 1);
    graph_output_add(r.g, "y", recurrent_lstm(&r, "second", h, 4, 4, -1));
    cr_expect_eq(groups_of_program(), 0);
    check_bits();
}

/* Whoever is done would wait for the other. */
Test(beside, not_loops_of_very_different_work) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    graph_output_add(r.g, "y", both_ways("layer", x, 3, 4, 24));
    cr_expect_eq(groups_of_program(), 0);
    check_bits();
}

/* A state that sees the mean of all samples: those who share samples meet in every step. */
static op_node *crowd(const char *name, op_node *x, int distance) {
    op_node *zero = recurrent_number(&r, 0);
    op_node *before = recurrent_state(&r, arena_print(r.g->memory, "%s_before", name), T | B, 4,
                                      AXIS_T, distance, zero, 1);
    op_node *all = make_total(b, before, B, OP_KIND_SUM);
    op_node *weight = recurrent_weight(&r, arena_print(r.g->memory, "%s_W", name), 0, 2, 4, 4);
    op_node *own = recurrent_product(&r, weight, make_add(b, before, all));
    op_node *h = make_unary(b, OP_TANH, make_add(b, own, x));
    graph_bind(r.g, before, h);
    return h;
}

Test(beside, not_loops_whose_samples_meet) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 4);
    op_node *there = crowd("there", x, 1), *back = crowd("back", x, -1);
    graph_output_add(r.g, "y", make_add(b, there, back));
    cr_expect_eq(groups_of_program(), 0);
    check_bits();
}
