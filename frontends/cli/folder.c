/* The folder of a run.
 *
 * Whatever may not change while a run goes on (the sizes of the model, the seed, how the data is
 * read) is in its record, so that going on needs no options, and everything that
 * reads a checkpoint knows what it is of. */
#include "frontends/cli/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "frontends/cli/log.h"

/* The most that options allow, and that data has. */
enum { FOLDER_UNITS = 65536, FOLDER_LAYERS = 64, FOLDER_NUMBERS = 1 << 24 };

folder folder_at(arena *memory, const char *path) {
    return (folder){.path = path,
                    .record = cli_path(memory, path, "run.json"),
                    .cell = cli_path(memory, path, "cell.eddy"),
                    .log = cli_path(memory, path, "log.jsonl"),
                    .checkpoint = cli_path(memory, path, "checkpoint.safetensors"),
                    .best = cli_path(memory, path, "best.safetensors")};
}

/* ---- writing */

static json_t *folder_option(const option_row *row, const char *value) {
    int64_t integer = 0;
    double real = 0;
    if (!value)
        return json_null();
    if (row->kind == OPTION_INTEGER && text_read_i64(value, strlen(value), &integer))
        return json_integer(integer);
    if (row->kind == OPTION_REAL && text_read_f64(value, strlen(value), &real))
        return json_real(real);
    return row->kind == OPTION_FLAG ? json_true() : json_string(value);
}

static json_t *folder_kept(const options *o) {
    json_t *all = json_object();
    const option_row *row;
    for (int i = 0; (row = options_row(o->command, i)); i++)
        if (row->kept)
            json_object_set_new(all, row->name, folder_option(row, options_text(o, row->name)));
    return all;
}

static json_t *folder_network(const network *n) {
    static const char *const kinds[] = {"text", "table", "sequences"};
    return json_pack("{s:s, s:b, s:s?, s:I, s:I, s:I, s:f, s:s, s:I, s:I, s:b, s:I, s:b}", "cell",
                     n->cell.name, "file", n->cell.path != NULL, "set", n->set, "size",
                     (json_int_t)n->size, "layers", (json_int_t)n->layers, "embedding",
                     (json_int_t)n->embedding, "dropout", n->dropout, "data", kinds[n->kind],
                     "inputs", (json_int_t)n->inputs, "outputs", (json_int_t)n->outputs, "classes",
                     n->classes, "vocabulary", (json_int_t)n->vocabulary, "each", n->each);
}

static json_t *folder_columns(const columns *c) {
    json_t *names = json_array(), *mean = json_array(), *scale = json_array(), *x = json_array(),
           *y = json_array();
    for (int i = 0; i < c->count; i++) {
        json_array_append_new(names, json_string(c->names[i]));
        json_array_append_new(mean, json_real(c->mean[i]));
        json_array_append_new(scale, json_real(c->scale[i]));
    }
    for (int i = 0; i < c->x_count; i++)
        json_array_append_new(x, json_integer(c->x[i]));
    for (int i = 0; i < c->y_count; i++)
        json_array_append_new(y, json_integer(c->y[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "names", names, "mean", mean, "scale",
                     scale, "x", x, "y", y, "ahead", (json_int_t)c->ahead, "classes",
                     (json_int_t)c->classes);
}

static json_t *folder_data(const data *from) {
    char sum[32];
    json_t *codes = json_array();
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)from->fingerprint);
    for (int i = 1; i < from->symbols.count; i++)
        json_array_append_new(codes, json_integer(from->symbols.codes[i]));
    return json_pack("{s:I, s:s, s:b, s:o, s:o}", "rows", (json_int_t)from->rows, "fingerprint",
                     sum, "bytes", from->symbols.bytes, "symbols", codes, "columns",
                     folder_columns(&from->table));
}

/* The run keeps the text of its cell: what it was begun with, whatever becomes of the file. */
static void folder_keep_cell(const folder *f, const network *net) {
    jmp_buf escape;
    arena memory;
    size_t bytes;
    if (!net->cell.path || strcmp(net->cell.path, f->cell) == 0)
        return;
    arena_init(&memory, allocator_default(), &escape);
    if (setjmp(escape) != 0)
        cli_fail(CLI_FAILED, "out of memory");
    const char *words = cli_read_file(&memory, net->cell.path, &bytes);
    cli_write_file(f->cell, words, bytes);
    arena_free(&memory);
}

void folder_write(folder *f, const options *o, const network *net, const data *from) {
    folder_keep_cell(f, net);
    json_decref(f->settings);
    f->settings = folder_kept(o);
    json_t *record =
        json_pack("{s:s, s:o, s:o, s:O}", "eddy", eddy_version_string(), "network",
                  folder_network(net), "data", folder_data(from), "settings", f->settings);
    char *words = record ? json_dumps(record, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    if (!words)
        cli_fail(CLI_FAILED, "out of memory");
    cli_write_file(f->record, words, strlen(words));
    free(words);
    json_decref(record);
}

void folder_check_free(const folder *f) {
    if (cli_file_exists(f->record))
        cli_fail(CLI_FAILED,
                 "%s holds a run already: --resume goes on with it, --run FOLDER begins another",
                 f->path);
}

void folder_create(const folder *f) {
    if (mkdir(f->path, 0777) != 0 && errno != EEXIST)
        cli_fail(CLI_FAILED, "cannot make the folder %s: %s", f->path, strerror(errno));
}

/* ---- reading */

/* A number of the record; one that no run writes ends the process. */
static int64_t folder_read_number(const folder *f, const char *name, json_int_t number, int64_t low,
                                  int64_t high) {
    if (number < low || number > high)
        cli_fail(CLI_FAILED, "%s: %s is %lld, and in a run it is from %lld to %lld", f->record,
                 name, (long long)number, (long long)low, (long long)high);
    return number;
}

static void folder_read_symbols(arena *memory, folder *f, const json_t *codes, bool bytes) {
    size_t count = json_array_size(codes);
    f->symbols = (alphabet){.bytes = bytes, .count = 1 + (int)count};
    f->symbols.codes = arena_array(memory, uint32_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        json_int_t code = json_integer_value(json_array_get(codes, i));
        bool rises = i == 0 || code > f->symbols.codes[i];
        if (code < 0 || code >= 0x110000 || !rises || count >= 65536)
            cli_fail(CLI_FAILED, "%s: symbol %zu is no character, or not in order", f->record,
                     i + 1);
        f->symbols.codes[i + 1] = (uint32_t)code;
    }
}

/* Numbers of columns; a mistake ends the process. */
static int *folder_read_list(arena *memory, const folder *f, const json_t *list, int limit,
                             int *count) {
    size_t given = json_array_size(list);
    int *out = arena_array(memory, int, given + 1);
    for (size_t i = 0; i < given; i++) {
        json_int_t number = json_integer_value(json_array_get(list, i));
        if (number < 0 || number >= limit || given > (size_t)limit)
            cli_fail(CLI_FAILED, "%s: there is no column %lld", f->record, (long long)number);
        out[i] = (int)number;
    }
    *count = (int)given;
    return out;
}

static void folder_read_columns(arena *memory, folder *f, json_t *from) {
    json_error_t wrong;
    json_t *names, *mean, *scale, *x, *y;
    json_int_t ahead, classes;
    columns *c = &f->table;
    if (json_unpack_ex(from, &wrong, 0, "{s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "names", &names,
                       "mean", &mean, "scale", &scale, "x", &x, "y", &y, "ahead", &ahead, "classes",
                       &classes) != 0)
        cli_fail(CLI_FAILED, "%s is not the record of a run: %s", f->record, wrong.text);
    c->count = (int)json_array_size(names);
    c->ahead = folder_read_number(f, "ahead", ahead, 0, 1000000000);
    c->classes = folder_read_number(f, "classes", classes, 0, FOLDER_UNITS);
    c->names = arena_array(memory, const char *, c->count + 1);
    c->mean = arena_array(memory, double, c->count + 1);
    c->scale = arena_array(memory, double, c->count + 1);
    for (int i = 0; i < c->count; i++) {
        const char *name = json_string_value(json_array_get(names, (size_t)i));
        c->names[i] = arena_copy_text(memory, name ? name : "");
        c->mean[i] = json_number_value(json_array_get(mean, (size_t)i));
        c->scale[i] = json_number_value(json_array_get(scale, (size_t)i));
    }
    c->x = folder_read_list(memory, f, x, c->count, &c->x_count);
    c->y = folder_read_list(memory, f, y, c->count, &c->y_count);
}

folder folder_open(arena *memory, const char *path) {
    folder f = folder_at(memory, path);
    json_error_t wrong;
    json_int_t size, layers, embedding, inputs, outputs, vocabulary, rows;
    const char *cell, *kind, *sum;
    json_t *codes, *settings, *set, *table;
    int classes, each, bytes, file;
    size_t length;
    if (!cli_file_exists(f.record))
        cli_fail(CLI_FAILED, "%s is not the folder of a run: there is no %s", path, f.record);
    const char *words = cli_read_file(memory, f.record, &length);
    json_t *record = json_loadb(words, length, JSON_REJECT_DUPLICATES, &wrong);
    if (!record)
        cli_fail(CLI_FAILED, "%s:%d:%d: %s", f.record, wrong.line, wrong.column, wrong.text);
    if (json_unpack_ex(record, &wrong, 0,
                       "{s:{s:s, s:b, s:o, s:I, s:I, s:I, s:F, s:s, s:I, s:I, s:b, s:I, s:b}, "
                       "s:{s:I, s:s, s:b, s:o, s:o}, s:o}",
                       "network", "cell", &cell, "file", &file, "set", &set, "size", &size,
                       "layers", &layers, "embedding", &embedding, "dropout", &f.net.dropout,
                       "data", &kind, "inputs", &inputs, "outputs", &outputs, "classes", &classes,
                       "vocabulary", &vocabulary, "each", &each, "data", "rows", &rows,
                       "fingerprint", &sum, "bytes", &bytes, "symbols", &codes, "columns", &table,
                       "settings", &settings) != 0)
        cli_fail(CLI_FAILED, "%s is not the record of a run: %s", f.record, wrong.text);
    folder_read_symbols(memory, &f, codes, bytes);
    folder_read_columns(memory, &f, table);
    f.net.size = folder_read_number(&f, "size", size, 1, FOLDER_UNITS);
    f.net.layers = folder_read_number(&f, "layers", layers, 1, FOLDER_LAYERS);
    f.net.embedding = folder_read_number(&f, "embedding", embedding, 1, FOLDER_UNITS);
    f.net.inputs = folder_read_number(&f, "inputs", inputs, 1, FOLDER_NUMBERS);
    f.net.outputs = folder_read_number(&f, "outputs", outputs, 1, FOLDER_NUMBERS);
    f.net.vocabulary = folder_read_number(&f, "vocabulary", vocabulary, 0, FOLDER_NUMBERS);
    f.rows = (size_t)folder_read_number(&f, "rows", rows, 0, INT64_MAX);
    f.net.set = json_is_string(set) ? arena_copy_text(memory, json_string_value(set)) : NULL;
    f.net.cell =
        cell_find(memory, file ? f.cell : NULL, arena_copy_text(memory, cell), f.net.set, size);
    f.net.classes = classes;
    f.net.each = each;
    f.net.kind = strcmp(kind, "text") == 0    ? DATA_TEXT
                 : strcmp(kind, "table") == 0 ? DATA_TABLE
                                              : DATA_SEQUENCES;
    f.fingerprint = strtoull(sum, NULL, 16);
    f.settings = json_incref(settings);
    json_decref(record);
    if (f.net.kind == DATA_TEXT && f.net.outputs != f.symbols.count)
        cli_fail(CLI_FAILED, "%s: %d symbols, but %lld outputs", f.record, f.symbols.count,
                 (long long)f.net.outputs);
    return f;
}

void folder_close(folder *f) {
    json_decref(f->settings);
    cell_free(&f->net.cell);
}

const char *folder_weights(const folder *f, const char *which) {
    return strcmp(which, "best") == 0 && cli_file_exists(f->best) ? f->best : f->checkpoint;
}

/* A value of the record as it would be given. */
static const char *folder_value(arena *memory, const json_t *value) {
    if (json_is_integer(value))
        return arena_print(memory, "%lld", (long long)json_integer_value(value));
    if (json_is_true(value))
        return "yes";
    if (json_is_string(value))
        return arena_copy_text(memory, json_string_value(value));
    if (!json_is_real(value))
        return NULL;
    text number;
    text_init(&number, memory);
    text_add_f64(&number, json_real_value(value));
    return number.at;
}

void folder_settings(arena *memory, const folder *f, options *o) {
    const option_row *row;
    for (int i = 0; (row = options_row(o->command, i)); i++) {
        if (!row->kept)
            continue;
        json_t *kept = json_object_get(f->settings, row->name);
        json_t *given = folder_option(row, options_text(o, row->name));
        if (row->fixed && o->values[i] && !json_equal(kept, given))
            cli_fail(CLI_USAGE, "--%s was %s when this run began, and cannot change", row->name,
                     json_is_null(kept) ? "not given" : folder_value(memory, kept));
        if (row->fixed || !o->values[i])
            o->values[i] = folder_value(memory, kept);
        json_decref(given);
    }
}
