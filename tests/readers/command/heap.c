/* A mistake ends the process of the command, and all of its memory goes with it. A reader that
 * comes back from millions of mistakes has to give back what each of them leaves: params, cells,
 * arenas, json.
 *
 * So the default allocator, which is wrapped by the linker, and that of jansson note the addresses
 * of what is asked for while a reader reads. The blocks themselves are those of malloc, with
 * nothing before them, and the notes are gone before a sanitizer looks for leaks. */
#include "tests/readers/command/heap.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/alloc.h"

static struct {
    void **at;
    size_t count, capacity;
    bool on;
} noted;

static void *note(void *p) {
    if (!p || !noted.on)
        return p;
    if (noted.count == noted.capacity) {
        noted.capacity = noted.capacity ? 2 * noted.capacity : 64;
        noted.at = realloc(noted.at, noted.capacity * sizeof *noted.at);
        if (!noted.at)
            abort();
    }
    noted.at[noted.count++] = p;
    return p;
}

/* What was asked for last is mostly given back first. */
static void give(void *p) {
    for (size_t i = noted.count; p && i-- > 0;)
        if (noted.at[i] == p) {
            noted.at[i] = noted.at[--noted.count];
            break;
        }
    free(p);
}

static void *take(size_t bytes) {
    return note(malloc(bytes));
}

static void *allocate(void *user, size_t bytes, size_t alignment) {
    void *p = NULL;
    (void)user;
    if (alignment < sizeof(void *))
        alignment = sizeof(void *);
    return posix_memalign(&p, alignment, bytes) == 0 ? note(p) : NULL;
}

static void release(void *user, void *p, size_t bytes) {
    (void)user;
    (void)bytes;
    give(p);
}

/* In the place of allocator_default. */
const allocator *__wrap_allocator_default(void);
const allocator *__wrap_allocator_default(void) {
    static const allocator heap = {allocate, release, NULL};
    return &heap;
}

void heap_begin(void) {
    json_set_alloc_funcs(take, give);
    noted.on = true;
}

void heap_end(bool failed) {
    noted.on = false;
    while (failed && noted.count > 0)
        give(noted.at[noted.count - 1]);
    free(noted.at);
    noted.at = NULL;
    noted.count = noted.capacity = 0;
}
