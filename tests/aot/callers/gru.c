/* A batch of streams: the state is memory of the caller, because its size is known here alone. */
#include "gru.h"

#include "numbers.h"

enum { T = 9, B = 5, D = 3, H = 16 };

static float x[T][B][D], h[T][B][H], carry[B][H];

int main(void) {
    gru_inputs inputs = {.x = &x[0][0][0]};
    gru_outputs outputs = {.h = &h[0][0][0]};
    gru_state state = {.cell_h_carry = &carry[0][0]};
    for (int i = 0; i < T * B * D; i++)
        (&x[0][0][0])[i] = number((uint32_t)i);

    size_t bytes = gru_arena_bytes(T, B), step_bytes = gru_arena_bytes(1, B);
    void *arena = arena_of(bytes), *step_arena = arena_of(step_bytes);
    need(gru_reset(B, &state));
    need(gru_sequence(T, B, &gru_weights, &inputs, &outputs, &state, arena, bytes));
    tell(h, sizeof h);
    tell(&state.t_position, sizeof state.t_position);
    tell(carry, sizeof carry);

    need(gru_reset(B, &state));
    for (int t = 0; t < T; t++) {
        inputs.x = &x[t][0][0];
        outputs.h = &h[t][0][0];
        need(gru_step(B, &gru_weights, &inputs, &outputs, &state, step_arena, step_bytes));
    }
    tell(h, sizeof h);
    tell(&state.t_position, sizeof state.t_position);
    tell(carry, sizeof carry);
    free(arena);
    free(step_arena);
    return 0;
}
