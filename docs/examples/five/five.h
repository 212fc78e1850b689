/* Five small sequence models on word lists, and what they share: data, training, a verdict. */
#ifndef EXAMPLES_FIVE_H
#define EXAMPLES_FIVE_H

#include <eddy.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- data: words.c, phones.c */

enum {
    END = 0,         /* the symbol after the last of a sequence; nothing comes before the first */
    PLAIN = 27,      /* symbols of the plain alphabet: END and a to z, 1 to 26 */
    LETTERS = 45,    /* and the accented letters of French and German */
    LONGEST = 14,    /* letters of the longest word that is taken */
    WIDTH = 26,      /* room of a sequence, or of a vector of counts */
    PHONES = 41,     /* END and the sounds of English */
    LANGUAGES = 3,   /* English, French, German */
    TEST_ONE_IN = 8, /* words are held out by their hash, so none is on both sides */
    WORD_TEXT = 2 * WIDTH + 1 /* bytes of a word in UTF-8, with its end */
};

typedef struct sample {
    uint64_t hash; /* of the word without its accents */
    uint8_t x_length, y_length;
    uint8_t x[WIDTH], y[WIDTH]; /* what is given, what is to be said */
} sample;

typedef struct samples {
    sample *at;
    size_t count, capacity;
} samples;

/* Adds a sample, empty but for the word: its hash, and its letters as x. False, and none is added,
 * when `text` (UTF-8, up to a newline or the end) is not a word of 3 to LONGEST letters. */
bool words_add(samples *to, const char *text);
/* Adds `limit` words of a language, chosen by hash, each once; y is the language. */
void words_read(samples *to, int language, size_t limit);
/* Of the samples from `first` on, keeps one of each word, and of these the `limit` with the lowest
 * hashes. Too few in the file at this path: ends the program. */
void words_choose(samples *to, size_t first, size_t limit, const char *path);
/* Opens a file of a Debian package for reading, or says what to install. */
FILE *words_open(const char *path, const char *package);
/* Symbols up to END, at most `count`, as UTF-8. Returns text[0 .. WORD_TEXT). */
const char *words_text(char *text, const uint8_t *symbols, size_t count);
/* The letter without its accent. */
uint8_t words_plain(uint8_t letter);
extern const char *const language_names[LANGUAGES];

/* Adds English words with x their letters and y their sounds, then END. */
void phones_read(samples *to, size_t limit);
extern const char *const phone_names[PHONES];

/* ---- a kind of model, and its training: train.c */

/* The programs of a model read samples from the inputs "x" and "y" (i32 []) over its time axes "s"
 * and "t" and the batch axis "b", and their lengths from "x_length" and "y_length" over "b". A
 * model without a time axis takes x as a vector [WIDTH]; one with s alone may have y over s. */
typedef struct task {
    const char *name;
    const char *axes; /* "b", "bs", "bt" or "bst" */
    void (*read)(samples *to);
    /* Builds the model. Returns the loss [] of each step, in nats. */
    eddy_value (*loss)(eddy_model *m);
    /* Builds the same model without targets. Returns what it says at each step, i32 []. */
    eddy_value (*answer)(eddy_model *m);
    /* Prints answers, [steps][samples], to unseen samples. */
    void (*show)(const int32_t *answers, size_t steps, const samples *unseen);
    int symbols;  /* kinds of targets */
    bool aligned; /* y[i] belongs to x[i]: the prior may look at x[i], too */
    int calls;    /* of the training program */
} task;

/* Trains twice, with the targets as they are and with shuffled ones, and prints how both fare on
 * unseen data against the prior. Returns whether the first beats it and the second does not. */
bool train_run(const task *of);
/* A way to show answers: how many are right. */
void train_show_right(const int32_t *answers, size_t steps, const samples *unseen);

/* Ends the program with a message. */
void five_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

extern const task one_to_one, one_to_many, many_to_one, many_to_many, encoder_decoder;

#endif
