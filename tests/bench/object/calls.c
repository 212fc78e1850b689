/* A compiled cell as a shared library: what a program that streams has of it, and a loop around its
 * calls, so that coming here from Python does not count. "cell.h" and the object come from `eddy
 * compile --output cell`. */
#include <cell.h>
#include <stdalign.h>
#include <stdlib.h>

static alignas(CELL_ALIGNMENT) char prepared[CELL_PREPARED];
static cell_state state;
static cell_inputs inputs;
static union {
    cell_outputs all;
    float *each[sizeof(cell_outputs) / sizeof(float *)]; /* the first is h */
} outputs;
static int64_t steps;
static void *arena;
static size_t bytes;

/* Calls of so many steps read x[count][D] and write h[count][units], which stay the caller's. NULL,
 * or what is wrong. */
const char *object_begin(int64_t count, int64_t units, const float *x, float *h) {
    const size_t others = sizeof outputs / sizeof *outputs.each;
    steps = count;
    bytes = cell_arena_bytes(steps);
    arena = aligned_alloc(CELL_ALIGNMENT, bytes);
    inputs.x = x;
    outputs.each[0] = h;
    for (size_t i = 1; i < others; i++) {
        outputs.each[i] = calloc((size_t)(count * units), sizeof(float));
        if (!outputs.each[i])
            return "out of memory";
    }
    return arena ? cell_prepare(&cell_weights, prepared) : "out of memory";
}

const char *object_start(void) {
    return cell_reset(&state);
}

const char *object_calls(int64_t count) {
    const char *wrong = NULL;
    for (int64_t i = 0; i < count && !wrong; i++)
        wrong = steps == 1 ? cell_step_prepared(&cell_weights, prepared, &inputs, &outputs.all,
                                                &state, arena, bytes)
                           : cell_sequence_prepared(steps, &cell_weights, prepared, &inputs,
                                                    &outputs.all, &state, arena, bytes);
    return wrong;
}
