/* Denormals as zeros, for callers who ask for it.
 *
 * A state that dies away halves itself into numbers that some processors take a hundred times as
 * long for, and that nobody hears. Processors can take them for zeros, but how is a setting of the
 * thread, and the thread is the caller's: so a function that computes becomes one that keeps the
 * setting, makes its own, calls what it was, and puts the caller's back, flags included. Nothing is
 * computed in between, so no instruction can leave the place that it was in.
 *
 * The setting is made whole, not one bit of it: results do not depend on what the caller's was. */
#include <string.h>

#include "jit/aot_frame.h"

typedef struct flush_way {
    const char *target, *read, *write; /* intrinsics */
    unsigned bits;                     /* of the setting */
    bool memory;                       /* they take an address */
    unsigned setting; /* rounding to nearest, no exceptions, denormals in and out are zeros */
} flush_way;

enum { FLUSH_MXCSR = 0x9FC0, FLUSH_FPCR = 1 << 24 };

static const flush_way ways[] = {
    {"x86-64", "llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr", 32, true, FLUSH_MXCSR},
    {"aarch64", "llvm.aarch64.get.fpcr", "llvm.aarch64.set.fpcr", 64, false, FLUSH_FPCR},
    {"armv7", "llvm.arm.get.fpscr", "llvm.arm.set.fpscr", 32, false, FLUSH_FPCR},
    {"cortex-m4f", "llvm.arm.get.fpscr", "llvm.arm.set.fpscr", 32, false, FLUSH_FPCR},
};

static const flush_way *way_of(const machine *target) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].target, target->target) == 0)
            return &ways[i];
    return NULL;
}

bool aot_flushes(const machine *target) {
    return way_of(target) != NULL;
}

/* Where there are addresses: of memory that has the setting. Else the setting. */
static LLVMValueRef keep(const emit *e, const flush_way *way, LLVMTypeRef type) {
    if (!way->memory)
        return emit_intrinsic(e, way->read, NULL, 0, NULL, 0);
    LLVMValueRef place = LLVMBuildAlloca(e->builder, type, "");
    emit_intrinsic(e, way->read, NULL, 0, &place, 1);
    return place;
}

static LLVMValueRef own_setting(const emit *e, const flush_way *way, LLVMTypeRef type) {
    LLVMValueRef setting = LLVMConstInt(type, way->setting, false);
    if (!way->memory)
        return setting;
    LLVMValueRef place = LLVMBuildAlloca(e->builder, type, "");
    LLVMBuildStore(e->builder, setting, place);
    return place;
}

void aot_flush(aot_frame *f) {
    emit *e = f->e;
    LLVMValueRef function = f->function;
    const flush_way *way = way_of(e->target);
    size_t length;
    const char *name = arena_copy_text(e->memory, LLVMGetValueName2(function, &length));
    const char *plain = arena_print(e->memory, "%s_plain", name);
    LLVMTypeRef type = LLVMGlobalGetValueType(function);
    LLVMTypeRef number = LLVMIntTypeInContext(e->context, way->bits);
    unsigned count = LLVMCountParams(function);
    LLVMValueRef *arguments = arena_array(e->memory, LLVMValueRef, count + 1);
    LLVMSetValueName2(function, plain, strlen(plain));
    LLVMSetLinkage(function, LLVMInternalLinkage);
    f->function = emit_function(e, type, name, name);
    for (unsigned i = 0; i < count; i++)
        arguments[i] = LLVMGetParam(f->function, i);
    LLVMValueRef kept = keep(e, way, number), own = own_setting(e, way, number);
    emit_intrinsic(e, way->write, NULL, 0, &own, 1);
    LLVMValueRef result = LLVMBuildCall2(e->builder, type, function, arguments, count, "");
    emit_intrinsic(e, way->write, NULL, 0, &kept, 1);
    LLVMBuildRet(e->builder, result);
    if (aot_is_level(e))
        aot_instead(f, function);
}
