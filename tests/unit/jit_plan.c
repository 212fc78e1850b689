/* Memory that is shared: no two elements that are needed at the same time may overlap.
 *
 * Lifetimes are checked against what they abbreviate: the program is unrolled into the sequence of
 * nests that runs, three turns a loop, a step a block, and walked backwards. A value is needed from
 * its first store on, wherever a later nest loads it before one stores all of it again. Values of
 * the same layout are cut into parts, one for every turn of every loop whose axis they hold,
 * because one may follow the other step by step. */
#include <criterion/criterion.h>
#include <string.h>

#include "jit/program.h"
#include "tests/support/random_graph.h"

enum { GRAPHS = 120, TURNS = 3, PARTED = 3, PARTS = TURNS * TURNS * TURNS };

typedef struct step {
    const nest *runs;
    int turn[LIMIT_AXES]; /* of the loops around it, by axis */
    int block;            /* which loop over blocks is around it; 0: none */
} step;

typedef struct trace {
    arena *memory;
    nest_plan *plan;
    step now;
    uint32_t looped; /* axes of loops */
    uint32_t blocks; /* the axis of the loop over blocks around this */
    int block_count; /* of those met so far */
    VEC(step) steps;
} trace;

static void unroll(trace *t, const nest_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel) {
            t->now.runs = item->kernel;
            vec_push(t->memory, &t->steps, t->now);
            continue;
        }
        uint32_t axis = UINT32_C(1) << item->axis, around = t->blocks;
        t->looped |= axis;
        if ((around & axis) != 0) { /* one step a block */
            unroll(t, &item->items);
            continue;
        }
        t->blocks |= item->block ? axis : 0;
        t->now.block = item->block ? ++t->block_count : t->now.block;
        for (int turn = 0; turn < TURNS; turn++) {
            t->now.turn[item->axis] = item->sign > 0 ? turn : TURNS - 1 - turn;
            unroll(t, &item->items);
        }
        t->blocks = around;
        t->now.block = item->block ? 0 : t->now.block;
    }
}

/* A part of a buffer: one turn of each of some of its axes. */
typedef struct part {
    size_t buffer;
    int count;
    int position[PARTED], turn[PARTED];
} part;

typedef struct touch {
    bool loads, stores, whole; /* whole: every element of the part is stored, and none loaded */
} touch;

/* The axis of the loop or block whose turn an index names; -1: none. */
static int named_by(const nest *n, const nest_buffer *b, const nest_instruction *access, int k) {
    bool names = k < b->axis_count && lifetime_is_this_step(n, access->at[k], b->axes[k]);
    return names ? b->axes[k] : -1;
}

static touch touch_of(const trace *t, const step *at, const part *p) {
    const nest *n = at->runs;
    const nest_buffer *b = &t->plan->buffers.at[p->buffer];
    touch found = {false, false, true};
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if (!nest_is_access(in) || (size_t)in->which != p->buffer)
            continue;
        bool elsewhere = false;
        uint32_t fixed = 0; /* positions */
        for (int k = 0; k < p->count; k++) {
            int axis = named_by(n, b, in, p->position[k]);
            if (axis < 0)
                continue;
            fixed |= UINT32_C(1) << p->position[k];
            elsewhere |= at->turn[axis] != p->turn[k];
        }
        if (elsewhere)
            continue;
        found.loads |= in->op == NEST_LOAD;
        found.stores |= in->op == NEST_STORE;
        for (int k = 0; k < b->axis_count; k++)
            if ((named_by(n, b, in, k) >= 0 || n->tape.at[in->at[k]].op == NEST_OUTER) &&
                (fixed >> k & 1) == 0 && b->axes[k] != b->block - 1)
                found.whole = false;
    }
    found.whole &= found.stores && !found.loads;
    return found;
}

typedef struct need {
    bool before, after; /* the step: must the part keep its value then? */
    bool touched;
} need;

/* Is it made by prepared nests and read by others, and so needed in calls to come? */
static bool is_kept(const trace *t, const part *p) {
    bool made = false, read = false;
    for (size_t i = 0; i < t->steps.count; i++) {
        touch at = touch_of(t, &t->steps.at[i], p);
        made |= at.stores && i < t->plan->prepared;
        read |= at.loads && i >= t->plan->prepared;
    }
    return made && read;
}

/* Does step i begin a turn that knows nothing of the one before? So it is for memory of one block.
 */
static bool begins(const trace *t, const part *p, size_t i) {
    int axis = t->plan->buffers.at[p->buffer].block - 1;
    return i == 0 || (axis >= 0 && (t->steps.at[i].turn[axis] != t->steps.at[i - 1].turn[axis] ||
                                    t->steps.at[i].block != t->steps.at[i - 1].block));
}

static need *needs_of(const trace *t, const part *p) {
    need *needs = arena_array(t->memory, need, t->steps.count);
    size_t end = t->steps.count;
    while (end > 0) {
        size_t start = end - 1, first = end;
        while (!begins(t, p, start))
            start--;
        bool later = is_kept(t, p);
        for (size_t i = end; i-- > start;) {
            touch at = touch_of(t, &t->steps.at[i], p);
            bool before = at.loads || (later && !at.whole);
            needs[i] = (need){before, later, at.loads || at.stores};
            later = before;
            if (at.stores)
                first = i;
        }
        for (size_t i = start; i < first; i++) /* what is loaded there was never stored */
            needs[i] = (need){false, false, false};
        if (first < end)
            needs[first].before = false;
        end = start;
    }
    return needs;
}

/* Do a load and a store see different slices of their buffers? */
static bool slices_apart(const nest *n, const nest_instruction *l, const nest_instruction *r) {
    for (int k = 0; k < l->at_count && l->at_count == r->at_count; k++) {
        nest_span left, right;
        if (nest_span_of(n, l->at[k], &left) && nest_span_of(n, r->at[k], &right) &&
            nest_span_apart(left, right))
            return true;
    }
    return false;
}

/* In this nest the old value is loaded and the new one stored, element by element. */
static bool in_turn(const nest *n, size_t old, size_t made) {
    const nest_instruction *store = NULL;
    for (size_t i = n->tape.count; i-- > 0;) {
        const nest_instruction *in = &n->tape.at[i];
        if (in->op == NEST_STORE && (size_t)in->which == made)
            store = in;
        if (in->op == NEST_STORE && (size_t)in->which == old)
            return false;
        if (in->op != NEST_LOAD || (size_t)in->which != old)
            continue;
        for (size_t k = 0; k < n->tape.count; k++) {
            const nest_instruction *other = &n->tape.at[k];
            if (other->op != NEST_STORE || (size_t)other->which != made ||
                slices_apart(n, in, other))
                continue;
            if (k < i || other->at_count != in->at_count ||
                memcmp(other->at, in->at, sizeof *in->at * (size_t)in->at_count) != 0)
                return false;
        }
    }
    for (size_t r = 0; r < n->ranges.count; r++)
        if (n->ranges.at[r].folded)
            return false;
    return store && n->folds.count == 0;
}

/* How a buffer is cut into parts: along the axes of loops that it holds. Returns their number. */
static int cut(const trace *t, size_t buffer, part *out) {
    const nest_buffer *b = &t->plan->buffers.at[buffer];
    int parts = 1;
    *out = (part){.buffer = buffer};
    for (int a = 0; a < b->axis_count && out->count < PARTED; a++)
        if (t->looped >> b->axes[a] & 1 && b->axes[a] != b->block - 1) {
            out->position[out->count++] = a;
            parts *= TURNS;
        }
    cr_assert_leq(parts, PARTS);
    return parts;
}

static const need *needs_of_number(const trace *t, part *p, int number) {
    for (int a = 0; a < p->count; a++, number /= TURNS)
        p->turn[a] = number % TURNS;
    return needs_of(t, p);
}

/* When any part of it is needed. */
static const need *needs_of_all(const trace *t, size_t buffer) {
    part p;
    int parts = cut(t, buffer, &p);
    need *all = arena_array(t->memory, need, t->steps.count);
    for (int number = 0; number < parts; number++) {
        const need *own = needs_of_number(t, &p, number);
        for (size_t i = 0; i < t->steps.count; i++) {
            all[i].before |= own[i].before;
            all[i].after |= own[i].after;
            all[i].touched |= own[i].touched;
        }
    }
    return all;
}

static void must_not_meet(const trace *t, const need *left, const need *right, size_t i, size_t k,
                          uint64_t seed) {
    for (size_t s = 0; s < t->steps.count; s++) {
        const need *a = &left[s], *b = &right[s];
        const nest *n = t->steps.at[s].runs;
        bool handed = a->before && !a->after && b->touched && in_turn(n, i, k);
        handed |= b->before && !b->after && a->touched && in_turn(n, k, i);
        bool one = a->before || a->after || a->touched, other = b->before || b->after || b->touched;
        bool wrong =
            (a->before && b->before) || (a->after && b->after) || (one && other && !handed);
        cr_assert(!wrong, "seed %llu: b%zu and b%zu are both needed in step %zu, %s",
                  (unsigned long long)seed, i, k, s, n->name);
    }
}

static bool same_layout(const nest_buffer *l, const nest_buffer *r) {
    return l->axis_count == r->axis_count && dtype_size(l->type) == dtype_size(r->type) &&
           memcmp(l->axes, r->axes, sizeof *l->axes * (size_t)l->axis_count) == 0 &&
           l->block == r->block && op_shape_equal(&l->shape, &r->shape);
}

static void must_be_apart(const trace *t, size_t i, size_t k, uint64_t seed) {
    if (!same_layout(&t->plan->buffers.at[i], &t->plan->buffers.at[k])) {
        must_not_meet(t, needs_of_all(t, i), needs_of_all(t, k), i, k, seed);
        return;
    }
    part left, right;
    int parts = cut(t, i, &left);
    cut(t, k, &right);
    for (int p = 0; p < parts; p++)
        must_not_meet(t, needs_of_number(t, &left, p), needs_of_number(t, &right, p), i, k, seed);
}

static bool overlap(plan_place l, plan_place r) {
    return l.bytes > 0 && r.bytes > 0 && l.offset < r.offset + r.bytes &&
           r.offset < l.offset + l.bytes;
}

/* Returns the number of buffers that share. */
static size_t check(const trace *t, const plan_buffer *buffers, const int64_t *extents,
                    uint64_t seed) {
    size_t count = t->plan->buffers.count, sharing = 0, at;
    plan_place *places = arena_array(t->memory, plan_place, count);
    plan_layout layout;
    cr_assert(plan_lay_out(buffers, count, extents, false, places, &layout, &at));
    for (size_t i = 0; i < count; i++) {
        const nest_buffer *b = &t->plan->buffers.at[i];
        sharing += buffers[i].host != NULL;
        cr_assert_leq(places[i].offset + places[i].bytes, layout.bytes);
        cr_assert(!buffers[i].host || b->storage == NEST_ARENA);
        for (size_t k = 0; k < i; k++) {
            if (!overlap(places[i], places[k]))
                continue;
            cr_assert_eq(b->storage, NEST_ARENA);
            cr_assert_eq(t->plan->buffers.at[k].storage, NEST_ARENA);
            must_be_apart(t, i, k, seed);
        }
    }
    return sharing;
}

/* -1: the graph is illegal, as a random cycle may be. */
static long check_graph(arena *memory, uint64_t seed) {
    error problem = {.code = STATUS_OK};
    graph g;
    graph_init(&g, memory, &problem);
    random_options options = {.steps = 3 + (int)(seed % 40), .gradients = seed % 2 == 0};
    random_graph(&g, seed, &options);
    cr_assert_eq(problem.code, STATUS_OK, "%s", problem.message);
    trace t = {.memory = memory, .plan = pipeline_lower(&g, NULL, memory, &problem)};
    if (!t.plan)
        return -1;
    const plan_buffer *buffers = pipeline_plan(t.plan, memory, &problem);
    unroll(&t, &t.plan->items);
    long sharing = 0;
    for (int run = 0; run < 3; run++) {
        int64_t extents[PLAN_EXTENTS];
        random_extents(seed, run, extents);
        for (int a = 0; a < t.plan->source->axis_count; a++)
            if (t.plan->source->axes[a].extent >= 0)
                extents[a] = t.plan->source->axes[a].extent;
        int axis = nest_block_axis(t.plan);
        int64_t steps = axis >= 0 ? extents[axis] : 0;
        extents[NEST_BLOCK] = steps < 1 + run ? steps : 1 + run;
        sharing += (long)check(&t, buffers, extents, seed);
    }
    return sharing;
}

static jmp_buf escape; /* never set: out of memory ends the test */

Test(jit_plan, values_that_are_needed_together_lie_apart) {
    long sharing = 0, plans = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        arena memory;
        arena_init(&memory, allocator_default(), &escape);
        long found = check_graph(&memory, seed);
        plans += found >= 0;
        sharing += found > 0 ? found : 0;
        arena_free(&memory);
    }
    cr_assert_gt(plans, GRAPHS / 2);
    cr_assert_gt(sharing, plans, "the programs are large enough to share");
}

/* ---- by hand */

/* v = U (h + a) + a and h' = v v over time, where a = W x; or the a of the step before is added to
 * h. All v are needed later. Do they take the place of a? */
static bool takes_over(bool looks_back) {
    arena memory;
    error problem = {.code = STATUS_OK};
    arena_init(&memory, allocator_default(), &escape);
    graph g;
    graph_init(&g, &memory, &problem);
    op_builder *b = &g.builder;
    int time = graph_axis_add(&g, "t", false, -1), batch = graph_axis_add(&g, "b", true, -1);
    uint32_t both = UINT32_C(1) << time | UINT32_C(1) << batch;
    op_shape vector = op_shape_make(1, (const int64_t[]){4});
    op_shape matrix = op_shape_make(2, (const int64_t[]){4, 4});
    op_node *zero = make_broadcast(b, make_number(b, DTYPE_F32, 0), &vector);
    op_node *x = make_input(b, "x", DTYPE_F32, both, &vector);
    op_node *a = make_contract(b, "mn,n->m", make_param(b, "W", DTYPE_F32, 0, &matrix), x, 0);
    op_node *before = make_open_delay(b, time, 1, zero, DTYPE_F32, both, &vector);
    op_node *earlier = make_open_delay(b, time, 1, zero, DTYPE_F32, both, &vector);
    graph_bind(&g, earlier, a);
    op_node *sum = make_add(b, before, looks_back ? earlier : a);
    op_node *u = make_param(b, "U", DTYPE_F32, 0, &matrix);
    op_node *v = make_add(b, make_contract(b, "mn,n->m", u, sum, 0), a);
    graph_bind(&g, before, make_mul(b, graph_name(&g, v, "v"), v));
    graph_output_add(&g, "loss", make_contract(b, "m,m->", v, v, both));
    trace t = {.memory = &memory, .plan = pipeline_lower(&g, NULL, &memory, &problem)};
    cr_assert(t.plan, "%s", problem.message);
    const plan_buffer *buffers = pipeline_plan(t.plan, &memory, &problem);
    unroll(&t, &t.plan->items);
    check(&t, buffers, (const int64_t[PLAN_EXTENTS]){5, 2, [NEST_BLOCK] = 3}, 0);
    bool shares = false;
    for (size_t i = 0; i < t.plan->buffers.count; i++)
        shares |= strstr(buffers[i].name, " v") && buffers[i].host;
    arena_free(&memory);
    return shares;
}

Test(jit_plan, a_nest_writes_over_what_it_reads_unless_a_later_turn_reads_it) {
    cr_assert(takes_over(false));
    cr_assert_not(takes_over(true));
}

static plan_buffer value_of(size_t constant, int axis, int first, int last) {
    return (plan_buffer){.name = "v",
                         .type = DTYPE_F32,
                         .constant = constant,
                         .axis_count = axis >= 0,
                         .axes = {axis},
                         .live = {first, last}};
}

Test(jit_plan, guests_lie_where_their_host_does_unless_guarded) {
    plan_buffer buffers[] = {value_of(2, 0, 4, 5), value_of(3, 0, 0, 1), value_of(3, 0, 1, 2)};
    plan_place places[3];
    plan_layout layout;
    size_t at;
    buffers[0].host = &buffers[1];
    cr_assert(plan_lay_out(buffers, 3, (const int64_t[]){50}, false, places, &layout, &at));
    cr_assert_eq(places[0].offset, places[1].offset);
    cr_assert_eq(places[0].bytes, 400);
    cr_assert_not(overlap(places[1], places[2]));
    cr_assert(plan_lay_out(buffers, 3, (const int64_t[]){50}, true, places, &layout, &at));
    cr_assert_not(overlap(places[0], places[1]));
}

Test(jit_plan, what_no_nest_touches_has_no_memory) {
    plan_buffer buffers[] = {value_of(2, 0, 0, -1), value_of(3, 0, 0, 1)};
    plan_place places[2];
    plan_layout layout;
    size_t at;
    buffers[0].unused = true;
    cr_assert(plan_lay_out(buffers, 2, (const int64_t[]){50}, false, places, &layout, &at));
    cr_assert_eq(places[0].bytes, 0);
}

Test(jit_plan, lifetimes_meet_in_a_common_nest) {
    cr_assert(lifetime_meet((lifetime){0, 2}, (lifetime){2, 3}), "both ends belong to it");
    cr_assert_not(lifetime_meet((lifetime){0, 1}, (lifetime){2, 3}));
    cr_assert(lifetime_meet((lifetime){0, 9}, (lifetime){2, 3}));
}
