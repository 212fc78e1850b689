/* What memory is known to hold, where nests are emitted one behind the other (emit_step.c).
 *
 * Between nests values pass through memory: a vector that is stored and loaded again arrives some
 * eight cycles later, and a step of a small cell is one chain in which that happens again and
 * again. There the code is straight and places are numbers. So a store is noted, and a load of the
 * same elements is the value that was stored.
 *
 * A note is of a buffer, not of memory: values that the memory plan gives the same memory are never
 * needed together. It ends with the next store to these elements; with any store of the buffer at a
 * place that is not known, or in a loop; and where a nest begins that reads what it writes itself,
 * whose loads may come round again behind its stores. */
#include "jit/emit_internal.h"

static bool is_number(LLVMValueRef value, int64_t *out) {
    return value && emit_is_integer(value, out);
}

/* Does the nest's code run just once where it stands? */
static bool is_straight(const emit_nest *s) {
    int64_t index;
    for (int r = 0; r < s->parallel; r++)
        if (!is_number(s->index[r], &index))
            return false;
    return true;
}

/* The number of the access's first element in its buffer, if it is of neighbours or of one. */
static bool find_place(const emit_nest *s, const emit_access *a, int row, int vector,
                       emit_place *place) {
    const nest_instruction *in = &s->n->tape.at[a->instruction];
    bool wide = s->width > 1 && s->facts[a->instruction].by_lane;
    int64_t step, away = 0;
    if (!s->host || !a->lanes_known || s->lanes != s->width || !is_number(a->lane_step, &step) ||
        step != (wide ? 1 : 0))
        return false;
    if (a->rows_known && !is_number(a->row_offset[row], &away))
        return false;
    *place = (emit_place){.number = away + (int64_t)vector * s->width * step};
    for (int k = 0; k < in->at_count; k++) {
        int64_t stride, index;
        if (!is_number(a->stride[k], &stride))
            return false;
        if (stride == 0)
            continue;
        LLVMValueRef at = emit_scalar_of(s, in->at[k], a->rows_known ? 0 : row, 0);
        if (is_number(at, &index))
            place->number += index * stride;
        else if (at == s->host->index && !place->index)
            *place = (emit_place){place->number, at, stride};
        else
            return false;
    }
    return true;
}

static int width_of(const emit_nest *s, const emit_access *a) {
    return s->facts[a->instruction].by_lane ? s->width : 1;
}

/* Is the distance of these places known? */
static bool moves_alike(const emit_place *x, const emit_place *y) {
    return x->index == y->index && x->stride == y->stride;
}

LLVMValueRef emit_known_find(const emit_nest *s, const emit_access *a, int row, int vector) {
    int32_t buffer = s->n->tape.at[a->instruction].which;
    emit_place place;
    if (!find_place(s, a, row, vector, &place))
        return NULL;
    for (int i = 0; i < EMIT_NOTES; i++) {
        const emit_note *n = &s->host->notes[i];
        if (n->value && n->buffer == buffer && moves_alike(&n->place, &place) &&
            n->place.number == place.number && n->width == width_of(s, a))
            return n->value;
    }
    return NULL;
}

/* Notes of elements that may be among these end. NULL: among all of the buffer. */
static void forget(emit_host *host, int32_t buffer, const emit_place *first, int width) {
    for (int i = 0; i < EMIT_NOTES; i++) {
        emit_note *n = &host->notes[i];
        bool apart = first && moves_alike(&n->place, first) &&
                     (n->place.number >= first->number + width ||
                      first->number >= n->place.number + n->width);
        if (n->buffer == buffer && !apart)
            n->value = NULL;
    }
}

void emit_known_store(const emit_nest *s, const emit_access *a, int row, int vector,
                      LLVMValueRef value) {
    int32_t buffer = s->n->tape.at[a->instruction].which;
    emit_host *host = s->host;
    emit_place place;
    if (!host)
        return;
    bool known = is_straight(s) && find_place(s, a, row, vector, &place);
    int width = width_of(s, a);
    forget(host, buffer, known ? &place : NULL, width);
    if (!known)
        return;
    host->notes[host->next] = (emit_note){buffer, place, width, value};
    host->next = (host->next + 1) % EMIT_NOTES;
}

void emit_known_begin(const emit_nest *s) {
    const nest *n = s->n;
    for (size_t i = 0; s->host && i < n->tape.count; i++)
        for (size_t k = 0; n->tape.at[i].op == NEST_STORE && k < n->tape.count; k++)
            if (n->tape.at[k].op == NEST_LOAD && n->tape.at[k].which == n->tape.at[i].which)
                forget(s->host, n->tape.at[i].which, NULL, 0);
}
