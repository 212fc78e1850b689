/* The amplifier that is learned, and what is played to it. */
#ifndef EXAMPLES_CIRCUIT_H
#define EXAMPLES_CIRCUIT_H

#include <stddef.h>
#include <stdint.h>

enum { CIRCUIT_RATE = 48000 }; /* samples a second */

/* Plucked strings, none twice the same: samples from -1 to 1. A seed makes the same ones again. */
void circuit_strings(uint32_t seed, float *sound, size_t count);
/* A knob that somebody turns: 0 to 1 at each sample. */
void circuit_knob(uint32_t seed, float *knob, size_t count);
/* What the amplifier makes of the sound. */
void circuit_play(const float *sound, const float *knob, float *out, size_t count);

#endif
