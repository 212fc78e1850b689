/* A compiled program in use, for programs that end with the message of any mistake. */
#ifndef EXAMPLES_SESSION_H
#define EXAMPLES_SESSION_H

#include <eddy.h>

typedef struct session {
    eddy_program *program;
    eddy_run *run;
    double milliseconds; /* that its compilation took */
} session;

/* Makes a model, lets `build` write it (`user` is passed on), compiles it and binds it to params
 * with these extents, which end with a name of NULL. Prints the message of a mistake and exits. */
session session_begin(void (*build)(eddy_model *m, const void *user), const void *user,
                      eddy_params *params, const eddy_extent *extents);

/* Runs the program once and returns the values of an output, row-major; they stay until the next
 * call. Prints the message of a mistake, of eddy_run_input and its like too, and exits. */
const void *session_call(session *s, const char *output);

void session_end(session *s);

#endif
