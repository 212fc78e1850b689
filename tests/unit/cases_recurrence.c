/* Recurrences against PyTorch's values and gradients: lengths and their edges, delays of several
 * steps either way, gradients of gradients, an axis split in two. */
#include <criterion/criterion.h>

#include "tests/support/case.h"

#define RECURRENCE(name, y)                                                                        \
    Test(recurrence, name) {                                                                       \
        cr_assert(case_passes_witnesses(#name, y));                                                \
    }

RECURRENCE(case01_extent_zero, "y")
RECURRENCE(case01_length_zero, "y")
RECURRENCE(case07_double_lstm, NULL)
RECURRENCE(case08_delay_minus1, "h")
RECURRENCE(case08_delay_minus2, "h")
RECURRENCE(case08_delay_plus1, "h")
RECURRENCE(case08_delay_plus2, "h")
RECURRENCE(case08_delay_plus3, "h")
RECURRENCE(case09_split_full, "h")
RECURRENCE(case13_accumulator, NULL)
RECURRENCE(case14_qrnn, "y")
RECURRENCE(case15_legal_both_signs, "u")
RECURRENCE(case15_legal_nested, "u")

/* Stops the gradient between the blocks, which differences do not know. */
Test(recurrence, case09_split_truncated) {
    cr_assert(case_passes("case09_split_truncated", CASE_RUN_TIME));
}

/* The same programs when the graph knows the extents. */
Test(recurrence, fixed_extents) {
    static const char *const names[] = {"case01_length_zero", "case08_delay_minus2",
                                        "case09_split_full", "case15_legal_nested"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert(case_passes(names[i], CASE_FIXED));
}
