/* Every pass on a program that shows what it does: tests/golden/passes/<pass>.txt holds the name of
 * the pass, its input, and what it becomes.
 *
 * A pass on graphs is run alone. Of the others, the file holds what the driver dumps, for the
 * machine avx2; the graph passes run before them, so their inputs are such as these leave alone.
 * EDDY_UPDATE=1 renews the files. A pass without a file is a mistake. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jit/program.h"
#include "tests/support/suite.h"

enum { MOST = 1 << 18 };

SUITE_WITH_MEMORY(passes);

static const char *slurp(FILE *file) {
    char *all = arena_take(&memory, MOST + 1);
    size_t count = fread(all, 1, MOST, file);
    cr_assert_lt(count, MOST);
    all[count] = 0;
    fclose(file);
    return all;
}

static const char *rewritten(const pipeline_pass *row, const graph *g, const char *input) {
    graph to;
    text out;
    graph_init(&to, &memory, g->problem);
    row->run(g, &to);
    cr_assert_eq(g->problem->code, STATUS_OK, "%s", g->problem->message);
    text_init(&out, &memory);
    print_graph(&to, &out);
    return strcmp(out.at, input) == 0 ? "unchanged\n" : out.at;
}

/* Of the text that LLVM was given: what it does with floats. Loops, addresses and the numbers of
 * values change with every idea. */
static const char *essence(const char *module) {
    text out;
    text_init(&out, &memory);
    for (const char *line = module; *line;) {
        size_t length = strcspn(line, "\n");
        const char *words = arena_print(&memory, "%.*s", (int)length, line);
        bool kept = strstr(words, "float");
        for (const char *c = words; kept && *c; c++)
            if (c == words || c[-1] != '%' || *c < '0' || *c > '9')
                text_add(&out, "%c", *c);
            else
                c += strspn(c, "0123456789") - 1;
        text_add(&out, kept ? "\n" : "");
        line += length + (line[length] == '\n');
    }
    return out.at;
}

/* What the driver writes to stderr when it is asked for this row, without the line that names it.
 */
static const char *dumped(const pipeline_pass *row, const graph *g) {
    char letter[2] = {row->letter, 0};
    FILE *out = tmpfile();
    cr_assert_not_null(out);
    int kept = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(out), STDERR_FILENO);
    setenv("EDDY_DUMP", letter, 1);
    const machine *target = machine_find("avx2");
    emit_options options = {.prefix = "golden", .target = target};
    emit_object object = {.bytes = NULL};
    nest_plan *plan = pipeline_lower(g, target, &memory, g->problem);
    if (plan && pipeline_plan(plan, &memory, g->problem) &&
        pipeline_emit(plan, &options, allocator_default(), &object, g->problem))
        emit_object_free(&object);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    cr_assert_eq(g->problem->code, STATUS_OK, "%s", g->problem->message);
    rewind(out);
    const char *said = slurp(out), *name = strstr(said, "== ");
    cr_assert_not_null(name, "%s says nothing", row->name);
    return name == said ? strchr(said, '\n') + 1
                        : essence(arena_print(&memory, "%.*s", (int)(name - said), said));
}

static void check(const pipeline_pass *row) {
    const char *path =
        arena_print(&memory, EDDY_SOURCE_DIR "/tests/golden/passes/%s.txt", row->name);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "the pass %s has no example: %s", row->name, path);
    const char *all = slurp(file), *first = strstr(all, "eddy graph"),
               *end = strstr(all, "becomes\n");
    cr_assert(first && end && first < end, "%s: pass, graph, 'becomes', text", path);
    const char *input = arena_print(&memory, "%.*s", (int)(end - first), first);
    error problem = {.code = STATUS_OK};
    graph g;
    graph_init(&g, &memory, &problem);
    cr_assert(parse_graph(&g, input, strlen(input), path), "%s", problem.message);
    const char *made = row->run ? rewritten(row, &g, input) : dumped(row, &g);
    const char *whole = arena_print(&memory, "pass %s\n%sbecomes\n%s", row->name, input, made);
    const char *update = getenv("EDDY_UPDATE");
    if (update && update[0] == '1') {
        file = fopen(path, "wb");
        cr_assert_not_null(file, "cannot write %s", path);
        fputs(whole, file);
        fclose(file);
        return;
    }
    cr_assert(strcmp(all, whole) == 0, "%s is stale (./run docs renews it); now:\n%s", path, made);
}

Test(passes, each_does_to_its_example_what_the_file_says) {
    for (int i = 0; i < pipeline_pass_count; i++)
        check(&pipeline_passes[i]);
}

Test(passes, examples_of_graph_passes_show_something) {
    for (int i = 0; i < pipeline_pass_count; i++) {
        const char *path = arena_print(&memory, EDDY_SOURCE_DIR "/tests/golden/passes/%s.txt",
                                       pipeline_passes[i].name);
        FILE *file = fopen(path, "rb");
        cr_assert_not_null(file);
        cr_assert_null(strstr(slurp(file), "becomes\nunchanged"), "%s", path);
    }
}
