/* What the emit_*.c files share: the module under construction, and one nest on its way into it.
 *
 * Terms. The order is the sequence of the nest's loops, outermost first; depth d is the body of
 * loop d - 1, and depth 0 the function's start. The vector range is the one whose neighbouring
 * iterations share a vector, `width` of them; a tile holds `rows` iterations of the row range times
 * `vectors` vectors. A copy (row, vector) of an instruction is its instance for one place of the
 * tile. */
#ifndef EDDY_JIT_EMIT_INTERNAL_H
#define EDDY_JIT_EMIT_INTERNAL_H

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/TargetMachine.h>

#include "jit/emit.h"

/* Sizes of blocks (emit_block.c). */
typedef struct emit_sizes {
    int block_steps;  /* of a long fold, per block, when its panel is copied ... */
    int stream_steps; /* and when it is not */
    int panel_steps;  /* a fold of no more is one block; a copied panel holds as many */
    int panel_blocks; /* of a copied panel, one behind the other, if a nest stores more than ... */
    int result_bytes;
    int block_rows; /* of a tiled nest, per block: a multiple of most tiles */
    int turn_bytes; /* that a loop reads every turn: more than the nearest cache keeps */
    int own_rows;   /* of one range: fewer go together with those of another */
    int panel_rows; /* that pay for copying a panel */
} emit_sizes;

/* Those of this machine's caches; for tests (EDDY_CACHE=small) as small as can be. */
const emit_sizes *emit_sizes_now(void);

/* One compilation: a context of its own, so that two threads may compile at the same time. */
typedef struct emit {
    arena *memory;
    const nest_plan *plan;
    const emit_options *options;
    const machine *target;
    const emit_sizes *sizes;
    LLVMTargetMachineRef code; /* its generator */
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTypeRef pointer;
    LLVMTypeRef entry_type;  /* void (ptr buffers, ptr extents, ptr context) */
    LLVMTypeRef kernel_type; /* void (the same, ptr operands): the numbers of the buffers that a
                                shared kernel is to use, i32 */
    LLVMValueRef row;        /* the function that runs nests in a row; NULL: none yet */
    LLVMValueRef block;      /* the function that chooses a block of steps; NULL: none yet */
    const uint8_t *piece_of; /* by kernel: the piece that makes it; NULL: there is one piece */
    int piece;               /* this one; 0 has the entry */
    LLVMValueRef *constants; /* by buffer: its bytes in the object; NULL: not there (yet) */
    LLVMDIBuilderRef debug;  /* NULL: none */
    LLVMMetadataRef file, unit;
    int64_t said;  /* nests that the entry has come to */
    unsigned line; /* of the last function: its number in the program */
} emit;

/* How many copies of an instruction its users ask for. */
typedef enum emit_need {
    EMIT_DEAD,
    EMIT_FIRST, /* the tile's first place: addresses of the others are derived from it */
    EMIT_ROWS,  /* the first vector of every row */
    EMIT_ALL
} emit_need;

/* What is known of an instruction before anything is emitted. */
typedef struct emit_fact {
    uint64_t depends; /* set of ranges */
    int depth;
    emit_need need;
    bool late;       /* runs after the folded loops */
    bool by_row;     /* depends on the row range */
    bool by_lane;    /* depends on the vector range */
    bool lane_known; /* by_lane, an i64 that grows by lane_step from lane to lane: scalar arithmetic
                        does */
    bool wide;       /* somebody needs it as a vector */
    int64_t lane_step;
    int access; /* LOAD, STORE: its emit_access */
} emit_fact;

/* The addresses of one load or store. */
typedef struct emit_access {
    nest_ref instruction;
    bool rows_known;  /* every row is a fixed distance from the first */
    bool lanes_known; /* every lane is lane_step elements from the last one */
    bool panel;       /* the shared operand of a tile, at one place for all rows */
    bool walked;      /* the rows of a tile are neighbours, and so are those of the next one */
    bool square;      /* lanes are rows in memory, and steps of the fold columns */
    LLVMValueRef base;
    LLVMValueRef *plain;      /* panel: the strides in the buffer; `stride` may be the copy's */
    LLVMValueRef copy;        /* panel: memory on the stack */
    LLVMValueRef *stride;     /* i64 elements, by index */
    LLVMValueRef lane_step;   /* of the indices that are known along the lanes */
    LLVMValueRef *row_offset; /* by row, rows_known */
    LLVMValueRef *turned;     /* square: [vector][step] of the steps that were read together */
    LLVMValueRef *pointer;    /* [depth][row]: base plus the indices known at that depth */
} emit_access;

/* Iterations start <= i < end of a range, `width` x `copies` at a time. Overlap: the last ones are
 * moved back to end at `end`, and repeat what was done already. Lanes: of the one vector only so
 * many are iterations; 0: all. */
typedef struct emit_segment {
    LLVMValueRef start, end;
    int width, copies;
    bool overlap;
    int lanes;
    int kept; /* rows that a tile which is moved back leaves as they are; 0: none */
} emit_segment;

enum {
    EMIT_SEGMENTS = 4,
    EMIT_FEW_ROWS = 4, /* of the small tiles, where a run counts the rows: batches are often 4 k */
    EMIT_LEAST_SQUARE = 4, /* lanes that pay for turning a square */
    EMIT_LEAST_LANES = 4,  /* of a vector for which a long step is compiled once more */
    EMIT_FEW_LANES = 8     /* of a square whose rows are counted at run time */
};

/* The number of an element in its buffer: a number, and so many times an index. */
typedef struct emit_place {
    int64_t number;
    LLVMValueRef index; /* NULL: none */
    int64_t stride;
} emit_place;

/* Elements that a buffer is known to hold. */
typedef struct emit_note {
    int32_t buffer;
    emit_place place; /* of the first element */
    int width;
    LLVMValueRef value; /* NULL: nothing is known */
} emit_note;

enum { EMIT_NOTES = 128 /* the last ones; a note that is lost costs a load */ };

/* A function that runs nests in place (emit_step.c), at extents of 1. */
typedef struct emit_host {
    LLVMValueRef function;
    int axis;                  /* that it steps through, and whose extent is any; -1: none */
    LLVMValueRef index;        /* along that */
    const LLVMValueRef *bases; /* by buffer; NULL: the function's first parameter is their table */
    emit_note notes[EMIT_NOTES];
    int next; /* where the next note goes */
} emit_host;

typedef struct emit_nest {
    emit *e;
    const nest *n;
    LLVMValueRef function;
    emit_host *host;             /* NULL: the function is the nest's own */
    int loops, parallel;         /* ranges; parallel ones */
    int *order;                  /* ranges, outermost first */
    int vector_range, row_range; /* -1: none */
    int panel_depth; /* of a tile's shared operand: the loops outside choose it; 0: none */
    bool far_steps;  /* of a panel, so that it is worth a copy */
    bool turns;      /* the outermost range runs backwards in every other turn of the loop */
    bool row_blocks; /* the rows run in blocks, outside of everything else */
    int inner_range; /* goes together with that of rows (emit_together.c); -1: none */
    int together;    /* blocks of a copied panel, one behind the other */
    int block_range; /* folded range that runs in blocks, inside those; -1: none */
    nest_ref *rest;  /* by fold: the store where its state rests between blocks; -1: none */
    int vector_depth, row_depth; /* depth of their bodies; beyond every depth if there is none */
    int most_width, most_vectors, most_rows;
    int few_rows;     /* of the tiles for what is left, where a run counts the rows */
    bool squares;     /* steps of the innermost fold run as many at a time as a vector has lanes */
    emit_fact *facts; /* by instruction */
    emit_access *accesses;
    int access_count;
    int sample_range; /* shared among threads by samples; -1: none */
    int unit_range;   /* shared among threads by tiles; -1: none; may be the same */
    uint64_t early;   /* ranges whose end the tape knows in time */
    bool folds;       /* something is folded (perhaps over no ranges: one step) */
    bool repeatable;  /* doing an iteration again changes nothing: it reads nothing that it wrote */
    bool narrows;     /* too few iterations for a vector make a narrower one */
    bool maskable;    /* memory can be read and written by some lanes of a vector alone */
    /* while emitting */
    bool in_last; /* the vector range is that of a last panel, and shorter */
    int width, vectors, rows;
    int lanes;          /* of a vector that are iterations: the width, unless it is the last one */
    int step;           /* of those that run together; -1: they do not */
    int kept;           /* rows of the tile that it does not store ... */
    LLVMValueRef moved; /* ... if this i1 is true */
    LLVMValueRef extents[LIMIT_AXES]; /* NULL: not read yet */
    LLVMValueRef *counts;             /* by range, i64 */
    LLVMValueRef *origin;             /* by range: its least index */
    LLVMValueRef later;               /* i1: not a sweep's first block; NULL: no states rest */
    LLVMValueRef *index;              /* by range */
    LLVMValueRef inward;              /* i1: are rows those of inner_range? NULL: never */
    LLVMValueRef many;                /* i1, tiled nests: do enough rows share a panel? */
    LLVMValueRef packs;               /* i1: are panels copied? NULL: never */
    LLVMValueRef row_step, fold_step, fold_many; /* sizes of blocks */
    LLVMValueRef *first, *limit;                 /* by range: what the current block runs over */
    LLVMValueRef *scalar, *wide;                 /* by instruction, row, vector */
    LLVMValueRef *state;                         /* by fold, row, vector */
} emit_nest;

/* ---- emit.c: the module of a piece, of which `what` has all but the LLVM values and the memory,
 * as an object; out->source is set */
bool emit_piece(const emit *what, const allocator *source, emit_object *out, error *problem);
/* One more program in the module, with symbols of its own prefix, which becomes the current one. */
void emit_another(emit *e, const nest_plan *plan, const emit_options *options);
/* A constant of the module's own. */
LLVMValueRef emit_private(const emit *e, LLVMValueRef value);
/* The bytes of a constant buffer; NULL: it is none. */
LLVMValueRef emit_bytes(emit *e, int32_t buffer);
/* A new function, with the builder at its start. */
LLVMValueRef emit_function(emit *e, LLVMTypeRef type, const char *symbol, const char *name);
/* Memory of the current function's own, aligned to 64 bytes: part of its frame. */
LLVMValueRef emit_room(const emit *e, LLVMTypeRef type);
/* It is for any processor of a module that is for several. */
void emit_for_any(LLVMValueRef function);

/* ---- object.c: LLVM's code generator for a row; NULL with *problem set */
LLVMTargetMachineRef object_machine(const machine *row, sanitize instrument, error *problem);
/* An empty module learns how large addresses are. */
void object_begin(LLVMModuleRef module, LLVMTargetMachineRef code);
/* The module as an object. frames NULL: nobody asks for them. false with *problem set. */
typedef struct stack_frames stack_frames;
bool object_emit(LLVMModuleRef module, LLVMTargetMachineRef code, const emit_options *how,
                 stack_frames *frames, emit_object *out, error *problem);
/* Makes LLVM's target for a triple known (NULL: for this system); from any thread. */
void object_start(const char *triple);

/* ---- stack.c */
/* Before code is generated, which then tells frames; for this row, and others of its target. */
stack_frames *stack_ask(LLVMModuleRef module, const machine *row, arena *memory);
/* What the code generator says. */
void stack_hear(stack_frames *s, const char *warning);
/* Behind it: bytes of stack that a call of any function takes, at most, beside those of functions
 * that are not in the module. */
size_t stack_bound(stack_frames *s);

/* ---- emit_facts.c: everything that is decided before emission; fills s but for the LLVM values */
void emit_facts(emit_nest *s);

/* Elements between what an access touches at neighbouring indices of a range; false: not known. */
bool emit_distance(const emit_nest *s, const nest_instruction *in, int range, int64_t *out);

/* ---- emit_split.c: what a thread does of a nest */
/* A range that threads share. */
typedef struct emit_part {
    int64_t count; /* its iterations; below 0: extent -1 - count, or that field of the context */
    int64_t grain; /* so many belong together */
    int who;       /* field of the context: the thread's part; and the next one: how many parts */
} emit_part;
/* Chooses the ranges that threads share; the tile is known. */
void emit_split_choose(emit_nest *s);
/* These ranges, of a kernel that is made from `form`, where nest n runs it; returns their number,
 * at least 1: what cannot be shared is one iteration. */
int emit_split_parts(emit *e, const nest *form, const nest *n, emit_part out[EMIT_SHARES]);
/* In the kernel: narrows first and limit of those ranges to this thread's part. */
void emit_split(emit_nest *s);

/* ---- emit_together.c: rows of two ranges, as rows of one */
/* The range that goes together with that of rows; -1: none. */
int emit_together_find(const emit_nest *s);
/* Chooses what rows are, behind emit_split. */
void emit_together(emit_nest *s);
/* How far they are from each other. */
void emit_together_strides(const emit_nest *s, emit_access *a);

/* ---- emit_row.c: nests in a row, by way of a table */
/* Calls their kernels, in `function`, whose first parameters are those of the entry; then threads
 * meet: a set of nest_meeting. */
void emit_row(emit *e, LLVMValueRef function, const nest_item *items, size_t count,
              uint8_t meeting);
/* Before an item: what other threads have made is there. A thread alone waits for nobody. kinds: a
 * set of nest_meeting, i64. */
void emit_meeting(const emit *e, LLVMValueRef function, LLVMValueRef kinds);
const char *emit_kernel_symbol(const emit *e, const nest *n);

/* ---- emit_loop.c: ranges cut into segments, and loops over them that carry values */
/* Segments of a range under the tile that emit_facts chose; returns their number. Emits their
 * limits here. */
int emit_segments(emit_nest *s, int range, emit_segment out[EMIT_SEGMENTS]);
/* Iterations of the vector range that its widest loop does at once. */
int64_t emit_vector_span(const emit_nest *s);
/* The copies of a place that each of these segments has, before anything is emitted; returns their
 * number. */
int emit_copies(const emit_nest *s, int range, int out[EMIT_SEGMENTS]);
typedef struct emit_loop {
    LLVMBasicBlockRef before, body, after; /* body NULL: it runs just once, in place */
    LLVMValueRef counter;
    LLVMValueRef start, end, step;
    LLVMValueRef *initial, *carried; /* values on entry, and as seen by the body */
    int count;
} emit_loop;
/* Begins for (counter = start; counter < end; counter += step). carried: `count` values that go
 * through the loop; they are replaced by what the body sees. */
void emit_loop_open(const emit *e, LLVMValueRef function, emit_loop *loop, LLVMValueRef start,
                    LLVMValueRef end, LLVMValueRef step, LLVMValueRef *carried, int count);
/* Ends it. carried: the values after the body; replaced by those after the loop. */
void emit_loop_close(const emit *e, emit_loop *loop, LLVMValueRef *carried);

/* ---- emit_block.c: blocks of rows around everything else, of steps inside those */
/* row_step, fold_step, fold_many, many; behind emit_together. */
void emit_block_sizes(emit_nest *s);
/* A range that runs in blocks, meanwhile. */
typedef struct emit_block {
    int range;
    emit_loop loop;
    LLVMValueRef first, limit; /* of the whole of this thread's part */
} emit_block;
/* Runs this thread's part of a range in blocks of `step`; even one without iterations has a block.
 */
void emit_block_open(emit_nest *s, int range, LLVMValueRef step, emit_block *block);
void emit_block_close(emit_nest *s, emit_block *block);

/* ---- emit_nest.c: one kernel, `name` of the plan's nest; returns the function */
LLVMValueRef emit_kernel(emit *e, const nest *n, const char *symbol);
/* The same in a host's function, where the builder is; its ranges are known. */
void emit_inline(emit *e, const nest *n, emit_host *host);

/* ---- emit_step.c: the program at one step of one sample, in place */
/* Is that worth its code? axes: the run-time axes whose extents must be 1. */
bool emit_step_pays(const nest_plan *plan, uint32_t *axes);
/* The sum of what `of` says of every nest that will be in place, there or in a loop. */
int64_t emit_step_each(emit *e, int64_t (*of)(void *user, const nest *n), void *user);
/* i1, in the entry: one thread, and extents of 1 for these axes? */
LLVMValueRef emit_is_alone(const emit *e, LLVMValueRef entry, uint32_t axes);
/* All but the prepared items, where the builder is; and these. */
void emit_step(emit *e, emit_host *host);
void emit_prepared(emit *e, emit_host *host);
/* The items of a loop, in it, for one of its steps; the same question. */
bool emit_turn_pays(const emit *e, const nest_item *loop, uint32_t *axes);
void emit_turn(emit *e, emit_host *host, const nest_item *loop);
/* Extents, and fields of the context, there: true and *out where they are known. */
bool emit_step_extent(const emit *e, const emit_host *host, int axis, int64_t *out);
bool emit_step_told(const emit_host *host, int which, int64_t *out);

/* ---- emit_value.c: types, constants, instructions */
LLVMTypeRef emit_type(const emit *e, body_type type, int width);
/* x if (x `when` y), else y, of i64. */
LLVMValueRef emit_pick(const emit *e, LLVMIntPredicate when, LLVMValueRef x, LLVMValueRef y);
/* As in memory: bool is a byte. */
LLVMTypeRef emit_memory_type(const emit *e, body_type type, int width);
LLVMValueRef emit_integer(const emit *e, int64_t value);
/* The address of number `which` of a table of i64. */
LLVMValueRef emit_entry(const emit *e, LLVMValueRef table, int which);
/* The number there. */
LLVMValueRef emit_number(const emit *e, LLVMValueRef table, int which);
bool emit_is_integer(LLVMValueRef value, int64_t *out);
LLVMValueRef emit_constant(const emit *e, body_type type, body_value value, int width);
LLVMValueRef emit_splat(const emit *e, LLVMValueRef value, int width);
/* 0, step, 2 * step, ... as i64. */
LLVMValueRef emit_ramp(const emit *e, int64_t step, int width);
/* One body instruction whose operands are LLVM values of its tape types, all scalars or all vectors
 * of `width` lanes. */
LLVMValueRef emit_body(const emit *e, const nest *n, const nest_instruction *in,
                       const LLVMValueRef operands[3], int width);
/* An intrinsic of `count` operands, overloaded on these types. */
LLVMValueRef emit_intrinsic(const emit *e, const char *name, LLVMTypeRef *types, size_t overloads,
                            LLVMValueRef *operands, unsigned count);
/* x / y, x % y of i64 that are not negative; where addresses have 32 bits, both must. Nothing that
 * is counted there is more than its memory, and a division of 64 bits would be a call. */
LLVMValueRef emit_quotient(const emit *e, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef emit_remainder(const emit *e, LLVMValueRef x, LLVMValueRef y);
/* A number as wide as an address. */
LLVMTypeRef emit_size_type(const emit *e);
/* x + y, x * y of i64, where 0 and 1 vanish. */
LLVMValueRef emit_plus(const emit *e, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef emit_times(const emit *e, LLVMValueRef x, LLVMValueRef y);

/* The values of a copy, in emit_nest.c: scalar (lane 0 of what varies along the lanes), and vector
 * of s->width lanes. */
LLVMValueRef emit_scalar_of(const emit_nest *s, nest_ref value, int row, int vector);
LLVMValueRef emit_wide_of(const emit_nest *s, nest_ref value, int row, int vector);

/* A number of the operands. */
LLVMValueRef emit_operand(const emit_nest *s, int place);
/* A number of the thread's context. */
LLVMValueRef emit_told(const emit_nest *s, int which);
/* The index of a range whose iteration `counter` it is. */
LLVMValueRef emit_index(const emit_nest *s, int range, LLVMValueRef counter);

/* ---- emit_panel.c: panels of a tile's shared operand */
/* In the function's entry: memory, and whether copying pays. */
void emit_panel_start(emit_nest *s);
/* Where the panel is chosen: copies it, and turns its accesses to the copy. */
void emit_panel_copy(emit_nest *s);

/* ---- emit_square.c: loads of several steps at a time */
/* Can this load of a fold's step be one? Vectors are s->most_width wide. */
bool emit_square_fits(const emit_nest *s, size_t i);
/* The lanes at a step, from rows[0 .. width) that were read at step 0, which are turned then; of
 * elements of so many bytes. */
LLVMValueRef emit_square_step(const emit *e, LLVMValueRef *rows, int step, int width, size_t bytes);

/* ---- emit_memory.c: addresses, loads, stores */
/* In the function's entry: strides and distances. */
void emit_memory_start(emit_nest *s);
/* Adds what depth d knows to the address of an access. */
void emit_memory_advance(emit_nest *s, emit_access *a, int depth);
/* One copy of a load (or of what a store has stored before): a vector where it is by_lane and
 * s->width > 1, else a scalar. */
LLVMValueRef emit_memory_load(emit_nest *s, const emit_access *a, int row, int vector);
/* The vector at an address, of which the first s->lanes lanes are read. */
LLVMValueRef emit_memory_vector(const emit_nest *s, const nest_instruction *in, LLVMValueRef at);
void emit_memory_store(emit_nest *s, const emit_access *a, int row, int vector);
/* The address of an access at a depth, to be replaced by an equivalent one. */
LLVMValueRef *emit_memory_pointer(const emit_nest *s, const emit_access *a, int depth, int row);
/* The extent of an axis; only while the function's entry is being emitted. */
LLVMValueRef emit_extent(emit_nest *s, int axis);

/* ---- emit_known.c: values that went to memory and are known all the same */
/* What the load would find; NULL: that is not known. */
LLVMValueRef emit_known_find(const emit_nest *s, const emit_access *a, int row, int vector);
/* A value has been stored. */
void emit_known_store(const emit_nest *s, const emit_access *a, int row, int vector,
                      LLVMValueRef value);
/* A nest begins. */
void emit_known_begin(const emit_nest *s);

#endif
