/* A plan as text: the buffers, then the program with its loops indented, every nest as its ranges
 * and its tape. The text is what EDDY_DUMP shows and what golden tests compare, so it holds
 * everything that emission reads and nothing that differs between two runs. */
#include <assert.h>

#include "jit/nest.h"

static const char *axis_name(const nest_plan *plan, int axis) {
    const graph *g = plan->source;
    return g && axis < g->axis_count ? g->axes[axis].name : NULL;
}

static void print_axis(const nest_plan *plan, int axis, text *out) {
    const char *name = axis_name(plan, axis);
    if (name)
        text_add(out, "%s", name);
    else
        text_add(out, "axis%d", axis);
}

static void print_size(const nest_plan *plan, int64_t size, text *out) {
    if (size >= 0)
        text_add(out, "%lld", (long long)size);
    else
        print_axis(plan, (int)(-1 - size), out);
}

static const char *type_name(body_type t) {
    return t == BODY_I64 ? "i64" : dtype_name((dtype)t);
}

static void print_number(body_type type, body_value v, text *out) {
    switch (type) {
    case BODY_F32:
        text_add_f32(out, v.f32);
        break;
    case BODY_F64:
        text_add_f64(out, v.f64);
        break;
    case BODY_I32:
        text_add(out, "%d", (int)v.i32);
        break;
    case BODY_BOOL:
        text_add(out, "%d", (int)v.boolean);
        break;
    case BODY_I64:
        text_add(out, "%lld", (long long)v.i64);
        break;
    }
}

void nest_print_inside(const nest_buffer *b, text *out) {
    if (b->inside.buffer == 0)
        return;
    text_add(out, " in b%d from [", (int)b->inside.buffer - 1);
    for (int i = 0; i < b->shape.rank; i++)
        text_add(out, i ? ", %lld" : "%lld", (long long)b->inside.low[i]);
    text_add(out, "]");
}

static void print_buffer(const nest_plan *plan, size_t number, text *out) {
    static const char *const storages[] = {[NEST_ARENA] = "arena",
                                           [NEST_INPUT] = "input",
                                           [NEST_PARAM] = "param",
                                           [NEST_OUTPUT] = "output",
                                           [NEST_CONSTANT] = "constant"};
    const nest_buffer *b = &plan->buffers.at[number];
    text_add(out, "buffer b%zu %s \"%s\" %s", number, storages[b->storage], b->name,
             dtype_name(b->type));
    for (int i = 0; i < b->axis_count; i++) {
        text_add(out, i ? ", " : " {");
        print_axis(plan, b->axes[i], out);
    }
    text_add(out, b->axis_count ? "} [" : " [");
    for (int i = 0; i < b->shape.rank; i++) {
        text_add(out, i ? ", " : "");
        print_size(plan, b->shape.dimension[i], out);
    }
    text_add(out, "]");
    nest_print_inside(b, out);
    text_add(out, "\n");
}

static void print_place(const nest_instruction *in, text *out) {
    text_add(out, " b%d[", (int)in->which);
    for (int i = 0; i < in->at_count; i++)
        text_add(out, i ? ", %%%d" : "%%%d", (int)in->at[i]);
    text_add(out, "]%s%s", in->linear ? " linear" : "", in->pinned ? " pinned" : "");
}

static void print_body(const nest_instruction *in, text *out) {
    const nest_ref operands[3] = {in->code.a, in->code.b, in->code.c};
    text_add(out, "%s", body_op_name((body_op)in->code.op));
    for (int k = 0; k < body_operands((body_op)in->code.op); k++)
        text_add(out, " %%%d", (int)operands[k]);
    if (in->code.op != BODY_CONSTANT)
        return;
    text_add(out, " ");
    body_value v = {.i64 = in->code.immediate.i};
    if (in->type == BODY_F32)
        v.f32 = (float)in->code.immediate.f;
    else if (in->type == BODY_F64)
        v.f64 = in->code.immediate.f;
    else if (in->type == BODY_I32)
        v.i32 = (int32_t)in->code.immediate.i;
    else if (in->type == BODY_BOOL)
        v.boolean = in->code.immediate.i != 0;
    print_number((body_type)in->type, v, out);
}

static void print_instruction(const nest_plan *plan, const nest_instruction *in, text *out) {
    switch ((nest_op)in->op) {
    case NEST_BODY:
        print_body(in, out);
        break;
    case NEST_RANGE:
        text_add(out, "range r%d", (int)in->which);
        break;
    case NEST_OUTER:
        text_add(out, "outer ");
        print_axis(plan, in->which, out);
        break;
    case NEST_COUNT:
        text_add(out, "count ");
        print_axis(plan, in->which, out);
        break;
    case NEST_GIVEN:
        text_add(out, "given %d", (int)in->which);
        break;
    case NEST_SPAN:
        text_add(out, "block's %s",
                 in->which == NEST_FIRST ? "first"
                 : in->which == NEST_END ? "end"
                                         : "number");
        break;
    case NEST_LOAD:
        text_add(out, "load");
        print_place(in, out);
        break;
    case NEST_STORE:
        text_add(out, "store");
        print_place(in, out);
        text_add(out, " %%%d", (int)in->value);
        break;
    case NEST_FOLD:
        text_add(out, "fold f%d", (int)in->which);
        break;
    case NEST_RESULT:
        text_add(out, "result f%d", (int)in->which);
        break;
    }
}

static void print_nest(const nest_plan *plan, const nest *n, int indent, text *out) {
    text_add(out, "%*snest %s%s\n", 2 * indent, "", n->name, n->heavy ? " heavy" : "");
    int inner = 2 * indent + 2;
    for (size_t i = 0; i < n->ranges.count; i++) {
        const nest_range *r = &n->ranges.at[i];
        text_add(out, "%*sr%zu %s ", inner, "", i, r->folded ? "folded" : "parallel");
        print_size(plan, r->count, out);
        text_add(out, "%s%s%s", r->block ? " block" : "", r->descending ? " descending" : "",
                 r->ordered ? " ordered" : "");
        if (r->last > 0)
            text_add(out, " last %d by r%d", (int)r->last, (int)r->panels - 1);
        if (r->end > 0)
            text_add(out, " to %%%d", (int)r->end - 1);
        text_add(out, "\n");
    }
    for (size_t i = 0; i < n->folds.count; i++) {
        const nest_fold *f = &n->folds.at[i];
        text_add(out, "%*sf%zu %s from ", inner, "", i, type_name(f->type));
        print_number(f->type, f->identity, out);
        text_add(out, " next %%%d", (int)f->next);
        if (f->rested >= 0)
            text_add(out, " rested %%%d", (int)f->rested);
        text_add(out, "\n");
    }
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        text_add(out, "%*s", inner, "");
        if (in->op != NEST_STORE)
            text_add(out, "%%%zu %s = ", i, type_name((body_type)in->type));
        print_instruction(plan, in, out);
        text_add(out, "\n");
    }
}

/* Depth of recursion: nested loops, at most the axes. */
static void print_items(const nest_plan *plan, const nest_list *items, int indent, text *out) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (indent == 0 && i < plan->prepared)
            text_add(out, "prepared ");
        if (item->kernel) {
            print_nest(plan, item->kernel, indent, out);
            continue;
        }
        text_add(out, "%*s%s ", 2 * indent, "", item->block ? "blocks" : "loop");
        print_axis(plan, item->axis, out);
        text_add(out, "%s\n", item->sign < 0 ? " descending" : "");
        print_items(plan, &item->items, indent + 1, out);
    }
}

void nest_print(const nest_plan *plan, text *out) {
    for (size_t i = 0; i < plan->buffers.count; i++)
        print_buffer(plan, i, out);
    print_items(plan, &plan->items, 0, out);
}
