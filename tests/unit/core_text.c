/* Texts and numbers: what is printed reads back to the same bits and is the shortest that does. */
#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "core/text.h"

static arena memory;
static jmp_buf escape;

static void open_memory(void) {
    arena_init(&memory, allocator_default(), &escape);
}

static void close_memory(void) {
    arena_free(&memory);
}

TestSuite(core_text, .init = open_memory, .fini = close_memory);

static const char *shown(double value) {
    text t;
    text_init(&t, &memory);
    text_add_f64(&t, value);
    return t.at;
}

static const char *shown_single(float value) {
    text t;
    text_init(&t, &memory);
    text_add_f32(&t, value);
    return t.at;
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static double read_whole(const char *number) {
    double value = 0;
    cr_assert_eq(text_read_f64(number, strlen(number), &value), strlen(number), "%s", number);
    return value;
}

Test(core_text, grows) {
    text t;
    text_init(&t, &memory);
    cr_assert_str_eq(t.at, "");
    text_add_bytes(&t, NULL, 0);
    cr_assert_str_eq(t.at, "");
    for (int i = 0; i < 1000; i++) {
        text_add(&t, "%03d", i);
        text_add_bytes(&t, ", and", 1);
    }
    cr_assert_eq(t.count, 4000);
    cr_assert_eq(strlen(t.at), 4000);
    cr_assert_eq(memcmp(t.at + 4 * 512, "512,", 4), 0);
    for (int width = 1; width < 600; width++) { /* every fill of the room there is */
        size_t before = t.count;
        text_add(&t, "%*d", width, 7);
        cr_assert_eq(t.count, before + (size_t)width);
        cr_assert_eq(t.at[t.count - 1], '7');
        cr_assert_eq(t.at[t.count], 0);
    }
}

static const struct {
    double value;
    const char *expected;
} doubles[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {1, "1.0"},
    {-1.5, "-1.5"},
    {0.1, "0.1"},
    {1.0 / 3, "0.3333333333333333"},
    {0.1 + 0.2, "0.30000000000000004"},
    {100, "100.0"},
    {123456.789, "123456.789"},
    {1e15, "1000000000000000.0"},
    {9007199254740993.0, "9007199254740992.0"},
    {1e16, "1e16"},
    {1e22, "1e22"},
    {1e23, "1e23"},
    {0.001, "0.001"},
    {0.0001, "0.0001"},
    {0.00001, "1e-5"},
    {1.25e-7, "1.25e-7"},
    {1e-30, "1e-30"},
    {5e-324, "5e-324"},
    {2.2250738585072011e-308, "2.225073858507201e-308"},
    {DBL_MIN, "2.2250738585072014e-308"},
    {DBL_MAX, "1.7976931348623157e308"},
    {0x1p-44, "5.684341886080802e-14"}, /* its nearest 16 digits end in 1 and do not read back */
    {INFINITY, "inf"},
    {-INFINITY, "-inf"},
};

Test(core_text, doubles_are_shortest) {
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        cr_assert_str_eq(shown(doubles[i].value), doubles[i].expected);
        cr_assert(same_bits(read_whole(doubles[i].expected), doubles[i].value), "%s",
                  doubles[i].expected);
    }
    cr_assert_str_eq(shown(NAN), "nan");
    cr_assert(isnan(read_whole("nan")));
}

Test(core_text, floats_are_shortest) {
    static const struct {
        float value;
        const char *expected;
    } rows[] = {
        {0.1f, "0.1"},
        {1.0f, "1.0"},
        {16777216.0f, "16777216.0"},
        {1e-45f, "1e-45"},
        {FLT_MAX, "3.4028235e38"},
        {FLT_MIN, "1.1754944e-38"},
        {1.0f / 3, "0.33333334"},
        {-0.0f, "-0.0"},
        {3.1415927f, "3.1415927"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(shown_single(rows[i].value), rows[i].expected);
}

/* Random bits, and the neighbours of every power of two, through text and back. */
Test(core_text, every_double_comes_back) {
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)(rng_uniform(3, 0, i) * 0x1p53) << 11 ^
                        (uint64_t)(rng_uniform(3, 1, i) * 0x1p53);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isnan(value))
            cr_assert(same_bits(read_whole(shown(value)), value), "%a", value);
    }
    for (int power = -1074; power <= 1023; power++)
        for (int side = -1; side <= 1; side++) {
            double value = ldexp(1, power);
            if (side)
                value = nextafter(value, side * INFINITY);
            cr_assert(same_bits(read_whole(shown(value)), value), "%a", value);
        }
}

Test(core_text, every_float_comes_back_also_through_a_double) {
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t bits = (uint32_t)(rng_uniform(4, 0, i) * 0x1p32);
        float value;
        memcpy(&value, &bits, sizeof value);
        if (isnan(value))
            continue;
        const char *number = shown_single(value);
        float back = (float)read_whole(number), direct = strtof(number, NULL);
        cr_assert_eq(memcmp(&back, &value, sizeof value), 0, "%s", number);
        cr_assert_eq(memcmp(&direct, &value, sizeof value), 0, "%s", number);
    }
}

/* 2^53 + 1 lies between two doubles: a digit however far behind decides. */
Test(core_text, reading_is_correctly_rounded) {
    static char number[3000];
    memset(number, '0', sizeof number - 1);
    memcpy(number, "9007199254740993.", 17);
    cr_assert_eq(read_whole(number), 9007199254740992.0);
    number[sizeof number - 2] = '1';
    cr_assert_eq(read_whole(number), 9007199254740994.0);
    memset(number, '0', sizeof number - 1);
    number[1] = '.';
    memcpy(number + 2990, "17e2989", 8);
    cr_assert_eq(read_whole(number), 1.7);
    memset(number, '0', sizeof number - 1);
    number[0] = '3';
    memcpy(number + 2900, "e-2899", 7);
    cr_assert_eq(read_whole(number), 3.0);
    cr_assert_eq(read_whole("1e999"), INFINITY);
    cr_assert_eq(read_whole("-1e-999"), 0.0);
    cr_assert(signbit(read_whole("-1e-999")));
    cr_assert_eq(read_whole("1e99999999999999999999999999"), INFINITY);
    cr_assert_eq(read_whole("0e99999999999999999999999999"), 0.0);
    cr_assert_eq(read_whole("1E+2"), 100.0);
    cr_assert_eq(read_whole("007.50"), 7.5);
}

Test(core_text, reading_stops_where_the_number_stops) {
    static const struct {
        const char *number;
        size_t used;
        double value;
    } rows[] = {
        {"1.5x", 3, 1.5},  {"2.", 1, 2},    {"3e", 1, 3},  {"3e+", 1, 3},           {"4..5", 1, 4},
        {"1.2.3", 3, 1.2}, {"", 0, -9},     {"-", 0, -9},  {".5", 0, -9},           {"+1", 0, -9},
        {"x", 0, -9},      {"-nan", 0, -9}, {"in", 0, -9}, {"-inf]", 4, -INFINITY}, {" 1", 0, -9},
        {"0x10", 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value = -9;
        cr_assert_eq(text_read_f64(rows[i].number, strlen(rows[i].number), &value), rows[i].used,
                     "%s", rows[i].number);
        cr_assert(same_bits(value, rows[i].value), "%s", rows[i].number);
    }
    double value = 0; /* the bytes need no end mark */
    cr_assert_eq(text_read_f64("12345", 2, &value), 2);
    cr_assert_eq(value, 12);
}

Test(core_text, whole_numbers) {
    int64_t value = 5;
    cr_assert_eq(text_read_i64("9223372036854775807,", 20, &value), 19);
    cr_assert_eq(value, INT64_MAX);
    cr_assert_eq(text_read_i64("-9223372036854775808", 20, &value), 20);
    cr_assert_eq(value, INT64_MIN);
    value = 5;
    static const char *const wrong[] = {
        "9223372036854775808", "-9223372036854775809", "", "-", "x", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(text_read_i64(wrong[i], strlen(wrong[i]), &value), 0, "%s", wrong[i]);
    cr_assert_eq(value, 5);
    cr_assert_eq(text_read_i64("-42]", 4, &value), 3);
    cr_assert_eq(value, -42);
}

/* A locale with a decimal comma: one that is installed, else one compiled from the C library's
 * sources into a folder of our own. */
static bool enter_comma_locale(const char *folder) {
    static const char *const installed[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    for (size_t i = 0; i < sizeof installed / sizeof *installed; i++)
        if (setlocale(LC_ALL, installed[i]))
            return true;
    char command[256];
    snprintf(command, sizeof command, "localedef -c -i de_DE -f UTF-8 %s/comma 2>/dev/null",
             folder);
    if (system(command) == -1)
        return false;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_ALL, "comma") != NULL;
}

Test(core_text, the_locale_is_not_asked) {
    char folder[] = "/tmp/core_text_XXXXXX", command[64];
    cr_assert_not_null(mkdtemp(folder));
    bool entered = enter_comma_locale(folder);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    if (!entered)
        cr_skip_test("this machine has no locale with a decimal comma and cannot make one");
    char point[8];
    snprintf(point, sizeof point, "%.1f", 0.5);
    cr_assert_str_eq(point, "0,5");
    for (size_t row = 0; row < sizeof doubles / sizeof *doubles; row++) {
        cr_assert_str_eq(shown(doubles[row].value), doubles[row].expected);
        cr_assert(same_bits(read_whole(doubles[row].expected), doubles[row].value));
    }
}
