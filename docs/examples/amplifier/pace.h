/* How long blocks of sound take. */
#ifndef EXAMPLES_PACE_H
#define EXAMPLES_PACE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pace {
    double *seconds, start; /* [blocks] of malloc, those of `count` are known; of the last one */
    size_t blocks, count;
} pace;

/* Room for the times of so many blocks, more than none. False: there is none. */
bool pace_begin(pace *p, size_t blocks);
/* Around each block. */
void pace_start(pace *p);
void pace_stop(pace *p);
/* Prints the time that all blocks took beside that of the sound, and how long the slow ones took;
 * the room is given back. */
void pace_end(pace *p, double sound_seconds);

#endif
