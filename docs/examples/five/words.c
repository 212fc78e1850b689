/* Word lists of Debian as symbols.
 *
 * The lists are long; a part of each is enough: the words with the lowest hashes, so that the
 * choice depends on neither a library's random numbers nor the order of a file. Capitals become
 * small letters, which gives nothing away about the language (German nouns have them). What has an
 * apostrophe, a hyphen, or a letter that the table below lacks is left out: without its accent, a
 * letter must be one of a to z. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "five/five.h"

/* Symbols from PLAIN on, an entry each: two bytes of UTF-8, C3 and another, and the plain letter.
 */
static const char words_accented[] = "àaáaâaäaçcèeéeêeëeîiïiñnóoôoöoùuûuüu";
enum { WORDS_ENTRY = 3 };
_Static_assert(sizeof words_accented - 1 == WORDS_ENTRY * (LETTERS - PLAIN), "a symbol each");

const char *const language_names[LANGUAGES] = {"english", "french", "german"};
static const char *const words_files[LANGUAGES] = {
    "/usr/share/dict/american-english", "/usr/share/dict/french", "/usr/share/dict/ngerman"};
static const char *const words_packages[LANGUAGES] = {"wamerican", "wfrench", "wngerman"};

uint8_t words_plain(uint8_t letter) {
    if (letter < PLAIN)
        return letter;
    return (uint8_t)(words_accented[WORDS_ENTRY * (letter - PLAIN) + 2] - 'a' + 1);
}

/* The symbol of the character at *text, which moves on; END when it is no letter. */
static uint8_t words_letter(const char **text) {
    unsigned char first = (unsigned char)*(*text)++;
    unsigned char small = first | 0x20;
    if (first < 0x80)
        return small >= 'a' && small <= 'z' ? (uint8_t)(small - 'a' + 1) : END;
    unsigned char second = (unsigned char)**text;
    if (first != 0xC3 || second < 0x80)
        return END;
    ++*text;
    for (int i = PLAIN; i < LETTERS; i++)
        if ((unsigned char)words_accented[WORDS_ENTRY * (i - PLAIN) + 1] == (second | 0x20))
            return (uint8_t)i;
    return END;
}

/* Of the word without its accents, so that words that differ in these alone are on one side.
 * FNV-1a, then the finaliser of SplitMix64, which makes every bit depend on every letter. */
static uint64_t words_hash(const uint8_t *letters, size_t count) {
    uint64_t hash = 0xCBF29CE484222325;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ words_plain(letters[i])) * 0x100000001B3;
    hash = (hash ^ hash >> 30) * 0xBF58476D1CE4E5B9;
    hash = (hash ^ hash >> 27) * 0x94D049BB133111EB;
    return hash ^ hash >> 31;
}

bool words_add(samples *to, const char *text) {
    sample word = {0};
    while (*text && *text != '\n') {
        uint8_t letter = words_letter(&text);
        if (letter == END || word.x_length == LONGEST)
            return false;
        word.x[word.x_length++] = letter;
    }
    if (word.x_length < 3)
        return false;
    word.hash = words_hash(word.x, word.x_length);
    if (to->count == to->capacity) {
        to->capacity = 2 * to->capacity + 1024;
        sample *at = realloc(to->at, to->capacity * sizeof *at);
        if (!at)
            five_fail("out of memory");
        to->at = at;
    }
    to->at[to->count++] = word;
    return true;
}

static int words_compare(const void *a, const void *b) {
    const sample *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    int by_x = memcmp(x->x, y->x, WIDTH);
    return by_x ? by_x : memcmp(x->y, y->y, WIDTH);
}

void words_choose(samples *to, size_t first, size_t limit, const char *path) {
    qsort(to->at + first, to->count - first, sizeof *to->at, words_compare);
    size_t kept = first;
    for (size_t i = first; i < to->count; i++)
        if (i == first || memcmp(to->at[i].x, to->at[kept - 1].x, WIDTH) != 0)
            to->at[kept++] = to->at[i];
    if (kept - first < limit)
        five_fail("%s has %zu words of use; %zu are needed", path, kept - first, limit);
    to->count = first + limit;
}

FILE *words_open(const char *path, const char *package) {
    FILE *file = fopen(path, "r");
    if (!file)
        five_fail(
            "%s cannot be read.\nInstall it with: sudo apt-get install "
            "--no-install-recommends %s",
            path, package);
    return file;
}

void words_read(samples *to, int language, size_t limit) {
    size_t first = to->count;
    FILE *file = words_open(words_files[language], words_packages[language]);
    char line[256];
    while (fgets(line, sizeof line, file))
        words_add(to, line);
    fclose(file);
    words_choose(to, first, limit, words_files[language]);
    for (size_t i = first; i < to->count; i++) {
        to->at[i].y[0] = (uint8_t)language;
        to->at[i].y_length = 1;
    }
}

const char *words_text(char *text, const uint8_t *symbols, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count && symbols[i] != END; i++) {
        if (symbols[i] < PLAIN) {
            text[bytes++] = (char)('a' + symbols[i] - 1);
        } else {
            memcpy(text + bytes, words_accented + WORDS_ENTRY * (symbols[i] - PLAIN), 2);
            bytes += 2;
        }
    }
    text[bytes] = 0;
    return text;
}
