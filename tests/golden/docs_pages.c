/* The generated pages of the documentation: docs/ops.md from the op table, docs/passes.md from the
 * pass table, docs/cells.md from frontends/cells.
 *
 * The test writes each page anew and compares it with the file, so a page cannot go stale; with
 * EDDY_UPDATE=1 it writes the file instead (./run docs). The text lives with the ops and passes,
 * nowhere else. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "frontends/lang/readback.h"
#include "jit/program.h"
#include "ops/op.h"
#include "tests/support/library.h"
#include "tests/support/page.h"

static jmp_buf escape;

static const char *family_title(op_family family) {
    switch (family) {
    case OP_FAMILY_LEAF:
        return "Leaves";
    case OP_FAMILY_ELEMENTWISE:
        return "Element-wise";
    case OP_FAMILY_VIEW:
        return "Views";
    case OP_FAMILY_REDUCE:
        return "Reductions";
    case OP_FAMILY_CONTRACT:
        return "Contractions";
    case OP_FAMILY_INDEXED:
        return "Reading at computed places";
    case OP_FAMILY_SCATTER:
        return "Adding into computed places";
    case OP_FAMILY_DELAY:
        return "Time";
    }
    return "";
}

/* A formula as code in a cell of a table, whose bars need escapes; "none" where there is none. */
static void add_formula(text *out, const char *formula) {
    text_add(out, formula[0] ? "`" : "none");
    for (const char *c = formula; *c; c++)
        text_add(out, *c == '|' ? "\\|" : "%c", *c);
    text_add(out, formula[0] ? "`" : "");
}

static void ops_page(text *out) {
    text_add(
        out,
        "# Operations\n\n"
        "Written by the test `golden_docs_pages` from the op table (`ops/ops.def` and the records\n"
        "in `ops/`); `./run docs` renews it. The rules for domains, padding and the order of sums\n"
        "are in [graph.md](graph.md).\n");
    for (int family = OP_FAMILY_LEAF; family <= OP_FAMILY_DELAY; family++) {
        text_add(out, "\n## %s\n\n| op | value | adjoint | about |\n| --- | --- | --- | --- |\n",
                 family_title((op_family)family));
        for (int id = 0; id < OP_COUNT; id++) {
            const op_info *op = op_get((op_id)id);
            if ((int)op->family != family)
                continue;
            text_add(out, "| `%s` | ", op->name);
            add_formula(out, op->formula);
            text_add(out, " | ");
            add_formula(out, op->adjoint_formula);
            text_add(out, " | %s |\n", op->about);
        }
    }
}

/* What the library reads of its environment. */
static const struct {
    const char *name, *about;
} switches[] = {
    {"EDDY_DUMP", "letters, or `all`: prints to stderr what these passes made"},
    {"EDDY_DOT",
     "a folder: a picture of the graph behind each pass is written there, for Graphviz"},
    {"EDDY_STOP",
     "a letter or a name: compilation ends behind this pass, with a message that says so"},
    {"EDDY_CHECK",
     "1: the graph is verified after each pass, and LLVM's module too; 2: it is also "
     "evaluated before and after on random inputs (in f64, too, if the pass is not "
     "exact), and the first pass that changed a value is named"},
    {"EDDY_TIME", "1: prints to stderr how long each pass took"},
    {"EDDY_CPU",
     "a row of `jit/machine.def`: compiles for it instead of the widest that this "
     "machine runs; results keep every bit"},
    {"EDDY_THREADS",
     "how many threads share a call of runs that do not say so themselves; 0, as when it is not "
     "set: as many as make it shorter"},
    {"EDDY_BLOCK", "a number: so many steps are computed at a time; results keep every bit"},
    {"EDDY_REMEMBER",
     "`all`, `states` or `blocks`: what models remember for the backward pass unless they say so "
     "themselves; results keep every bit"},
    {"EDDY_STEP",
     "1: every program runs one step of one sample, and the recurrences of one sample, in place "
     "and not by kernels, 0: none does, instead of those where it pays; results keep every bit"},
    {"EDDY_CACHE",
     "`small`: products run in blocks of a few numbers, as for tiny caches, so that small programs "
     "have many; results keep every bit"},
    {"EDDY_GUARD",
     "1: every buffer of a run lies between pages that fault, and holds NaN before "
     "each call"},
    {"EDDY_DEBUG", "1: debuggers see kernels by the names of values: `break eddy_kernel_h`"},
    {"EDDY_PERF", "1: lists kernels in /tmp/perf-PID.map, where `perf report` finds their names"},
};

static void passes_page(text *out) {
    text_add(
        out,
        "# Passes\n\n"
        "Written by the test `golden_docs_pages` from the table in `jit/pipeline.c`; `./run docs`\n"
        "renews it. The letters select passes in `EDDY_DUMP` (print what a pass made) and\n"
        "`EDDY_STOP` (stop behind it). An exact pass keeps every bit of every value; one that is\n"
        "not decides an order of additions, and the evaluator, which runs the rewritten graph,\n"
        "follows it.\n\n"
        "| letter | pass | exact | what it does |\n| --- | --- | --- | --- |\n");
    for (int i = 0; i < pipeline_pass_count; i++)
        text_add(out, "| %c | %s | %s | %s |\n", pipeline_passes[i].letter, pipeline_passes[i].name,
                 pipeline_passes[i].exact ? "yes" : "no", pipeline_passes[i].about);
    text_add(out,
             "\n## Switches\n\n"
             "The environment variables that the library reads. None changes a result.\n\n"
             "| variable | value and effect |\n| --- | --- |\n");
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        text_add(out, "| `%s` | %s |\n", switches[i].name, switches[i].about);
}

/* The comment before a cell as one line of a table. */
static void add_about(text *out, const char *about) {
    bool begins = true;
    for (; *about; about++) {
        bool mark = begins && *about == '#';
        begins = *about == '\n';
        if (mark && about[1] == ' ')
            about++;
        else if (begins && about[1])
            text_add(out, " ");
        else if (*about == '|')
            text_add(out, "\\|");
        else if (!begins && !mark)
            text_add_bytes(out, about, 1);
    }
}

/* Lines of a cell as a paper prints it: one for each gate, none for what is declared. */
static int equations_of(const eddy_cells *cells, int cell, arena *memory) {
    text tex;
    int lines = 0;
    text_init(&tex, memory);
    readback_tex(language_cell(cells, cell), &tex);
    for (const char *at = tex.at; (at = strchr(at, '&')); at++)
        lines += at[1] == '=';
    return lines;
}

static void cells_page(text *out) {
    eddy_cells *cells;
    eddy_cell_about about;
    eddy_cell_part part;
    text_add(out,
             "# The library's cells\n\n"
             "Written by the test `golden_docs_pages` from `frontends/cells`; `./run docs` renews "
             "it.\nA cell is used by its name, from C (`eddy_use` with NULL for the text) or from "
             "another\ncell ([language.md](language.md)). Each is compared with PyTorch, value and "
             "gradient\n(`tests/ref/cells`), and checked by `eddy check` "
             "([command.md](command.md)).\n\n"
             "Lines: of the cell, without its head; equations: those that a paper needs, one a "
             "gate. The\nclass is that of `eddy show`; states in brackets where some do not "
             "depend on others.\n\n"
             "| cell | gives | lines | equations | class | what it is |\n"
             "| --- | --- | --- | --- | --- | --- |\n");
    cr_assert_eq(eddy_cells_library(NULL, &cells), EDDY_OK);
    for (int i = 0; eddy_cells_at(cells, i, &about); i++) {
        text_add(out, "| `%s(", about.name);
        const char *between = "";
        for (int k = 0; eddy_cells_part(cells, i, k, &part); k++)
            if (part.role == EDDY_CELL_INPUT || part.role == EDDY_CELL_NUMBER) {
                text_add(out, "%s%s%s", between, part.name, part.shape);
                between = ", ";
            }
        text_add(out, ")` | `");
        between = "";
        for (int k = 0; eddy_cells_part(cells, i, k, &part); k++)
            if (part.role == EDDY_CELL_RESULT) {
                text_add(out, "%s%s", between, part.name);
                between = ", ";
            }
        text_add(out, "` | %d | %d | %s | ", about.lines - 2, /* without its head and its end */
                 equations_of(cells, i, out->memory), library_class(cells, i, out->memory));
        add_about(out, about.about);
        text_add(out, " |\n");
    }
    eddy_cells_free(cells);
}

static void check_page(const char *path, void (*write)(text *)) {
    arena memory;
    arena_init(&memory, allocator_default(), &escape);
    cr_assert_eq(setjmp(escape), 0, "out of memory");
    text page;
    text_init(&page, &memory);
    write(&page);
    const char *wrong = page_check(path, &page, &memory);
    cr_assert_null(wrong, "%s %s", path, wrong);
    arena_free(&memory);
}

Test(docs, ops_page_is_what_the_table_says) {
    check_page(EDDY_SOURCE_DIR "/docs/ops.md", ops_page);
}

Test(docs, passes_page_is_what_the_table_says) {
    check_page(EDDY_SOURCE_DIR "/docs/passes.md", passes_page);
}

/* The sources ask for a variable as env_number("GUARD", 0). */
Test(docs, every_switch_is_described) {
    char line[128];
    size_t described = 0, asked = 0;
    FILE *found = popen("cd '" EDDY_SOURCE_DIR
                        "' && grep -rhoE "
                        "'env_(text|number|has_letter)\\(\"[A-Z_]+\"' "
                        "core graph jit frontends --include=*.c | sed 's/.*(//' | tr -d '\"' | "
                        "LC_ALL=C sort -u",
                        "r");
    cr_assert_not_null(found);
    while (fgets(line, sizeof line, found)) {
        line[strcspn(line, "\n")] = 0;
        asked++;
        for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
            described += strcmp(switches[i].name + strlen("EDDY_"), line) == 0;
        cr_assert_eq(described, asked, "EDDY_%s is in no table", line);
    }
    cr_assert_eq(pclose(found), 0);
    cr_assert_eq(asked, sizeof switches / sizeof *switches, "a switch that nothing reads");
}

Test(docs, cells_page_is_what_the_library_has) {
    check_page(EDDY_SOURCE_DIR "/docs/cells.md", cells_page);
}
