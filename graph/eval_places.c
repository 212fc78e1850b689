/* Ops that read or write at computed places: gather, at, delay; scatter, put.
 *
 * delay and at are one thing, x at place p where 0 <= p < end, else init; they differ in where p
 * comes from. Places may be anything (padding holds garbage), so they are compared before they are
 * used: gather reads 0 out of range, scatter and put drop what is out of range, and at reads
 * nothing outside the extent even if the lengths say so.
 *
 * scatter and put walk their source in the order in which duplicates must add up: the axes that are
 * summed first, the node's `outermost` outermost; then the axes that stay, which only choose where
 * to add; then the feature dimensions. */
#include <assert.h>

#include "graph/eval_node.h"

typedef struct eval_plan {
    eval_frame frame, clear; /* clear: zeros everywhere, of scatter and put */
    int64_t extent;          /* places are in [0, extent) ... */
    int64_t stride;          /* ... this far apart */
    int lengths;             /* operand that holds the end, or -1 */
} eval_plan;

static int32_t eval_place(const eval_frame *f, int operand, const int64_t *at) {
    return ((const int32_t *)f->operands[operand].slot->data)[at[operand]];
}

static uint32_t eval_without(int axis) {
    return ~((uint32_t)1 << axis);
}

/* ---- at, delay: result, x, init, place (at: the index; delay: the step), lengths */

static eval_plan *eval_read_plan(eval *e, eval_slot *s) {
    const op_node *n = s->node;
    int axis = n->attributes.axis;
    bool delays = n->op == OP_DELAY;
    int init = delays ? 1 : 2, lengths = init + 1;
    eval_plan *p = arena_new(e->memory, eval_plan);
    const eval_slot *x = eval_argument(e, n, 0);
    p->extent = e->extent[axis];
    p->stride = x->axis_stride[axis];
    p->lengths = n->count > lengths ? 4 : -1;
    eval_frame_init(e, &p->frame, n->count > lengths ? 5 : 4);
    eval_frame_operand(&p->frame, 0, s, n->domain);
    eval_frame_operand(&p->frame, 1, x, n->domain & eval_without(axis));
    eval_frame_operand(&p->frame, 2, eval_argument(e, n, init), n->domain);
    if (delays) {
        /* The step is a number of the walk itself: a value of stride 1 along the axis. */
        eval_slot *step = arena_new(e->memory, eval_slot);
        step->axis_stride[axis] = 1;
        eval_frame_operand(&p->frame, 3, step, n->domain);
        p->frame.operands[3].offset = -n->attributes.distance;
    } else {
        eval_frame_operand(&p->frame, 3, eval_argument(e, n, 1), n->domain);
    }
    if (p->lengths >= 0)
        eval_frame_operand(&p->frame, 4, eval_argument(e, n, lengths), n->domain);
    eval_frame_axes(e, &p->frame, n->domain);
    eval_frame_features(e, &p->frame, s);
    eval_walk_pack(&p->frame.walk, e->memory);
    return p;
}

static void eval_read_visit(eval_slot *s, const eval_frame *f, const int64_t *at) {
    const eval_plan *p = s->plan;
    const eval_slot *x = f->operands[1].slot, *init = f->operands[2].slot;
    int64_t place = s->node->op == OP_DELAY ? at[3] : eval_place(f, 3, at);
    int64_t end = p->lengths < 0 ? p->extent : eval_place(f, p->lengths, at);
    bool inside = place >= 0 && place < end && place < p->extent;
    eval_store(s->own, s->type, at[0],
               inside ? eval_load(x->data, x->type, at[1] + place * p->stride)
                      : eval_load(init->data, init->type, at[2]));
}

/* ---- gather: result, x, index */

static eval_plan *eval_gather_plan(eval *e, eval_slot *s) {
    const op_node *n = s->node;
    eval_plan *p = arena_new(e->memory, eval_plan);
    const eval_slot *x = eval_argument(e, n, 0), *index = eval_argument(e, n, 1);
    p->extent = x->dimension[0];
    p->stride = x->stride[0];
    eval_frame_init(e, &p->frame, 3);
    eval_frame_operand(&p->frame, 0, s, n->domain);
    eval_frame_operand(&p->frame, 1, x, n->domain);
    eval_frame_operand(&p->frame, 2, index, n->domain);
    eval_frame_axes(e, &p->frame, n->domain);
    for (int d = 0; d < s->rank; d++) {
        int64_t *stride = eval_walk_loop(&p->frame.walk, e->memory, s->dimension[d]);
        stride[0] = s->stride[d];
        stride[1] = d < index->rank ? 0 : x->stride[d - index->rank + 1];
        stride[2] = d < index->rank ? index->stride[d] : 0;
    }
    eval_walk_pack(&p->frame.walk, e->memory);
    return p;
}

static void eval_gather_visit(eval_slot *s, const eval_frame *f, const int64_t *at) {
    const eval_plan *p = s->plan;
    const eval_slot *x = f->operands[1].slot;
    int64_t place = eval_place(f, 2, at);
    body_value v = {.i64 = 0};
    if (place >= 0 && place < p->extent)
        v = eval_load(x->data, x->type, at[1] + place * p->stride);
    eval_store(s->own, s->type, at[0], v);
}

void eval_indexed(eval *e, eval_slot *s) {
    bool gathers = s->node->op == OP_GATHER;
    if (!s->plan)
        s->plan = gathers ? eval_gather_plan(e, s) : eval_read_plan(e, s);
    eval_frame_each(e, &((eval_plan *)s->plan)->frame, s,
                    gathers ? eval_gather_visit : eval_read_visit);
}

/* ---- scatter, put: result, g, place */

static eval_plan *eval_scatter_plan(eval *e, eval_slot *s) {
    const op_node *n = s->node;
    eval_plan *p = arena_new(e->memory, eval_plan);
    const eval_slot *g = eval_argument(e, n, 0), *index = eval_argument(e, n, 1);
    bool puts = n->op == OP_PUT;
    uint32_t source = g->node->domain | index->node->domain, over = n->attributes.over;
    uint32_t own = puts ? n->domain & eval_without(n->attributes.axis) : n->domain;
    assert((over & e->fixed) == 0 && (own & e->fixed) == (n->domain & e->fixed));
    eval_frame_init(e, &p->clear, 1);
    eval_frame_operand(&p->clear, 0, s, n->domain);
    eval_frame_axes(e, &p->clear, n->domain);
    eval_frame_features(e, &p->clear, s);
    eval_walk_pack(&p->clear.walk, e->memory);

    p->extent = puts ? e->extent[n->attributes.axis] : s->dimension[0];
    p->stride = puts ? s->axis_stride[n->attributes.axis] : s->stride[0];
    eval_frame_init(e, &p->frame, 3);
    eval_frame_operand(&p->frame, 0, s, own);
    eval_frame_operand(&p->frame, 1, g, source);
    eval_frame_operand(&p->frame, 2, index, source);
    eval_frame_over(e, &p->frame, n);
    eval_frame_axes(e, &p->frame, source & ~over);
    for (int d = 0; d < g->rank; d++) {
        int64_t *stride = eval_walk_loop(&p->frame.walk, e->memory, g->dimension[d]);
        bool indexes = d < index->rank;
        int rest = puts ? d : d - index->rank + 1; /* the dimension of the result */
        stride[0] = indexes ? 0 : s->stride[rest];
        stride[1] = g->stride[d];
        stride[2] = indexes ? index->stride[d] : 0;
    }
    eval_walk_pack(&p->frame.walk, e->memory);
    return p;
}

static void eval_scatter_visit(eval_slot *s, const eval_frame *f, const int64_t *at) {
    const eval_plan *p = s->plan;
    const eval_slot *g = f->operands[1].slot;
    int64_t place = eval_place(f, 2, at), to = at[0] + place * p->stride;
    if (place < 0 || place >= p->extent)
        return;
    if (s->type == DTYPE_F32)
        ((float *)s->own)[to] += ((const float *)g->data)[at[1]];
    else
        ((double *)s->own)[to] += ((const double *)g->data)[at[1]];
}

void eval_scatter(eval *e, eval_slot *s) {
    if (!s->plan)
        s->plan = eval_scatter_plan(e, s);
    eval_plan *p = s->plan;
    eval_frame_clear(e, &p->clear, s);
    eval_frame_each(e, &p->frame, s, eval_scatter_visit);
}
