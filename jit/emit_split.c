/* What a thread does of a nest: its part of one range of samples and of one other range.
 *
 * Parallel iterations are independent, so any of them may run anywhere; folded ranges stay whole,
 * because the order of a sum may not depend on threads. Samples are cut the same way in all nests,
 * so a thread that reads only its own samples needs nobody. Everything else is cut into whole tiles
 * and vectors: a thread runs the same tiles as it would alone, and nothing that is done twice (a
 * tile that is moved back to end at the range's end) reaches into another thread's part.
 *
 * One thread pays a load and a branch for this: the divisions come after it. */
#include "jit/emit_internal.h"

enum {
    SPLIT_TILES = 4 /* fewer are not cut evenly: rows that are counted at run time do better */
};

static bool is_shared(const emit_nest *s, int range) {
    return range >= 0 && range != s->sample_range && !s->n->ranges.at[range].ordered;
}

/* Tiles of a range, as far as they are known; run-time numbers count as many. */
static int64_t tiles_of(const emit_nest *s, int range) {
    int64_t count = s->n->ranges.at[range].count, grain = 1;
    if (range == s->vector_range)
        grain = (int64_t)s->most_width * s->most_vectors;
    else if (range == s->row_range)
        grain = s->most_rows;
    return count < 0 ? INT64_MAX : count / grain;
}

void emit_split_choose(emit_nest *s) {
    const nest *n = s->n;
    s->sample_range = n->samples - 1;
    s->unit_range = -1;
    int64_t most = 1;
    int order[3] = {s->vector_range, s->row_range, -1};
    for (int k = 0; k < 2; k++)
        if (is_shared(s, order[k]) && tiles_of(s, order[k]) > most && most < SPLIT_TILES) {
            s->unit_range = order[k];
            most = tiles_of(s, order[k]);
        }
    for (int r = 0; r < s->parallel && most < SPLIT_TILES; r++)
        if (is_shared(s, r) && tiles_of(s, r) > most) {
            s->unit_range = r;
            most = tiles_of(s, r);
        }
    if (s->unit_range < 0)
        s->unit_range = s->sample_range;
}

/* ---- in the function */

/* The part-th border of `tiles` things among so many parts: no part is larger than the first. */
static LLVMValueRef border(const emit *e, LLVMValueRef tiles, LLVMValueRef part,
                           LLVMValueRef parts) {
    LLVMValueRef one = emit_integer(e, 1);
    LLVMValueRef product = LLVMBuildMul(e->builder, tiles, part, "");
    LLVMValueRef up = LLVMBuildAdd(e->builder, product, parts, "");
    return LLVMBuildUDiv(e->builder, LLVMBuildSub(e->builder, up, one, ""), parts, "");
}

static void emit_part(emit *e) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef given[4], zero = emit_integer(e, 0), one = emit_integer(e, 1);
    LLVMGetParams(e->part, given);
    LLVMValueRef count = given[0], grain = given[1], part = given[2], parts = given[3];
    LLVMValueRef tiles = LLVMBuildUDiv(b, count, grain, "");
    LLVMValueRef low = border(e, tiles, part, parts);
    LLVMValueRef high = border(e, tiles, LLVMBuildAdd(b, part, one, ""), parts);
    LLVMValueRef first = LLVMBuildMul(b, low, grain, "");
    LLVMValueRef limit = LLVMBuildMul(b, high, grain, "");
    /* what is left belongs to the last tile, or to the first thread */
    LLVMValueRef last = LLVMBuildICmp(b, LLVMIntEQ, high, tiles, "");
    LLVMValueRef some = LLVMBuildICmp(b, LLVMIntSLT, low, high, "");
    LLVMValueRef lead = LLVMBuildICmp(b, LLVMIntEQ, part, zero, "");
    LLVMValueRef mine = LLVMBuildAnd(b, last, LLVMBuildOr(b, some, lead, ""), "");
    LLVMValueRef both[2] = {first, LLVMBuildSelect(b, mine, count, limit, "")};
    LLVMBuildAggregateRet(b, both, 2);
}

/* {first, limit} of a thread's part, by (count, grain, part, parts): a function, once in a module,
 * as three divisions in every kernel would be a tenth of all code. */
static LLVMValueRef part_function(emit *e, LLVMTypeRef *type) {
    LLVMTypeRef number = emit_type(e, BODY_I64, 1);
    LLVMTypeRef pair[2] = {number, number}, given[4] = {number, number, number, number};
    LLVMTypeRef result = LLVMStructTypeInContext(e->context, pair, 2, false);
    *type = LLVMFunctionType(result, given, 4, false);
    if (e->part)
        return e->part;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->builder);
    LLVMMetadataRef line = LLVMGetCurrentDebugLocation2(e->builder);
    const char *name = arena_print(e->memory, "%s_part", e->options->prefix);
    e->part = LLVMAddFunction(e->module, name, *type);
    LLVMSetLinkage(e->part, LLVMInternalLinkage);
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, e->part, ""));
    LLVMSetCurrentDebugLocation2(e->builder, NULL);
    emit_part(e);
    LLVMPositionBuilderAtEnd(e->builder, here);
    LLVMSetCurrentDebugLocation2(e->builder, line);
    return e->part;
}

static void share(emit_nest *s, int range, int64_t grain, LLVMValueRef part, LLVMValueRef parts) {
    emit *e = s->e;
    LLVMBuilderRef b = e->builder;
    LLVMValueRef count = s->counts[range], zero = emit_integer(e, 0), one = emit_integer(e, 1);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef several = LLVMAppendBasicBlockInContext(e->context, s->function, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, s->function, "");
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, parts, one, ""), after, several);

    LLVMPositionBuilderAtEnd(b, several);
    LLVMTypeRef type;
    LLVMValueRef function = part_function(e, &type);
    LLVMValueRef given[4] = {count, emit_integer(e, grain), part, parts};
    LLVMValueRef found = LLVMBuildCall2(b, type, function, given, 4, "");
    LLVMValueRef first = LLVMBuildExtractValue(b, found, 0, "");
    LLVMValueRef limit = LLVMBuildExtractValue(b, found, 1, "");
    LLVMBuildBr(b, after);

    LLVMPositionBuilderAtEnd(b, after);
    LLVMValueRef starts[2] = {zero, first}, ends[2] = {count, limit};
    LLVMBasicBlockRef from[2] = {before, several};
    s->first[range] = LLVMBuildPhi(b, LLVMTypeOf(zero), "");
    LLVMAddIncoming(s->first[range], starts, from, 2);
    s->limit[range] = LLVMBuildPhi(b, LLVMTypeOf(zero), "");
    LLVMAddIncoming(s->limit[range], ends, from, 2);
}

/* Only thread 0 goes on. */
static void leave_others(emit_nest *s) {
    LLVMBuilderRef b = s->e->builder;
    LLVMBasicBlockRef lead = LLVMAppendBasicBlockInContext(s->e->context, s->function, "");
    LLVMBasicBlockRef other = LLVMAppendBasicBlockInContext(s->e->context, s->function, "");
    LLVMValueRef zero = emit_integer(s->e, 0), thread = emit_told(s, EMIT_THREAD);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, thread, zero, ""), lead, other);
    LLVMPositionBuilderAtEnd(b, other);
    LLVMBuildRetVoid(b);
    LLVMPositionBuilderAtEnd(b, lead);
}

void emit_split(emit_nest *s) {
    int samples = s->sample_range, units = s->unit_range;
    bool both = samples >= 0 && units >= 0 && samples != units;
    if (samples < 0 && units < 0) {
        leave_others(s);
        return;
    }
    if (both)
        share(s, samples, 1, emit_told(s, EMIT_SAMPLE_PART), emit_told(s, EMIT_SAMPLE_PARTS));
    int64_t grain = 1;
    if (units != samples && units == s->vector_range)
        grain = emit_vector_span(s);
    else if (units != samples && units == s->row_range)
        grain = s->most_rows;
    share(s, units, grain, emit_told(s, both ? EMIT_UNIT_PART : EMIT_THREAD),
          emit_told(s, both ? EMIT_UNIT_PARTS : EMIT_THREADS));
}
