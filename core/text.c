/* Texts, and numbers in them.
 *
 * printf and strtod take their decimal point from the locale of the user's program, which we must
 * not change. So numbers go through a form that has no point: a run of digits and a power of ten,
 * "5684341886080802e-29". The C library rounds that form correctly in every locale, and we write
 * and read the point ourselves.
 *
 * Shortest: a double's %.15g is the shortest when it reads back, for 15 digits survive the trip
 * through a normal double (6 through a float); subnormals start at one digit. With one digit more
 * the nearest decimal is the one to try, except just above a power of two: the gap below is half as
 * wide, and the decimal above may read back where the nearer one below does not (2^-44
 * = 5.684341886080802e-14). Hence the second candidate, one up in the last digit. */
#include "core/text.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/size.h"

enum {
    TEXT_DIGITS = 17,      /* that any double needs */
    TEXT_READ_DIGITS = 800 /* where two doubles meet has at most 767; the rest is "not zero" */
};

void text_init(text *t, arena *memory) {
    static char empty[1];
    *t = (text){memory, empty, 0, 0};
}

/* Room for `extra` more bytes and the final 0. */
static void text_reserve(text *t, size_t extra) {
    size_t need;
    if (!size_add(t->count, extra, &need) || !size_add(need, 1, &need))
        need = SIZE_MAX;
    if (need <= t->capacity)
        return;
    size_t wanted = t->capacity < 64 ? 128 : t->capacity * 2;
    if (wanted < need)
        wanted = need;
    t->at = arena_grow_array(t->memory, t->capacity ? t->at : NULL, t->capacity, wanted, 1);
    t->capacity = wanted;
}

void text_add(text *t, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    assert(format);      /* else gcc 12 clones this for a null format under a sanitizer */
    text_reserve(t, 80); /* most lines fit at once */
    size_t room = t->capacity - t->count;
    int length = vsnprintf(t->at + t->count, room, format, list);
    va_end(list);
    size_t added = (size_t)length; /* longer than an int can say: -1, which no arena has */
    if (added >= room) {
        text_reserve(t, added);
        (void)vsnprintf(t->at + t->count, added + 1, format, again);
    }
    va_end(again);
    t->count += added;
}

void text_add_bytes(text *t, const char *bytes, size_t count) {
    text_reserve(t, count);
    if (count)
        memcpy(t->at + t->count, bytes, count);
    t->count += count;
    t->at[t->count] = 0;
}

/* digits[0 .. count) times ten to the power: 0.digits would be power + count. */
typedef struct text_decimal {
    char digits[TEXT_DIGITS + 2];
    int count;
    int power;
} text_decimal;

/* The decimal of `count` digits nearest to a positive value. */
static text_decimal text_nearest_decimal(double value, int count) {
    char printed[TEXT_DIGITS + 16];
    (void)snprintf(printed, sizeof printed, "%.*e", count - 1, value);
    text_decimal d = {.count = 0};
    const char *at = printed;
    for (; *at && *at != 'e'; at++) /* the point may be several bytes, none of them a digit */
        if (*at >= '0' && *at <= '9')
            d.digits[d.count++] = *at;
    assert(d.count == count && *at == 'e');
    d.power = (int)strtol(at + 1, NULL, 10) - (count - 1);
    return d;
}

static text_decimal text_one_up(text_decimal d) {
    int last = d.count - 1;
    while (last >= 0 && d.digits[last] == '9')
        d.digits[last--] = '0';
    if (last >= 0) {
        d.digits[last]++;
    } else { /* 999 became 1000 */
        d.digits[0] = '1';
        d.power++;
    }
    return d;
}

/* A reader of the pointless form must find the value again; a float also when it is read as a
 * double first. */
static bool text_reads_back(const text_decimal *d, double value, bool single) {
    char form[TEXT_DIGITS + 16];
    (void)snprintf(form, sizeof form, "%.*se%d", d->count, d->digits, d->power);
    double read = strtod(form, NULL);
    if (!single)
        return read == value;
    return (double)(float)read == value && (double)strtof(form, NULL) == value;
}

static text_decimal text_shortest(double value, bool single) {
    int count = single ? FLT_DIG : DBL_DIG, most = single ? 9 : TEXT_DIGITS;
    if (value < (single ? (double)FLT_MIN : DBL_MIN))
        count = 1;
    for (;; count++) {
        text_decimal d = text_nearest_decimal(value, count);
        if (text_reads_back(&d, value, single))
            return d;
        text_decimal up = text_one_up(d);
        if (text_reads_back(&up, value, single))
            return up;
        assert(count < most);
        (void)most;
    }
}

static void text_add_number(text *t, double value, bool single) {
    if (isnan(value)) {
        text_add(t, "nan");
        return;
    }
    if (signbit(value))
        text_add(t, "-");
    value = fabs(value);
    if (isinf(value) || value == 0) {
        text_add(t, "%s", value == 0 ? "0.0" : "inf");
        return;
    }
    text_decimal d = text_shortest(value, single);
    while (d.count > 1 && d.digits[d.count - 1] == '0') {
        d.count--;
        d.power++;
    }
    int before = d.count + d.power; /* digits in front of the point */
    if (before > 0 && before <= 16) {
        int whole = before < d.count ? before : d.count;
        text_add(t, "%.*s%.*s.", whole, d.digits, before - whole, "0000000000000000");
        if (whole < d.count)
            text_add(t, "%.*s", d.count - whole, d.digits + whole);
        else
            text_add(t, "0");
    } else if (before <= 0 && before > -4) {
        text_add(t, "0.%.*s%.*s", -before, "0000", d.count, d.digits);
    } else if (d.count == 1) {
        text_add(t, "%ce%d", d.digits[0], before - 1);
    } else {
        text_add(t, "%c.%.*se%d", d.digits[0], d.count - 1, d.digits + 1, before - 1);
    }
}

void text_add_f64(text *t, double value) {
    text_add_number(t, value, false);
}
void text_add_f32(text *t, float value) {
    text_add_number(t, (double)value, true);
}

static bool text_is_digit(const char *at, size_t count, size_t i) {
    return i < count && at[i] >= '0' && at[i] <= '9';
}

/* The exponent at at[*i ..), 0 if there is none; *i moves behind it. Far beyond any double it stops
 * growing. */
static int64_t text_read_exponent(const char *at, size_t count, size_t *i) {
    size_t j = *i;
    if (j >= count || (at[j] != 'e' && at[j] != 'E'))
        return 0;
    j++;
    bool negative = j < count && at[j] == '-';
    if (j < count && (at[j] == '-' || at[j] == '+'))
        j++;
    if (!text_is_digit(at, count, j))
        return 0;
    int64_t exponent = 0;
    for (; text_is_digit(at, count, j); j++)
        if (exponent < INT64_MAX / 100)
            exponent = exponent * 10 + (at[j] - '0');
    *i = j;
    return negative ? -exponent : exponent;
}

size_t text_read_f64(const char *at, size_t count, double *out) {
    size_t i = 0;
    bool negative = i < count && at[i] == '-';
    if (negative)
        i++;
    if (count - i >= 3 && memcmp(at + i, "inf", 3) == 0) {
        *out = negative ? -INFINITY : INFINITY;
        return i + 3;
    }
    if (!negative && count >= 3 && memcmp(at, "nan", 3) == 0) {
        *out = NAN;
        return 3;
    }
    if (!text_is_digit(at, count, i))
        return 0;
    char form[TEXT_READ_DIGITS + 32];
    size_t digits = 0;
    int64_t power = 0;
    bool behind_point = false, dropped = false;
    for (;; i++) {
        if (!behind_point && i < count && at[i] == '.' && text_is_digit(at, count, i + 1)) {
            behind_point = true;
            continue;
        }
        if (!text_is_digit(at, count, i))
            break;
        if (digits == 0 && at[i] == '0') {
            power -= behind_point;
        } else if (digits < TEXT_READ_DIGITS) {
            form[digits++] = at[i];
            power -= behind_point;
        } else {
            dropped = dropped || at[i] != '0';
            power += !behind_point;
        }
    }
    if (dropped)
        form[digits - 1] = '1'; /* stands for all that is not zero from here on */
    power += text_read_exponent(at, count, &i);
    if (power > 100000)
        power = 100000;
    if (power < -100000)
        power = -100000;
    if (digits == 0) {
        *out = negative ? -0.0 : 0.0;
        return i;
    }
    (void)snprintf(form + digits, sizeof form - digits, "e%d", (int)power);
    double value = strtod(form, NULL);
    *out = negative ? -value : value;
    return i;
}

size_t text_read_i64(const char *at, size_t count, int64_t *out) {
    size_t i = 0;
    bool negative = i < count && at[i] == '-';
    if (negative)
        i++;
    if (!text_is_digit(at, count, i))
        return 0;
    int64_t value = 0; /* grows downwards, where there is room for the smallest number */
    for (; text_is_digit(at, count, i); i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, (int64_t)(at[i] - '0'), &value))
            return 0;
    if (!negative && value == INT64_MIN)
        return 0;
    *out = negative ? value : -value;
    return i;
}

size_t text_read_character(const char *at, size_t count, uint32_t *out) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = count ? (unsigned char)at[0] : 0xFF;
    size_t length = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 0 || first > 0xF7 || length > count)
        return 0;
    uint32_t code = length == 1 ? first : first & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)at[i];
        if (next >> 6 != 2)
            return 0;
        code = code << 6 | (next & 0x3Fu);
    }
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return 0;
    *out = code;
    return length;
}
