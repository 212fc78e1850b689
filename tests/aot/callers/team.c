/* Threads of the caller share calls: of an OpenMP region if the compiler has it, else of pthreads.
 * Whatever their number, and whether they share samples or units, the bits are those of one thread,
 * and of calls that are refused all threads are told. */
#include <pthread.h>
#include <string.h>

#include "gru.h"
#include "lstm.h"
#include "numbers.h"
#include "training.h"

enum { T = 9, B = 5, D = 3, H = 16, STEPS = 8, SAMPLES = 4, ROUNDS = 3, MOST = 7 };

static float x[T * B * D], y[T * B];
static int threads;

/* What a call leaves behind, whole. */
typedef struct result {
    float h[T * B * H], stream[T * H], carry[B * H];
    lstm_state state;
    training_parameters learned;
    training_outputs losses[ROUNDS];
    const char *words;
} result;

#ifdef _OPENMP
#    include <omp.h>
static const char name[] = "OpenMP";
static void meet(void *user) {
    (void)user;
#    pragma omp barrier
}
#else
static const char name[] = "pthreads";
static pthread_barrier_t barrier;
static void meet(void *user) {
    pthread_barrier_wait((pthread_barrier_t *)user);
}
#endif

/* Runs `part` on all threads: of the first that is told why not, the words. */
typedef const char *part(result *to, const void *team);
static struct {
    part *of;
    result *to;
    const char *words[MOST];
} work;

static void run_one(int thread, void *user) {
    const struct {
        int32_t thread, threads;
        void (*meet)(void *user);
        void *user;
    } team = {thread, threads, meet, user};
    work.words[thread] = work.of(work.to, &team);
}

#ifndef _OPENMP
static void *start(void *number) {
    run_one(*(int *)number, &barrier);
    return NULL;
}
#endif

static const char *share(part *of, result *to) {
    work.of = of;
    work.to = to;
#ifdef _OPENMP
#    pragma omp parallel num_threads(threads)
    run_one(omp_get_thread_num(), NULL);
#else
    pthread_t list[MOST];
    int numbers[MOST];
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        numbers[i] = i;
        need(pthread_create(&list[i], NULL, start, &numbers[i]) ? "no thread" : NULL);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(list[i], NULL);
    pthread_barrier_destroy(&barrier);
#endif
    for (int i = 1; i < threads; i++)
        need(work.words[i] == work.words[0] ? NULL : "threads are told different things");
    return work.words[0];
}

/* ---- calls; arenas are common to all threads */

static char *arena;
static size_t bytes;
static float h[SAMPLES * H], c[SAMPLES * H];
static gru_state streams;
static training_state lesson = {.cell_h_carry = h, .cell_c_carry = c};
static int32_t round_number;

static const char *call_gru(result *to, const void *team) {
    const gru_inputs inputs = {.x = x};
    gru_outputs outputs = {.h = to->h};
    return gru_sequence_team(T, B, &gru_weights, &inputs, &outputs, &streams, arena, bytes,
                             (const gru_team *)team);
}

static const char *call_lstm(result *to, const void *team) {
    const lstm_inputs inputs = {.x = x};
    lstm_outputs outputs = {.h = to->stream};
    return lstm_sequence_team(T, &lstm_weights, &inputs, &outputs, &to->state, arena, bytes,
                              (const lstm_team *)team);
}

static const char *call_training(result *to, const void *team) {
    const training_inputs inputs = {.x = x, .y = y, .learning_rate = 0.01F, .seed = round_number};
    return training_sequence_team(STEPS, SAMPLES, &to->learned, &inputs, &to->losses[round_number],
                                  &lesson, arena, bytes, (const training_team *)team);
}

static void compute(result *to) {
    memset(to, 0, sizeof *to);
    streams.cell_h_carry = to->carry;
    need(gru_reset(B, &streams));
    need(share(call_gru, to));
    need(lstm_reset(&to->state));
    need(share(call_lstm, to));
    to->learned = training_weights;
    need(training_reset(SAMPLES, &lesson));
    for (round_number = 0; round_number < ROUNDS; round_number++)
        need(share(call_training, to));
}

static const char *call_alone(result *to, const void *team) {
    (void)team;
    return call_gru(to, NULL);
}

/* Does nobody wait here? Then a call of one thread of two is a part of the work. */
static void wait_for_nobody(void *user) {
    ++*(int *)user;
}

static void leave_out(const result *whole, result *to) {
    int meetings = 0;
    const gru_team first = {0, 2, wait_for_nobody, &meetings};
    const lstm_team second = {1, 2, wait_for_nobody, &meetings};
    memset(to, 0, sizeof *to);
    streams.cell_h_carry = to->carry;
    need(gru_reset(B, &streams));
    need(call_gru(to, &first));
    need(memcmp(to->h, whole->h, sizeof to->h) ? NULL : "samples are not shared");
    need(meetings >= 2 ? NULL : "threads do not meet");
    need(lstm_reset(&to->state));
    need(call_lstm(to, NULL)); /* the table is there now */
    memset(to->stream, 0, sizeof to->stream);
    need(lstm_reset(&to->state));
    need(call_lstm(to, &second));
    need(memcmp(to->stream, whole->stream, sizeof to->stream) ? NULL : "units are not shared");
}

static void refuse(result *to) {
    const gru_inputs inputs = {.x = x};
    gru_outputs outputs = {.h = to->h};
    static const struct {
        gru_team team;
        const char *words;
    } rows[] = {
        {{0, 0, meet, NULL}, "team->threads is not between 1 and 256"},
        {{0, 257, meet, NULL}, "team->threads is not between 1 and 256"},
        {{-1, 2, meet, NULL}, "team->thread is not between 0 and team->threads - 1"},
        {{2, 2, meet, NULL}, "team->thread is not between 0 and team->threads - 1"},
        {{1, 2, NULL, NULL}, "team->meet is NULL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *words = gru_sequence_team(T, B, &gru_weights, &inputs, &outputs, &streams,
                                              arena, bytes, &rows[i].team);
        need(words && strcmp(words, rows[i].words) == 0 ? NULL : rows[i].words);
    }
    size_t kept = bytes;
    threads = 3;
    bytes = 64;
    const char *words = share(call_gru, to);
    need(words && strstr(words, "arena_bytes") ? NULL : "no words for all of a team");
    bytes = kept;
}

int main(void) {
    static result alone, shared;
    for (uint32_t i = 0; i < T * B * D; i++)
        x[i] = number(i);
    for (uint32_t i = 0; i < T * B; i++)
        y[i] = number(1000 + i);
    size_t sizes[3] = {gru_arena_bytes(T, B), lstm_arena_bytes(T),
                       training_arena_bytes(STEPS, SAMPLES)};
    for (int i = 0; i < 3; i++)
        bytes = sizes[i] > bytes ? sizes[i] : bytes;
    arena = (char *)arena_of(bytes);
    threads = 1;
    compute(&alone);
    need(alone.losses[2].loss < alone.losses[0].loss ? NULL : "nothing is learned");
    for (threads = 2; threads <= MOST; threads++) {
        compute(&shared);
        need(memcmp(&alone, &shared, sizeof alone) == 0 ? NULL : "a team has other bits");
    }
    threads = 1;
    streams.cell_h_carry = shared.carry;
    need(gru_reset(B, &streams));
    need(share(call_alone, &shared));
    need(memcmp(alone.h, shared.h, sizeof alone.h) == 0 ? NULL : "no team has other bits");
    leave_out(&alone, &shared);
    refuse(&shared);
    printf("up to %d threads of %s have the bits of one\n", MOST, name);
    free(arena);
    return 0;
}
