/* What a user wrote gate by gate is computed as an expert would have written it: the contracts and
 * totals of a program, and the loops in which they stand, are held in tests/golden/schedule_*.txt:
 * one contract a loop where the equations allow it, one for the inputs of all steps, one for each
 * kind of weight gradient, one total for all biases. The counts on top are of contracts: in the
 * loops, those that step backwards behind the slash, and in the whole program.
 *
 * Only what sums is listed, without names and numbers, so two ways of writing one cell can be
 * compared line by line. EDDY_UPDATE=1 renews the files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/capi.h"
#include "jit/check.h"
#include "jit/program.h"

enum { INPUTS = 3, UNITS = 2 };

typedef struct writing {
    eddy_model *m;
    eddy_axes t, b;
    eddy_value x;
    bool gradients;
} writing;

static arena memory;
static jmp_buf escape;

static void open_memory(void) {
    cr_assert(setjmp(escape) == 0, "out of memory");
    arena_init(&memory, allocator_default(), &escape);
}

static void close_memory(void) {
    arena_free(&memory);
}

TestSuite(schedule_loops, .init = open_memory, .fini = close_memory);

static writing begin(bool gradients, bool ragged) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    writing w = {.m = m, .b = eddy_batch(m, "b"), .gradients = gradients};
    w.t = ragged ? eddy_time_ragged(m, "t", w.b, "lengths") : eddy_time(m, "t");
    w.x = eddy_input(m, "x", EDDY_F64, w.t | w.b, INPUTS);
    return w;
}

/* ---- the cells */

/* One matrix for x and one for h, or one for [x, h]. */
static eddy_value gate(const writing *w, char letter, eddy_value h, bool joined) {
    char input[] = {'W', letter, 0}, past[] = {'U', letter, 0}, bias[] = {'b', letter, 0};
    eddy_init random = eddy_init_glorot();
    eddy_value b = eddy_param(w->m, bias, eddy_init_zeros(), UNITS);
    if (joined) {
        eddy_value xh = eddy_concat(0, w->x, h);
        eddy_value both = eddy_param(w->m, input, random, UNITS, INPUTS + UNITS);
        return eddy_add(eddy_matmul(both, xh), b);
    }
    eddy_value wx = eddy_matmul(eddy_param(w->m, input, random, UNITS, INPUTS), w->x);
    eddy_value uh = eddy_matmul(eddy_param(w->m, past, random, UNITS, UNITS), h);
    return eddy_add(eddy_add(wx, uh), b);
}

/* order: in which the gates are written. */
static eddy_value lstm(const writing *w, const char *order, bool joined) {
    eddy_value h = eddy_state(w->m, "h", w->t, UNITS), c = eddy_state(w->m, "c", w->t, UNITS);
    eddy_value gates[128];
    for (const char *letter = order; *letter; letter++)
        gates[(int)*letter] = gate(w, *letter, h, joined);
    eddy_value kept = eddy_mul(eddy_sigmoid(gates['f']), c);
    eddy_value added = eddy_mul(eddy_sigmoid(gates['i']), eddy_tanh(gates['g']));
    eddy_value now = eddy_add(kept, added);
    eddy_value out = eddy_mul(eddy_sigmoid(gates['o']), eddy_tanh(now));
    eddy_next(c, now);
    eddy_next(h, out);
    return out;
}

static eddy_value lstm_gates(const writing *w) {
    return lstm(w, "ifgo", false);
}

static eddy_value lstm_other_order(const writing *w) {
    return lstm(w, "gofi", false);
}

static eddy_value lstm_joined(const writing *w) {
    return lstm(w, "ifgo", true);
}

static eddy_value lstm_library(const writing *w) {
    eddy_cell_options options = {0};
    return eddy_lstm(w->m, "cell", w->t, UNITS, w->x, &options);
}

static eddy_value gru_after(const writing *w) {
    eddy_cell_options options = {0};
    return eddy_gru(w->m, "cell", w->t, UNITS, w->x, &options);
}

static eddy_value gru_before(const writing *w) {
    eddy_cell_options options = {.reset_before = true};
    return eddy_gru(w->m, "cell", w->t, UNITS, w->x, &options);
}

/* ---- what becomes of them */

typedef struct listing {
    const graph *g;
    text out;
    int ahead, back, whole; /* contracts inside loops of either direction, and all */
} listing;

static void list_item(listing *l, const op_node *n, int depth, int sign) {
    if (n->op != OP_TOTAL && (n->op != OP_CONTRACT || !op_is_heavy(n)))
        return;
    text_add(&l->out, "%*s%s ", 2 * depth, "", op_get((op_id)n->op)->name);
    print_type(l->g, n->arguments[0], &l->out);
    if (n->op == OP_CONTRACT) {
        text_add(&l->out, " * ");
        print_type(l->g, n->arguments[1], &l->out);
        l->ahead += sign > 0;
        l->back += sign < 0;
        l->whole++;
    }
    text_add(&l->out, " -> ");
    print_type(l->g, n, &l->out);
    text_add(&l->out, "\n");
}

static void list(listing *l, const schedule_list *items, int depth, int sign) {
    for (size_t i = 0; i < items->count; i++) {
        const schedule_item *item = &items->at[i];
        if (item->node) {
            list_item(l, item->node, depth, sign);
            continue;
        }
        text_add(&l->out, "%*sloop %s%c\n", 2 * depth, "", l->g->axes[item->axis].name,
                 item->sign > 0 ? '+' : '-');
        list(l, &item->items, depth + 1, item->sign);
    }
}

typedef eddy_value cell(const writing *w);

/* The rewritten program's sums; it is also evaluated before and after. */
static const char *schedule_of(cell *write, bool gradients, bool ragged) {
    writing w = begin(gradients, ragged);
    eddy_value h = write(&w);
    eddy_value loss = eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), w.t | w.b);
    eddy_output(w.m, "loss", loss);
    for (int i = 0; gradients && i < eddy_trainable_count(w.m); i++) {
        eddy_value weight = eddy_trainable(w.m, i);
        eddy_output(w.m, eddy_value_name(weight), eddy_gradient(loss, weight));
    }
    if (gradients)
        eddy_output(w.m, "dx", eddy_gradient(loss, w.x));
    cr_assert_eq(eddy_model_status(w.m), EDDY_OK, "%s", eddy_model_message(w.m));
    error problem = {.code = STATUS_OK};
    graph *g = pipeline_rewrite(&w.m->graph, &memory, &problem);
    cr_assert(g, "%s", problem.message);
    cr_assert(check_pass(&w.m->graph, g, false, &memory, &problem), "%s", problem.message);
    node_list roots = {0};
    schedule_list items = {0};
    listing l = {.g = g};
    text whole;
    text_init(&whole, &memory);
    text_init(&l.out, &memory);
    graph_roots(g, &memory, &roots);
    cr_assert(schedule_graph(g, &memory, roots.at, roots.count, -1, &items));
    list(&l, &items, 0, 0);
    eddy_model_free(w.m);
    text_add(&whole, "# %s: contracts in loops %d/%d, in the program %d\n%s",
             gradients ? "with gradients" : "forward", l.ahead, l.back, l.whole, l.out.at);
    return whole.at;
}

static void check_file(const char *name, const char *have) {
    char path[512];
    snprintf(path, sizeof path, EDDY_SOURCE_DIR "/tests/golden/schedule_%s.txt", name);
    const char *update = getenv("EDDY_UPDATE");
    if (update && update[0] == '1') {
        FILE *file = fopen(path, "wb");
        cr_assert_not_null(file, "cannot write %s", path);
        fputs(have, file);
        fclose(file);
    }
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s is missing", path);
    size_t room = strlen(have) + 2;
    char *wanted = arena_take(&memory, room);
    wanted[fread(wanted, 1, room - 1, file)] = 0;
    fclose(file);
    cr_expect_str_eq(have, wanted, "%s differs:\n%s", path, have);
}

static void check_cell(const char *name, cell *write, bool ragged) {
    text out;
    text_init(&out, &memory);
    text_add(&out, "%s", schedule_of(write, false, ragged));
    text_add(&out, "%s", schedule_of(write, true, ragged));
    check_file(name, out.at);
}

Test(schedule_loops, lstm_gate_by_gate) {
    check_cell("lstm_gates", lstm_gates, false);
}

Test(schedule_loops, lstm_on_x_and_h) {
    check_cell("lstm_joined", lstm_joined, false);
}

Test(schedule_loops, lstm_with_lengths) {
    check_cell("lstm_ragged", lstm_gates, true);
}

Test(schedule_loops, gru_reset_after) {
    check_cell("gru_after", gru_after, false);
}

Test(schedule_loops, gru_reset_before) {
    check_cell("gru_before", gru_before, false);
}

Test(schedule_loops, the_way_of_writing_does_not_matter) {
    cell *const ways[] = {lstm_other_order, lstm_library};
    for (int gradients = 0; gradients < 2; gradients++)
        for (int i = 0; i < 2; i++)
            cr_expect_str_eq(schedule_of(ways[i], gradients == 1, false),
                             schedule_of(lstm_gates, gradients == 1, false));
}
