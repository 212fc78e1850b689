/* Calls on several threads, in two threads of the caller at a time: each trains with parameters of
 * its own, on teams of threads of its own, and must get the bits that one thread gets. A plain
 * program, so that the thread sanitizer can watch it (preset tsan). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy_nn.h"
#include "tests/support/need.h"

enum { D = 6, H = 72, STEPS = 9, SAMPLES = 7, ROUNDS = 4, CALLERS = 2 };

/* Two layers and lengths: loops forward and back, sums over time, updates. */
static eddy_program *compile_training(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, D);
    eddy_value first = eddy_lstm(m, "first", t, H, x, NULL);
    eddy_value h = eddy_gru(m, "second", t, H, first, NULL);
    eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
    eddy_output(m, "h", h);
    eddy_output(m, "loss", loss);
    eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
    eddy_program *p;
    need(eddy_compile(m, &p), eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

typedef struct work {
    const eddy_program *program;
    int threads;
    float losses[ROUNDS], h[STEPS * SAMPLES * H];
} work;

static void *train(void *argument) {
    static const int32_t lengths[SAMPLES] = {9, 0, 1, 8, 5, 9, 3};
    float *x = malloc(sizeof *x * STEPS * SAMPLES * D);
    for (int i = 0; i < STEPS * SAMPLES * D; i++)
        x[i] = (float)(i % 7) / 3 - 1;
    work *w = argument;
    eddy_params *s = eddy_params_new(NULL, 4);
    eddy_run *r;
    need(eddy_run_new(w->program, s, &r), "no run");
    eddy_run_threads(r, w->threads);
    eddy_run_resize(r, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}}, 2);
    eddy_run_input(r, "x", x, STEPS * SAMPLES * D);
    eddy_run_input(r, "lengths", lengths, SAMPLES);
    eddy_run_output(r, "h", w->h, STEPS * SAMPLES * H);
    eddy_run_scalar(r, "learning_rate", 0.01);
    for (int i = 0; i < ROUNDS; i++) {
        eddy_run_call(r);
        w->losses[i] = (float)eddy_run_number(r, "loss");
    }
    need(eddy_run_status(r), eddy_run_message(r));
    eddy_run_free(r);
    eddy_params_free(s);
    free(x);
    return NULL;
}

int main(void) {
    static const int counts[][CALLERS] = {{2, 3}, {4, 2}};
    static work alone, callers[CALLERS];
    eddy_program *p = compile_training();
    alone = (work){.program = p, .threads = 1};
    train(&alone);
    int wrong = alone.losses[ROUNDS - 1] < alone.losses[0] ? 0 : 1;
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        pthread_t threads[CALLERS];
        for (int i = 0; i < CALLERS; i++) {
            callers[i] = (work){.program = p, .threads = counts[k][i]};
            need(pthread_create(&threads[i], NULL, train, &callers[i]) ? EDDY_UNSUPPORTED : EDDY_OK,
                 "no thread");
        }
        for (int i = 0; i < CALLERS; i++) {
            pthread_join(threads[i], NULL);
            if (memcmp(callers[i].losses, alone.losses, sizeof alone.losses) == 0 &&
                memcmp(callers[i].h, alone.h, sizeof alone.h) == 0)
                continue;
            fprintf(stderr, "threads: %d threads have other bits than one\n", callers[i].threads);
            wrong = 1;
        }
    }
    eddy_program_free(p);
    if (!wrong)
        printf("threads: %d steps on 1, 2, 3 and 4 threads, one result\n", ROUNDS);
    return wrong;
}
