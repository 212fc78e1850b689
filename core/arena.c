/* A stack of chunks with a bump pointer in the newest.
 *
 * `used` is the exact end of the last block; the next take aligns it up. That keeps "was this the
 * last thing taken?" a comparison of two addresses, which is what lets a growing array stay in
 * place. Chunks double with what the arena holds, up to a bound, so a small graph costs one chunk
 * and a large one few.
 *
 * Traps. Memory comes back dirty after a rewind, so every take zeroes. An array that began before a
 * mark and grew after it ends behind the mark: rewinding cuts it, so grow only what is younger than
 * the mark. Under AddressSanitizer the unused part of every chunk is poisoned and blocks are kept
 * apart by a red zone; else an overrun would land in a neighbour and never be seen. */
#include "core/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/size.h"

#if defined(__SANITIZE_ADDRESS__)
#    define ARENA_POISONS 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define ARENA_POISONS 1
#    endif
#endif

#ifdef ARENA_POISONS
#    include <sanitizer/asan_interface.h>
enum { ARENA_RED_ZONE = 16 };
static void arena_hide(void *at, size_t bytes) {
    __asan_poison_memory_region(at, bytes);
}
static void arena_show(void *at, size_t bytes) {
    __asan_unpoison_memory_region(at, bytes);
}
#else
enum { ARENA_RED_ZONE = 0 };
static void arena_hide(void *at, size_t bytes) {
    (void)at, (void)bytes;
}
static void arena_show(void *at, size_t bytes) {
    (void)at, (void)bytes;
}
#endif

enum {
    ARENA_HEADER = 64, /* before the payload; also the alignment of chunks */
    ARENA_LARGE = 1024,
    ARENA_FIRST_CHUNK = 16 << 10,
    ARENA_LAST_CHUNK = 1 << 20
};

struct arena_chunk {
    arena_chunk *older;
    size_t capacity; /* bytes of payload, which starts ARENA_HEADER bytes after this struct does */
};

_Static_assert(sizeof(arena_chunk) <= ARENA_HEADER, "the header of a chunk has grown");

static char *arena_payload(arena_chunk *chunk) {
    return (char *)chunk + ARENA_HEADER;
}

static size_t arena_alignment(size_t bytes) {
    return bytes >= ARENA_LARGE ? 64 : 16;
}

static void arena_out_of_memory(arena *a) {
    assert(a->escape);
    longjmp(*a->escape, 1);
}

void arena_init(arena *a, const allocator *source, jmp_buf *escape) {
    *a = (arena){.source = source, .escape = escape};
}

static void arena_drop_newest(arena *a) {
    arena_chunk *chunk = a->chunks;
    size_t bytes = ARENA_HEADER + chunk->capacity;
    a->chunks = chunk->older;
    a->total -= bytes;
    arena_show(arena_payload(chunk), chunk->capacity);
    allocator_give(a->source, chunk, bytes);
}

void arena_free(arena *a) {
    while (a->chunks)
        arena_drop_newest(a);
    a->used = a->capacity = 0;
}

/* Opens a chunk whose payload holds at least `bytes`. */
static void arena_add_chunk(arena *a, size_t bytes) {
    size_t whole = a->total;
    if (whole < ARENA_FIRST_CHUNK)
        whole = ARENA_FIRST_CHUNK;
    if (whole > ARENA_LAST_CHUNK)
        whole = ARENA_LAST_CHUNK;
    if (bytes > whole - ARENA_HEADER && !size_add(bytes, ARENA_HEADER, &whole))
        arena_out_of_memory(a);
    arena_chunk *chunk = allocator_take(a->source, whole, ARENA_HEADER);
    if (!chunk)
        arena_out_of_memory(a);
    chunk->older = a->chunks;
    chunk->capacity = whole - ARENA_HEADER;
    arena_hide(arena_payload(chunk), chunk->capacity);
    a->chunks = chunk;
    a->used = 0;
    a->capacity = chunk->capacity;
    a->total += whole;
}

void *arena_take(arena *a, size_t bytes) {
    size_t held = bytes ? bytes : 1, start, end;
    if (!size_add(held, ARENA_RED_ZONE, &held))
        arena_out_of_memory(a);
    if (!a->chunks || !size_align(a->used, arena_alignment(bytes), &start) ||
        !size_add(start, held, &end) || end > a->capacity) {
        arena_add_chunk(a, held);
        start = 0;
        end = held;
    }
    char *at = arena_payload(a->chunks) + start;
    a->used = end;
    arena_show(at, bytes);
    return memset(at, 0, bytes);
}

void *arena_take_array(arena *a, size_t count, size_t size) {
    size_t bytes;
    if (!size_multiply(count, size, &bytes))
        arena_out_of_memory(a);
    return arena_take(a, bytes);
}

/* Can the block at `old` become `bytes` long where it is? */
static bool arena_grows_in_place(const arena *a, const char *old, size_t old_bytes, size_t bytes) {
    if (!a->chunks || old_bytes == 0)
        return false;
    const char *payload = arena_payload(a->chunks);
    if (old + old_bytes + ARENA_RED_ZONE != payload + a->used)
        return false;
    size_t start = (size_t)(old - payload), end;
    if (start % arena_alignment(bytes) != 0)
        return false;
    return size_add(start, bytes, &end) && size_add(end, ARENA_RED_ZONE, &end) &&
           end <= a->capacity;
}

void *arena_grow_array(arena *a, void *old, size_t old_count, size_t new_count, size_t size) {
    assert(new_count >= old_count);
    size_t bytes;
    if (!size_multiply(new_count, size, &bytes))
        arena_out_of_memory(a);
    size_t old_bytes = old ? old_count * size : 0;
    if (old && arena_grows_in_place(a, old, old_bytes, bytes)) {
        a->used += bytes - old_bytes;
        arena_show(old, bytes);
        memset((char *)old + old_bytes, 0, bytes - old_bytes);
        return old;
    }
    void *fresh = arena_take(a, bytes);
    if (old_bytes)
        memcpy(fresh, old, old_bytes);
    return fresh;
}

char *arena_copy_text(arena *a, const char *text) {
    size_t bytes = strlen(text) + 1;
    return memcpy(arena_take(a, bytes), text, bytes);
}

char *arena_print(arena *a, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    char first[256]; /* nearly always enough */
    int length = vsnprintf(first, sizeof first, format, list);
    va_end(list);
    if (length < 0) { /* longer than an int can say */
        va_end(again);
        arena_out_of_memory(a);
    }
    size_t bytes = (size_t)length + 1;
    char *at = arena_take(a, bytes);
    if (bytes <= sizeof first)
        memcpy(at, first, bytes);
    else
        (void)vsnprintf(at, bytes, format, again);
    va_end(again);
    return at;
}

arena_mark arena_here(const arena *a) {
    return (arena_mark){a->chunks, a->used};
}

void arena_rewind(arena *a, arena_mark mark) {
    while (a->chunks != mark.chunk) {
        assert(a->chunks);
        arena_drop_newest(a);
    }
    a->used = mark.used;
    a->capacity = a->chunks ? a->chunks->capacity : 0;
    if (a->chunks)
        arena_hide(arena_payload(a->chunks) + a->used, a->capacity - a->used);
}
