/* Every cell of the library as an object: all of them link into one program, and each gives the
 * bits of a run for a whole sequence, for pieces of it, and step by step, its state included. */
#include <stdio.h>
#include <stdlib.h>

#include "core/sanitize.h"
#include "tests/support/calls.h"

enum { LEAST = 20 /* models of one program */ };

static const char *compiler = "cc";

static void check(arena *memory) {
    const int every = SANITIZE_BUILD == SANITIZE_NONE ? 1 : 5;
    eddy_cells *cells;
    eddy_cell_about about;
    calls c;
    calls_begin(&c, memory);
    if (eddy_cells_library(NULL, &cells) != EDDY_OK)
        outside_fail("%s", eddy_cells_report(cells));
    for (int i = 0; eddy_cells_at(cells, i, &about); i += every) {
        calls_add(&c, cells, i, NULL, NULL);
        outside_check_object(about.name);
    }
    calls_write(&c, "library.c");
    outside_bytes built = outside_printed(
        "cd %s && %s -std=c11 -Wall -Wextra -Werror -I %s/tests/aot/callers library.c *.o "
        "-Wl,-z,now -o library 2>&1",
        outside_folder, compiler, EDDY_SOURCE_DIR);
    outside_bytes found = outside_printed("%s/library", outside_folder);
    if (found.count != c.expected.count)
        outside_fail("%zu bytes, and not %zu", found.count, c.expected.count);
    for (size_t i = 0; i < found.count; i++)
        if (found.at[i] != c.expected.at[i])
            outside_fail("byte %zu of %zu is not that of a run", i, found.count);
    printf("%d cells in one program: %zu bytes of results are those of runs\n", c.count,
           found.count);
    if (every == 1 && c.count < LEAST)
        outside_fail("only %d cells", c.count);
    free(built.at);
    free(found.at);
    calls_end(&c);
    eddy_cells_free(cells);
}

int main(int count, char **words) {
    if (count > 1)
        compiler = words[1];
    return outside_main("library", check);
}
