/* The library's cells against tests/ref/cells: values and gradients that PyTorch computed from the
 * papers' equations (torch_library.py), ragged, in f64; and a sequence against its steps, bit for
 * bit. No cell of the library is without such a file. Files of tests/ref/forms hold a text too:
 * cells of what the language has besides. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"

enum { STEPS = 5, SAMPLES = 2, PLACES = 4, TABLES = 256 };

/* One cell's file, and what was made of it. */
typedef struct reference {
    json_t *file;
    const char *cell;
    eddy_cells *own; /* the cell's text; NULL: of the library */
    void *tables[TABLES];
    int count;
    eddy_model *m;
    eddy_axes t, b, s;
    eddy_value loss;
} reference;

static const double *numbers(reference *r, const json_t *table, size_t *count) {
    const json_t *data = json_object_get(table, "data");
    *count = json_array_size(data);
    double *out = malloc((*count + 1) * sizeof *out);
    cr_assert(out && r->count < TABLES);
    r->tables[r->count++] = out;
    for (size_t i = 0; i < *count; i++)
        out[i] = json_number_value(json_array_get(data, i));
    return out;
}

/* Dimensions of a table behind `axes` leading ones. */
static void shape_of(const json_t *table, size_t axes, int64_t out[9]) {
    const json_t *shape = json_object_get(table, "shape");
    size_t rank = json_array_size(shape) - axes;
    for (size_t i = 0; i < rank; i++)
        out[i] = json_integer_value(json_array_get(shape, i + axes));
    out[rank] = EDDY_SCALAR;
}

/* Is it in this list of the file? */
static bool is_among(const reference *r, const char *list, const char *name) {
    size_t i;
    json_t *one;
    bool found = false;
    json_array_foreach(json_object_get(r->file, list), i, one) found |=
        strcmp(json_string_value(one), name) == 0;
    return found;
}

static bool is_over(const reference *r, const char *name) {
    return is_among(r, "over", name);
}

/* The numbers of an input as a run takes them, and the bytes of one. */
static const char *given(reference *r, const char *name, const json_t *table, size_t *count,
                         size_t *bytes) {
    const double *values = numbers(r, table, count);
    *bytes = sizeof *values;
    if (!is_among(r, "ints", name))
        return (const char *)values;
    int32_t *whole = malloc((*count + 1) * sizeof *whole);
    cr_assert(whole && r->count < TABLES);
    r->tables[r->count++] = whole;
    for (size_t i = 0; i < *count; i++)
        whole[i] = (int32_t)values[i];
    *bytes = sizeof *whole;
    return (const char *)whole;
}

/* The inputs of the file as inputs of the model, sizes and numbers as they are. */
static int arguments_of(reference *r, eddy_argument *list) {
    const eddy_site here = {__FILE__, __LINE__};
    int count = 0;
    const char *name;
    json_t *one;
    json_object_foreach(json_object_get(r->file, "sizes"), name, one) list[count++] =
        (eddy_argument){name, NULL, json_number_value(one)};
    json_object_foreach(json_object_get(r->file, "numbers"), name, one) list[count++] =
        (eddy_argument){name, NULL, json_number_value(one)};
    list[count++] =
        (eddy_argument){"train", NULL, json_number_value(json_object_get(r->file, "train"))};
    json_object_foreach(json_object_get(r->file, "inputs"), name, one) {
        int64_t shape[9];
        shape_of(one, 2, shape);
        eddy_axes axes = (is_over(r, name) ? r->s : r->t) | r->b;
        eddy_dtype type = is_among(r, "ints", name) ? EDDY_I32 : EDDY_F64;
        eddy_value x = (eddy_input)(r->m, name, type, axes, shape, here);
        list[count++] = (eddy_argument){name, x, 0};
    }
    list[count] = (eddy_argument){0};
    return count;
}

/* The place of a result among those of the cell. */
static int result_of(const reference *r, const eddy_cells *library, const char *name) {
    eddy_cell_about about;
    eddy_cell_part part;
    const eddy_cells *from = r->own ? r->own : library;
    int cell = 0, found = -1;
    while (eddy_cells_at(from, cell, &about) && strcmp(about.name, r->cell) != 0)
        cell++;
    for (int i = 0, k = 0; eddy_cells_part(from, cell, i, &part); i++)
        if (part.role == EDDY_CELL_RESULT) {
            if (strcmp(part.name, name) == 0)
                found = k;
            k++;
        }
    cr_assert_geq(found, 0, "%s has no result %s", r->cell, name);
    return found;
}

static void open_reference(reference *r, const char *path) {
    json_error_t error;
    *r = (reference){.file = json_load_file(path, 0, &error)};
    cr_assert(r->file, "%s: %s", path, error.text);
    r->cell = json_string_value(json_object_get(r->file, "cell"));
    const char *text = json_string_value(json_object_get(r->file, "text"));
    if (text) {
        eddy_cells_read(NULL, r->cell, text, strlen(text), &r->own);
        cr_assert_str_eq(eddy_cells_report(r->own), "", "%s", eddy_cells_report(r->own));
    }
    r->m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
}

static void close_reference(reference *r) {
    eddy_model_free(r->m);
    eddy_cells_free(r->own);
    for (int i = 0; i < r->count; i++)
        free(r->tables[i]);
    json_decref(r->file);
}

/* The cell, the loss over all results, and all gradients as outputs. */
static void build(reference *r, const eddy_cells *library) {
    eddy_argument list[40];
    eddy_value results[16] = {NULL};
    int count = arguments_of(r, list);
    (eddy_use)(r->m, r->own, r->cell, "n", r->t, results, list, (eddy_site){__FILE__, __LINE__});
    cr_assert_eq(eddy_model_status(r->m), EDDY_OK, "%s", eddy_model_message(r->m));
    const char *name;
    json_t *one;
    json_object_foreach(json_object_get(r->file, "weights"), name, one) {
        int64_t shape[9];
        char called[64];
        shape_of(one, 2, shape);
        snprintf(called, sizeof called, "weight %s", name);
        eddy_value y = results[result_of(r, library, name)];
        eddy_value w = (eddy_input)(r->m, called, EDDY_F64, r->t | r->b, shape,
                                    (eddy_site){__FILE__, __LINE__});
        eddy_value part = eddy_total(eddy_reduce_all(eddy_mul(y, w), EDDY_SUM), r->t | r->b);
        r->loss = r->loss ? eddy_add(r->loss, part) : part;
        eddy_output(r->m, name, y);
    }
    eddy_output(r->m, "the loss", r->loss);
    for (int i = 0; i < count; i++)
        if (list[i].value && !is_among(r, "ints", list[i].name)) {
            char called[64];
            snprintf(called, sizeof called, "d %s", list[i].name);
            eddy_output(r->m, called, eddy_gradient(r->loss, list[i].value));
        }
    for (int i = 0; i < eddy_trainable_count(r->m); i++) {
        char called[128];
        snprintf(called, sizeof called, "d %s", eddy_value_name(eddy_trainable(r->m, i)) + 2);
        eddy_output(r->m, called, eddy_gradient(r->loss, eddy_trainable(r->m, i)));
    }
}

static void expect_near(reference *r, eddy_run *run, const char *output, const json_t *table,
                        double tolerance) {
    size_t count;
    const double *expected = numbers(r, table, &count), *found = eddy_run_read(run, output);
    double largest = 1;
    cr_assert(found, "%s: %s", r->cell, eddy_run_message(run));
    cr_assert_eq(count, eddy_run_elements(run, output), "%s: %s has another size", r->cell, output);
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < count; i++)
        cr_expect(fabs(found[i] - expected[i]) <= tolerance * largest,
                  "%s: %s[%zu] is %.17g, expected %.17g", r->cell, output, i, found[i],
                  expected[i]);
}

static void set_params(reference *r, eddy_params *s) {
    const char *name;
    json_t *one;
    int found = 0;
    json_object_foreach(json_object_get(r->file, "params"), name, one) {
        char called[128];
        size_t count;
        snprintf(called, sizeof called, "n.%s", name);
        const double *values = numbers(r, one, &count);
        cr_assert_eq(eddy_params_write(s, called, values, count), EDDY_OK, "%s: %s", r->cell,
                     eddy_params_message(s));
        found++;
    }
    cr_expect_eq(found, eddy_params_count(s), "%s: the file lacks parameters", r->cell);
}

static void set_inputs(reference *r, eddy_run *run, const char *group, const char *prefix) {
    const char *name;
    json_t *one;
    json_object_foreach(json_object_get(r->file, group), name, one) {
        char called[64];
        size_t count, bytes;
        snprintf(called, sizeof called, "%s%s", prefix, name);
        const char *values = given(r, name, one, &count, &bytes);
        eddy_run_input(run, called, values, count);
    }
}

static void check_reference(const char *path, const eddy_cells *library) {
    reference r;
    open_reference(&r, path);
    int32_t lengths[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++)
        lengths[i] =
            (int32_t)json_integer_value(json_array_get(json_object_get(r.file, "lengths"), i));
    r.b = eddy_batch(r.m, "b");
    r.t = eddy_time_ragged(r.m, "t", r.b, "lengths");
    r.s = json_array_size(json_object_get(r.file, "over")) ? eddy_time(r.m, "s") : 0;
    build(&r, library);
    eddy_program *p;
    eddy_run *run;
    cr_assert_eq(eddy_compile(r.m, &p), EDDY_OK, "%s: %s", r.cell, eddy_model_message(r.m));
    eddy_params *s = eddy_params_new(&(eddy_options){.dtype = EDDY_F64}, 1);
    cr_assert_eq(eddy_run_new(p, s, &run), EDDY_OK, "%s: %s", r.cell, eddy_run_message(run));
    set_params(&r, s);
    eddy_run_resize(run, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}, {"s", PLACES}}, r.s ? 3 : 2);
    set_inputs(&r, run, "inputs", "");
    set_inputs(&r, run, "weights", "weight ");
    eddy_run_input(run, "lengths", lengths, SAMPLES);
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s: %s", r.cell, eddy_run_message(run));
    const char *name;
    json_t *one;
    double loss = json_number_value(json_object_get(r.file, "loss"));
    cr_expect_leq(fabs(eddy_run_number(run, "the loss") - loss), 1e-11 * fmax(1, fabs(loss)));
    json_object_foreach(json_object_get(r.file, "outputs"), name, one)
        expect_near(&r, run, name, one, 1e-12);
    json_object_foreach(json_object_get(r.file, "grads"), name, one) {
        char called[128];
        snprintf(called, sizeof called, "d %s", name);
        expect_near(&r, run, called, one, 1e-11);
    }
    eddy_run_free(run);
    eddy_params_free(s);
    eddy_program_free(p);
    close_reference(&r);
}

/* ---- a sequence and its steps */

/* Runs `steps` steps from `from` on of a carried cell. */
static void call(reference *r, eddy_run *run, size_t from, size_t steps) {
    const char *name;
    json_t *one;
    eddy_run_resize(run, (eddy_extent[]){{"t", (int64_t)steps}, {"b", SAMPLES}, {"s", PLACES}},
                    r->s ? 3 : 2);
    json_object_foreach(json_object_get(r->file, "inputs"), name, one) {
        size_t count, bytes;
        const char *values = given(r, name, one, &count, &bytes);
        size_t row = count / (is_over(r, name) ? PLACES : STEPS);
        if (is_over(r, name))
            eddy_run_input(run, name, values, count);
        else
            eddy_run_input(run, name, values + from * row * bytes, steps * row);
    }
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s: %s", r->cell, eddy_run_message(run));
}

static void check_steps(const char *path, const eddy_cells *library) {
    reference r;
    eddy_argument list[40];
    eddy_value results[16] = {NULL};
    open_reference(&r, path);
    if (json_is_true(json_object_get(r.file, "ahead"))) { /* a step needs those that follow */
        close_reference(&r);
        return;
    }
    r.b = eddy_batch(r.m, "b");
    r.t = eddy_time(r.m, "t");
    r.s = json_array_size(json_object_get(r.file, "over")) ? eddy_time(r.m, "s") : 0;
    eddy_carry(r.m, r.t, 0);
    arguments_of(&r, list);
    (eddy_use)(r.m, r.own, r.cell, "n", r.t, results, list, (eddy_site){__FILE__, __LINE__});
    const char *name;
    json_t *one;
    json_object_foreach(json_object_get(r.file, "outputs"), name, one)
        eddy_output(r.m, name, results[result_of(&r, library, name)]);
    eddy_program *p;
    eddy_run *run;
    cr_assert_eq(eddy_compile(r.m, &p), EDDY_OK, "%s: %s", r.cell, eddy_model_message(r.m));
    eddy_params *s = eddy_params_new(&(eddy_options){.dtype = EDDY_F64}, 1);
    cr_assert_eq(eddy_run_new(p, s, &run), EDDY_OK, "%s: %s", r.cell, eddy_run_message(run));
    set_params(&r, s);
    json_object_foreach(json_object_get(r.file, "outputs"), name, one) {
        eddy_run_reset(run);
        call(&r, run, 0, STEPS);
        size_t count = eddy_run_elements(run, name), row = count / STEPS;
        double *whole = malloc(count * sizeof *whole);
        memcpy(whole, eddy_run_read(run, name), count * sizeof *whole);
        eddy_run_reset(run);
        for (size_t t = 0; t < STEPS; t++) {
            call(&r, run, t, 1);
            cr_expect_eq(memcmp(whole + t * row, eddy_run_read(run, name), row * sizeof *whole), 0,
                         "%s: step %zu of %s differs from that of the sequence", r.cell, t, name);
        }
        free(whole);
    }
    eddy_run_free(run);
    eddy_params_free(s);
    eddy_program_free(p);
    close_reference(&r);
}

/* ---- backwards */

/* The cell from the last step to the first, as a cell of a text. */
static eddy_cells *backwards(const reference *r, const eddy_cells *library, int cell) {
    const eddy_cells *own = r->own ? r->own : library;
    eddy_cell_part part;
    char from[2048];
    const char *text = json_string_value(json_object_get(r->file, "text"));
    int at = snprintf(from, sizeof from, "%scell turned(", text ? text : "");
    const char *between = "";
    for (int i = 0; eddy_cells_part(own, cell, i, &part); i++) {
        if (part.role != EDDY_CELL_INPUT)
            continue;
        at += snprintf(from + at, sizeof from - (size_t)at, "%s%s%s%s", between, part.name,
                       part.shape, is_over(r, part.name) ? " over s" : "");
        between = ", ";
    }
    at += snprintf(from + at, sizeof from - (size_t)at, ") -> y {\n    y = reverse(%s)(", r->cell);
    between = "";
    const char *name;
    json_t *one;
    for (int i = 0; eddy_cells_part(own, cell, i, &part); i++)
        if (part.role == EDDY_CELL_INPUT) {
            at += snprintf(from + at, sizeof from - (size_t)at, "%s%s", between, part.name);
            between = ", ";
        }
    json_object_foreach(json_object_get(r->file, "sizes"), name, one) {
        bool shown = false;
        for (int i = 0; eddy_cells_part(own, cell, i, &part); i++)
            shown |= part.role == EDDY_CELL_INPUT && strstr(part.shape, name);
        if (!shown)
            at += snprintf(from + at, sizeof from - (size_t)at, ", %s = %g", name,
                           json_number_value(one));
    }
    json_object_foreach(json_object_get(r->file, "numbers"), name, one) at +=
        snprintf(from + at, sizeof from - (size_t)at, ", %s = %.17g", name, json_number_value(one));
    snprintf(from + at, sizeof from - (size_t)at, ")\n}\n");
    eddy_cells *cells = NULL;
    eddy_cells_read(NULL, "turned", from, strlen(from), &cells);
    cr_assert_str_eq(eddy_cells_report(cells), "", "%s\n%s", from, eddy_cells_report(cells));
    return cells;
}

static int cell_number(const eddy_cells *cells, const char *name) {
    eddy_cell_about about;
    int cell = 0;
    while (eddy_cells_at(cells, cell, &about) && strcmp(about.name, name) != 0)
        cell++;
    return cell;
}

/* The first result of a call with inputs from the first step or from the last one of each sample;
 * with the elements of a sample's step. */
static double *outputs(const char *path, const eddy_cells *library, bool turned, size_t *row) {
    static const int32_t lengths[SAMPLES] = {STEPS, STEPS - 2};
    reference r;
    eddy_argument list[40];
    open_reference(&r, path);
    eddy_cells *text = backwards(&r, library, cell_number(r.own ? r.own : library, r.cell));
    r.b = eddy_batch(r.m, "b");
    r.t = eddy_time_ragged(r.m, "t", r.b, "lengths");
    r.s = json_array_size(json_object_get(r.file, "over")) ? eddy_time(r.m, "s") : 0;
    int count = arguments_of(&r, list), kept = 0;
    for (int i = 0; i < count; i++)
        if (!turned || list[i].value)
            list[kept++] = list[i];
    list[kept] = (eddy_argument){0};
    for (int i = 0; i < kept; i++)
        if (strcmp(list[i].name, "train") == 0)
            list[i].number = 0;
    eddy_value y = (eddy_use)(r.m, turned ? text : r.own, turned ? "turned" : r.cell, "n", r.t,
                              NULL, list, (eddy_site){__FILE__, __LINE__});
    cr_assert_eq(eddy_model_status(r.m), EDDY_OK, "%s: %s", r.cell, eddy_model_message(r.m));
    eddy_output(r.m, "y", y);
    eddy_program *p;
    eddy_run *run;
    cr_assert_eq(eddy_compile(r.m, &p), EDDY_OK, "%s: %s", r.cell, eddy_model_message(r.m));
    eddy_params *s = eddy_params_new(&(eddy_options){.dtype = EDDY_F64}, 1);
    cr_assert_eq(eddy_run_new(p, s, &run), EDDY_OK, "%s: %s", r.cell, eddy_run_message(run));
    const char *name;
    json_t *one;
    json_object_foreach(json_object_get(r.file, "params"), name, one) {
        char called[128];
        size_t elements;
        snprintf(called, sizeof called, turned ? "n.y.%s" : "n.%s", name);
        const double *values = numbers(&r, one, &elements);
        if (eddy_params_write(s, called, values, elements) != EDDY_OK) /* of another result */
            cr_assert_null(strstr(eddy_params_message(s), "shape"));
    }
    eddy_run_resize(run, (eddy_extent[]){{"t", STEPS}, {"b", SAMPLES}, {"s", PLACES}}, r.s ? 3 : 2);
    json_object_foreach(json_object_get(r.file, "inputs"), name, one) {
        size_t elements;
        const double *values = numbers(&r, one, &elements);
        double *given = malloc((elements + 1) * sizeof *given); /* the run reads it in the call */
        cr_assert(given && r.count < TABLES);
        r.tables[r.count++] = given;
        size_t width = elements / (SAMPLES * (is_over(&r, name) ? PLACES : STEPS));
        memcpy(given, values, elements * sizeof *given);
        for (size_t t = 0; turned && !is_over(&r, name) && t < STEPS; t++)
            for (size_t b = 0; b < SAMPLES; b++)
                if (t < (size_t)lengths[b])
                    memcpy(given + (t * SAMPLES + b) * width,
                           values + (((size_t)lengths[b] - 1 - t) * SAMPLES + b) * width,
                           width * sizeof *given);
        eddy_run_input(run, name, given, elements);
    }
    eddy_run_input(run, "lengths", lengths, SAMPLES);
    cr_assert_eq(eddy_run_call(run), EDDY_OK, "%s: %s", r.cell, eddy_run_message(run));
    size_t elements = eddy_run_elements(run, "y");
    double *out = malloc((elements + 1) * sizeof *out);
    memcpy(out, eddy_run_read(run, "y"), elements * sizeof *out);
    *row = elements / (STEPS * SAMPLES);
    eddy_run_free(run);
    eddy_params_free(s);
    eddy_program_free(p);
    eddy_cells_free(text);
    close_reference(&r);
    return out;
}

/* Bit for bit. */
static void check_backwards(const char *path, const eddy_cells *library) {
    static const size_t lengths[SAMPLES] = {STEPS, STEPS - 2};
    size_t row, same;
    if (strstr(path, "/feedback.json")) /* what is a real number here is turned around, no int */
        return;
    double *forward = outputs(path, library, false, &row),
           *backward = outputs(path, library, true, &same);
    cr_assert_eq(row, same);
    for (size_t t = 0; t < STEPS; t++)
        for (size_t b = 0; b < SAMPLES; b++) {
            size_t from = t < lengths[b] ? lengths[b] - 1 - t : t;
            cr_expect_eq(memcmp(forward + (t * SAMPLES + b) * row,
                                backward + (from * SAMPLES + b) * row, row * sizeof *forward),
                         0, "%s: step %zu of sample %zu differs", path, t, b);
        }
    free(forward);
    free(backward);
}

/* ---- the references themselves */

static double largest_of(const json_t *table) {
    size_t i;
    json_t *one;
    double largest = 0;
    json_array_foreach(json_object_get(table, "data"), i, one) largest =
        fmax(largest, fabs(json_number_value(one)));
    return largest;
}

/* A gradient that is 0 but for rounding shows nothing when it is compared. One is 0 by the paper's
 * equations: the bias of sLSTM's input gate scales c and n alike, and h is c over n. */
static void check_says_something(const char *path, const eddy_cells *library) {
    reference r;
    const char *name;
    json_t *one, *grads;
    double largest = 0;
    (void)library;
    open_reference(&r, path);
    grads = json_object_get(r.file, "grads");
    json_object_foreach(grads, name, one) largest = fmax(largest, largest_of(one));
    json_object_foreach(grads, name, one) {
        bool nothing = largest_of(one) < 1e-9 * largest;
        bool known = strcmp(r.cell, "slstm") == 0 && strcmp(name, "bi") == 0;
        cr_expect_eq(nothing, known, "%s: the gradient by %s is rounding", r.cell, name);
    }
    close_reference(&r);
}

/* ---- all cells */

typedef void checked(const char *path, const eddy_cells *library);

static void for_each(checked *check, int part) {
    eddy_cells *library;
    eddy_cell_about about;
    cr_assert_eq(eddy_cells_library(NULL, &library), EDDY_OK);
    int i = 0;
    for (; eddy_cells_at(library, i, &about); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/tests/ref/cells/%s.json", EDDY_SOURCE_DIR, about.name);
        if (i % 4 == part)
            check(path, library);
    }
    cr_expect_geq(i, 60);
    eddy_cells_free(library);
}

static void for_forms(checked *check) {
    static const char *const forms[] = {"inner",    "start", "ahead",     "tower",
                                        "feedback", "pairs", "functions", "encoder"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/tests/ref/forms/%s.json", EDDY_SOURCE_DIR, forms[i]);
        check(path, NULL);
    }
}

Test(language_library, references_say_something) {
    for (int part = 0; part < 4; part++)
        for_each(check_says_something, part);
    for_forms(check_says_something);
}

Test(language_library, forms_of_the_language) {
    for_forms(check_reference);
    for_forms(check_steps);
    for_forms(check_backwards);
}

Test(language_library, values_and_gradients_0) {
    for_each(check_reference, 0);
}

Test(language_library, values_and_gradients_1) {
    for_each(check_reference, 1);
}

Test(language_library, values_and_gradients_2) {
    for_each(check_reference, 2);
}

Test(language_library, values_and_gradients_3) {
    for_each(check_reference, 3);
}

Test(language_library, a_sequence_is_its_steps_0) {
    for_each(check_steps, 0);
    for_each(check_steps, 1);
}

Test(language_library, a_sequence_is_its_steps_1) {
    for_each(check_steps, 2);
    for_each(check_steps, 3);
}

Test(language_library, backwards_is_forwards_on_what_is_turned_around_0) {
    for_each(check_backwards, 0);
    for_each(check_backwards, 1);
}

Test(language_library, backwards_is_forwards_on_what_is_turned_around_1) {
    for_each(check_backwards, 2);
    for_each(check_backwards, 3);
}
