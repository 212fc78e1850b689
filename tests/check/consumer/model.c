/* A program with a model that has no library behind it. Its parameters are its own: ones, so that
 * what it prints depends on what it was compiled from. */
#include "mgu.h"
#include <stdalign.h>
#include <stdio.h>

int main(void) {
    alignas(MGU_ALIGNMENT) static char arena[MGU_STEP_ARENA];
    static mgu_parameters parameters;
    static mgu_state state;
    float *weights = &parameters.Wf[0][0];
    float x[3] = {0.25F, 0.5F, 1}, h[4];
    const mgu_inputs inputs = {.x = x};
    mgu_outputs outputs = {.h = h};
    for (size_t i = 0; i < sizeof parameters / sizeof *weights; i++)
        weights[i] = 1;
    const char *wrong = mgu_step(&parameters, &inputs, &outputs, &state, arena, sizeof arena);
    if (wrong || mgu_info.interface != MGU_INTERFACE)
        return puts(wrong ? wrong : "the header is not the object's"), 1;
    return printf("%.3f\n", (double)h[3]) < 0;
}
