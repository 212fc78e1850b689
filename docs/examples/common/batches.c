/* Streams side by side.
 *
 * Stateful training wants row b of block k + 1 to continue row b of block k, so the text is cut
 * into pieces first and each row reads its own piece; shuffling blocks would break the carried
 * state. Evaluation does the same with pieces rounded up instead of down, so that nothing is left
 * unscored, and tells how much of each row is real. */
#include "common/batches.h"

#include <assert.h>

bool batches_for_training(batches *plan, const int32_t *symbols, size_t length, int32_t before,
                          size_t streams, size_t steps) {
    if (streams == 0 || steps == 0 || length / streams < steps)
        return false;
    size_t stride = length / streams;
    *plan = (batches){symbols, length, before, streams, steps, stride, stride / steps};
    return true;
}

bool batches_for_evaluation(batches *plan, const int32_t *symbols, size_t length, int32_t before,
                            size_t streams, size_t steps) {
    if (streams == 0 || steps == 0)
        return false;
    size_t stride = length / streams + (length % streams != 0);
    size_t blocks = stride / steps + (stride % steps != 0);
    *plan = (batches){symbols, length, before, streams, steps, stride, blocks};
    return true;
}

size_t batches_fill(const batches *plan, size_t block, int32_t *inputs, int32_t *targets,
                    int32_t *lengths) {
    assert(plan->blocks > 0);
    size_t offset = block % plan->blocks * plan->steps, real = 0;
    for (size_t stream = 0; stream < plan->streams; stream++) {
        size_t start = stream * plan->stride + offset;
        size_t end = (stream + 1) * plan->stride;
        if (end > plan->length)
            end = plan->length;
        size_t count = start < end ? end - start : 0;
        if (count > plan->steps)
            count = plan->steps;
        for (size_t step = 0; step < plan->steps; step++) {
            size_t at = start + step, to = step * plan->streams + stream;
            targets[to] = step < count ? plan->symbols[at] : 0;
            inputs[to] = step >= count ? 0 : at > 0 ? plan->symbols[at - 1] : plan->before;
        }
        if (lengths != NULL)
            lengths[stream] = (int32_t)count;
        real += count;
    }
    return real;
}
