/* Inside the reader of equations: terms, and calls of functions. */
#ifndef EDDY_TESTS_SUPPORT_EQUATION_CALLS_H
#define EDDY_TESTS_SUPPORT_EQUATION_CALLS_H

#include "tests/support/equation.h"

enum { EQUATION_ARGUMENTS = 8, EQUATION_WORD = 64 };

/* A value, or (node NULL) a number without a dtype yet. */
typedef struct equation_term {
    op_node *node;
    double number;
} equation_term;

typedef struct equation_call {
    equations *e;
    const char *name;
    int count;
    const char *at[EQUATION_ARGUMENTS], *end[EQUATION_ARGUMENTS]; /* text of the arguments */
} equation_call;

/* ---- equation.c */
/* Records the first mistake. Always false. */
bool equation_fail(equations *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
equation_term equation_read(equations *e, const char *from, const char *to);
/* The number of an axis; 0 after a mistake. */
int equation_axis(equations *e, const char *from, const char *to);
/* A term as a node; a number has the dtype of `like` (NULL: f64). */
op_node *equation_node(equations *e, equation_term x, const op_node *like);
/* Two terms as nodes of one dtype. */
void equation_meet(equations *e, equation_term x, equation_term y, op_node **left, op_node **right);

/* ---- equation_calls.c */
/* The value of a function. */
equation_term equation_apply(const equation_call *call);

#endif
