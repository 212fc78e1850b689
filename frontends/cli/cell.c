/* From a name or a file to a cell that can stand in a model.
 *
 * A model of the command hands a vector from layer to layer. So a cell must have one input that is
 * a vector; its first result is what goes on, laid out as a vector if it is none. Dimensions that
 * the input does not show are given by --set, or have the size of a layer. */
#include "frontends/cli/cell.h"

#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"

static const struct {
    const char *name;
    eddy_cell *cell;
} cell_library[] = {{"lstm", eddy_lstm}, {"gru", eddy_gru}, {"elman", eddy_elman}};
static const eddy_site cell_nowhere = {NULL, 0}; /* a mistake is told by its place in the cell */
enum { CELL_LIBRARY = sizeof cell_library / sizeof *cell_library, CELL_ARGUMENTS = 64 };

static eddy_cell *cell_of_library(const char *name) {
    for (int i = 0; i < CELL_LIBRARY; i++)
        if (strcmp(cell_library[i].name, name) == 0)
            return cell_library[i].cell;
    return NULL;
}

/* Ends the process: no `what` is called so, but maybe one of `count` names was meant. */
_Noreturn static void cell_unknown(const char *where, const char *what, const char *name,
                                   const char *const *names, int count) {
    text all;
    arena memory;
    jmp_buf escape;
    arena_init(&memory, allocator_default(), &escape);
    text_init(&all, &memory);
    if (setjmp(escape) == 0)
        for (int i = 0; i < count; i++)
            text_add(&all, "%s%s", i ? ", " : "", names[i]);
    const char *near = suggest_nearest(name, names, count);
    if (near)
        cli_fail(CLI_USAGE, "%s has no %s '%s'; did you mean '%s'?", where, what, name, near);
    cli_fail(CLI_USAGE, "%s has no %s '%s'; it has %s", where, what, name,
             count ? all.at : "none at all");
}

static const char *cell_where(const cell_source *c) {
    return c->path ? c->path : "the library";
}

/* Cells of a file, or of the library where there is none. */
static eddy_cells *cell_cells(const char *path) {
    eddy_cells *cells = NULL;
    if (path)
        return cell_load(path);
    if (eddy_cells_library(NULL, &cells) != EDDY_OK)
        cli_fail(CLI_FAILED, "%s", eddy_cells_report(cells));
    return cells;
}

eddy_cells *cell_load(const char *path) {
    eddy_cells *cells = NULL;
    eddy_status made = eddy_cells_load(NULL, path, &cells);
    if (made == EDDY_OK)
        return cells;
    if (made != EDDY_BAD_FORMAT)
        cli_fail(CLI_FAILED, "%s", eddy_cells_report(cells));
    eddy_mistake mistake;
    int count = 0;
    while (eddy_cells_mistake(cells, count, &mistake))
        count++;
    fflush(stdout);
    fputs(eddy_cells_report(cells), stderr);
    cli_fail(CLI_FAILED, "%s has %d mistake%s; 'eddy explain CODE' tells more about one", path,
             count, count == 1 ? "" : "s");
}

/* ---- a cell of a file */

static void cell_choose(arena *memory, cell_source *c, const char *name) {
    eddy_cell_about about;
    VEC(const char *) names = {0};
    c->number = -1;
    for (int i = 0; eddy_cells_at(c->cells, i, &about); i++) {
        vec_push(memory, &names, about.name);
        if (!name || strcmp(about.name, name) == 0)
            c->number = i;
    }
    if (c->number < 0 && name)
        cell_unknown(cell_where(c), "cell", name, names.at, (int)names.count);
    if (c->number < 0)
        cli_fail(CLI_FAILED, "%s has no cell", cell_where(c));
    eddy_cells_at(c->cells, c->number, &about);
    c->name = about.name;
}

/* The name, or the number, that is the only dimension of "[D]"; NULL if there is another shape. */
static const char *cell_dimension(arena *memory, const char *shape) {
    size_t length = strlen(shape);
    if (length < 3 || strpbrk(shape, ", +-*/(") || shape[0] != '[' || shape[length - 1] != ']')
        return NULL;
    return arena_print(memory, "%.*s", (int)length - 2, shape + 1);
}

/* Finds the input; returns its dimension. */
static const char *cell_input(arena *memory, cell_source *c) {
    eddy_cell_part part;
    const char *dimension = NULL;
    int inputs = 0;
    for (int i = 0; eddy_cells_part(c->cells, c->number, i, &part); i++)
        if (part.role == EDDY_CELL_INPUT && inputs++ == 0) {
            c->input = part.name;
            dimension = cell_dimension(memory, part.shape);
        }
    if (inputs != 1 || !dimension)
        cli_fail(CLI_FAILED,
                 "%s: the cell %s cannot stand alone in a model: it needs one input that is a "
                 "vector, as x[D], and %s",
                 cell_where(c), c->name,
                 inputs == 1 ? "its input has another shape" : "it has another number of inputs");
    int64_t width = 0;
    if (text_read_i64(dimension, strlen(dimension), &width) == strlen(dimension))
        c->width = width;
    return dimension;
}

static eddy_argument *cell_given(const cell_source *c, const char *name) {
    for (int i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].name, name) == 0)
            return &c->given[i];
    return NULL;
}

/* "H=128,dt=0.1" */
static void cell_set(arena *memory, cell_source *c, const char *set) {
    eddy_cell_part part;
    VEC(const char *) names = {0};
    for (int i = 0; eddy_cells_part(c->cells, c->number, i, &part); i++)
        if (part.role == EDDY_CELL_DIMENSION || part.role == EDDY_CELL_NUMBER)
            vec_push(memory, &names, part.name);
    c->given = arena_array(memory, eddy_argument, names.count + strlen(set ? set : "") + 4);
    while (set && *set) {
        size_t length = strcspn(set, ",");
        const char *sign = memchr(set, '=', length), *end = set + length;
        double number = 0;
        if (!sign || sign + 1 == end ||
            text_read_f64(sign + 1, (size_t)(end - sign) - 1, &number) != (size_t)(end - sign) - 1)
            cli_fail(CLI_USAGE, "--set takes names and numbers, as H=128,dt=0.1, not '%s'", set);
        const char *name = arena_print(memory, "%.*s", (int)(sign - set), set);
        bool known = false;
        for (size_t i = 0; i < names.count; i++)
            known |= strcmp(names.at[i], name) == 0;
        if (!known)
            cell_unknown(arena_print(memory, "the cell %s", c->name), "dimension or number", name,
                         names.at, (int)names.count);
        c->given[c->given_count++] = (eddy_argument){name, NULL, number};
        set = end + (*end == ',');
    }
}

static void cell_sizes(cell_source *c, const char *input_dimension, int64_t size) {
    eddy_cell_part part;
    for (int i = 0; eddy_cells_part(c->cells, c->number, i, &part); i++) {
        if (part.role != EDDY_CELL_DIMENSION)
            continue;
        eddy_argument *given = cell_given(c, part.name);
        if (strcmp(part.name, input_dimension) == 0 && given) {
            c->width = (int64_t)given->number;
            *given = c->given[--c->given_count]; /* the input has it */
        } else if (strcmp(part.name, input_dimension) != 0 && !given) {
            c->given[c->given_count++] = (eddy_argument){part.name, NULL, (double)size};
        }
    }
}

/* A cell that is written in C. */
static cell_source cell_in_c(arena *memory, const char *name, const char *set, int64_t size) {
    cell_source c = {.name = name};
    if (set)
        cli_fail(CLI_USAGE, "--set is for cells of the language; --size is what %s has", name);
    c.given = arena_array(memory, eddy_argument, 1);
    c.given[c.given_count++] = (eddy_argument){"size", NULL, (double)size};
    return c;
}

cell_source cell_find(arena *memory, const char *path, const char *name, const char *set,
                      int64_t size) {
    cell_source c = {.name = name, .path = path};
    if (!path && cell_of_library(name))
        return cell_in_c(memory, name, set, size);
    c.cells = cell_cells(path);
    cell_choose(memory, &c, name);
    const char *dimension = cell_input(memory, &c);
    cell_set(memory, &c, set);
    cell_sizes(&c, dimension, size);
    return c;
}

/* Sizes that divide by 4 and differ, so that shapes which fit by chance do not. */
cell_source cell_open(arena *memory, const char *path, const char *name, const char *set) {
    cell_source c = {.name = name, .path = path};
    eddy_cell_part part;
    int64_t size = 4;
    if (!path && cell_of_library(name))
        return cell_in_c(memory, name, set, 8);
    c.cells = cell_cells(path);
    cell_choose(memory, &c, name);
    cell_set(memory, &c, set);
    for (int i = 0; eddy_cells_part(c.cells, c.number, i, &part); i++)
        if (part.role == EDDY_CELL_DIMENSION && !cell_given(&c, part.name)) {
            c.given[c.given_count++] = (eddy_argument){part.name, NULL, (double)size};
            size += 4;
        }
    return c;
}

/* The place of a name among the dimensions of "[H, D]"; -1: it is none of them. */
static int cell_place(const char *shape, const char *name) {
    const char *at = shape + strspn(shape, "[ ");
    for (int place = 0; *at && *at != ']'; place++) {
        size_t length = strcspn(at, ",]"), used = length;
        while (used > 0 && at[used - 1] == ' ')
            used--;
        if (used == strlen(name) && strncmp(at, name, used) == 0)
            return place;
        at += length + (at[length] == ',');
        at += strspn(at, " ");
    }
    return -1;
}

/* The size that a dimension has in weights; -1: they do not show it. */
static int64_t cell_size_in(const cell_source *c, const eddy_params *weights, const char *name) {
    eddy_cell_part part;
    eddy_tensor tensor;
    for (int i = 0; eddy_cells_part(c->cells, c->number, i, &part); i++) {
        int place = part.role == EDDY_CELL_PARAM ? cell_place(part.shape, name) : -1;
        for (int k = 0; place >= 0 && eddy_params_at(weights, k, &tensor); k++)
            if (strcmp(tensor.name, part.name) == 0 && place < tensor.rank)
                return tensor.dimensions[place];
    }
    return -1;
}

cell_source cell_exact(arena *memory, const char *path, const char *name, const char *set,
                       const eddy_params *weights) {
    cell_source c = {.name = name, .path = path};
    eddy_cell_part part;
    text missing;
    text_init(&missing, memory);
    c.cells = cell_cells(path);
    cell_choose(memory, &c, name);
    cell_set(memory, &c, set);
    for (int i = 0; eddy_cells_part(c.cells, c.number, i, &part); i++) {
        if (part.role != EDDY_CELL_DIMENSION || cell_given(&c, part.name))
            continue;
        int64_t size = weights ? cell_size_in(&c, weights, part.name) : -1;
        c.given[c.given_count++] = (eddy_argument){part.name, NULL, (double)size};
        if (size < 0)
            text_add(&missing, "%s%s", missing.count ? ", " : "", part.name);
    }
    if (missing.count > 0)
        cli_fail(CLI_USAGE,
                 "the cell %s has dimensions without a size: %s; --set gives them, as "
                 "--set %.*s=8, or weights that have them",
                 c.name, missing.at, (int)strcspn(missing.at, ","), missing.at);
    return c;
}

const char *cell_title(const cell_source *c, arena *memory) {
    text title;
    text_init(&title, memory);
    text_add(&title, "%s", c->name);
    for (int i = 0; c->path && i < c->given_count; i++)
        text_add(&title, "%s %s=%g", i ? "" : " with", c->given[i].name, c->given[i].number);
    return title.at;
}

/* What eddy_use takes: first an input, where there is one. */
static void cell_arguments(const cell_source *c, eddy_value x, bool training,
                           eddy_argument arguments[CELL_ARGUMENTS]) {
    int count = 0;
    if (x)
        arguments[count++] = (eddy_argument){c->input, x, 0};
    arguments[count++] = (eddy_argument){"train", NULL, training};
    if (c->given_count + count >= CELL_ARGUMENTS)
        cli_fail(CLI_FAILED, "the cell %s has more than %d dimensions", c->name,
                 CELL_ARGUMENTS - 3);
    for (int i = 0; i < c->given_count; i++)
        arguments[count++] = c->given[i];
    arguments[count] = (eddy_argument){NULL, NULL, 0};
}

void cell_alone(const cell_source *c, eddy_model *m, eddy_axes t, eddy_axes b, bool training) {
    if (!c->cells) {
        eddy_dtype type = eddy_value_dtype(eddy_number(m, 0));
        eddy_value x = eddy_input(m, "x", type, t | b, 4);
        eddy_output(m, "h", cell_use(c, m, c->name, t, x, training));
        return;
    }
    eddy_argument arguments[CELL_ARGUMENTS];
    cell_arguments(c, NULL, training, arguments);
    (eddy_use_alone)(m, c->cells, c->name, t, b, arguments, cell_nowhere);
}

eddy_value cell_result(eddy_model *m) {
    eddy_value first = NULL;
    for (size_t i = 0; i < m->graph.outputs.count && !first; i++) {
        eddy_value x = capi_value(m, m->graph.outputs.at[i].node);
        if (eddy_value_dtype(x) == EDDY_F32 || eddy_value_dtype(x) == EDDY_F64)
            first = x;
    }
    m->graph.outputs.count = 0;
    return first;
}

eddy_value cell_squares(eddy_model *m) {
    eddy_value squares = NULL;
    size_t outputs = m->graph.outputs.count;
    for (size_t i = 0; i < outputs; i++) {
        eddy_value x = capi_value(m, m->graph.outputs.at[i].node);
        if (eddy_value_dtype(x) != EDDY_F32)
            continue;
        eddy_value sum = eddy_reduce_all(eddy_square(x), EDDY_SUM);
        if (eddy_value_axes(sum))
            sum = eddy_total(sum, eddy_value_axes(sum));
        squares = squares ? eddy_add(squares, sum) : sum;
    }
    return squares;
}

void cell_free(cell_source *c) {
    eddy_cells_free(c->cells);
    c->cells = NULL;
}

/* Whatever x is at a step, as a vector. */
static eddy_value cell_vector(eddy_value x) {
    int64_t elements = 1;
    for (int i = 0; i < eddy_value_rank(x); i++)
        elements *= eddy_value_dimension(x, i);
    return eddy_value_rank(x) == 1 ? x : eddy_reshape(x, elements);
}

eddy_value cell_use(const cell_source *c, eddy_model *m, const char *name, eddy_axes t,
                    eddy_value x, bool training) {
    if (!c->cells) {
        eddy_cell_options how = {.forget_bias = 1};
        int64_t size = (int64_t)c->given[0].number;
        return cell_of_library(c->name)(m, name, t, size, x, &how, cell_nowhere);
    }
    eddy_argument arguments[CELL_ARGUMENTS];
    cell_arguments(c, x, training, arguments);
    return cell_vector((eddy_use)(m, c->cells, c->name, name, t, NULL, arguments, cell_nowhere));
}
