/* `eddy run`: a checkpoint over a file. Of a text: how many bits each symbol costs, and all of them
 * in the mean. The file is one sequence, read in blocks whose state is carried: how it is cut does
 * not change a bit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "frontends/cli/checkpoint.h"
#include "frontends/cli/folder.h"
#include "frontends/cli/table.h"

enum { APPLY_STEPS = 256 /* of one call */ };

static session apply_begin(const network *net, eddy_params *params, int threads) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_output(m, "loss", network_loss(net, m, t, 0, false));
    const eddy_extent extents[] = {{"t", APPLY_STEPS}};
    return session_begin(m, params, extents, 1, threads);
}

int apply_run(arena *memory, const options *o) {
    const char *path = options_text(o, "data"), *output = options_text(o, "output");
    static const char *const names[] = {"bits"};
    folder home = folder_open(memory, o->operands[0]);
    checkpoint at;
    if (!path)
        cli_fail(CLI_USAGE, "nothing to read: --data FILE is missing\nTry 'eddy run --help'.");
    if (output)
        table_check_name(output);
    data set = data_read_text_in(memory, path, &home.symbols);
    eddy_params *params =
        checkpoint_load(folder_weights(&home, options_text(o, "checkpoint")), &at);
    int threads = options_given(o, "threads") ? (int)options_integer(o, "threads") : -1;
    session s = apply_begin(&home.net, params, threads);
    int32_t x[APPLY_STEPS], y[APPLY_STEPS];
    float *bits = arena_array(memory, float, set.rows + 1);
    double sum = 0;
    streams rows;
    streams_all(&rows, 0, set.rows, 1, APPLY_STEPS);
    session_input(&s, "x", x, APPLY_STEPS);
    session_input(&s, "y", y, APPLY_STEPS);
    for (size_t block = 0, row = 0; block < rows.blocks; block++) {
        size_t real = streams_fill(&rows, block, set.x, 4, x, NULL);
        streams_fill(&rows, block, set.y, 4, y, NULL);
        session_call(&s);
        const float *loss = eddy_run_read(s.run, "loss");
        for (size_t k = 0; k < real; k++, row++) {
            bits[row] = (float)((double)loss[k] / log(2.0));
            sum += (double)loss[k];
        }
    }
    printf("%s: %zu symbols, %.4f bits each\n", path, set.rows,
           set.rows ? sum / (double)set.rows / log(2.0) : 0);
    if (output)
        table_write(memory, output, bits, set.rows, 1, names);
    session_end(&s);
    eddy_params_free(params);
    folder_close(&home);
    return CLI_DONE;
}
