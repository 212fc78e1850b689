/* A graph with all that it needs, and a sample program that uses most of the language: a recurrence
 * with lengths. */
#ifndef EDDY_TESTS_SUPPORT_PROGRAM_H
#define EDDY_TESTS_SUPPORT_PROGRAM_H

#include "graph/graph.h"

typedef struct program {
    arena memory;
    jmp_buf escape;
    error problem;
    graph g;
} program;

void program_init(program *p);
void program_close(program *p);
/* The text of the graph, in its arena. */
const char *program_text(program *p);
/* Parses into p, which is initialised here. The file is called "text". */
bool program_parse(program *p, const char *source, size_t length);

/* Axes t (time) and b (batch, lengths for t), and d of extent 3. A gated recurrence of 2 units over
 * an input of 3, a loss, a look-ahead, a constant tensor, views, a custom, a random mask, an
 * update. Returns the state. */
op_node *program_sample(program *p);

/* Shapes in one word: program_shape(2, 4, 3) is [4, 3]. */
op_shape program_shape(int rank, ...);

enum { PROGRAM_T, PROGRAM_B, PROGRAM_D };
#define PROGRAM_BIT(axis) (UINT32_C(1) << (axis))

#endif
