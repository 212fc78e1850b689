/* What program.c and run.c share: the inside of a compiled program. */
#ifndef EDDY_JIT_PROGRAM_INTERNAL_H
#define EDDY_JIT_PROGRAM_INTERNAL_H

#include "jit/cost.h"
#include "jit/plan.h"
#include "jit/program.h"
#include "jit/watch.h"

typedef struct program_axis {
    const char *name;
    int64_t extent; /* fixed, or -1 */
} program_axis;

/* An input that holds the lengths of an axis. */
typedef struct program_lengths {
    int axis, slot;
} program_lengths;

struct program {
    const allocator *source;
    arena memory; /* everything below; nothing in it points into the graph or the plan */
    plan_buffer *buffers;
    size_t buffer_count;
    program_slot *slots;
    int32_t *buffer_of_slot;
    int slot_count;
    program_axis *axes;
    int axis_count;
    int block_axis;           /* -1: none */
    int32_t checkpoint_steps; /* of a block, at least; 0: there are no checkpoints */
    program_lengths *lengths;
    int lengths_count;
    cost_table cost;
    watch_table watch; /* without nests, if the program is not watched */
    emit_object object;
    engine *code;
    engine_entry entry;
    program_stats stats;
    arena scratch; /* of compilation; empty afterwards */
};

#endif
