/* What the aot*.c files share: the interface of an object, as C code sees it. */
#ifndef EDDY_JIT_AOT_INTERNAL_H
#define EDDY_JIT_AOT_INTERNAL_H

#include "jit/aot.h"
#include "jit/plan.h"

/* The programs of an object. */
typedef enum aot_kind { AOT_MODEL, AOT_TRAIN, AOT_GRADIENT, AOT_KINDS } aot_kind;

/* The structs of the header, in the order of arguments. */
typedef enum aot_group {
    AOT_PARAMETERS,
    AOT_OPTIMISER,
    AOT_INPUTS,
    AOT_OUTPUTS,
    AOT_GRADIENTS, /* a struct of parameters */
    AOT_STATE,
    AOT_GROUPS
} aot_group;

/* A member: by value if its size is known now, else a pointer to memory of the caller's. */
typedef struct aot_field {
    const char *name;       /* the user's */
    const char *identifier; /* unique in its struct */
    int32_t buffer;         /* of the program; -1: it does not need it, another one does */
    dtype type;
    int dimension_count;
    int64_t dimension[LIMIT_AXES + LIMIT_RANK]; /* a number, or OP_EXTENT_OF a run-time axis */
    bool pointer;
    bool empty;          /* no elements at any extents: no member */
    size_t offset;       /* in the struct */
    size_t bytes;        /* of the member */
    const void *weights; /* NULL: not in the object */
} aot_field;

typedef struct aot_struct {
    const char *type;      /* in C: "gru_parameters" */
    VEC(aot_field) fields; /* in the order in which the user made them */
    int members;           /* fields that are not empty; 0: there is no such struct */
    int taken;             /* members that the program needs; 0: its calls do not take the struct */
    size_t bytes;
    bool written; /* by the program */
} aot_struct;

/* What an object says of itself, as the header declares it: text ends with a 0. */
typedef struct aot_information {
    char producer[32], cpu[32];
    uint64_t interface, weights;
} aot_information;

/* What a file of weights begins with; the struct of parameters follows. */
typedef struct aot_head {
    char magic[8];
    uint64_t sum;           /* of what follows this number */
    uint64_t layout, bytes; /* of the struct */
    char room[32];          /* zeros */
} aot_head;

/* A program of an object. */
typedef struct aot aot;
typedef struct aot_function aot_function;
struct aot {
    arena *memory;
    const aot_request *request;
    aot_kind kind;
    aot *first, *next;  /* the object's programs, the model first; NULL: it is the last one */
    const graph *from;  /* as the user made it */
    const char *prefix; /* of its functions: "gru", "gru_train", "gru_gradient" */
    const char *local;  /* the same in the module: "gru", or "gru_v3" ... */
    aot *level; /* ... of an object for several processors: the model for the next of them */
    aot_function *made; /* in that object, of the model: the functions for its processor */
    const char *macro;  /* the prefix of macros */
    const machine *target;
    nest_plan *plan;
    const plan_buffer *buffers; /* of the plan */
    aot_struct groups[AOT_GROUPS];
    char *weights; /* the bytes of such a struct of parameters; NULL: the object has none */
    aot_head head; /* of files of weights; without a sum */
    text file;     /* of weights; empty: there is none */
    aot_information info;
    int axis_count;
    const char *axis[LIMIT_AXES]; /* identifiers of run-time axes; NULL: fixed */
    uint32_t state_axes;          /* run-time axes that the state varies over */
    bool places;                  /* so members of it are pointers */
    bool own_state;               /* it has a type of state, and the functions for it */
    int step_axis;                /* -1: there is no step function ... */
    const char *no_step;          /* ... because */
    int64_t whole_bytes;          /* of the arena, if they are the same at all extents, else -1 */
    int64_t step_bytes;           /* the same at one step */
    int64_t kept_step_bytes;      /* and of a step that finds what is prepared */
    size_t stack;                 /* bytes that a call of any function takes, at most */
    bool keeps;                   /* what is made of parameters alone may be the caller's to keep */
    size_t prepared_bytes;        /* of that */
    size_t *prepared_at;          /* by buffer: where in it; AOT_NOT_PREPARED: it is not */
};

/* "parameters", ...: the struct's name without its prefix, and that of arguments that point to it.
 */
const char *aot_group_name(aot_group group);

/* The dimensions of a member: "[t][3]". */
void aot_dimensions(const aot *a, const aot_field *f, text *out);
/* "float", "double", ... */
const char *aot_c_type(dtype type);

/* ---- aot_interface.c: structs, members and identifiers, when all programs have their plans. false
 * with *problem set. */
bool aot_interface(aot *a, error *problem);
/* The set of axes whose extents a call gives. */
uint32_t aot_run_time_axes(const aot *a);

/* ---- aot_step.c: sets step_axis or no_step. */
void aot_step(aot *a);

/* ---- aot_prepared.c: sets keeps and the layout of what is kept. The step is known. */
#define AOT_NOT_PREPARED SIZE_MAX
void aot_prepared(aot *a);

/* ---- aot_weights.c: sets weights or file, and head */
void aot_weights(aot *a);

/* ---- aot_info.c: sets info. What is prepared is known, and the weights are. */
void aot_info(aot *a);
/* The members of a struct, in words, and a hash of those. */
const char *aot_info_words(const aot *a, aot_group group);
uint64_t aot_info_layout(const aot *a, aot_group group);

/* ---- aot_emit.c: the functions of the header */
typedef struct emit emit;
/* Adds them to a module that has the program already; everything else becomes local. Sets
 * whole_bytes, step_bytes and kept_step_bytes. */
void aot_emit(emit *e, aot *a);
/* Behind it: bytes of stack that a call takes, at most. */
void aot_stack(aot *a, size_t bytes);

/* ---- aot_header.c */
void aot_header(const aot *a, text *out);
/* A struct; nothing if it has no members. */
void aot_header_struct(const aot *a, aot_group group, const char *about, text *out);
/* The declaration of a function of the program. */
typedef struct aot_declaration {
    const char *result, *name; /* "const char *", "step" */
    uint32_t axes, groups;     /* sets: extents, pointers to structs if the program takes them */
    const char *prepared;      /* behind the parameters; NULL: nothing */
    const char *const *memory; /* the last arguments, up to NULL; NULL: none */
} aot_declaration;
void aot_header_function(const aot *a, aot_declaration of, text *out);
/* Functions of the program's own state; nothing if it has none. */
void aot_header_state(const aot *a, text *out);
/* A user's words inside a comment. */
void aot_header_words(const char *words, text *out);
/* A program in C, inside a comment that these words begin. */
void aot_header_example(const aot *a, const char *words, text *out);
/* A call of the program, and the same for a team. */
void aot_header_calls(const aot *a, const char *name, uint32_t axes, uint32_t groups, text *out);

/* ---- aot_example.c: a program that calls this one of the object */
void aot_example(const aot *a, text *out);

/* ---- aot_training.c: the part of the header about training */
void aot_training_header(const aot *train, text *out);

/* ---- aot_manifest.c: the interface as JSON; object and header are files as they are written */
void aot_manifest(const aot *a, const aot_files *made, text *out);

#endif
