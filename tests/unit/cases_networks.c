/* Networks of cells and programs of several axes against PyTorch's values and gradients. */
#include <criterion/criterion.h>

#include "tests/support/case.h"

#define NETWORK(name, y)                                                                           \
    Test(network, name) {                                                                          \
        cr_assert(case_passes_witnesses(#name, y));                                                \
    }

NETWORK(cell_bilstm, "y")
NETWORK(cell_attention, "logits")
NETWORK(case01_bilstm, "y")
NETWORK(case02_attention_forced, "logits")
NETWORK(case02_attention_stacked, NULL)
NETWORK(case03_highway, "h")
NETWORK(case04_grid, "s")
NETWORK(case05_ctc, NULL)
NETWORK(case05_hmm, NULL)
NETWORK(case06_linear_attention, "y")
NETWORK(case17_self_attention, "o")

/* Feeds its own argmax back, so differences along a direction may cross a jump. */
Test(network, case02_attention_free) {
    cr_assert(case_passes("case02_attention_free", CASE_RUN_TIME));
}
