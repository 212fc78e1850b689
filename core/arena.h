/* Arenas: memory of one compilation lives and dies together.
 *
 * Out of memory inside an arena jumps to the `escape` that the API boundary has set (setjmp), which
 * records the error and frees the whole arena. So code between the boundary and here never tests
 * for NULL and never leaks. */
#ifndef EDDY_CORE_ARENA_H
#define EDDY_CORE_ARENA_H

#include <setjmp.h>
#include <stddef.h>

#include "core/alloc.h"

typedef struct arena_chunk arena_chunk;

typedef struct arena {
    const allocator *source;
    arena_chunk *chunks;   /* newest first */
    size_t used, capacity; /* of the newest chunk's payload */
    size_t total;          /* bytes held from the allocator */
    jmp_buf *escape;       /* where to go when memory runs out; must be set before the first take */
} arena;

typedef struct arena_mark {
    arena_chunk *chunk;
    size_t used;
} arena_mark;

/* Makes an empty arena; allocates nothing yet. */
void arena_init(arena *a, const allocator *source, jmp_buf *escape);
void arena_free(arena *a);
/* Zeroed bytes, aligned to 16 (64 for sizes of 1 KiB and more). Never NULL (jumps instead). bytes
 * may be 0. */
void *arena_take(arena *a, size_t bytes);
/* count * size with checked arithmetic; an overflow counts as out of memory. */
void *arena_take_array(arena *a, size_t count, size_t size);
/* A larger zero-extended copy of an array that was taken from this arena (in place when it was the
 * last thing taken). */
void *arena_grow_array(arena *a, void *old, size_t old_count, size_t new_count, size_t size);
char *arena_copy_text(arena *a, const char *text);
char *arena_print(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
arena_mark arena_here(const arena *a);
/* Frees what was taken since the mark. */
void arena_rewind(arena *a, arena_mark mark);

#define arena_new(a, type)          ((type *)arena_take((a), sizeof(type)))
#define arena_array(a, type, count) ((type *)arena_take_array((a), (size_t)(count), sizeof(type)))

#endif
