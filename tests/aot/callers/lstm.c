/* One stream, all memory static; C and C++. */
#include "lstm.h"

#include <string.h>

#include "numbers.h"

enum { T = 9, D = 3, H = 16, SMALL = LSTM_STEP_PREPARED_ARENA };

static float x[T][D], h[T][H];
static lstm_state state, saved;
static char memory[LSTM_STEP_ARENA + LSTM_ALIGNMENT];
static char kept[LSTM_PREPARED + LSTM_ALIGNMENT];

static char *aligned(char *within) {
    return within + (LSTM_ALIGNMENT - (uintptr_t)within % LSTM_ALIGNMENT);
}

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

/* Single steps again, with what is made of the weights kept: the same bits in the same place, and
 * memory for nothing else. */
static void steps_prepared(void *prepared) {
    void *arena = arena_of(SMALL);
    static float again[T][H];
    lstm_state stream;
    need(lstm_prepare(&lstm_weights, prepared));
    need(lstm_reset(&stream));
    for (int t = 0; t < T; t++) {
        lstm_inputs inputs = {x[t]};
        lstm_outputs outputs = {again[t]};
        need(lstm_step_prepared(&lstm_weights, prepared, &inputs, &outputs, &stream, arena, SMALL));
    }
    free(arena);
    need(SMALL + LSTM_PREPARED <= LSTM_STEP_ARENA + 1024 ? NULL : "it has room for both");
    need(memcmp(again, h, sizeof h) == 0 ? NULL : "prepared steps have other results");
    need(memcmp(&stream, &state, sizeof state) == 0 ? NULL : "and another state");
}

/* The same for the whole sequence. */
static void sequence_prepared(void *prepared, void *arena, size_t bytes) {
    static float again[T][H];
    lstm_state stream;
    lstm_inputs inputs = {x[0]};
    lstm_outputs outputs = {again[0]};
    need(lstm_prepare(&lstm_weights, prepared));
    need(lstm_reset(&stream));
    need(lstm_sequence_prepared(T, &lstm_weights, prepared, &inputs, &outputs, &stream, arena,
                                bytes));
    need(memcmp(again, h, sizeof h) == 0 ? NULL : "a prepared sequence has other results");
}

static void mistakes(char *prepared, void *arena) {
    lstm_inputs inputs = {x[0]};
    lstm_outputs outputs = {h[0]};
    need(lstm_prepare(NULL, prepared) ? NULL : "prepared from nothing");
    need(lstm_prepare(&lstm_weights, NULL) ? NULL : "prepared to nowhere");
    need(lstm_prepare(&lstm_weights, prepared + 4) ? NULL : "prepared where it must not be");
    need(lstm_step_prepared(&lstm_weights, NULL, &inputs, &outputs, &state, arena, LSTM_STEP_ARENA)
             ? NULL
             : "a step with nothing prepared");
    need(lstm_step_prepared(&lstm_weights, prepared, &inputs, &outputs, &state, arena, SMALL - 1)
             ? NULL
             : "a step with a byte less");
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
    sequence_prepared(aligned(kept), arena, bytes);
    free(arena);

    /* Step by step; then back to the middle, and on from there. */
    arena = aligned(memory);
    need(lstm_reset(&state));
    steps(0, T / 2, arena);
    saved = state;
    steps(T / 2, T, arena);
    state = saved;
    memset(h[T / 2], 0, sizeof h - sizeof h[0] * (T / 2));
    steps(T / 2, T, arena);
    tell(h, sizeof h);
    tell_state();
    steps_prepared(aligned(kept));
    mistakes(aligned(kept), arena);
    return 0;
}
