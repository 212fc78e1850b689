/* `eddy train`: the loop.
 *
 * A step is one call. Which rows it reads, its rate and its seed follow from its number alone, so a
 * run that goes on from a checkpoint does what it would have done: the same bits, whatever the
 * number of threads. Validation has a program of its own, which counts every held-out row once.
 *
 * SIGINT and SIGTERM are noted and looked at between steps; a second one ends the process at once,
 * which loses nothing but the steps since the last checkpoint. */
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/cli/checkpoint.h"
#include "frontends/cli/facts.h"
#include "frontends/cli/folder.h"
#include "frontends/cli/insight.h"
#include "frontends/cli/log.h"
#include "frontends/cli/picture.h"
#include "frontends/cli/progress.h"
#include "frontends/cli/times.h"

enum { TRAIN_HOPELESS = 50 /* steps on end without a finite gradient */ };

typedef struct train {
    arena *memory;
    const options *o;
    folder home;
    data set;
    network net;
    eddy_params *params;
    streams rows, held; /* held.end == held.begin: nothing is held out */
    session learning, testing;
    insight inside;
    log_file log;
    progress shown;
    checkpoint at;
    void *x, *y, *held_x, *held_y;
    int32_t *lengths, *held_lengths;
    size_t *order, *held_order; /* of sequences: which ones stand side by side */
    int64_t epoch;              /* that `order` is of */
    size_t x_count, y_count;    /* elements of a row */
    int64_t steps;
    double validation; /* the last one */
    int hopeless;
} train;

/* ---- signals */

static volatile sig_atomic_t train_signal;

static void train_note(int number) {
    train_signal = number;
}

static void train_listen(void) {
    struct sigaction how = {.sa_handler = train_note, .sa_flags = SA_RESETHAND};
    sigemptyset(&how.sa_mask);
    sigaction(SIGINT, &how, NULL);
    sigaction(SIGTERM, &how, NULL);
}

/* ---- programs */

/* Elements of the targets of a call. */
static size_t train_targets(const train *t, const streams *s) {
    return (network_is_each(&t->net) ? s->steps : 1) * s->count * t->y_count;
}

/* A step of training. */
static session train_program(train *t, eddy_params *params, bool watched) {
    eddy_model *m = eddy_model_new(NULL);
    bool apart = t->net.kind == DATA_SEQUENCES;
    eddy_axes b = eddy_batch(m, "b");
    eddy_axes time = apart ? eddy_time_ragged(m, "t", b, "lengths") : eddy_time(m, "t");
    if (!apart)
        eddy_carry(m, time, 0); /* each block goes on where the last one stopped */
    network_learn(network_loss(&t->net, m, time, b, true), t->o);
    const eddy_extent extents[] = {{"t", (int64_t)t->rows.steps}, {"b", (int64_t)t->rows.count}};
    int threads = options_given(t->o, "threads") ? (int)options_integer(t->o, "threads") : -1;
    eddy_watch(m, watched);
    session s = session_begin(m, params, extents, 2, threads);
    session_input(&s, "x", t->x, t->rows.steps * t->rows.count * t->x_count);
    session_input(&s, "y", t->y, train_targets(t, &t->rows));
    if (apart)
        session_input(&s, "lengths", t->lengths, t->rows.count);
    return s;
}

static void train_compile(train *t) {
    size_t rows = t->rows.steps * t->rows.count;
    t->x = arena_take_array(t->memory, rows * t->x_count, 4);
    t->y = arena_take_array(t->memory, train_targets(t, &t->rows), 4);
    t->lengths = arena_array(t->memory, int32_t, t->rows.count);
    t->learning = train_program(t, t->params, false);
}

/* Where the time of a step goes: of a program on weights of its own, so that the run's keep their
 * bits. */
static void train_times(train *t) {
    eddy_params *params = eddy_params_new(NULL, 1);
    session s = train_program(t, params, true);
    session_scalar(&s, "learning_rate", 0);
    if (session_has(&s, EDDY_INPUT, "seed"))
        session_scalar(&s, "seed", 1);
    json_t *line = times_line(&s, t->at.step);
    if (line)
        log_write(&t->log, line);
    session_end(&s);
    eddy_params_free(params);
}

/* The sums of the losses of held-out rows, of each stream. */
static void train_compile_testing(train *t) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), time = eddy_time_ragged(m, "t", b, "lengths");
    if (t->net.kind != DATA_SEQUENCES)
        eddy_carry(m, time, b);
    eddy_value loss = network_loss(&t->net, m, time, b, false);
    eddy_output(m, "loss", network_is_each(&t->net) ? eddy_total(loss, time) : loss);
    const eddy_extent extents[] = {{"t", (int64_t)t->held.steps}, {"b", (int64_t)t->held.count}};
    t->testing = session_begin(m, t->params, extents, 2, -1);
    size_t rows = t->held.steps * t->held.count;
    t->held_x = arena_take_array(t->memory, rows * t->x_count, 4);
    t->held_y = arena_take_array(t->memory, train_targets(t, &t->held), 4);
    t->held_lengths = arena_array(t->memory, int32_t, t->held.count);
    session_input(&t->testing, "x", t->held_x, rows * t->x_count);
    session_input(&t->testing, "y", t->held_y, train_targets(t, &t->held));
    session_input(&t->testing, "lengths", t->held_lengths, t->held.count);
}

/* ---- where the rows come from */

/* Blocks of sequences that are apart, and those that are held out. */
static void train_apart(train *t, size_t border, size_t count) {
    const data *d = &t->set;
    size_t left = d->rows - border, held = left < count ? left : count;
    if (border < count)
        cli_fail(CLI_FAILED,
                 "%s has %zu sequences to train on, and one step of training needs %zu (--batch)",
                 options_text(t->o, "data"), border, count);
    t->rows = (streams){0, border, count, d->steps, 1, border / count};
    t->held = (streams){border, d->rows, held, d->steps, 1, held ? (left + held - 1) / held : 0};
    t->order = arena_array(t->memory, size_t, border);
    t->held_order = arena_array(t->memory, size_t, held + 1);
    t->epoch = -1;
}

static void train_cut(train *t, size_t border, size_t count, size_t steps) {
    if (!streams_whole(&t->rows, 0, border, count, steps))
        cli_fail(CLI_FAILED,
                 "%s has %zu %s to train on, and one step of training needs %zu: %zu streams "
                 "(--batch) of %zu (--length)",
                 options_text(t->o, "data"), border, t->set.kind == DATA_TEXT ? "symbols" : "rows",
                 count * steps, count, steps);
    size_t most = (t->set.rows - border) / steps;
    streams_all(&t->held, border, t->set.rows, most < count ? most + 1 : count, steps);
}

static void train_read(train *t) {
    const options *o = t->o;
    const char *path = options_text(o, "data");
    if (!path)
        cli_fail(CLI_USAGE,
                 "nothing to learn from: --data FILE is missing\nTry 'eddy train "
                 "--help'.");
    double held = options_real(o, "validation");
    const table_wish wish = {.target = options_text(o, "target"),
                             .ignore = options_text(o, "ignore"),
                             .ahead = options_integer(o, "ahead"),
                             .classes = options_integer(o, "classes"),
                             .part = 1 - held};
    bool bytes = strcmp(options_text(o, "symbols"), "bytes") == 0;
    t->set = data_is_sequences(path) ? data_read_sequences(t->memory, path, &wish)
             : data_is_table(path)
                 ? data_read_table(t->memory, path, &wish)
                 : data_read_text(t->memory, path, bytes, 1 - held, options_integer(o, "rare"));
    size_t count = (size_t)options_integer(o, "batch");
    size_t border = t->set.rows - (size_t)((double)t->set.rows * held);
    if (t->set.kind == DATA_SEQUENCES)
        train_apart(t, border, count);
    else
        train_cut(t, border, count, (size_t)options_integer(o, "length"));
    t->x_count = t->set.vocabulary ? 1 : (size_t)t->set.inputs;
    t->y_count = t->set.classes ? 1 : (size_t)t->set.outputs;
}

/* The cell is that of the folder when the run goes on. */
static void train_describe(train *t, bool resume) {
    const options *o = t->o;
    const char *path = o->operand_count ? o->operands[0] : NULL, *name = options_text(o, "cell");
    const char *set = options_text(o, "set");
    int64_t size = options_integer(o, "size");
    cell_source cell = resume ? t->home.net.cell
                              : cell_find(t->memory, path, path || name ? name : "lstm", set, size);
    if (!t->set.vocabulary && cell.width && cell.width != t->set.inputs)
        cli_fail(CLI_FAILED, "the cell %s takes %lld numbers, and a row has %lld", cell.name,
                 (long long)cell.width, (long long)t->set.inputs);
    t->net = (network){.cell = cell,
                       .set = set,
                       .size = size,
                       .layers = options_integer(o, "layers"),
                       .embedding = cell.width ? cell.width : options_integer(o, "embedding"),
                       .dropout = options_real(o, "dropout"),
                       .kind = t->set.kind,
                       .inputs = t->set.inputs,
                       .outputs = t->set.outputs,
                       .vocabulary = t->set.vocabulary,
                       .classes = t->set.classes,
                       .each = t->set.each};
}

/* ---- one step */

static double train_rate(const train *t, int64_t step) {
    const char *schedule = options_text(t->o, "schedule");
    double warm = fmin(1, (double)(step + 1) / options_real(t->o, "warmup"));
    double done = (double)step / (double)t->steps, left = 1;
    if (strcmp(schedule, "linear") == 0)
        left = 1 - 0.98 * done;
    if (strcmp(schedule, "cosine") == 0)
        left = 0.02 + 0.98 * 0.5 * (1 + cos(acos(-1.0) * done));
    return options_real(t->o, "rate") * warm * left;
}

/* A line about a loss; of a text in bits, too. */
static void train_write(train *t, json_t *line, double loss) {
    if (t->net.kind == DATA_TEXT)
        json_object_set_new(line, "bits", log_number(loss / log(2.0)));
    log_write(&t->log, line);
}

/* Sequences in a new order each time that all were read, a function of the seed and of how often.
 */
static void train_shuffle(train *t, int64_t epoch) {
    uint64_t state =
        ((uint64_t)options_integer(t->o, "seed") << 32 | (uint32_t)epoch) ^ 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < t->rows.end; i++)
        t->order[i] = i;
    for (size_t i = t->rows.end; i > 1; i--) {
        state ^= state >> 12; /* xorshift64*, Vigna 2016 */
        state ^= state << 25;
        state ^= state >> 27;
        size_t other = (size_t)((state * 0x2545f4914f6cdd1du >> 32) % i), kept = t->order[i - 1];
        t->order[i - 1] = t->order[other];
        t->order[other] = kept;
    }
    t->epoch = epoch;
}

static void train_fill(train *t, int64_t step) {
    size_t block = (size_t)step % t->rows.blocks;
    if (t->net.kind == DATA_SEQUENCES) {
        if (step / (int64_t)t->rows.blocks != t->epoch)
            train_shuffle(t, step / (int64_t)t->rows.blocks);
        data_gather(&t->set, t->order + block * t->rows.count, t->rows.count, t->x, t->y,
                    t->lengths);
        return;
    }
    if (block == 0)
        cli_check(eddy_run_reset(t->learning.run), eddy_run_message(t->learning.run));
    streams_fill(&t->rows, block, t->set.x, t->x_count * 4, t->x, NULL);
    streams_fill(&t->rows, block, t->set.y, t->y_count * 4, t->y, NULL);
}

static void train_step(train *t) {
    int64_t step = t->at.step;
    double started = cli_seconds(), rate = train_rate(t, step);
    train_fill(t, step);
    session_scalar(&t->learning, "learning_rate", rate);
    if (session_has(&t->learning, EDDY_INPUT, "seed"))
        session_scalar(&t->learning, "seed",
                       (double)((options_integer(t->o, "seed") * 1000003 + step) & INT_MAX));
    session_call(&t->learning);
    double loss = session_number(&t->learning, "loss"), norm = session_number(&t->learning, "norm");
    t->at.step++;
    t->hopeless = isfinite(norm) ? 0 : t->hopeless + 1;
    json_t *line = json_pack("{s:s, s:I, s:o, s:o, s:f, s:f}", "event", "step", "step",
                             (json_int_t)t->at.step, "loss", log_number(loss), "norm",
                             log_number(norm), "rate", rate, "seconds", cli_seconds() - started);
    train_write(t, line, loss);
    progress_show(&t->shown, &(progress_point){.step = t->at.step,
                                               .loss = loss,
                                               .norm = norm,
                                               .rate = rate,
                                               .rows = (int64_t)(t->rows.count * t->rows.steps),
                                               .validation = t->validation});
}

/* ---- in between */

/* One block of what is held out; returns how many losses it has, and how many streams are real. */
static double train_fill_held(train *t, size_t block, size_t *real) {
    *real = t->held.count;
    if (t->net.kind != DATA_SEQUENCES) {
        streams_fill(&t->held, block, t->set.y, t->y_count * 4, t->held_y, NULL);
        return (double)streams_fill(&t->held, block, t->set.x, t->x_count * 4, t->held_x,
                                    t->held_lengths);
    }
    size_t first = t->held.begin + block * t->held.count;
    double losses = 0;
    for (size_t i = 0; i < t->held.count; i++) {
        bool there = first + i < t->held.end;
        t->held_order[i] = there ? first + i : first;
        if (there)
            losses += t->net.each ? (double)t->set.lengths[first + i] : 1;
        else
            --*real;
    }
    data_gather(&t->set, t->held_order, t->held.count, t->held_x, t->held_y, t->held_lengths);
    return losses;
}

static double train_test(train *t) {
    double sum = 0, losses = 0;
    cli_check(eddy_run_reset(t->testing.run), eddy_run_message(t->testing.run));
    for (size_t block = 0; block < t->held.blocks; block++) {
        size_t real;
        losses += train_fill_held(t, block, &real);
        session_call(&t->testing);
        const float *loss = eddy_run_read(t->testing.run, "loss");
        for (size_t i = 0; i < real; i++)
            sum += (double)loss[i];
    }
    return sum / losses;
}

static void train_validate(train *t) {
    log_write(&t->log, insight_line(&t->inside, t->at.step));
    if (t->held.end == t->held.begin)
        return;
    t->validation = train_test(t);
    t->at.validated++;
    t->at.stale++;
    bool better = t->at.validated == 1 || t->validation < t->at.best;
    if (better) {
        t->at.best = t->validation;
        t->at.best_step = t->at.step;
        t->at.stale = 0;
        checkpoint_save(t->home.best, t->params, &t->learning, &t->at);
    }
    json_t *line =
        json_pack("{s:s, s:I, s:o, s:b}", "event", "validation", "step", (json_int_t)t->at.step,
                  "loss", log_number(t->validation), "best", better);
    train_write(t, line, t->validation);
}

static void train_save(train *t) {
    checkpoint_save(t->home.checkpoint, t->params, &t->learning, &t->at);
}

static int train_end(train *t, const char *why) {
    bool bits = t->net.kind == DATA_TEXT;
    progress_end(&t->shown);
    train_save(t);
    if (!train_signal)
        train_times(t);
    log_write(&t->log, json_pack("{s:s, s:I, s:s}", "event", "end", "step", (json_int_t)t->at.step,
                                 "reason", why));
    log_close(&t->log);
    if (train_signal) {
        printf("stopped after step %d; saved. To go on:\n  eddy train --resume --run %s\n",
               t->at.step, t->home.path);
        return CLI_INTERRUPTED;
    }
    printf("%s: %d steps", why, t->at.step);
    if (t->at.validated)
        printf(", best validation %.4f%s at step %d", bits ? t->at.best / log(2.0) : t->at.best,
               bits ? " bits" : "", t->at.best_step);
    printf("; saved in %s\n", t->home.path);
    return CLI_DONE;
}

static int train_loop(train *t) {
    int64_t every = options_integer(t->o, "validate-every"),
            save = options_integer(t->o, "save-every"),
            patience = options_integer(t->o, "patience");
    while (t->at.step < t->steps) {
        if (train_signal)
            return train_end(t, "stopped");
        train_step(t);
        if (t->hopeless == TRAIN_HOPELESS) {
            progress_end(&t->shown);
            cli_fail(CLI_FAILED,
                     "in %d steps on end the gradient was not finite; a lower --rate or --clip may "
                     "help. The last checkpoint is from before",
                     TRAIN_HOPELESS);
        }
        if (t->at.step % every == 0 || t->at.step == t->steps)
            train_validate(t);
        if (t->at.step % save == 0)
            train_save(t);
        if (patience && t->at.stale >= patience)
            return train_end(t, "stopped early");
    }
    return train_end(t, "trained");
}

/* ---- beginning, and going on */

/* The model as it is used, without its loss. */
static json_t *train_picture(train *t) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), time = eddy_time(m, "t");
    eddy_value x = network_input(&t->net, m, time | b);
    eddy_value said = network_build(&t->net, m, time, x, false);
    eddy_output(m, "output", said);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    picture p;
    picture_of(&m->graph, t->memory, &p);
    json_t *drawn = p.nodes.count <= PICTURE_NODES ? picture_write(&p) : json_null();
    eddy_model_free(m);
    return drawn;
}

static void train_log_start(train *t, const char *event) {
    static const char *const kinds[] = {"symbols", "rows", "sequences"};
    json_t *line = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I}", "event", event, "step",
                             (json_int_t)t->at.step, "cell", t->net.cell.name, "steps",
                             (json_int_t)t->steps, "rows", (json_int_t)t->set.rows, "held_rows",
                             (json_int_t)(t->held.end - t->held.begin), "rows_a_step",
                             (json_int_t)(t->rows.count * t->rows.steps));
    facts_add(t->memory, line, t->params, &t->learning);
    json_object_set_new(line, "graph", train_picture(t));
    if (!options_given(t->o, "quiet"))
        printf("%s: %lld weights, %zu %s of %lld %s (%zu held out), compiled in %.0f ms\n",
               t->net.cell.name, (long long)json_integer_value(json_object_get(line, "weights")),
               t->set.rows, kinds[t->set.kind],
               (long long)(t->net.vocabulary ? t->net.vocabulary : t->net.inputs),
               t->net.vocabulary ? "kinds" : "numbers", t->held.end - t->held.begin,
               json_real_value(json_object_get(line, "compile_milliseconds")));
    log_write(&t->log, line);
}

/* Options of the run that goes on, and its params. */
static void train_resume(train *t, options *o) {
    if (o->operand_count)
        cli_fail(CLI_USAGE, "a run that goes on has its own copy of the cell: leave out '%s'",
                 o->operands[0]);
    t->home = folder_open(t->memory, options_text(o, "run"));
    folder_settings(t->memory, &t->home, o);
    t->params = checkpoint_load(t->home.checkpoint, &t->at);
}

/* Params that begin as a file has them, open for what training adds. */
static eddy_params *train_begin(const options *o, int *given) {
    uint64_t seed = (uint64_t)options_integer(o, "seed");
    eddy_params *params = options_given(o, "weights")
                              ? checkpoint_weights(options_text(o, "weights"), seed, "")
                              : eddy_params_new(NULL, seed);
    eddy_params_close(params, false);
    *given = eddy_params_count(params);
    return params;
}

/* All of the given weights, and none but them, are weights of the model. */
static void train_check_weights(const train *t, int given) {
    const char *path = options_text(t->o, "weights");
    eddy_tensor tensor;
    for (int i = 0; path && eddy_params_at(t->params, i, &tensor); i++) {
        if (i < given && !tensor.trainable)
            cli_fail(CLI_FAILED, "%s has %s, which is no weight of the model", path, tensor.name);
        if (i >= given && tensor.trainable)
            cli_fail(CLI_FAILED, "%s has no %s, which is a weight of the model", path, tensor.name);
    }
}

/* The folder, once nothing is left that could refuse the run: one that cannot begin leaves none,
 * and one that cannot go on stays as it was. Where the weights begin is a checkpoint: nothing else
 * that is kept tells it. The record comes last, so that whatever has one can go on. */
static void train_keep(train *t, bool resume) {
    if (!resume) {
        folder_create(&t->home);
        train_save(t);
    }
    folder_write(&t->home, t->o, &t->net, &t->set);
}

int train_run(arena *memory, const options *o) {
    options own = *o; /* what the record of a run gives is added */
    train *t = arena_new(memory, train);
    *t = (train){.memory = memory, .o = &own, .validation = NAN};
    bool resume = options_given(&own, "resume");
    int given = 0;
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of write, with its message */
    if (resume && options_given(&own, "weights"))
        cli_fail(CLI_USAGE, "a run that goes on has its own weights: leave out --weights");
    if (resume)
        train_resume(t, &own);
    train_read(t);
    train_describe(t, resume);
    t->steps = options_integer(&own, "steps");
    if (resume && t->set.fingerprint != t->home.fingerprint)
        cli_fail(CLI_FAILED, "%s is not what this run began with: going on would mix two data sets",
                 options_text(&own, "data"));
    if (!resume) {
        t->home = folder_at(memory, options_text(&own, "run"));
        t->params = train_begin(&own, &given);
        folder_check_free(&t->home);
    }
    train_compile(t);
    train_check_weights(t, given);
    if (resume)
        checkpoint_restore(t->params, &t->learning);
    eddy_params_close(t->params, true);
    if (t->held.end > t->held.begin)
        train_compile_testing(t);
    t->inside = insight_begin(memory, &t->net, t->params, &t->set,
                              t->held.end > t->held.begin ? &t->held : &t->rows);
    train_keep(t, resume);
    t->log = log_open(memory, t->home.log, resume ? t->at.step : -1);
    train_log_start(t, resume ? "resume" : "start");
    t->shown = progress_begin(t->at.step, t->steps, t->net.kind == DATA_TEXT,
                              options_given(&own, "quiet"));
    train_listen();
    int ended = train_loop(t);
    insight_end(&t->inside);
    if (t->testing.run)
        session_end(&t->testing);
    session_end(&t->learning);
    eddy_params_free(t->params);
    t->home.net.cell = t->net.cell;
    folder_close(&t->home);
    return ended;
}
