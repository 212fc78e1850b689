/* One program in two threads: each has a run and parameters of its own and trains; both must get
 * the bits that one thread gets alone. Meanwhile each thread also compiles the model, so that what
 * the library and LLVM set up once is set up by several threads at a time. A plain program, so that
 * the thread sanitizer can watch it (preset tsan). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/program.h"
#include "tests/support/need.h"

enum { D = 3, H = 8, STEPS = 25, SAMPLES = 6, ROUNDS = 40, THREADS = 2 };

static eddy_program *compile_training(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, D);
    eddy_value before = eddy_state(m, "memory", t, H);
    eddy_value sum = eddy_add(eddy_dense(m, "in", H, x), eddy_linear(m, "U", H, before));
    eddy_value memory = eddy_name(eddy_tanh(sum), "memory");
    eddy_next(before, memory);
    eddy_value wrong = eddy_square(eddy_sub(memory, eddy_random(m, t | b, H)));
    eddy_value loss = eddy_mean_over(eddy_reduce_all(wrong, EDDY_SUM), t | b);
    eddy_output(m, "memory", memory);
    eddy_output(m, "loss", loss);
    eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
    eddy_program *p;
    need(eddy_compile(m, &p), eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

typedef struct work {
    const eddy_program *program;
    pthread_barrier_t *together; /* NULL: alone */
    float losses[ROUNDS], memory[STEPS * SAMPLES * H];
    unsigned char *code; /* of the program that this thread compiled */
    size_t code_bytes;
} work;

static void train(work *w) {
    float *x = malloc(sizeof *x * STEPS * SAMPLES * D);
    for (int i = 0; i < STEPS * SAMPLES * D; i++)
        x[i] = (float)(i % 7) - 3;
    eddy_params *s = eddy_params_new(NULL, 4);
    eddy_run *r;
    eddy_run_new(w->program, s, &r);
    eddy_run_resize(r, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}}, 2);
    eddy_run_input(r, "x", x, STEPS * SAMPLES * D);
    eddy_run_output(r, "memory", w->memory, STEPS * SAMPLES * H);
    eddy_run_scalar(r, "learning_rate", 0.01);
    for (int i = 0; i < ROUNDS; i++) {
        eddy_run_scalar(r, "seed", i);
        eddy_run_call(r);
        w->losses[i] = (float)eddy_run_number(r, "loss");
    }
    need(eddy_run_status(r), eddy_run_message(r));
    eddy_run_free(r);
    eddy_params_free(s);
    free(x);
}

static void *work_do(void *argument) {
    work *w = argument;
    if (w->together)
        pthread_barrier_wait(w->together);
    eddy_program *own = compile_training();
    const emit_object *object = program_object(own->code);
    w->code = malloc(object->count);
    w->code_bytes = object->count;
    memcpy(w->code, object->bytes, object->count);
    eddy_program_free(own);
    train(w);
    return NULL;
}

static bool same(const work *a, const work *b) {
    return memcmp(a->losses, b->losses, sizeof a->losses) == 0 &&
           memcmp(a->memory, b->memory, sizeof a->memory) == 0 && a->code_bytes == b->code_bytes &&
           memcmp(a->code, b->code, a->code_bytes) == 0;
}

int main(void) {
    static work alone, workers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t together;
    pthread_barrier_init(&together, NULL, THREADS);
    eddy_program *p = compile_training();
    for (int i = 0; i < THREADS; i++) {
        workers[i].program = p;
        workers[i].together = &together;
        need(pthread_create(&threads[i], NULL, work_do, &workers[i]) ? EDDY_UNSUPPORTED : EDDY_OK,
             "no thread");
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    alone.program = p;
    work_do(&alone);
    int wrong = 0;
    for (int i = 0; i < THREADS; i++) {
        if (!same(&workers[i], &alone)) {
            fprintf(stderr, "shared_program: thread %d has other bits than one thread alone\n", i);
            wrong = 1;
        }
        free(workers[i].code);
    }
    if (!(alone.losses[ROUNDS - 1] < alone.losses[0])) {
        fprintf(stderr, "shared_program: nothing was learned\n");
        wrong = 1;
    }
    free(alone.code);
    eddy_program_free(p);
    pthread_barrier_destroy(&together);
    if (!wrong)
        printf("shared_program: %d threads, %d steps each, one result\n", THREADS, ROUNDS);
    return wrong;
}
