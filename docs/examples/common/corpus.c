/* From installed files to symbol numbers.
 *
 * A figure for "unseen text" means something only when the text is unseen, and can be compared only
 * when everybody measures the same text. Hence a fixed list of files (a missing one is an error,
 * not a smaller corpus), an order of entries that depends on a seed and nothing else, and the check
 * in overlap.c: fortune files repeat each other's jokes.
 *
 * The list leaves out the files written to offend, those whose jokes live off women, peoples, sex
 * or drugs, pictures made of characters, and lyrics: a model that samples aloud repeats its
 * reading.
 *
 * The shuffle sorts by a hash of (seed, index): a counter-based generator needs no state, and a
 * total order (ties by index) gives the same result with every libc's qsort. */
#include "common/corpus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/overlap.h"

static const char corpus_directory[] = "/usr/share/games/fortunes";

const corpus_options corpus_defaults = {
    .seed = 1, .test_one_in = 20, .rare_below = 20, .shared_run = 30};

const char *const corpus_files[] = {
    "computers", "definitions", "education",  "food",       "fortunes",      "goedel",
    "humorists", "linux",       "literature", "magic",      "miscellaneous", "news",
    "paradoxum", "perl",        "pets",       "platitudes", "science",       "sports",
    "tao",       "wisdom",      "work",       NULL};

static bool corpus_fail(char *message, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool corpus_fail(char *message, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, CORPUS_MESSAGE, format, arguments);
    va_end(arguments);
    return false;
}

static bool corpus_fail_memory(char *message) {
    return corpus_fail(message, "out of memory while preparing the text");
}

/* A growing array of bytes. */
typedef struct corpus_bytes {
    char *at;
    size_t count, capacity;
} corpus_bytes;

static bool corpus_reserve(corpus_bytes *bytes, size_t more) {
    if (bytes->capacity - bytes->count >= more)
        return true;
    size_t capacity = 2 * bytes->capacity + more;
    char *at = realloc(bytes->at, capacity);
    if (at == NULL)
        return false;
    bytes->at = at;
    bytes->capacity = capacity;
    return true;
}

/* Appends one file and a separator, so that two files never share an entry. */
static bool corpus_read(corpus_bytes *bytes, size_t *read_bytes, const char *path, char *message) {
    struct stat status;
    bool found = lstat(path, &status) == 0;
    if (!found && (errno == ENOENT || errno == ENOTDIR)) {
        return corpus_fail(message,
                           "no text to train on: %s does not exist.\n"
                           "Install it with: sudo apt-get install fortunes fortunes-min\n"
                           "or name the directory that holds the files of these two packages.",
                           path);
    }
    if (found && !S_ISREG(status.st_mode)) {
        return corpus_fail(message, "cannot read %s: it is not a regular file", path);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return corpus_fail(message, "cannot read %s: %s", path, strerror(errno));
    size_t start = bytes->count;
    bool enough_memory = true, more = true;
    while (more && (enough_memory = corpus_reserve(bytes, 65536))) {
        size_t got = fread(bytes->at + bytes->count, 1, bytes->capacity - bytes->count, file);
        bytes->count += got;
        more = got > 0;
    }
    *read_bytes += bytes->count - start;
    int failed = ferror(file);
    fclose(file);
    if (failed)
        return corpus_fail(message, "cannot read %s: the disk reports an error", path);
    static const char separator[] = "\n%\n";
    if (!enough_memory || !corpus_reserve(bytes, sizeof separator)) {
        return corpus_fail_memory(message);
    }
    memcpy(bytes->at + bytes->count, separator, sizeof separator - 1);
    bytes->count += sizeof separator - 1;
    return true;
}

bool corpus_load(corpus *text, const char *directory, char *message) {
    *text = (corpus){0};
    if (directory == NULL)
        directory = corpus_directory;
    corpus_bytes bytes = {0};
    size_t files = 0, read_bytes = 0;
    bool good = true;
    for (; good && corpus_files[files] != NULL; files++) {
        char path[4096];
        int needed = snprintf(path, sizeof path, "%s/%s", directory, corpus_files[files]);
        if (needed < 0 || (size_t)needed >= sizeof path) {
            good =
                corpus_fail(message, "the name of the directory is too long: %.60s...", directory);
        } else {
            good = corpus_read(&bytes, &read_bytes, path, message);
        }
    }
    good = good && corpus_from_bytes(text, bytes.at, bytes.count, &corpus_defaults, message);
    if (good) {
        text->files = files;
        text->bytes = read_bytes;
    }
    free(bytes.at);
    return good;
}

/* The next entry at or after *at; false at the end. */
static bool corpus_next(const char *bytes, size_t length, size_t *at, overlap_span *entry) {
    while (*at < length) {
        size_t start = *at, end = start;
        for (bool separator = false; !separator && *at < length;) {
            const char *line = bytes + *at, *newline = memchr(line, '\n', length - *at);
            size_t line_length = newline != NULL ? (size_t)(newline - line) : length - *at;
            separator = line_length == 1 && line[0] == '%';
            end = separator ? *at : *at + line_length;
            *at += line_length + (newline != NULL);
        }
        while (start < end && bytes[start] == '\n')
            start++;
        while (end > start && bytes[end - 1] == '\n')
            end--;
        if (end > start) {
            *entry = (overlap_span){.bytes = (const unsigned char *)bytes + start,
                                    .length = end - start};
            return true;
        }
    }
    return false;
}

/* Number `counter` of the stream `seed`: the finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t corpus_random(uint64_t seed, uint64_t counter) {
    uint64_t x = seed + (counter + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

typedef struct corpus_card {
    uint64_t key;
    size_t index;
} corpus_card;

static int corpus_compare(const void *left, const void *right) {
    const corpus_card *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* Puts the entries from `from` into `to` in the order the seed says. */
static bool corpus_shuffle(const overlap_span *from, overlap_span *to, size_t count,
                           uint64_t seed) {
    corpus_card *cards = malloc(count * sizeof *cards);
    if (cards == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        cards[i] = (corpus_card){.key = corpus_random(seed, i), .index = i};
    }
    qsort(cards, count, sizeof *cards, corpus_compare);
    for (size_t i = 0; i < count; i++)
        to[i] = from[cards[i].index];
    free(cards);
    return true;
}

/* Gives a symbol to every byte that the training entries hold often enough, in order of bytes. */
static void corpus_number_symbols(corpus *text, const overlap_span *entries, size_t count,
                                  size_t rare_below) {
    size_t found[256] = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < entries[i].length; j++)
            found[entries[i].bytes[j]]++;
    }
    text->byte_of[CORPUS_END] = '\n';
    text->byte_of[CORPUS_UNKNOWN] = '?';
    text->vocabulary = CORPUS_UNKNOWN + 1;
    for (int byte = 0; byte < 256; byte++) {
        text->symbol_of[byte] = CORPUS_UNKNOWN;
        if (found[byte] > 0 && found[byte] >= rare_below) {
            text->byte_of[text->vocabulary] = (unsigned char)byte;
            text->symbol_of[byte] = text->vocabulary++;
        }
    }
}

/* Entries as one new array of symbols, NULL when memory is short. */
static int32_t *corpus_encode(const corpus *text, const overlap_span *entries, size_t count,
                              size_t *length, size_t *unknown) {
    *length = count;
    for (size_t i = 0; i < count; i++)
        *length += entries[i].length;
    int32_t *symbols = malloc((*length + 1) * sizeof *symbols), *next = symbols;
    if (symbols == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < entries[i].length; j++) {
            *next = text->symbol_of[entries[i].bytes[j]];
            *unknown += *next++ == CORPUS_UNKNOWN;
        }
        *next++ = CORPUS_END;
    }
    return symbols;
}

/* Splits shuffled entries into the two parts and fills `text`; held-out entries come first. */
static bool corpus_split(corpus *text, overlap_span *entries, const corpus_options *options) {
    size_t held = text->entries / options->test_one_in;
    const overlap_span *train = entries + held;
    text->train_entries = text->entries - held;
    bool *shares = calloc(held + 1, sizeof *shares);
    if (shares == NULL ||
        !overlap_find(entries, held, train, text->train_entries, options->shared_run, shares)) {
        free(shares);
        return false;
    }
    for (size_t i = 0; i < held; i++) {
        if (!shares[i])
            entries[text->test_entries++] = entries[i];
    }
    text->dropped = held - text->test_entries;
    free(shares);
    corpus_number_symbols(text, train, text->train_entries, options->rare_below);
    text->train =
        corpus_encode(text, train, text->train_entries, &text->train_length, &text->unknown_train);
    text->test =
        corpus_encode(text, entries, text->test_entries, &text->test_length, &text->unknown_test);
    return text->train != NULL && text->test != NULL;
}

bool corpus_from_bytes(corpus *text, const char *bytes, size_t length,
                       const corpus_options *options, char *message) {
    *text = (corpus){.bytes = length};
    overlap_span entry;
    for (size_t at = 0; corpus_next(bytes, length, &at, &entry);)
        text->entries++;
    if (text->entries < options->test_one_in) {
        size_t entries = text->entries;
        *text = (corpus){0};
        return corpus_fail(
            message,
            "too little text: %zu entries between lines of a single '%%', and one in "
            "%zu is needed for testing",
            entries, options->test_one_in);
    }
    overlap_span *found = malloc(2 * text->entries * sizeof *found);
    bool good = found != NULL;
    if (good) {
        overlap_span *shuffled = found + text->entries, *next = found;
        for (size_t at = 0; corpus_next(bytes, length, &at, next);) {
            if (++next == shuffled)
                break;
        }
        good = corpus_shuffle(found, shuffled, text->entries, options->seed) &&
               corpus_split(text, shuffled, options);
    }
    free(found);
    if (!good) {
        corpus_free(text);
        return corpus_fail_memory(message);
    }
    return true;
}

void corpus_free(corpus *text) {
    free(text->train);
    free(text->test);
    *text = (corpus){0};
}

void corpus_print(FILE *stream, const corpus *text, const int32_t *symbols, size_t count) {
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = text->byte_of[symbols[i]];
        bool plain = (byte >= ' ' && byte <= '~') || byte == '\n' || byte == '\t';
        if (symbols[i] == CORPUS_END) {
            fputs("\n%\n", stream);
        } else if (symbols[i] == CORPUS_UNKNOWN || !plain) {
            fputs("\xef\xbf\xbd", stream);
        } else {
            fputc(byte, stream);
        }
    }
}
