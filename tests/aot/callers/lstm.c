/* One stream, all memory static; C and C++. */
#include "lstm.h"

#include <string.h>

#include "numbers.h"

enum { T = 9, D = 3, H = 16 };

static float x[T][D], h[T][H];
static lstm_state state, saved;
static char memory[LSTM_STEP_ARENA + LSTM_ALIGNMENT];

static void tell_state(void) {
    tell(&state.t_position, sizeof state.t_position);
    tell(state.cell_h_carry, sizeof state.cell_h_carry);
    tell(state.cell_c_carry, sizeof state.cell_c_carry);
}

static void steps(int from, int end, void *arena) {
    for (int t = from; t < end; t++) {
        lstm_inputs inputs = {x[t]};
        lstm_outputs outputs = {h[t]};
        need(lstm_step(&lstm_weights, &inputs, &outputs, &state, arena, LSTM_STEP_ARENA));
    }
}

int main(void) {
    for (int i = 0; i < T * D; i++)
        x[i / D][i % D] = number((uint32_t)i);
    lstm_inputs inputs = {x[0]};
    lstm_outputs outputs = {h[0]};
    size_t bytes = lstm_arena_bytes(T);
    void *arena = arena_of(bytes);
    need(lstm_arena_bytes(1) == LSTM_STEP_ARENA ? NULL : "two sizes of a step");
    need(lstm_reset(&state));
    need(lstm_sequence(T, &lstm_weights, &inputs, &outputs, &state, arena, bytes));
    tell(h, sizeof h);
    tell_state();
    free(arena);

    /* Step by step; then back to the middle, and on from there. */
    char *aligned = memory + (LSTM_ALIGNMENT - (uintptr_t)memory % LSTM_ALIGNMENT);
    need(lstm_reset(&state));
    steps(0, T / 2, aligned);
    saved = state;
    steps(T / 2, T, aligned);
    state = saved;
    memset(h[T / 2], 0, sizeof h - sizeof h[0] * (T / 2));
    steps(T / 2, T, aligned);
    tell(h, sizeof h);
    tell_state();
    return 0;
}
