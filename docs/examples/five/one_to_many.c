/* One to many: a language -> a word of it, letter by letter. In training each step is told the
 * right letter before it; afterwards a program with the same parameters draws words, each step told
 * what the step before it drew, all of it inside one compiled loop. */
#include <stdio.h>

#include "five/five.h"

static void one_to_many_read(samples *to) {
    for (int language = 0; language < LANGUAGES; language++)
        words_read(to, language, 12000);
    for (sample *at = to->at; at < to->at + to->count; at++) {
        uint8_t language = at->y[0];
        for (size_t i = 0; i < at->x_length; i++)
            at->y[i] = at->x[i];
        at->y[at->x_length] = END;
        at->y_length = at->x_length + 1;
        at->x[0] = language;
        at->x_length = 1;
    }
}

/* The logits of the letter that follows `before`. */
static eddy_value one_to_many_speaker(eddy_model *m, eddy_axes b, eddy_axes t, eddy_value before) {
    eddy_value language = eddy_input(m, "x", EDDY_I32, b, EDDY_SCALAR);
    eddy_value of = eddy_embedding(m, "languages", LANGUAGES, 8, language);
    eddy_value after = eddy_embedding(m, "letters", LETTERS, 16, before);
    eddy_value h = eddy_gru(m, "speaker", t, 64, eddy_concat(0, of, after), NULL);
    return eddy_dense(m, "letter", LETTERS, h);
}

static eddy_value one_to_many_loss(eddy_model *m) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "y_length");
    eddy_value letter = eddy_input(m, "y", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value before = eddy_delay_from(letter, t, 1, eddy_integer(m, END));
    return eddy_cross_entropy(one_to_many_speaker(m, b, t, before), letter);
}

static eddy_value one_to_many_answer(eddy_model *m) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_value before = eddy_state_from("before", t, eddy_integer(m, END));
    eddy_value uniform = eddy_random(m, t | b, EDDY_SCALAR);
    eddy_value drawn = eddy_categorical("place", one_to_many_speaker(m, b, t, before), uniform);
    eddy_next(before, drawn);
    return drawn;
}

static void one_to_many_show(const int32_t *answers, size_t steps, const samples *unseen) {
    for (size_t language = 0; language < LANGUAGES; language++) {
        printf("  %s:", language_names[language]);
        int shown = 0;
        for (size_t i = 0; i < unseen->count && shown < 8; i++) {
            if (unseen->at[i].x[0] != language)
                continue;
            char text[WORD_TEXT];
            uint8_t letters[WIDTH] = {0};
            for (size_t k = 0; k < steps; k++)
                letters[k] = (uint8_t)answers[k * unseen->count + i];
            printf(" %s", words_text(text, letters, WIDTH));
            shown++;
        }
        printf("\n");
    }
}

const task one_to_many = {.name = "one-to-many",
                          .axes = "bt",
                          .read = one_to_many_read,
                          .loss = one_to_many_loss,
                          .answer = one_to_many_answer,
                          .show = one_to_many_show,
                          .symbols = LETTERS,
                          .calls = 1000};
