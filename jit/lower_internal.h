/* What the lower*.c files share: the state of one lowering. */
#ifndef EDDY_JIT_LOWER_INTERNAL_H
#define EDDY_JIT_LOWER_INTERNAL_H

#include "jit/lower.h"

/* Where a value is read: one index per axis that it holds and per feature dimension; -1 elsewhere.
 */
typedef struct lower_point {
    nest_ref axis[LIMIT_AXES];
    nest_ref dimension[LIMIT_RANK];
} lower_point;

typedef enum lower_class {
    LOWER_LEAF, /* read from where it is: input, param, constant, step, extent */
    LOWER_FREE, /* views, masks, casts, most delays: computed again by every reader, never stored */
    LOWER_GROUPED, /* element by element: shares a nest with neighbours of the same ranges */
    LOWER_OWN      /* folds, scatters, concats: nests of their own */
} lower_class;

typedef struct lower_memo {
    const op_node *node;
    lower_point point;
    nest_ref value;
} lower_memo;

/* A copy of a buffer whose dimension is innermost, whole or in panels of some columns. */
typedef struct lower_packed {
    int32_t buffer, dimension, copy;
    int64_t columns;
} lower_packed;

/* Where a part of a concat is: in the memory of the whole, from this index on. */
typedef struct lower_slice {
    const op_node *whole; /* NULL: it has a buffer of its own */
    int64_t low;          /* along the whole's dimension */
} lower_slice;

typedef struct lower {
    arena *memory;
    graph *g;
    const machine *target; /* NULL: no panels */
    nest_plan *plan;
    uint8_t *class_of;   /* lower_class by node id */
    int32_t *buffer_of;  /* plan buffer by node id, -1: none (yet), or inside another one's */
    lower_slice *inside; /* by node id */
    int32_t *loop_of;    /* by node id: the innermost loop around it, 0: none */
    int32_t *item_of;    /* by node id: the item of the program that computes it */
    nest **home;         /* nest that computes a node */
    VEC(lower_packed) packed;
    intern names;          /* kernel names taken */
    int loops[LIMIT_AXES]; /* enclosing recurrence loops */
    int loop_count;
    uint32_t *needed;          /* by node id: the axes in whose padding somebody looks at it */
    int32_t alive[LIMIT_AXES]; /* 1 + the buffer of how many samples live at a step; 0: none */
    int block;                 /* the axis of which one block at a time is computed; -1: none */
    nest_list *outside;        /* the items that run before the first block */
    /* the nest under construction */
    nest *open;
    lower_point canonical; /* the point at which it computes its values */
    VEC(lower_memo) memo;
    bool near;    /* reading through a delay what the enclosing block has computed */
    bool earlier; /* reading through a delay along an enclosing loop: values of an earlier iteration
                   */
    int before; /* 1 + the axis of an enclosing loop whose turn before is being read, at this index
                   (clamped); 0: none */
    nest_ref before_index;
    bool conflict; /* a member was read at another point: it must be in memory, so the nest must end
                      first */
} lower;

/* ---- lower_tape.c: instructions with value numbering; integer constants fold */
nest_ref tape_add(lower *l, nest_instruction instruction);
nest_ref tape_range(lower *l, int range);
nest_ref tape_outer(lower *l, int axis);
nest_ref tape_count(lower *l, int axis);
nest_ref tape_span(lower *l, nest_place place);
nest_ref tape_integer(lower *l, int64_t value);
nest_ref tape_body(lower *l, body_op op, body_type type, nest_ref a, nest_ref b, nest_ref c);
nest_ref tape_constant(lower *l, body_type type, const void *element);
nest_ref tape_load(lower *l, int32_t buffer, const nest_ref *at, int count, bool linear,
                   bool pinned);
void tape_store(lower *l, int32_t buffer, const nest_ref *at, int count, nest_ref value);
nest_ref tape_cast(lower *l, nest_ref value, body_type to);
body_type tape_type(const lower *l, nest_ref value);
/* The number when the value is an integer constant. */
bool tape_is_integer(const lower *l, nest_ref value, int64_t *out);
/* Copies a recorded body onto the tape: inputs[i] stands for input i. Returns where instruction
 * `result` went; more results through `map` (b->code.count entries) if not NULL. */
nest_ref tape_splice(lower *l, const body *b, const nest_ref *inputs, body_ref result,
                     nest_ref *map);
/* min(max(index, 0), count - 1), count an i64 value. */
nest_ref tape_clamp(lower *l, nest_ref index, nest_ref count);
/* The smaller and the larger of two i64 values. */
nest_ref tape_least(lower *l, nest_ref a, nest_ref b);
nest_ref tape_most(lower *l, nest_ref a, nest_ref b);
/* 0 <= index && index < end. */
nest_ref tape_inside(lower *l, nest_ref index, nest_ref end);
/* Every operand, value and index of an instruction moves to where `renamed` says; in place. */
void tape_rename(nest_instruction *in, const nest_ref *renamed);
/* The same for what folds and ranges name of a tape that was recorded anew. */
void tape_rename_nest(nest *n, const nest_ref *renamed);

/* ---- lower_checkpoint.c */
bool checkpoint_is(const op_node *n);
int32_t checkpoint_steps(const op_node *n); /* of each block */
/* Where in its memory a step is stored, and where one of the block before is read, i64. */
nest_ref checkpoint_written(lower *l, const op_node *n, nest_ref step);
nest_ref checkpoint_read(lower *l, const op_node *n, nest_ref step);

/* ---- lower_read.c */
/* The value of n at a point of its own domain and shape: from a register, from memory, or computed
 * in place. */
nest_ref read_value(lower *l, const op_node *n, const lower_point *p);
/* Computes a node at a point from its arguments (element-wise, views, delay, gather, at). */
nest_ref read_compute(lower *l, const op_node *n, const lower_point *p);
/* The operands of a contraction: of_letter has the index of each letter, p those of the axes. */
void read_operands(lower *l, const op_node *n, const op_contract *spec, const nest_ref *of_letter,
                   const lower_point *p, nest_ref out[2]);
/* Is this a contraction that sums over nothing: a product, element by element? */
bool read_is_product(const op_node *n);
/* An empty point. */
void read_point_init(lower_point *p);
/* The point of argument `a` of an element-wise reader at `p` with `rank` dimensions. */
void read_point_of_argument(lower *l, const op_node *reader, const op_node *a, const lower_point *p,
                            lower_point *out);
/* Number of elements of a feature dimension or axis as an i64 value. */
nest_ref read_extent(lower *l, int64_t dimension);
/* The shape differs from the argument's by dimensions of size 1 only: map[i] is the argument's
 * dimension of result dimension i or -1. */
bool read_reshape_is_plain(const op_node *reshape, int8_t map[LIMIT_RANK]);
/* Indices of an element of n in the buffer that holds it, in storage order; returns the number. */
int read_storage_indices(lower *l, const op_node *n, const lower_point *p, nest_ref *out);

/* ---- lower_nest.c */
/* Opens a nest named after n in `list`. */
nest *lower_open(lower *l, const op_node *n, const char *suffix, nest_list *list);
/* Names the open nest after n instead. */
void lower_rename(lower *l, const op_node *n);
/* Adds a range; size-1 dimensions give index 0 instead. */
nest_ref lower_range(lower *l, int64_t count, bool descending, bool folded, bool ordered);
/* Adds a range over an axis: over its steps in the current block, if it is computed in blocks. */
nest_ref lower_axis_range(lower *l, int axis, bool descending, bool folded, bool ordered);
/* Adds the ranges of a domain and shape to the open nest (axes of enclosing loops are fixed) and
 * sets the canonical point. */
void lower_canonical(lower *l, uint32_t domain, const op_shape *shape);
void lower_close(lower *l);
/* Is the axis one of the enclosing recurrence loops? */
bool lower_in_loop(const lower *l, int axis);
/* The buffer that holds the node, made at need. */
int32_t lower_buffer(lower *l, const op_node *n, nest_storage storage, const char *name);
/* The nests of a fold, scatter or concat. */
void lower_own(lower *l, const op_node *n, nest_list *list);

/* ---- lower.c */
/* What reads a value, as often as it does; NULL: somebody outside of the program. */
typedef VEC(op_node *) lower_readers;
/* The values that an item computes, in order. */
void lower_members(arena *memory, const schedule_item *item, node_list *out);

/* ---- lower_follow.c */
/* Moves what reads a large value of a loop, and makes little of it, into that loop. readers: by
 * node number. */
void lower_follow(lower *l, const lower_readers *readers, schedule_list *items);

/* The value of a fold's state, as NEST_FOLD or NEST_RESULT; a new fold, by its number. */
nest_ref lower_state(lower *l, nest_op op, int which, body_type type);
int lower_add_fold(lower *l, body_type type, body_value identity);

/* ---- lower_ragged.c: samples that have ended are not computed */
/* Finds who needs what stands past the ends of samples. nodes by number, roots as below. */
void ragged_find(lower *l, const node_list *nodes, const node_list *roots);
/* Puts the nests that count, for each step, the samples that live in front of all that asks. */
void ragged_counts(lower *l);
/* The axes past whose ends nobody looks at n (or n has no ends). */
uint32_t ragged_free(const lower *l, const op_node *n);
/* The axes past whose ends a sum takes in nothing but its identity, over and over. */
uint32_t ragged_sum(const lower *l, const op_node *n);
/* Lets the open nest's range of samples end with those that live at the step of each of these axes
 * that is at point `at`, or so many further. */
void ragged_clip(lower *l, const lower_point *at, uint32_t axes, int further);

/* ---- lower_sink.c */
/* Moves values into the only loops that read them. readers: by node number. */
void lower_sink(lower *l, const lower_readers *readers, schedule_list *items);
/* Does it need of its arguments, along this axis, but the step that it computes? */
bool lower_reads_this_step(const op_node *reader, int axis);

/* ---- lower_remat.c */
/* Makes free what is cheaper to compute again than to keep. nodes by number, roots as above. */
void lower_remat(lower *l, const node_list *nodes, const node_list *roots);

/* ---- lower_place.c */
/* Gives parts of concats their places in them. nodes by number, roots as above. */
void lower_place(lower *l, const node_list *nodes, const node_list *roots);
/* The node whose buffer holds n, and where along each of its dimensions n begins. */
const op_node *lower_place_of(const lower *l, const op_node *n, int64_t low[LIMIT_RANK]);

/* ---- lower_update.c */
/* Stores the new values of params, where that is possible in the nests that compute them. */
void lower_updates(lower *l);

/* ---- lower_pack.c: operands of contractions, copied into the order in which tiles read them */
void lower_pack(lower *l);
/* ---- lower_prepare.c: nests that compute values of parameters alone go to the front */
void lower_prepare(lower *l);
/* ---- lower_beside.c: puts loops next to each other that threads may take one each */
void lower_beside(nest_list *items, arena *memory);
/* ---- lower_finish.c: drops stores nobody loads, axes that only one loop's iteration sees */
void lower_finish(lower *l);
/* ---- lower_takeover.c: narrow values that together take the memory of a wide one */
void lower_takeover(lower *l);
/* ---- lower_parts.c: cuts nests that do several things */
void lower_parts(lower *l);

#endif
