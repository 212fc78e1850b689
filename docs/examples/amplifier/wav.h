/* Sound of one channel in WAV files, of 16-bit integers or of floats. */
#ifndef EXAMPLES_WAV_H
#define EXAMPLES_WAV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wav {
    bool real;      /* the file holds 32-bit floats, else 16-bit integers */
    uint32_t rate;  /* samples a second */
    size_t count;   /* of samples; a file that was read has some */
    float *samples; /* [count], -1 to 1; of malloc */
    char problem[192];
} wav;

/* Sound of so many samples a second. False: it cannot be read, and problem says why. */
bool wav_read(const char *path, uint32_t rate, wav *w);
/* Integers are rounded, and limited to -1 and 1. False: not written, and problem says why. */
bool wav_write(const char *path, wav *w);

#endif
