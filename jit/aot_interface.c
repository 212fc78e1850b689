/* What C code sees of a program: a struct each for parameters, inputs, outputs and state, whose
 * members bear the user's names.
 *
 * Programs of an object share structs: all of them the parameters, and a step of training with its
 * gradient everything else. So a member is there if one of those programs needs it, and each
 * program takes of a struct what it needs itself.
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
    static const char *const names[AOT_GROUPS] = {"parameters", "optimiser", "inputs",
                                                  "outputs",    "gradients", "state"};
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
    "uint64_t",    "gradients",
    "optimiser",   "team",
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

/* What a param is to a program. */
static aot_group role_of(const aot *a, const char *param) {
    const aot_request *r = a->request;
    const aot_training *t = r->training;
    if (a->kind == AOT_MODEL)
        return r->is_state(r->user, param) ? AOT_STATE : AOT_PARAMETERS;
    if (t->is_state(t->user, param))
        return AOT_STATE;
    bool used = buffer_of(a->first, NEST_PARAM, param) >= 0;
    return t->is_kept(t->user, param) && !used ? AOT_OPTIMISER : AOT_PARAMETERS;
}

/* Are the structs of this group one? */
static bool shares(const aot *a, const aot *other, aot_group group) {
    return group == AOT_PARAMETERS || (a->kind == AOT_MODEL) == (other->kind == AOT_MODEL);
}

/* The program's buffer that is a member of this group; -1: it needs none. */
static int32_t member_of(const aot *a, aot_group group, nest_storage storage, const char *name) {
    return storage == NEST_PARAM && role_of(a, name) != group ? -1 : buffer_of(a, storage, name);
}

/* A program that has this member, this one first; NULL: none needs it. */
static const aot *owner_of(const aot *a, aot_group group, nest_storage storage, const char *name) {
    if (member_of(a, group, storage, name) >= 0)
        return a;
    for (const aot *p = a->first; p; p = p->next)
        if (shares(a, p, group) && member_of(p, group, storage, name) >= 0)
            return p;
    return NULL;
}

static bool has_field(const aot_struct *group, const char *name) {
    for (size_t i = 0; i < group->fields.count; i++)
        if (strcmp(group->fields.at[i].name, name) == 0)
            return true;
    return false;
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
    const aot *owner = owner_of(a, into, storage, name);
    if (!owner || has_field(group, name) || problem->code != STATUS_OK)
        return;
    const int32_t there = member_of(owner, into, storage, name);
    const nest_buffer *b = &owner->plan->buffers.at[there];
    aot_field field = {.name = name, .buffer = owner == a ? there : -1, .type = b->type};
    set_dimensions(owner, b, &field);
    field.identifier = identifier_of(a->memory, &taken[into], name);
    for (int i = 0; into == AOT_STATE && i < field.dimension_count; i++)
        if (field.dimension[i] < 0)
            a->state_axes |= UINT32_C(1) << (-1 - field.dimension[i]);
    group->taken += field.buffer >= 0 && !field.empty;
    if (!field.empty && !place(a, group, &field, owner->buffers[there].constant))
        error_set(problem, STATUS_SIZE, nowhere, "object: %s is larger than can be addressed",
                  name);
    bool weights = into == AOT_PARAMETERS && a->kind == AOT_MODEL && a->request->weights;
    if (weights && problem->code == STATUS_OK)
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

static bool updates(const aot *a, aot_group group) {
    const graph *g = a->plan->source;
    for (size_t i = 0; i < g->updates.count; i++)
        if (role_of(a, g->updates.at[i].variable->attributes.text) == group)
            return true;
    return false;
}

/* What another program, or this one, has in common with this one. */
static void add_fields(aot *a, const aot *other, word_list *taken, error *problem) {
    const graph *g = other->from;
    for (size_t i = 0; i < g->nodes.count; i++) {
        const op_node *n = g->nodes.at[i];
        const char *name = n->attributes.text;
        if (n->op != OP_INPUT && n->op != OP_PARAM)
            continue;
        aot_group into = n->op == OP_INPUT ? AOT_INPUTS : role_of(other, name);
        if (shares(a, other, into))
            add_field(a, into, n->op == OP_INPUT ? NEST_INPUT : NEST_PARAM, name, taken, problem);
    }
    size_t gradients = other->kind == AOT_GRADIENT ? a->request->training->learned_count : 0;
    for (size_t i = 0; i + gradients < g->outputs.count && shares(a, other, AOT_OUTPUTS); i++)
        add_field(a, AOT_OUTPUTS, NEST_OUTPUT, g->outputs.at[i].name, taken, problem);
}

/* The program's buffer for the gradient of a param; -1: there is none. */
static int32_t gradient_of(const aot *a, const char *param) {
    const aot_training *t = a->request->training;
    const graph *g = a->from;
    for (size_t i = 0; i < t->learned_count; i++)
        if (strcmp(t->learned[i], param) == 0)
            return buffer_of(a, NEST_OUTPUT,
                             g->outputs.at[g->outputs.count - t->learned_count + i].name);
    return -1;
}

/* The struct of parameters once more, as what the program writes. */
static void add_gradients(aot *a) {
    const aot_struct *like = &a->groups[AOT_PARAMETERS];
    aot_struct *group = &a->groups[AOT_GRADIENTS];
    *group = (aot_struct){.members = like->members, .bytes = like->bytes, .written = true};
    for (size_t i = 0; i < like->fields.count; i++) {
        aot_field field = like->fields.at[i];
        field.buffer = gradient_of(a, field.name);
        group->taken += field.buffer >= 0 && !field.empty;
        vec_push(a->memory, &group->fields, field);
    }
}

static void name_structs(aot *a) {
    const char *prefix = a->request->prefix;
    for (int k = 0; k < AOT_GROUPS; k++) {
        const char *name = aot_group_name(k == AOT_GRADIENTS ? AOT_PARAMETERS : (aot_group)k);
        bool own = k != AOT_PARAMETERS && k != AOT_GRADIENTS && k != AOT_OPTIMISER;
        a->groups[k].type = arena_print(a->memory, "%s_%s%s", prefix,
                                        own && a->kind != AOT_MODEL ? "train_" : "", name);
    }
}

bool aot_interface(aot *a, error *problem) {
    word_list taken[AOT_GROUPS] = {{0}};
    a->macro = upper(a->memory, a->prefix);
    name_axes(a);
    for (const aot *p = a->first; p; p = p->next)
        add_fields(a, p, taken, problem);
    for (int k = 0; k < AOT_GROUPS; k++)
        finish(a, &a->groups[k]);
    if (a->kind == AOT_GRADIENT)
        add_gradients(a);
    name_structs(a);
    a->groups[AOT_PARAMETERS].written = updates(a, AOT_PARAMETERS);
    a->groups[AOT_OPTIMISER].written = updates(a, AOT_OPTIMISER);
    a->groups[AOT_OUTPUTS].written = a->groups[AOT_STATE].written = true;
    a->places = a->state_axes != 0 && a->groups[AOT_STATE].members > 0;
    return problem->code == STATUS_OK;
}
