/* Checkpoints.
 *
 * A checkpoint is a safetensors file: tensors of the model and of its optimiser by their names,
 * carried states behind "carried.", counters behind "run.". So there is one file, which is replaced
 * at once, and other programs can read the weights. Whatever is kept of a weight is named after it,
 * and no weight after another one: so weights are told from the rest without a list. */
#include "frontends/cli/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "frontends/params.h"

/* The tensor of this name, made if it is not there. */
static void *checkpoint_tensor(eddy_params *params, const char *name, dtype type, size_t elements) {
    params_tensor *t = params_find(params, name);
    int64_t dimension = (int64_t)elements;
    op_shape shape = op_shape_make(1, &dimension);
    if (!t)
        t = params_add(params, name, type, &shape, false);
    if (!t || t->type != type || t->elements != elements)
        cli_fail(CLI_FAILED, "%s",
                 t ? "a parameter has a name that checkpoints use" : eddy_params_message(params));
    return t->data;
}

static char *checkpoint_carried(const eddy_slot *slot, char *name, size_t bytes) {
    snprintf(name, bytes, "carried.%s", slot->name);
    return name;
}

void checkpoint_save(const char *path, eddy_params *params, const session *s, const checkpoint *c) {
    eddy_slot slot;
    char name[LIMIT_NAME + 32];
    for (int i = 0; eddy_program_slot(s->program, EDDY_STATE, i, &slot); i++) {
        size_t elements = eddy_run_elements(s->run, slot.name);
        void *to = checkpoint_tensor(params, checkpoint_carried(&slot, name, sizeof name),
                                     (dtype)slot.dtype, elements);
        cli_check(eddy_run_state_read(s->run, slot.name, to, elements), eddy_run_message(s->run));
    }
    int32_t *counters = checkpoint_tensor(params, "run.counters", DTYPE_I32, 4);
    counters[0] = c->step;
    counters[1] = c->best_step;
    counters[2] = c->stale;
    counters[3] = c->validated;
    *(double *)checkpoint_tensor(params, "run.best", DTYPE_F64, 1) = c->best;
    cli_check(eddy_params_save(params, path), eddy_params_message(params));
}

eddy_params *checkpoint_load(const char *path, checkpoint *c) {
    eddy_params *params = eddy_params_new(NULL, 0);
    int32_t counters[4];
    cli_check(eddy_params_load(params, path), eddy_params_message(params));
    if (eddy_params_read(params, "run.counters", counters, 4) != EDDY_OK ||
        eddy_params_read(params, "run.best", &c->best, 1) != EDDY_OK)
        cli_fail(CLI_FAILED, "%s is not a checkpoint of a run: it has no run.counters and run.best",
                 path);
    c->step = counters[0];
    c->best_step = counters[1];
    c->stale = counters[2];
    c->validated = counters[3];
    return params;
}

/* Is it named after another tensor, as what an optimiser keeps of a weight is? */
static bool checkpoint_is_of_another(const eddy_params *params, const char *name) {
    for (int i = 0; i < params->count; i++) {
        const char *other = params->tensors[i]->name;
        size_t length = strlen(other);
        if (strncmp(name, other, length) == 0 && name[length] == '.')
            return true;
    }
    return false;
}

static bool checkpoint_is_weight(const eddy_params *params, const char *name) {
    static const char *const own[] = {"run.", "carried.", "optimiser."};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strncmp(name, own[i], strlen(own[i])) == 0)
            return false;
    return !checkpoint_is_of_another(params, name);
}

/* Does the model have a second layer? */
static bool checkpoint_is_deep(const eddy_params *params) {
    bool deep = false;
    for (int i = 0; i < params->count; i++)
        deep = deep || strncmp(params->tensors[i]->name, "layer2.", 7) == 0;
    return deep;
}

eddy_params *checkpoint_weights(const char *path, uint64_t seed, const char *scope) {
    eddy_params *all = eddy_params_new(NULL, seed);
    cli_check(eddy_params_load(all, path), eddy_params_message(all));
    if (!params_find(all, "run.counters") || !params_find(all, "run.best"))
        return all;
    if (scope[0] && checkpoint_is_deep(all))
        cli_fail(CLI_FAILED,
                 "%s is of a run with several layers, and a cell is one of them: 'eddy compile "
                 "RUN' makes the whole model",
                 path);
    eddy_params *weights = eddy_params_new(NULL, seed);
    cli_check(eddy_params_status(weights), eddy_params_message(weights));
    for (int i = 0; i < all->count; i++) {
        const params_tensor *t = all->tensors[i];
        size_t length = strlen(scope);
        if (strncmp(t->name, scope, length) != 0 || !checkpoint_is_weight(all, t->name))
            continue;
        params_tensor *kept = params_add(weights, t->name + length, t->type, &t->shape, false);
        if (!kept)
            cli_fail(CLI_FAILED, "%s", eddy_params_message(weights));
        memcpy(kept->data, t->data, t->bytes);
    }
    eddy_params_free(all);
    eddy_params_close(weights, true); /* as a file that was read leaves them */
    return weights;
}

void checkpoint_restore(const eddy_params *params, session *s) {
    eddy_slot slot;
    char name[LIMIT_NAME + 32];
    for (int i = 0; eddy_program_slot(s->program, EDDY_STATE, i, &slot); i++) {
        const params_tensor *t = params_find(params, checkpoint_carried(&slot, name, sizeof name));
        if (!t)
            cli_fail(CLI_FAILED, "the checkpoint has no %s", name);
        cli_check(eddy_run_state_write(s->run, slot.name, t->data, t->elements),
                  eddy_run_message(s->run));
    }
}
