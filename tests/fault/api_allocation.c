/* Every request for memory fails once, and then from then on, over the life of a model: build,
 * compile, run, resize, save, load. What failed says so and is undone; what was there before still
 * works; nothing is left behind. (The own memory of
 * LLVM, jansson and libzip does not pass the table.) */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "frontends/eddy.h"
#include "tests/support/fault.h"

enum { D = 3, H = 5 };

static fault_allocator memory;
static eddy_options options;
static eddy_allocator table;
static char safetensors_path[] = "/tmp/eddy-fault-XXXXXX";
static char npz_path[] = "/tmp/eddy-fault-XXXXXX.npz";

static void start(fault_mode mode, size_t fail_at) {
    fault_allocator_init(&memory, mode, fail_at);
    table = (eddy_allocator){memory.table.allocate, memory.table.release, memory.table.user};
    options = (eddy_options){.allocator = &table};
}

static void square_root(void *user, eddy_value y, eddy_value gy, const eddy_value *xs, int count,
                        eddy_value *gxs) {
    (void)user, (void)xs;
    for (int i = 0; i < count; i++)
        gxs[i] = eddy_div(gy, eddy_scale(y, 2));
}

static eddy_model *build(void) {
    eddy_model *m = eddy_model_new(&options);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, D);
    eddy_scope_push(m, "cell");
    eddy_value h0 = eddy_state(m, "h", t, H);
    eddy_value U = eddy_param(m, "U", eddy_init_orthogonal(1), H, H);
    eddy_value h = eddy_tanh(
        eddy_sum(eddy_linear(m, "W", H, x), eddy_matmul(U, h0), eddy_random(m, t | b, H)));
    eddy_next(h0, h);
    eddy_scope_pop(m);
    eddy_value size = eddy_shift(eddy_reduce_all(eddy_square(h), EDDY_SUM), 1);
    size = eddy_custom("root", eddy_sqrt(size), &size, 1, square_root, NULL);
    eddy_value loss = eddy_total(size, t | b), gU;
    eddy_grad(loss, &U, 1, &gU);
    eddy_update(U, eddy_sub(U, eddy_scale(gU, 0.1)));
    eddy_output(m, "loss", loss);
    return m;
}

static const float x[4 * 2 * D] = {1, 2, 3, 4, 5, 6};
static const int32_t lengths[] = {3, 4};

/* Extents of 4 and 2, all inputs, a call, from the start of the samples. The loss, or -1. */
static float call(eddy_run *r) {
    eddy_run_resize(r, (eddy_extent[]){{"t", 4}, {"b", 2}}, 2);
    eddy_run_input(r, "x", x, 4 * 2 * D);
    eddy_run_input(r, "lengths", lengths, 2);
    eddy_run_scalar(r, "seed", 1);
    eddy_run_reset(r);
    return eddy_run_call(r) == EDDY_OK ? (float)eddy_run_number(r, "loss") : -1;
}

/* A larger resize that fails leaves the run as it was: the next call needs nothing anew. */
static void grow(eddy_run *r) {
    if (eddy_run_resize(r, (eddy_extent[]){{"t", 400}, {"b", 50}}, 2) == EDDY_OK)
        return;
    cr_assert_eq(eddy_run_status(r), EDDY_OUT_OF_MEMORY);
    eddy_run_clear(r);
    cr_assert_eq(eddy_run_extent(r, "t"), 4);
    cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
}

/* Saving and loading: all or nothing. */
static eddy_status store_as(eddy_params *s, const char *path) {
    eddy_status first = eddy_params_save(s, path);
    if (first != EDDY_OK)
        return first;
    eddy_params *other = eddy_params_new(&options, 0);
    eddy_status loaded = eddy_params_load(other, path);
    cr_assert_eq(eddy_params_count(other), loaded == EDDY_OK ? eddy_params_count(s) : 0);
    eddy_params_free(other);
    return loaded == EDDY_OK ? eddy_params_load(s, path) : loaded;
}

static eddy_status store(eddy_params *s) {
    eddy_status first = store_as(s, safetensors_path);
    return first == EDDY_OK ? store_as(s, npz_path) : first;
}

/* The whole life; EDDY_OK, or the status of what failed first. *loss: of the first call. */
static eddy_status live(float *loss) {
    eddy_program *p = NULL;
    eddy_run *r = NULL;
    eddy_model *m = build();
    eddy_params *s = eddy_params_new(&options, 9);
    eddy_status status_of = eddy_compile(m, &p);
    if (status_of == EDDY_OK)
        status_of = eddy_model_text(m) ? EDDY_OK : eddy_model_status(m);
    eddy_model_free(m);
    if (status_of == EDDY_OK)
        status_of = eddy_run_new(p, s, &r);
    if (status_of != EDDY_OK)
        cr_assert_eq(eddy_params_count(s), 0, "no parameter is half there");
    if (status_of == EDDY_OK) {
        *loss = call(r);
        status_of = eddy_run_status(r);
    }
    if (status_of == EDDY_OK) {
        grow(r);
        status_of = store(s);
    }
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
    return status_of;
}

static void sweep(fault_mode mode, float expected, size_t calls) {
    for (size_t n = 1; n <= calls; n++) {
        float loss = -1;
        start(mode, n);
        eddy_status status_of = live(&loss);
        cr_assert_gt(memory.failures, 0, "call %zu was not made", n);
        /* A resize that fails may be survived; everything else must be told. */
        cr_assert(status_of == EDDY_OUT_OF_MEMORY || (status_of == EDDY_OK && loss == expected),
                  "call %zu: %s", n, eddy_status_name(status_of));
        cr_assert(loss == -1 || loss == expected);
        cr_assert_eq(memory.live_blocks, 0, "call %zu leaves %zu blocks", n,
                     (size_t)memory.live_blocks);
        cr_assert_eq(memory.mismatches, 0, "call %zu: a release with a wrong size", n);
    }
}

Test(api_allocation, every_request_may_fail) {
    float expected = -1;
    int file = mkstemp(safetensors_path), other = mkstemps(npz_path, 4);
    cr_assert(file >= 0 && other >= 0);
    close(file);
    close(other);
    start(FAULT_NEVER, 0);
    cr_assert_eq(live(&expected), EDDY_OK);
    cr_assert_gt(expected, 0);
    size_t calls = memory.calls;
    cr_assert_gt(calls, 30);
    cr_assert_eq(memory.live_blocks, 0);
    sweep(FAULT_ONCE, expected, calls);
    sweep(FAULT_FROM, expected, calls);
    unlink(safetensors_path);
    unlink(npz_path);
}

/* The calls of a training loop ask for nothing. */
Test(api_allocation, a_call_asks_for_nothing) {
    eddy_program *p;
    eddy_run *r;
    start(FAULT_NEVER, 0);
    eddy_model *m = build();
    eddy_params *s = eddy_params_new(&options, 9);
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK);
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK);
    cr_assert_gt(call(r), 0);
    size_t before = memory.calls;
    for (int i = 0; i < 100; i++) {
        eddy_run_scalar(r, "seed", i);
        eddy_run_input(r, "x", x, 4 * 2 * D);
        cr_assert_eq(eddy_run_call(r), EDDY_OK);
        eddy_run_number(r, "loss");
        eddy_run_reset(r);
    }
    cr_assert_eq(memory.calls, before);
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
    eddy_model_free(m);
    cr_assert_eq(memory.live_blocks, 0);
}
