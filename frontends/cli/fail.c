/* How the command ends where something is wrong. A file of its own, so that tests of readers can
 * put something in its place that comes back. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "frontends/cli/cli.h"

void cli_fail(int code, const char *format, ...) {
    va_list list;
    fflush(stdout);
    fputs("eddy: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(code);
}
