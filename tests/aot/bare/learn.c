/* Steps of training of streams side by side: what they learn, and what they remember. */
#include "learn.h"

#include "numbers.h"

enum { T = 7, B = 5, D = 3, ROUNDS = 4 };

static float x[T][B][D], y[T][B][1];
static learn_parameters parameters;
static _Alignas(LEARN_ALIGNMENT) char streams[1 << 14];

int main(void) {
    learn_inputs inputs = {.x = &x[0][0][0], .y = &y[0][0][0], .learning_rate = 0.01F};
    learn_outputs outputs;
    learn_state state;
    for (int i = 0; i < T * B * D; i++)
        (&x[0][0][0])[i] = number((uint32_t)i);
    for (int i = 0; i < T * B; i++)
        (&y[0][0][0])[i] = number((uint32_t)(1000 + i));
    size_t bytes = learn_arena_bytes(T, B), room = learn_state_bytes(B);
    void *arena = arena_of(bytes);
    parameters = learn_weights;
    need(learn_arena_bytes(T, -1) == SIZE_MAX ? NULL : "a size for -1 streams");
    need(room <= sizeof streams ? NULL : "streams of more than 16 kilobytes");
    need(learn_state_place(B, &state, streams));
    need(learn_reset(B, &state));
    for (int round = 0; round < ROUNDS; round++) {
        need(learn_sequence(T, B, &parameters, &inputs, &outputs, &state, arena, bytes));
        tell(&outputs.loss, sizeof outputs.loss);
    }
    tell(&parameters, sizeof parameters);
    tell(streams, room);
    free(arena);
    return 0;
}
