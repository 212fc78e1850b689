/* Mistakes in a model: the status, the place in the user's source, and the exact words. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"

typedef struct fixture {
    eddy_model *m;
    eddy_axes t, b;
    eddy_value x, y, ids, flag; /* f32 {t,b} [3], f32 {t,b} [4], i32 {t,b} [], bool {} [] */
} fixture;

static fixture open_model(void) {
    fixture f = {.m = eddy_model_new(NULL)};
    f.t = eddy_time(f.m, "t");
    f.b = eddy_batch(f.m, "b");
    f.x = eddy_input(f.m, "x", EDDY_F32, f.t | f.b, 3);
    f.y = eddy_input(f.m, "y", EDDY_F32, f.t | f.b, 4);
    f.ids = eddy_input(f.m, "ids", EDDY_I32, f.t | f.b, EDDY_SCALAR);
    f.flag = eddy_input(f.m, "flag", EDDY_BOOL, 0, EDDY_SCALAR);
    cr_assert_eq(eddy_model_status(f.m), EDDY_OK, "%s", eddy_model_message(f.m));
    return f;
}

/* The message with HERE for places within 12 lines of this one, which is where the statement is
 * (compilers differ in what the line of a macro is), and THERE for others. */
static const char *places_hidden(const char *message, int line) {
    static char out[2048];
    size_t used = 0;
    const char *place;
    out[0] = 0;
    while ((place = strstr(message, __FILE__ ":")) != NULL) {
        char *end;
        long number = strtol(place + strlen(__FILE__ ":"), &end, 10);
        used += (size_t)snprintf(out + used, sizeof out - used, "%.*s%s", (int)(place - message),
                                 message,
                                 number >= line - 12 && number <= line + 12 ? "HERE" : "THERE");
        message = end;
    }
    snprintf(out + used, sizeof out - used, "%s", message);
    return out;
}

static void expect(fixture f, eddy_status code, int line, const char *words) {
    char expected[2048];
    snprintf(expected, sizeof expected, "HERE: %s", words);
    cr_expect_str_eq(places_hidden(eddy_model_message(f.m), line), expected);
    cr_expect_eq(eddy_model_status(f.m), code);
    eddy_model_free(f.m);
}

/* The statement, which may use f, makes this mistake in a fresh model. */
#define MISTAKE(code, words, ...)                                                                  \
    do {                                                                                           \
        fixture f = open_model();                                                                  \
        __VA_ARGS__;                                                                               \
        expect(f, code, __LINE__, words);                                                          \
    } while (0)

Test(api_mistakes, shapes_that_do_not_fit) {
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "add: the shapes of f32 {t,b} [3] and f32 {t,b} [4] do not agree; aligned at "
            "the end, dimensions must be equal or 1",
            eddy_add(f.x, f.y));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "add: the dtypes of f32 {t,b} [3] and i32 {t,b} [] differ; cast one of them",
            eddy_sum(f.x, f.x, f.ids));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "matmul: f32 {} [5, 4] @ f32 {t,b} [3]: expected vectors or matrices of one "
            "dtype, and the last dimension of the first to be the first dimension of the "
            "second",
            eddy_matmul(eddy_param(f.m, "W", eddy_init_zeros(), 5, 4), f.x));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "contract \"mk,k->m\": operand 0 has 2 indices but is f32 {t,b} [3]",
            eddy_contract("mk,k->m", f.x, f.y, 0));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "linear: W takes a vector, but x is i32 {t,b} []; reshape it, or use "
            "eddy_contract",
            eddy_linear(f.m, "W", 5, f.ids));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "concat: the dtypes of f32 {t,b} [3] and i32 {t,b} [] differ; cast one of "
            "them",
            eddy_concat(0, f.x, f.ids));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "reshape: f32 {t,b} [3] and the new shape [2, 2] have different numbers of "
            "elements",
            eddy_reshape(f.x, 2, 2));
    MISTAKE(EDDY_SHAPE_MISMATCH, "tanh: needs f32 or f64, got i32 {t,b} []; cast it first",
            eddy_tanh(f.ids));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "select: needs bool, got f32 {t,b} [3]; compare it with something (ne with "
            "0) or cast it first",
            eddy_select(f.x, f.x, f.x));
    MISTAKE(EDDY_SHAPE_MISMATCH, "gather: the index must be i32, got f32 {t,b} [4]; cast it first",
            eddy_gather(f.x, f.y));
    MISTAKE(EDDY_SHAPE_MISMATCH, "transpose: f32 {t,b} [3] has fewer than two dimensions",
            eddy_transpose(f.x));
    MISTAKE(EDDY_SHAPE_MISMATCH, "permute: expected the 1 dimensions of f32 {t,b} [3]",
            eddy_permute(f.x, 0, 1));
    MISTAKE(EDDY_SHAPE_MISMATCH, "spread: f32 {t,b} [3] varies over axis t already",
            eddy_spread(f.x, f.t));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "not: needs bool, got f32 {t,b} [3]; compare it with something (ne with 0) "
            "or cast it first",
            eddy_not(f.x));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "slice: 2 elements from 2 do not lie inside dimension 0 of f32 {t,b} [3]",
            eddy_slice(f.x, 0, 2, 2));
    MISTAKE(EDDY_BAD_ARGUMENT, "softmax: f32 {t,b} [3] has no dimension 1", eddy_softmax(f.x, 1));
    MISTAKE(EDDY_BAD_SIZE, "input: dimension 1 is 0; dimensions are at least 1",
            eddy_input(f.m, "z", EDDY_F32, f.t, 3, 0));
    MISTAKE(EDDY_BAD_SIZE, "input: a shape has at most 8 dimensions",
            eddy_input(f.m, "z", EDDY_F32, f.t, 1, 1, 1, 1, 1, 1, 1, 1, 1));
    MISTAKE(EDDY_BAD_SIZE,
            "input: shape [4611686018427387903, 16] has more elements than 64 bits can "
            "count",
            eddy_input(f.m, "z", EDDY_F32, f.t, INT64_MAX / 2, 16));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "grad: the loss %2 ids is i32 {t,b} []; only f32 and f64 have derivatives",
            eddy_gradient(f.ids, f.x));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "update: the param %4 W is f32 {} [3], but its new value %1 y is f32 {t,b} "
            "[4]",
            eddy_update(eddy_param(f.m, "W", eddy_init_zeros(), 3), f.y));
}

Test(api_mistakes, states) {
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "bind: the state %5 h.before (made at HERE) is f32 "
            "{t,b} [3], but its next value %1 y is f32 {t,b} [4]; they need one dtype "
            "and shape",
            eddy_next(eddy_state(f.m, "h", f.t, 3), f.y));
    MISTAKE(EDDY_BAD_ARGUMENT, "bind: %0 x is not a state", eddy_next(f.x, f.x));
    MISTAKE(EDDY_BAD_ARGUMENT, "bind: the state %5 h.before has its next value already: %0 x", {
        eddy_value h0 = eddy_state(f.m, "h", f.t, 3);
        eddy_next(h0, f.x);
        eddy_next(h0, f.x);
    });
    MISTAKE(EDDY_BAD_ARGUMENT, "delay: the distance 0 must not be 0 and at most 1048576 either way",
            eddy_delay(f.x, f.t, 0));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "delay: init f32 {t,b} [4] does not stretch to the value's shape [3]",
            eddy_state_from("h", f.t, eddy_delay_from(f.x, f.t, 1, f.y)));
    MISTAKE(EDDY_ILLEGAL_PROGRAM,
            "the state %1 h.before, f32 {t,b} [3], is never given its next value; bind "
            "it to the value that it has after a step",
            {
                eddy_program *p;
                eddy_output(f.m, "out", eddy_add(eddy_state(f.m, "h", f.t, 3), f.x));
                cr_assert_eq(eddy_compile(f.m, &p), EDDY_ILLEGAL_PROGRAM);
                cr_assert_null(p);
            });
    MISTAKE(EDDY_ILLEGAL_PROGRAM,
            "no loop can compute the cycle through %1 h.before\n  along t: total(%1 "
            "h.before) over t needs all of t, but the cycle %1 h.before (delay by 1 "
            "along t, HERE) -> %2 (total, "
            "HERE) -> %3 (sub, HERE) -> "
            "%4 h (tanh, HERE) -> %1 h.before makes it step by "
            "step. Read a running value through a delay instead, or take %2 out of the "
            "cycle",
            {
                eddy_program *p;
                eddy_value h0 = eddy_state(f.m, "h", f.t, 3);
                eddy_value h = eddy_tanh(eddy_sub(h0, eddy_total(h0, f.t)));
                eddy_next(h0, h);
                eddy_output(f.m, "h", h);
                cr_assert_eq(eddy_compile(f.m, &p), EDDY_ILLEGAL_PROGRAM);
            });
}

Test(api_mistakes, names_and_arguments) {
    MISTAKE(EDDY_BAD_ARGUMENT,
            "input: the name \"x\" belongs to the input made at "
            "THERE; give each input and param a name of its own",
            eddy_input(f.m, "x", EDDY_F32, 0, 1));
    MISTAKE(EDDY_BAD_ARGUMENT, "param: a name is missing",
            eddy_param(f.m, "", eddy_init_zeros(), 1));
    MISTAKE(EDDY_BAD_ARGUMENT, "input: a name is missing", eddy_input(f.m, NULL, EDDY_F32, 0, 1));
    MISTAKE(EDDY_BAD_ARGUMENT, "input: there is no dtype number 9",
            eddy_input(f.m, "z", (eddy_dtype)9, 0, 1));
    MISTAKE(EDDY_BAD_ARGUMENT, "input: there is no axis number 9; declare the axis first",
            eddy_input(f.m, "z", EDDY_F32, 1u << 9, 1));
    MISTAKE(EDDY_BAD_ARGUMENT, "axis: there is an axis named \"t\" already", eddy_time(f.m, "t"));
    MISTAKE(EDDY_BAD_ARGUMENT, "axis: the name \"a b\" is not a word of letters, digits and _",
            eddy_time(f.m, "a b"));
    MISTAKE(EDDY_BAD_SIZE, "axis d: the fixed extent -3 is negative",
            eddy_axis_fixed(f.m, "d", -3));
    MISTAKE(EDDY_BAD_ARGUMENT, "expand: there is no axis number 20; declare the axis first",
            eddy_total(f.x, 1u << 20));
    MISTAKE(EDDY_BAD_ARGUMENT, "last: expected one axis of the model, not {t,b}",
            eddy_last(f.x, f.t | f.b));
    MISTAKE(EDDY_BAD_ARGUMENT, "scope: there is none to pop", eddy_scope_pop(f.m));
    MISTAKE(EDDY_BAD_ARGUMENT, "output: the value of \"y\" is NULL", eddy_output(f.m, "y", NULL));
    MISTAKE(EDDY_BAD_ARGUMENT, "output: there is an output named \"y\" already: %0 x",
            (eddy_output(f.m, "y", f.x), eddy_output(f.m, "y", f.y)));
    MISTAKE(EDDY_BAD_ARGUMENT, "update: %0 x is not a param", eddy_update(f.x, f.x));
    MISTAKE(EDDY_BAD_ARGUMENT, "a value is NULL, though no mistake was made before",
            eddy_add(f.x, NULL));
    MISTAKE(EDDY_BAD_ARGUMENT, "variable n: integers and bools begin with zeros or a constant",
            eddy_variable(f.m, "n", EDDY_I32, eddy_init_normal(0, 1), EDDY_SCALAR));
    MISTAKE(EDDY_BAD_ARGUMENT, "variable n: the constant is not a value of this dtype",
            eddy_variable(f.m, "n", EDDY_I32, eddy_init_constant(0.5), EDDY_SCALAR));
    MISTAKE(EDDY_BAD_ARGUMENT,
            "custom: needs an adjoint function and 1 to 31 values to differentiate by "
            "(eddy_stop has none)",
            eddy_custom("c", f.x, &f.x, 0, NULL, NULL));
    MISTAKE(EDDY_BAD_ARGUMENT, "the value constant belongs to another model", {
        eddy_model *other = eddy_model_new(NULL);
        eddy_add(f.x, eddy_number(other, 1));
        eddy_model_free(other);
    });
}

Test(api_mistakes, values_and_places) {
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "add: needs numbers, got bool {} []; cast it to f32, f64 or i32 first",
            eddy_add(f.flag, f.flag));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "contract \"mk,kn->mn\": index k has different sizes in f32 {t,b} [2, 3] "
            "and f32 {t,b} [2, 4]",
            eddy_contract("mk,kn->mn", eddy_broadcast(f.x, 2, 3), eddy_broadcast(f.y, 2, 4), 0));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "concat: f32 {t,b} [2, 3] and f32 {t,b} [2, 4] may differ in dimension 0 only",
            eddy_concat(0, eddy_broadcast(f.x, 2, 3), eddy_broadcast(f.y, 2, 4)));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "pad: dimension 0 of f32 {t,b} [3] placed at 2 does not fit into 4 elements",
            eddy_pad(f.x, 0, 2, 4));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "transpose: the order must name each of the 2 dimensions of f32 {t,b} "
            "[2, 3] once",
            eddy_permute(eddy_broadcast(f.x, 2, 3), 0, 0));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "scatter: the shape of f32 {t,b} [3] must begin with that of its index "
            "i32 {t,b} [4]",
            eddy_scatter(f.x, eddy_cast(f.y, EDDY_I32), 5, f.t));
    MISTAKE(EDDY_BAD_SIZE, "onehot: size 0; it must be 1 to 16777216", eddy_onehot(f.ids, 0));
    MISTAKE(EDDY_BAD_ARGUMENT, "cast: there is no dtype number 9", eddy_cast(f.x, (eddy_dtype)9));
    MISTAKE(EDDY_BAD_ARGUMENT, "constant: there is no dtype number 9",
            eddy_constant(f.m, (eddy_dtype)9, "", 1));
    MISTAKE(EDDY_BAD_ARGUMENT, "constant: the data is NULL", eddy_constant(f.m, EDDY_F32, NULL, 1));
    MISTAKE(EDDY_BAD_SIZE, "constant: shape [1048576, 1024] of f32 is larger than 67108864 bytes",
            eddy_constant(f.m, EDDY_F32, &f, 1 << 20, 1 << 10));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "reduce_all: a dimension of f32 {b} [t, 3] is known only when the "
            "program runs; reduce its dimensions one by one",
            eddy_gradient(eddy_reduce_all(eddy_stack(f.x, f.t), EDDY_SUM), f.x));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "reshape: f32 {b} [t, 3] and the new shape [6] have different numbers of "
            "elements",
            eddy_reshape(eddy_stack(f.x, f.t), 6));
    MISTAKE(EDDY_BAD_ARGUMENT, "gradient: value 0 to differentiate by is NULL",
            eddy_gradient(eddy_reduce_all(f.x, EDDY_SUM), NULL));
    MISTAKE(EDDY_BAD_ARGUMENT, "reduce: kind 9 is not one of its kinds",
            eddy_reduce(f.x, 0, (eddy_kind)9));
    MISTAKE(EDDY_BAD_ARGUMENT, "total: kind 3 is not one of its kinds",
            eddy_total_of(f.x, f.t, EDDY_ARGMAX));
    MISTAKE(EDDY_BAD_ARGUMENT, "update: the new value of W is NULL",
            eddy_update(eddy_param(f.m, "W", eddy_init_zeros(), 3), NULL));
    MISTAKE(EDDY_BAD_ARGUMENT, "update: the param %4 W has an update already: %4 W", {
        eddy_value W = eddy_param(f.m, "W", eddy_init_zeros(), 3);
        eddy_update(W, W);
        eddy_update(W, W);
    });
}

Test(api_mistakes, axes_and_lengths) {
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "spread: dimension 0 of f32 {t,b} [2, 3] is not the extent of axis d; "
            "declare the axis with this extent",
            eddy_spread(eddy_broadcast(f.x, 2, 3), eddy_axis_fixed(f.m, "d", 3)));
    MISTAKE(EDDY_SHAPE_MISMATCH, "at: the place must be i32, got f32 {t,b} [4]; cast it first",
            eddy_at(f.x, f.t, f.y));
    MISTAKE(EDDY_SHAPE_MISMATCH, "at: the place must have shape [], got i32 {t,b} [4]",
            eddy_at(f.x, f.t, eddy_cast(f.y, EDDY_I32)));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "at: init is i32 {t,b} [] but the value is f32 {t,b} [3]; cast one of them",
            eddy_last_from(f.x, f.t, f.ids));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "delay: init is i32 {t,b} [] but the value is f32 {t,b} [3]; cast one of them",
            eddy_delay_from(f.x, f.t, 1, f.ids));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "lengths of t: expected i32 with shape [], but %1 y is f32 {t,b} [4]",
            eddy_lengths(f.t, f.y));
    MISTAKE(EDDY_BAD_ARGUMENT,
            "lengths of s: they are set already or values depend on the end of this "
            "axis; set lengths once, right after the axis is made",
            {
                eddy_axes s = eddy_time_ragged(f.m, "s", f.b, "keys");
                eddy_lengths(s, eddy_input(f.m, "more", EDDY_I32, f.b, EDDY_SCALAR));
            });
    MISTAKE(EDDY_BAD_SIZE,
            "axis d: the extent 1099511627776 is not in 0 to 2147483647 (-1: a "
            "run-time number)",
            eddy_axis_fixed(f.m, "d", INT64_C(1) << 40));
    MISTAKE(EDDY_BAD_SIZE, "axis a30: a model has at most 32 axes", {
        char name[16];
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "a%d", i);
            eddy_time(f.m, name);
        }
    });
    MISTAKE(EDDY_BAD_ARGUMENT, "carry: s is carried already", {
        eddy_axes s = eddy_time(f.m, "s");
        eddy_carry(f.m, s, f.b);
        eddy_carry(f.m, s, f.b);
    });
    MISTAKE(EDDY_BAD_ARGUMENT, "carry: positions over {t}: these are not all batch axes",
            eddy_carry(f.m, eddy_time(f.m, "s"), f.t));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "lengths of s: they vary over {b}, but the axis is carried with "
            "positions over {}; carry it over the axes of its lengths",
            {
                eddy_axes s = eddy_time(f.m, "s");
                eddy_carry(f.m, s, 0);
                eddy_lengths(s, eddy_input(f.m, "more", EDDY_I32, f.b, EDDY_SCALAR));
                eddy_program *p;
                eddy_output(f.m, "x", eddy_delay(eddy_expand(f.x, s), s, 1));
                eddy_compile(f.m, &p);
            });
    MISTAKE(EDDY_UNSUPPORTED,
            "carry: the past of a value of shape [t, 3] cannot be kept: it needs at "
            "most 7 dimensions, all of them numbers",
            {
                eddy_axes s = eddy_time(f.m, "s");
                eddy_carry(f.m, s, 0);
                eddy_delay(eddy_expand(eddy_stack(f.x, f.t), s), s, 1);
            });
}

Test(api_mistakes, layers_and_losses) {
    MISTAKE(EDDY_BAD_ARGUMENT,
            "bidirectional: the cell is NULL; give eddy_lstm, or one of your own",
            eddy_bidirectional(NULL, f.m, "c", f.t, 3, f.x, NULL));
    MISTAKE(EDDY_BAD_ARGUMENT,
            "conv1d: c takes a vector of fixed size at each step, and x has 0 "
            "dimensions; reshape it to one",
            eddy_conv1d(f.m, "c", 3, f.ids, f.t, 2));
    MISTAKE(EDDY_BAD_ARGUMENT,
            "cross_entropy: logits of 1 and a target of 1 dimensions; expected a "
            "vector of logits and one i32 number, the place of the right one",
            eddy_cross_entropy(f.x, f.y));
    MISTAKE(EDDY_BAD_ARGUMENT, "categorical: logits have 0 dimensions; expected a vector",
            eddy_categorical("k", f.ids, f.ids));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "linear: Wi takes a vector, but x is i32 {t,b} []; reshape it, or use "
            "eddy_contract",
            eddy_lstm(f.m, "c", f.t, 3, f.ids, NULL));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "sub: the shapes of f32 {t,b} [3] and f32 {t,b} [4] do not agree; "
            "aligned at the end, dimensions must be equal or 1",
            eddy_mean_squared_error(f.x, f.y));
    MISTAKE(EDDY_BAD_ARGUMENT,
            "minimise: the model has no trainable parameter; eddy_param makes one, "
            "and the layers do",
            eddy_minimise(f.x, eddy_sgd()));
    MISTAKE(EDDY_SHAPE_MISMATCH,
            "grad: the loss %2 ids is i32 {t,b} []; only f32 and f64 have derivatives", {
                eddy_bias(f.m, "b", 3);
                eddy_minimise(f.ids, eddy_sgd());
            });
}

Test(api_mistakes, the_place_is_the_users_line) {
    fixture f = open_model();
    char expected[256];
    eddy_value sum = eddy_add(f.x, f.y);
    eddy_sub(f.y, f.x); /* the second mistake is not told */
    snprintf(expected, sizeof expected, "%s:%d: add: ", __FILE__, __LINE__ - 2);
    cr_assert_null(sum);
    cr_assert_null(eddy_tanh(sum));
    cr_assert_eq(strncmp(eddy_model_message(f.m), expected, strlen(expected)), 0, "%s",
                 eddy_model_message(f.m));
    eddy_model_free(f.m);

    f = open_model();
    cr_assert_null((eddy_add)(f.x, f.y, (eddy_site){"cell.eddy", 12}));
    cr_assert_eq(strncmp(eddy_model_message(f.m), "cell.eddy:12: add: ", 19), 0);
    eddy_model_free(f.m);

    f = open_model();
    cr_assert_null((eddy_add)(f.x, f.y, (eddy_site){NULL, 0}));
    cr_assert_eq(strncmp(eddy_model_message(f.m), "add: ", 5), 0);
    eddy_model_free(f.m);
}

Test(api_mistakes, a_model_without_results) {
    eddy_program *p;
    eddy_model *m = eddy_model_new(NULL);
    cr_assert_eq(eddy_compile(m, &p), EDDY_BAD_ARGUMENT);
    cr_assert_null(p);
    cr_assert_str_eq(eddy_model_message(m), "compile: the model has no output and no update");
    cr_assert_eq(eddy_compile(m, &p), EDDY_BAD_ARGUMENT, "the mistake stays");
    eddy_model_free(m);
    m = eddy_model_new(&(eddy_options){.dtype = EDDY_I32});
    cr_assert_str_eq(eddy_model_message(m), "model: the dtype of a model is EDDY_F32 or EDDY_F64");
    eddy_model_free(m);
}

Test(api_mistakes, no_model_is_out_of_memory) {
    eddy_program *p;
    cr_assert_eq(eddy_model_status(NULL), EDDY_OUT_OF_MEMORY);
    cr_assert_str_eq(eddy_model_message(NULL), "out of memory");
    cr_assert_eq(eddy_time(NULL, "t"), 0);
    cr_assert_null(eddy_input(NULL, "x", EDDY_F32, 0, 3));
    cr_assert_null(eddy_tanh(NULL));
    cr_assert_null(eddy_sum(NULL, NULL));
    cr_assert_null(eddy_model_text(NULL));
    eddy_output(NULL, "x", NULL);
    cr_assert_eq(eddy_compile(NULL, &p), EDDY_OUT_OF_MEMORY);
    cr_assert_null(p);
    cr_assert_eq(eddy_params_status(NULL), EDDY_OUT_OF_MEMORY);
    cr_assert_eq(eddy_run_status(NULL), EDDY_OUT_OF_MEMORY);
    cr_assert_eq(eddy_run_call(NULL), EDDY_OUT_OF_MEMORY);
    eddy_model_free(NULL);
    eddy_program_free(NULL);
    eddy_params_free(NULL);
    eddy_run_free(NULL);
}
