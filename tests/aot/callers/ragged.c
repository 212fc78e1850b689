/* Samples of different lengths, a state three steps back, and names that are no names in C. */
#include "ragged.h"

#include "numbers.h"

enum { T = 7, B = 3, H = 6 };

static const int32_t lengths[B] = {7, 4, 0};
static double x[T][B][H], h[T][B][H], newest[B][1][H], past[B][3][H];
static int32_t position[B];

static void tell_state(void) {
    tell(position, sizeof position);
    tell(newest, sizeof newest);
    tell(past, sizeof past);
}

int main(void) {
    ragged_inputs inputs = {.lengths = lengths, .x_1 = &x[0][0][0], .int_ = 3};
    ragged_outputs outputs = {.h = &h[0][0][0]};
    ragged_state state = {
        .t_position = position, .float_carry = &newest[0][0][0], .g_carry = &past[0][0][0]};
    for (int i = 0; i < T * B * H; i++)
        (&x[0][0][0])[i] = number((uint32_t)i);
    size_t bytes = ragged_arena_bytes(T, B);
    void *arena = arena_of(bytes);
    need(sizeof ragged_weights.a_b == sizeof ragged_weights.a_b_2 ? NULL : "two tensors");
    need(sizeof ragged_weights.n1st == sizeof(double[H]) ? NULL : "a tensor of six");
    need(ragged_reset(B, &state));
    need(ragged_sequence(T, B, &ragged_weights, &inputs, &outputs, &state, arena, bytes));
    tell(h, sizeof h);
    tell_state();

    need(ragged_reset(B, &state));
    for (int t = 0; t < T; t++) {
        int32_t now[B];
        for (int b = 0; b < B; b++)
            now[b] = t < lengths[b];
        inputs.lengths = now;
        inputs.x_1 = &x[t][0][0];
        outputs.h = &h[t][0][0];
        need(ragged_step(B, &ragged_weights, &inputs, &outputs, &state, arena, bytes));
    }
    tell(h, sizeof h);
    tell_state();
    free(arena);
    return 0;
}
