/* Lines for people who wait.
 *
 * A terminal gets one line over and over ("\r", then erase what the old line leaves behind); a log
 * gets few plain lines whose number depends on steps, not on time, so that two logs compare line by
 * line. Rewriting is limited by the clock: on a fast model the terminal would be the slow part.
 *
 * Norms of gradients fall by powers of ten with the time lag, so bars show logarithms. A logarithm
 * has no natural zero; the left end is a power of ten strictly below the smallest value, which
 * leaves every positive value a visible bar. Eighths of a block make short charts readable. */
#include "common/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/wall_clock.h"

static const int64_t progress_plain_lines = 20;
static const double progress_pause = 0.1; /* seconds between two rewritten lines */

void progress_begin(progress *run, FILE *stream, int64_t steps) {
    const char *kind = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    int file = fileno(stream);
    bool terminal = file >= 0 && isatty(file) && kind != NULL && strcmp(kind, "dumb") != 0;
    bool colour = terminal && (no_colour == NULL || no_colour[0] == '\0');
    double now = wall_clock_seconds();
    *run = (progress){.stream = stream, .terminal = terminal, .colour = colour, .steps = steps};
    run->started = now;
    run->shown = now - progress_pause;
}

/* "1:02:03", "2:03", or "--:--" when nothing is known. */
static void progress_duration(char *out, size_t size, double seconds) {
    if (!(seconds >= 0 && seconds < 360000)) {
        snprintf(out, size, "--:--");
        return;
    }
    int all = (int)(seconds + 0.5), hours = all / 3600, minutes = all / 60 % 60;
    if (hours > 0) {
        snprintf(out, size, "%d:%02d:%02d", hours, minutes, all % 60);
    } else {
        snprintf(out, size, "%d:%02d", minutes, all % 60);
    }
}

void progress_line(char *out, const progress_point *point, int64_t steps, double elapsed,
                   bool colour) {
    const char *strong = colour ? "\x1b[1m" : "", *plain = colour ? "\x1b[0m" : "";
    double speed = elapsed > 0 ? (double)point->characters / elapsed : 0;
    bool thousands = speed >= 10000;
    double left =
        point->step > 0 ? elapsed / (double)point->step * (double)(steps - point->step) : -1;
    char duration[24];
    progress_duration(duration, sizeof duration, left);
    snprintf(out, PROGRESS_LINE,
             "step %lld/%lld  loss %.2f  %s%.3f bits/char%s  grad %.2g  %.0f%s char/s  %s left",
             (long long)point->step, (long long)steps, point->loss, strong, point->loss / log(2.0),
             plain, point->gradient_norm, thousands ? speed / 1000 : speed, thousands ? "k" : "",
             duration);
}

void progress_show(progress *run, const progress_point *point) {
    double now = wall_clock_seconds();
    bool last = point->step >= run->steps;
    if (run->terminal) {
        if (!last && now - run->shown < progress_pause)
            return;
    } else {
        int64_t lines = point->step * progress_plain_lines / run->steps;
        if (!last && lines == run->lines)
            return;
        run->lines = lines;
    }
    char line[PROGRESS_LINE];
    progress_line(line, point, run->steps, now - run->started, run->colour);
    if (run->terminal) {
        fprintf(run->stream, "\r%s\x1b[K", line);
    } else {
        fprintf(run->stream, "%s\n", line);
    }
    fflush(run->stream);
    run->shown = now;
    run->line_is_open = run->terminal;
}

void progress_end(progress *run) {
    if (run->line_is_open)
        fputc('\n', run->stream);
    run->line_is_open = false;
}

static bool progress_has_bar(double value) {
    return value > 0 && isfinite(value);
}

void progress_bars(FILE *stream, const char *title, const char *const *labels, const double *values,
                   size_t count, int columns) {
    static const char *const eighths[8] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double smallest = INFINITY, greatest = 0;
    int label_width = 0;
    for (size_t i = 0; i < count; i++) {
        int width = (int)strlen(labels[i]);
        if (width > label_width)
            label_width = width;
        if (!progress_has_bar(values[i]))
            continue;
        smallest = fmin(smallest, values[i]);
        greatest = fmax(greatest, values[i]);
    }
    fprintf(stream, "%s\n", title);
    double low = ceil(log10(smallest)) - 1, high = log10(greatest);
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "  %*s %9.2e ", label_width, labels[i], values[i]);
        if (progress_has_bar(values[i])) {
            double share = (log10(values[i]) - low) / (high - low);
            int length = (int)(share * 8 * columns + 0.5);
            for (int cell = 0; cell < length / 8; cell++)
                fputs("█", stream);
            fputs(length > 0 ? eighths[length % 8] : eighths[1], stream);
        }
        fputc('\n', stream);
    }
    if (greatest > 0) {
        fprintf(stream, "  %*s logarithmic scale, 1e%.0f to %.2e\n", label_width, "", low,
                greatest);
    }
}
