/* Memory of the caller's for what a program makes of parameters alone.
 *
 * The first items of a plan copy matrices into the order in which kernels read them, and the like
 * (lower_prepare.c). A sequence does that once in many steps, a step once in one: it would be most
 * of the work. So an object that has steps lets its caller keep those values, and says when they
 * are made: whenever parameters have changed, which the object cannot know.
 *
 * An object for several processors keeps there, too, which of them this is (aot_multi.c).
 *
 * Their sizes are known, since prepared nests do not depend on extents. They are one piece of
 * memory, which many streams may read. */
#include "core/size.h"
#include "jit/aot_internal.h"

static bool place(aot *a, int32_t buffer) {
    const plan_buffer *b = &a->buffers[buffer];
    size_t bytes, end;
    if (a->prepared_at[buffer] != AOT_NOT_PREPARED)
        return true;
    a->prepared_at[buffer] = a->prepared_bytes;
    return size_multiply(b->constant, dtype_size(b->type), &bytes) &&
           size_add(a->prepared_bytes, bytes, &end) &&
           size_align(end, PLAN_ALIGNMENT, &a->prepared_bytes) &&
           a->prepared_bytes <= machine_most(a->target) - PLAN_ALIGNMENT;
}

void aot_prepared(aot *a) {
    const nest_plan *plan = a->plan;
    bool fits = true;
    a->prepared_at = arena_array(a->memory, size_t, plan->buffers.count + 1);
    for (size_t i = 0; i < plan->buffers.count; i++)
        a->prepared_at[i] = AOT_NOT_PREPARED;
    for (size_t k = 0; k < plan->prepared; k++) {
        const nest *n = plan->items.at[k].kernel;
        for (size_t i = 0; i < n->tape.count && fits; i++)
            if (n->tape.at[i].op == NEST_STORE)
                fits = place(a, n->tape.at[i].which);
    }
    a->prepared_bytes += PLAN_ALIGNMENT; /* a vector that begins in the last place may end behind */
    a->keeps = (plan->prepared > 0 || a->request->multi) && a->step_axis >= 0 && fits;
}
