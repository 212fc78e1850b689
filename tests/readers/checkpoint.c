/* Checkpoints: params of any kind, counters, carried states of a small model. What is restored is
 * used for a step. */
#include "frontends/cli/checkpoint.h"

#include "tests/readers/command/command.h"

static session session_of(eddy_params *params) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, 2);
    eddy_output(m, "h", eddy_elman(m, "layer1", t, 2, x, NULL));
    return session_begin(m, params, (eddy_extent[]){{"t", 1}}, 1, 1);
}

/* One for the whole process: compiling takes longer than thousands of files. */
static session *shared(void) {
    static session s;
    if (!s.run) {
        static eddy_params *params;
        params = eddy_params_new(NULL, 1);
        s = session_of(params);
    }
    return &s;
}

static void use(arena *memory, const char *path) {
    static const float x[2] = {1, 2};
    checkpoint at = {0};
    (void)memory;
    eddy_params *params = checkpoint_load(path, &at);
    checkpoint_restore(params, shared());
    session_input(shared(), "x", x, 2);
    session_call(shared());
    eddy_params_free(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    eddy_run_clear(shared()->run);
    (void)reader_try(use, reader_file("checkpoint.safetensors", bytes, count));
    return 0;
}
