/* The plan of memory as text: who lives where and when, and what the arena comes to.
 *
 * Sizes are formulas in the extents, so the arena is one too: places with the same axes are added
 * up. Left out of the sum is what alignment adds, at most 63 bytes a place. */
#include "jit/plan.h"

static void print_term(const nest_plan *plan, const plan_buffer *b, size_t constant, text *out) {
    text_add(out, "%zu", constant);
    for (int i = 0; i < b->axis_count; i++) {
        const graph *g = plan->source;
        const char *name = g && b->axes[i] < g->axis_count ? g->axes[b->axes[i]].name : NULL;
        if (b->axes[i] == NEST_BLOCK)
            text_add(out, " * block");
        else if (b->axes[i] == NEST_CHECKPOINTS)
            text_add(out, " * (blocks + 1)");
        else if (name)
            text_add(out, " * %s", name);
        else
            text_add(out, " * axis%d", b->axes[i]);
    }
}

static bool is_place(const plan_buffer *b) {
    return (b->storage == NEST_ARENA || b->storage == NEST_OUTPUT) && !b->unused && !b->empty;
}

/* The same axes, in whatever order. */
static bool same_axes(const plan_buffer *l, const plan_buffer *r) {
    int balance[PLAN_EXTENTS] = {0};
    for (int i = 0; i < l->axis_count; i++)
        balance[l->axes[i]]++;
    for (int i = 0; i < r->axis_count; i++)
        balance[r->axes[i]]--;
    for (int a = 0; a < PLAN_EXTENTS; a++)
        if (balance[a] != 0)
            return false;
    return true;
}

static void print_sum(const nest_plan *plan, const plan_buffer *buffers, nest_storage storage,
                      text *out) {
    size_t count = plan->buffers.count, places = 0;
    for (size_t i = 0; i < count; i++) {
        const plan_buffer *b = &buffers[i];
        if (!is_place(b) || b->storage != storage || b->host)
            continue;
        size_t bytes = 0;
        bool told = false;
        for (size_t k = 0; k < count && !told; k++) {
            const plan_buffer *other = &buffers[k];
            if (!is_place(other) || other->storage != storage || other->host ||
                !same_axes(b, other))
                continue;
            told = k < i;
            bytes += other->constant * dtype_size(other->type);
        }
        places++;
        if (told)
            continue;
        text_add(out, places > 1 ? " + " : "");
        print_term(plan, b, bytes, out);
    }
    text_add(out, places > 0 ? " bytes in %zu places\n" : "nothing\n", places);
}

void plan_print(const nest_plan *plan, const plan_buffer *buffers, text *out) {
    for (size_t i = 0; i < plan->buffers.count; i++) {
        const plan_buffer *b = &buffers[i];
        const nest_buffer *of = &plan->buffers.at[i];
        if (!is_place(b) && of->inside.buffer == 0)
            continue;
        text_add(out, "b%zu %s \"%s\" %s ", i, b->storage == NEST_OUTPUT ? "output" : "arena",
                 b->name, dtype_name(b->type));
        print_term(plan, b, b->constant, out);
        nest_print_inside(of, out);
        if (is_place(b))
            text_add(out, " nests %d..%d", (int)b->live.first, (int)b->live.last);
        if (b->host)
            text_add(out, " at b%zu", (size_t)(b->host - buffers));
        text_add(out, "\n");
    }
    text_add(out, "arena: ");
    print_sum(plan, buffers, NEST_ARENA, out);
    text_add(out, "outputs that are not bound: ");
    print_sum(plan, buffers, NEST_OUTPUT, out);
}
