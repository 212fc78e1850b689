/* The one door to the heap.
 *
 * The release function is given the size again, so that a table can keep accounts without a header
 * before each block. The default is posix_memalign rather than aligned_alloc: C11 wants the size of
 * the latter rounded up to the alignment, and then a sanitizer no longer sees the true end of the
 * block.
 *
 * Large blocks hold the values of whole sequences, which contractions read with strides of many
 * small pages: they begin where a huge page may, and the system is asked for huge pages. It may
 * refuse, and nothing but speed depends on it. */
#include "core/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { ALLOC_HUGE_PAGE = 2 << 20, ALLOC_LARGE = 2 * ALLOC_HUGE_PAGE };

static void *alloc_heap_allocate(void *user, size_t bytes, size_t alignment) {
    (void)user;
    void *p = NULL;
    if (alignment < sizeof(void *))
        alignment = sizeof(void *);
    if (bytes < ALLOC_LARGE)
        return posix_memalign(&p, alignment, bytes) == 0 ? p : NULL;
    if (posix_memalign(&p, ALLOC_HUGE_PAGE, bytes) != 0)
        return NULL;
    madvise(p, bytes - bytes % ALLOC_HUGE_PAGE, MADV_HUGEPAGE);
    return p;
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
