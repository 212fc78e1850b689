/* The loop nest IR: what stands between scheduled values and machine code.
 *
 * A plan is a list of nests and of loops around lists: recurrence loops, which step, and loops over
 * blocks of steps, in which ranges and recurrence loops over that axis run for one block. A nest is
 * a perfect nest of ranges: first the parallel ones (every iteration owns its own results), then,
 * innermost, the folded ones (a reduction, in exactly this order). What one iteration does is a
 * tape: a straight line of instructions in which indices are ordinary 64-bit integers, so that
 * loads at computed places, masks and shifted reads need nothing special. An instruction does not
 * say at which depth it runs: it runs as far out as the ranges that it depends on allow, which is
 * loop invariant motion by construction; and it is repeated by tiling only along ranges that it
 * depends on, which is register blocking by construction. No order of rounding depends on either.
 *
 * Printable (EDDY_DUMP), verified (nest_verify), and free of LLVM. */
#ifndef EDDY_JIT_NEST_H
#define EDDY_JIT_NEST_H

#include "core/text.h"
#include "core/vec.h"
#include "graph/graph.h"
#include "ops/body.h"

typedef int32_t nest_ref; /* position on the tape */

typedef enum nest_storage {
    NEST_ARENA,   /* the run's own memory */
    NEST_INPUT,   /* bound by the caller before each call */
    NEST_PARAM,   /* lives in the parameter set; updates write it */
    NEST_OUTPUT,  /* read by the caller afterwards */
    NEST_CONSTANT /* bytes inside the object */
} nest_storage;

/* Stands for the steps of a block where an axis stands for its extent. */
enum {
    NEST_BLOCK = LIMIT_AXES,
    NEST_CHECKPOINTS /* and the number of blocks, plus 1 */
};

/* Memory of one value: elements [axes[0]] ... [axes[n-1]] [shape...], row-major. */
typedef struct nest_buffer {
    const char *name;    /* the user's, or "%12" */
    const op_node *node; /* the value it holds */
    nest_storage storage;
    dtype type;
    int axis_count;
    int axes[LIMIT_AXES];
    int8_t block; /* 1 + the axis of which it holds only the steps of the current block; 0: none */
    int8_t checkpoint; /* 1 + the axis of which it holds `steps` steps for each block; 0: none */
    int32_t steps;
    op_shape shape;
    const void *data; /* constants: all elements */
    size_t data_bytes;
    int32_t
        loads; /* number of loads that read it; a buffer nobody reads has no stores left (ARENA) */
    struct {
        int32_t buffer; /* 1 + the buffer in whose memory this value lives; 0: it has its own */
        int64_t low[LIMIT_RANK]; /* of its first element there. Nests name that buffer, not this. */
    } inside;
} nest_buffer;

typedef struct nest_range {
    int64_t count;   /* >= 0: a number; < 0: the extent of axis -1 - count */
    bool descending; /* runs from the last to the first; folded ranges and ordered ones only */
    bool folded;
    bool ordered;   /* a parallel range whose iterations must run in order (scatter): never tiled,
                       never the vector range */
    int32_t given;  /* 1 + the number of the operand that is the count; 0: none is */
    bool block;     /* runs over the steps of the enclosing block, of which `count` is the axis */
    int32_t panels; /* 1 + an outer range: in its last iteration this one has but ... */
    int32_t last; /* ... so many; all three counts are numbers of parallel ranges; 0: it has not */
    nest_ref end; /* 1 + an i64 value of the tape: iterations from there on make no difference, and
                     emission may leave them out; 0: all count */
} nest_range;

/* first <= step < end; blocks are numbered from 0. */
typedef enum nest_place { NEST_FIRST, NEST_END, NEST_NUMBER } nest_place;

typedef enum nest_op {
    NEST_BODY,  /* a body instruction: code.op, .type, .immediate; operands are code.a b c as tape
                   positions */
    NEST_RANGE, /* i64: index of range `which` */
    NEST_OUTER, /* i64: index of the enclosing recurrence loop over axis `which` */
    NEST_COUNT, /* i64: extent of axis `which` */
    NEST_GIVEN, /* i64: number `which` of the operands; in kernels that are given numbers alone */
    NEST_SPAN,  /* i64: of the enclosing block: the nest_place `which` */
    NEST_LOAD,  /* element of buffer `which` at indices at[0 .. at_count) */
    NEST_STORE, /* writes `value` to buffer `which` at indices; type of the buffer */
    NEST_FOLD,  /* state `which` of the fold before this iteration's step */
    NEST_RESULT /* state `which` after all iterations */
} nest_op;

typedef struct nest_instruction {
    uint8_t op;    /* nest_op */
    uint8_t type;  /* body_type of the value */
    bool pinned;   /* LOAD: runs innermost, in tape order with the stores (scatter reads what it
                      wrote) */
    bool linear;   /* LOAD: features are indexed by one row-major number after the axes' indices */
    bool near;     /* LOAD: of a step of the enclosing block, whatever the index looks like */
    int8_t before; /* LOAD: 1 + the axis of an enclosing loop of which it reads the turn before; 0:
                      none */
    int32_t which;
    body_instruction code; /* NEST_BODY */
    nest_ref value;        /* STORE */
    nest_ref *at; /* LOAD, STORE: i64 indices, one per axis of the buffer, then one per feature
                     dimension (or one, linear) */
    int32_t at_count;
} nest_instruction;

typedef struct nest_fold {
    body_type type;
    body_value identity;
    nest_ref next;   /* the value after this iteration's step */
    nest_ref rested; /* -1, or a LOAD of what the nest stored in the block before: it begins there,
                        in the first block of a sweep at the identity */
} nest_fold;

typedef struct nest {
    const char *name; /* after the user's values; unique in the plan; letters, digits, '_' */
    int loop_count;   /* enclosing recurrence loops, outermost first */
    int loops[LIMIT_AXES];
    VEC(nest_range) ranges; /* parallel, then folded */
    VEC(nest_instruction) tape;
    VEC(nest_fold) folds;
    bool heavy;  /* a contraction: worth a register tile */
    int samples; /* 1 + the parallel range that threads share by samples; 0: none */
    /* from share_nests; a plan that it has not seen has one kernel for each nest */
    const struct nest *shared; /* the earlier nest whose kernel does this one's work; NULL: none */
    int users;                 /* nests that run this one's kernel, if more than 1 */
    const struct nest *form;   /* what its kernel is made from, for all users; NULL: itself */
    int32_t *operands;         /* its buffers, in the order in which the tape names them; then the
                                  numbers that its kernel is given */
    int operand_count, number_count;
} nest;

/* Threads that share samples, or units, wait for each other: a set of these. */
typedef enum nest_meeting { NEST_MEET_SAMPLES = 1, NEST_MEET_UNITS = 2 } nest_meeting;

typedef struct nest_item nest_item;
typedef VEC(nest_item) nest_list;
struct nest_item {
    nest *kernel;    /* NULL: a loop */
    int axis, sign;  /* of the loop */
    bool block;      /* a loop over blocks of steps; it has one even if there are no steps */
    uint8_t meeting; /* before it */
    uint8_t beside; /* so many loops behind this one need nothing of it or of one another, nor it of
                       them: threads may take one each */
    int64_t portion; /* a loop whose samples need nothing of one another: bytes of each that a turn
                        needs again of the one before; 0: they step together */
    nest_list items;
};

typedef struct nest_plan {
    arena *memory;
    const graph *source;
    VEC(nest_buffer) buffers;
    VEC(nest *) kernels; /* in program order */
    nest_list items;
    size_t prepared; /* items at the start that make values of parameters alone: a call need not run
                        them when nothing has changed since the last one */
} nest_plan;

/* Does it touch memory: is it a load or a store? */
bool nest_is_access(const nest_instruction *in);
/* Number of parallel ranges. */
int nest_parallel_count(const nest *n);
/* Set of ranges (bit i) that each instruction depends on; RESULT depends on all parallel ranges,
 * FOLD on all ranges. out has tape.count entries. A pinned load and stores depend on all parallel
 * ranges (pinned: on all). */
void nest_dependences(const nest *n, uint64_t *out);
/* after[i]: does instruction i need a RESULT, and so runs after the folded loops? */
void nest_after(const nest *n, bool *after);
/* The coefficient of range r in an i64 value that is affine in it: true and *out; false if it is
 * not affine. */
bool nest_coefficient(const nest *n, nest_ref value, int range, int64_t *out);
/* The values of an index that is a range plus a number, or a number. */
typedef struct nest_span {
    int range; /* -1: none, it is `low` */
    int64_t low, count;
} nest_span;
/* false: the index is made otherwise, or its range has a run-time extent. */
bool nest_span_of(const nest *n, nest_ref index, nest_span *out);
/* Have they no value in common? */
bool nest_span_apart(nest_span left, nest_span right);
/* Row-major stride of dimension d (axes first, then features) of a buffer, in elements, as constant
 * times extents of axes: returns the constant; axes[] (at least LIMIT_AXES + LIMIT_RANK entries)
 * gets the axes whose extents multiply it, NEST_BLOCK or NEST_CHECKPOINTS. */
int64_t nest_stride(const nest_buffer *b, int d, int *axes, int *axis_count);
/* The axis that a plan runs in blocks of; -1: none. */
int nest_block_axis(const nest_plan *plan);
/* The least steps of a block that a plan with checkpoints can run in; 0: it has none. */
int32_t nest_checkpoint_steps(const nest_plan *plan);
/* Asserts everything that emission relies on. */
void nest_verify(const nest_plan *plan);
void nest_print(const nest_plan *plan, text *out);
/* " in b6 from [256]", nothing for a buffer with memory of its own. */
void nest_print_inside(const nest_buffer *b, text *out);

#endif
