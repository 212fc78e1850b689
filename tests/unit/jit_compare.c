/* Compiled programs against the evaluator, from the smallest up: results must be the same bits at
 * every extent, empty ones included. Random programs are in tests/fuzz. */
#include <criterion/criterion.h>

#include "tests/support/compare.h"
#include "tests/support/random_graph.h"
#include "tests/support/suite.h"

enum { T = 1, B = 2, S = 4 };

static void add_axes(graph *to) {
    graph_axis_add(to, "t", false, -1);
    graph_axis_add(to, "b", true, -1);
    graph_axis_add(to, "s", false, -1);
}

SUITE_WITH_GRAPH(jit_compare, add_axes);

static op_shape shape(int rank, int64_t first, int64_t second) {
    return op_shape_make(rank, (const int64_t[]){first, second});
}

static op_node *input(const char *name, dtype t, uint32_t domain, int rank, int64_t first,
                      int64_t second) {
    op_shape s = shape(rank, first, second);
    return make_input(b, name, t, domain, &s);
}

static op_node *param(const char *name, dtype t, int rank, int64_t first, int64_t second) {
    op_shape s = shape(rank, first, second);
    return make_param(b, name, t, 0, &s);
}

/* At T in 0, 1, 16 and B in 0, 1, 7 (s: 3), with guard pages around every buffer. */
static void check(void) {
    static const int64_t ts[] = {0, 1, 16}, bs[] = {0, 1, 7};
    int64_t extents[9][LIMIT_AXES] = {{0}};
    for (int i = 0; i < 9; i++) {
        extents[i][0] = ts[i % 3];
        extents[i][1] = bs[i / 3];
        extents[i][2] = 3;
    }
    text report;
    text_init(&report, &memory);
    cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
    compare_verdict verdict =
        compare_program(&g, (const int64_t(*)[LIMIT_AXES])extents, 9, 3, &report);
    cr_assert_eq(verdict, COMPARE_EQUAL, "%s", report.at);
}

Test(jit_compare, add_one) {
    op_node *x = input("x", DTYPE_F32, T | B, 1, 5, 0);
    graph_output_add(&g, "y", make_add(b, x, make_like(b, x, 1)));
    check();
}

Test(jit_compare, every_unary_function_in_both_floats) {
    static const op_id ops[] = {OP_NEG, OP_ABS,   OP_SIGN, OP_FLOOR,   OP_SQRT, OP_EXP, OP_EXPM1,
                                OP_LOG, OP_LOG1P, OP_TANH, OP_SIGMOID, OP_SIN,  OP_COS, OP_KEEP};
    for (int t = DTYPE_F32; t <= DTYPE_F64; t++) {
        op_node *x = input(t == DTYPE_F32 ? "x" : "z", (dtype)t, T | B, 1, 9, 0);
        for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
            graph_output_add(&g, arena_print(&memory, "%s%d", op_get(ops[i])->name, t),
                             make_unary(b, ops[i], x));
    }
    check();
}

/* One row, more than a tile, more than a vector of any machine. */
Test(jit_compare, matrix_times_vector) {
    static const int sizes[] = {1, 7, 18, 70};
    for (int i = 0; i < 16; i++) {
        int rows = sizes[i % 4], columns = sizes[i / 4];
        op_node *w = param(arena_print(&memory, "W%d", i), DTYPE_F32, 2, rows, columns);
        op_node *x = input(arena_print(&memory, "x%d", i), DTYPE_F32, T | B, 1, columns, 0);
        graph_output_add(&g, arena_print(&memory, "y%d", i), make_contract(b, "mn,n->m", w, x, 0));
        graph_output_add(
            &g, arena_print(&memory, "d%d", i),
            make_contract(b, "m,n->mn", make_contract(b, "mn,n->m", w, x, 0), x, T | B));
    }
    check();
}

Test(jit_compare, results_that_are_leaves_and_results_that_are_shared) {
    op_node *x = input("x", DTYPE_F32, T, 0, 0, 0), *p = param("p", DTYPE_F64, 1, 3, 0);
    op_node *flags = make_binary(b, OP_LT, x, make_like(b, x, 0));
    graph_output_add(&g, "x_again", x);
    graph_output_add(&g, "p_before", p);
    graph_output_add(&g, "seven", make_number(b, DTYPE_I32, 7));
    graph_output_add(&g, "steps", make_step(b, 0));
    graph_output_add(&g, "flags", flags);
    graph_output_add(&g, "flags_again", flags);
    graph_update_add(&g, p, make_add(b, p, make_like(b, p, 1)));
    check();
}

/* Two params that take each other's value: all new values are computed from the old ones. */
Test(jit_compare, updates_swap) {
    op_node *p = param("p", DTYPE_F32, 1, 3, 0), *q = param("q", DTYPE_F32, 1, 3, 0);
    graph_update_add(&g, p, q);
    graph_update_add(&g, q, make_mul(b, p, make_like(b, p, 2)));
    graph_output_add(&g, "sum", make_add(b, p, q));
    check();
}

static op_node *gate(const char *name, op_node *x, op_node *h, op_id op) {
    op_node *w = param(arena_print(&memory, "W%s", name), DTYPE_F32, 2, 4, 3);
    op_node *u = param(arena_print(&memory, "U%s", name), DTYPE_F32, 2, 4, 4);
    op_node *bias = param(arena_print(&memory, "b%s", name), DTYPE_F32, 1, 4, 0);
    op_node *sum =
        make_add(b, make_contract(b, "mn,n->m", w, x, 0), make_contract(b, "mn,n->m", u, h, 0));
    return make_unary(b, op, make_add(b, sum, bias));
}

static op_node *lstm(bool ragged, int distance) {
    op_shape four = shape(1, 4, 0);
    if (ragged)
        graph_axis_lengths(&g, 0, input("lengths", DTYPE_I32, B, 0, 0, 0));
    op_node *x = input("x", DTYPE_F32, T | B, 1, 3, 0), *zero = make_number(b, DTYPE_F32, 0);
    op_node *h = make_open_delay(b, 0, distance, zero, DTYPE_F32, T | B, &four);
    op_node *c = make_open_delay(b, 0, distance, zero, DTYPE_F32, T | B, &four);
    op_node *i = gate("i", x, h, OP_SIGMOID), *f = gate("f", x, h, OP_SIGMOID);
    op_node *o = gate("o", x, h, OP_SIGMOID), *n = gate("n", x, h, OP_TANH);
    op_node *next_c = make_add(b, make_mul(b, f, c), make_mul(b, i, n));
    op_node *next_h = make_mul(b, o, make_unary(b, OP_TANH, next_c));
    graph_bind(&g, h, next_h);
    graph_bind(&g, c, next_c);
    graph_output_add(&g, "h", graph_name(&g, next_h, "h"));
    return next_h;
}

/* The gradient of the sum of squares, and a step along it. */
static void train(op_node *h) {
    node_list wrt = {0};
    op_node *sum = make_reduce(b, make_mul(b, h, h), 0, OP_KIND_SUM);
    op_node *loss = make_total(b, sum, sum->domain, OP_KIND_SUM);
    graph_output_add(&g, "loss", loss);
    for (size_t i = 0; i < g.nodes.count; i++)
        if (g.nodes.at[i]->op == OP_PARAM)
            vec_push(&memory, &wrt, g.nodes.at[i]);
    op_node **gradients = arena_array(&memory, op_node *, wrt.count);
    cr_assert(grad_program(&g, loss, wrt.at, wrt.count, gradients), "%s", problem.message);
    for (size_t i = 0; i < wrt.count; i++) {
        op_node *step = make_mul(b, gradients[i], make_like(b, gradients[i], 0.125));
        graph_output_add(&g, arena_print(&memory, "d_%s", wrt.at[i]->name), gradients[i]);
        graph_update_add(&g, wrt.at[i], make_sub(b, wrt.at[i], step));
    }
}

Test(jit_compare, lstm) {
    lstm(false, 1);
    check();
}

Test(jit_compare, lstm_training) {
    train(lstm(false, 1));
    check();
}

Test(jit_compare, lstm_training_with_lengths) {
    train(lstm(true, 1));
    check();
}

Test(jit_compare, lstm_from_the_end_two_steps_apart_with_lengths) {
    train(lstm(true, -2));
    check();
}

/* h[t][s] from h[t-1][s] and h[t][s+1]: one loop in another. */
Test(jit_compare, grid) {
    op_shape two = shape(1, 2, 0);
    op_node *x = input("x", DTYPE_F64, T | B | S, 1, 2, 0), *zero = make_number(b, DTYPE_F64, 0);
    op_node *above = make_open_delay(b, 0, 1, zero, DTYPE_F64, T | B | S, &two);
    op_node *right = make_open_delay(b, 2, -1, zero, DTYPE_F64, T | B | S, &two);
    op_node *h = make_unary(b, OP_TANH, make_add(b, make_add(b, above, right), x));
    graph_bind(&g, above, h);
    graph_bind(&g, right, h);
    graph_output_add(&g, "h", h);
    check();
}

/* Softmax over s of q[t] . k[s], then the mean of v[s]; padding of s has no weight. */
Test(jit_compare, attention_over_a_second_axis) {
    graph_axis_lengths(&g, 2, input("keys", DTYPE_I32, B, 0, 0, 0));
    op_node *q = input("q", DTYPE_F32, T | B, 1, 4, 0), *k = input("k", DTYPE_F32, S | B, 1, 4, 0);
    op_node *v = input("v", DTYPE_F32, S | B, 1, 3, 0);
    op_node *score = make_contract(b, "n,n->", q, k, 0);
    op_node *weight =
        make_unary(b, OP_EXP, make_sub(b, score, make_total(b, score, S, OP_KIND_LSE)));
    graph_output_add(&g, "y", make_contract(b, ",n->n", weight, v, S));
    check();
}

Test(jit_compare, places_that_are_computed) {
    op_node *i = input("i", DTYPE_I32, T | B, 0, 0, 0), *x = input("x", DTYPE_F32, T | B, 1, 3, 0);
    op_node *table = param("table", DTYPE_F32, 2, 5, 3), *zero = make_number(b, DTYPE_F32, 0);
    graph_output_add(&g, "row", make_gather(b, table, i));
    graph_output_add(&g, "rows", make_scatter(b, x, i, 5, T | B));
    graph_output_add(&g, "read", make_at(b, x, 0, i, zero));
    graph_output_add(&g, "put", make_put(b, x, 0, i, T | B));
    graph_output_add(&g, "last", make_last(b, x, 0, zero));
    graph_output_add(&g, "stack", make_reduce(b, make_stack(b, x, 0), 0, OP_KIND_LSE));
    graph_output_add(&g, "spread", make_spread(b, make_stack(b, x, 0), 0));
    check();
}

/* The gradient of a row that is gathered from a stack scatters into run-time many rows. */
Test(jit_compare, gather_from_a_stack_and_its_gradient) {
    op_node *i = input("i", DTYPE_I32, B, 0, 0, 0), *p = param("p", DTYPE_F32, 1, 3, 0), *gradient;
    op_node *x = make_mul(b, input("x", DTYPE_F32, T, 1, 3, 0), p);
    op_node *row = make_gather(b, make_stack(b, x, 0), i);
    op_node *loss =
        make_total(b, make_reduce(b, make_mul(b, row, row), 0, OP_KIND_SUM), B, OP_KIND_SUM);
    cr_assert(grad_program(&g, loss, &p, 1, &gradient), "%s", problem.message);
    graph_output_add(&g, "row", row);
    graph_output_add(&g, "d_p", gradient);
    check();
}

/* A reshape of memory reads by element number, also of leaves and of states. */
Test(jit_compare, reshapes) {
    op_shape six = shape(1, 6, 0), square = shape(2, 2, 3);
    op_node *p = param("p", DTYPE_F32, 2, 2, 3);
    static const double numbers[] = {1, 2, 3, 4, 5, 6};
    op_node *k = make_constant(b, DTYPE_F64, &square, numbers);
    op_node *state = make_open_delay(b, 0, 1, make_number(b, DTYPE_F32, 0), DTYPE_F32, T, &six);
    op_node *next = make_add(b, make_reshape(b, p, &six), make_unary(b, OP_SIN, state));
    graph_bind(&g, state, next);
    graph_output_add(&g, "p_flat", make_reshape(b, p, &six));
    graph_output_add(&g, "k_flat", make_reshape(b, k, &six));
    graph_output_add(&g, "state_square", make_reshape(b, state, &square));
    check();
}

/* A state of nothing but delays must not be read in place for ever. */
Test(jit_compare, cycle_of_delays) {
    op_shape none = shape(0, 0, 0);
    op_node *init = input("init", DTYPE_F32, T, 0, 0, 0);
    op_node *state = make_open_delay(b, 0, 3, init, DTYPE_F32, T, &none);
    graph_bind(&g, state, make_delay(b, state, 0, 1, make_number(b, DTYPE_F32, 2)));
    graph_output_add(&g, "y", state);
    check();
}

/* Found by fuzzing: of a state that is read two turns of the outer loop later, the inner loop's
 * axis must not be given up for scratch. */
Test(jit_compare, scratch_of_an_inner_loop) {
    static const char source[] =
        "eddy graph 1\n"
        "axis t\n"
        "axis s\n"
        "%0 = constant 0.5 : f64 {} []\n"
        "%1 = delay %6, %0 axis=s distance=1 : f64 {t,s} []\n"
        "%2 = constant 0.0 : f64 {} []\n"
        "%3 = delay %4, %2 axis=t distance=-2 : f64 {t,s} []\n"
        "%4 = add %3, %1 : f64 {t,s} []\n"
        "%5 = param \"p\" : f64 {t} []\n"
        "%6 = mul %4, %5 : f64 {t,s} []\n"
        "output \"y\" %6\n";
    graph_init(&g, &memory, &problem);
    cr_assert(parse_graph(&g, source, sizeof source - 1, "source"), "%s", problem.message);
    check();
}

/* A machine with narrower vectors has the same bits. */
Test(jit_compare, narrow_machine) {
    setenv("EDDY_CPU", "avx2", 1);
    train(lstm(true, 1));
    check();
}

Test(jit_compare, random_programs_with_every_pass_checked) {
    setenv("EDDY_CHECK", "2", 1);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        suite_close();
        suite_open();
        int64_t extents[3][LIMIT_AXES];
        graph_init(&g, &memory, &problem);
        random_graph(&g, seed, &(random_options){.steps = 12, .gradients = true});
        for (int i = 0; i < 3; i++)
            random_extents(seed, i, extents[i]);
        text report;
        text_init(&report, &memory);
        compare_verdict verdict =
            compare_program(&g, (const int64_t(*)[LIMIT_AXES])extents, 3, seed, &report);
        cr_assert_neq(verdict, COMPARE_DIFFERENT, "%s", report.at);
    }
}
