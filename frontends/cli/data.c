/* Rows side by side.
 *
 * A carried state goes on where its stream stopped, so the rows are cut into pieces first and each
 * stream reads its own, block after block. In training pieces are rounded down, so that all blocks
 * are whole; where everything is to be counted they are rounded up, and lengths say what is real.
 */
#include "frontends/cli/data.h"

#include <string.h>

bool streams_whole(streams *s, size_t begin, size_t end, size_t count, size_t steps) {
    size_t stride = (end - begin) / count;
    *s = (streams){begin, end, count, steps, stride, stride / steps};
    return s->blocks > 0;
}

void streams_all(streams *s, size_t begin, size_t end, size_t count, size_t steps) {
    size_t stride = (end - begin + count - 1) / count;
    *s = (streams){begin, end, count, steps, stride, (stride + steps - 1) / steps};
}

size_t streams_fill(const streams *s, size_t block, const void *column, size_t bytes, void *to,
                    int32_t *lengths) {
    size_t total = 0;
    memset(to, 0, s->count * s->steps * bytes);
    for (size_t i = 0; i < s->count; i++) {
        size_t first = s->begin + i * s->stride, next = first + s->stride;
        size_t from = first + block * s->steps, end = next < s->end ? next : s->end;
        size_t length = from < end ? end - from : 0;
        if (length > s->steps)
            length = s->steps;
        for (size_t t = 0; t < length; t++)
            memcpy((char *)to + (t * s->count + i) * bytes,
                   (const char *)column + (from + t) * bytes, bytes);
        if (lengths)
            lengths[i] = (int32_t)length;
        total += length;
    }
    return total;
}

tensors data_open_tensors(arena *memory, const char *path) {
    size_t bytes;
    error problem = {0};
    tensors t = {.path = path, .problem = &problem, .memory = memory};
    const char *at = cli_read_file(memory, path, &bytes);
    if (!tensors_read(&t, (const unsigned char *)at, bytes)) {
        tensors_end(&t);
        cli_fail(CLI_FAILED, "%s", problem.message);
    }
    t.problem = NULL;
    return t;
}
