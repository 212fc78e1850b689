/* The past that a run carries from call to call.
 *
 * A state is memory like a parameter's, but its size has extents in it and it belongs to one run.
 * What it holds before the position of its axis has moved is never read, so a sample is reset by
 * its position alone. A resize that leaves a state's size alone leaves its content alone:
 * calls of different numbers of steps are the usual way to cut a sequence. */
#include <assert.h>
#include <string.h>

#include "core/size.h"
#include "frontends/capi.h"
#include "frontends/run.h"

static bool state_is(const eddy_run *r, int slot) {
    return r->program->parts[slot].role == EDDY_STATE;
}

/* false: more than can be addressed. */
static bool state_bytes(const eddy_run *r, int slot, const int64_t *extents, size_t *out) {
    const program_slot *of = program_slot_at(r->program->code, slot);
    int64_t elements = op_shape_elements(&of->shape);
    assert(elements > 0); /* its dimensions are numbers */
    size_t bytes = 0;
    bool fits = size_multiply((size_t)elements, dtype_size(of->type), &bytes);
    for (int i = 0; i < of->axis_count && fits; i++)
        fits = size_multiply(bytes, (size_t)extents[of->axes[i]], &bytes);
    *out = bytes;
    return fits && bytes <= PTRDIFF_MAX;
}

/* Nothing may be left of a state whose axes have changed, even if its size is the same. */
static bool state_stays(const eddy_run *r, int slot, const int64_t *extents) {
    const program_slot *of = program_slot_at(r->program->code, slot);
    for (int i = 0; i < of->axis_count; i++)
        if (extents[of->axes[i]] != r->extents[of->axes[i]])
            return false;
    return r->sized;
}

bool run_states_take(eddy_run *r, const int64_t *extents) {
    for (int i = 0; i < r->count; i++) {
        run_part *part = &r->parts[i];
        size_t bytes = 0;
        if (!state_is(r, i) || state_stays(r, i, extents))
            continue;
        const char *name = program_slot_at(r->program->code, i)->name;
        if (!state_bytes(r, i, extents, &bytes)) {
            run_fail(r, EDDY_BAD_SIZE, "resize: the carried state %s is too large", name);
        } else {
            part->next_bytes = bytes ? bytes : 1; /* of no elements: still memory to point at */
            part->next = allocator_take(&r->source, part->next_bytes, 64);
            if (part->next) {
                memset(part->next, 0, part->next_bytes);
                continue;
            }
            run_fail(r, EDDY_OUT_OF_MEMORY,
                     "resize: out of memory: the carried state %s needs %zu bytes", name, bytes);
        }
        run_states_drop(r);
        return false;
    }
    return true;
}

void run_states_drop(eddy_run *r) {
    for (int i = 0; i < r->count; i++) {
        allocator_give(&r->source, r->parts[i].next, r->parts[i].next_bytes);
        r->parts[i].next = NULL;
    }
}

/* Clearing the positions would do; with the rest, equal streams have equal bytes. */
static void state_start(eddy_run *r) {
    for (int i = 0; i < r->count; i++)
        if (r->parts[i].memory)
            memset(r->parts[i].memory, 0, r->parts[i].bytes);
}

void run_states_keep(eddy_run *r) {
    bool any = false;
    for (int i = 0; i < r->count; i++) {
        run_part *part = &r->parts[i];
        if (!part->next)
            continue;
        allocator_give(&r->source, part->memory, part->bytes);
        part->memory = part->next;
        part->bytes = part->next_bytes;
        part->next = NULL;
        program_run_bind(r->code, i, part->memory);
        any = true;
    }
    if (any)
        state_start(r);
}

/* ---- resets */

eddy_status eddy_run_reset(eddy_run *r) {
    if (r && r->problem.code == STATUS_OK)
        state_start(r);
    return eddy_run_status(r);
}

eddy_status eddy_run_reset_sample(eddy_run *r, size_t sample) {
    if (eddy_run_status(r) != EDDY_OK)
        return eddy_run_status(r);
    for (int i = 0; i < r->count; i++) {
        if (!r->program->parts[i].position)
            continue;
        const program_slot *of = program_slot_at(r->program->code, i);
        size_t elements = r->sized ? program_run_elements(r->code, i) : 0;
        if (of->axis_count == 0)
            return run_fail(r, EDDY_BAD_ARGUMENT,
                            "reset: all samples share %s; give eddy_carry the batch axes whose "
                            "samples have positions of their own",
                            of->name);
        if (sample >= elements)
            return run_fail(r, EDDY_BAD_ARGUMENT, "reset: there is no sample %zu; %s has %zu",
                            sample, of->name, elements);
    }
    for (int i = 0; i < r->count; i++)
        if (r->program->parts[i].position)
            ((int32_t *)r->parts[i].memory)[sample] = 0;
    return EDDY_OK;
}

/* ---- copies */

eddy_status eddy_run_state_read(eddy_run *r, const char *name, void *to, size_t elements) {
    if (eddy_run_status(r) != EDDY_OK)
        return eddy_run_status(r);
    int slot = run_slot(r, EDDY_STATE, "state", name);
    if (slot >= 0 && run_fits(r, slot, "state", to, elements) && elements > 0)
        memcpy(to, r->parts[slot].memory, r->parts[slot].bytes);
    return eddy_run_status(r);
}

/* The first position that no run can have, or -1: a number beyond the limit would overflow. */
static int64_t state_fault(const eddy_run *r, int slot, const int32_t *positions, size_t elements) {
    for (size_t i = 0; r->program->parts[slot].position && i < elements; i++)
        if (positions[i] < 0 || positions[i] > CAPI_POSITION_LIMIT)
            return (int64_t)i;
    return -1;
}

eddy_status eddy_run_state_write(eddy_run *r, const char *name, const void *from, size_t elements) {
    if (eddy_run_status(r) != EDDY_OK)
        return eddy_run_status(r);
    int slot = run_slot(r, EDDY_STATE, "state", name);
    if (slot < 0 || !run_fits(r, slot, "state", from, elements) || elements == 0)
        return eddy_run_status(r);
    int64_t fault = state_fault(r, slot, from, elements);
    if (fault >= 0)
        return run_fail(r, EDDY_BAD_ARGUMENT, "state: \"%s\" of sample %lld is %d, not 0 to %d",
                        name, (long long)fault, (int)((const int32_t *)from)[fault],
                        (int)CAPI_POSITION_LIMIT);
    memcpy(r->parts[slot].memory, from, r->parts[slot].bytes);
    return EDDY_OK;
}
