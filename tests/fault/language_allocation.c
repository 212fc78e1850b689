/* Every request for memory fails once, and then from then on, while a text is read and a cell of it
 * is used: what failed says so, and nothing is left behind. */
#include <criterion/criterion.h>
#include <string.h>

#include "frontends/eddy.h"
#include "tests/support/fault.h"

static const char text_of[] =
    "cell inner(x[D]) -> y {\n"
    "    y = x^2\n"
    "    adjoint x = 2*dy*x\n"
    "}\n"
    "cell outer(x[D]) -> h {\n"
    "    state h[H], z[H] : complex\n"
    "    param W{i, n}[H, D], U{i, n}[H, H]\n"
    "    i, n = sigmoid(W@x + U@h)\n"
    "    for k in 1..2, s = n {\n"
    "        s' = inner(s)*i + h[t-2]\n"
    "    }\n"
    "    z' = 0.5*z + s\n"
    "    h' = re(z') + wrong\n"
    "}\n";

static fault_allocator memory;

static eddy_options options_of(eddy_allocator *table) {
    *table = (eddy_allocator){memory.table.allocate, memory.table.release, memory.table.user};
    return (eddy_options){.allocator = table};
}

/* Reads the text, with its mistake or without, and uses the cell. */
static eddy_status live(bool wrong) {
    char copy[sizeof text_of];
    eddy_allocator table;
    eddy_options options = options_of(&table);
    memcpy(copy, text_of, sizeof copy);
    if (!wrong)
        memset(strstr(copy, " + wrong"), ' ', 8);
    eddy_cells *cells = NULL;
    eddy_status found = eddy_cells_read(&options, "cells", copy, sizeof copy - 1, &cells);
    if (found == EDDY_OUT_OF_MEMORY) {
        cr_assert_null(cells);
        return found;
    }
    cr_assert_eq(found, wrong ? EDDY_BAD_FORMAT : EDDY_OK, "%s", eddy_cells_report(cells));
    if (!wrong) {
        eddy_model *m = eddy_model_new(&options);
        eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
        eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
        eddy_value h =
            eddy_use(m, cells, "outer", "cell", t, NULL, EDDY_WITH("x", x), EDDY_SIZE("H", 4));
        found = eddy_model_status(m);
        cr_assert_eq(h != NULL, found == EDDY_OK, "%s", eddy_model_message(m));
        eddy_model_free(m);
    }
    eddy_cells_free(cells);
    return found;
}

static void sweep(fault_mode mode, bool wrong) {
    fault_allocator_init(&memory, FAULT_NEVER, 0);
    eddy_status whole = live(wrong);
    cr_assert_eq(whole, wrong ? EDDY_BAD_FORMAT : EDDY_OK);
    size_t calls = atomic_load(&memory.calls);
    cr_assert_geq(calls, 3);
    for (size_t n = 1; n <= calls; n++) {
        fault_allocator_init(&memory, mode, n);
        eddy_status found = live(wrong);
        cr_expect(found == EDDY_OUT_OF_MEMORY, "call %zu of %zu: status %d", n, calls, found);
        cr_expect_eq(atomic_load(&memory.live_blocks), 0, "call %zu of %zu leaks", n, calls);
    }
}

Test(language_allocation, once) {
    sweep(FAULT_ONCE, false);
    sweep(FAULT_ONCE, true);
}

Test(language_allocation, from_then_on) {
    sweep(FAULT_FROM, false);
    sweep(FAULT_FROM, true);
}
