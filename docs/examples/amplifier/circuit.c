/* An amplifier of known parts, so that nobody has to own one, and what is played to it.
 *
 *   a capacitor     takes out what is below 80 Hz
 *   a valve         12 times as loud, then limited; one side sooner than the other
 *   the tone knob   a filter that lets pass up to 500 Hz at 0, up to 8 kHz at 1
 *
 * The last two do not commute and the knob moves the second, so no filter with fixed or moving taps
 * does the same: it must bend, and what it bends is heard through a memory that the knob sets.
 *
 * The sound is strings after Karplus and Strong (1983): a delay line as long as a period, which
 * begins with noise and whose neighbours are averaged each time round. */
#include "amplifier/circuit.h"

#include <math.h>
#include <string.h>

enum { STRINGS = 6, LONGEST = 640 /* samples of a period */ };

/* 0 to 1. xorshift, Marsaglia 2003. */
static double circuit_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (double)*state / 4294967296.0;
}

typedef struct string {
    float line[LONGEST];
    size_t period, at;
} string;

static void circuit_pluck(string *s, uint32_t *state) {
    double pitch = 82.4 * exp2(floor(36 * circuit_random(state)) / 12); /* semitones from E */
    double level = 0.6 * pow(0.05, circuit_random(state));
    s->period = (size_t)((double)CIRCUIT_RATE / pitch);
    s->at = 0;
    for (size_t i = 0; i < s->period; i++)
        s->line[i] = (float)(level * (2 * circuit_random(state) - 1));
}

void circuit_strings(uint32_t seed, float *sound, size_t count) {
    uint32_t state = seed;
    string all[STRINGS];
    memset(all, 0, sizeof all);
    for (size_t i = 0, next = 0; i < count; i++) {
        float sum = 0;
        if (i == next) {
            circuit_pluck(&all[(size_t)((double)STRINGS * circuit_random(&state))], &state);
            next += (size_t)((double)CIRCUIT_RATE * (0.05 + 0.3 * circuit_random(&state)));
        }
        for (string *s = all; s < all + STRINGS; s++) {
            if (s->period == 0)
                continue;
            float *here = &s->line[s->at];
            s->at = (s->at + 1) % s->period;
            sum += *here;
            *here = 0.498f * (*here + s->line[s->at]);
        }
        sound[i] = fminf(fmaxf(sum, -1), 1);
    }
}

void circuit_knob(uint32_t seed, float *knob, size_t count) {
    uint32_t state = seed;
    double now = circuit_random(&state), wanted = now;
    for (size_t i = 0, next = 0; i < count; i++) {
        if (i == next) {
            wanted = fmin(fmax(1.5 * circuit_random(&state) - 0.25, 0), 1); /* often at an end */
            next += (size_t)(0.5 * (double)CIRCUIT_RATE * circuit_random(&state)) + 1;
        }
        now += 0.001 * (wanted - now); /* a hand takes 20 ms */
        knob[i] = (float)now;
    }
}

/* The share of the way that a filter of one pole goes in a sample. */
static double circuit_share(double hertz) {
    return 1 - exp(-2 * acos(-1.0) * hertz / (double)CIRCUIT_RATE);
}

void circuit_play(const float *sound, const float *knob, float *out, size_t count) {
    const double coupling = circuit_share(80), rest = 0.4;
    double below = 0, tone = 0;
    for (size_t i = 0; i < count; i++) {
        below += coupling * ((double)sound[i] - below);
        double bent = tanh(12 * ((double)sound[i] - below) + rest) - tanh(rest);
        tone += circuit_share(500 * exp2(4 * (double)knob[i])) * (bent - tone);
        out[i] = (float)(0.5 * tone);
    }
}
