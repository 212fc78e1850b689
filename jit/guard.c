/* Fences between the buffers of a run's arena.
 *
 * Compiled code is out of reach of the sanitizers, so pages that may not be touched stand around
 * each buffer instead, and a buffer ends where its last page does. Pages come from the system, not
 * from the allocator: protecting part of somebody's heap would be worse than the bug. */
#include "jit/guard.h"

#include <assert.h>
#include <sys/mman.h>

#include "jit/plan.h"

void *guard_take(size_t bytes) {
    assert(bytes % PLAN_PAGE == 0);
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void guard_fence(void *page) {
    int failed = mprotect(page, PLAN_PAGE, PROT_NONE);
    assert(!failed);
    (void)failed;
}

void guard_give(void *p, size_t bytes) {
    if (p)
        munmap(p, bytes);
}
