/* The arena of a run: every value that is in memory has a place of its own.
 *
 * Extents are run-time numbers, so a size is a formula, and laying out is a sum over the formulas
 * each time extents change. Every product and sum is checked: a program that does not fit must be
 * refused before anything is computed.
 *
 * Trap: a buffer can have no elements (an extent is 0) and still be read. Loads whose place is
 * computed are clamped into the buffer and hoisted out of loops that then do not run at all; what
 * they read is never used, but there must be something to read. So such buffers share a scratch
 * area that is as large as the largest would be with 1 for every 0, filled with zeros. */
#include "jit/plan.h"

#include <assert.h>
#include <string.h>

#include "core/size.h"

void plan_buffer_of(const nest_buffer *b, const int64_t *fixed_extents, plan_buffer *out) {
    memset(out, 0, sizeof *out);
    out->name = b->name;
    out->storage = b->storage;
    out->type = b->type;
    out->constant = 1;
    for (int i = 0; i < b->axis_count + b->shape.rank; i++) {
        int64_t size =
            i < b->axis_count ? OP_EXTENT_OF(b->axes[i]) : b->shape.dimension[i - b->axis_count];
        int axis = size < 0 ? (int)(-1 - size) : -1;
        if (axis >= 0)
            size = fixed_extents[axis];
        if (size < 0)
            out->axes[out->axis_count++] = axis;
        else if (size == 0)
            out->empty = true;
        else if (!size_multiply(out->constant, (size_t)size, &out->constant))
            out->constant = SIZE_MAX;
    }
}

bool plan_elements(const plan_buffer *b, const int64_t *extents, size_t least, size_t *out) {
    size_t count = b->constant;
    if (b->empty && !size_multiply(count, least, &count))
        return false;
    for (int i = 0; i < b->axis_count; i++) {
        size_t extent = (size_t)extents[b->axes[i]];
        if (!size_multiply(count, extent > 0 ? extent : least, &count))
            return false;
    }
    *out = count;
    return true;
}

static bool plan_bytes(const plan_buffer *b, const int64_t *extents, size_t least, size_t *out) {
    return plan_elements(b, extents, least, out) && size_multiply(*out, dtype_size(b->type), out) &&
           *out <= PTRDIFF_MAX;
}

/* Takes `bytes` behind *end. */
static bool plan_take(size_t *end, size_t bytes, bool guarded, plan_place *out) {
    size_t whole, start = *end, padding = 0;
    if (!size_align(bytes, PLAN_ALIGNMENT, &whole))
        return false;
    if (guarded) {
        size_t pages;
        if (!size_align(whole, PLAN_PAGE, &pages) || !size_add(start, PLAN_PAGE, &start))
            return false;
        padding = pages - whole;
    }
    out->bytes = bytes;
    return size_add(start, padding, &out->offset) && size_add(out->offset, whole, end) &&
           *end <= PTRDIFF_MAX;
}

bool plan_lay_out(const plan_buffer *buffers, size_t count, const int64_t *extents, bool guarded,
                  plan_place *places, plan_layout *out, size_t *at) {
    size_t end = 0, scratch = 0;
    for (size_t i = 0; i < count; i++) {
        const plan_buffer *b = &buffers[i];
        size_t bytes, least;
        *at = i;
        places[i] = (plan_place){0, 0};
        if (!plan_bytes(b, extents, 0, &bytes) || !plan_bytes(b, extents, 1, &least))
            return false;
        if (bytes == 0)
            scratch = least > scratch ? least : scratch;
        else if ((b->storage == NEST_ARENA || b->storage == NEST_OUTPUT) &&
                 !plan_take(&end, bytes, guarded, &places[i]))
            return false;
    }
    /* A vector that begins in the last buffer may end behind it. */
    return plan_take(&end, scratch, guarded, &out->scratch) &&
           size_add(end, guarded ? PLAN_PAGE : PLAN_ALIGNMENT, &out->bytes) &&
           out->bytes <= PTRDIFF_MAX;
}
