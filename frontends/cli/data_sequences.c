/* Sequences as data: an npz or safetensors file of x, y and maybe lengths.
 *
 *   x        [N, T, D] numbers, [N, T] numbers, or [N, T] integers, which are symbols
 *   y        of each sequence: [N] integers (a class), [N] or [N, K] numbers;
 *            of each step: [N, T] integers, [N, T, K] numbers
 *   lengths  [N] integers: steps that sequence i has, 1 to T; all have T without it
 *
 * The rank of y alone says whether there is a target of each step or of each sequence, so no file
 * is read in two ways. Numbers are taken relative to the mean and spread of what is trained on, as
 * in tables. What stands past the end of a sequence is not looked at. */
#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "frontends/cli/data.h"

enum { SEQUENCE_CLASSES = 65536, SEQUENCE_NUMBERS = 4096 };

typedef struct sequence_file {
    const char *path;
    arena *memory;
    const tensor_entry *x, *y, *lengths; /* y, lengths: NULL where there is none */
    size_t count, steps;
} sequence_file;

bool data_is_sequences(const char *path) {
    return tensors_named(path, ".npz") || tensors_named(path, ".safetensors");
}

static bool sequence_whole(const tensor_entry *e) {
    return e->kind != ELEMENT_F32 && e->kind != ELEMENT_F64;
}

static _Noreturn void sequence_bad(const sequence_file *f, const tensor_entry *e,
                                   const char *wanted) {
    char words[256];
    cli_fail(CLI_FAILED, "%s: %s is %s, and it must be %s", f->path, e->name,
             tensors_describe(e, words, sizeof words), wanted);
}

/* Extent k of a tensor, 1 past its rank. */
static size_t sequence_extent(const tensor_entry *e, int k) {
    return k < e->shape.rank ? (size_t)e->shape.dimension[k] : 1;
}

static void sequence_lengths(const sequence_file *f, data *d) {
    int32_t *lengths = arena_array(f->memory, int32_t, f->count);
    if (f->lengths && (f->lengths->shape.rank != 1 || sequence_extent(f->lengths, 0) != f->count ||
                       !sequence_whole(f->lengths)))
        sequence_bad(f, f->lengths, "[sequences] integers");
    for (size_t i = 0; i < f->count; i++) {
        double length = f->lengths ? tensors_number(f->lengths, i) : (double)f->steps;
        if (length < 1 || length > (double)f->steps)
            cli_fail(CLI_FAILED, "%s: sequence %zu has length %g, and x has %zu steps", f->path,
                     i + 1, length, f->steps);
        lengths[i] = (int32_t)length;
    }
    d->lengths = lengths;
}

static sequence_file sequence_open(arena *memory, const char *path, tensors *held) {
    sequence_file f = {.path = path, .memory = memory};
    *held = data_open_tensors(memory, path);
    for (size_t i = 0; i < held->count; i++)
        if (strcmp(held->at[i].name, "x") != 0 && strcmp(held->at[i].name, "y") != 0 &&
            strcmp(held->at[i].name, "lengths") != 0)
            cli_fail(CLI_FAILED, "%s has %s; sequences are x, y and lengths", path,
                     held->at[i].name);
    f.x = tensors_find(held, "x");
    f.y = tensors_find(held, "y");
    f.lengths = tensors_find(held, "lengths");
    if (!f.x)
        cli_fail(CLI_FAILED, "%s has no x; sequences are x, y and lengths", path);
    if (f.x->shape.rank < 2 || f.x->shape.rank > 3 || sequence_extent(f.x, 2) > SEQUENCE_NUMBERS)
        sequence_bad(&f, f.x, "[sequences, steps, numbers] or [sequences, steps]");
    f.count = sequence_extent(f.x, 0);
    f.steps = sequence_extent(f.x, 1);
    if (f.count > INT32_MAX || f.steps > INT32_MAX)
        sequence_bad(&f, f.x, "smaller");
    return f;
}

/* What y is: of each step or sequence, classes or numbers, how many. */
static void sequence_targets(const sequence_file *f, data *d, int64_t classes) {
    const tensor_entry *y = f->y;
    bool whole = sequence_whole(y);
    int rank = y->shape.rank;
    d->each = whole ? rank == 2 : rank == 3;
    d->classes = whole || classes;
    bool fits = sequence_extent(y, 0) == f->count && rank >= 1 && rank <= (whole ? 2 : 3) &&
                (!d->each || sequence_extent(y, 1) == f->steps);
    d->outputs = (int64_t)(whole ? 1 : sequence_extent(y, d->each ? 2 : 1));
    if (!fits || d->outputs > SEQUENCE_NUMBERS || (classes && d->outputs != 1))
        sequence_bad(f, y,
                     "[sequences] or [sequences, steps] classes, [sequences, numbers] or "
                     "[sequences, steps, numbers]");
}

/* How many numbers of a tensor of `each` numbers a step (or a sequence) are looked at, one after
 * the other: the place of number i. */
typedef struct sequence_walk {
    const data *d;
    bool steps;
    size_t width;
} sequence_walk;

static size_t sequence_numbers(const sequence_walk *w, size_t sequence) {
    return w->steps ? (size_t)w->d->lengths[sequence] * w->width : w->width;
}

static size_t sequence_place(const sequence_walk *w, size_t sequence) {
    return sequence * (w->steps ? w->d->steps : 1) * w->width;
}

static double sequence_number(const sequence_file *f, const tensor_entry *e, size_t sequence,
                              size_t place) {
    double number = tensors_number(e, place);
    if (!isfinite(number))
        cli_fail(CLI_FAILED, "%s: %s of sequence %zu has a number that is not finite", f->path,
                 e->name, sequence + 1);
    return number;
}

/* Symbols or classes below `limit`; 0: of the largest one, which is returned. */
static int64_t sequence_codes(const sequence_file *f, const tensor_entry *e, const sequence_walk *w,
                              int64_t limit, int32_t *to) {
    int64_t most = limit ? limit : SEQUENCE_CLASSES, seen = 1;
    for (size_t i = 0; i < f->count; i++)
        for (size_t k = 0, at = sequence_place(w, i); k < sequence_numbers(w, i); k++) {
            double number = sequence_number(f, e, i, at + k);
            if (number != floor(number) || number < 0 || number >= (double)most)
                cli_fail(CLI_FAILED,
                         "%s: %s of sequence %zu has %g, which is none of %lld that count from 0",
                         f->path, e->name, i + 1, number, (long long)most);
            to[at + k] = (int32_t)number;
            seen = (int64_t)number + 1 > seen ? (int64_t)number + 1 : seen;
        }
    return limit ? limit : seen;
}

/* Mean and scale of each of `width` numbers over the first sequences. */
static void sequence_measure(const sequence_file *f, const tensor_entry *e, const sequence_walk *w,
                             size_t sequences, double *mean, double *scale) {
    for (size_t n = 0; n < w->width; n++) {
        double sum = 0, squares = 0, count = 0;
        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i < sequences; i++)
                for (size_t k = n, at = sequence_place(w, i); k < sequence_numbers(w, i);
                     k += w->width) {
                    double number = sequence_number(f, e, i, at + k), away = number - mean[n];
                    sum += pass == 0 ? number : 0;
                    count += pass == 0;
                    squares += pass == 0 ? 0 : away * away;
                }
            mean[n] = count > 0 ? sum / count : 0;
        }
        scale[n] = squares > 0 ? sqrt(squares / count) : 1;
    }
}

static void sequence_reals(const sequence_file *f, const tensor_entry *e, const sequence_walk *w,
                           const double *mean, const double *scale, float *to) {
    for (size_t i = 0; i < f->count; i++)
        for (size_t k = 0, at = sequence_place(w, i); k < sequence_numbers(w, i); k++) {
            size_t n = (at + k) % w->width;
            to[at + k] = (float)((sequence_number(f, e, i, at + k) - mean[n]) / scale[n]);
        }
}

/* Names x1, x2 ..., y1 ...: numbers of x first. */
static void sequence_columns(arena *memory, data *d) {
    columns *c = &d->table;
    int x = d->vocabulary ? 0 : (int)d->inputs, y = d->classes ? 1 : (int)d->outputs;
    *c = (columns){
        .count = x + y, .x_count = x, .y_count = y, .classes = d->classes ? d->outputs : 0};
    c->names = arena_array(memory, const char *, c->count + 1);
    c->mean = arena_array(memory, double, c->count + 1);
    c->scale = arena_array(memory, double, c->count + 1);
    c->x = arena_array(memory, int, x + 1);
    c->y = arena_array(memory, int, y + 1);
    for (int i = 0; i < c->count; i++) {
        bool of_x = i < x;
        c->names[i] = arena_print(memory, "%c%d", of_x ? 'x' : 'y', (of_x ? i : i - x) + 1);
        c->scale[i] = 1;
        if (of_x)
            c->x[i] = i;
        else
            c->y[i - x] = i;
    }
}

/* x and y as the model has them; d->vocabulary, classes and columns are known. */
static void sequence_fill(const sequence_file *f, data *d) {
    columns *c = &d->table;
    sequence_walk x = {d, true, (size_t)d->inputs};
    void *to = arena_take_array(f->memory, f->count * f->steps * x.width, 4);
    d->x = to;
    if (d->vocabulary)
        (void)sequence_codes(f, f->x, &x, d->vocabulary, to);
    else
        sequence_reals(f, f->x, &x, c->mean, c->scale, to);
    if (!f->y)
        return;
    sequence_walk y = {d, d->each, d->classes ? 1 : (size_t)d->outputs};
    d->y = to = arena_take_array(f->memory, f->count * (d->each ? f->steps : 1) * y.width, 4);
    if (d->classes)
        (void)sequence_codes(f, f->y, &y, d->outputs, to);
    else
        sequence_reals(f, f->y, &y, c->mean + c->x_count, c->scale + c->x_count, to);
}

static data sequence_data(const sequence_file *f) {
    data d = {.kind = DATA_SEQUENCES, .rows = f->count, .steps = f->steps};
    d.inputs = (int64_t)sequence_extent(f->x, 2);
    d.fingerprint = hash_bytes(f->x->data, f->x->bytes);
    sequence_lengths(f, &d);
    return d;
}

data data_read_sequences(arena *memory, const char *path, const table_wish *wish) {
    tensors held;
    sequence_file f = sequence_open(memory, path, &held);
    data d = sequence_data(&f);
    int32_t *codes = arena_array(memory, int32_t, f.count *f.steps);
    sequence_walk x = {&d, true, (size_t)d.inputs};
    if (wish->target || wish->ignore)
        cli_fail(CLI_USAGE, "--target and --ignore are for tables; the targets of %s are its y",
                 path);
    if (!f.y)
        cli_fail(CLI_FAILED, "%s has no y: there is nothing to learn", path);
    sequence_targets(&f, &d, wish->classes);
    d.vocabulary =
        f.x->shape.rank == 2 && sequence_whole(f.x) ? sequence_codes(&f, f.x, &x, 0, codes) : 0;
    sequence_walk y = {&d, d.each, d.classes ? 1 : (size_t)d.outputs};
    if (d.classes)
        d.outputs = sequence_codes(&f, f.y, &y, wish->classes, codes);
    d.fingerprint ^= hash_bytes(f.y->data, f.y->bytes);
    sequence_columns(memory, &d);
    columns *c = &d.table;
    size_t part = (size_t)((double)f.count * wish->part);
    if (!d.vocabulary)
        sequence_measure(&f, f.x, &x, part, c->mean, c->scale);
    if (!d.classes)
        sequence_measure(&f, f.y, &y, part, c->mean + c->x_count, c->scale + c->x_count);
    sequence_fill(&f, &d);
    tensors_end(&held);
    return d;
}

data data_read_sequences_in(arena *memory, const char *path, const data *known) {
    tensors held;
    sequence_file f = sequence_open(memory, path, &held);
    data d = sequence_data(&f);
    bool symbols = f.x->shape.rank == 2 && sequence_whole(f.x);
    if (d.inputs != known->inputs || symbols != (known->vocabulary > 0))
        sequence_bad(&f, f.x, "as the x that was learned from");
    if (f.y) {
        sequence_targets(&f, &d, known->classes ? known->outputs : 0);
        if (d.each != known->each || d.classes != known->classes ||
            (!d.classes && d.outputs != known->outputs))
            sequence_bad(&f, f.y, "as the y that was learned from");
    }
    d.each = known->each;
    d.classes = known->classes;
    d.outputs = known->outputs;
    d.vocabulary = known->vocabulary;
    d.table = known->table;
    sequence_fill(&f, &d);
    tensors_end(&held);
    return d;
}

void data_gather(const data *d, const size_t *which, size_t count, void *x, void *y,
                 int32_t *lengths) {
    size_t x_bytes = (size_t)d->inputs * 4, y_bytes = (d->classes ? 1 : (size_t)d->outputs) * 4;
    for (size_t i = 0; i < count; i++) {
        size_t from = which[i];
        lengths[i] = d->lengths[from];
        for (size_t t = 0; t < d->steps; t++) {
            memcpy((char *)x + (t * count + i) * x_bytes,
                   (const char *)d->x + (from * d->steps + t) * x_bytes, x_bytes);
            if (d->each && d->y)
                memcpy((char *)y + (t * count + i) * y_bytes,
                       (const char *)d->y + (from * d->steps + t) * y_bytes, y_bytes);
        }
        if (!d->each && d->y)
            memcpy((char *)y + i * y_bytes, (const char *)d->y + from * y_bytes, y_bytes);
    }
}
