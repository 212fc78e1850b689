/* `eddy compile`: a cell, or the model of a trained run, as an object file, a header and a
 * manifest.
 *
 * Time is carried, so that the object has a function for one step; whatever is particular to
 * objects is done by eddy_compile_to_object. Of a cell, a size that nobody gave is no size: it
 * comes from --set, or from the shapes of the weights, which may be those of a run's only layer:
 * the cell alone, as it was trained. The model of a run takes and gives numbers in the units of its
 * file; it comes and goes through doubles, as `eddy run` does, so that both say the same. Of a text
 * it takes and gives characters: the caller needs no list of symbols.
 *
 * With --train there is a second model of the same weights, with a loss: of a run the one that it
 * was trained by, of a cell how far its first result is from a target. */
#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/cli/checkpoint.h"
#include "frontends/cli/folder.h"
#include "frontends/params.h"

/* OUT without an .o at its end. */
static const char *compile_stem(arena *memory, const char *out) {
    size_t length = strlen(out);
    bool object = length > 2 && strcmp(out + length - 2, ".o") == 0;
    return arena_print(memory, "%.*s", (int)(object ? length - 2 : length), out);
}

static const char *compile_prefix(const options *o, const char *stem) {
    const char *slash = strrchr(stem, '/');
    return options_given(o, "prefix") ? options_text(o, "prefix") : slash ? slash + 1 : stem;
}

/* training NULL: there is none. */
static void compile_write(arena *memory, const options *o, eddy_model *m, eddy_model *training,
                          eddy_params *params) {
    const char *stem = compile_stem(memory, options_text(o, "output"));
    const char *prefix = compile_prefix(o, stem);
    const bool apart = options_given(o, "apart");
    const bool cpu = options_given(o, "cpu") || !options_given(o, "target");
    const eddy_object_options how = {.cpu = cpu ? options_text(o, "cpu") : NULL,
                                     .params = params,
                                     .apart = apart,
                                     .training = training,
                                     .flush = options_given(o, "flush"),
                                     .target = options_text(o, "target")};
    cli_check(eddy_compile_to_object(m, prefix, stem, &how), eddy_model_message(m));
    printf("%s.o, %s.h, %s.json", stem, stem, stem);
    if (apart)
        printf(", %s.weights", stem);
    printf(": %s for %s\n", prefix, cpu ? how.cpu : how.target);
    eddy_model_free(m);
    eddy_model_free(training);
    eddy_params_free(params);
}

/* A model without an axis of samples, or with one; its time is carried. */
static eddy_model *compile_begin(const options *o, eddy_axes *t, eddy_axes *b) {
    eddy_model *m = eddy_model_new(NULL);
    *b = options_given(o, "batch") ? eddy_batch(m, "b") : 0;
    *t = eddy_time(m, "t");
    eddy_carry(m, *t, *b);
    return m;
}

/* ---- a cell */

static bool compile_has(const eddy_model *m, const char *name) {
    for (size_t i = 0; i < m->variables.count; i++)
        if (!m->variables.at[i].owned &&
            strcmp(m->variables.at[i].node->attributes.text, name) == 0)
            return true;
    return false;
}

/* A weight that nobody reads is a mistake of names, not one too many. */
static void compile_check_weights(const eddy_model *m, const char *path, const char *cell,
                                  const eddy_params *params) {
    eddy_tensor tensor;
    for (int i = 0; eddy_params_at(params, i, &tensor); i++)
        if (!compile_has(m, tensor.name))
            cli_fail(CLI_FAILED, "%s has %s, which is no parameter of the cell %s", path,
                     tensor.name, cell);
}

static eddy_value compile_cell_loss(const options *o, const cell_source *cell, eddy_model *m) {
    int64_t dimensions[LIMIT_RANK + 1] = {0};
    eddy_value result = cell_result(m);
    if (!result)
        cli_fail(CLI_FAILED, "the cell %s has no result that could learn", cell->name);
    eddy_axes over = eddy_value_axes(result);
    if (strcmp(options_text(o, "loss"), "cross-entropy") == 0) {
        eddy_value right = eddy_input(m, "target", EDDY_I32, over, EDDY_SCALAR);
        return eddy_cross_entropy(result, right);
    }
    int rank = eddy_value_rank(result);
    for (int i = 0; i < rank; i++)
        dimensions[i] = eddy_value_dimension(result, i);
    dimensions[rank] = EDDY_SCALAR;
    eddy_dtype type = eddy_value_dtype(result);
    eddy_value target = (eddy_input)(m, "target", type, over, dimensions, EDDY_HERE);
    return eddy_mean_squared_error(result, target);
}

static eddy_model *compile_cell_training(const options *o, const cell_source *cell) {
    eddy_axes t, b;
    eddy_model *m = compile_begin(o, &t, &b);
    cell_alone(cell, m, t, b, true);
    network_learn(compile_cell_loss(o, cell, m), o);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    return m;
}

/* What a run would begin with. */
static eddy_params *compile_initial(const options *o, const eddy_model *m) {
    eddy_params *params = eddy_params_new(NULL, (uint64_t)options_integer(o, "seed"));
    for (size_t i = 0; i < m->variables.count; i++) {
        const capi_variable *v = &m->variables.at[i];
        const op_node *n = v->node;
        if (v->owned)
            continue;
        params_tensor *made =
            params_add(params, n->attributes.text, (dtype)n->dtype, &n->shape, v->trainable);
        if (!made || !params_init(params, made, v->init))
            cli_fail(CLI_FAILED, "%s", eddy_params_message(params));
    }
    return params;
}

static void compile_cell(arena *memory, const options *o, const char *path) {
    const char *weights = options_text(o, "weights");
    eddy_params *params = weights ? checkpoint_weights(weights, 0, "layer1.") : NULL;
    cell_source cell =
        cell_exact(memory, path, options_text(o, "cell"), options_text(o, "set"), params);
    eddy_axes t, b;
    eddy_model *m = compile_begin(o, &t, &b);
    cell_alone(&cell, m, t, b, false);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    if (params)
        compile_check_weights(m, weights, cell.name, params);
    eddy_model *training = options_given(o, "train") ? compile_cell_training(o, &cell) : NULL;
    if (training && !params)
        params = compile_initial(o, training);
    compile_write(memory, o, m, training, params);
    cell_free(&cell);
}

/* ---- a run */

/* A target may lack f64, and that is told of the first value that needs it: no line of this file,
 * which users do not have. */
static const eddy_site compile_nowhere = {NULL, 0};

/* Columns of a file, in its units and relative to their mean and scale. */
typedef struct compile_units {
    eddy_value mean, scale;
} compile_units;

/* A number of each of these columns. */
static eddy_value compile_columns(arena *memory, eddy_model *m, const double *of, const int *which,
                                  int count) {
    double *own = arena_array(memory, double, count);
    for (int i = 0; i < count; i++)
        own[i] = of[which[i]];
    return eddy_constant(m, EDDY_F64, own, count);
}

static compile_units compile_units_of(arena *memory, eddy_model *m, const columns *c,
                                      const int *which, int count) {
    compile_units units;
    units.mean = compile_columns(memory, m, c->mean, which, count);
    units.scale = compile_columns(memory, m, c->scale, which, count);
    return units;
}

/* Numbers of a file as the model sees them. */
static eddy_value compile_relative(compile_units units, eddy_value x) {
    eddy_value away = eddy_sub((eddy_cast)(x, EDDY_F64, compile_nowhere), units.mean);
    return eddy_cast(eddy_div(away, units.scale), EDDY_F32);
}

/* What the model says in the units of the file. */
static eddy_value compile_absolute(compile_units units, eddy_value said) {
    eddy_value away = eddy_mul((eddy_cast)(said, EDDY_F64, compile_nowhere), units.scale);
    return eddy_cast(eddy_add(away, units.mean), EDDY_F32);
}

/* The characters of an alphabet, by symbol; the start is none. */
static eddy_value compile_characters(arena *memory, eddy_model *m, const alphabet *a) {
    int32_t *codes = arena_array(memory, int32_t, a->count);
    codes[DATA_START] = -1;
    for (int i = 1; i < a->count; i++)
        codes[i] = (int32_t)a->codes[i];
    return eddy_constant(m, EDDY_I32, codes, a->count);
}

/* The symbol of a character: the first of the largest, which is the start where none is equal. */
static eddy_value compile_symbol(arena *memory, const folder *home, eddy_value x) {
    eddy_value characters = compile_characters(memory, eddy_value_model(x), &home->symbols);
    return eddy_argmax(eddy_cast(eddy_eq(characters, x), EDDY_F32));
}

/* "x", in the units of the file or as a character, as the model sees it. */
static eddy_value compile_input(arena *memory, const folder *home, eddy_model *m, eddy_axes over) {
    const columns *c = &home->table;
    eddy_value x = network_input(&home->net, m, over);
    if (home->net.kind == DATA_TEXT)
        return compile_symbol(memory, home, x);
    if (home->net.vocabulary)
        return x;
    return compile_relative(compile_units_of(memory, m, c, c->x, c->x_count), x);
}

static eddy_model *compile_network(arena *memory, const options *o, const folder *home) {
    const network *net = &home->net;
    const columns *c = &home->table;
    eddy_axes t, b;
    eddy_model *m = compile_begin(o, &t, &b);
    eddy_value x = compile_input(memory, home, m, t | b);
    eddy_value said = network_build(net, m, t, x, false);
    if (net->classes) {
        eddy_value likeliest = eddy_argmax(said);
        if (net->kind == DATA_TEXT)
            likeliest = eddy_gather(compile_characters(memory, m, &home->symbols), likeliest);
        eddy_output(m, "logits", said);
        eddy_output(m, "likeliest", likeliest);
    } else {
        compile_units units = compile_units_of(memory, m, c, c->y, c->y_count);
        eddy_output(m, "y", compile_absolute(units, said));
    }
    cli_check(eddy_model_status(m), eddy_model_message(m));
    return m;
}

/* The loss is that of the run, which sees numbers relative to their means and scales. */
static eddy_model *compile_network_training(arena *memory, const options *o, const folder *home) {
    const network *net = &home->net;
    const columns *c = &home->table;
    eddy_axes t, b;
    eddy_model *m = compile_begin(o, &t, &b);
    eddy_value x = compile_input(memory, home, m, t | b);
    eddy_value y = network_target(net, m, t, b);
    if (net->kind == DATA_TEXT)
        y = compile_symbol(memory, home, y);
    else if (!net->classes)
        y = compile_relative(compile_units_of(memory, m, c, c->y, c->y_count), y);
    network_learn(network_compare(net, network_build(net, m, t, x, true), y), o);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    return m;
}

static void compile_of_run(arena *memory, const options *o, const char *path) {
    static const char *const own[] = {"cell", "set", "weights", "loss", "seed"};
    checkpoint at;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (options_given(o, own[i]))
            cli_fail(CLI_USAGE, "%s is a run, which has its own cell and weights: leave out --%s",
                     path, own[i]);
    folder home = folder_open(memory, path);
    eddy_params *params =
        checkpoint_load(folder_weights(&home, options_text(o, "checkpoint")), &at);
    options kept = *o;
    folder_settings(memory, &home, &kept);
    eddy_model *m = compile_network(memory, o, &home);
    bool train = options_given(o, "train");
    compile_write(memory, o, m, train ? compile_network_training(memory, &kept, &home) : NULL,
                  params);
    folder_close(&home);
}

int compile_run(arena *memory, const options *o) {
    const char *path = o->operand_count ? o->operands[0] : NULL;
    if (!path && !options_given(o, "cell"))
        cli_fail(CLI_USAGE,
                 "nothing to compile: a FILE, a RUN, or --cell NAME of the library\nTry 'eddy "
                 "compile --help'.");
    if (!options_given(o, "output"))
        cli_fail(CLI_USAGE,
                 "nowhere to write to: --output OUT is missing\nTry 'eddy compile "
                 "--help'.");
    static const char *const learning[] = {"loss", "optimiser", "decay", "clip", "seed"};
    for (size_t i = 0; i < sizeof learning / sizeof *learning; i++)
        if (options_given(o, learning[i]) && !options_given(o, "train"))
            cli_fail(CLI_USAGE, "--%s is about training: --train is missing", learning[i]);
    if (path && cli_file_exists(folder_at(memory, path).record))
        compile_of_run(memory, o, path);
    else
        compile_cell(memory, o, path);
    return CLI_DONE;
}
