/* The equations of a test case (tests/ref/README.md) as a graph. */
#ifndef EDDY_TESTS_SUPPORT_EQUATION_H
#define EDDY_TESTS_SUPPORT_EQUATION_H

#include "graph/graph.h"

typedef struct equation_value {
    const char *name;
    op_node *node;
} equation_value;

typedef struct equation_state { /* opened, to be bound to the value of that name */
    op_node *state;
    const char *next;
} equation_state;

typedef struct equations {
    graph *g;
    dtype real; /* of all numbers that are not integers: f32 or f64 */
    VEC(equation_value) values;
    VEC(equation_state) states;
    op_node *differentiated;        /* the value whose gradients were asked for last ... */
    node_list variables, gradients; /* ... and what they are */
    char message[2 * LIMIT_MESSAGE];
} equations;

/* Makes a value known by its name. */
void equation_name(equations *e, const char *name, op_node *node);
/* NULL if there is none. */
op_node *equation_find(const equations *e, const char *name);
/* Adds the values of one line. false with a message. */
bool equation_line(equations *e, const char *line);
/* Binds the states. false with a message. */
bool equation_close(equations *e);

#endif
