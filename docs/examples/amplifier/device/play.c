/* play KNOB IN.wav OUT.wav: the learned amplifier as a device runs it, 64 samples at a time. All
 * that it has of Eddy is amp.o and amp.h, which `eddy compile` wrote. */
#include <amp.h>
#include <stdio.h>
#include <stdlib.h>

#include "amplifier/pace.h"
#include "amplifier/wav.h"
#include "common/wall_clock.h"

enum { BLOCK = 64, RATE = 48000 };

int main(int count, char **words) {
    wav sound = {.problem = "usage: play KNOB IN.wav OUT.wav"};
    if (count != 4 || !wav_read(words[2], &sound))
        return fprintf(stderr, "play: %s\n", sound.problem), 1;
    if (sound.rate != RATE || sound.count == 0)
        return fprintf(stderr, "play: %s is not some sound at %d Hz\n", words[2], RATE), 1;
    const size_t blocks = (sound.count + BLOCK - 1) / BLOCK, bytes = amp_arena_bytes(BLOCK);
    void *arena = aligned_alloc(AMP_ALIGNMENT, bytes);
    double *seconds = calloc(blocks, sizeof *seconds);
    const float knob = strtof(words[1], NULL);
    if (!arena || !seconds)
        return fputs("play: out of memory\n", stderr), 1;
    amp_state state;
    amp_reset(&state);
    for (size_t k = 0; k < blocks; k++) {
        float *at = sound.samples + k * BLOCK, x[BLOCK][2];
        const size_t left = sound.count - k * BLOCK, length = left < BLOCK ? left : BLOCK;
        const amp_inputs in = {.x = x[0]};
        amp_outputs out = {.y = at};
        const double start = wall_clock_seconds();
        for (size_t i = 0; i < length; i++)
            x[i][0] = at[i], x[i][1] = knob;
        const char *wrong =
            amp_sequence((int64_t)length, &amp_weights, &in, &out, &state, arena, bytes);
        if (wrong)
            return fprintf(stderr, "play: %s\n", wrong), 1;
        seconds[k] = wall_clock_seconds() - start;
    }
    pace_print(seconds, blocks, (double)sound.count / (double)RATE);
    if (!wav_write(words[3], &sound))
        return fprintf(stderr, "play: %s\n", sound.problem), 1;
    free(sound.samples);
    free(seconds);
    free(arena);
    return 0;
}
