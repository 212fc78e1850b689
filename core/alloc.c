/* The one door to the heap.
 *
 * The release function is given the size again, so that a table can keep accounts without a header
 * before each block. The default is posix_memalign rather than aligned_alloc: C11 wants the size of
 * the latter rounded up to the alignment, and then a sanitizer no longer sees the true end of the
 * block. */
#define _POSIX_C_SOURCE 200809L
#include "core/alloc.h"

#include <assert.h>
#include <stdlib.h>

static void *alloc_heap_allocate(void *user, size_t bytes, size_t alignment) {
    (void)user;
    void *p = NULL;
    if (alignment < sizeof(void *))
        alignment = sizeof(void *);
    return posix_memalign(&p, alignment, bytes) == 0 ? p : NULL;
}

static void alloc_heap_release(void *user, void *p, size_t bytes) {
    (void)user;
    (void)bytes;
    free(p);
}

const allocator *allocator_default(void) {
    static const allocator heap = {alloc_heap_allocate, alloc_heap_release, NULL};
    return &heap;
}

void *allocator_take(const allocator *a, size_t bytes, size_t alignment) {
    assert(bytes > 0);
    assert(alignment > 0 && alignment <= 4096 && (alignment & (alignment - 1)) == 0);
    return a->allocate(a->user, bytes, alignment);
}

void allocator_give(const allocator *a, void *p, size_t bytes) {
    if (p)
        a->release(a->user, p, bytes);
}
