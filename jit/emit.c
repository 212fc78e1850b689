/* A plan becomes an LLVM module: one function for each nest or for several that share it, one entry
 * that walks the program, the constants as private data; object.c then makes an object file of it.
 *
 * LLVM is used as an assembler. The IR that is emitted is final: no pass of the optimiser runs over
 * it, since loops, tiles, vectors and the order of every rounding are decided before (a sanitizer's
 * pass, where there is one, adds checks). That is also why compiling takes milliseconds.
 *
 * Memory: everything of one call sits in one arena and one context. Running out of the arena jumps
 * back to emit_piece, which frees both. */
#include "jit/emit.h"

#include <assert.h>
#include <string.h>

#include <llvm-c/Analysis.h>

#include "core/env.h"
#include "jit/aot_internal.h"
#include "jit/emit_internal.h"
#include "jit/split.h"

#ifdef NDEBUG
enum { EMIT_ALWAYS_VERIFIES = 0 };
#else
enum { EMIT_ALWAYS_VERIFIES = 1 };
#endif

static const site nowhere = {NULL, 0};

static void add_attribute(const emit *e, LLVMValueRef function, const char *name) {
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, kind, 0));
}

/* ---- debug information: a function each, and its number in the program as its line */

static void debug_open(emit *e) {
    const char *name = e->options->prefix, *producer = "eddy";
    e->debug = LLVMCreateDIBuilder(e->module);
    e->file = LLVMDIBuilderCreateFile(e->debug, name, strlen(name), ".", 1);
    e->unit = LLVMDIBuilderCreateCompileUnit(e->debug, LLVMDWARFSourceLanguageC11, e->file,
                                             producer, strlen(producer), false, "", 0, 0, "", 0,
                                             LLVMDWARFEmissionFull, 0, false, false, "", 0, "", 0);
    const char *key = "Debug Info Version";
    LLVMTypeRef type = LLVMInt32TypeInContext(e->context);
    LLVMAddModuleFlag(e->module, LLVMModuleFlagBehaviorWarning, key, strlen(key),
                      LLVMValueAsMetadata(LLVMConstInt(type, LLVMDebugMetadataVersion(), false)));
}

static void debug_function(emit *e, LLVMValueRef function, const char *symbol, const char *name) {
    LLVMMetadataRef type =
        LLVMDIBuilderCreateSubroutineType(e->debug, e->file, NULL, 0, LLVMDIFlagZero);
    LLVMMetadataRef scope = LLVMDIBuilderCreateFunction(
        e->debug, e->file, name, strlen(name), symbol, strlen(symbol), e->file, e->line, type,
        false, true, e->line, LLVMDIFlagZero, false);
    LLVMSetSubprogram(function, scope);
    LLVMSetCurrentDebugLocation2(
        e->builder, LLVMDIBuilderCreateDebugLocation(e->context, e->line, 0, scope, NULL));
}

static const char own_cpu[] = "target-cpu";

/* The function is for the target, whatever the rest of the module is for. */
static void set_target(const emit *e, LLVMValueRef function) {
    const char *cpu = e->target->cpu;
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateStringAttribute(e->context, own_cpu, sizeof own_cpu - 1, cpu,
                                                      (unsigned)strlen(cpu)));
}

void emit_for_any(LLVMValueRef function) {
    LLVMRemoveStringAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                                     own_cpu, sizeof own_cpu - 1);
}

/* At its very start: in the middle, a function would move the end of the stack while it runs. */
LLVMValueRef emit_room(const emit *e, LLVMTypeRef type) {
    LLVMBuilderRef b = e->builder;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef entry = LLVMGetEntryBasicBlock(LLVMGetBasicBlockParent(here));
    LLVMValueRef first = LLVMGetFirstInstruction(entry);
    LLVMMetadataRef line = LLVMGetCurrentDebugLocation2(b);
    if (first)
        LLVMPositionBuilderBefore(b, first);
    LLVMValueRef room = LLVMBuildAlloca(b, type, "");
    LLVMSetAlignment(room, 64);
    LLVMPositionBuilderAtEnd(b, here);
    LLVMSetCurrentDebugLocation2(b, line);
    return room;
}

LLVMValueRef emit_function(emit *e, LLVMTypeRef type, const char *symbol, const char *name) {
    LLVMValueRef function = LLVMAddFunction(e->module, symbol, type);
    add_attribute(e, function, "nounwind");
    if (e->options->least && e->target != e->options->least)
        set_target(e, function);
    if (e->options->instrument == SANITIZE_ADDRESS)
        add_attribute(e, function, "sanitize_address");
    if (e->options->instrument == SANITIZE_THREAD)
        add_attribute(e, function, "sanitize_thread");
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, function, ""));
    e->line++;
    if (e->debug)
        debug_function(e, function, symbol, name);
    return function;
}

/* ---- constants */

LLVMValueRef emit_private(const emit *e, LLVMValueRef value) {
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(value), "");
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    return global;
}

LLVMValueRef emit_bytes(emit *e, int32_t buffer) {
    const nest_buffer *b = &e->plan->buffers.at[buffer];
    if (b->storage != NEST_CONSTANT || e->constants[buffer])
        return e->constants[buffer];
    LLVMValueRef bytes =
        LLVMConstStringInContext2(e->context, (const char *)b->data, b->data_bytes, true);
    e->constants[buffer] = emit_private(e, bytes);
    LLVMSetAlignment(e->constants[buffer], 64);
    return e->constants[buffer];
}

/* ---- the program */

void emit_context(int64_t *context, int thread, int sample_parts, int unit_parts, emit_meet *meet,
                  void *barrier) {
    context[EMIT_THREAD] = thread;
    context[EMIT_THREADS] = (int64_t)sample_parts * unit_parts;
    context[EMIT_SAMPLE_PART] = thread / unit_parts;
    context[EMIT_SAMPLE_PARTS] = sample_parts;
    context[EMIT_UNIT_PART] = thread % unit_parts;
    context[EMIT_UNIT_PARTS] = unit_parts;
    context[EMIT_MEETING] = unit_parts > 1     ? NEST_MEET_UNITS
                            : sample_parts > 1 ? NEST_MEET_SAMPLES
                                               : 0;
    context[EMIT_PREPARED] = 0;
    context[EMIT_MEET] = (int64_t)(uintptr_t)meet;
    context[EMIT_BARRIER] = (int64_t)(uintptr_t)barrier;
    context[EMIT_WATCH] = context[EMIT_WATCHED] = 0;
    context[EMIT_STEPS] = INT32_MAX;
    context[EMIT_CHECKPOINTS] = 2;
    context[EMIT_PORTION] = EMIT_NEAR;
}

static void emit_items(emit *e, LLVMValueRef entry, const nest_list *items, int inside);

static void set_context(const emit *e, LLVMValueRef entry, int field, LLVMValueRef value) {
    LLVMBuildStore(e->builder, value, emit_entry(e, LLVMGetParam(entry, 2), field));
}

/* counter, or how far it is from the other end, where the sign is negative. */
static LLVMValueRef in_direction(const emit *e, int sign, LLVMValueRef counter,
                                 LLVMValueRef count) {
    LLVMValueRef last = sign < 0 ? emit_plus(e, count, emit_integer(e, -1)) : NULL;
    return sign < 0 ? LLVMBuildSub(e->builder, last, counter, "") : counter;
}

/* A recurrence, by kernels or in place. */
static void emit_recurrence(emit *e, LLVMValueRef entry, const nest_item *item, int inside,
                            bool in_place) {
    LLVMValueRef first = emit_integer(e, 0), count;
    if (inside == item->axis) {
        first = emit_number(e, LLVMGetParam(entry, 2), EMIT_BLOCK_FIRST);
        count = emit_number(e, LLVMGetParam(entry, 2), EMIT_BLOCK_COUNT);
    } else {
        count = emit_number(e, LLVMGetParam(entry, 1), item->axis);
    }
    emit_loop loop;
    emit_loop_open(e, entry, &loop, emit_integer(e, 0), count, emit_integer(e, 1), NULL, 0);
    LLVMValueRef counter = in_direction(e, item->sign, loop.counter, count);
    LLVMValueRef index = emit_plus(e, first, counter);
    emit_host host = {.function = entry, .axis = item->axis, .index = index};
    if (in_place) {
        emit_turn(e, &host, item);
    } else {
        set_context(e, entry, item->axis, index);
        emit_items(e, entry, &item->items, inside);
    }
    emit_loop_close(e, &loop, NULL);
}

static void emit_steps(emit *e, LLVMValueRef entry, const nest_item *item, int inside) {
    uint32_t axes;
    if (!emit_turn_pays(e, item, &axes)) {
        emit_recurrence(e, entry, item, inside, false);
        return;
    }
    LLVMBasicBlockRef place = LLVMAppendBasicBlockInContext(e->context, entry, "");
    LLVMBasicBlockRef whole = LLVMAppendBasicBlockInContext(e->context, entry, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, entry, "");
    LLVMBuildCondBr(e->builder, emit_is_alone(e, entry, axes), place, whole);
    LLVMPositionBuilderAtEnd(e->builder, place);
    emit_recurrence(e, entry, item, inside, true);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, whole);
    emit_recurrence(e, entry, item, inside, false);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

/* How many portions this thread's samples make. Threads that share units step together. */
static LLVMValueRef count_portions(const emit *e, LLVMValueRef entry, const nest_item *item) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef context = LLVMGetParam(entry, 2), one = emit_integer(e, 1);
    int axis = split_sample_axis(e->plan->source);
    LLVMValueRef samples = emit_number(e, LLVMGetParam(entry, 1), axis);
    LLVMValueRef parts = emit_number(e, context, EMIT_SAMPLE_PARTS);
    LLVMValueRef units = emit_number(e, context, EMIT_UNIT_PARTS);
    LLVMValueRef near = emit_number(e, context, EMIT_PORTION);
    LLVMValueRef each = emit_quotient(e, near, emit_integer(e, item->portion));
    each = emit_times(e, emit_pick(e, LLVMIntSGT, each, one), parts);
    LLVMValueRef up = emit_plus(e, emit_plus(e, samples, each), emit_integer(e, -1));
    LLVMValueRef count = emit_pick(e, LLVMIntSGT, emit_quotient(e, up, each), one);
    return LLVMBuildSelect(b, LLVMBuildICmp(b, LLVMIntEQ, units, one, ""), count, one, "");
}

/* All steps with one portion of the samples, then with the next: to the nests each is the part of a
 * thread, of that many more. */
static void emit_portions(emit *e, LLVMValueRef entry, const nest_item *item, int inside) {
    static const int fields[] = {EMIT_SAMPLE_PART, EMIT_SAMPLE_PARTS, EMIT_THREAD, EMIT_THREADS};
    enum { COUNT = sizeof fields / sizeof *fields };
    LLVMValueRef context = LLVMGetParam(entry, 2), saved[COUNT];
    for (int i = 0; i < COUNT; i++)
        saved[i] = emit_number(e, context, fields[i]);
    LLVMValueRef units = emit_number(e, context, EMIT_UNIT_PARTS);
    LLVMValueRef unit = emit_number(e, context, EMIT_UNIT_PART);
    LLVMValueRef count = count_portions(e, entry, item);
    emit_loop loop;
    emit_loop_open(e, entry, &loop, emit_integer(e, 0), count, emit_integer(e, 1), NULL, 0);
    LLVMValueRef part = emit_plus(e, emit_times(e, saved[0], count), loop.counter);
    LLVMValueRef parts = emit_times(e, saved[1], count);
    LLVMValueRef now[COUNT] = {part, parts, emit_plus(e, emit_times(e, part, units), unit),
                               emit_times(e, parts, units)};
    for (int i = 0; i < COUNT; i++)
        set_context(e, entry, fields[i], now[i]);
    emit_steps(e, entry, item, inside);
    emit_loop_close(e, &loop, NULL);
    for (int i = 0; i < COUNT; i++)
        set_context(e, entry, fields[i], saved[i]);
}

/* What the function is given that chooses a block. */
typedef struct sweep {
    LLVMValueRef context, extent, backwards, counter;
} sweep;

/* Makes block `counter` of a sweep the current one; i1: are there more? Blocks begin at multiples
 * of their length, whichever way the sweep goes. */
static LLVMValueRef choose_block(const emit *e, const sweep *s) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef zero = emit_integer(e, 0), one = emit_integer(e, 1);
    LLVMValueRef steps = emit_number(e, s->context, EMIT_STEPS);
    LLVMValueRef whole = emit_pick(e, LLVMIntSGT, s->extent, one);
    LLVMValueRef up = emit_plus(e, emit_plus(e, whole, steps), emit_integer(e, -1));
    LLVMValueRef last = emit_plus(e, emit_quotient(e, up, steps), emit_integer(e, -1));
    LLVMValueRef mirrored = LLVMBuildSub(b, last, s->counter, "");
    LLVMValueRef number = LLVMBuildSelect(b, s->backwards, mirrored, s->counter, "");
    LLVMValueRef first = emit_times(e, number, steps);
    LLVMValueRef end = emit_pick(e, LLVMIntSLT, emit_plus(e, first, steps), s->extent);
    LLVMValueRef fresh = LLVMBuildICmp(b, LLVMIntEQ, s->counter, zero, "");
    const struct {
        int field;
        LLVMValueRef value;
    } told[] = {
        {EMIT_BLOCK_FIRST, first},
        {EMIT_BLOCK_END, end},
        {EMIT_BLOCK_COUNT, LLVMBuildSub(b, end, first, "")},
        {EMIT_BLOCK_NUMBER, number},
        {EMIT_BLOCK_FRESH, LLVMBuildZExt(b, fresh, emit_type(e, BODY_I64, 1), "")},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        LLVMBuildStore(b, told[i].value, emit_entry(e, s->context, told[i].field));
    return LLVMBuildICmp(b, LLVMIntSLT, s->counter, last, "");
}

/* i1 block(context, extent, backwards, counter): as choose_block; once in a module, as a training
 * program has many sweeps. */
static LLVMTypeRef block_type(const emit *e) {
    LLVMTypeRef bit = emit_type(e, BODY_BOOL, 1), number = emit_type(e, BODY_I64, 1);
    LLVMTypeRef given[4] = {e->pointer, number, bit, number};
    return LLVMFunctionType(bit, given, 4, false);
}

static LLVMValueRef block_function(emit *e) {
    if (e->block)
        return e->block;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->builder);
    LLVMMetadataRef line = LLVMGetCurrentDebugLocation2(e->builder);
    const char *name = arena_print(e->memory, "%s_block", e->options->prefix);
    e->block = emit_function(e, block_type(e), name, name);
    LLVMSetLinkage(e->block, LLVMInternalLinkage);
    sweep s = {.context = LLVMGetParam(e->block, 0), .extent = LLVMGetParam(e->block, 1)};
    s.backwards = LLVMGetParam(e->block, 2);
    s.counter = LLVMGetParam(e->block, 3);
    LLVMBuildRet(e->builder, choose_block(e, &s));
    LLVMPositionBuilderAtEnd(e->builder, here);
    LLVMSetCurrentDebugLocation2(e->builder, line);
    return e->block;
}

static void emit_sweep(emit *e, LLVMValueRef entry, const nest_item *item) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef number = emit_type(e, BODY_I64, 1), bit = emit_type(e, BODY_BOOL, 1);
    LLVMValueRef zero = emit_integer(e, 0), function = block_function(e);
    LLVMValueRef extent = emit_number(e, LLVMGetParam(entry, 1), item->axis);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef inner = LLVMAppendBasicBlockInContext(e->context, entry, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, entry, "");
    LLVMBuildBr(b, inner);
    LLVMPositionBuilderAtEnd(b, inner);
    LLVMValueRef counter = LLVMBuildPhi(b, number, "");
    LLVMValueRef given[4] = {LLVMGetParam(entry, 2), extent,
                             LLVMConstInt(bit, item->sign < 0, false), counter};
    LLVMValueRef more = LLVMBuildCall2(b, block_type(e), function, given, 4, "");
    emit_items(e, entry, &item->items, item->axis);
    LLVMValueRef next = LLVMBuildFreeze(b, emit_plus(e, counter, emit_integer(e, 1)), "");
    LLVMBasicBlockRef last = LLVMGetInsertBlock(b);
    LLVMAddIncoming(counter, &zero, &before, 1);
    LLVMAddIncoming(counter, &next, &last, 1);
    LLVMBuildCondBr(b, more, inner, after);
    LLVMPositionBuilderAtEnd(b, after);
}

static void emit_turns(emit *e, LLVMValueRef entry, const nest_item *item, int inside) {
    if (item->block)
        emit_sweep(e, entry, item);
    else if (item->portion > 0)
        emit_portions(e, entry, item, inside);
    else
        emit_steps(e, entry, item, inside);
}

/* Loops that need nothing of one another. As many threads as there are loops share them rather than
 * the units of each: every thread meets the others, is alone with its own loop, and meets them
 * again. */
static void emit_beside(emit *e, LLVMValueRef entry, const nest_item *loops, int inside) {
    static const int fields[] = {EMIT_THREAD, EMIT_THREADS, EMIT_UNIT_PART, EMIT_UNIT_PARTS,
                                 EMIT_MEETING};
    enum { COUNT = sizeof fields / sizeof *fields };
    LLVMBuilderRef b = e->builder;
    LLVMValueRef context = LLVMGetParam(entry, 2), saved[COUNT];
    LLVMValueRef zero = emit_integer(e, 0), one = emit_integer(e, 1);
    LLVMValueRef part = emit_number(e, context, EMIT_UNIT_PART);
    LLVMValueRef parts = emit_number(e, context, EMIT_UNIT_PARTS);
    int count = 1 + loops->beside;
    LLVMValueRef aside = LLVMBuildICmp(b, LLVMIntEQ, parts, emit_integer(e, count), "");
    LLVMValueRef all =
        LLVMBuildSelect(b, aside, emit_integer(e, NEST_MEET_SAMPLES | NEST_MEET_UNITS), zero, "");
    LLVMValueRef alone[COUNT] = {emit_number(e, context, EMIT_SAMPLE_PART),
                                 emit_number(e, context, EMIT_SAMPLE_PARTS), zero, one, zero};
    emit_meeting(e, entry, all);
    for (int i = 0; i < COUNT; i++) {
        saved[i] = emit_number(e, context, fields[i]);
        set_context(e, entry, fields[i], LLVMBuildSelect(b, aside, alone[i], saved[i], ""));
    }
    for (int i = 0; i < count; i++) {
        LLVMBasicBlockRef own = LLVMAppendBasicBlockInContext(e->context, entry, "");
        LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, entry, "");
        LLVMValueRef other = LLVMBuildICmp(b, LLVMIntNE, part, emit_integer(e, i), "");
        LLVMBuildCondBr(b, LLVMBuildAnd(b, aside, other, ""), after, own);
        LLVMPositionBuilderAtEnd(b, own);
        if (loops[i].meeting != 0)
            emit_row(e, entry, NULL, 0, loops[i].meeting);
        emit_turns(e, entry, &loops[i], inside);
        LLVMBuildBr(b, after);
        LLVMPositionBuilderAtEnd(b, after);
    }
    for (int i = 0; i < COUNT; i++)
        set_context(e, entry, fields[i], saved[i]);
    emit_meeting(e, entry, all);
}

/* Depth of recursion: nested loops, at most the axes and the blocks. */
static void emit_items(emit *e, LLVMValueRef entry, const nest_list *items, int inside) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        size_t row = 0;
        while (i + row < items->count && item[row].kernel)
            row++;
        const nest_item *next = i + row < items->count ? &item[row] : NULL;
        uint8_t meeting = next && next->beside == 0 ? next->meeting : 0;
        if (row > 0 || meeting != 0)
            emit_row(e, entry, item, row, meeting);
        i += row;
        if (!next)
            break;
        item = next;
        if (item->beside > 0) {
            emit_beside(e, entry, item, inside);
            i += item->beside;
            continue;
        }
        emit_turns(e, entry, item, inside);
    }
}

/* Items that run in every call, and in place where that is worth it. A program that is watched
 * tells of its kernels, and so runs these alone. */
static void emit_rest(emit *e, LLVMValueRef entry, const nest_list *items) {
    LLVMBuilderRef b = e->builder;
    uint32_t axes;
    if (e->options->watch || !emit_step_pays(e->plan, &axes)) {
        emit_items(e, entry, items, -1);
        return;
    }
    LLVMBasicBlockRef step = LLVMAppendBasicBlockInContext(e->context, entry, "");
    LLVMBasicBlockRef whole = LLVMAppendBasicBlockInContext(e->context, entry, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, entry, "");
    LLVMBuildCondBr(b, emit_is_alone(e, entry, axes), step, whole);
    LLVMPositionBuilderAtEnd(b, step);
    emit_host host = {.function = entry, .axis = -1};
    emit_step(e, &host);
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, whole);
    emit_items(e, entry, items, -1);
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, after);
}

/* Items that need not run in every call, and the others. */
static void emit_parts(emit *e, LLVMValueRef entry) {
    LLVMBuilderRef b = e->builder;
    nest_list head = e->plan->items, rest = e->plan->items;
    head.count = e->plan->prepared;
    rest.at += head.count;
    rest.count -= head.count;
    if (head.count > 0) {
        LLVMBasicBlockRef prepare = LLVMAppendBasicBlockInContext(e->context, entry, "");
        LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, entry, "");
        LLVMValueRef done = emit_number(e, LLVMGetParam(entry, 2), EMIT_PREPARED);
        LLVMValueRef zero = emit_integer(e, 0);
        LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, done, zero, ""), prepare, after);
        LLVMPositionBuilderAtEnd(b, prepare);
        emit_items(e, entry, &head, -1);
        LLVMBuildBr(b, after);
        LLVMPositionBuilderAtEnd(b, after);
    }
    emit_rest(e, entry, &rest);
}

/* A kernel of the other object. */
static void declare_kernel(const emit *e, const nest *n) {
    LLVMValueRef function = LLVMAddFunction(e->module, emit_kernel_symbol(e, n), e->kernel_type);
    LLVMSetVisibility(function, LLVMHiddenVisibility);
}

static void emit_program(emit *e) {
    for (size_t k = 0; k < e->plan->kernels.count; k++) {
        const nest *n = e->plan->kernels.at[k];
        bool mine = !e->piece_of || e->piece_of[k] == e->piece;
        if (n->shared || !mine) {
            if (!n->shared && e->piece == 0)
                declare_kernel(e, n);
            continue;
        }
        e->line = (unsigned)k;
        arena_mark mark = arena_here(e->memory);
        LLVMSetVisibility(emit_kernel(e, n->form ? n->form : n, emit_kernel_symbol(e, n)),
                          LLVMHiddenVisibility);
        arena_rewind(e->memory, mark);
    }
    if (e->piece > 0)
        return;
    e->line = (unsigned)e->plan->kernels.count;
    const char *name = arena_print(e->memory, "%s_run", e->options->prefix);
    LLVMValueRef entry = emit_function(e, e->entry_type, name, name);
    emit_parts(e, entry);
    LLVMBuildRetVoid(e->builder);
}

void emit_another(emit *e, const nest_plan *plan, const emit_options *options) {
    e->plan = plan;
    e->options = options;
    e->said = 0;
    e->constants = arena_array(e->memory, LLVMValueRef, plan->buffers.count + 1);
    emit_program(e);
}

static void emit_module(emit *e) {
    e->builder = LLVMCreateBuilderInContext(e->context);
    e->module = LLVMModuleCreateWithNameInContext(e->options->prefix, e->context);
    object_begin(e->module, e->code);
    e->pointer = LLVMPointerTypeInContext(e->context, 0);
    LLVMTypeRef parameters[4] = {e->pointer, e->pointer, e->pointer, e->pointer};
    LLVMTypeRef nothing = LLVMVoidTypeInContext(e->context);
    e->entry_type = LLVMFunctionType(nothing, parameters, 3, false);
    e->kernel_type = LLVMFunctionType(nothing, parameters, 4, false);
    if (e->options->debug)
        debug_open(e);
    e->constants = arena_array(e->memory, LLVMValueRef, e->plan->buffers.count + 1);
    emit_program(e);
    if (e->options->interface)
        aot_emit(e, e->options->interface);
    if (e->debug)
        LLVMDIBuilderFinalize(e->debug);
}

static bool verify(const emit *e, error *problem) {
    char *message = NULL;
    const char *asked = env_text("CHECK");
    if (!EMIT_ALWAYS_VERIFIES && !asked)
        return true;
    bool broken = LLVMVerifyModule(e->module, LLVMReturnStatusAction, &message) != 0;
    if (broken)
        error_set(problem, STATUS_UNSUPPORTED, nowhere, "LLVM rejects the module: %s", message);
    LLVMDisposeMessage(message);
    return !broken;
}

static void close_module(emit *e) {
    if (e->debug)
        LLVMDisposeDIBuilder(e->debug);
    if (e->builder)
        LLVMDisposeBuilder(e->builder);
    if (e->module)
        LLVMDisposeModule(e->module);
    if (e->code)
        LLVMDisposeTargetMachine(e->code);
    LLVMContextDispose(e->context);
}

/* Returns here when the arena runs out; what was opened until then is in *e. */
static bool emit_or_return(emit *e, jmp_buf *escape, emit_object *out, error *problem) {
    if (setjmp(*escape) != 0) {
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "out of memory while compiling \"%s\"",
                  e->options->prefix);
        return false;
    }
    const machine *row = e->options->least ? e->options->least : e->target;
    e->code = object_machine(row, e->options->instrument, problem);
    if (!e->code)
        return false;
    emit_module(e);
    if (env_has_letter("DUMP", 'e'))
        LLVMDumpModule(e->module);
    if (!e->options->interface)
        return verify(e, problem) &&
               object_emit(e->module, e->code, e->options, NULL, out, problem);
    stack_frames *frames = stack_ask(e->module, e->target, e->memory);
    if (!verify(e, problem) || !object_emit(e->module, e->code, e->options, frames, out, problem))
        return false;
    aot_stack(e->options->interface, stack_bound(frames));
    return true;
}

bool emit_piece(const emit *what, const allocator *source, emit_object *out, error *problem) {
    jmp_buf escape;
    arena memory;
    arena_init(&memory, source, &escape);
    emit e = *what;
    e.memory = &memory;
    e.context = LLVMContextCreate();
    bool done = emit_or_return(&e, &escape, out, problem);
    close_module(&e);
    arena_free(&memory);
    return done;
}
