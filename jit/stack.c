/* How much stack a call of an object takes, at most.
 *
 * A thread of a small machine has some kilobytes of it, and what runs over is found by nobody. How
 * large the frame of a function is, the code generator alone knows; it is asked to warn of frames
 * of more than no bytes, and its warnings are the numbers. Who calls whom is in the module, where
 * no function comes to itself again; a call by address may be one of any function of its type. So
 * the longest way is a bound.
 *
 * What a warning does not have: the address to return to, bytes that align a frame, and those below
 * the stack's end that x86-64 lets a last function use. Memory that a function takes on its way
 * would not be in it either, so our code asks for all of its own where a function begins
 * (emit_room). */
#include <stdlib.h>
#include <string.h>

#include "jit/emit_internal.h"

enum { STACK_ADDRESS = 8, STACK_BELOW = 128, STACK_ALIGNED = 16, STACK_VECTOR = 64 };

typedef struct stack_function {
    LLVMValueRef function;
    size_t frame;   /* what a call of it takes */
    size_t deepest; /* with all that it calls */
} stack_function;

typedef struct stack_call {
    size_t from, to;
} stack_call;

struct stack_frames {
    VEC(stack_function) functions;
    VEC(stack_call) calls;
    size_t below;
};

static void stack_add(stack_frames *s, size_t from, size_t to, arena *memory) {
    if (from != to)
        vec_push(memory, &s->calls, ((stack_call){from, to}));
}

/* Whoever may be called: the function itself, or all of that type where its address is. */
static void stack_read_call(stack_frames *s, size_t from, LLVMValueRef call, arena *memory) {
    LLVMValueRef callee = LLVMGetCalledValue(call);
    LLVMTypeRef type = LLVMGetCalledFunctionType(call);
    const bool known = LLVMIsAFunction(callee);
    if (LLVMIsAInlineAsm(callee) || (known && LLVMIsDeclaration(callee)))
        return;
    for (size_t i = 0; i < s->functions.count; i++) {
        LLVMValueRef f = s->functions.at[i].function;
        if (known ? f == callee : LLVMGlobalGetValueType(f) == type)
            stack_add(s, from, i, memory);
    }
}

static void stack_read(stack_frames *s, size_t number, arena *memory) {
    stack_function *f = &s->functions.at[number];
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f->function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            LLVMOpcode what = LLVMGetInstructionOpcode(i);
            if (what == LLVMAlloca && LLVMGetAlignment(i) > STACK_ALIGNED)
                f->frame += LLVMGetAlignment(i);
            else if (what == LLVMCall)
                stack_read_call(s, number, i, memory);
        }
}

stack_frames *stack_ask(LLVMModuleRef module, const machine *row, arena *memory) {
    static const char key[] = "warn-stack-size";
    LLVMContextRef context = LLVMGetModuleContext(module);
    LLVMAttributeRef asked = LLVMCreateStringAttribute(context, key, sizeof key - 1, "0", 1);
    stack_frames *s = arena_new(memory, stack_frames);
    const bool wide = !row->triple; /* vectors larger than a stack's alignment: x86-64 */
    s->below = wide ? STACK_BELOW : 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f))
            continue;
        LLVMAddAttributeAtIndex(f, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, asked);
        vec_push(
            memory, &s->functions,
            ((stack_function){.function = f, .frame = STACK_ADDRESS + (wide ? STACK_VECTOR : 0)}));
    }
    for (size_t i = 0; i < s->functions.count; i++)
        stack_read(s, i, memory);
    return s;
}

/* stack frame size (N) exceeds limit (0) in function 'NAME' */
void stack_hear(stack_frames *s, const char *warning) {
    static const char begin[] = "stack frame size (", before[] = "in function '";
    const char *number = strstr(warning, begin), *name = strstr(warning, before);
    if (!number || !name)
        return;
    name += sizeof before - 1;
    for (size_t i = 0; i < s->functions.count; i++) {
        size_t length;
        const char *own = LLVMGetValueName2(s->functions.at[i].function, &length);
        if (strncmp(name, own, length) == 0 && name[length] == '\'')
            s->functions.at[i].frame += strtoul(number + sizeof begin - 1, NULL, 10);
    }
}

size_t stack_bound(stack_frames *s) {
    size_t most = 0;
    for (size_t i = 0; i < s->functions.count; i++)
        s->functions.at[i].deepest = s->functions.at[i].frame;
    for (bool longer = true; longer;) {
        longer = false;
        for (size_t i = 0; i < s->calls.count; i++) {
            stack_function *from = &s->functions.at[s->calls.at[i].from];
            size_t way = from->frame + s->functions.at[s->calls.at[i].to].deepest;
            longer |= way > from->deepest;
            from->deepest = way > from->deepest ? way : from->deepest;
        }
    }
    for (size_t i = 0; i < s->functions.count; i++)
        most = s->functions.at[i].deepest > most ? s->functions.at[i].deepest : most;
    return most + s->below;
}
