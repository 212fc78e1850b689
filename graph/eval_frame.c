/* How the evaluator sets up the loops of a node.
 *
 * A node is computed for all of its domain that no enclosing loop fixes; an operand follows the
 * node's position along some axes (all that it holds, as a rule) and is read as a whole along
 * others. Both are strides: those of free axes become loops, those of fixed axes become an offset
 * at each step of the enclosing loops. A node always stands in the same loops, so its frame is
 * built once. */
#include <string.h>

#include "graph/eval_node.h"

void eval_frame_init(eval *e, eval_frame *f, int operands) {
    f->operands = arena_array(e->memory, eval_operand, operands);
    f->offset = arena_array(e->memory, int64_t, operands);
    f->at = arena_array(e->memory, int64_t, operands);
    eval_walk_init(&f->walk, operands);
}

void eval_frame_operand(eval_frame *f, int i, const eval_slot *slot, uint32_t axes) {
    f->operands[i].slot = slot;
    for (int a = 0; a < LIMIT_AXES; a++)
        f->operands[i].axis_stride[a] = axes >> a & 1 ? slot->axis_stride[a] : 0;
}

void eval_frame_axis(const eval *e, eval_frame *f, int axis) {
    if (e->fixed >> axis & 1)
        return;
    int64_t *stride = eval_walk_loop(&f->walk, e->memory, e->extent[axis]);
    for (int o = 0; o < f->walk.operands; o++)
        stride[o] = f->operands[o].axis_stride[axis];
}

void eval_frame_axes(const eval *e, eval_frame *f, uint32_t axes) {
    int order[LIMIT_AXES], count = graph_axis_order(e->g, axes, order);
    for (int a = 0; a < count; a++)
        eval_frame_axis(e, f, order[a]);
}

void eval_frame_features(const eval *e, eval_frame *f, const eval_slot *result) {
    for (int d = 0; d < result->rank; d++) {
        int64_t *stride = eval_walk_loop(&f->walk, e->memory, result->dimension[d]);
        for (int o = 0; o < f->walk.operands; o++) {
            const eval_slot *s = f->operands[o].slot;
            int own = d - (result->rank - s->rank);
            stride[o] = own >= 0 ? s->stride[own] : 0;
        }
    }
}

void eval_frame_over(const eval *e, eval_frame *f, const op_node *n) {
    int order[LIMIT_AXES], count = graph_axis_order(e->g, n->attributes.over, order);
    int outermost = n->attributes.outermost;
    bool leads = outermost >= 0 && (n->attributes.over >> outermost & 1);
    if (leads)
        eval_frame_axis(e, f, outermost);
    if (leads && n->attributes.reverse)
        for (int o = 0; o < f->walk.operands; o++) {
            int64_t *stride = &f->walk.stride[f->walk.rank - 1][o];
            f->operands[o].offset += (e->extent[outermost] - 1) * *stride;
            *stride = -*stride;
        }
    for (int a = 0; a < count; a++)
        if (!leads || order[a] != outermost)
            eval_frame_axis(e, f, order[a]);
}

void eval_frame_each(const eval *e, eval_frame *f, eval_slot *s, eval_visit *visit) {
    eval_cursor c;
    int count = f->walk.operands;
    for (int o = 0; o < count; o++) {
        const eval_operand *operand = &f->operands[o];
        f->offset[o] = operand->offset;
        for (uint32_t rest = e->fixed; rest; rest &= rest - 1) {
            int axis = __builtin_ctz(rest);
            f->offset[o] += e->position[axis] * operand->axis_stride[axis];
        }
    }
    if (!eval_cursor_begin(&c, &f->walk, f->offset))
        return;
    const int64_t *stride = f->walk.stride[f->walk.rank - 1];
    do {
        memcpy(f->at, f->offset, sizeof *f->at * (size_t)count);
        for (int64_t i = 0; i < f->walk.extent[f->walk.rank - 1]; i++) {
            visit(s, f, f->at);
            for (int o = 0; o < count; o++)
                f->at[o] += stride[o];
        }
    } while (eval_cursor_next(&c));
}

static void eval_frame_zero(eval_slot *s, const eval_frame *f, const int64_t *at) {
    (void)f;
    eval_store(s->own, s->type, at[0], (body_value){.i64 = 0});
}

void eval_frame_clear(const eval *e, eval_frame *f, eval_slot *s) {
    eval_frame_each(e, f, s, eval_frame_zero);
}
