/* Time that passes on the wall. */
#ifndef EXAMPLES_WALL_CLOCK_H
#define EXAMPLES_WALL_CLOCK_H

/* Seconds since some fixed moment; never goes back. For measuring and showing only: nothing that is
 * computed may depend on it. */
double wall_clock_seconds(void);

#endif
