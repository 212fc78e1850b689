/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): random numbers as a pure function of (key,
 * counter). */
#ifndef EDDY_CORE_RNG_H
#define EDDY_CORE_RNG_H

#include <stdint.h>

/* Ten rounds; out[0..4). The same function as the body of the `random` op. */
void rng_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);
/* Uniform in [0, 1) with 53 bits, standard normal (Box-Muller): number i of the stream (seed,
 * stream). */
double rng_uniform(uint64_t seed, uint64_t stream, uint64_t i);
double rng_normal(uint64_t seed, uint64_t stream, uint64_t i);
/* FNV-1a of a name: the stream of a parameter, so that its initial value depends on seed and name
 * alone. */
uint64_t rng_stream_of(const char *name);

#endif
