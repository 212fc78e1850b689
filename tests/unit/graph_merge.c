/* Splitting, summing, merging, joining and common totals: when, when not, and that values stay. */
#include <criterion/criterion.h>
#include <string.h>

#include "jit/check.h"
#include "tests/support/recurrent.h"
#include "tests/support/suite.h"

SUITE_WITH_RECURRENT(graph_merge);

typedef void pass(const graph *from, graph *to);

/* The program after a pass that must not change its results (exactly, if asked). */
static graph *after(pass *run, bool exact) {
    graph *to = arena_new(r.g->memory, graph);
    graph_init(to, r.g->memory, r.g->problem);
    run(r.g, to);
    cr_assert(verify_graph(to), "%s", r.p.problem.message);
    cr_assert(check_pass(r.g, to, exact, r.g->memory, r.g->problem), "%s", r.p.problem.message);
    return to;
}

/* Of those that a result needs. */
static int count_of(const graph *g, op_id op) {
    node_list roots = {0}, needed = {0};
    int count = 0;
    graph_roots(g, g->memory, &roots);
    graph_postorder(g->memory, roots.at, roots.count, false, &needed);
    for (size_t i = 0; i < needed.count; i++)
        count += needed.at[i]->op == op;
    return count;
}

static op_node *weight(const char *name, int rows, int columns) {
    return recurrent_weight(&r, name, 0, 2, rows, columns);
}

static op_node *product(const char *spec, op_node *x, op_node *y) {
    return make_contract(b, spec, x, y, 0);
}

Test(graph_merge, rows_of_any_height_merge_and_keep_their_bits) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    graph_output_add(r.g, "p", product("mn,n->m", weight("P", 2, 3), x));
    graph_output_add(r.g, "q", product("ak,k->a", weight("Q", 4, 3), x));
    graph *to = after(merge_graph, true);
    cr_expect_eq(count_of(to, OP_CONTRACT), 1);
    cr_expect_eq(to->outputs.at[0].node->op, OP_SLICE);
}

Test(graph_merge, columns_merge_when_the_matrix_stands_behind) {
    op_node *x = recurrent_input(&r, "x", B, 2, 2, 3);
    graph_output_add(r.g, "p", product("ik,kj->ij", x, weight("P", 3, 4)));
    graph_output_add(r.g, "q", product("ik,kj->ij", x, weight("Q", 3, 5)));
    cr_expect_eq(count_of(after(merge_graph, true), OP_CONTRACT), 1);
}

Test(graph_merge, different_sums_do_not_merge) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *y = recurrent_input(&r, "y", T | B, 1, 3);
    op_node *w = weight("W", 3, 3);
    graph_output_add(r.g, "a", product("mn,n->m", w, x));
    graph_output_add(r.g, "b", product("mn,n->m", w, y));
    graph_output_add(r.g, "c", product("nm,n->m", w, x));
    graph_output_add(r.g, "d", make_contract(b, "mn,n->m", w, x, T));
    cr_expect_eq(count_of(after(merge_graph, true), OP_CONTRACT), 4);
}

Test(graph_merge, a_loop_takes_in_nothing_from_outside) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *zero = recurrent_number(&r, 0);
    op_node *h = recurrent_state(&r, "h", T | B, 3, AXIS_T, 1, zero, 1);
    op_node *inside = product("mn,n->m", weight("U", 3, 3), h);
    graph_bind(r.g, h, make_unary(b, OP_TANH, make_add(b, inside, x)));
    graph_output_add(r.g, "y", product("mn,n->m", weight("V", 2, 3), h));
    graph_output_add(r.g, "h", h);
    cr_expect_eq(count_of(after(merge_graph, true), OP_CONTRACT), 2);
}

Test(graph_merge, a_weight_that_is_made_of_data_is_left_alone) {
    op_node *x = recurrent_input(&r, "x", T, 1, 2), *p = weight("P", 2, 2);
    op_node *y = product("mn,n->m", p, x);
    op_node *made = make_contract(b, "m,n->mn", y, y, T);
    graph_output_add(r.g, "y", product("mn,n->m", made, x));
    cr_expect_eq(count_of(after(merge_graph, true), OP_CONTRACT), 3);
}

Test(graph_merge, a_value_that_a_gradient_is_taken_by_stays) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3);
    op_node *p = product("mn,n->m", weight("P", 2, 3), x);
    op_node *q = product("mn,n->m", weight("Q", 2, 3), x);
    op_node *half = make_slice(b, p, 0, 1, 1);
    op_node *loss = make_add(b, recurrent_energy(&r, half), recurrent_energy(&r, q));
    graph_output_add(r.g, "q", q);
    graph_output_add(r.g, "g", make_gradient(b, loss, p));
    graph *to = after(merge_graph, true);
    cr_expect_eq(count_of(to, OP_CONTRACT), count_of(r.g, OP_CONTRACT));
}

Test(graph_merge, a_step_on_x_and_h_is_split_and_one_on_values_of_the_loop_is_not) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *zero = recurrent_number(&r, 0);
    op_node *h = recurrent_state(&r, "h", T | B, 2, AXIS_T, 1, zero, 1);
    op_node *both[] = {x, h}, *inner[] = {h, make_unary(b, OP_TANH, h)};
    op_node *s = product("mn,n->m", weight("W", 2, 5), make_concat(b, both, 2, 0));
    op_node *u = product("mn,n->m", weight("U", 2, 4), make_concat(b, inner, 2, 0));
    graph_bind(r.g, h, make_unary(b, OP_TANH, make_add(b, s, u)));
    graph_output_add(r.g, "h", h);
    graph *to = after(simplify_graph, false);
    cr_expect_eq(count_of(to, OP_CONTRACT), 3);
    cr_expect_eq(count_of(to, OP_CONCAT), 1);
}

Test(graph_merge, parts_known_before_the_loop_stay_together) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *zero = recurrent_number(&r, 0);
    op_node *h = recurrent_state(&r, "h", T | B, 2, AXIS_T, 1, zero, 1);
    op_node *all[] = {x, make_unary(b, OP_TANH, x), h};
    op_node *s = product("kn,k->n", weight("W", 8, 2), make_concat(b, all, 3, 0));
    graph_bind(r.g, h, make_unary(b, OP_TANH, s));
    graph_output_add(r.g, "h", h);
    graph *to = after(simplify_graph, false);
    cr_expect_eq(count_of(to, OP_CONTRACT), 2);
    cr_expect_eq(count_of(to, OP_CONCAT), 1);
}

/* Two states, c of 2 and h of 3 numbers. */
static void two_states(op_node **c, op_node **h) {
    op_node *zero = recurrent_number(&r, 0);
    *c = recurrent_state(&r, "c", T | B, 2, AXIS_T, 1, zero, 1);
    *h = recurrent_state(&r, "h", T | B, 3, AXIS_T, 1, zero, 2);
}

/* Their next values are tanh of these. */
static void two_steps(op_node *c, op_node *h, op_node *next_c, op_node *next_h) {
    graph_bind(r.g, c, make_unary(b, OP_TANH, next_c));
    graph_bind(r.g, h, make_unary(b, OP_TANH, next_h));
    graph_output_add(r.g, "c", c);
    graph_output_add(r.g, "h", h);
}

static op_node *three(op_node *x, op_node *y, op_node *z) {
    return make_add(b, make_add(b, x, y), z);
}

Test(graph_merge, sums_in_a_loop_are_one_contract_and_their_rows_merge) {
    op_node *c, *h, *x = recurrent_input(&r, "x", T | B, 1, 2);
    two_states(&c, &h);
    op_node *ac = product("mn,n->m", weight("Ac", 2, 2), c);
    op_node *ah = product("mn,n->m", weight("Ah", 2, 3), h);
    op_node *bc = product("mn,n->m", weight("Bc", 3, 2), c);
    op_node *bh = product("mn,n->m", weight("Bh", 3, 3), h);
    two_steps(c, h, three(ac, x, ah), make_add(b, bh, bc));
    graph *to = after(sums_graph, false);
    cr_expect_eq(count_of(to, OP_CONTRACT), 2);
    cr_expect_eq(count_of(to, OP_CONCAT), 3, "of c and h once, of weights twice");
    cr_expect_eq(count_of(to, OP_ADD), 1);
    graph *merged = arena_new(r.g->memory, graph);
    graph_init(merged, r.g->memory, r.g->problem);
    merge_graph(to, merged);
    cr_expect_eq(count_of(merged, OP_CONTRACT), 1);
}

Test(graph_merge, a_sum_stays_where_a_contract_would_be_left_over) {
    op_node *c, *h;
    two_states(&c, &h);
    op_node *ac = product("mn,n->m", weight("Ac", 2, 2), c);
    op_node *ah = product("mn,n->m", weight("Ah", 2, 3), h);
    op_node *bh = product("mn,n->m", weight("Bh", 3, 3), h);
    two_steps(c, h, make_add(b, ac, ah), bh);
    cr_expect_eq(count_of(after(sums_graph, true), OP_CONTRACT), 3);
}

Test(graph_merge, a_sum_whose_contracts_are_read_elsewhere_stays) {
    op_node *c, *h;
    two_states(&c, &h);
    op_node *ac = product("mn,n->m", weight("Ac", 2, 2), c);
    op_node *ah = product("mn,n->m", weight("Ah", 2, 3), h);
    graph_output_add(r.g, "ac", ac);
    two_steps(c, h, make_add(b, ac, ah), h);
    cr_expect_eq(count_of(after(sums_graph, true), OP_CONTRACT), 2);
}

Test(graph_merge, sums_outside_of_loops_and_of_one_value_stay) {
    op_node *c, *h, *x = recurrent_input(&r, "x", T | B, 1, 2);
    two_states(&c, &h);
    op_node *ah = product("mn,n->m", weight("Ah", 3, 3), h);
    op_node *bh = product("nm,n->m", weight("Bh", 3, 3), h);
    op_node *again = product("mn,n->m", weight("Ch", 3, 3), h);
    two_steps(c, h, c, three(ah, bh, again));
    op_node *vx = product("mn,n->m", weight("V", 2, 2), x);
    graph_output_add(r.g, "y", make_add(b, vx, product("mn,n->m", weight("W", 2, 3), h)));
    cr_expect_eq(count_of(after(sums_graph, true), OP_CONTRACT), 5);
}

Test(graph_merge, pads_to_disjoint_places_join) {
    op_node *x = recurrent_input(&r, "x", T, 1, 2), *y = recurrent_input(&r, "y", T | B, 1, 3);
    op_node *first = make_pad(b, y, 0, 5, 9), *second = make_pad(b, x, 0, 1, 9);
    graph_output_add(r.g, "sum", make_add(b, first, second));
    graph *to = after(join_graph, false);
    cr_expect_eq(count_of(to, OP_ADD), 0);
    cr_expect_eq(to->outputs.at[0].node->domain, T | B);
}

Test(graph_merge, pads_that_overlap_do_not_join) {
    op_node *x = recurrent_input(&r, "x", T, 1, 2), *y = recurrent_input(&r, "y", T, 1, 3);
    op_node *first = make_pad(b, y, 0, 2, 9), *second = make_pad(b, x, 0, 1, 9);
    graph_output_add(r.g, "sum", make_add(b, first, second));
    graph_output_add(r.g, "twice", make_add(b, first, first));
    cr_expect_eq(count_of(after(join_graph, true), OP_ADD), 2);
}

static op_node *summed(op_node *x) {
    return make_total(b, x, T | B, OP_KIND_SUM);
}

Test(graph_merge, totals_of_parts_are_one_total_of_the_concat_and_keep_their_bits) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *y = recurrent_input(&r, "y", T | B, 1, 2);
    op_node *both[] = {x, y};
    graph_output_add(r.g, "both", make_concat(b, both, 2, 0));
    graph_output_add(r.g, "x", summed(x));
    graph_output_add(r.g, "y", summed(y));
    graph_output_add(r.g, "one axis", make_total(b, y, T, OP_KIND_SUM));
    graph_output_add(r.g, "greatest", make_total(b, y, T | B, OP_KIND_MAX));
    cr_expect_eq(count_of(after(totals_graph, true), OP_TOTAL), 3);
}

Test(graph_merge, totals_with_lengths_join_behind_their_mask) {
    op_shape scalar = op_shape_make(0, NULL);
    op_node *lengths = make_input(b, "lengths", DTYPE_I32, B, &scalar);
    cr_assert(graph_axis_lengths(r.g, AXIS_T, lengths));
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *y = recurrent_input(&r, "y", T | B, 1, 2);
    op_node *both[] = {x, y};
    graph_output_add(r.g, "both", make_concat(b, both, 2, 0));
    graph_output_add(r.g, "x", summed(x));
    graph_output_add(r.g, "y", summed(y));
    graph *to = after(totals_graph, true);
    cr_expect_eq(count_of(to, OP_TOTAL), 1);
}

Test(graph_merge, a_total_that_its_own_concat_needs_stays) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 3), *y = recurrent_input(&r, "y", T | B, 1, 3);
    op_node *total = summed(x);
    op_node *both[] = {x, make_mul(b, y, total)};
    graph_output_add(r.g, "both", make_concat(b, both, 2, 0));
    graph_output_add(r.g, "x", total);
    graph_output_add(r.g, "y", summed(both[1]));
    cr_expect_eq(count_of(after(totals_graph, true), OP_TOTAL), 2);
}

Test(graph_merge, a_small_share_of_a_concat_is_totalled_alone) {
    op_node *x = recurrent_input(&r, "x", T | B, 1, 1), *y = recurrent_input(&r, "y", T | B, 1, 9);
    op_node *z = recurrent_input(&r, "z", T | B, 1, 1), *all[] = {x, y, z};
    graph_output_add(r.g, "all", make_concat(b, all, 3, 0));
    graph_output_add(r.g, "x", summed(x));
    graph_output_add(r.g, "z", summed(z));
    cr_expect_eq(count_of(after(totals_graph, true), OP_TOTAL), 2);
}
