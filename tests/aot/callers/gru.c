/* A batch of streams: the state is memory of the caller, because its size is known here alone. */
#include "gru.h"

#include <string.h>

#include "numbers.h"

enum { T = 9, B = 5, D = 3, H = 16 };

static float x[T][B][D], h[T][B][H], carry[B][H];

static void steps(int from, int end, gru_state *state, void *arena, size_t bytes) {
    for (int t = from; t < end; t++) {
        gru_inputs inputs = {.x = &x[t][0][0]};
        gru_outputs outputs = {.h = &h[t][0][0]};
        need(gru_step(B, &gru_weights, &inputs, &outputs, state, arena, bytes));
    }
}

/* Streams in memory that the object divides, saved in the middle and gone back to. */
static void go_back(void *arena, size_t bytes) {
    static float expected[T][B][H];
    size_t size = gru_state_bytes(B);
    char *memory = (char *)arena_of(size + GRU_ALIGNMENT), *kept = (char *)arena_of(size);
    gru_state state, saved;
    memcpy(expected, h, sizeof h);
    need(size > 0 && size % GRU_ALIGNMENT == 0 ? NULL : "a size of a state that is none");
    need(gru_state_bytes(-1) == SIZE_MAX ? NULL : "a state of -1 streams");
    need(gru_state_place(B, &state, NULL) ? NULL : "a state in no memory");
    need(gru_state_place(B, &state, memory + 4) ? NULL : "a state where it must not be");
    need(gru_state_place(-1, &state, memory) ? NULL : "a place for -1 streams");
    need(gru_state_place(B, NULL, memory) ? NULL : "a place of no state");
    need(gru_state_place(B, &state, memory));
    need(gru_reset(B, &state));
    steps(0, T / 2, &state, arena, bytes);
    saved = state;
    memcpy(kept, memory, size);
    for (int twice = 0; twice < 2; twice++) {
        memset(h[T / 2], 0, sizeof h - sizeof h[0] * (T / 2));
        steps(T / 2, T, &state, arena, bytes);
        need(memcmp(h, expected, sizeof h) == 0 ? NULL : "streams in one memory are others");
        state = saved;
        memcpy(memory, kept, size);
    }
    free(memory);
    free(kept);
}

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
    steps(0, T, &state, step_arena, step_bytes);
    tell(h, sizeof h);
    tell(&state.t_position, sizeof state.t_position);
    tell(carry, sizeof carry);
    go_back(step_arena, step_bytes);
    free(arena);
    free(step_arena);
    return 0;
}
