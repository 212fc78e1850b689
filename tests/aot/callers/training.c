/* Training with what the object has: gradients through time, clipping and the optimiser's update
 * are the program, so a call is a step of training. What the cell remembers goes on from call to
 * call, so this is truncated backpropagation. */
#include "training.h"

#include "numbers.h"

enum { T = 8, B = 4, D = 3, H = 16, ROUNDS = 12 };

static float x[T][B][D], y[T][B][1], h[B][H], c[B][H];
static training_parameters parameters;

int main(void) {
    training_inputs inputs = {
        .x = &x[0][0][0], .y = &y[0][0][0], .learning_rate = 0.01F, .seed = 0};
    training_outputs outputs;
    training_state state = {.cell_h_carry = &h[0][0], .cell_c_carry = &c[0][0]};
    for (int i = 0; i < T * B * D; i++)
        (&x[0][0][0])[i] = number((uint32_t)i);
    for (int i = 0; i < T * B; i++)
        (&y[0][0][0])[i] = number((uint32_t)(1000 + i));
    size_t bytes = training_arena_bytes(T, B);
    void *arena = arena_of(bytes);
    parameters = training_weights;
    need(training_reset(B, &state));
    for (int round = 0; round < ROUNDS; round++) {
        inputs.seed = round;
        need(training_sequence(T, B, &parameters, &inputs, &outputs, &state, arena, bytes));
        tell(&outputs.loss, sizeof outputs.loss);
        tell(&outputs.norm, sizeof outputs.norm);
    }
    tell(&parameters, sizeof parameters);
    free(arena);
    return 0;
}
