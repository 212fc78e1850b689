/* Philox against the known answers that its authors publish with Random123, and the moments of what
 * is made from it. */
#include <criterion/criterion.h>
#include <math.h>

#include "core/rng.h"

Test(core_rng, known_answers) {
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        uint32_t out[4];
        rng_philox(rows[r].key, rows[r].counter, out);
        for (int w = 0; w < 4; w++)
            cr_assert_eq(out[w], rows[r].expected[w], "row %zu word %d", r, w);
    }
}

/* The layout of key and counter is a promise to saved models. */
Test(core_rng, the_uniform_is_the_upper_53_bits_of_the_first_two_words) {
    cr_assert_eq(rng_uniform(0, 0, 0), (double)(0xe169c58d6627e8d5u >> 11) * 0x1p-53);
    uint64_t seed = 0x299f31d0a4093822, i = 0x85a308d3243f6a88, stream = 0x0370734413198a2e;
    cr_assert_eq(rng_uniform(seed, stream, i), (double)(0x94fdccebd16cfe09u >> 11) * 0x1p-53);
    cr_assert_lt(rng_uniform(~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0), 1.0);
}

/* Mean, variance and fourth moment within five standard errors of 2^18 draws. */
Test(core_rng, moments) {
    enum { COUNT = 1 << 18 };
    double uniform = 0, normal = 0, square = 0, fourth = 0, together = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        double u = rng_uniform(1, 2, i), n = rng_normal(1, 2, i), next = rng_normal(1, 3, i);
        cr_assert(u >= 0 && u < 1 && isfinite(n));
        uniform += u;
        normal += n;
        square += n * n;
        fourth += n * n * n * n;
        together += n * next;
    }
    double bound = 5 / sqrt(COUNT);
    cr_assert_lt(fabs(uniform / COUNT - 0.5), bound * sqrt(1.0 / 12));
    cr_assert_lt(fabs(normal / COUNT), bound);
    cr_assert_lt(fabs(square / COUNT - 1), bound * sqrt(2));
    cr_assert_lt(fabs(fourth / COUNT - 3), bound * sqrt(96));
    cr_assert_lt(fabs(together / COUNT), bound);
}

/* Box-Muller by hand for the counter of zeros. */
Test(core_rng, the_normal_takes_its_angle_from_the_last_two_words) {
    double first = ((double)(0xe169c58d6627e8d5u >> 11) + 1) * 0x1p-53;
    double second = (double)(0x9b00dbd8bc57ac4cu >> 11) * 0x1p-53;
    double expected = sqrt(-2 * log(first)) * cos(2 * acos(-1) * second);
    cr_assert_lt(fabs(rng_normal(0, 0, 0) - expected), 1e-15);
}

Test(core_rng, streams_follow_the_published_hash) {
    cr_assert_eq(rng_stream_of(""), 0xcbf29ce484222325u);
    cr_assert_eq(rng_stream_of("a"), 0xaf63dc4c8601ec8cu);
    cr_assert_eq(rng_stream_of("foobar"), 0x85944171f73967e8u);
}
