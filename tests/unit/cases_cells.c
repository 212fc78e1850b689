/* Published cells, written as their papers' equations, against PyTorch's values and gradients, and
 * their gradients against the three witnesses. */
#include <criterion/criterion.h>

#include "tests/support/case.h"

#define CELL(name, y)                                                                              \
    Test(cell, name) {                                                                             \
        cr_assert(case_passes_witnesses("cell_" #name, y));                                        \
    }

CELL(elman_tanh, "y")
CELL(elman_relu, "y")
CELL(lstm, "h")
CELL(lstm_peephole, "h")
CELL(gru_before, "h")
CELL(gru_after, "h")
CELL(mgu, "h")
CELL(highway, "h")
CELL(clockwork, "h")
CELL(mingru, "h")
CELL(cornn, "y")
CELL(cornn_implicit, "y")
CELL(lmu, "h")
CELL(linear_attention, "y")
