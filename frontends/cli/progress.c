/* The line that follows a run: loss (and bits), the gradient's norm, rows a second, time left. */
#include "frontends/cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { PROGRESS_LINES = 20 };
static const double progress_pause = 0.1; /* seconds between two versions of a line */

progress progress_begin(int64_t first, int64_t steps, bool bits, bool quiet) {
    double now = cli_seconds();
    return (progress){.terminal = cli_is_terminal(STDOUT_FILENO),
                      .colour = cli_has_colour(STDOUT_FILENO),
                      .quiet = quiet,
                      .bits = bits,
                      .first = first,
                      .steps = steps,
                      .began = now,
                      .shown = now - progress_pause};
}

static void progress_left(char *out, size_t size, double seconds) {
    if (!(seconds >= 0 && seconds < 360000)) {
        snprintf(out, size, "--:--");
        return;
    }
    int all = (int)(seconds + 0.5);
    if (all >= 3600)
        snprintf(out, size, "%d:%02d:%02d", all / 3600, all / 60 % 60, all % 60);
    else
        snprintf(out, size, "%d:%02d", all / 60, all % 60);
}

void progress_show(progress *p, const progress_point *at) {
    double now = cli_seconds(), elapsed = now - p->began;
    bool last = at->step >= p->steps;
    bool due = p->terminal ? now - p->shown >= progress_pause
                           : at->step * PROGRESS_LINES / p->steps !=
                                 (at->step - 1) * PROGRESS_LINES / p->steps;
    if (p->quiet || !(due || last))
        return;
    const char *strong = p->colour ? "\x1b[1m" : "", *plain = p->colour ? "\x1b[0m" : "";
    double done = (double)(at->step - p->first);
    double speed = elapsed > 0 ? done * (double)at->rows / elapsed : 0;
    char left[32];
    progress_left(left, sizeof left, elapsed / done * (double)(p->steps - at->step));
    if (p->terminal)
        printf("\r");
    printf("step %lld/%lld  loss %.4f", (long long)at->step, (long long)p->steps, at->loss);
    if (p->bits)
        printf("  %s%.3f bits%s", strong, at->loss / log(2.0), plain);
    printf("  grad %.2g  rate %.2g", at->norm, at->rate);
    if (isfinite(at->validation))
        printf("  valid %.4f", p->bits ? at->validation / log(2.0) : at->validation);
    printf("  %.0f%s rows/s  %s left", speed >= 10000 ? speed / 1000 : speed,
           speed >= 10000 ? "k" : "", left);
    printf(p->terminal ? "\x1b[K" : "\n");
    fflush(stdout);
    p->shown = now;
    p->open = p->terminal;
}

void progress_end(progress *p) {
    if (p->open)
        printf("\n");
    p->open = false;
    fflush(stdout);
}
