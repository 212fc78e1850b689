/* Environment variables, all behind one prefix, so that a search for EDDY_ finds every switch. The
 * value belongs to the environment: use it before the next setenv. */
#include "core/env.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *env_text(const char *name) {
    char whole[64];
    int length = snprintf(whole, sizeof whole, "EDDY_%s", name);
    assert(length > 0 && (size_t)length < sizeof whole);
    (void)length;
    const char *value = getenv(whole);
    return value && *value ? value : NULL;
}

bool env_has_letter(const char *name, char c) {
    const char *value = env_text(name);
    return value && c && (strcmp(value, "all") == 0 || strchr(value, c));
}

int env_number(const char *name, int otherwise) {
    const char *value = env_text(name);
    if (!value)
        return otherwise;
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    bool whole = errno == 0 && end != value && *end == 0 && number >= INT_MIN && number <= INT_MAX;
    return whole ? (int)number : otherwise;
}
