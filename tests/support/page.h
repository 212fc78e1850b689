/* Files of the repository that are written from tables of the library. */
#ifndef EDDY_TESTS_SUPPORT_PAGE_H
#define EDDY_TESTS_SUPPORT_PAGE_H

#include "core/text.h"

/* Is the file what `page` holds? NULL, or what is wrong with it. EDDY_UPDATE=1 writes it first.
 * memory: of the page. */
const char *page_check(const char *path, const text *page, arena *memory);

#endif
