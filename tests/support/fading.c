/* Each step keeps half, or a little more, of what there was. */
#include "tests/support/fading.h"

#include <stdio.h>

#include "frontends/eddy.h"
#include "tests/support/outside.h"

static void good(eddy_status found, const char *message) {
    if (found != EDDY_OK)
        outside_fail("%s: %s", eddy_status_name(found), message);
}

void fading_write(const char *prefix, const char *target, const char *cpu, bool flush) {
    enum { H = 8 };
    char stem[256];
    eddy_program *p;
    eddy_run *r;
    eddy_params *params = eddy_params_new(NULL, 7);
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, EDDY_SCALAR);
    eddy_value keep = eddy_param(m, "keep", eddy_init_uniform(0.5, 0.75), H);
    eddy_value h0 = eddy_state(m, "h", t, H);
    eddy_value h = eddy_add(eddy_mul(keep, h0), x);
    eddy_next(h0, h);
    eddy_output(m, "h", h);
    good(eddy_compile(m, &p), eddy_model_message(m));
    eddy_status found = eddy_run_new(p, params, &r); /* the params are complete then */
    good(found, eddy_run_message(r));
    eddy_run_free(r);
    eddy_program_free(p);
    snprintf(stem, sizeof stem, "%s/%s", outside_folder, prefix);
    const eddy_object_options how = {
        .params = params, .target = target, .cpu = cpu, .flush = flush};
    good(eddy_compile_to_object(m, prefix, stem, &how), eddy_model_message(m));
    eddy_model_free(m);
    eddy_params_free(params);
}
