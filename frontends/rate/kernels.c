/* Loops that do nothing but keep one unit of the processor busy.
 *
 * A unit finishes a multiply-add after 4 or 5 cycles and there are up to two units, so at least ten
 * independent sums must be under way; twelve also leave an AVX2 machine registers for the factors.
 * The sums start apart, or the compiler would keep one of them, and tend to a fixed point (2), so
 * that neither infinities nor denormal numbers are multiplied; none starts there, or the compiler
 * would know it. Where a type has no fixed point the factors are zeros out of a volatile. */
#include "frontends/rate/kernels.h"

#ifdef __x86_64__
#    include <immintrin.h>

/* A function of this name and target that runs STEP on SUMS sums of a vector type. */
#    define MULTIPLY(name, features, vector, declare, start, step, finish)                         \
        __attribute__((target(features))) static float name(void) {                                \
            vector sums[KERNELS_SUMS];                                                             \
            declare;                                                                               \
            _Pragma("GCC unroll 12") for (int i = 0; i < KERNELS_SUMS; i++) sums[i] = start;       \
            for (int round = 0; round < KERNELS_ROUNDS; round++) {                                 \
                _Pragma("GCC unroll 12") for (int i = 0; i < KERNELS_SUMS; i++) sums[i] = step;    \
            }                                                                                      \
            float sum = 0;                                                                         \
            _Pragma("GCC unroll 12") for (int i = 0; i < KERNELS_SUMS; i++) sum += finish;         \
            return sum;                                                                            \
        }

static volatile int kernels_zero = 0;

MULTIPLY(multiply_f32_avx512, "avx512f", __m512, __m512 factor = _mm512_set1_ps(0.75F);
         __m512 term = _mm512_set1_ps(0.5F), _mm512_set1_ps((float)(3 + i)),
         _mm512_fmadd_ps(sums[i], factor, term), sums[i][0])
MULTIPLY(multiply_f64_avx512, "avx512f", __m512d, __m512d factor = _mm512_set1_pd(0.75);
         __m512d term = _mm512_set1_pd(0.5), _mm512_set1_pd(3 + i),
         _mm512_fmadd_pd(sums[i], factor, term), (float)sums[i][0])
MULTIPLY(multiply_bf16_avx512, "avx512f,avx512bf16", __m512,
         __m512bh factor = (__m512bh)_mm512_set1_epi32(kernels_zero),
         _mm512_set1_ps((float)(3 + i)), _mm512_dpbf16_ps(sums[i], factor, factor), sums[i][0])
MULTIPLY(multiply_i8_avx512, "avx512f,avx512vnni", __m512i,
         __m512i factor = _mm512_set1_epi32(kernels_zero), _mm512_set1_epi32(3 + i),
         _mm512_dpbusd_epi32(sums[i], factor, factor), (float)_mm512_cvtsi512_si32(sums[i]))
MULTIPLY(multiply_f32_avx2, "avx2,fma", __m256, __m256 factor = _mm256_set1_ps(0.75F);
         __m256 term = _mm256_set1_ps(0.5F), _mm256_set1_ps((float)(3 + i)),
         _mm256_fmadd_ps(sums[i], factor, term), sums[i][0])
MULTIPLY(multiply_f64_avx2, "avx2,fma", __m256d, __m256d factor = _mm256_set1_pd(0.75);
         __m256d term = _mm256_set1_pd(0.5), _mm256_set1_pd(3 + i),
         _mm256_fmadd_pd(sums[i], factor, term), (float)sums[i][0])

__attribute__((target("avx2,fma"))) static float wait_avx2(void) {
    __m128 sum = _mm_set_ss(3), factor = _mm_set_ss(0.75F), term = _mm_set_ss(0.5F);
    for (int round = 0; round < KERNELS_ROUNDS; round++)
        sum = _mm_fmadd_ss(sum, factor, term);
    return sum[0];
}

/* A function of this name and target that adds up 8 vectors of so many lanes at a time. */
#    define READ(name, features, vector, lanes, load)                                              \
        __attribute__((target(features))) static float name(const float *block, size_t count) {    \
            vector sums[8] = {0};                                                                  \
            for (size_t at = 0; at < count; at += 8 * lanes) {                                     \
                _Pragma("GCC unroll 8") for (size_t i = 0; i < 8; i++) sums[i] +=                  \
                    load(block + at + lanes * i);                                                  \
            }                                                                                      \
            _Pragma("GCC unroll 8") for (int i = 1; i < 8; i++) sums[0] += sums[i];                \
            return sums[0][0];                                                                     \
        }

READ(read_avx512, "avx512f", __m512, 16, _mm512_load_ps)
READ(read_avx2, "avx2", __m256, 8, _mm256_load_ps)
#endif

const kernels *kernels_choose(void) {
#ifdef __x86_64__
    static kernels wide = {"avx512",
                           16,
                           {multiply_f32_avx512, multiply_f64_avx512, NULL, NULL},
                           wait_avx2,
                           read_avx512};
    static const kernels narrow = {
        "avx2", 8, {multiply_f32_avx2, multiply_f64_avx2, NULL, NULL}, wait_avx2, read_avx2};
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
        if (__builtin_cpu_supports("avx512bf16"))
            wide.multiply[RATE_BF16] = multiply_bf16_avx512;
        if (__builtin_cpu_supports("avx512vnni"))
            wide.multiply[RATE_I8] = multiply_i8_avx512;
        return &wide;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &narrow;
#endif
    return NULL;
}
