/* Two models in one program, each in threads of its own, and two streams of one model beside each
 * other: what one computes does not depend on the others. */
#include <pthread.h>
#include <string.h>

#include "gru.h"
#include "lstm.h"
#include "numbers.h"

enum { T = 40, D = 3, H = 16, ROUNDS = 20 };

static float x[T][D];

typedef struct stream {
    float h[T][H];
    const char *words;
} stream;

static void *run_gru(void *user) {
    stream *s = (stream *)user;
    float carry[H];
    size_t bytes = gru_arena_bytes(1, 1);
    void *arena = arena_of(bytes);
    gru_state state = {.cell_h_carry = carry};
    for (int round = 0; round < ROUNDS && !s->words; round++) {
        s->words = gru_reset(1, &state);
        for (int t = 0; t < T && !s->words; t++) {
            gru_inputs inputs = {.x = x[t]};
            gru_outputs outputs = {.h = s->h[t]};
            s->words = gru_step(1, &gru_weights, &inputs, &outputs, &state, arena, bytes);
        }
    }
    free(arena);
    return NULL;
}

static void *run_lstm(void *user) {
    stream *s = (stream *)user;
    void *arena = arena_of(LSTM_STEP_ARENA);
    lstm_state state;
    for (int round = 0; round < ROUNDS && !s->words; round++) {
        s->words = lstm_reset(&state);
        for (int t = 0; t < T && !s->words; t++) {
            lstm_inputs inputs = {.x = x[t]};
            lstm_outputs outputs = {.h = s->h[t]};
            s->words = lstm_step(&lstm_weights, &inputs, &outputs, &state, arena, LSTM_STEP_ARENA);
        }
    }
    free(arena);
    return NULL;
}

int main(void) {
    static stream alone[2], beside[3];
    void *(*const work[3])(void *) = {run_gru, run_lstm, run_lstm};
    pthread_t threads[3];
    for (int i = 0; i < T * D; i++)
        x[i / D][i % D] = number((uint32_t)i);
    run_gru(&alone[0]);
    run_lstm(&alone[1]);
    for (int i = 0; i < 3; i++)
        need(pthread_create(&threads[i], NULL, work[i], &beside[i]) ? "no thread" : NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++) {
        need(beside[i].words);
        const stream *expected = &alone[i > 0];
        need(memcmp(beside[i].h, expected->h, sizeof expected->h) ? "threads meet" : NULL);
    }
    need(memcmp(alone[0].h, alone[1].h, sizeof alone[0].h) == 0 ? "one model is two" : NULL);
    return 0;
}
