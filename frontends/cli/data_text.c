/* Texts as symbols: bytes, or characters of UTF-8.
 *
 * The alphabet is that of the part that is trained on; what is rare there, or first seen later, is
 * one symbol, which also stands before the text. A text that is no UTF-8 is refused with the place
 * of the first wrong byte, not repaired: its symbols would not be those of the file. */
#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "core/size.h"
#include "frontends/cli/data.h"

enum { TEXT_CODES = 0x110000, TEXT_SYMBOLS = 65536 };

/* The codes of a text; a mistake ends the process. */
static uint32_t *text_codes(arena *memory, const char *name, const char *words, size_t bytes,
                            bool as_bytes, size_t *count) {
    uint32_t *codes = arena_array(memory, uint32_t, bytes + 1);
    int line = 1;
    *count = 0;
    for (size_t i = 0; i < bytes;) {
        uint32_t code = (unsigned char)words[i];
        size_t used = as_bytes ? 1 : text_read_character(words + i, bytes - i, &code);
        if (!used)
            cli_fail(CLI_FAILED,
                     "%s:%d: byte 0x%02x (number %zu of the file) is no UTF-8; --symbols bytes "
                     "takes any file",
                     name, line, code, i);
        line += code == '\n';
        codes[(*count)++] = code;
        i += used;
    }
    return codes;
}

static int32_t *text_places(arena *memory, const alphabet *a) {
    int32_t *places = arena_array(memory, int32_t, TEXT_CODES);
    for (int i = 1; i < a->count; i++)
        places[a->codes[i]] = i;
    return places;
}

/* DATA_START, then the symbols. */
static int32_t *text_symbols(arena *memory, const uint32_t *codes, size_t count,
                             const alphabet *a) {
    const int32_t *places = text_places(memory, a);
    int32_t *symbols = arena_array(memory, int32_t, count + 1);
    symbols[0] = DATA_START;
    for (size_t i = 0; i < count; i++)
        symbols[i + 1] = places[codes[i]];
    return symbols;
}

static alphabet text_alphabet(arena *memory, const char *path, const uint32_t *codes, size_t count,
                              bool bytes, int64_t rare) {
    int64_t *seen = arena_array(memory, int64_t, TEXT_CODES);
    alphabet a = {.bytes = bytes, .count = 1};
    for (size_t i = 0; i < count; i++)
        seen[codes[i]]++;
    for (int i = 0; i < TEXT_CODES; i++)
        a.count += seen[i] >= rare;
    if (a.count > TEXT_SYMBOLS)
        cli_fail(CLI_FAILED,
                 "%s has %d different characters, and at most %d can be symbols; --rare N makes "
                 "one symbol of all that are found less than N times",
                 path, a.count - 1, TEXT_SYMBOLS - 1);
    a.codes = arena_array(memory, uint32_t, a.count);
    a.count = 1;
    for (uint32_t i = 0; i < TEXT_CODES; i++)
        if (seen[i] >= rare)
            a.codes[a.count++] = i;
    return a;
}

static data text_data(const int32_t *symbols, size_t count, alphabet a, uint64_t fingerprint) {
    return (data){.kind = DATA_TEXT,
                  .rows = count,
                  .x = symbols,
                  .y = symbols + 1,
                  .inputs = 1,
                  .outputs = a.count,
                  .vocabulary = a.count,
                  .classes = true,
                  .symbols = a,
                  .fingerprint = fingerprint};
}

data data_read_text(arena *memory, const char *path, bool bytes, double part, int64_t rare) {
    size_t size, count;
    const char *words = cli_read_file(memory, path, &size);
    uint32_t *codes = text_codes(memory, path, words, size, bytes, &count);
    if (count == 0)
        cli_fail(CLI_FAILED, "%s is empty: there is nothing to learn", path);
    alphabet a = text_alphabet(memory, path, codes, (size_t)((double)count * part), bytes, rare);
    const int32_t *symbols = text_symbols(memory, codes, count, &a);
    return text_data(symbols, count, a, hash_bytes(words, size));
}

data data_read_text_in(arena *memory, const char *path, const alphabet *known) {
    size_t size, count;
    const char *words = cli_read_file(memory, path, &size);
    const int32_t *symbols = data_encode(memory, path, words, size, known, &count);
    return text_data(symbols - 1, count, *known, hash_bytes(words, size));
}

int32_t *data_encode(arena *memory, const char *name, const char *words, size_t bytes,
                     const alphabet *known, size_t *count) {
    uint32_t *codes = text_codes(memory, name, words, bytes, known->bytes, count);
    return text_symbols(memory, codes, *count, known) + 1;
}

int data_decode(const alphabet *a, int32_t symbol, char out[4]) {
    uint32_t code = symbol > 0 && symbol < a->count ? a->codes[symbol] : 0;
    if (a->bytes) {
        out[0] = (char)code;
        return 1;
    }
    if ((code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7F && code < 0xA0))
        code = 0xFFFD;
    int length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (length == 1) {
        out[0] = (char)code;
        return 1;
    }
    for (int i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)((0xF00 >> length & 0xFF) | code);
    return length;
}
