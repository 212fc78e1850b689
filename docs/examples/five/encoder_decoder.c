/* Many to many, unequal lengths: the spelling of an English word -> its sounds.
 *
 * Letters have a time axis s of their own, sounds another one, t. The reader goes over s both ways;
 * the speaker goes over t, and at each of its steps it weighs all letters: the score of a letter is
 * a value over s and t, its softmax runs over s, and a word's weights end where the word ends.
 * In training each step is told the right sound before; on unseen words a second program runs free,
 * told nothing but its own answers, in one compiled loop. */
#include <stdio.h>
#include <string.h>

#include "five/five.h"

static void encoder_decoder_read(samples *to) {
    phones_read(to, 40000);
}

/* The logits of the sound that follows `before`. */
static eddy_value encoder_decoder_speaker(eddy_model *m, eddy_axes b, eddy_axes s, eddy_axes t,
                                          eddy_value before) {
    eddy_value letter = eddy_input(m, "x", EDDY_I32, s | b, EDDY_SCALAR);
    eddy_value x = eddy_embedding(m, "letters", PLAIN, 24, letter);
    eddy_value word = eddy_bidirectional(eddy_gru, m, "reader", s, 40, x, NULL);

    eddy_cell_options from = {.h0 = eddy_tanh(eddy_dense(m, "start", 64, eddy_last(word, s)))};
    eddy_value sound = eddy_embedding(m, "sounds", PHONES, 24, before);
    eddy_value h = eddy_gru(m, "speaker", t, 64, sound, &from);

    eddy_value score = eddy_matmul(eddy_linear(m, "query", 80, h), word);
    eddy_value weight = eddy_exp(eddy_sub(score, eddy_total_of(score, s, EDDY_LSE)));
    eddy_value seen = eddy_total(eddy_mul(weight, word), s);
    eddy_value both = eddy_tanh(eddy_dense(m, "both", 64, eddy_concat(0, h, seen)));
    return eddy_dense(m, "sound", PHONES, both);
}

static eddy_value encoder_decoder_loss(eddy_model *m) {
    eddy_axes b = eddy_batch(m, "b");
    eddy_axes s = eddy_time_ragged(m, "s", b, "x_length");
    eddy_axes t = eddy_time_ragged(m, "t", b, "y_length");
    eddy_value sound = eddy_input(m, "y", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value before = eddy_delay_from(sound, t, 1, eddy_integer(m, END));
    return eddy_cross_entropy(encoder_decoder_speaker(m, b, s, t, before), sound);
}

static eddy_value encoder_decoder_answer(eddy_model *m) {
    eddy_axes b = eddy_batch(m, "b"), s = eddy_time_ragged(m, "s", b, "x_length");
    eddy_axes t = eddy_time(m, "t");
    eddy_value before = eddy_state_from("before", t, eddy_integer(m, END));
    eddy_value said = eddy_argmax(encoder_decoder_speaker(m, b, s, t, before));
    eddy_next(before, said);
    return said;
}

/* Insertions, deletions and replacements that turn one sequence into the other, both up to END. */
static size_t encoder_decoder_distance(const uint8_t *a, const uint8_t *b) {
    size_t row[WIDTH + 1], length = 0;
    for (row[0] = 0; b[length] != END; length++)
        row[length + 1] = length + 1;
    for (size_t i = 0; a[i] != END; i++) {
        size_t corner = i;
        row[0] = i + 1;
        for (size_t k = 0; k < length; k++) {
            size_t best = corner + (a[i] != b[k]);
            corner = row[k + 1];
            best = row[k] + 1 < best ? row[k] + 1 : best;
            row[k + 1] = corner + 1 < best ? corner + 1 : best;
        }
    }
    return row[length];
}

static void encoder_decoder_print(const char *before, const uint8_t *sounds, const char *after) {
    fputs(before, stdout);
    for (size_t k = 0; sounds[k] != END; k++)
        printf("%s%s", k ? " " : "", phone_names[sounds[k]]);
    fputs(after, stdout);
}

static void encoder_decoder_show(const int32_t *answers, size_t steps, const samples *unseen) {
    size_t wrong = 0, of = 0;
    for (size_t i = 0; i < unseen->count; i++) {
        const sample *word = &unseen->at[i];
        uint8_t said[WIDTH] = {0};
        for (size_t k = 0; k < steps && (k == 0 || said[k - 1] != END); k++)
            said[k] = (uint8_t)answers[k * unseen->count + i];
        wrong += encoder_decoder_distance(said, word->y);
        of += word->y_length - 1u;
        if (i < 6) {
            char text[WORD_TEXT];
            printf("  %s", words_text(text, word->x, WIDTH));
            encoder_decoder_print(" -> ", said, "");
            encoder_decoder_print(" (", word->y, ")\n");
        }
    }
    printf("  running free, %.1f %% of the sounds are wrong, missing or too many\n",
           100 * (double)wrong / (double)of);
}

const task encoder_decoder = {.name = "many-to-many-unequal",
                              .axes = "bst",
                              .read = encoder_decoder_read,
                              .loss = encoder_decoder_loss,
                              .answer = encoder_decoder_answer,
                              .show = encoder_decoder_show,
                              .symbols = PHONES,
                              .calls = 1000};
