/* Numbers in rows, as files have them. */
#ifndef EDDY_FRONTENDS_CLI_TABLE_H
#define EDDY_FRONTENDS_CLI_TABLE_H

#include "frontends/cli/cli.h"

/* Writes f32 [rows, columns] to a .npy or a .csv file, by the end of its name; of one column, .npy
 * has shape [rows]. names: of the columns. A mistake ends the process. */
void table_write(arena *memory, const char *path, const float *at, size_t rows, size_t columns,
                 const char *const *names);
/* Can it be written to a file of this name? A mistake ends the process. */
void table_check_name(const char *path);

#endif
