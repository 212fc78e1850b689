/* The text of the character model demo: fortune cookies as two arrays of symbol numbers.
 *
 * Reads the plain text of Debian's packages `fortunes` and `fortunes-min`, cuts it into entries at
 * lines that are a single '%', shuffles the entries by a fixed seed, holds one entry in twenty out
 * for testing, and drops held-out entries that share a run of 30 bytes with the training text. */
#ifndef EXAMPLES_CORPUS_H
#define EXAMPLES_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CORPUS_END = 0,           /* the symbol after the last character of every entry */
    CORPUS_UNKNOWN = 1,       /* the one symbol of all bytes too rare to have their own */
    CORPUS_SYMBOLS_MAX = 258, /* those two and 256 bytes */
    CORPUS_MESSAGE = 1024     /* bytes of an error message, with its end */
};

/* How entries are chosen; corpus_defaults has the values of the demo. */
typedef struct corpus_options {
    uint64_t seed;      /* of the shuffle */
    size_t test_one_in; /* one entry in so many is held out: 20 is 5 % */
    size_t rare_below;  /* a byte found less often in the training entries is CORPUS_UNKNOWN */
    size_t shared_run;  /* bytes in a run that a test entry must not share with a training entry */
} corpus_options;

/* Symbols run from 0 to vocabulary - 1. Bits per character count *every* symbol of `test`: the ends
 * of entries, and each rare byte as one CORPUS_UNKNOWN (a model pays for saying "a rare byte here",
 * not for saying which; unknown_test tells how little that leaves out). */
typedef struct corpus {
    int32_t *train, *test; /* the entries of each part one after the other, CORPUS_END after each */
    size_t train_length, test_length;            /* in symbols */
    int32_t vocabulary;                          /* number of symbols */
    unsigned char byte_of[CORPUS_SYMBOLS_MAX];   /* CORPUS_END: '\n'; CORPUS_UNKNOWN: '?' */
    int32_t symbol_of[256];                      /* the inverse; rare bytes: CORPUS_UNKNOWN */
    size_t files, bytes, entries;                /* what was read; entries: before dropping */
    size_t train_entries, test_entries, dropped; /* these three add up to `entries` */
    size_t unknown_train, unknown_test;          /* CORPUS_UNKNOWN symbols in either part */
} corpus;

extern const corpus_options corpus_defaults;

/* Names of the files the demo reads, in this order, ended by NULL. */
extern const char *const corpus_files[];

/* Reads corpus_files from `directory` (NULL: where Debian installs them). All of them must be there
 * as regular files, so that everybody trains on the same text. On failure returns false with a
 * sentence for the user in message[0 .. CORPUS_MESSAGE), what to install included; `text` is then
 * empty. On success corpus_free releases it. */
bool corpus_load(corpus *text, const char *directory, char *message);

/* The same from `length` bytes in memory that hold entries separated by lines of a single '%'.
 * Empty entries are ignored; newlines around an entry are not part of it. `files` stays 0. */
bool corpus_from_bytes(corpus *text, const char *bytes, size_t length,
                       const corpus_options *options, char *message);

/* Releases the arrays and empties the structure; an empty one is fine. */
void corpus_free(corpus *text);

/* Writes symbols as text: an end as a line with a single '%', and whatever could upset a terminal
 * (unknown, control and non-ASCII bytes) as U+FFFD. */
void corpus_print(FILE *stream, const corpus *text, const int32_t *symbols, size_t count);

#endif
