/* What is decided before a nest is emitted: the order of its loops, its vector range, its register
 * tile, and for every instruction where it runs and in which forms it is needed.
 *
 * None of this can change a result: parallel iterations are independent, and a fold's own order is
 * kept. So the choices are about speed alone, and simple. A contraction wants many accumulators
 * that share few loads: the tile spans the vector range and one row range along which some vector
 * load stays the same, and the vector range becomes the outermost loop, because then one panel of
 * the shared operand serves all rows. Other folds only want a few independent chains. The rest is
 * as fast as memory with one vector at a time.
 *
 * Need runs backwards over the tape. Most of it is index arithmetic of which a tile needs just the
 * first copy, as the addresses of the others are at fixed distances; asking for less is what keeps
 * the code, and so the compile time, small. */
#include <assert.h>

#include "jit/emit_internal.h"

enum {
    FACTS_SHORT_STEP = 12, /* instructions of a fold's step that leave registers for four chains */
    FACTS_MEDIUM_STEP = 40,
    FACTS_SCALAR_CHAINS = 8, /* of a fold whose lanes lie apart in memory */
    FACTS_MOST_ROWS = 8
};

static bool has_bit(uint64_t set, int bit) {
    return bit >= 0 && (set >> bit & 1) != 0;
}

static int power_of_two_within(int64_t limit) {
    int p = 1;
    while (2 * (int64_t)p <= limit)
        p *= 2;
    return p;
}

/* ---- folds: what their steps reach */

static void reach_operands(const nest_instruction *in, bool *reached) {
    if (in->op == NEST_BODY) {
        if (in->code.a >= 0)
            reached[in->code.a] = true;
        if (in->code.b >= 0)
            reached[in->code.b] = true;
        if (in->code.c >= 0)
            reached[in->code.c] = true;
    }
    for (int k = 0; k < in->at_count; k++)
        reached[in->at[k]] = true;
}

static void reach_all(const nest *n, bool *reached) {
    for (size_t i = n->tape.count; i-- > 0;)
        if (reached[i])
            reach_operands(&n->tape.at[i], reached);
}

static bool *reach_of_steps(const emit_nest *s) {
    const nest *n = s->n;
    bool *reached = arena_array(s->e->memory, bool, n->tape.count);
    for (size_t f = 0; s->folds && f < n->folds.count; f++)
        reached[n->folds.at[f].next] = true;
    reach_all(n, reached);
    return reached;
}

/* ---- shape of the tile */

static int vector_width(const emit_nest *s) {
    const nest *n = s->n;
    size_t largest = 0;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        bool counts = in->type != BODY_BOOL && in->type != BODY_I64 && s->facts[i].by_lane;
        if (counts && body_type_size((body_type)in->type) > largest)
            largest = body_type_size((body_type)in->type);
    }
    int width = machine_lanes(s->e->target, largest ? largest : 4);
    int64_t count = n->ranges.at[s->vector_range].count;
    if (count < 0 || count >= width)
        return width;
    int within = power_of_two_within(count);
    return within < count && s->maskable ? 2 * within : within;
}

/* Bytes and masks do not go together on every machine. */
static bool is_maskable(const emit_nest *s) {
    const nest *n = s->n;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        bool memory = nest_is_access(in);
        if (memory && in->type == BODY_BOOL && s->facts[i].by_lane)
            return false;
    }
    return true;
}

/* Is this load of a fold's step repeated along the vector range, at neighbouring elements? */
static bool is_panel_load(const emit_nest *s, const nest_instruction *in, uint64_t depends) {
    const nest_buffer *b = in->op == NEST_LOAD ? &s->e->plan->buffers.at[in->which] : NULL;
    if (!b || !has_bit(depends, s->vector_range))
        return false;
    for (int k = 0; k < in->at_count; k++) {
        int64_t step;
        int axes[LIMIT_AXES + LIMIT_RANK], count = 0;
        if (!nest_coefficient(s->n, in->at[k], s->vector_range, &step))
            return false;
        bool element = in->linear && k == in->at_count - 1;
        int64_t stride = element ? 1 : nest_stride(b, k, axes, &count);
        if (step != 0 && (step * stride != 1 || count > 0))
            return false;
    }
    return true;
}

/* Does some panel load stay the same along a range, so that its rows share it? */
static bool shares_panel(const emit_nest *s, const bool *reached, int range) {
    for (size_t i = 0; i < s->n->tape.count; i++)
        if (reached[i] && !has_bit(s->facts[i].depends, range) &&
            is_panel_load(s, &s->n->tape.at[i], s->facts[i].depends))
            return true;
    return false;
}

/* The nearest constant range of some length, else the outermost run-time one (steps come in larger
 * numbers than samples), else any. */
static int choose_row_range(const emit_nest *s, const bool *reached) {
    int long_one = -1, open_one = -1, short_one = -1;
    for (int r = s->parallel; r-- > 0;) {
        const nest_range *range = &s->n->ranges.at[r];
        if (r == s->vector_range || range->ordered || !shares_panel(s, reached, r))
            continue;
        if (range->count < 0)
            open_one = r;
        else if (range->count >= EMIT_FEW_ROWS && long_one < 0)
            long_one = r;
        else if (range->count < EMIT_FEW_ROWS && short_one < 0)
            short_one = r;
    }
    return long_one >= 0 ? long_one : open_one >= 0 ? open_one : short_one;
}

static int choose_rows(const emit_nest *s) {
    const machine *m = s->e->target;
    if (s->row_range < 0)
        return 1;
    int64_t count = s->n->ranges.at[s->row_range].count;
    int most = m->tile_rows * m->tile_vectors / s->most_vectors;
    most = most > FACTS_MOST_ROWS ? FACTS_MOST_ROWS : most;
    if (count < 0)
        return most < EMIT_FEW_ROWS ? EMIT_FEW_ROWS : most;
    if (count <= most)
        return count > 0 ? (int)count : 1;
    return most;
}

/* The innermost arithmetic: of a fold its steps', of other nests all that varies along the lanes;
 * and do its lanes lie apart in memory? */
static int count_arithmetic(const emit_nest *s, const bool *reached, bool *scattered,
                            bool *squares) {
    int arithmetic = 0;
    for (size_t i = 0; i < s->n->tape.count; i++) {
        const nest_instruction *in = &s->n->tape.at[i];
        bool lanes = has_bit(s->facts[i].depends, s->vector_range);
        if (s->folds ? !reached[i] || s->facts[i].depends >> s->parallel == 0 : !lanes)
            continue;
        arithmetic += in->op == NEST_BODY && in->type != BODY_I64;
        if (in->op != NEST_LOAD || !lanes || is_panel_load(s, in, s->facts[i].depends))
            continue;
        bool fits = s->folds && emit_square_fits(s, i);
        *squares |= fits;
        *scattered |= !fits;
    }
    return arithmetic;
}

/* Little arithmetic on lanes that lie apart is no work for vectors: putting them together would be
 * most of the code, unless they are squares. Those have few lanes where it is not known how many
 * there will be, as what is left over is one chain. Two chains of more arithmetic are worth their
 * code if they leave no remainder that only a run knows; nor is it left to single lanes. */
static void choose_vectors(emit_nest *s, const bool *reached) {
    bool scattered = false, squares = false, known = s->n->ranges.at[s->vector_range].count >= 0;
    int width = s->most_width;
    if (s->folds && !known && width > EMIT_FEW_LANES)
        s->most_width = EMIT_FEW_LANES;
    int arithmetic = count_arithmetic(s, reached, &scattered, &squares);
    bool brief = arithmetic <= FACTS_SHORT_STEP;
    s->squares = squares && brief && !scattered;
    if (s->squares)
        return;
    s->most_width = width;
    if ((scattered || squares) && brief)
        s->most_width = 1;
    if (!s->folds)
        return;
    if (brief)
        s->most_vectors = s->most_width < width ? FACTS_SCALAR_CHAINS : s->e->target->tile_vectors;
    else if (s->most_width > 1 && arithmetic <= FACTS_MEDIUM_STEP && known)
        s->most_vectors = 2;
    s->narrows = !brief && !known && !s->n->heavy;
    if (s->n->heavy && s->most_width > 1)
        s->row_range = choose_row_range(s, reached);
}

static void choose_tile(emit_nest *s, const bool *reached) {
    const nest *n = s->n;
    s->row_range = -1;
    s->most_width = s->most_vectors = s->most_rows = 1;
    int last = s->parallel - 1;
    s->vector_range = last >= 0 && !n->ranges.at[last].ordered ? last : -1;
    for (size_t i = 0; i < n->tape.count; i++)
        s->facts[i].by_lane = has_bit(s->facts[i].depends, s->vector_range);
    if (s->vector_range < 0)
        return;
    s->maskable = is_maskable(s);
    s->most_width = vector_width(s);
    choose_vectors(s, reached);
    int64_t count = n->ranges.at[s->vector_range].count;
    if (count >= 0 && (int64_t)s->most_vectors * s->most_width > count)
        s->most_vectors = count < s->most_width ? 1 : (int)(count / s->most_width);
    s->most_rows = choose_rows(s);
    /* A product of all steps has so many rows that what is left of them counts for little. */
    s->few_rows = n->loop_count > 0 && s->most_rows > EMIT_FEW_ROWS ? EMIT_FEW_ROWS : s->most_rows;
}

/* Do the panel loads of a tiled nest depend on this range? */
static bool moves_panel(const emit_nest *s, const bool *reached, int range) {
    for (size_t i = 0; i < s->n->tape.count; i++)
        if (reached[i] && has_bit(s->facts[i].depends, range) &&
            is_panel_load(s, &s->n->tape.at[i], s->facts[i].depends))
            return true;
    return false;
}

/* In a tiled nest the ranges that choose a panel are outside of those that share it. */
static void choose_order(emit_nest *s, const bool *reached) {
    bool ordered = false;
    for (int r = 0; r < s->loops; r++)
        ordered |= s->n->ranges.at[r].ordered;
    bool tiled = s->row_range >= 0 && !ordered;
    int next = 0;
    for (int r = 0; tiled && r < s->parallel; r++)
        if (r != s->row_range && moves_panel(s, reached, r))
            s->order[next++] = r;
    s->panel_depth = next;
    for (int r = 0; r < s->loops; r++)
        if (!tiled || r >= s->parallel || r == s->row_range || !moves_panel(s, reached, r))
            s->order[next++] = r;
    s->vector_depth = s->row_depth = s->loops + 1;
    for (int d = 0; d < s->loops; d++) {
        if (s->order[d] == s->vector_range)
            s->vector_depth = d + 1;
        if (s->order[d] == s->row_range)
            s->row_depth = d + 1;
    }
}

/* Are neighbouring steps of the fold one tile apart in memory, as a copy of the panel would be? */
static bool is_side_by_side(const emit_nest *s, const nest_instruction *in) {
    int64_t distance;
    return s->loops > s->parallel && emit_distance(s, in, s->loops - 1, &distance) &&
           distance == (int64_t)s->most_width * s->most_vectors;
}

/* Does a step of the fold find its part of a panel far from that of the step before? */
static bool has_far_steps(const emit_nest *s, const bool *reached) {
    for (size_t i = 0; i < s->n->tape.count; i++)
        if (reached[i] && is_panel_load(s, &s->n->tape.at[i], s->facts[i].depends) &&
            !is_side_by_side(s, &s->n->tape.at[i]))
            return true;
    return false;
}

/* Iterations of ranges `from` to `to` of the order; -1 if that is not known. */
static int64_t count_between(const emit_nest *s, int from, int to) {
    int64_t product = 1;
    for (int d = from; d < to; d++) {
        int64_t count = s->n->ranges.at[s->order[d]].count;
        if (count < 0 || __builtin_mul_overflow(product, count, &product))
            return -1;
    }
    return product;
}

/* Does the second cache hold all that the nest stores? */
static bool keeps_result(const emit_nest *s, nest_ref store) {
    const nest_buffer *b = &s->e->plan->buffers.at[s->n->tape.at[store].which];
    int64_t elements = op_shape_elements(&b->shape);
    return b->axis_count == 0 && elements > 0 &&
           elements * (int64_t)dtype_size(b->type) <= s->e->sizes->result_bytes;
}

/* Cache blocks of a tiled nest. Many rows run in blocks around all the panels, so that a block's
 * own operand stays in the second cache. A long fold runs in blocks too, inside of the panels.
 * Where steps are far from each other in memory a block's part of a panel is copied, and stays in
 * the first cache; where they are neighbours it is enough that the second holds it, as it is read
 * from there in time. Between blocks the states rest in the result's own memory, which needs one
 * state that is the result. All panels take in one block, or a few if the results of all are no
 * longer near when the next one comes, so that the rows are. */
static void choose_blocks(emit_nest *s, const bool *reached) {
    const nest *n = s->n;
    nest_ref store = -1;
    s->far_steps = has_far_steps(s, reached);
    s->block_range = -1;
    int64_t rows = s->row_range < 0 ? 1 : n->ranges.at[s->row_range].count;
    s->row_blocks = s->row_range >= 0 && (rows < 0 || rows > 3 * s->e->sizes->block_rows / 2);
    if (s->row_range < 0 || n->folds.count != 1 || s->panel_depth == 0)
        return;
    for (size_t i = 0; i < n->tape.count; i++) {
        if (n->tape.at[i].op == NEST_STORE && store >= 0)
            return;
        if (n->tape.at[i].op == NEST_STORE)
            store = (nest_ref)i;
    }
    if (store < 0 || n->tape.at[n->tape.at[store].value].op != NEST_RESULT)
        return;
    int64_t steps = count_between(s, s->parallel, s->loops);
    int64_t sharers = count_between(s, s->panel_depth, s->parallel);
    int64_t longest = s->far_steps ? s->e->sizes->panel_steps : s->e->sizes->stream_steps;
    if ((steps >= 0 && steps <= longest) || (sharers >= 0 && sharers < s->e->sizes->panel_rows))
        return;
    for (int r = s->parallel; r < s->loops && s->block_range < 0; r++)
        if (n->ranges.at[r].count != 1)
            s->block_range = r;
    s->rest[0] = store;
    s->together = keeps_result(s, store) ? 1 : s->e->sizes->panel_blocks;
    s->repeatable = false; /* a state would take in the same steps twice */
}

/* What every turn of a loop reads again and no near cache can hold is found in one for a part if
 * turns run to and fro: one begins with what the turn before it ended with. */
static void choose_turns(emit_nest *s) {
    const nest *n = s->n;
    int64_t bytes = 0;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        const nest_buffer *b = in->op == NEST_LOAD ? &s->e->plan->buffers.at[in->which] : NULL;
        if (b && b->axis_count == 0 && has_bit(s->facts[i].depends, s->order[0]))
            bytes += op_shape_elements(&b->shape) * (int64_t)dtype_size(b->type);
    }
    s->turns = n->loop_count > 0 && s->panel_depth > 0 && bytes > s->e->sizes->turn_bytes;
}

/* States that rest between blocks of steps do so where the nest itself stores them. */
static void choose_rests(emit_nest *s) {
    const nest *n = s->n;
    s->rest = arena_array(s->e->memory, nest_ref, n->folds.count + 1);
    for (size_t f = 0; f < n->folds.count; f++) {
        s->rest[f] = -1;
        for (size_t i = 0; n->folds.at[f].rested >= 0 && i < n->tape.count; i++) {
            const nest_instruction *store = &n->tape.at[i];
            if (store->op == NEST_STORE && store->which == n->tape.at[n->folds.at[f].rested].which)
                s->rest[f] = (nest_ref)i;
        }
    }
}

/* ---- instructions */

static int depth_of(const emit_nest *s, uint64_t depends) {
    for (int d = s->loops; d > 0; d--)
        if (has_bit(depends, s->order[d - 1]))
            return d;
    return 0;
}

/* Is lane l of this i64 value lane 0 plus l * lane_step, and all that it is made of too? */
static bool knows_lanes(const emit_nest *s, size_t i) {
    const nest_instruction *in = &s->n->tape.at[i];
    emit_fact *f = &s->facts[i];
    if (!f->by_lane || in->type != BODY_I64)
        return false;
    if (in->op != NEST_RANGE && in->op != NEST_BODY)
        return false;
    const nest_ref operands[3] = {in->code.a, in->code.b, in->code.c};
    for (int k = 0; in->op == NEST_BODY && k < body_operands((body_op)in->code.op); k++)
        if (s->facts[operands[k]].by_lane && !s->facts[operands[k]].lane_known)
            return false;
    return nest_coefficient(s->n, (nest_ref)i, s->vector_range, &f->lane_step);
}

static void place_instructions(emit_nest *s, bool *reached) {
    for (int r = 0; r < s->loops; r++)
        if (s->n->ranges.at[r].end > 0)
            reached[s->n->ranges.at[r].end - 1] = true;
    for (size_t f = 0; s->folds && f < s->n->folds.count; f++)
        if (s->rest[f] >= 0)
            reach_operands(&s->n->tape.at[s->rest[f]], reached);
    reach_all(s->n, reached);
    for (size_t i = 0; i < s->n->tape.count; i++) {
        emit_fact *f = &s->facts[i];
        f->depth = depth_of(s, f->depends);
        f->by_row = has_bit(f->depends, s->row_range);
        f->lane_known = knows_lanes(s, i);
        f->late = s->folds && !reached[i] && f->depth == s->parallel;
        f->access = -1;
    }
}

static void ask(emit_nest *s, nest_ref value, emit_need need, bool wide) {
    emit_fact *f = &s->facts[value];
    if (f->need < need)
        f->need = need;
    f->wide |= wide;
}

/* An end counts if it is known before its range begins. For a tile of steps or samples it is that
 * of the first: later steps have no more samples. */
static void choose_ends(emit_nest *s) {
    for (int d = 0; d < s->loops; d++) {
        nest_ref end = s->n->ranges.at[s->order[d]].end - 1;
        if (end < 0 || s->facts[end].depth > d || s->facts[end].by_lane)
            continue;
        s->early |= UINT64_C(1) << s->order[d];
        ask(s, end, EMIT_FIRST, false);
    }
}

bool emit_distance(const emit_nest *s, const nest_instruction *in, int range, int64_t *out) {
    const nest_buffer *b = &s->e->plan->buffers.at[in->which];
    *out = 0;
    for (int k = 0; k < in->at_count; k++) {
        int axes[LIMIT_AXES + LIMIT_RANK], count = 0;
        int64_t step;
        if (!nest_coefficient(s->n, in->at[k], range, &step))
            return false;
        bool element = in->linear && k == in->at_count - 1;
        int64_t stride = element || step == 0 ? 1 : nest_stride(b, k, axes, &count);
        if (count > 0)
            return false;
        *out += step * stride;
    }
    return true;
}

/* Do tiles go through neighbouring elements, row by row, for each step of a fold? */
static bool is_walked(const emit_nest *s, size_t i) {
    const emit_fact *f = &s->facts[i];
    int64_t distance;
    return s->n->tape.at[i].op == NEST_LOAD && f->by_row && !f->by_lane && f->depth > s->parallel &&
           emit_distance(s, &s->n->tape.at[i], s->row_range, &distance) && distance == 1;
}

/* A panel's indices are steps of the fold, or known before the rows begin. */
static bool is_panel(const emit_nest *s, size_t i) {
    const nest_instruction *in = &s->n->tape.at[i];
    if (s->row_range < 0 || in->type == BODY_BOOL || !is_panel_load(s, in, s->facts[i].depends) ||
        is_side_by_side(s, in))
        return false;
    for (int k = 0; k < in->at_count; k++) {
        bool step = s->n->tape.at[in->at[k]].op == NEST_RANGE;
        int depth = s->facts[in->at[k]].depth;
        if (depth > s->panel_depth && !(step && depth > s->parallel))
            return false;
    }
    return true;
}

static void add_access(emit_nest *s, size_t i) {
    const nest_instruction *in = &s->n->tape.at[i];
    emit_access *a = &s->accesses[s->access_count];
    s->facts[i].access = s->access_count++;
    a->instruction = (nest_ref)i;
    a->rows_known = a->lanes_known = true;
    a->panel = is_panel(s, i);
    a->walked = is_walked(s, i);
    a->square = s->squares && s->facts[i].by_lane && !is_panel_load(s, in, s->facts[i].depends) &&
                emit_square_fits(s, i);
    for (int k = 0; k < in->at_count; k++) {
        const emit_fact *f = &s->facts[in->at[k]];
        int64_t step;
        bool common = !f->by_lane || f->lane_known;
        a->lanes_known &= common;
        if (f->by_row)
            a->rows_known &= common && nest_coefficient(s->n, in->at[k], s->row_range, &step);
    }
    for (int k = 0; k < in->at_count; k++) {
        const emit_fact *f = &s->facts[in->at[k]];
        if (f->by_lane && !f->lane_known)
            ask(s, in->at[k], EMIT_ALL, true);
        else
            ask(s, in->at[k], a->rows_known ? EMIT_FIRST : EMIT_ROWS, false);
    }
}

static void ask_operands(emit_nest *s, size_t i) {
    const nest_instruction *in = &s->n->tape.at[i];
    const emit_fact *f = &s->facts[i];
    if (nest_is_access(in))
        add_access(s, i);
    if (in->op == NEST_STORE)
        ask(s, in->value, EMIT_ALL, s->vector_range >= 0);
    if (in->op != NEST_BODY)
        return;
    const nest_ref operands[3] = {in->code.a, in->code.b, in->code.c};
    bool scalar = !f->by_lane || f->lane_known;
    for (int k = 0; k < body_operands((body_op)in->code.op); k++)
        ask(s, operands[k], scalar ? f->need : EMIT_ALL, !scalar);
}

/* Folds write no memory that they read; the memory plan keeps it so (values of element-wise nests
 * may take the place of their arguments). */
static bool is_repeatable(const emit_nest *s) {
    const nest *n = s->n;
    for (size_t i = 0; i < n->tape.count; i++)
        for (size_t k = 0; n->tape.at[i].op == NEST_STORE && k < n->tape.count; k++)
            if (n->tape.at[k].op == NEST_LOAD && n->tape.at[k].which == n->tape.at[i].which)
                return false;
    return s->folds;
}

void emit_facts(emit_nest *s) {
    const nest *n = s->n;
    arena *memory = s->e->memory;
    s->loops = (int)n->ranges.count;
    s->parallel = nest_parallel_count(n);
    s->order = arena_array(memory, int, s->loops + 1);
    s->facts = arena_array(memory, emit_fact, n->tape.count + 1);
    s->accesses = arena_array(memory, emit_access, n->tape.count + 1);
    uint64_t *depends = arena_array(memory, uint64_t, n->tape.count + 1);
    nest_dependences(n, depends);
    for (size_t i = 0; i < n->tape.count; i++) {
        s->facts[i].depends = depends[i];
        s->folds |= n->tape.at[i].op == NEST_RESULT;
    }
    s->repeatable = is_repeatable(s);
    bool *reached = reach_of_steps(s);
    choose_tile(s, reached);
    choose_order(s, reached);
    choose_rests(s);
    choose_blocks(s, reached);
    choose_turns(s);
    s->inner_range = emit_together_find(s);
    emit_split_choose(s);
    place_instructions(s, reached);
    choose_ends(s);
    for (size_t f = 0; s->folds && f < n->folds.count; f++)
        ask(s, n->folds.at[f].next, EMIT_ALL, s->vector_range >= 0);
    for (size_t i = n->tape.count; i-- > 0;) {
        if (n->tape.at[i].op == NEST_STORE)
            s->facts[i].need = EMIT_ALL;
        if (s->facts[i].need != EMIT_DEAD)
            ask_operands(s, i);
    }
}
