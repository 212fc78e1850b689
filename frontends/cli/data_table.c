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

#include "core/size.h"
#include "frontends/cli/data.h"

enum { TABLE_COLUMNS = 4096 };

/* Numbers of a file: [rows][columns]. */
typedef struct table_numbers {
    const char *path;
    size_t rows;
    int columns;
    const char **names;
    double *at;
} table_numbers;

static bool table_is(const char *path, const char *end) {
    size_t length = strlen(path), most = strlen(end);
    return length > most && strcmp(path + length - most, end) == 0;
}

bool data_is_table(const char *path) {
    return table_is(path, ".csv") || table_is(path, ".npy");
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

/* The fields of one line. */
static int table_line(arena *memory, const char *at, const char *end, const char **fields) {
    int count = 0;
    while (count < TABLE_COLUMNS) {
        fields[count++] = table_field(memory, at, end, &at);
        if (at == end)
            break;
        at++;
    }
    return count;
}

static bool table_has_names(const char **fields, int count) {
    double number;
    for (int i = 0; i < count; i++)
        if (fields[i][0] && !table_number(fields[i], &number))
            return true;
    return false;
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
    const char **fields = arena_array(memory, const char *, TABLE_COLUMNS + 1);
    table_numbers t = {.path = path};
    VEC(double) all = {0};
    for (int line = 1; at < file_end; line++) {
        const char *end = memchr(at, '\n', (size_t)(file_end - at));
        end = end ? end : file_end;
        int count = table_line(memory, at, end, fields);
        at = end + (end < file_end);
        if (count == 1 && !fields[0][0])
            continue;
        if (!t.names) {
            bool named = table_has_names(fields, count);
            t.columns = count;
            t.names = arena_array(memory, const char *, count);
            for (int i = 0; i < count; i++)
                t.names[i] = named ? fields[i] : arena_print(memory, "%d", i + 1);
            if (named)
                continue;
        }
        if (count != t.columns)
            cli_fail(CLI_FAILED, "%s:%d: %d fields, and the first line has %d", path, line, count,
                     t.columns);
        for (int i = 0; i < count; i++) {
            double number = 0;
            if (!table_listed(ignore, t.names[i]) && !table_number(fields[i], &number))
                cli_fail(CLI_FAILED,
                         "%s:%d: column %s: '%s' is no number; --ignore %s leaves the column out",
                         path, line, t.names[i], fields[i], t.names[i]);
            vec_push(memory, &all, number);
        }
        t.rows++;
    }
    t.at = all.at;
    return t;
}

/* ---- npy */

_Noreturn static void table_bad(const char *path, const char *why) {
    cli_fail(CLI_FAILED, "%s is no npy file that can be read: %s", path, why);
}

static double table_element(const char *at, char kind, int size, size_t i) {
    const char *from = at + i * (size_t)size;
    float f4;
    double f8;
    int32_t i4;
    int64_t i8;
    if (kind == 'f' && size == 4)
        return memcpy(&f4, from, 4), (double)f4;
    if (kind == 'f')
        return memcpy(&f8, from, 8), f8;
    if (size == 4)
        return memcpy(&i4, from, 4), (double)i4;
    return memcpy(&i8, from, 8), (double)i8;
}

static table_numbers table_npy(arena *memory, const char *path) {
    size_t bytes, header = 10;
    const char *at = cli_read_file(memory, path, &bytes);
    const unsigned char *raw = (const unsigned char *)at;
    if (bytes < 12 || memcmp(at, "\x93NUMPY", 6) != 0)
        table_bad(path, "it does not begin as one");
    size_t length = raw[8] | (size_t)raw[9] << 8;
    if (raw[6] > 1) {
        length |= (size_t)raw[10] << 16 | (size_t)raw[11] << 24;
        header = 12;
    }
    if (raw[6] < 1 || raw[6] > 3 || length > bytes - header)
        table_bad(path, "its header is cut off, or of a version that is not known");
    const char *words = arena_print(memory, "%.*s", (int)length, at + header);
    const char *descr = strstr(words, "'descr'"), *shape = strstr(words, "'shape'");
    char order = 0, kind = 0;
    int size = 0;
    if (!descr || sscanf(descr, "'descr' : '%c%c%d'", &order, &kind, &size) != 3 || order != '<' ||
        (kind != 'f' && kind != 'i') || (size != 4 && size != 8))
        table_bad(path, "its elements are not float32, float64, int32 or int64");
    if (!strstr(words, "'fortran_order': False"))
        table_bad(path, "its order is not that of rows");
    long long rows = -1, across = 1;
    int given = shape ? sscanf(shape, "'shape' : (%lld, %lld", &rows, &across) : 0;
    size_t elements, need;
    if (given < 1 || rows < 0 || across < 1 || across > TABLE_COLUMNS ||
        !size_multiply((size_t)rows, (size_t)across, &elements) ||
        !size_multiply(elements, (size_t)size, &need) || need != bytes - header - length)
        table_bad(path, "its shape is not one or two dimensions of the size of the file");
    table_numbers t = {.path = path, .rows = (size_t)rows, .columns = (int)across};
    t.names = arena_array(memory, const char *, t.columns);
    t.at = arena_array(memory, double, elements + 1);
    for (int i = 0; i < t.columns; i++)
        t.names[i] = arena_print(memory, "%d", i + 1);
    for (size_t i = 0; i < elements; i++) {
        t.at[i] = table_element(at + header + length, kind, size, i);
        if (!isfinite(t.at[i]))
            cli_fail(CLI_FAILED, "%s: row %zu, column %zu is not finite", path,
                     i / (size_t)t.columns + 1, i % (size_t)t.columns + 1);
    }
    return t;
}

static table_numbers table_numbers_of(arena *memory, const char *path, const char *ignore) {
    return table_is(path, ".npy") ? table_npy(memory, path) : table_csv(memory, path, ignore);
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
    d.fingerprint = data_fingerprint(t->at, t->rows * (size_t)t->columns * sizeof *t->at);
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
