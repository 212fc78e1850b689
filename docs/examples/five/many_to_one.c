/* Many to one: the letters of a word without their accents, one after the other -> its language.
 * Words have lengths of their own, and the last step is each word's last letter. */
#include "five/five.h"

static void many_to_one_read(samples *to) {
    for (int language = 0; language < LANGUAGES; language++)
        words_read(to, language, 12000);
    for (sample *at = to->at; at < to->at + to->count; at++)
        for (size_t i = 0; i < at->x_length; i++)
            at->x[i] = words_plain(at->x[i]);
}

/* The logits of the languages. */
static eddy_value many_to_one_reader(eddy_model *m, eddy_axes b) {
    eddy_axes s = eddy_time_ragged(m, "s", b, "x_length");
    eddy_value letter = eddy_input(m, "x", EDDY_I32, s | b, EDDY_SCALAR);
    eddy_value x = eddy_embedding(m, "letters", PLAIN, 16, letter);
    eddy_value h = eddy_gru(m, "reader", s, 48, x, NULL);
    return eddy_dense(m, "language", LANGUAGES, eddy_last(h, s));
}

static eddy_value many_to_one_loss(eddy_model *m) {
    eddy_axes b = eddy_batch(m, "b");
    eddy_value language = eddy_input(m, "y", EDDY_I32, b, EDDY_SCALAR);
    return eddy_cross_entropy(many_to_one_reader(m, b), language);
}

static eddy_value many_to_one_answer(eddy_model *m) {
    return eddy_argmax(many_to_one_reader(m, eddy_batch(m, "b")));
}

const task many_to_one = {.name = "many-to-one",
                          .axes = "bs",
                          .read = many_to_one_read,
                          .loss = many_to_one_loss,
                          .answer = many_to_one_answer,
                          .show = train_show_right,
                          .symbols = LANGUAGES,
                          .calls = 1000};
