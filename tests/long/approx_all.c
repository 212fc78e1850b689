/* Every float there is, through every f32 elementary function.
 *
 * Prints the worst error of each and where it stands, and how often a function that should rise
 * falls. Fails when a bound is passed. With names as arguments only those functions run. About ten
 * minutes on one core. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/approx_check.h"

typedef struct worst {
    double ulp;
    float x, y;
    uint64_t falls;
} worst;

/* The patterns from `first` to `last`, walked upwards; `sign` is -1 where that walks x downwards.
 */
static void walk(const approx_case *c, const body *b, uint32_t first, uint32_t last, float sign,
                 worst *w) {
    static int32_t registers[APPROX_REGISTERS * APPROX_BLOCK];
    float before = NAN;
    for (uint64_t base = first; base <= last; base += APPROX_BLOCK) {
        float x[APPROX_BLOCK], y[APPROX_BLOCK];
        for (uint32_t n = 0; n < APPROX_BLOCK; n++) {
            uint32_t bits = (uint32_t)base + n;
            memcpy(&x[n], &bits, sizeof bits);
        }
        approx_run_block(b, x, y, registers);
        for (int n = 0; n < APPROX_BLOCK; n++) {
            if (!(fabs((double)x[n]) <= c->limit_f32) && !isnan(x[n]))
                continue;
            double ulp = approx_ulp_f32(y[n], c->wide((double)x[n]));
            if (!(ulp <= w->ulp))
                *w = (worst){ulp, x[n], y[n], w->falls};
            if (sign * y[n] < sign * before)
                w->falls++;
            before = y[n];
        }
    }
}

static bool check(const approx_case *c) {
    arena memory;
    jmp_buf escape;
    arena_init(&memory, allocator_default(), &escape);
    if (setjmp(escape))
        return false;
    body b;
    body_init(&b, &memory);
    c->record(&b, body_input(&b, 0, BODY_F32));
    worst w = {0};
    walk(c, &b, 0, 0x7fffffff, 1, &w);
    walk(c, &b, 0x80000000, 0xffffffff, -1, &w);
    printf("%-8s f32 worst %.3f ulp at %a (gives %a)", c->name, w.ulp, (double)w.x, (double)w.y);
    if (c->rises)
        printf(", falls %" PRIu64 " times", w.falls);
    printf(", %zu instructions\n", b.code.count);
    fflush(stdout);
    arena_free(&memory);
    return w.ulp <= c->ulp_f32;
}

int main(int count, char **names) {
    bool good = true;
    for (int i = 0; i < APPROX_CASES; i++) {
        bool wanted = count < 2;
        for (int k = 1; k < count; k++)
            wanted |= strcmp(names[k], approx_cases[i].name) == 0;
        if (wanted)
            good &= check(&approx_cases[i]);
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
