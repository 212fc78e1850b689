/* Loops in LLVM IR, and how a range is cut into them.
 *
 * A loop tests its guard once, before its first iteration, and its end behind each; with limits
 * that are known the guard, or the whole loop, goes away. Values that change from iteration to
 * iteration are phis. A tiled range becomes several loops, widest first; when iterations may be
 * repeated the last tile is moved back over the one before it, so that a remainder costs one more
 * tile and no more code.
 *
 * The code generator would look for better ways to step through the addresses of every loop, at a
 * quarter of all compile time (measured), though they are sums already whose parts stand where they
 * become known. It looks at what it can follow back to a counter. So a counter becomes the next one
 * through a freeze, which changes nothing and cannot be seen through: there is no counter that it
 * could know. */
#include "jit/emit_internal.h"

static LLVMBasicBlockRef new_block(const emit *e, LLVMValueRef function) {
    return LLVMAppendBasicBlockInContext(e->context, function, "");
}

static LLVMValueRef phi_of(const emit *e, LLVMValueRef value, LLVMBasicBlockRef from) {
    LLVMValueRef phi = LLVMBuildPhi(e->builder, LLVMTypeOf(value), "");
    LLVMAddIncoming(phi, &value, &from, 1);
    return phi;
}

void emit_loop_open(const emit *e, LLVMValueRef function, emit_loop *loop, LLVMValueRef start,
                    LLVMValueRef end, LLVMValueRef step, LLVMValueRef *carried, int count) {
    LLVMBuilderRef b = e->builder;
    int64_t first = 0, limit = 0, stride = 0;
    bool known = emit_is_integer(start, &first) && emit_is_integer(end, &limit) &&
                 emit_is_integer(step, &stride);
    *loop = (emit_loop){.start = start, .end = end, .step = step, .count = count};
    loop->counter = start;
    if (known && first < limit && limit - first <= stride)
        return;
    loop->before = LLVMGetInsertBlock(b);
    loop->body = new_block(e, function);
    loop->after = new_block(e, function);
    if (known && first < limit)
        LLVMBuildBr(b, loop->body);
    else
        LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntSLT, start, end, ""), loop->body, loop->after);
    LLVMPositionBuilderAtEnd(b, loop->body);
    loop->counter = phi_of(e, start, loop->before);
    loop->initial = arena_array(e->memory, LLVMValueRef, count + 1);
    loop->carried = arena_array(e->memory, LLVMValueRef, count + 1);
    for (int i = 0; i < count; i++) {
        loop->initial[i] = carried[i];
        carried[i] = loop->carried[i] = phi_of(e, carried[i], loop->before);
    }
}

void emit_loop_close(const emit *e, emit_loop *loop, LLVMValueRef *carried) {
    LLVMBuilderRef b = e->builder;
    if (!loop->body)
        return;
    LLVMBasicBlockRef last = LLVMGetInsertBlock(b);
    LLVMValueRef sum = LLVMBuildAdd(b, loop->counter, loop->step, "");
    LLVMValueRef next = LLVMBuildFreeze(b, sum, "");
    LLVMAddIncoming(loop->counter, &next, &last, 1);
    for (int i = 0; i < loop->count; i++)
        LLVMAddIncoming(loop->carried[i], &carried[i], &last, 1);
    LLVMValueRef again = LLVMBuildICmp(b, LLVMIntSLT, next, loop->end, "");
    LLVMBuildCondBr(b, again, loop->body, loop->after);
    LLVMValueRef jump = LLVMGetBasicBlockTerminator(loop->before);
    bool guarded = LLVMIsConditional(jump);
    LLVMPositionBuilderAtEnd(b, loop->after);
    for (int i = 0; i < loop->count; i++) {
        LLVMValueRef out = phi_of(e, carried[i], last);
        if (guarded)
            LLVMAddIncoming(out, &loop->initial[i], &loop->before, 1);
        carried[i] = out;
    }
}

/* ---- segments */

static LLVMValueRef multiple_below(const emit *e, LLVMValueRef count, int64_t of) {
    LLVMValueRef rest = emit_remainder(e, count, emit_integer(e, of));
    return LLVMBuildSub(e->builder, count, rest, "");
}

/* The last multiple of `of` from `from` on that is not beyond `limit`. */
static LLVMValueRef whole_end(const emit *e, LLVMValueRef from, LLVMValueRef limit, int64_t of) {
    LLVMValueRef count = LLVMBuildSub(e->builder, limit, from, "");
    return emit_plus(e, from, multiple_below(e, count, of));
}

/* `end` if start .. end has at least `least` iterations (or fewer, if not wanted), else `start`. */
static LLVMValueRef end_if(const emit *e, LLVMValueRef start, LLVMValueRef end, bool wanted,
                           int64_t least) {
    LLVMValueRef count = LLVMBuildSub(e->builder, end, start, "");
    LLVMIntPredicate when = wanted ? LLVMIntSGE : LLVMIntSLT;
    LLVMValueRef holds = LLVMBuildICmp(e->builder, when, count, emit_integer(e, least), "");
    return LLVMBuildSelect(e->builder, holds, end, start, "");
}

/* A segment that is not empty, where that is known. */
static int add(emit_segment *out, int count, emit_segment segment) {
    int64_t start, end;
    if (emit_is_integer(segment.start, &start) && emit_is_integer(segment.end, &end) &&
        start >= end)
        return count;
    out[count] = segment;
    return count + 1;
}

/* The end of the large tiles. One less of them, and the small ones come out even. */
static LLVMValueRef large_end(const emit *e, LLVMValueRef first, LLVMValueRef limit, int rows,
                              int few, bool repeatable) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef whole = whole_end(e, first, limit, rows);
    int least = 0; /* set of remainders */
    for (int rest = 0; rest < rows; rest++) {
        int cost[2];
        for (int less = 0; less < 2; less++) {
            int left = rest + less * rows, fours = left / few, ones = left % few;
            cost[less] = repeatable ? (left + few - 1) / few * few : fours * few + ones * few / 2;
            cost[less] -= less * rows;
        }
        least |= (cost[1] < cost[0]) << rest;
    }
    if (least == 0)
        return whole;
    LLVMValueRef rest = LLVMBuildSub(b, limit, whole, "");
    LLVMValueRef set = LLVMBuildLShr(b, emit_integer(e, least), rest, "");
    LLVMValueRef one = LLVMBuildAnd(b, set, emit_integer(e, 1), "");
    LLVMValueRef less = LLVMBuildSub(b, whole, emit_times(e, one, emit_integer(e, rows)), "");
    LLVMValueRef fits = LLVMBuildICmp(b, LLVMIntSGE, less, first, "");
    return LLVMBuildSelect(b, fits, less, whole, "");
}

/* Large tiles, then small ones for the rest, of which the last may do again what was done already;
 * too few rows for a small tile go one by one. */
static int repeatable_rows(const emit_nest *s, LLVMValueRef first, LLVMValueRef limit,
                           emit_segment *out) {
    const emit *e = s->e;
    int rows = s->most_rows, few = s->few_rows, n = 0;
    LLVMValueRef whole = rows > few ? large_end(e, first, limit, rows, few, true) : first;
    if (rows > few)
        n = add(out, n, (emit_segment){first, whole, 1, rows, false, 0, 0});
    LLVMValueRef count = LLVMBuildSub(e->builder, limit, first, "");
    LLVMValueRef tiled = LLVMBuildICmp(e->builder, LLVMIntSGE, count, emit_integer(e, few), "");
    LLVMValueRef end = LLVMBuildSelect(e->builder, tiled, limit, whole, "");
    n = add(out, n, (emit_segment){whole, end, 1, few, true, 0, 0});
    LLVMValueRef single = LLVMBuildSelect(e->builder, tiled, first, limit, "");
    return add(out, n, (emit_segment){first, single, 1, 1, false, 0, 0});
}

static int row_segments(emit_nest *s, emit_segment *out) {
    const emit *e = s->e;
    LLVMValueRef first = s->first[s->row_range], limit = s->limit[s->row_range];
    int64_t known;
    int rows = s->most_rows, n = 0;
    bool constant = emit_is_integer(s->counts[s->row_range], &known);
    if (rows == 1 || (constant && known % rows == 0))
        return add(out, n, (emit_segment){first, limit, 1, rows, false, 0, 0});
    if (constant && s->repeatable) /* never fewer than the tile has */
        return add(out, n, (emit_segment){first, limit, 1, rows, true, 0, 0});
    if (s->repeatable)
        return repeatable_rows(s, first, limit, out);
    if (constant && s->block_range >= 0) {
        int kept = rows - (int)(known % rows);
        return add(out, n, (emit_segment){first, limit, 1, rows, true, 0, kept});
    }
    if (!constant && rows > s->few_rows) {
        LLVMValueRef large = large_end(e, first, limit, rows, s->few_rows, false);
        n = add(out, n, (emit_segment){first, large, 1, rows, false, 0, 0});
        LLVMValueRef small = whole_end(e, large, limit, s->few_rows);
        n = add(out, n, (emit_segment){large, small, 1, s->few_rows, false, 0, 0});
        return add(out, n, (emit_segment){small, limit, 1, 1, false, 0, 0});
    }
    LLVMValueRef whole = whole_end(e, first, limit, rows);
    n = add(out, n, (emit_segment){first, whole, 1, rows, false, 0, 0});
    int rest = constant ? (int)(known % rows) : 1; /* blocks are whole tiles, but the last */
    return add(out, n, (emit_segment){whole, limit, 1, rest, false, 0, 0});
}

/* Iterations of a range; -1: only a run knows. */
static int64_t known_count(const emit_nest *s, int range) {
    const nest_range *r = &s->n->ranges.at[range];
    if (range == s->vector_range && s->in_last)
        return r->last;
    return r->block || r->given > 0 || r->count < 0 ? -1 : r->count;
}

/* A known number of elements in vectors that may overlap are cut into tiles of about equal size:
 * vectors of one, or 0 if there are too few elements for that. */
static int64_t even_vectors(const emit_nest *s) {
    int64_t known = known_count(s, s->vector_range), width = s->most_width;
    if (!s->repeatable || known < width * s->most_vectors)
        return 0;
    int64_t vectors = (known + width - 1) / width;
    int64_t tiles = (vectors + s->most_vectors - 1) / s->most_vectors;
    return (vectors + tiles - 1) / tiles;
}

int64_t emit_vector_span(const emit_nest *s) {
    int64_t even = even_vectors(s);
    return s->most_width * (even > 0 ? even : s->most_vectors);
}

/* Whole tiles, then one whose vectors may overlap those before it: they are this thread's too. If
 * it has as many vectors as the others, or as many may be done, it is the same code. */
static int repeatable_vectors(const emit_nest *s, emit_segment *out) {
    const emit *e = s->e;
    LLVMValueRef first = s->first[s->vector_range], limit = s->limit[s->vector_range];
    int width = s->most_width, copies = (int)even_vectors(s);
    int64_t known = 0, span = (int64_t)width * copies;
    emit_is_integer(s->counts[s->vector_range], &known);
    int64_t whole = known / span * span, last = (known - whole + width - 1) / width;
    if (last > 0 && (last == copies || !s->n->heavy))
        return add(out, 0, (emit_segment){first, limit, width, copies, true, 0, 0});
    LLVMValueRef end = emit_pick(e, LLVMIntSLT, limit, emit_integer(e, whole));
    int n = add(out, 0, (emit_segment){first, end, width, copies, false, 0, 0});
    if (last == 0)
        return n;
    LLVMValueRef start = emit_integer(e, known - last * width);
    LLVMValueRef mine = LLVMBuildICmp(e->builder, LLVMIntSGT, limit, emit_integer(e, whole), "");
    LLVMValueRef till = LLVMBuildSelect(e->builder, mine, emit_integer(e, known), start, "");
    return add(out, n, (emit_segment){start, till, width, (int)last, false, 0, 0});
}

/* A known number of elements: tiles, then vectors, then one of which only some lanes count, or that
 * is as narrow as what is left. A thread's part begins with a whole tile, and only the last one's
 * ends with anything else. */
static int known_vectors(const emit_nest *s, int64_t known, emit_segment *out) {
    const emit *e = s->e;
    LLVMValueRef first = s->first[s->vector_range], limit = s->limit[s->vector_range];
    int64_t tile = emit_vector_span(s), at = known / tile * tile;
    int width = s->most_width, n = 0;
    LLVMValueRef end = at == known ? limit : emit_pick(e, LLVMIntSLT, limit, emit_integer(e, at));
    if (at > 0)
        n = add(out, n, (emit_segment){first, end, width, s->most_vectors, false, 0, 0});
    LLVMValueRef mine = LLVMBuildICmp(e->builder, LLVMIntSGT, limit, emit_integer(e, at), "");
    while (at < known) {
        int64_t left = known - at;
        int lanes = left < width ? (int)left : width, whole = s->maskable ? width : lanes;
        LLVMValueRef from = emit_integer(e, at), to = emit_integer(e, at += left / lanes * lanes);
        to = LLVMBuildSelect(e->builder, mine, to, from, "");
        n = add(out, n, (emit_segment){from, to, whole, 1, false, lanes, 0});
    }
    return n;
}

/* A number that only a run knows. */
static int counted_vectors(const emit_nest *s, emit_segment *out) {
    const emit *e = s->e;
    LLVMValueRef first = s->first[s->vector_range], limit = s->limit[s->vector_range];
    LLVMValueRef done = first;
    int width = s->most_width, n = 0;
    if (s->most_vectors > 1) {
        LLVMValueRef whole = whole_end(e, done, limit, (int64_t)width * s->most_vectors);
        n = add(out, n, (emit_segment){done, whole, width, s->most_vectors, false, 0, 0});
        done = whole;
    }
    if (width > 1 && s->repeatable) {
        LLVMValueRef end = end_if(e, first, limit, true, width);
        n = add(out, n, (emit_segment){done, end, width, 1, true, 0, 0});
        LLVMValueRef rest = end_if(e, first, limit, false, width);
        while (s->narrows && (width /= 2) >= EMIT_LEAST_LANES) {
            end = end_if(e, first, rest, true, width);
            n = add(out, n, (emit_segment){first, end, width, 1, true, 0, 0});
            rest = end_if(e, first, rest, false, width);
        }
        return add(out, n, (emit_segment){first, rest, 1, 1, false, 0, 0});
    }
    LLVMValueRef whole = whole_end(e, done, limit, width);
    n = add(out, n, (emit_segment){done, whole, width, 1, false, 0, 0});
    return width > 1 ? add(out, n, (emit_segment){whole, limit, 1, 1, false, 0, 0}) : n;
}

static int vector_segments(const emit_nest *s, emit_segment *out) {
    int64_t known;
    if (even_vectors(s) > 0)
        return repeatable_vectors(s, out);
    if (emit_is_integer(s->counts[s->vector_range], &known))
        return known_vectors(s, known, out);
    return counted_vectors(s, out);
}

int emit_segments(emit_nest *s, int range, emit_segment out[EMIT_SEGMENTS]) {
    if (range == s->row_range)
        return row_segments(s, out);
    if (range == s->vector_range)
        return vector_segments(s, out);
    return add(out, 0, (emit_segment){s->first[range], s->limit[range], 1, 1, false, 0, 0});
}

/* ---- how much code that is */

static int row_copies(const emit_nest *s, int out[EMIT_SEGMENTS]) {
    int64_t known = known_count(s, s->row_range);
    int n = 0, rows = s->most_rows;
    out[n++] = rows;
    bool moves = s->repeatable || s->block_range >= 0;
    if (rows == 1 || (known >= 0 && (moves || known % rows == 0)))
        return n;
    if (known < 0 && rows > s->few_rows)
        out[n++] = s->few_rows;
    out[n++] = known < 0 ? 1 : (int)(known % rows);
    return n;
}

static int vector_copies(const emit_nest *s, int out[EMIT_SEGMENTS]) {
    int64_t known = known_count(s, s->vector_range), span = emit_vector_span(s);
    int64_t width = s->most_width, even = even_vectors(s);
    int n = 0;
    if (even > 0) {
        int64_t last = (known % span + width - 1) / width;
        out[n++] = (int)even;
        if (last > 0 && last < even && s->n->heavy)
            out[n++] = (int)last;
        return n;
    }
    if (known < 0 ? s->most_vectors > 1 : known >= span)
        out[n++] = s->most_vectors;
    if (known < 0 || known % span >= width)
        out[n++] = 1;
    if (width > 1 && (known < 0 || known % width > 0))
        out[n++] = 1;
    return n;
}

int emit_copies(const emit_nest *s, int range, int out[EMIT_SEGMENTS]) {
    if (range >= 0 && range == s->row_range)
        return row_copies(s, out);
    if (range >= 0 && range == s->vector_range)
        return vector_copies(s, out);
    out[0] = 1;
    return 1;
}
