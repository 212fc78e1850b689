/* What the callers of objects share with the test that made them: the numbers that go in, and how
 * the bytes that come out are told. */
#ifndef CALLERS_NUMBERS_H
#define CALLERS_NUMBERS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* From -1 to 1, any i. */
static inline float number(uint32_t i) {
    i = (i ^ i >> 16) * UINT32_C(0x45d9f3b);
    i = (i ^ i >> 16) * UINT32_C(0x45d9f3b);
    return (float)(int32_t)(i ^ i >> 16 ^ UINT32_C(0x80000000)) * 0x1p-31F;
}

/* Ends the caller with words, if there are any. */
static inline void need(const char *words) {
    if (!words)
        return;
    fprintf(stderr, "%s\n", words);
    exit(1);
}

static inline void tell(const void *from, size_t bytes) {
    need(fwrite(from, 1, bytes, stdout) == bytes ? NULL : "cannot write");
}

static inline void *arena_of(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    need(memory ? NULL : "no memory");
    return memory;
}

#endif
