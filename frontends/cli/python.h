/* A cell as a program in Python: a module of PyTorch, or a function for JAX. */
#ifndef EDDY_FRONTENDS_CLI_PYTHON_H
#define EDDY_FRONTENDS_CLI_PYTHON_H

#include "frontends/capi.h"

typedef enum python_way { PYTHON_TORCH, PYTHON_JAX, PYTHON_WAYS } python_way;

typedef VEC(const char *) python_names;

typedef struct python_source {
    const char *title; /* of the cell: "mgu with D=4 H=8" */
    const eddy_model *model;
    bool values; /* it is only run forwards: a gradient of the user's own may be left out */
} python_source;

/* ---- python.c */
/* "PyTorch", "JAX"; "torch", "jax": the module, and the word of --as. */
const char *python_name(python_way way);
const char *python_module(python_way way);
/* Writes the model as the compiler's passes leave it, so that what is one product here is one
 * there: a class Cell or a function `cell`. It takes inputs in the order in which the model made
 * them, and gives results in the order of outputs. What the model calls the inputs is appended to
 * `names`, which may be NULL. NULL, or what has no counterpart, in words. */
const char *python_write(const python_source *of, python_way way, text *out, python_names *names);

/* ---- between python*.c */

/* How tight the operator binds that an expression is made with. */
typedef enum python_bind {
    PYTHON_COMPARES,
    PYTHON_ADDS,
    PYTHON_MULTIPLIES,
    PYTHON_NEGATES,
    PYTHON_TIGHT
} python_bind;

/* A value as an expression. An array has axes in front, in their order in memory, and the value's
 * own dimensions behind them. Axes of loops around are none of it, and axes that it does not vary
 * along may be missing: NumPy's rule for arrays of different shapes brings them back. */
typedef struct python_value {
    const char *words; /* NULL: not yet */
    python_bind bind;
    uint32_t axes;
    bool number; /* of Python's: it fits any shape */
} python_value;

typedef struct python_node {
    python_value value;
    python_value array; /* of a number that something reads which takes arrays alone */
    int place;          /* the loop that computes it; -1: nothing needs it */
    int readers;        /* how many */
    int read_in;        /* the loop that all of them are in; -1: there are several */
    bool wanted;        /* as an array */
} python_node;

typedef struct python_loop {
    int above; /* the loop around it; loop 0 is the whole program */
    int axis;  /* -1: of loop 0 */
} python_loop;

typedef struct python_weight {
    const op_node *node;
    const char *name; /* as an attribute */
} python_weight;

typedef struct python_writer {
    python_way way;
    const python_source *of;
    arena *memory;
    graph *g;
    text *out;          /* statements */
    int depth;          /* of their indentation */
    uint32_t functions; /* that expressions call, of python_place.c */
    uint32_t looped;    /* axes of the loops around */
    python_node *nodes; /* by number */
    VEC(python_loop) loops;
    int loop; /* the last one that was begun */
    python_names taken, attributes;
    VEC(python_weight) weights;
    const char *extents[LIMIT_AXES]; /* of those that are asked for */
    error fault;                     /* of the graph */
    const char *problem;
} python_writer;

#define PYTHON_EITHER(p, torch, jax) ((p)->way == PYTHON_TORCH ? (torch) : (jax))

/* ---- python_names.c */
/* An identifier made of these words, that nothing of the list has yet. */
const char *python_unique(python_writer *p, python_names *list, const char *words);
/* What a value is to be called: as the user calls it, or by its number. */
const char *python_called(python_writer *p, const op_node *n);
bool python_is_name(const char *words);
/* The attribute that holds a parameter. */
const char *python_attribute(python_writer *p, const op_node *n);

/* ---- python_value.c */
/* A value whose arguments are known. */
python_value python_express(python_writer *p, const op_node *n);
/* x as an array of exactly these axes and this shape. */
const char *python_fit(python_writer *p, const op_node *x, uint32_t axes, const op_shape *shape);
/* How many axes of a set come before this one. */
int python_before(const python_writer *p, uint32_t axes, int axis);
const char *python_extent(python_writer *p, int axis);
const char *python_type(const python_writer *p, dtype type);
/* Notes that this node has no counterpart, unless something else has none. why: NULL, or more. */
void python_refuse(python_writer *p, const op_node *n, const char *why);

/* ---- python_array.c: values that are not made element by element */
python_value python_array(python_writer *p, const op_node *n);
/* x where it is combined with others to an array of these axes and so many dimensions. */
python_value python_align(python_writer *p, const op_node *x, uint32_t axes, int rank);
const char *python_bracket(const python_writer *p, python_value v, python_bind least);
/* "(steps, samples, 8)"; the extent of axis `other` (-1: none) is `size`. */
const char *python_sizes(python_writer *p, uint32_t axes, const op_shape *shape, int other,
                         int64_t size);
/* A number as an array. */
const char *python_full(python_writer *p, const char *number, const char *sizes, dtype type);

/* "(a, b)" of "a, b". */
const char *python_tuple(python_writer *p, const char *list, size_t count);

/* ---- python_place.c */
python_value python_placed(python_writer *p, const op_node *n);
/* The functions that expressions call. */
void python_functions(const python_writer *p, text *out);

/* ---- python_loop.c */
/* Where everything is computed and read. */
void python_place(python_writer *p, const schedule_list *items);
/* What a loop computes, as statements. */
void python_statements(python_writer *p, const schedule_list *items, int loop);

#endif
