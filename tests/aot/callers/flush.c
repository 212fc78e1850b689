/* A state that dies away: where flushing was asked for it ends as zeros, and no word of it is ever
 * a denormal; elsewhere it goes through them. What the caller's thread has set of its unit for
 * numbers - here rounding towards zero, and flags that were raised where they are in the same
 * place - is what it was after every call, and makes no difference where calls have a setting of
 * their own. */
#include "decay.h"
#include "fading.h"
#include "numbers.h"

/* PLAIN: of every program; OTHER: of this one. */
#if defined(__x86_64__)
enum { PLAIN = 0x1F80, OTHER = PLAIN | 0x6000 | 0x20 };

static uint32_t setting(void) {
    uint32_t found;
    __asm__ volatile("stmxcsr %0" : "=m"(found));
    return found;
}

static void set(uint32_t to) {
    __asm__ volatile("ldmxcsr %0" : : "m"(to));
}
#elif defined(__aarch64__)
enum { PLAIN = 0, OTHER = 3 << 22 };

static uint32_t setting(void) {
    uint64_t found;
    __asm__ volatile("mrs %0, fpcr" : "=r"(found));
    return (uint32_t)found;
}

static void set(uint32_t to) {
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)to));
}
#else
enum { PLAIN = 0, OTHER = 3 << 22 | 1 << 4 };

static uint32_t setting(void) {
    uint32_t found;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(found));
    return found;
}

static void set(uint32_t to) {
    __asm__ volatile("vmsr fpscr, %0" : : "r"(to));
}
#endif

enum { T = 400, H = 8 };

static float x[T], h[2][T][H];

static uint32_t bits_of(float value) {
    union {
        float value;
        uint32_t bits;
    } of = {value};
    return of.bits;
}

static int denormals(const float *values, int count) {
    int found = 0;
    for (int i = 0; i < count; i++) {
        uint32_t bits = bits_of(values[i]);
        found += (bits << 1) != 0 && (bits & UINT32_C(0x7F800000)) == 0;
    }
    return found;
}

static int differ(const float *some, const float *others, int count) {
    int found = 0;
    for (int i = 0; i < count; i++)
        found += bits_of(some[i]) != bits_of(others[i]);
    return found;
}

static void setting_is(uint32_t expected, const char *words) {
    need(setting() == expected ? NULL : words);
}

static void *room;

/* By steps, then whole, under the setting of the caller's thread; both give the same. */
static int fade(void) {
    static float whole[T][H];
    decay_state state;
    decay_outputs outputs;
    int found = 0;
    need(decay_reset(&state));
    for (int t = 0; t < T; t++) {
        const decay_inputs inputs = {.x = &x[t]};
        outputs.h = h[0][t];
        set(OTHER);
        const char *words =
            decay_step(&decay_weights, &inputs, &outputs, &state, room, decay_arena_bytes(T));
        setting_is(OTHER, "a step changes the setting");
        need(words);
        found += denormals(state.h_carry[0], H) + denormals(h[0][t], H);
    }
    const decay_inputs inputs = {.x = x};
    outputs.h = &whole[0][0];
    need(decay_reset(&state));
    need(decay_sequence(T, &decay_weights, &inputs, &outputs, &state, room, decay_arena_bytes(T)));
    setting_is(OTHER, "a sequence changes the setting");
    need(decay_sequence(-1, &decay_weights, &inputs, &outputs, &state, room, 0) ? NULL
                                                                                : "-1 steps");
    setting_is(OTHER, "a call that is refused changes the setting");
    set(PLAIN);
    need(differ(whole[0], h[0][0], T * H) == 0 ? NULL : "a sequence gives other bits");
    return found;
}

/* The same without flushing, under the setting of every program. */
static int fade_slowly(void) {
    fading_state state;
    int found = 0;
    need(fading_reset(&state));
    for (int t = 0; t < T; t++) {
        const fading_inputs inputs = {.x = &x[t]};
        fading_outputs outputs = {.h = h[1][t]};
        need(fading_step(&fading_weights, &inputs, &outputs, &state, room, fading_arena_bytes(T)));
        found += denormals(state.h_carry[0], H);
    }
    return found;
}

int main(void) {
    x[0] = 1;
    x[1] = -0.5F;
    size_t bytes = decay_arena_bytes(T), more = fading_arena_bytes(T);
    room = arena_of(more > bytes ? more : bytes);
    need(fade() == 0 ? NULL : "a denormal where there are none");
    need(fade_slowly() > 10 ? NULL : "no denormal where there must be some");
    for (int i = 0; i < H; i++)
        need(bits_of(h[0][T - 1][i]) << 1 == 0 ? NULL : "it does not end");
    for (int t = 0; t < T && denormals(h[1][t], H) == 0; t++)
        need(differ(h[0][t], h[1][t], H) == 0 ? NULL : "flushing changes more");
    free(room);
    return 0;
}
