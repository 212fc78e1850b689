/* Sums in their fixed order: folds (reduce, total) and contract.
 *
 * Each element of the result is finished before the next one begins, with one accumulator (a fold:
 * its one or two states) that takes its terms in the order of the node: axes first, the node's
 * `outermost` outermost, then dimensions or letters as the spec names them. Nothing is split or
 * reordered for speed; this is what compiled code is compared with. */
#include <assert.h>
#include <math.h>

#include "graph/eval_node.h"

typedef struct eval_plan {
    eval_frame result, terms; /* terms: the operands again, from where `result` stands */
    op_fold fold;
    body step, finish;
    body_ref state[2], finished;
    body_value *registers;
} eval_plan;

/* Registers are shared by both bodies of a fold. */
static void eval_fold_bodies(eval *e, eval_plan *p, const op_node *n) {
    op_kind kind = (op_kind)n->attributes.kind;
    dtype t = (dtype)n->arguments[0]->dtype;
    body_ref before[2] = {-1, -1};
    p->fold = op_fold_of(kind, t);
    body_init(&p->step, e->memory);
    body_init(&p->finish, e->memory);
    for (int i = 0; i < p->fold.states; i++) {
        p->state[i] = body_input(&p->step, i, p->fold.types[i]);
        before[i] = body_input(&p->finish, i, p->fold.types[i]);
    }
    body_ref x = body_input(&p->step, 2, (body_type)t);
    op_fold_step(&p->step, kind, p->state, x, body_input(&p->step, 3, BODY_I32));
    p->finished = op_fold_finish(&p->finish, kind, before);
    size_t most =
        p->step.code.count > p->finish.code.count ? p->step.code.count : p->finish.code.count;
    p->registers = arena_array(e->memory, body_value, most);
}

static eval_plan *eval_fold_plan(eval *e, eval_slot *s) {
    const op_node *n = s->node;
    const eval_slot *x = eval_argument(e, n, 0);
    eval_plan *p = arena_new(e->memory, eval_plan);
    eval_frame_init(e, &p->result, 2);
    eval_frame_operand(&p->result, 0, s, n->domain);
    eval_frame_operand(&p->result, 1, x, n->domain);
    eval_frame_axes(e, &p->result, n->domain);
    eval_frame_features(e, &p->result, s);
    eval_walk_pack(&p->result.walk, e->memory);
    eval_frame_init(e, &p->terms, 1);
    eval_frame_operand(&p->terms, 0, x, n->attributes.over);
    assert((n->attributes.over & e->fixed) == 0);
    if (n->op == OP_TOTAL) {
        eval_frame_over(e, &p->terms, n);
    } else {
        int d = n->attributes.dimension;
        *eval_walk_loop(&p->terms.walk, e->memory, x->dimension[d]) = x->stride[d];
    }
    eval_walk_pack(&p->terms.walk, e->memory);
    eval_fold_bodies(e, p, n);
    return p;
}

/* Folds the terms that begin at `offset` of the operand. */
static body_value eval_fold_one(eval_plan *p, int64_t offset) {
    const eval_walk *w = &p->terms.walk;
    const eval_operand *x = &p->terms.operands[0];
    body_value inputs[4] = {p->fold.identity[0], p->fold.identity[1]};
    eval_cursor c;
    p->terms.offset[0] = offset + x->offset;
    if (eval_cursor_begin(&c, w, p->terms.offset)) {
        int64_t stride = w->stride[w->rank - 1][0], index = 0;
        do {
            for (int64_t i = 0; i < w->extent[w->rank - 1]; i++) {
                inputs[2] =
                    eval_load(x->slot->data, x->slot->type, p->terms.offset[0] + i * stride);
                inputs[3].i32 = (int32_t)index++;
                body_run(&p->step, inputs, p->registers);
                for (int state = 0; state < p->fold.states; state++)
                    inputs[state] = p->registers[p->state[state]];
            }
        } while (eval_cursor_next(&c));
    }
    body_run(&p->finish, inputs, p->registers);
    return p->registers[p->finished];
}

static void eval_fold_visit(eval_slot *s, const eval_frame *f, const int64_t *at) {
    (void)f;
    eval_store(s->own, s->type, at[0], eval_fold_one(s->plan, at[1]));
}

void eval_fold(eval *e, eval_slot *s) {
    if (!s->plan)
        s->plan = eval_fold_plan(e, s);
    eval_frame_each(e, &((eval_plan *)s->plan)->result, s, eval_fold_visit);
}

/* ---- contract */

/* A loop over one letter: the strides of an operand whose dimensions are at these letters. */
static int64_t eval_letter(const eval_slot *x, const int8_t *letters, int letter, int64_t *extent) {
    for (int d = 0; d < x->rank; d++)
        if (letters[d] == letter) {
            *extent = x->dimension[d];
            return x->stride[d];
        }
    return 0;
}

static eval_plan *eval_contract_plan(eval *e, eval_slot *s) {
    const op_node *n = s->node;
    const eval_slot *a = eval_argument(e, n, 0), *b = eval_argument(e, n, 1);
    eval_plan *p = arena_new(e->memory, eval_plan);
    op_contract spec;
    const char *why;
    bool legal = op_contract_parse(n->attributes.text, &spec, &why);
    assert(legal && (n->attributes.over & e->fixed) == 0);
    (void)legal;
    eval_frame_init(e, &p->result, 3);
    eval_frame_operand(&p->result, 0, s, n->domain);
    eval_frame_operand(&p->result, 1, a, n->domain);
    eval_frame_operand(&p->result, 2, b, n->domain);
    eval_frame_axes(e, &p->result, n->domain);
    for (int d = 0; d < s->rank; d++) {
        int64_t *stride = eval_walk_loop(&p->result.walk, e->memory, s->dimension[d]), extent;
        stride[0] = s->stride[d];
        stride[1] = eval_letter(a, spec.a, spec.out[d], &extent);
        stride[2] = eval_letter(b, spec.b, spec.out[d], &extent);
    }
    eval_walk_pack(&p->result.walk, e->memory);
    eval_frame_init(e, &p->terms, 2);
    eval_frame_operand(&p->terms, 0, a, n->attributes.over);
    eval_frame_operand(&p->terms, 1, b, n->attributes.over);
    eval_frame_over(e, &p->terms, n);
    for (int r = 0; r < spec.reduced_count; r++) {
        int64_t extent = 0;
        int64_t of_a = eval_letter(a, spec.a, spec.reduced[r], &extent);
        int64_t of_b = eval_letter(b, spec.b, spec.reduced[r], &extent);
        int64_t *stride = eval_walk_loop(&p->terms.walk, e->memory, extent);
        stride[0] = of_a;
        stride[1] = of_b;
    }
    eval_walk_pack(&p->terms.walk, e->memory);
    return p;
}

/* One accumulator, from +0. */
static body_value eval_contract_one(eval_plan *p, dtype t, int64_t offset_a, int64_t offset_b) {
    const eval_walk *w = &p->terms.walk;
    const eval_operand *a = &p->terms.operands[0], *b = &p->terms.operands[1];
    int64_t *offset = p->terms.offset;
    double sum = 0;
    float sum_f32 = 0;
    eval_cursor c;
    offset[0] = offset_a + a->offset;
    offset[1] = offset_b + b->offset;
    if (eval_cursor_begin(&c, w, offset)) {
        const int64_t *stride = w->stride[w->rank - 1];
        int64_t extent = w->extent[w->rank - 1];
        do {
            if (t == DTYPE_F32) {
                const float *x = (const float *)a->slot->data, *y = (const float *)b->slot->data;
                for (int64_t i = 0; i < extent; i++)
                    sum_f32 =
                        fmaf(x[offset[0] + i * stride[0]], y[offset[1] + i * stride[1]], sum_f32);
            } else {
                const double *x = (const double *)a->slot->data, *y = (const double *)b->slot->data;
                for (int64_t i = 0; i < extent; i++)
                    sum = fma(x[offset[0] + i * stride[0]], y[offset[1] + i * stride[1]], sum);
            }
        } while (eval_cursor_next(&c));
    }
    return t == DTYPE_F32 ? (body_value){.f32 = sum_f32} : (body_value){.f64 = sum};
}

static void eval_contract_visit(eval_slot *s, const eval_frame *f, const int64_t *at) {
    (void)f;
    eval_store(s->own, s->type, at[0], eval_contract_one(s->plan, s->type, at[1], at[2]));
}

void eval_contract(eval *e, eval_slot *s) {
    if (!s->plan)
        s->plan = eval_contract_plan(e, s);
    eval_frame_each(e, &((eval_plan *)s->plan)->result, s, eval_contract_visit);
}
