/* Texts that nobody would write, read as cells: there is a report exactly where there is a mistake,
 * and every mistake is one of a known kind at a place of the text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"
#include "tests/readers/reader.h"

static void stop(const char *what, eddy_status code) {
    fprintf(stderr, "%s, status %d\n", what, (int)code);
    abort();
}

static bool known(const char *code) {
    eddy_code kind;
    for (int i = 0; eddy_cells_code(i, &kind); i++)
        if (strcmp(kind.code, code) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    eddy_cells *cells = NULL;
    eddy_mistake mistake;
    int mistakes = 0, lines = 2;
    eddy_status code = eddy_cells_read(NULL, "text", (const char *)bytes, count, &cells);
    if (!cells || (code != EDDY_OK && code != EDDY_BAD_FORMAT))
        stop("not read and not refused", code);
    for (size_t i = 0; i < count; i++)
        lines += bytes[i] == '\n';
    for (; eddy_cells_mistake(cells, mistakes, &mistake); mistakes++)
        if (!known(mistake.code) || mistake.line < 1 || mistake.line > lines || mistake.column < 1)
            stop("a mistake of no kind, or at no place", code);
    if ((mistakes == 0) != (code == EDDY_OK) ||
        (eddy_cells_report(cells)[0] == 0) != (code == EDDY_OK))
        stop("the report and the status say two things", code);
    eddy_cells_free(cells);
    return 0;
}
