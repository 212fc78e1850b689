/* What a training run shows: a line that follows it, and a small bar chart afterwards. */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Training seen from outside. On a terminal one line is rewritten in place, about ten times a
 * second; elsewhere (a file, a pipe, TERM unset or "dumb") twenty plain lines are written during
 * the run. Colour needs a terminal and an empty or absent NO_COLOR. */
typedef struct progress {
    FILE *stream;
    bool terminal, colour;
    int64_t steps;     /* of the whole run */
    int64_t lines;     /* twentieths of the run shown as plain lines */
    double started;    /* wall clock, seconds */
    double shown;      /* when the line was last rewritten */
    bool line_is_open; /* the terminal's line has no newline yet */
} progress;

/* The state of a run after a step. */
typedef struct progress_point {
    int64_t step;         /* steps done: 1 after the first */
    int64_t characters;   /* characters trained on since the start */
    double loss;          /* nats per character; bits per character are derived from it */
    double gradient_norm; /* global, before clipping */
} progress_point;

enum { PROGRESS_LINE = 128 }; /* bytes for a line with its colour codes and end */

/* Starts the clock of a run of `steps` (> 0) steps that is shown on `stream`. */
void progress_begin(progress *run, FILE *stream, int64_t steps);

/* Shows a step when it is time to; the last step always. */
void progress_show(progress *run, const progress_point *point);

/* Ends an unfinished line, if any. */
void progress_end(progress *run);

/* The line itself, without newline, into out[0 .. PROGRESS_LINE): at most 79 columns for ordinary
 * values. `elapsed` is in seconds. */
void progress_line(char *out, const progress_point *point, int64_t steps, double elapsed,
                   bool colour);

/* One row per value: label, number, and a bar of at most `columns` cells whose length is the
 * logarithm of the value, from the power of ten below the smallest one up to the greatest. Zero,
 * negative and non-finite values have no bar. The scale is said under the chart. */
void progress_bars(FILE *stream, const char *title, const char *const *labels, const double *values,
                   size_t count, int columns);

#endif
