/* Sound to learn from, and a judge of what was learned. amplifier.sh says how they go together.
 *
 *   amplifier table SECONDS OUT.npy              rows of sound, knob, what the amplifier plays
 *   amplifier sound SECONDS KNOB IN.wav OUT.wav  other sound, and what the amplifier plays
 *   amplifier judge IN.wav OUT.wav SAID.wav      how close is what was said to OUT?
 *
 * The last prints three ratios of the error's energy to the signal's: of what was said, of the best
 * linear filter, and of the input at its best level. The filter knows the answers, and has one for
 * each place of the knob; whatever beats it has learned to bend. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amplifier/circuit.h"
#include "amplifier/linear.h"
#include "amplifier/wav.h"

static _Noreturn void amplifier_fail(const char *what) {
    fprintf(stderr, "amplifier: %s\n", what);
    exit(EXIT_FAILURE);
}

static float *amplifier_floats(size_t count) {
    float *floats = calloc(count + 1, sizeof *floats);
    if (!floats)
        amplifier_fail("out of memory");
    return floats;
}

static size_t amplifier_samples(const char *seconds) {
    double count = strtod(seconds, NULL) * (double)CIRCUIT_RATE;
    if (!(count >= 1 && count <= 1e9))
        amplifier_fail("SECONDS is a number, more than 0 and at most 20000");
    return (size_t)count;
}

/* A table [count][3] of f32: 128 bytes of a header, then the numbers, as they lie in memory. */
static void amplifier_write_npy(const char *path, size_t count, float *const columns[3]) {
    char header[128];
    FILE *file = fopen(path, "wb");
    int length = snprintf(header, sizeof header,
                          "\x93NUMPY\x01%c\x76%c{'descr': '<f4', 'fortran_order': False, "
                          "'shape': (%zu, 3), }",
                          0, 0, count);
    if (!file)
        amplifier_fail("the table cannot be opened");
    memset(header + length, ' ', sizeof header - (size_t)length);
    header[sizeof header - 1] = '\n';
    fwrite(header, 1, sizeof header, file);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 3; k++)
            fwrite(&columns[k][i], sizeof(float), 1, file);
    if (fclose(file) != 0)
        amplifier_fail("the table cannot be written");
}

static void amplifier_table(char **words) {
    size_t count = amplifier_samples(words[0]);
    float *sound = amplifier_floats(count), *knob = amplifier_floats(count),
          *out = amplifier_floats(count);
    circuit_strings(1, sound, count);
    circuit_knob(2, knob, count);
    circuit_play(sound, knob, out, count);
    amplifier_write_npy(words[1], count, (float *const[]){sound, knob, out});
    free(sound);
    free(knob);
    free(out);
}

static void amplifier_write(const char *path, bool real, float *samples, size_t count) {
    wav w = {.real = real, .rate = CIRCUIT_RATE, .count = count, .samples = samples};
    if (!wav_write(path, &w))
        amplifier_fail(w.problem);
}

static void amplifier_sound(char **words) {
    size_t count = amplifier_samples(words[0]);
    float place = strtof(words[1], NULL);
    float *sound = amplifier_floats(count), *knob = amplifier_floats(count),
          *out = amplifier_floats(count);
    circuit_strings(3, sound, count);
    for (size_t i = 0; i < count; i++)
        knob[i] = place;
    circuit_play(sound, knob, out, count);
    amplifier_write(words[2], false, sound, count);
    amplifier_write(words[3], true, out, count);
    free(sound);
    free(knob);
    free(out);
}

static void amplifier_judge(char **words) {
    wav all[3];
    double error = 0, squares = 0;
    for (int i = 0; i < 3; i++)
        if (!wav_read(words[i], CIRCUIT_RATE, &all[i]))
            amplifier_fail(all[i].problem);
    size_t count = all[0].count;
    if (all[1].count != count || all[2].count != count)
        amplifier_fail("the sounds are not equally long");
    const float *in = all[0].samples, *out = all[1].samples, *said = all[2].samples;
    for (size_t i = 0; i < count; i++) {
        double away = (double)said[i] - (double)out[i];
        error += away * away;
        squares += (double)out[i] * (double)out[i];
    }
    if (squares == 0)
        amplifier_fail("the amplifier is silent: there is no ratio");
    printf("error to signal %.4f, of the best linear filter %.4f, of the input %.4f\n",
           error / squares, linear_error(in, out, count, LINEAR_TAPS),
           linear_error(in, out, count, 1));
    for (int i = 0; i < 3; i++)
        free(all[i].samples);
}

int main(int count, char **words) {
    if (count == 4 && strcmp(words[1], "table") == 0)
        amplifier_table(words + 2);
    else if (count == 6 && strcmp(words[1], "sound") == 0)
        amplifier_sound(words + 2);
    else if (count == 5 && strcmp(words[1], "judge") == 0)
        amplifier_judge(words + 2);
    else
        amplifier_fail(
            "table SECONDS OUT.npy, sound SECONDS KNOB IN.wav OUT.wav, or judge IN.wav "
            "OUT.wav SAID.wav");
    return EXIT_SUCCESS;
}
