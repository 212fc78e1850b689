/* What later sweeps compute again: of an LSTM, what lies behind its states; everywhere, the same
 * bits. (Random programs are compared in the same way by tests/fuzz.) */
#include <criterion/criterion.h>

#include "jit/check.h"
#include "jit/program.h"
#include "tests/support/compare.h"
#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(forget);

static void train(op_node *loss) {
    op_node **gradients = arena_array(r.g->memory, op_node *, r.weights.count);
    cr_assert(grad_later(r.g, loss, r.weights.at, r.weights.count, gradients));
    graph_output_add(r.g, "loss", loss);
    for (size_t i = 0; i < r.weights.count; i++)
        graph_output_add(r.g, arena_print(r.g->memory, "d%zu", i), gradients[i]);
    cr_assert_eq(r.p.problem.code, STATUS_OK, "%s", r.p.problem.message);
}

/* The program as it is scheduled. */
static graph *rewritten(graph_remember remember) {
    r.g->remember = remember;
    graph *g = pipeline_rewrite(r.g, r.g->memory, r.g->problem);
    cr_assert(g, "%s", r.p.problem.message);
    return g;
}

/* ... when it computes exactly what it does when all is remembered. */
static graph *forgets(graph_remember remember) {
    graph *all = rewritten(GRAPH_REMEMBER_ALL), *g = rewritten(remember);
    cr_assert(verify_graph(g), "%s", r.p.problem.message);
    cr_assert(check_pass(all, g, true, r.g->memory, r.g->problem), "%s", r.p.problem.message);
    return g;
}

static graph *forgetful(void) {
    forgets(GRAPH_REMEMBER_BLOCKS);
    return forgets(GRAPH_REMEMBER_STATES);
}

static int resuming(const graph *g) {
    int count = 0;
    for (size_t i = 0; i < g->nodes.count; i++)
        count += g->nodes.at[i]->attributes.resumes;
    return count;
}

typedef struct counts {
    int ahead, back, outside; /* contracts in loops of either direction, outside of loops */
} counts;

static void count(const schedule_list *items, int sign, counts *out) {
    for (size_t i = 0; i < items->count; i++) {
        const schedule_item *item = &items->at[i];
        if (!item->node)
            count(&item->items, item->sign, out);
        else if (op_is_heavy(item->node))
            *(sign == 0 ? &out->outside : sign > 0 ? &out->ahead : &out->back) += 1;
    }
}

static counts contracts(graph *g) {
    node_list roots = {0};
    schedule_list items = {0};
    counts out = {0};
    graph_roots(g, g->memory, &roots);
    cr_assert(schedule_graph(g, g->memory, roots.at, roots.count, -1, &items));
    count(&items, 0, &out);
    return out;
}

/* Values of loops forwards that later sweeps read as they are, in units of `units` numbers. */
static double stored(graph *g, int units) {
    node_list roots = {0};
    schedule_list items = {0};
    sweep_plan plan;
    graph_roots(g, g->memory, &roots);
    bool *seen = arena_array(g->memory, bool, g->nodes.count);
    double all = 0;
    cr_assert(schedule_graph(g, g->memory, roots.at, roots.count, AXIS_T, &items));
    cr_assert(sweeps_place(g, g->memory, &items, AXIS_T, &plan));
    for (size_t i = 0; i < g->nodes.count; i++)
        for (int a = 0; a < op_live_count(g->nodes.at[i]); a++) {
            const op_node *n = g->nodes.at[i]->arguments[a];
            if (plan.of[n->id].sign <= 0 || plan.of[i].sign >= 0 || !(n->domain & T))
                continue;
            while (n->op == OP_DELAY || n->op == OP_SLICE || n->op == OP_KEEP)
                n = n->arguments[0];
            if (plan.of[n->id].sign != 0 && !seen[n->id])
                all += (double)op_shape_elements(&n->shape) / units;
            seen[n->id] = true;
        }
    return all;
}

static op_node *lstm(void) {
    return recurrent_lstm(&r, "", recurrent_input(&r, "x", T | B, 1, 3), 3, 4, 1);
}

Test(forget, an_lstm_stores_its_states_and_computes_gates_for_all_steps_at_once) {
    train(recurrent_energy(&r, lstm()));
    graph *all = rewritten(GRAPH_REMEMBER_ALL), *states = forgetful();
    counts before = contracts(all), after = contracts(states);
    cr_expect_eq(before.ahead, 1);
    cr_expect_eq(before.back, 1);
    cr_expect_eq(after.ahead, 1);
    cr_expect_eq(after.back, 1);
    cr_expect_eq(after.outside, before.outside + 2, "W x and U h, of all gates");
    cr_expect_eq(stored(all, 4), 7, "i, f, g, o, tanh(c), c, h: %g", stored(all, 4));
    cr_expect_eq(stored(states, 4), 2, "c, h: %g", stored(states, 4));
}

Test(forget, where_blocks_are_remembered_the_loop_runs_again) {
    train(recurrent_energy(&r, lstm()));
    graph *g = forgets(GRAPH_REMEMBER_BLOCKS);
    counts of = contracts(g);
    cr_expect_eq(of.ahead, 2);
    cr_expect_eq(of.back, 1);
    cr_expect_eq(resuming(g), 4, "h and c, in either loop");
}

/* h[t] = sin(x[t] + U h[t - distance]) */
static op_node *delayed(int distance) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *u = recurrent_weight(&r, "U", 0, 2, 3, 3);
    op_node *zero = recurrent_number(&r, 0);
    op_node *before = recurrent_state(&r, "before", T | B, 3, AXIS_T, distance, zero, 1);
    op_node *h = make_unary(b, OP_SIN, make_add(b, x, recurrent_product(&r, u, before)));
    graph_bind(r.g, before, h);
    return h;
}

Test(forget, a_state_that_is_a_result_is_whole_anyway) {
    op_node *h = delayed(-2);
    train(recurrent_energy(&r, h));
    cr_expect_eq(resuming(forgets(GRAPH_REMEMBER_BLOCKS)), 2);
    graph_output_add(r.g, "h", h);
    cr_expect_eq(resuming(forgets(GRAPH_REMEMBER_BLOCKS)), 0);
}

Test(forget, a_state_that_delays_see_from_elsewhere_is_stored_whole) {
    op_node *h = delayed(1);
    train(make_add(b, recurrent_energy(&r, h),
                   recurrent_energy(&r, make_delay(b, h, AXIS_T, -1, recurrent_number(&r, 0)))));
    cr_expect_eq(resuming(forgets(GRAPH_REMEMBER_BLOCKS)), 0);
}

Test(forget, a_tap_of_a_state_reads_its_checkpoint_too) {
    op_node *h = delayed(1), *tap = make_delay(b, h, AXIS_T, 3, recurrent_number(&r, 0.5));
    train(recurrent_energy(&r, make_mul(b, h, tap)));
    cr_expect_eq(resuming(forgets(GRAPH_REMEMBER_BLOCKS)), 4);
}

Test(forget, a_state_that_is_seen_from_far_is_stored_whole) {
    train(recurrent_energy(&r, delayed(100)));
    cr_expect_eq(resuming(forgets(GRAPH_REMEMBER_BLOCKS)), 0);
}

Test(forget, what_the_user_keeps_is_not_computed_again) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *u = recurrent_weight(&r, "U", 0, 2, 3, 3);
    op_node *before =
        recurrent_state(&r, "before", T | B, 3, AXIS_T, 1, recurrent_number(&r, 0), 1);
    op_node *sum = make_keep(b, make_add(b, x, recurrent_product(&r, u, before)));
    op_node *h = make_unary(b, OP_TANH, make_unary(b, OP_SIN, sum));
    graph_bind(r.g, before, h);
    train(recurrent_energy(&r, h));
    counts outside = contracts(forgetful());
    cr_expect_eq(outside.outside, contracts(rewritten(GRAPH_REMEMBER_ALL)).outside);
}

Test(forget, sharing_does_not_undo_it) {
    train(recurrent_energy(&r, lstm()));
    graph *g = forgetful(), *again = arena_new(g->memory, graph);
    graph_init(again, g->memory, g->problem);
    rewrite_graph(g, again, NULL, NULL);
    cr_expect_eq(again->nodes.count, g->nodes.count);
}

/* What a delay gives begins anew in each block where it resumes; whoever looks at it from another
 * block must find it stored. */
Test(forget, a_delay_of_a_delay_that_resumes) {
    static const int64_t extents[][LIMIT_AXES] = {{7, 1, 1, 2}, {1, 1, 1, 1}};
    op_node *zero = recurrent_number(&r, 0), *half = recurrent_number(&r, 0.5);
    op_node *before = recurrent_state(&r, "before", T | B, 3, AXIS_T, 1, half, 1);
    op_node *weight = recurrent_weight(&r, "w", 0, 1, 3);
    graph_bind(r.g, before, make_unary(b, OP_TANH, make_add(b, weight, before)));
    op_node *far = make_delay(b, before, AXIS_T, 2, zero);
    train(recurrent_energy(&r, make_unary(b, OP_TANH, far)));
    forgetful();
    text report;
    text_init(&report, r.g->memory);
    cr_expect_eq(compare_program(r.g, extents, 2, 1, &report), COMPARE_EQUAL, "%s", report.at);
}

Test(forget, what_is_drawn_is_drawn_again) {
    op_node *h = lstm(), *steps[2] = {make_step(b, AXIS_T), make_step(b, AXIS_B)};
    op_shape units = op_shape_make(1, (int64_t[]){4});
    op_node *seed = make_number(b, DTYPE_I32, 7);
    op_node *drawn = make_random(b, DTYPE_F64, &units, seed, steps, 2, 3);
    op_node *kept = make_binary(b, OP_LT, drawn, recurrent_number(&r, 0.5));
    op_node *y = make_select(b, kept, make_mul(b, h, h), recurrent_number(&r, 0));
    train(recurrent_energy(&r, y));
    graph *g = forgetful();
    int draws = 0;
    for (size_t i = 0; i < g->nodes.count; i++)
        draws += g->nodes.at[i]->op == OP_RANDOM;
    cr_expect_eq(draws, 2);
}

Test(forget, a_gradient_of_a_gradient_goes_through_more_sweeps) {
    op_node *h = lstm(), *loss = recurrent_energy(&r, h), *slope;
    cr_assert(grad_later(r.g, loss, r.weights.at, 1, &slope));
    train(make_add(b, loss, recurrent_energy(&r, slope)));
    forgetful();
}

Test(forget, a_program_of_one_sweep_stays_as_it_is) {
    graph_output_add(r.g, "h", lstm());
    cr_expect_eq(rewritten(GRAPH_REMEMBER_STATES)->nodes.count,
                 rewritten(GRAPH_REMEMBER_ALL)->nodes.count);
}
