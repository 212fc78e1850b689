/* A program that is watched reads a clock between its loop nests, so a step takes a little longer
 * than elsewhere; shares are what counts here. The roof of a nest is the least time that its
 * operations, or the bytes that it touches, take on this machine as it was measured just before. */
#include "frontends/cli/times.h"

#include <math.h>

#include "frontends/cli/log.h"
#include "frontends/rate/roof.h"

enum { TIMES_NESTS = 512, TIMES_SHOWN = 12 };

/* null where the machine could not be measured. */
static json_t *times_known(double x) {
    return x > 0 ? json_real(x) : json_null();
}

static json_t *times_nest(const roof *r, const eddy_watched *w, double all) {
    roof_share least = roof_of(r, w);
    return json_pack("{s:s, s:f, s:f, s:f, s:o, s:s, s:o}", "name", w->name, "calls", w->calls,
                     "seconds", w->seconds, "share", w->seconds / all, "roof",
                     times_known(w->seconds > 0 ? least.seconds / w->seconds : 0), "bound",
                     least.bound, "operations_a_second",
                     times_known(w->seconds > 0 ? w->operations / w->seconds : 0));
}

json_t *times_line(session *s, int64_t step) {
    static eddy_watched found[TIMES_NESTS];
    double all = 0, rest = 0;
    int count = roof_watch(s->run, 0.3, found, TIMES_NESTS);
    for (int i = 0; i < count; i++)
        all += found[i].seconds;
    if (!(all > 0))
        return NULL;
    roof machine = roof_measure(EDDY_F32, eddy_run_thread_count(s->run));
    json_t *nests = json_array();
    for (int i = 0; i < count; i++) {
        if (i < TIMES_SHOWN)
            json_array_append_new(nests, times_nest(&machine, &found[i], all));
        else
            rest += found[i].seconds;
    }
    return json_pack("{s:s, s:I, s:f, s:o, s:i, s:f, s:f, s:o}", "event", "times", "step",
                     (json_int_t)step, "seconds", all, "operations_a_second",
                     times_known(machine.operations), "others",
                     count > TIMES_SHOWN ? count - TIMES_SHOWN : 0, "others_seconds", rest,
                     "others_share", rest / all, "nests", nests);
}
