/* Recurrent programs in f64 and a way to try them out: the evaluator on drawn data, slopes by
 * finite differences. */
#ifndef EDDY_TESTS_SUPPORT_RECURRENT_H
#define EDDY_TESTS_SUPPORT_RECURRENT_H

#include "tests/support/program.h"

typedef struct recurrent {
    program p;
    graph *g;
    op_builder *b;
    node_list weights; /* of all cells made so far */
} recurrent;

/* The axes: t, s and u of time, b of samples, all with run-time extents; and the sets of one. */
enum { AXIS_T, AXIS_S, AXIS_U, AXIS_B };
enum { T = 1 << AXIS_T, S = 1 << AXIS_S, U = 1 << AXIS_U, B = 1 << AXIS_B };

void recurrent_init(recurrent *r);
void recurrent_free(recurrent *r);
op_node *recurrent_input(recurrent *r, const char *name, uint32_t domain, int rank, ...);
op_node *recurrent_weight(recurrent *r, const char *name, uint32_t domain, int rank, ...);
op_node *recurrent_number(recurrent *r, double value);
/* A state of `units` numbers that starts at init, open; site: cell.c:line. */
op_node *recurrent_state(recurrent *r, const char *name, uint32_t domain, int units, int axis,
                         int distance, op_node *init, int line);
/* The sum of squares of x over everything: a number. */
op_node *recurrent_energy(recurrent *r, op_node *x);
/* weight * x */
op_node *recurrent_product(recurrent *r, op_node *weight, op_node *x);
/* An LSTM of Hochreiter and Schmidhuber along t over x {t,b} [inputs]; returns h {t,b} [units].
 * Values are named <prefix>h, <prefix>c; weights <prefix>Wi, ... `distance` -1 runs it backwards.
 */
op_node *recurrent_lstm(recurrent *r, const char *prefix, op_node *x, int inputs, int units,
                        int distance);

/* Data for a program: all inputs and params that roots need, drawn from a fixed seed; i32 values
 * are 0. */
typedef struct feeding {
    recurrent *r;
    int64_t extents[LIMIT_AXES];
    VEC(eval_feed) feeds;
} feeding;

feeding feeding_init(recurrent *r, int64_t t, int64_t s, int64_t u, int64_t batch);
/* Feeds one node with these numbers (count of them, converted to its dtype), which are copied. */
void feeding_feed(feeding *w, const op_node *node, const double *values, size_t count);
/* Feeds all else that the roots need. */
void feeding_draw(feeding *w, op_node *const *roots, size_t count);
/* The number i that is fed to a node of f64. */
double *feeding_fed(const feeding *w, const op_node *node);
/* Runs; asserts that it worked. */
eval *feeding_run(feeding *w, op_node *const *roots, size_t count);
double feeding_number(const eval *e, const op_node *node, size_t i);
/* The largest difference between gradient and the slope of loss along the variable, by central
 * differences at every element. Both are f64. */
double feeding_slope_error(feeding *w, op_node *loss, op_node *variable, op_node *gradient);

#endif
