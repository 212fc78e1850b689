/* Sequences to learn from: what is taken is finite where a sequence has steps, symbols and classes
 * are below their number, and the same file is read again as it was. */
#include <math.h>
#include <stdlib.h>

#include "frontends/cli/data.h"
#include "tests/readers/command/command.h"

/* `count` elements that are codes below `limit`, or numbers where it is 0. */
static void look(const void *at, size_t count, int64_t limit) {
    for (size_t i = 0; i < count; i++)
        if (limit ? ((const int32_t *)at)[i] < 0 || ((const int32_t *)at)[i] >= limit
                  : isnan(((const float *)at)[i]))
            abort();
}

static void use(arena *memory, const char *path) {
    const table_wish wish = {.part = 0.9};
    const data d = data_read_sequences(memory, path, &wish);
    size_t x = (size_t)d.inputs, y = d.classes ? 1 : (size_t)d.outputs;
    for (size_t i = 0; i < d.rows; i++) {
        size_t steps = (size_t)d.lengths[i], at = i * d.steps;
        look((const char *)d.x + at * x * 4, steps * x, d.vocabulary);
        look((const char *)d.y + (d.each ? at : i) * y * 4, (d.each ? steps : 1) * y,
             d.classes ? d.outputs : 0);
    }
    (void)data_read_sequences_in(memory, path, &d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    (void)reader_try(use, reader_file("data.safetensors", bytes, count));
    return 0;
}
