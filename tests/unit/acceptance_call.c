/* What the library asks of the system: a call allocates nothing, by any function; no memory is ever
 * writable and executable at once, neither while compiling nor while running.
 *
 * The functions themselves are replaced in this executable, which LLVM and the C library reach as
 * well. A sanitizer has replacements of its own: with one, its hook counts allocations and only the
 * list of mappings is looked at. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "frontends/eddy.h"

static atomic_bool counting;
static atomic_size_t requests, mappings, wrong_mappings;

static void note_request(void) {
    if (counting)
        requests++;
}

static void note_protection(int protection) {
    const int both = PROT_WRITE | PROT_EXEC;
    mappings++;
    if ((protection & both) == both)
        wrong_mappings++;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SANITIZED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define SANITIZED 1
#    endif
#endif

#ifdef SANITIZED
extern int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void *, size_t),
                                                     void (*given)(const volatile void *));
static void note_taken(const volatile void *p, size_t bytes) {
    (void)p, (void)bytes;
    note_request();
}
static void note_given(const volatile void *p) {
    (void)p;
}
static void watch(void) {
    cr_assert_gt(__sanitizer_install_malloc_and_free_hooks(note_taken, note_given), 0);
    (void)note_protection;
}
#else
#    pragma GCC visibility push(default) /* the shared libraries call these */
/* The C library's own names of its functions. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);
void *malloc(size_t bytes) {
    note_request();
    return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
    note_request();
    return __libc_calloc(count, bytes);
}
void *realloc(void *p, size_t bytes) {
    note_request();
    return __libc_realloc(p, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
    note_request();
    return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **out, size_t alignment, size_t bytes) {
    note_request();
    *out = __libc_memalign(alignment, bytes);
    return *out ? 0 : 12; /* ENOMEM */
}
void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset) {
    note_request();
    note_protection(protection);
    long made = syscall(SYS_mmap, at, bytes, protection, flags, file, offset);
    return made == -1 ? MAP_FAILED : (void *)made;
}
void *mmap64(void *at, size_t bytes, int protection, int flags, int file, off_t offset);
void *mmap64(void *at, size_t bytes, int protection, int flags, int file, off_t offset) {
    return mmap(at, bytes, protection, flags, file, offset);
}
int mprotect(void *at, size_t bytes, int protection) {
    note_protection(protection);
    return (int)syscall(SYS_mprotect, at, bytes, protection);
}
#    pragma GCC visibility pop
static void watch(void) {}
#endif

/* Mappings of this process that are writable and executable. */
static int writable_and_executable(void) {
    char line[512];
    int found = 0;
    FILE *list = fopen("/proc/self/maps", "r");
    cr_assert(list);
    while (fgets(line, sizeof line, list)) {
        const char *rights = strchr(line, ' ');
        cr_assert(rights);
        found += rights[2] == 'w' && rights[3] == 'x';
    }
    fclose(list);
    return found;
}

enum { D = 3, H = 5, STEPS = 20, SAMPLES = 6 };

static eddy_program *compile_training(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_carry(m, t, b);
    eddy_value x = eddy_dropout(eddy_input(m, "x", EDDY_F32, t | b, D), 0.1, t | b);
    eddy_value h = eddy_lstm(m, "cell", t, H, x, NULL);
    eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
    eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
    eddy_output(m, "loss", loss);
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static eddy_run *start(const eddy_program *p, eddy_params *s) {
    static const float x[STEPS * SAMPLES * D] = {1, 2, -1, 0.5};
    static const int32_t lengths[SAMPLES] = {20, 0, 1, 19, 7, 20};
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    eddy_run_resize(r, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}}, 2);
    eddy_run_input(r, "x", x, STEPS * SAMPLES * D);
    eddy_run_input(r, "lengths", lengths, SAMPLES);
    eddy_run_scalar(r, "learning_rate", 0.01);
    eddy_run_scalar(r, "seed", 1);
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    return r;
}

/* Requests by `calls` loops of a training program. */
static size_t requests_of(eddy_run *r, int calls) {
    requests = 0;
    counting = true;
    for (int i = 0; i < calls; i++) {
        eddy_run_scalar(r, "seed", i);
        eddy_run_call(r);
        eddy_run_number(r, "loss");
        eddy_run_reset_sample(r, 3);
        eddy_run_reset(r);
    }
    counting = false;
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    return requests;
}

Test(acceptance_call, a_call_allocates_nothing) {
    watch();
    counting = true;
    eddy_program *p = compile_training();
    counting = false;
    cr_assert_gt(requests, 100, "compiling does, so counting works");
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r = start(p, s);
    eddy_run_threads(r, 1);
    cr_assert_eq(requests_of(r, 50), 0, "a loop of training, the first call included");
    eddy_run_threads(r, 2);
    requests_of(r, 1); /* OpenMP makes its threads */
    cr_assert_eq(requests_of(r, 50), 0, "on two threads");
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
}

Test(acceptance_call, no_memory_is_writable_and_executable) {
    int before = writable_and_executable();
    eddy_params *s = eddy_params_new(NULL, 1);
    mappings = wrong_mappings = 0;
    eddy_program *p = compile_training();
#ifndef SANITIZED
    cr_assert_gt(mappings, 0, "code is mapped, so watching works");
#endif
    cr_assert_eq(writable_and_executable(), before);
    eddy_run *r = start(p, s);
    cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
    cr_assert_eq(writable_and_executable(), before);
    eddy_run_free(r);
    eddy_program_free(p);
    cr_assert_eq(wrong_mappings, 0, "at no time");
    eddy_params_free(s);
}

/* ---- guarded arenas */

/* What training leaves: the parameters after some steps, and the last loss. */
static double train(const eddy_program *p, eddy_params *s) {
    eddy_run *r = start(p, s);
    for (int i = 0; i < 5; i++)
        eddy_run_call(r);
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    double loss = eddy_run_number(r, "loss");
    eddy_run_free(r);
    return loss;
}

/* With EDDY_GUARD every buffer of an arena lies between pages that fault and is filled with NaN
 * before each call: the same bits come out. */
Test(acceptance_call, guarded_arenas_change_nothing) {
    eddy_program *p = compile_training();
    eddy_params *plain = eddy_params_new(NULL, 1), *guarded = eddy_params_new(NULL, 1);
    unsetenv("EDDY_GUARD");
    double loss = train(p, plain);
    setenv("EDDY_GUARD", "1", 1);
    cr_assert_eq(train(p, guarded), loss);
    cr_assert_eq(eddy_params_count(guarded), eddy_params_count(plain));
    for (int i = 0; i < eddy_params_count(plain); i++) {
        eddy_tensor a, b;
        eddy_params_at(plain, i, &a);
        eddy_params_at(guarded, i, &b);
        size_t bytes = a.elements * (a.dtype == EDDY_BOOL ? 1 : a.dtype == EDDY_F64 ? 8 : 4);
        cr_assert_eq(memcmp(a.data, b.data, bytes), 0, "%s", a.name);
    }
    eddy_params_free(plain);
    eddy_params_free(guarded);
    eddy_program_free(p);
}
