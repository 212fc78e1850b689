/* One function of an object under construction (aot_emit.c), and where everything is that a call
 * works with (aot_layout.c). */
#ifndef EDDY_JIT_AOT_FRAME_H
#define EDDY_JIT_AOT_FRAME_H

#include "jit/aot_internal.h"
#include "jit/emit_internal.h"

/* The product of the extents of some axes, each taken as at least 1. */
typedef struct aot_product {
    int count;
    int axes[LIMIT_AXES + LIMIT_RANK]; /* sorted */
    LLVMValueRef value;
} aot_product;

typedef struct aot_frame {
    emit *e;
    aot *a;
    LLVMValueRef function;
    LLVMValueRef extents[PLAN_EXTENTS]; /* one block is all */
    LLVMValueRef groups[AOT_GROUPS];    /* pointers to structs; NULL: there is none */
    LLVMValueRef memory, memory_bytes;
    LLVMValueRef prepared; /* what the caller keeps; NULL: the call makes it */
    LLVMValueRef team;     /* of threads that share the call; NULL: it takes none */
    LLVMValueRef thread, threads, own_context; /* of a team; set by aot_team.c */
    VEC(aot_product) products;
    /* set by aot_layout: offsets in the arena */
    LLVMValueRef table, counts, context; /* what the program is called with */
    LLVMValueRef *offsets;               /* by plan buffer; NULL: it is not in the arena */
    LLVMValueRef scratch, scratch_bytes; /* what members without elements read */
    LLVMValueRef total;
} aot_frame;

/* A function of an object for several processors, for one of them. */
struct aot_function {
    aot_function *next; /* made before */
    const char *name;   /* behind the object's prefix */
    LLVMValueRef function;
    int prepared; /* the number of that argument; -1: none */
    bool makes;   /* it writes what is prepared */
};

/* ---- aot_multi.c */
/* Is code being made for one of several processors? */
bool aot_is_level(const emit *e);
/* A function that another one will choose; makes: it writes what is prepared. */
void aot_remember(const aot_frame *f, const char *symbol, bool makes);
/* The frame's function is now another one than this. */
void aot_instead(const aot_frame *f, LLVMValueRef before);
/* The functions that choose, and the sizes of the header. */
void aot_multi(emit *e, aot *a);

/* ---- aot_emit.c */
/* Memory so many bytes behind `from`. */
LLVMValueRef aot_at(const emit *e, LLVMValueRef from, LLVMValueRef bytes);
/* If this is so, the function returns these words. */
void aot_refuse(const aot_frame *f, LLVMValueRef condition, const char *words);

/* ---- aot_team.c: in this order, in a function that takes a team */
/* At the function's start. */
void aot_team_context(aot_frame *f);
/* Reads the team; refuses what is wrong with it. */
void aot_team_open(aot_frame *f);
/* What follows is for the first thread; then, for all again. */
LLVMBasicBlockRef aot_team_first(const aot_frame *f);
void aot_team_all(const aot_frame *f, LLVMBasicBlockRef all);
/* The thread's context has what a thread that is alone is told: the rest of it. */
void aot_team_tell(const aot_frame *f);
void aot_team_meet(const aot_frame *f);

/* ---- aot_flush.c: in the place of the function, one that calls it with denormals as zeros */
void aot_flush(aot_frame *f);

/* ---- aot_layout.c */
/* Lays out the arena at the frame's extents. */
void aot_layout(aot_frame *f);
/* i1: is it more than can be addressed? */
LLVMValueRef aot_layout_is_too_large(const aot_frame *f);
/* Lays out the members of a state that are pointers, one behind the other: the offset of each by
 * field, else NULL. Sets total. */
void aot_layout_state(aot_frame *f, LLVMValueRef *offsets);
/* i64: bytes of a buffer, of at least one step of every axis. */
LLVMValueRef aot_layout_bytes(aot_frame *f, const plan_buffer *b);
/* i1: does a member have no elements at these extents? */
LLVMValueRef aot_layout_is_empty(const aot_frame *f, const aot_field *field);

#endif
