/* Counter-based random numbers.
 *
 * Number i of a stream is a function of (seed, stream, i) and of nothing else: no state, so the
 * values do not depend on the order or the number of threads that ask. The layout is fixed for
 * ever, for saved models depend on it: key = (seed low, seed high), counter = (i low, i high,
 * stream low, stream high). A double takes the upper 53 bits of word 1 : word 0; the normal takes
 * its second uniform from word 3 : word 2. Box-Muller's logarithm gets (0, 1], never 0. */
#include "core/rng.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/hash.h"

void rng_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t even = (uint64_t)0xD2511F53u * c0, odd = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(odd >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(even >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)odd;
        c3 = (uint32_t)even;
        k0 += 0x9E3779B9u; /* the golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static void rng_words(uint64_t seed, uint64_t stream, uint64_t i, uint32_t out[4]) {
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)stream,
                           (uint32_t)(stream >> 32)};
    rng_philox(key, counter, out);
}

static uint64_t rng_53_bits(uint32_t low, uint32_t high) {
    return ((uint64_t)high << 32 | low) >> 11;
}

double rng_uniform(uint64_t seed, uint64_t stream, uint64_t i) {
    uint32_t word[4];
    rng_words(seed, stream, i, word);
    return (double)rng_53_bits(word[0], word[1]) * 0x1p-53;
}

double rng_normal(uint64_t seed, uint64_t stream, uint64_t i) {
    uint32_t word[4];
    rng_words(seed, stream, i, word);
    double radius = sqrt(-2.0 * log((double)(rng_53_bits(word[0], word[1]) + 1) * 0x1p-53));
    double angle = 6.283185307179586 * ((double)rng_53_bits(word[2], word[3]) * 0x1p-53);
    return radius * cos(angle);
}

uint64_t rng_stream_of(const char *name) {
    return hash_bytes(name, strlen(name));
}
