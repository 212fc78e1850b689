/* Tables of numbers as data: CSV with a line of names, or npy.
 *
 * A row is a step. The model reads all columns but those that are ignored, and says the targets,
 * `ahead` rows later; with ahead 0 it may not read what it is to say. All numbers are taken
 * relative to the mean and spread of the rows that are trained on, so that a rate which is right
 * for one table is right for others; what the model says is turned back. Anything that is no number
 * is refused with its line and column: a hole that is silently 0 would be learned. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "frontends/cli/data.h"

enum { TABLE_COLUMNS = 4096, TABLE_SHOWN = 40 /* bytes of what is no number */ };

/* Numbers of a file: [rows][columns]. */
typedef struct table_numbers {
    const char *path;
    size_t rows;
    int columns;
    const char **names;
    double *at;
} table_numbers;

bool data_is_table(const char *path) {
    return tensors_named(path, ".csv") || tensors_named(path, ".npy");
}

/* ---- CSV */

/* The field at `at` without blanks and quotes, as text; *next: behind it, at its comma or end. */
static const char *table_field(arena *memory, const char *at, const char *end, const char **next) {
    const char *stop = at;
    bool quoted = false;
    for (; stop < end && (quoted || *stop != ','); stop++)
        quoted ^= *stop == '"';
    *next = stop;
    while (at < stop && (*at == ' ' || *at == '\t' || *at == '"'))
        at++;
    while (stop > at && strchr(" \t\r\"", stop[-1]))
        stop--;
    return arena_print(memory, "%.*s", (int)(stop - at), at);
}

static bool table_number(const char *field, double *out) {
    char *end;
    if (!field[0] || strpbrk(field, "xXnN")) /* no hexadecimal numbers, no nan, no inf */
        return false;
    *out = strtod(field, &end);
    return *end == 0 && isfinite(*out);
}

static bool table_has_names(const char **fields, int count) {
    double number;
    for (int i = 0; i < count; i++)
        if (fields[i][0] && !table_number(fields[i], &number))
            return true;
    return false;
}

/* The fields of one line, one more than there may be where there are too many. */
static int table_line(arena *memory, const char *at, const char *end, const char **fields) {
    int count = 0;
    while (count <= TABLE_COLUMNS) {
        fields[count++] = table_field(memory, at, end, &at);
        if (at == end)
            break;
        at++;
    }
    return count;
}

/* Names of columns: as they are, or numbers. A name must tell one column in a record in JSON. */
static void table_name(arena *memory, table_numbers *t, int line, const char **fields, int count) {
    bool named = table_has_names(fields, count);
    if (count > TABLE_COLUMNS)
        cli_fail(CLI_FAILED, "%s:%d: more than %d columns", t->path, line, (int)TABLE_COLUMNS);
    t->columns = count;
    t->names = arena_array(memory, const char *, count);
    for (int i = 0; i < count; i++) {
        const char *name = named ? fields[i] : arena_print(memory, "%d", i + 1);
        uint32_t code;
        size_t length = strlen(name);
        for (size_t k = 0, used; k < length; k += used)
            if (!(used = text_read_character(name + k, length - k, &code)))
                cli_fail(CLI_FAILED, "%s:%d: the name of column %d is not UTF-8", t->path, line,
                         i + 1);
        for (int k = 0; k < i; k++)
            if (strcmp(t->names[k], name) == 0)
                cli_fail(CLI_FAILED, "%s:%d: columns %d and %d are both called '%s'", t->path, line,
                         k + 1, i + 1, name);
        t->names[i] = name;
    }
}

/* Is this column among the ignored ones? */
static bool table_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at && *at;) {
        size_t here = strcspn(at, ",");
        if (here == length && strncmp(at, name, length) == 0)
            return true;
        at += here + (at[here] == ',');
    }
    return false;
}

static table_numbers table_csv(arena *memory, const char *path, const char *ignore) {
    size_t bytes;
    const char *at = cli_read_file(memory, path, &bytes), *file_end = at + bytes;
    const char **fields = arena_array(memory, const char *, TABLE_COLUMNS + 2);
    table_numbers t = {.path = path};
    VEC(double) all = {0};
    const char *zero = memchr(at, 0, bytes);
    if (zero)
        cli_fail(CLI_FAILED, "%s has a 0 byte at %td: it is no CSV", path, zero - at);
    if (bytes >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3; /* a byte order mark */
    for (int line = 1; at < file_end; line++) {
        const char *end = memchr(at, '\n', (size_t)(file_end - at));
        end = end ? end : file_end;
        int count = table_line(memory, at, end, fields);
        at = end + (end < file_end);
        if (count == 1 && !fields[0][0])
            continue;
        if (!t.names) {
            table_name(memory, &t, line, fields, count);
            if (table_has_names(fields, count))
                continue;
        }
        if (count != t.columns)
            cli_fail(CLI_FAILED, "%s:%d: %d fields, and the first line of the table has %d", path,
                     line, count, t.columns);
        for (int i = 0; i < count; i++) {
            double number = 0;
            if (!table_listed(ignore, t.names[i]) && !table_number(fields[i], &number))
                cli_fail(CLI_FAILED,
                         "%s:%d: column %s: '%.*s%s' is no number; --ignore %s leaves the column "
                         "out",
                         path, line, t.names[i], TABLE_SHOWN, fields[i],
                         strlen(fields[i]) > TABLE_SHOWN ? "..." : "", t.names[i]);
            vec_push(memory, &all, number);
        }
        t.rows++;
    }
    t.at = all.at;
    return t;
}

/* ---- npy */

static table_numbers table_npy(arena *memory, const char *path) {
    tensors file = data_open_tensors(memory, path);
    const tensor_entry *e = file.at;
    int64_t across = e->shape.rank == 2 ? e->shape.dimension[1] : 1;
    if (e->shape.rank < 1 || e->shape.rank > 2 || across > TABLE_COLUMNS)
        cli_fail(CLI_FAILED, "%s has %d dimensions, and a table has rows and at most %d columns",
                 path, e->shape.rank, (int)TABLE_COLUMNS);
    table_numbers t = {.path = path, .rows = (size_t)e->shape.dimension[0], .columns = (int)across};
    size_t elements = t.rows * (size_t)across;
    t.names = arena_array(memory, const char *, t.columns);
    t.at = arena_array(memory, double, elements);
    for (int i = 0; i < t.columns; i++)
        t.names[i] = arena_print(memory, "%d", i + 1);
    for (size_t i = 0; i < elements; i++) {
        t.at[i] = tensors_number(e, i);
        if (!isfinite(t.at[i]))
            cli_fail(CLI_FAILED, "%s: row %zu, column %zu is not finite", path,
                     i / (size_t)across + 1, i % (size_t)across + 1);
    }
    tensors_end(&file);
    return t;
}

static table_numbers table_numbers_of(arena *memory, const char *path, const char *ignore) {
    return tensors_named(path, ".npy") ? table_npy(memory, path) : table_csv(memory, path, ignore);
}

/* ---- columns */

static int table_find(const table_numbers *t, const char *name) {
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->names[i], name) == 0)
            return i;
    return -1;
}

static void table_choose(arena *memory, const table_numbers *t, const table_wish *wish,
                         columns *c) {
    c->x = arena_array(memory, int, t->columns + 1);
    c->y = arena_array(memory, int, t->columns + 1);
    for (const char *at = wish->target; at && *at;) {
        size_t length = strcspn(at, ",");
        const char *name = arena_print(memory, "%.*s", (int)length, at);
        int found = table_find(t, name);
        const char *near = found < 0 ? suggest_nearest(name, t->names, t->columns) : NULL;
        if (found < 0 || c->y_count == t->columns)
            cli_fail(CLI_FAILED, "%s has no column '%s'%s%s%s", t->path, name,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        c->y[c->y_count++] = found;
        at += length + (at[length] == ',');
    }
    if (!c->y_count)
        cli_fail(CLI_USAGE, "%s is a table: --target NAMES says which columns are to be foretold",
                 t->path);
    if (wish->classes && c->y_count > 1)
        cli_fail(CLI_USAGE, "--classes needs one target, not %d", c->y_count);
    for (int i = 0; i < t->columns; i++)
        if (!table_listed(wish->ignore, t->names[i]) &&
            !(wish->ahead == 0 && table_listed(wish->target, t->names[i])))
            c->x[c->x_count++] = i;
    if (!c->x_count)
        cli_fail(CLI_FAILED, "%s: no column is left to read", t->path);
}

static void table_measure(arena *memory, const table_numbers *t, double part, columns *c) {
    size_t rows = (size_t)((double)t->rows * part);
    c->mean = arena_array(memory, double, t->columns);
    c->scale = arena_array(memory, double, t->columns);
    for (int k = 0; k < t->columns; k++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < rows; i++)
            sum += t->at[i * (size_t)t->columns + (size_t)k];
        double mean = rows ? sum / (double)rows : 0;
        for (size_t i = 0; i < rows; i++) {
            double away = t->at[i * (size_t)t->columns + (size_t)k] - mean;
            squares += away * away;
        }
        double spread = rows ? sqrt(squares / (double)rows) : 0;
        c->mean[k] = mean;
        c->scale[k] = spread > 0 ? spread : 1;
    }
}

/* ---- rows as the model sees them. from: column of c -> column of the file, -1: missing */

static float *table_reals(arena *memory, const table_numbers *t, const columns *c, const int *from,
                          const int *which, int count, size_t rows, size_t below) {
    float *at = arena_array(memory, float, rows *(size_t)count + 1);
    for (size_t i = 0; i < rows; i++)
        for (int k = 0; k < count; k++) {
            double number = t->at[(i + below) * (size_t)t->columns + (size_t)from[which[k]]];
            at[i * (size_t)count + (size_t)k] =
                (float)((number - c->mean[which[k]]) / c->scale[which[k]]);
        }
    return at;
}

static int32_t *table_classes(arena *memory, const table_numbers *t, const columns *c,
                              const int *from, size_t rows) {
    int32_t *at = arena_array(memory, int32_t, rows + 1);
    for (size_t i = 0; i < rows; i++) {
        size_t row = i + (size_t)c->ahead;
        double number = t->at[row * (size_t)t->columns + (size_t)from[c->y[0]]];
        if (number != floor(number) || number < 0 || number >= (double)c->classes)
            cli_fail(CLI_FAILED, "%s: row %zu: %g is none of %lld classes, which count from 0",
                     t->path, row + 1, number, (long long)c->classes);
        at[i] = (int32_t)number;
    }
    return at;
}

static data table_data(arena *memory, const table_numbers *t, const columns *c, const int *from) {
    bool complete = true;
    for (int i = 0; i < c->y_count; i++)
        complete = complete && from[c->y[i]] >= 0;
    size_t ahead = complete ? (size_t)c->ahead : 0, rows = t->rows > ahead ? t->rows - ahead : 0;
    data d = {.kind = DATA_TABLE,
              .rows = rows,
              .inputs = c->x_count,
              .outputs = c->classes ? c->classes : c->y_count,
              .classes = c->classes > 0,
              .table = *c};
    d.x = table_reals(memory, t, c, from, c->x, c->x_count, rows, 0);
    if (complete && c->classes)
        d.y = table_classes(memory, t, c, from, rows);
    else if (complete)
        d.y = table_reals(memory, t, c, from, c->y, c->y_count, rows, ahead);
    d.fingerprint = hash_bytes(t->at, t->rows * (size_t)t->columns * sizeof *t->at);
    return d;
}

data data_read_table(arena *memory, const char *path, const table_wish *wish) {
    table_numbers t = table_numbers_of(memory, path, wish->ignore);
    columns c = {
        .count = t.columns, .names = t.names, .ahead = wish->ahead, .classes = wish->classes};
    if (!t.rows)
        cli_fail(CLI_FAILED, "%s is empty: there is nothing to learn", path);
    table_choose(memory, &t, wish, &c);
    table_measure(memory, &t, wish->part, &c);
    int *from = arena_array(memory, int, t.columns);
    for (int i = 0; i < t.columns; i++)
        from[i] = i;
    return table_data(memory, &t, &c, from);
}

data data_read_table_in(arena *memory, const char *path, const columns *known) {
    text ignored; /* whatever the model does not read */
    text_init(&ignored, memory);
    int *from = arena_array(memory, int, known->count + 1);
    bool *read = arena_array(memory, bool, known->count + 1);
    for (int i = 0; i < known->x_count; i++)
        read[known->x[i]] = true;
    for (int i = 0; i < known->y_count; i++)
        read[known->y[i]] = true;
    for (int i = 0; i < known->count; i++)
        if (!read[i])
            text_add(&ignored, "%s,", known->names[i]);
    table_numbers t = table_numbers_of(memory, path, ignored.at);
    for (int i = 0; i < known->count; i++)
        from[i] = table_find(&t, known->names[i]);
    for (int i = 0; i < known->x_count; i++)
        if (from[known->x[i]] < 0)
            cli_fail(CLI_FAILED, "%s has no column '%s', which the model reads", path,
                     known->names[known->x[i]]);
    return table_data(memory, &t, known, from);
}
