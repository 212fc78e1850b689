/* Behind eddy.h: the objects, and how a call of a builder function enters and leaves the graph.
 *
 * Every public function that may allocate opens a frame, so that memory that runs out inside jumps
 * no further than to it. Frames nest: a custom adjoint is user code that calls public functions
 * from inside one. */
#ifndef EDDY_FRONTENDS_CAPI_H
#define EDDY_FRONTENDS_CAPI_H

#include <setjmp.h>

#include "core/io.h"
#include "core/vec.h"
#include "frontends/eddy.h"
#include "graph/graph.h"

struct eddy_value_s {
    eddy_model *model;
    op_node *node;
};

/* A param leaf of the model and how it begins. owned: it belongs to each run (carried states). */
typedef struct capi_variable {
    op_node *node;
    eddy_init init;
    bool trainable, owned;
} capi_variable;

/* An axis that is carried: what the run keeps of it. */
typedef struct capi_axis {
    bool carried;
    bool delayed;      /* a state or delay along it exists: too late to carry */
    bool advanced;     /* the position's update exists */
    eddy_axes over;    /* the domain of the position */
    op_node *position; /* i32: steps since the reset, at most CAPI_POSITION_LIMIT */
} capi_axis;

/* The past of one delay along a carried axis. */
typedef struct capi_history {
    op_node *delay;   /* whose argument 0 is what must be kept */
    op_node *history; /* the variable, [distance] + shape, newest first */
    bool kept;        /* its update exists */
} capi_history;

/* What eddy_minimise learns: a param, and the gradient of the loss by it, before clipping. */
typedef struct capi_learned {
    op_node *param, *gradient;
} capi_learned;

enum { CAPI_POSITION_LIMIT = 1 << 30 };

/* What a surrogate gradient of a cell is built as. A gradient that is no derivative cannot be
 * compared with quotients, but that of the straight line through the same point can: so a check
 * notes the points of one model and makes lines of them in another. */
typedef enum capi_surrogates {
    CAPI_SURROGATES_MEANT, /* as the user wrote it */
    CAPI_SURROGATES_NOTED, /* the same; the points are outputs */
    CAPI_SURROGATES_LINES  /* lines instead, through points that are inputs of the same names */
} capi_surrogates;

/* One surrogate gradient: the cell that has it. straight: it goes element by element, so there is a
 * line. */
typedef struct capi_surrogate {
    const char *cell;
    bool straight;
} capi_surrogate;

struct eddy_model {
    allocator source;
    files disk;
    arena memory;
    arena prints; /* of the text that was asked for last */
    error problem;
    graph graph;
    dtype type; /* of numbers, params and states */
    const char *scope;
    int unnamed; /* delays that were given a name */
    op_node *seed;
    VEC(const char *) scopes;
    VEC(eddy_value) values; /* by node number */
    VEC(capi_variable) variables;
    VEC(capi_history) histories;
    VEC(capi_learned) learned;
    capi_surrogates surrogates_as;
    VEC(capi_surrogate) surrogates;
    capi_axis axes[LIMIT_AXES];
};

/* ---- capi.c */
typedef struct capi_frame {
    jmp_buf escape;
    jmp_buf *outer;
    site where;
} capi_frame;

/* Options with defaults filled in. */
allocator capi_allocator(const eddy_options *options);
files capi_files(const eddy_options *options);
/* false: nothing is to be done (no model, or a mistake was made before). */
bool capi_enter(eddy_model *m, capi_frame *frame, eddy_site here);
void capi_leave(eddy_model *m, capi_frame *frame);
/* After a jump: records that memory ran out, and leaves. */
void capi_escape(eddy_model *m, capi_frame *frame);
/* The handle of a node; NULL for NULL, which is a mistake if none was recorded. */
eddy_value capi_value(eddy_model *m, op_node *node);
/* The node behind a handle of this model; a handle of another one is a mistake. */
op_node *capi_node(eddy_model *m, eddy_value x);
/* Records a mistake at the caller's place. Always NULL. */
op_node *capi_fail(eddy_model *m, eddy_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* name behind the open scopes, interned; NULL after a mistake. */
const char *capi_scoped(eddy_model *m, const char *what, const char *name);
/* The number of the one axis in a set, -1 after a mistake. */
int capi_axis_of(eddy_model *m, const char *what, eddy_axes axis);
/* A list of dimensions that ends with EDDY_SCALAR; false after a mistake. */
bool capi_shape(eddy_model *m, const char *what, const int64_t *dimensions, op_shape *out);
/* Dimension `dimension` of x, negative ones from the right; -1 after a mistake. */
int capi_dimension(eddy_model *m, const char *what, const op_node *x, int dimension);

/* The body of a public function on the model `of`: `expression`, of this type, may use m, the
 * model, and b, its builder; `none` is returned when nothing is to be done or memory runs out. */
#define CAPI_RETURN(type, none, of, here, expression)                                              \
    do {                                                                                           \
        eddy_model *const m = (of);                                                                \
        capi_frame frame;                                                                          \
        if (!capi_enter(m, &frame, (here)))                                                        \
            return none;                                                                           \
        if (setjmp(frame.escape) != 0) {                                                           \
            capi_escape(m, &frame);                                                                \
            return none;                                                                           \
        }                                                                                          \
        op_builder *const b = &m->graph.builder;                                                   \
        (void)b;                                                                                   \
        type const result = (expression);                                                          \
        capi_leave(m, &frame);                                                                     \
        return result;                                                                             \
    } while (0)
/* The same where the expression is a node and the result its value. */
#define CAPI_BUILD(of, here, node) CAPI_RETURN(eddy_value, NULL, of, here, capi_value(m, (node)))
/* The same without a result. */
#define CAPI_DO(of, here, statement)                                                               \
    do {                                                                                           \
        eddy_model *const m = (of);                                                                \
        capi_frame frame;                                                                          \
        if (!capi_enter(m, &frame, (here)))                                                        \
            return;                                                                                \
        if (setjmp(frame.escape) == 0) {                                                           \
            statement;                                                                             \
            capi_leave(m, &frame);                                                                 \
        } else {                                                                                   \
            capi_escape(m, &frame);                                                                \
        }                                                                                          \
    } while (0)

/* ---- capi_leaves.c */
op_node *capi_variable_new(eddy_model *m, const char *name, dtype type, uint32_t domain,
                           const op_shape *shape, capi_variable how);

/* ---- capi_carry.c */
/* The step on an axis, counted from the last reset where the axis is carried. */
op_node *capi_index(eddy_model *m, int axis);
/* What a delay reads before the first step of a call. axis carried and distance > 0: the past of
 * this run, init before its start; *history is then set. Else init. domain: the delay's own. */
op_node *capi_carried(eddy_model *m, const char *name, int axis, int distance, uint32_t domain,
                      dtype type, const op_shape *shape, op_node *init, op_node **history);
/* Notes that `delay` reads `history`, which may be NULL. Returns delay. */
op_node *capi_carry_note(eddy_model *m, op_node *delay, op_node *history);
/* Adds the updates that keep the past, where they are missing. */
void capi_carry_finish(eddy_model *m);

#endif
