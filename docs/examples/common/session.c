/* From a function that writes a model to a run that can be called.
 *
 * Models, programs and runs keep their first mistake and do nothing after it, so it is enough to
 * ask when a result is wanted: here, once for the model and once for each call. */
#include "common/session.h"

#include <stdio.h>
#include <stdlib.h>

static void session_check(eddy_status status, const char *message) {
    if (status != EDDY_OK) {
        fprintf(stderr, "%s\n", message);
        exit(EXIT_FAILURE);
    }
}

session session_begin(void (*build)(eddy_model *m, const void *user), const void *user,
                      eddy_params *params, const eddy_extent *extents) {
    session s = {0};
    int count = 0;
    while (extents[count].axis)
        count++;
    eddy_model *m = eddy_model_new(NULL);
    build(m, user);
    session_check(eddy_compile(m, &s.program), eddy_model_message(m));
    eddy_model_free(m);
    s.milliseconds = eddy_program_statistics(s.program).milliseconds;
    eddy_run_new(s.program, params, &s.run);
    session_check(eddy_run_resize(s.run, extents, count), eddy_run_message(s.run));
    return s;
}

const void *session_call(session *s, const char *output) {
    session_check(eddy_run_call(s->run), eddy_run_message(s->run));
    const void *values = eddy_run_read(s->run, output);
    session_check(eddy_run_status(s->run), eddy_run_message(s->run));
    return values;
}

void session_end(session *s) {
    eddy_run_free(s->run);
    eddy_program_free(s->program);
    *s = (session){0};
}
