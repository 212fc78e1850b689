/* Objects for other machines: the same program, with nothing below it but start.c, is built for
 * each target and run by its emulator, and must write what runs here give - to the bit, also for
 * every way of cutting the sequence, where the target has a fused multiply-add; within a bound
 * where it has none, and then the ways have one result all the same. An object for several
 * processors runs as each of them.
 *
 * What a machine lacks is said: that target is not run here. Usage: targets [CC [all]]: every cell,
 * and not some. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sanitize.h"
#include "frontends/eddy_nn.h"
#include "jit/aot.h"
#include "jit/emit.h"
#include "tests/support/calls.h"
#include "tests/support/fading.h"

enum { SOME = 6 /* every so many cells */, PART = 12 /* cells of one program */ };

#define BOUND                                                                                      \
    0x1p-18 /* of what is 1 or less, else relative: docs/howto/compile-ahead-of-time.md            \
             */

typedef struct target {
    const char *title;
    const char *name, *cpu; /* of eddy_object_options */
    const char *triple;
    const char *link; /* objects, and the program */
    const char *run;  /* the program */
    const char *tools[3];
    bool rounds; /* it has no fused multiply-add */
} target;

#define LLD "ld.lld-19 -static -o program start.o library.o *_.o"
#define PC  "x86-64", "multi", "x86_64-linux-gnu", LLD
static const target targets[] = {
    {"x86-64", PC, "./program", {"ld.lld-19"}, false},
    {"x86-64 as Haswell",
     PC,
     "qemu-x86_64 -cpu Haswell program",
     {"ld.lld-19", "qemu-x86_64"},
     false},
    {"x86-64 as Nehalem",
     PC,
     "qemu-x86_64 -cpu Nehalem program",
     {"ld.lld-19", "qemu-x86_64"},
     true},
    {"aarch64",
     "aarch64",
     NULL,
     "aarch64-linux-gnu",
     LLD,
     "qemu-aarch64 program",
     {"ld.lld-19", "qemu-aarch64"},
     false},
    {"armv7",
     "armv7",
     NULL,
     "armv7-linux-gnueabihf -mcpu=cortex-a7",
     LLD,
     "qemu-arm -cpu cortex-a7 program",
     {"ld.lld-19", "qemu-arm"},
     false},
    {"riscv64",
     "riscv64",
     NULL,
     "riscv64-linux-gnu -march=rv64gc -mabi=lp64d",
     LLD,
     "qemu-riscv64 program",
     {"ld.lld-19", "qemu-riscv64"},
     false},
    {"cortex-m4f",
     "cortex-m4f",
     NULL,
     "thumbv7em-none-gnueabihf -mcpu=cortex-m4",
     LLD " -T " EDDY_SOURCE_DIR "/tests/aot/bare/cortex-m4f.ld",
     "qemu-system-arm -M mps2-an386 -display none -serial none -monitor none "
     "-semihosting-config enable=on,target=native -kernel program",
     {"ld.lld-19", "qemu-system-arm"},
     false},
    {"wasm32",
     "wasm32",
     NULL,
     "wasm32-unknown-unknown",
     "wasm-ld-19 --no-entry -z stack-size=262144 -o program start.o library.o *_.o",
     "node " EDDY_SOURCE_DIR "/tests/aot/bare/run.cjs program",
     {"wasm-ld-19", "node"},
     true},
};

static bool has_tool(const char *name) {
    outside_bytes found = outside_printed("command -v %s || true", name);
    bool there = found.count > 0;
    free(found.at);
    return there;
}

/* NULL: all of them are there. */
static const char *missing_tool(const target *t) {
    static const char *const common[] = {"clang-19", "llvm-nm-19"};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (!has_tool(common[i]))
            return common[i];
    for (size_t i = 0; i < sizeof t->tools / sizeof *t->tools && t->tools[i]; i++)
        if (!has_tool(t->tools[i]))
            return t->tools[i];
    return NULL;
}

/* All that an object asks for; what wasm-ld gives to everybody is no import of a program. */
static void check_object(const target *t, const char *prefix) {
    outside_bytes needed = outside_printed("llvm-nm-19 -u -j %s/%s.o", outside_folder, prefix);
    for (char *word = strtok(needed.at, " \n"); word; word = strtok(NULL, " \n"))
        if (strcmp(word, "memset") != 0 && strcmp(word, "memcpy") != 0 &&
            strcmp(word, "memmove") != 0 && strcmp(word, "__stack_pointer") != 0 &&
            strcmp(word, "__indirect_function_table") != 0)
            outside_fail("%s for %s asks for %s", prefix, t->name, word);
    free(needed.at);
}

/* ---- results */

static uint32_t word_at(const outside_bytes *from, size_t at) {
    uint32_t word;
    memcpy(&word, from->at + at, sizeof word);
    return word;
}

/* How far the numbers of two words are from each other; integers, which look like the least of all
 * numbers, must be equal. */
static double distance(uint32_t x, uint32_t y) {
    float a, b;
    memcpy(&a, &x, sizeof a);
    memcpy(&b, &y, sizeof b);
    if (x == y || (a != a && b != b))
        return 0;
    bool integers = (x != 0 && fabsf(a) < 0x1p-126F) || (y != 0 && fabsf(b) < 0x1p-126F);
    double away = fabs((double)a - (double)b), size = fmax(fabs((double)a), 1);
    return integers || !(away <= size) ? INFINITY : away / size;
}

static void check_results(const target *t, const calls *c, const outside_bytes *found) {
    double most = 0;
    size_t start = 0;
    if (found->count != c->expected.count)
        outside_fail("%s: %zu bytes, and not %zu: %s", t->title, found->count, c->expected.count,
                     found->at);
    for (int cell = 0; cell < c->count; start = c->end[cell++]) {
        size_t bytes = (c->end[cell] - start) / CALLS_WAYS;
        for (int way = 1; way < CALLS_WAYS; way++)
            if (memcmp(found->at + start, found->at + start + (size_t)way * bytes, bytes) != 0)
                outside_fail("%s: cell %d has other results in way %d", t->title, cell, way);
    }
    for (size_t at = 0; at + 4 <= found->count; at += 4)
        most = fmax(most, distance(word_at(found, at), word_at(&c->expected, at)));
    if (t->rounds ? !(most <= BOUND) : most > 0)
        outside_fail("%s: results are %g away from those of a run", t->title, most);
    printf("%s: %d cells, %zu bytes of results are those of runs", t->title, c->count,
           found->count);
    if (t->rounds)
        printf(" but for 2^%.1f\n", log2(most));
    else
        printf("\n");
}

/* ---- programs */

/* Of this file and the objects, which end in _.o. */
static void build(const target *t, const char *program) {
    outside_bytes built = outside_printed(
        "cd %s && cp %s library.c && "
        "for file in library.c %s/tests/aot/bare/start.c; do clang-19 --target=%s "
        "-std=c11 -O1 -ffreestanding -Dmain=program -Wall -Wextra -Werror "
        "-I %s/tests/aot/bare -I . -c $file || exit 1; done 2>&1 && %s 2>&1",
        outside_folder, program, EDDY_SOURCE_DIR, t->triple, EDDY_SOURCE_DIR, t->link);
    free(built.at);
}

/* Cells `from`, `from` + every, ...; those of one program. Returns the next one, -1: there is none.
 */
static int check_part(const target *t, arena *memory, const eddy_cells *cells, int from,
                      int every) {
    eddy_cell_about about;
    calls c;
    int cell = from;
    calls_begin(&c, memory);
    for (; c.count < PART && eddy_cells_at(cells, cell, &about); cell += every) {
        calls_add(&c, cells, cell, t->name, t->cpu);
        check_object(t, about.name);
        outside_bytes named =
            outside_printed("cd %s && mv %s.o %s_.o", outside_folder, about.name, about.name);
        free(named.at);
    }
    calls_write(&c, "cells.c");
    build(t, "cells.c");
    outside_bytes found = outside_printed("cd %s && %s", outside_folder, t->run);
    check_results(t, &c, &found);
    outside_bytes removed = outside_printed("rm %s/*", outside_folder);
    free(found.at);
    free(removed.at);
    calls_end(&c);
    return eddy_cells_at(cells, cell, &about) ? cell : -1;
}

static void check(const target *t, arena *memory, int every) {
    eddy_cells *cells;
    const char *missing = missing_tool(t);
    if (missing) {
        printf("%s: not run here, as there is no %s\n", t->title, missing);
        return;
    }
    if (eddy_cells_library(NULL, &cells) != EDDY_OK)
        outside_fail("%s", eddy_cells_report(cells));
    for (int from = 0; from >= 0;) {
        arena_mark mark = arena_here(memory);
        from = check_part(t, memory, cells, from, every);
        arena_rewind(memory, mark);
    }
    eddy_cells_free(cells);
}

/* Which code is chosen: the first word of what is prepared says it. A processor that has none of it
 * is told so, and the program goes on. */
static void check_choice(arena *memory) {
    static const char program[] =
        "#include \"numbers.h\"\n#include \"gru.h\"\nint main(void) {\n"
        "    static _Alignas(64) char kept[GRU_PREPARED];\n"
        "    const char *words = gru_prepare(&gru_weights, kept);\n"
        "    char level = (char)('0' + kept[0]);\n"
        "    need(words);\n    tell(&level, 1);\n    return 0;\n}\n";
    const char *best = machine_host()->vector_bytes == 64 ? "4" : "3";
    const struct {
        const char *run, *says;
    } rows[] = {{"./program", best},
                {"qemu-x86_64 -cpu Haswell program", "3"},
                {"qemu-x86_64 -cpu Nehalem program", "2"},
                {"! qemu-x86_64 -cpu Conroe program",
                 "this processor is none of x86-64-v2: it lacks SSE4.2, or POPCNT"}};
    eddy_cells *cells;
    eddy_cell_about about;
    calls c;
    int cell = 0;
    if (missing_tool(&targets[1])) {
        printf("what a processor is given: not run here\n");
        return;
    }
    if (eddy_cells_library(NULL, &cells) != EDDY_OK)
        outside_fail("%s", eddy_cells_report(cells));
    while (eddy_cells_at(cells, cell, &about) && strcmp(about.name, "gru") != 0)
        cell++;
    calls_begin(&c, memory);
    calls_add(&c, cells, cell, "x86-64", "multi");
    outside_write("choice.c", program, sizeof program - 1);
    outside_bytes named = outside_printed("cd %s && mv gru.o gru_.o", outside_folder);
    build(&targets[1], "choice.c");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outside_bytes said =
            outside_printed("cd %s && { %s; } 2>/dev/null", outside_folder, rows[i].run);
        if (strcmp(said.at, rows[i].says) != 0)
            outside_fail("%s: it says \"%s\"", rows[i].run, said.at);
        free(said.at);
    }
    printf("every processor is given its own code, or words\n");
    outside_bytes removed = outside_printed("rm %s/*", outside_folder);
    free(named.at);
    free(removed.at);
    calls_end(&c);
    eddy_cells_free(cells);
}

/* ---- learning */

static eddy_model *learning(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_value y = eddy_input(m, "y", EDDY_F32, t | b, 1);
    eddy_value said = eddy_dense(m, "said", 1, eddy_lstm(m, "cell", t, 9, x, NULL));
    eddy_value loss = eddy_mean_over(eddy_mean_squared_error(said, y), t | b);
    eddy_output(m, "loss", loss);
    eddy_minimise(loss, eddy_adam());
    return m;
}

/* What bare/learn.c says there; the weights are those of params, which it completes. */
static outside_bytes learn(const target *t, eddy_params *params) {
    char stem[256];
    eddy_program *p;
    eddy_run *r;
    eddy_model *m = learning();
    snprintf(stem, sizeof stem, "%s/learn", outside_folder);
    if (eddy_compile(m, &p) != EDDY_OK || eddy_run_new(p, params, &r) != EDDY_OK)
        outside_fail("%s", eddy_model_message(m));
    const eddy_object_options how = {.params = params, .target = t->name, .cpu = t->cpu};
    if (eddy_compile_to_object(m, "learn", stem, &how) != EDDY_OK)
        outside_fail("%s: %s", t->title, eddy_model_message(m));
    check_object(t, "learn");
    outside_bytes named = outside_printed("cd %s && mv learn.o learn_.o", outside_folder);
    build(t, EDDY_SOURCE_DIR "/tests/aot/bare/learn.c");
    outside_bytes said = outside_printed("cd %s && %s", outside_folder, t->run);
    outside_bytes removed = outside_printed("rm %s/*", outside_folder);
    free(named.at);
    free(removed.at);
    eddy_run_free(r);
    eddy_program_free(p);
    eddy_model_free(m);
    return said;
}

/* Objects of x86-64 learn what runs do (objects.c), so others are compared with those. */
static void check_learning(void) {
    eddy_params *params = eddy_params_new(NULL, 7);
    outside_bytes expected = {NULL, 0};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        if (missing_tool(&targets[i]))
            continue;
        outside_bytes said = learn(&targets[i], params);
        if (!expected.at) {
            expected = said;
            continue;
        }
        if (said.count != expected.count ||
            (!targets[i].rounds && memcmp(said.at, expected.at, said.count) != 0))
            outside_fail("%s learns something else", targets[i].title);
        free(said.at);
    }
    if (expected.at)
        printf("%zu bytes that are learnt are the same everywhere\n", expected.count);
    else
        printf("learning: not run here\n");
    free(expected.at);
    eddy_params_free(params);
}

/* ---- denormals */

/* Where a target can take them for zeros. */
static void check_flushing(void) {
    static const char program[] = EDDY_SOURCE_DIR "/tests/aot/callers/flush.c";
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const target *t = &targets[i];
        if (missing_tool(t) || !aot_flushes(machine_for(t->name)))
            continue;
        fading_write("decay", t->name, t->cpu, true);
        fading_write("fading", t->name, t->cpu, false);
        check_object(t, "decay");
        outside_bytes named = outside_printed(
            "cd %s && mv decay.o decay_.o && mv fading.o fading_.o", outside_folder);
        build(t, program);
        outside_bytes said = outside_printed("cd %s && %s", outside_folder, t->run);
        outside_bytes removed = outside_printed("rm %s/*", outside_folder);
        printf("%s: no denormal is left, and the setting is the caller's\n", t->title);
        free(named.at);
        free(said.at);
        free(removed.at);
    }
}

static bool all; /* cells, instead of some */

static void check_all(arena *memory) {
    check_choice(memory);
    check_learning();
    check_flushing();
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        check(&targets[i], memory, all ? 1 : SANITIZE_BUILD == SANITIZE_NONE ? SOME : 5 * SOME);
}

int main(int count, char **words) {
    all = count > 2 && strcmp(words[2], "all") == 0;
    return outside_main("targets", check_all);
}
