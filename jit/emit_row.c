/* Nests in a row: a table, and one function that goes through it.
 *
 * An entry of a table is made in no time, while the code of a call takes the code generator a tenth
 * of a millisecond, and what a thread does of a nest several times as much. So all of that is one
 * function, `row`. An entry says where the kernel is, where the numbers of its buffers, who meets
 * before it, and of which ranges threads take a part each. The function writes the thread's part to
 * its context, where the kernel finds it; who has no part of a nest does not call it.
 *
 * Parallel iterations are independent, so any of them may run anywhere; folded ranges stay whole,
 * because the order of a sum may not depend on threads. Samples are cut the same way in all nests,
 * so a thread that reads only its own samples needs nobody. Everything else is cut into whole tiles
 * and vectors: a thread runs the same tiles as it would alone, and nothing that is done twice (a
 * tile that is moved back to end at the range's end) reaches into another thread's part.
 *
 * A thread that is alone pays a branch and a few stores. Its part is everything, however much that
 * is: the kernel takes the least of that and its own count. */
#include "jit/emit_internal.h"
#include "jit/watch.h"

/* The numbers of an entry, and those that it has of each range. */
enum { ROW_KERNEL, ROW_OPERANDS, ROW_MEETING, ROW_NUMBER, ROW_SHARED, ROW_RANGES };
enum { ROW_COUNT, ROW_GRAIN, ROW_PART, ROW_RANGE };
enum { ROW_CELLS = ROW_RANGES + EMIT_SHARES * ROW_RANGE };

static LLVMTypeRef number_type(const emit *e) {
    return emit_type(e, BODY_I64, 1);
}

/* ---- what the thread says, and whom it meets */

/* number: of the nest that it is about to run. */
static void row_say(const emit *e, LLVMValueRef context, LLVMValueRef number) {
    if (!e->options->watch)
        return;
    LLVMValueRef arguments[] = {context, number};
    LLVMTypeRef given[] = {e->pointer, number_type(e)};
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), given, 2, false);
    LLVMValueRef where = emit_entry(e, context, EMIT_WATCH);
    LLVMValueRef watch = LLVMBuildLoad2(e->builder, e->pointer, where, "");
    LLVMBuildCall2(e->builder, type, watch, arguments, 2, "");
}

void emit_meeting(const emit *e, LLVMValueRef function, LLVMValueRef kinds) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef context = LLVMGetParam(function, 2), zero = emit_integer(e, 0);
    LLVMBasicBlockRef several = LLVMAppendBasicBlockInContext(e->context, function, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, function, "");
    LLVMValueRef kept = emit_number(e, context, EMIT_MEETING);
    LLVMValueRef ours = LLVMBuildAnd(b, kept, kinds, "");
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, ours, zero, ""), after, several);
    LLVMPositionBuilderAtEnd(b, several);
    row_say(e, context, emit_integer(e, WATCH_WAITING));
    LLVMTypeRef given = e->pointer, nothing = LLVMVoidTypeInContext(e->context);
    LLVMTypeRef type = LLVMFunctionType(nothing, &given, 1, false);
    LLVMValueRef meet = LLVMBuildLoad2(b, e->pointer, emit_entry(e, context, EMIT_MEET), "");
    LLVMBuildCall2(b, type, meet, &context, 1, "");
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, after);
}

/* ---- a thread's part of a range */

/* The part-th border of `tiles` things among so many parts: no part is larger than the first. */
static LLVMValueRef border(const emit *e, LLVMValueRef tiles, LLVMValueRef part,
                           LLVMValueRef parts) {
    LLVMValueRef one = emit_integer(e, 1);
    LLVMValueRef product = LLVMBuildMul(e->builder, tiles, part, "");
    LLVMValueRef up = LLVMBuildAdd(e->builder, product, parts, "");
    return emit_quotient(e, LLVMBuildSub(e->builder, up, one, ""), parts);
}

/* What is left over belongs to the last tile, or to the first thread. */
static void cut(const emit *e, LLVMValueRef count, LLVMValueRef grain, LLVMValueRef part,
                LLVMValueRef parts, LLVMValueRef out[2]) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef zero = emit_integer(e, 0), one = emit_integer(e, 1);
    LLVMValueRef tiles = emit_quotient(e, count, grain);
    LLVMValueRef low = border(e, tiles, part, parts);
    LLVMValueRef high = border(e, tiles, LLVMBuildAdd(b, part, one, ""), parts);
    LLVMValueRef limit = LLVMBuildMul(b, high, grain, "");
    LLVMValueRef last = LLVMBuildICmp(b, LLVMIntEQ, high, tiles, "");
    LLVMValueRef some = LLVMBuildICmp(b, LLVMIntSLT, low, high, "");
    LLVMValueRef lead = LLVMBuildICmp(b, LLVMIntEQ, part, zero, "");
    LLVMValueRef mine = LLVMBuildAnd(b, last, LLVMBuildOr(b, some, lead, ""), "");
    out[0] = LLVMBuildMul(b, low, grain, "");
    out[1] = LLVMBuildSelect(b, mine, count, limit, "");
}

static LLVMValueRef address(const emit *e, LLVMValueRef from, LLVMValueRef number) {
    return LLVMBuildGEP2(e->builder, number_type(e), from, &number, 1, "");
}

/* How many iterations the range has whose numbers are at `range`: a number below 0 is what another
 * one stands for, that of an extent or, behind these, of the context. */
static LLVMValueRef count_of(const emit *e, LLVMValueRef row, LLVMValueRef range) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef number = emit_number(e, range, ROW_COUNT);
    LLVMValueRef which = LLVMBuildNot(b, number, "");
    LLVMValueRef axes = emit_integer(e, LIMIT_AXES), zero = emit_integer(e, 0);
    LLVMValueRef axis = LLVMBuildICmp(b, LLVMIntSLT, which, axes, "");
    LLVMValueRef known = LLVMBuildICmp(b, LLVMIntSGE, number, zero, "");
    LLVMValueRef from = LLVMBuildSelect(b, axis, LLVMGetParam(row, 1), LLVMGetParam(row, 2), "");
    from = LLVMBuildSelect(b, known, range, address(e, from, which), "");
    return LLVMBuildLoad2(b, number_type(e), from, "");
}

static void tell(const emit *e, LLVMValueRef context, LLVMValueRef share,
                 const LLVMValueRef part[2]) {
    for (int i = 0; i < 2; i++)
        LLVMBuildStore(e->builder, part[i], emit_entry(e, address(e, context, share), i));
}

/* The thread's parts of an entry's ranges, to its context; i1: is there something to do? */
static LLVMValueRef take_parts(const emit *e, LLVMValueRef row, LLVMValueRef entry) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef context = LLVMGetParam(row, 2), shared = emit_number(e, entry, ROW_SHARED);
    LLVMValueRef some = LLVMConstInt(emit_type(e, BODY_BOOL, 1), 1, false), part[2];
    emit_loop loop;
    emit_loop_open(e, row, &loop, emit_integer(e, 0), shared, emit_integer(e, 1), &some, 1);
    LLVMValueRef at = emit_times(e, loop.counter, emit_integer(e, ROW_RANGE));
    LLVMValueRef range = address(e, emit_entry(e, entry, ROW_RANGES), at);
    LLVMValueRef who = address(e, context, emit_number(e, range, ROW_PART));
    cut(e, count_of(e, row, range), emit_number(e, range, ROW_GRAIN), emit_number(e, who, 0),
        emit_number(e, who, 1), part);
    LLVMValueRef share = emit_times(e, loop.counter, emit_integer(e, 2));
    tell(e, context, emit_plus(e, share, emit_integer(e, EMIT_SHARE)), part);
    some = LLVMBuildAnd(b, some, LLVMBuildICmp(b, LLVMIntSLT, part[0], part[1], ""), "");
    emit_loop_close(e, &loop, &some);
    return some;
}

/* i1, as take_parts; with a branch for the thread that is alone. */
static LLVMValueRef take_share(const emit *e, LLVMValueRef row, LLVMValueRef entry) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef context = LLVMGetParam(row, 2), one = emit_integer(e, 1);
    LLVMValueRef all[2] = {emit_integer(e, 0), emit_integer(e, INT64_MAX)};
    LLVMBasicBlockRef alone = LLVMAppendBasicBlockInContext(e->context, row, "");
    LLVMBasicBlockRef several = LLVMAppendBasicBlockInContext(e->context, row, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, row, "");
    LLVMValueRef threads = emit_number(e, context, EMIT_THREADS);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, threads, one, ""), alone, several);
    LLVMPositionBuilderAtEnd(b, alone);
    for (int i = 0; i < EMIT_SHARES; i++)
        tell(e, context, emit_integer(e, EMIT_SHARE + 2 * i), all);
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, several);
    LLVMValueRef found[2] = {LLVMConstInt(emit_type(e, BODY_BOOL, 1), 1, false)};
    found[1] = take_parts(e, row, entry);
    LLVMBasicBlockRef from[2] = {alone, LLVMGetInsertBlock(b)};
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, after);
    LLVMValueRef some = LLVMBuildPhi(b, LLVMTypeOf(found[0]), "");
    LLVMAddIncoming(some, found, from, 2);
    return some;
}

/* ---- the function */

static bool has_addresses(const emit *e) {
    return !(e->target->lacks & MACHINE_ADDRESSES);
}

static LLVMValueRef load_place(const emit *e, LLVMValueRef entry, int cell) {
    return LLVMBuildLoad2(e->builder, emit_size_type(e), emit_entry(e, entry, cell), "");
}

/* A place of a table as an address. */
static LLVMValueRef address_of(const emit *e, LLVMValueRef table, LLVMValueRef place) {
    LLVMTypeRef byte = LLVMInt8TypeInContext(e->context);
    return has_addresses(e) ? LLVMBuildGEP2(e->builder, byte, table, &place, 1, "")
                            : LLVMBuildIntToPtr(e->builder, place, e->pointer, "");
}

/* An entry without a kernel is a meeting alone. */
static void run_entry(const emit *e, LLVMValueRef row, LLVMValueRef table, LLVMValueRef entry) {
    LLVMBuilderRef b = e->builder;
    LLVMBasicBlockRef some = LLVMAppendBasicBlockInContext(e->context, row, "");
    LLVMBasicBlockRef call = LLVMAppendBasicBlockInContext(e->context, row, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, row, "");
    LLVMValueRef kernel = load_place(e, entry, ROW_KERNEL);
    LLVMValueRef none = LLVMConstNull(LLVMTypeOf(kernel));
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, kernel, none, ""), after, some);
    LLVMPositionBuilderAtEnd(b, some);
    row_say(e, LLVMGetParam(row, 2), emit_number(e, entry, ROW_NUMBER));
    LLVMBuildCondBr(b, take_share(e, row, entry), call, after);
    LLVMPositionBuilderAtEnd(b, call);
    LLVMValueRef arguments[4] = {LLVMGetParam(row, 0), LLVMGetParam(row, 1), LLVMGetParam(row, 2)};
    arguments[3] = address_of(e, table, load_place(e, entry, ROW_OPERANDS));
    LLVMBuildCall2(b, e->kernel_type, address_of(e, table, kernel), arguments, 4, "");
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, after);
}

/* void row(buffers, extents, context, table, end): entries from 0 to `end`, in numbers. */
static void emit_walk(const emit *e, LLVMValueRef row) {
    LLVMValueRef table = LLVMGetParam(row, 3), end = LLVMGetParam(row, 4);
    emit_loop loop;
    emit_loop_open(e, row, &loop, emit_integer(e, 0), end, emit_integer(e, ROW_CELLS), NULL, 0);
    LLVMValueRef entry = address(e, table, loop.counter);
    emit_meeting(e, row, emit_number(e, entry, ROW_MEETING));
    run_entry(e, row, table, entry);
    emit_loop_close(e, &loop, NULL);
    LLVMBuildRetVoid(e->builder);
}

static LLVMTypeRef row_type(const emit *e) {
    LLVMTypeRef given[5] = {e->pointer, e->pointer, e->pointer, e->pointer, number_type(e)};
    return LLVMFunctionType(LLVMVoidTypeInContext(e->context), given, 5, false);
}

static LLVMValueRef row_function(emit *e) {
    if (e->row)
        return e->row;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->builder);
    LLVMMetadataRef line = LLVMGetCurrentDebugLocation2(e->builder);
    const char *name = arena_print(e->memory, "%s_row", e->options->prefix);
    e->row = emit_function(e, row_type(e), name, name);
    LLVMSetLinkage(e->row, LLVMInternalLinkage);
    emit_walk(e, e->row);
    LLVMPositionBuilderAtEnd(e->builder, here);
    LLVMSetCurrentDebugLocation2(e->builder, line);
    return e->row;
}

/* ---- tables */

/* A place as a cell, which is as large as a number. */
static LLVMValueRef place_cell(const emit *e, LLVMValueRef place) {
    if (e->target->pointer_bytes == 8)
        return place;
    LLVMValueRef both[2] = {place, LLVMConstNull(emit_size_type(e))};
    return LLVMConstStructInContext(e->context, both, 2, false);
}

const char *emit_kernel_symbol(const emit *e, const nest *n) {
    return arena_print(e->memory, "%s_kernel_%s", e->options->prefix, n->name);
}

static const nest *first_user(const nest *n) {
    return n->shared ? n->shared : n;
}

/* The numbers of a nest's buffers; NULL if no other nest runs its kernel, which knows them then. */
static LLVMValueRef operands_of(const emit *e, const nest *n) {
    LLVMTypeRef type = LLVMInt32TypeInContext(e->context);
    int count = n->operand_count + n->number_count;
    if (first_user(n)->users <= 1 || count == 0)
        return LLVMConstNull(e->pointer);
    LLVMValueRef *numbers = arena_array(e->memory, LLVMValueRef, count);
    for (int i = 0; i < count; i++)
        numbers[i] = LLVMConstInt(type, (unsigned)n->operands[i], false);
    return emit_private(e, LLVMConstArray2(type, numbers, (uint64_t)count));
}

/* Where a value is, as seen from the table: a number that is known when the object is linked, so
 * that the table is constant wherever it is loaded. 0 stands for NULL. Where functions have no
 * place it is their number; nothing moves there. */
static LLVMValueRef distance_from(const emit *e, LLVMValueRef table, LLVMValueRef value) {
    LLVMTypeRef type = emit_size_type(e);
    LLVMValueRef from = LLVMConstPtrToInt(table, type);
    if (LLVMIsNull(value))
        return place_cell(e, LLVMConstNull(type));
    value = LLVMConstPtrToInt(value, type);
    return place_cell(e, has_addresses(e) ? LLVMConstSub(value, from) : value);
}

/* The entry of a nest, said to be number `number` of the program. */
static void fill_entry(emit *e, LLVMValueRef table, const nest_item *item, LLVMValueRef *cells) {
    const nest *n = item->kernel, *first = first_user(n);
    LLVMValueRef kernel = LLVMGetNamedFunction(e->module, emit_kernel_symbol(e, first));
    emit_part parts[EMIT_SHARES] = {{0}};
    int shared = emit_split_parts(e, first->form ? first->form : first, n, parts);
    cells[ROW_KERNEL] = distance_from(e, table, kernel);
    cells[ROW_OPERANDS] = distance_from(e, table, operands_of(e, n));
    cells[ROW_MEETING] = emit_integer(e, item->meeting);
    cells[ROW_NUMBER] = emit_integer(e, e->said++);
    cells[ROW_SHARED] = emit_integer(e, shared);
    for (int i = 0; i < EMIT_SHARES; i++) {
        LLVMValueRef *range = &cells[ROW_RANGES + i * ROW_RANGE];
        range[ROW_COUNT] = emit_integer(e, parts[i].count);
        range[ROW_GRAIN] = emit_integer(e, parts[i].grain);
        range[ROW_PART] = emit_integer(e, parts[i].who);
    }
}

void emit_row(emit *e, LLVMValueRef function, const nest_item *items, size_t count,
              uint8_t meeting) {
    size_t entries = count + (meeting != 0), numbers = ROW_CELLS * entries;
    LLVMTypeRef *types = arena_array(e->memory, LLVMTypeRef, numbers);
    LLVMValueRef *cells = arena_array(e->memory, LLVMValueRef, numbers);
    for (size_t i = 0; i < numbers; i++) {
        bool place = i % ROW_CELLS == ROW_KERNEL || i % ROW_CELLS == ROW_OPERANDS;
        cells[i] = place ? place_cell(e, LLVMConstNull(emit_size_type(e))) : emit_integer(e, 0);
        types[i] = LLVMTypeOf(cells[i]);
    }
    LLVMTypeRef type = LLVMStructTypeInContext(e->context, types, (unsigned)numbers, false);
    LLVMValueRef table = emit_private(e, LLVMConstNull(type));
    LLVMSetAlignment(table, sizeof(int64_t));
    for (size_t i = 0; i < count; i++)
        fill_entry(e, table, &items[i], &cells[ROW_CELLS * i]);
    if (meeting != 0)
        cells[ROW_CELLS * count + ROW_MEETING] = emit_integer(e, meeting);
    LLVMSetInitializer(table,
                       LLVMConstStructInContext(e->context, cells, (unsigned)numbers, false));
    LLVMValueRef arguments[5] = {LLVMGetParam(function, 0), LLVMGetParam(function, 1),
                                 LLVMGetParam(function, 2), table,
                                 emit_integer(e, (int64_t)numbers)};
    LLVMBuildCall2(e->builder, row_type(e), row_function(e), arguments, 5, "");
}
