/* What a sanitizer says of compiled code. */
#ifndef EDDY_TESTS_SUPPORT_REPORT_H
#define EDDY_TESTS_SUPPORT_REPORT_H

#include "core/arena.h"

/* Runs work in a child process with EDDY_PERF=1, and gives what the child wrote to stderr; the
 * first place in code that it names (#0) is followed by the kernel that lies there, as
 * " in <symbol>", if it is one. In memory. */
const char *report_of(int (*work)(void *user), void *user, arena *memory);

#endif
