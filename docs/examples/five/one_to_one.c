/* One to one: how often each letter occurs in a word -> its language. No time axis, so no
 * recurrence: a vector in, a vector out, for each sample. */
#include <string.h>

#include "five/five.h"

static void one_to_one_read(samples *to) {
    for (int language = 0; language < LANGUAGES; language++)
        words_read(to, language, 12000);
    for (sample *at = to->at; at < to->at + to->count; at++) {
        uint8_t counts[WIDTH] = {0};
        for (size_t i = 0; i < at->x_length; i++)
            counts[words_plain(at->x[i]) - 1]++;
        memcpy(at->x, counts, WIDTH);
    }
}

/* The logits of the languages. */
static eddy_value one_to_one_judge(eddy_model *m, eddy_axes b) {
    eddy_value counts = eddy_input(m, "x", EDDY_I32, b, WIDTH);
    eddy_value hidden = eddy_relu(eddy_dense(m, "hidden", 64, eddy_cast(counts, EDDY_F32)));
    return eddy_dense(m, "language", LANGUAGES, hidden);
}

static eddy_value one_to_one_loss(eddy_model *m) {
    eddy_axes b = eddy_batch(m, "b");
    eddy_value language = eddy_input(m, "y", EDDY_I32, b, EDDY_SCALAR);
    return eddy_cross_entropy(one_to_one_judge(m, b), language);
}

static eddy_value one_to_one_answer(eddy_model *m) {
    return eddy_argmax(one_to_one_judge(m, eddy_batch(m, "b")));
}

const task one_to_one = {.name = "one-to-one",
                         .axes = "b",
                         .read = one_to_one_read,
                         .loss = one_to_one_loss,
                         .answer = one_to_one_answer,
                         .show = train_show_right,
                         .symbols = LANGUAGES,
                         .calls = 1500};
