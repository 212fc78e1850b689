/* From the tree of a cell to the functions of eddy.h. Each call of them writes a mistake at the
 * user's line: EDDY_HERE is a local variable `here`, so include this file before eddy.h.
 *
 * The language has no semantics of its own: what a cell means is the calls that are made here. */
#ifndef EDDY_FRONTENDS_LANG_LOWER_H
#define EDDY_FRONTENDS_LANG_LOWER_H

#ifdef EDDY_H
#    error "include frontends/lang/lower.h before eddy.h"
#endif
#define EDDY_HERE here
#include "frontends/capi.h"
#include "frontends/lang/syntax.h"

/* What an expression stands for. */
typedef enum operand_kind {
    OPERAND_BAD,    /* a mistake was reported: whoever meets it keeps silent */
    OPERAND_NUMBER, /* known before the model runs */
    OPERAND_VALUE,
    OPERAND_AXIS,
    OPERAND_TEXT
} operand_kind;

typedef struct operand {
    operand_kind kind;
    double number;
    eddy_value value, imaginary; /* imaginary: NULL for what is not complex */
    eddy_axes axis;
    const char *text;
} operand;

typedef enum symbol_kind {
    SYMBOL_NAMED,   /* an input, a parameter, an equation, a dimension, an axis */
    SYMBOL_STATE,   /* now: before the step, next: after it */
    SYMBOL_CARRIED, /* by a loop: now: before the iteration, next: after it */
    SYMBOL_FAMILY
} symbol_kind;

/* h[t - distance] of a state */
typedef struct symbol_tap {
    int distance;
    operand before;
} symbol_tap;

typedef struct symbol {
    const char *name;
    symbol_kind kind;
    span where;
    const declared *from; /* of a state, a family */
    operand now, next, start;
    bool ready;    /* next is there */
    bool replaced; /* a state whose value before the step was given */
    bool input;
    VEC(symbol_tap) taps;
} symbol;

/* A number that stands for dimensions while a cell is checked, and how the user writes it. */
typedef struct lower_size {
    int64_t number;
    const char *text;
} lower_size;

/* Everything that is built by one call into the library. */
typedef struct lower {
    arena *memory;
    report *mistakes;
    eddy_model *m;
    bool checking; /* for mistakes alone: dimensions are stand-ins */
    int budget;    /* expressions that may still be written out */
    int depth;     /* of cells in cells */
    const cell_list *cells, *library;
    const source *file_of; /* whose name `file` is: a copy that lives as long as the model */
    const char *file;
    VEC(lower_size) sizes;
} lower;

enum { LOWER_BUDGET = 1000000, LOWER_DEPTH = 16, LOWER_SYMBOLS = 1024 };

/* One use of a cell. */
typedef struct scope {
    lower *l;
    const syntax_cell *cell;
    const char *file; /* lives as long as the model */
    eddy_site here;
    eddy_axes time, over; /* over: the axes that states vary over */
    int direction;        /* 1 or -1 */
    double train;
    const char *member;   /* what this equation computes: chooses from families */
    const syntax *whole;  /* its right side */
    const syntax *scaled; /* in it, a matrix that `*` joins with a vector; NULL: none */
    VEC(symbol) symbols;
    VEC(const char *) parts; /* names of cells that this one uses */
    statement_list adjoints;
} scope;

/* ---- lower.c: names and mistakes */
operand lower_bad(void);
operand lower_number(double number);
operand lower_value(eddy_value value);
/* Reports a mistake at a place of the cell. Always OPERAND_BAD. */
operand lower_wrong(scope *s, report_code code, span where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* If the graph refused what was just built: reports it, as a mistake at this place, while checking.
 * Else returns made. */
operand lower_guard(scope *s, span where, operand made);
/* What the graph says is wrong, without its place. */
const char *lower_graph_words(const eddy_model *m);
symbol *lower_find(scope *s, const char *name);
/* Does the name stand in a line that could not be read? Then it may be defined there. */
bool lower_is_hidden(const scope *s, const char *name);
/* Adds a name, unless it is there or reserved, which is a mistake. */
void lower_define(scope *s, const char *name, span where, operand value);
/* May this name be defined here? Else a mistake. */
bool lower_is_free(scope *s, const char *name, span where);
/* Is one name a slip of the other? */
bool lower_is_near(const char *a, const char *b);
/* The last name in scope that is near, NULL if there is none. */
const char *lower_name_near(scope *s, const char *name);
/* A new symbol without any check; NULL when there are too many. */
symbol *lower_push(scope *s, symbol made);
/* "[H, D]", "int", "complex [H]", "a number"; what a dimension is called. */
const char *lower_describe(lower *l, operand x);
const char *lower_size_text(lower *l, int64_t number);
void lower_size_note(lower *l, int64_t number, const char *words);
/* Notes where the shape of an expression comes from, behind the mistake that was added last. */
void lower_origin(scope *s, const syntax *e, operand x);

/* ---- lower_statement.c */
void lower_block(scope *s, const statement_list *list);
/* Have the states and carried values from this symbol on got their new values? Else mistakes. */
bool lower_all_ready(scope *s, size_t from);
eddy_dtype lower_type(const lower *l, const char *type);
/* Shape of a declaration as numbers that end with EDDY_SCALAR; false after a mistake. */
bool lower_shape(scope *s, const declared *d, int64_t out[LIMIT_RANK + 1]);
/* A number, or a value without dimensions, stretched to a shape. */
eddy_value lower_fill(scope *s, operand x, const int64_t *shape);
/* The initial value of a type and shape: x, or zeros where x is bad. Complex ones are pairs. */
operand lower_start(scope *s, const declared *d, operand x, const int64_t *shape);

/* ---- lower_expression.c */
operand lower_expression(scope *s, const syntax *e);
/* A number that must be known now, and must be whole. false after a mistake. */
bool lower_whole(scope *s, const syntax *e, const char *what, int64_t *out);

/* ---- lower_arithmetic.c */
operand lower_unary(scope *s, const syntax *e, operand x);
operand lower_binary(scope *s, const syntax *e, operand x, operand y);
/* Numbers become values; bool and int become real. Bad ones stay bad. */
operand lower_real(scope *s, operand x);
operand lower_as_value(scope *s, operand x);
operand lower_product(scope *s, operand x, operand y); /* complex where one of them is */
/* Do the shapes stretch to one? Else a mistake. */
bool lower_joins(scope *s, const syntax *e, const syntax *a, operand x, const syntax *b, operand y);
/* Behind a mistake about shapes: was `@` meant where this equation says `*`? */
void lower_help_product(scope *s);
bool lower_same_shape(eddy_value x, eddy_value y);

/* ---- function.c */
/* Is there a function of this name in the language? One whose name is near; NULL: none. */
bool lower_is_function(const char *name);
const char *lower_function_near(const char *name);
/* Function i of the language; what a parameter begins as, number i; NULL past the end. */
const char *lower_function_name(int i);
const char *lower_start_name(int i);
operand lower_function(scope *s, const syntax *e);

/* ---- lower_adjoint.c */
/* The first result of a cell, with the gradients that the cell says it has. */
operand lower_custom(scope *s, operand y);

/* ---- lower_cell.c */
typedef struct cell_argument {
    const char *name; /* NULL: by its place */
    operand value;
    bool replaces;
    span where;
} cell_argument;

typedef struct cell_use {
    scope *caller; /* NULL: C */
    span where;    /* in the caller */
    const char *name;
    cell_argument *arguments;
    int count;
    eddy_axes time;
    int direction;
    double train;
    bool make_inputs; /* of the model, for those that are not given */
    eddy_axes batch;  /* which they vary over, besides time */
    operand *results; /* one for each result of the cell */
} cell_use;

void lower_cell(lower *l, const syntax_cell *cell, const cell_use *how);
/* A call of a cell, or of a combinator over cells; results: where all go, NULL for the first only.
 */
operand lower_call(scope *s, const syntax *call, operand *results, int count);
/* A name of its own in the cell for the parameters of a call: that of the equation, with `what`
 * behind it unless the call is all of the equation. */
const char *lower_part_name(scope *s, const syntax *call, const char *what);
/* The cell behind a callee, NULL if there is none; silent. */
const syntax_cell *lower_cell_find(const lower *l, const syntax_cell *user, const char *name);
/* A function or cell whose name is near; NULL: none. */
const char *lower_callee_near(const lower *l, const char *name);

#endif
