/* Doubling keeps pushes cheap on average; the arena decides whether the array has to move. Old
 * copies stay in the arena until it goes, which costs at most as much again as the array itself. */
#include "core/vec.h"

#include <stdint.h>

void *vec_grow(arena *a, void *at, size_t *capacity, size_t need, size_t size) {
    size_t wanted = *capacity > SIZE_MAX / 2 ? SIZE_MAX : *capacity * 2;
    if (wanted < 8)
        wanted = 8;
    if (wanted < need)
        wanted = need;
    void *grown = arena_grow_array(a, at, *capacity, wanted, size);
    *capacity = wanted;
    return grown;
}
