/* Profilers see kernels by the names that the user gave to values: with EDDY_PERF=1 the library
 * lists them where perf looks, in /tmp/perf-PID.map. (Debuggers: tests/check/gdb.sh.) */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontends/eddy.h"

static char path[64];

static void choose_path(void) {
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    unlink(path);
}

static void remove_list(void) {
    unlink(path);
}

TestSuite(acceptance_names, .init = choose_path, .fini = remove_list);

static eddy_program *compile_cell(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_value before = eddy_state(m, "memory", t, 4);
    eddy_value gate = eddy_name(eddy_sigmoid(eddy_linear(m, "Wg", 4, x)), "how much");
    eddy_value memory = eddy_mul(gate, eddy_tanh(eddy_linear(m, "U", 4, before)));
    eddy_next(before, eddy_name(memory, "memory"));
    eddy_output(m, "memory", memory);
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

/* Do these addresses lie in a mapping that can be executed? */
static bool is_code(uint64_t from, uint64_t bytes) {
    char line[512];
    bool found = false;
    FILE *list = fopen("/proc/self/maps", "r");
    cr_assert(list);
    while (fgets(line, sizeof line, list)) {
        char *rest;
        uint64_t low = strtoull(line, &rest, 16), high = strtoull(rest + 1, &rest, 16);
        found |= from >= low && from + bytes <= high && rest[3] == 'x';
    }
    fclose(list);
    return found;
}

typedef struct listed {
    const char *name;
    bool seen;
} listed;

Test(acceptance_names, perf_finds_kernels_by_the_users_names) {
    /* "how much" is computed where memory is, the only one that reads it */
    listed names[] = {{"eddy_kernel_memory", false},
                      {"eddy_kernel_contract_Wg", false},
                      {"eddy_kernel_contract_U", false},
                      {"eddy_run", false}};
    setenv("EDDY_PERF", "1", 1);
    eddy_program *p = compile_cell();
    char line[512];
    int lines = 0;
    FILE *list = fopen(path, "r");
    cr_assert(list, "%s is not there", path);
    while (fgets(line, sizeof line, list)) {
        char *rest;
        uint64_t from = strtoull(line, &rest, 16), bytes = strtoull(rest + 1, &rest, 16);
        cr_assert_eq(*rest, ' ', "%s", line);
        rest[strcspn(rest, "\n")] = 0;
        cr_assert_gt(bytes, 0);
        cr_assert(is_code(from, bytes), "%s", line);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            names[i].seen |= strcmp(rest + 1, names[i].name) == 0;
        lines++;
    }
    fclose(list);
    cr_assert_eq(lines, eddy_program_statistics(p).kernels + 1, "each kernel, and what calls them");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert(names[i].seen, "%s is not listed", names[i].name);
    eddy_program_free(p);
}

Test(acceptance_names, nothing_is_listed_unless_asked) {
    unsetenv("EDDY_PERF");
    eddy_program_free(compile_cell());
    cr_assert_neq(access(path, F_OK), 0);
}
