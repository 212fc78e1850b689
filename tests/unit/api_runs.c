/* Runs: sizes, names, missing things, empty extents, sharing of programs and parameters. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "frontends/eddy.h"

enum { H = 3 };

/* h = U h0 + x, ends = last h, loss = mean-free sum; inputs of every role and dtype. */
static eddy_model *model_of(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, H);
    eddy_value scale = eddy_input(m, "scale", EDDY_F32, 0, EDDY_SCALAR);
    eddy_value flip = eddy_input(m, "flip", EDDY_BOOL, 0, EDDY_SCALAR);
    eddy_value start = eddy_param(m, "start", eddy_init_constant(2), H);
    eddy_value h0 = eddy_state_from("h", t, start);
    eddy_value h = eddy_add(eddy_linear(m, "U", H, h0), x);
    eddy_next(h0, h);
    eddy_value sum = eddy_mul(eddy_total(eddy_reduce_all(h, EDDY_SUM), t | b), scale);
    eddy_output(m, "h", h);
    eddy_output(m, "ends", eddy_last_from(h, t, start));
    eddy_output(m, "sum", eddy_select(flip, eddy_neg(sum), sum));
    eddy_output(m, "most", eddy_total_of(eddy_reduce_all(h, EDDY_MAX), t | b, EDDY_MAX));
    return m;
}

static eddy_program *program;
static eddy_params *params;
static eddy_run *run;

static void open_run(void) {
    eddy_model *m = model_of();
    params = eddy_params_new(NULL, 1);
    cr_assert_eq(eddy_compile(m, &program), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    cr_assert_eq(eddy_run_new(program, params, &run), EDDY_OK, "%s", eddy_run_message(run));
    const float U[H * H] = {0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5};
    cr_assert_eq(eddy_params_write(params, "U", U, H * H), EDDY_OK);
}

static void close_run(void) {
    eddy_run_free(run);
    eddy_params_free(params);
    eddy_program_free(program);
}

TestSuite(api_runs, .init = open_run, .fini = close_run);

#define MISTAKE(call, code, words)                                                                 \
    do {                                                                                           \
        cr_expect_eq(call, code);                                                                  \
        cr_expect_eq(eddy_run_status(run), code);                                                  \
        cr_expect_str_eq(eddy_run_message(run), words);                                            \
        eddy_run_clear(run);                                                                       \
    } while (0)

Test(api_runs, names_and_sizes_are_checked) {
    const float x[2 * 2 * H] = {0};
    float out[8];
    MISTAKE(eddy_run_input(run, "x", x, 12), EDDY_MISSING,
            "input: the extents are not known yet; call eddy_run_resize first");
    MISTAKE(eddy_run_call(run), EDDY_MISSING,
            "call: the extents are not known yet; call eddy_run_resize first");
    MISTAKE(eddy_run_resize(run, (eddy_extent[]){{"t", 2}}, 1), EDDY_MISSING,
            "resize: the extent of axis b is not given");
    MISTAKE(eddy_run_resize(run, (eddy_extent[]){{"t", 2}, {"s", 2}}, 2), EDDY_BAD_ARGUMENT,
            "resize: the program has no axis \"s\"; it has: b, t");
    MISTAKE(eddy_run_resize(run, (eddy_extent[]){{"t", -2}, {"b", 2}}, 2), EDDY_BAD_ARGUMENT,
            "resize: the extent -2 of axis t is negative");
    MISTAKE(eddy_run_resize(run, (eddy_extent[]){{"t", INT64_C(1) << 40}, {"b", 2}}, 2),
            EDDY_BAD_SIZE,
            "resize: the extent 1099511627776 of axis t is not between 0 and 2147483647");
    cr_assert_eq(eddy_run_extent(run, "t"), -1);
    cr_assert_eq(eddy_run_resize(run, (eddy_extent[]){{"t", 2}, {"b", 2}}, 2), EDDY_OK);
    cr_assert_eq(eddy_run_extent(run, "t"), 2);
    MISTAKE(eddy_run_input(run, "x", x, 13), EDDY_BAD_SIZE,
            "input: \"x\" is f32 {t 2, b 2} [3] with 12 elements, but 13 are given");
    MISTAKE(eddy_run_input(run, "x", NULL, 12), EDDY_BAD_ARGUMENT,
            "input: the memory for \"x\" is NULL");
    MISTAKE(eddy_run_input(run, "h", x, 12), EDDY_BAD_ARGUMENT,
            "input: the program has no input \"h\"; it has: lengths, x, scale, flip");
    MISTAKE(eddy_run_output(run, "x", out, 12), EDDY_BAD_ARGUMENT,
            "output: the program has no output \"x\"; it has: h, ends, sum, most");
    MISTAKE(eddy_run_output(run, "ends", out, 8), EDDY_BAD_SIZE,
            "output: \"ends\" is f32 {b 2} [3] with 6 elements, but 8 are given");
    MISTAKE(eddy_run_scalar(run, "x", 1), EDDY_BAD_SIZE,
            "scalar: \"x\" has axes or dimensions; give it with eddy_run_input");
    MISTAKE(eddy_run_scalar(run, "flip", 2), EDDY_BAD_ARGUMENT,
            "scalar: \"flip\" is bool and cannot be 2");
    MISTAKE(eddy_run_call(run), EDDY_MISSING, "call: the input \"lengths\" was not given");
    MISTAKE((eddy_run_number(run, "h"), eddy_run_status(run)), EDDY_BAD_SIZE,
            "number: \"h\" is f32 {t 2, b 2} [3] with 12 elements, but 1 are given");
    MISTAKE(eddy_run_state_read(run, "h", out, 6), EDDY_BAD_ARGUMENT,
            "state: the program has no carried state \"h\"; it has: none");
}

Test(api_runs, a_mistake_sticks_until_it_is_cleared) {
    eddy_run_resize(run, (eddy_extent[]){{"t", 1}, {"b", 1}}, 2);
    cr_assert_eq(eddy_run_scalar(run, "speed", 1), EDDY_BAD_ARGUMENT);
    cr_assert_eq(eddy_run_scalar(run, "scale", 1), EDDY_BAD_ARGUMENT);
    cr_assert_eq(eddy_run_resize(run, (eddy_extent[]){{"t", 9}}, 1), EDDY_BAD_ARGUMENT);
    cr_assert_eq(eddy_run_call(run), EDDY_BAD_ARGUMENT);
    cr_assert(isnan(eddy_run_number(run, "sum")));
    cr_assert_str_eq(eddy_run_message(run),
                     "scalar: the program has no input \"speed\"; it has: "
                     "lengths, x, scale, flip");
    eddy_run_clear(run);
    cr_assert_eq(eddy_run_extent(run, "t"), 1);
    cr_assert_eq(eddy_run_scalar(run, "scale", 1), EDDY_OK);
}

static void give(int t, int b, const float *x, const int32_t *lengths) {
    eddy_run_resize(run, (eddy_extent[]){{"t", t}, {"b", b}}, 2);
    eddy_run_input(run, "x", x, (size_t)(t * b * H));
    eddy_run_input(run, "lengths", lengths, (size_t)b);
    eddy_run_scalar(run, "scale", 10);
    eddy_run_scalar(run, "flip", 0);
}

Test(api_runs, lengths_beyond_the_extent_are_refused) {
    const float x[2 * 2 * H] = {0};
    give(2, 2, x, (const int32_t[]){1, 3});
    MISTAKE(eddy_run_call(run), EDDY_BAD_ARGUMENT,
            "call: the length of sample 1 along t is 3 in \"lengths\", but the extent is 2; "
            "lengths lie between 0 and the extent");
    give(2, 2, x, (const int32_t[]){-1, 2});
    MISTAKE(eddy_run_call(run), EDDY_BAD_ARGUMENT,
            "call: the length of sample 0 along t is -1 in \"lengths\", but the extent is 2; "
            "lengths lie between 0 and the extent");
}

/* What cannot be had is refused, and the run goes on as it was. */
Test(api_runs, sizes_beyond_all_memory_are_refused) {
    const float x[H] = {1, 2, 3};
    give(1, 1, x, (const int32_t[]){1});
    size_t bytes = eddy_run_bytes(run);
    MISTAKE(eddy_run_resize(run, (eddy_extent[]){{"t", INT32_MAX}, {"b", INT32_MAX}}, 2),
            EDDY_BAD_SIZE,
            "resize: with 3 * t (2147483647) * b (2147483647) elements of f32 for %6 h the program "
            "needs more memory than can be addressed; use smaller extents");
    MISTAKE(eddy_run_resize(run, (eddy_extent[]){{"b", INT64_MAX}}, 1), EDDY_BAD_SIZE,
            "resize: the extent 9223372036854775807 of axis b is not between 0 and 2147483647");
    cr_assert_eq(eddy_run_bytes(run), bytes);
    cr_assert_eq(eddy_run_extent(run, "t"), 1);
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s", eddy_run_message(run));
    cr_assert_eq(eddy_run_number(run, "sum"), 10 * (6 + 3));
}

Test(api_runs, nothing_at_all_is_legal) {
    const float x[2 * H] = {1, 1, 1, 1, 1, 1};
    const struct {
        int t, b;
        int32_t lengths[2];
    } empty[] = {{0, 2, {0, 0}}, {2, 0, {0, 0}}, {0, 0, {0, 0}}, {1, 2, {0, 0}}};
    for (int i = 0; i < 4; i++) {
        give(empty[i].t, empty[i].b, x, empty[i].lengths);
        cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s", eddy_run_message(run));
        cr_assert_eq(eddy_run_number(run, "sum"), 0);
        cr_assert_eq(eddy_run_number(run, "most"), -INFINITY);
        const float *ends = eddy_run_read(run, "ends");
        for (int k = 0; k < empty[i].b * H; k++)
            cr_assert_eq(ends[k], 2, "the initial value");
    }
    give(0, 2, NULL, (const int32_t[]){0, 0});
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "NULL is enough for no elements");
}

Test(api_runs, extents_change_between_calls) {
    const float x[4 * 2 * H] = {[0] = 8, [23] = 16};
    const int32_t lengths[] = {4, 2};
    give(4, 2, x, lengths);
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s", eddy_run_message(run));
    const float *h = eddy_run_read(run, "h");
    cr_assert_eq(h[0], 9);                 /* 2 / 2 + 8 */
    cr_assert_eq(h[(1 * 2 + 0) * H], 4.5); /* 9 / 2 */
    cr_assert_eq(h[(3 * 2 + 1) * H + 2], 0, "past the end");
    eddy_run_resize(run, (eddy_extent[]){{"t", 2}}, 1);
    MISTAKE(eddy_run_call(run), EDDY_MISSING, "call: the input \"lengths\" was not given");
    give(2, 1, x, lengths + 1);
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s", eddy_run_message(run));
    cr_assert_eq(eddy_run_number(run, "sum"), 10 * (9 + 1 + 1 + 4.5 + 0.5 + 0.5));
    eddy_run_scalar(run, "flip", 1);
    eddy_run_call(run);
    cr_assert_eq(eddy_run_number(run, "sum"), -10 * (9 + 1 + 1 + 4.5 + 0.5 + 0.5));
}

Test(api_runs, an_output_goes_where_it_is_wanted) {
    const float x[H] = {1, 2, 3};
    float ends[H] = {0};
    give(1, 1, x, (const int32_t[]){1});
    cr_assert_eq(eddy_run_output(run, "ends", ends, H), EDDY_OK);
    eddy_run_call(run);
    cr_assert_eq(ends[2], 4);
    cr_assert_eq(eddy_run_read(run, "ends"), ends);
    eddy_run_output(run, "ends", NULL, 0);
    cr_assert_neq(eddy_run_read(run, "ends"), ends);
    ends[2] = 0;
    eddy_run_call(run);
    cr_assert_eq(ends[2], 0);
    cr_assert_eq(((const float *)eddy_run_read(run, "ends"))[2], 4);
}

Test(api_runs, slots_say_what_a_program_takes_and_gives) {
    eddy_slot slot;
    cr_assert(eddy_program_slot(program, EDDY_INPUT, 1, &slot));
    cr_assert_str_eq(slot.name, "x");
    cr_assert_eq(slot.dtype, EDDY_F32);
    cr_assert_eq(slot.axis_count, 2);
    cr_assert_str_eq(slot.axes[0], "t");
    cr_assert_str_eq(slot.axes[1], "b");
    cr_assert_eq(slot.rank, 1);
    cr_assert_eq(slot.dimensions[0], H);
    cr_assert(eddy_program_slot(program, EDDY_PARAM, 1, &slot));
    cr_assert_not(slot.updated);
    cr_assert_not(eddy_program_slot(program, EDDY_PARAM, 2, &slot));
    cr_assert_not(eddy_program_slot(program, EDDY_PARAM, -1, &slot));
    cr_assert_not(eddy_program_slot(program, EDDY_STATE, 0, &slot));
    cr_assert_gt(eddy_program_statistics(program).kernels, 0);
    cr_assert_geq(eddy_program_statistics(program).nests, eddy_program_statistics(program).kernels);
    cr_assert_gt(eddy_program_statistics(program).object_bytes, 0);
    eddy_run_resize(run, (eddy_extent[]){{"t", 7}, {"b", 5}}, 2);
    cr_assert_eq(eddy_run_elements(run, "x"), 7 * 5 * H);
    cr_assert_eq(eddy_run_elements(run, "lengths"), 5);
    cr_assert_eq(eddy_run_elements(run, "U"), H * H);
    cr_assert_eq(eddy_run_elements(run, "V"), 0);
    cr_assert_gt(eddy_run_bytes(run), 0);
}

/* ---- parameters between programs */

static eddy_program *scaled(int64_t size, eddy_dtype type) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = type});
    eddy_program *p;
    eddy_value start = eddy_param(m, "start", eddy_init_zeros(), size);
    eddy_update(start, eddy_scale(start, 3));
    eddy_update(eddy_variable(m, "count", EDDY_I32, eddy_init_constant(7), EDDY_SCALAR),
                eddy_integer(m, 8));
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

Test(api_runs, programs_share_parameters) {
    eddy_program *other = scaled(H, EDDY_F32);
    eddy_run *second;
    cr_assert_eq(eddy_params_count(params), 2);
    cr_assert_eq(eddy_run_new(other, params, &second), EDDY_OK, "%s", eddy_run_message(second));
    cr_assert_eq(eddy_params_count(params), 3);
    eddy_tensor tensor;
    cr_assert(eddy_params_at(params, 2, &tensor));
    cr_assert_str_eq(tensor.name, "count");
    cr_assert_not(tensor.trainable);
    cr_assert_eq(*(const int32_t *)tensor.data, 7);
    cr_assert_eq(eddy_run_call(second), EDDY_OK, "no axes: no resize: %s",
                 eddy_run_message(second));
    cr_assert_eq(*(const int32_t *)tensor.data, 8);
    give(1, 1, (const float[H]){0}, (const int32_t[]){1});
    eddy_run_call(run);
    cr_assert_eq(((const float *)eddy_run_read(run, "ends"))[0], 3, "2 * 3 / 2");
    eddy_run_free(second);
    eddy_program_free(other);
}

static void refuse(eddy_program *p, eddy_status code, const char *words) {
    eddy_run *r;
    int count = eddy_params_count(params);
    cr_expect_eq(eddy_run_new(p, params, &r), code);
    cr_expect_str_eq(eddy_run_message(r), words);
    cr_expect_eq(eddy_params_count(params), count, "all or nothing");
    cr_expect_eq(eddy_params_status(params), EDDY_OK);
    eddy_run_clear(r);
    cr_expect_eq(eddy_run_call(r), code, "a run that was not made does nothing");
    eddy_run_free(r);
    eddy_program_free(p);
}

Test(api_runs, parameters_must_fit_exactly) {
    refuse(scaled(4, EDDY_F32), EDDY_SHAPE_MISMATCH,
           "run: the parameter start is f32 [4] in the program, but f32 [3] in the params");
    refuse(scaled(H, EDDY_F64), EDDY_SHAPE_MISMATCH,
           "run: the parameter start is f64 [3] in the program, but f32 [3] in the params");
    eddy_params_close(params, true);
    refuse(scaled(H, EDDY_F32), EDDY_MISSING,
           "run: the parameter count, i32 [], is not in the params, which take no new ones; load "
           "a file that has it, or call eddy_params_close(params, false)");
}
