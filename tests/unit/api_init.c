/* Initial values of parameters: their distributions, and that they depend on seed and name alone.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "frontends/eddy.h"

/* The parameters of a model made by `build`, from this seed. */
static eddy_params *params_of(void (*build)(eddy_model *m), eddy_dtype type, uint64_t seed) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = type});
    eddy_params *s = eddy_params_new(NULL, seed);
    eddy_program *p;
    eddy_run *r;
    build(m);
    for (int i = 0; i < eddy_trainable_count(m); i++)
        eddy_update(eddy_trainable(m, i), eddy_scale(eddy_trainable(m, i), 2));
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    eddy_run_free(r);
    eddy_program_free(p);
    eddy_model_free(m);
    return s;
}

static const double *tensor(const eddy_params *s, const char *name, size_t elements) {
    eddy_tensor t;
    for (int i = 0; eddy_params_at(s, i, &t); i++)
        if (strcmp(t.name, name) == 0) {
            cr_assert_eq(t.elements, elements);
            return t.data;
        }
    cr_assert_fail("no %s", name);
    return NULL;
}

static void build_all(eddy_model *m) {
    eddy_param(m, "zeros", eddy_init_zeros(), 7);
    eddy_param(m, "constant", eddy_init_constant(1.5), 7);
    eddy_param(m, "uniform", eddy_init_uniform(2, 4), 100, 100);
    eddy_param(m, "normal", eddy_init_normal(3, 0.5), 100, 100);
    eddy_param(m, "glorot", eddy_init_glorot(), 40, 10, 20);
    eddy_param(m, "square", eddy_init_orthogonal(2), 60, 60);
    eddy_param(m, "tall", eddy_init_orthogonal(1), 60, 20);
    eddy_param(m, "wide", eddy_init_orthogonal(1), 20, 3, 20);
    eddy_param(m, "identity", eddy_init_identity(0.5), 3, 4);
    eddy_param(m, "scalar", eddy_init_glorot(), EDDY_SCALAR);
}

static void moments(const double *x, size_t n, double *mean, double *deviation) {
    *mean = *deviation = 0;
    for (size_t i = 0; i < n; i++)
        *mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        *deviation += (x[i] - *mean) * (x[i] - *mean) / (double)n;
    *deviation = sqrt(*deviation);
}

/* x: count vectors of n elements, `step` apart, `stride` between their elements. */
static void orthonormal(const double *x, size_t count, size_t step, size_t n, size_t stride,
                        double size) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j <= i; j++) {
            double dot = 0;
            for (size_t k = 0; k < n; k++)
                dot += x[i * step + k * stride] * x[j * step + k * stride];
            cr_assert_float_eq(dot, i == j ? size : 0, 1e-11, "%zu, %zu: %g", i, j, dot);
        }
}

Test(api_init, values_are_distributed_as_asked) {
    eddy_params *s = params_of(build_all, EDDY_F64, 11);
    double mean, deviation;
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(tensor(s, "zeros", 7)[i], 0);
        cr_assert_eq(tensor(s, "constant", 7)[i], 1.5);
    }
    moments(tensor(s, "uniform", 10000), 10000, &mean, &deviation);
    cr_assert_float_eq(mean, 3, 0.03);
    cr_assert_float_eq(deviation, 2 / sqrt(12), 0.02);
    moments(tensor(s, "normal", 10000), 10000, &mean, &deviation);
    cr_assert_float_eq(mean, 3, 0.03);
    cr_assert_float_eq(deviation, 0.5, 0.02);
    const double *glorot = tensor(s, "glorot", 8000);
    double bound = sqrt(6.0 / (40 + 200)), most = 0;
    for (int i = 0; i < 8000; i++)
        most = fmax(most, fabs(glorot[i]));
    cr_assert(most <= bound && most > 0.99 * bound);
    orthonormal(tensor(s, "square", 3600), 60, 60, 60, 1, 4);
    orthonormal(tensor(s, "tall", 1200), 20, 1, 60, 20, 1);
    orthonormal(tensor(s, "wide", 1200), 20, 60, 60, 1, 1);
    const double *identity = tensor(s, "identity", 12);
    for (int i = 0; i < 12; i++)
        cr_assert_eq(identity[i], i / 4 == i % 4 ? 0.5 : 0);
    cr_assert_leq(fabs(tensor(s, "scalar", 1)[0]), sqrt(3.0));
    eddy_params_free(s);
}

static void build_fewer(eddy_model *m) {
    eddy_param(m, "square", eddy_init_orthogonal(2), 60, 60);
    eddy_param(m, "uniform", eddy_init_uniform(2, 4), 100, 100);
}

Test(api_init, values_depend_on_seed_and_name_alone) {
    eddy_params *all = params_of(build_all, EDDY_F64, 11),
                *few = params_of(build_fewer, EDDY_F64, 11);
    eddy_params *other = params_of(build_fewer, EDDY_F64, 12);
    cr_assert_arr_eq(tensor(all, "square", 3600), tensor(few, "square", 3600), 3600 * 8);
    cr_assert_arr_eq(tensor(all, "uniform", 10000), tensor(few, "uniform", 10000), 80000);
    cr_assert_neq(tensor(few, "uniform", 10000)[0], tensor(other, "uniform", 10000)[0]);
    eddy_params *single = params_of(build_fewer, EDDY_F32, 11);
    float rounded[10000];
    cr_assert_eq(eddy_params_read(single, "uniform", rounded, 10000), EDDY_OK);
    for (int i = 0; i < 10000; i++)
        cr_assert_eq(rounded[i], (float)tensor(all, "uniform", 10000)[i]);
    eddy_params_free(all);
    eddy_params_free(few);
    eddy_params_free(other);
    eddy_params_free(single);
}
