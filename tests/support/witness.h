/* Three independent witnesses of a gradient: derivatives along a direction by dual numbers
 * (tests/ref, whose rules are its own), the identity that a Jacobian and its transpose obey, and
 * differences of the function itself. */
#ifndef EDDY_TESTS_SUPPORT_WITNESS_H
#define EDDY_TESTS_SUPPORT_WITNESS_H

#include "tests/support/trial.h"

typedef struct witness_tolerance {
    double dual;       /* relative to the sum of the absolute terms */
    double transposed; /* the same */
    double difference; /* relative to that sum and the value of the loss */
    double floor;      /* added to every scale: below it nothing is told apart */
} witness_tolerance;

/* 1e-12, 1e-12, 1e-7, 1e-300. */
extern const witness_tolerance witness_strict;

/* f64 gradients of loss (a scalar or any value: its sum counts) with respect to the leaves wrt,
 * along three random directions drawn from seed. y: a value for the identity <u, J v> = <J' u, v>,
 * NULL: the loss. false with a message in the trial. */
bool witness_gradients(trial *t, op_node *loss, op_node *y, op_node *const *wrt, size_t count,
                       uint64_t seed, const witness_tolerance *tolerance);

/* The sum of all of x: what its gradient is the gradient of. */
op_node *witness_whole(graph *g, op_node *x);

#endif
