/* The machines that code is made for, and which of them this one is. */
#include <limits.h>
#include <llvm-c/Core.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "core/env.h"
#include "jit/emit.h"

static const machine machines[] = {
#define MACHINE(...) {__VA_ARGS__},
#include "jit/machine.def"
#undef MACHINE
};

enum { MACHINE_COUNT = sizeof machines / sizeof *machines };

/* The question takes a literal, so every row is asked for by name. */
static bool host_runs(const machine *m) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (strcmp(m->cpu, "x86-64-v4") == 0)
        return __builtin_cpu_supports("x86-64-v4");
    if (strcmp(m->cpu, "x86-64-v3") == 0)
        return __builtin_cpu_supports("x86-64-v3");
#endif
    (void)m;
    return false;
}

const machine *machine_find(const char *name) {
    for (int i = 0; i < MACHINE_COUNT; i++)
        if (strcmp(machines[i].name, name) == 0 || strcmp(machine_level(&machines[i]), name) == 0)
            return &machines[i];
    return NULL;
}

const machine *machine_for(const char *target) {
    const machine *usual = machine_find("x86-64-v3"); /* and not the best of its target */
    if (strcmp(usual->target, target) == 0)
        return usual;
    for (int i = 0; i < MACHINE_COUNT; i++)
        if (strcmp(machines[i].target, target) == 0)
            return &machines[i];
    return NULL;
}

int machine_lanes(const machine *m, size_t bytes) {
    return m->vector_bytes > (int)bytes ? m->vector_bytes / (int)bytes : 1;
}

uint64_t machine_most(const machine *m) {
    return m->pointer_bytes == 4 ? INT32_MAX : INT64_MAX;
}

const char *machine_level(const machine *m) {
    return m->triple ? m->name : m->cpu;
}

const machine *machine_host(void) {
    const char *wanted = env_text("CPU");
    if (wanted) {
        const machine *m = machine_find(wanted);
        return m && host_runs(m) ? m : NULL;
    }
    int most = SANITIZE_BUILD == SANITIZE_THREAD ? 16 : INT_MAX;
    for (int i = 0; i < MACHINE_COUNT; i++)
        if (host_runs(&machines[i]) && machines[i].vector_bytes <= most)
            return &machines[i];
    return NULL;
}

size_t machine_cache(void) {
    long bytes = -1;
#if defined(_SC_LEVEL2_CACHE_SIZE)
    bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    return bytes > 0 ? (size_t)bytes : (size_t)1 << 20;
}

void machine_compiler(unsigned version[3]) {
    LLVMGetVersion(&version[0], &version[1], &version[2]);
}
