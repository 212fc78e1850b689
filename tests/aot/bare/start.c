/* The start of a program that has no C library, on the targets of objects: how it begins, says
 * bytes, and ends. Under Linux these are calls of the system. A Cortex-M4 asks its debugger
 * (semihosting), which the emulator is. WebAssembly leaves the bytes where JavaScript finds them.
 *
 * memset, memcpy and memmove are here because objects may import them, and nothing else. */
#include <stdbool.h>

#include "numbers.h"

int program(void);

_Noreturn void begin(void);

/* ---- memory */

void *memset(void *to, int byte, size_t count) {
    for (volatile char *at = to; count > 0; count--) /* volatile: or the loop is a call of memset */
        *at++ = (char)byte;
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    volatile char *out = to;
    const char *in = from;
    bool up = (uintptr_t)to <= (uintptr_t)from;
    for (size_t i = 0; i < count; i++)
        out[up ? i : count - 1 - i] = in[up ? i : count - 1 - i];
    return to;
}

void *memcpy(void *to, const void *from, size_t count) {
    return memmove(to, from, count);
}

void *arena_of(size_t bytes) {
    static _Alignas(64) char memory[1 << 20];
    need(bytes <= sizeof memory ? NULL : "an arena of more than a megabyte");
    return memory;
}

/* ---- the system */

#if defined(__wasm__)

char said[1 << 22];
int32_t said_count;

static void say(const char *bytes, size_t count) {
    if (count > sizeof said - (size_t)said_count)
        __builtin_trap();
    memcpy(said + said_count, bytes, count);
    said_count += (int32_t)count;
}

static _Noreturn void end(int status) {
    (void)status;
    __builtin_trap();
}

__attribute__((export_name("said"))) char *said_at(void) {
    return said;
}

__attribute__((export_name("count"))) int32_t said_bytes(void) {
    return said_count;
}

__attribute__((export_name("run"))) int run(void) {
    return program();
}

#elif __ARM_ARCH_PROFILE == 'M'

static int32_t ask(int32_t what, const void *about) {
    register int32_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = about;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void say(const char *bytes, size_t count) {
    enum { OPEN = 1, WRITE = 5, FOR_WRITING = 4 };
    static int32_t console;
    const uintptr_t open[3] = {(uintptr_t)":tt", FOR_WRITING, 3};
    if (console == 0)
        console = ask(OPEN, open);
    const uintptr_t write[3] = {(uintptr_t)console, (uintptr_t)bytes, count};
    ask(WRITE, write);
}

static _Noreturn void end(int status) {
    enum { EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };
    const uintptr_t how[2] = {APPLICATION_EXIT, (uintptr_t)status};
    ask(EXIT_EXTENDED, how);
    for (;;)
        ;
}

/* The unit for numbers is off until it is asked for. */
static _Noreturn void reset(void) {
    volatile uint32_t *access = (volatile uint32_t *)0xe000ed88;
    *access |= UINT32_C(0xf) << 20;
    __asm__ volatile("dsb\n isb" : : : "memory");
    begin();
}

extern char stack_top[];
__attribute__((section(".vectors"), used))
const void *const vectors[] = {stack_top, (const void *)reset};

#else

#    if defined(__x86_64__)
enum { WRITE = 1, EXIT = 231 };
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call begin\n");
#    elif defined(__aarch64__)
enum { WRITE = 64, EXIT = 94 };
__asm__(".globl _start\n_start:\n bl begin\n");
#    elif defined(__riscv)
enum { WRITE = 64, EXIT = 94 };
__asm__(".globl _start\n_start:\n call begin\n");
#    else
enum { WRITE = 4, EXIT = 248 };
__asm__(".globl _start\n_start:\n bl begin\n");
#    endif

static long ask(long what, long first, const void *second, size_t third) {
#    if defined(__x86_64__)
    register long result __asm__("rax") = what;
    __asm__ volatile("syscall"
                     : "+r"(result)
                     : "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
#    elif defined(__aarch64__)
    register long result __asm__("x0") = first, number __asm__("x8") = what;
    register const void *x1 __asm__("x1") = second;
    register size_t x2 __asm__("x2") = third;
    __asm__ volatile("svc 0" : "+r"(result) : "r"(number), "r"(x1), "r"(x2) : "memory");
#    elif defined(__riscv)
    register long result __asm__("a0") = first, number __asm__("a7") = what;
    register const void *a1 __asm__("a1") = second;
    register size_t a2 __asm__("a2") = third;
    __asm__ volatile("ecall" : "+r"(result) : "r"(number), "r"(a1), "r"(a2) : "memory");
#    else
    register long result __asm__("r0") = first, number __asm__("r7") = what;
    register const void *r1 __asm__("r1") = second;
    register size_t r2 __asm__("r2") = third;
    __asm__ volatile("svc 0" : "+r"(result) : "r"(number), "r"(r1), "r"(r2) : "memory");
#    endif
    return result;
}

static _Noreturn void end(int status) {
    ask(EXIT, status, NULL, 0);
    __builtin_trap();
}

static void say(const char *bytes, size_t count) {
    while (count > 0) {
        long written = ask(WRITE, 1, bytes, count);
        if (written <= 0)
            end(1);
        bytes += written;
        count -= (size_t)written;
    }
}

#endif

void tell(const void *from, size_t bytes) {
    say(from, bytes);
}

void need(const char *words) {
    size_t count = 0;
    if (!words)
        return;
    while (words[count])
        count++;
    say(words, count);
    end(1);
}

_Noreturn void begin(void) {
    end(program());
}
