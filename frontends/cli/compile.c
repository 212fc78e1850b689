/* `eddy compile`: a cell, or the model of a trained run, as an object file, a header and a
 * manifest.
 *
 * Time is carried, so that the object has a function for one step; whatever is particular to
 * objects is done by eddy_compile_to_object. Of a cell, a size that nobody gave is no size: it
 * comes from --set, or from the shapes of the weights. The model of a run that was trained on a
 * table takes and gives numbers in the units of the file; it comes and goes through doubles, as
 * `eddy run` does, so that both say the same. */
#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/cli/checkpoint.h"
#include "frontends/cli/folder.h"

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

static void compile_write(arena *memory, const options *o, eddy_model *m, eddy_params *params) {
    const char *stem = compile_stem(memory, options_text(o, "output"));
    const char *prefix = compile_prefix(o, stem);
    const bool apart = options_given(o, "apart");
    const bool cpu = options_given(o, "cpu") || !options_given(o, "target");
    const eddy_object_options how = {.cpu = cpu ? options_text(o, "cpu") : NULL,
                                     .params = params,
                                     .apart = apart,
                                     .target = options_text(o, "target")};
    cli_check(eddy_compile_to_object(m, prefix, stem, &how), eddy_model_message(m));
    printf("%s.o, %s.h, %s.json", stem, stem, stem);
    if (apart)
        printf(", %s.weights", stem);
    printf(": %s for %s\n", prefix, cpu ? how.cpu : how.target);
    eddy_model_free(m);
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

static eddy_params *compile_weights(const char *path) {
    eddy_params *params = eddy_params_new(NULL, 0);
    cli_check(eddy_params_load(params, path), eddy_params_message(params));
    return params;
}

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

static void compile_cell(arena *memory, const options *o, const char *path) {
    const char *weights = options_text(o, "weights");
    eddy_params *params = weights ? compile_weights(weights) : NULL;
    cell_source cell =
        cell_exact(memory, path, options_text(o, "cell"), options_text(o, "set"), params);
    eddy_axes t, b;
    eddy_model *m = compile_begin(o, &t, &b);
    cell_alone(&cell, m, t, b, false);
    cli_check(eddy_model_status(m), eddy_model_message(m));
    if (params)
        compile_check_weights(m, weights, cell.name, params);
    compile_write(memory, o, m, params);
    cell_free(&cell);
}

/* ---- a run */

/* A number of each of these columns. */
static eddy_value compile_columns(arena *memory, eddy_model *m, const double *of, const int *which,
                                  int count) {
    double *own = arena_array(memory, double, count);
    for (int i = 0; i < count; i++)
        own[i] = of[which[i]];
    return eddy_constant(m, EDDY_F64, own, count);
}

/* Numbers of a table as the model sees them. */
static eddy_value compile_relative(arena *memory, const columns *c, eddy_value x) {
    eddy_model *m = eddy_value_model(x);
    eddy_value mean = compile_columns(memory, m, c->mean, c->x, c->x_count);
    eddy_value scale = compile_columns(memory, m, c->scale, c->x, c->x_count);
    eddy_value away = eddy_sub(eddy_cast(x, EDDY_F64), mean);
    return eddy_cast(eddy_div(away, scale), EDDY_F32);
}

/* What the model says in the units of the table. */
static eddy_value compile_absolute(arena *memory, const columns *c, eddy_value said) {
    eddy_model *m = eddy_value_model(said);
    eddy_value mean = compile_columns(memory, m, c->mean, c->y, c->y_count);
    eddy_value scale = compile_columns(memory, m, c->scale, c->y, c->y_count);
    eddy_value away = eddy_mul(eddy_cast(said, EDDY_F64), scale);
    return eddy_cast(eddy_add(away, mean), EDDY_F32);
}

static eddy_model *compile_network(arena *memory, const options *o, const folder *home) {
    const network *net = &home->net;
    const bool table = net->kind == DATA_TABLE;
    eddy_axes t, b;
    eddy_model *m = compile_begin(o, &t, &b);
    eddy_value x = network_input(net, m, t | b);
    x = table ? compile_relative(memory, &home->table, x) : x;
    eddy_value said = network_build(net, m, t, x, false);
    if (net->classes) {
        eddy_output(m, "logits", said);
        eddy_output(m, "likeliest", eddy_argmax(said));
    } else {
        eddy_output(m, "y", table ? compile_absolute(memory, &home->table, said) : said);
    }
    cli_check(eddy_model_status(m), eddy_model_message(m));
    return m;
}

static void compile_of_run(arena *memory, const options *o, const char *path) {
    static const char *const own[] = {"cell", "set", "weights"};
    checkpoint at;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (options_given(o, own[i]))
            cli_fail(CLI_USAGE, "%s is a run, which has its own cell and weights: leave out --%s",
                     path, own[i]);
    folder home = folder_open(memory, path);
    eddy_params *params =
        checkpoint_load(folder_weights(&home, options_text(o, "checkpoint")), &at);
    compile_write(memory, o, compile_network(memory, o, &home), params);
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
    if (path && cli_file_exists(folder_at(memory, path).record))
        compile_of_run(memory, o, path);
    else
        compile_cell(memory, o, path);
    return CLI_DONE;
}
