/* What a user wrote gate by gate is computed as an expert would have written it: the contracts and
 * totals of a program, and the loops in which they stand, are held in tests/golden/schedule_*.txt:
 * one contract a loop where the equations allow it, one for the inputs of all steps, one for each
 * kind of weight gradient, one total for all biases. The counts on top are of contracts: in the
 * loops, those that step backwards behind the slash, and in the whole program.
 *
 * Only what sums is listed, without names and numbers, so two ways of writing one cell can be
 * compared line by line. EDDY_UPDATE=1 renews the files. */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/capi.h"
#include "jit/check.h"
#include "jit/program.h"

enum { INPUTS = 3, UNITS = 2 };

/* What a program has beside its loss. */
enum { GRADIENTS = 1, LENGTHS = 2, TRAINING = 4 };

typedef struct writing {
    eddy_model *m;
    eddy_axes t, b;
    eddy_value x;
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

static writing begin(int with) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    writing w = {.m = m, .b = eddy_batch(m, "b")};
    w.t = with & LENGTHS ? eddy_time_ragged(m, "t", w.b, "lengths") : eddy_time(m, "t");
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

/* Every gate sees both states, each through a matrix of its own. */
static eddy_value lstm_on_states(const writing *w) {
    eddy_value h = eddy_state(w->m, "h", w->t, UNITS), c = eddy_state(w->m, "c", w->t, UNITS);
    eddy_value gates[4];
    static const char *const inputs[] = {"Wi", "Wf", "Wg", "Wo"},
                             *pasts[] = {"Ui", "Uf", "Ug", "Uo"},
                             *memories[] = {"Vi", "Vf", "Vg", "Vo"};
    for (int i = 0; i < 4; i++) {
        eddy_value x = eddy_linear(w->m, inputs[i], UNITS, w->x);
        eddy_value past = eddy_linear(w->m, pasts[i], UNITS, h);
        eddy_value inner = eddy_linear(w->m, memories[i], UNITS, c);
        gates[i] = eddy_sum(inner, x, past);
    }
    eddy_value kept = eddy_mul(eddy_sigmoid(gates[1]), c);
    eddy_value added = eddy_mul(eddy_sigmoid(gates[0]), eddy_tanh(gates[2]));
    eddy_value now = eddy_add(kept, added);
    eddy_value out = eddy_mul(eddy_sigmoid(gates[3]), eddy_tanh(now));
    eddy_next(c, now);
    eddy_next(h, out);
    return out;
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

/* "Wi" of "cell.Wi". */
static const char *last_word(eddy_value weight) {
    const char *name = eddy_value_name(weight), *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* A model whose results stand in the same order however the cell is written: that of the names of
 * its weights. */
static writing written(cell *write, int with) {
    enum { MOST = 16 };
    eddy_value weights[MOST];
    writing w = begin(with);
    eddy_value h = write(&w);
    eddy_value loss = eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), w.t | w.b);
    eddy_output(w.m, "loss", loss);
    int count = with & GRADIENTS ? eddy_trainable_count(w.m) : 0;
    cr_assert_leq(count, MOST);
    for (int i = 0; i < count; i++) {
        eddy_value weight = eddy_trainable(w.m, i);
        int at = i;
        for (; at > 0 && strcmp(last_word(weights[at - 1]), last_word(weight)) > 0; at--)
            weights[at] = weights[at - 1];
        weights[at] = weight;
    }
    for (int i = 0; i < count; i++)
        eddy_output(w.m, last_word(weights[i]), eddy_gradient(loss, weights[i]));
    if (with & GRADIENTS)
        eddy_output(w.m, "dx", eddy_gradient(loss, w.x));
    if (with & TRAINING)
        eddy_minimise(loss, eddy_adam());
    cr_assert_eq(eddy_model_status(w.m), EDDY_OK, "%s", eddy_model_message(w.m));
    return w;
}

/* The rewritten program's sums; it is also evaluated before and after. */
static const char *schedule_of(cell *write, int with) {
    writing w = written(write, with);
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
             with & GRADIENTS ? "with gradients" : "forward", l.ahead, l.back, l.whole, l.out.at);
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

static void check_cell(const char *name, cell *write, int with) {
    text out;
    text_init(&out, &memory);
    text_add(&out, "%s", schedule_of(write, with));
    text_add(&out, "%s", schedule_of(write, with | GRADIENTS));
    check_file(name, out.at);
}

Test(schedule_loops, lstm_gate_by_gate) {
    check_cell("lstm_gates", lstm_gates, 0);
}

Test(schedule_loops, lstm_on_x_and_h) {
    check_cell("lstm_joined", lstm_joined, 0);
}

Test(schedule_loops, lstm_on_both_states) {
    check_cell("lstm_states", lstm_on_states, 0);
}

Test(schedule_loops, lstm_with_lengths) {
    check_cell("lstm_ragged", lstm_gates, LENGTHS);
}

Test(schedule_loops, gru_reset_after) {
    check_cell("gru_after", gru_after, 0);
}

Test(schedule_loops, gru_reset_before) {
    check_cell("gru_before", gru_before, 0);
}

/* ---- the way of writing does not matter */

static cell *const lstm_ways[] = {lstm_gates, lstm_other_order, lstm_library};

Test(schedule_loops, all_ways_have_one_schedule) {
    for (int with = 0; with <= GRADIENTS; with++)
        for (int i = 1; i < 3; i++)
            cr_expect_str_eq(schedule_of(lstm_ways[i], with), schedule_of(lstm_ways[0], with));
}

typedef VEC(unsigned char) byte_list;

/* What is loaded of an object: code and constants. Names of symbols are elsewhere. */
static byte_list loaded_bytes(const emit_object *object) {
    const unsigned char *bytes = object->bytes;
    byte_list out = {0};
    Elf64_Ehdr head;
    memcpy(&head, bytes, sizeof head);
    cr_assert_eq(memcmp(head.e_ident, ELFMAG, SELFMAG), 0);
    for (int i = 0; i < head.e_shnum; i++) {
        Elf64_Shdr section;
        memcpy(&section, bytes + head.e_shoff + i * sizeof section, sizeof section);
        bool loaded = section.sh_type == SHT_PROGBITS && (section.sh_flags & SHF_ALLOC) != 0;
        for (size_t k = 0; loaded && k < section.sh_size; k++)
            vec_push(&memory, &out, bytes[section.sh_offset + k]);
    }
    return out;
}

static byte_list machine_code(cell *write, int with) {
    writing w = written(write, with);
    error problem = {.code = STATUS_OK};
    program *p = program_compile(&w.m->graph, "eddy", allocator_default(), &problem);
    cr_assert(p, "%s", problem.message);
    byte_list out = loaded_bytes(program_object(p));
    program_free(p);
    eddy_model_free(w.m);
    return out;
}

Test(schedule_loops, all_ways_have_one_machine_code) {
    static const int kinds[] = {0, GRADIENTS, GRADIENTS | LENGTHS, TRAINING};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        byte_list first = machine_code(lstm_ways[0], kinds[k]);
        cr_assert_gt(first.count, 0);
        for (int i = 1; i < 3; i++) {
            byte_list other = machine_code(lstm_ways[i], kinds[k]);
            bool same = other.count == first.count && memcmp(other.at, first.at, first.count) == 0;
            cr_expect(same, "way %d, program %d", i, kinds[k]);
        }
    }
}

Test(schedule_loops, another_cell_has_other_machine_code) {
    byte_list lstm = machine_code(lstm_gates, GRADIENTS);
    byte_list joined = machine_code(lstm_joined, GRADIENTS);
    cr_expect(lstm.count != joined.count || memcmp(lstm.at, joined.at, lstm.count) != 0);
}
