/* A call that threads of the caller's share: each of them makes it, and gets its part.
 *
 * A run has threads of its own, a barrier that they meet at, and memory for what each of them is
 * told. An object has none of that, so its caller says how threads meet - by the barrier of an
 * OpenMP region, or of pthreads - and what a thread is told lies on its stack, as its size is
 * known. The first thread fills the table of buffers while the others wait for it. So the arena is
 * the same for any number of threads, and the object still has no lock.
 *
 * Whether the call is refused, all threads find out by themselves, from the same arguments: nobody
 * waits for one that has gone.
 *
 * Which grid of threads suits a run it estimates from the machine. Here samples are shared if there
 * are as many as threads, which then meet least, else units. No bit depends on it. */
#include "core/limits.h"
#include "jit/aot_frame.h"
#include "jit/split.h"

/* The struct of the header: two numbers of 32 bits, then two pointers. */
enum { TEAM_THREAD = 0, TEAM_THREADS = 4, TEAM_MEET = 8 };

static LLVMValueRef member(const aot_frame *f, LLVMValueRef team, int64_t offset) {
    return aot_at(f->e, team, emit_integer(f->e, offset));
}

static LLVMValueRef number(const aot_frame *f, int64_t offset) {
    const emit *e = f->e;
    LLVMTypeRef narrow = LLVMInt32TypeInContext(e->context);
    LLVMValueRef found = LLVMBuildLoad2(e->builder, narrow, member(f, f->team, offset), "");
    return LLVMBuildSExt(e->builder, found, emit_type(e, BODY_I64, 1), "");
}

/* A team of one, for callers who have none. */
static LLVMValueRef alone(const emit *e) {
    LLVMTypeRef narrow = LLVMInt32TypeInContext(e->context);
    LLVMValueRef members[4] = {LLVMConstInt(narrow, 0, false), LLVMConstInt(narrow, 1, false),
                               LLVMConstPointerNull(e->pointer), LLVMConstPointerNull(e->pointer)};
    return emit_private(e, LLVMConstStructInContext(e->context, members, 4, false));
}

void aot_team_open(aot_frame *f) {
    const emit *e = f->e;
    LLVMBuilderRef b = e->builder;
    LLVMValueRef one = emit_integer(e, 1), null = LLVMConstPointerNull(e->pointer);
    LLVMValueRef none = LLVMBuildICmp(b, LLVMIntEQ, f->team, null, "");
    f->team = LLVMBuildSelect(b, none, alone(e), f->team, "");
    f->thread = number(f, TEAM_THREAD);
    f->threads = number(f, TEAM_THREADS);
    LLVMValueRef less = LLVMBuildSub(b, f->threads, one, "");
    LLVMValueRef meet = LLVMBuildLoad2(b, e->pointer, member(f, f->team, TEAM_MEET), "");
    LLVMValueRef many = LLVMBuildICmp(b, LLVMIntNE, less, emit_integer(e, 0), "");
    LLVMValueRef absent = LLVMBuildICmp(b, LLVMIntEQ, meet, null, "");
    aot_refuse(f, LLVMBuildICmp(b, LLVMIntUGE, less, emit_integer(e, LIMIT_THREADS), ""),
               arena_print(e->memory, "team->threads is not between 1 and %d", LIMIT_THREADS));
    aot_refuse(f, LLVMBuildICmp(b, LLVMIntUGE, f->thread, f->threads, ""),
               "team->thread is not between 0 and team->threads - 1");
    aot_refuse(f, LLVMBuildAnd(b, many, absent, ""), "team->meet is NULL");
}

/* ---- who does what */

LLVMBasicBlockRef aot_team_first(const aot_frame *f) {
    const emit *e = f->e;
    LLVMBasicBlockRef first = LLVMAppendBasicBlockInContext(e->context, f->function, "");
    LLVMBasicBlockRef all = LLVMAppendBasicBlockInContext(e->context, f->function, "");
    LLVMValueRef mine = LLVMBuildICmp(e->builder, LLVMIntEQ, f->thread, emit_integer(e, 0), "");
    LLVMBuildCondBr(e->builder, mine, first, all);
    LLVMPositionBuilderAtEnd(e->builder, first);
    return all;
}

void aot_team_all(const aot_frame *f, LLVMBasicBlockRef all) {
    LLVMBuildBr(f->e->builder, all);
    LLVMPositionBuilderAtEnd(f->e->builder, all);
}

/* ---- meeting */

/* void P_meet(context), for the program: what the caller's function is, and what it wants, is in
 * its team. */
static LLVMValueRef meet_function(emit *e, const aot *a) {
    const char *name = arena_print(e->memory, "%s_meet", a->request->prefix);
    LLVMValueRef found = LLVMGetNamedFunction(e->module, name);
    if (found)
        return found;
    LLVMBuilderRef b = e->builder;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(b);
    LLVMMetadataRef line = LLVMGetCurrentDebugLocation2(b);
    LLVMTypeRef given = e->pointer, nothing = LLVMVoidTypeInContext(e->context);
    LLVMTypeRef type = LLVMFunctionType(nothing, &given, 1, false);
    found = emit_function(e, type, name, name);
    LLVMSetLinkage(found, LLVMInternalLinkage);
    LLVMValueRef place = emit_entry(e, LLVMGetParam(found, 0), EMIT_BARRIER);
    LLVMValueRef at = LLVMBuildLoad2(b, e->pointer, place, "");
    at = aot_at(e, at, emit_integer(e, TEAM_MEET));
    LLVMValueRef meet = LLVMBuildLoad2(b, e->pointer, at, "");
    at = aot_at(e, at, emit_integer(e, e->target->pointer_bytes));
    LLVMValueRef user = LLVMBuildLoad2(b, e->pointer, at, "");
    LLVMBuildCall2(b, type, meet, &user, 1, "");
    LLVMBuildRetVoid(b);
    LLVMPositionBuilderAtEnd(b, here);
    LLVMSetCurrentDebugLocation2(b, line);
    return found;
}

void aot_team_meet(const aot_frame *f) {
    emit *e = f->e;
    LLVMTypeRef given = e->pointer, nothing = LLVMVoidTypeInContext(e->context);
    LLVMTypeRef type = LLVMFunctionType(nothing, &given, 1, false);
    LLVMBasicBlockRef several = LLVMAppendBasicBlockInContext(e->context, f->function, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, f->function, "");
    LLVMValueRef one = LLVMBuildICmp(e->builder, LLVMIntEQ, f->threads, emit_integer(e, 1), "");
    LLVMBuildCondBr(e->builder, one, after, several);
    LLVMPositionBuilderAtEnd(e->builder, several);
    LLVMValueRef context = f->own_context;
    LLVMBuildCall2(e->builder, type, meet_function(e, f->a), &context, 1, "");
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

/* ---- what a thread is told */

void aot_team_context(aot_frame *f) {
    const emit *e = f->e;
    LLVMTypeRef type = LLVMArrayType2(emit_type(e, BODY_I64, 1), EMIT_CONTEXT);
    f->own_context = emit_room(e, type);
}

static LLVMValueRef address(const emit *e, LLVMValueRef pointer) {
    return LLVMBuildPtrToInt(e->builder, pointer, emit_type(e, BODY_I64, 1), "");
}

void aot_team_tell(const aot_frame *f) {
    emit *e = f->e;
    LLVMBuilderRef b = e->builder;
    LLVMValueRef zero = emit_integer(e, 0), one = emit_integer(e, 1);
    int axis = split_sample_axis(f->a->plan->source);
    LLVMValueRef samples = axis >= 0 ? f->extents[axis] : zero;
    LLVMValueRef by_samples = LLVMBuildICmp(b, LLVMIntUGE, samples, f->threads, "");
    LLVMValueRef meeting = LLVMBuildSelect(b, by_samples, emit_integer(e, NEST_MEET_SAMPLES),
                                           emit_integer(e, NEST_MEET_UNITS), "");
    LLVMValueRef single = LLVMBuildICmp(b, LLVMIntEQ, f->threads, one, "");
    const struct {
        int field;
        LLVMValueRef value;
    } told[] = {
        {EMIT_THREAD, f->thread},
        {EMIT_THREADS, f->threads},
        {EMIT_SAMPLE_PART, LLVMBuildSelect(b, by_samples, f->thread, zero, "")},
        {EMIT_SAMPLE_PARTS, LLVMBuildSelect(b, by_samples, f->threads, one, "")},
        {EMIT_UNIT_PART, LLVMBuildSelect(b, by_samples, zero, f->thread, "")},
        {EMIT_UNIT_PARTS, LLVMBuildSelect(b, by_samples, one, f->threads, "")},
        {EMIT_MEETING, LLVMBuildSelect(b, single, zero, meeting, "")},
        {EMIT_MEET, address(e, meet_function(e, f->a))},
        {EMIT_BARRIER, address(e, f->team)},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        LLVMBuildStore(b, told[i].value, emit_entry(e, f->own_context, told[i].field));
}
