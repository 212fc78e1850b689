/* The allocator table: every byte that the library asks for goes through one, so that a test can
 * fail the n-th request. */
#ifndef EDDY_CORE_ALLOC_H
#define EDDY_CORE_ALLOC_H

#include <stddef.h>

typedef struct allocator {
    /* bytes > 0, alignment a power of two (at most 4096); NULL when there is none. */
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    /* p came from allocate with the same bytes; NULL is ignored. */
    void (*release)(void *user, void *p, size_t bytes);
    void *user;
} allocator;

/* The C library's aligned allocation. */
const allocator *allocator_default(void);
void *allocator_take(const allocator *a, size_t bytes, size_t alignment);
void allocator_give(const allocator *a, void *p, size_t bytes);

#endif
