/* Arenas and vectors: zeroed, aligned, grown in place, rewound, and left by a jump. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "core/alloc.h"
#include "core/arena.h"
#include "core/size.h"
#include "core/vec.h"
#include "tests/support/fault.h"

static size_t differing(const void *at, size_t bytes, unsigned char expected) {
    const unsigned char *p = at;
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += p[i] != expected;
    return count;
}

Test(core_arena, blocks_are_zero_aligned_and_apart) {
    fault_allocator source; /* fills what it gives with 0xA5 */
    fault_allocator_init(&source, FAULT_NEVER, 0);
    arena a;
    jmp_buf escape;
    arena_init(&a, &source.table, &escape);
    cr_assert_eq(a.total, 0);
    enum { COUNT = 400 };
    unsigned char *blocks[COUNT];
    size_t sizes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i * i % 3001;
        blocks[i] = arena_take(&a, sizes[i]);
        cr_assert_eq((uintptr_t)blocks[i] % (sizes[i] >= 1024 ? 64 : 16), 0);
        cr_assert_eq(differing(blocks[i], sizes[i], 0), 0);
        memset(blocks[i], (int)(i % 255 + 1), sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_eq(differing(blocks[i], sizes[i], (unsigned char)(i % 255 + 1)), 0);
    cr_assert_eq(a.total, source.live_bytes);
    arena_free(&a);
    cr_assert_eq(a.total, 0);
    cr_assert_eq(source.live_blocks, 0);
    cr_assert_eq(source.mismatches, 0);
}

Test(core_arena, empty_blocks_differ) {
    arena a;
    jmp_buf escape;
    arena_init(&a, allocator_default(), &escape);
    void *first = arena_take(&a, 0), *second = arena_take(&a, 0);
    cr_assert_not_null(first);
    cr_assert_neq(first, second);
    arena_free(&a);
}

Test(core_arena, a_rewind_frees_and_the_next_take_is_zero) {
    fault_allocator source;
    fault_allocator_init(&source, FAULT_NEVER, 0);
    arena a;
    jmp_buf escape;
    arena_init(&a, &source.table, &escape);
    arena_mark empty = arena_here(&a);
    char *kept = arena_copy_text(&a, "kept");
    arena_mark mark = arena_here(&a);
    size_t total = a.total;
    unsigned char *first = arena_take(&a, 100);
    memset(first, 7, 100);
    memset(arena_take(&a, 1 << 20), 7, 1 << 20);
    cr_assert_gt(a.total, total);
    arena_rewind(&a, mark);
    cr_assert_eq(a.total, total);
    cr_assert_str_eq(kept, "kept");
    unsigned char *again = arena_take(&a, 100);
    cr_assert_eq(again, first);
    cr_assert_eq(differing(again, 100, 0), 0);
    arena_rewind(&a, empty);
    cr_assert_eq(source.live_blocks, 0);
    cr_assert_eq(differing(arena_take(&a, 64), 64, 0), 0);
    arena_free(&a);
    cr_assert_eq(source.live_blocks, 0);
}

Test(core_arena, the_last_array_grows_in_place_others_move) {
    arena a;
    jmp_buf escape;
    arena_init(&a, allocator_default(), &escape);
    int *numbers = arena_array(&a, int, 10);
    for (int i = 0; i < 10; i++)
        numbers[i] = i;
    int *same = arena_grow_array(&a, numbers, 10, 40, sizeof *numbers);
    cr_assert_eq(same, numbers);
    (void)arena_take(&a, 8);
    int *moved = arena_grow_array(&a, same, 40, 100000, sizeof *numbers);
    cr_assert_neq(moved, same);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(moved[i], i);
    cr_assert_eq(differing(moved + 10, (100000 - 10) * sizeof *moved, 0), 0);
    cr_assert_eq(((uintptr_t)moved) % 64, 0);
    cr_assert_not_null(arena_grow_array(&a, NULL, 0, 5, 3));
    arena_free(&a);
}

/* Growing past 1 KiB in place would break the larger alignment when the start has only the small.
 */
Test(core_arena, growth_keeps_the_alignment_of_large_blocks) {
    arena a;
    jmp_buf escape;
    arena_init(&a, allocator_default(), &escape);
    for (int i = 0; i < 4; i++) {
        (void)arena_take(&a, 16);
        char *small = arena_take(&a, 32);
        char *large = arena_grow_array(&a, small, 32, 2048, 1);
        cr_assert_eq((uintptr_t)large % 64, 0);
    }
    arena_free(&a);
}

Test(core_arena, texts) {
    arena a;
    jmp_buf escape;
    arena_init(&a, allocator_default(), &escape);
    cr_assert_str_eq(arena_print(&a, "%s-%d", "node", 42), "node-42");
    cr_assert_str_eq(arena_print(&a, "%s", ""), "");
    for (int width = 250; width < 262; width++) { /* around the size of the first try */
        char *wide = arena_print(&a, "%*d|", width, 5);
        cr_assert_eq(strlen(wide), (size_t)width + 1);
        cr_assert_str_eq(wide + width - 1, "5|");
    }
    arena_free(&a);
}

static void fill(arena *a) {
    VEC(long) numbers = {NULL, 0, 0};
    for (long i = 0; i < 20000; i++)
        vec_push(a, &numbers, i);
    for (long i = 0; i < 20000; i++)
        cr_assert_eq(numbers.at[i], i);
    (void)arena_print(a, "%70000d", 1);
}

/* Fails each allocation in turn; every run ends by the jump with nothing left, the last one whole.
 */
Test(core_arena, out_of_memory_jumps_and_leaks_nothing) {
    volatile size_t jumps = 0;
    volatile bool whole = false;
    for (volatile size_t fail_at = 1; !whole; fail_at++) {
        static fault_allocator source;
        static arena a;
        jmp_buf escape;
        fault_allocator_init(&source, FAULT_FROM, fail_at);
        arena_init(&a, &source.table, &escape);
        if (setjmp(escape) == 0) {
            fill(&a);
            whole = true;
        } else {
            jumps++;
        }
        arena_free(&a);
        cr_assert_eq(source.live_blocks, 0);
        cr_assert_eq(source.mismatches, 0);
        cr_assert_eq(source.failures, whole ? 0 : 1);
        cr_assert_lt(fail_at, 1000);
    }
    cr_assert_gt(jumps, 2);
}

static int escapes(int which) {
    static arena a;
    static jmp_buf escape;
    arena_init(&a, allocator_default(), &escape);
    int jumped = setjmp(escape);
    if (!jumped) {
        char *some = arena_take(&a, 10);
        switch (which) {
        case 0:
            (void)arena_take(&a, SIZE_MAX);
            break;
        case 1:
            (void)arena_take(&a, SIZE_MAX - 64);
            break;
        case 2:
            (void)arena_take_array(&a, SIZE_MAX / 2, 3);
            break;
        case 3:
            (void)arena_grow_array(&a, some, 10, SIZE_MAX / 2, 4);
            break;
        case 4:
            (void)arena_grow_array(&a, some, 10, SIZE_MAX, 1);
            break;
        default:
            break;
        }
    }
    arena_free(&a);
    return jumped;
}

Test(core_arena, sizes_that_overflow_are_out_of_memory) {
    for (int which = 0; which < 5; which++)
        cr_assert_eq(escapes(which), 1, "case %d", which);
    cr_assert_eq(escapes(5), 0);
}

Test(core_vec, push_pop_last_reserve) {
    arena a;
    jmp_buf escape;
    arena_init(&a, allocator_default(), &escape);
    typedef struct pair {
        int first, second;
    } pair;
    VEC(pair) pairs = {NULL, 0, 0};
    for (int i = 0; i < 1000; i++)
        vec_push(&a, &pairs, (pair){i, -i}); /* the comma belongs to the element */
    cr_assert_eq(pairs.count, 1000);
    cr_assert_eq(vec_last(&pairs).second, -999);
    cr_assert_eq(vec_pop(&pairs).first, 999);
    cr_assert_eq(pairs.count, 999);
    vec_reserve(&a, &pairs, (size_t)5000);
    cr_assert_geq(pairs.capacity, 5999);
    pair *before = pairs.at;
    for (int i = 0; i < 5000; i++)
        vec_push(&a, &pairs, (pair){0, 0});
    cr_assert_eq(pairs.at, before);
    cr_assert_eq(pairs.at[998].first, 998);
    arena_free(&a);
}

Test(core_alloc, the_default_honours_every_alignment) {
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        void *p = allocator_take(allocator_default(), 100, alignment);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % alignment, 0);
        memset(p, 1, 100);
        allocator_give(allocator_default(), p, 100);
    }
    allocator_give(allocator_default(), NULL, 1);
}

Test(core_alloc, large_blocks_begin_where_a_huge_page_may) {
    const size_t bytes = 5 * 1000 * 1000, page = (size_t)2 << 20;
    unsigned char *p = allocator_take(allocator_default(), bytes, 64);
    cr_assert_not_null(p);
    cr_assert_eq((uintptr_t)p % page, 0);
    memset(p, 7, bytes);
    cr_assert_eq(differing(p, bytes, 7), 0);
    allocator_give(allocator_default(), p, bytes);
}

Test(core_size, overflow_is_refused_and_changes_nothing) {
    size_t out = 5;
    int64_t number = 5;
    cr_assert_not(size_multiply(SIZE_MAX / 2, 3, &out));
    cr_assert_not(size_add(SIZE_MAX, 1, &out));
    cr_assert_not(size_align(SIZE_MAX - 3, 16, &out));
    cr_assert_not(size_multiply_signed(INT64_MAX, 2, &number));
    cr_assert_eq(out, 5);
    cr_assert_eq(number, 5);
    cr_assert(size_multiply(1u << 20, 3, &out) && out == 3u << 20);
    cr_assert(size_add(2, 3, &out) && out == 5);
    cr_assert(size_align(17, 16, &out) && out == 32);
    cr_assert(size_align(32, 16, &out) && out == 32);
    cr_assert(size_multiply_signed(-4, 6, &number) && number == -24);
}
