/* The one way in which the evaluator moves through memory: an odometer whose wheels are axes and
 * feature dimensions, with a position for each operand instead of index arithmetic for each
 * element. */
#include "graph/eval_walk.h"

#include <assert.h>

void eval_walk_init(eval_walk *w, int operands) {
    w->operands = operands;
    w->rank = 0;
}

int64_t *eval_walk_loop(eval_walk *w, arena *memory, int64_t extent) {
    assert(w->rank < EVAL_WALK_RANK);
    w->extent[w->rank] = extent;
    w->stride[w->rank] = arena_array(memory, int64_t, w->operands);
    return w->stride[w->rank++];
}

/* Is loop i followed by loop j the same as one loop with the strides of j? */
static bool eval_walk_joins(const eval_walk *w, int i, int j) {
    for (int o = 0; o < w->operands; o++)
        if (w->stride[i][o] != w->extent[j] * w->stride[j][o])
            return false;
    return true;
}

void eval_walk_pack(eval_walk *w, arena *memory) {
    int kept = 0;
    for (int i = 0; i < w->rank; i++) {
        if (w->extent[i] == 1)
            continue;
        bool joined = kept > 0 && eval_walk_joins(w, kept - 1, i);
        int to = joined ? kept - 1 : kept++;
        w->extent[to] = joined ? w->extent[to] * w->extent[i] : w->extent[i];
        w->stride[to] = w->stride[i];
    }
    w->rank = kept;
    if (kept == 0)
        eval_walk_loop(w, memory, 1);
}

bool eval_cursor_begin(eval_cursor *c, const eval_walk *w, int64_t *offset) {
    c->walk = w;
    c->offset = offset;
    for (int i = 0; i < w->rank; i++) {
        c->at[i] = 0;
        if (w->extent[i] == 0)
            return false;
    }
    return true;
}

bool eval_cursor_next(eval_cursor *c) {
    const eval_walk *w = c->walk;
    for (int i = w->rank - 2; i >= 0; i--) {
        bool wraps = ++c->at[i] == w->extent[i];
        int64_t steps = wraps ? 1 - w->extent[i] : 1;
        for (int o = 0; o < w->operands; o++)
            c->offset[o] += steps * w->stride[i][o];
        if (!wraps)
            return true;
        c->at[i] = 0;
    }
    return false;
}
