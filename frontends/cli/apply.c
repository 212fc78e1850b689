/* `eddy run`: a checkpoint over a file. Of a text: how many bits each symbol costs, and all of them
 * in the mean. Of a table: what the model foretells at each row, in the units of the file, and how
 * far that is from the targets where the file has them. The file is one sequence, read in blocks
 * whose state is carried: how it is cut does not change a bit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "frontends/cli/checkpoint.h"
#include "frontends/cli/folder.h"
#include "frontends/cli/table.h"

enum { APPLY_STEPS = 256 /* of one call */, APPLY_SEQUENCES = 16 /* side by side */ };

typedef struct apply {
    arena *memory;
    folder home;
    data set;
    const char *path, *output;
    session s;
    float *said; /* [rows][columns] */
    size_t columns;
} apply;

/* What the model says of x: of classes the likeliest. */
static void apply_output(const network *net, eddy_model *m, eddy_axes t, eddy_axes b) {
    eddy_value said = network_build(net, m, t, network_input(net, m, t | b), false);
    eddy_output(m, "said", net->classes ? eddy_cast(eddy_argmax(said), EDDY_F32) : said);
}

/* Outputs "said": of a text the loss of each step, of classes the likeliest, else the numbers. */
static void apply_begin(apply *a, eddy_params *params, int threads) {
    const network *net = &a->home.net;
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    if (net->kind == DATA_TEXT) {
        eddy_output(m, "said", network_loss(net, m, t, 0, false));
    } else {
        apply_output(net, m, t, 0);
    }
    const eddy_extent extents[] = {{"t", APPLY_STEPS}};
    a->s = session_begin(m, params, extents, 1, threads);
    a->columns = net->kind == DATA_TEXT || net->classes ? 1 : (size_t)net->outputs;
}

static void apply_call(apply *a) {
    const data *d = &a->set;
    size_t width = d->kind == DATA_TEXT ? 1 : (size_t)d->inputs;
    void *x = arena_take_array(a->memory, APPLY_STEPS * width, 4);
    void *y = arena_take_array(a->memory, APPLY_STEPS, 4);
    a->said = arena_array(a->memory, float, d->rows * a->columns + 1);
    streams rows;
    streams_all(&rows, 0, d->rows, 1, APPLY_STEPS);
    session_input(&a->s, "x", x, APPLY_STEPS * width);
    if (d->kind == DATA_TEXT)
        session_input(&a->s, "y", y, APPLY_STEPS);
    for (size_t block = 0, row = 0; block < rows.blocks; block++) {
        size_t real = streams_fill(&rows, block, d->x, width * 4, x, NULL);
        if (d->kind == DATA_TEXT)
            streams_fill(&rows, block, d->y, 4, y, NULL);
        session_call(&a->s);
        memcpy(a->said + row * a->columns, eddy_run_read(a->s.run, "said"),
               real * a->columns * sizeof(float));
        row += real;
    }
}

/* Row `to` of what was said, and of the targets, is row `from` of a call and of the data. */
static void apply_keep(apply *a, size_t to, const float *said, size_t from, char *y, size_t row) {
    size_t bytes = a->columns * sizeof(float);
    memcpy(a->said + to * a->columns, said + from * a->columns, bytes);
    if (a->set.y)
        memcpy(y + to * bytes, (const char *)a->set.y + row * bytes, bytes);
}

/* Sequences, some at a time. A row of the result is a sequence, or each of its steps. */
static void apply_sequences(apply *a, eddy_params *params, int threads) {
    data *d = &a->set;
    const network *net = &a->home.net;
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    apply_output(net, m, t, b);
    const eddy_extent extents[] = {{"t", (int64_t)d->steps}, {"b", APPLY_SEQUENCES}};
    a->s = session_begin(m, params, extents, 2, threads);
    a->columns = net->classes ? 1 : (size_t)net->outputs;
    size_t width = d->vocabulary ? 1 : (size_t)d->inputs, which[APPLY_SEQUENCES], rows = 0;
    size_t most = d->rows * (net->each ? d->steps : 1) * a->columns;
    size_t places = d->steps * APPLY_SEQUENCES;
    void *x = arena_take_array(a->memory, places * width, 4);
    void *unread = arena_take_array(a->memory, places * a->columns, 4);
    char *y = arena_take_array(a->memory, most, 4);
    int32_t lengths[APPLY_SEQUENCES];
    a->said = arena_array(a->memory, float, most);
    session_input(&a->s, "x", x, places * width);
    session_input(&a->s, "lengths", lengths, APPLY_SEQUENCES);
    for (size_t first = 0; first < d->rows; first += APPLY_SEQUENCES) {
        for (size_t i = 0; i < APPLY_SEQUENCES; i++)
            which[i] = first + i < d->rows ? first + i : first;
        data_gather(d, which, APPLY_SEQUENCES, x, unread, lengths);
        session_call(&a->s);
        const float *said = eddy_run_read(a->s.run, "said");
        for (size_t i = 0; i < APPLY_SEQUENCES && first + i < d->rows; i++)
            for (size_t k = 0; k < (net->each ? (size_t)lengths[i] : 1); k++)
                apply_keep(a, rows++, said, k * APPLY_SEQUENCES + i, y,
                           net->each ? (first + i) * d->steps + k : first + i);
    }
    d->rows = rows;
    d->y = d->y ? y : NULL;
}

static void apply_text(apply *a) {
    double sum = 0;
    for (size_t i = 0; i < a->set.rows; i++) {
        sum += (double)a->said[i];
        a->said[i] = (float)((double)a->said[i] / log(2.0));
    }
    printf("%s: %zu symbols, %.4f bits each\n", a->path, a->set.rows,
           a->set.rows ? sum / (double)a->set.rows / log(2.0) : 0);
}

static void apply_classes(apply *a) {
    size_t right = 0;
    for (size_t i = 0; a->set.y && i < a->set.rows; i++)
        right += (int32_t)a->said[i] == ((const int32_t *)a->set.y)[i];
    printf("%s: %zu rows", a->path, a->set.rows);
    if (a->set.y && a->set.rows)
        printf(", %.2f%% of the classes right", 100.0 * (double)right / (double)a->set.rows);
    printf("\n");
}

/* Back to the units of the file. */
static void apply_numbers(apply *a) {
    const columns *c = &a->home.table;
    const float *y = a->set.y;
    printf("%s: %zu rows\n", a->path, a->set.rows);
    for (size_t k = 0; k < a->columns; k++) {
        double squares = 0, mean = c->mean[c->y[k]], scale = c->scale[c->y[k]];
        for (size_t i = 0; i < a->set.rows; i++) {
            float *said = &a->said[i * a->columns + k];
            double away = y ? (double)*said - (double)y[i * a->columns + k] : 0;
            squares += away * away;
            *said = (float)((double)*said * scale + mean);
        }
        if (y && a->set.rows)
            printf("  %s: root mean square error %.6g; its own spread is %.6g\n", c->names[c->y[k]],
                   sqrt(squares / (double)a->set.rows) * scale, scale);
    }
}

static void apply_write(const apply *a) {
    const columns *c = &a->home.table;
    const char **names = arena_array(a->memory, const char *, a->columns + 1);
    names[0] = "bits";
    for (size_t k = 0; a->set.kind != DATA_TEXT && k < a->columns; k++)
        names[k] = c->names[c->y[k]];
    table_write(a->memory, a->output, a->said, a->set.rows, a->columns, names);
}

int apply_run(arena *memory, const options *o) {
    apply a = {
        .memory = memory, .path = options_text(o, "data"), .output = options_text(o, "output")};
    checkpoint at;
    if (!a.path)
        cli_fail(CLI_USAGE, "nothing to read: --data FILE is missing\nTry 'eddy run --help'.");
    if (a.output)
        table_check_name(a.output);
    a.home = folder_open(memory, o->operands[0]);
    const network *net = &a.home.net;
    const data known = {.inputs = net->inputs,
                        .outputs = net->outputs,
                        .classes = net->classes,
                        .vocabulary = net->vocabulary,
                        .each = net->each,
                        .table = a.home.table};
    a.set = net->kind == DATA_TEXT    ? data_read_text_in(memory, a.path, &a.home.symbols)
            : net->kind == DATA_TABLE ? data_read_table_in(memory, a.path, &a.home.table)
                                      : data_read_sequences_in(memory, a.path, &known);
    eddy_params *params =
        checkpoint_load(folder_weights(&a.home, options_text(o, "checkpoint")), &at);
    int threads = options_given(o, "threads") ? (int)options_integer(o, "threads") : -1;
    if (net->kind == DATA_SEQUENCES) {
        apply_sequences(&a, params, threads);
    } else {
        apply_begin(&a, params, threads);
        apply_call(&a);
    }
    if (a.set.kind == DATA_TEXT)
        apply_text(&a);
    else if (a.set.classes)
        apply_classes(&a);
    else
        apply_numbers(&a);
    if (a.output)
        apply_write(&a);
    session_end(&a.s);
    eddy_params_free(params);
    folder_close(&a.home);
    return CLI_DONE;
}
