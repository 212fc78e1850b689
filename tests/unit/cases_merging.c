/* The cases on merging of the sketch that the semantics were tried on (rules 32 to 35): contracts
 * in the loops of four cells, before and after; rows keep every bit, a sum of contracts joined
 * along its terms does not; lengths do not hide what is equal; a value that is to be computed again
 * is not shared away. */
#include <criterion/criterion.h>

#include "jit/check.h"
#include "jit/program.h"
#include "tests/support/suite.h"
#include "tests/support/writing.h"

static error problem = {.code = STATUS_OK};

SUITE_WITH_MEMORY(merging);

/* The graph after the passes of these letters, in the order of the letters. */
static graph *after(const graph *g, const char *letters) {
    graph *to = NULL;
    for (; *letters; letters++)
        for (int i = 0; i < pipeline_pass_count; i++) {
            if (pipeline_passes[i].letter != *letters)
                continue;
            to = arena_new(&memory, graph);
            graph_init(to, &memory, &problem);
            pipeline_passes[i].run(g, to);
            cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
            g = to;
        }
    return to;
}

typedef struct contracts {
    int ahead, back, whole; /* in loops of either direction, and in the program */
} contracts;

static void count(const schedule_list *items, int sign, contracts *out) {
    for (size_t i = 0; i < items->count; i++) {
        const schedule_item *item = &items->at[i];
        if (!item->node) {
            count(&item->items, item->sign, out);
        } else if (item->node->op == OP_CONTRACT && op_is_heavy(item->node)) {
            out->ahead += sign > 0;
            out->back += sign < 0;
            out->whole++;
        }
    }
}

static contracts contracts_of(graph *g) {
    node_list roots = {0};
    schedule_list items = {0};
    contracts found = {0, 0, 0};
    graph_roots(g, &memory, &roots);
    cr_assert(schedule_graph(g, &memory, roots.at, roots.count, -1, &items));
    count(&items, 0, &found);
    return found;
}

static void expect(const char *name, const char *when, graph *g, contracts wanted) {
    contracts have = contracts_of(g);
    cr_expect(have.ahead == wanted.ahead && have.back == wanted.back && have.whole == wanted.whole,
              "%s %s: contracts in loops %d/%d, in the program %d", name, when, have.ahead,
              have.back, have.whole);
}

/* Results of two graphs agree: bit for bit, or within 1e-13. */
static bool agree(const graph *a, const graph *b, bool exact) {
    error found = {.code = STATUS_OK};
    return check_pass(a, b, exact, &memory, &found);
}

Test(merging, case11_contracts_in_loops) {
    static const struct {
        const char *name;
        writing_cell *write;
        contracts plain, split, merged; /* of the training program */
    } cells[] = {
        {"LSTM gate by gate", writing_lstm_gates, {4, 4, 24}, {4, 4, 24}, {1, 1, 6}},
        {"LSTM on [x, h]", writing_lstm_joined, {4, 4, 12}, {4, 4, 24}, {1, 1, 6}},
        {"GRU reset after", writing_gru_after, {3, 3, 18}, {3, 3, 18}, {1, 1, 6}},
        {"GRU reset before", writing_gru_before, {3, 3, 18}, {3, 3, 18}, {2, 2, 9}},
    };
    for (int lengths = 0; lengths < 2; lengths++)
        for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
            int with = WRITING_GRADIENTS | (lengths ? WRITING_LENGTHS : 0);
            eddy_model *m = writing_model(cells[i].write, with);
            graph *plain = after(&m->graph, "cg"), *merged = after(&m->graph, "cxurgjt");
            expect(cells[i].name, "as written", plain, cells[i].plain);
            expect(cells[i].name, "split", after(&m->graph, "cxg"), cells[i].split);
            expect(cells[i].name, "merged", merged, cells[i].merged);
            cr_expect(agree(plain, merged, false), "%s", cells[i].name);
            eddy_model_free(m);
        }
}

/* Among finished adjoints the contracts of the loop that goes back have different operands, and
 * those of the weights sum over one time each. */
Test(merging, case19_before_gradients_with_lengths) {
    eddy_model *m = writing_model(writing_lstm_gates, WRITING_GRADIENTS | WRITING_LENGTHS);
    graph *before = after(&m->graph, "crgjt"), *behind = after(&m->graph, "cgrjt");
    expect("LSTM", "merged first", before, (contracts){1, 1, 6});
    expect("LSTM", "merged last", behind, (contracts){1, 4, 18});
    cr_expect(agree(before, behind, false));
    eddy_model_free(m);
}

Test(merging, case18_rows_keep_every_bit) {
    writing_cell *const cells[] = {writing_lstm_gates, writing_gru_after, writing_gru_before};
    for (int i = 0; i < 3; i++) {
        eddy_model *m = writing_model(cells[i], 0);
        graph *plain = after(&m->graph, "c"), *merged = after(plain, "r");
        cr_expect_lt(contracts_of(merged).whole, contracts_of(plain).whole);
        cr_expect(agree(plain, merged, true));
        eddy_model_free(m);
    }
}

Test(merging, case18_joining_along_terms_rounds_otherwise) {
    eddy_model *m = writing_model(writing_lstm_states, 0);
    graph *plain = after(&m->graph, "c"), *joined = after(plain, "u");
    cr_expect_eq(contracts_of(plain).ahead, 8);
    cr_expect_eq(contracts_of(joined).ahead, 4);
    cr_expect(agree(plain, joined, false));
    cr_expect(!agree(plain, joined, true), "the terms stand in other sums");
    eddy_model_free(m);
}

/* A copy of the step that is computed again from the stored state: with `keep` before the state it
 * survives all passes, without it is the step itself. */
Test(merging, case19_what_is_computed_again_reads_through_keep) {
    for (int kept = 0; kept < 2; kept++) {
        eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
        eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
        eddy_value h = eddy_state(m, "h", t, 2), x = eddy_input(m, "x", EDDY_F64, t | b, 2);
        eddy_value weight = eddy_param(m, "U", eddy_init_glorot(), 2, 2);
        eddy_value next = eddy_tanh(eddy_add(eddy_matmul(weight, h), x));
        eddy_next(h, next);
        eddy_value stored = kept ? eddy_keep(h) : h;
        eddy_output(m, "h", next);
        eddy_output(m, "again", eddy_tanh(eddy_add(eddy_matmul(weight, stored), x)));
        cr_assert_eq(eddy_model_status(m), EDDY_OK, "%s", eddy_model_message(m));
        expect("step", kept ? "kept" : "shared", pipeline_rewrite(&m->graph, &memory, &problem),
               (contracts){1, 0, 1 + kept});
        eddy_model_free(m);
    }
}
