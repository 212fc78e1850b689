/* An object file becomes callable code: LLVM's ORC JIT links it into this process.
 *
 * Each object has a JIT of its own, so that freeing one cannot touch another and names need not be
 * unique between programs. The linker maps code first writable, then executable, never both. An
 * object with debug information is announced to debuggers; with EDDY_PERF=1 the kernels are also
 * listed in /tmp/perf-PID.map, which is where perf looks for the names of code that no file holds.
 * That list is best effort: a profile without names is no reason to refuse a program. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <llvm-c/LLJIT.h>
#include <llvm-c/LLJITUtils.h>
#include <llvm-c/Object.h>

#include "core/env.h"
#include "jit/emit_internal.h"

struct engine {
    LLVMOrcLLJITRef jit;
    engine_entry run;
    const allocator *source;
    error reported; /* by the linker, which would otherwise print it; names missing symbols */
};

static const site nowhere = {NULL, 0};

static void note(void *kept, LLVMErrorRef failure) {
    char *message = LLVMGetErrorMessage(failure);
    error_set(kept, STATUS_UNSUPPORTED, nowhere, "%s", message);
    LLVMDisposeErrorMessage(message);
}

/* Takes the LLVM error, if there is one, into *problem. */
static bool good(engine *e, LLVMErrorRef failure, const char *what, error *problem) {
    if (!failure)
        return true;
    note(&e->reported, failure); /* the linker's own report, if it made one, came first */
    error_set(problem, STATUS_UNSUPPORTED, nowhere, "%s: %s", what, e->reported.message);
    return false;
}

/* ---- what debuggers and profilers see */

static bool has_debug_information(LLVMBinaryRef binary) {
    bool found = false;
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(binary);
    for (; !LLVMObjectFileIsSectionIteratorAtEnd(binary, section); LLVMMoveToNextSection(section)) {
        const char *name = LLVMGetSectionName(section);
        found |= name && strcmp(name, ".debug_info") == 0;
    }
    LLVMDisposeSectionIterator(section);
    return found;
}

static void list_for_perf(const engine *e, LLVMBinaryRef binary, const char *prefix) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    FILE *list = fopen(path, "a");
    if (!list)
        return;
    LLVMSymbolIteratorRef symbol = LLVMObjectFileCopySymbolIterator(binary);
    for (; !LLVMObjectFileIsSymbolIteratorAtEnd(binary, symbol); LLVMMoveToNextSymbol(symbol)) {
        const char *name = LLVMGetSymbolName(symbol);
        LLVMOrcExecutorAddress address = 0;
        if (strncmp(name, prefix, strlen(prefix)) != 0 || LLVMGetSymbolSize(symbol) == 0)
            continue;
        LLVMErrorRef missing = LLVMOrcLLJITLookup(e->jit, &address, name);
        if (missing)
            LLVMConsumeError(missing);
        else
            fprintf(list, "%llx %llx %s\n", (unsigned long long)address,
                    (unsigned long long)LLVMGetSymbolSize(symbol), name);
    }
    LLVMDisposeSymbolIterator(symbol);
    fclose(list);
}

/* ---- loading */

/* The object files of an emit_object, as LLVM sees them. */
typedef struct engine_files {
    LLVMMemoryBufferRef bytes[2];
    LLVMBinaryRef binary[2];
    int count;
} engine_files;

static bool open_files(const emit_object *object, const char *prefix, engine_files *out,
                       error *problem) {
    size_t cuts[3] = {0, object->second > 0 ? object->second : object->count, object->count};
    for (int i = 0; i < (object->second > 0 ? 2 : 1); i++) {
        char *message = NULL;
        out->count = i + 1;
        out->bytes[i] = LLVMCreateMemoryBufferWithMemoryRange((const char *)object->bytes + cuts[i],
                                                              cuts[i + 1] - cuts[i], prefix, false);
        out->binary[i] = LLVMCreateBinary(out->bytes[i], NULL, &message);
        bool good = out->binary[i] && LLVMBinaryGetType(out->binary[i]) == LLVMBinaryTypeELF64L;
        if (!good)
            error_set(problem, STATUS_FORMAT, nowhere, "compiled code is damaged: %s",
                      message ? message : "it is no object file");
        LLVMDisposeMessage(message);
        if (!good)
            return false;
    }
    return true;
}

static void close_files(engine_files *files) {
    for (int i = 0; i < files->count; i++) {
        if (files->binary[i])
            LLVMDisposeBinary(files->binary[i]);
        LLVMDisposeMemoryBuffer(files->bytes[i]);
    }
}

static bool link_files(engine *e, const engine_files *files, const char *prefix, error *problem) {
    const char *what = "cannot load compiled code";
    char entry[LIMIT_NAME + 8];
    int length = snprintf(entry, sizeof entry, "%s_run", prefix);
    if (length < 0 || (size_t)length >= sizeof entry) {
        error_set(problem, STATUS_ARGUMENT, nowhere, "the prefix \"%s\" is too long", prefix);
        return false;
    }
    if (!good(e, LLVMOrcCreateLLJIT(&e->jit, NULL), "cannot start the linker", problem))
        return false;
    LLVMOrcExecutionSessionSetErrorReporter(LLVMOrcLLJITGetExecutionSession(e->jit), note,
                                            &e->reported);
    if (has_debug_information(files->binary[0]) &&
        !good(e, LLVMOrcLLJITEnableDebugSupport(e->jit), "cannot announce code to debuggers",
              problem))
        return false;
    LLVMOrcJITDylibRef all = LLVMOrcLLJITGetMainJITDylib(e->jit);
    for (int i = 0; i < files->count; i++) {
        LLVMMemoryBufferRef copy = LLVMCreateMemoryBufferWithMemoryRangeCopy(
            LLVMGetBufferStart(files->bytes[i]), LLVMGetBufferSize(files->bytes[i]), prefix);
        if (!good(e, LLVMOrcLLJITAddObjectFile(e->jit, all, copy), what, problem))
            return false;
    }
    LLVMOrcExecutorAddress address = 0;
    if (!good(e, LLVMOrcLLJITLookup(e->jit, &address, entry), what, problem))
        return false;
    uintptr_t number = (uintptr_t)address;
    memcpy(&e->run, &number, sizeof e->run); /* C casts no data pointer to a function */
    for (int i = 0; i < files->count && env_number("PERF", 0) == 1; i++)
        list_for_perf(e, files->binary[i], prefix);
    return true;
}

static bool load(engine *e, const emit_object *object, const char *prefix, error *problem) {
    engine_files files = {.count = 0};
    bool done =
        open_files(object, prefix, &files, problem) && link_files(e, &files, prefix, problem);
    close_files(&files);
    return done;
}

engine *engine_load(const emit_object *object, const char *prefix, const allocator *source,
                    error *problem) {
    engine *e = allocator_take(source, sizeof *e, 16);
    if (!e) {
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "out of memory while loading \"%s\"",
                  prefix);
        return NULL;
    }
    *e = (engine){.source = source};
    object_start(NULL);
    if (load(e, object, prefix, problem))
        return e;
    engine_free(e);
    return NULL;
}

engine_entry engine_run(const engine *e) {
    return e->run;
}

void engine_free(engine *e) {
    if (!e)
        return;
    if (e->jit) {
        LLVMErrorRef failure = LLVMOrcDisposeLLJIT(e->jit);
        if (failure)
            LLVMConsumeError(failure);
    }
    allocator_give(e->source, e, sizeof *e);
}
