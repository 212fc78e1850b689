/* How long blocks of sound take. */
#ifndef EXAMPLES_PACE_H
#define EXAMPLES_PACE_H

#include <stddef.h>

/* Prints the time that all blocks took beside that of the sound, and how long the slow ones took.
 * seconds[blocks], more than none, are sorted. */
void pace_print(double *seconds, size_t blocks, double sound_seconds);

#endif
