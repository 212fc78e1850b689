/* Gradients of random programs against witnesses that know nothing of the library's adjoints.
 *
 *   fuzz_gradients [COUNT [SEED]]
 *
 * As in fuzz_programs, a seed decides everything about one program, and a program whose gradient is
 * wrong is made smaller and printed. Nothing is compiled here: fuzz_programs compares compiled
 * gradients with evaluated ones. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/slope_hunt.h"

int main(int count, char **arguments) {
    int programs = count > 1 ? atoi(arguments[1]) : 300;
    uint64_t first = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    int refused = 0, failed = 0;
    for (int i = 0; i < programs; i++) {
        slope_find find;
        slope_verdict verdict = slope_hunt(first + (uint64_t)i, &find);
        refused += verdict == SLOPE_REFUSED;
        if (verdict >= SLOPE_PADDED) {
            failed++;
            printf("seed %" PRIu64 " fails: %s\nsmaller: %zu nodes\n%s\n", first + (uint64_t)i,
                   find.report, find.nodes, find.text);
        }
        slope_find_free(&find);
    }
    printf("seeds %" PRIu64 " to %" PRIu64 ": %d programs, %d refused, %d failed\n", first,
           first + (uint64_t)(programs > 0 ? programs - 1 : 0), programs, refused, failed);
    return failed > 0 || refused > 1 + programs / 4;
}
