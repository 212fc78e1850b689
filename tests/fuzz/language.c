/* Texts that nobody would write, read as cells.
 *
 *   fuzz_language [COUNT [SEED]]
 *
 * A seed decides everything about one text: random bytes, random words of the language, or the
 * cells of docs/language.md or of the library with pieces cut out, doubled, put in or spoiled.
 * Reading one must end, soon, and either find no mistake or report some; a sanitizer build sees the
 * rest. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frontends/eddy.h"

enum { LIMIT = 1 << 16 };

static uint64_t state;

/* xorshift64*, Vigna 2016 */
static uint32_t draw(uint32_t below) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(((state * 0x2545f4914f6cdd1dull) >> 32) % below);
}

enum { PAGES = 7 };
static char pages[PAGES][LIMIT];
static size_t page_bytes[PAGES];

static size_t read_file(const char *name, char *to) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", EDDY_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        exit(2);
    size_t bytes = fread(to, 1, LIMIT - 1, file);
    fclose(file);
    to[bytes] = 0;
    return bytes;
}

/* The library's cells, and the examples of the page. */
static void read_pages(void) {
    static const char *const files[PAGES - 1] = {
        "frontends/cells/classic.eddy", "frontends/cells/gated.eddy",
        "frontends/cells/linear.eddy",  "frontends/cells/lstm.eddy",
        "frontends/cells/memory.eddy",  "frontends/cells/physical.eddy"};
    static char text[LIMIT];
    for (int i = 0; i < PAGES - 1; i++)
        page_bytes[i] = read_file(files[i], pages[i]);
    read_file("docs/language.md", text);
    for (char *at = strstr(text, "```eddy\n"); at; at = strstr(at, "```eddy\n")) {
        at += 8;
        size_t part = (size_t)(strstr(at, "```") - at);
        memcpy(pages[PAGES - 1] + page_bytes[PAGES - 1], at, part);
        page_bytes[PAGES - 1] += part;
    }
}

static const char *const words[] = {
    "cell ",    "state ",     "param ",   "fixed ",     "for ",   " in ",   " over ", " else ",
    "adjoint ", " and ",      " or ",     "not ",       " mod ",  " -> ",   ":=",     "==",
    "!=",       "<=",         "..",       "<",          "+",      "-",      "*",      "/",
    "@",        "^",          "'",        "=",          ",",      ":",      "(",      ")",
    "[",        "]",          "{",        "}",          "\n",     "\n",     "x",      "h",
    "D",        "H",          "t",        "1",          "0.5",    "1e9",    "tanh(",  "sum(",
    "where(",   "stack(",     "f",        "{i, o}",     "[H, D]", "\"mn\"", "^T",     "(x)",
    "h' = ",    "y = ",       "#",        "1..3",       "grad(",  "random", "t-1",    "\xce\xb1",
    "W",        " : complex", "reshape(", "99999999999"};

static size_t make(char *to) {
    size_t bytes = 0;
    uint32_t kind = draw(10);
    if (kind == 0) {
        bytes = draw(400);
        for (size_t i = 0; i < bytes; i++)
            to[i] = (char)draw(256);
    } else if (kind < 4) {
        bytes = (size_t)sprintf(to, "%s", draw(2) ? "cell a(x[D]) -> h {\n" : "");
        for (uint32_t n = draw(120); n > 0; n--)
            bytes += (size_t)sprintf(to + bytes, "%s",
                                     words[draw((uint32_t)(sizeof words / sizeof *words))]);
    } else {
        uint32_t page = draw(PAGES);
        bytes = page_bytes[page];
        memcpy(to, pages[page], bytes);
        for (uint32_t n = 1 + draw(8); n > 0; n--) {
            size_t from = draw((uint32_t)bytes), part = 1 + draw(30), into = draw((uint32_t)bytes);
            if (part > bytes - from)
                part = bytes - from;
            char piece[32];
            memcpy(piece, to + from, part);
            uint32_t how = draw(4);
            if (how == 0 || bytes + part >= LIMIT / 2) { /* cut */
                memmove(to + from, to + from + part, bytes - from - part);
                bytes -= part;
            } else if (how == 1) { /* double elsewhere */
                memmove(to + into + part, to + into, bytes - into);
                memcpy(to + into, piece, part);
                bytes += part;
            } else if (how == 2) { /* spoil */
                to[into] = (char)draw(256);
            } else { /* a word */
                const char *word = words[draw((uint32_t)(sizeof words / sizeof *words))];
                size_t length = strlen(word);
                memmove(to + into + length, to + into, bytes - into);
                memcpy(to + into, word, length);
                bytes += length;
            }
            if (bytes == 0)
                break;
        }
    }
    return bytes;
}

int main(int count, char **arguments) {
    int texts = count > 1 ? atoi(arguments[1]) : 300;
    uint64_t first = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    static char text[LIMIT];
    int wrong = 0, failed = 0;
    read_pages();
    for (int i = 0; i < texts; i++) {
        state = (first + (uint64_t)i) * 0x9e3779b97f4a7c15ull | 1;
        size_t bytes = make(text);
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        eddy_cells *cells = NULL;
        eddy_status code = eddy_cells_read(NULL, "fuzz", text, bytes, &cells);
        clock_gettime(CLOCK_MONOTONIC, &after);
        bool silent = cells && eddy_cells_report(cells)[0] == 0;
        bool slow = after.tv_sec - before.tv_sec > 20;
        wrong += code == EDDY_BAD_FORMAT;
        if ((code != EDDY_OK && code != EDDY_BAD_FORMAT) || silent != (code == EDDY_OK) || slow) {
            failed++;
            printf("seed %" PRIu64 " fails: status %d%s\n%.*s\n", first + (uint64_t)i, (int)code,
                   slow ? ", too slow" : "", (int)bytes, text);
        }
        eddy_cells_free(cells);
    }
    printf("seeds %" PRIu64 " to %" PRIu64 ": %d texts, %d with mistakes, %d failed\n", first,
           first + (uint64_t)(texts > 0 ? texts - 1 : 0), texts, wrong, failed);
    return failed > 0 || (texts >= 100 && (wrong == 0 || wrong == texts));
}
