/* A device that is late once is heard to click, so the slowest blocks count, not their mean. On a
 * machine with other work the worst one is the scheduler's; the time that 99.9 % of blocks keep is
 * closer to what the code itself does. */
#include "amplifier/pace.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/wall_clock.h"

bool pace_begin(pace *p, size_t blocks) {
    *p = (pace){.seconds = calloc(blocks, sizeof(double)), .blocks = blocks};
    return p->seconds != NULL;
}

void pace_start(pace *p) {
    p->start = wall_clock_seconds();
}

void pace_stop(pace *p) {
    p->seconds[p->count++] = wall_clock_seconds() - p->start;
}

static int pace_compare(const void *a, const void *b) {
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

void pace_end(pace *p, double sound_seconds) {
    double all = 0, *seconds = p->seconds;
    const size_t blocks = p->blocks;
    for (size_t i = 0; i < blocks; i++)
        all += seconds[i];
    qsort(seconds, blocks, sizeof *seconds, pace_compare);
    printf("%.1f s of sound in %.1f ms: %.0f times real time, %.2f%% of one core\n", sound_seconds,
           1e3 * all, sound_seconds / all, 100 * all / sound_seconds);
    printf("%zu blocks of %.0f us: median %.1f us, 99.9%% %.1f us, worst %.1f us\n", blocks,
           1e6 * sound_seconds / (double)blocks, 1e6 * seconds[blocks / 2],
           1e6 * seconds[(blocks - 1) * 999 / 1000], 1e6 * seconds[blocks - 1]);
    free(seconds);
}
