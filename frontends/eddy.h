/* Eddy: write one step of a recurrent cell, get it unrolled over time, differentiated and compiled.
 *
 *   eddy_model *m = eddy_model_new(NULL);
 *   eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
 *   eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, D);
 *   eddy_value h0 = eddy_state(m, "h", t, H);                 h[t-1], zeros before the start
 *   eddy_value h = eddy_tanh(eddy_sum(eddy_linear(m, "W", H, x), eddy_linear(m, "U", H, h0)));
 *   eddy_next(h0, h);
 *   eddy_output(m, "loss", eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b));
 *
 * A value has a dtype, a shape (its feature dimensions, [H]) and axes (the loops it varies over,
 * {t,b}). Operands of different axes join; shapes stretch as in NumPy. Steps beyond a sample's
 * length do not exist: reductions skip them, outputs are 0 there.
 *
 * An object keeps its first mistake, a model with the user's file and line; functions given NULL
 * values give NULL, so a model is written without checks and asked once, when it is compiled. A
 * model, a params and a run belong to one thread at a time; a program may be shared. An object
 * that another one was made from must outlive it (a program its runs, a params its runs), but a
 * model may go first.
 *
 * Functions that build take the caller's place last; the macros of the same name add it. Code that
 * builds on behalf of its own caller defines EDDY_HERE before it includes this file. */
#ifndef EDDY_H
#define EDDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDDY_VERSION_MAJOR 0
#define EDDY_VERSION_MINOR 1
#define EDDY_VERSION_PATCH 0

#if defined(__GNUC__)
#    define EDDY_API __attribute__((visibility("default")))
#else
#    define EDDY_API
#endif

#ifdef __cplusplus
template <class T, size_t n> inline const T *eddy_list(const T (&at)[n]) {
    return at;
}
#    define EDDY_LIST(type, ...) eddy_list<type>({__VA_ARGS__})
extern "C" {
#else
#    define EDDY_LIST(type, ...) ((const type[]){__VA_ARGS__})
#endif

/* ---- statuses and host functions */
typedef enum eddy_status {
    EDDY_OK = 0,
    EDDY_OUT_OF_MEMORY = 1,
    EDDY_SHAPE_MISMATCH = 2,  /* shapes, dtypes or axes do not fit */
    EDDY_ILLEGAL_PROGRAM = 3, /* no order of loops computes it, or a state has no next value */
    EDDY_BAD_ARGUMENT = 4,    /* an unknown name, a null, a number out of range */
    EDDY_MISSING = 5,         /* an input, extent or parameter that was not given */
    EDDY_BAD_SIZE = 6,        /* a wrong or overflowing number of elements */
    EDDY_IO = 7,              /* the operating system refused a file operation */
    EDDY_BAD_FORMAT = 8,      /* a file that is not what it should be */
    EDDY_UNSUPPORTED = 9      /* this machine or build cannot do it */
} eddy_status;

/* "0.1.0": of the library that is loaded; the macros are of the header. */
EDDY_API const char *eddy_version_string(void);
/* "out of memory", "shape mismatch", ... */
EDDY_API const char *eddy_status_name(eddy_status status);
/* Memory for everything but LLVM's own. allocate: bytes > 0, alignment a power of two up to 4096;
 * NULL when there is none. release gets the same bytes; NULL is ignored. A compilation calls them
 * from two threads, never at once. */
typedef struct eddy_allocator {
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    void (*release)(void *user, void *p, size_t bytes);
    void *user;
} eddy_allocator;
/* File functions, as POSIX has them: -1 and errno on failure, short reads and writes are legal.
 * open_new refuses a file that exists; size refuses what is no regular file. */
typedef struct eddy_files {
    int (*open_read)(void *user, const char *path);
    int (*open_new)(void *user, const char *path);
    int64_t (*read)(void *user, int file, void *to, size_t bytes);
    int64_t (*write)(void *user, int file, const void *from, size_t bytes);
    int64_t (*size)(void *user, int file);
    int (*sync)(void *user, int file);
    int (*close)(void *user, int file);
    int (*rename)(void *user, const char *from, const char *to);
    int (*remove)(void *user, const char *path);
    int (*sync_folder)(void *user, const char *path_of_a_file_in_it);
    void *user;
} eddy_files;
typedef enum eddy_dtype { EDDY_F32, EDDY_F64, EDDY_I32, EDDY_BOOL } eddy_dtype; /* bool: one byte */
/* All zero: f32, the C library's memory, the system's files. The tables are copied. */
typedef struct eddy_options {
    eddy_dtype dtype; /* of states, parameters and numbers: EDDY_F32 or EDDY_F64 */
    const eddy_allocator *allocator;
    const eddy_files *files;
} eddy_options;

/* ---- models */
typedef struct eddy_model eddy_model;
typedef struct eddy_value_s *eddy_value; /* belongs to its model; NULL after a mistake */
typedef uint32_t eddy_axes;              /* a set of axes: t | b; one axis is a set of one */
typedef struct eddy_site {
    const char *file; /* must live as long as the model; NULL: unknown */
    int line;
} eddy_site;
#ifndef EDDY_HERE
#    ifdef __cplusplus
#        define EDDY_HERE (eddy_site{__FILE__, __LINE__})
#    else
#        define EDDY_HERE ((eddy_site){__FILE__, __LINE__})
#    endif
#endif

/* Where a list of dimensions or values ends. As the only dimension: shape []. */
#define EDDY_SCALAR          INT64_MIN
#define EDDY_END             ((eddy_value)(intptr_t)-1)
#define EDDY_DIMENSIONS(...) EDDY_LIST(int64_t, __VA_ARGS__, EDDY_SCALAR)
#define EDDY_VALUES(...)     EDDY_LIST(eddy_value, __VA_ARGS__, EDDY_END)

/* options NULL: the defaults. NULL when out of memory; every function takes that as a mistake of
 * status EDDY_OUT_OF_MEMORY. */
EDDY_API eddy_model *eddy_model_new(const eddy_options *options);
EDDY_API void eddy_model_free(eddy_model *m);
/* The first mistake and its message, "file:line: what, both shapes, what to do"; "" when none. */
EDDY_API eddy_status eddy_model_status(const eddy_model *m);
EDDY_API const char *eddy_model_message(const eddy_model *m);
/* The graph in the language of docs/graph.md, and as Graphviz text; until the next such call. NULL
 * after a mistake. */
EDDY_API const char *eddy_model_text(eddy_model *m);
EDDY_API const char *eddy_model_dot(eddy_model *m);
/* Until the pop, "name." stands before the names of parameters, states and named values. */
EDDY_API void eddy_scope_push(eddy_model *m, const char *name, eddy_site here);
#define eddy_scope_push(...) eddy_scope_push(__VA_ARGS__, EDDY_HERE)
EDDY_API void eddy_scope_pop(eddy_model *m, eddy_site here);
#define eddy_scope_pop(...) eddy_scope_pop(__VA_ARGS__, EDDY_HERE)

/* ---- axes: make them before the values; their extents are numbers of the run, unless fixed */
typedef eddy_axes eddy_axis_maker(eddy_model *m, const char *name, eddy_site here);
EDDY_API eddy_axis_maker eddy_time, eddy_batch;
#define eddy_time(...) eddy_time(__VA_ARGS__, EDDY_HERE)
/* Samples that do not see each other; a state holds all batch axes that exist when it is made. */
#define eddy_batch(...) eddy_batch(__VA_ARGS__, EDDY_HERE)
/* A time axis of a constant extent >= 0: depth of a cell, processors of an attention. */
EDDY_API eddy_axes eddy_axis_fixed(eddy_model *m, const char *name, int64_t extent, eddy_site here);
#define eddy_axis_fixed(...) eddy_axis_fixed(__VA_ARGS__, EDDY_HERE)
/* A time axis with a length for each sample of `over`: the i32 input `lengths`, 0 to the extent. */
EDDY_API eddy_axes eddy_time_ragged(eddy_model *m, const char *name, eddy_axes over,
                                    const char *lengths, eddy_site here);
#define eddy_time_ragged(...) eddy_time_ragged(__VA_ARGS__, EDDY_HERE)
/* Computed lengths: i32 [] without the axis; before anything asks where the axis ends. */
EDDY_API void eddy_lengths(eddy_axes axis, eddy_value lengths, eddy_site here);
#define eddy_lengths(...) eddy_lengths(__VA_ARGS__, EDDY_HERE)
/* What is delayed along this time axis goes on in the next call of a run instead of starting anew,
 * so a sequence may be cut anywhere; eddy_index counts on. `over`: the batch axes whose samples
 * have positions of their own (at least those of the lengths); 0: all are in step. Looking ahead,
 * `at`, `last` and totals see one call. Before any state or delay along the axis. */
EDDY_API void eddy_carry(eddy_model *m, eddy_axes axis, eddy_axes over, eddy_site here);
#define eddy_carry(...) eddy_carry(__VA_ARGS__, EDDY_HERE)

/* ---- leaves. Variadic: dimensions; EDDY_SCALAR for shape [] */
/* Data of each call, row-major: time axes, batch axes (each in order of making), dimensions. */
EDDY_API eddy_value eddy_input(eddy_model *m, const char *name, eddy_dtype dtype, eddy_axes axes,
                               const int64_t *dimensions, eddy_site here);
#define eddy_input(m, name, dtype, axes, ...)                                                      \
    eddy_input((m), (name), (dtype), (axes), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)
typedef struct eddy_init {
    int kind;
    double a, b;
} eddy_init;
/* Initial values depend on the seed of the params and the parameter's name alone. fan out:
 * dimension 0; fan in: the product of the others. Orthogonal: that matrix has orthonormal rows or
 * columns, times gain. Identity: scale on its diagonal. Integers and bools: zeros and constants
 * only. */
EDDY_API eddy_init eddy_init_zeros(void);
EDDY_API eddy_init eddy_init_constant(double value);
EDDY_API eddy_init eddy_init_uniform(double low, double high);
EDDY_API eddy_init eddy_init_normal(double mean, double deviation);
EDDY_API eddy_init eddy_init_glorot(void); /* uniform, +-sqrt(6 / (fan in + fan out)) */
EDDY_API eddy_init eddy_init_orthogonal(double gain);
EDDY_API eddy_init eddy_init_identity(double scale);
/* A trainable tensor of the model's dtype; it lives in an eddy_params under its (scoped) name. */
EDDY_API eddy_value eddy_param(eddy_model *m, const char *name, eddy_init init,
                               const int64_t *dimensions, eddy_site here);
#define eddy_param(m, name, init, ...)                                                             \
    eddy_param((m), (name), (init), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)
/* The same, not trainable: a statistic, an optimiser's moment. */
EDDY_API eddy_value eddy_variable(eddy_model *m, const char *name, eddy_dtype dtype, eddy_init init,
                                  const int64_t *dimensions, eddy_site here);
#define eddy_variable(m, name, dtype, init, ...)                                                   \
    eddy_variable((m), (name), (dtype), (init), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)
/* param [size, D] (Glorot) @ x [D]: [size]. */
EDDY_API eddy_value eddy_linear(eddy_model *m, const char *name, int64_t size, eddy_value x,
                                eddy_site here);
#define eddy_linear(...) eddy_linear(__VA_ARGS__, EDDY_HERE)
/* param [size], zeros. */
EDDY_API eddy_value eddy_bias(eddy_model *m, const char *name, int64_t size, eddy_site here);
#define eddy_bias(...) eddy_bias(__VA_ARGS__, EDDY_HERE)
/* A number of the model's dtype; of i32; a tensor, row-major, copied. */
EDDY_API eddy_value eddy_number(eddy_model *m, double value, eddy_site here);
#define eddy_number(...) eddy_number(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_integer(eddy_model *m, int32_t value, eddy_site here);
#define eddy_integer(...) eddy_integer(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_constant(eddy_model *m, eddy_dtype dtype, const void *data,
                                  const int64_t *dimensions, eddy_site here);
#define eddy_constant(m, dtype, data, ...)                                                         \
    eddy_constant((m), (dtype), (data), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)
/* i32 []: the step within this call; the same plus what earlier calls of the run carried (counts to
 * 2^30); the number of steps (per sample where the axis has lengths). bool: step < end. */
typedef eddy_value eddy_counter(eddy_model *m, eddy_axes axis, eddy_site here);
EDDY_API eddy_counter eddy_step, eddy_index, eddy_end, eddy_valid;
#define eddy_step(...)  eddy_step(__VA_ARGS__, EDDY_HERE)
#define eddy_index(...) eddy_index(__VA_ARGS__, EDDY_HERE)
#define eddy_end(...)   eddy_end(__VA_ARGS__, EDDY_HERE)
#define eddy_valid(...) eddy_valid(__VA_ARGS__, EDDY_HERE)
/* Uniform in [0, 1), a function of the i32 input "seed" (made on first use), the index on each of
 * these axes, and the element; every call of this function is another stream. */
EDDY_API eddy_value eddy_random(eddy_model *m, eddy_axes axes, const int64_t *dimensions,
                                eddy_site here);
#define eddy_random(m, axes, ...) eddy_random((m), (axes), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)

/* ---- states */
/* h[t-1], zeros before the start: the model's dtype, over the axis and all batch axes. */
EDDY_API eddy_value eddy_state(eddy_model *m, const char *name, eddy_axes axis,
                               const int64_t *dimensions, eddy_site here);
#define eddy_state(m, name, axis, ...)                                                             \
    eddy_state((m), (name), (axis), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)
/* The same with init, which gives dtype and shape and may hold any axes, this one too. */
EDDY_API eddy_value eddy_state_from(const char *name, eddy_axes axis, eddy_value init,
                                    eddy_site here);
#define eddy_state_from(...) eddy_state_from(__VA_ARGS__, EDDY_HERE)
/* The general form: h[t - distance] (distance < 0 looks ahead, from the end backwards), over the
 * axis, init's axes and `over` - no batch axes by itself. init is read at the reading step. */
EDDY_API eddy_value eddy_state_over(const char *name, eddy_axes axis, int distance, eddy_axes over,
                                    eddy_value init, eddy_site here);
#define eddy_state_over(...) eddy_state_over(__VA_ARGS__, EDDY_HERE)
/* Gives a state its next value: its dtype and shape, axes among the state's. Exactly once. */
EDDY_API void eddy_next(eddy_value state, eddy_value next, eddy_site here);
#define eddy_next(...) eddy_next(__VA_ARGS__, EDDY_HERE)

/* ---- element-wise: any shape; dtypes as they are */
/* log: natural; sign of 0: 0; keep: x, never recomputed; stop: x without a gradient. */
typedef eddy_value eddy_unary(eddy_value x, eddy_site here);
EDDY_API eddy_unary eddy_neg, eddy_abs, eddy_sign, eddy_floor, eddy_sqrt, eddy_square, eddy_exp,
    eddy_expm1, eddy_log, eddy_log1p, eddy_tanh, eddy_sigmoid, eddy_relu, eddy_sin, eddy_cos,
    eddy_one_minus, eddy_not, eddy_keep, eddy_stop;
#define eddy_neg(...)       eddy_neg(__VA_ARGS__, EDDY_HERE)
#define eddy_abs(...)       eddy_abs(__VA_ARGS__, EDDY_HERE)
#define eddy_sign(...)      eddy_sign(__VA_ARGS__, EDDY_HERE)
#define eddy_floor(...)     eddy_floor(__VA_ARGS__, EDDY_HERE)
#define eddy_sqrt(...)      eddy_sqrt(__VA_ARGS__, EDDY_HERE)
#define eddy_square(...)    eddy_square(__VA_ARGS__, EDDY_HERE)
#define eddy_exp(...)       eddy_exp(__VA_ARGS__, EDDY_HERE)
#define eddy_expm1(...)     eddy_expm1(__VA_ARGS__, EDDY_HERE)
#define eddy_log(...)       eddy_log(__VA_ARGS__, EDDY_HERE)
#define eddy_log1p(...)     eddy_log1p(__VA_ARGS__, EDDY_HERE)
#define eddy_tanh(...)      eddy_tanh(__VA_ARGS__, EDDY_HERE)
#define eddy_sigmoid(...)   eddy_sigmoid(__VA_ARGS__, EDDY_HERE)
#define eddy_relu(...)      eddy_relu(__VA_ARGS__, EDDY_HERE)
#define eddy_sin(...)       eddy_sin(__VA_ARGS__, EDDY_HERE)
#define eddy_cos(...)       eddy_cos(__VA_ARGS__, EDDY_HERE)
#define eddy_one_minus(...) eddy_one_minus(__VA_ARGS__, EDDY_HERE)
#define eddy_not(...)       eddy_not(__VA_ARGS__, EDDY_HERE)
#define eddy_keep(...)      eddy_keep(__VA_ARGS__, EDDY_HERE)
#define eddy_stop(...)      eddy_stop(__VA_ARGS__, EDDY_HERE)
/* x * number, x + number; the number takes x's dtype. */
EDDY_API eddy_value eddy_scale(eddy_value x, double number, eddy_site here);
#define eddy_scale(...) eddy_scale(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_shift(eddy_value x, double number, eddy_site here);
#define eddy_shift(...) eddy_shift(__VA_ARGS__, EDDY_HERE)
/* Floats to i32 round towards 0 and saturate, NaN gives 0; to bool: not 0. */
EDDY_API eddy_value eddy_cast(eddy_value x, eddy_dtype dtype, eddy_site here);
#define eddy_cast(...) eddy_cast(__VA_ARGS__, EDDY_HERE)
/* One dtype. max and min share the gradient of ties, NaN wins; mod has the divisor's sign;
 * logaddexp: log(exp x + exp y); lt le eq ne give bool; and, or take bool. */
typedef eddy_value eddy_binary(eddy_value x, eddy_value y, eddy_site here);
EDDY_API eddy_binary eddy_add, eddy_sub, eddy_mul, eddy_div, eddy_max, eddy_min, eddy_mod,
    eddy_logaddexp, eddy_lt, eddy_le, eddy_eq, eddy_ne, eddy_and, eddy_or, eddy_matmul;
#define eddy_add(...)       eddy_add(__VA_ARGS__, EDDY_HERE)
#define eddy_sub(...)       eddy_sub(__VA_ARGS__, EDDY_HERE)
#define eddy_mul(...)       eddy_mul(__VA_ARGS__, EDDY_HERE)
#define eddy_div(...)       eddy_div(__VA_ARGS__, EDDY_HERE)
#define eddy_max(...)       eddy_max(__VA_ARGS__, EDDY_HERE)
#define eddy_min(...)       eddy_min(__VA_ARGS__, EDDY_HERE)
#define eddy_mod(...)       eddy_mod(__VA_ARGS__, EDDY_HERE)
#define eddy_logaddexp(...) eddy_logaddexp(__VA_ARGS__, EDDY_HERE)
#define eddy_lt(...)        eddy_lt(__VA_ARGS__, EDDY_HERE)
#define eddy_le(...)        eddy_le(__VA_ARGS__, EDDY_HERE)
#define eddy_eq(...)        eddy_eq(__VA_ARGS__, EDDY_HERE)
#define eddy_ne(...)        eddy_ne(__VA_ARGS__, EDDY_HERE)
#define eddy_and(...)       eddy_and(__VA_ARGS__, EDDY_HERE)
#define eddy_or(...)        eddy_or(__VA_ARGS__, EDDY_HERE)
/* [m,k] @ [k] = [m]; [m,k] @ [k,n] = [m,n]; [k] @ [k,n] = [n]; [k] @ [k] = []. */
#define eddy_matmul(...) eddy_matmul(__VA_ARGS__, EDDY_HERE)
/* x + y + ..., from the left. */
EDDY_API eddy_value eddy_sum(const eddy_value *values, eddy_site here);
#define eddy_sum(...) eddy_sum(EDDY_VALUES(__VA_ARGS__), EDDY_HERE)
/* condition (bool) ? x : y; the side that is not chosen may be NaN. */
EDDY_API eddy_value eddy_select(eddy_value condition, eddy_value x, eddy_value y, eddy_site here);
#define eddy_select(...) eddy_select(__VA_ARGS__, EDDY_HERE)

/* ---- feature dimensions: 0, 1, ... from the left, -1, -2, ... from the right */
typedef enum eddy_kind { EDDY_SUM, EDDY_MAX, EDDY_LSE, EDDY_ARGMAX } eddy_kind;
/* The dimension stays with size 1. lse: log of the sum of exp. argmax: i32, the first of equals. Of
 * nothing: 0, -inf, -inf. reduce_all: over all dimensions in row-major order, to []. */
EDDY_API eddy_value eddy_reduce(eddy_value x, int dimension, eddy_kind kind, eddy_site here);
#define eddy_reduce(...) eddy_reduce(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_reduce_all(eddy_value x, eddy_kind kind, eddy_site here);
#define eddy_reduce_all(...) eddy_reduce_all(__VA_ARGS__, EDDY_HERE)
typedef eddy_value eddy_along(eddy_value x, int dimension, eddy_site here);
EDDY_API eddy_along eddy_softmax, eddy_log_softmax;
#define eddy_softmax(...)     eddy_softmax(__VA_ARGS__, EDDY_HERE)
#define eddy_log_softmax(...) eddy_log_softmax(__VA_ARGS__, EDDY_HERE)
/* Elements low .. low + size of a dimension; x at low in `size` elements, zeros around it. */
typedef eddy_value eddy_part(eddy_value x, int dimension, int64_t low, int64_t size,
                             eddy_site here);
EDDY_API eddy_part eddy_slice, eddy_pad;
#define eddy_slice(...) eddy_slice(__VA_ARGS__, EDDY_HERE)
#define eddy_pad(...)   eddy_pad(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_concat(int dimension, const eddy_value *values, eddy_site here);
#define eddy_concat(dimension, ...) eddy_concat((dimension), EDDY_VALUES(__VA_ARGS__), EDDY_HERE)
/* Variadic: the dimensions of the result. permute: for each, the dimension of x that it is. */
typedef eddy_value eddy_shaping(eddy_value x, const int64_t *dimensions, eddy_site here);
EDDY_API eddy_shaping eddy_reshape, eddy_broadcast, eddy_permute;
#define eddy_reshape(x, ...)   eddy_reshape((x), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)
#define eddy_broadcast(x, ...) eddy_broadcast((x), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)
#define eddy_permute(x, ...)   eddy_permute((x), EDDY_DIMENSIONS(__VA_ARGS__), EDDY_HERE)
/* The last two dimensions swapped. */
EDDY_API eddy_unary eddy_transpose;
#define eddy_transpose(...) eddy_transpose(__VA_ARGS__, EDDY_HERE)
/* table[i] along dimension 0, i: i32 of any shape; 0 where i is out of range. */
EDDY_API eddy_value eddy_gather(eddy_value table, eddy_value i, eddy_site here);
#define eddy_gather(...) eddy_gather(__VA_ARGS__, EDDY_HERE)
/* [size]: sums of x, over axes and i's dimensions, by i; rows [size] + rest of x's dimensions. */
EDDY_API eddy_value eddy_scatter(eddy_value x, eddy_value i, int64_t size, eddy_axes over,
                                 eddy_site here);
#define eddy_scatter(...) eddy_scatter(__VA_ARGS__, EDDY_HERE)
/* i32 [] to [size] of the model's dtype. */
EDDY_API eddy_value eddy_onehot(eddy_value i, int64_t size, eddy_site here);
#define eddy_onehot(...) eddy_onehot(__VA_ARGS__, EDDY_HERE)
/* Einsum of two operands, "mk,kn->mn", then a sum over axes, padding skipped. Within one operand no
 * letter twice; a letter of one operand alone must be in the result. */
EDDY_API eddy_value eddy_contract(const char *spec, eddy_value x, eddy_value y, eddy_axes over,
                                  eddy_site here);
#define eddy_contract(...) eddy_contract(__VA_ARGS__, EDDY_HERE)

/* ---- axes of values */
typedef eddy_value eddy_over(eddy_value x, eddy_axes axes, eddy_site here);
/* Adds axes that x lacks. */
EDDY_API eddy_over eddy_expand, eddy_total, eddy_last;
#define eddy_expand(...) eddy_expand(__VA_ARGS__, EDDY_HERE)
/* Sum over axes (x is expanded over those it lacks); the same with another kind (not argmax). */
#define eddy_total(...) eddy_total(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_total_of(eddy_value x, eddy_axes over, eddy_kind kind, eddy_site here);
#define eddy_total_of(...) eddy_total_of(__VA_ARGS__, EDDY_HERE)
/* x at step - distance (not 0), at step i (i32 []), at the last step; 0, or init, where the sample
 * has no such step. x may not lie on a cycle: that is what states are for. */
EDDY_API eddy_value eddy_delay(eddy_value x, eddy_axes axis, int distance, eddy_site here);
#define eddy_delay(...) eddy_delay(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_delay_from(eddy_value x, eddy_axes axis, int distance, eddy_value init,
                                    eddy_site here);
#define eddy_delay_from(...) eddy_delay_from(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_at(eddy_value x, eddy_axes axis, eddy_value i, eddy_site here);
#define eddy_at(...) eddy_at(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_at_from(eddy_value x, eddy_axes axis, eddy_value i, eddy_value init,
                                 eddy_site here);
#define eddy_at_from(...) eddy_at_from(__VA_ARGS__, EDDY_HERE)
#define eddy_last(...)    eddy_last(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_last_from(eddy_value x, eddy_axes axis, eddy_value init, eddy_site here);
#define eddy_last_from(...) eddy_last_from(__VA_ARGS__, EDDY_HERE)
/* An axis becomes dimension 0 (padding is 0); dimension 0 becomes an axis of its extent. */
EDDY_API eddy_over eddy_stack, eddy_spread;
#define eddy_stack(...)  eddy_stack(__VA_ARGS__, EDDY_HERE)
#define eddy_spread(...) eddy_spread(__VA_ARGS__, EDDY_HERE)

/* ---- gradients */
/* d(sum of loss over everything) / d wrt[i], through time, for any values wrt: out[i] has its
 * dtype, shape and axes, and is NULL after a mistake (loss is not a float). They are taken when the
 * model is compiled, those of one loss in one backward loop, so states may be bound later. */
typedef void eddy_grads(eddy_value loss, const eddy_value *wrt, int count, eddy_value *out,
                        eddy_site here);
EDDY_API eddy_grads eddy_grad, eddy_grad_step;
#define eddy_grad(...) eddy_grad(__VA_ARGS__, EDDY_HERE)
/* Partial derivative inside one step: delays are leaves, the seed is 1 per step and sample. */
#define eddy_grad_step(...) eddy_grad_step(__VA_ARGS__, EDDY_HERE)
EDDY_API eddy_value eddy_gradient(eddy_value loss, eddy_value wrt, eddy_site here);
#define eddy_gradient(...) eddy_gradient(__VA_ARGS__, EDDY_HERE)
/* The model's trainable parameters, in order of making. */
EDDY_API int eddy_trainable_count(const eddy_model *m);
EDDY_API eddy_value eddy_trainable(eddy_model *m, int i);
/* y with an adjoint of the user's own. The function is called once, now: it writes gxs[i], the
 * gradient for xs[i], in terms of gy, which stands for the gradient of y; NULL: none. At most
 * 31 xs. */
typedef void (*eddy_adjoint)(void *user, eddy_value y, eddy_value gy, const eddy_value *xs,
                             int count, eddy_value *gxs);
EDDY_API eddy_value eddy_custom(const char *name, eddy_value y, const eddy_value *xs, int count,
                                eddy_adjoint adjoint, void *user, eddy_site here);
#define eddy_custom(...) eddy_custom(__VA_ARGS__, EDDY_HERE)

/* ---- results, names, what a value is */
/* A value that leaves the program under this name; 0 past the end of a sample. */
EDDY_API void eddy_output(eddy_model *m, const char *name, eddy_value x, eddy_site here);
#define eddy_output(...) eddy_output(__VA_ARGS__, EDDY_HERE)
/* When all is computed, the param or variable takes this value; at most one a program. */
EDDY_API void eddy_update(eddy_value param, eddy_value x, eddy_site here);
#define eddy_update(...) eddy_update(__VA_ARGS__, EDDY_HERE)
/* Names x in messages, printed graphs and profiles (the first name stays). Returns x. */
EDDY_API eddy_value eddy_name(eddy_value x, const char *name, eddy_site here);
#define eddy_name(...) eddy_name(__VA_ARGS__, EDDY_HERE)
/* Of a NULL value: no model, f32, no axes, rank 0; dimension: -1 when out of range or an extent
 * that only a run knows (after stack). name: NULL when it has none. */
EDDY_API eddy_model *eddy_value_model(eddy_value x);
EDDY_API eddy_dtype eddy_value_dtype(eddy_value x);
EDDY_API eddy_axes eddy_value_axes(eddy_value x);
EDDY_API int eddy_value_rank(eddy_value x);
EDDY_API int64_t eddy_value_dimension(eddy_value x, int dimension);
EDDY_API const char *eddy_value_name(eddy_value x);

/* ---- programs */
/* What the forward pass leaves in memory for the backward pass, and for whatever else needs another
 * pass over a time axis. Results keep every bit. */
typedef enum eddy_memory {
    EDDY_REMEMBER_ALL,    /* all that is read again; how a model begins */
    EDDY_REMEMBER_STATES, /* states, and values under eddy_keep; the rest is computed again, for a
                             block of steps at a time */
    EDDY_REMEMBER_BLOCKS  /* of states, the last before each block; the steps of a block run again.
                             Unless the run says otherwise, a block has as many steps as there are
                             blocks */
} eddy_memory;
/* For compilations from now on. EDDY_REMEMBER=states (blocks) in the environment: how models begin.
 */
EDDY_API void eddy_remember(eddy_model *m, eddy_memory what);
/* For compilations from now on: do runs keep the time of every loop nest (eddy_run_watched)? Calls
 * take longer then, a short nest by the time of a clock; results keep every bit. */
EDDY_API void eddy_watch(eddy_model *m, bool on);
typedef struct eddy_program eddy_program;
/* Compiles all outputs and updates so far; the model may grow and be compiled again. On a mistake
 * *out is NULL and the model has the message. */
EDDY_API eddy_status eddy_compile(eddy_model *m, eddy_program **out);
EDDY_API void eddy_program_free(eddy_program *p);
typedef struct eddy_statistics {
    double milliseconds, llvm_milliseconds; /* of the compilation, of LLVM's part */
    double core_milliseconds;               /* of the compilation on cores: it uses two threads */
    int kernels, nests; /* functions; loop nests, of which equal ones share a function */
    size_t object_bytes;
} eddy_statistics;
EDDY_API eddy_statistics eddy_program_statistics(const eddy_program *p);
typedef enum eddy_role { EDDY_INPUT, EDDY_OUTPUT, EDDY_PARAM, EDDY_STATE } eddy_role;
/* What a program reads and writes. State: what runs carry, "<state>.carry" of shape [distance] +
 * the state's, newest first, and "<axis>.position" (i32, steps since the reset). */
typedef struct eddy_slot {
    const char *name;
    eddy_dtype dtype;
    int axis_count, rank;
    const char *axes[32];
    int64_t dimensions[8]; /* -1: the extent of an axis */
    bool updated;          /* the program writes it */
} eddy_slot;
/* Slot i of a role; false when there are not that many. */
EDDY_API bool eddy_program_slot(const eddy_program *p, eddy_role role, int i, eddy_slot *out);

/* ---- parameters */
typedef struct eddy_params eddy_params;
typedef struct eddy_tensor {
    const char *name;
    eddy_dtype dtype;
    int rank;
    int64_t dimensions[8];
    size_t elements;
    bool trainable;
    const void *data; /* row-major; valid as long as the params; never write through it */
} eddy_tensor;
/* Empty; runs add what their programs need, initialised from the seed. NULL when out of memory. */
EDDY_API eddy_params *eddy_params_new(const eddy_options *options, uint64_t seed);
EDDY_API void eddy_params_free(eddy_params *s);
/* The first mistake since the last clear, and its message. */
EDDY_API eddy_status eddy_params_status(const eddy_params *s);
EDDY_API const char *eddy_params_message(const eddy_params *s);
EDDY_API void eddy_params_clear(eddy_params *s);
/* Closed: a run that needs a tensor that is not there fails instead of adding it. Loading into an
 * empty set closes it, so that no weight is silently a fresh one. */
EDDY_API void eddy_params_close(eddy_params *s, bool closed);
EDDY_API int eddy_params_count(const eddy_params *s);
/* Tensor i in order of making; false when there are not that many. */
EDDY_API bool eddy_params_at(const eddy_params *s, int i, eddy_tensor *out);
/* Copies a tensor out, in: row-major, its own dtype, exactly its number of elements. */
EDDY_API eddy_status eddy_params_read(eddy_params *s, const char *name, void *to, size_t elements);
EDDY_API eddy_status eddy_params_write(eddy_params *s, const char *name, const void *from,
                                       size_t elements);
/* A file of all tensors, an npz if its name ends so, else safetensors: same values, same bytes.
 * After an error or a crash the old file or the new one is there, whole. */
EDDY_API eddy_status eddy_params_save(eddy_params *s, const char *path);
/* All or nothing. A set that has tensors takes exactly those, in name, dtype and shape; an empty
 * one takes what the file has: npz, npy (one tensor, "the array"), else safetensors. EDDY_IO,
 * EDDY_BAD_FORMAT, EDDY_SHAPE_MISMATCH, EDDY_MISSING. */
EDDY_API eddy_status eddy_params_load(eddy_params *s, const char *path);

/* ---- objects: programs for callers that have nothing of this library */
typedef struct eddy_object_options { /* all zero, or NULL for it: the defaults */
    const char *cpu;     /* "x86-64-v3" (or "avx2"), "x86-64-v4" ("avx512"), "x86-64-v2" ("sse4"),
                            "native": this machine's; "multi": v2 to v4, it chooses; NULL: v3 */
    eddy_params *params; /* weights to be part of the object; NULL: the caller brings them */
    bool apart;          /* the weights are <stem>.weights, and no part of the object */
    const char *target;  /* "x86-64", "aarch64", "armv7", "riscv64" (all three under Linux),
                            "cortex-m4f" (no f64), "wasm32"; NULL: x86-64, or what the cpu is one
                            of. Results are the same bits but on wasm32 and v2, which have no fused
                            multiply-add. EDDY_UNSUPPORTED: it lacks what the model needs */
    bool flush;          /* denormals are zeros inside of calls (not on riscv64, wasm32) */
    /* Of the same params, with eddy_minimise; NULL: the object learns nothing. */
    eddy_model *training;
} eddy_object_options;
/* Compiles all outputs and updates so far to <stem>.o, <stem>.h, which documents itself, and
 * <stem>.json, the same for programs (docs/object.schema.json). All symbols begin with the prefix,
 * a C identifier that ends in none of _train, _gradient, _step, _sequence: prefix_sequence is a
 * call; prefix_step, if there is one, one step of the axis that is carried; with _prepared behind
 * it, each finds what prefix_prepare has made of the params alone; prefix_arena_bytes is their
 * memory; prefix_reset the start of what is carried, prefix_state_place its memory where only calls
 * know the size; prefix_weights the params that were given, prefix_weights_in those of a file;
 * prefix_train_step that of the model for training, prefix_gradient that without updates but of
 * what is carried; prefix_info what the object is. Whole files or none; the model says why none. */
EDDY_API eddy_status eddy_compile_to_object(eddy_model *m, const char *prefix, const char *stem,
                                            const eddy_object_options *how);

/* ---- runs */
typedef struct eddy_run eddy_run;
typedef struct eddy_extent {
    const char *axis;
    int64_t extent; /* steps or samples, >= 0 */
} eddy_extent;
/* A use of a program with these params, which gain what is missing (all or nothing). After a
 * mistake the run is there to say which, and must be freed; NULL when out of memory. */
EDDY_API eddy_status eddy_run_new(const eddy_program *p, eddy_params *s, eddy_run **out);
EDDY_API void eddy_run_free(eddy_run *r);
/* The first mistake since the last clear, and its message. Until it is cleared, nothing else is
 * done and every function returns it. */
EDDY_API eddy_status eddy_run_status(const eddy_run *r);
EDDY_API const char *eddy_run_message(const eddy_run *r);
EDDY_API void eddy_run_clear(eddy_run *r);
/* Sets extents by name; others stay. It and eddy_run_threads alone allocate. Pointers given to
 * eddy_run_input and eddy_run_output are forgotten; carried states start anew if an axis that they
 * hold changes. After an error everything is as before. */
EDDY_API eddy_status eddy_run_resize(eddy_run *r, const eddy_extent *extents, int count);
/* How many steps of a time axis are computed at a time, from the next resize on; 0, and how a run
 * begins: as many as suit the machine. Fewer need less memory; no result depends on it. */
EDDY_API eddy_status eddy_run_block(eddy_run *r, int64_t steps);
EDDY_API int64_t eddy_run_extent(const eddy_run *r, const char *axis); /* -1: none, unknown */
/* How many threads share a call: 1 to 256, or 0: as many as make it shorter, by an estimate at
 * these extents, of the cores that there are. 0 is the default, and EDDY_THREADS in the environment
 * sets another one. Results keep every bit. Threads do not survive a fork: in the child of a
 * process that has used several, 0 stands for 1, and a call on more is EDDY_UNSUPPORTED. */
EDDY_API eddy_status eddy_run_threads(eddy_run *r, int threads);
EDDY_API int eddy_run_thread_count(const eddy_run *r); /* of the next call */
/* Bytes of memory that the run holds for values. */
EDDY_API size_t eddy_run_bytes(const eddy_run *r);
/* Where an input is read during calls: this many elements, not copied. */
EDDY_API eddy_status eddy_run_input(eddy_run *r, const char *name, const void *from,
                                    size_t elements);
/* An input without axes of shape []: a learning rate, a seed. Stays until it is set anew. */
EDDY_API eddy_status eddy_run_scalar(eddy_run *r, const char *name, double value);
/* Where an output is written during calls; NULL: into the run's own memory. */
EDDY_API eddy_status eddy_run_output(eddy_run *r, const char *name, void *to, size_t elements);
/* Runs the program. Errors: EDDY_MISSING (extents, inputs), lengths out of range. */
EDDY_API eddy_status eddy_run_call(eddy_run *r);
/* Where the time of calls went: of programs compiled under eddy_watch, since the run was made or
 * eddy_run_watch was called. operations: a multiply-add is one. bytes: different ones that a call
 * of the nest touches. resident: those that a step of the loop around it does, which a cache would
 * have to hold. */
typedef struct eddy_watched {
    const char
        *name;      /* a loop nest, after the values that it makes; "waiting": for other threads */
    double seconds; /* the mean of the threads */
    double calls, operations, bytes, resident; /* of the nest, in all calls; resident: at once */
} eddy_watched;
EDDY_API void eddy_run_watch(eddy_run *r);
/* Nest i in the order of the program, behind the last one waiting; false when there are not that
 * many. */
EDDY_API bool eddy_run_watched(const eddy_run *r, int i, eddy_watched *out);
/* Elements of an input, output, parameter or state, 0 when unknown. An output's values after a call
 * (NULL after a mistake); an output of one element as a number (NaN after a mistake). */
EDDY_API size_t eddy_run_elements(eddy_run *r, const char *name);
EDDY_API const void *eddy_run_read(eddy_run *r, const char *name);
EDDY_API double eddy_run_number(eddy_run *r, const char *name);
/* Carried states back to their start: of all samples; of one (row-major over the axes that were
 * given to eddy_carry). */
EDDY_API eddy_status eddy_run_reset(eddy_run *r);
EDDY_API eddy_status eddy_run_reset_sample(eddy_run *r, size_t sample);
/* Copies a slot of role EDDY_STATE out, in. All of them together are where a stream stands. */
EDDY_API eddy_status eddy_run_state_read(eddy_run *r, const char *name, void *to, size_t elements);
EDDY_API eddy_status eddy_run_state_write(eddy_run *r, const char *name, const void *from,
                                          size_t elements);

#ifdef __cplusplus
}
#endif

#include "eddy_language.h" /* cells as text */
#include "eddy_nn.h"       /* layers, losses, cells, optimisers */

#endif
