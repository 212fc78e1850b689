/* `eddy generate`: text drawn from a checkpoint, symbol after symbol, inside one compiled loop.
 *
 * A step reads what is given, where something is, else what the step before has drawn, so one
 * program reads the beginning and goes on by itself. It is called for a few steps at a time and
 * carries its state, so that text appears while it is made. A draw depends on the seed and the
 * number of its step alone. */
#include <stdio.h>
#include <string.h>

#include "frontends/cli/checkpoint.h"
#include "frontends/cli/folder.h"

enum { GENERATE_STEPS = 32 /* of one call */ };

/* temperature 0: the likeliest symbol. */
static eddy_value generate_draw(eddy_model *m, eddy_axes t, eddy_value logits, double temperature) {
    if (temperature == 0)
        return eddy_argmax(logits);
    eddy_value uniform = eddy_random(m, t, EDDY_SCALAR);
    return eddy_categorical("place", eddy_scale(logits, 1 / temperature), uniform);
}

static session generate_begin(const network *net, eddy_params *params, double temperature) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value given = eddy_input(m, "given", EDDY_I32, t, EDDY_SCALAR);
    eddy_value last = eddy_state_from("symbol", t, eddy_integer(m, DATA_START));
    eddy_value is_given = eddy_le(eddy_integer(m, 0), given);
    eddy_value logits = network_build(net, m, t, eddy_select(is_given, given, last), false);
    eddy_value drawn = generate_draw(m, t, logits, temperature);
    eddy_next(last, drawn);
    eddy_output(m, "text", drawn);
    const eddy_extent extents[] = {{"t", GENERATE_STEPS}};
    return session_begin(m, params, extents, 1, 1);
}

static void generate_print(const alphabet *a, int32_t symbol) {
    char written[4];
    fwrite(written, 1, (size_t)data_decode(a, symbol, written), stdout);
}

int generate_run(arena *memory, const options *o) {
    folder home = folder_open(memory, o->operands[0]);
    checkpoint at;
    if (home.net.kind != DATA_TEXT)
        cli_fail(CLI_FAILED, "%s was not trained on a text: 'eddy run' takes its data", home.path);
    eddy_params *params =
        checkpoint_load(folder_weights(&home, options_text(o, "checkpoint")), &at);
    session s = generate_begin(&home.net, params, options_real(o, "temperature"));
    const char *prime = options_text(o, "prime");
    size_t begun = 0, length = (size_t)options_integer(o, "length");
    const int32_t *first =
        data_encode(memory, "--prime", prime, strlen(prime), &home.symbols, &begun) - 1;
    int32_t given[GENERATE_STEPS];
    session_input(&s, "given", given, GENERATE_STEPS);
    if (session_has(&s, EDDY_INPUT, "seed"))
        session_scalar(&s, "seed", (double)options_integer(o, "seed"));
    fputs(prime, stdout);
    for (size_t step = 0; step < begun + length; step += GENERATE_STEPS) {
        for (size_t k = 0; k < GENERATE_STEPS; k++)
            given[k] = step + k <= begun ? first[step + k] : -1;
        session_call(&s);
        const int32_t *drawn = eddy_run_read(s.run, "text");
        for (size_t k = 0; k < GENERATE_STEPS; k++)
            if (step + k >= begun && step + k < begun + length)
                generate_print(&home.symbols, drawn[k]);
        fflush(stdout);
    }
    putchar('\n');
    session_end(&s);
    eddy_params_free(params);
    folder_close(&home);
    return CLI_DONE;
}
