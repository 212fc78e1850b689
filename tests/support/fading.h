/* A model of a state that dies away, for tests of what objects do with denormals. */
#ifndef EDDY_TESTS_SUPPORT_FADING_H
#define EDDY_TESTS_SUPPORT_FADING_H

#include <stdbool.h>

/* Makes <prefix>.o and so on in the folder of outside.h, for a target and a cpu of
 * eddy_object_options. */
void fading_write(const char *prefix, const char *target, const char *cpu, bool flush);

#endif
