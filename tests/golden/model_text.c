/* The graph of a training step made of every layer, cell and optimiser, as text.
 *
 * Node numbers decide the order in which gradient contributions add, so they are part of the bit
 * contract; and C leaves open in which order arguments of a call are evaluated. Library code
 * therefore makes one node per statement where two could change places. This file is the witness:
 * it is compared under every compiler. EDDY_UPDATE=1 renews it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"

static const char *const golden = EDDY_SOURCE_DIR "/tests/golden/model_text.txt";

static eddy_model *build(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_carry(m, t, b);
    eddy_value id = eddy_input(m, "id", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value target = eddy_input(m, "target", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value x = eddy_embedding(m, "embedding", 5, 3, id);
    x = eddy_batch_norm(m, "batch_norm", x, t | b, true);
    x = eddy_dropout(x, 0.1, t | b);
    x = eddy_conv1d(m, "conv", 3, x, t, 2);
    eddy_cell_options options = {.peephole = true, .forget_bias = 1};
    x = eddy_lstm(m, "lstm", t, 3, x, &options);
    x = eddy_layer_norm(m, "layer_norm", x);
    eddy_cell_options before = {.reset_before = true};
    x = eddy_gru(m, "before", t, 3, x, &before);
    eddy_cell_options after = {0};
    x = eddy_gru(m, "after", t, 3, x, &after);
    eddy_cell_options plain = {0};
    x = eddy_elman(m, "elman", t, 3, x, &plain);
    eddy_value loss = eddy_cross_entropy(eddy_dense(m, "dense", 5, x), target);
    eddy_optimiser adam = eddy_adamw(0.01);
    adam.clip_norm = 1;
    eddy_output(m, "norm", eddy_minimise(eddy_mean_over(loss, t | b), adam));
    return m;
}

Test(model_text, is_the_same_under_every_compiler) {
    eddy_model *m = build();
    cr_assert_eq(eddy_model_status(m), EDDY_OK, "%s", eddy_model_message(m));
    const char *text = eddy_model_text(m);
    cr_assert_not_null(text);
    size_t count = strlen(text);
    const char *update = getenv("EDDY_UPDATE");
    if (update && update[0] == '1') {
        FILE *file = fopen(golden, "wb");
        cr_assert_not_null(file, "cannot write %s", golden);
        fwrite(text, 1, count, file);
        fclose(file);
    }
    FILE *file = fopen(golden, "rb");
    cr_assert_not_null(file, "%s is missing: run ./run docs", golden);
    char *have = calloc(count + 2, 1);
    size_t read = fread(have, 1, count + 1, file);
    fclose(file);
    for (size_t i = 0, line = 1; i < count || i < read; i++) {
        cr_assert(i < read && i < count && have[i] == text[i],
                  "the text differs from %s in line %zu", golden, line);
        line += text[i] == '\n';
    }
    free(have);
    eddy_model_free(m);
}
