/* Names: element types, interned keys, environment variables. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/dtype.h"
#include "core/env.h"
#include "core/intern.h"
#include "tests/support/fault.h"

Test(core_dtype, names_and_sizes) {
    static const size_t sizes[] = {4, 8, 4, 1};
    static const char *const names[] = {"f32", "f64", "i32", "bool"};
    for (int t = 0; t < DTYPE_COUNT; t++) {
        cr_assert_eq(dtype_size((dtype)t), sizes[t]);
        cr_assert_str_eq(dtype_name((dtype)t), names[t]);
        cr_assert_eq(dtype_from_name(names[t]), (dtype)t);
        cr_assert_eq(dtype_is_float((dtype)t), t == DTYPE_F32 || t == DTYPE_F64);
    }
    cr_assert_eq(dtype_from_name("f16"), DTYPE_COUNT);
    cr_assert_eq(dtype_from_name(""), DTYPE_COUNT);
}

Test(core_intern, equal_bytes_are_one_pointer) {
    arena a;
    jmp_buf escape;
    intern names;
    arena_init(&a, allocator_default(), &escape);
    intern_init(&names, &a);
    char copy[] = "hidden";
    const char *hidden = intern_text(&names, "hidden");
    cr_assert_str_eq(hidden, "hidden");
    cr_assert_eq(intern_text(&names, copy), hidden);
    copy[0] = 'H';
    cr_assert_str_eq(hidden, "hidden");
    cr_assert_neq(intern_text(&names, copy), hidden);
    const char *binary = intern_bytes(&names, "a\0b", 3);
    cr_assert_eq(intern_bytes(&names, "a\0b", 3), binary);
    cr_assert_neq(intern_bytes(&names, "a\0c", 3), binary);
    cr_assert_neq(intern_bytes(&names, "a", 1), binary);
    cr_assert_eq(binary[3], 0);
    const char *empty = intern_bytes(&names, NULL, 0);
    cr_assert_str_eq(empty, "");
    cr_assert_eq(intern_text(&names, ""), empty);
    arena_free(&a);
}

Test(core_intern, slots_stay_where_they_are_when_the_table_grows) {
    fault_allocator source;
    fault_allocator_init(&source, FAULT_NEVER, 0);
    arena a;
    jmp_buf escape;
    intern table;
    arena_init(&a, &source.table, &escape);
    intern_init(&table, &a);
    enum { COUNT = 5000 };
    static void **slots[COUNT];
    static int values[COUNT];
    for (int i = 0; i < COUNT; i++) {
        slots[i] = intern_slot(&table, &i, sizeof i);
        cr_assert_null(*slots[i]);
        *slots[i] = &values[i];
    }
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(intern_slot(&table, &i, sizeof i), slots[i]);
        cr_assert_eq(*slots[i], &values[i]);
    }
    arena_free(&a);
    cr_assert_eq(source.live_blocks, 0);
}

Test(core_env, texts_letters_numbers) {
    unsetenv("EDDY_PROBE");
    cr_assert_null(env_text("PROBE"));
    cr_assert_not(env_has_letter("PROBE", 'a'));
    cr_assert_eq(env_number("PROBE", 7), 7);
    setenv("EDDY_PROBE", "", 1);
    cr_assert_null(env_text("PROBE"));
    setenv("EDDY_PROBE", "fg", 1);
    cr_assert_str_eq(env_text("PROBE"), "fg");
    cr_assert(env_has_letter("PROBE", 'g'));
    cr_assert_not(env_has_letter("PROBE", 'x'));
    cr_assert_not(env_has_letter("PROBE", 0));
    cr_assert_eq(env_number("PROBE", 7), 7);
    setenv("EDDY_PROBE", "all", 1);
    cr_assert(env_has_letter("PROBE", 'x'));
    setenv("EDDY_PROBE", "-12", 1);
    cr_assert_eq(env_number("PROBE", 7), -12);
    static const char *const wrong[] = {"12x", "99999999999", "99999999999999999999", " "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("EDDY_PROBE", wrong[i], 1);
        cr_assert_eq(env_number("PROBE", 7), 7, "%s", wrong[i]);
    }
}
