/* The same training for all five: batches, Adam, the prior, and the control with shuffled targets.
 *
 * The control tells learning from a leak. Its targets are the same ones, dealt anew to the steps of
 * the training words, so all that is left to learn is how often each occurs; a model that still
 * beat the prior on unseen words would have seen them, or the measure would be wrong. Where the
 * prior may look at the input symbol, targets are dealt among steps of the same input, so that the
 * control can reach the prior as well. It ends up a little off it, above or below: what it believes
 * to know about some letters is wrong, and on a few thousand words by chance sometimes right. Hence
 * the margin. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/session.h"
#include "five/five.h"

enum { BATCH = 32, FIELDS = 4 };
static const double train_rate = 0.01;   /* falls to 0 in a straight line */
static const double train_margin = 0.01; /* of the baseline; less is no difference */

static void *train_make(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size);
    if (!p)
        five_fail("out of memory");
    return p;
}

/* ---- a program at work on a fixed number of samples at a time */

typedef struct use {
    session session;
    size_t batch;
    bool vectors;          /* x is no sequence */
    size_t widths[FIELDS]; /* steps, or elements, of each input; 0: the program has no such input */
    int32_t *data[FIELDS]; /* what it reads */
} use;

static const char *const train_fields[FIELDS] = {"x", "y", "x_length", "y_length"};

static const uint8_t *train_field(const sample *of, int field) {
    const uint8_t *at[FIELDS] = {of->x, of->y, &of->x_length, &of->y_length};
    return at[field];
}

static int64_t train_longest(const samples *set, char axis) {
    int64_t most = 0;
    for (size_t i = 0; i < set->count; i++) {
        int64_t length = axis == 's' ? set->at[i].x_length : set->at[i].y_length;
        most = length > most ? length : most;
    }
    return most;
}

static use train_begin(void (*build)(eddy_model *m, const void *user), const task *of,
                       eddy_params *params, const samples *set, size_t batch) {
    eddy_extent extents[] = {{"b", (int64_t)batch}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    for (int i = 1; of->axes[i]; i++) {
        const char *axis = of->axes[i] == 's' ? "s" : "t";
        extents[i] = (eddy_extent){axis, train_longest(set, *axis)};
    }
    use u = {.batch = batch, .vectors = of->axes[1] == 0};
    u.session = session_begin(build, of, params, extents);
    for (int field = 0; field < FIELDS; field++) {
        size_t elements = eddy_run_elements(u.session.run, train_fields[field]);
        if (elements == 0)
            continue;
        u.widths[field] = elements / batch;
        u.data[field] = train_make(elements, sizeof *u.data[field]);
        eddy_run_input(u.session.run, train_fields[field], u.data[field], elements);
    }
    return u;
}

/* One call on the samples from number `first` on, round and round. Returns an output. */
static const void *train_call(use *u, const char *output, const samples *set, size_t first) {
    for (int field = 0; field < FIELDS; field++)
        for (size_t j = 0; j < u->batch; j++) {
            const uint8_t *from = train_field(&set->at[(first + j) % set->count], field);
            for (size_t k = 0; k < u->widths[field]; k++) {
                size_t to = u->vectors ? j * u->widths[field] + k : k * u->batch + j;
                u->data[field][to] = from[k];
            }
        }
    return session_call(&u->session, output);
}

static void train_end(use *u) {
    session_end(&u->session);
    for (int field = 0; field < FIELDS; field++)
        free(u->data[field]);
}

/* ---- the three programs of a model */

static void train_build_step(eddy_model *m, const void *user) {
    const task *of = user;
    eddy_value loss = of->loss(m);
    eddy_optimiser adam = eddy_adam();
    adam.clip_norm = 1;
    eddy_output(m, "norm", eddy_minimise(eddy_mean_over(loss, eddy_value_axes(loss)), adam));
}

static void train_build_measure(eddy_model *m, const void *user) {
    const task *of = user;
    eddy_value loss = of->loss(m);
    eddy_output(m, "loss", eddy_mean_over(loss, eddy_value_axes(loss)));
}

static void train_build_answer(eddy_model *m, const void *user) {
    const task *of = user;
    eddy_output(m, "answers", of->answer(m));
}

static eddy_params *train_fit(const task *of, const samples *seen) {
    eddy_params *params = eddy_params_new(NULL, 1);
    use u = train_begin(train_build_step, of, params, seen, BATCH);
    for (int call = 0; call < of->calls; call++) {
        double rate = train_rate * (1 - (double)call / of->calls);
        eddy_run_scalar(u.session.run, "learning_rate", rate);
        train_call(&u, "norm", seen, (size_t)call * BATCH);
    }
    train_end(&u);
    return params;
}

static double train_measure(const task *of, eddy_params *params, const samples *unseen) {
    use u = train_begin(train_build_measure, of, params, unseen, unseen->count);
    double nats = *(const float *)train_call(&u, "loss", unseen, 0);
    train_end(&u);
    return nats;
}

static void train_show(const task *of, eddy_params *params, const samples *unseen) {
    use u = train_begin(train_build_answer, of, params, unseen, unseen->count);
    if (eddy_run_elements(u.session.run, "seed") > 0)
        eddy_run_scalar(u.session.run, "seed", 1);
    const int32_t *answers = train_call(&u, "answers", unseen, 0);
    of->show(answers, eddy_run_elements(u.session.run, "answers") / unseen->count, unseen);
    train_end(&u);
}

void train_show_right(const int32_t *answers, size_t steps, const samples *unseen) {
    size_t right = 0, of = 0;
    for (size_t i = 0; i < unseen->count; i++)
        for (size_t k = 0; k < steps && k < unseen->at[i].y_length; k++, of++)
            right += answers[k * unseen->count + i] == unseen->at[i].y[k];
    printf("  %.1f %% right\n", 100 * (double)right / (double)of);
}

/* ---- the prior and the control */

/* What the prior may know about step k. */
static size_t train_given(const task *of, const sample *s, size_t k) {
    return of->aligned ? s->x[k] : 0;
}

/* The loss of knowing how often each target occurs in `seen`; to begin with, all together occur
 * once. */
static double train_prior(const task *of, const samples *seen, const samples *unseen) {
    size_t symbols = (size_t)of->symbols, steps = 0;
    double *counts = train_make(LETTERS * symbols, sizeof *counts), totals[LETTERS], nats = 0;
    for (size_t i = 0; i < LETTERS * symbols; i++)
        counts[i] = 1 / (double)symbols;
    for (size_t i = 0; i < LETTERS; i++)
        totals[i] = 1;
    for (size_t i = 0; i < seen->count; i++)
        for (size_t k = 0; k < seen->at[i].y_length; k++) {
            size_t group = train_given(of, &seen->at[i], k);
            counts[group * symbols + seen->at[i].y[k]]++;
            totals[group]++;
        }
    for (size_t i = 0; i < unseen->count; i++)
        for (size_t k = 0; k < unseen->at[i].y_length; k++, steps++) {
            size_t group = train_given(of, &unseen->at[i], k);
            nats -= log(counts[group * symbols + unseen->at[i].y[k]] / totals[group]);
        }
    free(counts);
    return nats / (double)steps;
}

/* Deals the targets of a group of steps anew (Fisher and Yates). */
static void train_shuffle_group(const task *of, samples *set, size_t group, uint8_t **places) {
    uint64_t state = group + 1;
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = 0; k < set->at[i].y_length; k++)
            if (train_given(of, &set->at[i], k) == group)
                places[count++] = &set->at[i].y[k];
    for (size_t i = count; i > 1; i--) {
        state = state * 6364136223846793005 + 1442695040888963407; /* Knuth's generator */
        uint8_t *a = places[i - 1], *b = places[(state >> 33) % i], kept = *a;
        *a = *b;
        *b = kept;
    }
}

static void train_shuffle_targets(const task *of, samples *set) {
    uint8_t **places = train_make(set->count * WIDTH, sizeof *places);
    for (size_t group = 0; group < (of->aligned ? LETTERS : 1); group++)
        train_shuffle_group(of, set, group, places);
    free(places);
}

/* Not the order of the hashes themselves: the words chosen are those below a hash that depends on
 * the length of the list, so the last in that order would all be of the language with the shortest
 * list. A product's high bits depend on all bits of the hash. */
static int train_by_turn(const void *a, const void *b) {
    const sample *x = a, *y = b;
    uint64_t x_turn = x->hash * 0x9E3779B97F4A7C15, y_turn = y->hash * 0x9E3779B97F4A7C15;
    if (x_turn != y_turn)
        return x_turn < y_turn ? -1 : 1;
    int by_x = memcmp(x->x, y->x, WIDTH);
    return by_x ? by_x : memcmp(x->y, y->y, WIDTH);
}

/* Moves the held-out samples into a set of their own. */
static samples train_hold_out(samples *all) {
    samples unseen = {.at = train_make(all->count, sizeof *unseen.at)};
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->at[i].hash % TEST_ONE_IN == 0)
            unseen.at[unseen.count++] = all->at[i];
        else
            all->at[kept++] = all->at[i];
    all->count = kept;
    return unseen;
}

bool train_run(const task *of) {
    samples seen = {0};
    of->read(&seen);
    qsort(seen.at, seen.count, sizeof *seen.at, train_by_turn);
    samples unseen = train_hold_out(&seen);
    double baseline = train_prior(of, &seen, &unseen);
    eddy_params *params = train_fit(of, &seen);
    double loss = train_measure(of, params, &unseen);
    train_shuffle_targets(of, &seen);
    eddy_params *control = train_fit(of, &seen);
    double shuffled = train_measure(of, control, &unseen);
    printf("%s: %.3f nats per step on unseen data, baseline %.3f, shuffled labels %.3f\n", of->name,
           loss, baseline, shuffled);
    train_show(of, params, &unseen);
    eddy_params_free(control);
    eddy_params_free(params);
    free(seen.at);
    free(unseen.at);
    double less = (1 - train_margin) * baseline;
    return loss < less && shuffled >= less;
}
