/* What emission asks of a nest: which ranges a value depends on, which values wait for a fold's
 * result, and how an index moves along a range.
 *
 * A tape is in order, so everything about it is one walk from its start. Affine indices are
 * recognised, not recorded: an index is whatever arithmetic the lowering wrote, and the few forms
 * that are affine (sums, differences, products with a constant) are read back from it. A form that
 * is not recognised costs speed and never the result; so the search has a budget. */
#include "jit/nest.h"

#include <assert.h>
#include <string.h>

enum {
    NEST_INDEX_DEPTH = 64,   /* longest chain of index arithmetic that is looked through */
    NEST_INDEX_BUDGET = 1024 /* instructions looked at for one question */
};

bool nest_is_access(const nest_instruction *in) {
    return in->op == NEST_LOAD || in->op == NEST_STORE;
}

int nest_parallel_count(const nest *n) {
    int count = 0;
    while (count < (int)n->ranges.count && !n->ranges.at[count].folded)
        count++;
    return count;
}

static uint64_t range_bits(size_t count) {
    return count >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1;
}

void nest_dependences(const nest *n, uint64_t *out) {
    uint64_t all = range_bits(n->ranges.count);
    uint64_t parallel = range_bits((size_t)nest_parallel_count(n));
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        uint64_t set = 0;
        for (int k = 0; k < in->at_count; k++)
            set |= out[in->at[k]];
        switch ((nest_op)in->op) {
        case NEST_BODY:
            set |= in->code.a >= 0 ? out[in->code.a] : 0;
            set |= in->code.b >= 0 ? out[in->code.b] : 0;
            set |= in->code.c >= 0 ? out[in->code.c] : 0;
            break;
        case NEST_RANGE:
            set = UINT64_C(1) << in->which;
            break;
        case NEST_OUTER:
        case NEST_COUNT:
        case NEST_GIVEN:
        case NEST_SPAN:
            break;
        case NEST_LOAD:
            set = in->pinned ? all : set;
            break;
        case NEST_STORE:
        case NEST_RESULT:
            set = parallel;
            break;
        case NEST_FOLD:
            set = all;
            break;
        }
        out[i] = set;
    }
}

void nest_after(const nest *n, bool *after) {
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        bool late = in->op == NEST_RESULT || (in->op == NEST_STORE && after[in->value]);
        if (in->op == NEST_BODY) {
            late |= in->code.a >= 0 && after[in->code.a];
            late |= in->code.b >= 0 && after[in->code.b];
            late |= in->code.c >= 0 && after[in->code.c];
        }
        for (int k = 0; k < in->at_count; k++)
            late |= after[in->at[k]];
        after[i] = late;
    }
}

static bool is_number(const nest *n, nest_ref value, int64_t *out) {
    const nest_instruction *in = &n->tape.at[value];
    if (in->op != NEST_BODY || in->code.op != BODY_CONSTANT || in->type != BODY_I64)
        return false;
    *out = in->code.immediate.i;
    return true;
}

/* The recursion is as deep as NEST_INDEX_DEPTH, whatever the tape. */
static bool coefficient(const nest *n, nest_ref value, int range, int depth, int *budget,
                        int64_t *out) {
    const nest_instruction *in = &n->tape.at[value];
    *out = 0;
    if (depth == NEST_INDEX_DEPTH || --*budget < 0)
        return false;
    switch ((nest_op)in->op) {
    case NEST_RANGE:
        *out = in->which == range;
        return true;
    case NEST_OUTER:
    case NEST_COUNT:
    case NEST_GIVEN:
    case NEST_SPAN:
        return true;
    case NEST_LOAD:
        for (int k = 0; k < in->at_count; k++)
            if (!coefficient(n, in->at[k], range, depth + 1, budget, out) || *out != 0)
                return false;
        return !in->pinned;
    case NEST_BODY:
        break;
    default:
        return false;
    }
    const nest_ref operands[3] = {in->code.a, in->code.b, in->code.c};
    int64_t part[3] = {0, 0, 0}, number;
    bool moves = false;
    for (int k = 0; k < body_operands((body_op)in->code.op); k++) {
        if (!coefficient(n, operands[k], range, depth + 1, budget, &part[k]))
            return false;
        moves |= part[k] != 0;
    }
    if (!moves)
        return true;
    if (in->type != BODY_I64)
        return false;
    switch ((body_op)in->code.op) {
    case BODY_ADD:
        return !__builtin_add_overflow(part[0], part[1], out);
    case BODY_SUB:
        return !__builtin_sub_overflow(part[0], part[1], out);
    case BODY_MUL:
        if (is_number(n, operands[1], &number))
            return !__builtin_mul_overflow(part[0], number, out);
        if (is_number(n, operands[0], &number))
            return !__builtin_mul_overflow(part[1], number, out);
        return false;
    default:
        return false;
    }
}

bool nest_coefficient(const nest *n, nest_ref value, int range, int64_t *out) {
    int budget = NEST_INDEX_BUDGET;
    return coefficient(n, value, range, 0, &budget, out);
}

bool nest_span_of(const nest *n, nest_ref index, nest_span *out) {
    int64_t number;
    *out = (nest_span){-1, 0, 1};
    for (int depth = 0; depth < NEST_INDEX_DEPTH && !is_number(n, index, &number); depth++) {
        const nest_instruction *in = &n->tape.at[index];
        if (in->op == NEST_RANGE) {
            out->range = in->which;
            out->count = n->ranges.at[in->which].count;
            return out->count >= 0;
        }
        if (in->op != NEST_BODY || in->code.op != BODY_ADD)
            return false;
        bool left = is_number(n, in->code.a, &number);
        if ((!left && !is_number(n, in->code.b, &number)) ||
            __builtin_add_overflow(out->low, number, &out->low))
            return false;
        index = left ? in->code.b : in->code.a;
    }
    return is_number(n, index, &number) && !__builtin_add_overflow(out->low, number, &out->low);
}

bool nest_span_apart(nest_span left, nest_span right) {
    return left.low + left.count <= right.low || right.low + right.count <= left.low;
}

int64_t nest_stride(const nest_buffer *b, int d, int *axes, int *axis_count) {
    int64_t stride = 1;
    *axis_count = 0;
    for (int i = d + 1; i < b->axis_count + b->shape.rank; i++) {
        int64_t size =
            i < b->axis_count ? -1 - (int64_t)b->axes[i] : b->shape.dimension[i - b->axis_count];
        if (size >= 0) {
            stride *= size;
        } else if (i < b->axis_count && b->axes[i] == b->block - 1) {
            axes[(*axis_count)++] = NEST_BLOCK;
        } else if (i < b->axis_count && b->axes[i] == b->checkpoint - 1) {
            axes[(*axis_count)++] = NEST_CHECKPOINTS;
            stride *= b->steps;
        } else {
            axes[(*axis_count)++] = (int)(-1 - size);
        }
    }
    return stride;
}

/* ---- verification */

static body_type operand_type(const nest *n, nest_ref r) {
    return (body_type)n->tape.at[r].type;
}

static void verify_body(const nest *n, const nest_instruction *in) {
    const nest_ref operands[3] = {in->code.a, in->code.b, in->code.c};
    body_op op = (body_op)in->code.op;
    assert(op != BODY_INPUT && in->code.type == in->type);
    body_type type[3] = {BODY_F32, BODY_F32, BODY_F32};
    for (int k = 0; k < body_operands(op); k++)
        type[k] = operand_type(n, operands[k]);
    switch (op) {
    case BODY_INPUT:
    case BODY_CONSTANT:
    case BODY_CAST:
        break;
    case BODY_LT:
    case BODY_LE:
    case BODY_EQ:
    case BODY_NE:
        assert(in->type == BODY_BOOL && type[0] == type[1]);
        break;
    case BODY_SELECT:
        assert(type[0] == BODY_BOOL && type[1] == in->type && type[2] == in->type);
        break;
    case BODY_BITS:
        assert(body_type_size(type[0]) == body_type_size((body_type)in->type));
        break;
    default:
        for (int k = 0; k < body_operands(op); k++)
            assert(type[k] == (body_type)in->type);
    }
    (void)type;
}

static void verify_access(const nest_plan *plan, const nest *n, const nest_instruction *in) {
    assert(in->which >= 0 && (size_t)in->which < plan->buffers.count);
    const nest_buffer *b = &plan->buffers.at[in->which];
    (void)n, (void)b;
    assert((body_type)in->type == (body_type)b->type && b->inside.buffer == 0);
    assert(in->at_count == b->axis_count + (in->linear ? 1 : b->shape.rank));
    for (int k = 0; k < in->at_count; k++)
        assert(operand_type(n, in->at[k]) == BODY_I64);
    if (in->op == NEST_LOAD)
        return;
    assert(!in->linear && b->storage != NEST_CONSTANT && b->storage != NEST_INPUT);
    assert(operand_type(n, in->value) == (body_type)in->type);
}

static void verify_instruction(const nest_plan *plan, const nest *n, size_t i, bool folds) {
    const nest_instruction *in = &n->tape.at[i];
    const nest_ref operands[3] = {in->code.a, in->code.b, in->code.c};
    bool found = false;
    switch ((nest_op)in->op) {
    case NEST_BODY:
        for (int k = 0; k < body_operands((body_op)in->code.op); k++)
            assert(operands[k] >= 0 && operands[k] < (nest_ref)i);
        verify_body(n, in);
        break;
    case NEST_RANGE:
        assert(in->type == BODY_I64 && in->which >= 0 && (size_t)in->which < n->ranges.count);
        break;
    case NEST_OUTER:
        for (int k = 0; k < n->loop_count; k++)
            found |= n->loops[k] == in->which;
        assert(in->type == BODY_I64 && found && "the axis of an enclosing loop");
        break;
    case NEST_COUNT:
        assert(in->type == BODY_I64 && in->which >= 0 && in->which < LIMIT_AXES);
        break;
    case NEST_GIVEN:
        assert(!"a nest of a plan is given no numbers");
        break;
    case NEST_SPAN:
        assert(in->type == BODY_I64 && in->which >= NEST_FIRST && in->which <= NEST_NUMBER);
        break;
    case NEST_LOAD:
    case NEST_STORE:
        for (int k = 0; k < in->at_count; k++)
            assert(in->at[k] >= 0 && in->at[k] < (nest_ref)i);
        assert(in->op == NEST_LOAD || (in->value >= 0 && in->value < (nest_ref)i));
        assert(!in->pinned || !folds);
        verify_access(plan, n, in);
        break;
    case NEST_FOLD:
    case NEST_RESULT:
        assert(in->which >= 0 && (size_t)in->which < n->folds.count);
        assert(in->type == n->folds.at[in->which].type);
        break;
    }
    (void)operands;
    (void)found;
    (void)folds;
}

/* What runs after the folded loops must not name a step of them, and the other way round. */
static void verify_order(const nest_plan *plan, const nest *n) {
    arena_mark mark = arena_here(plan->memory);
    uint64_t *depends = arena_array(plan->memory, uint64_t, n->tape.count);
    bool *after = arena_array(plan->memory, bool, n->tape.count);
    uint64_t parallel = range_bits((size_t)nest_parallel_count(n));
    (void)parallel;
    nest_dependences(n, depends);
    nest_after(n, after);
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        assert(!after[i] || (depends[i] & ~parallel) == 0);
        if (in->op != NEST_STORE)
            continue;
        assert((depends[in->value] & ~parallel) == 0);
        for (int k = 0; k < in->at_count; k++)
            assert((depends[in->at[k]] & ~parallel) == 0);
    }
    for (size_t r = 0; r < n->ranges.count; r++) {
        nest_ref end = n->ranges.at[r].end - 1;
        assert(end < 0 || ((size_t)end < n->tape.count && operand_type(n, end) == BODY_I64 &&
                           !after[end] && (depends[end] >> r & 1) == 0));
        (void)end;
    }
    bool results = false;
    for (size_t i = 0; i < n->tape.count; i++)
        results |= n->tape.at[i].op == NEST_RESULT;
    for (size_t f = 0; results && f < n->folds.count; f++) {
        const nest_fold *fold = &n->folds.at[f];
        assert(fold->next >= 0 && (size_t)fold->next < n->tape.count && !after[fold->next]);
        assert(operand_type(n, fold->next) == fold->type);
        assert(fold->rested < 0 || (n->tape.at[fold->rested].op == NEST_LOAD &&
                                    operand_type(n, fold->rested) == fold->type));
        (void)fold;
    }
    arena_rewind(plan->memory, mark);
}

static void verify_nest(const nest_plan *plan, const nest *n) {
    bool folded = false;
    assert(n->name && n->name[0] && n->ranges.count <= 64 && n->tape.count <= INT32_MAX);
    for (size_t r = 0; r < n->ranges.count; r++) {
        const nest_range *range = &n->ranges.at[r];
        assert(range->count >= -(int64_t)LIMIT_AXES);
        assert(range->folded || !folded); /* parallel ranges first */
        assert(!(range->folded && range->ordered));
        assert(!range->descending || range->folded || range->ordered);
        assert(range->end == 0 || (range->count < 0 && !range->descending && !range->ordered));
        assert((range->panels == 0) == (range->last == 0));
        assert(range->last == 0 ||
               (0 < range->last && range->last < range->count && range->panels <= (int32_t)r &&
                !range->folded && !range->ordered && n->ranges.at[range->panels - 1].count > 1));
        folded |= range->folded;
    }
    assert(n->samples >= 0 && n->samples <= nest_parallel_count(n));
    assert(n->loop_count >= 0 && n->loop_count <= LIMIT_AXES);
    for (size_t i = 0; i < n->tape.count; i++)
        verify_instruction(plan, n, i, folded || n->folds.count > 0);
    verify_order(plan, n);
}

typedef struct verify_path {
    const struct verify_path *outer;
    int axis;
} verify_path;

static void verify_block(const nest *n, int block) {
    for (size_t r = 0; r < n->ranges.count; r++)
        assert(!n->ranges.at[r].block || n->ranges.at[r].count == OP_EXTENT_OF(block));
    for (size_t f = 0; f < n->folds.count; f++)
        assert(n->folds.at[f].rested < 0 || block >= 0);
    (void)n;
    (void)block;
}

/* Every kernel runs inside just the loops that it names. Depth: nested loops, at most the axes. */
static void verify_items(const nest_plan *plan, const nest_list *items, const verify_path *path,
                         int depth, int block) {
    assert(depth <= LIMIT_AXES);
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (!item->kernel) {
            assert(item->axis >= 0 && item->axis < LIMIT_AXES);
            assert(item->sign == 1 || item->sign == -1);
            assert(!item->block || (block < 0 && depth == 0));
            verify_path inner = {path, item->axis};
            verify_items(plan, &item->items, item->block ? NULL : &inner,
                         item->block ? 0 : depth + 1, item->block ? item->axis : block);
            continue;
        }
        verify_block(item->kernel, block);
        assert(item->kernel->loop_count == depth);
        int k = depth;
        for (const verify_path *p = path; p; p = p->outer) {
            k--;
            assert(item->kernel->loops[k] == p->axis);
        }
    }
}

int32_t nest_checkpoint_steps(const nest_plan *plan) {
    int32_t steps = 0;
    for (size_t i = 0; i < plan->buffers.count; i++)
        if (plan->buffers.at[i].steps > steps)
            steps = plan->buffers.at[i].steps;
    return steps;
}

int nest_block_axis(const nest_plan *plan) {
    for (size_t i = 0; i < plan->items.count; i++)
        if (plan->items.at[i].block)
            return plan->items.at[i].axis;
    return -1;
}

void nest_verify(const nest_plan *plan) {
    for (size_t i = 0; i < plan->buffers.count; i++) {
        const nest_buffer *b = &plan->buffers.at[i];
        assert(b->axis_count >= 0 && b->axis_count <= LIMIT_AXES && b->type < DTYPE_COUNT);
        assert(b->shape.rank >= 0 && b->shape.rank <= LIMIT_RANK);
        assert(b->storage != NEST_CONSTANT || (b->data && b->data_bytes > 0));
        (void)b;
    }
    for (size_t k = 0; k < plan->kernels.count; k++)
        verify_nest(plan, plan->kernels.at[k]);
    verify_items(plan, &plan->items, NULL, 0, -1);
}
