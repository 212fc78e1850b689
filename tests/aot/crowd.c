/* Twenty models and more in one program, two of them trained in two threads side by side, with
 * malloc, free and every lock made to abort; the same under sanitizers and under valgrind. The
 * program is tests/aot/crowd/crowd.c, with one of calls.h that calls cells of the library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sanitize.h"
#include "tests/support/calls.h"

enum { LEAST = 20 /* models, those that learn included */ };

static const char *compiler = "cc";

static void good(eddy_status found, const char *message) {
    if (found != EDDY_OK)
        outside_fail("%s: %s", eddy_status_name(found), message);
}

/* ---- the two that learn */

static eddy_model *build(bool second, bool training) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, 2);
    eddy_value h =
        second ? eddy_gru(m, "cell", t, 12, x, NULL) : eddy_lstm(m, "cell", t, 16, x, NULL);
    eddy_value y = eddy_dense(m, "out", 1, h);
    if (!training) {
        eddy_output(m, "y", y);
        return m;
    }
    eddy_value target = eddy_input(m, "target", EDDY_F32, t, 1);
    eddy_value loss = eddy_mean_over(eddy_mean_squared_error(y, target), t);
    eddy_output(m, "loss", loss);
    eddy_minimise(loss, eddy_adam());
    return m;
}

static void add_learner(bool second) {
    char stem[256];
    const char *prefix = second ? "second" : "first";
    eddy_program *p;
    eddy_run *r;
    eddy_params *params = eddy_params_new(NULL, 7);
    eddy_model *m = build(second, false), *training = build(second, true);
    good(eddy_compile(m, &p), eddy_model_message(m));
    eddy_status found = eddy_run_new(p, params, &r);
    good(found, eddy_run_message(r));
    eddy_run_free(r);
    eddy_program_free(p);
    snprintf(stem, sizeof stem, "%s/%s", outside_folder, prefix);
    const eddy_object_options how = {.params = params, .training = training};
    good(eddy_compile_to_object(m, prefix, stem, &how), eddy_model_message(m));
    outside_check_object(prefix);
    eddy_model_free(m);
    eddy_model_free(training);
    eddy_params_free(params);
}

/* ---- the program */

static void build_program(const char *how, const char *as) {
    outside_bytes built = outside_printed(
        "cd %s && %s -std=c11 -O1 -Wall -Wextra -Werror -pthread %s -I . -I %s/tests/aot/crowd "
        "others.c %s/tests/aot/crowd/crowd.c *.o -ldl -Wl,-z,now -o %s 2>&1",
        outside_folder, compiler, how, EDDY_SOURCE_DIR, EDDY_SOURCE_DIR, as);
    free(built.at);
}

static void compare(const char *command, const outside_bytes *expected) {
    outside_bytes found = outside_printed("%s", command);
    if (found.count != expected->count || memcmp(found.at, expected->at, found.count) != 0)
        outside_fail("%s: the results are not those of runs", command);
    free(found.at);
}

static void check_guards(void) {
    static const char *const guards[] = {"malloc", "free", "lock"};
    char command[256];
    for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) {
        snprintf(command, sizeof command, "%s/crowd %s >/dev/null 2>&1", outside_folder, guards[i]);
        if (system(command) == 0)
            outside_fail("%s is not guarded", guards[i]);
    }
}

static void check(arena *memory) {
    eddy_cells *cells;
    eddy_cell_about about;
    calls c;
    char command[256];
    calls_begin(&c, memory);
    if (eddy_cells_library(NULL, &cells) != EDDY_OK)
        outside_fail("%s", eddy_cells_report(cells));
    for (int i = 0; eddy_cells_at(cells, i, &about) && c.count + 2 < LEAST; i += 3)
        calls_add(&c, cells, i, NULL, NULL);
    if (c.count + 2 < LEAST)
        outside_fail("only %d models", c.count + 2);
    calls_write(&c, "others.c");
    add_learner(false);
    add_learner(true);
    build_program("", "crowd");
    snprintf(command, sizeof command, "%s/crowd", outside_folder);
    compare(command, &c.expected);
    check_guards();
    printf("%d models, two of which learn side by side: nothing allocates or locks\n", c.count + 2);
    build_program("-DWATCHED -g -fsanitize=address,undefined -fno-sanitize-recover", "sanitized");
    snprintf(command, sizeof command, "%s/sanitized", outside_folder);
    compare(command, &c.expected);
    build_program("-DWATCHED", "watched");
    snprintf(command, sizeof command, "valgrind -q --error-exitcode=1 %s/watched", outside_folder);
    if (system("command -v valgrind >/dev/null") == 0)
        compare(command, &c.expected);
    else
        printf("under valgrind: not run here, there is none\n");
    calls_end(&c);
    eddy_cells_free(cells);
}

int main(int count, char **words) {
    if (count > 1)
        compiler = words[1];
    return outside_main("crowd", check);
}
