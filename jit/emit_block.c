/* Blocks of a tiled nest: how large they are, and the loops over them.
 *
 * A product is computed in blocks so that what is read again is still near: some rows pass over all
 * panels, and of a long fold some steps at a time. Which nests have which blocks, emit_facts.c
 * says.
 *
 * The sizes fit caches of 32 KB and 1 MB a core, which is about what all machines have today. No
 * result depends on them. Random programs of a few numbers would fill none of these blocks, and
 * tests of large ones take long: so EDDY_CACHE=small makes them so small that a handful of rows and
 * steps has several. */
#include <string.h>

#include "core/env.h"
#include "jit/emit_internal.h"

static const emit_sizes sizes_of_caches = {
    .block_steps = 128,
    .stream_steps = 1536,
    .panel_steps = 256,
    .panel_blocks = 4,
    .result_bytes = 1 << 19,
    .block_rows = 240,
    .turn_bytes = 1 << 15,
    .own_rows = 64,
    .panel_rows = 48,
};
static const emit_sizes sizes_of_tests = {
    .block_steps = 3,
    .stream_steps = 4,
    .panel_steps = 5,
    .panel_blocks = 2,
    .result_bytes = 200,
    .block_rows = 12,
    .turn_bytes = 16,
    .own_rows = 3,
    .panel_rows = 5,
};

const emit_sizes *emit_sizes_now(void) {
    const char *asked = env_text("CACHE");
    return asked && strcmp(asked, "small") == 0 ? &sizes_of_tests : &sizes_of_caches;
}

/* ---- sizes, of which some only a call knows */

static LLVMValueRef iterations(const emit_nest *s, int range) {
    return LLVMBuildSub(s->e->builder, s->limit[range], s->first[range], "");
}

static LLVMValueRef quotient_up(const emit *e, LLVMValueRef of, LLVMValueRef by) {
    LLVMValueRef up = emit_plus(e, emit_plus(e, of, by), emit_integer(e, -1));
    return emit_quotient(e, up, by);
}

/* How many steps of a range make at most `most` together with those of other ranges from `from` to
 * `to` of the order; a multiple of `tile`. All blocks are about as large: one of the few steps that
 * others leave would take as long to begin as they do. */
static LLVMValueRef block_step(emit_nest *s, int range, int from, int to, int most, int tile) {
    const emit *e = s->e;
    LLVMValueRef others = emit_integer(e, tile), one = emit_integer(e, 1);
    for (int d = from; d < to; d++)
        if (s->order[d] != range)
            others = emit_times(e, others, iterations(s, s->order[d]));
    others = emit_pick(e, LLVMIntSGT, others, one);
    others = emit_pick(e, LLVMIntSLT, others, emit_integer(e, most)); /* of which there is one */
    LLVMValueRef tiles = emit_quotient(e, emit_integer(e, most), others);
    LLVMValueRef times = emit_integer(e, tile);
    LLVMValueRef step = emit_times(e, emit_pick(e, LLVMIntSGT, tiles, one), times);
    LLVMValueRef count = emit_pick(e, LLVMIntSGT, iterations(s, range), one);
    LLVMValueRef even = quotient_up(e, count, quotient_up(e, count, step));
    return emit_times(e, quotient_up(e, even, times), times);
}

void emit_block_sizes(emit_nest *s) {
    const emit *e = s->e;
    if (s->row_blocks)
        s->row_step = block_step(s, s->row_range, s->panel_depth, s->parallel, e->sizes->block_rows,
                                 s->most_rows);
    if (s->row_range < 0)
        return;
    LLVMValueRef rows = emit_integer(e, 1);
    for (int d = s->panel_depth; d < s->parallel; d++)
        rows = emit_times(e, rows, s->counts[s->order[d]]);
    s->many =
        LLVMBuildICmp(e->builder, LLVMIntSGE, rows, emit_integer(e, e->sizes->panel_rows), "");
    if (s->block_range < 0)
        return;
    LLVMValueRef all = emit_pick(e, LLVMIntSGT, s->counts[s->block_range], emit_integer(e, 1));
    int most = s->far_steps ? e->sizes->block_steps : e->sizes->stream_steps;
    s->fold_step = block_step(s, s->block_range, s->parallel, s->loops, most, 1);
    s->fold_many = all;
    if (!s->far_steps)
        return;
    LLVMValueRef many = emit_times(e, s->fold_step, emit_integer(e, s->together));
    s->fold_step = LLVMBuildSelect(e->builder, s->many, s->fold_step, all, "");
    s->fold_many = LLVMBuildSelect(e->builder, s->many, many, all, "");
}

/* ---- loops */

void emit_block_open(emit_nest *s, int range, LLVMValueRef step, emit_block *block) {
    const emit *e = s->e;
    LLVMValueRef first = s->first[range], limit = s->limit[range];
    LLVMValueRef least = emit_plus(e, first, emit_integer(e, 1));
    LLVMValueRef until = emit_pick(e, LLVMIntSGT, limit, least);
    *block = (emit_block){.range = range, .first = first, .limit = limit};
    emit_loop_open(e, s->function, &block->loop, first, until, step, NULL, 0);
    LLVMValueRef end = LLVMBuildAdd(e->builder, block->loop.counter, step, "");
    s->first[range] = block->loop.counter;
    s->limit[range] = emit_pick(e, LLVMIntSLT, end, limit);
}

void emit_block_close(emit_nest *s, emit_block *block) {
    emit_loop_close(s->e, &block->loop, NULL);
    s->first[block->range] = block->first;
    s->limit[block->range] = block->limit;
}
