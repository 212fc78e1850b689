/* Many to many, equal lengths: the letters of a French word without their accents -> the letters
 * with them, one for one. Whether an e has an accent shows in what follows it as well as in what
 * came before, so the word is read both ways.
 *
 * The prior knows the letter without its accent, and therefore nearly everything: what it cannot
 * know is all that there is to learn. Not all of that can be: fortune and fortuné look the same. */
#include <stdio.h>

#include "five/five.h"

static void many_to_many_read(samples *to) {
    words_read(to, 1, 30000);
    for (sample *at = to->at; at < to->at + to->count; at++) {
        at->y_length = at->x_length;
        for (size_t i = 0; i < at->x_length; i++) {
            at->y[i] = at->x[i];
            at->x[i] = words_plain(at->x[i]);
        }
    }
}

/* The logits of the letter with its accent. */
static eddy_value many_to_many_writer(eddy_model *m, eddy_axes b, eddy_axes s) {
    eddy_value plain = eddy_input(m, "x", EDDY_I32, s | b, EDDY_SCALAR);
    eddy_value x = eddy_embedding(m, "letters", PLAIN, 16, plain);
    eddy_value h = eddy_bidirectional(eddy_gru, m, "reader", s, 32, x, NULL);
    return eddy_dense(m, "letter", LETTERS, h);
}

static eddy_value many_to_many_loss(eddy_model *m) {
    eddy_axes b = eddy_batch(m, "b"), s = eddy_time_ragged(m, "s", b, "x_length");
    eddy_value letter = eddy_input(m, "y", EDDY_I32, s | b, EDDY_SCALAR);
    return eddy_cross_entropy(many_to_many_writer(m, b, s), letter);
}

static eddy_value many_to_many_answer(eddy_model *m) {
    eddy_axes b = eddy_batch(m, "b");
    return eddy_argmax(many_to_many_writer(m, b, eddy_time_ragged(m, "s", b, "x_length")));
}

static void many_to_many_show(const int32_t *answers, size_t steps, const samples *unseen) {
    size_t right = 0, plain = 0, shown = 0;
    for (size_t i = 0; i < unseen->count; i++) {
        const sample *word = &unseen->at[i];
        uint8_t written[WIDTH] = {0};
        bool accents = false, same = true;
        for (size_t k = 0; k < steps && k < word->x_length; k++) {
            written[k] = (uint8_t)answers[k * unseen->count + i];
            accents |= word->x[k] != word->y[k];
            same &= written[k] == word->y[k];
        }
        right += same;
        plain += !accents;
        if (accents && shown < 6) {
            char text[3][WORD_TEXT];
            printf("  %s -> %s (%s)\n", words_text(text[0], word->x, WIDTH),
                   words_text(text[1], written, WIDTH), words_text(text[2], word->y, WIDTH));
            shown++;
        }
    }
    printf("  whole words right: %.1f %%; %.1f %% have no accent\n",
           100 * (double)right / (double)unseen->count,
           100 * (double)plain / (double)unseen->count);
}

const task many_to_many = {.name = "many-to-many-equal",
                           .axes = "bs",
                           .read = many_to_many_read,
                           .loss = many_to_many_loss,
                           .answer = many_to_many_answer,
                           .show = many_to_many_show,
                           .symbols = LETTERS,
                           .aligned = true,
                           .calls = 2500};
