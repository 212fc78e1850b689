/* What the benchmark measures: models written as a user would write them, with their sizes. */
#ifndef EDDY_TESTS_SUPPORT_BENCH_ROW_H
#define EDDY_TESTS_SUPPORT_BENCH_ROW_H

#include "frontends/eddy.h"

typedef struct bench_row bench_row;
struct bench_row {
    const char *name; /* "lstm-train-16x256": the cell, what is done, B x H */
    /* Writes the model, outputs and all. Its axes are "t" and "b". */
    void (*build)(eddy_model *m, const bench_row *row);
    int64_t samples, units, steps; /* B, H, T */
    int64_t brief_steps;           /* T of a quick run */
    int blocks;     /* recurrent matrices [H,H]: what a loop multiplies the state by in each step */
    int sweeps;     /* loops over time: 1, with gradients 2 */
    double factors; /* multiplications by a weight, per step and sample, of the whole program */
};
extern const bench_row bench_rows[];
extern const int bench_row_count;

/* Symbols of the demo's text: ids that are fed stay below. */
enum { BENCH_SYMBOLS = 92 };

/* Floating-point operations of the program's products with matrices (no others are counted), at
 * this many steps. */
double bench_row_flops(const bench_row *row, int64_t steps);

/* The least seconds that they take: at `flops` a second, and for each loop not less than reading
 * the recurrent matrices once a step at `bytes` a second. Activations and chains are left out. */
double bench_row_roof(const bench_row *row, int64_t steps, double flops, double bytes);

/* Bytes of the recurrent matrices. */
double bench_row_bytes(const bench_row *row);

#endif
