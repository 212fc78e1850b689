/* The public functions, with the statuses checked. Lengths and outputs are in memory of the run or
 * of the net; inputs stay where the test has them. */
#include "tests/support/net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

enum { NET_SAMPLES = 16 };
static int32_t net_full[NET_SAMPLES];

static void net_model(net *n) {
    n->m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    n->b = eddy_batch(n->m, "b");
    n->t = eddy_time_ragged(n->m, "t", n->b, "len");
    n->tb = n->t | n->b;
}

net net_begin(void) {
    net n = {.params = eddy_params_new(NULL, 1)};
    net_model(&n);
    return n;
}

net net_begin_with(const net *other) {
    net n = {.params = other->params, .lent = true};
    net_model(&n);
    return n;
}

void net_end(net *n) {
    eddy_run_free(n->run);
    eddy_program_free(n->program);
    eddy_model_free(n->m);
    if (!n->lent)
        eddy_params_free(n->params);
}

void net_resize(net *n, int64_t steps, int64_t samples) {
    cr_assert(samples <= NET_SAMPLES);
    eddy_run_resize(n->run, (const eddy_extent[]){{"t", steps}, {"b", samples}}, 2);
    for (int i = 0; i < NET_SAMPLES; i++)
        net_full[i] = (int32_t)steps;
    if (eddy_run_elements(n->run, "len") > 0)
        eddy_run_input(n->run, "len", net_full, (size_t)samples);
    cr_assert(eddy_run_status(n->run) == EDDY_OK, "%s", eddy_run_message(n->run));
}

void net_compile(net *n, int64_t steps, int64_t samples) {
    /* So that every net has both axes, whatever it computes. */
    eddy_value one = eddy_expand(eddy_number(n->m, 1), n->tb);
    eddy_output(n->m, "steps", eddy_total(one, n->tb));
    cr_assert(eddy_compile(n->m, &n->program) == EDDY_OK, "%s", eddy_model_message(n->m));
    eddy_run_new(n->program, n->params, &n->run);
    cr_assert(eddy_run_status(n->run) == EDDY_OK, "%s", eddy_run_message(n->run));
    net_resize(n, steps, samples);
}

void net_input(net *n, const char *name, const void *from) {
    eddy_run_input(n->run, name, from, eddy_run_elements(n->run, name));
    cr_assert(eddy_run_status(n->run) == EDDY_OK, "%s", eddy_run_message(n->run));
}

void net_call(net *n) {
    cr_assert(eddy_run_call(n->run) == EDDY_OK, "%s", eddy_run_message(n->run));
}

const double *net_read(net *n, const char *name) {
    const double *values = eddy_run_read(n->run, name);
    cr_assert(eddy_run_status(n->run) == EDDY_OK, "%s", eddy_run_message(n->run));
    return values;
}

double net_number(net *n, const char *name) {
    double value = eddy_run_number(n->run, name);
    cr_assert(eddy_run_status(n->run) == EDDY_OK, "%s", eddy_run_message(n->run));
    return value;
}

void net_get(net *n, const char *name, double *to, size_t count) {
    cr_assert(eddy_params_read(n->params, name, to, count) == EDDY_OK, "%s",
              eddy_params_message(n->params));
}

void net_set(net *n, const char *name, const double *from, size_t count) {
    cr_assert(eddy_params_write(n->params, name, from, count) == EDDY_OK, "%s",
              eddy_params_message(n->params));
}

int net_get_integer(net *n, const char *name) {
    int32_t value = 0;
    cr_assert(eddy_params_read(n->params, name, &value, 1) == EDDY_OK, "%s",
              eddy_params_message(n->params));
    return value;
}

void net_gradients(net *n, eddy_value loss) {
    for (int i = 0; i < eddy_trainable_count(n->m); i++) {
        eddy_value w = eddy_trainable(n->m, i);
        char name[128];
        snprintf(name, sizeof name, "d %s", eddy_value_name(w));
        eddy_output(n->m, name, eddy_gradient(loss, w));
    }
}

void net_draw(double *to, size_t count, unsigned seed) {
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        to[i] = (double)(state >> 8) / (1 << 23) - 1;
    }
}

bool net_near(double a, double b) {
    return a == b || fabs(a - b) <= 1e-12 * fmax(1, fabs(b));
}
