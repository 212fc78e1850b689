/* What a table says is compared with the file that was written from it, byte by byte. */
#include "tests/support/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *page_check(const char *path, const text *page, arena *memory) {
    const char *update = getenv("EDDY_UPDATE");
    if (update && update[0] == '1') {
        FILE *file = fopen(path, "wb");
        if (!file)
            return "cannot be written";
        fwrite(page->at, 1, page->count, file);
        fclose(file);
    }
    FILE *file = fopen(path, "rb");
    if (!file)
        return "is missing: run ./run docs";
    char *have = arena_take(memory, page->count + 2);
    size_t count = fread(have, 1, page->count + 1, file);
    fclose(file);
    bool same = count == page->count && memcmp(have, page->at, count) == 0;
    return same ? NULL : "is stale: run ./run docs";
}
