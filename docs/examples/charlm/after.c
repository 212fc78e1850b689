/* What is done with the trained parameters: three more programs of the same cell.
 *
 * Evaluation differs from training in its extents, in streams that end early (lengths), and in
 * having no optimiser. Sampling has no input: the symbol is a state of the loop, drawn from what
 * the cell says about the one before. The flow of the gradient asks for the derivative by a value
 * in the middle of the graph, the state at each step: the chart tells how far back the loss at the
 * last step still sees. */
#include <math.h>

#include "charlm/charlm.h"
#include "common/batches.h"
#include "common/progress.h"
#include "common/session.h"

enum { TEST_STREAMS = 16, TEST_STEPS = 256, TEST = TEST_STREAMS * TEST_STEPS };
enum { FLOW_STREAMS = 32, FLOW_STEPS = 256, FLOW = FLOW_STREAMS * FLOW_STEPS };
enum { SAMPLED = 400 };

static void evaluation(eddy_model *m, const void *model) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_carry(m, t, b);
    eddy_output(m, "nats", eddy_total(charlm_loss(m, model, t, b, NULL), t | b));
}

double charlm_evaluate(const charlm *model, double *compiled) {
    static int32_t inputs[TEST], targets[TEST], lengths[TEST_STREAMS];
    const corpus *text = model->text;
    const eddy_extent extents[] = {{"t", TEST_STEPS}, {"b", TEST_STREAMS}, {NULL, 0}};
    session s = session_begin(evaluation, model, model->params, extents);
    *compiled += s.milliseconds;
    eddy_run_input(s.run, "input", inputs, TEST);
    eddy_run_input(s.run, "target", targets, TEST);
    eddy_run_input(s.run, "lengths", lengths, TEST_STREAMS);

    batches plan = {0};
    batches_for_evaluation(&plan, text->test, text->test_length, CORPUS_END, TEST_STREAMS,
                           TEST_STEPS);
    double nats = 0, read = 0;
    for (size_t block = 0; block < plan.blocks; block++) {
        read += (double)batches_fill(&plan, block, inputs, targets, lengths);
        nats += *(const float *)session_call(&s, "nats");
    }
    session_end(&s);
    return nats / read / log(2.0);
}

static void sampling(eddy_model *m, const void *model) {
    eddy_axes t = eddy_time(m, "t");
    eddy_value symbol = eddy_state_from("symbol", t, eddy_integer(m, CORPUS_END));
    eddy_value logits = charlm_cell(m, model, t, symbol, NULL);
    eddy_value cooled = eddy_scale(logits, 1.25); /* a little more careful than it learned to be */
    eddy_value drawn = eddy_categorical("place", cooled, eddy_random(m, t, EDDY_SCALAR));
    eddy_next(symbol, drawn);
    eddy_output(m, "text", drawn);
}

void charlm_sample(const charlm *model, double *compiled) {
    const eddy_extent extents[] = {{"t", SAMPLED}, {NULL, 0}};
    session s = session_begin(sampling, model, model->params, extents);
    *compiled += s.milliseconds;
    eddy_run_scalar(s.run, "seed", 1);
    const int32_t *drawn = session_call(&s, "text");
    printf("%d characters, sampled:\n\n", SAMPLED);
    corpus_print(stdout, model->text, drawn, SAMPLED);
    printf("\n\n");
    session_end(&s);
}

static void flow(eddy_model *m, const void *model) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_value h, loss = charlm_loss(m, model, t, b, &h);
    eddy_value reaching = eddy_gradient(eddy_last(loss, t), h);
    eddy_value squares = eddy_reduce_all(eddy_square(reaching), EDDY_SUM);
    eddy_output(m, "flow", eddy_sqrt(eddy_total(squares, b)));
}

void charlm_flow(const charlm *model, double *compiled) {
    static const char *const labels[] = {"0", "1", "2", "4", "8", "16", "32", "64", "128"};
    static const int lags[] = {0, 1, 2, 4, 8, 16, 32, 64, 128};
    enum { BARS = sizeof lags / sizeof lags[0] };
    static int32_t inputs[FLOW], targets[FLOW];
    const corpus *text = model->text;
    const eddy_extent extents[] = {{"t", FLOW_STEPS}, {"b", FLOW_STREAMS}, {NULL, 0}};
    session s = session_begin(flow, model, model->params, extents);
    *compiled += s.milliseconds;
    eddy_run_input(s.run, "input", inputs, FLOW);
    eddy_run_input(s.run, "target", targets, FLOW);

    batches plan = {0};
    batches_for_evaluation(&plan, text->test, text->test_length, CORPUS_END, FLOW_STREAMS,
                           FLOW_STEPS);
    batches_fill(&plan, 0, inputs, targets, NULL);
    const float *norms = session_call(&s, "flow");
    double values[BARS];
    for (int i = 0; i < BARS; i++)
        values[i] = norms[FLOW_STEPS - 1 - lags[i]];
    progress_bars(stdout,
                  "gradient of the last loss by the state so many characters earlier:", labels,
                  values, BARS, 40);
    printf("\n");
    session_end(&s);
}
