/* Uniform random numbers after the paper: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3" (SC 2011), Philox4x32 with ten rounds. */
#include "tests/ref/dual_graph.h"

/* One round multiplies words 0 and 2; the halves of the products change places. */
static void philox(const uint32_t key[2], uint32_t word[4]) {
    uint32_t left = key[0], right = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)word[0] * 0xD2511F53u, q = (uint64_t)word[2] * 0xCD9E8D57u;
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ word[1] ^ left, (uint32_t)q,
                            (uint32_t)(p >> 32) ^ word[3] ^ right, (uint32_t)p};
        for (int i = 0; i < 4; i++)
            word[i] = next[i];
        left += 0x9E3779B9u;
        right += 0xBB67AE85u;
    }
}

double ref_random(ref_type type, uint32_t seed, uint64_t stream, const uint32_t *words, int count) {
    uint32_t key[2] = {seed, (uint32_t)stream}, state[4] = {0, 0, 0, 0};
    int first = 0, room = 4, total = count + (stream >> 32 ? 1 : 0);
    /* Four words fill the first counter; three follow the third word of the result in each later
     * one, whose key is the result's first two words. */
    do {
        for (int i = 0; i < room; i++) {
            int word = first + i;
            uint32_t last = word == count && word < total ? (uint32_t)(stream >> 32) : 0;
            state[4 - room + i] = word < count ? words[word] : last;
        }
        philox(key, state);
        first += room;
        if (first >= total)
            break;
        key[0] = state[0], key[1] = state[1];
        state[0] = state[2];
        room = 3;
    } while (true);
    if (type == REF_F32)
        return (double)(state[0] >> 8) / 16777216.0;
    return ((double)(state[0] >> 5) * 67108864.0 + (double)(state[1] >> 6)) / 9007199254740992.0;
}
