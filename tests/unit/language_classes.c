/* The class of every cell of the library against the one that it is known to have.
 *
 * D0: affine, element by element. B2: affine in blocks of 2x2, as complex numbers are. M: a state
 * that is a matrix, affine, rows of which share a transition. L: affine through long delays. N0:
 * nonlinear, element by element or in small blocks. N: nonlinear, with a product of the state. -:
 * no recurrence. Letters of several stand for states that do not all depend on each other: what a
 * cell only stabilises its exponents by (m, p) is nonlinear, and the rest is affine given that. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/library.h"

static const struct {
    const char *cell, *class;
} expected[] = {
    {"elman", "N"},
    {"jordan", "N"},
    {"irnn", "N"},
    {"indrnn", "N0"},
    {"scrn", "D0+N"},
    {"clockwork", "N"},
    {"fastrnn", "N"},
    {"fastgrnn", "N"},
    {"antisymmetric", "N"},
    {"highway", "N"},
    {"echo_state", "N"},
    {"gru_before", "N"},
    {"gru", "N"},
    {"augru", "N"},
    {"mgu", "N"},
    {"ugrnn", "N"},
    {"intersection", "N"},
    {"janet", "N"},
    {"cfn", "N"},
    {"ligru", "N"},
    {"lem", "N"},
    {"tau_gru", "N"},
    {"brc", "N0"},
    {"sru", "N0"},
    {"qrnn", "D0"},
    {"mingru", "D0"},
    {"gru_d", "D0+N"},
    {"s4d", "B2"},
    {"lru", "B2"},
    {"lmu", "N"},
    {"mamba", "D0"},
    {"mamba2", "M"},
    {"linear_attention", "M+D0"},
    {"gla", "M"},
    {"rwkv4", "N0+D0"},
    {"rwkv6", "M"},
    {"rwkv7", "M"},
    {"rglru", "D0"},
    {"mlstm", "N0+M+D0"},
    {"delta_net", "M"},
    {"gated_delta_net", "M"},
    {"lstm_1997", "N"},
    {"lstm", "N"},
    {"lstm_peephole", "N"},
    {"lstm_coupled", "N"},
    {"lstm_projection", "N"},
    {"lstm_multiplicative", "N"},
    {"lstm_nested", "N"},
    {"layer_norm", "-"},
    {"lstm_layer_norm", "N"},
    {"lstm_zoneout", "N"},
    {"lstm_phased", "N"},
    {"convolution", "-"},
    {"lstm_convolution", "N"},
    {"gru_convolution", "N"},
    {"nas", "N"},
    {"slstm", "N"},
    {"attention_decoder", "N"},
    {"turing_memory", "N"},
    {"cornn", "N"},
    {"unicornn", "N0"},
    {"ltc", "N"},
    {"cfc", "N"},
    {"spike", "-"},
    {"lif", "N"},
    {"biquad", "B2"},
    {"delay_network", "L"},
    {"reflections", "-"},
    {"low_rank", "-"},
    {"block_diagonal", "-"},
    {"householder", "N"},
};
enum { EXPECTED = sizeof expected / sizeof *expected };

static const struct {
    const char *words, *letters; /* how the words of one class begin */
} letters[] = {{"affine, dense, constant, delays", "L"},
               {"affine, dense", "D1"},
               {"affine, diagonal", "D0"},
               {"affine, 2x2 blocks", "B2"},
               {"affine, matrix state", "M"},
               {"nonlinear, diagonal", "N0"},
               {"nonlinear, blocks across states", "N0"},
               {"nonlinear, dense", "N"},
               {"no recurrence", "-"}};

/* "affine, diagonal (s); nonlinear, dense (h)" as "D0+N". */
static void letters_of(const char *words, text *out) {
    for (; words; words = strstr(words, "; ") ? strstr(words, "; ") + 2 : NULL)
        for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
            if (strncmp(words, letters[i].words, strlen(letters[i].words)) == 0) {
                text_add(out, "%s%s", out->count ? "+" : "", letters[i].letters);
                break;
            }
}

Test(language_classes, of_the_library) {
    static jmp_buf escape;
    arena memory;
    eddy_cells *library;
    eddy_cell_about about;
    arena_init(&memory, allocator_default(), &escape);
    cr_assert_eq(setjmp(escape), 0);
    cr_assert_eq(eddy_cells_library(NULL, &library), EDDY_OK);
    int count = 0;
    for (; eddy_cells_at(library, count, &about); count++) {
        const char *found = library_class(library, count, &memory), *wanted = "a row of the table";
        text short_form;
        text_init(&short_form, &memory);
        letters_of(found, &short_form);
        for (int i = 0; i < EXPECTED; i++)
            if (strcmp(expected[i].cell, about.name) == 0)
                wanted = expected[i].class;
        cr_expect_str_eq(short_form.at, wanted, "%s: %s", about.name, found);
    }
    cr_expect_eq(count, EXPECTED);
    eddy_cells_free(library);
    arena_free(&memory);
}
