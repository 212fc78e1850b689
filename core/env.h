/* The only reader of the environment: variables that start with EDDY_. */
#ifndef EDDY_CORE_ENV_H
#define EDDY_CORE_ENV_H

#include <stdbool.h>

/* The value of EDDY_<name>, NULL when unset or empty. */
const char *env_text(const char *name);
/* Is letter `c` in EDDY_<name> (or is that "all")? */
bool env_has_letter(const char *name, char c);
int env_number(const char *name, int otherwise);

#endif
