/* The roof of a loop nest: what it computes at the rate of registers alone, or what it reads and
 * writes at the bandwidth of the level that holds it, whichever takes longer.
 *
 * Which level that is depends on what comes between two readings of an element: all that one step
 * of the loop around touches. It is shared out among threads, each with caches of its own but for
 * the third level, and four fifths of a cache are ours.
 *
 * How large caches are is what the kernel says of the first core. The C library's third level is
 * that of a whole socket, where a core reaches a part of it: what is measured would take gigabytes,
 * and none of it would be in that level. */
#include "frontends/rate/roof.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "frontends/rate/rate.h"

static const char *const roof_names[ROOF_LEVELS] = {"L1", "L2", "L3", "DRAM"};
static const double roof_ours = 0.8;

/* The first line of a file that tells about a cache. */
static bool roof_word(int cache, const char *file, char word[32]) {
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", cache, file);
    FILE *from = fopen(path, "r");
    bool read = from && fgets(word, 32, from);
    if (from)
        fclose(from);
    return read;
}

double roof_cache(int level) {
    char word[32], *unit;
    for (int i = 0; roof_word(i, "level", word); i++) {
        if (atoi(word) != level + 1 || !roof_word(i, "type", word) || word[0] == 'I' ||
            !roof_word(i, "size", word))
            continue;
        double size = strtod(word, &unit);
        return size * (*unit == 'K' ? 1024 : *unit == 'M' ? 1024 * 1024 : 1);
    }
    return 0;
}

roof roof_measure(eddy_dtype type, int threads) {
    const bool two = threads > 1;
    roof r = {.threads = two ? 2 : 1, .caches = {32 << 10, 1 << 20, 8 << 20, INFINITY}};
    for (int i = ROOF_L1; i < ROOF_DRAM; i++) {
        double bytes = roof_cache(i);
        r.caches[i] = bytes > 0 ? bytes : r.caches[i];
    }
    const double blocks[] = {r.caches[ROOF_L1] / 2, r.caches[ROOF_L2] / 2, r.caches[ROOF_L3] / 4,
                             4 * r.caches[ROOF_L3]};
    for (int i = 0; i < ROOF_LEVELS; i++) {
        rate found = rate_read((size_t)blocks[i]);
        r.read[i] = two ? found.two : found.one;
        r.caches[i] *= i == ROOF_L3 ? 1 : roof_ours * r.threads;
    }
    rate multiply = rate_multiply(type == EDDY_F64 ? RATE_F64 : RATE_F32);
    r.operations = (two ? multiply.two : multiply.one) / 2;
    return r;
}

roof_share roof_of(const roof *r, const eddy_watched *w) {
    int level = ROOF_L1;
    while (level < ROOF_DRAM && w->resident > r->caches[level])
        level++;
    double compute = r->operations > 0 ? w->operations / r->operations : 0;
    double stream = r->read[level] > 0 ? w->bytes / r->read[level] : 0;
    return compute >= stream ? (roof_share){compute, "compute"}
                             : (roof_share){stream, roof_names[level]};
}

static int roof_compare(const void *a, const void *b) {
    double x = ((const eddy_watched *)a)->seconds, y = ((const eddy_watched *)b)->seconds;
    return (x < y) - (x > y);
}

int roof_watch(eddy_run *run, double seconds, eddy_watched *out, int most) {
    enum { LEAST = 3 };
    int calls = 0, count = 0;
    eddy_run_call(run); /* wakes threads, fills caches */
    eddy_run_watch(run);
    for (double start = rate_wall_seconds(); calls < LEAST || rate_wall_seconds() - start < seconds;
         calls++)
        if (eddy_run_call(run) != EDDY_OK)
            return 0;
    while (count < most && eddy_run_watched(run, count, &out[count])) {
        eddy_watched *w = &out[count++];
        w->seconds /= calls;
        w->calls /= calls;
        w->operations /= calls;
        w->bytes /= calls;
    }
    qsort(out, (size_t)count, sizeof *out, roof_compare);
    return count;
}
