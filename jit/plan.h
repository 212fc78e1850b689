/* Where the values of a program live: sizes as formulas in the extents, which of them take turns in
 * the same memory, and offsets in one arena. */
#ifndef EDDY_JIT_PLAN_H
#define EDDY_JIT_PLAN_H

#include "core/sanitize.h"
#include "jit/lifetime.h"
#include "jit/nest.h"

/* Behind the extents of the axes stand those of NEST_BLOCK and NEST_CHECKPOINTS. */
enum { PLAN_EXTENTS = LIMIT_AXES + 2 };

/* What a program keeps of a plan's buffer: constant * product of the extents of axes elements. */
typedef struct plan_buffer {
    const char *name;
    nest_storage storage;
    dtype type;
    size_t constant; /* SIZE_MAX: more than any machine can address */
    bool empty;      /* a fixed extent is 0; the constant counts it as 1 */
    int axis_count;
    int axes[LIMIT_AXES + LIMIT_RANK]; /* an axis may come twice (after stack); or those two */
    bool unused;                       /* no nest touches it: it has no memory */
    lifetime live;
    const struct plan_buffer *host; /* it begins where this buffer does; NULL: memory of its own */
} plan_buffer;

enum {
    PLAN_ALIGNMENT = 64,
    PLAN_PAGE = 4096,                                 /* of guarded arenas */
    PLAN_ZONE = SANITIZE_POISONS ? PLAN_ALIGNMENT : 0 /* between buffers: nobody may touch it */
};

/* Where a buffer is in the arena; bytes 0: it is elsewhere (bound by the caller, or a constant). */
typedef struct plan_place {
    size_t offset, bytes;
} plan_place;

typedef struct plan_layout {
    size_t bytes;       /* of the whole arena */
    plan_place scratch; /* zeros: where every buffer without elements points to */
} plan_layout;

/* The formula of a buffer. fixed_extents: by axis number, -1 where the extent is a run-time number;
 * those that are known become part of the constant. The name is kept, not copied. */
void plan_buffer_of(const nest_buffer *b, const int64_t *fixed_extents, plan_buffer *out);
/* The formulas of all buffers of a plan (out: one each); of which ARENA buffers only a block's
 * steps are kept, which the plan's buffers are told; and which share memory: only if at no time
 * both are needed, and the host is at least as large at all extents. Takes scratch from `memory`.
 */
void plan_make(nest_plan *plan, const int64_t *fixed_extents, arena *memory, plan_buffer *out);
/* The buffers in memory with lifetimes and hosts, and the size of the arena as a formula. */
void plan_print(const nest_plan *plan, const plan_buffer *buffers, text *out);
/* Number of elements at these extents (PLAN_EXTENTS numbers); extents of 0 count as `least`. false
 * on overflow. */
bool plan_elements(const plan_buffer *b, const int64_t *extents, size_t least, size_t *out);
/* Places ARENA and OUTPUT buffers that have elements and no host one behind the other, and the
 * others where their hosts are; places[] by buffer. guarded: every buffer in pages of its own,
 * flush with their end, with a page between, hosts or not. false on overflow; *at is then the
 * buffer that is too large. */
bool plan_lay_out(const plan_buffer *buffers, size_t count, const int64_t *extents, bool guarded,
                  plan_place *places, plan_layout *out, size_t *at);

#endif
