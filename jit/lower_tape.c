/* Tapes: instructions as a nest is built.
 *
 * Equal instructions are recorded once, so that the index arithmetic of twenty reads of one value
 * costs as much as one, and integer constants fold, so that affine indices stay recognisably
 * affine. Loads are numbered too (a nest never reads what it stores, but for pinned loads, which
 * are never shared). The backward search is bounded: tapes are short, and a missed match only costs
 * an instruction. */
#include <assert.h>
#include <string.h>

#include "jit/lower_internal.h"

enum { TAPE_SEARCH = 400 };

static bool tape_same(const nest_instruction *a, const nest_instruction *b) {
    if (a->op != b->op || a->type != b->type || a->which != b->which || a->linear != b->linear)
        return false;
    if (a->op == NEST_LOAD)
        return a->at_count == b->at_count &&
               memcmp(a->at, b->at, sizeof *a->at * (size_t)a->at_count) == 0;
    if (a->op != NEST_BODY)
        return true;
    return a->code.op == b->code.op && a->code.a == b->code.a && a->code.b == b->code.b &&
           a->code.c == b->code.c && a->code.immediate.i == b->code.immediate.i;
}

nest_ref tape_add(lower *l, nest_instruction instruction) {
    nest *n = l->open;
    if (instruction.op != NEST_STORE && !instruction.pinned) {
        size_t oldest = n->tape.count > TAPE_SEARCH ? n->tape.count - TAPE_SEARCH : 0;
        for (size_t i = n->tape.count; i-- > oldest;)
            if (!n->tape.at[i].pinned && tape_same(&n->tape.at[i], &instruction))
                return (nest_ref)i;
    }
    vec_push(l->memory, &n->tape, instruction);
    return (nest_ref)(n->tape.count - 1);
}

static nest_instruction tape_blank(nest_op op, body_type type, int32_t which) {
    nest_instruction i;
    memset(&i, 0, sizeof i);
    i.op = (uint8_t)op;
    i.type = (uint8_t)type;
    i.which = which;
    i.code.a = i.code.b = i.code.c = -1;
    i.value = -1;
    return i;
}

nest_ref tape_range(lower *l, int range) {
    return tape_add(l, tape_blank(NEST_RANGE, BODY_I64, range));
}
nest_ref tape_outer(lower *l, int axis) {
    return tape_add(l, tape_blank(NEST_OUTER, BODY_I64, axis));
}
nest_ref tape_count(lower *l, int axis) {
    return tape_add(l, tape_blank(NEST_COUNT, BODY_I64, axis));
}

nest_ref tape_span(lower *l, nest_place place) {
    return tape_add(l, tape_blank(NEST_SPAN, BODY_I64, (int32_t)place));
}

nest_ref tape_integer(lower *l, int64_t value) {
    nest_instruction i = tape_blank(NEST_BODY, BODY_I64, 0);
    i.code.op = BODY_CONSTANT;
    i.code.type = BODY_I64;
    i.code.immediate.i = value;
    return tape_add(l, i);
}

bool tape_is_integer(const lower *l, nest_ref value, int64_t *out) {
    const nest_instruction *i = &l->open->tape.at[value];
    if (i->op != NEST_BODY || i->code.op != BODY_CONSTANT || i->type != BODY_I64)
        return false;
    *out = i->code.immediate.i;
    return true;
}

body_type tape_type(const lower *l, nest_ref value) {
    return (body_type)l->open->tape.at[value].type;
}

/* Sums and products of index constants; -1 when nothing folds. */
static nest_ref tape_fold(lower *l, body_op op, nest_ref a, nest_ref b) {
    int64_t x = 0, y = 0;
    bool left = a >= 0 && tape_is_integer(l, a, &x), right = b >= 0 && tape_is_integer(l, b, &y);
    if (op == BODY_ADD) {
        if (left && right)
            return tape_integer(l, x + y);
        if (left && x == 0)
            return b;
        if (right && y == 0)
            return a;
    } else if (op == BODY_SUB) {
        if (left && right)
            return tape_integer(l, x - y);
        if (right && y == 0)
            return a;
    } else if (op == BODY_MUL) {
        if (left && right)
            return tape_integer(l, x * y);
        if ((left && x == 0) || (right && y == 0))
            return tape_integer(l, 0);
        if (left && x == 1)
            return b;
        if (right && y == 1)
            return a;
    }
    return -1;
}

nest_ref tape_body(lower *l, body_op op, body_type type, nest_ref a, nest_ref b, nest_ref c) {
    if (type == BODY_I64) {
        nest_ref folded = tape_fold(l, op, a, b);
        if (folded >= 0)
            return folded;
    }
    nest_instruction i = tape_blank(NEST_BODY, type, 0);
    i.code.op = (uint8_t)op;
    i.code.type = (uint8_t)type;
    i.code.a = a;
    i.code.b = b;
    i.code.c = c;
    return tape_add(l, i);
}

nest_ref tape_constant(lower *l, body_type type, const void *element) {
    nest_instruction i = tape_blank(NEST_BODY, type, 0);
    i.code.op = BODY_CONSTANT;
    i.code.type = (uint8_t)type;
    body_value v;
    memset(&v, 0, sizeof v);
    memcpy(&v, element, body_type_size(type));
    switch (type) {
    case BODY_F32:
        i.code.immediate.f = (double)v.f32;
        break;
    case BODY_F64:
        i.code.immediate.f = v.f64;
        break;
    case BODY_I32:
        i.code.immediate.i = v.i32;
        break;
    case BODY_BOOL:
        i.code.immediate.i = v.boolean != 0;
        break;
    case BODY_I64:
        i.code.immediate.i = v.i64;
        break;
    }
    return tape_add(l, i);
}

nest_ref tape_cast(lower *l, nest_ref value, body_type to) {
    int64_t number;
    if (tape_type(l, value) == to)
        return value;
    if (to == BODY_I32 && tape_is_integer(l, value, &number) && number >= INT32_MIN &&
        number <= INT32_MAX) {
        int32_t narrow = (int32_t)number;
        return tape_constant(l, BODY_I32, &narrow);
    }
    return tape_body(l, BODY_CAST, to, value, -1, -1);
}

static nest_ref *tape_indices(lower *l, const nest_ref *at, int count) {
    nest_ref *copy = arena_array(l->memory, nest_ref, count + 1);
    if (count > 0)
        memcpy(copy, at, sizeof *at * (size_t)count);
    return copy;
}

nest_ref tape_load(lower *l, int32_t buffer, const nest_ref *at, int count, bool linear,
                   bool pinned) {
    nest_instruction i = tape_blank(NEST_LOAD, (body_type)l->plan->buffers.at[buffer].type, buffer);
    i.linear = linear;
    i.pinned = pinned;
    i.at = tape_indices(l, at, count);
    i.at_count = count;
    return tape_add(l, i);
}

void tape_store(lower *l, int32_t buffer, const nest_ref *at, int count, nest_ref value) {
    nest_instruction i =
        tape_blank(NEST_STORE, (body_type)l->plan->buffers.at[buffer].type, buffer);
    assert(tape_type(l, value) == (body_type)i.type);
    i.value = value;
    i.at = tape_indices(l, at, count);
    i.at_count = count;
    tape_add(l, i);
}

nest_ref tape_splice(lower *l, const body *b, const nest_ref *inputs, body_ref result,
                     nest_ref *map) {
    nest_ref *at = map ? map : arena_array(l->memory, nest_ref, b->code.count);
    for (size_t k = 0; k < b->code.count; k++) {
        const body_instruction *c = &b->code.at[k];
        if (c->op == BODY_INPUT) {
            at[k] = inputs[c->immediate.i];
            assert(tape_type(l, at[k]) == (body_type)c->type);
            continue;
        }
        nest_instruction i = tape_blank(NEST_BODY, (body_type)c->type, 0);
        i.code = *c;
        int operands = body_operands((body_op)c->op);
        i.code.a = operands > 0 ? at[c->a] : -1;
        i.code.b = operands > 1 ? at[c->b] : -1;
        i.code.c = operands > 2 ? at[c->c] : -1;
        at[k] = tape_add(l, i);
    }
    return at[result];
}

nest_ref tape_clamp(lower *l, nest_ref index, nest_ref count) {
    int64_t i, n;
    if (tape_is_integer(l, index, &i) && tape_is_integer(l, count, &n))
        return tape_integer(l, i >= n ? (n > 0 ? n - 1 : 0) : i < 0 ? 0 : i);
    nest_ref top = tape_body(l, BODY_SUB, BODY_I64, count, tape_integer(l, 1), -1);
    nest_ref over = tape_body(l, BODY_LT, BODY_BOOL, top, index, -1);
    nest_ref low = tape_body(l, BODY_SELECT, BODY_I64, over, top, index);
    nest_ref under = tape_body(l, BODY_LT, BODY_BOOL, low, tape_integer(l, 0), -1);
    return tape_body(l, BODY_SELECT, BODY_I64, under, tape_integer(l, 0), low);
}

nest_ref tape_least(lower *l, nest_ref a, nest_ref b) {
    nest_ref less = tape_body(l, BODY_LT, BODY_BOOL, a, b, -1);
    return tape_body(l, BODY_SELECT, BODY_I64, less, a, b);
}

nest_ref tape_most(lower *l, nest_ref a, nest_ref b) {
    nest_ref less = tape_body(l, BODY_LT, BODY_BOOL, a, b, -1);
    return tape_body(l, BODY_SELECT, BODY_I64, less, b, a);
}

nest_ref tape_inside(lower *l, nest_ref index, nest_ref end) {
    nest_ref low = tape_body(l, BODY_LE, BODY_BOOL, tape_integer(l, 0), index, -1);
    nest_ref high = tape_body(l, BODY_LT, BODY_BOOL, index, end, -1);
    return tape_body(l, BODY_AND, BODY_BOOL, low, high, -1);
}

void tape_rename(nest_instruction *in, const nest_ref *renamed) {
    if (in->op == NEST_BODY) {
        if (in->code.a >= 0)
            in->code.a = renamed[in->code.a];
        if (in->code.b >= 0)
            in->code.b = renamed[in->code.b];
        if (in->code.c >= 0)
            in->code.c = renamed[in->code.c];
    }
    if (in->op == NEST_STORE)
        in->value = renamed[in->value];
    for (int k = 0; k < in->at_count; k++)
        in->at[k] = renamed[in->at[k]];
}

void tape_rename_nest(nest *n, const nest_ref *renamed) {
    for (size_t f = 0; f < n->folds.count; f++) {
        nest_fold *fold = &n->folds.at[f];
        fold->next = renamed[fold->next];
        fold->rested = fold->rested >= 0 ? renamed[fold->rested] : -1;
    }
    for (size_t r = 0; r < n->ranges.count; r++)
        if (n->ranges.at[r].end > 0)
            n->ranges.at[r].end = 1 + renamed[n->ranges.at[r].end - 1];
}
