/* Memory that faults when it is overrun (EDDY_GUARD=1), and marks for the address sanitizer. */
#ifndef EDDY_JIT_GUARD_H
#define EDDY_JIT_GUARD_H

#include <stddef.h>

/* Fresh zeroed pages; NULL when there are none. bytes is a multiple of PLAN_PAGE. */
void *guard_take(size_t bytes);
/* Any access to the page at `page` faults from now on. */
void guard_fence(void *page);
/* p, bytes as they were taken; NULL is ignored. */
void guard_give(void *p, size_t bytes);
/* Where the library is built with the address sanitizer: any access is reported from now on, or no
 * longer. Does nothing elsewhere. */
void guard_forbid(const void *p, size_t bytes);
void guard_allow(const void *p, size_t bytes);

#endif
