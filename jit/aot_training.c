/* What the header of an object says of training.
 *
 * A step of training is a program like the model: the loss of a chunk, its gradient back through
 * all steps of it, and the update of parameters. All that it changes is memory of the caller's. Two
 * things set it apart. Its parameters are those of the model, so that what is learned is in use
 * with the next call. And what only it keeps, the moments of an optimiser, is a struct of its own,
 * which begins as zeros and need not exist where nothing is learned.
 *
 * The gradient alone is a third program, for callers who have an optimiser of their own, or add up
 * gradients of several chunks or devices. It is a struct of parameters: what goes through one,
 * float by float, can go through the other beside it. */
#include "jit/aot_internal.h"

enum { ALL_GROUPS = (1 << AOT_GROUPS) - 1 };

static void add_structs(const aot *a, text *out) {
    aot_header_struct(a, AOT_OPTIMISER,
                      "What the optimiser keeps from step to step. It begins as zeros, and a copy "
                      "of it\n * and of the parameters is a place to go back to.",
                      out);
    aot_header_struct(a, AOT_INPUTS, "What a step of training reads.", out);
    aot_header_struct(a, AOT_OUTPUTS, "What a step of training writes beside all that.", out);
    if (a->own_state)
        aot_header_struct(a, AOT_STATE, "What streams keep from step to step of training.", out);
    aot_header_state(a, out);
}

/* The memory that the program works in, and a call of it. */
static void add_calls(const aot *a, const char *name, text *out) {
    const uint32_t axes = aot_run_time_axes(a);
    const aot_declaration bytes = {"size_t ", "arena_bytes", axes, 0, NULL, NULL};
    if (a->whole_bytes >= 0)
        text_add(out, "#define %s_ARENA %lld /* the same at all times */\n", a->macro,
                 (long long)a->whole_bytes);
    aot_header_function(a, bytes, out);
    aot_header_calls(a, name, axes, ALL_GROUPS, out);
}

static void add_gradient(const aot *train, text *out) {
    const char *prefix = train->request->prefix;
    if (!train->next) {
        text_add(out, "\n/* There is no %s_gradient: ", prefix);
        aot_header_words(train->request->training->no_gradient, out);
        text_add(out, ". */\n");
        return;
    }
    text_add(out,
             "\n/* The same without any update but that of the state: the loss, and its gradient "
             "as it is before\n * clipping, in the place of each parameter that is learned. Others "
             "are left as they are. */\n");
    add_calls(train->next, "", out);
}

void aot_training_header(const aot *train, text *out) {
    text_add(out, "\n/* ---- training */\n");
    add_structs(train, out);
    text_add(out,
             "\n/* A step of training: the loss of what the inputs hold, its gradient back through "
             "all of it, and\n * the update of parameters and optimiser. NULL, or what is wrong: "
             "nothing was changed. */\n");
    add_calls(train, "step", out);
    add_gradient(train, out);
    aot_header_example(train, "To train, for example", out);
}
