/* A compiled program in use by the command; a mistake ends the process with its message. */
#ifndef EDDY_FRONTENDS_CLI_SESSION_H
#define EDDY_FRONTENDS_CLI_SESSION_H

#include "frontends/cli/cli.h"

typedef struct session {
    eddy_program *program;
    eddy_run *run;
} session;

/* Compiles the model, frees it, and binds it to params. threads: as of eddy_run_threads; -1: as the
 * environment says. Extents that the program lacks are left out. */
session session_begin(eddy_model *m, eddy_params *params, const eddy_extent *extents, int count,
                      int threads);
/* A program in use with these params. */
eddy_run *session_run(const eddy_program *program, eddy_params *params);
/* One call, and an output of one element. */
void session_call(session *s);
double session_number(session *s, const char *output);
void session_input(session *s, const char *name, const void *from, size_t elements);
void session_scalar(session *s, const char *name, double value);
/* Is there a slot of this role and name? */
bool session_has(const session *s, eddy_role role, const char *name);
void session_end(session *s);

#endif
