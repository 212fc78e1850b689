/* Work that may crash, hang or stop at an assertion, in a process of its own. */
#ifndef EDDY_TESTS_SUPPORT_APART_H
#define EDDY_TESTS_SUPPORT_APART_H

#include <stdbool.h>

/* Runs work(user) in a child and returns what it returns (0 to 255), or minus the number of the
 * signal that ended it: SIGXCPU after `seconds` of processor time, SIGALRM after many times that.
 * quiet: what the child writes goes nowhere. */
int apart_run(int (*work)(void *user), void *user, unsigned seconds, bool quiet);

#endif
