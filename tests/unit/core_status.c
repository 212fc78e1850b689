/* The sticky error: the first report wins, messages are cut cleanly. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"

static const site nowhere = {NULL, 0};

Test(core_status, the_first_error_is_kept) {
    error e;
    error_clear(&e);
    cr_assert_eq(e.code, STATUS_OK);
    cr_assert_str_eq(e.message, "");
    site where = {"cell.c", 12};
    cr_assert_eq(error_set(&e, STATUS_SHAPE, where, "add: [%d] and [%d]", 3, 4), STATUS_SHAPE);
    cr_assert_eq(error_set(&e, STATUS_ILLEGAL, nowhere, "later"), STATUS_SHAPE);
    cr_assert_str_eq(e.message, "cell.c:12: add: [3] and [4]");
    cr_assert_eq(e.where.line, 12);
    error_clear(&e);
    cr_assert_eq(error_set(&e, STATUS_ILLEGAL, nowhere, "now"), STATUS_ILLEGAL);
    cr_assert_str_eq(e.message, "now");
    cr_assert_null(e.where.file);
}

Test(core_status, a_long_message_is_cut_and_terminated) {
    static char much[2 * LIMIT_MESSAGE];
    memset(much, 'x', sizeof much - 1);
    error e;
    error_clear(&e);
    error_set(&e, STATUS_SIZE, nowhere, "%s", much);
    cr_assert_eq(strlen(e.message), LIMIT_MESSAGE - 1);
    error_clear(&e);
    error_set(&e, STATUS_SIZE, (site){much, 1}, "not reached");
    cr_assert_eq(strlen(e.message), LIMIT_MESSAGE - 1);
}

/* Characters of 1 to 4 bytes, the cut at every place inside one. */
Test(core_status, a_cut_leaves_whole_characters) {
    static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8C\x80"};
    static char much[3 * LIMIT_MESSAGE];
    for (size_t width = 1; width <= 4; width++)
        for (size_t shift = 0; shift < width; shift++) {
            memset(much, 'a', shift);
            size_t count = shift;
            for (; count < 2 * LIMIT_MESSAGE; count += width)
                memcpy(much + count, characters[width - 1], width);
            much[count] = 0;
            error e;
            error_clear(&e);
            error_set(&e, STATUS_SIZE, nowhere, "%s", much);
            size_t whole = (LIMIT_MESSAGE - 1 - shift) / width * width + shift;
            cr_assert_eq(strlen(e.message), whole, "width %zu shift %zu", width, shift);
        }
}

/* What fits is never mended, even if it ends in bytes that are no UTF-8. */
Test(core_status, a_message_that_fits_is_untouched) {
    error e;
    error_clear(&e);
    error_set(&e, STATUS_SIZE, nowhere, "odd \xE2");
    cr_assert_str_eq(e.message, "odd \xE2");
}

Test(core_status, every_status_has_a_name_of_its_own) {
    for (int a = 0; a < STATUS_COUNT; a++)
        for (int b = 0; b < a; b++)
            cr_assert_str_neq(status_name((status)a), status_name((status)b));
    cr_assert_str_eq(status_name(STATUS_OUT_OF_MEMORY), "out of memory");
    cr_assert_str_eq(status_name(STATUS_COUNT), "unknown status");
}
