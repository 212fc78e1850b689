/* For plain programs of tests: what has to work, or the program ends and says why. */
#ifndef EDDY_TESTS_SUPPORT_NEED_H
#define EDDY_TESTS_SUPPORT_NEED_H

#include <stdio.h>
#include <stdlib.h>

#include "frontends/eddy.h"

static inline void need(eddy_status found, const char *message) {
    if (found == EDDY_OK)
        return;
    fprintf(stderr, "%s: %s\n", eddy_status_name(found), message);
    exit(1);
}

#endif
