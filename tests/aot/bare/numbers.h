/* What callers/numbers.h says, for programs that have no C library (start.c). */
#ifndef BARE_NUMBERS_H
#define BARE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

/* From -1 to 1, any i: the numbers of callers/numbers.h. */
static inline float number(uint32_t i) {
    i = (i ^ i >> 16) * UINT32_C(0x45d9f3b);
    i = (i ^ i >> 16) * UINT32_C(0x45d9f3b);
    return (float)(int32_t)(i ^ i >> 16 ^ UINT32_C(0x80000000)) * 0x1p-31F;
}

void need(const char *words);
void tell(const void *from, size_t bytes);
/* Memory for one at a time. */
void *arena_of(size_t bytes);
static inline void free(void *memory) {
    (void)memory;
}

#endif
