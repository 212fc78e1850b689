/* Fences between the buffers of a run's arena.
 *
 * In a build without sanitizers, pages that may not be touched stand around each buffer, and a
 * buffer ends where its last page does. Pages come from the system, not from the allocator:
 * protecting part of somebody's heap would be worse than the bug. With the address sanitizer,
 * compiled code is instrumented, and what lies between buffers is marked, to the byte. */
#include "jit/guard.h"

#include <assert.h>
#include <sys/mman.h>

#include "jit/plan.h"

#if SANITIZE_POISONS
#    include <sanitizer/asan_interface.h>
#endif

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

void guard_forbid(const void *p, size_t bytes) {
#if SANITIZE_POISONS
    __asan_poison_memory_region(p, bytes);
#endif
    (void)p;
    (void)bytes;
}

void guard_allow(const void *p, size_t bytes) {
#if SANITIZE_POISONS
    __asan_unpoison_memory_region(p, bytes);
#endif
    (void)p;
    (void)bytes;
}
