/* Tables of numbers as CSV: whatever is taken is finite, and as large as it says. */
#include <math.h>
#include <stdlib.h>

#include "frontends/cli/data.h"
#include "tests/readers/command/command.h"

static void use(arena *memory, const char *path) {
    const table_wish wish = {.target = "1", .ignore = "time,b", .ahead = 0, .part = 0.9};
    const data d = data_read_table(memory, path, &wish);
    const float *x = d.x, *y = d.y;
    for (size_t i = 0; i < d.rows * (size_t)d.inputs; i++)
        if (isnan(x[i]))
            abort();
    for (size_t i = 0; i < d.rows; i++)
        if (isnan(y[i]))
            abort();
    (void)data_read_table_in(memory, path, &d.table);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    (void)reader_try(use, reader_file("table.csv", bytes, count));
    return 0;
}
