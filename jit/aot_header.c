/* The header of an object: what a C or C++ program includes, and all the documentation that its
 * author gets. */
#include <string.h>

#include "core/limits.h"
#include "jit/aot_internal.h"

/* A user's words inside a comment: nothing in them ends it. */
void aot_header_words(const char *words, text *out) {
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
    aot_header_words(name, out);
    text_add(out, "\"");
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
    text_add(out, "    %s%s %s%s", f->pointer && reads ? "const " : "", aot_c_type(f->type),
             f->pointer ? "*" : "", f->identifier);
    if (!f->pointer)
        aot_dimensions(a, f, out);
    text_add(out, ";");
    bool renamed = strcmp(f->identifier, f->name) != 0;
    if (renamed || f->pointer) {
        text_add(out, " /* ");
        if (renamed)
            add_name(f->name, out);
        if (f->pointer) {
            text_add(out, renamed ? ", " : "");
            aot_dimensions(a, f, out);
        }
        text_add(out, " */");
    }
    text_add(out, "\n");
}

void aot_header_struct(const aot *a, aot_group group, const char *about, text *out) {
    const aot_struct *s = &a->groups[group];
    if (s->members == 0)
        return;
    text_add(out, "\n/* %s */\ntypedef struct %s {\n", about, s->type);
    for (size_t i = 0; i < s->fields.count; i++)
        add_field(a, group, &s->fields.at[i], out);
    text_add(out, "} %s;\n", s->type);
    text_add(out, "typedef char %s_layout[sizeof(%s) == %zu ? 1 : -1];\n", s->type, s->type,
             s->bytes);
}

/* ---- functions */

/* Memory of the caller's, as the last arguments. */
static const char *const arena_arguments[] = {"void *arena", "size_t arena_bytes", NULL};
static const char *const place_arguments[] = {"void *memory", NULL};

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

void aot_header_function(const aot *a, aot_declaration of, text *out) {
    int order[LIMIT_AXES], printed = 0;
    int count = graph_axis_order(a->plan->source, of.axes, order);
    size_t line = out->count;
    text_add(out, "%s%s%s%s(", of.result, a->prefix, *of.name ? "_" : "", of.name);
    for (int i = 0; i < count; i++)
        add_argument(out, &line, printed++ == 0,
                     arena_print(a->memory, "int64_t %s", a->axis[order[i]]));
    for (int k = 0; k < AOT_GROUPS; k++) {
        const aot_struct *s = &a->groups[k];
        if ((of.groups >> k & 1) && s->taken > 0)
            add_argument(out, &line, printed++ == 0,
                         arena_print(a->memory, "%s%s *%s", s->written ? "" : "const ", s->type,
                                     aot_group_name((aot_group)k)));
        if (of.prepared && k == AOT_PARAMETERS)
            add_argument(out, &line, printed++ == 0, of.prepared);
    }
    for (; of.memory && *of.memory; of.memory++)
        add_argument(out, &line, printed++ == 0, *of.memory);
    text_add(out, "%s);\n", printed ? "" : "void");
}

static void add_function(const aot *a, const char *result, const char *name, uint32_t axes,
                         uint32_t groups, const char *const *memory, text *out) {
    aot_header_function(a, (aot_declaration){result, name, axes, groups, NULL, memory}, out);
}

void aot_header_calls(const aot *a, const char *name, uint32_t axes, uint32_t groups, text *out) {
    const char *both = arena_print(a->memory, "%s%steam", name, *name ? "_" : "");
    const char *team = arena_print(a->memory, "const %s_team *team", a->request->prefix);
    const char *const shared[] = {arena_arguments[0], arena_arguments[1], team, NULL};
    add_function(a, "const char *", name, axes, groups, arena_arguments, out);
    add_function(a, "const char *", both, axes, groups, shared, out);
}

/* Threads of the caller's. */
static void add_team(const aot *a, text *out) {
    const char *prefix = a->request->prefix;
    text_add(
        out,
        "\n/* Threads that share a call: each makes it, with the same arguments but for a team "
        "of its own,\n * which has its number. meet(user) returns when all of them have called "
        "it, as a barrier does:\n * that of an OpenMP region, or of pthreads. All return when "
        "the call is done, and no bit depends\n * on their number. NULL: the caller is alone. "
        "*/\ntypedef struct %s_team {\n    int32_t thread, threads; /* 0 <= thread < threads "
        "<= %d */\n    void (*meet)(void *user);\n    void *user;\n} %s_team;\n",
        prefix, LIMIT_THREADS, prefix);
}

void aot_header_state(const aot *a, text *out) {
    const uint32_t state = UINT32_C(1) << AOT_STATE;
    if (!a->own_state)
        return;
    if (a->places) {
        text_add(out,
                 "\n/* Bytes of memory for what the members of a state point to, a multiple of "
                 "%s_ALIGNMENT.\n * SIZE_MAX: more than can be addressed. */\n",
                 a->first->macro);
        add_function(a, "size_t ", "state_bytes", a->state_axes, 0, NULL, out);
        text_add(out,
                 "\n/* Lets them point into such memory, aligned to %s_ALIGNMENT. To save the "
                 "streams, copy the\n * struct and the memory; to go back, copy both back. NULL, "
                 "or what is wrong. */\n",
                 a->first->macro);
        add_function(a, "const char *", "state_place", a->state_axes, state, place_arguments, out);
    }
    text_add(out, "\n/* The state before the first step. NULL, or what is wrong. */\n");
    add_function(a, "const char *", "reset", a->state_axes, state, NULL, out);
}

static void add_prepared_functions(const aot *a, uint32_t axes, uint32_t groups, text *out) {
    text_add(out,
             "\n/* Most of the work of a step is to bring parameters into the order in which it "
             "reads\n * them. Kept in memory of the caller's, aligned to %s_ALIGNMENT, that is "
             "made once, and\n * again whenever parameters have changed; any number of streams may "
             "read it. */\n#define %s_PREPARED %zu /* bytes */\n",
             a->macro, a->macro, a->prepared_bytes);
    if (a->kept_step_bytes >= 0)
        text_add(out, "#define %s_STEP_PREPARED_ARENA %lld /* of a step that finds it */\n",
                 a->macro, (long long)a->kept_step_bytes);
    const uint32_t own = UINT32_C(1) << AOT_PARAMETERS;
    if (a->request->multi)
        text_add(out,
                 "/* It is for the processor that prepares it: calls that find it there ask no "
                 "more which one\n * this is. */\n");
    const aot_declaration prepare = {"const char *", "prepare", 0, own, "void *prepared", NULL};
    aot_declaration use = {"const char *", "step_prepared",        axes,
                           groups,         "const void *prepared", arena_arguments};
    aot_header_function(a, prepare, out);
    aot_header_function(a, use, out);
    use.name = "sequence_prepared";
    use.axes = aot_run_time_axes(a);
    aot_header_function(a, use, out);
}

static void add_weights_function(const aot *a, text *out) {
    const char *prefix = a->request->prefix;
    if (a->groups[AOT_PARAMETERS].members == 0)
        return;
    text_add(
        out,
        "\n/* Lets *parameters point into a %s.weights that was read or mapped, whole, aligned "
        "to\n * %s_ALIGNMENT. NULL, or why it cannot be used. */\n"
        "const char *%s_weights_in(const %s_parameters **parameters, const void *file,\n"
        "    size_t file_bytes);\n",
        a->request->file, a->macro, prefix, prefix);
}

static void add_functions(const aot *a, text *out) {
    const uint32_t axes = aot_run_time_axes(a), all = (UINT32_C(1) << AOT_GROUPS) - 1;
    text_add(out,
             "\n/* Bytes of memory that a call works in, aligned to %s_ALIGNMENT; nothing in it\n"
             " * outlives the call. SIZE_MAX: more than can be addressed. */\n"
             "#define %s_ALIGNMENT %d\n",
             a->macro, a->macro, PLAN_ALIGNMENT);
    text_add(out,
             "#define %s_STACK %zu /* bytes of the stack that a call takes, at most, beside what "
             "memset, memcpy,\n    memmove and a team's meet take */\n",
             a->macro, a->stack);
    if (a->whole_bytes >= 0)
        text_add(out, "#define %s_ARENA %lld /* the same at all times */\n", a->macro,
                 (long long)a->whole_bytes);
    if (a->step_bytes >= 0)
        text_add(out, "#define %s_STEP_ARENA %lld /* of a step */\n", a->macro,
                 (long long)a->step_bytes);
    add_function(a, "size_t ", "arena_bytes", axes, 0, NULL, out);
    add_weights_function(a, out);
    aot_header_state(a, out);
    add_team(a, out);
    text_add(out,
             "\n/* One call of the program. NULL, or what is wrong: nothing was computed. */\n");
    aot_header_calls(a, "sequence", axes, all, out);
    if (a->step_axis < 0) {
        text_add(out, "\n/* There is no %s_step: ", a->request->prefix);
        aot_header_words(a->no_step, out);
        text_add(out, ". */\n");
        return;
    }
    const char *axis = a->axis[a->step_axis];
    text_add(
        out,
        "\n/* The same for one step of %s. Steps give the bits of the whole sequence; a result "
        "that does\n * not vary along %s, such as a total, is that of the step. */\n",
        axis, axis);
    if (a->request->multi)
        text_add(
            out,
            "/* It asks each time which processor this is: a tenth of a microsecond, and up to "
            "20 in a\n * virtual machine. %s_step_prepared does not. */\n",
            a->request->prefix);
    const uint32_t others = axes & ~(UINT32_C(1) << a->step_axis);
    add_function(a, "const char *", "step", others, all, arena_arguments, out);
    if (a->keeps)
        add_prepared_functions(a, others, all, out);
}

/* ---- what the object says of itself */

static void add_information(const aot *a, text *out) {
    const char *prefix = a->request->prefix, *macro = a->macro;
    text_add(
        out,
        "\n/* What the object is: data, which any processor can read.\n * cpu: which processors "
        "run it%s.\n * interface: %s_INTERFACE, if this header and that object were made "
        "together.\n * weights: FNV-1a of the bytes of %s_weights; 0: there are none. */\n",
        a->target->triple
            ? ""
            : arena_print(a->memory, "; gcc and clang ask by __builtin_cpu_supports(%s_CPU)",
                          macro),
        macro, prefix);
    text_add(out,
             "#define %s_CPU \"%s\"\n#define %s_INTERFACE UINT64_C(0x%016llx)\n"
             "typedef struct %s_information {\n    char producer[%zu], cpu[%zu];\n"
             "    uint64_t interface, weights;\n} %s_information;\n"
             "extern const %s_information %s_info;\n",
             macro, a->info.cpu, macro, (unsigned long long)a->info.interface, prefix,
             sizeof a->info.producer, sizeof a->info.cpu, prefix, prefix, prefix);
}

void aot_header_example(const aot *a, const char *words, text *out) {
    text example;
    text_init(&example, a->memory);
    aot_example(a, &example);
    text_add(out, "\n/* %s:\n *\n", words);
    for (const char *line = example.at; *line;) {
        int length = (int)strcspn(line, "\n");
        text_add(out, length ? " *     %.*s\n" : " *\n", length, line);
        line += length + 1;
    }
    text_add(out, " */\n");
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
        " * of a call is a pointer. A program that does all of it is at the end. */\n",
        prefix, a->request->producer,
        a->request->multi   ? "x86-64"
        : a->target->triple ? a->target->target
                            : a->target->name,
        a->request->multi   ? "x86-64-v2, v3 and v4"
        : a->target->triple ? a->target->name
                            : a->target->cpu,
        a->request->file);
    if (a->request->flush)
        text_add(out,
                 "/* Calls take denormals for zeros; what the caller's thread has set stays. "
                 "*/\n");
    text_add(out,
             "#ifndef EDDY_OBJECT_%s\n#define EDDY_OBJECT_%s\n\n#include <stddef.h>\n"
             "#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n",
             prefix, prefix);
    bool learns = a->groups[AOT_PARAMETERS].written || a->next;
    aot_header_struct(a, AOT_PARAMETERS, learns ? "What calls learn." : "What was learnt.", out);
    if (a->weights)
        text_add(out, "extern const %s_parameters %s_weights; /* as they were when compiled */\n",
                 prefix, prefix);
    aot_header_struct(a, AOT_INPUTS, "What a call reads.", out);
    aot_header_struct(a, AOT_OUTPUTS, "What a call writes.", out);
    aot_header_struct(
        a, AOT_STATE,
        a->places ? "What streams keep from call to call, in memory of the caller."
                  : "What a stream keeps from call to call. A copy of it is a place to go back to.",
        out);
    add_functions(a, out);
    if (a->next)
        aot_training_header(a->next, out);
    add_information(a, out);
    text_add(out, "\n#ifdef __cplusplus\n}\n#endif\n");
    aot_header_example(a, "For example", out);
    text_add(out, "\n#endif\n");
}
