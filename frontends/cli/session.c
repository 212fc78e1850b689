/* From a model to a run that can be called, for code that ends where something is wrong. */
#include "frontends/cli/session.h"

#include <string.h>

bool session_has(const session *s, eddy_role role, const char *name) {
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(s->program, role, i, &slot); i++)
        if (strcmp(slot.name, name) == 0)
            return true;
    return false;
}

/* Two statements: a call may not stand beside the message of what it makes, since arguments are
 * evaluated in any order. */
eddy_run *session_run(const eddy_program *program, eddy_params *params) {
    eddy_run *run = NULL;
    eddy_status code = eddy_run_new(program, params, &run);
    cli_check(code, eddy_run_message(run));
    return run;
}

session session_begin(eddy_model *m, eddy_params *params, const eddy_extent *extents, int count,
                      int threads) {
    session s = {0};
    cli_check(eddy_compile(m, &s.program), eddy_model_message(m));
    eddy_model_free(m);
    s.run = session_run(s.program, params);
    cli_check(eddy_run_resize(s.run, extents, count), eddy_run_message(s.run));
    if (threads >= 0)
        cli_check(eddy_run_threads(s.run, threads), eddy_run_message(s.run));
    return s;
}

void session_call(session *s) {
    cli_check(eddy_run_call(s->run), eddy_run_message(s->run));
}

double session_number(session *s, const char *output) {
    double number = eddy_run_number(s->run, output);
    cli_check(eddy_run_status(s->run), eddy_run_message(s->run));
    return number;
}

void session_input(session *s, const char *name, const void *from, size_t elements) {
    cli_check(eddy_run_input(s->run, name, from, elements), eddy_run_message(s->run));
}

void session_scalar(session *s, const char *name, double value) {
    cli_check(eddy_run_scalar(s->run, name, value), eddy_run_message(s->run));
}

void session_end(session *s) {
    eddy_run_free(s->run);
    eddy_program_free(s->program);
    *s = (session){0};
}
