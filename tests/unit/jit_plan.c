/* Memory that is shared: no two values that are needed at the same time may overlap.
 *
 * Lifetimes are checked against what they abbreviate: the program is unrolled into the sequence of
 * nests that runs, three turns a loop, and walked backwards. A value is needed from its first store
 * on, wherever a later nest loads it before one stores all of it again. */
#include <criterion/criterion.h>
#include <string.h>

#include "jit/program.h"
#include "tests/support/random_graph.h"

enum { GRAPHS = 120, TURNS = 3 };

typedef struct trace {
    arena *memory;
    const nest_plan *plan;
    VEC(const nest *) steps; /* as they run */
} trace;

static void unroll(trace *t, const nest_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->kernel)
            vec_push(t->memory, &t->steps, item->kernel);
        else
            for (int turn = 0; turn < TURNS; turn++)
                unroll(t, &item->items);
    }
}

static bool holds(const nest_buffer *b, int axis) {
    for (int i = 0; i < b->axis_count; i++)
        if (b->axes[i] == axis)
            return true;
    return false;
}

typedef struct touch {
    bool loads, stores, whole; /* whole: every element is stored, and none loaded */
} touch;

static touch touch_of(const nest_plan *plan, const nest *n, size_t buffer) {
    touch t = {false, false, true};
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        if ((in->op != NEST_LOAD && in->op != NEST_STORE) || (size_t)in->which != buffer)
            continue;
        t.loads |= in->op == NEST_LOAD;
        t.stores |= in->op == NEST_STORE;
    }
    for (int k = 0; k < n->loop_count; k++)
        if (holds(&plan->buffers.at[buffer], n->loops[k]))
            t.whole = false;
    t.whole &= t.stores && !t.loads;
    return t;
}

/* needed[step] of a buffer. */
static bool *needed_of(const trace *t, size_t buffer) {
    bool *needed = arena_array(t->memory, bool, t->steps.count), later = false;
    size_t first = t->steps.count;
    for (size_t i = t->steps.count; i-- > 0;) {
        touch at = touch_of(t->plan, t->steps.at[i], buffer);
        needed[i] = later || at.loads || at.stores;
        later = at.loads || (later && !at.whole);
        if (at.stores || at.loads)
            first = i;
    }
    memset(needed, 0, first);
    return needed;
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
            bool *left = needed_of(t, i), *right = needed_of(t, k);
            for (size_t s = 0; s < t->steps.count; s++)
                cr_assert_not(left[s] && right[s],
                              "seed %llu: b%zu and b%zu are both needed in step %zu, %s",
                              (unsigned long long)seed, i, k, s, t->steps.at[s]->name);
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
    trace t = {.memory = memory, .plan = pipeline_lower(&g, memory, &problem)};
    if (!t.plan)
        return -1;
    const plan_buffer *buffers = pipeline_plan(t.plan, memory, &problem);
    unroll(&t, &t.plan->items);
    long sharing = 0;
    for (int run = 0; run < 3; run++) {
        int64_t extents[LIMIT_AXES];
        random_extents(seed, run, extents);
        for (int a = 0; a < t.plan->source->axis_count; a++)
            if (t.plan->source->axes[a].extent >= 0)
                extents[a] = t.plan->source->axes[a].extent;
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
