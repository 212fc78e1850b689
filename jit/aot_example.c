/* The program at the end of a header: whoever reads it sees how the functions are called, for this
 * model, and may begin with a copy of it.
 *
 * There is one for the model and one for training, which takes a few steps on one chunk. It has the
 * object and C alone. Where a stream of steps needs no extents it takes four steps, else
 * it makes one call of four steps of two samples, and prints the last element of every result.
 * Inputs are quarters from 0 to 1 that go round, or 1 and 0 in turn: any model takes them, lengths
 * and symbols included. What it prints is exact, so tests compare it with a run.
 *
 * Arrays are called after members, with the struct behind, so that no two have one name. */
#include <string.h>

#include "core/size.h"
#include "jit/aot_internal.h"

enum { EXAMPLE_STEPS = 4, EXAMPLE_SAMPLES = 2, EXAMPLE_ROUNDS = 3 };

typedef struct example {
    const aot *a;
    text *out;
    const char *margin;
    bool steps; /* it goes step by step */
    bool given; /* the object's weights are what calls take */
} example;

static int64_t extent_of(const example *x, int axis) {
    const graph_axis *of = &x->a->plan->source->axes[axis];
    return x->steps ? 1 : of->batch ? EXAMPLE_SAMPLES : EXAMPLE_STEPS;
}

static size_t elements(const example *x, const aot_field *f) {
    size_t count = 1;
    for (int i = 0; i < f->dimension_count; i++) {
        int64_t size =
            f->dimension[i] >= 0 ? f->dimension[i] : extent_of(x, (int)(-1 - f->dimension[i]));
        if (!size_multiply(count, (size_t)size, &count))
            return SIZE_MAX;
    }
    return count;
}

/* Where the elements of a member are. */
static const char *array_of(const example *x, aot_group group, const aot_field *f) {
    static const char *const behind[AOT_GROUPS] = {
        [AOT_INPUTS] = "in", [AOT_OUTPUTS] = "out", [AOT_STATE] = "state"};
    if (f->pointer)
        return arena_print(x->a->memory, "%s_%s", f->identifier, behind[group]);
    return arena_print(x->a->memory, "%s.%s", aot_group_name(group), f->identifier);
}

static bool has(const example *x, aot_group group) {
    return x->a->groups[group].taken > 0;
}

/* Does the object have values of the parameters? */
static bool has_weights(const example *x) {
    return x->a->first->weights != NULL;
}

/* Functions and macros of the state, which may be the model's. */
static const aot *owner_of_state(const example *x) {
    return x->a->own_state ? x->a : x->a->first;
}

/* "4, 2, ": the extents of these axes, in the order of arguments. */
static const char *extents(const example *x, uint32_t axes, const char *behind) {
    text words;
    int order[LIMIT_AXES];
    text_init(&words, x->a->memory);
    int count = graph_axis_order(x->a->plan->source, axes, order);
    for (int i = 0; i < count; i++)
        text_add(&words, "%lld%s", (long long)extent_of(x, order[i]),
                 i + 1 < count ? ", " : behind);
    return words.at;
}

/* ---- what is declared */

static void declare_arrays(const example *x, aot_group group) {
    const aot_struct *s = &x->a->groups[group];
    for (size_t i = 0; i < s->fields.count; i++) {
        const aot_field *f = &s->fields.at[i];
        if (f->empty || !f->pointer)
            continue;
        const char *array = array_of(x, group, f);
        text_add(x->out, "    static %s %s[%zu];\n", aot_c_type(f->type), array, elements(x, f));
        text_add(x->out, "    %s.%s = %s;\n", aot_group_name(group), f->identifier, array);
    }
}

static void declare_structs(const example *x) {
    for (int k = 0; k < AOT_GROUPS; k++)
        if (has(x, (aot_group)k) && !(k == AOT_PARAMETERS && x->given))
            text_add(x->out, "    static %s %s;%s\n", x->a->groups[k].type,
                     aot_group_name((aot_group)k),
                     k == AOT_PARAMETERS && !has_weights(x) ? " // zeros: bring your own" : "");
    if (has(x, AOT_PARAMETERS) && has_weights(x) && !x->given)
        text_add(x->out, "    parameters = %s_weights;\n", x->a->request->prefix);
    declare_arrays(x, AOT_INPUTS);
    declare_arrays(x, AOT_OUTPUTS);
}

static void declare_arena(const example *x) {
    const aot *a = x->a;
    int64_t bytes = x->steps ? a->step_bytes : a->whole_bytes;
    if (bytes >= 0)
        text_add(x->out, "    alignas(%s_ALIGNMENT) static char arena[%s_%s];\n", a->first->macro,
                 a->macro, x->steps ? "STEP_ARENA" : "ARENA");
    else
        text_add(x->out,
                 "    size_t arena_bytes = %s_arena_bytes(%s);\n"
                 "    void *arena = aligned_alloc(%s_ALIGNMENT, arena_bytes);\n",
                 a->prefix, extents(x, aot_run_time_axes(a), ""), a->first->macro);
}

static void declare_state(const example *x) {
    const aot *a = x->a;
    const char *prefix = owner_of_state(x)->prefix;
    if (a->places)
        text_add(x->out,
                 "    void *memory = aligned_alloc(%s_ALIGNMENT, %s_state_bytes(%s));\n"
                 "    %s_state_place(%s&state, memory);\n",
                 a->first->macro, prefix, extents(x, a->state_axes, ""), prefix,
                 extents(x, a->state_axes, ", "));
    if (has(x, AOT_STATE))
        text_add(x->out, "    %s_reset(%s&state);\n", prefix, extents(x, a->state_axes, ", "));
}

/* ---- what goes in */

static bool is_stepped(const example *x, const aot_field *f) {
    for (int i = 0; x->steps && i < f->dimension_count; i++)
        if (f->dimension[i] == OP_EXTENT_OF(x->a->step_axis))
            return true;
    return false;
}

/* A learning rate, as eddy_minimise calls it, that learns. */
static const char *value_of(const example *x, const aot_field *f) {
    bool rate = x->a->kind == AOT_TRAIN && strcmp(f->name, "learning_rate") == 0;
    return rate ? "0.015625" : "0.25";
}

static void fill(const example *x, const aot_field *f) {
    const bool real = dtype_is_float(f->type), stepped = is_stepped(x, f);
    const char *type = aot_c_type(f->type), *array = array_of(x, AOT_INPUTS, f);
    size_t count = elements(x, f);
    text_add(x->out, "%s", x->margin);
    if (count > 1)
        text_add(x->out, "for (int i = 0; i < %zu; i++)\n%s    ", count, x->margin);
    if (f->pointer)
        text_add(x->out, count > 1 ? "%s[i]" : "%s[0]", array);
    else if (f->dimension_count > 0)
        text_add(x->out, count > 1 ? "((%s *)&%s)[i]" : "((%s *)&%s)[0]", type, array);
    else
        text_add(x->out, "%s", array);
    if (count == 1 && !stepped)
        text_add(x->out, " = %s;\n", real ? value_of(x, f) : "1");
    else
        text_add(x->out, " = (%s)((%s1%s) %% %d)%s;\n", type, stepped ? "step + " : "",
                 count > 1 ? " + i" : "", real ? 5 : 2, real ? " / 4" : "");
}

static void fill_inputs(const example *x, bool stepped) {
    const aot_struct *s = &x->a->groups[AOT_INPUTS];
    for (size_t i = 0; i < s->fields.count; i++)
        if (!s->fields.at[i].empty && is_stepped(x, &s->fields.at[i]) == stepped)
            fill(x, &s->fields.at[i]);
}

/* ---- the call, and what comes out */

static void call(const example *x) {
    const aot *a = x->a;
    uint32_t axes = aot_run_time_axes(a);
    int64_t bytes = x->steps ? a->step_bytes : a->whole_bytes;
    if (x->steps)
        axes &= ~(UINT32_C(1) << a->step_axis);
    bool step = x->steps || a->kind == AOT_TRAIN;
    text_add(x->out, "%sconst char *wrong = %s_%s(%s", x->margin, a->prefix,
             step ? "step" : "sequence", extents(x, axes, ", "));
    for (int k = 0; k < AOT_GROUPS; k++)
        if (k == AOT_PARAMETERS && has(x, AOT_PARAMETERS) && x->given)
            text_add(x->out, "&%s_weights, ", a->prefix);
        else if (has(x, (aot_group)k))
            text_add(x->out, "&%s, ", aot_group_name((aot_group)k));
    text_add(x->out, "arena, %s);\n%sif (wrong)\n%s    return puts(wrong), 1;\n",
             bytes >= 0 ? "sizeof arena" : "arena_bytes", x->margin, x->margin);
}

static void print_output(const example *x, const aot_field *f) {
    const char *array = array_of(x, AOT_OUTPUTS, f);
    const char *format = f->type == DTYPE_F32 ? "%.9g" : f->type == DTYPE_F64 ? "%.17g" : "%d";
    text last;
    text_init(&last, x->a->memory);
    text_add(&last, "%s", array);
    if (f->pointer)
        text_add(&last, "[%zu]", elements(x, f) - 1);
    for (int i = 0; !f->pointer && i < f->dimension_count; i++)
        text_add(&last, "[%lld]", (long long)f->dimension[i] - 1);
    text_add(x->out, "%sprintf(\"%s %s\\n\", %s%s);\n", x->margin, f->identifier, format,
             f->type == DTYPE_F32 ? "(double)" : "", last.at);
}

void aot_example(const aot *a, text *out) {
    uint32_t axes = aot_run_time_axes(a);
    example x = {.a = a, .out = out, .margin = "    "};
    x.given = a->weights && !a->groups[AOT_PARAMETERS].written;
    x.steps = a->step_axis >= 0 && axes == UINT32_C(1) << a->step_axis;
    bool whole = x.steps || a->whole_bytes >= 0, rounds = a->kind == AOT_TRAIN;
    text_add(out, "#include \"%s.h\"\n%s#include <stdio.h>\n%s\nint main(void) {\n",
             a->request->file, whole ? "#include <stdalign.h>\n" : "",
             !whole || a->places ? "#include <stdlib.h>\n" : "");
    declare_arena(&x);
    declare_structs(&x);
    declare_state(&x);
    fill_inputs(&x, false);
    if (x.steps || rounds) {
        const char *what = rounds ? "round" : "step";
        text_add(out, "    for (int %s = 0; %s < %d; %s++) {\n", what, what,
                 rounds ? EXAMPLE_ROUNDS : EXAMPLE_STEPS, what);
        x.margin = "        ";
        fill_inputs(&x, true);
    }
    call(&x);
    const aot_struct *s = &a->groups[AOT_OUTPUTS];
    for (size_t i = 0; i < s->fields.count; i++)
        if (!s->fields.at[i].empty && s->fields.at[i].buffer >= 0)
            print_output(&x, &s->fields.at[i]);
    if (x.steps || rounds)
        text_add(out, "    }\n");
    text_add(out, "%s%s    return 0;\n}\n", whole ? "" : "    free(arena);\n",
             a->places ? "    free(memory);\n" : "");
}
