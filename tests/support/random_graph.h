/* Programs nobody would write: random recurrent graphs, for comparing two ways to compute one
 * thing. */
#ifndef EDDY_TESTS_SUPPORT_RANDOM_GRAPH_H
#define EDDY_TESTS_SUPPORT_RANDOM_GRAPH_H

#include "graph/graph.h"

typedef struct random_options {
    int steps;      /* about how many values are made */
    bool smooth;    /* f64 and differentiable nearly everywhere: finite differences see its slope */
    bool gradients; /* the gradients of output "loss" with respect to every param are outputs too */
} random_options;

/* Fills an empty graph with axes (some with lengths, some of fixed extent), inputs, params, states,
 * values, outputs and updates: a function of seed and options alone. Every graph is well formed,
 * but not every one is legal: a random cycle may have no loop order. The output "loss" is a scalar.
 */
void random_graph(graph *g, uint64_t seed, const random_options *options);
/* Extents for run number `which` of the graph with this seed: small, now and then 0. */
void random_extents(uint64_t seed, int which, int64_t out[LIMIT_AXES]);
/* Appends d(loss)/d(param) for every float param as outputs "d_<param>". false after a mistake. */
bool random_gradients(graph *g);

#endif
