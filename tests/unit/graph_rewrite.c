/* Rewriting: clean copies, rules, dropping, states, and copies with one value replaced. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/program.h"

Test(graph_rewrite, a_clean_copy_prints_the_same) {
    program p, copy, again;
    program_init(&p);
    program_sample(&p);
    program_init(&copy);
    rewrite_graph(&p.g, &copy.g, NULL, NULL);
    cr_assert_eq(copy.problem.code, STATUS_OK, "%s", copy.problem.message);
    cr_assert(verify_graph(&copy.g), "%s", copy.problem.message);
    program_init(&again);
    rewrite_graph(&copy.g, &again.g, NULL, NULL);
    cr_assert_str_eq(program_text(&copy), program_text(&again));
    cr_assert_str_eq(program_text(&p), program_text(&copy), "everything of the sample is needed");
    cr_assert_eq(copy.g.builder.new_stream(&copy.g.builder), p.g.builder.new_stream(&p.g.builder));
    program_close(&again);
    program_close(&copy);
    program_close(&p);
}

Test(graph_rewrite, what_nothing_needs_is_dropped) {
    program p, copy;
    program_init(&p);
    graph *g = &p.g;
    op_builder *b = &g->builder;
    graph_axis_add(g, "t", false, -1);
    graph_axis_add(g, "b", true, -1);
    op_shape none = program_shape(0);
    op_node *lengths = make_input(b, "lengths", DTYPE_I32, PROGRAM_BIT(PROGRAM_B), &none);
    op_node *w = make_param(b, "w", DTYPE_F32, 0, &none);
    b->where = (site){"model.c", 4};
    make_unary(b, OP_TANH, make_input(b, "unused", DTYPE_F32, 0, &none));
    op_node *old = make_param(b, "old", DTYPE_F32, 0, &none);
    graph_axis_lengths(g, PROGRAM_T, lengths);
    graph_output_add(g, "y", graph_name(g, make_unary(b, OP_EXP, w), "e"));
    graph_update_add(g, old, w);
    program_init(&copy);
    rewrite_graph(g, &copy.g, NULL, NULL);
    cr_assert_str_eq(program_text(&copy),
                     "eddy graph 1\naxis t\naxis b batch\n"
                     "%0 = input \"lengths\" : i32 {b} []\nlengths t %0\n"
                     "%1 = param \"w\" : f32 {} []\n"
                     "%2 = param \"old\" : f32 {} []\n"
                     "%3 = exp %1 : f32 {} []  \"e\"\n"
                     "output \"y\" %3\nupdate %2 %1\n");
    cr_assert_str_eq(copy.g.nodes.at[3]->where.file, "model.c");
    cr_assert_eq(copy.g.nodes.at[3]->where.line, 4);
    program_close(&copy);
    program_close(&p);
}

/* Every tanh becomes a sin; counts them. */
static op_node *sin_rule(rewrite *r, const op_node *n) {
    if (n->op != OP_TANH)
        return NULL;
    ++*(int *)r->user;
    return make_unary(&r->to->builder, OP_SIN, r->map[n->arguments[0]->id]);
}

Test(graph_rewrite, rules_reach_values_on_a_cycle) {
    program p, copy;
    program_init(&p);
    graph *g = &p.g;
    op_builder *b = &g->builder;
    graph_axis_add(g, "t", false, -1);
    op_shape none = program_shape(0);
    op_node *zero = make_number(b, DTYPE_F32, 0);
    op_node *h = make_open_delay(b, PROGRAM_T, 1, zero, DTYPE_F32, 0, &none);
    op_node *next = make_unary(b, OP_TANH, make_unary(b, OP_EXP, h));
    graph_bind(g, h, next);
    graph_output_add(g, "a", next);
    graph_output_add(g, "b", make_unary(b, OP_SIN, make_unary(b, OP_EXP, h)));
    program_init(&copy);
    int count = 0;
    rewrite_graph(g, &copy.g, sin_rule, &count);
    cr_assert_eq(count, 1);
    cr_assert_str_eq(program_text(&copy),
                     "eddy graph 1\naxis t\n%0 = constant 0.0 : f32 {} []\n"
                     "%1 = delay %3, %0 axis=t distance=1 : f32 {t} []\n"
                     "%2 = exp %1 : f32 {t} []\n%3 = sin %2 : f32 {t} []\n"
                     "output \"a\" %3\noutput \"b\" %3\n");
    cr_assert(verify_graph(&copy.g), "%s", copy.problem.message);
    program_close(&copy);
    program_close(&p);
}

/* The state is replaced by its init; nothing is left to bind. */
static op_node *init_rule(rewrite *r, const op_node *n) {
    if (n->op != OP_DELAY)
        return NULL;
    return make_expand(&r->to->builder, r->map[n->arguments[1]->id], n->domain);
}

Test(graph_rewrite, a_rule_may_remove_a_state) {
    program p, copy;
    program_init(&p);
    graph *g = &p.g;
    op_builder *b = &g->builder;
    graph_axis_add(g, "t", false, -1);
    op_shape none = program_shape(0);
    op_node *h =
        make_open_delay(b, PROGRAM_T, 1, make_number(b, DTYPE_F32, 2), DTYPE_F32, 0, &none);
    op_node *next = make_unary(b, OP_TANH, h);
    graph_bind(g, h, next);
    graph_output_add(g, "y", h);
    program_init(&copy);
    rewrite_graph(g, &copy.g, init_rule, NULL);
    cr_assert_eq(copy.problem.code, STATUS_OK);
    cr_assert_eq(copy.g.outputs.at[0].node->op, OP_EXPAND);
    cr_assert(verify_graph(&copy.g));
    program_close(&copy);
    program_close(&p);
}

Test(graph_rewrite, substitution_shares_what_does_not_depend) {
    program p;
    program_init(&p);
    graph *g = &p.g;
    op_builder *b = &g->builder;
    op_shape none = program_shape(0);
    op_node *x = make_input(b, "x", DTYPE_F32, 0, &none),
            *y = make_input(b, "y", DTYPE_F32, 0, &none);
    op_node *other = make_unary(b, OP_EXP, y),
            *root = make_mul(b, make_unary(b, OP_TANH, x), other);
    op_node *copy = b->substitute(b, root, x, y);
    cr_assert_eq(copy, make_mul(b, make_unary(b, OP_TANH, y), other));
    cr_assert_eq(b->substitute(b, other, x, y), other);
    cr_assert_eq(b->substitute(b, x, x, y), y);
    cr_assert_null(b->substitute(b, NULL, x, y));
    program_close(&p);
}

Test(graph_rewrite, substitution_copies_states_that_depend) {
    program p;
    program_init(&p);
    graph *g = &p.g;
    op_builder *b = &g->builder;
    graph_axis_add(g, "t", false, -1);
    op_shape none = program_shape(0);
    op_node *zero = make_number(b, DTYPE_F32, 0);
    /* Opened before x exists, so that only the second round finds that it depends on x. */
    op_node *h = make_open_delay(b, PROGRAM_T, 1, zero, DTYPE_F32, 0, &none);
    op_node *free_state = make_open_delay(b, PROGRAM_T, 2, zero, DTYPE_F32, 0, &none);
    op_node *read = make_unary(b, OP_COS, h);
    op_node *x = make_input(b, "x", DTYPE_F32, 0, &none),
            *y = make_input(b, "y", DTYPE_F32, 0, &none);
    op_node *next = make_add(b, make_unary(b, OP_TANH, h), x);
    graph_bind(g, h, next);
    graph_bind(g, free_state, make_unary(b, OP_SIN, free_state));
    op_node *copy = b->substitute(b, make_mul(b, read, free_state), x, y);
    cr_assert_not_null(copy, "%s", p.problem.message);
    cr_assert_eq(copy->arguments[1], free_state);
    op_node *state = copy->arguments[0]->arguments[0];
    cr_assert_eq(state->op, OP_DELAY);
    cr_assert_neq(state, h);
    op_node *after = state->arguments[0];
    cr_assert_eq(after->op, OP_ADD);
    cr_assert_eq(after->arguments[0]->arguments[0], state);
    cr_assert_eq(after->arguments[1], y);
    cr_assert_eq(h->arguments[0], next, "the original is as it was");
    program_close(&p);
}

/* What `clean` makes of a text. */
static const char *cleaned(const char *source, program *p, program *clean) {
    program_init(p);
    program_init(clean);
    cr_assert(parse_graph(&p->g, source, strlen(source), "text"), "%s", p->problem.message);
    clean_graph(&p->g, &clean->g);
    cr_assert(verify_graph(&clean->g), "%s", clean->problem.message);
    return program_text(clean);
}

Test(graph_rewrite, clean_numbers_by_need) {
    static const char *const ways[] = {
        "eddy graph 1\naxis t\n"
        "%0 = constant 0.0 : f32 {} []\n"
        "%1 = param \"a\" : f32 {} []\n"
        "%2 = param \"b\" : f32 {} []\n"
        "%3 = param \"slow\" : f32 {} []\n"
        "%4 = delay %8, %0 axis=t distance=1 : f32 {t} []  \"h\"\n"
        "%5 = mul %1, %4 : f32 {t} []\n"
        "%6 = tanh %4 : f32 {t} []\n"
        "%7 = mul %2, %6 : f32 {t} []\n"
        "%8 = add %5, %7 : f32 {t} []\n"
        "%9 = add %3, %1 : f32 {} []\n"
        "%10 = exp %3 : f32 {} []\n"
        "%11 = total %4 kind=sum over={t} : f32 {} []\n"
        "output \"loss\" %11\nupdate %1 %9\nupdate %3 %10\n",
        "eddy graph 1\naxis t\n"
        "%0 = param \"slow\" : f32 {} []\n"
        "%1 = exp %0 : f32 {} []\n"
        "%2 = param \"b\" : f32 {} []\n"
        "%3 = constant 0.0 : f32 {} []\n"
        "%4 = delay %11, %3 axis=t distance=1 : f32 {t} []  \"h\"\n"
        "%5 = total %4 kind=sum over={t} : f32 {} []\n"
        "%6 = tanh %4 : f32 {t} []\n"
        "%7 = mul %2, %6 : f32 {t} []\n"
        "%8 = param \"a\" : f32 {} []\n"
        "%9 = add %0, %8 : f32 {} []\n"
        "%10 = mul %8, %4 : f32 {t} []\n"
        "%11 = add %10, %7 : f32 {t} []\n"
        "%12 = neg %11 : f32 {t} []\n"
        "output \"loss\" %5\nupdate %0 %1\nupdate %8 %9\n",
    };
    program one, two, again, clean_one, clean_two, clean_again;
    const char *first = cleaned(ways[0], &one, &clean_one);
    cr_assert_str_eq(first, cleaned(ways[1], &two, &clean_two));
    cr_assert_str_eq(first, cleaned(first, &again, &clean_again));
    program *all[] = {&one, &two, &again, &clean_one, &clean_two, &clean_again};
    for (int i = 0; i < 6; i++)
        program_close(all[i]);
}
