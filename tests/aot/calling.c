/* What callers may ask of an object beside its results: denormals as zeros inside of calls, and
 * parameters that are replaced while a stream runs. The callers are flush.c and swap.c. */
#include <stdio.h>
#include <stdlib.h>

#include "frontends/eddy.h"
#include "tests/support/fading.h"
#include "tests/support/outside.h"

static const char *compiler = "cc";

static void good(eddy_status found, const char *message) {
    if (found != EDDY_OK)
        outside_fail("%s: %s", eddy_status_name(found), message);
}

static eddy_model *build_pupil(bool training) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, 2);
    eddy_value y = eddy_dense(m, "out", 1, eddy_gru(m, "cell", t, 16, x, NULL));
    if (!training) {
        eddy_output(m, "y", y);
        return m;
    }
    eddy_value target = eddy_input(m, "target", EDDY_F32, t, 1);
    eddy_value loss = eddy_mean_over(eddy_mean_squared_error(y, target), t);
    eddy_output(m, "loss", loss);
    eddy_minimise(loss, eddy_sgd());
    return m;
}

static void write_pupil(void) {
    char stem[256];
    eddy_program *p;
    eddy_run *r;
    eddy_params *params = eddy_params_new(NULL, 7);
    eddy_model *m = build_pupil(false), *training = build_pupil(true);
    good(eddy_compile(m, &p), eddy_model_message(m));
    eddy_status found = eddy_run_new(p, params, &r); /* the params are complete then */
    good(found, eddy_run_message(r));
    eddy_run_free(r);
    eddy_program_free(p);
    snprintf(stem, sizeof stem, "%s/pupil", outside_folder);
    const eddy_object_options how = {.params = params, .training = training};
    good(eddy_compile_to_object(m, "pupil", stem, &how), eddy_model_message(m));
    outside_check_object("pupil");
    eddy_model_free(m);
    eddy_model_free(training);
    eddy_params_free(params);
}

static void run_caller(const char *name, const char *objects, const char *how) {
    outside_bytes out = outside_printed(
        "cd %s && %s -std=c11 -O1 -Wall -Wextra -Werror -pthread %s -I . -I %s/tests/aot/callers "
        "-o %s %s/tests/aot/callers/%s.c %s 2>&1 && ./%s",
        outside_folder, compiler, how, EDDY_SOURCE_DIR, name, EDDY_SOURCE_DIR, name, objects, name);
    printf("%s", out.at);
    free(out.at);
}

int main(int count, char **words) {
    static const char checks[] = "-g -fsanitize=address,undefined -fno-sanitize-recover";
    if (count > 1)
        compiler = words[1];
    outside_begin("calling");
    fading_write("decay", NULL, NULL, true);
    fading_write("fading", NULL, NULL, false);
    outside_check_object("decay");
    write_pupil();
    run_caller("flush", "decay.o fading.o", "");
    run_caller("flush", "decay.o fading.o", checks);
    run_caller("swap", "pupil.o", "");
    run_caller("swap", "pupil.o", checks);
    outside_end();
    return 0;
}
