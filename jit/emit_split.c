/* Which ranges of a nest threads share: one of samples and one other (what a thread's part of them
 * is, emit_row.c finds). */
#include "jit/emit_internal.h"

enum {
    SPLIT_TILES = 4 /* fewer are not cut evenly: rows that are counted at run time do better */
};

static bool is_shared(const emit_nest *s, int range) {
    if (range < 0 || range == s->sample_range)
        return false;
    const nest_range *r = &s->n->ranges.at[range];
    return !r->ordered && r->last == 0;
}

/* Tiles of a range, as far as they are known; run-time numbers count as many. */
static int64_t tiles_of(const emit_nest *s, int range) {
    int64_t count = s->n->ranges.at[range].count, grain = 1;
    if (range == s->vector_range)
        grain = (int64_t)s->most_width * s->most_vectors;
    else if (range == s->row_range)
        grain = s->most_rows;
    return count < 0 ? INT64_MAX : count / grain;
}

void emit_split_choose(emit_nest *s) {
    const nest *n = s->n;
    s->sample_range = n->samples - 1;
    s->unit_range = -1;
    int64_t most = 1;
    /* of a weight's gradient: who has rows reads but their columns of what others made */
    bool rows = s->sample_range < 0 && s->row_range >= 0;
    int order[2] = {rows ? s->row_range : s->vector_range, rows ? s->vector_range : s->row_range};
    for (int k = 0; k < 2; k++)
        if (is_shared(s, order[k]) && tiles_of(s, order[k]) > most && most < SPLIT_TILES) {
            s->unit_range = order[k];
            most = tiles_of(s, order[k]);
        }
    for (int r = 0; r < s->parallel && most < SPLIT_TILES; r++)
        if (is_shared(s, r) && tiles_of(s, r) > most) {
            s->unit_range = r;
            most = tiles_of(s, r);
        }
    if (s->unit_range < 0)
        s->unit_range = s->sample_range;
}

/* ---- for the table of the nest's row */

/* What emit_part says of a range of the kernel's form, which nest n runs. */
static emit_part part_of(const emit_nest *s, const nest *n, int range, int who) {
    const nest_range *r = &s->n->ranges.at[range];
    emit_part part = {.count = r->count, .grain = 1, .who = who};
    if (r->block)
        part.count = -1 - EMIT_BLOCK_COUNT;
    else if (r->given > 0)
        part.count = n->operands[r->given - 1];
    if (range == s->sample_range)
        return part;
    if (range == s->vector_range)
        part.grain = emit_vector_span(s);
    else if (range == s->row_range)
        part.grain = s->most_rows;
    return part;
}

int emit_split_parts(emit *e, const nest *form, const nest *n, emit_part out[EMIT_SHARES]) {
    arena_mark mark = arena_here(e->memory);
    emit_nest *s = arena_new(e->memory, emit_nest);
    int count = 0, samples, units;
    s->e = e;
    s->n = form;
    emit_facts(s);
    samples = s->sample_range;
    units = s->unit_range;
    bool both = samples >= 0 && units >= 0 && samples != units;
    if (both)
        out[count++] = part_of(s, n, samples, EMIT_SAMPLE_PART);
    if (units >= 0)
        out[count++] = part_of(s, n, units, both ? EMIT_UNIT_PART : EMIT_THREAD);
    if (count == 0) /* one thing, which is the first thread's */
        out[count++] = (emit_part){.count = 1, .grain = 1, .who = EMIT_THREAD};
    arena_rewind(e->memory, mark);
    return count;
}

/* ---- in the function */

static void narrow(emit_nest *s, int range, int share) {
    LLVMValueRef limit = emit_told(s, EMIT_SHARE + 2 * share + 1);
    s->first[range] = emit_told(s, EMIT_SHARE + 2 * share);
    s->limit[range] = emit_pick(s->e, LLVMIntSLT, limit, s->counts[range]);
}

void emit_split(emit_nest *s) {
    int samples = s->sample_range, units = s->unit_range, share = 0;
    if (samples >= 0 && samples != units)
        narrow(s, samples, share++);
    if (units >= 0)
        narrow(s, units, share);
}
