/* LLVM's code generator: a module becomes an object file in memory.
 *
 * The target machine is the row's, not the host's: the same program gives the same bytes on every
 * machine of that row, whether it is run at once or written to a file. Errors that LLVM reports
 * during code generation come through the context's diagnostic handler, which would otherwise print
 * and exit. What the finished object imports is checked: a call of the C library's floor or fmaf
 * would mean that an instruction fell outside of the machine's row.
 *
 * Where the library itself is built with a sanitizer, the code that it makes gets the checks of the
 * same one; they come from the process, which such a library has loaded anyway. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <llvm-c/Object.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "jit/emit_internal.h"

static const site nowhere = {NULL, 0};

/* Each of LLVM's targets is made known when code is made for it first. */
#define TARGETS(DO) DO(X86) DO(AArch64) DO(ARM) DO(RISCV) DO(WebAssembly)
#define REGISTER(NAME)                                                                             \
    static void register_##NAME(void) {                                                            \
        LLVMInitialize##NAME##TargetInfo();                                                        \
        LLVMInitialize##NAME##Target();                                                            \
        LLVMInitialize##NAME##TargetMC();                                                          \
        LLVMInitialize##NAME##AsmPrinter();                                                        \
        LLVMInitialize##NAME##AsmParser(); /* of instructions in aot_multi.c */                    \
    }
TARGETS(REGISTER)
#undef REGISTER
#undef TARGETS

/* By the first letters of a triple; those of this system come last. */
static const struct {
    const char *system;
    void (*start)(void);
} families[] = {{"aarch64", register_AArch64},    {"arm", register_ARM},
                {"thumb", register_ARM},          {"riscv64", register_RISCV},
                {"wasm32", register_WebAssembly}, {"", register_X86}};
enum { FAMILIES = sizeof families / sizeof *families };

void object_start(const char *triple) {
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    static bool started[FAMILIES];
    int i = 0;
    while (triple && strncmp(triple, families[i].system, strlen(families[i].system)) != 0)
        i++;
    i = triple ? i : FAMILIES - 1;
    pthread_mutex_lock(&turn);
    if (!started[i])
        families[i].start();
    started[i] = true;
    pthread_mutex_unlock(&turn);
}

/* Instrumented code is compiled fast (measured: three to six times) and runs slowly. */
static LLVMTargetMachineRef open_machine(const char *triple, const machine *row,
                                         sanitize instrument, error *problem) {
    const bool moves = !(row->lacks & MACHINE_ADDRESSES);
    LLVMCodeGenOptLevel level =
        instrument == SANITIZE_NONE ? LLVMCodeGenLevelDefault : LLVMCodeGenLevelNone;
    LLVMTargetRef target;
    char *message = NULL;
    object_start(row->triple);
    if (LLVMGetTargetFromTriple(triple, &target, &message)) {
        error_set(problem, STATUS_UNSUPPORTED, nowhere, "LLVM cannot compile for %s: %s", triple,
                  message);
        LLVMDisposeMessage(message);
        return NULL;
    }
    LLVMTargetMachineOptionsRef options = LLVMCreateTargetMachineOptions();
    LLVMTargetMachineOptionsSetCPU(options, row->cpu);
    if (row->features)
        LLVMTargetMachineOptionsSetFeatures(options, row->features);
    if (row->abi)
        LLVMTargetMachineOptionsSetABI(options, row->abi);
    LLVMTargetMachineOptionsSetCodeGenOptLevel(options, level);
    LLVMTargetMachineOptionsSetRelocMode(options, moves ? LLVMRelocPIC : LLVMRelocStatic);
    LLVMTargetMachineOptionsSetCodeModel(options, LLVMCodeModelSmall);
    LLVMTargetMachineRef made = LLVMCreateTargetMachineWithOptions(target, triple, options);
    LLVMDisposeTargetMachineOptions(options);
    if (!made)
        error_set(problem, STATUS_UNSUPPORTED, nowhere, "LLVM has no machine %s for %s", row->cpu,
                  triple);
    return made;
}

/* ---- what the object asks of others */

static bool begins(const char *name, const char *prefix) {
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* What every linker of WebAssembly gives. */
static bool is_of_linker(const char *name) {
    return strcmp(name, "__stack_pointer") == 0 || strcmp(name, "__linear_memory") == 0 ||
           strcmp(name, "__indirect_function_table") == 0;
}

/* file: of the module, which is the prefix of its symbols. Kernels may be the other object's. */
static bool is_allowed(const char *name, const char *file, const emit_options *how) {
    const sanitize instrument = how->instrument;
    if (how->target && how->target->lacks & MACHINE_ADDRESSES && is_of_linker(name))
        return true;
    if (begins(name, file) && begins(name + strlen(file), "_kernel_"))
        return true;
    return strcmp(name, "memset") == 0 || strcmp(name, "memcpy") == 0 ||
           strcmp(name, "memmove") == 0 ||
           (instrument == SANITIZE_ADDRESS && begins(name, "__asan_")) ||
           (instrument == SANITIZE_THREAD && begins(name, "__tsan_"));
}

/* LLVM gives the start of a name. In ELF a 0 ends it; an import of WebAssembly goes on with its
 * kind, which is 0 for functions and small for all else. */
static const char *copy_name(LLVMSymbolIteratorRef symbol, char *out, size_t room) {
    const char *name = LLVMGetSymbolName(symbol);
    size_t count = 0;
    for (; count + 1 < room && (unsigned char)name[count] >= ' '; count++)
        out[count] = name[count];
    out[count] = 0;
    return out;
}

/* An undefined symbol lies in no section; so does the one that holds the source file's name. */
static bool check_imports(LLVMBinaryRef object, const char *file, const emit_options *how,
                          error *problem) {
    bool good = true;
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(object);
    LLVMSymbolIteratorRef symbol = LLVMObjectFileCopySymbolIterator(object);
    for (; !LLVMObjectFileIsSymbolIteratorAtEnd(object, symbol); LLVMMoveToNextSymbol(symbol)) {
        char own[LIMIT_NAME * 2];
        const char *name = copy_name(symbol, own, sizeof own);
        LLVMMoveToContainingSection(section, symbol);
        if (!LLVMObjectFileIsSectionIteratorAtEnd(object, section) || !name[0] ||
            strcmp(name, file) == 0 || is_allowed(name, file, how))
            continue;
        error_set(problem, STATUS_UNSUPPORTED, nowhere,
                  "compiled code%s%s would call %s, which would have to come from somewhere else",
                  how->target ? " for " : "", how->target ? how->target->target : "", name);
        good = false;
        break;
    }
    LLVMDisposeSymbolIterator(symbol);
    LLVMDisposeSectionIterator(section);
    return good;
}

static bool check_object(LLVMModuleRef module, LLVMMemoryBufferRef bytes, const emit_options *how,
                         error *problem) {
    char *message = NULL;
    size_t length;
    LLVMBinaryRef object = LLVMCreateBinary(bytes, NULL, &message);
    if (!object) {
        error_set(problem, STATUS_UNSUPPORTED, nowhere, "LLVM cannot read its own object: %s",
                  message);
        LLVMDisposeMessage(message);
        return false;
    }
    const char *file = LLVMGetSourceFileName(module, &length);
    bool good = check_imports(object, file, how, problem);
    LLVMDisposeBinary(object);
    return good;
}

static bool copy_out(LLVMMemoryBufferRef bytes, emit_object *out, error *problem) {
    size_t count = LLVMGetBufferSize(bytes);
    void *copy = allocator_take(out->source, count, 64);
    if (!copy) {
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "out of memory: %zu bytes of code",
                  count);
        return false;
    }
    memcpy(copy, LLVMGetBufferStart(bytes), count);
    out->bytes = copy;
    out->count = count;
    return true;
}

/* ---- code generation */

typedef struct object_listener {
    error failed;
    stack_frames *frames; /* NULL: nobody asks for them */
} object_listener;

static void note_diagnostic(LLVMDiagnosticInfoRef info, void *user) {
    object_listener *l = user;
    LLVMDiagnosticSeverity severity = LLVMGetDiagInfoSeverity(info);
    if (severity != LLVMDSError && !(severity == LLVMDSWarning && l->frames))
        return;
    char *message = LLVMGetDiagInfoDescription(info);
    if (severity == LLVMDSError)
        error_set(&l->failed, STATUS_UNSUPPORTED, nowhere, "LLVM: %s", message);
    else
        stack_hear(l->frames, message);
    LLVMDisposeMessage(message);
}

static bool generate(LLVMModuleRef module, LLVMTargetMachineRef target, stack_frames *frames,
                     LLVMMemoryBufferRef *out, error *problem) {
    char *message = NULL;
    object_listener l = {.failed = {.code = STATUS_OK}, .frames = frames};
    LLVMContextSetDiagnosticHandler(LLVMGetModuleContext(module), note_diagnostic, &l);
    bool bad = LLVMTargetMachineEmitToMemoryBuffer(target, module, LLVMObjectFile, &message, out);
    if (bad) {
        error_set(&l.failed, STATUS_UNSUPPORTED, nowhere, "LLVM cannot emit the object: %s",
                  message);
        LLVMDisposeMessage(message);
    }
    if (l.failed.code == STATUS_OK)
        return true;
    if (!bad)
        LLVMDisposeMemoryBuffer(*out);
    error_set(problem, l.failed.code, nowhere, "%s", l.failed.message);
    return false;
}

/* AddressSanitizer puts zones around globals, and needs constructors to tell where; it leaves alone
 * what is aligned to more than 32 bytes. */
static void align_constants(LLVMModuleRef module) {
    for (LLVMValueRef g = LLVMGetFirstGlobal(module); g; g = LLVMGetNextGlobal(g))
        LLVMSetAlignment(g, 64);
}

/* The pass also writes a constructor that starts the sanitizer. The process has started it, and
 * nothing would run the constructor of an object in memory. */
static void drop_constructor(LLVMModuleRef module) {
    static const char *const globals[] = {"llvm.global_ctors", "llvm.used"};
    static const char *const functions[] = {"asan.module_ctor", "tsan.module_ctor"};
    static const char *const marks[] = {"___asan_globals_registered", "__start_asan_globals",
                                        "__stop_asan_globals"};
    LLVMValueRef found;
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if ((found = LLVMGetNamedGlobal(module, globals[i])))
            LLVMDeleteGlobal(found);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if ((found = LLVMGetNamedFunction(module, functions[i])))
            LLVMDeleteFunction(found);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if ((found = LLVMGetNamedGlobal(module, marks[i])))
            LLVMDeleteGlobal(found);
}

/* A sanitizer's pass, the only one of LLVM's that ever changes a module. */
static bool add_checks(LLVMModuleRef module, LLVMTargetMachineRef target, sanitize instrument,
                       error *problem) {
    static const char *const passes[] = {
        [SANITIZE_ADDRESS] = "asan", [SANITIZE_THREAD] = "tsan-module,function(tsan)"};
    if (instrument == SANITIZE_NONE)
        return true;
    align_constants(module);
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef failure = LLVMRunPasses(module, passes[instrument], target, options);
    LLVMDisposePassBuilderOptions(options);
    if (!failure) {
        drop_constructor(module);
        return true;
    }
    char *message = LLVMGetErrorMessage(failure);
    error_set(problem, STATUS_UNSUPPORTED, nowhere, "LLVM cannot add a sanitizer: %s", message);
    LLVMDisposeErrorMessage(message);
    return false;
}

LLVMTargetMachineRef object_machine(const machine *row, sanitize instrument, error *problem) {
    char *triple = row->triple ? LLVMCreateMessage(row->triple) : LLVMGetDefaultTargetTriple();
    LLVMTargetMachineRef made = open_machine(triple, row, instrument, problem);
    LLVMDisposeMessage(triple);
    return made;
}

void object_begin(LLVMModuleRef module, LLVMTargetMachineRef code) {
    char *triple = LLVMGetTargetMachineTriple(code);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(code);
    LLVMSetTarget(module, triple);
    LLVMSetModuleDataLayout(module, layout);
    LLVMDisposeTargetData(layout);
    LLVMDisposeMessage(triple);
}

bool object_emit(LLVMModuleRef module, LLVMTargetMachineRef code, const emit_options *how,
                 stack_frames *frames, emit_object *out, error *problem) {
    LLVMMemoryBufferRef bytes = NULL;
    if (!add_checks(module, code, how->instrument, problem) ||
        !generate(module, code, frames, &bytes, problem))
        return false;
    bool done = check_object(module, bytes, how, problem) && copy_out(bytes, out, problem);
    LLVMDisposeMemoryBuffer(bytes);
    return done;
}

void emit_object_free(emit_object *object) {
    allocator_give(object->source, object->bytes, object->count);
    object->bytes = NULL;
    object->count = 0;
}
