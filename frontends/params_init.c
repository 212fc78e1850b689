/* How parameters begin.
 *
 * Every number is a function of (seed, name, place), so a parameter begins the same whatever else
 * the model has and in whatever order programs ask for it. All is computed in f64 and rounded once:
 * an f32 model begins where its f64 twin does. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "core/size.h"
#include "frontends/params.h"

enum {
    INIT_ZEROS,
    INIT_CONSTANT,
    INIT_UNIFORM,
    INIT_NORMAL,
    INIT_GLOROT,
    INIT_ORTHOGONAL,
    INIT_IDENTITY,
    INIT_COUNT
};

eddy_init eddy_init_zeros(void) {
    return (eddy_init){INIT_ZEROS, 0, 0};
}

eddy_init eddy_init_constant(double value) {
    return (eddy_init){INIT_CONSTANT, value, 0};
}

eddy_init eddy_init_uniform(double low, double high) {
    return (eddy_init){INIT_UNIFORM, low, high};
}

eddy_init eddy_init_normal(double mean, double deviation) {
    return (eddy_init){INIT_NORMAL, mean, deviation};
}

eddy_init eddy_init_glorot(void) {
    return (eddy_init){INIT_GLOROT, 0, 0};
}

eddy_init eddy_init_orthogonal(double gain) {
    return (eddy_init){INIT_ORTHOGONAL, gain, 0};
}

eddy_init eddy_init_identity(double scale) {
    return (eddy_init){INIT_IDENTITY, scale, 0};
}

const char *params_init_fault(eddy_init init, dtype type) {
    if (init.kind < 0 || init.kind >= INIT_COUNT)
        return "there is no such initial value";
    if (dtype_is_float(type) || init.kind == INIT_ZEROS)
        return NULL;
    if (init.kind != INIT_CONSTANT)
        return "integers and bools begin with zeros or a constant";
    double low = type == DTYPE_BOOL ? 0 : INT32_MIN, high = type == DTYPE_BOOL ? 1 : INT32_MAX;
    if (!(init.a >= low && init.a <= high && init.a == floor(init.a)))
        return "the constant is not a value of this dtype";
    return NULL;
}

static void init_put(params_tensor *t, size_t i, double value) {
    switch (t->type) {
    case DTYPE_F32:
        ((float *)t->data)[i] = (float)value;
        break;
    case DTYPE_F64:
        ((double *)t->data)[i] = value;
        break;
    case DTYPE_I32:
        ((int32_t *)t->data)[i] = (int32_t)value;
        break;
    default:
        ((uint8_t *)t->data)[i] = value != 0;
    }
}

static size_t init_rows(const params_tensor *t) {
    return t->shape.rank ? (size_t)t->shape.dimension[0] : 1;
}

/* ---- orthogonal matrices */

/* Four running sums: short chains of additions, in an order that is always the same. */
static double init_dot(const double *x, const double *y, size_t n) {
    double sum[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        sum[0] += x[i] * y[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Modified Gram-Schmidt on `count` normal vectors of n >= count elements. Gaussian matrices are
 * well conditioned enough for one pass in f64. */
static void init_orthonormal(double *vectors, size_t count, size_t n) {
    for (size_t i = 0; i < count; i++) {
        double *v = vectors + i * n;
        double scale = 1 / sqrt(init_dot(v, v, n));
        for (size_t k = 0; k < n; k++)
            v[k] *= scale;
        for (size_t j = i + 1; j < count; j++) {
            double *w = vectors + j * n, along = init_dot(v, w, n);
            for (size_t k = 0; k < n; k++)
                w[k] -= along * v[k];
        }
    }
}

static bool init_orthogonal(eddy_params *s, params_tensor *t, double gain, uint64_t stream) {
    size_t rows = init_rows(t), columns = t->elements / rows, bytes = 0;
    bool tall = rows > columns; /* then the columns are the orthonormal vectors, else the rows */
    double *vectors = size_multiply(t->elements, sizeof(double), &bytes)
                          ? allocator_take(&s->source, bytes, 64)
                          : NULL;
    if (!vectors) {
        error_set(&s->problem, STATUS_OUT_OF_MEMORY, (site){NULL, 0},
                  "params: out of memory for the initial value of %s", t->name);
        return false;
    }
    for (size_t i = 0; i < t->elements; i++)
        vectors[i] = rng_normal(s->seed, stream, i);
    init_orthonormal(vectors, tall ? columns : rows, tall ? rows : columns);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            init_put(t, r * columns + c,
                     gain * (tall ? vectors[c * rows + r] : vectors[r * columns + c]));
    allocator_give(&s->source, vectors, bytes);
    return true;
}

/* ---- all of them */

bool params_init(eddy_params *s, params_tensor *t, eddy_init init) {
    assert(!params_init_fault(init, t->type));
    uint64_t stream = rng_stream_of(t->name);
    size_t rows = init_rows(t), columns = t->elements / rows;
    if (init.kind == INIT_ORTHOGONAL)
        return init_orthogonal(s, t, init.a, stream);
    double bound = sqrt(6 / (double)(rows + columns));
    if (init.kind == INIT_GLOROT)
        init = (eddy_init){INIT_UNIFORM, -bound, bound};
    for (size_t i = 0; i < t->elements; i++) {
        double value = 0;
        bool diagonal = init.kind == INIT_IDENTITY && i / columns == i % columns;
        if (init.kind == INIT_CONSTANT || diagonal)
            value = init.a;
        else if (init.kind == INIT_UNIFORM)
            value = init.a + (init.b - init.a) * rng_uniform(s->seed, stream, i);
        else if (init.kind == INIT_NORMAL)
            value = init.a + init.b * rng_normal(s->seed, stream, i);
        init_put(t, i, value);
    }
    return true;
}
