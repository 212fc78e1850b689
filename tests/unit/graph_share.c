/* Storage: equal values are one node, names belong to one leaf, states are bound once, mistakes
 * stick and say where. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/program.h"

static op_node *input(program *p, const char *name, uint32_t domain) {
    op_shape shape = program_shape(1, 4);
    return make_input(&p->g.builder, name, DTYPE_F32, domain, &shape);
}

static void start(program *p) {
    program_init(p);
    cr_assert_eq(graph_axis_add(&p->g, "t", false, -1), PROGRAM_T);
    cr_assert_eq(graph_axis_add(&p->g, "b", true, -1), PROGRAM_B);
}

Test(graph_share, equal_values_are_one_node) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_node *x = input(&p, "x", PROGRAM_BIT(PROGRAM_T)), *y = input(&p, "y", 0);
    op_node *sum = make_add(b, x, y);
    size_t count = p.g.nodes.count;
    cr_assert_eq(make_add(b, x, y), sum);
    cr_assert_eq(p.g.nodes.count, count);
    cr_assert_neq(make_add(b, y, x), sum);
    cr_assert_neq(make_sub(b, x, y), sum);
    cr_assert_eq(make_number(b, DTYPE_F32, 0.5), make_number(b, DTYPE_F32, 0.5));
    cr_assert_neq(make_number(b, DTYPE_F32, 0.0), make_number(b, DTYPE_F32, -0.0));
    cr_assert_neq(make_number(b, DTYPE_F32, 1), make_number(b, DTYPE_F64, 1));
    cr_assert_neq(make_slice(b, x, 0, 0, 2), make_slice(b, x, 0, 1, 2));
    cr_assert_eq(make_slice(b, x, 0, 1, 2), make_slice(b, x, 0, 1, 2));
    char spec[] = "m,m->";
    op_node *dot = make_contract(b, spec, x, y, 0);
    spec[0] = 'm'; /* another address, the same text */
    cr_assert_eq(make_contract(b, "m,m->", x, y, 0), dot);
    program_close(&p);
}

Test(graph_share, unused_dimensions_of_a_shape_do_not_count) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_node *x = input(&p, "x", 0);
    op_attributes a;
    op_attributes_init(&a);
    a.shape = program_shape(2, 3, 4);
    op_node *first = b->make(b, OP_BROADCAST, &x, 1, &a);
    a.shape.dimension[5] = 77;
    cr_assert_eq(b->make(b, OP_BROADCAST, &x, 1, &a), first);
    program_close(&p);
}

Test(graph_share, keep_and_random_keep_their_own_identity) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_node *x = input(&p, "x", PROGRAM_BIT(PROGRAM_T)), *kept = make_keep(b, x);
    cr_assert_neq(kept, x);
    cr_assert_neq(make_unary(b, OP_TANH, kept), make_unary(b, OP_TANH, x));
    op_shape none = program_shape(0);
    op_node *seed = make_number(b, DTYPE_I32, 1), *step = make_step(b, PROGRAM_T);
    op_node *first = make_random(b, DTYPE_F32, &none, seed, &step, 1, 1);
    cr_assert_eq(make_random(b, DTYPE_F32, &none, seed, &step, 1, 1), first);
    cr_assert_neq(make_random(b, DTYPE_F32, &none, seed, &step, 1, 2), first);
    uint64_t stream = b->new_stream(b);
    cr_assert_neq(stream, 0);
    cr_assert_neq(b->new_stream(b), stream);
    program_close(&p);
}

Test(graph_share, states_are_never_shared) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_shape shape = program_shape(1, 4);
    op_node *zero = make_number(b, DTYPE_F32, 0);
    op_node *first = make_open_delay(b, PROGRAM_T, 1, zero, DTYPE_F32, 0, &shape);
    op_node *second = make_open_delay(b, PROGRAM_T, 1, zero, DTYPE_F32, 0, &shape);
    cr_assert_neq(first, second);
    op_node *x = input(&p, "x", PROGRAM_BIT(PROGRAM_T));
    cr_assert_eq(make_delay(b, x, PROGRAM_T, 1, zero), make_delay(b, x, PROGRAM_T, 1, zero));
    program_close(&p);
}

Test(graph_share, a_leaf_has_a_name_of_its_own) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_shape none = program_shape(0);
    b->where = (site){"model.c", 3};
    input(&p, "x", 0);
    b->where = (site){"model.c", 9};
    cr_assert_null(make_param(b, "x", DTYPE_F32, 0, &none));
    cr_assert_eq(p.problem.code, STATUS_ARGUMENT);
    cr_assert_str_eq(p.problem.message,
                     "model.c:9: param: the name \"x\" belongs to the input made at model.c:3; "
                     "give each input and param a name of its own");
    cr_assert_null(make_step(b, PROGRAM_T), "mistakes stick");
    program_close(&p);
}

Test(graph_share, the_first_name_of_a_value_stays) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_node *h = make_unary(b, OP_TANH, input(&p, "x", 0));
    cr_assert_eq(graph_name(&p.g, h, "h"), h);
    cr_assert_eq(graph_name(&p.g, h, "other"), h);
    cr_assert_str_eq(h->name, "h");
    cr_assert_str_eq(print_name(&p.memory, h), "%1 h");
    cr_assert_str_eq(print_name(&p.memory, make_neg(b, h)), "%2");
    char longest[LIMIT_NAME + 2];
    memset(longest, 'a', sizeof longest);
    longest[LIMIT_NAME + 1] = 0;
    cr_assert_null(graph_name(&p.g, make_unary(b, OP_SIN, h), longest));
    cr_assert_str_eq(p.problem.message, "name: a name has 201 bytes; the limit is 200");
    program_close(&p);
}

Test(graph_share, axes) {
    program p;
    program_init(&p);
    graph *g = &p.g;
    int batch = graph_axis_add(g, "b", true, -1), s = graph_axis_add(g, "s", false, 5);
    int t = graph_axis_add(g, "t", false, -1), order[LIMIT_AXES];
    cr_assert_eq(graph_axis_find(g, "s"), s);
    cr_assert_eq(graph_axis_find(g, "q"), -1);
    cr_assert_eq(graph_axis_order(g, PROGRAM_BIT(batch) | PROGRAM_BIT(s) | PROGRAM_BIT(t), order),
                 3);
    cr_assert(order[0] == s && order[1] == t && order[2] == batch,
              "time axes lie outside batch axes");
    cr_assert_eq(g->builder.axis_extent(&g->builder, s), 5);
    cr_assert_eq(g->builder.axis_extent(&g->builder, t), -1);
    cr_assert_null(g->builder.axis_name(&g->builder, 3));
    cr_assert_eq(graph_axis_add(g, "t", false, -1), -1);
    cr_assert_str_eq(p.problem.message, "axis: there is an axis named \"t\" already");
    program_close(&p);
    program_init(&p);
    cr_assert_eq(graph_axis_add(&p.g, "two words", false, -1), -1);
    cr_assert_str_eq(p.problem.message,
                     "axis: the name \"two words\" is not a word of letters, digits and _");
    program_close(&p);
}

Test(graph_share, lengths_are_set_before_anything_reads_the_end) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_shape none = program_shape(0);
    op_node *x = input(&p, "x", PROGRAM_BIT(PROGRAM_T) | PROGRAM_BIT(PROGRAM_B));
    op_node *lengths = make_input(b, "lengths", DTYPE_I32, PROGRAM_BIT(PROGRAM_B), &none);
    cr_assert(graph_axis_lengths(&p.g, PROGRAM_T, lengths), "a value may hold the axis");
    op_node *end = make_end(b, PROGRAM_T, x->domain);
    cr_assert_eq(end, lengths);
    cr_assert_eq(make_end(b, PROGRAM_T, PROGRAM_BIT(PROGRAM_T))->op, OP_EXTENT);
    make_total(b, x, PROGRAM_BIT(PROGRAM_B), OP_KIND_SUM);
    cr_assert_not(graph_axis_lengths(&p.g, PROGRAM_B, make_number(b, DTYPE_I32, 3)));
    cr_assert_eq(p.problem.code, STATUS_ARGUMENT);
    program_close(&p);
    start(&p);
    b = &p.g.builder;
    op_node *step = make_step(b, PROGRAM_T);
    cr_assert_not(graph_axis_lengths(&p.g, PROGRAM_T, step));
    cr_assert_str_eq(p.problem.message,
                     "lengths of t: %0 is i32 {t} []; lengths may not vary along their own axis");
    program_close(&p);
}

Test(graph_share, binding_checks_the_next_value) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_shape shape = program_shape(1, 4);
    b->where = (site){"cell.c", 5};
    op_node *zero = make_number(b, DTYPE_F32, 0);
    op_node *h = make_open_delay(b, PROGRAM_T, 1, zero, DTYPE_F32, PROGRAM_BIT(PROGRAM_B), &shape);
    graph_name(&p.g, h, "h");
    op_node *w = input(&p, "w", 0);
    b->where = (site){"cell.c", 8};
    cr_assert(graph_bind(&p.g, h, w), "a value with fewer axes is expanded");
    cr_assert_eq(h->arguments[0]->op, OP_EXPAND);
    cr_assert_eq(h->arguments[0]->domain, h->domain);
    cr_assert_not(graph_bind(&p.g, h, w));
    cr_assert_str_eq(p.problem.message,
                     "cell.c:8: bind: the state %1 h has its next value already: %3");
    program_close(&p);

    start(&p);
    b = &p.g.builder;
    b->where = (site){"cell.c", 5};
    h = make_open_delay(b, PROGRAM_T, 1, make_number(b, DTYPE_F32, 0), DTYPE_F32, 0, &shape);
    b->where = (site){"cell.c", 9};
    cr_assert_not(graph_bind(&p.g, h, input(&p, "x", PROGRAM_BIT(PROGRAM_B))));
    cr_assert_eq(p.problem.code, STATUS_SHAPE);
    cr_assert_str_eq(
        p.problem.message,
        "cell.c:9: bind: the state %1 (made at cell.c:5) is f32 {t} [4], but its next "
        "value %2 x is f32 {b} [4]; declare the state over all axes of its next value");
    program_close(&p);
}

Test(graph_share, outputs_and_updates_are_checked) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_shape none = program_shape(0);
    op_node *w = make_param(b, "w", DTYPE_F32, PROGRAM_BIT(PROGRAM_B), &none);
    graph_update_add(&p.g, w, make_number(b, DTYPE_F32, 1));
    cr_assert_eq(p.g.updates.count, 1);
    cr_assert_eq(p.g.updates.at[0].node->domain, w->domain);
    graph_output_add(&p.g, "y", w);
    graph_output_add(&p.g, "y", make_neg(b, w));
    cr_assert_eq(p.g.outputs.count, 1);
    cr_assert_str_eq(p.problem.message, "output: there is an output named \"y\" already: %0 w");
    program_close(&p);
    start(&p);
    b = &p.g.builder;
    w = make_param(b, "w", DTYPE_F32, 0, &none);
    graph_update_add(&p.g, w, make_number(b, DTYPE_F64, 1));
    cr_assert_str_eq(p.problem.message,
                     "update: the param %0 w is f32 {} [], but its new value %1 is f64 {} []");
    program_close(&p);
}

Test(graph_share, postorder) {
    program p;
    program_init(&p);
    op_node *h = program_sample(&p);
    cr_assert_not_null(h, "%s", p.problem.message);
    node_list roots = {0}, all = {0}, cut = {0};
    graph_roots(&p.g, &p.memory, &roots);
    cr_assert_eq(roots.count, 5);
    graph_postorder(&p.memory, roots.at, roots.count, false, &all);
    graph_postorder(&p.memory, &h, 1, true, &cut);
    cr_assert_eq(cut.count, 3, "the init, the lengths and the state itself");
    bool *seen = arena_array(&p.memory, bool, p.g.nodes.count);
    for (size_t i = 0; i < all.count; i++) {
        const op_node *n = all.at[i];
        cr_assert_not(seen[n->id]);
        for (int a = 0; a < op_live_count(n); a++)
            if (n->op != OP_DELAY || a > 0)
                cr_assert(seen[n->arguments[a]->id]);
        seen[n->id] = true;
        cr_assert_neq(n->op, OP_COTANGENT, "no value reads it");
    }
    cr_assert(seen[h->arguments[0]->id]);
    program_close(&p);
}

Test(graph_share, a_long_chain_needs_no_deep_stack) {
    program p;
    start(&p);
    op_builder *b = &p.g.builder;
    op_node *x = input(&p, "x", 0);
    for (int i = 0; i < 200000; i++)
        x = make_unary(b, i % 2 ? OP_SIN : OP_COS, x);
    graph_output_add(&p.g, "y", x);
    cr_assert(verify_graph(&p.g));
    program copy;
    program_init(&copy);
    rewrite_graph(&p.g, &copy.g, NULL, NULL);
    cr_assert_eq(copy.g.nodes.count, p.g.nodes.count);
    program_close(&copy);
    program_close(&p);
}
