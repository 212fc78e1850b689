/* A device that is late once is heard to click, so the slowest blocks count, not their mean. On a
 * machine with other work the worst one is the scheduler's; the time that 99.9 % of blocks keep is
 * closer to what the code itself does. */
#include "amplifier/pace.h"

#include <stdio.h>
#include <stdlib.h>

static int pace_compare(const void *a, const void *b) {
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

void pace_print(double *seconds, size_t blocks, double sound_seconds) {
    double all = 0;
    for (size_t i = 0; i < blocks; i++)
        all += seconds[i];
    qsort(seconds, blocks, sizeof *seconds, pace_compare);
    printf("%.1f s of sound in %.1f ms: %.0f times real time, %.2f%% of one core\n", sound_seconds,
           1e3 * all, sound_seconds / all, 100 * all / sound_seconds);
    printf("%zu blocks of %.0f us: median %.1f us, 99.9%% %.1f us, worst %.1f us\n", blocks,
           1e6 * sound_seconds / (double)blocks, 1e6 * seconds[blocks / 2],
           1e6 * seconds[(blocks - 1) * 999 / 1000], 1e6 * seconds[blocks - 1]);
}
