/* Loads of a fold whose steps are neighbours in memory and whose lanes are not: sums along rows.
 *
 * A vector of such a load is as many scalar loads as it has lanes, and a fold may not be cut into
 * partial sums, as its order is the program's. But if lanes are rows and steps are columns, so many
 * steps at a time are a square: a vector is read from each row, and the square is turned, so that
 * each step finds its lanes side by side. That is one load and one instruction for each stage of
 * turning a vector, of which there are four for 16 lanes, and every sum keeps its order.
 *
 * Turning goes in two parts, in instructions that every machine has: within the 16 bytes of a part
 * of a vector elements of several rows are interleaved, in units that double; then parts change
 * places, those with even numbers and those with odd ones at a time. */
#include "jit/emit_internal.h"

enum { SQUARE_PART = 16 /* bytes within which units interleave */ };

/* ---- which loads */

bool emit_square_fits(const emit_nest *s, size_t i) {
    const nest_instruction *in = &s->n->tape.at[i];
    int steps = s->loops - 1;
    if (in->op != NEST_LOAD || in->pinned || in->type == BODY_BOOL || s->loops == s->parallel)
        return false;
    const nest_range *r = &s->n->ranges.at[steps];
    if (r->count < s->most_width || r->descending || s->most_width < EMIT_LEAST_SQUARE)
        return false;
    int64_t distance, lane;
    for (int k = 0; k < in->at_count; k++)
        if (!nest_coefficient(s->n, in->at[k], s->vector_range, &lane))
            return false;
    return emit_distance(s, in, steps, &distance) && distance == 1;
}

/* ---- turning */

static LLVMValueRef shuffle(const emit *e, LLVMValueRef x, LLVMValueRef y, const int *from,
                            int width) {
    LLVMTypeRef type = LLVMInt32TypeInContext(e->context);
    LLVMValueRef *mask = arena_array(e->memory, LLVMValueRef, width);
    for (int i = 0; i < width; i++)
        mask[i] = LLVMConstInt(type, (unsigned)from[i], false);
    return LLVMBuildShuffleVector(e->builder, x, y, LLVMConstVector(mask, (unsigned)width), "");
}

/* Within each part: units of x and y in turn, those of the lower half of the part, or the upper. */
static LLVMValueRef interleave(const emit *e, LLVMValueRef x, LLVMValueRef y, int width, int part,
                               int unit, int upper) {
    int *from = arena_array(e->memory, int, width);
    for (int i = 0; i < width; i++) {
        int within = i % part, pair = within / (2 * unit), second = within / unit % 2;
        from[i] = i / part * part + upper * part / 2 + pair * unit + within % unit + second * width;
    }
    return shuffle(e, x, y, from, width);
}

/* The parts of x with even (odd: 1) numbers, then those of y. */
static LLVMValueRef take_parts(const emit *e, LLVMValueRef x, LLVMValueRef y, int width, int part,
                               int odd) {
    int *from = arena_array(e->memory, int, width), half = width / 2;
    for (int i = 0; i < width; i++)
        from[i] = i / half * width + (2 * (i % half / part) + odd) * part + i % part;
    return shuffle(e, x, y, from, width);
}

/* rows[0 .. width): vector c is made of element c of each. */
static void turn(const emit *e, LLVMValueRef *rows, int width, int part) {
    LLVMValueRef *next = arena_array(e->memory, LLVMValueRef, width);
    for (int unit = 1; unit < part; unit *= 2) {
        for (int i = 0; i < width; i++) { /* where its group of 2 units has pair i */
            int group = i / (2 * unit) * 2 * unit, within = i % (2 * unit);
            int first = group + within / 2;
            next[i] = interleave(e, rows[first], rows[first + unit], width, part, unit, within % 2);
        }
        for (int i = 0; i < width; i++)
            rows[i] = next[i];
    }
    for (int count = width / part, each = 1; count > 1; count /= 2, each *= 2) {
        /* row (group, place, k): `each` groups of `count` places are still to be joined */
        for (int i = 0; i < width; i++) {
            int k = i % part, place = i / part % (count / 2), odd = i / part / (count / 2) % 2;
            int group = i / part / count;
            int first = (group * count + 2 * place) * part + k;
            next[i] = take_parts(e, rows[first], rows[first + part], width, part, odd);
        }
        for (int i = 0; i < width; i++)
            rows[i] = next[i];
    }
}

/* Parts came out in the order of their numbers with the bits reversed. */
static int place_of(int step, int width, int part) {
    int count = width / part, number = step / part, reversed = 0;
    for (int bit = 1; bit < count; bit *= 2)
        reversed = 2 * reversed + (number / bit & 1);
    return reversed * part + step % part;
}

LLVMValueRef emit_square_step(const emit *e, LLVMValueRef *rows, int step, int width,
                              size_t bytes) {
    int part = SQUARE_PART / (int)bytes < width ? SQUARE_PART / (int)bytes : width;
    if (step == 0)
        turn(e, rows, width, part);
    return rows[place_of(step, width, part)];
}
