/* Objects for several processors: the program once for each of them, and functions that choose.
 *
 * What a processor can is asked of it by cpuid, which takes a tenth of a microsecond, and up to
 * twenty where the machine is a virtual one (measured: 16): more than a small cell's step. An
 * object has no memory of its own to keep the answer in, and a state may go to another machine. But
 * what prepare makes is the caller's, and in an order that one processor's code reads: so it begins
 * with the answer, and calls that find it there ask nobody.
 *
 * These functions, and those that compute sizes, are code that any x86-64 runs; sizes are the
 * largest of all. A processor that is too old gets words. */
#include <string.h>

#include "jit/aot_frame.h"

static const char too_old[] = "this processor is none of x86-64-v2: it lacks SSE4.2, or POPCNT";

bool aot_is_level(const emit *e) {
    return e->options->least && e->target != e->options->least;
}

void aot_remember(const aot_frame *f, const char *symbol, bool makes) {
    aot *model = f->a->first;
    aot_function *made = arena_new(f->e->memory, aot_function);
    *made = (aot_function){.next = model->made, .function = f->function, .prepared = -1};
    made->name = symbol + strlen(model->local) + 1;
    made->makes = makes;
    for (unsigned i = 0; f->prepared && i < LLVMCountParams(f->function); i++)
        if (LLVMGetParam(f->function, i) == f->prepared)
            made->prepared = (int)i;
    model->made = made;
    LLVMSetLinkage(f->function, LLVMInternalLinkage);
}

void aot_instead(const aot_frame *f, LLVMValueRef before) {
    for (aot_function *made = f->a->first->made; made; made = made->next)
        if (made->function == before)
            made->function = f->function;
    LLVMSetLinkage(f->function, LLVMInternalLinkage);
}

/* ---- which level this processor has */

/* What a level asks for beyond the one below: bits of ecx of leaf 1, ebx of leaf 7, ecx of leaf
 * 0x80000001, and of the states that the system saves (0: it need not be asked). */
typedef struct level_bits {
    uint32_t leaf_1, leaf_7, extended, saved;
} level_bits;

#define BIT(N) (UINT32_C(1) << (N))
static const level_bits levels[] = {
    /* SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF */
    {BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23), 0, BIT(0), 0},
    /* FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; XMM and YMM */
    {BIT(12) | BIT(22) | BIT(27) | BIT(28) | BIT(29), BIT(3) | BIT(5) | BIT(8), BIT(5), 0x06},
    /* AVX512F, DQ, CD, BW, VL; masks and ZMM */
    {0, BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31), 0, 0xe0}};
enum { LEVELS = sizeof levels / sizeof *levels, LOWEST = 2 /* x86-64-v2 */, OSXSAVE = 27 };

static LLVMValueRef number(const emit *e, uint32_t value) {
    return LLVMConstInt(LLVMInt32TypeInContext(e->context), value, false);
}

/* The instruction, with these numbers in eax and ecx; what it leaves in eax, ebx, ecx, edx, or just
 * in eax and edx. */
static LLVMValueRef ask(const emit *e, const char *instruction, uint32_t eax, uint32_t ecx) {
    LLVMTypeRef word = LLVMInt32TypeInContext(e->context);
    LLVMTypeRef words[4] = {word, word, word, word};
    LLVMTypeRef four = LLVMStructTypeInContext(e->context, words, 4, false);
    LLVMTypeRef type = LLVMFunctionType(four, words, 2, false);
    const char *registers = "={ax},={bx},={cx},={dx},{ax},{cx}";
    LLVMValueRef code =
        LLVMGetInlineAsm(type, instruction, strlen(instruction), registers, strlen(registers), true,
                         false, LLVMInlineAsmDialectATT, false);
    LLVMValueRef given[2] = {number(e, eax), number(e, ecx)};
    return LLVMBuildCall2(e->builder, type, code, given, 2, "");
}

static LLVMValueRef has_all(const emit *e, LLVMValueRef word, uint32_t bits) {
    LLVMValueRef found = LLVMBuildAnd(e->builder, word, number(e, bits), "");
    return LLVMBuildICmp(e->builder, LLVMIntEQ, found, number(e, bits), "");
}

/* The states that the system saves: 0 if it does not say. */
static LLVMValueRef saved_states(const emit *e, LLVMValueRef function, LLVMValueRef leaf_1) {
    LLVMBuilderRef b = e->builder;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef can = LLVMAppendBasicBlockInContext(e->context, function, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, function, "");
    LLVMBuildCondBr(b, has_all(e, leaf_1, BIT(OSXSAVE)), can, after);
    LLVMPositionBuilderAtEnd(b, can);
    /* It leaves ebx and ecx alone. */
    LLVMValueRef low = LLVMBuildExtractValue(b, ask(e, "xgetbv", 0, 0), 0, "");
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, after);
    LLVMValueRef found = LLVMBuildPhi(b, LLVMTypeOf(low), ""), none = number(e, 0);
    LLVMAddIncoming(found, &none, &before, 1);
    LLVMAddIncoming(found, &low, &can, 1);
    return found;
}

/* i64 level(void): 2 to 4, or what is less. */
static LLVMValueRef level_function(emit *e, const char *prefix) {
    enum { EAX, EBX, ECX };
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef wide = emit_type(e, BODY_I64, 1);
    const char *name = arena_print(e->memory, "%s_level", prefix);
    LLVMValueRef function = emit_function(e, LLVMFunctionType(wide, NULL, 0, false), name, name);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    LLVMValueRef highest = LLVMBuildExtractValue(b, ask(e, "cpuid", 0, 0), EAX, "");
    LLVMValueRef leaf_1 = LLVMBuildExtractValue(b, ask(e, "cpuid", 1, 0), ECX, "");
    LLVMValueRef leaf_7 = LLVMBuildExtractValue(b, ask(e, "cpuid", 7, 0), EBX, "");
    LLVMValueRef extended = LLVMBuildExtractValue(b, ask(e, "cpuid", 0x80000001, 0), ECX, "");
    LLVMValueRef there = LLVMBuildICmp(b, LLVMIntUGE, highest, number(e, 7), "");
    leaf_7 = LLVMBuildSelect(b, there, leaf_7, number(e, 0), "");
    LLVMValueRef saved = saved_states(e, function, leaf_1);
    LLVMValueRef found = emit_integer(e, LOWEST - 1), all = NULL;
    for (int i = 0; i < LEVELS; i++) {
        LLVMValueRef one = has_all(e, leaf_1, levels[i].leaf_1);
        one = LLVMBuildAnd(b, one, has_all(e, leaf_7, levels[i].leaf_7), "");
        one = LLVMBuildAnd(b, one, has_all(e, extended, levels[i].extended), "");
        one = LLVMBuildAnd(b, one, has_all(e, saved, levels[i].saved), "");
        all = all ? LLVMBuildAnd(b, all, one, "") : one;
        found = LLVMBuildSelect(b, all, emit_integer(e, LOWEST + i), found, "");
    }
    LLVMBuildRet(b, found);
    return function;
}

/* ---- functions that choose */

typedef struct choice {
    emit *e;
    LLVMValueRef function, level; /* the public one; who says the level */
    const aot_function *of[LEVELS];
} choice;

static void answer(const choice *c, const char *words) {
    const emit *e = c->e;
    LLVMValueRef sentence =
        emit_private(e, LLVMConstStringInContext2(e->context, words, strlen(words), false));
    LLVMBuildRet(e->builder, sentence);
}

/* Calls the code of level LOWEST + i with the arguments that the function has. What is prepared
 * begins behind the level. */
static LLVMValueRef call(const choice *c, int i, bool last) {
    const emit *e = c->e;
    unsigned count = LLVMCountParams(c->function);
    LLVMValueRef *arguments = arena_array(e->memory, LLVMValueRef, count + 1);
    LLVMTypeRef type = LLVMGlobalGetValueType(c->of[i]->function);
    LLVMGetParams(c->function, arguments);
    if (c->of[i]->prepared >= 0) {
        LLVMValueRef *own = &arguments[c->of[i]->prepared], room = emit_integer(e, PLAN_ALIGNMENT);
        LLVMValueRef inner =
            LLVMBuildGEP2(e->builder, LLVMInt8TypeInContext(e->context), *own, &room, 1, "");
        LLVMValueRef none = LLVMConstPointerNull(e->pointer);
        LLVMValueRef missing = LLVMBuildICmp(e->builder, LLVMIntEQ, *own, none, "");
        *own = LLVMBuildSelect(e->builder, missing, none, inner, "");
    }
    LLVMValueRef result =
        LLVMBuildCall2(e->builder, type, c->of[i]->function, arguments, count, "");
    LLVMSetTailCall(result, last);
    return result;
}

/* The largest of the sizes that all levels need. */
static void choose_size(const choice *c) {
    LLVMBuilderRef b = c->e->builder;
    LLVMValueRef most = call(c, 0, false);
    for (int i = 1; i < LEVELS; i++) {
        LLVMValueRef own = call(c, i, false);
        most = LLVMBuildSelect(b, LLVMBuildICmp(b, LLVMIntUGT, own, most, ""), own, most, "");
    }
    LLVMBuildRet(b, most);
}

/* After prepare: the level, where a prepared step finds it. */
static void keep_level(const choice *c, LLVMValueRef level, LLVMValueRef words) {
    const emit *e = c->e;
    LLVMBuilderRef b = e->builder;
    LLVMBasicBlockRef good = LLVMAppendBasicBlockInContext(e->context, c->function, "");
    LLVMBasicBlockRef bad = LLVMAppendBasicBlockInContext(e->context, c->function, "");
    LLVMValueRef none = LLVMConstPointerNull(e->pointer);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, words, none, ""), good, bad);
    LLVMPositionBuilderAtEnd(b, good);
    LLVMBuildStore(b, level, LLVMGetParam(c->function, (unsigned)c->of[0]->prepared));
    LLVMBuildBr(b, bad);
    LLVMPositionBuilderAtEnd(b, bad);
    LLVMBuildRet(b, words);
}

/* The level that prepare has found; 0 where nothing is prepared. */
static LLVMValueRef kept_level(const choice *c) {
    const emit *e = c->e;
    LLVMBuilderRef b = e->builder;
    LLVMValueRef from = LLVMGetParam(c->function, (unsigned)c->of[0]->prepared);
    LLVMValueRef none = LLVMConstPointerNull(e->pointer), zero = emit_integer(e, 0);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef there = LLVMAppendBasicBlockInContext(e->context, c->function, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, c->function, "");
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, from, none, ""), after, there);
    LLVMPositionBuilderAtEnd(b, there);
    LLVMValueRef found = LLVMBuildLoad2(b, emit_type(e, BODY_I64, 1), from, "");
    LLVMSetAlignment(found, 1);
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, after);
    LLVMValueRef level = LLVMBuildPhi(b, LLVMTypeOf(found), "");
    LLVMAddIncoming(level, &zero, &before, 1);
    LLVMAddIncoming(level, &found, &there, 1);
    return level;
}

static void choose_code(const choice *c, const char *prefix) {
    const emit *e = c->e;
    const aot_function *of = c->of[0];
    LLVMTypeRef type = LLVMGlobalGetValueType(c->level);
    const bool asks = of->prepared < 0 || of->makes;
    LLVMValueRef level =
        asks ? LLVMBuildCall2(e->builder, type, c->level, NULL, 0, "") : kept_level(c);
    LLVMBasicBlockRef other = LLVMAppendBasicBlockInContext(e->context, c->function, "");
    LLVMValueRef jump = LLVMBuildSwitch(e->builder, level, other, LEVELS);
    for (int i = LEVELS; i-- > 0;) {
        LLVMBasicBlockRef here = LLVMAppendBasicBlockInContext(e->context, c->function, "");
        LLVMAddCase(jump, emit_integer(e, LOWEST + i), here);
        LLVMPositionBuilderAtEnd(e->builder, here);
        LLVMValueRef words = call(c, i, !of->makes);
        if (of->makes)
            keep_level(c, level, words);
        else
            LLVMBuildRet(e->builder, words);
    }
    LLVMPositionBuilderAtEnd(e->builder, other);
    answer(c,
           asks ? too_old
                : arena_print(e->memory, "prepared is not what %s_prepare has made here", prefix));
}

/* What the header says of sizes. */
static int64_t largest(int64_t x, int64_t y) {
    return x < 0 || y < 0 ? -1 : x > y ? x : y;
}

void aot_multi(emit *e, aot *a) {
    LLVMValueRef level = level_function(e, a->prefix);
    choice c = {.e = e, .level = level, .of = {a->made}};
    aot *of[LEVELS] = {a};
    for (int i = 1; i < LEVELS; i++) {
        of[i] = of[i - 1]->level;
        c.of[i] = of[i]->made;
    }
    while (c.of[0]) {
        const char *name = arena_print(e->memory, "%s_%s", a->prefix, c.of[0]->name);
        LLVMTypeRef type = LLVMGlobalGetValueType(c.of[0]->function);
        c.function = emit_function(e, type, name, name);
        if (LLVMGetReturnType(type) == e->pointer)
            choose_code(&c, a->prefix);
        else
            choose_size(&c);
        for (int i = 0; i < LEVELS; i++)
            c.of[i] = c.of[i]->next;
    }
    for (; of[0]; of[0] = of[0]->next, of[1] = of[1]->next, of[2] = of[2]->next)
        for (int i = 1; i < LEVELS; i++) {
            of[0]->whole_bytes = largest(of[0]->whole_bytes, of[i]->whole_bytes);
            of[0]->step_bytes = largest(of[0]->step_bytes, of[i]->step_bytes);
            of[0]->kept_step_bytes = largest(of[0]->kept_step_bytes, of[i]->kept_step_bytes);
        }
}
