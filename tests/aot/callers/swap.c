/* Parameters that are replaced while a stream runs: two sets, and a pointer that says which one
 * counts. One thread steps, and looks at the pointer before each step; another learns in the other
 * set, publishes it, and waits until the first one has seen it. Every step is then that of one set
 * or of the next, as a whole: the same steps, made again with the sets that they saw, give the same
 * bits. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "numbers.h"
#include "pupil.h"

enum { T = 8, VERSIONS = 40, STEPS = 4000, D = 2 };

typedef struct set {
    pupil_parameters parameters;
    int version;
} set;

static set sets[2]; /* the two of the double buffer */
static _Atomic(const set *) current = &sets[0];
static atomic_int seen;       /* the version that the last step was made with */
static atomic_int ended;      /* the stream has */
static set history[VERSIONS]; /* what was published, to make the steps again */

static float x[STEPS + T][D], y[STEPS];
static int version_of[STEPS];

static void *run(void *arena) {
    pupil_state state;
    need(pupil_reset(&state));
    for (int i = 0; i < STEPS; i++) {
        const set *now = atomic_load_explicit(&current, memory_order_acquire);
        const pupil_inputs inputs = {.x = x[i]};
        pupil_outputs outputs = {.y = &y[i]};
        version_of[i] = now->version;
        need(pupil_step(&now->parameters, &inputs, &outputs, &state, arena, PUPIL_STEP_ARENA));
        atomic_store_explicit(&seen, now->version, memory_order_release);
        sched_yield();
    }
    ended = 1;
    return NULL;
}

/* Learns in the set that nobody reads, and lets it take the other's place. */
static void learn(void *arena, size_t bytes) {
    static pupil_optimiser optimiser;
    static float target[T];
    pupil_train_outputs outputs;
    pupil_state state;
    need(pupil_reset(&state));
    for (int version = 1; version < VERSIONS && !ended; version++) {
        set *next = &sets[version % 2];
        const set *now = &sets[(version + 1) % 2];
        const pupil_train_inputs inputs = {
            .x = x[version * T % STEPS], .target = target, .learning_rate = 0.05F};
        for (int t = 0; t < T; t++)
            target[t] = number((uint32_t)(7000 + version * T + t));
        next->parameters = now->parameters;
        next->version = version;
        need(pupil_train_step(T, &next->parameters, &optimiser, &inputs, &outputs, &state, arena,
                              bytes));
        history[version] = *next;
        atomic_store_explicit(&current, next, memory_order_release);
        while (atomic_load_explicit(&seen, memory_order_acquire) < version && !ended)
            sched_yield();
    }
}

static void run_again(void *arena) {
    int changes = 0;
    pupil_state state;
    need(pupil_reset(&state));
    for (int i = 0; i < STEPS; i++) {
        float again;
        const pupil_inputs inputs = {.x = x[i]};
        pupil_outputs outputs = {.y = &again};
        need(pupil_step(&history[version_of[i]].parameters, &inputs, &outputs, &state, arena,
                        PUPIL_STEP_ARENA));
        need(memcmp(&again, &y[i], sizeof again) == 0 ? NULL : "a step saw half of a set");
        need(i == 0 || version_of[i] >= version_of[i - 1] ? NULL : "an old set came back");
        changes += i > 0 && version_of[i] != version_of[i - 1];
    }
    need(changes >= 3 ? NULL : "no set was replaced");
    printf("%d sets of parameters took turns in %d steps\n", changes + 1, STEPS);
}

int main(void) {
    pthread_t stream;
    size_t bytes = pupil_train_arena_bytes(T);
    void *own = arena_of(PUPIL_STEP_ARENA), *training = arena_of(bytes);
    for (uint32_t i = 0; i < (STEPS + T) * D; i++)
        x[i / D][i % D] = number(i);
    sets[0].parameters = pupil_weights;
    history[0] = sets[0];
    need(pthread_create(&stream, NULL, run, own) ? "no thread" : NULL);
    learn(training, bytes);
    pthread_join(stream, NULL);
    run_again(own);
    free(own);
    free(training);
    return 0;
}
