/* Checked arithmetic for sizes: every product of a user's numbers passes here. */
#ifndef EDDY_CORE_SIZE_H
#define EDDY_CORE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* false on overflow, *out is then unchanged. */
static inline bool size_multiply(size_t a, size_t b, size_t *out) {
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}
static inline bool size_add(size_t a, size_t b, size_t *out) {
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}
/* a up to a multiple of `alignment` (a power of two). */
static inline bool size_align(size_t a, size_t alignment, size_t *out) {
    size_t r;
    if (__builtin_add_overflow(a, alignment - 1, &r))
        return false;
    *out = r & ~(alignment - 1);
    return true;
}
static inline bool size_multiply_signed(int64_t a, int64_t b, int64_t *out) {
    int64_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

#endif
