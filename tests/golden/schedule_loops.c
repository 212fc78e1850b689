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

#include "jit/check.h"
#include "jit/program.h"
#include "tests/support/suite.h"
#include "tests/support/writing.h"

SUITE_WITH_MEMORY(schedule_loops);

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

/* The rewritten program's sums; it is also evaluated before and after. */
static const char *schedule_of(writing_cell *write, int with) {
    eddy_model *m = writing_model(write, with);
    error problem = {.code = STATUS_OK};
    graph *g = pipeline_rewrite(&m->graph, &memory, &problem);
    cr_assert(g, "%s", problem.message);
    cr_assert(check_pass(&m->graph, g, false, &memory, &problem), "%s", problem.message);
    node_list roots = {0};
    schedule_list items = {0};
    listing l = {.g = g};
    text whole;
    text_init(&whole, &memory);
    text_init(&l.out, &memory);
    graph_roots(g, &memory, &roots);
    cr_assert(schedule_graph(g, &memory, roots.at, roots.count, -1, &items));
    list(&l, &items, 0, 0);
    eddy_model_free(m);
    text_add(&whole, "# %s: contracts in loops %d/%d, in the program %d\n%s",
             with & WRITING_GRADIENTS ? "with gradients" : "forward", l.ahead, l.back, l.whole,
             l.out.at);
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

static void check_cell(const char *name, writing_cell *write, int with) {
    text out;
    text_init(&out, &memory);
    text_add(&out, "%s", schedule_of(write, with));
    text_add(&out, "%s", schedule_of(write, with | WRITING_GRADIENTS));
    check_file(name, out.at);
}

Test(schedule_loops, lstm_gate_by_gate) {
    check_cell("lstm_gates", writing_lstm_gates, 0);
}

Test(schedule_loops, lstm_on_x_and_h) {
    check_cell("lstm_joined", writing_lstm_joined, 0);
}

Test(schedule_loops, lstm_on_both_states) {
    check_cell("lstm_states", writing_lstm_states, 0);
}

Test(schedule_loops, lstm_with_lengths) {
    check_cell("lstm_ragged", writing_lstm_gates, WRITING_LENGTHS);
}

Test(schedule_loops, gru_reset_after) {
    check_cell("gru_after", writing_gru_after, 0);
}

Test(schedule_loops, gru_reset_before) {
    check_cell("gru_before", writing_gru_before, 0);
}

Test(schedule_loops, two_speeds) {
    check_cell("two_speeds", writing_two_speeds, 0);
}

/* ---- the way of writing does not matter */

static writing_cell *const lstm_ways[] = {writing_lstm_gates, writing_lstm_other_order,
                                          writing_lstm_library};

Test(schedule_loops, all_ways_have_one_schedule) {
    for (int with = 0; with <= WRITING_GRADIENTS; with++)
        for (int i = 1; i < 3; i++)
            cr_expect_str_eq(schedule_of(lstm_ways[i], with), schedule_of(lstm_ways[0], with));
}

typedef VEC(unsigned char) byte_list;

/* What is loaded of an object file: code and constants. Names of symbols are elsewhere. */
static void add_loaded(const unsigned char *bytes, byte_list *out) {
    Elf64_Ehdr head;
    memcpy(&head, bytes, sizeof head);
    cr_assert_eq(memcmp(head.e_ident, ELFMAG, SELFMAG), 0);
    for (int i = 0; i < head.e_shnum; i++) {
        Elf64_Shdr section;
        memcpy(&section, bytes + head.e_shoff + i * sizeof section, sizeof section);
        bool loaded = section.sh_type == SHT_PROGBITS && (section.sh_flags & SHF_ALLOC) != 0;
        for (size_t k = 0; loaded && k < section.sh_size; k++)
            vec_push(&memory, out, bytes[section.sh_offset + k]);
    }
}

static byte_list loaded_bytes(const emit_object *object) {
    const unsigned char *bytes = object->bytes;
    byte_list out = {0};
    add_loaded(bytes, &out);
    if (object->second > 0)
        add_loaded(bytes + object->second, &out);
    return out;
}

static byte_list machine_code(writing_cell *write, int with) {
    eddy_model *m = writing_model(write, with);
    error problem = {.code = STATUS_OK};
    program *p = program_compile(&m->graph, "eddy", allocator_default(), &problem);
    cr_assert(p, "%s", problem.message);
    byte_list out = loaded_bytes(program_object(p));
    program_free(p);
    eddy_model_free(m);
    return out;
}

Test(schedule_loops, all_ways_have_one_machine_code) {
    static const int kinds[] = {0, WRITING_GRADIENTS, WRITING_GRADIENTS | WRITING_LENGTHS,
                                WRITING_TRAINING};
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
    byte_list lstm = machine_code(writing_lstm_gates, WRITING_GRADIENTS);
    byte_list joined = machine_code(writing_lstm_joined, WRITING_GRADIENTS);
    cr_expect(lstm.count != joined.count || memcmp(lstm.at, joined.at, lstm.count) != 0);
}
