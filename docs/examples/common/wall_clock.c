/* The monotonic clock: unlike the time of day it does not jump when somebody sets the date. */
#include "common/wall_clock.h"

#include <time.h>

double wall_clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
