/* A plan becomes one object, or two that are made at the same time.
 *
 * Nearly all of a compilation is LLVM's code generator, and a kernel takes it as long whatever
 * stands beside it. So the kernels are dealt out to two modules, each with a context and a target
 * machine of its own, the heaviest kernels first and each to the lighter side; one of the modules
 * has the entry, which calls the kernels of both. Which kernel goes where follows from the nests
 * alone, never from a clock or from the machine, so the same plan gives the same bytes.
 *
 * The weight of a kernel is about the number of instructions that it is made of, which the time of
 * the code generator follows: a copy of the tape for each place of the tiles, with what loops,
 * states and addresses take.
 *
 * The caller's allocator need not know of threads: it is called by both, but never at once. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "core/env.h"
#include "core/size.h"
#include "jit/emit_internal.h"

enum {
    PIECES_KERNEL = 90,   /* weight of a kernel without instructions */
    PIECES_ENTRY = 450,   /* of the entry, and of what finds each thread's part */
    PIECES_LOOP = 6,      /* of a loop */
    PIECES_ACCESS = 2,    /* of an address, for each loop */
    PIECES_LEAST = 600,   /* weight that is worth another thread */
    PIECES_ALIGNMENT = 64 /* of the second object */
};

static const site nowhere = {NULL, 0};

/* ---- who makes what */

/* Copies of the code in a range: segments, and places of their tiles. */
typedef struct copies {
    int64_t segments, places;
} copies;

static copies copies_of(const emit_nest *s, int range) {
    int each[EMIT_SEGMENTS];
    copies c = {.segments = emit_copies(s, range, each)};
    for (int i = 0; i < c.segments; i++)
        c.places += each[i];
    return c;
}

/* Loading and turning a square: a shuffle for each row of it, again and again. */
static int64_t square_weight(const emit_nest *s) {
    int64_t sum = 0;
    for (int i = 0; i < s->access_count; i++)
        for (int width = s->most_width; s->accesses[i].square && width > 1; width /= 2)
            sum += s->most_width;
    return sum;
}

/* States go through every loop of a fold, and come from memory if they rest there. */
static int64_t fold_weight(const emit_nest *s, int64_t places) {
    bool rests = s->block_range >= 0;
    for (size_t f = 0; f < s->n->folds.count; f++)
        rests |= s->n->folds.at[f].rested >= 0;
    int64_t states = places * (int64_t)s->n->folds.count;
    return s->folds ? states * (2 * (s->loops - s->parallel) + (rests ? 5 : 0)) : 0;
}

static int64_t weight(emit *e, const nest *n) {
    emit_nest *s = arena_new(e->memory, emit_nest);
    s->e = e;
    s->n = n;
    emit_facts(s);
    copies rows = copies_of(s, s->row_range), vectors = copies_of(s, s->vector_range);
    int64_t sum = square_weight(s) + fold_weight(s, rows.places * vectors.places);
    sum += PIECES_LOOP * s->loops * rows.segments * vectors.segments;
    sum += PIECES_ACCESS * s->loops * s->access_count;
    for (size_t i = 0; i < n->tape.count; i++) {
        const emit_fact *f = &s->facts[i];
        bool by_row = f->by_row && f->need >= EMIT_ROWS;
        bool by_lane = f->by_lane && f->need == EMIT_ALL;
        int64_t here = f->need == EMIT_DEAD ? 0 : 1;
        if (f->depth >= s->row_depth)
            here *= by_row ? rows.places : rows.segments;
        if (f->depth >= s->vector_depth)
            here *= by_lane ? vectors.places : vectors.segments;
        if (s->squares && f->depth == s->loops)
            here *= s->most_width;
        sum += here;
    }
    return sum;
}

static int64_t weight_in_place(void *user, const nest *n) {
    return weight(user, n);
}

/* The next heaviest kernel; -1: all are dealt out. */
static int heaviest(const nest_plan *plan, const int64_t *weights) {
    int found = -1;
    for (size_t k = 0; k < plan->kernels.count; k++)
        if (weights[k] > 0 && (found < 0 || weights[k] > weights[found]))
            found = (int)k;
    return found;
}

/* Which piece makes each kernel; NULL: one piece makes all. */
static const uint8_t *deal(emit *e) {
    const nest_plan *plan = e->plan;
    size_t count = plan->kernels.count;
    int64_t *weights = arena_array(e->memory, int64_t, count + 1), all = 0, load[2] = {0, 0};
    uint8_t *piece_of = arena_array(e->memory, uint8_t, count + 1);
    for (size_t k = 0; k < count; k++) {
        arena_mark mark = arena_here(e->memory);
        const nest *n = plan->kernels.at[k];
        weights[k] = n->shared ? 0 : PIECES_KERNEL + weight(e, n->form ? n->form : n);
        arena_rewind(e->memory, mark);
        all += weights[k];
    }
    if (all < PIECES_LEAST)
        return NULL;
    load[0] = PIECES_ENTRY + emit_step_each(e, weight_in_place, e);
    for (int k; (k = heaviest(plan, weights)) >= 0; weights[k] = 0) {
        piece_of[k] = load[1] < load[0];
        load[piece_of[k]] += weights[k];
    }
    return piece_of;
}

/* ---- an allocator for two threads */

typedef struct shared_source {
    allocator own;
    const allocator *of;
    pthread_mutex_t turn;
} shared_source;

static void *shared_allocate(void *user, size_t bytes, size_t alignment) {
    shared_source *s = user;
    pthread_mutex_lock(&s->turn);
    void *memory = allocator_take(s->of, bytes, alignment);
    pthread_mutex_unlock(&s->turn);
    return memory;
}

static void shared_release(void *user, void *memory, size_t bytes) {
    shared_source *s = user;
    pthread_mutex_lock(&s->turn);
    allocator_give(s->of, memory, bytes);
    pthread_mutex_unlock(&s->turn);
}

/* ---- making them */

typedef struct piece {
    emit plan; /* what to emit, and which part of it */
    const allocator *source;
    emit_object out;
    error problem;
    double core_milliseconds;
    bool done;
} piece;

static double milliseconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void *make(void *user) {
    piece *p = user;
    double start = milliseconds(CLOCK_THREAD_CPUTIME_ID);
    p->out = (emit_object){.source = p->source};
    p->done = emit_piece(&p->plan, p->source, &p->out, &p->problem);
    p->core_milliseconds = milliseconds(CLOCK_THREAD_CPUTIME_ID) - start;
    return NULL;
}

/* The second one by a thread of its own: not where there is none to have, nor where modules are
 * printed. Was there one? */
static bool make_both(piece *pieces) {
    pthread_t second;
    bool side =
        !env_has_letter("DUMP", 'e') && pthread_create(&second, NULL, make, &pieces[1]) == 0;
    make(&pieces[0]);
    if (side)
        pthread_join(second, NULL);
    else
        make(&pieces[1]);
    return side;
}

/* Both objects, one behind the other. */
static bool join(const emit_object *one, const emit_object *two, emit_object *out, error *problem) {
    size_t second, count;
    bool fits =
        size_align(one->count, PIECES_ALIGNMENT, &second) && size_add(second, two->count, &count);
    char *bytes = fits ? allocator_take(out->source, count, PIECES_ALIGNMENT) : NULL;
    if (!bytes) {
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "out of memory for compiled code");
        return false;
    }
    memset(bytes, 0, count);
    memcpy(bytes, one->bytes, one->count);
    memcpy(bytes + second, two->bytes, two->count);
    out->bytes = bytes;
    out->count = count;
    out->second = second;
    return true;
}

static bool emit_two(const emit *whole, const uint8_t *piece_of, emit_object *out, error *problem) {
    shared_source source = {.own = {shared_allocate, shared_release, &source}, .of = out->source};
    pthread_mutex_init(&source.turn, NULL);
    piece pieces[2];
    memset(pieces, 0, sizeof pieces);
    for (int i = 0; i < 2; i++) {
        pieces[i].plan = *whole;
        pieces[i].plan.piece_of = piece_of;
        pieces[i].plan.piece = i;
        pieces[i].source = &source.own;
    }
    bool side = make_both(pieces);
    bool done = pieces[0].done && pieces[1].done;
    if (done)
        done = join(&pieces[0].out, &pieces[1].out, out, problem);
    else
        *problem = pieces[pieces[0].done ? 1 : 0].problem;
    out->side_milliseconds = side ? pieces[1].core_milliseconds : 0;
    for (int i = 0; i < 2; i++)
        emit_object_free(&pieces[i].out);
    pthread_mutex_destroy(&source.turn);
    return done;
}

static bool emit_one(const emit *whole, emit_object *out, error *problem) {
    piece only = {.plan = *whole, .source = out->source};
    make(&only);
    *out = only.out;
    if (!only.done)
        *problem = only.problem;
    return only.done;
}

/* Returns here when the arena runs out. */
static bool deal_or_return(emit *whole, jmp_buf *escape, const uint8_t **piece_of, error *problem) {
    if (setjmp(*escape) != 0) {
        error_set(problem, STATUS_OUT_OF_MEMORY, nowhere, "out of memory while compiling \"%s\"",
                  whole->options->prefix);
        return false;
    }
    *piece_of = whole->options->pieces > 1 ? deal(whole) : NULL;
    return true;
}

bool emit_plan(const nest_plan *plan, const emit_options *options, const allocator *source,
               emit_object *out, error *problem) {
    *out = (emit_object){.source = source};
    const machine *target = options->target ? options->target : machine_host();
    if (!target) {
        const char *wanted = env_text("CPU");
        error_set(problem, STATUS_UNSUPPORTED, nowhere,
                  "this machine cannot run compiled programs%s%s: they need an x86-64 processor "
                  "with AVX2 and FMA (x86-64-v3) or AVX-512 (x86-64-v4)",
                  wanted ? " for EDDY_CPU=" : "", wanted ? wanted : "");
        return false;
    }
    double start = milliseconds(CLOCK_MONOTONIC);
    jmp_buf escape;
    arena memory;
    arena_init(&memory, source, &escape);
    emit whole = {.memory = &memory,
                  .plan = plan,
                  .options = options,
                  .target = target,
                  .sizes = emit_sizes_now()};
    const uint8_t *piece_of = NULL;
    bool done = deal_or_return(&whole, &escape, &piece_of, problem);
    done = done &&
           (piece_of ? emit_two(&whole, piece_of, out, problem) : emit_one(&whole, out, problem));
    arena_free(&memory);
    out->milliseconds = milliseconds(CLOCK_MONOTONIC) - start;
    return done;
}
