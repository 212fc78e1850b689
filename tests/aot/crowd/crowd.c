/* Many models in one program. Two of them are trained in two threads, side by side, while the main
 * thread calls all others; and all that time malloc, free, every lock and every wait abort.
 *
 * What was learned must be what each learns alone; what the others say is written out. An argument
 * tries one of the guards instead, which must end the program. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "first.h"
#include "second.h"

float number(uint32_t i);
void need(const char *words);
void tell(const void *from, size_t bytes);
void *arena_of(size_t bytes);
int run_models(void);

/* ---- guards; sanitizers have functions of their own in these places */

static atomic_bool armed;

#ifndef WATCHED
static void guard(void) {
    if (armed)
        abort();
}

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *from, size_t bytes);
void __libc_free(void *from);

void *malloc(size_t bytes) {
    guard();
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    guard();
    return __libc_calloc(count, bytes);
}

void *realloc(void *from, size_t bytes) {
    guard();
    return __libc_realloc(from, bytes);
}

void free(void *from) {
    guard();
    __libc_free(from);
}

/* int name(type *) of the C library. */
#    define GUARDED(name, type)                                                                    \
        int name(type *of) {                                                                       \
            int (*own)(type *);                                                                    \
            guard();                                                                               \
            void *found = dlsym(RTLD_NEXT, #name);                                                 \
            memcpy(&own, &found, sizeof own);                                                      \
            return own(of);                                                                        \
        }
GUARDED(pthread_mutex_lock, pthread_mutex_t)
GUARDED(pthread_mutex_trylock, pthread_mutex_t)
GUARDED(pthread_rwlock_rdlock, pthread_rwlock_t)
GUARDED(pthread_rwlock_wrlock, pthread_rwlock_t)
GUARDED(pthread_barrier_wait, pthread_barrier_t)
GUARDED(sem_wait, sem_t)

int pthread_spin_lock(pthread_spinlock_t *of) {
    (void)of;
    abort();
}

int pthread_cond_wait(pthread_cond_t *of, pthread_mutex_t *with) {
    (void)of, (void)with;
    abort();
}
#endif

/* ---- what the models need */

static _Alignas(64) char room[1 << 20], told[1 << 20];
static size_t told_bytes;

float number(uint32_t i) {
    i = (i ^ i >> 16) * UINT32_C(0x45d9f3b);
    i = (i ^ i >> 16) * UINT32_C(0x45d9f3b);
    return (float)((double)(i ^ i >> 16) / 2147483648.0 - 1);
}

void need(const char *words) {
    if (!words)
        return;
    armed = false;
    fprintf(stderr, "%s\n", words);
    exit(1);
}

void tell(const void *from, size_t bytes) {
    need(told_bytes + bytes <= sizeof told ? NULL : "too much is told");
    memcpy(told + told_bytes, from, bytes);
    told_bytes += bytes;
}

void *arena_of(size_t bytes) {
    need(bytes <= sizeof room ? NULL : "an arena is large");
    return room;
}

/* ---- two models that learn */

enum { T = 12, D = 2, CHUNKS = 300 };

#define LEARNS(P, MACRO, SEED)                                                                     \
    typedef struct P##_lesson {                                                                    \
        P##_parameters parameters, gradients;                                                      \
        P##_optimiser optimiser;                                                                   \
        P##_state state;                                                                           \
        float losses[CHUNKS];                                                                      \
    } P##_lesson;                                                                                  \
    static P##_lesson P##_alone, P##_beside;                                                       \
    static char *P##_arena;                                                                        \
    static size_t P##_bytes;                                                                       \
    static void P##_learn(P##_lesson *l) {                                                         \
        float x[T][D], target[T][1];                                                               \
        const P##_train_inputs inputs = {                                                          \
            .x = &x[0][0], .target = &target[0][0], .learning_rate = 0.01F};                       \
        P##_train_outputs outputs;                                                                 \
        l->parameters = P##_weights;                                                               \
        need(P##_reset(&l->state));                                                                \
        for (int chunk = 0; chunk < CHUNKS; chunk++) {                                             \
            for (int t = 0; t < T; t++) {                                                          \
                x[t][0] = number(SEED + (uint32_t)(chunk * T + t));                                \
                x[t][1] = number(SEED + 5000 + (uint32_t)(chunk * T + t));                         \
                target[t][0] = x[t][0] * x[t][1];                                                  \
            }                                                                                      \
            P##_state kept = l->state;                                                             \
            need(P##_gradient(T, &l->parameters, &inputs, &outputs, &l->gradients, &kept,          \
                              P##_arena, P##_bytes));                                              \
            need(P##_train_step(T, &l->parameters, &l->optimiser, &inputs, &outputs, &l->state,    \
                                P##_arena, P##_bytes));                                            \
            l->losses[chunk] = outputs.loss;                                                       \
        }                                                                                          \
        need(l->losses[CHUNKS - 1] < 0.5F * l->losses[0] ? NULL : "nothing is learned");           \
    }                                                                                              \
    static void P##_open(void) {                                                                   \
        size_t bytes = P##_train_arena_bytes(T), more = P##_gradient_arena_bytes(T);               \
        P##_bytes = more > bytes ? more : bytes;                                                   \
        P##_arena = (char *)aligned_alloc(MACRO##_ALIGNMENT, P##_bytes);                           \
        need(P##_arena ? NULL : "no memory");                                                      \
        P##_learn(&P##_alone);                                                                     \
    }                                                                                              \
    static atomic_int P##_done;                                                                    \
    static void *P##_start(void *user) {                                                           \
        while (!armed)                                                                             \
            ;                                                                                      \
        P##_learn(&P##_beside);                                                                    \
        P##_done = 1;                                                                              \
        while (armed) /* the end of a thread frees memory */                                       \
            ;                                                                                      \
        return user;                                                                               \
    }                                                                                              \
    static void P##_close(void) {                                                                  \
        need(memcmp(&P##_alone, &P##_beside, sizeof P##_alone) == 0 ? NULL : "threads meet");      \
        free(P##_arena);                                                                           \
    }
LEARNS(first, FIRST, 0)
LEARNS(second, SECOND, 100000)

static void try_guard(const char *which) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    armed = true;
    if (strcmp(which, "malloc") == 0)
        told[0] = *(volatile char *)malloc(1);
    if (strcmp(which, "free") == 0)
        free(first_arena);
    if (strcmp(which, "lock") == 0)
        pthread_mutex_lock(&lock);
}

int main(int count, char **words) {
    pthread_t threads[2];
    first_open();
    second_open();
    if (count > 1)
        try_guard(words[1]);
    need(pthread_create(&threads[0], NULL, first_start, NULL) ? "no thread" : NULL);
    need(pthread_create(&threads[1], NULL, second_start, NULL) ? "no thread" : NULL);
    armed = true;
    run_models();
    while (!first_done || !second_done)
        ;
    armed = false;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    first_close();
    second_close();
    need(fwrite(told, 1, told_bytes, stdout) == told_bytes ? NULL : "cannot write");
    return 0;
}
