/* Calls of a cell on inputs that are a function of name and place.
 *
 * An element of an input depends on the input's name, its step, its sample and its index, so a call
 * about a part of the whole (some steps, one sample) sees what a call about all saw there, and what
 * comes out can be compared place by place. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/rng.h"
#include "frontends/cli/examine.h"
#include "frontends/program.h"

bool examine_begin(const examine_model *of, eddy_params *params, session *s, char *why,
                   size_t size) {
    *s = (session){0};
    bool good = eddy_compile(of->m, &s->program) == EDDY_OK;
    if (!good)
        snprintf(why, size, "%s", eddy_model_message(of->m));
    eddy_model_free(of->m);
    if (good)
        s->run = session_run(s->program, params);
    return good;
}

/* ---- places */

static int64_t call_extent(const char *axis, const examine_part *part) {
    return strcmp(axis, "t") == 0   ? part->steps
           : strcmp(axis, "b") == 0 ? part->samples
                                    : EXAMINE_OTHER;
}

static size_t call_row(const eddy_slot *slot) {
    size_t elements = 1;
    for (int i = 0; i < slot->rank; i++)
        elements *= (size_t)(slot->dimensions[i] < 0 ? EXAMINE_OTHER : slot->dimensions[i]);
    return elements;
}

static size_t call_elements(const eddy_slot *slot, const examine_part *part) {
    size_t elements = call_row(slot);
    for (int i = 0; i < slot->axis_count; i++)
        elements *= (size_t)call_extent(slot->axes[i], part);
    return elements;
}

/* The place of element i of a part: its step and sample in the whole; what is left is the index. */
typedef struct call_place {
    int64_t t, b;
    size_t rest;
} call_place;

static call_place call_find(const eddy_slot *slot, const examine_part *part, size_t i) {
    size_t row = call_row(slot);
    call_place place = {0, 0, i % row};
    i /= row;
    size_t more = row;
    for (int k = slot->axis_count - 1; k >= 0; k--) {
        size_t extent = (size_t)call_extent(slot->axes[k], part), at = i % extent;
        i /= extent;
        if (strcmp(slot->axes[k], "t") == 0) {
            place.t = part->t + (int64_t)at;
        } else if (strcmp(slot->axes[k], "b") == 0) {
            place.b = part->b + (int64_t)at;
        } else {
            place.rest += at * more;
            more *= extent;
        }
    }
    return place;
}

/* Where that place is in another part. */
static size_t call_index(const eddy_slot *slot, const examine_part *part, call_place place) {
    size_t row = call_row(slot), index = 0, others = place.rest / row;
    size_t strides[32], stride = row;
    for (int k = slot->axis_count - 1; k >= 0; k--) {
        strides[k] = stride;
        stride *= (size_t)call_extent(slot->axes[k], part);
    }
    for (int k = slot->axis_count - 1; k >= 0; k--) {
        size_t at = 0;
        if (strcmp(slot->axes[k], "t") == 0) {
            at = (size_t)(place.t - part->t);
        } else if (strcmp(slot->axes[k], "b") == 0) {
            at = (size_t)(place.b - part->b);
        } else {
            at = others % EXAMINE_OTHER;
            others /= EXAMINE_OTHER;
        }
        index += at * strides[k];
    }
    return index + place.rest % row;
}

/* ---- inputs */

static void call_set(eddy_dtype type, void *to, size_t i, uint64_t stream, uint64_t place,
                     double scale) {
    double uniform = rng_uniform(1, stream, place);
    switch (type) {
    case EDDY_F32:
        ((float *)to)[i] = (float)(scale * rng_normal(1, stream, place));
        break;
    case EDDY_F64:
        ((double *)to)[i] = scale * rng_normal(1, stream, place);
        break;
    case EDDY_I32:
        ((int32_t *)to)[i] = (int32_t)floor(4 * uniform);
        break;
    case EDDY_BOOL:
        ((uint8_t *)to)[i] = uniform < 0.5;
        break;
    }
}

static size_t call_size(eddy_dtype type) {
    return type == EDDY_F64 ? 8 : type == EDDY_BOOL ? 1 : 4;
}

void *examine_input(examine *e, const eddy_slot *slot, const examine_part *part, double scale,
                    const int32_t *lengths) {
    size_t elements = call_elements(slot, part);
    void *to = arena_take_array(e->memory, elements + 1, call_size(slot->dtype));
    uint64_t stream = rng_stream_of(slot->name);
    for (size_t k = 0; k < elements; k++) {
        call_place place = call_find(slot, part, k);
        uint64_t at = ((uint64_t)place.t << 8 | (uint64_t)place.b) << 32 | place.rest;
        call_set(slot->dtype, to, k, stream, at, scale);
    }
    if (lengths && strcmp(slot->name, "lengths") == 0)
        memcpy(to, lengths, elements * sizeof *lengths);
    if (strcmp(slot->name, "seed") == 0)
        *(int32_t *)to = 1;
    return to;
}

void examine_fill(examine *e, session *s, const examine_part *part, double scale,
                  const int32_t *lengths) {
    VEC(eddy_extent) extents = {0};
    eddy_slot slot;
    const program *code = s->program->code;
    for (int i = 0; i < program_axis_count(code); i++)
        if (program_axis_extent(code, i) < 0)
            vec_push(e->memory, &extents,
                     (eddy_extent){program_axis_name(code, i),
                                   call_extent(program_axis_name(code, i), part)});
    cli_check(eddy_run_resize(s->run, extents.at, (int)extents.count), eddy_run_message(s->run));
    for (int i = 0; eddy_program_slot(s->program, EDDY_INPUT, i, &slot); i++) {
        void *to = examine_input(e, &slot, part, scale, lengths);
        size_t elements = call_elements(&slot, part);
        session_input(s, slot.name, to, elements);
    }
}

/* ---- outputs */

void *examine_output(examine *e, session *s, int i, eddy_slot *slot) {
    if (!eddy_program_slot(s->program, EDDY_OUTPUT, i, slot))
        return NULL;
    size_t bytes = eddy_run_elements(s->run, slot->name) * call_size(slot->dtype);
    const void *from = eddy_run_read(s->run, slot->name);
    cli_check(eddy_run_status(s->run), eddy_run_message(s->run));
    void *copy = arena_take(e->memory, bytes + 1);
    memcpy(copy, from, bytes);
    return copy;
}

bool examine_has_number(const eddy_slot *slot, const void *all, const examine_part *whole) {
    size_t elements = call_elements(slot, whole);
    bool found = false;
    for (size_t i = 0; i < elements && !found; i++)
        found = slot->dtype == EDDY_F32   ? isfinite(((const float *)all)[i])
                : slot->dtype == EDDY_F64 ? isfinite(((const double *)all)[i])
                                          : true;
    return found;
}

bool examine_equal(const eddy_slot *slot, const void *all, const examine_part *whole,
                   const void *some, const examine_part *part) {
    size_t size = call_size(slot->dtype), elements = call_elements(slot, part);
    for (size_t i = 0; i < elements; i++) {
        size_t at = call_index(slot, whole, call_find(slot, part, i));
        if (memcmp((const char *)all + at * size, (const char *)some + i * size, size) != 0)
            return false;
    }
    return true;
}
