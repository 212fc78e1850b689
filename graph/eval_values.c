/* Values that are computed element by element: element-wise ops and views.
 *
 * An element-wise op is its body, recorded once and run for each element; there is no second
 * definition of what it means. A view is a copy of the elements that op_view names; what no part of
 * it covers is 0. */
#include "graph/eval_node.h"

typedef struct eval_plan {
    int parts;
    eval_frame *frames; /* of an element-wise op: result, arguments, element number; of a view's
                           part: result, source */
    bool clears;        /* a view that does not cover its result: the first frame writes zeros */
    body code;
    body_ref result;
    body_value *inputs, *registers;
} eval_plan;

static eval_plan *eval_plan_frames(eval *e, int parts) {
    eval_plan *p = arena_new(e->memory, eval_plan);
    p->frames = arena_array(e->memory, eval_frame, parts);
    p->parts = parts;
    return p;
}

/* ---- element-wise */

static eval_plan *eval_elementwise_plan(eval *e, eval_slot *s) {
    const op_node *n = s->node;
    int count = op_live_count(n);
    eval_plan *p = eval_plan_frames(e, 1);
    eval_frame *f = p->frames;
    eval_frame_init(e, f, count + 2);
    eval_frame_operand(f, 0, s, n->domain);
    for (int i = 0; i < count; i++)
        eval_frame_operand(f, 1 + i, eval_argument(e, n, i), n->domain);
    eval_frame_operand(f, count + 1, s, 0); /* where an element stands without axes is its number */
    eval_frame_axes(e, f, n->domain);
    eval_frame_features(e, f, s);
    eval_walk_pack(&f->walk, e->memory);

    body_ref arguments[LIMIT_ARGUMENTS];
    body_init(&p->code, e->memory);
    for (int i = 0; i < count; i++)
        arguments[i] = body_input(&p->code, i, (body_type)n->arguments[i]->dtype);
    body_ref element = body_input(&p->code, count, BODY_I32);
    p->result = op_get((op_id)n->op)->body(&p->code, n, arguments, element);
    p->inputs = arena_array(e->memory, body_value, count + 1);
    p->registers = arena_array(e->memory, body_value, p->code.code.count);
    return p;
}

static void eval_elementwise_visit(eval_slot *s, const eval_frame *f, const int64_t *at) {
    eval_plan *p = s->plan;
    int count = f->walk.operands - 2;
    for (int a = 0; a < count; a++) {
        const eval_slot *x = f->operands[1 + a].slot;
        p->inputs[a] = eval_load(x->data, x->type, at[1 + a]);
    }
    p->inputs[count].i32 = (int32_t)at[count + 1];
    body_run(&p->code, p->inputs, p->registers);
    eval_store(s->own, s->type, at[0], p->registers[p->result]);
}

void eval_elementwise(eval *e, eval_slot *s) {
    if (!s->plan)
        s->plan = eval_elementwise_plan(e, s);
    eval_frame_each(e, ((eval_plan *)s->plan)->frames, s, eval_elementwise_visit);
}

/* ---- views */

/* Zeros everywhere. */
static void eval_view_clear(eval *e, eval_frame *f, eval_slot *s) {
    eval_frame_init(e, f, 1);
    eval_frame_operand(f, 0, s, s->node->domain);
    eval_frame_axes(e, f, s->node->domain);
    eval_frame_features(e, f, s);
    eval_walk_pack(&f->walk, e->memory);
}

/* What one dimension of the source adds to the way its place follows the result's. */
static void eval_view_term(eval_frame *f, const op_term *term, int64_t stride, int64_t *dimension) {
    f->operands[1].offset += term->offset * stride;
    if (term->from == OP_TERM_DIMENSION)
        dimension[term->which] += stride;
    else if (term->from == OP_TERM_AXIS)
        f->operands[1].axis_stride[term->which] += stride;
}

static void eval_view_part(eval *e, eval_frame *f, eval_slot *s, const op_view *view) {
    const op_node *n = s->node;
    const eval_slot *x = eval_argument(e, n, view->argument);
    int64_t dimension[LIMIT_RANK] = {0}; /* strides of the source along the result's dimensions */
    eval_frame_init(e, f, 2);
    eval_frame_operand(f, 0, s, n->domain);
    eval_frame_operand(f, 1, x, view->axis < 0 ? ~(uint32_t)0 : ~((uint32_t)1 << view->axis));
    if (!view->linear)
        for (int i = 0; i < x->rank; i++)
            eval_view_term(f, &view->dimension[i], x->stride[i], dimension);
    if (view->axis >= 0)
        eval_view_term(f, &view->axis_term, x->axis_stride[view->axis], dimension);
    eval_frame_axes(e, f, n->domain);
    if (view->linear) {
        int64_t *stride = eval_walk_loop(&f->walk, e->memory, s->features);
        stride[0] = stride[1] = 1;
    }
    for (int d = 0; d < s->rank && !view->linear; d++) {
        bool guarded = view->guard == d;
        int64_t low = guarded && view->low > 0 ? view->low : 0;
        int64_t high = guarded && view->high < s->dimension[d] ? view->high : s->dimension[d];
        int64_t *stride = eval_walk_loop(&f->walk, e->memory, high > low ? high - low : 0);
        stride[0] = s->stride[d];
        stride[1] = dimension[d];
        f->operands[0].offset += low * stride[0];
        f->operands[1].offset += low * stride[1];
    }
    eval_walk_pack(&f->walk, e->memory);
}

static eval_plan *eval_view_plan(eval *e, eval_slot *s) {
    op_view views[LIMIT_ARGUMENTS];
    int count = op_get((op_id)s->node->op)->views(s->node, views);
    eval_plan *p = eval_plan_frames(e, count + 1);
    for (int v = 0; v < count; v++)
        p->clears |= views[v].guard >= 0;
    eval_view_clear(e, &p->frames[0], s);
    for (int v = 0; v < count; v++)
        eval_view_part(e, &p->frames[1 + v], s, &views[v]);
    return p;
}

static void eval_view_copy(eval_slot *s, const eval_frame *f, const int64_t *at) {
    eval_store(s->own, s->type, at[0], eval_load(f->operands[1].slot->data, s->type, at[1]));
}

void eval_view(eval *e, eval_slot *s) {
    if (!s->plan)
        s->plan = eval_view_plan(e, s);
    const eval_plan *p = s->plan;
    if (p->clears)
        eval_frame_clear(e, &p->frames[0], s);
    for (int part = 1; part < p->parts; part++)
        eval_frame_each(e, &p->frames[part], s, eval_view_copy);
}
