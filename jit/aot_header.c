/* The header of an object: what a C or C++ program includes, and all the documentation that its
 * author gets. */
#include <string.h>

#include "core/limits.h"
#include "jit/aot_internal.h"

static const char *c_type(dtype type) {
    static const char *const names[DTYPE_COUNT] = {[DTYPE_F32] = "float",
                                                   [DTYPE_F64] = "double",
                                                   [DTYPE_I32] = "int32_t",
                                                   [DTYPE_BOOL] = "uint8_t"};
    return names[type];
}

static const char *upper(arena *memory, const char *word) {
    char *made = arena_copy_text(memory, word);
    for (char *c = made; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    return made;
}

/* A user's words inside a comment: nothing in them ends it. */
static void add_words(const char *words, text *out) {
    for (const char *c = words; *c; c++) {
        bool ends = c[0] == '*' && c[1] == '/';
        unsigned char byte = (unsigned char)*c;
        if (ends || byte < 0x20 || byte == 0x7F || byte == '\\' || byte == '?')
            text_add(out, "\\x%02x", byte);
        else
            text_add_bytes(out, c, 1);
    }
}

static void add_name(const char *name, text *out) {
    text_add(out, "\"");
    add_words(name, out);
    text_add(out, "\"");
}

static void add_dimensions(const aot *a, const aot_field *f, text *out) {
    for (int i = 0; i < f->dimension_count; i++)
        if (f->dimension[i] >= 0)
            text_add(out, "[%lld]", (long long)f->dimension[i]);
        else
            text_add(out, "[%s]", a->axis[-1 - f->dimension[i]]);
}

/* ---- structs */

static void add_field(const aot *a, aot_group group, const aot_field *f, text *out) {
    if (f->empty) {
        text_add(out, "    /* ");
        add_name(f->name, out);
        text_add(out, " has no elements */\n");
        return;
    }
    bool reads = !a->groups[group].written;
    text_add(out, "    %s%s %s%s", f->pointer && reads ? "const " : "", c_type(f->type),
             f->pointer ? "*" : "", f->identifier);
    if (!f->pointer)
        add_dimensions(a, f, out);
    text_add(out, ";");
    bool renamed = strcmp(f->identifier, f->name) != 0;
    if (renamed || f->pointer) {
        text_add(out, " /* ");
        if (renamed)
            add_name(f->name, out);
        if (f->pointer) {
            text_add(out, renamed ? ", " : "");
            add_dimensions(a, f, out);
        }
        text_add(out, " */");
    }
    text_add(out, "\n");
}

static void add_struct(const aot *a, aot_group group, const char *about, text *out) {
    const aot_struct *s = &a->groups[group];
    const char *prefix = a->request->prefix, *name = aot_group_name(group);
    if (s->members == 0)
        return;
    text_add(out, "\n/* %s */\ntypedef struct %s_%s {\n", about, prefix, name);
    for (size_t i = 0; i < s->fields.count; i++)
        add_field(a, group, &s->fields.at[i], out);
    text_add(out, "} %s_%s;\n", prefix, name);
    text_add(out, "typedef char %s_%s_layout[sizeof(%s_%s) == %zu ? 1 : -1];\n", prefix, name,
             prefix, name, s->bytes);
}

/* ---- functions */

/* One more argument, on a new line where this one is full. */
static void add_argument(text *out, size_t *line, bool first, const char *argument) {
    enum { MARGIN = 4, WIDTH = 100 };
    size_t width = WIDTH - 3; /* room for ", " or ");" */
    text_add(out, "%s", first ? "" : ", ");
    if (!first && out->count - *line + strlen(argument) > width) {
        out->count--; /* no blank before the end of the line */
        text_add(out, "\n%*s", (int)MARGIN, "");
        *line = out->count - MARGIN;
    }
    text_add(out, "%s", argument);
}

/* The declaration of a function that takes extents of these axes, pointers to these structs (a set
 * of groups), what is prepared (NULL: it does not), the arena. */
static void add_function(const aot *a, const char *result, const char *name, uint32_t axes,
                         uint32_t groups, const char *prepared, bool arena_too, text *out) {
    int order[LIMIT_AXES], printed = 0;
    int count = graph_axis_order(a->plan->source, axes, order);
    size_t line = out->count;
    text_add(out, "%s%s_%s(", result, a->request->prefix, name);
    for (int i = 0; i < count; i++)
        add_argument(out, &line, printed++ == 0,
                     arena_print(a->memory, "int64_t %s", a->axis[order[i]]));
    for (int k = 0; k < AOT_GROUPS; k++) {
        const char *group = aot_group_name((aot_group)k);
        if ((groups >> k & 1) && a->groups[k].members > 0)
            add_argument(out, &line, printed++ == 0,
                         arena_print(a->memory, "%s%s_%s *%s", a->groups[k].written ? "" : "const ",
                                     a->request->prefix, group, group));
        if (prepared && k == AOT_PARAMETERS)
            add_argument(out, &line, printed++ == 0, prepared);
    }
    if (arena_too) {
        add_argument(out, &line, printed++ == 0, "void *arena");
        add_argument(out, &line, false, "size_t arena_bytes");
    }
    text_add(out, "%s);\n", printed ? "" : "void");
}

static uint32_t run_time_axes(const aot *a) {
    uint32_t set = 0;
    for (int i = 0; i < a->axis_count; i++)
        set |= (uint32_t)(a->axis[i] != NULL) << i;
    return set;
}

static void add_functions(const aot *a, text *out) {
    const char *prefix = a->request->prefix, *macro = upper(a->memory, prefix);
    const uint32_t axes = run_time_axes(a), all = (UINT32_C(1) << AOT_GROUPS) - 1;
    text_add(out,
             "\n/* Bytes of memory that a call works in, aligned to %s_ALIGNMENT; nothing in it\n"
             " * outlives the call. SIZE_MAX: more than can be addressed. */\n"
             "#define %s_ALIGNMENT %d\n",
             macro, macro, PLAN_ALIGNMENT);
    if (a->whole_bytes >= 0)
        text_add(out, "#define %s_ARENA %lld /* the same at all times */\n", macro,
                 (long long)a->whole_bytes);
    if (a->step_bytes >= 0)
        text_add(out, "#define %s_STEP_ARENA %lld /* of a step */\n", macro,
                 (long long)a->step_bytes);
    add_function(a, "size_t ", "arena_bytes", axes, 0, NULL, false, out);
    if (a->groups[AOT_STATE].members > 0) {
        text_add(out, "\n/* The state before the first step. NULL, or what is wrong. */\n");
        add_function(a, "const char *", "reset", a->state_axes, UINT32_C(1) << AOT_STATE, NULL,
                     false, out);
    }
    text_add(out,
             "\n/* One call of the program. NULL, or what is wrong: nothing was computed. */\n");
    add_function(a, "const char *", "sequence", axes, all, NULL, true, out);
    if (a->step_axis < 0) {
        text_add(out, "\n/* There is no %s_step: ", prefix);
        add_words(a->no_step, out);
        text_add(out, ". */\n");
        return;
    }
    const char *axis = a->axis[a->step_axis];
    text_add(
        out,
        "\n/* The same for one step of %s. Steps give the bits of the whole sequence; a result "
        "that does\n * not vary along %s, such as a total, is that of the step. */\n",
        axis, axis);
    const uint32_t others = axes & ~(UINT32_C(1) << a->step_axis);
    add_function(a, "const char *", "step", others, all, NULL, true, out);
    if (!a->keeps)
        return;
    text_add(
        out,
        "\n/* Most of the work of a step is to bring parameters into the order in which it "
        "reads\n * them. Kept in memory of the caller's, aligned to %s_ALIGNMENT, that is made "
        "once, and\n * again whenever parameters have changed; any number of streams may read "
        "it. */\n#define %s_PREPARED %zu /* bytes */\n",
        macro, macro, a->prepared_bytes);
    add_function(a, "const char *", "prepare", 0, UINT32_C(1) << AOT_PARAMETERS, "void *prepared",
                 false, out);
    add_function(a, "const char *", "step_prepared", others, all, "const void *prepared", true,
                 out);
}

void aot_header(const aot *a, text *out) {
    const char *prefix = a->request->prefix;
    text_add(
        out,
        "/* %s: a model compiled by %s for %s (%s).\n"
        " *\n"
        " * Link %s.o; it needs nothing but memset, memcpy and memmove, allocates nothing, and "
        "may\n"
        " * be called by any number of threads that do not write to the same memory. Arrays "
        "are\n"
        " * row-major. A member whose size is known is held by value; one that varies over an "
        "axis\n"
        " * of a call is a pointer. */\n",
        prefix, a->request->producer, a->target->name, a->target->cpu, prefix);
    text_add(out,
             "#ifndef EDDY_OBJECT_%s\n#define EDDY_OBJECT_%s\n\n#include <stddef.h>\n"
             "#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n",
             prefix, prefix);
    bool learns = a->groups[AOT_PARAMETERS].written, pointers = a->state_axes != 0;
    add_struct(a, AOT_PARAMETERS, learns ? "What calls learn." : "What was learnt.", out);
    if (a->has_weights)
        text_add(out, "extern const %s_parameters %s_weights; /* as they were when compiled */\n",
                 prefix, prefix);
    add_struct(a, AOT_INPUTS, "What a call reads.", out);
    add_struct(a, AOT_OUTPUTS, "What a call writes.", out);
    add_struct(a, AOT_STATE,
               pointers ? "What streams keep from call to call, in memory of the caller."
                        : "What a stream keeps from call to call. A copy of it is a place to go "
                          "back to.",
               out);
    add_functions(a, out);
    text_add(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
