/* play KNOB IN.wav OUT.wav: the learned amplifier as a device runs it, 64 samples at a time. All
 * that it has of Eddy is amp.o and amp.h, which `eddy compile` wrote. */
#include <amp.h>
#include <stdio.h>
#include <stdlib.h>

#include "amplifier/pace.h"
#include "amplifier/wav.h"

enum { BLOCK = 64, RATE = 48000 };

int main(int count, char **words) {
    wav sound = {.problem = "usage: play KNOB IN.wav OUT.wav"};
    if (count != 4 || !wav_read(words[2], RATE, &sound))
        return fprintf(stderr, "play: %s\n", sound.problem), 1;
    const float knob = strtof(words[1], NULL);
    const size_t blocks = (sound.count + BLOCK - 1) / BLOCK, bytes = amp_arena_bytes(BLOCK);
    void *arena = aligned_alloc(AMP_ALIGNMENT, bytes);
    pace times;
    const char *wrong = arena && pace_begin(&times, blocks) ? NULL : "out of memory";
    amp_state state;
    amp_reset(&state);
    for (size_t start = 0; start < sound.count && !wrong; start += BLOCK) {
        float *y = sound.samples + start, x[BLOCK][2];
        const size_t left = sound.count - start, length = left < BLOCK ? left : BLOCK;
        const amp_inputs in = {.x = x[0]};
        amp_outputs out = {.y = y};
        pace_start(&times);
        for (size_t i = 0; i < length; i++)
            x[i][0] = y[i], x[i][1] = knob;
        wrong = amp_sequence((int64_t)length, &amp_weights, &in, &out, &state, arena, bytes);
        pace_stop(&times);
    }
    if (!wrong && !wav_write(words[3], &sound))
        wrong = sound.problem;
    if (wrong)
        return fprintf(stderr, "play: %s\n", wrong), 1;
    pace_end(&times, (double)sound.count / RATE);
    return free(arena), free(sound.samples), 0;
}
