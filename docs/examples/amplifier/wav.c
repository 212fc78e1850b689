/* A WAV file is a list of chunks, each of a name of four letters, a size, and so many bytes: "fmt "
 * says what the bytes of "data" are. Files that recorders and editors write have other chunks as
 * well, in any place, and those of odd sizes have a byte behind them. Whatever is not one channel
 * of 16-bit integers or of 32-bit floats is refused; a sample that was guessed would be heard. */
#include "amplifier/wav.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAV_INTEGERS = 1, WAV_FLOATS = 3, WAV_EXTENSIBLE = 0xfffe, WAV_CHUNK = 8 };

__attribute__((format(printf, 2, 3))) static bool wav_fail(wav *w, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(w->problem, sizeof w->problem, format, arguments);
    va_end(arguments);
    return false;
}

static uint32_t wav_number(const unsigned char *at, int bytes) {
    uint32_t number = 0;
    for (int i = bytes - 1; i >= 0; i--)
        number = number << 8 | at[i];
    return number;
}

/* All bytes of a file, of malloc; NULL: problem says why. */
static unsigned char *wav_load(const char *path, wav *w, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    unsigned char *all = NULL;
    size_t room = 0;
    *bytes = 0;
    if (!file)
        return wav_fail(w, "cannot open %.99s: %s", path, strerror(errno)), NULL;
    do {
        room = 2 * room + 65536;
        unsigned char *more = realloc(all, room);
        if (!more) {
            free(all);
            fclose(file);
            return wav_fail(w, "%.99s: out of memory", path), NULL;
        }
        all = more;
        *bytes += fread(all + *bytes, 1, room - *bytes, file);
    } while (*bytes == room);
    bool good = !ferror(file);
    fclose(file);
    if (good)
        return all;
    free(all);
    return wav_fail(w, "cannot read %.99s", path), NULL;
}

/* The chunk of this name: its bytes and their number; NULL: there is none, or the file ends first.
 */
static const unsigned char *wav_chunk(const unsigned char *all, size_t bytes, const char *name,
                                      size_t *size) {
    for (size_t at = 12; bytes >= WAV_CHUNK && at <= bytes - WAV_CHUNK;) {
        size_t left = bytes - at - WAV_CHUNK;
        *size = wav_number(all + at + 4, 4);
        if (memcmp(all + at, name, 4) == 0)
            return *size <= left ? all + at + WAV_CHUNK : NULL;
        if (*size > left)
            return NULL;
        at += WAV_CHUNK + *size + *size % 2;
    }
    return NULL;
}

static float wav_sample(const unsigned char *at, bool real) {
    uint32_t bits = wav_number(at, real ? 4 : 2);
    float number;
    memcpy(&number, &bits, sizeof number);
    return real ? number : (float)(int16_t)bits / 32768;
}

static bool wav_parse(const char *path, wav *w, const unsigned char *all, size_t bytes) {
    size_t size = 0, length = 0;
    if (bytes < 12 || memcmp(all, "RIFF", 4) != 0 || memcmp(all + 8, "WAVE", 4) != 0)
        return wav_fail(w, "%.99s is no WAV file", path);
    const unsigned char *format = wav_chunk(all, bytes, "fmt ", &size);
    const unsigned char *data = wav_chunk(all, bytes, "data", &length);
    if (!format || size < 16 || !data)
        return wav_fail(w, "%.99s is cut off, or lacks a chunk", path);
    uint32_t kind = wav_number(format, 2), channels = wav_number(format + 2, 2);
    uint32_t width = wav_number(format + 14, 2);
    if (kind == WAV_EXTENSIBLE && size >= 26)
        kind = wav_number(format + 24, 2);
    if (channels != 1)
        return wav_fail(w, "%.99s has %u channels, and it must be one", path, (unsigned)channels);
    w->real = kind == WAV_FLOATS && width == 32;
    if (!w->real && !(kind == WAV_INTEGERS && width == 16))
        return wav_fail(w,
                        "%.99s has samples of %u bits in format %u; 16-bit integers (format 1) and "
                        "32-bit floats (format 3) are read",
                        path, (unsigned)width, (unsigned)kind);
    if (wav_number(format + 4, 4) != w->rate)
        return wav_fail(w, "%.99s has %u samples a second, and %u are read", path,
                        (unsigned)wav_number(format + 4, 4), (unsigned)w->rate);
    w->count = length / (width / 8);
    if (w->count == 0)
        return wav_fail(w, "%.99s has no samples", path);
    w->samples = malloc((w->count + 1) * sizeof *w->samples);
    if (!w->samples)
        return wav_fail(w, "%.99s: out of memory", path);
    for (size_t i = 0; i < w->count; i++) {
        w->samples[i] = wav_sample(data + i * (width / 8), w->real);
        if (!isfinite(w->samples[i])) {
            free(w->samples);
            return wav_fail(w, "%.99s: sample %zu is not finite", path, i + 1);
        }
    }
    return true;
}

bool wav_read(const char *path, uint32_t rate, wav *w) {
    size_t bytes;
    w->rate = rate;
    unsigned char *all = wav_load(path, w, &bytes);
    bool good = all && wav_parse(path, w, all, bytes);
    free(all);
    return good;
}

static void wav_put(FILE *file, uint32_t number, int bytes) {
    for (int i = 0; i < bytes; i++)
        putc((int)((number >> (8 * i)) & 0xff), file);
}

bool wav_write(const char *path, wav *w) {
    const uint32_t width = w->real ? 4 : 2, length = (uint32_t)w->count * width;
    if (w->count > (UINT32_MAX - 64) / 4)
        return wav_fail(w, "%.99s: a WAV file holds at most 4 GB", path);
    FILE *file = fopen(path, "wb");
    if (!file)
        return wav_fail(w, "cannot open %.99s: %s", path, strerror(errno));
    fputs("RIFF", file);
    wav_put(file, (w->real ? 50 : 36) + length, 4);
    fputs("WAVEfmt ", file);
    wav_put(file, w->real ? 18 : 16, 4);
    wav_put(file, w->real ? WAV_FLOATS : WAV_INTEGERS, 2);
    wav_put(file, 1, 2);
    wav_put(file, w->rate, 4);
    wav_put(file, w->rate * width, 4);
    wav_put(file, width, 2);
    wav_put(file, 8 * width, 2);
    if (w->real) { /* formats other than 1 have a size of what follows, and a count of samples */
        wav_put(file, 0, 2);
        fputs("fact", file);
        wav_put(file, 4, 4);
        wav_put(file, (uint32_t)w->count, 4);
    }
    fputs("data", file);
    wav_put(file, length, 4);
    for (size_t i = 0; i < w->count; i++) {
        uint32_t bits;
        memcpy(&bits, &w->samples[i], sizeof bits);
        if (!w->real)
            bits = (uint32_t)lrintf(fminf(fmaxf(w->samples[i] * 32768, -32768), 32767));
        wav_put(file, bits, (int)width);
    }
    bool good = !ferror(file);
    return (fclose(file) == 0 && good) || wav_fail(w, "cannot write %.99s", path);
}
