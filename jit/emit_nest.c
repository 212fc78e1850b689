/* One nest becomes one function: loops, and every instruction where it belongs.
 *
 * The function is emitted from the outside in. At each depth come, first, the instructions that
 * depend on nothing deeper, in tape order; then the next loop. So an instruction runs inside the
 * loops that it depends on and in no other, and never when one of them has no iterations. Behind
 * the folded loops, at the deepest parallel depth, come the instructions that use a result, and
 * the stores. A range that is cut into segments (tile, vector, remainder) has everything deeper
 * emitted once for each.
 *
 * An instruction has a scalar form, a vector form, or both: indices are scalars (lane 0) whose
 * vector form is made by adding a ramp, and what all lanes share is a scalar whose vector form is a
 * splat. Values from outside the vector loop get their splats just before it, for its width. */
#include <assert.h>
#include <string.h>

#include "jit/emit_internal.h"

static LLVMValueRef *slot(const emit_nest *s, LLVMValueRef *table, nest_ref value, int row,
                          int vector) {
    const emit_fact *f = &s->facts[value];
    int r = f->by_row && f->need >= EMIT_ROWS ? row : 0;
    int v = f->by_lane && f->need == EMIT_ALL ? vector : 0;
    return &table[((size_t)value * (size_t)s->most_rows + (size_t)r) * (size_t)s->most_vectors +
                  (size_t)v];
}

LLVMValueRef emit_scalar_of(const emit_nest *s, nest_ref value, int row, int vector) {
    LLVMValueRef v = *slot(s, s->scalar, value, row, vector);
    assert(v);
    return v;
}

LLVMValueRef emit_wide_of(const emit_nest *s, nest_ref value, int row, int vector) {
    LLVMValueRef v = *slot(s, s->wide, value, row, vector);
    assert(v);
    return v;
}

static LLVMValueRef *state_of(const emit_nest *s, int fold, int row, int vector) {
    return &s->state[(fold * s->most_rows + row) * s->most_vectors + vector];
}

static LLVMValueRef plus_integer(const emit_nest *s, LLVMValueRef value, int64_t number) {
    return emit_plus(s->e, value, emit_integer(s->e, number));
}

/* ---- one copy of one instruction */

LLVMValueRef emit_told(const emit_nest *s, int which) {
    int64_t known;
    if (s->host && s->host->axis == which)
        return s->host->index;
    if (s->host && emit_step_told(s->host, which, &known))
        return emit_integer(s->e, known);
    return emit_number(s->e, LLVMGetParam(s->function, 2), which);
}

static LLVMValueRef range_index(const emit_nest *s, int range, int row, int vector) {
    if (range == s->row_range)
        return plus_integer(s, s->index[range], row);
    if (range == s->vector_range)
        return plus_integer(s, s->index[range], (int64_t)vector * s->width);
    return s->index[range];
}

static LLVMValueRef body_copy(const emit_nest *s, const nest_instruction *in, int row, int vector,
                              int width) {
    LLVMValueRef operands[3] = {NULL, NULL, NULL};
    const nest_ref from[3] = {in->code.a, in->code.b, in->code.c};
    for (int k = 0; k < body_operands((body_op)in->code.op); k++)
        operands[k] = width > 1 ? emit_wide_of(s, from[k], row, vector)
                                : emit_scalar_of(s, from[k], row, vector);
    return emit_body(s->e, s->n, in, operands, width);
}

/* The form that the others are made of: a vector if the lanes differ by more than a ramp. */
static LLVMValueRef copy_of(emit_nest *s, size_t i, int row, int vector, int width) {
    const nest_instruction *in = &s->n->tape.at[i];
    switch ((nest_op)in->op) {
    case NEST_BODY:
        return body_copy(s, in, row, vector, width);
    case NEST_RANGE:
        return range_index(s, in->which, row, vector);
    case NEST_OUTER:
        return emit_told(s, in->which);
    case NEST_COUNT:
        return emit_extent(s, in->which);
    case NEST_GIVEN:
        return emit_operand(s, in->which);
    case NEST_SPAN:
        return emit_told(s, EMIT_BLOCK_FIRST + in->which);
    case NEST_LOAD:
        return emit_memory_load(s, &s->accesses[s->facts[i].access], row, vector);
    case NEST_STORE:
        break;
    case NEST_FOLD:
    case NEST_RESULT:
        return *state_of(s, in->which, row, vector);
    }
    assert(!"a store has no value");
    return NULL;
}

static void widen(emit_nest *s, size_t i, int row, int vector) {
    const emit_fact *f = &s->facts[i];
    LLVMValueRef scalar = emit_scalar_of(s, (nest_ref)i, row, vector);
    LLVMValueRef wide = emit_splat(s->e, scalar, s->width);
    if (f->by_lane)
        wide = emit_plus(s->e, wide, emit_ramp(s->e, f->lane_step, s->width));
    *slot(s, s->wide, (nest_ref)i, row, vector) = wide;
}

static void store_rows(emit_nest *s, const emit_access *a, int from, int to, int vectors) {
    for (int row = from; row < to; row++)
        for (int vector = 0; vector < vectors; vector++)
            emit_memory_store(s, a, row, vector);
}

/* A tile that was moved back has in its first rows a sum that takes in the same steps twice. */
static void emit_store(emit_nest *s, const emit_access *a, int rows, int vectors) {
    LLVMBuilderRef b = s->e->builder;
    int kept = rows > s->kept ? s->kept : 0;
    if (kept > 0) {
        LLVMBasicBlockRef all = LLVMAppendBasicBlockInContext(s->e->context, s->function, "");
        LLVMBasicBlockRef rest = LLVMAppendBasicBlockInContext(s->e->context, s->function, "");
        LLVMBuildCondBr(b, s->moved, rest, all);
        LLVMPositionBuilderAtEnd(b, all);
        store_rows(s, a, 0, kept, vectors);
        LLVMBuildBr(b, rest);
        LLVMPositionBuilderAtEnd(b, rest);
    }
    store_rows(s, a, kept, rows, vectors);
}

static void emit_instruction(emit_nest *s, size_t i) {
    const nest_instruction *in = &s->n->tape.at[i];
    emit_fact *f = &s->facts[i];
    int rows = f->by_row && f->need >= EMIT_ROWS ? s->rows : 1;
    int vectors = f->by_lane && f->need == EMIT_ALL ? s->vectors : 1;
    bool scalar = s->width == 1 || !f->by_lane || f->lane_known;
    if (f->access >= 0)
        emit_memory_advance(s, &s->accesses[f->access], f->depth);
    if (in->op == NEST_STORE) {
        emit_store(s, &s->accesses[f->access], rows, vectors);
        return;
    }
    for (int row = 0; row < rows; row++)
        for (int vector = 0; vector < vectors; vector++) {
            LLVMValueRef value = copy_of(s, i, row, vector, scalar ? 1 : s->width);
            *slot(s, scalar ? s->scalar : s->wide, (nest_ref)i, row, vector) = value;
            if (scalar && f->wide && s->width > 1)
                widen(s, i, row, vector);
        }
}

/* The instructions of one depth, then what they add to the addresses of deeper ones. */
static void emit_depth(emit_nest *s, int depth, bool late) {
    for (size_t i = 0; i < s->n->tape.count; i++) {
        const emit_fact *f = &s->facts[i];
        if (f->need != EMIT_DEAD && f->depth == depth && f->late == late)
            emit_instruction(s, i);
    }
    for (int a = 0; a < s->access_count && !late; a++)
        if (s->facts[s->accesses[a].instruction].depth > depth)
            emit_memory_advance(s, &s->accesses[a], depth);
}

/* ---- loops */

LLVMValueRef emit_index(const emit_nest *s, int range, LLVMValueRef counter) {
    if (!s->n->ranges.at[range].descending)
        return emit_plus(s->e, s->origin[range], counter);
    LLVMValueRef last = plus_integer(s, emit_plus(s->e, s->origin[range], s->counts[range]), -1);
    return LLVMBuildSub(s->e->builder, last, counter, "");
}

/* States in the form that folds carry, in one row of s->state each. */
static int state_count(const emit_nest *s) {
    return s->folds ? (int)s->n->folds.count * s->most_rows * s->most_vectors : 0;
}

static void emit_identities(emit_nest *s) {
    for (int i = 0; i < state_count(s); i++) {
        const nest_fold *f = &s->n->folds.at[i / (s->most_rows * s->most_vectors)];
        s->state[i] = emit_constant(s->e, f->type, f->identity, s->width);
    }
}

/* The states of the current tile, packed; `out` NULL counts them. */
static int pack_states(const emit_nest *s, LLVMValueRef *out) {
    int count = 0;
    for (int f = 0; s->folds && f < (int)s->n->folds.count; f++)
        for (int row = 0; row < s->rows; row++)
            for (int vector = 0; vector < s->vectors; vector++) {
                if (out)
                    out[count] = *state_of(s, f, row, vector);
                count++;
            }
    return count;
}

static void unpack_states(emit_nest *s, const LLVMValueRef *from) {
    int count = 0;
    for (int f = 0; s->folds && f < (int)s->n->folds.count; f++)
        for (int row = 0; row < s->rows; row++)
            for (int vector = 0; vector < s->vectors; vector++)
                *state_of(s, f, row, vector) = from[count++];
}

/* i1: does a block before this one, of steps or of a long fold, rest? NULL: never. */
static LLVMValueRef is_later(const emit_nest *s) {
    LLVMBuilderRef b = s->e->builder;
    if (s->block_range < 0)
        return s->later;
    LLVMValueRef zero = emit_integer(s->e, 0);
    LLVMValueRef later = LLVMBuildICmp(b, LLVMIntNE, s->first[s->block_range], zero, "");
    return s->later ? LLVMBuildOr(b, later, s->later, "") : later;
}

/* Blocks but the first go on where the one before stopped. One branch around the loads, not a
 * choice for each of them: that is less to compile. */
static void emit_resumption(emit_nest *s) {
    const emit *e = s->e;
    LLVMBuilderRef b = e->builder;
    LLVMValueRef later = is_later(s);
    if (!later)
        return;
    for (size_t f = 0; f < s->n->folds.count; f++)
        emit_memory_advance(s, &s->accesses[s->facts[s->rest[f]].access], s->parallel);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef resume = LLVMAppendBasicBlockInContext(e->context, s->function, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, s->function, "");
    LLVMBuildCondBr(b, later, resume, after);
    LLVMPositionBuilderAtEnd(b, resume);
    int count = pack_states(s, NULL), each = s->rows * s->vectors;
    LLVMValueRef *states = arena_array(e->memory, LLVMValueRef, count + 1);
    LLVMValueRef *saved = arena_array(e->memory, LLVMValueRef, count + 1);
    pack_states(s, states);
    for (int i = 0; i < count; i++) {
        const emit_access *a = &s->accesses[s->facts[s->rest[i / each]].access];
        saved[i] = emit_memory_load(s, a, i % each / s->vectors, i % s->vectors);
    }
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, after);
    for (int i = 0; i < count; i++) {
        LLVMValueRef phi = LLVMBuildPhi(b, LLVMTypeOf(saved[i]), "");
        LLVMAddIncoming(phi, &states[i], &before, 1);
        LLVMAddIncoming(phi, &saved[i], &resume, 1);
        states[i] = phi;
    }
    unpack_states(s, states);
}

/* After one step: the next states. */
static void take_next_states(emit_nest *s) {
    for (int f = 0; s->folds && f < (int)s->n->folds.count; f++)
        for (int row = 0; row < s->rows; row++)
            for (int vector = 0; vector < s->vectors; vector++) {
                nest_ref next = s->n->folds.at[f].next;
                *state_of(s, f, row, vector) = s->width > 1 ? emit_wide_of(s, next, row, vector)
                                                            : emit_scalar_of(s, next, row, vector);
            }
}

/* Steps of the innermost folded range at depth `depth`, from one number on, so many at a time. */
static void emit_some_steps(emit_nest *s, int depth, LLVMValueRef from, LLVMValueRef to,
                            int together) {
    const emit *e = s->e;
    int range = s->order[depth - 1], count = pack_states(s, NULL);
    LLVMValueRef *states = arena_array(e->memory, LLVMValueRef, count + 1);
    emit_loop loop;
    pack_states(s, states);
    emit_loop_open(e, s->function, &loop, from, to, emit_integer(e, together), states, count);
    unpack_states(s, states);
    for (int step = 0; step < together; step++) {
        s->step = together > 1 ? step : -1;
        s->index[range] = emit_index(s, range, emit_plus(e, loop.counter, emit_integer(e, step)));
        emit_depth(s, depth, false);
        take_next_states(s);
    }
    s->step = -1;
    pack_states(s, states);
    emit_loop_close(e, &loop, states);
    unpack_states(s, states);
}

/* Squares, then what is left of the steps. */
static void emit_squares(emit_nest *s, int depth) {
    int range = s->order[depth - 1];
    int64_t count = s->n->ranges.at[range].count, whole = count - count % s->most_width;
    LLVMValueRef end = emit_integer(s->e, whole);
    emit_some_steps(s, depth, emit_integer(s->e, 0), end, s->most_width);
    if (whole < count)
        emit_some_steps(s, depth, end, emit_integer(s->e, count), 1);
}

/* Ranges whose end is known at this depth end there. */
static void end_early(emit_nest *s, int depth) {
    for (int r = 0; r < s->loops; r++) {
        nest_ref end = s->n->ranges.at[r].end - 1;
        if ((s->early >> r & 1) == 0 || s->facts[end].depth != depth)
            continue;
        LLVMValueRef value = emit_scalar_of(s, end, 0, 0);
        s->limit[r] = emit_pick(s->e, LLVMIntSLT, value, s->limit[r]);
        s->limit[r] = emit_pick(s->e, LLVMIntSGT, s->limit[r], s->first[r]);
    }
}

/* The folded loops, all of them; their nesting is kept on an explicit stack of loops. */
static void emit_folded(emit_nest *s) {
    const emit *e = s->e;
    bool squares = s->squares && s->width == s->most_width;
    int folded = s->loops - s->parallel - squares, count = pack_states(s, NULL);
    emit_loop *loops = arena_array(e->memory, emit_loop, folded + 1);
    LLVMValueRef *states = arena_array(e->memory, LLVMValueRef, count + 1);
    LLVMValueRef *limits = arena_array(e->memory, LLVMValueRef, s->loops + 1);
    memcpy(limits, s->limit, sizeof *limits * (size_t)s->loops);
    for (int d = 0; d < folded; d++) {
        int range = s->order[s->parallel + d];
        pack_states(s, states);
        emit_loop_open(e, s->function, &loops[d], s->first[range], s->limit[range],
                       emit_integer(e, 1), states, count);
        unpack_states(s, states);
        s->index[range] = emit_index(s, range, loops[d].counter);
        emit_depth(s, s->parallel + d + 1, false);
        end_early(s, s->parallel + d + 1);
    }
    if (squares)
        emit_squares(s, s->loops);
    else
        take_next_states(s);
    for (int d = folded; d-- > 0;) {
        pack_states(s, states);
        emit_loop_close(e, &loops[d], states);
        unpack_states(s, states);
    }
    memcpy(s->limit, limits, sizeof *limits * (size_t)s->loops);
}

/* The vector forms, for this segment's width, of values from outside the vector loop. */
static void widen_outer(emit_nest *s, int depth) {
    for (size_t i = 0; s->width > 1 && i < s->n->tape.count; i++) {
        const emit_fact *f = &s->facts[i];
        if (f->need == EMIT_DEAD || !f->wide || f->by_lane || f->depth > depth || f->late)
            continue;
        int rows = f->by_row && f->need >= EMIT_ROWS ? s->rows : 1;
        for (int row = 0; row < rows; row++)
            widen(s, i, row, 0);
    }
}

static void emit_inside(emit_nest *s, int depth);
static void emit_blocks(emit_nest *s, int depth);

/* On every other turn of the enclosing loop panels are read from the last to the first. */
static LLVMValueRef turned(const emit_nest *s, const emit_segment *part, LLVMValueRef counter,
                           LLVMValueRef span) {
    LLVMBuilderRef b = s->e->builder;
    LLVMValueRef turn = emit_told(s, s->n->loops[s->n->loop_count - 1]);
    LLVMValueRef odd = LLVMBuildTrunc(b, turn, LLVMInt1TypeInContext(s->e->context), "");
    LLVMValueRef ends = emit_plus(s->e, part->start, part->end);
    LLVMValueRef back = LLVMBuildSub(b, LLVMBuildSub(b, ends, span, ""), counter, "");
    return LLVMBuildSelect(b, odd, back, counter, "");
}

static void emit_some(emit_nest *s, int depth) {
    const emit *e = s->e;
    int range = s->order[depth];
    emit_segment segments[EMIT_SEGMENTS];
    int count = emit_segments(s, range, segments);
    for (int k = 0; k < count; k++) {
        const emit_segment *part = &segments[k];
        LLVMValueRef span = emit_integer(e, (int64_t)part->width * part->copies);
        if (range == s->vector_range) {
            s->width = part->width;
            s->lanes = part->lanes > 0 ? part->lanes : part->width;
            s->vectors = part->copies;
            widen_outer(s, depth);
        } else if (range == s->row_range) {
            s->rows = part->copies;
        }
        emit_loop loop;
        emit_loop_open(e, s->function, &loop, part->start, part->end, span, NULL, 0);
        LLVMValueRef counter = loop.counter;
        if (part->overlap)
            counter =
                emit_pick(e, LLVMIntSLT, counter, LLVMBuildSub(e->builder, part->end, span, ""));
        if (part->kept > 0) {
            s->kept = part->kept;
            s->moved = LLVMBuildICmp(e->builder, LLVMIntNE, counter, loop.counter, "");
        }
        if (s->turns && depth == 0 && loop.body && !part->overlap && part->lanes == 0)
            counter = turned(s, part, counter, span);
        s->index[range] = emit_index(s, range, counter);
        emit_inside(s, depth + 1);
        emit_loop_close(e, &loop, NULL);
    }
    if (range == s->row_range)
        s->kept = 0;
    if (range == s->vector_range)
        s->width = s->lanes = s->vectors = 1;
    else if (range == s->row_range)
        s->rows = 1;
}

/* The last panel by itself, if it is narrower than the others. */
static void emit_range(emit_nest *s, int depth) {
    const emit *e = s->e;
    int range = s->order[depth], vector = s->vector_range;
    const nest_range *columns = vector < 0 ? NULL : &s->n->ranges.at[vector];
    if (!columns || columns->panels - 1 != range) {
        emit_some(s, depth);
        return;
    }
    LLVMValueRef first = s->first[range], limit = s->limit[range];
    LLVMValueRef whole = s->counts[vector], end = s->limit[vector];
    LLVMValueRef last = emit_integer(e, s->n->ranges.at[range].count - 1);
    s->limit[range] = emit_pick(e, LLVMIntSLT, limit, last);
    emit_some(s, depth);
    s->first[range] = emit_pick(e, LLVMIntSGT, first, last);
    s->limit[range] = limit;
    s->counts[vector] = s->limit[vector] = emit_integer(e, columns->last);
    s->in_last = true;
    emit_some(s, depth);
    s->in_last = false;
    s->first[range] = first;
    s->counts[vector] = whole;
    s->limit[vector] = end;
}

/* Everything inside the first `depth` parallel loops. Recursion: one level per parallel range. */
static void emit_inside(emit_nest *s, int depth) {
    if (depth == s->parallel)
        emit_identities(s);
    emit_depth(s, depth, false);
    LLVMValueRef *limits = arena_array(s->e->memory, LLVMValueRef, s->loops + 1);
    memcpy(limits, s->limit, sizeof *limits * (size_t)s->loops);
    end_early(s, depth);
    if (depth < s->parallel)
        emit_blocks(s, depth);
    if (depth == s->parallel && s->folds) {
        emit_resumption(s);
        emit_folded(s);
    }
    if (depth == s->parallel)
        emit_depth(s, depth, true);
    memcpy(s->limit, limits, sizeof *limits * (size_t)s->loops);
}

static void emit_blocks(emit_nest *s, int depth) {
    bool panels = s->row_range >= 0 && depth == s->panel_depth;
    bool by_rows = s->row_blocks && depth == 0, by_steps = s->block_range >= 0 && depth == 0;
    emit_block rows, many, steps;
    if (by_rows)
        emit_block_open(s, s->row_range, s->row_step, &rows);
    if (by_steps)
        emit_block_open(s, s->block_range, s->fold_many, &many);
    if (panels && s->block_range >= 0)
        emit_block_open(s, s->block_range, s->fold_step, &steps);
    if (panels)
        emit_panel_copy(s);
    emit_range(s, depth);
    if (panels && s->block_range >= 0)
        emit_block_close(s, &steps);
    if (by_steps)
        emit_block_close(s, &many);
    if (by_rows)
        emit_block_close(s, &rows);
}

static void emit_counts(emit_nest *s) {
    const emit *e = s->e;
    s->counts = arena_array(e->memory, LLVMValueRef, s->loops + 1);
    s->origin = arena_array(e->memory, LLVMValueRef, s->loops + 1);
    s->first = arena_array(e->memory, LLVMValueRef, s->loops + 1);
    s->limit = arena_array(e->memory, LLVMValueRef, s->loops + 1);
    for (int r = 0; r < s->loops; r++) {
        const nest_range *range = &s->n->ranges.at[r];
        s->origin[r] = s->first[r] = emit_integer(e, 0);
        if (range->block) {
            s->origin[r] = emit_told(s, EMIT_BLOCK_FIRST);
            LLVMValueRef end = emit_told(s, EMIT_BLOCK_END);
            s->counts[r] = LLVMBuildSub(e->builder, end, s->origin[r], "");
        } else if (range->given > 0) {
            s->counts[r] = emit_operand(s, range->given - 1);
        } else if (range->count >= 0) {
            s->counts[r] = emit_integer(e, range->count);
        } else {
            s->counts[r] = emit_extent(s, (int)(-1 - range->count));
        }
        s->limit[r] = s->counts[r];
    }
    if (!s->host && s->folds && s->n->folds.at[0].rested >= 0)
        s->later = LLVMBuildICmp(e->builder, LLVMIntEQ, emit_told(s, EMIT_BLOCK_FRESH),
                                 emit_integer(e, 0), "");
}

static emit_nest *nest_new(emit *e, const nest *n) {
    emit_nest *s = arena_new(e->memory, emit_nest);
    s->e = e;
    s->n = n;
    emit_facts(s);
    size_t copies = n->tape.count * (size_t)s->most_rows * (size_t)s->most_vectors;
    s->scalar = arena_array(e->memory, LLVMValueRef, copies + 1);
    s->wide = arena_array(e->memory, LLVMValueRef, copies + 1);
    s->width = s->lanes = s->vectors = s->rows = 1;
    s->step = -1;
    s->state = arena_array(e->memory, LLVMValueRef, state_count(s) + 1);
    s->index = arena_array(e->memory, LLVMValueRef, s->loops + 1);
    return s;
}

static void emit_all(emit_nest *s) {
    emit_counts(s);
    if (!s->host)
        emit_split(s);
    emit_together(s);
    emit_block_sizes(s);
    emit_memory_start(s);
    emit_panel_start(s);
    emit_inside(s, 0);
}

LLVMValueRef emit_kernel(emit *e, const nest *n, const char *symbol) {
    emit_nest *s = nest_new(e, n);
    s->function = emit_function(e, e->kernel_type, symbol, n->name);
    emit_all(s);
    LLVMBuildRetVoid(e->builder);
    return s->function;
}

void emit_inline(emit *e, const nest *n, emit_host *host) {
    emit_nest *s = nest_new(e, n);
    s->function = host->function;
    s->host = host;
    emit_known_begin(s);
    emit_all(s);
}
