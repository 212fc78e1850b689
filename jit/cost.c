/* How long a call takes on so many threads, roughly.
 *
 * What is wanted is a decision: are two threads shorter than one, and what should they share? That
 * needs no more than the right order of magnitude of the work between two meetings, and the cost of
 * a meeting, which is measured (threads_round_trip). So a nest costs its vector instructions at one
 * a cycle, loads that a register tile shares are free, and waiting for memory is left out, but for
 * two things. Threads that share the samples of a product each read all of its matrix: the first
 * tile of rows waits for that, and rows that fill no tile run one by one, each as slow as reading.
 * And threads that share the units of a recurrence find much of what a step needs in the cache of
 * another core, which takes longer than what is done with it.
 *
 * Loops of which each thread takes one are shared without any meeting.
 *
 * A thread's part is the largest one: seven tiles on two threads take as long as four, ten rows of
 * twenty as long as twelve, and where samples end one by one (lower_ragged.c) the first part has
 * those that last. */
#include "jit/cost.h"

#include <math.h>

#include "jit/split.h"

enum {
    COST_TILE = 64,   /* columns of a contraction's tile */
    COST_VECTOR = 16, /* elements of a vector */
    COST_DIVIDE = 8   /* a division takes as long as so many others */
};
static const double cost_rows = 4;   /* samples of a contraction's tile */
static const double cost_first = 5;  /* reading a matrix for the first of them is as slow as so many
                                        rows of a full tile, ... */
static const double cost_single = 2; /* ... and for each by itself behind it, out of a near cache */
static const double cost_instruction = 0.2e-9; /* seconds of one on a vector */
static const double cost_fetch = 0.2e-9;       /* of a byte that another core has made */

/* ---- formulas */

typedef struct cost_list {
    VEC(int) axes;
} cost_list;

static void cost_multiply(arena *memory, int64_t count, double *number, cost_list *list) {
    if (count >= 0)
        *number *= (double)count;
    else
        vec_push(memory, &list->axes, (int)(-1 - count));
}

static bool cost_counts(const nest_instruction *in, bool tiled) {
    if (nest_is_access(in))
        return !tiled;
    return in->op == NEST_BODY && in->type != BODY_I64 && in->code.op != BODY_CONSTANT;
}

/* Instructions per iteration of the folded ranges, or of the parallel ones alone. */
static double cost_instructions(const nest *n, const uint64_t *depends, bool folded) {
    int ranges = nest_parallel_count(n);
    uint64_t parallel = ranges < 64 ? (UINT64_C(1) << ranges) - 1 : ~UINT64_C(0);
    double count = 0;
    for (size_t i = 0; i < n->tape.count; i++) {
        const nest_instruction *in = &n->tape.at[i];
        bool inside = (depends[i] & ~parallel) != 0;
        if (inside == folded && depends[i] != 0 && cost_counts(in, folded && n->heavy))
            count += in->op == NEST_BODY && in->code.op == BODY_DIV ? COST_DIVIDE : 1;
    }
    return count;
}

/* Tiles of the range along which vectors run, or more where another range can be shared. */
static double cost_tiles(const nest *n) {
    int parallel = nest_parallel_count(n);
    double most = 1;
    for (int r = 0; r < parallel; r++) {
        int64_t count = n->ranges.at[r].count;
        double tile = r < parallel - 1 ? 1 : n->heavy ? COST_TILE : COST_VECTOR;
        double tiles = count < 0 ? INFINITY : ceil((double)count / tile);
        if (r + 1 != n->samples && !n->ranges.at[r].ordered && tiles > most)
            most = tiles;
    }
    return most;
}

/* Is an operand of the fold's steps read anew for samples and for nothing else? */
static bool cost_is_narrow(const nest *n, const uint64_t *depends) {
    int ranges = nest_parallel_count(n);
    uint64_t parallel = ranges < 64 ? (UINT64_C(1) << ranges) - 1 : ~UINT64_C(0);
    uint64_t others = n->samples > 0 ? parallel & ~(UINT64_C(1) << (n->samples - 1)) : 0;
    for (size_t i = 0; i < n->tape.count && n->heavy && others != 0; i++)
        if (n->tape.at[i].op == NEST_LOAD && (depends[i] & parallel) == others &&
            (depends[i] & ~parallel) != 0)
            return true;
    return false;
}

/* Bytes of samples that an iteration of the parallel ranges of a recurrence loads. A product needs
 * them so seldom that they do not count. */
static double cost_bytes(const nest_plan *plan, const nest *n, const uint64_t *depends,
                         double steps) {
    int axis = split_sample_axis(plan->source), ranges = nest_parallel_count(n);
    double bytes = 0;
    for (size_t i = 0; i < n->tape.count && n->loop_count > 0 && !n->heavy; i++) {
        const nest_instruction *in = &n->tape.at[i];
        const nest_buffer *b = in->op == NEST_LOAD ? &plan->buffers.at[in->which] : NULL;
        bool own = false;
        for (int k = 0; b && k < b->axis_count; k++)
            own |= b->axes[k] == axis;
        if (own)
            bytes += (double)dtype_size(b->type) * (depends[i] >> ranges != 0 ? steps : 1);
    }
    return bytes;
}

static void cost_add(const nest_plan *plan, const nest *n, arena *memory, cost_nest *out) {
    uint64_t *depends = arena_array(memory, uint64_t, n->tape.count + 1);
    nest_dependences(n, depends);
    double points = 1, steps = 1;
    cost_list times = {0};
    for (int i = 0; i < n->loop_count; i++)
        cost_multiply(memory, OP_EXTENT_OF(n->loops[i]), &points, &times);
    for (size_t r = 0; r < n->ranges.count; r++)
        cost_multiply(memory, n->ranges.at[r].count, n->ranges.at[r].folded ? &steps : &points,
                      &times);
    bool folds = n->ranges.count > (size_t)nest_parallel_count(n);
    double work = cost_instructions(n, depends, folds) * steps; /* results are made less often */
    bool alone = split_is_alone(n);
    *out = (cost_nest){.seconds = work * points * cost_instruction / (alone ? 1 : COST_VECTOR),
                       .fetch = cost_bytes(plan, n, depends, steps) * points * cost_fetch,
                       .times = {times.axes.at, (int)times.axes.count},
                       .alone = alone,
                       .samples = !alone && n->samples > 0,
                       .narrow = cost_is_narrow(n, depends),
                       .ends = n->samples > 0 && n->ranges.at[n->samples - 1].end > 0,
                       .tiles = alone ? 1 : cost_tiles(n)};
}

/* ---- a plan */

typedef struct cost_build {
    const nest_plan *plan;
    arena *memory;
    VEC(cost_nest) nests;
    VEC(cost_meetings) meetings;
    int loops[LIMIT_AXES], loop_count;
    int beside;
} cost_build;

/* Depth of recursion: nested loops, at most the axes. */
static void cost_items(cost_build *c, const nest_list *items) {
    int outside = c->beside;
    size_t grouped = 0; /* items before this one are of the last group */
    for (size_t i = 0; i < items->count; i++) {
        const nest_item *item = &items->at[i];
        if (item->beside > 0)
            grouped = i + 1 + item->beside;
        if (outside == 0)
            c->beside = i >= grouped ? 0 : item->beside > 0 ? 1 + item->beside : c->beside;
        if (item->meeting != 0) {
            int *axes = arena_array(c->memory, int, c->loop_count + 1);
            for (int k = 0; k < c->loop_count; k++)
                axes[k] = c->loops[k];
            cost_meetings m = {item->meeting, c->beside, {axes, c->loop_count}};
            vec_push(c->memory, &c->meetings, m);
        }
        if (item->kernel) {
            cost_nest n;
            cost_add(c->plan, item->kernel, c->memory, &n);
            n.beside = c->beside;
            vec_push(c->memory, &c->nests, n);
            continue;
        }
        /* Blocks are few: what is in none of their loops counts once. */
        c->loops[c->loop_count] = item->axis;
        c->loop_count += !item->block;
        cost_items(c, &item->items);
        c->loop_count -= !item->block;
    }
    c->beside = outside;
}

void cost_of(const nest_plan *plan, arena *memory, cost_table *out) {
    cost_build c = {.plan = plan, .memory = memory};
    cost_items(&c, &plan->items);
    *out = (cost_table){split_sample_axis(plan->source), c.nests.at, c.nests.count, c.meetings.at,
                        c.meetings.count};
}

/* ---- at extents */

static double cost_product(const cost_extents *times, const int64_t *extents) {
    double product = 1;
    for (int i = 0; i < times->count; i++)
        product *= (double)extents[times->axes[i]];
    return product;
}

/* The largest part of `count` things, of all. */
static double cost_part(double count, int parts) {
    return isinf(count) ? 1.0 / parts : count > 0 ? ceil(count / parts) / count : 1;
}

/* How long a product of so many rows with a matrix takes, in rows of a full tile. */
static double cost_of_rows(double rows) {
    if (rows < cost_rows)
        return cost_first + cost_single * (rows - 1);
    return cost_first + cost_rows * (ceil(rows / cost_rows) - 1);
}

/* Of the samples' work, the part of a thread. */
static double cost_part_of_samples(const cost_nest *n, double samples, int parts) {
    double part = cost_part(samples, parts);
    if (n->narrow && samples > 0)
        part = cost_of_rows(part * samples) / cost_of_rows(samples);
    return n->ends ? part * (2 - part) : part; /* as if they ended evenly, the last ones first */
}

static double cost_share(const cost_nest *n, double samples, cost_grid grid) {
    if (n->alone)
        return 1;
    bool aside = n->beside > 0 && grid.units == n->beside;
    if (!n->samples)
        return aside ? 1.0 / grid.units : cost_part(n->tiles, grid.samples * grid.units);
    return cost_part_of_samples(n, samples, grid.samples) *
           (aside ? 1.0 / grid.units : cost_part(n->tiles, grid.units));
}

double cost_seconds(const cost_table *t, const int64_t *extents, cost_grid grid, double meeting) {
    double samples = t->axis >= 0 ? (double)extents[t->axis] : 1, sum = 0;
    uint8_t kept = grid.units > 1 ? NEST_MEET_UNITS : grid.samples > 1 ? NEST_MEET_SAMPLES : 0;
    for (size_t i = 0; i < t->nest_count; i++) {
        const cost_nest *n = &t->nests[i];
        bool together = grid.units > 1 && n->beside != grid.units;
        double others = together ? 1 - 1.0 / grid.units : 0;
        sum += (n->seconds + n->fetch * others) * cost_product(&n->times, extents) *
               cost_share(n, samples, grid);
    }
    for (size_t i = 0; i < t->meeting_count; i++)
        if ((t->meetings[i].kinds & kept) != 0 &&
            (t->meetings[i].beside == 0 || t->meetings[i].beside != grid.units))
            sum += meeting * cost_product(&t->meetings[i].times, extents);
    return sum;
}

cost_grid cost_arrange(const cost_table *t, const int64_t *extents, int threads) {
    static const double near = 0.1e-6; /* a meeting, for comparing grids of as many threads */
    cost_grid best = {1, threads};
    double least = INFINITY;
    for (int samples = 1; samples <= threads; samples++) {
        cost_grid grid = {samples, threads / samples};
        double seconds = threads % samples == 0 ? cost_seconds(t, extents, grid, near) : INFINITY;
        if (seconds < least) {
            least = seconds;
            best = grid;
        }
    }
    return best;
}
