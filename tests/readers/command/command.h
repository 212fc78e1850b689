/* Readers of the command, which end the process where something is wrong: here they come back.
 * cli_fail is wrapped by the linker. */
#ifndef EDDY_TESTS_READERS_CLI_H
#define EDDY_TESTS_READERS_CLI_H

#include "frontends/cli/cli.h"
#include "tests/readers/reader.h"

/* Writes the bytes to the file `name` of a folder of this process's own, which is removed in the
 * end. Returns its path. */
const char *reader_file(const char *name, const uint8_t *bytes, size_t count);
/* Calls a function that may end in cli_fail, with an arena of its own. False if it did; the message
 * then has been looked at. */
bool reader_try(void (*use)(arena *memory, const char *path), const char *path);

#endif
