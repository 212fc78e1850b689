/* Checkpoints.
 *
 * A checkpoint is a safetensors file: tensors of the model and of its optimiser by their names,
 * carried states behind "carried.", counters behind "run.". So there is one file, which is replaced
 * at once, and other programs can read the weights. */
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
