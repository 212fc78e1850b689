/* The functions of a header, in the module of the program: they check what they are given, fill the
 * table of buffers, and call the program. What is refused has not been touched.
 *
 * All other symbols become local, so objects of any prefixes link into one program. */
#include <string.h>

#include "core/hash.h"
#include "jit/aot_frame.h"

static LLVMTypeRef number_type(const emit *e) {
    return emit_type(e, BODY_I64, 1);
}

/* ---- functions */

LLVMValueRef aot_at(const emit *e, LLVMValueRef from, LLVMValueRef bytes) {
    LLVMTypeRef byte = LLVMInt8TypeInContext(e->context);
    return LLVMIsNull(bytes) ? from : LLVMBuildGEP2(e->builder, byte, from, &bytes, 1, "");
}

/* As an argument or a result of C: as wide as there. */
static LLVMValueRef size_of(const emit *e, LLVMValueRef bytes) {
    return LLVMBuildTrunc(e->builder, bytes, emit_size_type(e), "");
}

static LLVMValueRef data(const emit *e, const char *name, const void *bytes, size_t count) {
    LLVMValueRef value = LLVMConstStringInContext2(e->context, bytes, count, true);
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    return global;
}

static void answer(const emit *e, const char *words) {
    LLVMValueRef sentence = LLVMConstPointerNull(e->pointer);
    if (words) {
        sentence = data(e, "", words, strlen(words) + 1);
        LLVMSetLinkage(sentence, LLVMPrivateLinkage);
    }
    LLVMBuildRet(e->builder, sentence);
}

void aot_refuse(const aot_frame *f, LLVMValueRef condition, const char *words) {
    const emit *e = f->e;
    if (LLVMIsConstant(condition) && LLVMIsNull(condition))
        return;
    LLVMBasicBlockRef bad = LLVMAppendBasicBlockInContext(e->context, f->function, "");
    LLVMBasicBlockRef good = LLVMAppendBasicBlockInContext(e->context, f->function, "");
    LLVMBuildCondBr(e->builder, condition, bad, good);
    LLVMPositionBuilderAtEnd(e->builder, bad);
    answer(e, words);
    LLVMPositionBuilderAtEnd(e->builder, good);
}

/* What a function takes: extents of these run-time axes in the order of memory, then pointers to
 * these structs, what is prepared behind the parameters, then memory, then how much of it, then a
 * team. */
typedef struct aot_signature {
    uint32_t axes;
    bool groups[AOT_GROUPS];
    bool prepared;
    bool memory, memory_bytes;
    bool team;
} aot_signature;

static aot_frame open_function(emit *e, aot *a, const char *name, aot_signature takes,
                               LLVMTypeRef result) {
    aot_frame f = {.e = e, .a = a};
    LLVMTypeRef types[LIMIT_AXES + AOT_GROUPS + 4];
    int order[LIMIT_AXES], count = 0;
    int axes = graph_axis_order(a->plan->source, takes.axes, order);
    for (int i = 0; i < axes; i++)
        types[count++] = number_type(e);
    for (int k = 0; k < AOT_GROUPS; k++) {
        if (takes.groups[k])
            types[count++] = e->pointer;
        if (takes.prepared && k == AOT_PARAMETERS)
            types[count++] = e->pointer;
    }
    if (takes.memory)
        types[count++] = e->pointer;
    if (takes.memory_bytes)
        types[count++] = emit_size_type(e);
    if (takes.team)
        types[count++] = e->pointer;
    LLVMTypeRef type = LLVMFunctionType(result, types, (unsigned)count, false);
    const char *symbol = arena_print(e->memory, "%s%s%s", aot_is_level(e) ? a->local : a->prefix,
                                     *name ? "_" : "", name);
    f.function = emit_function(e, type, symbol, symbol);
    unsigned next = 0;
    for (int i = 0; i < axes; i++)
        f.extents[order[i]] = LLVMGetParam(f.function, next++);
    for (int k = 0; k < AOT_GROUPS; k++) {
        if (takes.groups[k])
            f.groups[k] = LLVMGetParam(f.function, next++);
        if (takes.prepared && k == AOT_PARAMETERS)
            f.prepared = LLVMGetParam(f.function, next++);
    }
    if (aot_is_level(e))
        aot_remember(&f, symbol, takes.prepared && !takes.memory);
    if (takes.memory)
        f.memory = LLVMGetParam(f.function, next++);
    if (takes.memory_bytes)
        f.memory_bytes =
            LLVMBuildZExt(e->builder, LLVMGetParam(f.function, next++), number_type(e), "");
    if (takes.team)
        f.team = LLVMGetParam(f.function, next++);
    for (int i = 0; i < a->axis_count; i++)
        if (!a->axis[i])
            f.extents[i] = emit_integer(e, a->plan->source->axes[i].extent);
    return f;
}

/* ---- what a call checks */

static LLVMValueRef is_null(const emit *e, LLVMValueRef pointer) {
    return LLVMBuildICmp(e->builder, LLVMIntEQ, pointer, LLVMConstPointerNull(e->pointer), "");
}

static LLVMValueRef is_illegal(const emit *e, LLVMValueRef extent) {
    return LLVMBuildICmp(e->builder, LLVMIntUGT, extent, emit_integer(e, INT32_MAX), "");
}

static void check_extents(const aot_frame *f) {
    for (int i = 0; i < f->a->axis_count; i++)
        if (f->a->axis[i] && f->extents[i])
            aot_refuse(
                f, is_illegal(f->e, f->extents[i]),
                arena_print(f->e->memory, "%s is not between 0 and %d", f->a->axis[i], INT32_MAX));
}

static void check_structs(const aot_frame *f) {
    for (int k = 0; k < AOT_GROUPS; k++)
        if (f->groups[k])
            aot_refuse(f, is_null(f->e, f->groups[k]),
                       arena_print(f->e->memory, "%s is NULL", aot_group_name((aot_group)k)));
}

/* Memory that the object divides is there, and aligned. */
static void check_memory(const aot_frame *f, LLVMValueRef memory, const char *name) {
    const emit *e = f->e;
    aot_refuse(f, is_null(e, memory), arena_print(e->memory, "%s is NULL", name));
    LLVMValueRef address = LLVMBuildPtrToInt(e->builder, memory, number_type(e), "");
    LLVMValueRef low = LLVMBuildAnd(e->builder, address, emit_integer(e, PLAN_ALIGNMENT - 1), "");
    aot_refuse(f, LLVMBuildICmp(e->builder, LLVMIntNE, low, emit_integer(e, 0), ""),
               arena_print(e->memory, "%s is not aligned to %d bytes", name, PLAN_ALIGNMENT));
}

static void check_arena(const aot_frame *f) {
    const emit *e = f->e;
    aot_refuse(f, aot_layout_is_too_large(f),
               "with these extents the program needs more memory than can be addressed");
    check_memory(f, f->memory, "arena");
    aot_refuse(
        f, LLVMBuildICmp(e->builder, LLVMIntULT, f->memory_bytes, f->total, ""),
        arena_print(e->memory, "arena_bytes is less than %s_arena_bytes asks for", f->a->prefix));
}

/* Lengths of samples lie between 0 and the extent: code relies on it. */
static void check_lengths(aot_frame *f, int axis, const aot_field *field, LLVMValueRef from) {
    const emit *e = f->e;
    LLVMTypeRef type = LLVMInt32TypeInContext(e->context);
    LLVMValueRef count = emit_integer(e, 1);
    for (int i = 0; i < field->dimension_count; i++)
        count = emit_times(e, count,
                           field->dimension[i] >= 0 ? emit_integer(e, field->dimension[i])
                                                    : f->extents[-1 - field->dimension[i]]);
    LLVMValueRef bad = LLVMConstInt(LLVMInt1TypeInContext(e->context), 0, false);
    emit_loop loop;
    emit_loop_open(e, f->function, &loop, emit_integer(e, 0), count, emit_integer(e, 1), &bad, 1);
    LLVMValueRef place = LLVMBuildGEP2(e->builder, type, from, &loop.counter, 1, "");
    LLVMValueRef length = LLVMBuildLoad2(e->builder, type, place, "");
    length = LLVMBuildSExt(e->builder, length, number_type(e), ""); /* negative: a large number */
    LLVMValueRef outside = LLVMBuildICmp(e->builder, LLVMIntUGT, length, f->extents[axis], "");
    bad = LLVMBuildOr(e->builder, bad, outside, "");
    emit_loop_close(e, &loop, &bad);
    aot_refuse(f, bad,
               arena_print(e->memory, "a length in %s is not between 0 and the extent of %s",
                           field->identifier, f->a->plan->source->axes[axis].name));
}

/* ---- the table of buffers */

/* The address of a member's elements, or NULL where it has none: refused if it is missing. */
static LLVMValueRef given(aot_frame *f, aot_group group, const aot_field *field) {
    const emit *e = f->e;
    LLVMValueRef member = aot_at(e, f->groups[group], emit_integer(e, (int64_t)field->offset));
    if (!field->pointer)
        return member;
    LLVMValueRef pointer = LLVMBuildLoad2(e->builder, e->pointer, member, "");
    LLVMValueRef some = LLVMBuildNot(e->builder, aot_layout_is_empty(f, field), "");
    aot_refuse(f, LLVMBuildAnd(e->builder, is_null(e, pointer), some, ""),
               arena_print(e->memory, "%s->%s is NULL", aot_group_name(group), field->identifier));
    return pointer;
}

static LLVMValueRef pointer_to(aot_frame *f, aot_group group, const aot_field *field) {
    LLVMValueRef scratch = aot_at(f->e, f->memory, f->scratch);
    if (field->empty)
        return scratch;
    LLVMValueRef pointer = given(f, group, field);
    return LLVMBuildSelect(f->e->builder, aot_layout_is_empty(f, field), scratch, pointer, "");
}

static void set_entry(const aot_frame *f, size_t buffer, LLVMValueRef pointer) {
    const emit *e = f->e;
    LLVMValueRef table = aot_at(e, f->memory, f->table), number = emit_integer(e, (int64_t)buffer);
    LLVMValueRef to = LLVMBuildGEP2(e->builder, e->pointer, table, &number, 1, "");
    LLVMBuildStore(e->builder, pointer, to);
}

static const op_node *lengths_input(const aot *a, int axis) {
    const op_node *lengths = a->plan->source->axes[axis].lengths;
    return lengths && lengths->op == OP_INPUT ? lengths : NULL;
}

static LLVMValueRef kept(const aot_frame *f, size_t buffer) {
    return aot_at(f->e, f->prepared, emit_integer(f->e, (int64_t)f->a->prepared_at[buffer]));
}

/* What members point to, by buffer; NULL: it is no member. Whatever is wrong there is refused. */
static LLVMValueRef *find_members(aot_frame *f) {
    const aot *a = f->a;
    LLVMValueRef *found = arena_array(f->e->memory, LLVMValueRef, a->plan->buffers.count + 1);
    for (int k = 0; k < AOT_GROUPS; k++)
        for (size_t i = 0; i < a->groups[k].fields.count; i++) {
            const aot_field *field = &a->groups[k].fields.at[i];
            if (field->buffer < 0)
                continue;
            LLVMValueRef pointer = found[field->buffer] = pointer_to(f, (aot_group)k, field);
            for (int axis = 0; k == AOT_INPUTS && axis < a->axis_count; axis++) {
                const op_node *lengths = lengths_input(a, axis);
                if (lengths && strcmp(lengths->attributes.text, field->name) == 0)
                    check_lengths(f, axis, field, pointer);
            }
        }
    return found;
}

/* What all threads of a call read: the table of buffers, extents, and what members without elements
 * point to. */
static void fill_tables(const aot_frame *f, LLVMValueRef *members) {
    const emit *e = f->e;
    const aot *a = f->a;
    LLVMValueRef zero = LLVMConstInt(LLVMInt8TypeInContext(e->context), 0, false);
    if (!LLVMIsNull(f->scratch_bytes))
        LLVMBuildMemSet(e->builder, aot_at(e, f->memory, f->scratch), zero,
                        size_of(e, f->scratch_bytes), PLAN_ALIGNMENT);
    for (size_t i = 0; i < a->plan->buffers.count; i++)
        if (members[i])
            set_entry(f, i, members[i]);
        else if (f->prepared && a->prepared_at[i] != AOT_NOT_PREPARED)
            set_entry(f, i, kept(f, i));
        else if (f->offsets[i])
            set_entry(f, i, aot_at(e, f->memory, f->offsets[i]));
    for (int i = 0; i < a->axis_count; i++)
        LLVMBuildStore(e->builder, f->extents[i],
                       emit_entry(e, aot_at(e, f->memory, f->counts), i));
}

/* What the thread is told that is alone, or the first one. */
static void fill_context(const aot_frame *f, LLVMValueRef context) {
    const emit *e = f->e;
    int64_t alone[EMIT_CONTEXT] = {0};
    emit_context(alone, 0, 1, 1, NULL, NULL);
    alone[EMIT_PREPARED] = f->prepared != NULL;
    for (int i = LIMIT_AXES; i < EMIT_BLOCK_FIRST; i++) /* the others are the code's to write */
        LLVMBuildStore(e->builder, emit_integer(e, alone[i]), emit_entry(e, context, i));
    if (f->extents[NEST_BLOCK])
        LLVMBuildStore(e->builder,
                       emit_pick(e, LLVMIntSGT, f->extents[NEST_BLOCK], emit_integer(e, 1)),
                       emit_entry(e, context, EMIT_STEPS));
}

/* ---- the functions of the header */

/* What a call of the program takes. */
static aot_signature whole_signature(const aot *a) {
    aot_signature takes = {.axes = aot_run_time_axes(a), .memory = true, .memory_bytes = true};
    for (int k = 0; k < AOT_GROUPS; k++)
        takes.groups[k] = a->groups[k].taken > 0;
    return takes;
}

/* Returns the arena's size if it is the same at all extents, else -1. */
static int64_t emit_call(aot_frame *f) {
    emit *e = f->e;
    const aot *a = f->a;
    if (f->team)
        aot_team_context(f);
    check_extents(f);
    check_structs(f);
    if (f->prepared)
        check_memory(f, f->prepared, "prepared");
    if (f->team)
        aot_team_open(f);
    aot_layout(f);
    check_arena(f);
    LLVMValueRef *members = find_members(f);
    LLVMBasicBlockRef all = f->team ? aot_team_first(f) : NULL;
    fill_tables(f, members);
    if (f->team)
        aot_team_all(f, all);
    LLVMValueRef arguments[3] = {aot_at(e, f->memory, f->table), aot_at(e, f->memory, f->counts)};
    arguments[2] = f->team ? f->own_context : aot_at(e, f->memory, f->context);
    fill_context(f, arguments[2]);
    if (f->team) {
        aot_team_tell(f);
        aot_team_meet(f);
    }
    const char *entry = arena_print(e->memory, "%s_run", a->local);
    LLVMBuildCall2(e->builder, e->entry_type, LLVMGetNamedFunction(e->module, entry), arguments, 3,
                   "");
    if (f->team)
        aot_team_meet(f);
    answer(e, NULL);
    if (a->request->flush)
        aot_flush(f);
    int64_t known;
    return emit_is_integer(f->total, &known) ? known : -1;
}

/* A call for a team, and one for a thread that is alone. */
static int64_t emit_calls(emit *e, aot *a, const char *name) {
    const char *team = arena_print(e->memory, "%s%steam", name, *name ? "_" : "");
    aot_signature takes = whole_signature(a);
    takes.team = true;
    aot_frame f = open_function(e, a, team, takes, e->pointer);
    int64_t bytes = emit_call(&f);
    takes.team = false;
    aot_frame one = open_function(e, a, name, takes, e->pointer);
    unsigned count = LLVMCountParams(one.function);
    LLVMValueRef *arguments = arena_array(e->memory, LLVMValueRef, count + 1);
    for (unsigned i = 0; i < count; i++)
        arguments[i] = LLVMGetParam(one.function, i);
    arguments[count] = LLVMConstPointerNull(e->pointer);
    LLVMTypeRef type = LLVMGlobalGetValueType(f.function);
    LLVMBuildRet(e->builder,
                 LLVMBuildCall2(e->builder, type, f.function, arguments, count + 1, ""));
    return bytes;
}

/* What the program makes of its parameters alone, in memory of the caller's. */
static void emit_prepare(emit *e, aot *a) {
    aot_signature takes = {.prepared = true};
    takes.groups[AOT_PARAMETERS] = a->groups[AOT_PARAMETERS].taken > 0;
    aot_frame f = open_function(e, a, "prepare", takes, e->pointer);
    const aot_struct *group = &a->groups[AOT_PARAMETERS];
    size_t count = a->plan->buffers.count;
    LLVMValueRef *bases = arena_array(e->memory, LLVMValueRef, count + 1);
    check_structs(&f);
    check_memory(&f, f.prepared, "prepared");
    for (size_t i = 0; i < count; i++)
        if (a->prepared_at[i] != AOT_NOT_PREPARED)
            bases[i] = kept(&f, i);
    for (size_t i = 0; i < group->fields.count; i++) {
        const aot_field *field = &group->fields.at[i];
        if (!field->pointer && field->buffer >= 0)
            bases[field->buffer] = field->empty ? f.prepared : given(&f, AOT_PARAMETERS, field);
    }
    emit_host host = {.function = f.function, .axis = -1, .bases = bases};
    emit_prepared(e, &host);
    answer(e, NULL);
    if (a->request->flush)
        aot_flush(&f);
}

/* The function returns the total of its layout; SIZE_MAX where there is none. */
static void answer_total(const aot_frame *f) {
    const emit *e = f->e;
    LLVMValueRef bad = aot_layout_is_too_large(f);
    for (int i = 0; i < f->a->axis_count; i++)
        if (f->extents[i])
            bad = LLVMBuildOr(e->builder, bad, is_illegal(e, f->extents[i]), "");
    LLVMValueRef total = LLVMBuildSelect(e->builder, bad, emit_integer(e, -1), f->total, "");
    LLVMBuildRet(e->builder, size_of(e, total));
}

/* Any processor may ask for the sizes of all. */
static void emit_arena_bytes(emit *e, aot *a) {
    aot_signature takes = {.axes = aot_run_time_axes(a)};
    aot_frame f = open_function(e, a, "arena_bytes", takes, emit_size_type(e));
    emit_for_any(f.function);
    aot_layout(&f);
    answer_total(&f);
}

/* Where members of a state are pointers: the memory that they need, and a place in it for each. */
static void emit_state_place(emit *e, aot *a) {
    const aot_struct *state = &a->groups[AOT_STATE];
    LLVMValueRef *offsets = arena_array(e->memory, LLVMValueRef, state->fields.count + 1);
    aot_signature takes = {.axes = a->state_axes};
    aot_frame f = open_function(e, a, "state_bytes", takes, emit_size_type(e));
    aot_layout_state(&f, offsets);
    answer_total(&f);

    takes.groups[AOT_STATE] = takes.memory = true;
    f = open_function(e, a, "state_place", takes, e->pointer);
    check_extents(&f);
    check_structs(&f);
    check_memory(&f, f.memory, "memory");
    aot_layout_state(&f, offsets);
    aot_refuse(&f, aot_layout_is_too_large(&f),
               "with these extents the state needs more memory than can be addressed");
    for (size_t i = 0; i < state->fields.count; i++) {
        LLVMValueRef member =
            aot_at(e, f.groups[AOT_STATE], emit_integer(e, (int64_t)state->fields.at[i].offset));
        if (offsets[i])
            LLVMBuildStore(e->builder, aot_at(e, f.memory, offsets[i]), member);
    }
    answer(e, NULL);
}

/* Zeros everywhere: clearing the positions would do, but equal streams then have equal bytes. */
static void emit_reset(emit *e, aot *a) {
    aot_signature takes = {.axes = a->state_axes, .groups = {[AOT_STATE] = true}};
    aot_frame f = open_function(e, a, "reset", takes, e->pointer);
    const aot_struct *group = &a->groups[AOT_STATE];
    LLVMValueRef zero = LLVMConstInt(LLVMInt8TypeInContext(e->context), 0, false);
    LLVMValueRef *to = arena_array(e->memory, LLVMValueRef, group->fields.count);
    check_extents(&f);
    check_structs(&f);
    for (size_t i = 0; i < group->fields.count; i++)
        if (!group->fields.at[i].empty)
            to[i] = given(&f, AOT_STATE, &group->fields.at[i]);
    for (size_t i = 0; i < group->fields.count; i++) {
        const aot_field *field = &group->fields.at[i];
        if (!to[i])
            continue;
        LLVMValueRef bytes = aot_layout_bytes(&f, &a->buffers[field->buffer]);
        bytes = LLVMBuildSelect(e->builder, aot_layout_is_empty(&f, field), emit_integer(e, 0),
                                bytes, "");
        LLVMBuildMemSet(e->builder, to[i], zero, size_of(e, bytes), 1);
    }
    answer(e, NULL);
}

/* FNV-1a of memory of so many bytes, as hash.c computes it. */
static LLVMValueRef emit_hash(const aot_frame *f, LLVMValueRef from, int64_t bytes) {
    const emit *e = f->e;
    LLVMTypeRef byte = LLVMInt8TypeInContext(e->context);
    LLVMValueRef hash = emit_integer(e, (int64_t)hash_bytes(NULL, 0)),
                 prime = emit_integer(e, 0x100000001b3);
    emit_loop loop;
    emit_loop_open(e, f->function, &loop, emit_integer(e, 0), emit_integer(e, bytes),
                   emit_integer(e, 1), &hash, 1);
    LLVMValueRef place = LLVMBuildGEP2(e->builder, byte, from, &loop.counter, 1, "");
    LLVMValueRef next = LLVMBuildLoad2(e->builder, byte, place, "");
    hash = LLVMBuildXor(e->builder, hash, LLVMBuildZExt(e->builder, next, number_type(e), ""), "");
    hash = LLVMBuildMul(e->builder, hash, prime, "");
    emit_loop_close(e, &loop, &hash);
    return hash;
}

/* The number of 64 bits at an offset in a file of weights is another one than this. */
static LLVMValueRef is_other(const aot_frame *f, size_t offset, LLVMValueRef expected) {
    const emit *e = f->e;
    LLVMValueRef place = aot_at(e, f->memory, emit_integer(e, (int64_t)offset));
    LLVMValueRef found = LLVMBuildLoad2(e->builder, number_type(e), place, "");
    return LLVMBuildICmp(e->builder, LLVMIntNE, found, expected, "");
}

/* Where the parameters are in a file of weights that the caller has read or mapped. */
static void emit_weights_in(emit *e, aot *a) {
    aot_signature takes = {
        .groups = {[AOT_PARAMETERS] = true}, .memory = true, .memory_bytes = true};
    aot_frame f = open_function(e, a, "weights_in", takes, e->pointer);
    const int64_t whole = (int64_t)(sizeof a->head + a->groups[AOT_PARAMETERS].bytes);
    int64_t magic;
    memcpy(&magic, a->head.magic, sizeof magic);
    check_structs(&f);
    check_memory(&f, f.memory, "file");
    aot_refuse(
        &f,
        LLVMBuildICmp(e->builder, LLVMIntULT, f.memory_bytes, emit_integer(e, sizeof a->head), ""),
        "this is no file of weights: it is too short");
    aot_refuse(&f, is_other(&f, offsetof(aot_head, magic), emit_integer(e, magic)),
               "this is no file of weights");
    aot_refuse(&f,
               is_other(&f, offsetof(aot_head, layout), emit_integer(e, (int64_t)a->head.layout)),
               "these are weights of another model");
    aot_refuse(&f, LLVMBuildICmp(e->builder, LLVMIntNE, f.memory_bytes, emit_integer(e, whole), ""),
               "the file of weights is cut, or has more than weights");
    const int64_t summed = offsetof(aot_head, layout);
    LLVMValueRef sum = emit_hash(&f, aot_at(e, f.memory, emit_integer(e, summed)), whole - summed);
    aot_refuse(&f, is_other(&f, offsetof(aot_head, sum), sum),
               "the weights are not those that were written: their checksum is another");
    LLVMBuildStore(e->builder, aot_at(e, f.memory, emit_integer(e, sizeof a->head)),
                   f.groups[AOT_PARAMETERS]);
    answer(e, NULL);
}

static void emit_data(const emit *e, const aot *a) {
    const char *name = arena_print(e->memory, "%s_info", a->prefix);
    LLVMSetAlignment(data(e, name, &a->info, sizeof a->info), PLAN_ALIGNMENT);
    if (!a->weights)
        return;
    name = arena_print(e->memory, "%s_weights", a->prefix);
    LLVMSetAlignment(data(e, name, a->weights, a->groups[AOT_PARAMETERS].bytes), PLAN_ALIGNMENT);
}

/* This function and all that were made after it. */
static void make_local(LLVMValueRef function) {
    for (; function; function = LLVMGetNextFunction(function))
        if (!LLVMIsDeclaration(function) && LLVMGetLinkage(function) == LLVMExternalLinkage)
            LLVMSetLinkage(function, LLVMInternalLinkage);
}

static void emit_model(emit *e, aot *a) {
    aot_signature takes = whole_signature(a);
    aot_frame f;
    a->whole_bytes = emit_calls(e, a, "sequence");
    a->step_bytes = a->kept_step_bytes = -1;
    if (a->step_axis >= 0) {
        takes.axes &= ~(UINT32_C(1) << a->step_axis);
        f = open_function(e, a, "step", takes, e->pointer);
        f.extents[a->step_axis] = emit_integer(e, 1);
        a->step_bytes = emit_call(&f);
    }
    if (a->keeps) {
        takes.prepared = true;
        aot_signature whole = whole_signature(a);
        whole.prepared = true;
        f = open_function(e, a, "sequence_prepared", whole, e->pointer);
        emit_call(&f);
        f = open_function(e, a, "step_prepared", takes, e->pointer);
        f.extents[a->step_axis] = emit_integer(e, 1);
        a->kept_step_bytes = emit_call(&f);
        emit_prepare(e, a);
    }
}

/* A program behind the model's. */
static void emit_other(emit *e, aot *a) {
    LLVMValueRef last = LLVMGetLastFunction(e->module);
    emit_options *options = arena_new(e->memory, emit_options);
    *options = *e->options;
    options->prefix = a->local;
    emit_another(e, a->plan, options);
    make_local(LLVMGetNextFunction(last));
    a->whole_bytes = emit_calls(e, a, a->kind == AOT_TRAIN ? "step" : "");
    a->step_bytes = -1;
}

/* Calls of an object's programs, and the memory that they work in. */
static void emit_programs(emit *e, aot *a) {
    for (; a; a = a->next) {
        if (a->kind == AOT_MODEL)
            emit_model(e, a);
        else
            emit_other(e, a);
        emit_arena_bytes(e, a);
    }
}

/* What does not depend on the processor. */
static void emit_rest(emit *e, aot *a) {
    if (a->groups[AOT_PARAMETERS].members > 0)
        emit_weights_in(e, a);
    emit_data(e, a);
    for (; a; a = a->next) {
        if (a->own_state)
            emit_reset(e, a);
        if (a->own_state && a->places)
            emit_state_place(e, a);
    }
}

/* The same programs for the other processors, and who chooses. */
static void emit_levels(emit *e, aot *a) {
    for (aot *other = a->level; other; other = other->level) {
        LLVMValueRef last = LLVMGetLastFunction(e->module);
        emit_options *options = arena_new(e->memory, emit_options);
        *options = *e->options;
        options->prefix = other->local;
        e->target = other->target;
        emit_another(e, other->plan, options);
        make_local(LLVMGetNextFunction(last));
        emit_programs(e, other);
    }
    e->target = e->options->least;
    aot_multi(e, a);
}

void aot_emit(emit *e, aot *a) {
    make_local(LLVMGetFirstFunction(e->module));
    emit_programs(e, a);
    if (a->level)
        emit_levels(e, a);
    emit_rest(e, a);
}

void aot_stack(aot *a, size_t bytes) {
    a->stack = bytes;
}
