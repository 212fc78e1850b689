/* What C code sees of a program: a struct each for parameters, inputs, outputs and state, whose
 * members bear the user's names.
 *
 * One rule says what a member is: if its size is known now it is held by value, so that a set of
 * parameters is one piece of memory to declare, copy or map; if it varies over an axis whose extent
 * only a call knows, it is a pointer. The layout of a struct is the one that C gives it on every
 * machine whose scalars are aligned to their size; the header has the compiler check it.
 *
 * Names of users are any text, those of C are not: other characters than letters, digits and '_'
 * become '_', a name that does not begin with a letter gets an 'n', a word of C or C++ gets a '_'
 * at its end, and what is taken already gets a number. */
#include <assert.h>
#include <string.h>

#include "core/size.h"
#include "jit/aot_internal.h"

static const site nowhere = {NULL, 0};

const char *aot_group_name(aot_group group) {
    static const char *const names[AOT_GROUPS] = {"parameters", "inputs", "outputs", "state"};
    assert((unsigned)group < AOT_GROUPS);
    return names[group];
}

const char *aot_c_type(dtype type) {
    static const char *const names[DTYPE_COUNT] = {[DTYPE_F32] = "float",
                                                   [DTYPE_F64] = "double",
                                                   [DTYPE_I32] = "int32_t",
                                                   [DTYPE_BOOL] = "uint8_t"};
    return names[type];
}

void aot_dimensions(const aot *a, const aot_field *f, text *out) {
    for (int i = 0; i < f->dimension_count; i++)
        if (f->dimension[i] >= 0)
            text_add(out, "[%lld]", (long long)f->dimension[i]);
        else
            text_add(out, "[%s]", a->axis[-1 - f->dimension[i]]);
}

/* ---- identifiers */

/* Words of C11 and C++20, macros of compilers, and what a header of ours says itself. */
static const char *const reserved[] = {
    "alignas",     "alignof",
    "and",         "and_eq",
    "arena",       "arena_bytes",
    "asm",         "auto",
    "bitand",      "bitor",
    "bool",        "break",
    "case",        "catch",
    "char",        "char16_t",
    "char32_t",    "char8_t",
    "class",       "co_await",
    "co_return",   "co_yield",
    "compl",       "concept",
    "const",       "const_cast",
    "consteval",   "constexpr",
    "constinit",   "continue",
    "decltype",    "default",
    "delete",      "do",
    "double",      "dynamic_cast",
    "else",        "enum",
    "explicit",    "export",
    "extern",      "false",
    "float",       "for",
    "friend",      "goto",
    "if",          "inline",
    "inputs",      "int",
    "int32_t",     "int64_t",
    "linux",       "long",
    "mutable",     "namespace",
    "new",         "noexcept",
    "not",         "not_eq",
    "nullptr",     "operator",
    "or",          "or_eq",
    "outputs",     "parameters",
    "prepared",    "private",
    "protected",   "public",
    "register",    "reinterpret_cast",
    "requires",    "restrict",
    "return",      "short",
    "signed",      "size_t",
    "sizeof",      "state",
    "static",      "static_assert",
    "static_cast", "struct",
    "switch",      "template",
    "this",        "thread_local",
    "throw",       "true",
    "try",         "typedef",
    "typeid",      "typename",
    "typeof",      "typeof_unqual",
    "uint8_t",     "union",
    "unix",        "unsigned",
    "using",       "virtual",
    "void",        "volatile",
    "wchar_t",     "while",
    "xor",         "xor_eq",
    "NULL",        "memory",
    "uint64_t",
};

static bool is_reserved(const char *word) {
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(reserved[i], word) == 0)
            return true;
    return false;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

typedef VEC(const char *) word_list;

static bool is_taken(const word_list *taken, const char *word) {
    for (size_t i = 0; i < taken->count; i++)
        if (strcmp(taken->at[i], word) == 0)
            return true;
    return false;
}

static const char *identifier_of(arena *memory, word_list *taken, const char *name) {
    char *made = arena_print(memory, "%s%s", is_letter(name[0]) ? "" : "n", name);
    for (char *c = made; *c; c++)
        if (!is_letter(*c) && !(*c >= '0' && *c <= '9'))
            *c = '_';
    if (is_reserved(made))
        made = arena_print(memory, "%s_", made);
    const char *found = made;
    for (int n = 2; is_taken(taken, found); n++)
        found = arena_print(memory, "%s_%d", made, n);
    vec_push(memory, taken, found);
    return found;
}

static const char *upper(arena *memory, const char *word) {
    char *made = arena_copy_text(memory, word);
    for (char *c = made; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    return made;
}

static void name_axes(aot *a) {
    const graph *g = a->plan->source;
    word_list taken = {0};
    a->axis_count = g->axis_count;
    int order[LIMIT_AXES];
    uint32_t all = (uint32_t)((UINT64_C(1) << g->axis_count) - 1);
    int count = graph_axis_order(g, all, order);
    for (int i = 0; i < count; i++)
        if (g->axes[order[i]].extent < 0)
            a->axis[order[i]] = identifier_of(a->memory, &taken, g->axes[order[i]].name);
}

/* ---- members */

/* The plan's buffer of that name; -1: the program does not need it. */
static int32_t buffer_of(const aot *a, nest_storage storage, const char *name) {
    for (size_t i = 0; i < a->plan->buffers.count; i++)
        if (a->plan->buffers.at[i].storage == storage &&
            strcmp(a->plan->buffers.at[i].name, name) == 0)
            return (int32_t)i;
    return -1;
}

static void set_dimensions(const aot *a, const nest_buffer *b, aot_field *out) {
    for (int i = 0; i < b->axis_count + b->shape.rank; i++) {
        int64_t size =
            i < b->axis_count ? OP_EXTENT_OF(b->axes[i]) : b->shape.dimension[i - b->axis_count];
        if (size < 0 && a->plan->source->axes[-1 - size].extent >= 0)
            size = a->plan->source->axes[-1 - size].extent;
        out->pointer |= size < 0;
        out->empty |= size == 0;
        out->dimension[out->dimension_count++] = size;
    }
}

static size_t pointer_bytes(const aot *a) {
    return (size_t)a->target->pointer_bytes;
}

/* Behind the members that are there. false: more than can be addressed. */
static bool place(const aot *a, aot_struct *group, aot_field *field, size_t constant) {
    size_t alignment = field->pointer ? pointer_bytes(a) : dtype_size(field->type);
    field->bytes = pointer_bytes(a);
    if (!field->pointer && !size_multiply(constant, dtype_size(field->type), &field->bytes))
        return false;
    group->members++;
    return size_align(group->bytes, alignment, &field->offset) &&
           size_add(field->offset, field->bytes, &group->bytes) &&
           group->bytes <= machine_most(a->target);
}

static void add_field(aot *a, aot_group into, nest_storage storage, const char *name,
                      word_list *taken, error *problem) {
    aot_struct *group = &a->groups[into];
    aot_field field = {.name = name, .buffer = buffer_of(a, storage, name)};
    if (field.buffer < 0 || problem->code != STATUS_OK)
        return;
    const nest_buffer *b = &a->plan->buffers.at[field.buffer];
    field.type = b->type;
    set_dimensions(a, b, &field);
    field.identifier = identifier_of(a->memory, &taken[into], name);
    for (int i = 0; into == AOT_STATE && i < field.dimension_count; i++)
        if (field.dimension[i] < 0)
            a->state_axes |= UINT32_C(1) << (-1 - field.dimension[i]);
    if (!field.empty && !place(a, group, &field, a->buffers[field.buffer].constant))
        error_set(problem, STATUS_SIZE, nowhere, "object: %s is larger than can be addressed",
                  name);
    if (into == AOT_PARAMETERS && a->request->weights && problem->code == STATUS_OK)
        field.weights = a->request->weights(a->request->user, name, field.type, &b->shape, problem);
    vec_push(a->memory, &group->fields, field);
}

/* What follows the last member, so that structs can lie in arrays. */
static void finish(const aot *a, aot_struct *group) {
    size_t alignment = 1;
    for (size_t i = 0; i < group->fields.count; i++) {
        const aot_field *f = &group->fields.at[i];
        size_t own = f->empty ? 1 : f->pointer ? pointer_bytes(a) : dtype_size(f->type);
        alignment = own > alignment ? own : alignment;
    }
    group->bytes = (group->bytes + alignment - 1) & ~(alignment - 1);
}

uint32_t aot_run_time_axes(const aot *a) {
    uint32_t set = 0;
    for (int i = 0; i < a->axis_count; i++)
        set |= (uint32_t)(a->axis[i] != NULL) << i;
    return set;
}

static bool updates_parameters(const aot *a) {
    const graph *g = a->plan->source;
    for (size_t i = 0; i < g->updates.count; i++)
        if (!a->request->is_state(a->request->user, g->updates.at[i].variable->attributes.text))
            return true;
    return false;
}

bool aot_interface(aot *a, const graph *from, error *problem) {
    word_list taken[AOT_GROUPS] = {{0}};
    a->macro = upper(a->memory, a->request->prefix);
    name_axes(a);
    for (size_t i = 0; i < from->nodes.count; i++) {
        const op_node *n = from->nodes.at[i];
        const char *name = n->attributes.text;
        if (n->op == OP_INPUT)
            add_field(a, AOT_INPUTS, NEST_INPUT, name, taken, problem);
        else if (n->op == OP_PARAM && a->request->is_state(a->request->user, name))
            add_field(a, AOT_STATE, NEST_PARAM, name, taken, problem);
        else if (n->op == OP_PARAM)
            add_field(a, AOT_PARAMETERS, NEST_PARAM, name, taken, problem);
    }
    for (size_t i = 0; i < from->outputs.count; i++)
        add_field(a, AOT_OUTPUTS, NEST_OUTPUT, from->outputs.at[i].name, taken, problem);
    for (int k = 0; k < AOT_GROUPS; k++)
        finish(a, &a->groups[k]);
    a->groups[AOT_PARAMETERS].written = updates_parameters(a);
    a->groups[AOT_OUTPUTS].written = a->groups[AOT_STATE].written = true;
    a->places = a->state_axes != 0 && a->groups[AOT_STATE].members > 0;
    return problem->code == STATUS_OK;
}
