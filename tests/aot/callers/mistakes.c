/* What an object refuses, in words; and extents of 0, which it does not. */
#include <string.h>

#include "numbers.h"
#include "ragged.h"

enum { T = 7, B = 3, H = 6 };

static int32_t lengths[B] = {7, 4, 0}, position[B];
static double x[T][B][H], h[T][B][H], newest[B][1][H], past[B][3][H];
static ragged_inputs inputs = {.lengths = lengths, .x_1 = &x[0][0][0], .int_ = 3};
static ragged_outputs outputs = {.h = &h[0][0][0]};
static ragged_state state = {
    .t_position = position, .float_carry = &newest[0][0][0], .g_carry = &past[0][0][0]};
static char *arena;
static size_t bytes;

static const char *call(int64_t t, int64_t b) {
    return ragged_sequence(t, b, &ragged_weights, &inputs, &outputs, &state, arena, bytes);
}

static void expect(const char *words, const char *expected) {
    if (words && strcmp(words, expected) == 0)
        return;
    fprintf(stderr, "\"%s\" and not \"%s\"\n", words ? words : "", expected);
    exit(1);
}

int main(void) {
    bytes = ragged_arena_bytes(T, B);
    arena = arena_of(bytes);
    need(ragged_reset(B, &state));
    need(call(T, B));

    expect(call(-1, B), "t is not between 0 and 2147483647");
    expect(call(INT64_C(1) << 31, B), "t is not between 0 and 2147483647");
    expect(call(T, -1), "b is not between 0 and 2147483647");
    expect(call(T, B + 1), "arena_bytes is less than ragged_arena_bytes asks for");
    expect(call(INT32_MAX, INT32_MAX),
           "with these extents the program needs more memory than can be addressed");
    need(ragged_arena_bytes(INT32_MAX, INT32_MAX) == SIZE_MAX ? NULL : "a size that is none");
    need(ragged_arena_bytes(-1, B) == SIZE_MAX ? NULL : "a size of nothing");
    bytes--;
    expect(call(T, B), "arena_bytes is less than ragged_arena_bytes asks for");
    bytes++;
    arena += 4;
    expect(call(T, B), "arena is not aligned to 64 bytes");
    arena -= 4;
    char *kept = arena;
    arena = NULL;
    expect(call(T, B), "arena is NULL");
    arena = kept;
    lengths[1] = T + 1;
    expect(call(T, B), "a length in lengths is not between 0 and the extent of t");
    lengths[1] = -1;
    expect(call(T, B), "a length in lengths is not between 0 and the extent of t");
    lengths[1] = 4;
    inputs.x_1 = NULL;
    expect(call(T, B), "inputs->x_1 is NULL");
    inputs.x_1 = &x[0][0][0];
    outputs.h = NULL;
    expect(call(T, B), "outputs->h is NULL");
    outputs.h = &h[0][0][0];
    state.g_carry = NULL;
    expect(call(T, B), "state->g_carry is NULL");
    expect(ragged_reset(B, &state), "state->g_carry is NULL");
    state.g_carry = &past[0][0][0];
    expect(ragged_reset(-5, &state), "b is not between 0 and 2147483647");
    expect(ragged_reset(B, NULL), "state is NULL");
    expect(ragged_sequence(T, B, NULL, &inputs, &outputs, &state, arena, bytes),
           "parameters is NULL");
    expect(ragged_step(B, &ragged_weights, NULL, &outputs, &state, arena, bytes), "inputs is NULL");

    /* Nothing of the caller's is touched by what is refused. */
    for (int b = 0; b < B; b++)
        need(position[b] == lengths[b] ? NULL : "a refused call has moved a stream");

    /* No steps leave the streams alone; no samples need no memory. */
    inputs.x_1 = NULL;
    outputs.h = NULL;
    int32_t none[B] = {0};
    inputs.lengths = none;
    need(call(0, B));
    for (int b = 0; b < B; b++)
        need(position[b] == lengths[b] ? NULL : "no step has moved a stream");
    ragged_state nobody = {.t_position = NULL};
    inputs.lengths = NULL;
    need(ragged_reset(0, &nobody));
    need(ragged_sequence(T, 0, &ragged_weights, &inputs, &outputs, &nobody, arena, bytes));
    need(ragged_sequence(0, 0, &ragged_weights, &inputs, &outputs, &nobody, arena, bytes));
    free(arena);
    return 0;
}
