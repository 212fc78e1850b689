/* One kernel for all nests that differ only in their buffers.
 *
 * A training program repeats itself: every parameter is copied, scaled, updated in the same way,
 * and machine code takes a hundred times longer to make than anything else in a compilation. So a
 * nest is written down as numbers - ranges, tape, folds, and of each buffer what addresses are made
 * of, in the order in which the tape names them - and nests with equal numbers run one function. It
 * is the first one's, by name too, and its calls say which buffers stand where.
 *
 * Everything that emission looks at must be among the numbers. Of a buffer that is its type and its
 * strides, and whether it holds a block; so the outermost dimension does not count; of one whose
 * elements lie in the object it is the buffer itself, as code names these by address.
 *
 * Nests that go over all of their elements may even differ in shape (flat.c). Their kernel does not
 * know where they are, nor how many if they differ in that, so it is made only where it stands for
 * several. */
#include "jit/share.h"

#include <string.h>

#include "core/intern.h"
#include "jit/flat.h"

typedef struct share_key {
    arena *memory;
    const nest_plan *plan;
    nest *of;
    VEC(int64_t) numbers;
    int32_t *place; /* by buffer: 1 + its place among the nest's operands; 0: not met yet */
} share_key;

static void share_add(share_key *key, int64_t number) {
    vec_push(key->memory, &key->numbers, number);
}

/* As in memory; the rest of the union has no meaning. */
static int64_t share_bits(body_type type, const body_value *value) {
    int64_t bits = 0;
    memcpy(&bits, value, body_type_size(type));
    return bits;
}

static void share_add_buffer(share_key *key, int32_t number) {
    const nest_buffer *b = &key->plan->buffers.at[number];
    share_add(key, b->storage == NEST_CONSTANT ? -1 - (int64_t)number : key->place[number]);
    if (key->place[number] > 0)
        return;
    if (b->storage != NEST_CONSTANT) {
        key->of->operands[key->of->operand_count++] = number;
        key->place[number] = key->of->operand_count;
    }
    share_add(key, b->type);
    share_add(key, b->axis_count);
    share_add(key, b->block);
    share_add(key, b->checkpoint * (int64_t)b->steps);
    share_add(key, b->shape.rank);
    for (int d = 1; d < b->axis_count + b->shape.rank; d++)
        share_add(key, d < b->axis_count ? -1 - (int64_t)b->axes[d]
                                         : b->shape.dimension[d - b->axis_count]);
}

static void share_add_body(share_key *key, const body_instruction *code) {
    share_add(key, code->op);
    share_add(key, code->a);
    share_add(key, code->b);
    share_add(key, code->c);
    if (code->op == BODY_CONSTANT)
        share_add(key, code->immediate.i);
}

static void share_add_instruction(share_key *key, const nest_instruction *in) {
    share_add(key, in->op);
    share_add(key, in->type);
    if (in->op == NEST_BODY) {
        share_add_body(key, &in->code);
        return;
    }
    if (!nest_is_access(in)) {
        share_add(key, in->which);
        return;
    }
    share_add_buffer(key, in->which);
    share_add(key, in->pinned);
    share_add(key, in->linear);
    share_add(key, in->op == NEST_STORE ? in->value : -1);
    for (int k = 0; k < in->at_count; k++)
        share_add(key, in->at[k]);
}

static void share_write_down(share_key *key) {
    nest *n = key->of;
    n->operands = arena_array(key->memory, int32_t, n->tape.count + 1);
    n->operand_count = 0;
    key->numbers.count = 0;
    share_add(key, n->heavy);
    share_add(key, n->samples);
    share_add(key, (int64_t)n->ranges.count);
    for (size_t r = 0; r < n->ranges.count; r++) {
        const nest_range *range = &n->ranges.at[r];
        share_add(key, range->count);
        share_add(key, range->descending);
        share_add(key, range->folded);
        share_add(key, range->ordered);
        share_add(key, range->block);
        share_add(key, range->end);
        share_add(key, range->panels);
        share_add(key, range->last);
    }
    share_add(key, (int64_t)n->folds.count);
    for (size_t f = 0; f < n->folds.count; f++) {
        const nest_fold *fold = &n->folds.at[f];
        share_add(key, fold->type);
        share_add(key, share_bits(fold->type, &fold->identity));
        share_add(key, fold->next);
        share_add(key, fold->rested);
    }
    for (size_t i = 0; i < n->tape.count; i++)
        share_add_instruction(key, &n->tape.at[i]);
    for (int k = 0; k < n->operand_count; k++)
        key->place[n->operands[k]] = 0;
}

/* Nests of one flat kernel, in program order. */
typedef struct share_group {
    VEC(flat) members;
} share_group;

/* What a nest tells its kernel: its buffers, its count, and where accesses begin. */
static void share_tell(arena *memory, const flat *f, const bool *given) {
    nest *n = f->of;
    n->operands = arena_array(memory, int32_t, f->operands.count + 1 + f->lows.count);
    n->operand_count = n->number_count = 0;
    for (size_t i = 0; i < f->operands.count; i++)
        n->operands[n->operand_count++] = f->operands.at[i];
    int32_t *numbers = n->operands + n->operand_count;
    numbers[n->number_count++] = (int32_t)f->count;
    for (size_t i = 0; i < f->lows.count; i++)
        if (given[i])
            numbers[n->number_count++] = (int32_t)f->lows.at[i];
}

static void share_group_kernel(nest_plan *plan, const share_group *group) {
    const flat *lead = &group->members.at[0];
    bool *given = arena_array(plan->memory, bool, lead->lows.count + 1);
    int kernels = 0;
    bool counted = true;
    for (size_t m = 0; m < group->members.count; m++) {
        const flat *f = &group->members.at[m];
        kernels += f->of->shared == NULL;
        counted &= f->count == lead->count;
        for (size_t i = 0; i < f->lows.count; i++)
            given[i] |= f->lows.at[i] != 0;
    }
    if (kernels < 2)
        return;
    for (size_t m = 0; m < group->members.count; m++) {
        nest *n = group->members.at[m].of;
        share_tell(plan->memory, &group->members.at[m], given);
        n->shared = m == 0 ? NULL : lead->of;
        n->users = m == 0 ? (int)group->members.count : 1;
    }
    nest *form = flat_kernel(plan, lead, counted, given);
    form->name = lead->of->name;
    form->users = lead->of->users;
    form->operands = lead->of->operands;
    form->operand_count = lead->of->operand_count;
    form->number_count = lead->of->number_count;
    lead->of->form = form;
}

static void share_flat(nest_plan *plan) {
    intern table;
    intern_init(&table, plan->memory);
    VEC(share_group *) groups = {0};
    for (size_t k = 0; k < plan->kernels.count; k++) {
        flat f;
        if (!flat_look(plan, plan->kernels.at[k], &f))
            continue;
        void **slot = intern_slot(&table, f.numbers.at, f.numbers.count * sizeof *f.numbers.at);
        share_group *group = *slot;
        if (!group) {
            *slot = group = arena_new(plan->memory, share_group);
            vec_push(plan->memory, &groups, group);
        }
        vec_push(plan->memory, &group->members, f);
    }
    for (size_t i = 0; i < groups.count; i++)
        share_group_kernel(plan, groups.at[i]);
}

void share_nests(nest_plan *plan) {
    intern table;
    intern_init(&table, plan->memory);
    share_key key = {.memory = plan->memory, .plan = plan};
    key.place = arena_array(plan->memory, int32_t, plan->buffers.count);
    for (size_t k = 0; k < plan->kernels.count; k++) {
        nest *n = key.of = plan->kernels.at[k];
        share_write_down(&key);
        size_t bytes = key.numbers.count * sizeof *key.numbers.at;
        void **slot = intern_slot(&table, key.numbers.at, bytes);
        nest *first = *slot;
        n->shared = first;
        if (first)
            first->users++;
        else
            *slot = n;
        n->users = 1;
    }
    share_flat(plan);
}

int share_kernel_count(const nest_plan *plan) {
    int count = 0;
    for (size_t k = 0; k < plan->kernels.count; k++)
        count += plan->kernels.at[k]->shared == NULL;
    return count;
}

void share_print(const nest_plan *plan, text *out) {
    text_add(out, "%zu nests, %d kernels\n", plan->kernels.count, share_kernel_count(plan));
    for (size_t k = 0; k < plan->kernels.count; k++) {
        const nest *first = plan->kernels.at[k];
        if (first->shared || first->users == 1)
            continue;
        text_add(out, "kernel %s:", first->name);
        for (size_t i = k; i < plan->kernels.count; i++) {
            const nest *n = plan->kernels.at[i];
            if (n != first && n->shared != first)
                continue;
            text_add(out, "\n  %s", n->name);
            for (int u = 0; u < n->operand_count; u++)
                text_add(out, " b%d", (int)n->operands[u]);
            for (int u = 0; u < n->number_count; u++)
                text_add(out, " %d", (int)n->operands[n->operand_count + u]);
        }
        text_add(out, "\n");
    }
}
