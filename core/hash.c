/* FNV-1a (Fowler, Noll and Vo). It is five lines in any language, so whoever reads a checksum that
 * we wrote can compute it. */
#include "core/hash.h"

uint64_t hash_bytes(const void *at, size_t bytes) {
    const unsigned char *byte = at;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}
